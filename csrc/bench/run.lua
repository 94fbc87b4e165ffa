-- The bench: makes the workloads, runs every program by turns for a number of rounds, and tells medians against goals.
-- Every run's scores are checked; a difference ends it with exit 1.
--   lua5.4 csrc/bench/run.lua w0|w1 ROUNDS     with LEADSCORE_BUILD, LEADSCORE_COMMAND, and BENCH_PEERS (a folder)
-- FOLDER/result.json has every run, FOLDER/table.md the table for a page.

package.path = "csrc/bench/?.lua;" .. package.path
local data = require("data")
local measures = require("measures").new()
local report = require("report")
local system = require("system")

local SCALES = {
    w0 = { w1 = "w0", tenth = "w0_tenth", uuid = "w0_uuid", w2 = "w2_w0", values = { 100000, 200000 } },
    w1 = { w1 = "w1", tenth = "w1_tenth", uuid = "w1_uuid", w2 = "w2_w1", values = { 1000000, 2000000 } },
}
local ROUNDS = tonumber(arg[2]) or 5
local scale = SCALES[arg[1]] or system.fail("no such scale: " .. tostring(arg[1]) .. " (w0, w1)")
local build = assert(os.getenv("LEADSCORE_BUILD"))
local folder, peers = build .. "/bench", os.getenv("BENCH_PEERS") or build .. "/peers"

local function paths(lua)
    return ("env LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH=%s"):format(system.quote(build .. "/lua/" .. lua
        .. "/?.so;;"))
end

local programs = require("programs").new({
    folder = folder, command = os.getenv("LEADSCORE_COMMAND") or build .. "/leadscore", peers = peers,
    lua = { ["5.4"] = paths("5.4"), jit = paths("jit") }, measures = measures,
})

local function say(...)
    io.stderr:write("bench: ", string.format(...), "\n")
end

-- ---- what there is ----------------------------------------------------------------------------------------------

say("making the data")
local w0, w2_small = data.workload(folder, "w0"), data.workload(folder, "w2_small")
local w1, w2 = data.workload(folder, scale.w1), data.workload(folder, scale.w2)
local tenth, uuid = data.workload(folder, scale.tenth), data.workload(folder, scale.uuid)
local alike = data.values(folder, "alike", scale.values[1], scale.values[2])
local random = data.values(folder, "random", scale.values[1], scale.values[2])
system.run(("%s lua5.4 csrc/bench/make_plans.lua %s %s %s"):format(programs.lua["5.4"], system.quote(folder),
    system.quote(w0.folder), system.quote(data.workload(folder, "w2_w0").folder)))

local duckdb = programs:has_duckdb()
if duckdb then
    programs:prepare_duckdb(w1)
else
    say("DuckDB is not there (make bench-peers): it is not compared with")
end

-- ---- rounds -----------------------------------------------------------------------------------------------------

local W1, W1_ACCOUNTS = "csrc/bench/w1.lua", "csrc/bench/w1.lua csrc/bench/w1_accounts.lua"
local W2_ONE = system.quote(folder .. "/w2_one.lua")

local function round()
    programs:machine(w1)
    programs:stages("w1/", w1, { "one" }, 3)
    programs:stages("w1/", w1, { "one" }, 1, 2)
    programs:score("w1/command", w1, W1, 1)
    programs:score("w1/command", w1, W1, 2)
    if duckdb then
        programs:peer_duckdb(w1, 1)
        programs:peer_duckdb(w1, 2)
    end
    programs:score("w1/accounts", w1, W1_ACCOUNTS, 1, true)
    programs:score("tenth/command", tenth, W1, 1)
    programs:stages("uuid/", uuid, { "one" }, 1)
    programs:stages("w2/", w2, { "one", "ten", "all" }, 1)
    programs:stages("w2/", w2, { "one" }, 1, 2)
    programs:score("w2/command", w2, W2_ONE, 1)
    programs:score("w2/command", w2, W2_ONE, 2)
    programs:stages("alike/", alike, {}, 1)
    programs:stages("random/", random, {}, 1)
    for _, workload in ipairs({ w1, w2 }) do
        programs:held(workload, 20000)
        programs:live(workload, 20000)
        programs:records(workload, "5.4", 1000)
        programs:records(workload, "jit", 1000)
    end
    programs:peer_lua(w0, "5.4")
    programs:peer_lua(w0, "jit")
end

-- W2's sums are those of the reference scorer, at its small size.
programs:score("small/command", w2_small, "csrc/bench/w2.lua", 1)
programs:score("small/command", w2_small, "csrc/bench/w2.lua", 2)
for i = 1, ROUNDS do
    say("round %d of %d", i, ROUNDS)
    round()
    programs:check_stages("w1/", w1)
    programs:check_stages("w2/", w2)
    programs:check_stages("uuid/", uuid)
end

-- ---- the report -------------------------------------------------------------------------------------------------

local function sized(key, workload)
    return { key = key, prefix = key .. "/", events = workload.events, bytes = workload.bytes }
end

local rows = report.rows(measures, { w1 = sized("w1", w1), w2 = sized("w2", w2), uuid = sized("uuid", uuid) })
local machine = {
    cpu = system.first_line("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo"), cores = system.first_line("nproc"),
    compiler = system.first_line("head -1 " .. system.quote(build .. "/flags")),
    load = system.first_line("cut -d' ' -f1-3 /proc/loadavg"), duckdb = measures.texts.duckdb_version,
}
local head = {
    ("W1 (%s): %d contacts, %d events; W2: %d contacts, %d events."):format(scale.w1, w1.contacts, w1.events,
        w2.contacts, w2.events),
    ("Medians of %d rounds, all sums right in each; %s, %s cores, load %s; DuckDB %s."):format(ROUNDS, machine.cpu,
        machine.cores, machine.load, machine.duckdb or "not run"),
}
print(table.concat(head, "\n"))
print(report.table(rows))

local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    assert(file:write(text, "\n"))
    assert(file:close())
end

write("result.json", report.json({
    scale = arg[1], rounds = ROUNDS, machine = machine, rows = rows, times = measures.times, counts = measures.counts,
    sums = measures.sums,
}))
write("table.md", table.concat(head, "\n") .. "\n\n" .. report.markdown(rows))
