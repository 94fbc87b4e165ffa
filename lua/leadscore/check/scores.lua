-- What only the whole set of definitions can tell: output columns that two of them would make, scores that they name of
-- each other, and cycles among these.

if jit then jit.off(true, true) end -- see leadscore.check.context

local context = require("leadscore.check.context")
local nearest = require("leadscore.check.nearest")
local relation = require("leadscore.check.relation")

local M = {}

local show = context.show

local function columns(definition)
    local name = definition.name
    local list = { name, name .. "_scored", name .. "_next_change_at" }
    if definition.kind == "combined" then
        list[#list + 1] = name .. "_engagement"
        list[#list + 1] = name .. "_fit"
    end
    if definition.thresholds then list[#list + 1] = name .. "_label" end
    return list
end

local function check_column(entry, column, owners)
    if owners[column] then
        entry.check:refuse_at("name", ("output column %s is taken by %s"):format(column, owners[column]))
        return false
    end
    owners[column] = "score " .. entry.out.name
    return true
end

-- Every output column of a run must be unique; `id` is always one. The first that is not is said of each definition.
local function check_columns(entries)
    local owners = { id = "the record's id" }
    for _, entry in ipairs(entries) do
        for _, column in ipairs(entry.out.name and columns(entry.out) or {}) do
            if not check_column(entry, column, owners) then break end
        end
    end
end

local function part_problem(target, part)
    if part == "label" and not target.thresholds then
        return "no label, since it has no thresholds"
    elseif (part == "fit" or part == "engagement") and target.kind and target.kind ~= "combined" then
        return ("no part %s, since it is not combined: its value is all %s"):format(part, target.kind)
    end
    return nil
end

local function at_place(check, place, note)
    local stack, depth = check.stack, check.depth
    check.stack, check.depth = place, #place
    note()
    check.stack, check.depth = stack, depth
end

-- Where a score of another object would be found: inside of the first relation to it.
local function relation_to(entry, use, object)
    if use.inside or use.object ~= entry.out.object then return nil end
    local name = relation.names(entry.out.object, object)[1]
    return name and ("ask for it inside of %s = { ... }"):format(name)
end

local function check_use(entry, use, by_name)
    local target = by_name[use.name]
    at_place(entry.check, use.at, function()
        if not target then
            return entry.check:expected("the name of a score of this run", show(use.name),
                nearest.name(use.name, by_name))
        end
        local object = target.out.object
        if object ~= use.object then
            return entry.check:expected("a score of a " .. use.object, ("%s, a score of a %s"):format(use.name, object),
                nil, relation_to(entry, use, object))
        end
        local problem = target.sound and part_problem(target.out, use.part)
        if problem then entry.check:refuse(("score %s has %s"):format(use.name, problem)) end
    end)
end

-- The scores that an entry uses; those of another object than is asked for are an error of their own.
local function used_names(entry, by_name)
    local seen, names = {}, {}
    for _, use in ipairs(entry.check.scores) do
        local target = by_name[use.name]
        if not seen[use.name] and not (target and target.out.object ~= use.object) then
            seen[use.name], names[#names + 1] = true, use.name
        end
    end
    table.sort(names)
    return names
end

local function find_cycle(entry, by_name, trail, state)
    local name = entry.out.name
    state[name] = "open"
    trail[#trail + 1] = name
    for _, used in ipairs(used_names(entry, by_name)) do
        if state[used] == "open" then
            return used
        elseif by_name[used] and not state[used] then
            local found = find_cycle(by_name[used], by_name, trail, state)
            if found then return found end
        end
    end
    trail[#trail] = nil
    state[name] = "done"
    return nil
end

local function cycle_text(trail, start)
    local from = 1
    while trail[from] ~= start do
        from = from + 1
    end
    return "cycle: " .. table.concat(trail, " -> ", from) .. " -> " .. start, trail[#trail]
end

-- Noted at the first place, in the order of paths, that closes the cycle.
local function note_cycle(check, start, text)
    local first, least = nil, nil
    for _, use in ipairs(check.scores) do
        if use.name == start then
            at_place(check, use.at, function()
                local path = check:path()
                if not first or path < least then first, least = use, path end
            end)
        end
    end
    at_place(check, first.at, function() check:refuse(text) end)
end

-- A cycle is noted once, where its last link is.
local function check_cycles(entries, by_name)
    local state = {}
    for _, entry in ipairs(entries) do
        if entry.out.name and not state[entry.out.name] then
            local trail = {}
            local start = find_cycle(entry, by_name, trail, state)
            if start then
                local text, last = cycle_text(trail, start)
                note_cycle(by_name[last].check, start, text)
                for _, name in ipairs(trail) do
                    state[name] = "done"
                end
            end
        end
    end
end

local function link(entry, by_name)
    local uses = {}
    for i, name in ipairs(used_names(entry, by_name)) do
        uses[i] = by_name[name] and by_name[name].out
    end
    entry.out.uses = uses
end

--- Checks the definitions of a run against each other, and links each to those whose scores it uses.
---@param entries table list of { check =, out =, sound = }, sound: it has no errors by itself
function M.check(entries)
    local by_name = {}
    for _, entry in ipairs(entries) do
        local name = entry.out.name
        if name and not by_name[name] then by_name[name] = entry end
    end
    check_columns(entries)
    for _, entry in ipairs(entries) do
        for _, use in ipairs(entry.check.scores) do
            check_use(entry, use, by_name)
        end
    end
    check_cycles(entries, by_name)
    for _, entry in ipairs(entries) do
        link(entry, by_name)
    end
end

return M
