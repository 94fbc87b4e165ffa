/* next_change_at: the first later instant at which a record's value or label would change if
 * nothing happens (9). */
#ifndef LS_NEXT_H
#define LS_NEXT_H

#include "ls_walk.h"

/* *known is false where nothing will ever change. */
int ls_next_change(ls_walk *walk, ls_object object, size_t row, int64_t at, size_t definition,
                   bool *known, int64_t *out, ls_error *error);
#endif
