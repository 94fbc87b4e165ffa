rockspec_format = "3.0"
package = "leadscore"
version = "0.1.0-1"

source = {
    -- The release's source archive. `luarocks make` builds from the tree it is called in.
    url = "file://leadscore-0.1.0.tar.gz",
    dir = "leadscore-0.1.0",
}

description = {
    summary = "Exact, explainable lead scoring",
    detailed = [[
Scores contacts from definitions written as plain Lua tables: exact decimal points, decay, limits and labels, and a
reason for every point. A C core, a Lua module and a command that reads CSV and NDJSON.]],
    license = "MIT",
    labels = { "crm", "scoring", "marketing" },
}

supported_platforms = { "linux" }

dependencies = {
    "lua >= 5.1, < 5.5",
    "argparse >= 0.7",
    "luafilesystem >= 1.8",
}

external_dependencies = {
    UTF8PROC = { header = "utf8proc.h" },
    XXHASH = { header = "xxhash.h" },
    YAJL = { header = "yajl/yajl_parse.h" },
    ZLIB = { header = "zlib.h" },
}

-- The Makefile's own build, for the one Lua that luarocks names, so that a rock is what `make install` installs.
build = {
    type = "make",
    build_target = "rock",
    install_target = "rock-install",
    variables = {
        LUA_INCDIR = "$(LUA_INCDIR)",
        CPPFLAGS = "-I$(UTF8PROC_INCDIR) -I$(XXHASH_INCDIR) -I$(YAJL_INCDIR) -I$(ZLIB_INCDIR)",
    },
    install_variables = {
        LUA_INCDIR = "$(LUA_INCDIR)",
        BINDIR = "$(BINDIR)",
        LIBDIR = "$(LIBDIR)",
        LUADIR = "$(LUADIR)",
    },
}
