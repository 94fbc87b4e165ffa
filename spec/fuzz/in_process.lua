-- Mutations in process: definitions and data files with one line changed are loaded, read, scored, explained and
-- written. Each must give a result, or nil and an error that is fit to show; never raise, hang or keep memory.
--
--   lua spec/fuzz/in_process.lua [SECONDS [COUNT [SEED [FIRST]]]]     ends at the time or the count, whichever is
--                                             first; SECONDS 0: no limit; COUNT: 100,000
--
-- Prints counts by kind of text and outcome, and each failure with the seed and number that make it again.

local leadscore = require("leadscore")
local lfs = require("lfs")

local mutate = require("fuzz.mutate")
local seeds = require("fuzz.seeds")

local M = {}

-- One mutation may take so long, in seconds of this process; a build with sanitizers is given more.
local LONGEST = tonumber(os.getenv("LEADSCORE_FUZZ_LONGEST")) or 2
-- What a process may grow by in the second half, in KiB: freed memory that the allocator still holds.
local GROWTH = tonumber(os.getenv("LEADSCORE_FUZZ_GROWTH")) or 32768

-- What is mutated: the ending of its file, and which input it stands for (none: a definition).
local KINDS = {
    { name = "definition.lua", text = seeds.definition_lua },
    { name = "definition.json", text = seeds.definition_json },
    { name = "contacts.csv", text = seeds.contacts_csv, input = "contacts" },
    { name = "contacts.ndjson", text = seeds.contacts_ndjson, input = "contacts" },
    { name = "events.csv", text = seeds.events_csv, input = "events" },
    { name = "events.ndjson", text = seeds.events_ndjson, input = "events" },
    { name = "list.csv", text = seeds.list_csv, input = "list" },
}

local function write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

-- ---- what is done with a text: each returns an outcome, or raises ---------------------------------------------------

-- Ends a case with an error that leadscore returned; raises when it is not fit to show.
local function refused(err)
    if type(err) ~= "table" and type(err) ~= "userdata" then error("the error is a " .. type(err)) end
    local wrong = mutate.unfit(tostring(err))
    if wrong then error("the message " .. wrong .. ": " .. tostring(err):sub(1, 300)) end
    if type(err.kind) ~= "string" or err.kind == "memory" then error("the error's kind is " .. tostring(err.kind)) end
    for _, each in ipairs(err.errors) do
        local text = tostring(each)
        if text:find("\n", 1, true) then error("one error has several lines: " .. text:sub(1, 300)) end
    end
    return "refused (" .. err.kind .. ")"
end

local function writer()
    local length = 0
    return function(text)
        length = length + #text
        return true
    end
end

-- Scores a dataset in every way.
local function use_dataset(dataset, definition)
    local result, err = dataset:score(definition, { at = seeds.at })
    if not result then return refused(err) end
    local ok, problem = result:write({ writer = writer(), extra = true, object = "contact" })
    if not ok then return refused(problem) end
    local first = result:top(definition:names()[1], 1)[1]
    if first then
        local why, wrong = dataset:explain(definition, first.id, seeds.at, "contact")
        if not why then return refused(wrong) end
    end
    local spread, wrong = result:distribution(definition:names()[1])
    if not spread then return refused(wrong) end
    result:close()
    return "scored"
end

local function use_definition(_, base, path)
    local definition, err = leadscore.load(path)
    if not definition then return refused(err) end
    local fingerprint = definition:fingerprint()
    assert(#fingerprint == 32 and #definition:canonical() > 0 and #tostring(definition) > 0)
    for _, warning in ipairs(definition:warnings()) do
        refused(warning)
    end
    definition:test()
    -- The names of lists may have changed.
    local lists = {}
    for _, name in ipairs(definition:lists()) do
        lists[name] = { "eve" }
    end
    local record = { lists = {} }
    for key, value in pairs(seeds.record) do
        record[key] = key == "lists" and {} or value
    end
    local score, problem = definition:score(record, seeds.at)
    if not score then refused(problem) end
    local dataset, wrong = leadscore.dataset({
        definitions = definition, contacts = base.contacts, events = base.events, lists = lists,
    })
    if not dataset then return refused(wrong) end
    local outcome = use_dataset(dataset, definition)
    dataset:close()
    definition:close()
    return outcome
end

-- The mutated file among good ones: first as it is, then with rejects, where nothing but the header may be refused.
local function use_input(kind, base, path)
    local options = {
        definitions = base.definition, contacts = base.contacts, events = base.events,
        lists = { competitors = base.list, partners = { "ada" } },
    }
    if kind.input == "list" then options.lists.competitors = path else options[kind.input] = path end
    local dataset, err = leadscore.dataset(options)
    local outcome = dataset and use_dataset(dataset, base.definition) or refused(err)
    if dataset then dataset:close() end
    options.rejects = writer()
    local lenient, problem = leadscore.dataset(options)
    if not lenient then return outcome, refused(problem) end
    if dataset and lenient:counts().rejected_rows > 0 then error("a row was refused only with rejects") end
    use_dataset(lenient, base.definition)
    lenient:close()
    return outcome
end

-- ---- running --------------------------------------------------------------------------------------------------------

-- Resident memory of the process in KiB, where the system tells; 0 elsewhere.
local function resident()
    collectgarbage()
    collectgarbage()
    local file = io.open("/proc/self/status", "r")
    local text = file and file:read("*a") or ""
    if file then file:close() end
    return tonumber(text:match("VmRSS:%s*(%d+)")) or 0
end

local function make_base(folder)
    local base = {}
    for name, text in pairs({ contacts = seeds.contacts_csv, events = seeds.events_csv, list = seeds.list_csv }) do
        base[name] = folder .. "/base_" .. name .. ".csv"
        write(base[name], text)
    end
    write(folder .. "/base.lua", seeds.definition_lua)
    base.definition = assert(leadscore.load(folder .. "/base.lua"))
    return base
end

-- The text of one mutation; the same for the same seed and number.
function M.text(seed, number)
    local random = mutate.random(seed * 1000003 + number)
    local kind = random:pick(KINDS)
    local text = mutate.mutate(random, kind.text)
    if random:chance(10) then text = mutate.mutate(random, text) end
    return kind, text
end

local function run_one(state, number)
    local kind, text = M.text(state.seed, number)
    local path = state.folder .. "/mutated_" .. kind.name
    write(path, text)
    local started = os.clock()
    local ok, outcome = pcall(kind.input and use_input or use_definition, kind, state.base, path)
    local took = os.clock() - started
    state.slowest = math.max(state.slowest, took)
    if ok and took > LONGEST then ok, outcome = false, ("took %.1f s"):format(took) end
    if not ok then
        state.failures[#state.failures + 1] = { seed = state.seed, number = number, kind = kind.name, why = outcome }
        outcome = "FAILED"
    end
    local counts = state.outcomes[kind.name] or {}
    counts[outcome] = (counts[outcome] or 0) + 1
    state.outcomes[kind.name] = counts
end

--- Runs mutations number first (1) to count of a seed, or until the time is up.
---@param options { count: integer, seconds?: number, seed?: integer, first?: integer }
---@return table report { done, outcomes, failures, slowest, before, after }; memory is in KiB
function M.run(options)
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    local state = { seed = options.seed or 1, folder = folder, outcomes = {}, failures = {}, slowest = 0, done = 0 }
    state.base = make_base(folder)
    local ends = options.seconds and os.time() + options.seconds
    for number = options.first or 1, options.count do
        run_one(state, number)
        state.done = number
        if number == math.max(math.floor(options.count / 2), 1) then state.before = resident() end
        if ends and os.time() >= ends then break end
    end
    state.after = resident()
    state.before = state.before or state.after
    if state.after - state.before > GROWTH then
        state.failures[#state.failures + 1] = {
            seed = state.seed, number = state.done, kind = "memory",
            why = ("grew from %d to %d KiB"):format(state.before, state.after),
        }
    end
    for name in lfs.dir(folder) do
        os.remove(folder .. "/" .. name)
    end
    lfs.rmdir(folder)
    return state
end

--- The report as text.
function M.show(report)
    local lines = { ("%d mutations, slowest %.3f s, memory %d -> %d KiB, %d failures"):format(
        report.done, report.slowest, report.before, report.after, #report.failures) }
    for _, kind in ipairs(KINDS) do
        local parts = {}
        for outcome, count in pairs(report.outcomes[kind.name] or {}) do
            parts[#parts + 1] = ("%s %d"):format(outcome, count)
        end
        table.sort(parts)
        lines[#lines + 1] = ("  %-16s %s"):format(kind.name, table.concat(parts, ", "))
    end
    for i = 1, math.min(#report.failures, 20) do
        local each = report.failures[i]
        lines[#lines + 1] = ("  FAILED seed %d number %d (%s): %s"):format(each.seed, each.number, each.kind, each.why)
    end
    return table.concat(lines, "\n")
end

if arg and arg[0] and arg[0]:find("fuzz/in_process%.lua$") then
    local seconds = tonumber(arg[1]) or 0
    local report = M.run({
        seconds = seconds > 0 and seconds or nil, count = tonumber(arg[2]) or 100000, seed = tonumber(arg[3]),
        first = tonumber(arg[4]),
    })
    print(M.show(report))
    os.exit(#report.failures == 0 and 0 or 1)
end

return M
