-- The gateway with its contacts in a real Redis: several machines, Redis that goes and comes back, with and without
-- what it had.

local host = require("gateway_host")
local shell = require("shell")

local missing = host.missing_redis()

if missing then
    describe("a gateway with Redis", function()
        pending("is not tried: " .. missing, function() end)
    end)
    return
end

local redis, gateway, client

local function event(id, more)
    return ('{"contact_id":"%s","event":"page_viewed"%s}'):format(id, more or "")
end

local function begin(keeps, settings)
    redis = host.redis(keeps)
    settings = settings or {}
    settings.STORE, settings.REDIS = "redis", "127.0.0.1:" .. redis.port
    settings.DEFINITIONS = redis.folder .. "/clicks.lua"
    shell.write(settings.DEFINITIONS, [[return { name = "clicks", groups = {
        { name = "g", rules = { { event = "page_viewed", points = 1 } } },
        { name = "h", rules = { { when = { country = "SE" }, points = 0.5 } } } } }]])
    gateway = host.start(settings)
    client = gateway:client()
    return settings
end

local function finish()
    if client then client:close() end
    if gateway then gateway:remove() end
    if redis then redis:remove() end
    gateway, client, redis = nil, nil, nil
end

local function value(id, from)
    local answer = assert((from or client):get("/contacts/" .. id .. "/score"))
    return answer.status == 200 and answer.json.scores.clicks.value or answer.status
end

local function post(body)
    return client:post("/events", body).status
end

describe("a gateway with Redis", function()
    after_each(finish)

    it("takes events, changes and forgets, and counts ids once", function()
        begin()
        assert.equal(202, post(event("a")))
        local one = event("a", ',"id":1')
        assert.equal(202, post("[" .. one .. "," .. event("b") .. "," .. one .. "]"))
        assert.equal(200, client:put("/contacts/a", '{"country":"SE"}').status)
        assert.equal(2.5, value("a"))
        assert.equal(1, value("b"))
        assert.equal(404, value("c"))
        assert.equal(204, client:delete("/contacts/a").status)
        assert.equal(404, client:delete("/contacts/a").status)
        assert.equal(404, value("a"))
        assert.equal(202, post(event("a")))
        assert.equal(1, value("a"))
        assert.equal(1, client:get("/contacts/a/explain").json.scores[1].value)
    end)

    it("counts a page view in the log phase, where Redis cannot be asked", function()
        begin()
        for i = 1, 3 do
            local answer = client:request("GET", "/page", nil, { Cookie = "lead_id=v" })
            assert.equal(200, answer.status)
            assert.truthy(host.wait_for(function() return value("v") == i end, 3))
        end
        assert.equal("site: everybody\nX-Lead-Score: 3\nX-Lead-Label: -\n",
            client:request("GET", "/page", nil, { Cookie = "lead_id=v" }).body)
    end)

    it("lets several workers and machines add to one contact at once", function()
        local settings = begin()
        local other = host.start({ STORE = "redis", REDIS = settings.REDIS, DEFINITIONS = settings.DEFINITIONS,
            MACHINE = "1/2" })
        local sent, taken = 0, 0
        local function next_request()
            if sent == 1500 then return nil end
            sent = sent + 1
            return { text = host.request_text("POST", "/events", event("both")) }
        end
        local function on_answer(_, answer)
            if answer and answer.status == 202 then taken = taken + 1 end
        end
        host.drive(gateway.port, 16, next_request, on_answer)
        sent = 0
        host.drive(other.port, 16, next_request, on_answer)
        assert.equal(3000, taken)
        local elsewhere = other:client()
        assert.equal(3000, value("both"))
        assert.equal(3000, value("both", elsewhere))
        elsewhere:put("/contacts/both", '{"country":"SE"}')
        assert.equal(3000.5, value("both"))
        elsewhere:close()
        other:remove()
    end)

    it("puts entries together, and loses none", function()
        begin(false, { SETTLE = 0 })
        local sent = 0
        host.drive(gateway.port, 4, function()
            if sent == 2000 then return nil end
            sent = sent + 1
            return { text = host.request_text("POST", "/events?scores=1", event("p" .. sent % 3)) }
        end, function(_, answer) assert.equal(202, answer and answer.status) end)
        host.sleep(0.3)
        local sum = 0
        for i = 0, 2 do
            sum = sum + value("p" .. i)
        end
        assert.equal(2000, sum)
        assert.truthy(gateway:comes_to("leadscore_snapshots_total", nil, function(n) return n > 3 end))
    end)

    it("refuses events while Redis is gone, lets the site's requests through, and goes on when it is back", function()
        begin(true)
        assert.equal(202, post(event("r")))
        redis:stop()
        -- What comes first may be logged already when Redis is missed: it is acknowledged, and waits.
        local accepted, refused = 1, 0
        for _ = 1, 20 do
            local status = post(event("r"))
            assert.is_true(status == 202 or status == 503)
            if status == 202 then accepted = accepted + 1 else refused = refused + 1 end
        end
        assert.is_true(refused > 10)
        assert.equal(503, value("r"))
        local answer = client:request("GET", "/page", nil, { Cookie = "lead_id=r" })
        assert.equal("site: everybody\nX-Lead-Score: -\nX-Lead-Label: -\n", answer.body)
        assert.equal(503, client:get("/health").status)
        redis:start()
        assert.truthy(host.wait_for(function() return value("r") == accepted end, 5))
        assert.truthy(host.wait_for(function() return post(event("r")) == 202 end, 5))
        assert.equal(accepted + 1, value("r"))
        assert.equal(accepted + 1, #gateway:lines())
        assert.truthy(gateway:comes_to("leadscore_headers_skipped_total", nil, 1))
    end)

    it("brings the log to a Redis that has lost all", function()
        begin(false)
        for i = 1, 30 do
            assert.equal(202, post(event("l" .. i % 3, (',"id":%d'):format(i))))
        end
        client:put("/contacts/l1", '{"country":"SE"}')
        client:delete("/contacts/l2")
        redis:stop()
        redis:start()
        assert.truthy(host.wait_for(function() return value("l0") == 10 end, 8))
        assert.equal(10.5, value("l1"))
        assert.equal(404, value("l2"))
        assert.truthy(host.wait_for(function() return post(event("l0")) == 202 end, 5))
        assert.equal(11, value("l0"))
        -- And what was added since is not brought twice when workers are killed.
        for _, pid in ipairs(gateway:workers()) do
            gateway:signal("KILL", pid)
        end
        assert.truthy(host.wait_for(function() return value("l0") == 11 end, 5))
        host.sleep(1.5)
        assert.equal(11, value("l0"))
    end)

    it("lets a new gateway find what is there", function()
        local settings = begin(false)
        assert.equal(202, post(event("n")))
        gateway:stop("QUIT")
        gateway:start()
        assert.equal(1, value("n"))
        assert.equal(settings.REDIS, gateway.environment.REDIS)
    end)
end)
