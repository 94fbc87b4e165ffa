-- A combined score of companies: is it our kind of company (fit), and do its people deal with us (engagement)?
return {
    name = "company_quality",
    label = "Company quality",
    object = "company",
    -- A contact may have several roles, which are separated by ";" in the export.
    properties = { ["contact.buying_role"] = "set" },
    -- Customers have a score of their own.
    scope = { lifecycle_stage = { is_not = "Customer", missing = true } },
    limit = { min = 0, max = 100 },
    groups = {
        {
            name = "Firmographics",
            limit = 30,
            rules = {
                { property = "industry", points_by = { Software = 15, Finance = 10, Retail = 5 } },
                {
                    property = "employees",
                    bands = { { at_least = 500, points = 15 }, { between = { 50, 499 }, points = 10 } },
                },
                { when = { country = { "SE", "DK", "NO", "FI" } }, points = 5 },
            },
        },
        {
            name = "Buying group",
            description = "Deals are won with several people, and lost with one.",
            limit = 30,
            rules = {
                { name = "Three people or more", when = { contacts = { count = { at_least = 3 } } }, points = 10 },
                {
                    name = "A decision maker",
                    when = { contacts = { buying_role = { "Decision maker", "Budget holder" } } },
                    points = 10,
                },
                { name = "A blocker", when = { contacts = { buying_role = "Blocker" } }, points = -15 },
                -- The most senior person counts, not how many managers there are.
                {
                    name = "Seniority",
                    property = "seniority",
                    points_by = { Executive = 10, Director = 7, Manager = 3 },
                    over = { relation = "primary_contacts" },
                    combine = "max",
                },
            },
        },
        {
            name = "Engagement of its people",
            description = "Fades by half each month, from the day of the event.",
            limit = 60,
            decay = { percent = 50, every = "1 month" },
            rules = {
                { event = "meeting_held", points = 20 },
                { event = "call_started", points = 10 },
                -- Counted for each person: 3 visits of one person are interest, one visit each of 3 people are not.
                {
                    event = "page_viewed",
                    where = { url = { contains = "/pricing" } },
                    within = "30 days",
                    times = { at_least = 3 },
                    points = 8,
                },
                -- What those who decide do counts once more.
                { event = "email_replied", points = 5, over = { where = { buying_role = "Decision maker" } } },
            },
        },
    },
    thresholds = { fit = { high = 40, medium = 20 }, engagement = { high = 40, medium = 15 } },
    tests = {
        {
            given = {
                industry = "Software",
                employees = 120,
                country = "SE",
                contacts = {
                    {
                        buying_role = "Decision maker;Budget holder",
                        events = { { "email_replied", "2 days ago" }, { "meeting_held", "35 days ago" } },
                    },
                    {
                        buying_role = "User",
                        events = {
                            { event = "page_viewed", at = "1 day ago", url = "/pricing" },
                            { event = "page_viewed", at = "2 days ago", url = "/pricing" },
                            { event = "page_viewed", at = "3 days ago", url = "/pricing" },
                            { "email_replied", "3 days ago" },
                        },
                    },
                },
                primary_contacts = { { seniority = "Director" }, { seniority = "Manager" } },
            },
            -- Fit: 15 + 10 + 5, and 10 + 10 + 7 of the buying group. Engagement: 10 of 20, and 8 and 5.
            expect = { value = 80, fit = 57, engagement = 23, label = "A2" },
        },
        {
            given = { industry = "Retail", contacts = { { buying_role = "Blocker" } } },
            expect = { value = 0, fit = -10, engagement = 0, label = "C3" },
        },
        { given = { lifecycle_stage = "Customer", industry = "Software" }, expect = { in_scope = false } },
    },
}
