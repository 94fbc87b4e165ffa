-- The schema of the scoring language, version 1: every table that a definition may hold, with its keys, their types,
-- meanings and limits, and the operators of every type of property. It is data. The checker reads definitions by it,
-- error messages quote it, and the reference page is printed from it; so the three cannot disagree.
--
-- A table is { title =, keys = { { name =, type =, meaning =, required = }, ... } }. `title` completes "expected a key
-- of ...". A key's `type` names an entry of `M.types`.

local M = {}

--- What a definition may hold at most. Each is checked, and the limit itself is still allowed.
M.limits = {
    depth = 32, -- nested tables, so that recursion stays shallow
    rules = 10000, -- rules of one definition
    literals = 100000, -- values that the conditions and `points_by` of one definition compare with
    values = 1000000, -- tables and scalars of all definitions of a call, counted as often as they are reached
    name = 63, -- bytes of a score's name
    points = 1000000, -- of a rule, either sign
    weight = 1000, -- of a rollup, either sign
    sum = 1000000000000, -- limits, thresholds and what a score is compared with, either sign
    count = 1000000000, -- of `times` and `latest`
    span = 10000 * 365 * 86400, -- seconds
}

--- Seconds of the units of a span; each may have a plural s.
M.units = {
    second = 1, minute = 60, hour = 3600, day = 86400, week = 604800, month = 2592000, year = 31536000,
}

--- What kinds of value there are: `expected` completes error messages, `meaning` is for the reference page.
M.types = {
    any_text = { expected = "a text", meaning = "text for people" },
    band_label = { expected = "a label", meaning = "text, different from every other label of the list" },
    bands = { expected = "a list of bands, such as { { at_least = 500, points = 10 } }", meaning = "list of BAND" },
    boolean = { expected = "true or false", meaning = "true or false" },
    category_limit = { expected = "a limit { min =, max = }", meaning = "LIMIT as a table" },
    curve = { expected = '"linear"', meaning = '"linear"' },
    date = { expected = 'a date such as "2025-01-31" or a number of seconds', meaning = "DATE" },
    date_pair = { expected = "two dates { FIRST, LAST }, the earlier first", meaning = "{ DATE, DATE }" },
    decay = { expected = 'a decay such as { percent = 50, every = "1 month" }', meaning = "DECAY" },
    rule_decay = { expected = 'a decay such as { percent = 50, every = "1 month" }, or false',
        meaning = "DECAY or false" },
    definition_limit = { expected = "a limit { min =, max =, fit =, engagement = }", meaning = "LIMIT as a table" },
    event_names = { expected = "an event's name or a list of names", meaning = "text or list of texts" },
    expect = { expected = "a table of results, such as { value = 20 }", meaning = "EXPECT" },
    filter = { expected = "a filter, such as { country = \"SE\" }", meaning = "FILTER" },
    given = { expected = "a record: a table of its properties", meaning = "record" },
    group_kind = { expected = '"engagement" or "fit"', meaning = '"engagement" or "fit"' },
    groups = { expected = "a list of groups", meaning = "list of GROUP" },
    kind = { expected = '"engagement", "fit" or "combined"', meaning = '"engagement", "fit" or "combined"' },
    language = { expected = "language 1", meaning = "1" },
    latest = { expected = "a whole number from 1", meaning = "whole number from 1" },
    limit = { expected = "a number from 0, or { min =, max = }", meaning = "number from 0, or { min =, max = }" },
    name = { expected = "a name of a-z, 0-9 and _ that starts with a letter, at most 63",
        meaning = "[a-z][a-z0-9_]*, at most 63" },
    object = { expected = '"contact", "company" or "deal"', meaning = '"contact", "company" or "deal"' },
    once_per = { expected = '"day" or { property = NAME }', meaning = '"day" or { property = NAME }' },
    percent = { expected = "a number above 0, at most 100", meaning = "number above 0, at most 100" },
    points = { expected = "a number with at most 6 decimals", meaning = "number, at most 6 decimals, +-1000000" },
    points_by = { expected = "a table of VALUE = POINTS", meaning = "table of VALUE = POINTS" },
    properties = { expected = "a table of NAME = TYPE", meaning = "table of NAME = TYPE" },
    property = { expected = "the name of a property", meaning = "name of a property" },
    rules = { expected = "a list of rules", meaning = "list of RULE" },
    span = { expected = 'a span such as "30 days"', meaning = "SPAN" },
    sum = { expected = "a number with at most 6 decimals", meaning = "number, at most 6 decimals, +-10^12" },
    test_time = { expected = "a time", meaning = "time, as in files" },
    tests = { expected = "a list of tests { given =, at =, expect = }", meaning = "list of TEST" },
    thresholds = { expected = "thresholds, such as { high = 70, medium = 40 }", meaning = "THRESHOLDS" },
    times = { expected = "times, such as { at_least = 3 }", meaning = "TIMES" },
    rule_times = { expected = "times, such as { at_least = 3 }, or a list of these with points",
        meaning = "TIMES, or list of TIMES with points" },
    times_count = { expected = "a whole number from 0", meaning = "whole number from 0" },
    times_from_one = { expected = "a whole number from 1", meaning = "whole number from 1" },
    times_pair = { expected = "two whole numbers { LOW, HIGH }", meaning = "{ LOW, HIGH }" },
    combine = { expected = '"sum", "avg", "max" or "min"', meaning = '"sum", "avg", "max" or "min"' },
    comparison = { expected = "a number, or { LOW, HIGH } for between", meaning = "number, or { LOW, HIGH }" },
    count = { expected = "a count, such as { at_least = 2 }", meaning = "COUNT" },
    label_text = { expected = "a label of an association", meaning = "text" },
    of = { expected = 'what to roll up: "score:NAME", or the name of a number column',
        meaning = '"score:NAME", "score:NAME.fit", "score:NAME.engagement" or the name of a number column' },
    over = { expected = 'associated records, such as { relation = "company" }', meaning = "OVER" },
    related_filter = { expected = "a filter, such as { country = \"SE\" }", meaning = "FILTER" },
    relation = { expected = "a relation", meaning = "relation of the scored object" },
    rollup = { expected = '"sum", "avg", "max", "min" or "count"', meaning = '"sum", "avg", "max", "min" or "count"' },
    top = { expected = "a whole number from 1", meaning = "whole number from 1" },
    weight = { expected = "a number with at most 6 decimals", meaning = "number, at most 6 decimals, +-1000" },
    within = { expected = 'a span such as "30 days", or { last =, before =, after =, between = }', meaning = "WITHIN" },
}

-- A key: its name, type and meaning; a name that ends in "!" is required.
local function keys(rows)
    local list = {}
    for i, row in ipairs(rows) do
        local name = row[1]:gsub("!$", "")
        list[i] = { name = name, type = row[2], meaning = row[3], required = name ~= row[1] or nil }
    end
    return list
end

local function joined(...)
    local list = {}
    for i = 1, select("#", ...) do
        for _, row in ipairs((select(i, ...))) do
            list[#list + 1] = row
        end
    end
    return list
end

local RULE = {
    { "name", "any_text", "what the rule is called in explanations" },
    { "description", "any_text", "text for people" },
    { "enabled", "boolean", "false: the rule is left out of the score" },
    { "limit", "limit", "clamps the rule's result" },
}

local OVER = {
    { "over", "over", "which associated records the rule looks at" },
    { "combine", "combine", "how the results of associated records become one; sum is the default" },
}

local CHOICE = {
    { "points_by", "points_by", "points for each value that the property holds, added" },
    { "bands", "bands", "conditions on the property, each with points: the first that is true" },
    { "otherwise", "points", "points if the property is known and nothing matched" },
}

local OCCURRENCES = {
    { "event!", "event_names", "which events" },
    { "where", "filter", "a filter on the event's own properties" },
    { "within", "within", "how old an event may be, or between which dates it lies" },
}

local COUNT = {
    { "exactly", "times_count", "that many" },
    { "at_least", "times_count", "that many or more" },
    { "at_most", "times_count", "that many or fewer, none too" },
    { "between", "times_pair", "from the first to the second, both included" },
}

local TIMES = {
    { "exactly", "times_count", "that many occurrences" },
    { "at_least", "times_from_one", "that many or more" },
    { "at_most", "times_from_one", "from one to that many" },
    { "between", "times_pair", "from the first to the second, both included" },
}

M.tables = {
    definition = { title = "a definition", keys = keys({
        { "language", "language", "version of the language; 1 is the default and the only one" },
        { "name!", "name", "names the score and its output column" },
        { "label", "any_text", "what people call the score" },
        { "description", "any_text", "text for people" },
        { "object", "object", "what is scored; contact is the default" },
        { "kind", "kind", "found from the groups, and checked if given" },
        { "properties", "properties", "types of properties, where their use does not tell" },
        { "scope", "filter", "only records for which it is true are scored" },
        { "limit", "definition_limit", "clamps the score, and its fit and engagement" },
        { "empty_until_scored", "boolean", "true: the results are empty, not 0, while no rule has fired" },
        { "groups!", "groups", "the rules, in groups" },
        { "thresholds", "thresholds", "labels for values" },
        { "tests", "tests", "examples that `leadscore test` runs" },
    }) },
    group = { title = "a group", keys = keys({
        { "name!", "any_text", "what the group is called in explanations" },
        { "description", "any_text", "text for people" },
        { "kind", "group_kind", "required when event rules and others are mixed, and with rollups" },
        { "limit", "limit", "clamps the group's sum" },
        { "decay", "decay", "how occurrences of the group's event rules lose value" },
        { "rules!", "rules", "the rules; each adds independently" },
    }) },
    when_rule = { title = "a rule with `when`", keys = keys(joined(RULE, {
        { "when!", "filter", "the rule fires if the filter is true" },
        { "points!", "points", "what it gives then" },
    })) },
    property_rule = { title = "a rule with `property`", keys = keys(joined(RULE, OVER, {
        { "property!", "property", "the property whose value decides" },
    }, CHOICE)) },
    event_rule = { title = "a rule with `event`", keys = keys(joined(RULE, OVER, OCCURRENCES, {
        { "once_per", "once_per", "of each day's or value's occurrences only the latest stays" },
        { "times", "rule_times", "points once, if the count of occurrences fits" },
        { "latest", "latest", "only that many latest occurrences earn" },
        { "points", "points", "for every occurrence, or once with `times`" },
        { "property", "property", "the event's property whose value decides" },
    }, CHOICE, {
        { "decay", "rule_decay", "how occurrences lose value with age; false: not at all" },
    })) },
    rollup_rule = { title = "a rule with `rollup`", keys = keys(joined(RULE, {
        { "rollup!", "rollup", "how the values of associated records become one" },
        { "of", "of", "the value: a score of theirs, or a column; count needs none" },
        { "over", "over", "which associated records: all contacts unless said; on a contact it must be said" },
        { "top", "top", "only that many largest values" },
        { "weight", "weight", "the result is multiplied by it; 1 is the default" },
        { "at_least", "comparison", "count only those whose value is that or more" },
        { "at_most", "comparison", "count only those whose value is that or less" },
        { "between", "comparison", "count only those whose value is between these, both included" },
    })) },
    over = { title = "`over`", keys = keys({
        { "relation", "relation", "to which records; contacts is the default where events are read or rolled up" },
        { "labelled", "label_text", "only associations with that label" },
        { "where", "related_filter", "only records for which it is true" },
    }) },
    related = { title = "a filter on associated records", keys = keys({
        { "every", "boolean", "true: all of them, and there is one" },
        { "count", "count", "how many of them" },
        { "labelled", "label_text", "only associations with that label" },
    }) },
    count = { title = "`count`", keys = keys(COUNT) },
    events = { title = "`did`", keys = keys(joined(OCCURRENCES, {
        { "times", "times", "how often; at least once unless said" },
    })) },
    within = { title = "`within`", keys = keys({
        { "last", "span", "younger than that" },
        { "before", "date", "before that date" },
        { "after", "date", "after that date" },
        { "between", "date_pair", "from the start of the first to the end of the second" },
    }) },
    times = { title = "`times`", keys = keys(TIMES) },
    times_band = { title = "a band of `times`", keys = keys(joined(TIMES, {
        { "points!", "points", "what it gives if the count fits" },
    })) },
    once_per = { title = "`once_per`", keys = keys({
        { "property!", "property", "the event's property" },
    }) },
    decay = { title = "`decay`", keys = keys({
        { "percent", "percent", "how much of the original points is lost each interval" },
        { "every", "span", "the interval" },
        { "curve", "curve", "linear: between the intervals too" },
        { "half_life", "span", "after that time half of the points is left" },
    }) },
    limit = { title = "a limit", keys = keys({
        { "min", "sum", "the least" },
        { "max", "sum", "the most" },
    }) },
    definition_limit = { title = "a limit", keys = keys({
        { "min", "sum", "the least value" },
        { "max", "sum", "the largest value" },
        { "fit", "category_limit", "clamps the sum of the fit groups" },
        { "engagement", "category_limit", "clamps the sum of the engagement groups" },
    }) },
    short_thresholds = { title = "thresholds", keys = keys({
        { "high!", "sum", "from here on it is High (A, 1)" },
        { "medium!", "sum", "from here on it is Medium (B, 2), below it Low (C, 3)" },
    }) },
    combined_thresholds = { title = "thresholds of a combined score", keys = keys({
        { "fit!", "thresholds", "bands of the fit value" },
        { "engagement!", "thresholds", "bands of the engagement value" },
    }) },
    threshold = { title = "a threshold", keys = keys({
        { "label!", "band_label", "the label" },
        { "at_least", "sum", "from here on; the last band has none" },
        { "color", "any_text", "a colour for people" },
    }) },
    test = { title = "a test", keys = keys({
        { "given!", "given", "the record, with its events" },
        { "at", "test_time", "the instant of scoring" },
        { "expect!", "expect", "results that must come out" },
    }) },
}

--- Results that a test may expect.
M.results = { "value", "fit", "engagement", "label", "scored", "in_scope", "next_change_at" }

--- Words that are no properties in a filter on a record, with their meaning.
M.words = {
    all = "all of these filters hold", any = "one of these filters holds", none = "none of these filters holds",
    did = "the events happened", did_not = "the events did not happen",
    in_list = "the record is in one of these lists", not_in_list = "the record is in none of these lists",
}

--- The same inside an event's `where`.
M.event_words = { all = M.words.all, any = M.words.any, none = M.words.none }

--- Relations of an object to others, in order: { NAME, the object related to, meaning }.
M.relation_rows = {
    contact = {
        { "company", "company", "its primary company" },
        { "companies", "company", "all its companies" },
        { "deals", "deal", "its deals" },
    },
    company = {
        { "contacts", "contact", "all its contacts" },
        { "primary_contacts", "contact", "the contacts whose primary company it is" },
        { "deals", "deal", "its deals" },
    },
    deal = {
        { "contacts", "contact", "its contacts" },
        { "company", "company", "its primary company, else its only one" },
    },
}

--- The object that a relation leads to, by object and name; the names are reserved in filters too.
M.relations = {}
for object, rows in pairs(M.relation_rows) do
    M.relations[object] = {}
    for _, row in ipairs(rows) do
        M.relations[object][row[1]] = row[2]
    end
end

--- Keys beside a relation's inner filter.
M.relation_words = {}
for _, key in ipairs(M.tables.related.keys) do
    M.relation_words[key.name] = true
end

--- Owners that may lead a name in `properties`.
M.owners = { event = true, contact = true, company = true, deal = true }

--- Types that a property can have: what a literal of it is, and its operators { takes =, test = }. `takes`: one
--- literal, a list, one or a list ("some"), a pair, or a span; `test`: what it is in the canonical form. `literal` is
--- also how a message names such a literal.
local function operators(rows)
    local list, by_name = {}, {}
    for i, row in ipairs(rows) do
        list[i] = row[1]
        by_name[row[1]] = { name = row[1], takes = row[2], test = row[3], raw = row[4] == "raw" or nil }
    end
    return list, by_name
end

local function type_of(literal, rows)
    local names, by_name = operators(rows)
    return { literal = literal, names = names, operators = by_name }
end

local TEXTS = { -- "raw": the literal keeps its blanks
    { "contains", "some", "contains", "raw" }, { "not_contains", "some", "not_contains", "raw" },
    { "starts_with", "some", "starts_with", "raw" }, { "ends_with", "some", "ends_with", "raw" },
}

local NUMBERS = {
    { "is", "one", "any_of" }, { "is_not", "one", "none_of" }, { "any_of", "list", "any_of" },
    { "none_of", "list", "none_of" }, { "more_than", "one", "more_than" }, { "at_least", "one", "at_least" },
    { "less_than", "one", "less_than" }, { "at_most", "one", "at_most" }, { "between", "pair", "between" },
    { "not_between", "pair", "not_between" },
}

M.property_types = {
    text = type_of("a text", joined({
        { "is", "one", "any_of" }, { "is_not", "one", "none_of" }, { "any_of", "list", "any_of" },
        { "none_of", "list", "none_of" },
    }, TEXTS)),
    number = type_of("a number", NUMBERS),
    boolean = type_of("true or false", { { "is", "one", "is" }, { "is_not", "one", "is_not" } }),
    datetime = type_of(M.types.date.expected, {
        { "is", "one", "within" }, { "is_not", "one", "outside" }, { "before", "one", "before" },
        { "after", "one", "since" }, { "between", "pair", "within" }, { "not_between", "pair", "outside" },
        { "in_last", "span", "in_last" }, { "more_than_ago", "span", "more_than_ago" },
        { "in_next", "span", "in_next" }, { "more_than_ahead", "span", "more_than_ahead" },
    }),
    set = type_of("a text", joined({
        { "any_of", "list", "any_of" }, { "all_of", "list", "all_of" }, { "none_of", "list", "none_of" },
        { "exactly", "list", "exactly" }, { "is", "one", "any_of" },
    }, TEXTS)),
}

--- A score's value, fit or engagement: like a number, but exact.
M.points_type = type_of("a number with at most 6 decimals", NUMBERS)

--- Operators of every type.
M.common_operators = {
    known = "true: there is a value; false: there is none",
    missing = "true, beside others: an unknown value counts as a match",
}

--- Operators that prove a type by themselves, whatever their literal.
M.proofs = {
    before = "datetime", after = "datetime", in_last = "datetime", more_than_ago = "datetime", in_next = "datetime",
    more_than_ahead = "datetime", all_of = "set", exactly = "set",
}

--- Operators under which a text shaped like a date proves a datetime.
M.dated = { is = true, is_not = true, between = true, not_between = true }

--- Operators under which a text fits a set that another use proves.
M.fits_set = { is = true, any_of = true, none_of = true, all_of = true, exactly = true }

--- Properties of events whose type is given.
M.event_properties = { event = "text", at = "datetime" }

--- Texts that are booleans, in data and as keys of `points_by`; any case.
M.boolean_texts = { ["true"] = true, yes = true, ["1"] = true, ["false"] = false, no = false, ["0"] = false }

--- Parts of a score that a filter can name.
M.parts = { "fit", "engagement", "label" }

return M
