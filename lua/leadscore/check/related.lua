-- Rules over associated records: `over` and `combine` of event and property rules, and rollup rules.

if jit then jit.off(true, true) end -- see leadscore.check.context

local condition = require("leadscore.check.condition")
local context = require("leadscore.check.context")
local filter = require("leadscore.check.filter")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local relation = require("leadscore.check.relation")
local schema = require("leadscore.schema")

local M = {}

local by_type, show = readers.by_type, context.show
local types, is_set = schema.types, readers.is_set

local OWN_EVENTS = "an event rule of a contact reads the contact's own events"

-- Over ---------------------------------------------------------------------------------------------------------------

-- `over.relation` is judged by the rule that it is in, in check_relation.
function by_type.relation(_, value)
    return value
end

function by_type.related_filter(check, value)
    return check.over_object and filter.inside(check, value, "over", check.over_object)
end

-- A rule's relation and the object that it leads to, which event rules need to be contacts.
local function check_relation(check, rule)
    local object, name = check.object, relation.of_rule(check.object, rule)
    local to = is_set(rule.event) and "contact" or nil
    local target = relation.target(object, name)
    if target and (not to or target == to) then return name, target end
    local names = relation.names(object, to)
    check:expected_at("relation", ("a relation of a %s%s (%s)"):format(object, to and " to contacts" or "",
        table.concat(names, ", ")), show(name), nearest.name(name, names))
    return nil, nil
end

function by_type.over(check, value, _, rule)
    if type(value) ~= "table" or next(value) == nil or value[1] ~= nil then
        return readers.wrong(check, "over", value)
    elseif is_set(rule.event) and check.object == "contact" then
        return check:refuse(OWN_EVENTS)
    end
    local name, target = check_relation(check, rule)
    check.over_object = target
    local over = readers.table(check, value, "over")
    check.over_object = nil
    return { related = name, labelled = over.labelled, where = over.where }
end

--- Settles `over` and `combine` of an event rule: a company's and a deal's always has them.
---@param check table
---@param raw table
---@param rule table what was read, changed in place
function M.finish_event_rule(check, raw, rule)
    if check.object == "contact" then
        if is_set(raw.combine) then check:refuse_at("combine", OWN_EVENTS) end
        return
    end
    if not is_set(raw.over) then rule.over = { related = relation.of_rule(check.object, raw) } end
    if not is_set(raw.combine) then rule.combine = "sum" end
end

--- Settles `combine` of a property rule.
---@param check table
---@param raw table
---@param rule table what was read, changed in place
function M.finish_property_rule(check, raw, rule)
    if not is_set(raw.over) then
        if is_set(raw.combine) then check:refuse_at("combine", "only with over: it combines associated records") end
    elseif not is_set(raw.combine) then
        rule.combine = "sum"
    end
end

-- Rollups ------------------------------------------------------------------------------------------------------------

local NUMBERS = {}
for _, part in ipairs(schema.parts) do
    if part ~= "label" then NUMBERS[#NUMBERS + 1] = part end
end

local function read_score(check, value, object)
    local name, part = filter.score(check, value, NUMBERS, "a part of a score that is a number")
    if not name then return nil end
    check:note_score({ name = name, part = part, object = object })
    return { score = name, part = part }
end

-- The object is told by the relation: a name such as `contact.employees` would be taken whole.
local function check_column(check, value)
    local owner, name = value:match("^(%l+)%.(.+)$")
    if not owner or not (schema.relations[owner] or owner == "event") then return true end
    check:expected("the name of a number column", show(value), name,
        ('for a column of that whole name write "property:%s"'):format(value))
    return false
end

local function read_column(check, value, object)
    if not check_column(check, value) then return nil end
    local subject = condition.property(check, object, value:match("^property:(.*)$") or value)
    if subject.kind ~= "number" then
        return check:expected("a number column", show(value), nil,
            ("%s is declared as %s"):format(subject.name, subject.kind))
    end
    return { property = subject.name }
end

function by_type.of(check, value, _, rule)
    if type(value) ~= "string" or readers.trim(value:gsub("^property:", "")) == "" then
        return readers.wrong(check, "of", value)
    end
    local object = relation.target(check.object, relation.of_rule(check.object, rule))
    if not object then return nil end
    return (value:find("^score:") and read_score or read_column)(check, value, object)
end

-- Read when it is known what is compared.
function by_type.comparison(_, value)
    return value
end

local COMPARISONS = { "at_least", "at_most", "between" }

-- The comparisons of a count as a condition on what is counted.
local function check_comparisons(check, raw, rule)
    local asked = {}
    for _, name in ipairs(COMPARISONS) do
        rule[name] = nil
        if is_set(raw[name]) and rule.rollup ~= "count" then
            check:refuse_at(name, 'only with rollup = "count"')
        elseif is_set(raw[name]) and not is_set(raw.of) then
            check:refuse_at(name, "only with of: it tells what is compared")
        else
            asked[name] = raw[name]
        end
    end
    if not rule.of or next(asked) == nil then return end
    local subject = rule.of.score and condition.score("value") or check.subjects[rule.of.property]
    rule.is = condition.condition(check, asked, subject)
end

--- Settles a rollup rule.
---@param check table
---@param raw table
---@param rule table what was read, changed in place
function M.finish_rollup_rule(check, raw, rule)
    if not is_set(raw.over) then
        local name = relation.of_rule(check.object, raw)
        rule.over = name and { related = name }
        if not name then check:expected_at("over", types.over.expected, "nothing") end
    end
    if not rule.rollup then return end
    if rule.rollup == "count" then
        if is_set(raw.top) then check:refuse_at("top", 'not beside rollup = "count"') end
    elseif not is_set(raw.of) then
        check:expected_at("of", types.of.expected, "nothing")
    end
    check_comparisons(check, raw, rule)
    if rule.weight == 1 then rule.weight = nil end
end

return M
