-- The manual page as roff, from the same data as the parsers.

local core = require("leadscore.core")
local options = require("leadscore.command.options")
local stop = require("leadscore.command.stop")

local M = {}

local function escape(text)
    text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
    return (text:gsub("^([.'])", "\\&%1"))
end

local function add_option(lines, option)
    lines[#lines + 1] = ".TP"
    lines[#lines + 1] = "\\fB" .. escape(option[1]) .. "\\fR" ..
        (option.arg and " \\fI" .. escape(option.arg) .. "\\fR" or "")
    lines[#lines + 1] = escape(option.help) .. (option.many and " May be given several times." or "")
end

local function add_options(lines, command)
    for _, group in ipairs(options.groups(command)) do
        for _, option in ipairs(group[2]) do
            add_option(lines, option)
        end
    end
end

local function add_command(lines, command)
    lines[#lines + 1] = ".SS " .. command.name
    lines[#lines + 1] = ".B " .. escape(command.usage)
    lines[#lines + 1] = ".PP"
    lines[#lines + 1] = escape(command.description)
    add_options(lines, command)
    lines[#lines + 1] = ".PP"
    lines[#lines + 1] = "Example:"
    lines[#lines + 1] = ".PP"
    lines[#lines + 1] = ".RS 4"
    lines[#lines + 1] = escape(command.example)
    lines[#lines + 1] = ".RE"
end

local HEAD = [[
.SH NAME
leadscore \- scores contacts, companies and deals from score definitions, exactly, and says why
.SH SYNOPSIS
.B leadscore
.I COMMAND DEFINITION...
[inputs] [options]
.SH DESCRIPTION
A definition is a Lua file that returns a table of groups and rules, or a JSON file with the same, or a folder of such.
Inputs are CSV files (RFC 4180, UTF\-8, the first row names the columns) or NDJSON by the ending .ndjson or .jsonl; a
name that ends in .gz is decompressed while read, \- is standard input, and a folder stands for its files.
.SH COMMANDS]]

local TAIL = [[
.SH EXIT STATUS
.TP
0
done
.TP
1
bad input or definition
.TP
2
wrong usage
.TP
74
an I/O failure
.TP
130
interrupted; no half\-written file is left]]

-- The page as text.
function M.page()
    local lines = { ('.TH LEADSCORE 1 "" "leadscore %s"'):format(core.version), HEAD }
    for _, command in ipairs(options.commands) do
        if not command.hidden then add_command(lines, command) end
    end
    lines[#lines + 1] = TAIL
    return table.concat(lines, "\n") .. "\n"
end

function M.run()
    stop.print(M.page())
end

return M
