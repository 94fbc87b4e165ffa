-- Datasets: columns read once, from files or Lua rows, and scored by any number of definitions at any instants. This
-- file says what to read, in which order, and what a definition misses in it; the core reads.

local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local jobs = require("leadscore.job")
local matching = require("leadscore.match")
local nearest = require("leadscore.check.nearest").name
local needs = require("leadscore.needs")
local rows = require("leadscore.rows")
local show = require("leadscore.check.context").show
local sources = require("leadscore.sources")

local M = {}

--- Where a dataset comes from. An input is a path (a file, a folder of such or "-" for standard input), a list of
--- paths, a list of rows (tables of properties) or a function that returns the next row or nil.
---@class leadscore.DatasetOptions
---@field definitions? leadscore.Definition|leadscore.DefinitionSet keep only what it reads; its cells are checked
---@field contacts? string|table|function
---@field events? string|table|function
---@field companies? string|table|function
---@field deals? string|table|function
---@field associations? string|table|function { from_object =, from_id =, to_object =, to_id =, label = }
---@field log? string|string[] folders of an event log, which is replayed
---@field lists? table<string, string|string[]> by name: a path, or the ids (more files: { files = { ... } })
---@field match? leadscore.MatchOptions associates contacts without a company: { email = "email", name = "company" }
---@field keep? table<string, string[]> columns kept though no definition reads them: { contact = { "owner" } }
---@field event_ids? boolean keep the ids of events, so that a ledger that loads the dataset knows them
---@field delimiter? string of CSV files: one character, or "tab"; a comma when left out
---@field columns? table<string, string> differently named columns: { ["events.contact_id"] = "visitor" }
---@field unknown? string|string[] texts read as empty: "Select"
---@field rejects? string|function a file for refused rows and cells, or function(text); without it the first ends
---@field max_memory? integer bytes
---@field threads? integer that share reading, 1 to 256; 1 when left out
---@field progress? fun(progress: leadscore.Progress): boolean? called between steps; return false to stop

--- Columns in memory.
---@class leadscore.Dataset
local Dataset = {}
Dataset.__index = Dataset
Dataset.__name = "leadscore.Dataset"

local KNOWN = {
    "definitions", "contacts", "companies", "deals", "associations", "events", "log", "lists", "delimiter",
    "columns", "unknown", "rejects", "max_memory", "threads", "progress", "match", "keep", "event_ids",
}

local function raise(message, level)
    error("leadscore.dataset: " .. message, (level or 1) + 1)
end

local MOST_THREADS = 256

local function threads_of(options, what, level)
    local threads = options.threads or 1
    if type(threads) ~= "number" or threads < 1 or threads > MOST_THREADS or threads % 1 ~= 0 then
        error(what .. ": threads: expected a whole number from 1 to " .. MOST_THREADS, level)
    end
    return threads
end

local function check_options(options, known, what, level)
    if type(options) ~= "table" then
        error(what .. ": expected a table of options, got " .. type(options), (level or 1) + 1)
    end
    for key in pairs(options) do
        local found = false
        for _, name in ipairs(known) do
            found = found or name == key
        end
        if not found then
            local near = nearest(tostring(key), known)
            error(("%s: unknown option %s%s"):format(what, show(tostring(key)),
                near and " (did you mean " .. show(near) .. "?)" or ""), (level or 1) + 1)
        end
    end
end

-- ---- reading ----------------------------------------------------------------------------------------------------

local function opens_rejects(options, list)
    if options.rejects == nil then return nil end
    if type(options.rejects) == "function" then return options.rejects end
    local spoils = sources.spoils(list, "rejects", options.rejects)
    if spoils then return nil, spoils end
    local output, err = core.output(options.rejects)
    if not output then return nil, errors.with_file(errors.wrap(err, "io"), options.rejects) end
    return output
end

-- Milliseconds between looks for an interrupt while nothing comes.
local PATIENCE = 50

-- A reader of a stream that may block: standard input, a pipe. While nothing comes, progress(info) is asked whether to
-- go on, so that an interrupt need not wait for the other end. failure: gets what went wrong.
local function stream_reader(file, progress, info, failure)
    return function(size)
        local available = progress and core.wait_readable(file, PATIENCE)
        while progress and not available do
            if progress(info) == false then
                failure.message, failure.kind = "interrupted", "interrupted"
                return nil
            end
            available = core.wait_readable(file, PATIENCE)
        end
        -- More than there is would block; of what the system cannot count there is some.
        if available and available > 0 and available < size then size = available end
        local text, message = file:read(size)
        if not text and message then failure.message, failure.kind = errors.system(message), "io" end
        return text
    end
end

-- A pipe or device by its name; nil for a regular file, which the core reads by itself.
local function open_stream(path)
    local mode = require("lfs").attributes(path, "mode")
    if mode == nil or mode == "file" or mode == "directory" then return nil end
    return io.open(path, "rb")
end

-- What a source adds to the core's options, a table that holds what its reader found wrong, and the file it opened.
local function open_source(source, progress, info)
    local failure = {}
    if source.stdin then return { reader = stream_reader(io.stdin, progress, info, failure) }, failure end
    if source.text then return { text = source.text }, nil end
    if source.rows then
        local reader
        reader, failure = rows.reader(source.rows, source.input)
        return { reader = reader }, failure
    end
    local stream = progress and open_stream(source.path)
    if not stream then return { path = source.path }, nil end
    return { reader = stream_reader(stream, progress, info, failure) }, failure, stream
end

local function rows_read(handle)
    return function()
        local counts = handle:counts()
        return counts.contacts + (counts.companies or 0) + (counts.deals or 0) + counts.events
            + (counts.unknown_contact or 0) + (counts.unknown_associated or 0) + (counts.repeated or 0)
            + (counts.rejected_rows or 0) + (counts.log_lines or 0)
    end
end

local function read_source(self, source, common)
    local info = { file = source.name, phase = "read", unit = "bytes", done = 0, total = 0 }
    local options, failure, stream = open_source(source, common.progress, info)
    options.input, options.format, options.gzip = source.input, source.format, source.gzip
    options.name, options.list, options.last = source.name, source.list, source.last
    options.bytes = source.rows ~= nil or source.input == "log" -- texts of Lua may hold any
    options.renames, options.delimiter = common.renames[source.input], common.delimiter
    options.unknown, options.rejects, options.threads = common.unknown, common.rejects, common.threads
    local job, err = self._handle:read(options)
    if not job then
        if stream then stream:close() end
        return nil, errors.with_file(errors.wrap(err), source.name)
    end
    info.count_rows = rows_read(self._handle)
    local ok, problem = jobs.finish(job, common.progress, info)
    if stream then stream:close() end
    if failure and failure.kind == "interrupted" then
        return nil, errors.new({ kind = "interrupted", message = "interrupted" })
    elseif failure and failure.message then
        return nil, errors.new({
            kind = failure.kind or "input", file = source.name, line = failure.line, path = failure.path,
            message = failure.message,
        })
    end
    return ok, problem
end

-- Last lines of a log's files that somebody is not done with, or did not live to be.
local function note_unfinished(self)
    for _, place in ipairs(self._handle:unfinished()) do
        self._notes[#self._notes + 1] = errors.new({
            kind = "input", file = place.file, line = place.line, message = "the last line has no end; it is not read",
        })
    end
end

local function read_all(self, list, common)
    for _, source in ipairs(list) do
        local ok, err = read_source(self, source, common)
        if not ok then return nil, err end
    end
    note_unfinished(self)
    if self._match then
        local counts, failure = matching.run(self._handle, self._match)
        if not counts then return nil, failure end
        self._matched = counts
    end
    local job, err = self._handle:group(common.threads)
    if not job then return nil, errors.wrap(err) end
    return jobs.finish(job, common.progress)
end

-- ---- what definitions need --------------------------------------------------------------------------------------

local function missing_lists(plan, has)
    local found = {}
    for _, name in ipairs(plan:lists()) do
        if not has(name) then
            found[#found + 1] = {
                kind = "input", path = "lists." .. name,
                message = ("the list %s is named by a definition and not given"):format(show(name)),
            }
        end
    end
    return #found > 0 and errors.all(found) or nil
end

-- Properties that every record or event has without a column of its own.
local ALWAYS = {
    event = { id = true, contact_id = true, event = true, at = true },
    contact = { id = true }, company = { id = true }, deal = { id = true },
}

local function columns_of(handle, object)
    local names, known = handle:columns(object), {}
    for _, name in ipairs(names) do
        known[name] = true
    end
    return names, known
end

local COUNTED = { contact = "contacts", company = "companies", deal = "deals", event = "events" }

-- Of inputs that have records: what is not there has no columns either.
local function missing_columns(plan, handle)
    local warnings, counts = {}, handle:counts()
    for _, field in ipairs(plan:fields()) do
        local names, known = columns_of(handle, field.object)
        local has, always = known[field.name], ALWAYS[field.object][field.name]
        if (counts[COUNTED[field.object]] or 0) > 0 and not has and not always then
            local near = nearest(field.name, names)
            warnings[#warnings + 1] = errors.new({
                kind = "input", path = field.object .. "." .. field.name, nearest = near,
                message = "no input has this property; it is unknown everywhere" ..
                    (near and " (did you mean " .. show(near) .. "?)" or ""),
            })
        end
    end
    return warnings
end

-- Whether an input was given, be it by a log.
local function is_given(options, input)
    return options[input] ~= nil or (options.log ~= nil and input == "contacts")
end

-- Definitions of objects that were not given at all: they have nothing to score.
local function missing_records(plan, options)
    local warnings, warned = {}, {}
    for i = 1, plan:count() do
        local input = COUNTED[plan:object(i)]
        if not is_given(options, input) and not warned[input] then
            warned[input] = true
            warnings[#warnings + 1] = errors.new({
                kind = "input", path = input,
                message = ("none were given; the score %s is of %s"):format(show(plan:name(i)), input),
            })
        end
    end
    return warnings
end

local function field_key(field)
    return field.object .. "." .. field.name
end

-- A property of contacts or events that the ledger which gave the dataset did not keep.
local function not_kept(self, fields)
    for _, field in ipairs(self._partial and fields or {}) do
        local _, known = columns_of(self._handle, field.object)
        local of_ledger = field.object == "contact" or field.object == "event"
        if of_ledger and not known[field.name] and not ALWAYS[field.object][field.name] then
            return errors.new({
                kind = "usage", path = field_key(field),
                message = 'this property was not kept by the ledger: open it with keep = "all"',
            })
        end
    end
end

-- A property that was left out while reading, because the dataset was read for other definitions.
local function left_out(self, fields)
    for _, field in ipairs(self._kept and fields or {}) do
        local key, _, known = field_key(field), columns_of(self._handle, field.object)
        if known[field.name] and not self._kept[key] and not ALWAYS[field.object][field.name] then
            return errors.new({
                kind = "usage", path = key,
                message = "this column was left out while reading: give all definitions to leadscore.dataset, or none",
            })
        end
    end
end

-- The same, or associations.
local function dropped(self, definition, plan)
    if not self._kept then return nil end
    if definition:_relates() and not self._associated then
        return errors.new({
            kind = "usage", path = "associations",
            message = "company_id columns were left out while reading, since no definition asked for associated " ..
                "records: give all definitions to leadscore.dataset, or none",
        })
    end
    return left_out(self, plan:fields())
end

-- ---- the object -------------------------------------------------------------------------------------------------

local function open(self)
    if not self._handle then error("leadscore: dataset is closed", 3) end
    return self._handle
end

-- Raises, `level` up, unless object is one of those that have columns; records: those that have records.
local function check_object(object, level, records)
    if COUNTED[object] and not (records and object == "event") then return end
    error(('object: expected "contact", "company"%s, got %s'):format(records and ' or "deal"' or ', "deal" or "event"',
        show(object)), level + 1)
end

local function plan_of(definition, what, level)
    if not definitions.is(definition) then
        error(("%s: expected a definition or a set, got %s"):format(what, type(definition)), (level or 1) + 1)
    end
    return definition:_open()
end

local function expect(self, definition)
    local plan = definition:_open()
    local ok, err = self._handle:expect(plan)
    if ok == nil and err then return nil, errors.wrap(err) end
    self._kept, self._associated = {}, definition:_relates()
    for _, field in ipairs(plan:fields()) do
        self._kept[field_key(field)] = true
    end
    return true
end

-- Columns that are wanted besides those of definitions.
local function keep(self, options)
    if options.match then
        local ok, err = matching.keep(self._handle, options.match)
        if not ok then return nil, err end
        self._associated = true
    end
    for object, names in pairs(options.keep or {}) do
        for _, name in ipairs(names) do
            local type_name
            if type(name) == "table" then name, type_name = name[1], name[2] end
            local ok, err = self._handle:keep(object, name, type_name)
            if not ok then return nil, errors.wrap(err) end
            if self._kept then self._kept[object .. "." .. name] = true end
            if name == "company_id" then self._associated = true end
        end
    end
    return true
end

local function lists_given(options)
    return function(name)
        return options.lists ~= nil and options.lists[name] ~= nil
    end
end

-- Warnings, but for those about what was warned of already.
local function add_all(list, more)
    local warned = {}
    for _, each in ipairs(list) do
        warned[each.path] = true
    end
    for _, each in ipairs(more) do
        if not warned[each.path] then list[#list + 1] = each end
    end
end

-- Associations that are wanted, whatever definitions ask for.
local function links_wanted(options)
    local links = {}
    if options.match then links[1] = { from = "contact", to = "company" } end
    for object, names in pairs(options.keep or {}) do
        for _, name in ipairs(names) do
            if name == "company_id" and object ~= "company" then
                links[#links + 1] = { from = object, to = "company" }
            end
        end
    end
    table.sort(links, function(a, b) return a.from < b.from end)
    return links
end

local function fill(self, options, common, list)
    local definition = options.definitions
    if definition then
        local plan = definition:_open()
        local err = missing_lists(plan, lists_given(options))
        if err then return nil, err end
        local ok, failure = expect(self, definition)
        if not ok then return nil, failure end
    end
    local ok, err = keep(self, options)
    if ok and options.event_ids then ok, err = self._handle:keep_event_ids() end
    if ok then ok, err = read_all(self, list, common) end
    if not ok then return nil, err end
    if definition then
        local plan = definition:_open()
        add_all(self._warnings, missing_records(plan, options))
        add_all(self._warnings, missing_columns(plan, self._handle))
    end
    local free = self._matched and self._matched.free_domains or 0
    if free > 0 then
        self._warnings[#self._warnings + 1] = errors.new({
            kind = "input", path = "companies.domain",
            message = ("%d free-mail domain%s nobody"):format(free, free == 1 and " matches" or "s match"),
        })
    end
    add_all(self._warnings, needs.warnings(self._handle, options, links_wanted(options)))
    return true
end

local function close_rejects(rejects, ok)
    if type(rejects) ~= "userdata" then return true end
    local done, err = true, nil
    if ok then done, err = rejects:commit() end
    rejects:close()
    if not done then return nil, errors.wrap(err, "io") end
    return true
end

local function check_keep(columns, level)
    if type(columns) ~= "table" then
        raise("keep: expected lists of columns by object, got " .. show(columns), level + 1)
    end
    for object, names in pairs(columns) do
        check_object(object, level + 1)
        if type(names) ~= "table" then
            raise(("keep.%s: expected a list of columns, got %s"):format(object, show(names)), level + 1)
        end
    end
end

-- Raises, `level` up, for wrong usage that can be told before anything is opened.
local function check_usage(options, level)
    level = level + 1
    check_options(options, KNOWN, "leadscore.dataset", level)
    if not (options.contacts or options.companies or options.deals or options.log) then
        raise("contacts are needed", level)
    end
    if options.match ~= nil then matching.check(options.match, level) end
    if options.keep ~= nil then check_keep(options.keep, level) end
    if options.event_ids ~= nil and type(options.event_ids) ~= "boolean" then
        raise("event_ids: expected true or false, got " .. show(options.event_ids), level)
    end
    if options.definitions then plan_of(options.definitions, "leadscore.dataset: definitions", level) end
    local rejects, most, progress = options.rejects, options.max_memory, options.progress
    if rejects ~= nil and type(rejects) ~= "function" and (type(rejects) ~= "string" or rejects == "" or
        rejects:find("%z")) then
        raise("rejects: expected a path or a function, got " .. show(rejects), level)
    end
    if most ~= nil and (type(most) ~= "number" or most < 0 or most >= 2 ^ 53 or
        most % 1 ~= 0) then
        raise("max_memory: expected a number of bytes, got " .. show(most), level)
    end
    if progress ~= nil and type(progress) ~= "function" then
        raise("progress: expected a function, got " .. show(progress), level)
    end
end

-- The files among the sources, for as long as the dataset lives.
local function files_of(list)
    local files = {}
    for _, source in ipairs(list) do
        if source.identity then files[#files + 1] = { path = source.path, identity = source.identity } end
    end
    return files
end

-- leadscore.dataset; level: 3 where what calls this is called by who is to blame for wrong usage.
function M.new(options, level)
    level = level or 3
    check_usage(options, level)
    local common = sources.common(options, level + 1)
    common.threads = threads_of(options, "leadscore.dataset", level + 1)
    local list, notes = sources.expand(options, level + 1)
    if not list then return nil, notes end
    local rejects, failure = opens_rejects(options, list)
    if failure then return nil, failure end
    -- For those who compare what the processor has: nothing but the time depends on it.
    local handle, full = core.dataset(options.max_memory, os.getenv("LEADSCORE_KERNELS") == "portable")
    if not handle then return nil, errors.wrap(full, "memory") end
    common.rejects, common.progress = rejects, options.progress
    local self = setmetatable({
        _handle = handle, _warnings = {}, _notes = notes, _match = options.match, _sources = files_of(list),
    }, Dataset)
    local ok, err = fill(self, options, common, list)
    local committed, problem = close_rejects(rejects, ok)
    if ok and committed then return self end
    self:close()
    return nil, err or problem
end

local SCORE_OPTIONS = { "at", "threads", "progress" }

-- The plan, when the dataset has what it needs; raises, `level` up, for what is no definition.
local function ready(self, definition, level)
    local plan, handle = plan_of(definition, "dataset", level + 1), open(self)
    local err = missing_lists(plan, function(name) return handle:has_list(name) end) or dropped(self, definition, plan)
        or not_kept(self, plan:fields())
    if err then return nil, err end
    return plan
end

--- Scores every record.
---@param definition leadscore.Definition|leadscore.DefinitionSet
---@param options? { at?: number|string, threads?: integer, progress?: fun(progress: leadscore.Progress): boolean? }
--- at: the instant, now when left out; threads: 1 to 256, 1 when left out
---@return leadscore.Result|nil result
---@return leadscore.Error|nil err
function Dataset:score(definition, options)
    open(self)
    options = options or {}
    check_options(options, SCORE_OPTIONS, "dataset:score", 2)
    local threads = threads_of(options, "dataset:score", 3)
    local plan, err = ready(self, definition, 2)
    if not plan then return nil, err end
    local at, unreadable = definitions.instant(options.at, 2)
    if not at then return nil, unreadable end
    local job, failure = self._handle:score(plan, at, threads)
    if not job then return nil, errors.wrap(failure) end
    local ok, problem = jobs.run(job, options.progress)
    if not ok then return nil, problem end
    local handle = job:result()
    job:close()
    return require("leadscore.result").new(handle, definition, self)
end

-- The object that a call is about: the one given, else the only one that the plan scores, else contacts.
local function object_for(plan, object)
    if object then return object end
    local only = plan:object(1)
    for i = 2, plan:count() do
        if plan:object(i) ~= only then return "contact" end
    end
    return only
end

-- An id as text: 7 and 7.0 are "7".
local function id_text(id)
    return type(id) == "number" and core.print_number(id) or tostring(id)
end
M.id_text = id_text

-- A hint at the object that has the id, where another one is asked.
local function other_object(self, object, id)
    for _, other in ipairs({ "contact", "company", "deal" }) do
        if other ~= object and self._handle:find(other, id) then
            return (", but a %s has: ask for object %s (--object %s)"):format(other, show(other), other)
        end
    end
    return ""
end

-- The explanation as JSON text, exact to the digit.
function Dataset:_explain(definition, id, at, object)
    local plan, err = ready(self, definition, 3)
    if not plan then return nil, err end
    local instant, unreadable = definitions.instant(at, 3)
    if not instant then return nil, unreadable end
    object = object_for(plan, object)
    id = id_text(id)
    local row = self._handle:find(object, id)
    if not row then
        local hint = other_object(self, object, id)
        return nil, errors.new({ kind = "input", message = ("no %s has the id %s%s"):format(object, show(id), hint) })
    end
    local text, failure = self._handle:explain(plan, object, row, instant)
    if not text then return nil, errors.wrap(failure) end
    return text
end

-- The error of an output at this path that would be written over one of the files that were read, or nil.
function Dataset:_spoils(path)
    return sources.spoils(self._sources, "path", path)
end

-- The core's dataset, for the ids of a result's rows.
function Dataset:_rows()
    return open(self)
end

--- Why one record has its scores: what `leadscore explain --json` prints, as a table.
---@param definition leadscore.Definition|leadscore.DefinitionSet
---@param id string
---@param at? number|string now when left out
---@param object? string "contact", "company" or "deal"; the only one scored when left out
---@return table|nil explanation
---@return leadscore.Error|nil err also when there is no such id
function Dataset:explain(definition, id, at, object)
    open(self)
    if object ~= nil then check_object(object, 2, true) end
    local text, err = self:_explain(definition, id, at, object)
    if not text then return nil, err end
    return definitions.decode(text)
end

--- What was read: contacts, companies, deals, events, unknown_contact (events of contacts that are not there),
--- unknown_associated (associations with records that are not there), repeated (events whose id came before),
--- rejected_rows, rejected_cells; of a log log_lines, and those taken: log_events, log_sets, log_forgets.
---@return table<string, integer> counts
function Dataset:counts()
    return open(self):counts()
end

--- What account matching did: associated (contacts that had a primary company), by_domain, by_name, unmatched, and of
--- these free_mail, several (companies claim the domain or name), no_value (no address, no name).
---@return table<string, integer>|nil counts nil where nothing was matched
function Dataset:matched()
    open(self)
    return self._matched
end

--- Iterates over the contacts that account matching was asked for, those without a primary company, in input order.
---@return fun(): leadscore.Match? iterator
function Dataset:matches()
    local handle = open(self)
    if not self._match then error("dataset:matches: the dataset was made without match", 2) end
    return matching.each(handle, self._match)
end

--- How many events are later than an instant, and so do not count there.
---@param at? number|string now when left out
---@return integer|nil count
---@return leadscore.Error|nil err
function Dataset:future(at)
    local handle = open(self)
    local instant, err = definitions.instant(at, 2)
    if not instant then return nil, err end
    return handle:future(instant)
end

--- The columns of an input, as read.
---@param object string "contact", "company", "deal" or "event"
---@return string[] names
function Dataset:columns(object)
    local handle = open(self)
    check_object(object, 2)
    return handle:columns(object)
end

--- Properties that a definition names and no input has, with the nearest column, and files that were not read.
---@param definition? leadscore.Definition|leadscore.DefinitionSet the ones given to leadscore.dataset when left out
---@return leadscore.Error[] warnings
function Dataset:warnings(definition)
    local handle, list = open(self), {}
    local found = self._warnings
    if definition then found = missing_columns(plan_of(definition, "dataset:warnings", 2), handle) end
    for _, from in ipairs({ self._notes, found }) do
        for _, warning in ipairs(from) do
            list[#list + 1] = warning
        end
    end
    return list
end

--- Memory in bytes.
---@return integer held now
---@return integer peak the most so far
function Dataset:memory()
    return open(self):memory()
end

--- Frees the columns at once. Results made from it go on without it, but for their ids.
function Dataset:close()
    if self._handle then self._handle:close() end
    self._handle = nil
end

Dataset.__close = Dataset.close

function Dataset:__tostring()
    if not self._handle then return "dataset (closed)" end
    local counts, parts = self._handle:counts(), {}
    for _, object in ipairs({ "contact", "company", "deal", "event" }) do
        local plural = COUNTED[object]
        local count = counts[plural]
        if count > 0 or object == "contact" or object == "event" then
            parts[#parts + 1] = ("%d %s"):format(count, count == 1 and object or plural)
        end
    end
    return "dataset: " .. table.concat(parts, ", ")
end

-- The dataset that a ledger gives; partial: it did not keep every property.
function M.given(handle, partial)
    return setmetatable({ _handle = handle, _warnings = {}, _notes = {}, _sources = {}, _partial = partial }, Dataset)
end

-- The first of the fields that a dataset does not have because it was left out, as an error, or nil.
function M.lacks(dataset, fields)
    return left_out(dataset, fields) or not_kept(dataset, fields)
end

M.Dataset = Dataset
M.check_options = check_options
M.object_for = object_for

return M
