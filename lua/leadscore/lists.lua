-- Plain lists in files: one entry a line, the first field of CSV, with or without a header. For lists that are edited
-- or small; those that definitions name are read by the core.

local core = require("leadscore.core")
local errors = require("leadscore.error")

local M = {}

local function entry_of(line)
    local quoted = line:match('^%s*"(.*)$')
    if not quoted then return line:match("^[^,]*"):match("^%s*(.-)%s*$") end
    local text = quoted:gsub('""', "\1"):match('^([^"]*)"')
    return text and (text:gsub("\1", '"'):match("^%s*(.-)%s*$"))
end

--- Reads a list, each entry once, in order.
---@param path string
---@param header? string the first line if it is this is passed over; "id" when left out
---@return string[]|nil entries
---@return leadscore.Error|nil err
function M.read(path, header)
    local file, message = io.open(path, "rb")
    local text
    if file then
        text, message = file:read("*a")
        file:close()
    end
    if not text then
        return nil, errors.new({ kind = "io", file = path, message = errors.system(message or "cannot read it", path) })
    end
    local list, seen, number = {}, {}, 0
    for line in (text:gsub("^\239\187\191", "") .. "\n"):gmatch("(.-)\r?\n") do
        number = number + 1
        local entry = entry_of(line)
        if not entry then
            return nil, errors.new({ file = path, line = number, message = "expected a closing quote" })
        end
        if entry ~= "" and not seen[entry] and not (number == 1 and entry == (header or "id")) then
            list[#list + 1], seen[entry] = entry, true
        end
    end
    return list
end

local function cell(text)
    return text:find('[",\r\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

--- Writes a list as CSV with the header id; whole or not at all.
---@param path string
---@param list string[]
---@return boolean|nil ok
---@return leadscore.Error|nil err
function M.write(path, list)
    local output, err = core.output(path == "-" and 1 or path)
    if not output then return nil, errors.with_file(errors.wrap(err, "io"), path) end
    local lines = { "id" }
    for i, entry in ipairs(list) do
        lines[i + 1] = cell(entry)
    end
    local ok, problem = output:write(table.concat(lines, "\n") .. "\n")
    if ok then ok, problem = output:commit() end
    output:close()
    if not ok then return nil, errors.with_file(errors.wrap(problem, "io"), path) end
    return true
end

return M
