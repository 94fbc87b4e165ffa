-- Two ways to give points for submitted forms.

-- Together: 5 points for every submission of one of these forms.
local together = {
    name = "form_points",
    label = "Forms that matter",
    groups = {
        {
            name = "Forms",
            rules = {
                {
                    event = "form_submitted",
                    where = { form_name = { contains = { "Contact us", "Newsletter", "Request a demo" } } },
                    points = 5,
                },
            },
        },
    },
    tests = {
        {
            given = {
                events = {
                    { event = "form_submitted", at = "1 day ago", form_name = "Contact us (footer)" },
                    { event = "form_submitted", at = "9 days ago", form_name = "Newsletter" },
                },
            },
            expect = { value = 10 },
        },
        {
            given = { events = { { event = "form_submitted", at = "1 day ago", form_name = "Job application" } } },
            expect = { value = 0, scored = false },
        },
    },
}

-- Individually: each form has its own points; a submission of any other form gets none.
local individually = {
    name = "form_points_each",
    label = "Points of each form",
    groups = {
        {
            name = "Forms",
            rules = {
                {
                    event = "form_submitted",
                    property = "form_name",
                    points_by = { ["Contact us"] = 5, Newsletter = 2 },
                },
            },
        },
    },
    tests = {
        {
            given = {
                events = {
                    { event = "form_submitted", at = "1 day ago", form_name = "Contact us" },
                    { event = "form_submitted", at = "9 days ago", form_name = "newsletter" },
                    { event = "form_submitted", at = "9 days ago", form_name = "Job application" },
                },
            },
            expect = { value = 7 },
        },
    },
}

return { together, individually }
