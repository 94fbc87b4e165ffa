-- Results: columns of scores of all records of a dataset at one instant. What is here finds rows by id, names things
-- and writes files whole or not at all; the numbers are the core's.

local core = require("leadscore.core")
local datasets = require("leadscore.dataset")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local jobs = require("leadscore.job")
local show = require("leadscore.check.context").show

local M = {}

--- The scores of all records at one instant.
---@class leadscore.Result
local Result = {}
Result.__index = Result
Result.__name = "leadscore.Result"

local FILES = { contact = "contacts", company = "companies", deal = "deals" }
local OBJECTS = { "contact", "company", "deal" }

local function open(self, level)
    if not self._handle then error("leadscore: result is closed", (level or 1) + 2) end
    return self._handle
end

local function check_object(object, level)
    if object ~= nil and not FILES[object] then
        error(('object: expected "contact", "company" or "deal", got %s'):format(tostring(object)), (level or 1) + 1)
    end
end

local function object_for(self, object, level)
    check_object(object, (level or 1) + 1)
    if object then return object end
    for _, each in ipairs(self._scores) do
        if each.object ~= self._scores[1].object then return "contact" end
    end
    return self._scores[1].object
end

local function index_of(self, name, level)
    return (definitions.index(self._names, name, (level or 1) + 1))
end

-- More rows than this and more bars than that there never are.
local MOST_ROWS, MOST_BINS = 2 ^ 31, 10000

-- Raises, `level` up, unless the argument is a whole number in these bounds; most: nil for none.
local function check_whole(value, what, least, most, level)
    local whole = type(value) == "number" and value % 1 == 0
    if whole and value >= least and (most == nil or value <= most) then return end
    local bounds = most and ("from %d to %d"):format(least, most) or ("of at least %d"):format(least)
    error(("%s: expected a whole number %s, got %s"):format(what, bounds, show(value)), level + 1)
end

-- The scores of one row by name, of the definitions of that object.
local function scores_of(self, object, row)
    local scores = {}
    for i, each in ipairs(self._scores) do
        if each.object == object then scores[each.name] = self._handle:get(i, row) end
    end
    return scores
end

--- The instant of the scores, in seconds since 1970.
---@return integer at
function Result:at()
    return open(self):at()
end

--- How many records there are.
---@param object? string "contact", "company" or "deal"; the only one scored when left out, else contacts
---@return integer count
function Result:count(object)
    return open(self):count(object_for(self, object, 2))
end

--- The number of records; on Lua 5.1 and LuaJIT use count().
---@return integer count
function Result:__len()
    return self:count()
end

--- The scores of one record.
---@param id string|number
---@param object? string
---@return table<string, leadscore.Score>|nil scores by name; nil when there is no such id
function Result:get(id, object)
    open(self)
    object = object_for(self, object, 2)
    local row = self._dataset:_rows():find(object, datasets.id_text(id))
    return row and scores_of(self, object, row)
end

--- Iterates over the records in input order: `for id, scores in result:each() do`.
---@param object? string
---@return fun(): string?, table<string, leadscore.Score>? iterator
function Result:each(object)
    local handle = open(self)
    object = object_for(self, object, 2)
    local count, row = handle:count(object), 0
    return function()
        row = row + 1
        if row > count then return nil end
        open(self)
        return self._dataset:_rows():id(object, row), scores_of(self, object, row)
    end
end

--- The first later instant at which a record's value or label changes if nothing happens.
---@param id string|number
---@param name? string which score; may be left out where there is one
---@return integer|false|nil seconds since 1970; false: never; nil when there is no such id
---@return leadscore.Error|nil err
function Result:next_change(id, name)
    local handle = open(self)
    local index = index_of(self, name, 2)
    local row = self._dataset:_rows():find(self._scores[index].object, datasets.id_text(id))
    if not row then return nil end
    local seconds, err = handle:next_change(index, row)
    if seconds == nil then return nil, errors.wrap(err) end
    return seconds
end

--- The records with the largest values of one score; of equal ones the earlier row first.
---@param name? string which score; may be left out where there is one
---@param n? integer how many, 10 when left out
---@return { id: string, score: leadscore.Score }[] records
function Result:top(name, n)
    local handle = open(self)
    local index = index_of(self, name, 2)
    if n ~= nil then check_whole(n, "result:top: n", 0, nil, 2) end
    local object, list = self._scores[index].object, {}
    for i, row in ipairs(handle:top(index, math.min(n or 10, MOST_ROWS))) do
        list[i] = { id = self._dataset:_rows():id(object, row), score = handle:get(index, row) }
    end
    return list
end

-- The distribution as JSON text, exact to the digit.
function Result:_distribution(name, bins)
    local handle = open(self, 2)
    local index = index_of(self, name, 3)
    if bins ~= nil then check_whole(bins, "result:distribution: bins", 1, MOST_BINS, 3) end
    local text, err = handle:distribution(index, bins or 20)
    if not text then return nil, errors.wrap(err) end
    return text
end

--- How the values of one score are spread: { name, records, count, scored, empty, out_of_scope, mean, min, max,
--- quantiles = { { at, value } }, labels = { { label, count } }, histogram = { { from, to, count } } }; count is of
--- the records that have a value.
---@param name? string which score; may be left out where there is one
---@param options? { bins?: integer } bins: how many bars the histogram has, 20 when left out
---@return table|nil distribution
---@return leadscore.Error|nil err
function Result:distribution(name, options)
    open(self)
    options = options or {}
    datasets.check_options(options, { "bins" }, "result:distribution", 2)
    local text, err = self:_distribution(name, options.bins)
    if not text then return nil, err end
    return definitions.decode(text)
end

--- How to write a result.
---@class leadscore.WriteOptions
---@field path? string a file, "-" for standard output, or a folder that ends in "/" (one file an object)
---@field writer? fun(text: string) instead of a path
---@field format? string "csv" or "ndjson"; by the name when left out
---@field extra? boolean also NAME_scored and NAME_next_change_at
---@field object? string "contact", "company" or "deal"
---@field progress? fun(progress: leadscore.Progress): boolean? called between steps; return false to stop

-- ---- writing ----------------------------------------------------------------------------------------------------

local WRITE_OPTIONS = { "path", "writer", "format", "extra", "object", "progress" }

local function check_output(path, writer, level)
    if (path == nil) == (writer == nil) then
        error("result:write: expected either a path or a writer", level + 1)
    elseif path ~= nil and (type(path) ~= "string" or path == "" or path:find("%z")) then
        error("result:write: path: expected the name of a file, got " .. show(path), level + 1)
    elseif writer ~= nil and type(writer) ~= "function" then
        error("result:write: writer: expected a function, got " .. show(writer), level + 1)
    end
end

local function format_for(path, format, level)
    if format ~= nil and format ~= "csv" and format ~= "ndjson" then
        error(('format: expected "csv" or "ndjson", got %s'):format(tostring(format)), level + 1)
    end
    local ending = path and path:lower():match("%.(%w+)$")
    return format or ((ending == "ndjson" or ending == "jsonl") and "ndjson" or "csv")
end

local function run_write(self, object, format, output, options)
    local job, err = self._handle:write({
        object = object, format = format, extra = options.extra and true or false, output = output,
    })
    if not job then return nil, errors.wrap(err, "io") end
    return jobs.finish(job, options.progress)
end

-- Writes one object's scores into a file that appears when it is whole.
local function write_file(self, object, format, path, options)
    local spoils = path ~= "-" and self._dataset:_spoils(path)
    if spoils then return nil, spoils end
    local output, err = core.output(path == "-" and 1 or path)
    if not output then return nil, errors.with_file(errors.wrap(err, "io"), path) end
    local ok, problem = run_write(self, object, format, output, options)
    if ok then
        ok, problem = output:commit()
        if not ok then problem = errors.with_file(errors.wrap(problem, "io"), path) end
    end
    output:close()
    if not ok then return nil, problem end
    return true
end

-- The objects that have scores here, in a fixed order.
local function scored_objects(self)
    local has, list = {}, {}
    for _, each in ipairs(self._scores) do
        has[each.object] = true
    end
    for _, object in ipairs(OBJECTS) do
        if has[object] then list[#list + 1] = object end
    end
    return list
end

-- Makes a folder that is not there; its name may end in "/".
function M.make_folder(folder)
    local lfs = require("lfs")
    if lfs.attributes(folder, "mode") == "directory" then return true end
    local ok, message = lfs.mkdir((folder:gsub("(.)/+$", "%1")))
    if ok then return true end
    return nil, errors.new({ kind = "io", file = folder, message = errors.system(message, folder) })
end

local function write_folder(self, folder, format, options)
    local made, failure = M.make_folder(folder)
    if not made then return nil, failure end
    for _, object in ipairs(options.object and { options.object } or scored_objects(self)) do
        local ok, err = write_file(self, object, format, folder .. FILES[object] .. "." .. format, options)
        if not ok then return nil, err end
    end
    return true
end

--- Writes the scores of one object in input order: `id`, then for each score NAME, and where there are such
--- NAME_engagement, NAME_fit and NAME_label. A file appears whole or not at all.
---@param options string|leadscore.WriteOptions a path, or options
---@return boolean|nil ok
---@return leadscore.Error|nil err
function Result:write(options)
    open(self)
    if type(options) == "string" then options = { path = options } end
    if type(options) ~= "table" then error("result:write: expected a path or a table of options", 2) end
    datasets.check_options(options, WRITE_OPTIONS, "result:write", 2)
    local path, writer = options.path, options.writer
    check_output(path, writer, 2)
    check_object(options.object, 2)
    local format = format_for(path, options.format, 2)
    if path and path:sub(-1) == "/" then return write_folder(self, path, format, options) end
    local object = object_for(self, options.object, 2)
    if writer then return run_write(self, object, format, writer, options) end
    return write_file(self, object, format, path, options)
end

--- Frees the columns at once. Using it afterwards raises.
function Result:close()
    if self._handle then self._handle:close() end
    self._handle = nil
end

Result.__close = Result.close

function Result:__tostring()
    if not self._handle then return "result (closed)" end
    local object = object_for(self)
    local count = self._handle:count(object)
    return ("result: %s of %d %s at %s"):format(table.concat(self._names, ", "), count,
        count == 1 and object or FILES[object], core.print_time(self._handle:at()))
end

-- dataset:score
function M.new(handle, definition, dataset)
    local plan, scores = definition:_open(), {}
    for i = 1, plan:count() do
        scores[i] = { name = plan:name(i), object = plan:object(i) }
    end
    return setmetatable({
        _handle = handle, _dataset = dataset, _names = definition:names(), _scores = scores,
    }, Result)
end

M.Result = Result

return M
