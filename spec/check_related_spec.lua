-- What the checker says of definitions over associated records (section 7), and what it makes of them: wrong forms with
-- their messages, the canonical text, and forms that are the same.

local canonical = require("leadscore.canonical")
local check = require("leadscore.check")
local core = require("leadscore.core")
local leadscore = require("leadscore")

-- Definitions around the rule or filter that a case is about.
local function of(object, ...)
    return { name = "s", object = object, groups = { { name = "g", kind = "fit", rules = { ... } } } }
end

local function when(object, filter)
    return of(object, { when = filter, points = 1 })
end

local function event(object, rule)
    rule.event, rule.points = "visit", rule.points or 1
    return of(object, rule)
end

local function property(object, rule)
    rule.property, rule.points_by = rule.property or "role", rule.points_by or { Boss = 1 }
    return of(object, rule)
end

local function with(changes, definition)
    for key, value in pairs(changes) do
        definition[key] = value
    end
    return definition
end

-- Scores of persons that others roll up: "web" of engagement alone, "quality" combined.
local WEB = { name = "web", groups = { { name = "g", rules = { { event = "visit", points = 1 } } } } }
local QUALITY = { name = "quality", thresholds = { high = 2, medium = 1 }, groups = {
    { name = "g", rules = { { event = "visit", points = 1 } } },
    { name = "f", rules = { { when = { country = "SE" }, points = 1 } } },
} }

local function rollup(rule, object)
    return { WEB, QUALITY, of(object or "company", rule) }
end

local function messages(definitions)
    local set, errors = check.definitions(definitions)
    local list = {}
    for i, problem in ipairs(errors or {}) do
        list[i] = problem.message
    end
    assert.are.equal(set == nil, list[1] ~= nil)
    return list
end

-- The canonical text, which the core compiles.
local function text(definitions)
    local set, errors = check.definitions(definitions)
    if not set then error(errors[1].message, 2) end
    local printed = canonical.text(set)
    local plan, err = core.plan(printed)
    assert(plan, tostring(err and err.message))
    plan:close()
    return printed
end

local function fingerprint(definitions)
    return canonical.fingerprint(check.definitions(definitions))
end

-- The printed rules of the definition that a case is about, which is the last.
local function printed_rule(definitions)
    return text(definitions):match('"kind":"fit","name":"g","rules":%[(.*)%]}%],"kind":"fit"')
end

local function printed_when(object, filter)
    return printed_rule(when(object, filter)):match('^{"points":1,"when":(.*)}$')
end

local function types_of(definition)
    local set, errors = check.definitions(definition)
    if not set then error(errors[1].message, 2) end
    return set.definitions[1].properties
end

-- Wrong filters: what is wrong, the object, the filter, the messages without their path "groups[1].rules[1].when".
local WRONG_FILTERS = {
    { "nothing to ask", "contact", { company = {} }, {
        ".company: expected a filter on the associated records, or count or labelled, got an empty table",
    } },
    { "every of nothing", "contact", { companies = { every = true } }, {
        ".companies: expected a filter on the associated records, or count or labelled, got a table",
    } },
    { "nothing but nulls", "contact", { deals = { stage = core.null } }, {
        ".deals: expected a filter on the associated records, or count or labelled, got a table",
    } },
    { "every and count", "company", { contacts = { country = "SE", every = true, count = { at_least = 1 } } }, {
        ".contacts.every: not beside count",
    } },
    { "every that is no boolean", "company", { contacts = { country = "SE", every = 1 } }, {
        ".contacts.every: expected true or false, got 1",
    } },
    { "a count that is a number", "company", { contacts = { count = 2 } }, {
        ".contacts.count: expected a count, such as { at_least = 2 }, got 2",
    } },
    { "an empty count", "company", { contacts = { count = {} } }, {
        ".contacts.count: expected a count, such as { at_least = 2 }, got an empty table",
    } },
    { "a count of bands", "company", { contacts = { count = { { at_least = 2, points = 1 } } } }, {
        ".contacts.count: expected a count, such as { at_least = 2 }, got a list",
    } },
    { "a count with two bounds", "company", { contacts = { count = { at_least = 2, at_most = 3 } } }, {
        ".contacts.count: expected one of exactly, at_least, at_most, between, got several",
    } },
    { "a typo in count", "company", { contacts = { count = { at_leats = 2 } } }, {
        ".contacts.count: expected one of exactly, at_least, at_most, between, got none",
        '.contacts.count.at_leats: expected a key of `count`, got "at_leats", nearest "at_least"',
    } },
    { "counts that are no whole numbers from 0", "company",
        { contacts = { count = { exactly = 1.5 } }, deals = { count = { at_most = -1 } } }, {
            ".contacts.count.exactly: expected a whole number from 0, got 1.5",
            ".deals.count.at_most: expected a whole number from 0, got -1",
        } },
    { "a count upside down", "company", { contacts = { count = { between = { 3, 1 } } } }, {
        ".contacts.count.between: expected two whole numbers { LOW, HIGH }, got { 3, 1 }; put the lower one first",
    } },
    { "labels that are none", "company", { contacts = { labelled = " " }, deals = { labelled = { "a", "b" } } }, {
        '.contacts.labelled: expected a label of an association, got " "',
        ".deals.labelled: expected a label of an association, got a list",
    } },
    { "a scalar under a relation's name", "deal", { contacts = "Ann" }, {
        ".contacts: expected a filter on the associated records, since contacts is a relation, got \"Ann\"; "
            .. 'for a column of that name write ["property:contacts"]',
    } },
    { "a list under a relation's name", "deal", { company = { "Acme", "Ajax" } }, {
        ".company: expected a filter on the associated records, since company is a relation, got a list; "
            .. 'for a column of that name write ["property:company"]',
    } },
    { "operators under a relation's name", "company", { primary_contacts = { at_least = 2 } }, {
        ".primary_contacts: expected a filter on the associated records, since primary_contacts is a relation, "
            .. 'got a table; for a column of that name write ["property:primary_contacts"]',
    } },
    { "relations in relations", "contact", { company = { deals = { amount = 5 }, any = { { contacts = "Ann" } } } }, {
        ".company.any[1].contacts: contacts is a relation, and relations do not nest; "
            .. 'for a column of that name write ["property:contacts"]',
        ".company.deals: deals is a relation, and relations do not nest; "
            .. 'for a column of that name write ["property:deals"]',
    } },
    { "what is wrong inside", "contact", { company = { industry = { contain = "x" }, [5] = "y" } }, {
        ".company.industry.contain: expected an operator of text (known, missing, is, is_not, any_of, none_of, "
            .. 'contains, not_contains, starts_with, ends_with), got "contain", nearest "contains"',
        ".company[5]: expected the name of a property, got 5",
    } },
    { "two spellings of a related property", "contact", { company = { a = "x", ["property:a"] = "y" } }, {
        '.company["property:a"]: the same property as "a": write its conditions in one table',
    } },
    { "two types in two relations", "contact", { company = { size = 5 }, companies = { size = "big" } }, {
        '.companies.size: expected a number, got "big"; company.size is read as number: declare its type in properties',
    } },
}

-- Wrong rules: what is wrong, the definitions, the messages without "groups[1].rules[1]".
local WRONG_RULES = {
    { "over on a contact's event rule", event("contact", { over = { relation = "company" }, combine = "sum" }), {
        ".combine: an event rule of a contact reads the contact's own events",
        ".over: an event rule of a contact reads the contact's own events",
    } },
    { "events of deals", event("company", { over = { relation = "deals" } }), {
        '.over.relation: expected a relation of a company to contacts (contacts, primary_contacts), got "deals"',
    } },
    { "events of a deal's company", event("deal", { over = { relation = "company", where = { a = "x" } } }), {
        '.over.relation: expected a relation of a deal to contacts (contacts), got "company"',
    } },
    { "a misspelt relation", event("company", { over = { relation = "primary_contact" } }), {
        ".over.relation: expected a relation of a company to contacts (contacts, primary_contacts), "
            .. 'got "primary_contact", nearest "primary_contacts"',
    } },
    { "an empty over", event("company", { over = {} }), {
        '.over: expected associated records, such as { relation = "company" }, got an empty table',
    } },
    { "over that is a name", property("contact", { over = "company" }), {
        '.over: expected associated records, such as { relation = "company" }, got "company"',
    } },
    { "a typo in over", event("company", { over = { relatoin = "contacts" } }), {
        '.over.relatoin: expected a key of `over`, got "relatoin", nearest "relation"',
    } },
    { "a wrong label and filter of over", event("company", { over = { labelled = 5, where = {} } }), {
        ".over.labelled: expected a label of an association, got 5",
        '.over.where: expected a filter, such as { country = "SE" }, got an empty table',
    } },
    { "a relation in over", event("company", { over = { where = { company = { a = "x" } } } }), {
        ".over.where.company: company is a relation, and relations do not nest; "
            .. 'for a column of that name write ["property:company"]',
    } },
    { "count as combine", event("company", { combine = "count" }), {
        '.combine: expected "sum", "avg", "max" or "min", got "count"',
    } },
    { "combine without over", property("company", { combine = "max" }), {
        ".combine: only with over: it combines associated records",
    } },
    { "over without a relation on a property rule", property("company", { over = { labelled = "Boss" } }), {
        ".over.relation: expected a relation of a company (contacts, primary_contacts, deals), got nothing",
    } },
    { "no such relation on a property rule", property("deal", { over = { relation = "deals" } }), {
        '.over.relation: expected a relation of a deal (contacts, company), got "deals"',
    } },
    { "over on a when rule", of("company", { when = { a = "x" }, points = 1, over = { relation = "contacts" } }), {
        '.over: expected a key of a rule with `when`, got "over"',
    } },
    { "a rollup of nothing", rollup({ rollup = "sum" }), {
        '.of: expected what to roll up: "score:NAME", or the name of a number column, got nothing',
    } },
    { "no such rollup", rollup({ rollup = "average", of = "score:web" }), {
        '.rollup: expected "sum", "avg", "max", "min" or "count", got "average"',
    } },
    { "a misspelt rollup", rollup({ rollup = "cuont" }), {
        '.rollup: expected "sum", "avg", "max", "min" or "count", got "cuont", nearest "count"',
    } },
    { "of that is no name", rollup({ rollup = "sum", of = { "score:web" } }), {
        '.of: expected what to roll up: "score:NAME", or the name of a number column, got a list',
    } },
    { "of that is empty", rollup({ rollup = "sum", of = " " }), {
        '.of: expected what to roll up: "score:NAME", or the name of a number column, got " "',
    } },
    { "a contact's rollup without over", rollup({ rollup = "sum", of = "arr" }, "contact"), {
        '.over: expected associated records, such as { relation = "company" }, got nothing',
    } },
    { "a contact's rollup without a relation",
        rollup({ rollup = "sum", of = "arr", over = { labelled = "x" } }, "contact"), {
            ".over.relation: expected a relation of a contact (company, companies, deals), got nothing",
        } },
    { "an unknown score", rollup({ rollup = "sum", of = "score:wbe" }), {
        '.of: expected the name of a score of this run, got "wbe", nearest "web"',
    } },
    { "a score of another object", rollup({ rollup = "sum", of = "score:web", over = { relation = "deals" } }), {
        ".of: expected a score of a deal, got web, a score of a contact",
    } },
    { "a label", rollup({ rollup = "max", of = "score:quality.label" }), {
        '.of: expected a part of a score that is a number (fit, engagement), got "label"',
    } },
    { "a part that the score does not have", rollup({ rollup = "max", of = "score:web.fit" }), {
        ".of: score web has no part fit, since it is not combined: its value is all engagement",
    } },
    { "a column declared otherwise", with({ properties = { ["contact.revenue"] = "text" } },
        of("company", { rollup = "sum", of = "revenue" })), {
            '.of: expected a number column, got "revenue"; contact.revenue is declared as text',
        } },
    { "top of none", rollup({ rollup = "sum", of = "score:web", top = 0 }), {
        ".top: expected a whole number from 1, got 0",
    } },
    { "top beside count", rollup({ rollup = "count", top = 3 }), {
        '.top: not beside rollup = "count"',
    } },
    { "a weight that is none", rollup({ rollup = "sum", of = "score:web", weight = "2" }), {
        '.weight: expected a number with at most 6 decimals, got "2"',
    } },
    { "a weight that is too large", rollup({ rollup = "sum", of = "score:web", weight = -1000.000001 }), {
        ".weight: expected a number from -1000 to 1000, got -1000.000001",
    } },
    { "a weight with 7 decimals", rollup({ rollup = "sum", of = "score:web", weight = 0.0000001 }), {
        ".weight: expected a number with at most 6 decimals, got 0.0000001",
    } },
    { "comparisons beside sum", rollup({ rollup = "sum", of = "score:web", at_least = 5, between = { 1, 2 } }), {
        '.at_least: only with rollup = "count"',
        '.between: only with rollup = "count"',
    } },
    { "comparisons without of", rollup({ rollup = "count", at_most = 5 }), {
        ".at_most: only with of: it tells what is compared",
    } },
    { "comparisons of another type", rollup({ rollup = "count", of = "score:web", at_least = "5" }), {
        '.at_least: expected a number with at most 6 decimals, got "5"',
    } },
    { "a comparison upside down", rollup({ rollup = "count", of = "arr", between = { 5, 1 } }), {
        ".between: expected two values { LOW, HIGH }, of which each is a number, got { 5, 1 }; put the lower one first",
    } },
    { "points on a rollup", rollup({ rollup = "count", points = 5 }), {
        '.points: expected a key of a rule with `rollup`, got "points"',
    } },
    { "a rollup that is a when rule too", rollup({ rollup = "count", when = { a = "x" }, points = 5 }), {
        ": expected a rule with one of when, event, property, rollup, got several",
    } },
    { "a misspelt rollup rule", of("company", { rolup = "count" }), {
        ': expected a rule with one of when, event, property, rollup, got none, nearest "rollup"',
    } },
    { "a score of a contact asked of a company", { WEB, when("company", { ["score:web"] = 5 }) }, {
        '.when["score:web"]: expected a score of a company, got web, a score of a contact; '
            .. "ask for it inside of contacts = { ... }",
    } },
    { "a score of a contact asked of its company", { WEB, when("contact", { company = { ["score:web"] = 5 } }) }, {
        '.when.company["score:web"]: expected a score of a company, got web, a score of a contact',
    } },
}

local function at(prefix, list)
    local out = {}
    for i, message in ipairs(list) do
        out[i] = prefix .. message
    end
    return out
end

describe("a wrong definition over associated records", function()
    for _, case in ipairs(WRONG_FILTERS) do
        it("is refused: " .. case[1], function()
            assert.are.same(at("groups[1].rules[1].when", case[4]), messages(when(case[2], case[3])))
        end)
    end

    for _, case in ipairs(WRONG_RULES) do
        it("is refused: " .. case[1], function()
            assert.are.same(at("groups[1].rules[1]", case[3]), messages(case[2]))
        end)
    end

    it("is refused: a group with a rollup and no kind", function()
        for _, other in ipairs({ { event = "visit", points = 1 }, { when = { a = "x" }, points = 1 },
            { rollup = "count" } }) do
            local definition = of("company", { rollup = "count" }, other)
            definition.groups[1].kind = nil
            assert.are.same({ 'groups[1].kind: expected "engagement" or "fit", got nothing; '
                .. "it holds a rollup, which can be either" }, messages(definition))
        end
    end)

    it("is refused: decay of a group whose rules are rollups", function()
        local definition = of("company", { rollup = "count" })
        definition.groups[1].decay = { half_life = "1 day" }
        assert.are.same({ "groups[1].decay: decay works on event rules, and this group has none" },
            messages(definition))
    end)

    it("is refused: a cycle across objects, named", function()
        local account = with({ name = "account" }, of("company", { rollup = "sum", of = "score:w1" }))
        local w1 = with({ name = "w1" }, when("contact", { company = { ["score:account"] = { at_least = 5 } } }))
        assert.are.same({ 'groups[1].rules[1].when.company["score:account"]: cycle: account -> w1 -> account' },
            messages({ account, w1 }))
        assert.are.same({ "groups[1].rules[1].of: cycle: w1 -> account -> w1" }, messages({ w1, account }))
    end)

    it("is refused: a cycle through over", function()
        local account = with({ name = "account" },
            event("company", { over = { where = { ["score:w1"] = { at_least = 1 } } } }))
        local w1 = with({ name = "w1" }, rollup({ rollup = "max", of = "score:account",
            over = { relation = "companies" } }, "contact")[3])
        assert.are.same({ "groups[1].rules[1].of: cycle: account -> w1 -> account" }, messages({ account, w1 }))
    end)

    it("is refused: one column in the files of two objects", function()
        assert.are.same({ "name: output column s is taken by score s" },
            messages({ when("contact", { a = "x" }), when("company", { a = "x" }) }))
        assert.are.same({ "name: output column quality_fit is taken by score quality" },
            messages({ QUALITY, with({ name = "quality_fit" }, when("deal", { a = "x" })) }))
    end)
end)

describe("limits over associated records", function()
    local AT = { -- what, at the limit, past it
        { "weight", rollup({ rollup = "sum", of = "score:web", weight = 1000 }),
            rollup({ rollup = "sum", of = "score:web", weight = 1000.000001 }) },
        { "negative weight", rollup({ rollup = "sum", of = "score:web", weight = -1000 }),
            rollup({ rollup = "sum", of = "score:web", weight = -1001 }) },
        { "6 decimals of weight", rollup({ rollup = "sum", of = "score:web", weight = 0.000001 }),
            rollup({ rollup = "sum", of = "score:web", weight = 0.0000001 }) },
        { "top", rollup({ rollup = "sum", of = "score:web", top = 1000000000 }),
            rollup({ rollup = "sum", of = "score:web", top = 1000000001 }) },
        { "a count", when("company", { contacts = { count = { exactly = 1000000000 } } }),
            when("company", { contacts = { count = { exactly = 1000000001 } } }) },
        { "what is counted", rollup({ rollup = "count", of = "score:web", at_least = 1000000000000 }),
            rollup({ rollup = "count", of = "score:web", at_least = 1000000000001 }) },
    }
    for _, case in ipairs(AT) do
        it("are inclusive: " .. case[1], function()
            assert.are.same({}, messages(case[2]))
            assert.are.equal(1, #messages(case[3]))
        end)
    end
end)

-- Filters in the canonical form: what, the object, the filter, its text.
local SE = '{"is":{"tests":[["any_of","SE"]]},"property":"contact.country"}'
local FILTERS = {
    { "any", "company", { contacts = { country = "SE" } }, '{"filter":' .. SE .. ',"related":"contacts"}' },
    { "every", "company", { contacts = { every = true, country = "SE" } },
        '{"every":true,"filter":' .. SE .. ',"related":"contacts"}' },
    { "every that is false", "company", { primary_contacts = { every = false, country = "SE" } },
        '{"filter":' .. SE .. ',"related":"primary_contacts"}' },
    { "a count alone", "company", { deals = { count = { exactly = 0 } } },
        '{"count":{"max":0,"min":0},"related":"deals"}' },
    { "at least", "company", { contacts = { country = "SE", count = { at_least = 2 } } },
        '{"count":{"min":2},"filter":' .. SE .. ',"related":"contacts"}' },
    { "at most", "company", { contacts = { count = { at_most = 3 } } },
        '{"count":{"max":3,"min":0},"related":"contacts"}' },
    { "between", "deal", { contacts = { count = { between = { 1, 3 } } } },
        '{"count":{"max":3,"min":1},"related":"contacts"}' },
    { "a label", "deal", { contacts = { labelled = " Decision maker " } },
        '{"labelled":"Decision maker","related":"contacts"}' },
    { "a label, every and a filter", "deal", { contacts = { labelled = "Buyer", every = true, country = "SE" } },
        '{"every":true,"filter":' .. SE .. ',"labelled":"Buyer","related":"contacts"}' },
    { "every of a label", "deal", { contacts = { labelled = "Buyer", every = true } },
        '{"labelled":"Buyer","related":"contacts"}' },
    { "several entries", "contact", { companies = { a = "x", b = { known = true } } },
        '{"filter":{"all":[{"is":{"known":true},"property":"company.b"},'
        .. '{"is":{"tests":[["any_of","x"]]},"property":"company.a"}]},"related":"companies"}' },
    { "columns of the words' names", "contact", { deals = { ["property:count"] = 5, ["property:every"] = true } },
        '{"filter":{"all":[{"is":{"tests":[["any_of",5]]},"property":"deal.count"},'
        .. '{"is":{"tests":[["is",true]]},"property":"deal.every"}]},"related":"deals"}' },
    { "a word and a column of its name", "contact", { deals = { ["property:count"] = 5, count = { at_least = 1 } } },
        '{"count":{"min":1},"filter":{"is":{"tests":[["any_of",5]]},"property":"deal.count"},"related":"deals"}' },
    { "words deeper inside are columns", "contact", { deals = { all = { { count = 5 } } } },
        '{"filter":{"is":{"tests":[["any_of",5]]},"property":"deal.count"},"related":"deals"}' },
    { "columns of relations' names", "contact", { company = { ["property:deals"] = "x" } },
        '{"filter":{"is":{"tests":[["any_of","x"]]},"property":"company.deals"},"related":"company"}' },
    { "relations of other objects are columns", "deal", { company = { companies = "x" } },
        '{"filter":{"is":{"tests":[["any_of","x"]]},"property":"company.companies"},"related":"company"}' },
    { "lists and events of the related record", "company",
        { contacts = { in_list = "vip", did = { event = "visit", where = { url = "x" } } } },
        '{"filter":{"all":[{"did":{"event":["visit"],"times":[{"min":1}],"where":{"is":{"tests":[["any_of","x"]]},'
        .. '"property":"event.url"}},"done":true},{"list":["vip"],"member":true}]},"related":"contacts"}' },
    { "in none", "company", { none = { { contacts = { country = "SE" } } } },
        '{"none":[{"filter":' .. SE .. ',"related":"contacts"}]}' },
}

local VISIT = '"event":["visit"],'
local RULES = {
    { "a company's event rule", event("company", {}),
        '{"combine":"sum",' .. VISIT .. '"over":{"related":"contacts"},"points":1}' },
    { "a deal's event rule", event("deal", { combine = "avg", times = { at_least = 2 }, name = "n" }),
        '{"combine":"avg",' .. VISIT
        .. '"name":"n","over":{"related":"contacts"},"times":[{"min":2,"points":1}]}' },
    { "over in full", event("company", { combine = "max", decay = { half_life = "1 day" }, over = {
        relation = "primary_contacts", labelled = " Boss ", where = { country = "SE" } } }),
        '{"combine":"max","decay":{"half_life":86400},' .. VISIT
        .. '"over":{"labelled":"Boss","related":"primary_contacts","where":' .. SE .. '},"points":1}' },
    { "events chosen by value", of("company", { event = "visit", property = "form", points_by = { a = 2 },
        combine = "min" }),
        '{"combine":"min",' .. VISIT .. '"over":{"related":"contacts"},"points_by":[{"points":2,"value":"a"}],'
        .. '"property":"event.form"}' },
    { "a property rule", property("contact", { property = "industry", points_by = { Retail = 3 }, otherwise = 1,
        over = { relation = "company" } }),
        '{"combine":"sum","otherwise":1,"over":{"related":"company"},"points_by":[{"points":3,"value":"Retail"}],'
        .. '"property":"company.industry"}' },
    { "bands over associated records", of("company", { property = "amount", bands = { { at_least = 5, points = 1 } },
        combine = "max", over = { relation = "deals", where = { stage = "Won" } }, limit = 9 }),
        '{"bands":[{"if":{"tests":[["at_least",5]]},"points":1}],"combine":"max","limit":{"max":9,"min":-9},'
        .. '"over":{"related":"deals","where":{"is":{"tests":[["any_of","Won"]]},"property":"deal.stage"}},'
        .. '"property":"deal.amount"}' },
    { "a property rule on itself", property("company", {}),
        '{"points_by":[{"points":1,"value":"Boss"}],"property":"company.role"}' },
    { "a rollup", rollup({ rollup = "sum", of = "score:web" }),
        '{"of":{"part":"value","score":"web"},"over":{"related":"contacts"},"rollup":"sum"}' },
    { "a rollup in full", rollup({ rollup = "avg", of = "score:quality.engagement", top = 3, weight = -0.5,
        name = "n", description = "d", enabled = false, limit = { max = 50 },
        over = { relation = "contacts", labelled = "Buyer", where = { ["score:web"] = { at_least = 1.5 } } } }, "deal"),
        '{"description":"d","enabled":false,"limit":{"max":50},"name":"n",'
        .. '"of":{"part":"engagement","score":"quality"},"over":{"labelled":"Buyer","related":"contacts",'
        .. '"where":{"is":{"tests":[["at_least",1.5]]},"part":"value","score":"web"}},"rollup":"avg","top":3,'
        .. '"weight":-0.5}' },
    { "a rollup of a column", rollup({ rollup = "max", of = "amount", over = { relation = "deals" } }),
        '{"of":{"property":"deal.amount"},"over":{"related":"deals"},"rollup":"max"}' },
    { "a rollup of a column with an odd name", rollup({ rollup = "max", of = "property:score:x" }),
        '{"of":{"property":"contact.score:x"},"over":{"related":"contacts"},"rollup":"max"}' },
    { "a count", rollup({ rollup = "count", weight = 2 }),
        '{"over":{"related":"contacts"},"rollup":"count","weight":2}' },
    { "a count of a score's values", rollup({ rollup = "count", of = "score:web", at_least = 1.5, at_most = 9 }),
        '{"is":{"tests":[["at_least",1.5],["at_most",9]]},"of":{"part":"value","score":"web"},'
        .. '"over":{"related":"contacts"},"rollup":"count"}' },
    { "a count of a column's values", rollup({ rollup = "count", of = "arr", between = { 1e-9, 1e20 } }),
        '{"is":{"tests":[["between",1e-9,1e20]]},"of":{"property":"contact.arr"},'
        .. '"over":{"related":"contacts"},"rollup":"count"}' },
    { "a contact's rollup", rollup({ rollup = "max", of = "employees", over = { relation = "companies" } }, "contact"),
        '{"of":{"property":"company.employees"},"over":{"related":"companies"},"rollup":"max"}' },
}

describe("the canonical form over associated records", function()
    for _, case in ipairs(FILTERS) do
        it("of filters: " .. case[1], function()
            assert.are.equal(case[4], printed_when(case[2], case[3]))
        end)
    end

    for _, case in ipairs(RULES) do
        it("of rules: " .. case[1], function()
            assert.are.equal(case[3], printed_rule(case[2]))
        end)
    end

    it("of a scope and a score inside a relation compiles in any order of the definitions", function()
        local account = with({ name = "account", scope = { contacts = { ["score:quality.label"] = "High" } } },
            of("company", { rollup = "sum", of = "score:quality" }))
        local deal = with({ name = "deal" }, when("deal", { company = { ["score:account"] = { more_than = 2 } } }))
        assert.is_truthy(text({ deal, account, QUALITY }):find('"scope":{"filter":{"is":{"tests":[["any_of","High"]]},'
            .. '"part":"label","score":"quality"},"related":"contacts"}', 1, true))
    end)
end)

describe("types over associated records", function()
    it("are settled for each owner by itself", function()
        assert.are.same({ ["contact.size"] = "text", ["company.size"] = "number", ["deal.size"] = "datetime" },
            types_of(when("contact", { size = "x", company = { size = 5 }, deals = { size = { in_last = "1 day" } } })))
    end)

    it("follow from all uses of an owner's property, in filters, over and points_by", function()
        local definition = of("company", { when = { contacts = { role = "x" } }, points = 1 },
            { event = "visit", points = 1, over = { where = { role = { all_of = { "y" } } } } },
            { property = "role", over = { relation = "contacts" }, points_by = { z = 1 } })
        assert.are.same({ ["contact.role"] = "set" }, types_of(definition))
        local bands = { property = "amount", over = { relation = "deals" }, bands = { { more_than = 5, points = 1 } } }
        assert.are.same({ ["deal.amount"] = "number" }, types_of(of("contact", bands)))
    end)

    it("of what is rolled up are numbers", function()
        assert.are.same({ ["contact.arr"] = "number" }, types_of(of("company", { rollup = "sum", of = "arr" })))
    end)

    it("are declared under their owner's name", function()
        local properties = { ["contact.role"] = "set", ["company.tags"] = "set", size = "number" }
        local definition = with({ properties = properties },
            when("company", { tags = { contains = "x" }, size = { known = true },
                contacts = { role = { contains = "y" } } }))
        assert.are.same({ ["contact.role"] = "set", ["company.tags"] = "set", ["company.size"] = "number" },
            types_of(definition))
        local twice = with({ properties = { ["company.size"] = "number", size = "number" } },
            when("company", { size = 5 }))
        assert.are.same({ "properties.size: declared twice: company.size" }, messages(twice))
    end)
end)

-- Two ways to write the same.
local SAME = {
    { "the default relation, combine and weight",
        rollup({ rollup = "sum", of = "score:web" }),
        rollup({ rollup = "sum", of = "score:web", over = { relation = "contacts" }, weight = 1 }) },
    { "the default of an event rule", event("deal", {}),
        event("deal", { over = { relation = "contacts" }, combine = "sum" }) },
    { "every that is false", when("deal", { contacts = { a = "x", every = false } }),
        when("deal", { contacts = { a = "x" } }) },
    { "at most and between", when("deal", { contacts = { count = { at_most = 2 } } }),
        when("deal", { contacts = { count = { between = { 0, 2 } } } }) },
    { "entries and all", when("deal", { contacts = { a = "x", b = "y" } }),
        when("deal", { contacts = { all = { { b = "y" }, { a = "x" } } } }) },
    { "a related property and property:", when("deal", { contacts = { a = "x" } }),
        when("deal", { contacts = { ["property:a"] = { "x" } } }) },
    { "the same relation twice", when("deal", { contacts = { a = "x" } }),
        when("deal", { all = { { contacts = { a = "x" } }, { contacts = { a = "x" } } } }) },
    { "a declared type and a proven one", rollup({ rollup = "sum", of = "arr" })[3],
        with({ properties = { ["contact.arr"] = "number" } },
            of("company", { rollup = "sum", of = "property:arr" })) },
    { "null and nothing", when("deal", { contacts = { a = "x", count = core.null, every = core.null } }),
        when("deal", { contacts = { a = "x" } }) },
}

describe("the fingerprint over associated records", function()
    for _, case in ipairs(SAME) do
        it("is the same for " .. case[1], function()
            assert.are.equal(text(case[2]), text(case[3]))
            assert.are.equal(fingerprint(case[2]), fingerprint(case[3]))
        end)
    end

    it("folds labels", function()
        local function over(label) return event("company", { over = { labelled = label } }) end
        local function beside(label) return when("company", { contacts = { labelled = label } }) end
        assert.are.equal(fingerprint(over("BOSS")), fingerprint(over("boss")))
        assert.are.equal(fingerprint(beside("BOSS")), fingerprint(beside("boss")))
    end)

    it("covers all that can change a score", function()
        local seen = {}
        for _, definition in ipairs({
            when("company", { contacts = { a = "x" } }), when("company", { primary_contacts = { a = "x" } }),
            when("company", { contacts = { a = "x", every = true } }),
            when("company", { contacts = { a = "x", count = { at_least = 1 } } }),
            when("company", { contacts = { a = "x", labelled = "y" } }), when("deal", { contacts = { a = "x" } }),
            event("company", {}), event("company", { combine = "avg" }),
            event("company", { over = { relation = "primary_contacts" } }),
            event("company", { over = { labelled = "y" } }), event("company", { over = { where = { a = "x" } } }),
            rollup({ rollup = "sum", of = "score:web" }), rollup({ rollup = "avg", of = "score:web" }),
            rollup({ rollup = "sum", of = "score:quality" }), rollup({ rollup = "sum", of = "score:quality.fit" }),
            rollup({ rollup = "sum", of = "web" }), rollup({ rollup = "sum", of = "score:web", top = 1 }),
            rollup({ rollup = "sum", of = "score:web", weight = 2 }), rollup({ rollup = "count" }),
            rollup({ rollup = "count", of = "score:web" }),
            rollup({ rollup = "count", of = "score:web", at_least = 1 }),
        }) do
            local one = fingerprint(definition)
            assert.is_nil(seen[one])
            seen[one] = true
        end
    end)

    it("of an account score covers the person score that it rolls up", function()
        local function of_account(points)
            local person = with({ name = "web" }, event("contact", { points = points }))
            local set = check.definitions({ person, of("company", { rollup = "sum", of = "score:web" }) })
            return canonical.fingerprint(set.definitions[2])
        end
        assert.are.equal(of_account(1), of_account(1))
        assert.are_not.equal(of_account(1), of_account(2))
    end)
end)

describe("a plan over associated records", function()
    it("names the fields of every object", function()
        local definition = assert(leadscore.define(when("contact", { title = "x", company = { size = 5 },
            deals = { stage = "Won" } })))
        local names = {}
        for i, field in ipairs(definition:fields()) do
            names[i] = field.object .. "." .. field.name .. " " .. field.type
        end
        assert.are.same({ "company.size number", "contact.title text", "deal.stage text" }, names)
    end)
end)
