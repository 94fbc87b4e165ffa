-- One record with the records it belongs to (tables inside tables), scored as a dataset of its own: what is inside
-- becomes rows of contacts, companies, deals, events and associations, which the core reads and scores. For definitions
-- of companies and deals, and of contacts that ask for associated records; other records go to the core's own scorer.
--
-- A record that appears twice (the same table, or the same `id`) is one; what is known of it comes together. One
-- without an id is given its place as id: "contacts[2]".

local core = require("leadscore.core")
local rows = require("leadscore.rows")
local schema = require("leadscore.schema")

if rawget(_G, "jit") then require("jit").off(true, true) end -- 2.1.0-beta3 miscompiles loops over `next`

local M = {}

local FILES = { contact = "contacts", company = "companies", deal = "deals" }
local OBJECTS = { "contact", "company", "deal" }
-- Relations whose names are those of lists; `company` may well be a property, and so may a list of texts.
local LISTS = { contacts = true, primary_contacts = true, companies = true, deals = true }
-- Relations to primary companies: their associations have that label.
local PRIMARY = { company = true, primary_contacts = true }
local UNITS = {
    second = 1, minute = 60, hour = 3600, day = 86400, week = 604800, month = 2592000, year = 31536000,
}

-- Raised inside this file for a wrong datum, caught by its entrances.
local function wrong(place, format, ...)
    error({ datum = { kind = "input", path = place, message = format:format(...) } }, 0)
end

local function is_null(value)
    return value == nil or value == core.null
end

-- ---- values -----------------------------------------------------------------------------------------------------

local function scalar(value, place)
    local kind = type(value)
    if kind == "string" then return value end
    if kind == "boolean" then return tostring(value) end
    if kind ~= "number" then wrong(place, "expected text, number or boolean, got %s", kind) end
    local text = rows.number(value)
    return text or wrong(place, "expected a finite number")
end

local function check_array(list, place)
    local count = #list
    for key in next, list do
        if type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
            wrong(place, "expected an array, got a table with other keys")
        end
    end
    return count
end

-- A value as a file would have it.
local function text_of(value, place)
    if type(value) ~= "table" then return scalar(value, place) end
    local parts = {}
    for i = 1, check_array(value, place) do
        local element = rawget(value, i)
        if not is_null(element) then parts[#parts + 1] = scalar(element, ("%s[%d]"):format(place, i)) end
    end
    return table.concat(parts, ";")
end

local function id_of(record, place)
    local id = rawget(record, "id")
    if is_null(id) then return nil end
    if type(id) ~= "string" and type(id) ~= "number" then
        wrong(place .. "id", "expected a text or a number, got %s", type(id))
    end
    local text = text_of(id, place .. "id"):match("^[ \t\r\n]*(.-)[ \t\r\n]*$")
    return text ~= "" and text or nil
end

-- An event's time as text: a number of seconds, a text as in files, or "10 days ago".
local function time_of(value, at, place)
    if type(value) == "string" then
        local count, unit, way = value:match("^ *(%d+) +(%a+) +(%a[%a ]-) *$")
        local seconds = unit and UNITS[(unit:gsub("s$", ""))]
        way = way and way:gsub(" +", " ")
        if seconds and #count <= 11 and (way == "ago" or way == "from now") then
            value = at + (way == "ago" and -1 or 1) * tonumber(count) * seconds
        else
            value = core.read_time(value) or wrong(place,
                'cannot read "%s" as a time (2025-01-31T09:30:00Z, seconds, 10 days ago)', value:sub(1, 60))
        end
    end
    if type(value) ~= "number" then wrong(place, "expected a time, got %s", type(value)) end
    local ok, text = pcall(core.print_time, math.floor(value))
    return ok and text or wrong(place, "expected seconds since 1970 in the years 1 to 9999, got %s", tostring(value))
end

-- ---- what is inside a record ------------------------------------------------------------------------------------

-- The records under a relation's name; nil: it is a property that is named so.
local function nested(relation, value)
    if type(value) ~= "table" then return nil end
    if relation == "company" and rawget(value, 1) == nil and next(value) ~= nil then return { value } end
    if type(rawget(value, 1)) ~= "table" and next(value) ~= nil then return nil end
    return value
end

local function add_events(world, member, events, place)
    if type(events) ~= "table" then wrong(place, "expected an array, got %s", type(events)) end
    for i = 1, check_array(events, place) do
        local event, where = rawget(events, i), ("%s[%d]"):format(place, i)
        if type(event) ~= "table" then wrong(where, "expected an event's table, got %s", type(event)) end
        local name = rawget(event, "event")
        local at = rawget(event, "at")
        if is_null(name) then name = rawget(event, 1) end
        if is_null(at) then at = rawget(event, 2) end
        if type(name) ~= "string" then wrong(where .. ".event", "expected the event's name, got %s", type(name)) end
        local row = { event = name, at = time_of(at, world.at, where .. ".at") }
        for key, value in next, event do
            if type(key) == "number" and key ~= 1 and key ~= 2 then
                wrong(where, "expected { NAME, AT } or names, got more")
            elseif type(key) ~= "number" and type(key) ~= "string" then
                wrong(where, "a key is a %s", type(key))
            elseif type(key) == "string" and not row[key] and not is_null(value) then
                row[key] = text_of(value, where .. "." .. key)
            end
        end
        row.contact_id = false -- the member's, which is not settled yet
        world.events[#world.events + 1] = { row = row, member = member, place = where }
    end
end

local function add_lists(member, lists, place)
    if type(lists) ~= "table" then wrong(place, "expected an array, got %s", type(lists)) end
    for i = 1, check_array(lists, place) do
        local name = rawget(lists, i)
        if type(name) ~= "string" then
            wrong(("%s[%d]"):format(place, i), "expected a list's name, got %s", type(name))
        end
        member.lists[name] = true
    end
end

local function labels_of(record, place)
    local labels = rawget(record, "labels")
    if is_null(labels) then return {} end
    if type(labels) ~= "table" then return { scalar(labels, place .. ".labels") } end
    local list = {}
    for i = 1, check_array(labels, place .. ".labels") do
        list[i] = scalar(rawget(labels, i), ("%s.labels[%d]"):format(place, i))
    end
    return list
end

local add_member

local function associate(world, one, other, labels)
    for _, label in ipairs(#labels > 0 and labels or { "" }) do
        world.associations[#world.associations + 1] = { one = one, other = other, label = label }
    end
end

local function add_related(world, member, relation, list, place)
    local object = schema.relations[member.object][relation]
    for i = 1, check_array(list, place) do
        local record, where = rawget(list, i), ("%s[%d]"):format(place, i)
        if type(record) ~= "table" then wrong(where, "expected a record's table, got %s", type(record)) end
        local other = add_member(world, object, record, where)
        associate(world, member, other, labels_of(record, where))
        if PRIMARY[relation] then associate(world, member, other, { "Primary" }) end
    end
end

-- One entry of a record's table.
local function add_entry(world, member, key, value, place)
    if type(key) ~= "string" then
        wrong(place ~= "" and place or nil, "expected a record's table, got a table with a key that is a %s", type(key))
    end
    if is_null(value) or key == "id" then return end
    local where = place == "" and key or place .. "." .. key
    local related = schema.relations[member.object][key] and nested(key, value)
    if related then return add_related(world, member, key, related, where) end
    local is_list = LISTS[key] and schema.relations[member.object][key]
    if is_list and type(value) ~= "table" and not world.columns[member.object .. "." .. key] then
        wrong(where, "expected a list of records, got %s", type(value))
    end
    if key == "events" then
        if not member.has_events then add_events(world, member, value, where) end
        member.has_events = member.has_events or #value > 0
    elseif key == "lists" then
        add_lists(member, value, where)
    elseif not (key == "labels" and type(value) == "table" and place ~= "") and member.row[key] == nil then
        member.row[key] = text_of(value, where)
    end
end

-- The member for a record's table, with all that is inside it.
function add_member(world, object, record, place)
    if world.by_record[record] then return world.by_record[record] end
    local id = id_of(record, place == "" and "" or place .. ".")
    local member = id and world.by_id[object][id]
    if not member then
        member = { object = object, id = id, place = place, row = {}, lists = {} }
        local list = world.members[object]
        list[#list + 1] = member
        if id then world.by_id[object][id] = member end
    end
    world.by_record[record] = member
    for key, value in next, record do
        add_entry(world, member, key, value, place)
    end
    return member
end

-- ---- ids --------------------------------------------------------------------------------------------------------

-- Records without an id get one; and where lists name ids, a contact and a company may not share one.
local function settle_ids(world)
    local taken = {}
    for _, object in ipairs(OBJECTS) do
        for _, member in ipairs(world.members[object]) do
            if member.id then taken[member.id] = (taken[member.id] or 0) + 1 end
        end
    end
    for _, object in ipairs(OBJECTS) do
        for _, member in ipairs(world.members[object]) do
            local id = member.id
            if not id or world.has_lists and member ~= world.root and taken[id] > 1 then
                if id then taken[id] = taken[id] - 1 end
                id = member.place ~= "" and member.place or "record"
                while taken[id] do
                    id = id .. "'"
                end
                taken[id] = 1
            end
            member.key = id
        end
    end
end

-- company_id columns, as in files.
local function add_company_ids(world)
    for _, object in ipairs({ "contact", "deal" }) do
        for _, member in ipairs(world.members[object]) do
            local id = (member.row.company_id or ""):match("^[ \t\r\n]*(.-)[ \t\r\n]*$")
            local company = world.by_id.company[id]
            if company then associate(world, member, company, { "Primary" }) end
        end
    end
end

-- columns: of those properties that the plan reads, "contact.name".
local function new_world(record, object, at, lists, columns)
    local world = {
        columns = columns, at = at, has_lists = #lists > 0, by_record = {}, by_id = {}, members = {}, events = {},
        associations = {},
    }
    for _, each in ipairs(OBJECTS) do
        world.by_id[each], world.members[each] = {}, {}
    end
    world.root = add_member(world, object, record, "")
    settle_ids(world)
    add_company_ids(world)
    return world
end

-- ---- reading it -------------------------------------------------------------------------------------------------

local function cell(text)
    return '"' .. text:gsub('"', '""') .. '"'
end

local function sorted_names(list)
    local seen, names = {}, {}
    for _, each in ipairs(list) do
        for name in next, each.row do
            if not seen[name] then names[#names + 1] = name end
            seen[name] = true
        end
    end
    table.sort(names)
    return names
end

-- CSV text of { row =, place = }, and the place of each line.
local function csv(list, names)
    local lines, places, line = {}, {}, 2
    for i, name in ipairs(names) do
        lines[i] = cell(name)
    end
    lines = { table.concat(lines, ",") }
    for i, each in ipairs(list) do
        local cells = {}
        for k, name in ipairs(names) do
            cells[k] = cell(each.row[name] or "")
        end
        lines[i + 1] = table.concat(cells, ",")
        places[line] = each.place
        line = line + 1 + select(2, lines[i + 1]:gsub("\n", ""))
    end
    return table.concat(lines, "\n") .. "\n", places
end

-- What the core says of a row, at the place in the record where that stands.
local function placed(err, places, names)
    local place, message = places and places[err.line] or "", err.message
    for _, name in ipairs(names or {}) do
        local at = message:find(name .. ": ", 1, true)
        if at and (at == 1 or message:sub(at - 2, at - 1) == ": ") then
            place = (place == "" and name) or (name ~= "" and place .. "." .. name) or place
            message = message:sub(at + #name + 2)
            break
        end
    end
    message = message:gsub("^[%w_]+:%d+:%d+: ", ""):gsub("^[%w_]+:%d+: ", "")
    return { kind = err.kind, message = message, path = place ~= "" and place or nil }
end

local function run(job, err)
    if not job then error({ datum = err }, 0) end
    local ok, problem = job:step()
    job:close()
    if not ok then error({ datum = problem }, 0) end
end

local function read(dataset, input, list, options)
    local names = options and options.names or sorted_names(list)
    local text, places = csv(list, names)
    local job, err = dataset:read({ input = input, format = "csv", name = input, text = text, list = options and
        options.list })
    if not job then error({ datum = placed(err, places, names) }, 0) end
    local ok, problem = job:step()
    job:close()
    if not ok then error({ datum = placed(problem, places, names) }, 0) end
end

local function read_list(dataset, world, name)
    local ids = {}
    for _, object in ipairs(OBJECTS) do
        for _, member in ipairs(world.members[object]) do
            if member.lists[name] then ids[#ids + 1] = { row = { id = member.key }, place = member.place } end
        end
    end
    read(dataset, "list", ids, { names = { "id" }, list = name })
end

local ASSOCIATION = { "from_object", "from_id", "to_object", "to_id", "label" }

local function read_associations(dataset, world)
    local list = {}
    for i, each in ipairs(world.associations) do
        local one, other = each.one, each.other
        list[i] = { place = other.place, row = {
            from_object = one.object, from_id = one.key, to_object = other.object, to_id = other.key,
            label = each.label,
        } }
    end
    if #list > 0 then read(dataset, "associations", list, { names = ASSOCIATION }) end
end

local function read_events(dataset, world)
    if #world.events == 0 then return end
    for _, each in ipairs(world.events) do
        each.row.contact_id = each.member.key
    end
    read(dataset, "events", world.events)
end

local function fill(dataset, plan, world)
    assert(dataset:expect(plan))
    for _, object in ipairs(OBJECTS) do
        local members = world.members[object]
        for _, member in ipairs(members) do
            member.row.id = member.key
        end
        if #members > 0 then read(dataset, FILES[object], members) end
    end
    for _, name in ipairs(plan:lists()) do
        read_list(dataset, world, name)
    end
    read_associations(dataset, world)
    read_events(dataset, world)
    run(dataset:group())
end

-- ---- the scorer -------------------------------------------------------------------------------------------------

local Scorer = {}
Scorer.__index = Scorer

-- Calls work(dataset, row) on a dataset made from the record.
local function with_dataset(self, record, at, object, work)
    local dataset = core.dataset()
    local ok, value, err = pcall(function()
        local world = new_world(record, object, at, self.plan:lists(), self.columns)
        fill(dataset, self.plan, world)
        return work(dataset, dataset:find(object, world.root.key), world.root.id ~= nil)
    end)
    dataset:close()
    if ok then return value, err end
    if type(value) == "table" and value.datum then return nil, value.datum end
    error(value, 0)
end

local function score_job(self, dataset, at)
    local job, err = dataset:score(self.plan, at, 1)
    if not job then error({ datum = err }, 0) end
    local ok, problem = job:step()
    if not ok then
        job:close()
        error({ datum = problem }, 0)
    end
    local result = job:result()
    job:close()
    return result
end

-- The object of a record for which none is said: the only one there is, else contact.
local function usual_object(plan)
    for i = 2, plan:count() do
        if plan:object(i) ~= plan:object(1) then return "contact" end
    end
    return plan:object(1)
end

-- As the core's scorer; object: whose record it is, where the definitions are of several.
function Scorer:score(record, at, object)
    object = object or usual_object(self.plan)
    return with_dataset(self, record, at, object, function(dataset, row)
        local result, scores = score_job(self, dataset, at), {}
        for i = 1, self.plan:count() do
            if self.plan:object(i) == object then scores[self.plan:name(i)] = result:get(i, row) end
        end
        result:close()
        return scores
    end)
end

function Scorer:explain(record, at, object)
    object = object or usual_object(self.plan)
    return with_dataset(self, record, at, object, function(dataset, row, named)
        local text, err = dataset:explain(self.plan, object, row, at)
        -- As the core's scorer explains a record without an id.
        if text and not named then text = text:gsub('^{"id":"[^"]*"', '{"id":""', 1) end
        return text, err
    end)
end

function Scorer:next_change(record, at, name)
    local index = 1
    while self.plan:name(index) ~= name do
        index = index + 1
    end
    return with_dataset(self, record, at, self.plan:object(index), function(dataset, row)
        local result = score_job(self, dataset, at)
        local seconds, err = result:next_change(index, row)
        result:close()
        return seconds, err
    end)
end

function Scorer:close()
    self.plan = nil
end

--- A scorer of records with associated records.
---@param plan userdata the core's
---@return table scorer
function M.scorer(plan)
    local columns = {}
    for _, field in ipairs(plan:fields()) do
        columns[field.object .. "." .. field.name] = true
    end
    return setmetatable({ plan = plan, columns = columns }, Scorer)
end

return M
