-- Random valid definitions over contacts, companies and deals, and random worlds for them: spec/random.lua for
-- associated records. Definitions use each other's scores, those of related records too, but only of ones made before,
-- so that there are no cycles.

local random_base = require("spec.random")

local M = {}

local RELATIONS = {
    contact = { company = "company", companies = "company", deals = "deal" },
    company = { contacts = "contact", primary_contacts = "contact", deals = "deal" },
    deal = { contacts = "contact", company = "company" },
}
local NAMES = { contact = { "company", "companies", "deals" }, company = { "contacts", "primary_contacts", "deals" },
    deal = { "contacts", "company" } }
local OWNERS = { "contact", "company", "deal", "event" }
local LABELS = { "Primary", "Decision maker", "Billing", "Straße" }
local COMBINES = { "sum", "avg", "max", "min" }

-- Definitions ---------------------------------------------------------------------------------------------------------

-- The same definition in the making, for what is asked of a related record: relations do not nest.
local function inside(making, object)
    return { random = making.random, object = object, declared = making.declared, others = making.scores[object] }
end

local function count(random)
    local way, low = random:int(1, 5), random:int(1, 2)
    if way <= 2 then return { exactly = random:int(0, 2) } end
    if way == 3 then return { at_most = random:int(0, 2) } end
    if way == 4 then return { between = { low - 1, low + random:int(0, 1) } } end
    return { at_least = low }
end

-- May add RELATION = FILTER to a filter.
local function relate(making, owner, entries)
    local random = making.random
    if not random:chance(30) then return end
    local relation = random:pick(NAMES[owner])
    local object, bare = RELATIONS[owner][relation], random:chance(15)
    local inner = bare and {} or random_base.filter(inside(making, object), object, 1)
    inner.labelled = random:chance(bare and 70 or 20) and random:pick(LABELS) or nil
    if random:chance(35) or bare and not inner.labelled then
        inner.count = count(random)
    elseif random:chance(30) and not bare then
        inner.every = random:chance(85)
    end
    entries[relation] = inner
end

local function over(making, relation)
    local random, object = making.random, RELATIONS[making.object][relation]
    return { relation = relation, labelled = random:chance(20) and random:pick(LABELS) or nil,
        where = random:chance(35) and random_base.filter(inside(making, object), object, 1) or nil }
end

local function combine(random)
    return random:chance(75) and random:pick(COMBINES) or nil
end

local function over_events(making, rule)
    local random = making.random
    local primary = making.object == "company" and random:chance(20)
    if primary or random:chance(40) then
        rule.over = over(making, primary and "primary_contacts" or "contacts")
        local narrowed = rule.over.labelled or rule.over.where
        if not primary and narrowed and random:chance(50) then rule.over.relation = nil end
    end
    rule.combine = combine(random)
    return rule
end

local function property_rule(making)
    local relation = making.random:pick(NAMES[making.object])
    local object = RELATIONS[making.object][relation]
    local rule = { over = over(making, relation), combine = combine(making.random) }
    random_base.add_choice(inside(making, object), object, rule)
    return rule
end

-- A score of the object or a part of it, else a column.
local function rolled_up(making, object)
    local random = making.random
    local column = not making.scores[object][1] or random:chance(30)
    if column then return random:pick(random_base.properties[object].number) end
    local other = random:pick(making.scores[object])
    return "score:" .. other.name .. (other.combined and random:pick({ "", ".fit", ".engagement" }) or "")
end

local WEIGHTS = { 0.5, 2, -1, 0.000001, -0.333333, 0 }

local function rollup_rule(making)
    local random = making.random
    local relation = random:pick(NAMES[making.object])
    local object = RELATIONS[making.object][relation]
    local rule = { rollup = random:chance(30) and "count" or random:pick(COMBINES), over = over(making, relation) }
    if relation == "contacts" and random:chance(30) then rule.over = nil end
    rule.weight = random:chance(40) and random:pick(WEIGHTS) or nil
    if rule.rollup ~= "count" then
        rule.of, rule.top = rolled_up(making, object), random:chance(30) and random:int(1, 3) or nil
    elseif random:chance(70) then
        local way = random:int(1, 4)
        rule.of = rolled_up(making, object)
        rule.at_least = way == 1 and random:pick({ -5, 0, 0.1, 10 }) or nil
        rule.at_most = way == 2 and random:pick({ -1, 0, 5, 50 }) or nil
        rule.between = way == 3 and { random:pick({ -12.5, 0, 2.5 }), random:pick({ 5, 10, 100000 }) } or nil
    end
    return rule
end

local function make_rule(making, events)
    local random = making.random
    if events then
        local rule = random_base.make_rule(making, true)
        return making.object == "contact" and rule or over_events(making, rule)
    elseif random:chance(30) then
        return rollup_rule(making)
    end
    return random:chance(30) and property_rule(making) or random_base.make_rule(making, false)
end

--- Valid definitions over all three objects that may use each other's scores, in any order.
---@param random table a generator of spec/random.lua
---@param options table|nil { definitions = how many at most, rules = of a group, at most }
---@return table[] definitions
---@return boolean declared whether the types of all properties are declared in each
function M.definitions(random, options)
    options = options or {}
    local list, declared, scores = {}, true, { contact = {}, company = {}, deal = {} }
    for i = 1, random:int(2, options.definitions or 5) do
        local object = random:pick({ "contact", "company", "company", "deal" })
        local definition, about = random_base.make_definition({ random = random, object = object, owners = OWNERS,
            others = scores[object], scores = scores, most_rules = options.rules or 4, relate = relate,
            rule = make_rule }, object .. "_" .. i)
        definition.object = (object ~= "contact" or random:chance(50)) and object or nil
        list[i], declared = definition, declared and about.declared
        table.insert(scores[object], about)
    end
    return random:shuffle(list), declared
end

-- Worlds --------------------------------------------------------------------------------------------------------------

local function make_records(random, object, at, options, prefix, most)
    local records = {}
    for i = 1, random:int(1, most) do
        local record = random_base.add_properties(random, object, at, options.lenient, { id = prefix .. i })
        record.lists = random:some(random_base.lists, 0, 2)
        if object == "contact" then
            record.events = random_base.events_of(random, at, options.lenient, options.wide, options.many and i == 1)
        end
        records[i] = record
    end
    return records
end

-- Primary companies by the column, or left for an association.
local function add_company_ids(random, records, companies)
    for _, record in ipairs(records) do
        if random:chance(50) then
            record.company_id = random:pick({ "", "", " " }) .. random:pick(companies).id
        elseif random:chance(10) then
            record.company_id = random:pick({ "", "nobody" })
        end
    end
end

local WRITTEN = { "", " ", "Decision maker", "decision MAKER", "Billing", "STRASSE", "Other;Billing", " Billing" }

local function label_for(random, one, company)
    if company and one.company_id == nil and random:chance(50) then
        one.company_id = false -- so that nothing else becomes its primary company
        return random:pick({ "Primary", "primary" })
    end
    return random:pick(WRITTEN)
end

-- An association between two records, from either end, now and then repeated with another label.
local function associate(random, rows, from, one, to, other)
    local row = { from_object = from, from_id = one.id, to_object = to, to_id = other.id,
        label = label_for(random, one, to == "company") }
    if random:chance(50) then
        row.from_object, row.from_id, row.to_object, row.to_id = to, other.id, from, one.id
    end
    rows[#rows + 1] = row
    if random:chance(20) then
        rows[#rows + 1] = { from_object = to, from_id = other.id, to_object = from, to_id = one.id,
            label = random:pick(WRITTEN) }
    end
end

local PAIRS = { { "contact", "contacts", "company", "companies" }, { "contact", "contacts", "deal", "deals" },
    { "deal", "deals", "company", "companies" } }

local function make_associations(random, world)
    local rows = {}
    for _, pair in ipairs(PAIRS) do
        for _, one in ipairs(world[pair[2]]) do
            for _, other in ipairs(random:some(world[pair[4]], 0, 2)) do
                associate(random, rows, pair[1], one, pair[3], other)
            end
        end
    end
    if random:chance(20) then
        rows[#rows + 1] = { from_object = "contact", from_id = "nobody", to_object = "company",
            to_id = world.companies[1].id, label = "" }
    end
    return random:shuffle(rows)
end

--- A world as `reference.world` takes it: `contacts` (with `events`), `companies`, `deals` (all with `id` and `lists`,
--- some with `company_id`) and `associations`. No contact or deal has two primary companies.
---@param random table
---@param at integer the instant that their times lie around
---@param options table|nil { lenient, wide, many } as for `random.records`
---@return table world
function M.world(random, at, options)
    options = options or {}
    local letters = random:chance(70)
    local world = {
        contacts = make_records(random, "contact", at, options, letters and "p" or "", 7),
        companies = make_records(random, "company", at, options, letters and "c" or "", 4),
        deals = make_records(random, "deal", at, options, letters and "d" or "", 3),
    }
    add_company_ids(random, world.contacts, world.companies)
    add_company_ids(random, world.deals, world.companies)
    world.associations = make_associations(random, world)
    for _, records in ipairs({ world.contacts, world.deals }) do
        for _, record in ipairs(records) do
            record.company_id = record.company_id or nil
        end
    end
    return world
end

return M
