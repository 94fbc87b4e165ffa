-- The contacts that a worker of nginx holds, without nginx: what it gives up and reads anew is the same as before.

local Contacts = require("resty.leadscore.contacts")
local leadscore = require("leadscore")
local plans = require("resty.leadscore.plans")

local NOON = 1735732800
local LINE = '{"v":1,"op":"%s","ts":%d,"contact_id":"%s","properties":{"country":"SE"}}'

-- A worker with room for one contact, and a store that is a table of lines by contact.
local function open(lines, states)
    local definitions = assert(leadscore.define({ name = "n", groups = { { name = "g", rules = {
        { when = { in_list = "vip" }, points = 5 }, { when = { country = "SE" }, points = 1 } } } } }))
    local options = { lists = { vip = { "ada", "cy" } } }
    local ledger = assert(plans.ledger({ definitions = definitions }, options))
    local store = { cursor = function(record) return record end }
    function store.read(_, record, anew)
        if record.loaded and not anew then return true end
        return true, lines[record.id], states and states[record.id] or ""
    end
    local contacts = Contacts.new({
        ledger = ledger, store = store, most = 1, metrics = { add = function() end },
        listed = plans.listed(options.lists),
    })
    local scratch = assert(plans.ledger({ definitions = definitions }, options))
    return contacts, ledger, scratch
end

describe("the contacts of a worker", function()
    it("stay in their lists while others take their place", function()
        local contacts, ledger = open({ ada = { LINE:format("set", 1, "ada") }, bo = { LINE:format("set", 2, "bo") } })
        for _ = 1, 2 do
            contacts:current("ada")
            assert.are.equal(6, ledger:score("ada", NOON).value)
            contacts:current("bo")
            assert.is_false(ledger:has("ada"))
            assert.are.equal(1, ledger:score("bo", NOON).value)
        end
        contacts:current("ada")
        contacts:clear()
        contacts:current("ada")
        assert.are.equal(6, ledger:score("ada", NOON).value)
    end)

    it("are in no list once they were forgotten", function()
        local contacts, ledger = open({ bo = { LINE:format("set", 1, "bo") },
            cy = { '{"v":1,"op":"forget","ts":1,"contact_id":"cy"}', LINE:format("set", 2, "cy") } })
        for _ = 1, 2 do
            contacts:current("cy")
            assert.are.equal(1, ledger:score("cy", NOON).value)
            contacts:current("bo")
        end
    end)

    it("stay in their lists when their lines are put together twice", function()
        local contacts, ledger, scratch = open({})
        local lines = { LINE:format("set", 1, "ada") }
        assert.is_string(contacts:add_up(scratch, "ada", "", lines))
        ledger:unpack("ada", assert(contacts:add_up(scratch, "ada", "", lines)))
        assert.are.equal(6, ledger:score("ada", NOON).value)
    end)

    it("are in no list when they were forgotten, put together, and come back", function()
        local contacts, _, scratch = open({})
        local forget = '{"v":1,"op":"forget","ts":2,"contact_id":"%s"}'
        local state = contacts:add_up(scratch, "ada", "", { LINE:format("set", 1, "ada"), forget:format("ada") })
        assert.are.equal(Contacts.FORGOTTEN, state)
        assert.are.equal(state, contacts:add_up(scratch, "ada", state, {}))
        local worker, ledger = open({ ada = { LINE:format("set", 3, "ada") } }, { ada = state })
        worker:current("ada")
        assert.are.equal(1, ledger:score("ada", NOON).value)
        local _, other = open({})
        assert(other:unpack("ada", assert(contacts:add_up(scratch, "ada", state, { LINE:format("set", 3, "ada") }))))
        assert.are.equal(1, other:score("ada", NOON).value)
        -- Nobody is kept of whom there is nothing to say.
        assert.are.equal("", contacts:add_up(scratch, "bo", "", { forget:format("bo") }))
    end)
end)
