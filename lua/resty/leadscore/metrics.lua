-- Counters. A worker counts in a table of its own and adds it to the shared dict about each second, and before the
-- dict is read; what a killed worker had not added yet is lost, at most a second's.

local M = {}

local Metrics = {}
Metrics.__index = Metrics

local HELP = {
    { "leadscore_requests_total", "counter", "Requests answered, by worker, route and status." },
    { "leadscore_events_total", "counter", "Events accepted, in the log." },
    { "leadscore_repeats_total", "counter", "Events of an id that was there before, when a worker read them." },
    { "leadscore_changes_total", "counter", "Changes of properties accepted, in the log." },
    { "leadscore_forgotten_total", "counter", "Contacts forgotten." },
    { "leadscore_scores_total", "counter", "Scores answered or put into headers." },
    { "leadscore_scores_made_total", "counter", "Scores that had to be made anew." },
    { "leadscore_reads_total", "counter", "Contacts read from the store into a worker." },
    { "leadscore_reads_anew_total", "counter", "Contacts read again since entries came out of order." },
    { "leadscore_headers_skipped_total", "counter", "Upstream requests without the headers, by why." },
    { "leadscore_refused_total", "counter", "Adds refused with 503 before anything was logged, by why." },
    { "leadscore_log_failures_total", "counter", "Writes to the log that failed." },
    { "leadscore_log_bytes_total", "counter", "Bytes written to the log." },
    { "leadscore_store_failures_total", "counter", "Calls of the store that failed." },
    { "leadscore_retried_total", "counter", "Entries that waited in a worker and were put into the store later." },
    { "leadscore_recovered_total", "counter", "Entries taken from the log of a worker that is gone." },
    { "leadscore_snapshots_total", "counter", "Contacts' entries put together into one state." },
    { "leadscore_evicted_total", "counter", "Contacts that a worker gave up for others." },
    { "leadscore_swaps_total", "counter", "New definitions taken by a worker." },
    { "leadscore_swaps_refused_total", "counter", "New definitions that a worker could not take." },
    { "leadscore_waiting_entries", "gauge", "Entries in the log that wait for the store." },
    { "leadscore_contacts_resident", "gauge", "Contacts that a worker has at hand." },
    { "leadscore_definitions_version", "gauge", "Which definitions a worker scores by." },
    { "leadscore_store_free_bytes", "gauge", "Free whole pages of the shared dict." },
    { "leadscore_store_up", "gauge", "Whether the store took what came last." },
    { "leadscore_ready", "gauge", "Whether contacts are loaded." },
}

--- worker: the number of the worker, for the label.
function M.new(dict, worker)
    return setmetatable({ dict = dict, counts = {}, names = {}, gauges = {}, routes = {},
        label = ('worker="%s"'):format(worker) }, Metrics)
end

local function key_of(self, name, labels)
    return ("m:%s{%s%s}"):format(name, self.label, labels and "," .. labels or "")
end

-- Keys are made once: `name` and `labels` come from the code, or are few.
local function lookup(self, name, labels)
    local by_labels = self.names[name]
    if not by_labels then
        by_labels = {}
        self.names[name] = by_labels
    end
    local key = by_labels[labels or ""]
    if not key then
        key = key_of(self, name, labels)
        by_labels[labels or ""] = key
        self.counts[key] = 0
        self.list = self.list or {}
        self.list[#self.list + 1] = key
    end
    return key
end

--- Counts one answer of a route by its status. The names of counters are made once.
function Metrics:count(route, status)
    local keys = self.routes[route]
    if not keys then
        keys = {}
        self.routes[route] = keys
    end
    local key = keys[status]
    if not key then
        key = lookup(self, "leadscore_requests_total", ('route="%s",status="%d"'):format(route, status))
        keys[status] = key
    end
    self.counts[key] = self.counts[key] + 1
end

--- Adds to a counter.
function Metrics:add(name, count, labels)
    local key = lookup(self, name, labels)
    self.counts[key] = self.counts[key] + (count or 1)
end

--- Sets a gauge of this worker.
function Metrics:set(name, value)
    local key = self.gauges[name]
    if not key then
        key = key_of(self, name)
        self.gauges[name] = key
    end
    self.dict:set(key, value)
end

--- Adds what was counted to the shared dict.
function Metrics:flush()
    local list, counts = self.list, self.counts
    if not list then return end
    for i = 1, #list do
        local key = list[i]
        local count = counts[key]
        if count ~= 0 and self.dict:incr(key, count, 0) then counts[key] = 0 end
    end
end

--- All workers' counters as Prometheus reads them.
---@return string text
function Metrics:text()
    self:flush()
    local by_name, parts = {}, {}
    local keys = self.dict:get_keys(0)
    table.sort(keys)
    for i = 1, #keys do
        local name = keys[i]:match("^m:([%w_]+){")
        local value = name and self.dict:get(keys[i])
        if value then
            by_name[name] = by_name[name] or {}
            table.insert(by_name[name], ("%s %.14g\n"):format(keys[i]:sub(3), value))
        end
    end
    for i = 1, #HELP do
        local name = HELP[i][1]
        if by_name[name] then
            parts[#parts + 1] = ("# HELP %s %s\n# TYPE %s %s\n"):format(name, HELP[i][3], name, HELP[i][2])
            parts[#parts + 1] = table.concat(by_name[name])
        end
    end
    return table.concat(parts)
end

return M
