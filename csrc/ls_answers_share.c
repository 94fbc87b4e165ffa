/* Divides the texts of a table among threads. They write the classes that are known, in rounds that
 * grow; what they leave is asked between rounds by the thread that may allocate, in the order of
 * codes: classes, and what texts fold to, are numbered alike by any number of threads. A round thus
 * learns from the one before it, and what is new in one costs no more than what came before. */
#include "ls_answers.h"

#include "ls_threads.h"

#include <stdatomic.h>

/* Codes that a thread takes at a time; a round of one thread, whose classes are then still near. */
#define RANGE 4096
#define MOST_RANGES 4096
/* Rounds are few, since threads are started and waited for in each. */
#define FIRST_ROUND 32
#define NEXT_ROUND 16

typedef struct sharing {
    const ls_answer_share *share;
    size_t first, last; /* codes of the round */
    _Atomic size_t next;
    bool whole[MOST_RANGES]; /* by range: nothing was left */
} sharing;

static void work(void *user, unsigned thread)
{
    sharing *sharing = user;
    for (;;) {
        size_t first = atomic_fetch_add(&sharing->next, RANGE);
        if (first >= sharing->last) {
            return;
        }
        size_t last = sharing->last - first < RANGE ? sharing->last : first + RANGE;
        sharing->whole[(first - sharing->first) / RANGE] =
            sharing->share->fill(sharing->share, thread, first, last);
    }
}

unsigned ls_answers_threads(const ls_answering *answering)
{
    size_t ranges = (answering->count - answering->table->code_count + RANGE - 1) / RANGE;
    size_t threads = answering->answers->threads;
    threads = threads == 0 ? 1 : threads;
    return (unsigned)(threads < ranges ? threads : ranges);
}

static int settle_fold(const ls_answer_share *share, uint32_t code)
{
    ls_property_table *table = share->answering->table;
    if (code < share->fold_from) {
        return LS_OK;
    }
    table->folded_count = code;
    if (!share->folds) {
        return ls_answers_fold_itself(share->answering, code);
    }
    return table->folded_codes[code] == LS_NO_CODE ? ls_answers_fold_new(share->answering, code)
                                                   : LS_OK;
}

static int settle_code(const ls_answer_share *share, uint32_t code)
{
    ls_property_table *table = share->answering->table;
    table->code_count = code;
    if (table->classes[code] >= LS_NO_CLASS_YET) {
        if (code >= share->fold_from) {
            table->folded_count = code;
        }
        return share->ask(share, code);
    }
    if (table->folds && settle_fold(share, code) != LS_OK) {
        return ls_fail_memory(share->answering->error);
    }
    return LS_OK;
}

/* Whether the range needs no look at its codes. */
static bool is_settled(const ls_answer_share *share, bool whole)
{
    const ls_property_table *table = share->answering->table;
    return whole && (!table->folds || share->folds || (!table->alike && !share->answering->late));
}

static int settle(const sharing *sharing)
{
    const ls_answer_share *share = sharing->share;
    ls_property_table *table = share->answering->table;
    for (size_t first = sharing->first; first < sharing->last; first += RANGE) {
        size_t last = sharing->last - first < RANGE ? sharing->last : first + RANGE;
        int status = LS_OK;
        if (!is_settled(share, sharing->whole[(first - sharing->first) / RANGE])) {
            for (size_t code = first; code < last && status == LS_OK; code++) {
                status = settle_code(share, (uint32_t)code);
            }
        }
        if (status != LS_OK) {
            return status;
        }
        table->code_count = last;
        if (table->folded_count < last) {
            table->folded_count = last;
        }
    }
    return LS_OK;
}

/* Threads write what texts fold to as soon as some text does not fold to itself. */
static int make_room(ls_answer_share *share, size_t last)
{
    ls_property_table *table = share->answering->table;
    share->folds = table->folds && table->alike && !share->answering->late;
    return share->folds ? ls_grow(share->answering->answers->context, &table->folded_codes,
                                  &table->folded_capacity, last, sizeof *table->folded_codes)
                        : LS_OK;
}

int ls_answers_share(ls_answer_share *share)
{
    const ls_answering *answering = share->answering;
    ls_property_table *table = answering->table;
    const size_t most = share->threads > 1 ? (size_t)RANGE * MOST_RANGES : RANGE;
    int status = LS_OK;
    share->fold_from = table->folds ? table->folded_count : SIZE_MAX;
    for (size_t round = FIRST_ROUND; table->code_count < answering->count && status == LS_OK;
         round = round < most / NEXT_ROUND ? round * NEXT_ROUND : most) {
        sharing sharing = {.share = share, .first = table->code_count};
        size_t left = answering->count - sharing.first;
        sharing.last = sharing.first + (left < round ? left : round);
        if (make_room(share, sharing.last) != LS_OK) {
            return ls_fail_memory(answering->error);
        }
        atomic_init(&sharing.next, sharing.first);
        ls_threads_run(round > RANGE ? share->threads : 1, work, &sharing);
        status = settle(&sharing);
    }
    return status;
}
