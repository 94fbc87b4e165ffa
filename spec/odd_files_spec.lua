-- Files as users have them, through the command: exports of spreadsheets and CRMs, cut and broken files, and outputs
-- that would spoil inputs. What is said names the file and the place.

local shell = require("shell")

local DEFINITION = [[
return { name = "q", groups = { { name = "Fit", rules = {
    { when = { country = { "SE", "DK" } }, points = 5 }, { when = { employees = { at_least = 50 } }, points = 20 },
} } } }
]]

local BOM = "\239\187\191"

local folder

local function file(name, text)
    shell.write(folder .. "/" .. name, text)
end

local function score(options)
    return shell.run(folder, "leadscore score score.lua --quiet --at 2025-06-01 " .. options)
end

before_each(function()
    folder = shell.folder()
    file("score.lua", DEFINITION)
    file("good.csv", "id,country,employees\n1,SE,60\n2,NO,5\n")
end)

after_each(function()
    shell.remove(folder)
end)

-- name of the file, text, what its scores are (after the header), further options.
local read = {
    { "semicolons.csv", "id;country;employees\n1;SE;60\n", "1,25\n", "--delimiter ';'" },
    { "tabs.csv", "id\tcountry\temployees\n1\tSE\t60\n", "1,25\n", "--delimiter tab" },
    { "bom.csv", BOM .. "id,country,employees\r\n1,SE,60\r\n2,\"NO\",\r\n", "1,25\n2,0\n" },
    { "quotes.csv", "id,country,employees,note\n1,SE,60,\"a \"\"q\"\" \n new, line\"\n", "1,25\n" },
    { "header.csv", "id,country,employees", "" },
    { "blank_lines.csv", "id,country,employees\n1,SE,5\n\n2,NO,60\n\n", "1,5\n2,20\n" },
    { "blanks.csv", "id,country,employees\n1 , se , 60 \n", "1,25\n" },
    { "last_line.csv", "id,country,employees\n1,SE,60", "1,25\n" },
    { "unnamed.csv", "id,country,employees,\n1,SE,60,x\n", "1,25\n" },
    { "array.ndjson", '{"id":"1","country":["SE"],"employees":[60]}\n{"id":2,"country":["SE","DK"]}\n',
        "1,25\n2,0\n" },
    { "nested.ndjson", '{"id":1,"country":"SE","employees":"60","x":{"y":[1,{"z":null}]}}\n', "1,25\n" },
    { "bom.ndjson", BOM .. '{"id":"1","country":"DK","employees":1}\r\n\n{"id":"2"}', "1,5\n2,0\n" },
}

-- name of the file, text, the line that is said.
local refused = {
    { "semicolons.csv", "id;country\n1;SE\n", 'semicolons.csv:1: expected a column "id", got "id;country" ' ..
        "(if ';' delimits the columns: --delimiter ';')" },
    { "quoted.csv", '"id";"country"\n"1";"SE"\n', "quoted.csv:1:1: expected a delimiter after the closing quote, " ..
        "got more text (if ';' delimits the columns: --delimiter ';')" },
    { "tabs.csv", "country\tid\nSE\t1\n", 'tabs.csv:1: expected a column "id", got "country?id" ' ..
        "(if tabs delimit the columns: --delimiter tab)" },
    { "no_semicolons.csv", "key;country\n1;SE\n", 'no_semicolons.csv:1: expected a column "id", got "key;country"' },
    { "list_id.ndjson", '{"id":[1]}\n', "list_id.ndjson:1:1: id: expected a text or a number, got a list" },
    { "object_id.ndjson", '{"id":{"a":1}}\n', "object_id.ndjson:1:1: id: expected a text or a number, got an object" },
    { "true_id.ndjson", '{"id":true}\n', "true_id.ndjson:1:1: id: expected a text or a number, got true or false" },
    { "short.csv", "id,country,employees\n1,SE\n", "short.csv:2: expected 3 fields, got 2" },
    { "long.csv", "id,country,employees\n1,SE,6,7\n", "long.csv:2: expected 3 fields, got 4" },
    { "twice.csv", "id,country,country\n1,SE,6\n",
        'twice.csv:1: expected each column once, got "country" as fields 2 and 3' },
    { "empty.csv", "", "empty.csv:1: expected a header row that names the columns, got an empty file" },
    { "repeated.csv", "id,country,employees\n1,SE,5\n1,SE,6\n",
        'repeated.csv:3:1: id: expected each id once, got "1" again (first: repeated.csv:2)' },
    { "no_id.csv", "id,country,employees\n,SE,6\n", "no_id.csv:2:1: id: expected an id, got nothing" },
    { "open.csv", "id,country,employees\n1,\"SE,5\n2,SE,6\n",
        "open.csv:2:2: expected the quote that opens here to be closed, got no end" },
    { "after.csv", "id,country,employees\n1,\"SE\"x,5\n",
        "after.csv:2:2: expected a delimiter after the closing quote, got more text" },
    { "nul.csv", "id,country,employees\n1,S\0E,5\n", "nul.csv:2:2: expected text, got a NUL byte" },
    { "long_line.csv", "id,country,employees\n1," .. ("x"):rep(17000000) .. ",5\n",
        "long_line.csv:2: expected a line of at most 16777216 bytes, got a longer one" },
    { "cell.ndjson", '{"id":"3","country":null,"employees":true}\n',
        'cell.ndjson:1:3: employees: cannot read "true" as a number (expected digits such as 1234 or 12.5)' },
    { "half.ndjson", '{"id":"1"', "half.ndjson:1: not JSON: parse error: premature EOF" },
    { "keys.ndjson", '{"id":"1","id":"2"}\n', 'keys.ndjson:1: a key given twice: "id"' },
    { "deep.ndjson", '{"id":"1","x":' .. ("["):rep(100000) .. "\n", "deep.ndjson:1: nested too deeply" },
    { "plain.csv.gz", "id\n1\n", "plain.csv.gz: damaged gzip: incorrect header check" },
    { "empty.csv.gz", "", "empty.csv.gz: the gzip data ends too early: the file is cut off" },
}

describe("an odd file", function()
    for _, case in ipairs(read) do
        it("is read: " .. case[1], function()
            file(case[1], case[2])
            local got = score("--contacts " .. case[1] .. " " .. (case[4] or ""))
            assert.same({ code = 0, out = "id,q\n" .. case[3], err = "" }, got)
        end)
    end

    for _, case in ipairs(refused) do
        it("is refused in one line: " .. case[1], function()
            file(case[1], case[2])
            local got = score("--out scores.csv --contacts " .. case[1])
            assert.same({ code = 1, out = "", err = case[3] .. "\n" }, got)
            assert.is_nil(shell.read(folder .. "/scores.csv"))
        end)
    end

    it("may be several gzip members, but not cut off", function()
        shell.run(folder, "{ gzip -c good.csv; printf '3,DK,70\\n' | gzip -c; } > two.csv.gz; "
            .. "gzip -c good.csv | head -c 30 > cut.csv.gz")
        assert.equal("id,q\n1,25\n2,0\n3,25\n", score("--contacts two.csv.gz").out)
        assert.same({ code = 1, out = "", err = "cut.csv.gz: the gzip data ends too early: the file is cut off\n" },
            score("--contacts cut.csv.gz"))
    end)

    it("may be a list with a broken row", function()
        file("list.csv", "id\n1\n\"a\"b\n")
        assert.same({ code = 1, out = "", err =
            "list.csv:3:1: expected a delimiter after the closing quote, got more text\n" },
            score("--contacts good.csv --list x=list.csv"))
        assert.equal(0, score("--contacts good.csv --list x=list.csv --rejects bad.csv").code)
        assert.truthy(shell.read(folder .. "/bad.csv"):find('list.csv,3,1,', 1, true))
    end)
end)

describe("an output", function()
    it("does not spoil an input", function()
        shell.run(folder, "mkdir data; cp good.csv data/contacts.csv; cp good.csv data/2025-06-01T00-00-00Z.csv")
        for _, options in ipairs({
            "--contacts good.csv --out good.csv", "--contacts good.csv --out ./good.csv",
            "--contacts good.csv --rejects good.csv", "--contacts good.csv --list x=good.csv --rejects good.csv",
            "--contacts good.csv --out score.lua", "--contacts data/contacts.csv --out data/",
            "--contacts data --out data/contacts.csv", "--contacts good.csv --out x --rejects x",
            "--contacts good.csv --rejects -", "--contacts data/2025-06-01T00-00-00Z.csv --at 2025-06-02 --out data/",
        }) do
            local before = shell.read(folder .. "/good.csv")
            local got = score(options)
            assert.equal(2, got.code, options)
            assert.equal("", got.out)
            assert.equal(before, shell.read(folder .. "/good.csv"))
            assert.equal(before, shell.read(folder .. "/data/contacts.csv"))
        end
    end)

    it("may have ten thousand columns, and one more is told at once", function()
        file("wide.csv", "id" .. (",x%d"):rep(9999):gsub("%%d", (function()
            local number = 0
            return function()
                number = number + 1
                return tostring(number)
            end
        end)()) .. "\n")
        assert.equal(0, score("--contacts wide.csv").code)
        file("wide.csv", "id" .. (","):rep(10000) .. "\n")
        local got = score("--contacts wide.csv")
        assert.equal(1, got.code)
        assert.equal("wide.csv:1: expected at most 10000 columns, got more\n", got.err)
    end)

    it("may stand beside the inputs", function()
        for _, out in ipairs({ "scores.csv", "scores.csv", "./scores.csv", "/dev/null" }) do
            assert.equal(0, score("--contacts good.csv --rejects bad.csv --out " .. out).code)
        end
    end)

    it("that cannot be written is exit 74", function()
        for _, options in ipairs({ "--out /dev/full", ">/dev/full", "--out /nowhere/x.csv", "--out .", ">&-" }) do
            local got = score("--contacts good.csv " .. options)
            assert.equal(74, got.code, options)
            assert.equal("", got.out)
            assert.equal(1, select(2, got.err:gsub("\n", "\n")))
        end
    end)
end)
