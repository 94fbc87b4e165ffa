-- leadscore score: scores every record and writes the rows.

local datasets = require("leadscore.dataset")
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

-- Whose scores are written; ends the command when no definition has such.
local function object_of(definition, wanted)
    local plan = definition:_open()
    local object = datasets.object_for(plan, wanted)
    for i = 1, plan:count() do
        if plan:object(i) == object then return object end
    end
    stop.with(stop.USAGE, ("leadscore: no definition scores a %s (--object)"):format(object))
end

local function refuse_gzip(path)
    if path and path:lower():sub(-3) == ".gz" then
        stop.with(stop.USAGE, "leadscore: --out: compressed files are not written")
    end
end

function M.run(args)
    refuse_gzip(args.out)
    local run = work.open(args)
    local object = object_of(run.definition, args.object)
    local result = work.score(run)
    local to_folder = args.out and args.out:sub(-1) == "/"
    local ok, err = result:write({
        path = args.out or "-", format = args.format, extra = args.extra,
        object = not to_folder and object or args.object, progress = run.hook,
    })
    run.progress:clear()
    stop.check(ok, err)
    local out = args.out and args.out ~= "-" and "wrote " .. args.out or nil
    work.finish(run, "scored " .. work.records(result:count(object), object), out)
end

return M
