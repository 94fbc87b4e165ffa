-- Real data, read from the folder that LEADSCORE_DATA names: nothing of it is kept here. Definitions as a revenue
-- engineer would write them, scored by the command; what comes out is held against counts made by plain Lua.

local definitions = require("leadscore.definition")
local shell = require("shell")

local DATA = os.getenv("LEADSCORE_DATA")
local DAY = 86400

-- Figures are shown when LEADSCORE_FIGURES is set: numbers only, no ids.
local FIGURES = os.getenv("LEADSCORE_FIGURES")

local folder

local function figure(format, ...)
    if FIGURES then print("  figure: " .. format:format(...)) end
end

local function file(name, text)
    shell.write(folder .. "/" .. name, text)
end

local function run(line, ...)
    return shell.run(folder, (line:format(...)))
end

-- The command must succeed; returns what it printed, and its summary.
local function good(line, ...)
    local got = run(line, ...)
    assert.equal("", got.code == 0 and "" or got.err)
    local summary = got.err:match("(scored [^\n]*)\n$") or got.err:match("(explained [^\n]*)\n$")
    if summary then figure("%s", summary) end
    return got.out, got.err
end

-- ---- plain Lua, that shares nothing with the module -----------------------------------------------------------------

-- Fields of a line without quotes.
local function split(line, delimiter)
    local fields = {}
    for field in (line .. delimiter):gmatch("([^" .. delimiter .. "]*)" .. delimiter) do
        fields[#fields + 1] = field
    end
    return fields
end

-- Rows of a text with quotes, as tables by the header's names.
local function each_row(text, delimiter)
    local position, names = 1, nil
    local function next_field()
        if text:sub(position, position) == '"' then
            local field = {}
            repeat
                local stop = text:find('"', position + 1, true)
                field[#field + 1] = text:sub(position + 1, stop - 1)
                position = stop + 1
            until text:sub(position, position) ~= '"'
            return table.concat(field, '"')
        end
        local stop = text:find("[" .. delimiter .. "\r\n]", position) or #text + 1
        local field = text:sub(position, stop - 1)
        position = stop
        return field
    end
    local function next_row()
        if position > #text then return nil end
        local row, index = {}, 0
        while true do
            index = index + 1
            row[names and names[index] or index] = next_field()
            local mark = text:sub(position, position)
            position = position + 1
            if mark ~= delimiter then
                if mark == "\r" then position = position + 1 end
                return row
            end
        end
    end
    names = next_row()
    return next_row
end

local function unpacked(path)
    local pipe = assert(io.popen("zcat " .. shell.quote(DATA .. "/" .. path)))
    local text = pipe:read("*a")
    pipe:close()
    return text
end

-- Rows that the command printed, by id: lists of fields after it; and how many.
local function rows_of(text)
    local rows, count, header = {}, 0, nil
    for line in text:gmatch("([^\n]*)\n") do
        local fields = split(line, ",")
        local id = table.remove(fields, 1)
        if header then
            rows[id], count = fields, count + 1
        else
            header = line
        end
    end
    return rows, count, header
end

local function micro(value)
    return math.floor((value or 0) * 1e6 + 0.5)
end

-- ---- oss-engagement-dev ---------------------------------------------------------------------------------------------

local ENGAGED = [[
return {
    name = "contributor", label = "Contributor quality",
    groups = {
        { name = "Code", limit = 60, decay = { half_life = "180 days" }, rules = {
            { event = "authored", points = 6 },
            { event = "co_developed", points = 3 },
            { event = "committed", points = 2 },
        } },
        { name = "Review", limit = 40, decay = { percent = 25, every = "3 months" }, rules = {
            { event = "reviewed", points = 4 },
            { event = { "acked", "tested" }, points = 2.5 },
            { event = { "reported", "suggested", "helped" }, points = 1.5, once_per = "day" },
            { event = "cc", points = 0.1, latest = 20 },
        } },
        { name = "Habit", kind = "engagement", rules = {
            { event = { "authored", "reviewed", "committed", "signed_off" }, within = "90 days", once_per = "day",
              times = { { at_least = 20, points = 15 }, { at_least = 5, points = 6 }, { at_least = 1, points = 1 } } },
            { event = { "authored", "reviewed" }, within = "1 year", times = { exactly = 0 }, points = -5 },
        } },
        { name = "Fit", rules = {
            { property = "email_kind", points_by = { company = 15, other = 5 }, otherwise = 0 },
            { when = { tz = { "+0000", "+0100", "+0200" } }, points = 5 },
            { when = { tz = { known = false } }, points = -2 },
            { when = { tld = { "de", "uk", "fr", "se" } }, points = 2.5 },
        } },
    },
    thresholds = { fit = { high = 20, medium = 5 }, engagement = { high = 50, medium = 10 } },
}
]]

-- Aggregates that plain Lua can count.
local COUNTED = [[
local function count(name, rule)
    rule.points = 1
    return { name = name, groups = { { name = "Count", rules = { rule } } } }
end
return {
    count("authored", { event = "authored" }),
    count("recent", { event = { "authored", "reviewed", "acked" }, within = "90 days" }),
    count("days", { event = { "authored", "committed" }, once_per = "day" }),
    count("git", { event = "reviewed", where = { project = "git" } }),
}
]]

-- The same for each contact at an instant, and how many events each has in all.
local function count_events(at)
    local counts, all = {}, {}
    for line in unpacked("oss-engagement-dev/events.csv.gz"):gmatch("\n([^\n]+)") do
        local id, event, text, project = line:match("^([^,]*),([^,]*),(%d+),([^,]*)$")
        local time, own = tonumber(text), counts[id] or { 0, 0, 0, 0, seen = {} }
        counts[id], all[id] = own, (all[id] or 0) + 1
        if time <= at then
            local code, day = event == "authored" or event == "committed", math.floor(time / DAY)
            if event == "authored" then own[1] = own[1] + 1 end
            local recent = event == "authored" or event == "reviewed" or event == "acked"
            if recent and at - time < 90 * DAY then own[2] = own[2] + 1 end
            if code and not own.seen[day] then own.seen[day], own[3] = true, own[3] + 1 end
            if event == "reviewed" and project == "git" then own[4] = own[4] + 1 end
        end
    end
    return counts, all
end

local OSS

local function check_bounds(rows)
    for _, row in pairs(rows) do
        local value, engagement, fit = tonumber(row[1]), tonumber(row[2]), tonumber(row[3])
        assert.is_true(engagement >= -5 and engagement <= 115)
        assert.is_true(fit >= -2 and fit <= 22.5)
        assert.equal(micro(engagement) + micro(fit), micro(value))
        local letter = fit >= 20 and "A" or fit >= 5 and "B" or "C"
        local digit = engagement >= 50 and "1" or engagement >= 10 and "2" or "3"
        assert.equal(letter .. digit, row[4])
    end
end

-- The values of parts add up to what is over them.
local function check_parts(whole, parts, of)
    local sum = 0
    for _, part in ipairs(parts) do
        sum = sum + micro(part.value)
    end
    assert.equal(micro(whole.raw), sum, of)
end

local function check_explained(score)
    local occurrences = 0
    check_parts(score, score.categories, "categories")
    for _, category in ipairs(score.categories) do
        check_parts(category, category.groups, "groups")
        for _, group in ipairs(category.groups) do
            check_parts(group, group.rules, group.name)
            for _, rule in ipairs(group.rules) do
                if rule.occurrences then
                    check_parts(rule, rule.occurrences, group.name .. " " .. rule.index)
                    occurrences = occurrences + #rule.occurrences
                end
                assert.equal(micro(rule.raw), micro(rule.value) + micro(rule.lost_to_limit))
            end
        end
    end
    return occurrences
end

local function describe_oss()
    before_each(function()
        OSS = " --quiet --contacts " .. shell.quote(DATA .. "/oss-engagement-dev/contacts.csv.gz")
            .. " --events " .. shell.quote(DATA .. "/oss-engagement-dev/events.csv.gz")
        file("engaged.lua", ENGAGED)
        file("counted.lua", COUNTED)
    end)

    for _, at in ipairs({ "2015-01-01", "2026-08-01" }) do
        it("is scored at " .. at, function()
            local out, err = good("leadscore score engaged.lua%s --at %s", OSS:gsub("%-%-quiet", ""), at)
            local rows, count, header = rows_of(out)
            assert.equal("id,contributor,contributor_engagement,contributor_fit,contributor_label", header)
            assert.equal(10680, count)
            assert.truthy(err:find("scored 10,680 contacts, 582,544 events at " .. at .. "T00:00:00Z", 1, true))
            check_bounds(rows)
            assert.equal(out, (good("leadscore score engaged.lua%s --at %s --threads 2", OSS, at)))
        end)
    end

    it("has the counts that plain Lua finds", function()
        local at = 1420070400 -- 2015-01-01
        local rows, count = rows_of((good("leadscore score counted.lua%s --at 2015-01-01", OSS)))
        local counts, sums = count_events(at), { 0, 0, 0, 0 }
        assert.equal(10680, count)
        for id, row in pairs(rows) do
            local own = counts[id] or { 0, 0, 0, 0 }
            for i = 1, 4 do
                if tonumber(row[i]) ~= own[i] then error("count " .. i .. " differs") end
                sums[i] = sums[i] + own[i]
            end
        end
        figure("authored %d, recent %d, days %d, git reviews %d", sums[1], sums[2], sums[3], sums[4])
    end)

    it("explains the contact with the most events to the last digit", function()
        local _, all = count_events(0)
        local most
        for id, count in pairs(all) do
            if not most or count > all[most] then most = id end
        end
        for _, at in ipairs({ "2015-01-01", "2026-08-01" }) do
            local out = good("leadscore explain engaged.lua%s --at %s --json --id %s", OSS, at, most)
            local score = definitions.decode(out).scores[1]
            local occurrences = check_explained(score)
            local row = rows_of((good("leadscore score engaged.lua%s --at %s", OSS, at)))[most]
            assert.equal(micro(tonumber(row[1])), micro(score.value))
            assert.equal(row[4], score.label)
            figure("%d events: %d occurrences, %d bytes of JSON, value %s, raw %s, label %s at %s", all[most],
                occurrences, #out, score.value, score.raw, score.label, at)
        end
    end)

    it("is previewed", function()
        local spread = definitions.decode((good("leadscore preview engaged.lua%s --at 2026-08-01 --json", OSS)))
        local score = spread.scores[1]
        local labelled, barred = 0, 0
        for _, each in ipairs(score.labels) do
            labelled = labelled + each.count
            figure("label %s: %d", each.label, each.count)
        end
        for _, bar in ipairs(score.histogram) do
            barred = barred + bar.count
        end
        assert.equal(10680, score.count)
        assert.equal(10680, labelled)
        assert.equal(10680, barred)
        figure("mean %s, min %s, max %s", score.mean, score.min, score.max)
        local text = good("leadscore preview engaged.lua%s --at 2026-08-01", OSS)
        assert.truthy(text:find("contributor", 1, true))
    end)
end

-- ---- xeducation-leads -----------------------------------------------------------------------------------------------

local LEADS = [[
return {
    name = "lead",
    groups = {
        { name = "Fit", limit = { min = -20, max = 60 }, rules = {
            { property = "What is your current occupation", points_by = { ["Working Professional"] = 25, Student = 5 },
              otherwise = 2 },
            { when = { Specialization = { known = true } }, points = 8 },
            { when = { Country = "India", City = { known = true } }, points = 4 },
            { when = { ["Do Not Email"] = true }, points = -15 },
        } },
        { name = "Interest", limit = 40, rules = {
            { property = "Total Time Spent on Website",
              bands = { { at_least = 1000, points = 30 }, { at_least = 300, points = 15 },
                        { at_least = 1, points = 5 } } },
            { when = { TotalVisits = { at_least = 5 }, ["Page Views Per Visit"] = { between = { 2, 6 } } },
              points = 10 },
            { property = "Lead Source", points_by = { Reference = 20, Google = 5, ["Direct Traffic"] = 3 } },
        } },
    },
    thresholds = { high = 60, medium = 30 },
}
]]

local LEAD_OPTIONS = " --at 2026-01-01 --quiet --column 'contacts.id=Prospect ID' --unknown Select"

-- What the occupation, specialisation and e-mail rules give one row, by hand.
local function lead_fit(row)
    local function known(name)
        return row[name] ~= "" and row[name] ~= "Select"
    end
    local work = row["What is your current occupation"]
    local points = work == "Working Professional" and 25 or work == "Student" and 5
        or known("What is your current occupation") and 2 or 0
    if known("Specialization") then points = points + 8 end
    if row.Country == "India" and known("City") then points = points + 4 end
    if row["Do Not Email"] == "Yes" then points = points - 15 end
    return math.max(-20, math.min(60, points))
end

local function lead_interest(row)
    local time, points = tonumber(row["Total Time Spent on Website"]), 0
    if time then points = time >= 1000 and 30 or time >= 300 and 15 or time >= 1 and 5 or 0 end
    local visits, pages = tonumber(row.TotalVisits), tonumber(row["Page Views Per Visit"])
    if visits and visits >= 5 and pages and pages >= 2 and pages <= 6 then points = points + 10 end
    local source = row["Lead Source"]:lower() -- google is there in two spellings
    points = points + (({ reference = 20, google = 5, ["direct traffic"] = 3 })[source] or 0)
    return math.min(40, points)
end

local function describe_leads()
    local text

    before_each(function()
        text = text or unpacked("xeducation-leads/Leads.csv.gz")
        file("lead.lua", LEADS)
    end)

    it("is scored as plain Lua does, with Select as unknown", function()
        local out = good("leadscore score lead.lua --contacts %s%s",
            shell.quote(DATA .. "/xeducation-leads/Leads.csv.gz"), LEAD_OPTIONS)
        local rows, count, header = rows_of(out)
        assert.equal("id,lead,lead_label", header)
        assert.equal(9240, count)
        local labels = {}
        for row in each_row(text, ",") do
            local value = lead_fit(row) + lead_interest(row)
            local label = value >= 60 and "High" or value >= 30 and "Medium" or "Low"
            local got = rows[row["Prospect ID"]]
            if tonumber(got[1]) ~= value or got[2] ~= label then error("a lead differs") end
            labels[label] = (labels[label] or 0) + 1
        end
        figure("High %d, Medium %d, Low %d", labels.High, labels.Medium, labels.Low)
    end)

    it("ends at a broken line, or goes on with --rejects", function()
        local before, after = "", text
        for _ = 1, 4000 do
            local stop = after:find("\n", 1, true)
            before, after = before .. after:sub(1, stop), after:sub(stop + 1)
        end
        file("leads.csv", before .. "this line,is,broken\n" .. after)
        local got = run("leadscore score lead.lua --contacts leads.csv --out scores.csv%s", LEAD_OPTIONS)
        assert.equal(1, got.code)
        assert.equal("", got.out)
        assert.equal("leads.csv:4001: expected 38 fields, got 3\n", got.err)
        assert.is_nil(shell.read(folder .. "/scores.csv"))
        good("leadscore score lead.lua --contacts leads.csv --out scores.csv --rejects bad.csv%s", LEAD_OPTIONS)
        local _, count = rows_of(shell.read(folder .. "/scores.csv"))
        assert.equal(9240, count)
        assert.equal('file,line,field,reason,row\nleads.csv,4001,,"expected 38 fields, got 3","this line,is,broken"\n',
            shell.read(folder .. "/bad.csv"))
    end)
end

-- ---- bank-marketing -------------------------------------------------------------------------------------------------

local CLIENTS = [[
return {
    name = "client", properties = { pdays = "number" },
    groups = { { name = "Fit", rules = {
        { property = "job", points_by = { student = 20, retired = 20, ["admin."] = 8, management = 6 } },
        { when = { poutcome = "success" }, points = 40 },
        { when = { pdays = { at_most = 10 } }, points = 12.5 },
        { when = { ["emp.var.rate"] = { less_than = 0 }, euribor3m = { at_most = 1.5 } }, points = 15 },
        { when = { default = { is_not = "no" } }, points = -10 },
        { property = "age", bands = { { at_least = 60, points = 10 }, { less_than = 25, points = 5 } } },
    } } },
}
]]

local JOBS = { student = 20, retired = 20, ["admin."] = 8, management = 6 }

local function client_value(row)
    local value = JOBS[row.job] or 0
    if row.poutcome == "success" then value = value + 40 end
    if row.pdays ~= "999" and tonumber(row.pdays) <= 10 then value = value + 12.5 end
    if tonumber(row["emp.var.rate"]) < 0 and tonumber(row.euribor3m) <= 1.5 then value = value + 15 end
    if row.default ~= "no" and row.default ~= "unknown" then value = value - 10 end
    local age = tonumber(row.age)
    return value + (age >= 60 and 10 or age < 25 and 5 or 0)
end

local function describe_clients()
    it("is read with semicolons from a pipe, numbered on the way", function()
        file("client.lua", CLIENTS)
        local out = good("zcat %s | awk '{ print (NR == 1 ? \"id\" : \"c\" (NR - 1)) \";\" $0 }' | "
            .. "leadscore score client.lua --contacts - --delimiter ';' --at 2026-01-01 "
            .. "--unknown 999 --unknown unknown",
            shell.quote(DATA .. "/bank-marketing/bank-additional-full.csv.gz"))
        local rows, count = rows_of(out)
        assert.equal(41188, count)
        local number, sum = 0, 0
        for row in each_row(unpacked("bank-marketing/bank-additional-full.csv.gz"), ";") do
            number = number + 1
            local value = client_value(row)
            if tonumber(rows["c" .. number][1]) ~= value then error("client " .. number .. " differs") end
            sum = sum + value
        end
        figure("mean %.4f", sum / number)
    end)
end

-- ---- online-retail-events -------------------------------------------------------------------------------------------

local BUYERS = [[
return {
    { name = "bought", groups = { { name = "Purchases", rules = { { event = "purchase", points = 1 } } } } },
    { name = "lines", groups = { { name = "Lines", rules = {
        { event = "purchase", property = "quantity", otherwise = 1,
          bands = { { at_least = 100, points = 10 }, { at_least = 10, points = 3 } } },
        { event = "return", points = -2 },
    } } } },
}
]]

local function describe_buyers()
    it("is scored by what was bought, without lines of nobody", function()
        local text = unpacked("online-retail-events/online_retail_events.csv.gz")
        local contacts, expected, nobody, seen = { "id" }, {}, 0, 0
        for row in each_row(text, ",") do
            local id, quantity = row.customer_id, tonumber(row.quantity)
            seen = seen + 1
            if id == "" then
                nobody = nobody + 1
            else
                if not expected[id] then contacts[#contacts + 1], expected[id] = id, { 0, 0 } end
                local own = expected[id]
                if row.event == "purchase" then
                    own[1] = own[1] + 1
                    own[2] = own[2] + (quantity >= 100 and 10 or quantity >= 10 and 3 or 1)
                elseif row.event == "return" then
                    own[2] = own[2] - 2
                end
            end
        end
        file("contacts.csv", table.concat(contacts, "\n") .. "\n")
        file("buyer.lua", BUYERS)
        local line = ("leadscore score buyer.lua --contacts contacts.csv --events %s --column events.at=ts "
            .. "--column events.contact_id=customer_id --at 2012-01-01"):format(
            shell.quote(DATA .. "/online-retail-events/online_retail_events.csv.gz"))
        local strict = run("%s", line)
        assert.equal(1, strict.code)
        figure("%s", (strict.err:gsub("\n", ""):gsub("^.*/", "")))
        local out, err = good("%s --rejects bad.csv", line)
        assert.equal(nobody, tonumber((err:match("([%d,]+) rejected rows"):gsub(",", ""))))
        local rows, count = rows_of(out)
        assert.equal(#contacts - 1, count)
        for id, own in pairs(expected) do
            local row = rows[id]
            if tonumber(row[1]) ~= own[1] or tonumber(row[2]) ~= own[2] then error("a customer differs") end
        end
        figure("%d lines, %d of nobody, %d customers", seen, nobody, count)
    end)
end

describe("real data", function()
    if not DATA or DATA == "" then
        pending("needs LEADSCORE_DATA, the folder that holds oss-engagement-dev and others")
        return
    end
    before_each(function()
        folder = shell.folder()
    end)
    after_each(function()
        shell.remove(folder)
    end)
    describe("of oss-engagement-dev", describe_oss)
    describe("of xeducation-leads", describe_leads)
    describe("of bank-marketing", describe_clients)
    describe("of online-retail-events", describe_buyers)
end)
