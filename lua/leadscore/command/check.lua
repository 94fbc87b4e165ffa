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
    if #names > 0 then stop.print("reads ", table.concat(names, ", "), "\n") end
    local lists = definition:lists()
    if #lists > 0 then stop.print("lists ", table.concat(lists, ", "), "\n") end
end

function M.run(args)
    local definition, err = leadscore.load(args.definition)
    work.warn(definition and definition:warnings() or err.warnings or {})
    stop.check(definition, err)
    if args.canonical then
        stop.print(definition:canonical(), "\n")
        return
    end
    stop.print(tostring(definition), "\n")
    print_fields(definition)
    stop.print("fingerprint ", definition:fingerprint(), "\nno errors\n")
end

return M
