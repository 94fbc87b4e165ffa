-- Filters: a table whose entries must all hold, on a record or on an event. The canonical filter has one kind of node
-- for each kind of entry; the names of the nodes are in the contract of the canonical form.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local condition = require("leadscore.check.condition")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local relation = require("leadscore.check.relation")
local schema = require("leadscore.schema")

local M = {}

local null, show, trim, find = core.null, context.show, readers.trim, string.find
local words, event_words = schema.words, schema.event_words
local filter

local function has_entries(raw)
    for _, value in next, raw do
        if value ~= null then return true end
    end
    return false
end

local function read_filters(check, value, owner)
    local length = readers.list_length(value)
    if not length then return check:expected("a list of filters", show(value)) end
    local nodes = {}
    for i = 1, length do
        check:push(i)
        nodes[#nodes + 1] = filter(check, value[i], owner)
        check:pop()
    end
    return nodes[1] and nodes
end

local function list_name(check, value)
    if type(value) ~= "string" or trim(value) == "" then return check:expected("the name of a list", show(value)) end
    if value:find("%z") then return check:expected("the name of a list without zero bytes", show(value)) end
    check.lists[value] = true
    return value
end

local function read_lists(check, value, member)
    local names
    if type(value) == "table" then
        names = readers.list(check, value, "the name of a list, or a list of names", list_name)
    else
        names = { list_name(check, value) }
    end
    return names and names[1] and { list = names, member = member }
end

local READ = {
    all = function(check, value, owner)
        local nodes = read_filters(check, value, owner)
        return nodes and { all = nodes }
    end,
    any = function(check, value, owner)
        local nodes = read_filters(check, value, owner)
        return nodes and { any = nodes }
    end,
    none = function(check, value, owner)
        local nodes = read_filters(check, value, owner)
        return nodes and { none = nodes }
    end,
    in_list = function(check, value) return read_lists(check, value, true) end,
    not_in_list = function(check, value) return read_lists(check, value, false) end,
    did = function(check, value)
        local did = readers.by_type.events(check, value)
        return did and { did = did, done = true }
    end,
    did_not = function(check, value)
        local did = readers.by_type.events(check, value)
        return did and { did = did, done = false }
    end,
}

--- Reads a filter on associated records, inside of which relations are not: they do not nest.
---@param check table
---@param raw any
---@param name string the relation, for messages
---@param object string whose properties it names
---@return table|nil node
function M.inside(check, raw, name, object)
    check.inside = name
    local node = filter(check, raw, object)
    check.inside = nil
    return node
end

local function refuse_relation(check, name, value)
    local column = ('for a column of that name write ["property:%s"]'):format(name)
    if check.inside then
        return check:refuse(("%s is a relation, and relations do not nest; %s"):format(name, column))
    end
    check:expected(("a filter on the associated records, since %s is a relation"):format(name), show(value), nil,
        column)
end

-- What stands beside the inner filter. `every` with no filter to hold asks nothing more than that there is a record.
local function read_beside(check, raw, inner)
    local beside = next(raw) ~= nil and readers.table(check, raw, "related") or {}
    if readers.is_set(raw.every) and readers.is_set(raw.count) then check:refuse_at("every", "not beside count") end
    beside.every = beside.every and has_entries(inner) or nil
    return beside
end

local function read_relation(check, name, value, owner)
    if check.inside or relation.is_condition(value) then return refuse_relation(check, name, value) end
    local raw, inner = relation.split(value)
    local node = read_beside(check, raw, inner)
    node.related = name
    if has_entries(inner) then
        node.filter = M.inside(check, inner, name, schema.relations[owner][name])
    elseif not readers.is_set(raw.count) and not readers.is_set(raw.labelled) then
        return check:expected("a filter on the associated records, or count or labelled", show(value))
    end
    return node
end

local function valid_part(part, parts)
    for _, known in ipairs(parts) do
        if part == known then return true end
    end
    return false
end

--- Reads `score:NAME` or `score:NAME.PART`.
---@param check table
---@param text string
---@param parts string[] which may be named
---@param expected string what such a part is, for messages
---@return string|nil name
---@return string|nil part
function M.score(check, text, parts, expected)
    local name, part = text:match("^score:([^.]*)%.?(.*)$")
    if not text:find(".", 1, true) then return name, "value" end
    if valid_part(part, parts) then return name, part end
    check:expected(("%s (%s)"):format(expected, table.concat(parts, ", ")), show(part), nearest.name(part, parts))
    return nil, nil
end

local function read_score(check, key, value, owner)
    local name, part = M.score(check, key, schema.parts, "a part of a score")
    if not name then return nil end
    check:note_score({ name = name, part = part, object = owner, inside = check.inside })
    return { is = condition.condition(check, value, condition.score(part)), part = part, score = name }
end

local function read_property(check, name, value, owner)
    local subject = condition.property(check, owner, name)
    return { is = condition.condition(check, value, subject), property = subject.name }
end

-- `["property:x"]`; a second spelling of the same column as `x` is refused.
local function read_spelt_out(check, raw, name, value, owner, reserved)
    if trim(name) == "" then return check:expected("the name of a property", show(name)) end
    local bare = not reserved[name] and not name:find("^property:")
        and not (owner ~= "event" and (schema.relations[owner][name] or name:find("^score:")))
    if bare and raw[name] ~= nil then
        return check:refuse(("the same property as %s: write its conditions in one table"):format(show(name)))
    end
    return read_property(check, name, value, owner)
end

local function read_entry(check, raw, key, value, owner)
    local on_event = owner == "event"
    local reserved = on_event and event_words or words
    if type(key) ~= "string" or key == "" then
        return check:expected("the name of a property", show(key))
    elseif reserved[key] then
        return READ[key](check, value, owner)
    end
    local prefixed = find(key, ":", 1, true)
    if prefixed and find(key, "^property:") then
        return read_spelt_out(check, raw, key:sub(10), value, owner, reserved)
    elseif on_event then
        return read_property(check, key, value, owner)
    elseif prefixed and find(key, "^score:") then
        return read_score(check, key, value, owner)
    elseif schema.relations[owner][key] then
        return read_relation(check, key, value, owner)
    elseif not check.inside and relation.is_filter(value) then
        local near = nearest.name(key, relation.names(owner))
        if near then return check:expected("a relation, since a filter stands here", show(key), near) end
    end
    return read_property(check, key, value, owner)
end

--- Reads a filter on records of an object, or on events.
---@param check table
---@param raw any
---@param owner string "contact", "company", "deal" or "event"
---@return table|nil node of the canonical form
function M.filter(check, raw, owner)
    if type(raw) ~= "table" or not has_entries(raw) or raw[1] ~= nil then
        return readers.wrong(check, "filter", raw)
    end
    local nodes, count, stack, depth = nil, 0, check.stack, check.depth + 1
    check.depth = depth
    for key, value in next, raw do
        if value ~= null then
            stack[depth] = key
            local node = read_entry(check, raw, key, value, owner)
            if node then
                count = count + 1
                if count == 1 then nodes = { node } else nodes[count] = node end
            end
        end
    end
    check.depth = depth - 1
    if count > 1 then return { all = nodes } end
    return nodes and nodes[1]
end
filter = M.filter

--- `where` is a filter on events, all others are on the scored object.
function readers.by_type.filter(check, value, key)
    return filter(check, value, key.name == "where" and "event" or check.object)
end

return M
