-- The page for hosts names every public call of the engine, and the engine has what the page names.

local shell = require("shell")

local PAGE = shell.read(shell.root .. "/lua/leadscore/hosts.md")
local ENGINE = shell.read(shell.root .. "/lua/resty/leadscore.lua")

describe("the page for hosts", function()
    it("knows the calls that there are", function()
        local there = {}
        for name in ENGINE:gmatch("\nfunction Engine:([a-z][%w_]*)%(") do
            there[name] = true
        end
        for name in PAGE:gmatch("scoring:([%w_]+)%(") do
            assert.is_true(there[name], name)
        end
        assert.is_true(there.add and there.score and there.swap)
    end)

    it("describes each call in the source", function()
        local last
        for line in ENGINE:gmatch("[^\n]*") do
            local name = line:match("^function Engine:([a-z][%w_]*)%(")
            if name then assert.matches("^%-%-%-", last, 1, false) end
            if line ~= "" then last = line end
        end
    end)
end)
