-- leadscore accounts: target accounts, the overview of one, recommendations, and lists of target accounts.

local core = require("leadscore.core")
local accounts = require("leadscore.accounts")
local errors = require("leadscore.error")
local leadscore = require("leadscore")
local nearest = require("leadscore.check.nearest").name
local lists = require("leadscore.lists")
local options = require("leadscore.command.options")
local output = require("leadscore.accounts.output")
local progresses = require("leadscore.command.progress")
local render = require("leadscore.render")
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

-- ---- the list of targets ----------------------------------------------------------------------------------------

-- Ids of files and of options together.
local function ids_of(files, ids)
    local all = {}
    for _, path in ipairs(files or {}) do
        for _, id in ipairs(stop.check(lists.read(path))) do
            all[#all + 1] = id
        end
    end
    for _, id in ipairs(ids or {}) do
        all[#all + 1] = id
    end
    return all
end

-- The list of targets with what is added and removed.
local function targets_of(args)
    local ids = ids_of(args.targets)
    return accounts.edit(ids, ids_of(args.add, args.add_id), ids_of(args.remove, args.remove_id)), ids
end

local function check_edits(args)
    local edits = args.add or args.add_id or args.remove or args.remove_id
    if args.write_targets and not (edits or args.targets) then
        stop.with(stop.USAGE, "leadscore: --write-targets goes with --targets, --add or --remove")
    end
end

-- Options that mean nothing beside others, or without: { option, beside =, needs = }.
local MEANINGLESS = {
    { "recommend", beside = { "account" } },
    { "view", beside = { "account", "recommend" } }, { "owner", beside = { "account", "recommend" } },
    { "team", beside = { "account", "recommend" } }, { "sort", beside = { "account", "recommend" } },
    { "reverse", needs = "sort" }, { "dismissed", needs = "recommend" },
}

local function check_flags(args)
    local function refuse(option, words, other)
        stop.with(stop.USAGE, ("leadscore: --%s %s --%s"):format(option, words, other))
    end
    for _, each in ipairs(MEANINGLESS) do
        local option = each[1]
        for _, other in ipairs(args[option] and each.beside or {}) do
            if args[other] then refuse(option, "does not go with", other) end
        end
        if args[option] and each.needs and not args[each.needs] then refuse(option, "goes with", each.needs) end
    end
end

-- A company that was removed from the list may still say that it is one.
local function warn_removed(book, args)
    for _, id in ipairs(ids_of(args.remove, args.remove_id)) do
        local row = book.handle:find("company", id)
        if row and book:_is_target(row) then
            work.warn({ errors.new({ kind = "input", path = "target_account",
                message = ("%s was removed and still is a target account: its property says so"):format(id) }) })
        end
    end
end

-- ---- options ----------------------------------------------------------------------------------------------------

local function kinds_of(args)
    local kinds
    for _, each in ipairs(args.kind or {}) do
        kinds = kinds or {}
        kinds[each[1]] = kinds[each[1]] or {}
        table.insert(kinds[each[1]], each[2])
    end
    return kinds
end

local function open(args, progress, definition)
    local all = options.dataset(args, definition, progress:hook())
    all.at, all.tasks, all.engagements = options.instants(args)[1], args.tasks, args.engagements
    all.targets, all.kinds, all.gdpr = targets_of(args), kinds_of(args), args.gdpr
    all.won, all.lost, all.currency = args.won, args.lost, args.currency
    all.score, all.threads = args.score, args.threads
    local ok, book, err = pcall(leadscore.accounts, all)
    progress:clear()
    if ok then return stop.check(book, err) end
    if type(book) == "table" then error(book, 0) end
    stop.with(stop.USAGE, "leadscore: " .. tostring(book):gsub("^.-leadscore%.accounts: ", ""))
end

-- ---- what is printed --------------------------------------------------------------------------------------------

local function format_of(args)
    if args.format then return args.format end
    local ending = args.out and args.out:lower():match("%.(%w+)$")
    if ending == "ndjson" or ending == "jsonl" or ending == "gz" then
        stop.with(stop.USAGE, ("leadscore: --out: accounts are not written as .%s: expected .csv, .json or another " ..
            "name for text, or --format"):format(ending))
    end
    return (ending == "csv" or ending == "json") and ending or "text"
end

local function overview_text(book, args, format)
    if format == "csv" then stop.with(stop.USAGE, "leadscore: --account: expected --format text or json") end
    local overview = stop.check(book:overview(args.account))
    return format == "json" and output.json(overview) or output.overview(overview)
end

local function recommend_text(book, args, format)
    local list = stop.check(book:recommend({ n = args.recommend, dismissed = ids_of(args.dismissed) }))
    if format == "csv" then return output.csv(list, { "rank", "reasons" }) end
    if format == "json" then
        return output.json({ at = core.print_time(book.at), recommendations = list })
    end
    return output.recommendations(list)
end

local function check_sort(name)
    if name == nil then return end
    for _, column in ipairs(accounts.COLUMNS) do
        if column == name then return end
    end
    local near = nearest(name, accounts.COLUMNS)
    stop.with(stop.USAGE, ("leadscore: --sort: there is no column '%s' (%s)"):format(name,
        near and "did you mean '" .. near .. "'?" or table.concat(accounts.COLUMNS, ", ")))
end

local function table_text(book, args, format)
    local list = book:table({
        view = args.view, owner = args.owner, team = args.team, sort = args.sort, reverse = args.reverse,
    })
    if format == "csv" then return output.csv(list) end
    if format == "json" then
        return output.json({ at = core.print_time(book.at), metrics = book:metrics(), accounts = list })
    end
    return output.text(book:metrics(), list)
end

local function write(path, text)
    if not path or path == "-" then
        stop.print(text)
        return
    end
    local file, err = core.output(path)
    local ok = file and true
    if file then
        ok, err = file:write(text)
        if ok then ok, err = file:commit() end
        file:close()
    end
    if not ok then stop.check(nil, errors.with_file(errors.wrap(err, "io"), path)) end
end

local function scores_companies(definition)
    local plan = definition and definition:_open()
    for i = 1, plan and plan:count() or 0 do
        if plan:object(i) == "company" then return true end
    end
    return false
end

local function count_targets(book)
    local count = 0
    for row = 1, book:_count() do
        count = count + (book:_is_target(row) and 1 or 0)
    end
    return count
end

function M.run(args)
    if not args.companies then
        stop.with(stop.USAGE, "leadscore: --companies FILE is needed, with a column target_account or beside a list " ..
            "(--targets FILE); --contacts, --deals, --events, --tasks and --engagements add what is going on")
    end
    check_flags(args)
    check_edits(args)
    check_sort(args.sort)
    local definition
    if args.definition then
        definition = stop.check(leadscore.load(args.definition))
        work.warn(definition:warnings())
    end
    if args.recommend and not scores_companies(definition) then
        stop.with(stop.USAGE, "leadscore: --recommend: no definition scores companies")
    end
    local progress = progresses.new(args.progress, args.quiet)
    local book = open(args, progress, definition)
    work.warn(book:warnings())
    warn_removed(book, args)
    work.write_matches(book.dataset, args)
    local text_for = args.account and overview_text or args.recommend and recommend_text or table_text
    write(args.out, text_for(book, args, format_of(args)))
    if args.write_targets then
        local list, before = targets_of(args)
        stop.check(lists.write(args.write_targets, list))
        io.stderr:write(("leadscore: wrote %s: %s, %d before\n"):format(
            args.write_targets == "-" and "standard output" or args.write_targets,
            render.count(#list, "target account"), #before))
    end
    work.finish({ dataset = book.dataset, at = book.at, progress = progress },
        ("%d of %s %s"):format(count_targets(book), work.records(book:_count(), "company"),
            book:_count() == 1 and "is a target account" or "are target accounts"),
        args.out and args.out ~= "-" and "wrote " .. args.out or nil)
end

return M
