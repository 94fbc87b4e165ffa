/* The walk: scores one record by going through the rules one by one, in 128-bit sums. It is slow
 * and says why; explanations, next_change_at and records whose sums could pass a lane go through
 * it. Kernels are held against it on every record of every test.
 *
 * ls_walk.c goes through filters and rules, ls_walk_find.c finds occurrences, ls_walk_related.c
 * asks associated records, ls_walk_ask.c remembers scores and moves from record to record. */
#ifndef LS_WALK_H
#define LS_WALK_H

#include "ls_condition.h"
#include "ls_dataset.h"
#include "ls_plan.h"
#include "ls_rollup.h"

/* The instants a walk uses. For a plain score all four are `at`. */
typedef struct ls_clock {
    int64_t events_until; /* events later than this do not exist */
    int64_t at;           /* steps, windows, date conditions */
    int64_t curve_gain;   /* linear and half-life curves of positive points are taken here */
    int64_t curve_loss;   /* those of negative points */
} ls_clock;

/* Plan, dataset and scratch memory; for one thread. The dataset's columns, lists and links must not
 * change while it lives. LS_ERROR_INPUT: the plan names a list that the dataset does not have. */
typedef struct ls_walk ls_walk;
int ls_walk_new(const ls_plan *plan, ls_dataset *dataset, ls_walk **out, ls_error *error);
void ls_walk_close(ls_walk *walk);

/* The scores of one record by every definition of its object; out has plan->count places (those of
 * other objects are left empty and out of scope). Scores of associated records that it takes are
 * walked too, and remembered for the next records of the same clock. LS_ERROR_RANGE names record
 * and rule; LS_ERROR_INPUT names an unreadable cell unless the dataset is lenient;
 * LS_ERROR_DEFINITION: scores use each other more than LS_WALK_DEEPEST deep. */
int ls_walk_record(ls_walk *walk, ls_object object, size_t row, const ls_clock *clock,
                   ls_score *out, ls_error *error);
/* The same of one definition, and of no more than what it uses. */
int ls_walk_one(ls_walk *walk, size_t definition, size_t row, const ls_clock *clock, ls_score *out,
                ls_error *error);
/* Scores that are known already, by definition: those that a plain walk at this instant takes (its
 * own record's other scores and associated records') are read there but for rows with
 * LS_FLAG_WALK, which are walked. They must be complete for every definition that is used. NULL:
 * no more. */
struct ls_score_column;
void ls_walk_use(ls_walk *walk, const struct ls_score_column *columns, int64_t at);

/* A walk goes from score to score as deep as they use each other. */
#define LS_WALK_DEEPEST 100

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
#define LS_ALWAYS ((ls_interval){INT64_MIN, INT64_MAX})

/* What a rule came to. */
typedef struct ls_rule_result {
    bool fired;
    int64_t raw, value; /* before and after the rule's limit */
} ls_rule_result;

/* One contact's part of the occurrences found. */
typedef struct ls_contact_found {
    size_t row, first, count;
} ls_contact_found;

/* What an event came to while a condition on dates moves: only those that one moves are looked at
 * again. */
typedef struct ls_seen_event {
    size_t event, contact; /* contact: of ls_found.contacts */
    ls_interval interval;  /* in which it stays so */
    ls_occurrence occurrence;
    bool occurs;
} ls_seen_event;

/* The occurrences of one spec for the record at hand, contact by contact (a contact is its own
 * only one): of each all that could be in a window that moves, by time; the later ones stay longer,
 * so any instant's occurrences are the last ones here. */
typedef struct ls_found {
    bool ready, coded;
    size_t row;           /* the record that they are of */
    ls_interval interval; /* where they hold: conditions on dates may move */
    uint32_t *codes;      /* by name: code of the event's name in the dataset */
    ls_occurrence *items;
    size_t count, capacity;
    ls_contact_found *contacts;
    size_t contact_count, contact_capacity;
    ls_seen_event *seen; /* once they were found again: all events of the names, in order */
    size_t seen_count, seen_capacity, seen_next;
    bool seen_all;
} ls_found;

/* An associated record that a rule goes over. */
typedef struct ls_walk_member {
    uint32_t row;
    bool known;     /* it has a value */
    bool taken;     /* it takes part: known, and among the largest if only those do, or counted */
    bool fired;     /* it had an occurrence, or its value applied; of a rollup: known or counted */
    bool in_scope;  /* of a rollup of scores: its score is */
    ls_exact value; /* of a count: 1 or 0 */
} ls_walk_member;

/* An occurrence whose curve may cancel another's. */
typedef struct ls_term {
    size_t pool; /* terms of one pool are added before any limit */
    const ls_occurrences *occurrences;
    ls_occurrence *occurrence;
} ls_term;

typedef struct ls_walk_rule {
    bool varies;  /* by a curve, its own or of a score that it takes: never kept */
    bool shrinks; /* a plain sum of occurrences, or what it takes is made of such: in bounds every
                     one of them only moves towards 0 */
    bool steps;   /* its value shrinks by steps or through a window */
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
    size_t row;          /* the record that rules are kept of; SIZE_MAX: none */
    bool cancelled;      /* curves that cancel were looked for */
    bool shrinks, steps; /* some rule does */
} ls_walk_definition;

/* Which answer of a score is wanted. */
typedef enum ls_which {
    LS_NOW,
    LS_MIXED, /* curves later than all else; conditions on scores ask LS_NOW */
    LS_LEAST, /* bounds over an interval; conditions on scores ask both */
    LS_MOST
} ls_which;

/* A score that was worked out. */
typedef struct ls_remembered {
    uint32_t definition, row;
    uint8_t which;
    bool lasts;    /* it holds throughout `interval` */
    uint64_t look; /* when it was worked out */
    ls_interval interval;
    ls_score score;
} ls_remembered;

typedef struct ls_memory {
    ls_remembered *items;
    size_t count, capacity;
    uint32_t *slots; /* a hash table of places in items, from 1; 0: free */
    size_t slot_count;
} ls_memory;

struct ls_walk {
    ls_context *context;
    const ls_plan *plan;
    ls_dataset *dataset;
    ls_arena arena;
    ls_value_reader reader;
    ls_dictionary buckets; /* texts of once_per, for one spec at a time */
    ls_walk_definition *definitions;
    const ls_list **lists; /* by plan->lists */
    bool *wanted;          /* by definition: those that ls_next_change works on */
    int64_t *values;       /* scratch of ls_next_change: as many as the most groups and rules */
    ls_term *terms;        /* scratch of ls_walk_cancel; the walk frees it */
    size_t term_capacity;
    ls_walk_member *members; /* a stack: a rule's members lie above those of the rule that asked */
    size_t member_count, member_capacity;

    ls_memory memory;
    int64_t events_until; /* of all that is remembered */
    uint64_t looks;       /* counts them */
    uint64_t look[4];     /* by ls_which: the one that answers hold of */
    ls_clock clocks[4];   /* by ls_which */
    const struct ls_score_column *columns;
    int64_t columns_at;

    /* the question that is being answered */
    ls_object object; /* of whom */
    size_t row;
    ls_walk_definition *part;
    size_t event; /* whose properties `where` reads */
    ls_which which;
    ls_clock clock;
    unsigned depth;
    bool watching; /* edges are wanted */
    bool still;    /* the clock stays, so rules may be kept without edges */
    bool
        coarse; /* rules that shrink have no edges: positive points are taken at curve_gain whole */
    ls_interval interval; /* narrowed by every edge met */
    bool ambiguous;       /* a condition on scores is not the same from least to most */
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
LS_INLINE int64_t ls_rule_weight(const ls_rule *rule)
{
    return rule->kind == LS_RULE_ROLLUP ? rule->rollup->weight : LS_MILLION;
}
LS_INLINE bool ls_walk_is_bounding(const ls_walk *walk)
{
    return walk->which >= LS_LEAST;
}

/* Begins a record; then a look sets a clock (with this events_until) for every answer that is
 * wanted, and ls_walk_score or ls_walk_ask answer at it. */
void ls_walk_begin(ls_walk *walk, ls_object object, size_t row, int64_t events_until);
void ls_walk_look(ls_walk *walk, ls_which which, const ls_clock *clock);
/* One definition's score of the record at hand, worked out anew. Leaves group_sums and settled and
 * narrows walk->interval while walk->watching; the walk stays at it for the questions below. */
int ls_walk_score(ls_walk *walk, size_t definition, ls_which which, ls_score *out, ls_error *error);
/* Any record's score, worked out if it is not remembered; the walk stays where it is. After a
 * failure it is empty. */
void ls_walk_ask(ls_walk *walk, uint32_t definition, size_t row, ls_which which, ls_score *out);

/* Where a walk stands. */
typedef struct ls_standing {
    ls_object object;
    size_t row, event;
    ls_walk_definition *part;
    ls_which which;
    ls_clock clock;
} ls_standing;
/* Goes to another record; definitions and clock stay. */
ls_standing ls_walk_visit(ls_walk *walk, ls_object object, size_t row);
void ls_walk_return(ls_walk *walk, const ls_standing *standing);

/* The parts of the record's last score, for explanations: at walk->clock, of walk->part's
 * definition. Errors are left in walk->status. */
ls_truth ls_walk_filter(ls_walk *walk, const ls_filter *filter);
ls_rule_result ls_walk_rule_result(ls_walk *walk, size_t rule);
/* over: whose contacts' occurrences; NULL: the record's, or of a company or deal all its
 * contacts'. */
ls_found *ls_walk_find(ls_walk *walk, const ls_occurrences *occurrences, const ls_over *over);
/* One contact's occurrences now, by time. */
const ls_occurrence *ls_walk_window(ls_walk *walk, const ls_occurrences *occurrences,
                                    const ls_found *found, size_t contact, size_t *count);
/* All contacts' together; *latest: the time of the last one, where there is any. */
size_t ls_walk_count(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                     int64_t *latest);
/* What points of an instant are worth now. */
int64_t ls_walk_decay(const ls_walk *walk, const ls_decay *decay, int64_t points, int64_t at);
/* The band of times that the count fits, or NULL. */
const ls_times *ls_walk_times(const ls_occurrences *occurrences, size_t count);
/* The record's value of a property, and its cell as it is in the input. */
void ls_walk_value(ls_walk *walk, uint32_t property, ls_type type, ls_value *out);
ls_string ls_walk_cell(const ls_walk *walk, uint32_t property);
/* A part of a score as a value; unknown where the score has no such part. */
void ls_walk_score_value(ls_walk *walk, uint32_t definition, ls_part part, const ls_score *score,
                         ls_value *out);
/* How many associated records a relation filter found. */
typedef struct ls_tally {
    size_t count, holding, unknown;
} ls_tally;
void ls_walk_tally(ls_walk *walk, const ls_over *over, ls_tally *out);
ls_truth ls_tally_truth(const ls_filter *filter, const ls_tally *tally);
/* Whether a filter on a related record holds; NULL always does. */
ls_truth ls_walk_related(ls_walk *walk, const ls_filter *where, ls_object object, size_t row);
/* The members of a rule, those that pass `over`, on top of the stack: they are
 * walk->members[first .. walk->member_count - 1] from *first on; the caller takes them off by
 * setting walk->member_count back. Out of memory: none. */
void ls_walk_members(ls_walk *walk, const ls_rule *rule, size_t *first);

/* ---- between the files of the walk ----------------------------------------------------------- */

/* Something may change at this instant. */
LS_INLINE void ls_note_edge(ls_walk *walk, int64_t edge)
{
    if (edge > walk->clock.at)
        walk->interval.until = ls_min(walk->interval.until, edge);
    else
        walk->interval.from = ls_max(walk->interval.from, edge);
}
LS_INLINE void ls_note_interval(ls_walk *walk, ls_interval interval)
{
    walk->interval.from = ls_max(walk->interval.from, interval.from);
    walk->interval.until = ls_min(walk->interval.until, interval.until);
}
/* time + span, or the end of time. */
LS_INLINE int64_t ls_add_span(int64_t time, int64_t span)
{
    int64_t sum;
    return __builtin_add_overflow(time, span, &sum) ? INT64_MAX : sum;
}
LS_INLINE bool ls_sum_is_in_range(ls_int128 sum)
{
    return sum <= LS_MAX_SUM && sum >= -(ls_int128)LS_MAX_SUM;
}
void ls_walk_fail_memory(ls_walk *walk);
/* The sum of a group (rule NULL) or rule of the record at hand passed the largest. */
void ls_walk_fail_sum(ls_walk *walk, size_t group, const ls_rule *rule);
bool ls_walk_choose(ls_walk *walk, const ls_choice *choice, ls_int128 *points);
/* What one contact's occurrences come to; whether any counts. */
bool ls_walk_contact(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                     size_t contact, ls_int128 *sum);
/* Of where a window begins among one contact's occurrences. */
size_t ls_walk_start(const ls_occurrences *occurrences, const ls_found *found, size_t contact,
                     int64_t at);
/* A relation filter; a rule over associated records. */
ls_truth ls_walk_relation(ls_walk *walk, const ls_filter *filter);
bool ls_walk_over(ls_walk *walk, const ls_rule *rule, ls_int128 *sum);
/* Whether both values lie on the same side of everything that the condition compares with, so that
 * all between them answer alike. */
bool ls_is_same_side(const ls_condition *condition, int64_t a, int64_t b);
/* The score of walk->part's definition for walk->row. */
void ls_walk_definition_score(ls_walk *walk, ls_score *out);
void ls_walk_forget(ls_walk_definition *part);
/* Marks occurrences of walk->part's curves that even each other out for ever. */
void ls_walk_cancel(ls_walk *walk);
#endif
