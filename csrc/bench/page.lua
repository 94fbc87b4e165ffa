-- Puts the bench's last table into README.md, between the lines <!-- bench --> and <!-- /bench -->.
--   lua5.4 csrc/bench/page.lua BUILD/bench/table.md

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local page, table_text = read("README.md"), read(arg[1])
local _, from = page:find("<!-- bench -->\n", 1, true)
local to = page:find("<!-- /bench -->", from, true)
assert(from and to, "README.md has no place for the table")
local file = assert(io.open("README.md", "wb"))
assert(file:write(page:sub(1, from), "\n", table_text, "\n", page:sub(to)))
assert(file:close())
