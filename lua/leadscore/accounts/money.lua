-- Exact sums of amounts by currency. Amounts are decimal texts as files have them; sums are kept in whole units of
-- 10^-14 in limbs of seven digits, so no digit is ever rounded, and currencies are never added to each other.

local M = {}

local LIMB, DIGITS, PLACES = 1e7, 7, 14 -- PLACES: decimals that are kept, whole limbs

-- Sign, digits before and after the point, of [+-]?(digits[.digits]|.digits)([eE][+-]digits)?; nil: no number.
local function parts_of(text)
    local sign, mantissa, exponent = text:match("^([+-]?)([%d.]+)[eE]([+-]?%d+)$")
    if not sign then sign, mantissa, exponent = text:match("^([+-]?)([%d.]+)$") end
    local whole, fraction = (mantissa or ""):match("^(%d*)%.?(%d*)$")
    if not whole or whole .. fraction == "" or mantissa:sub(-1) == "." then return nil end
    local shift = tonumber(exponent or 0)
    if shift < -40 or shift > 40 then return nil end
    local digits, point = whole .. fraction, #whole + shift
    if point < 0 then digits, point = ("0"):rep(-point) .. digits, 0 end
    digits = digits .. ("0"):rep(point - #digits)
    return sign, digits:sub(1, point), (digits:sub(point + 1):gsub("0+$", ""))
end

--- Whether a text is an amount that sums can hold.
---@param text string
---@return boolean
function M.is_amount(text)
    local fraction = text:match("^%d+%.?(%d*)$") -- the usual form
    if fraction and text:sub(-1) ~= "." then return #fraction <= PLACES end
    local sign, _, decimals = parts_of(text)
    return sign ~= nil and #decimals <= PLACES
end

--- A sum of nothing.
function M.new()
    return { limbs = {}, count = 0 }
end

--- Adds an amount; false where it is no number of at most 14 decimals.
---@param sum table
---@param text string
---@return boolean ok
function M.add(sum, text)
    local sign, whole, fraction = parts_of(text)
    if not sign or #fraction > PLACES then return false end
    local digits = whole .. fraction .. ("0"):rep(PLACES - #fraction)
    local factor, limb = sign == "-" and -1 or 1, 1
    for stop = #digits, 1, -DIGITS do
        local value = tonumber(digits:sub(math.max(1, stop - DIGITS + 1), stop))
        sum.limbs[limb] = (sum.limbs[limb] or 0) + factor * value
        limb = limb + 1
    end
    sum.count = sum.count + 1
    return true
end

-- Carries, so that every limb is in [0, LIMB) and the sign stands apart.
local function settle(limbs)
    local settled, carry, negative = {}, 0, false
    for pass = 1, 2 do
        carry = 0
        for i = 1, #limbs do
            local value = (pass == 2 and -limbs[i] or limbs[i]) + carry
            carry = math.floor(value / LIMB)
            settled[i] = value - carry * LIMB
        end
        if carry >= 0 then break end
        negative = pass == 1
    end
    while carry > 0 do
        settled[#settled + 1], carry = carry % LIMB, math.floor(carry / LIMB)
    end
    return settled, negative
end

--- A sum as text: exact, shortest, without exponent.
---@param sum table
---@return string
function M.text(sum)
    local limbs, negative = settle(sum.limbs)
    local parts = {}
    for i = #limbs, 1, -1 do
        parts[#parts + 1] = ("%07d"):format(limbs[i])
    end
    local digits = ("0"):rep(math.max(0, PLACES + 1 - #parts * DIGITS)) .. table.concat(parts)
    local whole = digits:sub(1, #digits - PLACES):gsub("^0+(%d)", "%1")
    local fraction = digits:sub(-PLACES):gsub("0+$", "")
    return (negative and "-" or "") .. whole .. (fraction ~= "" and "." .. fraction or "")
end

-- ---- by currency ------------------------------------------------------------------------------------------------

--- Sums by currency ("": none is said).
function M.purse()
    return {}
end

--- Adds an amount of a currency; false where it is no number.
---@param purse table
---@param currency string
---@param text string
---@return boolean ok
function M.put(purse, currency, text)
    local sum = purse[currency] or M.new()
    if not M.add(sum, text) then return false end
    purse[currency] = sum
    return true
end

--- The sums of a purse, by name of currency.
---@param purse table
---@return { currency: string, amount: string }[]
function M.list(purse)
    local list = {}
    for currency, sum in next, purse do
        list[#list + 1] = { currency = currency, amount = M.text(sum) }
    end
    table.sort(list, function(a, b) return a.currency < b.currency end)
    return list
end

return M
