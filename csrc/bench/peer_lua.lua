-- The standard workload by hand, as one would write it in Lua for speed: events in arrays of codes, grouped by contact;
-- a table says which rules a property's code matches; one loop. Runs on Lua 5.4 and LuaJIT; prints lines as clock.h has
-- them, and its sums in hundredths of a point.
--   lua5.4 csrc/bench/peer_lua.lua FOLDER RUNS

local folder, runs = arg[1], tonumber(arg[2])
local NOW, DAY = 1767225600, 86400
local floor, max, min = math.floor, math.max, math.min

-- ---- reading, which is not timed --------------------------------------------------------------------------------

local function unquoted(text)
    if text:sub(1, 1) ~= '"' then return text end
    return (text:sub(2, -2):gsub('""', '"'))
end

local days = {}
local function seconds(text)
    local date = text:sub(1, 10)
    local day = days[date]
    if not day then
        local y, m, d = tonumber(text:sub(1, 4)), tonumber(text:sub(6, 7)), tonumber(text:sub(9, 10))
        local shifted = m < 3 and y - 1 or y
        local era = floor(shifted / 400)
        local of_era = shifted - era * 400
        local of_year = floor((153 * ((m + 9) % 12) + 2) / 5) + d - 1
        day = (era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468) * DAY
        days[date] = day
    end
    return day + tonumber(text:sub(12, 13)) * 3600 + tonumber(text:sub(15, 16)) * 60 + tonumber(text:sub(18, 19))
end

local function coder()
    local codes, texts = {}, {}
    return function(text)
        local code = codes[text]
        if not code then
            code = #texts + 1
            codes[text], texts[code] = code, text
        end
        return code
    end, texts
end

-- Points for what is known of a contact, by value; these tables are made once, as the product's are.
local LISTED = { Software = true, Finance = true, Healthcare = true, Insurance = true, Telecom = true }
local BY_INDUSTRY = { Software = 8, Finance = 6, Retail = 3 }
local BY_COUNTRY = { US = 8, GB = 8, DE = 8, FR = 8, DK = 8, NO = 8, SE = 8, NL = 8, CA = 8, AU = 8, KR = -10, CN = -10,
    NG = -10, EG = -10, VN = -10 }

local function title_points(text)
    local title = text:lower()
    local senior = title:find("chief", 1, true) or title:find("vp", 1, true) or title:find("director", 1, true)
        or title:find("head", 1, true)
    return (senior and 12 or 0) + (title:find("^intern") and -20 or 0)
end

local industry_of, industries = coder()
local country_of, countries = coder()
local title_of, titles = coder()
local function read_contacts(path)
    local contacts = { count = 0, industry = {}, country = {}, employees = {}, title = {}, created = {} }
    local lines = io.lines(path)
    lines()
    for line in lines do
        local industry, rest = line:match('^%d+,%d*,("[^"]*"),(.*)$')
        if not industry then industry, rest = line:match("^%d+,%d*,([^,]*),(.*)$") end
        local country, employees, title, created = rest:match("^([^,]*),([^,]*),([^,]*),(.*)$")
        local i = contacts.count + 1
        contacts.count = i
        contacts.industry[i], contacts.country[i] = industry_of(unquoted(industry)), country_of(country)
        contacts.employees[i], contacts.title[i] = tonumber(employees) or -1, title_of(title)
        contacts.created[i] = seconds(created)
    end
    return contacts
end

local event_of = coder()
local prop_of, props = coder()
local function read_events(path, count)
    local lists = {}
    for i = 1, count do
        lists[i] = {}
    end
    local lines = io.lines(path)
    lines()
    for line in lines do
        local contact, event, at, prop = line:match("^(%d+),([^,]*),([^,]*),(.*)$")
        local list = lists[tonumber(contact)]
        list[#list + 1] = { event_of(event), seconds(at), prop_of(unquoted(prop)) }
    end
    local first, types, times, codes, n = {}, {}, {}, {}, 0
    for i = 1, count do
        first[i] = n + 1
        for _, event in ipairs(lists[i]) do
            n = n + 1
            types[n], times[n], codes[n] = event[1], event[2], event[3]
        end
        lists[i] = false
    end
    first[count + 1] = n + 1
    return { first = first, types = types, times = times, codes = codes, count = n }
end

-- ---- scoring ----------------------------------------------------------------------------------------------------

local function by_code(texts, value_of)
    local values = {}
    for code, text in ipairs(texts) do
        values[code] = value_of(text)
    end
    return values
end

local function clamp(value, limit)
    return max(-limit, min(limit, value))
end

local function make_scorer(contacts, log)
    local industry = by_code(industries, function(text)
        return (LISTED[text] and 10 or 0) + (BY_INDUSTRY[text] or 0)
    end)
    local country = by_code(countries, function(text) return BY_COUNTRY[text] or 0 end)
    local title = by_code(titles, title_points)
    local demo = by_code(props, function(text) return text:find("demo", 1, true) ~= nil end)
    local pricing = by_code(props, function(text) return text:find("^pricing/") ~= nil end)
    local contact_us = by_code(props, function(text)
        return text:find("contact-us", 1, true) ~= nil or text:find("newsletter", 1, true) ~= nil
    end)
    local analytics = by_code(props, function(text) return text:find("analytics", 1, true) ~= nil end)
    local FORM, BOOKED = event_of("form_submission"), event_of("meeting_booked")
    local COMPLETED, CALL = event_of("meeting_completed"), event_of("call_started")
    local VIEW, UNSUBSCRIBE = event_of("page_view"), event_of("unsubscribe")
    local CTA, OPEN, CLICK = event_of("cta_click"), event_of("email_open"), event_of("email_click")
    local WEBINAR = event_of("webinar_attended")
    local MONTH, QUARTER = 30 * DAY, 90 * DAY
    local first, types, times, codes = log.first, log.types, log.times, log.codes

    local function fit_of(i)
        local employees, points = contacts.employees[i], 0
        if employees >= 200 then points = 10 elseif employees >= 20 then points = 5 end
        if NOW - contacts.created[i] < QUARTER then points = points + 3 end
        points = points + industry[contacts.industry[i]] + country[contacts.country[i]] + title[contacts.title[i]]
        return clamp(points, 50)
    end

    return function()
        local fits, totals = {}, {}
        for i = 1, contacts.count do
            local sales, marketing, hot, opens, clicks, views = 0, 0, 0, 0, 0, 0
            for j = first[i], first[i + 1] - 1 do
                local kind, age, code = types[j], NOW - times[j], codes[j]
                if kind == VIEW then
                    if age < 365 * DAY then
                        views = views + 1
                        if age < MONTH and pricing[code] then hot = hot + 1 end
                    end
                elseif kind == OPEN then
                    if age < QUARTER then opens = opens + 1 end
                elseif kind == CLICK then
                    if age < 60 * DAY then clicks = clicks + 1 end
                elseif kind == FORM then
                    local steps = floor(age / QUARTER)
                    if demo[code] and steps < 4 then sales = sales + 15 * (1 - steps * 0.25) end
                    if steps == 0 and contact_us[code] then marketing = marketing + 5 end
                elseif kind == CTA then
                    if age < 2 * MONTH then marketing = marketing + (age < MONTH and 6 or 3) end
                elseif kind == CALL then
                    local steps = floor(age / QUARTER)
                    if steps < 4 then sales = sales + 5 * (1 - steps * 0.25) end
                elseif kind == BOOKED then
                    if age < 2 * MONTH then sales = sales + (age < MONTH and 10 or 5) end
                elseif kind == COMPLETED then
                    if age < QUARTER then sales = sales + 20 end
                elseif kind == UNSUBSCRIBE then
                    sales = sales - 15
                elseif kind == WEBINAR then
                    if analytics[code] then marketing = marketing + 8 end
                end
            end
            if hot >= 3 then sales = sales + 10 end
            if opens >= 5 then marketing = marketing + 4 end
            if clicks >= 2 and clicks <= 10 then marketing = marketing + 5 end
            if views >= 20 then marketing = marketing + 3 end
            local fit = fit_of(i)
            fits[i] = fit
            totals[i] = clamp(fit + clamp(sales, 60) + clamp(marketing, 40), 100)
        end
        return fits, totals
    end
end

-- ---- the program ------------------------------------------------------------------------------------------------

local contacts = read_contacts(folder .. "/contacts.csv")
local log = read_events(folder .. "/events.csv", contacts.count)
local score = make_scorer(contacts, log)
local name = rawget(_G, "jit") and "luajit" or "lua54"
local fits, totals
for _ = 1, runs do
    collectgarbage()
    local start = os.clock()
    fits, totals = score()
    local cpu = os.clock() - start
    print(("time peer/%s 1 %.9f %.9f"):format(name, cpu, cpu))
end
local fit, total, by_row = 0, 0, 0
for i = 1, contacts.count do
    local value = totals[i] * 100
    fit, total, by_row = fit + fits[i] * 100, total + value, by_row + value * (i % 1009)
end
print(("count peer/%s_events %d"):format(name, log.count))
print(("count peer/%s_fit %.0f"):format(name, fit))
print(("count peer/%s_total %.0f"):format(name, total))
print(("count peer/%s_by_row %.0f"):format(name, by_row))
