/* Kernels: score a range of contacts by one bound definition. They only read the binding and the
 * dataset and write the result's columns and their own scratch, so that threads can share the work;
 * they never allocate. */
#ifndef LS_KERNEL_H
#define LS_KERNEL_H

#include "ls_binding.h"

/* One definition's scores, by row. */
typedef struct ls_score_column {
    int64_t *value, *fit, *engagement; /* fit and engagement: NULL unless combined */
    int32_t *label;                    /* NULL without thresholds */
    uint8_t *flags;
} ls_score_column;

typedef struct ls_scratch ls_scratch;
#define LS_FLAG_IN_SCOPE 1
#define LS_FLAG_SCORED 2
#define LS_FLAG_EMPTY 4
#define LS_FLAG_WALK 8 /* sums could pass a lane: the walk scores this record */

/* An occurrence that once_per or latest looks at. */
typedef struct ls_listed {
    int64_t key; /* the day, or the folded text's code */
    int64_t time;
    int64_t points;
} ls_listed;

/* The results of associated records, as they become one. */
typedef struct ls_member {
    ls_int128 sum;
    int64_t least, greatest;
    size_t count;
    bool fired;
    ls_related related; /* which links the rule takes */
} ls_member;

/* What a rollup makes of the associated records of one, worked out for all at once. */
typedef struct ls_rolled {
    ls_int128
        value; /* the sum, or the largest or smallest; scores in millionths, columns in 10^-12 */
    uint32_t count;
} ls_rolled;

/* What is asked of a record: by a filter, for a rule. */
typedef struct ls_record {
    const ls_binding *binding;
    const ls_score_column *columns; /* by definition */
    ls_rolled *const *rolled;       /* by rule of binding->over_rules, then row; NULL: gather */
    ls_scratch *scratch;
    ls_object object;
    size_t row;
    size_t place; /* where its scores stand in columns: its row, where these are of all rows */
    bool own;     /* the record that is being scored: its events are counted in scratch->counts */
} ls_record;

/* What the events of one record are worth: it stays as it is from one instant until another, where
 * entries alone say it. Kept for a record that is scored again and again; events that come behind
 * those that were added up are added to it. */
typedef struct ls_kept_events {
    bool wanted; /* to be kept by the next run */
    bool known;
    bool fired;
    int64_t from, until;
    size_t count; /* events that were added up, from the record's first */
    size_t capacity;
    int64_t *sums; /* by target, then counts by spec */
} ls_kept_events;

/* One thread's memory, large enough for every binding of a run. */
struct ls_scratch {
    ls_context *context;
    size_t event_capacity, target_capacity, spec_capacity, listed_capacity, word_capacity;
    uint16_t *classes;    /* by event of the block */
    uint32_t *entries;    /* by event of the block: its entry */
    ls_listed *listed;    /* by event of one contact */
    uint32_t *seen;       /* finds the occurrences that were kept by their keys */
    size_t seen_capacity; /* a power of two, at least twice as many as may be listed */
    int64_t *sums;        /* by target */
    int64_t *counts;      /* by spec */
    int64_t *latest;      /* by spec: the time of the latest occurrence */
    uint64_t *words;      /* lanes that are being added up */
    bool fired;
    ls_kept_events *kept;     /* NULL: nothing is kept */
    struct ls_steady *steady; /* of a run of one contact: where what stays is noted; NULL: it is not
                               */
    /* Where rules go over associated records: */
    bool too_large;     /* some sum passed what a record may have: it is walked */
    ls_int128 *values;  /* by member: the values that a rollup takes the largest of */
    int64_t *totals;    /* by spec: counts of all contacts together */
    ls_member *members; /* by event rule over contacts: what its members make together */
    size_t value_capacity, member_capacity;
};

/* The most events that a contact of a grouped dataset has. */
size_t ls_most_events(const ls_dataset *dataset);
/* bindings: those of the run; events: no contact has more. LS_OK or LS_ERROR_MEMORY. */
int ls_scratch_init(ls_scratch *scratch, ls_context *context, const ls_binding *bindings,
                    size_t count, size_t events);
void ls_scratch_free(ls_scratch *scratch);

/* columns: of every definition of the plan, since scores use each other; the binding's own is
 * written for the rows first .. last - 1. rolled: what ls_kernel_roll made, by rule of
 * binding->over_rules; NULL, all or one: gathered row by row. A record that must be walked gets
 * LS_FLAG_WALK and nothing else. */
void ls_kernel_run(const ls_binding *binding, const ls_score_column *columns,
                   ls_rolled *const *rolled, size_t first, size_t last, ls_scratch *scratch);

/* One contact alone, whose score is written at row 0 of the columns. */
void ls_kernel_one(const ls_binding *binding, const ls_score_column *columns, size_t row,
                   ls_scratch *scratch);

/* ls_kernel_events.c: the events of a block: their classes and entries, from event `begin` on. */
void ls_kernel_entries(const ls_binding *binding, size_t begin, size_t count, ls_scratch *scratch);
/* Adds what one contact's events [begin, end) are worth to scratch->sums, counts, latest and fired.
 * block: the first event of the block. */
void ls_kernel_contact(const ls_binding *binding, size_t block, size_t begin, size_t end,
                       ls_scratch *scratch);
/* How many of a contact's events the spec counts, asked one by one: for filters on associated
 * contacts. */
int64_t ls_kernel_count(const ls_binding *binding, const ls_occurrences *occurrences,
                        size_t contact);
/* A filter on a record, three-valued. */
ls_truth ls_kernel_ask(const ls_record *record, const ls_filter *filter);
/* Adds points to one of the record's sums, minding the largest sum. */
void ls_kernel_add(ls_scratch *scratch, uint32_t target, ls_int128 points);

/* Applies limits and thresholds to scratch->sums and fired and writes the score. */
void ls_kernel_settle(const ls_binding *binding, const ls_score_column *column, size_t place,
                      ls_scratch *scratch);
/* Notes what of one of the record's sums decays by a curve, where that is wanted. */
void ls_kernel_note_curved(const ls_binding *binding, size_t spec, int64_t points, int64_t time,
                           ls_scratch *scratch);

/* ls_kernel_related.c */
ls_truth ls_kernel_related(const ls_record *record, const ls_filter *filter);
/* The events of a company's or deal's contacts: per contact, then combined. */
void ls_kernel_contacts(const ls_record *record);
/* Property rules over associated records, and rollups. */
void ls_kernel_over(const ls_record *record);
/* An associated record against the filter of a rule or filter that goes over it. */
ls_truth ls_kernel_ask_other(const ls_record *record, const ls_over *over, size_t row);

/* ls_kernel_rollup.c: the rollup of that place in binding->over_rules. */
void ls_kernel_rollup(const ls_record *record, size_t place);
/* The value that an associated record takes part in a rollup with; false: none, or it does not
 * count. Sets scratch->too_large for a number past what exact sums hold. */
bool ls_kernel_value(const ls_record *record, const ls_rollup *rollup, size_t row, ls_int128 *out);

/* ls_kernel_roll.c: works out those rollups of the definitions that need no row's values together,
 * for all rows, once the scores that they go over are there. rolled: by definition, gets by rule
 * of binding->over_rules the totals by row, NULL for rules that are gathered; given back by
 * ls_kernel_unroll, also after a failure. LS_OK or LS_ERROR_MEMORY. */
int ls_kernel_roll(const ls_binding *bindings, const uint32_t *definitions, size_t count,
                   const ls_score_column *columns, ls_scratch *scratch, ls_rolled ***rolled);
void ls_kernel_unroll(const ls_binding *binding, ls_rolled ***rolled);

/* Whether the event is an occurrence of a spec that is asked event by event, and its points. */
bool ls_kernel_is_occurrence(const ls_binding *binding, const ls_spec *spec, size_t event,
                             int64_t *points);
/* What once_per tells an occurrence by; 0 where the spec has none. */
int64_t ls_kernel_once_key(const ls_binding *binding, const ls_occurrences *occurrences,
                           size_t event, int64_t time);
/* Sorts what once_per and latest of a spec choose from, and moves what they choose behind the rest,
 * in the order of time; the first that is chosen. */
size_t ls_kernel_choose(const ls_binding *binding, size_t spec, ls_listed *listed, size_t count,
                        ls_scratch *scratch);
/* What chosen occurrences are worth; points: that each of them starts from, NULL: its own. */
int64_t ls_kernel_sum_chosen(const ls_binding *binding, size_t spec, const ls_listed *chosen,
                             size_t count, const int64_t *points);

/* Whether a count fits the rule's times, and what that earns: the first band that fits, NULL: none.
 */
const ls_times *ls_times_fit(const ls_occurrences *occurrences, int64_t count);
/* The events that a block takes, but for a contact that has more. */
#define LS_BLOCK_EVENTS 8192
#endif
