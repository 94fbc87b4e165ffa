-- Target accounts: metrics, the table and its views, the overview of one, recommendations; money to the last digit.

local leadscore = require("leadscore")
local accounts = require("leadscore.accounts")
local money = require("leadscore.accounts.money")

local AT = "2025-06-01"

local SCORES = {
    { name = "person", groups = { { name = "Web", rules = { { event = "page_viewed", points = 5 } } } } },
    { name = "account", object = "company", thresholds = { high = 10, medium = 5 }, groups = {
        { name = "People", kind = "engagement", rules = {
            { name = "Web engagement", rollup = "sum", of = "score:person" },
            { when = { contacts = { labelled = "Champion" } }, points = 0.25 },
        } } } },
    { name = "other", object = "company", groups = { { name = "Firm", rules = {
        { when = { name = "Gamma" }, points = 3 } } } } },
}

local function inputs()
    return {
        at = AT,
        companies = {
            { id = "c1", name = "Acme", target_account = true, owner = "Zoe", team = "North" },
            { id = "c2", name = "Beta", owner = "Yan", team = "South", parent_id = "c1" },
            { id = "c3", name = "Gamma", target_account = "no", owner = "zoe" },
            { id = "c4", name = "Delta", target_account = "YES" },
        },
        contacts = {
            { id = "p1", company_id = "c1", buying_role = "Decision Maker;Champion", legal_basis = "Consent",
              owner = "Will", first_name = "Ada", last_name = "Lovelace" },
            { id = "p2", company_id = "c1", buying_role = { "Blocker" } },
            { id = "p3", company_id = "c2" }, { id = "p4", company_id = "c3", legal_basis = "Consent" },
        },
        associations = {
            { from_object = "company", from_id = "c4", to_object = "contact", to_id = "p3", label = "Decision maker" },
            { from_object = "deal", from_id = "d4", to_object = "company", to_id = "c1" },
        },
        deals = {
            { id = "d1", company_id = "c1", stage = "Negotiation", amount = "0.1", currency = "EUR", owner = "Xia" },
            { id = "d2", company_id = "c1", stage = "Discovery", amount = "0.2", currency = "EUR" },
            { id = "d3", company_id = "c1", stage = "Demo", amount = "12345678901234567890.25", currency = "USD" },
            { id = "d4", company_id = "c4", stage = "Demo", amount = "7", currency = "EUR" },
            { id = "d5", company_id = "c1", stage = "closed WON", amount = "1000", currency = "EUR" },
            { id = "d6", company_id = "c4", stage = "Lost", amount = "1000" },
            { id = "d7", company_id = "c4", amount = "1000" },
            { id = "d8", company_id = "c4", stage = "Demo", amount = "1e99" },
            { id = "d9", company_id = "c4", stage = "Demo" },
        },
        events = {
            { contact_id = "p1", event = "page_viewed", at = "2025-05-20", url = "/pricing" },
            { contact_id = "p2", event = "page_viewed", at = "2025-05-29", url = "/docs" },
            { contact_id = "p2", event = "page_viewed", at = "2025-06-02", url = "/late" },
            { contact_id = "p2", event = "call_started", at = "2025-05-30" },
            { contact_id = "p4", event = "page_viewed", at = "2025-05-01", url = "/" },
            { contact_id = "p3", event = "webinar", at = "2025-05-01" },
        },
        tasks = {
            { id = "t1", company_id = "c1", status = "Not started", due_at = "2025-06-05", owner = "Zoe",
              title = "Call" },
            { id = "t2", contact_id = "p3", status = "COMPLETED", due_at = "2025-06-02" },
            { id = "t3", company_id = "nope" },
        },
        engagements = {
            { id = "e1", deal_id = "d1", type = "Meeting", at = "2025-06-03T10:00:00Z", owner = "Vic" },
            { id = "e2", contact_id = "p3", type = "EMAIL", at = "2025-05-31" },
            { id = "e3", company_id = "c4", type = "note", at = "2025-05-31" },
        },
        targets = { "c2" },
        definitions = assert(leadscore.define(SCORES)),
    }
end

local function open(changes)
    local options = inputs()
    for key, value in pairs(changes or {}) do
        options[key] = value
    end
    return assert(leadscore.accounts(options))
end

local function ids(list)
    local all = {}
    for i, each in ipairs(list) do
        all[i] = each.id
    end
    return table.concat(all, " ")
end

local function fails(message, call, ...)
    local ok, err = pcall(call, ...)
    assert.is_false(ok)
    assert.truthy(tostring(err):find(message, 1, true), err)
end

describe("money", function()
    local function sum(...)
        local total = money.new()
        for _, text in ipairs({ ... }) do
            assert.is_true(money.add(total, text), text)
        end
        return money.text(total)
    end

    it("adds to the last digit", function()
        assert.equal("0", sum())
        assert.equal("0.3", sum("0.1", "0.2"))
        assert.equal("0", sum("-0.1", "0.1"))
        assert.equal("-0.05", sum("-0.1", ".05"))
        assert.equal("-1", sum("1", "-2"))
        assert.equal("1000", sum("1e3"))
        assert.equal("0.00012", sum("1.2E-4"))
        assert.equal("10000000", sum("9999999", "1"))
        assert.equal("99999999999999999999.00000000000001", sum("99999999999999999999", "0.00000000000001"))
        assert.equal("-99999999999999999999", sum("1", "-100000000000000000000"))
        local many = {}
        for i = 1, 1000 do
            many[i] = "0.01"
        end
        assert.equal("10", sum((table.unpack or unpack)(many))) -- luacheck: ignore 113
    end)

    it("takes no amount that is none", function()
        for _, text in ipairs({ "", "a", "1.", "1,000", "1 000", "EUR 5", "1.2.3", "0x10", "1e99",
            "0.000000000000001" }) do
            assert.is_false(money.add(money.new(), text), text)
        end
    end)
end)

describe("metrics", function()
    it("count the target accounts, and their open deals each once, by currency", function()
        assert.same({
            target_accounts = 3, with_open_deals = 2, missing_buying_role = 1, missing_decision_maker = 1,
            open_deal_value = {
                { currency = "EUR", amount = "7.3" }, { currency = "USD", amount = "12345678901234567890.25" },
            },
        }, open():metrics())
    end)

    it("know the stages that are closed, and the currency of deals that say none", function()
        local book = open({ won = { "Demo" }, lost = { "Negotiation", "closed won" }, currency = "SEK" })
        assert.same({ { currency = "EUR", amount = "0.2" }, { currency = "SEK", amount = "1000" } },
            book:metrics().open_deal_value)
        assert.equal(2, book:table()[1].won_deals)
    end)
end)

describe("the table of accounts", function()
    it("has a row for each target account, by its property or the list", function()
        local rows = open():table()
        assert.equal("c1 c2 c4", ids(rows))
        assert.same({
            id = "c1", name = "Acme", contacts = 2, open_deals = 4, won_deals = 1, lost_deals = 0, open_tasks = 1,
            open_deal_value = { { currency = "EUR", amount = "7.3" },
                { currency = "USD", amount = "12345678901234567890.25" } },
            last_touch = 1748563200, last_engagement = 1748476800, next_scheduled = 1748944800, owner = "Zoe",
            team = "North", buying_roles = { "blocker", "champion", "decision maker" }, score = 10, score_text = "10",
            label = "High",
        }, rows[1])
        assert.equal(1748649600, rows[2].last_touch)
        assert.is_nil(rows[2].last_engagement)
        assert.same({ "decision maker" }, rows[3].buying_roles)
    end)

    it("leaves out engagement of people without a legal basis", function()
        assert.equal(1747699200, open({ gdpr = true }):table()[1].last_engagement)
    end)

    it("has views", function()
        local book, got = open(), {}
        for _, view in ipairs(accounts.VIEWS) do
            got[view] = ids(book:table({ view = view }))
        end
        assert.same({
            all = "c1 c2 c4", ["no-open-tasks"] = "c2 c4", ["no-calls"] = "c2 c4", ["no-meetings"] = "c1 c2 c4",
            ["no-open-deals"] = "c2", ["no-decision-maker"] = "c2", blocker = "c1",
        }, got)
    end)

    it("is filtered by owner and team, and sorted by any column, empty cells last", function()
        local book = open()
        assert.equal("c1", ids(book:table({ owner = "ZOE" })))
        assert.equal("c1 c2", ids(book:table({ team = { "north", "South" } })))
        assert.equal("", ids(book:table({ team = "West" })))
        for _, column in ipairs(accounts.COLUMNS) do
            assert.equal(3, #book:table({ sort = column }))
        end
        assert.equal("c1 c2 c4", ids(book:table({ sort = "name" })))
        assert.equal("c2 c1 c4", ids(book:table({ sort = "owner" })))
        assert.equal("c1 c2 c4", ids(book:table({ sort = "owner", reverse = true })))
        assert.equal("c1 c2 c4", ids(book:table({ sort = "score", reverse = true })))
        assert.equal("c2 c4 c1", ids(book:table({ sort = "score" })))
        assert.equal("c4 c1 c2", ids(book:table({ sort = "open_deal_value" })))
    end)

    it("says what it does not know", function()
        local book = open()
        fails("expected one of all", book.table, book, { view = "mine" })
        fails('did you mean "score"?', book.table, book, { sort = "scor" })
        fails("unknown option", book.table, book, { owners = "x" })
    end)
end)

describe("the overview", function()
    it("has all about one account", function()
        local overview = assert(open():overview("c1"))
        assert.equal("p1 p2", ids(overview.people))
        assert.same({ "decision maker", "champion" }, overview.people[1].roles)
        assert.equal("Ada Lovelace", overview.people[1].name)
        assert.equal(5, overview.people[1].score)
        assert.equal(0, overview.other_contacts)
        assert.equal("d1 d2 d3 d4 d5", ids(overview.deals))
        assert.equal("won", overview.deals[5].state)
        assert.same({ "c2" }, overview.children)
        local staff = {}
        for i, each in ipairs(overview.internal_stakeholders) do
            staff[i] = each.name .. ": " .. table.concat(each.parts, ", ")
        end
        assert.same({
            "Zoe: account owner, task owner", "Xia: deal owner", "Will: contact owner", "Vic: activity owner",
        }, staff)
        local happened = {}
        for i, each in ipairs(overview.activity) do
            happened[i] = each.what .. " " .. (each.url or "")
        end
        assert.same({ "call_started ", "page_viewed /docs", "page_viewed /pricing" }, happened)
        assert.equal(2, overview.page_view_count)
        assert.equal("/docs", overview.page_views[1].url)
        assert.equal(2, #overview.scheduled)
        assert.equal("account", overview.explanation.scores[1].name)
        assert.equal(10, overview.explanation.scores[1].value)
    end)

    it("tells people of other companies apart, and what is no target", function()
        local overview = assert(open():overview("c4"))
        assert.equal(0, #overview.people)
        assert.equal(1, overview.other_contacts)
        assert.is_false(assert(open():overview("c3")).target)
        local none, err = open():overview("nobody")
        assert.is_nil(none)
        assert.truthy(tostring(err):find('no company has the id "nobody"', 1, true))
    end)
end)

describe("recommendations", function()
    it("are companies that are no targets, the best first, with reasons", function()
        local list = assert(open({ targets = {} }):recommend())
        assert.equal("c3 c2", ids(list))
        assert.equal(5, list[1].score)
        assert.equal(1, list[1].rank)
        assert.same({ "People: Web engagement (+5)", "last engagement 2025-05-01T00:00:00Z" }, list[1].reasons)
        assert.same({}, list[2].reasons)
    end)

    it("are ranked by any account score, and stay away when dismissed", function()
        local book = open({ targets = {} })
        assert.equal(3, book:recommend({ score = "other", n = 1 })[1].score)
        assert.equal("c2", ids(book:recommend({ dismissed = { "c3" } })))
        fails("no company score is named", book.recommend, book, { score = "person" })
        book = open({ definitions = false })
        fails("no definition scores companies", book.recommend, book)
    end)
end)

describe("accounts", function()
    it("warn of what is odd", function()
        local warnings = {}
        for i, warning in ipairs(open({ targets = { "c2", "gone" } }):warnings()) do
            warnings[i] = tostring(warning)
        end
        assert.same({
            'targets: 1 id of a target account that no company has ("gone")',
            "deal.stage: 1 deal of an account without a stage: neither open nor closed",
            "deal.amount: 1 open deal without an amount",
            "deal.amount: 1 open deal with an amount that cannot be summed exactly: left out",
            "tasks: 1 names a record that is not there",
        }, warnings)
    end)

    it("are found by matching where contacts have no company", function()
        local book = open({
            match = { email = "email" }, contacts = { { id = "p1", email = "x@acme.example" } },
            companies = { { id = "c1", domain = "acme.example", target_account = 1 } }, associations = {},
        })
        assert.equal(1, book:table()[1].contacts)
    end)

    it("work without definitions, and without all but companies", function()
        local book = assert(leadscore.accounts({ companies = { { id = "c1", target_account = "true" } } }))
        assert.equal("accounts: 1 of 1 company is a target", tostring(book):match("^(.-) at "))
        assert.same({ id = "c1", contacts = 0, open_deals = 0, open_deal_value = {}, won_deals = 0, lost_deals = 0,
            open_tasks = 0, buying_roles = {} }, book:table()[1])
        assert.is_nil(assert(book:overview("c1")).explanation)
        book:close()
        book:close()
        assert.equal("accounts (closed)", tostring(book))
        fails("accounts are closed", book.metrics, book)
    end)

    it("edit lists in bulk", function()
        assert.same({ "a", "c", "d" }, accounts.edit({ "a", "b", "c" }, { "d", "c", "e" }, { "b", "e" }))
    end)

    it("refuse wrong usage, and say what is wrong with an input", function()
        fails("companies are needed", leadscore.accounts, { contacts = {} })
        fails('did you mean "targets"?', leadscore.accounts, { companies = {}, target = {} })
        fails("expected email, call", leadscore.accounts, { companies = {}, kinds = { calls = { "x" } } })
        local book, err = leadscore.accounts({ companies = {}, tasks = { { id = "t", due_at = "someday" } } })
        assert.is_nil(book)
        assert.truthy(tostring(err):find('due_at: cannot read "someday" as a time', 1, true), tostring(err))
        assert.equal("tasks", err.file)
        book, err = leadscore.accounts({ companies = { { id = "a" }, { id = "a" } } })
        assert.is_nil(book)
        assert.equal(2, err.line)
    end)
end)
