-- What was measured: times by name and number of threads, of which medians count; counts; sums. Programs tell them in
-- lines as clock.h has them.

local Measures = {}
Measures.__index = Measures

local function new()
    return setmetatable({ times = {}, counts = {}, sums = {}, texts = {} }, Measures)
end

local function key(name, threads)
    return name .. " " .. (threads or 1)
end

--- Adds a run.
function Measures:time(name, threads, wall, cpu)
    local at = key(name, threads)
    local times = self.times[at] or { wall = {}, cpu = {} }
    self.times[at] = times
    times.wall[#times.wall + 1], times.cpu[#times.cpu + 1] = wall, cpu
end

--- Notes a number; of peaks the largest stays.
function Measures:count(name, number)
    self.counts[name] = math.max(number, self.counts[name] or number)
end

--- Takes the lines of a program; names get a prefix.
function Measures:take(lines, prefix)
    for _, line in ipairs(lines) do
        local kind, name, rest = line:match("^(%a+) (%S+) (.*)$")
        local a, b, c = (rest or ""):match("^(%S+) ?(%S*) ?(%S*)$")
        if kind == "time" then
            self:time(prefix .. name, math.tointeger(tonumber(a)), tonumber(b), tonumber(c))
        elseif kind == "count" then
            self:count(prefix .. name, tonumber(a))
        elseif kind == "sum" then
            self.sums[prefix .. name] = { math.tointeger(tonumber(a)), math.tointeger(tonumber(b)) }
        elseif kind == "text" then
            self.texts[name] = rest
        else
            error("cannot read the line: " .. line)
        end
    end
end

local function median(list)
    local sorted = table.move(list, 1, #list, 1, {})
    table.sort(sorted)
    local middle = #sorted // 2
    return #sorted % 2 == 1 and sorted[middle + 1] or (sorted[middle] + sorted[middle + 1]) / 2
end

--- Seconds by the clock, the median; nil when it was not run.
function Measures:wall(name, threads)
    local times = self.times[key(name, threads)]
    return times and median(times.wall)
end

--- Seconds of all processors together, the median; nil when it was not run.
function Measures:cpu(name, threads)
    local times = self.times[key(name, threads)]
    return times and median(times.cpu)
end

return { new = new }
