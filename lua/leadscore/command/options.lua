-- The commands and their options as data: the parsers and the manual page are both made from it. Also turns parsed
-- inputs into the options of leadscore.dataset.

local lfs = require("lfs")

local core = require("leadscore.core")
local definitions = require("leadscore.definition")
local stop = require("leadscore.command.stop")

local M = {}

-- ---- converters: a value, or nil and why --------------------------------------------------------------------------

local function whole(least, most)
    return function(text)
        local number = text:match("^%d+$") and #text <= 9 and tonumber(text)
        if number and number >= least and number <= most then return number end
        return nil, ("expected a whole number from %d to %d, got '%s'"):format(least, most, text)
    end
end

local function instant(text)
    local at, err = definitions.instant(text)
    if at then return at end
    return nil, err.message
end

local function pair(text)
    local name, value = text:match("^([^=]+)=(.+)$")
    if name then return { name, value } end
    return nil, ("expected NAME=FILE, got '%s'"):format(text)
end

local function file_name(text)
    if text ~= "" then return text end
    return nil, "expected the name of a file, got ''"
end

local function some_text(text)
    if text:find("%S") then return text end
    return nil, ("expected a text, got '%s'"):format(text)
end

local INPUTS = {
    contacts = true, companies = true, deals = true, events = true, associations = true, tasks = true,
    engagements = true,
}

local KINDS = { email = true, call = true, meeting = true, form = true, document = true, page_view = true }

local function column(text)
    local input, new, old = text:match("^(%a+)%.([^=]+)=(.+)$")
    if input and INPUTS[input] then return { input .. "." .. new, old } end
    return nil, ("expected FILE.NEW=OLD such as events.contact_id=visitor, got '%s'"):format(text)
end

local function kind(text)
    local name, event = text:match("^([%a_]+)=(.+)$")
    if name and KINDS[name] then return { name, event } end
    return nil, ("expected KIND=EVENT, with email, call, meeting, form, document or page_view, got '%s'"):format(text)
end

local function delimiter(text)
    if text == "tab" or text == "\t" then return "tab" end
    if #text == 1 and not text:find('["\r\n%w]') then return text end
    return nil, ("expected one character or tab, got '%s'"):format(text)
end

local UNITS = {
    [""] = 1, B = 1, KB = 1e3, MB = 1e6, GB = 1e9, TB = 1e12, KIB = 2 ^ 10, MIB = 2 ^ 20, GIB = 2 ^ 30, TIB = 2 ^ 40,
}

local function bytes(text)
    local number, unit = text:match("^(%d+%.?%d*) ?(%a*)$")
    unit = unit and unit:upper()
    local size = number and (UNITS[unit] or UNITS[unit .. "B"])
    size = size and math.floor(tonumber(number) * size)
    if size and size >= 1e6 and size < 2 ^ 50 then return size end
    return nil, ("expected a size of at least 1 MB such as 500MB or 2GiB, got '%s'"):format(text)
end

-- ---- the commands -------------------------------------------------------------------------------------------------

-- An option: its flags, help and optionally arg (the argument's name; none: a flag), many (repeatable), choices,
-- convert, default (only said in the help).

local DEFINITION = {
    name = "definition", show = "DEFINITION", args = "+",
    help = "A Lua or JSON file with one definition or a list of them, or a folder of such.",
}

local READ = {
    { "--contacts", arg = "FILE", many = true, help = "Contacts: a column id, and properties." },
    { "--events", arg = "FILE", many = true, help = "Events: columns contact_id, event, at, and properties." },
    { "--companies", arg = "FILE", many = true, help = "Companies: a column id, and properties." },
    { "--deals", arg = "FILE", many = true, help = "Deals: a column id, and properties." },
    { "--associations", arg = "FILE", many = true,
        help = "Which records belong together: columns from_object, from_id, to_object, to_id, label." },
    { "--log", arg = "FOLDER", many = true,
        help = "An event log to replay: its .ndjson files, as the gateway writes them." },
    { "--list", arg = "NAME=FILE", many = true, convert = pair, help = "A list of ids that a definition names." },
    { "--match-domain", arg = "COLUMN",
        help = "Associates contacts without a company by the domain of the e-mail address in this column." },
    { "--match-name", arg = "COLUMN", help = "And by the company's name in this column, which is a weak match." },
    { "--free-mail", arg = "FILE", help = "Domains that match nobody, instead of the built-in list." },
    { "--matched", arg = "FILE", help = "Writes who was matched with which company, and by what." },
    { "--unmatched", arg = "FILE", help = "Writes who was not matched, and why." },
    { "--delimiter", arg = "CHARACTER", convert = delimiter, help = "Of CSV files: ';' or tab; a comma by default." },
    { "--column", arg = "FILE.NEW=OLD", many = true, convert = column,
        help = "Reads the column OLD of an input as NEW: events.contact_id=visitor." },
    { "--unknown", arg = "TEXT", many = true, help = "A text that is read as empty, such as Select." },
    { "--rejects", arg = "FILE", help = "Goes on past bad rows and cells, and lists them here." },
    { "--max-memory", arg = "SIZE", convert = bytes,
        help = "Ends with an error rather than take more: 500MB, 2GiB, or bytes." },
}

local OPTIONAL = { name = "definition", show = "DEFINITION", args = "*", help = DEFINITION.help }

local VIEWS = { "all", "no-open-tasks", "no-calls", "no-meetings", "no-open-deals", "no-decision-maker", "blocker" }

local AT = { "--at", arg = "TIME", convert = instant, help = "The instant of scoring; now by default." }
local INSTANTS = {
    "--at", arg = "TIME", convert = instant, many = true,
    help = "The instant of scoring; now by default. Several: the inputs are read once, and --out is a folder that "
        .. "gets a file for each, such as 2025-01-31T09-30-00Z.csv (UTC).",
}

local RUN = {
    { "--quiet", help = "No progress and no summary." },
    { "--progress", arg = "MODE", choices = { "auto", "json", "none" },
        help = "auto: if standard error is a terminal; json: a line a second; none." },
}

local THREADS = {
    "--threads", arg = "N", convert = whole(1, 256), help = "Threads that read, score and write; 1 by default.",
}
local OBJECT = {
    "--object", arg = "OBJECT", choices = { "contact", "company", "deal" },
    help = "Whose scores: contact, company or deal; the only ones there are, else contact.",
}

M.commands = {
    {
        name = "score", summary = "Scores every record of CSV or NDJSON files.",
        usage = "leadscore score DEFINITION... --contacts FILE [--events FILE] [options]",
        description = "Scores every record and writes one row each, in input order: id, then for each score NAME, and "
            .. "where there are such NAME_engagement, NAME_fit and NAME_label. A file appears whole or not at all.",
        arguments = { DEFINITION }, read = true, run = true, at = INSTANTS,
        options = {
            { "--out", arg = "FILE",
                help = "Where to write; standard output by default. A folder (DIR/): a file an object." },
            { "--format", arg = "FORMAT", choices = { "csv", "ndjson" },
                help = "csv or ndjson; by the name of --out, else csv." },
            OBJECT, { "--extra", help = "Adds NAME_scored and NAME_next_change_at." }, THREADS,
        },
        example = "leadscore score score.lua --contacts contacts.csv --events events.csv --out scores.csv",
    },
    {
        name = "explain", summary = "Shows why one record has its scores.",
        usage = "leadscore explain DEFINITION... --id ID --contacts FILE [--events FILE] [options]",
        description = "Shows each group and rule: occurrences, decay, what each limit took, what did not fire and why.",
        arguments = { DEFINITION }, read = true, run = true,
        options = {
            { "--id", arg = "ID", required = true, help = "The record." }, OBJECT,
            { "--json", help = "As one JSON object." },
        },
        example = "leadscore explain score.lua --id 4711 --contacts contacts.csv --events events.csv",
    },
    {
        name = "preview", summary = "Shows how the scores are spread.",
        usage = "leadscore preview DEFINITION... --contacts FILE [--events FILE] [options]",
        description = "Scores every record and draws the distribution of each score: quantiles, labels, a histogram.",
        arguments = { DEFINITION }, read = true, run = true,
        options = {
            { "--score", arg = "NAME", help = "Only this score." },
            { "--bins", arg = "N", convert = whole(1, 1000), help = "How many bars; 20 by default." },
            { "--json", help = "As one JSON object." }, THREADS,
        },
        example = "leadscore preview score.lua --contacts contacts.csv --events events.csv --at 2026-01-01",
    },
    {
        name = "accounts", summary = "Shows target accounts, the overview of one, or recommendations.",
        usage = "leadscore accounts [DEFINITION...] --companies FILE [--contacts FILE] [--deals FILE] [options]",
        description = "Shows metrics and a table of target accounts: companies whose property target_account is true, "
            .. "or whose id is in a list. With --account the overview of one, with --recommend companies to add.",
        arguments = { OPTIONAL }, read = true, run = true,
        options = {
            { "--tasks", arg = "FILE", many = true,
                help = "Tasks: columns id, one of company_id, contact_id, deal_id; status, due_at, owner, title." },
            { "--engagements", arg = "FILE", many = true,
                help = "Our activity: columns id, one of company_id, contact_id, deal_id; type, at, owner, title." },
            { "--targets", arg = "FILE", many = true, help = "A list of ids of target accounts." },
            { "--add", arg = "FILE", many = true, help = "Adds the ids of this list to the targets." },
            { "--add-id", arg = "ID", many = true, convert = some_text, help = "Adds an id to the targets." },
            { "--remove", arg = "FILE", many = true, help = "Removes the ids of this list from the targets." },
            { "--remove-id", arg = "ID", many = true, convert = some_text, help = "Removes an id from the targets." },
            { "--write-targets", arg = "FILE", help = "Writes the list of targets as it then is." },
            { "--view", arg = "VIEW", choices = VIEWS, help = "Only " .. table.concat(VIEWS, ", ", 2) .. "; or all." },
            { "--owner", arg = "NAME", many = true, convert = some_text, help = "Only accounts of this owner." },
            { "--team", arg = "NAME", many = true, convert = some_text, help = "Only accounts of this team." },
            { "--sort", arg = "COLUMN", help = "Sorts by a column of the table, empty cells last." },
            { "--reverse", help = "The largest first." },
            { "--account", arg = "ID", convert = some_text, help = "The overview of one account." },
            { "--recommend", arg = "N", convert = whole(1, 100000),
                help = "The N best companies that are not target accounts, with reasons." },
            { "--dismissed", arg = "FILE", many = true, help = "A list of ids that are not recommended." },
            { "--score", arg = "NAME", help = "Which account score; the first by default." },
            { "--won", arg = "STAGE", many = true, convert = some_text,
                help = "Stages of won deals instead of Won, Closed Won." },
            { "--lost", arg = "STAGE", many = true, convert = some_text,
                help = "Stages of lost deals instead of Lost, Closed Lost." },
            { "--currency", arg = "NAME", convert = some_text, help = "Of deals that do not say theirs." },
            { "--kind", arg = "KIND=EVENT", many = true, convert = kind,
                help = "Which events and types are email, call, meeting, form, document, page_view." },
            { "--gdpr", help = "Leaves out the engagement of contacts without a legal basis." },
            { "--out", arg = "FILE", help = "Where to write; standard output by default." },
            { "--format", arg = "FORMAT", choices = { "text", "csv", "json" },
                help = "text, csv or json; by the name of --out (.csv, .json), else text." },
            THREADS,
        },
        example = "leadscore accounts score.lua --companies companies.csv --contacts contacts.csv --deals deals.csv",
    },
    {
        name = "check", summary = "Lists all that is wrong with definitions.",
        usage = "leadscore check DEFINITION... [options]",
        description = "Lists every error and warning with file, place, what was expected and what was found. "
            .. "Exits with 1 if there are errors.",
        arguments = { DEFINITION },
        options = {
            { "--canonical", help = "Prints the canonical form, JSON for programs that use the C library." },
        },
        example = "leadscore check score.lua",
    },
    {
        name = "test", summary = "Runs the tests beside definitions.",
        usage = "leadscore test DEFINITION... [options]",
        description = "Runs the tests of each definition and shows each difference. Exits with 1 if there are any.",
        arguments = { DEFINITION }, options = { { "--quiet", help = "Only differences." } },
        example = "leadscore test score.lua",
    },
    {
        name = "demo", summary = "The one-minute tour, on a small made-up CRM.",
        usage = "leadscore demo [FOLDER]",
        description = "Writes contacts.csv, events.csv and score.lua to a folder, scores them and shows what came out.",
        arguments = { { name = "folder", show = "FOLDER", args = "?",
            help = "Where to write; leadscore-demo by default." } },
        options = {}, example = "leadscore demo tour",
    },
    {
        name = "manual", summary = "Prints the manual page.", usage = "leadscore manual", hidden = true,
        description = "Prints the manual page as roff, to be shown by man.", arguments = {}, options = {},
        example = "leadscore manual > leadscore.1",
    },
}

for _, list in ipairs({ READ, M.commands[1].options, M.commands[4].options }) do
    for _, option in ipairs(list) do
        if option.arg == "FILE" or option.arg == "FOLDER" then option.convert = file_name end
    end
end

-- The options of a command in groups { title, options }, as --help and the manual show them.
function M.groups(command)
    local groups = {}
    if command.read then groups[1] = { "Inputs", READ } end
    local own = {}
    for _, list in ipairs({ command.options, command.run and { command.at or AT } or {}, command.run and RUN or {} }) do
        for _, option in ipairs(list) do
            own[#own + 1] = option
        end
    end
    groups[#groups + 1] = { "Options", own }
    return groups
end

-- ---- what inputs become -------------------------------------------------------------------------------------------

local function lists_of(pairs_given)
    local lists = {}
    for _, each in ipairs(pairs_given or {}) do
        local name, file = each[1], each[2]
        lists[name] = lists[name] or { files = {} }
        table.insert(lists[name].files, file)
    end
    return lists
end

local function columns_of(pairs_given)
    local columns = {}
    for _, each in ipairs(pairs_given or {}) do
        if columns[each[1]] then stop.with(stop.USAGE, "leadscore: --column names " .. each[1] .. " twice") end
        columns[each[1]] = each[2]
    end
    return columns
end

local function check_stdin(args)
    local count = 0
    for _, name in ipairs({ "contacts", "companies", "deals", "events", "associations", "tasks", "engagements",
        "log" }) do
        for _, path in ipairs(args[name] or {}) do
            count = count + (path == "-" and 1 or 0)
        end
    end
    for _, each in ipairs(args.list or {}) do
        count = count + (each[2] == "-" and 1 or 0)
    end
    if count > 1 then stop.with(stop.USAGE, "leadscore: standard input (-) can be only one of the inputs") end
end

-- Whether both are there and one: the same file or folder, whatever they are called.
local function is_same(a, b)
    local one = core.file_identity(a)
    return one ~= nil and one == core.file_identity(b)
end

local ENDINGS = { csv = true, ndjson = true, jsonl = true }
local DEFINITION_ENDINGS = { lua = true, json = true }

-- The folder and the name of a path.
local function split(path)
    local parent, name = path:match("^(.-)([^/]*)$")
    return parent == "" and "." or parent, name
end

-- Whether the file is the input, or one that is read with its folder.
local function is_input(path, input, endings)
    if lfs.attributes(path, "mode") ~= "file" then return false end
    if is_same(path, input) then return true end
    local parent, name = split(path)
    local ending = name:lower():gsub("%.gz$", ""):match("%.(%w+)$")
    return (endings or ENDINGS)[ending] and not name:find("^[._]") and is_same(parent, input)
end

-- Whether both name one file, which need not be there yet.
local function is_same_output(a, b)
    if a == b or is_same(a, b) then return true end
    local parent, name = split(a)
    local other_parent, other_name = split(b)
    return name == other_name and is_same(parent, other_parent)
end

local FILES = {
    "contacts", "companies", "deals", "events", "associations", "tasks", "engagements", "log",
    "add", "remove", "dismissed", "targets", -- the last one may be written anew by --write-targets
}
local MOST_FILES = { write_targets = #FILES - 1 }

local function is_any_input(path, args, option)
    for i = 1, MOST_FILES[option] or #FILES do
        for _, input in ipairs(args[FILES[i]] or {}) do
            if is_input(path, input) then return true end
        end
    end
    for _, each in ipairs(args.list or {}) do
        if is_input(path, each[2]) then return true end
    end
    for _, definition in ipairs(args.definition or {}) do
        if is_input(path, definition, DEFINITION_ENDINGS) then return true end
    end
    return args.free_mail ~= nil and is_input(path, args.free_mail)
end

local PLURALS = { contact = "contacts", company = "companies", deal = "deals" }

-- Whether a run is of several instants.
function M.is_several(args)
    return type(args.at) == "table" and #args.at > 1
end

-- The file in the folder --out that scores go to. at: of several instants; object: where there is a file for each.
function M.out_file(args, at, object)
    -- Colons are no part of names on every system.
    local name = at and core.print_time(at):gsub(":", "-") .. (object and "-" or "") or ""
    return args.out .. name .. (PLURALS[object] or "") .. "." .. (args.format or "csv")
end

-- What a command writes, as { option, path }; a folder gets one file an object, "-" is standard output.
local function outputs_of(args)
    local outputs = {}
    for _, option in ipairs({ "rejects", "matched", "unmatched", "write_targets" }) do
        if args[option] then outputs[#outputs + 1] = { option, args[option] } end
    end
    if args.out and args.out:sub(-1) == "/" then
        local several = M.is_several(args)
        for _, at in ipairs(several and args.at or { false }) do
            if several then outputs[#outputs + 1] = { "out", M.out_file(args, at) } end
            for _, object in ipairs({ "contact", "company", "deal" }) do
                outputs[#outputs + 1] = { "out", M.out_file(args, at, object) }
            end
        end
    else
        outputs[#outputs + 1] = { "out", args.out or "-" }
    end
    return outputs
end

local function flag(option)
    return "--" .. option:gsub("_", "-")
end

-- Several instants go to a folder, each to its own file.
local function check_instants(args)
    if not M.is_several(args) then return end
    if not args.out or args.out:sub(-1) ~= "/" then
        stop.with(stop.USAGE, "leadscore: --at: several instants need --out DIR/, a folder")
    end
    local seen = {}
    for _, at in ipairs(args.at) do
        if seen[at] then stop.with(stop.USAGE, "leadscore: --at names " .. core.print_time(at) .. " twice") end
        seen[at] = true
    end
end

-- Nothing that is read may be written over, nor two outputs to one file.
local function check_outputs(args)
    local outputs = outputs_of(args)
    for i, each in ipairs(outputs) do
        local option, path = each[1], each[2]
        if path == "-" and option == "rejects" then
            stop.with(stop.USAGE, "leadscore: --rejects: expected a file, got -")
        elseif path ~= "-" and is_any_input(path, args, option) then
            stop.with(stop.USAGE, ("leadscore: %s: %s is one of the inputs"):format(flag(option), path))
        end
        for k = 1, i - 1 do
            local before = outputs[k]
            if before[1] == option then break end -- those of --out, which are the last
            if path == "-" and before[2] == "-" then
                stop.with(stop.USAGE, ("leadscore: standard output (-) can be only one of the outputs, got it for " ..
                    "%s and %s"):format(flag(before[1]), option == "out" and "what the command shows" or flag(option)))
            elseif is_same_output(path, before[2]) then
                stop.with(stop.USAGE, ("leadscore: %s and %s name the same file"):format(flag(option), flag(before[1])))
            end
        end
    end
end

-- The option `match` of leadscore.dataset; ends the command on options that lack it.
local function match_of(args)
    if args.match_domain or args.match_name then
        if not args.companies then
            stop.with(stop.USAGE, ("leadscore: %s goes with --companies"):format(
                args.match_domain and "--match-domain" or "--match-name"))
        end
        return { email = args.match_domain, name = args.match_name, free_mail = args.free_mail }
    end
    for _, name in ipairs({ "free_mail", "matched", "unmatched" }) do
        if args[name] then
            stop.with(stop.USAGE, ("leadscore: %s goes with --match-domain or --match-name"):format(flag(name)))
        end
    end
end

-- The options of leadscore.dataset that parsed arguments stand for; ends the command on wrong usage.
function M.dataset(args, definition, progress)
    if not (args.contacts or args.companies or args.deals or args.log) then
        stop.with(stop.USAGE, "leadscore: --contacts FILE is needed (or --companies, --deals, --log)")
    end
    check_stdin(args)
    check_instants(args)
    check_outputs(args)
    return {
        match = match_of(args),
        definitions = definition, contacts = args.contacts, events = args.events, companies = args.companies,
        deals = args.deals, associations = args.associations, lists = lists_of(args.list), log = args.log,
        delimiter = args.delimiter, columns = columns_of(args.column), unknown = args.unknown, rejects = args.rejects,
        progress = progress, threads = args.threads, max_memory = args.max_memory,
    }
end

-- The instants of a run in the order given: --at, else now.
function M.instants(args)
    return type(args.at) == "table" and args.at or { args.at or core.now() }
end

return M
