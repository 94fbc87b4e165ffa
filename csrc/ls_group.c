/* The job that groups events by contact: each partition is counted, its contacts' events are given
 * their places, and its columns are filled; its blocks are freed at once. Reading order is kept
 * within a contact. This is the second pass of a radix sort of which reading was the first; a
 * partition's part of the final columns fits the cache.
 *
 * Events that repeat the id of one that the same contact had before are left out. */
#include "ls_event_ids.h"
#include "ls_links.h"
#include "ls_threads.h"

#include <stdatomic.h>
#include <stddef.h>

/* Partitions that are grouped together, for each thread. */
#define SHARE 8
/* Slabs that become memory of the columns: the system bounds how many mappings a process has. */
#define MOST_REUSED 2048

/* An event whose id was seen, and when it came: INT64_MIN where that is not known. */
typedef struct seen_event {
    const char *event; /* NULL: a free slot */
    int64_t arrival;   /* seconds */
} seen_event;

/* What a thread needs to group a partition. */
typedef struct placing {
    uint64_t *next;   /* by contact of the partition: where its next event goes */
    uint64_t *places; /* of the events of a block */
    size_t place_capacity;
} placing;

/* One of the final columns. */
typedef struct made_column {
    void *values;
    size_t width, size; /* bytes: of a value, of all */
    size_t provided;    /* bytes that were written or have memory of slabs */
} made_column;

typedef struct ls_grouping {
    ls_job job;
    ls_dataset *dataset;
    bool begun, ready; /* ready: all events are in partitions */
    size_t partition;  /* the next one */
    made_column *made;
    size_t made_count, made_capacity;
    size_t reused; /* slabs */
    unsigned threads;
    placing *placings;     /* by thread */
    size_t end;            /* of the partitions that are grouped together */
    uint64_t *bases;       /* by partition of these: where its events begin */
    _Atomic size_t shared; /* the next of these */
    seen_event *seen;      /* events of the partition by the hash of their id; a power of two */
    size_t seen_size;
} ls_grouping;

static uint16_t local_of(const char *event)
{
    uint16_t local;
    memcpy(&local, event, sizeof local);
    return local;
}

/* The same of any layout. */
static uint16_t row_of(const ls_layout *layout, const char *event)
{
#if LS_BIG_ENDIAN
    if (layout->tight)
        return (uint16_t)((unsigned char)event[0] | (unsigned char)event[1] << 8) &
               layout->local_mask;
#endif
    return local_of(event) & layout->local_mask;
}

/* ---- columns --------------------------------------------------------------------------------- */

static void note_made(ls_grouping *grouping, void *values, size_t width, size_t size)
{
    grouping->made[grouping->made_count++] =
        (made_column){.values = values, .width = width, .size = size};
}

/* The final columns, with room for all events that were read. */
static int make_column(ls_grouping *grouping, ls_column *column, size_t count)
{
    if (!column->kept)
        return LS_OK;
    column->width = ls_code_width(column->dictionary.count);
    size_t size = count * column->width;
    if (count > SIZE_MAX / 8)
        return LS_ERROR_MEMORY;
    if (size != 0 && (column->codes = ls_allocate(grouping->dataset->context, size)) == NULL)
        return LS_ERROR_MEMORY;
    column->capacity = size;
    note_made(grouping, column->codes, column->width, size);
    return LS_OK;
}

static int make_columns(ls_grouping *grouping)
{
    ls_dataset *dataset = grouping->dataset;
    ls_events *events = &dataset->events;
    ls_context *context = dataset->context;
    size_t count = (size_t)dataset->counts.events, contacts = dataset->tables[LS_CONTACT].count;
    const ls_layout *layout = dataset->ingest->layout;
    events->wide = layout != NULL && layout->wide;
    size_t width = events->wide ? sizeof(int64_t) : sizeof(uint32_t);
    events->first = ls_allocate_zero(context, contacts + 1, sizeof *events->first);
    if (events->first == NULL || count > SIZE_MAX / 8 ||
        ls_grow(context, &grouping->made, &grouping->made_capacity, events->column_count + 2,
                sizeof *grouping->made) != LS_OK)
        return LS_ERROR_MEMORY;
    if (count != 0 && (events->times = ls_allocate(context, count * width)) == NULL)
        return LS_ERROR_MEMORY;
    events->times_size = count * width;
    note_made(grouping, events->times, width, count * width);
    int status = make_column(grouping, &events->event, count);
    for (size_t i = 0; i < events->column_count && status == LS_OK; i++)
        status = make_column(grouping, &events->columns[i], count);
    if (status == LS_OK && dataset->keeps_event_ids && layout != NULL && layout->identity)
        status = ls_event_ids_make(dataset, contacts, count);
    return status;
}

/* Gives back the room of events that were left out; where that fails it is just kept. */
static void shrink_column(ls_context *context, ls_column *column, size_t count)
{
    column->count = column->kept ? count : 0;
    size_t size = column->count * column->width;
    if (size == column->capacity)
        return;
    void *codes = ls_reallocate(context, column->codes, column->capacity, size);
    if (codes == NULL && size != 0)
        return;
    column->codes = codes;
    column->capacity = size;
}

static void shrink_columns(ls_dataset *dataset)
{
    ls_events *events = &dataset->events;
    size_t size = events->count * (events->wide ? sizeof(int64_t) : sizeof(uint32_t));
    shrink_column(dataset->context, &events->event, events->count);
    for (size_t i = 0; i < events->column_count; i++)
        shrink_column(dataset->context, &events->columns[i], events->count);
    if (size == events->times_size)
        return;
    void *times = ls_reallocate(dataset->context, events->times, events->times_size, size);
    if (times == NULL && size != 0)
        return;
    events->times = times;
    events->times_size = size;
}

/* ---- repeated events ------------------------------------------------------------------------- */

/* Makes the table of ids empty and large enough for so many events. */
static int reserve_seen(ls_grouping *grouping, size_t count)
{
    size_t size = 64;
    while (size < 2 * count)
        size *= 2;
    if (size > grouping->seen_size) {
        ls_context *context = grouping->dataset->context;
        ls_free(context, grouping->seen, grouping->seen_size * sizeof *grouping->seen);
        grouping->seen_size = 0;
        grouping->seen = ls_allocate(context, size * sizeof *grouping->seen);
        if (grouping->seen == NULL)
            return LS_ERROR_MEMORY;
        grouping->seen_size = size;
    }
    memset(grouping->seen, 0, grouping->seen_size * sizeof *grouping->seen);
    return LS_OK;
}

/* Whether the same contact had an event of this id before, and within the horizon where it is known
 * when they came; remembers it if not. */
static bool is_repeated(ls_grouping *grouping, const ls_layout *layout, const char *event)
{
    static const char none[16] = {0};
    uint64_t hash;
    if (memcmp(event + 2, none, sizeof none) == 0)
        return false;
    memcpy(&hash, event + 2, sizeof hash);
    hash = (hash ^ local_of(event)) * UINT64_C(0x9e3779b97f4a7c15);
    int64_t arrival = ls_log_arrival(layout, event);
    size_t mask = grouping->seen_size - 1, i = (size_t)(hash >> 20) & mask;
    for (; grouping->seen[i].event != NULL; i = (i + 1) & mask) {
        seen_event *seen = &grouping->seen[i];
        if (memcmp(seen->event, event, 2 + sizeof none) != 0) /* contact and id */
            continue;
        bool known = seen->arrival != INT64_MIN && arrival != INT64_MIN;
        if (!known || arrival - seen->arrival <= LS_LOG_HORIZON)
            return true;
        break;
    }
    grouping->seen[i] = (seen_event){event, arrival};
    return false;
}

/* Marks repeated events of a partition as dropped. */
static int drop_repeated(ls_grouping *grouping, const ls_partition *partition)
{
    size_t count = 0;
    for (const ls_block *block = partition->first; block != NULL; block = block->next)
        count += block->layout->identity ? block->used / block->layout->stride : 0;
    if (count == 0)
        return LS_OK;
    if (reserve_seen(grouping, count) != LS_OK)
        return LS_ERROR_MEMORY;
    for (ls_block *block = partition->first; block != NULL; block = block->next) {
        const uint16_t dropped = LS_DROPPED;
        for (size_t at = 0; block->layout->identity && at < block->used;
             at += block->layout->stride) {
            if (!is_repeated(grouping, block->layout, block->events + at))
                continue;
            memcpy(block->events + at, &dropped, sizeof dropped);
            grouping->dataset->counts.repeated++;
            grouping->dataset->counts.events--;
        }
    }
    return LS_OK;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Counts the partition's events by contact, and says where each contact's begin: the first at
 * `sum`. */
static void count_events(ls_dataset *dataset, size_t index, uint64_t sum, uint64_t *next)
{
    const ls_partition *partition = &dataset->ingest->partitions[index];
    size_t contacts = dataset->tables[LS_CONTACT].count;
    size_t base = index << dataset->ingest->shift;
    size_t most = (size_t)1 << dataset->ingest->shift;
    size_t count = contacts - base < most ? contacts - base : most;
    memset(next, 0, most * sizeof *next);
    for (const ls_block *block = partition->first; block != NULL; block = block->next) {
        const uint32_t stride = block->layout->stride;
        for (size_t at = 0; at < block->used; at += stride) {
            uint16_t local = row_of(block->layout, block->events + at);
            if (LS_LIKELY(local != LS_DROPPED))
                next[local]++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t events = next[i];
        next[i] = sum;
        sum += events;
        dataset->events.first[base + i + 1] = sum;
    }
}

/* The place of each event of a block; the place of a dropped one is UINT64_MAX. Answers whether
 * there are such. */
static bool find_places(const placing *placing, const ls_block *block, size_t count)
{
    const uint32_t stride = block->layout->stride;
    const char *event = block->events;
    uint64_t *next = placing->next, *places = placing->places;
    bool dropped = false;
    for (size_t i = 0; i < count; i++, event += stride) {
        uint16_t local = row_of(block->layout, event);
        if (LS_UNLIKELY(local == LS_DROPPED)) {
            places[i] = UINT64_MAX;
            dropped = true;
        } else {
            places[i] = next[local]++;
        }
    }
    return dropped;
}

/* Brings the dropped events of a block out of the way: the others move up, in order. */
static size_t squeeze_block(const placing *placing, ls_block *block, size_t count)
{
    const uint32_t stride = block->layout->stride;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (placing->places[i] == UINT64_MAX)
            continue;
        placing->places[kept] = placing->places[i];
        if (kept != i)
            memcpy(block->events + kept * stride, block->events + i * stride, stride);
        kept++;
    }
    return kept;
}

/* ---- moving ---------------------------------------------------------------------------------- */

/* Moves one column of a block's events to their places: `count` values of type `from`, `stride`
 * bytes apart. */
#define MOVE(name, from, to)                                                                       \
    static void name(void *out, const uint64_t *places, const char *in, size_t count,              \
                     size_t stride)                                                                \
    {                                                                                              \
        for (size_t i = 0; i < count; i++, in += stride) {                                         \
            from value;                                                                            \
            memcpy(&value, in, sizeof value);                                                      \
            ((to *)out)[places[i]] = (to)value;                                                    \
        }                                                                                          \
    }
MOVE(move_1_1, uint8_t, uint8_t)
MOVE(move_1_2, uint8_t, uint16_t)
MOVE(move_1_4, uint8_t, uint32_t)
MOVE(move_2_2, uint16_t, uint16_t)
MOVE(move_2_4, uint16_t, uint32_t)
MOVE(move_4_4, uint32_t, uint32_t)
MOVE(move_8_8, int64_t, int64_t)

/* The same of a tight layout: `width` bits from bit `offset` on. */
#define MOVE_BITS(name, to)                                                                        \
    static void name(void *out, const uint64_t *places, const char *in, size_t count,              \
                     size_t stride, uint32_t offset, uint32_t width)                               \
    {                                                                                              \
        const uint64_t mask = (UINT64_C(1) << width) - 1;                                          \
        for (size_t i = 0; i < count; i++, in += stride)                                           \
            ((to *)out)[places[i]] = (to)(ls_load_64(in) >> offset & mask);                        \
    }
MOVE_BITS(move_bits_1, uint8_t)
MOVE_BITS(move_bits_2, uint16_t)
MOVE_BITS(move_bits_4, uint32_t)

static void move_times(const ls_events *events, const uint64_t *places, const ls_block *block,
                       size_t count)
{
    const ls_layout *layout = block->layout;
    const char *in = block->events + (layout->tight ? 0 : layout->time_offset);
    if (layout->wide || !events->wide) { /* not tight: see take_words */
        (layout->wide ? move_8_8 : move_4_4)(events->times, places, in, count, layout->stride);
        return;
    }
    for (size_t i = 0; i < count; i++, in += layout->stride) {
        uint32_t seconds;
        if (layout->tight)
            seconds = (uint32_t)(ls_load_64(in) >> layout->time_offset);
        else
            memcpy(&seconds, in, sizeof seconds);
        ((int64_t *)events->times)[places[i]] = LS_EVENT_BASE + (int64_t)seconds;
    }
}

/* A block made before the column was there: its events lack it. */
static void clear_codes(const ls_column *column, const uint64_t *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memset((char *)column->codes + places[i] * column->width, 0, column->width);
}

static void move_codes(const ls_column *column, const uint64_t *places, const ls_block *block,
                       size_t count, uint32_t offset, uint8_t width)
{
    typedef void (*mover)(void *, const uint64_t *, const char *, size_t, size_t);
    static const mover movers[5][5] = {
        [1] = {[1] = move_1_1, [2] = move_1_2, [4] = move_1_4},
        [2] = {[2] = move_2_2, [4] = move_2_4},
        [4] = {[4] = move_4_4},
    };
    if (width == 0)
        clear_codes(column, places, count);
    else if (block->layout->tight)
        (column->width == 1   ? move_bits_1
         : column->width == 2 ? move_bits_2
                              : move_bits_4)(column->codes, places, block->events, count,
                                             block->layout->stride, offset, width);
    else
        movers[width][column->width](column->codes, places, block->events + offset, count,
                                     block->layout->stride);
}

/* Finds the places of a tight layout's events, none of which is dropped, and moves their times and
 * names at once. */
#define TAKE_WORDS(name, to)                                                                       \
    static void name(const ls_events *events, const placing *placing, const ls_block *block,       \
                     size_t count)                                                                 \
    {                                                                                              \
        const ls_layout *layout = block->layout;                                                   \
        const uint64_t row_mask = layout->local_mask,                                              \
                       name_mask = (UINT64_C(1) << layout->event_width) - 1;                       \
        const uint32_t stride = layout->stride, time_shift = layout->time_offset,                  \
                       name_shift = layout->event_offset;                                          \
        const char *in = block->events;                                                            \
        uint64_t *next = placing->next, *places = placing->places;                                 \
        uint32_t *times = events->times;                                                           \
        void *names = events->event.codes;                                                         \
        for (size_t i = 0; i < count; i++, in += stride) {                                         \
            uint64_t word = ls_load_64(in), place = next[word & row_mask]++;                       \
            times[place] = (uint32_t)(word >> time_shift);                                         \
            ((to *)names)[place] = (to)(word >> name_shift & name_mask);                           \
            places[i] = place;                                                                     \
        }                                                                                          \
    }
TAKE_WORDS(take_words_1, uint8_t)
TAKE_WORDS(take_words_2, uint16_t)
TAKE_WORDS(take_words_4, uint32_t)

static void take_words(const ls_events *events, const placing *placing, const ls_block *block,
                       size_t count)
{
    switch (events->event.width) {
    case 1: take_words_1(events, placing, block, count); break;
    case 2: take_words_2(events, placing, block, count); break;
    default: take_words_4(events, placing, block, count);
    }
}

static void move_rest(ls_dataset *dataset, const uint64_t *places, const ls_block *block,
                      size_t count)
{
    const ls_events *events = &dataset->events;
    const ls_layout *layout = block->layout;
    for (size_t i = 0; i < events->column_count; i++) {
        bool there = i < layout->column_count;
        if (events->columns[i].kept)
            move_codes(&events->columns[i], places, block, count,
                       there ? layout->columns[i].offset : 0, there ? layout->columns[i].width : 0);
    }
    if (dataset->event_ids.items != NULL)
        ls_event_ids_move(&dataset->event_ids, places, block, count);
}

/* Moves the events of a partition. */
static void move_partition(ls_grouping *grouping, size_t index, placing *placing)
{
    ls_dataset *dataset = grouping->dataset;
    count_events(dataset, index, grouping->bases[index - grouping->partition], placing->next);
    const ls_events *events = &dataset->events;
    for (ls_block *block = dataset->ingest->partitions[index].first; block; block = block->next) {
        const ls_layout *layout = block->layout;
        size_t count = block->used / layout->stride;
        if (layout->tight && !events->wide) {
            take_words(events, placing, block, count);
        } else {
            if (find_places(placing, block, count))
                count = squeeze_block(placing, block, count);
            move_times(events, placing->places, block, count);
            move_codes(&events->event, placing->places, block, count, layout->event_offset,
                       layout->event_width);
        }
        move_rest(dataset, placing->places, block, count);
    }
}

static void work(void *user, unsigned thread)
{
    ls_grouping *grouping = user;
    for (;;) {
        size_t index = atomic_fetch_add(&grouping->shared, 1);
        if (index >= grouping->end)
            return;
        move_partition(grouping, index, &grouping->placings[thread]);
    }
}

/* ---- the job --------------------------------------------------------------------------------- */

/* How many events of a partition are kept, and the most in one block. */
static uint64_t count_partition(const ls_partition *partition, size_t *most)
{
    uint64_t sum = 0;
    for (const ls_block *block = partition->first; block; block = block->next) {
        size_t count = block->used / block->layout->stride;
        *most = count > *most ? count : *most;
        sum += count;
        for (size_t i = 0; i < count && block->layout->identity; i++)
            sum -= local_of(block->events + i * block->layout->stride) == LS_DROPPED;
    }
    return sum;
}

static int reserve_places(ls_grouping *grouping, size_t most)
{
    int status = LS_OK;
    for (unsigned i = 0; i < grouping->threads && status == LS_OK; i++)
        status = ls_grow(grouping->dataset->context, &grouping->placings[i].places,
                         &grouping->placings[i].place_capacity, most, sizeof(uint64_t));
    return status;
}

/* What is done in order, and what allocates: then threads only move. */
static int prepare(ls_grouping *grouping)
{
    ls_dataset *dataset = grouping->dataset;
    uint64_t sum = dataset->events.first[grouping->partition << dataset->ingest->shift];
    size_t most = 1;
    for (size_t i = grouping->partition; i < grouping->end; i++) {
        ls_partition *partition = &dataset->ingest->partitions[i];
        if (ls_flush_partition(dataset, i) != LS_OK)
            return LS_ERROR_MEMORY;
        ls_end_block(partition);
        if (dataset->ingest->log != NULL && ls_log_order(dataset->context, partition) != LS_OK)
            return LS_ERROR_MEMORY;
        if (drop_repeated(grouping, partition) != LS_OK)
            return LS_ERROR_MEMORY;
        grouping->bases[i - grouping->partition] = sum;
        sum += count_partition(partition, &most);
    }
    return reserve_places(grouping, most);
}

/* Partitions of a step. */
static size_t share_of(const ls_grouping *grouping)
{
    return grouping->threads == 1 ? 1 : SHARE * (size_t)grouping->threads;
}

/* Frees a slab. What memory it had the column gets that has least ahead of the `events` that are
 * grouped, unless all have enough for those that come soon: pages that are moved cost the system
 * far less than new ones. */
static int reuse_slab(ls_grouping *grouping, ls_slab *slab, size_t events, size_t soon)
{
    ls_context *context = grouping->dataset->context;
    made_column *least = NULL;
    for (size_t i = 0; i < grouping->made_count && grouping->reused < MOST_REUSED; i++) {
        made_column *made = &grouping->made[i];
        if (made->provided < events * made->width)
            made->provided = events * made->width;
        if (made->provided < made->size && made->provided / made->width < soon &&
            (least == NULL || made->provided / made->width < least->provided / least->width))
            least = made;
    }
    if (least == NULL) {
        ls_free(context, slab, slab->size);
        return LS_OK;
    }
    grouping->reused++;
    least->provided =
        ls_free_into(context, slab, slab->size, least->values, least->size, least->provided);
    return least->provided != 0 ? LS_OK : LS_ERROR_MEMORY;
}

/* The slabs of the partitions that are grouped. */
static int free_slabs(ls_grouping *grouping)
{
    const ls_dataset *dataset = grouping->dataset;
    size_t contacts = dataset->tables[LS_CONTACT].count,
           end = grouping->end << dataset->ingest->shift;
    size_t events = (size_t)dataset->events.first[end < contacts ? end : contacts];
    /* Before slabs are freed again about so many partitions are grouped. */
    size_t next = (size_t)1 << dataset->ingest->slab_shift, share = share_of(grouping);
    size_t soon = events + events / grouping->end * (share > next ? share : next);
    int status = LS_OK;
    for (ls_slab *after, *slab = ls_take_slabs(grouping->dataset, grouping->end); slab != NULL;
         slab = after) {
        after = slab->next;
        if (reuse_slab(grouping, slab, events, soon) != LS_OK)
            status = LS_ERROR_MEMORY;
    }
    return status;
}

static int group_some(ls_grouping *grouping)
{
    const struct ls_ingest *ingest = grouping->dataset->ingest;
    size_t share = share_of(grouping);
    size_t left = ingest->partition_count - grouping->partition;
    grouping->end = grouping->partition + (left < share ? left : share);
    if (prepare(grouping) != LS_OK)
        return LS_ERROR_MEMORY;
    atomic_store(&grouping->shared, grouping->partition);
    ls_threads_run(grouping->threads, work, grouping);
    grouping->partition = grouping->end;
    return free_slabs(grouping);
}

static int make_placings(ls_grouping *grouping)
{
    ls_context *context = grouping->dataset->context;
    size_t size = sizeof(uint64_t) << grouping->dataset->ingest->shift;
    grouping->bases = ls_allocate(context, SHARE * grouping->threads * sizeof *grouping->bases);
    grouping->placings = ls_allocate_zero(context, grouping->threads, sizeof(placing));
    bool whole = grouping->bases && grouping->placings;
    for (unsigned i = 0; i < grouping->threads && whole; i++)
        whole = (grouping->placings[i].next = ls_allocate(context, size)) != NULL;
    return whole ? LS_OK : LS_ERROR_MEMORY;
}

/* shift: of the partitions. */
static void free_placings(ls_grouping *grouping, unsigned shift)
{
    ls_context *context = grouping->dataset->context;
    for (unsigned i = 0; i < grouping->threads && grouping->placings; i++) {
        placing *placing = &grouping->placings[i];
        ls_free(context, placing->next, sizeof(uint64_t) << shift);
        ls_free(context, placing->places, placing->place_capacity * sizeof *placing->places);
    }
    ls_free(context, grouping->placings, grouping->threads * sizeof(placing));
    ls_free(context, grouping->bases, SHARE * grouping->threads * sizeof *grouping->bases);
    grouping->placings = NULL;
    grouping->bases = NULL;
}

/* Events of a log wait for their contacts. */
static int feed(ls_grouping *grouping, uint64_t budget)
{
    ls_dataset *dataset = grouping->dataset;
    ls_error error;
    if (!grouping->begun && (ls_log_apply(dataset, &error) != LS_OK ||
                             (ls_log_waits(dataset) && ls_make_partitions(dataset) != LS_OK)))
        return LS_ERROR_MEMORY;
    grouping->begun = true;
    int status = ls_log_waits(dataset) ? ls_log_feed_events(dataset, budget) : LS_OK;
    grouping->job.progress.total = dataset->counts.events;
    return status;
}

static int begin(ls_grouping *grouping, uint64_t budget)
{
    int status = feed(grouping, budget);
    if (status != LS_OK)
        return status;
    grouping->ready = true;
    if (make_placings(grouping) != LS_OK || ls_links_build(grouping->dataset) != LS_OK)
        return LS_ERROR_MEMORY;
    return make_columns(grouping);
}

static void finish(ls_grouping *grouping)
{
    ls_dataset *dataset = grouping->dataset;
    dataset->events.count = (size_t)dataset->counts.events;
    if (dataset->event_ids.first != NULL)
        ls_event_ids_squeeze(dataset);
    shrink_columns(dataset);
    free_placings(grouping, dataset->ingest->shift);
    ls_ingest_free(dataset);
    dataset->grouped = true;
}

static int step_grouping(ls_job *job, uint64_t budget, ls_error *error)
{
    ls_grouping *grouping = (ls_grouping *)job;
    struct ls_ingest *ingest = grouping->dataset->ingest;
    if (ingest->failed)
        return ls_fail(error, LS_ERROR_USAGE, "grouping has failed");
    int status = grouping->ready ? LS_OK : begin(grouping, budget);
    if (status == LS_MORE)
        return LS_MORE;
    uint64_t start = job->progress.done;
    while (status == LS_OK && grouping->partition < ingest->partition_count &&
           (budget == 0 || job->progress.done - start < budget)) {
        status = group_some(grouping);
        size_t end = grouping->partition << ingest->shift;
        size_t contacts = grouping->dataset->tables[LS_CONTACT].count;
        job->progress.done = grouping->dataset->events.first[end < contacts ? end : contacts];
    }
    ingest->failed = status != LS_OK;
    if (status != LS_OK)
        return ls_fail_memory(error);
    if (grouping->partition < ingest->partition_count)
        return LS_MORE;
    finish(grouping);
    return LS_OK;
}

static void close_grouping(ls_job *job)
{
    ls_grouping *grouping = (ls_grouping *)job;
    ls_dataset *dataset = grouping->dataset;
    ls_context *context = job->context;
    if (dataset->ingest != NULL) {
        dataset->ingest->busy = false;
        dataset->ingest->failed |= grouping->begun;
        free_placings(grouping, dataset->ingest->shift);
    }
    ls_free(context, grouping->seen, grouping->seen_size * sizeof *grouping->seen);
    ls_free(context, grouping->made, grouping->made_capacity * sizeof *grouping->made);
    ls_free(context, grouping, sizeof *grouping);
    ls_dataset_close(dataset);
    ls_context_release(context);
}

int ls_dataset_group(ls_dataset *dataset, unsigned threads, ls_job **out, ls_error *error)
{
    *out = NULL;
    if (threads < 1 || threads > LS_MAX_THREADS)
        return ls_fail_threads(threads, error);
    if (dataset->grouped)
        return ls_fail(error, LS_ERROR_USAGE, "the events are grouped already");
    struct ls_ingest *ingest = ls_ingest_of(dataset);
    if (ingest == NULL)
        return ls_fail_memory(error);
    if (ingest->busy)
        return ls_fail(error, LS_ERROR_USAGE, "an input is being read");
    if (ingest->failed)
        return ls_fail(error, LS_ERROR_USAGE, "an earlier input was not read to its end");
    ls_grouping *grouping = ls_allocate_zero(dataset->context, 1, sizeof *grouping);
    if (grouping == NULL)
        return ls_fail_memory(error);
    grouping->job = (struct ls_job){.context = dataset->context,
                                    .step = step_grouping,
                                    .close = close_grouping,
                                    .progress = {"group", "events", 0, dataset->counts.events}};
    grouping->dataset = dataset;
    grouping->threads = threads;
    ls_context_retain(dataset->context);
    ls_dataset_retain(dataset);
    ingest->busy = ingest->begun = true;
    *out = &grouping->job;
    return LS_OK;
}
