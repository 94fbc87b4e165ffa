/* When a record is to be scored again: a lower bound of the next instant at which one definition's
 * score of it may be another one, if nothing happens to the record. Between an instant and that one
 * value, parts, label and explanation's sums stay as they are.
 *
 * Where tables hold what events add, it is one look at each event: the age at which its entry
 * becomes another one was worked out before, by entry. Steps and windows of other specs are asked
 * occurrence by occurrence, dates of the record by their conditions; what goes over associated
 * records is walked. Curves move in the next second, until nothing is left of them that rounding
 * shows. An event that is dated later comes to be at its time. */
#ifndef LS_DUE_H
#define LS_DUE_H

#include "ls_kernel.h"
#include "ls_walk.h"

/* Nothing will ever change. */
#define LS_NEVER INT64_MAX

/* Of one binding; for one thread. */
typedef struct ls_due {
    ls_context *context;
    const ls_binding *binding;
    bool dates, event_dates; /* some condition on a date of the record, of its events moves */
    bool restless;           /* it asks other records' events or scores: looked at every second */
    bool steps; /* set after ls_due_init: what moves by a curve is left out, but for its windows */
    uint64_t made; /* the binding's entries that `ages` are of; 0: none */
    size_t age_capacity;
    int64_t *ages; /* by entry: the age at which what an event adds changes */
    size_t spec_count;
    int64_t *latest; /* by spec: scratch */
    ls_value_reader reader;
} ls_due;

/* The binding is borrowed. LS_OK or LS_ERROR_MEMORY. */
int ls_due_init(ls_due *due, const ls_binding *binding);
void ls_due_free(ls_due *due);
/* After every ls_binding_update. LS_OK or LS_ERROR_MEMORY. */
int ls_due_update(ls_due *due);
/* Whether ls_due_find needs a walk. */
bool ls_due_walks(const ls_due *due);
/* The next instant, later than the binding's, at which the definition's own part of the score may
 * change, or LS_NEVER; scores that it uses have their own. The row is a contact's. known: the
 * scratch holds the row's classes and entries, as ls_kernel_run left them; else they are looked
 * up. walk: of the same dataset, may be NULL unless ls_due_walks. LS_ERROR_MEMORY; errors of the
 * walk, but for LS_ERROR_RANGE: such a record is due in the next second. */
int ls_due_find(ls_due *due, ls_walk *walk, size_t row, bool known, ls_scratch *scratch,
                int64_t *out, ls_error *error);
#endif
