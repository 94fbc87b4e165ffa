-- leadscore test: runs the tests beside definitions.

local leadscore = require("leadscore")
local render = require("leadscore.render")
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

function M.run(args)
    local definition = stop.check(leadscore.load(args.definition))
    work.warn(definition:warnings())
    local report = definition:test()
    for _, case in ipairs(report.cases) do
        for _, difference in ipairs(case.differences) do
            stop.print(("%s: tests[%d]: %s\n"):format(case.definition, case.index, difference))
        end
    end
    if not args.quiet then
        stop.print(("%s, %s failed\n"):format(render.count(report.count, "test"), render.thousands(report.failed)))
    end
    if report.failed > 0 then stop.with(stop.BAD) end
end

return M
