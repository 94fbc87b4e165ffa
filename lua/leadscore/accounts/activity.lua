-- What happened and what is planned with accounts: events of their people, and the files of tasks and engagements.
-- Events are looked at in the core; of tasks and engagements, each row finds its companies once.

local core = require("leadscore.core")
local errors = require("leadscore.error")

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

local COLUMNS = {
    tasks = { "id", "company_id", "contact_id", "deal_id", "due_at", "status", "owner", "title" },
    engagements = { "id", "company_id", "contact_id", "deal_id", "at", "type", "owner", "title" },
}
local TIME = { tasks = "due_at", engagements = "at" }

-- The rows of a file, read by the core as rows of records with an id.
local function read_rows(input, options)
    local columns, inner = {}, {}
    for key, header in pairs(options.columns or {}) do
        local column = key:match("^" .. input .. "%.(.+)$")
        if column then columns["deals." .. column] = header end
    end
    for _, name in ipairs({ "delimiter", "unknown", "max_memory", "progress" }) do
        inner[name] = options[name]
    end
    inner.deals, inner.columns = options[input], columns
    local dataset, err = require("leadscore.dataset").new(inner)
    if not dataset then return nil, err end
    local handle, list = dataset:_rows(), {}
    for row = 1, handle:counts().deals do
        local entry = {}
        for _, name in ipairs(COLUMNS[input]) do
            entry[name] = handle:value("deal", row, name)
        end
        list[row] = entry
    end
    dataset:close()
    return list
end

local LINKS = { { "company_id", "company" }, { "contact_id", "contact" }, { "deal_id", "deal" } }

-- Rows of the companies that an entry is about; false: it names a record that is not there.
local function companies_of(handle, entry)
    local rows, seen, known = {}, {}, true
    for _, link in ipairs(LINKS) do
        local row = entry[link[1]] and handle:find(link[2], entry[link[1]])
        known = known and (row ~= nil or entry[link[1]] == nil)
        local found = row and (link[2] == "company" and { row } or (handle:related(link[2], row, "company"))) or {}
        for _, company in ipairs(found) do
            if not seen[company] then rows[#rows + 1] = company end
            seen[company] = true
        end
    end
    return rows, known
end

local function read_time(input, entry, index)
    local name = TIME[input]
    if entry[name] == nil then return true end
    local time = core.read_time(entry[name])
    if not time then
        return nil, errors.new({
            file = input, path = name,
            message = ("record %s: cannot read %q as a time"):format(entry.id or index, entry[name]),
        })
    end
    entry.time = time
    return true
end

-- The entries of a file by company row, and how many name records that are not there.
local function read(input, handle, options)
    local by_company, unknown = {}, 0
    if options[input] == nil then return by_company, unknown end
    local list, err = read_rows(input, options)
    if not list then return nil, err end
    for i, entry in ipairs(list) do
        local ok, problem = read_time(input, entry, i)
        if not ok then return nil, problem end
        local companies, known = companies_of(handle, entry)
        unknown = unknown + (known and 0 or 1)
        for _, company in ipairs(companies) do
            by_company[company] = by_company[company] or {}
            table.insert(by_company[company], entry)
        end
    end
    return by_company, unknown
end

local function kind_by_type(kinds)
    local by_type = {}
    for _, kind in ipairs({ "email", "call", "meeting", "form", "document", "page_view" }) do
        for _, name in ipairs(kinds[kind]) do
            by_type[core.fold(name)] = by_type[core.fold(name)] or kind
        end
    end
    return by_type
end

--- Tasks and engagements by company row: { tasks =, engagements =, unknown = { tasks =, engagements = } }.
function M.of_companies(handle, kinds, options)
    local tasks, unknown_tasks = read("tasks", handle, options)
    if not tasks then return nil, unknown_tasks end
    local engagements, unknown = read("engagements", handle, options)
    if not engagements then return nil, unknown end
    local by_type = kind_by_type(kinds)
    for _, list in next, engagements do
        for _, entry in ipairs(list) do
            entry.kind = by_type[core.fold(entry.type or "")] or "other"
        end
    end
    for _, list in next, tasks do
        for _, entry in ipairs(list) do
            entry.open = not DONE[core.fold(entry.status or "")]
        end
    end
    return { tasks = tasks, engagements = engagements, unknown = { tasks = unknown_tasks, engagements = unknown } }
end

local function later(a, b)
    return (not a or b and b > a) and b or a
end

local function sooner(a, b)
    return (not a or b and b < a) and b or a
end
M.later = later

local OUR_KIND = { email = true, call = true, meeting = true }
local THEIR_KIND = { form = true, document = true, page_view = true }

-- Adds to an account's facts what its tasks and engagements say.
function M.add(facts, of_companies, row, at)
    for _, entry in ipairs(of_companies.engagements[row] or {}) do
        local past = entry.time and entry.time <= at
        if past and OUR_KIND[entry.kind] then facts.last_touch = later(facts.last_touch, entry.time) end
        if past and THEIR_KIND[entry.kind] then facts.last_engagement = later(facts.last_engagement, entry.time) end
        if entry.time and not past then facts.next_scheduled = sooner(facts.next_scheduled, entry.time) end
        facts.has_calls = facts.has_calls or entry.kind == "call"
        facts.has_meetings = facts.has_meetings or entry.kind == "meeting"
    end
    for _, entry in ipairs(of_companies.tasks[row] or {}) do
        facts.open_tasks = facts.open_tasks + (entry.open and 1 or 0)
        if entry.open and entry.time and entry.time > at then
            facts.next_scheduled = sooner(facts.next_scheduled, entry.time)
        end
    end
end

return M
