-- Scores as they are written: whatever ids and labels hold, each row says what the result says, and what needs quotes
-- has them.

local core = require("leadscore.core")
local leadscore = require("leadscore")

local AT = 1738400000 -- 2025-02-01T08:53:20Z

-- Ids of every length up to 40, with every character that may need quotes at several places.
local function make_ids()
    local ids = {}
    for length = 1, 40 do
        ids[#ids + 1] = ("x"):rep(length)
        for place = 2, length - 1 do
            for i, odd in ipairs({ ",", '"', "\n", "\r", " ", "-", "\\", "\127", "\1", "é", "\255", ";" }) do
                if (place + i) % 3 == 0 or length < 12 then
                    ids[#ids + 1] = ("y"):rep(place - 1) .. odd .. ("z"):rep(length - place)
                end
            end
        end
    end
    return ids
end

local IDS = make_ids()
local POINTS = { a = 0.1, b = -12.345678, c = 1000, d = 9999.99, e = 12345.5, f = 99.000001, g = -7, h = 123456 }
local KINDS = { "a", "b", "c", "d", "e", "f", "g", "h", "none", "out" }
local LONG = ("a label of many words, "):rep(20) .. "and its end"

local DEFINITIONS = {
    {
        name = "both", scope = { kind = { is_not = "out" } }, empty_until_scored = true,
        groups = {
            { name = "Fit", rules = { { property = "kind", points_by = POINTS } } },
            {
                name = "Web", decay = { percent = 10, every = "1 month" },
                rules = { { event = "visit", points = 1.25 } },
            },
        },
        thresholds = {
            fit = { { label = 'Hot, "very"', at_least = 100 }, { label = LONG, at_least = 0.5 },
                { label = " out\n" }, },
            engagement = { { label = "é", at_least = 1 }, { label = "2" } },
        },
    },
    { name = "plain", groups = { { name = "Fit", rules = { { property = "kind", points_by = POINTS } } } } },
}

local function quoted(text)
    if not text:find('[,"\n\r]') and not text:find("^ ") and not text:find(" $") then return text end
    return '"' .. text:gsub('"', '""') .. '"'
end

local function run(job)
    local done, err
    repeat
        done, err = job:step(0)
    until done ~= false
    assert(done, err and err.message)
    return job
end

local function make_result(ids, threads)
    local plan = assert(leadscore.define(DEFINITIONS)):_open()
    local contacts, events = { "id,kind" }, { "contact_id,event,at" }
    for i, id in ipairs(ids) do
        contacts[#contacts + 1] = ('"%s",%s'):format((id:gsub('"', '""')), KINDS[i % #KINDS + 1])
        if i % 3 == 0 then events[#events + 1] = ('"%s",visit,2025-01-20'):format((id:gsub('"', '""'))) end
    end
    local dataset = assert(core.dataset())
    run(assert(dataset:read({ input = "contacts", text = table.concat(contacts, "\n") .. "\n" }))):close()
    run(assert(dataset:read({ input = "events", text = table.concat(events, "\n") .. "\n" }))):close()
    run(assert(dataset:group())):close()
    return run(assert(dataset:score(plan, AT, threads or 1))):result()
end

local function written(result, options, budget)
    local parts = {}
    options.output = function(text) parts[#parts + 1] = text end
    local job = result:write(options)
    while job:step(budget or 0) == false do -- luacheck: ignore
    end
    return table.concat(parts)
end

local function expected_score(result, index, row, extra)
    local score, cells = result:get(index, row), {}
    local value, fit, engagement = result:exact(index, row)
    local both = index == 1
    cells[1] = value or ""
    if both then
        cells[2], cells[3] = engagement or "", fit or ""
        cells[4] = score.label and quoted(score.label) or ""
    end
    if extra then
        local at = result:next_change(index, row)
        cells[#cells + 1] = score.in_scope and tostring(score.scored) or ""
        cells[#cells + 1] = at and core.print_time(at) or ""
    end
    return table.concat(cells, ",")
end

local function expected_csv(result, ids, extra)
    local lines = { extra
        and "id,both,both_engagement,both_fit,both_label,both_scored,both_next_change_at,plain,plain_scored,"
            .. "plain_next_change_at"
        or "id,both,both_engagement,both_fit,both_label,plain" }
    for row, id in ipairs(ids) do
        lines[row + 1] = quoted(id) .. "," .. expected_score(result, 1, row, extra) .. ","
            .. expected_score(result, 2, row, extra)
    end
    return table.concat(lines, "\n") .. "\n"
end

describe("writing scores", function()
    local result = make_result(IDS)

    it("says in CSV what the result says, with quotes where they are needed", function()
        assert.is_true(#IDS > 2000)
        assert.is_true(expected_csv(result, IDS) == written(result, {}))
    end)

    it("says the same with more columns", function()
        assert.is_true(expected_csv(result, IDS, true) == written(result, { extra = true }))
    end)

    it("says the same in steps of any size", function()
        local whole = written(result, { extra = true })
        for _, budget in ipairs({ 1, 7, 1000 }) do
            assert.is_true(whole == written(result, { extra = true }, budget))
        end
    end)

    it("says the same in NDJSON", function()
        local row = 0
        for line in written(result, { format = "ndjson", extra = true }):gmatch("([^\n]*)\n") do
            row = row + 1
            local said = assert(core.json_decode(line))
            local score, null = result:get(1, row), core.null
            assert.equal((IDS[row]:gsub("\255", "\239\191\189")), said.id)
            assert.equal(score.value or null, said.both)
            assert.equal(score.engagement or null, said.both_engagement)
            assert.equal(score.fit or null, said.both_fit)
            assert.equal(score.label or null, said.both_label)
            assert.equal(result:get(2, row).value, said.plain)
            if score.in_scope then assert.equal(score.scored, said.both_scored) end
            if not score.in_scope then assert.equal(null, said.both_scored) end
            local at = result:next_change(1, row)
            assert.equal(at and core.print_time(at) or null, said.both_next_change_at)
        end
        assert.equal(#IDS, row)
    end)

    it("gives long texts whole, however many there are", function()
        local ids = {}
        for i = 1, 60 do
            ids[i] = ("%d,"):format(i) .. ("id"):rep(i * 40)
        end
        local long = make_result(ids)
        assert.is_true(expected_csv(long, ids) == written(long, {}))
    end)

    -- So many that threads share them, some of them longer than what a thread makes at once.
    it("says the same on any number of threads, in steps of any size", function()
        local ids = {}
        for copy = 1, 12 do
            for i, id in ipairs(IDS) do
                ids[#ids + 1] = copy .. id
                if i % 997 == 0 then ids[#ids + 1] = copy .. ("long\1 and \"odd\"\n"):rep(9000) .. i end
            end
        end
        assert.is_true(#ids > 24000)
        local alone = make_result(ids)
        local csv, ndjson = written(alone, {}), written(alone, { format = "ndjson" })
        assert.is_true(expected_csv(alone, ids) == csv)
        for _, threads in ipairs({ 2, 5 }) do
            local shared = make_result(ids, threads)
            for _, budget in ipairs({ 0, 9000, 8193, 100 }) do
                assert.is_true(csv == written(shared, {}, budget))
                assert.is_true(ndjson == written(shared, { format = "ndjson" }, budget))
            end
        end
    end)
end)
