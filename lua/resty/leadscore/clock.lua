-- Stamps: integers that order what is added over all workers: milliseconds since 1970 * 1024 + a number below 1024. No
-- two are alike on one machine; several machines share a store only with numbers of their own (options.machine), which
-- divide the 1024 among them. A key of the shared dict counts each millisecond's stamps, so a worker that is killed
-- leaves nothing behind, and what one client does after another's answer has the higher stamp.

local M = {}

-- The time of the event loop, in seconds. ngx.now() hands a call on as its last act, on which LuaJIT gives up compiling
-- whatever calls it often; the function below it can be called as it is.
local function loop_time()
    return ngx.now()
end

local has_ffi, ffi = pcall(require, "ffi")
if has_ffi and pcall(function() return ffi.C.ngx_http_lua_ffi_now() end) then
    local C = ffi.C
    loop_time = function()
        local now = C.ngx_http_lua_ffi_now()
        return now
    end
end
M.now = loop_time

local SLOTS = 1024
local KEPT = 2 -- seconds that a millisecond's counter is kept

local Clock = {}
Clock.__index = Clock

--- A clock of stamps.
---@param dict table a shared dict, of small things
---@param machine? integer from 0; this machine's number
---@param machines? integer how many there may be: 1, 2, 4, ... 64
function M.new(dict, machine, machines)
    machines = machines or 1
    local slots = math.floor(SLOTS / machines)
    return setmetatable({ dict = dict, slots = slots, base = (machine or 0) * slots, last = 0 }, Clock)
end

-- Reserves up to `count` stamps in this millisecond or a later one: the first, and how many.
local function reserve(self, count)
    local dict, slots = self.dict, self.slots
    while true do
        local key = ("t%d"):format(self.last)
        local taken, err = dict:incr(key, count, 0, KEPT)
        if not taken then return nil, err end
        local first = taken - count
        if first < slots then
            local most = slots - first
            return self.last * SLOTS + self.base + first, count < most and count or most
        end
        self.last = self.last + 1
    end
end

--- Stamps for `count` things that are added now, ascending.
---@param count integer
---@param into integer[] a table to fill
---@return true|nil ok
---@return string|nil err
function Clock:stamps(count, into)
    ngx.update_time()
    local now = math.floor(loop_time() * 1000 + 0.5)
    -- A clock that is set back, by little: stamps go on from where they were.
    if now > self.last or now < self.last - 1000 then self.last = now end
    local done = 0
    while done < count do
        local first, many = reserve(self, count - done)
        if not first then return nil, many end
        for i = 1, many do
            into[done + i] = first + i - 1
        end
        done = done + many
    end
    return true
end

--- The time of a stamp.
---@return number seconds since 1970
function M.seconds(stamp)
    return stamp / (SLOTS * 1000)
end

--- The lowest stamp of a time.
function M.stamp(seconds)
    return math.floor(seconds * 1000) * SLOTS
end

return M
