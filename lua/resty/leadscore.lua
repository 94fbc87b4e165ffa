-- leadscore in nginx: scores as events arrive, in all workers, from a store that a log rebuilds.
--
--     -- init_by_lua: checks and compiles the definitions; opens and starts nothing
--     scoring = require("resty.leadscore").new({ definitions = "/etc/leadscore", dict = "leadscore",
--         state = "leadscore_state", log = "/var/lib/leadscore/log" })
--     -- init_worker_by_lua: the worker's timer
--     scoring:start()
--     -- content_by_lua and others
--     scoring:add({ contact_id = "42", event = "page_viewed", url = "/pricing" })
--     scoring:score("42").contact_quality.value
--
-- What is added is written to the log before it goes to the store, and acknowledged after; the store is a cache that
-- the log rebuilds. What a call may do in which phase, what happens when plan, store or memory is not there, what
-- workers share and how much memory that takes is told in leadscore/hosts.md.

local answers = require("resty.leadscore.answers")
local clock = require("resty.leadscore.clock")
local contacts = require("resty.leadscore.contacts")
local data = require("resty.leadscore.data")
local errors = require("leadscore.error")
local journal = require("resty.leadscore.journal")
local leadscore = require("leadscore")
local log = require("leadscore.log")
local metrics = require("resty.leadscore.metrics")
local phases = require("resty.leadscore.phases")
local plans = require("resty.leadscore.plans")
local recovery = require("resty.leadscore.recovery")

local M = { version = leadscore.version }

local CHECK_EVERY = 0.1 -- seconds between looks at the version of the definitions
local TICK = 1 -- seconds
local RETRY = 0.2 -- seconds
local PATIENCE = 5 -- seconds that a request waits for its batch to be put into the store
local MOST_JOINT = 1000 -- entries that are put into the store together
local SNAPSHOT_AFTER = 64 -- entries
local SNAPSHOT_LEAST = 32 -- entries that a snapshot must put together
local SETTLED = 10 -- seconds after which entries are put together
local floor, loop_time = math.floor, clock.now

---@class resty.leadscore.Engine
local Engine = {}
Engine.__index = Engine
Engine.__name = "resty.leadscore.Engine"

-- ---- making one ---------------------------------------------------------------------------------------------------

local function usage(message)
    error("resty.leadscore.new: " .. message, 3)
end

local function shared_dict(name, option)
    if type(name) ~= "string" then usage(option .. ": expected the name of a lua_shared_dict, got " .. type(name)) end
    return ngx.shared[name] or usage(("%s: there is no lua_shared_dict %s"):format(option, name))
end

--- An engine. To be called in init_by_lua: it reads the definitions and closes their files again; it opens nothing
--- else and starts nothing.
---@param options table
--- definitions: a path, several, a definition's table or a list of them, or a definition or set made by leadscore;
--- state: name of a lua_shared_dict for counters and small things (4m is plenty);
--- log: folder of the event log; fsync: "never" (default), "second" or "always"; rotate_bytes: a longer file is
--- followed by the next;
--- store: "shared" (default), with dict: name of the lua_shared_dict that keeps contacts; or "redis", with
--- redis: { host=, port= or path=, password=, database=, prefix=, timeout= milliseconds, pool= };
--- machine, machines: which of how many machines share the Redis (0 of 1);
--- contacts: how many a worker has at hand (100000); horizon: of events' ids (seconds, 90 days);
--- lists: { name = { ids } }; events_at_once: in one call of add (10000);
--- settle: seconds after which entries are put together (10): late ones come in that time
---@return resty.leadscore.Engine|nil engine
---@return leadscore.Error|nil err what is wrong with the definitions
function M.new(options)
    if type(options) ~= "table" then usage("expected a table of options, got " .. type(options)) end
    if type(options.log) ~= "string" then usage("log: expected a folder, got " .. type(options.log)) end
    local state = shared_dict(options.state, "state")
    local kind = options.store or "shared"
    if kind ~= "shared" and kind ~= "redis" then
        usage('store: expected "shared" or "redis", got ' .. tostring(kind))
    end
    if kind == "shared" then shared_dict(options.dict, "dict") end
    local plan, err = plans.new(options.definitions, options.lists)
    if not plan then return nil, err end
    -- A reload reads the definitions again: what was put in place at run time before it is over.
    if ngx.get_phase() == "init" then
        state:safe_add("started", floor(loop_time() * 1000))
        state:delete("definitions")
        state:incr("version", 1, 0)
    end
    return setmetatable({ options = options, kind = kind, state = state, plan = plan, base = plan, version = nil },
        Engine)
end

-- The worker's own parts, made when they are first needed: never before the fork.
local function open(self)
    local options = self.options
    local store
    if self.kind == "redis" then
        store = require("resty.leadscore.redis").new(options, self.state)
    else
        store = require("resty.leadscore.shared").new({
            dict = ngx.shared[options.dict], state = self.state, reserve = options.reserve,
        })
    end
    local ledger, err = plans.ledger(self.plan, options)
    if not ledger then return nil, err end
    local checker
    checker, err = plans.checker(self.plan, options)
    if not checker then return nil, err end
    self.metrics_of = metrics.new(self.state, tostring(ngx.worker.id() or 0))
    self.clock = clock.new(self.state, options.machine, options.machines)
    self.contacts = contacts.new({
        ledger = ledger, store = store, most = options.contacts or 100000, metrics = self.metrics_of,
        listed = plans.listed(options.lists),
    })
    self.answers = answers.new(ledger, self.plan)
    self.waiting, self.first_waiting, self.last_waiting = {}, 1, 0
    self.compacting = {}
    self.ledger, self.checker, self.store = ledger, checker, store
    self.recovery = recovery.new(self)
    self.checked = loop_time()
    self.version = self.state:get("version") or 0
    if self.state:get("definitions") then self.version = -1 end
    self.opened = true
    return true
end

local function log_error(...)
    ngx.log(ngx.ERR, "leadscore: ", ...)
end

-- ---- definitions --------------------------------------------------------------------------------------------------

-- Takes a plan in place of the present one, or keeps that and says why.
local function replace(self, plan)
    local checker, err = plans.checker(plan, self.options)
    if not checker then return nil, err end
    local ok
    ok, err = self.ledger:replace(plan.definitions, { silent = true })
    if not ok then
        checker:close()
        return nil, err
    end
    self.checker:close()
    self.plan, self.checker = plan, checker
    if self.scratch then self.scratch:close() end
    self.scratch = nil
    self.answers = answers.new(self.ledger, plan)
    self.metrics_of:add("leadscore_swaps_total")
    return true
end

local function take_version(self, version)
    local text = self.state:get("definitions")
    self.version = version
    local plan, err = self.base, nil
    if text then plan, err = plans.from_text(text, self.options.lists) end
    local ok = plan ~= nil
    if plan and plan ~= self.plan then ok, err = replace(self, plan) end
    if not ok then
        self.metrics_of:add("leadscore_swaps_refused_total")
        log_error("definitions of version ", version, " are not taken: ", tostring(err))
    end
end

-- The worker's parts, with the definitions of now.
local function ready_parts(self)
    if not self.opened then
        local ok, err = open(self)
        if not ok then return nil, err end
    end
    local now = loop_time()
    if now - self.checked >= CHECK_EVERY or now < self.checked or self.version == -1 then
        self.checked = now
        local version = self.state:get("version") or 0
        if version ~= self.version then take_version(self, version) end
    end
    return true
end

--- Puts other definitions in place, in all workers, while requests go on. A bad one changes nothing.
---@param text string as in a definition file: Lua or JSON
---@param format? string "lua" or "json" (default: JSON where it begins with { or [)
---@return true|nil ok
---@return leadscore.Error|nil err all that is wrong
function Engine:swap(text, format)
    local ok, err = phases.may_add("swap")
    if ok then ok, err = ready_parts(self) end
    if not ok then return nil, err end
    local held = plans.hold(text, format)
    local plan
    plan, err = plans.from_text(held, self.options.lists)
    if not plan then return nil, err end
    local before = self.plan
    ok, err = replace(self, plan)
    if not ok then return nil, err end
    local set, why = self.state:safe_set("definitions", held)
    if not set then
        replace(self, before)
        return nil, errors.new({ kind = "busy", message = "definitions cannot be shared with the workers: " .. why })
    end
    self.version = self.state:incr("version", 1, 0)
    -- Another worker's may have come in between: then all read what is there.
    if self.state:get("definitions") ~= held then self.version = -1 end
    return true
end

--- What is scored by: { version=, names=, fingerprint=, default= the name whose score goes into headers }.
function Engine:definitions()
    local ok, err = ready_parts(self)
    if not ok then return nil, err end
    return {
        version = self.version, names = self.plan.definitions:names(), default = self.plan.default,
        fingerprint = self.plan.definitions:fingerprint(),
    }
end

-- ---- adding -------------------------------------------------------------------------------------------------------

local function busy(message, why)
    return errors.new({ kind = "busy", message = message, got = why })
end

-- Why nothing can be acknowledged now, or nil.
local function refusal(self)
    if self.retrying then return "waiting" end
    if self.down and loop_time() < self.down then return "store" end
    return self.store:refuses()
end

local REFUSALS = {
    full = "the store is full", waiting = "the store does not take what was added before", store = "the store is gone",
    loading = "contacts are being loaded",
}

local function check_accepting(self)
    local why = refusal(self)
    if not why then return true end
    self.metrics_of:add("leadscore_refused_total", 1, ('why="%s"'):format(why))
    return nil, busy(REFUSALS[why] or why, why)
end

local function own_journal(self)
    if not self.journal then
        self.journal = journal.new({
            folder = self.options.log, fsync = self.options.fsync, rotate_bytes = self.options.rotate_bytes,
            state = self.state, alone = self.started,
        })
    end
    return self.journal
end

-- What the store took: it need not be read again where nothing came in between.
local function apply_own(self, batch, from)
    local own, cursors = batch.own, batch.cursors
    for i = from + 1, batch.done do
        if own[i] then
            self.contacts:applied(cursors[i], batch.ops[i], batch.data[i] or nil, batch.stamps[i])
        end
    end
end

local function put(self, batch)
    local from = batch.done
    local ok, err = self.store:append(batch)
    apply_own(self, batch, from)
    if ok then
        self.down = nil
        return true
    end
    self.metrics_of:add("leadscore_store_failures_total")
    self.down = loop_time() + 1
    return nil, err
end

local function new_batch(count)
    return {
        count = count, done = 0, cursors = {}, lines = {}, ops = {}, data = {}, stamps = {}, own = {}, parts = {},
    }
end

-- A batch of one; mostly that of the request before, which is through.
local function single_batch(self)
    local batch = self.spare
    if not batch then return new_batch(1) end
    self.spare, batch.done = nil, 0
    return batch
end

-- A batch that waits for the store is kept there.
local function give_back(self, batch)
    if batch.count == 1 and batch.done == 1 and not batch.tried and #batch.parts == 0 and not batch.turn then
        batch.data[1] = false
        self.spare = batch
    end
end

-- Batches of one file as one: what comes while the store is asked goes there together.
local function join(self)
    local first = self.waiting[self.first_waiting]
    if self.first_waiting == self.last_waiting or first.tried then return first end
    local joint, last = new_batch(0), self.first_waiting
    for i = self.first_waiting, self.last_waiting do
        local batch = self.waiting[i]
        if batch.file ~= first.file or joint.count + batch.count > MOST_JOINT and joint.count > 0 then break end
        local at = joint.count
        for n = 1, batch.count do
            joint.cursors[at + n], joint.lines[at + n] = batch.cursors[n], batch.lines[n]
            joint.ops[at + n], joint.data[at + n] = batch.ops[n], batch.data[n]
            joint.stamps[at + n] = batch.stamps[n]
        end
        joint.count, joint.file, joint.bytes = at + batch.count, batch.file, batch.bytes
        joint.parts[#joint.parts + 1], last = batch, i
        self.waiting[i] = nil
    end
    self.first_waiting = last
    self.waiting[last] = joint
    return joint
end

-- Wakes those who wait for their batch.
local function settle(batch)
    for _, part in ipairs(batch.parts) do
        settle(part)
    end
    if batch.turn then batch.turn:post(1) end
end

local retry

local function retry_later(self)
    if self.retrying then return end
    self.retrying = true
    ngx.timer.at(self.store.waits and not phases.waits() and 0 or RETRY, retry, self)
end

-- Puts into the store what waits, in order, one at a time: a store over a socket is asked while other requests go on.
local function put_waiting(self)
    if self.putting then return true end
    self.putting = true
    local ok, err = true, nil
    while ok and self.first_waiting <= self.last_waiting do
        local batch = join(self)
        local before = batch.done
        ok, err = put(self, batch)
        if batch.tried then self.metrics_of:add("leadscore_retried_total", batch.done - before) end
        batch.tried = true
        settle(batch)
        if ok then
            self.waiting[self.first_waiting] = nil
            self.first_waiting = self.first_waiting + 1
        end
    end
    self.putting = false
    return ok, err
end

function retry(premature, self)
    if put_waiting(self) then
        self.retrying = false
    elseif not premature then
        ngx.timer.at(RETRY, retry, self)
    end
end

-- Puts a batch into the store, after those before it. When that fails it waits in the worker; the log has it.
local function hand_over(self, batch)
    if not self.store.waits and self.first_waiting > self.last_waiting then
        local ok, err = put(self, batch)
        if ok then return end
        log_error("the store does not take what is in the log: ", tostring(err))
        batch.tried = true
    end
    self.last_waiting = self.last_waiting + 1
    self.waiting[self.last_waiting] = batch
    if not self.store.waits or self.retrying or not phases.waits() then return retry_later(self) end
    if self.putting then
        batch.turn = require("ngx.semaphore").new(0)
        batch.turn:wait(PATIENCE)
        return
    end
    local ok, err = put_waiting(self)
    if not ok then
        log_error("the store does not take what is in the log: ", tostring(err))
        retry_later(self)
    end
end

-- Writes lines to the log, puts them into the store, and tells whether all is acknowledged.
local function acknowledge(self, batch)
    local file, from, bytes = own_journal(self):write(table.concat(batch.lines, "", 1, batch.count))
    if not file then
        self.metrics_of:add("leadscore_log_failures_total")
        log_error("the log cannot be written: ", tostring(from))
        return nil, busy("the log cannot be written", "log")
    end
    batch.file, batch.from, batch.bytes = file, from, bytes
    self.metrics_of:add("leadscore_log_bytes_total", bytes - from)
    local lines = batch.lines
    for i = 1, batch.count do
        lines[i] = lines[i]:sub(1, -2)
    end
    hand_over(self, batch)
    return true
end

local function stamps(self, count, into)
    local ok, err = self.clock:stamps(count, into)
    if ok then return true end
    return nil, busy("there is no room for counters: " .. tostring(err), "full")
end

-- Entries of a contact are put together now and then.
local function note_work(self, record)
    if record.work >= SNAPSHOT_AFTER then
        record.work = 0
        self:_compact(record)
    end
end

local function prepare_add(self, call)
    local ok, err = phases.may_add(call)
    if ok then ok, err = ready_parts(self) end
    if ok then ok, err = check_accepting(self) end
    if not ok then return nil, err end
    return true
end

--- Adds one event or a list of them, all or none: { contact_id=, event=, at= (default now), id= (optional),
--- ...properties }. When it returns they are in the log. They are the engine's afterwards: the tables may be changed.
---@param events table
---@return integer|nil count
---@return leadscore.Error|nil err kind "input" (with path: what is wrong with the events), "busy" or "phase"
function Engine:add(events)
    local ok, err = prepare_add(self, "add")
    if not ok then return nil, err end
    local list, many = data.events(events)
    local count = #list
    if count > (self.options.events_at_once or 10000) then
        return nil, errors.new({ kind = "input", message = ("expected at most %d events at once, got %d"):format(
            self.options.events_at_once or 10000, count) })
    end
    if count == 0 then return 0 end
    local now = floor(loop_time())
    for i = 1, count do
        ok, err = data.check_event(list[i], now, self.checker)
        if not ok then return nil, data.in_list(err, many and i) end
    end
    local batch = count == 1 and single_batch(self) or new_batch(count)
    ok, err = stamps(self, count, batch.stamps)
    if not ok then return nil, err end
    for i = 1, count do
        local event = list[i]
        local line, wrong = log.event(event, batch.stamps[i])
        if not line then return nil, data.in_list(wrong, many and i) end
        batch.lines[i], batch.data[i], batch.ops[i] = line, event, "event"
        batch.cursors[i] = self.contacts:record(event.contact_id)
    end
    ok, err = acknowledge(self, batch)
    if not ok then return nil, err end
    self.metrics_of:add("leadscore_events_total", count)
    for i = 1, count do
        local record = batch.cursors[i]
        record.work = record.work + 1
        note_work(self, record)
    end
    give_back(self, batch)
    return count
end

local function change(self, op, id, properties, line_of)
    local batch = single_batch(self)
    local ok, err = stamps(self, 1, batch.stamps)
    if not ok then return nil, err end
    local line
    line, err = line_of(batch.stamps[1])
    if not line then return nil, err end
    batch.lines[1], batch.ops[1], batch.data[1] = line, op, properties or false
    batch.cursors[1] = self.contacts:record(id)
    ok, err = acknowledge(self, batch)
    if not ok then return nil, err end
    local record = batch.cursors[1]
    record.work = record.work + 1
    note_work(self, record)
    give_back(self, batch)
    return record
end

--- Changes properties of a contact, or makes one: what is named is set, the rest stays; null and "" make unknown.
---@param id string|number
---@param properties table
---@return true|nil ok
---@return leadscore.Error|nil err as of add
function Engine:set(id, properties)
    local ok, err = prepare_add(self, "set")
    if not ok then return nil, err end
    id, err = data.id(id, "contact_id")
    if not id then return nil, err end
    ok, err = data.check_properties(id, properties, self.checker)
    if not ok then return nil, err end
    ok, err = change(self, "set", id, properties, function(stamp) return log.set(id, properties, stamp) end)
    if not ok then return nil, err end
    self.metrics_of:add("leadscore_changes_total")
    return true
end

--- Forgets a contact with all that was known of it.
---@param id string|number
---@return boolean|nil forgotten false: it was not known, where that could be told
---@return leadscore.Error|nil err as of add
function Engine:forget(id)
    local ok, err = prepare_add(self, "forget")
    if not ok then return nil, err end
    id, err = data.id(id, "contact_id")
    if not id then return nil, err end
    if not self.store.waits or phases.waits() then
        local record
        record, err = self:_current(id)
        if not record then return nil, err end
        if not self.contacts:has(record) then return false end
    end
    local record
    record, err = change(self, "forget", id, nil, function(stamp) return log.forget(id, stamp) end)
    if not record then return nil, err end
    -- What was there goes as soon as it is settled that nothing older follows.
    self.compacting[#self.compacting + 1] = { id = id, due = loop_time() + (self.options.settle or SETTLED) + 1 }
    self.metrics_of:add("leadscore_forgotten_total")
    return true
end

-- ---- scores -------------------------------------------------------------------------------------------------------

-- Why no scores can be told, or nil. A store over a socket that does not answer is gone.
local function unready(self)
    local ready = self.store:ready()
    if ready then return nil end
    return self.store.waits and ready == nil and "store" or "loading"
end

-- The contact as the store has it, at hand.
function Engine:_current(id)
    if not self.is_ready then
        local why = unready(self)
        if why then return nil, busy(REFUSALS[why], why) end
        self.is_ready = not self.store.waits
    end
    local record, err = self.contacts:current(id)
    if not record then
        if err.kind == "state" then self.recovery:stale(err) end
        self.metrics_of:add("leadscore_store_failures_total")
        return nil, err
    end
    note_work(self, record)
    return record
end

local function known(self, call, id)
    local ok, err = phases.may_read(call, self.kind == "redis")
    if ok then ok, err = ready_parts(self) end
    if not ok then return nil, err end
    id, err = data.id(id, "contact_id")
    if not id then return nil, err end
    local record
    record, err = self:_current(id)
    if not record then return nil, err end
    if not self.contacts:has(record) then
        return nil, errors.new({ kind = "unknown", message = "the contact is not known", path = "contact_id" })
    end
    return record
end

local function instant(at)
    if at == nil then return floor(loop_time()) end
    return data.instant(at)
end

--- The scores of a contact, by name.
---@param id string|number
---@param at? number|string now when left out
---@return table<string, leadscore.Score>|nil scores
---@return leadscore.Error|nil err kind "unknown" (contact), "input", "busy" or "phase"
function Engine:score(id, at)
    local record, err = known(self, "score", id)
    if not record then return nil, err end
    at, err = instant(at)
    if not at then return nil, err end
    local scores
    scores, err = self.answers:scores(record, at)
    if not scores then return nil, err end
    self.metrics_of:add("leadscore_scores_total")
    return scores
end

--- The scores of a contact as JSON: {"id":, "at":, "scores": {NAME: {value, label, fit, engagement, scored, in_scope,
--- next_change_at}}}. It is made again only when something changed or may have.
---@param id string|number
---@param at? number|string now when left out
---@return string|nil json
---@return leadscore.Error|nil err as of score
function Engine:answer(id, at)
    local record, err = known(self, "answer", id)
    if not record then return nil, err end
    local text, made
    if at == nil then
        text, err, made = self.answers:now(record, floor(loop_time()))
    else
        at, err = data.instant(at)
        if not at then return nil, err end
        text, err, made = self.answers:at(record, at)
    end
    if not text then return nil, err end
    self.metrics_of:add("leadscore_scores_total")
    if made then self.metrics_of:add("leadscore_scores_made_total") end
    return text
end

--- The scores of a contact as they are now, as answer gives them but without next_change_at: to be told right after
--- something was added.
---@param id string|number
---@return string|nil json
---@return leadscore.Error|nil err as of score
function Engine:brief(id)
    local record, err = known(self, "brief", id)
    if not record then return nil, err end
    local text
    text, err = self.answers:brief(record, floor(loop_time()))
    if not text then return nil, err end
    self.metrics_of:add("leadscore_scores_total")
    self.metrics_of:add("leadscore_scores_made_total")
    return text
end

--- Why a contact has its scores: the JSON of `leadscore explain --json`.
---@param id string|number
---@param at? number|string now when left out
---@return string|nil json
---@return leadscore.Error|nil err as of score
function Engine:explain(id, at)
    local record, err = known(self, "explain", id)
    if not record then return nil, err end
    at, err = instant(at)
    if not at then return nil, err end
    return self.answers:explanation(record, at)
end

-- Whatever goes wrong, the request goes through.
local function skip(self, why)
    if self.metrics_of then
        self.metrics_of:add("leadscore_headers_skipped_total", 1, ('why="%s"'):format(why))
    end
end

--- Gives the upstream request the headers X-Lead-Score and X-Lead-Label of a contact, and takes away those that the
--- client sent. Where there is no score to give the request goes through without them, which is counted.
---@param id string|number|nil
---@param name? string which score; the first when left out
---@return number|nil value
---@return string|nil label
function Engine:headers(id, name)
    ngx.req.clear_header("X-Lead-Score")
    ngx.req.clear_header("X-Lead-Label")
    if id == nil or id == "" then return nil end
    local ran, scores, err = pcall(self.score, self, id)
    if not ran or not scores then
        local why = ran and (err.got or err.kind) or "error"
        if not ran then log_error("headers: ", tostring(scores)) end
        skip(self, why)
        return nil
    end
    local score = scores[name or self.plan.default]
    if not score or score.value == nil then return nil end
    ngx.req.set_header("X-Lead-Score", answers.number(score.value))
    if score.label then ngx.req.set_header("X-Lead-Label", (tostring(score.label):gsub("%c", " "))) end
    return score.value, score.label
end

-- ---- what runs beside requests ------------------------------------------------------------------------------------

local function settled(self)
    return self.options.settle or SETTLED
end

-- A ledger for one contact at a time. Texts that it has seen stay in it, so now and then there is a new one.
local function scratch_ledger(self)
    if self.scratch and self.scratch_uses >= 1000 then
        self.scratch:close()
        self.scratch = nil
    end
    if not self.scratch then
        self.scratch, self.scratch_uses = assert(plans.ledger(self.plan, self.options)), 0
    end
    self.scratch_uses = self.scratch_uses + 1
    return self.scratch
end

local function compact_now(self, record, least)
    local stamp = clock.stamp(loop_time() - settled(self))
    local done, err = self.store:compact(record, stamp, least, function(state, lines)
        return self.contacts:add_up(scratch_ledger(self), record.id, state, lines)
    end)
    if done then self.metrics_of:add("leadscore_snapshots_total") end
    if err then log_error("a snapshot was not made: ", tostring(err)) end
end

local function compact_later(_, self, record)
    compact_now(self, record, SNAPSHOT_LEAST)
end

function Engine:_compact(record)
    if self.store.waits then
        ngx.timer.at(0, compact_later, self, record)
    else
        compact_now(self, record, SNAPSHOT_LEAST)
    end
end

local function compact_due(self)
    local list, kept, now = self.compacting, {}, loop_time()
    for i = 1, #list do
        if list[i].due <= now then
            compact_now(self, self.store.cursor({ id = list[i].id }, list[i].id), 1)
        else
            kept[#kept + 1] = list[i]
        end
    end
    self.compacting = kept
end

local function set_gauges(self)
    local gauges = self.metrics_of
    gauges:set("leadscore_waiting_entries", self.last_waiting - self.first_waiting + 1)
    gauges:set("leadscore_contacts_resident", self.contacts.count)
    gauges:set("leadscore_definitions_version", self.version)
    gauges:set("leadscore_store_up", self.down and 0 or 1)
    gauges:set("leadscore_ready", self.store:ready() and 1 or 0)
    local free = self.store.free and self.store:free()
    if free then gauges:set("leadscore_store_free_bytes", free) end
end

local function tick(self)
    local ok, err = ready_parts(self)
    if not ok then return log_error("definitions cannot be used: ", tostring(err)) end
    if self.journal then
        ok, err = self.journal:tick()
        if not ok then
            self.metrics_of:add("leadscore_log_failures_total")
            log_error("the log cannot be synced: ", tostring(err))
        end
    end
    self.recovery:tick()
    compact_due(self)
    if self.store.tick then self.store:tick() end
    set_gauges(self)
    self.metrics_of:flush()
end

local function finish(self)
    if not self.opened then return end
    put_waiting(self)
    self.metrics_of:flush()
    if self.journal and self.first_waiting > self.last_waiting then self.journal:close() end
end

local function on_tick(premature, self)
    if premature then return finish(self) end
    local ok, err = pcall(tick, self)
    if not ok then log_error("tick: ", tostring(err)) end
    ngx.timer.at(TICK, on_tick, self)
end

--- Starts the worker's timer: counters, the log's sync, what waits for the store, what other workers left behind. To
--- be called in init_worker_by_lua.
function Engine:start()
    self.started = true
    ngx.timer.at(0, on_tick, self)
end

-- ---- looking at it ------------------------------------------------------------------------------------------------

--- Counters of all workers as Prometheus reads them.
function Engine:metrics()
    local ok, err = ready_parts(self)
    if not ok then return nil, err end
    set_gauges(self)
    return self.metrics_of:text()
end

--- Counts an answered request, for a host's handlers.
function Engine:count(route, status)
    if not self.opened and not ready_parts(self) then return end
    self.metrics_of:count(route, status)
    if not self.started then self.metrics_of:flush() end
end

--- How it is: "ok", "loading" (contacts are not loaded yet) or "degraded" (nothing can be added), and why.
---@return string status
---@return string|nil why
function Engine:health()
    local ok, err = ready_parts(self)
    if not ok then return "degraded", tostring(err) end
    local why = refusal(self)
    if why then return "degraded", REFUSALS[why] or why end
    why = unready(self)
    if why then return why == "loading" and why or "degraded", REFUSALS[why] end
    return "ok"
end

function Engine:__tostring()
    return ("leadscore engine: %s, store %s, log %s"):format(table.concat(self.plan.definitions:names(), ", "),
        self.kind, self.options.log)
end

return M
