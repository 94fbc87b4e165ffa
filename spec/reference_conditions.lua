-- Conditions on one value for the reference scorer, and the types that they settle (section 4): how data is read, what
-- the operators mean. Called by spec/reference.lua; written from the language, like all of the reference.

local basics = require("spec.reference_values")
local related = require("spec.reference_related")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

local min = math.min
local decimal, span, time, trim = basics.decimal, basics.span, basics.time, basics.trim
local fold, is_utf8, RELATIONS = basics.fold, basics.is_utf8, related.RELATIONS

local function equal(text, literal)
    return fold(text) == fold(trim(tostring(literal)))
end

-- Values in data -----------------------------------------------------------------------------------------------------

--- READ[type](cell or Lua value, now) is the value, nil when unknown.
local READ = { datetime = time, text = basics.text }

function READ.number(value)
    local text = READ.text(value) or ""
    local plain = text:gsub("^[+-]", ""):gsub("[eE][+-]?%d+$", "")
    local fits = plain:find("^%d+$") or plain:find("^%d*%.%d+$")
    return fits and tonumber((text:gsub("^%+", ""))) + 0.0 or nil
end

local BOOLEANS = { ["true"] = true, yes = true, ["1"] = true, ["false"] = false, no = false, ["0"] = false }

function READ.boolean(value)
    return BOOLEANS[(READ.text(value) or ""):lower()]
end

function READ.set(value)
    local parts, seen, values = type(value) == "table" and value or {}, {}, {}
    for part in (parts == value and "" or READ.text(value) or ""):gmatch("[^;]+") do
        parts[#parts + 1] = part
    end
    for _, part in ipairs(parts) do
        local text = READ.text(part)
        if text and not seen[fold(text)] then
            seen[fold(text)], values[#values + 1] = true, text
        end
    end
    return values[1] and values or nil
end

-- Conditions. Kleene's values are numbers: AND is the least, OR the greatest, NOT the difference from TRUE. ----------

local FALSE, UNKNOWN, TRUE = 0, 0.5, 1

local function truth(holds) return holds and TRUE or FALSE end

local function list_of(value) return type(value) == "table" and value or { value } end

--- Does a test hold of an item of a list, or of the one value?
local function any(list, test, with)
    for _, item in ipairs(list_of(list)) do
        if test(item, with) then return true end
    end
    return false
end

local function negate(test)
    return function(...) return not test(...) end
end

local function number_operators(lift)
    local operators = {
        more_than = function(value, literal) return lift(literal) < value end,
        at_least = function(value, literal) return lift(literal) <= value end,
        between = function(value, pair) return lift(pair[1]) <= value and value <= lift(pair[2]) end,
        is = function(value, list) return any(list, function(literal) return lift(literal) == value end) end,
    }
    operators.any_of, operators.is_not, operators.none_of = operators.is, negate(operators.is), negate(operators.is)
    operators.at_most, operators.less_than = negate(operators.more_than), negate(operators.at_least)
    operators.not_between = negate(operators.between)
    return operators
end

-- A test of a text with a literal, byte for byte, as an operator of texts and of sets: is it so for some value and some
-- literal? Both are folded, or left as bytes as soon as one of them is not UTF-8.
local function some(test, prepare)
    return function(values, literals)
        return any(values, function(value)
            return any(literals, function(literal)
                literal = prepare and prepare(tostring(literal)) or literal
                local folding = is_utf8(value) and is_utf8(literal)
                return test(folding and fold(value) or value, folding and fold(literal) or literal)
            end)
        end)
    end
end

local function text_operators()
    local operators = {
        any_of = some(function(value, literal) return value == literal end, trim),
        contains = some(function(value, literal) return value:find(literal, 1, true) end),
        starts_with = some(function(value, literal) return value:sub(1, #literal) == literal end),
        ends_with = some(function(value, literal) return #literal <= #value and value:sub(-#literal) == literal end),
    }
    operators.is, operators.is_not = operators.any_of, negate(operators.any_of)
    operators.none_of, operators.not_contains = operators.is_not, negate(operators.contains)
    return operators
end

--- OPERATORS[type][operator](value, literal, at); a "score" is a number in exact millionths.
local OPERATORS = {
    text = text_operators(),
    set = text_operators(),
    number = number_operators(function(literal) return tonumber(literal) + 0.0 end),
    score = number_operators(decimal),
    boolean = { is = function(value, literal) return tostring(value) == tostring(literal) end },
    datetime = {
        before = function(value, literal) return value < time(literal) end,
        after = function(value, literal) return value > select(2, time(literal)) end,
        between = function(value, pair) return time(pair[1]) <= value and value <= select(2, time(pair[2])) end,
        in_last = function(value, length, at) return value <= at and at - value < span(length) end,
        more_than_ago = function(value, length, at) return at - value >= span(length) end,
        in_next = function(value, length, at) return value > at and value - at <= span(length) end,
        more_than_ahead = function(value, length, at) return value - at > span(length) end,
    },
}
local datetime = OPERATORS.datetime
datetime.is = function(value, literal) return datetime.between(value, { literal, literal }) end
datetime.is_not, datetime.not_between = negate(datetime.is), negate(datetime.between)
OPERATORS.boolean.is_not = negate(OPERATORS.boolean.is)
OPERATORS.set.all_of = function(values, literals)
    return not any(literals, function(literal) return not any(values, equal, literal) end)
end
OPERATORS.set.exactly = function(values, literals)
    return OPERATORS.set.all_of(values, literals)
        and not any(values, function(value) return not any(literals, function(one) return equal(value, one) end) end)
end

local function operators_of(condition)
    if type(condition) ~= "table" then return { is = condition } end
    return condition[1] ~= nil and { any_of = condition } or condition
end

local NO_TEST = { known = true, missing = true, points = true } -- a band's points stand among its operators

--- What a condition says of a value, which is nil when unknown.
function M.test(kind, value, condition, at)
    local operators, result = operators_of(condition), TRUE
    for operator, literal in pairs(operators) do
        if not NO_TEST[operator] then
            result = min(result, value == nil and UNKNOWN or truth(OPERATORS[kind][operator](value, literal, at)))
        elseif operator == "known" then
            result = min(result, truth((value ~= nil) == literal))
        end
    end
    return operators.missing and result == UNKNOWN and TRUE or result
end

-- Types of properties, settled per definition -------------------------------------------------------------------------

--- The words that join filters.
local COMBINERS = { all = true, any = true, none = true }
local PROVES = { before = "datetime", after = "datetime", in_last = "datetime", more_than_ago = "datetime",
    in_next = "datetime", more_than_ahead = "datetime", all_of = "set", exactly = "set" }
local TAKES_DATE = { is = true, is_not = true, between = true, not_between = true }
local STRENGTH = { string = 0, text = 0, set = 1, boolean = 2, number = 3, datetime = 4 }

local function prove(kinds, key, operator, literal)
    local shaped = TAKES_DATE[operator] and type(literal) == "string" and literal:find("^%s*%d%d%d%d%-%d%d%-%d%d")
    local kind = PROVES[operator] or shaped and time(literal) and "datetime" or type(literal)
    if STRENGTH[kind] > STRENGTH[kinds[key] or "text"] then kinds[key] = kind end
end

local function prove_condition(kinds, key, condition)
    for operator, literals in pairs(operators_of(condition)) do
        for _, literal in ipairs(NO_TEST[operator] and {} or list_of(literals)) do
            prove(kinds, key, operator, literal)
        end
    end
end

local function prove_filter(kinds, owner, filter)
    for key, condition in pairs(filter or {}) do
        if COMBINERS[key] then
            for _, inner in ipairs(condition) do
                prove_filter(kinds, owner, inner)
            end
        elseif owner ~= "event" and (key == "did" or key == "did_not") then
            prove_filter(kinds, "event", type(condition) == "table" and condition.where)
        elseif RELATIONS[owner][key] then
            prove_filter(kinds, RELATIONS[owner][key], select(2, related.split(condition)))
        elseif owner == "event" or not (key == "in_list" or key == "not_in_list" or key:find("^score:")) then
            prove_condition(kinds, owner .. "." .. key:gsub("^property:", ""), condition)
        end
    end
end

local function prove_rule(kinds, owner, rule)
    local other = rule.over and RELATIONS[owner][rule.over.relation or "contacts"] or RELATIONS[owner].contacts
    local key = (rule.event and "event" or rule.over and other or owner) .. "." .. tostring(rule.property)
    prove_filter(kinds, owner, rule.when)
    prove_filter(kinds, "event", rule.where)
    prove_filter(kinds, other, rule.over and rule.over.where)
    for _, band in ipairs(rule.bands or {}) do
        prove_condition(kinds, key, band)
    end
    for literal in pairs(rule.points_by or {}) do
        prove(kinds, key, "points_by", literal)
    end
    if rule.of and not rule.of:find("^score:") then
        prove(kinds, other .. "." .. rule.of:gsub("^property:", ""), "of", 0)
    end
end

--- The types that a definition's properties have: kinds["owner.property"], text unless said.
function M.settle_kinds(definition)
    local owner, kinds = definition.object or "contact", {}
    prove_filter(kinds, owner, definition.scope)
    for _, group in ipairs(definition.groups) do
        for _, rule in ipairs(group.rules) do
            prove_rule(kinds, owner, rule)
        end
    end
    for name, kind in pairs(definition.properties or {}) do
        local leader = name:match("^(%a+)%.")
        local led = leader == "event" or leader == "contact" or leader == "company" or leader == "deal"
        kinds[led and name or owner .. "." .. name] = kind
    end
    return kinds
end

M.READ, M.OPERATORS, M.COMBINERS, M.TRUE, M.truth, M.any = READ, OPERATORS, COMBINERS, TRUE, truth, any

return M
