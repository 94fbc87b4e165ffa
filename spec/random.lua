-- Random valid definitions and records, for specs that hold all ways of scoring against each other. A seed gives the
-- same on every Lua, since the generator of numbers is our own. All of the language for contacts is used; values are
-- few, so that things match, and lie at the edges of what the language distinguishes. Associated records and the other
-- objects: spec/random_related.lua, which fills the hooks of a definition in the making.

local M = {}

local floor = math.floor
local DAY = 86400

-- Numbers: Lehmer's generator, whose products are exact in doubles. ---------------------------------------------------

local Random = {}
Random.__index = Random

--- A generator of random choices.
---@param seed integer
---@return table
function M.new(seed)
    local random = setmetatable({ state = seed * 7919 % 2147483646 + 1 }, Random)
    for _ = 1, 5 do
        random:int(1, 2)
    end
    return random
end

--- A whole number from low to high, both included.
function Random:int(low, high)
    self.state = self.state * 48271 % 2147483647
    return low + floor(self.state / 128) % (high - low + 1)
end

--- True in so many of a hundred cases.
function Random:chance(percent)
    return self:int(1, 100) <= percent
end

--- An element of a list.
function Random:pick(list)
    return list[self:int(1, #list)]
end

--- The list in another order.
function Random:shuffle(list)
    local new = {}
    for i, item in ipairs(list) do
        local place = self:int(1, i)
        new[i] = new[place]
        new[place] = item
    end
    return new
end

--- From `low` to `high` different elements of a list.
function Random:some(list, low, high)
    local chosen, shuffled = {}, self:shuffle(list)
    for i = 1, math.min(self:int(low, high), #list) do
        chosen[i] = shuffled[i]
    end
    return chosen
end

-- What is chosen from -------------------------------------------------------------------------------------------------

-- Properties by owner and the type that is meant; the names of some are words of the language elsewhere.
local PROPERTIES = {
    contact = { text = { "country", "full name", "any" }, number = { "employees", "budget" },
        boolean = { "subscribed" }, datetime = { "created", "renewal" }, set = { "region", "tags" } },
    company = { text = { "country", "industry", "none" }, number = { "employees" }, boolean = { "customer" },
        datetime = { "founded" }, set = { "tags" } },
    deal = { text = { "stage", "every" }, number = { "amount", "employees" }, boolean = { "open" },
        datetime = { "closes" }, set = { "products" } },
    event = { text = { "url", "form", "did" }, number = { "amount", "seconds" }, boolean = { "first" },
        datetime = { "due" }, set = { "topics" } },
}
local KINDS = { "text", "number", "boolean", "datetime", "set" }
local RESERVED = { contact = { any = true }, company = { none = true }, deal = { every = true }, event = {} }

local EVENTS = { "open", "click", "form sent", "Open" }
local LISTS = { "vip", "customers", "competitors" }

-- No two of these are equal after folding.
local TEXTS = { "SE", "straße", "É", "ab", "Abcd", "x y", "e\204\129" }
local PIECES = { "s", "SS", "ß", "é", "A", " y", "b", "bcd", "x" }
local NUMBERS = { -1, 0, 0.1, 2.5, 5, 10, 50, 100000 }
local DAYS = { "2024-02-29", "2025-06-01", "2025-06-15" }
local DATES = { "2024-02-29", "2025-06-01", "2025-06-15", "2025-06-15T09:30:00", "2025-06-01T00:00:00+02:00" }
local SPANS = { "30 days", "1 day", "1 week", "1 month", "12 hours", "90 minutes", "1 year", "2 weeks", "100 seconds" }
local POINTS = { 0, 1, -1, 5, 2.5, 0.1, 0.000001, -0.000001, 33.333333, -12.345678, 1000000, -1000000, 7, 10, 20, -5 }

local function points(random)
    return random:pick(POINTS)
end

-- Conditions ----------------------------------------------------------------------------------------------------------

local function pair(random, list)
    local first = random:int(1, #list)
    return { list[first], list[random:int(first, #list)] }
end

local function texts(random)
    return random:some(TEXTS, 1, 3)
end

local function pieces(random)
    return random:chance(50) and random:pick(PIECES) or random:some(PIECES, 1, 3)
end

local function one_of(list)
    return function(random) return random:pick(list) end
end

local function some_of(list)
    return function(random) return random:some(list, 1, 3) end
end

local function pair_of(list)
    return function(random) return pair(random, list) end
end

local function number_operators(list)
    return { is = one_of(list), is_not = one_of(list), any_of = some_of(list), none_of = some_of(list),
        more_than = one_of(list), at_least = one_of(list), less_than = one_of(list), at_most = one_of(list),
        between = pair_of(list), not_between = pair_of(list) }
end

local TEXT_OPERATORS = { contains = pieces, not_contains = pieces, starts_with = pieces, ends_with = pieces }

local function with_texts(operators)
    for name, literal in pairs(TEXT_OPERATORS) do
        operators[name] = literal
    end
    return operators
end

-- OPERATORS[type][operator](random) gives a literal.
local OPERATORS = {
    text = with_texts({ is = one_of(TEXTS), is_not = one_of(TEXTS), any_of = texts, none_of = texts }),
    set = with_texts({ any_of = texts, all_of = texts, none_of = texts, exactly = texts }),
    -- A set that is not declared: what contains and its like would be a mixture.
    plain_set = { any_of = texts, all_of = texts, none_of = texts, exactly = texts },
    number = number_operators(NUMBERS),
    boolean = { is = one_of({ true, false }), is_not = one_of({ true, false }) },
    datetime = { is = one_of(DATES), is_not = one_of(DATES), before = one_of(DATES), after = one_of(DATES),
        between = pair_of(DAYS), not_between = pair_of(DAYS), in_last = one_of(SPANS),
        more_than_ago = one_of(SPANS), in_next = one_of(SPANS), more_than_ahead = one_of(SPANS) },
    points = number_operators({ -5, 0, 0.000001, 2.5, 7, 10, 40 }),
}

local NAMES = {} -- of the operators, in an order that is the same everywhere
for kind, operators in pairs(OPERATORS) do
    NAMES[kind] = {}
    for name in pairs(operators) do
        table.insert(NAMES[kind], name)
    end
    table.sort(NAMES[kind])
end

-- The short forms of a condition.
local function short_condition(random, kind)
    local operators = OPERATORS[kind]
    if kind == "set" or kind == "plain_set" then
        return random:chance(50) and random:pick(TEXTS) or texts(random)
    elseif operators.any_of and random:chance(50) then
        return operators.any_of(random)
    end
    return operators.is(random)
end

local function condition(random, kind)
    if random:chance(35) then return short_condition(random, kind) end
    local operators = {}
    for _, name in ipairs(random:some(NAMES[kind], 1, random:chance(25) and 2 or 1)) do
        operators[name] = OPERATORS[kind][name](random)
    end
    if random:chance(15) then operators.missing = true end
    if random:chance(10) then operators.known = random:chance(70) end
    return random:chance(8) and { known = random:chance(50) } or operators
end

-- A definition in the making: { random =, object =, owners = of what may be declared, declared =, others = the scores
-- of its object that it may use, most_rules =, relate(making, owner, entries) adds to a filter, rule(making, events)
-- makes a rule }.

local function kind_for(making, meant, qualified)
    if meant == "set" and not making.declared[qualified] then return "plain_set" end
    return meant
end

local function choose_property(making, owner)
    local random = making.random
    local meant = random:pick(KINDS)
    local name = random:pick(PROPERTIES[owner][meant])
    return name, kind_for(making, meant, owner .. "." .. name)
end

-- Events --------------------------------------------------------------------------------------------------------------

local filter

local function event_names(random)
    return random:chance(65) and random:pick(EVENTS) or random:some(EVENTS, 1, 3)
end

local function within(random)
    if random:chance(60) then return random:pick(SPANS) end
    local window = {}
    while next(window) == nil do
        window.last = random:chance(40) and random:pick(SPANS) or nil
        window.after = random:chance(30) and random:pick({ "1975-06-01", "2024-12-31" }) or nil
        window.before = random:chance(30) and random:pick({ "2025-06-15", "2025-06-15T13:00:00", "2113-01-01" }) or nil
        window.between = random:chance(30) and { "2025-01-01", random:pick({ "2025-06-15", "2025-06-14" }) } or nil
    end
    return window
end

local function times(random)
    local way = random:int(1, 5)
    if way == 1 then return { exactly = random:int(0, 3) } end
    if way == 2 then return { at_most = random:int(1, 4) } end
    if way == 3 then return { between = { random:int(0, 2), random:int(2, 6) } } end
    return { at_least = random:int(1, 5) }
end

local function times_bands(random)
    local bands = {}
    for i = 1, random:int(1, 3) do
        bands[i] = times(random)
        bands[i].points = points(random)
    end
    return bands
end

local function did(making)
    local random = making.random
    if random:chance(30) then return random:pick(EVENTS) end
    return { event = event_names(random), where = random:chance(40) and filter(making, "event", 2) or nil,
        within = random:chance(50) and within(random) or nil, times = random:chance(50) and times(random) or nil }
end

-- Filters -------------------------------------------------------------------------------------------------------------

local function lists(random)
    return random:chance(50) and random:pick(LISTS) or random:some(LISTS, 1, 2)
end

local function filters(making, owner, depth)
    local list = {}
    for i = 1, making.random:int(1, 3) do
        list[i] = filter(making, owner, depth - 1)
    end
    return list
end

-- A condition on another score: on a part that it has.
local function add_score(making, entries)
    local random, other = making.random, making.random:pick(making.others)
    local parts = { "" }
    if other.combined then parts = { "", ".fit", ".engagement" } end
    if other.labels then parts[#parts + 1] = ".label" end
    local part = random:pick(parts)
    if part == ".label" then
        entries["score:" .. other.name .. part] = random:chance(70) and random:pick(other.labels)
            or { none_of = { random:pick(other.labels) } }
    else
        entries["score:" .. other.name .. part] = condition(random, "points")
    end
end

local function add_property(making, owner, entries)
    local name, kind = choose_property(making, owner)
    local key = (RESERVED[owner][name] or making.random:chance(10)) and "property:" .. name or name
    if entries[name] == nil and entries["property:" .. name] == nil then
        entries[key] = condition(making.random, kind)
    end
end

local function add_time_or_name(making, entries)
    if making.random:chance(50) then
        entries.at = condition(making.random, "datetime")
    else
        entries.event = making.random:pick({ "open", "click", { "FORM SENT", "click" } })
    end
end

local WORDS = { "all", "any", "none" }

local function add_entry(making, owner, depth, entries)
    local random = making.random
    local way = random:int(1, 100)
    if way <= 20 and depth > 0 then
        entries[random:pick(WORDS)] = filters(making, owner, depth)
    elseif way <= 27 and owner == "event" then
        add_time_or_name(making, entries)
    elseif way <= 32 and owner ~= "event" then
        entries[random:pick({ "in_list", "not_in_list" })] = lists(random)
    elseif way <= 45 and owner ~= "event" then
        entries[random:pick({ "did", "did_not" })] = did(making)
    elseif way <= 60 and owner ~= "event" and making.others[1] then
        add_score(making, entries)
    else
        add_property(making, owner, entries)
    end
end

function filter(making, owner, depth)
    local entries = {}
    local wanted = making.random:chance(60) and 1 or making.random:int(2, 3)
    while next(entries) == nil or wanted > 0 do
        add_entry(making, owner, depth, entries)
        wanted = wanted - 1
    end
    if making.relate and owner ~= "event" then making.relate(making, owner, entries) end
    return entries
end

-- Rules ---------------------------------------------------------------------------------------------------------------

local KEYS = { text = TEXTS, set = TEXTS, plain_set = TEXTS, number = NUMBERS, boolean = { true, false },
    datetime = DAYS }

local function points_by(random, kind)
    local by = {}
    for _, key in ipairs(random:some(KEYS[kind], 1, 4)) do
        by[key] = points(random)
    end
    return by
end

local function bands(random, kind)
    local list = {}
    for i = 1, random:int(1, 3) do
        local band = condition(random, kind)
        if type(band) ~= "table" then
            band = kind == "plain_set" and { any_of = { band } } or kind == "set" and { any_of = { band } }
                or { is = band }
        elseif band[1] ~= nil then
            band = { any_of = band }
        end
        band.points = points(random)
        list[i] = band
    end
    return list
end

local function add_choice(making, owner, rule)
    local random = making.random
    local name, kind = choose_property(making, owner)
    rule.property = name
    if random:chance(50) then
        rule.points_by = points_by(random, kind)
    else
        rule.bands = bands(random, kind)
    end
    rule.otherwise = random:chance(40) and points(random) or nil
end

local PERCENTS = { 50, 100, 10, 33.333333, 0.5, 25 }

local function decay(random)
    local way = random:int(1, 10)
    if way <= 2 then return { half_life = random:pick(SPANS) } end
    return { percent = random:pick(PERCENTS), every = random:pick(SPANS), curve = way <= 4 and "linear" or nil }
end

local function limit(random)
    local way = random:int(1, 6)
    if way <= 2 then return random:pick({ 0, 5, 12.5, 40 }) end
    if way == 3 then return { max = random:pick({ -1, 0, 10, 33.3 }) } end
    if way == 4 then return { min = random:pick({ -10, 0, 2.5, 6 }) } end
    return { min = random:pick({ -20, -0.5, 0, 3 }), max = random:pick({ 3, 8.000001, 50 }) }
end

local function add_frequency(random, rule)
    local way = random:int(1, 10)
    if way <= 3 then
        rule.times, rule.points = times(random), points(random)
    elseif way == 4 then
        rule.times = times_bands(random)
    else
        rule.points = points(random)
        rule.latest = way == 5 and random:int(1, 4) or nil
    end
end

local function once_per(random)
    if random:chance(50) then return "day" end
    return { property = random:pick({ "form", "url", "amount", "topics", "event", "at" }) }
end

local function event_rule(making)
    local random = making.random
    local rule = { event = event_names(random) }
    rule.where = random:chance(35) and filter(making, "event", 2) or nil
    rule.within = random:chance(35) and within(random) or nil
    rule.once_per = random:chance(20) and once_per(random) or nil
    if random:chance(25) then
        add_choice(making, "event", rule)
        rule.latest = random:chance(20) and random:int(1, 3) or nil
    else
        add_frequency(random, rule)
    end
    if random:chance(40) then
        rule.decay = random:chance(85) and decay(random)
    end
    return rule
end

local function fit_rule(making)
    local rule = {}
    if making.random:chance(40) then
        add_choice(making, making.object, rule)
    else
        rule.when, rule.points = filter(making, making.object, 3), points(making.random)
    end
    return rule
end

local function make_rule(making, events)
    return events and event_rule(making) or fit_rule(making)
end

local function add_common(random, rule, number)
    rule.name = random:chance(30) and "Rule " .. number or nil
    rule.limit = random:chance(20) and limit(random) or nil
    if random:chance(8) then rule.enabled = false end
    return rule
end

-- Groups and definitions ----------------------------------------------------------------------------------------------

local function has_kinds(group)
    local events, others, rollups = false, false, false
    for _, rule in ipairs(group.rules) do
        events, others = events or rule.event ~= nil, others or rule.event == nil
        rollups = rollups or rule.rollup ~= nil
    end
    return events, others, rollups
end

local function make_group(making, number)
    local random = making.random
    local group, mix = { name = "Group " .. number, rules = {} }, random:int(1, 5)
    for i = 1, random:int(1, making.most_rules) do
        local events = mix <= 2 or mix == 3 and random:chance(50)
        group.rules[i] = add_common(random, making.rule(making, events), i)
    end
    local events, others, rollups = has_kinds(group)
    if events and others or rollups then
        group.kind = random:pick({ "fit", "engagement" })
    elseif random:chance(15) then
        group.kind = random:pick({ "fit", "engagement" })
    end
    group.limit = random:chance(35) and limit(random) or nil
    group.decay = events and random:chance(35) and decay(random) or nil
    return group
end

local function kinds_of(groups)
    local found = {}
    for _, group in ipairs(groups) do
        found[group.kind or (has_kinds(group) and "engagement" or "fit")] = true
    end
    return found
end

local function short_bands(random)
    local medium = random:pick({ -3, 0, 2.5, 10 })
    return { high = medium + random:pick({ 0.000001, 1, 20 }), medium = medium }
end

local function named_bands(random, prefix)
    local list, bound = {}, random:pick({ 40, 12.5, 5 })
    for i = 1, random:int(1, 4) do
        list[i] = { label = prefix .. i, at_least = bound }
        bound = bound - random:pick({ 0.5, 4, 10 })
    end
    list[#list].at_least = nil
    return list
end

local function labels_of(list, short)
    if list.high then return short end
    local labels = {}
    for i, band in ipairs(list) do
        labels[i] = band.label
    end
    return labels
end

local function joined_labels(thresholds)
    local labels, between = {}, thresholds.fit.high and thresholds.engagement.high and "" or " "
    for _, fit in ipairs(labels_of(thresholds.fit, { "A", "B", "C" })) do
        for _, engagement in ipairs(labels_of(thresholds.engagement, { "1", "2", "3" })) do
            labels[#labels + 1] = fit .. between .. engagement
        end
    end
    return labels
end

local function bands_of(random, prefix)
    return random:chance(50) and short_bands(random) or named_bands(random, prefix)
end

-- The thresholds, and what they may say.
local function thresholds(random, combined)
    if combined and random:chance(50) then
        local both = { fit = bands_of(random, "Fit "), engagement = bands_of(random, "Seen ") }
        return both, joined_labels(both)
    end
    local list = bands_of(random, "Band ")
    return list, labels_of(list, { "High", "Medium", "Low" })
end

local function total_limit(random, kinds)
    local whole = limit(random)
    if type(whole) == "number" then whole = { min = -whole, max = whole } end
    for _, kind in ipairs({ "fit", "engagement" }) do
        if kinds[kind] and random:chance(40) then
            local part = limit(random)
            whole[kind] = type(part) == "table" and part or { max = part }
        end
    end
    return whole
end

-- Which properties are declared: none, some or all.
local function declare(random, owners, object)
    local declared, any, most = {}, false, random:pick({ 0, 50, 100, 100 })
    local properties = {}
    for _, owner in ipairs(owners) do
        for _, kind in ipairs(KINDS) do
            for _, name in ipairs(PROPERTIES[owner][kind]) do
                if random:chance(most) then
                    local led = owner ~= object or random:chance(30)
                    properties[led and owner .. "." .. name or name] = kind
                    declared[owner .. "." .. name], any = true, true
                end
            end
        end
    end
    return any and properties or nil, declared, most == 100
end

local function make_definition(making, name)
    local random = making.random
    local properties, declared, all = declare(random, making.owners, making.object)
    local definition = { name = name, properties = properties, groups = {} }
    making.declared = declared
    for i = 1, random:int(1, 3) do
        definition.groups[i] = make_group(making, i)
    end
    local kinds = kinds_of(definition.groups)
    local about = { name = name, combined = kinds.fit and kinds.engagement, declared = all }
    definition.scope = random:chance(25) and filter(making, making.object, 2) or nil
    definition.limit = random:chance(35) and total_limit(random, kinds) or nil
    if random:chance(25) then definition.empty_until_scored = random:chance(80) end
    if random:chance(60) then definition.thresholds, about.labels = thresholds(random, about.combined) end
    if random:chance(20) then
        definition.kind = about.combined and "combined" or kinds.fit and "fit" or "engagement"
    end
    return definition, about
end

--- A list of valid definitions that may use each other's scores, in any order.
---@param random table
---@param options table|nil { definitions = how many at most, rules = of a group, at most }
---@return table[] definitions
---@return boolean declared whether the types of all properties are declared in each
function M.definitions(random, options)
    options = options or {}
    local making = { random = random, object = "contact", owners = { "contact", "event" }, others = {},
        most_rules = options.rules or 4, rule = make_rule }
    local list, declared = {}, true
    for i = 1, random:int(1, options.definitions or 3) do
        local about
        list[i], about = make_definition(making, random:pick({ "quality_", "web_", "fit_" }) .. i)
        making.others[i], declared = about, declared and about.declared
    end
    return random:shuffle(list), declared
end

-- Records -------------------------------------------------------------------------------------------------------------

local AROUND = { "", "", "", " ", "\t ", "\r\n" }

local DATA = {
    text = { "SE", "se", "Straße", "STRASSE", "strasse", "É", "é", "e\204\129", "AB", "abc", "ABCD", "x y", "other",
        "a,\"b\"", "two\nlines", "2025-06-01", "7" },
    number = { "5", "5.0", "+5", "50e-1", "-1", "0", "-0", ".1", "0.1", "2.5", "10", "50", "1e5", "99999.999", "51" },
    boolean = { "true", "Yes", "1", "FALSE", "no", "0" },
    datetime = { "2024-02-29", "2024-02-29T23:59:59Z", "2025-06-01", "2025-05-31T23:59:59", "2025-06-15 09:30",
        "2025-06-15T09:30:01.5Z", "2025-06-15T11:30:00+02:00", "2025-06-16", "1748736000", "1748736000999" },
}
local WRONG = { number = { "five", "0x10", "5.", "1 000", "nan" }, boolean = { "maybe", "2" },
    datetime = { "31/01/2025", "2025-02-30", "soon" } }
local LENGTHS = { 0, 1, 100, 5400, 43200, DAY, 7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY, 90 * DAY, 365 * DAY }

-- An instant around `at`: one that a window, a step or a day begins or ends at.
local function instant(random, at)
    local way = random:int(1, 100)
    if way <= 50 then return at - random:pick(LENGTHS) * random:int(0, 3) + random:pick({ -1, 0, 0, 0, 1 }) end
    if way <= 65 then return at - at % DAY - random:int(0, 40) * DAY + random:pick({ 0, 0, -1 }) end
    if way <= 72 then return at + random:pick({ 1, DAY, 7 * DAY, 30 * DAY }) end
    return at - random:int(0, 120 * DAY)
end

local function set_value(random)
    if random:chance(10) then return random:pick({ ";", " ; ", {} }) end
    local values = random:some(DATA.text, 1, 3)
    if random:chance(30) then values[#values + 1] = values[1] end
    if random:chance(20) then values[#values + 1] = "" end
    for i, value in ipairs(values) do
        values[i] = value:gsub(";", "") .. random:pick({ "", "", " " })
    end
    return random:chance(50) and values or table.concat(values, ";")
end

local NATIVE = { number = { 5, 2.5, 0.1, -1, 100000 }, boolean = { true, false } }

local function data_value(random, kind, at, lenient)
    if random:chance(20) then return random:pick({ "", " " }) end
    if lenient and WRONG[kind] and random:chance(15) then return random:pick(WRONG[kind]) end
    if kind == "set" then return set_value(random) end
    if kind == "datetime" and random:chance(50) then return instant(random, at) end
    if NATIVE[kind] and random:chance(30) then return random:pick(NATIVE[kind]) end
    local around = AROUND
    return random:pick(around) .. random:pick(DATA[kind]) .. random:pick(around)
end

local function add_properties(random, owner, at, lenient, into)
    for _, kind in ipairs(KINDS) do
        for _, name in ipairs(PROPERTIES[owner][kind]) do
            if random:chance(75) then into[name] = data_value(random, kind, at, lenient) end
        end
    end
    return into
end

local FAR = { -14200000000, -315619200, -1, 0, 190079999, 190080000, 4485047295, 4485047296, 7000000000 }

local function event_of(random, at, lenient, wide)
    local event = { event = random:pick(EVENTS), at = instant(random, at) }
    if wide and random:chance(15) then event.at = random:pick(FAR) end
    if random:chance(10) then event.event = " " .. event.event .. "\t" end
    return add_properties(random, "event", at, lenient, event)
end

local function events_of(random, at, lenient, wide, many)
    local events, count = {}, random:pick({ 0, 1, 2, 3, 5, 8 })
    if many then count = random:int(100, 400) end
    for i = 1, count do
        events[i] = event_of(random, at, lenient, wide)
        if i > 1 and random:chance(25) then events[i].at = events[random:int(1, i - 1)].at end
    end
    return events
end

--- Records, as the one-record scorer takes them: `id`, properties, `events`, `lists`.
---@param random table
---@param at integer the instant that their times lie around
---@param options table|nil { records = how many, lenient = some cells cannot be read, wide = times far away,
--- many = one record has hundreds of events }
---@return table[]
function M.records(random, at, options)
    options = options or {}
    local records = {}
    for i = 1, options.records or 8 do
        local record = add_properties(random, "contact", at, options.lenient, {})
        record.id = "r" .. i
        record.events = events_of(random, at, options.lenient, options.wide, options.many and i == 1)
        record.lists = random:some(LISTS, 0, 2)
        records[i] = record
    end
    return records
end

--- An instant of scoring, most often not at midnight.
function M.instant(random)
    local way = random:int(1, 10)
    if way == 1 then return 1749945600 end -- 2025-06-15
    if way == 2 then return random:pick({ 31535999, 189302400, 4733510400 }) end -- 1970, 1976, 2120
    return 1749945600 + random:int(1, 86399)
end

M.lists, M.properties, M.kinds = LISTS, PROPERTIES, KINDS

-- For spec/random_related.lua.
M.make_definition, M.make_rule, M.filter, M.add_choice = make_definition, make_rule, filter, add_choice
M.condition, M.events_of, M.event_of, M.add_properties = condition, events_of, event_of, add_properties

return M
