/* The module table, the small functions (texts, numbers, times, JSON) and what all files of the
 * binding share: classes, arguments, errors, buffers and places. */
#include "lsl.h"

#include "ls_json.h"
#include "ls_time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- classes --------------------------------------------------------------------------------- */

static void set_functions(lua_State *L, int context, int metatable, int methods,
                          const luaL_Reg *functions)
{
    for (; functions->name != NULL; functions++) {
        bool meta = functions->name[0] == '_' && functions->name[1] == '_';
        lua_pushstring(L, functions->name);
        lua_pushvalue(L, context);
        lua_pushcclosure(L, functions->func, 1);
        lua_rawset(L, meta ? metatable : methods);
    }
}

void lsl_class(lua_State *L, int context, const char *name, const luaL_Reg *functions)
{
    luaL_checkstack(L, 8, NULL);
    luaL_newmetatable(L, name);
    int metatable = lua_gettop(L);
    lua_newtable(L);
    set_functions(L, context, metatable, metatable + 1, functions);
    lua_setfield(L, metatable, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, metatable, "__name");
    lua_pop(L, 1);
}

void *lsl_new(lua_State *L, const char *class_name, size_t size)
{
    luaL_checkstack(L, 8, NULL);
    void *object = lsl_new_userdata(L, size);
    memset(object, 0, size);
    luaL_getmetatable(L, class_name);
    lua_setmetatable(L, -2);
    return object;
}

void *lsl_test(lua_State *L, int index, const char *class_name)
{
    void *object = lua_touserdata(L, index);
    if (object == NULL || !lua_getmetatable(L, index))
        return NULL;
    luaL_getmetatable(L, class_name);
    bool same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
    return same ? object : NULL;
}

int lsl_closed(lua_State *L, const char *what)
{
    return luaL_error(L, "leadscore: %s is closed", what);
}

/* ---- this state's context -------------------------------------------------------------------- */

typedef struct context_owner {
    ls_context *context;
} context_owner;

ls_context *lsl_context(lua_State *L)
{
    context_owner *owner = lua_touserdata(L, lua_upvalueindex(1));
    if (owner->context == NULL)
        lsl_closed(L, "the Lua state"); /* a finalizer of the state that is being closed */
    return owner->context;
}

static int close_context(lua_State *L)
{
    context_owner *owner = luaL_checkudata(L, 1, LSL_CONTEXT);
    ls_context_close(owner->context);
    owner->context = NULL;
    return 0;
}

static void push_context(lua_State *L)
{
    static const luaL_Reg functions[] = {{"__gc", close_context}, {NULL, NULL}};
    lua_pushnil(L);
    lsl_class(L, lua_gettop(L), LSL_CONTEXT, functions);
    lua_pop(L, 1);
    context_owner *owner = lsl_new(L, LSL_CONTEXT, sizeof *owner);
    if (ls_context_new(NULL, 0, &owner->context) != LS_OK)
        luaL_error(L, "not enough memory");
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const char *kind_name(ls_status status)
{
    switch (status) {
    case LS_ERROR_MEMORY: return "memory";
    case LS_ERROR_DEFINITION: return "definition";
    case LS_ERROR_INPUT: return "input";
    case LS_ERROR_IO: return "io";
    case LS_ERROR_RANGE: return "range";
    default: return "usage";
    }
}

int lsl_fail(lua_State *L, const ls_error *error)
{
    luaL_checkstack(L, 4, NULL);
    lua_pushnil(L);
    lua_createtable(L, 0, 6);
    lua_pushstring(L, error->message);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, kind_name(error->status));
    lua_setfield(L, -2, "kind");
    if (error->file[0] != '\0') {
        lua_pushstring(L, error->file);
        lua_setfield(L, -2, "file");
    }
    if (error->line != 0) {
        lsl_push_integer(L, (int64_t)error->line);
        lua_setfield(L, -2, "line");
    }
    if (error->column != 0) {
        lsl_push_integer(L, (int64_t)error->column);
        lua_setfield(L, -2, "column");
    }
    return 2;
}

int lsl_fail_memory(lua_State *L)
{
    ls_error error;
    ls_fail_memory(&error);
    return lsl_fail(L, &error);
}

int lsl_fail_system(ls_error *error, const char *name, const char *what, int number)
{
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", number);
    if (reason[0] >= 'A' && reason[0] <= 'Z' && reason[1] >= 'a')
        reason[0] = (char)(reason[0] - 'A' + 'a'); /* as all messages begin */
    ls_fail_at(error, LS_ERROR_IO, name, 0, 0, "cannot %s: %s", what, reason);
    return -1;
}

/* ---- arguments ------------------------------------------------------------------------------- */

const char *lsl_check_text(lua_State *L, int index, size_t *length)
{
    luaL_checktype(L, index, LUA_TSTRING);
    return lua_tolstring(L, index, length);
}

int64_t lsl_check_integer(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TNUMBER);
#if LSL_HAS_INTEGERS
    return (int64_t)luaL_checkinteger(L, index);
#else
    lua_Number number = lua_tonumber(L, index);
    luaL_argcheck(L, floor(number) == number && fabs(number) <= (double)LSL_EXACT, index,
                  "whole number expected");
    return (int64_t)number;
#endif
}

size_t lsl_check_index(lua_State *L, int index, size_t count, const char *what)
{
    int64_t number = lsl_check_integer(L, index);
    if (number < 1 || (uint64_t)number > count) {
        char text[LSL_SHORT_TEXT];
        luaL_argerror(L, index,
                      lua_pushfstring(L, "there are %s %s", lsl_print_count(count, text), what));
    }
    return (size_t)number - 1;
}

static const char *const object_names[] = {"contact", "company", "deal", "event", NULL};

ls_object lsl_check_object(lua_State *L, int index, bool or_event)
{
    int object = luaL_checkoption(L, index, NULL, object_names);
    luaL_argcheck(L, or_event || object != LS_EVENT, index, "contact, company or deal expected");
    return (ls_object)object;
}

void lsl_push_object(lua_State *L, ls_object object)
{
    lua_pushstring(L, object_names[object]);
}

void lsl_field(lua_State *L, int table, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, table);
}

/* ---- numbers --------------------------------------------------------------------------------- */

void lsl_push_number(lua_State *L, double number)
{
    bool whole = floor(number) == number && fabs(number) <= (double)LSL_EXACT;
    if (whole && !(number == 0 && signbit(number)))
        lsl_push_integer(L, (int64_t)number);
    else
        lua_pushnumber(L, number);
}

void lsl_push_points(lua_State *L, int64_t points)
{
    if (points % LS_MILLION == 0) {
        lsl_push_integer(L, points / LS_MILLION);
    } else if (points >= -LSL_EXACT && points <= LSL_EXACT) {
        /* Both are exact doubles, so the quotient is rounded once. */
        lua_pushnumber(L, (lua_Number)points / LS_MILLION);
    } else {
        char text[LS_POINTS_TEXT];
        double number = 0;
        ls_read_number(text, ls_print_points(points, text), &number, NULL);
        lua_pushnumber(L, number);
    }
}

static void set_points(lua_State *L, const char *name, int64_t points)
{
    lsl_push_points(L, points);
    lua_setfield(L, -2, name);
}

void lsl_push_score(lua_State *L, const ls_score *score, bool combined)
{
    lua_createtable(L, 0, 6);
    lua_pushboolean(L, score->in_scope);
    lua_setfield(L, -2, "in_scope");
    if (!score->in_scope)
        return;
    lua_pushboolean(L, score->scored);
    lua_setfield(L, -2, "scored");
    if (score->empty)
        return;
    set_points(L, "value", score->value);
    if (combined) {
        set_points(L, "fit", score->fit);
        set_points(L, "engagement", score->engagement);
    }
    if (score->label != NULL) {
        lua_pushstring(L, score->label);
        lua_setfield(L, -2, "label");
    }
}

const char *lsl_print_count(uint64_t count, char buffer[LSL_SHORT_TEXT])
{
    char *p = buffer + LSL_SHORT_TEXT - 1;
    *p = '\0';
    for (int digits = 0; digits == 0 || count != 0; digits++) {
        if (digits != 0 && digits % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + count % 10);
        count /= 10;
    }
    return p;
}

const char *lsl_print_bytes(uint64_t bytes, char buffer[LSL_SHORT_TEXT])
{
    static const char *const units[] = {" bytes", " kB", " MB", " GB", " TB", " PB", " EB"};
    size_t unit = 0;
    uint64_t tenths = bytes < UINT64_MAX / 10 ? bytes * 10 : UINT64_MAX;
    for (; tenths >= 10000 && unit < 6; unit++)
        tenths = tenths / 1000 + (tenths % 1000 >= 500);
    size_t length =
        ls_print_points((int64_t)(unit == 0 ? tenths / 10 * 10 : tenths) * (LS_MILLION / 10),
                        buffer);
    memcpy(buffer + length, units[unit], strlen(units[unit]) + 1);
    return buffer;
}

/* ---- buffers --------------------------------------------------------------------------------- */

static int close_buffer(lua_State *L)
{
    ls_buffer *buffer = luaL_checkudata(L, 1, LSL_BUFFER);
    if (buffer->context != NULL) {
        ls_buffer_free(buffer);
        ls_context_release(buffer->context);
        buffer->context = NULL;
    }
    return 0;
}

ls_buffer *lsl_buffer_new(lua_State *L)
{
    ls_context *context = lsl_context(L);
    ls_buffer *buffer = lsl_new(L, LSL_BUFFER, sizeof *buffer);
    buffer->context = context;
    ls_context_retain(context);
    return buffer;
}

int lsl_buffer_write(void *user, const char *bytes, size_t size)
{
    ls_buffer *buffer = user;
    ls_buffer_add(buffer, bytes, size);
    return buffer->failed ? -1 : 0;
}

void lsl_buffer_push(lua_State *L, ls_buffer *buffer)
{
    lua_pushlstring(L, buffer->length != 0 ? buffer->data : "", buffer->length);
    ls_buffer_free(buffer);
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return length != 0;
}

/* Writes the place backwards, so that what is cut off is its beginning; answers where it starts. */
typedef struct backwards {
    char *start, *p;
} backwards;

static void put_back(backwards *out, const char *text, size_t length)
{
    size_t room = (size_t)(out->p - out->start);
    size_t taken = length < room ? length : room;
    out->p -= taken;
    memcpy(out->p, text + (length - taken), taken);
}

static void put_back_place(backwards *out, const lsl_place *place)
{
    if (place->key == NULL) {
        char index[32];
        int length = snprintf(index, sizeof index, "[%" PRId64 "]", place->index);
        put_back(out, index, (size_t)length);
    } else if (is_name(place->key, place->length)) {
        put_back(out, place->key, place->length);
        if (place->parent != NULL && place->parent->parent != NULL)
            put_back(out, ".", 1);
    } else {
        put_back(out, "\"]", 2);
        put_back(out, place->key, place->length);
        put_back(out, "[\"", 2);
    }
}

void lsl_place_text(const lsl_place *place, char buffer[LSL_PLACE_TEXT])
{
    backwards out = {buffer, buffer + LSL_PLACE_TEXT - 1};
    for (; place != NULL && place->parent != NULL; place = place->parent)
        put_back_place(&out, place);
    size_t length = (size_t)(buffer + LSL_PLACE_TEXT - 1 - out.p);
    bool cut = out.p == buffer;
    memmove(buffer, out.p, length);
    buffer[length] = '\0';
    if (cut)
        memcpy(buffer, "...", 3);
}

/* ---- texts, numbers, times ------------------------------------------------------------------- */

typedef struct small_text {
    char *text;
    size_t length;
} small_text;

/* An ls_writer; folding writes once. */
static int write_small(void *user, const char *bytes, size_t size)
{
    small_text *small = user;
    if (size > LSL_SMALL_TEXT)
        return -1;
    memcpy(small->text, bytes, size);
    small->length = size;
    return 0;
}

bool lsl_fold_small(ls_context *context, const char *text, size_t length,
                    char buffer[LSL_SMALL_TEXT], size_t *folded)
{
    small_text small = {buffer, 0};
    ls_error error;
    if (length > LSL_SMALL_TEXT ||
        ls_fold_text(context, text, length, write_small, &small, &error) != LS_OK)
        return false;
    *folded = small.length;
    return true;
}

static int fold(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    char small[LSL_SMALL_TEXT];
    if (lsl_fold_small(lsl_context(L), text, length, small, &length)) {
        lua_pushlstring(L, small, length);
        return 1;
    }
    ls_buffer *buffer = lsl_buffer_new(L);
    ls_error error;
    if (ls_fold_text(lsl_context(L), text, length, lsl_buffer_write, buffer, &error) != LS_OK)
        return lsl_fail(L, &error);
    lsl_buffer_push(L, buffer);
    return 1;
}

/* width(text) -> columns in a terminal */
static int width(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    lsl_push_integer(L, (int64_t)ls_text_width(text, length));
    return 1;
}

static int read_time(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    int64_t from, until;
    if (ls_read_time(text, length, &from, &until, NULL) != LS_OK) {
        lua_pushnil(L);
        return 1;
    }
    lsl_push_integer(L, from);
    lsl_push_integer(L, until);
    return 2;
}

static int read_number(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    double number;
    if (ls_read_number(text, length, &number, NULL) == LS_OK)
        lsl_push_number(L, number);
    else
        lua_pushnil(L);
    return 1;
}

size_t lsl_print_number(lua_State *L, int index, char buffer[LS_NUMBER_TEXT])
{
    double number = (double)lua_tonumber(L, index);
    if (lsl_is_integer(L, index) && fabs(number) >= (double)LSL_EXACT)
        return (size_t)snprintf(buffer, LS_NUMBER_TEXT, "%" PRId64,
                                (int64_t)lua_tointeger(L, index));
    return ls_print_number(number, buffer);
}

static int print_number(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TNUMBER);
    double number = (double)lua_tonumber(L, 1);
    if (isfinite(number)) {
        char text[LS_NUMBER_TEXT];
        lua_pushlstring(L, text, lsl_print_number(L, 1, text));
    } else {
        lua_pushstring(L, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
    }
    return 1;
}

static int print_points(lua_State *L)
{
    char text[LS_POINTS_TEXT];
    lua_pushlstring(L, text, ls_print_points(lsl_check_integer(L, 1), text));
    return 1;
}

static int print_time(lua_State *L)
{
    int64_t at = lsl_check_integer(L, 1);
    luaL_argcheck(L, at >= LS_TIME_MIN && at <= LS_TIME_MAX, 1, "year 1 to 9999 expected");
    char text[LS_TIME_TEXT];
    lua_pushlstring(L, text, ls_print_time(at, text));
    return 1;
}

static int fingerprint(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    char digits[33];
    ls_fingerprint(text, length, digits);
    lua_pushlstring(L, digits, 32);
    return 1;
}

/* Nesting is bounded because reading and converting recurse; values because a small text can ask
 * for much. */
#define JSON_DEPTH 64
#define JSON_MAX_DEPTH 200
#define JSON_VALUES 1000000

/* ---- plain data ------------------------------------------------------------------------------ */

typedef struct plain_scan {
    lua_State *L;
    size_t depth, values; /* that are left */
} plain_scan;

static bool is_plain_number(lua_State *L, int index)
{
    return isfinite((double)lua_tonumber(L, index)) != 0;
}

static bool is_plain_table(plain_scan *scan);

static bool is_plain_value(plain_scan *scan)
{
    switch (lua_type(scan->L, -1)) {
    case LUA_TSTRING:
    case LUA_TBOOLEAN: return true;
    case LUA_TNUMBER: return is_plain_number(scan->L, -1);
    case LUA_TLIGHTUSERDATA: return lua_touserdata(scan->L, -1) == NULL; /* null */
    case LUA_TTABLE: return is_plain_table(scan);
    default: return false;
    }
}

static bool is_plain_key(lua_State *L)
{
    int kind = lua_type(L, -2);
    return kind == LUA_TSTRING || kind == LUA_TBOOLEAN ||
           (kind == LUA_TNUMBER && is_plain_number(L, -2));
}

/* The table on top. One that holds itself is too deep. */
static bool is_plain_table(plain_scan *scan)
{
    lua_State *L = scan->L;
    if (scan->depth == 0 || !lua_checkstack(L, 4))
        return false;
    if (lua_getmetatable(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    scan->depth--;
    bool plain = true;
    lua_pushnil(L);
    while (plain && lua_next(L, -2) != 0) {
        plain = scan->values-- != 0 && is_plain_key(L) && is_plain_value(scan);
        lua_pop(L, 1 + !plain);
    }
    scan->depth++;
    return plain;
}

/* plain_values(table, depth, values): how many values it holds when it is plain data of at most so
 * much depth and so many values, nil when it is not: what is wrong is for the caller to find. */
static int plain_values(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int64_t depth = lsl_check_integer(L, 2), values = lsl_check_integer(L, 3);
    luaL_argcheck(L, depth >= 0 && depth <= JSON_MAX_DEPTH, 2, "bound out of range");
    luaL_argcheck(L, values >= 0 && values <= INT32_MAX, 3, "bound out of range");
    lua_settop(L, 1);
    plain_scan scan = {L, (size_t)depth, (size_t)values};
    if (is_plain_table(&scan))
        lsl_push_integer(L, values - (int64_t)scan.values);
    else
        lua_pushnil(L);
    return 1;
}

/* list_length(value): the number of elements of a table that is a list and nothing else, else nil.
 */
static int list_length(lua_State *L)
{
    size_t count = 0, length = lua_istable(L, 1) ? lsl_rawlen(L, 1) : 0;
    lua_settop(L, 1);
    if (length != 0) {
        lua_rawgeti(L, 1, 1);
        bool list = !lua_isnil(L, -1);
        lua_settop(L, 1);
        lua_pushnil(L);
        for (; list && count <= length && lua_next(L, 1) != 0; count++)
            lua_pop(L, 1);
    }
    if (length != 0 && count == length)
        lsl_push_integer(L, (int64_t)length);
    else
        lua_pushnil(L);
    return 1;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* A number's digits without leading and trailing zeros, and the power of ten of the first of them.
 */
typedef struct decimal {
    const char *first, *last; /* NULL: zero */
    int64_t power;
    bool negative;
} decimal;

static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    int64_t exponent = 0;
    for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
        if (exponent < 1000000)
            exponent = exponent * 10 + (*p - '0');
    return negative ? -exponent : exponent;
}

/* text is a number by JSON's grammar. */
static decimal read_decimal(const char *text, size_t length)
{
    const char *end = text + length, *p = text;
    decimal number = {NULL, NULL, 0, *p == '-'};
    bool fraction = false;
    for (p += number.negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if (*p != '0' && number.first == NULL)
            number.first = p;
        if (*p != '0')
            number.last = p;
        number.power += number.first != NULL ? !fraction : -(int64_t)fraction;
    }
    if (p < end)
        number.power += read_exponent(p + 1, end);
    return number;
}

static bool same_decimal(decimal a, decimal b)
{
    if (a.first == NULL || b.first == NULL)
        return a.first == b.first;
    if (a.power != b.power || a.negative != b.negative)
        return false;
    const char *p = a.first, *q = b.first;
    for (; p <= a.last && q <= b.last; p++, q++) {
        p += *p == '.';
        q += *q == '.';
        if (*p != *q)
            return false;
    }
    return p > a.last && q > b.last;
}

/* The double of a JSON number; false if the double is another number than the text. */
static bool exact_number(ls_string text, double *out)
{
    char printed[LS_NUMBER_TEXT];
    if (ls_read_number(text.text, text.length, out, NULL) != LS_OK)
        return false;
    size_t length = ls_print_number(*out, printed);
    return same_decimal(read_decimal(text.text, text.length), read_decimal(printed, length));
}

static int close_arena(lua_State *L)
{
    ls_arena *arena = luaL_checkudata(L, 1, LSL_ARENA);
    if (arena->context != NULL) {
        ls_arena_free(arena);
        ls_context_release(arena->context);
        arena->context = NULL;
    }
    return 0;
}

static bool push_json(lua_State *L, const ls_json *json, const lsl_place *place, ls_error *error);

static bool push_json_number(lua_State *L, const ls_json *json, const lsl_place *place,
                             ls_error *error)
{
    double number;
    if (exact_number(json->text, &number)) {
        lsl_push_number(L, number == 0 ? 0 : number);
        return true;
    }
    char text[LSL_PLACE_TEXT];
    lsl_place_text(place, text);
    int shown = json->text.length < 60 ? (int)json->text.length : 60;
    ls_fail(error, LS_ERROR_INPUT, "%s%snumber %.*s cannot be kept exactly", text,
            text[0] != '\0' ? ": " : "", shown, json->text.text);
    return false;
}

static bool push_json_children(lua_State *L, const ls_json *json, const lsl_place *place,
                               ls_error *error)
{
    bool object = json->kind == LS_JSON_OBJECT;
    int count = json->count < INT32_MAX ? (int)json->count : INT32_MAX;
    luaL_checkstack(L, 4, "JSON is nested too deeply");
    lua_createtable(L, object ? 0 : count, object ? count : 0);
    int index = 1;
    for (const ls_json *child = json->first; child != NULL; child = child->next, index++) {
        lsl_place inner = {place, object ? child->key.text : NULL, child->key.length, index};
        if (object)
            lua_pushlstring(L, child->key.text, child->key.length);
        if (!push_json(L, child, &inner, error))
            return false;
        if (object)
            lua_rawset(L, -3);
        else
            lua_rawseti(L, -2, index);
    }
    return true;
}

/* Pushes a value; false with the error filled leaves the stack as it got. */
static bool push_json(lua_State *L, const ls_json *json, const lsl_place *place, ls_error *error)
{
    switch (json->kind) {
    case LS_JSON_NULL: lua_pushlightuserdata(L, NULL); return true;
    case LS_JSON_FALSE: lua_pushboolean(L, 0); return true;
    case LS_JSON_TRUE: lua_pushboolean(L, 1); return true;
    case LS_JSON_TEXT: lua_pushlstring(L, json->text.text, json->text.length); return true;
    case LS_JSON_NUMBER: return push_json_number(L, json, place, error);
    default: return push_json_children(L, json, place, error);
    }
}

static size_t check_bound(lua_State *L, int index, size_t usual, size_t most)
{
    if (lua_isnoneornil(L, index))
        return usual;
    int64_t bound = lsl_check_integer(L, index);
    luaL_argcheck(L, bound >= 1 && (uint64_t)bound <= most, index, "bound out of range");
    return (size_t)bound;
}

static int json_decode(lua_State *L)
{
    size_t length;
    const char *text = lsl_check_text(L, 1, &length);
    size_t depth = check_bound(L, 2, JSON_DEPTH, JSON_MAX_DEPTH);
    size_t values = check_bound(L, 3, JSON_VALUES, INT32_MAX);
    ls_context *context = lsl_context(L);
    ls_arena *arena = lsl_new(L, LSL_ARENA, sizeof *arena);
    arena->context = context;
    ls_context_retain(context);
    ls_json *json;
    ls_error error;
    if (ls_json_read(arena, text, length, depth, values, &json, &error) != LS_OK)
        return lsl_fail(L, &error);
    lsl_place outermost = {NULL, NULL, 0, 0};
    if (!push_json(L, json, &outermost, &error))
        return lsl_fail(L, &error);
    ls_arena_free(arena);
    return 1;
}

/* ---- the module ------------------------------------------------------------------------------ */

static void open_classes(lua_State *L, int context)
{
    static const luaL_Reg buffer[] = {{"__gc", close_buffer}, {NULL, NULL}};
    static const luaL_Reg arena[] = {{"__gc", close_arena}, {NULL, NULL}};
    lsl_class(L, context, LSL_BUFFER, buffer);
    lsl_class(L, context, LSL_ARENA, arena);
    lsl_open_plan(L, context);
    lsl_open_ledger(L, context);
    lsl_open_dataset(L, context);
    lsl_open_job(L, context);
    lsl_open_result(L, context);
    lsl_open_output(L, context);
    lsl_open_append(L, context);
    lsl_open_log(L, context);
    lsl_open_system(L, context);
    lsl_open_sandbox(L, context);
}

static const luaL_Reg module_functions[] = {
    {"fold", fold},
    {"width", width},
    {"read_time", read_time},
    {"read_number", read_number},
    {"print_number", print_number},
    {"print_points", print_points},
    {"print_time", print_time},
    {"fingerprint", fingerprint},
    {"json_decode", json_decode},
    {"plain_values", plain_values},
    {"list_length", list_length},
    {"canonical", lsl_canonical},
    {"sandbox", lsl_sandbox},
    {"plan", lsl_plan_new},
    {"dataset", lsl_dataset_new},
    {"ledger", lsl_ledger_new},
    {"output", lsl_output_new},
    {"append", lsl_append_new},
    {"log_reader", lsl_log_reader_new},
    {"interrupts", lsl_interrupts_new},
    {"terminal", lsl_terminal},
    {"wait_readable", lsl_wait_readable},
    {"file_identity", lsl_file_identity},
    {"clock", lsl_clock},
    {"now", lsl_now},
    {NULL, NULL},
};

LS_API int luaopen_leadscore_core(lua_State *L);

int luaopen_leadscore_core(lua_State *L)
{
    push_context(L);
    int context = lua_gettop(L);
    open_classes(L, context);
    lua_newtable(L);
    int module = context + 1;
    set_functions(L, context, module, module, module_functions);
    lua_pushstring(L, ls_version());
    lua_setfield(L, module, "version");
    lua_pushstring(L, ls_unicode_version());
    lua_setfield(L, module, "unicode_version");
    lua_pushinteger(L, LS_LANGUAGE);
    lua_setfield(L, module, "language");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, module, "null");
    return 1;
}
