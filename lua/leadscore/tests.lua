-- Runs the tests that stand beside a definition: `tests = { { given = RECORD, at = TIME, expect = RESULTS } }`.

local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local quoted = require("leadscore.check.context").show

local M = {}

--- How one test went.
---@class leadscore.TestCase
---@field definition string name of the score
---@field index integer which of its tests, from 1
---@field ok boolean
---@field differences string[] one line each: "value: expected 20, got 15"

--- How the tests of a definition or set went.
---@class leadscore.TestReport
---@field count integer
---@field failed integer
---@field cases leadscore.TestCase[]

-- In this order differences are shown.
local RESULTS = { "value", "fit", "engagement", "label", "scored", "in_scope", "next_change_at" }

local function show(value)
    if value == nil or value == false then return "nothing" end
    if type(value) == "number" then return core.print_number(value) end
    return quoted(value)
end

local function show_boolean(value)
    return tostring(value and true or false)
end

local function show_time(value)
    return value and core.print_time(value) or "never"
end

local function compare(name, expected, got)
    local as_text = show
    if name == "scored" or name == "in_scope" then
        as_text, expected, got = show_boolean, expected and true or false, got and true or false
    elseif name == "next_change_at" then
        as_text = show_time
        if type(expected) == "string" then expected = core.read_time(expected) end
    end
    -- false and null expect what is empty.
    if expected == core.null then expected = false end
    if (expected or false) == (got or false) then return nil end
    return ("%s: expected %s, got %s"):format(name, as_text(expected), as_text(got))
end

local function differences(expect, score, change)
    local list = {}
    for _, name in ipairs(RESULTS) do
        local got = score[name]
        if name == "next_change_at" then got = change end
        if expect[name] ~= nil then list[#list + 1] = compare(name, expect[name], got) end
    end
    return list
end

local function run_case(owner, name, test, object)
    local scorer = owner:_scoring()
    local at, unreadable = definitions.instant(test.at, 1)
    if not at then return { tostring(unreadable) } end
    local scores, err = scorer:score(test.given, at, object)
    if not scores then return { tostring(errors.wrap(err)) } end
    local change
    if test.expect.next_change_at ~= nil then
        local failure
        change, failure = scorer:next_change(test.given, at, name)
        if change == nil then return { tostring(errors.wrap(failure)) } end
    end
    return differences(test.expect, scores[name], change)
end

-- owner: a definition or a set.
function M.run(owner)
    local report = { count = 0, failed = 0, cases = {} }
    local plan = owner:_open()
    for i, name in ipairs(owner:names()) do
        for k, test in ipairs(owner._tests[i] or {}) do
            local wrong = run_case(owner, name, test, plan:object(i))
            report.count = report.count + 1
            report.failed = report.failed + (#wrong > 0 and 1 or 0)
            report.cases[report.count] = { definition = name, index = k, ok = #wrong == 0, differences = wrong }
        end
    end
    return report
end

return M
