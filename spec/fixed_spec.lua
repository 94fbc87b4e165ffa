-- Bugs that were found and fixed, each in the words of who met it. What belongs to a larger subject has its case there.

local leadscore = require("leadscore")
local shell = require("shell")

local OPENS = { name = "opens", groups = { { name = "Opens", rules = { { event = "open", points = 2 } } } } }

local function copy(of)
    local new = {}
    for key, value in pairs(of) do
        new[key] = value
    end
    return new
end

local function small(options)
    local all = {
        contacts = { { id = 1 } }, events = { { contact_id = 1, event = "open", at = 0 } },
    }
    for key, value in pairs(options or {}) do
        all[key] = value
    end
    return leadscore.dataset(all)
end

local folder

local function file(name, text)
    shell.write(folder .. "/" .. name, text)
    return folder .. "/" .. name
end

local function run(line)
    return shell.run(folder, line)
end

before_each(function()
    folder = shell.folder()
end)

after_each(function()
    shell.remove(folder)
end)

describe("a wrong argument", function()
    local opens = assert(leadscore.define(OPENS))
    local other = copy(OPENS)
    other.name = "other"
    local both = assert(leadscore.define({ OPENS, other }))

    -- Raised with the line that made the call in front.
    local function blames_caller(call, message)
        local ok, err = pcall(call)
        assert.is_false(ok)
        assert.truthy(err:find("^[^\n]*fixed_spec%.lua:%d+: "), err)
        assert.truthy(err:find(message, 1, true), err)
    end

    it("of a result is blamed on who called", function()
        local result = assert(small():score(both))
        blames_caller(function() result:top("opens", -1) end, "result:top: n: expected a whole number of at least 0")
        blames_caller(function() result:top("opens", 1.5) end, "got 1.5")
        blames_caller(function() result:top("opens", "all") end, 'got "all"')
        blames_caller(function() result:top() end, "which score?")
        blames_caller(function() result:top("open") end, 'did you mean "opens"?')
        blames_caller(function() result:next_change(1, "open") end, 'did you mean "opens"?')
        blames_caller(function() result:distribution("open") end, 'did you mean "opens"?')
        for _, bins in ipairs({ 0, 10001, 2.5, "few" }) do
            blames_caller(function() result:distribution("opens", { bins = bins }) end, "from 1 to 10000, got ")
        end
        blames_caller(function() result:distribution("opens", 20) end, "expected a table of options, got number")
        blames_caller(function() result:write({ path = 7 }) end, "path: expected the name of a file, got 7")
        blames_caller(function() result:write("") end, "path: expected the name of a file")
        blames_caller(function() result:write("a\0b") end, "path: expected the name of a file")
        blames_caller(function() result:write({ writer = 7 }) end, "writer: expected a function, got 7")
        assert.equal(1, #result:top("opens", 1e300))
    end)

    it("of a dataset is blamed on who called", function()
        local dataset = assert(small())
        blames_caller(function() dataset:columns("account") end, 'object: expected "contact", "company", "deal" or ')
        blames_caller(function() dataset:columns() end, "got nothing")
        blames_caller(function() dataset:score({}) end, "expected a definition")
        blames_caller(function() dataset:score(opens, 7) end, "expected a table of options, got number")
        blames_caller(function() dataset:score(opens, { at = {} }) end, "at: expected a number of seconds or a text")
        blames_caller(function() dataset:explain({}, 1) end, "expected a definition")
        blames_caller(function() dataset:explain(opens, 1, nil, "event") end, 'object: expected "contact"')
        blames_caller(function() dataset:explain(opens, 1, {}) end, "at: expected a number of seconds or a text")
        for _, case in ipairs({
            { { contact = {} }, 'did you mean "contacts"?' }, { { contacts = 7 }, "contacts: expected a path" },
            { { delimiter = ",," }, "delimiter" }, { { unknown = 7 }, "unknown" },
            { { columns = { x = 1 } }, "columns" },
            { { rejects = 7 }, "rejects: expected a path or a function, got 7" }, { { rejects = "a\0b" }, "rejects" },
            { { max_memory = "much" }, "max_memory" }, { { max_memory = -1 }, "max_memory" },
            { { lists = 7 }, "lists: expected lists by name" }, { { lists = { 7 } }, "lists: expected names" },
            { { lists = { a = 7 } }, "lists.a: expected a path" }, { { match = {} }, "match: expected email or name" },
            { { keep = { account = {} } }, "object: expected" }, { { keep = { contact = "a" } }, "keep.contact" },
            { { definitions = {} }, "expected a definition" }, { { progress = 7 }, "progress: expected a function" },
        }) do
            local options = copy(case[1])
            options.contacts = options.contacts or {}
            blames_caller(function() leadscore.dataset(options) end, case[2])
        end
    end)

    it("of a definition is blamed on who called", function()
        blames_caller(function() opens:score({}, {}) end, "at: expected a number of seconds or a text")
        blames_caller(function() opens:explain({}, {}) end, "at: expected a number of seconds or a text")
        blames_caller(function() opens:next_change({}, {}) end, "at: expected a number of seconds or a text")
        blames_caller(function() both:score({}, {}) end, "at: expected a number of seconds or a text")
        blames_caller(function() both:explain({}, {}) end, "at: expected a number of seconds or a text")
        blames_caller(function() both:next_change({}, {}, "opens") end, "at: expected a number of seconds or a text")
        blames_caller(function() both:next_change({}, 0, "open") end, 'did you mean "opens"?')
        blames_caller(function() both:score({}, 0, "account") end, "object: expected")
    end)
end)

describe("the module", function()
    -- A require that fails in the middle leaves Lua 5.1 and LuaJIT a module that can never be had again.
    it("has all that defining and scoring need once it is required", function()
        local before = {}
        for name, value in pairs(package.loaded) do
            if name:find("^leadscore%.?") and name ~= "leadscore.core" then before[name] = value end
        end
        for name in pairs(before) do
            package.loaded[name] = nil
        end
        local path = package.path
        local fresh = require("leadscore")
        package.path = ""
        local done, score = pcall(function()
            local definition = assert(fresh.define({ name = "s", groups = { { name = "g", rules = {
                { when = { company = { industry = "Retail" } }, points = 5 } } } } }))
            assert(definition:fingerprint())
            return definition:score({ company = { industry = "retail" } })
        end)
        package.path = path
        for name, value in pairs(before) do
            package.loaded[name] = value
        end
        assert.is_true(done, tostring(score))
        assert.equal(5, score.value)
    end)
end)

describe("a message", function()
    it("names a property once", function()
        local definition = assert(leadscore.define({ name = "s", groups = { { name = "g", kind = "fit", rules = {
            { when = { employees = { at_least = 5 } }, points = 1 },
            { event = "order", where = { amount = { at_least = 5 } }, points = 1 },
        } } }, tests = { { given = { employees = "many" }, at = "2025-06-01", expect = { value = 1 } } } }))
        local many = 'cannot read "many" as a number (expected digits such as 1234 or 12.5)'
        local _, err = definition:score({ employees = "many" })
        assert.equal("employees: " .. many, tostring(err))
        assert.same({ "employees", many }, { err.path, err.message })
        _, err = definition:score({ events = { { event = "order", at = 0, amount = "many" } } })
        assert.equal("events[1].amount: " .. many, tostring(err))
        assert.same({ "employees: " .. many }, definition:test().cases[1].differences)
    end)

    it("counts one contact as one", function()
        local dataset = assert(small())
        assert.equal("dataset: 1 contact, 1 event", tostring(dataset))
        local result = assert(dataset:score(assert(leadscore.define(OPENS)), { at = 0 }))
        assert.equal("result: opens of 1 contact at 1970-01-01T00:00:00Z", tostring(result))
        dataset = assert(small({ contacts = {}, companies = { { id = 1 } }, deals = { { id = 1 }, { id = 2 } } }))
        assert.equal("dataset: 0 contacts, 1 company, 2 deals, 0 events", tostring(dataset))
    end)

    it("of the system begins with a small letter, and keeps names as they are", function()
        local _, err = leadscore.load(folder .. "/Missing/S.lua")
        assert.equal(folder .. "/Missing/S.lua: no such file or directory", tostring(err))
        local result = assert(assert(small()):score(assert(leadscore.define(OPENS))))
        _, err = result:write(folder .. "/Missing/Scores.csv")
        assert.equal(folder .. "/Missing/Scores.csv: cannot open: no such file or directory", tostring(err))
        _, err = result:write(folder .. "/Missing/Too/")
        assert.equal(folder .. "/Missing/Too/: no such file or directory", tostring(err))
        _, err = result:write(folder)
        assert.equal(folder .. ": cannot open: is a directory", tostring(err))
        _, err = require("leadscore.lists").read(folder)
        assert.equal(folder .. ": is a directory", tostring(err))
    end)
end)

describe("a JSON definition", function()
    it("that does not parse is an error of the definition", function()
        local path = file("s.json", '{\n"name": "s')
        local _, err = leadscore.load(path)
        assert.same({ "definition", path, 2 }, { err.kind, err.file, err.line })
    end)

    it("that is null is said to be null", function()
        local _, err = leadscore.load(file("s.json", "null"))
        assert.truthy(tostring(err):find("expected a definition (a table) or a list of them, got null", 1, true))
        _, err = leadscore.load(file("s.json", "7"))
        assert.truthy(tostring(err):find("a list of them, got 7", 1, true))
    end)
end)

describe("a column that is to be read as another", function()
    local country = 'return { name = "fit", groups = { { name = "Fit", rules = { { when = { country = "SE" }, ' ..
        "points = 5 } } } } }"
    local function score(options)
        file("fit.lua", country)
        file("id.csv", "id\n1\n")
        return run("leadscore score fit.lua --quiet --at 2025-06-01 " .. options)
    end

    it("is told to be missing, with the nearest name", function()
        file("contacts.csv", "id,lande,country\n1,SE,SE\n")
        assert.same({ code = 1, out = "", err = 'contacts.csv:1: expected a column "land" to read as "country", ' ..
            'got none (nearest: "lande")\n' }, score("--contacts contacts.csv --column contacts.country=land"))
        file("events.csv", "contact_id,event,at\n1,open,2025-05-01\n")
        assert.same({ code = 1, out = "", err = 'events.csv:1: expected a column "when" to read as "at", ' ..
            'got "contact_id" and others\n' }, score("--contacts id.csv --events events.csv --column events.at=when"))
        file("links.csv", "from_object,from_id,to_object,to_id\n")
        local got = score("--contacts id.csv --associations links.csv --column associations.label=role")
        assert.truthy(got.err:find('links.csv:1: expected a column "role" to read as "label"', 1, true), got.err)
    end)

    it("may be in only some of the files of an input", function()
        file("a.csv", "id,land\n1,SE\n")
        file("b.csv", "id,country\n2,SE\n")
        local got = score("--contacts a.csv --contacts b.csv --column contacts.country=land")
        assert.same({ code = 0, out = "id,fit\n1,5\n2,5\n", err = "" }, got)
        got = score("--contacts b.csv --contacts a.csv --column contacts.country=land")
        assert.equal("id,fit\n2,5\n1,5\n", got.out)
        got = score("--contacts a.csv --contacts b.csv --column contacts.country=state")
        assert.equal('b.csv:1: expected a column "state" to read as "country", got "id" and others\n', got.err)
        file("c.ndjson", '{"id":3,"land":"SE"}\n')
        got = score("--contacts c.ndjson --contacts b.csv --column contacts.country=land")
        assert.equal("id,fit\n3,5\n2,5\n", got.out)
    end)
end)

describe("a text that is read as empty", function()
    it("stays an id where it is one", function()
        local definitions = assert(leadscore.define({
            { name = "opens", scope = { not_in_list = "staff" }, properties = { company_id = "text" },
              groups = { { name = "Opens", kind = "fit", rules = {
                  { event = "open", points = 1 }, { when = { level = { known = true } }, points = 10 },
                  { when = { company = { id = { known = true } } }, points = 100 },
                  { when = { deals = { id = "0" } }, points = 1000 },
              } } } },
        }))
        local dataset = assert(leadscore.dataset({
            contacts = { { id = "0", level = "0", company_id = "0" }, { id = "1", level = "1" }, { id = 2 } },
            companies = { { id = "0" } }, deals = { { id = 0 } },
            associations = {
                { from_object = "contact", from_id = "0", to_object = "deal", to_id = "0" },
                { from_object = "company", from_id = "0", to_object = "contact", to_id = "1" },
            },
            events = {
                { contact_id = "0", event = "open", at = 1, id = "0" },
                { contact_id = "0", event = "open", at = 2, id = "0" },
                { contact_id = "1", event = "open", at = 1 },
            },
            lists = { staff = { 2, 0 } }, unknown = "0",
        }))
        assert.equal(1, dataset:counts().repeated)
        local result = assert(dataset:score(definitions, { at = 10 }))
        assert.is_false(result:get("0").opens.in_scope)
        assert.equal(11, result:get("1").opens.value)
        assert.is_false(result:get("2").opens.in_scope)
        dataset = assert(leadscore.dataset({
            contacts = { { id = "0", level = "0", company_id = "0" } }, companies = { { id = "0" } },
            deals = { { id = 0 } }, unknown = "0", lists = { staff = {} },
            events = { { contact_id = 0, event = "open", at = 1 } },
            associations = { { from_object = "contact", from_id = "0", to_object = "deal", to_id = "0" } },
        }))
        assert.equal(1101, assert(dataset:score(definitions, { at = 10 })):get(0).opens.value)
    end)
end)

describe("an id", function()
    it("is a text or a number, in files, rows and records", function()
        local said = "id: expected a text or a number, got "
        for _, case in ipairs({ { { 1 }, "a list" }, { true, "true or false" } }) do
            local _, err = leadscore.dataset({ contacts = { { id = case[1] } } })
            assert.equal("contacts:1:1: " .. said .. case[2], tostring(err))
            _, err = small({ events = { { contact_id = case[1], event = "open", at = 0 } } })
            assert.truthy(tostring(err):find("contact_id: expected a text or a number, got " .. case[2], 1, true))
            _, err = small({ events = { { contact_id = 1, event = "open", at = 0, id = case[1] } } })
            assert.truthy(tostring(err):find(said .. case[2], 1, true), tostring(err))
            _, err = small({ companies = { { id = 1 } }, associations = {
                { from_object = "contact", from_id = 1, to_object = "company", to_id = case[1] } } })
            assert.truthy(tostring(err):find("to_id: expected a text or a number", 1, true), tostring(err))
        end
        local plain = assert(leadscore.define(OPENS))
        local related = assert(leadscore.define({ name = "r", groups = { { name = "g", rules = {
            { when = { company = { industry = "Retail" } }, points = 5 } } } } }))
        for _, definition in ipairs({ plain, related }) do
            for _, id in ipairs({ { 1 }, true }) do
                local _, err = definition:score({ id = id })
                assert.equal(said .. (id == true and "boolean" or "table"), tostring(err))
                assert.equal("id", err.path)
            end
            assert.is_true(definition:score({ id = 7 }).in_scope)
        end
        local _, err = related:score({ company = { id = {} } })
        assert.equal("company.id: expected a text or a number, got table", (tostring(err):gsub("%[1%]", "")))
    end)
end)

describe("text that is no UTF-8", function()
    it("is data in rows of Lua, as in CSV and in records", function()
        local latin = "S\246der"
        local definition = assert(leadscore.define({ name = "fit", groups = { { name = "Fit", rules = {
            { when = { city = latin }, points = 5 }, { event = latin, points = 1 } }, kind = "fit" } } }))
        local dataset = assert(leadscore.dataset({
            contacts = { { id = latin, city = latin }, { id = 2, city = "S\195\182der" } },
            events = { { contact_id = latin, event = latin, at = 0 } },
        }))
        local result = assert(dataset:score(definition, { at = 1 }))
        assert.equal(6, result:get(latin).fit.value)
        assert.equal(0, result:get(2).fit.value)
        assert.equal(6, definition:score({ city = latin, events = { { latin, 0 } } }, 1).value)
        local path = file("contacts.csv", "id,city\n" .. latin .. "," .. latin .. "\n")
        result = assert(assert(leadscore.dataset({ contacts = path })):score(definition))
        assert.equal(5, result:get(latin).fit.value)
        local _, err = leadscore.dataset({ contacts = file("c.ndjson", '{"id":"' .. latin .. '"}\n') })
        assert.truthy(tostring(err):find("c.ndjson:1", 1, true)) -- a file of JSON is UTF-8
    end)
end)

describe("a zero byte in the name of a list", function()
    it("is refused, not cut off there", function()
        local _, err = leadscore.define({ name = "s", scope = { in_list = "a\0b" }, groups = {
            { name = "g", rules = { { event = "e", points = 1 } } } } })
        assert.truthy(tostring(err):find("scope.in_list: expected the name of a list without zero bytes", 1, true))
        local ok, raised = pcall(small, { lists = { ["a\0b"] = {} } })
        assert.is_false(ok)
        assert.truthy(raised:find("lists: expected names without zero bytes", 1, true))
    end)
end)

describe("one file", function()
    before_each(function()
        file("opens.lua", 'return { name = "opens", groups = { { name = "g", rules = { ' ..
            '{ event = "open", points = 1 } } } } }')
        file("contacts.csv", "id\n1\n")
        file("events.csv", "contact_id,event,at\n1,open,2025-05-01\n")
        run("ln -s events.csv link.csv; ln events.csv hard.csv; cp events.csv b.csv; mkdir folder; " ..
            "ln events.csv folder/a.csv")
    end)

    it("given twice to an input is refused, whatever it is called", function()
        for _, again in ipairs({ "events.csv", "./events.csv", "link.csv", "hard.csv", "folder" }) do
            local got = run("leadscore score opens.lua --contacts contacts.csv --events events.csv --events " .. again)
            local name = again == "folder" and "folder/a.csv" or again
            assert.same({ code = 2, out = "", err = "leadscore: events: expected each file once, got events.csv and " ..
                name .. ", which are one file\n" }, got)
        end
        local line = "leadscore score opens.lua --quiet --at 2025-06-01 --contacts contacts.csv --events events.csv "
        assert.equal("id,opens\n1,2\n", run(line .. "--events b.csv").out)
        assert.equal("id,opens\n1,1\n", run(line .. "--list a=contacts.csv --list b=contacts.csv").out)
        assert.equal(2, run(line .. "--list a=contacts.csv --list a=./contacts.csv").code)
    end)

    it("that was read is not written over", function()
        local before = shell.read(folder .. "/events.csv")
        local options = { contacts = folder .. "/contacts.csv", events = folder .. "/folder" }
        options.rejects = folder .. "/hard.csv"
        local _, err = leadscore.dataset(options)
        assert.equal("rejects: " .. folder .. "/hard.csv is one of the inputs", tostring(err))
        assert.equal("usage", err.kind)
        options.rejects = nil
        local result = assert(assert(leadscore.dataset(options)):score(assert(leadscore.define(OPENS))))
        _, err = result:write(folder .. "/link.csv")
        assert.equal("path: " .. folder .. "/link.csv is one of the inputs", tostring(err))
        assert.equal("usage", err.kind)
        _, err = result:write(folder .. "/")
        assert.equal("path: " .. folder .. "/contacts.csv is one of the inputs", tostring(err))
        assert(result:write(folder .. "/b.csv"))
        assert.equal(before, shell.read(folder .. "/events.csv"))
        assert.equal("id\n1\n", shell.read(folder .. "/contacts.csv"))
    end)

    it("is not two outputs of a command, nor an output and an input", function()
        for options, said in pairs({
            ["--matched events.csv"] = "--matched: events.csv is one of the inputs",
            ["--matched m.csv --unmatched m.csv"] = "--unmatched and --matched name the same file",
            ["--matched m.csv --out m.csv"] = "--out and --matched name the same file",
            ["--matched -"] = "standard output (-) can be only one of the outputs, got it for --matched " ..
                "and what the command shows",
        }) do
            local got = run("leadscore score opens.lua --contacts contacts.csv --events events.csv --match-name id " ..
                options)
            assert.same({ code = 2, out = "", err = "leadscore: " .. said .. "\n" }, got)
        end
        file("companies.csv", "id\nc1\n")
        file("targets.csv", "c1\n")
        file("tasks.csv", "id,company_id\n1,c1\n")
        local line = "leadscore accounts --quiet --companies companies.csv --targets targets.csv --tasks tasks.csv "
        for options, said in pairs({
            ["--out tasks.csv"] = "--out: tasks.csv is one of the inputs",
            ["--out targets.csv"] = "--out: targets.csv is one of the inputs",
            ["--write-targets companies.csv"] = "--write-targets: companies.csv is one of the inputs",
            ["--write-targets t.csv --out t.csv"] = "--out and --write-targets name the same file",
        }) do
            assert.same({ code = 2, out = "", err = "leadscore: " .. said .. "\n" }, run(line .. options))
        end
        assert.equal(0, run(line .. "--add-id c2 --write-targets targets.csv").code)
        assert.equal("id\nc1\nc2\n", shell.read(folder .. "/targets.csv"))
    end)
end)

describe("an input that nothing comes from", function()
    before_each(function()
        file("opens.lua", 'return { name = "opens", groups = { { name = "g", rules = { ' ..
            '{ event = "open", points = 1 } } } } }')
        file("contacts.csv", "id\n1\n")
    end)

    -- The command is interrupted once it says that it reads. The shell holds the pipe open at both ends, so that it
    -- never ends; what hangs in spite of the interrupt is killed: 137.
    local INTERRUPT = [[
exec 3<>pipe
%s
env --default-signal=INT "$LEADSCORE" %s --progress json <&3 >out.txt 2>err.txt & pid=$!
{ sleep 20; kill -9 $pid; } >/dev/null 2>&1 & guard=$!
while [ ! -s err.txt ] && kill -0 $pid; do sleep 0.02; done
kill -INT $pid
wait $pid
code=$?
kill $guard
cat out.txt
cat err.txt >&2
rm out.txt err.txt
exit $code
]]

    it("is waited for only until an interrupt", function()
        run("mkfifo pipe")
        local before = shell.names(folder)
        for _, line in ipairs({
            "score opens.lua --contacts contacts.csv --events - --rejects bad.txt --out scores.csv",
            "score opens.lua --contacts contacts.csv --events pipe --rejects bad.txt --out scores.csv",
            "score opens.lua --contacts -", "explain opens.lua --id 1 --contacts -",
            "preview opens.lua --contacts contacts.csv --list a=-",
            "accounts --companies contacts.csv --tasks -",
        }) do
            for _, sent in ipairs({ "", "printf 'contact_id,event,at\\n1,op' >&3" }) do
                local got = run(INTERRUPT:format(sent, line))
                assert.same({ 130, "" }, { got.code, got.out }, line .. "\n" .. got.err)
                assert.truthy(got.err:find("}\nleadscore: interrupted\n$"), got.err)
                assert.same(before, shell.names(folder))
            end
        end
    end)

    it("is read as it comes, to the last byte", function()
        for _, input in ipairs({ "-", "/dev/stdin" }) do
            local got = run("{ printf 'contact_id,event,at\\n1,op'; sleep 0.2; printf 'en,2025-05-01\\n'; " ..
                "sleep 0.2; printf '1,open,2025-05-02'; } | leadscore score opens.lua --quiet --at 2025-06-01 " ..
                "--contacts contacts.csv --events " .. input)
            assert.same({ code = 0, out = "id,opens\n1,2\n", err = "" }, got)
        end
    end)

    it("tells progress of the module, which may stop it", function()
        run("mkfifo pipe")
        local read = folder .. "/pipe"
        local write = assert(io.open(read, "r+b")) -- holds it open at both ends
        local asked = 0
        local dataset, err = leadscore.dataset({ contacts = read, progress = function(info)
            assert.same({ "read", "bytes", read }, { info.phase, info.unit, info.file })
            asked = asked + 1
            return asked < 3
        end })
        write:close()
        assert.is_nil(dataset)
        assert.same({ "interrupted", 3 }, { err.kind, asked })
    end)
end)

describe("standard output that is full", function()
    it("ends every command with 74, however much it prints", function()
        local rules, tests = {}, {}
        for i = 1, 1000 do
            rules[i] = ('{ when = { country = "C%d" }, points = 1 }'):format(i)
            tests[i] = '{ given = {}, at = "2025-06-01", expect = { value = 1 } }'
        end
        local definition = 'return { name = "s", groups = { { name = "g", rules = { %s } } }, tests = { %s } }'
        file("long.lua", definition:format(table.concat(rules, ", "), table.concat(tests, ", ")))
        file("short.lua", definition:format(rules[1], tests[1]))
        file("contacts.csv", "id,country\n1,SE\n")
        for _, line in ipairs({
            "test short.lua", "test long.lua", "test --quiet short.lua", "check --canonical long.lua", "check long.lua",
            "explain long.lua --contacts contacts.csv --id 1", "preview short.lua --contacts contacts.csv",
            "manual", "score --help",
        }) do
            local got = run("leadscore " .. line .. " > /dev/full")
            assert.same({ 74, "leadscore: standard output: no space left on device\n" }, { got.code, got.err }, line)
        end
    end)
end)
