-- Files of events larger than what is read at a time, as any export may be: quotes, line ends, bad rows, unknown
-- contacts, ids of any kind. Whatever the number of threads, and whatever the processor can do, the scores and what is
-- refused are the same; and the scores are those that plain counting finds.

local shell = require("shell")

local DEFINITION = [[
return { name = "q", groups = { { name = "g", rules = {
    { event = "opened", points = 1 },
    { event = "visited", where = { page = { contains = "price" } }, points = 100 },
    { event = "visited", where = { page = { ends_with = "\"x\"" } }, points = 10000 },
    { event = "called", latest = 1, points_by = { page = { first = 0.25, second = 0.5 } }, points = 0 },
} } } }
]]
DEFINITION = DEFINITION:gsub("points_by = { page = (%b{}) }, points = 0", 'property = "page", points_by = %1')

local CONTACTS, ROWS = 300, 12000

local ids = {
    number = function(i) return tostring(i) end,
    uuid = function(i) return ("%08x-1111-4222-8333-%012x"):format(i * 2654435 % 2 ^ 31, i) end,
    upper = function(i) return ("%08X-ABCD-4222-8333-%012X"):format(i * 2654435 % 2 ^ 31, i) end,
    -- Every other is a UUID as most write it; the others look much like one, some like one that is there.
    nearly = function(i)
        local before = ("%08x-1111-4222-8abc-%012x"):format(i - i % 2, i - i % 2)
        if i % 2 == 0 then return before end
        return ({ before:upper(), (before:gsub("-", "_", 1)), (before:gsub("8abc", "8abg")),
            (before:gsub("1111%-", "-1111", 1)), before .. "a" })[math.floor(i % 10 / 2) + 1]
    end,
    mixed = function(i) return i % 3 == 0 and ("00%d"):format(i) or i % 3 == 1 and "c " .. i or tostring(i) end,
}

-- What makes a file hard, each with how often (one in so many rows).
local worlds = {
    { "plain rows", id = "number" },
    { "ids that are long texts", id = "uuid" },
    { "UUIDs in upper case", id = "upper", quoted = 4 },
    { "ids that are nearly UUIDs", id = "nearly", unknown = 9, quoted = 4 },
    { "texts that differ in one byte", id = "number", alike = true, quoted = 5 },
    { "ids of several kinds", id = "mixed", blanks = 7 },
    { "quoted fields", id = "number", quoted = 3, doubled = 9 },
    { "every field in quotes", id = "uuid", quoted = 1, doubled = 50 },
    { "quotes inside fields, which hide no delimiter", id = "number", inside = 9, quoted = 40 },
    { "carriage returns behind quotes that end no row", id = "number", returns = 200, quoted = 40 },
    { "line feeds inside quotes", id = "number", quoted = 20, lines = 90 },
    { "line ends of Windows", id = "number", quoted = 5, windows = true },
    { "pages that are nearly all new", id = "number", distinct = true },
    { "rows that are refused", id = "number", bad = 40, quoted = 15, astray = 500 },
    { "contacts that nobody knows", id = "uuid", unknown = 2 },
    { "events given twice", id = "number", identity = true, quoted = 30 },
    { "times before 1970 and after 2106", id = "number", far = 2000 },
    { "semicolons", id = "number", delimiter = ";", quoted = 8 },
    { "rows of thousands of bytes", id = "number", long = 90, bytes = 5000 },
    { "rows of hundreds of thousands of bytes", id = "number", long = 4000, bytes = 300000 },
}

local function cell(world, random, text)
    local quoted = world.quoted and random(world.quoted) == 1
    if quoted or text:find('[",;\r\n]') then return '"' .. text:gsub('"', '""') .. '"' end
    return text
end

local function page_of(world, random, row)
    if world.alike then -- of 22 to 39 bytes
        local text = ("price price price price price price pri"):sub(1, 21 + random(18))
        return text:sub(1, -2) .. ("abcdefgh"):sub(random(8)):sub(1, 1)
    end
    if world.distinct then return "price/" .. row end
    if world.long and random(world.long) == 1 then return "price/" .. ("x"):rep(world.bytes + random(world.bytes)) end
    if world.doubled and random(world.doubled) == 1 then return 'say "x"' end
    if world.lines and random(world.lines) == 1 then return "price\nlist" end
    return ({ "price", "first", "second", "a,b", "about/us", "", "long " .. ("text "):rep(9) })[random(7)]
end

local BAD = {
    function(id) return id .. ",opened,not a time,x" end,
    function() return ",opened,2025-01-01,x" end,
    function(id) return id .. ",,2025-01-01,x" end,
    function(id) return id .. ",opened,2025-01-01" end,
}

-- The text of events.csv; what counting expects, by contact; how many rows are refused.
local function make(world, random)
    local id_of, delimiter = ids[world.id], world.delimiter or ","
    local lines, expected, refused = { table.concat({ "contact_id", "event", "at", "page" }, delimiter)
        .. (world.identity and delimiter .. "id" or "") }, {}, 0
    for i = 1, CONTACTS do expected[id_of(i)] = 0 end
    for row = 1, ROWS do
        local known = not (world.unknown and random(world.unknown) == 1)
        local id = id_of(random(CONTACTS) + (known and 0 or CONTACTS))
        if world.bad and random(world.bad) == 1 then
            lines[#lines + 1] = BAD[random(#BAD)](id)
            refused = refused + 1
        elseif world.astray and random(world.astray) == 1 then
            lines[#lines + 1] = id .. ',opened,2025-01-01,"x"y'
            refused = refused + 1
        elseif world.returns and random(world.returns) == 1 then
            lines[#lines + 1] = id .. ({ ',"opened"\r,2025-01-01,x', ',opened,2025-01-01,"x"\r\r' })[random(2)]
            refused = refused + 1
        elseif world.inside and random(world.inside) == 1 then
            lines[#lines + 1] = ('%s,opened,2025-01-01,%s"a,b"'):format(id, ("x"):rep(random(64)))
            refused = refused + 1
        else
            local event, page = ({ "opened", "visited", "called" })[random(3)], page_of(world, random, row)
            local year = world.far and random(world.far) == 1 and ({ 1905, 2024 })[random(2)] or 2025
            local at = ("%04d-%02d-%02d %02d:%02d:%02d"):format(year, random(5), random(28), random(24) - 1,
                random(60) - 1, random(60) - 1)
            local fields = { (world.blanks and random(world.blanks) == 1 and "  " or "") .. cell(world, random, id),
                cell(world, random, event), cell(world, random, at), cell(world, random, page) }
            if world.identity then fields[5] = "e" .. row end
            lines[#lines + 1] = table.concat(fields, delimiter)
            if world.identity and random(5) == 1 then lines[#lines + 1] = lines[#lines] end
            if expected[id] then
                local points = event == "opened" and 1 or event == "visited" and page:find("price") and 100
                    or event == "visited" and page:find('"x"$') and 10000 or 0
                expected[id] = expected[id] + points
            end
        end
    end
    local ending = world.windows and "\r\n" or "\n"
    return table.concat(lines, ending) .. (random(2) == 1 and ending or ""), expected, refused
end

-- A sequence of numbers that is the same on every Lua.
local function sequence(seed)
    local state = seed
    return function(most)
        state = (state * 1103515245 % 2147483648 + 12345) % 2147483648
        return math.floor(state / 65536) % most + 1
    end
end

describe("Reading a large file of events", function()
    local folder

    before_each(function()
        folder = shell.folder()
        shell.write(folder .. "/score.lua", DEFINITION)
    end)

    after_each(function()
        shell.remove(folder)
    end)

    local function score(options, environment)
        local run = shell.run(folder, ("rm -f rejects.csv; %s leadscore score score.lua --contacts contacts.csv"
            .. " --events events.csv --at 2025-06-01 --rejects rejects.csv --out scores.csv %s"):format(
            environment or "", options))
        assert.equal(0, run.code, run.err)
        return shell.read(folder .. "/scores.csv"), shell.read(folder .. "/rejects.csv") or "",
            run.err:gsub(" in [%d.]+ s", "")
    end

    for number, world in ipairs(worlds) do
        it("with " .. world[1], function()
            local text, expected, refused = make(world, sequence(number * 7919))
            local contacts = { "id" }
            for i = 1, CONTACTS do contacts[#contacts + 1] = ids[world.id](i) end
            shell.write(folder .. "/contacts.csv", table.concat(contacts, "\n") .. "\n")
            shell.write(folder .. "/events.csv", text)
            local delimiter = world.delimiter and " --delimiter '" .. world.delimiter .. "'" or ""
            local scores, rejects, summary = score("--threads 1" .. delimiter)

            local found = {}
            for id, value in scores:gmatch("([^\n]-),([%d.]+)[^\n]*\n") do
                found[id] = math.floor(tonumber(value))
            end
            assert.same(expected, found)
            local listed = select(2, rejects:gsub("\n", "\n")) - (rejects ~= "" and 1 or 0)
            assert.equal(refused, listed)

            for _, way in ipairs({ { "--threads 2" }, { "--threads 5" },
                { "--threads 1", "LEADSCORE_KERNELS=portable" } }) do
                local other, other_rejects, other_summary = score(way[1] .. delimiter, way[2])
                assert.equal(scores, other)
                assert.equal(rejects, other_rejects)
                assert.equal(summary, other_summary)
            end
        end)
    end

    -- Behind a row that is not plain, where what was read ahead is read again; the last row has no line feed.
    it("loses nothing of rows that are longer than what is read at once", function()
        local function long_cell(text) return '"' .. text .. ('""'):rep(100000) .. 'end"' end
        local contacts, events = { "id", "1", "2" }, { "contact_id,event,at,page" }
        for i = 1, 10000 do contacts[i + 3] = tostring(i + 1000) end
        contacts[#contacts + 1] = '"an\nid"'
        contacts[#contacts + 1] = long_cell("an id")
        for i = 1, 1000 do events[i + 1] = "1,opened,2025-01-01,x" end
        events[#events + 1] = '1,opened,2025-01-01,"two\nlines"'
        events[#events + 1] = "2,visited,2025-01-01," .. long_cell("price")
        shell.write(folder .. "/contacts.csv", table.concat(contacts, "\n"))
        shell.write(folder .. "/events.csv", table.concat(events, "\n"))
        shell.run(folder, "gzip -k contacts.csv events.csv")
        for _, gz in ipairs({ "", ".gz" }) do
            for _, threads in ipairs({ 1, 2, 5 }) do
                local run = shell.run(folder, ("leadscore score score.lua --contacts contacts.csv%s"
                    .. " --events events.csv%s --at 2025-06-01 --threads %d --out scores.csv"):format(gz, gz, threads))
                assert.equal(0, run.code, run.err)
                local scores = shell.read(folder .. "/scores.csv")
                assert.equal("1,1001\n2,100\n", scores:match("\n(1,[^\n]*\n[^\n]*\n)"))
                assert.is_true(scores:find(long_cell("an id") .. ",0\n", 1, true) ~= nil)
                assert.truthy(run.err:find("10,004 contacts, 1,002 events", 1, true), run.err)
            end
        end
    end)

    it("takes a last row without a line feed that is not plain", function()
        shell.write(folder .. "/contacts.csv", "id\n1\n2\n")
        local before = "contact_id,event,at,page\n" .. ("1,opened,2025-01-01,x\n"):rep(3000)
        for _, last in ipairs({ '"a\nprice"', '"a, ""\n""price"', '"a\nprice"\r' }) do
            shell.write(folder .. "/events.csv", before .. "2,visited,2025-01-01," .. last)
            shell.run(folder, "gzip -kf events.csv")
            for _, name in ipairs({ "events.csv", "events.csv.gz" }) do
                for _, threads in ipairs({ 1, 2 }) do
                    local run = shell.run(folder, ("leadscore score score.lua --contacts contacts.csv --events %s"
                        .. " --at 2025-06-01 --threads %d --out scores.csv"):format(name, threads))
                    assert.equal("id,q\n1,3000\n2,100\n", shell.read(folder .. "/scores.csv"), last .. run.err)
                end
            end
        end
    end)

    it("and counts events later than the instant, however they are written", function()
        local late = {
            '1,opened,2025-06-01 00:00:01,first',
            '1,opened,2025-06-01T00:00:01Z,first',
            '1,opened,2025-06-02,first',
            '1,opened,"2025-06-02 00:00:00",first',
            '1,opened,2025-06-02 00:00:00,"a ""first"""',
            '1,opened,2025-06-02 00:00:00,"a first\none"',
            '1,opened, 2200-01-01 00:00:00 ,first',
        }
        shell.write(folder .. "/contacts.csv", "id\n1\n")
        local plain = ("1,opened,2025-06-01 00:00:00,first\n"):rep(3000)
        local header = "contact_id,event,at,page\n"
        for _, row in ipairs(late) do
            shell.write(folder .. "/events.csv", header .. plain .. row .. "\n" .. plain)
            for _, threads in ipairs({ 1, 2 }) do
                local _, _, summary = score("--threads " .. threads)
                assert.truthy(summary:find("1 event later than that", 1, true), row .. ": " .. summary)
            end
        end
        shell.write(folder .. "/events.csv", header .. plain)
        local _, _, summary = score("--threads 1")
        assert.falsy(summary:find("later", 1, true), summary)
    end)

    it("that would need more memory than it may: it ends early and says what it needs", function()
        local line = "7,visited,2025-03-04 05:06:07,a page\n"
        shell.write(folder .. "/contacts.csv", "id\n7\n")
        shell.write(folder .. "/events.csv", "contact_id,event,at,page\n" .. line:rep(500000))
        local run = shell.run(folder, "leadscore score score.lua --contacts contacts.csv --events events.csv"
            .. " --max-memory 6MB --out scores.csv")
        assert.equal(1, run.code)
        assert.matches("^leadscore: events.csv: its events need about %d[%d.]* MB of memory, and the limit is"
            .. " 6.00 MB\n$", run.err)
        assert.is_nil(shell.read(folder .. "/scores.csv"))
        run = shell.run(folder, "leadscore score score.lua --contacts contacts.csv --events events.csv"
            .. " --max-memory 60MB --out scores.csv --quiet")
        assert.same({ 0, "" }, { run.code, run.err })
        run = shell.run(folder, "cat events.csv | leadscore score score.lua --contacts contacts.csv --events -"
            .. " --max-memory 6MB --out scores.csv")
        assert.same({ 1, "leadscore: not enough memory: the limit of 6000000 bytes is reached\n" },
            { run.code, run.err })
    end)
end)

describe("Reading a large file of contacts", function()
    local ROWS_OF_CONTACTS = 3000

    it("lists what is refused row by row, and each row's cells from left to right", function()
        local folder, random = shell.folder(), sequence(4711)
        shell.write(folder .. "/score.lua", [[return { name = "q", groups = { { name = "g", kind = "fit", rules = {
            { when = { employees = { at_least = 10 } }, points = 1 },
            { when = { since = { before = "2025-01-01" } }, points = 10 },
            { when = { industry = { any_of = { "Media, Print" } } }, points = 100 } } } } }]])
        local lines, expected, seen, refused = { "id,employees,industry,since" }, { "id,q" }, {}, { "line,field" }
        for row = 1, ROWS_OF_CONTACTS do
            local id = random(30) == 1 and tostring(random(row)) or random(60) == 1 and "" or tostring(row)
            local employees = random(40) == 1 and "many" or tostring(random(20))
            local industry = random(3) == 1 and '"Media, Print"' or random(2) == 1 and "" or "i" .. random(5000)
            local since = random(40) == 1 and "long ago" or ("20%02d-03-0%d"):format(20 + random(9), random(9))
            lines[#lines + 1] = table.concat({ id, employees, industry, since }, ",")
            if id == "" or seen[id] then
                refused[#refused + 1] = row + 1 .. ",1"
            else
                seen[id] = true
                if employees == "many" then refused[#refused + 1] = row + 1 .. ",2" end
                if since == "long ago" then refused[#refused + 1] = row + 1 .. ",4" end
                local points = (employees ~= "many" and tonumber(employees) >= 10 and 1 or 0)
                    + (since ~= "long ago" and since < "2025" and 10 or 0) + (industry:find('^"') and 100 or 0)
                expected[#expected + 1] = id .. "," .. points
            end
        end
        shell.write(folder .. "/contacts.csv", table.concat(lines, "\n"))
        local run = shell.run(folder, "leadscore score score.lua --contacts contacts.csv --rejects rejects.csv"
            .. " --out scores.csv")
        assert.equal(0, run.code, run.err)
        local found = {}
        for line in shell.read(folder .. "/scores.csv"):gmatch("[^\n]+") do
            found[#found + 1] = line:match("^[^,]*,[^,]*")
        end
        assert.same(expected, found)
        local listed = {}
        for line in shell.read(folder .. "/rejects.csv"):gmatch("[^\n]+") do
            listed[#listed + 1] = line:match("^[^,]*,([^,]*,[^,]*)")
        end
        assert.same(refused, listed)
        shell.remove(folder)
    end)
end)
