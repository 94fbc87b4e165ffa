-- Account matching: which company a contact without one belongs to, by the domain of its e-mail address (strong) or by
-- the company's name that it carries (weak). The core matches; here are its options, the list of free-mail domains and
-- the two lists that can be written.

local core = require("leadscore.core")
local errors = require("leadscore.error")
local lists = require("leadscore.lists")
local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

--- How contacts are matched with companies.
---@class leadscore.MatchOptions
---@field email? string the contacts' property with an e-mail address; companies say theirs in `domain`
---@field name? string the contacts' property with a company's name; companies say theirs in `name`
---@field free_mail? string|string[] domains that match nobody instead of the built-in ones: a file, or a list

local KNOWN = { email = true, name = true, free_mail = true }

local function raise(message, level)
    error("leadscore.dataset: match: " .. message, level + 1)
end

-- Checks the option; raises, `level` up, for wrong usage.
function M.check(options, level)
    if type(options) ~= "table" then raise("expected a table such as { email = \"email\" }", level + 1) end
    for key in pairs(options) do
        if not KNOWN[key] then raise("unknown option " .. show(tostring(key)), level + 1) end
    end
    for _, key in ipairs({ "email", "name" }) do
        local value = options[key]
        if value ~= nil and (type(value) ~= "string" or value == "") then
            raise(key .. ": expected the name of a column of contacts", level + 1)
        end
    end
    if not options.email and not options.name then raise("expected email or name", level + 1) end
end

-- Has the columns kept that matching reads, whatever definitions ask for.
function M.keep(handle, options)
    local columns = { { "contact", "company_id" }, { "deal", "company_id" } }
    if options.email then
        columns[#columns + 1] = { "contact", options.email }
        columns[#columns + 1] = { "company", "domain" }
    end
    if options.name then
        columns[#columns + 1] = { "contact", options.name }
        columns[#columns + 1] = { "company", "name" }
    end
    for _, each in ipairs(columns) do
        local ok, err = handle:keep(each[1], each[2])
        if not ok then return nil, errors.wrap(err) end
    end
    return true
end

local function has_column(handle, object, name, input)
    if name == nil or name == "id" then return true end
    local names = handle:columns(object)
    for _, each in ipairs(names) do
        if each == name then return true end
    end
    local near = nearest(name, names)
    return nil, errors.new({
        kind = "input", path = input .. "." .. name, nearest = near,
        message = "accounts cannot be matched without this column" ..
            (near and " (nearest: " .. show(near) .. ")" or ""),
    })
end

local function check_columns(handle, options)
    local wanted = {
        { "contact", options.email, "contacts" }, { "company", options.email and "domain", "companies" },
        { "contact", options.name, "contacts" }, { "company", options.name and "name", "companies" },
    }
    for i = 1, 4 do
        local ok, err = has_column(handle, wanted[i][1], wanted[i][2] or nil, wanted[i][3])
        if not ok then return nil, err end
    end
    return true
end

-- Matches, when all is read and nothing is grouped yet. Returns counts.
function M.run(handle, options)
    local ok, err = check_columns(handle, options)
    if not ok then return nil, err end
    local free = options.free_mail
    if free == nil then
        free = require("leadscore.free_mail")
    elseif type(free) == "string" then
        free, err = lists.read(free, "domain")
        if not free then return nil, err end
    end
    local counts, failure = handle:match({ email = options.email, name = options.name, free_mail = free })
    if not counts then return nil, errors.wrap(failure) end
    return counts
end

-- ---- who was matched --------------------------------------------------------------------------------------------

--- What became of one contact that had no primary company.
---@class leadscore.Match
---@field contact_id string
---@field company_id? string absent where nothing matched
---@field by? string "domain" (strong) or "name" (weak)
---@field strength? string "strong" or "weak"
---@field reason? string why nothing matched

local TEXTS = {
    ["no value"] = { "no e-mail address", "no company name" },
    ["free mail"] = { "a free-mail address: %s" },
    ["no company"] = { "no company has the domain of %s", "no company is named %s" },
    ["several companies"] = { "several companies have the domain of %s", "several companies are named %s" },
}

local function reason_of(handle, row, options, by_domain, by_name)
    local parts = {}
    for i, each in ipairs({ { by_domain, options.email }, { by_name, options.name } }) do
        if each[1] then
            local value = handle:value("contact", row, each[2])
            parts[#parts + 1] = (TEXTS[each[1]][i]:gsub("%%s", function() return show(value or "") end))
        end
    end
    return table.concat(parts, "; ")
end

local function primary_of(handle, row)
    local companies, labels = handle:related("contact", row, "company")
    for i, company in ipairs(companies) do
        for _, label in ipairs(labels[i]) do
            if label == "primary" then return handle:id("company", company) end
        end
    end
end

-- Iterates over the contacts that matching was asked for, in input order.
function M.each(handle, options)
    local row, count = 0, handle:counts().contacts
    return function()
        while row < count do
            row = row + 1
            local by_domain, by_name = handle:match_of(row)
            local by = (by_domain == "matched" and "domain") or (by_name == "matched" and "name") or nil
            local match = { contact_id = handle:id("contact", row) }
            if by then
                match.company_id, match.by = primary_of(handle, row), by
                match.strength = by == "domain" and "strong" or "weak"
                return match
            elseif by_domain or by_name then
                match.reason = reason_of(handle, row, options, by_domain, by_name)
                return match
            end
        end
    end
end

local function cell(text)
    return text:find('[",\r\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

local FILES = {
    matched = { "contact_id,company_id,by,strength\n", function(match)
        return match.by and { match.contact_id, match.company_id, match.by, match.strength }
    end },
    unmatched = { "contact_id,reason\n", function(match)
        return match.reason and { match.contact_id, match.reason }
    end },
}

-- Writes one of the lists as CSV: what is "matched" or "unmatched".
function M.write(handle, options, what, path)
    local output, err = core.output(path == "-" and 1 or path)
    if not output then return nil, errors.with_file(errors.wrap(err, "io"), path) end
    local header, row_of = FILES[what][1], FILES[what][2]
    local ok, problem = output:write(header)
    for match in M.each(handle, options) do
        local row = ok and row_of(match)
        if row then
            for i, text in ipairs(row) do
                row[i] = cell(text)
            end
            ok, problem = output:write(table.concat(row, ",") .. "\n")
        end
    end
    if ok then ok, problem = output:commit() end
    output:close()
    if not ok then return nil, errors.with_file(errors.wrap(problem, "io"), path) end
    return true
end

return M
