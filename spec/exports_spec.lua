-- What the built files show and use: the module exports one name, and the core calls nothing that a library must not.

local build = os.getenv("LEADSCORE_BUILD") or "build"
local sanitized = build:match("sanitize") ~= nil

local function lines(command)
    local pipe = assert(io.popen(command .. " 2>&1"))
    local list = {}
    for line in pipe:lines() do
        list[#list + 1] = line
    end
    pipe:close()
    return list
end

local function symbols(flags, path)
    local found = {}
    for _, line in ipairs(lines(("nm %s '%s'"):format(flags, path))) do
        local kind, name = line:match("^%x*%s*(%a) ([^@%s]+)")
        if name then found[#found + 1] = { kind = kind, name = name } end
    end
    return found
end

-- Names of the C library, and why the core does not use them.
local denied = {
    ["prints"] = {
        "printf", "fprintf", "vprintf", "vfprintf", "__printf_chk", "__fprintf_chk", "__vprintf_chk",
        "__vfprintf_chk", "puts", "fputs", "putchar", "perror", "stdout", "stderr", "psignal", "warn", "syslog",
    },
    ["reads the terminal"] = { "stdin", "getchar", "gets", "scanf", "__isoc99_scanf" },
    ["ends the process"] = {
        "exit", "_exit", "_Exit", "quick_exit", "abort", "__assert_fail", "raise", "kill", "atexit", "__cxa_atexit",
    },
    ["makes a process, or remembers one"] = { "fork", "vfork", "system", "popen", "execvp", "getpid" },
    -- Not strtod and snprintf: what the core gives and takes has no decimal point, the one thing a locale changes.
    ["changes or depends on the locale"] = {
        "setlocale", "uselocale", "newlocale", "localeconv", "strtof", "strtold", "atof", "strcoll",
        "strxfrm", "strcasecmp", "strncasecmp", "tolower", "toupper", "isalpha", "isdigit", "isspace", "__ctype_b_loc",
        "__ctype_tolower_loc", "__ctype_toupper_loc", "mbstowcs", "mbrtowc", "wcrtomb", "towlower",
    },
    ["depends on the machine's clock, zone or environment"] = {
        "time", "clock_gettime", "gettimeofday", "localtime", "localtime_r", "mktime", "strftime", "strptime",
        "tzset", "getenv", "secure_getenv", "setenv", "putenv",
    },
    ["has state of its own in the process"] = {
        "rand", "srand", "random", "srandom", "drand48", "strtok", "strerror", "gmtime", "asctime", "ctime",
        "signal", "sigaction", "sigprocmask", "pthread_sigmask", "setjmp", "longjmp", "siglongjmp",
    },
    ["has no bound"] = { "gets", "strcpy", "strcat", "sprintf", "vsprintf", "alloca" },
    ["rounds as each C library likes"] = { "pow", "exp", "exp2", "log", "log2", "powl", "exp2l" },
}

describe("the built files", function()
    for _, lua in ipairs({ "5.4", "5.3", "5.1" }) do
        local path = ("%s/lua/%s/leadscore/core.so"):format(build, lua)
        local file = io.open(path, "rb")
        if file then
            file:close()
            it("export luaopen_leadscore_core alone from the module for Lua " .. lua, function()
                local exported = {}
                for _, symbol in ipairs(symbols("-D --defined-only", path)) do
                    -- The sanitizers' own registration, where built with them.
                    if not (sanitized and symbol.name:match("san")) then exported[#exported + 1] = symbol.name end
                end
                assert.same({ "luaopen_leadscore_core" }, exported)
            end)
        end
    end

    it("call nothing from the core that a library must not", function()
        local reason_of = {}
        for reason, names in pairs(denied) do
            for _, name in ipairs(names) do
                reason_of[name] = reason
            end
        end
        local wrong = {}
        local called = symbols("-u", build .. "/libleadscore.a")
        assert.is_true(#called > 0)
        for _, symbol in ipairs(called) do
            local reason = reason_of[symbol.name]
            if reason then wrong[#wrong + 1] = symbol.name .. ": " .. reason end
        end
        table.sort(wrong)
        assert.same({}, wrong)
    end)

    it("define only names that start with ls_ in the core", function()
        local wrong = {}
        for _, symbol in ipairs(symbols("-g --defined-only", build .. "/libleadscore.a")) do
            if not symbol.name:match("^ls_") and not (sanitized and symbol.name:match("^__.*san")) then
                wrong[#wrong + 1] = symbol.name
            end
        end
        assert.same({}, wrong)
    end)

    it("keep no variable of the core that could change", function()
        local wrong = {}
        for _, symbol in ipairs(sanitized and {} or symbols("--defined-only", build .. "/libleadscore.a")) do
            if symbol.kind:match("[bBdDC]") then
                -- A table of addresses is const and lies in .data.rel.ro, which nm prints as a d.
                wrong[#wrong + 1] = symbol.name
            end
        end
        local sections = {}
        for _, line in ipairs(lines(("objdump -t '%s/libleadscore.a'"):format(build))) do
            local section, name = line:match("^%x+ .......%s+([%.%w_]+)%s+%x+%s+.-([%w_%.]+)$")
            if section then sections[name] = section end
        end
        local changing = {}
        for _, name in ipairs(wrong) do
            if not (sections[name] or ""):match("^%.data%.rel%.ro") then changing[#changing + 1] = name end
        end
        assert.same({}, changing)
    end)
end)
