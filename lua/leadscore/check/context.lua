-- What one check of one definition carries: where it is, what it found wrong, and what it learnt of properties, lists
-- and scores. Readers push a key, look at the value, and pop; a path is only spelt out for an error.

-- LuaJIT 2.1.0-beta3 cuts a pointer in half in compiled loops over tables, when registers are short (xchg eax, edx
-- after lj_vm_next), and crashes. Checking is rare and short: these files are left to its interpreter.
if jit then jit.off(true, true) end

local core = require("leadscore.core")

local M = {}

local Context = {}
Context.__index = Context

---@class leadscore.Problem
---@field definition string|integer name, or place in the list, of the definition
---@field path string where, such as `groups[2].rules[3].points`
---@field expected string|nil
---@field got string|nil
---@field nearest string|nil the nearest known name
---@field message string all of it in one line

--- A new check of a definition.
---@param index integer its place in the list
---@return table
function M.new(index)
    return setmetatable({
        definition = index, depth = 0, stack = {}, errors = {}, warnings = {},
        types = {}, declared = {}, read = {}, names = {}, subjects = {}, scores = {}, lists = {},
        rules = 0, literals = 0, values = 0, object = "contact",
    }, Context)
end

local function piece(key, first)
    if type(key) == "number" then
        return "[" .. core.print_number(key) .. "]"
    elseif type(key) ~= "string" then
        return "[" .. tostring(key) .. "]"
    elseif #key <= 60 and key:find("^[%a_][%w_]*$") then
        return (first and "" or ".") .. key
    end
    return "[" .. M.show(key) .. "]"
end

--- How a message shows a value: short, in one line.
---@param value any
---@return string
function M.show(value)
    local kind = type(value)
    if kind == "string" then
        local text = #value > 60 and value:sub(1, 57) .. "..." or value
        return '"' .. text:gsub("[%z\1-\31\127]", "?"):gsub('[\\"]', "\\%0") .. '"'
    elseif kind == "number" then
        return value == value and value - value == 0 and core.print_number(value) or "a number that is not finite"
    elseif kind == "table" then
        return next(value) == nil and "an empty table" or rawget(value, 1) ~= nil and "a list" or "a table"
    elseif value == core.null then
        return "null"
    end
    return value == nil and "nothing" or kind == "boolean" and tostring(value) or "a " .. kind
end

function Context:push(key)
    local depth = self.depth + 1
    self.depth = depth
    self.stack[depth] = key
end

function Context:pop()
    self.depth = self.depth - 1
end

--- Where the check is.
function Context:path()
    local pieces = {}
    for i = 1, self.depth do
        pieces[i] = piece(self.stack[i], i == 1)
    end
    return table.concat(pieces)
end

local function problem(self, path, text)
    return { definition = self.definition, path = path, message = (path ~= "" and path .. ": " or "") .. text }
end

--- Notes an error: what was expected here and what there is instead.
---@param expected string
---@param got string as `show` prints it
---@param nearest string|nil the nearest known name
---@param hint string|nil what to do about it
function Context:expected(expected, got, nearest, hint)
    local text = "expected " .. expected .. ", got " .. got .. (nearest and ', nearest "' .. nearest .. '"' or "")
    local one = problem(self, self:path(), text .. (hint and "; " .. hint or ""))
    one.expected, one.got, one.nearest = expected, got, nearest
    self.errors[#self.errors + 1] = one
end

--- Notes an error that has no expected and got.
---@param text string
function Context:refuse(text)
    self.errors[#self.errors + 1] = problem(self, self:path(), text)
end

--- Notes a warning.
---@param text string
function Context:warn(text)
    self.warnings[#self.warnings + 1] = problem(self, self:path(), text)
end

--- The same at a key of the table where the check is.
function Context:refuse_at(key, text)
    self:push(key)
    self:refuse(text)
    self:pop()
end

function Context:expected_at(key, ...)
    self:push(key)
    self:expected(...)
    self:pop()
end

--- Notes that a score is used here, for what only the whole set of definitions can tell.
---@param use table { name =, part =, object = whose score it must be, inside = the relation that it is asked in }
function Context:note_score(use)
    use.at = {}
    for i = 1, self.depth do
        use.at[i] = self.stack[i]
    end
    self.scores[#self.scores + 1] = use
end

--- The qualified name of a property, "contact.industry".
function Context:qualify(owner, name)
    local names = self.names[owner]
    if not names then
        names = {}
        self.names[owner] = names
    end
    local qualified = names[name]
    if not qualified then
        qualified = owner .. "." .. name
        names[name] = qualified
    end
    return qualified
end

--- Notes that a property is read; answers its qualified name and its settled type.
function Context:use(owner, name)
    local qualified = self:qualify(owner, name)
    local kind = self.types[qualified] or "text"
    self.read[qualified] = kind
    return qualified, kind
end

return M
