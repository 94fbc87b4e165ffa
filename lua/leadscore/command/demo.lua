-- leadscore demo: writes a small made-up CRM and a definition to a folder, scores it and shows what came out.
-- Everything is the same every time: a fixed instant and a generator of its own.

local core = require("leadscore.core")
local errors = require("leadscore.error")
local leadscore = require("leadscore")
local render = require("leadscore.render")
local stop = require("leadscore.command.stop")

local M = {}

local FOLDER = "leadscore-demo"
local AT = "2026-01-01T00:00:00Z"
local CONTACTS, VISITS = 200, 1600
local DAY = 86400

local DEFINITION = [[
-- How good is this contact? Change anything and score again.
return {
    name = "contact_quality",
    label = "Contact quality",
    scope = { not_in_list = "competitors" },
    limit = { min = -100, max = 100 },
    groups = {
        {
            name = "Engagement with us",
            limit = 60,
            decay = { percent = 50, every = "1 month" },
            rules = {
                { event = "meeting_booked", points = 20 },
                { event = "email_clicked", points = 3, once_per = "day" },
                { event = "form_submitted", property = "form", points_by = { ["Contact us"] = 10, Newsletter = 2 } },
                {
                    name = "Looks at prices",
                    event = "page_viewed",
                    where = { url = { contains = "/pricing" } },
                    within = "30 days",
                    times = { at_least = 2 },
                    points = 12,
                    decay = false,
                },
            },
        },
        {
            name = "Company fit",
            limit = 40,
            rules = {
                { when = { industry = { "Hospitality", "Retail" } }, points = 15 },
                {
                    property = "employees",
                    bands = { { at_least = 500, points = 10 }, { between = { 50, 499 }, points = 15 } },
                    otherwise = 0,
                },
                { when = { country = { "SE", "DK", "NO" } }, points = 10 },
                { when = { email = { ends_with = { "@gmail.com", "@hotmail.com" } } }, points = -10 },
            },
        },
    },
    thresholds = { fit = { high = 30, medium = 15 }, engagement = { high = 30, medium = 10 } },
    tests = {
        {
            given = { country = "SE", employees = 80, events = { { "meeting_booked", "10 days ago" } } },
            at = "2026-01-01",
            expect = { value = 45, fit = 25, engagement = 20, label = "B2" },
        },
    },
}
]]

-- ---- made-up records ----------------------------------------------------------------------------------------------

-- The "minimal standard" generator: the same numbers on every Lua.
local function generator(seed)
    return function(most)
        seed = seed * 16807 % 2147483647
        return math.floor(seed / 2147483647 * most) + 1
    end
end

local FIRST = { "Ada", "Bo", "Carla", "Dag", "Elin", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Liam" }
local LAST = { "Berg", "Costa", "Dahl", "Ek", "Falk", "Garcia", "Holm", "Ito", "Jansen", "Kowalski", "Lind", "Moreau" }
local MAIL = { "example.com", "example.org", "hotel.example", "shop.example", "gmail.com", "hotmail.com" }
local INDUSTRIES = { "Hospitality", "Retail", "Software", "Manufacturing", "" }
local COUNTRIES = { "SE", "DK", "NO", "DE", "GB", "US", "" }
local EMPLOYEES = { "8", "25", "60", "140", "320", "900", "4000", "" }
local URLS = { "/", "/product", "/pricing", "/pricing/teams", "/blog/how-we-score", "/about" }
local FORMS = { "Contact us", "Newsletter", "Webinar" }

local function make_contacts(random)
    local lines = { "id,name,email,country,industry,employees" }
    for i = 1, CONTACTS do
        local first, last = FIRST[random(#FIRST)], LAST[random(#LAST)]
        lines[i + 1] = table.concat({
            1000 + i, first .. " " .. last,
            ("%s.%s@%s"):format(first:lower(), last:lower(), MAIL[random(#MAIL)]), COUNTRIES[random(#COUNTRIES)],
            INDUSTRIES[random(#INDUSTRIES)], EMPLOYEES[random(#EMPLOYEES)],
        }, ",")
    end
    return table.concat(lines, "\n") .. "\n"
end

-- event, url, form
local function make_event(random)
    local kind = random(20)
    if kind <= 12 then return "page_viewed", URLS[random(#URLS)], "" end
    if kind <= 17 then return "email_clicked", "", "" end
    if kind <= 19 then return "form_submitted", "", FORMS[random(#FORMS)] end
    return "meeting_booked", "", ""
end

local function make_events(random, now)
    local events = {}
    for i = 1, VISITS do
        -- A few contacts are much busier than the others.
        local contact = 1000 + math.min(random(CONTACTS), random(CONTACTS))
        local at = now - random(120 * DAY)
        local event, url, form = make_event(random)
        events[i] = { at = at, order = i, line = table.concat({ contact, event, core.print_time(at), url, form }, ",") }
    end
    table.sort(events, function(a, b) return a.at < b.at or a.at == b.at and a.order < b.order end)
    local lines = { "contact_id,event,at,url,form" }
    for i, each in ipairs(events) do
        lines[i + 1] = each.line
    end
    return table.concat(lines, "\n") .. "\n"
end

-- ---- files --------------------------------------------------------------------------------------------------------

local function content_of(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local text = file:read("*a")
    file:close()
    return text
end

local function write(path, text)
    local there = content_of(path)
    if there == text then return end
    if there then
        stop.with(stop.BAD, ("leadscore: %s is there already and is not what the demo writes; name another folder")
            :format(path))
    end
    local output, err = core.output(path)
    stop.check(output, err and errors.wrap(err, "io"))
    local ok, failure = output:write(text)
    if ok then ok, failure = output:commit() end
    output:close()
    if not ok then stop.check(nil, errors.wrap(failure, "io")) end
end

local function make_folder(folder)
    local lfs = require("lfs")
    if lfs.attributes(folder, "mode") == "directory" then return end
    local ok, message = lfs.mkdir(folder)
    if not ok then stop.with(stop.IO, ("leadscore: %s: %s"):format(folder, errors.system(message, folder))) end
end

-- ---- the tour -----------------------------------------------------------------------------------------------------

local function say(...)
    stop.print(...)
    stop.print("\n")
end

local function table_of(top)
    say(("  %-6s %8s %12s %6s  %s"):format("id", "value", "engagement", "fit", "label"))
    for _, each in ipairs(top) do
        local score = each.score
        say(("  %-6s %8s %12s %6s  %s"):format(each.id, core.print_number(score.value),
            core.print_number(score.engagement), core.print_number(score.fit), score.label))
    end
end

local function quote_path(path)
    return path:find("^[%w._/-]+$") and path or "'" .. path:gsub("'", "'\\''") .. "'"
end

-- How the command was called, where its name alone would not find it.
local function program()
    local called = arg and arg[0] or "leadscore"
    local folder, name = called:match("^(.*)/([^/]*)$")
    if not folder or not called:find("leadscore", 1, true) then return "leadscore" end
    local found = ((":" .. (os.getenv("PATH") or "") .. ":"):find(":" .. folder .. ":", 1, true))
    return found and name or quote_path(called)
end

local function next_commands(folder, top)
    local at = " --at " .. AT:sub(1, 10)
    local shown = quote_path(folder)
    local inputs = ("F/score.lua --contacts F/contacts.csv --events F/events.csv --list competitors=F/competitors.csv")
        :gsub("F/", function() return shown .. "/" end)
    say("Try next:")
    local command = "  " .. program()
    say(command, " score ", inputs, at)
    say(command, " preview ", inputs, at)
    say(command, " explain ", inputs, at, " --id ", top[1].id)
    say(command, " check ", shown, "/score.lua")
    say(command, " test ", shown, "/score.lua")
    say("and change ", shown, "/score.lua.")
end

local function show(folder, definition, dataset, result)
    local top = result:top(nil, 5)
    say("Wrote a made-up CRM to ", folder, ": contacts.csv (", render.thousands(CONTACTS), " contacts), events.csv (",
        render.thousands(VISITS), " events),")
    say("competitors.csv (a list) and score.lua, the definition. Scored at ", AT, ": scores.csv.")
    say()
    say("The best contacts:")
    table_of(top)
    say()
    say(render.distribution(stop.check(result:distribution()), 80))
    say("Why ", top[1].id, " is first:")
    say(render.explanation(stop.check(dataset:explain(definition, top[1].id, AT))))
    next_commands(folder, top)
end

local function write_inputs(folder)
    local random = generator(20260101)
    make_folder(folder)
    write(folder .. "/score.lua", DEFINITION)
    write(folder .. "/contacts.csv", make_contacts(random))
    write(folder .. "/events.csv", make_events(random, core.read_time(AT)))
    write(folder .. "/competitors.csv", "id\n1003\n1017\n")
end

function M.run(args)
    local folder = (args.folder or FOLDER):gsub("(.)/+$", "%1")
    write_inputs(folder)
    local definition = stop.check(leadscore.load(folder .. "/score.lua"))
    local dataset = stop.check(leadscore.dataset({
        definitions = definition, contacts = folder .. "/contacts.csv", events = folder .. "/events.csv",
        lists = { competitors = folder .. "/competitors.csv" },
    }))
    local result = stop.check(dataset:score(definition, { at = AT }))
    stop.check(result:write(folder .. "/scores.csv"))
    show(folder, definition, dataset, result)
end

return M
