-- What the bench tells: a table with goals and what was measured side by side, and the same as JSON with every run.

local goals = require("goals")

local M = {}

-- ---- rows -------------------------------------------------------------------------------------------------------

-- What a unit does on a machine that is twice as slow.
local SCALED = { ["ns/event"] = 1, us = 1, ms = 1, ["MB/s"] = -1 }

local function is_met(most, least, value)
    return most and value <= most or least and value >= least
end

-- A goal is met, met on the reference machine ("scaled": here it is missed by no more than this machine is slower),
-- missed, or nil: there is none, or it was not measured.
local function verdict(row, key, value, slowness)
    local most, least = (row.most or {})[key], (row.least or {})[key]
    if not value or not (most or least) then return nil end
    if is_met(most, least, value) then return "met" end
    local power = SCALED[row[2]]
    return slowness and power and is_met(most, least, value / slowness ^ power) and "scaled" or "missed"
end

local function cell(row, measures, workload, slowness)
    if not workload then return nil end
    local formula, key = row[3], workload.key
    local value = formula(measures, workload, "wall")
    return { value = value, cpu = formula(measures, workload, "cpu"), verdict = verdict(row, key, value, slowness),
        most = (row.most or {})[key], least = (row.least or {})[key] }
end

--- Every row with its cells: { title =, unit =, w1 = cell, w2 = cell }; a heading has only its title.
---@param workloads table by the names that goals.lua uses: { key =, prefix =, events =, bytes = }
function M.rows(measures, workloads)
    local rows, slowness = {}, goals.slowness(measures, workloads.w1, "wall")
    for i, row in ipairs(goals) do
        rows[i] = { title = row.title or row[1], unit = row[2] }
        for _, key in ipairs(row[4] or {}) do
            rows[i][key == "w2" and "w2" or "w1"] = cell(row, measures, workloads[key], slowness)
        end
    end
    return rows
end

-- ---- the table --------------------------------------------------------------------------------------------------

local function short(value)
    if not value then return "-" end
    if value >= 100 then return ("%.0f"):format(value) end
    return (value >= 10 and "%.1f" or value >= 1 and "%.2f" or "%.3f"):format(value)
end

local function goal_of(one)
    if one and one.most then return "<= " .. ("%g"):format(one.most) end
    return one and one.least and ">= " .. ("%g"):format(one.least) or ""
end

local function columns(one)
    if not one then return "", "", "", "" end
    return goal_of(one), short(one.value), one.cpu and one.cpu ~= one.value and short(one.cpu) or "", one.verdict or ""
end

local LINE = "%-46s %-9s|%8s %9s %9s %-6s|%8s %9s %9s %-6s"

local function trimmed(text)
    return (text:gsub("%s+$", ""))
end

--- The table as text.
function M.table(rows)
    local head = { "W1 goal", "measured", "by CPU", "", "W2 goal", "measured", "by CPU", "" }
    local lines = { trimmed(LINE:format("", "", table.unpack(head))) }
    for _, row in ipairs(rows) do
        if not row.unit then
            lines[#lines + 1] = row.title
        else
            local a, b, c, d = columns(row.w1)
            lines[#lines + 1] = trimmed(LINE:format("  " .. row.title, row.unit, a, b, c, d, columns(row.w2)))
        end
    end
    return table.concat(lines, "\n")
end

--- The same in Markdown: by the clock alone.
function M.markdown(rows)
    local lines = { "| | | goal | W1 | | goal | W2 | |", "|---|---|---|---|---|---|---|---|" }
    for _, row in ipairs(rows) do
        local a, b, _, d = columns(row.w1)
        local e, f, _, h = columns(row.w2)
        lines[#lines + 1] = row.unit
            and ("| %s | %s | %s | %s | %s | %s | %s | %s |"):format(trimmed(row.title:gsub("^  ", "… ")), row.unit,
                a, b, d, e, f, h)
            or ("| **%s** | | | | | | | |"):format(row.title)
    end
    return table.concat(lines, "\n")
end

-- ---- JSON -------------------------------------------------------------------------------------------------------

local function sorted_keys(value)
    local keys = {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

--- Tables of texts, numbers, booleans and tables as JSON.
function M.json(value)
    if type(value) == "string" then
        return '"' .. value:gsub('[%c"\\]', function(byte) return ("\\u%04x"):format(byte:byte()) end) .. '"'
    elseif type(value) ~= "table" then
        return type(value) == "number" and math.type(value) == "float" and ("%.9g"):format(value) or tostring(value)
    end
    local parts = {}
    if value[1] ~= nil then
        for i, each in ipairs(value) do
            parts[i] = M.json(each)
        end
        return "[" .. table.concat(parts, ",") .. "]"
    end
    for i, key in ipairs(sorted_keys(value)) do
        parts[i] = M.json(key) .. ":" .. M.json(value[key])
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

return M
