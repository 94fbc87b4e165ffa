-- Mutations through the command: definitions and data files with one line changed, for every command that reads them.
-- It must end by itself with 0 or 1 (2: wrong usage), and when it fails say why in lines that are fit to show.
--
--   lua spec/fuzz/command.lua [SECONDS [COUNT [SEED [FIRST]]]]        ends at the time or the count, whichever is
--                                             first; SECONDS 0: no limit; COUNT: 2,000

local mutate = require("fuzz.mutate")
local seeds = require("fuzz.seeds")
local shell = require("shell")

local M = {}

local LONGEST = tonumber(os.getenv("LEADSCORE_FUZZ_LONGEST")) or 10

local INPUTS = " --contacts %s --events %s --list competitors=%s --list partners=list.csv --at " .. seeds.at
-- Each with the definition and inputs put in; the last of a run's files is the mutated one.
local READING = {
    "score %s" .. INPUTS,
    "score %s" .. INPUTS .. " --rejects rejects.csv --extra --out scores.csv",
    "score %s" .. INPUTS .. " --format ndjson --threads 2 --unknown NO --quiet",
    "score %s" .. INPUTS .. " --delimiter ';' --rejects rejects.csv",
    "explain %s" .. INPUTS .. " --id ada",
    "explain %s" .. INPUTS .. " --id ada --json",
    "preview %s" .. INPUTS .. " --bins 5",
    "preview %s" .. INPUTS .. " --json --rejects rejects.csv",
}
local CHECKING = { "check %s", "check %s --canonical", "test %s" }

local KINDS = {
    { name = "definition.lua", text = seeds.definition_lua, definition = true },
    { name = "definition.json", text = seeds.definition_json, definition = true },
    { name = "contacts.csv", text = seeds.contacts_csv, input = 1 },
    { name = "contacts.ndjson", text = seeds.contacts_ndjson, input = 1 },
    { name = "events.csv", text = seeds.events_csv, input = 2 },
    { name = "events.ndjson", text = seeds.events_ndjson, input = 2 },
    { name = "list.csv", text = seeds.list_csv, input = 3 },
}

-- The arguments for a mutated file.
local function line_for(random, kind, path)
    local inputs = { "contacts.csv", "events.csv", "list.csv" }
    if kind.input then inputs[kind.input] = path end
    local definition = kind.definition and path or "definition.lua"
    if kind.definition and random:chance(40) then return random:pick(CHECKING):format(definition) end
    return random:pick(READING):format(definition, inputs[1], inputs[2], inputs[3])
end

-- What is wrong with a run, or nil.
local function wrong_with(got)
    if got.code == 137 then return "it did not end" end
    if got.code ~= 0 and got.code ~= 1 and got.code ~= 2 then return "exit " .. tostring(got.code) end
    if got.code ~= 0 and got.err == "" and got.out == "" then return "it failed without a word" end
    local unfit = got.err ~= "" and mutate.unfit(got.err)
    if unfit then return "what it says " .. unfit end
    local broke = got.err:find("^lua[%d.]*: ") or got.err:find("\nlua[%d.]*: ") or got.err:find("Sanitizer")
    if broke then return "it broke: " .. got.err:sub(1, 400) end
    return nil
end

-- The mutation of this seed and number: its kind, text and the arguments.
function M.case(seed, number)
    local random = mutate.random(seed * 1000003 + number)
    local kind = random:pick(KINDS)
    local text = mutate.mutate(random, kind.text)
    return kind, text, line_for(random, kind, "mutated_" .. kind.name)
end

local function run_one(state, number)
    local kind, text, line = M.case(state.seed, number)
    shell.write(state.folder .. "/mutated_" .. kind.name, text)
    local got = shell.run(state.folder, ('timeout -s KILL %d "$LEADSCORE" %s'):format(LONGEST, line))
    local why = wrong_with(got)
    -- A file of scores is there exactly when the run succeeded.
    local scores = shell.read(state.folder .. "/scores.csv")
    if not why and line:find("--out", 1, true) and (scores ~= nil) ~= (got.code == 0) then
        why = "scores.csv is " .. (scores and "there" or "not there")
    end
    os.remove(state.folder .. "/scores.csv")
    if why then
        state.failures[#state.failures + 1] = { seed = state.seed, number = number, line = line, why = why }
    end
    local counts = state.outcomes[kind.name] or {}
    counts[got.code] = (counts[got.code] or 0) + 1
    state.outcomes[kind.name] = counts
end

--- Runs mutations number first (1) to count of a seed, or until the time is up.
---@param options { count: integer, seconds?: number, seed?: integer, first?: integer }
---@return table report { done, outcomes, failures }
function M.run(options)
    local folder = shell.folder()
    local state = { seed = options.seed or 1, folder = folder, outcomes = {}, failures = {}, done = 0 }
    shell.write(folder .. "/definition.lua", seeds.definition_lua)
    shell.write(folder .. "/contacts.csv", seeds.contacts_csv)
    shell.write(folder .. "/events.csv", seeds.events_csv)
    shell.write(folder .. "/list.csv", seeds.list_csv)
    local ends = options.seconds and os.time() + options.seconds
    for number = options.first or 1, options.count do
        run_one(state, number)
        state.done = number
        if ends and os.time() >= ends then break end
    end
    -- Nothing half-written is left: only what was put there, and rejects.
    for _, name in ipairs(shell.names(folder)) do
        if not name:find("^mutated_") and not name:find("^%a+%.csv$") and name ~= "definition.lua" then
            state.failures[#state.failures + 1] = { seed = state.seed, number = 0, line = name, why = "left behind" }
        end
    end
    shell.remove(folder)
    return state
end

--- The report as text.
function M.show(report)
    local lines = { ("%d mutations through the command, %d failures"):format(report.done, #report.failures) }
    for _, kind in ipairs(KINDS) do
        local parts = {}
        for code, count in pairs(report.outcomes[kind.name] or {}) do
            parts[#parts + 1] = ("exit %s: %d"):format(tostring(code), count)
        end
        table.sort(parts)
        lines[#lines + 1] = ("  %-16s %s"):format(kind.name, table.concat(parts, ", "))
    end
    for i = 1, math.min(#report.failures, 20) do
        local each = report.failures[i]
        lines[#lines + 1] = ("  FAILED seed %d number %d (%s): %s"):format(each.seed, each.number, each.line, each.why)
    end
    return table.concat(lines, "\n")
end

if arg and arg[0] and arg[0]:find("fuzz/command%.lua$") then
    local seconds = tonumber(arg[1]) or 0
    local report = M.run({
        seconds = seconds > 0 and seconds or nil, count = tonumber(arg[2]) or 2000, seed = tonumber(arg[3]),
        first = tonumber(arg[4]),
    })
    print(M.show(report))
    os.exit(#report.failures == 0 and 0 or 1)
end

return M
