-- Associated records (section 7) where there are many, and sums that are too large: a company of 200,000 contacts and a
-- contact at 5,000 companies, whose scores are worked out by hand, and rollups up to 10^12 points and past it.

local core = require("leadscore.core")
local leadscore = require("leadscore")
local random = require("spec.random")
local reference = require("spec.reference")
local ways = require("spec.ways")
local ways_related = require("spec.ways_related")

local AT = 1750000000
local THREADS = { 1, 3 }

-- Rules as a definition of a kind that rollups can be in.
local function define(name, object, rules, more)
    local definition = { name = name, object = object,
        groups = { { name = "Group", kind = "engagement", rules = rules } } }
    for key, value in pairs(more or {}) do
        definition[key] = value
    end
    return definition
end

-- Many ----------------------------------------------------------------------------------------------------------------

local CONTACTS, COMPANIES = 200000, 5000

-- Contact i has the budget i % 10, a visit, and if it is every fourth one the role "buyer" and another visit. All are
-- at c1; p1 is at all companies, of which company i has i employees.
local function large_texts()
    local contacts, events, companies, associations = {}, {}, {}, {}
    for i = 1, CONTACTS do
        local buyer = i % 4 == 0
        contacts[i] = ("p%d,%d,%s,c1"):format(i, i % 10, buyer and "buyer" or "")
        local visit = ("p%d,visit,%d"):format(i, AT - i)
        events[i] = buyer and visit .. "\n" .. visit or visit
    end
    for i = 1, COMPANIES do
        companies[i] = ("c%d,%d"):format(i, i)
        associations[i] = i % 2 == 0 and ("contact,p1,company,c%d"):format(i) or ("company,c%d,contact,p1"):format(i)
    end
    return {
        { "contacts", "id,budget,role,company_id\n" .. table.concat(contacts, "\n") },
        { "companies", "id,employees\n" .. table.concat(companies, "\n") },
        { "associations", "from_object,from_id,to_object,to_id\n" .. table.concat(associations, "\n") },
        { "events", "contact_id,event,at\n" .. table.concat(events, "\n") },
    }
end

local function large_dataset()
    local dataset = core.dataset()
    for _, input in ipairs(large_texts()) do
        assert(ways_related.finish(dataset:read({ input = input[1], name = input[1], text = input[2] .. "\n" })))
    end
    assert(ways_related.finish(dataset:group()))
    return dataset
end

local web = define("web", "contact", { { event = "visit", points = 5 } })

-- Each rule with what it gives c1, and any other company, whose only contact is p1.
local RULES = {
    { 500000, 2, { event = "visit", points = 2 } },
    { 2.5, 2, { event = "visit", points = 2, combine = "avg" } },
    { 50000, 0, { event = "visit", times = { at_least = 2 }, points = 1 } },
    { 1250000, 5, { rollup = "sum", of = "score:web" } },
    { 18.75, 15, { rollup = "avg", of = "score:web", weight = 3 } },
    { 10, 5, { rollup = "max", of = "score:web" } },
    { 27, 1, { rollup = "sum", of = "budget", top = 3 } },
    { 50, 0, { rollup = "count", over = { where = { role = "buyer" } }, weight = 0.001 } },
    { 5, 0, { rollup = "count", of = "score:web", at_least = 6, weight = 0.0001 } },
    { 1, 0, { property = "budget", over = { relation = "contacts" }, points_by = { [9] = 10 }, combine = "avg" } },
    { 0.5, 0, { when = { contacts = { role = "buyer", count = { exactly = 50000 } } }, points = 0.5 } },
    { 0.25, 0, { when = { did = { event = "visit", times = { exactly = 250000 } } }, points = 0.25 } },
    { 0.125, 0.125, { when = { contacts = { budget = { at_most = 9 }, every = true } }, points = 0.125 } },
}

local function account()
    local rules, first, other = {}, 0, 0
    for i, rule in ipairs(RULES) do
        first, other, rules[i] = first + rule[1], other + rule[2], rule[3]
    end
    return define("account", "company", rules), first, other
end

local reach = define("reach", "contact", {
    { rollup = "sum", of = "employees", over = { relation = "companies" } }, -- 12,502,500, else 1
    { rollup = "sum", of = "score:account", over = { relation = "companies" } },
    { when = { companies = { count = { exactly = COMPANIES } } }, points = 0.5 },
    { when = { company = { employees = 1 } }, points = 0.25 },
})

local function check_all(result, index, count, expected)
    for row = 1, count do
        local value = result:get(index, row).value
        if value ~= expected(row) then error(("row %d: expected %s, got %s"):format(row, expected(row), value)) end
    end
end

describe("a company of 200,000 contacts and a contact at 5,000 companies", function()
    local dataset
    setup(function() dataset = large_dataset() end)
    teardown(function() dataset:close() end)

    it("are scored", function()
        local definition, first, other = account()
        local set = assert(leadscore.define({ reach, definition, web }))
        for _, threads in ipairs(THREADS) do
            local result = assert(ways_related.finish(dataset:score(set:_open(), AT, threads))):result()
            check_all(result, 2, COMPANIES, function(row) return row == 1 and first or other end)
            check_all(result, 3, CONTACTS, function(row) return row % 4 == 0 and 10 or 5 end)
            check_all(result, 1, CONTACTS, function(row)
                return row > 1 and 1.25 + first or 12502500.75 + first + (COMPANIES - 1) * other
            end)
        end
    end)

    it("are explained", function()
        local set = assert(leadscore.define({ define("account", "company", {
            { rollup = "sum", of = "score:web" }, { event = "visit", times = { at_least = 2 }, points = 1 },
        }), web, define("reach", "contact", {
            { rollup = "sum", of = "score:account", over = { relation = "companies" }, top = 2 },
        }) }))
        local company = assert(dataset:explain(set:_open(), "company", 1, AT))
        assert.truthy(company:find('"name":"account","value":1300000,', 1, true))
        assert.are.equal(CONTACTS * 2, select(2, company:gsub('"object":"contact"', "")))
        local contact = assert(dataset:explain(set:_open(), "contact", 2, AT))
        assert.truthy(contact:find('"name":"reach","value":1300000,', 1, true))
    end)
end)

-- Large sums ----------------------------------------------------------------------------------------------------------

-- A company of deals with these amounts, among others.
local function company_of(amounts)
    local world = { contacts = {}, deals = { { id = "other", amount = 1, company_id = "before" } }, associations = {},
        companies = { { id = "before" }, { id = "acme" }, { id = "after" } } }
    for i, amount in ipairs(amounts) do
        world.deals[i + 1] = { id = "d" .. i, amount = amount, company_id = "acme" }
    end
    return world
end

local function inside(world)
    local known = ways_related.known(world)
    return ways_related.nested(known, random.new(1), known.by_id.company.acme)
end

-- Every way of scoring "acme".
local function all_ways(definitions, world)
    local set, record = assert(leadscore.define(definitions)), inside(world)
    local dataset = assert(ways_related.dataset(world, AT))
    local results = {}
    for i, threads in ipairs(THREADS) do
        local scores, err = ways_related.batch(set, dataset, AT, threads)
        results[i] = { scores and scores.company.acme.main, err }
    end
    results[3] = { ways_related.explain(set, dataset, "company", "acme", AT) }
    results[4] = { ways_related.explain_one(set, record, AT, "company") }
    results[5] = { set:score(record, AT, "company") }
    return results
end

local function refused(definitions, world, words)
    for i, result in ipairs(all_ways(definitions, world)) do
        assert.is_nil(result[1], i)
        assert.are.equal("range", result[2].kind, i)
        for _, word in ipairs(words) do
            assert.truthy(result[2].message:find(word, 1, true), i .. ": " .. result[2].message .. ": " .. word)
        end
    end
end

local function gives(definitions, world, value)
    for i, result in ipairs(all_ways(definitions, world)) do
        assert(result[1], result[2] and tostring(result[2].message))
        local got = i <= 2 and result[1].value or i <= 4 and result[1].scores[1].value or result[1].main.value
        assert.are.equal(i <= 4 and value or tonumber(value), got, i)
    end
end

local function of_deals(rollup, more)
    local rule = { rollup = rollup, of = "amount", over = { relation = "deals" } }
    for key, value in pairs(more or {}) do
        rule[key] = value
    end
    return { define("main", "company", { { when = { industry = "Retail" }, points = 1 }, rule }) }
end

local NAMED = { "acme", "main", "groups[1].rules[2]" }

describe("the largest rollup", function()
    it("is 10^12 points, of either sign", function()
        gives(of_deals("sum"), company_of({ "4e11", "599999999999.5", "0.5" }), "1000000000000")
        gives(of_deals("sum"), company_of({ "-4e11", "-6e11" }), "-1000000000000")
        gives(of_deals("max"), company_of({ "1e12", "5" }), "1000000000000")
        gives(of_deals("sum", { weight = 1000 }), company_of({ "1e9" }), "1000000000000")
        gives(of_deals("sum", { weight = -0.000001 }), company_of({ "1e18" }), "-1000000000000")
        gives(of_deals("avg"), company_of({ "1e12", "1e12" }), "1000000000000")
    end)

    it("is an error beyond, which names record and rule", function()
        refused(of_deals("sum"), company_of({ "4e11", "600000000000.001" }), NAMED)
        refused(of_deals("sum"), company_of({ "-4e11", "-600000000000.001" }), NAMED)
        refused(of_deals("max"), company_of({ "1000000000000.001", "5" }), NAMED)
        refused(of_deals("min"), company_of({ "-1e13", "5" }), NAMED)
        refused(of_deals("avg"), company_of({ "1e300", "1" }), NAMED)
        refused(of_deals("sum", { weight = 1000 }), company_of({ "1000000000.000001" }), NAMED)
        refused(of_deals("sum", { weight = 0.000001 }), company_of({ "1e308", "1e308" }), NAMED)
        refused(of_deals("sum", { limit = 5 }), company_of({ "1e13" }), NAMED)
        refused(of_deals("sum", { top = 1 }), company_of({ "1e13", "1e12" }), NAMED)
    end)

    it("is not what takes no part", function()
        gives(of_deals("min"), company_of({ "1e13", "1e300", "5" }), "5")
        gives(of_deals("max"), company_of({ "-1e13", "-1e300", "5" }), "5")
        gives(of_deals("max", { top = 2 }), company_of({ "-1e300", "7", "5" }), "7")
        gives(of_deals("sum", { top = 2 }), company_of({ "-1e13", "7", "5" }), "12")
        gives(of_deals("sum", { over = { relation = "deals", where = { amount = { at_most = 100 } } } }),
            company_of({ "1e13", "1e300", "5" }), "5")
        gives(of_deals("count", { at_least = 6 }), company_of({ "1e13", "1e300", "5" }), "2")
        gives(of_deals("sum", { enabled = false }), company_of({ "1e300" }), "0")
        gives(of_deals("sum", { weight = 0 }), company_of({ "1e300" }), "0")
    end)

    it("may be reached by parts of opposite signs", function()
        gives(of_deals("sum"), company_of({ "1e17", "-1e17", "5" }), "5")
        gives(of_deals("avg"), company_of({ "3e12", "-3e12", "6" }), "2")
        gives(of_deals("avg"), company_of({ "2e12", "0" }), "1000000000000")
    end)

    it("may be reached by parts past 10^18 that even each other out", function()
        gives(of_deals("sum"), company_of({ "1e19", "-1e19", "5" }), "5")
        gives(of_deals("sum"), company_of({ "1e308", "0.25", "1e18", "-1e308", "-1e18" }), "0.25")
        gives(of_deals("sum"), company_of({ "-1e300", "-2e19", "7", "1e300", "2e19" }), "7")
        gives(of_deals("avg"), company_of({ "1e300", "-1e300", "5", "5" }), "2.5")
        gives(of_deals("sum", { weight = 1000 }), company_of({ "12345678901234567890123", "-12345678901234567890123",
            "1e9" }), "1000000000000")
        gives(of_deals("avg", { weight = 0.000001 }), company_of({ "2e18", "0" }), "1000000000000")
        gives(of_deals("sum", { top = 3 }), company_of({ "3e18", "1e19", "-1.3e19" }), "0")
        refused(of_deals("sum", { top = 2 }), company_of({ "3e18", "1e19", "-1.3e19" }), NAMED)
        gives(of_deals("sum"), company_of({ "1e19", "-1.0000000000000002e19", "1" }), "-1999")
        refused(of_deals("sum"), company_of({ "1e300", "-1e299", "-8e299" }), NAMED)
        refused(of_deals("avg", { weight = 0.000001 }), company_of({ "1e18", "3.1e18" }), NAMED)
    end)

    it("is what the reference says, of numbers of any size", function()
        local source = random.new(20)
        local sizes = {
            "1e308", "1e19", "1.5e19", "1e18", "1.0000000000000001e18", "123456789012345680000", "1e17", "3", "0.5",
        }
        local outcomes = { 0, 0 }
        for case = 1, 150 do
            local amounts = {}
            for i = 1, source:int(1, 6) do
                amounts[i] = (source:chance(50) and "-" or "") .. source:pick(sizes)
                if i > 1 and source:chance(50) then -- what evens an earlier one out
                    local earlier = amounts[source:int(1, i - 1)]
                    amounts[i] = earlier:sub(1, 1) == "-" and earlier:sub(2) or "-" .. earlier
                end
            end
            local definitions = of_deals(source:pick({ "sum", "sum", "avg", "avg", "max", "min" }), {
                weight = source:pick({ 1, 1000, 0.000001, 0, -2.5 }),
                top = source:chance(60) and source:int(1, 3) or nil,
            })
            local deals = {}
            for i, amount in ipairs(amounts) do
                deals[i] = { amount = amount }
            end
            local fine, scores = pcall(reference.score, definitions, { deals = deals }, AT)
            local message = "case " .. case .. ": " .. table.concat(amounts, " ")
            if fine then
                gives(definitions, company_of(amounts), scores[1].value)
            else
                assert.truthy(scores:find("overflow", 1, true), message .. scores)
                refused(definitions, company_of(amounts), NAMED)
            end
            outcomes[fine and 1 or 2] = outcomes[fine and 1 or 2] + 1
        end
        assert.is_true(outcomes[1] > 20 and outcomes[2] > 20)
    end)

    -- Scores that limits lift to 10^12.
    local function lifted(more)
        local world = { companies = { { id = "acme" } }, contacts = { { id = "p1", company_id = "acme" },
            { id = "p2", company_id = "acme" } }, deals = {}, associations = {} }
        local rule = { rollup = "sum", of = "score:high" }
        for key, value in pairs(more or {}) do
            rule[key] = value
        end
        return { define("main", "company", { rule }),
            define("high", "contact", { { event = "visit", points = 1, limit = { min = 1e12 } } }) }, world
    end

    it("of scores is an error beyond, too", function()
        local definitions, world = lifted()
        refused(definitions, world, { "acme", "main", "groups[1].rules[1]" })
        definitions, world = lifted({ rollup = "avg" })
        gives(definitions, world, "1000000000000")
        definitions, world = lifted({ top = 1 })
        gives(definitions, world, "1000000000000")
        definitions, world = lifted({ weight = -0.5 })
        gives(definitions, world, "-1000000000000")
        definitions, world = lifted({ weight = 0.500001 })
        refused(definitions, world, { "acme", "main", "groups[1].rules[1]" })
    end)

    it("of a score that is too large is that record's error", function()
        local definitions, world = lifted()
        table.insert(definitions[2].groups[1].rules, { property = "budget", points_by = { [7] = 1 } })
        world.contacts[2].budget = 7
        refused(definitions, world, { "p2", "high", "groups[1]" })
    end)

    it("of events over contacts is an error beyond, too", function()
        local all, points_by = {}, {}
        for i = 1, 1000 do
            all[i], points_by["k" .. i] = "k" .. i, 1000000
        end
        local function visits(count)
            local events = {}
            for i = 1, count do
                events[i] = { event = "visit", at = AT - i, topics = table.concat(all, ";") }
            end
            return events
        end
        local function of_events(combine)
            return { define("main", "company", { { event = "visit", property = "topics", points_by = points_by,
                combine = combine } }, { properties = { ["event.topics"] = "set" } }) }
        end
        local function team(first, second)
            return { companies = { { id = "acme" } }, contacts = { { id = "p1", company_id = "acme",
                events = visits(first) }, { id = "p2", company_id = "acme", events = visits(second) } }, deals = {},
                associations = {} }
        end
        gives(of_events("sum"), team(400, 600), "1000000000000")
        refused(of_events("sum"), team(400, 601), { "acme", "main", "groups[1].rules[1]" })
        gives(of_events("max"), team(500, 600), "600000000000")
    end)
end)

describe("a range error of a batch", function()
    it("is nobody else's", function()
        local set = assert(leadscore.define(of_deals("sum")))
        local dataset = assert(ways_related.dataset(company_of({ "1e13" }), AT))
        local explanation = assert(ways_related.explain(set, dataset, "company", "before", AT))
        assert.are.equal("1", explanation.scores[1].value)
        assert.are.equal("1", ways.sum(explanation.scores[1].categories, "value"))
    end)
end)
