-- The first look at an untrusted table: is it plain data? Tables are read raw; what has a metatable, a cycle, a
-- function or too much depth is refused, so that what comes after may index, iterate and recurse freely. Numbers that
-- are not finite are wrong too, but hinder nobody: the rest is read in spite of them.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local context = require("leadscore.check.context")
local limits = require("leadscore.schema").limits

local M = {}

local null = core.null
local depth_limit, value_limit = limits.depth, limits.values

local function is_finite(number)
    return number - number == 0
end

local PLAIN = { string = true, boolean = true }

local function wrong_key(check, key)
    check:expected("a text, number or boolean as key", context.show(key))
end

local function wrong_value(check, value)
    if type(value) ~= "number" then return check:expected("plain data", context.show(value)) end
    check:expected("a finite number", context.show(value))
    check.infinite[check.errors[#check.errors].path] = true
    check.infinite_count = check.infinite_count + 1
end

local function refusal(check, value, above)
    if getmetatable(value) ~= nil then return "plain data", "a table with a metatable" end
    if above[value] then return "plain data", "a table that holds itself" end
    if check.depth >= depth_limit then return ("at most %d nested tables"):format(depth_limit), "more" end
    return nil
end

-- `above`: the tables that this one is in. Paths are kept for tables alone, and made for what is wrong.
local function scan(check, value, above)
    local expected, got = refusal(check, value, above)
    if expected then return check:expected(expected, got) end
    local stack, depth, count = check.stack, check.depth + 1, check.values
    above[value], check.depth = true, depth
    for key, inner in next, value do
        local kind = type(key)
        count = count + 1
        stack[depth] = key
        if not PLAIN[kind] and not (kind == "number" and is_finite(key)) then
            wrong_key(check, key)
        elseif count > value_limit then
            break
        end
        kind = type(inner)
        if kind == "table" then
            check.values = count
            scan(check, inner, above)
            count = check.values
        elseif not PLAIN[kind] and inner ~= null and not (kind == "number" and is_finite(inner)) then
            wrong_value(check, inner)
        end
    end
    above[value], check.depth, check.values = nil, depth - 1, count
end

--- Whether a value can be read on as plain data; what is wrong is noted as errors, in `check.infinite` the places of
--- numbers that are not finite. `check.values` counts on from its value.
---@param check table
---@param value any
---@return boolean
function M.plain(check, value)
    local before, count = #check.errors, check.values
    check.infinite, check.infinite_count = {}, 0
    if type(value) == "table" then
        local values = count <= value_limit and core.plain_values(value, depth_limit, value_limit - count)
        if values then
            check.values = count + values
            return true
        end
        scan(check, value, {})
    end
    if count <= value_limit and check.values > value_limit then
        check:expected(("at most %d values"):format(value_limit), "more")
    end
    return #check.errors == before + check.infinite_count
end

return M
