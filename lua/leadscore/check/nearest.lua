-- The nearest of some names, for messages about a name that is none of them.

if jit then jit.off(true, true) end -- see leadscore.check.context

local M = {}

local min = math.min

-- The number of insertions, deletions, changes and swaps of neighbours that make one text the other.
local function distance(a, b)
    local before
    local last, row = {}, {}
    for j = 0, #b do
        row[j] = j
    end
    for i = 1, #a do
        before, last, row = last, row, { [0] = i }
        for j = 1, #b do
            local x, y = a:byte(i), b:byte(j)
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x == y and 0 or 1))
            if i > 1 and j > 1 and x == b:byte(j - 1) and y == a:byte(i - 1) then
                row[j] = min(row[j], before[j - 2] + 1)
            end
        end
    end
    return row[#b]
end

--- The name that is nearest to a text and near enough to be meant; of equally near ones the first in the alphabet.
---@param text any
---@param names table a list of names, or a table with names as keys
---@return string|nil
function M.name(text, names)
    if type(text) ~= "string" or #text > 100 then return nil end
    local best, least = nil, nil
    for key, value in pairs(names) do
        local name = type(key) == "string" and key or value
        local length = math.max(#text, #name)
        local most = min(length - 1, math.max(1, math.floor(length / 3)))
        -- No name is nearer than the lengths differ, and one may be megabytes long.
        if length - min(#text, #name) <= most then
            local far = distance(text:lower(), name:lower())
            if far <= most and (not best or far < least or far == least and name < best) then
                best, least = name, far
            end
        end
    end
    return best
end

return M
