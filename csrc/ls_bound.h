/* A plan bound to a dataset whose records are scored one at a time while its dictionaries grow: the
 * record of a scorer, the contacts of a ledger. Bindings are brought up to date only when a text
 * came in or the instant moved. */
#ifndef LS_BOUND_H
#define LS_BOUND_H

#include "ls_kernel.h"

typedef struct ls_bound {
    ls_context *context;
    const ls_plan *plan;
    ls_dataset *dataset;
    ls_answers answers;   /* made with the first binding, which points here: it stays in its place
                             from then on */
    ls_binding *bindings; /* by definition; the first `count` are made */
    size_t count;
    ls_scratch scratch;
    ls_score_column *columns; /* by definition, of one row */
    uint64_t texts;           /* for the owner to count: texts that came into the dictionaries */
    uint64_t known;           /* of these, the ones that bindings know, at the instant `at` */
    int64_t at;
    bool by_row; /* many records: what the instant moves is asked for one at a time, by
                    ls_bound_row; set before the first update */
} ls_bound;

/* Zero-initialised before; borrows plan and dataset. LS_OK or LS_ERROR_MEMORY; after a failure it
 * is for ls_bound_free. */
int ls_bound_init(ls_bound *bound, const ls_plan *plan, ls_dataset *dataset);
void ls_bound_free(ls_bound *bound);
/* Dictionaries were cleared: bindings are made anew when they are wanted. */
void ls_bound_drop(ls_bound *bound);
/* A column's dictionary was cleared. */
void ls_bound_forget(ls_bound *bound, const ls_column *column);
/* Brings bindings and scratch up to date for a contact of so many events. Errors: memory. */
int ls_bound_update(ls_bound *bound, int64_t at, size_t events, ls_error *error);
/* The same for the contact of a row. */
int ls_bound_row(ls_bound *bound, size_t row, int64_t at, size_t events, ls_error *error);
/* Exact in 128 bits, for a contact whose sums lanes might not hold. out has room for every
 * definition. */
int ls_bound_walk(const ls_bound *bound, size_t row, int64_t at, ls_score *out, ls_error *error);
/* The bounds of an instant. */
int ls_check_instant(int64_t at, ls_error *error);
#endif
