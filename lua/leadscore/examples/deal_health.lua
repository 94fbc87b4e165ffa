-- A score of open deals: how likely is it to close, from what is in the CRM and what the people on the deal do.
return {
    name = "deal_health",
    label = "Deal health",
    object = "deal",
    scope = { stage = { none_of = { "Won", "Lost" } } },
    limit = { min = -100, max = 100 },
    groups = {
        {
            name = "The deal",
            limit = 40,
            rules = {
                {
                    property = "stage",
                    points_by = { Discovery = 5, Evaluation = 10, Negotiation = 20, Contract = 30 },
                },
                { name = "Worth the effort", when = { amount = { at_least = 50000 } }, points = 5 },
                { name = "Next meeting is booked", when = { next_meeting_at = { in_next = "14 days" } }, points = 10 },
                { name = "Close date is over", when = { close_date = { more_than_ago = "1 day" } }, points = -20 },
                { name = "Our kind of company", when = { company = { industry = { "Software", "Finance" } } },
                    points = 5 },
            },
        },
        {
            name = "People on the deal",
            limit = 30,
            rules = {
                { name = "A decision maker", when = { contacts = { labelled = "Decision maker" } }, points = 15 },
                -- Absence is asked by `count`: a person without a label is known to have none.
                {
                    name = "No decision maker",
                    when = { contacts = { labelled = "Decision maker", count = { exactly = 0 } } },
                    points = -15,
                },
                { name = "Not with one person alone", when = { contacts = { count = { at_least = 3 } } }, points = 10 },
                { name = "All of them may get mail", when = { contacts = { unsubscribed = false, every = true } },
                    points = 5 },
            },
        },
        {
            name = "Momentum",
            -- Event rules and a filter together: the group says which kind it is.
            kind = "engagement",
            limit = 50,
            decay = { half_life = "14 days" },
            rules = {
                { event = "meeting_held", points = 20 },
                { event = "email_replied", points = 6 },
                -- The most active champion counts, not how many there are.
                {
                    event = "document_viewed",
                    points = 4,
                    over = { labelled = "Champion" },
                    combine = "max",
                },
                {
                    name = "Gone quiet",
                    when = { did_not = { event = { "meeting_held", "email_replied" }, within = "30 days" } },
                    points = -20,
                },
            },
        },
    },
    thresholds = {
        { label = "On track", at_least = 60, color = "green" },
        { label = "Watch", at_least = 20, color = "yellow" },
        { label = "At risk", color = "red" },
    },
    tests = {
        {
            given = {
                stage = "Negotiation",
                amount = 80000,
                close_date = "2025-06-30",
                next_meeting_at = "2025-06-05",
                company = { industry = "Software" },
                contacts = {
                    {
                        labels = { "Decision maker" },
                        unsubscribed = false,
                        events = { { "meeting_held", "2025-05-18" } },
                    },
                    {
                        labels = { "Champion" },
                        unsubscribed = false,
                        events = { { "document_viewed", "2025-06-01" }, { "email_replied", "2025-06-01" } },
                    },
                    { unsubscribed = true, events = { { "document_viewed", "2025-06-01" } } },
                },
            },
            at = "2025-06-01",
            -- 20 + 5 + 10 + 5, then 15 + 10, then 10 of 20 after one half-life, 6 and 4.
            expect = { value = 85, fit = 65, engagement = 20, label = "On track" },
        },
        {
            given = {
                stage = "Evaluation",
                close_date = "2025-05-01",
                contacts = { { events = { { "email_replied", "2025-04-01" } } } },
            },
            at = "2025-06-01",
            expect = { fit = -25, label = "At risk" },
        },
        { given = { stage = "Won" }, expect = { in_scope = false } },
    },
}
