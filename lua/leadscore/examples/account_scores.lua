-- Account scores made of person scores: what the people of a company do, added up for the account team.
--
-- Score people first, then roll their scores up. There may be as many account scores side by side as there are
-- questions to answer: the first two are the classic sums, the others show what else a rollup can say about the same
-- people.

-- Competitors who read our site are no buyers: they are out of scope here, and so take no part in any account score.
local scope = { not_in_list = "competitors" }

-- What a person looks at and tries out, which tells how serious the interest in the product is.
local person_product_interest = {
    name = "person_product_interest",
    label = "Person product interest",
    scope = scope,
    groups = {
        {
            name = "Product interest",
            limit = 100,
            rules = {
                { event = "trial_started", points = 20 },
                {
                    event = "page_viewed",
                    where = { url = { contains = "/pricing" } },
                    within = "90 days",
                    points = 5,
                },
                {
                    event = "page_viewed",
                    where = { url = { contains = "/products/" } },
                    within = "90 days",
                    points = 2,
                },
            },
        },
    },
    tests = {
        {
            given = { events = { { "trial_started", "200 days ago" }, { "webinar_attended", "1 day ago" } } },
            expect = { value = 20 },
        },
    },
}

-- How much time a person spends with us on the web, whatever the subject.
local person_web_engagement = {
    name = "person_web_engagement",
    label = "Person web engagement",
    scope = scope,
    groups = {
        {
            name = "Web engagement",
            rules = {
                { event = "page_viewed", within = "90 days", points = 1, limit = 20 },
                { event = "form_submitted", within = "90 days", points = 5 },
                { event = "webinar_attended", within = "90 days", points = 10 },
            },
        },
    },
    tests = {
        {
            given = { events = { { "webinar_attended", "10 days ago" }, { "webinar_attended", "100 days ago" } } },
            expect = { value = 10 },
        },
        { given = { lists = { "competitors" } }, expect = { in_scope = false } },
    },
}

-- The people of one company, for the tests below: 10 and 25 points of web engagement, 20 and 10 of product interest,
-- and a competitor's scout who does not count.
local people = {
    {
        role = "Decision maker",
        events = { { "webinar_attended", "5 days ago" }, { "trial_started", "20 days ago" } },
    },
    {
        role = "User",
        events = {
            { "webinar_attended", "10 days ago" },
            { "webinar_attended", "40 days ago" },
            { event = "page_viewed", at = "2 days ago", url = "/pricing" },
            { event = "page_viewed", at = "3 days ago", url = "/pricing?seats=50" },
            { event = "page_viewed", at = "4 days ago", url = "/blog" },
            { event = "page_viewed", at = "5 days ago", url = "/blog/2" },
            { event = "page_viewed", at = "6 days ago", url = "/" },
        },
    },
    { lists = { "competitors" }, events = { { event = "page_viewed", at = "1 day ago", url = "/pricing" } } },
}

-- An account score of one rollup rule, with its test on the people above. A rollup can be about fit or engagement, so
-- its group says which.
local function account_score(name, label, description, rule, value)
    return {
        name = name,
        label = label,
        description = description,
        object = "company",
        groups = { { name = label, kind = "engagement", rules = { rule } } },
        tests = {
            { given = { contacts = people }, expect = { value = value } },
            { given = { industry = "Retail" }, expect = { value = 0, scored = false } },
        },
    }
end

return {
    person_product_interest,
    person_web_engagement,

    account_score("account_product_interest", "Account product interest",
        "The sum of the product interest of all people of the account.",
        { rollup = "sum", of = "score:person_product_interest" }, 30),

    account_score("account_web_engagement", "Account web engagement",
        "The sum of the web engagement of all people of the account.",
        { rollup = "sum", of = "score:person_web_engagement" }, 35),

    account_score("account_web_average", "Average web engagement",
        "Large accounts do not win by their number of people alone.",
        { rollup = "avg", of = "score:person_web_engagement" }, 17.5),

    account_score("account_web_best", "Most engaged person",
        "The one person to call first has that many points.",
        { rollup = "max", of = "score:person_web_engagement" }, 25),

    account_score("account_web_top_three", "Top three people",
        "A buying group is a few people: only the three most engaged ones count.",
        { rollup = "sum", of = "score:person_web_engagement", top = 3 }, 35),

    account_score("account_engaged_people", "Engaged people",
        "How many people have 15 points of web engagement or more.",
        { rollup = "count", of = "score:person_web_engagement", at_least = 15 }, 1),

    account_score("account_decision_makers", "Interest of decision makers",
        "Product interest of those who decide, which weighs double.",
        {
            rollup = "sum",
            of = "score:person_product_interest",
            over = { relation = "contacts", where = { role = "Decision maker" } },
            weight = 2,
        }, 40),
}
