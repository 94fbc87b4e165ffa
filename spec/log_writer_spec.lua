-- Appending to an event log: what was acknowledged is in the file as whole lines, whatever happens to the disk, to the
-- file or to the process.

local core = require("leadscore.core")
local lfs = require("lfs")
local log = require("leadscore.log")
local shell = require("shell")

-- The interpreter that runs this spec: the first argument before the others.
local function interpreter()
    local i = 0
    while arg[i - 1] do
        i = i - 1
    end
    return arg[i]
end

-- Runs a script of Lua in a process of its own; prefix: what the shell says before it.
local function run_lua(folder, prefix, script)
    shell.write(folder .. "/script.lua", script)
    return shell.run(folder, prefix .. shell.quote(interpreter()) .. " script.lua")
end

local function descriptors()
    local count = 0
    for _ in lfs.dir("/proc/self/fd") do
        count = count + 1
    end
    return count
end

describe("a line of the event log", function()
    it("names the event, its contact and its time, and keeps its properties apart", function()
        local line = log.event({ contact_id = "42", event = "page_viewed", at = 1767225600, url = "/p" }, 5)
        assert.equal('{"v":1,"op":"event","ts":5,"contact_id":"42","event":"page_viewed","at":1767225600,'
            .. '"properties":{"url":"/p"}}\n', line)
        line = log.event({ contact_id = 42, event = "x", at = "2026-01-01T00:00:00Z", id = 7 })
        assert.equal('{"v":1,"op":"event","contact_id":"42","event":"x","at":"2026-01-01T00:00:00Z","id":"7"}\n', line)
    end)

    it("sets properties, also to nothing, and forgets", function()
        assert.equal('{"v":1,"op":"set","ts":6,"contact_id":"42","properties":{"country":null}}\n',
            log.set("42", { country = core.null }, 6))
        assert.equal('{"v":1,"op":"set","contact_id":"42","properties":{"op":""}}\n', log.set("42", { op = "" }))
        assert.equal('{"v":1,"op":"forget","ts":9007199254740992,"contact_id":"42"}\n', log.forget("42", 2 ^ 53))
    end)

    it("has its numbers shortest, its sets as lists and its texts as one line", function()
        local function text_of(value)
            return log.set("1", { x = value }):match('{"x":(.*)}}\n$')
        end
        assert.equal("0.1", text_of(0.1))
        assert.equal("3", text_of(3))
        assert.equal("true", text_of(true))
        assert.equal('["a",1,false]', text_of({ "a", 1, false }))
        assert.equal('"a\\n\\"b\\\\\\u0001\255"', text_of('a\n"b\\\1\255'))
    end)

    it("cuts fractions of seconds off", function()
        assert.matches('"at":1767225600}', log.event({ contact_id = "1", event = "x", at = 1767225600.9 }), 1, true)
        assert.matches('"at":%-1}', log.event({ contact_id = "1", event = "x", at = -0.5 }))
    end)

    local function refused(expected, line, err)
        assert.is_nil(line)
        assert.equal(expected, tostring(err))
        assert.equal("input", err.kind)
    end

    it("refuses what could not be read back", function()
        refused("contact_id: expected a text or a number, got nil", log.event({ event = "x", at = 1 }))
        refused("contact_id: expected an id, got none", log.set(" \n", {}))
        refused("contact_id: expected text, got a NUL byte", log.forget("a\0"))
        refused("event: expected the event's name, got none", log.event({ contact_id = 1, event = " ", at = 1 }))
        refused("event: expected the event's name, got nil", log.event({ contact_id = 1, at = 1 }))
        refused('at: cannot read "soon" as a time', log.event({ contact_id = 1, event = "x", at = "soon" }))
        refused("at: expected a time, got nil", log.event({ contact_id = 1, event = "x" }))
        refused("at: expected a finite number", log.event({ contact_id = 1, event = "x", at = 0 / 0 }))
        refused("id: expected a text or a number, got table",
            log.event({ contact_id = 1, event = "x", at = 1, id = {} }))
        refused("x: expected a list of texts (a set), got a table with names", log.set(1, { x = { y = 1 } }))
        refused("x: expected text, got a NUL byte", log.set(1, { x = { "a\0b" } }))
        refused("x: expected a finite number", log.set(1, { x = 1 / 0 }))
        refused("expected a name, got an empty one or a NUL byte", log.set(1, { [""] = 1 }))
        refused("expected names as keys, got a number", log.set(1, { "a" }))
        refused("expected a line of at most 16777215 bytes", log.set(1, { x = ("x"):rep(16777216) }))
    end)

    it("has a whole number to be ordered by, or none", function()
        assert.error_matches(function() log.forget("1", 0.5) end, "ts: expected a whole number from 0 to 2%^53, got 0")
        assert.error_matches(function() log.forget("1", "7") end, "ts: expected a whole number")
    end)
end)

describe("a writer of an event log", function()
    local folder
    before_each(function() folder = shell.folder() end)
    after_each(function() shell.remove(folder) end)

    local function writer(options)
        options = options or {}
        options.folder, options.name = options.folder or folder, options.name or "w"
        return log.writer(options)
    end

    it("opens nothing before the first line", function()
        local before = descriptors()
        local w = writer()
        assert.equal(before, descriptors())
        assert.same({}, shell.names(folder))
        assert.is_nil(w:position())
        assert.is_true(w:write("one\n"))
        assert.equal(before + 1, descriptors())
        assert.is_true(w:close())
        assert.equal(before, descriptors())
        assert.equal("one\n", shell.read(folder .. "/w.ndjson"))
    end)

    it("appends batches in order, and says how far the file goes", function()
        for _, fsync in ipairs({ "never", "second", "always" }) do
            local w = writer({ name = fsync, fsync = fsync })
            assert.is_true(w:write({ "one\n", "two\n" }))
            assert.is_true(w:tick(100))
            assert.is_true(w:write("three\n"))
            assert.is_true(w:tick(100.5))
            assert.is_true(w:write(""))
            assert.same({ folder .. "/" .. fsync .. ".ndjson", 14 }, { w:position() })
            assert.is_true(w:close())
            assert.equal("one\ntwo\nthree\n", shell.read(folder .. "/" .. fsync .. ".ndjson"))
        end
    end)

    it("goes on with a file that is there", function()
        shell.write(folder .. "/w.ndjson", "old\n")
        local w = writer()
        assert.is_true(w:open())
        assert.same({ folder .. "/w.ndjson", 4 }, { w:position() })
        assert.is_true(w:write("new\n"))
        assert.equal("old\nnew\n", shell.read(folder .. "/w.ndjson"))
        w:close()
    end)

    it("cuts off a line that nobody lived to finish", function()
        for _, case in ipairs({ { "old\nhal", "old\n" }, { "hal", "" }, { "a\n" .. ("x"):rep(10000), "a\n" },
            { ("x"):rep(4095) .. "\n" .. ("y"):rep(4096), ("x"):rep(4095) .. "\n" } }) do
            shell.write(folder .. "/w.ndjson", case[1])
            local w = writer()
            assert.is_true(w:write("new\n"))
            w:close()
            assert.equal(case[2] .. "new\n", shell.read(folder .. "/w.ndjson"))
        end
    end)

    it("begins a new file when its file was moved away or removed", function()
        local w = writer({ fsync = "second" })
        assert.is_true(w:write("one\n"))
        assert(os.rename(folder .. "/w.ndjson", folder .. "/old.ndjson"))
        assert.is_true(w:write("two\n"))
        assert.same({ folder .. "/w.ndjson", 4 }, { w:position() })
        assert(os.remove(folder .. "/w.ndjson"))
        assert.is_true(w:write("three\n"))
        assert.equal("one\n", shell.read(folder .. "/old.ndjson"))
        assert.equal("three\n", shell.read(folder .. "/w.ndjson"))
        w:close()
    end)

    it("writes on only to the file that it has open, where it is asked to", function()
        local w = writer()
        assert.is_false(w:write_on("none\n"))
        assert.same({}, shell.names(folder))
        assert.is_true(w:write("one\n"))
        assert.is_true(w:write_on("two\n"))
        assert(os.rename(folder .. "/w.ndjson", folder .. "/old.ndjson"))
        assert.is_false(w:write_on("three\n"))
        assert.same({ "old.ndjson" }, shell.names(folder))
        assert.equal("one\ntwo\n", shell.read(folder .. "/old.ndjson"))
        assert.is_true(w:write("four\n"))
        assert.is_true(w:write_on("five\n"))
        assert.equal("four\nfive\n", shell.read(folder .. "/w.ndjson"))
        w:close()
    end)

    it("goes on at the start of a file that was emptied", function()
        local w = writer()
        assert.is_true(w:write("one\n"))
        shell.write(folder .. "/w.ndjson", "")
        assert.is_true(w:write("two\n"))
        assert.equal("two\n", shell.read(folder .. "/w.ndjson"))
        assert.equal(4, select(2, w:position()))
        w:close()
    end)

    it("begins the next file when one is long enough", function()
        local w = writer({ rotate_bytes = 8, fsync = "always" })
        for _, line in ipairs({ "one\n", "two\n", "three\n", "four\n", "five\n" }) do
            assert.is_true(w:write(line))
        end
        assert.same({ "w-0002.ndjson", "w-0003.ndjson", "w.ndjson" }, shell.names(folder))
        assert.equal("one\ntwo\n", shell.read(folder .. "/w.ndjson"))
        assert.equal("three\nfour\n", shell.read(folder .. "/w-0002.ndjson"))
        assert.same({ folder .. "/w-0003.ndjson", 5 }, { w:position() })
        w:close()
        w = writer({ rotate_bytes = 8 })
        assert.is_true(w:write("six\n"))
        assert.equal("five\nsix\n", shell.read(folder .. "/w-0003.ndjson"))
        w:close()
    end)

    it("makes the folder where only that is missing", function()
        local w = writer({ folder = folder .. "/log/" })
        assert.is_true(w:write("one\n"))
        assert.equal("one\n", shell.read(folder .. "/log/w.ndjson"))
        w:close()
        local ok, err = writer({ folder = folder .. "/a/b" }):write("one\n")
        assert.is_nil(ok)
        assert.equal("io", err.kind)
        assert.equal(folder .. "/a/b/w.ndjson: cannot open: no such file or directory", tostring(err))
    end)

    it("is the only one of its name", function()
        local first, second = writer(), writer()
        assert.is_true(first:write("one\n"))
        local ok, err = second:write("two\n")
        assert.is_nil(ok)
        assert.equal(folder .. "/w.ndjson: cannot append: another writer has it open", tostring(err))
        first:close()
        assert.is_true(second:write("two\n"))
        second:close()
        assert.equal("one\ntwo\n", shell.read(folder .. "/w.ndjson"))
    end)

    it("refuses what is no file", function()
        lfs.mkdir(folder .. "/w.ndjson")
        local _, err = writer():write("one\n")
        assert.equal(folder .. "/w.ndjson: cannot open: is a directory", tostring(err))
        shell.run(folder, "mkfifo p.ndjson")
        _, err = writer({ name = "p" }):write("one\n")
        assert.equal(folder .. "/p.ndjson: cannot append: it is no file", tostring(err))
    end)

    it("leaves no half batch where the disk is full, and goes on when there is room", function()
        local run = run_lua(folder, "trap '' XFSZ; ulimit -f 8; ", [[
            local log = require("leadscore.log")
            local w = log.writer({ folder = ".", name = "w", fsync = arg[1] })
            local acknowledged = 0
            for i = 1, 1000 do
                local ok, err = w:write({ ("%04d first\n"):format(i), ("%04d second\n"):format(i) })
                if ok then acknowledged = acknowledged + 1 else last = err end
            end
            print(acknowledged, (select(2, w:position())), last.kind, last)
            assert(w:write("x\n"))
            assert(w:close())
        ]])
        assert.equal("", run.err)
        local count, size, kind, message = run.out:match("^(%d+)\t(%d+)\t(%w+)\t(.*)\n$")
        assert.equal("io", kind)
        assert.equal("./w.ndjson: cannot write: file too large", message)
        local text = shell.read(folder .. "/w.ndjson")
        local expected = {}
        for i = 1, tonumber(count) do
            expected[i] = ("%04d first\n%04d second\n"):format(i, i)
        end
        assert.equal(table.concat(expected) .. "x\n", text)
        assert.equal(#text - 2, tonumber(size))
    end)

    it("keeps every acknowledged line when its process is killed", function()
        local run = run_lua(folder, "", [[
            local log = require("leadscore.log")
            local w = log.writer({ folder = ".", name = "w" })
            for i = 1, 100 do
                assert(w:write(log.forget(i, i)))
                print(i)
            end
            io.stdout:flush()
            local pid = io.open("/proc/self/stat"):read("*n")
            os.execute("kill -9 " .. pid)
        ]])
        assert.is_true(run.code ~= 0)
        local lines = 0
        for line in shell.read(folder .. "/w.ndjson"):gmatch("[^\n]*\n") do
            lines = lines + 1
            assert.equal(log.forget(lines, lines), line)
        end
        assert.equal(100, lines)
        local w = writer() -- the lock went with the process
        assert.is_true(w:write("one\n"))
        w:close()
    end)

    it("says so when it is used wrongly", function()
        local function raises(expected, options)
            assert.error_matches(function() log.writer(options) end, expected, 1, true)
        end
        raises("folder: expected a path, got nil", { name = "w" })
        raises("name: expected a file's name without /", { folder = folder, name = "a/b" })
        raises("name: expected a file's name", { folder = folder, name = ".w" })
        raises('fsync: expected "never", "second" or "always", got often',
            { folder = ".", name = "w", fsync = "often" })
        raises("rotate_bytes: expected a size in bytes, got 0", { folder = ".", name = "w", rotate_bytes = 0 })
        local w = writer()
        for _, text in ipairs({ "no end", 7, false }) do
            assert.error_matches(function() w:write(text) end, "expected whole lines, each with its line feed")
        end
        assert.matches("^log writer: .*/w.ndjson %(fsync never%)$", tostring(w))
        w:close()
        assert.is_true(w:close())
        assert.matches("%(closed%)$", tostring(w))
        for _, call in ipairs({ "open", "write", "tick", "position" }) do
            assert.error_matches(function() w[call](w, "x\n") end, "log writer is closed")
        end
    end)

    it("gives its descriptor back when it is collected", function()
        local before = descriptors()
        for _ = 1, 10 do
            assert.is_true(writer():write("one\n"))
            collectgarbage()
            collectgarbage()
        end
        assert.equal(before, descriptors())
        assert.equal(10, select(2, shell.read(folder .. "/w.ndjson"):gsub("\n", "")))
    end)
end)
