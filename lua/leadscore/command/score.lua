-- leadscore score: scores every record and writes the rows.

local options = require("leadscore.command.options")
local results = require("leadscore.result")
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

local function refuse_gzip(path)
    if path and path:lower():sub(-3) == ".gz" then
        stop.with(stop.USAGE, "leadscore: --out: compressed files are not written")
    end
end

local function write(run, result, path, object)
    local ok, err = result:write({
        path = path, object = object, extra = run.args.extra, format = run.args.format, progress = run.hook,
    })
    run.progress:clear()
    stop.check(ok, err)
end

-- The objects that get files: the one asked for, else all that are scored.
local function objects_of(run, object)
    if object then return { object } end
    local list = {}
    for _, each in ipairs({ "contact", "company", "deal" }) do
        if work.is_scored(run.definition, each) then list[#list + 1] = each end
    end
    return list
end

-- A file for each instant, and for each object where there are several; one instant's scores are held at a time.
local function write_instants(run, object)
    local objects = objects_of(run, object)
    stop.check(results.make_folder(run.args.out))
    for _, at in ipairs(run.instants) do
        local result = work.score(run, at)
        for _, each in ipairs(objects) do
            write(run, result, options.out_file(run.args, at, #objects > 1 and each or nil), each)
        end
        result:close()
    end
end

function M.run(args)
    refuse_gzip(args.out)
    local run = work.open(args)
    local to_folder = args.out and args.out:sub(-1) == "/"
    local object = (args.object or not to_folder) and work.object(run.definition, args.object) or nil
    if options.is_several(args) then
        write_instants(run, object)
    else
        write(run, work.score(run), args.out or "-", object)
    end
    local out = args.out and args.out ~= "-" and "wrote " .. args.out or nil
    work.finish(run, "scored " .. work.scored(run, object), out)
end

return M
