-- What is odd about accounts and yet no error: warnings, one a kind of trouble, with how often it was met and the first
-- few names.

local core = require("leadscore.core")
local errors = require("leadscore.error")
local facts = require("leadscore.accounts.facts")
local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

local MOST_NAMES = 3

local function warn(warnings, path, message)
    warnings[#warnings + 1] = errors.new({ kind = "input", path = path, message = message })
end

-- A warning of a count; names: the first few are shown.
local function note(warnings, count, path, one, many, names)
    if count == 0 then return end
    local text = count == 1 and "1 " .. one or ("%d %s"):format(count, many)
    if names then
        local shown = {}
        for i = 1, math.min(#names, MOST_NAMES) do
            shown[i] = show(names[i])
        end
        text = text .. " (" .. table.concat(shown, ", ") .. (#names > MOST_NAMES and " ..." or "") .. ")"
    end
    warn(warnings, path, text)
end

local function sorted_keys(set)
    local keys = {}
    for key in next, set do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

-- ---- targets, parents -------------------------------------------------------------------------------------------

local function add_targets(book, warnings)
    local unknown = {}
    for _, id in ipairs(sorted_keys(book.targets)) do
        if not book.handle:find("company", id) then unknown[#unknown + 1] = id end
    end
    note(warnings, #unknown, "targets", "id of a target account that no company has",
        "ids of target accounts that no company has", unknown)
end

-- The row of each company's parent: by row; false where there is none.
local function parents_of(book, unknown)
    local parents = {}
    for row = 1, book:_count() do
        local id = book.columns:text("company", row, "parent_id")
        parents[row] = id and book.handle:find("company", id) or false
        if id and not parents[row] then unknown[#unknown + 1] = id end
    end
    return parents
end

-- Rows of companies that are above themselves.
local function circles_of(parents)
    local state, circles = {}, {}
    for start = 1, #parents do
        local row = start
        while row and not state[row] do
            state[row], row = start, parents[row]
        end
        if row and state[row] == start then
            local each = row
            repeat
                circles[#circles + 1], each = each, parents[each]
            until each == row
        end
    end
    table.sort(circles)
    return circles
end

local function add_parents(book, warnings)
    local unknown, own, circular = {}, {}, {}
    local parents = parents_of(book, unknown)
    for _, row in ipairs(circles_of(parents)) do
        local list = parents[row] == row and own or circular
        list[#list + 1] = book.handle:id("company", row)
    end
    note(warnings, #unknown, "companies.parent_id", "names a company that is not there",
        "name companies that are not there", unknown)
    note(warnings, #own, "companies.parent_id", "company is its own parent", "companies are their own parents", own)
    note(warnings, #circular, "companies.parent_id", "company is above itself", "companies are above themselves",
        circular)
end

-- ---- deals ------------------------------------------------------------------------------------------------------

local function add_deals(book, warnings)
    local odd = facts.odd_deals(book)
    note(warnings, odd.no_account, "deals.company_id", "deal of no account", "deals of no account")
    note(warnings, odd.no_stage, "deal.stage", "deal of an account without a stage: neither open nor closed",
        "deals of accounts without a stage: neither open nor closed")
    note(warnings, odd.no_amount, "deal.amount", "open deal without an amount", "open deals without an amount")
    note(warnings, odd.bad_amount, "deal.amount", "open deal with an amount that cannot be summed exactly: left out",
        "open deals with amounts that cannot be summed exactly: left out")
    if next(odd.currencies) then
        local others = " beside others in " .. table.concat(sorted_keys(odd.currencies), ", ")
        note(warnings, odd.no_currency, "deal.currency", "open deal without a currency" .. others,
            "open deals without a currency" .. others)
    end
end

-- Stages that were named and that no deal has: nothing is won or lost by them.
local function add_stages(book, warnings)
    if book.columns.counts.deals == 0 then return end
    local known, names = {}, {}
    for _, text in ipairs(book.columns:cells("deal", "stage").texts) do
        known[core.fold(text)], names[#names + 1] = true, text
    end
    for _, option in ipairs({ "won", "lost" }) do
        for _, stage in ipairs(book.given[option] or {}) do
            if not known[core.fold(stage)] then
                local near = nearest(stage, names)
                warn(warnings, option, "no deal has the stage " .. show(stage) ..
                    (near and " (nearest: " .. show(near) .. ")" or ""))
            end
        end
    end
end

-- ---- columns ----------------------------------------------------------------------------------------------------

local function columns_of(book, object)
    local names, known = book.handle:columns(object), {}
    for _, name in ipairs(names) do
        known[name] = true
    end
    return names, known
end

-- Columns that are read here and stand in the file under another case or with other signs between the words.
local function add_spellings(book, warnings)
    local inputs = { contact = "contacts", company = "companies", deal = "deals" }
    for _, object in ipairs({ "company", "contact", "deal" }) do
        local names, known = columns_of(book, object)
        local by_key = {}
        for _, name in ipairs(names) do
            by_key[name:lower():gsub("[%s_-]+", "")] = name
        end
        for _, each in ipairs(facts.COLUMNS[object]) do
            local name = type(each) == "table" and each[1] or each
            local other = by_key[(name:gsub("_", ""))]
            if not known[name] and other and name ~= "company_id" then -- of which the dataset tells
                warn(warnings, inputs[object] .. "." .. name, ("there is no such column, but %s (--column %s.%s=%s)")
                    :format(show(other), inputs[object], name, other))
            end
        end
    end
end

local function add_gdpr(book, warnings)
    local _, known = columns_of(book, "contact")
    if book.gdpr and book.columns.counts.contacts > 0 and not known.legal_basis then
        warn(warnings, "contacts.legal_basis", "there is no such column: no contact has a legal basis, and the " ..
            "engagement of all is left out")
    end
end

local function add_nothing_targeted(book, warnings)
    for row = 1, book:_count() do
        if book:_is_target(row) then return end
    end
    local _, known = columns_of(book, "company")
    if book:_count() > 0 and not known.target_account and next(book.targets) == nil then
        warn(warnings, "companies.target_account", "there is no such column and no list of targets: no company is a " ..
            "target account")
    end
end

local function add_files(book, warnings)
    for _, input in ipairs({ "tasks", "engagements" }) do
        local file = book.of_companies[input]
        note(warnings, file.unknown, input, "names a record that is not there", "name records that are not there")
        note(warnings, file.unlinked, input, "names no company, contact or deal", "name no company, contact or deal")
        note(warnings, file.untimed, input, "has no time", "have no time")
    end
end

--- Adds the warnings of accounts.
---@param book table
---@param warnings leadscore.Error[]
function M.add(book, warnings)
    add_spellings(book, warnings)
    add_gdpr(book, warnings)
    add_nothing_targeted(book, warnings)
    add_targets(book, warnings)
    add_parents(book, warnings)
    add_deals(book, warnings)
    add_stages(book, warnings)
    add_files(book, warnings)
end

return M
