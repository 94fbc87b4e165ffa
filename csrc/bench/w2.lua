-- The second workload's scores: what tables cannot hold, and many rules. `w2_1` to `w2_10` have 20 rules each, some
-- over all events of a name, some over a part that is their own; `w2_all` has the 200 rules of all ten together. Data:
-- w2_gen.c; the instant is 2026-01-14T09:17:43Z; what must come out: w2_sums.lua.

local INDUSTRIES = { "Software", "Finance", "Retail", "Healthcare", "Manufacturing", "Education", "Media", "Energy",
    "Construction", "Logistics", "Hospitality", "Telecom", "Insurance", "Non-profit" }
local COUNTRIES = { "US", "GB", "DE", "FR", "DK", "NO", "SE", "NL", "ES", "IT", "PL", "CA", "BR", "JP", "IN" }
local SECTIONS = { "pricing", "demo", "blog", "docs", "contact", "careers", "product", "customers", "events", "support",
    "about", "resources", "security", "legal", "partners", "webinars" }
local CAMPAIGNS = { "spring", "summer", "autumn", "winter", "launch", "retarget", "partner", "newsletter" }

-- `count` of a list from place k on, round and round.
local function some(list, k, count)
    local chosen = {}
    for i = 1, count do
        chosen[i] = list[(k + i - 2) % #list + 1]
    end
    return chosen
end

-- Each of these gives the rules of one variation, k from 1 to 10.

local function fit(k)
    return {
        {
            when = {
                industry = some(INDUSTRIES, k, 4), country = some(COUNTRIES, k, 6), employees = { at_least = 20 * k },
            },
            points = 10 + k,
        },
        { property = "region", points_by = { Northeast = k, Midwest = 2.5, South = -1 }, otherwise = 0.5 },
        {
            when = { any = {
                { plan = "enterprise", revenue = { more_than = 500000 * k } },
                { job_title = { contains = { "chief", "vp" } }, opted_in = true },
                { country = COUNTRIES[k], region = { any_of = { "West", "North" } } },
            } },
            points = 8.25,
        },
        { when = { created_at = { in_last = 80 + 10 * k .. " days" } }, points = 3 },
        {
            when = { opted_in = true, did_not = { event = "unsubscribed", within = 90 + 30 * k .. " days" } },
            points = 4,
        },
    }
end

local function web(k)
    return {
        {
            event = "page_viewed",
            where = {
                url = { contains = "/" .. SECTIONS[k] .. "/" },
                seconds = { at_least = 30 },
                campaign = { known = true },
            },
            points = 3, decay = { half_life = "14 days" },
        },
        {
            event = "page_viewed", once_per = "day", points = 1 + k / 8,
            decay = { percent = 50, every = "1 month", curve = "linear" },
        },
        {
            event = "page_viewed", where = { url = { contains = SECTIONS[k + 1] } },
            within = 20 + 10 * k .. " days", times = { at_least = 3 }, points = 8, decay = { half_life = "7 days" },
        },
        {
            event = { "form_submitted", "logged_in" },
            where = { campaign = { starts_with = some(CAMPAIGNS, k, 3) } },
            once_per = { property = "session" }, points = 5, decay = { percent = 25, every = "3 months" },
        },
        {
            event = "video_played", property = "seconds",
            bands = { { at_least = 1800 + 10 * k, points = 6 }, { at_least = 300 + 10 * k, points = 2.5 } },
            otherwise = 0.25,
            decay = { percent = 20, every = "2 weeks", curve = "linear" },
        },
    }
end

local function mail(k)
    return {
        {
            event = "email_opened", latest = 5, points = 2 + k / 10,
            decay = { percent = 100, every = "3 months", curve = "linear" },
        },
        {
            event = "email_clicked",
            where = { any = { { campaign = CAMPAIGNS[k % 8 + 1] .. "-" .. k }, { url = { ends_with = ".html" } } } },
            latest = 3, points = 4, decay = { half_life = 10 + k .. " days" },
        },
        {
            event = { "email_opened", "email_clicked" }, within = "180 days", once_per = "day",
            times = { { at_least = 10 + k, points = 6 }, { at_least = 3, points = 2 } },
            decay = { percent = 50, every = "1 month" },
        },
        {
            event = "email_opened", where = { campaign = { contains = "-" .. k }, seconds = { less_than = 900 } },
            points = 0.75, limit = 12,
        },
        { event = "unsubscribed", points = -10 - k, decay = { half_life = "90 days" } },
    }
end

local function sales(k)
    return {
        {
            event = "call_completed", where = { seconds = { at_least = 60 * k } }, points = 7.5,
            decay = { percent = 50, every = "45 days", curve = "linear" },
        },
        { event = "meeting_held", latest = 1, points = 20, decay = { half_life = 20 + k .. " days" } },
        {
            event = "purchase_made", property = "campaign",
            points_by = { ["launch-" .. k] = 12, ["partner-" .. k] = 9.5, ["spring-" .. k] = 7 }, otherwise = 1,
            within = { after = "2025-02-0" .. k % 9 + 1 },
        },
        {
            event = { "call_completed", "meeting_held" }, within = 25 + 5 * k .. " days", times = { at_least = 2 },
            points = 10, decay = { percent = 100, every = "1 month", curve = "linear" },
        },
        {
            event = "purchase_made",
            where = {
                url = { not_contains = { "/" .. SECTIONS[k + 2], "/" .. SECTIONS[k + 4] } },
                seconds = { between = { 10, 400 * k } },
                session = { known = true },
            },
            once_per = { property = "url" }, points = 6,
        },
    }
end

-- The rules of the variations first to last.
local function rules(kind, first, last)
    local all = {}
    for k = first, last do
        for _, rule in ipairs(kind(k)) do
            all[#all + 1] = rule
        end
    end
    return all
end

local function definition(name, first, last)
    return {
        name = name,
        properties = { region = "set" },
        limit = { min = -1000, max = 1000 },
        groups = {
            { name = "Fit", limit = 200, rules = rules(fit, first, last) },
            { name = "Web", limit = 500, rules = rules(web, first, last) },
            { name = "Mail", limit = { min = -300, max = 300 }, rules = rules(mail, first, last) },
            { name = "Sales", limit = 400, rules = rules(sales, first, last) },
        },
        thresholds = { fit = { high = 25, medium = 10 }, engagement = { high = 150, medium = 40 } },
    }
end

local all = {}
for k = 1, 10 do
    all[k] = definition("w2_" .. k, k, k)
end
all[11] = definition("w2_all", 1, 10)
return all
