-- The command as users meet it: every command, option and exit code, through a shell.

local shell = require("shell")

local DEFINITION = [[
return {
    name = "quality",
    scope = { not_in_list = "competitors" },
    groups = {
        { name = "Engagement", limit = 60, decay = { percent = 50, every = "1 month" }, rules = {
            { event = "call", points = 15 },
            { event = "open", points = 1.25, once_per = "day" },
        } },
        { name = "Fit", rules = {
            { when = { country = { "SE", "DK" } }, points = 5 },
            { when = { employees = { at_least = 50 } }, points = 20 },
        } },
    },
    thresholds = { fit = { high = 25, medium = 5 }, engagement = { high = 15, medium = 1 } },
    tests = {
        { given = { country = "SE", events = { { "call", "1 day ago" } } }, at = "2025-06-01",
          expect = { value = 20, fit = 5, engagement = 15, label = "B1" } },
    },
}
]]

local PLAIN = [[
return { name = "opens", groups = { { name = "Opens", rules = { { event = "open", points = 2 } } } } }
]]

local CONTACTS = "id,country,employees\n1,SE,60\n2,NO,5\n3,DK,\n4,,100\n"
local EVENTS = [[
contact_id,event,at
1,call,2025-05-20
1,open,2025-05-31
2,open,2025-03-01T10:00:00Z
9,open,2025-05-31
3,call,2025-07-01
]]

local folder

local function file(name, text)
    shell.write(folder .. "/" .. name, text)
end

local function run(line)
    return shell.run(folder, line)
end

local function lines_of(text)
    local count = select(2, text:gsub("\n", "\n"))
    return count
end

local INPUTS = " --contacts contacts.csv --events events.csv --list competitors=competitors.csv --at 2025-06-01"
local SCORES = [[
id,quality,quality_engagement,quality_fit,quality_label
1,41.25,16.25,25,A1
2,0,0,0,C3
3,5,0,5,B3
4,,,,
]]

before_each(function()
    folder = shell.folder()
    file("score.lua", DEFINITION)
    file("plain.lua", PLAIN)
    file("contacts.csv", CONTACTS)
    file("events.csv", EVENTS)
    file("competitors.csv", "id\n4\n")
end)

after_each(function()
    shell.remove(folder)
end)

describe("leadscore score", function()
    it("prints a row for each contact, in input order, and a summary that names the instant", function()
        local got = run("leadscore score score.lua" .. INPUTS)
        assert.equal(SCORES, got.out)
        assert.equal(0, got.code)
        assert.equal(1, lines_of(got.err))
        assert.truthy(got.err:find("scored 4 contacts", 1, true))
        assert.truthy(got.err:find("2025-06-01T00:00:00Z", 1, true))
        assert.truthy(got.err:find("1 event of an unknown contact", 1, true))
        assert.truthy(got.err:find("1 event later than that", 1, true))
    end)

    it("says nothing but the rows with --quiet", function()
        local got = run("leadscore score score.lua --quiet" .. INPUTS)
        assert.same({ code = 0, out = SCORES, err = "" }, got)
    end)

    it("writes a file that is whole, in the format that its name says", function()
        local got = run("leadscore score score.lua --out scores.ndjson" .. INPUTS)
        assert.equal(0, got.code)
        assert.equal("", got.out)
        local text = shell.read(folder .. "/scores.ndjson")
        assert.equal(4, lines_of(text))
        assert.truthy(text:find('"quality":41.25', 1, true))
    end)

    it("writes one file an object into a folder", function()
        local got = run("leadscore score score.lua --out scores/" .. INPUTS)
        assert.equal(0, got.code)
        assert.equal(SCORES, shell.read(folder .. "/scores/contacts.csv"))
    end)

    it("scores at several instants, each as in a run of its own, of inputs that are read once", function()
        local rest = " --events events.csv --list competitors=competitors.csv --extra"
        local instants = { "2025-06-01", "2025-05-20T23:59:59Z", "2025-07-15T12:30:00+02:00", "0" }
        local got = run("leadscore score score.lua plain.lua --contacts - --out all/ --at " ..
            table.concat(instants, " --at ") .. rest .. " < contacts.csv")
        assert.equal(0, got.code, got.err)
        assert.equal(1, lines_of(got.err), got.err)
        assert.truthy(got.err:find("at 4 instants from 1970-01-01T00:00:00Z to 2025-07-15T10:30:00Z", 1, true), got.err)
        assert.same({ "1970-01-01T00-00-00Z.csv", "2025-05-20T23-59-59Z.csv", "2025-06-01T00-00-00Z.csv",
            "2025-07-15T10-30-00Z.csv" }, shell.names(folder .. "/all"))
        local seen = {}
        for i, name in ipairs({ "2025-06-01T00-00-00Z", "2025-05-20T23-59-59Z", "2025-07-15T10-30-00Z",
            "1970-01-01T00-00-00Z" }) do
            local own = run("leadscore score score.lua plain.lua --contacts contacts.csv --at " .. instants[i] .. rest)
            assert.equal(own.out, shell.read(folder .. "/all/" .. name .. ".csv"))
            assert.is_nil(seen[own.out])
            seen[own.out] = true
        end
        got = run("leadscore score plain.lua --contacts contacts.csv --events events.csv --quiet --format ndjson " ..
            "--out lines/ --at 2025-06-01 --at 2025-06-02")
        assert.same({ code = 0, out = "", err = "" }, got)
        assert.same({ "2025-06-01T00-00-00Z.ndjson", "2025-06-02T00-00-00Z.ndjson" }, shell.names(folder .. "/lines"))
        assert.truthy(run("leadscore score plain.lua --contacts contacts.csv --out x/ --at 2025-06-01").err:find(
            "\nleadscore: scored 4 contacts, 0 events at 2025-06-01T00:00:00Z in ", 1, true))
        assert.same({ "contacts.csv" }, shell.names(folder .. "/x"))
    end)

    it("tells schedulers how many instants there were", function()
        local got = run("leadscore score plain.lua --contacts contacts.csv --events events.csv --out all/ " ..
            "--progress json --at 2025-06-02 --at 2025-06-01")
        assert.truthy(got.err:find('{"phase":"done","at":"2025-06-02T00:00:00Z","instants":2,"contacts":4,', 1, true))
    end)

    it("gives the same digits whatever the number of threads", function()
        for _, threads in ipairs({ 1, 2, 7 }) do
            assert.equal(SCORES, run("leadscore score score.lua --threads " .. threads .. INPUTS).out)
        end
    end)

    it("adds whether it scored and when it changes with --extra", function()
        local got = run("leadscore score plain.lua --extra --contacts contacts.csv --events events.csv --at 2025-06-01")
        assert.equal("id,opens,opens_scored,opens_next_change_at", got.out:match("^[^\n]*"))
        assert.truthy(got.out:find("1,2,true,\n", 1, true))
        assert.truthy(got.out:find("3,0,false,\n", 1, true))
    end)

    it("scores several definitions at once, in the order given, and a folder of them by name", function()
        local got = run("leadscore score plain.lua score.lua" .. INPUTS)
        assert.equal("id,opens,quality,quality_engagement,quality_fit,quality_label", got.out:match("^[^\n]*"))
        run("mkdir all && cp plain.lua all/2.lua && cp score.lua all/1.lua")
        got = run("leadscore score all" .. INPUTS)
        assert.equal("id,quality,quality_engagement,quality_fit,quality_label,opens", got.out:match("^[^\n]*"))
    end)

    it("reads standard input, gzip, other delimiters, other names, folders of files", function()
        local rest = " --events events.csv --list competitors=competitors.csv --at 2025-06-01 --quiet"
        assert.equal(SCORES, run("cat contacts.csv | leadscore score score.lua --contacts -" .. rest).out)
        run("gzip -k contacts.csv")
        assert.equal(SCORES, run("leadscore score score.lua --contacts contacts.csv.gz" .. rest).out)
        file("tabs.csv", (CONTACTS:gsub(",", "\t")))
        file("t.csv", (EVENTS:gsub(",", "\t"):gsub("contact_id", "visitor")))
        assert.equal(SCORES, run("leadscore score score.lua --delimiter tab --contacts tabs.csv --events t.csv " ..
            "--column events.contact_id=visitor --list competitors=competitors.csv --at 2025-06-01 --quiet").out)
        run("mkdir c && head -n 3 contacts.csv > c/1.csv")
        run("{ head -n 1 contacts.csv; tail -n 2 contacts.csv; } > c/2.csv")
        assert.equal(SCORES, run("leadscore score score.lua --contacts c" .. rest).out)
    end)

    it("reads NDJSON by its name", function()
        file("contacts.ndjson", '{"id":"1","country":"SE","employees":60}\n{"id":2,"country":"NO","employees":"5"}\n' ..
            '{"id":"3","country":"DK","employees":null}\n{"id":"4","employees":100}\n')
        assert.equal(SCORES, run("leadscore score score.lua --contacts contacts.ndjson --events events.csv " ..
            "--list competitors=competitors.csv --at 2025-06-01").out)
    end)

    it("reads named texts as empty with --unknown", function()
        file("contacts.csv", (CONTACTS:gsub("3,DK", "3,Select")))
        local got = run("leadscore score score.lua --unknown Select" .. INPUTS)
        assert.truthy(got.out:find("\n3,0,0,0,C3\n", 1, true))
    end)

    it("ends at the first bad row: one line, nothing written, exit 1", function()
        file("events.csv", EVENTS .. "1,open,31/01/2025\n")
        local got = run("leadscore score score.lua --out scores.csv" .. INPUTS)
        assert.equal(1, got.code)
        assert.equal("", got.out)
        assert.equal(1, lines_of(got.err))
        assert.truthy(got.err:find('^events%.csv:7:3: at: cannot read "31/01/2025" as a time'))
        assert.is_nil(shell.read(folder .. "/scores.csv"))
    end)

    it("goes on with --rejects and lists what it refused", function()
        file("events.csv", EVENTS .. "1,open,31/01/2025\n")
        file("contacts.csv", CONTACTS .. "5,SE,many\n6\n")
        local got = run("leadscore score score.lua --rejects bad.txt --out scores.csv" .. INPUTS)
        assert.equal(0, got.code)
        assert.equal(SCORES .. "5,5,0,5,B3\n", shell.read(folder .. "/scores.csv"))
        assert.truthy(got.err:find("2 rejected rows", 1, true))
        assert.truthy(got.err:find("1 rejected cell", 1, true))
        local rejects = shell.read(folder .. "/bad.txt")
        assert.truthy(rejects:find("1,open,31/01/2025", 1, true))
        assert.truthy(rejects:find("many", 1, true))
    end)

    it("warns of a property that no input has, with the nearest column", function()
        file("contacts.csv", (CONTACTS:gsub("country", "countri")))
        local got = run("leadscore score score.lua" .. INPUTS)
        assert.equal(0, got.code)
        assert.truthy(got.err:find('warning: contact.country: ', 1, true))
        assert.truthy(got.err:find('did you mean "countri"?', 1, true))
    end)

    it("refuses a list that is named and not given", function()
        local got = run("leadscore score score.lua --contacts contacts.csv --events events.csv")
        assert.equal(1, got.code)
        assert.truthy(got.err:find('"competitors"', 1, true))
    end)

    it("tells schedulers with --progress json", function()
        local got = run("leadscore score score.lua --out scores.csv --progress json" .. INPUTS)
        assert.equal(0, got.code)
        assert.truthy(got.err:find('{"phase":"done","at":"2025-06-01T00:00:00Z","contacts":4,', 1, true))
    end)

    it("writes a header alone for no contacts, and is quick to start", function()
        file("contacts.csv", "id,country,employees\n")
        local got = run("leadscore score score.lua" .. INPUTS)
        assert.equal("id,quality,quality_engagement,quality_fit,quality_label\n", got.out)
        if (os.getenv("LEADSCORE_BUILD") or ""):find("sanitize") then return end
        -- Time of the processor, which other work on the machine does not lengthen much: 50 ms a run.
        local line = "leadscore score score.lua > /dev/null 2>&1" .. INPUTS .. "\n"
        local user_minutes, user, system_minutes, system = run(line:rep(10) .. "times").out
            :match("\n(%d+)m([%d.]+)s (%d+)m([%d.]+)s")
        assert.equal("0 0", user_minutes .. " " .. system_minutes)
        assert.truthy(tonumber(user) + tonumber(system) < 0.5)
    end)
end)

describe("leadscore explain", function()
    it("draws why, as a tree", function()
        local got = run("leadscore explain score.lua --id 1 --quiet" .. INPUTS)
        assert.equal(0, got.code)
        for _, part in ipairs({ "contact 1 at 2025-06-01T00:00:00Z", "quality: 41.25 A1", "2025-05-20" }) do
            assert.truthy(got.out:find(part, 1, true), part)
        end
    end)

    it("prints one JSON object with --json", function()
        local got = run("leadscore explain score.lua --id 1 --json --quiet" .. INPUTS)
        assert.equal(0, got.code)
        local explained = require("leadscore.definition").decode(got.out)
        assert.equal("1", explained.id)
        assert.equal(41.25, explained.scores[1].value)
        local sum = 0
        for _, category in ipairs(explained.scores[1].categories) do
            sum = sum + category.value
        end
        assert.equal(explained.scores[1].raw, sum)
    end)

    it("says so when there is no such id", function()
        local got = run("leadscore explain score.lua --id 77" .. INPUTS)
        assert.equal(1, got.code)
        assert.truthy(got.err:find('no contact has the id "77"', 1, true))
    end)
end)

describe("companies and deals", function()
    local RELATED = " related.lua --contacts people.csv --companies companies.csv --deals deals.csv " ..
        "--events events.csv --associations associations.csv --at 2025-06-01"
    before_each(function()
        file("related.lua", [[
return {
    { name = "person", groups = { { name = "Opens", rules = { { event = "open", points = 2.5 } } } } },
    { name = "account", object = "company", groups = { { name = "People", kind = "engagement", rules = {
        { rollup = "sum", of = "score:person" },
        { when = { contacts = { labelled = "Champion" } }, points = 10 } } } } },
    { name = "deal", object = "deal", groups = { { name = "Firm", rules = {
        { when = { company = { industry = "Retail" } }, points = 1 } } } } },
}
]])
        file("people.csv", "id,company_id,email\n1,acme,\n2,acme,\n3,,x@beta.example\n4,,y@gmail.com\n")
        file("companies.csv", "id,industry,domain\nacme,Retail,acme.example\nbeta,,beta.example\n")
        file("deals.csv", "id,company_id\nd1,acme\nd2,gone\n")
        file("associations.csv", "from_object,from_id,to_object,to_id,label\ncompany,beta,contact,2,Champion\n" ..
            "contact,2,company,nobody,\n")
    end)

    it("are scored by what is associated with them", function()
        local got = run("leadscore score --object company" .. RELATED)
        assert.equal("id,account\nacme,5\nbeta,12.5\n", got.out)
        assert.equal(0, got.code)
        assert.truthy(got.err:find("scored 2 companies", 1, true), got.err)
        assert.truthy(got.err:find("2 associations with unknown records", 1, true), got.err)
        assert.equal("id,deal\nd1,1\nd2,0\n", run("leadscore score --object deal" .. RELATED).out)
        assert.equal("id,person\n1,2.5\n2,2.5\n3,0\n4,0\n", run("leadscore score" .. RELATED).out)
    end)

    it("are written to one file an object", function()
        local got = run("leadscore score --out all/" .. RELATED)
        assert.equal(0, got.code)
        assert.truthy(got.err:find("scored 4 contacts, 2 companies and 2 deals", 1, true), got.err)
        assert.same({ "companies.csv", "contacts.csv", "deals.csv" }, shell.names(folder .. "/all"))
        assert.equal("id,account\nacme,5\nbeta,12.5\n", shell.read(folder .. "/all/companies.csv"))
    end)

    it("are written to one file an instant and object", function()
        local line = "leadscore score --quiet --out all/ --at 2025-06-02" .. RELATED
        assert.equal(0, run(line .. " --object company").code)
        assert.same({ "2025-06-01T00-00-00Z.csv", "2025-06-02T00-00-00Z.csv" }, shell.names(folder .. "/all"))
        assert.equal("id,account\nacme,5\nbeta,12.5\n", shell.read(folder .. "/all/2025-06-01T00-00-00Z.csv"))
        run("rm -r all")
        assert.equal(0, run(line).code)
        assert.same({ "2025-06-01T00-00-00Z-companies.csv", "2025-06-01T00-00-00Z-contacts.csv",
            "2025-06-01T00-00-00Z-deals.csv", "2025-06-02T00-00-00Z-companies.csv",
            "2025-06-02T00-00-00Z-contacts.csv", "2025-06-02T00-00-00Z-deals.csv" }, shell.names(folder .. "/all"))
        assert.equal("id,deal\nd1,1\nd2,0\n", shell.read(folder .. "/all/2025-06-01T00-00-00Z-deals.csv"))
    end)

    it("are explained and previewed", function()
        local got = run("leadscore explain --object company --id beta" .. RELATED)
        assert.equal(0, got.code)
        for _, part in ipairs({ "company beta", "account: 12.5", "contact 2: 2.5" }) do
            assert.truthy(got.out:find(part, 1, true), part .. "\n" .. got.out)
        end
        assert.truthy(got.err:find("explained 1 of 2 companies", 1, true), got.err)
        got = run("leadscore preview --score account" .. RELATED)
        assert.equal(0, got.code)
        assert.truthy(got.out:find("account: 2 records", 1, true), got.out)
    end)

    it("are matched with contacts by domain, and what is not is told", function()
        local got = run("leadscore score --object company --match-domain email --matched yes.csv --unmatched no.csv" ..
            RELATED)
        assert.equal(0, got.code)
        local told = "1 contact matched by domain, 0 by name, 1 not matched (1 free-mail)"
        assert.truthy(got.err:find(told, 1, true), got.err)
        assert.equal("contact_id,company_id,by,strength\n3,beta,domain,strong\n", shell.read(folder .. "/yes.csv"))
        assert.equal('contact_id,reason\n4,"a free-mail address: ""y@gmail.com"""\n', shell.read(folder .. "/no.csv"))
    end)

    it("are said to be missing where none are given", function()
        local got = run("leadscore score related.lua --contacts people.csv --events events.csv --object company")
        assert.equal(0, got.code)
        assert.equal("id,account\n", got.out)
        assert.truthy(got.err:find('companies: none were given; the score "account" is of companies', 1, true), got.err)
    end)

    it("refuse a second primary company with its place", function()
        file("associations.csv", "from_object,from_id,to_object,to_id,label\ncontact,1,company,beta,Primary\n")
        local got = run("leadscore score" .. RELATED)
        assert.equal(1, got.code)
        assert.equal("", got.out)
        assert.truthy(got.err:find("associations.csv:2:5: label: expected one primary company", 1, true), got.err)
    end)
end)

describe("leadscore accounts", function()
    local ALL = " --companies companies.csv --deals deals.csv --at 2025-06-01 --quiet"
    before_each(function()
        file("companies.csv", "id,name,target_account,owner\nc1,\"Acme, Inc\",true,Zoe\nc2,Beta,,\n" ..
            "c3,Gamma,no,Yan\n")
        file("deals.csv", "id,company_id,stage,amount,currency\nd1,c1,Open,0.1,EUR\nd2,c1,Open,0.2,EUR\n" ..
            "d3,c1,Open,5,USD\nd4,c2,Won,5,USD\n")
        file("targets.csv", "c2\n")
        file("fit.lua", 'return { name = "fit", object = "company", groups = { { name = "Name", rules = { ' ..
            '{ when = { name = { "Beta", "Gamma" } }, points = 7.5 } } } } }')
    end)

    local CSV = "id,name,contacts,open_deals,open_deal_value,currency,won_deals,lost_deals,last_touch," ..
        "last_engagement,next_scheduled,open_tasks,owner,team,parent_id,buying_roles,score,label\n"

    it("shows metrics and the table, as text, CSV and JSON", function()
        local got = run("leadscore accounts" .. ALL)
        assert.equal(0, got.code)
        assert.truthy(got.out:find("1 target account, 1 with open deals worth 0.3 EUR + 5 USD; 1 without any", 1, true),
            got.out)
        got = run("leadscore accounts --targets targets.csv --format csv --sort name --reverse" .. ALL)
        assert.equal(CSV .. "c2,Beta,0,0,,,1,0,,,,0,,,,,,\n" ..
            'c1,"Acme, Inc",0,3,0.3;5,EUR;USD,0,0,,,,0,Zoe,,,,,\n', got.out)
        run("leadscore accounts --out a.json" .. ALL)
        local decoded = require("leadscore.definition").decode(shell.read(folder .. "/a.json"))
        assert.equal(1, decoded.metrics.target_accounts)
        assert.equal("0.3", decoded.accounts[1].open_deal_value[1].amount)
    end)

    it("shows one account, and recommends others", function()
        local got = run("leadscore accounts fit.lua --account c1" .. ALL)
        assert.truthy(got.out:find("c1 (Acme, Inc) at 2025-06-01T00:00:00Z: a target account", 1, true), got.out)
        assert.truthy(got.out:find("fit: 0", 1, true), got.out)
        got = run("leadscore accounts fit.lua --recommend 1" .. ALL)
        assert.truthy(got.out:find("^1%. c2 %(Beta%): 7%.5\n   Name: .*\n   1 deal won before\n$"), got.out)
        got = run("leadscore accounts fit.lua --recommend 5 --dismissed targets.csv" .. ALL)
        assert.truthy(got.out:find("^1%. c3"), got.out)
        assert.equal(1, run("leadscore accounts --account nobody" .. ALL).code)
    end)

    it("writes a new list of targets", function()
        file("more.csv", "id\nc3\nc2\n")
        local got = run("leadscore accounts --targets targets.csv --add more.csv --add-id c9 --remove-id c2 " ..
            "--write-targets new.csv" .. ALL)
        assert.equal(0, got.code)
        assert.equal("id\nc3\nc9\n", shell.read(folder .. "/new.csv"))
        assert.truthy(got.err:find("wrote new.csv: 2 target accounts, 1 before", 1, true), got.err)
        assert.truthy(got.err:find("1 id of a target account that no company has", 1, true), got.err)
        got = run("leadscore accounts --remove-id c1" .. ALL)
        assert.truthy(got.err:find("c1 was removed and still is a target account", 1, true), got.err)
    end)
end)

describe("leadscore preview", function()
    it("draws how the scores are spread", function()
        local got = run("leadscore preview score.lua --bins 5 --quiet" .. INPUTS)
        assert.equal(0, got.code)
        for _, part in ipairs({ "quality: 4 records", "1 out of scope", "mean", "A1", "#" }) do
            assert.truthy(got.out:find(part, 1, true), part)
        end
    end)

    it("prints one JSON object with --json", function()
        local got = run("leadscore preview plain.lua score.lua --score quality --json --quiet" .. INPUTS)
        local preview = require("leadscore.definition").decode(got.out)
        assert.equal("2025-06-01T00:00:00Z", preview.at)
        assert.equal(1, #preview.scores)
        assert.equal("quality", preview.scores[1].name)
    end)

    it("refuses a score that is not there", function()
        local got = run("leadscore preview score.lua --score qualty" .. INPUTS)
        assert.equal(2, got.code)
        assert.truthy(got.err:find('did you mean "quality"?', 1, true))
    end)
end)

describe("leadscore check", function()
    it("says what a good definition reads", function()
        local got = run("leadscore check score.lua")
        assert.equal(0, got.code)
        assert.equal("", got.err)
        assert.truthy(got.out:find("contact.employees (number)", 1, true))
        assert.truthy(got.out:find("no errors", 1, true))
    end)

    it("lists all errors with file, place, expected, found and the nearest name, and exits with 1", function()
        file("score.lua", [[
return { name = "q", groups = { { name = "g", rules = {
    { event = "call", point = 15 }, { when = { country = "SE" }, points = "5" } } } } }
]])
        local got = run("leadscore check score.lua")
        assert.equal(1, got.code)
        assert.equal("", got.out)
        assert.truthy(got.err:find("score.lua: groups[1].rules[1].point", 1, true))
        assert.truthy(got.err:find('nearest "points"', 1, true))
        assert.truthy(got.err:find("score.lua: groups[1].rules[2].points: expected a number", 1, true))
    end)

    it("names the line of a file that does not parse", function()
        file("score.lua", "return {\n  name = = 1\n}\n")
        local got = run("leadscore check score.lua")
        assert.equal(1, got.code)
        assert.truthy(got.err:find("^score%.lua:2: "))
    end)

    it("prints the canonical form for C programs", function()
        local got = run("leadscore check --canonical plain.lua")
        assert.equal(0, got.code)
        assert.truthy(got.out:find('^{"definitions":%[{"groups"'))
    end)
end)

describe("leadscore test", function()
    it("runs the tests beside the definition", function()
        local got = run("leadscore test score.lua")
        assert.same({ code = 0, out = "1 test, 0 failed\n", err = "" }, got)
    end)

    it("shows each difference and exits with 1", function()
        file("score.lua", (DEFINITION:gsub("value = 20", "value = 21"):gsub('"B1"', '"A1"')))
        local got = run("leadscore test score.lua")
        assert.equal(1, got.code)
        assert.equal('quality: tests[1]: value: expected 21, got 20\n' ..
            'quality: tests[1]: label: expected "A1", got "B1"\n1 test, 1 failed\n', got.out)
    end)
end)

describe("leadscore demo", function()
    it("writes a made-up CRM and scores it, the same every time", function()
        local first = run("leadscore demo tour")
        assert.equal(0, first.code)
        assert.equal("", first.err)
        assert.same({ "competitors.csv", "contacts.csv", "events.csv", "score.lua", "scores.csv" },
            shell.names(folder .. "/tour"))
        for _, part in ipairs({ "The best contacts:", "leadscore explain tour/score.lua --contacts" }) do
            assert.truthy(first.out:find(part, 1, true), part)
        end
        assert.same(first, run("leadscore demo tour"))
    end)

    it("shows commands that work", function()
        local shown = run("leadscore demo tour").out
        local count = 0
        for line in shown:gmatch("\n  (%S*leadscore [^\n]*)") do
            assert.equal(0, run(line).code, line)
            count = count + 1
        end
        assert.equal(5, count)
    end)

    it("does not overwrite what is not its own", function()
        run("mkdir tour && echo mine > tour/score.lua")
        assert.equal(1, run("leadscore demo tour").code)
        assert.equal("mine\n", shell.read(folder .. "/tour/score.lua"))
    end)
end)

describe("wrong usage", function()
    it("exits with 2 and one line with a hint", function()
        local cases = {
            { "leadscore", "--help" },
            { "leadscore scor", "did you mean 'score'" },
            { "leadscore score", "--help" },
            { "leadscore score score.lua", "--contacts" },
            { "leadscore score score.lua --contact contacts.csv", "did you mean '--contacts'" },
            { "leadscore score score.lua --threads 0" .. INPUTS, "from 1 to 256" },
            { "leadscore score score.lua --format xml" .. INPUTS, "csv" },
            { "leadscore score score.lua --at 2025-06-02" .. INPUTS, "several instants need --out DIR/" },
            { "leadscore score score.lua --out x.csv --at 2025-06-02" .. INPUTS, "several instants need --out DIR/" },
            { "leadscore score score.lua --out x/ --at 2025-06-01T00:00" .. INPUTS, "2025-06-01T00:00:00Z twice" },
            { "leadscore preview score.lua --at 2025-06-02" .. INPUTS, "--at" },
            { "leadscore explain score.lua --id 1 --at 2025-06-02" .. INPUTS, "--at" },
            { "leadscore score score.lua --object person" .. INPUTS, "contact" },
            { "leadscore score score.lua --object deal" .. INPUTS, "deal" },
            { "leadscore score score.lua --list competitors" .. INPUTS, "NAME=FILE" },
            { "leadscore score score.lua --column contact_id=visitor" .. INPUTS, "FILE.NEW=OLD" },
            { "leadscore score score.lua --contacts ''", "name of a file" },
            { "leadscore score score.lua --delimiter ,," .. INPUTS, "one character" },
            { "leadscore score score.lua --contacts - --events - --list competitors=c.csv", "standard input" },
            { "leadscore score score.lua --associations - --events - --contacts contacts.csv", "standard input" },
            { "leadscore score score.lua --free-mail f.csv" .. INPUTS, "--match-domain" },
            { "leadscore accounts --contacts contacts.csv", "--companies" },
            { "leadscore accounts --companies contacts.csv --sort scor", "did you mean 'score'" },
            { "leadscore accounts --companies contacts.csv --view mine", "no-calls" },
            { "leadscore accounts --companies contacts.csv --kind calls=call", "KIND=EVENT" },
            { "leadscore accounts --companies contacts.csv --write-targets t.csv", "--targets" },
            { "leadscore accounts --companies contacts.csv --recommend 3", "no definition" },
            { "leadscore accounts plain.lua --companies contacts.csv --score x", "no company score" },
            { "leadscore score score.lua --contacts contacts.csv --at tomorrow", "tomorrow" },
            { "leadscore explain score.lua" .. INPUTS, "--id" },
        }
        for _, case in ipairs(cases) do
            local got = run(case[1])
            assert.equal(2, got.code, case[1] .. "\n" .. got.err)
            assert.equal(1, lines_of(got.err), case[1] .. "\n" .. got.err)
            assert.truthy(got.err:find(case[2], 1, true), case[1] .. "\n" .. got.err)
            assert.equal("", got.out)
        end
    end)

    it("is helped: --help for the command and each of its commands, with an example; --version", function()
        for _, name in ipairs({ "", "score", "explain", "preview", "accounts", "check", "test", "demo" }) do
            local got = run("leadscore " .. name .. " --help")
            assert.equal(0, got.code)
            assert.equal("", got.err)
            assert.truthy(got.out:find("Usage: leadscore", 1, true))
            assert.truthy(name == "" or got.out:find("Example:", 1, true))
        end
        assert.truthy(run("leadscore --version").out:find("^leadscore %d+%.%d+%.%d+ "))
    end)

    it("has a manual page from the same source", function()
        local page = run("leadscore manual").out
        for _, part in ipairs({ ".TH LEADSCORE 1", "\\fB\\-\\-rejects\\fR", ".SS explain", ".SH EXIT STATUS" }) do
            assert.truthy(page:find(part, 1, true), part)
        end
    end)
end)

describe("what goes wrong outside", function()
    it("exits with 74 for a file that cannot be read or written", function()
        for _, line in ipairs({
            "leadscore check missing.lua",
            "leadscore check missing",
            "leadscore score score.lua --contacts missing.csv --list competitors=competitors.csv",
            "leadscore score score.lua --out nowhere/scores.csv" .. INPUTS,
            "leadscore score score.lua --rejects nowhere/bad.txt" .. INPUTS,
            "leadscore score score.lua" .. INPUTS .. " > /dev/full",
            "leadscore check score.lua > /dev/full",
        }) do
            local got = run(line)
            assert.equal(74, got.code, line .. "\n" .. got.err)
            assert.equal(1, lines_of(got.err), line .. "\n" .. got.err)
        end
    end)

    it("exits with 130 when interrupted, and leaves no file", function()
        local before = shell.names(folder)
        for _, signal in ipairs({ "INT", "TERM" }) do
            local got = run("{ echo contact_id,event,at; yes 1,open,2025-05-01; } | timeout --preserve-status -s " ..
                signal .. " 0.5 \"$LEADSCORE\" score plain.lua --contacts contacts.csv --events - --out scores.csv " ..
                "--rejects bad.txt")
            assert.equal(130, got.code, got.err)
            assert.same(before, shell.names(folder))
        end
    end)

    it("never shows a traceback", function()
        file("score.lua", "return { name = {}, groups = 3 }")
        for _, line in ipairs({ "leadscore check score.lua", "leadscore check contacts.csv", "leadscore check ." }) do
            local got = run(line)
            assert.truthy(got.code == 1 or got.code == 0, line)
            assert.falsy(got.err:find("traceback", 1, true))
            assert.falsy(got.err:find("internal error", 1, true))
        end
    end)
end)
