-- Bugs of companies, deals, matching and accounts that were found and fixed, each in the words of who met it.

local leadscore = require("leadscore")
local shell = require("shell")

local folder

local function file(name, text)
    shell.write(folder .. "/" .. name, text)
    return folder .. "/" .. name
end

local function run(line)
    return shell.run(folder, line)
end

-- The run fails with this code and says all these texts.
local function refuses(code, line, ...)
    local done = run(line)
    assert.equal(code, done.code, done.err)
    for _, text in ipairs({ ... }) do
        assert.truthy(done.err:find(text, 1, true), done.err)
    end
    return done
end

-- The run goes well and says all these texts beside its output.
local function says(line, ...)
    return refuses(0, line, ...)
end

before_each(function()
    folder = shell.folder()
end)

after_each(function()
    shell.remove(folder)
end)

describe("one column read under several names", function()
    local FIT = [[return { name = "fit", groups = { { name = "Fit", rules = {
        { when = { country = "SE" }, points = 100 }, { when = { land = "SE" }, points = 10 } } } } }]]

    it("is all of them, whatever their names", function()
        file("fit.lua", FIT)
        file("c.csv", "id,OLD\na,SE\n")
        file("c.ndjson", '{"id":"a"}\n{"id":"b","OLD":"SE"}\n')
        for _ = 1, 3 do
            local done = says("leadscore score fit.lua --contacts c.csv --column contacts.country=OLD " ..
                "--column contacts.land=OLD --quiet")
            assert.equal("id,fit\na,110\n", done.out)
        end
        local done = says("leadscore score fit.lua --contacts c.ndjson --column contacts.country=OLD " ..
            "--column contacts.land=OLD --quiet")
        assert.equal("id,fit\na,0\nb,110\n", done.out)
    end)

    it("may be the id and a property, of records and of events", function()
        local definition = assert(leadscore.define({ name = "s", groups = {
            { name = "A", rules = { { when = { name = "a" }, points = 1 } } },
            { name = "B", rules = { { event = "view", where = { what = "view", who = "a" }, points = 10 } } },
        } }))
        local dataset = assert(leadscore.dataset({
            definitions = definition,
            contacts = file("c.csv", "account\na\nb\n"),
            events = file("e.csv", "who,kind,at\na,view,2025-01-01\nb,view,2025-01-01\n"),
            columns = {
                ["contacts.id"] = "account", ["contacts.name"] = "account", ["events.contact_id"] = "who",
                ["events.who"] = "who", ["events.event"] = "kind", ["events.what"] = "kind",
            },
        }))
        local result = assert(dataset:score(definition, { at = "2025-02-01" }))
        assert.equal(11, result:get("a").s.value)
        assert.equal(0, result:get("b").s.value)
    end)

    it("may not hide a column that has the name already", function()
        file("fit.lua", FIT)
        file("c.csv", "id,country,OLD\na,NO,SE\n")
        file("c.ndjson", '{"id":"a","OLD":"SE"}\n{"id":"b","country":"NO"}\n')
        for _, name in ipairs({ "c.csv", "c.ndjson" }) do
            refuses(1, "leadscore score fit.lua --contacts " .. name .. " --column contacts.country=OLD",
                'expected one column "country", got it and "OLD", which is to be read as it')
        end
        local done = says("leadscore score fit.lua --contacts c.csv --column contacts.country=OLD " ..
            "--column contacts.land=country --quiet")
        assert.equal("id,fit\na,100\n", done.out)
    end)

    it("is told when accounts' inputs lack it", function()
        file("co.csv", "id,target_account,chef\nc1,yes,Zoe\n")
        refuses(1, "leadscore accounts --companies co.csv --column companies.owner=cheff", "cheff", '"chef"')
        file("t.csv", "id,firm\nt1,c1\n")
        refuses(1, "leadscore accounts --companies co.csv --tasks t.csv --column tasks.company_id=frim", "frim",
            '"firm"')
        local done = says("leadscore accounts --companies co.csv --tasks t.csv --column tasks.company_id=firm " ..
            "--column companies.owner=chef --column companies.name=chef --format csv --quiet")
        assert.truthy(done.out:find("c1,Zoe,0", 1, true), done.out)
    end)
end)

describe("an output", function()
    local INPUTS = " --companies co.csv --contacts c.csv --tasks tasks.csv --engagements en.csv " ..
        "--targets targets.csv --add add.csv --remove rm.csv --dismissed dis.csv --free-mail free.csv " ..
        "--match-domain email --recommend 1 "

    before_each(function()
        file("co.csv", "id,target_account,domain\nc1,yes,a.example\nc2,,b.example\n")
        file("c.csv", "id,email\nada,ada@a.example\nbo,bo@c.example\n")
        file("tasks.csv", "id,company_id\nt1,c1\n")
        file("en.csv", "id,company_id,type,at\ne1,c1,call,2025-01-01\n")
        for _, name in ipairs({ "targets", "add", "rm", "dis", "free" }) do
            file(name .. ".csv", "id\n")
        end
        assert(require("lfs").mkdir(folder .. "/defs"))
        file("defs/a.lua", [[return { name = "a", object = "company",
            groups = { { name = "F", rules = { { when = { id = "c1" }, points = 1 } } } } }]])
    end)

    it("is never a file that is read", function()
        local files = { "co", "c", "tasks", "en", "targets", "add", "rm", "dis", "free" }
        for _, option in ipairs({ "--out", "--matched", "--unmatched", "--write-targets" }) do
            for _, name in ipairs(files) do
                if option ~= "--write-targets" or name ~= "targets" then
                    local path = folder .. "/" .. name .. ".csv"
                    local before = shell.read(path)
                    refuses(2, "leadscore accounts defs" .. INPUTS .. option .. " ./" .. name .. ".csv",
                        option .. ": ./" .. name .. ".csv is one of the inputs")
                    assert.equal(before, shell.read(path))
                end
            end
            refuses(2, "leadscore accounts defs" .. INPUTS .. option .. " defs/a.lua",
                "defs/a.lua is one of the inputs")
        end
    end)

    it("shares no file with another one, by whatever name", function()
        refuses(2, "leadscore accounts defs" .. INPUTS .. "--out new.csv --matched ./new.csv", "name the same file")
        refuses(2, "leadscore accounts defs" .. INPUTS .. "--unmatched new.csv --write-targets new.csv",
            "--write-targets and --unmatched name the same file")
        assert.is_nil(shell.read(folder .. "/new.csv"))
    end)

    it("named - is standard output, for one of them", function()
        refuses(2, "leadscore accounts defs" .. INPUTS .. "--matched -", "standard output (-) can be only one")
        refuses(2, "leadscore accounts defs" .. INPUTS .. "--out o.csv --matched - --unmatched -",
            "--matched and --unmatched")
        local done = says("leadscore accounts defs" .. INPUTS .. "--out o.csv --matched - --quiet")
        assert.equal("contact_id,company_id,by,strength\nada,c1,domain,strong\n", done.out)
        done = says("leadscore accounts defs" .. INPUTS .. "--out o.csv --add-id c2 --write-targets - --quiet",
            "wrote standard output: 1 target account")
        assert.equal("id\nc2\n", done.out)
        assert.is_nil(shell.read(folder .. "/-"))
    end)

    it("may be the list of targets that is written anew", function()
        says("leadscore accounts defs" .. INPUTS .. "--add-id c2 --write-targets targets.csv --quiet")
        assert.equal("id\nc2\n", shell.read(folder .. "/targets.csv"))
    end)
end)

-- An account of two people, of whom ada has no legal basis.
local function lawful(changes)
    local options = {
        at = "2025-07-01", gdpr = true,
        companies = { { id = "c1", target_account = true } },
        contacts = { { id = "ada", company_id = "c1" }, { id = "bo", company_id = "c1", legal_basis = "Consent" } },
        events = {
            { contact_id = "ada", event = "page_viewed", at = "2025-06-11", url = "/secret" },
            { contact_id = "ada", event = "form_submitted", at = "2025-06-12", form_name = "secret" },
            { contact_id = "ada", event = "call", at = "2025-06-13" },
            { contact_id = "bo", event = "page_viewed", at = "2025-06-10", url = "/open" },
        },
        engagements = {
            { id = 1, contact_id = "ada", type = "page_view", at = "2025-06-20", title = "secret" },
            { id = 2, contact_id = "ada", company_id = "c1", type = "note", at = "2025-06-21", title = "secret" },
            { id = 3, contact_id = "ada", type = "Email", at = "2025-06-14", title = "ours" },
            { id = 4, contact_id = "bo", type = "Page_View", at = "2025-06-09", title = "theirs" },
            { id = 5, contact_id = "ada", type = "form", at = "2025-07-20", title = "secret" },
            { id = 6, contact_id = "ada", type = "meeting", at = "2025-07-25", title = "ours" },
        },
        definitions = assert(leadscore.define({
            { name = "person", limit = { max = 20 }, groups = {
                { name = "Web", limit = 6, rules = { { event = "page_viewed", points = 5 },
                    { event = "form_submitted", points = 3 } } },
                { name = "Fit", kind = "fit", rules = { { when = { id = { known = true } }, points = 2 },
                    { when = { did = "form_submitted" }, points = 1 } } },
                { name = "Id", rules = { { when = { id = "ada" }, points = 4 } } } } },
            { name = "account", object = "company", groups = { { name = "People", kind = "engagement", rules = {
                { rollup = "sum", of = "score:person" }, { event = "page_viewed", points = 1 },
                { event = "form_submitted", times = { at_least = 1 }, points = 1 },
                { when = { contacts = { did = "form_submitted" } }, points = 1 } } } } },
        })),
    }
    for key, value in pairs(changes or {}) do
        options[key] = value
    end
    return assert(leadscore.accounts(options))
end

-- All texts and numbers of a table, each with a blank after it.
local function flat(value)
    if type(value) ~= "table" then return tostring(value) .. " " end
    local parts = {}
    for key, each in pairs(value) do
        parts[#parts + 1] = tostring(key) .. " " .. flat(each)
    end
    return table.concat(parts)
end

-- The sums of an explanation: parts add up to the whole on every level.
local function check_sums(score)
    local total = 0
    for _, category in ipairs(score.categories) do
        local groups = 0
        for _, group in ipairs(category.groups) do
            local rules = group.withheld and group.raw or 0
            for _, rule in ipairs(group.rules) do
                rules = rules + rule.value
                local members = rule.members and 0 or rule.raw
                for _, member in ipairs(rule.members or {}) do
                    members = members + member.value
                    if member.explanation then check_sums(member.explanation) end
                end
                assert.equal(rule.raw, members)
            end
            assert.equal(group.raw, rules)
            groups = groups + group.value
        end
        assert.equal(category.raw, groups)
        total = total + category.value
    end
    assert.equal(score.raw, total)
end

describe("people without a legal basis", function()
    it("engage in nothing that is counted or shown, but touches of ours are", function()
        local book = lawful()
        local row, overview = book:table()[1], assert(book:overview("c1"))
        assert.equal(os.time({ year = 2025, month = 6, day = 10, hour = 0 }) -
            os.time({ year = 1970, month = 1, day = 1, hour = 0 }), row.last_engagement)
        assert.equal("2025-06-14", require("leadscore.core").print_time(row.last_touch):sub(1, 10))
        assert.equal("2025-07-25", require("leadscore.core").print_time(row.next_scheduled):sub(1, 10))
        local shown = {}
        for i, each in ipairs(overview.activity) do
            shown[i] = each.what .. " " .. (each.title or each.url or each.contact_id)
        end
        assert.same({ "Email ours", "call ada", "page_viewed /open", "Page_View theirs" }, shown)
        assert.equal(2, overview.page_view_count)
        assert.equal(2, #overview.page_views)
        assert.equal(1, #overview.scheduled)
        assert.equal(2, #overview.people)
    end)

    it("are explained by sums, which add up", function()
        local overview = assert(lawful():overview("c1"))
        local text = flat(overview)
        assert.is_nil(text:find("secret", 1, true), text)
        assert.is_nil(text:find("2025-06-11", 1, true), text)
        assert.is_nil(text:find("2025-06-12", 1, true), text)
        assert.is_nil(text:find("did form_submitted", 1, true), text)
        check_sums(overview.explanation.scores[1])
        local printed = require("leadscore.accounts.output").overview(overview)
        assert.truthy(printed:find("4  Id, rule 1: id is ada", 1, true), printed)
        assert.truthy(printed:find("8  Web, summed up\n%s+%-2  the limit of Web\n"), printed)
        assert.is_nil(printed:find("2025-06-11", 1, true), printed)
        overview = assert(lawful({ gdpr = false }):overview("c1"))
        assert.truthy(flat(overview):find("2025-06-11", 1, true))
        check_sums(overview.explanation.scores[1])
    end)

    it("are all of them where no column says", function()
        local told = lawful({ contacts = { { id = "ada", company_id = "c1" } } }):warnings()
        assert.equal("contacts.legal_basis: there is no such column: no contact has a legal basis, and the " ..
            "engagement of all is left out", tostring(told[1]))
    end)
end)

describe("tasks, engagements and amounts", function()
    before_each(function()
        file("co.csv", "id,target_account\nc1,yes\n")
        file("c.csv", "id,company_id\nada,c1\n")
        file("good.csv", "id,company_id,due_at\nt1,c1,2025-06-05\n")
    end)

    local function accounts(line)
        return "leadscore accounts --companies co.csv --contacts c.csv --at 2025-06-01 --format csv --quiet " .. line
    end

    it("that cannot be read are told with their place", function()
        file("t.csv", "id,company_id,due_at\nt1,c1,2025-06-05\nt2,c1,someday\n")
        refuses(1, accounts("--tasks t.csv"), 't.csv:3:3: due_at: cannot read "someday" as a time')
        file("t2.csv", "id,company_id\n,c1\n")
        refuses(1, accounts("--tasks t2.csv"), "t2.csv:2:1: id: expected an id")
        file("e.csv", "id,company_id,type,at\ne1,c1,call,31/01\n")
        refuses(1, accounts("--engagements e.csv"), 'e.csv:2:4: at: cannot read "31/01" as a time')
        file("d.csv", "id,company_id,stage,amount\nd1,c1,Demo,a lot\n")
        refuses(1, accounts("--deals d.csv"), 'd.csv:2:4: amount: cannot read "a lot" as a number')
        file("co.csv", "id,target_account\nc1,maybe\n")
        refuses(1, accounts(""), 'co.csv:2:2: target_account: cannot read "maybe" as true or false')
    end)

    it("are listed with --rejects, those of all files under one header", function()
        file("co.csv", "id,target_account\nc1,yes\nc2,maybe\n")
        file("t.csv", "id,company_id,due_at\nt1,c1,2025-06-05\nt2,c1,someday\nt1,c1,\n")
        file("e.csv", "id,company_id,type,at\ne1,c1,call,31/01\n")
        file("d.csv", "id,company_id,stage,amount\nd1,c1,Demo,a lot\nd2,c1,Demo,5\n")
        local done = says(accounts("--tasks t.csv --engagements e.csv --deals d.csv --rejects r.csv"))
        assert.truthy(done.out:find("c1,,1,2,5,,0,0,,,2025-06-05T00:00:00Z,2,", 1, true), done.out)
        local list = shell.read(folder .. "/r.csv")
        local _, headers = list:gsub("file,line,field,reason,row\n", "")
        assert.equal(1, headers)
        for _, start in ipairs({ "co.csv,3,2,", "t.csv,3,3,", "t.csv,4,1,", "e.csv,2,4,", "d.csv,2,4," }) do
            assert.truthy(list:find("\n" .. start, 1, true), list)
        end
        refuses(2, accounts("--tasks t.csv --rejects t.csv"), "t.csv is one of the inputs")
        local book, err = leadscore.accounts({ companies = folder .. "/co.csv", tasks = folder .. "/t.csv",
            rejects = folder .. "/t.csv" })
        assert.is_nil(book)
        assert.equal("usage", err.kind)
    end)

    it("need the columns that say whose and when they are", function()
        file("t.csv", "id,Company_ID\nt1,c1\n")
        refuses(1, accounts("--tasks t.csv"), "t.csv: tasks: expected a column company_id or contact_id or deal_id, " ..
            'got none (nearest: "Company_ID")')
        file("e.csv", "id,company_id,type\ne1,c1,call\n")
        refuses(1, accounts("--engagements e.csv"), "expected a column at, got none")
        file("e.csv", "id,company_id,at\ne1,c1,2025-01-01\n")
        refuses(1, accounts("--engagements e.csv"), "expected a column type, got none")
        file("e.csv", "id,company_id,type,at\ne1,c1,call,\ne2,,call,2025-01-01\n")
        says(accounts("--engagements e.csv"), "engagements: 1 has no time",
            "engagements: 1 names no company, contact or deal")
    end)

    it("of a program are told by the name of their input", function()
        local book, err = leadscore.accounts({ companies = { { id = "a" } }, tasks = { { company_id = "a" } } })
        assert.is_nil(book)
        assert.equal("tasks:1: id: expected an id, got nothing", tostring(err))
    end)
end)

describe("a rollup of a part of a score", function()
    local SCORES = { { name = "p", groups = {
        { name = "Web", limit = 5, rules = { { event = "v", points = 8, limit = 7 } } },
        { name = "Firm", rules = { { when = { id = { known = true } }, points = 3 } } } } } }

    local function explained(of)
        local set = assert(leadscore.define({ SCORES[1], { name = "a", object = "company", groups = {
            { name = "P", kind = "engagement", rules = { { rollup = "sum", of = of } } } } } }))
        local record = { contacts = { { id = "p1", events = { { "v", "1 day ago" } } } } }
        return require("leadscore.render").explanation(set:explain(record, nil, "company"))
    end

    it("is explained by that part alone, and by its limits", function()
        local text = explained("score:p.fit")
        assert.truthy(text:find("contact p1: 3\n%s+3  Firm, rule 1"), text)
        assert.is_nil(text:find("Web", 1, true), text)
        text = explained("score:p.engagement")
        assert.truthy(text:find("contact p1: 5\n%s+7  Web, rule 1 %(8 before the limit, which took 1%)"), text)
        assert.truthy(text:find("\n%s+%-2  the limit of Web\n"), text)
        assert.is_nil(text:find("Firm", 1, true), text)
    end)

    it("of a whole score shows all its parts and limits", function()
        local text = explained("score:p")
        assert.truthy(text:find("contact p1: 8\n", 1, true), text)
        assert.truthy(text:find("3  Firm", 1, true), text)
        assert.truthy(text:find("-2  the limit of Web", 1, true), text)
    end)
end)

describe("buying roles", function()
    it("are the same however they are written, and several stand in one cell", function()
        local book = assert(leadscore.accounts({
            companies = { { id = "c1", target_account = true } },
            contacts = {
                { id = "a", company_id = "c1", buying_role = "Decision_Maker" },
                { id = "b", company_id = "c1", buying_role = " end-user ;BUDGET   holder, decision maker" },
                { id = "c" },
            },
            associations = { { from_object = "contact", from_id = "c", to_object = "company", to_id = "c1",
                label = "Champion;legal & compliance; Neighbour" } },
        }))
        assert.same({ "budget holder", "champion", "decision maker", "end user", "legal and compliance" },
            book:table()[1].buying_roles)
        assert.equal(0, #book:table({ view = "no-decision-maker" }))
    end)
end)

describe("currencies", function()
    it("are the same in any case, and those that are not said are told", function()
        local book = assert(leadscore.accounts({
            companies = { { id = "c1", target_account = true } },
            deals = {
                { id = 1, company_id = "c1", stage = "Demo", amount = "0.1", currency = "eur" },
                { id = 2, company_id = "c1", stage = "Demo", amount = "0.2", currency = "EUR" },
                { id = 3, company_id = "c1", stage = "Demo", amount = "5" },
            },
        }))
        assert.same({ { currency = "", amount = "5" }, { currency = "EUR", amount = "0.3" } },
            book:table()[1].open_deal_value)
        assert.equal("deal.currency: 1 open deal without a currency beside others in EUR",
            tostring(book:warnings()[1]))
    end)
end)

describe("what was not given", function()
    before_each(function()
        file("d.lua", [[return {
            { name = "person", groups = { { name = "Web", rules = { { event = "view", points = 1 } } } } },
            { name = "firm", object = "company", groups = { { name = "P", kind = "engagement", rules = {
                { rollup = "sum", of = "score:person" },
                { when = { deals = { stage = "Demo" } }, points = 1 } } } } } }]])
        file("co.csv", "id,Target Account\nc1,yes\n")
        file("c.csv", "id,Company_ID\nada,c1\n")
        file("linked.csv", "id,company_id\nada,c1\n")
        file("d.csv", "id,company_id,stage\nd1,c1,Demo\nd2,,Demo\n")
        file("e.csv", "contact_id,event,at\nada,view,2025-01-01\n")
    end)

    it("is told where a score asks for it", function()
        says("leadscore score d.lua --object company --companies co.csv --contacts linked.csv --quiet",
            'warning: events: none were given; the score "person" asks for events\n',
            'warning: deals: none were given; the score "firm" asks for the deals of companies\n')
        local done = says("leadscore score d.lua --object company --companies co.csv --contacts linked.csv --quiet " ..
            "--deals d.csv --events e.csv")
        assert.equal("", done.err)
        says("leadscore accounts d.lua --companies co.csv --contacts linked.csv --quiet",
            'warning: events: none were given; the score "person" asks for events\n')
    end)

    it("is told where no contact and no deal belongs to a company", function()
        local unlinked = "warning: contacts: none of 1 belongs to a company: no column company_id, no association " ..
            'and no matching says of which (nearest column: "Company_ID")\n'
        says("leadscore score d.lua --object company --companies co.csv --contacts c.csv --deals d.csv --events e.csv",
            unlinked)
        local done = says("leadscore accounts --companies co.csv --contacts c.csv --deals d.csv", unlinked,
            'warning: companies.target_account: there is no such column, but "Target Account" (--column ' ..
            'companies.target_account=Target Account)\n', "warning: deals.company_id: 1 deal of no account\n")
        assert.is_nil(done.err:find("contacts.company_id", 1, true), done.err)
    end)
end)

local function raises(message, call, ...)
    local ok, err = pcall(call, ...)
    assert.is_false(ok)
    assert.truthy(tostring(err):find(message, 1, true), tostring(err))
end

describe("options of accounts", function()
    local COMMAND = "leadscore accounts --companies co.csv --deals d.csv --quiet "

    before_each(function()
        file("co.csv", "id,target_account\nc1,yes\nc2,\n")
        file("d.csv", "id,company_id,stage\nd1,c1,Demo\n")
        file("s.lua", [[return { name = "a", object = "company",
            groups = { { name = "F", rules = { { when = { id = "c1" }, points = 1 } } } } }]])
        file("dis.csv", "id\n")
    end)

    it("that would mean nothing are wrong usage", function()
        for options, said in pairs({
            ["s.lua --recommend 1 --account c1"] = "--recommend does not go with --account",
            ["--account c1 --view blocker"] = "--view does not go with --account",
            ["s.lua --recommend 1 --owner Zoe"] = "--owner does not go with --recommend",
            ["--account c1 --team North"] = "--team does not go with --account",
            ["--account c1 --sort id"] = "--sort does not go with --account",
            ["--reverse"] = "--reverse goes with --sort",
            ["--dismissed dis.csv"] = "--dismissed goes with --recommend",
            ["--won Demo --lost demo"] = 'the stage "demo" is both won and lost',
            ["--won ''"] = "expected a text, got ''",
            ["--add-id ' '"] = "expected a text, got ' '",
            ["--out x.ndjson"] = "accounts are not written as .ndjson",
        }) do
            refuses(2, COMMAND .. options, said)
        end
        refuses(2, "leadscore accounts", "--companies FILE is needed, with a column target_account or beside a list")
        refuses(2, "leadscore score s.lua --contacts co.csv --match-domain email",
            "--match-domain goes with --companies")
    end)

    it("are told when no deal has a stage", function()
        says(COMMAND .. "--won Demmo", 'won: no deal has the stage "Demmo" (nearest: "Demo")')
        assert.equal("", says(COMMAND .. "--won Demo").err)
    end)

    it("of a program are checked, blaming who calls", function()
        local function with(options)
            options.companies = { { id = "a", target_account = true } }
            return options
        end
        raises('won: expected a list of texts, got "Won"', leadscore.accounts, with({ won = "Won" }))
        raises("is both won and lost", leadscore.accounts, with({ won = { "x" }, lost = { "X" } }))
        raises("threads: expected a whole number from 1 to 256, got 0", leadscore.accounts, with({ threads = 0 }))
        raises('gdpr: expected true or false, got "yes"', leadscore.accounts, with({ gdpr = "yes" }))
        raises("currency: expected a text, got 5", leadscore.accounts, with({ currency = 5 }))
        raises("kinds.call: expected a text or a list", leadscore.accounts, with({ kinds = { call = 5 } }))
        raises("expected a definition or a set", leadscore.accounts, with({ definitions = {} }))
        local book = assert(leadscore.accounts(with({})))
        raises("owner: expected a text or a list of texts, got 3", book.table, book, { owner = 3 })
        raises("team: expected a text or a list of texts, got true", book.table, book, { team = true })
        raises("reverse: expected true or false", book.table, book, { reverse = "no" })
        raises("sort: expected one of id", book.table, book, { sort = 1 })
        raises("id: expected an id, a text or a number, got nothing", book.overview, book)
        for _, n in ipairs({ "x", 1.5, -1 }) do
            raises("n: expected a whole number", book.recommend, book, { n = n })
        end
        raises('ids: expected a list of ids, got "a"', require("leadscore.accounts").edit, "a")
        for _, call in ipairs({
            function() leadscore.accounts(with({ gdpr = "yes" })) end,
            function() leadscore.accounts(with({ won = "Won" })) end,
            function() book:table({ owner = 3 }) end,
            function() book:recommend({ n = -1 }) end,
            function() book:overview() end,
        }) do
            local _, err = pcall(call)
            assert.truthy(tostring(err):find("fixed_accounts_spec.lua:", 1, true), tostring(err))
        end
    end)

    it("of a program hold no list where there is one value", function()
        local none, err = leadscore.accounts({
            companies = { { id = "a" } }, engagements = { { id = 1, company_id = "a", type = "x", at = {} } },
        })
        assert.is_nil(none)
        assert.equal("engagements:1: at: expected a text or a number, got an empty table", tostring(err))
    end)

    it("are counted in the singular", function()
        file("co.csv", "id,target_account\nc1,yes\n")
        says("leadscore accounts --companies co.csv", "1 of 1 company is a target account")
    end)
end)

describe("companies", function()
    local function warnings(companies, more)
        local options = { companies = companies }
        for key, value in pairs(more or {}) do
            options[key] = value
        end
        local list = assert(leadscore.accounts(options)):warnings()
        for i, each in ipairs(list) do
            list[i] = tostring(each)
        end
        return list
    end

    it("that are above themselves, or under one that is not there, are told", function()
        assert.same({
            'companies.parent_id: 1 names a company that is not there ("gone")',
            'companies.parent_id: 1 company is its own parent ("c")',
            'companies.parent_id: 2 companies are above themselves ("a", "b")',
        }, warnings({
            { id = "a", target_account = true, parent_id = "b" }, { id = "b", parent_id = "a" },
            { id = "c", parent_id = "c" }, { id = "d", parent_id = "gone" }, { id = "e", parent_id = "a" },
        }))
    end)

    it("whose domain is a free-mail one are told", function()
        assert.same({ "companies.domain: 1 free-mail domain matches nobody" }, warnings({
            { id = "a", target_account = true, domain = "gmail.com" }, { id = "b", domain = "b.example" },
        }, { contacts = { { id = 1, email = "x@b.example" } }, match = { email = "email" } }))
    end)

    it("with wide names line up", function()
        file("co.csv", "id,name,target_account,owner\n1,\230\151\165\230\156\172,yes,Zoe\n2,Acme,yes,Yan\n")
        local out = run("leadscore accounts --companies co.csv --quiet").out
        assert.truthy(out:find("\n1   \230\151\165\230\156\172 "), out)
        assert.equal(#out:match("\n(2   Acme.-)Yan"), #out:match("\n(1   [^\n]-)Zoe") - 2)
    end)
end)

describe("messages", function()
    local function problems(definition)
        local none, err = leadscore.define(definition)
        assert.is_nil(none)
        return tostring(err)
    end

    local function rollup(name, of)
        return { name = name, object = "company", groups = { { name = "P", kind = "engagement", rules = {
            { rollup = "sum", of = of } } } } }
    end

    it("hint at a relation that is misspelt", function()
        local said = problems({ name = "a", object = "company", groups = { { name = "P", rules = {
            { when = { contact = { job_title = "CTO" } }, points = 1 } } } } })
        assert.truthy(said:find('expected a relation, since a filter stands here, got "contact", ' ..
            'nearest "contacts"', 1, true), said)
    end)

    it("name a score of the wrong object once", function()
        local said = problems({ rollup("a", "score:b"), rollup("b", "score:b") })
        assert.is_nil(said:find("cycle", 1, true), said)
        assert.truthy(said:find("b: groups[1].rules[1].of: expected a score of a contact", 1, true), said)
    end)

    it("say that the relation tells the object of a column", function()
        local said = problems(rollup("a", "contact.employees"))
        assert.truthy(said:find('expected the name of a number column, got "contact.employees"', 1, true), said)
        assert.truthy(said:find('"employees"', 1, true), said)
        assert(leadscore.define(rollup("a", "property:contact.employees")))
    end)

    it("name the record and both of its primary companies", function()
        local dataset, err = leadscore.dataset({
            companies = { { id = "c1" }, { id = "c2" } }, contacts = { { id = "ada", company_id = "c1" } },
            associations = { { from_object = "company", from_id = "c2", to_object = "contact", to_id = "ada",
                label = "Primary" } },
        })
        assert.is_nil(dataset)
        assert.truthy(tostring(err):find('got "c2" besides "c1" for the contact "ada"', 1, true), tostring(err))
    end)

    it("hint at the object that has an id", function()
        file("s.lua", [[return {
            { name = "p", groups = { { name = "F", rules = { { when = { id = "x" }, points = 1 } } } } },
            { name = "a", object = "company",
              groups = { { name = "F", rules = { { when = { id = "c1" }, points = 1 } } } } } }]])
        file("co.csv", "id\nc1\n")
        file("c.csv", "id\nada\n")
        refuses(1, "leadscore explain s.lua --id c1 --contacts c.csv --companies co.csv",
            'no contact has the id "c1", but a company has: ask for object "company" (--object company)')
    end)

    it("tell what a record's relation must be", function()
        local set = assert(leadscore.define({
            { name = "p", groups = { { name = "g", rules = { { event = "v", points = 1 } } } } },
            rollup("a", "score:p"),
        }))
        for _, wrong in ipairs({ "x", 5 }) do
            local none, err = set:score({ contacts = wrong }, nil, "company")
            assert.is_nil(none)
            assert.truthy(tostring(err):find("contacts: expected a list of records, got", 1, true), tostring(err))
        end
        assert.equal(0, set:score({ contacts = {} }, nil, "company").a.value)
    end)
end)
