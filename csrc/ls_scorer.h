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
/* ls_scorer_event by the number of its name. */
int ls_scorer_event_at(ls_scorer *scorer, uint32_t name, int64_t at, ls_error *error);
/* ls_scorer_event_set of a field, after an event; `id` is set by ls_scorer_event_set alone. */
int ls_scorer_event_put(ls_scorer *scorer, size_t field, const char *value, size_t length,
                        ls_error *error);
#endif
