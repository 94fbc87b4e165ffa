-- Random definitions and records: the batch on one thread and on several, one record at a time, and the explanation
-- must all agree with the reference to the last digit; and what a score may not depend on is changed, and does not
-- matter.
--
-- LEADSCORE_SEEDS=n runs n seeds instead of the few of every run; LEADSCORE_SEED=n runs that one alone. A seed that
-- fails prints the smallest part of it that is at hand: the definitions, the record and what differs.

local leadscore = require("leadscore")
local explained = require("spec.explained")
local random = require("spec.random")
local reference_next = require("spec.reference_next")
local shell = require("shell")
local ways = require("spec.ways")

local SEEDS = tonumber(os.getenv("LEADSCORE_SEEDS")) or 200
local ONLY = tonumber(os.getenv("LEADSCORE_SEED"))
local CHUNK = 20

-- What a seed is about ------------------------------------------------------------------------------------------------

local function make_case(seed, lenient)
    local case = { seed = seed, random = random.new(seed), lenient = lenient }
    case.definitions, case.declared = random.definitions(case.random)
    case.at = random.instant(case.random)
    case.records = random.records(case.random, case.at, { records = 6, wide = seed % 3 == 0, lenient = lenient,
        many = seed % 10 == 0 })
    case.set = assert(leadscore.define(case.definitions))
    case.plan = case.set:_open()
    return case
end

local function fail(case, record, differences)
    if #differences == 0 then return end
    error(("seed %d\nlocal definitions = %s\nlocal record, at = %s, %d\n%s"):format(case.seed,
        ways.show(case.definitions), ways.show(record), case.at, table.concat(differences, "\n")), 0)
end

local function check_explanation(differences, expected, explanation, err)
    if not explanation then
        differences[#differences + 1] = "explanation: " .. tostring(err.message)
        return
    end
    for _, score in ipairs(explanation.scores) do
        explained.check(differences, expected[score.name], score)
    end
end

-- All ways agree ------------------------------------------------------------------------------------------------------

local function compare_all(differences, way, expected, scores, numbers)
    for name, want in pairs(expected) do
        ways.compare(differences, way, name, want, scores[name], numbers)
    end
end

local function batches_of(case)
    local contacts, events, lists = ways.rows(case.records, case.at, random.lists)
    local dataset = assert(ways.dataset(contacts, events, lists, {
        plan = case.seed % 2 == 0 and case.plan or nil, rejects = case.lenient and function() end or nil,
        portable = case.seed % 3 == 0,
    }))
    local batches = {}
    for _, threads in ipairs({ 1, 3 }) do
        local scores, err = ways.batch(case.set, dataset, case.at, threads)
        batches[threads] = assert(scores, err and err.message)
    end
    return batches, dataset
end

local function check_case(case)
    local batches, dataset = batches_of(case)
    for _, record in ipairs(case.records) do
        local differences, expected = {}, ways.expected(case.definitions, record, case.at)
        for threads, scores in pairs(batches) do
            compare_all(differences, "batch, threads: " .. threads, expected, scores[record.id])
        end
        check_explanation(differences, expected, ways.explain(case.set, dataset, record.id, case.at))
        if not case.lenient then
            local scores, err = case.set:score(record, case.at)
            if not scores then fail(case, record, { tostring(err) }) end
            compare_all(differences, "one record", expected, scores, true)
            check_explanation(differences, expected, ways.explain_one(case.set, record, case.at))
        end
        fail(case, record, differences)
    end
end

-- Runs seeds in chunks, so that several that fail are seen; of a count in parts the whole ones.
local function seeds(title, count, check)
    count = math.floor(count)
    if ONLY then
        it(title .. ": " .. ONLY, function() check(ONLY) end)
        return
    end
    for first = 1, count, CHUNK do
        local last = math.min(first + CHUNK - 1, count)
        it(("%s: %d to %d"):format(title, first, last), function()
            for seed = first, last do
                check(seed)
            end
        end)
    end
end

describe("all ways agree with the reference", function()
    seeds("seeds", SEEDS, function(seed)
        check_case(make_case(seed))
    end)

    seeds("seeds with cells that cannot be read", SEEDS / 5, function(seed)
        check_case(make_case(seed, true))
    end)

    -- One record is refused for such a cell if it is read, and only then.
    seeds("seeds whose cells are refused", SEEDS / 10, function(seed)
        local case = make_case(seed, true)
        local contacts, events, lists = ways.rows(case.records, case.at, random.lists)
        local rejected = 0
        ways.dataset(contacts, events, lists, { plan = case.plan, rejects = function() rejected = rejected + 1 end })
        local strict = ways.dataset(contacts, events, lists, { plan = case.plan })
        local refused = false
        for _, record in ipairs(case.records) do
            refused = case.set:score(record, case.at) == nil or refused
        end
        assert.are.equal(rejected > 0, strict == nil, "seed " .. seed)
        assert.are.equal(rejected > 0, refused, "seed " .. seed)
    end)
end)

-- What does not matter ------------------------------------------------------------------------------------------------

-- The same, its tables filled in another order; lists stay as they are.
local function copied(source, value)
    if type(value) ~= "table" then return value end
    local keys, copy = {}, {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    for _, key in ipairs(value[1] == nil and source:shuffle(keys) or keys) do
        copy[key] = copied(source, value[key])
    end
    return copy
end

local function reordered(source, definitions)
    local list = copied(source, source:shuffle(definitions))
    for _, definition in ipairs(list) do
        definition.groups = source:shuffle(definition.groups)
        for _, group in ipairs(definition.groups) do
            group.rules = source:shuffle(group.rules)
        end
    end
    return list
end

local function values_of(set, records, at)
    local dataset = assert(ways.dataset(ways.rows(records, at, random.lists)))
    return assert(ways.batch(set, dataset, at))
end

local function check_same(case, way, set, records)
    local expected = values_of(case.set, case.records, case.at)
    local scores = values_of(set, records, case.at)
    for _, record in ipairs(case.records) do
        local differences = {}
        for _, name in ipairs(set:names()) do
            ways.compare(differences, way, name, expected[record.id][name], scores[record.id][name])
        end
        fail(case, record, differences)
    end
end

-- Whether a definition asks another one's score.
local function uses(value, name)
    if type(value) ~= "table" then return false end
    for key, inner in pairs(value) do
        if tostring(key):match("^score:([%w_]+)") == name or uses(inner, name) then return true end
    end
    return false
end

local function with_used(definitions, one, into)
    into[#into + 1] = one
    for _, other in ipairs(definitions) do
        local seen = false
        for _, known in ipairs(into) do
            seen = seen or known == other
        end
        if not seen and uses(one, other.name) then with_used(definitions, other, into) end
    end
    return into
end

describe("scores do not depend on", function()
    seeds("the order of rows, seeds", SEEDS / 5, function(seed)
        local case, records = make_case(seed), {}
        for i, record in ipairs(case.random:shuffle(case.records)) do
            records[i] = copied(case.random, record)
            records[i].events = case.random:shuffle(records[i].events)
        end
        check_same(case, "shuffled rows", case.set, records)
    end)

    seeds("the order of rules, groups, definitions and keys, seeds", SEEDS / 5, function(seed)
        local case = make_case(seed)
        check_same(case, "shuffled rules", assert(leadscore.define(reordered(case.random, case.definitions))),
            case.records)
        local copy = assert(leadscore.define(copied(case.random, case.definitions)))
        assert.are.equal(case.set:fingerprint(), copy:fingerprint())
        assert.are.equal(case.set:canonical(), copy:canonical())
    end)

    seeds("other definitions, seeds", SEEDS / 5, function(seed)
        local case = make_case(seed)
        for _, definition in ipairs(case.definitions) do
            local part = assert(leadscore.define(with_used(case.definitions, definition, {})))
            check_same(case, "alone", part, case.records)
        end
    end)

    seeds("records that were scored before, seeds", SEEDS / 5, function(seed)
        local case = make_case(seed)
        for _, at in ipairs({ case.at - 86400 * 3, case.at + 86400 * 40 + 1, case.at }) do
            for _, record in ipairs(case.records) do
                local differences = {}
                compare_all(differences, "used before", ways.expected(case.definitions, record, at),
                    assert(case.set:score(record, at)), true)
                fail(case, record, differences)
            end
        end
    end)
end)

describe("a definition as JSON", function()
    local folder
    setup(function() folder = shell.folder() end)
    teardown(function() shell.remove(folder) end)

    seeds("has the same fingerprint and scores, seeds", SEEDS / 2, function(seed)
        local case = make_case(seed)
        if not case.declared then return end -- keys that are no texts then need not tell their type
        shell.write(folder .. "/set.json", ways.json(case.definitions))
        local set = assert(leadscore.load(folder .. "/set.json"))
        assert.are.equal(case.set:fingerprint(), set:fingerprint(), "seed " .. seed)
        check_same(case, "JSON", set, case.records)
    end)
end)

-- Many records --------------------------------------------------------------------------------------------------------

local function many_records(source, at, count)
    local records = {}
    while #records < count do
        for _, record in ipairs(random.records(source, at, { records = 8 })) do
            record.id = "r" .. #records + 1
            records[#records + 1] = record
        end
    end
    return records
end

describe("many records", function()
    seeds("are scored alike by any number of threads, seeds", math.max(2, SEEDS / 100), function(seed)
        local case = make_case(seed + 100000)
        case.records = many_records(case.random, case.at, 1600)
        local dataset = assert(ways.dataset(ways.rows(case.records, case.at, random.lists)))
        local alone = assert(ways.batch(case.set, dataset, case.at, 1))
        local shared = assert(ways.batch(case.set, dataset, case.at, 4))
        local contacts, events, lists = ways.rows(case.records, case.at, random.lists)
        local portable = assert(ways.batch(case.set, assert(ways.dataset(contacts, events, lists, { portable = true })),
            case.at, 1))
        for _, record in ipairs(case.records) do
            local differences, one = {}, assert(case.set:score(record, case.at))
            for _, name in ipairs(case.set:names()) do
                ways.compare(differences, "threads", name, alone[record.id][name], shared[record.id][name])
                ways.compare(differences, "portable", name, alone[record.id][name], portable[record.id][name])
                ways.compare(differences, "one record", name, alone[record.id][name], one[name], true)
            end
            fail(case, record, differences)
        end
    end)
end)

-- What changes next ---------------------------------------------------------------------------------------------------

local HORIZON = 2 * 365 * 86400

local function has_curves(value)
    if type(value) ~= "table" then return false end
    if value.half_life or value.curve then return true end
    for _, inner in pairs(value) do
        if has_curves(inner) then return true end
    end
    return false
end

local function small_case(seed)
    local case = { seed = seed, random = random.new(seed) }
    case.definitions = random.definitions(case.random, { definitions = 2, rules = 2 })
    case.at = random.instant(case.random)
    case.records = random.records(case.random, case.at, { records = 1 })
    local record = case.records[1]
    while #record.events > 3 do
        table.remove(record.events)
    end
    case.set = assert(leadscore.define(case.definitions))
    return case
end

local function check_next(case)
    local record, differences = case.records[1], {}
    local expected = reference_next.next_change_at(case.definitions, record, case.at, HORIZON)
    for i, definition in ipairs(case.definitions) do
        local found, err = case.set:next_change(record, case.at, definition.name)
        if found == nil then differences[#differences + 1] = tostring(err) end
        local late = found and found > case.at + HORIZON
        if (not late and found or nil) ~= expected[i] and not (found == false and expected[i] == nil) then
            differences[#differences + 1] = ("next_change_at of %s: expected %s, got %s"):format(definition.name,
                tostring(expected[i]), tostring(found))
        end
    end
    fail(case, record, differences)
end

describe("next_change_at agrees with the reference", function()
    seeds("without curves, seeds", SEEDS / 2, function(seed)
        local case = small_case(seed)
        if not has_curves(case.definitions) then check_next(case) end
    end)

    seeds("with curves, seeds", SEEDS / 4, function(seed)
        local case = small_case(seed)
        if has_curves(case.definitions) then check_next(case) end
    end)
end)
