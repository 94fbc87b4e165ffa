/* What differs between the Lua versions: 5.4, 5.3 and the 5.1 interface, which LuaJIT shares. A
 * module built against the headers of 5.1 runs under LuaJIT too, so nothing here may depend on
 * which of the two it is. Functions rather than macros, so that arguments are evaluated once. */
#ifndef LSL_COMPAT_H
#define LSL_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdbool.h>
#include <stdint.h>

#if LUA_VERSION_NUM != 501 && LUA_VERSION_NUM != 503 && LUA_VERSION_NUM != 504
#error "leadscore is for Lua 5.4, 5.3, 5.1 and LuaJIT"
#endif

#define LSL_HAS_INTEGERS (LUA_VERSION_NUM >= 503)
/* The largest whole number that a double surely holds. */
#define LSL_EXACT INT64_C(9007199254740992)

static inline size_t lsl_rawlen(lua_State *L, int index)
{
#if LUA_VERSION_NUM == 501
    return lua_objlen(L, index);
#else
    return lua_rawlen(L, index);
#endif
}

/* Whether lua_topointer tells texts from each other: in 5.4 and LuaJIT it does, in others it is
 * NULL for all of them. */
static inline bool lsl_points_at_texts(lua_State *L)
{
    lua_pushliteral(L, "text");
    bool points = lua_topointer(L, -1) != NULL;
    lua_pop(L, 1);
    return points;
}

static inline bool lsl_is_integer(lua_State *L, int index)
{
#if LSL_HAS_INTEGERS
    return lua_isinteger(L, index) != 0;
#else
    (void)L;
    (void)index;
    return false;
#endif
}

/* A 64-bit integer as a Lua number: exact up to 2^53 on 5.1, always on 5.3 and later. */
static inline void lsl_push_integer(lua_State *L, int64_t number)
{
#if LSL_HAS_INTEGERS
    lua_pushinteger(L, (lua_Integer)number);
#else
    lua_pushnumber(L, (lua_Number)number);
#endif
}

/* A userdata with room for one Lua value beside it: see lsl_set_kept. */
static inline void *lsl_new_userdata(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 1);
#else
    return lua_newuserdata(L, size);
#endif
}

/* Pops a table and keeps it with the userdata at index. */
static inline void lsl_set_kept(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 504
    lua_setiuservalue(L, index, 1);
#elif LUA_VERSION_NUM >= 502
    lua_setuservalue(L, index);
#else
    lua_setfenv(L, index);
#endif
}

/* Pushes the table that the userdata at index keeps. Allocates nothing. */
static inline void lsl_get_kept(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 504
    lua_getiuservalue(L, index, 1);
#elif LUA_VERSION_NUM >= 502
    lua_getuservalue(L, index);
#else
    lua_getfenv(L, index);
#endif
}

/* Makes the table on top of the stack the global environment of the function at index; pops it. */
static inline void lsl_set_environment(lua_State *L, int index)
{
#if LUA_VERSION_NUM == 501
    lua_setfenv(L, index);
#else
    if (lua_setupvalue(L, index, 1) == NULL)
        lua_pop(L, 1);
#endif
}

/* Runs a C function without arguments in protected mode, on a state that may be out of memory. */
static inline int lsl_protected_call(lua_State *L, lua_CFunction function)
{
#if LUA_VERSION_NUM == 501
    return lua_cpcall(L, function, NULL);
#else
    lua_pushcfunction(L, function);
    return lua_pcall(L, 0, 0, 0);
#endif
}

/* Loads text, never bytecode: of 5.1 and LuaJIT the caller has refused what begins like bytecode.
 */
static inline int lsl_load(lua_State *L, lua_Reader reader, void *data, const char *name)
{
#if LUA_VERSION_NUM == 501
    return lua_load(L, reader, data, name);
#else
    return lua_load(L, reader, data, name, "t");
#endif
}

#endif
