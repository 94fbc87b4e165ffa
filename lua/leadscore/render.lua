-- Draws for the terminal: explanations as an indented tree, distributions as a histogram, numbers with thousands
-- separators. Texts only; who calls it prints them.

local core = require("leadscore.core")

local M = {}

-- A number as in files: exact, shortest, without exponent.
local function plain(value)
    return type(value) == "number" and core.print_number(value) or tostring(value)
end

-- A whole number or decimal with thousands separators: 1234567.5 -> "1,234,567.5".
function M.thousands(value)
    local text = plain(value)
    local sign, whole, rest = text:match("^(%-?)(%d+)(.*)$")
    if not whole then return text end
    local head = #whole % 3
    local parts = head > 0 and { whole:sub(1, head) } or {}
    for from = head + 1, #whole, 3 do
        parts[#parts + 1] = whole:sub(from, from + 2)
    end
    return sign .. table.concat(parts, ",") .. rest
end

-- "1 contact", "1,234 contacts".
function M.count(value, noun, plural)
    return M.thousands(value) .. " " .. (value == 1 and noun or plural or noun .. "s")
end

-- Control characters of data would play with the terminal.
local function safe(text)
    return (tostring(text):gsub("[%z\1-\31\127]", "?"))
end
M.safe = safe

-- Columns in a terminal, where wide characters take two.
local width = core.width

local function pad(text, size)
    return text .. (" "):rep(size - width(text))
end

local function pad_left(text, size)
    return (" "):rep(size - width(text)) .. text
end

-- A time as it stands in JSON: seconds or a text.
local function time(value)
    return type(value) == "number" and core.print_time(value) or safe(value)
end

-- ---- explanations -----------------------------------------------------------------------------------------------

local MOST_OCCURRENCES = 20

local function limited(part)
    if not part.lost_to_limit or part.lost_to_limit == 0 then return "" end
    local lost = part.lost_to_limit
    return lost > 0 and (" (%s before the limit, which took %s)"):format(plain(part.raw), plain(lost))
        or (" (%s before the limit, which added %s)"):format(plain(part.raw), plain(-lost))
end

local function occurrence_line(each)
    local decayed = each.points ~= each.value and (" of %s"):format(plain(each.points)) or ""
    return ("%s  %s  %s%s"):format(time(each.at), safe(each.event or ""), plain(each.value), decayed)
end

local function match_line(match)
    local decayed = match.points ~= match.value and (" of %s"):format(plain(match.points)) or ""
    local when = match.at and (", the latest at " .. time(match.at)) or ""
    return ("%s%s: %s%s"):format(M.count(match.count, "time"), when, plain(match.value), decayed)
end

-- The last ones of a list (the latest occurrences), and how many come before them.
local function add_each(lines, indent, list, line_of, most)
    local first = math.max(1, #(list or {}) - (most or MOST_OCCURRENCES) + 1)
    if first > 1 then lines[#lines + 1] = ("%s... %s before"):format(indent, M.thousands(first - 1)) end
    for i = first, #(list or {}) do
        lines[#lines + 1] = indent .. line_of(list[i])
    end
end

local MOST_MEMBERS, MOST_INSIDE = 10, 5

-- Members by what they contribute, the most first; of equal ones the one that comes first stays first.
local function by_weight(members)
    local order = {}
    for i, member in ipairs(members) do
        order[i] = { member = member, place = i, size = math.abs(member.value or 0) }
    end
    table.sort(order, function(a, b)
        if a.size ~= b.size then return a.size > b.size end
        return a.place < b.place
    end)
    return order
end

-- What a limit took or added, as a part among the others, so that they add up.
local function add_limit(lines, indent, part, what)
    local lost = part.lost_to_limit
    if lost and lost ~= 0 then
        lines[#lines + 1] = ("%s%s  the limit of %s"):format(indent, plain(-lost), what)
    end
end

local function add_rules_inside(lines, indent, group)
    for _, rule in ipairs(group.rules or {}) do
        if rule.fired then
            lines[#lines + 1] = ("%s%s  %s, %s%s: %s"):format(indent, plain(rule.value), safe(group.name),
                rule.name and safe(rule.name) or ("rule %d"):format(rule.index), limited(rule), safe(rule.why or ""))
            add_each(lines, indent .. "    ", rule.occurrences, occurrence_line, MOST_INSIDE)
        end
    end
    if group.withheld then
        lines[#lines + 1] = ("%s%s  %s, summed up"):format(indent, plain(group.raw), safe(group.name))
    end
    add_limit(lines, indent, group, safe(group.name))
end

-- What made a member's own score, or one part of it, in short: its rules that fired, and limits.
local function add_inside(lines, indent, explanation, part)
    for _, category in ipairs(explanation.categories or {}) do
        if part == nil or category.kind == part then
            for _, group in ipairs(category.groups or {}) do
                add_rules_inside(lines, indent, group)
            end
            add_limit(lines, indent, category, category.kind)
        end
    end
    if part == nil then add_limit(lines, indent, explanation, explanation.name) end
end

-- part: "fit" or "engagement" where the rule is about that part of a score.
local function add_member(lines, indent, member, part)
    local raw = member.raw ~= nil and member.raw ~= member.value and (" (%s)"):format(plain(member.raw)) or ""
    lines[#lines + 1] = ("%s%s %s: %s%s"):format(indent, safe(member.object), safe(member.id), plain(member.value), raw)
    add_each(lines, indent .. "    ", member.occurrences, occurrence_line, MOST_INSIDE)
    if member.match then lines[#lines + 1] = indent .. "    " .. match_line(member.match) end
    if member.withheld then lines[#lines + 1] = indent .. "    summed up" end
    if member.explanation then add_inside(lines, indent .. "    ", member.explanation, part) end
end

-- The members of a rule over associated records, down to their rules and events.
local function add_members(lines, indent, rule)
    local order = by_weight(rule.members or {})
    local part = rule.of and rule.of:match("^score:[%w_]+%.(%w+)$")
    for i = 1, math.min(#order, MOST_MEMBERS) do
        add_member(lines, indent, order[i].member, part ~= "label" and part or nil)
    end
    if #order > MOST_MEMBERS then
        lines[#lines + 1] = ("%s... and %s more"):format(indent, M.thousands(#order - MOST_MEMBERS))
    end
end

-- Rules: values in a column of this size, what belongs to them indented to their titles.
local function add_rule(lines, rule, size)
    local title = ("rule %d"):format(rule.index)
    if rule.name then title = title .. " " .. safe(rule.name) end
    local why = rule.why and rule.why ~= "" and (": " .. safe(rule.why)) or ""
    local value, indent = rule.fired and plain(rule.value) or "-", (" "):rep(8 + size)
    lines[#lines + 1] = ("      %s  %s%s%s"):format(pad_left(value, size), title, limited(rule), why)
    if rule.description then lines[#lines + 1] = indent .. safe(rule.description) end
    add_each(lines, indent, rule.occurrences, occurrence_line)
    if rule.match and rule.fired then lines[#lines + 1] = indent .. match_line(rule.match) end
    add_members(lines, indent, rule)
end

local function add_group(lines, group)
    lines[#lines + 1] = ("    %s: %s%s"):format(safe(group.name), plain(group.value), limited(group))
    local size = 1
    for _, rule in ipairs(group.rules or {}) do
        if rule.fired then size = math.max(size, #plain(rule.value)) end
    end
    for _, rule in ipairs(group.rules or {}) do
        add_rule(lines, rule, size)
    end
end

local function score_title(score)
    if score.in_scope == false then return score.name .. ": out of scope" end
    local change = score.next_change_at and ", changes next at " .. time(score.next_change_at) or ""
    if score.value == nil then return score.name .. ": empty, no rule fired" .. change end
    local label = score.label and (" " .. safe(score.label)) or ""
    return ("%s: %s%s%s%s"):format(score.name, plain(score.value), label, limited(score), change)
end

local function add_score(lines, score)
    lines[#lines + 1] = ""
    lines[#lines + 1] = score_title(score)
    for _, category in ipairs(score.categories or {}) do
        lines[#lines + 1] = ("  %s: %s%s"):format(category.kind, plain(category.value), limited(category))
        for _, group in ipairs(category.groups or {}) do
            add_group(lines, group)
        end
    end
end

-- An explanation (the table of `explain --json`) as text.
function M.explanation(explanation)
    local lines = { ("%s %s at %s"):format(explanation.object, safe(explanation.id or ""), time(explanation.at)) }
    for _, score in ipairs(explanation.scores) do
        add_score(lines, score)
    end
    return table.concat(lines, "\n") .. "\n"
end

-- ---- distributions ----------------------------------------------------------------------------------------------

local BAR, LEAST_BAR = "#", 10

local function add_facts(lines, distribution)
    local facts = { M.count(distribution.records, "record") }
    for _, each in ipairs({ { "scored", "scored" }, { "empty", "empty" }, { "out_of_scope", "out of scope" } }) do
        local count = distribution[each[1]]
        if count and count > 0 then facts[#facts + 1] = M.thousands(count) .. " " .. each[2] end
    end
    lines[#lines + 1] = distribution.name .. ": " .. table.concat(facts, ", ")
    if not distribution.mean then return end
    lines[#lines + 1] = ("  mean %s, from %s to %s"):format(plain(distribution.mean), plain(distribution.min),
        plain(distribution.max))
    local parts = {}
    for i, each in ipairs(distribution.quantiles or {}) do
        local at = each.at <= 1 and each.at * 100 or each.at
        parts[i] = ("%s %%: %s"):format(plain(at), plain(each.value))
    end
    if #parts > 0 then lines[#lines + 1] = "  quantiles " .. table.concat(parts, ", ") end
end

local function bar(count, most, room)
    if count == 0 then return "" end
    return BAR:rep(math.max(1, math.floor(count / most * room + 0.5)))
end

-- Rows { title, count } with bars as long as the counts.
local function add_bars(lines, rows, columns)
    local title_size, count_size, most = 0, 0, 1
    for _, row in ipairs(rows) do
        title_size = math.max(title_size, width(row[1]))
        count_size = math.max(count_size, #M.thousands(row[2]))
        most = math.max(most, row[2])
    end
    local room = math.max(LEAST_BAR, columns - title_size - count_size - 6)
    for _, row in ipairs(rows) do
        local line = ("  %s  %s  %s"):format(pad(row[1], title_size), pad_left(M.thousands(row[2]), count_size),
            bar(row[2], most, room))
        lines[#lines + 1] = (line:gsub("%s+$", ""))
    end
end

local function spans(histogram)
    local size, rows = 0, {}
    for _, each in ipairs(histogram) do
        size = math.max(size, #plain(each.from), #plain(each.to))
    end
    for i, each in ipairs(histogram) do
        rows[i] = { ("%s to %s"):format(pad_left(plain(each.from), size), pad_left(plain(each.to), size)), each.count }
    end
    return rows
end

-- A distribution (the table of result:distribution) as text, at most `columns` wide where it can be.
function M.distribution(distribution, columns)
    columns = columns or 80
    local lines = {}
    add_facts(lines, distribution)
    local labels = {}
    for i, each in ipairs(distribution.labels or {}) do
        labels[i] = { safe(each.label), each.count }
    end
    if #labels > 0 then
        lines[#lines + 1] = ""
        add_bars(lines, labels, columns)
    end
    if distribution.histogram and #distribution.histogram > 0 then
        lines[#lines + 1] = ""
        add_bars(lines, spans(distribution.histogram), columns)
    end
    return table.concat(lines, "\n") .. "\n"
end

return M
