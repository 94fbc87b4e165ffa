-- Turns Lua rows into NDJSON text, a piece at a time, so that a dataset reads them as it reads a file: one reader, one
-- meaning.

local core = require("leadscore.core")

local M = {}

local integer = math.type or function() return nil end
local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(byte)
    return ESCAPES[byte] or ("\\u%04x"):format(byte:byte())
end

local function quote(text)
    return '"' .. text:gsub('[%z\1-\31"\\]', escape) .. '"'
end

M.quote = quote

local function number(value)
    if value ~= value or value == math.huge or value == -math.huge then return nil, "expected a finite number" end
    if integer(value) == "integer" then return ("%d"):format(value) end
    return core.print_number(value)
end

M.number = number

local function scalar(value)
    local kind = type(value)
    if kind == "string" then return quote(value) end
    if kind == "number" then return number(value) end
    if kind == "boolean" then return tostring(value) end
    return nil, "expected a text, a number, a boolean or a list of them, got " .. kind
end

local function set(list)
    local parts, count = {}, 0
    for _ in pairs(list) do
        count = count + 1
    end
    if count ~= #list then return nil, "expected a list of texts (a set), got a table with names" end
    for i = 1, #list do
        local text, why = scalar(list[i])
        if not text then return nil, why end
        parts[i] = text
    end
    return "[" .. table.concat(parts, ",") .. "]"
end

-- A value as JSON: a text, a number, a boolean or a list of them; or nil and why not.
function M.value(value)
    if type(value) == "table" then return set(value) end
    return scalar(value)
end

local function encode(key, value, input)
    if type(value) == "table" then return set(value) end
    -- Fractions of seconds are cut off.
    if key == "at" and input == "events" and type(value) == "number" and math.abs(value) < 2 ^ 53 then
        value = math.floor(value)
    end
    return scalar(value)
end

-- One row as a line, or nil, why and the property that is wrong.
local function line_of(row, input)
    if type(row) ~= "table" then return nil, "expected a table of properties, got " .. type(row) end
    local parts = {}
    for key, value in next, row do
        if type(key) ~= "string" then return nil, "expected names as keys, got a " .. type(key) end
        if value ~= core.null then
            local text, why = encode(key, value, input)
            if not text then return nil, why, key end
            parts[#parts + 1] = quote(key) .. ":" .. text
        end
    end
    return "{" .. table.concat(parts, ",") .. "}\n"
end

local function iterate(rows)
    if type(rows) == "function" then return rows end
    local i = 0
    return function()
        i = i + 1
        return rows[i]
    end
end

-- A reader over rows (a list, or a function that returns the next row or nil): reader(size) gives at most size bytes,
-- nil at the end. The second result holds what went wrong: { message =, line =, path = }.
function M.reader(rows, input)
    local next_row, pending, count, failure = iterate(rows), "", 0, {}
    local function fill(size)
        local parts, length = { pending }, #pending
        while length < size do
            local row = next_row()
            if row == nil then break end
            count = count + 1
            local line, why, key = line_of(row, input)
            if not line then
                failure.message, failure.line, failure.path = why, count, key
                break
            end
            parts[#parts + 1], length = line, length + #line
        end
        pending = table.concat(parts)
    end
    return function(size)
        if failure.message then return nil end
        if #pending < size then fill(size) end
        if pending == "" or failure.message then return nil end
        local piece = pending:sub(1, size)
        pending = pending:sub(size + 1)
        return piece
    end, failure
end

-- Ids as CSV text with a header, for lists.
function M.list(ids)
    local lines = { "id" }
    for i, id in ipairs(ids) do
        local text = type(id) == "number" and number(id) or id
        if type(text) ~= "string" then return nil, i end
        lines[i + 1] = '"' .. text:gsub('"', '""') .. '"'
    end
    return table.concat(lines, "\n") .. "\n"
end

return M
