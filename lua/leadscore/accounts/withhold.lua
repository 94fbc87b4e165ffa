-- Explanations without the engagement of people who have no legal basis: what they did is summed up, neither its date
-- nor its event is told. The values of the parts add up all the same.

local M = {}

local WITHHELD = "engagement of people without a legal basis: not shown"

-- Texts that tell what somebody did, or when.
local function tells(why)
    return why ~= nil and (why:find("%f[%w]did%f[%W]") ~= nil or why:find("%d%d%d%d%-%d%d%-%d%d") ~= nil)
end

local redact

-- What one person adds to a rule.
local function redact_member(member, lawful)
    if member.object == "contact" and not lawful(member.id) then
        if member.occurrences or member.match then member.withheld = true end
        member.occurrences, member.match = nil, nil
    end
    if member.explanation then redact(member.explanation, member.object, member.id, lawful) end
end

local function is_about_events(group)
    for _, rule in ipairs(group.rules or {}) do
        if rule.occurrences or rule.match or tells(rule.why) then return true end
    end
    return false
end

-- A score of a person without a legal basis: groups that events are part of keep their sums alone.
local function redact_person(group)
    if is_about_events(group) then group.rules, group.withheld = {}, true end
end

-- A score of others: rules keep their members.
local function redact_account(group, lawful)
    for _, rule in ipairs(group.rules or {}) do
        if tells(rule.why) then rule.why, rule.withheld = WITHHELD, true end
        for _, member in ipairs(rule.members or {}) do
            redact_member(member, lawful)
        end
    end
end

function redact(score, object, id, lawful)
    local person = object == "contact"
    if tells(score.why) and not (person and lawful(id)) then score.why = WITHHELD end
    for _, category in ipairs(score.categories or {}) do
        for _, group in ipairs(category.groups or {}) do
            if person and not lawful(id) then
                redact_person(group)
            elseif not person then
                redact_account(group, lawful)
            end
        end
    end
end

--- Changes an explanation (the table of `explain --json`) of a company.
---@param explanation table
---@param lawful fun(id: string): boolean whether the engagement of a contact may be shown
---@return table explanation the same
function M.explanation(explanation, lawful)
    for _, score in ipairs(explanation.scores) do
        redact(score, explanation.object, explanation.id, lawful)
    end
    return explanation
end

return M
