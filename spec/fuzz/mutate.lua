-- A seeded mutator of texts: changes one line of a definition or a data file in the way that careless editors, broken
-- exports and hostile senders do. The same seed gives the same mutations on every Lua.

local randoms = require("random")

local M = {}

-- What numbers are replaced with: edges of integers, doubles, decimals and times, and what only looks like a number.
local NUMBERS = {
    "0", "-0", "-1", "1e308", "1e309", "-1e400", "1e-400", "0.0000001", "0.000001", "999999.999999", "1000000",
    "1000000.000001", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "18446744073709551616", "1000000000000", "99999999999", "100000000000", "253402300800", "1.", ".5", "00", "0x10",
    "1e", "nan", "inf", "-inf", "1/0", "0/0", "2147483648", "-62135596801", "1_000", "1,5", "\217\161",
}

-- What tokens are replaced with or put in: words of the language, of Lua, JSON and CSV, and times.
local WORDS = {
    "nil", "null", "true", "false", "{}", "[]", "{", "}", "[", "]", "(", ")", "=", ",", ";", ":", "--", "--[[", "\\",
    "#", "and", "function() end", "...", "end", "return", "\"\"", "''", "\"", "'", "[[", "]]", "\r", "\r\n", "\n",
    "\t", " ", "\"\\u0000\"", "\"\\ud800\"", "\\x", "\\", "setmetatable({}, {})", "string.rep('x', 9)",
    "\"score:quality\"", "[\"score:final\"]", "\"score:nothing.fit\"", "all", "any", "none", "did", "in_list",
    "company", "over", "rollup", "points", "event", "when", "property", "missing", "known", "is", "between", "times",
    "latest", "limit", "decay", "\"0 days\"", "\"1 fortnight\"", "\"999999999999 years\"", "\"2025-02-30\"",
    "\"9999-12-31\"", "\"1 day ago\"", "2025-13-01", "0000-00-00", "9999-12-31T23:59:60Z", "\239\187\191", "id",
    "contact_id",
}

-- Bytes that are no UTF-8: a lone continuation, an overlong slash, half of a surrogate pair, too large, cut off.
local INVALID = { "\128", "\192\175", "\237\160\128", "\244\144\128\128", "\226\130", "\255\254", "\193\129" }

local TOKEN = "[%w_.%-]+"

-- The lines of a text, each with its newline.
local function lines_of(text)
    local lines = {}
    for line in text:gmatch("[^\n]*\n?") do
        if line ~= "" then lines[#lines + 1] = line end
    end
    return lines
end

-- The places of the first tokens of a line: words, numbers and single marks, as { first, last }. What was found is
-- kept, since lines may be megabytes long.
local function tokens_of(line)
    local tokens, from, word, word_end, mark = {}, 1, 0, 0, 0
    while #tokens < 1000 do
        if word and word < from then word, word_end = line:find(TOKEN, from) end
        if mark and mark < from then mark = line:find("[^%w%s_.%-]", from) end
        if not word and not mark then break end
        local is_mark = mark and (not word or mark < word)
        tokens[#tokens + 1] = is_mark and { mark, mark } or { word, word_end }
        from = tokens[#tokens][2] + 1
    end
    return tokens
end

local function put(line, first, last, text)
    return line:sub(1, first - 1) .. text .. line:sub(last + 1)
end

-- A place in the line at which something is put in.
local function place(random, line)
    return random:int(1, #line + 1)
end

-- Changes to one line; each returns the new line.
local CHANGES = {
    function(random, line) -- flip a bit
        local at = random:int(1, #line)
        local byte, bit = line:byte(at), 2 ^ random:int(0, 7)
        byte = math.floor(byte / bit) % 2 == 1 and byte - bit or byte + bit
        return put(line, at, at, string.char(byte))
    end,
    function(random, line) -- any byte
        local at = place(random, line)
        return put(line, at, at - 1, string.char(random:int(0, 255)))
    end,
    function(random, line) -- delete some bytes
        local at = random:int(1, #line)
        return put(line, at, math.min(#line, at + random:int(0, 4)), "")
    end,
    function(random, line) -- cut the line off
        return line:sub(1, random:int(0, #line))
    end,
    function(random, line) -- a quote
        local at = place(random, line)
        return put(line, at, at - 1, random:pick({ "\"", "'", "\"\"", "`", "\226\128\156" }))
    end,
    function(random, line) -- a NUL
        local at = place(random, line)
        return put(line, at, at - 1, ("\0"):rep(random:int(1, 3)))
    end,
    function(random, line) -- no UTF-8
        local at = place(random, line)
        return put(line, at, at - 1, random:pick(INVALID))
    end,
    function(random, line) -- a word
        local at = place(random, line)
        return put(line, at, at - 1, random:pick(WORDS))
    end,
    function(random, line) -- a very long token; the longest are rare, since they take long
        local at, long = place(random, line), random:chance(2) and 2000000 or random:pick({ 64, 256, 4096, 70000 })
        local part = random:pick({ "x", "9", "-", "{", "[", "(", "\"", ";", ",", "\195\159", ". " })
        return put(line, at, at - 1, part:rep(long))
    end,
}

-- Changes to the tokens of one line.
local TOKEN_CHANGES = {
    function(_, line, token) -- twice
        return put(line, token[2] + 1, token[2], line:sub(token[1], token[2]))
    end,
    function(_, line, token) -- gone
        return put(line, token[1], token[2], "")
    end,
    function(random, line, token, tokens) -- two change places
        local other = random:pick(tokens)
        if other[1] < token[1] then token, other = other, token end
        if other == token then return line end
        local one, two = line:sub(token[1], token[2]), line:sub(other[1], other[2])
        return put(put(line, other[1], other[2], one), token[1], token[2], two)
    end,
    function(random, line, token) -- a word instead
        return put(line, token[1], token[2], random:pick(WORDS))
    end,
    function(random, line, token) -- a number instead
        return put(line, token[1], token[2], random:pick(NUMBERS))
    end,
    function(random, line, token, tokens) -- another of the line instead
        local other = random:pick(tokens)
        return put(line, token[1], token[2], line:sub(other[1], other[2]))
    end,
}

local function change_number(random, line)
    local numbers, from = {}, 1
    while true do
        local first, last = line:find("%-?%d[%d.]*", from)
        if not first then break end
        numbers[#numbers + 1] = { first, last }
        from = last + 1
    end
    if #numbers == 0 then return nil end
    local number = random:pick(numbers)
    return put(line, number[1], number[2], random:pick(NUMBERS))
end

local function change_line(random, line)
    local kind = random:int(1, 10)
    if kind <= 2 then
        local changed = change_number(random, line)
        if changed then return changed end
    end
    local tokens = kind <= 6 and tokens_of(line) or {}
    if #tokens > 0 then return random:pick(TOKEN_CHANGES)(random, line, random:pick(tokens), tokens) end
    return random:pick(CHANGES)(random, line)
end

-- Changes to whole lines; each changes the list.
local LINE_CHANGES = {
    function(random, lines) -- twice
        local at = random:int(1, #lines)
        table.insert(lines, at, lines[at])
    end,
    function(random, lines) -- gone
        table.remove(lines, random:int(1, #lines))
    end,
    function(random, lines) -- two change places
        local one, other = random:int(1, #lines), random:int(1, #lines)
        lines[one], lines[other] = lines[other], lines[one]
    end,
    function(random, lines) -- another's place
        lines[random:int(1, #lines)] = lines[random:int(1, #lines)]
    end,
    function(random, lines) -- the end is missing
        for i = #lines, random:int(1, #lines), -1 do
            lines[i] = nil
        end
    end,
}

--- The text with one line changed.
---@param random table a generator of spec/random.lua
---@param text string
---@return string
function M.mutate(random, text)
    local lines = lines_of(text)
    if #lines == 0 then return random:pick(WORDS) end
    if random:chance(20) then
        random:pick(LINE_CHANGES)(random, lines)
    else
        local at = random:int(1, #lines)
        lines[at] = change_line(random, lines[at])
    end
    return table.concat(lines)
end

--- A generator of random choices.
---@param seed integer
---@return table
function M.random(seed)
    return randoms.new(seed)
end

--- Why a message is not fit to show: nil, or what is wrong with it. Each line must say something, in printable text.
---@param message any
---@return string|nil problem
function M.unfit(message)
    if type(message) ~= "string" then return "is no text" end
    if message == "" or message:find("\n\n", 1, true) then return "has an empty line" end
    if message:find("stack traceback", 1, true) or message:find("leadscore/[%w_/]+%.lua:%d") then
        return "shows the inside of the program"
    end
    if message:find("[%z\1-\9\11-\31\127]") then return "has control characters" end
    if #message > 20000 then return "is " .. #message .. " bytes long" end
    return nil
end

return M
