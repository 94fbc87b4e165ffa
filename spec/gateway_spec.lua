-- The gateway example, by real nginx workers: what is asked over HTTP, what is refused and how, and what is still there
-- after workers were killed, reloaded, restarted.

local host = require("gateway_host")
local shell = require("shell")

local missing = host.missing()
local DEFINITION = [[
return {
    name = "interest",
    properties = { ["event.seconds"] = "number" },
    groups = {
        { name = "Site", rules = {
            { event = "page_viewed", points = 1 },
            { event = "page_viewed", where = { url = { contains = "/pricing" } }, points = %d },
            { event = "page_viewed", where = { seconds = { at_least = 30 } }, points = 2 },
            { event = "left", points = -2.25 } } },
        { name = "Company", rules = { { when = { country = { "SE" } }, points = 15 } } },
    },
    thresholds = { { label = "Hot", at_least = 30 }, { label = "Warm", at_least = 10 }, { label = "Cold" } },
}]]

if missing then
    describe("a gateway", function()
        pending("is not tried: " .. missing, function() end)
    end)
    return
end

local gateway, client, definitions

local function begin(settings)
    definitions = shell.folder()
    shell.write(definitions .. "/interest.lua", DEFINITION:format(10))
    settings = settings or {}
    settings.DEFINITIONS = settings.DEFINITIONS or definitions .. "/interest.lua"
    gateway = host.start(settings)
    client = gateway:client()
end

local function finish()
    if client then client:close() end
    if gateway then gateway:remove() end
    if definitions then shell.remove(definitions) end
    gateway, client, definitions = nil, nil, nil
end

local function score(id, at)
    local answer = assert(client:get("/contacts/" .. id .. "/score" .. (at and "?at=" .. at or "")))
    assert.equal(200, answer.status, answer.body)
    return answer.json.scores.interest
end

local function refused(answer, status, message, path)
    assert.equal(status, answer.status, answer.body)
    assert.equal("application/json", answer.headers["content-type"])
    assert.matches(message, answer.json.error.message, 1, true)
    assert.equal(path, answer.json.error.path)
end

local function event(id, more)
    return ('{"contact_id":"%s","event":"page_viewed"%s}'):format(id, more or "")
end

describe("a gateway", function()
    setup(begin)
    teardown(finish)

    it("takes an event, and scores its contact", function()
        local answer = client:post("/events", event(42, ',"url":"/pricing","at":"2026-01-01T00:00:00Z"'))
        assert.equal(202, answer.status)
        assert.same({ accepted = 1 }, answer.json)
        answer = client:get("/contacts/42/score?at=2026-01-02")
        assert.equal(200, answer.status)
        assert.same({ id = "42", at = "2026-01-02T00:00:00Z", scores = { interest = {
            value = 11, label = "Warm", fit = 0, engagement = 11, scored = true, in_scope = true,
            next_change_at = require("leadscore").null } } }, answer.json)
        assert.equal(0, score(42, "2025-12-31").value)
        assert.equal(11, score(42).value)
    end)

    it("takes many events at once, and tells what they are worth", function()
        local answer = client:post("/events?scores=1", "[" .. event("many") .. "," .. event("many") .. ","
            .. event("other", ',"url":"/pricing"') .. "]")
        assert.equal(202, answer.status)
        assert.equal(3, answer.json.accepted)
        assert.equal(2, answer.json.contacts[1].scores.interest.value)
        assert.equal(11, answer.json.contacts[2].scores.interest.value)
        assert.same({ accepted = 0 }, client:post("/events", " [ ] ").json)
    end)

    it("counts an event with an id once", function()
        for _ = 1, 3 do
            assert.same({ accepted = 1 }, client:post("/events", event("twice", ',"id":"e1"')).json)
        end
        assert.same({ accepted = 2 },
            client:post("/events", "[" .. event("twice", ',"id":"e1"') .. "," .. event("twice", ',"id":7') .. "]").json)
        assert.equal(2, score("twice").value)
    end)

    it("reads times as files have them", function()
        local answer = client:post("/events", "[" .. event("ms", ',"at":1767225600000') .. ","
            .. event("ms", ',"at":1767225600999.5') .. "," .. event("ms", ',"at":"2026-01-01T02:00:00+02:00"') .. "]")
        assert.equal(202, answer.status, answer.body)
        assert.equal(0, score("ms", "1767225599").value)
        assert.equal(3, score("ms", "1767225600000").value)
        refused(client:post("/events", event("ms", ',"at":1e15')), 422, "in the years 1 to 9999", "at")
        -- In an address a + may be itself or a blank.
        for _, at in ipairs({ "T01:00:00%2B01:00", "T01:00:00+01:00", "+00:00:00", "%2000:00" }) do
            answer = client:get("/contacts/ms/score?at=2026-01-01" .. at)
            assert.equal("2026-01-01T00:00:00Z", answer.json.at, answer.body)
        end
    end)

    it("merges properties, and takes them away", function()
        assert.equal(200, client:put("/contacts/set", '{"country":"SE","name":"Ann"}').status)
        assert.equal(15, score("set").value)
        assert.equal(15, score("set").fit)
        client:put("/contacts/set", '{"name":"Bo"}')
        assert.equal(15, score("set").value)
        client:put("/contacts/set", '{"country":null}')
        assert.equal(0, score("set").value)
        refused(client:put("/contacts/set", '{"id":"other"}'), 422, "expected the contact's id set", "id")
        assert.equal(200, client:put("/contacts/set", '{"id":"set","country":"SE"}').status)
        assert.equal(15, score("set").value)
    end)

    it("forgets a contact", function()
        client:post("/events", event("gone"))
        assert.equal(204, client:delete("/contacts/gone").status)
        refused(client:get("/contacts/gone/score"), 404, "not known", "contact_id")
        refused(client:get("/contacts/gone/explain"), 404, "not known", "contact_id")
        refused(client:delete("/contacts/gone"), 404, "not known", "contact_id")
        client:post("/events", event("gone"))
        assert.equal(1, score("gone").value)
    end)

    it("takes any text as an id", function()
        for id, path in pairs({ ["a/b"] = "a%2Fb", ["a b"] = "a%20b", ["ä+"] = "%C3%A4+", ['"\\\\'] = "%22%5c",
            ["../a"] = "..%2Fa", [".."] = ".." }) do
            local body = event(id:gsub('"', '\\"'), ',"seconds":30')
            assert.equal(202, client:post("/events", body).status)
            assert.equal(3, score(path).value)
        end
        client:post("/events", '{"contact_id":77,"event":"page_viewed"}')
        client:post("/events", event(" 77 "))
        assert.equal(2, score(77).value)
    end)

    it("explains a score", function()
        client:post("/events", event("why", ',"url":"/pricing","at":1767225600'))
        local answer = client:get("/contacts/why/explain?at=1767225601")
        assert.equal(200, answer.status)
        assert.equal("why", answer.json.id)
        assert.equal("2026-01-01T00:00:01Z", answer.json.at)
        assert.equal(11, answer.json.scores[1].value)
        assert.equal("Site", answer.json.scores[1].categories[2].groups[1].name)
        refused(client:get("/contacts/why/explain?at=never"), 422, 'cannot read "never" as a time', "at")
        refused(client:get("/contacts/why/score?at=never"), 422, 'cannot read "never" as a time', "at")
    end)

    it("counts page views by a beacon", function()
        local answer = client:get("/beacon?contact_id=bea&url=%2Fpricing")
        assert.equal(204, answer.status)
        assert.equal(11, score("bea").value)
        answer = client:request("GET", "/beacon?event=left", nil, { Cookie = "lead_id=bea" })
        assert.equal(204, answer.status)
        assert.equal(8.75, score("bea").value)
        refused(client:get("/beacon"), 422, "expected an id", "contact_id")
        refused(client:get("/beacon?contact_id=bea&url=%FF"), 422, "expected a text in UTF-8", "url")
        refused(client:get("/beacon?contact_id=%C3%28"), 422, "expected an id in UTF-8", "contact_id")
        assert.equal(8.75, score("bea").value)
    end)

    it("tells the site behind it, and routes by the label", function()
        client:post("/events", event("cold"))
        client:post("/events", "[" .. (event("hot", ',"url":"/pricing"') .. ","):rep(3):sub(1, -2) .. "]")
        local function site(id, headers)
            headers = headers or {}
            headers.Cookie = "lead_id=" .. id
            local answer = client:request("GET", "/page", nil, headers)
            assert.equal(200, answer.status)
            return answer.body
        end
        assert.equal("site: everybody\nX-Lead-Score: 1\nX-Lead-Label: Cold\n", site("cold"))
        assert.equal("site: sales\nX-Lead-Score: 33\nX-Lead-Label: Hot\n", site("hot"))
        -- The page was viewed; what a client says of itself is not believed.
        assert.equal("site: everybody\nX-Lead-Score: 2\nX-Lead-Label: Cold\n",
            site("cold", { ["X-Lead-Label"] = "Hot", ["X-Lead-Score"] = "99" }))
        assert.equal("site: everybody\nX-Lead-Score: -\nX-Lead-Label: -\n",
            site("stranger", { ["X-Lead-Label"] = "Hot" }))
        assert.truthy(gateway:comes_to("leadscore_headers_skipped_total", 'why="unknown"', 1))
    end)

    it("takes one contact for the same in a cookie, an address and an event", function()
        client:post("/events", event("é /+", ',"url":"/pricing"'))
        client:request("GET", "/beacon", nil, { Cookie = "lead_id=%C3%A9%20%2F+" })
        client:get("/beacon?contact_id=%C3%A9+/%2B")
        local answer = client:request("GET", "/page", nil, { Cookie = "lead_id=%C3%A9%20%2F+" })
        assert.equal("site: everybody\nX-Lead-Score: 13\nX-Lead-Label: Warm\n", answer.body)
        answer = client:get("/page?contact_id=%C3%A9%20/%2B")
        assert.equal("site: everybody\nX-Lead-Score: 14\nX-Lead-Label: Warm\n", answer.body)
        -- A view is counted after its answer.
        assert.truthy(host.wait_for(function() return score("%C3%A9%20%2F+").value == 15 end, 4))
    end)

    it("says what is wrong with a body", function()
        local function bad(body, status, message, path)
            refused(client:post("/events", body), status, message, path)
        end
        local before = #gateway:lines()
        bad("", 400, "expected a body of JSON")
        bad("{", 400, "cannot read the body as JSON")
        bad('{"contact_id":"1","event":"x"} x', 400, "cannot read the body as JSON")
        bad('{"contact_id":"\255","event":"x"}', 400, "not UTF-8")
        bad(("["):rep(1000), 400, "cannot read the body as JSON")
        bad("7", 422, "expected an event (an object) or an array of them")
        bad("{}", 422, "expected an id", "contact_id")
        bad('{"contact_id":"1"}', 422, "expected the event's name", "event")
        bad('{"contact_id":[],"event":"x"}', 422, "expected an id", "contact_id")
        bad('{"contact_id":" ","event":"x"}', 422, "expected an id", "contact_id")
        bad('{"contact_id":"' .. ("x"):rep(600) .. '","event":"x"}', 422, "at most 512 bytes", "contact_id")
        bad('{"contact_id":"1","event":7}', 422, "expected the event's name", "event")
        bad("[" .. event(1) .. "," .. event(1) .. "," .. event(1, ',"at":"soon"') .. "]", 422,
            'cannot read "soon" as a time', "[3].at")
        bad("[" .. event(1) .. ",7]", 422, "expected an event (an object), got number", "[2]")
        bad("[null]", 422, "expected an event (an object), got null", "[1]")
        bad(event(1, ',"cart":{"total":7}'), 422, "expected a text, a number, a boolean or a list", "cart")
        bad(event(1, ',"tags":[["a"]]'), 422, "expected a text, a number, a boolean or a list", "tags")
        assert.equal(422, client:post("/events", event(1, ',"seconds":"many"')).status)
        refused(client:post("/events", event(1), { ["Content-Encoding"] = "gzip" }), 415, "Content-Encoding")
        refused(client:post("/events", event(1, ',"x":"' .. ("x"):rep(1100000) .. '"')), 413, "too long")
        client:close()
        refused(client:put("/contacts/1", "[1]"), 422, "expected properties (an object)")
        refused(client:put("/contacts/1", '{"a":{"b":1}}'), 422, "expected a text", "a")
        refused(client:get("/events"), 405, "expected POST, got GET")
        refused(client:post("/contacts/1/score", "{}"), 405, "expected GET or HEAD, got POST")
        refused(client:get("/contacts/1/nothing"), 404, "expected /contacts/ID")
        assert.equal(before, #gateway:lines())
    end)

    it("has all that it acknowledged in its log", function()
        local text = table.concat(gateway:lines(), "\n")
        assert.matches('"op":"event","ts":%d+,"contact_id":"42","event":"page_viewed","at":"2026%-01%-01T00:00:00Z"',
            text)
        assert.matches('"op":"set","ts":%d+,"contact_id":"set","properties":{', text)
        assert.matches('"op":"forget","ts":%d+,"contact_id":"gone"}', text)
    end)

    it("counts what it does, by worker", function()
        local answer = client:get("/metrics")
        assert.equal("text/plain; version=0.0.4", answer.headers["content-type"])
        assert.matches('# TYPE leadscore_requests_total counter\nleadscore_requests_total{worker="%d",', answer.body)
        local events = 0
        for _, line in ipairs(gateway:lines()) do
            if line:find('"op":"event"', 1, true) then events = events + 1 end
        end
        assert.truthy(gateway:comes_to("leadscore_events_total", nil, events))
        assert.truthy(gateway:comes_to("leadscore_requests_total", 'status="413"', 1))
        assert.is_true(gateway:metric("leadscore_store_free_bytes") > 0)
    end)

    it("says another score when time has passed", function()
        local at = os.time() + 2
        client:post("/events", event("later", (',"at":%d'):format(at)))
        assert.equal(os.time() < at and 0 or 1, score("later").value)
        assert.truthy(host.wait_for(function() return score("later").value == 1 end, 4))
        assert.is_true(host.time() >= at) -- os.time lags by a tick
    end)

    it("is not held up by clients that send slowly", function()
        local slow = {}
        for i = 1, 20 do
            slow[i] = gateway:client()
            slow[i]:send("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" .. ("{"):rep(i))
        end
        local started = host.time()
        for _ = 1, 50 do
            assert.equal(202, client:post("/events", event("quick")).status)
        end
        assert.is_true(host.time() - started < 5)
        for i = 1, 20 do
            slow[i]:close()
        end
        assert.equal(50, score("quick").value)
        -- A body that comes in pieces is one.
        local body = event("pieces", ',"url":"/pricing"')
        slow[1]:send(("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"):format(#body))
        for i = 1, #body, 10 do
            slow[1]:send(body:sub(i, i + 9))
            host.sleep(0.01)
        end
        assert.equal(202, slow[1]:receive().status)
        slow[1]:close()
        assert.equal(11, score("pieces").value)
    end)

    it("is served by all workers alike", function()
        client:post("/events", event("alike"))
        local seen = {}
        for _ = 1, 200 do
            local other = gateway:client()
            assert.equal(1, other:get("/contacts/alike/score").json.scores.interest.value)
            seen[other:get("/health").json.worker] = true
            other:close()
            if seen[0] and seen[1] then break end
        end
        assert.same({ [0] = true, [1] = true }, seen)
    end)
end)

describe("a gateway's definitions", function()
    setup(begin)
    teardown(finish)

    -- The value that each of several new connections gets.
    local function values(id)
        local seen = {}
        for _ = 1, 30 do
            local other = gateway:client()
            seen[other:get("/contacts/" .. id .. "/score").json.scores.interest.value] = true
            other:close()
        end
        return seen
    end

    it("are replaced in all workers while it runs", function()
        client:post("/events", event("a", ',"url":"/pricing"'))
        assert.same({ [11] = true }, values("a"))
        local answer = client:put("/definitions", DEFINITION:format(20))
        assert.equal(200, answer.status)
        assert.same({ "interest" }, answer.json.names)
        host.sleep(0.15)
        assert.same({ [21] = true }, values("a"))
    end)

    it("stay where new ones are bad, and it is said why", function()
        refused(client:put("/definitions", "return { name = 'x', groups = 7 }"), 422, "expected", "groups")
        refused(client:put("/definitions", "\nreturn {"), 422, "line 2: unexpected symbol")
        refused(client:put("/definitions", [[{"name":"c","object":"company","groups":[{"name":"g","rules":[
            {"when":{"a":"b"},"points":1}]}]}]]), 422, "companies and deals are scored over a dataset")
        refused(client:put("/definitions", '{"name":'), 422, "not JSON")
        refused(client:put("/definitions", "while true do end"), 422, "steps")
        refused(client:put("/definitions", ""), 400, "expected a body")
        host.sleep(0.15)
        assert.same({ [21] = true }, values("a"))
    end)

    it("may read what was not read before", function()
        client:put("/contacts/read", '{"city":"Lund","country":"SE"}')
        assert.equal(15, score("read").value)
        local answer = client:put("/definitions", [[return { name = "interest", groups = {
            { name = "g", rules = { { when = { city = { "Lund" } }, points = 3 } } },
            { name = "h", rules = {
                { event = "page_viewed", where = { url = { known = true } }, points = 40 } } } } }]])
        assert.equal(200, answer.status, answer.body)
        host.sleep(0.15)
        answer = client:get("/contacts/read/score?at=2026-01-02")
        local null = require("leadscore").null
        assert.same({ interest = { value = 3, label = null, fit = 3, engagement = 0, scored = true, in_scope = true,
            next_change_at = null } }, answer.json.scores)
        assert.same({ [3] = true }, values("read"))
        assert.same({ [40] = true }, values("a"))
    end)

    it("are those of the file again after a reload", function()
        shell.write(definitions .. "/interest.lua", DEFINITION:format(30))
        gateway:signal("HUP")
        assert.truthy(host.wait_for(function()
            local seen = values("a")
            return seen[31] and not seen[21]
        end, 5))
        -- A bad file changes nothing.
        shell.write(definitions .. "/interest.lua", "return 7")
        gateway:signal("HUP")
        assert.truthy(host.wait_for(function() return gateway:errors():find("must return a table", 1, true) end, 5))
        assert.same({ [31] = true }, values("a"))
    end)
end)

describe("a gateway with a key", function()
    setup(function() begin({ KEY = "secret" }) end)
    teardown(finish)

    it("asks for it where something can be changed or read", function()
        local body = event("k")
        refused(client:post("/events", body), 401, "expected the gateway's key")
        refused(client:post("/events", body, { Authorization = "Bearer wrong!" }), 401, "expected the gateway's key")
        refused(client:get("/contacts/k/score"), 401, "expected the gateway's key")
        refused(client:delete("/contacts/k"), 401, "expected the gateway's key")
        refused(client:put("/definitions", "x"), 401, "expected the gateway's key")
        assert.equal(202, client:post("/events", body, { Authorization = "Bearer secret" }).status)
        assert.equal(202, client:post("/events", body, { ["X-Api-Key"] = "secret" }).status)
        assert.equal(200, client:get("/health").status)
        assert.equal(204, client:get("/beacon?contact_id=k").status)
    end)
end)

describe("a gateway's contacts", function()
    after_each(finish)

    local function fill()
        for i = 1, 40 do
            local body = {}
            for n = 1, i do
                body[n] = event("c" .. i, (',"id":"%d","url":"/%s"'):format(n, n % 5 == 0 and "pricing" or "x"))
            end
            assert.equal(202, client:post("/events", "[" .. table.concat(body, ",") .. "]").status)
            if i % 4 == 0 then client:put("/contacts/c" .. i, '{"country":"SE"}') end
        end
        for i = 10, 40, 10 do
            client:delete("/contacts/c" .. i)
        end
    end

    local function expected(i)
        return i % 10 == 0 and 404 or i + math.floor(i / 5) * 10 + (i % 4 == 0 and 15 or 0)
    end

    local function check()
        for i = 1, 40 do
            local answer = client:get("/contacts/c" .. i .. "/score")
            local got = answer.status == 200 and answer.json.scores.interest.value or answer.status
            assert.equal(expected(i), got, "c" .. i .. ": " .. answer.body)
        end
    end

    it("are there again after it was stopped, from the log alone", function()
        begin()
        fill()
        check()
        gateway:stop("QUIT")
        gateway:start()
        check()
        -- And after it was killed, with events that came twice.
        local workers = gateway:workers()
        assert.equal(2, #workers)
        gateway:signal("KILL")
        for _, pid in ipairs(workers) do
            gateway:signal("KILL", pid)
        end
        assert.truthy(host.wait_for(function()
            return not (host.is_alive(gateway.pid) or host.is_alive(workers[1]) or host.is_alive(workers[2]))
        end))
        client:close()
        gateway:start()
        assert.equal(2, #gateway:workers())
        client:post("/events", event("c1", ',"id":"1"'))
        check()
    end)

    it("are in no list once they were forgotten, also after a start", function()
        local lists = shell.folder()
        shell.write(lists .. "/vip.csv", "id\nada\nbo\n")
        shell.write(lists .. "/scores.lua", [[return { name = "n", groups = { { name = "g", rules = {
            { when = { in_list = "vip" }, points = 5 }, { when = { country = "SE" }, points = 1 } } } } }]])
        begin({ LISTS = lists, DEFINITIONS = lists .. "/scores.lua" })
        local function value(id)
            client:put("/contacts/" .. id, '{"country":"SE"}')
            return client:get("/contacts/" .. id .. "/score").json.scores.n.value
        end
        assert.equal(6, value("ada"))
        assert.equal(204, client:delete("/contacts/ada").status)
        gateway:stop("QUIT")
        client:close()
        gateway:start()
        assert.equal(404, client:get("/contacts/ada/score").status)
        assert.equal(1, value("ada"))
        assert.equal(6, value("bo"))
        shell.remove(lists)
    end)

    it("lose nothing when workers are killed", function()
        begin()
        local sent, got, killed = 0, 0, 0
        host.drive(gateway.port, 6, function()
            if sent >= 4000 then return nil end
            sent = sent + 1
            if sent % 800 == 400 then
                gateway:signal("KILL", gateway:workers()[1])
                killed = killed + 1
            end
            local body = event("k" .. sent % 7, (',"id":"%d"'):format(sent))
            return { text = host.request_text("POST", "/events", body), id = sent }
        end, function(request, answer)
            if answer and answer.status == 202 then got = got + 1 end
            if not answer then -- sent again: nobody knows whether it was taken
                local body = event("k" .. request.id % 7, (',"id":"%d"'):format(request.id))
                local again = gateway:client()
                assert.equal(202, again:post("/events", body).status)
                again:close()
                got = got + 1
            end
        end)
        assert.equal(5, killed)
        assert.equal(4000, got)
        host.sleep(0.3)
        local sum = 0
        for i = 0, 6 do
            sum = sum + score("k" .. i).value
        end
        assert.equal(4000, sum)
    end)

    it("lose nothing when it is reloaded under load", function()
        begin()
        local sent, refusals = 0, {}
        host.drive(gateway.port, 6, function()
            if sent >= 4000 then return nil end
            sent = sent + 1
            if sent % 1000 == 500 then gateway:signal("HUP") end
            return { text = host.request_text("POST", "/events", event("h" .. sent % 7, (',"id":%d'):format(sent))),
                id = sent }
        end, function(request, answer)
            if not answer or answer.status ~= 202 then refusals[#refusals + 1] = request end
        end)
        -- A connection may be closed on while its request is under way: that one is asked again.
        assert.is_true(#refusals < 100)
        for _, request in ipairs(refusals) do
            assert.equal(202, client:post("/events",
                event("h" .. request.id % 7, (',"id":%d'):format(request.id))).status)
        end
        local sum = 0
        for i = 0, 6 do
            sum = sum + score("h" .. i).value
        end
        assert.equal(4000, sum)
        assert.is_true(#shell.names(gateway.log) > 2)
    end)

    it("are put together as events come", function()
        begin({ SETTLE = 0 })
        local past = 1767225600
        for round = 1, 60 do
            local body = {}
            for n = 1, 100 do
                body[n] = event("often", (',"at":%d,"seconds":%d'):format(past + round * 100 + n, n % 60))
            end
            assert.equal(202, client:post("/events", "[" .. table.concat(body, ",") .. "]").status)
            assert.equal(round * (100 + 41 * 2), score("often").value)
        end
        assert.truthy(gateway:comes_to("leadscore_snapshots_total", nil, function(n) return n > 10 end))
        for _ = 1, 20 do
            local other = gateway:client()
            assert.equal(60 * 182, other:get("/contacts/often/score").json.scores.interest.value)
            other:close()
        end
        client:delete("/contacts/often")
        assert.equal(202, client:post("/events", event("often")).status)
        assert.equal(1, score("often").value)
    end)

    it("are scored, and events refused, when the store is full", function()
        begin({ DICT_SIZE = "512k" })
        local accepted, refusal = 0, nil
        for i = 1, 20000 do
            local answer = client:post("/events", event("f" .. i, ',"id":"1","text":"' .. ("x"):rep(200) .. '"'))
            if answer.status ~= 202 then
                refusal = answer
                break
            end
            accepted = accepted + 1
        end
        assert.is_true(accepted > 100)
        refused(refusal, 503, "the store is full")
        assert.equal("1", refusal.headers["retry-after"])
        assert.equal(accepted, #gateway:lines())
        for i = 1, accepted, 50 do
            assert.equal(1, score("f" .. i).value)
        end
        assert.equal(503, client:get("/health").status)
        assert.truthy(gateway:comes_to("leadscore_refused_total", 'why="full"', function(n) return n > 0 end))
        -- The site behind it does not notice.
        assert.equal(200, client:request("GET", "/x", nil, { Cookie = "lead_id=f1" }).status)
        -- With more room it goes on.
        gateway:stop("QUIT")
        gateway:start({ DICT_SIZE = "8m" })
        assert.equal(202, client:post("/events", event("f1", ',"id":"2"')).status)
        assert.equal(2, score("f1").value)
        assert.equal(1, score("f" .. accepted).value)
    end)

    it("are served without the code cache", function()
        begin({ CODE_CACHE = "off" })
        for i = 1, 30 do
            assert.equal(202, client:post("/events", event("off", (',"id":%d'):format(i))).status)
        end
        assert.equal(30, score("off").value)
        client:put("/contacts/off", '{"country":"SE"}')
        assert.equal(45, score("off").value)
        gateway:stop("QUIT")
        gateway:start({ CODE_CACHE = "on" })
        assert.equal(45, score("off").value)
    end)

    it("are served while the log's folder is full of other things", function()
        begin()
        client:post("/events", event("w"))
        -- Whoever moves a file away gets a new one.
        local name = shell.names(gateway.log)[1]
        os.rename(gateway.log .. "/" .. name, gateway.log .. "/moved.ndjson")
        for _ = 1, 10 do
            assert.equal(202, client:post("/events", event("w")).status)
        end
        assert.equal(11, #gateway:lines())
        gateway:stop("QUIT")
        shell.write(gateway.log .. "/unfinished.ndjson", '{"v":1,"op":"event","ts":1,"contact_id":"w","eve')
        shell.write(gateway.log .. "/notes.txt", "not ours")
        gateway:start()
        assert.equal(11, score("w").value)
    end)

    it("are the batch's when files of the log are compressed, also while they are written", function()
        begin({ WORKERS = 1 })
        client:put("/contacts/z", '{"country":"SE"}')
        for i = 1, 4 do
            assert.equal(202, client:post("/events", event("z", (',"id":%d'):format(i))).status)
            for _, name in ipairs(i < 4 and shell.names(gateway.log) or {}) do
                if name:find("%.ndjson$") then os.execute("gzip " .. gateway.log .. "/" .. name) end
            end
        end
        assert.equal(4, #shell.names(gateway.log))
        shell.write(gateway.log .. "/more.jsonl",
            '{"v":1,"op":"event","ts":1,"contact_id":"y","event":"left","at":1}\n')
        assert.equal(19, score("z").value)
        client:close()
        gateway:stop("QUIT")
        gateway:start()
        assert.equal(19, score("z").value)
        assert.equal(-2.25, score("y").value)
        local run = shell.run(definitions, ("leadscore score interest.lua --log %s --quiet"):format(gateway.log))
        assert.matches("\nz,19,4,15,Warm\n", run.out)
        assert.matches("\ny,%-2.25,%-2.25,0,Cold\n", run.out)
    end)

    it("are not of two gateways with one folder", function()
        begin()
        client:post("/events", event("first"))
        local run = shell.run(gateway.folder, ("env PORT=%d DATA=%s LUA_CROOT=%s sh %s/run.sh"):format(
            host.free_port(), gateway.data, gateway.environment.LUA_CROOT, host.example))
        assert.equal(1, run.code, run.err)
        assert.matches("a gateway with .* runs already", run.err)
        assert.equal(1, score("first").value)
    end)
end)
