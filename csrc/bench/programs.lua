-- Runs the bench's programs, each pinned to its cores, and checks what they give: every run of every way must have the
-- sums that the workload wants, or the bench fails.

local sums = require("sums")
local system = require("system")

local M = {}
local quote = system.quote

local Programs = {}
Programs.__index = Programs

--- settings: `folder` (of the programs and their data), `command` (build/leadscore), `lua` (what sets a Lua's paths, by
--- "5.4" and "jit"), `peers` (a folder of Python packages), `measures`.
function M.new(settings)
    settings.right = {}
    return setmetatable(settings, Programs)
end

-- On so many cores, if there are; not while one of them writes to the disk what another program left.
local function cores(threads)
    local allowed = system.allowed_cores()
    os.execute("sync")
    return "taskset -c " .. table.concat(allowed, ",", 1, math.min(threads, #allowed))
end

-- Each thread on one of these.
function Programs:_pinned()
    return "env LD_PRELOAD=" .. quote(self.folder .. "/pin.so")
end

-- ---- the core, stage by stage -----------------------------------------------------------------------------------

--- Times the stages; plans: names of canonical files; names of what is measured begin with the prefix. Events are read
--- on read_threads (1 unless given).
function Programs:stages(prefix, workload, plans, runs, read_threads)
    local parts = { cores(2), self:_pinned(), quote(self.folder .. "/stages"),
        "contacts=" .. quote(workload.contacts_file), "events=" .. quote(workload.events_file),
        "at=" .. (workload.seconds or 0), "runs=" .. runs, "read_threads=" .. (read_threads or 1),
        "out=" .. quote(self.folder .. "/written.csv") }
    for _, plan in ipairs(plans) do
        local file = ("%s/%s_%s.json"):format(self.folder, workload.generator:sub(1, 2), plan)
        parts[#parts + 1] = ("plan=%s:%s"):format(plan, quote(file))
    end
    self.measures:take(system.lines(table.concat(parts, " ")), prefix)
end

--- What the machine gives: memory and the bytes of a workload's events.
function Programs:machine(workload)
    self.measures:take(system.lines(("%s %s %s"):format(cores(1), quote(self.folder .. "/machine"),
        quote(workload.events_file))), "machine/")
end

-- All ways to score a plan: "PREFIXplan/kernels/threads/definition" is one.
local function ways(measured, prefix)
    local found = {}
    for name, sum in pairs(measured.sums) do
        local plan, definition = name:match("^" .. prefix .. "([^/]*)/.*/([^/]*)$")
        if plan then
            local of = found[plan .. "/" .. definition] or {}
            found[plan .. "/" .. definition] = of
            of[#of + 1] = { way = name, value = sum[1], by_row = sum[2] }
        end
    end
    return found
end

--- Fails unless portable kernels, the best ones, and all numbers of threads give the same sums, and those expected.
function Programs:check_stages(prefix, workload)
    for name, all in pairs(ways(self.measures, prefix)) do
        local first = all[1]
        for _, one in ipairs(all) do
            if one.value ~= first.value or one.by_row ~= first.by_row then
                system.fail(("%s and %s have other sums"):format(first.way, one.way))
            end
        end
        local definition = name:match("[^/]*$")
        local expected = workload.expected and workload.expected.contact
        local wanted = expected and expected.sums[definition]
        if wanted and first.value ~= wanted * expected.unit
            or wanted and first.by_row ~= expected.sums[definition .. " by row"] * expected.unit then
            system.fail(first.way .. " has not the workload's sums")
        end
    end
end

-- ---- the command ------------------------------------------------------------------------------------------------

--- Scores from CSV to a file; what is measured is "NAME" and the count "NAME/peak" in bytes. definitions: files.
--- With companies there is a file of their scores too.
function Programs:score(name, workload, definitions, threads, companies)
    local out, cost = self.folder .. "/scores", self.folder .. "/cost"
    local files = { contact = out .. ".csv" }
    if companies then
        files = { contact = out .. "/contacts.csv", company = out .. "/companies.csv" }
        system.run("mkdir -p " .. quote(out))
    end
    system.run(table.concat({ cores(threads), quote(self.folder .. "/measure"), quote(cost), self:_pinned(),
        quote(self.command), "score", definitions, "--contacts", quote(workload.contacts_file), "--events",
        quote(workload.events_file), companies and "--companies " .. quote(workload.folder .. "/companies.csv") or "",
        "--at", workload.at, "--threads", threads, "--out", quote(companies and out .. "/" or files.contact),
        "--quiet" }, " "))
    local wall, cpu, peak = table.unpack(system.read_numbers(cost))
    self.measures:time(name, threads, wall, cpu)
    self.measures:count(name .. "/peak", peak * 1024)
    for object, file in pairs(files) do
        self:_check_scores(name, workload.expected and workload.expected[object], file)
    end
end

-- The first file is added up (where there are sums) and kept; all later ones of the name must be the same.
function Programs:_check_scores(name, expected, file)
    local kept = ("%s/right_%s_%s"):format(self.folder, name:gsub("/", "_"), file:match("[^/]*$"))
    if self.right[kept] then
        if not system.same(file, kept) then system.fail(name .. ": two runs gave other scores") end
        return
    end
    local found = expected and sums.differences(expected, file) or {}
    if #found > 0 then system.fail(name .. ": wrong sums:\n  " .. table.concat(found, "\n  ")) end
    system.run(("mv %s %s"):format(quote(file), quote(kept)))
    self.right[kept] = true
end

-- ---- from Lua, and peers ----------------------------------------------------------------------------------------

--- Compiling, records and crossings on a Lua ("5.4", "jit"); names begin with "w1/5.4/".
function Programs:records(workload, lua, calls)
    local name = workload.generator:sub(1, 2)
    self.measures:take(system.lines(("%s %s %s csrc/bench/records.lua %s %s %d %d"):format(cores(1),
        self.lua[lua], lua == "jit" and "luajit" or "lua5.4", name, quote(self.folder .. "/" .. name .. "_record"),
        workload.seconds, calls)), name .. "/" .. lua .. "/")
end

--- A record held in C.
function Programs:held(workload, calls)
    local name = workload.generator:sub(1, 2)
    self.measures:take(system.lines(("%s %s %s %s %d %d"):format(cores(1), quote(self.folder .. "/held"),
        quote(("%s/%s_one.json"):format(self.folder, name)), quote(self.folder .. "/" .. name .. "_record"),
        workload.seconds, calls)), name .. "/")
end

--- A ledger of contacts with such records in C.
function Programs:live(workload, calls)
    local name = workload.generator:sub(1, 2)
    self.measures:take(system.lines(("%s %s %s %s %d %d"):format(cores(1), quote(self.folder .. "/live"),
        quote(("%s/%s_one.json"):format(self.folder, name)), quote(self.folder .. "/" .. name .. "_record"),
        workload.seconds, calls)), name .. "/")
end

-- What a peer's scores add up to must be what is expected of the workload.
function Programs:_check_peer(name, workload)
    local expected = workload.expected.contact.sums
    local wanted = { fit = expected.w1_fit, total = expected.w1, by_row = expected["w1 by row"] }
    for part, sum in pairs(wanted) do
        local got = self.measures.counts["peer/" .. name .. "_" .. part]
        if got ~= sum then
            system.fail(("peer %s: %s: expected %d, got %s"):format(name, part, sum, tostring(got)))
        end
    end
end

--- A plain scorer in Lua, at W0: its time for an event does not depend on how many there are.
function Programs:peer_lua(workload, lua)
    self.measures:take(system.lines(("%s %s csrc/bench/peer_lua.lua %s 3"):format(cores(1),
        lua == "jit" and "luajit" or "lua5.4", quote(workload.folder))), "")
    self:_check_peer(lua == "jit" and "luajit" or "lua54", workload)
end

--- Whether DuckDB is there.
function Programs:has_duckdb()
    return os.execute(("PYTHONPATH=%s python3 -c 'import duckdb' 2>/dev/null"):format(quote(self.peers))) == true
end

function Programs:prepare_duckdb(workload)
    local database = workload.folder .. "/duckdb"
    if system.size(database .. ".done") then return end
    os.remove(database)
    system.run(("PYTHONPATH=%s python3 csrc/bench/peer_duckdb.py prepare %s %s"):format(quote(self.peers),
        quote(workload.folder), quote(database)))
    assert(io.open(database .. ".done", "w")):close()
end

function Programs:peer_duckdb(workload, threads)
    self.measures:take(system.lines(("PYTHONPATH=%s %s python3 csrc/bench/peer_duckdb.py run %s %s %d %s"):format(
        quote(self.peers), cores(threads), quote(workload.folder), quote(workload.folder .. "/duckdb"), threads,
        quote(self.folder .. "/duckdb.csv"))), "")
    for _, name in ipairs({ "duckdb_csv", "duckdb_strings", "duckdb_codes" }) do
        self:_check_peer(name, workload)
    end
end

return M
