-- What the kernels' tables do not hold, and where columns and lanes change their width: every way of scoring must go on
-- giving the same, and a sum that is too large must be the same error.

local leadscore = require("leadscore")
local random = require("spec.random")
local ways = require("spec.ways")

local AT = 1750000000
local DAY, HOUR = 86400, 3600

local function define(rules, more)
    local definition = { name = "main", groups = { { name = "Group", rules = rules } } }
    for key, value in pairs(more or {}) do
        definition[key] = value
    end
    return definition
end

local function events(count, make)
    local list = {}
    for i = 1, count do
        list[i] = make(i)
        list[i].event, list[i].at = list[i].event or "e", list[i].at or AT
    end
    return list
end

local function record(id, list, properties)
    local made = { id = id, events = list }
    for key, value in pairs(properties or {}) do
        made[key] = value
    end
    return made
end

local function dataset_of(records)
    return assert(ways.dataset(ways.rows(records, AT, {})))
end

-- From a value, or from all parts of a combined score.
local function expected_score(expected, found)
    local score = type(expected) == "table" and expected or { value = expected }
    score.in_scope, score.scored = true, found.scored
    return score
end

-- Holds batch, threads, one record and explanation against each other, and against the reference or what is given.
-- Returns the value of the first record.
local function agree(definitions, records, expected)
    local set = assert(leadscore.define(definitions.groups and { definitions } or definitions))
    local dataset = dataset_of(records)
    local batch = assert(ways.batch(set, dataset, AT, 1))
    local threads = assert(ways.batch(set, dataset, AT, 3))
    for i, one in ipairs(records) do
        local want = expected and { main = expected_score(expected[i], batch[one.id].main) }
            or ways.expected(definitions, one, AT)
        local got, explained = assert(set:score(one, AT)), assert(ways.explain(set, dataset, one.id, AT))
        local differences = {}
        for _, score in ipairs(explained.scores) do
            local name = score.name
            ways.compare(differences, one.id .. " batch", name, want[name], batch[one.id][name])
            ways.compare(differences, one.id .. " threads", name, want[name], threads[one.id][name])
            ways.compare(differences, one.id .. " one record", name, want[name], got[name] or got, true)
            ways.compare(differences, one.id .. " explanation", name, want[name], score)
        end
        assert.are.equal("", table.concat(differences, "\n"))
    end
    return batch[records[1].id].main.value
end

describe("step decays", function()
    local ages = { 0, 1, HOUR - 1, HOUR, 4095 * HOUR, 4096 * HOUR, 4097 * HOUR, 9999 * HOUR, 10000 * HOUR,
        10001 * HOUR }

    local function aged(name)
        return events(#ages, function(i) return { event = name, at = AT - ages[i] } end)
    end

    it("of more than 4096 steps", function()
        agree(define({ { event = "e", points = 123.456789, decay = { percent = 0.01, every = "1 hour" } } }),
            { record("a", aged()), record("b", {}), record("c", events(3, function() return {} end)) })
    end)

    it("of 4096 steps and one more", function()
        for _, percent in ipairs({ 0.024415, 0.024414, 0.02442 }) do -- 4096, 4097 and 4096 steps
            agree(define({ { event = "e", points = -7.5, decay = { percent = percent, every = "1 hour" } } }),
                { record("a", aged()) })
        end
    end)

    it("whose steps are too many together", function()
        local rules = {}
        for i = 1, 12 do
            rules[i] = { event = { "e", "f" .. i }, points = i + 0.000001,
                decay = { percent = (200 + i) / 1000, every = i .. " hours" } }
        end
        agree(define(rules, { thresholds = { high = 100, medium = 0.5 } }),
            { record("a", aged()), record("b", aged("f7")) })
    end)

    it("whose entries are too many bytes", function()
        local rules = {}
        for i = 1, 40 do
            rules[i] = { event = "e", where = { p = { "v" .. i, "v" .. i + 1 } }, points = i,
                decay = { percent = 1, every = i .. " hours" } }
        end
        agree(define(rules), { record("a", events(200, function(i)
            return { at = AT - i * 7 * HOUR, p = "v" .. i % 43 }
        end)) })
    end)

    it("over spans longer than all time", function()
        agree(define({ { event = "e", points = 5, decay = { percent = 0.000001, every = "9000 years" } } }),
            { record("a", { { "e", -60000000000 }, { "e", AT } }) })
    end)
end)

describe("filters", function()
    -- 13 classes of each of the properties that are asked: 13^4 combinations.
    local function rules_of(properties)
        local rules = {}
        for i = 1, 12 do
            local where = {}
            for p = 1, properties do
                where["p" .. p] = { is_not = "v" .. i, missing = p == 1 or nil }
            end
            rules[i] = { event = "e", where = where, points = i / 10, times = i % 4 == 0 and { at_least = 3 } or nil,
                latest = i % 5 == 0 and 7 or nil }
        end
        return rules
    end

    local function varied(count)
        return events(count, function(i)
            local event = { at = AT - i * HOUR }
            for p = 1, 5 do
                event["p" .. p] = i % 7 ~= p and "v" .. (i * p) % 14 or ""
            end
            return event
        end)
    end

    it("whose classes fit the map, and do not", function()
        for properties = 1, 5 do
            agree(define(rules_of(properties)), { record("a", varied(150)), record("b", varied(3)), record("c", {}) })
        end
    end)

    it("that outgrow the map from one record to the next", function()
        local set = assert(leadscore.define({ define(rules_of(4)) }))
        for _, count in ipairs({ 1, 2, 200, 3, 150, 1 }) do
            local one = record("r" .. count, varied(count))
            local expected = ways.expected({ define(rules_of(4)) }, one, AT).main
            assert.are.equal(tonumber(expected.value), set:score(one, AT).main.value)
        end
    end)

    it("on the event's own name and time beside others", function()
        local rules = rules_of(3)
        rules[1].where.event, rules[2].where.at = "E", { in_last = "2 days" }
        rules[3].where.at, rules[3].where.event = { after = "2025-06-10" }, { "e", "x" }
        agree(define(rules), { record("a", varied(90)) })
    end)
end)

describe("many rules", function()
    it("more than 64 and than 128 event rules and did filters", function()
        for _, count in ipairs({ 63, 64, 65, 129, 300 }) do
            local rules = {}
            for i = 1, count do
                rules[i] = { event = { "e" .. i % 7, "x" .. i }, points = i % 3 - 0.5 }
                if i % 5 == 0 then
                    rules[i].times = { at_least = i % 4 + 1 }
                elseif i % 11 == 0 then
                    rules[i].latest = 2
                end
                if i % 6 == 0 then rules[i].within = "3 days" end
            end
            local groups = { { name = "Events", rules = rules }, { name = "Fit", rules = {
                { when = { did = { event = "e3", times = { at_least = 2 } }, did_not = "x" .. count }, points = 5 },
            } } }
            agree(define(nil, { groups = groups }), { record("a", events(60, function(i)
                return { event = i % 9 == 0 and "x" .. i or "e" .. i % 9, at = AT - i * HOUR * 5 }
            end)), record("b", {}) })
        end
    end)

    -- Every limited rule is a sum of its own: more lanes than a byte counts words.
    it("of which each has a limit", function()
        local rules, value = {}, 0
        for i = 1, 700 do
            rules[i] = { event = "e", limit = 1000000 + i, property = "p",
                points_by = { a = 999999.999999, b = 0.000001, c = -i } }
        end
        local list = events(3, function(i) return { p = ("abc"):sub(i, i) } end)
        for i = 1, 700 do
            value = value + 1000000 - i
        end
        agree(define(rules), { record("a", list), record("b", {}) }, { ("%d"):format(value), "0" })
    end)
end)

describe("lanes", function()
    it("of the largest points many times", function()
        for _, points in ipairs({ 1000000, -1000000, 999999.999999, -999999.999999 }) do
            local list = events(3000, function(i) return { event = i % 2 == 0 and "e" or "f" } end)
            agree(define({ { event = "e", points = points }, { event = { "e", "f" }, points = -points },
                { event = "f", points = 0.000001 } }), { record("a", list) })
        end
    end)

    it("of sums that are no doubles", function()
        local list = events(20011, function(i) return { event = i % 3 == 0 and "e" or "f" } end)
        -- 6670 * 1000000 - 13341 * 0.000001, then 20011 * 999999.999999
        agree(define({ { event = "e", points = 1000000 }, { event = "f", points = -0.000001 } }),
            { record("a", list) }, { "6669999999.986659" })
        agree(define({ { event = { "e", "f" }, points = 999999.999999 } }), { record("a", list) },
            { "20010999999.979989" })
    end)

    it("of points of opposite signs by bucket", function()
        local decay = { percent = 33.333333, every = "1 day" }
        local list = events(500, function(i) return { event = i % 2 == 0 and "e" or "f", at = AT - i * HOUR } end)
        agree(define({ { event = "e", points = 1000000, decay = decay }, { event = "f", points = -1000000,
            decay = decay }, { event = { "e", "f" }, points = -0.000001, within = "90 hours" } }),
            { record("a", list), record("b", { { "f", AT - HOUR } }), record("c", {}) })
    end)
end)

describe("the largest sum", function()
    -- An event that holds all values of the set earns 10^9 points.
    local points_by, all = {}, {}
    for i = 1, 1000 do
        points_by["k" .. i], all[i] = 1000000, "k" .. i
    end
    local cell = table.concat(all, ";")

    local function whole(count, sign, name)
        local by = {}
        for key, points in pairs(points_by) do
            by[key] = sign * points
        end
        local definition = define({ { name = name, event = "e", property = "topics", points_by = by } },
            { properties = { ["event.topics"] = "set" } })
        return definition, record("ada", events(count, function() return { topics = cell } end))
    end

    -- every: every record is refused.
    local function refused(definition, one, words, every)
        local set = assert(leadscore.define({ definition }))
        local dataset = dataset_of(every and { one } or { record("before", {}), one, record("after", {}) })
        local results = { { ways.batch(set, dataset, AT, 1) }, { ways.batch(set, dataset, AT, 3) },
            { set:score(one, AT) }, { ways.explain(set, dataset, one.id, AT) }, { ways.explain_one(set, one, AT) } }
        for i, result in ipairs(results) do
            assert.is_nil(result[1], i)
            assert.are.equal("range", result[2].kind)
            for _, word in ipairs(words) do
                assert.truthy(result[2].message:find(word, 1, true), i .. ": " .. result[2].message)
            end
        end
        if not every then assert.are.equal(0, set:score(record("before", {}), AT).main.value) end
    end

    it("is 10^12 points, of either sign", function()
        for sign = -1, 1, 2 do
            local definition, one = whole(1000, sign)
            agree(definition, { one, record("b", {}) }, { ("%d"):format(sign * 1e12), "0" })
        end
    end)

    it("is an error beyond, which names record and rule", function()
        for sign = -1, 1, 2 do
            local definition, one = whole(1001, sign, "All topics")
            refused(definition, one, { "ada", "main", "groups[1].rules[1]" })
        end
    end)

    it("is an error beyond by a millionth", function()
        local definition, one = whole(1000, 1, "All topics")
        one.events[1001] = { event = "e", at = AT, topics = "least" }
        definition.groups[1].rules[1].points_by.least = 0.000001
        refused(definition, one, { "ada", "main", "groups[1].rules[1]" })
    end)

    it("is an error beyond also where a limit would clamp it", function()
        local definition, one = whole(1001, 1, "All topics")
        definition.groups[1].rules[1].limit = 5
        refused(definition, one, { "ada", "main", "groups[1].rules[1]" })
    end)

    it("is an error of a group, a category or the score", function()
        local definition, one = whole(1000, 1)
        definition.groups[1].rules[2] = { event = "f", points = 0.000001 }
        one.events[1001] = { "f", AT }
        refused(definition, one, { "ada", "main", "groups[1]" })
        definition.groups[2] = { name = "Other", rules = { table.remove(definition.groups[1].rules) } }
        refused(definition, one, { "ada", "main", "engagement" })
        definition.groups[2].kind = "fit"
        refused(definition, one, { "ada", "main" })
        definition.limit = { fit = { max = 0 } }
        agree(definition, { one }, { { value = "1000000000000", engagement = "1000000000000", fit = "0" } })
    end)

    it("may be reached by parts of opposite signs", function()
        local definition, one = whole(1000, 1)
        definition.groups[1].rules[2] = { event = "e", points = -1 }
        agree(definition, { one }, { "999999999000" })
    end)

    -- A limit may lift a rule that did not fire.
    it("counts what limits lift", function()
        for _, lifted in ipairs({ { min = 1e12 }, { max = -1e12 } }) do
            local rules = { { name = "First", event = "e", points = 1, limit = lifted } }
            local value = ("%d"):format(lifted.min or lifted.max)
            agree(define(rules), { record("ada", {}) }, { value })
            for i = 2, 12 do
                rules[i] = { event = "e", points = 1, limit = i > 2 and lifted
                    or lifted.min and { min = 0.000001 } or { max = -0.000001 } }
                local definition = define(rules)
                refused(definition, record("ada", {}), { "ada", "main", "groups[1]" }, true)
                definition.groups[1].limit = 5
                refused(definition, record("ada", {}), { "ada", "main", "groups[1]" }, true)
            end
        end
    end)
end)

describe("dictionaries", function()
    local COUNT = 66000 -- past 65,536: codes of four bytes

    local function numbered(prefix)
        return { [prefix .. 1] = 1, [prefix .. 254] = 2, [prefix .. 255] = 3, [prefix .. 256] = 4, [prefix .. 257] = 5,
            [prefix .. 65534] = 6, [prefix .. 65535] = 7, [prefix .. 65536] = 8, [prefix .. 65537] = 9,
            [prefix .. COUNT] = 10 }
    end

    local POINTS = numbered("")
    local named = { 1, 255, 256, 257, 300, 65535, 65536, COUNT }
    local is_named, names = {}, {}
    for i, number in ipairs(named) do
        is_named[number], names[i] = true, "n" .. number
    end

    local definition = define({ { event = "e", property = "page", points_by = numbered("PAGE") },
        { event = names, points = 0.5 },
        { event = { "e", "n300" }, once_per = { property = "page" }, points = 0.001 } })
    definition.groups[2] = { name = "Fit", rules = { { property = "name", points_by = numbered("Name") },
        { when = { name = { ends_with = "00" } }, points = 0.25 } } }

    local function numbered_record(i)
        return record("r" .. i, { { event = "e", at = AT, page = "page" .. i }, { event = "n" .. i, at = AT } },
            { name = "name" .. i })
    end

    local function expected(i)
        local value = (POINTS[tostring(i)] or 0) * 2 + (i == 300 and 0.002 or 0.001)
        return value + (is_named[i] and 0.5 or 0) + (i % 100 == 0 and 0.25 or 0)
    end

    local function close(i, value)
        assert(math.abs(value - expected(i)) < 1e-9, "r" .. i .. ": " .. value .. ", expected " .. expected(i))
    end

    it("grow past 256 and 65,536 values in a batch", function()
        local set, records = assert(leadscore.define({ definition })), {}
        for i = 1, COUNT do
            records[i] = numbered_record(i)
        end
        for _, threads in ipairs({ 1, 3 }) do
            local scores = assert(ways.batch(set, dataset_of(records), AT, threads))
            for i = 1, COUNT do
                close(i, tonumber(scores["r" .. i].main.value))
            end
        end
    end)

    it("grow past 256 and 65,536 values from record to record", function()
        local set = assert(leadscore.define({ definition }))
        for i = 1, 600 do
            close(i, set:score(numbered_record(i), AT).main.value)
        end
        local page = define({ { event = "e", property = "page", points_by = numbered("page") },
            { event = "e", once_per = { property = "page" }, points = 0.5 } })
        set = assert(leadscore.define({ page }))
        for i = 1, COUNT do
            local value = set:score({ events = { { event = "e", at = AT, page = "page" .. i } } }, AT).main.value
            assert((POINTS[tostring(i)] or 0) + 0.5 == value, i)
        end
    end)

    -- What the one-record scorer keeps is dropped past a limit: of bytes here.
    it("are dropped when they hold too many bytes", function()
        local set = assert(leadscore.define({ define({ { event = "e", where = { page = { ends_with = "7" } },
            points = 10 }, { event = "e", once_per = { property = "page" }, points = 1 } }) }))
        local long = ("x"):rep(1000000)
        for i = 1, 140 do
            local page = long .. i % 70
            assert.are.equal(i % 10 == 7 and 21 or 1,
                set:score({ events = { { event = "e", at = AT, page = page },
                    { event = i % 10 == 7 and "e" or "f", at = AT, page = page } } }, AT).main.value)
        end
    end)
end)

describe("a contact with 100,000 events", function()
    local COUNT = 100000

    local function many()
        return events(COUNT, function(i)
            return { event = i % 10 == 0 and "e" or "f", at = AT - i * 60, p = "v" .. i % 1000 }
        end)
    end

    it("is scored like any other", function()
        local one = record("b", many())
        local definition = define({
            { event = "e", points = 1 }, -- 10,000
            { event = "f", where = { p = { "v1", "v2", "v10" } }, points = 0.1 }, -- 20
            { event = "f", latest = 3, points = 7 }, -- 21
            { event = { "e", "f" }, once_per = "day", points = 0.01 }, -- 70 days: 0.7
            { event = "f", once_per = { property = "p" }, points = 2 }, -- 900 values: 1800
            { event = "e", times = { at_least = 10001 }, points = 5 },
            { event = "e", times = { exactly = 10000 }, points = 3, decay = { percent = 50, every = "10 minutes" } },
            { event = "f", within = "1 hour", points = 0.001 }, -- 59 minutes but 5: 0.054
        })
        local first, last = math.floor((AT - COUNT * 60) / DAY), math.floor((AT - 60) / DAY)
        assert.are.equal(69, last - first)
        agree(definition, { record("a", { { "e", AT } }), one, record("c", {}) }, { "1.01", "11843.254", "0" })
    end)

    it("is scored as the reference does, in small", function()
        local source, list = random.new(7), {}
        for i = 1, 9000 do -- more than a block of events
            list[i] = { event = source:pick({ "e", "f", "g" }), at = AT - source:int(-5, 4000) * 600,
                p = source:pick({ "a", "b", "B", "c", "" }) }
        end
        agree(define({
            { event = "e", where = { p = "b" }, points = 0.1, decay = { percent = 10, every = "1 day" } },
            { event = { "e", "g" }, once_per = "day", latest = 5, points = 3 },
            { event = "f", property = "p", points_by = { a = 1, b = -2 }, otherwise = 0.5 },
            { event = "f", once_per = { property = "p" }, points = 1, times = { at_least = 2 } },
        }), { record("a", list), record("b", { list[1], list[2] }), record("c", list) })
    end)
end)
