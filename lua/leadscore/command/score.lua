-- leadscore score: scores every record and writes the rows.

local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

local function refuse_gzip(path)
    if path and path:lower():sub(-3) == ".gz" then
        stop.with(stop.USAGE, "leadscore: --out: compressed files are not written")
    end
end

function M.run(args)
    refuse_gzip(args.out)
    local run = work.open(args)
    local to_folder = args.out and args.out:sub(-1) == "/"
    local object = (args.object or not to_folder) and work.object(run.definition, args.object) or nil
    local result = work.score(run)
    local ok, err = result:write({
        path = args.out or "-", format = args.format, extra = args.extra,
        object = object, progress = run.hook,
    })
    run.progress:clear()
    stop.check(ok, err)
    local out = args.out and args.out ~= "-" and "wrote " .. args.out or nil
    work.finish(run, "scored " .. work.scored(run, object), out)
end

return M
