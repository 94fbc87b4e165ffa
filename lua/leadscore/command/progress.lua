-- What long work says on standard error: a line that is drawn again on a terminal, JSON lines for schedulers, one
-- summary line at the end. Also where interrupts are noticed, since it is asked between all steps of all jobs.

local core = require("leadscore.core")
local render = require("leadscore.render")

local M = {}

local Progress = {}
Progress.__index = Progress

-- Seconds: between drawings, between JSON lines, and before the first drawing.
local DRAW_EVERY, LINE_EVERY, QUIET_FOR = 0.1, 1, 0.5

local VERBS = { read = "reading", group = "grouping events", score = "scoring", write = "writing" }

-- mode: "auto", "json" or "none"; quiet: nothing at all.
function M.new(mode, quiet)
    local columns = core.terminal(2)
    if quiet then mode = "none" end
    if mode == nil or mode == "auto" then mode = columns and "draw" or "none" end
    return setmetatable({
        mode = mode, quiet = quiet, columns = columns or 80, began = core.clock(), shown = 0,
        interrupts = core.interrupts(),
    }, Progress)
end

local function start_phase(self, info, now)
    self.phase, self.file, self.phase_began = info.phase, info.file, now
    self.first_rows = info.rows or 0
end

-- Rows a second and seconds left, where they can be told.
local function rates(self, info, now)
    local took = now - self.phase_began
    if took <= 0 then return nil, nil end
    local rows = info.rows and info.rows - self.first_rows or info.unit ~= "bytes" and info.done or 0
    local left = info.total > 0 and info.done > 0 and took * (info.total - info.done) / info.done or nil
    return rows > 0 and math.floor(rows / took) or nil, left and math.ceil(left) or nil
end

local function draw(self, info, now)
    local speed, left = rates(self, info, now)
    local parts = { VERBS[info.phase] or info.phase }
    if info.file then parts[1] = parts[1] .. " " .. render.safe(info.file:match("[^/]*$")) end
    if info.total > 0 then parts[#parts + 1] = ("%d %%"):format(math.floor(100 * info.done / info.total)) end
    if speed then
        parts[#parts + 1] = ("%s %s/s"):format(render.thousands(speed), info.rows and "rows" or info.unit)
    end
    if left then parts[#parts + 1] = render.thousands(left) .. " s left" end
    local line = table.concat(parts, "  "):sub(1, self.columns - 1)
    io.stderr:write("\r", line, "\27[K")
    self.drawn = true
end

local function field(name, value)
    local text = type(value) == "string" and require("leadscore.rows").quote(value) or core.print_number(value)
    return ('"%s":%s'):format(name, text)
end

local function json_line(fields)
    local parts = {}
    for _, each in ipairs(fields) do
        if each[2] ~= nil then parts[#parts + 1] = field(each[1], each[2]) end
    end
    io.stderr:write("{", table.concat(parts, ","), "}\n")
end

local function print_json(self, info, now)
    local speed, left = rates(self, info, now)
    json_line({
        { "phase", info.phase }, { "file", info.file }, { "unit", info.unit }, { "done", info.done },
        { "total", info.total }, { "rows", info.rows }, { "rows_per_second", speed }, { "seconds_left", left },
    })
end

local function show(self, info)
    local now = core.clock()
    if info.phase ~= self.phase or info.file ~= self.file then start_phase(self, info, now) end
    if self.mode == "draw" and now - self.began >= QUIET_FOR and now - self.shown >= DRAW_EVERY then
        self.shown = now
        draw(self, info, now)
    elseif self.mode == "json" and now - self.shown >= LINE_EVERY then
        self.shown = now
        print_json(self, info, now)
    end
end

-- The function that jobs call between steps.
function Progress:hook()
    return function(info)
        if self.interrupts:pending() then return false end
        if self.mode ~= "none" then show(self, info) end
        return true
    end
end

-- Removes what is drawn, so that other lines can be printed.
function Progress:clear()
    if self.drawn then io.stderr:write("\r\27[K") end
    self.drawn = nil
end

-- Seconds since the start, as text.
function Progress:seconds()
    local took = core.clock() - self.began
    return took < 10 and ("%.2f"):format(took) or ("%.0f"):format(took)
end

-- The end: one line for people, or one JSON object with the same facts.
function Progress:finish(text, facts)
    self:clear()
    if self.quiet then return end
    if self.mode ~= "json" then
        io.stderr:write("leadscore: ", text, "\n")
        return
    end
    table.insert(facts, 1, { "phase", "done" })
    facts[#facts + 1] = { "seconds", tonumber(self:seconds()) }
    json_line(facts)
end

return M
