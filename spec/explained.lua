-- Explanations held against the reference: every number of every part, and that the parts add up on every level, from
-- the occurrences of one contact to the score, and in the explanations inside explanations.

local basics = require("spec.reference_values")
local related = require("spec.reference_related")
local ways = require("spec.ways")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

local LEVELS, EXPLAINED = 3, 5 -- how deep explanations hold each other, and how many members' there are
local UNIT = basics.int(1e12)

local function same(differences, what, want, got)
    if want ~= got then
        differences[#differences + 1] = ("explanation: %s: expected %s, got %s"):format(what, tostring(want),
            tostring(got))
    end
end

local function check_limit(differences, what, part)
    same(differences, what .. " lost_to_limit", ways.difference(part.raw, part.value), part.lost_to_limit)
end

-- The occurrences or the match of one contact, or nothing, make its raw result.
local function check_contact(differences, what, part)
    if part.occurrences then
        same(differences, what .. " occurrences", ways.sum(part.occurrences, "value"), part.raw)
    elseif part.match then
        same(differences, what .. " match", part.match.value, part.raw)
    end
end

-- Associated records --------------------------------------------------------------------------------------------------

-- What members bring to a rollup, the largest first, as multiples of 10^-12; of equal use are those that `top` leaves.
local function rolled_up(rule, counted)
    local values = {}
    for i, member in ipairs(rule.members) do
        values[i] = rule.of and rule.of:find("^score:") and ways.exact(member.raw) * basics.int(1e6)
            or rule.of and basics.decimal(tonumber(member.raw), 12) or UNIT
    end
    if rule.rollup == "count" then
        values = {}
        for i = 1, counted do
            values[i] = UNIT
        end
    end
    table.sort(values, function(a, b) return b < a end)
    for i = #values, (tonumber(rule.top) or #values) + 1, -1 do
        values[i] = nil
    end
    return values
end

-- One number of all members, as the language combines them.
local function combined(rule, counted)
    if rule.rollup then
        return related.combine(rule.rollup, rolled_up(rule, counted), ways.exact(rule.weight), UNIT)
    end
    local values = {}
    for i, member in ipairs(rule.members) do
        values[i] = ways.exact(member.raw)
    end
    return related.combine(rule.combine, values)
end

-- The explanations of the members that contribute most.
local function check_explained_members(differences, what, rule, counted, find, level)
    local explained, least, most = 0, nil, nil
    for _, member in ipairs(rule.members) do
        local size = ways.exact((member.value:gsub("^-", "")))
        if member.explanation then
            explained, least = explained + 1, (not least or size < least) and size or least
            local inner = what .. " of " .. member.object .. " " .. member.id
            same(differences, inner .. " is", rule.of:match("^score:([%w_]+)"), member.explanation.name)
            local expected = find(member.object, member.id, member.explanation.name)
            if expected then M.check(differences, expected, member.explanation, find, level + 1, inner) end
        else
            most = (not most or most < size) and size or most
        end
    end
    local of_score = rule.of and rule.of:find("^score:") and level < LEVELS
    same(differences, what .. " explained members",
        of_score and math.min(EXPLAINED, counted, tonumber(rule.top) or counted) or 0, explained)
    if explained == EXPLAINED and most then
        same(differences, what .. " explains the largest members", false, least < most)
    end
end

local function check_members(differences, what, expected, rule, find, level)
    local counted = expected.members or 0
    if rule.rollup ~= "count" then same(differences, what .. " members", counted, #rule.members) end
    same(differences, what .. " sum of its members", ways.sum(rule.members, "value"), rule.raw)
    same(differences, what .. " combined", basics.print(combined(rule, counted)), rule.raw)
    local count
    for _, member in ipairs(rule.members) do
        check_contact(differences, what .. " member " .. member.id, member)
        count = member.match and (count or 0) + tonumber(member.match.count) or count
    end
    if count then same(differences, what .. " count", expected.occurrences, count) end
    check_explained_members(differences, what, rule, counted, find, level)
end

-- One score -----------------------------------------------------------------------------------------------------------

local function check_rule(differences, what, expected, rule, find, level)
    same(differences, what .. " raw", basics.print(expected.raw), rule.raw)
    same(differences, what .. " value", basics.print(expected.value), rule.value)
    same(differences, what .. " fired", expected.fired, rule.fired)
    check_limit(differences, what, rule)
    if rule.members then return check_members(differences, what, expected, rule, find, level) end
    check_contact(differences, what, rule)
    if rule.match then
        same(differences, what .. " count", tostring(expected.occurrences or 0), rule.match.count)
    end
end

local function check_group(differences, what, expected, group, find, level)
    what = what .. " " .. group.name
    same(differences, what, expected.name, group.name)
    same(differences, what .. " rules", #expected.rules, #group.rules)
    same(differences, what .. " raw", basics.print(expected.raw), group.raw)
    same(differences, what .. " value", basics.print(expected.value), group.value)
    same(differences, what .. " sum of its rules", ways.sum(group.rules, "value"), group.raw)
    check_limit(differences, what, group)
    for i, rule in ipairs(group.rules) do
        same(differences, what .. " index", tostring(i), rule.index)
        check_rule(differences, what .. " rule " .. i, expected.rules[i], rule, find, level)
    end
end

local function check_category(differences, what, expected, category, find, level)
    local groups = {}
    for _, group in ipairs(expected.groups) do
        if group.kind == category.kind then groups[#groups + 1] = group end
    end
    what = what .. " " .. category.kind
    same(differences, what .. " groups", #groups, #category.groups)
    for i, group in ipairs(category.groups) do
        check_group(differences, what, groups[i], group, find, level)
    end
    same(differences, what .. " sum of its groups", ways.sum(category.groups, "value"), category.raw)
    check_limit(differences, what, category)
    return #groups
end

--- Adds to `differences` where the explanation of one score is not what the reference says.
---@param differences string[]
---@param expected table as of `ways.expected`, of that score
---@param score table the explanation of the score, as of `ways.decode`
---@param find function|nil `find(object, id, name)` gives what is expected of an associated record, nil: not checked
---@param level integer|nil how many explanations it is inside of
---@param what string|nil whose it is
function M.check(differences, expected, score, find, level, what)
    what = (what and what .. " " or "") .. score.name
    ways.compare(differences, "explanation", what, expected, score)
    if not expected.in_scope then return same(differences, what .. " categories", 0, #score.categories) end
    local groups = 0
    for _, category in ipairs(score.categories) do
        groups = groups + check_category(differences, what, expected, category, find, level or 0)
    end
    same(differences, what .. " groups", #expected.groups, groups)
    if score.value then
        same(differences, what .. " sum of its categories", ways.sum(score.categories, "value"), score.raw)
        check_limit(differences, what, score)
    end
end

return M
