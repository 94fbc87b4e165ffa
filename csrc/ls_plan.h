/* The plan: a set of definitions, compiled from the canonical form. It holds no data, never changes
 * after it was made, and everything in it lives in one arena. What the fields mean is in the
 * scoring language; numbers in comments are its sections. */
#ifndef LS_PLAN_H
#define LS_PLAN_H

#include "ls_core.h"
#include "ls_decimal.h"

typedef enum ls_truth { LS_FALSE = 0, LS_TRUE = 1, LS_UNKNOWN = 2 } ls_truth;
typedef enum ls_type { LS_TEXT, LS_NUMBER, LS_BOOLEAN, LS_DATETIME, LS_SET, LS_POINTS } ls_type;

typedef enum ls_op {                     /* operands used                                  */
                     LS_OP_ANY_OF,       /* texts | numbers | points                       */
                     LS_OP_NONE_OF,      /* texts | numbers | points                       */
                     LS_OP_ALL_OF,       /* texts (set)                                    */
                     LS_OP_EXACTLY,      /* texts (set), sorted, no repeats                */
                     LS_OP_CONTAINS,     /* texts: any of; of a set: some value does       */
                     LS_OP_NOT_CONTAINS, /* texts: none of; of a set: no value does        */
                     LS_OP_STARTS_WITH,  /* texts: any of                                  */
                     LS_OP_ENDS_WITH,    /* texts: any of                                  */
                     LS_OP_MORE_THAN,    /* numbers[0] | points[0]                         */
                     LS_OP_AT_LEAST,
                     LS_OP_LESS_THAN,
                     LS_OP_AT_MOST,
                     LS_OP_BETWEEN, /* numbers[0..1] | points[0..1], inclusive        */
                     LS_OP_NOT_BETWEEN,
                     LS_OP_IS,             /* boolean                                        */
                     LS_OP_WITHIN,         /* from <= value < until                          */
                     LS_OP_OUTSIDE,        /* not that                                       */
                     LS_OP_BEFORE,         /* value < from                                   */
                     LS_OP_SINCE,          /* value >= from                                  */
                     LS_OP_IN_LAST,        /* span: age in [0, span)                         */
                     LS_OP_MORE_THAN_AGO,  /* span: age >= span                              */
                     LS_OP_IN_NEXT,        /* span: 0 < time ahead <= span                   */
                     LS_OP_MORE_THAN_AHEAD /* span: time ahead > span                        */
} ls_op;

typedef struct ls_test {
    ls_op op;
    size_t count;     /* of texts, numbers or points */
    ls_string *texts; /* folded */
    ls_string *shown; /* the same texts as the definition spells them */
    double *numbers;
    int64_t *points;
    bool boolean;
    int64_t from, until, span;
} ls_test;

typedef struct ls_condition {
    ls_type type;
    bool missing; /* an unknown value counts as a match */
    bool asks_known, known;
    bool moves; /* some test depends on the instant of scoring */
    size_t count;
    ls_test *tests; /* all must hold */
} ls_condition;

/* A property that a definition reads. */
typedef struct ls_property {
    ls_object owner; /* LS_EVENT: of events */
    ls_type type;
    ls_string name; /* without the owner */
} ls_property;

/* Associated records (7). */
typedef enum ls_relation {
    LS_RELATED_COMPANY,         /* of a contact or deal: the primary one */
    LS_RELATED_COMPANIES,       /* of a contact */
    LS_RELATED_DEALS,           /* of a contact or company */
    LS_RELATED_CONTACTS,        /* of a company or deal */
    LS_RELATED_PRIMARY_CONTACTS /* of a company: those whose primary company it is */
} ls_relation;

/* Which associated records: those of a relation, that carry a label, for which a filter is true. */
typedef struct ls_over {
    ls_relation relation;
    ls_object object;         /* what the related records are */
    ls_string labelled;       /* folded; length 0: any */
    ls_string labelled_shown; /* as spelt */
    struct ls_filter *where;  /* on the related record; NULL: all */
} ls_over;

typedef enum ls_filter_kind {
    LS_FILTER_ALL,      /* children */
    LS_FILTER_ANY,      /* children */
    LS_FILTER_NONE,     /* children */
    LS_FILTER_PROPERTY, /* property, condition, atom */
    LS_FILTER_SCORE,    /* score, part, condition */
    LS_FILTER_LIST,     /* lists (any of), negate: in none of */
    LS_FILTER_DID,      /* did, negate: did_not */
    LS_FILTER_RELATED   /* related; every, or counted between count_min and count_max */
} ls_filter_kind;

typedef enum ls_part { LS_PART_VALUE, LS_PART_FIT, LS_PART_ENGAGEMENT, LS_PART_LABEL } ls_part;

struct ls_occurrences;
typedef struct ls_filter {
    ls_filter_kind kind;
    size_t count;
    struct ls_filter *children;
    uint32_t property; /* of definition->properties */
    uint32_t atom;     /* number of this leaf among the definition's property conditions */
    ls_condition *condition;
    uint32_t score; /* of plan->definitions */
    ls_part part;
    uint32_t *lists; /* of plan->lists; count of them in `count` */
    bool negate;
    struct ls_occurrences *did;
    ls_over *related;
    bool every, counted;
    int64_t count_min, count_max;
} ls_filter;

/* points_by, bands and otherwise (4, 5). */
typedef enum ls_choice_kind { LS_CHOICE_NONE, LS_CHOICE_BY, LS_CHOICE_BANDS } ls_choice_kind;
typedef struct ls_choice {
    ls_choice_kind kind;
    uint32_t property; /* of definition->properties */
    size_t count;
    struct ls_choice_entry {
        ls_string text, shown; /* text, set: folded, as spelt */
        double number;
        bool boolean;
        int64_t from, until;     /* datetime */
        ls_condition *condition; /* bands */
        int64_t points;
    } * entries; /* points_by on text and set: sorted by folded text (ls_string_compare); bands: in
                    order */
    bool has_otherwise;
    int64_t otherwise;
} ls_choice;

typedef struct ls_times {
    int64_t min, max; /* max INT64_MAX: no bound */
    int64_t points;
} ls_times;

typedef enum ls_once { LS_ONCE_NONE, LS_ONCE_DAY, LS_ONCE_PROPERTY } ls_once;

/* Which events are occurrences, and what they earn (5). */
typedef struct ls_occurrences {
    size_t event_count;
    ls_string *events; /* exact, sorted */
    ls_filter *where;  /* NULL: all */
    bool has_last, has_from, has_until;
    int64_t last, from, until; /* age in [0, last); time in [from, until) */
    ls_once once;
    uint32_t once_property;
    size_t times_count; /* 0: every occurrence earns */
    ls_times *times;    /* the first that fits */
    uint64_t latest;    /* 0: all */
    int64_t points;     /* of an occurrence, unless choice has a kind */
    ls_choice choice;
    ls_decay decay;
    uint32_t index; /* number among the definition's occurrence specs (rules and did filters) */
} ls_occurrences;

typedef struct ls_limit {
    bool has_min, has_max;
    int64_t min, max;
} ls_limit;

typedef enum ls_rule_kind {
    LS_RULE_WHEN,
    LS_RULE_PROPERTY,
    LS_RULE_EVENT,
    LS_RULE_ROLLUP
} ls_rule_kind;

/* How the results or values of associated records become one. */
typedef enum ls_combine { LS_SUM, LS_AVG, LS_MAX, LS_MIN, LS_COUNT } ls_combine;

typedef struct ls_rollup {
    bool of_score, of_property; /* neither: a count of records */
    uint32_t score;             /* of plan->definitions */
    ls_part part;
    uint32_t property; /* of definition->properties, a number of the related object */
    uint64_t top;      /* the largest values that take part; 0: all */
    int64_t weight;    /* millionths */
    ls_condition *is;  /* LS_COUNT: which values count; NULL: all */
} ls_rollup;

typedef struct ls_rule {
    ls_rule_kind kind;
    uint32_t group, index;       /* its group, and its 0-based place there */
    ls_string name, description; /* length 0: none */
    bool enabled;
    ls_limit limit;
    int64_t points;              /* LS_RULE_WHEN */
    ls_filter *when;             /* LS_RULE_WHEN */
    ls_choice choice;            /* LS_RULE_PROPERTY */
    ls_occurrences *occurrences; /* LS_RULE_EVENT */
    ls_over *over;      /* associated records that the rule goes over; NULL: the record itself */
    ls_combine combine; /* with `over`; of a rollup: its function */
    ls_rollup *rollup;  /* LS_RULE_ROLLUP */
} ls_rule;

typedef struct ls_group {
    ls_string name, description;
    bool fit; /* else engagement */
    ls_limit limit;
    uint32_t first_rule, rule_count; /* in definition->rules */
} ls_group;

typedef struct ls_band {
    ls_string label;
    bool bounded;
    int64_t at_least;
} ls_band;

typedef struct ls_definition {
    ls_string name, label, description;
    uint64_t fingerprint[2]; /* of all that its canonical form says */
    ls_object object;
    bool has_fit, has_engagement; /* both: combined */
    ls_filter *scope;             /* NULL: all */
    ls_limit limit, fit_limit, engagement_limit;
    bool empty_until_scored;
    size_t property_count;
    ls_property *properties;
    size_t group_count, rule_count, atom_count, occurrences_count;
    ls_group *groups;
    ls_rule *rules; /* of all groups, in order; disabled ones too */
    /* thresholds (8): bands alone over the value; or fit_bands and engagement_bands, labels joined
     */
    size_t band_count, fit_band_count, engagement_band_count;
    ls_band *bands, *fit_bands, *engagement_bands;
    size_t label_count;
    const char *
        *labels; /* bands: by band; else fit band * engagement_band_count + engagement band */
    ls_string *folded_labels; /* the same, for conditions on score:NAME.label */
    bool moves;   /* some condition or absolute window depends on the instant by other than the
                     events' ages */
    bool curves;  /* some decay is linear or a half-life, here or in a score that it uses */
    bool relates; /* some filter or rule goes over associated records */
    size_t use_count;
    uint32_t *uses; /* definitions whose scores it reads */
} ls_definition;

struct ls_plan {
    ls_arena arena;
    ls_context *context;
    size_t references;
    size_t count;
    ls_definition *definitions; /* in the order given */
    uint32_t *order;            /* definitions in the order of their uses */
    size_t list_count;
    ls_string *lists;
};

void ls_plan_retain(const ls_plan *plan);

/* Sums of a definition's groups become its score: limits, categories, thresholds (3, 8). One place
 * for all ways of scoring. group_sums: before group limits, each within LS_MAX_SUM. The parts
 * before and after each limit, for explanations; label: index into definition->labels, -1 without
 * thresholds. */
typedef struct ls_settled {
    int64_t fit_raw, fit, engagement_raw, engagement, raw, value;
    int32_t label;
} ls_settled;
int64_t ls_limit_apply(const ls_limit *limit, int64_t sum);
/* false: a sum passed LS_MAX_SUM; *where then names the part ("total", "fit", "engagement"). */
bool ls_settle(const ls_definition *definition, const int64_t *group_sums, ls_settled *out,
               const char **where);
#endif
