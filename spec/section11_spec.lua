-- The vectors of scoring.md's section 11 as a user meets them: little files in a folder, scored by the command, and
-- the rows it prints.

local shell = require("shell")

local AT = "2025-06-01"

local folder

before_each(function()
    folder = shell.folder()
end)

after_each(function()
    shell.remove(folder)
end)

-- Scores the files and returns what is printed. Without events there is no file of events.
local function score(definition, contacts, events)
    shell.write(folder .. "/score.lua", "return " .. definition)
    shell.write(folder .. "/contacts.csv", contacts)
    local line = "leadscore score score.lua --quiet --at " .. AT .. " --contacts contacts.csv"
    if events then
        shell.write(folder .. "/events.csv", events)
        line = line .. " --events events.csv"
    end
    local got = shell.run(folder, line)
    assert.equal("", got.err)
    assert.equal(0, got.code)
    return got.out
end

-- The same vector under several definitions: { name = rules as text } of one group each.
local function scores_of(rules, contacts, events)
    local list = {}
    for _, each in ipairs(rules) do
        list[#list + 1] = ('{ name = "%s", %s groups = { { name = "Group", rules = { %s } } } }'):format(
            each[1], each.more or "", each[2])
    end
    return score("{ " .. table.concat(list, ",\n") .. " }", contacts, events)
end

describe("section 11, through the command", function()
    it("1: limits of groups and of the whole", function()
        local got = score([[{
            name = "total", limit = { min = -100, max = 100 },
            groups = {
                { name = "Sales", limit = 60, rules = {
                    { event = "call", points = 15 }, { event = "meeting_booked", points = 10 },
                    { event = "meeting_held", points = 20 } } },
                { name = "Marketing", limit = 40, rules = {
                    { event = "cta_click", points = 6 }, { event = "open", points = 2 },
                    { event = "link_click", points = 5 } } },
            },
        }]], "id\nada\nbo\n", [[
contact_id,event,at
ada,meeting_booked,2025-05-01
ada,open,2025-05-02
ada,open,2025-05-03
ada,link_click,2025-05-04
ada,link_click,2025-05-05
ada,link_click,2025-05-06
bo,meeting_held,2025-05-01
bo,meeting_held,2025-05-02
bo,meeting_held,2025-05-03
bo,meeting_held,2025-05-04
bo,cta_click,2025-05-04
bo,cta_click,2025-05-04
bo,cta_click,2025-05-04
bo,cta_click,2025-05-04
bo,cta_click,2025-05-04
bo,cta_click,2025-05-04
bo,cta_click,2025-05-04
]])
        -- bo: 80 of sales are 60, 42 of marketing are 40.
        assert.equal("id,total\nada,29\nbo,100\n", got)
        local why = shell.run(folder, "leadscore explain score.lua --quiet --id ada --at " .. AT ..
            " --contacts contacts.csv --events events.csv").out
        assert.truthy(why:find("Sales: 10\n", 1, true))
        assert.truthy(why:find("Marketing: 19\n", 1, true))
    end)

    it("2: values of a set, together, individually and by a part", function()
        local set = 'properties = { region = "set" },'
        local got = scores_of({
            { "together", '{ when = { region = { "Northeast", "Midwest", "Southeast" } }, points = 15 }', more = set },
            { "single", '{ property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } }',
                more = set },
            { "part", '{ when = { region = { contains = "east" } }, points = 15 }', more = set },
        }, "id,region\none,Northeast\ntwo,Northeast;Midwest\neast,Northeast;Southeast\nwest,West\nnone,\n")
        assert.equal([[
id,together,single,part
one,15,15,15
two,15,25,15
east,15,23,15
west,0,0,0
none,0,0,0
]], got)
    end)

    it("3: forms, each by its name", function()
        local got = scores_of({
            { "contains", '{ event = "form", where = { form = { contains = { "Contact us" } } }, points = 5 }' },
            { "single", '{ event = "form", property = "form", points_by = { ["Contact us"] = 5, Newsletter = 2 } }' },
        }, "id\ntwo\nboth\n", [[
contact_id,event,at,form
two,form,2025-05-01,Contact us (footer)
two,form,2025-05-02,"Contact us, sales"
both,form,2025-05-01,Contact us
both,form,2025-05-02,Newsletter
]])
        assert.equal("id,contains,single\ntwo,10,0\nboth,5,7\n", got)
    end)

    it("4: decay, in steps, in a line and by half-life", function()
        local function decay(name, points, how)
            return { name, ('{ event = "e", points = %s, decay = { %s } }'):format(points, how) }
        end
        local got = scores_of({
            decay("steps", 10, 'percent = 50, every = "1 month"'),
            decay("line", 10, 'percent = 50, every = "1 month", curve = "linear"'),
            decay("all", 2, 'percent = 100, every = "3 months"'),
            decay("half", 10, 'half_life = "14 days"'),
        }, "id\na\nb\nc\nd\ne\nf\ng\n", [[
contact_id,event,at
a,e,2025-05-02T00:00:01Z
b,e,2025-05-02T00:00:00Z
c,e,2025-04-02T00:00:00Z
d,e,2025-05-03T00:00:00Z
e,e,2025-02-01T00:00:00Z
f,e,2025-05-18T00:00:00Z
g,e,2025-05-25T00:00:00Z
]])
        local rows = {}
        for id, steps, line, all, half in got:gmatch("(%w),([^,]*),([^,]*),([^,]*),([^,\n]*)\n") do
            rows[id] = { steps = steps, line = line, all = all, half = half }
        end
        assert.equal("id,steps,line,all,half", got:match("^[^\n]*"))
        assert.equal("10", rows.a.steps) -- 29 d 23:59:59
        assert.equal("5", rows.b.steps) -- 30 d
        assert.equal("0", rows.c.steps) -- 60 d
        assert.equal("5.166667", rows.d.line) -- 29 d
        assert.equal("0", rows.e.all) -- 120 d
        assert.equal("5", rows.f.half) -- 14 d
        assert.equal("7.071068", rows.g.half) -- 7 d
    end)

    it("5: thresholds, of one value and of two", function()
        local got = score([[{
            name = "one", thresholds = { high = 70, medium = 40 },
            groups = { { name = "Group", rules = {
                { property = "kind", points_by = { a = 70, b = 69.5, c = 39.99, d = -100 } } } } },
        }]], "id,kind\n1,a\n2,b\n3,c\n4,d\n")
        assert.equal("id,one,one_label\n1,70,High\n2,69.5,Medium\n3,39.99,Low\n4,-100,Low\n", got)
        got = score([[{
            name = "two", thresholds = { fit = { high = 30, medium = 15 }, engagement = { high = 40, medium = 20 } },
            groups = {
                { name = "Fit", rules = { { property = "kind", points_by = { a = 30, b = 15, c = 1 } } } },
                { name = "Engagement", rules = { { event = "e", points = 20 } } },
            },
        }]], "id,kind\n1,c\n2,b\n3,a\n", "contact_id,event,at\n1,e,2025-05-01\n1,e,2025-05-02\n2,e,2025-05-02\n")
        assert.equal("id,two,two_engagement,two_fit,two_label\n1,41,40,1,C1\n2,35,20,15,B2\n3,30,0,30,A3\n", got)
    end)

    it("6: what is not known is neither true nor false", function()
        local small = "{ employees = { less_than = 10 } }"
        local got = scores_of({
            { "small", "{ when = " .. small .. ", points = 1 }" },
            { "not_small", "{ when = { none = { " .. small .. " } }, points = 1 }" },
        }, "id,employees\n1,\n2,9\n3,10\n")
        assert.equal("id,small,not_small\n1,0,0\n2,1,0\n3,0,1\n", got)
    end)

    it("7: a limit clamps the finished sum, in whatever order", function()
        local definition = [[{ name = "s", groups = { { name = "Group", limit = 10,
            rules = { { event = "up", points = 8 }, { event = "down", points = -5 } } } } }]]
        local rows = { "1,up,2025-05-%02d\n", "1,up,2025-05-%02d\n", "1,down,2025-05-%02d\n" }
        for _, order in ipairs({ { 1, 2, 3 }, { 1, 3, 2 }, { 3, 1, 2 }, { 3, 2, 1 } }) do
            local events = "contact_id,event,at\n"
            for position, index in ipairs(order) do
                events = events .. rows[index]:format(position)
            end
            assert.equal("id,s\n1,10\n", score(definition, "id\n1\n", events))
        end
    end)

    it("8: a company's score from those of its contacts", function()
        local function rollup(name, how)
            return ('{ name = "%s", object = "company", groups = { { name = "Web", kind = "engagement", rules = { '
                .. '{ of = "score:web", %s } } } } }'):format(name, how)
        end
        shell.write(folder .. "/score.lua", [[return { { name = "web", scope = { staff = { is_not = true } },
            groups = { { name = "Web", rules = { { event = "view", points = 5 } } } } }, ]]
            .. table.concat({ rollup("total", 'rollup = "sum"'), rollup("mean", 'rollup = "avg"'),
                rollup("best", 'rollup = "sum", top = 1') }, ", ") .. " }")
        shell.write(folder .. "/companies.csv", "id\nacme\n")
        shell.write(folder .. "/contacts.csv", "id,company_id,staff\nada,acme,no\nbo,acme,no\ncy,acme,yes\n")
        shell.write(folder .. "/events.csv", "contact_id,event,at\n" .. ("ada,view,2025-05-01\n"):rep(2)
            .. ("bo,view,2025-05-01\n"):rep(5) .. "cy,view,2025-05-01\n")
        local got = shell.run(folder, "leadscore score score.lua --quiet --object company --at " .. AT
            .. " --companies companies.csv --contacts contacts.csv --events events.csv")
        assert.same({ code = 0, out = "id,total,mean,best\nacme,35,17.5,25\n", err = "" }, got)
    end)

    it("9: frequency", function()
        local got = scores_of({
            { "often", '{ event = "page_viewed", within = "30 days", times = { at_least = 3 }, points = 8 }' },
            { "never", '{ event = "page_viewed", times = { exactly = 0 }, points = 3 }' },
        }, "id\nfive\nold\nnone\n", [[
contact_id,event,at
five,page_viewed,2025-05-28
five,page_viewed,2025-05-28
five,page_viewed,2025-05-29
five,page_viewed,2025-05-30
five,page_viewed,2025-05-31
old,page_viewed,2025-05-02
old,page_viewed,2025-05-30
old,page_viewed,2025-05-31
]])
        -- old: the first is exactly 30 days old, and so no longer within 30 days.
        assert.equal("id,often,never\nfive,8,0\nold,0,0\nnone,0,3\n", got)
    end)
end)
