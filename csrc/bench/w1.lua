-- The standard workload's score. Its data: w1_gen.c; what must come out at 2026-01-01T00:00:00Z: sums.lua.
return {
    name = "w1",
    label = "Standard workload",
    object = "contact",
    limit = { min = -100, max = 100 },
    groups = {
        {
            name = "Fit",
            limit = 50,
            rules = {
                {
                    when = { industry = { any_of = { "Software", "Finance", "Healthcare", "Insurance", "Telecom" } } },
                    points = 10,
                },
                { property = "industry", points_by = { Software = 8, Finance = 6, Retail = 3 } },
                {
                    when = { country = { any_of = { "US", "GB", "DE", "FR", "DK", "NO", "SE", "NL", "CA", "AU" } } },
                    points = 8,
                },
                { when = { country = { any_of = { "KR", "CN", "NG", "EG", "VN" } } }, points = -10 },
                {
                    property = "employees",
                    bands = { { at_least = 200, points = 10 }, { between = { 20, 199 }, points = 5 } },
                },
                { when = { created_at = { in_last = "90 days" } }, points = 3 },
                { when = { job_title = { contains = { "Chief", "VP", "Director", "Head" } } }, points = 12 },
                { when = { job_title = { starts_with = "Intern" } }, points = -20 },
            },
        },
        {
            name = "Engagement with sales",
            limit = 60,
            rules = {
                {
                    event = "form_submission",
                    where = { prop = { contains = "demo" } },
                    points = 15,
                    decay = { percent = 25, every = "3 months" },
                },
                { event = "meeting_booked", points = 10, decay = { percent = 50, every = "1 month" } },
                { event = "meeting_completed", points = 20, decay = { percent = 100, every = "3 months" } },
                { event = "call_started", points = 5, decay = { percent = 25, every = "3 months" } },
                {
                    event = "page_view",
                    where = { prop = { starts_with = "pricing/" } },
                    within = "30 days",
                    times = { at_least = 3 },
                    points = 10,
                },
                { event = "unsubscribe", points = -15 },
            },
        },
        {
            name = "Engagement with marketing",
            limit = 40,
            rules = {
                { event = "cta_click", points = 6, decay = { percent = 50, every = "1 month" } },
                { event = "email_open", within = "90 days", times = { at_least = 5 }, points = 4 },
                { event = "email_click", within = "60 days", times = { between = { 2, 10 } }, points = 5 },
                {
                    event = "form_submission",
                    where = { prop = { contains = { "contact-us", "newsletter" } } },
                    points = 5,
                    decay = { percent = 100, every = "3 months" },
                },
                { event = "webinar_attended", where = { prop = { contains = "analytics" } }, points = 8 },
                { event = "page_view", within = "365 days", times = { at_least = 20 }, points = 3 },
            },
        },
    },
    thresholds = { fit = { high = 25, medium = 10 }, engagement = { high = 50, medium = 20 } },
}
