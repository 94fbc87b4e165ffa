-- The command's main: parses arguments, runs the command's module, turns whatever happens into an exit code and at
-- most a few lines on standard error, never a traceback.
--
-- Exit: 0 done, 1 bad input or definition, 2 wrong usage, 74 an I/O failure, 130 interrupted.

local stop = require("leadscore.command.stop")

local M = {}

local function run(argv)
    local args = require("leadscore.command.parser").parse(argv)
    require("leadscore.command." .. args.command).run(args)
    return 0
end

-- What was raised, as { stop = code, message = }.
local function as_stop(raised)
    if type(raised) == "table" and raised.stop then return raised end
    local text = tostring(raised)
    if text:find("interrupted!", 1, true) then
        return { stop = stop.INTERRUPTED, message = "leadscore: interrupted" }
    end
    if text:find("not enough memory", 1, true) then
        return { stop = stop.BAD, message = "leadscore: out of memory" }
    end
    return { stop = stop.BAD, message = "leadscore: internal error: " .. text:gsub("%s*\n.*", "") }
end

--- Runs the command.
---@param argv string[] its arguments
---@return integer code to exit with
function M.main(argv)
    local ok, result = xpcall(function()
        local code = run(argv)
        stop.flush()
        return code
    end, as_stop)
    if ok then return result end
    -- What a command prints before it ends with a code of its own (--help, a failed test) is written too.
    local written, unwritten = xpcall(stop.flush, as_stop)
    if not written and (result.stop == 0 or not result.message) then result = unwritten end
    if result.message then io.stderr:write(result.message, "\n") end
    return result.stop
end

return M
