-- The reference page holds every public function, key, operator, command and option, and its examples run.

local leadscore = require("leadscore")
local page = require("page")
local schema = require("leadscore.schema")
local shell = require("shell")

local LUA = shell.root .. "/lua/leadscore/"
local TEXT = shell.read(LUA .. "reference.md")

-- Public functions by the heading they must have: { heading, file, how the file defines it }.
local function public()
    local list = {}
    local function add(prefix, class, file, name)
        list[#list + 1] = { prefix .. name .. "(", file, "function " .. class .. name .. "(" }
    end
    for name, value in pairs(leadscore) do
        if type(value) == "function" then add("leadscore.", "M.", "init.lua", name) end
    end
    local definitions = require("leadscore.definition")
    for prefix, of in pairs({
        ["definition:"] = { definitions.Definition, "Definition:", "definition.lua" },
        ["set:"] = { definitions.Set, "Set:", "definition.lua" },
        ["plan:"] = { definitions.Plan, "Plan:", "definition.lua" },
        ["dataset:"] = { require("leadscore.dataset").Dataset, "Dataset:", "dataset.lua" },
        ["ledger:"] = { require("leadscore.ledger").Ledger, "Ledger:", "ledger.lua" },
        ["accounts:"] = { require("leadscore.accounts").Accounts, "Accounts:", "accounts.lua" },
        ["result:"] = { require("leadscore.result").Result, "Result:", "result.lua" },
        ["log."] = { require("leadscore.log"), "M.", "log.lua" },
        ["writer:"] = { require("leadscore.log").Writer, "Writer:", "log.lua" },
    }) do
        for name, value in pairs(of[1]) do
            if type(value) == "function" and name:sub(1, 1) ~= "_" then add(prefix, of[2], of[3], name) end
        end
    end
    for name in pairs(require("leadscore.advance").Advancing) do
        add("ledger:", "Advancing:", "advance.lua", name)
    end
    add("subscription:", "Subscription:", "subscription.lua", "cancel")
    return list
end

-- The comment before a function in a file, and its parameters.
local function annotation(text, definition)
    local from = text:find(definition, 1, true)
    if not from then return nil end
    local before = text:sub(1, from - 1)
    local comment = {}
    for line in before:reverse():gmatch("\n?([^\n]+)") do
        line = line:reverse()
        if line:sub(1, 3) ~= "---" then break end
        table.insert(comment, 1, line)
    end
    local names = text:match("%((.-)%)", from + #definition - 1)
    return table.concat(comment, "\n"), names
end

describe("the reference page", function()
    it("has a heading for every public function, with its parameters", function()
        for _, each in ipairs(public()) do
            local _, names = annotation(shell.read(LUA .. each[2]), each[3])
            assert.truthy(names, each[3])
            local heading = "# " .. each[1] .. names .. ")"
            assert.truthy(TEXT:find(heading, 1, true), "no heading on the page: " .. heading)
        end
    end)

    it("is about functions that are annotated: what they do, each parameter, what they return", function()
        for _, each in ipairs(public()) do
            local comment, names = annotation(shell.read(LUA .. each[2]), each[3])
            assert.truthy(comment:find("%-%-%- %S"), "not documented: " .. each[1])
            for name in names:gmatch("[%w_]+") do
                assert.truthy(comment:find("---@param " .. name .. "%f[^%w_]"), each[1] .. " lacks @param " .. name)
            end
            local closes = each[1]:find(":close(", 1, true)
            assert.truthy(closes or comment:find("---@return", 1, true), each[1] .. " lacks @return")
        end
    end)

    it("has no heading for a function that is not there", function()
        local known = {}
        for _, each in ipairs(public()) do
            known[each[1]] = true
        end
        for heading in TEXT:gmatch("\n#+ ([%a]+[.:][%w_]+%()") do
            assert.is_true(known[heading], heading)
        end
    end)

    it("names every key and operator of the language", function()
        local function has(name)
            assert.truthy(TEXT:find("%f[%w_]" .. name .. "%f[^%w_]"), "not on the page: " .. name)
        end
        for _, shape in pairs(schema.tables) do
            for _, key in ipairs(shape.keys) do
                has(key.name)
            end
        end
        for _, kind in pairs(schema.property_types) do
            for _, name in ipairs(kind.names) do
                has(name)
            end
        end
        for name in pairs(schema.common_operators) do
            has(name)
        end
        for name in pairs(schema.words) do
            has(name)
        end
        for object, rows in pairs(schema.relation_rows) do
            has(object)
            for _, row in ipairs(rows) do
                assert.truthy(TEXT:find(("| `%s` | %s |"):format(row[1], row[3]), 1, true), object .. ": " .. row[1])
            end
        end
    end)

    it("names every command and option", function()
        local options = require("leadscore.command.options")
        for _, command in ipairs(options.commands) do
            if not command.hidden then
                assert.truthy(TEXT:find("leadscore " .. command.name, 1, true), command.name)
                for _, group in ipairs(options.groups(command)) do
                    for _, option in ipairs(group[2]) do
                        local supported = not option.help:find("not supported", 1, true)
                        assert.truthy(not supported or TEXT:find(option[1], 1, true), option[1])
                    end
                end
            end
        end
    end)

    it("shows examples that run", function()
        assert.truthy(page.run(LUA .. "reference.md") >= 6)
    end)

    it("links to headings that are there", function()
        local anchors = {}
        for heading in TEXT:gmatch("\n#+ ([^\n]+)") do
            anchors[heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true
        end
        for anchor in TEXT:gmatch("%]%(#([^)]+)%)") do
            assert.is_true(anchors[anchor], anchor)
        end
    end)
end)
