-- The gateway's requests, as an example of a host of `resty.leadscore`: what comes over HTTP is taken apart and
-- checked, handed to the engine, and its answer told with a fitting status. The configuration beside it calls these.

local core = require("leadscore.core")
local engine = require("resty.leadscore")
local errors = require("leadscore.error")
local rows = require("leadscore.rows")

local M = {}

local MOST_DEPTH, MOST_VALUES = 16, 200000
local STATUS = { input = 422, unknown = 404, busy = 503, definition = 422, phase = 500, state = 503 }
local FIRST_MILLISECONDS = 1e11 -- numbers from here up are milliseconds since 1970, as in files

local Gateway = {}
Gateway.__index = Gateway

-- ---- setting up, in init ------------------------------------------------------------------------------------------

-- Lists of a folder: NAME.csv, the first column of which holds ids.
local function read_lists(folder)
    if folder == "" then return nil end
    local lists = {}
    for file in require("lfs").dir(folder) do
        local name = file:match("^([^.].*)%.csv$")
        if name then
            local ids = {}
            for line in io.lines(folder .. "/" .. file) do
                local id = line:match('^"?([^",\r]*)')
                if id ~= "" and not (#ids == 0 and id == "id") then ids[#ids + 1] = id end
            end
            lists[name] = ids
        end
    end
    return lists
end

local function redis_options(where)
    if where:sub(1, 1) == "/" then return { path = where } end
    local host, port = where:match("^(.*):(%d+)$")
    return { host = host or where, port = tonumber(port) }
end

--- The gateway. Raises what is wrong with the definitions, so that nginx does not start, or a reload keeps what is.
function M.new(options)
    local machine, machines = options.machine:match("^(%d+)/(%d+)$")
    local scoring, err = engine.new({
        machine = tonumber(machine), machines = tonumber(machines),
        definitions = options.definitions, log = options.log, fsync = options.fsync, lists = read_lists(options.lists),
        dict = "leadscore", state = "leadscore_state", store = options.store, redis = redis_options(options.redis),
        settle = tonumber(options.settle),
    })
    if not scoring then error("definitions: " .. tostring(err), 0) end
    local key = os.getenv("LEADSCORE_GATEWAY_KEY")
    return setmetatable({ scoring = scoring, key = key ~= "" and key or nil }, Gateway)
end

function Gateway:start()
    self.scoring:start()
end

-- ---- answers ------------------------------------------------------------------------------------------------------

local function send(self, route, status, text)
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    if text then
        ngx.header["Content-Length"] = #text + 1
        ngx.print(text, "\n")
    end
    self.scoring:count(route, status)
end

-- A text as JSON; what a client sent, and is told of, may be no UTF-8.
local function quote(text)
    local quoted = rows.quote(text)
    if text:find("[\128-\255]") and core.json_decode(quoted, 1, 1) == nil then
        quoted = quoted:gsub("[\128-\255]", "?")
    end
    return quoted
end

local function error_text(message, path)
    local text = '{"error":{"message":' .. quote(message)
    if path then text = text .. ',"path":' .. quote(path) end
    return text .. "}}"
end

local function refuse(self, route, status, message, path)
    send(self, route, status, error_text(message, path))
end

local function refuse_error(self, route, err)
    local status = STATUS[err.kind] or 500
    if status == 503 then ngx.header["Retry-After"] = "1" end
    -- Several errors at once: each with its place.
    local message = err.errors and #err.errors > 1 and tostring(err) or err.message or tostring(err)
    if err.line and err.message == message then message = ("line %d: %s"):format(err.line, message) end
    refuse(self, route, status, message, err.path)
end

local function allow(self, route, methods)
    if methods[ngx.var.request_method] then return true end
    local names = {}
    for name in pairs(methods) do
        names[#names + 1] = name
    end
    table.sort(names)
    ngx.header["Allow"] = table.concat(names, ", ")
    refuse(self, route, 405, ("expected %s, got %s"):format(table.concat(names, " or "), ngx.req.get_method()))
    return false
end

-- Takes as long for a wrong key as for the right one.
local function same(a, b)
    local differ = #a == #b and 0 or 1
    for i = 1, #b do
        if a:byte(i) ~= b:byte(i) then differ = differ + 1 end
    end
    return differ == 0
end

local function has_key(self, route)
    if not self.key then return true end
    local given = ngx.var.http_authorization
    given = given and given:match("^[Bb]earer +(.*)$") or ngx.var.http_x_api_key
    if given and same(given, self.key) then return true end
    ngx.header["WWW-Authenticate"] = "Bearer"
    refuse(self, route, 401, "expected the gateway's key (Authorization: Bearer KEY)")
    return false
end

-- The first byte of a text that is no blank, as a text.
local function first_of(text)
    local byte = text:byte(1)
    if byte and byte > 32 then return text:sub(1, 1) end
    return text:match("^%s*(.)")
end

-- The request's body, or nil after an answer.
local function read_body(self, route, what)
    ngx.req.read_body()
    local body = ngx.req.get_body_data()
    if not body then
        local path = ngx.req.get_body_file()
        local file = path and io.open(path, "rb")
        body = file and file:read("*a")
        if file then file:close() end
    end
    if body and first_of(body) then return body end
    refuse(self, route, 400, ("expected a body of %s, got none"):format(what or "JSON"))
    return nil
end

local function read_json(self, route)
    local kind = ngx.var.http_content_encoding
    if kind and kind ~= "identity" then
        refuse(self, route, 415, "expected a body without Content-Encoding, got " .. kind:sub(1, 40))
        return nil
    end
    local body = read_body(self, route)
    if not body then return nil end
    local value, err = core.json_decode(body, MOST_DEPTH, MOST_VALUES)
    if value == nil then
        refuse(self, route, 400, "cannot read the body as JSON: " .. tostring(err and err.message or err),
            type(err) == "table" and err.path or nil)
        return nil
    end
    return value, body
end

-- ---- events -------------------------------------------------------------------------------------------------------

local EVENTS = { POST = true }

-- The events of a body: one, or a list of them.
local function events_of(value, body)
    local first = first_of(body)
    if first == "{" then return value end
    if first ~= "[" then
        return nil, errors.new({ kind = "input", message = "expected an event (an object) or an array of them" })
    end
    return value
end

-- Times in numbers, as in files: what is too large for seconds is milliseconds.
local function read_times(events, single)
    for _, event in ipairs(single and { events } or events) do
        local at = type(event) == "table" and event.at
        if type(at) == "number" and math.abs(at) >= FIRST_MILLISECONDS and math.abs(at) < 1e15 then
            event.at = ("%.0f"):format(math.floor(at))
        end
    end
end

-- {"accepted":N}; with ?scores=1 also "contacts": their scores as they are now, without next_change_at.
local function accepted(self, count, events, single)
    if not ngx.var.arg_scores then return ('{"accepted":%d}'):format(count) end
    local texts, seen = {}, {}
    for _, event in ipairs(single and { events } or events) do
        local id = event.contact_id
        if not seen[id] then
            seen[id] = true
            local text = self.scoring:brief(id)
            if text then texts[#texts + 1] = text end
        end
    end
    return ('{"accepted":%d,"contacts":[%s]}'):format(count, table.concat(texts, ","))
end

--- POST /events
function Gateway:events()
    if not allow(self, "events", EVENTS) or not has_key(self, "events") then return end
    local value, body = read_json(self, "events")
    if value == nil then return end
    local events, err = events_of(value, body)
    if not events then return refuse_error(self, "events", err) end
    local single = first_of(body) == "{"
    if not single and rawget(events, 1) == nil then return send(self, "events", 202, '{"accepted":0}') end
    read_times(events, single)
    local count
    count, err = self.scoring:add(events)
    if not count then return refuse_error(self, "events", err) end
    send(self, "events", 202, accepted(self, count, events, single))
end

-- A cookie or a part of a path: the + of these is one.
local function unescape(text)
    return ngx.unescape_uri((text:gsub("%+", "%%2B")))
end

local function cookie_contact()
    local id = ngx.var.cookie_lead_id
    return id and unescape(id)
end

local BEACON = { GET = true, HEAD = true, POST = true }

--- GET /beacon?contact_id=42&event=page_viewed&url=/pricing: for pages, whose contact may be told by a cookie.
function Gateway:beacon()
    if not allow(self, "beacon", BEACON) then return end
    local event = {}
    for name, value in pairs(ngx.req.get_uri_args(50)) do
        if type(value) == "string" then event[name] = value end
    end
    event.contact_id = event.contact_id or cookie_contact()
    event.event = event.event or "page_viewed"
    event.url = event.url or ngx.var.http_referer
    local count, err = self.scoring:add(event)
    if not count then return refuse_error(self, "beacon", err) end
    ngx.header["Cache-Control"] = "no-store"
    send(self, "beacon", 204)
end

-- ---- contacts -----------------------------------------------------------------------------------------------------

local CONTACT, READ = { PUT = true, DELETE = true }, { GET = true, HEAD = true }

local function put_contact(self, id)
    local value, body = read_json(self, "contacts")
    if value == nil then return end
    if first_of(body) ~= "{" then
        return refuse(self, "contacts", 422, "expected properties (an object)")
    end
    local ok, err = self.scoring:set(id, value)
    if not ok then return refuse_error(self, "contacts", err) end
    send(self, "contacts", 200, '{"id":' .. quote(id) .. "}")
end

local function delete_contact(self, id)
    local forgotten, err = self.scoring:forget(id)
    if forgotten == nil then return refuse_error(self, "contacts", err) end
    if not forgotten then return refuse(self, "contacts", 404, "the contact is not known", "contact_id") end
    send(self, "contacts", 204)
end

-- ?at=: a time as text, or seconds. A + is that of an offset where that makes a time, else a blank.
local function instant_argument()
    local at = ngx.var.arg_at
    if not at then return nil end
    local text = unescape(at)
    return core.read_time(text) and text or ngx.unescape_uri(at)
end

local function read_contact(self, id, what, has_arguments)
    local text, err
    local at = has_arguments and instant_argument() or nil
    if what == "score" then
        text, err = self.scoring:answer(id, at)
    else
        text, err = self.scoring:explain(id, at)
    end
    if not text then return refuse_error(self, what, err) end
    send(self, what, 200, text)
end

--- PUT and DELETE /contacts/ID, GET /contacts/ID/score and /contacts/ID/explain
function Gateway:contacts()
    local id, rest, arguments = ngx.var.request_uri:match("^/contacts/([^/?]+)([^?]*)(.*)$")
    if id and id:find("%", 1, true) then id = unescape(id) end
    if rest == "/score" or rest == "/explain" then
        local what = rest:sub(2)
        if allow(self, what, READ) and has_key(self, what) then read_contact(self, id, what, arguments ~= "") end
    elseif rest == "" then
        if not allow(self, "contacts", CONTACT) or not has_key(self, "contacts") then return end
        if ngx.req.get_method() == "PUT" then put_contact(self, id) else delete_contact(self, id) end
    else
        refuse(self, "contacts", 404, "expected /contacts/ID, /contacts/ID/score or /contacts/ID/explain")
    end
end

-- ---- the gateway itself -------------------------------------------------------------------------------------------

local DEFINITIONS = { GET = true, HEAD = true, PUT = true }

--- GET and PUT /definitions: what is scored by, and other definitions (Lua or JSON) in their place, in all workers.
function Gateway:definitions()
    if not allow(self, "definitions", DEFINITIONS) or not has_key(self, "definitions") then return end
    if ngx.req.get_method() == "PUT" then
        local body = read_body(self, "definitions", "JSON or Lua")
        if not body then return end
        local ok, err = self.scoring:swap(body)
        if not ok then return refuse_error(self, "definitions", err) end
    end
    local now, err = self.scoring:definitions()
    if not now then return refuse_error(self, "definitions", err) end
    local names = {}
    for i, name in ipairs(now.names) do
        names[i] = quote(name)
    end
    send(self, "definitions", 200, ('{"version":%d,"names":[%s],"fingerprint":"%s"}'):format(now.version,
        table.concat(names, ","), now.fingerprint))
end

--- GET /metrics
function Gateway:metrics()
    if not allow(self, "metrics", READ) then return end
    local text, err = self.scoring:metrics()
    if not text then return refuse_error(self, "metrics", err) end
    ngx.header["Content-Type"] = "text/plain; version=0.0.4"
    ngx.print(text)
end

--- GET /health: 200 where events are taken and scores answered, else 503 and why.
function Gateway:health()
    if not allow(self, "health", READ) then return end
    local status, why = self.scoring:health()
    local text = ('{"status":"%s","worker":%d'):format(status, ngx.worker.id() or 0)
    if why then text = text .. ',"why":' .. quote(why) end
    send(self, "health", status == "ok" and 200 or 503, text .. "}")
end

local MESSAGES = {
    [400] = "the request cannot be read", [404] = "there is nothing here", [408] = "the request took too long",
    [413] = "the body is too long", [414] = "the address is too long", [431] = "the headers are too long",
    [505] = "expected HTTP/1.0, 1.1 or 2", [502] = "the site behind it does not answer",
    [503] = "not now", [504] = "the site behind it takes too long",
}

--- What nginx itself refuses, as JSON too.
function Gateway:error()
    send(self, "nginx", ngx.status, error_text(MESSAGES[ngx.status] or "an error of the gateway"))
end

-- ---- the site behind it -------------------------------------------------------------------------------------------

local function visitor()
    local argument = ngx.var.arg_contact_id
    return cookie_contact() or argument and ngx.unescape_uri(argument)
end

--- In access: the upstream's headers; the label, by which it is routed. Of "/contacts/../score"
--- nginx makes another address: it is the contact ".." all the same.
function Gateway:headers()
    if ngx.var.request_uri:sub(1, 10) == "/contacts/" then return ngx.exec("/contacts/", ngx.var.args) end
    local _, label = self.scoring:headers(visitor())
    return label
end

--- In log: a page of the site was viewed. After the answer, so that nobody waits for it.
function Gateway:viewed()
    local id = visitor()
    if not id or ngx.status ~= 200 then return end
    local ok, err = self.scoring:add({ contact_id = id, event = "page_viewed", url = ngx.var.uri })
    if not ok then ngx.log(ngx.INFO, "a view was not counted: ", tostring(err)) end
end

--- A site, for the example: says what it was told.
function Gateway:site(name)
    local headers = ngx.req.get_headers()
    ngx.header["Content-Type"] = "text/plain"
    ngx.say(("site: %s\nX-Lead-Score: %s\nX-Lead-Label: %s"):format(name, headers["X-Lead-Score"] or "-",
        headers["X-Lead-Label"] or "-"))
end

return M
