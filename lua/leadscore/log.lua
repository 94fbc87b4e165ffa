-- The event log: files of lines that `--log FOLDER` replays. Here lines are made and appended; reading them is the
-- core's business. Nothing is opened before the first line is written.

local core = require("leadscore.core")
local errors = require("leadscore.error")
local rows = require("leadscore.rows")
local show = require("leadscore.check.context").show

local M = {}

-- The longest line that is read back.
local MOST_LINE = 16 * 1024 * 1024 - 1
local quote = rows.quote

-- ---- lines --------------------------------------------------------------------------------------------------------

local function wrong(path, message)
    return nil, errors.new({ kind = "input", path = path, message = message })
end

local function has_zero(text)
    return text:find("\0", 1, true) ~= nil
end

-- An id as JSON text, or nil and an error: a text or a number, not blank.
local function id_text(id, name)
    if type(id) == "number" then
        local text, why = rows.number(id)
        if not text then return wrong(name, why) end
        return quote(text)
    end
    if type(id) ~= "string" then return wrong(name, "expected a text or a number, got " .. type(id)) end
    if has_zero(id) then return wrong(name, "expected text, got a NUL byte") end
    if not id:find("[^ \t\r\n]") then return wrong(name, "expected an id, got none") end
    return quote(id)
end

-- Whether a value, or one in its list, has a zero byte.
local function holds_zero(value)
    for _, each in ipairs(type(value) == "table" and value or { value }) do
        if type(each) == "string" and has_zero(each) then return true end
    end
    return false
end

-- The text of a property's value.
local function value_text(key, value)
    if value == core.null then return "null" end
    if holds_zero(value) then return wrong(key, "expected text, got a NUL byte") end
    local text, why = rows.value(value)
    if not text then return wrong(key, why) end
    return text
end

-- The object of all properties but those in `passed`.
local function properties_text(properties, passed)
    local parts = {}
    for key, value in next, properties do
        if type(key) ~= "string" then return wrong(nil, "expected names as keys, got a " .. type(key)) end
        if not (passed and passed[key]) then
            if key == "" or has_zero(key) then return wrong(nil, "expected a name, got an empty one or a NUL byte") end
            local text, err = value_text(key, value)
            if not text then return nil, err end
            parts[#parts + 1] = quote(key) .. ":" .. text
        end
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- The start of a line. ts may be left out: the line keeps its place in its file.
local function head(op, ts, id)
    local stamp = ""
    if ts ~= nil then
        if type(ts) ~= "number" or ts ~= math.floor(ts) or ts < 0 or ts > 2 ^ 53 then
            error("leadscore.log: ts: expected a whole number from 0 to 2^53, got " .. tostring(ts), 3)
        end
        stamp = (',"ts":%d'):format(ts)
    end
    return ('{"v":1,"op":"%s"%s,"contact_id":%s'):format(op, stamp, id)
end

local function finished(line)
    if #line > MOST_LINE then return wrong(nil, ("expected a line of at most %d bytes"):format(MOST_LINE)) end
    return line .. "\n"
end

-- The time of an event as JSON; fractions of seconds are cut off, as everywhere.
local function time_text(at)
    local text, why
    if type(at) == "number" then
        text, why = rows.number(math.abs(at) < 2 ^ 53 and math.floor(at) or at)
        if not text then return wrong("at", why) end
    elseif type(at) == "string" then
        text = at
    else
        return wrong("at", "expected a time, got " .. type(at))
    end
    if not core.read_time(text) then return wrong("at", ("cannot read %s as a time"):format(show(text))) end
    return type(at) == "string" and quote(at) or text
end

local function event_name(name)
    if type(name) ~= "string" or not name:find("[^ \t\r\n]") then
        return wrong("event", "expected the event's name, got " .. (type(name) == "string" and "none" or type(name)))
    end
    if has_zero(name) then return wrong("event", "expected text, got a NUL byte") end
    return quote(name)
end

local OWN = { contact_id = true, event = true, at = true, id = true }

--- The line of an event.
---@param event table { contact_id =, event =, at =, id = (optional), ... its properties }, as ledger:add takes it
---@param ts? integer orders lines over files: milliseconds since 1970 * 1024 + a counter, no two alike
---@return string|nil line with its line feed
---@return leadscore.Error|nil err what is wrong with it
function M.event(event, ts)
    local id, name, at, identity, properties, err
    id, err = id_text(event.contact_id, "contact_id")
    if not id then return nil, err end
    name, err = event_name(event.event)
    if not name then return nil, err end
    at, err = time_text(event.at)
    if not at then return nil, err end
    local line = { head("event", ts, id), ',"event":', name, ',"at":', at }
    if event.id ~= nil and event.id ~= core.null and event.id ~= "" then
        identity, err = id_text(event.id, "id")
        if not identity then return nil, err end
        line[#line + 1] = ',"id":' .. identity
    end
    properties, err = properties_text(event, OWN)
    if not properties then return nil, err end
    if properties ~= "{}" then line[#line + 1] = ',"properties":' .. properties end
    line[#line + 1] = "}"
    return finished(table.concat(line))
end

--- The line of a change of properties: what is named is set, the rest stays; `null` or "" makes a property unknown.
---@param id string|number the contact's
---@param properties table<string, any>
---@param ts? integer
---@return string|nil line
---@return leadscore.Error|nil err
function M.set(id, properties, ts)
    local contact, text, err
    contact, err = id_text(id, "contact_id")
    if not contact then return nil, err end
    text, err = properties_text(properties)
    if not text then return nil, err end
    return finished(head("set", ts, contact) .. ',"properties":' .. text .. "}")
end

--- The line of a contact that is forgotten with all that was known of it.
---@param id string|number
---@param ts? integer
---@return string|nil line
---@return leadscore.Error|nil err
function M.forget(id, ts)
    local contact, err = id_text(id, "contact_id")
    if not contact then return nil, err end
    return finished(head("forget", ts, contact) .. "}")
end

-- ---- appending ----------------------------------------------------------------------------------------------------

--- Appends lines to the files of one writer in a folder: NAME.ndjson, then NAME-0002.ndjson and so on.
---@class leadscore.LogWriter
local Writer = {}
Writer.__index = Writer
Writer.__name = "leadscore.LogWriter"

local SYNC = { never = true, second = true, always = true }
local SYNC_EVERY = 1 -- seconds, of "second"

local function raise(message)
    error("leadscore.log.writer: " .. message, 3)
end

local function is_name(text)
    return type(text) == "string" and text ~= "" and not has_zero(text)
end

local function path_of(self, number)
    return self.folder .. "/" .. self.name .. (number > 1 and ("-%04d"):format(number) or "") .. ".ndjson"
end

--- A writer. It opens its file (and makes the folder, where only that is missing) with the first lines that it writes,
--- or by writer:open(). A name belongs to one writer at a time: with a process id and a time in it, no two meet.
---@param options table folder=, name= (of its files, without ending), fsync= "never" (the system writes when it
--- likes; lines survive a killed process, not a machine that stops), "second" (with writer:tick) or "always" (before
--- write answers); rotate_bytes= (a file that is longer is followed by the next; never when left out)
---@return leadscore.LogWriter writer
function M.writer(options)
    local folder, name, fsync = options.folder, options.name, options.fsync or "never"
    if not is_name(folder) then raise("folder: expected a path, got " .. tostring(folder)) end
    if not is_name(name) or name:find("[/\n]") or name:find("^[._]") then
        raise("name: expected a file's name without / that begins with no dot or underscore, got " .. tostring(name))
    end
    if not SYNC[fsync] then raise('fsync: expected "never", "second" or "always", got ' .. tostring(fsync)) end
    local most = options.rotate_bytes
    if most ~= nil and (type(most) ~= "number" or most < 1) then
        raise("rotate_bytes: expected a size in bytes, got " .. tostring(most))
    end
    folder = folder:gsub("(.)/+$", "%1")
    return setmetatable({ folder = folder, name = name, fsync = fsync, most = most, number = 1, synced = 0 }, Writer)
end

local function check_open(self)
    if self.closed then error("leadscore: log writer is closed", 3) end
end

local function new_file(self)
    local file, err = core.append(path_of(self, self.number), self.fsync ~= "never")
    if not file then return nil, errors.wrap(err, "io") end
    self.file = file
    return true
end

-- Opens the file of this number; makes the folder if that is what is missing.
local function open_file(self)
    if not self.file then
        local made, err = new_file(self)
        if not made then return nil, err end
    end
    local ok, err = self.file:open()
    if not ok then
        local lfs = require("lfs")
        if not lfs.attributes(self.folder, "mode") and lfs.mkdir(self.folder) then ok, err = self.file:open() end
    end
    if not ok then return nil, errors.wrap(err, "io") end
    return true
end

-- Goes on to the first file that has room.
local function turn(self)
    while self.most and (self.file:size() or 0) >= self.most do
        if self.fsync ~= "never" then
            local ok, err = self.file:sync()
            if not ok then return nil, errors.wrap(err, "io") end
        end
        self.file:close()
        self.file, self.number = nil, self.number + 1
        local ok, err = open_file(self)
        if not ok then return nil, err end
    end
    return true
end

--- Opens the file, to know early whether it can be written. A last line without its end is cut off: whoever wrote it
--- did not live to acknowledge it.
---@return true|nil ok
---@return leadscore.Error|nil err
function Writer:open()
    check_open(self)
    local ok, err = open_file(self)
    if not ok then return nil, err end
    return turn(self)
end

-- Appends whole lines; stay: only to the file that is open already, as long as its name leads to it.
local function append(self, lines, stay)
    check_open(self)
    local text = type(lines) == "table" and table.concat(lines) or lines
    if text == "" then return true end
    if type(text) ~= "string" or text:byte(-1) ~= 10 then
        error("leadscore: log writer: expected whole lines, each with its line feed", 3)
    end
    local ok, err = true, nil
    if not stay then ok, err = open_file(self) end
    if ok then ok, err = turn(self) end
    if not ok then return nil, err end
    ok, err = self.file:write(text, self.fsync == "always", stay)
    if ok == nil then return nil, errors.wrap(err, "io") end
    return ok
end

--- Appends whole lines, in one write. When it fails nothing of them is left in the file.
---@param lines string|string[] each with its line feed
---@return true|nil ok
---@return leadscore.Error|nil err
function Writer:write(lines)
    return append(self, lines, false)
end

--- As write, but only to the file that is open: where that was moved away or removed nothing is written, and a host may
--- go on with a file of another name.
---@param lines string|string[]
---@return boolean|nil ok false: there is no such file now
---@return leadscore.Error|nil err
function Writer:write_on(lines)
    check_open(self)
    if not self.file or not self.file:size() then return false end
    return append(self, lines, true)
end

--- To be called about each second where fsync is "second": brings what was written to the disk.
---@param now? number seconds of any clock that goes on evenly; the system's own when left out
---@return true|nil ok
---@return leadscore.Error|nil err
function Writer:tick(now)
    check_open(self)
    now = now or core.clock()
    if self.fsync ~= "second" or not self.file or (now >= self.synced and now - self.synced < SYNC_EVERY) then
        return true
    end
    self.synced = now
    local ok, err = self.file:sync()
    if not ok then return nil, errors.wrap(err, "io") end
    return true
end

--- The file that is being written, and how many bytes of whole lines it has.
---@return string|nil path nil before the first lines
---@return integer|nil bytes
function Writer:position()
    check_open(self)
    local size = self.file and self.file:size()
    if not size then return nil end
    return path_of(self, self.number), size
end

--- Closes the file; with fsync "second" or "always" it is on the disk then.
---@return true|nil ok
---@return leadscore.Error|nil err
function Writer:close()
    local file, ok, err = self.file, true, nil
    self.closed, self.file = true, nil
    if not file then return true end
    if self.fsync ~= "never" then ok, err = file:sync() end
    file:close()
    if not ok then return nil, errors.wrap(err, "io") end
    return true
end

Writer.__close = function(self) self:close() end

function Writer:__tostring()
    return ("log writer: %s (fsync %s)%s"):format(path_of(self, self.number), self.fsync,
        self.closed and " (closed)" or "")
end

M.Writer = Writer

-- ---- replaying ----------------------------------------------------------------------------------------------------

-- Files are read in the order of their stamps, which ascend in each file nearly always. Each is read twice: first for
-- its lines that come late, which are held in memory, and for where it begins, so that few files are open at a time.

local EVERY = 1000 -- lines between looks at progress
local SECOND = 1000 * 1024 -- of stamps

-- Where a line is in the order of all.
local function is_before(a, b)
    if a.stamp ~= b.stamp then return a.stamp < b.stamp end
    if a.file ~= b.file then return a.file < b.file end
    return a.line < b.line
end

local function open_reader(source)
    local reader, err = core.log_reader(source.path, source.gzip)
    if not reader then return nil, errors.wrap(err, "io") end
    return reader
end

local function line_at(file, op, stamp, line)
    return { file = file.number, stamp = stamp or -math.huge, line = line, op = op, source = file.source }
end

-- Reads a file for the first time.
local function survey(file, step)
    local reader, err = open_reader(file.source)
    if not reader then return nil, err end
    local highest = -math.huge
    while step() do
        local op, stamp, line = reader:next()
        if op then
            local place = line_at(file, op, stamp, line)
            file.last, file.first = line, file.first or place
            if place.stamp >= highest then
                highest = place.stamp
            else
                place.id, place.what = reader:said()
                file.late[#file.late + 1] = place.id and place or nil
            end
        elseif line then
            reader:close()
            return nil, errors.wrap(stamp)
        elseif not stamp then
            break
        end
    end
    file.unfinished = reader:unfinished()
    reader:close()
    table.sort(file.late, is_before)
    return true
end

-- The late lines of a file, in order.
local function late_cursor(file)
    local at = 0
    return {
        advance = function(self)
            at = at + 1
            self.head = file.late[at]
            return true
        end,
        close = function() end,
    }
end

-- The other lines of a file; passes(err) says whether to go on past a line that says nothing.
local function file_cursor(file, passes)
    local reader, highest = nil, -math.huge
    local function next_line()
        local op, stamp, line = reader:next()
        if op and line <= file.last then
            local place = line_at(file, op, stamp, line)
            if place.stamp < highest then return "late" end
            highest = place.stamp
            local id, what = reader:said()
            if not id then return nil, what end
            place.id, place.what = id, what
            return place
        end
        if not op and stamp then return nil, stamp, line end
        return "end"
    end
    return {
        advance = function(self)
            local err
            if not reader then reader, err = open_reader(file.source) end
            if not reader then return nil, err end
            while true do
                local place, problem, fatal = next_line()
                if type(place) == "table" then
                    self.head = place
                    return true
                elseif place == "end" then
                    self.head = nil
                    return true
                elseif not place and (fatal or not passes(errors.wrap(problem))) then
                    return nil, errors.wrap(problem)
                end
            end
        end,
        close = function()
            if reader then reader:close() end
        end,
    }
end

local function close_all(cursors)
    for _, cursor in ipairs(cursors) do
        cursor.close()
    end
end

-- Opens the files that begin before the first of the lines at hand. Answers the place of that line, nil where there is
-- none left, or false and an error.
local function first_of(active, files, passes)
    while true do
        local best
        for i, cursor in ipairs(active) do
            if not best or is_before(cursor.head, active[best].head) then best = i end
        end
        local file = files[files.next]
        if not file or (best and is_before(active[best].head, file.first)) then return best end
        files.next = files.next + 1
        for _, cursor in ipairs({ late_cursor(file), file_cursor(file, passes) }) do
            local ok, err = cursor:advance()
            if not ok then
                cursor.close()
                return false, err
            end
            if cursor.head then
                active[#active + 1] = cursor
            else
                cursor.close()
            end
        end
    end
end

-- Calls take(line) for all lines in order, until it answers nil and an error.
local function merge(active, files, passes, take)
    while true do
        local best, err = first_of(active, files, passes)
        if best == nil then return true end
        if best == false then return nil, err end
        local cursor = active[best]
        local ok, problem = take(cursor.head)
        if ok then ok, problem = cursor:advance() end
        if not ok then return nil, problem end
        if not cursor.head then
            cursor.close()
            table.remove(active, best)
        end
    end
end

local function survey_all(list, counts, step)
    local files = { next = 1 }
    for number, source in ipairs(list) do
        local file = { number = number, source = source, late = {} }
        local ok, err = survey(file, step)
        if not ok then return nil, err end
        if file.late[1] and is_before(file.late[1], file.first) then file.first = file.late[1] end
        if file.first then files[#files + 1] = file end
        if file.unfinished then
            counts.unfinished[#counts.unfinished + 1] = { file = source.path, line = file.unfinished }
        end
    end
    table.sort(files, function(a, b) return is_before(a.first, b.first) end)
    return files
end

-- What a line does to a ledger; counted.
local function apply(ledger, line, counts)
    if line.op == "event" then
        local now = line.stamp > -math.huge and math.floor(line.stamp / SECOND) or nil
        local outcome, err = ledger:add(line.what, now)
        if not outcome then return nil, err end
        local name = outcome == "repeated" and "repeated" or "events"
        counts[name] = counts[name] + 1
    elseif line.op == "set" then
        local ok, err = ledger:set(line.id, line.what)
        if not ok then return nil, err end
        counts.sets = counts.sets + 1
    else
        ledger:forget(line.id)
        counts.forgets = counts.forgets + 1
    end
    return true
end

local function at_line(err, line)
    return errors.new({ kind = err.kind, file = line.source.path, line = line.line, message = tostring(err) })
end

-- Ledger:replay; raises `level` up for passes usage.
function M._replay(ledger, folders, options, level)
    local rejects, progress = options.rejects, options.progress
    local list, notes = require("leadscore.sources").expand({ log = folders }, level + 1)
    if not list then return nil, notes end
    local counts = { lines = 0, events = 0, repeated = 0, sets = 0, forgets = 0, rejected = 0, unfinished = {} }
    local seen, stopped = 0, false
    local function step()
        seen = seen + 1
        if progress and seen % EVERY == 0 and progress(counts) == false then stopped = true end
        return not stopped
    end
    local function passes(err)
        if not rejects then return false end
        counts.rejected = counts.rejected + 1
        rejects(err)
        return true
    end
    local function take(line)
        if not step() then return nil end
        counts.lines = counts.lines + 1
        local ok, err = apply(ledger, line, counts)
        err = not ok and at_line(err, line)
        if ok or passes(err) then return true end
        return nil, err
    end
    local active = {}
    local files, err = survey_all(list, counts, step)
    local ok = files ~= nil
    if ok then ok, err = merge(active, files, passes, take) end
    close_all(active)
    if stopped then return nil, errors.new({ kind = "interrupted", message = "interrupted" }) end
    if not ok then return nil, err end
    return counts
end

return M
