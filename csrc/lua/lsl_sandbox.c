/* Runs a definition file, which is untrusted Lua, and copies the table it returns.
 *
 * The file runs in a Lua state of its own that holds nothing of the caller's. Three meters watch
 * it: a capped allocator, a count hook for steps, and both of them look at the clock. Once a limit
 * is reached it stays reached: the allocator refuses everything, the hook raises again each time,
 * and as the file has neither pcall nor coroutines nor metatables there is nothing that could catch
 * the error or outlive it.
 *
 * The library is what a C call can finish soon, because no hook stops a C function: no patterns, no
 * rep, no format. Whatever would loop over a table in C (insert, remove, concat, sort with its
 * comparisons) is written in Lua below, where the hook sees it. The compiler is fed in small pieces
 * between which the clock is looked at, and the words whose resolution is quadratic in it are
 * counted before.
 *
 * The result leaves as a flat text of tags and values, written inside the protected call that ran
 * the file, so that the two states never work at the same time and no error of one passes through
 * frames of the other.
 *
 * It is a guard-rail and no security boundary: a fault in the Lua interpreter itself is out of its
 * reach. */
#include "lsl.h"

#include <stdio.h>
#include <time.h>

/* The named limits. A definition of 10,000 rules and 100,000 literals stays far below each. */
#define SANDBOX_TEXT ((size_t)1024 * 1024)        /* bytes of the file */
#define SANDBOX_MEMORY ((size_t)64 * 1024 * 1024) /* bytes that its Lua state may hold */
#define SANDBOX_STEPS INT64_C(50000000)           /* instructions of the Lua machine */
#define SANDBOX_SECONDS 2                         /* of processor time, checked in both meters */
#define SANDBOX_DEPTH 32                          /* nested tables in the result */
#define SANDBOX_VALUES 1000000                    /* keys and values in the result */
#define SANDBOX_RESULT                                                                             \
    ((size_t)32 * 1024 * 1024) /* bytes of the result, repeated tables counted again */
#define SANDBOX_JUMPS                                                                              \
    20000 /* times the words break and goto occur: Lua resolves them in quadratic time */
#define SANDBOX_PIECE 512    /* bytes that the compiler gets at a time */
#define SANDBOX_INTERVAL 100 /* steps between two looks of the hook */

#define CHUNK                                                                                      \
    "definition" /* how the file is called inside; its own name is put in place in messages */
#define PRELUDE "library"

typedef enum limit { LIMIT_NONE, LIMIT_STEPS, LIMIT_MEMORY, LIMIT_SECONDS } limit;

typedef struct sandbox {
    lua_State *inner;
    bool borrowed; /* inner was made with Lua's own allocator, which is put back before it is closed
                    */
    lua_Alloc allocate;
    void *allocate_user;
    size_t memory, max_memory;
    int64_t steps, max_steps;
    int64_t seconds;
    struct timespec started; /* processor time of this thread */
    int64_t look_again;      /* monotonic nanoseconds before which the time cannot be up */
    limit reached;
    const char *name; /* of the file; the caller's, as is text */
    const char *text;
    size_t length;
    int line; /* of the error, as the message handler found it */
    ls_buffer result;
    size_t values;
    ls_error error;
    bool failed;   /* error is filled */
    char *reserve; /* what the state is opened from; NULL: none */
    size_t reserve_used;
    bool opening; /* lua_newstate is running */
} sandbox;

/* ---- the meters ------------------------------------------------------------------------------ */

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static int64_t processor_time_used(const sandbox *box)
{
    struct timespec now = box->started;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return nanoseconds(&now) - nanoseconds(&box->started);
}

/* The monotonic clock is cheap and never behind the processor's, so it says when to ask the latter:
 * a process that was stopped for a minute has not used its time. */
static bool is_time_up(sandbox *box)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (nanoseconds(&now) < box->look_again)
        return false;
    int64_t left = box->seconds * 1000000000 - processor_time_used(box);
    box->look_again = nanoseconds(&now) + left;
    return left <= 0;
}

static void start_clock(sandbox *box)
{
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &box->started);
    box->look_again = 0;
    is_time_up(box);
}

static bool may_grow(sandbox *box, size_t old_size, size_t size)
{
    if (box->reached == LIMIT_NONE && is_time_up(box))
        box->reached = LIMIT_SECONDS;
    if (box->reached == LIMIT_NONE &&
        (box->memory > box->max_memory || size - old_size > box->max_memory - box->memory))
        box->reached = LIMIT_MEMORY;
    return box->reached == LIMIT_NONE;
}

/* LuaJIT's lua_newstate (beta3 of 2022) crashes when an allocation of its own fails. What it asks
 * for is cut from one block that was allocated before, and no limit holds meanwhile, so that none
 * can. */
#define RESERVE_SIZE ((size_t)32 * 1024) /* it takes 12 KiB */

static void *take_reserve(sandbox *box, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > RESERVE_SIZE - box->reserve_used)
        return NULL;
    box->reserve_used += size;
    return box->reserve + box->reserve_used - size;
}

static bool in_reserve(const sandbox *box, const void *block)
{
    uintptr_t start = (uintptr_t)box->reserve, address = (uintptr_t)block;
    return box->reserve != NULL && address >= start && address - start < RESERVE_SIZE;
}

/* A block of the reserve is never given back on its own: it moves out when it grows. */
static void *move_from_reserve(sandbox *box, void *block, size_t old_size, size_t size)
{
    if (size <= old_size)
        return size != 0 ? block : NULL;
    void *moved = box->opening ? take_reserve(box, size) : NULL;
    if (moved == NULL)
        moved = box->allocate(box->allocate_user, NULL, 0, size);
    if (moved != NULL)
        memcpy(moved, block, old_size);
    return moved;
}

static void *allocate_raw(sandbox *box, void *block, size_t old_size, size_t size)
{
    if (in_reserve(box, block))
        return move_from_reserve(box, block, old_size, size);
    void *taken = box->opening && block == NULL && size != 0 ? take_reserve(box, size) : NULL;
    return taken != NULL ? taken : box->allocate(box->allocate_user, block, old_size, size);
}

static void free_reserve(sandbox *box)
{
    if (box->reserve != NULL)
        box->allocate(box->allocate_user, box->reserve, RESERVE_SIZE, 0);
    box->reserve = NULL;
}

/* Lua's allocator of the inner state, over the caller's. Shrinking and freeing never fail. */
static void *allocate(void *user, void *block, size_t old_size, size_t size)
{
    sandbox *box = user;
    if (block == NULL)
        old_size = 0; /* 5.4 passes the kind of object */
    if (size > old_size && !box->opening && !may_grow(box, old_size, size))
        return NULL;
    void *moved = allocate_raw(box, block, old_size, size);
    if (moved != NULL || size == 0)
        box->memory = box->memory - old_size + size;
    return moved;
}

static sandbox *sandbox_of(lua_State *inner)
{
    void *box;
    lua_getallocf(inner, &box);
    return box;
}

/* Finds the line of the definition that was running: an error need not say it, and an
 * error for want of memory cannot. A message handler too: it answers its argument. */
static int note_line(lua_State *inner)
{
    sandbox *box = sandbox_of(inner);
    lua_Debug where;
    for (int level = 0; level < 20 && lua_getstack(inner, level, &where); level++) {
        if (lua_getinfo(inner, "Sl", &where) && strcmp(where.source, "=" CHUNK) == 0) {
            box->line = where.currentline > 0 ? where.currentline : 0;
            break;
        }
    }
    return 1;
}

static void count_steps(lua_State *inner, lua_Debug *where)
{
    (void)where;
    sandbox *box = sandbox_of(inner);
    box->steps += SANDBOX_INTERVAL;
    if (box->reached == LIMIT_NONE && box->steps >= box->max_steps)
        box->reached = LIMIT_STEPS;
    if (box->reached == LIMIT_NONE && is_time_up(box))
        box->reached = LIMIT_SECONDS;
    note_line(inner);
    if (box->reached != LIMIT_NONE) {
        lua_pushnil(inner); /* what reached says is what is reported */
        lua_error(inner);
    }
}

/* ---- the library ----------------------------------------------------------------------------- */

/* pairs and next go in the order of keys (numbers, texts, booleans), so that a file means the same
 * in every run. The comparison in sort is always a Lua function, so that the hook sees every one.
 */
static const char prelude[] =
    "local G, next, sort, concat, select, type, error = ...\n"
    "local table, rank = G.table, { number = 1, string = 2, boolean = 3 }\n"
    "local function check(t, name)\n"
    "  if type(t) ~= 'table' then\n"
    "    error(name .. ': table expected, got ' .. type(t), 3)\n"
    "  end\n"
    "end\n"
    "local function before(a, b)\n"
    "  local x, y = rank[type(a)], rank[type(b)]\n"
    "  if x ~= y then return x < y end\n"
    "  if x == 3 then return b and not a end\n"
    "  return a < b\n"
    "end\n"
    "local function keys(t)\n"
    "  local list, n = {}, 0\n"
    "  for key in next, t do\n"
    "    if not rank[type(key)] then\n"
    "      error('a key that is a ' .. type(key) .. ' has no order', 3)\n"
    "    end\n"
    "    n = n + 1\n"
    "    list[n] = key\n"
    "  end\n"
    "  sort(list, function(a, b) return before(a, b) end)\n"
    "  return list\n"
    "end\n"
    "function G.pairs(t)\n"
    "  check(t, 'pairs')\n"
    "  local list, i = keys(t), 0\n"
    "  return function()\n"
    "    while true do\n"
    "      i = i + 1\n"
    "      local key = list[i]\n"
    "      if key == nil then return nil end\n"
    "      local value = t[key]\n"
    "      if value ~= nil then return key, value end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "function G.next(t, key)\n"
    "  check(t, 'next')\n"
    "  local list, i = keys(t), 0\n"
    "  if key ~= nil then\n"
    "    repeat i = i + 1 until list[i] == key or list[i] == nil\n"
    "  end\n"
    "  key = list[i + 1]\n"
    "  if key ~= nil then return key, t[key] end\n"
    "end\n"
    "function table.insert(t, position, ...)\n"
    "  check(t, 'insert')\n"
    "  local n, value = #t + 1, ...\n"
    "  if select('#', ...) == 0 then position, value = n, position end\n"
    "  if type(position) ~= 'number' or position < 1 or position > n or position % 1 ~= 0 then\n"
    "    error('insert: the position is out of bounds', 2)\n"
    "  end\n"
    "  for i = n, position + 1, -1 do t[i] = t[i - 1] end\n"
    "  t[position] = value\n"
    "end\n"
    "function table.remove(t, position)\n"
    "  check(t, 'remove')\n"
    "  local n = #t\n"
    "  position = position or n\n"
    "  if n == 0 and position == 0 then return nil end\n"
    "  if type(position) ~= 'number' or position < 1 or position > n + 1 or position % 1 ~= 0 "
    "then\n"
    "    error('remove: the position is out of bounds', 2)\n"
    "  end\n"
    "  local value = t[position]\n"
    "  for i = position, n do t[i] = t[i + 1] end\n"
    "  return value\n"
    "end\n"
    "function table.concat(t, separator, first, last)\n"
    "  check(t, 'concat')\n"
    "  local pieces, n = {}, 0\n"
    "  last = last or #t\n"
    "  for i = first or 1, last, 1000 do\n"
    "    n = n + 1\n"
    "    pieces[n] = concat(t, separator, i, i + 999 < last and i + 999 or last)\n"
    "  end\n"
    "  return concat(pieces, separator)\n"
    "end\n"
    "function table.sort(t, less)\n"
    "  check(t, 'sort')\n"
    "  if less == nil then sort(t, function(a, b) return a < b end)\n"
    "  else sort(t, function(a, b) return less(a, b) end) end\n"
    "end\n";

/* Addresses differ from run to run, so a table is only "table". */
static int to_text(lua_State *inner)
{
    luaL_checkany(inner, 1);
    switch (lua_type(inner, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
        lua_settop(inner, 1);
        lua_tostring(inner, 1);
        break;
    case LUA_TBOOLEAN: lua_pushstring(inner, lua_toboolean(inner, 1) ? "true" : "false"); break;
    default: lua_pushstring(inner, luaL_typename(inner, 1));
    }
    return 1;
}

static const char *const refused[] = {
    "io",         "os",        "debug",        "package", "require",        "load",
    "loadstring", "loadfile",  "dofile",       "pcall",   "xpcall",         "print",
    "warn",       "coroutine", "setmetatable", "rawget",  "getmetatable",   "rawset",
    "rawlen",     "rawequal",  "setfenv",      "getfenv", "collectgarbage", "_G",
    "newproxy",   "module",    "utf8",         "bit",     "bit32",          "jit",
    "ffi",        NULL,
};

/* A global that does not exist is most likely a text without quotes; nil would hide it. */
static int missing_global(lua_State *inner)
{
    const char *name = lua_type(inner, 2) == LUA_TSTRING ? lua_tostring(inner, 2) : "?";
    for (size_t i = 0; refused[i] != NULL; i++)
        if (strcmp(name, refused[i]) == 0)
            return luaL_error(inner, "%s is not available in definition files", name);
    return luaL_error(inner, "no such name: %s (a text needs quotes)", name);
}

static void open_library(lua_State *inner, const char *name, lua_CFunction open)
{
#if LUA_VERSION_NUM == 501
    lua_pushcfunction(inner, open);
    lua_pushstring(inner, name);
    lua_call(inner, 1, 0);
#else
    luaL_requiref(inner, name, open, 1);
    lua_pop(inner, 1);
#endif
}

/* Copies the named functions of the table at `from` into the one at `to`. */
static void copy_functions(lua_State *inner, int from, int to, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_getfield(inner, from, *names);
        lua_setfield(inner, to, *names);
    }
}

/* All of math but what gives other numbers in every run. */
static void copy_math(lua_State *inner, int from, int to)
{
    for (lua_pushnil(inner); lua_next(inner, from) != 0;) {
        lua_pushvalue(inner, -2);
        lua_insert(inner, -2);
        lua_rawset(inner, to);
    }
    lua_pushnil(inner);
    lua_setfield(inner, to, "random");
    lua_pushnil(inner);
    lua_setfield(inner, to, "randomseed");
}

/* Replaces library `name` in the environment at stack index 1 by a table of the given functions
 * (NULL: math). */
static void offer_library(lua_State *inner, const char *name, const char *const *names)
{
    lua_getglobal(inner, name);
    int from = lua_gettop(inner);
    lua_newtable(inner);
    if (names != NULL)
        copy_functions(inner, from, from + 1, names);
    else
        copy_math(inner, from, from + 1);
    lua_setfield(inner, 1, name);
    lua_settop(inner, from - 1);
}

static void set_metatables(lua_State *inner)
{
    lua_createtable(inner, 0, 1);
    lua_pushcfunction(inner, missing_global);
    lua_setfield(inner, -2, "__index");
    lua_setmetatable(inner, 1);
    lua_pushliteral(inner,
                    ""); /* one metatable for all strings: the library's own is left behind */
    lua_createtable(inner, 0, 1);
    lua_getfield(inner, 1, "string");
    lua_setfield(inner, -2, "__index");
    lua_setmetatable(inner, -2);
    lua_pop(inner, 1);
}

static const char *read_prelude(lua_State *inner, void *data, size_t *size)
{
    (void)inner;
    const char **rest = data;
    const char *piece = *rest;
    *rest = NULL;
    *size = piece != NULL ? sizeof prelude - 1 : 0;
    return piece;
}

static void run_prelude(lua_State *inner)
{
    const char *rest = prelude;
    if (lsl_load(inner, read_prelude, &rest, "=" PRELUDE) != 0)
        lua_error(inner);
    lua_pushvalue(inner, 1);
    lua_getglobal(inner, "next");
    lua_getglobal(inner, "table");
    int table = lua_gettop(inner);
    lua_getfield(inner, table, "sort");
    lua_getfield(inner, table, "concat");
    lua_remove(inner, table);
    lua_getglobal(inner, "select");
    lua_getglobal(inner, "type");
    lua_getglobal(inner, "error");
    lua_call(inner, 7, 0);
}

/* Leaves the environment of the definition at stack index 1. */
static void make_environment(lua_State *inner)
{
    static const char *const base[] = {"assert",   "error", "ipairs", "select",
                                       "tonumber", "type",  NULL};
    static const char *const string[] = {"byte",  "char",    "len", "lower",
                                         "upper", "reverse", "sub", NULL};
    static const char *const table[] = {NULL}; /* all of it is in the text above */
    open_library(inner, "_G", luaopen_base);
    open_library(inner, LUA_TABLIBNAME, luaopen_table);
    open_library(inner, LUA_STRLIBNAME, luaopen_string);
    open_library(inner, LUA_MATHLIBNAME, luaopen_math);
    lua_settop(inner, 0);
    lua_newtable(inner);
#if LUA_VERSION_NUM == 501
    lua_pushvalue(inner, LUA_GLOBALSINDEX);
#else
    lua_pushglobaltable(inner);
#endif
    copy_functions(inner, 2, 1, base);
    lua_settop(inner, 1);
    offer_library(inner, LUA_STRLIBNAME, string);
    offer_library(inner, LUA_TABLIBNAME, table);
    offer_library(inner, LUA_MATHLIBNAME, NULL);
    lua_pushcfunction(inner, to_text);
    lua_setfield(inner, 1, "tostring");
    run_prelude(inner);
    lua_getfield(inner, 1, "table");
#if LUA_VERSION_NUM == 501
    lua_getglobal(inner, "unpack");
#else
    lua_getglobal(inner, "table");
    lua_getfield(inner, -1, "unpack");
    lua_remove(inner, -2);
#endif
    lua_pushvalue(inner, -1);
    lua_setfield(inner, 1, "unpack");
    lua_setfield(inner, -2, "unpack");
    lua_settop(inner, 1);
    set_metatables(inner);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static int fail(sandbox *box, int line, const char *message)
{
    box->failed = true;
    return ls_fail_at(&box->error, LS_ERROR_DEFINITION, box->name, (uint64_t)line, 0, "%s",
                      message);
}

static void fail_limit(sandbox *box, int line)
{
    char text[100];
    switch (box->reached) {
    case LIMIT_STEPS:
        snprintf(text, sizeof text, "took more than %lld steps (limit)", (long long)box->max_steps);
        break;
    case LIMIT_MEMORY:
        snprintf(text, sizeof text, "took more than %zu bytes of memory (limit)", box->max_memory);
        break;
    default:
        snprintf(text, sizeof text, "took more than %lld seconds (limit)", (long long)box->seconds);
    }
    fail(box, line, text);
}

/* Takes "NAME:12: " off the front of a message; -1 if it is not there. */
static int take_line(const char **message, const char *name)
{
    size_t length = strlen(name);
    const char *p = *message;
    if (strncmp(p, name, length) != 0 || p[length] != ':')
        return -1;
    int line = 0;
    for (p += length + 1; *p >= '0' && *p <= '9' && line < INT32_MAX / 10 - 1; p++)
        line = line * 10 + (*p - '0');
    if (p[0] != ':' || p[1] != ' ')
        return -1;
    *message = p + 2;
    return line;
}

static void fail_memory(sandbox *box)
{
    ls_fail_memory(&box->error);
    box->failed = true;
}

/* The error on top of the inner stack, as a run or the compiler left it. */
static void fail_with(sandbox *box, lua_State *inner, int status)
{
    if (box->reached != LIMIT_NONE) {
        fail_limit(box, box->line);
        return;
    }
    if (status == LUA_ERRMEM) {
        fail_memory(box); /* the caller's allocator had no more */
        return;
    }
    if (lua_type(inner, -1) != LUA_TSTRING) {
        fail(box, box->line, "raised an error that is no text");
        return;
    }
    const char *message = lua_tostring(inner, -1);
    int line = take_line(&message, CHUNK);
    if (line < 0) {
        take_line(&message, PRELUDE);
        line = box->line;
    }
    fail(box, line, message);
}

static void fail_place(sandbox *box, const lsl_place *place, const char *message)
{
    char text[LSL_PLACE_TEXT], whole[LSL_PLACE_TEXT + 100];
    lsl_place_text(place, text);
    snprintf(whole, sizeof whole, "%s%s%s", text, text[0] != '\0' ? ": " : "", message);
    fail(box, 0, whole);
}

/* ---- the result goes out --------------------------------------------------------------------- */

/* Tags: N nil (ends a table), T true, F false, I int64, D double, S length and bytes, { key, value,
 * ... */
typedef struct level {
    lsl_place place;
    const struct level *parent;
    const void *table; /* NULL: the level of keys and plain values */
    int depth;
} level;

static void put(sandbox *box, char tag, const void *bytes, size_t size)
{
    ls_buffer_add(&box->result, &tag, 1);
    ls_buffer_add(&box->result, bytes, size);
}

static bool has_room(sandbox *box, const level *at, size_t size)
{
    if (++box->values > SANDBOX_VALUES)
        fail_place(box, &at->place, "the result has more than 1000000 values (limit)");
    else if (size > SANDBOX_RESULT - box->result.length)
        fail_place(box, &at->place, "the result is larger than 32 MiB (limit)");
    else if (box->result.failed)
        fail_memory(box);
    return !box->failed;
}

static bool put_number(sandbox *box, lua_State *inner)
{
    if (lsl_is_integer(inner, -1)) {
        int64_t number = (int64_t)lua_tointeger(inner, -1);
        put(box, 'I', &number, sizeof number);
    } else {
        double number = (double)lua_tonumber(inner, -1);
        put(box, 'D', &number, sizeof number);
    }
    return true;
}

static bool put_text(sandbox *box, lua_State *inner)
{
    size_t length;
    const char *text = lua_tolstring(inner, -1, &length);
    put(box, 'S', &length, sizeof length);
    ls_buffer_add(&box->result, text, length);
    return true;
}

static bool refuse(sandbox *box, const level *at, const char *what, const char *kind)
{
    char text[100];
    snprintf(text, sizeof text, what, kind);
    fail_place(box, &at->place, text);
    return false;
}

static bool put_table(sandbox *box, lua_State *inner, level *at);

/* The value on top of the stack, which it leaves there. */
static bool put_value(sandbox *box, lua_State *inner, level *at)
{
    int type = lua_type(inner, -1);
    if (!has_room(box, at, 16 + (type == LUA_TSTRING ? lsl_rawlen(inner, -1) : 0)))
        return false;
    switch (type) {
    case LUA_TBOOLEAN: put(box, lua_toboolean(inner, -1) ? 'T' : 'F', NULL, 0); return true;
    case LUA_TNUMBER: return put_number(box, inner);
    case LUA_TSTRING: return put_text(box, inner);
    case LUA_TTABLE: return put_table(box, inner, at);
    default:
        return refuse(box, at, "expected text, number, boolean or table, got %s",
                      luaL_typename(inner, -1));
    }
}

/* Names the value under the key at index -2 for messages; the key must be one that data can have.
 */
static bool name_place(sandbox *box, lua_State *inner, lsl_place *place, const level *parent)
{
    switch (lua_type(inner, -2)) {
    case LUA_TSTRING: place->key = lua_tolstring(inner, -2, &place->length); return true;
    case LUA_TBOOLEAN:
        place->key = lua_toboolean(inner, -2) ? "true" : "false";
        place->length = strlen(place->key);
        return true;
    case LUA_TNUMBER: {
        double index = (double)lua_tonumber(inner, -2);
        place->index = index >= -9e15 && index <= 9e15 ? (int64_t)index : 0;
        return true;
    }
    default: return refuse(box, parent, "a key is a %s", luaL_typename(inner, -2));
    }
}

static bool put_pair(sandbox *box, lua_State *inner, const level *parent)
{
    level child = {{&parent->place, NULL, 0, 0}, parent, NULL, parent->depth + 1};
    if (!name_place(box, inner, &child.place, parent))
        return false;
    lua_pushvalue(inner, -2);
    bool fine = put_value(box, inner, &child);
    lua_pop(inner, 1);
    return fine && put_value(box, inner, &child);
}

/* What makes a table none that can be data; a metatable cannot be there, but must never be. */
static bool check_table(sandbox *box, lua_State *inner, level *at)
{
    at->table = lua_topointer(inner, -1);
    for (const level *above = at->parent; above != NULL; above = above->parent)
        if (above->table == at->table)
            return refuse(box, at, "%s", "a table that contains itself");
    if (at->depth > SANDBOX_DEPTH)
        return refuse(box, at, "%s", "tables are nested more than 32 deep (limit)");
    if (lua_getmetatable(inner, -1))
        return refuse(box, at, "%s", "a table with a metatable");
    if (is_time_up(box)) {
        /* A table that is large and empty costs time and no values. */
        box->reached = LIMIT_SECONDS;
        fail_limit(box, 0);
        return false;
    }
    return true;
}

static bool put_table(sandbox *box, lua_State *inner, level *at)
{
    luaL_checkstack(inner, 8, NULL);
    if (!check_table(box, inner, at))
        return false;
    put(box, '{', NULL, 0);
    for (lua_pushnil(inner); lua_next(inner, -2) != 0; lua_pop(inner, 1))
        if (!put_pair(box, inner, at))
            return false;
    put(box, 'N', NULL, 0);
    return true;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Skips what editors and shells put first. What begins like bytecode must not reach the loader
 * of 5.1 and LuaJIT, and LuaJIT looks for it behind these two also. */
static void skip_start(const char **text, size_t *length)
{
    while (*length >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        *length -= 3;
    }
    if (*length != 0 && **text == '#') {
        const char *end = memchr(*text, '\n', *length);
        size_t skipped = end != NULL ? (size_t)(end - *text) : *length;
        *text += skipped; /* the line break stays, so that lines keep their numbers */
        *length -= skipped;
    }
}

static size_t count_word(const char *text, size_t length, const char *word)
{
    size_t count = 0, size = strlen(word);
    const char *end = text + length;
    while ((text = memchr(text, *word, (size_t)(end - text))) != NULL) {
        count += (size_t)(end - text) >= size && memcmp(text, word, size) == 0;
        text++;
    }
    return count;
}

static bool check_text(sandbox *box, size_t max_text)
{
    char text[100];
    if (box->length > max_text) {
        snprintf(text, sizeof text, "is longer than %zu bytes (limit)", max_text);
        fail(box, 0, text);
        return false;
    }
    skip_start(&box->text, &box->length);
    if (box->length != 0 && box->text[0] == LUA_SIGNATURE[0]) {
        fail(box, 0, "is bytecode, expected text");
        return false;
    }
    if (count_word(box->text, box->length, "break") + count_word(box->text, box->length, "goto") >
        SANDBOX_JUMPS) {
        fail(box, 0, "has the words break and goto more than 20000 times (limit)");
        return false;
    }
    return true;
}

static const char *read_text(lua_State *inner, void *data, size_t *size)
{
    (void)inner;
    sandbox *box = data;
    if (box->reached == LIMIT_NONE && is_time_up(box))
        box->reached = LIMIT_SECONDS;
    if (box->reached != LIMIT_NONE || box->length == 0)
        return NULL; /* the text seems to end here; fail_with knows better */
    const char *piece = box->text;
    *size = box->length < SANDBOX_PIECE ? box->length : SANDBOX_PIECE;
    box->text += *size;
    box->length -= *size;
    return piece;
}

/* Compiles and calls the definition; leaves its result or error on top. The environment is at
 * index 1. */
static int run_definition(sandbox *box, lua_State *inner)
{
    lua_pushcfunction(inner, note_line);
    int status = lsl_load(inner, read_text, box, "=" CHUNK);
    if (status != 0)
        return status;
    lua_pushvalue(inner, 1);
    lsl_set_environment(inner, -2);
    lua_sethook(inner, count_steps, LUA_MASKCOUNT, SANDBOX_INTERVAL);
    status = lua_pcall(inner, 0, 1, 2);
    lua_sethook(inner, NULL, 0, 0);
    return status;
}

/* Everything that touches the inner state, in one protected call of it. */
static int run_sandbox(lua_State *inner)
{
    sandbox *box = sandbox_of(inner);
    make_environment(inner);
    int status = run_definition(box, inner);
    if (status != 0 || box->reached != LIMIT_NONE) {
        fail_with(box, inner, status);
        return 0;
    }
    if (lua_type(inner, -1) != LUA_TTABLE) {
        char text[100];
        snprintf(text, sizeof text, "must return a table, got %s", luaL_typename(inner, -1));
        fail(box, 0, text);
        return 0;
    }
    level outermost = {{NULL, NULL, 0, 0}, NULL, NULL, 1};
    if (put_value(box, inner, &outermost) && box->result.failed)
        fail_memory(box);
    return 0;
}

/* A state of its own with the capped allocator. LuaJIT without GC64 refuses other allocators than
 * its own: its state is then made with that one, which the cap is put over afterwards. */
static void open_state(sandbox *box)
{
#if LUA_VERSION_NUM == 501
    box->reserve = box->allocate(box->allocate_user, NULL, 0, RESERVE_SIZE);
    if (box->reserve == NULL)
        return;
    box->opening = true;
#endif
    box->inner = lua_newstate(allocate, box);
    box->opening = false;
#if LUA_VERSION_NUM == 501
    if (box->inner != NULL || box->reached != LIMIT_NONE || box->memory != 0)
        return;
    free_reserve(box);
    box->inner = luaL_newstate();
    if (box->inner == NULL)
        return;
    box->borrowed = true;
    box->allocate = lua_getallocf(box->inner, &box->allocate_user);
    lua_setallocf(box->inner, allocate, box);
#endif
}

static void close_state(sandbox *box)
{
    if (box->inner != NULL) {
        if (box->borrowed)
            lua_setallocf(box->inner, box->allocate, box->allocate_user);
        lua_close(box->inner);
        box->inner = NULL;
    }
    free_reserve(box);
}

static void run(sandbox *box)
{
    start_clock(box);
    open_state(box);
    int status = box->inner != NULL ? lsl_protected_call(box->inner, run_sandbox) : LUA_ERRMEM;
    if (status != 0 && !box->failed) {
        if (box->reached != LIMIT_NONE)
            fail_limit(box, 0);
        else
            fail_memory(box);
    }
    close_state(box);
}

/* ---- the result comes in --------------------------------------------------------------------- */

static void take(const char **p, void *value, size_t size)
{
    memcpy(value, *p, size);
    *p += size;
}

static void push_text(lua_State *L, const char **p)
{
    size_t length;
    take(p, &length, sizeof length);
    lua_pushlstring(L, *p, length);
    *p += length;
}

static bool push_value(lua_State *L, const char **p);

static void push_table(lua_State *L, const char **p)
{
    luaL_checkstack(L, 4, NULL);
    lua_newtable(L);
    while (push_value(L, p)) {
        push_value(L, p);
        lua_rawset(L, -3);
    }
}

/* False (and nothing pushed) at the end of a table. */
static bool push_value(lua_State *L, const char **p)
{
    char tag = *(*p)++;
    int64_t integer;
    double number;
    switch (tag) {
    case 'N': return false;
    case 'I':
        take(p, &integer, sizeof integer);
        lsl_push_integer(L, integer);
        break;
    case 'D':
        take(p, &number, sizeof number);
        lua_pushnumber(L, (lua_Number)number);
        break;
    case 'S': push_text(L, p); break;
    case '{': push_table(L, p); break;
    default: lua_pushboolean(L, tag == 'T');
    }
    return true;
}

/* ---- core.sandbox(text, name, limits) -------------------------------------------------------- */

static int close_sandbox(lua_State *L)
{
    sandbox *box = luaL_checkudata(L, 1, LSL_SANDBOX);
    close_state(box);
    if (box->result.context != NULL) {
        ls_buffer_free(&box->result);
        ls_context_release(box->result.context);
        box->result.context = NULL;
    }
    return 0;
}

static int64_t limit_option(lua_State *L, const char *name, int64_t usual)
{
    if (lua_isnoneornil(L, 3))
        return usual;
    lsl_field(L, 3, name);
    int64_t chosen = lua_isnil(L, -1) ? usual : lsl_check_integer(L, lua_gettop(L));
    luaL_argcheck(L, chosen > 0, 3, "limits are positive");
    lua_pop(L, 1);
    return chosen;
}

static sandbox *new_sandbox(lua_State *L)
{
    int64_t memory = limit_option(L, "memory", (int64_t)SANDBOX_MEMORY);
    int64_t steps = limit_option(L, "steps", SANDBOX_STEPS);
    int64_t seconds = limit_option(L, "seconds", SANDBOX_SECONDS);
    luaL_argcheck(L, seconds <= 3600, 3, "more than 3600 seconds");
    ls_context *context = lsl_context(L);
    sandbox *box = lsl_new(L, LSL_SANDBOX, sizeof *box);
    box->allocate = lua_getallocf(L, &box->allocate_user);
    box->max_memory = (size_t)memory;
    box->max_steps = steps;
    box->seconds = seconds;
    box->result.context = context;
    ls_context_retain(context);
    return box;
}

int lsl_sandbox(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    const char *name = lsl_check_text(L, 2, NULL);
    if (!lua_isnoneornil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    int64_t max_text = limit_option(L, "text", (int64_t)SANDBOX_TEXT);
    sandbox *box = new_sandbox(L);
    box->name = name;
    box->text = text;
    box->length = length;
    if (check_text(box, (size_t)max_text))
        run(box);
    if (box->failed) {
        lsl_fail(L, &box->error);
        lua_pushvalue(L, 2); /* an ls_error cuts long names */
        lua_setfield(L, -2, "file");
        return 2;
    }
    const char *p = box->result.data;
    push_value(L, &p);
    ls_buffer_free(&box->result);
    return 1;
}

void lsl_open_sandbox(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {{"__gc", close_sandbox}, {NULL, NULL}};
    lsl_class(L, context, LSL_SANDBOX, functions);
}
