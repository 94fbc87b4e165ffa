/* The binding: one definition of a plan, bound to a dataset's dictionaries at an instant. Every
 * question that a rule asks of a text is answered here once per distinct text, and what an event
 * adds at every age once per class of events and bucket of ages, so that kernels only look up and
 * add. It is extended when a dictionary grows and made anew when the instant moves something other
 * than ages. Kernels read it; nothing here scores. */
#ifndef LS_BINDING_H
#define LS_BINDING_H

#include "ls_answers.h"
#include "ls_decay.h"

/* What one value of a record's property adds by itself. */
typedef struct ls_addition {
    uint32_t target; /* of the record's sums */
    int64_t points;
} ls_addition;
typedef struct ls_value_class {
    uint32_t first, count; /* of additions */
    bool fires;
} ls_value_class;
typedef struct ls_fit_table {
    uint32_t property;   /* of tables */
    uint32_t generation; /* of that table */
    size_t class_count, class_capacity, addition_count, addition_capacity;
    ls_value_class *classes;
    ls_addition *additions;
} ls_fit_table;

/* How the occurrences of one spec (event rule or did filter) are worked out. */
typedef enum ls_way {
    LS_WAY_OFF,   /* its rule is disabled */
    LS_WAY_TABLE, /* class and bucket */
    LS_WAY_SUM,   /* kernel: each occurrence's decayed points */
    LS_WAY_COUNT, /* kernel: count and latest */
    LS_WAY_LIST   /* kernel: once_per, latest: occurrences are listed and sorted */
} ls_way;

typedef struct ls_spec {
    const ls_occurrences *occurrences;
    const ls_rule *rule; /* NULL: a did filter */
    ls_way way;
    bool generic; /* `where` is asked per event: its classes would be too many, or it asks the time
                   */
    uint32_t choice;     /* of its property's table */
    uint32_t target;     /* of the record's sums */
    uint32_t lane;       /* LS_WAY_TABLE: of lanes, its sum */
    uint32_t count_lane; /* LS_WAY_TABLE: of lanes, its count */
    size_t edge_count;   /* ages at which its points change: windows and steps */
} ls_spec;

/* A spec that the events of a class are occurrences of. */
typedef struct ls_match {
    uint32_t spec;
    int64_t points;
} ls_match;
typedef struct ls_event_class {
    uint32_t first, count; /* of matches */
} ls_event_class;
/* Different lists of matches, each there once. Set 0 is empty. */
typedef struct ls_match_sets {
    size_t count, capacity;
    ls_event_class *sets;
    size_t match_count, match_capacity;
    ls_match *matches;
    size_t slot_count;
    uint32_t *slots; /* finds equal lists: set + 1, 0 free */
} ls_match_sets;
/* Several specs may have the same one. */
#define LS_LIST_BIT(spec) (UINT64_C(1) << (spec) % 64)
/* In a row of entries: some occurrence that a kernel works out fires its rule, at any age. */
#define LS_FIRES UINT32_MAX

typedef enum ls_lane_kind { LS_LANE_TARGET, LS_LANE_COUNT, LS_LANE_FIRED } ls_lane_kind;
typedef struct ls_lane {
    ls_lane_kind kind;
    uint32_t index; /* target or spec */
    int64_t unit;   /* what 1 stands for */
    int64_t
        least; /* the smallest entry: entries are kept minus it, so that lanes never go below 0 */
    uint32_t word;
    uint8_t shift, bits;
} ls_lane;

/* Names that a direct map has room for. */
#define LS_DIRECT_NAMES 256
#define LS_MAX_BUCKETS 4096
#define LS_MAX_ENTRY_BYTES (256 * 1024)
#define LS_MAX_COMBINATIONS 16384

typedef struct ls_binding {
    ls_context *context;
    const ls_plan *plan;
    const ls_definition *definition;
    const ls_dataset *dataset;
    int64_t at;
    bool bound;

    const ls_answers *answers;
    const ls_questions *questions;
    ls_property_table *tables;  /* by property: copies of what the answers' tables hold */
    const uint32_t *atom_place; /* by atom: its place in its property's table */
    size_t fit_count;
    ls_fit_table *fits;
    size_t filter_rule_count;
    uint32_t *filter_rules; /* `when` rules that ask more than one property */
    size_t over_rule_count;
    uint32_t *over_rules;  /* rules over associated records */
    const ls_list **lists; /* by plan->lists; NULL: no input has it */

    /* the record's sums: groups, then limited rules, then one member's results of event rules over
     * contacts, from member_target on */
    size_t target_count, member_target, member_count;
    uint32_t *rule_target; /* by rule */

    size_t spec_count;
    ls_spec *specs;              /* by ls_occurrences.index */
    ls_quick_decay *decays;      /* by spec */
    ls_half_life_powers *powers; /* NULL: no half-life */
    bool any_kernel, any_list, any_generic;
    bool values_move; /* some answer of a property depends on the instant, if only one that another
                         definition asks */
    bool events_move; /* the same of a property of events */

    /* An event has a place: map_base[name] + the parts of its value classes. A name's places tell
     * no more of a value than the specs that name it ask. class_map[place]: its class. */
    size_t event_code_count;
    size_t spec_words;
    uint64_t *event_specs;   /* bits by event code: the specs that name it */
    uint32_t *generic_first; /* by event code and one more: its generic specs in generic_specs */
    uint32_t *generic_specs;
    size_t map_table_count; /* property tables that the map reads */
    uint32_t *map_tables;   /* of tables */
    uint32_t *map_base;     /* by event code */
    uint32_t *map_first;    /* by map table and event code: of map_parts, by value class */
    size_t map_part_count, map_part_capacity;
    uint16_t *map_parts;
    size_t map_size;
    uint16_t *class_map;
    /* Where there are few names and the map reads one property at most, and no spec wants to know
     * classes: the first entry of a row, by value class and name. NULL: it is not so. */
    uint32_t *direct_rows;
    size_t direct_size;
    ls_match_sets classes;  /* all matches of a class; class 0: occurrences of nothing */
    bool *class_has_kernel; /* by class: some match is not for the tables */
    uint64_t *class_lists;  /* by class: LS_LIST_BIT of those of its specs that list occurrences */
    ls_match_sets rows;     /* what entries hold of classes: that of many may be alike */
    uint16_t *class_rows;   /* by class */

    /* buckets of ages: bucket b holds edges[b - 1] <= age < edges[b]; edges[bucket_count - 1] is
     * INT64_MAX */
    size_t bucket_count;
    int64_t *edges;
    uint8_t cell_shift;  /* cells of 2^cell_shift seconds, from age 0 */
    uint16_t cell_edges; /* the most edges inside one cell */
    size_t cell_count;   /* ages past the last cell are of the last bucket */
    uint16_t *cells;     /* the bucket at the cell's start */
    /* entries: words by (row * bucket_count + bucket) */
    size_t lane_count;
    ls_lane *lanes;
    uint32_t fired_lane; /* counts events that were an occurrence of something */
    size_t entry_count, words;
    uint64_t made; /* the number of these entries: no others of the context have it */
    size_t flush;  /* events that lanes take before they are emptied */
    uint64_t *entries;

    int64_t event_bound;     /* what one event can add to all sums at most, millionths, absolute */
    ls_int128 fixed_bound;   /* what all else can */
    ls_int128 settled_bound; /* what limits of groups, categories and the total can */
} ls_binding;

/* definition: of the plan's. The binding borrows answers, plan and dataset. */
int ls_binding_init(ls_binding *binding, const ls_answers *answers, size_t definition,
                    ls_error *error);
void ls_binding_free(ls_binding *binding);
/* Brings it up to date with the answers and the instant, which these are up to date with. Errors:
 * memory. */
int ls_binding_update(ls_binding *binding, int64_t at, ls_error *error);
/* Brings it up to date with what ls_answers_row asked, once more after a failure by
 * ls_binding_update. Errors: memory. */
int ls_binding_values(ls_binding *binding, ls_error *error);

/* Whether the event's age is inside the spec's timeframe. */
LS_INLINE bool ls_spec_open(const ls_occurrences *occurrences, int64_t at, int64_t age)
{
    return age >= 0 && (!occurrences->has_last || age < occurrences->last) &&
           (!occurrences->has_from || at - age >= occurrences->from) &&
           (!occurrences->has_until || at - age < occurrences->until);
}

/* ls_binding_classes.c: classes, of specs whose ways were chosen. LS_OK or LS_ERROR_MEMORY. */
int ls_binding_classes(ls_binding *binding);
/* ls_binding_events.c: classes, buckets and entries, from up-to-date property tables. */
int ls_binding_events(ls_binding *binding);
/* Buckets and entries alone, at another instant. */
int ls_binding_ages(ls_binding *binding);
/* Whether the instant moves some age at which entries change. */
bool ls_binding_ages_move(const ls_binding *binding);
void ls_binding_events_free(ls_binding *binding);
/* The way of a spec that tables do not hold. */
ls_way ls_spec_kernel_way(const ls_spec *spec);

/* What an event's value of a map table adds to its place. */
LS_INLINE uint32_t ls_map_part(const ls_binding *binding, size_t name, size_t table, uint32_t class)
{
    return binding->map_parts[binding->map_first[table * binding->event_code_count + name] + class];
}
LS_INLINE const ls_event_class *ls_class_matches(const ls_binding *binding, size_t class)
{
    return &binding->classes.sets[class];
}
/* Whether entries say that the spec's occurrences fire its rule, though a kernel sums them up: it
 * then needs those alone that are worth something. */
LS_INLINE bool ls_spec_fires_by_entry(const ls_spec *spec)
{
    const ls_occurrences *occurrences = spec->occurrences;
    return (spec->way == LS_WAY_SUM || spec->way == LS_WAY_LIST) && !spec->generic &&
           spec->rule != NULL && spec->rule->over == NULL && occurrences->times_count == 0 &&
           !occurrences->has_last && !occurrences->has_from && !occurrences->has_until;
}

#endif
