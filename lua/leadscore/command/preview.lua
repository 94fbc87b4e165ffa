-- leadscore preview: how the scores are spread.

local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local nearest = require("leadscore.check.nearest").name
local render = require("leadscore.render")
local show = require("leadscore.check.context").show
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

-- The scores to show; ends the command for a name that is not there.
local function wanted(definition, name)
    local names = definition:names()
    if not name then return names end
    for _, each in ipairs(names) do
        if each == name then return { name } end
    end
    local near = nearest(name, names)
    stop.with(stop.USAGE, ("leadscore: --score: no score is named %s (%s)"):format(show(name),
        near and "did you mean " .. show(near) .. "?" or table.concat(names, ", ")))
end

local function print_json(at, texts)
    stop.print(('{"at":"%s","scores":[%s]}\n'):format(core.print_time(at), table.concat(texts, ",")))
end

local function print_text(texts)
    local columns = core.terminal(1) or 80
    for i, text in ipairs(texts) do
        if i > 1 then stop.print("\n") end
        stop.print(render.distribution(stop.check(definitions.decode(text)), columns))
    end
end

function M.run(args)
    local run = work.open(args)
    local names, texts = wanted(run.definition, args.score), {}
    local result = work.score(run)
    for i, name in ipairs(names) do
        texts[i] = stop.check(result:_distribution(name, args.bins))
    end
    if args.json then print_json(run.at, texts) else print_text(texts) end
    work.finish(run, "scored " .. work.scored(run))
end

return M
