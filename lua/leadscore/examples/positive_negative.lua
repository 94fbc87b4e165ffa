-- A score of properties alone, as older CRMs have it: sets of criteria that add points, and sets that take some away.
-- All criteria of a set must hold; where any of several will do, `any` says so. What is not known fires neither.
return {
    name = "lead_score",
    label = "Lead score",
    object = "contact",
    groups = {
        {
            name = "Positive",
            rules = {
                {
                    name = "Works in a buying role",
                    when = { job_title = { contains = { "Chief", "VP", "Head", "Director" } } },
                    points = 20,
                },
                {
                    name = "Company of our size in our markets",
                    when = { employees = { between = { 50, 5000 } }, country = { "US", "GB", "DE", "SE" } },
                    points = 15,
                },
                {
                    name = "Asked to be contacted",
                    when = { any = { { phone = { known = true } }, { wants_demo = true } } },
                    points = 10,
                },
                { name = "Visits often", when = { page_views = { at_least = 10 } }, points = 5 },
                { name = "Was here lately", when = { last_seen_at = { in_last = "30 days" } }, points = 5 },
            },
        },
        {
            name = "Negative",
            rules = {
                {
                    name = "Private address",
                    when = { email = { ends_with = { "@gmail.com", "@hotmail.com", "@yahoo.com" } } },
                    points = -10,
                },
                {
                    name = "Student or applicant",
                    when = { any = {
                        { job_title = { contains = { "Student", "Intern" } } },
                        { email = { ends_with = ".edu" } },
                    } },
                    points = -25,
                },
                { name = "Unsubscribed", when = { unsubscribed = true }, points = -15 },
                { name = "Bounced", when = { email_bounces = { at_least = 1 } }, points = -5 },
                { name = "Not seen for a year", when = { last_seen_at = { more_than_ago = "1 year" } }, points = -10 },
            },
        },
    },
    thresholds = { high = 40, medium = 20 },
    tests = {
        {
            given = { job_title = "VP Sales", employees = 800, country = "de", phone = "+49 30 1", page_views = 3 },
            at = "2025-06-01",
            expect = { value = 45, label = "High" },
        },
        {
            given = {
                job_title = "Student",
                email = "ann@uni.edu",
                unsubscribed = "yes",
                last_seen_at = "2024-01-15",
            },
            at = "2025-06-01",
            expect = { value = -50, label = "Low" },
        },
        { given = {}, expect = { value = 0, scored = false } },
    },
}
