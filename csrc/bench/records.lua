-- Times what programs in Lua pay: compiling a definition of 50 rules, one record of 200 events, crossing into C. Runs
-- on every Lua; prints lines as clock.h has them.
--   lua5.4 csrc/bench/records.lua w1|w2 RECORD AT CALLS

local core = require("leadscore.core")
local leadscore = require("leadscore")

local workload, record_path, at, calls = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local floor = math.floor

local function median(list)
    table.sort(list)
    return list[floor((#list + 1) / 2)]
end

-- The median of single runs of work(i), in seconds; ready(i) makes what each takes, before the clock is read.
local function time(name, count, ready, work)
    local walls, prepared = {}, {}
    for i = 1, count do
        prepared[i] = ready and ready(i) or i
    end
    collectgarbage()
    local cpu = os.clock()
    for i = 1, count do
        local start = core.clock()
        work(prepared[i])
        walls[i] = core.clock() - start
    end
    print(("time %s 1 %.9f %.9f"):format(name, median(walls), (os.clock() - cpu) / count))
end

-- ---- definitions ------------------------------------------------------------------------------------------------

-- A copy; every number of points is `more` more, so that no two copies are alike.
local function copy(value, more)
    if type(value) ~= "table" then return value end
    local made = {}
    for key, each in pairs(value) do
        made[key] = key == "points" and each + more or copy(each, more)
    end
    return made
end

-- The workload's rules until there are 50, in its groups.
local function fifty_rules(more)
    local definitions = dofile("csrc/bench/" .. workload .. ".lua")
    local list, count, round = definitions.name and { definitions } or definitions, 0, 1
    local made = copy(list[1], more)
    for _, group in ipairs(made.groups) do
        count = count + #group.rules
    end
    while count < 50 do
        local source = list[round + 1] or list[1]
        round = round + 1
        for g, group in ipairs(source.groups) do
            for _, rule in ipairs(group.rules) do
                if count == 50 then break end
                local rules = made.groups[g].rules
                rules[#rules + 1], count = copy(rule, more + round), count + 1
            end
        end
    end
    return made
end

-- ---- records ----------------------------------------------------------------------------------------------------

-- The record of the file; change(text) gives each property of an event, time_of(seconds) its time.
local function read_record(change, time_of)
    local events = {}
    local record = { events = events }
    for line in io.lines(record_path) do
        local kind, name, value = line:match("^(.-)\t(.-)\t(.*)$")
        if kind == "set" then
            record[name] = value
        elseif kind == "event" then
            events[#events + 1] = { event = name, at = time_of(tonumber(value)) }
        else
            events[#events][name] = change(value)
        end
    end
    return record
end

local function same(value)
    return value
end

local function number(seconds)
    return floor(seconds)
end

-- Texts that no record had before; numbers stay numbers.
local unseen = 0
local function fresh(value)
    if tonumber(value) then return value end
    unseen = unseen + 1
    return value .. "?" .. unseen
end

local definitions = dofile("csrc/bench/" .. workload .. ".lua")
local definition = assert(leadscore.define(definitions.name and definitions or definitions[1]))
local seen = read_record(same, number)
local function score(record)
    return assert(definition:score(record, at))
end

-- Looks at every field of every event, and does nothing else: what no scorer of such tables can go below.
local function walk(record)
    local fields = 0
    for _, event in ipairs(record.events) do
        for _ in next, event do
            fields = fields + 1
        end
    end
    return fields
end

local value = score(seen).value
time("record_seen", calls, nil, function() score(seen) end)
assert(score(seen).value == value)
time("record_walk", calls, nil, function() walk(seen) end)
time("record_cold", floor(calls / 10), function() return read_record(fresh, number) end, score)
time("record_cold_time_texts", floor(calls / 10), function() return read_record(fresh, core.print_time) end, score)

time("compile", 50, fifty_rules, function(rules)
    assert(leadscore.define(rules)):close()
end)

-- ---- crossings --------------------------------------------------------------------------------------------------

local plan = core.plan(definition:canonical())
local ROUND = 100000

local function crossings()
    for _ = 1, ROUND do
        plan:count()
    end
end

local function empty() end
local function calls_of_lua()
    for _ = 1, ROUND do
        empty(plan)
    end
end

-- A call into C and, to compare with, one of a Lua function.
local function per_call(name, work)
    local best = {}
    for i = 1, 11 do
        local start = core.clock()
        work()
        best[i] = (core.clock() - start) / ROUND
    end
    print(("time %s 1 %.12f %.12f"):format(name, median(best), median(best)))
end

per_call("crossing", crossings)
per_call("call_of_lua", calls_of_lua)
