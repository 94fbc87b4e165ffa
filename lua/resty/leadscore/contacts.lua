-- What a worker has at hand: contacts in its own ledger, kept up with the store.
--
-- For each there is a record that is the store's cursor too: what was read last, the highest stamp of it, and the
-- answer that was made last with the time from which it may no longer hold. Entries are applied as they are read; one
-- whose stamp is not above the highest came late or twice, and the contact is read anew: all its entries in the order
-- of stamps, each once. So the order in which workers add does not matter, and a batch over the log, which is sorted
-- by stamps too, comes to the same scores.
--
-- There are at most so many contacts: when a new one comes, one that was not asked for since the last round goes.

local clock = require("resty.leadscore.clock")
local core = require("leadscore.core")
local errors = require("leadscore.error")

local M = {}

local MOST_DEPTH, MOST_VALUES = 8, 1000000
-- Members of a line that are no properties.
local MEMBERS = { v = true, op = true, ts = true, contact_id = true, id = true, event = true, at = true }
local floor = math.floor

--- The state of a contact of whom nothing is known but that the lists that he was in are not his any more.
M.FORGOTTEN = "forgotten"

local Contacts = {}
Contacts.__index = Contacts

--- options: ledger=, store=, most= contacts, metrics=, listed= the ids that are in lists (a set)
function M.new(options)
    return setmetatable({
        ledger = options.ledger, store = options.store, most = options.most, metrics = options.metrics,
        listed = options.listed or {}, records = {}, ring = {}, hand = 0, count = 0,
    }, Contacts)
end

-- ---- records ------------------------------------------------------------------------------------------------------

local function evict(self, record)
    if record.loaded then self.ledger:_evict(record.id) end
    self.records[record.id] = nil
    record.gone, record.loaded, record.position = true, false, nil
    self.metrics:add("leadscore_evicted_total")
end

-- A place in the ring: a free one, or that of the next record that was not used since the hand passed it.
local function take_place(self)
    if self.count < self.most then
        self.count = self.count + 1
        return self.count
    end
    local ring = self.ring
    while true do
        self.hand = self.hand % self.most + 1
        local record = ring[self.hand]
        if record.used then
            record.used = false
        else
            evict(self, record)
            return self.hand
        end
    end
end

--- The record of a contact, made if there is none.
function Contacts:record(id)
    local record = self.records[id]
    if record then
        record.used = true
        return record
    end
    record = self.store.cursor({ id = id, used = false, loaded = false, stamp = 0, work = 0 }, id)
    local index = take_place(self)
    self.ring[index], self.records[id] = record, record
    return record
end

--- Gives up what is known of a contact, so that it is read anew.
function Contacts:drop(record)
    if record.loaded then self.ledger:_evict(record.id) end
    record.loaded, record.position, record.body, record.stamp = false, nil, nil, 0
end

--- Gives up all contacts.
function Contacts:clear()
    for i = 1, self.count do
        self:drop(self.ring[i])
    end
end

-- ---- entries ------------------------------------------------------------------------------------------------------

local stamp_of = require("resty.leadscore.shared").stamp_of

-- An entry as a table: op, ts, contact_id and so on; nil: it cannot be read.
local function parse(line)
    return (core.json_decode(line, MOST_DEPTH, MOST_VALUES))
end

local function event_of(entry)
    local event = entry.properties or {}
    event.contact_id, event.event, event.at, event.id = entry.contact_id, entry.event, entry.at, entry.id
    return event
end

local function is_fatal(err)
    return type(err) == "table" and (err.kind == "memory" or err.kind == "definition")
end

-- Applies to a ledger what an entry says. What is wrong with the datum under the definitions of today does not count,
-- as in the batch with --rejects.
local function apply(self, ledger, op, id, datum, stamp)
    local result, err
    if op == "event" then
        result, err = ledger:add(datum, floor(clock.seconds(stamp)))
        if result == "repeated" then self.metrics:add("leadscore_repeats_total") end
    elseif op == "set" then
        result, err = ledger:set(id, datum)
    elseif op == "forget" then
        result = true
        ledger:forget(id)
    end
    if not result and is_fatal(err) then return nil, err end
    return true
end

local function apply_line(self, ledger, line, stamp)
    local entry = parse(line)
    if not entry then return true end -- not a line of ours
    if entry.op == "event" then return apply(self, ledger, "event", entry.contact_id, event_of(entry), stamp) end
    return apply(self, ledger, entry.op, entry.contact_id, entry.properties, stamp)
end

local function by_stamp(a, b)
    if a.stamp ~= b.stamp then return a.stamp < b.stamp end
    return a.line < b.line
end

-- Applies lines in the order of their stamps, each once; returns the highest stamp.
local function apply_all(self, ledger, lines)
    local list, highest, sorted = {}, 0, true
    for i = 1, #lines do
        local stamp = stamp_of(lines[i])
        list[i] = { stamp = stamp, line = lines[i] }
        if stamp <= highest then sorted = false end
        highest = stamp > highest and stamp or highest
    end
    if not sorted then table.sort(list, by_stamp) end
    local last
    for i = 1, #list do
        if list[i].line ~= last then
            last = list[i].line
            local ok, err = apply_line(self, ledger, last, list[i].stamp)
            if not ok then return nil, err end
        end
    end
    return highest
end

--- Applies a line of the log, be it one that somebody else wrote, to a ledger. What cannot be read does not count.
---@return true|nil ok
---@return leadscore.Error|nil err
function Contacts:replay(ledger, line, stamp)
    local entry = parse(line)
    if type(entry) ~= "table" then return true end
    local properties = entry.properties
    if properties == nil then
        properties = {}
        for name, value in next, entry do
            if not MEMBERS[name] then properties[name] = value end
        end
    end
    local id = entry.contact_id or (entry.op ~= "event" and entry.id) or nil
    if (type(id) ~= "string" and type(id) ~= "number") or type(properties) ~= "table" then return true end
    entry.properties, entry.contact_id = properties, id
    local datum = entry.op == "event" and event_of(entry) or properties
    return apply(self, ledger, entry.op, id, datum, stamp)
end
if rawget(_G, "jit") then require("jit").off(Contacts.replay, true) end -- 2.1.0-beta3 miscompiles loops over `next`

-- Gives a ledger what a state says.
local function take_state(ledger, id, state)
    if state == "" then return true end
    if state == M.FORGOTTEN then
        ledger:forget(id)
        return true
    end
    return ledger:unpack(id, state)
end

--- Whether a line forgets its contact.
local function forgets(line)
    return line:find('"op":"forget"', 1, true) == 8
end
M.forgets = forgets

-- The state of a contact that is not there.
local function state_of_nobody(self, id, state, lines)
    if not self.listed[id] then return "" end
    local was_forgotten = state == M.FORGOTTEN
    for i = 1, #lines do
        was_forgotten = was_forgotten or forgets(lines[i])
    end
    return was_forgotten and M.FORGOTTEN or ""
end

--- A state with lines in it, by a ledger that has nothing else.
---@return string|nil state
function Contacts:add_up(scratch, id, state, lines)
    local ok, err = take_state(scratch, id, state)
    if ok then ok, err = apply_all(self, scratch, lines) end
    local packed = ok and state_of_nobody(self, id, state, lines)
    if ok and scratch:has(id) then
        packed, err = scratch:pack(id)
        -- It takes the place of the entries, so it is tried first.
        if packed then ok, err = scratch:unpack(id, packed) end
    end
    scratch:_evict(id)
    if not ok or not packed then return nil, err end
    return packed
end

-- ---- keeping up ---------------------------------------------------------------------------------------------------

local function failure(err)
    if type(err) == "table" then return err end
    return errors.new({ kind = "busy", message = "the store cannot be read: " .. tostring(err) })
end

local function load_anew(self, record, lines, state)
    local ledger, id = self.ledger, record.id
    if record.loaded then ledger:_evict(id) end
    record.loaded, record.body = false, nil
    local ok, err = take_state(ledger, id, state)
    if not ok then
        record.position = nil
        return nil, errors.new({ kind = "state", message = tostring(err) })
    end
    local highest
    highest, err = apply_all(self, ledger, lines)
    if not highest then
        ledger:_evict(id)
        record.position = nil
        return nil, err
    end
    record.loaded, record.stamp, record.work = true, highest, #lines
    self.metrics:add("leadscore_reads_total")
    return true
end

local function read_anew(self, record)
    local ok, lines, state = self.store:read(record, true)
    if record.gone then return false end
    if not ok then
        record.position = nil
        return nil, failure(lines)
    end
    return load_anew(self, record, lines, state)
end

local function apply_new(self, record, lines)
    record.body = nil
    for i = 1, #lines do
        local stamp = stamp_of(lines[i])
        if stamp <= record.stamp then
            self.metrics:add("leadscore_reads_anew_total")
            return read_anew(self, record)
        end
        local ok, err = apply_line(self, self.ledger, lines[i], stamp)
        if not ok then
            self:drop(record)
            return nil, err
        end
        record.stamp = stamp
    end
    record.work = record.work + #lines
    return true
end

-- Whether the record is as the store has it; false: it was given up while the store was asked.
local function bring_up(self, record)
    if not record.loaded then return read_anew(self, record) end
    local ok, lines, state = self.store:read(record)
    if record.gone then return false end
    if not ok then return nil, failure(lines) end
    if not lines then return true end
    if state then return load_anew(self, record, lines, state) end
    return apply_new(self, record, lines)
end

--- Brings the worker's contact up to what the store has.
---@return table|nil record nil: the store cannot be read
---@return leadscore.Error|nil err
function Contacts:current(id)
    while true do
        local record = self:record(id)
        local ok, err = bring_up(self, record)
        if ok then return record end
        if ok == nil then return nil, err end
    end
end

--- Applies what this worker has just appended right after all that it had read.
function Contacts:applied(record, op, datum, stamp)
    if not record.loaded or record.gone then return end
    record.body = nil
    if stamp <= record.stamp or not apply(self, self.ledger, op, record.id, datum, stamp) then
        self:drop(record)
        return
    end
    record.stamp = stamp
end

--- Whether anything is known of the contact.
function Contacts:has(record)
    return self.ledger:has(record.id)
end

return M
