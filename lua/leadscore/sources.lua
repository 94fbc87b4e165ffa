-- What a dataset is to read: turns the options of leadscore.dataset into an ordered list of sources, folders expanded
-- into their files, formats told by names.
--
-- A source: { input =, name = (for messages), format =, gzip =, list =, last = (of its input), identity = (of a file),
-- and one of path =, text =, rows =, stdin = }.

local core = require("leadscore.core")
local errors = require("leadscore.error")
local rows = require("leadscore.rows")
local show = require("leadscore.check.context").show

local M = {}

-- In this order: what lists, associations and events point to comes before them, and what a log forgot is known first.
local INPUTS = { "log", "contacts", "companies", "deals", "lists", "associations", "events" }
-- Those whose columns can be renamed.
local IS_INPUT = { contacts = true, companies = true, deals = true, associations = true, events = true }

local FORMATS = { csv = "csv", ndjson = "ndjson", jsonl = "ndjson" }

local function raise(message, level)
    error("leadscore.dataset: " .. message, level + 1)
end

-- "events-2025.ndjson.gz" -> "ndjson", true; nil for a name that says nothing.
local function format_of(path)
    local name = path:lower()
    local gzip = name:sub(-3) == ".gz"
    if gzip then name = name:sub(1, -4) end
    return FORMATS[name:match("%.(%w+)$") or ""], gzip
end

-- The format of what does not say, and of a log whatever it says.
local function format_for(input, format)
    return input == "log" and "ndjson" or format or "csv"
end

local function file_source(input, path, list)
    local format, gzip = format_of(path)
    return {
        input = input, path = path, name = path, format = format_for(input, format), gzip = gzip, list = list,
        identity = require("lfs").attributes(path, "mode") == "file" and core.file_identity(path) or nil,
    }
end

-- One file twice in an input counts twice, whatever it is called. Devices and pipes may be read again.
local function check_once(list)
    local seen = {}
    for _, source in ipairs(list) do
        local what = source.list and "lists." .. source.list or source.input
        local key = source.identity and what .. " " .. source.identity
        if key and seen[key] then
            return nil, errors.new({
                kind = "usage", path = what, message = ("expected each file once, got %s and %s, which are one file")
                    :format(seen[key], source.path),
            })
        elseif key then
            seen[key] = source.path
        end
    end
    return true
end

local function endings_of(input)
    return input == "log" and ".ndjson or .jsonl" or ".csv, .ndjson or .jsonl"
end

local function note_skipped(notes, input, folder, name)
    notes[#notes + 1] = errors.new({
        kind = "input", file = folder .. "/" .. name,
        message = ("not read: the name does not end in %s (or these with .gz)"):format(endings_of(input)),
    })
end

-- The reason to pass over a file of a log's folder, or nil: while a file is compressed, both are there.
local function passed_over(input, name, names)
    local plain = input == "log" and name:match("^(.*)%.[gG][zZ]$")
    if plain and names[plain] then return "not read: " .. plain .. " is there too" end
    return nil
end

-- Adds the files of a folder, in name order. Names that begin with a dot or an underscore are not data.
local function add_folder(into, input, folder, notes, list)
    local lfs = require("lfs")
    local ok, next_name, state = pcall(lfs.dir, folder)
    if not ok then return nil, errors.folder(folder, next_name) end
    folder = folder:gsub("(.)/+$", "%1")
    local names, seen = {}, {}
    for name in next_name, state do
        if not name:find("^[._]") then names[#names + 1], seen[name] = name, true end
    end
    table.sort(names)
    local before = #into
    for _, name in ipairs(names) do
        local format, passed = format_of(name), passed_over(input, name, seen)
        if format and (input ~= "log" or format == "ndjson") and not passed then
            into[#into + 1] = file_source(input, folder .. "/" .. name, list)
        elseif passed then
            notes[#notes + 1] = errors.new({ kind = "input", file = folder .. "/" .. name, message = passed })
        else
            note_skipped(notes, input, folder, name)
        end
    end
    if #into > before then return true end
    local none = errors.new({ kind = "input", file = folder, message = ("no %s file in it"):format(endings_of(input)) })
    if input ~= "log" or #names > 0 then return nil, none end
    notes[#notes + 1] = none -- nothing has happened yet
    return true
end

local function add_path(into, input, path, notes, list)
    if path == "-" then
        into[#into + 1] = {
            input = input, stdin = true, name = "standard input", format = format_for(input, "csv"), list = list,
        }
        return true
    end
    if require("lfs").attributes(path, "mode") == "directory" then return add_folder(into, input, path, notes, list) end
    into[#into + 1] = file_source(input, path, list)
    return true
end

local function add_paths(into, input, paths, notes, list)
    for _, path in ipairs(paths) do
        local ok, err = add_path(into, input, path, notes, list)
        if not ok then return nil, err end
    end
    return true
end

local function add_input(into, input, value, notes, level)
    local kind = type(value)
    if kind == "string" then return add_path(into, input, value, notes) end
    if kind == "table" and type(value[1]) == "string" then return add_paths(into, input, value, notes) end
    if input == "log" then
        raise("log: expected a folder or a list of such, got " .. show(value), level + 1)
    elseif kind == "table" or kind == "function" then
        into[#into + 1] = { input = input, rows = value, name = input, format = "ndjson" }
        return true
    end
    raise(("%s: expected a path, a list of paths or rows, got %s"):format(input, kind), level + 1)
end

local function add_list(into, name, value, notes, level)
    if type(value) == "string" then return add_path(into, "list", value, notes, name) end
    if type(value) == "table" and value.files then return add_paths(into, "list", value.files, notes, name) end
    if type(value) ~= "table" then
        raise(("lists.%s: expected a path or a list of ids, got %s"):format(name, type(value)), level + 1)
    end
    local text, wrong = rows.list(value)
    if not text then
        return nil, errors.new({
            kind = "input", path = ("lists.%s[%d]"):format(name, wrong), message = "expected an id, a text or a number",
        })
    end
    into[#into + 1] = { input = "list", text = text, name = "lists." .. name, format = "csv", list = name }
    return true
end

-- A name with a zero byte would be cut there on its way to the core.
local function is_name(text)
    return type(text) == "string" and text ~= "" and not text:find("%z")
end

local function sorted_keys(map, level)
    if type(map) ~= "table" then raise("lists: expected lists by name, got " .. show(map), level + 1) end
    local keys = {}
    for key in pairs(map) do
        if not is_name(key) then
            raise("lists: expected names without zero bytes as keys, got " .. show(key), level + 1)
        end
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

local function add_lists(into, lists, notes, level)
    for _, name in ipairs(sorted_keys(lists, level + 1)) do
        local ok, err = add_list(into, name, lists[name], notes, level + 1)
        if not ok then return nil, err end
    end
    return true
end

-- The list of sources, and notes on files left unread; or nil and an error. Raises, `level` up, for wrong usage.
function M.expand(options, level)
    local into, notes = {}, {}
    for _, input in ipairs(INPUTS) do
        local ok, err = true, nil
        if input == "lists" then
            ok, err = add_lists(into, options.lists or {}, notes, level)
        elseif options[input] ~= nil then
            ok, err = add_input(into, input, options[input], notes, level)
        end
        if not ok then return nil, err end
    end
    local stdin, last = 0, {}
    for _, source in ipairs(into) do
        stdin = stdin + (source.stdin and 1 or 0)
        last[source.input] = source
    end
    for _, source in next, last do
        source.last = true
    end
    if stdin > 1 then raise("standard input can be only one of the inputs", level) end
    local ok, err = check_once(into)
    if not ok then return nil, err end
    return into, notes
end

local function delimiter_of(options, level)
    local text = options.delimiter
    if text == nil then return nil end
    if text == "tab" then return "\t" end
    if type(text) ~= "string" or #text ~= 1 or text:find('["\r\n]') then
        raise('delimiter: expected one character or "tab"', level + 1)
    end
    return text
end

-- { ["events.contact_id"] = "visitor" } by input.
local function renames_of(columns, level)
    local renames = {}
    for key, header in pairs(columns or {}) do
        local input, column = tostring(key):match("^(%a+)%.(.+)$")
        if not input or not IS_INPUT[input] or not is_name(column) or not is_name(header) then
            raise(("columns: expected FILE.NEW = OLD such as %s, got %s = %s"):format(
                '["events.contact_id"] = "visitor"', tostring(key), tostring(header)), level + 1)
        end
        renames[input] = renames[input] or {}
        table.insert(renames[input], { column = column, header = header })
    end
    for _, list in pairs(renames) do
        table.sort(list, function(a, b) return a.column < b.column end)
    end
    return renames
end

local function texts_of(value, level)
    if value == nil then return nil end
    local list = type(value) == "table" and value or { value }
    for _, text in ipairs(list) do
        if type(text) ~= "string" or text:find("%z") then
            raise("unknown: expected a text or a list of texts, got " .. show(text), level + 1)
        end
    end
    return list
end

-- The error of an output that would be written over one of the sources' files, or nil. option: whose path it is.
function M.spoils(list, option, path)
    local identity = core.file_identity(path)
    for _, source in ipairs(list) do
        if identity and identity == source.identity then
            return errors.new({ kind = "usage", path = option, message = path .. " is one of the inputs" })
        end
    end
    return nil
end

-- What every source is read with.
function M.common(options, level)
    return {
        delimiter = delimiter_of(options, level), renames = renames_of(options.columns, level),
        unknown = texts_of(options.unknown, level),
    }
end

return M
