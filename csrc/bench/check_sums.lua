-- Adds up a file of scores of the standard workload and compares with what must come out.
--   lua5.4 csrc/bench/check_sums.lua w0|w1 SCORES.csv
-- Answers a list of differences when loaded as a chunk with those two values; exits 1 on any when run.

local here = arg and arg[0] and arg[0]:match("^(.*/)check_sums%.lua$") or "csrc/bench/"
local from_command_line = arg and arg[0] and arg[0]:match("check_sums%.lua$") ~= nil

-- "38.75" -> 3875: text, so that nothing is rounded.
local function hundredths(text)
    local sign, whole, fraction = text:match("^(%-?)(%d+)%.?(%d*)$")
    if not whole or #fraction > 2 then return nil end
    local number = tonumber(whole) * 100 + tonumber((fraction .. "00"):sub(1, 2))
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

local function add_up(path)
    local sums, rows = { w1_fit = 0, w1 = 0, w1_by_id = 0 }, 0
    local place
    for line in io.lines(path) do
        local fields = split(line)
        if not place then
            place = {}
            for i, name in ipairs(fields) do
                place[name] = i
            end
        else
            local id, value = tonumber(fields[place.id]), hundredths(fields[place.w1])
            local fit, label = hundredths(fields[place.w1_fit]), fields[place.w1_label]
            if not (id and value and fit) then return nil, rows, "cannot read line " .. rows + 2 .. ": " .. line end
            rows = rows + 1
            sums.w1_fit = sums.w1_fit + fit
            sums.w1 = sums.w1 + value
            sums.w1_by_id = sums.w1_by_id + value * (id % 1009)
            sums[label] = (sums[label] or 0) + 1
        end
    end
    return sums, rows
end

local function differences(scale, path)
    local expected = dofile(here .. "sums.lua")[scale]
    local sums, rows, failure = add_up(path)
    local found = { failure }
    if rows ~= expected.contacts then
        found[#found + 1] = ("rows: expected %d, got %d"):format(expected.contacts, rows)
    end
    local names = {}
    for name in pairs(sums or {}) do names[name] = true end
    for name in pairs(expected.sums) do names[name] = true end
    for name in pairs(names) do
        local got, wanted = sums and sums[name] or 0, expected.sums[name] or 0
        if got ~= wanted then
            found[#found + 1] = ("%s: expected %.0f, got %.0f"):format(name, wanted, got)
        end
    end
    table.sort(found)
    return found
end

if not from_command_line then return differences(...) end

local found = differences(arg[1], arg[2])
for _, text in ipairs(found) do
    io.stderr:write(text, "\n")
end
os.exit(#found == 0 and 0 or 1)
