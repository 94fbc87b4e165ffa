-- The objects that score: a definition, a set of definitions that know each other's scores, and their plan. Both are
-- made from the checked set and its canonical text; all arithmetic is in the core.

local canonical = require("leadscore.canonical")
local core = require("leadscore.core")
local errors = require("leadscore.error")
local nearest = require("leadscore.check.nearest").name
local records = require("leadscore.record")
local show = require("leadscore.check.context").show

local M = {}

local UNITS = {
    second = 1, minute = 60, hour = 3600, day = 86400, week = 604800, month = 2592000, year = 31536000,
}

-- "10 days ago" as seconds, or nil.
local function ago(text)
    local count, unit = text:match("^%s*(%d+)%s+(%a+)%s+ago%s*$")
    local seconds = unit and (UNITS[unit] or UNITS[unit:gsub("s$", "")])
    return seconds and #count <= 12 and core.now() - math.floor(tonumber(count)) * seconds or nil
end

-- Levels of errors count frames, so functions that raise for their callers are never called as the last thing that a
-- function does: its frame would be gone.

-- An instant in whole seconds since 1970 (UTC): nil is now, a number is seconds, a text is a time as in files or
-- "10 days ago". Returns nil and an error for a text that is no time; raises for anything else.
function M.instant(at, level)
    if at == nil or at == core.null then return core.now() end
    if type(at) == "number" then
        if at ~= at or at >= 2 ^ 53 or at <= -2 ^ 53 then error("at: expected seconds since 1970", (level or 1) + 1) end
        return math.floor(at)
    end
    if type(at) ~= "string" then
        error("at: expected a number of seconds or a text, got a " .. type(at), (level or 1) + 1)
    end
    local seconds = core.read_time(at) or ago(at)
    if seconds then return seconds end
    return nil, errors.new({
        kind = "input", path = "at",
        message = ("cannot read %s as a time (2025-01-31, 2025-01-31T09:30:00Z, seconds since 1970, \"10 days ago\")")
            :format(show(at)),
    })
end

-- The index of a name among the names of scores; nil means the only one. Raises for a name that is not there.
function M.index(names, name, level)
    if name == nil and #names == 1 then return 1 end
    for i, each in ipairs(names) do
        if each == name then return i end
    end
    local known = table.concat(names, ", ")
    if name == nil then error("leadscore: which score? (" .. known .. ")", (level or 1) + 1) end
    local near = nearest(tostring(name), names)
    error(("leadscore: no score is named %s (%s)"):format(show(tostring(name)),
        near and "did you mean " .. show(near) .. "?" or known), (level or 1) + 1)
end

-- JSON text as a table in which what is empty is absent.
local function strip(value)
    if type(value) ~= "table" then return value end
    for key, each in pairs(value) do
        if each == core.null then
            value[key] = nil
        else
            strip(each)
        end
    end
    return value
end

-- Where a text of JSON that begins at a place ends.
local function end_of_text(text, at)
    repeat
        at = text:find('["\\]', at + 1)
        local escape = text:byte(at) == 92
        if escape then at = at + 1 end
    until not escape
    return at
end

local MOST_DIGITS = 15 -- that every double keeps

-- The core's own JSON with longer points as their nearest doubles, which is what Lua gets of all points.
local function as_doubles(text)
    local parts, copied, at = {}, 1, text:find('["%d]')
    while at do
        local last
        if text:byte(at) == 34 then
            last = end_of_text(text, at)
        else
            last = select(2, text:find("^[%d.]+", at))
            if last - at >= MOST_DIGITS then
                parts[#parts + 1] = text:sub(copied, at - 1)
                parts[#parts + 1] = core.print_number(tonumber(text:sub(at, last)))
                copied = last + 1
            end
        end
        at = text:find('["%d]', last + 1)
    end
    return table.concat(parts) .. text:sub(copied)
end

local MOST_DEPTH, MOST_VALUES = 64, 2 ^ 31 - 1

-- JSON of the core as a table.
function M.decode(text)
    local value, err = core.json_decode(text, MOST_DEPTH, MOST_VALUES)
    if value == nil then value, err = core.json_decode(as_doubles(text), MOST_DEPTH, MOST_VALUES) end
    if value == nil then return nil, errors.wrap(err) end
    return strip(value)
end

-- ---- plan -------------------------------------------------------------------------------------------------------

--- What a host must fetch so that a definition or set can score a record. Immutable.
---@class leadscore.Plan
local Plan = {}
Plan.__index = Plan
Plan.__name = "leadscore.Plan"

--- The properties that are read.
---@return leadscore.Field[] fields one each: { object = "contact", name = "industry", type = "text" }; object is
--- "contact", "company", "deal" or "event", type is "text", "number", "boolean", "datetime" or "set"
function Plan:fields()
    return self._owner:_open("fields"):fields()
end

--- The lists that `in_list` and `not_in_list` name.
---@return string[] names
function Plan:lists()
    return self._owner:_open("lists"):lists()
end

--- The names of the scores, in order.
---@return string[] names
function Plan:names()
    return self._owner:names()
end

function Plan:__tostring()
    if not self._owner._plan then return "plan (closed)" end
    local parts = {}
    for i, field in ipairs(self:fields()) do
        parts[i] = field.object .. "." .. field.name
    end
    local lists = self:lists()
    return ("plan of %s: reads %s%s"):format(table.concat(self:names(), ", "),
        #parts > 0 and table.concat(parts, ", ") or "no property",
        #lists > 0 and "; lists " .. table.concat(lists, ", ") or "")
end

-- ---- what a definition and a set have in common -----------------------------------------------------------------

local Scoring = {}

-- The core's plan; raises when closed.
function Scoring:_open()
    if not self._plan then error("leadscore: " .. self._noun .. " is closed", 3) end
    return self._plan
end

-- Whether some filter or rule goes over associated records. In texts the quotes of such a key would be escaped.
function Scoring:_relates()
    return self._canonical:find('"related":', 1, true) ~= nil
end

function Scoring:_scoring()
    if not self._scorer then
        local plan = self:_open()
        local own = self:_relates()
        for i = 1, plan:count() do
            own = own or plan:object(i) ~= "contact"
        end
        self._scorer = own and records.scorer(plan) or plan:scorer()
    end
    return self._scorer
end

local function check_record(record)
    if type(record) ~= "table" then
        error("leadscore: record: expected a table of properties, got " .. type(record), 3)
    end
end

-- Raises unless object is one of those that can be scored, or nil.
local function check_object(object)
    if object == nil or object == "contact" or object == "company" or object == "deal" then return end
    error(('object: expected "contact", "company" or "deal", got %s'):format(tostring(object)), 3)
end

local function all_scores(self, record, at, object)
    local instant, err = M.instant(at, 3)
    if not instant then return nil, err end
    local scores, failure = self:_scoring():score(record, instant, object)
    if not scores then return nil, errors.wrap(failure) end
    return scores
end

local function explain(self, record, at, object)
    local instant, err = M.instant(at, 3)
    if not instant then return nil, err end
    local text, failure = self:_scoring():explain(record, instant, object)
    if not text then return nil, errors.wrap(failure) end
    return M.decode(text)
end

local function next_change(self, record, at, name)
    local instant, err = M.instant(at, 3)
    if not instant then return nil, err end
    local seconds, failure = self:_scoring():next_change(record, instant, name)
    if seconds == nil then return nil, errors.wrap(failure) end
    return seconds
end

function Scoring:_finish()
    if self._scorer then self._scorer:close() end
    if self._plan then self._plan:close() end
    self._scorer, self._plan = nil, nil
end

local function copy(list)
    local new = {}
    for i, value in ipairs(list) do
        new[i] = value
    end
    return new
end

-- ---- definition -------------------------------------------------------------------------------------------------

--- One score definition, checked and compiled. Immutable.
---@class leadscore.Definition
local Definition = { _noun = "definition" }
Definition.__index = Definition
Definition.__name = "leadscore.Definition"

--- Scores one record.
---@param record table its properties by name (sets as arrays), with `id`, `events` ({ event =, at =, ...properties }
--- or { NAME, AT }), `lists` (names of the lists it is in), and associated records under their relation's name
--- (`contacts = { {...}, ... }`, each with the `labels` of its association)
---@param at? number|string seconds since 1970, a time as in files or "10 days ago"; now when left out
---@return leadscore.Score|nil score
---@return leadscore.Error|nil err what is wrong with the record
function Definition:score(record, at)
    check_record(record)
    local scores, err = all_scores(self, record, at)
    if not scores then return nil, err end
    return scores[self._names[1]]
end

--- Why a record has its score: what `leadscore explain --json` prints, as a table.
---@param record table as for score
---@param at? number|string
---@return table|nil explanation
---@return leadscore.Error|nil err
function Definition:explain(record, at)
    check_record(record)
    local explanation, err = explain(self, record, at)
    return explanation, err
end

--- The first later instant at which the score's value or label changes if nothing happens.
---@param record table as for score
---@param at? number|string
---@return integer|false|nil seconds since 1970; false: never
---@return leadscore.Error|nil err
function Definition:next_change(record, at)
    check_record(record)
    local seconds, err = next_change(self, record, at, self._names[1])
    return seconds, err
end

--- What a host must fetch to score a record.
---@return leadscore.Plan plan
function Definition:plan()
    self:_open()
    return setmetatable({ _owner = self }, Plan)
end

--- The properties that are read; the same as plan():fields().
---@return leadscore.Field[] fields
function Definition:fields()
    return self:_open():fields()
end

--- The lists that are named; the same as plan():lists().
---@return string[] names
function Definition:lists()
    return self:_open():lists()
end

--- 32 hexadecimal digits that cover all that can change a score: not labels' texts of people, descriptions or tests.
---@return string fingerprint
function Definition:fingerprint()
    self:_open()
    return canonical.fingerprint(self._set)
end

--- The canonical form: JSON with every shorthand spelt out, the same however the definition is written.
---@return string json
function Definition:canonical()
    self:_open()
    return self._canonical
end

--- The name of the score, in a list of one.
---@return string[] names
function Definition:names()
    return copy(self._names)
end

--- What the checker found odd but not wrong.
---@return leadscore.Error[] warnings
function Definition:warnings()
    return copy(self._warnings)
end

--- Runs the tests that stand beside the definition.
---@return leadscore.TestReport report
function Definition:test()
    self:_open()
    return require("leadscore.tests").run(self)
end

--- Frees what it holds at once. Using it afterwards raises.
function Definition:close()
    self:_finish()
end

local function many(count, noun)
    return ("%d %s%s"):format(count, noun, count == 1 and "" or "s")
end

function Definition:__tostring()
    if not self._plan then return "definition (closed)" end
    local plan = self._plan
    return ("definition %s: %s score%s, %s, %s"):format(plan:name(1), plan:object(1),
        plan:combined(1) and " of fit and engagement" or "", many(self._groups, "group"), many(self._rules, "rule"))
end

-- ---- set --------------------------------------------------------------------------------------------------------

--- Several definitions that know each other's scores. Immutable.
---@class leadscore.DefinitionSet
local Set = { _noun = "set" }
Set.__index = Set
Set.__name = "leadscore.DefinitionSet"

--- Scores one record by every definition.
---@param record table as for Definition:score
---@param at? number|string
---@param object? string "contact", "company" or "deal": whose record it is; the only one scored, else contact
---@return table<string, leadscore.Score>|nil scores by name, of the definitions of that object
---@return leadscore.Error|nil err
function Set:score(record, at, object)
    check_record(record)
    check_object(object)
    local scores, err = all_scores(self, record, at, object)
    return scores, err
end

--- Why a record has its scores: what `leadscore explain --json` prints, as a table.
---@param record table
---@param at? number|string
---@param object? string as for Set:score
---@return table|nil explanation
---@return leadscore.Error|nil err
function Set:explain(record, at, object)
    check_record(record)
    check_object(object)
    local explanation, err = explain(self, record, at, object)
    return explanation, err
end

--- The first later instant at which one score's value or label changes if nothing happens.
---@param record table
---@param at? number|string
---@param name? string which score; may be left out where there is one
---@return integer|false|nil seconds since 1970; false: never
---@return leadscore.Error|nil err
function Set:next_change(record, at, name)
    check_record(record)
    local seconds, err = next_change(self, record, at, self._names[M.index(self._names, name, 2)])
    return seconds, err
end

--- What a host must fetch to score a record.
---@return leadscore.Plan plan
function Set:plan()
    self:_open()
    return setmetatable({ _owner = self }, Plan)
end

--- The properties that any of them reads; the same as plan():fields().
---@return leadscore.Field[] fields
function Set:fields()
    return self:_open():fields()
end

--- The lists that any of them names; the same as plan():lists().
---@return string[] names
function Set:lists()
    return self:_open():lists()
end

--- 32 hexadecimal digits that cover all that can change a score of the set.
---@return string fingerprint
function Set:fingerprint()
    self:_open()
    return canonical.fingerprint(self._set)
end

--- The canonical form: JSON with every shorthand spelt out.
---@return string json
function Set:canonical()
    self:_open()
    return self._canonical
end

--- The names of the scores, in the order given.
---@return string[] names
function Set:names()
    return copy(self._names)
end

--- What the checker found odd but not wrong.
---@return leadscore.Error[] warnings
function Set:warnings()
    return copy(self._warnings)
end

--- Runs the tests that stand beside the definitions.
---@return leadscore.TestReport report
function Set:test()
    self:_open()
    return require("leadscore.tests").run(self)
end

--- Frees what it holds at once. Using it afterwards raises.
function Set:close()
    self:_finish()
end

function Set:__tostring()
    if not self._plan then return "set (closed)" end
    return ("set of %s: %s"):format(many(#self._names, "definition"), table.concat(self._names, ", "))
end

for name, method in pairs(Scoring) do
    Definition[name], Set[name] = method, method
end
-- Lua 5.4 closes what is declared with <close>.
Definition.__close, Set.__close = Definition.close, Set.close

-- ---- making them ------------------------------------------------------------------------------------------------

local function count_rules(raw)
    local count = 0
    for _, group in ipairs(raw.groups) do
        count = count + #group.rules
    end
    return count
end

-- list: the definitions' tables; checked: what the checker made of them; one: a definition, not a set.
function M.new(list, checked, warnings, one)
    local text = canonical.text(checked)
    local plan, err = core.plan(text)
    if not plan then return nil, errors.wrap(err, "definition") end
    local names, tests = {}, {}
    for i = 1, plan:count() do
        names[i], tests[i] = plan:name(i), list[i].tests or false
    end
    return setmetatable({
        _plan = plan, _set = checked, _canonical = text, _names = names, _warnings = warnings, _tests = tests,
        _groups = #list[1].groups, _rules = count_rules(list[1]),
    }, one and Definition or Set)
end

-- Whether a value is a definition or a set.
function M.is(value)
    local metatable = type(value) == "table" and getmetatable(value)
    return metatable == Definition or metatable == Set
end

-- Whether it is a definition, not a set.
function M.is_one(value)
    return getmetatable(value) == Definition
end

M.Definition, M.Set, M.Plan = Definition, Set, Plan

return M
