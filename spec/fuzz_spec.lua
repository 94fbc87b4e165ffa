-- A few hundred mutations each run; `make soak` runs many (spec/fuzz). A failure is made again by its seed and number.

local command = require("fuzz.command")
local in_process = require("fuzz.in_process")
local mutate = require("fuzz.mutate")
local seeds = require("fuzz.seeds")

describe("the mutator", function()
    it("gives the same for the same seed, and something else for others", function()
        local _, one = in_process.text(1, 7)
        local _, again = in_process.text(1, 7)
        local _, other = in_process.text(2, 7)
        assert.equal(one, again)
        assert.not_equal(one, other)
    end)

    it("changes little", function()
        local random, changed = mutate.random(1), 0
        for _ = 1, 100 do
            if mutate.mutate(random, seeds.contacts_csv) ~= seeds.contacts_csv then changed = changed + 1 end
        end
        assert.is_true(changed > 80)
    end)
end)

describe("a mutated line", function()
    it("gives a result or an error, in process", function()
        local report = in_process.run({ count = 400, seconds = 8, seed = 11 })
        assert.equal(0, #report.failures, in_process.show(report))
    end)

    it("gives exit code 0 or 1, through the command", function()
        local report = command.run({ count = 60, seconds = 8, seed = 11 })
        assert.equal(0, #report.failures, command.show(report))
    end)
end)
