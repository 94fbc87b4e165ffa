-- What score, explain and preview share: load the definitions, read the inputs, score, and say so at the end.

local core = require("leadscore.core")
local datasets = require("leadscore.dataset")
local leadscore = require("leadscore")
local matching = require("leadscore.match")
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

-- The files that account matching was asked for.
function M.write_matches(dataset, args)
    for _, what in ipairs({ "matched", "unmatched" }) do
        local path = args[what]
        if path then stop.check(matching.write(dataset:_rows(), dataset._match, what, path)) end
    end
end

-- Definitions and dataset as the arguments say; ends the command when something is wrong.
function M.open(args)
    local instants = options.instants(args)
    local work = { args = args, instants = instants, at = instants[#instants] }
    work.definition = stop.check(leadscore.load(args.definition))
    warn(work.definition:warnings())
    work.progress = progresses.new(args.progress, args.quiet)
    work.hook = work.progress:hook()
    local dataset, err = leadscore.dataset(options.dataset(args, work.definition, work.hook))
    work.progress:clear()
    work.dataset = stop.check(dataset, err)
    warn(work.dataset:warnings())
    M.write_matches(work.dataset, args)
    return work
end

-- Scores everything at an instant, the only one when left out.
function M.score(work, at)
    local result, err = work.dataset:score(work.definition, {
        at = at or work.at, threads = work.args.threads, progress = work.hook,
    })
    work.progress:clear()
    return stop.check(result, err)
end

local function add(parts, count, noun, plural)
    if count and count > 0 then parts[#parts + 1] = render.count(count, noun, plural) end
end

-- "7 contacts matched by domain, 2 by name, 3 not matched (1 free-mail, 1 several companies)"
local function add_matches(parts, matched)
    if not matched then return end
    local why = {}
    for _, each in ipairs({ { "free_mail", "free-mail" }, { "several", "several companies" },
        { "no_value", "no address or name" } }) do
        local count = matched[each[1]]
        if count > 0 then why[#why + 1] = render.thousands(count) .. " " .. each[2] end
    end
    parts[#parts + 1] = ("%s matched by domain, %s by name, %s not matched%s"):format(
        render.count(matched.by_domain, "contact"), render.thousands(matched.by_name),
        render.thousands(matched.unmatched), #why > 0 and " (" .. table.concat(why, ", ") .. ")" or "")
end

-- "7 log lines (4 events, 2 sets, 1 forget)"
local function add_log(parts, counts)
    if counts.log_lines == 0 then return end
    parts[#parts + 1] = ("%s (%s, %s, %s)"):format(render.count(counts.log_lines, "log line"),
        render.count(counts.log_events, "event"), render.count(counts.log_sets, "set"),
        render.count(counts.log_forgets, "forget"))
end

local PLURALS = { contact = "contacts", company = "companies", deal = "deals" }

-- The instant, or how many there are and the first and last of them; and the last.
local function span_of(instants)
    local first, last = instants[1], instants[1]
    for _, at in ipairs(instants) do
        first, last = math.min(first, at), math.max(last, at)
    end
    if #instants == 1 then return core.print_time(last), last end
    return ("%s from %s to %s"):format(render.count(#instants, "instant"), core.print_time(first),
        core.print_time(last)), last
end

-- The summary line. what: "scored 3 contacts"; where: "wrote scores.csv", or nil.
function M.finish(work, what, where)
    stop.flush()
    local counts, instants = work.dataset:counts(), work.instants or { work.at }
    local span, last = span_of(instants)
    local parts = { ("%s, %s at %s in %s s"):format(what, render.count(counts.events, "event"), span,
        work.progress:seconds()) }
    add_log(parts, counts)
    add(parts, counts.unknown_contact, "event of an unknown contact", "events of unknown contacts")
    add(parts, counts.unknown_associated, "association with an unknown record", "associations with unknown records")
    add(parts, counts.repeated, "repeated event")
    local future = work.dataset:future(last)
    add(parts, future, "event later than that", "events later than that")
    add(parts, counts.rejected_rows, "rejected row")
    add_matches(parts, work.dataset:matched())
    add(parts, counts.rejected_cells, "rejected cell")
    parts[#parts + 1] = where
    work.progress:finish(table.concat(parts, "; "), {
        { "at", core.print_time(last) }, { "instants", #instants > 1 and #instants or nil },
        { "contacts", counts.contacts }, { "companies", counts.companies }, { "deals", counts.deals },
        { "events", counts.events }, { "unknown_contact", counts.unknown_contact },
        { "unknown_associated", counts.unknown_associated }, { "repeated", counts.repeated }, { "future", future },
        { "rejected_rows", counts.rejected_rows }, { "rejected_cells", counts.rejected_cells },
        { "log_lines", counts.log_lines > 0 and counts.log_lines or nil },
        { "log_events", counts.log_lines > 0 and counts.log_events or nil },
        { "log_sets", counts.log_lines > 0 and counts.log_sets or nil },
        { "log_forgets", counts.log_lines > 0 and counts.log_forgets or nil },
    })
end

-- "3 contacts".
function M.records(count, object)
    return render.count(count, object, PLURALS[object])
end

-- How many records of an object were read.
function M.count(work, object)
    return work.dataset:counts()[PLURALS[object]]
end

-- Whether some definition scores an object.
function M.is_scored(definition, object)
    local plan = definition:_open()
    for i = 1, plan:count() do
        if plan:object(i) == object then return true end
    end
    return false
end

-- Whose scores a command is about; ends it when no definition has such.
function M.object(definition, wanted)
    local object = datasets.object_for(definition:_open(), wanted)
    if M.is_scored(definition, object) then return object end
    stop.with(stop.USAGE, ("leadscore: no definition scores a %s (--object)"):format(object))
end

-- "3 contacts and 2 companies": all that were scored, or those of one object.
function M.scored(work, object)
    local parts = {}
    for _, each in ipairs({ "contact", "company", "deal" }) do
        if M.is_scored(work.definition, each) and (object == nil or object == each) then
            parts[#parts + 1] = M.records(M.count(work, each), each)
        end
    end
    return (table.concat(parts, ", "):gsub(", ([^,]-)$", " and %1"))
end

return M
