-- For specs: folders of their own, and the real command run by a shell, so that specs say what users type.

local lfs = require("lfs")

local M = {}

M.command = os.getenv("LEADSCORE_COMMAND") or lfs.currentdir() .. "/build/leadscore"
M.root = lfs.currentdir()

local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end
M.quote = quote

-- A new empty folder.
function M.folder()
    local path = os.tmpname()
    os.remove(path)
    assert(lfs.mkdir(path))
    return path
end

function M.remove(folder)
    os.execute("rm -rf " .. quote(folder))
end

function M.read(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local text = file:read("*a")
    file:close()
    return text
end

function M.write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

-- Names in a folder, sorted.
function M.names(folder)
    local names = {}
    for name in lfs.dir(folder) do
        if name ~= "." and name ~= ".." then names[#names + 1] = name end
    end
    table.sort(names)
    return names
end

-- Runs lines of shell in a folder, where `leadscore` is the command under test. Returns { code =, out =, err = }.
function M.run(folder, lines)
    local held = os.tmpname()
    local script = ("cd %s || exit 99\nLEADSCORE=%s\nleadscore() { \"$LEADSCORE\" \"$@\"; }\n%s\n"):format(
        quote(folder), quote(M.command), lines)
    M.write(held, script)
    local pipe = assert(io.popen(("sh %s >%s.out 2>%s.err </dev/null; echo $?"):format(held, held, held)))
    local code = tonumber(pipe:read("*l"))
    pipe:close()
    local run = { code = code, out = M.read(held .. ".out"), err = M.read(held .. ".err") }
    os.remove(held)
    os.remove(held .. ".out")
    os.remove(held .. ".err")
    return run
end

return M
