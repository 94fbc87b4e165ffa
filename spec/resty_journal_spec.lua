-- The worker's part of the event log, without nginx. It asks processes by LuaJIT's ffi, so it is tried there alone.

local shell = require("shell")

if not rawget(_G, "jit") then
    describe("a worker's log", function()
        pending("is not tried: it needs LuaJIT", function() end)
    end)
    return
end

describe("a worker's log", function()
    local before

    setup(function()
        before = rawget(_G, "ngx")
        rawset(_G, "ngx", {
            worker = { id = function() return 0 end, pid = function() return 4711 end },
            now = os.time,
        })
    end)

    teardown(function() rawset(_G, "ngx", before) end)

    it("takes the lines of requests that outlive the worker's last timer", function()
        local folder = shell.folder()
        local journal = require("resty.leadscore.journal").new({ folder = folder, fsync = "never", alone = true })
        local file = assert(journal:write("one\n"))
        journal:close()
        assert.is_true(journal:tick())
        local same, from, bytes = journal:write("two\n")
        assert.are.same({ file, 4, 8 }, { same, from, bytes })
        journal:close()
        assert.are.equal("one\ntwo\n", shell.read(folder .. "/" .. file))
    end)

    it("goes on with a file of another name when its file was moved away", function()
        local folder = shell.folder()
        local journal = require("resty.leadscore.journal").new({ folder = folder, fsync = "never", alone = true })
        local file = assert(journal:write("one\n"))
        assert(os.rename(folder .. "/" .. file, folder .. "/away"))
        local other, from, bytes = journal:write("two\n")
        assert.are.same({ (file:gsub("%.ndjson$", "-m1.ndjson")), 0, 4 }, { other, from, bytes })
        assert.are.equal("one\n", shell.read(folder .. "/away"))
        journal:close()
    end)
end)
