-- Readers: one for each type of the schema. A reader gets the check, a value that is not nil, the schema's key and the
-- table around it; it answers the canonical value, or notes errors and answers nil. This file has the driver that reads
-- any table by its schema, and the readers of plain values; filters, events, rules and definitions add theirs.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local schema = require("leadscore.schema")

local M = {}

local floor, abs, byte = math.floor, math.abs, string.byte
local null, show = core.null, context.show
local types, limits = schema.types, schema.limits

--- Whether there is a value: null of JSON is none.
---@param value any
---@return boolean
function M.is_set(value)
    return value ~= nil and value ~= null
end

--- Readers by the name of their type.
M.by_type = {}
local by_type = M.by_type

local BLANK = { [32] = true, [9] = true, [13] = true, [10] = true }

--- A text without blanks at its ends.
---@param text string
---@return string
function M.trim(text)
    if not BLANK[byte(text, 1)] and not BLANK[byte(text, -1)] then return text end
    return text:match("^[ \t\r\n]*(.-)[ \t\r\n]*$")
end
local trim = M.trim

--- Notes that a value is not of a type of the schema.
---@param check table
---@param name string the type's
---@param value any
---@param near string|nil the nearest known name
function M.wrong(check, name, value, near)
    check:expected(types[name].expected, show(value), near)
end
local wrong = M.wrong

-- Of each table of the schema: its keys by name, and the required ones.
local shapes = {}
for name, shape in pairs(schema.tables) do
    local by_name, required = {}, {}
    for _, key in ipairs(shape.keys) do
        by_name[key.name] = key
        if key.required then required[#required + 1] = key end
    end
    shapes[name] = { title = shape.title, by_name = by_name, required = required }
end

local function unknown_key(check, shape, key)
    check:expected("a key of " .. shape.title, show(key), nearest.name(key, shape.by_name))
end

local function check_required(check, raw, shape)
    for _, key in ipairs(shape.required) do
        local value = raw[key.name]
        if value == nil or value == null then
            check:expected_at(key.name, types[key.type].expected, "nothing")
        end
    end
end

--- Reads a table by its schema: every known key by its type's reader. Unknown and missing keys are errors.
---@param check table
---@param raw any
---@param name string of the schema's table
---@return table|nil out the canonical values by key; nil when it is no table or empty
function M.table(check, raw, name)
    local shape, out = shapes[name], {}
    if type(raw) ~= "table" or next(raw) == nil then
        check:expected(shape.title, show(raw))
        return nil
    end
    local by_name, stack, depth, required = shape.by_name, check.stack, check.depth + 1, 0
    check.depth = depth
    for field, value in next, raw do
        local key = by_name[field]
        stack[depth] = field
        if not key then
            unknown_key(check, shape, field)
        elseif value ~= null then
            if key.required then required = required + 1 end
            out[field] = by_type[key.type](check, value, key, raw)
        end
    end
    check.depth = depth - 1
    if required < #shape.required then check_required(check, raw, shape) end
    return out
end

--- The number of elements of a value that is a list and nothing else, nil otherwise.
---@param value any
---@return integer|nil
M.list_length = core.list_length
local list_length = M.list_length

--- Reads a list that is not empty, each element by a function(check, element).
---@param check table
---@param raw any
---@param expected string completes the message when it is no list
---@param read function
---@return table|nil the canonical elements, without those that are wrong
function M.list(check, raw, expected, read)
    local length = list_length(raw)
    if not length then
        check:expected(expected, show(raw))
        return nil
    end
    local out, count, stack, depth = {}, 0, check.stack, check.depth + 1
    check.depth = depth
    for i = 1, length do
        stack[depth] = i
        local element = read(check, raw[i])
        if element ~= nil then
            count = count + 1
            out[count] = element
        end
    end
    check.depth = depth - 1
    return out
end

-- Texts --------------------------------------------------------------------------------------------------------------

function by_type.any_text(check, value)
    if type(value) ~= "string" or trim(value) == "" then return wrong(check, "any_text", value) end
    return value
end

function by_type.name(check, value)
    local fits = type(value) == "string" and #value <= limits.name and value:find("^[a-z][a-z0-9_]*$")
    if not fits then return wrong(check, "name", value) end
    return value
end

function by_type.property(check, value)
    if type(value) ~= "string" or trim(value) == "" then return wrong(check, "property", value) end
    return value
end

function by_type.label_text(check, value)
    if type(value) ~= "string" or trim(value) == "" then return wrong(check, "label_text", value) end
    return trim(value)
end

local function one_of(name, ...)
    local known = {}
    for i = 1, select("#", ...) do
        known[select(i, ...)] = true
    end
    by_type[name] = function(check, value)
        if type(value) ~= "string" or not known[value] then
            return wrong(check, name, value, nearest.name(value, known))
        end
        return value
    end
end

one_of("kind", "engagement", "fit", "combined")
one_of("group_kind", "engagement", "fit")
one_of("curve", "linear")
one_of("object", "contact", "company", "deal")
one_of("combine", "sum", "avg", "max", "min")
one_of("rollup", "sum", "avg", "max", "min", "count")

function by_type.boolean(check, value)
    if type(value) ~= "boolean" then return wrong(check, "boolean", value) end
    return value
end

function by_type.language(check, value)
    if value ~= core.language then
        local newer = type(value) == "number" and value > core.language
        return check:expected("language " .. core.language, show(value), nil,
            newer and "this is leadscore " .. core.version .. ", a newer one may read it" or nil)
    end
    return nil
end

-- Numbers ------------------------------------------------------------------------------------------------------------

--- The number itself when it has at most 6 decimals: a float means its shortest round-trip decimal. -0 becomes 0.
---@param value any
---@return number|nil
function M.decimal(value)
    if type(value) ~= "number" or value - value ~= 0 then return nil end
    if value == floor(value) then return value == 0 and 0 or value end
    -- From 2^33 on neighbouring doubles are further apart than a millionth: the shortest decimal has 6 places or less.
    if abs(value) >= 8589934592 then return value end
    local millionths = floor(value * 1000000 + 0.5)
    for n = millionths - 1, millionths + 1 do -- the product may be rounded to a neighbour
        if n / 1000000 == value then return value end
    end
    return nil
end

--- Reads an exact decimal within [-limit, limit].
---@param check table
---@param value any
---@param limit number
---@param expected string|nil completes the message when it is no such number
---@return number|nil
function M.exact(check, value, limit, expected)
    local number = M.decimal(value)
    if not number then
        return check:expected(expected or types.points.expected, show(value))
    elseif number < -limit or number > limit then
        return check:expected(("a number from -%d to %d"):format(limit, limit), show(value))
    end
    return number
end

function by_type.points(check, value)
    return M.exact(check, value, limits.points)
end

function by_type.sum(check, value)
    return M.exact(check, value, limits.sum)
end

function by_type.weight(check, value)
    return M.exact(check, value, limits.weight)
end

function by_type.percent(check, value)
    local number = M.exact(check, value, limits.sum)
    if number and (number <= 0 or number > 100) then return wrong(check, "percent", value) end
    return number
end

--- Reads a whole number of at least `least`.
---@param check table
---@param value any
---@param least number
---@param expected string completes the message when it is none
---@return number|nil
function M.whole(check, value, least, expected)
    local fits = type(value) == "number" and value == floor(value)
    if not fits or value < least then
        return check:expected(expected, show(value))
    elseif value > limits.count then
        return check:expected(("a whole number up to %d"):format(limits.count), show(value))
    end
    return value
end

function by_type.times_count(check, value)
    return M.whole(check, value, 0, types.times_count.expected)
end

function by_type.times_from_one(check, value)
    return M.whole(check, value, 1, types.times_from_one.expected)
end

by_type.latest = by_type.times_from_one
by_type.top = by_type.times_from_one

--- Reads two values { LOW, HIGH } by a function(check, value), the first not above the second.
---@param check table
---@param raw any
---@param expected string completes the message when it is no such pair
---@param read function
---@return table|nil
function M.pair(check, raw, expected, read)
    if M.list_length(raw) ~= 2 then return check:expected(expected, show(raw)) end
    local pair = M.list(check, raw, expected, read)
    if not pair[2] then return nil end
    if pair[1] > pair[2] then
        return check:expected(expected, ("{ %s, %s }"):format(show(raw[1]), show(raw[2])), nil,
            "put the lower one first")
    end
    return pair
end

function by_type.times_pair(check, value)
    return M.pair(check, value, types.times_pair.expected, by_type.times_count)
end

-- Time ---------------------------------------------------------------------------------------------------------------

local spans = {} -- spans of units in the singular and the plural
for unit, seconds in pairs(schema.units) do
    spans[unit], spans[unit .. "s"] = seconds, seconds
end

--- Reads `INTEGER UNIT` as seconds.
function by_type.span(check, value)
    local count, unit
    if type(value) == "string" then count, unit = trim(value):match("^(%d+)[ \t]+(%a+)$") end
    local seconds = unit and spans[unit]
    if not seconds or tonumber(count) < 1 then
        return wrong(check, "span", value, unit and not seconds and nearest.name(unit, spans) or nil)
    end
    seconds = tonumber(count) * seconds
    if seconds > limits.span then return check:expected("a span of at most 10000 years", show(value)) end
    return seconds
end

-- The instants that can be read: the years 0001 to 9999.
local EARLIEST, LATEST = -62135596800, 253402300799

--- The interval [from, until) in seconds that a date literal means, nil when it is none.
---@param value any
---@return number|nil from
---@return number|nil until
function M.interval(value)
    if type(value) == "string" then
        return core.read_time(trim(value))
    elseif type(value) == "number" then
        local second = floor(value)
        if second >= EARLIEST and second <= LATEST then return second, second + 1 end
    end
    return nil
end

function by_type.date(check, value)
    local from, past = M.interval(value)
    if not from then return wrong(check, "date", value) end
    return { from, past }
end

function by_type.date_pair(check, value)
    local expected = types.date_pair.expected
    if M.list_length(value) ~= 2 then return check:expected(expected, show(value)) end
    local pair = M.list(check, value, expected, by_type.date)
    if not pair[2] then return nil end
    if pair[1][1] >= pair[2][2] then
        return check:expected(expected, ("{ %s, %s }"):format(show(value[1]), show(value[2])))
    end
    return { pair[1][1], pair[2][2] }
end

function by_type.test_time(check, value)
    if not M.interval(value) then return wrong(check, "test_time", value) end
    return value
end

return M
