-- What definitions ask of a dataset beside properties: events, and associations between records. And the warnings where
-- a dataset has none of what is asked for, since every score would then silently be as of nothing.

local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

local INPUTS = { contact = "contacts", company = "companies", deal = "deals" }
local OBJECT_OF = {
    company = "company", companies = "company", deals = "deal", contacts = "contact", primary_contacts = "contact",
}

local function add_link(needs, from, to, name)
    local key = from < to and from .. " " .. to or to .. " " .. from
    if needs.seen[key] then return end
    needs.seen[key] = true
    needs.links[#needs.links + 1] = { from = from, to = to, name = name }
end

-- Goes through a definition in its canonical form.
local function walk(needs, value, definition)
    if type(value) ~= "table" then return end
    local related = value.related
    if type(related) == "string" and OBJECT_OF[related] then
        add_link(needs, definition.object, OBJECT_OF[related], definition.name)
    end
    if type(value.event) == "table" then
        needs.events = needs.events or definition.name
        if definition.object ~= "contact" then add_link(needs, definition.object, "contact", definition.name) end
    end
    for _, each in next, value do
        walk(needs, each, definition)
    end
end

-- { links = { { from =, to =, name = (of the score that asks) } }, events = the name of a score that asks, or nil }
local function needs_of(definition)
    local needs = { links = {}, seen = {} }
    local canonical = definition and definitions.decode(definition:canonical())
    for _, each in ipairs(canonical and canonical.definitions or {}) do
        walk(needs, each.groups, each)
        walk(needs, each.scope, each)
    end
    return needs
end

local function warn(warnings, path, message)
    warnings[#warnings + 1] = errors.new({ kind = "input", path = path, message = message })
end

-- Whose column company_id tells of an association.
local function teller_of(link)
    local objects = { [link.from] = true, [link.to] = true }
    if not objects.company then return nil end
    return objects.contact and "contact" or "deal"
end

-- A column that may be meant by company_id, where there is none of that name.
local function company_id_like(handle, object)
    local names = handle:columns(object)
    for _, name in ipairs(names) do
        if name == "company_id" then return nil end
    end
    for _, name in ipairs(names) do
        if name:lower():gsub("[%s_-]+", "") == "companyid" then return name end
    end
    return nearest("company_id", names)
end

local function warn_unlinked(warnings, handle, link)
    local counts, teller = handle:counts(), teller_of(link)
    local many = teller or link.from
    local other = many == link.from and link.to or link.from
    if counts[INPUTS[link.from]] == 0 or counts[INPUTS[link.to]] == 0 or handle:link_count(many, other) > 0 then
        return
    end
    local column = teller and company_id_like(handle, teller)
    local near = column and (" (nearest column: %s)"):format(show(column)) or ""
    local who = teller and "no column company_id, no association and no matching says of which" or
        "no association says of which"
    warn(warnings, INPUTS[many], ("none of %d belongs to a %s: %s%s"):format(counts[INPUTS[many]], other, who, near))
end

--- Warnings where what is asked for was not given at all, or nothing belongs together.
---@param handle userdata the core's dataset, all read
---@param options table those of leadscore.dataset
---@param more { from: string, to: string }[] associations that are wanted besides those of the definitions
---@return leadscore.Error[] warnings
function M.warnings(handle, options, more)
    local warnings, needs = {}, needs_of(options.definitions)
    local function lacks(input, name, why)
        if options[input] ~= nil or (options.log ~= nil and (input == "events" or input == "contacts")) then return end
        warn(warnings, input, ("none were given; the score %s %s"):format(show(name), why))
    end
    if needs.events then lacks("events", needs.events, "asks for events") end
    for _, link in ipairs(needs.links) do
        lacks(INPUTS[link.to], link.name, ("asks for the %s of %s"):format(INPUTS[link.to], INPUTS[link.from]))
    end
    for _, link in ipairs(more) do
        add_link(needs, link.from, link.to)
    end
    for _, link in ipairs(needs.links) do
        warn_unlinked(warnings, handle, link)
    end
    return warnings
end

return M
