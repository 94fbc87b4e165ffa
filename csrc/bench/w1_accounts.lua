-- Scores of the standard workload's companies, from their people's w1; beside w1.lua.
local function people(rule)
    return { { name = "People", kind = "engagement", rules = { rule } } }
end

return {
    {
        name = "account", label = "Account score", object = "company",
        groups = people({ rollup = "sum", of = "score:w1" }),
    },
    { name = "account_max", object = "company", groups = people({ rollup = "max", of = "score:w1" }) },
    { name = "account_hot", object = "company", groups = people({ rollup = "count", of = "score:w1", at_least = 50 }) },
}
