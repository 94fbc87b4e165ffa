/* Reads the values of records and events: texts, numbers, booleans, sets and times as a file would
 * have them, and says where a wrong one stands. */
#include "lsl_read.h"

#include "ls_time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

bool lsl_wrong(lsl_reading *record, const lsl_place *place, const char *format, ...)
{
    char text[LS_ERROR_TEXT];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    lsl_place_text(place, record->place);
    ls_fail(record->error, LS_ERROR_INPUT, "%s%s%s", record->place,
            record->place[0] != '\0' ? ": " : "", text);
    return false;
}

/* The message without the name of the property that it begins with: its place ends in that. */
static const char *without_name(const char *message, const lsl_place *place)
{
    if (place->key == NULL || strncmp(message, place->key, place->length) != 0 ||
        strncmp(message + place->length, ": ", 2) != 0)
        return message;
    return message + place->length + 2;
}

/* What the core says is wrong is put at its place. */
bool lsl_accepted(lsl_reading *record, const lsl_place *place, int status)
{
    if (status == LS_OK)
        return true;
    if (status != LS_ERROR_INPUT)
        return false;
    ls_error error = *record->error;
    return lsl_wrong(record, place, "%s", without_name(error.message, place));
}

bool lsl_is_null(lua_State *L, int index)
{
    return lua_isnil(L, index) ||
           (lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL);
}

static bool add_number(lsl_reading *record, const lsl_place *place, int index)
{
    lua_State *L = record->L;
    char text[LS_NUMBER_TEXT];
    double number = (double)lua_tonumber(L, index);
    size_t length;
    if (lsl_is_integer(L, index))
        length = (size_t)snprintf(text, sizeof text, "%" PRId64, (int64_t)lua_tointeger(L, index));
    else if (isfinite(number))
        length = ls_print_number(number, text);
    else
        return lsl_wrong(record, place, "expected a finite number");
    ls_buffer_add(record->text, text, length);
    return true;
}

/* Adds a text, number or boolean to the scratch text. */
static bool add_scalar(lsl_reading *record, const lsl_place *place, int index)
{
    lua_State *L = record->L;
    size_t length;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        ls_buffer_add(record->text, text, length);
        return true;
    case LUA_TNUMBER: return add_number(record, place, index);
    case LUA_TBOOLEAN:
        ls_buffer_add_text(record->text, lua_toboolean(L, index) ? "true" : "false");
        return true;
    default:
        return lsl_wrong(record, place, "expected text, number or boolean, got %s",
                         luaL_typename(L, index));
    }
}

/* Whether the table at index has nothing but the elements 1..n. */
bool lsl_check_array(lsl_reading *record, const lsl_place *place, int index, int64_t *count)
{
    lua_State *L = record->L;
    *count = (int64_t)lsl_rawlen(L, index);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        double key = lua_type(L, -2) == LUA_TNUMBER ? (double)lua_tonumber(L, -2) : 0;
        if (key >= 1 && key <= (double)*count && floor(key) == key)
            continue;
        lua_pop(L, 2);
        return lsl_wrong(record, place, "expected an array, got a table with other keys");
    }
    return true;
}

static bool add_set(lsl_reading *record, const lsl_place *place, int index)
{
    lua_State *L = record->L;
    int64_t count;
    if (!lsl_check_array(record, place, index, &count))
        return false;
    bool more = false;
    for (int64_t i = 1; i <= count; i++) {
        lsl_place element = {place, NULL, 0, i};
        lua_rawgeti(L, index, (int)i);
        if (!lsl_is_null(L, -1)) {
            ls_buffer_add(record->text, ";", more);
            more = true;
            if (!add_scalar(record, &element, lua_gettop(L)))
                return false;
        }
        lua_pop(L, 1);
    }
    return true;
}

/* Writes the value on top of the stack into the scratch text, as a file would have it. */
bool lsl_read_value(lsl_reading *record, const lsl_place *place)
{
    ls_buffer *text = record->text;
    int index = lua_gettop(record->L);
    text->length = 0;
    bool fine = lua_istable(record->L, index) ? add_set(record, place, index)
                                              : add_scalar(record, place, index);
    if (fine && text->failed) {
        ls_buffer_free(text);
        ls_fail_memory(record->error);
        return false;
    }
    return fine;
}

/* ---- times ----------------------------------------------------------------------------------- */

static bool take_word(ls_string *text, ls_string *word)
{
    while (text->length != 0 && *text->text == ' ') {
        text->text++;
        text->length--;
    }
    word->text = text->text;
    word->length = 0;
    while (text->length != 0 && *text->text != ' ') {
        text->text++;
        text->length--;
        word->length++;
    }
    return word->length != 0;
}

static bool read_count(ls_string word, int64_t *out)
{
    *out = 0;
    if (word.length > 11)
        return false;
    for (size_t i = 0; i < word.length; i++) {
        if (word.text[i] < '0' || word.text[i] > '9')
            return false;
        *out = *out * 10 + (word.text[i] - '0');
    }
    return word.length != 0;
}

/* Section 1.5 of the language: a month is 30 days, a year 365. */
static int64_t unit_seconds(ls_string word)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"second", 1},         {"minute", 60},       {"hour", 3600},
                 {"day", LS_DAY},       {"week", 7 * LS_DAY}, {"month", 30 * LS_DAY},
                 {"year", 365 * LS_DAY}};
    if (word.length != 0 && word.text[word.length - 1] == 's')
        word.length--;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ls_string_equal(word, units[i].name, strlen(units[i].name)))
            return units[i].seconds;
    return 0;
}

/* "10 days ago", "2 hours from now" */
static bool read_relative(ls_string text, int64_t at, int64_t *out)
{
    ls_string number, unit, word;
    int64_t count, seconds;
    if (!take_word(&text, &number) || !read_count(number, &count) || !take_word(&text, &unit) ||
        (seconds = unit_seconds(unit)) == 0 || !take_word(&text, &word))
        return false;
    if (ls_string_equal(word, "ago", 3))
        *out = at - count * seconds;
    else if (ls_string_equal(word, "from", 4) && take_word(&text, &word) &&
             ls_string_equal(word, "now", 3))
        *out = at + count * seconds;
    else
        return false;
    return !take_word(&text, &word) && *out >= LS_TIME_MIN && *out <= LS_TIME_MAX;
}

static bool read_seconds(lsl_reading *record, const lsl_place *place, int index, int64_t *out)
{
    double seconds = floor((double)lua_tonumber(record->L, index));
    if (!(seconds >= (double)LS_TIME_MIN && seconds <= (double)LS_TIME_MAX))
        return lsl_wrong(record, place,
                         "expected seconds since 1970 in the years 1 to 9999, got %.17g", seconds);
    *out = (int64_t)seconds;
    return true;
}

bool lsl_read_text_instant(const lsl_reading *record, ls_string text, bool relative, int64_t *out)
{
    int64_t until;
    return (relative && read_relative(text, record->at, out)) ||
           ls_read_time(text.text, text.length, out, &until, NULL) == LS_OK;
}

/* A number of seconds, a text as in files, or (where relative) "10 days ago". */
bool lsl_read_instant(lsl_reading *record, const lsl_place *place, int index, bool relative,
                      int64_t *out)
{
    lua_State *L = record->L;
    ls_string text;
    switch (lua_type(L, index)) {
    case LUA_TNUMBER: return read_seconds(record, place, index, out);
    case LUA_TSTRING:
        text.text = lua_tolstring(L, index, &text.length);
        if (lsl_read_text_instant(record, text, relative, out))
            return true;
        return lsl_wrong(record, place,
                         "cannot read \"%.60s\" as a time (2025-01-31T09:30:00Z, seconds%s)",
                         text.text, relative ? ", 10 days ago" : "");
    default: return lsl_wrong(record, place, "expected a time, got %s", luaL_typename(L, index));
    }
}

int lsl_fail_reading(const lsl_reading *record)
{
    int results = lsl_fail(record->L, record->error);
    if (record->place[0] != '\0') {
        lua_pushstring(record->L, record->place);
        lua_setfield(record->L, -2, "path");
    }
    return results;
}
