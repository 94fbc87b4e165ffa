-- Ledgers: contacts that live. Their properties and events come one by one, and each contact can be scored, explained
-- and asked for its next change at any instant, with the answers of a dataset that holds the same. All of it is the
-- core's; here is what the arguments may be.

local advances = require("leadscore.advance")
local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local datasets = require("leadscore.dataset")
local logs = require("leadscore.log")
local show = require("leadscore.check.context").show

local M = {}

--- How to open a ledger.
---@class leadscore.LedgerOptions
---@field horizon? number|string how long an event's id is known after the event came: seconds or "90 days", which it is
--- when left out
---@field max_values? integer distinct values that are kept of a property, 1,000,000 when left out
---@field max_bytes? integer bytes of these, 256 MiB when left out
---@field max_memory? integer bytes that the ledger may take in all; no limit when left out
---@field lists? table<string, (string|number)[]> the ids in each list that definitions name
---@field dataset? leadscore.Dataset whose contacts the ledger begins with
---@field keep? string "plan": only properties that the definitions read (when left out); "all": every property

---@field lenient? boolean a value that cannot be read as a definition wants it is unknown, as in files that are read
--- with rejects; else what has it is refused

--- Contacts that live.
---@class leadscore.Ledger
local Ledger = {}
Ledger.__index = Ledger
Ledger.__name = "leadscore.Ledger"

local OPTIONS = { "horizon", "max_values", "max_bytes", "max_memory", "lists", "keep", "lenient", "dataset" }
local UNITS = { second = 1, minute = 60, hour = 3600, day = 86400, week = 604800, month = 2592000, year = 31536000 }
local MOST = 2 ^ 53
local MOST_VALUES = 2 ^ 32 - 17

local function closed()
    error("leadscore: ledger is closed", 3)
end

local function raise(message, level)
    error("leadscore.ledger: " .. message, level + 1)
end

-- ---- opening ----------------------------------------------------------------------------------------------------

local function check_whole(options, name, most, level)
    local value = options[name]
    if value == nil then return end
    if type(value) ~= "number" or value < 1 or value > most or value % 1 ~= 0 then
        raise(("%s: expected a whole number of at least 1, got %s"):format(name, show(value)), level + 1)
    end
end

local function horizon_of(value, level)
    if value == nil then return nil end
    local seconds = value
    if type(value) == "string" then
        local count, unit = value:match("^ *(%d+) +(%a+) *$")
        local length = unit and (UNITS[unit] or UNITS[unit:gsub("s$", "")])
        seconds = length and #count <= 9 and tonumber(count) * length
    end
    if type(seconds) ~= "number" or seconds < 1 or seconds >= MOST or seconds % 1 ~= 0 then
        raise(('horizon: expected seconds or a text such as "90 days", got %s'):format(show(value)), level + 1)
    end
    return seconds
end

local function check_lists(lists, level)
    if lists == nil then return end
    if type(lists) ~= "table" then raise("lists: expected lists of ids by name, got " .. show(lists), level + 1) end
    for name, ids in pairs(lists) do
        if type(name) ~= "string" or type(ids) ~= "table" then
            raise("lists: expected lists of ids by name", level + 1)
        end
        for i, id in ipairs(ids) do
            if type(id) ~= "string" and type(id) ~= "number" then
                raise(("lists.%s[%d]: expected an id, got %s"):format(name, i, type(id)), level + 1)
            end
        end
    end
end

local function is_dataset(value)
    return getmetatable(value) == datasets.Dataset
end

local function check_options(options, level)
    datasets.check_options(options, OPTIONS, "leadscore.ledger", level + 1)
    check_whole(options, "max_values", MOST_VALUES, level + 1)
    check_whole(options, "max_bytes", MOST, level + 1)
    check_whole(options, "max_memory", MOST, level + 1)
    check_lists(options.lists, level + 1)
    if options.dataset ~= nil and not is_dataset(options.dataset) then
        raise("dataset: expected a dataset, got " .. type(options.dataset), level + 1)
    end
    if options.keep ~= nil and options.keep ~= "plan" and options.keep ~= "all" then
        raise('keep: expected "plan" or "all", got ' .. show(options.keep), level + 1)
    end
end

local function add_lists(handle, lists)
    for name, ids in pairs(lists) do
        local ok, err = handle:list(name)
        for i = 1, ok and #ids or 0 do
            ok, err = handle:list_add(name, ids[i])
            if not ok then break end
        end
        if not ok then return nil, errors.wrap(err) end
    end
    return true
end

-- The lists that a definition names and nobody gave, as an error, or nil.
local function missing_lists(definition, options)
    local found, lists = {}, options.lists or {}
    for _, name in ipairs(definition and definition:_open():lists() or {}) do
        if not lists[name] and not (options.dataset and options.dataset:_rows():has_list(name)) then
            found[#found + 1] = {
                kind = "input", path = "lists." .. name,
                message = ("the list %s is named by a definition and not given"):format(show(name)),
            }
        end
    end
    return #found > 0 and errors.all(found) or nil
end

-- leadscore.ledger; level: of who is to blame for wrong usage.
function M.new(definition, options, level)
    level = level + 1
    options = options or {}
    check_options(options, level)
    if definition == nil and options.keep ~= "all" then
        raise('expected a definition or a set (or keep = "all")', level)
    elseif definition ~= nil and not definitions.is(definition) then
        raise("expected a definition or a set, got " .. type(definition), level)
    end
    local missing = missing_lists(definition, options)
    if missing then return nil, missing end
    local handle, err = core.ledger({
        canonical = definition and definition._canonical, single = definition and definitions.is_one(definition),
        horizon = horizon_of(options.horizon, level), max_values = options.max_values, max_bytes = options.max_bytes,
        max_memory = options.max_memory, keep_all = options.keep == "all",
        lenient = options.lenient,
    })
    if not handle then return nil, errors.wrap(err) end
    local self = setmetatable({
        _handle = handle, _names = definition and definition:names() or {},
        _fields = definition and definition:fields() or {}, _keep = options.keep,
    }, Ledger)
    local ok, failure = true, nil
    if options.dataset then ok, failure = self:load(options.dataset) end
    if ok then ok, failure = add_lists(handle, options.lists or {}) end
    if ok then return self end
    self:close()
    return nil, failure
end

-- ---- arguments --------------------------------------------------------------------------------------------------

local function check_id(id)
    if type(id) ~= "string" and type(id) ~= "number" then
        error("id: expected a text or a number, got " .. type(id), 3)
    end
end

-- Whole seconds, in most calls.
local function instant_of(at)
    if type(at) == "number" and at % 1 == 0 and at < MOST and at > -MOST then return at end
    local instant, err = definitions.instant(at, 3)
    return instant, err
end

-- The second in which something came: clocks have fractions.
local function second_of(now)
    if type(now) ~= "number" or not (now < MOST and now > -MOST) then
        error("now: expected a number of seconds since 1970, got " .. show(now), 3)
    end
    return now - now % 1
end

-- ---- what comes -------------------------------------------------------------------------------------------------

--- Adds an event. It counts from its `at` on, however late it comes.
---@param event table { contact_id =, event =, at =, id = (optional), ...properties }; of events of a contact with the
--- same id the first counts
---@param now? number when it came, in seconds since 1970 (fractions are cut off); the system's time when left out
---@return string|nil outcome "added", or "repeated": one with its id came before
---@return leadscore.Error|nil err what is wrong with it: nothing was added
function Ledger:add(event, now)
    local handle = self._handle or closed()
    if type(event) ~= "table" then error("event: expected a table, got " .. type(event), 2) end
    if now ~= nil then now = second_of(now) end
    local outcome, err = handle:add(event, now)
    if outcome then return outcome end
    return nil, errors.wrap(err)
end

--- Sets properties of a contact, which begins if it is not there; the others stay.
---@param id string|number
---@param properties table by name, as of a record; "" and leadscore.null: unknown
---@return boolean|nil ok
---@return leadscore.Error|nil err what is wrong: nothing was set
function Ledger:set(id, properties)
    local handle = self._handle or closed()
    check_id(id)
    if type(properties) ~= "table" then
        error("properties: expected a table, got " .. type(properties), 2)
    end
    local ok, err = handle:set(id, properties)
    if ok then return true end
    return nil, errors.wrap(err)
end

--- Forgets a contact: its properties, events and their ids, and the lists that it is in.
---@param id string|number
---@return boolean was_there
function Ledger:forget(id)
    local handle = self._handle or closed()
    check_id(id)
    advances.forget(self, id)
    return handle:forget(id)
end

--- Gives up what is known of a contact that is kept elsewhere and comes again: it stays in its lists. For hosts.
function Ledger:_evict(id)
    local handle = self._handle or closed()
    advances.forget(self, id)
    return handle:evict(id)
end

--- Puts other definitions in place of the ones that there are. They find what was kept: with keep = "plan" a definition
--- that reads a property which the old ones did not is refused while there are contacts.
---@param definition leadscore.Definition|leadscore.DefinitionSet
---@param options? { silent?: boolean } silent: nothing is said of the scores that move by it
---@return boolean|nil ok
---@return leadscore.Error|nil err why not: the old definitions stay
function Ledger:replace(definition, options)
    local handle = self._handle or closed()
    if not definitions.is(definition) then
        error("ledger:replace: expected a definition or a set, got " .. type(definition), 2)
    end
    options = options or {}
    datasets.check_options(options, { "silent" }, "ledger:replace", 2)
    definition:_open()
    local ok, err = handle:replace(definition._canonical, definitions.is_one(definition), options.silent)
    if not ok then return nil, errors.wrap(err) end
    self._names, self._fields = definition:names(), definition:fields()
    return true
end

--- Whether definitions are served exactly for every contact. Past max_values, values of a property that all definitions
--- answer alike share one; where that cannot be known (conditions on times relative to now, once_per by the property),
--- they are not kept, and a contact with such a value is refused by score: until none has one, such definitions are not
--- served.
---@return { name: string, served: boolean, why?: string }[]
function Ledger:serves()
    return (self._handle or closed()):serves()
end

-- ---- datasets ---------------------------------------------------------------------------------------------------

--- Takes over the contacts of a dataset, their events and lists, while the ledger has none. Its companies, deals and
--- associations are kept for dataset(). The ids of its events are known from then on if it keeps them (event_ids): each
--- as if its event came at its line's `ts` in a log, or at its `at` where there is none.
---@param dataset leadscore.Dataset
---@param now? number the instant of it, in seconds since 1970; the system's time when left out. Ids whose horizon has
--- passed are not taken over, and no event came later than that
---@return boolean|nil ok
---@return leadscore.Error|nil err
function Ledger:load(dataset, now)
    local handle = self._handle or closed()
    if not is_dataset(dataset) then error("ledger:load: expected a dataset, got " .. type(dataset), 2) end
    if now ~= nil then now = second_of(now) end
    local rows = dataset:_rows()
    if handle:count() > 0 then error("ledger:load: a dataset is loaded before there are contacts", 2) end
    local lacks = datasets.lacks(dataset, self._fields)
    if lacks then return nil, lacks end
    local ok, err = handle:load(rows, now)
    if not ok then return nil, errors.wrap(err) end
    return true
end

--- A new dataset of what the ledger holds, to be scored as any other: contacts in the order in which they began, with
--- what came along when a dataset was loaded.
---@return leadscore.Dataset|nil dataset
---@return leadscore.Error|nil err
function Ledger:dataset()
    local handle = self._handle or closed()
    local rows, err = handle:dataset(os.getenv("LEADSCORE_KERNELS") == "portable")
    if not rows then return nil, errors.wrap(err) end
    return datasets.given(rows, self._keep ~= "all")
end

--- Replays an event log: adds, sets and forgets what its lines say, in their order, each event as if it came at its
--- line's `ts`.
---@param folder string|string[] as of leadscore.dataset{ log = }
---@param options? { rejects?: fun(err: leadscore.Error), progress?: fun(counts: table): boolean? } rejects: called
--- for each line that says nothing or is refused, without it the first ends; progress: called about each 1,000 lines,
--- may yield, and returns false to stop
---@return table|nil counts lines, events, repeated, sets, forgets, rejected; unfinished: { file =, line = } of each
--- last line that has no end
---@return leadscore.Error|nil err
function Ledger:replay(folder, options)
    if not self._handle then closed() end
    options = options or {}
    datasets.check_options(options, { "rejects", "progress" }, "ledger:replay", 2)
    if folder == nil then error("ledger:replay: expected a folder or a list of such, got nil", 2) end
    return logs._replay(self, folder, options, 2)
end

-- ---- what is asked ----------------------------------------------------------------------------------------------

--- Whether a contact is there.
---@param id string|number
---@return boolean
function Ledger:has(id)
    local handle = self._handle or closed()
    check_id(id)
    return handle:has(id)
end

--- How many contacts there are.
---@return integer count
function Ledger:count()
    return (self._handle or closed()):count()
end

--- Iterates over the ids of contacts: `for id in ledger:ids() do`. One that begins while it runs may be left out.
---@return fun(): string? iterator
function Ledger:ids()
    local row = self._handle and 0 or closed()
    return function()
        local handle = self._handle or closed()
        local found, id = handle:next(row)
        if found then row = found + 1 end
        return id
    end
end

--- Scores a contact.
---@param id string|number
---@param at? number|string seconds since 1970, a time as in files or "10 days ago"; now when left out
---@return leadscore.Score|table<string, leadscore.Score>|nil score of a ledger of a set: scores by name
---@return leadscore.Error|nil err also when there is no such contact
function Ledger:score(id, at)
    local handle = self._handle or closed()
    check_id(id)
    local instant, unreadable = instant_of(at)
    if not instant then return nil, unreadable end
    local score, err = handle:score(id, instant)
    if score then return score end
    return nil, errors.wrap(err)
end

--- Why a contact has its scores: what `leadscore explain --json` prints, as a table.
---@param id string|number
---@param at? number|string
---@return table|nil explanation
---@return leadscore.Error|nil err also when there is no such contact
function Ledger:explain(id, at)
    local handle = self._handle or closed()
    check_id(id)
    local instant, unreadable = instant_of(at)
    if not instant then return nil, unreadable end
    local text, err = handle:explain(id, instant)
    if not text then return nil, errors.wrap(err) end
    local explanation, failure = definitions.decode(text)
    return explanation, failure
end

--- The first later instant at which a score's value or label changes if nothing happens.
---@param id string|number
---@param at? number|string
---@param name? string which score; may be left out where there is one
---@return integer|false|nil seconds since 1970; false: never
---@return leadscore.Error|nil err also when there is no such contact
function Ledger:next_change(id, at, name)
    local handle = self._handle or closed()
    check_id(id)
    if #self._names == 0 then
        return nil, errors.new({ kind = "usage", message = "the ledger has no definitions" })
    end
    local index = definitions.index(self._names, name, 2)
    local instant, unreadable = instant_of(at)
    if not instant then return nil, unreadable end
    local seconds, err = handle:next_change(id, instant, index)
    if seconds ~= nil then return seconds end
    return nil, errors.wrap(err)
end

-- ---- states -----------------------------------------------------------------------------------------------------

--- Packs a contact into a string, which a ledger takes back with `unpack`: its properties, its events, and the ids of
--- events within the horizon.
---@param id string|number
---@param at? number|string left out: every event is kept as it is, and the state is good for every instant. Else
--- events that cannot matter any more to a definition of this ledger at or after this instant are folded: the state is
--- smaller, holds from then on, and only for definitions that ask of those events what these ask
---@return string|nil state bytes, not text
---@return leadscore.Error|nil err also when there is no such contact
function Ledger:pack(id, at)
    local handle = self._handle or closed()
    check_id(id)
    local instant, unreadable
    if at ~= nil then
        instant, unreadable = instant_of(at)
        if not instant then return nil, unreadable end
    end
    local state, err = handle:pack(id, instant)
    if state then return state end
    return nil, errors.wrap(err)
end

--- Takes a packed state in place of what the ledger holds of the contact, which begins if it is not there.
---@param id string|number
---@param state string what `pack` gave
---@return boolean|nil ok
---@return leadscore.Error|nil err the state is foreign, damaged or of a later version, lacks what a definition needs
--- (it says what), or holds a text that cannot be read: nothing was done
function Ledger:unpack(id, state)
    local handle = self._handle or closed()
    check_id(id)
    if type(state) ~= "string" then error("state: expected a string, got " .. type(state), 2) end
    local ok, err = handle:unpack(id, state)
    if ok then return true end
    return nil, errors.wrap(err)
end

--- What the ledger holds: { bytes =, peak =, contacts =, events =, values =, value_bytes = }; bytes is all memory that
--- it takes now, peak the most so far, values the distinct texts that it keeps.
---@return table<string, integer>
function Ledger:memory()
    return (self._handle or closed()):memory()
end

--- Frees what it holds at once. Using it afterwards raises.
function Ledger:close()
    if self._handle then self._handle:close() end
    self._handle = nil
end

Ledger.__close = Ledger.close

function Ledger:__tostring()
    if not self._handle then return "ledger (closed)" end
    local count = self._handle:count()
    return ("ledger of %s: %d contact%s"):format(#self._names > 0 and table.concat(self._names, ", ") or "no score",
        count, count == 1 and "" or "s")
end

advances.extend(Ledger)

M.Ledger = Ledger

return M
