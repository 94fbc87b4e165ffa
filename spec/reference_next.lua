-- The reference for `next_change_at`, by brute force. All that changes by itself does so either at a candidate instant
-- (a time of the record, plus or minus a span of a definition), or where a curve takes a score across a bound that a
-- label or a condition asks about. Between two instants the curves are bounded: positive points only fall and negative
-- ones only rise, so the least and the greatest value are known, and an interval in which no bound lies between them is
-- skipped whole; any other is halved. At each instant that may matter the language's own criterion is then tried.

local basics = require("spec.reference_values")
local reference = require("spec.reference")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

local floor, decimal, span = math.floor, basics.decimal, basics.span

-- Every value inside a table, at any depth.
local function each_value(value, visit, key)
    if type(value) == "table" then
        for inner_key, inner in pairs(value) do
            each_value(inner, visit, inner_key)
        end
    else
        visit(value, key)
    end
end

local function spans_of(definitions)
    local spans = { 0 }
    each_value(definitions, function(text)
        spans[#spans + 1] = type(text) == "string" and span(text) or nil
    end)
    return spans
end

local function each_event(prepared, visit)
    for _, events in pairs(prepared.events) do
        for _, event in ipairs(events) do
            visit(event)
        end
    end
end

-- All seconds that the cells of the record and of all related ones could mean, whatever their types.
local function times_of(prepared)
    local times = {}
    local function visit(value)
        times[#times + 1] = basics.time(value, prepared.at)
    end
    for _, member in ipairs(prepared.members) do
        each_value(member.properties, visit)
    end
    each_event(prepared, function(event) each_value(event.properties, visit) end)
    return times
end

-- Where a stepwise decay takes a step, until nothing is left.
local function add_steps(decay, event, last, add)
    local every = span(decay.every)
    for step = 1, math.min(math.ceil(100 / decay.percent), floor((last - event.at) / every)) do
        add(event.at + step * every)
    end
end

local function decays_of(definitions)
    local decays = {}
    for _, definition in ipairs(definitions) do
        for _, group in ipairs(definition.groups) do
            decays[#decays + 1] = group.decay or nil
            for _, rule in ipairs(group.rules) do
                decays[#decays + 1] = rule.decay or nil
            end
        end
    end
    return decays
end

-- The instants in (at, last] at which a step, window or date boundary may lie, ascending. A boundary takes effect at
-- the instant itself or a second later, so both are candidates.
local function candidates(prepared, last)
    local instants, seen = { last }, { [last] = true }
    local function add(instant)
        if instant > prepared.at and instant <= last and not seen[instant] then
            seen[instant], instants[#instants + 1] = true, instant
        end
    end
    for _, time in ipairs(times_of(prepared)) do
        for _, length in ipairs(spans_of(prepared.definitions)) do
            for second = 0, 1 do
                add(time + length + second)
                add(time - length + second)
            end
        end
    end
    for _, decay in ipairs(decays_of(prepared.definitions)) do
        if decay.every and decay.curve ~= "linear" then
            each_event(prepared, function(event) add_steps(decay, event, last, add) end)
        end
    end
    table.sort(instants)
    return instants
end

-- The conditions on scores of all definitions, and the rollups that count by one, as { name, part, bounds }, where
-- `bounds` are the numbers they ask about.
local function score_conditions(definitions)
    local found = {}
    local function search(value)
        for key, condition in pairs(value) do
            local counts = key == "of" and value.rollup == "count"
            local name, part = tostring(counts and condition or key):match("^score:([%w_]+)%.?(%w*)$")
            if name then
                local bounds = {}
                each_value(counts and value or condition, function(bound)
                    bounds[#bounds + 1] = type(bound) == "number" and decimal(bound) or nil
                end)
                found[#found + 1] = { name = name, part = part ~= "" and part or "value", bounds = bounds }
            elseif type(condition) == "table" then
                search(condition)
            end
        end
    end
    search(definitions)
    return found
end

-- On which side of each bound, and under which label, everything stands: while this stays, no curve changes anything.
local function standing(prepared, conditions, instants)
    local evaluation, parts = reference.evaluate(prepared, instants), {}
    local function note(definition, member)
        local result = evaluation.result(definition.name, member)
        parts[#parts + 1] = tostring(result.label)
        for _, condition in ipairs(conditions) do
            local value = condition.name == definition.name and result[condition.part]
            for _, bound in ipairs(type(value) == "table" and condition.bounds or {}) do
                parts[#parts + 1] = value < bound and "<" or value == bound and "=" or ">"
            end
        end
    end
    for _, definition in ipairs(prepared.definitions) do
        for _, member in ipairs(prepared.members) do
            if member.owner == (definition.object or "contact") then note(definition, member) end
        end
    end
    return table.concat(parts, "\n")
end

-- The first instant in [first, last] at which the standing is another than `before`, nil if it stays. The discrete
-- state is the same in the whole interval.
local function first_crossing(prepared, conditions, before, first, last)
    local low = standing(prepared, conditions, { at = first, falling = last, rising = first })
    local high = standing(prepared, conditions, { at = first, falling = first, rising = last })
    if low == before and high == before then
        return nil
    elseif first == last then
        return first
    end
    local middle = floor((first + last) / 2)
    return first_crossing(prepared, conditions, before, first, middle)
        or first_crossing(prepared, conditions, before, middle + 1, last)
end

-- Does value or label change at `instant`: the label against that of now, the value by what the second before it leaves
-- of steps, windows and conditions, with the curves as they are at `instant`.
local function changes(prepared, name, now, instant)
    local after = reference.evaluate(prepared, { at = instant }).result(name)
    local earlier = reference.evaluate(prepared, { at = instant - 1 })
    local before = reference.evaluate(prepared,
        { at = instant - 1, falling = instant, rising = instant, conditions = earlier }).result(name)
    return after.label ~= now.label or after.value ~= before.value
end

-- Notes the scores that change first at `instant`; are any left to look for?
local function note_changes(prepared, now, found, instant)
    local open = false
    for i, definition in ipairs(prepared.own) do
        if not found[i] and changes(prepared, definition.name, now.result(definition.name), instant) then
            found[i] = instant
        end
        open = open or not found[i]
    end
    return open
end

--- The first later instant at which each score's value or label changes if nothing happens: through a step, a window or
--- a date boundary; a continuous curve counts only when it changes the label (or a condition on the score).
---@param definitions table one valid definition or a list of them
---@param record table as for `reference.score`; events later than `at` do not count
---@param at number|string
---@param horizon number|string how far to look: a number of seconds or a span such as "2 years"
---@param world table|nil a world of `reference.world` that has the record
---@return table<integer, number> instants by the place of the score in what `reference.score` gives; nil where nothing
--- changes
function M.next_change_at(definitions, record, at, horizon, world)
    local prepared, found = reference.prepare(definitions, record, at, world), {}
    local conditions, now = score_conditions(prepared.definitions), reference.evaluate(prepared)
    local from = prepared.at
    for _, instant in ipairs(candidates(prepared, from + (span(tostring(horizon)) or horizon))) do
        while from < instant do
            local before = standing(prepared, conditions, { at = from })
            local crossing = from + 1 < instant
                and first_crossing(prepared, conditions, before, from + 1, instant - 1)
            from = crossing or instant
            if not note_changes(prepared, now, found, from) then return found end
        end
    end
    return found
end

return M
