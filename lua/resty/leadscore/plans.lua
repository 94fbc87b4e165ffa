-- What is scored by: definitions from files, tables or texts, as a plan of the engine.

local core = require("leadscore.core")
local definition = require("leadscore.definition")
local errors = require("leadscore.error")
local leadscore = require("leadscore")
local rows = require("leadscore.rows")

local M = {}

local MOST_TEXT, MOST_DEPTH, MOST_VALUES = 1048576, 32, 1000000

local function is_path(value)
    return type(value) == "string" or (type(value) == "table" and type(rawget(value, 1)) == "string")
end

local function plan_of(definitions, lists)
    local names = definitions:names()
    -- A definition answers with its score alone, a set by name.
    local one = getmetatable(definitions) == definition.Definition
    local plan = { definitions = definitions, names = names, default = names[1], one = one }
    -- Told now rather than at the first request: what a ledger cannot serve.
    local ledger, err = M.ledger(plan, { lists = lists })
    if not ledger then
        if type(err) ~= "table" then err = errors.new({ kind = "definition", message = tostring(err) }) end
        -- To the core it is wrong usage that such a definition is given to a ledger; here it came as data.
        if err.kind == "usage" then err.kind = "definition" end
        return nil, err
    end
    ledger:close()
    return plan
end

--- The ids that are in any of the lists, as a set.
function M.listed(lists)
    local listed = {}
    for _, ids in pairs(lists or {}) do
        for i = 1, #ids do
            listed[type(ids[i]) == "number" and rows.number(ids[i]) or ids[i]] = true
        end
    end
    return listed
end

--- A plan from a path, several, a table, a list of tables, or what leadscore made of them.
---@return table|nil plan { definitions=, names=, default=, one= }
---@return leadscore.Error|nil err
function M.new(definitions, lists)
    local made, err = definitions, nil
    if definitions == nil then error("resty.leadscore.new: definitions: expected a path or a table, got nil", 3) end
    if is_path(definitions) then
        made, err = leadscore.load(definitions)
    elseif not definition.is(definitions) then
        made, err = leadscore.define(definitions)
    end
    if not made then return nil, err end
    return plan_of(made, lists)
end

--- A text of definitions as workers pass it on, with its format.
function M.hold(text, format)
    format = format or (text:find("^%s*[%[{]") and "json" or "lua")
    return format .. ":" .. text
end

--- A plan from a held text.
function M.from_text(held, lists)
    local format, text = held:match("^(%a+):(.*)$")
    if #text > MOST_TEXT then return nil, errors.new({ kind = "definition", message = "longer than 1 MiB" }) end
    local value, err
    if format == "json" then
        value, err = core.json_decode(text, MOST_DEPTH, MOST_VALUES)
    else
        value, err = core.sandbox(text, "definition")
    end
    if value == nil then return nil, errors.wrap(err, "definition") end
    if type(value) ~= "table" then
        return nil, errors.new({
            kind = "definition", message = "expected a definition (a table) or a list of them, got " .. type(value),
        })
    end
    local made
    made, err = leadscore.define(value)
    if not made then return nil, err end
    return plan_of(made, lists)
end

--- A ledger for a plan. It keeps all properties, so that other definitions find what they ask for, and reads as unknown
--- what they cannot read: that was refused when it came, as far as the definitions of then could tell.
function M.ledger(plan, options)
    return leadscore.ledger(plan.definitions, {
        horizon = options.horizon, lists = options.lists, keep = "all", lenient = true,
    })
end

--- A ledger on which what comes is tried: it refuses what the plan cannot read.
function M.checker(plan, options)
    return leadscore.ledger(plan.definitions, { lists = options.lists })
end

return M
