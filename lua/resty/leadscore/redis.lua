-- The store of several machines: a contact's entries are a Redis list, and adding is one atomic append.
--
--   PREFIX e:ID   the entries. The first may be a snapshot ("S", its stamp, the packed state) of all that was before
--   PREFIX b:ID   how many entries snapshots took out of the list so far: a reader's place is good while this stays
--   PREFIX o:M    a hash: up to which byte the lines of each log file of machine M are there
--   PREFIX r:M    there while machine M knows that its log is in Redis, another value each time that it brought it all;
--                 when Redis has lost all, this is gone too
--
-- A batch is one script: entries and the note of where the file is up to come together, and a batch that is there
-- already (its answer was lost) is not taken again. Without r:M a script does nothing and says so. Sockets can be
-- waited for in some phases only (resty.leadscore.phases); in the others adding is left to a timer.

local stamp_of = require("resty.leadscore.shared").stamp_of

local M = {}

local PIECE = 500 -- lines of one script in recovery
local CALM = 600 -- seconds without snapshots after Redis had lost all, for other machines to bring their lines
local LOCK = 10 -- seconds for which one worker alone makes a contact's snapshot

-- KEYS: r:M, o:M, then of each entry e:ID and b:ID. ARGV: file, bytes, entries. Answers -1: not ready; 0: there
-- already; else of each entry its list's length and which list it is (r:M and what was taken out).
local APPEND = [[
local epoch = redis.call('GET', KEYS[1])
if not epoch then return -1 end
local noted = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if noted >= tonumber(ARGV[2]) then return 0 end
local answer = {}
for i = 3, #ARGV do
    local list = KEYS[2 * i - 3]
    answer[#answer + 1] = redis.call('RPUSH', list, ARGV[i])
    answer[#answer + 1] = epoch .. ':' .. (redis.call('GET', KEYS[2 * i - 2]) or '0')
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return answer
]]

-- KEYS: r:M, e:ID, b:ID. ARGV: which list it was when the reader last looked (-1: it has not), how many it has read.
-- Answers -1: not ready; else which list it is, then the entries after those, or all where it is another.
local READ = [[
local epoch = redis.call('GET', KEYS[1])
if not epoch then return -1 end
local taken = epoch .. ':' .. (redis.call('GET', KEYS[3]) or '0')
if taken == ARGV[1] then return { taken, redis.call('LRANGE', KEYS[2], ARGV[2], -1) } end
return { taken, redis.call('LRANGE', KEYS[2], 0, -1) }
]]

-- KEYS: e:ID, b:ID. ARGV: how many entries were seen, the first and the last of them, the snapshot, then the seen
-- entries that it does not hold. Replaces what was seen, if it is as it was.
local COMPACT = [[
local seen = tonumber(ARGV[1])
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[2] or redis.call('LINDEX', KEYS[1], seen - 1) ~= ARGV[3] then return 0 end
redis.call('LTRIM', KEYS[1], seen, -1)
for i = #ARGV, 5, -1 do
    redis.call('LPUSH', KEYS[1], ARGV[i])
end
redis.call('LPUSH', KEYS[1], ARGV[4])
redis.call('INCRBY', KEYS[2], seen)
return 1
]]

-- KEYS: o:M, then of each line e:ID. ARGV: file, bytes, lines.
local RECOVER = [[
for i = 3, #ARGV do
    redis.call('RPUSH', KEYS[i - 1], ARGV[i])
end
local noted = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if noted < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
]]

local Store = { waits = true }
Store.__index = Store

local function client_module()
    local ok, module = pcall(require, "resty.redis")
    if not ok then ok, module = pcall(require, "nginx.redis") end
    if not ok then error("resty.leadscore: a Redis client is needed: resty.redis or nginx.redis", 0) end
    return module
end

--- A store.
---@param options table the engine's
---@param state table a shared dict of small things
function M.new(options, state)
    local redis = options.redis or {}
    local prefix, machine = redis.prefix or "leadscore:", tostring(options.machine or 0)
    return setmetatable({
        module = client_module(), state = state, where = redis, prefix = prefix, shas = {},
        ready_key = prefix .. "r:" .. machine, noted_key = prefix .. "o:" .. machine, calm_key = prefix .. "calm",
    }, Store)
end

-- ---- talking to Redis ---------------------------------------------------------------------------------------------

local function connect(self)
    local where = self.where
    local client = self.module:new()
    local timeout = where.timeout or 500
    client:set_timeout(timeout)
    local ok, err
    if where.path then
        ok, err = client:connect("unix:" .. where.path)
    else
        ok, err = client:connect(where.host or "127.0.0.1", where.port or 6379)
    end
    if not ok then return nil, err end
    if client:get_reused_times() == 0 then
        if where.password then ok, err = client:auth(where.password) end
        if ok and where.database then ok, err = client:select(where.database) end
        if not ok then return nil, err end
    end
    return client
end

-- One command's answer; the connection goes back to the pool.
local function call(self, name, ...)
    local client, err = connect(self)
    if not client then return nil, err end
    local answer
    answer, err = client[name](client, ...)
    if answer == nil or (answer == false and not err) then
        client:close()
        return nil, err or "no answer"
    end
    client:set_keepalive(30000, self.where.pool or 32)
    return answer, err
end

local function run(self, script, ...)
    local sha = self.shas[script]
    if not sha then
        local err
        sha, err = call(self, "script", "load", script)
        if not sha then return nil, err end
        self.shas[script] = sha
    end
    local answer, err = call(self, "evalsha", sha, ...)
    if not answer and err and tostring(err):find("NOSCRIPT", 1, true) then
        answer, err = call(self, "eval", script, ...)
    end
    if not answer then return nil, err or "no answer" end
    return answer
end

-- ---- entries ------------------------------------------------------------------------------------------------------

--- A place in the list of a contact, which its owner keeps.
function M.cursor(cursor, id)
    cursor.id = id
    return cursor
end
Store.cursor = M.cursor

local function keys_of(self, cursor)
    if not cursor.list_key then
        cursor.list_key, cursor.taken_key = self.prefix .. "e:" .. cursor.id, self.prefix .. "b:" .. cursor.id
    end
    return cursor.list_key, cursor.taken_key
end

local function is_snapshot(entry)
    return entry:byte(1) == 83 -- "S"
end

local function split(entries)
    local state, lines = "", {}
    for i = 1, #entries do
        if is_snapshot(entries[i]) then
            state = entries[i]:match("^S%d+ (.*)$")
        else
            lines[#lines + 1] = entries[i]
        end
    end
    return lines, state
end

--- What is new since the cursor's owner read last; as in resty.leadscore.shared.
function Store:read(cursor, anew)
    local list, taken_key = keys_of(self, cursor)
    local position, known = cursor.position, not anew and cursor.position and cursor.taken or "-1"
    local answer, err = run(self, READ, 3, self.ready_key, list, taken_key, known, position or 0)
    if not answer then return nil, err end
    -- Another request of this worker has read on, or given up, in the meantime.
    if cursor.position ~= position or (known ~= "-1" and cursor.taken ~= known) then return self:read(cursor, anew) end
    if answer == -1 then return nil, "loading" end
    local taken, entries = answer[1], answer[2]
    if taken == known then
        if #entries == 0 then return true end
        cursor.position = cursor.position + #entries
        return true, entries
    end
    cursor.taken, cursor.position = taken, #entries
    local lines, state = split(entries)
    return true, lines, state
end

--- Appends a batch's entries; as in resty.leadscore.shared.
function Store:append(batch)
    local arguments = { 2 + 2 * batch.count, self.ready_key, self.noted_key }
    local n = 3
    for i = 1, batch.count do
        arguments[n + 1], arguments[n + 2] = keys_of(self, batch.cursors[i])
        n = n + 2
    end
    arguments[n + 1], arguments[n + 2] = batch.file, batch.bytes
    for i = 1, batch.count do
        arguments[n + 2 + i] = batch.lines[i]
    end
    local answer, err = run(self, APPEND, unpack(arguments, 1, n + 2 + batch.count))
    if not answer then return nil, err end
    if answer == -1 then return nil, "loading" end
    for i = 1, batch.count do
        local cursor, own = batch.cursors[i], false
        if answer ~= 0 and cursor.position and answer[2 * i - 1] == cursor.position + 1
            and answer[2 * i] == cursor.taken then
            cursor.position, own = cursor.position + 1, true
        end
        batch.own[i] = own
    end
    batch.done = batch.count
    return true
end

--- Appends lines of a worker that is gone, and notes it.
function Store:append_recovered(ids, lines, count, file, bytes)
    for first = 1, count, PIECE do
        local last = math.min(first + PIECE - 1, count)
        local arguments, n = { last - first + 2, self.noted_key }, 2
        for i = first, last do
            n = n + 1
            arguments[n] = self.prefix .. "e:" .. ids[i]
        end
        arguments[n + 1], arguments[n + 2] = file, last == count and bytes or 0
        for i = first, last do
            arguments[n + 3 + i - first] = lines[i]
        end
        local answer, err = run(self, RECOVER, unpack(arguments, 1, n + 2 + last - first + 1))
        if not answer then return nil, err end
    end
    return true
end

--- Notes are taken with the entries.
function Store:note() end

--- Up to which byte a file's lines are there; nil: that cannot be told.
function Store:noted(file)
    local answer, err = call(self, "hget", self.noted_key, file)
    if answer == nil then return nil, err end
    return tonumber(answer) or 0
end

function Store:refuses()
    return nil
end

--- Puts together the entries of a contact; as in resty.leadscore.shared.
function Store:compact(cursor, stamp, least, make)
    local list, taken_key = keys_of(self, cursor)
    if call(self, "exists", self.calm_key) ~= 0 then return false end
    if call(self, "set", self.prefix .. "l:" .. cursor.id, "1", "EX", LOCK, "NX") ~= "OK" then return false end
    local entries, err = call(self, "lrange", list, 0, -1)
    if not entries then return nil, err end
    local lines, state = split(entries)
    local covered, rest = {}, {}
    for i = 1, #lines do
        local into = stamp_of(lines[i]) <= stamp and covered or rest
        into[#into + 1] = lines[i]
    end
    local answer
    if #covered >= least then
        local packed
        packed, err = make(state, covered)
        if not packed then return nil, err end
        answer, err = run(self, COMPACT, 2, list, taken_key, #entries, entries[1], entries[#entries],
            ("S%d %s"):format(stamp, packed), unpack(rest))
        if not answer then return nil, err end
    end
    call(self, "del", self.prefix .. "l:" .. cursor.id)
    return answer == 1
end

--- Whether this machine's log is in Redis; nil: that cannot be told.
function Store:ready()
    local answer, err = call(self, "exists", self.ready_key)
    if not answer then return nil, err end
    return answer == 1
end

function Store:set_ready()
    call(self, "set", self.ready_key, ("%.0f-%d"):format(ngx.now() * 1000, ngx.worker.pid()))
end

--- No snapshots for a time.
function Store:calm()
    call(self, "set", self.calm_key, "1", "EX", CALM)
end

--- One worker's turn at something, for a time; among the workers of this machine.
function Store:lease(name, seconds)
    return (self.state:safe_add("lease:" .. name, ngx.worker.pid(), seconds))
end

function Store:release(name)
    self.state:delete("lease:" .. name)
end


return M
