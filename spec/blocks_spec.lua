-- Batches are scored by blocks of rows and chunks of events, with vectors where the processor has them; one record is
-- scored by itself. Whatever the number of events of a row, wherever a chunk or a block ends, and whatever lanes can
-- hold, all of them say the same.

local leadscore = require("leadscore")
local ways = require("spec.ways")

local DAY = 86400
local AT = 1768382263 -- no midnight: 2026-01-14T09:17:43Z

-- Numbers that look random and are the same everywhere.
local function generator(seed)
    local state = seed
    return function(below)
        state = (state * 16807) % 2147483647
        return state % below
    end
end

-- ---- records ----------------------------------------------------------------------------------------------------

-- Around the sizes of groups of eight, parts of lanes, chunks and blocks.
local COUNTS = { 0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1024, 1025,
    2049 }
local AGES = { 1, 2, 7, 14, 20, 30, 45, 60, 90, 120, 180, 270, 360, 365, 400, 700 }

local function event_of(random, names, i, sorted)
    local age = AGES[random(#AGES) + 1] * DAY + random(3) - 1
    if random(3) == 0 then age = random(800 * DAY) end
    if random(40) == 0 then age = -random(3 * DAY) end
    if sorted then age = (3000 - i) * 7200 + random(3) * 3600 end
    return {
        event = "e" .. random(names) + 1, at = AT - age, page = ("p%d/%s"):format(random(7),
            random(2) == 0 and "a" or "B"),
        seconds = random(4) > 0 and random(200) * 5 or nil, campaign = random(3) > 0 and "C" .. random(5) or nil,
        session = random(5) > 0 and (random(2) == 0 and "s" or "S") .. random(30) or nil,
    }
end

local function record_of(random, names, id, count)
    local events, sorted = {}, random(2) == 0
    if random(3) == 0 then names = 1 end
    for i = 1, count do
        events[i] = event_of(random, names, i, sorted)
    end
    return {
        id = "r" .. id, plan = random(3) > 0 and "p" .. random(3) or nil, size = random(4) > 0 and random(500) or nil,
        created = random(3) > 0 and AT - random(400) * DAY or nil, events = events,
    }
end

-- Every count somewhere among many small rows, so that chunks and blocks end in all kinds of places.
local function records(names, small)
    local random, list = generator(names * 7919 + small), {}
    for i = 1, small do
        list[i] = record_of(random, names, i, i % 9 == 0 and COUNTS[random(#COUNTS) + 1] or random(40))
    end
    for _, count in ipairs(COUNTS) do
        list[#list + 1] = record_of(random, names, #list + 1, count)
    end
    return list
end

-- ---- definitions ------------------------------------------------------------------------------------------------

local function rule_of_each_name(names, rule)
    local rules = {}
    for i = 1, names do
        rules[i] = rule(i)
    end
    return rules
end

local function definition(rules, more)
    local made = { name = "score", limit = { min = -1000000, max = 1000000 },
        groups = { { name = "Events", kind = "engagement", rules = rules } } }
    for key, value in pairs(more or {}) do
        made[key] = value
    end
    return made
end

local FIT = { name = "Fit", limit = 30, rules = {
    { when = { plan = { "p1", "p2" } }, points = 5 },
    { property = "size", bands = { { at_least = 200, points = 10.5 }, { at_least = 20, points = -3 } } },
    { when = { created = { in_last = "90 days" } }, points = 3 },
} }

local SHAPES = {
    { "no property", 5, definition(rule_of_each_name(4, function(i)
        return { event = "e" .. i, points = i * 1.25, decay = i > 1 and { percent = 10 * i, every = "1 month" } or nil }
    end)) },
    { "a negative rule and counts", 6, definition({
        { event = "e1", points = -15 }, { event = "e2", points = 3, within = "60 days" },
        { event = "e3", within = "90 days", times = { at_least = 3 }, points = 10 },
        { event = "e4", within = "30 days", times = { { at_least = 20, points = 7 }, { between = { 2, 5 },
            points = 1 } } },
        { event = "e5", times = { exactly = 0 }, points = 0.5 },
    }, { empty_until_scored = true }) },
    { "one property", 12, definition({
        { event = "e1", where = { page = { contains = "p1" } }, points = 15, decay = { percent = 25,
            every = "3 months" } },
        { event = { "e2", "e1" }, property = "page", points_by = { ["p2/b"] = 2, ["p3/a"] = -1.5 }, otherwise = 0.25 },
        { event = "e3", points = 20, decay = { percent = 100, every = "3 months" } },
        { event = "e4", where = { page = { starts_with = "p0/" } }, within = "30 days", times = { at_least = 2 },
            points = 4 },
    }) },
    { "a wide property", 3, definition({
        { event = "e1", property = "seconds", bands = { { at_least = 500, points = 2 }, { at_least = 100,
            points = 1 } } },
        { event = "e2", where = { seconds = { known = false } }, points = 7, decay = { percent = 50,
            every = "1 week" } },
    }) },
    { "more than eight thresholds", 4, definition({
        { event = "e1", points = 9, decay = { percent = 8, every = "1 month" } }, { event = "e2", points = 1,
            within = "45 days" },
    }) },
    { "more than sixteen thresholds", 4, definition({
        { event = "e1", points = 9, decay = { percent = 3, every = "2 weeks" } }, { event = "e2", points = 1,
            within = "45 days" },
    }) },
    { "thresholds near each other", 4, definition({
        { event = "e1", points = 9, decay = { percent = 5, every = "1 hour" } }, { event = "e2", points = 1,
            within = "1 day" },
        { event = "e3", points = 2, within = { after = "2025-06-01", before = "2025-12-31T12:34:56" } },
    }) },
    { "many names", 40, definition(rule_of_each_name(30, function(i)
        return { event = "e" .. i, points = i, within = i * 10 .. " days" }
    end)) },
    { "many sums", 9, definition(rule_of_each_name(9, function(i)
        return { event = "e" .. i, points = 1000 + i / 8, limit = 50000 * i, decay = { percent = 20,
            every = "1 month" } }
    end)) },
    { "many counts", 9, definition(rule_of_each_name(18, function(i)
        return { event = "e" .. (i - 1) % 9 + 1, within = 20 * i .. " days", times = { at_least = i }, points = i }
    end)) },
    { "the largest points", 3, definition({
        { event = "e1", points = 1000000 }, { event = "e2", points = -999999.999999 }, { event = "e3",
            points = 0.000001 },
    }) },
    { "sums that fill their lanes", 2, definition({ -- 2^20 - 1 millionths
        { event = "e1", points = 1.048575 }, { event = "e2", points = 0.000001 }, { event = "e1", points = 1,
            limit = 9000 },
    }) },
    { "filters over several properties", 5, definition({
        { event = { "e1", "e2" }, where = { page = { ends_with = "/a" }, seconds = { at_least = 100 },
            campaign = { known = true } },
            points = 3 },
        { event = "e3", where = { any = { { page = "p1/a" }, { campaign = { "c1", "C2" },
            seconds = { less_than = 700 } } } },
            points = 2, decay = { percent = 30, every = "1 month" } },
    }) },
    { "curves", 5, definition({
        { event = "e1", points = 7, decay = { half_life = "14 days" } },
        { event = "e2", points = -3.3, decay = { percent = 40, every = "45 days", curve = "linear" } },
        { event = "e3", where = { page = { contains = "p1" } }, within = "200 days", times = { at_least = 2 },
            points = 8,
            decay = { half_life = "7 days" } },
        { event = "e4", property = "seconds", bands = { { at_least = 300, points = 6 } }, otherwise = 0.5,
            decay = { percent = 20, every = "2 weeks", curve = "linear" } },
    }) },
    { "lists", 5, definition({
        { event = "e1", once_per = "day", points = 1.125, decay = { percent = 50, every = "1 month",
            curve = "linear" } },
        { event = { "e1", "e2" }, once_per = { property = "session" }, points = 5, decay = { percent = 25,
            every = "3 months" } },
        { event = "e3", latest = 5, points = 2, decay = { half_life = "30 days" } },
        { event = { "e2", "e3" }, within = "180 days", once_per = "day", times = { { at_least = 10, points = 6 },
            { at_least = 3, points = 2 } }, decay = { percent = 50, every = "1 month" } },
        { event = "e4", once_per = { property = "page" }, latest = 3, property = "seconds",
            points_by = { [100] = 3, [200] = 9 }, otherwise = 1 },
    }) },
    { "asked event by event", 4, definition({
        { event = "e1", where = { at = { in_last = "300 days" }, page = { contains = "p1" } }, points = 2 },
        { event = "e2", where = { at = { after = "2025-09-01" } }, latest = 2, points = 3,
            decay = { half_life = "9 days" } },
        { event = "e3", points = 1 },
    }) },
    { "scope, filters and what was done", 6, definition({
        { event = "e1", points = 1 }, { event = "e2", points = 4, decay = { half_life = "20 days" } },
    }, {
        scope = { any = { { size = { at_least = 50 } }, { did = { event = "e3", within = "60 days",
            times = { at_least = 2 } } } } },
        groups = { FIT, { name = "Events", rules = {
            { event = "e1", points = 1, limit = 40 }, { event = "e2", points = 4, decay = { half_life = "20 days" } },
        } }, { name = "Both", kind = "fit", rules = {
            { when = { plan = "p1", size = { known = true }, did_not = { event = "e4", within = "90 days" } },
                points = 11 },
            { when = { none = { { plan = "p2" }, { created = { in_last = "30 days" },
                size = { less_than = 100 } } } }, points = 2 },
            { when = { any = { { in_list = "vip" }, { did = "e5", plan = { known = true } } } }, points = 1,
                limit = 0.5 },
        } } },
        limit = { min = -20, max = 60, fit = { max = 25 }, engagement = { min = 1, max = 50 } },
        thresholds = { fit = { { label = "A", at_least = 20 }, { label = "B", at_least = 10 }, { label = "C",
            at_least = 5 },
            { label = "D", at_least = 1 }, { label = "E" } }, engagement = { high = 40, medium = 10 } },
    }) },
}

-- Definitions that read the same properties and choose from the same occurrences; what these are worth ends at other
-- ages. One goes over another's score, one asks no event, one leaves others nothing that is old.
local function alike(name, k, more)
    return definition({
        { event = "e1", once_per = "day", points = k + 0.125, decay = { percent = 10 * k, every = "1 month",
            curve = "linear" } },
        { event = { "e1", "e2" }, once_per = { property = "session" }, points = k, decay = { percent = 25,
            every = k .. " months" } },
        { event = "e3", latest = 5, points = 2 * k, decay = { half_life = 10 * k .. " days" } },
        { event = { "e2", "e3" }, within = "180 days", once_per = "day", times = { { at_least = 4 + k, points = 6 },
            { at_least = 3, points = 2 } }, decay = { percent = 50, every = "1 month" } },
        { event = "e4", where = { page = { contains = "p" .. k }, seconds = { at_least = 100 * k },
            campaign = { known = k % 2 == 0 } }, points = 3, decay = { half_life = "7 days" } },
        { event = "e5", property = "seconds", bands = { { at_least = 300 * k, points = 6 } }, otherwise = 0.5,
            decay = { percent = 20, every = "2 weeks", curve = "linear" } },
        { event = { "e4", "e5" }, within = 20 * k .. " days", times = { at_least = 2 }, points = 10,
            decay = { percent = 100, every = "1 month", curve = "linear" } },
        { event = "e2", where = { campaign = "c" .. k }, points = -k, within = { after = "2025-0" .. k .. "-01" } },
    }, { name = name, empty_until_scored = true, limit = more })
end

local ALIKE = {
    alike("one", 1), alike("two", 2, { min = -50, max = 5000 }),
    definition({ { event = "e3", latest = 5, points = 0, decay = { half_life = "10 days" } },
        { event = "e1", where = { page = { starts_with = "p1/" } }, points = 1, decay = { half_life = "1 day" } } },
        { name = "three", empty_until_scored = true }),
    { name = "four", groups = { { name = "Fit", kind = "fit", rules = {
        { when = { ["score:two"] = { at_least = 20 }, plan = { known = true } }, points = 3 },
        { when = { ["score:six"] = { less_than = 0 } }, points = -1 } } } } },
    alike("five", 3), alike("six", 4),
}

-- ---- all ways ---------------------------------------------------------------------------------------------------

local LISTS = { vip = { "r3", "r4", "r130", "r131" } }

local function in_lists(record)
    for _, id in ipairs(LISTS.vip) do
        if id == record.id then return { "vip" } end
    end
end

local function compare(differences, way, want, got, numbers)
    ways.compare(differences, way, "score", want, got, numbers)
end

-- Scores in the columns of a result of another instant, which was closed.
local function again(set, dataset, at, threads)
    local _, earlier = assert(ways.batch(set, dataset, at - 40 * DAY, threads))
    earlier:close()
    return ways.batch(set, dataset, at, threads)
end

local function check(set, list, names)
    local all = {}
    for i, record in ipairs(list) do
        record.lists = in_lists(record)
        all[i] = record
    end
    local contacts, events, lists = ways.rows(all, AT, { "vip" })
    local best = assert(again(set, assert(ways.dataset(contacts, events, lists, { plan = set:_open() })), AT, 2))
    local portable = assert(ways.batch(set, assert(ways.dataset(contacts, events, lists, { portable = true })), AT, 1))
    for _, record in ipairs(list) do
        local differences, one = {}, assert(set:score(record, AT))
        for _, name in ipairs(names or { "score" }) do
            compare(differences, "vectors, one record: " .. name, best[record.id][name], one[name], true)
            compare(differences, "portable, vectors: " .. name, portable[record.id][name], best[record.id][name])
        end
        if #differences > 0 then
            error(("record %s of %d events: %s"):format(record.id, #record.events, table.concat(differences, "; ")), 0)
        end
    end
    return best
end

describe("rows of any number of events", function()
    for _, shape in ipairs(SHAPES) do
        it("have the same score by blocks and by themselves: " .. shape[1], function()
            local best = check(assert(leadscore.define({ shape[3] })), records(shape[2], 110))
            local distinct, seen = 0, {}
            for _, scores in pairs(best) do
                local value = tostring(scores.score.value)
                distinct = distinct + (seen[value] and 0 or 1)
                seen[value] = true
            end
            assert.is_true(distinct > 3)
        end)
    end

    it("have the same score in definitions that use each other", function()
        local set = assert(leadscore.define({ SHAPES[#SHAPES - 2][3], {
            name = "other", groups = { { name = "Fit", kind = "fit", rules = {
                { when = { ["score:score"] = { at_least = 20 }, plan = { known = true } }, points = 3 },
                { when = { ["score:score"] = { less_than = 0 } }, points = -1 },
            } } },
        } }))
        check(set, records(5, 110))
    end)

    it("have the same scores where several definitions look at the same events", function()
        local set = assert(leadscore.define(ALIKE))
        local list = records(5, 110)
        for i = 1, 40 do -- whose events only say that some rule fired, if that
            list[#list + 1] = { id = "old" .. i, events = {
                { event = "e" .. i % 5 + 1, at = AT - 900 * DAY - i, page = "p1/a", seconds = 1000 },
                { event = "e" .. i % 3 + 1, at = AT - 800 * DAY, page = i % 2 == 0 and "p1/b" or "p3",
                    campaign = "C1" },
                { event = "e1", at = AT + i, page = "p1/a" },
            } }
        end
        check(set, list, { "one", "two", "three", "four", "five", "six" })
    end)
end)

-- ---- many values ------------------------------------------------------------------------------------------------

-- No two alike; some kinds appear late, and some texts fold to others.
local PAGES = { "p1/%d", "docs/%d", "DOCS/%d", "Docs/%d", "B\195\156cher/%d", "b\195\188cher/%d", "a/%d.html", "p3" }

local function page_of(random, i)
    local page = PAGES[random(#PAGES) + 1]:format(math.floor(i / 3))
    return i > 7000 and random(50) == 0 and page .. "/late" or page
end

local function records_of_values(count)
    local random, list = generator(20260114), {}
    for i = 1, count do
        list[i] = {
            id = "r" .. i, plan = ("plan %d"):format(i % 17), size = random(9) > 0 and i * 7 % 5003 or nil,
            created = random(9) > 0 and AT - i * 4999 or nil, lists = {},
            events = {
                { event = "e1", at = AT - random(300) * DAY, page = page_of(random, i) },
                { event = "e2", at = AT - random(300) * DAY, page = page_of(random, i), session = "S" .. i },
                { event = "e2", at = AT - random(300) * DAY, page = page_of(random, i), session = "s" .. i },
            },
        }
    end
    return list
end

local MANY_VALUES = {
    name = "score", limit = { min = -1000000, max = 1000000 },
    groups = { { name = "Fit", kind = "fit", rules = {
        { property = "size", bands = { { at_least = 4000, points = 3 }, { at_least = 99.5, points = 1 } },
            otherwise = -1 },
        { when = { created = { in_last = "90 days" } }, points = 5 },
        { when = { created = { before = "2025-06-01" }, plan = { any_of = { "Plan 3", "plan 11" } } }, points = 7 },
    } }, { name = "Events", kind = "engagement", rules = {
        { event = "e1", where = { page = { contains = "p1" } }, points = 2 },
        { event = "e1", where = { page = { ends_with = "/late" } }, points = 16 },
        { event = "e2", where = { page = { starts_with = "b\195\188" } }, points = 32,
            decay = { half_life = "30 days" } },
        { event = "e2", property = "page", points_by = { ["DOCS/40"] = 64, ["docs/2500"] = 128, p3 = 256 },
            otherwise = 1 },
        { event = { "e1", "e2" }, once_per = { property = "page" }, points = 512 },
        { event = "e2", once_per = { property = "session" }, points = 1024 },
    } } },
}

describe("more values than one thread takes at a time", function()
    it("have the same score by any number of threads and by themselves", function()
        local list = records_of_values(9000)
        local set = assert(leadscore.define({ MANY_VALUES }))
        local contacts, events, lists = ways.rows(list, AT, {})
        local batches = {}
        for way, of in pairs({ best = { 1, 2, 5 }, portable = { 2 } }) do
            local dataset = assert(ways.dataset(contacts, events, lists, { portable = way == "portable" }))
            for _, threads in ipairs(of) do
                batches[("%s, %d threads"):format(way, threads)] = assert(ways.batch(set, dataset, AT, threads))
            end
        end
        for _, record in ipairs(list) do
            local differences, one = {}, assert(set:score(record, AT)).score
            for way, scores in pairs(batches) do
                compare(differences, way .. ", one record", scores[record.id].score, one, true)
            end
            if #differences > 0 then error(record.id .. ": " .. table.concat(differences, "; "), 0) end
        end
    end)
end)
