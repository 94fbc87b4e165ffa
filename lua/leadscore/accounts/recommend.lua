-- Recommendations: companies that are not target accounts, the best account scores first, each with its reasons.

local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")

local M = {}

local MOST_RULES = 3 -- reasons from rules

local function rule_title(group, rule)
    return group.name .. ": " .. (rule.name or rule.description or rule.why or ("rule %d"):format(rule.index))
end

-- The rules that gave the most points, as reasons.
local function add_rules(reasons, explanation, name)
    local rules = {}
    for _, score in ipairs(explanation.scores) do
        for _, category in ipairs(score.name == name and score.categories or {}) do
            for _, group in ipairs(category.groups or {}) do
                for _, rule in ipairs(group.rules or {}) do
                    if rule.fired and rule.value > 0 then
                        rules[#rules + 1] = { value = rule.value, title = rule_title(group, rule), order = #rules }
                    end
                end
            end
        end
    end
    table.sort(rules, function(a, b)
        if a.value ~= b.value then return a.value > b.value end
        return a.order < b.order
    end)
    for i = 1, math.min(#rules, MOST_RULES) do
        reasons[#reasons + 1] = ("%s (+%s)"):format(rules[i].title, core.print_number(rules[i].value))
    end
end

local function add_facts(reasons, entry)
    if entry.open_deals > 0 then
        reasons[#reasons + 1] = ("%d open deal%s"):format(entry.open_deals, entry.open_deals == 1 and "" or "s")
    end
    if entry.won_deals > 0 then
        reasons[#reasons + 1] = ("%d deal%s won before"):format(entry.won_deals, entry.won_deals == 1 and "" or "s")
    end
    if entry.last_engagement then
        reasons[#reasons + 1] = "last engagement " .. core.print_time(entry.last_engagement)
    end
    if #entry.buying_roles > 0 then
        reasons[#reasons + 1] = "known buying roles: " .. table.concat(entry.buying_roles, ", ")
    end
end

local function explain(book, row, index)
    local text, err = book.handle:explain(book.definition:_open(), "company", row, book.at)
    if not text then return nil, errors.wrap(err) end
    local explanation, problem = definitions.decode(text)
    if not explanation then return nil, problem end
    local reasons = {}
    add_rules(reasons, explanation, book.definition:names()[index])
    return reasons
end

-- Companies that may be recommended, best first.
local function candidates(book, dismissed, index)
    local list = {}
    for row = 1, book:_count() do
        local id = book.handle:id("company", row)
        local score = not book:_is_target(row) and not dismissed[id] and book.result:get(index, row)
        if score and score.value then list[#list + 1] = { row = row, value = score.value } end
    end
    table.sort(list, function(a, b)
        if a.value ~= b.value then return a.value > b.value end
        return a.row < b.row
    end)
    return list
end

-- The n best; dismissed: a set of ids; index: which definition.
function M.best(book, n, dismissed, index)
    local list = {}
    for i, each in ipairs(candidates(book, dismissed, index)) do
        if i > n then break end
        local entry = book:_entry(book:_facts(each.row), index)
        local reasons, err = explain(book, each.row, index)
        if not reasons then return nil, err end
        add_facts(reasons, entry)
        entry.rank, entry.reasons = i, reasons
        list[i] = entry
    end
    return list
end

return M
