-- The ways of scoring records with associated records, for specs that hold them against the reference: spec/ways.lua
-- for worlds, which are { contacts =, companies =, deals =, associations = } with `events` and `lists` in the records.

local core = require("leadscore.core")
local basics = require("spec.reference_values")
local reference = require("spec.reference")
local related = require("spec.reference_related")
local ways = require("spec.ways")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

M.objects = { "contact", "company", "deal" }
M.files = { contact = "contacts", company = "companies", deal = "deals" }

-- Worlds --------------------------------------------------------------------------------------------------------------

local function all_records(world, visit)
    for _, object in ipairs(M.objects) do
        for _, record in ipairs(world[M.files[object]] or {}) do
            visit(record, object)
        end
    end
end

--- Lists name ids of any object: gives records of the same id the same lists, and those of `lists`.
function M.share_lists(world)
    local by_id = {}
    local function add(id, name)
        by_id[id] = by_id[id] or {}
        by_id[id][name] = true
    end
    for name, ids in pairs(world.lists or {}) do
        for _, id in ipairs(ids) do
            add(basics.text(id), name)
        end
    end
    all_records(world, function(record)
        for _, name in ipairs(record.lists or {}) do
            add(basics.text(record.id), name)
        end
    end)
    all_records(world, function(record)
        record.lists = {}
        for name in pairs(by_id[basics.text(record.id)] or {}) do
            table.insert(record.lists, name)
        end
        table.sort(record.lists)
    end)
    world.lists = nil
    return world
end

local function as_list(labels)
    local list = {}
    for label in pairs(labels) do
        list[#list + 1] = label
    end
    table.sort(list)
    return list
end

local function own_record(member)
    local record = {}
    for name, value in pairs(member.properties) do
        record[name] = value
    end
    record.events = member.owner == "contact" and member.events or nil
    record.lists = member.lists
    return record
end

--- The world of the records inside a record, or of any world of the reference.
---@param known table a world of `reference.world`
---@return table world
function M.unnested(known)
    local world, place = { associations = {} }, {}
    for _, object in ipairs(M.objects) do
        world[M.files[object]] = {}
    end
    for i, member in ipairs(known.members) do
        place[member] = i
        table.insert(world[M.files[member.owner]], own_record(member))
    end
    for _, one in ipairs(known.members) do
        for other, labels in pairs(one.links) do
            local all = place[one] < place[other] and as_list(labels) or {}
            for i = 1, place[one] < place[other] and math.max(1, #all) or 0 do
                table.insert(world.associations, { from_object = one.owner, from_id = one.properties.id,
                    to_object = other.owner, to_id = other.properties.id, label = all[i] or "" })
            end
        end
    end
    return M.share_lists(world)
end

local RELATION = { contact = { company = "companies", deal = "deals" },
    company = { contact = "contacts", deal = "deals" }, deal = { contact = "contacts" } }

-- Where an associated record is put; nil: it cannot be said from this end that it is associated, but not primary.
local function relation_of(random, one, other, labels)
    local primary = labels.primary and random:chance(50)
    if one.owner == "contact" and other.owner == "company" and primary then return "company" end
    if one.owner == "company" and other.owner == "contact" and primary then return "primary_contacts" end
    return one.owner == "deal" and other.owner == "company" and labels.primary and "company"
        or RELATION[one.owner][other.owner]
end

local function nest(known, random, member, done)
    local record = own_record(member)
    done[member] = true
    for _, other in ipairs(random:shuffle(known.members)) do
        local labels = member.links[other]
        local relation = labels and relation_of(random, member, other, labels)
        if relation then
            local inner = done[other] and { id = other.properties.id } or nest(known, random, other, done)
            inner.labels = as_list(labels)
            record[relation] = record[relation] or {}
            table.insert(record[relation], inner)
            if relation == "company" and random:chance(50) then record.company = inner end
        end
    end
    return record
end

--- A record as a table that holds all that it is associated with, however far away.
---@param known table a world of `reference.world`
---@param member table one of its members
function M.nested(known, random, member)
    return nest(known, random, member, {})
end

-- Datasets ------------------------------------------------------------------------------------------------------------

local function ndjson(rows)
    local lines = {}
    for i, row in ipairs(rows) do
        local copy = {}
        for key, value in pairs(row) do
            if type(value) ~= "table" or value[1] ~= nil then copy[key] = value end
        end
        lines[i] = ways.json(copy)
    end
    return table.concat(lines, "\n") .. "\n"
end

local function shuffled(random, rows)
    return random and random:shuffle(rows) or rows
end

-- The rows of every input but lists, and ids by list.
local function inputs_of(world, at, options)
    local inputs, lists = {}, {}
    for _, object in ipairs(M.objects) do
        local rows, events, ids = ways.rows(world[M.files[object]] or {}, at, options.lists)
        inputs[M.files[object]] = shuffled(options.shuffle, rows)
        if object == "contact" then inputs.events = shuffled(options.shuffle, events) end
        for name, more in pairs(ids) do
            lists[name] = lists[name] or {}
            for _, id in ipairs(more) do
                table.insert(lists[name], id)
            end
        end
    end
    inputs.associations = shuffled(options.shuffle, world.associations or {})
    return inputs, lists
end

--- Associations given from their other end.
function M.turned(rows)
    local turned = {}
    for i, row in ipairs(rows) do
        turned[i] = { from_object = row.to_object, from_id = row.to_id, to_object = row.from_object,
            to_id = row.from_id, label = row.label }
    end
    return turned
end

local FIRST = { contacts = "id", companies = "id", deals = "id", associations = "from_object", events = "contact_id" }
local ORDER = { "contacts", "companies", "deals", "associations", "events" }

--- Runs a job to its end; nil and the error if it or the making of it failed.
function M.finish(job, err)
    if not job then return nil, err end
    local done
    repeat
        done, err = job:step(1000)
    until done ~= false
    if not done then return nil, err end
    return job
end

--- A core dataset of the rows of a world.
---@param world table
---@param at integer what "10 days ago" is relative to
---@param options table|nil { lists = names of those there are, plan = read for it, rejects = function(text),
--- shuffle = a generator: rows in any order, ndjson = true, portable = without what only this processor has }
---@return table|nil dataset
---@return table|nil err
function M.dataset(world, at, options)
    options = options or {}
    local dataset, ok, err = core.dataset(nil, options.portable), true, nil
    local inputs, lists = inputs_of(world, at, options)
    if options.plan then assert(dataset:expect(options.plan)) end
    local function read(what)
        if ok then ok, err = M.finish(dataset:read(what)) end
    end
    for _, input in ipairs(ORDER) do
        local rows = inputs[input]
        if rows[1] then
            read({ input = input, format = options.ndjson and "ndjson" or "csv", name = input,
                text = options.ndjson and ndjson(rows) or ways.csv(rows, FIRST[input]), rejects = options.rejects })
        end
    end
    for name, ids in pairs(lists) do
        read({ input = "list", list = name, name = name, text = "id\n" .. table.concat(ids, "\n") .. "\n" })
    end
    if ok then ok, err = M.finish(dataset:group()) end
    if not ok then return nil, err end
    return dataset
end

-- Batches -------------------------------------------------------------------------------------------------------------

local function score_at(result, index, row)
    local score = result:get(index, row)
    local value, fit, engagement = result:exact(index, row)
    return { value = value, fit = fit, engagement = engagement, label = score.label,
        scored = score.scored or false, in_scope = score.in_scope }
end

--- All scores of a core dataset: by object, by id, by name.
---@return table|nil scores
---@return table result or the error
function M.batch(set, dataset, at, threads)
    local plan = set:_open()
    local job, err = M.finish(dataset:score(plan, at, threads or 1))
    if not job then return nil, err end
    local result, scores = job:result(), {}
    for _, object in ipairs(M.objects) do
        scores[object] = {}
        for row = 1, result:count(object) do
            scores[object][dataset:id(object, row)] = {}
        end
    end
    for i = 1, plan:count() do
        local object = plan:object(i)
        for row = 1, result:count(object) do
            scores[object][dataset:id(object, row)][plan:name(i)] = score_at(result, i, row)
        end
    end
    return scores, result
end

--- The explanation of one record of a core dataset, numbers as texts.
function M.explain(set, dataset, object, id, at)
    local json, err = dataset:explain(set:_open(), object, assert(dataset:find(object, id), id), at)
    if not json then return nil, err end
    return ways.decode(json)
end

--- The explanation of one record with records inside it, numbers as texts.
function M.explain_one(set, record, at, object)
    local json, err = set:_scoring():explain(record, at, object)
    if not json then return nil, err end
    return ways.decode(json)
end

-- The reference -------------------------------------------------------------------------------------------------------

local function told(found)
    return { value = basics.print(found.value), fit = basics.print(found.fit),
        engagement = basics.print(found.engagement), label = found.label, scored = found.scored,
        in_scope = found.in_scope, groups = found.groups }
end

--- What the reference says of all records: `find(object, id, name)` as of `ways.expected`, and `names[object]`.
---@param definitions table[]
---@param known table a world of `reference.world`
---@param at integer
function M.expected(definitions, known, at)
    local evaluation = reference.evaluate(reference.prepare(definitions, nil, at, known))
    local expected = { names = { contact = {}, company = {}, deal = {} } }
    for _, definition in ipairs(definitions) do
        table.insert(expected.names[definition.object or "contact"], definition.name)
    end
    local cache = {}
    function expected.find(object, id, name)
        local member = known.by_id[object][basics.text(id)]
        if not member then return nil end
        cache[member] = cache[member] or {}
        cache[member][name] = cache[member][name] or told(evaluation.result(name, member))
        return cache[member][name]
    end
    return expected
end

--- The reference's world of a world.
function M.known(world)
    return related.world(world)
end

--- The reference's world of one record with records inside it.
function M.known_inside(record, object)
    return related.world_of(record, object)
end

return M
