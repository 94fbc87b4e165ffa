-- Replaying an event log with --log FOLDER: what it says of contacts beside their files and without them, and what is
-- done about lines that say nothing.

local leadscore = require("leadscore")
local log = require("leadscore.log")
local shell = require("shell")

local DEFINITION = [[
return {
    name = "s",
    groups = {
        { name = "Fit", rules = {
            { property = "country", points_by = { DE = 10, FR = 20 } },
            { property = "employees", bands = { { at_least = 100, points = 5 } } },
            { points = 1000, when = { in_list = "vip" } },
        } },
        { name = "Web", rules = {
            { event = "visit", points = 1 },
            { event = "visit", where = { url = { is = "/pricing" } }, points = 4 },
        } },
    },
}
]]

-- As the plain score of a contact with so many visits and so much of a fit.
local function row(id, engagement, fit)
    return ("%s,%d,%d,%d\n"):format(id, engagement + fit, engagement, fit)
end

local HEADER = "id,s,s_engagement,s_fit\n"

describe("an event log", function()
    local folder
    before_each(function()
        folder = shell.folder()
        shell.run(folder, "mkdir log")
        shell.write(folder .. "/score.lua", DEFINITION)
        shell.write(folder .. "/vip.csv", "nobody\n")
    end)
    after_each(function() shell.remove(folder) end)

    local function write(name, ...)
        shell.write(folder .. "/" .. name, table.concat({ ... }, "\n") .. "\n")
    end

    local function score(inputs)
        return shell.run(folder, "leadscore score score.lua --list vip=vip.csv --at 2026-02-01 " .. inputs)
    end

    -- Runs, expects success and these rows, answers what was said.
    local function scores(inputs, ...)
        local run = score(inputs)
        assert.equal("", run.code ~= 0 and run.err or "")
        assert.equal(HEADER .. table.concat({ ... }), run.out)
        return run.err
    end

    -- Runs, expects to be refused with this line.
    local function refused(message, inputs)
        local run = score(inputs or "--log log")
        assert.equal(message, run.err:gsub("\n$", ""), nil)
        assert.equal(1, run.code)
        assert.equal("", run.out)
    end

    it("adds events to contacts of a file, and contacts that no file has", function()
        write("contacts.csv", "id,country", "1,DE", "2,FR")
        write("log/a.ndjson",
            '{"v":1,"op":"event","ts":1,"contact_id":"2","event":"visit","at":"2026-01-01T00:00:00Z"}',
            '{"v":1,"op":"event","ts":2,"contact_id":"new","event":"visit","at":1767225600,' ..
            '"properties":{"url":"/pricing"}}')
        local said = scores("--contacts contacts.csv --log log", row(1, 0, 10), row(2, 1, 20), row("new", 5, 0))
        assert.matches("scored 3 contacts, 2 events .*; 2 log lines %(2 events, 0 sets, 0 forgets%)\n$", said)
    end)

    it("needs no other input", function()
        write("log/a.ndjson",
            '{"v":1,"op":"event","ts":3,"contact_id":"a","event":"visit","at":"2026-01-01","url":"/"}',
            '{"v":1,"op":"set","ts":4,"contact_id":"b","properties":{"country":"DE","employees":1}}')
        assert.not_matches("warning", scores("--log log", row("a", 1, 0), row("b", 0, 10)))
    end)

    it("goes with events and lists of files", function()
        write("contacts.csv", "id", "1")
        write("events.csv", "contact_id,event,at", "1,visit,2026-01-01", "new,visit,2026-01-01",
            "other,visit,2026-01-01")
        write("vip.csv", "new")
        write("log/a.ndjson", '{"v":1,"op":"event","contact_id":"new","event":"visit","at":"2026-01-01"}')
        local said = scores("--contacts contacts.csv --events events.csv --log log", row(1, 1, 0), row("new", 2, 1000))
        assert.matches("1 event of an unknown contact", said)
    end)

    it("lets the last set win, property by property", function()
        write("contacts.csv", "id,country,employees", "1,IT,500", "2,IT,500")
        write("log/a.ndjson",
            '{"v":1,"op":"set","ts":7,"contact_id":"1","properties":{"country":"FR"}}',
            '{"v":1,"op":"set","ts":6,"contact_id":"1","properties":{"country":"DE","employees":5}}',
            '{"v":1,"op":"set","ts":8,"id":2,"country":"DE"}',
            '{"v":1,"op":"set","ts":9,"id":2,"employees":null}',
            '{"v":1,"op":"set","ts":10,"id":2,"properties":{}}')
        scores("--contacts contacts.csv --log log", row(1, 0, 20), row(2, 0, 10))
    end)

    it("forgets what came before, also what files say", function()
        write("contacts.csv", "id,country", "1,DE", "2,DE", "x,DE")
        write("events.csv", "contact_id,event,at", "1,visit,2026-01-01", "2,visit,2026-01-01", "x,visit,2026-01-01")
        write("vip.csv", "1", "2", "x")
        write("log/a.ndjson",
            '{"v":1,"op":"event","ts":1,"contact_id":"2","event":"visit","at":"2026-01-01"}',
            '{"v":1,"op":"set","ts":2,"contact_id":"x","properties":{"employees":500}}',
            '{"v":1,"op":"forget","ts":3,"contact_id":"2"}',
            '{"v":1,"op":"forget","ts":3,"contact_id":"x"}',
            '{"v":1,"op":"event","ts":4,"contact_id":"x","event":"visit","at":"2026-01-01","url":"/pricing"}')
        local said = scores("--contacts contacts.csv --events events.csv --log log", row(1, 1, 1010), row("x", 5, 0))
        assert.matches("scored 2 contacts, 2 events", said)
    end)

    it("forgets associations too", function()
        write("contacts.csv", "id,company_id", "1,c", "2,c")
        write("companies.csv", "id", "c")
        write("associations.csv", "from_object,from_id,to_object,to_id", "contact,1,company,c",
            "contact,2,company,c")
        write("count.lua", 'return { { name = "one", groups = { { name = "g", rules = {',
            '{ points = 1, when = { id = { known = true } } } } } } }, { name = "n", object = "company",',
            'groups = { { name = "g", kind = "fit", rules = {',
            '{ rollup = "count", of = "score:one", at_least = 1 } } } } } }')
        write("log/a.ndjson", '{"v":1,"op":"forget","ts":1,"contact_id":"2"}',
            '{"v":1,"op":"set","ts":2,"contact_id":"2","properties":{"country":"DE"}}')
        local inputs = " --object company --contacts contacts.csv " ..
            "--companies companies.csv --associations associations.csv " ..
            "--at 2026-02-01"
        assert.equal("id,n\nc,2\n", shell.run(folder, "leadscore score count.lua" .. inputs).out)
        local run = shell.run(folder, "leadscore score count.lua --log log" .. inputs)
        assert.equal("id,n\nc,1\n", run.out)
        write("log/a.ndjson",
            '{"v":1,"op":"set","ts":2,"contact_id":"3","properties":{"company_id":"c"}}')
        run = shell.run(folder, "leadscore score count.lua --log log" .. inputs)
        assert.equal("id,n\nc,3\n", run.out)
    end)

    it("counts an event once whose id comes again within 90 days", function()
        local stamp = 1767225600 * 1000 * 1024
        local function visit(days, seconds, more)
            return log.event({ contact_id = more or "1", event = "visit", at = 1767225600, id = "e" },
                stamp + (days * 86400 + seconds) * 1000 * 1024):sub(1, -2)
        end
        write("log/a.ndjson", visit(0, 0), visit(50, 0), visit(90, 0), visit(0, 0, "2"), visit(90, 1, "2"),
            visit(0, 0, "3"), '{"v":1,"op":"forget","contact_id":"3"}', visit(1, 0, "3"))
        local said = scores("--log log", row(1, 1, 0), row(2, 2, 0), row(3, 1, 0))
        assert.matches("2 repeated events", said)
        -- One that a file has came before.
        write("events.csv", "contact_id,event,at,id", "1,visit,2026-01-01,e")
        scores("--log log --events events.csv", row(1, 1, 0), row(2, 2, 0), row(3, 1, 0))
    end)

    it("takes the lines of all files in the order of ts", function()
        write("log/a.ndjson",
            '{"v":1,"op":"set","ts":5,"contact_id":"1","properties":{"country":"FR"}}',
            '{"v":1,"op":"set","ts":9,"contact_id":"2","properties":{"country":"FR"}}')
        write("log/b.jsonl",
            '{"v":1,"op":"set","ts":4,"contact_id":"1","properties":{"country":"DE"}}',
            '{"v":1,"op":"forget","ts":8,"contact_id":"2"}')
        write("log/c.ndjson", '{"v":1,"op":"set","ts":4,"contact_id":"3","properties":{"country":"FR"}}',
            '{"v":1,"op":"set","contact_id":"3","properties":{"country":"DE"}}')
        scores("--log log", row(1, 0, 20), row(3, 0, 10), row(2, 0, 20))
        shell.run(folder, "mkdir other && mv log/b.jsonl other && gzip log/a.ndjson")
        scores("--log log --log other", row(3, 0, 10), row(1, 0, 20), row(2, 0, 20))
        scores("--log other --log log", row(1, 0, 20), row(3, 0, 10), row(2, 0, 20))
    end)

    it("reads properties that are named as members are, flat or apart", function()
        write("odd.lua", 'return { name = "n", groups = { { name = "g", rules = {',
            '{ event = "visit", where = { op = { is = "x" }, ts = { is = "7" }, v = { is = "2" } }, points = 1 },',
            '{ event = "visit", where = { id = { is = "e" } }, points = 10 } } }, { name = "h", rules = {',
            '{ property = "event", points_by = { a = 100 } }, { property = "at", points_by = { b = 1000 } } } } } }')
        write("log/a.ndjson",
            '{"v":1,"op":"event","contact_id":"1","event":"visit","at":1,"id":"e",' ..
            '"properties":{"op":"x","ts":7,"v":2}}',
            '{"v":1,"op":"set","contact_id":"1","event":"a","at":"b"}',
            '{"v":1,"op":"set","contact_id":"1","id":"1","properties":{"id":1,"v":3}}')
        local run = shell.run(folder, "leadscore score odd.lua --log log --at 2026-02-01")
        assert.equal("id,n,n_engagement,n_fit\n1,1111,11,1100\n", run.out)
    end)

    it("reads what the writer wrote, whatever the texts", function()
        local w = log.writer({ folder = folder .. "/log", name = "w" })
        local odd = ' \1"\\/\n\t\r é \255 \226\128\168 {"'
        assert(w:write({ log.set(odd, { country = "DE" }, 1),
            log.event({ contact_id = "n", event = odd, at = -1, id = odd, x = { 0.1, 2 ^ 60, true } }, 2) }))
        assert(w:close())
        local dataset = assert(leadscore.dataset({ log = folder .. "/log" }))
        local handle = dataset._handle
        assert.equal((odd:gsub("^ ", "")), handle:id("contact", 1))
        assert.same({ "event", "at", "id", "x" }, dataset:columns("event"))
        local event = handle:latest(2, {}, 1767225600, 5)[1]
        local trimmed = odd:gsub("^ ", "")
        assert.same({ at = -1, event = trimmed, id = trimmed, x = "0.1;1.152921504606847e18;true" }, event)
        dataset:close()
    end)

    it("passes over a last line that has no end, and says so", function()
        write("contacts.csv", "id", "1")
        shell.write(folder .. "/log/a.ndjson", '{"v":1,"op":"set","contact_id":"1","country":"DE"}\n'
            .. '{"v":1,"op":"set","contact_id":"1","country":"FR"}')
        shell.write(folder .. "/log/b.ndjson", '{"v":1,"op":"ev')
        shell.write(folder .. "/log/c.ndjson", "")
        shell.write(folder .. "/log/d.ndjson", " \n\n  ")
        local said = scores("--contacts contacts.csv --log log", row(1, 0, 10))
        assert.equal("warning: log/a.ndjson:2: the last line has no end; it is not read\n"
            .. "warning: log/b.ndjson:1: the last line has no end; it is not read\n",
            said:match("^(.-)warning: contact"))
        assert.matches("; 1 log line %(0 events, 1 set, 0 forgets%)\n$", said)
    end)

    -- A line, what is wrong with it, and which member it is.
    local BAD = {
        { "null", "expected an object, such as {\"v\":1,\"op\":\"forget\",\"id\":\"7\"}" },
        { "{}", "v: expected version 1 of the log, got nothing" },
        { '{"v":2,"op":"set"}', "v: expected version 1 of the log, got 2", 1 },
        { '{"v":"1","op":"set"}', 'v: expected version 1 of the log, got "1"', 1 },
        { '{"v":1}', "op: expected event, set or forget, got nothing" },
        { '{"v":1,"op":"merge","contact_id":"1"}', 'op: expected event, set or forget, got "merge"', 2 },
        { '{"v":1,"op":["set"]}', "op: expected event, set or forget, got a list", 2 },
        { '{"v":1,"op":"set"}', "contact_id: expected an id, got nothing" },
        { '{"v":1,"op":"set","id":" "}', "id: expected an id, got nothing", 3 },
        { '{"v":1,"op":"set","contact_id":{}}', "contact_id: expected a text or a number, got an object", 3 },
        { '{"v":1,"op":"forget","contact_id":true}', "contact_id: expected a text or a number, got true", 3 },
        { '{"v":1,"op":"event","id":"1"}', "contact_id: expected an id, got nothing" },
        { '{"v":1,"op":"set","id":"1","ts":1.5}', "ts: expected a whole number, got 1.5", 4 },
        { '{"v":1,"op":"set","id":"1","ts":99999999999999999999}',
            "ts: expected a whole number, got 99999999999999999999", 4 },
        { '{"v":1,"op":"set","id":"1","ts":"7"}', 'ts: expected a whole number, got "7"', 4 },
        { '{"v":1,"op":"event","contact_id":"1","at":1}', "event: expected a name, got nothing" },
        { '{"v":1,"op":"event","contact_id":"1","event":"","at":1}', "event: expected a name, got nothing", 4 },
        { '{"v":1,"op":"event","contact_id":"1","event":[],"at":1}', "event: expected a name, got a list", 4 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x"}', "at: expected a time, got nothing" },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":""}', "at: expected a time, got nothing", 5 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":[1]}', "at: expected a time, got a list", 5 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":"31/01/2025"}',
            'at: cannot read "31/01/2025" as a time (expected 2025-01-31, 2025-01-31T09:30:00Z or seconds since ' ..
            '1970)', 5 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":1,"id":{}}',
            "id: expected a text or a number, got an object", 6 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":1,"properties":[]}',
            "properties: expected an object, got a list", 6 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":1,"properties":{"at":2}}',
            "at: expected beside op, got it among properties", 6 },
        { '{"v":1,"op":"event","contact_id":"1","event":"x","at":1,"url":{"a":1}}',
            "url: expected a text, a number or a list, got an object", 6 },
        { '{"v":1,"op":"set","contact_id":"1","properties":{"id":"2"}}',
            "id: expected no other id than the contact's", 4 },
        { '{"v":1,"op":"set","contact_id":"1","id":"2"}', "id: expected no other id than the contact's", 4 },
        { '{"v":1,"op":"set","contact_id":"1","country":"DE","properties":{"country":"DE"}}',
            'a key given twice: "country"', 5 },
        { '{"v":1,"op":"set","contact_id":"1","properties":{},"properties":{}}', 'a key given twice: "properties"' },
        { '{"v":1,"v":1,"op":"set","contact_id":"1"}', 'a key given twice: "v"', 2 },
        { '{"v":1,"op":"set","contact_id":"1","properties":{"a":1,"a":1}}', 'a key given twice: "a"', 5 },
        { '{"v":1,"op":"set","contact_id":"1","country":"a\\u0000b"}', "country: expected text, got a NUL byte", 4 },
        { '{"v":1,"op":"set","contact_id":"\\u0000"}', "contact_id: expected text, got a NUL byte", 3 },
        { '{"v":1,"op":"set","contact_id":"1","properties":{"a\\u0000b":1}}', "a zero byte in a name", 4 },
        { '{"v":1,"op":"set","contact_id":"1","employees":"many"}',
            'employees: cannot read "many" as a number (expected digits such as 1234 or 12.5)', 4 },
        { '{"v":1,"op":"set","contact_id":"1","x":"half', "a text without its closing quote" },
        { '{"v":1,"op":"set","contact_id":"1","x":' .. ("["):rep(100) .. ("]"):rep(100) .. "}", "nested too deeply" },
        { '{"v":1,"op":"set","contact_id":"1","x":NaN}', "^not JSON" },
        { '{"v":1,"op":"set","contact_id":"1","x":01}', "^not JSON" },
        { '{"v":1,"op":"set","contact_id":"1","x":-}', "^not JSON" },
        { '{"v":1,"op":"set","contact_id":"1","x":1.}', "^not JSON" },
        { '{"v":1,"op":"set","contact_id":"1","x":tru}', "^not JSON" },
        { '{"v":1,"op":"set","contact_id":"1"} {}', "^not JSON" },
        { '{"v":1,"op":"set","contact_id":"1",}', "^not JSON" },
        { '{"v":1 "op":"set"}', "^not JSON" },
    }

    it("refuses lines that say nothing, each with its place", function()
        for _, case in ipairs(BAD) do
            write("log/a.ndjson", '{"v":1,"op":"set","id":"0"}', "", case[1])
            if case[2]:sub(1, 1) == "^" then
                local run = score("--log log")
                assert.equal(1, run.code)
                assert.matches("^log/a.ndjson:3: " .. case[2]:sub(2), run.err)
            else
                refused(("log/a.ndjson:3:%s %s"):format(case[3] and case[3] .. ":" or "", case[2]))
            end
        end
    end)

    it("goes on past them with --rejects, as if they were not there", function()
        local lines, kept = {}, 0
        for i, case in ipairs(BAD) do
            local cell = case[2]:find("^employees") or case[2]:find("^url")
            lines[i], kept = case[1], kept + (cell and 1 or 0)
        end
        lines[#lines + 1] = '{"v":1,"op":"set","id":"last","country":"DE"}'
        write("log/a.ndjson", (table.unpack or unpack)(lines))
        local said = scores("--log log --rejects bad.csv", row(1, 0, 0), row("last", 0, 10))
        assert.matches(("; %d rejected rows; %d rejected cells\n$"):format(#BAD - kept, kept), said)
        local text = shell.read(folder .. "/bad.csv")
        assert.equal("file,line,field,reason,row\n", text:match("^[^\n]*\n"))
        for i, case in ipairs(BAD) do
            assert.matches(("\nlog/a.ndjson,%d,%s,"):format(i, case[3] or ""), text, 1, true)
        end
        assert.matches('\nlog/a.ndjson,3,1,"v: expected version 1 of the log, got 2","{""v"":2,""op"":""set""}"\n',
            text, 1, true)
    end)

    it("reads texts as unknown where it is told so", function()
        write("contacts.csv", "id,country", "1,DE")
        write("log/a.ndjson", '{"v":1,"op":"set","id":"1","country":" Select "}')
        scores("--contacts contacts.csv --log log --unknown Select", row(1, 0, 0))
    end)

    it("leaves its names alone, whatever columns are renamed", function()
        write("contacts.csv", "id,Land", "1,DE", "2,DE")
        write("log/a.ndjson", '{"v":1,"op":"set","id":"2","country":"FR","Land":"x"}')
        scores("--contacts contacts.csv --log log --column contacts.country=Land", row(1, 0, 10), row(2, 0, 20))
    end)

    it("may be empty, which is worth a warning", function()
        write("contacts.csv", "id,country", "1,DE")
        local said = scores("--contacts contacts.csv --log log", row(1, 0, 10))
        assert.matches("^warning: log: no .ndjson or .jsonl file in it\n", said)
        assert.equal(HEADER, score("--log log").out)
    end)

    it("is a folder of such files, not of others", function()
        write("log/a.csv", "id", "1")
        refused("log: no .ndjson or .jsonl file in it")
        write("log/a.ndjson", '{"v":1,"op":"set","id":"1"}')
        write("log/.hidden.ndjson", "no log")
        assert.matches("^warning: log/a.csv: not read: the name does not end in .ndjson or .jsonl %(or these with " ..
            ".gz%)\n", scores("--log log", row(1, 0, 0)))
    end)

    it("is read once while it is compressed", function()
        write("log/a.ndjson", '{"v":1,"op":"event","contact_id":"1","event":"visit","at":1}')
        shell.run(folder, "gzip -k log/a.ndjson")
        assert.matches("^warning: log/a.ndjson.gz: not read: a.ndjson is there too\n",
            scores("--log log", row(1, 1, 0)))
        shell.run(folder, "rm log/a.ndjson; head -c 30 log/a.ndjson.gz > log/b.ndjson.gz")
        refused("log/b.ndjson.gz: the gzip data ends too early: the file is cut off")
    end)

    it("is there, or the run ends", function()
        local run = score("--log nowhere")
        assert.equal("nowhere: cannot open it: there is no such file\n", run.err)
        assert.equal(74, run.code)
        run = score("--log ''")
        assert.equal(2, run.code)
        write("log/a.ndjson", '{"v":1,"op":"set","id":"1"}')
        run = score("--log log --log log/a.ndjson")
        assert.matches("log: expected each file once, got log/a.ndjson and log/a.ndjson, which are one file",
            run.err, 1, true)
        run = score("--log log --out log/a.ndjson")
        assert.equal("leadscore: --out: log/a.ndjson is one of the inputs\n", run.err)
        assert.equal(2, run.code)
    end)

    it("refuses a line that has no end within 16 MiB", function()
        shell.write(folder .. "/log/a.ndjson", '{"v":1,"op":"set","id":"1","x":"' .. ("x"):rep(2 ^ 24) .. '"}\n')
        refused("log/a.ndjson:1: expected a line of at most 16777216 bytes, got a longer one")
    end)

    it("holds a long line, of many properties", function()
        local parts = {}
        for i = 1, 9000 do
            parts[i] = ('"p%d":"%s"'):format(i, ("x"):rep(i % 100))
        end
        write("log/a.ndjson", '{"v":1,"op":"set","id":"1",' .. table.concat(parts, ",") .. ',"country":"DE"}')
        scores("--log log", row(1, 0, 10))
    end)

    it("is not choked by names that somebody makes up", function()
        local lines = {}
        for i = 1, 12000 do
            lines[i] = ('{"v":1,"op":"set","id":"%d","made up %d":"x"}'):format(i % 7, i)
        end
        lines[#lines + 1] = '{"v":1,"op":"set","id":"0","country":"DE"}'
        shell.write(folder .. "/log/a.ndjson", table.concat(lines, "\n") .. "\n")
        assert.matches("^id,s,s_engagement,s_fit\n", score("--log log").out)
        assert.matches("\n0,10,0,10\n", score("--log log").out)
        local _, err = leadscore.dataset({ log = folder .. "/log" })
        assert.matches("a.ndjson:10001:4: expected at most 10000 names of properties, got more$", tostring(err))
    end)

    it("is explained and previewed like any input", function()
        write("log/a.ndjson", '{"v":1,"op":"event","contact_id":"1","event":"visit","at":"2026-01-01"}')
        local run = shell.run(folder, "leadscore explain score.lua --list vip=vip.csv --log log --id 1 --at 2026-02-01")
        assert.matches("2026-01-01T00:00:00Z  visit  1", run.out, 1, true)
        run = shell.run(folder, "leadscore preview score.lua --list vip=vip.csv --log log --at 2026-02-01 --quiet")
        assert.matches("s: 1 record, 1 scored", run.out)
        write("companies.csv", "id,name,target_account", "c,Acme,true")
        write("log/a.ndjson", '{"v":1,"op":"set","id":"1","properties":{"company_id":"c"}}')
        run = shell.run(folder, "leadscore accounts --companies companies.csv --log log --at 2026-02-01 --format csv")
        assert.matches("\nc,Acme,1,", run.out)
    end)

    it("tells schedulers what it had", function()
        write("log/a.ndjson", '{"v":1,"op":"forget","contact_id":"1"}', '{"v":1,"op":"set","contact_id":"1"}')
        local run = score("--log log --progress json --out out.csv")
        assert.matches('"log_lines":2,"log_events":0,"log_sets":1,"log_forgets":1', run.err, 1, true)
    end)

    it("is a folder or a list of such in the module", function()
        shell.write(folder .. "/log/a.ndjson",
            '{"v":1,"op":"event","contact_id":"1","event":"visit","at":"2026-01-01"}\n{"v":1,"op":"for')
        local definition = assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
            { event = "visit", points = 3 },
        } } } }))
        for _, value in ipairs({ folder .. "/log", { folder .. "/log" } }) do
            local dataset = assert(leadscore.dataset({ definitions = definition, log = value }))
            assert.equal(3, assert(dataset:score(definition, { at = "2026-02-01" })):get("1").n.value)
            assert.same({ 1, 1, 0, 0 }, { dataset:counts().log_lines, dataset:counts().log_events,
                dataset:counts().log_sets, dataset:counts().log_forgets })
            assert.equal(folder .. "/log/a.ndjson:2: the last line has no end; it is not read",
                tostring(dataset:warnings()[1]))
            dataset:close()
        end
        for _, wrong in ipairs({ true, 7, {}, { { id = 1 } }, function() end }) do
            assert.error_matches(function() leadscore.dataset({ log = wrong }) end,
                "log: expected a folder or a list of such")
        end
    end)

    it("stops when it is told to", function()
        local lines = {}
        for i = 1, 50000 do
            lines[i] = ('{"v":1,"op":"event","contact_id":"%d","event":"visit","at":1767225600}'):format(i)
        end
        shell.write(folder .. "/log/a.ndjson", table.concat(lines, "\n") .. "\n")
        local steps = 0
        local dataset, err = leadscore.dataset({ log = folder .. "/log", progress = function()
            steps = steps + 1
            return steps < 3
        end })
        assert.is_nil(dataset)
        assert.equal("interrupted", err.kind)
        dataset, err = leadscore.dataset({ log = folder .. "/log", max_memory = 1000000 })
        assert.is_nil(dataset)
        assert.equal("memory", err.kind)
    end)
end)

describe("a ledger that replays an event log", function()
    local folder, ledger
    before_each(function()
        folder = shell.folder()
        ledger = assert(leadscore.ledger(assert(leadscore.define({
            name = "n", properties = { employees = "number" }, groups = {
                { name = "Web", rules = { { event = "visit", points = 1 } } },
                { name = "Fit", rules = { { property = "employees", bands = { { at_least = 10, points = 100 } } } } },
            },
        }))))
    end)
    after_each(function()
        ledger:close()
        shell.remove(folder)
    end)

    local function write(name, ...)
        shell.write(folder .. "/" .. name, table.concat({ ... }, "\n") .. "\n")
    end

    local AT = 1769904000
    local VISIT = '{"v":1,"op":"event","ts":%d,"contact_id":"%s","event":"visit","at":1767225600%s}'

    it("holds what the lines say, in the order of ts over files", function()
        write("a.ndjson", VISIT:format(5, "1", ""), VISIT:format(3, "2", ""), VISIT:format(9, "3", ',"id":"e"'))
        write("b.jsonl", '{"v":1,"op":"forget","ts":4,"contact_id":"2"}', VISIT:format(8, "3", ',"id":"e"'),
            '{"v":1,"op":"set","ts":2,"id":"4","employees":"12"}', '{"v":1,"op":"set","id":"4","employees":"9"}')
        shell.run(folder, "gzip a.ndjson")
        assert.same({ lines = 7, events = 3, repeated = 1, sets = 2, forgets = 1, rejected = 0, unfinished = {} },
            ledger:replay(folder))
        assert.equal(3, ledger:count())
        assert.is_false(ledger:has("2"))
        for id, value in pairs({ ["1"] = 1, ["3"] = 1, ["4"] = 0 }) do
            assert.equal(value, assert(ledger:score(id, AT)).value)
        end
    end)

    it("knows the ids of events as they were known when they came", function()
        local stamp, day = AT * 1000 * 1024, 86400 * 1000 * 1024
        write("a.ndjson", VISIT:format(stamp - 100 * day, "1", ',"id":"old"'), VISIT:format(stamp, "1", ',"id":"new"'))
        assert(ledger:replay(folder))
        local event = { contact_id = "1", event = "visit", at = AT, id = "new" }
        assert.equal("repeated", ledger:add(event, AT + 89 * 86400))
        event.id = "old"
        assert.equal("added", ledger:add(event, AT))
    end)

    it("ends at the first line that says nothing, or goes on", function()
        write("a.ndjson", VISIT:format(1, "1", ""), "nonsense", '{"v":1,"op":"set","id":"1","employees":"many"}',
            '{"v":1,"op":"event","contact_id":"1","event":"visit","at":"soon"}',
            '{"v":1,"op":"set","id":"1","x":{"y":1}}', VISIT:format(2, "1", ""))
        local counts, err = ledger:replay(folder)
        assert.is_nil(counts)
        assert.matches("/a.ndjson:2: not JSON: ", tostring(err))
        local lines = {}
        counts = assert(ledger:replay(folder, { rejects = function(each) lines[#lines + 1] = tostring(each) end }))
        assert.same({ 4, 2 }, { counts.rejected, counts.events })
        assert.equal(4, #lines)
        assert.matches("/a.ndjson:3: .*cannot read \"many\" as a number", lines[2])
        assert.matches("/a.ndjson:4: .*cannot read \"soon\" as a time", lines[3])
        assert.matches("/a.ndjson:5:4: x: expected a text, a number or a list, got an object", lines[4])
    end)

    it("says which last lines have no end", function()
        shell.write(folder .. "/a.ndjson", VISIT:format(1, "1", "") .. "\n" .. VISIT:format(2, "1", ""))
        local counts = assert(ledger:replay(folder))
        assert.same({ { file = folder .. "/a.ndjson", line = 2 } }, counts.unfinished)
        assert.equal(1, counts.events)
    end)

    it("opens few files at a time, however many there are", function()
        for i = 1, 300 do
            write(("%03d.ndjson"):format(i), VISIT:format(i, "1", ""), VISIT:format(i, "2", ""))
        end
        local lfs, most = require("lfs"), 0
        local counts = assert(ledger:replay(folder, { progress = function()
            local open = 0
            for _ in lfs.dir("/proc/self/fd") do
                open = open + 1
            end
            most = math.max(most, open)
        end }))
        assert.equal(600, counts.events)
        assert.is_true(most > 0 and most < 100)
    end)

    it("stops when it is told to, and waits while it is", function()
        local lines = {}
        for i = 1, 3000 do
            lines[i] = VISIT:format(i, "1", "")
        end
        write("a.ndjson", (table.unpack or unpack)(lines))
        local counts, err = ledger:replay(folder, { progress = function(so_far) return so_far.lines < 1 end })
        assert.is_nil(counts)
        assert.equal("interrupted", err.kind)
        local pauses = 0
        local replay = coroutine.wrap(function()
            local done = ledger:replay(folder, { progress = function() coroutine.yield() end })
            return done
        end)
        local done = replay()
        while not done do
            pauses, done = pauses + 1, replay()
        end
        assert.equal(6, pauses)
        assert.equal(3000, done.lines)
    end)

    it("says what is wrong with a folder or an option", function()
        local counts, err = ledger:replay(folder .. "/none")
        assert.is_nil(counts)
        assert.equal("io", err.kind)
        assert.same(0, assert(ledger:replay(folder)).lines)
        assert.error_matches(function() ledger:replay(7) end, "log: expected a folder")
        assert.error_matches(function() ledger:replay(folder, { reject = print }) end, 'did you mean "rejects"')
        ledger:close()
        assert.error_matches(function() ledger:replay(folder) end, "ledger is closed")
    end)
end)
