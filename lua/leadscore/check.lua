-- Checks definitions: untrusted plain tables become the canonical form, or a list of all that is wrong with them. The
-- work is in leadscore.check.*: raw (is it plain data?), types (what type has each property?), then the readers by the
-- schema, then scores (what only the whole set can tell).

if jit then jit.off(true, true) end -- see leadscore.check.context

local context = require("leadscore.check.context")
local raw_data = require("leadscore.check.raw")
local reader = require("leadscore.check.definition")
local scores = require("leadscore.check.scores")

local M = {}

---@class leadscore.Set
---@field definitions table[] canonical definitions, in the order given
---@field lists string[] the lists that any of them names
---@field warnings leadscore.Problem[]

-- Digits may be those of a key, and so of any length.
local function padded(path)
    return (path:gsub("%d+", function(digits) return ("0"):rep(12 - #digits) .. digits end))
end

local function sort_problems(list)
    if #list < 2 then return list end
    local keys = {}
    for i, problem in ipairs(list) do
        keys[problem] = ("%06d %s\0%s"):format(problem.index, padded(problem.path), problem.message)
        list[i] = problem
    end
    table.sort(list, function(a, b) return keys[a] < keys[b] end)
    return list
end

-- Problems of all checks, each with the definition's name where it has one.
local function gather(entries, field)
    local list = {}
    for index, entry in ipairs(entries) do
        for _, problem in ipairs(entry.check[field]) do
            problem.definition, problem.index = entry.out.name or index, index
            list[#list + 1] = problem
        end
    end
    sort_problems(list)
    for _, problem in ipairs(list) do
        problem.index = nil
    end
    return list
end

-- What readers say of numbers that are not finite has been said before.
local function drop_repeated(check, before)
    local kept = {}
    for i, problem in ipairs(check.errors) do
        if i <= before or not check.infinite[problem.path] then kept[#kept + 1] = problem end
    end
    check.errors = kept
end

local function read(entries, raw, index, values)
    local check = context.new(index)
    check.values = values
    local plain = raw_data.plain(check, raw)
    local before = #check.errors
    local out = plain and reader.read(check, raw) or {}
    drop_repeated(check, before)
    entries[index] = { check = check, out = out, sound = #check.errors == 0 }
    return check.values
end

local function sorted_lists(entries)
    local seen, names = {}, {}
    for _, entry in ipairs(entries) do
        for name in pairs(entry.check.lists) do
            if not seen[name] then
                seen[name], names[#names + 1] = true, name
            end
        end
    end
    table.sort(names)
    return names
end

-- The definitions of a list; a value that is none stands for one definition, which will be refused.
local function given(value)
    local is_list = type(value) == "table" and getmetatable(value) == nil and rawget(value, 1) ~= nil
    if not is_list then return { value }, 1 end
    return value, #value
end

local function check_all(list, count)
    local entries, values = {}, 0
    for index = 1, count do
        values = read(entries, list[index], index, values)
    end
    for key in next, list do
        if type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
            entries[1].check:expected("a definition or a list of definitions",
                "a list with the key " .. context.show(key))
        end
    end
    return entries
end

--- Checks a definition or a list of definitions, which then know each other's scores.
---@param definitions any untrusted; read raw and left as it is
---@return leadscore.Set|nil set nil when there are errors
---@return leadscore.Problem[]|nil errors all of them, in the order of definitions and paths
---@return leadscore.Problem[] warnings
function M.definitions(definitions)
    local list, count = given(definitions)
    local entries = check_all(list, count)
    scores.check(entries)
    local errors, warnings = gather(entries, "errors"), gather(entries, "warnings")
    if errors[1] then return nil, errors, warnings end
    local set = { definitions = {}, lists = sorted_lists(entries), warnings = warnings }
    for index, entry in ipairs(entries) do
        set.definitions[index] = entry.out
    end
    return set, nil, warnings
end

return M
