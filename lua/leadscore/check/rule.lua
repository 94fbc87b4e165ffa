-- Rules and groups: which kind a rule is, what its keys exclude, and what a group hands down to its rules.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local condition = require("leadscore.check.condition")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local related = require("leadscore.check.related")
local relation = require("leadscore.check.relation")
local schema = require("leadscore.schema")

local by_type, show = readers.by_type, context.show
local types, is_set = schema.types, readers.is_set

local M = {} -- empty: its readers are found by the types of the schema

-- Points by value and bands ------------------------------------------------------------------------------------------

-- Keys of a table in JSON are texts: one that reads as the property's declared type stands for that value.
local function parsed_key(key, subject)
    if type(key) ~= "string" or not subject.declared then return key end
    if subject.kind == "number" then
        return core.read_number(readers.trim(key)) or key
    elseif subject.kind == "boolean" then
        local booleans = schema.boolean_texts
        local value = booleans[readers.trim(key):lower()]
        if value == nil then return key end
        return value
    end
    return key
end

local function identity(value)
    if type(value) == "string" then return core.fold(value) end
    return type(value) == "table" and value[1] .. " " .. value[2] or value
end

local function in_order(raw)
    local keys = {}
    for key in next, raw do
        keys[#keys + 1] = key
    end
    if #keys > 1 then
        table.sort(keys, function(a, b)
            local x, y = type(a), type(b)
            if x ~= y then return x < y end
            if x == "boolean" then return a and not b end
            return a < b
        end)
    end
    return keys
end

local function canonical_value(value)
    if type(value) == "table" then return { from = value[1], ["until"] = value[2] } end
    return value
end

local function read_choice(check, key, points, subject, seen)
    local value = condition.literal(check, parsed_key(key, subject), subject)
    points = by_type.points(check, points)
    if value == nil then return nil end
    local same = identity(value)
    if seen[same] ~= nil then return check:refuse("the same value as " .. show(seen[same])) end
    seen[same] = key
    return points and { points = points, value = canonical_value(value) }
end

local function subject_of(check, rule)
    local name = rule.property
    if type(name) ~= "string" or readers.trim(name) == "" then return nil end
    local owner = relation.owner(check.object, rule)
    return owner and condition.property(check, owner, name)
end

function by_type.points_by(check, raw, _, rule)
    if type(raw) ~= "table" or next(raw) == nil then return readers.wrong(check, "points_by", raw) end
    local subject, out, seen = subject_of(check, rule), {}, {}
    if not subject then return nil end
    local keys = in_order(raw)
    for i = 1, #keys do
        local key = keys[i]
        check:push(key)
        out[#out + 1] = read_choice(check, key, raw[key], subject, seen)
        check:pop()
    end
    return out
end

local function read_band(check, raw, subject)
    if type(raw) ~= "table" or next(raw) == nil or raw[1] ~= nil then
        return check:expected("a band, such as { at_least = 500, points = 10 }", show(raw))
    end
    local points
    if is_set(raw.points) then
        check:push("points")
        points = by_type.points(check, raw.points)
        check:pop()
    else
        check:expected_at("points", types.points.expected, "nothing")
    end
    return { ["if"] = condition.band(check, raw, subject), points = points }
end

function by_type.bands(check, raw, _, rule)
    local subject = subject_of(check, rule)
    return readers.list(check, raw, types.bands.expected, function(_, band)
        return subject and read_band(check, band, subject)
    end)
end

-- Limits -------------------------------------------------------------------------------------------------------------

--- Reads `{ min =, max = }`.
function by_type.category_limit(check, value)
    if type(value) ~= "table" or next(value) == nil then return readers.wrong(check, "category_limit", value) end
    local limit = readers.table(check, value, "limit")
    if limit.min and limit.max and limit.min > limit.max then
        check:expected("min at most max", ("min %s and max %s"):format(show(limit.min), show(limit.max)))
    end
    return limit
end

function by_type.limit(check, value)
    if type(value) == "table" then
        if next(value) == nil then return readers.wrong(check, "limit", value) end
        return by_type.category_limit(check, value)
    end
    local most = readers.exact(check, value, schema.limits.sum, types.limit.expected)
    if most and most < 0 then return readers.wrong(check, "limit", value) end
    return most and { min = 0 - most, max = most }
end

-- Rules --------------------------------------------------------------------------------------------------------------

local function refuse_beside(check, raw, keys, other)
    for _, key in ipairs(keys) do
        if is_set(raw[key]) then check:refuse_at(key, "not beside " .. other) end
    end
end

-- `property` comes with points_by or bands, one of them; and these with it.
local function check_choice(check, raw)
    if raw.property == nil and raw.points_by == nil and raw.bands == nil and raw.otherwise == nil then return end
    if is_set(raw.points_by) and is_set(raw.bands) then
        refuse_beside(check, raw, { "bands" }, "points_by")
    elseif is_set(raw.property) and not is_set(raw.points_by) and not is_set(raw.bands) then
        check:expected("points_by or bands beside property", "neither")
    elseif not is_set(raw.property) then
        local key = is_set(raw.points_by) and "points_by" or is_set(raw.bands) and "bands"
            or is_set(raw.otherwise) and "otherwise"
        if key then
            check:expected_at("property", types.property.expected, "nothing", nil, key .. " needs it")
        end
    end
end

-- Points of an event rule stand in one place: on the rule, in the bands of `times`, or by property.
local function check_points(check, raw)
    if raw.times == nil and raw.property == nil and is_set(raw.points) then return end
    if is_set(raw.property) then
        refuse_beside(check, raw, { "points" }, "property")
    elseif type(raw.times) == "table" and raw.times[1] ~= nil then
        refuse_beside(check, raw, { "points" }, "bands of times, which have their own")
    elseif not is_set(raw.points) and not is_set(raw.points_by) and not is_set(raw.bands) then
        check:expected_at("points", types.points.expected, "nothing")
    end
end

local function finish_event_rule(check, raw, rule)
    check_choice(check, raw)
    check_points(check, raw)
    if is_set(raw.times) then refuse_beside(check, raw, { "latest", "property", "points_by", "bands" }, "times") end
    if rule.times and raw.times[1] == nil then
        rule.times[1].points, rule.points = rule.points, nil
    end
    related.finish_event_rule(check, raw, rule)
end

local function finish_property_rule(check, raw, rule)
    check_choice(check, raw)
    related.finish_property_rule(check, raw, rule)
end

local FINISH = {
    event_rule = finish_event_rule,
    property_rule = finish_property_rule,
    rollup_rule = related.finish_rollup_rule,
}

local function kind_of(raw)
    local event, when, rollup = is_set(raw.event), is_set(raw.when), is_set(raw.rollup)
    local property = is_set(raw.property) and not event
    local count = (event and 1 or 0) + (when and 1 or 0) + (rollup and 1 or 0) + (property and 1 or 0)
    if count ~= 1 then return nil, count end
    return event and "event_rule" or when and "when_rule" or property and "property_rule" or "rollup_rule"
end

-- The word that a key of a rule without any is nearest to.
local function nearest_kind(raw)
    local keys = {}
    for key in next, raw do
        keys[#keys + 1] = nearest.name(key, { "when", "event", "property", "rollup" })
    end
    table.sort(keys)
    return keys[1]
end

local function read_rule(check, raw)
    check.rules = check.rules + 1
    if type(raw) ~= "table" or next(raw) == nil or raw[1] ~= nil then
        return check:expected("a rule: a table with one of when, event, property, rollup", show(raw))
    end
    local kind, count = kind_of(raw)
    if not kind then
        return check:expected("a rule with one of when, event, property, rollup", count == 0 and "none" or "several",
            count == 0 and nearest_kind(raw) or nil)
    end
    local rule = readers.table(check, raw, kind)
    if FINISH[kind] then FINISH[kind](check, raw, rule) end
    if kind == "property_rule" or rule.property then
        local subject = subject_of(check, raw)
        rule.property = subject and subject.name
    end
    if rule.enabled then rule.enabled = nil end
    return rule
end

function by_type.rules(check, value)
    return readers.list(check, value, types.rules.expected, read_rule)
end

-- Groups -------------------------------------------------------------------------------------------------------------

-- What kind its rules give a group, nil and why not when they are mixed or hold rollups; and whether some are event
-- rules.
local function found_kind(raw)
    local events, others, rollups = false, false, false
    if type(raw) ~= "table" then return nil, nil, false end
    for _, rule in ipairs(raw) do
        local is_event = type(rule) == "table" and is_set(rule.event)
        events, others = events or is_event, others or not is_event
        rollups = rollups or type(rule) == "table" and is_set(rule.rollup)
    end
    if rollups then return nil, "it holds a rollup, which can be either", events end
    if events and others then return nil, "its rules are event rules and others", events end
    return events and "engagement" or "fit", nil, events
end

local function hand_down_decay(group)
    for _, rule in ipairs(group.rules or {}) do
        if rule.event then
            if rule.decay == nil then rule.decay = group.decay end
            rule.decay = rule.decay or nil
        end
    end
    group.decay = nil
end

local function read_group(check, raw)
    if type(raw) ~= "table" or next(raw) == nil or raw[1] ~= nil then
        return check:expected("a group: a table with name and rules", show(raw))
    end
    local group = readers.table(check, raw, "group")
    local kind, why, events = found_kind(raw.rules)
    if not is_set(raw.kind) then
        group.kind = kind
        if not kind and type(raw.rules) == "table" then
            check:expected_at("kind", types.group_kind.expected, "nothing", nil, why)
        end
    end
    if type(raw.decay) == "table" and type(raw.rules) == "table" and not events then
        check:refuse_at("decay", "decay works on event rules, and this group has none")
    end
    hand_down_decay(group)
    return group
end

function by_type.groups(check, value)
    return readers.list(check, value, types.groups.expected, read_group)
end

return M
