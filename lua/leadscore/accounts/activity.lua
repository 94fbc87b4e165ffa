-- What happened and what is planned with accounts: events of their people, and the files of tasks and engagements.
-- Events are looked at in the core; of tasks and engagements, each row finds its companies once, and becomes a table
-- when its company is asked for.

local core = require("leadscore.core")
local columns = require("leadscore.accounts.columns")
local errors = require("leadscore.error")
local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

-- Kinds of activity, with the names of events and of engagements' types that they go by unless said otherwise.
M.KINDS = {
    email = { "email", "email_sent" },
    call = { "call", "call_started", "call_made", "call_completed" },
    meeting = { "meeting", "meeting_booked", "meeting_held" },
    form = { "form", "form_submitted" },
    document = { "document", "document_viewed" },
    page_view = { "page_view", "page_viewed" },
}
-- Ours are touches, theirs are engagement.
local OURS, THEIRS = { "email", "call", "meeting" }, { "form", "document", "page_view" }
local OUR_KIND = { email = true, call = true, meeting = true }
local THEIR_KIND = { form = true, document = true, page_view = true }
-- Of tasks: every other one, and one without a status, is open.
local DONE = { completed = true, complete = true, done = true, closed = true, cancelled = true, canceled = true }

-- Names of events by kind: those given, else the usual ones.
function M.kinds(given)
    local kinds = {}
    for kind, usual in pairs(M.KINDS) do
        local names = given and given[kind] or usual
        kinds[kind] = type(names) == "table" and names or { names }
    end
    return kinds
end

local function names_of(kinds, list)
    local names = {}
    for _, kind in ipairs(list) do
        for _, name in ipairs(kinds[kind]) do
            names[#names + 1] = name
        end
    end
    return names
end

--- The names of events that are touches of ours.
function M.our_names(kinds)
    return names_of(kinds, OURS)
end

-- ---- events -----------------------------------------------------------------------------------------------------

-- By contact row: times of the latest touch and engagement, and who was called and met.
function M.of_contacts(handle, kinds, at)
    local found = {}
    found.touch = handle:activity(names_of(kinds, OURS), at)
    found.engagement = handle:activity(names_of(kinds, THEIRS), at)
    found.call = handle:activity(kinds.call, at)
    found.meeting = handle:activity(kinds.meeting, at)
    return found
end

-- ---- files ------------------------------------------------------------------------------------------------------

local FIELDS = {
    tasks = { "owner", "title" },
    engagements = { "type", "owner", "title" },
}
local TIME = { tasks = "due_at", engagements = "at" }
local LINKS = { "company_id", "contact_id", "deal_id" }
local OBJECTS = { company_id = "company", contact_id = "contact", deal_id = "deal" }
-- Of which one is needed, besides the id.
local REQUIRED = {
    tasks = { LINKS },
    engagements = { LINKS, { "at" }, { "type" } },
}

-- Errors of rows that have no file name the input that they are of.
local function rename(err, input)
    local list = {}
    for i, each in ipairs(err.errors) do
        local fields = {}
        for key, value in pairs(each) do
            fields[key] = value
        end
        fields.errors = nil
        if fields.file == "deals" then fields.file = input end
        list[i] = errors.new(fields)
    end
    return errors.all(list)
end

local function check_columns(handle, input, source)
    local names, has = handle:columns("deal"), {}
    for _, name in ipairs(names) do
        has[name] = true
    end
    if #names == 0 and handle:counts().deals == 0 then return true end
    for _, wanted in ipairs(REQUIRED[input]) do
        local found, near = false, nil
        for _, name in ipairs(wanted) do
            found, near = found or has[name], near or nearest(name, names)
        end
        if not found then
            return nil, errors.new({
                kind = "input", file = source, path = input, nearest = near,
                message = ("expected a column %s, got none%s"):format(table.concat(wanted, " or "),
                    near and " (nearest: " .. show(near) .. ")" or ""),
            })
        end
    end
    return true
end

-- The first file of an input, for messages.
local function source_of(value)
    local path = type(value) == "table" and value[1] or value
    return type(path) == "string" and path or nil
end

-- No column of these inputs holds several values.
local function check_rows(input, rows)
    if type(rows) ~= "table" then return true end
    for i, row in ipairs(rows) do
        for key, value in pairs(type(row) == "table" and row or {}) do
            if type(value) == "table" then
                return nil, errors.new({
                    kind = "input", file = input, line = i, path = tostring(key),
                    message = "expected a text or a number, got " .. show(value),
                })
            end
        end
    end
    return true
end

-- A file, read by the core as rows of records with an id. rejects: as of leadscore.dataset, or nil.
local function open(input, options, rejects)
    local renames, inner = {}, {}
    for key, header in pairs(options.columns or {}) do
        local column = key:match("^" .. input .. "%.(.+)$")
        if column then renames["deals." .. column] = header end
    end
    for _, name in ipairs({ "delimiter", "unknown", "max_memory", "progress" }) do
        inner[name] = options[name]
    end
    inner.deals, inner.columns, inner.rejects = options[input], renames, rejects
    inner.keep = { deal = { { TIME[input], "datetime" } } }
    local dataset, err = require("leadscore.dataset").new(inner)
    if not dataset then return nil, rename(err, input) end
    local ok, problem = check_columns(dataset:_rows(), input, source_of(options[input]))
    if ok then return dataset end
    dataset:close()
    return nil, problem
end

-- ---- which companies an entry is about --------------------------------------------------------------------------

-- The row of the record that a link names, by entry; 0: a record that is not there; nil: none is named.
local function targets_of(file, handle, name)
    local object = OBJECTS[name]
    return file.columns:each("deal", name, function(id)
        if not id then return false end
        return handle:find(object, id) or 0
    end)
end

local function add_entry(by_company, company, entry)
    local list = by_company[company]
    if not list then
        by_company[company] = { entry }
    elseif list[#list] ~= entry then
        list[#list + 1] = entry
    end
end

-- Fills file.by_company (rows of entries), file.unknown (entries that name a record that is not there) and
-- file.unlinked (entries that name none).
local function link(file, book_columns)
    local handle, by_company = book_columns.handle, {}
    local company_of, contact_of = targets_of(file, handle, "company_id"), targets_of(file, handle, "contact_id")
    local deal_of = targets_of(file, handle, "deal_id")
    local of_contact = file.count > 0 and book_columns:links("contact", "company")
    local of_deal = file.count > 0 and book_columns:links("deal", "company")
    file.by_company, file.unknown, file.unlinked, file.contact_of = by_company, 0, 0, contact_of
    local function add_all(links, row, entry)
        for i = links.first[row], links.first[row + 1] - 1 do
            add_entry(by_company, links.rows[i], entry)
        end
    end
    for entry = 1, file.count do
        local company, contact, deal = company_of(entry), contact_of(entry), deal_of(entry)
        if company == 0 or contact == 0 or deal == 0 then file.unknown = file.unknown + 1 end
        if not (company or contact or deal) then file.unlinked = file.unlinked + 1 end
        if company and company > 0 then add_entry(by_company, company, entry) end
        if contact and contact > 0 then add_all(of_contact, contact, entry) end
        if deal and deal > 0 then add_all(of_deal, deal, entry) end
    end
end

-- ---- entries ----------------------------------------------------------------------------------------------------

local function kind_by_type(kinds)
    local by_type = {}
    for _, list in ipairs({ OURS, THEIRS }) do
        for _, kind in ipairs(list) do
            for _, name in ipairs(kinds[kind]) do
                by_type[core.fold(name)] = by_type[core.fold(name)] or kind
            end
        end
    end
    return by_type
end

local function count_untimed(file)
    local count = 0
    for entry = 1, file.count do
        count = count + (file.time_of(entry) and 0 or 1)
    end
    return count
end

-- A file of tasks or engagements: entries by company row, and what is odd about it.
local function read(input, book_columns, kinds, options, rejects)
    local file = { input = input, count = 0, by_company = {}, unknown = 0, unlinked = 0, untimed = 0 }
    if options[input] == nil then return file end
    local single, wrong = check_rows(input, options[input])
    if not single then return nil, wrong end
    local dataset, err = open(input, options, rejects)
    if not dataset then return nil, err end
    local by_type = kind_by_type(kinds)
    file.columns, file.made, file.counts = columns.new(dataset:_rows()), {}, dataset:counts()
    file.count = file.counts.deals
    file.time_of = file.columns:each("deal", TIME[input], function(text)
        return text and core.read_time(text) or false
    end)
    file.kind_of = file.columns:each("deal", "type", function(text)
        return by_type[core.fold(text or "")] or "other"
    end)
    file.open_of = file.columns:each("deal", "status", function(text) return not DONE[core.fold(text or "")] end)
    for _, name in ipairs(FIELDS[input]) do
        file.columns:cells("deal", name)
    end
    link(file, book_columns)
    if input == "engagements" then file.untimed = count_untimed(file) end
    dataset:close()
    return file
end

--- Tasks and engagements: { tasks =, engagements = }.
---@param book table an accounts object in the making: columns, kinds
---@param options table
---@param rejects function|nil
function M.of_companies(book, options, rejects)
    local tasks, err = read("tasks", book.columns, book.kinds, options, rejects)
    if not tasks then return nil, err end
    local engagements
    engagements, err = read("engagements", book.columns, book.kinds, options, rejects)
    if not engagements then return nil, err end
    return { tasks = tasks, engagements = engagements }
end

local function make(file, row)
    local text, contact = file.columns, file.contact_of(row)
    local entry = {
        time = file.time_of(row) or nil, contact = contact and contact > 0 and contact or nil,
        contact_id = text:text("deal", row, "contact_id"), owner = text:text("deal", row, "owner"),
        title = text:text("deal", row, "title"),
    }
    if file.input == "tasks" then
        entry.open = file.open_of(row)
    else
        entry.type, entry.kind = text:text("deal", row, "type"), file.kind_of(row)
    end
    return entry
end

--- The entries of a file that are about a company, in the order of the file.
---@param file table
---@param company integer its row
---@return table[] entries { time =, owner =, title =, contact = (row), contact_id =, open = | type =, kind = }
function M.entries(file, company)
    local list = {}
    for i, row in ipairs(file.by_company[company] or {}) do
        local entry = file.made[row]
        if not entry then
            entry = make(file, row)
            file.made[row] = entry
        end
        list[i] = entry
    end
    return list
end

-- ---- what accounts are told -------------------------------------------------------------------------------------

local function later(a, b)
    return (not a or b and b > a) and b or a
end

local function sooner(a, b)
    return (not a or b and b < a) and b or a
end
M.later = later

--- Whether an engagement may be shown and counted: ours always, others' only of contacts with a legal basis.
---@param book table
---@param entry table
---@return boolean
function M.is_lawful(book, entry)
    return OUR_KIND[entry.kind] or entry.contact == nil or book:_lawful(entry.contact)
end

--- Whether an engagement was a page view, say, before the instant.
function M.is_past(book, entry)
    return entry.time ~= nil and entry.time <= book.at
end

local function add_engagement(facts, entry, book)
    if not M.is_lawful(book, entry) then return end
    if entry.time and entry.time > book.at then
        facts.next_scheduled = sooner(facts.next_scheduled, entry.time)
    elseif entry.time then
        if OUR_KIND[entry.kind] then facts.last_touch = later(facts.last_touch, entry.time) end
        if THEIR_KIND[entry.kind] then facts.last_engagement = later(facts.last_engagement, entry.time) end
        facts.has_calls = facts.has_calls or entry.kind == "call"
        facts.has_meetings = facts.has_meetings or entry.kind == "meeting"
    end
end

--- Adds to an account's facts what its tasks and engagements say.
function M.add(facts, book, row)
    for _, entry in ipairs(M.entries(book.of_companies.engagements, row)) do
        add_engagement(facts, entry, book)
    end
    for _, entry in ipairs(M.entries(book.of_companies.tasks, row)) do
        facts.open_tasks = facts.open_tasks + (entry.open and 1 or 0)
        if entry.open and entry.time and entry.time > book.at then
            facts.next_scheduled = sooner(facts.next_scheduled, entry.time)
        end
    end
end

return M
