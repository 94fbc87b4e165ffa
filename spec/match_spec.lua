-- Account matching: contacts without a company find theirs by e-mail domain or name, each match says which way it came.

local leadscore = require("leadscore")
local shell = require("shell")

local COMPANIES = {
    { id = "acme", name = "Acme Inc.", domain = "acme.com; ACME.io" },
    { id = "beta", name = "Beta GmbH & Co. KG", domain = "https://www.beta.example:443/about" },
    { id = "eu", name = "Acme Europe", domain = "eu.acme.com" },
    { id = "one", name = "Twin", domain = "twin.example" },
    { id = "two", name = "TWIN Ltd", domain = "Twin.example" },
    { id = "google", name = "Google", domain = "gmail.com" },
}

-- What became of contacts with these values: by value, "acme by domain" or the reason.
local function matched(property, values, options)
    local contacts, found = {}, {}
    for i, value in ipairs(values) do
        contacts[i] = { id = "p" .. i, [property] = value }
    end
    local match = { [property] = property }
    for key, value in pairs(options or {}) do
        match[key] = value
    end
    local data = assert(leadscore.dataset({ contacts = contacts, companies = COMPANIES, match = match }))
    for each in data:matches() do
        local value = values[tonumber(each.contact_id:sub(2))]
        found[value] = each.by and ("%s by %s, %s"):format(each.company_id, each.by, each.strength) or each.reason
    end
    return found, data:matched()
end

describe("matching by domain", function()
    it("finds domains and the domains they lie in, in any case, several a company", function()
        local found = matched("email", { "a@acme.com", "b@ACME.IO", "c@mail.de.acme.com", "d@x.eu.acme.com",
            "Eve <eve@beta.example>", "f@beta.example; f@acme.com", "g@beta.example." })
        assert.same({
            ["a@acme.com"] = "acme by domain, strong", ["b@ACME.IO"] = "acme by domain, strong",
            ["c@mail.de.acme.com"] = "acme by domain, strong", ["d@x.eu.acme.com"] = "eu by domain, strong",
            ["Eve <eve@beta.example>"] = "beta by domain, strong",
            ["f@beta.example; f@acme.com"] = "beta by domain, strong", ["g@beta.example."] = "beta by domain, strong",
        }, found)
    end)

    it("matches nobody by part of a name, a bare ending, a free-mail domain, or what two companies claim", function()
        local found, counts = matched("email", { "a@notacme.com", "b@com", "c@gmail.com", "d@twin.example", "nonsense",
            "e@acme.com.evil.example" })
        assert.same({
            ["a@notacme.com"] = 'no company has the domain of "a@notacme.com"',
            ["b@com"] = 'no company has the domain of "b@com"',
            ["c@gmail.com"] = 'a free-mail address: "c@gmail.com"',
            ["d@twin.example"] = 'several companies have the domain of "d@twin.example"',
            ["nonsense"] = "no e-mail address",
            ["e@acme.com.evil.example"] = 'no company has the domain of "e@acme.com.evil.example"',
        }, found)
        assert.same({
            associated = 0, by_domain = 0, by_name = 0, unmatched = 6, free_mail = 1, several = 1, no_value = 1,
            free_domains = 1,
        }, counts)
    end)

    it("takes another list of free-mail domains, from a file or a table", function()
        assert.equal("google by domain, strong", matched("email", { "c@gmail.com" }, { free_mail = {} })["c@gmail.com"])
        local folder = shell.folder()
        shell.write(folder .. "/free.csv", 'domain\n"acme.com",why\nother.example\n')
        local found = matched("email", { "a@acme.com", "c@gmail.com", "d@eu.acme.com", "e@us.acme.com" },
            { free_mail = folder .. "/free.csv" })
        assert.equal('a free-mail address: "a@acme.com"', found["a@acme.com"])
        assert.equal("google by domain, strong", found["c@gmail.com"])
        assert.equal("eu by domain, strong", found["d@eu.acme.com"])
        assert.equal('a free-mail address: "e@us.acme.com"', found["e@us.acme.com"])
        shell.remove(folder)
    end)

    it("leaves contacts alone that have a primary company", function()
        local data = assert(leadscore.dataset({
            contacts = { { id = "a", email = "a@acme.com", company_id = "beta" }, { id = "b", email = "b@acme.com" },
                { id = "c", email = "c@acme.com", company_id = "gone" }, { id = "d", email = "d@acme.com" } },
            companies = COMPANIES, match = { email = "email" },
            associations = {
                { from_object = "company", from_id = "beta", to_object = "contact", to_id = "b", label = "Primary" },
                { from_object = "company", from_id = "beta", to_object = "contact", to_id = "d", label = "Billing" },
            },
        }))
        assert.equal(2, data:matched().associated)
        assert.equal(2, data:matched().by_domain)
        assert.equal(1, data:counts().unknown_associated)
    end)
end)

describe("matching by name", function()
    it("sees through case, punctuation and legal forms, and is weak", function()
        local found = matched("name", { "ACME, inc", "acme", "The Acme", "Beta", "beta gmbh", "Béta", "Twin",
            "Acme Corp." })
        assert.same({
            ["ACME, inc"] = "acme by name, weak", acme = "acme by name, weak", ["Acme Corp."] = "acme by name, weak",
            ["The Acme"] = 'no company is named "The Acme"', Beta = "beta by name, weak",
            ["beta gmbh"] = "beta by name, weak", ["Béta"] = 'no company is named "Béta"',
            Twin = 'several companies are named "Twin"',
        }, found)
    end)

    it("comes after the domain, and only where that matches nobody", function()
        local data = assert(leadscore.dataset({
            contacts = {
                { id = "a", email = "a@acme.com", firm = "Beta" }, { id = "b", email = "b@gmail.com", firm = "Beta" },
                { id = "c", firm = "Beta" }, { id = "d", email = "d@gmail.com", firm = "Nobody" }, { id = "e" },
            },
            companies = COMPANIES, match = { email = "email", name = "firm" },
        }))
        local list = {}
        for each in data:matches() do
            list[#list + 1] = each.contact_id .. " " .. (each.company_id or each.reason)
        end
        assert.same({ "a acme", "b beta", "c beta",
            'd a free-mail address: "d@gmail.com"; no company is named "Nobody"',
            "e no e-mail address; no company name" }, list)
    end)
end)

describe("matches", function()
    local SCORE = { name = "people", object = "company", groups = { { name = "g", kind = "fit", rules = {
        { rollup = "count", over = { relation = "primary_contacts" } },
        { rollup = "count", over = { relation = "contacts", labelled = "Matched by name" }, weight = 100 },
    } } } }

    it("make associations that definitions can ask for by their labels", function()
        local definition = assert(leadscore.define(SCORE))
        local data = assert(leadscore.dataset({
            definitions = definition, companies = COMPANIES, match = { email = "email", name = "firm" },
            contacts = { { id = "a", email = "a@acme.com" }, { id = "b", firm = "Acme" }, { id = "c", firm = "Beta" } },
        }))
        local result = assert(data:score(definition))
        assert.equal(102, result:get("acme").people.value)
        assert.equal(101, result:get("beta").people.value)
        assert.equal(0, result:get("one").people.value)
    end)

    it("need the columns they are about", function()
        local data, err = leadscore.dataset({ contacts = { { id = "a", emial = "a@acme.com" } }, companies = COMPANIES,
            match = { email = "email" } })
        assert.is_nil(data)
        assert.equal("contacts.email", err.path)
        assert.equal("emial", err.nearest)
        data, err = leadscore.dataset({ contacts = { { id = "a", email = "a@acme.com" } }, companies = { { id = "x" } },
            match = { email = "email" } })
        assert.is_nil(data)
        assert.equal("companies.domain", err.path)
    end)

    it("are asked for in the right words", function()
        for _, case in ipairs({ { 7, "expected a table" }, { {}, "expected email or name" },
            { { mail = "email" }, "unknown option" }, { { email = "" }, "name of a column" } }) do
            local ok, err = pcall(leadscore.dataset, { contacts = {}, match = case[1] })
            assert.is_false(ok)
            assert.truthy(err:find(case[2], 1, true), err)
        end
        local data = assert(leadscore.dataset({ contacts = {} }))
        assert.is_nil(data:matched())
        assert.is_false(pcall(data.matches, data))
    end)
end)
