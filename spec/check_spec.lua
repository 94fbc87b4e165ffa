-- What the checker says of wrong definitions, and what it makes of right ones.

local canonical = require("leadscore.canonical")
local check = require("leadscore.check")
local core = require("leadscore.core")
local schema = require("leadscore.schema")

-- Definitions around the part that a case is about.
local function with_rules(...)
    return { name = "s", groups = { { name = "g", rules = { ... } } } }
end

local function when(filter)
    return with_rules({ when = filter, points = 1 })
end

local function event(rule)
    rule.event = rule.event or "visit"
    return with_rules(rule)
end

local function with(changes, definition)
    definition = definition or when({ country = "SE" })
    for key, value in pairs(changes) do
        definition[key] = value
    end
    return definition
end

local function named(name, filter, changes)
    return with(changes or {}, with({ name = name }, when(filter)))
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

local function warnings(definitions)
    local _, _, found = check.definitions(definitions)
    local list = {}
    for i, problem in ipairs(found) do
        list[i] = problem.path .. " | " .. problem.message
    end
    return list
end

local function checked(definitions)
    local set, errors = check.definitions(definitions)
    if not set then error(errors[1].message, 2) end
    return set
end

local function text(definitions)
    return canonical.text(checked(definitions))
end

local function fingerprint(definitions)
    return canonical.fingerprint(checked(definitions))
end

-- The printed part of a definition with one rule that a case is about.
local function printed_rule(definition)
    return text(definition):match('"name":"g","rules":%[(.*)%]}%],"kind"')
end

local function printed_when(filter, properties)
    local definition = when(filter)
    definition.properties = properties
    return printed_rule(definition):match('^{"points":1,"when":(.*)}$')
end

local function nested(depth) -- tables in tables, with the definition `depth` of them
    local filter = { country = "SE" }
    for _ = 1, (depth - 6) / 2 do
        filter = { all = { filter } }
    end
    return when(filter)
end

local EXAMPLE = {
    name = "contact_quality", label = "Contact quality", object = "contact",
    properties = { region = "set" },
    scope = { not_in_list = "competitors" },
    limit = { min = -100, max = 100 },
    groups = {
        { name = "Engagement with sales", limit = 60, decay = { percent = 50, every = "1 month" },
            rules = {
                { event = "call_started", points = 15 },
                { event = "meeting_booked", points = 10 },
                { event = "page_viewed", where = { url = { contains = "/pricing" } }, within = "30 days",
                    times = { at_least = 3 }, points = 8, decay = false },
            } },
        { name = "Company fit", limit = 40,
            rules = {
                { when = { industry = "Hospitality", employees = { between = { 50, 500 } } }, points = 20 },
                { when = { country = { "SE", "DK" } }, points = 5 },
                { property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } },
                { when = { email = { ends_with = { "@gmail.com", "@hotmail.com" } } }, points = -10 },
            } },
    },
    thresholds = { fit = { high = 30, medium = 15 }, engagement = { high = 40, medium = 20 } },
    tests = { { given = { country = "SE", events = { { "call_started", "10 days ago" } } }, at = "2025-06-01",
        expect = { value = 20, fit = 5, engagement = 15, label = "C3" } } },
}

local WORKLOAD = {
    name = "w1", label = "Standard workload", object = "contact",
    limit = { min = -100, max = 100 },
    groups = {
        { name = "Fit", limit = 50, rules = {
            { when = { industry = { any_of = { "Software", "Finance", "Healthcare", "Insurance", "Telecom" } } },
                points = 10 },
            { property = "industry", points_by = { Software = 8, Finance = 6, Retail = 3 } },
            { when = { country = { any_of = { "US", "GB", "DE", "FR", "DK", "NO", "SE", "NL", "CA", "AU" } } },
                points = 8 },
            { when = { country = { any_of = { "KR", "CN", "NG", "EG", "VN" } } }, points = -10 },
            { property = "employees",
                bands = { { at_least = 200, points = 10 }, { between = { 20, 199 }, points = 5 } } },
            { when = { created_at = { in_last = "90 days" } }, points = 3 },
            { when = { job_title = { contains = { "Chief", "VP", "Director", "Head" } } }, points = 12 },
            { when = { job_title = { starts_with = "Intern" } }, points = -20 },
        } },
        { name = "Engagement with sales", limit = 60, rules = {
            { event = "form_submission", where = { prop = { contains = "demo" } }, points = 15,
                decay = { percent = 25, every = "3 months" } },
            { event = "meeting_booked", points = 10, decay = { percent = 50, every = "1 month" } },
            { event = "meeting_completed", points = 20, decay = { percent = 100, every = "3 months" } },
            { event = "call_started", points = 5, decay = { percent = 25, every = "3 months" } },
            { event = "page_view", where = { prop = { starts_with = "pricing/" } }, within = "30 days",
                times = { at_least = 3 }, points = 10 },
            { event = "unsubscribe", points = -15 },
        } },
        { name = "Engagement with marketing", limit = 40, rules = {
            { event = "cta_click", points = 6, decay = { percent = 50, every = "1 month" } },
            { event = "email_open", within = "90 days", times = { at_least = 5 }, points = 4 },
            { event = "email_click", within = "60 days", times = { between = { 2, 10 } }, points = 5 },
            { event = "form_submission", where = { prop = { contains = { "contact-us", "newsletter" } } }, points = 5,
                decay = { percent = 100, every = "3 months" } },
            { event = "webinar_attended", where = { prop = { contains = "analytics" } }, points = 8 },
            { event = "page_view", within = "365 days", times = { at_least = 20 }, points = 3 },
        } },
    },
    thresholds = { fit = { high = 25, medium = 10 }, engagement = { high = 50, medium = 20 } },
}

local EXAMPLE_TEXT = '{"definitions":[{"groups":[{"kind":"engagement","limit":{"max":60,"min":-60},'
    .. '"name":"Engagement with sales","rules":[{"decay":{"curve":"step","every":2592000,"percent":50},'
    .. '"event":["call_started"],"points":15},{"decay":{"curve":"step","every":2592000,"percent":50},'
    .. '"event":["meeting_booked"],"points":10},{"event":["page_viewed"],"times":[{"min":3,"points":8}],'
    .. '"where":{"is":{"tests":[["contains","/pricing"]]},"property":"event.url"},'
    .. '"within":{"last":2592000}}]},{"kind":"fit","limit":{"max":40,"min":-40},"name":"Company fit",'
    .. '"rules":[{"points":20,"when":{"all":[{"is":{"tests":[["any_of","Hospitality"]]},'
    .. '"property":"contact.industry"},{"is":{"tests":[["between",50,500]]},'
    .. '"property":"contact.employees"}]}},{"points":5,"when":{"is":{"tests":[["any_of","DK","SE"]]},'
    .. '"property":"contact.country"}},{"points_by":[{"points":10,"value":"Midwest"},{"points":15,'
    .. '"value":"Northeast"},{"points":8,"value":"Southeast"}],"property":"contact.region"},{"points":-10,'
    .. '"when":{"is":{"tests":[["ends_with","@gmail.com","@hotmail.com"]]},"property":"contact.email"}}]}],'
    .. '"kind":"combined","label":"Contact quality","limit":{"max":100,"min":-100},"name":"contact_quality",'
    .. '"object":"contact","properties":{"contact.country":"text","contact.email":"text",'
    .. '"contact.employees":"number","contact.industry":"text","contact.region":"set","event.url":"text"},'
    .. '"scope":{"list":["competitors"],"member":false},"thresholds":{"engagement":[{"at_least":40,'
    .. '"label":"1"},{"at_least":20,"label":"2"},{"label":"3"}],"fit":[{"at_least":30,"label":"A"},'
    .. '{"at_least":15,"label":"B"},{"label":"C"}],"separator":""}}],"language":1}'

local WORKLOAD_TEXT = '{"definitions":[{"groups":[{"kind":"fit","limit":{"max":50,"min":-50},"name":"Fit",'
    .. '"rules":[{"points":10,"when":{"is":{"tests":[["any_of","Finance","Healthcare","Insurance",'
    .. '"Software","Telecom"]]},"property":"contact.industry"}},{"points_by":[{"points":6,'
    .. '"value":"Finance"},{"points":3,"value":"Retail"},{"points":8,"value":"Software"}],'
    .. '"property":"contact.industry"},{"points":8,"when":{"is":{"tests":[["any_of","AU","CA","DE","DK",'
    .. '"FR","GB","NL","NO","SE","US"]]},"property":"contact.country"}},{"points":-10,'
    .. '"when":{"is":{"tests":[["any_of","CN","EG","KR","NG","VN"]]},"property":"contact.country"}},'
    .. '{"bands":[{"if":{"tests":[["at_least",200]]},"points":10},{"if":{"tests":[["between",20,199]]},'
    .. '"points":5}],"property":"contact.employees"},{"points":3,"when":{"is":{"tests":[["in_last",'
    .. '7776000]]},"property":"contact.created_at"}},{"points":12,"when":{"is":{"tests":[["contains",'
    .. '"Chief","Director","Head","VP"]]},"property":"contact.job_title"}},{"points":-20,'
    .. '"when":{"is":{"tests":[["starts_with","Intern"]]},"property":"contact.job_title"}}]},'
    .. '{"kind":"engagement","limit":{"max":60,"min":-60},"name":"Engagement with sales",'
    .. '"rules":[{"decay":{"curve":"step","every":7776000,"percent":25},"event":["form_submission"],'
    .. '"points":15,"where":{"is":{"tests":[["contains","demo"]]},"property":"event.prop"}},'
    .. '{"decay":{"curve":"step","every":2592000,"percent":50},"event":["meeting_booked"],"points":10},'
    .. '{"decay":{"curve":"step","every":7776000,"percent":100},"event":["meeting_completed"],"points":20},'
    .. '{"decay":{"curve":"step","every":7776000,"percent":25},"event":["call_started"],"points":5},'
    .. '{"event":["page_view"],"times":[{"min":3,"points":10}],"where":{"is":{"tests":[["starts_with",'
    .. '"pricing/"]]},"property":"event.prop"},"within":{"last":2592000}},{"event":["unsubscribe"],'
    .. '"points":-15}]},{"kind":"engagement","limit":{"max":40,"min":-40},'
    .. '"name":"Engagement with marketing","rules":[{"decay":{"curve":"step","every":2592000,"percent":50},'
    .. '"event":["cta_click"],"points":6},{"event":["email_open"],"times":[{"min":5,"points":4}],'
    .. '"within":{"last":7776000}},{"event":["email_click"],"times":[{"max":10,"min":2,"points":5}],'
    .. '"within":{"last":5184000}},{"decay":{"curve":"step","every":7776000,"percent":100},'
    .. '"event":["form_submission"],"points":5,"where":{"is":{"tests":[["contains","contact-us",'
    .. '"newsletter"]]},"property":"event.prop"}},{"event":["webinar_attended"],"points":8,'
    .. '"where":{"is":{"tests":[["contains","analytics"]]},"property":"event.prop"}},{"event":["page_view"],'
    .. '"times":[{"min":20,"points":3}],"within":{"last":31536000}}]}],"kind":"combined",'
    .. '"label":"Standard workload","limit":{"max":100,"min":-100},"name":"w1","object":"contact",'
    .. '"properties":{"contact.country":"text","contact.created_at":"datetime","contact.employees":"number",'
    .. '"contact.industry":"text","contact.job_title":"text","event.prop":"text"},'
    .. '"thresholds":{"engagement":[{"at_least":50,"label":"1"},{"at_least":20,"label":"2"},{"label":"3"}],'
    .. '"fit":[{"at_least":25,"label":"A"},{"at_least":10,"label":"B"},{"label":"C"}],"separator":""}}],'
    .. '"language":1}'

-- What is wrong with it, the definition, what the checker says.
local WRONG = {
    { "no table",
        "x", {
            'expected a definition: a table with name and groups, got "x"',
        } },
    { "no groups",
        { name = "s" }, {
            "groups: expected a list of groups, got nothing",
        } },
    { "an unknown key of a definition",
        with({ scop = { a = "x" } }), {
            'scop: expected a key of a definition, got "scop", nearest "scope"',
        } },
    { "a name in capitals",
        with({ name = "Quality" }), {
            'name: expected a name of a-z, 0-9 and _ that starts with a letter, at most 63, got "Quality"',
        } },
    { "a newer language",
        with({ language = 2 }), {
            "language: expected language 1, got 2; this is leadscore 0.1.0, a newer one may read it",
        } },
    { "a kind that its groups do not make",
        with({ kind = "combined" }), {
            'kind: expected "fit", the kind of its groups, got "combined"',
        } },
    { "no such kind",
        with({ kind = "engagment" }), {
            'kind: expected "engagement", "fit" or "combined", got "engagment", nearest "engagement"',
        } },
    { "an unknown object",
        with({ object = "lead" }), {
            'object: expected "contact", "company" or "deal", got "lead"',
        } },
    { "an empty scope",
        with({ scope = {} }), {
            'scope: expected a filter, such as { country = "SE" }, got an empty table',
        } },
    { "min above max",
        with({ limit = { min = 5, max = -5 } }), {
            "limit: expected min at most max, got min 5 and max -5",
        } },
    { "a limit that is a number, on a definition",
        with({ limit = 100 }), {
            "limit: expected a limit { min =, max =, fit =, engagement = }, got 100",
        } },
    { "a limit of a category that the score does not have",
        with({ limit = { engagement = { max = 5 } } }), {
            "limit.engagement: the score has no engagement groups",
        } },
    { "an empty limit",
        with({ limit = {} }), {
            "limit: expected a limit { min =, max =, fit =, engagement = }, got an empty table",
        } },
    { "no such type",
        with({ properties = { country = "txt" } }), {
            'properties.country: expected "text", "number", "boolean", "datetime" or "set", got '
                .. '"txt", nearest "text"',
        } },
    { "the same property declared twice",
        with({ properties = { country = "text", ["contact.country"] = "text" } }), {
            "properties.country: declared twice: contact.country",
        } },
    { "another type for an event's time",
        with({ properties = { ["event.at"] = "text" } }), {
            'properties["event.at"]: expected "datetime", the type of event.at, got "text"',
        } },
    { "empty_until_scored that is no boolean",
        with({ empty_until_scored = "yes" }), {
            'empty_until_scored: expected true or false, got "yes"',
        } },
    { "tests that expect nothing known",
        with({ tests = { { given = {}, at = "soon", expect = { vlue = 1 } }, { at = 0 } } }), {
            'tests[1].at: expected a time, got "soon"',
            "tests[1].expect.vlue: expected a result (value, fit, engagement, label, scored, "
                .. 'in_scope, next_change_at), got "vlue", nearest "value"',
            "tests[2].expect: expected a table of results, such as { value = 20 }, got nothing",
            "tests[2].given: expected a record: a table of its properties, got nothing",
        } },
    { "no rules in a group",
        with({ groups = { { name = "g", rules = {} } } }), {
            "groups[1].rules: expected a list of rules, got an empty table",
        } },
    { "a group without a name",
        with({ groups = { { rules = { { event = "visit", points = 1 } } } } }), {
            "groups[1].name: expected a text, got nothing",
        } },
    { "a group with mixed rules and no kind",
        with_rules({ event = "visit", points = 1 }, { when = { a = "x" }, points = 1 }), {
            'groups[1].kind: expected "engagement" or "fit", got nothing; its rules are event rules and others',
        } },
    { "decay on a group without event rules",
        with({ groups = { { name = "g", decay = { half_life = "1 day" },
            rules = { { when = { a = "x" }, points = 1 } } } } }), {
            "groups[1].decay: decay works on event rules, and this group has none",
        } },
    { "groups that are no list",
        with({ groups = { name = "g", rules = {} } }), {
            "groups: expected a list of groups, got a table",
        } },
    { "several errors at once, in the order of their paths",
        { name = "s", limit = { max = "ten" }, groups = { { name = "", rules = { { when = { a = "" },
            points = "ten" }, { whn = {}, points = 1 } }, limt = 5 } } }, {
            'groups[1].limt: expected a key of a group, got "limt", nearest "limit"',
            'groups[1].name: expected a text, got ""',
            'groups[1].rules[1].points: expected a number with at most 6 decimals, got "ten"',
            'groups[1].rules[1].when.a: expected a text that is not empty, got ""',
            'groups[1].rules[2]: expected a rule with one of when, event, property, rollup, got none, nearest "when"',
            'limit.max: expected a number with at most 6 decimals, got "ten"',
        } },
    { "a rule of no kind",
        with_rules({ points = 1 }), {
            "groups[1].rules[1]: expected a rule with one of when, event, property, rollup, got none",
        } },
    { "a rule of a misspelt kind",
        with_rules({ evnt = "visit", points = 1 }), {
            'groups[1].rules[1]: expected a rule with one of when, event, property, rollup, got none, nearest "event"',
        } },
    { "a rule of two kinds",
        with_rules({ when = { a = "x" }, event = "visit", points = 1 }), {
            "groups[1].rules[1]: expected a rule with one of when, event, property, rollup, got several",
        } },
    { "an unknown key of a rule",
        with_rules({ when = { a = "x" }, point = 1, points = 1 }), {
            'groups[1].rules[1].point: expected a key of a rule with `when`, got "point", nearest "points"',
        } },
    { "a key of another kind of rule",
        with_rules({ when = { a = "x" }, points = 1, decay = false }), {
            'groups[1].rules[1].decay: expected a key of a rule with `when`, got "decay"',
        } },
    { "points that are a text",
        with_rules({ when = { a = "x" }, points = "ten" }), {
            'groups[1].rules[1].points: expected a number with at most 6 decimals, got "ten"',
        } },
    { "points with 7 decimals",
        with_rules({ when = { a = "x" }, points = 1.1234567 }), {
            "groups[1].rules[1].points: expected a number with at most 6 decimals, got 1.1234567",
        } },
    { "points that are not finite",
        with_rules({ when = { a = "x" }, points = 0 / 0 }), {
            "groups[1].rules[1].points: expected a finite number, got a number that is not finite",
        } },
    { "a number that is not finite, beside which other errors are seen",
        with_rules({ when = { a = 1 / 0, b = { any_of = { 1, 0 / 0, -1 / 0 } } }, point = 5 },
            { event = "e", points = 1 / 0, times = { at_least = 1 / 0 }, within = 0 / 0, limit = -1 / 0,
              decay = { percent = 0 / 0, every = "1 day" } }), {
            'groups[1].kind: expected "engagement" or "fit", got nothing; its rules are event rules and others',
            'groups[1].rules[1].point: expected a key of a rule with `when`, got "point", nearest "points"',
            "groups[1].rules[1].points: expected a number with at most 6 decimals, got nothing",
            "groups[1].rules[1].when.a: expected a finite number, got a number that is not finite",
            "groups[1].rules[1].when.b.any_of[2]: expected a finite number, got a number that is not finite",
            "groups[1].rules[1].when.b.any_of[3]: expected a finite number, got a number that is not finite",
            "groups[1].rules[2].decay.percent: expected a finite number, got a number that is not finite",
            "groups[1].rules[2].limit: expected a finite number, got a number that is not finite",
            "groups[1].rules[2].points: expected a finite number, got a number that is not finite",
            "groups[1].rules[2].times.at_least: expected a finite number, got a number that is not finite",
            "groups[1].rules[2].within: expected a finite number, got a number that is not finite",
        } },
    { "points out of range",
        with_rules({ when = { a = "x" }, points = 1000001 }), {
            "groups[1].rules[1].points: expected a number from -1000000 to 1000000, got 1000001",
        } },
    { "no points",
        with_rules({ when = { a = "x" } }, { event = "visit" }), {
            'groups[1].kind: expected "engagement" or "fit", got nothing; its rules are event rules and others',
            "groups[1].rules[1].points: expected a number with at most 6 decimals, got nothing",
            "groups[1].rules[2].points: expected a number with at most 6 decimals, got nothing",
        } },
    { "a negative limit",
        event({ points = 1, limit = -5 }), {
            "groups[1].rules[1].limit: expected a number from 0, or { min =, max = }, got -5",
        } },
    { "an empty filter",
        when({}), {
            'groups[1].rules[1].when: expected a filter, such as { country = "SE" }, got an empty table',
        } },
    { "a filter of nulls",
        when({ a = core.null }), {
            'groups[1].rules[1].when: expected a filter, such as { country = "SE" }, got a table',
        } },
    { "a list as a filter",
        when({ "SE" }), {
            'groups[1].rules[1].when: expected a filter, such as { country = "SE" }, got a list',
        } },
    { "a condition that is an empty text",
        when({ a = " " }), {
            'groups[1].rules[1].when.a: expected a text that is not empty, got " "',
        } },
    { "a condition that is an empty table",
        when({ a = {} }), {
            "groups[1].rules[1].when.a: expected a condition with an operator, got an empty table",
        } },
    { "an unknown operator",
        when({ a = { contain = "x" } }), {
            "groups[1].rules[1].when.a.contain: expected an operator of text (known, missing, is, "
                .. "is_not, any_of, none_of, contains, not_contains, starts_with, ends_with), got "
                .. '"contain", nearest "contains"',
        } },
    { "an operator of another type",
        when({ a = { at_least = 5 }, b = { in_last = "1 day", contains = "x" } }), {
            "groups[1].rules[1].when.b.contains: expected an operator of datetime (known, "
                .. "missing, is, is_not, before, after, between, not_between, in_last, more_than_ago, "
                .. 'in_next, more_than_ahead), got "contains"; contact.b is read as datetime: declare '
                .. "its type in properties",
        } },
    { "missing alone",
        when({ a = { missing = true } }), {
            "groups[1].rules[1].when.a: expected a condition with an operator beside missing, got a table",
        } },
    { "a list where is wants one",
        when({ a = { is = { "x", "y" } } }), {
            "groups[1].rules[1].when.a.is: expected a text, got a list",
        } },
    { "one text where a list is wanted",
        when({ a = { any_of = "x" } }), {
            "groups[1].rules[1].when.a.any_of: expected a list, such as { A, B }, of which each "
                .. 'is a text, got "x"',
        } },
    { "an empty list",
        when({ a = { any_of = {} } }), {
            "groups[1].rules[1].when.a.any_of: expected a list, such as { A, B }, of which each "
                .. "is a text, got an empty table",
        } },
    { "a list with other keys",
        when({ a = { any_of = { "x", y = "z" } } }), {
            "groups[1].rules[1].when.a.any_of: expected a list, such as { A, B }, of which each "
                .. "is a text, got a list",
        } },
    { "a pair of three",
        when({ a = { between = { 1, 2, 3 } } }), {
            "groups[1].rules[1].when.a.between: expected two values { LOW, HIGH }, of which each "
                .. "is a number, got a list",
        } },
    { "a pair upside down",
        when({ a = { between = { 5, 1 } }, b = { between = { "2025-02-01", "2025-01-01" } } }), {
            "groups[1].rules[1].when.a.between: expected two values { LOW, HIGH }, of which each "
                .. "is a number, got { 5, 1 }; put the lower one first",
            "groups[1].rules[1].when.b.between: expected two values { LOW, HIGH }, of which each "
                .. 'is a date such as "2025-01-31" or a number of seconds, got { "2025-02-01", '
                .. '"2025-01-01" }; put the lower one first',
        } },
    { "literals of two types",
        when({ a = { "x", 5 } }), {
            'groups[1].rules[1].when.a[1]: expected a number, got "x"; contact.a is read as '
                .. "number: declare its type in properties",
        } },
    { "literals of two types in two rules",
        with_rules({ when = { a = 5 }, points = 1 }, { when = { a = "x" }, points = 1 }), {
            'groups[1].rules[2].when.a: expected a number, got "x"; contact.a is read as number: '
                .. "declare its type in properties",
        } },
    { "a number and a date",
        when({ a = { is = 5, before = "2025-01-01" } }), {
            "groups[1].rules[1].when.a.before: expected an operator of number (known, missing, "
                .. "is, is_not, any_of, none_of, more_than, at_least, less_than, at_most, between, "
                .. 'not_between), got "before"; contact.a is read as number: declare its type in properties',
        } },
    { "a set and contains, undeclared",
        when({ a = { all_of = { "x" }, contains = "y" } }), {
            "groups[1].rules[1].when.a.contains: expected an operator that shows a set (any_of, "
                .. 'all_of, none_of, exactly), got "contains"; contact.a is read as set: declare its '
                .. "type in properties",
        } },
    { "a number for a declared text",
        with({ properties = { a = "text" } }, when({ a = 5 })), {
            "groups[1].rules[1].when.a: expected a text, got 5",
        } },
    { "a text for a declared number",
        with({ properties = { a = "number" } }, when({ a = "5" })), {
            'groups[1].rules[1].when.a: expected a number, got "5"',
        } },
    { "a boolean among other values",
        when({ a = { any_of = { true, false } } }), {
            "groups[1].rules[1].when.a.any_of: expected an operator of boolean (known, missing, "
                .. 'is, is_not), got "any_of"; contact.a is read as boolean: declare its type in properties',
        } },
    { "is_not of a set",
        with({ properties = { a = "set" } }, when({ a = { is_not = "x" } })), {
            "groups[1].rules[1].when.a.is_not: expected an operator of set (known, missing, "
                .. "any_of, all_of, none_of, exactly, is, contains, not_contains, starts_with, "
                .. 'ends_with), got "is_not"',
        } },
    { "a day that does not exist",
        when({ a = { before = "2025-02-30" } }), {
            'groups[1].rules[1].when.a.before: expected a date such as "2025-01-31" or a number '
                .. 'of seconds, got "2025-02-30"',
        } },
    { "a date that is none",
        when({ a = { before = "31/01/2025" } }), {
            'groups[1].rules[1].when.a.before: expected a date such as "2025-01-31" or a number '
                .. 'of seconds, got "31/01/2025"',
        } },
    { "an unknown unit",
        when({ a = { in_last = "30 dyas" } }), {
            'groups[1].rules[1].when.a.in_last: expected a span such as "30 days", got "30 dyas", '
                .. 'nearest "days"',
        } },
    { "spans that are none",
        when({ a = { in_last = "30" }, b = { in_last = 30 }, c = { in_last = "0 days" },
            d = { in_last = "1.5 days" } }), {
            'groups[1].rules[1].when.a.in_last: expected a span such as "30 days", got "30"',
            'groups[1].rules[1].when.b.in_last: expected a span such as "30 days", got 30',
            'groups[1].rules[1].when.c.in_last: expected a span such as "30 days", got "0 days"',
            'groups[1].rules[1].when.d.in_last: expected a span such as "30 days", got "1.5 days"',
        } },
    { "two spellings of a property",
        when({ a = "x", ["property:a"] = "y" }), {
            'groups[1].rules[1].when["property:a"]: the same property as "a": write its conditions in one table',
        } },
    { "any that is no list",
        when({ any = { a = "x" } }), {
            "groups[1].rules[1].when.any: expected a list of filters, got a table",
        } },
    { "a scalar under a relation's name",
        when({ company = "Acme" }), {
            "groups[1].rules[1].when.company: expected a filter on the associated records, since "
                .. 'company is a relation, got "Acme"; for a column of that name write ["property:company"]',
        } },
    { "operators under a relation's name",
        when({ deals = { at_least = 5 } }), {
            "groups[1].rules[1].when.deals: expected a filter on the associated records, since "
                .. 'deals is a relation, got a table; for a column of that name write ["property:deals"]',
        } },
    { "a list without a name",
        when({ in_list = "", not_in_list = {} }), {
            'groups[1].rules[1].when.in_list: expected the name of a list, got ""',
            "groups[1].rules[1].when.not_in_list: expected the name of a list, or a list of "
                .. "names, got an empty table",
        } },
    { "did with a list",
        when({ did = { "a", "b" } }), {
            "groups[1].rules[1].when.did: expected an event's name or { event =, where =, within "
                .. "=, times = }, got a list",
        } },
    { "did with a typo",
        when({ did = { event = "visit", wher = { a = "x" }, times = { atleast = 1 } } }), {
            "groups[1].rules[1].when.did.times: expected one of exactly, at_least, at_most, between, got none",
            'groups[1].rules[1].when.did.times.atleast: expected a key of `times`, got "atleast", '
                .. 'nearest "at_least"',
            'groups[1].rules[1].when.did.wher: expected a key of `did`, got "wher", nearest "where"',
        } },
    { "did with points",
        when({ did_not = { event = "visit", times = { { at_least = 1, points = 1 } } } }), {
            "groups[1].rules[1].when.did_not.times: expected times, such as { at_least = 3 }, got a list",
        } },
    { "an empty where",
        event({ points = 1, where = {} }), {
            'groups[1].rules[1].where: expected a filter, such as { country = "SE" }, got an empty table',
        } },
    { "an event without a name",
        event({ event = "", points = 1 }), {
            'groups[1].rules[1].event: expected the name of an event, got ""',
        } },
    { "an event given twice",
        event({ event = { "visit", "visit " }, points = 1 }), {
            'groups[1].rules[1].event[2]: given twice: "visit"',
        } },
    { "a typo inside of within",
        event({ points = 1, within = { lst = "1 day" } }), {
            'groups[1].rules[1].within.lst: expected a key of `within`, got "lst", nearest "last"',
        } },
    { "a window that no time fits",
        event({ points = 1, within = { after = "2025-02-01", before = "2025-01-01" } }), {
            "groups[1].rules[1].within: no time is within all of these dates",
        } },
    { "times with two bounds",
        event({ points = 1, times = { at_least = 1, at_most = 3 } }), {
            "groups[1].rules[1].times: expected one of exactly, at_least, at_most, between, got several",
        } },
    { "times that are no whole numbers",
        event({ points = 1, times = { at_least = 1.5 } }), {
            "groups[1].rules[1].times.at_least: expected a whole number from 1, got 1.5",
        } },
    { "times between upside down",
        event({ points = 1, times = { between = { 5, 2 } } }), {
            "groups[1].rules[1].times.between: expected two whole numbers { LOW, HIGH }, got { 5, "
                .. "2 }; put the lower one first",
        } },
    { "bands of times without points",
        event({ times = { { at_least = 5 }, { at_least = 3, points = 1 } } }), {
            "groups[1].rules[1].times[1].points: expected a number with at most 6 decimals, got nothing",
        } },
    { "points beside bands of times",
        event({ points = 1, times = { { at_least = 5, points = 1 } } }), {
            "groups[1].rules[1].points: not beside bands of times, which have their own",
        } },
    { "latest beside times",
        event({ points = 1, latest = 2, times = { at_least = 1 } }), {
            "groups[1].rules[1].latest: not beside times",
        } },
    { "points_by beside times",
        event({ property = "form", points_by = { a = 1 }, times = { at_least = 1 } }), {
            "groups[1].rules[1].points_by: not beside times",
            "groups[1].rules[1].property: not beside times",
        } },
    { "points beside points_by",
        event({ points = 1, property = "form", points_by = { a = 1 } }), {
            "groups[1].rules[1].points: not beside property",
        } },
    { "points_by without property",
        event({ points_by = { a = 1 } }), {
            "groups[1].rules[1].property: expected the name of a property, got nothing; points_by needs it",
        } },
    { "property without points_by or bands",
        with_rules({ property = "a", otherwise = 1 }), {
            "groups[1].rules[1]: expected points_by or bands beside property, got neither",
        } },
    { "points_by and bands",
        with_rules({ property = "a", points_by = { x = 1 }, bands = { { is = "x", points = 1 } } }), {
            "groups[1].rules[1].bands: not beside points_by",
        } },
    { "no points_by",
        with_rules({ property = "a", points_by = {} }), {
            "groups[1].rules[1].points_by: expected a table of VALUE = POINTS, got an empty table",
        } },
    { "values that are equal after folding",
        with_rules({ property = "a", points_by = { Strasse = 1, ["STRAßE"] = 2 } }), {
            'groups[1].rules[1].points_by.Strasse: the same value as "STRAßE"',
        } },
    { "values of two types",
        with_rules({ property = "a", points_by = { x = 1, [5] = 2 } }), {
            'groups[1].rules[1].points_by.x: expected a number, got "x"; contact.a is read as '
                .. "number: declare its type in properties",
        } },
    { "a band without points or condition",
        with_rules({ property = "a", bands = { { at_least = 5 }, { points = 1 } } }), {
            "groups[1].rules[1].bands[1].points: expected a number with at most 6 decimals, got nothing",
            "groups[1].rules[1].bands[2]: expected a condition with an operator, got a table",
        } },
    { "a typo in once_per",
        event({ points = 1, once_per = "dya" }), {
            'groups[1].rules[1].once_per: expected "day" or { property = NAME }, got "dya", nearest "day"',
        } },
    { "once_per without a property",
        event({ points = 1, once_per = { property = "" } }), {
            'groups[1].rules[1].once_per.property: expected the name of a property, got ""',
        } },
    { "decay of nothing",
        event({ points = 1, decay = { percent = 0, every = "1 month" } }), {
            "groups[1].rules[1].decay.percent: expected a number above 0, at most 100, got 0",
        } },
    { "decay without every",
        event({ points = 1, decay = { percent = 50 } }), {
            'groups[1].rules[1].decay.every: expected a span such as "30 days", got nothing',
        } },
    { "two kinds of decay",
        event({ points = 1, decay = { percent = 50, half_life = "1 day" } }), {
            "groups[1].rules[1].decay.percent: not beside half_life",
        } },
    { "an unknown curve",
        event({ points = 1, decay = { percent = 50, every = "1 day", curve = "linaer" } }), {
            'groups[1].rules[1].decay.curve: expected "linear", got "linaer", nearest "linear"',
        } },
    { "decay that is true",
        event({ points = 1, decay = true }), {
            'groups[1].rules[1].decay: expected a decay such as { percent = 50, every = "1 month" }, got true',
        } },
    { "thresholds in the wrong order",
        with({ thresholds = { high = 40, medium = 70 } }), {
            "thresholds.medium: expected a number below high, 40, got 70",
        } },
    { "thresholds without medium",
        with({ thresholds = { high = 40 } }), {
            "thresholds.medium: expected a number with at most 6 decimals, got nothing",
        } },
    { "bands that do not descend",
        with({ thresholds = { { label = "A", at_least = 5 }, { label = "B", at_least = 5 }, { label = "C" } } }), {
            "thresholds[2].at_least: expected a number below 5, the band above, got 5",
        } },
    { "a last band with a bound",
        with({ thresholds = { { label = "A", at_least = 5 }, { label = "B", at_least = 2 } } }), {
            "thresholds[2].at_least: the last band has no bound",
        } },
    { "an inner band without a bound",
        with({ thresholds = { { label = "A" }, { label = "B" } } }), {
            "thresholds[1].at_least: expected a number with at most 6 decimals, got nothing; only "
                .. "the last band has no bound",
        } },
    { "labels that are equal",
        with({ thresholds = { { label = "Hot", at_least = 5 }, { label = "hot", at_least = 2 }, { label = "" } } }), {
            'thresholds[2].label: expected a label that no other band has, got "hot"',
            'thresholds[3].label: expected a label, got ""',
        } },
    { "letters and digits for a score that is not combined",
        with({ thresholds = { fit = { high = 2, medium = 1 }, engagement = { high = 2, medium = 1 } } }), {
            "thresholds: expected thresholds of one value, since the score is not combined, got a table",
        } },
    { "thresholds of one category",
        with({ thresholds = { fit = { high = 2, medium = 1 } } }), {
            "thresholds.engagement: expected thresholds, such as { high = 70, medium = 40 }, got nothing",
        } },
    { "a score that uses itself",
        when({ ["score:s"] = 1 }), {
            'groups[1].rules[1].when["score:s"]: cycle: s -> s',
        } },
    { "scores in a circle",
        { named("a", { ["score:b"] = 1 }), named("b", { ["score:c"] = 1 }), named("c", { ["score:a"] = 1 }) }, {
            'groups[1].rules[1].when["score:a"]: cycle: a -> b -> c -> a',
        } },
    { "an unknown score",
        { named("quality", { country = "SE" }), named("b", { ["score:qualty"] = 1 }) }, {
            'groups[1].rules[1].when["score:qualty"]: expected the name of a score of this run, '
                .. 'got "qualty", nearest "quality"',
        } },
    { "an unknown part of a score",
        { named("a", { country = "SE" }), named("b", { ["score:a.lable"] = "x" }) }, {
            'groups[1].rules[1].when["score:a.lable"]: expected a part of a score (fit, '
                .. 'engagement, label), got "lable", nearest "label"',
        } },
    { "parts that a score does not have",
        { named("a", { country = "SE" }), named("b", { ["score:a.fit"] = 1, ["score:a.label"] = "x" }) }, {
            'groups[1].rules[1].when["score:a.fit"]: score a has no part fit, since it is not '
                .. "combined: its value is all fit",
            'groups[1].rules[1].when["score:a.label"]: score a has no label, since it has no thresholds',
        } },
    { "a text for a score",
        { named("a", { country = "SE" }), named("b", { ["score:a"] = "high",
            all = { { ["score:a"] = 1.2345678 } } }) }, {
            'groups[1].rules[1].when.all[1]["score:a"]: expected a number with at most 6 '
                .. "decimals, got 1.2345678",
            'groups[1].rules[1].when["score:a"]: expected a number with at most 6 decimals, got "high"',
        } },
    { "a number for a label",
        { named("a", { country = "SE" }, { thresholds = { high = 2, medium = 1 } }), named("b",
            { ["score:a.label"] = 1 }) }, {
            'groups[1].rules[1].when["score:a.label"]: expected a text, got 1',
        } },
    { "two scores of one name",
        { named("a", { country = "SE" }), named("a", { country = "DK" }) }, {
            "name: output column a is taken by score a",
        } },
    { "columns that collide",
        { named("a", { country = "SE" }, { thresholds = { high = 2, medium = 1 } }), named("a_label",
            { country = "DK" }), named("id", { country = "DK" }) }, {
            "name: output column a_label is taken by score a",
            "name: output column id is taken by the record's id",
        } },
    { "a list with other keys than places",
        { named("a", { country = "SE" }), extra = 1 }, {
            'expected a definition or a list of definitions, got a list with the key "extra"',
        } },
}

describe("a wrong definition", function()
    for _, case in ipairs(WRONG) do
        it("is refused: " .. case[1], function()
            assert.are.same(case[3], messages(case[2]))
        end)
    end

    it("tells path, expected, got and the nearest name as fields, with the definition's name", function()
        local _, errors = check.definitions({ name = "web", groups = { { name = "g", rules = {
            { when = { country = { contain = "S" } }, points = 1 } } } } })
        assert.are.equal(1, #errors)
        local one = errors[1]
        assert.are.equal("web", one.definition)
        assert.are.equal("groups[1].rules[1].when.country.contain", one.path)
        assert.are.equal('"contain"', one.got)
        assert.are.equal("contains", one.nearest)
        assert.is_truthy(one.expected:find("^an operator of text"))
    end)

    it("tells the place of a definition without a name", function()
        local _, errors = check.definitions({ EXAMPLE, { groups = WORKLOAD.groups } })
        assert.are.equal(2, errors[1].definition)
        assert.are.equal("name", errors[1].path)
    end)

    it("is left as it is", function()
        local definition = when({ country = { "SE", "DK", "se" } })
        check.definitions(definition)
        assert.are.same(when({ country = { "SE", "DK", "se" } }), definition)
    end)
end)

describe("a table that is not plain data", function()
    it("is refused when it holds itself", function()
        local definition = when({ country = "SE" })
        definition.groups[1].rules[1].when.all = { definition.groups }
        assert.are.same({ "groups[1].rules[1].when.all[1]: expected plain data, got a table that holds itself" },
            messages(definition))
    end)

    it("may hold one table twice", function()
        local filter = { country = "SE" }
        assert.are.same({}, messages(with_rules({ when = filter, points = 1 }, { when = filter, points = 2 })))
    end)

    it("never runs a metamethod", function()
        local ran = false
        local function run() ran = true end
        local trap = setmetatable({}, { __index = run, __pairs = run, __len = run, __tostring = run })
        assert.are.same({ "expected plain data, got a table with a metatable" }, messages(trap))
        assert.are.same({ "groups: expected plain data, got a table with a metatable" },
            messages({ name = "s", groups = trap }))
        assert.is_false(ran)
    end)

    it("is refused for functions, coroutines and userdata, but null is no value at all", function()
        assert.are.same({ "label: expected plain data, got a function", "scope: expected plain data, got a thread" },
            messages(with({ label = print, scope = coroutine.create(function() end) })))
        assert.are.same({ "label: expected plain data, got a userdata" }, messages(with({ label = io.stdout })))
        assert.are.same({}, messages(with({ label = core.null, scope = core.null, limit = core.null })))
        assert.are.equal(text(when({ country = "SE" })), text(with({ label = core.null, thresholds = core.null })))
    end)
end)

describe("limits", function()
    it("allow 32 nested tables and no more", function()
        assert.are.same({}, messages(nested(32)))
        local said = messages(nested(34))
        assert.are.equal(1, #said)
        assert.is_truthy(said[1]:find("expected at most 32 nested tables, got more", 1, true))
    end)

    it("allow 10000 rules and no more", function()
        local rules = {}
        for i = 1, schema.limits.rules do
            rules[i] = { event = "visit", points = 1 }
        end
        local definition = { name = "s", groups = { { name = "g", rules = rules } } }
        assert.are.same({}, messages(definition))
        rules[#rules + 1] = rules[1]
        assert.are.same({ "expected at most 10000 rules in a definition, got 10001" }, messages(definition))
    end)

    it("allow 100000 values to compare with and no more", function()
        local values = {}
        for i = 1, schema.limits.literals do
            values[i] = i
        end
        local definition = when({ employees = values })
        assert.are.same({}, messages(definition))
        values[#values + 1] = 0
        assert.are.same({ "expected at most 100000 values to compare with in a definition, got 100001" },
            messages(definition))
    end)

    it("bound the size of a definition that holds one table over and over", function()
        local list = { "x" }
        for _ = 1, 24 do
            list = { list, list }
        end
        assert.are.same({ "expected at most 1000000 values, got more" }, messages(with({ label = list })))
    end)

    local function rule_points(points)
        return with_rules({ when = { a = "x" }, points = points })
    end
    local AT = { -- what, at the limit, past it
        { "points", rule_points(1000000), rule_points(1000000.000001) },
        { "negative points", rule_points(-1000000), rule_points(-1000001) },
        { "6 decimals of points", rule_points(0.000001), rule_points(0.0000001) },
        { "a name's length", with({ name = ("n"):rep(63) }), with({ name = ("n"):rep(64) }) },
        { "percent", event({ points = 1, decay = { percent = 100, every = "1 day" } }),
            event({ points = 1, decay = { percent = 100.000001, every = "1 day" } }) },
        { "a limit from 0", event({ points = 1, limit = 0 }), event({ points = 1, limit = -0.5 }) },
        { "min and max", with({ limit = { min = 5, max = 5 } }), with({ limit = { min = 5.000001, max = 5 } }) },
        { "a limit", with({ limit = { max = 1000000000000 } }), with({ limit = { max = 1000000000001 } }) },
        { "times", event({ points = 1, times = { at_least = 1 } }), event({ points = 1, times = { at_least = 0 } }) },
        { "a count", event({ points = 1, latest = 1000000000 }), event({ points = 1, latest = 1000000001 }) },
        { "a span", event({ points = 1, within = "10000 years" }), event({ points = 1, within = "10001 years" }) },
        { "an instant", event({ points = 1, within = { before = 253402300799 } }),
            event({ points = 1, within = { before = 253402300800 } }) },
    }
    for _, case in ipairs(AT) do
        it("are inclusive: " .. case[1], function()
            assert.are.same({}, messages(case[2]))
            assert.are.equal(1, #messages(case[3]))
        end)
    end

    it("take every float of at most 6 decimals for the decimal it prints as", function()
        for _, points in ipairs({ 0.1, 0.3, 1.005, 8.41, 38.75, 999999.999999, -0.000001, 123456.654321 }) do
            local printed = printed_rule(rule_points(points)):match('"points":(.-),')
            assert.are.equal(core.print_number(points), printed)
        end
        assert.are.equal(1, #messages(rule_points(0.1 + 0.2)))
    end)

    it("keep what a score is compared with exact up to 10^12", function()
        for _, bound in ipairs({ 999999999999.5, 8589934591.999999, 4503599627.370497, 1000000000000 }) do
            local said = text({ named("a", { country = "SE" }), named("b", { ["score:a"] = { at_least = bound } }) })
            assert.is_truthy(said:find('["at_least",' .. core.print_number(bound) .. "]", 1, true))
        end
    end)
end)

describe("types of properties", function()
    local function type_of(definition, property)
        return checked(definition).definitions[1].properties[property]
    end
    local PROOFS = {
        { { a = "x" }, "text" }, { { a = 5 }, "number" }, { { a = { 5, 6 } }, "number" },
        { { a = { between = { 1, 2 } } }, "number" }, { { a = true }, "boolean" },
        { { a = { is_not = false } }, "boolean" },
        { { a = { before = "2025-01-01" } }, "datetime" }, { { a = { after = 1700000000 } }, "datetime" },
        { { a = { in_last = "1 day" } }, "datetime" }, { { a = "2025-01-31" }, "datetime" },
        { { a = { is_not = "2025-01-31T10:00Z" } }, "datetime" },
        { { a = { between = { "2025-01-01", "2025-02-01" } } }, "datetime" },
        { { a = { "2025-01-31" } }, "text" }, { { a = "2025-01-31 was a Friday" }, "text" },
        { { a = { all_of = { "x" } } }, "set" }, { { a = { exactly = { "x" } } }, "set" },
        { { a = { known = true } }, "text" }, { { a = { contains = "2025-01-31" } }, "text" },
        { { a = { any_of = { "x" } }, all = { { a = { all_of = { "y" } } } } }, "set" },
    }
    for i, case in ipairs(PROOFS) do
        it("follow from use: " .. case[2] .. " (" .. i .. ")", function()
            assert.are.equal(case[2], type_of(when(case[1]), "contact.a"))
        end)
    end

    it("follow from keys of points_by, from bands, scope and events", function()
        local by = { property = "a", points_by = { [10] = 1, [20] = 2 } }
        assert.are.equal("number", type_of(with_rules(by), "contact.a"))
        local bands = { property = "a", bands = { { in_last = "1 day", points = 1 } } }
        assert.are.equal("datetime", type_of(with_rules(bands), "contact.a"))
        assert.are.equal("number", type_of(with({ scope = { a = 5 } }), "contact.a"))
        local did = { did = { event = "visit", where = { price = { at_least = 5 } } } }
        assert.are.equal("number", type_of(when(did), "event.price"))
        local all = { when = { a = { all_of = { "x" } } }, points = 1 }
        local set = with_rules({ property = "a", points_by = { x = 1 } }, all)
        assert.are.equal("set", type_of(set, "contact.a"))
    end)

    it("are declared by bare, led and dotted names", function()
        local definition = with({ properties = { region = "set", ["event.tags"] = "set", ["contact.size"] = "number",
            ["utm.source"] = "text", ["company.size"] = "number", ["deal.amount"] = "number" } })
        local rules = definition.groups[1].rules
        rules[1].when = { region = { contains = "x" }, size = { known = true }, ["utm.source"] = "x" }
        rules[2] = { when = { did = { event = "visit", where = { tags = "x" } } }, points = 1 }
        local types = checked(definition).definitions[1].properties
        assert.are.same({ ["contact.region"] = "set", ["contact.size"] = "number", ["contact.utm.source"] = "text",
            ["event.tags"] = "set" }, types)
    end)

    it("of an event's own name and time are given", function()
        local types = checked(event({ points = 1, where = { at = { known = true }, event = "visit" } }))
        assert.are.same({ ["event.at"] = "datetime", ["event.event"] = "text" }, types.definitions[1].properties)
    end)

    it("declared as number, boolean or datetime read the texts that keys are in JSON", function()
        local function keys(kind, points)
            local definition = with_rules({ property = "a", points_by = points })
            definition.properties = { a = kind }
            return definition
        end
        local numbers = { ["10"] = 1, ["2.50"] = 2 }
        assert.are.equal(text(keys("number", { [10] = 1, [2.5] = 2 })), text(keys("number", numbers)))
        assert.are.equal(text(keys("boolean", { [true] = 1 })), text(keys("boolean", { yes = 1 })))
        local day = text(keys("datetime", { ["2025-01-31"] = 1 }))
        assert.is_truthy(day:find('{"from":1738281600,"until":1738368000}', 1, true))
        assert.are.same({ 'groups[1].rules[1].points_by["10.0"]: the same value as "10"' },
            messages(keys("number", { ["10"] = 1, ["10.0"] = 2 })))
    end)
end)

describe("warnings", function()
    it("tell of a declared name that nothing reads and that is nearly one that is read", function()
        assert.are.same({ 'properties.contry | properties.contry: nothing reads it, nearest "country"' },
            warnings(with({ properties = { contry = "text" } })))
        assert.are.same({}, warnings(with({ properties = { region = "set" } })))
    end)

    it("tell of a text that no value of a set can be", function()
        assert.are.same({ "groups[1].rules[1].when.a | "
            .. 'groups[1].rules[1].when.a: ; separates the values of a set, so none of them can be "x;y"' },
            warnings(with({ properties = { a = "set" } }, when({ a = "x;y" }))))
    end)
end)

describe("the canonical form", function()
    it("of the example is this text", function()
        assert.are.equal(EXAMPLE_TEXT, text(EXAMPLE))
    end)

    it("of the standard workload is this text", function()
        assert.are.equal(WORKLOAD_TEXT, text(WORKLOAD))
    end)

    it("collects the lists that are named", function()
        local set = checked({ EXAMPLE, named("b", { in_list = { "vip", "beta" } }) })
        assert.are.same({ "beta", "competitors", "vip" }, set.lists)
    end)

    it("reads null of JSON and texts of JSON like a Lua table", function()
        local json = '{"name":"s","label":null,"groups":[{"name":"g","rules":'
            .. '[{"when":{"country":"SE"},"points":1.5}]}]}'
        local definition = with_rules({ when = { country = "SE" }, points = 1.5 })
        assert.are.equal(text(definition), text(core.json_decode(json)))
    end)

    local FILTERS = {
        { "a scalar is any_of", { a = " x " }, '{"is":{"tests":[["any_of","x"]]},"property":"contact.a"}' },
        { "a list is any_of", { a = { "y", "x", "X" } },
            '{"is":{"tests":[["any_of","X","y"]]},"property":"contact.a"}' },
        { "is_not is none_of", { a = { is_not = 5 } }, '{"is":{"tests":[["none_of",5]]},"property":"contact.a"}' },
        { "contains keeps blanks", { a = { contains = " x" } },
            '{"is":{"tests":[["contains"," x"]]},"property":"contact.a"}' },
        { "boolean", { a = { is_not = true } }, '{"is":{"tests":[["is",false]]},"property":"contact.a"}' },
        { "known", { a = { known = false } }, '{"is":{"known":false},"property":"contact.a"}' },
        { "missing", { a = { is = "x", missing = true } },
            '{"is":{"missing":true,"tests":[["any_of","x"]]},"property":"contact.a"}' },
        { "several operators", { a = { at_least = 5, less_than = 10 } },
            '{"is":{"tests":[["at_least",5],["less_than",10]]},"property":"contact.a"}' },
        { "a day", { a = "2025-01-31" },
            '{"is":{"tests":[["within",1738281600,1738368000]]},"property":"contact.a"}' },
        { "before a day", { a = { before = "2025-01-31" } },
            '{"is":{"tests":[["before",1738281600]]},"property":"contact.a"}' },
        { "after a day", { a = { after = "2025-01-31" } },
            '{"is":{"tests":[["since",1738368000]]},"property":"contact.a"}' },
        { "after a second", { a = { after = 1738281600 } },
            '{"is":{"tests":[["since",1738281601]]},"property":"contact.a"}' },
        { "between days", { a = { between = { "2025-01-31", "2025-02-01" } } },
            '{"is":{"tests":[["within",1738281600,1738454400]]},"property":"contact.a"}' },
        { "not between days", { a = { not_between = { "2025-01-31", "2025-01-31" } } },
            '{"is":{"tests":[["outside",1738281600,1738368000]]},"property":"contact.a"}' },
        { "a span", { a = { in_next = "2 weeks" } }, '{"is":{"tests":[["in_next",1209600]]},"property":"contact.a"}' },
        { "a reserved word", { ["property:any"] = "x" },
            '{"is":{"tests":[["any_of","x"]]},"property":"contact.any"}' },
        { "a relation's name", { ["property:company"] = "x" },
            '{"is":{"tests":[["any_of","x"]]},"property":"contact.company"}' },
        { "several entries", { b = "x", a = "y" },
            '{"all":[{"is":{"tests":[["any_of","x"]]},"property":"contact.b"},'
            .. '{"is":{"tests":[["any_of","y"]]},"property":"contact.a"}]}' },
        { "none", { none = { { a = "x" } } }, '{"none":[{"is":{"tests":[["any_of","x"]]},"property":"contact.a"}]}' },
        { "lists", { in_list = { "b", "a", "b" } }, '{"list":["a","b"],"member":true}' },
        { "not in a list", { not_in_list = "b" }, '{"list":["b"],"member":false}' },
        { "did", { did = "visit" }, '{"did":{"event":["visit"],"times":[{"min":1}]},"done":true}' },
        { "did not", { did_not = { event = { "b", "a" }, within = { last = "1 day", after = "2025-01-31" },
            times = { at_most = 3 }, where = { did = "x" } } },
            '{"did":{"event":["a","b"],"times":[{"max":3,"min":1}],"where":{"is":{"tests":[["any_of","x"]]},'
            .. '"property":"event.did"},"within":{"from":1738368000,"last":86400}},"done":false}' },
    }
    for _, case in ipairs(FILTERS) do
        it("of filters: " .. case[1], function()
            assert.are.equal(case[3], printed_when(case[2]))
        end)
    end

    it("of sets keeps their operators", function()
        assert.are.equal('{"is":{"tests":[["any_of","x"],["not_contains","y"]]},"property":"contact.a"}',
            printed_when({ a = { any_of = { "x" }, not_contains = "y" } }, { a = "set" }))
    end)

    it("of scores names their part", function()
        local combined = with({ name = "a" }, event({ points = 1 }))
        combined.groups[2] = { name = "f", rules = { { when = { country = "SE" }, points = 1 } } }
        combined.thresholds = { high = 2, medium = 1 }
        local function condition(filter)
            return text({ combined, named("b", filter) }):match('"points":1,"when":({[^}]*}[^}]*"score":.-})}')
        end
        assert.are.equal('{"is":{"tests":[["at_least",2.5]]},"part":"fit","score":"a"}',
            condition({ ["score:a.fit"] = { at_least = 2.5 } }))
        assert.are.equal('{"is":{"tests":[["any_of","High"]]},"part":"label","score":"a"}',
            condition({ ["score:a.label"] = "High" }))
        assert.are.equal('{"is":{"tests":[["any_of",3]]},"part":"value","score":"a"}', condition({ ["score:a"] = 3 }))
    end)

    local RULES = {
        { "exactly", { points = 2, times = { exactly = 0 } },
            '{"event":["visit"],"times":[{"max":0,"min":0,"points":2}]}' },
        { "at most", { points = 2, times = { at_most = 4 } },
            '{"event":["visit"],"times":[{"max":4,"min":1,"points":2}]}' },
        { "bands of times", { times = { { at_least = 10, points = 10 }, { between = { 3, 9 }, points = 5 } } },
            '{"event":["visit"],"times":[{"min":10,"points":10},{"max":9,"min":3,"points":5}]}' },
        { "latest", { points = -1, latest = 2 }, '{"event":["visit"],"latest":2,"points":-1}' },
        { "once per day", { points = 1, once_per = "day" }, '{"event":["visit"],"once_per":"day","points":1}' },
        { "once per value", { points = 1, once_per = { property = "form" } },
            '{"event":["visit"],"once_per":{"property":"event.form"},"points":1}' },
        { "windows that combine",
            { points = 1, within = { between = { "2025-01-01", "2025-01-31" }, before = "2025-01-31" } },
            '{"event":["visit"],"points":1,"within":{"from":1735689600,"until":1738281600}}' },
        { "points by value", { property = "form", points_by = { b = 1, a = 2.5 }, otherwise = -1 },
            '{"event":["visit"],"otherwise":-1,"points_by":[{"points":2.5,"value":"a"},{"points":1,"value":"b"}],'
            .. '"property":"event.form"}' },
        { "bands", { property = "price", bands = { { at_least = 5, points = 3 }, { known = false, points = 1 } } },
            '{"bands":[{"if":{"tests":[["at_least",5]]},"points":3},{"if":{"known":false},"points":1}],'
            .. '"event":["visit"],"property":"event.price"}' },
        { "linear decay", { points = 1, decay = { percent = 12.5, every = "1 week", curve = "linear" } },
            '{"decay":{"curve":"linear","every":604800,"percent":12.5},"event":["visit"],"points":1}' },
        { "half-life", { points = 1, decay = { half_life = "14 days" } },
            '{"decay":{"half_life":1209600},"event":["visit"],"points":1}' },
        { "what is for people", { points = 1, name = "n", description = "d", enabled = false, limit = 5 },
            '{"description":"d","enabled":false,"event":["visit"],"limit":{"max":5,"min":-5},"name":"n","points":1}' },
        { "defaults", { points = 1, enabled = true, decay = false }, '{"event":["visit"],"points":1}' },
    }
    for _, case in ipairs(RULES) do
        it("of event rules: " .. case[1], function()
            assert.are.equal(case[3], printed_rule(event(case[2])))
        end)
    end

    it("hands a group's decay down to event rules that do not have their own", function()
        local definition = with_rules({ event = "a", points = 1 }, { event = "b", points = 1, decay = false },
            { event = "c", points = 1, decay = { half_life = "1 day" } })
        definition.groups[1].decay = { percent = 50, every = "1 day" }
        assert.are.equal('{"decay":{"curve":"step","every":86400,"percent":50},"event":["a"],"points":1},'
            .. '{"event":["b"],"points":1},{"decay":{"half_life":86400},"event":["c"],"points":1}',
            printed_rule(definition))
    end)

    it("of thresholds has bands, named or short", function()
        local function thresholds(value)
            return text(with({ thresholds = value })):match('"thresholds":(.*)}%],"language"')
        end
        assert.are.equal('{"bands":[{"at_least":70,"label":"High"},{"at_least":40,"label":"Medium"},{"label":"Low"}]}',
            thresholds({ high = 70, medium = 40 }))
        assert.are.equal('{"bands":[{"at_least":80,"color":"red","label":"Hot"},{"label":"Cold"}]}',
            thresholds({ { label = "Hot", at_least = 80, color = "red" }, { label = "Cold" } }))
    end)

    it("of combined thresholds joins short names directly and others with a blank", function()
        local definition = event({ points = 1 })
        definition.groups[2] = { name = "f", rules = { { when = { country = "SE" }, points = 1 } } }
        local named_bands = { { label = "Hot", at_least = 2 }, { label = "Cold" } }
        definition.thresholds = { fit = { high = 2, medium = 1 }, engagement = named_bands }
        local fit = '"fit":[{"at_least":2,"label":"A"},{"at_least":1,"label":"B"},{"label":"C"}],"separator":" "'
        assert.is_truthy(text(definition):find(fit, 1, true))
    end)

    it("escapes texts as JSON does", function()
        assert.are.equal('{"is":{"tests":[["contains","\\"\\\\\\n\\u0000\\u0001/é"]]},"property":"contact.a"}',
            printed_when({ a = { contains = '"\\\n\0\1/é' } }))
    end)
end)

-- Two ways to write the same.
local SAME = {
    { "a scalar and any_of", when({ a = "x" }), when({ a = { any_of = { "x" } } }) },
    { "is_not and none_of", when({ a = { is_not = "x" } }), when({ a = { none_of = { "x" } } }) },
    { "the order of values", when({ a = { "x", "y" } }), when({ a = { "y", "x" } }) },
    { "repeated values", when({ a = { "x", "y" } }), when({ a = { "y", "x", "y" } }) },
    { "entries and all", when({ a = "x", b = "y" }), when({ all = { { b = "y" }, { a = "x" } } }) },
    { "all in all", when({ a = "x", all = { { b = "y" }, { c = "z" } } }), when({ a = "x", b = "y", c = "z" }) },
    { "any of one", when({ any = { { a = "x" } } }), when({ a = "x" }) },
    { "the order of any", when({ any = { { a = "x" }, { b = "y" } } }), when({ any = { { b = "y" }, { a = "x" } } }) },
    { "property: and a bare name", when({ ["property:a"] = "x" }), when({ a = "x" }) },
    { "units", event({ points = 1, within = "1 week" }), event({ points = 1, within = { last = "7 days" } }) },
    { "event lists", event({ event = { "b", "a" }, points = 1 }), event({ event = { "a", "b" }, points = 1 }) },
    { "one event and a list of it", event({ event = { "a" }, points = 1 }), event({ event = "a", points = 1 }) },
    { "a group's decay and a rule's", with({ groups = { { name = "g", decay = { half_life = "1 day" },
        rules = { { event = "visit", points = 1 } } } } }), event({ points = 1, decay = { half_life = "1 day" } }) },
    { "a limit as number and table", event({ points = 1, limit = 5 }),
        event({ points = 1, limit = { min = -5, max = 5 } }) },
    { "times and a list of one", event({ points = 1, times = { at_least = 2 } }),
        event({ times = { { at_least = 2, points = 1 } } }) },
    { "numbers", when({ a = 5.0 }), when({ a = 5 }) },
    { "dates", when({ a = { before = "2025-01-31" } }), when({ a = { before = 1738281600 } }) },
    { "a declared type and a proven one", with({ properties = { a = "number" } }, when({ a = 5 })), when({ a = 5 }) },
    { "what is said and what is the default", with({ language = 1, object = "contact", kind = "fit" }), with({}) },
    { "did with and without times", when({ did = "x" }), when({ did = { event = "x", times = { at_least = 1 } } }) },
}

local function changed(change)
    local thresholds = { { label = "Hot", at_least = 1 }, { label = "Cold" } }
    local definition = with({ label = "L", description = "D", thresholds = thresholds })
    change(definition)
    return fingerprint(definition)
end

describe("the fingerprint", function()
    for _, case in ipairs(SAME) do
        it("is the same for " .. case[1], function()
            assert.are.equal(text(case[2]), text(case[3]))
            assert.are.equal(fingerprint(case[2]), fingerprint(case[3]))
        end)
    end

    it("has 32 hexadecimal digits", function()
        assert.is_truthy(fingerprint(EXAMPLE):find("^" .. ("%x"):rep(32) .. "$"))
    end)

    it("does not cover labels, descriptions, colours and tests", function()
        local before = changed(function() end)
        assert.are.equal(before, changed(function(d) d.label, d.description = "other", nil end))
        assert.are.equal(before, changed(function(d) d.groups[1].description = "other" end))
        assert.are.equal(before, changed(function(d) d.groups[1].rules[1].description = "other" end))
        assert.are.equal(before, changed(function(d) d.thresholds[1].color = "red" end))
        assert.are.equal(before, changed(function(d) d.tests = EXAMPLE.tests end))
        assert.are.equal(before, changed(function(d) d.groups[1].rules[1].when.country = "se" end))
    end)

    it("covers all that can change a score", function()
        local before = changed(function() end)
        local seen = { [before] = true }
        for _, change in ipairs({
            function(d) d.groups[1].rules[1].points = 2 end,
            function(d) d.groups[1].rules[1].when.country = "DK" end,
            function(d) d.groups[1].rules[1].enabled = false end,
            function(d) d.groups[1].limit = 5 end,
            function(d) d.thresholds[1].at_least = 2 end,
            function(d) d.thresholds[1].label = "Warm" end,
            function(d) d.scope = { in_list = "x" } end,
            function(d) d.empty_until_scored = true end,
            function(d) d.properties = { country = "set" } end,
        }) do
            local after = changed(change)
            assert.is_nil(seen[after])
            seen[after] = true
        end
    end)

    it("of a definition covers the scores that it uses", function()
        local function of_second(points)
            local first = with({ name = "a" }, with_rules({ when = { country = "SE" }, points = points }))
            return canonical.fingerprint(checked({ first, named("b", { ["score:a"] = 1 }) }).definitions[2])
        end
        assert.are.equal(of_second(1), of_second(1))
        assert.are_not.equal(of_second(1), of_second(2))
    end)

    it("does not depend on the order in which pairs answers", function()
        local before = text(EXAMPLE)
        for seed = 1, 20 do
            local copy = {}
            local function fill(from, to)
                local keys = {}
                for key in pairs(from) do
                    table.insert(keys, seed % (#keys + 1) + 1, key)
                end
                for _, key in ipairs(keys) do
                    to[key] = type(from[key]) == "table" and fill(from[key], {}) or from[key]
                end
                return to
            end
            assert.are.equal(before, text(fill(EXAMPLE, copy)))
        end
    end)
end)
