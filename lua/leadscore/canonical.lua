-- Prints checked definitions as the canonical form: JSON with sorted keys and exact numbers, the same text however a
-- definition was written. The compiler in the core reads it. The identity text, over which the fingerprint is taken, is
-- the same with texts folded and without what cannot change a score.
--
-- Every kind of table has its printer, which writes the keys in byte order. What has no order (children of filters,
-- tests, values) is sorted by its printed text, without repeats.

if jit then jit.off(true, true) end -- see leadscore.check.context

local core = require("leadscore.core")

local M = {}

local concat, sort, floor = table.concat, table.sort, math.floor

-- Scalars ------------------------------------------------------------------------------------------------------------

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(character)
    return ESCAPES[character] or ("\\u%04x"):format(character:byte())
end

local function quote(text)
    if text:find('[%z\1-\31"\\]') then text = text:gsub('[%z\1-\31"\\]', escape) end
    return '"' .. text .. '"'
end

local function quote_folded(text)
    return quote(core.fold(text))
end

local function whole(number)
    return ("%d"):format(number)
end

local function number(value)
    if value == floor(value) and value > -1e15 and value < 1e15 then return whole(value) end
    return core.print_number(value)
end

-- An exact decimal of at most 6 places, which is also the shortest that reads back as the same number. Millionths below
-- 10^15 are rounded exactly.
local function points(value)
    if value == floor(value) and value > -1e15 and value < 1e15 then return whole(value) end
    if value > -1e9 and value < 1e9 then return core.print_points(floor(value * 1000000 + 0.5)) end
    return core.print_number(value)
end

-- A printer is { text =, identity = }: how it prints literals, and whether it leaves out what is for people.

local function literal(printer, value, print_number)
    local kind = type(value)
    if kind == "string" then return printer.text(value) end
    return kind == "number" and print_number(value) or tostring(value)
end

-- Sorted, without repeats; in place.
local function ordered(list)
    local count = #list
    if count < 2 then return list end
    sort(list)
    local last = 1
    for i = 2, count do
        local item = list[i]
        if item ~= list[last] then
            last = last + 1
            list[last] = item
        end
    end
    for i = last + 1, count do
        list[i] = nil
    end
    return list
end

-- Conditions and filters ---------------------------------------------------------------------------------------------

local KEEPS_ORDER = { between = true, not_between = true, within = true, outside = true }

local function test(printer, one, print_number)
    local values = {}
    for i = 2, #one do
        values[i - 1] = literal(printer, one[i], print_number)
    end
    if not KEEPS_ORDER[one[1]] then ordered(values) end
    return '["' .. one[1] .. '",' .. concat(values, ",") .. "]"
end

local function condition(printer, one, print_number)
    local parts, tests = {}, one.tests
    if one.known ~= nil then parts[1] = '"known":' .. tostring(one.known) end
    if one.missing then parts[#parts + 1] = '"missing":true' end
    if tests then
        local texts = {}
        for i = 1, #tests do
            texts[i] = test(printer, tests[i], print_number)
        end
        parts[#parts + 1] = '"tests":[' .. concat(ordered(texts), ",") .. "]"
    end
    return "{" .. concat(parts, ",") .. "}"
end

local filter, occurrences

-- The printed children of a filter that has no order; children of the same kind are taken in, since all of all is all.
local function children(printer, kind, nodes, texts)
    for i = 1, #nodes do
        local node = nodes[i]
        if node[kind] and kind ~= "none" then
            children(printer, kind, node[kind], texts)
        else
            texts[#texts + 1] = filter(printer, node)
        end
    end
    return texts
end

local function combined(printer, kind, nodes)
    local texts = ordered(children(printer, kind, nodes, {}))
    if #texts == 1 and kind ~= "none" then return texts[1] end
    return '{"' .. kind .. '":[' .. concat(texts, ",") .. "]}"
end

local function quoted_list(names)
    local texts = {}
    for i = 1, #names do
        texts[i] = quote(names[i])
    end
    return "[" .. concat(ordered(texts), ",") .. "]"
end

local function counted(count)
    return "{" .. (count.max and '"max":' .. whole(count.max) .. "," or "") .. '"min":' .. whole(count.min) .. "}"
end

local function related(printer, node)
    local parts = {}
    if node.count then parts[1] = '"count":' .. counted(node.count) end
    if node.every then parts[#parts + 1] = '"every":true' end
    if node.filter then parts[#parts + 1] = '"filter":' .. filter(printer, node.filter) end
    if node.labelled then parts[#parts + 1] = '"labelled":' .. printer.text(node.labelled) end
    parts[#parts + 1] = '"related":"' .. node.related .. '"'
    return "{" .. concat(parts, ",") .. "}"
end

function filter(printer, node)
    if node.property then
        return '{"is":' .. condition(printer, node.is, number) .. ',"property":' .. quote(node.property) .. "}"
    elseif node.score then
        return '{"is":' .. condition(printer, node.is, points) .. ',"part":"' .. node.part .. '","score":'
            .. quote(node.score) .. "}"
    elseif node.list then
        return '{"list":' .. quoted_list(node.list) .. ',"member":' .. tostring(node.member) .. "}"
    elseif node.did then
        local did = concat(occurrences(printer, node.did, {}), ",")
        return '{"did":{' .. did .. '},"done":' .. tostring(node.done) .. "}"
    elseif node.related then
        return related(printer, node)
    end
    local kind = node.all and "all" or node.any and "any" or "none"
    return combined(printer, kind, node[kind])
end

-- Rules --------------------------------------------------------------------------------------------------------------

local function limit(one)
    local parts = {}
    if one.max then parts[1] = '"max":' .. points(one.max) end
    if one.min then parts[#parts + 1] = '"min":' .. points(one.min) end
    return "{" .. concat(parts, ",") .. "}"
end

local function decay(one)
    if one.half_life then return '{"half_life":' .. whole(one.half_life) .. "}" end
    return '{"curve":"' .. one.curve .. '","every":' .. whole(one.every) .. ',"percent":' .. points(one.percent) .. "}"
end

local function times(list)
    local texts = {}
    for i = 1, #list do
        local one = list[i]
        texts[i] = "{" .. (one.max and '"max":' .. whole(one.max) .. "," or "") .. '"min":' .. whole(one.min)
            .. (one.points and ',"points":' .. points(one.points) or "") .. "}"
    end
    return "[" .. concat(texts, ",") .. "]"
end

local function within(one)
    local parts = {}
    if one.from then parts[1] = '"from":' .. whole(one.from) end
    if one.last then parts[#parts + 1] = '"last":' .. whole(one.last) end
    if one["until"] then parts[#parts + 1] = '"until":' .. whole(one["until"]) end
    return "{" .. concat(parts, ",") .. "}"
end

local function value(printer, one)
    if type(one) == "table" then return '{"from":' .. whole(one.from) .. ',"until":' .. whole(one["until"]) .. "}" end
    return literal(printer, one, number)
end

local function points_by(printer, list)
    local texts, by_text = {}, {}
    for i = 1, #list do
        local text = value(printer, list[i].value)
        texts[i], by_text[text] = text, list[i].points
    end
    sort(texts)
    for i, text in ipairs(texts) do
        texts[i] = '{"points":' .. points(by_text[text]) .. ',"value":' .. text .. "}"
    end
    return "[" .. concat(texts, ",") .. "]"
end

local function bands(printer, list)
    local texts = {}
    for i, band in ipairs(list) do
        texts[i] = '{"if":' .. condition(printer, band["if"], number) .. ',"points":' .. points(band.points) .. "}"
    end
    return "[" .. concat(texts, ",") .. "]"
end

local function over(printer, one)
    local parts = {}
    if one.labelled then parts[1] = '"labelled":' .. printer.text(one.labelled) end
    parts[#parts + 1] = '"related":"' .. one.related .. '"'
    if one.where then parts[#parts + 1] = '"where":' .. filter(printer, one.where) end
    return "{" .. concat(parts, ",") .. "}"
end

-- The members of an event rule or a did, in byte order; the other members of a rule are put among them.
function occurrences(printer, one, parts)
    parts[#parts + 1] = '"event":' .. quoted_list(one.event)
    if one.latest then parts[#parts + 1] = '"latest":' .. whole(one.latest) end
    if one.limit then parts[#parts + 1] = '"limit":' .. limit(one.limit) end
    if one.name then parts[#parts + 1] = '"name":' .. quote(one.name) end
    local once = one.once_per
    if once == "day" then
        parts[#parts + 1] = '"once_per":"day"'
    elseif once then
        parts[#parts + 1] = '"once_per":{"property":' .. quote(once.property) .. "}"
    end
    if one.otherwise then parts[#parts + 1] = '"otherwise":' .. points(one.otherwise) end
    if one.over then parts[#parts + 1] = '"over":' .. over(printer, one.over) end
    if one.points then parts[#parts + 1] = '"points":' .. points(one.points) end
    if one.points_by then parts[#parts + 1] = '"points_by":' .. points_by(printer, one.points_by) end
    if one.property then parts[#parts + 1] = '"property":' .. quote(one.property) end
    if one.times then parts[#parts + 1] = '"times":' .. times(one.times) end
    if one.where then parts[#parts + 1] = '"where":' .. filter(printer, one.where) end
    if one.within then parts[#parts + 1] = '"within":' .. within(one.within) end
    return parts
end

local function fit_members(printer, one, parts)
    if one.limit then parts[#parts + 1] = '"limit":' .. limit(one.limit) end
    if one.name then parts[#parts + 1] = '"name":' .. quote(one.name) end
    if one.otherwise then parts[#parts + 1] = '"otherwise":' .. points(one.otherwise) end
    if one.over then parts[#parts + 1] = '"over":' .. over(printer, one.over) end
    if one.points then parts[#parts + 1] = '"points":' .. points(one.points) end
    if one.points_by then parts[#parts + 1] = '"points_by":' .. points_by(printer, one.points_by) end
    if one.property then parts[#parts + 1] = '"property":' .. quote(one.property) end
    if one.when then parts[#parts + 1] = '"when":' .. filter(printer, one.when) end
    return parts
end

local function of(one)
    if one.score then return '{"part":"' .. one.part .. '","score":' .. quote(one.score) .. "}" end
    return '{"property":' .. quote(one.property) .. "}"
end

local function rollup_members(printer, one, parts)
    if one.is then parts[#parts + 1] = '"is":' .. condition(printer, one.is, one.of.score and points or number) end
    if one.limit then parts[#parts + 1] = '"limit":' .. limit(one.limit) end
    if one.name then parts[#parts + 1] = '"name":' .. quote(one.name) end
    if one.of then parts[#parts + 1] = '"of":' .. of(one.of) end
    parts[#parts + 1] = '"over":' .. over(printer, one.over)
    parts[#parts + 1] = '"rollup":"' .. one.rollup .. '"'
    if one.top then parts[#parts + 1] = '"top":' .. whole(one.top) end
    if one.weight then parts[#parts + 1] = '"weight":' .. points(one.weight) end
    return parts
end

local function describe(printer, one, parts)
    if one.description and not printer.identity then
        parts[#parts + 1] = '"description":' .. quote(one.description)
    end
    return parts
end

local function rule(printer, one)
    local parts = {}
    if one.bands then parts[1] = '"bands":' .. bands(printer, one.bands) end
    if one.combine then parts[#parts + 1] = '"combine":"' .. one.combine .. '"' end
    if one.decay then parts[#parts + 1] = '"decay":' .. decay(one.decay) end
    describe(printer, one, parts)
    if one.enabled == false then parts[#parts + 1] = '"enabled":false' end
    local members = one.event and occurrences or one.rollup and rollup_members or fit_members
    return "{" .. concat(members(printer, one, parts), ",") .. "}"
end

local function group(printer, one)
    local rules, parts = {}, describe(printer, one, {})
    for i = 1, #one.rules do
        rules[i] = rule(printer, one.rules[i])
    end
    parts[#parts + 1] = '"kind":"' .. one.kind .. '"'
    if one.limit then parts[#parts + 1] = '"limit":' .. limit(one.limit) end
    parts[#parts + 1] = '"name":' .. quote(one.name)
    parts[#parts + 1] = '"rules":[' .. concat(rules, ",") .. "]"
    return "{" .. concat(parts, ",") .. "}"
end

-- Definitions --------------------------------------------------------------------------------------------------------

local function definition_limit(one)
    local parts = {}
    if one.engagement then parts[1] = '"engagement":' .. limit(one.engagement) end
    if one.fit then parts[#parts + 1] = '"fit":' .. limit(one.fit) end
    if one.max then parts[#parts + 1] = '"max":' .. points(one.max) end
    if one.min then parts[#parts + 1] = '"min":' .. points(one.min) end
    return "{" .. concat(parts, ",") .. "}"
end

local function threshold_bands(printer, list)
    local texts = {}
    for i, band in ipairs(list) do
        local parts = {}
        if band.at_least then parts[1] = '"at_least":' .. points(band.at_least) end
        if band.color and not printer.identity then parts[#parts + 1] = '"color":' .. quote(band.color) end
        parts[#parts + 1] = '"label":' .. quote(band.label)
        texts[i] = "{" .. concat(parts, ",") .. "}"
    end
    return "[" .. concat(texts, ",") .. "]"
end

local function thresholds(printer, one)
    if one.bands then return '{"bands":' .. threshold_bands(printer, one.bands) .. "}" end
    return '{"engagement":' .. threshold_bands(printer, one.engagement) .. ',"fit":'
        .. threshold_bands(printer, one.fit) .. ',"separator":' .. quote(one.separator) .. "}"
end

local function properties(types)
    local names = {}
    for name in pairs(types) do
        names[#names + 1] = name
    end
    sort(names)
    for i, name in ipairs(names) do
        names[i] = quote(name) .. ':"' .. types[name] .. '"'
    end
    return "{" .. concat(names, ",") .. "}"
end

local function definition(printer, one)
    local parts, groups = describe(printer, one, {}), {}
    for i, inner in ipairs(one.groups) do
        groups[i] = group(printer, inner)
    end
    if one.empty_until_scored then parts[#parts + 1] = '"empty_until_scored":true' end
    parts[#parts + 1] = '"groups":[' .. concat(groups, ",") .. "]"
    parts[#parts + 1] = '"kind":"' .. one.kind .. '"'
    if one.label and not printer.identity then parts[#parts + 1] = '"label":' .. quote(one.label) end
    if one.limit then parts[#parts + 1] = '"limit":' .. definition_limit(one.limit) end
    parts[#parts + 1] = '"name":' .. quote(one.name)
    parts[#parts + 1] = '"object":"' .. one.object .. '"'
    parts[#parts + 1] = '"properties":' .. properties(one.properties)
    if one.scope then parts[#parts + 1] = '"scope":' .. filter(printer, one.scope) end
    if one.thresholds then parts[#parts + 1] = '"thresholds":' .. thresholds(printer, one.thresholds) end
    return "{" .. concat(parts, ",") .. "}"
end

local function set_text(printer, definitions, extra)
    local texts = {}
    for i, one in ipairs(definitions) do
        texts[i] = definition(printer, one)
    end
    return '{"definitions":[' .. concat(texts, ",") .. '],"language":' .. core.language .. extra .. "}"
end

local PLAIN = { text = quote, identity = false }
local IDENTITY = { text = quote_folded, identity = true }

-- The definitions and all whose scores they use, in the order of their names.
local function with_used(definitions)
    local seen, list = {}, {}
    local function add(one)
        if seen[one.name] then return end
        seen[one.name], list[#list + 1] = true, one
        for _, used in ipairs(one.uses or {}) do
            add(used)
        end
    end
    for _, one in ipairs(definitions) do
        add(one)
    end
    sort(list, function(a, b) return a.name < b.name end)
    return list
end

--- The canonical form of a checked set: what the core compiles.
---@param set leadscore.Set
---@return string json
function M.text(set)
    return set_text(PLAIN, set.definitions, "")
end

--- The text whose fingerprint is taken: all that can change a score, texts folded.
---@param checked table a checked set, or one definition of it (with the definitions whose scores it uses)
---@return string json
function M.identity(checked)
    local list = with_used(checked.definitions or { checked })
    local first = checked.definitions and "" or ',"of":' .. quote(checked.name)
    return set_text(IDENTITY, list, first .. ',"unicode":' .. quote(core.unicode_version))
end

--- The fingerprint of a set or of one definition: 32 hexadecimal digits.
---@param checked table a checked set, or one definition of it
---@return string
function M.fingerprint(checked)
    return core.fingerprint(M.identity(checked))
end

return M
