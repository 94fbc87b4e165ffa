-- The vectors of associated records (section 7 of the language), worked out by hand like those of spec/vectors.lua.
-- `records` are vectors as there, { name, definition (or a list: the first one's result is expected), record, at,
-- expect }, whose related records are inside the record; `worlds` have, instead of a record, `world` (`contacts`,
-- `companies`, `deals`, `associations`, `lists`) and the `id` of the record of the first definition's object.

local unpack = table.unpack or unpack

local AT = "2025-06-15T12:00:00Z"

local records, worlds = {}, {}

local function add(name, definition, record, expect)
    record.id = record.id or "r1"
    records[#records + 1] = { name = name, definition = definition, record = record, at = AT, expect = expect }
end

local function add_world(name, definition, world, id, expect)
    worlds[#worlds + 1] = { name = name, definition = definition, world = world, id = id, at = AT, expect = expect }
end

-- A definition named "main" with one group; `more` adds keys.
local function define(object, rules, more)
    local definition = { name = "main", object = object,
        groups = { { name = "Group", kind = "engagement", rules = rules } } }
    for key, value in pairs(more or {}) do
        definition[key] = value
    end
    return definition
end

-- N times the event.
local function times(count, name, ago)
    local events = {}
    for i = 1, count do
        events[i] = { name, ago or "1 day ago" }
    end
    return events
end

-- Records with these values of a property (false: without it), and ids of their own.
local function each(property, values)
    local list = {}
    for i, value in ipairs(values) do
        list[i] = { id = property .. i, [property] = value ~= false and value or nil }
    end
    return list
end

-- Persons that visited so many times, and are in no list.
local function visitors(...)
    local list = {}
    for i, count in ipairs({ ... }) do
        list[i] = { id = "p" .. i, lists = {}, events = times(count, "visit") }
    end
    return list
end

-- 11.8 ---------------------------------------------------------------------------------------------------------------

-- A contact's score: 5 a visit.
local web = { name = "web", scope = { not_in_list = "staff" }, groups = {
    { name = "Web", rules = { { event = "visit", points = 5 } } },
} }

local function team()
    local contacts = visitors(2, 5, 9)
    contacts[3].lists = { "staff" }
    return { contacts = contacts }
end

local function rollup(rule)
    return { define("company", { rule }), web }
end

add("11.8: sum, one out of scope", rollup({ rollup = "sum", of = "score:web" }), team(),
    { value = "35", scored = true, in_scope = true, kind = "engagement" })
add("11.8: avg", rollup({ rollup = "avg", of = "score:web" }), team(), { value = "17.5" })
add("11.8: top 1", rollup({ rollup = "sum", of = "score:web", top = 1 }), team(), { value = "25" })

-- Filters: each relation ---------------------------------------------------------------------------------------------

local POINTS = { yes = "1", no = "2", unknown = "0" }

local function asks(object, filter, more)
    return define(object, { { when = filter, points = 1 }, { when = { none = { filter } }, points = 2 } }, more)
end

-- What a filter says of a record: "yes", "no" or "unknown".
local function says(name, object, filter, record, expected, others)
    local definitions = others and { asks(object, filter), unpack(others) } or asks(object, filter)
    add(name, definitions, record, { value = POINTS[expected] })
end

local RETAIL = { industry = "Retail" }
says("company: yes", "contact", { company = RETAIL }, { company = { id = "c1", industry = "retail" } }, "yes")
says("company: no", "contact", { company = RETAIL }, { company = { id = "c1", industry = "Bank" } }, "no")
says("company: unknown", "contact", { company = RETAIL }, { company = { id = "c1" } }, "unknown")
says("company: none at all", "contact", { company = RETAIL }, {}, "no")
says("company: only the primary one", "contact", { company = RETAIL },
    { company = { id = "c1", industry = "Bank" }, companies = { { id = "c2", industry = "Retail" } } }, "no")
says("company: the one that is labelled so", "contact", { company = RETAIL },
    { companies = { { id = "c1", industry = "Bank" }, { id = "c2", industry = "Retail", labels = { "Primary" } } } },
    "yes")
says("company: the one of company_id", "contact", { company = RETAIL },
    { company_id = "c2", companies = { { id = "c1", industry = "Bank" }, { id = "c2", industry = "Retail" } } }, "yes")
says("company: none is primary", "contact", { company = RETAIL },
    { companies = { { id = "c1", industry = "Retail" } } },
    "no")
says("companies: some", "contact", { companies = RETAIL }, { companies = each("industry", { "Bank", "Retail" }) },
    "yes")
says("companies: none", "contact", { companies = RETAIL }, { companies = each("industry", { "Bank", "Bank" }) }, "no")
says("companies: the primary one, too", "contact", { companies = { count = { exactly = 2 } } },
    { company = { id = "c1" }, companies = { { id = "c1" }, { id = "c2" } } }, "yes")
says("deals of a contact", "contact", { deals = { amount = { more_than = 5 } } },
    { deals = each("amount", { "5", "5.5" }) }, "yes")
says("contacts of a company", "company", { contacts = { role = "buyer" } },
    { contacts = each("role", { "user", "Buyer" }) }, "yes")
local function primaries()
    return { contacts = { { id = "p1", role = "buyer", labels = { "Primary" } }, { id = "p2", role = "user" } } }
end
says("primary contacts: yes", "company", { primary_contacts = { role = "buyer" } }, primaries(), "yes")
says("primary contacts: no", "company", { primary_contacts = { role = "user" } }, primaries(), "no")
says("primary contacts by their company_id", "company", { primary_contacts = { role = "user" } },
    { id = "c1", contacts = { { id = "p1", role = "buyer" }, { id = "p2", role = "user", company_id = "c1" } } }, "yes")
says("primary contacts are contacts", "company", { contacts = { role = "user" } },
    { primary_contacts = each("role", { "user" }) }, "yes")
says("deals of a company", "company", { deals = { stage = "won" } }, { deals = each("stage", { "lost", "won" }) },
    "yes")
says("contacts of a deal", "deal", { contacts = { role = "buyer" } }, { contacts = each("role", { "user" }) }, "no")
says("company of a deal", "deal", { company = RETAIL }, { company = { id = "c1", industry = "Retail" } }, "yes")
says("two relations", "company", { contacts = { role = "buyer" }, deals = { stage = "won" } },
    { contacts = each("role", { "buyer" }), deals = each("stage", { "lost" }) }, "no")
says("two entries are of one record", "company", { contacts = { role = "buyer", country = "SE" } },
    { contacts = { { id = "p1", role = "buyer", country = "DK" }, { id = "p2", role = "user", country = "SE" } } },
    "no")
says("two filters may be of two", "company",
    { all = { { contacts = { role = "buyer" } }, { contacts = { country = "SE" } } } },
    { contacts = { { id = "p1", role = "buyer", country = "DK" }, { id = "p2", role = "user", country = "SE" } } },
    "yes")

-- Filters: three values ----------------------------------------------------------------------------------------------

local function of_roles(name, filter, roles, expected)
    says(name, "company", filter, { contacts = each("role", roles) }, expected)
end

local BUYER = { contacts = { role = "buyer" } }
of_roles("any: yes beside unknown", BUYER, { "user", false, "buyer" }, "yes")
of_roles("any: unknown beside no", BUYER, { "user", false }, "unknown")
of_roles("any: no", BUYER, { "user", "user" }, "no")
of_roles("any: none at all", BUYER, {}, "no")
local EVERY = { contacts = { role = "buyer", every = true } }
of_roles("every: yes", EVERY, { "buyer", "buyer" }, "yes")
of_roles("every: unknown beside yes", EVERY, { "buyer", false }, "unknown")
of_roles("every: no beside unknown", EVERY, { "user", false, "buyer" }, "no")
of_roles("every: none at all", EVERY, {}, "no")
of_roles("every = false is any", { contacts = { role = "buyer", every = false } }, { "user", "buyer" }, "yes")
of_roles("an inner missing", { contacts = { role = { is = "buyer", missing = true } } }, { "user", false }, "yes")
of_roles("an inner known", { contacts = { role = { known = false } } }, { "user", "user" }, "no")
of_roles("an inner none", { contacts = { none = { { role = "buyer" } } } }, { "buyer", "user" }, "yes")
of_roles("an inner any", { contacts = { any = { { role = "a" }, { role = "b" } } } }, { "c", "b" }, "yes")
of_roles("an inner all", { contacts = { all = { { role = { contains = "a" } }, { role = { contains = "b" } } } } },
    { "a", "b" }, "no")
-- The pitfall: whether nobody is a buyer is unknown as soon as one role is; how many are known to be buyers is not.
of_roles("absence by none", { none = { BUYER } }, { "user", false }, "unknown")
of_roles("absence by count", { contacts = { role = "buyer", count = { exactly = 0 } } }, { "user", false }, "yes")

local function counts(bounds) return { contacts = { role = "buyer", count = bounds } } end
of_roles("count exactly 0: none at all", counts({ exactly = 0 }), {}, "yes")
of_roles("count exactly 0: one", counts({ exactly = 0 }), { "buyer" }, "no")
of_roles("count exactly", counts({ exactly = 2 }), { "buyer", false, "buyer", "user" }, "yes")
of_roles("count at_most, none", counts({ at_most = 1 }), { "user", false }, "yes")
of_roles("count at_most, too many", counts({ at_most = 1 }), { "buyer", "buyer" }, "no")
of_roles("count at_least", counts({ at_least = 2 }), { "buyer", "user", "buyer" }, "yes")
of_roles("count at_least, too few", counts({ at_least = 2 }), { "buyer", false, false }, "no")
of_roles("count between", counts({ between = { 1, 2 } }), { "buyer", "user", "buyer" }, "yes")
of_roles("count between, more", counts({ between = { 1, 2 } }), { "buyer", "buyer", "buyer" }, "no")
of_roles("count between from 0", counts({ between = { 0, 2 } }), {}, "yes")
of_roles("count of all", { contacts = { count = { at_least = 3 } } }, { "user", false, "buyer" }, "yes")
of_roles("count of all, too few", { contacts = { count = { at_least = 3 } } }, { "user", false }, "no")
says("count on a relation of one", "contact", { company = { count = { exactly = 0 } } }, {}, "yes")

-- Filters: labels ----------------------------------------------------------------------------------------------------

local function labelled(name, filter, expected)
    says(name, "company", { contacts = filter }, { contacts = {
        { id = "p1", role = "chief", labels = { "Decision maker", "Straße" } }, { id = "p2", role = "clerk" },
        { id = "p3", labels = { "User" } }, { id = "p4", role = "chief", labels = { "user", "Billing" } },
    } }, expected)
end
labelled("labelled: one that fits", { labelled = "Decision maker", role = "chief" }, "yes")
labelled("labelled: one that does not", { labelled = "Decision maker", role = "clerk" }, "no")
labelled("labelled: folded", { labelled = "STRASSE", role = "chief" }, "yes")
labelled("labelled: trimmed", { labelled = " decision maker\t" }, "yes")
labelled("labelled: no inner filter", { labelled = "Billing" }, "yes")
labelled("labelled: nobody is", { labelled = "Owner" }, "no")
labelled("labelled: not a part of a label", { labelled = "Decision" }, "no")
labelled("labelled: unknown", { labelled = "User", role = "clerk" }, "unknown")
labelled("labelled and every", { labelled = "User", role = "chief", every = true }, "unknown")
labelled("labelled and count", { labelled = "User", count = { exactly = 2 } }, "yes")
labelled("labelled, count and a filter", { labelled = "User", role = "chief", count = { exactly = 1 } }, "yes")
labelled("labelled: nobody, every", { labelled = "Owner", role = "chief", every = true }, "no")
labelled("labelled: nobody, count", { labelled = "Owner", count = { at_most = 3 } }, "yes")
says("Primary is a label", "contact", { companies = { labelled = "primary", industry = "Bank" } },
    { company = { id = "c1", industry = "Retail" }, companies = { { id = "c2", industry = "Bank" } } }, "no")
says("labels of a company", "contact", { company = { labelled = "Employer" } },
    { company = { id = "c1", labels = { "employer" } } }, "yes")

-- Filters: types, and what is inside ---------------------------------------------------------------------------------

says("types are the related object's own", "contact", { size = "big", company = { size = { at_least = 10 } } },
    { size = "Big", company = { id = "c1", size = "1e1" } }, "yes")
says("an inner date", "company", { deals = { closes = { in_next = "7 days" } } },
    { deals = each("closes", { "2025-06-20", "2025-07-20" }) }, "yes")
says("an inner boolean", "deal", { company = { customer = true } }, { company = { id = "c1", customer = "Yes" } },
    "yes")
add("an inner set, declared", asks("company", { contacts = { tags = { contains = "vip" } } },
    { properties = { ["contact.tags"] = "set" } }), { contacts = each("tags", { "a;b", "b; VIP" }) }, { value = "1" })
says("a property named like a relation", "contact", { ["property:company"] = "Acme" }, { company = "ACME" }, "yes")
says("an inner property named like an option", "company",
    { contacts = { ["property:count"] = { at_least = 2 }, ["property:labelled"] = "x" } },
    { contacts = { { id = "p1", count = "2", labelled = "X" } } }, "yes")
says("an inner list", "company", { contacts = { in_list = "vip" } },
    { contacts = { { id = "p1", lists = { "vip" } }, { id = "p2", lists = {} } } }, "yes")
says("an inner list, every", "company", { contacts = { not_in_list = "vip", every = true } },
    { contacts = { { id = "p1", lists = { "vip" } }, { id = "p2", lists = {} } } }, "no")
says("an inner list, the record's does not count", "company", { contacts = { in_list = "vip" } },
    { lists = { "vip" }, contacts = { { id = "p1", lists = {} } } }, "no")
says("an inner did", "company", { contacts = { did = "visit" } }, { contacts = visitors(0, 1) }, "yes")
says("an inner did is each one's", "company", { contacts = { did = { event = "visit", times = { at_least = 3 } } } },
    { contacts = visitors(2, 2) }, "no")
says("an inner did_not", "company", { contacts = { did_not = "visit" } }, { contacts = visitors(0, 1) }, "yes")
says("an inner did of a deal's contacts", "deal",
    { contacts = { did = { event = "visit", within = "2 days" }, count = { exactly = 2 } } },
    { contacts = visitors(1, 0, 2) }, "yes")
says("an inner score", "company", { contacts = { ["score:web"] = { at_least = 25 } } }, team(), "yes", { web })
says("an inner score out of scope", "company", { contacts = { ["score:web"] = { at_least = 45 } } }, team(), "unknown",
    { web })
says("an inner score, counted", "company", { contacts = { ["score:web"] = { at_least = 5 }, count = { exactly = 2 } } },
    team(), "yes", { web })
local graded = { name = "graded", thresholds = { high = 10, medium = 5 }, groups = web.groups }
says("an inner label", "company", { contacts = { ["score:graded.label"] = "Medium" } }, { contacts = visitors(0, 1) },
    "yes", { graded })

-- did over the contacts of a company or deal -------------------------------------------------------------------------

local function did(name, object, events, record, expected)
    says(name, object, { did = events }, record, expected)
end
local THREE = { event = "visit", times = { at_least = 3 } }
did("did: some contact", "company", "visit", { contacts = visitors(0, 1) }, "yes")
did("did: no contact", "company", "visit", { contacts = visitors(0, 0) }, "no")
did("did: no contacts at all", "company", "visit", {}, "no")
did("did: counts of all contacts together", "company", THREE, { contacts = visitors(2, 0, 1) }, "yes")
did("did: too few together", "company", THREE, { contacts = visitors(1, 0, 1) }, "no")
did("did: at_most is 1..n", "company", { event = "visit", times = { at_most = 2 } }, { contacts = visitors(0, 0) },
    "no")
did("did: exactly 0", "company", { event = "visit", times = { exactly = 0 } }, {}, "yes")
did("did: a deal", "deal", THREE, { contacts = visitors(2, 1) }, "yes")
did("did: where and within", "company", { event = "form", within = "2 days", where = { form = "demo" } },
    { contacts = { { id = "p1", events = { { event = "form", at = "1 day ago", form = "news" },
        { event = "form", at = "2 days ago", form = "demo" } } } } }, "no")
did("did: nobody counts twice", "company", { event = "visit", times = { exactly = 1 } },
    { contacts = { { id = "p1", events = times(1, "visit"), labels = { "Primary", "User" } } },
        primary_contacts = { { id = "p1", events = times(1, "visit") } } }, "yes")
says("did_not: a company", "company", { did_not = "visit" }, { contacts = visitors(0, 1) }, "no")
local OUT = { in_scope = false, empty = { "value", "label" } }
local retailers = define("contact", { { event = "visit", points = 5 } }, { scope = { company = RETAIL } })
add("a relation as scope, in", retailers, { events = times(1, "visit"), company = { id = "c1", industry = "Retail" } },
    { value = "5", in_scope = true })
add("a relation as scope, unknown", retailers, { events = times(1, "visit"), company = { id = "c1" } }, OUT)
add("a relation as scope, nobody", retailers, { events = times(1, "visit") }, OUT)
add("a company's own filter", asks("company", { country = "SE", in_list = "vip" }),
    { country = "se", lists = { "vip" }, contacts = { { id = "p1", country = "DK" } } }, { value = "1" })

-- Event rules over contacts ------------------------------------------------------------------------------------------

local function three() return { contacts = visitors(3, 1, 0) } end

-- What an event rule of `visit` gives over contacts with 3, 1 and 0 visits, or a record.
local function visits(name, more, expected, record, fired)
    local rule = { event = "visit" }
    for key, value in pairs(more) do
        rule[key] = value
    end
    local own = rule.points_by or rule.bands or rule.times and rule.times[1]
    rule.points = rule.points or not own and 10 or nil
    if fired == nil then fired = true end
    add(name, define("company", { rule }), record or three(), { value = expected, scored = fired })
end

visits("events: sum unless said", {}, "40")
visits("events: sum", { combine = "sum" }, "40")
visits("events: avg counts the silent", { combine = "avg" }, "13.333333")
visits("events: max", { combine = "max" }, "30")
visits("events: min, one is silent", { combine = "min" }, "0")
visits("events: min", { combine = "min" }, "10", { contacts = visitors(3, 1) })
visits("events: max of negative points, one is silent", { combine = "max", points = -5 }, "0")
visits("events: min of negative points", { combine = "min", points = -5 }, "-15")
for _, combine in ipairs({ "sum", "avg", "max", "min" }) do
    visits("events: no contacts, " .. combine, { combine = combine }, "0", {}, false)
    visits("events: silent contacts, " .. combine, { combine = combine }, "0", { contacts = visitors(0, 0) }, false)
end
visits("events: avg is rounded half away from zero", { combine = "avg", points = 0.000001 }, "0.000001",
    { contacts = visitors(1, 0) })
visits("events: a negative avg, too", { combine = "avg", points = -0.000001 }, "-0.000001",
    { contacts = visitors(1, 0) })
visits("events: avg under a half", { combine = "avg", points = 0.000001 }, "0", { contacts = visitors(1, 0, 0) })
visits("events: times are each contact's", { times = { at_least = 2 } }, "10")
visits("events: times, nobody has so many", { times = { at_least = 4 } }, "0", nil, false)
visits("events: times exactly 0", { times = { exactly = 0 } }, "10")
visits("events: times exactly 0 of no contacts", { times = { exactly = 0 } }, "0", {}, false)
visits("events: times, bands", { times = { { at_least = 3, points = 7 }, { at_least = 1, points = 2 } } }, "9")
visits("events: times, avg", { times = { at_least = 1 }, combine = "avg" }, "6.666667")
visits("events: latest is each contact's", { latest = 1 }, "20")
visits("events: once a day and contact", { once_per = "day" }, "20")
visits("events: once a value and contact", { once_per = { property = "page" } }, "30", { contacts = {
    { id = "p1", events = { { event = "visit", at = "1 day ago", page = "a" },
        { event = "visit", at = "2 days ago", page = "A" }, { event = "visit", at = "3 days ago", page = "b" } } },
    { id = "p2", events = { { event = "visit", at = "1 day ago", page = "a" } } },
} })
visits("events: within", { within = "30 days" }, "10", { contacts = {
    { id = "p1", events = times(2, "visit", "30 days ago") }, { id = "p2", events = times(1, "visit", "29 days ago") },
} })
visits("events: decay, avg", { decay = { percent = 50, every = "1 month" }, combine = "avg" }, "7.5", { contacts = {
    { id = "p1", events = times(1, "visit", "30 days ago") }, { id = "p2", events = times(1, "visit") },
} })
visits("events: avg of rounded occurrences", { decay = { half_life = "14 days" }, combine = "avg" }, "2.357023",
    { contacts = { { id = "p1", events = times(1, "visit", "7 days ago") }, { id = "p2" }, { id = "p3" } } })
visits("events: the limit is the whole's", { limit = 35 }, "35")
visits("events: the limit of an avg", { limit = { max = 20 }, combine = "avg" }, "13.333333")
visits("events: a limit's min", { limit = { min = 3 }, combine = "min" }, "3")
visits("events: points by value", { property = "page", points_by = { a = 2, b = 3 }, combine = "max" }, "5", {
    contacts = { { id = "p1", events = { { event = "visit", at = "1 day ago", page = "a" },
        { event = "visit", at = "1 day ago", page = "b" } } },
    { id = "p2", events = { { event = "visit", at = "1 day ago", page = "b" },
        { event = "visit", at = "1 day ago", page = "c" } } } },
})
visits("events: bands, where", { property = "seconds", bands = { { at_least = 60, points = 4 } },
    where = { page = "a" } }, "4", { contacts = { { id = "p1", events = {
        { event = "visit", at = "1 day ago", page = "a", seconds = "60" },
        { event = "visit", at = "1 day ago", page = "b", seconds = "90" },
        { event = "visit", at = "1 day ago", page = "a", seconds = "59" } } } } })

-- Five contacts with roles and labels, and as many visits as their number.
local function roles()
    local contacts = visitors(1, 2, 3, 4, 5)
    contacts[1].role, contacts[2].role, contacts[3].role, contacts[5].role = "buyer", "user", "Buyer", "user"
    contacts[1].labels, contacts[4].labels, contacts[5].labels = { "Primary" }, { "Billing" }, { "billing", "primary" }
    contacts[2].lists = { "vip" }
    return { contacts = contacts }
end
visits("events: over where", { over = { where = { role = "buyer" } } }, "40", roles())
visits("events: over where, avg of those", { over = { where = { role = "buyer" } }, combine = "avg" }, "20", roles())
visits("events: over where, unknown is not picked", { over = { where = { role = { is_not = "buyer" } } },
    combine = "min" }, "20", roles())
visits("events: over where, nobody", { over = { where = { role = "owner" } } }, "0", roles(), false)
visits("events: over labelled", { over = { labelled = "Billing" } }, "90", roles())
visits("events: over labelled and where", { over = { labelled = "Billing", where = { role = "user" } } }, "50", roles())
visits("events: over primary contacts", { over = { relation = "primary_contacts" }, combine = "avg" }, "30", roles())
visits("events: over where did", { over = { relation = "contacts",
    where = { did = { event = "visit", times = { at_least = 4 } } } }, combine = "avg" }, "45", roles())
visits("events: over where in_list", { over = { where = { in_list = "vip" } } }, "20", roles())
add("events: over where a score", { define("company", { { event = "visit", points = 1, combine = "max",
    over = { where = { ["score:web"] = { at_most = 25 } } } } }), web }, team(), { value = "5" })
add("events: a deal's contacts", define("deal", { { event = "visit", points = 10, combine = "avg" } }), three(),
    { value = "13.333333", scored = true })
add("events: a group's decay and limit", { name = "main", object = "company", groups = {
    { name = "Group", limit = 12, decay = { percent = 50, every = "1 month" }, rules = {
        { event = "visit", points = 10 }, { event = "call", points = 4, combine = "max" } } },
} }, { contacts = { { id = "p1", events = { { "visit", "31 days ago" }, { "call", "1 day ago" } } },
    { id = "p2", events = { { "call", "31 days ago" } } } } }, { value = "9", kind = "engagement" })

-- Property rules over associated records -----------------------------------------------------------------------------

-- A property rule over records with these values of `role`.
local function scores_roles(name, more, values, expected, fired)
    local rule = { property = "role", over = { relation = "contacts" }, points_by = { buyer = 10, user = 2 } }
    for key, value in pairs(more) do
        rule[key] = value
    end
    add(name, define("company", { rule }), { contacts = each("role", values) }, { value = expected, scored = fired })
end
local SOME = { "Buyer", "user", false }
scores_roles("property over: sum", {}, SOME, "12", true)
scores_roles("property over: avg", { combine = "avg" }, SOME, "4", true)
scores_roles("property over: max", { combine = "max" }, SOME, "10", true)
scores_roles("property over: min", { combine = "min" }, SOME, "0", true)
scores_roles("property over: otherwise", { otherwise = 1 }, { "clerk", false, "user" }, "3", true)
scores_roles("property over: otherwise of 0 fires", { otherwise = 0 }, { "clerk" }, "0", true)
scores_roles("property over: nothing applied", {}, { "clerk", false }, "0", false)
scores_roles("property over: nobody", { combine = "avg" }, {}, "0", false)
scores_roles("property over: the limit is the whole's", { limit = 15 }, { "buyer", "buyer" }, "15", true)
scores_roles("property over: where", { over = { relation = "contacts", where = { role = { contains = "u" } } },
    combine = "avg" }, { "buyer", "user", "clerk" }, "6", true)
local industries = define("contact", { { property = "industry", over = { relation = "company" },
    points_by = { Retail = 20, Bank = -5 } }, { property = "industry", points_by = { Retail = 1 } } })
add("property over: a contact's company", industries, { company = { id = "c1", industry = "bank" } },
    { value = "-5", scored = true })
add("property over: not the record's own", industries, { industry = "Retail" }, { value = "1" })
add("property over: a set, individually", define("deal", { { property = "regions", over = { relation = "company" },
    points_by = { North = 3, South = 4, West = 5 } } }, { properties = { ["company.regions"] = "set" } }),
    { company = { id = "c1", regions = { "north", "South" } } }, { value = "7" })
add("property over: bands of numbers beside a text", define("contact", {
    { property = "size", over = { relation = "companies" }, combine = "max",
        bands = { { at_least = 500, points = 10 }, { between = { 50, 499 }, points = 5 },
            { known = false, points = 1 } } },
    { property = "size", points_by = { ["500"] = 100, XL = 40 } },
}), { size = "xl", companies = each("size", { "49.5", false, "5e1" }) }, { value = "45" })
add("property over: labelled", define("company", { { property = "role", points_by = { buyer = 10, user = 2 },
    over = { relation = "contacts", labelled = "billing" } } }), roles(), { value = "2" })
add("property over: deals", define("company", { { property = "stage", over = { relation = "deals" },
    points_by = { won = 10, lost = -4 } } }), { deals = each("stage", { "won", "lost", "open", "won" }) },
    { value = "16" })

-- Rollups of scores --------------------------------------------------------------------------------------------------

-- A rollup of the web scores of contacts with so many visits.
local function rolls(name, rule, contacts, expected, fired)
    add(name, rollup(rule), contacts.contacts and contacts or { contacts = contacts },
        { value = expected, scored = fired ~= false })
end

local OF = "score:web"
rolls("rollup: max", { rollup = "max", of = OF }, team(), "25")
rolls("rollup: min", { rollup = "min", of = OF }, team(), "10")
rolls("rollup: a member of 0 takes part", { rollup = "avg", of = OF }, visitors(4, 0), "10")
rolls("rollup: min of a 0", { rollup = "min", of = OF }, visitors(4, 0), "0")
rolls("rollup: all are 0", { rollup = "sum", of = OF }, visitors(0, 0), "0")
rolls("rollup: avg is rounded", { rollup = "avg", of = OF }, visitors(2, 1, 1), "6.666667")
rolls("rollup: rounded once, after the weight", { rollup = "avg", of = OF, weight = 3 }, visitors(2, 1, 1), "20")
rolls("rollup: top 2, sum", { rollup = "sum", of = OF, top = 2 }, visitors(1, 4, 2, 3), "35")
rolls("rollup: top 2, avg", { rollup = "avg", of = OF, top = 2 }, visitors(1, 4, 2, 3), "17.5")
rolls("rollup: top 2, max", { rollup = "max", of = OF, top = 2 }, visitors(1, 4, 2, 3), "20")
rolls("rollup: top 2, min", { rollup = "min", of = OF, top = 2 }, visitors(1, 4, 2, 3), "15")
rolls("rollup: top 2 of equal ones", { rollup = "sum", of = OF, top = 2 }, visitors(2, 2, 2), "20")
rolls("rollup: top more than there are", { rollup = "avg", of = OF, top = 9 }, team(), "17.5")
rolls("rollup: weight", { rollup = "sum", of = OF, weight = 0.1 }, team(), "3.5")
rolls("rollup: a negative weight", { rollup = "sum", of = OF, weight = -0.5 }, team(), "-17.5")
rolls("rollup: top goes before a negative weight", { rollup = "sum", of = OF, weight = -1, top = 1 }, team(), "-25")
rolls("rollup: max with a negative weight", { rollup = "max", of = OF, weight = -1 }, team(), "-25")
rolls("rollup: a weight of 6 decimals", { rollup = "max", of = OF, weight = 0.000001 }, visitors(7), "0.000035")
rolls("rollup: a half is rounded up", { rollup = "avg", of = OF, weight = 0.000001 }, visitors(1, 0), "0.000003")
rolls("rollup: and away from zero", { rollup = "avg", of = OF, weight = -0.000001 }, visitors(1, 0), "-0.000003")
rolls("rollup: the rule's limit", { rollup = "sum", of = OF, limit = { max = 30 } }, team(), "30")
rolls("rollup: over where", { rollup = "avg", of = OF, over = { where = { role = "buyer" } } }, roles(), "10")
rolls("rollup: over labelled", { rollup = "sum", of = OF, over = { labelled = "BILLING" } }, roles(), "45")
rolls("rollup: over primary contacts", { rollup = "max", of = OF, over = { relation = "primary_contacts" } }, roles(),
    "25")
rolls("rollup: switched off", { rollup = "sum", of = OF, enabled = false }, team(), "0", false)
for _, how in ipairs({ "sum", "avg", "max", "min" }) do
    rolls("rollup: nobody, " .. how, { rollup = how, of = OF }, {}, "0", false)
    rolls("rollup: all out of scope, " .. how, { rollup = how, of = OF },
        { { id = "p1", lists = { "staff" }, events = times(1, "visit") } }, "0", false)
end
local sparse = { name = "sparse", empty_until_scored = true, groups = web.groups }
add("rollup: without a value until scored", { define("company", { { rollup = "avg", of = "score:sparse" } }), sparse },
    { contacts = visitors(4, 0) }, { value = "20" })
local both = { name = "both", groups = {
    { name = "Fit", rules = { { when = { role = "buyer" }, points = 7 } } },
    { name = "Engagement", rules = { { event = "visit", points = 5 } } },
} }
local function parts(part, expected)
    add("rollup: a part, " .. part, { define("company", { { rollup = "sum", of = "score:both." .. part } }), both },
        roles(), { value = expected })
end
parts("fit", "14")
parts("engagement", "75")
add("rollup: the whole", { define("company", { { rollup = "sum", of = "score:both" } }), both }, roles(),
    { value = "89" })
add("rollup: sums are exact", { define("company", { { rollup = "sum", of = "score:tiny", weight = 1000 } }),
    { name = "tiny", groups = { { name = "Group", rules = { { event = "visit", points = 0.000001 } } } } } },
    { contacts = visitors(1, 2, 3) }, { value = "0.006" })
add("rollup: limited scores", { define("company", { { rollup = "sum", of = "score:capped" } }),
    { name = "capped", limit = { max = 12 }, groups = web.groups } }, { contacts = visitors(1, 2, 3) },
        { value = "27" })
add("rollup: of a deal", { define("deal", { { rollup = "max", of = OF } }), web }, team(), { value = "25" })
add("rollup: labelled High", { define("company", { { rollup = "sum", of = OF } },
    { thresholds = { high = 35, medium = 10 } }), web }, team(), { value = "35", label = "High" })
add("rollup: a mixed group",
    { define("company", { { rollup = "sum", of = OF }, { when = { country = "SE" }, points = 3 },
    { event = "visit", points = 1 } }), web },
    { country = "SE", contacts = visitors(1, 2) }, { value = "21", kind = "engagement" })

-- Rollups of columns, counts -----------------------------------------------------------------------------------------

-- A rollup over deals with these amounts.
local function amounts(name, rule, values, expected, fired)
    rule.over, rule.of = rule.over or { relation = "deals" }, rule.of or "amount"
    add(name, define("company", { rule }), { deals = each("amount", values) },
        { value = expected, scored = fired ~= false })
end
amounts("column: sum", { rollup = "sum" }, { "0.1", "0.2", " +1e1\t" }, "10.3")
amounts("column: avg without the unknown", { rollup = "avg" }, { "10", false, "20", "" }, "15")
amounts("column: max", { rollup = "max" }, { "-3", "-2.5" }, "-2.5")
amounts("column: min", { rollup = "min" }, { "-3", "-2.5" }, "-3")
amounts("column: weight", { rollup = "sum", weight = 0.001 }, { "1500", "250" }, "1.75")
amounts("column: top", { rollup = "sum", top = 2 }, { "1", "3", "-4", "2" }, "5")
amounts("column: all unknown", { rollup = "sum" }, { false, "" }, "0", false)
amounts("column: small ones add up before rounding", { rollup = "sum" },
    { 0.0000001, 0.0000001, 0.0000001, 0.0000001, 0.0000001 }, "0.000001")
amounts("column: less than a half", { rollup = "sum" }, { "1e-7", "1e-7", "1e-7", "1e-7" }, "0")
amounts("column: a negative half", { rollup = "sum" }, { "-5e-7" }, "-0.000001")
amounts("column: the shortest decimal of a double", { rollup = "sum", weight = 1000 }, { "0.1234567895", "0.1" },
    "223.45679")
amounts("column: twelve decimals at most", { rollup = "sum", weight = 1000 }, { "0.0000000004995" }, "0.000001")
amounts("column: a third", { rollup = "sum" }, { 1 / 3, 1 / 3, 1 / 3 }, "1")
amounts("column: twice a third, weighted", { rollup = "avg", weight = 3 }, { 2 / 3 }, "2")
amounts("column: large", { rollup = "sum", weight = 0.000001 }, { "1e17", "9e16" }, "190000000000")
amounts("column: as much as there may be", { rollup = "sum" }, { "999999999999.5", "0.5" }, "1000000000000")
amounts("column: property:", { rollup = "sum", of = "property:amount" }, { "1", "2" }, "3")
add("column: of a contact's company", define("contact", { { rollup = "sum", of = "employees", weight = 0.01,
    over = { relation = "company" } } }), { company = { id = "c1", employees = "250" } }, { value = "2.5" })
add("column: of a contact's deals", define("contact", { { rollup = "max", of = "amount",
    over = { relation = "deals", where = { stage = "won" } } } }),
    { deals = { { id = "d1", amount = 5, stage = "won" }, { id = "d2", amount = 9, stage = "lost" } } },
        { value = "5" })
add("column: of contacts, unless said", define("deal", { { rollup = "sum", of = "budget" } }),
    { contacts = each("budget", { "1", "2" }) }, { value = "3" })

of_roles("counted buyers", { contacts = { role = "buyer", count = { exactly = 2 } } }, { "buyer", "buyer" }, "yes")
rolls("count: all", { rollup = "count" }, team(), "3")
rolls("count: weight", { rollup = "count", weight = 2.5 }, team(), "7.5")
rolls("count: where", { rollup = "count", over = { where = { role = "user" } } }, roles(), "2")
rolls("count: labelled", { rollup = "count", over = { labelled = "billing" }, weight = -3 }, roles(), "-6")
rolls("count: nobody", { rollup = "count" }, {}, "0", false)
rolls("count: those with a score", { rollup = "count", of = OF }, team(), "2")
rolls("count: nobody with a score", { rollup = "count", of = OF }, { { id = "p1", lists = { "staff" } } }, "0", false)
rolls("count: at_least", { rollup = "count", of = OF, at_least = 10 }, visitors(1, 2, 3), "2")
rolls("count: at_most", { rollup = "count", of = OF, at_most = 10 }, visitors(0, 2, 3), "2")
rolls("count: between", { rollup = "count", of = OF, between = { 6, 14.999999 } }, visitors(1, 2, 3), "1")
rolls("count: at_least and at_most", { rollup = "count", of = OF, at_least = 10, at_most = 10 }, visitors(1, 2, 3), "1")
rolls("count: nobody in the bounds", { rollup = "count", of = OF, at_least = 16 }, visitors(1, 2, 3), "0", false)
amounts("count: a column known", { rollup = "count" }, { "1", false, "0" }, "2")
amounts("count: property:", { rollup = "count", of = "property:amount" }, { "1", false, "0" }, "2")
amounts("count: a column in bounds", { rollup = "count", at_least = 0.1, weight = 5 }, { "0.1", "0.05", false, "7" },
    "10")
add("count: a part", { define("company", { { rollup = "count", of = "score:both.fit", at_least = 1 } }), both },
    roles(),
    { value = "2" })
add("count: deals of a company", define("company", { { rollup = "count", over = { relation = "deals" } } }),
    { deals = each("amount", { "1", false }) }, { value = "2" })

-- Scores of scores of scores -----------------------------------------------------------------------------------------

local account = { name = "account", object = "company", thresholds = { high = 30, medium = 10 }, groups = {
    { name = "Account", kind = "engagement", rules = { { rollup = "sum", of = OF } } },
} }
add("a company's score of its own rollup", { asks("company", { ["score:account"] = { at_least = 35 } }), account, web },
    team(), { value = "1" })
add("a company's label of its own rollup", { asks("company", { ["score:account.label"] = "High" }), web, account },
    team(), { value = "1" })

-- Worlds: companies c1 to c3, contacts p1 to p4, deals d1 to d3 ------------------------------------------------------

local function world(more)
    local all = {
        companies = { { id = "c1", industry = "Retail" }, { id = "c2", industry = "Bank" }, { id = "c3" } },
        contacts = {
            { id = "p1", company_id = "c1", role = "buyer", events = times(2, "visit") },
            { id = "p2", company_id = " c1 ", events = times(1, "visit") },
            { id = "p3", role = "user", events = times(4, "visit") }, { id = "p4" },
        },
        deals = { { id = "d1", company_id = "c2", amount = "5" }, { id = "d2", amount = "7" }, { id = "d3" } },
        associations = {
            { from_object = "contact", from_id = "p3", to_object = "company", to_id = "c1", label = "Advisor" },
            { from_object = "company", from_id = "c1", to_object = "contact", to_id = "p3", label = "billing" },
            { from_object = "company", from_id = "c2", to_object = "contact", to_id = "p3", label = "primary" },
            { from_object = "deal", from_id = "d2", to_object = "company", to_id = "c1", label = "" },
            { from_object = "company", from_id = "c1", to_object = "deal", to_id = "d3" },
            { from_object = "company", from_id = "c2", to_object = "deal", to_id = "d3" },
            { from_object = "contact", from_id = "p1", to_object = "deal", to_id = "d1", label = "Signs" },
            { from_object = "contact", from_id = "p1", to_object = "deal", to_id = "d1" },
            { from_object = "deal", from_id = "d1", to_object = "contact", to_id = "p3" },
            { from_object = "contact", from_id = "p9", to_object = "company", to_id = "c1" },
            { from_object = "contact", from_id = "p1", to_object = "company", to_id = "c9", label = "Billing" },
        },
        lists = { staff = { "p2" } },
    }
    for key, value in pairs(more or {}) do
        all[key] = value
    end
    return all
end

-- What a filter says of a record of the world.
local function tells(name, object, id, filter, expected, others)
    local definitions = others and { asks(object, filter), unpack(others) } or asks(object, filter)
    add_world(name, definitions, world(), id, { value = POINTS[expected] })
end
tells("world: a company_id", "contact", "p1", { company = RETAIL }, "yes")
tells("world: a trimmed company_id", "contact", "p2", { company = RETAIL }, "yes")
tells("world: a label Primary, folded, from the other end", "contact", "p3", { company = { industry = "Bank" } }, "yes")
tells("world: only the primary one", "contact", "p3", { company = RETAIL }, "no")
tells("world: all companies", "contact", "p3", { companies = { count = { exactly = 2 } } }, "yes")
tells("world: labels of both ends, one", "contact", "p3", { companies = { labelled = "Advisor", industry = "Retail" } },
    "yes")
tells("world: labels of both ends, the other", "contact", "p3",
    { companies = { labelled = "Billing", industry = "Retail" } }, "yes")
tells("world: nobody's", "contact", "p4", { companies = { count = { exactly = 0 } } }, "yes")
tells("world: a record that is not there", "company", "c1", { contacts = { count = { exactly = 3 } } }, "yes")
tells("world: primary contacts", "company", "c1", { primary_contacts = { count = { exactly = 2 } } }, "yes")
tells("world: primary contacts of another", "company", "c2", { primary_contacts = { role = "user" } }, "yes")
tells("world: deals", "company", "c1", { deals = { count = { exactly = 2 } } }, "yes")
tells("world: a deal's company_id", "deal", "d1", { company = { industry = "Bank" } }, "yes")
tells("world: a deal's only company", "deal", "d2", { company = RETAIL }, "yes")
tells("world: none of a deal's two companies", "deal", "d3", { company = { count = { exactly = 0 } } }, "yes")
tells("world: repeats are one association", "deal", "d1", { contacts = { count = { exactly = 2 } } }, "yes")
tells("world: a repeat keeps the labels", "deal", "d1", { contacts = { labelled = "signs", role = "buyer" } }, "yes")
tells("world: did of a contact's company", "contact", "p1",
    { company = { did = { event = "visit", times = { exactly = 7 } } } }, "yes")
tells("world: a score of a contact's company", "contact", "p4", { company = { ["score:account"] = 30 } }, "no",
    { account, web })
-- p2 is staff, so c1 has 10 + 20, and c2 has 20.
tells("world: from contacts to their company and back", "contact", "p1", { company = { ["score:account"] = 30 } },
    "yes",
    { account, web })
tells("world: a label of a contact's company", "contact", "p3", { company = { ["score:account.label"] = "Medium" } },
    "yes", { account, web })
add_world("world: a rollup of a deal's company", { define("deal", { { rollup = "sum", of = "score:account",
    over = { relation = "company" } } }), account, web }, world(), "d2", { value = "30", scored = true })
add_world("world: a rollup of companies", { define("contact", { { rollup = "avg", of = "score:account",
    over = { relation = "companies" } } }), web, account }, world(), "p3", { value = "25" })
add_world("world: an event rule", define("company", { { event = "visit", points = 10, combine = "avg" } }), world(),
    "c1",
    { value = "23.333333", scored = true })
add_world("world: an event rule of nobody", define("company", { { event = "visit", points = 10 } }), world(), "c3",
    { value = "0", scored = false })
add_world("world: a column of deals", define("company", { { rollup = "sum", of = "amount",
    over = { relation = "deals" } } }), world(), "c1", { value = "7" })
add_world("world: a list of contacts", define("company", { { rollup = "count",
    over = { where = { in_list = "staff" } } } }), world(), "c1", { value = "1" })
add_world("world: the same id of two objects", asks("contact", { company = RETAIL }), {
    contacts = { { id = "1", company_id = "2" }, { id = "2", company_id = "1" } },
    companies = { { id = "1", industry = "Bank" }, { id = "2", industry = "Retail" } },
}, "1", { value = "1" })

return { records = records, worlds = worlds }
