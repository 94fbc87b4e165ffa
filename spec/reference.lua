-- The plain, slow reference scorer. It is written straight from the scoring language (sections 1 to 6, 8 and 9), for
-- contacts, and shares no function with the product, so that specs can compare the two. It takes VALID definitions and
-- checks nothing; everything is recomputed for every record. Section 7 (associated records, rollups) would add a branch
-- to `score_rule` and one to `entry`. What it computes with (exact numbers, times, folding): spec/reference_values.lua.

local basics = require("spec.reference_values")

-- LuaJIT 2.1.0-beta3 of Debian 12 crashes in traces of loops over `pairs` that call string.find: no compiling here.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

local floor, min = math.floor, math.min
local int, decimal, span, time, trim = basics.int, basics.decimal, basics.span, basics.time, basics.trim
local fold, is_utf8, number_text = basics.fold, basics.is_utf8, basics.number_text
local ZERO, DAY = int(0), 86400

local function equal(text, literal)
    return fold(text) == fold(trim(tostring(literal)))
end

-- Values in data -----------------------------------------------------------------------------------------------------

local READ = { datetime = time }

function READ.text(value)
    local kind = type(value)
    value = kind == "table" and table.concat(value, ";") or kind == "number" and number_text(value) or value
    local text = (type(value) == "string" or kind == "boolean") and trim(tostring(value)) or ""
    return text ~= "" and text or nil
end

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

-- OPERATORS[type][operator](value, literal, at); a "score" is a number in exact millionths.
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

-- `value` is nil when unknown.
local function test_condition(kind, value, condition, at)
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

-- Types of properties, settled per definition: kinds["owner.property"]; what is not there is text. -------------------

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
        elseif owner == "event" or not (key == "in_list" or key == "not_in_list" or key:find("^score:")) then
            prove_condition(kinds, owner .. "." .. key:gsub("^property:", ""), condition)
        end
    end
end

local function settle_kinds(definition)
    local owner, kinds = definition.object or "contact", {}
    prove_filter(kinds, owner, definition.scope)
    for _, group in ipairs(definition.groups) do
        for _, rule in ipairs(group.rules) do
            local key = (rule.event and "event." or owner .. ".") .. tostring(rule.property)
            prove_filter(kinds, owner, rule.when)
            prove_filter(kinds, "event", rule.where)
            for _, band in ipairs(rule.bands or {}) do
                prove_condition(kinds, key, band)
            end
            for literal in pairs(rule.points_by or {}) do
                prove(kinds, key, "points_by", literal)
            end
        end
    end
    for name, kind in pairs(definition.properties or {}) do
        local leader = name:match("^(%a+)%.")
        local led = leader == "event" or leader == "contact" or leader == "company" or leader == "deal"
        kinds[led and name or owner .. "." .. name] = kind
    end
    return kinds
end

-- Filters. `run` is one record at one instant (see M.evaluate), with the kinds of the definition that is worked out;
-- `subject` is { owner =, properties =, events =, lists = }, of which an event has only the first two, and `at`.

local filter, occurrences

local function test_score(run, key, condition)
    local name, part = key:match("^score:([%w_]+)%.?(%w*)$")
    local value = (run.conditions or run).result(name)[part ~= "" and part or "value"]
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
    local spec = type(events) == "table" and events or { event = events }
    return truth(fits(spec.times or { at_least = 1 }, #occurrences(run, spec, subject)))
end

function WORDS.did_not(run, subject, events)
    return TRUE - WORDS.did(run, subject, events)
end

function WORDS.in_list(_, subject, names)
    return truth(any(names, function(name) return subject.lists[name] end))
end

function WORDS.not_in_list(_, subject, names)
    return TRUE - WORDS.in_list(nil, subject, names)
end

local function entry(run, subject, key, condition)
    if WORDS[key] and (COMBINERS[key] or subject.owner ~= "event") then
        return WORDS[key](run, subject, condition)
    elseif subject.owner ~= "event" and key:find("^score:") then
        return test_score(run, key, condition)
    end
    local name = key:gsub("^property:", "")
    local kind = run.kinds[subject.owner .. "." .. name] or "text"
    return test_condition(kind, READ[kind](subject.properties[name], run.asked), condition, run.at)
end

function filter(run, subject, conditions)
    local result = TRUE
    for key, condition in pairs(conditions or {}) do
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
    for _, event in ipairs(subject.events) do
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

local function score_rule(run, rule, group, subject)
    if rule.enabled == false then
        return ZERO, false
    elseif rule.event then
        return score_events(run, rule, group, subject)
    elseif rule.property then
        local points = property_points(run, rule, subject)
        return points or ZERO, points ~= nil
    end
    local fired = filter(run, subject, rule.when) == TRUE
    return fired and decimal(rule.points) or ZERO, fired
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
        local raw, fired, count = score_rule(run, rule, group, subject)
        local value = finish(raw, rule.enabled ~= false and rule.limit or nil, score, place)
        result.rules[i] = { raw = raw, value = value, fired = fired, occurrences = count }
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

local function event_subject(event, now)
    local properties = {}
    for name, value in pairs(event) do
        properties[name] = value
    end
    properties.event, properties.at = event.event or event[1], event.at or event[2]
    local at = assert(time(properties.at, now), "an event without a time")
    return { owner = "event", name = trim(properties.event), at = at, properties = properties }
end

--- A record made ready for `M.evaluate`; events later than `at` do not exist.
---@param definitions table one definition or a list of them
---@param record table
---@param at number|string
---@return table prepared `definitions`, `subject` (its `events` have `at` in seconds) and `at` in seconds
function M.prepare(definitions, record, at)
    at = assert(time(at), "not a time")
    local subject = { owner = "contact", properties = record, events = {}, lists = {} }
    for _, event in ipairs(record.events or {}) do
        local ready = event_subject(event, at)
        if ready.at <= at then subject.events[#subject.events + 1] = ready end
    end
    for _, name in ipairs(record.lists or {}) do
        subject.lists[name] = true
    end
    return { definitions = definitions.groups and { definitions } or definitions, subject = subject, at = at }
end

--- The scores of a prepared record, each worked out when first asked for, so in the order of their uses.
---@param prepared table
---@param instants table|nil `at` (prepared.at unless given), `rising` and `falling` (`at` unless given): when the
--- curves of negative and positive points are read; `conditions`: an evaluation in which `score:` conditions look
---@return table evaluation `result(name)`: `M.score`'s result with bignums, and `groups` as `M.explain` has them
function M.evaluate(prepared, instants)
    local at, done = instants and instants.at or prepared.at, {}
    local run = { at = at, asked = prepared.at, rising = at, falling = at }
    for key, value in pairs(instants or {}) do
        run[key] = value
    end
    function run.result(name)
        for _, definition in ipairs(prepared.definitions) do
            if definition.name == name and not done[name] then
                local own = setmetatable({ kinds = settle_kinds(definition) }, { __index = run })
                done[name] = score_definition(own, definition, prepared.subject)
            end
        end
        return assert(done[name], "no score " .. name)
    end
    return run
end

--- The scores of a record.
---@param definitions table one valid definition or a list of them, which may use each other's scores
---@param record table properties by name (a cell's text, or a number, boolean, or array for a set), `id`, `events`
--- (`{ event =, at =, ...properties }` or `{ NAME, AT }`), `lists` (names of the lists it is in)
---@param at number|string seconds or a text as in files
---@return table[] results in the order given: `name`, `kind`, `scored`, `in_scope`, `label`, and `value`, `fit` and
--- `engagement` as decimal strings; nil is empty. Raises "overflow: SCORE RULE".
function M.score(definitions, record, at)
    local prepared, results = M.prepare(definitions, record, at), {}
    local evaluation = M.evaluate(prepared)
    for i, definition in ipairs(prepared.definitions) do
        local found = evaluation.result(definition.name)
        results[i] = { name = found.name, kind = found.kind, scored = found.scored, in_scope = found.in_scope,
            label = found.label, value = basics.print(found.value), fit = basics.print(found.fit),
            engagement = basics.print(found.engagement) }
    end
    return results
end

--- Why a record has its score: `groups`, each with `name`, `kind`, `raw`, `value` and `rules`, each with `raw` (the sum
--- after decay), `value` (after the rule's limit), `fired` and the number of `occurrences`; numbers as decimal strings.
---@param definition table one definition, or a list of which the first is explained
---@param record table
---@param at number|string
---@return table
function M.explain(definition, record, at)
    local prepared = M.prepare(definition, record, at)
    local result = M.evaluate(prepared).result(prepared.definitions[1].name)
    for _, group in ipairs(result.groups) do
        group.raw, group.value = basics.print(group.raw), basics.print(group.value)
        for _, rule in ipairs(group.rules) do
            rule.raw, rule.value = basics.print(rule.raw), basics.print(rule.value)
        end
    end
    return { groups = result.groups }
end

M.read_csv = basics.read_csv

--- The records of contacts and events files, in the order of the contacts.
---@param contacts_csv string
---@param events_csv string events of unknown contacts are dropped; of equal `id`s of a contact the first is kept
---@param lists table<string, string[]>|nil ids by list name
---@return table[]
function M.records(contacts_csv, events_csv, lists)
    local records, by_id, seen = basics.read_csv(contacts_csv), {}, {}
    for _, record in ipairs(records) do
        record.id, record.events, record.lists = trim(record.id), {}, {}
        by_id[record.id] = record
    end
    for _, event in ipairs(basics.read_csv(events_csv)) do
        local record, identity = by_id[trim(event.contact_id)], trim(event.id or "")
        local key = trim(event.contact_id) .. "\n" .. identity
        if record and (identity == "" or not seen[key]) then record.events[#record.events + 1] = event end
        seen[key] = true
    end
    for name, ids in pairs(lists or {}) do
        for _, id in ipairs(ids) do
            local record = by_id[trim(id)]
            if record then record.lists[#record.lists + 1] = name end
        end
    end
    return records
end

return M
