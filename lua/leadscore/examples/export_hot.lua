-- A job in Lua: scores a CRM export, keeps who is worth a call today, and writes them, best first.
--
--     lua export_hot.lua DEFINITION CONTACTS EVENTS OUT [AT]
--
-- The definition may name a list "competitors"; nobody is in it here.

local leadscore = require("leadscore")

local path, contacts, events, out, at = arg[1], arg[2], arg[3], arg[4], arg[5]
if not out then
    io.stderr:write("usage: lua export_hot.lua DEFINITION CONTACTS EVENTS OUT [AT]\n")
    os.exit(2)
end

local function try(value, err)
    if value == nil then
        io.stderr:write(tostring(err), "\n")
        os.exit(1)
    end
    return value
end

local definition = try(leadscore.load(path))
local dataset = try(leadscore.dataset({
    definitions = definition,
    contacts = contacts,
    events = events,
    lists = { competitors = {} },
}))
local result = try(dataset:score(definition, { at = at }))

-- Everything first, for the archive; the file appears when it is whole.
try(result:write(out .. ".all.csv"))

-- Who engages and fits: label A or B, 1 or 2.
local name = definition:names()[1]
local hot = {}
for id, scores in result:each() do
    local score = scores[name]
    if score.in_scope and score.label and score.label:find("^[AB][12]$") then
        hot[#hot + 1] = { id = id, value = score.value, label = score.label }
    end
end
table.sort(hot, function(a, b)
    if a.value ~= b.value then return a.value > b.value end
    return a.id < b.id
end)

local file = try(io.open(out, "w"))
file:write("id,", name, ",label\n")
for _, each in ipairs(hot) do
    file:write(("%s,%s,%s\n"):format(each.id, each.value, each.label))
end
file:close()
print(("%d of %d contacts are hot"):format(#hot, result:count()))
