-- The bench's way to files and programs. What fails ends the bench with exit 1.

local M = {}

function M.quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

function M.fail(message)
    io.stderr:write("bench: ", message, "\n")
    os.exit(1)
end

--- Runs a command line.
function M.run(line)
    if not os.execute(line) then M.fail("failed: " .. line) end
end

--- The lines that a command prints.
---@return string[]
function M.lines(line)
    local pipe = assert(io.popen(line))
    local lines = {}
    for text in pipe:lines() do
        lines[#lines + 1] = text
    end
    if not pipe:close() then M.fail("failed: " .. line) end
    return lines
end

--- The first line of a file or command ("" without), for what is only told.
function M.first_line(line)
    local pipe = assert(io.popen(line .. " 2>/dev/null"))
    local text = pipe:read("l") or ""
    pipe:close()
    return text
end

function M.size(path)
    local file = io.open(path, "rb")
    local size = file and file:seek("end")
    if file then file:close() end
    return size
end

function M.same(one, other)
    return os.execute(("cmp -s %s %s"):format(M.quote(one), M.quote(other))) == true
end

function M.read_numbers(path)
    local file = assert(io.open(path))
    local numbers = {}
    for number in file:lines("n") do
        numbers[#numbers + 1] = number
    end
    file:close()
    return numbers
end

--- The cores that we may use: "0-3,6" says five.
function M.allowed_cores()
    local list = {}
    local text = M.first_line("sed -n 's/^Cpus_allowed_list:[ \t]*//p' /proc/self/status")
    for first, last in text:gmatch("(%d+)%-?(%d*)") do
        for core = tonumber(first), tonumber(last) or tonumber(first) do
            list[#list + 1] = tostring(core)
        end
    end
    return #list > 0 and list or { "0" }
end

return M
