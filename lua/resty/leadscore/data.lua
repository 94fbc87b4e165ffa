-- What comes in, checked before it is written anywhere: what the log holds must be fit to be read by the batch.

local core = require("leadscore.core")
local errors = require("leadscore.error")
local rows = require("leadscore.rows")

local M = {}

local MOST_ID, MOST_NAME, MOST_PROPERTIES = 512, 512, 1000 -- bytes, bytes, of one event or change
local BLANK = " \t\r\n"

local function wrong(path, message)
    return nil, errors.new({ kind = "input", path = path, message = message })
end

-- Whether a text can stand in the log: what comes in addresses may be any bytes.
local function is_utf8(text)
    return not text:find("[\128-\255]") or core.json_decode(rows.quote(text), 1, 1) ~= nil
end

--- An id as text without surrounding blanks.
---@param value any
---@param path string where it stands, for errors
---@return string|nil id
---@return leadscore.Error|nil err
function M.id(value, path)
    if type(value) == "number" then
        local text, why = rows.number(value)
        if not text then return wrong(path, why) end
        return text
    end
    if type(value) ~= "string" then
        local got = (value == nil or value == core.null) and "none" or type(value)
        return wrong(path, "expected an id (a text or a number), got " .. got)
    end
    local first, last = value:byte(1), value:byte(-1)
    if not first or first <= 32 or last <= 32 then
        value = value:match("^[" .. BLANK .. "]*(.-)[" .. BLANK .. "]*$")
        if value == "" then return wrong(path, "expected an id, got none") end
    end
    if #value > MOST_ID then
        return wrong(path, ("expected an id of at most %d bytes, got %d"):format(MOST_ID, #value))
    end
    if value:find("%z") then return wrong(path, "expected an id, got one with a NUL byte") end
    if not is_utf8(value) then return wrong(path, "expected an id in UTF-8") end
    return value
end

--- An instant as seconds.
---@return integer|nil at
---@return leadscore.Error|nil err
function M.instant(at)
    if type(at) == "number" then
        if at ~= at or at < -62135596800 or at > 253402300799 then
            return wrong("at", "expected seconds since 1970 in the years 1 to 9999")
        end
        at = math.floor(at)
        return at
    end
    local seconds = type(at) == "string" and core.read_time(at)
    if not seconds then
        return wrong("at", ("cannot read %s as a time (2025-01-31T09:30:00Z, seconds since 1970)"):format(
            type(at) == "string" and '"' .. at:sub(1, 60) .. '"' or type(at)))
    end
    return seconds
end

--- Events as a list, and whether they were given as one.
function M.events(events)
    if type(events) ~= "table" then
        error("resty.leadscore: add: expected an event or a list of them, got " .. type(events), 3)
    end
    if rawget(events, 1) ~= nil then return events, true end
    return { events }, false
end

--- An error of an event as one of the list it is in.
function M.in_list(err, index)
    if not index then return err end
    local place = ("[%d]"):format(index)
    return errors.new({
        kind = err.kind, message = err.message, path = err.path and place .. "." .. err.path or place,
        expected = err.expected, got = err.got, nearest = err.nearest,
    })
end

-- Whether a table is a list of plain values; nulls in it are taken out.
local function check_list(list)
    local last, nulls = 0, 0
    for i, value in next, list do
        if type(i) ~= "number" or type(value) == "table" then return false end
        if type(value) == "string" and not is_utf8(value) then return false, "expected texts in UTF-8" end
        if value == core.null then nulls = nulls + 1 end
        last = last + 1
    end
    if nulls > 0 then
        local kept = 0
        for i = 1, last do
            local value = list[i]
            list[i] = nil
            if value ~= core.null then
                kept = kept + 1
                list[kept] = value
            end
        end
    end
    return true
end
if rawget(_G, "jit") then require("jit").off(check_list, true) end -- 2.1.0-beta3 miscompiles loops over `next`

-- Names and kinds of values; what they must be for the definitions of today is the ledger's business.
local function check_names(properties)
    local count = 0
    for name, value in next, properties do
        count = count + 1
        if type(name) ~= "string" then return wrong(nil, "expected names and values, got a list") end
        if #name > MOST_NAME then return wrong(name:sub(1, 40), "expected a shorter name") end
        if name == "" or name:find("%z") then return wrong(nil, "expected a name, got an empty one or a NUL byte") end
        if not is_utf8(name) then return wrong(nil, "expected names in UTF-8") end
        if type(value) == "string" and not is_utf8(value) then return wrong(name, "expected a text in UTF-8") end
        if type(value) == "table" then
            local fits, why = check_list(value)
            if not fits then return wrong(name, why or "expected a text, a number, a boolean or a list of them") end
        end
    end
    if count > MOST_PROPERTIES then
        return wrong(nil, ("expected at most %d properties, got %d"):format(MOST_PROPERTIES, count))
    end
    return true
end
if rawget(_G, "jit") then require("jit").off(check_names, true) end -- 2.1.0-beta3 miscompiles loops over `next`

-- The ledger's errors name the property that is wrong.
local function input_error(err)
    if type(err) == "table" then return err end
    return errors.new({ kind = "input", message = tostring(err) })
end

--- Checks an event, and completes it: its contact's id as text, its time.
---@param event table changed
---@param now integer
---@param scratch leadscore.Ledger one that it is tried on
---@return true|nil ok
---@return leadscore.Error|nil err
function M.check_event(event, now, scratch)
    if type(event) ~= "table" then
        return wrong(nil, "expected an event (an object), got " .. (event == core.null and "null" or type(event)))
    end
    local id, err = M.id(event.contact_id, "contact_id")
    if not id then return nil, err end
    event.contact_id = id
    local name = event.event
    if type(name) ~= "string" or not name:find("[^ \t\r\n]") then
        local got = type(name) == "string" and "a blank one" or type(name)
        if name == nil or name == core.null then got = "none" end
        return wrong("event", "expected the event's name (a text), got " .. got)
    end
    if #name > MOST_NAME then return wrong("event", ("expected a name of at most %d bytes"):format(MOST_NAME)) end
    if event.at == nil or event.at == core.null then
        event.at = now
    else
        local ok
        ok, err = M.instant(event.at)
        if not ok then return nil, err end
    end
    if event.id ~= nil and event.id ~= core.null and event.id ~= "" then
        event.id, err = M.id(event.id, "id")
        if not event.id then return nil, err end
    else
        event.id = nil
    end
    local ok
    ok, err = check_names(event)
    if not ok then return nil, err end
    ok, err = scratch:add(event)
    scratch:_evict(id)
    if not ok then return nil, input_error(err) end
    return true
end

--- Checks a change of properties.
function M.check_properties(id, properties, scratch)
    if type(properties) ~= "table" then
        return wrong(nil, "expected properties (an object), got " .. type(properties))
    end
    local ok, err = check_names(properties)
    if not ok then return nil, err end
    if properties.id ~= nil then
        local own
        own, err = M.id(properties.id, "id")
        if not own then return nil, err end
        if own ~= id then return wrong("id", ("expected the contact's id %s, or none"):format(id:sub(1, 60))) end
        properties.id = nil
    end
    ok, err = scratch:set(id, properties)
    scratch:_evict(id)
    if not ok then return nil, input_error(err) end
    return true
end

return M
