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
