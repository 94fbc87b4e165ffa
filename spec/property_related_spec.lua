-- Associated records (section 7): the vectors, and random definitions over contacts, companies and deals in random
-- worlds. The batch on one thread and on several, one record with the records inside it, the explanation of every
-- record and next_change_at must all agree with the reference to the last digit; and what a score may not depend on is
-- changed, and does not matter.
--
-- LEADSCORE_SEEDS=n runs n seeds instead of the few of every run; LEADSCORE_SEED=n runs that one alone.

local leadscore = require("leadscore")
local basics = require("spec.reference_values")
local explained = require("spec.explained")
local random = require("spec.random")
local random_related = require("spec.random_related")
local reference_next = require("spec.reference_next")
local vectors = require("spec.vectors_related")
local ways = require("spec.ways")
local ways_related = require("spec.ways_related")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local SEEDS = tonumber(os.getenv("LEADSCORE_SEEDS")) or 60
local ONLY = tonumber(os.getenv("LEADSCORE_SEED"))
local CHUNK = 20
local THREADS = { 1, 3 }

-- What a seed is about ------------------------------------------------------------------------------------------------

local function make_case(seed, options)
    local case = { seed = seed, random = random.new(seed), lenient = options and options.lenient }
    case.definitions = random_related.definitions(case.random, options)
    case.at = random.instant(case.random)
    case.world = ways_related.share_lists(random_related.world(case.random, case.at, { lenient = case.lenient,
        wide = seed % 3 == 0, many = seed % 20 == 0 }))
    case.known = ways_related.known(case.world)
    case.expected = ways_related.expected(case.definitions, case.known, case.at)
    case.set = assert(leadscore.define(case.definitions))
    return case
end

local function dataset_of(case, options)
    options = options or {}
    options.lists = random.lists
    options.portable = case.seed ~= nil and case.seed % 3 == 0
    return assert(ways_related.dataset(options.world or case.world, case.at, options))
end

local function batch_of(case, set, dataset, threads)
    local scores, result = ways_related.batch(set, dataset, case.at, threads)
    return assert(scores, not scores and result.message), result
end

local function fail(case, differences)
    if #differences == 0 then return end
    for i = 21, #differences do
        differences[i] = nil
    end
    error(("seed %d\nlocal definitions = %s\nlocal world, at = %s, %d\n%s"):format(case.seed,
        ways.show(case.definitions), ways.show(case.world), case.at, table.concat(differences, "\n")), 0)
end

-- Calls visit(object, id) for every record.
local function each_record(case, visit)
    for _, object in ipairs(ways_related.objects) do
        for _, record in ipairs(case.world[ways_related.files[object]]) do
            visit(object, record.id)
        end
    end
end

local function compare_record(differences, case, way, object, id, scores, numbers)
    for _, name in ipairs(case.expected.names[object]) do
        ways.compare(differences, ("%s: %s %s"):format(way, object, id), name, case.expected.find(object, id, name),
            scores[name], numbers)
    end
end

local function compare_batch(differences, case, way, scores)
    each_record(case, function(object, id)
        compare_record(differences, case, way, object, id, scores[object][id])
    end)
end

local function check_explanation(differences, case, object, id, find, explanation, err)
    if not explanation then
        differences[#differences + 1] = ("explanation of %s %s: %s"):format(object, id, err.message)
        return
    end
    if #explanation.scores ~= #case.expected.names[object] then
        differences[#differences + 1] = ("explanation of %s %s: %d scores"):format(object, id, #explanation.scores)
    end
    for _, score in ipairs(explanation.scores) do
        explained.check(differences, find(object, id, score.name), score, find, 0, object .. " " .. id)
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

-- All ways agree ------------------------------------------------------------------------------------------------------

local function check_batches(case)
    local dataset = dataset_of(case, { plan = case.seed % 2 == 0 and case.set:_open() or nil,
        rejects = case.lenient and function() end or nil })
    local differences = {}
    for _, threads in ipairs(THREADS) do
        compare_batch(differences, case, "batch, threads: " .. threads, batch_of(case, case.set, dataset, threads))
    end
    fail(case, differences)
    return dataset
end

local function check_explanations(case, dataset)
    local differences, find = {}, case.expected.find
    each_record(case, function(object, id)
        check_explanation(differences, case, object, id, find,
            ways_related.explain(case.set, dataset, object, id, case.at))
    end)
    fail(case, differences)
end

-- One record with all that it is associated with inside it. Where a list could mean two of them, explanations call
-- them by their places: then what is said of them is not looked up.
local function check_nested(case, object)
    local records = case.world[ways_related.files[object]]
    local id = case.random:pick(records).id
    local member = case.known.by_id[object][id]
    local record = ways_related.nested(case.known, case.random, member)
    local known = ways_related.known_inside(record, object)
    local inside = setmetatable({ expected = ways_related.expected(case.definitions, known, case.at) },
        { __index = case })
    local differences = {}
    local scores, err = case.set:score(record, case.at, object)
    if scores then
        compare_record(differences, inside, "one record", object, id, scores, true)
        check_explanation(differences, inside, object, id, inside.expected.find,
            ways_related.explain_one(case.set, record, case.at, object))
    else
        differences[1] = tostring(err)
    end
    if #differences > 0 then table.insert(differences, "local record = " .. ways.show(record)) end
    fail(case, differences)
end

describe("all ways agree with the reference", function()
    seeds("seeds", SEEDS, function(seed)
        local case = make_case(seed)
        check_explanations(case, check_batches(case))
    end)

    seeds("seeds with records inside records", SEEDS, function(seed)
        local case = make_case(seed)
        for _, object in ipairs(ways_related.objects) do
            if case.expected.names[object][1] then check_nested(case, object) end
        end
    end)

    seeds("seeds with cells that cannot be read", SEEDS / 5, function(seed)
        local case = make_case(seed, { lenient = true })
        check_explanations(case, check_batches(case))
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

local function is_utf8(value)
    if type(value) == "string" then return basics.is_utf8(value) end
    for _, inner in pairs(type(value) == "table" and value or {}) do
        if not is_utf8(inner) then return false end
    end
    return true
end

local function check_same(case, way, set, options)
    local differences = {}
    for _, threads in ipairs(THREADS) do
        compare_batch(differences, case, way, (batch_of(case, set, dataset_of(case, options), threads)))
    end
    fail(case, differences)
end

local function changed(world, key, value)
    return setmetatable({ [key] = value }, { __index = world })
end

describe("scores do not depend on", function()
    seeds("the order of rows, seeds", SEEDS / 2, function(seed)
        local case = make_case(seed)
        check_same(case, "shuffled rows", case.set, { shuffle = case.random })
    end)

    seeds("the order of definitions, groups, rules and keys, seeds", SEEDS / 2, function(seed)
        local case = make_case(seed)
        check_same(case, "shuffled rules", assert(leadscore.define(reordered(case.random, case.definitions))))
        local copy = assert(leadscore.define(copied(case.random, case.definitions)))
        assert.are.equal(case.set:fingerprint(), copy:fingerprint())
        assert.are.equal(case.set:canonical(), copy:canonical())
    end)

    seeds("the end that an association is given from, seeds", SEEDS / 2, function(seed)
        local case = make_case(seed)
        check_same(case, "turned", case.set, { world = changed(case.world, "associations",
            ways_related.turned(case.world.associations)) })
    end)

    seeds("the form of files, seeds", SEEDS / 2, function(seed)
        local case = make_case(seed)
        if not is_utf8(case.world) then return end
        check_same(case, "NDJSON", case.set, { ndjson = true, shuffle = seed % 2 == 0 and case.random or nil,
            plan = seed % 3 == 0 and case.set:_open() or nil })
    end)

    seeds("associations being given again, seeds", SEEDS / 10, function(seed)
        local case = make_case(seed)
        local rows = ways_related.turned(case.world.associations)
        for _, row in ipairs(case.world.associations) do
            rows[#rows + 1] = row
        end
        check_same(case, "repeated", case.set, { world = changed(case.world, "associations", rows) })
    end)
end)

-- Many records --------------------------------------------------------------------------------------------------------

-- Several worlds as one, of ids of their own.
local function joined(source, at, count)
    local all = { contacts = {}, companies = {}, deals = {}, associations = {} }
    for i = 1, count do
        local world = random_related.world(source, at)
        local function rename(record, key)
            if record[key] and basics.text(record[key]) then
                record[key] = ("w%d-%s"):format(i, basics.text(record[key]))
            end
        end
        for name, records in pairs(all) do
            for _, record in ipairs(world[name]) do
                rename(record, "id")
                rename(record, "company_id")
                rename(record, "from_id")
                rename(record, "to_id")
                records[#records + 1] = record
            end
        end
    end
    return ways_related.share_lists(all)
end

describe("many records", function()
    seeds("are scored alike by any number of threads, seeds", math.max(2, SEEDS / 100), function(seed)
        local case = make_case(seed + 100000)
        case.world = joined(case.random, case.at, 150)
        case.known = ways_related.known(case.world)
        case.expected = ways_related.expected(case.definitions, case.known, case.at)
        local dataset, differences = dataset_of(case), {}
        local alone = batch_of(case, case.set, dataset, 1)
        local shared = batch_of(case, case.set, dataset, 4)
        each_record(case, function(object, id)
            for _, name in ipairs(case.expected.names[object]) do
                ways.compare(differences, id, name, alone[object][id][name], shared[object][id][name])
            end
        end)
        compare_batch(differences, case, "batch", alone)
        if #differences > 0 then error(table.concat(differences, "\n", 1, math.min(20, #differences)), 0) end
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

local function cut(list, most)
    while #list > most do
        table.remove(list)
    end
end

-- Two definitions; few records of few events.
local function small_case(seed)
    local case = { seed = seed, random = random.new(seed) }
    case.definitions = random_related.definitions(case.random, { definitions = 2, rules = 2 })
    case.at = random.instant(case.random)
    local world = random_related.world(case.random, case.at)
    cut(world.contacts, 2)
    cut(world.companies, 2)
    cut(world.deals, 1)
    for _, contact in ipairs(world.contacts) do
        cut(contact.events, 2)
    end
    case.world = ways_related.share_lists(world)
    case.known = ways_related.known(case.world)
    case.expected = ways_related.expected(case.definitions, case.known, case.at)
    case.set = assert(leadscore.define(case.definitions))
    return case
end

-- What the reference says, as the product says it: false for never, and for later than it looks.
local function until_horizon(case, found)
    return found and found <= case.at + HORIZON and found
end

local function check_change(differences, case, way, object, id, name, expected, found, err)
    if found == nil then
        differences[#differences + 1] = ("%s: %s"):format(way, tostring(err))
    elseif until_horizon(case, found) ~= (expected or false) then
        differences[#differences + 1] = ("%s of %s %s, %s: expected %s, got %s"):format(way, object, id, name,
            tostring(expected), tostring(found))
    end
end

local function check_changes(differences, case, dataset, result, object, record)
    local expected = reference_next.next_change_at(case.definitions, record, case.at, HORIZON, case.known)
    local row = dataset:find(object, record.id)
    local explanation = assert(ways_related.explain(case.set, dataset, object, record.id, case.at))
    for i, name in ipairs(case.expected.names[object]) do
        local index = 1
        while case.set:names()[index] ~= name do
            index = index + 1
        end
        local score = explanation.scores[i]
        assert(score.name == name)
        check_change(differences, case, "next_change_at", object, record.id, name, expected[i],
            result:next_change(index, row))
        check_change(differences, case, "explained next_change_at", object, record.id, name, expected[i],
            score.next_change_at and basics.time(score.next_change_at) or false)
    end
end

local function check_next(case)
    local dataset, differences = dataset_of(case), {}
    local _, result = batch_of(case, case.set, dataset)
    for _, object in ipairs(ways_related.objects) do
        if case.expected.names[object][1] then
            for _, record in ipairs(case.world[ways_related.files[object]]) do
                check_changes(differences, case, dataset, result, object, record)
            end
        end
    end
    fail(case, differences)
end

local function check_next_inside(case)
    local differences = {}
    for _, object in ipairs(ways_related.objects) do
        local id = case.world[ways_related.files[object]][1].id
        local record = ways_related.nested(case.known, case.random, case.known.by_id[object][id])
        local known = ways_related.known_inside(record, object)
        local names = case.expected.names[object]
        local expected = names[1] and reference_next.next_change_at(case.definitions, record, case.at, HORIZON, known)
        for i, name in ipairs(names) do
            check_change(differences, case, "next_change_at inside " .. ways.show(record), object, id, name,
                expected[i], case.set:next_change(record, case.at, name))
        end
    end
    fail(case, differences)
end

describe("next_change_at agrees with the reference", function()
    seeds("without curves, seeds", SEEDS / 2, function(seed)
        local case = small_case(seed)
        if not has_curves(case.definitions) then check_next(case) end
    end)

    seeds("with curves, seeds", SEEDS / 2, function(seed)
        local case = small_case(seed)
        if has_curves(case.definitions) then check_next(case) end
    end)

    seeds("of records inside records, seeds", SEEDS / 5, function(seed)
        check_next_inside(small_case(seed))
    end)
end)

-- Vectors -------------------------------------------------------------------------------------------------------------

-- Expected results that a way of scoring did not give.
local function check_expected(vector, way, got)
    local differences = {}
    for key, expected in pairs(vector.expect) do
        local found = got[key]
        if key == "scored" then found = found or false end
        if key ~= "empty" and key ~= "kind" and found ~= expected then
            differences[#differences + 1] = ("%s: %s: expected %s, got %s"):format(way, key, tostring(expected),
                tostring(found))
        end
    end
    for _, key in ipairs(vector.expect.empty or {}) do
        if got[key] ~= nil then differences[#differences + 1] = ("%s: %s: expected nothing"):format(way, key) end
    end
    assert.are.equal("", table.concat(differences, "\n"))
end

-- Numbers of the one-record way as exact texts: all of the vectors are exact in doubles of at most 15 digits.
local function as_texts(score)
    local copy = {}
    for key, value in pairs(score) do
        copy[key] = type(value) == "number" and basics.print(basics.decimal(value)) or value
    end
    return copy
end

local function list_of(vector)
    return vector.definition.groups and { vector.definition } or vector.definition
end

local function score_of(explanation, name)
    for _, score in ipairs(explanation.scores) do
        if score.name == name then return score end
    end
end

local function check_world(vector, world, id)
    local definitions = list_of(vector)
    local set, at = assert(leadscore.define(definitions)), basics.time(vector.at)
    local name, object = definitions[1].name, definitions[1].object or "contact"
    for _, ndjson in ipairs({ false, true }) do
        local dataset = assert(ways_related.dataset(world, at, { lists = set:lists(), plan = set:_open(),
            ndjson = ndjson }))
        for _, threads in ipairs(THREADS) do
            local scores = assert(ways_related.batch(set, dataset, at, threads))
            check_expected(vector, "batch", scores[object][id][name])
        end
        check_expected(vector, "explanation",
            score_of(assert(ways_related.explain(set, dataset, object, id, at)), name))
    end
end

local function check_record(vector, record)
    local definitions = list_of(vector)
    local set, at = assert(leadscore.define(definitions)), basics.time(vector.at)
    local name, object = definitions[1].name, definitions[1].object or "contact"
    local scores = assert(set:score(record, vector.at, object))
    check_expected(vector, "one record", as_texts(scores[name]))
    check_expected(vector, "its explanation",
        score_of(assert(ways_related.explain_one(set, record, at, object)), name))
end

describe("the vectors of records", function()
    for _, vector in ipairs(vectors.records) do
        it(vector.name, function()
            check_record(vector, vector.record)
            local known = ways_related.known_inside(vector.record, list_of(vector)[1].object or "contact")
            check_world(vector, ways_related.unnested(known), basics.text(vector.record.id))
        end)
    end
end)

describe("the vectors of worlds", function()
    for _, vector in ipairs(vectors.worlds) do
        it(vector.name, function()
            local world = setmetatable({}, { __index = vector.world })
            ways_related.share_lists(world)
            check_world(vector, world, vector.id)
            local known = ways_related.known(world)
            check_world(vector, ways_related.unnested(known), vector.id)
            local object = list_of(vector)[1].object or "contact"
            local member = known.by_id[object][vector.id]
            -- A deal's only company cannot be inside it without being its primary one.
            if object ~= "deal" then
                check_record(vector, ways_related.nested(known, random.new(1), member))
            end
        end)
    end
end)
