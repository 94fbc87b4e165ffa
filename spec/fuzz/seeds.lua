-- Valid files that mutations start from: a definition set that uses nearly all of the language for contacts, as Lua and
-- as JSON text, and contacts, events and a list for it, as CSV and as NDJSON text. One thing a line, so that a mutation
-- of one line changes one thing.

local M = {}

M.definition_lua = [==[
return {
    {
        language = 1,
        name = "quality", label = "Quality", description = "all of the language",
        object = "contact",
        properties = { region = "set", ["event.tags"] = "set", since = "datetime" },
        scope = { not_in_list = "competitors", any = { { country = { known = true } }, { employees = 1 } } },
        limit = { min = -100, max = 250.5, fit = { min = -50, max = 90 }, engagement = { max = 200 } },
        groups = {
            {
                name = "Sales", limit = 60, decay = { percent = 50, every = "1 month" },
                description = "calls and meetings",
                rules = {
                    { event = "call", points = 15 },
                    { event = { "meeting", "demo" }, points = 10.25, latest = 3, within = "1 year" },
                    { event = "call", points = -2, where = { seconds = { less_than = 10 } }, limit = { min = -6 } },
                    { event = "demo", points = 4, decay = { half_life = "14 days" }, name = "fresh demos" },
                    { event = "call", points = 1, decay = { percent = 10, every = "1 week", curve = "linear" } },
                },
            },
            {
                name = "Web", kind = "engagement", limit = { min = -5, max = 80 },
                rules = {
                    { event = "view", where = { url = { contains = "/p" } }, times = { at_least = 3 }, points = 8 },
                    { event = "view", times = { { at_least = 10, points = 10 }, { at_least = 2, points = 5 } } },
                    { event = "view", times = { exactly = 0 }, points = -3, within = { last = "90 days" } },
                    { event = "view", once_per = "day", points = 0.5, within = { after = "2024-01-01" } },
                    { event = "form", once_per = { property = "form" }, points = 3 },
                    { event = "form", property = "form", points_by = { ["Contact us"] = 5, News = 2 }, otherwise = 1 },
                    { event = "buy", property = "amount", bands = { { at_least = 100, points = 9 } }, otherwise = -1 },
                    { event = "form", where = { tags = { all_of = { "a", "b" } } }, points = 7, enabled = false },
                    { event = "buy", within = { between = { "2024-06-01", "2025-06-01" } }, points = 2, decay = false },
                },
            },
            {
                name = "Fit", limit = { max = 90 },
                rules = {
                    { when = { industry = "Hospitality", employees = { between = { 50, 500 } } }, points = 20 },
                    { when = { country = { "SE", "DK" } }, points = 5 },
                    { when = { none = { { employees = { less_than = 10, missing = true } } } }, points = 1.5 },
                    { when = { email = { ends_with = { "@gmail.com", "@hotmail.com" } } }, points = -10 },
                    { when = { customer = true, since = { more_than_ago = "1 year" } }, points = 6 },
                    { when = { since = { before = "2024-02-29" }, renewal = { in_next = "30 days" } }, points = 4 },
                    { when = { region = { any_of = { "North", "South" }, not_contains = "test" } }, points = 3 },
                    { property = "region", points_by = { Northeast = 15, Midwest = 10, Southeast = 8 } },
                    { property = "employees", bands = { { at_least = 500, points = 9 }, { is = 5, points = 2 } } },
                    { when = { did = { event = "call", times = { at_most = 4 } }, did_not = "leave" }, points = 2 },
                    { when = { ["property:any"] = { starts_with = "x" }, in_list = { "partners" } }, points = 12 },
                },
            },
        },
        thresholds = {
            fit = { high = 30, medium = 15 },
            engagement = { high = 40, medium = 20.5 },
        },
        tests = {
            { given = { country = "SE", events = { { "call", "10 days ago" } } }, at = "2025-06-01",
              expect = { in_scope = true } },
        },
    },
    {
        name = "final", empty_until_scored = true,
        thresholds = {
            { label = "Hot", at_least = 80, color = "red" },
            { label = "Warm", at_least = 5 },
            { label = "Cold" },
        },
        groups = {
            { name = "Of scores", rules = {
                { when = { ["score:quality"] = { at_least = 10 } }, points = 5 },
                { when = { ["score:quality.fit"] = { more_than = 3 }, ["score:quality.label"] = "A1" }, points = 1 },
            } },
        },
    },
}
]==]

M.definition_json = [==[
[
  { "name": "quality",
    "properties": { "region": "set", "since": "datetime" },
    "scope": { "not_in_list": "competitors" },
    "limit": { "min": -100, "max": 250.5, "fit": { "max": 90 } },
    "groups": [
      { "name": "Sales", "limit": 60, "decay": { "percent": 50, "every": "1 month" },
        "rules": [
          { "event": "call", "points": 15 },
          { "event": ["meeting", "demo"], "points": 1.025e1, "latest": 3, "within": "1 year" },
          { "event": "call", "points": -2, "where": { "seconds": { "less_than": 10 } } },
          { "event": "demo", "points": 4, "decay": { "half_life": "14 days" } },
          { "event": "view", "where": { "url": { "contains": "/pricing" } }, "times": { "at_least": 3 }, "points": 8 },
          { "event": "view", "times": [ { "at_least": 10, "points": 10 }, { "at_least": 2, "points": 5 } ] },
          { "event": "form", "once_per": { "property": "form" }, "points": 3 },
          { "event": "form", "property": "form", "points_by": { "Contact us": 5, "News": 2 }, "otherwise": 1 }
        ] },
      { "name": "Fit",
        "rules": [
          { "when": { "industry": "Hospitality", "employees": { "between": [50, 500] } }, "points": 20 },
          { "when": { "country": ["SE", "DK"] }, "points": 5 },
          { "when": { "none": [ { "employees": { "less_than": 10, "missing": true } } ] }, "points": 1.5 },
          { "when": { "customer": true, "since": { "more_than_ago": "1 year" } }, "points": 6 },
          { "property": "region", "points_by": { "Northeast": 15, "M\u00eddwest": 10 } },
          { "property": "employees", "bands": [ { "at_least": 500, "points": 10 }, { "more_than": 5, "points": 2 } ] }
        ] }
    ],
    "thresholds": {
      "fit": { "high": 30, "medium": 15 },
      "engagement": { "high": 40, "medium": 20.5 }
    } },
  { "name": "final",
    "thresholds": [ { "label": "Hot", "at_least": 80 }, { "label": "Cold" } ],
    "groups": [
      { "name": "Of scores",
        "rules": [
          { "when": { "score:quality": { "at_least": 10 } }, "points": 5 }
        ] }
    ] }
]
]==]

M.contacts_csv = [==[
id,country,industry,employees,email,customer,since,renewal,region,any,note
ada,SE,Hospitality,80,ada@example.org,yes,2022-05-01,2025-06-20,Northeast;Midwest,xyz,"a ""quoted"", note"
bo,no,Retail,12,bo@gmail.com,no,2024-02-29T10:00:00Z,,South,,
cy,DK,,,CY@HOTMAIL.COM,1,1700000000,2026-01-01,,x,"two
lines"
dee,,hospitality,500,,TRUE,,,Southeast,,
eve,FI,HOSPITALITY,1e3,eve@example.org,0,1700000000000,2025-06-01 12:30,test north,,
]==]

M.contacts_ndjson = [==[
{"id":"ada","country":"SE","industry":"Hospitality","employees":80,"customer":true,"region":["Northeast","Midwest"]}
{"id":"bo","country":"no","industry":"Retail","employees":"12","email":"bo@gmail.com","since":"2024-02-29T10:00:00Z"}
{"id":3,"country":"DK","employees":null,"customer":1,"since":1700000000,"note":"a \"quoted\" \u00e9\ud83d\ude00"}
{"id":"dee","industry":"hospitality","employees":5e2,"region":"Southeast;South","nested":{"a":[1,{"b":null}]}}
{"id":"eve","country":"FI","employees":1000.5,"customer":false,"renewal":"2025-06-20","region":[]}
]==]

M.events_csv = [==[
id,contact_id,event,at,seconds,url,form,amount,tags
1,ada,call,2025-05-20,120,,,,
2,ada,call,2025-05-25T09:30:00+02:00,5,,,,
3,ada,view,1748000000,,https://example.org/pricing,,,
4,ada,view,1748100000000,,https://example.org/PRICING?a=1,,,
5,ada,view,2025-05-30 10:00,,/pricing,,,
6,bo,form,2025-05-30T10:00:00.250Z,,,Contact us,,a;b
7,bo,form,2025-05-29,,,News,,a
8,bo,buy,2025-01-15,,,,99.99,
9,cy,buy,2024-12-31,,,,100,
10,cy,demo,2025-05-31,,,,,
11,eve,meeting,2024-07-01,,,,,
11,eve,meeting,2024-07-02,,,,,
12,nobody,call,2025-05-01,1,,,,
13,eve,leave,2025-12-01,,,"with ""quotes"",
and a line",,
]==]

M.events_ndjson = [==[
{"contact_id":"ada","event":"call","at":"2025-05-20","seconds":120}
{"contact_id":"ada","event":"view","at":1748000000,"url":"https://example.org/pricing"}
{"contact_id":"bo","event":"form","at":"2025-05-29T08:00:00Z","form":"Contact us","tags":["a","b"],"id":"e1"}
{"contact_id":3,"event":"buy","at":1748100000000,"amount":99.99}
{"contact_id":"eve","event":"meeting","at":"2024-07-01 10:00","id":7}
]==]

M.list_csv = "id\neve\nzed\n"

M.record = {
    id = "r", country = "SE", industry = "hospitality", employees = 80, region = { "Northeast", "South" },
    customer = true, since = "2022-05-01", email = "r@gmail.com", any = "x",
    events = {
        { "call", "10 days ago" }, { "view", "2 days ago" },
        { event = "form", at = "3 days ago", form = "News", tags = { "a", "b" } },
        { event = "buy", at = "2025-05-01", amount = 120 },
    },
    lists = { "partners" },
}

M.at = "2025-06-01"

return M
