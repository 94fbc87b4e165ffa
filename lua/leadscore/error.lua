-- Errors as values. What is wrong with a definition, a file or a datum travels as one of these: a table that prints
-- as text fit to show, one error a line, and whose fields are fit to handle. Wrong usage is not here: it raises.

local M = {}

--- An error of a definition, an input or the system.
---@class leadscore.Error
---@field message string one lower-case line without its place: what was expected, what was found
---@field kind string "definition", "input", "io", "memory", "range", "usage" or "interrupted"
---@field file? string the file, as it was named
---@field line? integer its line, from 1
---@field column? integer the field of that line, from 1
---@field definition? string name of the definition, where there are several
---@field path? string where in a definition: "groups[2].rules[3].points"
---@field expected? string
---@field got? string
---@field nearest? string the known name that is most like the one found
---@field errors leadscore.Error[] every error of the run, this one first
local Error = {}
Error.__index = Error
Error.__name = "leadscore.Error"

-- "events.csv:1042:3", "events.csv", "line 7" or nil.
local function place_in_file(err)
    local line = err.line and ("%d"):format(err.line)
    if not err.file then return line and "line " .. line end
    if line and err.column then line = line .. (":%d"):format(err.column) end
    return err.file .. (line and ":" .. line or "")
end

local function place(err)
    local parts = { place_in_file(err) }
    if err.definition then parts[#parts + 1] = err.definition end
    if err.path then parts[#parts + 1] = err.path end
    return table.concat(parts, ": ")
end

local function line_of(err)
    local where = place(err)
    return where == "" and err.message or where .. ": " .. err.message
end

function Error:__tostring()
    local lines = {}
    for i, err in ipairs(self.errors) do
        lines[i] = line_of(err)
    end
    return table.concat(lines, "\n")
end

-- So that messages can be put together with `..`, as with plain texts.
function Error.__concat(a, b)
    return tostring(a) .. tostring(b)
end

-- 0 and "" say "none" where they come from the core.
local function present(value)
    if value == 0 or value == "" then return nil end
    return value
end

-- A text without a place in front that its error names anyway.
local function without(message, where)
    if where and message:sub(1, #where + 2) == where .. ": " then return message:sub(#where + 3) end
    return message
end

local function copy(fields)
    local err = {}
    for key, value in pairs(fields) do
        err[key] = value
    end
    err.line, err.column = present(err.line), present(err.column)
    err.file, err.path = present(err.file), present(err.path)
    local message = without(tostring(err.message or "unknown error"), place_in_file(err))
    err.message = without(without(message, err.file), err.path)
    return err
end

-- A new error; fields as in leadscore.Error, `errors` is filled in.
function M.new(fields)
    local err = copy(fields)
    err.kind = err.kind or "input"
    err.errors = { err }
    return setmetatable(err, Error)
end

-- One error that stands for several (at least one): the fields of the first, the text of all.
function M.all(list)
    local errors = {}
    for i, fields in ipairs(list) do
        errors[i] = getmetatable(fields) == Error and fields or M.new(fields)
    end
    if #errors == 1 then return errors[1] end
    local first = copy(errors[1])
    first.errors = errors
    return setmetatable(first, Error)
end

-- Whatever the core answered, as one of ours.
function M.wrap(err, kind)
    if getmetatable(err) == Error then return err end
    if type(err) == "table" then
        if err[1] then return M.all(err) end
        local new = M.new(err)
        if err.kind == nil and kind then new.kind = kind end
        return new
    end
    return M.new({ message = tostring(err), kind = kind or "input" })
end

-- What the system said of a file, without the file's name in front; only its first letter is made small, since the rest
-- may hold names. file: left out where the message names none.
function M.system(message, file)
    message = tostring(message)
    if file then message = without(message, file) end
    return (message:gsub("^%u%l", string.lower))
end

-- The error of a folder that lfs.dir raised for: "cannot open FOLDER: Permission denied".
function M.folder(folder, raised)
    local reason = M.system((tostring(raised):match("([^:]*)$"):gsub("^ ", "")))
    return M.new({ kind = "io", file = folder, message = "cannot open: " .. reason })
end

-- A copy of an error that says which file it is about, where it does not say so already.
function M.with_file(err, file)
    local list = {}
    for i, each in ipairs(err.errors) do
        local fields = copy(each)
        fields.file, fields.errors = fields.file or file, nil
        list[i] = M.new(fields)
    end
    return M.all(list)
end

return M
