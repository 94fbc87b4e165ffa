-- Checks what leadscore.accounts and its methods are given; raises for wrong usage, blaming who called.

local core = require("leadscore.core")
local activity = require("leadscore.accounts.activity")
local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

-- Levels count from who calls the function that is given them.
local function fail(what, expected, value, level)
    error(("%s: expected %s, got %s"):format(what, expected, show(value)), level + 1)
end

local function is_text(value)
    return type(value) == "string" and value ~= ""
end

local function is_list(value, is_item)
    if type(value) ~= "table" then return false end
    local count = 0
    for _ in pairs(value) do
        count = count + 1
    end
    for i = 1, count do
        if not is_item(value[i]) then return false end
    end
    return true
end

--- A text, or nil.
function M.text(value, what, level)
    if value ~= nil and not is_text(value) then fail(what, "a text", value, level + 1) end
end

--- A list of texts, or nil.
function M.texts(value, what, level)
    if value ~= nil and not is_list(value, is_text) then fail(what, "a list of texts", value, level + 1) end
end

--- A text or a list of texts, or nil.
function M.text_or_texts(value, what, level)
    if value == nil or is_text(value) or is_list(value, is_text) then return end
    fail(what, "a text or a list of texts", value, level + 1)
end

--- True or false, or nil.
function M.flag(value, what, level)
    if value ~= nil and type(value) ~= "boolean" then fail(what, "true or false", value, level + 1) end
end

--- A whole number, or nil.
function M.whole(value, least, most, what, level)
    if value == nil then return end
    if type(value) ~= "number" or value % 1 ~= 0 or value < least or value > most then
        fail(what, ("a whole number from %d to %d"):format(least, most), value, level + 1)
    end
end

local function is_id(value)
    return is_text(value) or type(value) == "number"
end

--- Ids: a file or a list, or nil.
function M.ids(value, what, level)
    if value == nil or is_text(value) or is_list(value, is_id) then return end
    fail(what, "a file or a list of ids", value, level + 1)
end

--- One id.
function M.id(value, what, level)
    if not is_id(value) then fail(what, "an id, a text or a number", value, level + 1) end
end

--- One of some names, or nil.
function M.one_of(name, known, what, level)
    if name == nil then return end
    for _, each in ipairs(known) do
        if each == name then return end
    end
    local near = nearest(tostring(name), known)
    error(("%s: expected one of %s, got %s%s"):format(what, table.concat(known, ", "), show(name),
        near and " (did you mean " .. show(near) .. "?)" or ""), level + 1)
end

local function check_kinds(kinds, level)
    if kinds == nil then return end
    if type(kinds) ~= "table" then fail("leadscore.accounts: kinds", "names of events by kind", kinds, level + 1) end
    for kind, names in pairs(kinds) do
        if not activity.KINDS[kind] then
            fail("leadscore.accounts: kinds", "email, call, meeting, form, document or page_view", kind, level + 1)
        end
        M.text_or_texts(names, "leadscore.accounts: kinds." .. kind, level + 1)
    end
end

local function check_stages(options, level)
    M.texts(options.won, "leadscore.accounts: won", level + 1)
    M.texts(options.lost, "leadscore.accounts: lost", level + 1)
    local won = {}
    for _, stage in ipairs(options.won or {}) do
        won[core.fold(stage)] = true
    end
    for _, stage in ipairs(options.lost or {}) do
        if won[core.fold(stage)] then
            error(("leadscore.accounts: the stage %s is both won and lost"):format(show(stage)), level + 1)
        end
    end
end

--- The options of leadscore.accounts that are its own.
function M.options(options, level)
    level = level + 1
    check_kinds(options.kinds, level)
    check_stages(options, level)
    M.text(options.currency, "leadscore.accounts: currency", level)
    M.text(options.score, "leadscore.accounts: score", level)
    M.flag(options.gdpr, "leadscore.accounts: gdpr", level)
    M.whole(options.threads, 1, 256, "leadscore.accounts: threads", level)
    M.ids(options.targets, "leadscore.accounts: targets", level)
end

return M
