-- Runs the standard workload through the command, from CSV to a file of scores, and checks every sum in the same run.
--   lua5.4 csrc/bench/run.lua w0|w1 FOLDER COMMAND
-- FOLDER has w1_gen and measure, and gets the data and result.json. Each number of threads runs five times, pinned to
-- as many cores; times are medians. Exits 1 if a run fails or a sum differs.

local scale, folder, command = arg[1], arg[2], arg[3]
local workloads = dofile("csrc/bench/workloads.lua")
local sums = dofile("csrc/bench/sums.lua")
local RUNS = 5
local THREADS = { 1, 2 }

local workload = workloads[scale]
if type(workload) ~= "table" then
    io.stderr:write("bench: no such scale: " .. tostring(scale) .. " (w0, w1)\n")
    os.exit(2)
end

local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function run(line)
    if not os.execute(line) then
        io.stderr:write("bench: failed: " .. line .. "\n")
        os.exit(1)
    end
end

local function size_of(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local size = file:seek("end")
    file:close()
    return size
end

local function median(list)
    table.sort(list)
    return list[(#list + 1) // 2]
end

local data = folder .. "/" .. scale
local inputs = { data .. "/contacts.csv", data .. "/events.csv" }
-- The file that is written last says whether the data is whole.
local done = data .. "/done"
if not size_of(done) then
    run("mkdir -p " .. quote(data))
    run(("%s %d %d %d %s"):format(quote(folder .. "/w1_gen"), workload.contacts, workload.companies, workload.events,
        quote(data)))
    assert(io.open(done, "w")):close()
end
local bytes = 0
for _, path in ipairs(inputs) do
    bytes = bytes + size_of(path)
end

local scores, cost = data .. "/scores.csv", folder .. "/cost"

local function measure(threads)
    os.remove(scores)
    run(("taskset -c 0-%d %s %s %s score csrc/bench/w1.lua --contacts %s --events %s --at %s"):format(threads - 1,
        quote(folder .. "/measure"), quote(cost), quote(command), quote(inputs[1]), quote(inputs[2]), workload.at)
        .. (" --threads %d --out %s --quiet"):format(threads, quote(scores)))
    local file = assert(io.open(cost))
    local wall, cpu, peak = file:read("n", "n", "n")
    file:close()
    local found = sums.differences(workload.expected.contact, scores)
    if #found > 0 then
        io.stderr:write("bench: wrong sums:\n  " .. table.concat(found, "\n  ") .. "\n")
        os.exit(1)
    end
    return wall, cpu, peak
end

local rows = {}
print(("%s: %d contacts, %d events, %.0f MB of CSV; medians of %d runs, all sums right in each"):format(
    scale:upper(), workload.contacts, workload.events, bytes / 1e6, RUNS))
print("threads  seconds      cpu     MB/s   Mevents/s  peak MB")
for _, threads in ipairs(THREADS) do
    local walls, cpus, peaks = {}, {}, {}
    for i = 1, RUNS do
        walls[i], cpus[i], peaks[i] = measure(threads)
    end
    local wall, cpu, peak = median(walls), median(cpus), median(peaks)
    print(("%7d %8.3f %8.3f %8.0f %11.2f %8.0f"):format(threads, wall, cpu, bytes / wall / 1e6,
        workload.events / wall / 1e6, peak / 1024))
    rows[#rows + 1] = ('{"threads":%d,"seconds":%.6f,"fastest":%.6f,"cpu_seconds":%.6f,"bytes_per_second":%.0f,'
        .. '"events_per_second":%.0f,"peak_bytes":%d}'):format(threads, wall, walls[1], cpu, bytes / wall,
        workload.events / wall, peak * 1024)
end

local file = assert(io.open(folder .. "/result.json", "w"))
file:write(('{"workload":"%s","contacts":%d,"events":%d,"bytes":%d,"runs":%d,"results":[%s]}\n'):format(
    scale, workload.contacts, workload.events, bytes, RUNS, table.concat(rows, ",")))
file:close()
