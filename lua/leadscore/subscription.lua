-- What wants to know of changes: a value that crosses a bound, a label that becomes another one. A ledger's advance
-- finds the changes; here they are matched and delivered, each once.
--
-- A value that was at or above the bound counts as above it until it is below `until_below`. Between the two lies a
-- band in which the value alone does not tell whether it came from above: the contacts that lie there and came from
-- above are remembered, all others are told by the change itself. Downwards it is the other way round. A contact
-- without a value (out of scope, or nothing fired yet) is below every bound: one that is new comes from nowhere, but
-- one that lost its value has crossed the bound, and is remembered too.

local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

local KNOWN = { "score", "crosses", "direction", "until_below", "until_above", "label", "call" }
local DIRECTIONS = { up = true, down = true, both = true }

--- What to be told of. Either `crosses` or `label`.
---@class leadscore.SubscriptionOptions
---@field score? string which score; may be left out where there is one
---@field crosses? number points that the value passes: up once it is at least that, down once it is less
---@field direction? string "up" (when left out), "down" or "both"
---@field until_below? number a value that was at least `crosses` counts as above it until it is below this: only then
--- can it cross upwards again; `crosses` if left out
---@field until_above? number a value that was below `crosses` counts as below it until it is at least this: only then
--- can it cross downwards again; `crosses` if left out
---@field label? string|true the label that it becomes; true: any change of the label
---@field call fun(change: leadscore.Change, direction?: string) gets the change, and of a crossing "up" or "down"

--- What on_change gives back.
---@class leadscore.Subscription
local Subscription = {}
Subscription.__index = Subscription
Subscription.__name = "leadscore.Subscription"

-- ---- what it asks for -------------------------------------------------------------------------------------------

local function raise(message, level)
    error("leadscore: on_change: " .. message, level + 1)
end

local function check_number(options, key, level)
    local value = options[key]
    if value ~= nil and (type(value) ~= "number" or value ~= value) then
        raise(("%s: expected a number of points, got a %s"):format(key, type(value)), level + 1)
    end
    return value
end

local function check_known(options, level)
    if type(options) ~= "table" then raise("expected a table of options, got a " .. type(options), level + 1) end
    for key in pairs(options) do
        local found = false
        for _, name in ipairs(KNOWN) do
            found = found or name == key
        end
        if not found then
            local near = nearest(tostring(key), KNOWN)
            raise(("unknown option %s%s"):format(show(tostring(key)),
                near and " (did you mean " .. show(near) .. "?)" or ""), level + 1)
        end
    end
    if type(options.call) ~= "function" then raise("call: expected a function", level + 1) end
    if (options.crosses == nil) == (options.label == nil) then raise("expected either crosses or label", level + 1) end
end

local function check_crossing(options, level)
    local crosses = check_number(options, "crosses", level + 1)
    local below = check_number(options, "until_below", level + 1)
    local above = check_number(options, "until_above", level + 1)
    local direction = options.direction or "up"
    if not DIRECTIONS[direction] then
        raise("direction: expected \"up\", \"down\" or \"both\", got " .. show(tostring(direction)), level + 1)
    end
    if below and direction == "down" then raise("until_below: a crossing down has until_above", level + 1) end
    if above and direction == "up" then raise("until_above: a crossing up has until_below", level + 1) end
    if below and below > crosses then raise("until_below: expected at most crosses", level + 1) end
    if above and above < crosses then raise("until_above: expected at least crosses", level + 1) end
    return {
        up = direction ~= "down" and { bound = crosses, back = below or crosses, held = {} } or nil,
        down = direction ~= "up" and { bound = crosses, back = above or crosses, held = {} } or nil,
    }
end

local function check_label(options, labels, level)
    for _, key in ipairs({ "direction", "until_below", "until_above" }) do
        if options[key] ~= nil then raise(key .. ": a label has none", level + 1) end
    end
    local label = options.label
    if label == true then return end
    if type(label) ~= "string" then raise("label: expected a text or true, got a " .. type(label), level + 1) end
    for _, each in ipairs(labels) do
        if each == label then return end
    end
    local near = nearest(label, labels)
    raise(("label: the score is never labelled %s%s"):format(show(label),
        near and " (did you mean " .. show(near) .. "?)" or
        #labels > 0 and " (" .. table.concat(labels, ", ") .. ")" or ""), level + 1)
end

--- A new subscription at the end of a list of them.
---@param list table
---@param score string its name
---@param labels string[] of the score
---@param options leadscore.SubscriptionOptions
---@param level integer of the errors that it raises
---@return leadscore.Subscription
function M.add(list, score, labels, options, level)
    check_known(options, level + 1)
    local new = { _list = list, _score = score, _call = options.call, _label = options.label }
    if options.crosses ~= nil then
        new._crossings = check_crossing(options, level + 1)
    else
        check_label(options, labels, level + 1)
    end
    list[#list + 1] = setmetatable(new, Subscription)
    return new
end

--- Nothing more is delivered.
---@return nil
function Subscription:cancel()
    for i, each in ipairs(self._list) do
        if each == self then
            table.remove(self._list, i)
            break
        end
    end
    self._cancelled = true
end

function Subscription:__tostring()
    local what = self._crossings and "crossings" or self._label == true and "labels" or "label " .. show(self._label)
    return ("subscription to %s of %s%s"):format(what, self._score, self._cancelled and " (cancelled)" or "")
end

-- ---- matching ---------------------------------------------------------------------------------------------------

-- Whether the change crosses upwards, given what is remembered of the contact, which is brought up to date.
local function crosses_up(crossing, change)
    local from, to, held = change.from, change.to, crossing.held
    local above = from ~= nil and (from >= crossing.bound or held[change.id] ~= nil)
    local stays = above and to ~= nil and to >= crossing.back
    held[change.id] = stays and to < crossing.bound or nil
    return not above and to ~= nil and to >= crossing.bound
end

local function crosses_down(crossing, change)
    local from, to, held = change.from, change.to, crossing.held
    local below = from ~= nil and from < crossing.bound or held[change.id] ~= nil
    local falls = to == nil or to < crossing.bound
    if to == nil then
        held[change.id] = crossing.back ~= crossing.bound or nil
    else
        held[change.id] = below and not falls and to < crossing.back or nil
    end
    return from ~= nil and not below and falls
end

-- Which way the change goes for the subscription: "up", "down", "label" or nil.
local function match(subscription, change)
    if change.score ~= subscription._score then return nil end
    local crossings = subscription._crossings
    if not crossings then
        local changes = change.label_from ~= change.label_to
        return changes and (subscription._label == true or subscription._label == change.label_to) and "label" or nil
    end
    local up = crossings.up and crosses_up(crossings.up, change)
    local down = crossings.down and crosses_down(crossings.down, change)
    return up and "up" or down and "down" or nil
end

-- ---- delivering -------------------------------------------------------------------------------------------------

--- Delivers changes, in their order, to those that are subscribed now. Each is delivered though a call before it
--- raised; the first error is raised again at the end.
---@param list table
---@param changes leadscore.Change[] those that are `quiet` are only remembered
function M.deliver(list, changes)
    if not list[1] then return end
    local now, failed, failure = {}, false, nil
    for i, each in ipairs(list) do
        now[i] = each
    end
    for _, change in ipairs(changes) do
        for _, subscription in ipairs(now) do
            local way = match(subscription, change)
            if way and not change.quiet and not subscription._cancelled then
                local fine, err = pcall(subscription._call, change, way ~= "label" and way or nil)
                if not fine and not failed then failed, failure = true, err end
            end
        end
    end
    if failed then error(failure, 0) end
end

--- Whether some of them remember contacts, so that they must see changes that are told nobody.
function M.remember(list)
    for _, each in ipairs(list) do
        local crossings = each._crossings
        if crossings and (crossings.up and crossings.up.back ~= crossings.up.bound
            or crossings.down and crossings.down.back ~= crossings.down.bound) then
            return true
        end
    end
    return false
end

--- A contact is no more.
function M.forget(list, id)
    for _, each in ipairs(list) do
        for _, crossing in pairs(each._crossings or {}) do
            crossing.held[id] = nil
        end
    end
end

M.Subscription = Subscription

return M
