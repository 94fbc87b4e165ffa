-- Puts rows of the bench's last table into README.md, between the lines <!-- bench --> and <!-- /bench -->: those that
-- users ask for first.
--   lua5.4 csrc/bench/page.lua BUILD/bench/table.md

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local SHOWN = {
    "portable kernels, 1 thread", "best kernels, 1 thread", "2 threads against 1", "DuckDB, integer codes by contact",
    "DuckDB, strings", "LuaJIT, by hand", "Lua 5.4, by hand", "200 rules against 20", "10 definitions against one",
    "scanning and coding, decimal ids, 1 thread", "scanning and coding, UUIDs, 1 thread", "grouping, 1 thread",
    "1 thread", "2 threads", "DuckDB, 1 thread", "DuckDB, 2 threads", "most memory", "held in C",
    "of a ledger: an event added, scored", "Lua 5.4 tables, texts seen before", "LuaJIT tables, texts seen before",
    "50 rules, Lua 5.4 table to plan", "against the reference, by DuckDB",
}
local shown = {}
for _, title in ipairs(SHOWN) do
    shown[title] = true
end

-- The lines before the table, its head, and the rows that are shown under the headings that they have.
local function shorten(text)
    local lines, heading, in_table = {}, nil, false
    for line in text:gmatch("[^\n]*") do
        local title = line:match("^| ([^|]*) |")
        if line:find("^|%-%-%-") then
            in_table = true
            lines[#lines + 1] = line
        elseif in_table and line:find("^| %*%*") then
            heading = line
        elseif not in_table or not title then
            lines[#lines + 1] = line
        elseif shown[title] then
            if heading then lines[#lines + 1] = heading end
            heading, lines[#lines + 1] = nil, line
        end
    end
    return (table.concat(lines, "\n"):gsub("%s+$", "\n"))
end

local page, table_text = read("README.md"), shorten(read(arg[1]))
local _, from = page:find("<!-- bench -->\n", 1, true)
local to = page:find("<!-- /bench -->", from, true)
assert(from and to, "README.md has no place for the table")
local file = assert(io.open("README.md", "wb"))
assert(file:write(page:sub(1, from), "\n", table_text, "\n", page:sub(to)))
assert(file:close())
