-- The overview of one account: who its people are, who of us works with it, its deals, what happened last, and why it
-- has its score.

local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local facts = require("leadscore.accounts.facts")
local show = require("leadscore.check.context").show

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
    for _, entry in ipairs(book.of_companies.tasks[row] or {}) do
        add(entry.owner, "task owner")
    end
    for _, entry in ipairs(book.of_companies.engagements[row] or {}) do
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

-- Events of the account's people of these names; { } means all.
local function events_of(book, contacts, names)
    local list = {}
    for _, contact in ipairs(contacts) do
        local lawful = not book.gdpr or book.handle:value("contact", contact, "legal_basis") ~= nil
        for _, event in ipairs(lawful and book.handle:latest(contact, names, book.at, MOST_EVENTS) or {}) do
            event.contact_id, event.what, event.event = book.handle:id("contact", contact), event.event, nil
            list[#list + 1] = event
        end
    end
    return list
end

local function activity_of(book, row, contacts)
    local list = events_of(book, contacts, {})
    for _, entry in ipairs(book.of_companies.engagements[row] or {}) do
        if entry.time and entry.time <= book.at then
            list[#list + 1] = {
                at = entry.time, what = entry.type, title = entry.title, contact_id = entry.contact_id,
                owner = entry.owner,
            }
        end
    end
    return latest_first(list, MOST_EVENTS)
end

local function scheduled_of(book, row)
    local list = {}
    for _, entry in ipairs(book.of_companies.engagements[row] or {}) do
        if entry.time and entry.time > book.at then
            list[#list + 1] = { at = entry.time, what = entry.type, title = entry.title, owner = entry.owner }
        end
    end
    for _, entry in ipairs(book.of_companies.tasks[row] or {}) do
        if entry.open then
            list[#list + 1] = { at = entry.time, what = "task", title = entry.title, owner = entry.owner }
        end
    end
    table.sort(list, function(a, b) return (a.at or math.huge) < (b.at or math.huge) end)
    return list
end

local function count_page_views(book, contacts)
    local _, counts = book.handle:activity(book.kinds.page_view, book.at)
    local count = 0
    for _, contact in ipairs(contacts) do
        local lawful = not book.gdpr or book.handle:value("contact", contact, "legal_basis") ~= nil
        count = count + (lawful and counts[contact] or 0)
    end
    return count
end

local function children_of(book, id)
    local list = {}
    for _, each in ipairs(book.facts) do
        if each.parent_id == id then list[#list + 1] = each.id end
    end
    return list
end

-- The explanation of the account's scores, as `leadscore explain --json` has it.
local function explanation_of(book, row)
    if not book:_index("company") then return nil end
    local text, err = book.handle:explain(book.definition:_open(), "company", row, book.at)
    if not text then return nil, errors.wrap(err) end
    return definitions.decode(text)
end

-- The overview of the company with this id.
function M.of(book, id)
    local row = book.handle:find("company", id)
    if not row then
        return nil, errors.new({ kind = "input", message = ("no company has the id %s"):format(show(id)) })
    end
    local explanation, err = explanation_of(book, row)
    if err then return nil, err end
    local account = book:_entry(book.facts[row])
    local people, contacts = people_of(book, row)
    local deals = deals_of(book, row)
    return {
        at = core.print_time(book.at), account = account, target = book.facts[row].target, people = people,
        other_contacts = #contacts - #people, deals = deals, children = children_of(book, id),
        internal_stakeholders = stakeholders_of(book, row, account, contacts, deals),
        activity = activity_of(book, row, contacts), scheduled = scheduled_of(book, row),
        page_view_count = count_page_views(book, contacts),
        page_views = latest_first(events_of(book, contacts, book.kinds.page_view), MOST_EVENTS),
        explanation = explanation,
    }
end

return M
