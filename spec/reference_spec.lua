-- The vectors through the reference alone, so that each proves the other, and what the reference does besides.

local basics = require("spec.reference_values")
local reference = require("spec.reference")
local reference_next = require("spec.reference_next")
local vectors = require("spec.vectors")

local NOW = 1749988800 -- 2025-06-15T12:00:00Z
local DAY = 86400

local function check(vector)
    local result = reference.score(vector.definition, vector.record, vector.at)[1]
    for key, expected in pairs(vector.expect) do
        if key ~= "empty" then
            assert.are.equal(expected, result[key], vector.name .. ": " .. key)
        end
    end
    for _, key in ipairs(vector.expect.empty or {}) do
        assert.is_nil(result[key], vector.name .. ": " .. key)
    end
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

    it("has a name of its own for every vector", function()
        local seen = {}
        for _, vector in ipairs(vectors) do
            assert.is_nil(seen[vector.name], vector.name)
            seen[vector.name] = true
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

    it("knows no events that are dated later", function()
        changes(nil, define({ { event = "e", points = 10 } }), { events = { { "e", NOW + DAY } } })
    end)
end)
