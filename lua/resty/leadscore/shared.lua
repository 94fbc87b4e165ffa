-- The store of one machine: entries of contacts in a `lua_shared_dict` that all workers share.
--
-- An entry is a line of the log. A contact's entries are a chain of keys: e:ID:1, e:ID:2 and so on, and adding is one
-- atomic call: safe_add of the key after the last. Where that "exists" another worker was first, and the one after it
-- is tried. There is no lock that a killed worker could hold, and nothing that is there is written over.
--
-- Now and then what older entries amount to is put together: a snapshot, an entry itself ("S", its stamp, the packed
-- state). h:ID then says where it is: "Q FROM STAMP CLEAN": the snapshot is entry Q, reading starts at FROM, entries
-- before Q whose stamp is not above STAMP are part of it, and keys below CLEAN are gone or going. Entries that are no
-- longer needed live on for half a minute, so a worker that looked at a contact within ten seconds can read on from
-- there; one that looked longer ago asks first where the chain starts, and reads anew if that is after its place.
--
-- The dict is large, and each look into it leads through memory that is in no cache. So in the small dict beside it
-- there are counters of appended entries, each for the contacts of a share of all ids: where a reader finds the counter
-- as it was when he looked last, nothing is new. It is counted after the entry is there; who is killed between the two
-- has not acknowledged it, and who takes up his log counts.
--
-- Values are never put in by evicting others: when the dict is full adding fails.

local clock = require("resty.leadscore.clock")

local M = {}

local loop_time = clock.now
local KEPT = 30 -- seconds that replaced entries are kept
local FRESH = 10 -- seconds for which a position in the chain stays good
local AT_ONCE = 5000 -- keys that are freed at once
local LEASE = 10 -- seconds for which one worker alone makes a contact's snapshot
local SHARES = 1024 -- of ids, each with a counter

local Store = { waits = false }
Store.__index = Store

--- A store.
---@param options table dict= (the shared dict of entries), state= (a shared dict of small things), reserve= bytes that
--- must be free for adding (default: a fiftieth of the dict)
function M.new(options)
    local dict = options.dict
    return setmetatable({
        dict = dict, state = options.state, reserve = options.reserve or math.floor(dict:capacity() / 50),
        leaving = {}, first_leaving = 1, last_leaving = 0, flushed = 0,
    }, Store)
end

local function stamp_of(line)
    return tonumber(line:match('^{"v":1,"op":"%a+","ts":(%d+)'))
end
M.stamp_of = stamp_of

local function is_snapshot(entry)
    return entry:byte(1) == 83 -- "S"
end

local function place(cursor, position)
    cursor.position = position
    cursor.next = cursor.prefix .. position + 1
end

--- A place in the chain of a contact, which its owner keeps.
function M.cursor(cursor, id)
    cursor.prefix, cursor.head = "e:" .. id .. ":", "h:" .. id
    cursor.share = "c:" .. ngx.crc32_short(id) % SHARES
    return cursor
end
Store.cursor = M.cursor

-- Counts an entry; own: it came right after what the cursor's owner has read, who need not look again then if nothing
-- else was counted. A counter that was lost starts above what it was: microseconds pass faster than entries come.
local function note_entry(self, cursor, own)
    local now = self.state:incr(cursor.share, 1, loop_time() * 1000000)
    if not now then
        self.state:delete(cursor.share) -- without it all look
    elseif own and now - 1 == cursor.counted then
        cursor.counted = now
    end
end

local function read_head(self, cursor)
    local text = self.dict:get(cursor.head)
    if not text then return 0, 1, 0, 1 end
    local q, from, stamp, clean = text:match("^(%d+) (%d+) (%d+) (%d+)$")
    return tonumber(q), tonumber(from), tonumber(stamp), tonumber(clean)
end

-- The chain from its start: lines that the snapshot does not hold, the snapshot's state, and where lines are.
local function read_chain(self, cursor)
    local dict, prefix = self.dict, cursor.prefix
    local q, from, stamp, clean = read_head(self, cursor)
    local state
    if q > 0 then
        local entry = dict:get(prefix .. q)
        state = entry and entry:match("^S%d+ (.*)$")
        if not state then return nil, "a snapshot is missing" end
    end
    local lines, places, n = {}, {}, from
    while true do
        local entry = dict:get(prefix .. n)
        if not entry then break end
        if not is_snapshot(entry) and (n > q or stamp_of(entry) > stamp) then
            lines[#lines + 1], places[#places + 1] = entry, n
        end
        n = n + 1
    end
    return { lines = lines, places = places, state = state, snapshot = q, from = from, clean = clean, last = n - 1 }
end

local function read_anew(self, cursor, counted)
    local now = loop_time()
    local chain, err = read_chain(self, cursor)
    if not chain then return nil, err end
    place(cursor, chain.last)
    cursor.snapshot, cursor.checked = chain.snapshot, now
    cursor.tail, cursor.tailed = chain.last, now
    cursor.counted = counted
    return true, chain.lines, chain.state or ""
end

--- What is new since the cursor's owner read last.
---@param cursor table
---@param anew? boolean read all
---@return boolean|nil ok
---@return string[]|string|nil lines nil: nothing new; with a nil ok: why not
---@return string|nil state given where all was read: the state that the lines come after, "" for none
function Store:read(cursor, anew)
    local counted = self.state:get(cursor.share) -- before the entries that it counts are looked for
    if anew or not cursor.position then return read_anew(self, cursor, counted) end
    if counted and counted == cursor.counted then return true end
    local dict, now = self.dict, loop_time()
    if now - cursor.checked >= FRESH then
        -- Nothing has gone from where the chain starts on.
        local _, from = read_head(self, cursor)
        if from > cursor.position + 1 then return read_anew(self, cursor, counted) end
    end
    cursor.checked, cursor.counted = now, counted
    local entry = dict:get(cursor.next)
    if not entry then return true end
    local lines = {}
    repeat
        if not is_snapshot(entry) then lines[#lines + 1] = entry end
        place(cursor, cursor.position + 1)
        entry = dict:get(cursor.next)
    until not entry
    if cursor.position > (cursor.tail or 0) then cursor.tail, cursor.tailed = cursor.position, now end
    return true, lines
end

-- The last position of the chain, when that at `position` is there or the chain is known to start after it.
local function find_last(self, cursor, position)
    local dict, prefix, step = self.dict, cursor.prefix, 1
    if not dict:get(prefix .. position + 1) then return position end
    local there = position + 1
    while dict:get(prefix .. there + step) do
        there, step = there + step, step * 2
    end
    local gone = there + step
    while gone - there > 1 do
        local middle = math.floor((there + gone) / 2)
        if dict:get(prefix .. middle) then there = middle else gone = middle end
    end
    return there
end

local function seek(self, cursor, now)
    local _, from = read_head(self, cursor)
    if cursor.position and cursor.position + 1 < from then cursor.position = nil end
    cursor.tail = find_last(self, cursor, math.max(from - 1, cursor.position or 0))
    cursor.tailed = now
end

-- Appends one entry: whether it came right after what the owner has read, or nil and why not.
local function append(self, cursor, entry)
    local dict, now = self.dict, loop_time()
    local position = cursor.position
    if position and now - cursor.checked >= FRESH then
        local _, from = read_head(self, cursor)
        if from > position + 1 then position = nil end
    end
    if position then
        local ok, err = dict:safe_add(cursor.next, entry)
        if ok then
            place(cursor, position + 1)
            cursor.checked, cursor.tail, cursor.tailed = now, position + 1, now
            return true
        elseif err ~= "exists" then
            return nil, err
        end
        if not cursor.tail or cursor.tail < position + 1 then cursor.tail, cursor.tailed = position + 1, now end
    end
    if not cursor.tail or now - cursor.tailed >= FRESH then seek(self, cursor, now) end
    while true do
        local ok, err = dict:safe_add(cursor.prefix .. cursor.tail + 1, entry)
        if not ok and err ~= "exists" then return nil, err end
        cursor.tail, cursor.tailed = cursor.tail + 1, now
        if ok then return false end
    end
end

--- Appends a batch's entries, from batch.done + 1 on, in order. batch.own[i] tells whether entry i came right after
--- what its cursor had read: it need not be read again then.
---@param batch table { count=, done=, cursors=, lines=, own=, file=, bytes= }
---@return true|nil ok
---@return string|nil err
function Store:append(batch)
    for i = batch.done + 1, batch.count do
        local own, err = append(self, batch.cursors[i], batch.lines[i])
        if own == nil then return nil, err == "no memory" and "full" or err end
        note_entry(self, batch.cursors[i], own)
        batch.own[i], batch.done = own, i
    end
    self:note(batch.file, batch.bytes)
    return true
end

--- Appends lines of a worker that is gone.
function Store:append_recovered(ids, lines, count)
    for i = 1, count do
        local cursor = M.cursor({}, ids[i])
        local ok, err = append(self, cursor, lines[i])
        if ok == nil then return nil, err end
        note_entry(self, cursor)
    end
    return true
end

--- Notes up to which byte a file's lines are in the store.
function Store:note(file, bytes)
    if file then self.state:set("o:" .. file, bytes) end
end

--- Up to which byte a file's lines are in the store.
function Store:noted(file)
    return self.state:get("o:" .. file) or 0
end

--- Why nothing can be added now, or nil.
function Store:refuses()
    if self.dict:free_space() >= self.reserve then return nil end
    -- What workers left that are gone.
    local now = loop_time()
    if now - self.flushed >= 1 then
        self.flushed = now
        self.dict:flush_expired(AT_ONCE)
        if self.dict:free_space() >= self.reserve then return nil end
    end
    return "full"
end

--- Free bytes, in whole pages.
function Store:free()
    return self.dict:free_space()
end

--- Puts together the entries of a contact whose stamps are not above `stamp`.
---@param cursor table of any owner; it is not changed
---@param stamp integer
---@param least integer how many entries it must be worth
---@param make fun(state: string, lines: string[]): string|nil the state with the lines in it
---@return boolean|nil done
---@return string|nil err
function Store:compact(cursor, stamp, least, make)
    local lease = "l:" .. cursor.prefix
    local began = loop_time()
    if not self.state:safe_add(lease, 1, LEASE) then return false end
    local chain, err = read_chain(self, cursor)
    local state, q
    if chain then
        local covered, from = {}, chain.last + 1
        for i, line in ipairs(chain.lines) do
            if stamp_of(line) <= stamp then
                covered[#covered + 1] = line
            elseif chain.places[i] < from then
                from = chain.places[i]
            end
        end
        if #covered >= least then state, err = make(chain.state or "", covered) end
        if state then
            q, err = self:_replace(cursor, chain, from, stamp, state, began)
        end
    end
    self.state:delete(lease)
    if err then return nil, err end
    return q or false
end

function Store:_replace(cursor, chain, from, stamp, state, began)
    local dict, prefix = self.dict, cursor.prefix
    -- Right after what was read, or not at all: nothing may stand before it that it does not know.
    local q = chain.last + 1
    local ok, err = dict:safe_add(prefix .. q, ("S%d %s"):format(stamp, state))
    if not ok then return nil, err ~= "exists" and err or nil end
    ngx.update_time()
    -- A worker that was stopped for so long may not be alone any more.
    if loop_time() - began > LEASE / 2 then return nil, "too late" end
    ok, err = dict:safe_set(cursor.head, ("%d %d %d %d"):format(q, from, stamp, chain.clean))
    if not ok then return nil, err end
    for n = chain.clean, from - 1 do
        dict:expire(prefix .. n, KEPT)
    end
    dict:safe_set(cursor.head, ("%d %d %d %d"):format(q, from, stamp, from))
    -- A dict frees by itself only what has expired and was longest not asked for.
    self.last_leaving = self.last_leaving + 1
    self.leaving[self.last_leaving] = {
        prefix = prefix, from = chain.clean, to = from - 1, due = loop_time() + KEPT + 1,
    }
    return q
end

--- About each second: frees what this worker replaced a while ago.
function Store:tick()
    local now, count = loop_time(), 0
    while self.first_leaving <= self.last_leaving and count < AT_ONCE do
        local keys = self.leaving[self.first_leaving]
        if keys.due > now then return end
        for n = keys.from, keys.to do
            self.dict:delete(keys.prefix .. n)
        end
        count = count + keys.to - keys.from + 1
        self.leaving[self.first_leaving] = nil
        self.first_leaving = self.first_leaving + 1
    end
end

local function why_not(err)
    return err == "no memory" and "the shared dict of contacts is too small for what the log has" or err
end

--- Puts a contact's whole state there, as read from the log; false where it has a snapshot already.
function Store:load(id, stamp, state)
    local cursor = M.cursor({}, id)
    if self.dict:get(cursor.head) then return false end
    local entry, q = ("S%d %s"):format(stamp, state), 0
    repeat
        q = q + 1
        local ok, err = self.dict:safe_add(cursor.prefix .. q, entry)
        if not ok and err ~= "exists" then return nil, why_not(err) end
    until ok
    local set, err = self.dict:safe_set(cursor.head, ("%d 1 %d 1"):format(q, stamp))
    if not set then return nil, why_not(err) end
    note_entry(self, cursor)
    return true
end

--- Whether contacts are loaded.
function Store:ready()
    return self.state:get("ready") ~= nil
end

function Store:set_ready()
    self.state:set("ready", 1)
end

--- One worker's turn at something, for a time.
function Store:lease(name, seconds)
    return (self.state:safe_add("lease:" .. name, ngx.worker.pid(), seconds))
end

function Store:release(name)
    self.state:delete("lease:" .. name)
end

return M
