-- The canonical form of checked definitions: JSON with sorted keys and exact numbers, the same text however a
-- definition was written. The core prints it and compiles it. The identity text, over which the fingerprint is taken,
-- is the same with texts folded and without what cannot change a score.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")

local M = {}

local function set_text(definitions, identity, extra)
    return '{"definitions":' .. core.canonical(definitions, identity) .. ',"language":' .. core.language .. extra .. "}"
end

-- The definitions and all whose scores they use, in the order of their names.
local function with_used(definitions)
    local seen, list = {}, {}
    local function add(one)
        if seen[one.name] then return end
        seen[one.name], list[#list + 1] = true, one
        for _, used in ipairs(one.uses or {}) do
            add(used)
        end
    end
    for _, one in ipairs(definitions) do
        add(one)
    end
    table.sort(list, function(a, b) return a.name < b.name end)
    return list
end

--- The canonical form of a checked set: what the core compiles.
---@param set leadscore.Set
---@return string json
function M.text(set)
    return set_text(set.definitions, false, "")
end

--- The text whose fingerprint is taken: all that can change a score, texts folded.
---@param checked table a checked set, or one definition of it (with the definitions whose scores it uses)
---@return string json
function M.identity(checked)
    local list = with_used(checked.definitions or { checked })
    local first = checked.definitions and "" or (',"of":"%s"'):format(checked.name)
    return set_text(list, true, ('%s,"unicode":"%s"'):format(first, core.unicode_version))
end

--- The fingerprint of a set or of one definition: 32 hexadecimal digits.
---@param checked table a checked set, or one definition of it
---@return string
function M.fingerprint(checked)
    return core.fingerprint(M.identity(checked))
end

return M
