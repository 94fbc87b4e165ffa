-- The ways of scoring, for specs that hold them against the reference: a batch from CSV text or Lua rows, one record at
-- a time, and explanations, whose numbers stay texts so that they can be compared to the last digit.

local core = require("leadscore.core")
local leadscore = require("leadscore")
local basics = require("spec.reference_values")
local reference = require("spec.reference")

local M = {}

-- Tables as text -----------------------------------------------------------------------------------------------------

local function sorted_keys(value)
    local keys = {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        if type(a) ~= type(b) then return type(a) < type(b) end
        if type(a) == "boolean" then return a and not b end
        return a < b
    end)
    return keys
end

local function scalar(value)
    if type(value) == "string" then return (("%q"):format(value):gsub("\n", "n")) end
    return type(value) == "number" and basics.number_text(value) or tostring(value)
end

--- A value as Lua code, to replay it.
function M.show(value)
    if type(value) ~= "table" then return scalar(value) end
    local parts = {}
    for _, key in ipairs(sorted_keys(value)) do
        local name = type(key) == "string" and key:find("^[%a_][%w_]*$") and key or "[" .. scalar(key) .. "]"
        parts[#parts + 1] = (value[key] == value[#parts + 1] and "" or name .. " = ") .. M.show(value[key])
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function json_text(text)
    return '"' .. text:gsub('[%z\1-\31"\\]', function(byte) return ("\\u%04x"):format(byte:byte()) end) .. '"'
end

--- A value as JSON; keys that are no texts become texts.
function M.json(value)
    if type(value) == "string" then return json_text(value) end
    if type(value) ~= "table" then return scalar(value) end
    local parts = {}
    for i, key in ipairs(sorted_keys(value)) do
        local name = value[1] == nil and json_text(type(key) == "string" and key or scalar(key)) .. ":" or ""
        parts[i] = name .. M.json(value[key])
    end
    return (value[1] == nil and "{%s}" or "[%s]"):format((table.concat(parts, ",")))
end

-- JSON ---------------------------------------------------------------------------------------------------------------

local ESCAPED = { n = "\n", r = "\r", t = "\t", b = "\b", f = "\f" }

local function read_text(json, from)
    local stop = from
    repeat
        stop = json:find('["\\]', stop + 1)
        local escaped = json:sub(stop, stop) == "\\"
        stop = escaped and stop + 1 or stop
    until not escaped
    local text = json:sub(from + 1, stop - 1):gsub("\\u00(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
    end)
    return text:gsub("\\(.)", ESCAPED):gsub("\\(.)", "%1"), stop + 1
end

local read_value

local function read_many(json, from, close)
    local list, at = {}, from + 1
    while json:sub(at, at) ~= close do
        local key, value
        if close == "}" then
            key, at = read_text(json, at)
            at = at + 1
        end
        value, at = read_value(json, at)
        list[key or #list + 1] = value
        if json:sub(at, at) == "," then at = at + 1 end
    end
    return list, at + 1
end

function read_value(json, from)
    local first = json:sub(from, from)
    if first == "{" then return read_many(json, from, "}") end
    if first == "[" then return read_many(json, from, "]") end
    if first == '"' then return read_text(json, from) end
    local word = json:match("^[%w+.-]+", from)
    local words = { ["true"] = true, ["false"] = false }
    if word == "null" then return nil, from + 4 end
    if words[word] ~= nil then return words[word], from + #word end
    return word, from + #word
end

--- JSON without blanks as a table: numbers are texts, null is nothing.
function M.decode(json)
    return (read_value(json, 1))
end

-- CSV ----------------------------------------------------------------------------------------------------------------

local function cell(value)
    if type(value) == "table" then
        local parts = {}
        for i, part in ipairs(value) do
            parts[i] = tostring(part)
        end
        value = table.concat(parts, ";")
    elseif type(value) == "number" then
        value = basics.number_text(value)
    end
    value = value == nil and "" or tostring(value)
    return value:find('[",\r\n]') and '"' .. value:gsub('"', '""') .. '"' or value
end

--- Rows as CSV text; every key of any row is a column.
function M.csv(rows, first)
    local seen, names, lines = { [first] = true }, { first }, {}
    for _, row in ipairs(rows) do
        for _, key in ipairs(sorted_keys(row)) do
            if not seen[key] then names[#names + 1] = key end
            seen[key] = true
        end
    end
    lines[1] = cell(names[1])
    for i = 2, #names do
        lines[1] = lines[1] .. "," .. cell(names[i])
    end
    for i, row in ipairs(rows) do
        local cells = {}
        for j, name in ipairs(names) do
            cells[j] = cell(row[name])
        end
        lines[i + 1] = table.concat(cells, ",")
    end
    return table.concat(lines, "\n") .. "\n"
end

-- Rows ---------------------------------------------------------------------------------------------------------------

local function without(record)
    local row = {}
    for key, value in pairs(record) do
        if key ~= "events" and key ~= "lists" then row[key] = value end
    end
    return row
end

local function event_row(event, id, now)
    local row = { contact_id = id }
    for key, value in pairs(event) do
        if type(key) == "string" then row[key] = value end
    end
    row.event = event.event or event[1]
    row.at = basics.time(event.at or event[2], now)
    return row
end

--- Records as rows of contacts and events, and ids by list; times of events become seconds.
---@param records table[]
---@param now integer what "10 days ago" is relative to
---@return table contacts
---@return table events
---@return table lists every one of `names` and those that records are in
function M.rows(records, now, names)
    local contacts, events, lists = {}, {}, {}
    for _, name in ipairs(names or {}) do
        lists[name] = {}
    end
    for i, record in ipairs(records) do
        contacts[i] = without(record)
        for _, event in ipairs(record.events or {}) do
            events[#events + 1] = event_row(event, record.id, now)
        end
        for _, name in ipairs(record.lists or {}) do
            lists[name] = lists[name] or {}
            table.insert(lists[name], record.id)
        end
    end
    return contacts, events, lists
end

local BOOLEANS = { ["true"] = true, yes = true, ["1"] = true, ["false"] = true, no = true, ["0"] = true }

local READABLE = {
    number = function(text)
        local plain = text:gsub("^[+-]", ""):gsub("[eE][+-]?%d+$", "")
        return (plain:find("^%d+$") or plain:find("^%d*%.%d+$")) ~= nil
    end,
    boolean = function(text) return BOOLEANS[text:lower()] or false end,
    datetime = function(text) return basics.time(text) ~= nil end,
}

--- Whether a value of a record can be read as a type, or is empty.
function M.is_readable(kind, value)
    if not READABLE[kind] or type(value) == "table" then return true end
    local text = basics.trim(type(value) == "number" and basics.number_text(value) or tostring(value))
    return text == "" or READABLE[kind](text)
end

-- A batch from CSV ---------------------------------------------------------------------------------------------------

local function finish(job, err)
    if not job then return nil, err end
    local done
    repeat
        done, err = job:step(1000)
    until done ~= false
    if not done then return nil, err end
    return job
end

local function read(dataset, options)
    local ok, err = finish(dataset:read(options))
    return ok and true or nil, err
end

local function read_lists(dataset, lists)
    for _, name in ipairs(sorted_keys(lists)) do
        local ok, err = read(dataset, { input = "list", format = "csv", name = name, list = name,
            text = "id\n" .. table.concat(lists[name], "\n") .. "\n" })
        if not ok then return nil, err end
    end
    return true
end

local function read_all(dataset, contacts, events, lists, rejects)
    local ok, err = read(dataset, { input = "contacts", format = "csv", name = "contacts.csv",
        text = M.csv(contacts, "id"), rejects = rejects })
    if ok then ok, err = read_lists(dataset, lists) end
    if not ok then return nil, err end
    return read(dataset, { input = "events", format = "csv", name = "events.csv",
        text = M.csv(events, "contact_id"), rejects = rejects })
end

--- A core dataset of CSV text made from rows.
---@param contacts table[]
---@param events table[] those without `event` or `at` get their columns from the others
---@param lists table<string, string[]>
---@param options table|nil { plan = read for it, rejects = function(text), portable = without what only this
--- processor has }
---@return table|nil dataset
---@return table|nil err
function M.dataset(contacts, events, lists, options)
    options = options or {}
    local dataset = core.dataset(nil, options.portable)
    if options.plan then assert(dataset:expect(options.plan)) end
    if #events == 0 then events = { { contact_id = "nobody", event = "nothing", at = 0 } } end
    local ok, err = read_all(dataset, contacts, events, lists, options.rejects)
    if ok then ok, err = finish(dataset:group()) end
    if not ok then return nil, err end
    return dataset
end

local function score_at(result, index, row)
    local score = result:get(index, row)
    local value, fit, engagement = result:exact(index, row)
    return { value = value, fit = fit, engagement = engagement, label = score.label,
        scored = score.scored or false, in_scope = score.in_scope }
end

--- All scores of a core dataset: by id, by name.
---@return table|nil scores
---@return table|nil err
function M.batch(set, dataset, at, threads)
    local plan = set:_open()
    local job, err = finish(dataset:score(plan, at, threads or 1))
    if not job then return nil, err end
    local result, scores = job:result(), {}
    job:close()
    for row = 1, result:count("contact") do
        local by_name = {}
        for i = 1, plan:count() do
            by_name[plan:name(i)] = score_at(result, i, row)
        end
        scores[dataset:id("contact", row)] = by_name
    end
    return scores, result
end

--- The explanation of one record of a core dataset, numbers as texts.
function M.explain(set, dataset, id, at)
    local json, err = dataset:explain(set:_open(), "contact", dataset:find("contact", id), at)
    if not json then return nil, err end
    return M.decode(json)
end

--- The explanation of one record, numbers as texts.
function M.explain_one(set, record, at)
    local json, err = set:_scoring():explain(record, at)
    if not json then return nil, err end
    return M.decode(json)
end

-- The reference ------------------------------------------------------------------------------------------------------

--- What the reference says of a record: by name { value, fit, engagement, label, scored, in_scope, groups }, numbers as
--- texts.
function M.expected(definitions, record, at)
    local prepared, scores = reference.prepare(definitions, record, at), {}
    local evaluation = reference.evaluate(prepared)
    for _, definition in ipairs(prepared.definitions) do
        local found = evaluation.result(definition.name)
        scores[definition.name] = { value = basics.print(found.value), fit = basics.print(found.fit),
            engagement = basics.print(found.engagement), label = found.label, scored = found.scored,
            in_scope = found.in_scope, groups = found.groups }
    end
    return scores
end

local KEYS = { "value", "fit", "engagement", "label", "scored", "in_scope" }

--- Adds to `differences` where a score is not what the reference says. `numbers`: its numbers are Lua numbers.
function M.compare(differences, way, name, expected, got, numbers)
    for _, key in ipairs(KEYS) do
        local want, found = expected[key], got[key]
        if numbers and type(want) == "string" and key ~= "label" then want = tonumber(want) end
        if key == "scored" then found = found or false end
        if want ~= found then
            differences[#differences + 1] = ("%s: %s %s: expected %s, got %s"):format(way, name, key,
                tostring(want), tostring(found))
        end
    end
end

-- Exact sums ---------------------------------------------------------------------------------------------------------

--- The exact number that a decimal text means, as the reference computes with.
function M.exact(text)
    local sign, whole, fraction = text:match("^(-?)(%d+)%.?(%d*)$")
    assert(whole and #fraction <= 6, "no exact number: " .. text)
    local high = math.max(#whole - 6, 0)
    local number = (basics.int(tonumber(whole:sub(1, high)) or 0) * basics.int(1e6)
        + basics.int(tonumber(whole:sub(high + 1)))) * basics.int(1e6)
        + basics.int(tonumber((fraction .. "000000"):sub(1, 6)))
    return sign == "-" and -number or number
end

local exact = M.exact

--- The sum of a key of all items, as text.
function M.sum(items, key)
    local sum = basics.int(0)
    for _, item in ipairs(items) do
        sum = sum + exact(item[key])
    end
    return basics.print(sum)
end

--- a - b, as text.
function M.difference(a, b)
    return basics.print(exact(a) - exact(b))
end

M.leadscore = leadscore

return M
