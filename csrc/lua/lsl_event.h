/* The usual event of a record or a ledger, read in one pass: a table of names with texts, numbers
 * and booleans. Nothing is said of any other; lsl_plan.c reads those step by step and knows what is
 * wrong. */
#ifndef LSL_EVENT_H
#define LSL_EVENT_H

#include "lsl.h"

#include "ls_scorer.h"

/* An event with more known properties is not usual. */
#define LSL_EVENT_VALUES 16
/* Powers of two. */
#define LSL_KNOWN_KEYS 32
#define LSL_KNOWN_NAMES 64

/* A name that an event's table may have. Lua keeps one copy of a short text, so that its address
 * tells it, as long as the text is kept alive. */
typedef struct lsl_event_field {
    const char *name;
    size_t length;
} lsl_event_field;

/* What is known of texts by their addresses: as long as nothing but the usual is read, no Lua code
 * runs and nothing is allocated there, so that no text can go. */
typedef struct lsl_event_reader {
    size_t field_count;
    const lsl_event_field *fields; /* `event`, `at`, `id`, `contact_id` (unless it is a property
                                      like others: NULL), then the scorer's or ledger's */
    bool all;                      /* an event with other properties is not usual */
    bool points;                   /* lsl_points_at_texts */
    struct lsl_event_key {
        const void *address;
        size_t field;
    } keys[LSL_KNOWN_KEYS];
    struct lsl_event_name {
        const void *address;
        uint32_t code;
    } names[LSL_KNOWN_NAMES];
} lsl_event_reader;

enum { LSL_FIELD_EVENT, LSL_FIELD_AT, LSL_FIELD_ID, LSL_FIELD_CONTACT, LSL_FIELD_FIRST };
/* The number of the reader's field that a value is of. */
LS_INLINE size_t lsl_event_field_of(const ls_scorer_value *value)
{
    return value->field == LS_SCORER_ID ? LSL_FIELD_ID : value->field + LSL_FIELD_FIRST;
}

typedef struct lsl_event {
    const char *name; /* NULL: its code is known */
    size_t name_length;
    const void *name_address;
    uint32_t name_code;
    const char *contact; /* NULL: it was not there */
    size_t contact_length;
    char contact_number[LS_NUMBER_TEXT];
    bool named, at_number;
    lua_Number at; /* if it is a number, else the text */
    const char *at_text;
    size_t at_length;
    size_t count;
    ls_scorer_value values[LSL_EVENT_VALUES];
    char numbers[LSL_EVENT_VALUES][LS_NUMBER_TEXT];
} lsl_event;

/* The texts whose addresses were kept may be gone. */
void lsl_event_forget(lsl_event_reader *reader);
/* Reads the table at index; false: it is not usual. Leaves the stack as it was, allocates nothing.
 */
bool lsl_event_read(lua_State *L, int index, lsl_event_reader *reader, lsl_event *out);
/* What the name of an event that was read is known by, for the record's other events. */
void lsl_event_remember(lsl_event_reader *reader, const lsl_event *event, uint32_t code);

#endif
