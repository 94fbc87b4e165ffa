/* Scoring rows by passes over columns: see ls_block.h for the tables. What costs most is made for
 * several kinds of processors; which one is used does not show in any score. */
#ifndef LS_KERNEL_BLOCK_H
#define LS_KERNEL_BLOCK_H

#include "ls_block.h"
#include "ls_kernel.h"

/* Events that are looked up at a time: what is kept of them fits the nearest cache. */
#define LS_CHUNK_EVENTS 1024
/* Room for a stream: not a power of two, lest all streams begin in the same lines of a cache. */
#define LS_STREAM_ROOM (LS_CHUNK_EVENTS + 36)
/* Room behind a chunk's events, into which vectors may reach. */
#define LS_CHUNK_SPARE 32

/* By LS_GROUP events: those that are selected, and how many were before these. */
#define LS_GROUP 32
#define LS_CHUNK_GROUPS (LS_CHUNK_EVENTS / LS_GROUP + 1)
typedef struct ls_block_group {
    uint32_t before, mask;
} ls_block_group;

/* One thread's memory, large enough for every definition of a run. A column has LS_BLOCK_ROWS
 * numbers; columns by word, target or spec stand one behind the other. */
typedef struct ls_block_memory {
    ls_context *context;
    size_t size;
    void *memory;
    /* Of a chunk, by event unless said otherwise: */
    uint32_t *names; /* codes of names */
    /* Those that are left in, which the following are of: events of the chunk, and their times. */
    uint32_t *kept, *kept_times;
    const uint32_t *item_events; /* these; NULL: all are items */
    const uint32_t *item_times;
    const uint16_t *places; /* among the combinations of value classes */
    uint16_t *own_places;   /* room for them */
    ls_block_group *groups; /* of a kernel that selects events */
    uint32_t *items;        /* events that add something, in a form that their kernel knows */
    uint16_t *indexes;      /* by item: its entry; where entries have more than two words */
    const uint64_t *table;  /* the entries that indexes are of */
    uint64_t *running;      /* by item: the sum of entries before it; one or two words */
    uint16_t *bounds;       /* by row: the first item of the row; one more */
    uint64_t *row_words;    /* of one row */
    uint16_t *active;       /* items that may be occurrences */
    size_t active_count;
    ls_aging *streams;      /* by stream, and one more that nothing reads: LS_STREAM_ROOM of them */
    ls_aging **stream_ends; /* by stream, and one more: behind what is in it */
    ls_aging *chosen;       /* of a list: LS_CHUNK_EVENTS of them */
    /* Columns: */
    uint64_t *words;  /* by word: of the entries that are not in the sums */
    int64_t *entries; /* how many these are */
    int64_t *sums;    /* by target */
    int64_t *counts;  /* by spec */
    int64_t *latest;  /* by spec: when the latest occurrence was */
    uint64_t *fired;  /* by definition, where several are joined; 0: no rule fired */
    int64_t *fit, *engagement, *value, *label;
    int32_t *labels;
    uint8_t *flags;
    /* Places that several definitions have in common, of the events of some rows: */
    uint16_t *common_places;
    size_t common_capacity, common_begin, common_end;
    uint8_t *truths;         /* by filter that is being asked */
    bool *alone;             /* the row is scored by itself */
    bool *joined_alone;      /* by all members of what is joined */
    ls_block_columns others; /* where columns of those that are no members begin */
} ls_block_memory;

/* common: what the blocks share. LS_OK or LS_ERROR_MEMORY. */
int ls_block_memory_init(ls_block_memory *memory, ls_context *context,
                         const ls_block_tables *blocks, size_t count, const ls_common_map *common);
void ls_block_memory_free(ls_block_memory *memory);

/* Places of the events of these rows, where the definitions share them: they are found when they
 * are first asked for. To be called before ls_kernel_blocks. */
void ls_block_begin_rows(const ls_block_tables *blocks, size_t count, size_t first, size_t last,
                         ls_block_memory *memory);
/* What is scored row by row: definitions of one object, in this order. */
typedef struct ls_block_run {
    const ls_block_tables *blocks; /* by definition */
    const ls_joined *joined;
    const ls_score_column *columns; /* by definition */
    ls_rolled ***rolled;            /* by definition */
    const uint32_t *definitions;
    size_t count;
} ls_block_run;
/* As ls_kernel_run of each, which it is where the tables are not ready. */
void ls_kernel_blocks(const ls_block_run *run, size_t first, size_t last, ls_block_memory *memory,
                      ls_scratch *scratch);

/* The rows of a chunk: where their events begin, and one more; no more than LS_CHUNK_EVENTS. */
typedef struct ls_block_part {
    const uint64_t *first;
    size_t rows;
} ls_block_part;

/* What this processor does best, unless the context forbids it. */
const ls_block_kernels *ls_block_kernels_best(const ls_context *context);
/* For one kind of processor. */
struct ls_block_kernels {
    /* Looks up the chunk's events: fills bounds, and running or indexes. */
    void (*add)(const ls_block_tables *block, const ls_block_part *chunk, ls_block_memory *memory);
    /* Leaves out what says nothing: fills bounds, names, kept and kept_times; how many are kept. */
    size_t (*keep)(const ls_block_tables *block, const ls_block_part *chunk,
                   ls_block_memory *memory);
    /* Adds what words say to sums and counts. */
    void (*count)(const ls_block_tables *block, size_t rows, ls_block_memory *memory);
    /* Makes values, labels and the rest out of sums and counts. */
    void (*settle)(const ls_block_tables *block, size_t first, size_t rows,
                   ls_block_memory *memory);
};
/* Sums up the entries of `count` indexes, where these are of one or two words. */
void ls_block_sum(const ls_block_tables *block, size_t count, ls_block_memory *memory);
size_t ls_block_keep(const ls_block_tables *block, const ls_block_part *chunk,
                     ls_block_memory *memory);
extern const ls_block_kernels ls_portable_kernels;
/* ls_kernel_avx2.c; NULL where the processor or the build has none. */
const ls_block_kernels *ls_avx2_kernels(const ls_context *context);
#endif
