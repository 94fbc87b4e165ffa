-- The standard workload in its two sizes: how w1_gen makes it, and what scoring its contacts must add up to, in
-- hundredths of a point. Six independent implementations agree on these sums.
return {
    at = "2026-01-01T00:00:00Z",
    w0 = {
        contacts = 20000,
        companies = 1000,
        events = 1000000,
        sums = {
            w1_fit = 30507000,
            w1 = 28529675,
            w1_by_id = 14232899850, -- w1 x (id mod 1009)
            A1 = 15, A2 = 170, A3 = 4502,
            B1 = 32, B2 = 362, B3 = 9549,
            C1 = 15, C2 = 190, C3 = 5165,
        },
    },
    w1 = {
        contacts = 1000000,
        companies = 50000,
        events = 50000000,
        sums = {
            w1_fit = 1540879800,
            w1 = 1442529500,
            w1_by_id = 726737025800,
            A1 = 588, A2 = 8629, A3 = 227846,
            B1 = 1296, B2 = 18296, B3 = 480269,
            C1 = 662, C2 = 9576, C3 = 252838,
        },
    },
}
