-- The examples that users run.

local leadscore = require("leadscore")
local lfs = require("lfs")
local reference = require("spec.reference")
local shell = require("shell")

local EXAMPLES = shell.root .. "/lua/leadscore/examples"
-- Each is a file of one definition or several, with tests beside them.
local DEFINITIONS = {
    "account_scores", "company_quality", "contact_quality", "deal_health", "form_points", "positive_negative",
    "region_fit", "sales_and_marketing",
}

-- Calls run(definitions, test) for each test of an example; its definition is the first.
local function for_each_test(name, run)
    local content = dofile(EXAMPLES .. "/" .. name .. ".lua")
    local list = content.groups and { content } or content
    for _, definition in ipairs(list) do
        local definitions = { definition }
        for _, other in ipairs(list) do
            definitions[#definitions + 1] = other ~= definition and other or nil
        end
        assert.truthy(definition.tests, definition.name)
        for _, test in ipairs(definition.tests) do
            run(definitions, test)
        end
    end
end

local function count_tests(name)
    local count = 0
    for_each_test(name, function() count = count + 1 end)
    return count
end

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

    for _, name in ipairs(DEFINITIONS) do
        it("have tests that pass: " .. name, function()
            local report = assert(leadscore.load(EXAMPLES .. "/" .. name .. ".lua")):test()
            local wrong = {}
            for _, case in ipairs(report.cases) do
                for _, difference in ipairs(case.differences) do
                    wrong[#wrong + 1] = ("%s: tests[%d]: %s"):format(case.definition, case.index, difference)
                end
            end
            assert.same({}, wrong)
            assert.equal(count_tests(name), report.count)
        end)

        it("have tests that the reference scorer passes: " .. name, function()
            for_each_test(name, function(definitions, test)
                local got = reference.score(definitions, test.given, test.at or os.time())[1]
                for key, expected in pairs(test.expect) do
                    local value = tonumber(got[key]) or got[key] or false
                    assert.equal(expected, value, definitions[1].name .. ": " .. key)
                end
            end)
        end)
    end

    it("are all here, and have no warnings", function()
        local found = {}
        for file in lfs.dir(EXAMPLES) do
            found[#found + 1] = file ~= "export_hot.lua" and file:match("^(.*)%.lua$") or nil
        end
        table.sort(found)
        assert.same(DEFINITIONS, found)
        for _, name in ipairs(found) do
            assert.same({}, assert(leadscore.load(EXAMPLES .. "/" .. name .. ".lua")):warnings())
        end
    end)

    for name, text in pairs(require("spec.canonical_examples")) do
        it("have this canonical form: " .. name, function()
            assert.equal(text, assert(leadscore.load(EXAMPLES .. "/" .. name .. ".lua")):canonical())
        end)
    end

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
