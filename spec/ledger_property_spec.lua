-- Random definitions and random days of a ledger: events and properties come in any order, late and twice, some of them
-- refused, contacts are forgotten and come again, definitions are replaced, datasets are given and loaded. At any time
-- every contact must score, be explained and change next as the same record scored by itself, and all of them together
-- as the batch scores them, to the last digit.
--
-- LEADSCORE_SEEDS=n runs n seeds instead of the few of every run; LEADSCORE_SEED=n runs that one alone.

local leadscore = require("leadscore")
local ledgers = require("spec.ledgers")
local random = require("spec.random")
local ways = require("spec.ways")

local SEEDS = tonumber(os.getenv("LEADSCORE_SEEDS")) or 200
local ONLY = tonumber(os.getenv("LEADSCORE_SEED"))
local CHUNK, STEPS, CONTACTS = 20, 60, 6

-- What a seed is about ------------------------------------------------------------------------------------------------


local function define(case)
    return assert(leadscore.define(random.definitions(case.random)))
end

local function open(case, dataset)
    local lists = {}
    for _, name in ipairs(random.lists) do
        lists[name] = {}
        for id, names in pairs(case.lists) do
            if names[name] then table.insert(lists[name], id) end
        end
        table.sort(lists[name])
    end
    return assert(leadscore.ledger(case.set, {
        keep = case.keep, lists = lists, dataset = dataset, max_values = case.most, horizon = 1000,
    }))
end

local function make_case(seed)
    local case = { seed = seed, random = random.new(seed), contacts = {}, lists = {}, births = 0,
        now = 1700000000 }
    case.keep = seed % 2 == 0 and "all" or "plan"
    case.lenient = seed % 5 == 0
    if seed % 4 == 3 then case.most = case.random:pick({ 1, 2, 5 }) end
    case.set = define(case)
    case.at = random.instant(case.random)
    for i = 1, CONTACTS do
        case.lists["r" .. i] = {}
        for _, name in ipairs(case.random:some(random.lists, 0, 2)) do
            case.lists["r" .. i][name] = true
        end
    end
    case.ledger = open(case)
    return case
end

local function fail(case, ...)
    local parts = { ("seed %d"):format(case.seed) }
    for _, each in ipairs({ ... }) do
        parts[#parts + 1] = type(each) == "table" and ways.show(each) or tostring(each)
    end
    error(table.concat(parts, "\n"), 0)
end

-- What is told twice: to the ledger and to records --------------------------------------------------------------------

local function contact_of(case, id)
    if not case.contacts[id] then
        case.births = case.births + 1
        case.contacts[id] = { id = id, events = {}, ids = {}, lists = {}, birth = case.births }
        for name in pairs(case.lists[id]) do
            table.insert(case.contacts[id].lists, name)
        end
    end
    return case.contacts[id]
end

-- The record of a contact as definition:score takes it.
local function record_of(contact)
    local record = { id = contact.id, events = contact.events, lists = contact.lists }
    for name, value in pairs(contact.properties or {}) do
        record[name] = value
    end
    return record
end

-- Whether the definitions read a value that they cannot read.
local function refuses(case, record)
    local score, err = case.set:score(record, case.at)
    return score == nil and err.kind == "input"
end

local function check_told(case, ok, err, refused, what)
    if refused == (ok == nil) and (ok or tostring(err):find("cannot read", 1, true)) then return ok end
    fail(case, what, "refused: " .. tostring(refused), "told: " .. tostring(ok), tostring(err))
end

local function an_id(case)
    return "r" .. case.random:int(1, CONTACTS)
end

local function add(case)
    local id = an_id(case)
    local event = random.event_of(case.random, case.at, case.lenient, case.seed % 3 == 0)
    local known = case.contacts[id]
    if case.random:chance(50) then event.id = "e" .. case.random:int(1, 30) end
    case.now = case.now + case.random:pick({ 0, 1, 200, -50 })
    local refused = refuses(case, { id = id, events = { event } })
    local before = event.id and known and known.ids[event.id]
    local outcome, err = case.ledger:add(ledgers.event(id, event), case.now)
    if not check_told(case, outcome, err, refused, event) then return end
    local repeated = before ~= nil and case.now - before <= 1000
    case.latest = math.max(case.latest or case.now, case.now)
    if repeated and case.latest - before > 1000 then -- the clock went back: the id may be forgotten or not
        repeated = outcome == "repeated"
    end
    if outcome ~= (repeated and "repeated" or "added") then fail(case, "outcome", outcome, event) end
    if repeated then return end
    local contact = contact_of(case, id)
    if event.id then contact.ids[event.id] = case.now end
    event.id = nil -- a record takes an id once, whenever it came
    table.insert(contact.events, event)
end

local function set(case)
    local id = an_id(case)
    local properties, changed = random.add_properties(case.random, "contact", case.at, case.lenient, {}), {}
    for name, value in pairs(properties) do
        if case.random:chance(60) then changed[name] = value end
    end
    local record = { id = id }
    for name, value in pairs(changed) do
        record[name] = value
    end
    local ok, err = case.ledger:set(id, changed)
    if not check_told(case, ok, err, refuses(case, record), changed) then return end
    local contact = contact_of(case, id)
    contact.properties = contact.properties or {}
    for name, value in pairs(changed) do
        contact.properties[name] = value
    end
end

local function forget(case)
    local id = an_id(case)
    if case.ledger:forget(id) ~= (case.contacts[id] ~= nil) then fail(case, "forget", id) end
    case.contacts[id], case.lists[id] = nil, {}
end

local function replace(case)
    local other = define(case)
    local ok, err = case.ledger:replace(other, { silent = case.random:chance(50) })
    if ok then
        case.set = other
        return
    end
    local lost = case.keep == "plan" and tostring(err):find("was not kept", 1, true)
    local classed = case.most and tostring(err):find("of which not every value was kept", 1, true)
    if not lost and not classed then fail(case, "replace", err) end
end

-- Comparing -----------------------------------------------------------------------------------------------------------

local function same(case, what, id, expected, got)
    if ways.show(expected) == ways.show(got) then return end
    fail(case, what .. " of " .. id, record_of(case.contacts[id]), case.set:canonical(), "expected",
        expected, "got", got)
end

local function is_served(case)
    for _, each in ipairs(case.ledger:serves()) do
        if not each.served then return false end
    end
    return true
end

local function compare_contact(case, contact, at)
    local record, id = record_of(contact), contact.id
    local score, err = case.set:score(record, at)
    local scores, failure = case.ledger:score(id, at)
    if case.most and not scores and tostring(failure):find("a value was not kept", 1, true) then
        if is_served(case) then fail(case, "served, but", failure) end
        return
    end
    -- Of several cells that cannot be read either may be told.
    same(case, "score at " .. at, id, score or tostring(err):match("cannot read"),
        scores or tostring(failure):match("cannot read"))
    if not score then return end
    if not case.most then -- else a value is shown as one that is answered alike
        same(case, "explanation at " .. at, id, (case.set:_scoring():explain(record, at)),
            (case.ledger._handle:explain(id, at)))
    end
    local name = case.random:pick(case.set:names())
    local change = case.set:next_change(record, at, name)
    same(case, "next change of " .. name .. " at " .. at, id, change, case.ledger:next_change(id, at, name))
end

local function instant(case)
    return case.random:chance(50) and case.at or case.at + case.random:int(-40, 40) * 43200
end

local function sorted_contacts(case)
    local list = {}
    for _, contact in pairs(case.contacts) do
        list[#list + 1] = contact
    end
    table.sort(list, function(a, b) return a.birth < b.birth end)
    return list
end

local function compare(case)
    local at = instant(case)
    for _ = 1, case.random:chance(30) and 5 or 1 do -- the same ones at one instant after another
        for _, contact in ipairs(sorted_contacts(case)) do
            if case.random:chance(50) then compare_contact(case, contact, at) end
        end
        at = at + case.random:pick({ 0, 1, 90, 3600, 43200, 345600 })
    end
    if case.ledger:count() ~= #sorted_contacts(case) then fail(case, "count") end
end

-- Cells that a batch would refuse: such a ledger is compared contact by contact alone.
local function readable(case)
    for _, contact in pairs(case.contacts) do
        if refuses(case, record_of(contact)) then return false end
    end
    return true
end

-- The dataset that the ledger gives, against one made of the records.
local function compare_batch(case, given)
    local list, at = {}, instant(case)
    for i, contact in ipairs(sorted_contacts(case)) do
        list[i] = record_of(contact)
        local id = given._handle:id("contact", i)
        if id ~= contact.id then fail(case, "order", id, contact.id) end
    end
    if #list == 0 or not readable(case) then return end
    local contacts, events, lists = ways.rows(list, case.at, random.lists)
    local scores = assert(ways.batch(case.set, assert(ways.dataset(contacts, events, lists)), at))
    local from_given = assert(ways.batch(case.set, given._handle, at, 2))
    for id in pairs(scores) do
        same(case, "batch at " .. at, id, scores[id], from_given[id])
    end
end

-- The ledger is given away, and goes on from what was given: ids of events are not in a dataset.
local function reload(case)
    local given, err = case.ledger:dataset()
    if case.most and not given and tostring(err):find("not every value was kept", 1, true) then return end
    compare_batch(case, assert(given, tostring(err)))
    if case.random:chance(50) then return end
    case.ledger:close()
    case.ledger = open(case, given)
    for _, contact in pairs(case.contacts) do
        contact.ids = {}
    end
end

local STEP = {
    { 50, add }, { 20, set }, { 5, forget }, { 5, replace }, { 15, compare }, { 5, reload },
}

local function step(case)
    local chance = case.random:int(1, 100)
    for _, each in ipairs(STEP) do
        chance = chance - each[1]
        if chance <= 0 then return each[2](case) end
    end
end

local function run(seed)
    local case = make_case(seed)
    for _ = 1, STEPS do
        step(case)
    end
    compare(case)
    if not case.most then compare_batch(case, assert(case.ledger:dataset())) end
end

describe("a ledger agrees with records and with the batch", function()
    if ONLY then
        it("seed " .. ONLY, function() run(ONLY) end)
        return
    end
    for first = 1, SEEDS, CHUNK do
        local last = math.min(first + CHUNK - 1, SEEDS)
        it(("seeds %d to %d"):format(first, last), function()
            for seed = first, last do
                run(seed)
            end
        end)
    end
end)
