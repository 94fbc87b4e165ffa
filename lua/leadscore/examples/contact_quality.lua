-- A combined score: what contacts do (engagement, which fades) and who they are (fit).
return {
    name = "contact_quality",
    label = "Contact quality",
    object = "contact",
    properties = { region = "set" },
    scope = { not_in_list = "competitors" },
    limit = { min = -100, max = 100 },
    groups = {
        {
            name = "Engagement with sales",
            limit = 60,
            decay = { percent = 50, every = "1 month" },
            rules = {
                { event = "call_started", points = 15 },
                { event = "meeting_booked", points = 10 },
                {
                    event = "page_viewed",
                    where = { url = { contains = "/pricing" } },
                    within = "30 days",
                    times = { at_least = 3 },
                    points = 8,
                    decay = false,
                },
            },
        },
        {
            name = "Company fit",
            limit = 40,
            rules = {
                { when = { industry = "Hospitality", employees = { between = { 50, 500 } } }, points = 20 },
                { when = { country = { "SE", "DK" } }, points = 5 },
                { property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } },
                { when = { email = { ends_with = { "@gmail.com", "@hotmail.com" } } }, points = -10 },
            },
        },
    },
    thresholds = { fit = { high = 30, medium = 15 }, engagement = { high = 40, medium = 20 } },
    tests = {
        {
            given = { country = "SE", events = { { "call_started", "10 days ago" } } },
            at = "2025-06-01",
            expect = { value = 20, fit = 5, engagement = 15, label = "C3" },
        },
        {
            given = { region = { "Northeast", "Midwest" }, industry = "hospitality", employees = 50 },
            at = "2025-06-01",
            expect = { value = 40, fit = 40, engagement = 0, label = "A3" },
        },
    },
}
