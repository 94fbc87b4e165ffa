/* Reads usual events. A record has hundreds of them and each call into Lua counts: the pairs of a
 * table are gone through once, and a key is told by its address. */
#include "lsl_event.h"

#include <math.h>

#define NO_FIELD SIZE_MAX
/* Whole numbers up to this are printed alike whether they are integers or floats. */
#define MOST_ALIKE 1e15

void lsl_event_forget(lsl_event_reader *reader)
{
    memset(reader->keys, 0, sizeof reader->keys);
    memset(reader->names, 0, sizeof reader->names);
}

/* By address, then by bytes: of long texts Lua may have several copies. */
static size_t find_field(const lsl_event_reader *reader, const char *name, size_t length)
{
    for (size_t i = 0; i < reader->field_count; i++)
        if (reader->fields[i].name == name)
            return i;
    ls_string key = {name, length};
    for (size_t i = 0; i < reader->field_count; i++)
        if (reader->fields[i].name != NULL &&
            ls_string_equal(key, reader->fields[i].name, reader->fields[i].length))
            return i;
    return NO_FIELD;
}

/* The field of the key below the top of the stack. */
LS_INLINE size_t key_field(lua_State *L, lsl_event_reader *reader)
{
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    struct lsl_event_key *key = &reader->keys[lsl_mix_address(name) & (LSL_KNOWN_KEYS - 1)];
    if (LS_UNLIKELY(key->name != name)) {
        key->name = name;
        key->field = find_field(reader, name, length);
    }
    return key->field;
}

static bool take_number(lua_State *L, char *text, ls_scorer_value *out)
{
    lua_Number number = lua_tonumber(L, -1);
    if (!(fabs((double)number) < MOST_ALIKE) && (!isfinite(number) || lsl_is_integer(L, -1)))
        return false;
    out->text = text;
    out->length = ls_print_number((double)number, text);
    return true;
}

/* The value on top of the stack. */
LS_INLINE bool take_value(lua_State *L, int type, size_t field, lsl_event *out)
{
    if (out->count == LSL_EVENT_VALUES)
        return false;
    ls_scorer_value *value = &out->values[out->count++];
    value->field = field == LSL_FIELD_ID ? LS_SCORER_ID : field - LSL_FIELD_FIRST;
    if (LS_LIKELY(type == LUA_TSTRING)) {
        value->text = lua_tolstring(L, -1, &value->length);
        return true;
    }
    if (type == LUA_TNUMBER)
        return take_number(L, out->numbers[out->count - 1], value);
    bool truth = lua_toboolean(L, -1) != 0;
    value->text = truth ? "true" : "false";
    value->length = truth ? 4 : 5;
    return true;
}

LS_INLINE bool take_time(lua_State *L, int type, lsl_event *out)
{
    out->at_number = type == LUA_TNUMBER;
    if (out->at_number)
        out->at = lua_tonumber(L, -1);
    else if (type == LUA_TSTRING)
        out->at_text = lua_tolstring(L, -1, &out->at_length);
    return out->at_number || type == LUA_TSTRING;
}

static bool take_contact(lua_State *L, int type, lsl_event *out)
{
    if (type == LUA_TSTRING) {
        out->contact = lua_tolstring(L, -1, &out->contact_length);
        return true;
    }
    ls_scorer_value id;
    bool taken = type == LUA_TNUMBER && take_number(L, out->contact_number, &id);
    if (taken) {
        out->contact = id.text;
        out->contact_length = id.length;
    }
    return taken;
}

static bool has_zero(lua_State *L)
{
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    return memchr(text, '\0', length) != NULL;
}

/* The value of the field on top of the stack. Name and time that are given twice are not usual. */
LS_INLINE bool take(lua_State *L, const lsl_event_reader *reader, size_t field, lsl_event *out)
{
    int type = lua_type(L, -1);
    if (field == LSL_FIELD_AT)
        return !out->at_number && out->at_text == NULL && take_time(L, type, out);
    if (field == LSL_FIELD_EVENT) {
        out->name = type == LUA_TSTRING && out->name == NULL
                        ? lua_tolstring(L, -1, &out->name_length)
                        : NULL;
        return out->name != NULL;
    }
    if (field == LSL_FIELD_CONTACT)
        return take_contact(L, type, out);
    if (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == NULL)
        return true; /* unknown */
    if (type != LUA_TSTRING && type != LUA_TNUMBER &&
        (type != LUA_TBOOLEAN || field == LSL_FIELD_ID))
        return false;
    if (field != NO_FIELD)
        return take_value(L, type, field, out);
    if (reader->all)
        return false;
    if (type == LUA_TNUMBER && !isfinite(lua_tonumber(L, -1)))
        return false;
    /* Whether that is wrong is for whoever reads it step by step. */
    return type != LUA_TSTRING || !has_zero(L);
}

/* The pair on top of the stack: of a name, or of the short form { NAME, AT }. */
LS_INLINE bool take_pair(lua_State *L, lsl_event_reader *reader, lsl_event *out)
{
    int type = lua_type(L, -2);
    if (LS_LIKELY(type == LUA_TSTRING))
        return take(L, reader, key_field(L, reader), out);
    bool whole = reader->fields[LSL_FIELD_CONTACT].name != NULL; /* the short form has no contact */
    lua_Number place = type == LUA_TNUMBER && !whole ? lua_tonumber(L, -2) : 0;
    return (place == 1 && take(L, reader, LSL_FIELD_EVENT, out)) ||
           (place == 2 && take(L, reader, LSL_FIELD_AT, out));
}

bool lsl_event_read(lua_State *L, int index, lsl_event_reader *reader, lsl_event *out)
{
    out->name = out->at_text = out->contact = NULL;
    out->at_number = false;
    out->count = 0;
    lua_pushnil(L);
    for (; lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (LS_UNLIKELY(!take_pair(L, reader, out))) {
            lua_pop(L, 2);
            return false;
        }
    }
    return out->name != NULL && (out->at_number || out->at_text != NULL);
}
