-- The overview of one account: who its people are, who of us works with it, its deals, what happened last, and why it
-- has its score.

local core = require("leadscore.core")
local activity = require("leadscore.accounts.activity")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local facts = require("leadscore.accounts.facts")
local show = require("leadscore.check.context").show
local withhold = require("leadscore.accounts.withhold")

local M = {}

local MOST_EVENTS = 10 -- of activity and of page views

local function full_name(handle, object, row)
    local name = handle:value(object, row, "name")
    if name or object ~= "contact" then return name end
    local first, last = handle:value("contact", row, "first_name"), handle:value("contact", row, "last_name")
    return first and last and first .. " " .. last or first or last
end

local function has(list, value)
    for _, each in ipairs(list) do
        if each == value then return true end
    end
    return false
end

local function person_of(book, row, labels)
    local handle = book.handle
    local score, text = book:_score("contact", row)
    return {
        id = handle:id("contact", row), name = full_name(handle, "contact", row),
        email = handle:value("contact", row, "email"), job_title = handle:value("contact", row, "job_title"),
        roles = facts.roles_of(book, row, labels), score = score and score.value, score_text = text,
        label = score and score.label,
        legal_basis = handle:value("contact", row, "legal_basis"), owner = handle:value("contact", row, "owner"),
    }
end

-- Primary contacts, best scores first; and all contacts' rows.
local function people_of(book, row)
    local rows, labels = book.handle:related("company", row, "contact")
    local people = {}
    for i, contact in ipairs(rows) do
        if has(labels[i], "primary") then
            local person = person_of(book, contact, labels[i])
            person.order, people[#people + 1] = i, person
        end
    end
    table.sort(people, function(a, b)
        local x, y = a.score or -math.huge, b.score or -math.huge
        if x ~= y then return x > y end
        return a.order < b.order
    end)
    for _, person in ipairs(people) do
        person.order = nil
    end
    return people, rows
end

local function deals_of(book, row)
    local deals = {}
    for i, each in ipairs((book.handle:related("company", row, "deal"))) do
        local known, handle = facts.deal_of(book, each), book.handle
        local score, text = book:_score("deal", each)
        deals[i] = {
            id = handle:id("deal", each), name = full_name(handle, "deal", each), state = known.state,
            stage = handle:value("deal", each, "stage"), amount = known.amount,
            currency = known.currency ~= "" and known.currency or nil, owner = handle:value("deal", each, "owner"),
            close_date = handle:value("deal", each, "close_date"), score = score and score.value, score_text = text,
        }
    end
    return deals
end

-- Who of us: owners of the account, its people, deals, tasks and engagements, each once with all parts.
local function stakeholders_of(book, row, account, people, deals)
    local list, by_name = {}, {}
    local function add(name, part)
        if not name then return end
        local entry = by_name[name]
        if not entry then
            entry = { name = name, parts = {} }
            list[#list + 1], by_name[name] = entry, entry
        end
        if not has(entry.parts, part) then entry.parts[#entry.parts + 1] = part end
    end
    add(account.owner, "account owner")
    for _, deal in ipairs(deals) do
        add(deal.owner, "deal owner")
    end
    for _, contact in ipairs(people) do
        add(book.handle:value("contact", contact, "owner"), "contact owner")
    end
    for _, entry in ipairs(activity.entries(book.of_companies.tasks, row)) do
        add(entry.owner, "task owner")
    end
    for _, entry in ipairs(activity.entries(book.of_companies.engagements, row)) do
        add(entry.owner, "activity owner")
    end
    return list
end

local function latest_first(list, most)
    for i, entry in ipairs(list) do
        entry.order = i
    end
    table.sort(list, function(a, b)
        if a.at ~= b.at then return a.at > b.at end
        return a.order < b.order
    end)
    for i = #list, 1, -1 do
        list[i].order = nil
        if i > most then list[i] = nil end
    end
    return list
end

-- Events of the account's people of these names; { } means all. Of people whose engagement may not be shown, only those
-- that are ours.
local function events_of(book, contacts, names, ours)
    local list = {}
    for _, contact in ipairs(contacts) do
        local wanted = names
        if not book:_lawful(contact) then wanted = ours end
        for _, event in ipairs(wanted and book.handle:latest(contact, wanted, book.at, MOST_EVENTS) or {}) do
            event.contact_id, event.what, event.event = book.handle:id("contact", contact), event.event, nil
            list[#list + 1] = event
        end
    end
    return list
end

local function engagement_of(entry)
    return {
        at = entry.time, what = entry.type, title = entry.title, contact_id = entry.contact_id, owner = entry.owner,
    }
end

-- Engagements that may be shown, before the instant or after it; kind: only these.
local function engagements_of(book, row, past, kind)
    local list = {}
    for _, entry in ipairs(activity.entries(book.of_companies.engagements, row)) do
        if entry.time and activity.is_past(book, entry) == past and activity.is_lawful(book, entry) and
            (kind == nil or entry.kind == kind) then
            list[#list + 1] = engagement_of(entry)
        end
    end
    return list
end

local function append(list, more)
    for _, each in ipairs(more) do
        list[#list + 1] = each
    end
    return list
end

local function activity_of(book, row, contacts)
    local list = events_of(book, contacts, {}, activity.our_names(book.kinds))
    return latest_first(append(list, engagements_of(book, row, true)), MOST_EVENTS)
end

local function page_views_of(book, row, contacts)
    local list = append(events_of(book, contacts, book.kinds.page_view), engagements_of(book, row, true, "page_view"))
    return latest_first(list, MOST_EVENTS)
end

local function scheduled_of(book, row)
    local list = engagements_of(book, row, false)
    for _, entry in ipairs(activity.entries(book.of_companies.tasks, row)) do
        if entry.open then
            list[#list + 1] = { at = entry.time, what = "task", title = entry.title, owner = entry.owner }
        end
    end
    for i, entry in ipairs(list) do
        entry.order = i
    end
    table.sort(list, function(a, b)
        local x, y = a.at or math.huge, b.at or math.huge
        if x ~= y then return x < y end
        return a.order < b.order
    end)
    for _, entry in ipairs(list) do
        entry.order = nil
    end
    return list
end

local function count_page_views(book, row, contacts)
    local _, counts = book.handle:activity(book.kinds.page_view, book.at)
    local count = #engagements_of(book, row, true, "page_view")
    for _, contact in ipairs(contacts) do
        count = count + (book:_lawful(contact) and counts[contact] or 0)
    end
    return count
end

local function children_of(book, id)
    local list = {}
    local cells = book.columns:cells("company", "parent_id")
    for row = 1, book:_count() do
        if cells.texts[cells.codes[row]] == id then list[#list + 1] = book.handle:id("company", row) end
    end
    return list
end

-- Whether there are people of the account whose engagement may not be shown.
local function has_unlawful(book, row)
    for _, contact in ipairs((book.columns:related("company", row, "contact"))) do
        if not book:_lawful(contact) then return true end
    end
    return false
end

-- The explanation of the account's scores, as `leadscore explain --json` has it.
local function explanation_of(book, row)
    if not book:_index("company") then return nil end
    local text, err = book.handle:explain(book.definition:_open(), "company", row, book.at)
    if not text then return nil, errors.wrap(err) end
    local explanation, problem = definitions.decode(text)
    if not explanation or not has_unlawful(book, row) then return explanation, problem end
    return withhold.explanation(explanation, function(id) return book:_lawful(book.handle:find("contact", id)) end)
end

-- The overview of the company with this id.
function M.of(book, id)
    local row = book.handle:find("company", id)
    if not row then
        return nil, errors.new({ kind = "input", message = ("no company has the id %s"):format(show(id)) })
    end
    local explanation, err = explanation_of(book, row)
    if err then return nil, err end
    local known = book:_facts(row)
    local account = book:_entry(known)
    local people, contacts = people_of(book, row)
    local deals = deals_of(book, row)
    return {
        at = core.print_time(book.at), account = account, target = known.target, people = people,
        other_contacts = #contacts - #people, deals = deals, children = children_of(book, id),
        internal_stakeholders = stakeholders_of(book, row, account, contacts, deals),
        activity = activity_of(book, row, contacts), scheduled = scheduled_of(book, row),
        page_view_count = count_page_views(book, row, contacts),
        page_views = page_views_of(book, row, contacts),
        explanation = explanation,
    }
end

return M
