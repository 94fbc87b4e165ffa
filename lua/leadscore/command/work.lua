-- What score, explain and preview share: load the definitions, read the inputs, score, and say so at the end.

local core = require("leadscore.core")
local leadscore = require("leadscore")
local options = require("leadscore.command.options")
local progresses = require("leadscore.command.progress")
local render = require("leadscore.render")
local stop = require("leadscore.command.stop")

local M = {}

local function warn(list)
    for _, warning in ipairs(list) do
        io.stderr:write("warning: ", tostring(warning), "\n")
    end
end
M.warn = warn

-- Definitions and dataset as the arguments say; ends the command when something is wrong.
function M.open(args)
    local work = { args = args, at = options.at(args) }
    work.definition = stop.check(leadscore.load(args.definition))
    warn(work.definition:warnings())
    work.progress = progresses.new(args.progress, args.quiet)
    work.hook = work.progress:hook()
    local dataset, err = leadscore.dataset(options.dataset(args, work.definition, work.hook))
    work.progress:clear()
    work.dataset = stop.check(dataset, err)
    warn(work.dataset:warnings())
    return work
end

-- Scores everything.
function M.score(work)
    local result, err = work.dataset:score(work.definition, {
        at = work.at, threads = work.args.threads, progress = work.hook,
    })
    work.progress:clear()
    return stop.check(result, err)
end

local function add(parts, count, noun, plural)
    if count and count > 0 then parts[#parts + 1] = render.count(count, noun, plural) end
end

local PLURALS = { contact = "contacts", company = "companies", deal = "deals" }

-- The summary line. what: "scored 3 contacts"; where: "wrote scores.csv", or nil.
function M.finish(work, what, where)
    local counts, at = work.dataset:counts(), core.print_time(work.at)
    local parts = { ("%s, %s at %s in %s s"):format(what, render.count(counts.events, "event"), at,
        work.progress:seconds()) }
    add(parts, counts.unknown_contact, "event of an unknown contact", "events of unknown contacts")
    add(parts, counts.repeated, "repeated event")
    local future = work.dataset:future(work.at)
    add(parts, future, "event later than that", "events later than that")
    add(parts, counts.rejected_rows, "rejected row")
    add(parts, counts.rejected_cells, "rejected cell")
    parts[#parts + 1] = where
    work.progress:finish(table.concat(parts, "; "), {
        { "at", at }, { "contacts", counts.contacts }, { "events", counts.events },
        { "unknown_contact", counts.unknown_contact }, { "repeated", counts.repeated }, { "future", future },
        { "rejected_rows", counts.rejected_rows }, { "rejected_cells", counts.rejected_cells },
    })
end

-- "3 contacts".
function M.records(count, object)
    return render.count(count, object, PLURALS[object])
end

return M
