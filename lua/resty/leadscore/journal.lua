-- The worker's part of the event log: its file, named by worker, start and process, and what other workers left behind.
-- A file NAME is "w<worker>-<milliseconds of the start>-<process id>". Nothing is opened before the first line.

local ffi = require("ffi")
local lfs = require("lfs")
local log = require("leadscore.log")

pcall(ffi.cdef, "int kill(int, int);") -- another module may have said so
pcall(ffi.cdef, [[
    void *gzopen(const char *path, const char *mode);
    int gzread(void *file, void *into, unsigned bytes);
    long gzseek(void *file, long to, int whence);
    int gzclose(void *file);
]])

local M = {}

local PIECE = 1048576 -- bytes of a file that are read at once
local AT_ONCE = 500 -- lines
local ESRCH = 3

local Journal = {}
Journal.__index = Journal

--- options: folder=, fsync=, rotate_bytes=, state= (a shared dict), alone= (whether this Lua lives as long as the
--- worker)
function M.new(options)
    local name = ("w%d-%.0f-%d"):format(ngx.worker.id() or 0, ngx.now() * 1000, ngx.worker.pid())
    -- Without the code cache each request has a Lua of its own, and a file.
    if not options.alone then name = name .. ("-%d"):format(options.state:incr("files", 1, 0) or 0) end
    local journal = setmetatable({ options = options, name = name }, Journal)
    journal.writer = journal:_writer(name)
    return journal
end

function Journal:_writer(name)
    local options = self.options
    self.current, self.closed = name, false
    return log.writer({
        folder = options.folder, name = name, fsync = options.fsync, rotate_bytes = options.rotate_bytes,
    })
end

-- A file that was moved away or compressed is followed by one of another name: it may come back, and how far a file is
-- in the store is known by its name.
local function follow_moved(self)
    if not self.writer:position() then return end -- none was opened yet
    self.writer:close()
    self.moved = (self.moved or 0) + 1
    self.writer = self:_writer(("%s-m%d"):format(self.name, self.moved))
end

--- Appends a batch's lines in one write.
---@return string|nil file
---@return integer|leadscore.Error from the byte at which they start
---@return integer|nil bytes the file has now
function Journal:write(text)
    if self.closed then self.writer = self:_writer(self.current) end -- a request outlived the worker's last timer
    local ok, err = self.writer:write_on(text)
    if ok == false then
        follow_moved(self)
        ok, err = self.writer:write(text)
    end
    if not ok then return nil, err end
    local path, bytes = self.writer:position()
    if path ~= self.path then self.path, self.file = path, path:match("[^/]*$") end
    return self.file, bytes - #text, bytes
end

--- About each second.
function Journal:tick()
    if self.closed then return true end
    return self.writer:tick()
end

--- Until the next line.
function Journal:close()
    self.closed = true
    return self.writer:close()
end

-- ---- files of others ----------------------------------------------------------------------------------------------

local function is_alive(process)
    return ffi.C.kill(process, 0) == 0 or ffi.errno() ~= ESRCH
end
M.is_alive = is_alive

local function parse_name(name)
    local start, process = name:match("^w%d+%-(%d+)%-(%d+)[%dm%-]*%.ndjson$")
    return tonumber(start), tonumber(process)
end

--- The files of a folder: { name= (without .gz), path=, size=, start= (milliseconds; nil in files of other names),
--- alive=, gzip= }. Those that the batch reads: while a file is there compressed and as it was, the latter.
---@return table[] files by name; none where there is no folder
function M.files(folder)
    local files = {}
    local ok, following, state = pcall(lfs.dir, folder)
    if not ok then return files end
    for name in following, state do
        local path, plain = folder .. "/" .. name, name:gsub("%.gz$", "")
        local gzip = plain ~= name
        if (plain:find("%.ndjson$") or plain:find("%.jsonl$")) and not name:find("^[._]")
            and not (gzip and lfs.attributes(folder .. "/" .. plain, "mode")) then
            local start, process = parse_name(plain)
            files[#files + 1] = {
                name = plain, path = path, size = lfs.attributes(path, "size") or 0, start = start,
                alive = process ~= nil and is_alive(process), gzip = gzip,
            }
        end
    end
    table.sort(files, function(a, b) return a.name < b.name end)
    return files
end

local Gzip = {}
Gzip.__index = Gzip

function Gzip:read(bytes)
    self.buffer = self.buffer or ffi.new("char[?]", bytes)
    local count = self.zlib.gzread(self.file, self.buffer, bytes)
    if count < 0 then error("cannot decompress " .. self.path, 0) end
    return count > 0 and ffi.string(self.buffer, count) or nil
end

function Gzip:seek(_, to)
    if self.zlib.gzseek(self.file, to, 0) < 0 then error("cannot decompress " .. self.path, 0) end
end

function Gzip:close()
    self.zlib.gzclose(self.file)
end

-- What answers as a file of Lua does.
local function open_gzip(path)
    local zlib = ffi.load("libz.so.1")
    local file = zlib.gzopen(path, "rb")
    if file == nil then return nil end
    return setmetatable({ zlib = zlib, file = file, path = path }, Gzip)
end

-- Iterates over the whole lines of a file from a byte on; what has no line feed yet is not read. Each with the byte
-- after it. Raises where a compressed file is not whole.
local function reader(path, from)
    local file = (path:find("%.gz$") and open_gzip or io.open)(path, "rb")
    if not file then return function() end end
    if from then file:seek("set", from) end
    local piece, start, bytes = "", 1, from or 0
    return function()
        if not file then return nil end
        local stop = piece:find("\n", start, true)
        while not stop do
            local more = file:read(PIECE)
            if not more then
                file:close()
                file = nil
                return nil
            end
            piece, start = piece:sub(start) .. more, 1
            stop = piece:find("\n", 1, true)
        end
        local line = piece:sub(start, stop - 1)
        bytes, start = bytes + stop - start + 1, stop + 1
        return line, bytes
    end
end
M.reader = reader

--- Calls take(lines, count, bytes) for whole lines of a file from a byte on, some at a time; bytes: up to where.
---@return true|nil ok
---@return string|nil err
function M.lines(path, from, take)
    local lines, count, upto = {}, 0, from
    for line, bytes in reader(path, from) do
        count = count + 1
        lines[count], upto = line, bytes
        if count == AT_ONCE then
            local ok, err = take(lines, count, upto)
            if not ok then return nil, err end
            count = 0
        end
    end
    if count > 0 then return take(lines, count, upto) end
    return true
end

return M
