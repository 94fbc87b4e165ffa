-- The workloads: how each is made, when it is scored, and what its scores must add up to. W1 is the standard one; six
-- independent implementations agree on its sums, which are in hundredths of a point. W2's are from the reference scorer
-- (make_w2_sums.lua); at its larger sizes they are held by agreement of all ways of scoring.

local W1_AT, W2_AT = "2026-01-01T00:00:00Z", "2026-01-14T09:17:43Z"
local HUNDREDTHS = 10000

local function w1(sizes, fit, total, by_row, labels, accounts)
    local sums = { w1_fit = fit, w1 = total, ["w1 by row"] = by_row }
    for i, label in ipairs({ "A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3" }) do
        sums["w1_label " .. label] = labels and labels[i]
    end
    return {
        generator = "w1_gen", at = W1_AT, seconds = 1767225600,
        contacts = sizes[1], companies = sizes[2], events = sizes[3],
        sizes = sizes, -- as the generator takes them
        expected = fit and {
            contact = { rows = sizes[1], modulus = 1009, unit = HUNDREDTHS, sums = sums },
            company = { rows = sizes[2], modulus = 97, unit = HUNDREDTHS, sums = {
                account_max = accounts[1], account_hot = accounts[2] * 100, ["account by row"] = accounts[3],
            } },
        },
    }
end

local function w2(contacts, events, values, expected)
    return {
        generator = "w2_gen", at = W2_AT, seconds = 1768382263, contacts = contacts, events = events, values = values,
        sizes = { contacts, events, values }, expected = expected,
    }
end

local function with_uuids(workload)
    workload.uuid = true
    return workload
end

local small = dofile("csrc/bench/w2_sums.lua")

return {
    w0 = w1({ 20000, 1000, 1000000 }, 30507000, 28529675, 14232899850, { 15, 170, 4502, 32, 362, 9549, 15, 190, 5165 },
        { 4625425, 336, 1325158175 }),
    w1 = w1({ 1000000, 50000, 50000000 }, 1540879800, 1442529500, 726737025800,
        { 588, 8629, 227846, 1296, 18296, 480269, 662, 9576, 252838 }, { 229847725, 17053, 69164744775 }),
    -- A tenth, and with UUIDs for ids.
    w0_tenth = w1({ 2000, 100, 100000 }),
    w1_tenth = w1({ 100000, 5000, 5000000 }),
    w0_uuid = with_uuids(w1({ 20000, 1000, 1000000 })),
    w1_uuid = with_uuids(w1({ 200000, 10000, 10000000 })),
    w2_small = w2(small.contacts, small.events, small.values, { contact = small.expected }),
    w2_w0 = w2(20000, 500000, 100000),
    w2_w1 = w2(200000, 10000000, 1000000),
}
