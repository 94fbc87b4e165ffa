-- Mutated requests to a real gateway: bodies of events, changes and definitions, addresses, whole requests. Each must
-- be answered, with no 5xx but the 503 that says that the store is full; no worker may die; and what was acknowledged
-- must be in a log that the batch reads, with the scores that the gateway says.
--
--   lua spec/fuzz/bodies.lua [SECONDS [COUNT [SEED]]]     ends at the time or the count, whichever is first; SECONDS 0:
--                                                        no limit; COUNT: 100,000,000

local core = require("leadscore.core")
local host = require("gateway_host")
local mutate = require("fuzz.mutate")
local shell = require("shell")

local M = {}

local DEFINITION = [[
return {
    name = "interest",
    properties = { ["event.seconds"] = "number", ["event.topics"] = "set", employees = "number" },
    groups = {
        { name = "Site", rules = {
            { event = "page_viewed", points = 1 },
            { event = "page_viewed", where = { url = { contains = "/pricing" } }, points = 10, once_per = "day" },
            { event = "page_viewed", where = { seconds = { at_least = 30 } }, points = 2 },
            { event = "left", where = { topics = { any_of = { "a", "b" } } }, points = -2.25 } } },
        { name = "Company", rules = {
            { when = { country = { "SE" } }, points = 15 },
            { property = "employees", bands = { { at_least = 50, points = 10 } } } } },
    },
    thresholds = { { label = "Hot", at_least = 30 }, { label = "Cold" } },
}
]]

local EVENT = [[
{"contact_id": "42",
 "event": "page_viewed",
 "at": "2026-01-01T00:00:00Z",
 "id": "e-1",
 "url": "/pricing?a=1&b=\u00e4",
 "seconds": 31.5,
 "topics": ["a", "b;c", null, true, 7],
 "text": "\ud83d\ude00 \"x\" \\ \t"}
]]
local EVENTS = "[" .. EVENT .. ",\n" .. EVENT:gsub('"42"', "43"):gsub('"2026[^"]*"', "1767225600") .. ",\n"
    .. EVENT:gsub("page_viewed", "left"):gsub('"e%-1"', "null") .. "]\n"
local CHANGE = '{"country": "SE",\n "employees": 80,\n "tags": ["a", "b"],\n "name": null,\n "paid": true}\n'
local JSON = [[
{"name": "interest",
 "groups": [{"name": "Site",
   "rules": [{"event": "page_viewed", "points": 1},
             {"event": "left", "points": -1.5, "once_per": "day"}]}]}
]]

local KINDS = {
    { name = "event", method = "POST", path = "/events", text = EVENT },
    { name = "events", method = "POST", path = "/events?scores=1", text = EVENTS },
    { name = "change", method = "PUT", path = "/contacts/42", text = CHANGE },
    { name = "address", method = "GET", text = "/contacts/42/score?at=2026-01-01T00:00:00Z" },
    { name = "beacon", method = "GET", text = "/beacon?contact_id=42&event=page_viewed&url=/pricing&seconds=40" },
    { name = "request", raw = true },
    -- Rare, since each is compiled by both workers.
    { name = "definition.json", method = "PUT", path = "/definitions", text = JSON, rare = true },
    { name = "definition.lua", method = "PUT", path = "/definitions", text = DEFINITION, rare = true },
}

local function wrong_answer(answer)
    if answer.status >= 500 and answer.status ~= 503 and answer.status ~= 505 then return "status " .. answer.status end
    if answer.status == 503 then
        local message = answer.json and answer.json.error and answer.json.error.message
        return message ~= "the store is full" and "503: " .. answer.body or nil
    end
    -- What is no HTTP at all nginx refuses by itself.
    if answer.status >= 400 and not (answer.json and answer.json.error and answer.json.error.message) then
        return "no error in " .. answer.body:sub(1, 200)
    end
    return nil
end

-- An address is one line of visible bytes.
local function address(text)
    text = text:gsub("[^\33-\126]", "%%20")
    return text:sub(1, 1) == "/" and text or "/contacts/" .. text
end

local function request_of(random, kind)
    if kind.raw then
        local text = host.request_text("POST", "/events", EVENT, { ["Content-Type"] = "application/json" })
        return mutate.mutate(random, text)
    end
    if kind.method == "GET" then return host.request_text("GET", address((mutate.mutate(random, kind.text)))) end
    local body = mutate.mutate(random, kind.text)
    if random:chance(33) then body = mutate.mutate(random, body) end
    return host.request_text(kind.method, kind.path, body)
end

-- Sends a text as it is; the answer, or nil where there is none to be expected.
local function send(gateway, client, kind, text)
    if not kind.raw then
        client:send(text)
        return client:receive()
    end
    -- A request that is not whole is waited for: it is given up.
    local own = gateway:client()
    own:send(text)
    local answer = own:receive(nil, 0.05)
    own:close()
    return answer or { status = 0 }
end

-- What the batch says of the log must be what the gateway says.
local function compare(gateway, report)
    local at = os.time() + 1
    local client = gateway:client()
    assert(client:put("/definitions", DEFINITION).status == 200)
    local command = "leadscore score %s --log %s --at %d --format ndjson --rejects refused"
    local run = shell.run(gateway.folder, command:format(shell.quote(gateway.environment.DEFINITIONS),
        shell.quote(gateway.log), at))
    if run.code ~= 0 then error("the batch cannot read the log: " .. run.err) end
    for line in run.out:gmatch("[^\n]+") do
        local row = core.json_decode(line, 8, 1000)
        if #row.id < 200 and report.compared < 2000 then
            local path = row.id:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
            local answer = client:get(("/contacts/%s/score?at=%d"):format(path, at))
            local got = answer.json and answer.json.scores and answer.json.scores.interest.value
            if got ~= row.interest then
                report.failures[#report.failures + 1] = { number = 0, kind = "batch",
                    why = ("contact %s: batch %s, gateway %s"):format(row.id, tostring(row.interest),
                        answer.body:sub(1, 200)) }
            end
            report.compared = report.compared + 1
        end
    end
    client:close()
end

--- Runs until the time or the count is over.
---@param options table { seconds =, count =, seed = }
---@return table report { done =, failures =, outcomes =, compared = }
function M.run(options)
    local folder = shell.folder()
    shell.write(folder .. "/interest.lua", DEFINITION)
    local gateway = host.start({ DEFINITIONS = folder .. "/interest.lua", DICT_SIZE = options.dict or "256m",
        SETTLE = 1, BODY_TIMEOUT = "1s" })
    local client = gateway:client()
    local random = mutate.random(options.seed or 1)
    local report = { done = 0, failures = {}, outcomes = {}, compared = 0 }
    local stop = options.seconds and host.time() + options.seconds
    local before = table.concat(gateway:workers(), " ")
    while report.done < options.count and not (stop and host.time() > stop) do
        local kind = random:pick(KINDS)
        if not kind.rare or random:chance(5) then
            report.done = report.done + 1
            local text = request_of(random, kind)
            local answer, why = send(gateway, client, kind, text)
            local wrong = answer and (answer.status > 0 or nil) and wrong_answer(answer) or nil
            if not answer then wrong = "no answer: " .. tostring(why) end
            if wrong then
                report.failures[#report.failures + 1] = { number = report.done, kind = kind.name, why = wrong,
                    text = text }
                if #report.failures > 20 then break end
            end
            local outcomes = report.outcomes[kind.name] or {}
            local status = answer and answer.status or "none"
            outcomes[status] = (outcomes[status] or 0) + 1
            report.outcomes[kind.name] = outcomes
        end
    end
    client:close()
    if table.concat(gateway:workers(), " ") ~= before then
        report.failures[#report.failures + 1] = { number = report.done, kind = "workers", why = "a worker died" }
    end
    local ok, err = pcall(compare, gateway, report)
    if not ok then report.failures[#report.failures + 1] = { number = 0, kind = "batch", why = tostring(err) } end
    report.errors = gateway:errors():match("%[emerg%][^\n]*") or gateway:errors():match("%[alert%][^\n]*")
        or gateway:errors():match("%[error%][^\n]*lua entry thread aborted[^\n]*")
    if report.errors then
        report.failures[#report.failures + 1] = { number = 0, kind = "error log", why = report.errors }
    end
    gateway:remove()
    shell.remove(folder)
    return report
end

--- The report as text.
function M.show(report)
    local lines = { ("%d mutated requests, %d failures, %d contacts compared with the batch"):format(report.done,
        #report.failures, report.compared) }
    for _, kind in ipairs(KINDS) do
        local parts = {}
        for status, count in pairs(report.outcomes[kind.name] or {}) do
            parts[#parts + 1] = ("%s: %d"):format(status == 0 and "unfinished" or tostring(status), count)
        end
        table.sort(parts)
        lines[#lines + 1] = ("  %-16s %s"):format(kind.name, table.concat(parts, ", "))
    end
    for _, each in ipairs(report.failures) do
        lines[#lines + 1] = ("  FAILED number %d (%s): %s\n%s"):format(each.number, each.kind, each.why,
            (each.text or ""):sub(1, 600))
    end
    return table.concat(lines, "\n")
end

if arg and arg[0] and arg[0]:find("fuzz/bodies%.lua$") then
    local missing = host.missing()
    if missing then
        print("not run: " .. missing)
        os.exit(0)
    end
    local seconds = tonumber(arg[1]) or 0
    local report = M.run({
        seconds = seconds > 0 and seconds or nil, count = tonumber(arg[2]) or 100000000, seed = tonumber(arg[3]),
    })
    print(M.show(report))
    os.exit(#report.failures == 0 and 0 or 1)
end

return M
