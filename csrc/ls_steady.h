/* What of a record's scores stays as it is from one instant until another: all but what decays by a
 * curve, and of that the points and times. A record that is scored again in between costs only the
 * curves, and no binding has to be brought up to date. For contacts, by definitions that ask no
 * other score and no associated record. */
#ifndef LS_STEADY_H
#define LS_STEADY_H

#include "ls_bound.h"
#include "ls_due.h"

/* Of one definition. */
typedef struct ls_steady {
    bool whole;         /* everything could be noted */
    bool fired, inside; /* inside: in the definition's scope */
    size_t capacity;
    int64_t *sums;                        /* by target, before limits, without what is curved */
    size_t curved_count, curved_capacity; /* exact in a record */
    struct ls_curved {
        uint32_t spec, target;
        int64_t points, time;
    } * curved;
} ls_steady;

/* Of one record. */
typedef struct ls_steady_record {
    bool known;
    int64_t from, until;
    ls_steady *parts; /* by definition */
} ls_steady_record;

/* What finds them; one of these is enough for all records of a bound plan. */
typedef struct ls_steady_finder {
    ls_bound *bound;
    bool fits; /* such is the plan */
    ls_due *dues;
    ls_steady noted; /* of the definition that is being run */
} ls_steady_finder;

/* Borrows bound, which stays where it is. */
void ls_steady_init(ls_steady_finder *finder, ls_bound *bound);
void ls_steady_free(ls_steady_finder *finder);
void ls_steady_record_free(const ls_steady_finder *finder, ls_steady_record *record);

/* Before a record is scored at the instant of its up-to-date bindings: whether ls_kernel_run may
 * note what stays. Memory that cannot be had makes it false. */
bool ls_steady_begin(ls_steady_finder *finder, ls_steady_record *record);
/* Around the run of one definition. */
void ls_steady_note(ls_steady_finder *finder, const ls_steady_record *record, size_t definition,
                    size_t events);
void ls_steady_noted(ls_steady_finder *finder, ls_steady_record *record, size_t definition,
                     size_t row);

/* Whether the record's scores at an instant can be told by what was noted, if nothing happened to
 * it since. */
LS_INLINE bool ls_steady_holds(const ls_steady_finder *finder, const ls_steady_record *record,
                               int64_t at)
{
    const ls_bound *bound = finder->bound;
    return record->known && at >= record->from && at < record->until &&
           bound->count == bound->plan->count && bound->scratch.context != NULL;
}
/* Writes these scores into row 0 of the columns; some flags may say LS_FLAG_WALK. */
void ls_steady_score(const ls_steady_finder *finder, const ls_steady_record *record, int64_t at);
#endif
