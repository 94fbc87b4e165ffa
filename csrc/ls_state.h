/* The packed state: one contact as a string. This is its plain form, between a string and whoever
 * holds the contact: texts are numbered (0 is the empty one), equal events share a shape. Writing
 * (ls_state_write.c) makes the string of it, reading (ls_state_read.c) verifies a string as a whole
 * before it hands anything out.
 *
 * The string, all numbers varints (7 bits a byte, the lowest first; signed ones zigzag):
 *
 *     "LSS" and a byte, the version
 *     flags: 1 something is folded, 2 every property that the contact had is held,
 *         4 the contact is in no list, since it was forgotten once
 *     where something is folded: the instant from which on the state holds (signed),
 *         how many fingerprints, each 8 bytes
 *     how many texts, each its length and its bytes
 *     how many properties, each the numbers of its name and its value
 *     how many properties of events, each the number of its name
 *     how many shapes, each the number of the event's name, then of each property's value
 *     how many events, each its time (the first signed, then from the one before), its shape
 *     how many runs, each its time (as above), its shape, its events less 2
 *     how many event ids, each 16 bytes, when it arrived (signed, from the one before)
 *     where something is folded: how many names, each the number of its name,
 *         twice the events left out, plus 1 where others are in runs
 *     8 bytes, the hash of all before
 */
#ifndef LS_STATE_H
#define LS_STATE_H

#include "ls_dictionary.h"

#define LS_STATE_VERSION 1
#define LS_STATE_HEAD 4
#define LS_STATE_HASH 8

/* The events that all runs of a state may stand for: a run takes a few bytes and becomes as many
 * events as it says, so that without a bound a short string could fill memory. As many take about a
 * megabyte; fewer where events have many properties. Whoever packs keeps events beyond it one by
 * one. */
#define LS_STATE_MOST_RUN 65536
#define LS_STATE_MOST_RUN_VALUES (UINT64_C(16) * LS_STATE_MOST_RUN)
LS_INLINE uint64_t ls_state_most_run(size_t columns)
{
    uint64_t most = LS_STATE_MOST_RUN_VALUES / ((uint64_t)columns + 1);
    return most < LS_STATE_MOST_RUN ? most : LS_STATE_MOST_RUN;
}
/* Events that were left out are only counted; so many can never have come. */
#define LS_STATE_MOST_LEFT_OUT (UINT64_C(1) << 53)

typedef struct ls_state_property {
    uint32_t name, value; /* texts */
} ls_state_property;

typedef struct ls_state_event {
    int64_t time;
    uint32_t shape;
    uint32_t count; /* of a run: the events that it stands for, at least 2; else 1 */
} ls_state_event;

typedef struct ls_state_id {
    uint64_t identity[2];
    int64_t arrival;
} ls_state_id;

/* Events of one name that are not there as they were. */
typedef struct ls_state_folded {
    uint32_t name;     /* text */
    bool run;          /* some are in runs */
    uint64_t left_out; /* those that are only counted */
} ls_state_folded;

typedef struct ls_state {
    ls_context *context;
    bool all;      /* every property that the contact had is held, not only some columns */
    bool unlisted; /* it was forgotten once, and is in no list since */
    bool folds;    /* it holds from `from` on only, and for definitions of `prints` */
    int64_t from;  /* instant */
    size_t print_count, print_capacity;
    uint64_t *prints;
    size_t text_count; /* the empty one included */
    ls_string *texts;  /* read: they lie in the string; NULL while it is being made */
    size_t property_count, property_capacity;
    ls_state_property *properties;
    size_t column_count, column_capacity;
    uint32_t *columns;                  /* names, texts */
    size_t shape_count, shape_capacity; /* capacity: of numbers */
    uint32_t *shapes; /* by shape: 1 + column_count texts, the event's name first */
    size_t event_count, event_capacity;
    ls_state_event *events; /* by time */
    size_t run_count, run_capacity;
    ls_state_event *runs; /* by time */
    size_t id_count, id_capacity;
    ls_state_id *ids;
    size_t folded_count, folded_capacity;
    ls_state_folded *folded;
    /* while it is being made: */
    ls_dictionary dictionary; /* its codes are the texts' numbers */
} ls_state;

/* An empty state that is to be made. LS_OK or LS_ERROR_MEMORY. */
int ls_state_init(ls_state *state, ls_context *context);
void ls_state_free(ls_state *state);

/* Each appends; LS_OK or LS_ERROR_MEMORY. Texts that were added before keep their numbers. */
int ls_state_add_text(ls_state *state, ls_string text, uint32_t *out);
int ls_state_add_property(ls_state *state, ls_string name, ls_string value);
int ls_state_add_column(ls_state *state, ls_string name); /* before shapes */
/* texts: 1 + column_count. */
int ls_state_add_shape(ls_state *state, const uint32_t *texts, uint32_t *out);
int ls_state_add_event(ls_state *state, int64_t time, uint32_t shape);
int ls_state_add_run(ls_state *state, int64_t time, uint32_t shape, uint32_t count);
int ls_state_add_id(ls_state *state, const uint64_t identity[2], int64_t arrival);
int ls_state_add_print(ls_state *state, uint64_t print);
/* Adds to what is folded of the name. */
int ls_state_fold(ls_state *state, ls_string name, uint64_t left_out, bool run);

/* Appends the string of a state that was made; puts its events and runs into the order of time.
 * The buffer says whether memory was found. */
void ls_state_write(ls_state *state, ls_buffer *out);

/* Reads a string, which must outlive the state. A state that is refused leaves *out empty; one that
 * was read takes at most eight times the length of the string, and a constant. Errors: memory;
 * input, in one line that begins "state: ". */
int ls_state_read(ls_context *context, const char *text, size_t length, ls_state *out,
                  ls_error *error);

LS_INLINE const uint32_t *ls_state_shape(const ls_state *state, uint32_t shape)
{
    return state->shapes + shape * (state->column_count + 1);
}
/* The name of a shape's events. */
LS_INLINE uint32_t ls_state_name(const ls_state *state, uint32_t shape)
{
    return *ls_state_shape(state, shape);
}

#endif
