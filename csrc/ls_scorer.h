/* What the binding to Lua uses of the scorer beside its public face: the parts of an event by
 * number, so that no name is looked up twice in a record. */
#ifndef LS_SCORER_H
#define LS_SCORER_H

#include "ls_core.h"

/* The properties of events that the plan reads, but for `event` and `at`. */
size_t ls_scorer_event_fields(const ls_scorer *scorer);
ls_string ls_scorer_event_field(const ls_scorer *scorer, size_t field);

/* The number of an event's name, until ls_scorer_clear. Errors: memory; an empty name. */
int ls_scorer_event_name(ls_scorer *scorer, const char *event, size_t length, uint32_t *out,
                         ls_error *error);

/* A property of an event: the number of its field, or LS_SCORER_ID. */
typedef struct ls_scorer_value {
    size_t field;
    const char *text;
    size_t length;
} ls_scorer_value;
#define LS_SCORER_ID SIZE_MAX

/* ls_scorer_event by the number of its name, then ls_scorer_event_set of the values. *bad: after an
 * error, the value that is wrong; count: the event itself. */
int ls_scorer_event_add(ls_scorer *scorer, uint32_t name, int64_t at, const ls_scorer_value *values,
                        size_t count, size_t *bad, ls_error *error);
#endif
