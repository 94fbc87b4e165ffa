/* Scoring a dataset's contacts a block of rows at a time. Events are looked up and added a chunk at
 * a time, and then every step of a score (rules, groups, limits, labels) is a pass over columns
 * that hold one number a row. The tables here are those of a binding in the form that these passes
 * read; they are made once for a dataset and an instant. */
#ifndef LS_BLOCK_H
#define LS_BLOCK_H

#include "ls_binding.h"

/* Rows of a block, a multiple of LS_STRIP (ls_block_columns.h). */
#define LS_BLOCK_ROWS 128

/* What a value of a record's property adds, where all that the property adds goes to one sum. */
typedef struct ls_gain {
    int64_t points;
    uint64_t fires; /* 0 or 1 */
} ls_gain;
typedef struct ls_gain_table {
    const ls_property_table *table;
    uint32_t target;
    size_t count;
    ls_gain *gains; /* by value class */
} ls_gain_table;

/* Value classes of the one property that a direct map has room for. */
#define LS_DIRECT_CLASSES 32
/* Cells of 3 days where no two ages at which something changes are nearer than that, else of 18
 * hours: constants, so that kernels are made for them. */
#define LS_WIDE_CELL_SHIFT 18
#define LS_CELL_SHIFT 16

/* A spec whose occurrences are worked out one by one, and the columns that it adds to. */
typedef struct ls_block_spec {
    const ls_binding *binding;
    uint32_t number; /* of the binding's specs */
    uint32_t count;  /* of the columns of counts */
    uint32_t target; /* of the sums */
    uint32_t fired;  /* of the columns that say whether a rule fired */
    uint32_t next;   /* the next spec that chooses from the same list; LS_NO_CODE: none */
} ls_block_spec;

/* Occurrences of a chunk are put down in streams: one for each list, and one for each other spec.
 * What an event of a class adds to a stream, if it is of these times: */
typedef struct ls_block_match {
    uint32_t stream;
    uint32_t since, span; /* time - since <= span, in seconds from LS_EVENT_BASE on */
    int64_t points;
} ls_block_match;

typedef struct ls_block_class {
    uint32_t first, count; /* of matches: LS_MATCH_STEP at a time, the last of which may be none */
    uint32_t since;        /* the first time at which one does something; UINT32_MAX: none does */
} ls_block_class;
#define LS_MATCH_STEP 2

/* What once_per or latest chooses from: the stream of the same number. */
typedef enum ls_list_key { LS_KEY_NONE, LS_KEY_DAY, LS_KEY_CODE, LS_KEY_OTHER } ls_list_key;
typedef struct ls_block_list {
    uint32_t spec; /* the first that chooses from it */
    int64_t end;   /* the age from which occurrences are worth nothing */
    ls_list_key key;
    const ls_property_table *table; /* LS_KEY_CODE */
    uint16_t *matches;              /* by class of events: of matches + 1, 0: none */
} ls_block_list;

/* Entries stand at a multiple of so many bytes. */
#define LS_ENTRY_ALIGNMENT 32
typedef struct ls_block_entries {
    size_t size;
    void *block;
    uint64_t *words;
} ls_block_entries;

/* By name: the time since which its events may say something; UINT32_MAX: none do. For vectors,
 * where names are few: the times in units of 2^16 seconds, low bytes and high bytes. Vectors select
 * by these alone, so also events a little older, later than the instant, or at the end of the 32
 * bits: what they look up then says nothing. */
#define LS_FEW_NAMES 16
typedef struct ls_block_since {
    size_t name_count;
    uint32_t *times;
    bool few;
    uint8_t low[LS_FEW_NAMES], high[LS_FEW_NAMES];
} ls_block_since;

/* A direct map for vectors of events: entries by name, bucket and value class, all there are. */
#define LS_VECTOR_THRESHOLDS 16
#define LS_VECTOR_STEP 4
#define LS_VECTOR_ENTRY_BYTES (64 * 1024)
typedef struct ls_vector_tables {
    bool ready;
    size_t threshold_count; /* a multiple of LS_VECTOR_STEP */
    /* The last time before each bucket but the first, less 2^31, eight times; behind them
     * INT32_MAX. */
    int32_t thresholds[LS_VECTOR_THRESHOLDS][8];
    ls_block_since since;
    int16_t name_step, bucket_step; /* entries */
    size_t class_count;
    uint8_t *classes; /* by code of the property */
    ls_block_entries entries;
    uint64_t places[256]; /* by mask of eight: a byte for each bit that is set, its place */
} ls_vector_tables;

typedef struct ls_block_kernels ls_block_kernels;

/* Where an event's place comes from: that of its name, and a part for each value class. Several
 * definitions can share places, so that these are found once for all. */
typedef struct ls_block_map {
    size_t name_count, table_count;
    const ls_property_table **tables;
    const uint32_t *bases;  /* by name */
    const uint32_t *firsts; /* by table and name: of parts, by value class */
    const uint16_t *parts;
} ls_block_map;

typedef struct ls_block_place {
    uint32_t since; /* occurrences of its class do nothing before that time; UINT32_MAX: none do */
    uint16_t row;   /* the first entry of its row */
    uint16_t class;
} ls_block_place;

/* Events that are left out, since nothing is to be known of them but, where nothing else fired a
 * rule, whether they did. */
typedef struct ls_block_silence {
    bool ready;           /* enough are */
    ls_block_since since; /* older ones are, but for what vectors select beside */
    uint8_t *fires;       /* by name: 1 where an older one may fire a rule */
    bool any_fires;
    uint32_t now; /* later ones are, likewise */
} ls_block_silence;

/* Where columns of several definitions stand side by side: of sums, of counts, of what fired. */
typedef struct ls_block_columns {
    uint32_t sums, counts, fired;
} ls_block_columns;

typedef struct ls_block_tables {
    const ls_binding *binding;
    ls_block_columns first; /* of a member: its columns among those of all */
    unsigned cell_shift;    /* cells of 2^cell_shift seconds from LS_EVENT_BASE on */
    bool member;            /* its events are looked at with those of others: see ls_joined */
    bool ready;             /* false: records are scored one by one */
    bool direct;  /* at most one property of few classes: place = part of its code + name */
    bool occurs;  /* there are occurrences that entries do not hold */
    uint32_t now; /* the instant, in seconds since LS_EVENT_BASE */
    const ls_block_kernels *kernels;
    size_t gain_count;
    ls_gain_table *gains; /* by fit table of the binding; gains NULL: it adds to several sums */

    size_t counted_count;
    uint32_t *counted; /* specs whose occurrences are counted: rules with `times`, did filters */

    /* An event has a place among the combinations of its name and value classes, a place has a row
     * of entries, and the time picks the entry of the row. */
    const ls_column *column; /* direct: the property; NULL: none */
    size_t part_count;
    uint16_t *parts;         /* by code of the property: its value class * LS_DIRECT_NAMES */
    const ls_block_map *map; /* not direct: own_map, or what others have in common */
    ls_block_map own_map;
    size_t place_count;
    uint16_t *rows;         /* direct, by place: the first entry of its row */
    ls_block_place *places; /* not direct, by place */
    /* Times in order: bucket 0 is the oldest, the last is later than the instant. */
    size_t bucket_count;
    int64_t *thresholds; /* by bucket but the first: its first time; ended by INT64_MAX */
    size_t cell_count;
    size_t cell_thresholds; /* the most inside one cell */
    /* By cell. cell_thresholds <= 1: what must be added to the time inside the cell so that the
     * bits from cell_shift up are the bucket; else the bucket at its start. */
    uint32_t *cells;
    /* Joined tables: by what is the place of an entry else, its number. NULL: there are others. */
    size_t which_count;
    uint16_t *which;
    size_t words; /* of an entry: the binding's, rounded up to be even above 1 */
    ls_block_entries entries;
    ls_vector_tables vector;

    size_t lane_count;
    const ls_lane *lanes; /* the binding's */
    size_t flush;         /* events that lanes take before they are emptied */

    /* Occurrences that entries do not hold: */
    size_t class_count, match_count, match_capacity;
    ls_block_class *occurrences; /* by class of events */
    uint8_t *class_lists;        /* by class of events: 1 where some match is listed */
    ls_block_match *matches;
    size_t name_count;
    uint8_t *name_occurs; /* by name: whether some spec is asked event by event */
    size_t spec_count;
    ls_block_spec *specs; /* the binding's */
    size_t list_count;
    ls_block_list *lists;
    size_t stream_count;   /* of the lists, then of other specs */
    uint32_t *streams;     /* by spec */
    uint32_t *stream_spec; /* by stream, but for lists */
    ls_block_silence silence;
    uint64_t most_events; /* rows of more events are scored by themselves: sums might overflow */
} ls_block_tables;

/* For the dataset and the instant that the binding is up to date with; the binding is borrowed.
 * LS_OK or LS_ERROR_MEMORY; to be freed in either case. */
int ls_block_tables_make(ls_block_tables *block, const ls_binding *binding);

/* For the files that make tables: room for occurrences, by the counts that are set; the matches of
 * a class made whole steps, once all are there; which matches of classes are listed. LS_OK or
 * LS_ERROR_MEMORY. */
int ls_block_allocate_occurrences(ls_block_tables *block);
void ls_block_fill_class(ls_block_tables *block, ls_block_class *class);
int ls_block_list_classes(ls_block_tables *block);

/* Room for the times of so many names; once they are set, their bytes. LS_OK or LS_ERROR_MEMORY. */
int ls_block_since_begin(ls_context *context, size_t names, ls_block_since *out);
void ls_block_since_split(ls_block_since *since);
void ls_block_since_free(ls_context *context, ls_block_since *since);
/* The first time of a bucket, as near as 32 bits come to it. */
uint32_t ls_block_first_time(const ls_block_tables *block, size_t bucket);

/* For joined tables: cells by thresholds; room for so many words of entries; the times of a match
 * of a spec, whose list ends at that age (false: none); whether specs of one list or two list the
 * same and choose the same of it. */
int ls_block_make_cells(ls_block_tables *block);
void ls_block_list_places(ls_vector_tables *vector);
int ls_block_allocate_entries(ls_context *context, size_t words, ls_block_entries *out);
bool ls_block_find_times(const ls_block_tables *block, uint32_t spec, int64_t list_end,
                         ls_block_match *match);
bool ls_block_choose_alike(const ls_block_spec *one, const ls_block_spec *other);

/* ls_block_places.c: which events can be left out, of tables that are complete but for that. LS_OK
 * or LS_ERROR_MEMORY. */
int ls_block_silence_make(ls_block_tables *block);
void ls_block_silence_free(ls_context *context, ls_block_silence *silence);

/* What several definitions make of events, in one pass over these. */
typedef struct ls_joined {
    ls_context *context;
    ls_block_tables tables;   /* of events alone; not ready: nothing is joined */
    ls_block_columns columns; /* of all members */
    size_t lane_count;
    ls_lane *lanes;
} ls_joined;

/* A map for several definitions. */
typedef struct ls_common_map {
    ls_context *context;
    ls_block_map map; /* table_count 0 and no bases: nothing is shared */
    size_t place_count, part_count, part_capacity;
    uint32_t *bases, *firsts;
    uint16_t *parts;
    ls_joined joined; /* those that share it */
} ls_common_map;
/* Lets blocks share places where that pays: these are ready, for one dataset and instant. LS_OK or
 * LS_ERROR_MEMORY; to be freed in either case, before the blocks and their bindings. */
int ls_block_share(ls_common_map *common, ls_block_tables *blocks, size_t count);
void ls_common_map_free(ls_common_map *common);
void ls_block_tables_free(ls_block_tables *block);
#endif
