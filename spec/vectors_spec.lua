-- The vectors through the product: one record at a time, batches from CSV text and from rows, explanations.

local leadscore = require("leadscore")
local ways = require("spec.ways")
local basics = require("spec.reference_values")
local vectors = require("spec.vectors")

-- Expected results that a way of scoring did not give.
local function check(vector, way, got)
    local differences = {}
    for key, expected in pairs(vector.expect) do
        local found = got[key]
        if key == "scored" then found = found or false end
        if key ~= "empty" and key ~= "kind" and found ~= expected then
            differences[#differences + 1] = ("%s: %s: expected %s, got %s"):format(way, key, tostring(expected),
                tostring(found))
        end
    end
    for _, key in ipairs(vector.expect.empty or {}) do
        if got[key] ~= nil then differences[#differences + 1] = ("%s: %s: expected nothing"):format(way, key) end
    end
    assert.are.equal("", table.concat(differences, "\n"))
end

-- Numbers of the one-record way as exact texts: all of the vectors are exact in doubles of at most 15 digits.
local function as_texts(score)
    local copy = {}
    for key, value in pairs(score) do
        copy[key] = type(value) == "number" and basics.print(basics.decimal(value)) or value
    end
    return copy
end

local function list_of(vector)
    return vector.definition.groups and { vector.definition } or vector.definition
end

local function rows_of(vector, set)
    return ways.rows({ vector.record }, basics.time(vector.at), set:lists())
end

local function is_refusal(err)
    return tostring(err.message or err):find("cannot read", 1, true) ~= nil
end

local function check_batch(vector, set, unreadable)
    local contacts, events, lists = rows_of(vector, set)
    local at, name = basics.time(vector.at), list_of(vector)[1].name
    local dataset, err = ways.dataset(contacts, events, lists, { plan = set:_open() })
    assert.are.equal(unreadable, dataset == nil, tostring(err and err.message))
    if unreadable then
        assert.is_true(is_refusal(err), err.message)
        assert.truthy(err.message:find("^%a+%.csv:%d+:%d+: "), err.message)
    end
    local rejected = {}
    dataset = assert(ways.dataset(contacts, events, lists, { plan = set:_open(), rejects = function(text)
        rejected[#rejected + 1] = text
    end }))
    assert.are.equal(unreadable, rejected[1] ~= nil)
    for threads = 1, 2 do
        local scores = assert(ways.batch(set, dataset, at, threads))
        check(vector, "batch", scores[basics.trim(tostring(vector.record.id))][name])
    end
    check(vector, "explanation of a batch", ways.explain(set, dataset, vector.record.id, at).scores[1])
end

local function check_rows(vector, set, unreadable)
    local contacts, events, lists = rows_of(vector, set)
    local options = { contacts = contacts, events = events, lists = lists, definitions = set }
    local dataset, err = leadscore.dataset(options)
    assert.are.equal(unreadable, dataset == nil, tostring(err and err.message))
    if unreadable then
        assert.is_true(is_refusal(err), tostring(err))
        options.rejects = function() end
        dataset = assert(leadscore.dataset(options))
    end
    local result = assert(dataset:score(set, { at = vector.at }))
    check(vector, "rows", as_texts(result:get(vector.record.id)[list_of(vector)[1].name]))
end

local function check_one(vector, set, unreadable)
    local score, err = set:score(vector.record, vector.at)
    local explanation, same = ways.explain_one(set, vector.record, basics.time(vector.at))
    assert.are.equal(unreadable, score == nil)
    assert.are.equal(unreadable, explanation == nil)
    if unreadable then
        assert.is_true(is_refusal(err), tostring(err))
        assert.is_true(is_refusal(same), same.message)
        return
    end
    check(vector, "one record", as_texts(score[list_of(vector)[1].name]))
    check(vector, "explanation", explanation.scores[1])
end

-- Whether some cell that is asked for a type cannot be read as one.
local function is_unreadable(vector, set)
    local kinds = {}
    for _, field in ipairs(set:fields()) do
        kinds[field.object .. "." .. field.name] = field.type
    end
    local function bad(owner, row)
        for name, value in pairs(row) do
            if not ways.is_readable(kinds[owner .. "." .. name], value) then return true end
        end
        return false
    end
    local found = bad("contact", vector.record)
    for _, event in ipairs(vector.record.events or {}) do
        found = found or bad("event", event)
    end
    return found
end

describe("the vectors", function()
    for _, vector in ipairs(vectors) do
        it(vector.name, function()
            local set = assert(leadscore.define(list_of(vector)))
            local unreadable = is_unreadable(vector, set)
            check_one(vector, set, unreadable)
            check_batch(vector, set, unreadable)
            check_rows(vector, set, unreadable)
        end)
    end
end)
