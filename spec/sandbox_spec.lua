-- Definition files are untrusted: what hostile ones get, and what honest ones may do.

local core = require("leadscore.core")

local JIT = rawget(_G, "jit") ~= nil
local NEW = _VERSION ~= "Lua 5.1" -- 5.3 and 5.4

local function run(text, limits)
    return core.sandbox(text, "score.lua", limits)
end

-- Text around repeated parts, for files that attack the compiler.
local function repeated(before, part, count, after)
    return before .. part:rep(count) .. after
end

-- A length that # makes up: 63 elements whose border is 2^62 on 5.3 and 5.4.
local SPARSE = "local t = {} for i = 0, 62 do t[2 ^ i] = 1 end t[5] = 1 t[9] = 1 "
-- A text of 8 MiB, p; and two of them that are equal but not the same, p and q.
local BIG = "local p = ' ' for i = 1, 23 do p = p .. p end "
local TWINS = BIG .. "local q = p .. 'x' p = p .. 'x' "
local HOLES = "local t = {} for i = 1, 4e5 do t[i] = i end for i = 1, 4e5 do t[i] = nil end "

local STEPS, MEMORY, SECONDS = "steps (limit)", "bytes of memory (limit)", "seconds (limit)"
local ANY = { STEPS, MEMORY, SECONDS, "stack overflow", "too many", "too long", "out of bounds" }

-- name, text, expected: a part of the message, or a list of parts of which one must be there, or nothing: it must
-- only come back. LuaJIT and 5.1 meet some limits earlier than others.
local hostile = {
    -- loops
    { "an endless loop", "while true do end", STEPS },
    { "repeat", "repeat until false", STEPS },
    { "a loop of float steps", "for i = 1, math.huge, 1e-300 do end", STEPS },
    { "endless tail calls", "local function f() return f() end return f()", STEPS },
    { "endless recursion", "local function f() return 1 + f() end return f()", ANY },
    { "recursion with more and more arguments", "local function f(...) return f(1, ...) end f()", ANY },
    { "a loop that swallows errors", "while true do pcall(error) end", "pcall is not available" },
    { "xpcall", "xpcall(error, error)", "xpcall is not available" },
    { "a loop in a coroutine", "coroutine.wrap(function() while true do end end)()", "coroutine is not available" },
    { "a comparison that loops", "table.sort({ 2, 1 }, function() while true do end end)", STEPS },
    { "a comparison without order", "local t = {} for i = 1, 5000 do t[i] = i end "
        .. "table.sort(t, function() return true end)", { "invalid order function", "must return a table" } },
    -- memory
    { "a text that doubles", "local s = 'x' while true do s = s .. s end", MEMORY },
    { "a text that doubles without a loop", "local s = ('x'):upper() "
        .. ("s = s .. s "):rep(60) .. "return { s }", MEMORY },
    { "a table of tables", "local t, i = {}, 0 while true do i = i + 1 t[i] = {} end", MEMORY },
    { "a table of new keys", "local t, i = {}, 0 while true do i = i + 1 t['k' .. i] = i end", ANY },
    { "a closure bomb", "local f while true do local g = f f = function() return g end end", ANY },
    -- the library
    { "rep", "return { ('x'):rep(1e9) }", "rep" },
    { "string.rep", "return { string.rep('x', 1e9) }", "rep" },
    { "a pattern", "return { ('aaaa'):find('.-.-.-.-b') }", "find" },
    { "match", "return { ('aaaa'):match('.-b') }", "match" },
    { "gsub", "return { ('aaaa'):gsub('.-', 'b') }", "gsub" },
    { "format", "return { ('%99d'):format(1) }", "format" },
    { "the texts' metatable", "getmetatable('').__index = nil", "getmetatable is not available" },
    { "a metatable", "return setmetatable({}, {})", "setmetatable is not available" },
    { "files", "io.open('/etc/passwd')", "io is not available" },
    { "the system", "os.exit(3)", "os is not available" },
    { "modules", "require('os')", "require is not available" },
    { "the debugger", "debug.sethook()", "debug is not available" },
    { "more code", "load('x = 1')()", "load is not available" },
    { "code as text", "loadstring('x = 1')()", "loadstring is not available" },
    { "files of code", "dofile('/etc/passwd')", "dofile is not available" },
    { "the collector", "collectgarbage('stop')", "collectgarbage is not available" },
    { "the compiler of LuaJIT", "jit.on()", "jit is not available" },
    { "random numbers", "return { math.random() }", "random" },
    { "printing", "print('x')", "print is not available" },
    { "all globals", "return _G", "_G is not available" },
    -- long work in one call
    { "insert at the front of a made-up length", SPARSE .. "table.insert(t, 1, 1)" },
    { "remove from a made-up length", SPARSE .. "table.remove(t, 1)" },
    { "sort of a made-up length", SPARSE .. "table.sort(t)" },
    { "concat of a made-up length", SPARSE .. "table.concat(t)" },
    { "unpack of a made-up length", SPARSE .. "return { unpack(t) }" },
    { "concat of a huge range", "table.concat({}, '', 1, 2 ^ 53)" },
    { "unpack of a huge range", "return { unpack({}, 1, 1e8) }", "too many results" },
    { "insert at the front again and again", "local t = {} for i = 1, 1e5 do t[i] = i end "
        .. "while true do table.insert(t, 1, 1) table.remove(t, 1) end", STEPS },
    { "sort with a C function that is slow", TWINS .. "local t = {} for i = 1, 1e5 do t[i] = p end "
        .. "table.sort(t, tonumber)" },
    { "sort of texts that are slow to compare", TWINS .. "local t = {} "
        .. "for i = 1, 1e5 do t[i] = i % 2 == 0 and p or q end table.sort(t)", ANY },
    { "texts that are slow to compare", TWINS .. "while true do local x = p < q end", ANY },
    { "texts that are slow to copy", BIG .. "while true do local x = p .. 'x' end", ANY },
    { "numbers that are slow to read", BIG .. "while true do local x = tonumber(p) end", ANY },
    { "tables that are slow to walk", HOLES .. "while true do for _ in pairs(t) do end end", { SECONDS, STEPS } },
    { "tables that are slow to ask", HOLES .. "while true do next(t) end", { SECONDS, STEPS } },
    { "many results", "local t = {} for i = 1, 5000 do t[i] = i end while true do select('#', unpack(t)) end", ANY },
    -- the compiler
    { "bytecode", string.dump(function() return {} end), "is bytecode" },
    { "bytecode after a byte-order mark", "\239\187\191" .. string.dump(function() return {} end), "is bytecode" },
    { "bytecode after two", ("\239\187\191"):rep(2) .. string.dump(function() return {} end), "is bytecode" },
    { "bytecode after a first line", "#!x\n" .. string.dump(function() return {} end), "unexpected symbol" },
    { "deep parentheses", repeated("return ", "(", 300000, "1"), { "overflow", "levels" } },
    { "deep tables", repeated("return ", "{", 300000, ""), { "overflow", "levels" } },
    { "deep functions", repeated("", "return function() ", 30000, ""), { "overflow", "levels" } },
    { "a long chain of concatenation", repeated("return { 'a'", "..'a'", 200000, "}"), { "overflow", "levels" } },
    { "many breaks", repeated("while true do ", "do break end ", 70000, "end"), "break and goto more than 20000" },
    { "many gotos", repeated("do ", "goto a;", 140000, "::a:: end"), "break and goto more than 20000" },
    { "breaks up to the limit", repeated("while true do ", "do break end ", 20000, "end") },
    { "gotos up to the limit", repeated("do ", "goto a;", 20000, "::a:: end") },
    { "a long chain of elseif", repeated("local a if a then ", "elseif a then ", 74000, "end return {}") },
    { "a long chain of and", repeated("local a = 1 return {", "a and ", 170000, "a }") },
    -- the result
    { "a table that contains itself", "local t = {} t.groups = { { t } } return t",
        "groups[1][1]: a table that contains itself" },
    { "a function", "return { groups = { { rules = { { points = function() end } } } } }",
        "groups[1].rules[1].points: expected text, number, boolean or table, got function" },
    { "a C function", "return { f = math.floor }", "f: expected text, number, boolean or table, got function" },
    { "a table as a key", "return { groups = { [{}] = 1 } }", "groups: a key is a table" },
    { "a table that doubles", "local t = { 1 } for i = 1, 30 do t = { t, t } end return t",
        "more than 1000000 values" },
    { "a text many times", "local s = 'x' for i = 1, 20 do s = s .. s end "
        .. "local t = {} for i = 1, 100 do t[i] = s end return t", "larger than 32 MiB" },
    { "an empty table that is slow to walk, many times", HOLES
        .. "local r = {} for i = 1, 3e5 do r[i] = t end return r", { SECONDS, STEPS } },
    { "no table", "return 5", "must return a table, got number" },
    { "nothing", "", "must return a table, got nil" },
    -- errors
    { "an error that is a table", "error({})", "raised an error that is no text" },
    { "an error without end", "local s = 'x' for i = 1, 20 do s = s .. s end error(s)", "xxx" },
    { "an error of several lines", "error('a\\nb\\0c')", "score.lua:1: a?b" },
}

local function one_of(message, expected)
    for _, part in ipairs(type(expected) == "table" and expected or { expected }) do
        if message:find(part, 1, true) then return true end
    end
    return false
end

describe("a hostile definition file", function()
    for _, case in ipairs(hostile) do
        it("cannot hang or crash: " .. case[1], function()
            local started = os.clock()
            local result, err = run(case[2], { steps = 5000000, seconds = 1 })
            assert.is_true(os.clock() - started < 8)
            if case[3] then assert.is_nil(result) end
            if result == nil then
                assert.equal("definition", err.kind)
                assert.equal("score.lua", err.file)
                assert.equal("score.lua:", err.message:sub(1, 10))
                assert.is_nil(err.message:find("[%z\1-\31]"))
                assert.is_true(#err.message < 512)
            end
            if case[3] then assert.is_true(one_of(err.message, case[3]), err.message) end
        end)
    end

    it("leaves the caller's Lua as it was", function()
        local index = getmetatable("").__index
        run("string = nil table.concat = nil math.floor = nil x = 1")
        assert.equal(index, getmetatable("").__index)
        assert.is_function(string.rep)
        assert.is_function(table.concat)
        assert.is_nil(rawget(_G, "x"))
    end)

    it("leaves nothing for the next one", function()
        assert.same({}, run("x = 1 string.y = 1 return {}"))
        assert.same({ none = true }, run("return { none = string.y == nil }"))
        assert.is_nil((run("return { x = x }")))
    end)

    it("costs no memory once it has failed", function()
        local function held()
            collectgarbage()
            collectgarbage()
            return collectgarbage("count")
        end
        run("local t = {} while true do t[#t + 1] = {} end")
        local before = held()
        for _ = 1, 5 do
            run("local t = {} while true do t[#t + 1] = {} end")
        end
        assert.is_true(held() - before < 100)
    end)
end)

describe("the sandbox's limits", function()
    it("end the run at the number of steps", function()
        local result, err = run("local n = 0\nfor i = 1, 100000 do\nn = n + i\nend return {}", { steps = 10000 })
        assert.is_nil(result)
        assert.equal("score.lua:3: took more than 10000 steps (limit)", (err.message:gsub("lua:[234]", "lua:3")))
        assert.is_number(err.line)
        assert.is_table(run("for i = 1, 1000 do end return {}", { steps = 10000 }))
    end)

    it("end the run at the size of memory", function()
        local text = "local t = {} for i = 1, 20000 do t[i] = i end return {}"
        local result, err = run(text, { memory = 200000 })
        assert.is_nil(result)
        assert.truthy(err.message:find("took more than 200000 bytes of memory (limit)", 1, true))
        assert.is_table(run(text, { memory = 4000000 }))
        assert.is_nil((run("return {}", { memory = 1000 })))
    end)

    it("end the run when the time is up", function()
        local started = os.clock()
        local result, err = run("while true do end", { steps = 1e12, seconds = 1 })
        assert.is_nil(result)
        assert.truthy(err.message:find("took more than 1 seconds (limit)", 1, true))
        assert.equal(1, err.line)
        assert.is_true(os.clock() - started < 3)
    end)

    it("refuse a longer text", function()
        local text = "return {}" .. (" "):rep(91)
        assert.same({}, run(text, { text = 100 }))
        local result, err = run(text .. " ", { text = 100 })
        assert.is_nil(result)
        assert.equal("score.lua: is longer than 100 bytes (limit)", err.message)
        text = "return {}" .. (" "):rep(1024 * 1024 - 9)
        assert.same({}, run(text))
        assert.is_nil((run(text .. " ")))
    end)

    it("refuse deeper tables", function()
        local text = "local t = {} local r = t for i = 2, %d do t.x = {} t = t.x end return r"
        assert.is_table(run(text:format(32)))
        local result, err = run(text:format(33))
        assert.is_nil(result)
        assert.truthy(err.message:find("x.x: tables are nested more than 32 deep (limit)", 1, true))
    end)

    it("refuse more values", function()
        -- the table itself, and a key and a value each
        local text = "local t = {} for i = 1, %d do t[i] = 0 end return t"
        assert.is_table(run(text:format(499999)))
        assert.is_nil((run(text:format(500000))))
    end)

    it("must make sense", function()
        assert.has_error(function() run("return {}", { steps = 0 }) end)
        assert.has_error(function() run("return {}", { memory = -1 }) end)
        assert.has_error(function() run("return {}", { seconds = 1e6 }) end)
        assert.has_error(function() run("return {}", { steps = "many" }) end)
        assert.has_error(function() run("return {}", 5) end)
        assert.has_error(function() run(5) end)
        assert.has_error(function() core.sandbox("return {}") end)
    end)
end)

describe("an honest definition file", function()
    it("may use loops, local functions and build texts", function()
        local definition = run([[
            local rules = {}
            local function add(event, points)
                rules[#rules + 1] = { event = event, points = points }
            end
            for day = 1, 3 do add("day_" .. day, day * 2.5) end
            for i, name in ipairs({ "open", "click" }) do
                table.insert(rules, i, { event = name:upper(), points = math.max(i, 1) })
            end
            return { name = "web", groups = { { name = "Web", rules = rules } } }
        ]])
        local rules = definition.groups[1].rules
        assert.equal(5, #rules)
        assert.same({ event = "OPEN", points = 1 }, rules[1])
        assert.same({ event = "day_3", points = 7.5 }, rules[5])
    end)

    it("may use the library", function()
        local got = run([[
            local t = { 3, 1, 2 }
            table.sort(t)
            local back = { 3, 1, 2 }
            table.sort(back, function(a, b) return a > b end)
            local cut = { "a", "b", "c" }
            local first = table.remove(cut, 1)
            local last = table.remove(cut)
            return {
                t = t, back = back, cut = cut, first = first, last = last,
                joined = table.concat({ "a", "b" }, ", "), select = select("#", 1, 2), sub = ("hello"):sub(2, 3),
                reverse = string.reverse("abc"), byte = ("A"):byte(), char = string.char(66), len = #"abc",
                number = tonumber("12.5"), text = tostring(12.5), yes = tostring(true), none = tostring(nil),
                table = tostring({}), unpack = { unpack({ 1, 2 }) }, also = { table.unpack({ 1, 2 }) },
                type = type({}), floor = math.floor(2.5), assert = assert(true), empty = next({}) == nil,
            }
        ]])
        assert.same({
            t = { 1, 2, 3 }, back = { 3, 2, 1 }, cut = { "b" }, first = "a", last = "c", joined = "a, b", select = 2,
            sub = "el", reverse = "cba", byte = 65, char = "B", len = 3, number = 12.5, text = "12.5", yes = "true",
            none = "nil", table = "table", unpack = { 1, 2 }, also = { 1, 2 }, type = "table", floor = 2, assert = true,
            empty = true,
        }, got)
    end)

    it("means the same in every run: pairs has an order", function()
        local text = [[
            local t, list = { [true] = 0, [false] = 0, [10] = 0, [-1] = 0, [2.5] = 0 }, {}
            for i = 1, 50 do t["key" .. i] = i end
            for key, value in pairs(t) do list[#list + 1] = tostring(key) end
            local also = {}
            for key in next, { b = 1, a = 2 } do also[#also + 1] = key end
            return { table.concat(list, " "), table.concat(also, " ") }
        ]]
        local first = run(text)
        assert.equal("-1 2.5 10 key1 key10 key11", first[1]:sub(1, 26))
        assert.equal("key9 false true", first[1]:sub(-15))
        assert.equal("a b", first[2])
        for _ = 1, 10 do
            assert.same(first, run(text))
        end
    end)

    it("may take out what pairs is at", function()
        assert.same({ left = 0 }, run([[
            local t, left = { a = 1, b = 2, c = 3 }, 0
            for key in pairs(t) do t[key] = nil end
            for _ in pairs(t) do left = left + 1 end
            return { left = left }
        ]]))
    end)

    it("may start with a byte-order mark and a first line for the shell", function()
        assert.same({ 1 }, run("\239\187\191return { 1 }"))
        assert.same({ 1 }, run("#!/usr/bin/env lua\nreturn { 1 }"))
        local _, err = run("#!/usr/bin/env lua\nreturn {")
        assert.equal(2, err.line)
    end)

    it("keeps every kind of value", function()
        local got = run("local nan = 0 / 0 return { 1, 2.5, -3, true, false, 'a\\0b', '', { {} }, nan = nan, "
            .. "inf = 1 / 0, [true] = 'yes', [2.5] = 'half' }")
        assert.is_true(got.nan ~= got.nan)
        assert.equal(1 / 0, got.inf)
        got.nan, got.inf = nil, nil
        assert.same({ 1, 2.5, -3, true, false, "a\0b", "", { {} }, [true] = "yes", [2.5] = "half" }, got)
        if NEW then
            assert.equal("integer", math.type(got[1]))
            local largest = rawget(math, "maxinteger")
            assert.same({ largest, -largest - 1 }, run("return { math.maxinteger, math.mininteger }"))
        end
    end)

    it("may return one table in several places", function()
        local got = run("local shared = { 1 } return { a = shared, b = { shared } }")
        assert.same({ a = { 1 }, b = { { 1 } } }, got)
        assert.is_true(got.a ~= got.b[1])
    end)

    it("learns where it is wrong", function()
        local cases = {
            { "return {\n a = \n}", 3, "score.lua:3: unexpected symbol near" },
            { "local x\nlocal y = 1\nreturn x.y", 3, "score.lua:3: attempt to index" },
            { "return {\n event = call_started }", 2,
                "score.lua:2: no such name: call_started (a text needs quotes)" },
            { "\n\nerror('my own')", 3, "score.lua:3: my own" },
            { "\nlocal function f() error('at the caller', 2) end\nf()\nreturn {}", 3, "score.lua:3: at the caller" },
            { "\nerror('bare', 0)", 2, "score.lua:2: bare" },
            { "\ntable.insert({}, 5, 1)", 2, "score.lua:2: insert: the position is out of bounds" },
            { "\nlocal x = pairs(nil)", 2, "score.lua:2: pairs: table expected, got nil" },
            { "\nlocal x = pairs({ [{}] = 1 })", 2, "score.lua:2: a key that is a table has no order" },
            { "\ntable.sort({ 1, 'a' })", 2, "score.lua:2: attempt to compare" },
        }
        for _, case in ipairs(cases) do
            local result, err = run(case[1])
            assert.is_nil(result)
            assert.equal(case[3], err.message:sub(1, #case[3]))
            assert.equal(case[2], err.line)
            assert.equal("score.lua", err.file)
        end
    end)

    it("is named as the caller names it", function()
        local name = ("folder/"):rep(40) .. "score.lua"
        local _, err = core.sandbox("return", name)
        assert.equal(name, err.file)
        assert.truthy(err.message:find("folder/folder", 1, true))
    end)

    it("has room for the largest definition of the language", function()
        -- 10,000 rules with 10 literals each
        local got = assert(run([[
            local rules = {}
            for i = 1, 10000 do
                local values = {}
                for k = 1, 10 do values[k] = "value " .. i .. " " .. k end
                rules[i] = { when = { industry = { any_of = values } }, points = i }
            end
            return { name = "large", groups = { { name = "Large", rules = rules } } }
        ]]))
        assert.equal(10000, #got.groups[1].rules)
    end)

    if JIT then
        it("never runs compiled by LuaJIT, so that steps are counted", function()
            local _, err = run("local n = 0 for i = 1, 1e9 do n = n + 1 end return {}", { steps = 1000000 })
            assert.truthy(err.message:find(STEPS, 1, true))
        end)

        it("may not return what only LuaJIT has", function()
            local _, err = run("return { x = 1LL }")
            assert.truthy(err.message:find("x: expected text, number, boolean or table, got cdata", 1, true))
        end)
    end
end)
