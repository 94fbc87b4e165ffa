/* Due times by row, and which rows are due: an array with a tree above it, in which every node
 * holds the soonest of 64 below. Setting one is a look at 64 numbers a level at most, finding the
 * rows that are due passes over the blocks in which none is. */
#ifndef LS_DUE_QUEUE_H
#define LS_DUE_QUEUE_H

#include "ls_core.h"

#define LS_DUE_FANOUT 64
/* 64^6 rows. */
#define LS_DUE_LEVELS 6
#define LS_NONE_DUE SIZE_MAX

/* Zero-initialise with its context. */
typedef struct ls_due_queue {
    ls_context *context;
    size_t count; /* rows */
    struct ls_due_level {
        int64_t *soonest; /* level 0: by row; above: by block of the level below */
        size_t capacity;
    } levels[LS_DUE_LEVELS];
} ls_due_queue;

void ls_due_queue_free(ls_due_queue *queue);
/* At least so many rows; those that are new are never due (INT64_MAX). LS_OK or LS_ERROR_MEMORY,
 * then nothing has changed. */
int ls_due_queue_reserve(ls_due_queue *queue, size_t count);
void ls_due_queue_set(ls_due_queue *queue, size_t row, int64_t due);
LS_INLINE int64_t ls_due_queue_get(const ls_due_queue *queue, size_t row)
{
    return queue->levels[0].soonest[row];
}
/* The soonest of all; INT64_MAX: none. */
int64_t ls_due_queue_soonest(const ls_due_queue *queue);
/* The first row from `from` on that is due at the instant (its due time is not later), or
 * LS_NONE_DUE. Rows may be set between calls. */
size_t ls_due_queue_next(const ls_due_queue *queue, size_t from, int64_t at);
#endif
