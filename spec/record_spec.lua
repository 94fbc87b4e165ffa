-- One record given as Lua tables: however its events are written, and whenever it is scored.

local core = require("leadscore.core")
local leadscore = require("leadscore")

local DAY = 86400
local NOW = 1767225600 -- 2026-01-01
local LONG = ("property_of_a_name_that_is_longer_than_lua_keeps_once"):rep(2)

local function define(rules, properties)
    local groups = {}
    for i, rule in ipairs(rules) do
        groups[i] = { name = "G" .. i, rules = { rule } }
    end
    return assert(leadscore.define({ name = "s", properties = properties, groups = groups }))
end

local function value(definition, record, at)
    return assert(definition:score(record, at or NOW)).value
end

describe("an event of a record", function()
    local definition = define({
        { event = "visit", where = { seconds = { at_least = 30 } }, points = 1 },
        { event = "visit", where = { paid = true }, points = 10 },
        { event = "visit", where = { topics = { any_of = { "b" } } }, points = 100 },
        { event = "visit", where = { [LONG] = "x" }, points = 1000 },
        { event = "visit", within = "10 days", points = 10000 },
    }, { ["event.topics"] = "set" })

    local function of(event)
        return value(definition, { events = { event } })
    end

    it("counts alike however its values are written", function()
        local recent, old = NOW - DAY, NOW - 20 * DAY
        assert.equal(10000, of({ event = "visit", at = recent }))
        assert.equal(10000, of({ "visit", recent }))
        assert.equal(10000, of({ event = "visit", at = "2025-12-31T00:00:00Z" }))
        assert.equal(10000, of({ event = " visit ", at = "1 day ago" }))
        assert.equal(10000, of({ "other", 5, event = "visit", at = recent }))
        assert.equal(10000, of({ event = core.null, at = core.null, "visit", recent }))
        assert.equal(0, of({ event = "visit", at = old }))
        assert.equal(0, of({ event = "visit", at = NOW + 0.5 - 10 * DAY - 1 }))
        assert.equal(10000, of({ event = "visit", at = NOW - 0.5 }))
        for _, seconds in ipairs({ 30, 30.5, "30", " 30 ", "3e1", 2 ^ 53, 1e300 }) do
            assert.equal(1, of({ event = "visit", at = old, seconds = seconds }))
        end
        for _, seconds in ipairs({ 29, 29.999, "29.9", -30, -2 ^ 53, core.null }) do
            assert.equal(0, of({ event = "visit", at = old, seconds = seconds }))
        end
        for _, paid in ipairs({ true, "true", "YES", 1, "1" }) do
            assert.equal(10, of({ event = "visit", at = old, paid = paid }))
        end
        assert.equal(0, of({ event = "visit", at = old, paid = false }))
        assert.equal(100, of({ event = "visit", at = old, topics = "a; b" }))
        assert.equal(100, of({ event = "visit", at = old, topics = { "a", core.null, "b" } }))
        assert.equal(1000, of({ event = "visit", at = old, [LONG .. ""] = "x", [LONG .. "y"] = "y" }))
        assert.equal(11111, of({ at = recent, event = "visit", paid = true, seconds = 30, topics = { "b" },
            [LONG] = "X", other = "x", number = 4, set = { 1, 2 }, nothing = core.null }))
    end)

    it("counts among others of other forms", function()
        local events, expected = {}, 0
        for i = 1, 400 do
            local at = NOW - i * DAY / 2
            local event = { event = i % 3 == 0 and "other" or "visit", at = at, seconds = i % 60 }
            if i % 5 == 0 then event = { event.event, at, seconds = tostring(i % 60) } end
            if i % 7 == 0 then event.topics = { "b" } end
            if i % 11 == 0 then event.paid, event[LONG] = true, "x" end
            if event.event == "visit" or event[1] == "visit" then
                expected = expected + (i % 60 >= 30 and 1 or 0) + (i % 7 == 0 and 100 or 0)
                    + (i % 11 == 0 and 1010 or 0) + (i < 20 and 10000 or 0)
            end
            events[i] = event
        end
        local record = { events = events }
        for _ = 1, 3 do
            assert.equal(expected, value(definition, record))
        end
    end)

    it("may have many properties that rules ask for", function()
        local rules, event = {}, { event = "visit", at = NOW }
        for i = 1, 40 do
            rules[i] = { event = "visit", where = { ["p" .. i] = "v" .. i }, points = i }
            event["p" .. i] = "v" .. i
        end
        assert.equal(820, value(define(rules), { events = { event } }))
        event.p7 = "other"
        assert.equal(813, value(define(rules), { events = { event } }))
    end)

    it("of an id that came before counts once", function()
        local twice = define({ { event = "visit", where = { kind = "a" }, points = 1 } })
        local record = { events = {
            { event = "visit", at = 1, id = "x", kind = "a" }, { event = "visit", at = 1, id = " x ", kind = "a" },
            { event = "visit", at = 1, id = 7, kind = "a" }, { event = "visit", at = 1, id = "7", kind = "a" },
            { event = "visit", at = 1, id = "", kind = "a" }, { event = "visit", at = 1, kind = "a" },
        } }
        assert.equal(4, value(twice, record))
        assert.equal(4, value(twice, record))
    end)

    it("that is wrong is told with its place, whatever came before it", function()
        local function message(bad, at)
            local events = {}
            for i = 1, 3 do
                events[i] = { event = "visit", at = NOW, seconds = i }
            end
            events[#events + 1] = bad
            local score, err = definition:score({ events = events }, at or NOW)
            assert.is_nil(score)
            return err.path .. ": " .. err.message
        end
        local wrong = {
            { "events[4]: expected an event's table, got string", "visit" },
            { "events[4].event: expected the event's name, got nil", { at = 1 } },
            { "events[4].event: expected the event's name, got number", { event = 5, at = 1 } },
            { "events[4]: event: expected a name, got an empty text", { event = " ", at = 1 } },
            { "events[4].at: expected a time, got nil", { event = "visit" } },
            { "events[4].at: expected a time, got boolean", { event = "visit", at = true } },
            { 'events[4].at: cannot read "soon" as a time', { event = "visit", at = "soon" } },
            { "events[4].at: expected seconds since 1970 in the years 1 to 9999", { event = "visit", at = 1e15 } },
            { "events[4].at: expected seconds since 1970 in the years 1 to 9999", { event = "visit", at = 0 / 0 } },
            { "events[4]: expected { NAME, AT } or names, got more", { "visit", 1, 2 } },
            { "events[4]: a key is a boolean", { event = "visit", at = 1, [true] = 1 } },
            { 'events[4].seconds: cannot read "many" as a number', { event = "visit", at = 1, seconds = "many" } },
            { "events[4].seconds: expected a finite number", { event = "visit", at = 1, seconds = 1 / 0 } },
            { "events[4].unread: expected a finite number", { event = "visit", at = 1, unread = 0 / 0 } },
            { "events[4].unread: expected text, number or boolean, got function",
                { event = "visit", at = 1, unread = print } },
            { "events[4].unread: expected an array, got a table with other keys",
                { event = "visit", at = 1, unread = { a = 1 } } },
            { "events[4].topics[2]: expected text, number or boolean, got table",
                { event = "visit", at = 1, topics = { 1, {} } } },
        }
        for _, case in ipairs(wrong) do
            local said = message(case[2])
            assert.equal(case[1], said:sub(1, #case[1]))
        end
    end)

    it("is in an array that has nothing else", function()
        local good, bad = { event = "visit", at = NOW }, { event = "visit" }
        local function message(events)
            local score, err = definition:score({ events = events }, NOW)
            assert.is_nil(score)
            return err.path .. ": " .. err.message
        end
        local other = "events: expected an array, got a table with other keys"
        assert.equal(other, message({ good, x = good }))
        assert.equal(other, message({ bad, x = good }))
        assert.equal(other, message({ [2] = good }))
        assert.equal(other, message({ good, [1.5] = good }))
        assert.equal(10000, value(definition, { events = { [1] = good } }))
        assert.equal(0, value(definition, { events = {} }))
    end)
end)

describe("a definition that is asked at one instant after another", function()
    local DEFINITIONS = {
        { { when = { created_at = { in_last = "90 days" } }, points = 3 }, { event = "visit", points = 1 } },
        { { event = "visit", within = { after = "2025-12-01", before = "2025-12-20" }, points = 1 },
            { event = "visit", within = "10 days", points = 10 } },
        { { event = "visit", where = { due = { in_next = "5 days" } }, points = 1 } },
        { { event = "visit", where = { due = { in_next = "5 days" } }, points = 1 },
            { event = "visit", where = { due = { more_than_ago = "3 days" } }, points = 10,
                decay = { percent = 25, every = "1 week" } } },
        { { event = "visit", within = { after = "2025-12-05" }, times = { at_least = 3 }, points = 1,
            decay = { half_life = "7 days" } },
            { event = "visit", where = { at = { before = "2025-12-10" } }, points = 5 } },
    }

    local function record_of(seed)
        local events = {}
        for i = 1, 12 do
            local at = NOW - ((i * seed) % 60) * DAY
            events[i] = { event = i % 4 == 0 and "other" .. seed or "visit", at = at,
                due = core.print_time(at + (i * 7 % 40) * DAY) }
        end
        return { id = seed, created_at = core.print_time(NOW - seed * 11 * DAY), events = events }
    end

    it("scores as one that was never asked before", function()
        for _, rules in ipairs(DEFINITIONS) do
            local kept = define(rules)
            for step = 1, 24 do
                local record, at = record_of(step % 2 + 1), NOW - (step * 17 % 40) * DAY + step
                assert.equal(value(define(rules), record, at), value(kept, record, at))
                assert.equal(value(define(rules), record, at + DAY), value(kept, record, at + DAY))
            end
        end
    end)

    it("asks properties of events that depend on the instant again", function()
        local kept = define({ { event = "visit", where = { due = { in_next = "5 days" } }, points = 1 } })
        local early, late = core.print_time(NOW + 2 * DAY), core.print_time(NOW + 12 * DAY)
        local record = { events = { { event = "visit", at = 0, due = early }, { event = "visit", at = 0, due = late },
            { event = "visit", at = 0, due = late } } }
        for _ = 1, 2 do
            assert.equal(1, value(kept, record, NOW))
            assert.equal(2, value(kept, record, NOW + 10 * DAY))
        end
    end)

    it("forgets texts of other records, and nothing else", function()
        local rules = {
            { when = { created_at = { in_last = "90 days" } }, points = 1 },
            { event = "visit", where = { due = { in_next = "30 days" } }, points = 10 },
            { event = "visit", once_per = { property = "due" }, points = 1000, decay = { half_life = "400 days" } },
            { event = "visit", where = { page = { contains = "a" } }, points = 0.5 },
        }
        local kept = define(rules)
        local fresh = define(rules)
        for i = 1, 2000 do
            local day = (i * 37) % 400
            local due = core.print_time(NOW + (day - 200) * DAY + i)
            local record = {
                created_at = core.print_time(NOW - day * DAY - i),
                events = { { event = "visit", at = NOW - i, due = due, page = "a" .. i },
                    { event = "visit", at = NOW - i, due = due, page = "c" .. i },
                    { event = "visit", at = NOW - i, due = core.print_time(NOW + 15 * DAY), page = "b" } },
            }
            local at = NOW + math.floor(i / 50) % 7 * DAY
            if i % 100 == 0 then fresh = define(rules) end
            assert.equal(value(fresh, record, at), value(kept, record, at))
            if i % 25 == 0 then assert.equal(value(fresh, record, at + DAY), value(kept, record, at + DAY)) end
        end
    end)
end)
