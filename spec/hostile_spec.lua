-- Hostile definition files through the command: each ends soon, with exit code 1 and lines that say why; no scores, no
-- traceback, no file touched. What the sandbox itself refuses is in sandbox_spec.lua.

local mutate = require("fuzz.mutate")
local shell = require("shell")

local folder

before_each(function()
    folder = shell.folder()
    shell.write(folder .. "/contacts.csv", "id,a\n1,x\n")
end)

after_each(function()
    shell.remove(folder)
end)

local RULE = '{ name = "s", groups = { { name = "g", rules = { %s } } } }'

-- name, file, text, expected: a part of what is said.
local hostile = {
    { "an endless loop", "x.lua", "while true do end", "steps (limit)" },
    { "a text that doubles", "x.lua", "local s = 'x' while true do s = s .. s end", "bytes of memory (limit)" },
    { "a table bomb", "x.lua", "local t = {} for i = 1, 1e9 do t[i] = {} end return t", "(limit)" },
    { "endless recursion", "x.lua", "local function f() return 1 + f() end return f()", "" },
    { "pcall around a loop", "x.lua", "pcall(function() while true do end end)", "pcall is not available" },
    { "a coroutine", "x.lua", "coroutine.wrap(function() end)()", "coroutine is not available" },
    { "a pattern that backtracks", "x.lua", "return { ('aaaaaaaa'):find('.-.-.-.-.-b') }", "find" },
    { "removing files", "x.lua", "os.remove('contacts.csv')", "os is not available" },
    { "a shell", "x.lua", "io.popen('touch here')", "io is not available" },
    { "modules", "x.lua", "require('leadscore.core').output('here')", "require is not available" },
    { "changing the texts of the host", "x.lua", "getmetatable('').__index = nil", "getmetatable is not available" },
    { "bytecode", "x.lua", "\27Lua\84\0\25\147\r\n\26\n\4\8\8", "is bytecode" },
    { "deep parentheses", "x.lua", "return " .. ("("):rep(250000), "" },
    { "a table that contains itself", "x.lua", "local t = {} t.t = t return t", "contains itself" },
    { "a function as points", "x.lua", "return " .. RULE:format("{ event = 'e', points = function() end }"),
        "function" },
    { "a file that is too long", "x.lua", "return {}" .. (" "):rep(1024 * 1024), "longer than 1 MiB" },
    { "too many rules", "x.lua", "local r = {} for i = 1, 10001 do r[i] = { event = 'e' .. i, points = 1 } end return "
        .. "{ name = 's', groups = { { name = 'g', rules = r } } }", "at most 10000 rules" },
    { "too many literals", "x.lua", "local v = {} for i = 1, 100001 do v[i] = 'v' .. i end return "
        .. RULE:format("{ when = { a = v }, points = 1 }"), "at most 100000 values" },
    { "filters without end", "x.lua", "local f = { a = 1 } for i = 1, 40 do f = { all = { f } } end return "
        .. RULE:format("{ when = f, points = 1 }"), "32" },
    { "deep JSON", "x.json", ("["):rep(200000), "deep" },
    { "JSON with a key twice", "x.json", '{ "name": "a", "name": "b" }', "a key given twice" },
    { "a number of a million digits", "x.json", '{ "name": "s", "limit": ' .. ("9"):rep(1000000) .. " }", "" },
    { "half of a surrogate pair", "x.json", '{ "name": "\\ud800" }', "surrogate" },
    { "terminal control in a key", "x.lua",
        "return { ['\\27[2J\\7' .. '\\n'] = 1, name = 's', groups = {} }", "groups" },
    { "a key of many digits", "x.lua", "return { name = 's', x" .. ("9"):rep(30) .. " = 1, groups = 5 }",
        "groups: expected" },
    { "a key of many letters", "x.lua", "return { " .. ("x"):rep(70000) .. " = 1, name = 's', groups = 5 }", "xxx..." },
    { "a name that is a path", "x.lua", "return { name = '../../x', groups = {} }", "name: expected a name" },
    { "points that overflow", "x.lua", "return " .. RULE:format("{ event = 'e', points = 1e300 }"), "1000000" },
}

describe("a hostile definition through the command", function()
    for _, case in ipairs(hostile) do
        local name, file, text, expected = case[1], case[2], case[3], case[4]
        it("is refused: " .. name, function()
            shell.write(folder .. "/" .. file, text)
            local got = shell.run(folder,
                "timeout -s KILL 60 \"$LEADSCORE\" score " .. file .. " --contacts contacts.csv")
            assert.equal(1, got.code, got.err:sub(1, 500))
            assert.equal("", got.out)
            assert.is_nil(mutate.unfit(got.err))
            assert.truthy(got.err:find(expected, 1, true), got.err:sub(1, 500))
            assert.same({ "contacts.csv", file }, shell.names(folder))
        end)
    end
end)
