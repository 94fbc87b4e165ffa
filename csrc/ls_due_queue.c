/* See ls_due_queue.h. A block is complete in its level's array: what lies past the last row is
 * INT64_MAX. */
#include "ls_due_queue.h"

static size_t blocks_of(size_t count)
{
    return count / LS_DUE_FANOUT + (count % LS_DUE_FANOUT != 0);
}

void ls_due_queue_free(ls_due_queue *queue)
{
    for (size_t i = 0; i < LS_DUE_LEVELS; i++) {
        struct ls_due_level *level = &queue->levels[i];
        ls_free(queue->context, level->soonest, level->capacity * sizeof *level->soonest);
        level->soonest = NULL;
        level->capacity = 0;
    }
    queue->count = 0;
}

static int64_t soonest_of(const int64_t *block)
{
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < LS_DUE_FANOUT; i++) {
        soonest = block[i] < soonest ? block[i] : soonest;
    }
    return soonest;
}

/* Room for a number of nodes in whole blocks, the new ones INT64_MAX. */
static int reserve_level(ls_due_queue *queue, struct ls_due_level *level, size_t count)
{
    size_t before = level->capacity, needed = blocks_of(count) * LS_DUE_FANOUT;
    if (needed <= before) {
        return LS_OK;
    }
    size_t grown = blocks_of(before + before / 2) * LS_DUE_FANOUT;
    needed = grown > needed ? grown : needed;
    int64_t *soonest = ls_reallocate(queue->context, level->soonest, before * sizeof *soonest,
                                     needed * sizeof *soonest);
    if (soonest == NULL) {
        return LS_ERROR_MEMORY;
    }
    level->soonest = soonest;
    level->capacity = needed;
    for (size_t i = before; i < needed; i++) {
        soonest[i] = INT64_MAX;
    }
    return LS_OK;
}

int ls_due_queue_reserve(ls_due_queue *queue, size_t count)
{
    size_t nodes = count;
    for (size_t i = 0; i < LS_DUE_LEVELS && count > queue->count; i++) {
        if (reserve_level(queue, &queue->levels[i], nodes) != LS_OK) {
            return LS_ERROR_MEMORY;
        }
        nodes = blocks_of(nodes);
    }
    queue->count = count > queue->count ? count : queue->count;
    return LS_OK;
}

void ls_due_queue_set(ls_due_queue *queue, size_t row, int64_t due)
{
    size_t node = row;
    for (size_t i = 0; i < LS_DUE_LEVELS; i++) {
        int64_t *soonest = queue->levels[i].soonest;
        int64_t before = soonest[node];
        if (before == due) {
            return;
        }
        soonest[node] = due;
        node /= LS_DUE_FANOUT;
        if (i + 1 < LS_DUE_LEVELS) {
            int64_t above = queue->levels[i + 1].soonest[node];
            if (due > above && before > above) { /* neither was nor is it the soonest */
                return;
            }
            due = due <= above ? due : soonest_of(soonest + node * LS_DUE_FANOUT);
        }
    }
}

int64_t ls_due_queue_soonest(const ls_due_queue *queue)
{
    const struct ls_due_level *top = &queue->levels[LS_DUE_LEVELS - 1];
    return queue->count ? soonest_of(top->soonest) : INT64_MAX;
}

/* The first node of the block of `from`, from there on, that is due; LS_NONE_DUE: none. */
static size_t next_in_block(const int64_t *soonest, size_t from, int64_t at)
{
    size_t end = (from / LS_DUE_FANOUT + 1) * LS_DUE_FANOUT;
    while (from < end && soonest[from] > at) {
        from++;
    }
    return from < end ? from : LS_NONE_DUE;
}

size_t ls_due_queue_next(const ls_due_queue *queue, size_t from, int64_t at)
{
    size_t level = 0, node = from;
    if (from >= queue->count) {
        return LS_NONE_DUE;
    }
    for (;;) { /* up while there is none in the block, then down into the first block with one */
        size_t found = node < queue->levels[level].capacity
                           ? next_in_block(queue->levels[level].soonest, node, at)
                           : LS_NONE_DUE;
        if (found != LS_NONE_DUE && level == 0) {
            return found;
        }
        if (found != LS_NONE_DUE) {
            level--;
            node = found * LS_DUE_FANOUT;
        } else if (++level == LS_DUE_LEVELS) {
            return LS_NONE_DUE;
        } else {
            node = node / LS_DUE_FANOUT + 1; /* the block after */
        }
    }
}
