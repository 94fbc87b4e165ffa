-- Argument parsers, made from the commands' data with argparse. Wrong usage ends with 2, one line and a hint; --help
-- and --version print and end with 0.

local argparse = require("argparse")
local options = require("leadscore.command.options")
local stop = require("leadscore.command.stop")

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore 113

local WIDTH, MARGIN = 80, 30

local function print_and_end(text)
    stop.print(text, "\n")
    stop.with(0)
end

local function add_help(parser)
    parser:flag("-h --help"):description("Shows this help."):action(function()
        print_and_end(parser:get_help())
    end)
end

local function add_option(parser, option)
    local made = option.arg and parser:option(option[1]):argname(option.arg) or parser:flag(option[1])
    made:description(option.help)
    if option.choices then made:choices(option.choices) end
    if option.convert then made:convert(option.convert) end
    if option.required then made:count(1) end
    if option.many then
        made:count("*"):action("append")
    elseif option.arg then
        made:overwrite(false)
    end
    return made
end

local function add_argument(parser, argument)
    parser:argument(argument.name):args(argument.args):argname(argument.show):description(argument.help)
end

local function add_command(parser, spec)
    local command = parser:command(spec.name):summary(spec.summary):description(spec.description)
        :usage("Usage: " .. spec.usage):epilog("Example:\n   " .. spec.example):hidden(spec.hidden or false)
    command:add_help(false)
    for _, argument in ipairs(spec.arguments) do
        add_argument(command, argument)
    end
    for _, group in ipairs(options.groups(spec)) do
        local made = {}
        for i, option in ipairs(group[2]) do
            made[i] = add_option(command, option)
        end
        if group[1] ~= "Options" then command:group(group[1], unpack(made)) end
    end
    add_help(command)
end

local function root()
    local parser = argparse("leadscore")
        :description("Scores contacts, companies and deals from score definitions, exactly, and says why.")
        :usage("Usage: leadscore COMMAND DEFINITION... [inputs] [options]")
        :epilog("Try `leadscore demo` first; `leadscore COMMAND --help` shows each command with an example.")
        :command_target("command"):help_max_width(WIDTH):help_description_margin(MARGIN)
    parser:add_help(false)
    parser:flag("--version"):description("Shows the version."):action(function()
        local core = require("leadscore.core")
        print_and_end(("leadscore %s (language %d, Unicode %s)"):format(core.version, core.language,
            core.unicode_version))
    end)
    add_help(parser)
    return parser
end

local function usage_error(parser, message)
    local name = parser:_get_fullname()
    message = message:gsub("\nDid you mean one of these: (.*)%?$", " (did you mean one of %1?)")
        :gsub("\nDid you mean (.*)%?$", " (did you mean %1?)"):gsub("%s*\n%s*", " ")
    stop.with(stop.USAGE, ("%s: %s; see %s --help"):format(name, message, name))
end

-- The arguments by name, with the command's name as `command`.
function M.parse(argv)
    local words = {}
    for i, word in ipairs(argv) do
        words[i] = word
    end
    if words[1] == "help" then words = { words[2] or "--help", words[2] and "--help" } end
    local parser = root()
    for _, spec in ipairs(options.commands) do
        add_command(parser, spec)
    end
    parser.error = usage_error
    local args = parser:parse(words)
    for name, value in pairs(args) do
        -- A repeatable option that is not given.
        if type(value) == "table" and next(value) == nil then args[name] = nil end
    end
    return args
end

return M
