-- Speed of the gateway: requests a second and the 99th percentile with wrk, of a handler that says hello, of scores of
-- contacts with 200 events, of adding an event and scoring, and of the same with Redis. All in one run, in turns, since
-- what counts is the ratio to hello. One worker on one core, wrk (and Redis) on the other: two cores are enough. The
-- worker's processor time a request is told too, since it drifts less than requests a second.
--
--   lua csrc/bench/gateway.lua [SECONDS [ROUNDS [NAME,NAME...]]]

local host = require("gateway_host")
local shell = require("shell")
package.path = "csrc/bench/?.lua;" .. package.path
local system = require("system")

local SECONDS, ROUNDS, WANTED = tonumber(arg[1]) or 5, tonumber(arg[2]) or 3, arg[3]
local CONTACTS, EVENTS, CONNECTIONS = 1000, 200, 16
local WORKER_CORE, CLIENT_CORE = table.unpack(system.allowed_cores())
CLIENT_CORE = CLIENT_CORE or WORKER_CORE
-- The floor: a handler that says hello, one that reads a body first, and one that also writes it to a file at once.
local HELLO = [[
server {
    listen 127.0.0.1:%d;
    location = /hello { content_by_lua_block {
        ngx.header["Content-Type"] = "text/plain" ngx.header["Content-Length"] = 12 ngx.print("hello, world")
    } }
    location = /body { content_by_lua_block {
        ngx.req.read_body()
        assert(ngx.req.get_body_data())
        ngx.header["Content-Type"] = "text/plain" ngx.header["Content-Length"] = 12 ngx.print("hello, world")
    } }
    location = /written { content_by_lua_block {
        ngx.req.read_body()
        local file = package.loaded["bench.written"] or io.open("%s", "ab")
        package.loaded["bench.written"] = file
        file:setvbuf("no")
        file:write(ngx.req.get_body_data() .. string.char(10))
        ngx.header["Content-Type"] = "text/plain" ngx.header["Content-Length"] = 12 ngx.print("hello, world")
    } }
}]]
HELLO = HELLO:gsub("\n%s*", " ")

-- What wrk asks, in turn: requests made before, so that it has nothing to do but send.
local SCRIPTS = {
    hello = 'wrk.format("GET", "/hello")',
    body = 'wrk.format("POST", "/body", nil, EVENT:format(n))',
    written = 'wrk.format("POST", "/written", nil, EVENT:format(n))',
    score = 'wrk.format("GET", "/contacts/lead-" .. n .. "/score")',
    anew = 'wrk.format("GET", "/contacts/lead-" .. n .. "/score?at=" .. NOW + n)',
    add = 'wrk.format("POST", "/events", nil, EVENT:format(n))',
    both = 'wrk.format("POST", "/events?scores=1", nil, EVENT:format(n))',
}
local SCRIPT = [[
local CONTACTS, NOW = %d, %d
local EVENT = '{"contact_id":"lead-%%d","event":"page_viewed","url":"/pricing"}'
local list, i = {}, 0
function init()
    for n = 1, CONTACTS do
        list[n] = %s
    end
end
function request()
    i = i %% CONTACTS + 1
    return list[i]
end
]]

local MEASURES = {
    { name = "hello", title = "hello, world", script = "hello", floor = true },
    { name = "body", title = "hello to a body", script = "body", floor = true },
    { name = "written", title = "hello to a body, written", script = "written", floor = true },
    { name = "score", title = "score", script = "score" },
    { name = "anew", title = "score, made anew each time", script = "anew" },
    { name = "add", title = "add", script = "add" },
    { name = "both", title = "add and score", script = "both" },
    { name = "redis score", title = "score, Redis", script = "score", redis = true },
    { name = "redis both", title = "add and score, Redis", script = "both", redis = true },
}

local NOW = os.time()

local function fill(gateway)
    local client = gateway:client()
    for n = 1, CONTACTS do
        local parts = {}
        for i = 1, EVENTS do -- of a hundred days, as they come
            local at = NOW - (EVENTS - i) * 43200 - (n * 7919 + i * 104729) % 43200
            parts[i] = ('{"contact_id":"lead-%d","event":"%s","url":"/%s","at":%d}'):format(n,
                i % 10 == 0 and "form_submitted" or "page_viewed", i % 4 == 0 and "pricing" or "blog", at)
        end
        local answer = client:post("/events", "[" .. table.concat(parts, ",") .. "]")
        assert(answer.status == 202, answer.body)
        client:put("/contacts/lead-" .. n, '{"country":"SE","employees":80}')
        assert(client:get("/contacts/lead-" .. n .. "/score").status == 200)
    end
    client:close()
end

local function seconds_of(text)
    local number, unit = text:match("([%d.]+)(%a+)")
    return tonumber(number) * ({ us = 1e-6, ms = 1e-3, s = 1 })[unit]
end

-- Processor time of a process, in seconds: fields 14 and 15 of its stat, in ticks.
local TICKS = 100
local function cpu_of(pid)
    local user, kernel = shell.read(("/proc/%d/stat"):format(pid)):match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
    return (user + kernel) / TICKS
end

local function measure(folder, script, port, worker)
    local path = folder .. "/wrk.lua"
    shell.write(path, SCRIPT:format(CONTACTS, NOW, SCRIPTS[script]))
    local before = cpu_of(worker)
    local pipe = io.popen(("taskset -c %s wrk -t1 -c%d -d%d --latency -s %s http://127.0.0.1:%d/ 2>&1"):format(
        CLIENT_CORE, CONNECTIONS, SECONDS, path, port))
    local text = pipe:read("*a")
    pipe:close()
    local cpu = cpu_of(worker) - before
    local rate, p99 = text:match("Requests/sec:%s*([%d.]+)"), text:match("\n%s+99%%%s+(%S+)")
    if not rate or text:find("Non-2xx", 1, true) then error("wrk: " .. script .. ": " .. text) end
    return { rate = tonumber(rate), p99 = seconds_of(p99), cpu = cpu / text:match("(%d+) requests in") }
end

local function median(list, key)
    local values = {}
    for i, each in ipairs(list) do
        values[i] = each[key]
    end
    table.sort(values)
    return values[math.ceil(#values / 2)]
end

local missing = host.missing_redis()
if missing then
    io.stderr:write("bench-gateway: ", missing, "\n")
    os.exit(1)
end

local folder = shell.folder()
local hello_port = host.free_port()
local redis = host.redis()
local gateway = host.start({
    WORKERS = 1, DICT_SIZE = "1000m", LOG_LEVEL = "error", EXTRA = HELLO:format(hello_port, folder .. "/written"),
})
local distant = host.start({ WORKERS = 1, STORE = "redis", REDIS = "127.0.0.1:" .. redis.port, LOG_LEVEL = "error" })

local function wanted(each)
    return not WANTED or each.name == "hello" or ("," .. WANTED .. ","):find("," .. each.name .. ",", 1, true)
end

local function pin(process, core)
    os.execute(("taskset -cp %s %d >/dev/null"):format(core, process))
end

local ok, err = pcall(function()
    pin(gateway:workers()[1], WORKER_CORE)
    pin(distant:workers()[1], WORKER_CORE)
    pin(redis.pid, CLIENT_CORE)
    fill(gateway)
    fill(distant)
    local results = {}
    for _ = 1, ROUNDS do
        for _, each in ipairs(MEASURES) do
            local server = each.redis and distant or gateway
            local port = each.floor and hello_port or server.port
            results[each.name] = results[each.name] or {}
            if wanted(each) then
                table.insert(results[each.name], measure(folder, each.script, port, server:workers()[1]))
            end
        end
    end
    local hello = median(results.hello, "rate")
    print(("%d contacts with %d events at first, %d connections, %d s, medians of %d rounds"):format(CONTACTS, EVENTS,
        CONNECTIONS, SECONDS, ROUNDS))
    print(("%-28s %12s %10s %9s %14s"):format("", "requests/s", "of hello", "p99", "CPU a request"))
    for _, each in ipairs(MEASURES) do
        local rows = results[each.name]
        if #rows > 0 then
            print(("%-28s %12.0f %9.0f%% %6.2f ms %11.1f us"):format(each.title, median(rows, "rate"),
                100 * median(rows, "rate") / hello, 1000 * median(rows, "p99"), 1e6 * median(rows, "cpu")))
        end
    end
end)
if not ok then io.stderr:write(gateway:errors():sub(1, 2000)) end
gateway:remove()
distant:remove()
redis:remove()
shell.remove(folder)
if not ok then error(err, 0) end
