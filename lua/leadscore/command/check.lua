-- leadscore check: all that is wrong or odd with definitions.

local leadscore = require("leadscore")
local stop = require("leadscore.command.stop")
local work = require("leadscore.command.work")

local M = {}

local function print_fields(definition)
    local names = {}
    for i, field in ipairs(definition:fields()) do
        names[i] = ("%s.%s (%s)"):format(field.object, field.name, field.type)
    end
    if #names > 0 then io.stdout:write("reads ", table.concat(names, ", "), "\n") end
    local lists = definition:lists()
    if #lists > 0 then io.stdout:write("lists ", table.concat(lists, ", "), "\n") end
end

function M.run(args)
    local definition, err = leadscore.load(args.definition)
    work.warn(definition and definition:warnings() or err.warnings or {})
    stop.check(definition, err)
    if args.canonical then
        io.stdout:write(definition:canonical(), "\n")
        return
    end
    io.stdout:write(tostring(definition), "\n")
    print_fields(definition)
    io.stdout:write("fingerprint ", definition:fingerprint(), "\nno errors\n")
end

return M
