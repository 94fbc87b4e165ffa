-- Companies and deals of real data, as a user would call the command: LEADSCORE_DATA names the folder. Skipped where it
-- is not there. Only counts and sums are here; nothing of the data is.

local definitions = require("leadscore.definition")
local leadscore = require("leadscore")
local shell = require("shell")

local DATA = os.getenv("LEADSCORE_DATA")

local function has(name)
    local file = DATA and io.open(DATA .. "/" .. name, "rb")
    if file then file:close() end
    return file ~= nil
end

local function lines_of(path)
    local pipe = assert(io.popen("gzip -dc " .. shell.quote(DATA .. "/" .. path)))
    local next_line = pipe:lines()
    next_line() -- the header
    return next_line
end

local MAVEN = "--companies $D/accounts.csv --deals $D/sales_pipeline.csv.gz --column companies.id=account " ..
    "--column companies.parent_id=subsidiary_of --column deals.id=opportunity_id --column deals.company_id=account " ..
    "--column deals.stage=deal_stage --column deals.amount=close_value --column deals.owner=sales_agent " ..
    "--at 2018-01-01"

describe("maven-crm", function()
    local folder, run
    if not has("maven-crm/accounts.csv") then
        pending("no LEADSCORE_DATA")
        return
    end
    before_each(function()
        folder = shell.folder()
        run = function(line)
            local got = shell.run(folder, ("D=%s/maven-crm\n%s %s"):format(DATA, line, MAVEN))
            assert.equal(0, got.code, got.err)
            return got
        end
        shell.run(folder, ("tail -n +2 %s/maven-crm/accounts.csv | cut -d, -f1 > all.csv"):format(DATA))
    end)
    after_each(function() shell.remove(folder) end)

    it("has won, lost and open deals of every account, and parent accounts", function()
        local got = run("leadscore accounts --targets all.csv --format csv")
        local sums, parents = { 0, 0, 0 }, 0
        for line in got.out:gmatch("\n([^\n]+)") do
            local open, won, lost = line:match("^[^,]*,[^,]*,%d+,(%d+),[^,]*,[^,]*,(%d+),(%d+),")
            for i, count in ipairs({ open, won, lost }) do
                sums[i] = sums[i] + tonumber(count)
            end
            parents = parents + (line:match(",%d+,[^,]*,[^,]*,([^,]*),[^,]*,[^,]*,[^,]*$") ~= "" and 1 or 0)
        end
        -- 2,089 deals are open; 1,425 of them name no account.
        assert.same({ 664, 4238, 2473 }, sums)
        assert.equal(15, parents)
        assert.truthy(got.err:find("664 open deals without an amount", 1, true), got.err)
    end)

    it("has a table for each view", function()
        local counts = {}
        for _, view in ipairs(require("leadscore.accounts").VIEWS) do
            local got = run("leadscore accounts --targets all.csv --quiet --format csv --view " .. view)
            counts[view] = select(2, got.out:gsub("\n", "\n")) - 1
        end
        assert.same({ all = 85, ["no-open-tasks"] = 85, ["no-calls"] = 85, ["no-meetings"] = 85, ["no-open-deals"] = 0,
            ["no-decision-maker"] = 85, blocker = 0 }, counts)
    end)

    it("has typos that match nothing: the sector is spelt technolgy", function()
        for name, expected in pairs({ technology = 0, technolgy = 12 }) do
            shell.write(folder .. "/sector.lua", ([[return { name = "sector", object = "company", groups = { {
                name = "Sector", rules = { { when = { sector = %q }, points = 5 } } } } }]]):format(name))
            local got = run("leadscore score sector.lua --quiet")
            assert.equal(expected, select(2, got.out:gsub(",5\n", "")))
        end
    end)

    it("adds the won amounts of an account exactly", function()
        shell.write(folder .. "/won.lua", [[return { name = "won", object = "company", groups = { { name = "Deals",
            kind = "fit", rules = { { rollup = "sum", of = "amount", over = { relation = "deals",
            where = { stage = "Won" } } } } } } }]])
        local got, sum = run("leadscore score won.lua --quiet"), 0
        for value in got.out:gmatch(",(%d+)\n") do
            sum = sum + tonumber(value)
        end
        local expected = 0
        for line in lines_of("maven-crm/sales_pipeline.csv.gz") do
            expected = expected + (line:match(",Won,[^,]*,[^,]*,(%d+)") or 0)
        end
        assert.equal(expected, sum)
    end)
end)

describe("oss-engagement-dev", function()
    if not has("oss-engagement-dev/contacts.csv.gz") then
        pending("no LEADSCORE_DATA")
        return
    end

    -- Contacts without company_id, but an address at that domain; and who is whose.
    local function read()
        local contacts, companies, truth, free = {}, {}, {}, 0
        for line in lines_of("oss-engagement-dev/companies.csv.gz") do
            companies[#companies + 1] = { id = line, domain = line }
        end
        for line in lines_of("oss-engagement-dev/contacts.csv.gz") do
            local id, company, kind = line:match("^([^,]*),([^,]*),([^,]*)")
            contacts[#contacts + 1] = { id = id, email = id .. "@" .. company }
            truth[id], free = company, free + (kind == "free" and 1 or 0)
        end
        return contacts, companies, truth, free
    end

    it("gives the same accounts back when they are matched by domain", function()
        local contacts, companies, truth, free = read()
        local function differences(free_mail)
            local data = assert(leadscore.dataset({
                contacts = contacts, companies = companies, match = { email = "email", free_mail = free_mail },
            }))
            local other, none = 0, 0
            for match in data:matches() do
                none = none + (match.company_id and 0 or 1)
                other = other + (match.company_id and match.company_id ~= truth[match.contact_id] and 1 or 0)
            end
            local matched = data:matched()
            data:close()
            return other, none, matched
        end
        local other, none = differences({})
        assert.same({ 0, 0 }, { other, none })
        local matched
        other, none, matched = differences(nil)
        assert.equal(0, other)
        assert.equal(none, matched.free_mail)
        -- Those whose mail is told to be free are nearly all of them.
        assert.is_true(math.abs(none - free) < 0.2 * free, ("%d unmatched, %d free"):format(none, free))
    end)

    local DEFINITIONS = [[
local function account(name, rollup, top)
    return { name = name, object = "company", groups = { { name = "People", kind = "engagement", rules = {
        { rollup = rollup, of = "score:person", top = top } } } } }
end
return {
    { name = "person", groups = { { name = "Work", limit = 500, rules = {
        { event = "authored", points = 3, within = "2 years" }, { event = "reviewed", points = 1, within = "1 year" },
        { event = "committed", points = 0.25, decay = { percent = 25, every = "6 months" } } } } } },
    account("by_sum", "sum"), account("by_average", "avg"), account("by_top", "sum", 3),
}
]]

    -- Millionths of what plain Lua makes of the members' scores, by account: sum, average, sum of the three best.
    local function roll_up(members)
        local sum, best = 0, 0
        table.sort(members, function(a, b) return a > b end)
        for i, value in ipairs(members) do
            sum, best = sum + value, best + (i <= 3 and value or 0)
        end
        local average = math.floor(sum / #members)
        local rest = sum - average * #members
        return { sum, average + (2 * rest >= #members and 1 or 0), best }
    end

    local function micro(text)
        return math.floor(tonumber(text) * 1000000 + 0.5)
    end

    it("has account scores by sum, average and the best three, explained down to an event", function()
        local folder = shell.folder()
        shell.write(folder .. "/score.lua", DEFINITIONS)
        local inputs = ("D=%s/oss-engagement-dev; I=\"--contacts $D/contacts.csv.gz --companies $D/companies.csv.gz"
            .. " --events $D/events.csv.gz --at 2020-01-01\"; "):format(DATA)
        local run = shell.run(folder, inputs .. "leadscore score score.lua $I --quiet --out scores/")
        assert.same({ 0, "" }, { run.code, run.err })
        local company_of, members, count = {}, {}, 0
        for line in lines_of("oss-engagement-dev/contacts.csv.gz") do
            local id, company = line:match("^([^,]*),([^,]*)")
            company_of[id] = company
        end
        for id, value in shell.read(folder .. "/scores/contacts.csv"):gmatch("\n([^,\n]+),([^,\n]+)") do
            local company = company_of[id]
            members[company] = members[company] or {}
            table.insert(members[company], micro(value))
        end
        local best
        for id, sum, average, top in shell.read(folder .. "/scores/companies.csv"):gmatch(
            "\n([^,\n]+),([^,\n]+),([^,\n]+),([^,\n]+)") do
            assert.same(members[id] and roll_up(members[id]) or { 0, 0, 0 }, { micro(sum), micro(average), micro(top) })
            if not best or micro(sum) > best.sum then best = { id = id, sum = micro(sum) } end
            count = count + 1
        end
        assert.equal(3391, count)

        run = shell.run(folder, inputs .. "leadscore explain score.lua $I --json --object company --id " .. best.id)
        assert.equal(0, run.code, run.err)
        local score = definitions.decode(run.out).scores[1]
        assert.equal("by_sum", score.name)
        local rule, sum, person, events = score.categories[1].groups[1].rules[1], 0, nil, 0
        for _, member in ipairs(rule.members) do
            sum = sum + micro(member.value)
            person = person or member.explanation
        end
        assert.equal(best.sum, sum)
        for _, each in ipairs(person.categories[1].groups[1].rules) do
            local worth = 0
            for _, occurrence in ipairs(each.occurrences) do
                assert.truthy(occurrence.event and occurrence.at)
                worth, events = worth + micro(occurrence.value), events + 1
            end
            assert.equal(micro(each.raw), worth)
        end
        assert.is_true(events > 0)
        shell.remove(folder)
    end)
end)
