-- An event log against a plain replay: random contacts, events and lists of files, and random lines of a log in several
-- files, late ones, equal stamps and none among them, events twice, contacts forgotten and come back. The scores of the
-- replayed log must be those of the records that a few lines of Lua make of it.
--
-- LEADSCORE_SEEDS=n runs n seeds instead of the few of every run; LEADSCORE_SEED=n runs that one alone.

local leadscore = require("leadscore")
local log = require("leadscore.log")
local random = require("spec.random")
local shell = require("shell")
local ways = require("spec.ways")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local SEEDS = tonumber(os.getenv("LEADSCORE_SEEDS")) or 100
local ONLY = tonumber(os.getenv("LEADSCORE_SEED"))
local CHUNK = 10

local SECOND = 1000 * 1024 -- of stamps
local HORIZON = 90 * 86400
local BEGIN = 1700000000 * SECOND

-- What a log says -----------------------------------------------------------------------------------------------------

local function copy(from, without)
    local to = {}
    for key, value in pairs(from) do
        if not (without and without[key]) then to[key] = value end
    end
    return to
end

-- Some contacts of the files, and some that only the log has.
local function some_contact(making)
    local number = making.random:int(1, making.known + 3)
    return (number <= making.known and "r" or "new ") .. number
end

local function event_line(making)
    local from = making.random:pick(making.events)
    local event = copy(from)
    event.contact_id = some_contact(making)
    if making.random:chance(40) then event.id = making.random:pick({ "a", "b", " a ", "é", 7 }) end
    return { op = "event", contact = event.contact_id, event = event }
end

local function set_line(making)
    local properties, from = {}, making.random:pick(making.contacts)
    for key, value in pairs(from) do
        if key ~= "id" and making.random:chance(40) then properties[key] = value end
    end
    if making.random:chance(20) then properties.country = making.random:pick({ leadscore.null, "" }) end
    return { op = "set", contact = some_contact(making), properties = properties }
end

local function make_line(making)
    local way = making.random:int(1, 100)
    if way <= 60 then return event_line(making) end
    if way <= 90 then return set_line(making) end
    return { op = "forget", contact = some_contact(making) }
end

local GAPS = { 0, 1, 5, SECOND, 3600 * SECOND, 30 * 86400 * SECOND, HORIZON * SECOND, (HORIZON + 1) * SECOND }

-- Lines by file, each with its stamp where it has one.
local function make_files(making)
    local files, stamp, chance = {}, BEGIN, making.random
    for i = 1, chance:int(1, 4) do
        files[i] = {}
    end
    for _ = 1, chance:pick({ 0, 3, 20, 60 }) do
        local line, file = make_line(making), chance:pick(files)
        stamp = stamp + chance:pick(GAPS)
        line.ts = (making.stamped or not chance:chance(15)) and stamp or nil
        table.insert(file, chance:chance(85) and #file + 1 or chance:int(1, #file + 1), line)
    end
    return files
end

-- All lines in the order in which they count.
local function in_order(files)
    local lines = {}
    for f, file in ipairs(files) do
        local stamp = -math.huge
        for i, line in ipairs(file) do
            stamp = line.ts or stamp
            line.stamp, line.file, line.place = stamp, f, i
            lines[#lines + 1] = line
        end
    end
    table.sort(lines, function(a, b)
        if a.stamp ~= b.stamp then return a.stamp < b.stamp end
        if a.file ~= b.file then return a.file < b.file end
        return a.place < b.place
    end)
    return lines
end

-- The plain replay ----------------------------------------------------------------------------------------------------

-- Whether the contact had an event of this id; notes when it came.
local function is_repeat(record, event, arrival)
    if event.id == nil then return false end
    local id = tostring(event.id):gsub("^%s+", ""):gsub("%s+$", "")
    local before = record.ids[id]
    if before and not (arrival and before ~= "unknown" and arrival - before > HORIZON) then return true end
    record.ids[id] = arrival or "unknown"
    return false
end

local function add_event(record, event, arrival)
    if is_repeat(record, event, arrival) then return end
    table.insert(record.events, copy(event, { contact_id = true }))
end

local function new_record(id)
    return { id = id, events = {}, lists = {}, ids = {} }
end

local function records_of_files(case)
    local records = {}
    for _, row in ipairs(case.rows) do
        records[row.id] = copy(row)
        records[row.id].events, records[row.id].lists, records[row.id].ids = {}, {}, {}
    end
    for _, event in ipairs(case.row_events) do
        add_event(records[event.contact_id], event)
    end
    for name, ids in pairs(case.lists) do
        for _, id in ipairs(ids) do
            table.insert(records[id].lists, name)
        end
    end
    return records
end

local function apply(records, line)
    local id = tostring(line.contact)
    if line.op == "forget" then
        records[id] = nil
        return
    end
    local record = records[id] or new_record(id)
    records[id] = record
    if line.op == "event" then
        add_event(record, line.event, line.stamp > -math.huge and math.floor(line.stamp / SECOND) or nil)
        return
    end
    for key, value in pairs(line.properties) do
        if value == leadscore.null then value = nil end
        record[key] = value
    end
end

-- The records, and the ids in the order of rows.
local function replay(case)
    local records, lines, order, forgotten = records_of_files(case), in_order(case.files), {}, {}
    for _, line in ipairs(lines) do
        apply(records, line)
        if line.op == "forget" then forgotten[line.contact] = true end
    end
    local seen = {}
    for _, row in ipairs(case.rows) do
        if not forgotten[row.id] then order[#order + 1], seen[row.id] = row.id, true end
    end
    for _, line in ipairs(lines) do
        local id = line.contact
        if not seen[id] and records[id] then order[#order + 1], seen[id] = id, true end
    end
    return records, order
end

-- The log as files ----------------------------------------------------------------------------------------------------

-- As the writer has it, or as anybody else may: flat, with escapes.
local function text_of(case, line)
    if case.random:chance(70) then
        if line.op == "event" then return assert(log.event(line.event, line.ts)) end
        if line.op == "set" then return assert(log.set(line.contact, line.properties, line.ts)) end
        return assert(log.forget(line.contact, line.ts))
    end
    local flat = copy(line.event or line.properties or {})
    for key, value in pairs(flat) do
        if value == leadscore.null then flat[key] = "" end
    end
    flat.v, flat.op, flat.contact_id = 1, line.op, line.contact
    if line.op ~= "event" and case.random:chance(30) then flat.contact_id, flat.id = nil, line.contact end
    local text = ways.json(flat):gsub(":{}", ':""')
    if line.ts then text = text:gsub("^{", ('{"ts":%d,'):format(line.ts)) end
    return text .. (case.random:chance(20) and "\r\n\n" or "\n")
end

local function write_files(case, folder)
    for i, file in ipairs(case.files) do
        local texts = {}
        for k, line in ipairs(file) do
            texts[k] = text_of(case, line)
        end
        if case.random:chance(20) then texts[#texts + 1] = '{"v":1,"op":"forget","contact_id":"r1"}' end -- no end
        shell.write(("%s/%d.%s"):format(folder, i, case.random:pick({ "ndjson", "jsonl" })), table.concat(texts))
    end
end

-- All together --------------------------------------------------------------------------------------------------------

-- stamped: every line has a stamp, and events of files have no ids.
local function make_case(seed, stamped)
    local case = { seed = seed, random = random.new(seed) }
    case.definitions = random.definitions(case.random)
    case.at = random.instant(case.random)
    local known = case.random:int(0, 4)
    local options = { records = known, wide = seed % 3 == 0, many = seed % 10 == 0 and known > 0 }
    case.rows, case.row_events, case.lists = ways.rows(random.records(case.random, case.at, options), case.at,
        random.lists)
    for _, event in ipairs(case.row_events) do
        if not stamped and case.random:chance(20) then event.id = case.random:pick({ "a", "b" }) end
    end
    local making = { random = case.random, known = known, stamped = stamped }
    making.contacts, making.events = ways.rows(random.records(case.random, case.at,
        { records = 12, wide = seed % 3 == 0 }), case.at, random.lists)
    case.files = make_files(making)
    case.set = assert(leadscore.define(case.definitions))
    return case
end

local function dataset_of(case, folder)
    return assert(leadscore.dataset({
        definitions = case.seed % 2 == 0 and case.set or nil, contacts = case.rows, events = case.row_events,
        lists = case.lists, log = folder,
    }))
end

local function differences_of(case, folder)
    local differences, records, order = {}, replay(case)
    local dataset = dataset_of(case, folder)
    local scores = assert(ways.batch(case.set, dataset._handle, case.at, case.seed % 2 + 1))
    local ids = {}
    for row = 1, dataset:counts().contacts do
        ids[row] = dataset._handle:id("contact", row)
    end
    if ways.show(ids) ~= ways.show(order) then
        differences[1] = ("rows: expected %s, got %s"):format(ways.show(order), ways.show(ids))
        return differences
    end
    for _, id in ipairs(order) do
        local record = copy(records[id], { ids = true })
        for name, want in pairs(ways.expected(case.definitions, record, case.at)) do
            ways.compare(differences, "replay of " .. id, name, want, scores[id][name])
        end
    end
    dataset:close()
    return differences
end

local function sorted(ids)
    table.sort(ids)
    return ways.show(ids)
end

-- The same of a ledger that begins with the files.
local function ledger_differences(case, folder)
    local differences, records, order = {}, replay(case)
    local dataset = assert(leadscore.dataset({ contacts = case.rows, events = case.row_events, lists = case.lists }))
    local ledger = assert(leadscore.ledger(case.set, { dataset = dataset }))
    local counts, ids = assert(ledger:replay(folder)), {}
    for id in ledger:ids() do
        ids[#ids + 1] = id
    end
    local lines = 0
    for _, file in ipairs(case.files) do
        lines = lines + #file
    end
    if counts.lines ~= lines then
        differences[#differences + 1] = ("lines: expected %d, got %d"):format(lines, counts.lines)
    end
    if sorted(ids) ~= sorted(order) then
        differences[#differences + 1] = ("ids: expected %s, got %s"):format(ways.show(order), ways.show(ids))
        return differences
    end
    for _, id in ipairs(order) do
        local scores, err = ledger:score(id, case.at)
        if not scores then return { tostring(err) } end
        for name, want in pairs(ways.expected(case.definitions, copy(records[id], { ids = true }), case.at)) do
            ways.compare(differences, "ledger of " .. id, name, want, scores[name], true)
        end
    end
    ledger:close()
    dataset:close()
    return differences
end

local function check_case(case, compare)
    local folder = shell.folder()
    write_files(case, folder)
    local ok, differences = pcall(compare, case, folder)
    shell.remove(folder)
    if not ok then error(("seed %d: %s"):format(case.seed, tostring(differences)), 0) end
    if #differences > 0 then
        error(("seed %d\nlocal definitions = %s\nlocal files = %s\n%s"):format(case.seed, ways.show(case.definitions),
            ways.show(case.files), table.concat(differences, "\n")), 0)
    end
end

describe("a random event log", function()
    for first = 1, ONLY and 1 or SEEDS, CHUNK do
        it(("is replayed as it says, seeds from %d on"):format(ONLY or first), function()
            for seed = ONLY or first, ONLY or math.min(first + CHUNK - 1, SEEDS) do
                check_case(make_case(seed), differences_of)
            end
        end)

        it(("is replayed so by a ledger, seeds from %d on"):format(ONLY or first), function()
            for seed = ONLY or first, ONLY or math.min(first + CHUNK - 1, SEEDS) do
                check_case(make_case(seed, true), ledger_differences)
            end
        end)
    end
end)
