-- From end to end: clients send events, changes and forgets over many connections while workers are killed; then the
-- batch over the log must say of every contact what the gateway says. LEADSCORE_GATEWAY_EVENTS: how many (50,000 is
-- the full size).

local core = require("leadscore.core")
local host = require("gateway_host")
local shell = require("shell")

local missing = host.missing()

if missing then
    describe("a gateway under load", function()
        pending("is not tried: " .. missing, function() end)
    end)
    return
end

local EVENTS = tonumber(os.getenv("LEADSCORE_GATEWAY_EVENTS")) or 10000
local CONTACTS = math.max(50, math.floor(EVENTS / 60))
local NOW = os.time()
-- The kernel spreads connections over the workers by chance: of so many each worker gets some.
local CLIENTS = 24
local LARGEST = 9 -- events in one request

local DEFINITIONS = [[
return {
    {
        name = "interest",
        properties = { ["event.seconds"] = "number", employees = "number", since = "datetime" },
        limit = { min = -50, max = 200 },
        groups = {
            { name = "Site", limit = 120, decay = { percent = 50, every = "1 month" }, rules = {
                { event = "page_viewed", points = 0.25 },
                { event = "page_viewed", where = { url = { contains = "/pricing" } }, points = 2.5, once_per = "day" },
                { event = "form_submitted", property = "form", points_by = { Contact = 10.125, News = 2 } },
                { event = "page_viewed", where = { seconds = { at_least = 30 } }, within = "30 days",
                  times = { at_least = 3 }, points = 7 } } },
            { name = "Company", limit = 40, rules = {
                { when = { country = { "SE", "DK" } }, points = 15 },
                { property = "employees", bands = { { at_least = 500, points = 25 }, { at_least = 50, points = 10 } } },
                { when = { since = { in_last = "30 days" } }, points = 3 } } },
        },
        thresholds = { fit = { high = 30, medium = 15 }, engagement = { high = 30, medium = 10 } },
    },
    {
        name = "loyalty",
        groups = { { name = "All", rules = {
            { event = "page_viewed", points = 1, decay = { percent = 10, every = "1 day" } },
            { event = "unsubscribed", points = -40 } } } },
        thresholds = { { label = "Loyal", at_least = 10 }, { label = "Not" } },
    },
}]]

-- The same numbers on every machine.
local seed = 42
local function random(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
end

local function pick(list)
    return list[random(#list)]
end

local NAMES = { "page_viewed", "page_viewed", "page_viewed", "page_viewed", "form_submitted", "unsubscribed" }
local URLS = { "/", "/pricing", "/pricing/enterprise", "/blog/Ä", "/a?b=\\\"c\\\"" }

local function contact()
    return "lead-" .. random(CONTACTS)
end

-- An event with a number of its own, by which it is found in the log. Some come late, some twice.
local function event_text(number)
    local parts = { ('{"contact_id":"%s","event":"%s","number":%d'):format(contact(), pick(NAMES), number) }
    if random(3) > 1 then parts[#parts + 1] = ',"url":"' .. pick(URLS) .. '"' end
    if random(3) == 1 then parts[#parts + 1] = ',"form":"' .. pick({ "Contact", "News", "Other" }) .. '"' end
    if random(3) == 1 then parts[#parts + 1] = (',"seconds":%s'):format(pick({ "5", "30", "31.5", "1e2", '"40"' })) end
    local at = NOW - random(90 * 86400)
    if random(3) == 1 then
        parts[#parts + 1] = (',"at":%d'):format(at)
    elseif random(2) == 1 then
        parts[#parts + 1] = (',"at":"%s"'):format(core.print_time(at))
    end
    if random(4) == 1 then parts[#parts + 1] = (',"id":"%d"'):format(random(EVENTS)) end
    return table.concat(parts) .. "}"
end

local function change_text()
    return ('{"country":%s,"employees":%s,"since":"%s"}'):format(pick({ '"SE"', '"DE"', "null", '""' }),
        pick({ "20", "80", "500", '"700"', "null" }), core.print_time(NOW - random(60 * 86400)))
end

describe("a gateway under load", function()
    local gateway, client, acknowledged, requests

    setup(function()
        local folder = shell.folder()
        shell.write(folder .. "/scores.lua", DEFINITIONS)
        gateway = host.start({ DEFINITIONS = folder .. "/scores.lua", DICT_SIZE = "256m", SETTLE = 1 })
        client = gateway:client()
        acknowledged, requests = {}, 0
    end)

    teardown(function()
        client:close()
        gateway:remove()
        shell.remove((gateway.environment.DEFINITIONS:gsub("/[^/]*$", "")))
    end)

    local function next_request(state)
        return function()
            if state.events >= EVENTS then return nil end
            requests = requests + 1
            if not state.killed and state.events >= EVENTS / 2 then
                state.killed = true
                gateway:signal("KILL", gateway:workers()[1])
            end
            local dice = random(100)
            if dice <= 8 then
                return { text = host.request_text("PUT", "/contacts/" .. contact(), change_text()) }
            elseif dice <= 9 then
                return { text = host.request_text("DELETE", "/contacts/" .. contact()) }
            elseif dice <= 20 then
                return { text = host.request_text("GET", "/contacts/" .. contact() .. "/score") }
            end
            local count = dice <= 30 and random(LARGEST) or 1
            local numbers, texts = {}, {}
            for i = 1, count do
                state.events = state.events + 1
                numbers[i], texts[i] = state.events, event_text(state.events)
            end
            local body = count > 1 and "[" .. table.concat(texts, ",") .. "]" or texts[1]
            return { text = host.request_text("POST", "/events", body), numbers = numbers }
        end
    end

    it("takes what many clients send while a worker is killed", function()
        local state, broken, other = { events = 0 }, 0, {}
        host.drive(gateway.port, CLIENTS, next_request(state), function(request, answer)
            if not answer then
                broken = broken + 1
            elseif request.numbers and answer.status == 202 then
                for _, number in ipairs(request.numbers) do
                    acknowledged[number] = true
                end
            elseif answer.status >= 400 and answer.status ~= 404 then
                other[#other + 1] = answer.status .. ": " .. answer.body
            end
        end)
        assert.same({}, other)
        assert.is_true(state.killed)
        assert.is_true(broken <= CLIENTS)
        local count = 0
        for _ in pairs(acknowledged) do
            count = count + 1
        end
        assert.is_true(count >= EVENTS - CLIENTS * LARGEST)
    end)

    it("has every acknowledged event in the log", function()
        local logged, lost = {}, {}
        for _, line in ipairs(gateway:lines()) do
            local number = line:match('"number":(%d+)')
            if number then logged[tonumber(number)] = true end
        end
        for number in pairs(acknowledged) do
            if not logged[number] then lost[#lost + 1] = number end
        end
        assert.same({}, lost)
    end)

    -- The batch's rows by id, at an instant.
    local function batch(at)
        local run = shell.run(gateway.folder, ("leadscore score %s --log %s --at %d --format ndjson --extra"):format(
            shell.quote(gateway.environment.DEFINITIONS), shell.quote(gateway.log), at))
        assert.equal(0, run.code, run.err)
        local rows, count = {}, 0
        for line in run.out:gmatch("[^\n]+") do
            local row = core.json_decode(line, 8, 1000)
            rows[row.id], count = row, count + 1
        end
        return rows, count
    end

    local function same_or_none(expected, got, what)
        if expected == "" or expected == core.null then expected = nil end
        if got == core.null then got = nil end
        assert.equal(expected, got, what)
    end

    local function compare(at)
        local rows, count = batch(at)
        assert.is_true(count > CONTACTS / 2)
        local compared = 0
        for i = 1, CONTACTS do
            local id = "lead-" .. i
            local row = rows[id]
            local answer = client:get(("/contacts/%s/score?at=%d"):format(id, at))
            assert.equal(row and 200 or 404, answer.status, id .. ": " .. answer.body)
            for name, score in pairs(row and answer.json.scores or {}) do
                local what = id .. " " .. name .. " at " .. at
                same_or_none(row[name], score.value, what)
                same_or_none(row[name .. "_label"], score.label, what)
                if name == "interest" then
                    same_or_none(row[name .. "_fit"], score.fit, what)
                    same_or_none(row[name .. "_engagement"], score.engagement, what)
                end
                same_or_none(row[name .. "_scored"], score.scored, what)
                same_or_none(row[name .. "_next_change_at"], score.next_change_at, what)
                compared = compared + 1
            end
        end
        return compared
    end

    it("scores every contact as the batch over the log does", function()
        local compared = 0
        for _, at in ipairs({ os.time() + 1, NOW - 30 * 86400, NOW + 45 * 86400 }) do
            compared = compared + compare(at)
        end
        assert.is_true(compared > CONTACTS * 4)
        assert.truthy(gateway:comes_to("leadscore_snapshots_total", nil, function(n) return n > 0 end))
    end)

    it("was served by several workers", function()
        local served = {}
        for worker, count in client:get("/metrics").body:gmatch('leadscore_events_total{worker="(%d+)"} (%d+)') do
            if tonumber(count) > 0 then served[#served + 1] = worker end
        end
        assert.is_true(#served >= 2)
    end)

    it("says the same when it was started again", function()
        gateway:stop("QUIT")
        gateway:start()
        assert.is_true(compare(os.time() + 1) > CONTACTS)
    end)
end)
