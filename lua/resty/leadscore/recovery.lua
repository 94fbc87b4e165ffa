-- What a worker does about others' past: it puts into the store what the log has and the store has not.
--
-- A shared dict is empty when nginx starts, so one worker reads the log as it was before the start, and puts a state
-- of each contact into the store (a stamp of the start tells what it covers). Lines of workers of this start that are
-- gone (killed, or replaced by a reload) are taken from their files, from the byte on up to which the store is known to
-- have them. Redis keeps what it has; when it has lost all, lines of all files go there again.

local clock = require("resty.leadscore.clock")
local contacts = require("resty.leadscore.contacts")
local core = require("leadscore.core")
local journal = require("resty.leadscore.journal")
local plans = require("resty.leadscore.plans")

local M = {}

local LOOK_EVERY = 5 -- seconds between looks for files of workers that are gone
local LEASE = 30 -- seconds that a file's recovery is one worker's
local BETWEEN = 400 -- lines or contacts before other requests get their turn
local TURN = 0.001 -- seconds: the least that nginx waits without being patched

local Recovery = {}
Recovery.__index = Recovery

local stamp_of = require("resty.leadscore.shared").stamp_of

function M.new(engine)
    return setmetatable({ engine = engine, store = engine.store, state = engine.state, folder = engine.options.log,
        looked = 0, done = {} }, Recovery)
end

-- ---- lines of workers that are gone -------------------------------------------------------------------------------

local function contact_of(line)
    local id = line:match('^{"v":1,"op":"%a+","ts":%d+,"contact_id":"([^"\\]*)"')
    if id then return id:match("^[ \t\r\n]*(.-)[ \t\r\n]*$") end
    local entry = core.json_decode(line, 8, 1000000)
    return entry and entry.contact_id and tostring(entry.contact_id):match("^[ \t\r\n]*(.-)[ \t\r\n]*$")
end

local function recover_file(self, file, noted)
    local store, metrics = self.store, self.engine.metrics_of
    return journal.lines(file.path, noted, function(lines, count, bytes)
        local ids, kept, n = {}, {}, 0
        for i = 1, count do
            local id = stamp_of(lines[i]) and contact_of(lines[i])
            if id then
                n = n + 1
                ids[n], kept[n] = id, lines[i]
            end
        end
        local ok, err = store:append_recovered(ids, kept, n, file.name, bytes)
        if not ok then return nil, err end
        store:note(file.name, bytes)
        metrics:add("leadscore_recovered_total", n)
        return true
    end)
end

-- A file of a worker that is gone.
local function recover_gone(self, file)
    local noted, err = self.store:noted(file.name)
    if not noted then return nil, err end
    if file.size > noted then
        if not self.store:lease(file.name, LEASE) then return true end
        local ok
        noted = self.store:noted(file.name)
        ok, err = noted ~= nil, nil
        if ok and file.size > noted then ok, err = recover_file(self, file, noted) end
        self.store:release(file.name)
        if not ok then return nil, err end
    end
    self.done[file.name .. file.size] = true
    return true
end

-- Files of workers that are gone, which have more than is noted.
local function recover_files(self)
    for _, file in ipairs(journal.files(self.folder)) do
        if file.start and not file.alive and not file.gzip and not self.done[file.name .. file.size] then
            local ok, err = recover_gone(self, file)
            if not ok then return nil, err end
        end
    end
    return true
end

-- ---- the log as it was before the start ---------------------------------------------------------------------------

-- Files of before the start, each with its first lines.
local function old_files(self, started)
    local files = {}
    for _, file in ipairs(journal.files(self.folder)) do
        if not file.start or file.start < started then files[#files + 1] = file end
    end
    return files
end

-- The next line of a file, into file.line and file.stamp; a line without a stamp keeps its place in its file.
local function advance(file)
    file.line = file.next_line and file.next_line()
    if file.line then file.stamp = stamp_of(file.line) or file.stamp or 0 end
end

-- The file whose next line comes first, by stamp, then by name.
local function first_of(files)
    local first
    for i = 1, #files do
        local file = files[i]
        if file.line and (not first or file.stamp < first.stamp) then first = file end
    end
    return first
end

-- Replays files' lines into a ledger, in the order of stamps; other requests get their turn in between. Notes in
-- `forgotten` who of those in lists was forgotten.
local function replay(self, ledger, files, forgotten)
    local count, listed = 0, self.engine.contacts.listed
    for _, file in ipairs(files) do
        file.next_line = journal.reader(file.path)
        advance(file)
    end
    local file = first_of(files)
    while file do
        local ok, err = self.engine.contacts:replay(ledger, file.line, file.stamp)
        if not ok then return nil, err end
        if contacts.forgets(file.line) then
            local id = contact_of(file.line)
            if id and listed[id] and not forgotten[id] then
                forgotten[#forgotten + 1], forgotten[id] = id, true
            end
        end
        count = count + 1
        if count % BETWEEN == 0 then ngx.sleep(TURN) end
        advance(file)
        file = first_of(files)
    end
    return count
end

local function load_contacts(self, ledger, stamp, forgotten)
    local store, count = self.store, 0
    for i = 1, #forgotten do
        if not ledger:has(forgotten[i]) then
            local ok, err = store:load(forgotten[i], stamp, contacts.FORGOTTEN)
            if ok == nil then return nil, err end
        end
    end
    for id in ledger:ids() do
        local state, err = ledger:pack(id)
        if not state then return nil, err end
        local ok
        ok, err = store:load(id, stamp, state)
        if ok == nil then return nil, err end
        count = count + 1
        if count % BETWEEN == 0 then ngx.sleep(TURN) end
    end
    return count
end

local function load_log(self)
    local started = self.state:get("started") or math.floor(ngx.now() * 1000)
    local files, count = old_files(self, started), 0
    if #files > 0 then
        local ledger, err = plans.ledger(self.engine.plan, self.engine.options)
        if not ledger then return nil, err end
        local ok
        local forgotten = {}
        ok, err = replay(self, ledger, files, forgotten)
        if ok then count, err = load_contacts(self, ledger, clock.stamp(started / 1000), forgotten) end
        ledger:close()
        if not ok or not count then return nil, err end
        for _, file in ipairs(files) do
            if not file.gzip then self.store:note(file.name, math.max(file.size, self.store:noted(file.name))) end
        end
    end
    return count, #files
end

-- One worker at a time loads; its turn ends with its process.
local function take_turn(self)
    local state = self.state
    local try = state:get("loading") or 0
    local key = "lease:load:" .. try
    if state:safe_add(key, ngx.worker.pid()) then return true end
    local holder = state:get(key)
    if holder and not journal.is_alive(holder) then
        state:safe_add("lease:load:" .. try + 1, ngx.worker.pid())
        if state:get("lease:load:" .. try + 1) == ngx.worker.pid() then
            state:set("loading", try + 1)
            return true
        end
    end
    return false
end

local function load_shared(self)
    if self.failed and ngx.now() < self.failed then return end
    if not self.mine and not take_turn(self) then return end
    self.mine = true
    local count, files = load_log(self)
    if not count then
        self.failed = ngx.now() + 5
        ngx.log(ngx.ERR, "leadscore: the log is not loaded: ", tostring(files))
        return
    end
    self.mine = nil
    self.store:set_ready()
    ngx.log(ngx.NOTICE, "leadscore: loaded ", count, " contacts from ", files, " files of the log")
end

-- ---- Redis that has lost all --------------------------------------------------------------------------------------

local function load_redis(self)
    local store = self.store
    local ready = store:ready()
    if ready or ready == nil or not store:lease("load", LEASE) then return end
    local files = journal.files(self.folder)
    if #files > 0 then store:calm() end
    for _, file in ipairs(files) do
        local noted, err = store:noted(file.name)
        local ok = noted ~= nil
        if ok then ok, err = recover_file(self, file, noted) end
        if not ok then
            store:release("load")
            ngx.log(ngx.ERR, "leadscore: the log is not loaded: ", tostring(err))
            return
        end
    end
    store:set_ready()
    store:release("load")
end

-- ---- in time -------------------------------------------------------------------------------------------------------

--- About each second.
function Recovery:tick()
    local now = ngx.now()
    if self.store.waits then
        load_redis(self)
    elseif not self.store:ready() then
        load_shared(self)
    end
    -- Before that, what old files have is being loaded, not recovered.
    if now - self.looked < LOOK_EVERY or not self.store:ready() then return end
    self.looked = now
    local ok, err = recover_files(self)
    if not ok then
        self.looked = 0
        ngx.log(ngx.ERR, "leadscore: lines of the log are not in the store yet: ", tostring(err))
    end
end

--- A state cannot be read by the definitions of now: said in the error log, once in a while.
function Recovery:stale(err)
    local now = ngx.now()
    if now < (self.told or 0) then return end
    self.told = now + 10
    ngx.log(ngx.ERR, "leadscore: a contact's state cannot be read: ", tostring(err))
end

return M
