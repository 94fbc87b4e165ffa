-- Target accounts: which companies sales works on, what is going on with each, and which to add. Everything is worked
-- out from a dataset of companies, contacts, deals and events, and answered as plain tables: numbers, texts, lists.
-- Times are seconds since 1970, sums of money are exact texts by currency.

local core = require("leadscore.core")
local activity = require("leadscore.accounts.activity")
local check = require("leadscore.accounts.check")
local columns = require("leadscore.accounts.columns")
local definitions = require("leadscore.definition")
local errors = require("leadscore.error")
local facts = require("leadscore.accounts.facts")
local lists = require("leadscore.lists")
local money = require("leadscore.accounts.money")
local nearest = require("leadscore.check.nearest").name
local show = require("leadscore.check.context").show

local M = {}

--- What accounts are made of: the options of leadscore.dataset (inputs, definitions, match, columns and so on), and
--- these.
---@class leadscore.AccountsOptions : leadscore.DatasetOptions
---@field tasks? string|table|function like inputs: id, one of company_id, contact_id, deal_id; status, due_at, owner
---@field engagements? string|table|function id, one of company_id, contact_id, deal_id; type, at, owner, title
---@field targets? string|string[] ids of target accounts: a file or a list; besides the property target_account
---@field at? number|string the instant; now when left out
---@field score? string which account score; the first one of companies when left out
---@field won? string[] stages of deals that are won; "Won", "Closed Won", "closedwon" when left out
---@field lost? string[] stages of deals that are lost; "Lost", "Closed Lost", "closedlost" when left out
---@field currency? string of deals that do not say theirs
---@field kinds? table<string, string[]> names of events and types of engagements: { call = { "call_started" } }
---@field gdpr? boolean leaves out the engagement of contacts without a legal basis
---@field threads? integer

--- One account of the table.
---@class leadscore.Account
---@field id string
---@field name? string
---@field contacts integer
---@field open_deals integer
---@field open_deal_value { currency: string, amount: string }[] exact, one for each currency
---@field won_deals integer
---@field lost_deals integer
---@field last_touch? integer the latest e-mail, call or meeting of ours
---@field last_engagement? integer the latest form, document or page view of theirs
---@field next_scheduled? integer the next meeting, call or due task
---@field open_tasks integer
---@field owner? string
---@field team? string
---@field parent_id? string
---@field buying_roles string[] folded: "decision maker"
---@field score? number
---@field score_text? string the same, exact
---@field label? string

--- The accounts of a dataset at one instant.
---@class leadscore.Accounts
local Accounts = {}
Accounts.__index = Accounts
Accounts.__name = "leadscore.Accounts"

local OWN = {
    "tasks", "engagements", "targets", "at", "score", "won", "lost", "currency", "kinds", "gdpr", "threads",
}
local SHARED = {
    "definitions", "contacts", "companies", "deals", "associations", "events", "log", "lists", "delimiter",
    "columns", "unknown", "rejects", "max_memory", "progress", "match",
}

local function known_names()
    local names = {}
    for _, list in ipairs({ OWN, SHARED }) do
        for _, name in ipairs(list) do
            names[#names + 1] = name
        end
    end
    return names
end

-- ---- making it --------------------------------------------------------------------------------------------------

-- Options of the dataset: without columns of tasks and engagements, with the columns that accounts read.
local function dataset_options(options)
    local inner, renames = { keep = facts.COLUMNS }, {}
    for _, name in ipairs(SHARED) do
        inner[name] = options[name]
    end
    for key, header in pairs(options.columns or {}) do
        if not key:find("^tasks%.") and not key:find("^engagements%.") then renames[key] = header end
    end
    inner.columns = renames
    return inner
end

local function target_set(options)
    local targets = options.targets or {}
    if type(targets) == "string" then
        local list, err = lists.read(targets)
        if not list then return nil, err end
        targets = list
    end
    local set = {}
    for _, id in ipairs(targets) do
        set[tostring(id)] = true
    end
    return set
end

-- Index of the definition whose scores accounts show; raises for a name that is not there.
local function score_index(definition, name, level)
    if not definition then
        if name then error("leadscore.accounts: score: no definitions are given", level + 1) end
        return nil
    end
    local plan, names = definition:_open(), {}
    for i = 1, plan:count() do
        if plan:object(i) == "company" then
            if name == nil or plan:name(i) == name then return i end
            names[#names + 1] = plan:name(i)
        end
    end
    if name == nil then return nil end
    local near = nearest(name, names)
    error(("leadscore.accounts: no company score is named %s%s"):format(show(name),
        near and " (did you mean " .. show(near) .. "?)" or ""), level + 1)
end

local function score_all(self, options)
    if not options.definitions then return true end
    local result, err = self.dataset:score(options.definitions, {
        at = self.at, threads = options.threads, progress = options.progress,
    })
    if not result then return nil, err end
    self.scored, self.result = result, result._handle
    return true
end

local function gather(self, options, rejects)
    local ok, err = score_all(self, options)
    if not ok then return nil, err end
    self.columns = columns.new(self.handle)
    self.of_contacts = activity.of_contacts(self.handle, self.kinds, self.at)
    self.of_companies, err = activity.of_companies(self, options, rejects)
    if not self.of_companies then return nil, err end
    facts.prepare(self)
    return true
end

-- Refused rows of all inputs go to one place under one header: where to, and the output that is to be committed.
local function open_rejects(rejects)
    local output, write = nil, rejects
    if type(rejects) == "string" then
        local err
        output, err = core.output(rejects)
        if not output then return nil, nil, errors.with_file(errors.wrap(err, "io"), rejects) end
        write = function(text) return output:write(text) end
    end
    local header
    -- Each input's first piece begins with the header.
    local function each(text)
        local line = text:match("^file,line,field,reason,row\n")
        if line and header then text = text:sub(#line + 1) end
        header = header or line
        if text ~= "" then return write(text) end
        return true
    end
    return each, output
end

-- The error of rejects that would be written over an input.
local function spoils_of(self, options)
    local identity = core.file_identity(options.rejects)
    for _, input in ipairs({ "tasks", "engagements" }) do
        local paths = type(options[input]) == "table" and options[input] or { options[input] }
        for _, path in ipairs(paths) do
            if type(path) == "string" and identity and identity == core.file_identity(path) then
                return errors.new({
                    kind = "usage", path = "rejects", message = options.rejects .. " is one of the inputs",
                })
            end
        end
    end
    return self.dataset:_spoils(options.rejects)
end

local function close_rejects(output, ok)
    if not output then return true end
    local done, err = true, nil
    if ok then done, err = output:commit() end
    output:close()
    if not done then return nil, errors.wrap(err, "io") end
    return true
end

local function make(options, at, index, targets, rejects)
    local inner = dataset_options(options)
    inner.rejects = rejects
    local dataset, err = require("leadscore.dataset").new(inner, 5)
    if not dataset then return nil, err end
    local self = setmetatable({
        dataset = dataset, handle = dataset:_rows(), definition = options.definitions, at = at, index = index,
        targets = targets, gdpr = options.gdpr, currency = options.currency, kinds = activity.kinds(options.kinds),
        won = options.won or facts.WON, lost = options.lost or facts.LOST,
        given = { won = options.won, lost = options.lost },
    }, Accounts)
    local ok, problem = gather(self, options, rejects)
    if ok then return self end
    self:close()
    return nil, problem
end

-- leadscore.accounts
function M.new(options)
    if type(options) ~= "table" then
        error("leadscore.accounts: expected a table of options, got " .. type(options), 3)
    end
    require("leadscore.dataset").check_options(options, known_names(), "leadscore.accounts", 3)
    check.options(options, 3)
    if not options.companies then error("leadscore.accounts: companies are needed", 3) end
    if options.definitions and not definitions.is(options.definitions) then
        error("leadscore.accounts: definitions: expected a definition or a set, got " .. type(options.definitions), 3)
    end
    local index = score_index(options.definitions, options.score, 3)
    local at, err = definitions.instant(options.at, 3)
    if not at then return nil, err end
    local targets
    targets, err = target_set(options)
    if not targets then return nil, err end
    local rejects, output, failure
    if options.rejects ~= nil then rejects, output, failure = open_rejects(options.rejects) end
    if failure then return nil, failure end
    local self, problem = make(options, at, index, targets, rejects)
    local spoils = self and output and spoils_of(self, options)
    if spoils then
        self:close()
        self, problem = nil, spoils
    end
    local committed, trouble = close_rejects(output, self ~= nil)
    if self and committed then return self end
    if self then self:close() end
    return nil, problem or trouble
end

-- ---- what parts ask for -----------------------------------------------------------------------------------------

local function open(self)
    if not self.handle then error("leadscore: accounts are closed", 3) end
    return self
end

-- Whether a company is a target account.
function Accounts:_is_target(row)
    return self.says_target(row) or self.targets[self.handle:id("company", row)] or false
end

-- What is known of a company.
function Accounts:_facts(row)
    return facts.of(self, row)
end

-- Whether the engagement of a contact may be shown and counted.
function Accounts:_lawful(contact)
    return not self.gdpr or self.has_basis(contact)
end

-- How many companies there are.
function Accounts:_count()
    return self.columns.counts.companies
end

-- The facts of target accounts, in input order.
local function target_facts(self)
    local list = {}
    for row = 1, self:_count() do
        if self:_is_target(row) then list[#list + 1] = facts.of(self, row) end
    end
    return list
end

-- The definition whose scores of an object are shown.
function Accounts:_index(object)
    if object == "company" then return self.index end
    local plan = self.definition and self.definition:_open()
    for i = 1, plan and plan:count() or 0 do
        if plan:object(i) == object then return i end
    end
    return nil
end

-- The score of a row, and its value as exact text.
function Accounts:_score(object, row, index)
    index = index or self:_index(object)
    if not index then return nil end
    return self.result:get(index, row), (self.result:exact(index, row))
end

local function sorted_keys(set)
    local keys = {}
    for key in next, set do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

-- Facts as a row of the table.
function Accounts:_entry(of, index)
    local score, text = self:_score("company", of.row, index)
    return {
        id = of.id, name = of.name, contacts = of.contacts, open_deals = of.deals.open,
        open_deal_value = money.list(of.value), won_deals = of.deals.won, lost_deals = of.deals.lost,
        last_touch = of.last_touch, last_engagement = of.last_engagement, next_scheduled = of.next_scheduled,
        open_tasks = of.open_tasks, owner = of.owner, team = of.team, parent_id = of.parent_id,
        buying_roles = sorted_keys(of.roles), score = score and score.value, score_text = text,
        label = score and score.label,
    }
end

-- ---- metrics ----------------------------------------------------------------------------------------------------

local DECISION_MAKER, BLOCKER = "decision maker", "blocker"

-- The exact value of the open deals of target accounts, each deal once.
local function open_value(self)
    local purse, seen, links = money.purse(), {}, self.columns:links("company", "deal")
    for _, each in ipairs(target_facts(self)) do
        for i = links.first[each.row], links.first[each.row + 1] - 1 do
            local deal = links.rows[i]
            local known = facts.deal_of(self, deal)
            if not seen[deal] and known.state == "open" and known.amount then
                money.put(purse, known.currency, known.amount)
            end
            seen[deal] = true
        end
    end
    return money.list(purse)
end

--- The metrics of the target accounts: target_accounts, with_open_deals, open_deal_value (exact, by currency, each deal
--- once), missing_buying_role (no person has any), missing_decision_maker.
---@return table metrics
function Accounts:metrics()
    open(self)
    local metrics = {
        target_accounts = 0, with_open_deals = 0, missing_buying_role = 0, missing_decision_maker = 0,
        open_deal_value = open_value(self),
    }
    local function add(name, holds)
        metrics[name] = metrics[name] + (holds and 1 or 0)
    end
    for _, each in ipairs(target_facts(self)) do
        add("target_accounts", true)
        add("with_open_deals", each.deals.open > 0)
        add("missing_buying_role", next(each.roles) == nil)
        add("missing_decision_maker", not each.roles[DECISION_MAKER])
    end
    return metrics
end

-- ---- the table --------------------------------------------------------------------------------------------------

local VIEWS = {
    all = function() return true end,
    ["no-open-tasks"] = function(of) return of.open_tasks == 0 end,
    ["no-calls"] = function(of) return not of.has_calls end,
    ["no-meetings"] = function(of) return not of.has_meetings end,
    ["no-open-deals"] = function(of) return of.deals.open == 0 end,
    ["no-decision-maker"] = function(of) return not of.roles[DECISION_MAKER] end,
    blocker = function(of) return of.roles[BLOCKER] end,
}

--- The names of the views, in order.
M.VIEWS = { "all", "no-open-tasks", "no-calls", "no-meetings", "no-open-deals", "no-decision-maker", "blocker" }

--- The columns of the table, in order; any can be sorted by.
M.COLUMNS = {
    "id", "name", "contacts", "open_deals", "open_deal_value", "won_deals", "lost_deals", "last_touch",
    "last_engagement", "next_scheduled", "open_tasks", "owner", "team", "parent_id", "buying_roles", "score", "label",
}

local function folded_set(list)
    if list == nil then return nil end
    local set = {}
    for _, text in ipairs(type(list) == "table" and list or { list }) do
        set[core.fold(text)] = true
    end
    return set
end

local function passes(set, value)
    return set == nil or value ~= nil and set[core.fold(value)] or false
end

-- What a column is compared by: a number, or a text; nil where it is empty.
local function sort_key(entry, column)
    local value = entry[column]
    if column == "open_deal_value" then
        -- Of several currencies none is worth more than another: by name, then by amount.
        local first = value[1]
        return first and first.currency, first and tonumber(first.amount)
    elseif column == "buying_roles" then
        return #value > 0 and table.concat(value, ";") or nil
    elseif type(value) == "string" then
        return core.fold(value)
    end
    return value
end

local function compare(a, b, reverse)
    for i = 1, 2 do
        local x, y = a.key[i], b.key[i]
        if (x == nil) ~= (y == nil) then return y == nil end
        if x ~= y then
            if reverse then return x > y end
            return x < y
        end
    end
    return a.order < b.order
end

local function sorted(list, column, reverse)
    local items, rows = {}, {}
    for i, entry in ipairs(list) do
        local first, second = sort_key(entry, column)
        items[i] = { entry = entry, key = { first, second }, order = i }
    end
    table.sort(items, function(a, b) return compare(a, b, reverse) end)
    for i, item in ipairs(items) do
        rows[i] = item.entry
    end
    return rows
end

local TABLE_OPTIONS = { "view", "owner", "team", "sort", "reverse" }

--- The table of target accounts.
---@param options? { view?: string, owner?: string|string[], team?: string|string[], sort?: string, reverse?: boolean }
--- view: "all", "no-open-tasks", "no-calls", "no-meetings", "no-open-deals", "no-decision-maker" or "blocker";
--- sort: the name of a column, input order when left out; empty cells come last; reverse: the largest first
---@return leadscore.Account[] accounts
function Accounts:table(options)
    open(self)
    options = options or {}
    require("leadscore.dataset").check_options(options, TABLE_OPTIONS, "accounts:table", 2)
    check.text_or_texts(options.owner, "accounts:table: owner", 2)
    check.text_or_texts(options.team, "accounts:table: team", 2)
    check.flag(options.reverse, "accounts:table: reverse", 2)
    check.one_of(options.view, M.VIEWS, "accounts:table: view", 2)
    check.one_of(options.sort, M.COLUMNS, "accounts:table: sort", 2)
    local view, owners, teams = options.view or "all", folded_set(options.owner), folded_set(options.team)
    local rows = {}
    for _, each in ipairs(target_facts(self)) do
        if VIEWS[view](each) and passes(owners, each.owner) and passes(teams, each.team) then
            rows[#rows + 1] = self:_entry(each)
        end
    end
    return options.sort and sorted(rows, options.sort, options.reverse) or rows
end

--- The overview of one account: { account, target, people (primary ones: id, name, roles, score ...), other_contacts,
--- internal_stakeholders ({ name, parts }), deals, children, activity, scheduled, page_view_count, page_views,
--- explanation (as dataset:explain) }.
---@param id string|number
---@return table|nil overview
---@return leadscore.Error|nil err also when there is no such id
function Accounts:overview(id)
    open(self)
    check.id(id, "accounts:overview: id", 2)
    local overview, err = require("leadscore.accounts.overview").of(self, require("leadscore.dataset").id_text(id))
    return overview, err
end

local RECOMMEND_OPTIONS = { "n", "dismissed", "score" }

--- Companies that are not target accounts, the best account scores first, each as in the table with `rank` and
--- `reasons`.
---@param options? { n?: integer, dismissed?: string|string[], score?: string } n: how many, 10 when left out;
--- dismissed: ids that stay away, a file or a list; score: which account score
---@return table[]|nil recommendations
---@return leadscore.Error|nil err
function Accounts:recommend(options)
    open(self)
    options = options or {}
    require("leadscore.dataset").check_options(options, RECOMMEND_OPTIONS, "accounts:recommend", 2)
    check.whole(options.n, 0, 2 ^ 31, "accounts:recommend: n", 2)
    check.text(options.score, "accounts:recommend: score", 2)
    check.ids(options.dismissed, "accounts:recommend: dismissed", 2)
    local index = options.score and score_index(self.definition, options.score, 2) or self.index
    if not index then error("accounts:recommend: no definition scores companies", 2) end
    local dismissed, err = target_set({ targets = options.dismissed })
    if not dismissed then return nil, err end
    local list
    list, err = require("leadscore.accounts.recommend").best(self, options.n or 10, dismissed, index)
    return list, err
end

-- ---- what is odd ------------------------------------------------------------------------------------------------

--- What is odd but not wrong: properties that no input has, deals without a stage or amount, ids of target accounts
--- that no company has, tasks and engagements of unknown records, parents that are not there.
---@return leadscore.Error[] warnings
function Accounts:warnings()
    open(self)
    local warnings = self.dataset:warnings()
    require("leadscore.accounts.odd").add(self, warnings)
    return warnings
end

--- Frees what it holds. Using it afterwards raises.
function Accounts:close()
    if self.scored then self.scored:close() end
    if self.dataset then self.dataset:close() end
    self.scored, self.result, self.dataset, self.handle = nil, nil, nil, nil
end

Accounts.__close = Accounts.close

function Accounts:__tostring()
    if not self.handle then return "accounts (closed)" end
    local count, all = 0, self:_count()
    for row = 1, all do
        count = count + (self:_is_target(row) and 1 or 0)
    end
    return ("accounts: %d of %d %s at %s"):format(count, all, all == 1 and "company is a target" or
        "companies are targets", core.print_time(self.at))
end

-- ---- lists of targets -------------------------------------------------------------------------------------------

--- A list of ids with others added and removed, each once: those that stay, then the new ones.
---@param ids string[]
---@param add? string[]
---@param remove? string[]
---@return string[] new
function M.edit(ids, add, remove)
    for name, list in pairs({ ids = ids or false, add = add, remove = remove }) do
        if type(list) ~= "table" then
            error(("edit: %s: expected a list of ids, got %s"):format(name, show(list or nil)), 2)
        end
    end
    local new, seen = {}, {}
    for _, id in ipairs(remove or {}) do
        seen[id] = true
    end
    for _, list in ipairs({ ids, add or {} }) do
        for _, id in ipairs(list) do
            if not seen[id] then new[#new + 1] = id end
            seen[id] = true
        end
    end
    return new
end

M.Accounts = Accounts

return M
