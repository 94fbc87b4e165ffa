-- JSON into Lua: values as they are, numbers exactly or not at all.

local core = require("leadscore.core")

local NEW = _VERSION ~= "Lua 5.1" -- 5.3 and 5.4

describe("json_decode", function()
    it("gives tables, texts, booleans and null", function()
        assert.same({ a = { 1, "x", true, false }, b = {}, c = { d = core.null } },
            core.json_decode('{"a":[1,"x",true,false],"b":{},"c":{"d":null}}'))
        assert.equal("a\0\"\\/\8\12\n\r\té😀",
            core.json_decode('"a\\u0000\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"'))
        assert.equal(5, core.json_decode(" 5 "))
        assert.equal(core.null, core.json_decode("null"))
        assert.is_false(core.json_decode("false"))
        assert.same({ [""] = 1 }, core.json_decode('{"":1}'))
    end)

    it("keeps numbers exactly", function()
        local numbers = {
            ["0"] = 0, ["-0"] = 0, ["0.0e5"] = 0, ["1"] = 1, ["-1"] = -1, ["1.0"] = 1, ["10e-1"] = 1, ["1e3"] = 1000,
            ["0.1"] = 0.1, ["-0.1"] = -0.1, ["0.10"] = 0.1, ["1E-1"] = 0.1, ["1e+2"] = 100, ["12.5"] = 12.5,
            ["123456.789"] = 123456.789, ["9007199254740992"] = 2 ^ 53, ["-9007199254740992"] = -2 ^ 53,
            ["1e300"] = 1e300, ["1.7976931348623157e308"] = 1.7976931348623157e308, ["5e-324"] = 5e-324,
            ["0.000001"] = 1e-6, ["100000000000000000000"] = 1e20, ["0.30000000000000004"] = 0.1 + 0.2,
        }
        for text, number in pairs(numbers) do
            local got, err = core.json_decode(text)
            assert.equal(number, got, text .. " " .. tostring(err and err.message))
            if NEW then
                local whole = number % 1 == 0 and math.abs(number) <= 2 ^ 53
                assert.equal(whole and "integer" or "float", math.type(got), text)
            end
        end
    end)

    it("refuses numbers that would change", function()
        local texts = {
            "9007199254740993", "-9007199254740993", "0.1000000000000000055", "0.12345678901234567890", "1e400",
            "-1e400", "1e-400", "123456789012345678901", "3e-324", "1e99999999999999999999", "0.30000000000000001",
            "1.00000000000000000001",
        }
        for _, text in ipairs(texts) do
            local got, err = core.json_decode('{"groups":[{"points":' .. text .. "}]}")
            assert.is_nil(got, text)
            assert.equal("input", err.kind)
            assert.equal("groups[1].points: number " .. text .. " cannot be kept exactly", err.message)
        end
        assert.equal("number 1e400 cannot be kept exactly", select(2, core.json_decode("1e400")).message)
    end)

    it("refuses what is no JSON, with the line", function()
        local texts = { "", " ", "{", "[1,]", "{\"a\":1,}", "nul", "[1] 2", "'x'", "{a:1}", "01", "1.", ".5", "+1",
            "NaN", "\"a", "[\"\\x\"]", "\"\255\"", "[1 2]", "// x\n1" }
        for _, text in ipairs(texts) do
            local got, err = core.json_decode(text)
            assert.is_nil(got, text)
            assert.equal("input", err.kind)
            assert.is_string(err.message)
        end
        assert.equal(3, select(2, core.json_decode("{\n\"a\": 1,\n?\n}")).line)
    end)

    it("refuses a key given twice", function()
        local got, err = core.json_decode('{"a":1,"b":{"c":1,"c":2}}')
        assert.is_nil(got)
        assert.truthy(err.message:find("c", 1, true))
    end)

    it("refuses it wherever the two stand in objects of any size", function()
        for count = 1, 20 do
            for again = 1, count do
                local members = {}
                for i = 1, count do
                    members[i] = ('"k%d":{"k%d":%d}'):format(i, i, i)
                end
                local text = "{" .. table.concat(members, ",")
                assert.is_table(core.json_decode(text .. "}"))
                local got, err = core.json_decode(('%s,"k%d":1}'):format(text, again))
                assert.is_nil(got)
                assert.equal(('line 1: a key given twice: "k%d"'):format(again), err.message)
            end
        end
    end)

    it("keeps to its bounds", function()
        assert.is_table(core.json_decode(("["):rep(64) .. ("]"):rep(64)))
        assert.is_nil((core.json_decode(("["):rep(65) .. ("]"):rep(65))))
        assert.is_nil((core.json_decode(("["):rep(1000000))))
        assert.is_table(core.json_decode("[[1]]", 2))
        assert.is_nil((core.json_decode("[[[1]]]", 2)))
        assert.is_table(core.json_decode("[1,2]", 5, 3))
        assert.is_nil((core.json_decode("[1,2,3]", 5, 3)))
        assert.has_error(function() core.json_decode("1", 0) end)
        assert.has_error(function() core.json_decode("1", 201) end)
        assert.has_error(function() core.json_decode(5) end)
    end)
end)
