-- Contacts that live: what their user may rely on, and the vectors of the language.

local leadscore = require("leadscore")
local basics = require("spec.reference_values")
local ledgers = require("spec.ledgers")
local vectors = require("spec.vectors")
local ways = require("spec.ways")

local NOON = 1750000000 -- 2025-06-15T15:06:40Z
local DAY = 86400

local function visits()
    return assert(leadscore.define({
        name = "visits",
        groups = { { name = "Seen", rules = {
            { event = "page_viewed", points = 5, within = "30 days" },
            { event = "form_sent", where = { form = "demo" }, points = 20, decay = { half_life = "7 days" } },
            { event = "page_viewed", where = { seconds = { at_least = 60 } }, points = 3 },
        } }, { name = "Who", kind = "fit", rules = {
            { when = { industry = "software" }, points = 10 },
            { when = { employees = { at_least = 100 } }, points = 7 },
        } } },
        properties = { industry = "text", employees = "number", ["event.form"] = "text", ["event.seconds"] = "number" },
        thresholds = { { label = "Hot", at_least = 25 }, { label = "Cold" } },
    }))
end

local function open(definition, options)
    return assert(leadscore.ledger(definition or visits(), options))
end

describe("a ledger", function()
    it("scores a contact as definition:score scores the same record, while things happen", function()
        local definition = visits()
        local ledger = open(definition)
        local record = { id = "42", events = {} }
        local function same(at)
            assert.are.same(definition:score(record, at), ledger:score("42", at))
            assert.are.same(definition:explain(record, at), ledger:explain("42", at))
            assert.are.equal(definition:next_change(record, at), ledger:next_change("42", at))
        end
        for i = 1, 300 do
            local event = { event = i % 7 == 0 and "form_sent" or "page_viewed", at = NOON - i * 7919 % 80 * DAY,
                form = i % 2 == 0 and "demo" or "other " .. i % 5, seconds = i % 90 }
            record.events[i] = event
            assert.are.equal("added", ledger:add(ledgers.event("42", event)))
            if i % 20 == 1 then
                record.employees, record.industry = i, i % 40 == 1 and "Software" or "farming"
                assert.is_true(ledger:set(42, { employees = i, industry = record.industry }))
                same(NOON)
                same(NOON + 86400 * i / 20)
            end
        end
    end)

    it("answers each definition of a set by itself where some ask about the instant and others do not", function()
        local function fit(name, condition)
            return { name = name, properties = { renewal = "datetime" },
                groups = { { name = "g", kind = "fit", rules = { { when = { renewal = condition }, points = 5 } } } } }
        end
        local set = assert(leadscore.define({ fit("known", { known = true }), fit("soon", { in_next = "7 days" }),
            fit("later", { after = "2025-07-01" }), fit("past", { more_than_ago = "1 day" }) }))
        local ledger = open(set)
        for i = 1, 40 do
            ledger:set(i, { renewal = i % 5 ~= 0 and NOON + i * DAY or nil })
        end
        for _, day in ipairs({ 0, 3, 30, 3, 60 }) do
            for i = 1, 40, day == 3 and 3 or 1 do
                local record = { id = i, renewal = i % 5 ~= 0 and NOON + i * DAY or nil }
                assert.are.same(set:score(record, NOON + day * DAY), ledger:score(i, NOON + day * DAY))
            end
            ledger:set(100 + day, { renewal = NOON + day * DAY + 60 })
            assert.are.equal(5, ledger:score(100 + day, NOON + day * DAY).soon.value)
        end
    end)

    it("begins a contact with its first event or property", function()
        local ledger = open()
        assert.is_false(ledger:has("7"))
        ledger:add({ contact_id = 7, event = "page_viewed", at = NOON })
        ledger:set("8", { industry = "software" })
        ledger:set("9", {})
        assert.is_true(ledger:has("7"))
        assert.is_true(ledger:has(8))
        assert.are.equal(3, ledger:count())
        assert.are.equal(5, ledger:score("7", NOON).engagement)
        assert.are.equal(10, ledger:score("8", NOON).fit)
        assert.are.equal(0, ledger:score("9", NOON).value)
        local ids = {}
        for id in ledger:ids() do
            ids[#ids + 1] = id
        end
        assert.are.same({ "7", "8", "9" }, ids)
    end)

    it("says that it does not know a contact", function()
        local ledger = open()
        for _, answer in ipairs({ { ledger:score("nobody", NOON) }, { ledger:explain("nobody", NOON) },
            { ledger:next_change("nobody", NOON) } }) do
            assert.is_nil(answer[1])
            assert.are.equal("input", answer[2].kind)
            assert.are.equal('no contact has the id "nobody"', tostring(answer[2]))
        end
    end)

    it("merges properties; an empty one and null become unknown", function()
        local ledger = open()
        ledger:set("1", { industry = "software", employees = 250 })
        assert.are.equal(17, ledger:score("1", NOON).fit)
        ledger:set("1", { industry = "" })
        assert.are.equal(7, ledger:score("1", NOON).fit)
        ledger:set("1", { employees = leadscore.null })
        assert.are.equal(0, ledger:score("1", NOON).fit)
        ledger:set("1", { industry = "Software", something_else = "kept by nobody" })
        assert.are.equal(10, ledger:score("1", NOON).fit)
    end)

    it("does not count an event before its time, however it came", function()
        local ledger = open()
        ledger:add({ contact_id = "1", event = "page_viewed", at = NOON + 10 })
        ledger:add({ contact_id = "1", event = "page_viewed", at = NOON - 29 * DAY })
        ledger:add({ contact_id = "1", event = "page_viewed", at = "2025-06-15T15:06:41Z" })
        assert.are.equal(5, ledger:score("1", NOON).value)
        assert.are.equal(10, ledger:score("1", NOON + 1).value)
        assert.are.equal(15, ledger:score("1", NOON + 10).value)
        assert.are.equal(NOON + DAY, ledger:next_change("1", NOON))
    end)

    it("takes times far from now", function()
        local definition, record = visits(), { id = "1", events = {} }
        local ledger = open(definition)
        for i, at in ipairs({ NOON, 190080000, 190079999, -62135596800, 4485047296, 253402300799, 0, NOON - 5 }) do
            record.events[i] = { event = "page_viewed", at = at, seconds = 90 }
            assert.are.equal("added", ledger:add(ledgers.event("1", record.events[i])))
            assert.are.same(definition:score(record, NOON), ledger:score("1", NOON))
        end
    end)

    it("refuses an event or property that cannot be read, and nothing else changes", function()
        local ledger = open()
        ledger:set("1", { employees = 200, industry = "software" })
        ledger:add({ contact_id = "1", event = "page_viewed", at = NOON, seconds = 61 })
        local before = ledger:score("1", NOON)
        local function refused(pattern, ok, err)
            assert.is_nil(ok)
            assert.are.equal("input", err.kind)
            assert.truthy(tostring(err):find(pattern, 1, true), tostring(err))
        end
        refused('employees: cannot read "many" as a number', ledger:set("1", { employees = "many", industry = "none" }))
        refused('employees: cannot read "many" as a number', ledger:set("2", { employees = "many" }))
        refused('seconds: cannot read "long" as a number',
            ledger:add({ contact_id = "1", event = "page_viewed", at = NOON, seconds = "long" }))
        refused('seconds: cannot read "long" as a number',
            ledger:add({ contact_id = "3", event = "page_viewed", at = NOON, seconds = "long", form = { "a", "b" } }))
        refused("at: expected a time, got none", ledger:add({ contact_id = "1", event = "page_viewed" }))
        refused('at: cannot read "soon" as a time',
            ledger:add({ contact_id = "1", event = "page_viewed", at = "soon" }))
        refused("event: expected the event's name, got none", ledger:add({ contact_id = "1", at = NOON }))
        refused("event: expected a name, got an empty text", ledger:add({ contact_id = "1", event = " ", at = NOON }))
        refused("contact_id: expected a text or a number, got none", ledger:add({ event = "page_viewed", at = NOON }))
        refused("contact_id: expected an id", ledger:add({ contact_id = "", event = "page_viewed", at = NOON }))
        refused("id: a contact's id cannot be set", ledger:set("1", { id = "2" }))
        refused("industry: expected text, number or boolean, got function", ledger:set("1", { industry = print }))
        refused("industry[2]: expected text, number or boolean", ledger:set("1", { industry = { "a", {} } }))
        assert.are.same(before, ledger:score("1", NOON))
        assert.are.equal(1, ledger:count())
    end)

    it("refuses a NUL byte wherever files do, and nothing is there of it", function()
        for _, keep in ipairs({ "plan", "all" }) do
            local ledger = open(nil, { keep = keep })
            local function refused(expected, ok, err)
                assert.is_nil(ok)
                assert.are.equal(expected, tostring(err))
            end
            local function event(changes)
                local all = { contact_id = "1", event = "page_viewed", at = NOON }
                for key, value in pairs(changes) do
                    all[key] = value
                end
                return ledger:add(all)
            end
            refused("contact_id: expected text, got a NUL byte", event({ contact_id = "1\0" }))
            refused("event: expected text, got a NUL byte", event({ event = "page\0viewed" }))
            refused("id: expected text, got a NUL byte", event({ id = "\0" }))
            refused("form: expected text, got a NUL byte", event({ form = "a\0b" }))
            refused("other: expected text, got a NUL byte", event({ other = "a\0b" }))
            refused("other: expected text, got a NUL byte", event({ other = { "c", "a\0b" } }))
            if keep == "all" then
                local expected = "expected a name, got an empty one or a NUL byte"
                refused(expected, event({ ["a\0b"] = 1 }))
                refused(expected, event({ [""] = 1 }))
                refused(expected, ledger:set("1", { ["\0"] = "x" }))
                refused(expected, ledger:set("1", { [""] = "x" }))
            end
            refused("contact_id: expected text, got a NUL byte", ledger:set("\0", { industry = "x" }))
            refused("industry: expected text, got a NUL byte", ledger:set("1", { industry = "a\0" }))
            refused("other: expected text, got a NUL byte", ledger:set("1", { other = "a\0" }))
            assert.are.equal(0, ledger:count())
            assert.are.equal(0, ledger:memory().events)
            assert.are.equal("added", event({ form = "a b", id = "e" }))
        end
    end)

    it("takes texts and numbers as ids of events, and nothing else", function()
        for _, keep in ipairs({ "plan", "all" }) do
            local ledger = open(nil, { keep = keep })
            local function add(id)
                return ledger:add({ contact_id = "1", event = "page_viewed", at = NOON, id = id })
            end
            for got, ids in pairs({ boolean = { true, false }, table = { {}, { 1 }, { 1, 2 } } }) do
                for _, id in ipairs(ids) do
                    local ok, err = add(id)
                    assert.is_nil(ok)
                    assert.are.equal("id: expected a text or a number, got " .. got, tostring(err))
                end
            end
            assert.are.equal("added", add("1"))
            assert.are.equal("repeated", add(1))
            assert.are.equal("added", add(leadscore.null))
        end
    end)

    it("forgets a contact with all that it knows of it", function()
        local ledger = open()
        for i = 1, 50 do
            ledger:set(i, { industry = "software" })
            for k = 1, 10 do
                ledger:add({ contact_id = i, event = "page_viewed", at = NOON - k })
            end
        end
        for i = 1, 50, 2 do
            assert.is_true(ledger:forget(i))
            assert.is_false(ledger:forget(i))
        end
        assert.are.equal(25, ledger:count())
        assert.is_nil(ledger:score(1, NOON))
        assert.are.equal(60, ledger:score(2, NOON).value)
        ledger:set(1, { employees = 100 })
        assert.are.equal(7, ledger:score(1, NOON).value)
        ledger:add({ contact_id = "new", event = "page_viewed", at = NOON })
        assert.are.equal(5, ledger:score("new", NOON).value)
    end)

    it("uses the room of forgotten events again, whoever had them", function()
        local definition, most = visits(), nil
        local ledger = open(definition)
        for round = 1, 12 do
            local contacts = round % 3 == 0 and 3 or round % 3 == 1 and 3000 or 60
            local records = {}
            for i = 1, 6000 do
                local id = i % contacts + 1
                records[id] = records[id] or { id = tostring(id), events = {} }
                local event = { event = "page_viewed", at = NOON - i % 50 * DAY, seconds = i % 90 }
                table.insert(records[id].events, event)
                ledger:add(ledgers.event(id, event))
            end
            for _, id in ipairs({ 1, 2, 3, contacts }) do
                assert.are.same(definition:score(records[id], NOON), ledger:score(id, NOON))
                assert.are.same(definition:explain(records[id], NOON), ledger:explain(id, NOON))
            end
            for id = 1, contacts do
                if id % 50 ~= 7 then ledger:forget(id) end
            end
            for id = 7, contacts, 50 do
                assert.are.same(definition:score(records[id], NOON), ledger:score(id, NOON))
                ledger:forget(id)
            end
            if round == 3 then most = ledger:memory().peak end
        end
        assert.is_true(ledger:memory().peak < most * 1.3, ("%d, %d"):format(ledger:memory().peak, most))
    end)

    it("knows who is in a list before the contact comes, and until it is forgotten", function()
        local definition = assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { when = { in_list = "vip" }, points = 1 }, { when = { not_in_list = "rivals" }, points = 10 },
        } } } }))
        local ledger, err = leadscore.ledger(definition, { lists = { vip = { "1", 2 } } })
        assert.is_nil(ledger)
        assert.are.equal('lists.rivals: the list "rivals" is named by a definition and not given', tostring(err))
        ledger = open(definition, { lists = { vip = { "1", 2 }, rivals = { "2" } } })
        for id = 1, 200 do
            ledger:set(id, {})
        end
        assert.are.equal(11, ledger:score(1, NOON).value)
        assert.are.equal(1, ledger:score(2, NOON).value)
        assert.are.equal(10, ledger:score(200, NOON).value)
        ledger:forget(1)
        ledger:set(1, {})
        assert.are.equal(10, ledger:score(1, NOON).value)
        assert.are.equal(1, ledger:score(2, NOON).value)
    end)

    it("takes who is forgotten out of lists also before he comes", function()
        local definition = assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { when = { in_list = "vip" }, points = 1 } } } } }))
        local ledger = open(definition, { lists = { vip = { "1", "2" } } })
        assert.is_false(ledger:forget(" 1 "))
        ledger:set(1, {})
        ledger:set(2, {})
        assert.are.equal(0, ledger:score(1, NOON).value)
        assert.are.equal(1, ledger:score(2, NOON).value)
    end)

    it("answers for a set by name", function()
        local set = assert(leadscore.define({
            { name = "one", groups = { { name = "g", rules = { { event = "a", points = 1 } } } } },
            { name = "two", groups = { { name = "g", kind = "fit", rules = { { event = "b", points = 2 },
                { when = { ["score:one"] = { at_least = 2 } }, points = 100 } } } } },
        }))
        local ledger = open(set)
        for _, name in ipairs({ "a", "b", "a" }) do
            ledger:add({ contact_id = "x", event = name, at = NOON })
        end
        local scores = ledger:score("x", NOON)
        assert.are.equal(2, scores.one.value)
        assert.are.equal(102, scores.two.value)
        assert.is_false(ledger:next_change("x", NOON, "two"))
        assert.has_error(function() ledger:next_change("x", NOON) end)
        assert.are.equal("ledger of one, two: 1 contact", tostring(ledger))
    end)

    it("refuses definitions of other objects, and those that ask for associated records", function()
        local function refused(definition, text)
            local ledger, err = leadscore.ledger(assert(leadscore.define(definition)))
            assert.is_nil(ledger)
            assert.truthy(tostring(err):find(text, 1, true), tostring(err))
        end
        refused({ name = "deals", object = "deal", groups = { { name = "g", rules = {
            { when = { stage = "won" }, points = 1 } } } } }, "deals: companies and deals are scored over a dataset")
        refused({ name = "people", groups = { { name = "g", rules = {
            { when = { company = { industry = "software" } }, points = 1 } } } } },
            "people: it asks for associated records")
    end)

    it("says what it holds", function()
        local ledger = open()
        for i = 1, 100 do
            ledger:add({ contact_id = i % 10, event = "page_viewed", at = NOON, seconds = i })
        end
        local memory = ledger:memory()
        assert.are.equal(10, memory.contacts)
        assert.are.equal(100, memory.events)
        assert.are.equal(10 + 1 + 100, memory.values)
        assert.is_true(memory.bytes > memory.value_bytes and memory.peak >= memory.bytes)
    end)

    it("raises for wrong usage", function()
        local ledger = open()
        for _, wrong in ipairs({
            function() leadscore.ledger() end,
            function() leadscore.ledger({}) end,
            function() leadscore.ledger(visits(), { horizont = 5 }) end,
            function() leadscore.ledger(visits(), { horizon = "soon" }) end,
            function() leadscore.ledger(visits(), { max_values = 0 }) end,
            function() leadscore.ledger(visits(), { keep = "some" }) end,
            function() leadscore.ledger(visits(), { lists = { "1" } }) end,
            function() ledger:add("x") end,
            function() ledger:add({ contact_id = "x", event = "page_viewed", at = NOON }, "now") end,
            function() ledger:add({ contact_id = "x", event = "page_viewed", at = NOON }, 0 / 0) end,
            function() ledger:replay() end,
            function() ledger:set("x", "y") end,
            function() ledger:set(nil, {}) end,
            function() ledger:score({}) end,
            function() ledger:score("x", {}) end,
        }) do
            assert.has_error(wrong)
        end
        ledger:close()
        ledger:close()
        assert.are.equal("ledger (closed)", tostring(ledger))
        assert.has_error(function() ledger:score("x") end, "leadscore: ledger is closed")
        assert.has_error(function() ledger:ids() end, "leadscore: ledger is closed")
    end)

    it("raises where the caller is", function()
        local ledger = open()
        local _, message = pcall(function() ledger:set("x") end)
        assert.truthy(message:find("ledger_spec.lua", 1, true), message)
        _, message = pcall(function() leadscore.ledger(visits(), { keep = 1 }) end)
        assert.truthy(message:find("ledger_spec.lua", 1, true), message)
        _, message = pcall(function()
            local opened = leadscore.ledger(visits(), { horizont = 5 })
            return opened
        end)
        assert.truthy(message:find("ledger_spec.lua", 1, true), message)
        _, message = pcall(function() ledger:add({ contact_id = "x", event = "page_viewed", at = NOON }, "now") end)
        assert.truthy(message:find("ledger_spec.lua", 1, true), message)
        _, message = pcall(function() leadscore.ledger() end)
        assert.truthy(message:find("ledger_spec.lua", 1, true), message)
    end)
end)

describe("an event's id", function()
    local function add(ledger, contact, id, now, at)
        return ledger:add({ contact_id = contact, event = "page_viewed", at = at or NOON, id = id }, now)
    end

    it("makes adding the event again do nothing, also out of order and late", function()
        local ledger = open()
        for round = 1, 3 do
            for i = 1, 500 do
                local n = i * 7919 % 500
                assert.are.equal(round == 1 and "added" or "repeated", (add(ledger, n % 7, "e" .. n, NOON + i)))
            end
        end
        assert.are.equal(500, ledger:memory().events)
    end)

    it("knows when it came also by a clock with fractions", function()
        local ledger = open(nil, { horizon = 100 })
        assert.are.equal("added", (add(ledger, "1", "x", NOON + 0.75)))
        assert.are.equal("repeated", (add(ledger, "1", "x", NOON + 99.5)))
        assert.are.equal("added", (add(ledger, "1", "x", NOON + 101.25)))
    end)

    it("tells events of one contact, not of others; without one every event counts", function()
        local ledger = open()
        assert.are.equal("added", add(ledger, "1", "x", NOON))
        assert.are.equal("added", add(ledger, "2", "x", NOON))
        assert.are.equal("repeated", add(ledger, "1", " x ", NOON))
        assert.are.equal("added", add(ledger, "1", 7, NOON))
        assert.are.equal("repeated", add(ledger, "1", "7", NOON))
        assert.are.equal("added", add(ledger, "1", "", NOON))
        assert.are.equal("added", add(ledger, "1", nil, NOON))
        assert.are.equal("added", add(ledger, "1", leadscore.null, NOON))
        assert.are.equal(25, ledger:score("1", NOON).engagement)
    end)

    it("is known for 90 days after the event came, or as long as is said", function()
        for horizon, days in pairs({ ["90 days"] = 90, [86400] = 1, ["2 weeks"] = 14 }) do
            local ledger = open(visits(), { horizon = horizon })
            add(ledger, "1", "x", NOON)
            assert.are.equal("repeated", (add(ledger, "1", "x", NOON + days * DAY)))
            assert.are.equal("added", (add(ledger, "1", "x", NOON + days * DAY + 1)))
            assert.are.equal("repeated", (add(ledger, "1", "x", NOON + days * DAY + 2)))
        end
        local ledger = open()
        add(ledger, "1", "x", NOON)
        assert.are.equal("repeated", (add(ledger, "1", "x", NOON + 90 * DAY)))
        assert.are.equal("added", (add(ledger, "1", "x", NOON + 90 * DAY + 1)))
    end)

    it("of an event that is refused is not taken", function()
        local ledger = open()
        assert.is_nil((ledger:add({ contact_id = "1", event = "page_viewed", at = NOON, id = "x", seconds = "long" })))
        assert.are.equal("added", (add(ledger, "1", "x")))
    end)

    it("is forgotten with its contact", function()
        local ledger = open()
        for i = 1, 20 do
            add(ledger, i % 4, "x" .. i, NOON)
        end
        ledger:forget(1)
        assert.are.equal("added", (add(ledger, 1, "x1", NOON)))
        assert.are.equal("repeated", (add(ledger, 2, "x2", NOON)))
    end)

    it("takes no more memory once it is no longer known", function()
        local ledger, most = open(visits(), { horizon = 1000 })
        for i = 1, 40000 do
            add(ledger, i % 10, "event " .. i, NOON + i)
            if i % 1000 == 0 then
                for contact = 0, 9 do
                    ledger:forget(contact)
                end
            end
            if i == 10000 then most = ledger:memory().bytes end
        end
        assert.is_true(ledger:memory().peak < most + 100000, ("%d, %d"):format(ledger:memory().peak, most))
    end)
end)

describe("definitions put in place of others", function()
    local function definition(event, rules)
        return assert(leadscore.define({ name = "other", properties = { ["event.seconds"] = "number" },
            groups = { { name = "g", rules = { { event = event, points = 2 }, rules } } } }))
    end

    it("score what came before them", function()
        local ledger = open()
        for _, name in ipairs({ "page_viewed", "signed", "page_viewed", "signed", "signed" }) do
            ledger:add({ contact_id = "1", event = name, at = NOON, seconds = 100 })
        end
        assert.is_true(ledger:replace(definition("signed", { event = "page_viewed", points = 100,
            where = { seconds = { more_than = 99 } } })))
        assert.are.equal(206, ledger:score("1", NOON).value)
        assert.are.equal("ledger of other: 1 contact", tostring(ledger))
        assert.is_true(ledger:replace(assert(leadscore.define({
            { name = "a", groups = { { name = "g", rules = { { event = "signed", points = 1 } } } } } })),
            { silent = true }))
        assert.are.equal(3, ledger:score("1", NOON).a.value)
    end)

    it("are refused where they read what was not kept, and the old ones stay", function()
        local ledger = open()
        local wants = assert(leadscore.define({ name = "wants", groups = { { name = "g", rules = {
            { when = { country = "SE" }, points = 1 } } } } }))
        local wants_event = definition("signed", { event = "page_viewed", points = 1, where = { url = "/" } })
        assert.is_true(ledger:replace(wants)) -- nobody is there yet
        assert.is_true(ledger:replace(visits()))
        ledger:set("1", { industry = "software", country = "SE" })
        local ok, err = ledger:replace(wants_event)
        assert.is_nil(ok)
        assert.are.equal("definition", err.kind)
        assert.are.equal("other: reads event.url, which was not kept of the contacts that are there", tostring(err))
        assert.are.equal(10, ledger:score("1", NOON).value)
        assert.is_true(ledger:replace(wants)) -- which was kept since
        assert.are.equal(1, ledger:score("1", NOON).value)
        ledger:forget("1")
        assert.is_true(ledger:replace(wants_event))
    end)

    it("find everything where everything is kept", function()
        local ledger = open(nil, { keep = "all" })
        ledger:set("1", { country = "SE", ["full name"] = "Ann" })
        ledger:add({ contact_id = "1", event = "signed", at = NOON, url = "/", amount = 5 })
        ledger:add({ contact_id = "1", event = "page_viewed", at = NOON, url = "/" })
        assert.is_true(ledger:replace(assert(leadscore.define({ name = "n", groups = { { name = "g", kind = "fit",
            rules = { { when = { country = "se" }, points = 1 }, { when = { other = { known = true } }, points = 10 },
                { event = "signed", where = { url = "/", amount = { at_least = 5 } }, points = 100 } } } } }))))
        assert.are.equal(101, ledger:score("1", NOON).value)
        local none = assert(leadscore.ledger(nil, { keep = "all" }))
        none:set("1", { country = "SE" })
        local score, err = none:score("1", NOON)
        assert.is_nil(score)
        assert.are.equal("the ledger has no definitions", tostring(err))
    end)

    it("refuse a contact whose property they cannot read, and score the others", function()
        local ledger = open(nil, { keep = "all" })
        ledger:set("1", { size = "many" })
        ledger:set("2", { size = "5" })
        ledger:add({ contact_id = "3", event = "a", at = NOON, size = "few" })
        local reads = assert(leadscore.define({ name = "n", properties = { size = "number" }, groups = {
            { name = "g", rules = { { when = { size = { at_least = 5 } }, points = 1 } } } } }))
        assert.is_true(ledger:replace(reads))
        local score, err = ledger:score("1", NOON)
        local same, reason = reads:score({ id = "1", size = "many" }, NOON)
        assert.is_nil(score)
        assert.is_nil(same)
        assert.are.equal(tostring(reason), tostring(err))
        assert.are.equal(1, ledger:score("2", NOON).value)
        assert.are.equal(0, ledger:score("3", NOON).value)
        assert.is_nil((ledger:explain("1", NOON)))
        ledger:set("1", { size = 6 })
        assert.are.equal(1, ledger:score("1", NOON).value)
        assert.is_true(ledger:replace(visits()))
        assert.are.equal(0, ledger:score("1", NOON).value)
    end)

    it("are refused where they name a list that was not given", function()
        local ledger = open()
        local ok, err = ledger:replace(assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { when = { in_list = "vip" }, points = 1 } } } } })))
        assert.is_nil(ok)
        assert.are.equal("list vip: named by a definition, not given", tostring(err))
    end)
end)

describe("a ledger and datasets", function()
    local CONTACTS = {
        { id = "1", industry = "software", employees = "250", country = "SE", company_id = "a" },
        { id = "2", employees = "7", company_id = "b" }, { id = "3", industry = "farming" }, { id = "4" },
    }
    local EVENTS = {
        { contact_id = "1", event = "page_viewed", at = NOON - DAY, seconds = "70" },
        { contact_id = "3", event = "form_sent", at = NOON - 7 * DAY, form = "demo", url = "/x" },
        { contact_id = "1", event = "page_viewed", at = NOON - 40 * DAY },
        { contact_id = "2", event = "form_sent", at = 0, form = "demo" },
    }

    local function rows(list)
        local copy = {}
        for i, row in ipairs(list) do
            copy[i] = row
        end
        return copy
    end

    local function dataset(options)
        local all = { contacts = rows(CONTACTS), events = rows(EVENTS), lists = { vip = { "1", "3", "9" } },
            companies = { { id = "a", industry = "Software", size = 5 }, { id = "b", industry = "farming" } },
            deals = { { id = "d", stage = "won", company_id = "a" } },
            associations = { { from_object = "contact", from_id = "2", to_object = "company", to_id = "a",
                label = "Friend" }, { from_object = "contact", from_id = "3", to_object = "deal", to_id = "d" } } }
        for key, value in pairs(options or {}) do
            all[key] = value
        end
        return assert(leadscore.dataset(all))
    end

    local function scores_of(definition, from)
        local result, scores = assert(from:score(definition, { at = NOON })), {}
        for id, score in result:each() do
            scores[#scores + 1] = { id, score }
        end
        return scores
    end

    local related = {
        { name = "people", groups = { { name = "g", kind = "fit", rules = {
            { when = { company = { industry = "software" } }, points = 1 },
            { when = { companies = { labelled = "Friend", size = { at_least = 5 } } }, points = 10 },
            { when = { deals = { stage = "won" } }, points = 100 },
            { when = { in_list = "vip" }, points = 1000 },
        } } } },
        { name = "accounts", object = "company", groups = { { name = "g", kind = "engagement", rules = {
            { event = "page_viewed", points = 1, combine = "sum" },
        } } } },
    }

    it("takes over a dataset's contacts, events and lists", function()
        local from = dataset()
        local ledger = open(nil, { dataset = from })
        assert.are.equal(4, ledger:count())
        for _, each in ipairs(scores_of(visits(), from)) do
            assert.are.same(each[2].visits, ledger:score(each[1], NOON))
        end
        local listed = assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { when = { in_list = "vip" }, points = 1 } } } } }))
        ledger = open(listed, { dataset = from })
        assert.are.equal(1, ledger:score("3", NOON).value)
        assert.are.equal(0, ledger:score("2", NOON).value)
    end)

    it("gives a dataset that scores alike, contacts in the order in which they began", function()
        local ledger = open(nil, { dataset = dataset(), keep = "all" })
        ledger:forget("2")
        ledger:set("x", { industry = "software", country = "NO" })
        ledger:add({ contact_id = "2", event = "page_viewed", at = NOON, seconds = 100 })
        ledger:add({ contact_id = "3", event = "page_viewed", at = NOON + 1 })
        local given = assert(ledger:dataset())
        assert.are.equal("dataset: 5 contacts, 2 companies, 1 deal, 5 events", tostring(given))
        assert.are.equal(1, given:future(NOON))
        assert.are.equal(0, given:future(NOON + 1))
        local ids = {}
        for i, each in ipairs(scores_of(visits(), given)) do
            ids[i] = each[1]
            assert.are.same(ledger:score(each[1], NOON), each[2].visits)
        end
        assert.are.same({ "1", "3", "4", "x", "2" }, ids)
        ledger:close()
        assert.are.equal(given:score(visits(), { at = NOON }):get("x").visits.fit, 10)
    end)

    it("keeps companies, deals, associations and lists for the dataset that it gives", function()
        local set = assert(leadscore.define(related))
        local from = dataset()
        local ledger = open(nil, { dataset = from, keep = "all" })
        local given = assert(ledger:dataset())
        assert.are.same(scores_of(set, from), scores_of(set, given))
        assert.are.same(from:score(set, { at = NOON }):get("a", "company"),
            given:score(set, { at = NOON }):get("a", "company"))
        ledger:forget("1")
        ledger:set("1", { company_id = "b" })
        ledger:set("2", { company_id = "a" })
        local people = assert(ledger:dataset()):score(set, { at = NOON })
        assert.are.equal(0, people:get("1").people.value)
        assert.are.equal(11, people:get("2").people.value)
        assert.are.equal(1100, people:get("3").people.value)
        assert.are.equal(0, people:get("a", "company").accounts.value)
    end)

    it("says what a dataset misses that it is to load, and what was not kept in one that it gives", function()
        local ledger, err = leadscore.ledger(visits(), { dataset = dataset({ definitions = assert(leadscore.define({
            name = "n", groups = { { name = "g", rules = { { when = { country = "SE" }, points = 1 } } } } })) }) })
        assert.is_nil(ledger)
        assert.truthy(tostring(err):find("this column was left out while reading", 1, true), tostring(err))
        local given = assert(open(nil, { dataset = dataset() }):dataset())
        local country = assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { when = { country = "SE" }, points = 1 } } } } }))
        local result, missing = given:score(country)
        assert.is_nil(result)
        assert.are.equal('contact.country: this property was not kept by the ledger: open it with keep = "all"',
            tostring(missing))
        assert.truthy(given:score(visits()))
        assert.has_error(function() open(nil, { dataset = {} }) end)
        assert.has_error(function() open(nil, { dataset = dataset() }):load(dataset()) end)
    end)

    it("loads again once everybody is forgotten", function()
        local ledger = open(nil, { dataset = dataset() })
        for _, row in ipairs(CONTACTS) do
            ledger:forget(row.id)
        end
        assert.are.equal(0, ledger:count())
        assert.is_true(ledger:load(dataset()))
        assert.are.equal(17, ledger:score("1", NOON).fit)
        assert.are.equal("dataset: 4 contacts, 2 companies, 1 deal, 4 events", tostring(ledger:dataset()))
    end)

    it("takes a cell that was refused while reading as unknown, and one that is read later as what it is", function()
        local odd = { { id = "1", employees = "many" }, { id = "2", employees = "100" } }
        local refused = open(nil, { dataset = dataset({ contacts = odd, definitions = visits(),
            rejects = function() end, events = {} }) })
        assert.are.equal(0, refused:score("1", NOON).fit)
        assert.are.equal(7, refused:score("2", NOON).fit)
        local later = open(nil, { dataset = dataset({ contacts = odd, events = {} }) })
        local score, err = later:score("1", NOON)
        assert.is_nil(score)
        assert.truthy(tostring(err):find('cannot read "many" as a number', 1, true), tostring(err))
        assert.are.equal(7, later:score("2", NOON).fit)
    end)
end)

describe("values without end", function()
    local function by_url(rule)
        return assert(leadscore.define({ name = "n", groups = {
            { name = "g", rules = { { event = "page_viewed", points = 1 }, rule } } },
            properties = { ["event.url"] = "text", ["event.due"] = "datetime" } }))
    end

    it("share one where all definitions answer them alike, and scores stay exact", function()
        local definition = by_url({ event = "page_viewed", points = 10, where = { url = { contains = "pricing" } } })
        local ledger = open(definition, { max_values = 100 })
        local record = { id = "1", events = {} }
        for i = 1, 3000 do
            record.events[i] = { event = i % 3 == 0 and "page_viewed" or "event " .. i, at = NOON,
                url = (i % 5 == 0 and "/pricing?" or "/other/") .. i }
            assert.are.equal("added", (ledger:add(ledgers.event("1", record.events[i]))))
        end
        assert.are.same(definition:score(record, NOON), ledger:score("1", NOON))
        assert.is_true(ledger:memory().values < 300)
        assert.are.same({ { name = "n", served = true } }, ledger:serves())
        local _, err = ledger:dataset()
        assert.truthy(tostring(err):find("not every value was kept", 1, true), tostring(err))
    end)

    it("leave definitions that were there in place, and refuse others that read them", function()
        local rule = { event = "page_viewed", points = 10, where = { url = { contains = "pricing" } } }
        local ledger = open(by_url(rule), { max_values = 10 })
        for i = 1, 100 do
            ledger:add({ contact_id = "1", event = "page_viewed", at = NOON,
                url = (i % 5 == 0 and "pricing " or "") .. i })
        end
        assert.is_true(ledger:replace(by_url(rule)))
        assert.are.equal(300, ledger:score("1", NOON).value)
        local ok, err = ledger:replace(by_url({ event = "page_viewed", points = 1, where = { url = "7" } }))
        assert.is_nil(ok)
        assert.are.equal("n: reads event.url, of which not every value was kept", tostring(err))
        assert.are.equal(300, ledger:score("1", NOON).value)
        ledger:add({ contact_id = "2", event = "page_viewed", at = NOON, url = "pricing 0" })
        ledger:forget("1")
        local other = by_url({ event = "page_viewed", points = 1, where = { url = "pricing 0" } })
        assert.is_nil(ledger:replace(other))
        assert.is_nil(ledger:dataset())
        ledger:forget("2")
        assert.is_true(ledger:replace(other))
        assert.are.equal("dataset: 0 contacts, 0 events", tostring(ledger:dataset()))
        ledger:add({ contact_id = "3", event = "page_viewed", at = NOON, url = "pricing 0" })
        for i = 1, 100 do
            ledger:add({ contact_id = "3", event = "page_viewed", at = NOON, url = "pricing " .. i })
        end
        assert.are.equal(102, ledger:score("3", NOON).value)
    end)

    it("are said where a definition cannot be served, and only contacts that have one are refused", function()
        for _, rule in ipairs({
            { event = "page_viewed", once_per = { property = "url" }, points = 10 },
            { event = "page_viewed", points = 10, where = { due = { in_last = "7 days" } } },
        }) do
            local ledger = open(by_url(rule), { max_values = 10 })
            for i = 1, 20 do
                ledger:add({ contact_id = i, event = "page_viewed", at = NOON, url = "u" .. i, due = NOON - i })
            end
            assert.are.equal(11, ledger:score(10, NOON).value)
            local score, err = ledger:score(11, NOON)
            assert.is_nil(score)
            assert.truthy(tostring(err):find("a value was not kept, since more than 10 different ones came", 1, true))
            local served = ledger:serves()[1]
            assert.is_false(served.served)
            assert.truthy(served.why:find(rule.once_per and "url" or "due", 1, true), served.why)
            for i = 11, 20 do
                assert.is_false(ledger:serves()[1].served)
                ledger:forget(i)
            end
            assert.are.same({ name = "n", served = true }, ledger:serves()[1])
            ledger:add({ contact_id = 1, event = "page_viewed", at = NOON, url = "u1", due = NOON - 1 })
            assert.are.equal(rule.once_per and 12 or 22, ledger:score(1, NOON).value)
        end
    end)

    it("are dropped once no contact has them", function()
        local definition = by_url({ event = "page_viewed", once_per = { property = "url" }, points = 10 })
        local ledger, most = open(definition, { max_values = 5000 }), 0
        for round = 0, 59 do
            ledger:forget("c" .. round % 10)
            for i = 1, 400 do
                ledger:add({ contact_id = "c" .. round % 10, event = "page_viewed", at = NOON, url = round .. "/" .. i,
                    id = round .. "." .. i }, NOON)
            end
            assert.are.equal(4400, ledger:score("c" .. round % 10, NOON).value)
            if round == 20 then most = ledger:memory().peak end
        end
        assert.are.equal(4000, ledger:memory().events)
        assert.is_true(ledger:memory().values < 5020)
        assert.is_true(ledger:memory().peak < most * 1.1, ("%d, %d"):format(ledger:memory().peak, most))
    end)

    it("of names of contacts are dropped with the contacts", function()
        local ledger = open()
        local most
        for i = 1, 30000 do
            ledger:set("contact number " .. i, { employees = i % 50 })
            if i > 10 then assert.is_true(ledger:forget("contact number " .. i - 10)) end
            if i == 10000 then most = ledger:memory().bytes end
        end
        assert.are.equal(10, ledger:count())
        assert.is_true(ledger:memory().peak < most * 1.5, ("%d, %d"):format(ledger:memory().peak, most))
        assert.are.equal(0, ledger:score("contact number 30000", NOON).fit)
    end)
end)

describe("the vectors, told to a ledger", function()
    local function list_of(vector)
        return vector.definition.groups and { vector.definition } or vector.definition
    end

    for _, vector in ipairs(vectors) do
        it(vector.name, function()
            local set = assert(leadscore.define(list_of(vector)))
            local at, record = basics.time(vector.at), vector.record
            local ledger = open(set, { lists = ledgers.lists(set:lists(), { record }) })
            local told, refusal = ledgers.tell(ledger, record, at)
            local expected, err = set:score(record, at)
            assert.are.equal(expected == nil, told == nil, tostring(refusal))
            if not expected then
                assert.are.equal(err.message, refusal.message)
                return
            end
            assert.are.same(expected, ledger:score(record.id, at))
            assert.are.equal(ways.show(set:explain(record, at)), ways.show(ledger:explain(record.id, at)))
            for _, name in ipairs(set:names()) do
                assert.are.equal(set:next_change(record, at, name), ledger:next_change(record.id, at, name))
            end
        end)
    end
end)

