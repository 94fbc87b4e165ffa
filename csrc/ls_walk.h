/* The walk: scores one record by going through the rules one by one, in 128-bit sums. It is slow
 * and says why; explanations, next_change_at and records whose sums could pass a lane go through
 * it. Kernels are held against it on every record of every test. */
#ifndef LS_WALK_H
#define LS_WALK_H

#include "ls_condition.h"
#include "ls_dataset.h"
#include "ls_plan.h"

/* The instants a walk uses. For a plain score all four are `at`. */
typedef struct ls_clock {
    int64_t events_until; /* events later than this do not exist */
    int64_t at;           /* steps, windows, date conditions */
    int64_t curve_gain;   /* linear and half-life curves of positive points are taken here */
    int64_t curve_loss;   /* those of negative points */
} ls_clock;

/* Plan, dataset and scratch memory; for one thread. The dataset's columns and lists must not change
 * while it lives. LS_ERROR_INPUT: the plan names a list that the dataset does not have. */
typedef struct ls_walk ls_walk;
int ls_walk_new(const ls_plan *plan, ls_dataset *dataset, ls_walk **out, ls_error *error);
void ls_walk_close(ls_walk *walk);

/* The scores of one record by every definition of its object; out has plan->count places (those of
 * other objects are left empty and out of scope). LS_ERROR_RANGE names record and rule;
 * LS_ERROR_INPUT names an unreadable cell unless the dataset is lenient. */
int ls_walk_record(ls_walk *walk, ls_object object, size_t row, const ls_clock *clock,
                   ls_score *out, ls_error *error);

/* ---- for explanations and next_change_at ----------------------------------------------------- */

/* An occurrence of an event rule or did filter, before windows that move and before decay. */
typedef struct ls_occurrence {
    int64_t at;
    int64_t points; /* undecayed */
    int64_t bucket; /* of once_per: equal for occurrences of which only the latest stays */
    uint32_t name;  /* of occurrences->events */
    bool cancelled; /* always evened out by another one: bounds leave both out */
} ls_occurrence;

/* Instants from <= t < until between which nothing but curves changes. */
typedef struct ls_interval {
    int64_t from, until;
} ls_interval;

/* What a rule came to. */
typedef struct ls_rule_result {
    bool fired;
    int64_t raw, value; /* before and after the rule's limit */
} ls_rule_result;

/* The occurrences of one spec for the record at hand: all that could be in a window that moves, by
 * time; the later ones stay longer, so any instant's occurrences are the last ones here. */
typedef struct ls_found {
    bool ready;
    ls_interval interval; /* where they hold: conditions on dates may move */
    uint32_t *codes;      /* by name: code of the event's name in the dataset */
    ls_occurrence *items;
    size_t count, capacity;
} ls_found;

/* An occurrence whose curve may cancel another's. */
typedef struct ls_term {
    size_t pool; /* terms of one pool are added before any limit */
    const ls_occurrences *occurrences;
    ls_occurrence *occurrence;
} ls_term;

typedef struct ls_walk_rule {
    bool varies;  /* by a curve, or by scores that it asks: never kept */
    bool shrinks; /* a plain sum of occurrences: every one of them only moves towards 0 */
    bool steps;   /* it shrinks by steps or through a window */
    bool ready;   /* result holds in `interval` */
    ls_interval interval;
    ls_rule_result result;
} ls_walk_rule;

typedef struct ls_walk_definition {
    const ls_definition *definition;
    const ls_column *
        *columns;        /* by property; NULL: no input has it, or it is the time of an event */
    ls_found *found;     /* by ls_occurrences.index */
    ls_walk_rule *rules; /* by rule */
    int64_t *group_sums; /* of the last walk, before group limits */
    ls_settled settled;  /* of the last walk */
} ls_walk_definition;

struct ls_walk {
    ls_context *context;
    const ls_plan *plan;
    ls_dataset *dataset;
    ls_arena arena;
    ls_value_reader reader;
    ls_dictionary buckets; /* texts of once_per, for one spec at a time */
    ls_walk_definition *definitions;
    const ls_list **lists;  /* by plan->lists */
    ls_score *scores;       /* by definition: of the last plain walk */
    ls_score *least, *most; /* by definition: bounds over an interval */
    bool *wanted;           /* by definition: those that ls_next_change works on */
    int64_t *values;        /* scratch of ls_next_change: as many as the most groups and rules */
    struct ls_term *terms;  /* scratch of ls_next_change; the walk frees it */
    size_t term_capacity;

    /* the record */
    ls_object object;
    size_t row;
    size_t first_event, last_event; /* its events, the last one past the end */
    int64_t events_until;

    /* the question that is being answered */
    const ls_score *low, *high; /* the scores that conditions ask; the same but for bounds */
    ls_walk_definition *part;
    size_t event; /* whose properties `where` reads */
    ls_clock clock;
    bool watching; /* edges are wanted */
    bool
        coarse; /* rules that shrink have no edges: positive points are taken at curve_gain whole */
    ls_interval interval; /* narrowed by every edge met */
    bool ambiguous;       /* a condition on scores is not the same from low to high */
    int status;
    ls_error *error;
};

/* Linear and half-life: the value moves between steps. */
LS_INLINE bool ls_decay_is_curve(const ls_decay *decay)
{
    return decay->curve == LS_CURVE_LINEAR || decay->curve == LS_CURVE_HALF_LIFE;
}
/* event.at has no column. */
LS_INLINE bool ls_property_is_event_time(const ls_property *property)
{
    return property->owner == LS_EVENT && ls_string_equal(property->name, "at", 2);
}
/* Begins a record; ls_walk_score then answers at any clock with this events_until. */
void ls_walk_begin(ls_walk *walk, ls_object object, size_t row, int64_t events_until);
/* One definition's score. Conditions on scores read walk->low and walk->high. Leaves group_sums and
 * settled, and narrows walk->interval while walk->watching. */
int ls_walk_score(ls_walk *walk, size_t definition, const ls_clock *clock, ls_score *out,
                  ls_error *error);
/* The parts of the record's last score, for explanations: at walk->clock, of walk->part's
 * definition. Errors are left in walk->status. */
ls_truth ls_walk_filter(ls_walk *walk, const ls_filter *filter);
ls_rule_result ls_walk_rule_result(ls_walk *walk, size_t rule);
/* The occurrences now, by time. */
const ls_occurrence *ls_walk_occurrences(ls_walk *walk, const ls_occurrences *occurrences,
                                         size_t *count);
/* What points of an instant are worth now. */
int64_t ls_walk_decay(const ls_walk *walk, const ls_decay *decay, int64_t points, int64_t at);
/* The band of times that the count fits, or NULL. */
const ls_times *ls_walk_times(const ls_occurrences *occurrences, size_t count);
/* The record's value of a property, and its cell as it is in the input. */
void ls_walk_value(ls_walk *walk, uint32_t property, ls_type type, ls_value *out);
ls_string ls_walk_cell(const ls_walk *walk, uint32_t property);
/* The score that a condition asks, as a value; unknown where the score has no such part. */
void ls_walk_score_value(ls_walk *walk, const ls_filter *filter, const ls_score *score,
                         ls_value *out);
#endif
