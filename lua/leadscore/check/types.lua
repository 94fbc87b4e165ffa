-- Settles the type of every property of a definition (section 4): declared ones first, then what literals and operators
-- prove, the stronger proof first, else text. It walks the definition without judging it: what does not fit the settled
-- type, or any other mixture, is noted when that condition is checked.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local relation = require("leadscore.check.relation")
local schema = require("leadscore.schema")

local M = {}

local null, show = core.null, context.show
local proofs, dated, words, event_words = schema.proofs, schema.dated, schema.words, schema.event_words

local STRENGTH = { set = 1, datetime = 2, boolean = 3, number = 4 }
local LITERAL = { number = "number", boolean = "boolean" }

-- Operators of numbers alone: a text literal there is wrong, and said to be, rather than making a text of the property.
local NUMERIC = { more_than = true, at_least = true, less_than = true, at_most = true }

-- Operators that take literals, of which more than one type has most.
local TAKES_LITERALS = {}
for _, kind in pairs(schema.property_types) do
    for name, operator in pairs(kind.operators) do
        TAKES_LITERALS[name] = operator.takes ~= "span" or nil
    end
end

local function prove(check, property, kind)
    local known = check.types[property]
    if kind and not check.declared[property] and (not known or STRENGTH[known] < STRENGTH[kind]) then
        check.types[property] = kind
    end
end

local function has_date_shape(text)
    local rest = text:match("^[ \t\r\n]*%d%d%d%d%-%d%d%-%d%d(.-)[ \t\r\n]*$")
    return rest and (rest == "" or rest:find("^[T ]%d%d:%d%d") ~= nil)
end

local function prove_literal(check, property, operator, literal)
    local kind = LITERAL[type(literal)]
    if kind then
        prove(check, property, kind)
    elseif dated[operator] and type(literal) == "string" and has_date_shape(literal) then
        prove(check, property, "datetime")
    end
end

local function prove_operator(check, property, operator, value)
    local proof = proofs[operator]
    if proof then
        prove(check, property, proof)
    elseif NUMERIC[operator] then
        prove(check, property, "number")
    elseif not TAKES_LITERALS[operator] then
        return
    elseif type(value) ~= "table" then
        prove_literal(check, property, operator, value)
    else
        local i = 1
        while value[i] ~= nil do
            prove_literal(check, property, operator, value[i])
            i = i + 1
        end
    end
end

local function prove_condition(check, property, condition)
    if type(condition) ~= "table" then
        prove_literal(check, property, "is", condition)
    elseif condition[1] ~= nil then
        prove_operator(check, property, "any_of", condition)
    else
        for operator, value in next, condition do
            prove_operator(check, property, operator, value)
        end
    end
end

local walk_filter

local function walk_relation(check, object, value)
    if relation.is_condition(value) then return end
    local _, inner = relation.split(value)
    walk_filter(check, object, inner)
end

local function walk_filters(check, owner, filters)
    if type(filters) ~= "table" then return end
    for _, inner in ipairs(filters) do
        walk_filter(check, owner, inner)
    end
end

local function walk_word(check, owner, word, value)
    if word == "did" or word == "did_not" then
        if type(value) == "table" then walk_filter(check, "event", value.where) end
    elseif event_words[word] then
        walk_filters(check, owner, value)
    end
end

function walk_filter(check, owner, filter)
    if type(filter) ~= "table" then return end
    local reserved = owner == "event" and event_words or words
    local relations = schema.relations[owner]
    for key, value in next, filter do
        if reserved[key] then
            walk_word(check, owner, key, value)
        elseif relations and relations[key] then
            walk_relation(check, relations[key], value)
        elseif type(key) == "string" and not (relations and key:find("score:", 1, true) == 1) then
            local name = key:find("property:", 1, true) == 1 and key:sub(10) or key
            prove_condition(check, check:qualify(owner, name), value)
        end
    end
end

local function walk_choice(check, rule)
    local owner = relation.owner(check.object, rule)
    if not owner then return end
    local property = check:qualify(owner, rule.property)
    if type(rule.points_by) == "table" then
        for key in next, rule.points_by do
            prove_literal(check, property, "points_by", key)
        end
    end
    if type(rule.bands) == "table" then
        for _, band in ipairs(rule.bands) do
            if type(band) == "table" then prove_condition(check, property, band) end
        end
    end
end

-- What a rollup goes over is a number, and `over` has a filter on the associated record.
local function walk_over(check, rule)
    local object = relation.target(check.object, relation.of_rule(check.object, rule))
    if not object then return end
    if type(rule.over) == "table" then walk_filter(check, object, rule.over.where) end
    local of = readers.is_set(rule.rollup) and rule.of
    if type(of) == "string" and not of:find("^score:") then
        prove(check, check:qualify(object, of:match("^property:(.*)$") or of), "number")
    end
end

local function walk_rule(check, rule)
    if type(rule) ~= "table" then return end
    if rule.over or rule.rollup then walk_over(check, rule) end
    if rule.when then walk_filter(check, check.object, rule.when) end
    if rule.where then walk_filter(check, "event", rule.where) end
    if type(rule.property) == "string" then walk_choice(check, rule) end
end

local function walk_groups(check, groups)
    if type(groups) ~= "table" then return end
    for _, group in ipairs(groups) do
        if type(group) == "table" and type(group.rules) == "table" then
            for _, rule in ipairs(group.rules) do
                walk_rule(check, rule)
            end
        end
    end
end

local function qualified_name(check, name)
    local owner, rest = name:match("^(%a+)%.(.+)$")
    if owner and schema.owners[owner] then return check:qualify(owner, rest) end
    return check:qualify(check.object, name)
end

local function declare(check, name, kind)
    if type(name) ~= "string" or readers.trim(name) == "" then
        return check:expected("the name of a property", show(name))
    elseif type(kind) ~= "string" or not schema.property_types[kind] then
        return check:expected('"text", "number", "boolean", "datetime" or "set"', show(kind),
            nearest.name(kind, schema.property_types))
    end
    local property = qualified_name(check, name)
    local given = check.fixed[property]
    if given and kind ~= given then
        check:expected(show(given) .. ", the type of " .. property, show(kind))
    elseif check.declared[property] and not given then
        check:refuse("declared twice: " .. property)
    else
        check.types[property], check.declared[property] = kind, name
    end
end

-- In the order of the names, so that of two spellings of a name it is always the same that is refused.
local function declare_all(check, raw)
    local names = {}
    for name in next, raw do
        names[#names + 1] = name
    end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do
        check:push(name)
        if raw[name] ~= null then declare(check, name, raw[name]) end
        check:pop()
    end
end

-- The declarations are read before anything else, so that all else is read by them.
function readers.by_type.properties()
    return nil
end

--- Reads the declared types.
---@param check table
---@param definition table plain data
function M.declare(check, definition)
    local value = definition.properties
    if value == nil or value == null then return end
    check:push("properties")
    if type(value) ~= "table" or next(value) == nil then
        readers.wrong(check, "properties", value)
    else
        declare_all(check, value)
    end
    check:pop()
end

--- Settles `check.types` of what is not declared.
---@param check table
---@param definition table plain data
function M.settle(check, definition)
    walk_filter(check, check.object, definition.scope)
    walk_groups(check, definition.groups)
end

--- Starts a check's types with those that are given: an event's own name and time.
---@param check table
function M.begin(check)
    check.fixed = {}
    for name, kind in pairs(schema.event_properties) do
        local property = "event." .. name
        check.fixed[property], check.types[property], check.declared[property] = kind, kind, name
    end
end

-- The names of an owner's properties that are read and not declared.
local function undeclared(check, owner)
    local names = {}
    for property in next, check.read do
        local own = property:sub(1, #owner) == owner and not check.declared[property]
        if own then names[#names + 1] = property:sub(#owner + 1) end
    end
    return names
end

--- Warns of declared properties that nothing reads, if one that is read has nearly the same name.
---@param check table
---@param raw table the declarations
function M.warn_unused(check, raw)
    if type(raw) ~= "table" then return end
    check:push("properties")
    for name in next, raw do
        local property = type(name) == "string" and qualified_name(check, name)
        if property and not check.read[property] and not check.fixed[property] then
            local near = nearest.name(property:match("%.(.*)$"), undeclared(check, property:match("^%a+%.")))
            check:push(name)
            if near then check:warn('nothing reads it, nearest "' .. near .. '"') end
            check:pop()
        end
    end
    check:pop()
end

return M
