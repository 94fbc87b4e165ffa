-- For specs: the gateway example with real nginx workers, and a real Redis, in folders of their own on free ports; and
-- HTTP clients, one at a time or many at once. Stops what it started.

local core = require("leadscore.core")
local shell = require("shell")
local lfs = require("lfs")

local M = {}

local BUILD = os.getenv("LEADSCORE_BUILD") or shell.root .. "/build"
local EXAMPLE = shell.root .. "/lua/leadscore/examples/gateway"
M.example = EXAMPLE

local PATIENCE = 20 -- seconds to wait for an answer

local has_socket, socket = pcall(require, "socket")

local function output_of(command)
    local pipe = io.popen(command .. " 2>/dev/null")
    local text = pipe:read("*a")
    pipe:close()
    return text
end

local function has_program(name)
    return output_of("PATH=$PATH:/usr/sbin command -v " .. name) ~= ""
end

--- Why gateways cannot be started here, or nil.
function M.missing()
    if not has_socket then return "lua-socket is not installed" end
    local modules = os.getenv("NGINX_MODULES") or "/usr/lib/nginx/modules"
    local openresty = has_program("openresty")
    if not openresty and not (has_program("nginx") and lfs.attributes(modules .. "/ngx_http_lua_module.so")) then
        return "nginx with its Lua module is not installed"
    end
    if not lfs.attributes(BUILD .. "/lua/5.1/leadscore/core.so") then return "there is no module for LuaJIT" end
    return nil
end

function M.missing_redis()
    return M.missing() or (not has_program("redis-server") and "redis-server is not installed") or nil
end

function M.sleep(seconds)
    socket.sleep(seconds)
end

function M.time()
    return socket.gettime()
end

function M.free_port()
    local server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    server:close()
    return tonumber(port)
end

-- Waits until something is so.
local function wait_for(what, seconds)
    local stop = socket.gettime() + (seconds or 10)
    repeat
        local result = what()
        if result then return result end
        socket.sleep(0.02)
    until socket.gettime() > stop
    return nil
end
M.wait_for = wait_for

local function is_alive(pid)
    local ok = os.execute("kill -0 " .. pid .. " 2>/dev/null")
    return ok == true or ok == 0
end
M.is_alive = is_alive

-- Starts a program beside; its process id.
local function launch(command, out)
    return tonumber(output_of(("%s >%s 2>&1 </dev/null & echo $!"):format(command, shell.quote(out))))
end

-- ---- HTTP ---------------------------------------------------------------------------------------------------------

local function request_text(method, path, body, headers)
    local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: gateway" }
    for name, value in pairs(headers or {}) do
        lines[#lines + 1] = name .. ": " .. value
    end
    if body then lines[#lines + 1] = "Content-Length: " .. #body end
    return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end
M.request_text = request_text

local function unchunk(text, start)
    local parts = {}
    while true do
        local stop = text:find("\r\n", start, true)
        if not stop then return nil end
        local size = tonumber(text:sub(start, stop - 1):match("^%x+"), 16)
        if not size or #text < stop + 1 + size + 2 then return nil end
        if size == 0 then return table.concat(parts), stop + 4 end
        parts[#parts + 1] = text:sub(stop + 2, stop + 1 + size)
        start = stop + 2 + size + 2
    end
end

-- One whole answer from the front of what was received, or nil: { status =, headers =, body = } and the rest.
local function take_answer(text, method)
    local stop = text:find("\r\n\r\n", 1, true)
    if not stop then return nil end
    local answer = { status = tonumber(text:match("^HTTP/1.%d (%d+)")), headers = {} }
    for name, value in text:sub(1, stop + 1):gmatch("\r\n([^:\r\n]+): *([^\r\n]*)") do
        answer.headers[name:lower()] = value
    end
    local start = stop + 4
    local length = tonumber(answer.headers["content-length"])
    if answer.status == 204 or answer.status == 304 or method == "HEAD" then length = 0 end
    if length then
        if #text < start + length - 1 then return nil end
        answer.body = text:sub(start, start + length - 1)
        return answer, text:sub(start + length)
    end
    local after
    if answer.headers["transfer-encoding"] == "chunked" then
        answer.body, after = unchunk(text, start)
        if not answer.body then return nil end
        return answer, text:sub(after)
    end
    answer.body, answer.ends = text:sub(start), true
    return answer, ""
end

local Client = {}
Client.__index = Client

local function connect(self)
    self.socket = assert(socket.connect("127.0.0.1", self.port))
    self.socket:settimeout(PATIENCE)
    self.socket:setoption("tcp-nodelay", true)
    self.rest = ""
end

--- One connection, kept.
function M.client(port)
    return setmetatable({ port = port }, Client)
end

function Client:close()
    if self.socket then self.socket:close() end
    self.socket = nil
end

-- Sends bytes as they are, on a connection of their own unless there is one.
function Client:send(text)
    if not self.socket then connect(self) end
    return self.socket:send(text)
end

--- One answer; patience: seconds to wait for it.
function Client:receive(method, patience)
    local stop = socket.gettime() + (patience or PATIENCE)
    while true do
        local answer, rest = take_answer(self.rest, method)
        if answer and not answer.ends then
            self.rest = rest
            if answer.headers.connection == "close" then self:close() end
            if (answer.headers["content-type"] or ""):find("json") then
                answer.json = core.json_decode(answer.body, 64, 1000000)
            end
            return answer
        end
        -- Without a time to wait receive gives what there is.
        socket.select({ self.socket }, nil, math.max(stop - socket.gettime(), 0))
        self.socket:settimeout(0)
        local data, err, partial = self.socket:receive(65536)
        self.socket:settimeout(PATIENCE)
        data = data or partial
        self.rest = self.rest .. data
        if err and #data == 0 then
            self:close()
            return nil, err
        end
    end
end

--- One request: { status =, headers =, body =, json = }, or nil and why.
function Client:request(method, path, body, headers)
    local text = request_text(method, path, body, headers)
    for try = 1, 2 do
        local kept = self.socket ~= nil
        if not kept then connect(self) end
        self.socket:settimeout(PATIENCE)
        local answer, err
        if self.socket:send(text) then answer, err = self:receive(method) else self:close() end
        if answer then return answer end
        -- A connection that was kept may have been closed in the meantime.
        if not kept or try == 2 then return nil, err end
    end
end

function Client:get(path)
    return self:request("GET", path)
end

function Client:post(path, body, headers)
    return self:request("POST", path, body, headers)
end

function Client:put(path, body, headers)
    return self:request("PUT", path, body, headers)
end

function Client:delete(path)
    return self:request("DELETE", path)
end

-- ---- many connections ---------------------------------------------------------------------------------------------

local function open_connection(port)
    local connection = socket.connect("127.0.0.1", port)
    if not connection then return nil end
    connection:settimeout(0)
    connection:setoption("tcp-nodelay", true)
    return connection
end

--- Sends requests over several connections at once, until next_request returns nil and all are answered.
---@param port integer
---@param count integer connections
---@param next_request fun(): table|nil { text =, ... }
---@param on_answer fun(request: table, answer: table|nil) nil: the connection broke before the answer
function M.drive(port, count, next_request, on_answer)
    local lanes, by_socket, ended = {}, {}, false
    local function give_up(lane)
        by_socket[lane.socket] = nil
        lane.socket:close()
        lane.socket = nil
    end
    local function send(lane)
        if not lane.request and not ended then
            lane.request = next_request()
            ended = lane.request == nil
        end
        if not lane.request then return end
        if not lane.socket then
            lane.socket, lane.rest = open_connection(port), ""
            if not lane.socket then
                socket.sleep(0.01)
                return
            end
            by_socket[lane.socket] = lane
        end
        lane.sent = socket.gettime()
        local sent = lane.socket:send(lane.request.text)
        if not sent then give_up(lane) end
        lane.waits = sent ~= nil
    end
    local function receive(lane)
        local data, err, partial = lane.socket:receive(65536)
        lane.rest = lane.rest .. (data or partial)
        local answer, rest = take_answer(lane.rest)
        if answer and not answer.ends then
            local request = lane.request
            lane.rest, lane.request, lane.waits = rest, nil, false
            if answer.headers.connection == "close" then give_up(lane) end
            on_answer(request, answer)
        elseif err == "closed" or socket.gettime() - lane.sent > 30 then
            local request = lane.request
            give_up(lane)
            lane.request, lane.waits = nil, false
            on_answer(request, nil)
        end
    end
    for i = 1, count do
        lanes[i] = {}
    end
    while true do
        local busy = false
        for _, lane in ipairs(lanes) do
            if not lane.waits then send(lane) end
            busy = busy or lane.request ~= nil
        end
        if not busy and ended then break end
        local open = {}
        for _, lane in ipairs(lanes) do
            if lane.waits then open[#open + 1] = lane.socket end
        end
        for _, each in ipairs((socket.select(open, nil, 1))) do
            if by_socket[each] then receive(by_socket[each]) end
        end
    end
    for _, lane in ipairs(lanes) do
        if lane.socket then lane.socket:close() end
    end
end

-- ---- gateways -----------------------------------------------------------------------------------------------------

local Gateway = {}
Gateway.__index = Gateway

local function environment_of(self)
    local parts = {}
    for name, value in pairs(self.environment) do
        parts[#parts + 1] = name .. "=" .. shell.quote(tostring(value))
    end
    table.sort(parts)
    return table.concat(parts, " ")
end

--- Starts it again, with what was said at first and what is said now.
function Gateway:start(more)
    for name, value in pairs(more or {}) do
        self.environment[name] = value
    end
    self.out = self.folder .. "/out"
    self.pid = launch(("env %s sh %s/run.sh"):format(environment_of(self), EXAMPLE), self.out)
    local up = wait_for(function()
        if not is_alive(self.pid) then return "dead" end
        local client = M.client(self.port)
        local ok, answer = pcall(client.get, client, "/health")
        client:close()
        return ok and answer and (answer.status == 200 or self.unready) and "up"
    end, 20)
    if up ~= "up" then
        local text = shell.read(self.out) or ""
        self:stop()
        error("the gateway does not come up: " .. text)
    end
    return self
end

--- A gateway: settings as of run.sh, and unready (it need not be healthy).
function M.start(settings)
    local folder = shell.folder()
    local environment = {
        PORT = M.free_port(), WORKERS = 2, DATA = folder .. "/data", LUA_ROOT = shell.root .. "/lua",
        LUA_CROOT = BUILD .. "/lua/5.1", DICT_SIZE = "32m",
    }
    -- Under sanitizers: nginx and the programs of its start are not ours to be looked at for leaks.
    local sanitizer = os.getenv("ASAN_OPTIONS")
    if sanitizer then environment.ASAN_OPTIONS = sanitizer .. ":detect_leaks=0" end
    local self = setmetatable({ folder = folder, environment = environment, port = environment.PORT,
        unready = settings and settings.unready }, Gateway)
    for name, value in pairs(settings or {}) do
        if name ~= "unready" then environment[name] = value end
    end
    self.data, self.log = environment.DATA, environment.DATA .. "/log"
    return self:start()
end

function Gateway:client()
    return M.client(self.port)
end

--- The process ids of its workers.
function Gateway:workers()
    local pids = {}
    local text = shell.read(("/proc/%d/task/%d/children"):format(self.pid, self.pid)) or ""
    for pid in text:gmatch("%d+") do
        pids[#pids + 1] = tonumber(pid)
    end
    return pids
end

function Gateway:signal(name, pid)
    os.execute(("kill -%s %d 2>/dev/null"):format(name, pid or self.pid))
end

--- Stops it, at once or (QUIT) when requests are answered.
function Gateway:stop(signal)
    if self.pid then
        self:signal(signal or "TERM")
        local ended = wait_for(function() return not is_alive(self.pid) end, 15)
        if not ended then self:signal("KILL") end
    end
    self.pid = nil
    local report = self:errors():match("ERROR: %a+Sanitizer.*") or self:errors():match("runtime error: [^\n]*")
    assert(not (report and os.getenv("ASAN_OPTIONS")), report)
end

--- Stops it and removes its folder.
function Gateway:remove()
    self:stop()
    shell.remove(self.folder)
end

--- What was said to the error log.
function Gateway:errors()
    return shell.read(self.out) or ""
end

--- Waits until a counter is as expected (a number, or a function that says so).
function Gateway:comes_to(name, pattern, expected)
    return wait_for(function()
        local value = self:metric(name, pattern)
        if type(expected) == "function" then return expected(value) end
        return value == expected
    end, 5)
end

--- Lines of its event log.
function Gateway:lines()
    local lines = {}
    for _, name in ipairs(shell.names(self.log)) do
        if name:find("%.ndjson$") then
            for line in io.lines(self.log .. "/" .. name) do
                lines[#lines + 1] = line
            end
        end
    end
    return lines
end

--- The sum of a counter, over those whose labels match. Workers tell theirs about each second.
function Gateway:metric(name, pattern)
    local answer = assert(self:client():get("/metrics"))
    local sum = 0
    for labels, value in answer.body:gmatch(name .. "(%b{}) (%S+)") do
        if not pattern or labels:find(pattern) then sum = sum + tonumber(value) end
    end
    return sum
end

-- ---- Redis --------------------------------------------------------------------------------------------------------

local Redis = {}
Redis.__index = Redis

--- Starts it (again).
function Redis:start()
    local command = "env ASAN_OPTIONS=detect_leaks=0 redis-server --port %d --bind 127.0.0.1 --dir %s --save '' "
        .. "--appendonly %s --daemonize no"
    self.pid = launch(command:format(self.port, shell.quote(self.folder), self.keeps and "yes" or "no"),
        self.folder .. "/out")
    local up = wait_for(function()
        local connection = socket.connect("127.0.0.1", self.port)
        if not connection then return false end
        connection:settimeout(2)
        connection:send("PING\r\n")
        local line = connection:receive("*l")
        connection:close()
        return line == "+PONG"
    end, 10)
    assert(up, "redis-server does not come up")
    return self
end

--- A Redis of its own. keeps: whether it has its data after it was stopped and started again.
function M.redis(keeps)
    return setmetatable({ folder = shell.folder(), port = M.free_port(), keeps = keeps }, Redis):start()
end

function Redis:stop()
    if self.pid then
        os.execute(("kill -TERM %d 2>/dev/null"):format(self.pid))
        wait_for(function() return not is_alive(self.pid) end, 10)
    end
    self.pid = nil
end

function Redis:remove()
    self:stop()
    shell.remove(self.folder)
end

return M
