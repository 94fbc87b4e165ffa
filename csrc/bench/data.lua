-- Makes the workloads' files where they are not there yet.

local system = require("system")
local workloads = require("workloads")

local M = {}

-- The file that is written last says whether the data is whole.
local function make(folder, line)
    local done = folder .. "/done"
    if system.size(done) then return end
    system.run("mkdir -p " .. system.quote(folder))
    system.run(line)
    assert(io.open(done, "w")):close()
end

--- A workload of workloads.lua with its files: `folder`, `contacts_file`, `events_file` and the `bytes` of its events.
function M.workload(programs, name)
    local workload = assert(workloads[name], name)
    local folder = programs .. "/" .. name
    make(folder, ("%s/%s %s %s %s"):format(system.quote(programs), workload.generator,
        table.concat(workload.sizes, " "), system.quote(folder), workload.uuid and "uuid" or ""))
    workload.name, workload.folder = name, folder
    workload.contacts_file, workload.events_file = folder .. "/contacts.csv", folder .. "/events.csv"
    workload.bytes = system.size(workload.events_file)
    return workload
end

--- Events with a property of many long values: "alike" or "random".
function M.values(programs, kind, values, events)
    local folder = ("%s/%s_%d"):format(programs, kind, values)
    make(folder, ("%s/values_gen %s %d %d %s"):format(system.quote(programs), kind, values, events,
        system.quote(folder)))
    return { folder = folder, contacts_file = folder .. "/contacts.csv", events_file = folder .. "/events.csv" }
end

return M
