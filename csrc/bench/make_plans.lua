-- Writes what the bench's C programs read: the canonical forms of the workloads' definitions, and of each workload one
-- record of 200 events.
--   lua5.4 csrc/bench/make_plans.lua FOLDER W1_DATA W2_DATA

local core = require("leadscore.core")
local leadscore = require("leadscore")
local folder = arg[1]

local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    assert(file:write(text))
    assert(file:close())
end

local function write_plan(name, definitions)
    write(name .. ".json", assert(leadscore.define(definitions)):canonical())
end

-- The fields of a CSV line.
local function split(line)
    local fields, from = {}, 1
    while from <= #line + 1 do
        if line:sub(from, from) == '"' then
            local stop = from
            repeat
                stop = line:find('"', stop + 1, true)
                local doubled = line:sub(stop + 1, stop + 1) == '"'
                stop = doubled and stop + 1 or stop
            until not doubled
            fields[#fields + 1] = line:sub(from + 1, stop - 1):gsub('""', '"')
            from = stop + 2
        else
            local stop = line:find(",", from, true) or #line + 1
            fields[#fields + 1] = line:sub(from, stop - 1)
            from = stop + 1
        end
    end
    return fields
end

local function rows(path)
    local lines = io.lines(path)
    local names = split((lines()))
    return function()
        local line = lines()
        if not line then return nil end
        local row = {}
        for i, field in ipairs(split(line)) do
            if field ~= "" then row[names[i]] = field end
        end
        return row
    end
end

-- The last contact to reach 200 events, in the order of the file, and these.
local function last_busy(data)
    local events, id = {}, nil
    for event in rows(data .. "/events.csv") do
        local list = events[event.contact_id] or {}
        events[event.contact_id] = list
        list[#list + 1] = event
        if #list == 200 then id = event.contact_id end
        if #list > 200 then list[#list] = nil end
    end
    return assert(id, "no contact has 200 events"), events[id]
end

local function write_record(name, data)
    local id, events = last_busy(data)
    local lines = {}
    for contact in rows(data .. "/contacts.csv") do
        if contact.id == id then
            for key, value in pairs(contact) do
                lines[#lines + 1] = table.concat({ "set", key, value }, "\t")
            end
            break
        end
    end
    table.sort(lines)
    for _, event in ipairs(events) do
        lines[#lines + 1] = ("event\t%s\t%d"):format(event.event, core.read_time(event.at))
        local with = {}
        for key, value in pairs(event) do
            if key ~= "event" and key ~= "at" and key ~= "contact_id" then
                with[#with + 1] = table.concat({ "with", key, value }, "\t")
            end
        end
        table.sort(with)
        table.move(with, 1, #with, #lines + 1, lines)
    end
    write(name, table.concat(lines, "\n") .. "\n")
end

-- The first definition alone, for the command.
local function write_first(name, path)
    local file = assert(io.open(path))
    local text, count = file:read("a"):gsub("return all%s*$", "return all[1]\n")
    file:close()
    assert(count == 1)
    write(name, text)
end

local w1, w2 = dofile("csrc/bench/w1.lua"), dofile("csrc/bench/w2.lua")
write_plan("w1_one", { w1 })
write_plan("w2_one", { w2[1] })
write_plan("w2_ten", table.move(w2, 1, 10, 1, {}))
write_plan("w2_all", { w2[11] })
write_record("w1_record", arg[2])
write_record("w2_record", arg[3])
write_first("w2_one.lua", "csrc/bench/w2.lua")
