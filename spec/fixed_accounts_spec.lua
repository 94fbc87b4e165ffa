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
        "--targets targets.csv --add add.csv --remove rm.csv --dismissed dis.csv --free-mail free.csv --match-domain email --recommend 1 "

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
