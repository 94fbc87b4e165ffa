-- The vectors through the reference alone, so that each proves the other, and what the reference does besides.

local basics = require("spec.reference_values")
local reference = require("spec.reference")
local reference_next = require("spec.reference_next")
local vectors = require("spec.vectors")
local related = require("spec.vectors_related")
local random = require("spec.random")
local random_related = require("spec.random_related")

local NOW = 1749988800 -- 2025-06-15T12:00:00Z
local DAY = 86400

local function check_result(vector, result)
    for key, expected in pairs(vector.expect) do
        if key ~= "empty" then
            assert.are.equal(expected, result[key], vector.name .. ": " .. key)
        end
    end
    for _, key in ipairs(vector.expect.empty or {}) do
        assert.is_nil(result[key], vector.name .. ": " .. key)
    end
end

local function check(vector)
    check_result(vector, reference.score(vector.definition, vector.record, vector.at)[1])
end

-- All of the world at once, and its record alone.
local function check_world(vector)
    local world = reference.world(vector.world)
    local first = vector.definition[1] or vector.definition
    local object = first.object or "contact"
    for i, record in ipairs(world.records[object]) do
        if record.id == vector.id then
            check_result(vector, reference.score_all(vector.definition, world, vector.at)[object][i][1])
            return check_result(vector, reference.score(vector.definition, record, vector.at, world)[1])
        end
    end
    error("no record " .. vector.id)
end

-- A definition of one group.
local function define(rules, more)
    local definition = { name = "main", groups = { { name = "Group", rules = rules } } }
    for key, value in pairs(more or {}) do
        definition[key] = value
    end
    return definition
end

describe("the reference scorer", function()
    for _, vector in ipairs(vectors) do
        it(vector.name, function()
            check(vector)
        end)
    end

    for _, vector in ipairs(related.records) do
        it(vector.name, function()
            check(vector)
        end)
    end

    for _, vector in ipairs(related.worlds) do
        it(vector.name, function()
            check_world(vector)
        end)
    end

    it("has a name of its own for every vector", function()
        local seen = {}
        for _, list in ipairs({ vectors, related.records, related.worlds }) do
            for _, vector in ipairs(list) do
                assert.is_nil(seen[vector.name], vector.name)
                seen[vector.name] = true
            end
        end
    end)

    it("gives results in the order of the definitions", function()
        local first, second = define({ { when = { ["score:second"] = 2 }, points = 1 } }),
            define({ { when = { id = { known = true } }, points = 2 } }, { name = "second" })
        local results = reference.score({ first, second }, { id = "r1" }, NOW)
        assert.are.same({ "main", "second" }, { results[1].name, results[2].name })
        assert.are.same({ "1", "2" }, { results[1].value, results[2].value })
    end)

    it("does not depend on the order of events", function()
        local definition = define({ { event = "e", property = "p", points_by = { a = 1, b = 2, c = -3 }, latest = 3,
            once_per = "day", decay = { half_life = "3 days" } } })
        local events = {}
        for i = 1, 8 do
            events[i] = { event = "e", at = NOW - i % 5 * DAY, p = ("abc"):sub(i % 3 + 1, i % 3 + 1) }
        end
        local expected = reference.score(definition, { events = events }, NOW)[1].value
        for _ = 1, 8 do
            table.insert(events, 1, table.remove(events))
            assert.are.equal(expected, reference.score(definition, { events = events }, NOW)[1].value)
        end
    end)

    -- The points here are more than the language allows, since the reference would take hours over a million events.
    it("refuses a sum beyond 10^12 points", function()
        local definition = define({ { name = "Many", event = "e", points = 5e11, limit = 1 } })
        local events = { { "e", NOW }, { "e", NOW } }
        assert.are.equal("1", reference.score(definition, { events = events }, NOW)[1].value)
        events[3] = { "e", NOW }
        assert.has_error(function()
            reference.score(definition, { events = events }, NOW)
        end, "overflow: main Many")
    end)
end)

describe("the reference's associated records", function()
    local FILES = {
        contacts = "id,company_id,role\np1,c1,buyer\n p2 ,,user\np3,c2,user\np4,,\n",
        companies = "id,industry\nc2,Bank\nc1,Retail\n",
        deals = "id,company_id,amount\nd1,c1,5\nd2,,2.5\n",
        events = "contact_id,event,at,id\np1,visit,2025-06-01,e1\np1,visit,2025-06-01,e1\np2,visit,2025-06-02,e1\n"
            .. "p9,visit,2025-06-01,\np3,visit,2025-07-01,\n",
        associations = "from_object,from_id,to_object,to_id,label\ncontact, p2 ,company,c1,Primary\n"
            .. "company,c1,contact,p4,\ndeal,d2,company,c1,Main\n",
        lists = { vip = { "p4", "c1" } },
    }
    local web = { name = "web", groups = { { name = "Web", rules = { { event = "visit", points = 10 } } } } }
    local account = { name = "account", object = "company", groups = { { name = "Account", kind = "fit", rules = {
        { rollup = "sum", of = "score:web" }, { rollup = "sum", of = "amount", over = { relation = "deals" } },
        { event = "visit", points = 1, combine = "max", limit = 0.5 },
        { when = { in_list = "vip" }, points = 100 },
    } } } }
    local sizes = { name = "sizes", object = "deal", groups = { { name = "Fit", rules = {
        { when = { company = { ["score:account"] = { at_least = 1 } } }, points = 3 },
    } } } }

    local function values(results)
        local list = {}
        for i, result in ipairs(results) do
            list[i] = result[1] and result[1].name .. " " .. result[1].value
        end
        return list
    end

    local function by_name(results)
        local named = {}
        for _, result in ipairs(results) do
            named[result.name] = result
        end
        return named
    end

    it("come from files", function()
        local all = reference.score_all({ sizes, account, web }, reference.world_from_csv(FILES), NOW)
        assert.are.same({ "web 10", "web 10", "web 0", "web 0" }, values(all.contact))
        assert.are.same({ "account 0", "account 128" }, values(all.company))
        assert.are.same({ "sizes 3", "sizes 3" }, values(all.deal))
    end)

    it("are explained", function()
        local world = reference.world_from_csv(FILES)
        assert.are.same({ groups = { { name = "Account", kind = "fit", raw = "128", value = "128", fired = true,
            rules = {
                { raw = "20", value = "20", fired = true, members = 3 },
                { raw = "7.5", value = "7.5", fired = true, members = 2 },
                { raw = "1", value = "0.5", fired = true, occurrences = 2, members = 3 },
                { raw = "100", value = "100", fired = true },
            } } } }, reference.explain({ sizes, account, web }, world.records.company[2], NOW, world))
    end)

    it("know the record that they are inside", function()
        local definition = define({ { when = { company = { did = "visit" } }, points = 1 } })
        local record = { company = { industry = "Retail" }, events = { { "visit", NOW } } }
        assert.are.equal("1", reference.score(definition, record, NOW)[1].value)
    end)

    it("may be one record in several places", function()
        local definition = define({ { rollup = "count", over = { relation = "contacts" } },
            { event = "visit", points = 10 } }, { object = "company" })
        local contact = { id = "p1", events = { { "visit", NOW } } }
        local record = { contacts = { contact, { id = "p1", role = "user" } }, primary_contacts = { contact },
            deals = { { contacts = { { id = "p1", events = { { "visit", NOW } } } } } } }
        definition.groups[1].kind = "fit"
        assert.are.equal("11", reference.score(definition, record, NOW)[1].value)
    end)

    it("do not depend on the order of rows, records and definitions", function()
        for seed = 1, 40 do
            local choices = random.new(seed)
            local definitions = random_related.definitions(choices)
            local parts = random_related.world(choices, NOW)
            local world = reference.world(parts)
            local before, scores = reference.score_all(definitions, world, NOW), {}
            for object, records in pairs(world.records) do
                for i, record in ipairs(records) do
                    scores[record] = before[object][i]
                    assert.are.same(scores[record], reference.score(definitions, record, NOW, world))
                end
            end
            for _, key in ipairs({ "contacts", "companies", "deals", "associations" }) do
                parts[key] = choices:shuffle(parts[key])
            end
            definitions = choices:shuffle(definitions)
            local other = reference.world(parts)
            local after = reference.score_all(definitions, other, NOW)
            for object, records in pairs(other.records) do
                for i, record in ipairs(records) do
                    assert.are.same(by_name(scores[record]), by_name(after[object][i]))
                end
            end
        end
    end)

    it("have one primary company and known objects", function()
        local parts = { contacts = { { id = "p1", company_id = "c1" } }, companies = { { id = "c1" }, { id = "c2" } } }
        local row = { from_object = "company", from_id = "c1", to_object = "contact", to_id = "p1", label = "Primary" }
        parts.associations = { row }
        assert.has_no.errors(function() reference.world(parts) end)
        row.from_id = "c2"
        assert.has_error(function() reference.world(parts) end, "a second primary company")
        row.from_object = "account"
        assert.has_error(function() reference.world(parts) end, "unknown object")
    end)

    it("are not changed by being scored", function()
        local record = { id = "c1", contacts = { { id = "p1", labels = { "a" }, events = { { "visit", NOW } } } } }
        reference.score({ account, web }, record, NOW)
        assert.are.same({ id = "c1", contacts = { { id = "p1", labels = { "a" }, events = { { "visit", NOW } } } } },
            record)
    end)

    it("refuse a combined sum beyond 10^12 points", function()
        local definition = define({ { name = "Deals", rollup = "sum", of = "amount", over = { relation = "deals" } } },
            { object = "company" })
        local deals = { { amount = "1e12" }, { amount = "0.0000004" } }
        assert.are.equal("1000000000000", reference.score(definition, { deals = deals }, NOW)[1].value)
        deals[3] = { amount = "0.0000001" }
        assert.has_error(function()
            reference.score(definition, { deals = deals }, NOW)
        end, "overflow: main Deals")
        definition.groups[1].rules[1].rollup = "avg"
        assert.are.equal("333333333333.333334", reference.score(definition, { deals = deals }, NOW)[1].value)
    end)
end)

describe("the reference's explanation", function()
    it("adds up", function()
        local explanation = reference.explain({ name = "main", groups = {
            { name = "Events", limit = 12, decay = { percent = 50, every = "1 month" }, rules = {
                { event = "a", points = 10 }, { event = "b", points = 4, limit = 3 }, { event = "c", points = 1 },
            } },
            { name = "Fit", rules = { { when = { x = "1" }, points = 2 }, { when = { x = "2" }, points = 3 } } },
        } }, { x = "2", events = { { "a", NOW }, { "a", NOW - 30 * DAY }, { "b", NOW } } }, NOW)
        assert.are.same({ groups = {
            { name = "Events", kind = "engagement", raw = "18", value = "12", fired = true, rules = {
                { raw = "15", value = "15", fired = true, occurrences = 2 },
                { raw = "4", value = "3", fired = true, occurrences = 1 },
                { raw = "0", value = "0", fired = false, occurrences = 0 },
            } },
            { name = "Fit", kind = "fit", raw = "3", value = "3", fired = true, rules = {
                { raw = "0", value = "0", fired = false }, { raw = "3", value = "3", fired = true },
            } },
        } }, explanation)
    end)
end)

describe("the reference's CSV", function()
    it("reads RFC 4180", function()
        assert.are.same({
            { id = "1", ["full name"] = "Doe, \"Jo\"", note = "two\r\nlines" },
            { id = "2", ["full name"] = "", note = " x " },
            { id = "3", ["full name"] = "", note = "" },
        }, reference.read_csv("\239\187\191id,\"full name\",note\r\n1,\"Doe, \"\"Jo\"\"\",\"two\r\nlines\"\r\n"
            .. "2,, x \n\n3,\"\","))
    end)

    it("takes other delimiters", function()
        assert.are.same({ { a = "1,5", b = "x;y" } }, reference.read_csv("a;b\n1,5;\"x;y\"\n", ";"))
        assert.are.same({ { a = "1", b = "" } }, reference.read_csv("a\tb\n1\t\n", "\t"))
    end)

    it("joins contacts, events and lists", function()
        local records = reference.records("id,country\n 2 ,SE\n1,DK\n",
            "contact_id,event,at,id\n1,visit,2025-06-01,e1\n2,visit,2025-06-01,e1\n1,call,2025-06-02,e1\n"
            .. "1,call,2025-06-02,\n1,call,2025-06-02,\n9,visit,2025-06-01,e2\n", { vip = { "2", "7" } })
        assert.are.same({ "2", "1" }, { records[1].id, records[2].id })
        assert.are.same({ "vip" }, records[1].lists)
        assert.are.equal(1, #records[1].events)
        assert.are.equal(3, #records[2].events)
        local definition = define({ { event = "call", points = 5 } }, { scope = { not_in_list = "vip" } })
        assert.is_nil(reference.score(definition, records[1], NOW)[1].value)
        assert.are.equal("10", reference.score(definition, records[2], NOW)[1].value)
    end)
end)

describe("the reference's exact numbers", function()
    it("print as they are written", function()
        for _, text in ipairs({ "0", "1", "-1", "0.000001", "-0.000001", "999999.999999", "-1000000", "38.75",
            "1000000000000" }) do
            assert.are.equal(text, basics.print(basics.decimal(tonumber(text))))
        end
    end)

    it("round to the last place, half away from zero", function()
        local function places(number) return basics.print(basics.decimal(number, 12) * basics.int(1e6)) end
        for _, case in ipairs({ { 1e-12, "1" }, { 4.9e-13, "0" }, { 5e-13, "1" }, { -5e-13, "-1" }, { 1e-13, "0" },
            { 9e-13, "1" }, { 0.9999999999995, "1000000000000" }, { 1e-30, "0" }, { 1.5, "1500000000000" },
            { 1e21, "1" .. ("0"):rep(33) }, { -0.1, "-100000000000" } }) do
            assert.are.equal(case[2], places(case[1]))
        end
    end)

    it("halve exactly, and in between as the power does", function()
        for age = 0, 60 do
            local exact = tonumber(basics.print(basics.half_life(basics.decimal(1e6), age, 7)))
            assert.is_true(math.abs(exact - 1e6 * 2 ^ (-age / 7)) < 0.00000051)
        end
    end)
end)

describe("the reference's next change", function()
    local monthly = { percent = 50, every = "1 month" }
    local linear = { percent = 50, every = "1 month", curve = "linear" }

    local function next_change(definitions, record)
        return reference_next.next_change_at(definitions, record, NOW, "1 year")
    end

    local function changes(days, definition, record, seconds)
        assert.are.equal(days and NOW + days * DAY + (seconds or 0), next_change(definition, record)[1])
    end

    it("is a step", function()
        changes(20, define({ { event = "e", points = 10, decay = monthly } }), { events = { { "e", "10 days ago" } } })
    end)

    it("is the end of a window", function()
        local record = { events = { { "e", "10 days ago" } } }
        changes(20, define({ { event = "e", points = 10, within = "30 days" } }), record)
        changes(20, define({ { event = "e", points = 1, within = "30 days", times = { exactly = 0 } } }), record)
        changes(20, define({ { when = { did_not = { event = "e", within = "30 days" } }, points = 1 } }), record)
    end)

    it("is the boundary of a date", function()
        local function date(condition, value)
            return define({ { when = { x = condition }, points = 1 } }), { x = value }
        end
        changes(2, date({ in_last = "7 days" }, "2025-06-10T12:00:00Z"))
        changes(2, date({ more_than_ago = "7 days" }, "2025-06-10T12:00:00Z"))
        changes(3, date({ in_next = "7 days" }, "2025-06-25T12:00:00Z"))
        changes(3, date({ more_than_ahead = "7 days" }, "2025-06-25T12:00:00Z"))
        changes(nil, date({ before = "2025-07-01" }, "2025-06-25"))
    end)

    it("is not hidden behind a limit", function()
        changes(60, define({ { event = "e", points = 10, decay = monthly } }, { limit = { max = 10 } }),
            { events = { { "e", NOW }, { "e", NOW } } })
    end)

    it("is never for a curve without a label", function()
        local record = { events = { { "e", NOW } } }
        changes(nil, define({ { event = "e", points = 10, decay = { half_life = "14 days" } } }), record)
        changes(nil, define({ { event = "e", points = 10, decay = linear } }), record)
    end)

    it("is where a curve changes the label", function()
        local record = { events = { { "e", NOW } } }
        changes(12, define({ { event = "e", points = 10, decay = linear } }, { thresholds = { high = 8, medium = 3 } }),
            record, 1)
        changes(14, define({ { event = "e", points = 10, decay = { half_life = "14 days" } } },
            { thresholds = { high = 5, medium = 3 } }), record, 1)
    end)

    -- After t days 4 - t/5 and -10 + t/6: the sum is -6.5 at 15 days and a second later, each part rounded by itself
    -- (0.999998 - 7.499998), and -6.500001 after one more (0.999995 - 7.499996).
    it("is where curves of both signs change the label", function()
        local falling = { percent = 100, every = "20 days", curve = "linear" }
        changes(15, define({ { event = "plus", points = 4, decay = falling },
            { event = "minus", points = -10, decay = linear } }, { thresholds = { high = -6.5, medium = -9 } }),
            { events = { { "plus", NOW }, { "minus", NOW } } }, 2)
    end)

    it("is where a curve changes a condition", function()
        local record = { events = { { "e", NOW } } }
        local found = next_change({ define({ { when = { ["score:web"] = { at_least = 8 } }, points = 1 } }),
            define({ { event = "e", points = 10, decay = linear } }, { name = "web" }) }, record)
        assert.are.equal(NOW + 12 * DAY + 1, found[1])
        assert.is_nil(found[2])
    end)

    -- A company with one contact that did `e` so many days ago, and one that did it now.
    local function account(days)
        return { contacts = { { id = "p1", events = { { "e", NOW - days * DAY } } },
            { id = "p2", events = { { "e", NOW } } } } }
    end

    it("is a step or a window of a contact", function()
        local step = define({ { event = "e", points = 10, decay = monthly, combine = "max" } }, { object = "company" })
        changes(30, step, account(10))
        step.groups[1].rules[1].combine = "min"
        changes(20, step, account(10))
        changes(20, define({ { event = "e", points = 10, within = "30 days", combine = "avg" } }, { object = "deal" }),
            account(10))
        local both = { event = "e", within = "30 days", times = { exactly = 2 } }
        changes(20, define({ { when = { did = both }, points = 1 } }, { object = "company" }), account(10))
        changes(2, define({ { when = { company = { x = { in_last = "7 days" } } }, points = 1 } }),
            { company = { x = "2025-06-10T12:00:00Z" } })
    end)

    -- What a company makes of its contacts' scores, each 10 that wane in 60 days.
    local function rolled(rule, more)
        local company = define({ rule }, { object = "company" })
        company.groups[1].kind = "fit"
        for key, value in pairs(more or {}) do
            company[key] = value
        end
        return { company, define({ { event = "e", points = 10, decay = linear } }, { name = "web" }) }
    end

    it("is where members' curves change the label", function()
        local rule = { rollup = "sum", of = "score:web" }
        changes(nil, rolled(rule), account(0))
        changes(12, rolled(rule, { thresholds = { high = 16, medium = 0 } }), account(0), 1)
        rule.weight = -1
        changes(12, rolled(rule, { thresholds = { high = -16, medium = -30 } }), account(0))
    end)

    it("is where a member's curve changes what is counted", function()
        changes(2, rolled({ rollup = "count", of = "score:web", at_least = 8 }), account(10), 1)
        changes(2, rolled({ when = { contacts = { ["score:web"] = { at_least = 8 }, every = true } }, points = 1 }),
            account(10), 1)
    end)

    -- After t days 5 - t/12 of its own, and -1/2 times 10 - t/6 or 10 - t/12 of the contact's score.
    it("is where curves under weights of both signs change the label", function()
        local function both(decay)
            local company = define({ { event = "c", points = 5, decay = linear } }, { object = "company",
                thresholds = { high = 0.5, medium = -0.5 } })
            company.groups[2] = { name = "Less", kind = "fit",
                rules = { { rollup = "sum", of = "score:web", weight = -0.5 } } }
            return { company, define({ { event = "e", points = 10, decay = decay } }, { name = "web" }) }
        end
        local record = { contacts = { { id = "p1", events = { { "c", NOW }, { "e", NOW } } } } }
        changes(nil, both(linear), record)
        changes(12, both({ percent = 50, every = "2 months", curve = "linear" }), record, 1)
    end)

    -- After t days 10 - t/6 of its own, less 10 - t of the contact's score: it rises to 8.3, and falls after 10 days.
    it("is where a curve changes the label for a while", function()
        local definitions = { define({ { event = "c", points = 10, decay = linear } }, { object = "company",
            thresholds = { high = 8, medium = -1 } }), define({ { event = "e", points = 10,
            decay = { percent = 50, every = "5 days", curve = "linear" } } }, { name = "web" }) }
        definitions[1].groups[2] = { name = "Less", kind = "fit",
            rules = { { rollup = "sum", of = "score:web", weight = -1 } } }
        local record = { contacts = { { id = "p1", events = { { "c", NOW }, { "e", NOW } } } } }
        changes(9, definitions, record, 51840)
    end)

    it("knows no events that are dated later", function()
        changes(nil, define({ { event = "e", points = 10 } }), { events = { { "e", NOW + DAY } } })
    end)
end)
