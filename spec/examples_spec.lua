-- The examples that users run.

local leadscore = require("leadscore")
local shell = require("shell")

local EXAMPLES = shell.root .. "/lua/leadscore/examples"
-- The interpreter that runs this spec: the first argument before the others.
local function interpreter()
    local i = 0
    while arg[i - 1] do
        i = i - 1
    end
    return arg[i]
end

describe("the examples", function()
    local folder
    before_each(function() folder = shell.folder() end)
    after_each(function() shell.remove(folder) end)

    it("have definitions whose tests pass", function()
        local definition = assert(leadscore.load(EXAMPLES .. "/contact_quality.lua"))
        local report = definition:test()
        assert.equal(2, report.count)
        assert.same({}, report.cases[1].differences)
        assert.same({}, report.cases[2].differences)
    end)

    it("score, filter and write from Lua", function()
        shell.write(folder .. "/contacts.csv",
            "id,industry,employees,country,region,email\n1,Hospitality,80,SE,Northeast,a@b.example\n" ..
            "2,Retail,10,NO,,x@gmail.com\n3,hospitality,500,DK,,\n")
        shell.write(folder .. "/events.csv", "contact_id,event,at,url\n1,call_started,2025-05-20,\n" ..
            "1,meeting_booked,2025-05-30,\n2,call_started,2025-05-30,\n")
        local got = shell.run(folder, ("%s %s %s contacts.csv events.csv hot.csv 2025-06-01"):format(
            shell.quote(interpreter()), shell.quote(EXAMPLES .. "/export_hot.lua"),
            shell.quote(EXAMPLES .. "/contact_quality.lua")))
        assert.equal("", got.err)
        assert.equal("1 of 3 contacts are hot\n", got.out)
        local text = shell.read(folder .. "/hot.csv"):gsub("65%.0", "65")
        assert.equal("id,contact_quality,label\n1,65,A2\n", text)
        assert.truthy(shell.read(folder .. "/hot.csv.all.csv"):find("^id,contact_quality,contact_quality_engagement"))
    end)
end)
