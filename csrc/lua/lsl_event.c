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

static size_t mix_address(const void *text)
{
    return (size_t)((uint64_t)(uintptr_t)text * UINT64_C(0x9e3779b97f4a7c15) >> 40);
}

/* What tells the text at index from all others; NULL: nothing does, or it is no text at all. */
LS_INLINE const void *address_of(lua_State *L, const lsl_event_reader *reader, int index)
{
    if (LS_LIKELY(reader->points))
        return lua_topointer(L, index);
    return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
}

void lsl_event_remember(lsl_event_reader *reader, const lsl_event *event, uint32_t code)
{
    const void *address = event->name_address;
    reader->names[mix_address(address) & (LSL_KNOWN_NAMES - 1)] =
        (struct lsl_event_name){address, code};
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

/* Its code is enough where the name came before. A name that is given twice is not usual. */
LS_INLINE bool take_name(lua_State *L, const lsl_event_reader *reader, lsl_event *out)
{
    const void *address = address_of(L, reader, -1);
    const struct lsl_event_name *known =
        &reader->names[mix_address(address) & (LSL_KNOWN_NAMES - 1)];
    if (out->named)
        return false;
    out->named = true;
    out->name = NULL;
    out->name_address = address;
    out->name_code = known->code;
    if (LS_LIKELY(address != NULL && known->address == address))
        return true;
    if (lua_type(L, -1) != LUA_TSTRING)
        return false;
    out->name = lua_tolstring(L, -1, &out->name_length);
    return true;
}

static bool has_zero(lua_State *L)
{
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    return memchr(text, '\0', length) != NULL;
}

/* The value of the field on top of the stack. A time that is given twice is not usual. */
LS_INLINE bool take(lua_State *L, const lsl_event_reader *reader, size_t field, lsl_event *out)
{
    if (field == LSL_FIELD_EVENT)
        return take_name(L, reader, out);
    int type = lua_type(L, -1);
    if (field == LSL_FIELD_AT)
        return !out->at_number && out->at_text == NULL && take_time(L, type, out);
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

/* The pair on top of the stack, whose key did not come before: a name, or a place of the short form
 * { NAME, AT }. */
static bool take_new(lua_State *L, lsl_event_reader *reader, struct lsl_event_key *known,
                     const void *address, lsl_event *out)
{
    int type = lua_type(L, -2);
    if (LS_LIKELY(type == LUA_TSTRING)) {
        size_t length;
        const char *name = lua_tolstring(L, -2, &length);
        *known = (struct lsl_event_key){address, find_field(reader, name, length)};
        return take(L, reader, known->field, out);
    }
    bool whole = reader->fields[LSL_FIELD_CONTACT].name != NULL; /* the short form has no contact */
    lua_Number place = type == LUA_TNUMBER && !whole ? lua_tonumber(L, -2) : 0;
    return (place == 1 && take(L, reader, LSL_FIELD_EVENT, out)) ||
           (place == 2 && take(L, reader, LSL_FIELD_AT, out));
}

LS_INLINE bool take_pair(lua_State *L, lsl_event_reader *reader, lsl_event *out)
{
    const void *address = address_of(L, reader, -2);
    struct lsl_event_key *known = &reader->keys[mix_address(address) & (LSL_KNOWN_KEYS - 1)];
    return LS_LIKELY(address != NULL && known->address == address)
               ? take(L, reader, known->field, out)
               : take_new(L, reader, known, address, out);
}

bool lsl_event_read(lua_State *L, int index, lsl_event_reader *reader, lsl_event *out)
{
    out->at_text = out->contact = NULL;
    out->named = out->at_number = false;
    out->count = 0;
    lua_pushnil(L);
    for (; lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (LS_UNLIKELY(!take_pair(L, reader, out))) {
            lua_pop(L, 2);
            return false;
        }
    }
    return out->named && (out->at_number || out->at_text != NULL);
}
