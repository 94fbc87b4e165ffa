-- For specs: runs the examples of a page. What is marked says so in a comment on the line before its fence:
--
--   <!-- example -->       a Lua chunk; what it prints must be what its lines say after `-->`
--   <!-- file NAME -->     a file's content, written to the page's folder
--   <!-- run -->           lines of shell in that folder; they must end with 0
--   <!-- output -->        what the run before printed

local assert = require("luassert")
local shell = require("shell")

local M = {}

-- The marked blocks of a page: { kind =, name =, text =, line = }.
function M.blocks(path)
    local blocks, marked, open, number = {}, nil, nil, 0
    for line in io.lines(path) do
        number = number + 1
        if open and line:find("^```%s*$") then
            open.text = table.concat(open, "\n") .. "\n"
            blocks[#blocks + 1], open = open, nil
        elseif open then
            open[#open + 1] = line
        elseif line:find("^```") then
            open = marked or { kind = "none" }
            open.line, open.language = number, line:match("^```(%w*)")
            marked = nil
        else
            local kind, name = line:match("^<!%-%- (%a+) ?(%S*) %-%->$")
            marked = kind and { kind = kind, name = name } or nil
        end
    end
    return blocks
end

local function expected_of(text)
    local lines = {}
    for line in text:gmatch("[^\n]+") do
        local expected = line:match("%-%->%s(.*)$")
        if expected then lines[#lines + 1] = expected end
    end
    return lines
end

-- Numbers print as 20 or 20.0, by the Lua: the example's text has the shorter.
local function shown(value)
    return (tostring(value):gsub("^(%-?%d+)%.0$", "%1"))
end

local function run_lua(block, where)
    local printed = {}
    local env = setmetatable({
        print = function(...)
            local parts = {}
            for i = 1, select("#", ...) do
                parts[i] = shown((select(i, ...)))
            end
            printed[#printed + 1] = table.concat(parts, " ")
        end,
    }, { __index = _G })
    local load_text = loadstring or load -- luacheck: ignore 113
    local chunk = assert(load_text(block.text, "=" .. where))
    if setfenv then setfenv(chunk, env) else debug.setupvalue(chunk, 1, env) end -- luacheck: ignore 113 143
    chunk()
    assert.same(expected_of(block.text), printed, where)
end

-- Runs all marked blocks of a page in order; returns how many.
function M.run(path)
    local folder, count, last = shell.folder(), 0, nil
    for _, block in ipairs(M.blocks(path)) do
        local where = path:match("[^/]*$") .. ":" .. block.line
        if block.kind == "example" then
            run_lua(block, where)
        elseif block.kind == "file" then
            shell.write(folder .. "/" .. block.name, block.text)
        elseif block.kind == "run" then
            last = shell.run(folder, "set -e\n" .. block.text)
            assert.equal(0, last.code, where .. ": " .. last.err)
        elseif block.kind == "output" then
            assert.equal(block.text, last.out, where)
        end
        count = count + (block.kind ~= "none" and 1 or 0)
    end
    shell.remove(folder)
    return count
end

return M
