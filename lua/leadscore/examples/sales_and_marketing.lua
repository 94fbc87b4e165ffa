-- An engagement score of two groups: what people do with sales, and what they do with marketing. Each group has its own
-- limit, so that many opened newsletters can never outweigh a meeting, and the whole goes up to 100.
return {
    name = "engagement_score",
    label = "Engagement with sales and marketing",
    object = "contact",
    limit = { max = 100 },
    groups = {
        {
            name = "Engagement with sales",
            description = "Someone took the time to talk to us.",
            limit = 60,
            rules = {
                { event = "call_started", points = 15 },
                { event = "meeting_booked", points = 10 },
                { event = "meeting_held", points = 20 },
            },
        },
        {
            name = "Engagement with marketing",
            description = "Someone reacts to what we publish.",
            limit = 40,
            rules = {
                { event = "cta_clicked", points = 6 },
                { event = "email_opened", points = 2 },
                { event = "email_link_clicked", points = 5 },
            },
        },
    },
    thresholds = { high = 70, medium = 40 },
    tests = {
        -- A meeting booked once (10), two mails opened (4), three links clicked (15).
        {
            given = {
                events = {
                    { "meeting_booked", "3 days ago" },
                    { "email_opened", "5 days ago" },
                    { "email_opened", "12 days ago" },
                    { "email_link_clicked", "5 days ago" },
                    { "email_link_clicked", "6 days ago" },
                    { "email_link_clicked", "12 days ago" },
                },
            },
            expect = { value = 29, label = "Low" },
        },
        -- Four meetings make 80, and the group's limit 60 of them.
        {
            given = {
                events = {
                    { "meeting_held", "1 day ago" },
                    { "meeting_held", "8 days ago" },
                    { "meeting_held", "15 days ago" },
                    { "meeting_held", "22 days ago" },
                },
            },
            expect = { value = 60, label = "Medium" },
        },
        { given = {}, expect = { value = 0, scored = false, label = "Low" } },
    },
}
