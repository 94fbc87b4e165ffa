-- Works out the sums of the second workload at its small size by the reference scorer, and prints what w2_sums.lua
-- holds. Takes some minutes.
--   LUA_PATH='./?.lua;./spec/?.lua' lua5.4 csrc/bench/make_w2_sums.lua FOLDER     w2_gen's 400 10000 2000

package.path = "csrc/bench/?.lua;" .. package.path
local reference = require("spec.reference")
local sums = require("sums")

local SIZES = { contacts = 400, events = 10000, values = 2000 }
local AT, MODULUS = "2026-01-14T09:17:43Z", 1009

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local function fields_of(scores, id)
    local fields = { id }
    for _, score in ipairs(scores) do
        table.move({ score.value or "", score.engagement or "", score.fit or "", score.label or "" }, 1, 4,
            #fields + 1, fields)
    end
    return fields
end

local definitions = dofile("csrc/bench/w2.lua")
local names = { "id" }
for _, definition in ipairs(definitions) do
    for _, part in ipairs({ "", "_engagement", "_fit", "_label" }) do
        names[#names + 1] = definition.name .. part
    end
end

local folder = arg[1]
local records = reference.records(read(folder .. "/contacts.csv"), read(folder .. "/events.csv"))
assert(#records == SIZES.contacts, "the data has another size")
local next_row = 0
local found, rows = sums.add_up(function()
    next_row = next_row + 1
    local record = records[next_row]
    return record and fields_of(reference.score(definitions, record, AT), record.id)
end, names, MODULUS)

local keys = {}
for key in pairs(assert(found, rows)) do
    keys[#keys + 1] = key
end
table.sort(keys)
print("-- What the second workload's scores add up to at its small size, in millionths of a point. Made by")
print("-- make_w2_sums.lua from the reference scorer.")
print("return {")
print(("    contacts = %d, events = %d, values = %d,"):format(SIZES.contacts, SIZES.events, SIZES.values))
print(("    expected = { rows = %d, modulus = %d, unit = 1, sums = {"):format(rows, MODULUS))
for _, key in ipairs(keys) do
    print(('        ["%s"] = %d,'):format(key, found[key]))
end
print("    } },")
print("}")
