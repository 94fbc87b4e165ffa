-- leadscore: scores contacts, companies and deals from score definitions, exactly and explainably.
--
-- This file is the face of the module: what it returns is all there is to call. It sets no globals, prints nothing and
-- reads nothing from the environment. Wrong usage raises; a wrong definition, file or datum returns nil and an error
-- that prints as text fit to show.

local core = require("leadscore.core")
local check = require("leadscore.check")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local show = require("leadscore.check.context").show

--- The module.
---@class leadscore
---@field version string the version of the product: "0.1.0"
---@field language integer the version of the scoring language
---@field null userdata the missing value, in records and in JSON; cjson.null and ngx.null are the same
local M = { version = core.version, language = core.language, null = core.null }

--- One record's score.
---@class leadscore.Score
---@field value? number points; absent where empty
---@field fit? number only of a combined score
---@field engagement? number only of a combined score
---@field label? string with thresholds
---@field scored? boolean whether any rule fired; absent when out of scope
---@field in_scope boolean

--- A property that a definition reads.
---@class leadscore.Field
---@field object string "contact", "company", "deal" or "event"
---@field name string
---@field type string "text", "number", "boolean", "datetime" or "set"

-- Named limits of a definition file; those of what runs in a Lua file are the core's.
local MOST_TEXT, MOST_DEPTH, MOST_VALUES = 1048576, 32, 1000000

-- ---- from tables ------------------------------------------------------------------------------------------------

local function is_list(value)
    return rawget(value, 1) ~= nil and rawget(value, "name") == nil and rawget(value, "groups") == nil
end

-- The checker's problems as errors. Their `definition` is a name or a place in the list: from it comes the file, and it
-- is told where there are several.
local function as_errors(problems, list, files)
    local place, all = {}, {}
    for i, raw in ipairs(list) do
        local name = type(raw) == "table" and rawget(raw, "name")
        place[i] = i
        if type(name) == "string" then place[name] = i end
    end
    for i, problem in ipairs(problems) do
        local index = place[problem.definition]
        local several = #list > 1 and tostring(problem.definition) or nil
        all[i] = errors.new({
            kind = "definition", message = problem.message, path = problem.path, expected = problem.expected,
            got = problem.got, nearest = problem.nearest, definition = several, file = files and files[index],
        })
    end
    return all
end

-- list: tables of definitions; files: the file of each, or nil; one: make a definition, not a set.
local function build(list, files, one)
    local checked, found, odd = check.definitions(list)
    local warnings = as_errors(odd or {}, list, files)
    if not checked then
        local err = errors.all(as_errors(found, list, files))
        err.warnings = warnings
        return nil, err
    end
    return definitions.new(list, checked, warnings, one)
end

--- Makes a definition from a table, or a set that knows each other's scores from a list of such tables.
---@param table table one definition, or a list of them
---@return leadscore.Definition|leadscore.DefinitionSet|nil definition a set where a list was given
---@return leadscore.Error|nil err all that is wrong
function M.define(table)
    if type(table) ~= "table" then
        error("leadscore.define: expected a table, got " .. type(table), 2)
    end
    if is_list(table) then return build(table, nil, false) end
    return build({ table }, nil, true)
end

-- ---- from files -------------------------------------------------------------------------------------------------

local function io_error(path, message)
    return errors.new({ kind = "io", file = path, message = errors.system(message, path) })
end

local function read_text(path)
    local file, message = io.open(path, "rb")
    if not file then return nil, io_error(path, message) end
    local text, failure = file:read(MOST_TEXT + 1)
    file:close()
    if not text and failure then return nil, io_error(path, failure) end
    if text and #text > MOST_TEXT then
        return nil, errors.new({ kind = "definition", file = path, message = "longer than 1 MiB" })
    end
    return text or ""
end

local readers = {}

function readers.lua(text, path)
    return core.sandbox(text, path)
end

function readers.json(text)
    local value, err = core.json_decode(text, MOST_DEPTH, MOST_VALUES)
    if value ~= nil then return value end
    if err.kind == "input" then err.kind = "definition" end
    return nil, err
end

-- What a definition file holds: a table, or nil and an error that names the file.
local function read_file(path)
    local reader = readers[(path:match("%.(%a+)$") or ""):lower()]
    if not reader and not require("lfs").attributes(path, "mode") then
        return nil, io_error(path, "no such file or folder")
    elseif not reader then
        return nil, errors.new({
            kind = "definition", file = path, message = "expected a definition file that ends in .lua or .json",
        })
    end
    local text, failure = read_text(path)
    if not text then return nil, failure end
    local value, err = reader(text, path)
    if value == nil then return nil, errors.with_file(errors.wrap(err, "definition"), path) end
    if type(value) ~= "table" then
        return nil, errors.new({
            kind = "definition", file = path,
            message = "expected a definition (a table) or a list of them, got " .. show(value),
        })
    end
    return value
end

-- The definition files of a folder, in name order.
local function files_of(folder)
    local lfs = require("lfs")
    local names = {}
    local ok, next_name, state = pcall(lfs.dir, folder)
    if not ok then return nil, errors.folder(folder, next_name) end
    for name in next_name, state do
        local ending = name:match("^[^.].*%.(%a+)$")
        if ending and readers[ending:lower()] then names[#names + 1] = name end
    end
    if #names == 0 then
        return nil, errors.new({ kind = "definition", file = folder, message = "no .lua or .json file in this folder" })
    end
    table.sort(names)
    for i, name in ipairs(names) do
        names[i] = (folder:gsub("/+$", "")) .. "/" .. name
    end
    return names
end

local function is_folder(path)
    return require("lfs").attributes(path, "mode") == "directory"
end

local function has_other_keys(value)
    local count = 0
    for _ in next, value do
        count = count + 1
    end
    return count ~= #value
end

-- Adds what a file holds to the list; reports whether it is a single definition.
local function add_file(path, list, files)
    local value, err = read_file(path)
    if not value then return nil, err end
    if is_list(value) and has_other_keys(value) then
        return nil, errors.new({
            kind = "definition", file = path, message = "expected a list of definitions, got one with other keys too",
        })
    end
    if not is_list(value) then
        list[#list + 1], files[#files + 1] = value, path
        return true, nil, true
    end
    for _, each in ipairs(value) do
        list[#list + 1], files[#files + 1] = each, path
    end
    return true, nil, false
end

local function expand(paths)
    local expanded, folder = {}, false
    for _, path in ipairs(paths) do
        if is_folder(path) then
            local names, err = files_of(path)
            if not names then return nil, err end
            for _, name in ipairs(names) do
                expanded[#expanded + 1] = name
            end
            folder = true
        else
            expanded[#expanded + 1] = path
        end
    end
    return expanded, nil, folder
end

--- Loads definitions from a file or a folder: a `.lua` file runs without I/O, `require`, `os`, `debug` and with limits
--- on steps and memory; a `.json` file is read; of a folder, all such files in name order.
---@param path string|string[] one file or folder, or several
---@return leadscore.Definition|leadscore.DefinitionSet|nil definition a definition where one file holds one, else a set
---@return leadscore.Error|nil err all that is wrong
function M.load(path)
    if type(path) ~= "string" and type(path) ~= "table" then
        error("leadscore.load: expected a path, got " .. type(path), 2)
    end
    local paths, err, folder = expand(type(path) == "table" and path or { path })
    if not paths then return nil, err end
    local list, files, wrong, single = {}, {}, {}, true
    for _, file in ipairs(paths) do
        local ok, failure, one = add_file(file, list, files)
        if not ok then wrong[#wrong + 1] = failure end
        single = single and one
    end
    if #wrong > 0 then return nil, errors.all(wrong) end
    return build(list, files, single and #paths == 1 and not folder)
end

--- Reads columns from files or Lua rows, once, to be scored by any number of definitions at any instants.
---@param options leadscore.DatasetOptions
---@return leadscore.Dataset|nil dataset
---@return leadscore.Error|nil err the first bad row, or why reading failed
function M.dataset(options)
    local dataset, err = require("leadscore.dataset").new(options)
    return dataset, err
end

--- Opens a ledger: contacts that live, whose properties and events come one by one, and that can be scored at will.
---@param definition? leadscore.Definition|leadscore.DefinitionSet of contacts that ask nothing of associated records;
--- may be left out with keep = "all"
---@param options? leadscore.LedgerOptions
---@return leadscore.Ledger|nil ledger
---@return leadscore.Error|nil err a list that is not given
function M.ledger(definition, options)
    local ledger, err = require("leadscore.ledger").new(definition, options, 2)
    return ledger, err
end

--- Target accounts: metrics, the table of accounts with its views, the overview of one, recommendations.
---@param options leadscore.AccountsOptions
---@return leadscore.Accounts|nil accounts
---@return leadscore.Error|nil err what is wrong with an input
function M.accounts(options)
    local accounts, err = require("leadscore.accounts").new(options)
    return accounts, err
end

return M
