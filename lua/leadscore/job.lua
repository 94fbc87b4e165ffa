-- Runs the core's jobs: steps each one until it is done, in steps short enough that progress and interrupts are
-- seen, and long enough that stepping costs nothing.

local core = require("leadscore.core")
local errors = require("leadscore.error")

local M = {}

-- A step should take this long (seconds): under the first its budget doubles, over the second it halves.
local SHORT, LONG = 0.02, 0.1
local FIRST_BUDGET, LEAST_BUDGET, MOST_BUDGET = 65536, 1024, 2 ^ 40

--- How far a long piece of work has come. The table is used again for the next report.
---@class leadscore.Progress
---@field phase string "read", "group", "score" or "write"
---@field unit string what is counted: "bytes", "events" or "records"
---@field done integer
---@field total integer 0 when it is not known
---@field file? string what is being read
---@field rows? integer rows read so far, of all files

local function next_budget(budget, took)
    if took < SHORT then return math.min(budget * 2, MOST_BUDGET) end
    if took > LONG then return math.max(math.floor(budget / 2), LEAST_BUDGET) end
    return budget
end

local function report(job, progress, info)
    info.done, info.total, info.phase, info.unit = job:progress()
    if info.count_rows then info.rows = info.count_rows() end
    return progress(info) ~= false
end

-- Runs a job to its end. progress(info) is called after every step; when it returns false the job is cancelled and
-- the error's kind is "interrupted". info (optional) holds what the caller adds to the reports.
-- Returns true, or nil and an error. The job is left open after success, for its result.
function M.run(job, progress, info)
    local budget = FIRST_BUDGET
    info = info or {}
    while true do
        local began = core.clock()
        local done, err = job:step(budget)
        if done == nil then
            job:close()
            return nil, errors.wrap(err)
        end
        if progress and not report(job, progress, info) then
            job:close()
            return nil, errors.new({ kind = "interrupted", message = "interrupted" })
        end
        if done then return true end
        budget = next_budget(budget, core.clock() - began)
    end
end

-- The same, closing the job whatever happens.
function M.finish(job, progress, info)
    local ok, err = M.run(job, progress, info)
    job:close()
    return ok, err
end

return M
