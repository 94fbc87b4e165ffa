-- Associated records (section 7) for the reference scorer: worlds of contacts, companies and deals, which of them are
-- related, and how what is found for each becomes one answer. Nothing here scores; called by spec/reference.lua. A
-- world's members are { owner =, properties =, events =, lists =, links = }, where `links` has the folded labels of the
-- association with each other member, the same table at both ends.

local basics = require("spec.reference_values")

-- As in spec/reference.lua: LuaJIT 2.1.0-beta3 crashes in compiled loops over `pairs`.
if rawget(_G, "jit") then require("jit").off(true, true) end

local M = {}

local fold, int, text, trim = basics.fold, basics.int, basics.text, basics.trim
local OBJECTS = { "contact", "company", "deal" }
local FILES = { contact = "contacts", company = "companies", deal = "deals" }

--- RELATIONS[object][relation] is the object of the related records.
M.RELATIONS = {
    contact = { company = "company", companies = "company", deals = "deal" },
    company = { contacts = "contact", primary_contacts = "contact", deals = "deal" },
    deal = { contacts = "contact", company = "company" },
    event = {},
}

--- Relations to primary companies.
M.PRIMARY = { company = true, primary_contacts = true }

-- Worlds -------------------------------------------------------------------------------------------------------------

local function associate(one, other, labels)
    local all = one.links[other] or {}
    one.links[other], other.links[one] = all, all
    for _, label in pairs(labels) do
        if text(label) then all[fold(text(label))] = true end
    end
end

-- The records under a relation's name; any other value there is a property's.
local function nested(relation, value)
    local records = {}
    local list = type(value) == "table" and (relation == "company" and value[1] == nil and { value } or value) or {}
    for _, record in ipairs(list) do
        records[#records + 1] = type(record) == "table" and record or nil
    end
    return records
end

local NO_PROPERTY = { events = true, lists = true, labels = true } -- where it is a table

-- What a record says about itself; of a record that is there twice, what was not said before.
local function describe(member, record)
    for name, value in pairs(record) do
        local related = M.RELATIONS[member.owner][name] and nested(name, value)[1]
        if not related and not (NO_PROPERTY[name] and type(value) == "table") and member.properties[name] == nil then
            member.properties[name] = value
        end
    end
    member.events = member.events[1] and member.events or record.events or {}
    for _, name in ipairs(record.lists or {}) do
        member.lists[#member.lists + 1] = name
    end
end

-- The member for a record (found again by the record itself, or its `id`), with all that is nested in it.
local function add(world, owner, record)
    if world.by_record[record] then return world.by_record[record] end
    local members, key = world.by_id[owner], text(record.id) or record
    local member = members[key] or { owner = owner, properties = {}, lists = {}, events = {}, links = {} }
    if not members[key] then world.members[#world.members + 1] = member end
    members[key], world.by_record[record] = member, member
    describe(member, record)
    for relation, object in pairs(M.RELATIONS[owner]) do
        for _, inner in ipairs(nested(relation, record[relation])) do
            local other = add(world, object, inner)
            associate(member, other, type(inner.labels) == "table" and inner.labels or { inner.labels })
            associate(member, other, { M.PRIMARY[relation] and "Primary" or nil })
        end
    end
    return member
end

-- All members of an object that one is associated with, and those of them with the label Primary.
local function linked(member, object)
    local all, primary = {}, {}
    for other, labels in pairs(member.links) do
        if other.owner == object then
            all[#all + 1], primary[#primary + 1] = other, labels.primary and other or nil
        end
    end
    return all, primary
end

local function add_lists(members, lists)
    for name, ids in pairs(lists or {}) do
        for _, id in ipairs(ids) do
            local member = members[text(id)] or { lists = {} }
            member.lists[#member.lists + 1] = name
        end
    end
end

-- Associations from `company_id` columns and from rows. One that names a record that is not there says nothing.
local function add_associations(world, rows)
    for _, member in ipairs(world.members) do
        local company = world.by_id.company[text(member.properties.company_id) or ""]
        if company and member.owner ~= "company" then associate(member, company, { "Primary" }) end
    end
    for _, row in ipairs(rows or {}) do
        local one = assert(world.by_id[trim(row.from_object)], "unknown object")[text(row.from_id)]
        local other = assert(world.by_id[trim(row.to_object)], "unknown object")[text(row.to_id)]
        if one and other then associate(one, other, { row.label }) end
    end
    for _, member in ipairs(world.members) do
        local _, primary = linked(member, "company")
        assert(member.owner == "company" or #primary <= 1, "a second primary company")
    end
end

--- A world of records, which may have related records inside them, too.
---@param parts table lists of records `contacts`, `companies` and `deals`; `associations`, a list of { from_object =,
--- from_id =, to_object =, to_id =, label = }; `lists`, ids by list name
---@return table world `records` by object, as given; `members`, and `by_record` and `by_id[object]`, that find them
function M.world(parts)
    local world = { members = {}, by_record = {}, by_id = {}, records = {} }
    for _, object in ipairs(OBJECTS) do
        world.by_id[object], world.records[object] = {}, parts[FILES[object]] or {}
    end
    for _, object in ipairs(OBJECTS) do
        for _, record in ipairs(world.records[object]) do
            add(world, object, record)
        end
        add_lists(world.by_id[object], parts.lists)
    end
    add_associations(world, parts.associations)
    return world
end

--- The world of one record and the related records inside it.
function M.world_of(record, object)
    return M.world({ [FILES[object]] = { record } })
end

--- A member's events up to `now`, as subjects of filters; events later than that do not exist.
function M.events(member, now)
    local events = {}
    for _, event in ipairs(member.events) do
        local properties = {}
        for name, value in pairs(event) do
            properties[name] = value
        end
        properties.event, properties.at = event.event or event[1], event.at or event[2]
        local at = assert(basics.time(properties.at, now), "an event without a time")
        local ready = { owner = "event", name = trim(properties.event), at = at, properties = properties }
        events[#events + 1] = at <= now and ready or nil
    end
    return events
end

--- Files as the parts of a world: `contacts`, `companies`, `deals`, `events` and `associations` are CSV texts, of which
--- any may be left out. Events of unknown contacts are dropped; of equal `id`s of a contact the first is kept.
function M.read(texts)
    local parts, ids, seen = { associations = basics.read_csv(texts.associations or "") }, {}, {}
    for _, object in ipairs(OBJECTS) do
        ids[object], parts[FILES[object]] = {}, basics.read_csv(texts[FILES[object]] or "")
        for _, record in ipairs(parts[FILES[object]]) do
            record.id, record.events, record.lists = trim(record.id), {}, {}
            ids[object][record.id] = record
        end
        add_lists(ids[object], texts.lists)
    end
    for _, event in ipairs(basics.read_csv(texts.events or "")) do
        local record, identity = ids.contact[trim(event.contact_id)], trim(event.id or "")
        local key = trim(event.contact_id) .. "\n" .. identity
        if record and (identity == "" or not seen[key]) then record.events[#record.events + 1] = event end
        seen[key] = true
    end
    return parts
end

-- Relations ----------------------------------------------------------------------------------------------------------

--- The members that are related to one.
---@param member table
---@param relation string
---@param label string|nil only those with this label
---@return table[]
function M.related(member, relation, label)
    local all, primary = linked(member, M.RELATIONS[member.owner][relation])
    local only = member.owner == "deal" and #all == 1 and #primary == 0 -- its company without being called so
    local found = {}
    for _, other in ipairs(M.PRIMARY[relation] and not only and primary or all) do
        if not label or member.links[other][fold(trim(label))] then found[#found + 1] = other end
    end
    return found
end

local OPTIONS = { every = true, count = true, labelled = true }

--- `RELATION = FILTER` apart: its options, and the filter on the related record.
function M.split(condition)
    local parts = { [true] = {}, [false] = {} }
    for key, value in pairs(condition) do
        parts[OPTIONS[key] or false][key] = value
    end
    return parts[true], parts[false]
end

--- One truth of all: Kleene's values are 0, 1/2 and 1, so OR is the greatest and AND the least.
---@param options table `every` or `count` or neither
---@param truths number[] of the inner filter, of each related record
---@return number
function M.truth(options, truths)
    local least, greatest, count, bounds = 1, 0, 0, options.count
    for _, truth in ipairs(truths) do
        least, greatest = math.min(least, truth), math.max(greatest, truth)
        count = count + (truth == 1 and 1 or 0)
    end
    if not bounds then return truths[1] and options.every and least or greatest end
    local between = bounds.between or {}
    local fits = count >= (bounds.exactly or bounds.at_least or between[1] or 0)
        and count <= (bounds.exactly or bounds.at_most or between[2] or math.huge)
    return fits and 1 or 0
end

-- Numbers of many records as one -------------------------------------------------------------------------------------

--- One number of all, times `factor`, in `unit`s, rounded once; 0 of none.
---@param how string "sum" ("count": of ones), "avg", "max" or "min"
---@param values table[] bignums
---@param factor table|nil bignum, 1 unless given
---@param unit table|nil bignum, 1 unless given
---@return table bignum
function M.combine(how, values, factor, unit)
    local sum, most, least = int(0), values[1] or int(0), values[1] or int(0)
    for _, value in ipairs(values) do
        sum, most, least = sum + value, most < value and value or most, value < least and value or least
    end
    local whole = how == "max" and most or how == "min" and least or sum
    local parts = int(how == "avg" and math.max(1, #values) or 1)
    return basics.round_divide(whole * (factor or int(1)), parts * (unit or int(1)))
end

return M
