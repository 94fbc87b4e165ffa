/* Memory that runs out in Lua: a host runs the module in a state whose allocator fails at the N-th
 * request, for N = 1, 2, ... until each listed operation goes through without a failure; once with
 * that request and the next failing (Lua tries twice, with a collection between), and once with all
 * from it on. Each attempt may raise or answer nil and an error; it must not crash, and the state
 * must go on working and close with nothing left.
 *
 * Built for each Lua; the module comes from LUA_PATH and LUA_CPATH. From the 400th request on it
 * takes strides, with the argument "all" it takes every one. Exits 0 if all is as expected. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_ONE_UP_TO 400
/* LuaJIT writes past its stack where it cannot grow it, so that it has grown before. */
#define STACK_ROOM 2000
/* No operation here allocates more often; past it something does not end. */
#define MOST_REQUESTS 2000000

typedef struct faults {
    size_t count;   /* requests since it was armed */
    size_t fail_at; /* 1-based; 0: never */
    bool lasting;   /* all later ones fail too; else the next one */
    bool failed;    /* some did */
    size_t bytes;   /* held now */
} faults;

static void *reallocate(void *user, void *block, size_t old_size, size_t new_size)
{
    faults *state = user;
    if (block == NULL) {
        old_size = 0; /* Lua says what the block is for */
    }
    if (new_size == 0) {
        free(block);
        state->bytes -= old_size;
        return NULL;
    }
    /* Shrinking must not fail: Lua relies on it. */
    if (new_size > old_size && ++state->count >= state->fail_at && state->fail_at != 0 &&
        (state->lasting || state->count <= state->fail_at + 1)) {
        state->failed = true;
        return NULL;
    }
    void *moved = realloc(block, new_size);
    if (moved != NULL) {
        state->bytes += new_size - old_size;
    }
    return moved;
}

/* What the operations share, made before any failure. LuaJIT runs without its compiler: its trace
 * recorder of 2022 does not outlive a failed allocation, whatever code it records. */
static const char prelude[] =
    "if jit then jit.off() end\n"
    "leadscore = require('leadscore')\n"
    "source = [[return { name = 'quality', object = 'contact', limit = { max = 100 },\n"
    "  groups = {\n"
    "    { name = 'Fit', rules = {\n"
    "      { when = { industry = { 'Software', 'Finance' }, employees = { at_least = 20 } }, "
    "points = 10 },\n"
    "      { property = 'region', points_by = { Northeast = 15, Midwest = 10 } } } },\n"
    "    { name = 'Activity', rules = {\n"
    "      { event = 'call_started', points = 8, decay = { percent = 50, every = '1 month' } },\n"
    "      { event = 'page_view', where = { page = { contains = 'pricing' } }, within = '30 "
    "days',\n"
    "        times = { at_least = 1 }, points = 4 } } },\n"
    "  }, thresholds = { high = 20, medium = 10 } }]]\n"
    "table_of_it = (loadstring or load)(source)()\n"
    "base = os.tmpname()\n"
    "local function write(path, text)\n"
    "  local file = assert(io.open(path, 'w')) file:write(text) file:close() return path\n"
    "end\n"
    "lua_file = write(base .. '.lua', source)\n"
    "json_file = write(base .. '.json', [[{\"name\": \"quality\", \"groups\": [{\"name\": "
    "\"Fit\",\n"
    "  \"rules\": [{\"when\": {\"industry\": \"Software\"}, \"points\": 10.25}]}]}]])\n"
    "csv_file = write(base .. '.csv', "
    "'id,industry,employees,region\\n1,Software,30,Midwest\\n2,\"x\",,\\n')\n"
    "contacts = { { id = '1', industry = 'Software', employees = 30, region = 'Midwest' }, { id = "
    "'2' } }\n"
    "events = { { contact_id = '1', event = 'call_started', at = '2025-12-31' } }\n"
    "record = { id = '1', industry = 'Finance', employees = 30, region = 'Northeast',\n"
    "  events = { { 'call_started', '10 days ago' }, { event = 'page_view', at = 1767200000, page "
    "= 'pricing' } } }\n"
    "at = '2026-01-01'\n"
    "definition = assert(leadscore.define(table_of_it))\n"
    "dataset = assert(leadscore.dataset({ contacts = contacts, events = events }))\n"
    "result = assert(dataset:score(definition, { at = at }))\n"
    "assert(definition:score(record, at))\n";

static const char epilogue[] =
    "for _, ending in ipairs({ '', '.lua', '.json', '.csv' }) do os.remove(base .. ending) end";

static const struct operation {
    const char *name, *source; /* the source answers true, or nil and an error */
} operations[] = {
    {"require", "for name in pairs(package.loaded) do\n"
                "  if name:find('^leadscore') then package.loaded[name] = nil end\n"
                "end\n"
                "return require('leadscore').define ~= nil"},
    {"define", "local made, err = leadscore.define(table_of_it)\n"
               "return made and made:fingerprint() == definition:fingerprint(), err"},
    {"load a Lua file", "local made, err = leadscore.load(lua_file)\n"
                        "return made and made:fingerprint() == definition:fingerprint(), err"},
    {"load a JSON file", "local made, err = leadscore.load(json_file)\n"
                         "return made and made:fingerprint() ~= nil, err"},
    {"a wrong definition",
     "local made, err = leadscore.define({ name = 'X', groups = { { nam = 'y' } } })\n"
     "if made then return false end\n"
     "return tostring(err) ~= '' and type(err.errors) == 'table'"},
    {"score a record", "local score, err = definition:score(record, at)\n"
                       "return score and score.value > 0, err"},
    {"explain a record", "local explained, err = definition:explain(record, at)\n"
                         "return explained and tostring(explained) ~= '', err"},
    {"rows into a dataset",
     "local made, err = leadscore.dataset({ contacts = contacts, events = events })\n"
     "return made and made:counts() ~= nil, err"},
    {"a file into a dataset", "local made, err = leadscore.dataset({ contacts = csv_file })\n"
                              "local found = made and made:counts() ~= nil\n"
                              "if made then made:close() end\n"
                              "return found, err"},
    {"score a dataset", "local made, err = dataset:score(definition, { at = at })\n"
                        "return made and made:get('1') ~= nil, err"},
    {"iterate and rank", "local sum = 0\n"
                         "for id in result:each() do sum = sum + tonumber(id) end\n"
                         "return sum == 3 and #result:top(nil, 1) == 1"},
    {"write a result",
     "local parts = {}\n"
     "local done, err = result:write({ writer = function(text) parts[#parts + 1] = text end })\n"
     "if not done then return nil, err end\n"
     "return table.concat(parts):find('^id,quality') ~= nil"},
    {"distribution", "local made, err = result:distribution()\n"
                     "return made and made.count == 2, err"},
};

static int fail(const struct operation *operation, size_t at, const char *what, lua_State *L)
{
    const char *text = L && lua_isstring(L, -1) ? lua_tostring(L, -1) : "";
    fprintf(stderr, "%s, failing request %zu: %s %s\n", operation->name, at, what, text);
    return 1;
}

/* Calls the function that is referred to, with request `at` failing (0: none), and collects after.
 */
static int attempt(lua_State *L, const struct operation *operation, faults *state, int function,
                   size_t at)
{
    int wrong = 0, top = lua_gettop(L);
    luaL_checkstack(L, STACK_ROOM, "attempt");
    lua_rawgeti(L, LUA_REGISTRYINDEX, function);
    state->count = 0;
    state->failed = false;
    state->fail_at = at;
    int status = lua_pcall(L, 0, 2, 0);
    state->fail_at = 0;
    if (!state->failed && (status != 0 || !lua_toboolean(L, -2))) {
        if (status == 0) {
            lua_getglobal(L, "tostring");
            lua_insert(L, -2);
            lua_call(L, 1, 1);
        }
        wrong = fail(operation, at, "failed with all the memory it wants:", L);
    }
    lua_settop(L, top);
    /* What was left half made is collected now: finalizers must cope with it. */
    lua_gc(L, LUA_GCCOLLECT, 0);
    return wrong;
}

static int test(lua_State *L, const struct operation *operation, faults *state, bool lasting,
                bool all)
{
    if (luaL_loadstring(L, operation->source) != 0) {
        return fail(operation, 0, "does not compile:", L);
    }
    int function = luaL_ref(L, LUA_REGISTRYINDEX), wrong = 0;
    size_t at = 1, attempts = 0;
    state->lasting = lasting;
    state->failed = true;
#if LUA_VERSION_NUM == 501
    /* A module whose loading failed cannot be loaded again by require of 5.1, so all are loaded
     * before. */
    wrong = attempt(L, operation, state, function, 0);
    state->failed = true;
#endif
    while (state->failed && wrong == 0) {
        wrong = attempt(L, operation, state, function, at);
        attempts++;
        at += all || at < EVERY_ONE_UP_TO ? 1 : 1 + at / 50;
        if (at > MOST_REQUESTS) {
            wrong = fail(operation, at, "it does not end", NULL);
        }
    }
    /* And it still works. */
    if (wrong == 0) {
        wrong = attempt(L, operation, state, function, 0);
    }
    printf("%-22s %7zu requests, %6zu attempts%s\n", operation->name, state->count, attempts,
           lasting ? ", lasting" : "");
    luaL_unref(L, LUA_REGISTRYINDEX, function);
    return wrong;
}

static int run_text(lua_State *L, const char *text)
{
    if (luaL_loadstring(L, text) != 0 || lua_pcall(L, 0, 0, 0) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    return 0;
}

int main(int count, char **values)
{
    faults state = {0};
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what was reached is seen also after a crash */
    bool all = count > 1 && strcmp(values[1], "all") == 0;
    lua_State *L = lua_newstate(reallocate, &state);
    if (L == NULL) {
        fprintf(stderr, "no state\n");
        return 1;
    }
    luaL_openlibs(L);
    int wrong = run_text(L, prelude);
    for (size_t i = 0; wrong == 0 && i < sizeof operations / sizeof *operations; i++) {
        wrong += test(L, &operations[i], &state, false, all);
        wrong += test(L, &operations[i], &state, true, all);
    }
    run_text(L, epilogue);
    /* LuaJIT of 2022 itself loses a closure or a prototype whose allocation fails half way,
     * whatever the code: there only PUC's Lua can say that nothing is lost. Both load the same
     * module. */
    lua_getglobal(L, "jit");
    bool exact = lua_isnil(L, -1);
    lua_close(L);
    if (exact && state.bytes != 0) {
        fprintf(stderr, "%zu bytes left behind\n", state.bytes);
        wrong++;
    }
    return wrong == 0 ? 0 : 1;
}
