-- What event rules and `did` share: which events, `within`, `times`, and what event rules have besides: `once_per` and
-- decay.

if jit then jit.off(true, true) end -- see leadscore.check.context

local condition = require("leadscore.check.condition")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local schema = require("leadscore.schema")

local M = {}

local by_type, show, trim = readers.by_type, context.show, readers.trim
local types, is_set = schema.types, readers.is_set
local min, max = math.min, math.max

local function event_name(check, value)
    local name = type(value) == "string" and trim(value)
    if not name or name == "" then return check:expected("the name of an event", show(value)) end
    return name
end

-- Event names are exact; a name given twice is refused at its second place.
local function event_names(check, value)
    local seen = {}
    return readers.list(check, value, types.event_names.expected, function(_, element)
        local name = event_name(check, element)
        if name and seen[name] then return check:refuse("given twice: " .. show(name)) end
        seen[name or 0] = true
        return name
    end)
end

function by_type.event_names(check, value)
    if type(value) ~= "table" then return { event_name(check, value) } end
    local names = event_names(check, value)
    if names then table.sort(names) end
    return names
end

local function narrow(out, from, past)
    if from then out.from = max(out.from or from, from) end
    if past then out["until"] = min(out["until"] or past, past) end
end

function by_type.within(check, value)
    if type(value) == "string" then
        return { last = by_type.span(check, value) }
    elseif type(value) ~= "table" or next(value) == nil then
        return readers.wrong(check, "within", value)
    end
    local raw = readers.table(check, value, "within")
    local out = { last = raw.last }
    if raw.after then narrow(out, raw.after[2], nil) end
    if raw.before then narrow(out, nil, raw.before[1]) end
    if raw.between then narrow(out, raw.between[1], raw.between[2]) end
    if out.from and out["until"] and out.from >= out["until"] then
        check:refuse("no time is within all of these dates")
    end
    return out
end

local WAYS = { "exactly", "at_least", "at_most", "between" }

local function count_ways(raw)
    local count = 0
    for _, way in ipairs(WAYS) do
        if is_set(raw[way]) then count = count + 1 end
    end
    return count
end

-- `at_most = n` means 1..n; only `exactly = 0` and `between = { 0, n }` may fit no occurrence. Of associated records it
-- means 0..n.
local function bounds(times, least)
    local pair = times.between
    if pair then return { min = pair[1], max = pair[2] } end
    if times.at_most then return { min = least, max = times.at_most } end
    if times.at_least then return { min = times.at_least } end
    return { min = times.exactly, max = times.exactly }
end

local function read_times(check, value, name)
    local times = readers.table(check, value, name)
    if not times then return nil end
    if count_ways(value) ~= 1 then
        local got = count_ways(value) == 0 and "none" or "several"
        return check:expected("one of exactly, at_least, at_most, between", got)
    end
    local out = bounds(times, name == "count" and 0 or 1)
    if not out.min then return nil end
    out.points = times.points
    return out
end

function by_type.times(check, value)
    if type(value) ~= "table" or value[1] ~= nil then return readers.wrong(check, "times", value) end
    local times = read_times(check, value, "times")
    return times and { times }
end

--- `count` of a filter on associated records.
function by_type.count(check, value)
    if type(value) ~= "table" or next(value) == nil or value[1] ~= nil then
        return readers.wrong(check, "count", value)
    end
    return read_times(check, value, "count")
end

function by_type.rule_times(check, value)
    if type(value) ~= "table" or next(value) == nil then return readers.wrong(check, "rule_times", value) end
    if value[1] == nil then return by_type.times(check, value) end
    return readers.list(check, value, types.rule_times.expected, function(_, band)
        return read_times(check, band, "times_band")
    end)
end

function by_type.once_per(check, value)
    if value == "day" then return "day" end
    if type(value) ~= "table" or value[1] ~= nil then
        return readers.wrong(check, "once_per", value, nearest.name(value, { "day" }))
    end
    local raw = readers.table(check, value, "once_per")
    if not raw or not raw.property then return nil end
    return { property = condition.property(check, "event", raw.property).name }
end

local function check_decay(check, raw)
    if is_set(raw.half_life) then
        for _, key in ipairs({ "percent", "every", "curve" }) do
            if is_set(raw[key]) then check:refuse_at(key, "not beside half_life") end
        end
    else
        if not is_set(raw.percent) then check:expected_at("percent", types.percent.expected, "nothing") end
        if not is_set(raw.every) then check:expected_at("every", types.span.expected, "nothing") end
    end
end

function by_type.decay(check, value)
    if value == false then return false end
    if type(value) ~= "table" or next(value) == nil then return readers.wrong(check, "decay", value) end
    local decay = readers.table(check, value, "decay")
    check_decay(check, value)
    if decay.half_life then return { half_life = decay.half_life } end
    return { percent = decay.percent, every = decay.every, curve = decay.curve or "step" }
end

by_type.rule_decay = by_type.decay

--- EVENTS of a filter: a name, or a table with times that are at least one unless said.
function by_type.events(check, value)
    if type(value) ~= "table" or value[1] ~= nil then
        if type(value) == "string" then
            return { event = by_type.event_names(check, value), times = { { min = 1 } } }
        end
        return check:expected("an event's name or { event =, where =, within =, times = }", show(value))
    end
    local out = readers.table(check, value, "events")
    if out then out.times = out.times or { { min = 1 } } end
    return out
end

return M
