-- Packed states: one contact as a string, which a ledger takes back.

local leadscore = require("leadscore")
local ledgers = require("spec.ledgers")
local random = require("spec.random")
local ways = require("spec.ways")

local SEEDS = tonumber(os.getenv("LEADSCORE_SEEDS")) or 60
local ONLY = tonumber(os.getenv("LEADSCORE_SEED"))
local NOON = 1750000000 -- 2025-06-15T15:06:40Z
local DAY = 86400

local function define(rules, properties)
    return assert(leadscore.define({ name = "visits", properties = properties,
        groups = { { name = "Seen", kind = "engagement", rules = rules } } }))
end

local function visits(days)
    return define({
        { event = "page_viewed", points = 1, within = (days or 30) .. " days" },
        { event = "form_sent", where = { form = "demo" }, points = 20, decay = { percent = 50, every = "1 month" } },
        { event = "call", points = 3 },
    })
end

-- A ledger of one contact with an event a day, of four names, for so many days before noon.
local function told(definition, days, options)
    local ledger = assert(leadscore.ledger(definition, options))
    local names = { "page_viewed", "form_sent", "call", "newsletter_opened" }
    for i = 1, days do
        assert(ledger:add({ contact_id = "42", event = names[i % 4 + 1], at = NOON - i * DAY,
            form = i % 3 == 0 and "demo" or nil, id = "e" .. i }, NOON))
    end
    assert(ledger:set("42", { country = "SE", industry = "software" }))
    return ledger
end

local function open(definition, options)
    return assert(leadscore.ledger(definition, options))
end

local function refused(ledger, id, state)
    local ok, err = ledger:unpack(id, state)
    assert.is_nil(ok)
    assert.are.equal("input", err.kind)
    assert.is_nil(tostring(err):find("\n", 1, true))
    return tostring(err)
end

describe("a packed contact", function()
    it("has the scores that it had, at every instant", function()
        local definition = visits()
        local ledger, other = told(definition, 200), open(definition)
        assert.is_true(other:unpack("42", ledger:pack("42")))
        for days = -10, 210, 7 do
            local at = NOON - days * DAY
            assert.are.same(ledger:score("42", at), other:score("42", at))
            assert.are.same(ledger:explain("42", at), other:explain("42", at))
            assert.are.equal(ledger:next_change("42", at), other:next_change("42", at))
        end
        assert.are.equal(200, other:memory().events)
    end)

    it("is small: a few bytes an event, and fewer where events cannot matter any more", function()
        local definition = visits()
        local ledger = told(definition, 200)
        assert.is_true(#ledger:pack("42") < 200 * 25) -- each has an id, of 16 bytes and the time when it came
        assert.is_true(#ledger:pack("42", NOON) < #ledger:pack("42") - 400)
    end)

    it("takes the place of what the ledger held of the contact", function()
        local definition = define({ { event = "call", points = 3 }, { when = { country = "SE" }, points = 10 },
            { when = { industry = "software" }, points = 100 } })
        local ledger, other = open(definition), open(definition)
        ledger:set("1", { country = "SE" })
        ledger:add({ contact_id = "1", event = "call", at = NOON })
        other:set("1", { industry = "software" })
        for i = 1, 50 do
            other:add({ contact_id = "1", event = "call", at = NOON - i })
        end
        other:set("2", { industry = "software" })
        assert.is_true(other:unpack("1", ledger:pack("1")))
        assert.are.equal(13, other:score("1", NOON).value)
        assert.are.equal(100, other:score("2", NOON).value)
        assert.are.equal(1, other:memory().events)
        assert.is_true(other:unpack(" 2 ", ledger:pack(1)))
        assert.are.equal(13, other:score("2", NOON).value)
        assert.are.equal(2, other:count())
    end)

    it("may be empty", function()
        local definition = visits()
        local ledger, other = open(definition), told(definition, 20)
        ledger:set("7", {})
        assert.is_true(other:unpack("42", ledger:pack("7")))
        assert.are.equal(0, other:score("42", NOON).value)
        assert.are.equal(0, other:memory().events)
    end)

    it("begins a contact that is not there, and can be forgotten", function()
        local definition = visits()
        local state, other = told(definition, 200):pack("42", NOON), open(definition)
        assert.is_true(other:unpack("1", state))
        assert.is_true(other:forget("1"))
        assert.is_false(other:has("1"))
        other:set("1", {})
        assert.are.equal(0, other:score("1", NOON - 300 * DAY).value)
    end)

    it("is in the lists that the ledger says, unless it was forgotten once", function()
        local definition = define({ { event = "call", points = 3 }, { when = { in_list = "vip" }, points = 10 } })
        local lists = { vip = { "1", "2" } }
        local ledger, other = open(definition, { lists = lists }), open(definition, { lists = lists })
        ledger:set("1", {})
        ledger:set("3", {})
        local listed = ledger:pack("1")
        assert.are.equal(10, ledger:score("1", NOON).value)
        ledger:forget("1")
        ledger:set("1", {})
        local forgotten = ledger:pack("1")
        assert.is_true(other:unpack("1", forgotten))
        assert.are.equal(0, other:score("1", NOON).value)
        assert.is_true(other:unpack("1", listed))
        assert.are.equal(10, other:score("1", NOON).value)
        other:forget("1")
        assert.is_true(other:unpack("1", listed))
        assert.are.equal(10, other:score("1", NOON).value)
        assert.is_true(other:unpack("2", ledger:pack("3")))
        assert.are.equal(10, other:score("2", NOON).value)
        assert.is_true(other:unpack("3", listed))
        assert.are.equal(0, other:score("3", NOON).value)
    end)

    it("keeps texts as they are, whatever is in them", function()
        local definition = define({ { event = "call", where = { form = "a\nb" }, points = 3 },
            { when = { country = "Å\255;\"" }, points = 10 } })
        local ledger, other = open(definition), open(definition)
        ledger:set("1", { country = "  Å\255;\" " })
        ledger:add({ contact_id = "1", event = "call", at = NOON, form = "A\nB" })
        assert.are.equal(13, ledger:score("1", NOON).value)
        assert.is_true(other:unpack("1", ledger:pack("1")))
        assert.are.equal(13, other:score("1", NOON).value)
    end)

    it("keeps times far from now", function()
        local definition = define({ { event = "call", points = 1 } })
        local ledger, other = open(definition), open(definition)
        for _, at in ipairs({ NOON, -62135596800, 190079999, 4485047296, 253402300799, 0 }) do
            ledger:add({ contact_id = "1", event = "call", at = at })
        end
        assert.is_true(other:unpack("1", ledger:pack("1")))
        for _, at in ipairs({ -62135596800, -1, 0, 190079999, NOON, 253402300799 }) do
            assert.are.same(ledger:score("1", at), other:score("1", at))
        end
    end)

    it("says that nobody has the id", function()
        local state, err = open(visits()):pack("nobody")
        assert.is_nil(state)
        assert.are.equal('no contact has the id "nobody"', tostring(err))
    end)

    it("raises for wrong usage", function()
        local ledger = open(visits())
        assert.has_error(function() ledger:pack() end, "id: expected a text or a number, got nil")
        assert.has_error(function() ledger:unpack("1", 5) end, "state: expected a string, got number")
        assert.has_error(function() ledger:unpack("1") end, "state: expected a string, got nil")
        ledger:close()
        assert.has_error(function() ledger:pack("1") end, "leadscore: ledger is closed")
        assert.has_error(function() ledger:unpack("1", "") end, "leadscore: ledger is closed")
    end)
end)

describe("a folded contact", function()
    it("has the same scores from its instant on", function()
        local definition = visits()
        local ledger, other = told(definition, 200), open(definition)
        assert.is_true(other:unpack("42", ledger:pack("42", NOON)))
        for days = 0, 210, 7 do
            local at = NOON + days * DAY
            assert.are.same(ledger:score("42", at), other:score("42", at))
            assert.are.equal(ledger:next_change("42", at), other:next_change("42", at))
        end
        assert.is_true(other:memory().events < 100)
    end)

    it("says that it has none before", function()
        local definition = visits()
        local ledger, other = told(definition, 200), open(definition)
        assert.is_true(other:unpack("42", ledger:pack("42", NOON)))
        for _, ask in ipairs({ "score", "explain", "next_change" }) do
            local answer, err = other[ask](other, "42", NOON - 1)
            assert.is_nil(answer)
            assert.are.equal("input", err.kind)
            assert.are.equal("at: the contact was packed for 2025-06-15T15:06:40Z and later; earlier scores "
                .. "need events that were folded", tostring(err))
        end
        assert.is_true(other:unpack("42", ledger:pack("42", NOON - 300 * DAY))) -- nothing could be folded then
        assert.are.same(ledger:score("42", NOON - 300 * DAY), other:score("42", NOON - 300 * DAY))
    end)

    it("is scored by an advance from its instant on", function()
        local definition = visits()
        local ledger, other = told(definition, 200), open(definition)
        other:set("43", { country = "SE" })
        other:advance(NOON - 2 * DAY)
        assert.is_true(other:unpack("43", ledger:pack("42", NOON)))
        assert.are.equal(NOON, other:due_at("43", NOON - DAY))
        assert.are.same({}, other:advance(NOON - DAY))
        local changes = other:advance(NOON)
        assert.are.equal(1, #changes)
        assert.are.equal(ledger:score("42", NOON).value, changes[1].to)
        assert.is_true(other:unpack("44", ledger:pack("42", NOON)))
        assert.are.same({}, other:advance(NOON)) -- it was known elsewhere
        other:add({ contact_id = "44", event = "call", at = NOON })
        assert.are.equal(1, #other:advance(NOON))
        other:replace(visits(31))
        assert.is_table(other:advance(NOON + 1))
    end)

    it("takes late events, and can be packed again", function()
        local definition = visits()
        local ledger, other, third = told(definition, 100), open(definition), open(definition)
        assert.is_true(other:unpack("42", ledger:pack("42", NOON)))
        for i = 1, 90 do
            local event = { contact_id = "42", event = i % 2 == 0 and "call" or "page_viewed", at = NOON - i * DAY / 2 }
            ledger:add(event)
            other:add(event)
        end
        assert.are.same(ledger:score("42", NOON), other:score("42", NOON))
        assert.is_true(third:unpack("42", other:pack("42")))
        assert.are.same(ledger:score("42", NOON), third:score("42", NOON))
        assert.is_nil(third:score("42", NOON - 1))
        assert.is_true(third:unpack("42", other:pack("42", NOON - 5 * DAY)))
        assert.are.same(ledger:score("42", NOON), third:score("42", NOON))
        assert.is_nil(third:score("42", NOON - 1))
        assert.is_true(third:unpack("42", other:pack("42", NOON + 9 * DAY)))
        assert.is_nil(third:score("42", NOON + 9 * DAY - 1))
        for days = 9, 60, 3 do
            assert.are.same(ledger:score("42", NOON + days * DAY), third:score("42", NOON + days * DAY))
        end
    end)

    it("keeps what still moves as it is", function()
        for title, rule in pairs({
            ["a window that is open"] = { event = "call", points = 3, within = "400 days" },
            ["a count in a window"] = { event = "call", points = 3, within = "400 days", times = { at_least = 3 } },
            ["the latest ones"] = { event = "call", property = "form", points_by = { ["form 1"] = 3, ["form 2"] = 4 },
                latest = 3 },
            ["one a day"] = { event = "call", points = 3, once_per = "day" },
            ["one a value"] = { event = "call", points = 3, once_per = { property = "form" } },
            ["decay"] = { event = "call", points = 3, decay = { percent = 10, every = "1 month" } },
            ["half-life"] = { event = "call", points = 3, decay = { half_life = "30 days" } },
            ["a date that passes"] = { event = "call", points = 3, where = { due = { in_next = "30 days" } } },
            ["a time that passes"] = { event = "call", points = 3, where = { at = { more_than_ago = "90 days" } } },
            ["the latest of a count"] = { event = "call", points = 30, times = { at_least = 3 },
                decay = { percent = 1, every = "1 day" } },
        }) do
            local definition = define({ rule })
            local ledger, other = open(definition), open(definition)
            for i = 1, 40 do
                ledger:add({ contact_id = "1", event = "call", at = NOON - i * 5 * DAY - i % 2 * DAY,
                    form = "form " .. i % 5, due = NOON + i * 3 * DAY })
            end
            assert.is_true(other:unpack("1", ledger:pack("1", NOON)))
            for days = 0, 500, 3 do
                local at = NOON + days * DAY
                assert.are.same(ledger:score("1", at), other:score("1", at), title)
                assert.are.equal(ledger:next_change("1", at), other:next_change("1", at), title)
            end
        end
    end)

    it("counts to the second when it is packed in the last one of a window, a step or a curve", function()
        for title, rule in pairs({
            ["a window"] = { event = "call", points = 3, within = "30 days" },
            ["a step"] = { event = "call", points = 3, decay = { percent = 100, every = "30 days" } },
            ["a curve"] = { event = "call", points = 1000,
                decay = { percent = 50, every = "15 days", curve = "linear" } },
            ["a count"] = { event = "call", points = 3, within = "30 days", times = { at_least = 30 } },
        }) do
            local definition = define({ rule })
            local ledger, other = open(definition), open(definition)
            for i = 0, 59 do
                ledger:add({ contact_id = "1", event = "call", at = NOON + i % 3 })
            end
            for from = NOON - 1, NOON + 3 do
                assert.is_true(other:unpack("1", ledger:pack("1", from + 30 * DAY)))
                for at = from, NOON + 4 do
                    at = at + 30 * DAY
                    assert.are.same(ledger:score("1", at), other:score("1", at), title)
                    assert.are.equal(ledger:next_change("1", at), other:next_change("1", at), title)
                end
            end
            assert.is_true(#other:pack("1", NOON + 33 * DAY) < #ledger:pack("1"))
        end
    end)

    it("leaves out texts that no definition asks for, and explains as before", function()
        local definition = define({
            { event = "page_viewed", where = { url = { starts_with = "/pricing" } }, points = 3,
                decay = { half_life = "30 days" } },
            { event = { "page_viewed", "call" }, points = 1, within = "90 days" },
        })
        local ledger, other = open(definition), open(definition)
        for i = 1, 100 do
            ledger:add({ contact_id = "1", event = i % 4 == 0 and "call" or "page_viewed", at = NOON - i * 3600,
                url = (i % 3 == 0 and "/pricing/" or "/docs/") .. "a page of its own, number " .. i })
        end
        local state = ledger:pack("1", NOON)
        assert.is_true(#state < 700)
        assert.is_true(#ledger:pack("1") > 3000)
        assert.is_true(other:unpack("1", state))
        for days = 0, 100, 9 do
            local at = NOON + days * DAY
            assert.are.same(ledger:score("1", at), other:score("1", at))
            assert.are.same(ledger:explain("1", at), other:explain("1", at))
        end
        assert.are.equal(100, other:memory().events)
        local per_page = define({ { event = "page_viewed", points = 1, once_per = { property = "url" } } })
        assert.matches('needs the events "page_viewed" as they were', refused(open(per_page), "1", state))
        ledger:replace(per_page)
        assert.is_true(#ledger:pack("1", NOON) > 2000)
    end)

    it("stays good for everything where folding would save little", function()
        local ledger = open(visits())
        for i = 1, 5 do
            ledger:add({ contact_id = "1", event = "newsletter_opened", at = NOON - i * DAY })
        end
        assert.are.equal(ledger:pack("1"), ledger:pack("1", NOON))
    end)

    it("folds what adds alike for ever", function()
        local definition = define({
            { event = "call", points = 3 },
            { event = "call", points = 50, times = { at_least = 20 } },
            { event = "form_sent", property = "form", points_by = { demo = 5, other = 7 } },
            { event = "mail", points = 9, decay = { percent = 100, every = "1 day" } },
        })
        local ledger, other = open(definition), open(definition)
        for i = 1, 120 do
            local name = ({ "call", "form_sent", "mail", "nothing" })[i % 4 + 1]
            ledger:add({ contact_id = "1", event = name, at = NOON - 2 * DAY - i,
                form = i % 3 == 0 and "demo" or i % 3 == 1 and "other" or "else" })
        end
        local state = ledger:pack("1", NOON)
        assert.is_true(#state < 160)
        assert.is_true(other:unpack("1", state))
        assert.are.equal(80, other:memory().events) -- neither of nothing, nor of forms without points
        assert.are.same(ledger:score("1", NOON), other:score("1", NOON))
        assert.are.equal(30 * 3 + 50 + 10 * 5 + 10 * 7, other:score("1", NOON).value)
        other:add({ contact_id = "1", event = "call", at = NOON })
        assert.are.equal(31 * 3 + 50 + 10 * 5 + 10 * 7, other:score("1", NOON).value)
    end)

    it("is taken by definitions that ask the same of its events, or nothing", function()
        local ledger = told(visits(), 200)
        local state = ledger:pack("42", NOON)
        local other = open(define({
            { event = "call", points = 3 },
            { event = "form_sent", where = { form = "demo" }, points = 20,
                decay = { percent = 50, every = "1 month" } },
            { event = "page_viewed", points = 1, within = "30 days" },
            { event = "video_played", points = 1000, within = "30 days" },
        }))
        assert.is_true(other:unpack("42", state))
        assert.are.same(ledger:score("42", NOON), other:score("42", NOON))
        assert.is_true(open(define({ { event = "video_played", points = 9 } })):unpack("42", state))
    end)

    it("is refused by definitions that ask something else of its events, and says which", function()
        local state = told(visits(), 200):pack("42", NOON)
        assert.are.equal('state: visits needs the events "page_viewed", 43 of which were left out for other '
            .. "definitions", refused(open(visits(31)), "42", state))
        assert.are.equal('state: visits needs the events "newsletter_opened", 50 of which were left out for other '
            .. "definitions", refused(open(define({ { event = "newsletter_opened", points = 1 } })), "42", state))
        assert.are.equal('state: visits needs the events "call" as they were, but they were folded for other '
            .. "definitions", refused(open(define({ { when = { did = "call" }, points = 1 } })), "42", state))
        assert.is_true(open(visits(31)):unpack("42", told(visits(), 200):pack("42")))
    end)

    it("is refused where a property was not kept, and says which", function()
        local ledger = told(visits(), 20)
        local kept, all = ledger:pack("42"), told(visits(), 20, { keep = "all" }):pack("42")
        local other = open(define({ { when = { country = "SE" }, points = 1 } }))
        assert.are.equal('state: visits needs the property "country", which was not kept where it was packed',
            refused(other, "42", kept))
        assert.is_true(other:unpack("42", all))
        assert.are.equal(1, other:score("42", NOON).value)
        other = open(define({ { event = "call", where = { minutes = { at_least = 5 } }, points = 1 } }))
        assert.are.equal('state: visits needs the property "minutes" of events, which was not kept where it was packed',
            refused(other, "42", kept))
        assert.is_true(other:unpack("42", all))
        ledger:set("no events", {})
        assert.is_true(other:unpack("42", ledger:pack("no events")))
    end)

    it("has the property id of events only where a definition read it", function()
        local definition = define({ { event = "call", where = { id = { starts_with = "a" } }, points = 1 } })
        local reads, not_reads = open(definition, { keep = "all" }), open(visits(), { keep = "all" })
        for _, ledger in ipairs({ reads, not_reads }) do
            ledger:add({ contact_id = "1", event = "call", at = NOON, id = "a1" })
            ledger:add({ contact_id = "1", event = "call", at = NOON, id = "b1", form = "demo" })
        end
        local other = open(definition)
        assert.is_true(other:unpack("1", reads:pack("1")))
        assert.are.equal(1, other:score("1", NOON).value)
        assert.are.equal('state: visits needs the property "id" of events, which was not kept where it was packed',
            refused(other, "1", not_reads:pack("1")))
        assert.is_true(not_reads:unpack("1", reads:pack("1")))
        assert.are.equal(6, not_reads:score("1", NOON).value)
    end)

    it("is not scored by definitions that came after it and ask something else, until they ask the same", function()
        local ledger, other = told(visits(), 200), open(visits())
        assert.is_true(other:unpack("42", ledger:pack("42", NOON)))
        assert.is_true(other:replace(visits(31)))
        for _ = 1, 2 do
            local score, err = other:score("42", NOON)
            assert.is_nil(score)
            assert.are.equal('visits needs the events "page_viewed", 43 of which were left out for other definitions',
                tostring(err))
        end
        local again = other:pack("42", NOON + 100 * DAY)
        assert.is_true(other:replace(visits()))
        assert.are.same(ledger:score("42", NOON), other:score("42", NOON))
        assert.is_true(other:unpack("42", again)) -- nothing more was folded
        assert.are.same(ledger:score("42", NOON), other:score("42", NOON))
    end)

    it("is not made of a contact one of whose values was not kept", function()
        local definition = define({ { when = { country = { starts_with = "x" } }, points = 1 } })
        local ledger = open(definition, { max_values = 3 })
        for i = 1, 20 do
            ledger:set(tostring(i), { country = "y" .. i })
        end
        assert.is_string(ledger:pack("1"))
        local state, err = ledger:pack("20")
        assert.is_nil(state)
        assert.are.equal("country: not every value was kept; a contact that lacks one is not packed", tostring(err))
    end)

    it("is taken by a ledger whose values are full, and scored right", function()
        local definition = define({ { event = "call", where = { form = { starts_with = "x" } }, points = 1 } })
        local ledger, other = open(definition), open(definition, { max_values = 3 })
        for i = 1, 50 do
            ledger:add({ contact_id = "1", event = "call", at = NOON - i, form = (i % 2 == 0 and "x" or "y") .. i })
        end
        assert.is_true(other:unpack("1", ledger:pack("1")))
        assert.are.equal(25, other:score("1", NOON).value)
        assert.is_true(other:unpack("1", ledger:pack("1"))) -- what is not used any more makes room
        assert.are.equal(25, other:score("1", NOON).value)
    end)

    it("does not make a dataset of what was folded", function()
        local definition = visits()
        local ledger, other = told(definition, 200), open(definition)
        assert.is_true(other:unpack("42", ledger:pack("42", NOON)))
        local dataset, err = other:dataset()
        assert.is_nil(dataset)
        assert.are.equal("1 contact came from a packed state whose events were folded", tostring(err))
        assert.is_true(other:unpack("42", ledger:pack("42")))
        dataset = assert(other:dataset())
        assert.are.equal(200, dataset:counts().events)
        assert.is_true(other:unpack("42", ledger:pack("42", NOON)))
        other:forget("42")
        assert.is_truthy(other:dataset())
    end)

    it("holds what a text cannot be read as for later definitions", function()
        local ledger = open(define({ { when = { employees = "many" }, points = 1 } }))
        ledger:set("1", { employees = "many" })
        local other = open(define({ { when = { employees = { at_least = 5 } }, points = 1 } }))
        assert.matches('^employees: cannot read "many" as a number', refused(other, "1", ledger:pack("1")))
        assert.is_false(other:has("1"))
    end)
end)

describe("an event's id", function()
    it("goes along, so that what comes twice counts once", function()
        local definition = define({ { event = "call", points = 1 } })
        local ledger, other = open(definition), open(definition)
        for i = 1, 30 do
            ledger:add({ contact_id = "1", event = "call", at = NOON - i * DAY, id = "e" .. i }, NOON)
        end
        for _, state in ipairs({ ledger:pack("1"), (ledger:pack("1", NOON)) }) do
            assert.is_true(other:unpack("1", state))
            for i = 1, 30 do
                assert.are.equal("repeated", other:add({ contact_id = "1", event = "call", at = NOON,
                    id = "e" .. i }, NOON))
            end
            assert.are.equal(30, other:score("1", NOON).value)
        end
        assert.are.equal("added", other:add({ contact_id = "2", event = "call", at = NOON, id = "e1" }, NOON))
        assert.are.equal("added", other:add({ contact_id = "1", event = "call", at = NOON, id = "e31" }, NOON))
        ledger:set("1", {})
        ledger:forget("1")
        ledger:set("1", {})
        assert.is_true(other:unpack("1", ledger:pack("1"))) -- replaced: the ids that were there are gone
        assert.are.equal("added", other:add({ contact_id = "1", event = "call", at = NOON, id = "e1" }, NOON))
    end)

    it("does not once it is past the horizon", function()
        local definition = define({ { event = "call", points = 1 } })
        local ledger, other = open(definition, { horizon = "1 day" }), open(definition, { horizon = "1 day" })
        ledger:add({ contact_id = "1", event = "call", at = NOON, id = "old" }, NOON)
        ledger:add({ contact_id = "1", event = "call", at = NOON, id = "new" }, NOON + 2 * DAY)
        assert.is_true(other:unpack("1", ledger:pack("1")))
        assert.are.equal("repeated", other:add({ contact_id = "1", event = "call", at = NOON, id = "new" },
            NOON + 2 * DAY))
        assert.are.equal("added", other:add({ contact_id = "1", event = "call", at = NOON, id = "old" },
            NOON + 2 * DAY))
        assert.are.equal("added", other:add({ contact_id = "1", event = "call", at = NOON, id = "new" },
            NOON + 3 * DAY + 1))
    end)
end)

describe("a string that is no state", function()
    it("is refused in one line, and nothing changes", function()
        local definition = visits()
        local ledger, other = told(definition, 60), told(definition, 40)
        local before, state = other:score("42", NOON), ledger:pack("42", NOON)
        for _, text in ipairs({ "", "LSS", "hello", "\27LuaS", ("x"):rep(10000), "LSS\0\0\0\0", "{}" }) do
            assert.matches("^state: ", refused(other, "42", text))
        end
        for length = 0, #state - 1 do
            refused(other, "42", state:sub(1, length))
        end
        for i = 1, #state do
            refused(other, "42", state:sub(1, i - 1) .. string.char((state:byte(i) + 1) % 256) .. state:sub(i + 1))
        end
        refused(other, "42", state .. "x")
        assert.are.same(before, other:score("42", NOON))
        assert.matches("^contact_id: expected an id", refused(other, " ", state))
        assert.are.equal(1, other:count())
    end)

    it("may be of a later version, which it says", function()
        local state = told(visits(), 9):pack("42")
        assert.are.equal("state: it is of version 2, which a later release of leadscore made; expected at most "
            .. "version 1",
            refused(open(visits()), "42", "LSS\2" .. state:sub(5)))
    end)
end)

-- Random definitions, records and instants ----------------------------------------------------------------------------

local LATER = { 0, 0, 1, DAY, 30 * DAY, 400 * DAY, 4000 * DAY }

local function make_case(seed)
    local case = { seed = seed, random = random.new(seed) }
    case.definitions = random.definitions(case.random)
    case.at = random.instant(case.random)
    case.records = random.records(case.random, case.at, { records = 4, wide = seed % 3 == 0, many = seed % 2 == 0 })
    case.lists = ledgers.lists(random.lists, case.records)
    case.set = assert(leadscore.define(case.definitions))
    case.from = case.at + case.random:pick(LATER)
    return case
end

local function ledger_of(case, set, keep)
    return assert(leadscore.ledger(set or case.set, { lists = case.lists, keep = keep }))
end

-- Fails with what makes the case again.
local function same(case, record, at, want, got, what)
    local ok, why = pcall(assert.are.same, want, got)
    if ok then return end
    error(("seed %d: %s at %d, packed for %d\nlocal definitions = %s\nlocal record = %s\n%s"):format(case.seed, what,
        at, case.from, ways.show(case.definitions), ways.show(record), tostring(why)), 0)
end

-- All that a ledger answers of a record.
local function answers(ledger, set, id, at)
    local list = { ledger:score(id, at) }
    list[2] = list[2] and tostring(list[2]) or false
    for _, name in ipairs(set:names()) do
        local change, err = ledger:next_change(id, at, name)
        list[#list + 1] = change == nil and tostring(err) or change
    end
    return list
end

local function compare(case, record, truth, ledger, from, set)
    for _ = 1, 3 do
        local at = from + case.random:pick(LATER) + case.random:pick({ 0, 0, case.random:int(0, 100 * DAY) })
        same(case, record, at, answers(truth, set or case.set, record.id, at),
            answers(ledger, set or case.set, record.id, at), "scores differ")
    end
end

local counts = { folded = 0, taken = 0, refused = 0 }

local function check_round_trip(case)
    local truth, whole, folded, again = ledger_of(case), ledger_of(case), ledger_of(case), ledger_of(case)
    for _, record in ipairs(case.records) do
        assert(ledgers.tell(truth, record, case.at))
        assert(whole:unpack(record.id, assert(truth:pack(record.id))))
        for _, at in ipairs({ case.at - 40 * DAY, case.at, case.at + 1 }) do
            same(case, record, at, answers(truth, case.set, record.id, at), answers(whole, case.set, record.id, at),
                "scores of the whole differ")
        end
        assert(folded:unpack(record.id, assert(truth:pack(record.id, case.from))))
        compare(case, record, truth, folded, case.from)
        for _, event in ipairs(case.random:chance(50) and case.records[1].events or {}) do
            truth:add(ledgers.event(record.id, event), case.at)
            folded:add(ledgers.event(record.id, event), case.at)
        end
        compare(case, record, truth, folded, case.from)
        local later = case.from + case.random:pick(LATER)
        local packed_at = case.random:chance(70) and later or nil
        assert(again:unpack(record.id, assert(folded:pack(record.id, packed_at))))
        compare(case, record, truth, again, packed_at and later or case.from)
    end
    if folded:memory().events < truth:memory().events then counts.folded = counts.folded + 1 end
end

-- Under other definitions a folded state is refused, or its scores are right.
local function check_others(case)
    local kept, other = ledger_of(case, nil, "all"), make_case(case.seed + 500000)
    local truth, ledger = ledger_of(case, other.set, "all"), ledger_of(case, other.set)
    for _, record in ipairs(case.records) do
        assert(ledgers.tell(kept, record, case.at))
        assert(ledgers.tell(truth, record, case.at))
        local ok, err = ledger:unpack(record.id, assert(kept:pack(record.id, case.from)))
        if ok then
            counts.taken = counts.taken + 1
            compare(case, record, truth, ledger, case.from, other.set)
        else
            counts.refused = counts.refused + 1
            assert.matches("^state: %S+ needs the events ", tostring(err))
        end
    end
end

describe("random contacts", function()
    for first = ONLY or 1, ONLY or SEEDS, 20 do
        it(("have their scores after a round trip: %d"):format(first), function()
            for seed = first, ONLY or math.min(first + 19, SEEDS) do
                check_round_trip(make_case(seed))
            end
        end)

        it(("are refused by other definitions, or have their scores: %d"):format(first), function()
            for seed = first, ONLY or math.min(first + 19, SEEDS) do
                check_others(make_case(seed))
            end
        end)
    end

    it("came about in every way", function()
        if ONLY then return end
        assert.is_true(counts.folded > SEEDS / 10, "folded: " .. counts.folded)
        assert.is_true(counts.taken > SEEDS / 10, "taken: " .. counts.taken)
        assert.is_true(counts.refused > SEEDS / 10, "refused: " .. counts.refused)
    end)
end)
