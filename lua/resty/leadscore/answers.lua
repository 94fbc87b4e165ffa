-- Scores as JSON. What was made for a contact is kept with its record until an entry comes or time may have moved a
-- score (the ledger's due_at, a lower bound), so a contact at rest costs one look into the store.

local core = require("leadscore.core")
local rows = require("leadscore.rows")

local M = {}

local NEVER = math.huge
local concat, floor = table.concat, math.floor
local quote = rows.quote
local STATES = {
    scored = ',"scored":true,"in_scope":true}', unscored = ',"scored":false,"in_scope":true}',
    out = ',"scored":null,"in_scope":false}',
}
local AHEAD = {}
for name, text in pairs(STATES) do
    AHEAD[name] = text:gsub("}$", ',"next_change_at":')
end

local Answers = {}
Answers.__index = Answers

-- Points: whole ones need no exact printer.
local function number(value)
    if value == floor(value) and value > -1e14 and value < 1e14 then return ("%d"):format(value) end
    return rows.number(value)
end
M.number = number

--- Answers by the scores of a ledger.
function M.new(ledger, plan)
    local heads = {}
    for i, name in ipairs(plan.names) do
        heads[i] = (i > 1 and "," or "") .. quote(name) .. ':{"value":'
    end
    return setmetatable({ ledger = ledger, names = plan.names, one = plan.one and plan.default, heads = heads,
        parts = {}, labels = {}, time_at = nil, time_text = nil }, Answers)
end

--- The scores of a contact by name, as tables.
function Answers:scores(record, at)
    local scores, err = self.ledger:score(record.id, at)
    if not scores then return nil, err end
    if self.one then return { [self.one] = scores } end
    return scores
end

-- A time as JSON text; mostly the same second is asked for again.
local function time_text(self, at)
    if at ~= self.time_at then self.time_at, self.time_text = at, '"' .. core.print_time(at) .. '"' end
    return self.time_text
end

local function label_text(self, label)
    if label == nil then return "null" end
    local text = self.labels[label]
    if not text then
        text = quote(tostring(label))
        self.labels[label] = text
    end
    return text
end

local function number_or_null(value)
    return value == nil and "null" or number(value)
end

-- {"NAME":{...},...}; ahead: with the instants of the next changes, which cost more than the scores.
local function scores_text(self, record, at, ahead)
    local ledger, parts, names = self.ledger, self.parts, self.names
    local scores, err = ledger:score(record.id, at)
    if not scores then return nil, err end
    local states = ahead and AHEAD or STATES
    local n = 1
    parts[1] = "{"
    for i = 1, #names do
        local score = self.one and scores or scores[names[i]]
        parts[n + 1], parts[n + 2] = self.heads[i], number_or_null(score.value)
        parts[n + 3], parts[n + 4] = ',"label":', label_text(self, score.label)
        n = n + 4
        if score.fit == nil and score.engagement == nil then
            parts[n + 1] = ',"fit":null,"engagement":null'
            n = n + 1
        else
            parts[n + 1], parts[n + 2] = ',"fit":', number_or_null(score.fit)
            parts[n + 3], parts[n + 4] = ',"engagement":', number_or_null(score.engagement)
            n = n + 4
        end
        n = n + 1
        parts[n] = states[score.in_scope and (score.scored and "scored" or "unscored") or "out"]
        if ahead then
            local next_change = ledger:next_change(record.id, at, names[i])
            n = n + 1
            parts[n] = next_change and '"' .. core.print_time(next_change) .. '"}' or "null}"
        end
    end
    parts[n + 1] = "}}"
    return concat(parts, "", 1, n + 1)
end

local function head(record)
    if not record.json_head then record.json_head = '{"id":' .. quote(record.id) .. ',"at":' end
    return record.json_head
end

--- The answer for any instant.
---@return string|nil json
---@return string|nil err
---@return boolean|nil made whether it was made anew
function Answers:at(record, at)
    local text, err = scores_text(self, record, at, true)
    if not text then return nil, err end
    return head(record) .. time_text(self, at) .. ',"scores":' .. text, nil, true
end

--- The answer for now without the next changes, right after something was added.
function Answers:brief(record, at)
    local text, err = scores_text(self, record, at, false)
    if not text then return nil, err end
    return head(record) .. time_text(self, at) .. ',"scores":' .. text, nil, true
end

-- Whether what was made last still holds. When time may move it is asked only when it is wanted again.
local function holds(self, record, at)
    if not record.body or record.maker ~= self or at < record.from then return false end
    if at == record.from then return true end
    if not record.due then record.due = self.ledger:due_at(record.id, record.from) or NEVER end
    return at < record.due
end

--- The answer for now.
function Answers:now(record, at)
    if holds(self, record, at) then
        return head(record) .. time_text(self, at) .. record.body
    end
    local text, err = scores_text(self, record, at, true)
    if not text then return nil, err end
    record.body, record.maker, record.from, record.due = ',"scores":' .. text, self, at, nil
    return head(record) .. time_text(self, at) .. record.body, nil, true
end

--- The explanation as JSON.
function Answers:explanation(record, at)
    return self.ledger._handle:explain(record.id, at)
end

return M
