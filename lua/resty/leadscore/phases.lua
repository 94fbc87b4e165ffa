-- Which call is allowed in which phase of a request. What is not allowed says so: it returns nil and an error whose
-- kind is "phase", and nothing was done. The page leadscore/hosts.md has the same as a table.

local errors = require("leadscore.error")

local M = {}

-- Phases in which a Lua coroutine may wait for a socket.
local WAITS = { rewrite = true, access = true, content = true, timer = true, ssl_cert = true, ssl_session_fetch = true }
-- Phases in which a shared dict may be read and written, and the log too.
local WORKS = {
    set = true, header_filter = true, body_filter = true, log = true, balancer = true, init_worker = true,
    exit_worker = true, server_rewrite = true,
}
for phase in pairs(WAITS) do
    WORKS[phase] = true
end
-- Phases that can start a timer.
local TIMERS = {
    init_worker = true, set = true, rewrite = true, access = true, content = true, header_filter = true,
    body_filter = true, log = true, timer = true, balancer = true, server_rewrite = true,
}

local function refusal(call, phase, why)
    return nil, errors.new({
        kind = "phase", message = ("%s: not in the phase %s: %s"):format(call, tostring(phase), why),
    })
end

--- The current phase.
---@return string
function M.now()
    return ngx.get_phase()
end

--- Whether the store can be asked now. waits: whether the store is asked over a socket.
---@param call string
---@param waits boolean
---@return true|nil ok
---@return leadscore.Error|nil err
function M.may_read(call, waits)
    local phase = ngx.get_phase()
    if waits then
        if WAITS[phase] then return true end
        return refusal(call, phase, "Redis is asked over a socket, for which only rewrite, access, content and timers "
            .. "can wait")
    end
    if WORKS[phase] then return true end
    return refusal(call, phase, "there is no worker yet")
end

--- Whether something can be added now.
function M.may_add(call)
    local phase = ngx.get_phase()
    if WORKS[phase] and TIMERS[phase] then return true end
    return refusal(call, phase, phase == "init" and "there is no worker yet" or "nothing can be left to a timer here")
end

--- Whether a socket can be waited for in this phase.
function M.waits()
    return WAITS[ngx.get_phase()] or false
end

return M
