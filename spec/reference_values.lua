-- What the reference scorer computes with: exact numbers, times, text folding and CSV, in the plainest way. It shares
-- no function with the product. Called by the other files of the reference.

local M = {}

local floor, max, min = math.floor, math.max, math.min

-- Exact numbers: whole millionths as little-endian limbs of base 10^6, all in [0, 10^6) but for the last, which is -1
-- in a negative number. Products of limbs stay under 2^53, so the code is exact where numbers are doubles, too.

local BASE = 1000000
local big = {}

local function normal(limbs)
    local carry, n = 0, #limbs
    for i = 1, n do
        local sum = limbs[i] + carry
        carry = floor(sum / BASE)
        limbs[i] = sum - carry * BASE
    end
    while carry ~= 0 do
        n = n + 1
        local rest = carry == -1 and 0 or floor(carry / BASE)
        limbs[n], carry = carry - rest * BASE, rest
    end
    while n > 1 and limbs[n] == 0 do
        limbs[n], n = nil, n - 1
    end
    while n > 1 and limbs[n] == -1 and limbs[n - 1] == BASE - 1 do
        limbs[n], limbs[n - 1], n = nil, -1, n - 1
    end
    return setmetatable(limbs, big)
end

--- The bignum of a whole number, |n| < 2^53. Bignums have + - * unary minus and comparisons.
---@param n number
---@return table bignum
function M.int(n)
    return normal({ floor(n) })
end

local int = M.int
local ZERO, ONE, TWO = int(0), int(1), int(2)

local function combine(a, b, sign)
    local sum = {}
    for i = 1, max(#a, #b) do
        sum[i] = (a[i] or 0) + sign * (b[i] or 0)
    end
    return normal(sum)
end

function big.__add(a, b) return combine(a, b, 1) end
function big.__sub(a, b) return combine(a, b, -1) end
function big.__unm(a) return combine(ZERO, a, -1) end
function big.__lt(a, b) local rest = a - b; return rest[#rest] < 0 end
function big.__le(a, b) return a < b + ONE end
function big.__eq(a, b) return not (a < b or b < a) end

function big.__mul(a, b)
    local product = {}
    for i = 1, #a + #b do
        product[i] = 0
    end
    for i = 1, #a do
        for j = 1, #b do
            product[i + j - 1] = product[i + j - 1] + a[i] * b[j]
        end
    end
    return normal(product)
end

-- Quotient and rest of a / b for a >= 0, b > 0.
local function divide(a, b)
    if a < b then return ZERO, a end
    local quotient, rest = divide(a, b + b)
    quotient = quotient + quotient
    if rest < b then return quotient, rest end
    return quotient + ONE, rest - b
end

--- a / b rounded half away from zero, for b > 0.
---@param a table bignum
---@param b table bignum
---@return table bignum
function M.round_divide(a, b)
    local quotient = divide((a < ZERO and -a or a) * TWO + b, b * TWO)
    return a < ZERO and -quotient or quotient
end

--- The shortest decimal that reads back as the same number.
---@param n number
---@return string
function M.number_text(n)
    if n == floor(n) and n > -1e15 and n < 1e15 then
        return string.format("%d", n)
    end
    for digits = 15, 17 do
        local text = string.format("%." .. digits .. "g", n)
        if tonumber(text) == n then return text end
    end
end

--- A number exactly, as a whole number of its last decimal place: of its shortest decimal, rounded half away from zero.
---@param n number
---@param places integer|nil how many decimals; 6, so millionths, unless given
---@return table bignum
function M.decimal(n, places)
    local sign, whole, rest = M.number_text(n):match("^(-?)(%d*)(.*)$")
    local fraction = rest:match("^%.(%d+)") or ""
    local shift = (tonumber(rest:match("e(.*)$")) or 0) + (places or 6) - #fraction
    local digits = "0" .. whole .. fraction .. ("0"):rep(shift)
    local kept = max(0, #digits + min(0, shift))
    local limbs = { (tonumber(digits:sub(kept + 1, kept + 1)) or 0) >= 5 and 1 or 0 }
    for last = kept, 1, -6 do
        local limb = (kept - last) / 6 + 1
        limbs[limb] = (limbs[limb] or 0) + tonumber(digits:sub(max(1, last - 5), last))
    end
    return sign == "-" and -normal(limbs) or normal(limbs)
end

--- Millionths as the product prints them: shortest, no exponent.
---@param a table|nil bignum
---@return string|nil
function M.print(a)
    if not a or a < ZERO then return a and "-" .. M.print(-a) end
    local digits = ""
    for i = 1, max(2, #a) do
        digits = string.format("%06d", a[i] or 0) .. digits
    end
    local whole, fraction = digits:sub(1, -7):gsub("^0+", ""), digits:sub(-6):gsub("0+$", "")
    return (whole ~= "" and whole or "0") .. (fraction ~= "" and "." .. fraction or "")
end

-- Half-life: fixed point in units of 10^-66. ROOTS[i] is 2^-(2^-i) for i = 1..100: the last from its derivative at 0
-- (what that neglects is under 10^-60), the others by squaring, which doubles an error each time: all within 10^-34.

local LIMBS, DIGITS = 11, 100

local function power(base, n)
    return n == 0 and ONE or base * power(base, n - 1)
end

local function scale_down(a) -- a * 10^-66, rounded down
    local kept = { 0 }
    for i = LIMBS + 1, #a do
        kept[i - LIMBS] = a[i]
    end
    return normal(kept)
end

local UNIT, SLACK = power(int(BASE), LIMBS), power(int(BASE), 6)
local LN2 = normal({ 0, 120680, 255254, 134360, 75500, 176568, 121458, 417232, 945309, 180559, 693147 })
local ROOTS = { [DIGITS] = UNIT - divide(LN2, power(TWO, DIGITS)) }
for i = DIGITS, 2, -1 do
    ROOTS[i - 1] = scale_down(ROOTS[i] * ROOTS[i])
end

--- points * 2^-(age / length), the real number, rounded half away from zero. Proof: only an age of whole half-lives can
--- give an exact half, and is exact here; for others the bounds of the approximation round to the same, or it raises.
---@param points table bignum under 10^24
---@param age number whole seconds, >= 0
---@param length number whole seconds
---@return table bignum
function M.half_life(points, age, length)
    local whole = floor(age / length)
    if whole > DIGITS then return ZERO end -- 2^100 > 2 * 10^24
    local rest, factor = age - whole * length, UNIT
    local slack = rest == 0 and ZERO or SLACK -- the digits after the 100th are worth less than 10^-30
    for i = 1, DIGITS do
        rest = rest * 2
        if rest >= length then
            rest, factor = rest - length, scale_down(factor * ROOTS[i])
        end
    end
    local unit = UNIT * power(TWO, whole)
    local result = M.round_divide(points * (factor - slack), unit)
    assert(result == M.round_divide(points * (factor + slack), unit), "half-life: not enough digits")
    return result
end

-- Times and spans ----------------------------------------------------------------------------------------------------

local UNITS = { second = 1, minute = 60, hour = 3600, day = 86400, week = 604800, month = 2592000, year = 31536000 }
local DAY = UNITS.day

--- The seconds of a span such as "30 days", nil when the text is none.
---@param text string
---@return number|nil
function M.span(text)
    local count, unit = text:match("^%s*(%d+) +(%a+)%s*$")
    local length = unit and (UNITS[unit] or UNITS[unit:match("^(.*)s$") or ""])
    return length and tonumber(count) * length
end

local span = M.span

--- Text without leading and trailing space, tab, CR and LF.
---@param text string
---@return string
function M.trim(text)
    return (text:gsub("^[ \t\r\n]+", ""):gsub("[ \t\r\n]+$", ""))
end

--- A cell or a Lua value as trimmed text; nil when it is empty. A set's values are joined.
---@param value any
---@return string|nil
function M.text(value)
    local kind = type(value)
    value = kind == "table" and table.concat(value, ";") or kind == "number" and M.number_text(value) or value
    local text = (type(value) == "string" or kind == "boolean") and M.trim(tostring(value)) or ""
    return text ~= "" and text or nil
end

local function day_number(year, month, day) -- days since 1970-01-01; month 13 is the next January
    local early = month < 3 and 1 or 0
    local y, m = year - early, month + 12 * early - 3
    return 365 * y + floor(y / 4) - floor(y / 100) + floor(y / 400) + floor((153 * m + 2) / 5) + day - 719469
end

local function clock_seconds(text)
    local hours, minutes, rest = text:match("^[T ](%d%d):(%d%d)(.*)$")
    if not hours then return nil end
    local seconds, after = rest:match("^:(%d%d)(.*)$")
    local zone = seconds and after:gsub("^%.%d+", "") or rest
    if zone == "" or zone == "Z" then zone = "+00:00" end
    local sign, ahead, more = zone:match("^([+-])(%d%d):(%d%d)$")
    hours, minutes, seconds, ahead, more = hours + 0, minutes + 0, (seconds or 0) + 0, tonumber(ahead), tonumber(more)
    if not sign or hours > 23 or minutes > 59 or seconds > 59 or ahead > 23 or more > 59 then return nil end
    return hours * 3600 + minutes * 60 + seconds - (ahead * 60 + more) * (sign == "-" and -60 or 60)
end

--- The first and last second that a time means (they differ for a date alone); nil when the value is no time.
---@param value any a number of seconds, a text as in files, or "10 days ago"
---@param now number|nil what "ago" is relative to; without it such texts are not times
---@return number|nil first
---@return number|nil last
function M.time(value, now)
    local text = type(value) == "string" and M.trim(value) or ""
    local seconds = type(value) == "number" and floor(value)
    if text:find("^[+-]?%d+$") then
        seconds = tonumber((text:gsub("^%+", "")))
        seconds = seconds >= 1e11 and floor(seconds / 1000) or seconds
    elseif now and span(text:match("^(.*) ago$") or "") then
        seconds = now - span(text:match("^(.*) ago$"))
    end
    if seconds then return seconds, seconds end
    local year, month, day, clock = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    local valid = year and month >= 1 and month <= 12 and day >= 1
        and day <= day_number(year, month + 1, 1) - day_number(year, month, 1)
    local within_day = valid and (clock == "" and 0 or clock_seconds(clock))
    if not within_day then return nil end
    local first = day_number(year, month, day) * DAY + within_day
    return first, clock == "" and first + DAY - 1 or first
end

-- Text. The folding knows ASCII, Latin-1, the letters of European languages in Latin Extended-A, basic Greek and
-- Cyrillic, sharp s and long s: the alphabet of the specs. Other letters that have case must not be used with it.

local UTF8 = {
    "[\194-\223][\128-\191]", "\224[\160-\191][\128-\191]", "[\225-\236\238\239][\128-\191][\128-\191]",
    "\237[\128-\159][\128-\191]", "\240[\144-\191][\128-\191][\128-\191]",
    "[\241-\243][\128-\191][\128-\191][\128-\191]", "\244[\128-\143][\128-\191][\128-\191]",
}

--- Is every byte of the text part of valid UTF-8?
---@param text string
---@return boolean
function M.is_utf8(text)
    for _, pattern in ipairs(UTF8) do
        text = text:gsub(pattern, " ")
    end
    return not text:find("[\128-\255]")
end

local UPPER = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆČĎĐĒĖĘĚĞĢĪĮĶĹĻĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŸŹŻŽ"
    .. "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏς" .. "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁЂЃЄЅІЇЈЉЊЋЌЎЏ"
local LOWER = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćčďđēėęěğģīįķĺļľłńņňōőœŕřśşšţťūůűųÿźżž"
    .. "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώσ" .. "абвгдежзийклмнопрстуфхцчшщъыьэюяёђѓєѕіїјљњћќўџ"
local FOLDED = { ["ß"] = "ss", ["ẞ"] = "ss", ["ſ"] = "s", ["İ"] = "i\204\135", ["µ"] = "μ", ["\226\132\170"] = "k" }

local CHARACTER = "[\194-\244][\128-\191]+"
local lower = LOWER:gmatch(CHARACTER)
for upper in UPPER:gmatch(CHARACTER) do
    FOLDED[upper] = lower()
end

--- Case-folded text; a text with an invalid byte stays as it is.
---@param text string
---@return string
function M.fold(text)
    return M.is_utf8(text) and text:lower():gsub(CHARACTER, FOLDED) or text
end


-- CSV -----------------------------------------------------------------------------------------------------------------

-- The cell that begins at `from`, and where the delimiter or line end after it is.
local function read_cell(text, from, delimiter)
    if text:sub(from, from) ~= '"' then
        local stop = text:find("[\n%" .. delimiter .. "]", from)
        local cell = text:sub(from, stop - 1)
        return text:sub(stop, stop) == "\n" and cell:gsub("\r$", "") or cell, stop
    end
    local quote = from
    repeat
        quote = assert(text:find('"', quote + 1, true), "unclosed quote") + 1
    until text:sub(quote, quote) ~= '"'
    return text:sub(from + 1, quote - 2):gsub('""', '"'), text:find("[^\r]", quote)
end

--- Rows of RFC 4180 text (a byte-order mark is skipped, empty lines are), keyed by the names in the first row.
---@param text string
---@param delimiter string|nil one punctuation character or tab; a comma unless given
---@return table[] rows cells are kept byte for byte
function M.read_csv(text, delimiter)
    text, delimiter = text:gsub("^\239\187\191", "") .. "\n", delimiter or ","
    local rows, names, cells, from = {}, nil, {}, 1
    while from <= #text do
        local cell, stop = read_cell(text, from, delimiter)
        cells[#cells + 1], from = cell, stop + 1
        if text:sub(stop, stop) == "\n" then
            local row = {}
            for i, name in ipairs(names or {}) do
                row[name] = cells[i]
            end
            if names and (#cells > 1 or cells[1] ~= "") then
                assert(#cells == #names, "wrong number of fields")
                rows[#rows + 1] = row
            end
            names, cells = names or cells, {}
        end
    end
    return rows
end

return M
