-- Time passes in a ledger: what its user may rely on.

local leadscore = require("leadscore")

local NOON = 1750000000 -- 2025-06-15T15:06:40Z
local DAY = 86400

local function visits()
    return assert(leadscore.define({
        name = "visits",
        groups = { { name = "Seen", rules = {
            { event = "page_viewed", points = 10, within = "30 days" },
            { event = "form_sent", points = 20, decay = { percent = 50, every = "7 days" } },
        } }, { name = "Who", kind = "fit", rules = { { when = { industry = "software" }, points = 15 } } } },
        thresholds = { { label = "Hot", at_least = 25 }, { label = "Cold" } },
    }))
end

local function open(definition, options)
    return assert(leadscore.ledger(definition or visits(), options))
end

local function view(ledger, id, at)
    assert.are.equal("added", (assert(ledger:add({ contact_id = id, event = "page_viewed", at = at }))))
end

describe("advancing a ledger", function()
    it("tells what changed since the last time, and why", function()
        local ledger = open()
        view(ledger, "42", NOON)
        assert.are.same({ { id = "42", score = "visits", to = 10, label_to = "Cold", why = "event" } },
            ledger:advance(NOON))
        assert.are.same({}, ledger:advance(NOON))
        ledger:set("42", { industry = "software" })
        assert.are.same({ { id = "42", score = "visits", from = 10, to = 25, label_from = "Cold", label_to = "Hot",
            why = "property" } }, ledger:advance(NOON + 60))
        assert.are.same({}, ledger:advance(NOON + 30 * DAY - 1))
        assert.are.same({ { id = "42", score = "visits", from = 25, to = 15, label_from = "Hot", label_to = "Cold",
            why = "time" } }, ledger:advance(NOON + 30 * DAY))
        assert.is_false(ledger:next_due())
    end)

    it("tells nothing where what happened changes nothing", function()
        local ledger = open()
        view(ledger, "1", NOON)
        ledger:advance(NOON)
        ledger:set("1", { industry = "none" })
        ledger:add({ contact_id = "1", event = "unheard of", at = NOON })
        assert.are.same({}, ledger:advance(NOON + 1))
    end)

    it("names what mattered most of several things that happened", function()
        local ledger = open()
        view(ledger, "1", NOON)
        ledger:set("1", { industry = "software" })
        assert.are.equal("event", ledger:advance(NOON)[1].why)
    end)

    it("counts an event that is dated later from its time on", function()
        local ledger = open()
        view(ledger, "1", NOON + 100)
        assert.are.equal(0, ledger:advance(NOON)[1].to)
        assert.are.equal(NOON + 100, ledger:next_due())
        assert.are.same({}, ledger:advance(NOON + 99))
        assert.are.same({ { id = "1", score = "visits", from = 0, to = 10, label_from = "Cold", label_to = "Cold",
            why = "time" } }, ledger:advance(NOON + 100))
    end)

    it("takes events that come late or out of order for what they are", function()
        local ledger = open()
        view(ledger, "1", NOON - 5)
        ledger:advance(NOON)
        view(ledger, "1", NOON - 29 * DAY)
        view(ledger, "1", NOON - 31 * DAY)
        assert.are.equal(20, ledger:advance(NOON)[1].to)
        assert.are.equal(NOON + DAY, ledger:next_due())
        assert.are.equal(10, ledger:advance(NOON + DAY)[1].to)
    end)

    it("goes forward only", function()
        local ledger = open()
        view(ledger, "1", NOON)
        ledger:advance(NOON)
        view(ledger, "1", NOON)
        local changes, err = ledger:advance(NOON - 1)
        assert.is_nil(changes)
        assert.are.equal("usage", err.kind)
        assert.are.equal("at: 2025-06-15T15:06:39Z is earlier than the last advance, 2025-06-15T15:06:40Z",
            tostring(err))
        assert.are.equal(20, ledger:advance(NOON)[1].to)
    end)

    it("asks for what every definition of a set says, in order", function()
        local set = assert(leadscore.define({
            { name = "one", groups = { { name = "g", rules = { { event = "a", points = 1, within = "1 day" } } } } },
            { name = "two", empty_until_scored = true, groups = { { name = "g", kind = "fit", rules = {
                { when = { ["score:one"] = { at_least = 2 } }, points = 100 } } } } },
        }))
        local ledger = open(set)
        ledger:add({ contact_id = "x", event = "a", at = NOON })
        ledger:add({ contact_id = "x", event = "a", at = NOON + 60 })
        ledger:add({ contact_id = "a", event = "a", at = NOON })
        assert.are.same({ { id = "x", score = "one", to = 1, why = "event" },
            { id = "a", score = "one", to = 1, why = "event" } }, ledger:advance(NOON))
        assert.are.same({ { id = "x", score = "one", from = 1, to = 2, why = "time" },
            { id = "x", score = "two", to = 100, why = "time" } }, ledger:advance(NOON + 60))
        assert.are.same({ { id = "x", score = "one", from = 2, to = 1, why = "time" },
            { id = "x", score = "two", from = 100, why = "time" },
            { id = "a", score = "one", from = 1, to = 0, why = "time" } }, ledger:advance(NOON + DAY))
    end)

    it("follows dates and curves", function()
        local ledger = open(assert(leadscore.define({ name = "n", groups = {
            { name = "g", kind = "fit", rules = { { when = { renewal = { in_next = "7 days" } }, points = 5 } } },
            { name = "h", rules = { { event = "a", points = 10, decay = { half_life = "1 day" } } } } } })))
        ledger:set("1", { renewal = NOON + 10 * DAY })
        ledger:advance(NOON)
        assert.are.equal(NOON + 3 * DAY, ledger:next_due())
        assert.are.equal(5, ledger:advance(NOON + 3 * DAY)[1].to)
        assert.are.equal(NOON + 10 * DAY, ledger:next_due())
        ledger:add({ contact_id = "1", event = "a", at = NOON + 3 * DAY })
        assert.are.equal(15, ledger:advance(NOON + 3 * DAY)[1].to)
        assert.are.equal(NOON + 3 * DAY + 1, ledger:next_due())
        assert.are.equal(10, ledger:advance(NOON + 4 * DAY)[1].to)
        ledger:advance(NOON + 60 * DAY)
        assert.is_false(ledger:next_due())
    end)

    it("forgets with the contact what it told", function()
        local ledger = open()
        view(ledger, "1", NOON)
        view(ledger, "2", NOON)
        ledger:advance(NOON)
        ledger:forget("1")
        assert.are.same({}, ledger:advance(NOON + 1))
        view(ledger, "3", NOON)
        view(ledger, "1", NOON)
        local ids = {}
        for _, change in ipairs(ledger:advance(NOON + 2)) do
            assert.is_nil(change.from)
            ids[change.id] = change.to
        end
        assert.are.same({ ["1"] = 10, ["3"] = 10 }, ids)
    end)

    it("begins with the contacts that were loaded, of which it tells only what changes", function()
        local ledger = open(assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { event = "a", points = 10, within = "30 days" } } }, { name = "h", kind = "fit", rules = {
            { when = { in_list = "vip" }, points = 1 } } } } })), { lists = { vip = {} } })
        assert(ledger:load(assert(leadscore.dataset({
            contacts = { { id = "1" }, { id = "2" } }, lists = { vip = { "2" } },
            events = { { contact_id = "1", event = "a", at = NOON }, { contact_id = "2", event = "a", at = NOON } },
        }))))
        ledger:add({ contact_id = "2", event = "a", at = NOON })
        assert.are.same({ { id = "2", score = "n", to = 21, why = "event" } }, ledger:advance(NOON))
        assert.are.same({ { id = "1", score = "n", from = 10, to = 0, why = "time" },
            { id = "2", score = "n", from = 21, to = 1, why = "time" } }, ledger:advance(NOON + 30 * DAY))
    end)

    it("takes scores down without a word when told so", function()
        local ledger = open()
        view(ledger, "1", NOON)
        assert.are.same({}, ledger:advance(NOON, { silent = true }))
        view(ledger, "1", NOON)
        assert.are.equal(10, ledger:advance(NOON)[1].from)
    end)

    it("raises for wrong usage", function()
        local ledger = open()
        assert.has_error(function() ledger:advance({}) end)
        assert.has_error(function() ledger:advance(NOON, { quiet = true }) end)
        assert.has_error(function() ledger:due_at() end)
        local changes, err = ledger:advance("some day")
        assert.is_nil(changes)
        assert.are.equal("input", err.kind)
        ledger:close()
        assert.has_error(function() ledger:advance(NOON) end, "leadscore: ledger is closed")
        assert.has_error(function() ledger:next_due() end, "leadscore: ledger is closed")
    end)

    it("needs a definition", function()
        local ledger = assert(leadscore.ledger(nil, { keep = "all" }))
        local changes, err = ledger:advance(NOON)
        assert.is_nil(changes)
        assert.are.equal("the ledger has no definitions", tostring(err))
        ledger:set("1", { industry = "software" })
        assert.are.equal("the ledger has no definitions", tostring(select(2, ledger:next_change("1", NOON))))
        local ok, raised = pcall(function() ledger:on_change({ score = "visits", crosses = 50, call = print }) end)
        assert.is_false(ok)
        assert.matches("advance_spec.lua:%d+: leadscore: on_change: the ledger has no definitions$", raised)
        assert(ledger:replace(visits()))
        assert.truthy(ledger:on_change({ score = "visits", crosses = 50, call = print }))
    end)
end)

describe("when a contact is due", function()
    it("is never later than its next change", function()
        local ledger = open()
        view(ledger, "1", NOON)
        ledger:add({ contact_id = "1", event = "form_sent", at = NOON - DAY })
        assert.are.equal(NOON + 6 * DAY, ledger:due_at("1", NOON))
        assert.are.equal(NOON + 6 * DAY, ledger:next_change("1", NOON))
        assert.are.equal(NOON + 13 * DAY, ledger:due_at("1", NOON + 6 * DAY))
        assert.are.equal(NOON + 30 * DAY, ledger:due_at("1", NOON + 13 * DAY))
        assert.is_false(ledger:due_at("1", NOON + 30 * DAY))
        assert.are.equal('no contact has the id "2"', tostring(select(2, ledger:due_at("2", NOON))))
    end)

    it("tells when to advance next", function()
        local ledger = open()
        assert.is_false(ledger:next_due())
        view(ledger, "1", NOON)
        assert.is_true(ledger:next_due())
        view(ledger, "2", NOON - DAY)
        ledger:advance(NOON)
        assert.are.equal(NOON + 29 * DAY, ledger:next_due())
        view(ledger, "1", NOON)
        assert.is_true(ledger:next_due())
    end)
end)

-- What is delivered while a value goes through these.
local function delivered(options, values, quiet)
    local bands = {}
    for i, points in ipairs({ 100, 60, 55, 54.5, 52, 50, 49.5, 48, 45, 44.5, 40 }) do
        bands[i] = { at_least = points, points = points }
    end
    local calls, ledger = {}, open(assert(leadscore.define({ name = "value", empty_until_scored = true,
        groups = { { name = "g", kind = "fit", rules = { { property = "points", bands = bands } } } },
        thresholds = { { label = "Hot", at_least = 80 }, { label = "Warm", at_least = 50 }, { label = "Cold" } } })))
    options.call = function(change, direction)
        calls[#calls + 1] = ("%s %s %s"):format(direction or tostring(change.label_to), tostring(change.from),
            tostring(change.to))
    end
    local subscription = ledger:on_change(options)
    for i, value in ipairs(values) do
        if value == "forget" then
            ledger:forget("1")
        elseif value == "none" then
            ledger:set("1", { points = "" })
        else
            ledger:set("1", { points = value })
        end
        assert(ledger:advance(NOON + i, { silent = quiet and quiet[i] }))
    end
    return calls, ledger, subscription
end

describe("a subscription", function()
    it("is called once for each crossing of a bound", function()
        assert.are.same({ "up 48 52", "up 40 60" },
            (delivered({ crosses = 50 }, { 40, 48, 52, 60, 52, 48, 40, 60, 60 })))
        assert.are.same({ "down 52 48", "down 60 40" },
            (delivered({ crosses = 50, direction = "down" }, { 40, 48, 52, 48, 60, 40 })))
        assert.are.same({ "up 48 52", "down 52 48", "up 48 60", "down 60 40" },
            (delivered({ crosses = 50, direction = "both" }, { 48, 52, 48, 60, 40 })))
    end)

    it("is called at the bound itself, and for a contact that begins above it", function()
        assert.are.same({ "up nil 60" }, (delivered({ crosses = 60 }, { 60, 100 })))
        assert.are.same({ "up 40 60" }, (delivered({ crosses = 60 }, { 40, 60, 100 })))
        assert.are.same({}, (delivered({ crosses = 60, direction = "down" }, { 40, 60, 100, 60 })))
    end)

    it("is called again only once the value was below until_below", function()
        assert.are.same({ "up 40 52", "up 40 60" },
            (delivered({ crosses = 50, until_below = 45 }, { 40, 52, 48, 52, 48, 60, 40, 60 })))
        assert.are.same({ "down 60 48", "down 60 40" },
            (delivered({ crosses = 50, direction = "down", until_above = 55 }, { 60, 48, 52, 48, 60, 40 })))
        assert.are.same({ "up 40 60", "down 60 48", "down 60 40", "up 40 52" },
            (delivered({ crosses = 50, direction = "both", until_below = 45, until_above = 55 },
                { 40, 60, 48, 52, 48, 60, 40, 52 })))
    end)

    it("counts a value at the bounds themselves as above them", function()
        assert.are.same({ "up 40 50", "up 44.5 60" },
            (delivered({ crosses = 50, until_below = 45 }, { 40, 50, 45, 50, 45, 44.5, 60 })))
        assert.are.same({ "up nil 50" }, (delivered({ crosses = 50, until_below = 45 }, { 50, 45, 60 })))
        assert.are.same({ "down 50 49.5", "down 50 49.5" },
            (delivered({ crosses = 50, direction = "down", until_above = 55 }, { 50, 49.5, 54.5, 49.5, 55, 50, 49.5 })))
    end)

    it("takes a value that was above or below when it came as such, whether that was told or not", function()
        assert.are.same({}, (delivered({ crosses = 50, until_below = 45 }, { 60, 48, 60 }, { true })))
        assert.are.same({}, (delivered({ crosses = 50, direction = "down", until_above = 55 }, { 40, 52, 40 })))
        assert.are.same({ "down 52 40" },
            (delivered({ crosses = 50, direction = "down", until_above = 55 }, { 52, 40, 52, 40 })))
    end)

    it("takes what has no value as below every bound", function()
        assert.are.same({ "up nil 52", "up nil 50" },
            (delivered({ crosses = 50, until_below = 45 }, { 52, 48, "none", 50, 48, 52 })))
        assert.are.same({ "down 60 nil" },
            (delivered({ crosses = 50, direction = "down", until_above = 55 },
                { 60, "none", 52, 40, "none", 54.5, 40 })))
        assert.are.same({ "down 60 nil", "down 55 40" },
            (delivered({ crosses = 50, direction = "down", until_above = 55 }, { 60, "none", 55, 40 })))
        assert.are.same({ "down 60 nil", "down 52 40" },
            (delivered({ crosses = 50, direction = "down", until_above = 55 }, { 60, "none", "forget", 52, 40 })))
        assert.are.same({ "down 60 nil", "down 52 40" },
            (delivered({ crosses = 50, direction = "down" }, { 60, "none", 52, 40 })))
        assert.are.same({}, (delivered({ crosses = 50, direction = "down" }, { "none", 40, "none" })))
    end)

    it("tells each direction by itself where it is both", function()
        assert.are.same({ "up 40 60", "down 60 48", "down 52 48", "down 60 40", "up 40 60" },
            (delivered({ crosses = 50, direction = "both", until_below = 45 }, { 40, 60, 48, 52, 48, 60, 40, 60 })))
    end)

    it("remembers a value that was taken down silently", function()
        assert.are.same({}, (delivered({ crosses = 50, until_below = 45 }, { 40, 52, 48, 52 }, { true, true, true })))
        assert.are.same({ "up 48 52" }, (delivered({ crosses = 50, until_below = 45 }, { 48, 52 }, { true })))
    end)

    it("forgets a contact", function()
        assert.are.same({ "up nil 52", "up 48 52" },
            (delivered({ crosses = 50, until_below = 45 }, { 52, 48, "forget", 48, 52 })))
    end)

    it("is called when the label becomes another one, or the one that it waits for", function()
        assert.are.same({ "Cold nil 40", "Warm 48 52", "Hot 52 100", "Cold 100 40" },
            (delivered({ label = true }, { 40, 48, 52, 100, 40 })))
        assert.are.same({ "Hot 52 100", "Hot 40 100" }, (delivered({ label = "Hot" }, { 40, 52, 100, 100, 40, 100 })))
        assert.are.same({ "Warm nil 50", "Cold 50 49.5", "nil 49.5 nil", "Hot nil 100" },
            (delivered({ label = true }, { 50, 49.5, "none", 100 })))
        assert.are.same({ "Warm nil 50" }, (delivered({ label = "Warm" }, { 50, 52, "none" })))
    end)

    it("ends when it is cancelled, also by what it called", function()
        local _, ledger, subscription = delivered({ crosses = 50 }, { 40 })
        subscription:cancel()
        assert.are.equal("subscription to crossings of value (cancelled)", tostring(subscription))
        local calls, second = 0, nil
        ledger:on_change({ label = true, call = function()
            calls = calls + 1
            second:cancel()
        end })
        second = ledger:on_change({ label = true, call = function() calls = calls + 100 end })
        ledger:set("1", { points = 100 })
        ledger:advance(NOON + 100)
        assert.are.equal(1, calls)
    end)

    it("may change the ledger, and hears of that with the next advance", function()
        local _, ledger = delivered({ crosses = 1000 }, { 40 })
        local seen = {}
        ledger:on_change({ crosses = 50, call = function(change)
            seen[#seen + 1] = change.id
            ledger:set(change.id .. "'", { points = 60 })
            assert.has_error(function() ledger:advance(NOON + 200) end)
            if change.id == "1''" then ledger:on_change({ crosses = 50, call = function() error("not called") end }) end
        end })
        ledger:set("1", { points = 60 })
        for i = 1, 3 do
            ledger:advance(NOON + 100 + i)
        end
        assert.are.same({ "1", "1'", "1''" }, seen)
    end)

    it("does not keep others from being called when one raises", function()
        local _, ledger = delivered({ crosses = 1000 }, { 40 })
        local calls = {}
        ledger:on_change({ crosses = 50, call = function(change)
            calls[#calls + 1] = change.id
            error({ "mine" })
        end })
        ledger:on_change({ crosses = 50, call = function(change) calls[#calls + 1] = change.id .. "!" end })
        ledger:set("1", { points = 60 })
        ledger:set("2", { points = 60 })
        local ok, err = pcall(ledger.advance, ledger, NOON + 100)
        assert.is_false(ok)
        assert.are.same({ "mine" }, err)
        assert.are.same({ "1", "1!", "2", "2!" }, calls)
        assert.are.same({}, ledger:advance(NOON + 101))
    end)

    it("raises for wrong usage", function()
        local ledger = open()
        local function raises(pattern, options)
            local ok, err = pcall(function() ledger:on_change(options) end)
            assert.is_false(ok)
            assert.truthy(err:find(pattern, 1, true), err)
            assert.truthy(err:find("advance_spec.lua", 1, true), err)
        end
        local function call() end
        raises("expected a table of options, got a number", 5)
        raises('unknown option "cross" (did you mean "crosses"?)', { cross = 5, call = call })
        raises("call: expected a function", { crosses = 5 })
        raises("expected either crosses or label", { call = call })
        raises("expected either crosses or label", { crosses = 5, label = "Hot", call = call })
        raises("crosses: expected a number of points, got a string", { crosses = "5", call = call })
        raises('direction: expected "up", "down" or "both", got "sideways"',
            { crosses = 5, direction = "sideways", call = call })
        raises("until_below: expected at most crosses", { crosses = 5, until_below = 6, call = call })
        raises("until_above: a crossing up has until_below", { crosses = 5, until_above = 6, call = call })
        raises('label: the score is never labelled "Hott" (did you mean "Hot"?)', { label = "Hott", call = call })
        raises("direction: a label has none", { label = "Hot", direction = "up", call = call })
        raises('no score is named "visit" (did you mean "visits"?)', { score = "visit", crosses = 5, call = call })
    end)
end)

describe("replacing definitions", function()
    local function other(points, name)
        return assert(leadscore.define({ name = name or "visits", groups = {
            { name = "Seen", rules = { { event = "page_viewed", points = points, within = "30 days" } } } } }))
    end

    local function prepared()
        local ledger, calls = open(other(10)), {}
        ledger:on_change({ crosses = 50, call = function(change) calls[#calls + 1] = change.id end })
        view(ledger, "1", NOON)
        view(ledger, "2", NOON)
        ledger:advance(NOON)
        return ledger, calls
    end

    it("is told as changes", function()
        local ledger, calls = prepared()
        assert(ledger:replace(other(60)))
        assert.is_true(ledger:next_due())
        local changes = ledger:advance(NOON)
        assert.are.equal(2, #changes)
        assert.are.same({ id = "1", score = "visits", from = 10, to = 60, why = "definition" }, changes[1])
        assert.are.same({ "1", "2" }, calls)
    end)

    it("is told nobody when it is silent, but what happens then is", function()
        local ledger, calls = prepared()
        assert(ledger:replace(other(60), { silent = true }))
        view(ledger, "1", NOON)
        assert.are.same({ { id = "1", score = "visits", from = 60, to = 120, why = "event" } }, ledger:advance(NOON))
        assert.are.same({}, calls)
        assert.are.equal(2, #ledger:advance(NOON + 30 * DAY))
    end)

    it("is remembered where it is silent, by subscriptions that wait for the value to fall", function()
        local ledger, calls = open(other(60)), 0
        view(ledger, "1", NOON)
        ledger:advance(NOON)
        local waiting = ledger:on_change({ crosses = 50, until_below = 45, call = function() calls = calls + 1 end })
        assert(ledger:replace(other(48), { silent = true }))
        view(ledger, "1", NOON)
        assert.are.equal(96, ledger:advance(NOON)[1].to)
        assert.are.equal(0, calls)
        assert(ledger:replace(other(10), { silent = true }))
        for _ = 1, 4 do
            view(ledger, "1", NOON)
        end
        assert.are.same({ { id = "1", score = "visits", from = 20, to = 60, why = "event" } }, ledger:advance(NOON))
        assert.are.equal(1, calls)
        waiting:cancel()
        assert.are.same({}, ledger:advance(NOON + 30 * DAY, { silent = true }))
    end)

    it("does not hide what happened before it", function()
        local ledger, calls = prepared()
        view(ledger, "1", NOON)
        assert(ledger:replace(other(60), { silent = true }))
        assert.are.same({ { id = "1", score = "visits", from = 10, to = 120, why = "event" } }, ledger:advance(NOON))
        assert.are.same({ "1" }, calls)
    end)

    it("begins a score of another name, and ends the one that is no more", function()
        local ledger = prepared()
        assert(ledger:replace(other(60, "fresh")))
        assert.are.same({ { id = "1", score = "fresh", to = 60, why = "definition" },
            { id = "2", score = "fresh", to = 60, why = "definition" } }, ledger:advance(NOON))
        assert(ledger:replace(other(10), { silent = true }))
        assert.are.same({}, ledger:advance(NOON + 1))
    end)
end)
