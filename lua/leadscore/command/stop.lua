-- Ends a command early: raised anywhere below main, which prints the message and exits with the code.

local errors = require("leadscore.error")

local M = { BAD = 1, USAGE = 2, IO = 74, INTERRUPTED = 130 }

local CODES = { io = M.IO, usage = M.USAGE, interrupted = M.INTERRUPTED }

-- Ends with an exit code and a message of one or more lines; no message: silently.
function M.with(code, message)
    error({ stop = code, message = message }, 0)
end

-- One error as the lines to show: what names no file is said by the program itself.
local function lines_of(err)
    local lines = {}
    for i, each in ipairs(err.errors) do
        lines[i] = (each.file and "" or "leadscore: ") .. tostring(each)
    end
    return table.concat(lines, "\n")
end

function M.code_of(err)
    return CODES[err.kind] or M.BAD
end

-- Passes values on, or ends the command with the error beside nil.
function M.check(value, err)
    if value == nil then M.with(M.code_of(err), lines_of(err)) end
    return value
end

M.lines_of = lines_of

local function check_written(ok, message)
    if not ok then M.with(M.IO, "leadscore: standard output: " .. errors.system(message)) end
end

-- Writes to standard output; ends the command when that fails. A write that fails is forgotten by the next flush.
function M.print(...)
    check_written(io.stdout:write(...))
end

-- What was printed is written; ends the command when that fails.
function M.flush()
    check_written(io.stdout:flush())
end

return M
