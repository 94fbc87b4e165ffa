-- Accounts as text for people, CSV and JSON for programs. Texts only; who calls it prints them.

local core = require("leadscore.core")
local accounts = require("leadscore.accounts")
local render = require("leadscore.render")
local rows = require("leadscore.rows")

local M = {}

local TIMES = { last_touch = true, last_engagement = true, next_scheduled = true, at = true }

-- ---- JSON -------------------------------------------------------------------------------------------------------

-- Keys in this order come first; the others by name.
local FIRST = { "id", "name", "rank" }

local function keys_of(value)
    local keys, place = {}, {}
    for i, key in ipairs(FIRST) do
        place[key] = i
    end
    for key in next, value do
        if key ~= "score_text" then keys[#keys + 1] = key end
    end
    table.sort(keys, function(a, b)
        local x, y = place[a] or #FIRST + 1, place[b] or #FIRST + 1
        if x ~= y then return x < y end
        return a < b
    end)
    return keys
end

local LISTS = {
    open_deal_value = true, buying_roles = true, roles = true, people = true, deals = true, children = true,
    internal_stakeholders = true, parts = true, activity = true, scheduled = true, page_views = true, reasons = true,
    accounts = true, recommendations = true, scores = true, categories = true, groups = true, rules = true,
    occurrences = true, members = true,
}

local encode

local function encode_field(value, key)
    if key == "score" and value.score_text then return value.score_text end
    local each = value[key]
    if TIMES[key] and type(each) == "number" then return rows.quote(core.print_time(each)) end
    return encode(each, LISTS[key])
end

-- list: an empty table is a list.
function encode(value, list)
    if type(value) == "string" then return rows.quote(value) end
    if type(value) == "number" then return core.print_number(value) end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if value[1] ~= nil or list and next(value) == nil then
        for i, each in ipairs(value) do
            parts[i] = encode(each)
        end
        return "[" .. table.concat(parts, ",") .. "]"
    end
    for i, key in ipairs(keys_of(value)) do
        parts[i] = rows.quote(key) .. ":" .. encode_field(value, key)
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

--- A plain table as JSON: times as texts, empty fields left out.
---@param value table
---@return string
function M.json(value)
    return encode(value) .. "\n"
end

-- ---- cells ------------------------------------------------------------------------------------------------------

-- One cell; of several currencies the amounts stand side by side, never added.
local function text_of(entry, column)
    local value = entry[column]
    if column == "score" then return entry.score_text or "" end
    if value == nil then return "" end
    if TIMES[column] then return core.print_time(value) end
    if type(value) == "table" then return table.concat(value, ";") end
    return type(value) == "number" and core.print_number(value) or value
end

local function amounts(list, with_currency)
    local parts = {}
    for i, each in ipairs(list) do
        local currency = with_currency and each.currency ~= "" and " " .. each.currency or ""
        parts[i] = (with_currency and render.thousands(each.amount) or each.amount) .. currency
    end
    return parts
end

local function cell(text)
    return text:find('[",\r\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

local function csv_row(entry, columns)
    local cells = {}
    for _, column in ipairs(columns) do
        if column == "open_deal_value" then
            local currencies = {}
            for i, each in ipairs(entry.open_deal_value) do
                currencies[i] = each.currency
            end
            cells[#cells + 1] = cell(table.concat(amounts(entry.open_deal_value), ";"))
            cells[#cells + 1] = cell(table.concat(currencies, ";"))
        else
            cells[#cells + 1] = cell(text_of(entry, column))
        end
    end
    return table.concat(cells, ",")
end

--- Accounts as CSV: the columns of the table, `currency` beside `open_deal_value`, and for recommendations `rank` and
--- `reasons`.
---@param list table[]
---@param more? string[] further columns
---@return string
function M.csv(list, more)
    local columns, header = {}, {}
    for _, names in ipairs({ accounts.COLUMNS, more or {} }) do
        for _, name in ipairs(names) do
            columns[#columns + 1], header[#header + 1] = name, name
            if name == "open_deal_value" then header[#header + 1] = "currency" end
        end
    end
    local lines = { table.concat(header, ",") }
    for i, entry in ipairs(list) do
        lines[i + 1] = csv_row(entry, columns)
    end
    return table.concat(lines, "\n") .. "\n"
end

-- ---- text -------------------------------------------------------------------------------------------------------

local width = core.width

local NUMBERS = { contacts = true, open_deals = true, open_deal_value = true, score = true, amount = true }

-- Rows of texts under titles, in columns.
local function aligned(titles, list)
    local sizes, lines = {}, {}
    table.insert(list, 1, titles)
    for _, row in ipairs(list) do
        for i, text in ipairs(row) do
            sizes[i] = math.max(sizes[i] or 0, width(text))
        end
    end
    for k, row in ipairs(list) do
        local cells = {}
        for i, text in ipairs(row) do
            local pad = (" "):rep(sizes[i] - width(text))
            cells[i] = NUMBERS[titles[i]:gsub(" ", "_")] and pad .. text or text .. pad
        end
        lines[k] = (table.concat(cells, "  "):gsub("%s+$", ""))
    end
    return table.concat(lines, "\n") .. "\n"
end

local function day(time)
    return time and core.print_time(time):sub(1, 10) or "-"
end

local function or_dash(value)
    return value ~= nil and value ~= "" and render.safe(value) or "-"
end

local TEXT_COLUMNS = {
    { "id", function(entry) return render.safe(entry.id) end },
    { "name", function(entry) return or_dash(entry.name) end },
    { "contacts", function(entry) return render.thousands(entry.contacts) end },
    { "open deals", function(entry) return render.thousands(entry.open_deals) end },
    { "open deal value", function(entry)
        return or_dash(table.concat(amounts(entry.open_deal_value, true), " + "))
    end },
    { "last touch", function(entry) return day(entry.last_touch) end },
    { "last engagement", function(entry) return day(entry.last_engagement) end },
    { "next scheduled", function(entry) return day(entry.next_scheduled) end },
    { "owner", function(entry) return or_dash(entry.owner) end },
    { "score", function(entry) return or_dash(entry.score_text) end },
    { "label", function(entry) return or_dash(entry.label) end },
}

local function table_text(list)
    local titles, lines = {}, {}
    for i, column in ipairs(TEXT_COLUMNS) do
        titles[i] = column[1]
    end
    for k, entry in ipairs(list) do
        lines[k] = {}
        for i, column in ipairs(TEXT_COLUMNS) do
            lines[k][i] = column[2](entry)
        end
    end
    return aligned(titles, lines)
end

local function metrics_text(metrics)
    local value = table.concat(amounts(metrics.open_deal_value, true), " + ")
    return ("%s, %s with open deals worth %s; %s without any buying role, %s without a decision maker\n"):format(
        render.count(metrics.target_accounts, "target account"), render.thousands(metrics.with_open_deals),
        value ~= "" and value or "0", render.thousands(metrics.missing_buying_role),
        render.thousands(metrics.missing_decision_maker))
end

--- Metrics and table for people.
---@param metrics table
---@param list leadscore.Account[]
---@return string
function M.text(metrics, list)
    return metrics_text(metrics) .. "\n" .. (#list > 0 and table_text(list) or "no account in this view\n")
end

--- Recommendations for people.
---@param list table[]
---@return string
function M.recommendations(list)
    if #list == 0 then return "nothing to recommend: every company is a target account, dismissed or has no score\n" end
    local lines = {}
    for _, entry in ipairs(list) do
        local label = entry.label and " " .. render.safe(entry.label) or ""
        local name = entry.name and " (" .. render.safe(entry.name) .. ")" or ""
        lines[#lines + 1] = ("%d. %s%s: %s%s"):format(entry.rank, render.safe(entry.id), name,
            entry.score_text or "-", label)
        for _, reason in ipairs(entry.reasons) do
            lines[#lines + 1] = "   " .. render.safe(reason)
        end
    end
    return table.concat(lines, "\n") .. "\n"
end

-- ---- the overview -----------------------------------------------------------------------------------------------

local function add_block(lines, title, list, line_of)
    lines[#lines + 1] = ""
    lines[#lines + 1] = #list > 0 and title .. ":" or title .. ": none"
    for _, each in ipairs(list) do
        lines[#lines + 1] = "  " .. render.safe(line_of(each))
    end
end

local function join(...)
    local parts = {}
    for i = 1, select("#", ...) do
        local text = select(i, ...)
        if text and text ~= "" then parts[#parts + 1] = text end
    end
    return table.concat(parts, ", ")
end

local function person_line(person)
    local score = person.score_text and "score " .. person.score_text .. (person.label and " " .. person.label or "")
    return join(person.id, person.name, person.job_title, table.concat(person.roles, " and "), score)
end

local function deal_line(deal)
    local amount = deal.amount and render.thousands(deal.amount) .. (deal.currency and " " .. deal.currency or "")
    return join(deal.id, deal.name, deal.state .. (deal.stage and " (" .. deal.stage .. ")" or ""), amount, deal.owner)
end

local function event_line(event)
    local when = event.at and core.print_time(event.at) or "without a date"
    return join(when .. "  " .. (event.what or "activity"), event.title, event.url, event.form_name, event.document,
        event.contact_id, event.owner)
end

--- The overview of one account for people.
---@param overview table
---@return string
function M.overview(overview)
    local account = overview.account
    local lines = { ("%s%s at %s: %s"):format(render.safe(account.id),
        account.name and " (" .. render.safe(account.name) .. ")" or "", overview.at,
        overview.target and "a target account" or "not a target account") }
    lines[2] = ("  %s, %s worth %s, score %s%s"):format(render.count(account.contacts, "contact"),
        render.count(account.open_deals, "open deal"),
        or_dash(table.concat(amounts(account.open_deal_value, true), " + ")), or_dash(account.score_text),
        account.label and " " .. account.label or "")
    lines[3] = ("  last touch %s, last engagement %s, next scheduled %s"):format(day(account.last_touch),
        day(account.last_engagement), day(account.next_scheduled))
    if account.parent_id then lines[#lines + 1] = "  part of " .. render.safe(account.parent_id) end
    add_block(lines, "people", overview.people, person_line)
    if overview.other_contacts > 0 then
        lines[#lines + 1] = ("  and %s of other companies"):format(render.count(overview.other_contacts, "contact"))
    end
    add_block(lines, "internal stakeholders", overview.internal_stakeholders, function(each)
        return each.name .. ": " .. table.concat(each.parts, ", ")
    end)
    add_block(lines, "deals", overview.deals, deal_line)
    if #overview.children > 0 then add_block(lines, "subsidiaries", overview.children, tostring) end
    add_block(lines, "latest activity", overview.activity, event_line)
    add_block(lines, "scheduled", overview.scheduled, event_line)
    add_block(lines, "page views (" .. render.thousands(overview.page_view_count) .. ")", overview.page_views,
        event_line)
    local text = table.concat(lines, "\n") .. "\n"
    return overview.explanation and text .. "\n" .. render.explanation(overview.explanation) or text
end

return M
