-- The Lua module as its users meet it.

local leadscore = require("leadscore")
local shell = require("shell")

local OPENS = { name = "opens", groups = { { name = "Opens", rules = { { event = "open", points = 2 } } } } }
local FIT = {
    name = "fit_score", scope = { not_in_list = "staff" },
    groups = { { name = "Fit", rules = {
        { when = { country = { "SE", "DK" } }, points = 5 },
        { property = "region", points_by = { North = 3, South = 1.5 } },
        { when = { ["score:opens"] = { at_least = 4 } }, points = 10 },
    } } },
    properties = { region = "set" },
    thresholds = { high = 10, medium = 5 },
}

local function fails(message, call, ...)
    local ok, err = pcall(call, ...)
    assert.is_false(ok)
    assert.equal("string", type(err))
    assert.truthy(err:find(message, 1, true), err)
end

local function dataset(options)
    local all = {
        contacts = {
            { id = "ada", country = "SE", region = { "North", "South" } },
            { id = 7, country = "NO" },
            { id = "bo", country = leadscore.null },
        },
        events = {
            { contact_id = "ada", event = "open", at = "2025-05-01" },
            { contact_id = "ada", event = "open", at = 1746144000.75 },
            { contact_id = 7, event = "open", at = "2025-05-01T10:00:00Z" },
            { contact_id = "who", event = "open", at = "2025-05-01" },
        },
        lists = { staff = { "bo" } },
    }
    for key, value in pairs(options or {}) do
        all[key] = value
    end
    return leadscore.dataset(all)
end

describe("the module", function()
    it("sets no globals and says its version", function()
        assert.is_nil(rawget(_G, "leadscore"))
        assert.truthy(leadscore.version:find("^%d+%.%d+%.%d+$"))
        assert.equal(1, leadscore.language)
        local found, cjson = pcall(require, "cjson")
        if found then assert.equal(cjson.null, leadscore.null) end
    end)
end)

describe("a definition", function()
    it("scores one record", function()
        local opens = assert(leadscore.define(OPENS))
        local score = assert(opens:score({ events = { { "open", "1 day ago" }, { event = "open", at = 0 } } }))
        assert.same({ value = 4, scored = true, in_scope = true }, score)
        assert.same({ value = 0, scored = false, in_scope = true }, opens:score({}, "2025-01-01"))
    end)

    it("takes an instant as seconds, as a text, or as now", function()
        local opens = assert(leadscore.define(OPENS))
        local record = { events = { { "open", "2025-01-02" } } }
        assert.equal(0, opens:score(record, "2025-01-01").value)
        assert.equal(2, opens:score(record, 1735776000.9).value)
        assert.equal(2, opens:score(record).value)
        local score, err = opens:score(record, "someday")
        assert.is_nil(score)
        assert.equal("at", err.path)
        fails("expected a number of seconds or a text", opens.score, opens, record, {})
    end)

    it("prints in one useful line, and so does its plan", function()
        local opens = assert(leadscore.define(OPENS))
        assert.equal("definition opens: contact score, 1 group, 1 rule", tostring(opens))
        assert.truthy(tostring(opens:plan()):find("plan of opens", 1, true))
        assert.same({ "opens" }, opens:names())
    end)

    it("says what a host must fetch", function()
        local set = assert(leadscore.define({ OPENS, FIT }))
        local names = {}
        for _, field in ipairs(set:plan():fields()) do
            names[field.object .. "." .. field.name] = field.type
        end
        assert.same({ ["contact.country"] = "text", ["contact.region"] = "set" }, names)
        assert.same({ "staff" }, set:plan():lists())
        assert.same(set:plan():fields(), set:fields())
        assert.same(set:plan():lists(), set:lists())
    end)

    it("has one fingerprint however it is written", function()
        local one = assert(leadscore.define(OPENS))
        local two = assert(leadscore.define({ name = "opens", label = "Opens!", groups = {
            { name = "Opens", kind = "engagement", rules = { { event = { "open" }, points = 2.0 } } } } }))
        assert.equal(one:fingerprint(), two:fingerprint())
        assert.truthy(one:fingerprint():find("^%x+$") and #one:fingerprint() == 32)
        assert.truthy(one:canonical():find('"name":"opens"', 1, true))
    end)

    it("explains, and says when it changes next", function()
        local fading = assert(leadscore.define({ name = "f", groups = { { name = "g",
            decay = { percent = 50, every = "1 day" }, rules = { { event = "open", points = 2 } } } } }))
        local record = { id = "x", events = { { "open", "2025-01-01" } } }
        local explained = assert(fading:explain(record, "2025-01-02"))
        assert.equal("x", explained.id)
        assert.equal(1, explained.scores[1].value)
        assert.equal(1735862400, fading:next_change(record, "2025-01-02"))
        assert.is_false(fading:next_change({}, "2025-01-02"))
    end)

    it("finds every change of a contact whose events' dates come one by one", function()
        local definition = assert(leadscore.define({
            name = "n", properties = { ["event.due"] = "datetime", ["event.kind"] = "text" },
            groups = { { name = "g", rules = {
                { event = "call", where = { due = { more_than_ahead = "3 days" } }, points = 1 },
                {
                    event = { "call", "visit" }, where = { due = { in_last = "2 days" } },
                    once_per = { property = "kind" }, points = 10,
                },
            } } },
        }))
        local start, events = 1750000000, {}
        for i = 1, 60 do
            events[i] = {
                event = i % 3 == 0 and "visit" or "call", at = start - i * 3600, kind = "k" .. i % 7,
                due = start + (i * 7919 % 97) * 7200 + i,
            }
        end
        local record = { events = events }
        local at, changes = start, 0
        while true do
            local change = definition:next_change(record, at)
            if not change then break end
            local before = definition:score(record, at).value
            assert.are.equal(before, definition:score(record, change - 1).value)
            assert.are_not.equal(before, definition:score(record, change).value)
            for _, share in ipairs({ 0.25, 0.5, 0.75 }) do
                local between = at + math.floor((change - at - 1) * share)
                assert.are.equal(before, definition:score(record, between).value)
            end
            at, changes = change, changes + 1
        end
        assert.is_true(changes > 40)
    end)

    it("fails clearly when used after closing", function()
        local opens = assert(leadscore.define(OPENS))
        opens:close()
        opens:close()
        assert.equal("definition (closed)", tostring(opens))
        fails("definition is closed", opens.score, opens, {})
        fails("definition is closed", opens.plan, opens)
        fails("definition is closed", opens.fingerprint, opens)
    end)

    it("lists all that is wrong, as text and as fields", function()
        local definition, err = leadscore.define({ name = "Q!", groups = { { name = "g", rules = {
            { event = "open", points = "2" } } } } })
        assert.is_nil(definition)
        assert.equal(2, #err.errors)
        assert.equal("definition", err.kind)
        assert.equal("groups[1].rules[1].points", err.errors[1].path)
        assert.equal("name", err.errors[2].path)
        local _, breaks = tostring(err):gsub("\n", "")
        assert.equal(1, breaks)
    end)

    it("raises for wrong usage", function()
        fails("expected a table", leadscore.define, "score.lua")
        fails("expected a path", leadscore.load, 7)
        local opens = assert(leadscore.define(OPENS))
        fails("record", opens.score, opens, "ada")
    end)

    it("returns nil and an error for a wrong datum", function()
        local opens = assert(leadscore.define(OPENS))
        local score, err = opens:score({ events = { { "open", "not a time" } } })
        assert.is_nil(score)
        assert.truthy(tostring(err):find("not a time", 1, true))
    end)

    it("runs the tests beside it", function()
        local tested = { name = "opens", groups = OPENS.groups, tests = {
            { given = { events = { { "open", "1 day ago" } } }, at = "2025-01-01", expect = { value = 2 } },
            { given = {}, at = "2025-01-01", expect = { value = 2, scored = true } },
        } }
        local report = assert(leadscore.define(tested)):test()
        assert.equal(2, report.count)
        assert.equal(1, report.failed)
        assert.same({ "value: expected 2, got 0", "scored: expected true, got false" }, report.cases[2].differences)
    end)
end)

describe("associated records", function()
    local ACCOUNT = { name = "account", object = "company", groups = { { name = "People", kind = "engagement", rules = {
        { rollup = "sum", of = "score:opens" },
        { when = { contacts = { labelled = "Champion", country = "SE" } }, points = 10 },
        { event = "open", points = 1, within = "3 days", combine = "max" },
        { when = { deals = { amount = { at_least = 100 }, in_list = "hot" } }, points = 0.5 },
    } } } }
    local PERSON = { name = "person", groups = { { name = "Firm", rules = {
        { when = { company = { industry = "Retail" } }, points = 1 },
        { when = { companies = { count = { at_least = 2 } } }, points = 2 },
    } } } }
    local OPEN = { { "open", "2 days ago" }, { event = "open", at = "10 days ago", tag = "x\255y" } }

    it("are given inside a record, under their relation's name", function()
        local set = assert(leadscore.define({ ACCOUNT, OPENS }))
        local record = {
            id = "acme", industry = leadscore.null,
            contacts = { { id = "a", country = "SE", labels = { "champion", "x" }, events = OPEN }, { events = OPEN } },
            deals = { { id = "d", amount = 100, lists = { "hot" } } },
        }
        assert.same({ account = { value = 19.5, scored = true, in_scope = true } }, set:score(record, nil, "company"))
        assert.same({ opens = { value = 4, scored = true, in_scope = true } }, set:score({ events = OPEN }))
        local explained = assert(set:explain(record, "2025-01-01", "company"))
        assert.equal("acme", explained.id)
        assert.equal("contacts[2]", explained.scores[1].categories[1].groups[1].rules[1].members[2].id)
        -- An event at 1735517000 leaves its three days 259,200 s later.
        assert.equal(1735776200, set:next_change({ contacts = { { events = { { "open", 1735517000 } } } } },
            1735600000, "account"))
        fails("object: expected", set.score, set, record, nil, "account")
    end)

    it("are one where they appear twice, by their table or id", function()
        local person = assert(leadscore.define(PERSON))
        local firm = { id = " c1 ", industry = "Retail" }
        assert.equal(1, person:score({ company = firm, companies = { firm, { id = "c1" } } }).value)
        local both = { { id = "c1", industry = "Retail" }, {} }
        assert.equal(3, person:score({ company_id = "c1", companies = both }).value)
        assert.equal(0, person:score({ company = "Retail", companies = { "Retail", "Bank" } }).value)
        assert.equal(0, person:score({}).value)
    end)

    it("are refused where they are wrong, at their place", function()
        local set = assert(leadscore.define({ ACCOUNT, OPENS }))
        for _, case in ipairs({
            { { contacts = { { country = { a = 1 } } } }, "contacts[1].country", "expected an array" },
            { { contacts = { { events = { { "open", "someday" } } } } }, "contacts[1].events[1].at",
              'cannot read "someday"' },
            { { contacts = { {}, { events = { { at = 0 } } } } }, "contacts[2].events[1].event",
              "expected the event's name" },
            { { deals = { { amount = "many" } } }, "deals[1].amount", 'cannot read "many" as a number' },
            { { contacts = { {}, 7 } }, "contacts[2]", "expected a record's table" },
            { { contacts = { { lists = { 7 } } } }, "contacts[1].lists[1]", "expected a list's name" },
        }) do
            local scores, err = set:score(case[1], nil, "company")
            assert.is_nil(scores)
            assert.equal(case[2], err.path)
            assert.truthy(err.message:find(case[3], 1, true), err.message)
        end
        local person = assert(leadscore.define(PERSON))
        local scores, err = person:score({ company = { id = "a" }, companies = { { id = "b", labels = "Primary" } } })
        assert.is_nil(scores)
        assert.truthy(tostring(err):find("one primary company", 1, true), tostring(err))
    end)

    it("do not matter to definitions that ask for none", function()
        local opens = assert(leadscore.define(OPENS))
        assert.equal(4, opens:score({ events = OPEN, company = { id = "c" }, deals = { { id = "d" } } }).value)
    end)

    it("come from rows of associations, and must not have been left out", function()
        local set = assert(leadscore.define({ ACCOUNT, OPENS }))
        local options = {
            contacts = { { id = "a", company_id = "c1" }, { id = "b", country = "SE" } },
            companies = { { id = "c1" }, { id = "c2" } }, deals = { { id = "d", amount = 100, company_id = "c2" } },
            events = { { contact_id = "a", event = "open", at = "2025-01-01" } }, lists = { hot = { "d" } },
            associations = {
                { from_object = "company", from_id = "c2", to_object = "contact", to_id = "b", label = "Champion" },
            },
        }
        local data = assert(leadscore.dataset(options))
        assert.equal("dataset: 2 contacts, 2 companies, 1 deal, 1 event", tostring(data))
        local result = assert(data:score(set, { at = "2025-01-02" }))
        assert.equal(3, result:get("c1", "company").account.value)
        assert.equal(10.5, result:get("c2", "company").account.value)
        assert.equal("c2", result:top("account", 1)[1].id)
        options.definitions = assert(leadscore.define(OPENS))
        local none, err = assert(leadscore.dataset(options)):score(set)
        assert.is_nil(none)
        assert.truthy(tostring(err):find("left out", 1, true))
    end)
end)

describe("a set", function()
    it("knows each other's scores", function()
        local set = assert(leadscore.define({ FIT, OPENS }))
        assert.equal("set of 2 definitions: fit_score, opens", tostring(set))
        local events = { { "open", "1 day ago" }, { "open", "2 days ago" } }
        local scores = assert(set:score({ country = "dk", events = events }))
        assert.equal(15, scores.fit_score.value)
        assert.equal("High", scores.fit_score.label)
        assert.equal(4, scores.opens.value)
        assert.same({ in_scope = false }, (set:score({ lists = { "staff" } }).fit_score))
        fails("which score?", set.next_change, set, {})
        fails('did you mean "opens"?', set.next_change, set, {}, nil, "open")
        assert.is_false(set:next_change({}, nil, "opens"))
    end)
end)

describe("loading", function()
    local folder
    before_each(function() folder = shell.folder() end)
    after_each(function() shell.remove(folder) end)

    it("reads Lua and JSON files, and folders of them in name order", function()
        shell.write(folder .. "/b.lua", 'return { name = "b", groups = { { name = "g", rules = { ' ..
            '{ event = "open", points = 1 } } } } }')
        shell.write(folder .. "/a.json",
            '[{"name":"a","groups":[{"name":"g","rules":[{"event":"open","points":0.1}]}]}]')
        shell.write(folder .. "/notes.txt", "no definition")
        assert.equal("definition b: contact score, 1 group, 1 rule", tostring(leadscore.load(folder .. "/b.lua")))
        assert.equal("set of 1 definition: a", tostring(leadscore.load(folder .. "/a.json")))
        assert.same({ "a", "b" }, leadscore.load(folder):names())
        assert.same({ "b", "a" }, leadscore.load({ folder .. "/b.lua", folder .. "/a.json" }):names())
    end)

    it("names the file, the definition and the place of what is wrong", function()
        shell.write(folder .. "/a.lua", 'return { name = "a", groups = {} }')
        shell.write(folder .. "/b.lua", "return {\n  name = 'b',\n  groups = [\n}\n")
        local _, err = leadscore.load(folder .. "/a.lua")
        assert.equal(folder .. "/a.lua", err.file)
        assert.equal("groups", err.path)
        _, err = leadscore.load(folder .. "/b.lua")
        assert.equal(folder .. "/b.lua", err.file)
        assert.equal(3, err.line)
        _, err = leadscore.load(folder .. "/c.lua")
        assert.equal("io", err.kind)
        assert.truthy(tostring(err):find(folder .. "/c.lua: no such file", 1, true))
        shell.write(folder .. "/a.txt", "")
        _, err = leadscore.load(folder .. "/a.txt")
        assert.truthy(tostring(err):find("ends in .lua or .json", 1, true))
    end)

    it("gives definition files nothing of the system", function()
        for _, body in ipairs({ "os.exit(3)", "io.open('x')", "require('lfs')", "while true do end",
            "local t = {} for i = 1, 1e9 do t[i] = 'x' .. i end", "return setmetatable({}, {})" }) do
            shell.write(folder .. "/a.lua", body .. "\nreturn {}")
            local definition, err = leadscore.load(folder .. "/a.lua")
            assert.is_nil(definition, body)
            assert.equal(folder .. "/a.lua", err.file)
        end
    end)
end)

describe("a dataset", function()
    local set
    before_each(function() set = assert(leadscore.define({ FIT, OPENS })) end)

    it("is made of rows and scored", function()
        local data = assert(dataset({ definitions = set }))
        assert.equal("dataset: 3 contacts, 3 events", tostring(data))
        assert.equal(1, data:counts().unknown_contact)
        local result = assert(data:score(set, { at = "2025-06-01" }))
        assert.equal("result: fit_score, opens of 3 contacts at 2025-06-01T00:00:00Z", tostring(result))
        assert.equal(1748736000, result:at())
        assert.equal(3, result:count())
        if _VERSION ~= "Lua 5.1" then assert.equal(3, #result) end
        assert.equal(19.5, result:get("ada").fit_score.value)
        assert.equal(2, result:get(7).opens.value)
        assert.equal(2, result:get(7.0).opens.value)
        assert.is_false(result:get("bo").fit_score.in_scope)
        assert.is_nil(result:get("nobody"))
    end)

    it("is scored as single records are", function()
        local data = assert(dataset())
        local result = assert(data:score(set, { at = "2025-06-01", threads = 2 }))
        local one = assert(set:score({ country = "SE", region = { "North", "South" },
            events = { { "open", "2025-05-01" }, { "open", "2025-05-02" } } }, "2025-06-01"))
        assert.same(one, result:get("ada"))
    end)

    it("is iterated in input order, ranked and spread", function()
        local result = assert(assert(dataset()):score(set, { at = "2025-06-01" }))
        local ids = {}
        for id, scores in result:each() do
            ids[#ids + 1] = id .. "=" .. tostring(scores.opens.value)
        end
        assert.same({ "ada=4", "7=2", "bo=0" }, ids)
        local top = result:top("opens", 2)
        assert.equal("ada", top[1].id)
        assert.equal("7", top[2].id)
        assert.equal(2, top[2].score.value)
        local spread = assert(result:distribution("fit_score", { bins = 4 }))
        assert.equal(3, spread.records)
        assert.equal(2, spread.count)
        assert.equal(1, spread.out_of_scope)
        fails("which score?", result.top, result)
        fails("unknown option", result.distribution, result, "opens", { bin = 3 })
    end)

    it("is written to a file that is whole, or through a function", function()
        local folder = shell.folder()
        local result = assert(assert(dataset()):score(set, { at = "2025-06-01" }))
        assert(result:write(folder .. "/scores.csv"))
        local text = "id,fit_score,fit_score_label,opens\nada,19.5,High,4\n7,0,Low,2\nbo,,,0\n"
        assert.equal(text, shell.read(folder .. "/scores.csv"))
        local parts = {}
        assert(result:write({ writer = function(part) parts[#parts + 1] = part end }))
        assert.equal(text, table.concat(parts))
        local ok, err = result:write(folder .. "/nowhere/scores.csv")
        assert.is_nil(ok)
        assert.equal("io", err.kind)
        fails("did you mean", result.write, result, { pathh = "x" })
        shell.remove(folder)
    end)

    it("explains one record of it", function()
        local data = assert(dataset())
        local explained = assert(data:explain(set, "ada", "2025-06-01"))
        assert.equal(19.5, explained.scores[1].value)
        local none, err = data:explain(set, "nobody", "2025-06-01")
        assert.is_nil(none)
        assert.truthy(tostring(err):find("nobody", 1, true))
    end)

    it("serves definitions that it was not read for, unless it left their columns out", function()
        local whole = assert(dataset())
        assert(whole:score(assert(leadscore.define(OPENS)), {}))
        local opens = assert(leadscore.define(OPENS))
        local part = assert(dataset({ definitions = opens }))
        local result, err = part:score(set, {})
        assert.is_nil(result)
        assert.truthy(tostring(err):find("left out", 1, true))
    end)

    it("warns of properties that it does not have, and refuses lists that it does not have", function()
        local other = assert(leadscore.define({ name = "o", groups = { { name = "g", rules = {
            { when = { contry = "SE", in_list = "vip" }, points = 1 } } } } }))
        local data, err = dataset({ definitions = other })
        assert.is_nil(data)
        assert.equal("lists.vip", err.path)
        data = assert(dataset({ definitions = other, lists = { vip = {} } }))
        assert.equal(1, #data:warnings())
        assert.equal("country", data:warnings()[1].nearest)
        assert.equal(0, #assert(dataset()):warnings(set))
        assert.equal(0, #assert(dataset({ definitions = set, contacts = {} })):warnings())
    end)

    it("says which row is wrong", function()
        local data, err = dataset({ contacts = { { id = "a" }, { id = "b", tags = { x = 1 } } } })
        assert.is_nil(data)
        assert.equal("contacts", err.file)
        assert.equal(2, err.line)
        assert.equal("tags", err.path)
        data, err = dataset({ contacts = { { id = "a" }, { id = "a" } } })
        assert.is_nil(data)
        assert.equal(2, err.line)
        data = dataset({ contacts = { { id = "a", n = 0 / 0 } } })
        assert.is_nil(data)
    end)

    it("does not take more memory than it may", function()
        for _, most in ipairs({ 1, 1000, 20000 }) do
            local made, err = leadscore.dataset({ contacts = { { id = "a" } }, max_memory = most })
            assert.is_nil(made)
            assert.equal("memory", err.kind)
        end
    end)

    it("takes rows from a function", function()
        local i = 0
        local data = assert(dataset({ contacts = function()
            i = i + 1
            return i <= 5000 and { id = i, note = ("x"):rep(50) } or nil
        end }))
        assert.equal(5000, data:counts().contacts)
    end)

    it("reports progress, and stops when told to", function()
        local phases = {}
        assert(dataset({ progress = function(info) phases[info.phase] = true end }))
        assert.is_true(phases.read)
        local data, err = dataset({ progress = function() return false end })
        assert.is_nil(data)
        assert.equal("interrupted", err.kind)
    end)

    it("raises for wrong usage", function()
        fails("contacts are needed", leadscore.dataset, { events = {} })
        fails('did you mean "contacts"?', leadscore.dataset, { contact = {} })
        fails("expected a path", leadscore.dataset, { contacts = 7 })
        fails("FILE.NEW = OLD", leadscore.dataset, { contacts = {}, columns = { id = "x" } })
        fails("expected a definition", leadscore.dataset, { contacts = {}, definitions = {} })
        local data = assert(dataset())
        fails("expected a definition", data.score, data, {})
        fails("threads", data.score, data, set, { threads = 0 })
        fails("did you mean", data.score, data, set, { thread = 1 })
    end)

    it("fails clearly when used after closing, and results live on", function()
        local data = assert(dataset())
        local result = assert(data:score(set, { at = "2025-06-01" }))
        data:close()
        data:close()
        set:close()
        fails("dataset is closed", data.score, data, set)
        assert.equal("dataset (closed)", tostring(data))
        assert.equal(3, result:count())
        assert(result:distribution("opens"))
        result:close()
        assert.equal("result (closed)", tostring(result))
        fails("result is closed", result.get, result, "ada")
    end)

    it("counts an event of a repeated id once, as a batch does", function()
        local definition = assert(leadscore.define({ name = "x", groups = {
            { name = "g", rules = { { event = "a", points = 1, where = { p = { contains = "z" } } } } },
        } }))
        local record = { id = "1", events = {
            { event = "a", at = 5, id = "q", p = "z" }, { event = "a", at = 6, id = "q", p = "z" },
            { event = "a", at = 7, id = "r", p = "z" }, { event = "a", at = 8, p = "z" },
        } }
        assert.equal(3, definition:score(record, 10).value)
    end)
end)
