-- Conditions: what follows a property or a score in a filter, and the conditions of bands. Shorthand is spelt out, and
-- every literal is held against the property's settled type. Dates become intervals, spans become seconds.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local schema = require("leadscore.schema")

local M = {}

local null, show, trim = core.null, context.show, readers.trim

-- A subject is what a condition asks about: { name = in messages, kind = the type's name, type = the schema's type,
-- declared = true when a declaration would not help }.

local function hint(subject)
    if subject.declared then return nil end
    return ("%s is read as %s: declare its type in properties"):format(subject.name, subject.kind)
end

local function wrong(check, subject, expected, value)
    check:expected(expected, show(value), nil, type(value) ~= "table" and hint(subject) or nil)
end

local function text_literal(check, value, subject, raw)
    if type(value) ~= "string" then return wrong(check, subject, "a text", value) end
    local text = raw and value or trim(value)
    if text == "" then return check:expected("a text that is not empty", show(value)) end
    if subject.kind == "set" and text:find(";", 1, true) and not raw then
        check:warn("; separates the values of a set, so none of them can be " .. show(text))
    end
    return text
end

local LITERALS = {
    text = text_literal,
    set = text_literal,
    number = function(check, value, subject)
        if type(value) ~= "number" then return wrong(check, subject, "a number", value) end
        if value - value ~= 0 then return wrong(check, subject, "a finite number", value) end
        return value == 0 and 0 or value
    end,
    boolean = function(check, value, subject)
        if type(value) ~= "boolean" then return wrong(check, subject, "true or false", value) end
        return value
    end,
    datetime = function(check, value, subject)
        local from, past = readers.interval(value)
        if not from then
            local meant = type(value) == "string" and value:find("^%s*%d") -- a date, then, but none that can be read
            return check:expected(schema.types.date.expected, show(value), nil, not meant and hint(subject) or nil)
        end
        return { from, past }
    end,
    points = function(check, value)
        return readers.exact(check, value, schema.limits.sum)
    end,
}

--- Reads one literal of a subject's type: text (trimmed unless raw), number, boolean, or an interval { from, until }.
---@param check table
---@param value any
---@param subject table
---@param raw boolean|nil
---@return any
function M.literal(check, value, subject, raw)
    check.literals = check.literals + 1
    return LITERALS[subject.kind](check, value, subject, raw)
end
local literal = M.literal

-- Without values that are equal to others; of texts that fold alike the first in byte order stays.
local function distinct(values)
    if #values < 2 then return values end
    table.sort(values)
    local seen, out = {}, {}
    for i = 1, #values do
        local value = values[i]
        local same = type(value) == "string" and core.fold(value) or value
        if not seen[same] then
            seen[same], out[#out + 1] = true, value
        end
    end
    return out
end

local function read_list(check, value, subject, raw)
    local length = readers.list_length(value)
    if not length then
        return check:expected("a list, such as { A, B }, of which each is " .. subject.type.literal, show(value))
    end
    local values, stack, depth = {}, check.stack, check.depth + 1
    check.depth = depth
    for i = 1, length do
        stack[depth] = i
        values[#values + 1] = literal(check, value[i], subject, raw)
    end
    check.depth = depth - 1
    return values[1] ~= nil and distinct(values) or nil
end

local function high(value)
    return type(value) == "table" and value[2] - 1 or value
end

local function low(value)
    return type(value) == "table" and value[1] or value
end

-- The first date stands for its start, the last for its end.
local function read_pair(check, value, subject)
    local expected = "two values { LOW, HIGH }, of which each is " .. subject.type.literal
    if readers.list_length(value) ~= 2 then return check:expected(expected, show(value)) end
    local first, last
    check:push(1)
    first = literal(check, value[1], subject)
    check.stack[check.depth] = 2
    last = literal(check, value[2], subject)
    check:pop()
    if first == nil or last == nil then return nil end
    if low(first) > high(last) then
        return check:expected(expected, ("{ %s, %s }"):format(show(value[1]), show(value[2])), nil,
            "put the lower one first")
    end
    return { first, last }
end

local TAKES = {
    one = function(check, value, subject, raw)
        local one = literal(check, value, subject, raw)
        if one == nil then return nil end
        return { one }
    end,
    list = read_list,
    some = function(check, value, subject, raw)
        if type(value) == "table" then return read_list(check, value, subject, raw) end
        local one = literal(check, value, subject, raw)
        return one and { one }
    end,
    pair = read_pair,
    span = function(check, value)
        local seconds = readers.by_type.span(check, value)
        return seconds and { seconds }
    end,
}

-- Tests as the canonical form has them, from an operator and what it took.
local function date_test(operator, name, taken)
    local first, last = taken[1], taken[2] or taken[1]
    if operator.takes == "span" then return { name, first } end
    if name == "before" then return { "before", first[1] } end
    if name == "since" then return { "since", first[2] } end
    return { name, first[1], last[2] }
end

local function make_test(subject, operator, taken)
    local name = operator.test
    if subject.kind == "datetime" then return date_test(operator, name, taken) end
    if name == "is_not" then return { "is", not taken[1] } end
    local test = { name }
    for i = 1, #taken do
        test[i + 1] = taken[i]
    end
    return test
end

local function belongs_elsewhere(name)
    for _, kind in pairs(schema.property_types) do
        if kind.operators[name] then return true end
    end
    return false
end

local function unknown_operator(check, name, subject)
    local names = table.concat(subject.type.names, ", ")
    local near = nearest.name(name, subject.type.operators) or nearest.name(name, schema.common_operators)
    local advice = nil
    if belongs_elsewhere(name) then near, advice = nil, hint(subject) end
    check:expected(("an operator of %s (known, missing, %s)"):format(subject.kind, names), show(name), near, advice)
end

-- A set that only other uses prove takes texts under some operators; the rest is a mixture.
local function fits(subject, name)
    return subject.kind ~= "set" or subject.declared or schema.fits_set[name]
end

local function read_operator(check, tests, name, value, subject)
    local operator = subject.type.operators[name]
    if not operator then return unknown_operator(check, name, subject) end
    if not fits(subject, name) then
        return check:expected("an operator that shows a set (any_of, all_of, none_of, exactly)", show(name), nil,
            hint(subject))
    end
    local taken = TAKES[operator.takes](check, value, subject, operator.raw)
    if taken then tests[#tests + 1] = make_test(subject, operator, taken) end
end

local function read_flag(check, value)
    if type(value) ~= "boolean" then return readers.wrong(check, "boolean", value) end
    return value
end

local function read_operators(check, raw, subject, skip)
    local out, tests, others, stack, depth = {}, {}, false, check.stack, check.depth + 1
    check.depth = depth
    for name, value in next, raw do
        if name ~= skip and value ~= null then
            stack[depth] = name
            if name == "missing" then
                out.missing = read_flag(check, value) or nil
            else
                others = true
                if name == "known" then
                    out.known = read_flag(check, value)
                else
                    read_operator(check, tests, name, value, subject)
                end
            end
        end
    end
    check.depth = depth - 1
    if not others then
        check:expected("a condition with an operator" .. (raw.missing ~= nil and " beside missing" or ""), show(raw))
    end
    if tests[1] then out.tests = tests end
    return out
end

--- Reads a condition: a scalar, a list, or a table of operators.
---@param check table
---@param raw any
---@param subject table
---@return table condition of the canonical form
function M.condition(check, raw, subject)
    if type(raw) ~= "table" then
        local tests = {}
        read_operator(check, tests, "is", raw, subject)
        return { tests = tests }
    elseif raw[1] ~= nil then
        local tests = {}
        read_operator(check, tests, "any_of", raw, subject)
        return { tests = tests }
    end
    return read_operators(check, raw, subject)
end

--- Reads a band: operators beside its points.
---@param check table
---@param raw table
---@param subject table
---@return table condition of the canonical form
function M.band(check, raw, subject)
    return read_operators(check, raw, subject, "points")
end

--- The subject of a property; notes that it is read.
---@param check table
---@param owner string
---@param name string
---@return table
function M.property(check, owner, name)
    local qualified, kind = check:use(owner, name)
    local subject = check.subjects[qualified]
    if not subject then
        subject = { name = qualified, kind = kind, type = schema.property_types[kind],
            declared = check.declared[qualified] ~= nil }
        check.subjects[qualified] = subject
    end
    return subject
end

local LABEL = { kind = "text", type = schema.property_types.text, declared = true }
local POINTS = { kind = "points", type = schema.points_type, declared = true }

--- The subject of a score's part.
---@param part string
---@return table
function M.score(part)
    return part == "label" and LABEL or POINTS
end

return M
