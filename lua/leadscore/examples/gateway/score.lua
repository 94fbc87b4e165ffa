-- What the gateway scores by when no other definition is named.
return {
    name = "interest",
    label = "Interest",
    limit = { min = 0, max = 100 },
    groups = {
        {
            name = "On the site",
            limit = 60,
            decay = { percent = 50, every = "1 month" },
            rules = {
                { event = "page_viewed", points = 1, once_per = "day" },
                { event = "page_viewed", where = { url = { contains = "/pricing" } }, points = 10 },
                { event = "form_submitted", points = 20 },
                { event = "unsubscribed", points = -20 },
            },
        },
        {
            name = "Company",
            limit = 40,
            rules = {
                { when = { country = { "SE", "DK", "NO" } }, points = 15 },
                {
                    property = "employees",
                    bands = { { at_least = 500, points = 25 }, { between = { 50, 499 }, points = 10 } },
                },
            },
        },
    },
    thresholds = {
        { label = "Hot", at_least = 50 },
        { label = "Warm", at_least = 20 },
        { label = "Cold" },
    },
}
