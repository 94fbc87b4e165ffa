-- Three ways to give points for where somebody works. A contact may have several regions.

-- Together: 15 points for any of our regions, once, however many of them there are.
local together = {
    name = "region_together",
    label = "Works in one of our regions",
    properties = { region = "set" },
    groups = {
        { name = "Region", rules = { { when = { region = { "Northeast", "Midwest", "Southeast" } }, points = 15 } } },
    },
    tests = {
        { given = { region = { "Northeast" } }, expect = { value = 15 } },
        { given = { region = { "Northeast", "Midwest" } }, expect = { value = 15 } },
        { given = { region = { "West" } }, expect = { value = 0, scored = false } },
    },
}

-- Individually: each region has its own points, and a contact gets those of all its regions.
local individually = {
    name = "region_individually",
    label = "Points of each region",
    properties = { region = "set" },
    groups = {
        {
            name = "Region",
            rules = { { property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } } },
        },
    },
    tests = {
        { given = { region = { "Northeast", "Midwest" } }, expect = { value = 25 } },
        { given = { region = "Northeast" }, expect = { value = 15 } },
        { given = { region = "southeast;midwest" }, expect = { value = 18 } },
    },
}

-- By a part of the name: 15 points if any region has "east" in it, once.
local contains = {
    name = "region_contains",
    label = "Works in the east",
    properties = { region = "set" },
    groups = { { name = "Region", rules = { { when = { region = { contains = "east" } }, points = 15 } } } },
    tests = {
        { given = { region = { "Northeast", "Southeast" } }, expect = { value = 15 } },
        { given = { region = { "Midwest" } }, expect = { value = 0 } },
        { given = {}, expect = { value = 0 } },
    },
}

return { together, individually, contains }
