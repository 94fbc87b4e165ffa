-- The vectors of the scoring language, as data: section 11 item by item (but 8, which needs associated records), then
-- every operator of every type, every modifier of events, every form of decay, shorthand, limit and threshold. The
-- expected values are worked out by hand from the language, not by a scorer. A vector is
-- { name, definition (or a list: the first one's result is expected), record, at, expect }; in `expect` numbers are
-- exact decimal texts, and `empty` lists what must be empty.

local AT = "2025-06-15T12:00:00Z"

local vectors = {}

local function add(name, definition, record, expect, at)
    record.id = record.id or "r1"
    vectors[#vectors + 1] = { name = name, definition = definition, record = record, at = at or AT, expect = expect }
end

-- A definition named "main" of the given groups; `more` adds keys.
local function define(groups, more)
    local definition = { name = "main", groups = groups }
    for key, value in pairs(more or {}) do
        definition[key] = value
    end
    return definition
end

local function group(rules, more)
    local result = { name = "Group", rules = rules }
    for key, value in pairs(more or {}) do
        result[key] = value
    end
    return result
end

-- N times the event, at the same age.
local function times(count, name, ago)
    local events = {}
    for i = 1, count do
        events[i] = { name, ago or "1 day ago" }
    end
    return events
end

local function join(...)
    local all = {}
    for _, list in ipairs({ ... }) do
        for _, item in ipairs(list) do
            all[#all + 1] = item
        end
    end
    return all
end

-- Section 11, 1: limits of two event groups --------------------------------------------------------------------------

local sales_and_marketing = define({
    { name = "Sales", limit = 60, rules = {
        { event = "call", points = 15 }, { event = "meeting booked", points = 10 },
            { event = "meeting held", points = 20 },
    } },
    { name = "Marketing", limit = 40, rules = {
        { event = "cta click", points = 6 }, { event = "open", points = 2 }, { event = "link click", points = 5 },
    } },
}, { limit = { max = 100 } })

add("11.1: sales 10, marketing 19", sales_and_marketing,
    { events = join(times(1, "meeting booked"), times(2, "open"), times(3, "link click")) },
    { value = "29", scored = true, in_scope = true, kind = "engagement", empty = { "fit", "engagement", "label" } })
add("11.1: marketing stops at 40", sales_and_marketing, { events = times(9, "link click") }, { value = "40" })
add("11.1: both groups at their limits make the total", sales_and_marketing,
    { events = join(times(5, "call"), times(10, "cta click")) }, { value = "100" })

-- 2: sets ------------------------------------------------------------------------------------------------------------

local regions = define({ group({ { when = { region = { "Northeast", "Midwest", "Southeast" } }, points = 15 } }) },
    { properties = { region = "set" } })
add("11.2: any of, one", regions, { region = "Northeast" }, { value = "15", kind = "fit" })
add("11.2: any of, two count together", regions, { region = "Northeast;Midwest" }, { value = "15" })
add("11.2: any of, another", regions, { region = "West" }, { value = "0", scored = false })

local each_region = define({ group({
    { property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } },
}) }, { properties = { region = "set" } })
add("11.2: individually, two", each_region, { region = "Northeast;Midwest" }, { value = "25" })
add("11.2: individually, one", each_region, { region = "Northeast" }, { value = "15" })
add("11.2: individually, an array", each_region, { region = { "Southeast", "Midwest" } }, { value = "18" })

local eastern = define({ group({ { when = { region = { contains = "east" } }, points = 15 } }) },
    { properties = { region = "set" } })
add("11.2: contains east, two such values", eastern, { region = "Northeast;Southeast" }, { value = "15" })
add("11.2: contains east, none", eastern, { region = "Midwest" }, { value = "0" })

-- 3: forms -----------------------------------------------------------------------------------------------------------

local contact_forms = define({ group({
    { event = "form", where = { form_name = { contains = "Contact us" } }, points = 5 },
}) })
add("11.3: every form that contains it", contact_forms, { events = {
    { event = "form", at = "1 day ago", form_name = "Contact us" },
    { event = "form", at = "2 days ago", form_name = "Contact us today" },
    { event = "form", at = "2 days ago", form_name = "Newsletter" },
} }, { value = "10" })

local scored_forms = define({ group({
    { event = "form", property = "form_name", points_by = { ["Contact us"] = 5, Newsletter = 2 } },
}) })
add("11.3: individually, both", scored_forms, { events = {
    { event = "form", at = "1 day ago", form_name = "Contact us" },
    { event = "form", at = "2 days ago", form_name = "Newsletter" },
} }, { value = "7" })

-- 4: decay -----------------------------------------------------------------------------------------------------------

-- One event of `points` that old, under a decay.
local function decays(name, points, decay, at, expected)
    add(name, define({ group({ { event = "e", points = points, decay = decay } }) }), { events = { { "e", at } } },
        { value = expected, scored = true })
end

local monthly = { percent = 50, every = "1 month" }
local linear = { percent = 50, every = "1 month", curve = "linear" }
decays("11.4: 29 d 23:59:59", 10, monthly, "2025-05-16T12:00:01Z", "10")
decays("11.4: 30 d", 10, monthly, "2025-05-16T12:00:00Z", "5")
decays("11.4: 60 d", 10, monthly, "60 days ago", "0")
decays("11.4: linear at 29 d", 10, linear, "29 days ago", "5.166667")
decays("11.4: all at once after 3 months", 2, { percent = 100, every = "3 months" }, "120 days ago", "0")
decays("11.4: a half-life", 10, { half_life = "14 days" }, "14 days ago", "5")
decays("11.4: half a half-life", 10, { half_life = "14 days" }, "7 days ago", "7.071068")

-- 5: thresholds ------------------------------------------------------------------------------------------------------

local function labels(name, thresholds, points, label)
    add(name, define({ group({ { when = { id = { known = true } }, points = points } }) },
        { thresholds = thresholds }),
        {}, { value = tostring(points), label = label })
end

local short = { high = 70, medium = 40 }
labels("11.5: 70", short, 70, "High")
labels("11.5: 69.5", short, 69.5, "Medium")
labels("11.5: 39.99", short, 39.99, "Low")
labels("11.5: -100", short, -100, "Low")

local function two_sides(thresholds)
    return define({
        { name = "Fit", rules = { { when = { country = "SE" }, points = 50 } } },
        { name = "Engagement", rules = { { event = "e", points = 10 } } },
    }, { thresholds = thresholds })
end

local both_short = { fit = { high = 40, medium = 20 }, engagement = { high = 40, medium = 20 } }
add("11.5: low fit, high engagement", two_sides(both_short), { events = times(4, "e") },
    { value = "40", fit = "0", engagement = "40", label = "C1", kind = "combined" })

-- 6: missing ---------------------------------------------------------------------------------------------------------

local small = { employees = { less_than = 10 } }
add("11.6: empty employees", define({ group({ { when = small, points = 5 } }) }), { employees = "" },
    { value = "0", scored = false })
add("11.6: nor none of it", define({ group({ { when = { none = { small } }, points = 5 } }) }), { employees = "" },
    { value = "0", scored = false })

-- 7: order of rows ---------------------------------------------------------------------------------------------------

local ups_and_downs = define({ group({
    { event = "plus", points = 8 }, { event = "minus", points = -5 },
}, { limit = 10 }) })
add("11.7: +8 +8 -5", ups_and_downs, { events = { { "plus", "3 days ago" }, { "plus", "2 days ago" },
    { "minus", "1 day ago" } } }, { value = "10" })
add("11.7: +8 -5 +8", ups_and_downs, { events = { { "plus", "3 days ago" }, { "minus", "2 days ago" },
    { "plus", "1 day ago" } } }, { value = "10" })
add("11.7: -5 +8 +8", ups_and_downs, { events = { { "minus", "1 day ago" }, { "plus", "2 days ago" },
    { "plus", "3 days ago" } } }, { value = "10" })

-- 9: frequency -------------------------------------------------------------------------------------------------------

local function frequency(name, frequencies, count, expected, scored)
    add(name, define({ group({ { event = "e", within = "30 days", times = frequencies, points = 8 } }) }),
        { events = times(count, "e") }, { value = expected, scored = scored })
end

frequency("11.9: 5 of at least 3", { at_least = 3 }, 5, "8", true)
frequency("11.9: exactly 0 and no event", { exactly = 0 }, 0, "8", true)

-- The definition at the top of the language, and its own test (section 10) -------------------------------------------

local contact_quality = {
    name = "contact_quality", label = "Contact quality", object = "contact",
    properties = { region = "set" },
    scope = { not_in_list = "competitors" },
    limit = { min = -100, max = 100 },
    groups = {
        { name = "Engagement with sales", limit = 60, decay = { percent = 50, every = "1 month" }, rules = {
            { event = "call_started", points = 15 },
            { event = "meeting_booked", points = 10 },
            { event = "page_viewed", where = { url = { contains = "/pricing" } }, within = "30 days",
                times = { at_least = 3 }, points = 8, decay = false },
        } },
        { name = "Company fit", limit = 40, rules = {
            { when = { industry = "Hospitality", employees = { between = { 50, 500 } } }, points = 20 },
            { when = { country = { "SE", "DK" } }, points = 5 },
            { property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } },
            { when = { email = { ends_with = { "@gmail.com", "@hotmail.com" } } }, points = -10 },
        } },
    },
    thresholds = { fit = { high = 30, medium = 15 }, engagement = { high = 40, medium = 20 } },
}
add("section 10's test", contact_quality, { country = "SE", events = { { "call_started", "10 days ago" } } },
    { value = "20", fit = "5", engagement = "15", label = "C3", scored = true, in_scope = true }, "2025-06-01")
-- 20 + 5 + 25 is limited to 40; 15 / 2 + 10 + 8
add("all of the definition at the top", contact_quality, {
    industry = "hospitality", employees = "500", country = "dk", region = "Midwest; Northeast",
        email = "a@corp.example",
    events = {
        { "call_started", "31 days ago" }, { "meeting_booked", "1 day ago" },
        { event = "page_viewed", at = "2 days ago", url = "https://example.com/Pricing" },
        { event = "page_viewed", at = "3 days ago", url = "https://example.com/pricing?a" },
        { event = "page_viewed", at = "29 days ago", url = "/pricing" },
    },
}, { value = "65.5", fit = "40", engagement = "25.5", label = "A2" })
add("a mailbox of a free provider", contact_quality, { email = "X@GMail.com" },
    { value = "-10", fit = "-10", engagement = "0", label = "C3" })

-- Conditions ---------------------------------------------------------------------------------------------------------
-- One definition shows all three outcomes: 1 point when the condition is true, 2 when its negation is, 0
-- when unknown.

local POINTS = { yes = "1", no = "2", unknown = "0" }

local function outcome(name, filter, record, expected, more)
    add(name, define({ group({
        { when = filter, points = 1 }, { when = { none = { filter } }, points = 2 },
    }) }, more), record, { value = POINTS[expected], scored = expected ~= "unknown" })
end

local function show(value)
    if type(value) ~= "table" then
        return type(value) == "string" and ("%q"):format(value) or tostring(value)
    end
    local parts = {}
    for i, item in ipairs(value) do
        parts[i] = show(item)
    end
    return "{" .. table.concat(parts, ", ") .. "}"
end

-- { value of x, outcome } pairs for x under one condition; a value `false` stands for an absent one.
local function cases(title, condition, kind, pairs_of)
    for i = 1, #pairs_of, 2 do
        local value = pairs_of[i]
        outcome(title .. " with " .. (value and show(value) or "nothing"), { x = condition },
            { x = value or nil }, pairs_of[i + 1], kind and { properties = { x = kind } })
    end
end

local U = "unknown"

-- Text
cases("text is", { is = "SE" }, nil, { "SE", "yes", " se\t", "yes", "DK", "no", "", U, " \r\n", U, false, U })
cases("text is, short", "SE", nil, { "se", "yes", "SEE", "no", false, U })
cases("text is, trimmed literal", " SE ", nil, { "SE", "yes", "S E", "no" })
cases("text is_not", { is_not = "SE" }, nil, { "DK", "yes", "se", "no", "", U, false, U })
cases("text any_of", { any_of = { "SE", "DK" } }, nil, { "dk", "yes", "NO", "no", false, U })
cases("text any_of, short", { "SE", "DK" }, nil, { "SE", "yes", "NO", "no", false, U })
cases("text none_of", { none_of = { "SE", "DK" } }, nil, { "NO", "yes", "Dk", "no", false, U })
cases("text contains", { contains = "Price" }, nil, { "the price list", "yes", "pric", "no", "", U, false, U })
cases("text contains any", { contains = { "x", "list" } }, nil, { "the price list", "yes", "prices", "no", false, U })
cases("text contains with a blank", { contains = " a" }, nil, { "b a", "yes", " a", "no" })
cases("text contains a pattern's letters", { contains = "%d." }, nil, { "5%d.", "yes", "5a", "no" })
cases("text not_contains", { not_contains = "price" }, nil, { "offer", "yes", "PRICE", "no", false, U })
cases("text not_contains any", { not_contains = { "a", "b" } }, nil, { "c", "yes", "xb", "no", false, U })
cases("text starts_with", { starts_with = "www." }, nil, { "WWW.x", "yes", "x.www.", "no", "ww", "no", false, U })
cases("text starts_with any", { starts_with = { "a", "b" } }, nil, { "bc", "yes", "cb", "no", false, U })
cases("text ends_with", { ends_with = ".com" }, nil, { "a.COM", "yes", "a.comx", "no", "om", "no", false, U })
cases("text ends_with any", { ends_with = { "a", "b" } }, nil, { "ca", "yes", "ac", "no", false, U })
cases("text known", { known = true }, nil, { "a", "yes", "", "no", false, "no" })
cases("text not known", { known = false }, nil, { "a", "no", " ", "yes", false, "yes" })
cases("text missing", { is = "a", missing = true }, nil, { "a", "yes", "b", "no", "", "yes", false, "yes" })
cases("text missing, negated operator", { is_not = "a", missing = true }, nil,
    { "a", "no", "b", "yes", false, "yes" })
cases("known = true and missing", { known = true, is = "a", missing = true }, nil,
    { "a", "yes", "b", "no", false, "no" })
cases("text, two operators", { starts_with = "a", ends_with = "z" }, nil, { "abz", "yes", "ab", "no", false, U })
cases("known beside an operator", { known = true, is = "a" }, nil, { "a", "yes", "b", "no", false, "no" })
cases("declared text of digits", "7", "text", { "7", "yes", "7.0", "no", 7, "yes" })

-- Folding
cases("folding sharp s", "STRASSE", nil, { "straße", "yes", "STRAẞE", "yes", "strase", "no" })
cases("folding latin", "ÅRHUS", nil, { "århus", "yes", "Arhus", "no" })
cases("no normalisation", "\195\169", nil, { "e\204\129", "no", "\195\137", "yes" })
cases("folding greek", "ΟΔΟΣ", nil, { "οδος", "yes", "οδοσ", "yes" })
cases("folding cyrillic", "Ёлка", nil, { "ЁЛКА", "yes", "ЕЛКА", "no" })
cases("contains folds", { contains = "SS" }, nil, { "maß", "yes", "mas", "no" })
cases("an invalid byte is compared as bytes", "a\255", nil, { "a\255", "yes", "A\255", "no", "a", "no" })
cases("a part of invalid text", { contains = "b" }, nil, { "abc\255", "yes" })

-- Numbers
cases("number is", { is = 5 }, nil, { "5", "yes", "5.0", "yes", "4", "no", "", U, "five", U, false, U })
cases("number is, short", 5, nil, { " +5 ", "yes", "0.5e+1", "yes", "500E-2", "yes", "-5", "no", false, U })
cases("number is_not", { is_not = 5 }, nil, { "4", "yes", "5", "no", "x", U, false, U })
cases("number any_of", { any_of = { 1, 2 } }, nil, { "2", "yes", "3", "no", false, U })
cases("number any_of, short", { 1, 2.5 }, nil, { "2.5", "yes", "2", "no", false, U })
cases("number none_of", { none_of = { 1, 2 } }, nil, { "3", "yes", "2", "no", false, U })
cases("number more_than", { more_than = 10 }, nil, { "10.000001", "yes", "10", "no", "9", "no", false, U })
cases("number at_least", { at_least = 10 }, nil, { "10", "yes", "9.999999", "no", false, U })
cases("number less_than", { less_than = 10 }, nil, { "9.9", "yes", "10", "no", "-11", "yes", false, U })
cases("number at_most", { at_most = 10 }, nil, { "10", "yes", "10.1", "no", false, U })
cases("number between", { between = { 50, 500 } }, nil,
    { "50", "yes", "500", "yes", "49.9", "no", "500.1", "no", "", U, false, U })
cases("number not_between", { not_between = { 50, 500 } }, nil, { "49", "yes", "50", "no", "500", "no", false, U })
cases("number known", { known = true, at_least = 0 }, nil, { "0", "yes", "", "no", "n/a", "no" })
cases("number missing", { less_than = 10, missing = true }, nil, { "9", "yes", "10", "no", "", "yes", "x", "yes" })
cases("number, two operators", { more_than = 1, less_than = 3 }, nil, { "2", "yes", "3", "no", false, U })
cases("number grammar", { known = true }, "number", {
    "0", "yes", "-.5", "yes", "1e+9", "yes", "5.", "no", "1,5", "no", "0x10", "no", "nan", "no", "inf", "no", "1 000",
        "no",
    "--1", "no", "+", "no", "1e", "no",
})
cases("numbers are the nearest doubles", 0.1, nil, { "0.1000000000000000000001", "yes", "0.1000001", "no" })
cases("a Lua number", { at_least = 2.5 }, nil, { 2.5, "yes", 2, "no" })

-- Booleans
cases("boolean is", { is = true }, nil, {
    "true", "yes", "YES", "yes", "1", "yes", "False", "no", "no", "no", "0", "no", "2", U, "", U, false, U,
})
cases("boolean is, short", false, nil, { "No", "yes", "true", "no", "maybe", U, false, U })
cases("boolean is_not", { is_not = true }, nil, { "no", "yes", "true", "no", "", U, false, U })
cases("boolean known", { known = true }, "boolean", { "yes", "yes", "perhaps", "no", false, "no" })
cases("boolean missing", { is = true, missing = true }, nil, { "1", "yes", "0", "no", "", "yes" })
outcome("boolean false as a Lua value", { x = { is_not = true } }, { x = false }, "yes")

-- Dates; now is 2025-06-15T12:00:00Z
local day = "2025-01-31"
cases("date is a day", { is = day }, nil, {
    "2025-01-31", "yes", "2025-01-31T23:59:59.999Z", "yes", "2025-02-01T00:00:00+01:00", "yes", "2025-02-01", "no",
    "2025-01-30 23:59:59", "no", "31/01/2025", U, "2025-02-30", U, "", U, false, U,
})
cases("date is, short", day, nil, { "2025-01-31 12:00", "yes", "2025-02-01", "no", false, U })
cases("date is a second", { is = "2025-01-31T00:00:00" }, nil, {
    "2025-01-31", "yes", "2025-01-31T00:00:00.9", "yes", "2025-01-31T00:00:01", "no", "1738281600", "yes",
    "1738281600000", "yes", "1738281600999", "yes", "1738281601", "no",
})
cases("date is_not", { is_not = day }, nil, { "2025-02-01", "yes", "2025-01-31T10:00", "no", false, U })
cases("date before", { before = day }, nil, { "2025-01-30T23:59:59", "yes", "2025-01-31", "no", "x", U, false, U })
cases("date after", { after = day }, nil, { "2025-02-01", "yes", "2025-01-31T23:59:59", "no", false, U })
cases("date before a second", { before = "2025-01-31T10:00:00" }, nil,
    { "2025-01-31T09:59:59", "yes", "2025-01-31T10:00:00", "no" })
cases("date after seconds", { after = 1738281600 }, nil, { "2025-01-31T00:00:01", "yes", "2025-01-31", "no" })
cases("date between", { between = { "2025-01-30", day } }, nil, {
    "2025-01-30", "yes", "2025-01-31T23:59:59", "yes", "2025-01-29T23:59:59", "no", "2025-02-01", "no", false, U,
})
cases("date not_between", { not_between = { "2025-01-30", day } }, nil,
    { "2025-02-01", "yes", "2025-01-31T01:00", "no", false, U })
cases("date in_last", { in_last = "30 days" }, nil, {
    "2025-05-16T12:00:01Z", "yes", "2025-05-16T12:00:00Z", "no", "2025-06-15T12:00:00Z", "yes",
    "2025-06-15T12:00:01Z", "no", "", U, false, U,
})
cases("date more_than_ago", { more_than_ago = "1 year" }, nil, {
    "2024-06-15T12:00:00Z", "yes", "2024-06-15T12:00:01Z", "no", "2026-01-01", "no", false, U,
})
cases("date in_next", { in_next = "7 days" }, nil, {
    "2025-06-15T12:00:01Z", "yes", "2025-06-15T12:00:00Z", "no", "2025-06-22T12:00:00Z", "yes",
    "2025-06-22T12:00:01Z", "no", false, U,
})
cases("date more_than_ahead", { more_than_ahead = "1 week" }, nil, {
    "2025-06-22T12:00:01Z", "yes", "2025-06-22T12:00:00Z", "no", "2025-06-01", "no", false, U,
})
cases("date known", { known = true }, "datetime", { day, "yes", "soon", "no", "", "no", 0, "yes" })
cases("date missing", { in_last = "1 day", missing = true }, nil,
    { "2025-06-15", "yes", "2025-06-14", "no", "", "yes", "soon", "yes" })
cases("a date-shaped text where no date is asked for", { any_of = { day } }, nil,
    { "2025-01-31", "yes", "2025-01-31T00:00:00", "no" })
for spelled, seconds in pairs({
    ["90 seconds"] = 90, ["1 minute"] = 60, ["2 hours"] = 7200, ["1 day"] = 86400, ["2 weeks"] = 1209600,
    ["1 month"] = 2592000, ["1 year"] = 31536000,
}) do
    -- 1749988800 is 2025-06-15T12:00:00Z
    cases("a span of " .. spelled, { in_last = spelled }, nil,
        { ("%d"):format(1749988800 - seconds + 1), "yes", ("%d"):format(1749988800 - seconds), "no" })
end

-- Sets
cases("set any_of", { any_of = { "a", "b" } }, "set", { "c;B", "yes", "c;d", "no", "", U, " ; ", U, false, U })
cases("set any_of, scalar", "a", "set", { "b; A ", "yes", "ab", "no", false, U })
cases("set any_of, short", { "a", "b" }, "set", { { "b" }, "yes", { "c" }, "no", {}, U })
cases("set all_of", { all_of = { "a", "b" } }, nil, { "b;c;A", "yes", "a;c", "no", "", U, false, U })
cases("set none_of", { none_of = { "a", "b" } }, "set", { "c;d", "yes", "c;a", "no", false, U })
cases("set exactly", { exactly = { "a", "b" } }, nil, { "b;a;B", "yes", "a;b;c", "no", "a", "no", false, U })
cases("set contains", { contains = "east" }, "set", { "West;NorthEast", "yes", "West", "no", "", U, false, U })
cases("set not_contains", { not_contains = "east" }, "set", { "West;North", "yes", "West;East", "no", false, U })
cases("set starts_with", { starts_with = "no" }, "set", { "South;North", "yes", "Uno", "no", false, U })
cases("set ends_with", { ends_with = { "th", "st" } }, "set", { "A;North", "yes", "A;B", "no", false, U })
cases("set known", { known = true }, "set", { "a", "yes", ";", "no", false, "no" })
cases("set missing", { all_of = { "a" }, missing = true }, nil, { "a;b", "yes", "b", "no", "", "yes" })
outcome("a text literal fits a set that is proved elsewhere",
    { all = { { x = { all_of = { "a" } } }, { x = { "b" } } } },
    { x = "b;a" }, "yes")

-- Filters: Kleene's logic, with a = "1" true, b = "1" false, and c unknown
local T, F, N = { a = "1" }, { b = "1" }, { c = "1" }

local function logic(name, filter, expected)
    outcome(name, filter, { a = "1", b = "2" }, expected)
end

logic("entries: true and true", { a = "1", b = "2" }, "yes")
logic("entries: true and false", { a = "1", b = "1" }, "no")
logic("entries: true and unknown", { a = "1", c = "1" }, U)
logic("entries: false and unknown", { b = "1", c = "1" }, "no")
logic("all: true", { all = { T, T } }, "yes")
logic("all: with a false", { all = { T, F, N } }, "no")
logic("all: with an unknown", { all = { T, N } }, U)
logic("any: with a true", { any = { F, N, T } }, "yes")
logic("any: false", { any = { F, F } }, "no")
logic("any: with an unknown", { any = { F, N } }, U)
logic("none: false", { none = { F, F } }, "yes")
logic("none: with a true", { none = { N, T } }, "no")
logic("none: with an unknown", { none = { F, N } }, U)
logic("nested", { any = { { all = { T, { none = { F } } } }, N } }, "yes")
logic("all, any and a property", { all = { T }, any = { T, N }, none = { F }, b = "2" }, "yes")
outcome("missing turns unknown into true inside none", { none = { { x = { is = "a", missing = true } } } }, {}, "no")

-- Lists
local listed = { lists = { "customers", "vip" } }
outcome("in_list", { in_list = "vip" }, listed, "yes")
outcome("in_list, not in it", { in_list = "competitors" }, listed, "no")
outcome("in_list, any of", { in_list = { "competitors", "vip" } }, listed, "yes")
outcome("not_in_list", { not_in_list = "competitors" }, listed, "yes")
outcome("not_in_list, in it", { not_in_list = "vip" }, listed, "no")
outcome("not_in_list, none of", { not_in_list = { "competitors", "vip" } }, listed, "no")
outcome("a record in no list", { in_list = "vip" }, { lists = {} }, "no")

-- Properties named like words
outcome("property:any", { ["property:any"] = "x" }, { any = "x" }, "yes")
outcome("property:did", { ["property:did"] = { is = "x" } }, { did = "y" }, "no")
outcome("id is a property", { id = "r1" }, {}, "yes")

-- Events in filters
local visits = { events = {
    { event = "visit", at = "2 days ago", page = "/a" }, { event = "visit", at = "10 days ago", page = "/b" },
    { event = "visit", at = "2025-07-01", page = "/c" },
} }
outcome("did", { did = "visit" }, visits, "yes")
outcome("did, another", { did = "call" }, visits, "no")
outcome("did, names compare exactly", { did = "Visit" }, visits, "no")
outcome("did_not", { did_not = "visit" }, visits, "no")
outcome("did_not, another", { did_not = "call" }, visits, "yes")
outcome("did, any of the names", { did = { event = { "call", "visit" } } }, visits, "yes")
outcome("did where", { did = { event = "visit", where = { page = "/b" } } }, visits, "yes")
outcome("did where, none", { did = { event = "visit", where = { page = "/x" } } }, visits, "no")
outcome("did where an unknown property", { did = { event = "visit", where = { other = "/x" } } }, visits, "no")
outcome("did, not yet", { did = { event = "visit", where = { page = "/c" } } }, visits, "no")
outcome("did within", { did = { event = "visit", within = "10 days" } }, visits, "yes")
outcome("did within, twice", { did = { event = "visit", within = "10 days", times = { at_least = 2 } } }, visits,
    "no")
outcome("did twice", { did = { event = "visit", times = { exactly = 2 } } }, visits, "yes")
outcome("did_not twice", { did_not = { event = "visit", times = { at_least = 2 } } }, visits, "no")
outcome("did_not thrice", { did_not = { event = "visit", times = { at_least = 3 } } }, visits, "yes")
outcome("did at most once is once", { did = { event = "call", times = { at_most = 1 } } }, visits, "no")
outcome("did between", { did = { event = "visit", times = { between = { 2, 3 } } } }, visits, "yes")
outcome("did, no events at all", { did_not = "visit" }, {}, "yes")

-- Property rules -----------------------------------------------------------------------------------------------------

local function rule(name, one, record, expected, scored, more)
    add(name, define({ group({ one }) }, more), record, { value = expected, scored = scored })
end

local by_country = { property = "country", points_by = { SE = 5, DK = -2.5, NO = 0 }, otherwise = 1 }
rule("points_by", by_country, { country = "se" }, "5", true)
rule("points_by, negative", by_country, { country = "DK " }, "-2.5", true)
rule("points_by, 0 points fire", by_country, { country = "NO" }, "0", true)
rule("points_by, otherwise", by_country, { country = "FI" }, "1", true)
rule("points_by, unknown", by_country, {}, "0", false)
rule("points_by without otherwise", { property = "country", points_by = { SE = 5 } }, { country = "FI" }, "0", false)
local set_x = { properties = { x = "set" } }
rule("points_by of equal values counts once", { property = "x", points_by = { a = 3, b = 4 } }, { x = "a;A; a" }, "3",
    true,
    set_x)
rule("points_by of values equal after folding", { property = "x", points_by = { ["Straße"] = 3 } },
    { x = "STRASSE;straße" }, "3", true, set_x)
rule("points_by otherwise beside a match", { property = "x", points_by = { a = 3 }, otherwise = 9 }, { x = "a;b" },
    "3",
    true, set_x)
rule("points_by otherwise without a match", { property = "x", points_by = { a = 3 }, otherwise = 9 }, { x = "c;b" },
    "9",
    true, set_x)
rule("points_by of an empty set", { property = "x", points_by = { a = 3 }, otherwise = 9 }, { x = ";" }, "0", false,
    set_x)
rule("points_by numbers", { property = "x", points_by = { [1] = 3, [2] = 4 } }, { x = "2.0" }, "4", true)
rule("points_by numbers, not a number", { property = "x", points_by = { [1] = 3 }, otherwise = 9 }, { x = "one" },
    "0", false)
rule("points_by booleans", { property = "x", points_by = { [true] = 3, [false] = 4 } }, { x = "no" }, "4", true)

local bands = { property = "employees", otherwise = -1, bands = {
    { at_least = 500, points = 10 }, { between = { 50, 499 }, points = 5 }, { at_least = 10, points = 0 },
} }
rule("bands, the first", bands, { employees = "500" }, "10", true)
rule("bands, the second", bands, { employees = "50" }, "5", true)
rule("bands, between two bands the next that holds", bands, { employees = "499.5" }, "0", true)
rule("bands, otherwise", bands, { employees = "9" }, "-1", true)
rule("bands, unknown", bands, {}, "0", false)
local band_for_unknown = { property = "x", bands = { { at_least = 5, points = 2 }, { known = false, points = 7 } } }
rule("bands are tried for unknown values", band_for_unknown, {}, "7", true)
rule("bands tried for unknown values, known", band_for_unknown, { x = "1" }, "0", false)
rule("a band with missing", { property = "x", bands = { { at_least = 5, missing = true, points = 2 } } }, {}, "2",
    true)
rule("bands of text", { property = "x", bands = { { contains = "chief", points = 9 }, { is = "cto", points = 8 } } },
    { x = "CTO" }, "8", true)
rule("bands of dates", { property = "x", bands = { { in_last = "7 days", points = 3 },
    { in_last = "30 days", points = 2 } } },
    { x = "2025-06-01" }, "2", true)
rule("bands of a set", { property = "x", bands = { { all_of = { "a", "b" }, points = 3 },
    { any_of = { "a" }, points = 1 } } },
    { x = "c;a" }, "1", true)
rule("enabled = false", { when = { id = "r1" }, points = 5, enabled = false }, {}, "0", false)
rule("a rule's limit", { property = "x", points_by = { a = 3, b = 4 }, limit = 5 }, { x = "a;b" }, "5", true, set_x)
rule("a rule's limit below", { when = { id = "r1" }, points = -9, limit = { min = -4 } }, {}, "-4", true)
rule("six decimals", { when = { id = "r1" }, points = 0.000001 }, {}, "0.000001", true)
rule("the largest points", { when = { id = "r1" }, points = 1000000 }, {}, "1000000", true)
rule("points as a float", { when = { id = "r1" }, points = -38.75 }, {}, "-38.75", true)

-- Tenths add up exactly.
add("ten times 0.1", define({ group({ { event = "e", points = 0.1 } }) }), { events = times(10, "e") },
    { value = "1" })

-- Event rules --------------------------------------------------------------------------------------------------------

rule("every occurrence", { event = "e", points = 5 }, { events = times(2, "e") }, "10", true)
rule("no occurrence", { event = "e", points = 5 }, { events = times(2, "f") }, "0", false)
rule("several names", { event = { "e", "f" }, points = 5 }, { events = join(times(1, "e"), times(2, "f")) }, "15",
    true)
rule("event names compare exactly", { event = "e", points = 5 }, { events = times(2, "E") }, "0", false)
rule("an event at this instant", { event = "e", points = 5 }, { events = { { "e", AT } } }, "5", true)
rule("an event a second later", { event = "e", points = 5 }, { events = { { "e", "2025-06-15T12:00:01Z" } } }, "0",
    false)
rule("a time in seconds", { event = "e", within = "1 day", points = 5 }, { events = { { "e", 1749988800 - 86399 } } },
    "5",
    true)
rule("no events at all", { event = "e", points = 5 }, {}, "0", false)

local function at_time(at, name, properties)
    local event = { event = name or "e", at = at }
    for key, value in pairs(properties or {}) do
        event[key] = value
    end
    return event
end

local function windows(title, window, instants)
    for i = 1, #instants, 2 do
        rule(title .. " at " .. instants[i], { event = "e", within = window, points = 1 },
            { events = { at_time(instants[i]) } }, instants[i + 1] and "1" or "0", instants[i + 1])
    end
end

windows("within", "30 days", { "2025-05-16T12:00:01Z", true, "2025-05-16T12:00:00Z", false, AT, true })
windows("within last", { last = "1 hour" }, { "2025-06-15T11:00:01Z", true, "2025-06-15T11:00:00Z", false })
windows("within before", { before = "2025-06-01" }, { "2025-05-31T23:59:59Z", true, "2025-06-01", false })
windows("within after", { after = "2025-06-01" }, { "2025-06-02", true, "2025-06-01T23:59:59Z", false })
windows("within between", { between = { "2025-06-01", "2025-06-02" } },
    { "2025-06-01", true, "2025-06-02T23:59:59Z", true, "2025-06-03", false, "2025-05-31", false })
windows("within all of them", { last = "30 days", before = "2025-06-10" },
    { "2025-06-01", true, "2025-05-01", false, "2025-06-12", false })

local pages = { events = {
    at_time("1 day ago", "view", { url = "/Pricing", seconds = "30", tags = "a;b" }),
    at_time("2 days ago", "view", { url = "/pricing/eu", seconds = "5", tags = "b" }),
    at_time("3 days ago", "view", { url = "", seconds = "x" }),
} }
rule("where contains", { event = "view", where = { url = { contains = "/pricing" } }, points = 1 }, pages, "2", true)
rule("where two conditions", { event = "view", where = { url = { contains = "/p" }, seconds = { at_least = 10 } },
    points = 1 },
    pages, "1", true)
rule("where unknown is not true", { event = "view", where = { none = { { url = "/x" } } }, points = 1 }, pages, "2",
    true)
rule("where known", { event = "view", where = { seconds = { known = false, at_least = 0, missing = true } },
    points = 1 },
    pages, "1", true)
rule("where any", { event = "view", where = { any = { { url = "/pricing" }, { seconds = 5 } } }, points = 1 }, pages,
    "2", true)
rule("where a set", { event = "view", where = { tags = "b" }, points = 1 }, pages, "2", true,
    { properties = { ["event.tags"] = "set" } })
rule("where a reserved word of records is a property", { event = "view", where = { did = "x" }, points = 1 },
    { events = { at_time("1 day ago", "view", { did = "X" }) } }, "1", true)
rule("where property:all", { event = "view", where = { ["property:all"] = "x" }, points = 1 },
    { events = { at_time("1 day ago", "view", { all = "x" }) } }, "1", true)
rule("where on the event's name and time",
    { event = { "e", "f" }, where = { event = "f", at = { in_last = "2 days" } },
    points = 1 }, { events = { at_time("2025-06-14", "e"), at_time("2025-06-14", "f"), at_time("2025-06-12", "f") } },
        "1", true)
-- A property of the same name may have another type on the record than on events.
add("event properties have their own types", define({ group({
    { event = "e", where = { size = { at_least = 2 } }, points = 1 },
}), { name = "Fit", rules = { { when = { size = "2" }, points = 10 } } } }),
    { size = "2", events = { at_time("1 day ago", "e", { size = "2.0" }) } }, { value = "11" })

local forms = { event = "form", property = "name", points_by = { Contact = 5, Newsletter = 2 } }
local sent_forms = { events = {
    at_time("1 day ago", "form", { name = "contact" }), at_time("2 days ago", "form", { name = "Newsletter" }),
    at_time("3 days ago", "form", { name = "Other" }), at_time("4 days ago", "form"),
} }
rule("points_by of events", forms, sent_forms, "7", true)
rule("points_by of events, otherwise for known values",
    { event = "form", property = "name", points_by = { Contact = 5 },
    otherwise = 1 }, sent_forms, "7", true)
rule("points_by of events, none", { event = "form", property = "name", points_by = { Else = 5 } }, sent_forms, "0",
    false)
rule("points_by of events, 0 points are an occurrence",
    { event = "form", property = "name", points_by = { Other = 0 } },
    sent_forms, "0", true)
rule("bands of events", { event = "buy", property = "amount", bands = { { at_least = 100, points = 10 },
    { at_least = 10, points = 1 } } }, { events = { at_time("1 day ago", "buy", { amount = "150" }),
    at_time("1 day ago", "buy", { amount = "15" }), at_time("1 day ago", "buy", { amount = "5" }) } }, "11", true)
rule("points_by of a set of an event", { event = "e", property = "tags", points_by = { a = 1, b = 2 } },
    { events = { at_time("1 day ago", "e", { tags = "a;b;a" }) } }, "3", true,
        { properties = { ["event.tags"] = "set" } })
-- One that earns nothing is no occurrence, so it does not use up `latest`.
rule("earning points comes before latest", { event = "form", property = "name", points_by = { Newsletter = 2,
    Contact = 5 },
    latest = 1 }, { events = { at_time("1 day ago", "form", { name = "Other" }),
    at_time("2 days ago", "form", { name = "Newsletter" }), at_time("3 days ago", "form", { name = "Contact" }) } },
        "2", true)
rule("where comes before latest", { event = "e", where = { x = "a" }, latest = 1, points = 1 },
    { events = { at_time("1 day ago", "e", { x = "b" }), at_time("2 days ago", "e", { x = "a" }) } }, "1", true)

-- times
frequency("exactly 2 of 2", { exactly = 2 }, 2, "8", true)
frequency("exactly 2 of 3", { exactly = 2 }, 3, "0", false)
frequency("exactly 0 of 1", { exactly = 0 }, 1, "0", false)
frequency("at least 3 of 2", { at_least = 3 }, 2, "0", false)
frequency("at least 1 of 1", { at_least = 1 }, 1, "8", true)
frequency("at most 2 of 2", { at_most = 2 }, 2, "8", true)
frequency("at most 2 of 3", { at_most = 2 }, 3, "0", false)
frequency("at most 2 of none", { at_most = 2 }, 0, "0", false)
frequency("between 2 and 4 of 4", { between = { 2, 4 } }, 4, "8", true)
frequency("between 2 and 4 of 5", { between = { 2, 4 } }, 5, "0", false)
frequency("between 0 and 4 of none", { between = { 0, 4 } }, 0, "8", true)
frequency("between 0 and 4 of 4", { between = { 0, 4 } }, 4, "8", true)

local function frequency_bands(name, count, expected, scored)
    rule(name, { event = "e", times = { { at_least = 10, points = 10 }, { at_least = 3, points = 5 },
        { exactly = 0, points = -3 } } }, { events = times(count, "e") }, expected, scored)
end
frequency_bands("times bands, the first", 10, "10", true)
frequency_bands("times bands, the second", 9, "5", true)
frequency_bands("times bands, none", 2, "0", false)
frequency_bands("times bands, no occurrence", 0, "-3", true)

rule("times is aged by the latest occurrence",
    { event = "e", times = { at_least = 2 }, points = 10, decay = monthly },
    { events = { at_time("70 days ago"), at_time("31 days ago"), at_time("100 days ago") } }, "5", true)
rule("times bands decay", { event = "e", times = { { at_least = 2, points = 8 } }, decay = { half_life = "5 days" } },
    { events = { at_time("40 days ago"), at_time("10 days ago") } }, "2", true)
rule("exactly 0 does not decay", { event = "e", times = { exactly = 0 }, points = 10, decay = monthly }, {}, "10",
    true)
rule("times counts after once_per", { event = "e", once_per = "day", times = { exactly = 2 }, points = 10 },
    { events = { at_time("2025-06-01T01:00"), at_time("2025-06-01T23:00"), at_time("2025-06-02") } }, "10", true)
rule("times counts within", { event = "e", within = "10 days", times = { exactly = 1 }, points = 10 },
    { events = { at_time("1 day ago"), at_time("20 days ago") } }, "10", true)

-- latest
rule("latest 2 of 3", { event = "e", latest = 2, points = 4 }, { events = times(3, "e") }, "8", true)
rule("latest 5 of 3", { event = "e", latest = 5, points = 4 }, { events = times(3, "e") }, "12", true)
local by_form = { Contact = 5, Newsletter = 2, Spam = -4 }
rule("latest takes the latest", { event = "form", property = "name", points_by = by_form, latest = 1 },
    { events = { at_time("3 days ago", "form", { name = "Contact" }),
        at_time("1 day ago", "form", { name = "Newsletter" }),
        at_time("2 days ago", "form", { name = "Contact" }) } }, "2", true)
rule("latest at equal times takes the larger points",
    { event = "form", property = "name", points_by = by_form, latest = 2 },
    { events = { at_time("1 day ago", "form", { name = "Spam" }),
        at_time("1 day ago", "form", { name = "Newsletter" }),
        at_time("1 day ago", "form", { name = "Contact" }) } }, "7", true)
rule("latest with decay", { event = "e", latest = 1, points = 10, decay = monthly },
    { events = { at_time("31 days ago"), at_time("50 days ago") } }, "5", true)

-- once_per
rule("once a day", { event = "e", once_per = "day", points = 3 }, { events = {
    at_time("2025-06-10T00:00:00"), at_time("2025-06-10T23:59:59"), at_time("2025-06-11T00:00:00"),
} }, "6", true)
rule("once a day is a day of UTC", { event = "e", once_per = "day", points = 3 }, { events = {
    at_time("2025-06-10T00:30:00+01:00"), at_time("2025-06-10T12:00:00Z"),
} }, "6", true)
rule("once a day keeps the latest", { event = "form", property = "name", points_by = by_form, once_per = "day" },
    { events = { at_time("2025-06-10T10:00", "form", { name = "Contact" }),
        at_time("2025-06-10T11:00", "form", { name = "Newsletter" }) } }, "2", true)
rule("once a day at equal times keeps the larger points", { event = "form", property = "name", points_by = by_form,
    once_per = "day" }, { events = { at_time("2025-06-10T10:00", "form", { name = "Newsletter" }),
        at_time("2025-06-10T10:00", "form", { name = "Contact" }),
        at_time("2025-06-10T10:00", "form", { name = "Spam" }) } }, "5", true)
rule("once per value", { event = "e", once_per = { property = "name" }, points = 3 }, { events = {
    at_time("1 day ago", "e", { name = "A" }), at_time("2 days ago", "e", { name = " a" }),
    at_time("3 days ago", "e", { name = "b" }),
} }, "6", true)
rule("once per value, unknown is one bucket", { event = "e", once_per = { property = "name" }, points = 3 },
    { events = {
    at_time("1 day ago"), at_time("2 days ago", "e", { name = "" }), at_time("3 days ago", "e", { name = "b" }),
} }, "6", true)
rule("once per value keeps the latest for its decay", { event = "e", once_per = { property = "name" }, points = 10,
    decay = monthly }, { events = { at_time("1 day ago", "e", { name = "a" }),
        at_time("40 days ago", "e", { name = "a" }) } },
    "10", true)
rule("once_per comes before latest", { event = "e", once_per = "day", latest = 2, points = 3 }, { events = {
    at_time("2025-06-10T10:00"), at_time("2025-06-10T11:00"), at_time("2025-06-10T12:00"), at_time("2025-06-09"),
} }, "6", true)

-- Decay --------------------------------------------------------------------------------------------------------------

decays("a step at once", 10, monthly, AT, "10")
decays("a step of a third", 7, { percent = 33.3, every = "1 week" }, "7 days ago", "4.669")
decays("three of them", 7, { percent = 33.3, every = "1 week" }, "27 days ago", "0.007")
decays("four of them", 7, { percent = 33.3, every = "1 week" }, "28 days ago", "0")
decays("negative points shrink, too", -10, monthly, "30 days ago", "-5")
decays("negative points end at 0", -10, monthly, "90 days ago", "0")
decays("half a millionth away from zero", 0.000001, monthly, "30 days ago", "0.000001")
decays("half a millionth away from zero, negative", -0.000001, monthly, "30 days ago", "-0.000001")
decays("a step on a long decay", 100, { percent = 0.000001, every = "1 day" }, "3 days ago", "99.999997")
decays("linear at once", 10, linear, AT, "10")
decays("linear at 30 d", 10, linear, "30 days ago", "5")
decays("linear at 59 d", 10, linear, "59 days ago", "0.166667")
decays("linear at 60 d", 10, linear, "60 days ago", "0")
decays("linear at 61 d", 10, linear, "61 days ago", "0")
decays("linear, a second", 1000000, { percent = 100, every = "1 year", curve = "linear" }, "1 second ago",
    "999999.96829")
decays("linear, negative", -10, linear, "29 days ago", "-5.166667")
decays("half-life at once", 10, { half_life = "14 days" }, AT, "10")
decays("half-life twice", 10, { half_life = "14 days" }, "28 days ago", "2.5")
decays("half-life, negative", -10, { half_life = "14 days" }, "7 days ago", "-7.071068")
decays("a third of a half-life", 1000000, { half_life = "3 days" }, "1 day ago", "793700.525984")
decays("two thirds of a half-life", 100, { half_life = "3 days" }, "2 days ago", "62.996052")
decays("one and a half half-lives", 100, { half_life = "2 days" }, "3 days ago", "35.355339")
decays("2^-20 rounds up", 1, { half_life = "1 day" }, "20 days ago", "0.000001")
decays("2^-21 rounds to 0", 1, { half_life = "1 day" }, "21 days ago", "0")
decays("an exact half of a millionth", 0.000064, { half_life = "1 day" }, "7 days ago", "0.000001")
decays("an exact half of a millionth, negative", -0.000064, { half_life = "1 day" }, "7 days ago", "-0.000001")
decays("a thousand half-lives", 1000000, { half_life = "1 second" }, "1000 seconds ago", "0")

rule("each occurrence by its own age", { event = "e", points = 10, decay = monthly },
    { events = { at_time("1 day ago"), at_time("31 days ago"), at_time("61 days ago") } }, "15", true)
rule("each occurrence is rounded by itself", { event = "e", points = 0.000001, decay = monthly },
    { events = times(2, "e", "30 days ago") }, "0.000002", true)
rule("within and decay together", { event = "e", points = 10, within = "45 days", decay = monthly },
    { events = { at_time("31 days ago"), at_time("46 days ago") } }, "5", true)
rule("a fully decayed occurrence still fires", { event = "e", points = 10, decay = monthly },
    { events = { at_time("90 days ago") } }, "0", true)
rule("decay comes before a rule's limit", { event = "e", points = 10, decay = monthly, limit = 8 },
    { events = { at_time("31 days ago") } }, "5", true)

add("a group's decay, overridden and off", define({ group({
    { event = "a", points = 10 }, { event = "b", points = 10, decay = { percent = 10, every = "1 month" } },
    { event = "c", points = 10, decay = false },
}, { decay = monthly }) }), { events = { at_time("31 days ago", "a"), at_time("31 days ago", "b"),
    at_time("31 days ago", "c") } }, { value = "24" })
add("decay comes before a group's limit", define({ group({ { event = "e", points = 10 } },
    { decay = monthly, limit = 12 }) }),
    { events = times(2, "e", "31 days ago") }, { value = "10" })

-- Limits -------------------------------------------------------------------------------------------------------------

local function limits(name, limit, points, expected)
    add(name, define({ group({ { event = "e", points = points } }, { limit = limit }) }), { events = times(3, "e") },
        { value = expected })
end
limits("a number limits above", 10, 4, "10")
limits("a number limits below", 10, -4, "-10")
limits("0 is a limit", 0, 4, "0")
limits("only a max", { max = 5 }, -4, "-12")
limits("only a min", { min = -5 }, 4, "12")
limits("both", { min = -1.5, max = 2.25 }, 4, "2.25")
limits("within its limit", 100, 4, "12")
add("a group's min lifts where nothing fired",
    define({ group({ { event = "e", points = 1 } }, { limit = { min = 2.5 } }) }),
    {}, { value = "2.5", scored = false })
add("a limit on the sum of limited rules", define({ group({
    { event = "e", points = 10, limit = 15 }, { event = "f", points = -4 },
}, { limit = 12 }) }), { events = join(times(3, "e"), times(1, "f")) }, { value = "11" })

local function categories(name, limit, record, expect)
    add(name, define({
        { name = "Fit", rules = { { when = { a = "1" }, points = 30 }, { when = { b = "1" }, points = 20 } } },
        { name = "Engagement", rules = { { event = "e", points = 10 } } },
    }, { limit = limit }), record, expect)
end
local full = { a = "1", b = "1", events = times(6, "e") }
categories("no limit", nil, full, { value = "110", fit = "50", engagement = "60", kind = "combined" })
categories("a total limit leaves the categories", { max = 100 }, full,
    { value = "100", fit = "50", engagement = "60" })
categories("category limits", { fit = { max = 40 }, engagement = { max = 50 } }, full,
    { value = "90", fit = "40", engagement = "50" })
categories("category and total limits", { max = 80, fit = { max = 40 }, engagement = { max = 50 } }, full,
    { value = "80", fit = "40", engagement = "50" })
categories("a category's min lifts", { fit = { min = 5 } }, {},
    { value = "5", fit = "5", engagement = "0", scored = false })
categories("a total min lifts", { min = 5 }, {}, { value = "5", fit = "0", engagement = "0", scored = false })
add("a category's limit on a score of one kind", define({ group({ { event = "e", points = 10 } }) },
    { limit = { engagement = { max = 15 } } }), { events = times(2, "e") }, { value = "15" })
add("two groups of one category under its limit", define({ group({ { event = "e", points = 10 } }),
    { name = "Other", rules = { { event = "f", points = 10 } } },
        { name = "Fit", rules = { { when = { a = "1" }, points = 1 } } },
}, { limit = { engagement = { max = 15 } } }), { events = join(times(1, "e"), times(1, "f")) },
    { value = "15", fit = "0", engagement = "15" })
add("a mixed group with its kind", define({
    { name = "Mixed", kind = "fit", rules = { { event = "e", points = 10 }, { when = { a = "1" }, points = 3 } } },
}), { a = "1", events = times(1, "e") }, { value = "13", kind = "fit", empty = { "fit", "engagement" } })
add("the kind may be given", define({ group({ { event = "e", points = 10 } }) }, { kind = "engagement" }),
    { events = times(1, "e") }, { value = "10", kind = "engagement" })

-- Thresholds ---------------------------------------------------------------------------------------------------------

local named = { { label = "Hot", at_least = 80, color = "red" }, { label = "Warm", at_least = 50.5 },
    { label = "Cold" } }
labels("the medium bound itself", short, 40, "Medium")
labels("just under high", short, 69.999999, "Medium")
labels("named bands, the first", named, 80, "Hot")
labels("named bands, the second", named, 50.5, "Warm")
labels("named bands, just under", named, 50.499999, "Cold")
labels("one band only", { { label = "All" } }, -5, "All")
labels("five bands", { { label = "A", at_least = 4 }, { label = "B", at_least = 3 }, { label = "C", at_least = 0 },
    { label = "D", at_least = -3 }, { label = "E" } }, -3, "D")
labels("negative bounds", { high = -10, medium = -20 }, -15, "Medium")

local function sides(name, thresholds, country, count, label)
    add(name, two_sides(thresholds), { country = country, events = times(count, "e") }, { label = label })
end
sides("short letters and digits: A1", both_short, "SE", 4, "A1")
sides("short letters and digits: A2", both_short, "SE", 2, "A2")
sides("short letters and digits: C3", both_short, "DK", 0, "C3")
sides("a medium fit", { fit = { high = 60, medium = 50 }, engagement = { high = 40, medium = 20 } }, "SE", 0, "B3")
sides("a combined score by its total", { high = 90, medium = 60 }, "SE", 1, "Medium")
sides("a combined score by named bands", named, "SE", 3, "Hot")
local named_sides = { fit = { { label = "Ideal", at_least = 50 }, { label = "Poor" } },
    engagement = { { label = "Active", at_least = 10 }, { label = "Quiet" } } }
sides("two named labels", named_sides, "SE", 0, "Ideal Quiet")
sides("two named labels, the others", named_sides, "DK", 1, "Poor Active")
sides("one short side", { fit = { high = 50, medium = 20 }, engagement = named_sides.engagement }, "SE", 1,
    "A Active")
add("labels go by limited values", define({ group({ { event = "e", points = 30 } }) },
    { limit = { max = 50 }, thresholds = short }), { events = times(3, "e") }, { value = "50", label = "Medium" })

-- Scope, and scores that did not happen ------------------------------------------------------------------------------

local OUT = { in_scope = false, empty = { "value", "fit", "engagement", "label" } }
local scoped = define({ group({ { when = { id = { known = true } }, points = 5 } }) },
    { scope = { country = "SE" }, thresholds = short })
add("in scope", scoped, { country = "SE" }, { value = "5", label = "Low", in_scope = true, scored = true })
add("out of scope", scoped, { country = "DK" }, OUT)
add("scope unknown", scoped, {}, OUT)
add("a list as scope", define({ group({ { event = "e", points = 5 } }) },
    { scope = { not_in_list = "competitors" } }),
    { lists = { "competitors" }, events = times(1, "e") }, OUT)
add("nothing fired", define({ group({ { event = "e", points = 5 } }) }, { thresholds = short }), {},
    { value = "0", label = "Low", scored = false, in_scope = true })
local strict = define({ group({ { event = "e", points = 5 } }),
    { name = "Fit", rules = { { when = { a = "1" }, points = 0 } } } },
    { thresholds = both_short, empty_until_scored = true, limit = { min = 1 } })
add("empty until scored", strict, {}, { scored = false, in_scope = true,
    empty = { "value", "fit", "engagement", "label" } })
add("a rule of 0 points scores", strict, { a = "1" },
    { value = "1", fit = "0", engagement = "0", label = "C3", scored = true })

-- Scores of scores ---------------------------------------------------------------------------------------------------

-- What `condition` on another score gives; that one has fit 10.5 for a = "1", and engagement 20 an event.
local function other_score(name, key, condition, record, expected)
    local main = define({ group({
        { when = { [key] = condition }, points = 1 }, { when = { none = { { [key] = condition } } }, points = 2 },
    }) })
    local other = { name = "other", scope = { in_list = "all" }, thresholds = { high = 30, medium = 10 }, groups = {
        { name = "Fit", rules = { { when = { a = "1" }, points = 10.5 } } },
        { name = "Engagement", rules = { { event = "e", points = 20 } } },
    } }
    add(name, { main, other }, record, { value = POINTS[expected] })
end

local function known_record() return { a = "1", lists = { "all" }, events = times(1, "e") } end
other_score("score:NAME at_least", "score:other", { at_least = 30.5 }, known_record(), "yes")
other_score("score:NAME more_than", "score:other", { more_than = 30.5 }, known_record(), "no")
other_score("score:NAME is", "score:other", 30.5, known_record(), "yes")
other_score("score:NAME between", "score:other", { between = { 30.500001, 40 } }, known_record(), "no")
other_score("score:NAME any_of", "score:other", { 1, 30.5 }, known_record(), "yes")
other_score("score:NAME.fit", "score:other.fit", { less_than = 10.500001 }, known_record(), "yes")
other_score("score:NAME.engagement", "score:other.engagement", { at_most = 19 }, known_record(), "no")
other_score("score:NAME.label", "score:other.label", "high", known_record(), "yes")
other_score("score:NAME.label, another", "score:other.label", { "Medium", "Low" }, known_record(), "no")
other_score("score:NAME out of scope", "score:other", { at_least = 0 }, { a = "1", lists = {} }, U)
other_score("score:NAME.label out of scope", "score:other.label", "Low", { a = "1", lists = {} }, U)
other_score("score:NAME known, out of scope", "score:other", { known = true }, { a = "1", lists = {} }, "no")
other_score("score:NAME missing, out of scope", "score:other", { at_least = 50, missing = true },
    { a = "1", lists = {} },
    "yes")
add("a score in a scope", { define({ group({ { event = "e", points = 5 } }) },
    { scope = { ["score:gate"] = { at_least = 1 } } }),
    { name = "gate", groups = { { name = "Gate", rules = { { when = { a = "1" }, points = 1 } } } } } },
    { a = "2", events = times(1, "e") }, OUT)
add("a score that uses a score that uses a score", {
    define({ group({ { when = { ["score:second"] = 2 }, points = 3 } }) }),
    { name = "third", groups = { { name = "Group", rules = { { when = { a = "1" }, points = 1 } } } } },
    { name = "second", groups = { { name = "Group", rules = { { when = { ["score:third"] = 1 }, points = 2 } } } } },
}, { a = "1" }, { value = "3" })

return vectors
