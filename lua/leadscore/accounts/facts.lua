-- What is known of each account: its people and their buying roles, its deals and their exact value, when it was last
-- touched and last engaged. Worked out for a company when it is asked for; views, metrics and recommendations pick from
-- it.

local core = require("leadscore.core")
local activity = require("leadscore.accounts.activity")
local money = require("leadscore.accounts.money")

local M = {}

-- Columns that are read here and in overviews, whatever definitions ask for; { name, type }: checked while reading.
M.COLUMNS = {
    contact = { "company_id", "buying_role", "legal_basis", "owner", "name", "first_name", "last_name", "email",
        "job_title" },
    company = { { "target_account", "boolean" }, "name", "owner", "team", "parent_id", "domain" },
    deal = { "company_id", "stage", { "amount", "number" }, "currency", "name", "owner", "close_date" },
    event = { "url", "title", "form_name", "document" },
}

M.WON = { "Won", "Closed Won", "closedwon" }
M.LOST = { "Lost", "Closed Lost", "closedlost" }
-- Labels of associations that are buying roles; of the property `buying_role` every value is one.
M.ROLES = {
    "Blocker", "Budget holder", "Champion", "Decision maker", "End user", "Executive sponsor", "Influencer",
    "Legal and compliance", "Other", "User",
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

-- Folded, with one blank for whatever parts the words: "decision maker" for "Decision_Maker".
local function role_of(text)
    text = core.fold(text):gsub("&", " and "):gsub("[%s_-]+", " ")
    return text:match("^ ?(.-) ?$")
end

-- The roles of a text such as "Champion; End user".
local function roles_in(text)
    local roles = {}
    for part in (text or ""):gmatch("[^;,]+") do
        local role = role_of(part)
        if role ~= "" then roles[#roles + 1] = role end
    end
    return roles
end

local function roles_of_labels(book, labels)
    local roles = {}
    for _, label in ipairs(labels) do
        for _, role in ipairs(roles_in(label)) do
            if book.roles[role] then roles[#roles + 1] = role end
        end
    end
    return roles
end

local function roles_of_set(book, labels)
    local roles = book.roles_of_labels[labels]
    if not roles then
        roles = roles_of_labels(book, labels)
        book.roles_of_labels[labels] = roles
    end
    return roles
end

--- Folded roles of a contact at a company, each once: its property, and the labels of the association.
function M.roles_of(book, contact, labels)
    local roles, seen = {}, {}
    for _, list in ipairs({ book.roles_of(contact), roles_of_set(book, labels) }) do
        for _, role in ipairs(list) do
            if not seen[role] then roles[#roles + 1] = role end
            seen[role] = true
        end
    end
    return roles
end

local function add_roles(into, roles)
    for i = 1, #roles do
        into[roles[i]] = true
    end
end

local function add_people(book, facts, row)
    local links, found = book.columns:links("company", "contact"), book.of_contacts
    local first, stop = links.first[row], links.first[row + 1] - 1
    facts.contacts = stop - first + 1
    for i = first, stop do
        local contact = links.rows[i]
        add_roles(facts.roles, book.roles_of(contact))
        add_roles(facts.roles, roles_of_set(book, links.labels[links.sets[i]]))
        facts.last_touch = activity.later(facts.last_touch, found.touch[contact])
        if book:_lawful(contact) then
            facts.last_engagement = activity.later(facts.last_engagement, found.engagement[contact])
        end
        facts.has_calls = facts.has_calls or found.call[contact] ~= nil
        facts.has_meetings = facts.has_meetings or found.meeting[contact] ~= nil
    end
end

-- ---- deals ------------------------------------------------------------------------------------------------------

--- What is known of a deal: { state = "open", "won", "lost" or "unknown", currency =, amount =, bad = (no sum of it) }.
function M.deal_of(book, row)
    local deal = book.deals[row]
    if deal then return deal end
    deal = {
        state = book.state_of(row), amount = book.columns:text("deal", row, "amount"),
        currency = book.currency_of(row),
    }
    if deal.amount and not money.is_amount(deal.amount) then deal.amount, deal.bad = nil, true end
    book.deals[row] = deal
    return deal
end

local function add_deals(book, facts, row)
    local links = book.columns:links("company", "deal")
    for i = links.first[row], links.first[row + 1] - 1 do
        local deal = M.deal_of(book, links.rows[i])
        facts.deals[deal.state] = facts.deals[deal.state] + 1
        if deal.state == "open" and deal.amount then money.put(facts.value, deal.currency, deal.amount) end
    end
end

--- What is odd about deals: how many belong to no account, lack a stage, an amount that can be summed, a currency; and
--- the currencies of the others.
function M.odd_deals(book)
    local links = book.columns:links("deal", "company")
    local odd = { no_account = 0, no_stage = 0, no_amount = 0, bad_amount = 0, no_currency = 0, currencies = {} }
    local function count(name, holds)
        if holds then odd[name] = odd[name] + 1 end
    end
    for row = 1, book.columns.counts.deals do
        local related = links.first[row + 1] > links.first[row]
        count("no_account", not related)
        if related then
            local deal = M.deal_of(book, row)
            local open = deal.state == "open"
            count("no_stage", deal.state == "unknown")
            count("bad_amount", open and deal.bad)
            count("no_amount", open and not deal.amount and not deal.bad)
            count("no_currency", open and deal.amount and deal.currency == "")
            if open and deal.amount and deal.currency ~= "" then odd.currencies[deal.currency] = true end
        end
    end
    return odd
end

-- ---- accounts ---------------------------------------------------------------------------------------------------

--- The facts of a company.
function M.of(book, row)
    local facts = book.known[row]
    if facts then return facts end
    facts = {
        row = row, id = book.handle:id("company", row), target = book:_is_target(row), roles = {}, open_tasks = 0,
        deals = { open = 0, won = 0, lost = 0, unknown = 0 }, value = money.purse(),
    }
    for _, name in ipairs({ "name", "owner", "team", "parent_id" }) do
        facts[name] = book.columns:text("company", row, name)
    end
    add_people(book, facts, row)
    add_deals(book, facts, row)
    activity.add(facts, book, row)
    book.known[row] = facts
    return facts
end

local function state_in(won, lost)
    return function(stage)
        local folded = stage and core.fold(stage)
        return not stage and "unknown" or won[folded] and "won" or lost[folded] and "lost" or "open"
    end
end

--- Prepares what facts are worked out from.
function M.prepare(book)
    local columns, currency = book.columns, book.currency and book.currency:upper() or ""
    book.roles, book.known, book.deals = {}, {}, {}
    for _, role in ipairs(M.ROLES) do
        book.roles[role_of(role)] = true
    end
    book.roles_of_labels = {}
    book.roles_of = columns:each("contact", "buying_role", roles_in)
    book.state_of = columns:each("deal", "stage", state_in(folded_set(book.won), folded_set(book.lost)))
    book.currency_of = columns:each("deal", "currency", function(text) return text and text:upper() or currency end)
    book.says_target = columns:each("company", "target_account", function(text)
        return text ~= nil and TRUE[core.fold(text)] or false
    end)
    book.has_basis = columns:each("contact", "legal_basis", function(text) return text ~= nil end)
end

return M
