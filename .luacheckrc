-- Shared files run on 5.4, 5.3, LuaJIT and 5.1: only what all of them have, and what is asked for before it is used.
std = "min"
max_line_length = 120
self = false
read_globals = {
    "jit",
    "unpack",
    math = { fields = { "type", "tointeger" } },
    table = { fields = { "unpack" } },
}

files["spec"] = { std = "min+busted" }
-- The benchmark runs on 5.4 alone.
files["csrc/bench"] = { std = "lua54" }
-- What runs inside nginx.
files["lua/resty"] = { std = "ngx_lua" }
files["lua/leadscore/examples/gateway"] = { std = "ngx_lua" }
