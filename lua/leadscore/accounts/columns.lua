-- The cells and associations of a dataset as plain arrays, each fetched once: whoever asks for all rows asks the core
-- once, and what only depends on a text is worked out once a text.

local M = {}

local Columns = {}
Columns.__index = Columns

--- The columns of a dataset.
---@param handle userdata the core's dataset
---@return table columns
function M.new(handle)
    return setmetatable({ handle = handle, counts = handle:counts(), known = {}, linked = {} }, Columns)
end

--- A column: { codes = by row, texts = by code }; code 0 is empty.
---@param object string "contact", "company" or "deal"
---@param name string
---@return table cells
function Columns:cells(object, name)
    local key = object .. "." .. name
    local cells = self.known[key]
    if not cells then
        local codes, texts = self.handle:cells(object, name)
        cells = { codes = codes, texts = texts }
        self.known[key] = cells
    end
    return cells
end

--- The text of a cell; nil where it is empty.
function Columns:text(object, row, name)
    local cells = self:cells(object, name)
    return cells.texts[cells.codes[row]]
end

--- Associations by row: those of row r are from first[r] to first[r + 1] - 1 of rows and sets; labels by set.
---@param object string
---@param other string
---@return table links
function Columns:links(object, other)
    local key = object .. "." .. other
    local links = self.linked[key]
    if not links then
        local first, rows, sets, labels = self.handle:links(object, other)
        links = { first = first, rows = rows, sets = sets, labels = labels }
        self.linked[key] = links
    end
    return links
end

--- The rows of another object that a row is associated with, and their sets of labels.
---@return integer[] rows
---@return table[] labels
function Columns:related(object, row, other)
    local links, rows, labels = self:links(object, other), {}, {}
    for i = links.first[row], links.first[row + 1] - 1 do
        rows[#rows + 1], labels[#labels + 1] = links.rows[i], links.labels[links.sets[i]]
    end
    return rows, labels
end

--- A function of texts that is worked out once for each code of a column: of(row).
---@param object string
---@param name string
---@param work fun(text: string?): any never nil
---@return fun(row: integer): any of
function Columns:each(object, name, work)
    local cells, known = self:cells(object, name), {}
    local codes, texts = cells.codes, cells.texts
    return function(row)
        local code = codes[row]
        local value = known[code]
        if value == nil then
            value = work(texts[code])
            known[code] = value
        end
        return value
    end
end

return M
