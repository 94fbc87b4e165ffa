-- leadscore explain: why one record has its scores.

local definitions = require("leadscore.definition")
local render = require("leadscore.render")
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

function M.run(args)
    local run = work.open(args)
    local object = work.object(run.definition, args.object)
    local text = stop.check(run.dataset:_explain(run.definition, args.id, run.at, object))
    if args.json then
        stop.print(text, "\n")
    else
        stop.print(render.explanation(stop.check(definitions.decode(text))))
    end
    work.finish(run, "explained 1 of " .. work.records(work.count(run, object), object))
end

return M
