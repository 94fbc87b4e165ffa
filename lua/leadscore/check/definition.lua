-- A definition as a whole: its kind, limits, thresholds and tests, read by the schema.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")
local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local readers = require("leadscore.check.readers")
local schema = require("leadscore.schema")
local settle = require("leadscore.check.types")
require("leadscore.check.events")
require("leadscore.check.filter")
require("leadscore.check.related")
require("leadscore.check.rule")

local M = {}

local by_type, show = readers.by_type, context.show
local types, null = schema.types, core.null

function by_type.definition_limit(check, value)
    if type(value) ~= "table" or next(value) == nil then return readers.wrong(check, "definition_limit", value) end
    local limit = readers.table(check, value, "definition_limit")
    if limit.min and limit.max and limit.min > limit.max then
        check:expected("min at most max", ("min %s and max %s"):format(show(limit.min), show(limit.max)))
    end
    return limit
end

-- Thresholds ---------------------------------------------------------------------------------------------------------

local SHORT = { value = { "High", "Medium", "Low" }, fit = { "A", "B", "C" }, engagement = { "1", "2", "3" } }

local function read_short(check, raw, part)
    local bounds, labels = readers.table(check, raw, "short_thresholds"), SHORT[part]
    if not bounds.high or not bounds.medium then return nil end
    if bounds.high <= bounds.medium then
        return check:expected_at("medium", "a number below high, " .. show(bounds.high), show(bounds.medium))
    end
    return {
        { label = labels[1], at_least = bounds.high }, { label = labels[2], at_least = bounds.medium },
        { label = labels[3] },
    }
end

local function read_band_at(check, raw, above, last)
    local band = readers.table(check, raw, "threshold")
    if not band then return nil end
    if last and raw.at_least ~= nil and raw.at_least ~= null then
        check:refuse_at("at_least", "the last band has no bound")
    elseif not last and (raw.at_least == nil or raw.at_least == null) then
        check:expected_at("at_least", types.sum.expected, "nothing", nil, "only the last band has no bound")
    elseif band.at_least and above and band.at_least >= above then
        check:expected_at("at_least", "a number below " .. show(above) .. ", the band above", show(band.at_least))
    end
    return band
end

local function check_label(check, band, seen)
    local folded = band.label and core.fold(band.label)
    if folded and seen[folded] then
        check:expected_at("label", "a label that no other band has", show(band.label))
    end
    seen[folded or ""] = true
end

local function read_bands(check, raw)
    local length, at, above, seen = readers.list_length(raw), 0, nil, {}
    return readers.list(check, raw, types.thresholds.expected, function(_, element)
        at = at + 1
        local band = read_band_at(check, element, above, at == length)
        if not band then return nil end
        above = band.at_least or above
        check_label(check, band, seen)
        return band
    end)
end

local function read_part(check, raw, part)
    if type(raw) ~= "table" or next(raw) == nil then return readers.wrong(check, "thresholds", raw) end
    if raw[1] ~= nil then return read_bands(check, raw) end
    return read_short(check, raw, part)
end

function by_type.band_label(check, value)
    if type(value) ~= "string" or readers.trim(value) == "" then return readers.wrong(check, "band_label", value) end
    return value
end

-- `thresholds` of a definition, and inside of it those of fit and engagement.
function by_type.thresholds(check, value, key)
    if key.name ~= "thresholds" then return read_part(check, value, key.name) end
    if type(value) ~= "table" or next(value) == nil then return readers.wrong(check, "thresholds", value) end
    if value.fit == nil and value.engagement == nil then
        local bands = read_part(check, value, "value")
        return bands and { bands = bands }
    end
    local parts = readers.table(check, value, "combined_thresholds")
    if not parts.fit or not parts.engagement then return nil end
    local named = value.fit[1] ~= nil or value.engagement[1] ~= nil
    return { fit = parts.fit, engagement = parts.engagement, separator = named and " " or "" }
end

-- Tests --------------------------------------------------------------------------------------------------------------

function by_type.given(check, value)
    if type(value) ~= "table" or value[1] ~= nil then return readers.wrong(check, "given", value) end
    return value
end

function by_type.expect(check, value)
    if type(value) ~= "table" or next(value) == nil or value[1] ~= nil then
        return readers.wrong(check, "expect", value)
    end
    local known = {}
    for _, name in ipairs(schema.results) do
        known[name] = true
    end
    for key in next, value do
        if not known[key] then
            check:expected_at(key, "a result (" .. table.concat(schema.results, ", ") .. ")", show(key),
                nearest.name(key, schema.results))
        end
    end
    return value
end

function by_type.tests(check, value)
    return readers.list(check, value, types.tests.expected, function(_, test)
        return readers.table(check, test, "test")
    end)
end

-- The definition -----------------------------------------------------------------------------------------------------

-- "engagement", "fit" or "combined"; nil when a group's kind is not known.
local function found_kind(groups)
    local has = {}
    for _, group in ipairs(groups or {}) do
        if not group.kind then return nil end
        has[group.kind] = true
    end
    return has.fit and has.engagement and "combined" or has.fit and "fit" or has.engagement and "engagement" or nil
end

local function check_kind(check, raw, out)
    local kind = found_kind(out.groups)
    if out.kind and kind and out.kind ~= kind then
        check:expected_at("kind", show(kind) .. ", the kind of its groups", show(out.kind))
    end
    out.kind = kind
    if not kind then return end
    for part in pairs(SHORT) do
        local lacks = part ~= "value" and kind ~= "combined" and kind ~= part
        if lacks and out.limit and out.limit[part] then
            check:push("limit")
            check:refuse_at(part, ("the score has no %s groups"):format(part))
            check:pop()
        end
    end
    if kind ~= "combined" and out.thresholds and out.thresholds.fit then
        check:expected_at("thresholds", "thresholds of one value, since the score is not combined",
            show(raw.thresholds))
    end
end

local function check_limits(check)
    local limits = schema.limits
    if check.rules > limits.rules then
        check:expected(("at most %d rules in a definition"):format(limits.rules), tostring(check.rules))
    end
    if check.literals > limits.literals then
        check:expected(("at most %d values to compare with in a definition"):format(limits.literals),
            tostring(check.literals))
    end
end

--- Reads a definition that is plain data.
---@param check table
---@param raw table
---@return table|nil definition of the canonical form
function M.read(check, raw)
    if type(raw) ~= "table" or next(raw) == nil or raw[1] ~= nil then
        return check:expected("a definition: a table with name and groups", show(raw))
    end
    check.object = type(raw.object) == "string" and schema.relations[raw.object] and raw.object or "contact"
    settle.begin(check)
    settle.declare(check, raw)
    settle.settle(check, raw)
    local out = readers.table(check, raw, "definition")
    out.object = out.object or "contact"
    if not out.empty_until_scored then out.empty_until_scored = nil end
    check_kind(check, raw, out)
    check_limits(check)
    out.properties = check.read
    settle.warn_unused(check, raw.properties)
    return out
end

return M
