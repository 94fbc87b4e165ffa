-- Counts the instructions of each stage under callgrind, at W0's sizes and on one thread. Unlike times they are the
-- same from run to run, whatever else the machine does, so that a change of a few in a hundred shows.
--   lua5.4 csrc/bench/counts.lua     with LEADSCORE_BUILD; prints a table and writes bench/counts.json

package.path = "csrc/bench/?.lua;" .. package.path
local data = require("data")
local report = require("report")
local system = require("system")

local build = assert(os.getenv("LEADSCORE_BUILD"))
local folder, quote = build .. "/bench", system.quote

local w0, w2 = data.workload(folder, "w0"), data.workload(folder, "w2_w0")
system.run(("lua5.4 csrc/bench/make_plans.lua %s %s %s"):format(quote(folder), quote(w0.folder), quote(w2.folder)))

-- What stages.c calls its stages, and of what each is counted.
local STAGES = {
    { "stage_read_events", "scanning and coding", "byte" },
    { "stage_group", "grouping", "event" },
    { "stage_bind", "making the tables", "event" },
    { "stage_run", "events and records", "event" },
    { "stage_write", "printing scores", "record" },
}

-- Instructions by function, what it calls included.
local function count(workload, plan, kernels)
    local out = folder .. "/callgrind.out"
    local prefix = workload.generator:sub(1, 2)
    system.run(table.concat({ "valgrind --quiet --tool=callgrind --callgrind-out-file=" .. quote(out),
        quote(folder .. "/stages"), "contacts=" .. quote(workload.contacts_file),
        "events=" .. quote(workload.events_file), "at=" .. workload.seconds, "runs=1", "threads=1",
        "kernels=" .. kernels, ("plan=%s:%s"):format(plan, quote(("%s/%s_%s.json"):format(folder, prefix, plan))),
        ">/dev/null" }, " "))
    local found = {}
    for _, line in ipairs(system.lines("callgrind_annotate --inclusive=yes --threshold=100 " .. quote(out))) do
        local number, name = line:match("^%s*([%d,]+).-:(stage_[%w_]+)")
        if number and not found[name] then found[name] = tonumber((number:gsub(",", ""))) end
    end
    return found
end

local all = {}
local LINE = "%-24s %16s %16s  %s"

local function tell(title, workload, plan, kernels, from)
    local found = count(workload, plan, kernels)
    local units = { byte = workload.bytes, event = workload.events, record = workload.contacts }
    print(title)
    for i = from, #STAGES do
        local name, text, unit = table.unpack(STAGES[i])
        local number = assert(found[name], "callgrind does not know " .. name)
        local each = (unit == "event" and "an " or "a ") .. unit
        print(LINE:format("  " .. text, ("%d"):format(number), ("%.2f"):format(number / units[unit]), each))
        all[#all + 1] = { stage = name, workload = workload.name, plan = plan, kernels = kernels, unit = unit,
            instructions = number, each = number / units[unit] }
    end
end

local SCORING = 3
print(LINE:format("", "instructions", "of these", ""))
tell("W0, portable kernels", w0, "one", "portable", 1)
tell("W0, best kernels", w0, "one", "best", 1)
tell("W2, one definition, portable kernels", w2, "one", "portable", 1)
tell("W2, one definition, best kernels", w2, "one", "best", 1)
tell("W2, 200 rules, best kernels", w2, "all", "best", SCORING)
tell("W2, 10 definitions, best kernels", w2, "ten", "best", SCORING)
local file = assert(io.open(folder .. "/counts.json", "w"))
assert(file:write(report.json(all), "\n"))
assert(file:close())
