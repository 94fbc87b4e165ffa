-- The plain, slow reference scorer. It is written straight from the scoring language and shares no function with the
-- product, so that specs can compare the two. It takes VALID definitions and checks nothing; everything is recomputed
-- for every record. It stands on spec/reference_values.lua (exact numbers, times, folding), reference_conditions.lua
-- (conditions on one value, types) and reference_related.lua (associated records).

local basics = require("spec.reference_values")
local conditions = require("spec.reference_conditions")
local related = require("spec.reference_related")

-- LuaJIT 2.1.0-beta3 of Debian 12 crashes in traces of loops over `pairs` that call string.find: no compiling here.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

local floor, min = math.floor, math.min
local int, decimal, span, time = basics.int, basics.decimal, basics.span, basics.time
local trim, fold = basics.trim, basics.fold
local any, datetime, test_condition = conditions.any, conditions.OPERATORS.datetime, conditions.test
local READ, OPERATORS, COMBINERS = conditions.READ, conditions.OPERATORS, conditions.COMBINERS
local RELATIONS = related.RELATIONS
local ZERO, TRUE, DAY = int(0), conditions.TRUE, 86400

-- Filters. `run` is one world at one instant (see M.evaluate), with the kinds of the definition that is worked out;
-- `subject` is a member of the world, or an event: { owner =, name =, at =, properties = }.

local filter, occurrences

local function score_part(run, subject, key)
    local name, part = key:match("^score:([%w_]+)%.?(%w*)$")
    return run.result(name, subject)[part ~= "" and part or "value"], part
end

local function test_score(run, subject, key, condition)
    local value, part = score_part(run.conditions or run, subject, key)
    return test_condition(part == "label" and "text" or "score", value, condition)
end

-- Does a number of occurrences fit; `at_most = n` means 1..n.
local function fits(times, count)
    local between = times.between or {}
    return count >= (times.exactly or times.at_least or between[1] or 1)
        and count <= (times.exactly or times.at_most or between[2] or math.huge)
end

local WORDS = {}

function WORDS.all(run, subject, filters)
    local result = TRUE
    for _, inner in ipairs(filters) do
        result = min(result, filter(run, subject, inner))
    end
    return result
end

function WORDS.none(run, subject, filters)
    local result = TRUE
    for _, inner in ipairs(filters) do
        result = min(result, TRUE - filter(run, subject, inner))
    end
    return result
end

function WORDS.any(run, subject, filters)
    return TRUE - WORDS.none(run, subject, filters)
end

function WORDS.did(run, subject, events)
    local spec, count = type(events) == "table" and events or { event = events }, 0
    for _, contact in ipairs(subject.owner == "contact" and { subject } or related.related(subject, "contacts")) do
        count = count + #occurrences(run, spec, contact)
    end
    return conditions.truth(fits(spec.times or {}, count))
end

function WORDS.did_not(run, subject, events)
    return TRUE - WORDS.did(run, subject, events)
end

function WORDS.in_list(_, subject, names)
    return conditions.truth(any(names, function(name)
        return any(subject.lists, function(list) return list == name end)
    end))
end

function WORDS.not_in_list(_, subject, names)
    return TRUE - WORDS.in_list(nil, subject, names)
end

local function test_relation(run, subject, relation, condition)
    local options, inner = related.split(condition)
    local truths = {}
    for i, other in ipairs(related.related(subject, relation, options.labelled)) do
        truths[i] = filter(run, other, inner)
    end
    return related.truth(options, truths)
end

local function entry(run, subject, key, condition)
    if WORDS[key] and (COMBINERS[key] or subject.owner ~= "event") then
        return WORDS[key](run, subject, condition)
    elseif subject.owner ~= "event" and key:find("^score:") then
        return test_score(run, subject, key, condition)
    elseif RELATIONS[subject.owner][key] then
        return test_relation(run, subject, key, condition)
    end
    local name = key:gsub("^property:", "")
    local kind = run.kinds[subject.owner .. "." .. name] or "text"
    return test_condition(kind, READ[kind](subject.properties[name], run.asked), condition, run.at)
end

function filter(run, subject, entries)
    local result = TRUE
    for key, condition in pairs(entries or {}) do
        result = min(result, entry(run, subject, key, condition))
    end
    return result
end

-- Rules --------------------------------------------------------------------------------------------------------------

-- What a property rule gives for one record or event, nil when no value, band or `otherwise` applied.
local function property_points(run, rule, subject)
    local kind = run.kinds[subject.owner .. "." .. rule.property] or "text"
    local value, total = READ[kind](subject.properties[rule.property], run.asked), nil
    for literal, points in pairs(value ~= nil and rule.points_by or {}) do
        if OPERATORS[kind].is(value, literal) then total = (total or ZERO) + decimal(points) end
    end
    for _, band in ipairs(rule.bands or {}) do
        local applies = not total and test_condition(kind, value, band, run.at) == TRUE
        total = applies and decimal(band.points) or total
    end
    return total or value ~= nil and rule.otherwise and decimal(rule.otherwise) or nil
end

local function within(window, at, now)
    for operator, literal in pairs(type(window) == "string" and { last = window } or window or {}) do
        if not datetime[operator == "last" and "in_last" or operator](at, literal, now) then return false end
    end
    return true
end

-- What `once_per` keeps one occurrence of.
local function bucket_of(once_per, occurrence)
    if once_per == "day" then return floor(occurrence.at / DAY) end
    if once_per and once_per.property == "at" then return occurrence.at end
    return once_per and fold(READ.text(occurrence.properties[once_per.property]) or "") or occurrence
end

-- The occurrences of an event rule (or of `did`), the latest first, at equal times the larger points first.
function occurrences(run, rule, subject)
    local found, kept, seen = {}, {}, {}
    for _, event in ipairs(run.events[subject]) do
        local named = any(rule.event, function(name) return trim(name) == event.name end)
        if event.at <= run.at and named and within(rule.within, event.at, run.at)
            and filter(run, event, rule.where) == TRUE then
            local points = decimal(rule.points or 0)
            if rule.property then points = property_points(run, rule, event) end
            found[#found + 1] = points and { at = event.at, points = points, properties = event.properties }
        end
    end
    table.sort(found, function(a, b) return a.at > b.at or a.at == b.at and b.points < a.points end)
    for _, one in ipairs(found) do
        local bucket = bucket_of(rule.once_per, one)
        if not seen[bucket] then kept[#kept + 1] = one end
        seen[bucket] = true
    end
    return kept
end

-- An occurrence's points after its own age. `run.rising` and `run.falling` are the instants at which curves that rise
-- (negative points) and fall are read; they are `run.at` but for spec/reference_next.lua.
local function decayed(run, points, decay, since)
    if not decay then return points end
    local curve_age = (points < ZERO and run.rising or run.falling) - since
    if decay.half_life then return basics.half_life(points, curve_age, span(decay.half_life)) end
    local every, percent = span(decay.every), decimal(decay.percent)
    local whole = int(every) * decimal(100) -- of which each interval takes `every * percent`
    local passed = decay.curve == "linear" and curve_age or floor((run.at - since) / every) * every
    local left = whole - int(passed) * percent
    return left < ZERO and ZERO or basics.round_divide(points * left, whole)
end

-- Each gives the rule's sum, whether it fires, and the number of occurrences.
local function score_times(run, rule, found, decay)
    for _, band in ipairs(rule.times[1] and rule.times or { rule.times }) do
        if fits(band, #found) then
            local points = decimal(band.points or rule.points)
            return found[1] and decayed(run, points, decay, found[1].at) or points, true, #found
        end
    end
    return ZERO, false, #found
end

local function score_events(run, rule, group, subject)
    local found, sum, decay = occurrences(run, rule, subject), ZERO, rule.decay
    if decay == nil then decay = group.decay end
    if rule.times then return score_times(run, rule, found, decay) end
    for i = 1, min(rule.latest or #found, #found) do
        sum = sum + decayed(run, found[i].points, decay, found[i].at)
    end
    return sum, found[1] ~= nil, #found
end

-- A rule on one record by itself: a contact where the rule is about events.
local function score_single(run, rule, group, subject)
    if rule.event then
        return score_events(run, rule, group, subject)
    elseif rule.property then
        local points = property_points(run, rule, subject)
        return points or ZERO, points ~= nil
    end
    local fired = filter(run, subject, rule.when) == TRUE
    return fired and decimal(rule.points) or ZERO, fired
end

-- The records that a rule is over.
local function picked(run, rule, subject)
    local over, found = rule.over or {}, {}
    for _, other in ipairs(related.related(subject, over.relation or "contacts", over.labelled)) do
        if filter(run, other, over.where) == TRUE then found[#found + 1] = other end
    end
    return found
end

local function score_combined(run, rule, group, subject)
    local values, fires, occurred = {}, false, 0
    for i, other in ipairs(picked(run, rule, subject)) do
        local fired, count
        values[i], fired, count = score_single(run, rule, group, other)
        fires, occurred = fires or fired, occurred + (count or 0)
    end
    return related.combine(rule.combine or "sum", values), fires, rule.event and occurred or nil, #values
end

local UNIT = int(1e12)

-- What a member brings to a rollup, as a multiple of 10^-12: 1 if counted; nil when it takes no part.
local function rollup_value(run, rule, other)
    local of = rule.of
    if rule.rollup == "count" then
        local test = { known = true, at_least = rule.at_least, at_most = rule.at_most, between = rule.between }
        local key = of and (of:find("^%a+:") and of or "property:" .. of)
        return filter(run, other, of and { [key] = test }) == TRUE and UNIT or nil
    elseif of:find("^score:") then
        local value = score_part((rule.weight or 1) < 0 and run.mirror or run, other, of)
        return value and value * int(1e6) -- from millionths
    end
    local value = READ.number(other.properties[of:gsub("^property:", "")])
    return value and decimal(value, 12)
end

local function score_rollup(run, rule, subject)
    local values = {}
    for _, other in ipairs(picked(run, rule, subject)) do
        values[#values + 1] = rollup_value(run, rule, other)
    end
    local members = #values
    table.sort(values, function(a, b) return b < a end)
    for i = members, (rule.top or members) + 1, -1 do
        values[i] = nil
    end
    return related.combine(rule.rollup, values, decimal(rule.weight or 1), UNIT), members > 0, nil, members
end

-- A rule's sum, whether it fires, the number of occurrences, and that of the associated records it is over.
local function score_rule(run, rule, group, subject)
    if rule.enabled == false then return ZERO, false end
    if rule.rollup then return score_rollup(run, rule, subject) end
    local combined = rule.over or rule.event and subject.owner ~= "contact"
    return (combined and score_combined or score_single)(run, rule, group, subject)
end

-- Scores -------------------------------------------------------------------------------------------------------------

local function clamp(sum, limit)
    local low, high = (limit or {}).min, (limit or {}).max
    if low and sum < decimal(low) then return decimal(low) end
    return high and decimal(high) < sum and decimal(high) or sum
end

-- A finished sum, which is an error beyond 10^12 points, and what its limit leaves of it.
local function finish(sum, limit, score, place)
    if decimal(1e12) < sum or sum < decimal(-1e12) then
        error("overflow: " .. score .. " " .. place, 0)
    end
    return clamp(sum, type(limit) == "number" and { min = -limit, max = limit } or limit)
end

local function group_kind(group)
    return group.kind or group.rules[1].event and "engagement" or "fit"
end

local function score_group(run, group, score, subject)
    local result = { name = group.name, kind = group_kind(group), raw = ZERO, fired = false, rules = {} }
    for i, rule in ipairs(group.rules) do
        local place = rule.name or group.name .. ".rules[" .. i .. "]"
        local raw, fired, count, members = score_rule(run, rule, group, subject)
        local value = finish(raw, rule.enabled ~= false and rule.limit or nil, score, place)
        result.rules[i] = { raw = raw, value = value, fired = fired, occurrences = count, members = members }
        result.raw, result.fired = result.raw + value, result.fired or fired
    end
    result.value = finish(result.raw, group.limit, score, group.name)
    return result
end

local SHORT = { value = { "High", "Medium", "Low" }, fit = { "A", "B", "C" }, engagement = { "1", "2", "3" } }

local function label_by(bands, value, category)
    local short = SHORT[category]
    if bands.high then
        bands = { { label = short[1], at_least = bands.high }, { label = short[2], at_least = bands.medium },
            { label = short[3] } }
    end
    for _, band in ipairs(bands) do
        if not band.at_least or decimal(band.at_least) <= value then return band.label end
    end
end

local function label_of(thresholds, result)
    if not thresholds or not (thresholds.fit or thresholds.engagement) then
        return thresholds and label_by(thresholds, result.value, "value")
    end
    local between = thresholds.fit.high and thresholds.engagement.high and "" or " "
    return label_by(thresholds.fit, result.fit, "fit") .. between
        .. label_by(thresholds.engagement, result.engagement, "engagement")
end

local function score_definition(run, definition, subject)
    local name, limit, sums = definition.name, definition.limit or {}, { fit = ZERO, engagement = ZERO }
    local result = { name = name, groups = {}, scored = false, kind = group_kind(definition.groups[1]) }
    for _, group in ipairs(definition.groups) do
        result.kind = group_kind(group) == result.kind and result.kind or "combined"
    end
    result.in_scope = filter(run, subject, definition.scope) == TRUE
    for i, group in ipairs(result.in_scope and definition.groups or {}) do
        local scored = score_group(run, group, name, subject)
        result.groups[i], sums[scored.kind] = scored, sums[scored.kind] + scored.value
        result.scored = result.scored or scored.fired
    end
    if not result.in_scope or definition.empty_until_scored and not result.scored then return result end
    result.fit = finish(sums.fit, limit.fit, name, "fit")
    result.engagement = finish(sums.engagement, limit.engagement, name, "engagement")
    result.value = finish(result.fit + result.engagement, limit, name, "total")
    result.label = label_of(definition.thresholds, result)
    if result.kind ~= "combined" then result.fit, result.engagement = nil, nil end
    return result
end

-- Records ------------------------------------------------------------------------------------------------------------

M.read_csv, M.world = basics.read_csv, related.world

local function of_object(definitions, object)
    local found = {}
    for _, definition in ipairs(definitions) do
        if (definition.object or "contact") == object then found[#found + 1] = definition end
    end
    return found
end

--- A record made ready for `M.evaluate`; events later than `at` do not exist.
---@param definitions table one definition or a list of them
---@param record table|nil what is scored
---@param at number|string
---@param world table|nil one of `M.world`, which has the record; else its related records are inside it, and its object
--- is the first definition's
---@return table prepared `definitions`, `own` (those of the record's object), `subject` (the record in its world),
--- `members` (of the world), `events` (by member, with `at` in seconds) and `at` in seconds
function M.prepare(definitions, record, at, world)
    definitions = definitions.groups and { definitions } or definitions
    world = world or related.world_of(record, definitions[1].object or "contact")
    at = assert(time(at), "not a time")
    local prepared = { definitions = definitions, members = world.members, events = {}, at = at }
    for _, member in ipairs(world.members) do
        prepared.events[member] = related.events(member, at)
    end
    prepared.subject = world.by_record[record]
    prepared.own = record and of_object(definitions, prepared.subject.owner)
    return prepared
end

--- The scores of a prepared record, each worked out when first asked for, so in the order of their uses.
---@param prepared table
---@param instants table|nil `at` (prepared.at unless given), `rising` and `falling` (`at` unless given): when the
--- curves of negative and positive points are read; `conditions`: an evaluation in which conditions on scores look
---@return table evaluation `result(name, member)` (the prepared record unless given): `M.score`'s result with bignums,
--- and `groups` as `M.explain` has them
function M.evaluate(prepared, instants)
    local at, done, kinds = instants and instants.at or prepared.at, {}, {}
    local run = { at = at, asked = prepared.at, rising = at, falling = at, events = prepared.events }
    for key, value in pairs(instants or {}) do
        run[key] = value
    end
    -- What a negative weight multiplies is read the other way round.
    run.mirror = run.mirror or run.rising == run.falling and run or M.evaluate(prepared, { at = at, mirror = run,
        rising = run.falling, falling = run.rising, conditions = run.conditions })
    function run.result(name, subject)
        subject = subject or prepared.subject
        local results = done[subject] or {}
        done[subject] = results
        for _, definition in ipairs(results[name] and {} or of_object(prepared.definitions, subject.owner)) do
            if definition.name == name then
                kinds[name] = kinds[name] or conditions.settle_kinds(definition)
                local own = setmetatable({ kinds = kinds[name] }, { __index = run })
                results[name] = score_definition(own, definition, subject)
            end
        end
        return assert(results[name], "no score " .. name)
    end
    return run
end

local function results_of(evaluation, definitions, subject)
    local results = {}
    for i, definition in ipairs(definitions) do
        local found = evaluation.result(definition.name, subject)
        results[i] = { name = found.name, kind = found.kind, scored = found.scored, in_scope = found.in_scope,
            label = found.label, value = basics.print(found.value), fit = basics.print(found.fit),
            engagement = basics.print(found.engagement) }
    end
    return results
end

--- The scores of a record.
---@param definitions table one valid definition or a list of them, which may use each other's scores
---@param record table properties by name (a cell's text, or a number, boolean, or array for a set), `id`, `events`
--- (`{ event =, at =, ...properties }` or `{ NAME, AT }`), `lists` (names of the lists it is in), related records under
--- their relation's name, with their association's `labels`. The same `id` is the same record.
---@param at number|string seconds or a text as in files
---@param world table|nil a world of `M.world` that has the record
---@return table[] results of the definitions of the record's object (the first definition's), in the order given:
--- `name`, `kind`, `scored`, `in_scope`, `label`, and `value`, `fit` and `engagement` as decimal strings; nil is empty.
--- Raises "overflow: SCORE RULE".
function M.score(definitions, record, at, world)
    local prepared = M.prepare(definitions, record, at, world)
    return results_of(M.evaluate(prepared), prepared.own, prepared.subject)
end

--- The scores of all records of a world.
---@param definitions table one valid definition or a list of them
---@param world table one of `M.world`
---@param at number|string
---@return table<string, table[]> results by object ("contact", ...), in the order of its records: each as of `M.score`
function M.score_all(definitions, world, at)
    local prepared, all = M.prepare(definitions, nil, at, world), {}
    local evaluation = M.evaluate(prepared)
    for object, records in pairs(world.records) do
        local own = of_object(prepared.definitions, object)
        all[object] = {}
        for i, record in ipairs(records) do
            all[object][i] = results_of(evaluation, own, world.by_record[record])
        end
    end
    return all
end

--- Why a record has its score: `groups`, each with `name`, `kind`, `raw`, `value` and `rules`, each with `raw` (the sum
--- after decay, combined), `value` (after the rule's limit), `fired`, the number of `occurrences` and of `members` (the
--- associated records it is over, or that a rollup took in); numbers as decimal strings.
---@param definition table one definition, or a list of which the first of the record's object is explained
---@param record table
---@param at number|string
---@param world table|nil a world of `M.world` that has the record
---@return table
function M.explain(definition, record, at, world)
    local prepared = M.prepare(definition, record, at, world)
    local result = M.evaluate(prepared).result(prepared.own[1].name)
    for _, group in ipairs(result.groups) do
        group.raw, group.value = basics.print(group.raw), basics.print(group.value)
        for _, rule in ipairs(group.rules) do
            rule.raw, rule.value = basics.print(rule.raw), basics.print(rule.value)
        end
    end
    return { groups = result.groups }
end

--- The world of files: `contacts`, `companies`, `deals`, `events` and `associations`, each a CSV text or left out.
--- Events of unknown contacts are dropped; of equal `id`s of a contact the first is kept. `lists` are ids by list name.
---@param texts table
---@return table world as of `M.world`
function M.world_from_csv(texts)
    return related.world(related.read(texts))
end

--- The records of contacts and events files, in the order of the contacts.
---@param contacts_csv string
---@param events_csv string
---@param lists table<string, string[]>|nil ids by list name
---@return table[]
function M.records(contacts_csv, events_csv, lists)
    return related.read({ contacts = contacts_csv, events = events_csv, lists = lists }).contacts
end

return M
