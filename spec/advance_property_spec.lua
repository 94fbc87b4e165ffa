-- Random definitions and contacts, told to a ledger bit by bit while time passes: what its advances tell, added up, is
-- at every instant what the batch says of the same data, every change is told once, and no score moves before it is
-- due. Now and then a contact is packed and taken back; half of the seeds fold what cannot matter any more, and keep
-- their definitions, which folded contacts hold on to.
--
-- LEADSCORE_SEEDS=n runs n seeds instead of the few of every run; LEADSCORE_SEED=n runs that one alone.

local leadscore = require("leadscore")
local ledgers = require("spec.ledgers")
local random = require("spec.random")
local ways = require("spec.ways")

local SEEDS = tonumber(os.getenv("LEADSCORE_SEEDS")) or 150
local ONLY = tonumber(os.getenv("LEADSCORE_SEED"))
local CHUNK = 10
local DAY = 86400
local SPANS = { 0, 1, 59, 3600, 43200, DAY, DAY, 7 * DAY, 30 * DAY, 100 * DAY }
local CONTACTS = 5

-- A ledger, what was told to it, and what it told.
local function open(seed)
    local source = random.new(seed)
    local case = { seed = seed, random = source, at = random.instant(source), told = {}, records = {}, log = {} }
    case.folds = seed % 2 == 0
    case.definitions = random.definitions(source)
    case.set = assert(leadscore.define(case.definitions))
    local members = {}
    for i = 1, CONTACTS do
        members[i] = { id = "r" .. i, lists = source:some(random.lists, 0, 2) }
        case.lists = case.lists or {}
        case.lists["r" .. i] = members[i].lists
    end
    case.ledger = assert(leadscore.ledger(case.set, { keep = "all", lists = ledgers.lists(random.lists, members) }))
    return case
end

local function fail(case, message, ...)
    error(("seed %d\nlocal definitions = %s\n%s\n%s"):format(case.seed, ways.show(case.definitions),
        table.concat(case.log, "\n"), message:format(...)), 0)
end

local function note(case, ...)
    case.log[#case.log + 1] = string.format(...)
end

-- What happens --------------------------------------------------------------------------------------------------------

local function record_of(case, id)
    case.records[id] = case.records[id] or { id = id, events = {}, lists = case.lists[id] }
    return case.records[id]
end

-- Nobody is to notice.
local function pack(case, id)
    local folds = case.folds and case.random:chance(60)
    note(case, "pack %s%s", id, folds and (" for " .. case.at) or "")
    local state = assert(case.ledger:pack(id, folds and case.at or nil))
    assert.is_true(case.ledger:unpack(id, state))
end

local function happen(case)
    local source = case.random
    local id = "r" .. source:int(1, CONTACTS)
    local way = source:int(1, 13)
    if way == 1 then
        note(case, "forget %s", id)
        assert.are.equal(case.records[id] ~= nil, case.ledger:forget(id))
        case.records[id], case.told[id], case.lists[id] = nil, nil, {}
        return
    end
    if way == 2 and case.records[id] then return pack(case, id) end
    local made = random.records(source, case.at, { records = 1 })[1]
    local record = record_of(case, id)
    if way <= 5 then
        local properties = ledgers.properties(made)
        note(case, "set %s %s", id, ways.show(properties))
        assert(case.ledger:set(id, properties))
        for name, value in pairs(properties) do
            record[name] = value
        end
        return
    end
    for i = 1, math.min(#made.events, 2) do
        note(case, "add %s %s", id, ways.show(made.events[i]))
        assert.are.equal("added", (assert(case.ledger:add(ledgers.event(id, made.events[i]), case.at))))
        table.insert(record.events, made.events[i])
    end
    if #made.events == 0 then assert(case.ledger:set(id, {})) end
end

-- What it tells -------------------------------------------------------------------------------------------------------

local function batch(case)
    local list = {}
    for i = 1, CONTACTS do
        list[#list + 1] = case.records["r" .. i]
    end
    if #list == 0 then return {} end
    local contacts, events, lists = ways.rows(list, case.at, random.lists)
    local scores, err = ways.batch(case.set, assert(ways.dataset(contacts, events, lists)), case.at)
    return assert(scores, err and err.message)
end

local function take(case, changes)
    local seen = {}
    for _, change in ipairs(changes) do
        local told = case.told[change.id] or {}
        local before = told[change.score] or {}
        local key = change.id .. " " .. change.score
        if seen[key] then fail(case, "%s: told twice", key) end
        seen[key] = true
        if before.value ~= change.from or before.label ~= change.label_from then
            fail(case, "%s: changes from %s %s, was %s %s", key, tostring(change.from), tostring(change.label_from),
                tostring(before.value), tostring(before.label))
        end
        if change.from == change.to and change.label_from == change.label_to then fail(case, "%s: no change", key) end
        told[change.score] = { value = change.to, label = change.label_to }
        case.told[change.id] = told
    end
end

local function check_told(case)
    for id, scores in pairs(batch(case)) do
        for name, score in pairs(scores) do
            local told = case.told[id] and case.told[id][name] or {}
            if tonumber(score.value) ~= told.value or score.label ~= told.label then
                fail(case, "%s %s at %d: the batch says %s %s, told was %s %s", id, name, case.at,
                    tostring(score.value), tostring(score.label), tostring(told.value), tostring(told.label))
            end
        end
    end
end

-- Nothing moves before it is due.
local function check_due(case)
    for id in pairs(case.records) do
        local due = case.ledger:due_at(id, case.at)
        local before = ways.show(assert(case.ledger:score(id, case.at)))
        local last = (due or case.at + 3 * 365 * DAY) - 1
        for _, at in ipairs({ last, case.at + math.floor((last - case.at) / 2) }) do
            local after = ways.show(assert(case.ledger:score(id, at)))
            if after ~= before then fail(case, "%s at %d: due at %s, moves by %d", id, case.at, tostring(due), at) end
        end
    end
end

local function pass(case)
    case.at = case.at + case.random:pick(SPANS)
    note(case, "advance %d", case.at)
    take(case, assert(case.ledger:advance(case.at)))
    check_told(case)
    assert.are.same({}, case.ledger:advance(case.at))
    if case.random:chance(30) then check_due(case) end
end

local function replace(case)
    local silent = case.random:chance(50)
    local definitions = random.definitions(case.random)
    local set = assert(leadscore.define(definitions))
    note(case, "replace, silent: %s", tostring(silent))
    local ok = case.ledger:replace(set, { silent = silent })
    if not ok then return end -- it reads a text as another type than the one it was told as
    case.definitions, case.set = definitions, set
    local names = {}
    for _, name in ipairs(set:names()) do
        names[name] = true
    end
    for _, told in pairs(case.told) do
        for name in pairs(told) do
            if not names[name] then told[name] = nil end
        end
    end
    if silent and case.advanced then
        case.told = {}
        for id, scores in pairs(batch(case)) do
            case.told[id] = {}
            for name, score in pairs(scores) do
                case.told[id][name] = { value = tonumber(score.value), label = score.label }
            end
        end
    end
end

local function check(seed)
    local case = open(seed)
    for _ = 1, 8 do
        for _ = 1, case.random:int(0, 5) do
            happen(case)
        end
        pass(case)
        case.advanced = true
        if not case.folds and case.random:chance(12) then replace(case) end
    end
    case.ledger:close()
end

describe("what a ledger tells adds up to the batch's scores:", function()
    if ONLY then
        it("seed " .. ONLY, function() check(ONLY) end)
        return
    end
    for first = 1, SEEDS, CHUNK do
        local last = math.min(first + CHUNK - 1, SEEDS)
        it(("seeds %d to %d"):format(first, last), function()
            for seed = first, last do
                check(seed)
            end
        end)
    end
end)
