-- What is known of each account: its people and their buying roles, its deals and their exact value, when it was last
-- touched and last engaged. Worked out for all companies once; views, metrics and recommendations pick from it.

local core = require("leadscore.core")
local activity = require("leadscore.accounts.activity")
local money = require("leadscore.accounts.money")

local M = {}

-- Columns that are read here and in overviews, whatever definitions ask for.
M.COLUMNS = {
    contact = { "company_id", "buying_role", "legal_basis", "owner", "name", "first_name", "last_name", "email",
        "job_title" },
    company = { "target_account", "name", "owner", "team", "parent_id", "domain" },
    deal = { "company_id", "stage", "amount", "currency", "name", "owner", "close_date" },
    event = { "url", "title", "form_name", "document" },
}

M.WON = { "Won", "Closed Won", "closedwon" }
M.LOST = { "Lost", "Closed Lost", "closedlost" }
-- Labels of associations that are buying roles; of the property `buying_role` every value is one.
M.ROLES = {
    "Blocker", "Budget holder", "Champion", "Decision maker", "End user", "Executive sponsor", "Influencer",
    "Legal and compliance", "Legal & compliance", "Other", "User",
}

local TRUE = { ["true"] = true, yes = true, ["1"] = true }

local function folded_set(list)
    local set = {}
    for _, text in ipairs(list) do
        set[core.fold(text)] = true
    end
    return set
end

-- ---- people -----------------------------------------------------------------------------------------------------

-- Folded roles of a contact at a company: its property, and the labels of the association.
function M.roles_of(book, contact, labels)
    local roles = {}
    local value = book.handle:value("contact", contact, "buying_role")
    for role in (value or ""):gmatch("[^;]+") do
        role = core.fold(role:match("^%s*(.-)%s*$"))
        if role ~= "" then roles[#roles + 1] = role end
    end
    for _, label in ipairs(labels) do
        if book.roles[label] then roles[#roles + 1] = label end
    end
    return roles
end

local function add_people(book, facts, row)
    local contacts, labels = book.handle:related("company", row, "contact")
    local found = book.of_contacts
    facts.contacts = #contacts
    for i, contact in ipairs(contacts) do
        for _, role in ipairs(M.roles_of(book, contact, labels[i])) do
            facts.roles[role] = true
        end
        facts.last_touch = activity.later(facts.last_touch, found.touch[contact])
        local lawful = not book.gdpr or book.handle:value("contact", contact, "legal_basis") ~= nil
        if lawful then facts.last_engagement = activity.later(facts.last_engagement, found.engagement[contact]) end
        facts.has_calls = facts.has_calls or found.call[contact] ~= nil
        facts.has_meetings = facts.has_meetings or found.meeting[contact] ~= nil
    end
end

-- ---- deals ------------------------------------------------------------------------------------------------------

-- What is known of a deal, once: { state = "open", "won", "lost" or "unknown", currency =, amount = }.
local function deal_of(book, row)
    local deal = book.deals[row]
    if deal then return deal end
    local stage = book.handle:value("deal", row, "stage")
    local folded = stage and core.fold(stage)
    local state = (not stage and "unknown") or (book.won[folded] and "won") or (book.lost[folded] and "lost") or "open"
    deal = { state = state, amount = book.handle:value("deal", row, "amount") }
    deal.currency = book.handle:value("deal", row, "currency") or book.currency or ""
    book.deals[row] = deal
    if state == "unknown" then book.odd.no_stage = book.odd.no_stage + 1 end
    if state == "open" and not deal.amount then book.odd.no_amount = book.odd.no_amount + 1 end
    if deal.amount and not money.add(money.new(), deal.amount) then
        book.odd.bad_amount = book.odd.bad_amount + (state == "open" and 1 or 0)
        deal.amount = nil
    end
    return deal
end
M.deal_of = deal_of

local function add_deals(book, facts, row)
    for _, each in ipairs((book.handle:related("company", row, "deal"))) do
        local deal = deal_of(book, each)
        facts.deals[deal.state] = facts.deals[deal.state] + 1
        if deal.state == "open" and deal.amount then money.put(facts.value, deal.currency, deal.amount) end
    end
end

-- ---- accounts ---------------------------------------------------------------------------------------------------

local function is_target(book, row)
    local value = book.handle:value("company", row, "target_account")
    return value ~= nil and TRUE[core.fold(value)] or book.targets[book.handle:id("company", row)] or false
end

-- The facts of a company.
local function facts_of(book, row)
    local facts = {
        row = row, id = book.handle:id("company", row), target = is_target(book, row), roles = {}, open_tasks = 0,
        deals = { open = 0, won = 0, lost = 0, unknown = 0 }, value = money.purse(),
    }
    for _, name in ipairs({ "name", "owner", "team", "parent_id" }) do
        facts[name] = book.handle:value("company", row, name)
    end
    add_people(book, facts, row)
    add_deals(book, facts, row)
    activity.add(facts, book.of_companies, row, book.at)
    return facts
end

--- Facts of all companies, by row.
function M.all(book)
    local list = {}
    book.won, book.lost, book.roles = folded_set(book.won), folded_set(book.lost), folded_set(M.ROLES)
    book.deals, book.odd = {}, { no_stage = 0, no_amount = 0, bad_amount = 0 }
    for row = 1, book.handle:counts().companies do
        list[row] = facts_of(book, row)
    end
    return list
end

return M
