-- Time passes in a ledger: the part of it that is advanced from instant to instant, tells what changed and calls those
-- who subscribed to it.

local datasets = require("leadscore.dataset")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local subscriptions = require("leadscore.subscription")

local M = {}

--- A score that is another one than it was at the last advance.
---@class leadscore.Change
---@field id string the contact
---@field score string its name
---@field from? number the value before; absent: there was none
---@field to? number the value now; absent: there is none, since the contact is out of scope, nothing fired yet where
--- the score is empty until then, or the sum passed 10^12 points
---@field label_from? string
---@field label_to? string
---@field why string "event", "property", "definition" or "time"; of several that happened the first in this order

--- How to advance.
---@class leadscore.AdvanceOptions
---@field silent? boolean scores are taken down, nothing is told: no changes, no calls

local OPTIONS = { "silent" }

local function closed()
    error("leadscore: ledger is closed", 3)
end

local Advancing = {}

local function told(changes)
    local list = {}
    for _, change in ipairs(changes) do
        if not change.quiet then list[#list + 1] = change end
    end
    return list
end

--- Goes on to an instant: scores again the contacts to which something happened and those that are due, and returns
--- what changed since the last advance, in the order of contacts, then scores. Then those who subscribed are called;
--- an error that one of them raises is raised when all were called. A contact that is new changes too, from nothing,
--- unless it was loaded.
---@param at? number|string seconds since 1970, a time as in files or "10 days ago"; now when left out
---@param options? leadscore.AdvanceOptions
---@return leadscore.Change[]|nil changes
---@return leadscore.Error|nil err also when the instant is earlier than the last one: nothing was done
function Advancing:advance(at, options)
    local handle = self._handle or closed()
    if options ~= nil then datasets.check_options(options, OPTIONS, "leadscore: advance", 2) end
    if self._advancing then error("leadscore: advance: called by what an advance called", 2) end
    local instant, unreadable = definitions.instant(at, 2)
    if not instant then return nil, unreadable end
    local list = self._subscriptions
    local changes, err = handle:advance(instant, options ~= nil and options.silent)
    if not changes then return nil, errors.wrap(err) end
    if list then
        self._advancing = true
        local fine, failure = pcall(subscriptions.deliver, list, changes)
        self._advancing = nil
        if not fine then error(failure, 0) end
        changes = told(changes)
    end
    return changes
end

--- A lower bound of the next instant after `at` at which some score of the contact may be another one, if nothing
--- happens to it: cheap, and never later than next_change.
---@param id string|number
---@param at? number|string
---@return integer|false|nil seconds since 1970; false: never
---@return leadscore.Error|nil err also when there is no such contact
function Advancing:due_at(id, at)
    local handle = self._handle or closed()
    if type(id) ~= "string" and type(id) ~= "number" then
        error("id: expected a text or a number, got " .. type(id), 2)
    end
    local instant, unreadable = definitions.instant(at, 2)
    if not instant then return nil, unreadable end
    local seconds, err = handle:due_at(id, instant)
    if seconds ~= nil then return seconds end
    return nil, errors.wrap(err)
end

--- When there is something to do for the next advance: the instant at which the first contact is due, as of the last
--- advance.
---@return integer|boolean seconds since 1970; false: never, true: at once, since something happened
function Advancing:next_due()
    return (self._handle or closed()):soonest()
end

--- Calls a function when an advance finds that a score crossed a bound or changed its label.
---@param options leadscore.SubscriptionOptions
---@return leadscore.Subscription
function Advancing:on_change(options)
    local handle = self._handle or closed()
    if #self._names == 0 then error("leadscore: on_change: the ledger has no definitions", 2) end
    local score = type(options) == "table" and options.score or nil
    local index = definitions.index(self._names, score, 2)
    self._subscriptions = self._subscriptions or {}
    local new = subscriptions.add(self._subscriptions, self._names[index], handle:labels(index), options, 2)
    handle:hear(subscriptions.remember(self._subscriptions))
    return new
end

local function id_text(id)
    if type(id) == "number" then return ("%.0f"):format(id) end
    return id:match("^[ \t\r\n]*(.-)[ \t\r\n]*$")
end

--- What is remembered of a contact for those who subscribed.
function M.forget(ledger, id)
    if ledger._subscriptions then subscriptions.forget(ledger._subscriptions, id_text(id)) end
end

--- Gives the class of ledgers these methods.
function M.extend(class)
    setmetatable(class, { __index = Advancing })
end

M.Advancing = Advancing

return M
