-- Adds up a file of scores and compares with what a workload must give. As a program:
--   lua5.4 csrc/bench/sums.lua WORKLOAD SCORES.csv [OBJECT]     exits 1 on any difference

local M = {}

--- "38.75" -> 38750000: text, so that nothing is rounded.
function M.millionths(text)
    local sign, whole, fraction = text:match("^(%-?)(%d+)%.?(%d*)$")
    if not whole or #fraction > 6 then return nil end
    local number = tonumber(whole .. (fraction .. "000000"):sub(1, 6))
    return sign == "-" and -number or number
end

-- The fields of a line without quotes: ids, numbers and labels have none.
local function split(line)
    local fields = {}
    for field in (line .. ","):gmatch("([^,]*),") do
        fields[#fields + 1] = field
    end
    return fields
end

--- What scores add up to, in millionths of a point: each column NAME, "NAME by row" (times the row's number, from 1,
--- modulo `modulus`), and how many have a label ("NAME_label A1").
---@param rows fun(): string[]|nil the next row's fields in the order of the names
---@param names string[] "id" first
---@param modulus integer
---@return table|nil sums
---@return integer|string rows how many; or what cannot be read
function M.add_up(rows, names, modulus)
    local sums, count = {}, 0
    for fields in rows do
        count = count + 1
        for i = 2, #names do
            local name, field = names[i], fields[i]
            if name:find("_label$") then
                local key = name .. " " .. field
                sums[key] = (sums[key] or 0) + 1
            elseif field ~= "" then
                local value = M.millionths(field)
                if not value then return nil, ("row %d: %s: cannot read %q"):format(count, name, field) end
                local by_row = name .. " by row"
                sums[name] = (sums[name] or 0) + value
                sums[by_row] = (sums[by_row] or 0) + value * (count % modulus)
            end
        end
    end
    return sums, count
end

--- The same of a file.
function M.of_file(path, modulus)
    local lines = io.lines(path)
    local names = split(lines())
    return M.add_up(function()
        local line = lines()
        return line and split(line)
    end, names, modulus)
end

--- What is not as expected, one text each.
---@param expected { rows: integer, modulus: integer, unit: integer, sums: table } unit: of a sum, in millionths
---@return string[]
function M.differences(expected, path)
    local sums, rows = M.of_file(path, expected.modulus)
    if not sums then return { rows } end
    local found = {}
    if rows ~= expected.rows then
        found[1] = ("rows: expected %d, got %d"):format(expected.rows, rows)
    end
    for name, wanted in pairs(expected.sums) do
        wanted = name:find("_label ") and wanted or wanted * expected.unit
        if (sums[name] or 0) ~= wanted then
            found[#found + 1] = ("%s: expected %d, got %d"):format(name, wanted, sums[name] or 0)
        end
    end
    table.sort(found)
    return found
end

if not (arg and arg[0] and arg[0]:find("sums%.lua$") and not arg[0]:find("w2_sums")) then return M end

local workload = dofile("csrc/bench/workloads.lua")[arg[1]]
local found = M.differences(workload.expected[arg[3] or "contact"], arg[2])
for _, text in ipairs(found) do
    io.stderr:write(text, "\n")
end
os.exit(#found == 0 and 0 or 1)
