-- What the README shows is what happens.

local page = require("page")
local shell = require("shell")

describe("README.md", function()
    it("shows examples that run", function()
        assert.truthy(page.run(shell.root .. "/README.md") >= 6)
    end)

    it("links to files that are there", function()
        local text = shell.read(shell.root .. "/README.md")
        for target in text:gmatch("%]%(([^)#]+)%)") do
            assert.truthy(target:find("^https?:") or shell.read(shell.root .. "/" .. target), target)
        end
    end)
end)
