-- What specs of ledgers share: a record told to a ledger bit by bit.

local M = {}

-- An event as ledger:add takes it, of a record's event.
function M.event(id, event)
    local copy = { contact_id = id, event = event[1], at = event[2] }
    for key, value in pairs(event) do
        if type(key) == "string" then copy[key] = value end
    end
    return copy
end

-- The properties of a record, as ledger:set takes them.
function M.properties(record)
    local properties = {}
    for key, value in pairs(record) do
        if key ~= "id" and key ~= "events" and key ~= "lists" then properties[key] = value end
    end
    return properties
end

-- The ids in each list, of records as the one-record scorer takes them.
function M.lists(names, records)
    local lists = {}
    for _, name in ipairs(names) do
        lists[name] = {}
    end
    for _, record in ipairs(records) do
        for _, name in ipairs(record.lists or {}) do
            if lists[name] then table.insert(lists[name], record.id) end
        end
    end
    return lists
end

-- Tells a ledger all of a record; nil and the error of what was refused.
function M.tell(ledger, record, now)
    local ok, err = ledger:set(record.id, M.properties(record))
    for _, event in ipairs(ok and record.events or {}) do
        if ok then ok, err = ledger:add(M.event(record.id, event), now) end
    end
    return ok, err
end

return M
