/* What a ledger remembers from one advance to the next: every contact's last scores, when each is
 * due again, and the changes that nobody has taken yet. It begins with the first advance; a ledger
 * that is never advanced has none and pays nothing for it. */
#ifndef LS_WATCH_H
#define LS_WATCH_H

#include "ls_bound.h"
#include "ls_due.h"
#include "ls_due_queue.h"

#define LS_KEPT_KNOWN 1 /* it was scored before */
#define LS_KEPT_THERE 2 /* and had a value */
#define LS_KEPT_QUIET 4 /* its next change is told nobody */

typedef struct ls_kept_score {
    int64_t value;
    uint32_t label; /* code of the watch's labels; 0: none */
    uint8_t flags;
} ls_kept_score;

/* A change that was found and not taken yet. */
typedef struct ls_noted_change {
    uint32_t row, definition;
    ls_kept_score from, to;
    uint8_t why;
    bool quiet;
} ls_noted_change;

typedef struct ls_watch {
    ls_context *context;
    ls_plan *plan;
    size_t count; /* of definitions */
    ls_due *dues; /* by definition; the first due_count are made */
    size_t due_count;
    ls_due_queue queue;    /* INT64_MIN: touched */
    ls_kept_score *scores; /* by row and definition */
    size_t score_capacity;
    ls_dictionary labels;
    uint32_t **label_codes; /* by definition, then label */
    bool advanced;
    int64_t at; /* of the last advance */
    ls_noted_change *changes;
    size_t change_count, change_capacity;
} ls_watch;

/* For the definitions of a plan. LS_OK or LS_ERROR_MEMORY. */
int ls_watch_new(ls_context *context, const ls_plan *plan, ls_watch **out);
void ls_watch_close(ls_watch *watch);
/* Room for so many rows. */
int ls_watch_reserve(ls_watch *watch, size_t rows);
/* The contact of the row was forgotten. */
void ls_watch_end(ls_watch *watch, size_t row);
LS_INLINE ls_kept_score *ls_watch_scores(const ls_watch *watch, size_t row)
{
    return watch->scores + row * watch->count;
}
/* Whether a plan has a definition of this name. */
bool ls_watch_names(const ls_plan *plan, ls_string name);
/* Takes over what another one remembers of scores of the same names, and its changes. *out is the
 * watch of the plan `after`; the other one stays as it is. */
int ls_watch_follow(const ls_watch *old, const ls_plan *after, ls_watch **out);
#endif
