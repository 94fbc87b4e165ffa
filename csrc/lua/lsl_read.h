/* Reading of values that come as Lua tables, raw: no metamethod runs. What is no value of the
 * language is a datum that is wrong: its place is kept with the error. */
#ifndef LSL_READ_H
#define LSL_READ_H

#include "lsl.h"

/* One reading: relative to which instant, and what went wrong. */
typedef struct lsl_reading {
    lua_State *L;
    void *owner;     /* of the record: the caller's */
    ls_buffer *text; /* scratch: a set joined, a number printed */
    int64_t at;
    ls_error *error;
    char place[LSL_PLACE_TEXT]; /* of the error; "" if it has none */
} lsl_reading;

/* Fills the error with the place before the text; answers false. */
bool lsl_wrong(lsl_reading *record, const lsl_place *place, const char *format, ...)
    LS_PRINTF(3, 4);
/* Whether the status is fine; what the core says is wrong is put at its place. */
bool lsl_accepted(lsl_reading *record, const lsl_place *place, int status);
/* nil, or the null of JSON. */
bool lsl_is_null(lua_State *L, int index);
/* Whether the table at index has nothing but the elements 1..n. */
bool lsl_check_array(lsl_reading *record, const lsl_place *place, int index, int64_t *count);
/* Writes the value on top of the stack into the scratch text, as a file would have it. */
bool lsl_read_value(lsl_reading *record, const lsl_place *place);
/* The text of the last value that was read. */
LS_INLINE ls_string lsl_value_text(const lsl_reading *record)
{
    ls_string text = {record->text->data != NULL ? record->text->data : "", record->text->length};
    return text;
}
/* A text as in files, or (where relative) "10 days ago". */
bool lsl_read_text_instant(const lsl_reading *record, ls_string text, bool relative, int64_t *out);
/* A number of seconds, or such a text. */
bool lsl_read_instant(lsl_reading *record, const lsl_place *place, int index, bool relative,
                      int64_t *out);
/* Pushes nil and the error with the place as its `path`; answers 2. */
int lsl_fail_reading(const lsl_reading *record);

#endif
