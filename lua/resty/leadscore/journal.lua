-- The worker's part of the event log: its file, named by worker, start and process, and what other workers left behind.
-- A file NAME is "w<worker>-<milliseconds of the start>-<process id>". Nothing is opened before the first line.

local ffi = require("ffi")
local lfs = require("lfs")
local log = require("leadscore.log")

pcall(ffi.cdef, "int kill(int, int);") -- another module may have said so

local M = {}

local PIECE = 1048576 -- bytes of a file that are read at once
local ESRCH = 3

local Journal = {}
Journal.__index = Journal

--- options: folder=, fsync=, rotate_bytes=, state= (a shared dict), alone= (whether this Lua lives as long as the
--- worker)
function M.new(options)
    local name = ("w%d-%.0f-%d"):format(ngx.worker.id() or 0, ngx.now() * 1000, ngx.worker.pid())
    -- Without the code cache each request has a Lua of its own, and a file.
    if not options.alone then name = name .. ("-%d"):format(options.state:incr("files", 1, 0) or 0) end
    local writer = log.writer({
        folder = options.folder, name = name, fsync = options.fsync, rotate_bytes = options.rotate_bytes,
    })
    return setmetatable({ folder = options.folder, writer = writer, name = name }, Journal)
end

--- Appends a batch's lines in one write.
---@return string|nil file
---@return integer|leadscore.Error from the byte at which they start
---@return integer|nil bytes the file has now
function Journal:write(text)
    local ok, err = self.writer:write(text)
    if not ok then return nil, err end
    local path, bytes = self.writer:position()
    return path:match("[^/]*$"), bytes - #text, bytes
end

--- About each second.
function Journal:tick()
    return self.writer:tick()
end

function Journal:close()
    return self.writer:close()
end

-- ---- files of others ----------------------------------------------------------------------------------------------

local function is_alive(process)
    return ffi.C.kill(process, 0) == 0 or ffi.errno() ~= ESRCH
end
M.is_alive = is_alive

local function parse_name(name)
    local start, process = name:match("^w%d+%-(%d+)%-(%d+)[%d%-]*%.ndjson$")
    return tonumber(start), tonumber(process)
end

--- The files of a folder: { name=, path=, size=, start= (milliseconds; nil in files of other names), alive= }.
---@return table[] files by name; none where there is no folder
function M.files(folder)
    local files = {}
    local ok, following, state = pcall(lfs.dir, folder)
    if not ok then return files end
    for name in following, state do
        if name:find("%.ndjson$") and not name:find("^[._]") then
            local path = folder .. "/" .. name
            local start, process = parse_name(name)
            files[#files + 1] = {
                name = name, path = path, size = lfs.attributes(path, "size") or 0, start = start,
                alive = process ~= nil and is_alive(process),
            }
        end
    end
    table.sort(files, function(a, b) return a.name < b.name end)
    return files
end

--- Calls take(lines, count, bytes) for whole lines of a file from a byte on, a piece at a time; bytes: up to where.
---@return true|nil ok
---@return string|nil err
function M.lines(path, from, take)
    local file, err = io.open(path, "rb")
    if not file then return nil, err end
    file:seek("set", from)
    local rest, bytes = "", from
    while true do
        local piece = file:read(PIECE)
        if not piece then break end
        local lines, count, start = {}, 0, 1
        rest = rest .. piece
        while true do
            local stop = rest:find("\n", start, true)
            if not stop then break end
            count = count + 1
            lines[count] = rest:sub(start, stop - 1)
            start = stop + 1
        end
        bytes = bytes + start - 1
        rest = rest:sub(start)
        local ok, why = take(lines, count, bytes)
        if not ok then
            file:close()
            return nil, why
        end
    end
    file:close()
    return true
end

return M
