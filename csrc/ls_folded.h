/* What is folded of a contact: from which instant on its events stand for what it did, for which
 * definitions, and of which names some were folded. */
#ifndef LS_FOLDED_H
#define LS_FOLDED_H

#include "ls_plan.h"
#include "ls_state.h"

typedef struct ls_folded_name {
    ls_string name;
    bool run;          /* some are in runs */
    uint64_t left_out; /* those that are only counted */
} ls_folded_name;

/* One block with all that it points at. */
typedef struct ls_folded {
    size_t size;
    int64_t from;
    uint64_t served; /* for whoever holds it: the definitions that it was found to serve */
    size_t print_count, name_count;
    uint64_t *prints;
    ls_folded_name *names;
} ls_folded;

/* Of a state that was read; *out: NULL where nothing is folded. LS_OK or LS_ERROR_MEMORY. */
int ls_folded_new(ls_context *context, const ls_state *state, ls_folded **out);
void ls_folded_free(ls_context *context, ls_folded *folded);

/* Whether the definitions can do with what is folded: each asks of these events what one asked that
 * they were folded for, or nothing. Errors: memory; input, naming what is missing after `before`.
 */
int ls_folded_serves(ls_context *context, const ls_folded *folded, const ls_plan *plan,
                     const char *before, ls_error *error);

/* Adds what is folded, with its fingerprints, to a state that is being made. */
int ls_folded_keep(const ls_folded *folded, ls_state *state);
/* Gives a state of folded events the fingerprints of these definitions instead. */
int ls_folded_print(ls_state *state, const ls_plan *plan);

#endif
