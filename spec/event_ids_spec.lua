-- Ids of events that a dataset keeps and a ledger knows once it has loaded it: what came last night and comes again
-- today counts once.

local leadscore = require("leadscore")
local log = require("leadscore.log")
local shell = require("spec.shell")

local NOON = 1750000000 -- 2025-06-15T15:06:40Z
local HOUR, DAY = 3600, 86400
local STAMP = 1000 * 1024 -- of a log, for a second

local function visits()
    return assert(leadscore.define({ name = "visits", groups = { { name = "Seen", rules = {
        { event = "visit", points = 1 } } } } }))
end

local EVENTS = {
    { contact_id = "ada", event = "visit", at = NOON - 40 * DAY, id = "e1" },
    { contact_id = "ada", event = "visit", at = NOON - HOUR, id = "e2" },
    { contact_id = "bo", event = "visit", at = NOON - 2 * HOUR, id = "e1" },
    { contact_id = "bo", event = "visit", at = NOON - 2 * HOUR },
    { contact_id = "cy", event = "visit", at = NOON - 200 * DAY, id = "old" },
}

local function dataset(options)
    local all = { contacts = { { id = "nobody" }, { id = "ada" }, { id = "bo" }, { id = "cy" } }, events = EVENTS,
        event_ids = true }
    for key, value in pairs(options or {}) do
        all[key] = value
    end
    return assert(leadscore.dataset(all))
end

local function open(from, options, now)
    local ledger = assert(leadscore.ledger(visits(), options))
    assert(ledger:load(from, now or NOON))
    return ledger
end

local function outcomes(ledger, events, now)
    local found = {}
    for i, event in ipairs(events) do
        found[i] = assert(ledger:add(event, now))
    end
    return table.concat(found, " ")
end

describe("a ledger that loaded last night's dataset", function()
    local folder
    before_each(function() folder = shell.folder() end)
    after_each(function() shell.remove(folder) end)

    local function write(name, lines)
        local path = folder .. "/" .. name
        shell.write(path, table.concat(lines, "\n") .. "\n")
        return path
    end

    it("counts events once that come again, by contact and id; those without id and past the horizon again", function()
        local ledger = open(dataset())
        assert.are.equal(2, ledger:score("ada", NOON).value)
        assert.are.equal("repeated repeated repeated added added", outcomes(ledger, EVENTS, NOON))
        assert.are.equal(2, ledger:score("ada", NOON).value)
        assert.are.equal("added", ledger:add({ contact_id = "cy", event = "visit", at = NOON, id = "e1" }, NOON))
        assert.are.equal("added", ledger:add({ contact_id = "nobody", event = "visit", at = NOON, id = "e2" }, NOON))
    end)

    it("knows an id for the horizon after its event's own time, to the second", function()
        local ledger = open(dataset())
        local again = EVENTS[2] -- an hour before noon
        assert.are.equal("repeated", ledger:add(again, again.at + 90 * DAY))
        assert.are.equal("added", ledger:add(again, again.at + 90 * DAY + 1))
        ledger = open(dataset(), { horizon = "2 hours" })
        assert.are.equal("added repeated repeated added added", outcomes(ledger, EVENTS, NOON))
    end)

    it("takes an event that is dated later than the load as one that came with it", function()
        local event = { contact_id = "ada", event = "visit", at = NOON + 400 * DAY, id = "typo" }
        local ledger = open(dataset({ events = { event } }))
        assert.are.equal("repeated", ledger:add(event, NOON + 90 * DAY))
        assert.are.equal("added", ledger:add(event, NOON + 90 * DAY + 1))
    end)

    it("counts them twice where the dataset was not asked to keep ids", function()
        local ledger = open(dataset({ event_ids = false }))
        assert.are.equal("added added added added added", outcomes(ledger, EVENTS, NOON))
        assert.has_error(function() dataset({ event_ids = "yes" }) end,
            'leadscore.dataset: event_ids: expected true or false, got "yes"')
    end)

    it("reads ids of CSV and NDJSON, with any number of threads, under the name that the file has for them", function()
        local csv = { "visitor,event,at,key,page" }
        local ndjson = {}
        for i = 1, 3000 do
            csv[i + 1] = ("%s,visit,%d, k%d ,p%d"):format(i % 2 == 0 and "ada" or "bo", NOON - i, i, i % 7)
            ndjson[i] = ('{"contact_id":"%s","event":"visit","at":%d,"id":%d}'):format(i % 2 == 0 and "ada" or "bo",
                NOON - i, i)
        end
        for threads = 1, 3, 2 do
            local ledger = open(dataset({ events = write("e.csv", csv), threads = threads, definitions = visits(),
                columns = { ["events.contact_id"] = "visitor", ["events.id"] = "key" } }))
            for i = 1, 3000 do
                local event = { contact_id = i % 2 == 0 and "ada" or "bo", event = "visit", at = NOON, id = "k" .. i }
                assert.are.equal("repeated", ledger:add(event, NOON))
            end
            assert.are.equal("added", ledger:add({ contact_id = "ada", event = "visit", at = NOON, id = "k1" }, NOON))
        end
        local ledger = open(dataset({ events = write("e.ndjson", ndjson) }))
        for i = 1, 3000, 100 do
            local event = { contact_id = i % 2 == 0 and "ada" or "bo", event = "visit", at = NOON, id = i }
            assert.are.equal("repeated", ledger:add(event, NOON))
        end
    end)

    it("knows an id of a log from when its line was written, however old its event is", function()
        local function line(i, ts)
            local event = EVENTS[i]
            return (log.event(event, ts):gsub("\n$", ""))
        end
        assert.is_true(require("lfs").mkdir(folder .. "/log"))
        write("log/a.ndjson", {
            line(5, (NOON - DAY) * STAMP), line(2, (NOON - HOUR) * STAMP), line(5, (NOON - 1) * STAMP),
        })
        local from = dataset({ events = { EVENTS[1] }, log = folder .. "/log" })
        assert.are.equal(1, from:counts().repeated)
        local ledger = open(from)
        assert.are.equal("repeated repeated added added repeated", outcomes(ledger, EVENTS, NOON))
        assert.are.equal("repeated", ledger:add(EVENTS[5], NOON + 89 * DAY))
        assert.are.equal("added", ledger:add(EVENTS[5], NOON + 89 * DAY + 1))
    end)

    it("forgets ids with what a log forgot", function()
        assert.is_true(require("lfs").mkdir(folder .. "/log"))
        write("log/a.ndjson", {
            (log.event(EVENTS[2], (NOON - HOUR) * STAMP):gsub("\n", "")),
            (log.forget("ada", (NOON - 60) * STAMP):gsub("\n", "")),
            (log.set("ada", { country = "SE" }, (NOON - 30) * STAMP):gsub("\n", "")),
        })
        local ledger = open(dataset({ events = { EVENTS[1] }, log = folder .. "/log" }))
        assert.are.equal("added added", outcomes(ledger, { EVENTS[1], EVENTS[2] }, NOON))
        assert.is_true(ledger:forget("ada"))
        assert.are.equal("added", ledger:add(EVENTS[2], NOON))
    end)

    it("keeps them in packed contacts, and in the dataset that it gives", function()
        local ledger = open(dataset())
        ledger:add({ contact_id = "ada", event = "visit", at = NOON, id = "e3" }, NOON)
        local other = assert(leadscore.ledger(visits()))
        assert(other:unpack("ada", assert(ledger:pack("ada"))))
        assert.are.equal("repeated repeated", outcomes(other, { EVENTS[1], EVENTS[2] }, NOON))
        local given = assert(ledger:dataset())
        local next_one = open(given, nil, NOON + HOUR)
        local e3 = { contact_id = "ada", event = "visit", at = NOON, id = "e3" }
        assert.are.equal("repeated repeated repeated added added", outcomes(next_one, EVENTS, NOON))
        assert.are.equal("repeated", next_one:add(e3, NOON + 90 * DAY))
        assert.are.equal("added", next_one:add(e3, NOON + 90 * DAY + 1))
    end)

    it("knows them too where the dataset is given with the ledger, by the system's clock", function()
        local now = os.time()
        local event = { contact_id = "ada", event = "visit", at = now - HOUR, id = "e9" }
        local ledger = assert(leadscore.ledger(visits(), { dataset = dataset({ events = { event } }) }))
        assert.are.equal("repeated", ledger:add(event))
        assert.has_error(function() ledger:load(dataset(), "today") end,
            'now: expected a number of seconds since 1970, got "today"')
    end)

    it("takes memory for ids only where they are kept", function()
        local events = {}
        for i = 1, 20000 do
            events[i] = { contact_id = "ada", event = "visit", at = NOON - i, id = "id " .. i }
        end
        local plain = dataset({ events = events, event_ids = false }):memory()
        local kept = dataset({ events = events }):memory()
        assert.is_true(kept - plain >= 20000 * 24 and kept - plain < 20000 * 25)
    end)
end)
