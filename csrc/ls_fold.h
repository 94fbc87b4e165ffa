/* The events of a contact as a packed state has them. Those that can no longer matter to any
 * definition at or after an instant are folded: what no definition can ask for any more is only
 * counted, by name; what every definition takes alike for ever, whenever it was, becomes a run:
 * one of its events, the latest time, and how many. Where that would save little, nothing is. */
#ifndef LS_FOLD_H
#define LS_FOLD_H

#include "ls_binding.h"
#include "ls_state.h"

typedef struct ls_fold {
    const ls_dataset *dataset;
    const ls_binding *bindings; /* of all definitions that count, brought up to date at `at` */
    size_t count;
    bool folds; /* false: every event is kept as it is, bindings are not asked */
    int64_t at;
    const uint32_t *columns; /* of dataset->events: those that are packed */
    size_t column_count;
} ls_fold;

/* Adds the events of a row to a state that has a column for each of fold->columns, in their order.
 * Sets state->folds where something was folded. LS_OK or LS_ERROR_MEMORY. */
int ls_fold_row(const ls_fold *fold, size_t row, ls_state *state);

#endif
