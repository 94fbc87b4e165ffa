-- Relations of objects, as the raw tables name them: to which object a rule's `over` leads, and whether what stands
-- under a relation's name is meant as a filter. The walk over types and the readers both ask.

if jit then jit.off(true, true) end -- see leadscore.check.context

local readers = require("leadscore.check.readers")
local schema = require("leadscore.schema")

local M = {}

local is_set = readers.is_set

-- Event rules and rollups of companies and deals go over contacts unless a relation is said.
local function default_relation(object, rule)
    local has_default = object ~= "contact" and (is_set(rule.event) or is_set(rule.rollup))
    return has_default and "contacts" or nil
end

--- The relation that a rule goes over: what it says or the default; nil when there is none.
---@param object string the scored object
---@param rule table raw
---@return any relation
function M.of_rule(object, rule)
    local over = rule.over
    local said = type(over) == "table" and over.relation or nil
    if is_set(said) then return said end
    return default_relation(object, rule)
end

--- The object that a relation leads to; nil when it is no relation of the object.
---@param object string
---@param relation any
---@return string|nil
function M.target(object, relation)
    return type(relation) == "string" and schema.relations[object][relation] or nil
end

--- The owner of the property that a rule's `property` names; nil when `over` does not tell.
---@param object string the scored object
---@param rule table raw
---@return string|nil
function M.owner(object, rule)
    if is_set(rule.event) then return "event" end
    if not is_set(rule.over) then return object end
    return M.target(object, M.of_rule(object, rule))
end

--- The names of an object's relations, in order.
---@param object string
---@param to string|nil only those that lead to this object
---@return string[]
function M.names(object, to)
    local names = {}
    for _, row in ipairs(schema.relation_rows[object]) do
        if not to or row[2] == to then names[#names + 1] = row[1] end
    end
    return names
end

local function is_operator(name)
    if schema.common_operators[name] then return true end
    for _, kind in pairs(schema.property_types) do
        if kind.operators[name] then return true end
    end
    return false
end

--- Whether a value under a relation's name is a condition, as if the relation were a column.
---@param value any
---@return boolean
function M.is_condition(value)
    if type(value) ~= "table" or value[1] ~= nil then return true end
    for name in next, value do
        if is_operator(name) then return true end
    end
    return false
end

--- Whether a value can only be a filter on associated records: a table of names of which none is an operator.
---@param value any
---@return boolean
function M.is_filter(value)
    if type(value) ~= "table" or next(value) == nil then return false end
    for name in next, value do
        if type(name) ~= "string" then return false end
    end
    return not M.is_condition(value)
end

--- What stands under a relation's name: the words beside the inner filter, and the inner filter.
---@param value table
---@return table words
---@return table filter
function M.split(value)
    local beside, inner = {}, {}
    for key, entry in next, value do
        if schema.relation_words[key] then
            beside[key] = entry
        else
            inner[key] = entry
        end
    end
    return beside, inner
end

return M
