-- The binding's own promises: objects after closing and in any order of collection, callbacks that throw, what is
-- wrong usage (raises) and what is wrong data (nil and an error).

local core = require("leadscore.core")

local NEW = _VERSION ~= "Lua 5.1" -- 5.3 and 5.4
local AT = 1738400000 -- 2025-02-01T08:53:20Z
local DAY = 86400

-- Engagement: 5 points a page, half after each 30 days. Fit: 20 for retail, 0.5 for tag "a", -3 for competitors.
local CANONICAL = '{"definitions":[{"groups":[{"kind":"engagement","name":"Web","rules":[{"decay":{"curve":"step",'
    .. '"every":2592000,"percent":50},"event":["page"],"points":5}]},{"kind":"fit","name":"Fit","rules":[{"points":20,'
    .. '"when":{"is":{"tests":[["any_of","Retail"]]},"property":"contact.industry"}},{"points":0.5,"when":{"is":'
    .. '{"tests":[["any_of","a"]]},"property":"contact.tags"}},{"points":-3,"when":{"list":["competitors"],'
    .. '"member":true}}]}],"kind":"combined","name":"quality","object":"contact","properties":{"contact.industry":'
    .. '"text","contact.tags":"set"},"thresholds":{"bands":[{"at_least":20,"label":"High"},{"label":"Low"}]}}],'
    .. '"language":1}'

local CONTACTS = "id,industry,tags\n1,Retail,a;b\n2,Food,\n3,,a\n"
local EVENTS = "contact_id,event,at\n1,page,2025-01-01\n1,page,2025-02-01\n9,page,2025-01-01\n2,page,2030-01-01\n"

local function new_plan()
    return assert(core.plan(CANONICAL))
end

local function finish(job)
    local done, err
    repeat
        done, err = job:step(1000)
    until done ~= false
    assert(done, err and err.message)
    return job
end

local function read(dataset, options)
    return finish(assert(dataset:read(options))):close()
end

local function new_dataset(plan)
    local dataset = assert(core.dataset())
    if plan then assert(dataset:expect(plan)) end
    read(dataset, { input = "contacts", text = CONTACTS, name = "contacts.csv" })
    read(dataset, { input = "events", text = EVENTS })
    read(dataset, { input = "list", list = "competitors", text = "3\n" })
    finish(assert(dataset:group())):close()
    return dataset
end

local function new_result()
    local plan = new_plan()
    return finish(assert(new_dataset(plan):score(plan, AT))):result()
end

local function collect()
    collectgarbage()
    collectgarbage()
end

local function raises(message, call, ...)
    local ok, err = pcall(call, ...)
    assert.is_false(ok)
    assert.truthy(tostring(err):find(message, 1, true), tostring(err))
end

local function temporary_name()
    local name = os.tmpname()
    os.remove(name)
    return name
end

local function contents(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local text = file:read("*a")
    file:close()
    return text
end

describe("the module table", function()
    it("says its versions", function()
        assert.equal("0.1.0", core.version)
        assert.truthy(core.unicode_version:find("^%d+%.%d+%.%d+$"))
        assert.equal(1, core.language)
        assert.equal("userdata", type(core.null))
    end)

    it("may be loaded twice in one state", function()
        package.loaded["leadscore.core"] = nil
        local again = require("leadscore.core")
        package.loaded["leadscore.core"] = core
        local plan = assert(again.plan(CANONICAL))
        assert.equal(1, plan:count())
        assert.equal(1, new_plan():count())
        assert.is_table(assert(core.dataset()):counts())
    end)

    it("reads and prints texts, numbers and times", function()
        assert.equal("strasse", core.fold("STRAßE"))
        assert.equal("a\255B", core.fold("a\255B"))
        local from, till = core.read_time("2025-01-31")
        assert.same({ 1738281600, 1738368000 }, { from, till })
        assert.is_nil(core.read_time("31/01/2025"))
        assert.equal(1000, core.read_number("1e3"))
        assert.equal(-0.5, core.read_number("-.5"))
        assert.is_nil(core.read_number("1,5"))
        assert.is_nil(core.read_number("0x10"))
        assert.equal("0.1", core.print_number(0.1))
        assert.equal("38.75", core.print_points(38750000))
        assert.equal("-0.000001", core.print_points(-1))
        assert.equal("1970-01-01T00:00:00Z", core.print_time(0))
        assert.equal(32, #core.fingerprint("x"))
        if NEW then
            assert.equal("9223372036854775807", core.print_number(rawget(math, "maxinteger")))
            assert.equal("integer", math.type(core.read_number("1e3")))
        end
    end)

    it("raises on wrong usage", function()
        raises("string expected", core.fold, 5)
        raises("string expected", core.read_time)
        raises("number expected", core.print_points, "5")
        raises("", core.print_points, 0.5)
        raises("year 1 to 9999", core.print_time, 1e15)
        raises("string expected", core.plan, {})
        raises("bytes expected", core.dataset, -1)
        raises("path expected", core.output, "")
        raises("path expected", core.output, "a\0b")
        raises("path or 1", core.output, 2)
        raises("file descriptor", core.terminal, -1)
    end)

    it("counts the values of plain data, and of nothing else", function()
        local itself = {}
        itself.me = itself
        assert.equal(0, core.plain_values({}, 1, 0))
        assert.equal(5, core.plain_values({ "a", { b = 1.5, [true] = core.null, [2] = false } }, 2, 5))
        assert.is_nil(core.plain_values({ "a", { b = 1.5, [true] = core.null, [2] = false } }, 2, 4))
        assert.is_nil(core.plain_values({ {} }, 1, 100))
        local odd_values = { print, 0 / 0, 1 / 0, setmetatable({}, {}), itself, io.stdout,
            coroutine.create(function() end) }
        for _, odd in ipairs(odd_values) do
            assert.is_nil(core.plain_values({ odd }, 32, 100))
            assert.is_nil(core.plain_values({ { odd } }, 32, 100))
        end
        assert.is_nil(core.plain_values({ [print] = 1 }, 32, 100))
        assert.is_nil(core.plain_values(setmetatable({}, { __metatable = "mine" }), 32, 100))
        raises("table expected", core.plain_values, "x", 1, 1)
        raises("out of range", core.plain_values, {}, 1000, 1)
    end)

    it("tells the length of what is a list and nothing else", function()
        assert.equal(3, core.list_length({ "a", "b", false }))
        for _, other in ipairs({ {}, { a = 1 }, { 1, a = 1 }, { [2] = 1 }, { [0] = 1, 1 }, "abc", 3 }) do
            assert.is_nil(core.list_length(other))
        end
        assert.is_nil(core.list_length())
    end)

    it("prints checked definitions, and survives what is none", function()
        local set = { { name = "a", kind = "fit", object = "contact", groups = {}, properties = {
            ["contact.a b"] = "text", ["contact.a"] = "number", ['contact.a"'] = "set",
        } } }
        assert.equal('[{"groups":[],"kind":"fit","name":"a","object":"contact","properties":{"contact.a":"number",'
            .. '"contact.a b":"text","contact.a\\"":"set"}}]', core.canonical(set))
        local itself = {}
        itself.all = { itself, itself }
        raises("table expected", core.canonical, 5)
        raises("table expected", core.canonical, { 5 })
        raises("string expected", core.canonical, { { name = 5 } })
        raises("too many nested", core.canonical, { { scope = itself } })
        raises("string expected", core.canonical, { { properties = { "a" } } })
    end)

    it("tells the time and whether a descriptor is a terminal", function()
        local before = core.clock()
        assert.is_true(core.clock() >= before)
        assert.is_true(math.abs(core.now() - os.time()) <= 1)
        assert.is_nil(core.terminal(1000))
    end)
end)

describe("a plan", function()
    it("says what it is made of", function()
        local plan = new_plan()
        assert.same({ 1, "quality", "contact", true, true },
            { plan:count(), plan:name(1), plan:object(1), plan:combined(1), plan:labels(1) })
        assert.same({ "competitors" }, plan:lists())
        local types = {}
        for _, field in ipairs(plan:fields()) do
            types[field.object .. "." .. field.name] = field.type
        end
        assert.equal("text", types["contact.industry"])
        assert.equal("set", types["contact.tags"])
        assert.equal("leadscore.plan (quality)", tostring(plan))
    end)

    it("answers nil and an error for what is no canonical form", function()
        for _, text in ipairs({ "", "{", "[]", '{"language":1}', '{"language":2,"definitions":[]}' }) do
            local plan, err = core.plan(text)
            assert.is_nil(plan)
            assert.is_string(err.message)
            assert.is_string(err.kind)
        end
    end)

    it("raises for an index that is not there", function()
        local plan = new_plan()
        raises("there are 1 definitions", plan.name, plan, 2)
        raises("there are 1 definitions", plan.name, plan, 0)
        raises("", plan.name, plan, 1.5)
        raises("number expected", plan.name, plan, "1")
    end)
end)

describe("a closed object", function()
    it("says so, and may be closed again", function()
        local plan = new_plan()
        local dataset = new_dataset(plan)
        local job = finish(dataset:score(plan, AT))
        local result = job:result()
        local scorer = plan:scorer()
        local interrupts = core.interrupts()
        for _, object in ipairs({ scorer, job, result, dataset, plan, interrupts }) do
            object:close()
            object:close()
            assert.truthy(tostring(object):find("(closed)", 1, true))
        end
        raises("leadscore: plan is closed", plan.count, plan)
        raises("leadscore: plan is closed", plan.scorer, plan)
        raises("leadscore: dataset is closed", dataset.counts, dataset)
        raises("leadscore: dataset is closed", dataset.read, dataset, { input = "contacts", text = "" })
        raises("leadscore: job is closed", job.step, job)
        raises("leadscore: job is closed", job.progress, job)
        raises("leadscore: job is closed", job.result, job)
        raises("leadscore: result is closed", result.get, result, 1, 1)
        raises("leadscore: scorer is closed", scorer.score, scorer, {}, AT)
        raises("leadscore: interrupts is closed", interrupts.pending, interrupts)
        local other = core.dataset()
        raises("leadscore: plan is closed", other.expect, other, plan)
    end)

    it("is no other object", function()
        local plan, dataset = new_plan(), core.dataset()
        raises("leadscore.dataset", dataset.counts, plan)
        raises("leadscore.plan", plan.count, dataset)
        raises("leadscore.plan", dataset.expect, dataset, dataset)
        raises("leadscore.plan", plan.count, io.stdout)
        raises("leadscore.plan", plan.count)
        local finalizer = getmetatable(plan).__gc
        raises("leadscore.plan", finalizer, dataset)
    end)

    if _VERSION == "Lua 5.4" then
        it("closes at the end of its block", function()
            local load_text = load
            local kept = load_text("local core, text = ... local kept do local plan <close> = core.plan(text) "
                .. "kept = plan end return kept")(core, CANONICAL)
            assert.equal("leadscore.plan (closed)", tostring(kept))
        end)
    end
end)

describe("objects of one run", function()
    -- All orders of closing four objects; each later one keeps what it needs.
    local function orders(list, from, visit)
        if from > #list then return visit(list) end
        for i = from, #list do
            list[from], list[i] = list[i], list[from]
            orders(list, from + 1, visit)
            list[from], list[i] = list[i], list[from]
        end
    end

    it("may be closed in any order", function()
        local count = 0
        orders({ "plan", "dataset", "job", "result" }, 1, function(order)
            local objects = { plan = new_plan() }
            objects.dataset = new_dataset(objects.plan)
            objects.job = finish(objects.dataset:score(objects.plan, AT))
            objects.result = objects.job:result()
            for _, name in ipairs(order) do
                objects[name]:close()
                if name ~= "result" and tostring(objects.result):sub(-8) ~= "(closed)" then
                    assert.equal(28, objects.result:get(1, 1).value)
                    assert.equal("High", objects.result:get(1, 1).label)
                end
            end
            count = count + 1
        end)
        assert.equal(24, count)
    end)

    it("may be collected in any order", function()
        local result = new_result()
        collect()
        assert.same({ value = 28, fit = 20.5, engagement = 7.5, label = "High", scored = true, in_scope = true },
            result:get(1, 1))
        assert.equal(AT + 2473600, result:next_change(1, 1))
        local parts = {}
        local job = result:write({ output = function(text) parts[#parts + 1] = text end })
        result = nil -- luacheck: ignore
        collect()
        finish(job)
        assert.equal("id,quality,quality_engagement,quality_fit,quality_label", table.concat(parts):match("^[^\n]+"))
        local scorer = new_plan():scorer()
        collect()
        assert.equal(20, scorer:score({ industry = "retail" }, AT).quality.value)
    end)

    it("may be left in the middle", function()
        for _ = 1, 20 do
            local plan = new_plan()
            local dataset = core.dataset()
            local job = dataset:read({ input = "contacts", text = CONTACTS:rep(100) })
            job:step(10)
            new_dataset(plan):score(plan, AT)
        end
        collect()
    end)

    it("go on although their dataset was closed", function()
        local dataset = core.dataset()
        local job = dataset:read({ input = "contacts", text = CONTACTS })
        dataset:close()
        finish(job)
        assert.is_true(job:step())
    end)
end)

describe("a dataset", function()
    it("counts, finds and names", function()
        local plan = new_plan()
        local dataset = new_dataset(plan)
        local counts = dataset:counts()
        assert.same({ 3, 3, 1, 0 }, { counts.contacts, counts.events, counts.unknown_contact, counts.repeated })
        assert.equal(2, dataset:find("contact", "2"))
        assert.is_nil(dataset:find("contact", "9"))
        assert.equal("3", dataset:id("contact", 3))
        assert.equal(1, dataset:future(AT))
        assert.is_true(dataset:has_list("competitors"))
        assert.is_false(dataset:has_list("others"))
        assert.same({ "id", "industry", "tags" }, dataset:columns("contact"))
        assert.truthy(tostring(dataset):find("^leadscore%.dataset %(3 contacts, 3 events, [%d.]+ kB%)$"))
        local held, peak = dataset:memory()
        assert.is_true(held > 0 and peak >= held)
        assert.truthy(dataset:explain(plan, "contact", 1, AT):find('"value":28', 1, true))
    end)

    it("raises on wrong usage", function()
        local dataset = new_dataset()
        raises("there are 3 records", dataset.id, dataset, "contact", 4)
        raises("contact, company or deal", dataset.find, dataset, "event", "1")
        raises("invalid option", dataset.columns, dataset, "person")
        raises("1 to 256 threads", dataset.score, dataset, new_plan(), AT, 0)
        raises("1 to 256 threads", dataset.score, dataset, new_plan(), AT, 257)
        raises("", dataset.score, dataset, new_plan(), "now")
        raises("", dataset.score, dataset, new_plan(), AT + 0.5)
        local cases = {
            { {}, "input" },
            { { input = "people", text = "" }, "input" },
            { { input = "contacts" }, "one of path, text and reader" },
            { { input = "contacts", text = "", path = "x" }, "one of path, text and reader" },
            { { input = "contacts", reader = 5 }, "reader: expected a function, got number" },
            { { input = "contacts", text = 5 }, "text: expected text, got number" },
            { { input = "contacts", text = "", delimiter = ";;" }, "delimiter" },
            { { input = "contacts", text = "", format = "xml" }, "format" },
            { { input = "contacts", text = "", unknown = { 5 } }, "unknown: expected texts, got number" },
            { { input = "contacts", text = "", renames = { {} } }, "renames: expected { column =, header = }" },
            { { input = "contacts", text = "", rejects = 5 }, "expected an output or a function" },
            { { input = "list", text = "" }, "list: expected the list's name" },
        }
        for _, case in ipairs(cases) do
            raises(case[2], dataset.read, dataset, case[1])
        end
        raises("table expected", dataset.read, dataset)
    end)

    it("reads options raw", function()
        local options = setmetatable({ input = "contacts" }, { __index = function() error("a metamethod ran") end })
        raises("one of path, text and reader", function() core.dataset():read(options) end)
    end)

    it("answers nil and an error for wrong data", function()
        local job = assert(core.dataset():read({ input = "contacts", text = "id\n1\n1\n", name = "people.csv" }))
        local done, err = job:step()
        assert.is_nil(done)
        assert.same({ "input", "people.csv", 3 }, { err.kind, err.file, err.line })
        assert.equal("people.csv:3:", err.message:sub(1, 13))
        raises("the job has ended with an error", job.step, job)
        job:close()
        local none, why = core.dataset():read({ input = "contacts", path = "/no/such/file.csv" })
        if none then
            none, why = none:step()
        end
        assert.is_nil(none)
        assert.equal("io", why.kind)
    end)

    it("keeps to its memory", function()
        local dataset, err = core.dataset(100000)
        local lines = {}
        for i = 1, 20000 do
            lines[i] = "contact " .. i
        end
        local job = dataset and dataset:read({ input = "contacts", text = "id\n" .. table.concat(lines, "\n") })
        if job then
            dataset, err = job:step()
        end
        assert.is_nil(dataset)
        assert.equal("memory", err.kind)
    end)

    it("uses other names, delimiters and unknown texts", function()
        local dataset = core.dataset()
        read(dataset, { input = "contacts", text = "key;industry\n1;Select\n2;Retail\n", delimiter = ";",
            renames = { { column = "id", header = "key" } }, unknown = { "Select", "n/a" } })
        read(dataset, { input = "list", list = "competitors", text = "" })
        finish(dataset:group())
        local plan = new_plan()
        local result = finish(dataset:score(plan, AT)):result()
        assert.equal(20, result:get(1, 2).value)
        assert.equal(0, result:get(1, 1).value)
    end)

    it("reads from functions in pieces of any size", function()
        local dataset = core.dataset()
        local i = 0
        read(dataset, { input = "contacts", reader = function(size)
            assert(size > 0)
            i = i + 1
            return i <= #CONTACTS and CONTACTS:sub(i, i) or nil
        end })
        local lines = { "id" }
        for id = 1, 100000 do
            lines[#lines + 1] = "more " .. id
        end
        local whole = { table.concat(lines, "\n") } -- more than the core asks for at once
        read(dataset, { input = "contacts", reader = function() return table.remove(whole) end })
        assert.equal(100003, dataset:counts().contacts)
    end)

    it("writes what it refuses to a function or an output", function()
        local parts, path = {}, temporary_name()
        local dataset = core.dataset()
        read(dataset, { input = "contacts", text = "id\n1\n1\n2\n", rejects = function(text)
            parts[#parts + 1] = text
        end })
        assert.same({ 2, 1 }, { dataset:counts().contacts, dataset:counts().rejected_rows })
        assert.truthy(table.concat(parts):find("1", 1, true))
        local output = assert(core.output(path))
        read(dataset, { input = "companies", text = "id\n5\n5\n", rejects = output })
        assert.is_true(output:commit())
        assert.is_true(#contents(path) > 0)
        os.remove(path)
    end)
end)

describe("a callback", function()
    it("that throws ends the step with its own error", function()
        local thrown = { "my error" }
        local dataset = core.dataset()
        local job = dataset:read({ input = "contacts", reader = function() error(thrown, 0) end })
        local ok, err = pcall(job.step, job)
        assert.is_false(ok)
        assert.equal(thrown, err)
        raises("the job has ended", job.step, job)
        job:close()
        dataset:close()

        job = new_result():write({ output = function() error("disk", 0) end })
        ok, err = pcall(finish, job)
        assert.is_false(ok)
        assert.equal("disk", err)

        job = core.dataset():read({ input = "contacts", text = "id\n1\n1\n", rejects = function() error("no", 0) end })
        ok, err = pcall(finish, job)
        assert.is_false(ok)
        assert.equal("no", err)
    end)

    it("that answers nil and an error ends the step with these", function()
        local job = core.dataset():read({ input = "contacts", reader = function() return nil, "line lost" end })
        local done, err = job:step()
        assert.is_nil(done)
        assert.same({ "io", "line lost" }, { err.kind, err.message })
        local own = { message = "mine" }
        job = new_result():write({ output = function() return nil, own end })
        done, err = job:step()
        assert.is_nil(done)
        assert.equal(own, err)
    end)

    it("that answers something else is wrong usage", function()
        local job = core.dataset():read({ input = "contacts", reader = function() return 5 end })
        raises("the reader answers text or nil, got number", job.step, job)
    end)

    it("may not yield", function()
        local job = core.dataset():read({ input = "contacts", reader = function() coroutine.yield() end })
        local ok, err = coroutine.resume(coroutine.create(function() return job:step() end))
        assert.is_false(ok)
        assert.truthy(tostring(err):find("yield", 1, true))
    end)

    it("may not touch its job and its dataset", function()
        local dataset = core.dataset()
        local job, errors
        local function try()
            errors = {}
            for name, call in pairs({
                step = function() return job:step() end, close = function() return job:close() end,
                counts = function() return dataset:counts() end, dataset = function() return dataset:close() end,
                read = function() return dataset:read({ input = "contacts", text = "id\n" }) end,
            }) do
                local ok, err = pcall(call)
                errors[name] = not ok and err
            end
            tostring(job)
            tostring(dataset)
        end
        local function reader()
            if errors then return nil end
            try()
            return "id\n1\n"
        end
        job = dataset:read({ input = "contacts", reader = reader })
        finish(job)
        for _, name in ipairs({ "step", "close", "counts", "dataset", "read" }) do
            assert.is_string(errors[name], name)
        end
        assert.equal(1, dataset:counts().contacts)
    end)

    it("may collect garbage and run other jobs", function()
        local parts = {}
        local job = new_result():write({ output = function(text)
            collect()
            parts[#parts + 1] = text .. new_result():get(1, 1).value
        end })
        collect()
        finish(job)
        assert.truthy(table.concat(parts):find("28", 1, true))
    end)

    it("stays with its job", function()
        local gone = setmetatable({}, { __mode = "k" })
        local job
        do
            local reader = function() end
            gone[reader] = true
            job = core.dataset():read({ input = "contacts", reader = reader })
        end
        collect()
        assert.is_not_nil(next(gone))
        assert.is_nil((job:step())) -- no header
        job = nil -- luacheck: ignore
        collect()
        assert.is_nil(next(gone))
    end)
end)

describe("a job", function()
    it("says how far it is", function()
        local dataset = core.dataset()
        local job = dataset:read({ input = "contacts", text = CONTACTS })
        local done, total, phase, unit = job:progress()
        assert.same({ 0, 0, "read", "bytes" }, { done, total, phase, unit })
        assert.is_true(job:step())
        assert.equal(#CONTACTS, (job:progress()))
        assert.equal("leadscore.job (read done: 43 bytes)", tostring(job))
        assert.is_true(job:step())
        raises("only a score job has a result", job.result, job)
        raises("budget", job.step, job, -1)
    end)

    it("has a result once it is done, and one only", function()
        local plan = new_plan()
        local job = new_dataset(plan):score(plan, AT)
        raises("the job is not done", job.result, job)
        finish(job)
        assert.equal(job:result(), job:result())
        local result = job:result()
        job:close()
        assert.equal(3, result:count("contact"))
    end)
end)

describe("a result", function()
    local result = new_result()

    it("gives scores as numbers and as exact texts", function()
        assert.same({ value = -2.5, fit = -2.5, engagement = 0, label = "Low", scored = true, in_scope = true },
            result:get(1, 3))
        assert.same({ "28", "20.5", "7.5" }, { result:exact(1, 1) })
        assert.equal(3, result:count("contact"))
        assert.equal(0, result:count("deal"))
        assert.equal(AT, result:at())
        assert.is_false(result:next_change(1, 2))
        assert.same({ 1, 2 }, result:top(1, 2))
        assert.same({ 1, 2, 3 }, result:top(1, 1000))
        assert.same({}, result:top(1, 0))
        assert.equal("leadscore.result (1 score of 3 records at 2025-02-01T08:53:20Z)", tostring(result))
        if NEW then assert.equal("integer", math.type(result:get(1, 1).value)) end
    end)

    it("writes itself", function()
        local function written(options)
            local parts = {}
            options.output = function(text) parts[#parts + 1] = text end
            finish(result:write(options))
            return table.concat(parts)
        end
        assert.equal("id,quality,quality_engagement,quality_fit,quality_label\n1,28,7.5,20.5,High\n2,0,0,0,Low\n"
            .. "3,-2.5,0,-2.5,Low\n", (written({}):gsub("\r", "")))
        assert.truthy(written({ extra = true }):find("2025%-03%-02T00:00:00Z"))
        assert.equal('{"id":"1",', written({ format = "ndjson", object = "contact" }):sub(1, 10))
        local distribution = core.json_decode(result:distribution(1, 4))
        assert.equal(3, distribution.count)
    end)

    it("raises on wrong usage", function()
        raises("there are 3 records", result.get, result, 1, 4)
        raises("there are 1 definitions", result.get, result, 2, 1)
        raises("format", result.write, result, { output = print, format = "xml" })
        raises("invalid option", result.write, result, { output = print, object = "person" })
        raises("an output or a function", result.write, result, {})
        raises("bins", result.distribution, result, 1, 0)
        raises("rows", result.top, result, 1, -1)
    end)
end)

describe("a scorer", function()
    local plan = new_plan()
    local scorer = plan:scorer()

    local function value(record)
        local scores, err = scorer:score(record, AT)
        return scores and scores.quality.value, err
    end

    it("scores one record given as a table", function()
        assert.equal(25, value({ id = 1, industry = "RETAIL", events = { { "page", "10 days ago" } } }))
        assert.equal(0.5, value({ tags = { "b", "a" } }))
        assert.equal(17, value({ industry = "Retail", lists = { "competitors", "others" } }))
        assert.equal(0, value({}))
        assert.equal("leadscore.scorer (1 score)", tostring(scorer))
        local record = { events = { { "page", "10 days ago" } } }
        assert.equal(AT - 10 * DAY + 30 * DAY, scorer:next_change(record, AT, "quality"))
        assert.is_false(scorer:next_change({}, AT, "quality"))
        assert.truthy(scorer:explain({ industry = "Retail" }, AT):find('"value":20', 1, true))
    end)

    it("reads times as numbers, texts and spans", function()
        local times = { AT - 40 * DAY, AT - 40 * DAY + 0.9, "2024-12-23T08:53:20Z", ("%d"):format(AT - 40 * DAY),
            "40 days ago", "40 day ago", "960 hours ago", " 57600  minutes ago " }
        for _, time in ipairs(times) do
            assert.equal(2.5, (value({ events = { { event = "page", at = time } } })), time)
        end
        assert.equal(0, value({ events = { { "page", "1 second from now" } } }))
        assert.equal(20, scorer:score({ industry = "Retail" }, "2025-02-01").quality.value)
    end)

    it("takes null for what is missing", function()
        assert.equal(0, value({ industry = core.null, events = core.null, lists = core.null }))
        assert.equal(0.5, value({ tags = { core.null, "a", core.null } }))
        assert.equal(5, value({ events = { { "page", AT, url = core.null } } }))
    end)

    it("prints numbers and booleans as files have them", function()
        local canonical = CANONICAL:gsub('"Retail"', '"100000000000000000000","0.1","12","true"')
        local other = assert(core.plan(canonical)):scorer()
        for _, industry in ipairs({ 12, 12.0, 0.1, true, "12", "TRUE" }) do
            assert.equal(20, other:score({ industry = industry }, AT).quality.value, tostring(industry))
        end
        assert.equal(0, other:score({ industry = false }, AT).quality.value)
    end)

    it("keeps nothing of the record before", function()
        value({ industry = "Retail", events = { { "page", AT } }, lists = { "competitors" } })
        assert.equal(0, value({}))
        assert.is_nil((value({ industry = "Retail", tags = { {} } })))
        assert.equal(0, value({}))
    end)

    it("reads tables raw", function()
        local loud = { __index = function() error("a metamethod ran") end, __len = function() error("len ran") end,
            __pairs = function() error("pairs ran") end, __tostring = function() error("tostring ran") end }
        local record = { tags = setmetatable({ "a" }, loud), events = setmetatable({}, loud) }
        assert.equal(0.5, value(setmetatable(record, loud)))
    end)

    it("answers nil and an error with its path for a wrong datum", function()
        local cases = {
            { { events = { { "page" } } }, "events[1].at", "expected a time, got nil" },
            { { events = { { "page", AT }, { "page", "10 dayz ago" } } }, "events[2].at", 'cannot read "10 dayz ago"' },
            { { events = { { "page", 1e18 } } }, "events[1].at", "in the years 1 to 9999" },
            { { events = { { "page", 0 / 0 } } }, "events[1].at", "in the years 1 to 9999" },
            { { events = { { 5, AT } } }, "events[1].event", "expected the event's name, got number" },
            { { events = { { "page", AT, 3 } } }, "events[1]", "expected { NAME, AT }" },
            { { events = { { "page", AT, url = print } } }, "events[1].url", "got function" },
            { { events = { "page" } }, "events[1]", "expected an event's table, got string" },
            { { events = "page" }, "events", "expected an array, got string" },
            { { events = { event = "page" } }, "events", "expected an array" },
            { { lists = "competitors" }, "lists", "expected an array, got string" },
            { { lists = { 5 } }, "lists[1]", "expected a list's name, got number" },
            { { tags = { "a", {} } }, "tags[2]", "expected text, number or boolean, got table" },
            { { tags = { x = 1 } }, "tags", "expected an array, got a table with other keys" },
            { { employees = 0 / 0 }, "employees", "expected a finite number" },
            { { ["odd key"] = print }, '["odd key"]', "got function" },
        }
        for _, case in ipairs(cases) do
            local score, err = value(case[1])
            assert.is_nil(score)
            assert.equal("input", err.kind)
            assert.equal(case[2], err.path)
            assert.equal(case[2] .. ": ", err.message:sub(1, #case[2] + 2))
            assert.truthy(err.message:find(case[3], 1, true), err.message)
        end
        assert.is_nil((value({ 5 })))
        local score, err = scorer:score({}, "yesterday")
        assert.is_nil(score)
        assert.equal("at", err.path)
    end)

    it("raises on wrong usage", function()
        raises("table expected", scorer.score, scorer, 5, AT)
        raises("time expected", scorer.score, scorer, {})
        raises("time expected", scorer.score, scorer, {}, {})
        raises("there is no score of that name", scorer.next_change, scorer, {}, AT, "x")
    end)
end)

describe("an output", function()
    it("appears when it is committed, whole", function()
        local path = temporary_name()
        local output = assert(core.output(path))
        assert.is_true(output:write("first\n"))
        assert.is_true(output:write(("x"):rep(200000)))
        assert.is_nil(contents(path))
        assert.is_true(output:commit())
        assert.equal("first\n" .. ("x"):rep(200000), contents(path))
        assert.equal("leadscore.output (" .. path .. ", 200 kB committed)", tostring(output))
        raises("output is committed", output.write, output, "x")
        output:close()
        assert.is_not_nil(contents(path))
        os.remove(path)
    end)

    it("leaves what was there when it is not committed", function()
        local path = temporary_name()
        local file = io.open(path, "w")
        file:write("old")
        file:close()
        local output = assert(core.output(path))
        output:write("new")
        output:close()
        raises("output is closed", output.write, output, "x")
        raises("output is closed", output.commit, output)
        assert.equal("old", contents(path))
        output = assert(core.output(path))
        output:write("new")
        output = nil -- luacheck: ignore
        collect()
        assert.equal("old", contents(path))
        local pipe = io.popen("ls " .. path .. "*")
        assert.equal(path .. "\n", pipe:read("*a"))
        pipe:close()
        os.remove(path)
    end)

    it("follows a link and keeps the file's permissions", function()
        local path = temporary_name()
        os.execute("echo old > " .. path .. " && chmod 640 " .. path .. " && ln -s " .. path .. " " .. path .. ".link")
        local output = assert(core.output(path .. ".link"))
        output:write("new")
        assert.is_true(output:commit())
        assert.equal("new", contents(path))
        local pipe = io.popen("stat -c %a " .. path .. " && readlink " .. path .. ".link")
        assert.equal("640\n" .. path .. "\n", pipe:read("*a"))
        pipe:close()
        os.remove(path)
        os.remove(path .. ".link")
    end)

    it("writes to a device in place", function()
        local output = assert(core.output("/dev/null"))
        output:write("x")
        assert.is_true(output:commit())
        assert.is_nil(contents("/dev/null.tmp"))
        local pipe = io.popen("test -c /dev/null && echo device")
        assert.equal("device\n", pipe:read("*a"))
        pipe:close()
    end)

    it("says what the system says", function()
        local output, err = core.output("/no/such/folder/file.csv")
        assert.is_nil(output)
        assert.equal("io", err.kind)
        assert.equal("/no/such/folder/file.csv: cannot open: no such file or directory", err.message)
        output, err = core.output("/tmp")
        assert.is_nil(output)
        assert.equal("/tmp: cannot open: is a directory", err.message)
        output = core.output("/dev/full")
        if output then
            output:write("x")
            output, err = output:commit()
            assert.is_nil(output)
            assert.equal("/dev/full: cannot write: no space left on device", err.message)
            local job = new_result():write({ output = core.output("/dev/full") })
            assert.is_true(job:step()) -- still in the buffer
            local text = "id\n" .. ("1\n"):rep(100000)
            job = core.dataset():read({ input = "contacts", text = text, rejects = core.output("/dev/full") })
            output, err = job:step()
            assert.is_nil(output)
            assert.equal("io", err.kind)
            assert.equal("/dev/full: cannot write: no space left on device", err.message)
        end
    end)

    it("that is closed fails the job that writes to it", function()
        local output = core.output(temporary_name())
        local job = new_result():write({ output = output })
        output:close()
        local done, err = job:step()
        assert.is_nil(done)
        assert.truthy(err.message:find("the output is closed", 1, true))
    end)
end)

describe("interrupts", function()
    it("are asked for, not handled", function()
        local interrupts = core.interrupts()
        assert.is_nil(interrupts:pending())
        -- A child of a shell that is a child of this process; the signal is blocked, so nothing else happens.
        local pipe = io.popen("kill -INT $PPID; echo sent")
        pipe:read("*a")
        pipe:close()
        assert.equal("SIGINT", interrupts:pending())
        assert.is_nil(interrupts:pending())
        interrupts:close()
    end)

    it("may be nested", function()
        local outer = core.interrupts()
        local inner = core.interrupts()
        inner:close()
        local pipe = io.popen("kill -TERM $PPID; echo sent")
        pipe:read("*a")
        pipe:close()
        assert.equal("SIGTERM", outer:pending())
        outer:close()
    end)
end)
