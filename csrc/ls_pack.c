/* Packing of events: what is kept of each goes to the partition of its contact, in reading order.
 * Reading is the first pass of a radix sort, of which ls_group.c makes the second. */
#include "ls_cpu.h"
#include "ls_ingest.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* About so many contacts share a partition, unless that makes more than so many partitions: what
 * waits for each while events are read fits the second-level cache, and so does what is most used
 * of a partition's events while they are grouped. */
#define FIRST_SHIFT 12
#define MOST_PARTITIONS 2048
/* Blocks double from the first size, so that small inputs stay small, up to the last, so that
 * little is left over in the last block of each partition. */
#define FIRST_BLOCK ((size_t)512)
#define LAST_BLOCK ((size_t)16 * 1024)
/* So do slabs, up to one that is a mapping of its own. */
#define FIRST_SLAB ((size_t)4 * 1024)
#define LAST_SLAB ((size_t)2 * 1024 * 1024)
/* So many shares of partitions have slabs of their own. */
#define SLAB_SHARES 32
#define BLOCK_ALIGNMENT ((size_t)64)
/* Bytes of a partition that wait to be moved together: whole lines of the cache, the more the fewer
 * pages are looked up, as long as all that wait stay in the second-level cache. */
#define LEAST_STAGE ((size_t)128)
#define MOST_STAGE ((size_t)512)
#define ALL_STAGES ((size_t)128 * 1024)
#define LINE 64
/* An event is packed with stores of 4 bytes whatever its widths, or as a word of which it keeps at
 * least 5 bytes: so many may be spilt past it. */
#define SPILT 4

/* ---- partitions ------------------------------------------------------------------------------ */

int ls_make_partitions(ls_dataset *dataset)
{
    struct ls_ingest *ingest = dataset->ingest;
    size_t contacts = dataset->tables[LS_CONTACT].count;
    if (ingest->partitions != NULL || contacts == 0)
        return LS_OK;
    ingest->shift = FIRST_SHIFT;
    while ((contacts - 1) >> ingest->shift >= MOST_PARTITIONS && ingest->shift < LS_MOST_SHIFT)
        ingest->shift++;
    size_t count = ((contacts - 1) >> ingest->shift) + 1;
    unsigned slab_shift = 0;
    while ((count - 1) >> slab_shift >= SLAB_SHARES)
        slab_shift++;
    size_t slab_count = ((count - 1) >> slab_shift) + 1;
    uint32_t *staged = ls_allocate_zero(dataset->context, count, sizeof *staged);
    ls_partition *partitions = ls_allocate_zero(dataset->context, count, sizeof *partitions);
    ls_slab **slabs = ls_allocate_zero(dataset->context, slab_count, sizeof(ls_slab *));
    if (staged == NULL || partitions == NULL || slabs == NULL) {
        ls_free(dataset->context, staged, count * sizeof *staged);
        ls_free(dataset->context, partitions, count * sizeof *partitions);
        ls_free(dataset->context, slabs, slab_count * sizeof(ls_slab *));
        return LS_ERROR_MEMORY;
    }
    ingest->slabs = slabs;
    ingest->slab_shift = slab_shift;
    ingest->slab_count = slab_count;
    ingest->staged = staged;
    ingest->partitions = partitions;
    ingest->partition_count = count;
    return LS_OK;
}

void ls_end_block(ls_partition *partition)
{
#if defined(__SSE2__)
    _mm_sfence(); /* what was written past the caches is there for other threads */
#endif
    if (partition->last != NULL && partition->at != NULL)
        partition->last->used = (size_t)(partition->at - partition->last->events);
}

static int add_slab(ls_dataset *dataset, ls_slab **slabs, size_t wanted)
{
    size_t size = *slabs == NULL ? FIRST_SLAB : (*slabs)->size * 2;
    size_t head = BLOCK_ALIGNMENT + sizeof(ls_slab);
    size = size > LAST_SLAB ? LAST_SLAB : size;
    if (size < head + wanted)
        size = head + wanted;
    ls_slab *slab = ls_allocate_whole(dataset->context, size);
    if (slab == NULL)
        return LS_ERROR_MEMORY;
    size_t start = (uintptr_t)(slab + 1) % BLOCK_ALIGNMENT;
    *slab = (ls_slab){.next = *slabs,
                      .size = size,
                      .used = sizeof *slab + (start == 0 ? 0 : BLOCK_ALIGNMENT - start)};
    *slabs = slab;
    return LS_OK;
}

ls_slab *ls_take_slabs(ls_dataset *dataset, size_t end)
{
    struct ls_ingest *ingest = dataset->ingest;
    size_t count = end == ingest->partition_count ? ingest->slab_count : end >> ingest->slab_shift;
    ls_slab *taken = NULL;
    for (size_t i = 0; i < count; i++) {
        while (ingest->slabs[i] != NULL) {
            ls_slab *slab = ingest->slabs[i];
            ingest->slabs[i] = slab->next;
            slab->next = taken;
            taken = slab;
        }
    }
    for (size_t i = 0; i < end; i++)
        ingest->partitions[i].first = ingest->partitions[i].last = NULL;
    return taken;
}

/* Room for a block of the partition; NULL: no memory. */
static ls_block *cut_block(ls_dataset *dataset, const ls_partition *partition, size_t size)
{
    const struct ls_ingest *ingest = dataset->ingest;
    size_t index = (size_t)(partition - ingest->partitions);
    ls_slab **slabs = &ingest->slabs[index >> ingest->slab_shift];
    if ((*slabs == NULL || (*slabs)->size - (*slabs)->used < size) &&
        add_slab(dataset, slabs, size) != LS_OK)
        return NULL;
    ls_slab *slab = *slabs;
    char *block = (char *)slab + slab->used;
    size_t left = slab->size - slab->used,
           whole = (size + BLOCK_ALIGNMENT - 1) & ~(BLOCK_ALIGNMENT - 1);
    slab->used += whole < left ? whole : left;
    return (ls_block *)(void *)block;
}

/* Bytes that may be looked at past an event: a tight one is read as a whole word. */
static size_t slack_of(const ls_layout *layout)
{
    return layout->tight ? sizeof(uint64_t) - layout->stride : 0;
}

static void begin_block(ls_partition *partition, ls_block *block)
{
    const uint32_t stride = block->layout->stride;
    partition->at = block->events;
    partition->room =
        (uint32_t)((block->size - sizeof *block - slack_of(block->layout)) / stride * stride);
}

static int add_block(ls_dataset *dataset, ls_partition *partition)
{
    const ls_layout *layout = dataset->ingest->layout;
    ls_block *last = partition->last;
    size_t size = last == NULL ? FIRST_BLOCK : last->size * 2;
    if (size > LAST_BLOCK)
        size = LAST_BLOCK;
    if (size < sizeof *last + layout->stride + slack_of(layout))
        size = sizeof *last + layout->stride + slack_of(layout);
    ls_block *block = cut_block(dataset, partition, size);
    if (block == NULL)
        return LS_ERROR_MEMORY;
    *block = (ls_block){.layout = layout, .size = size};
    ls_end_block(partition);
    if (last != NULL)
        last->next = block;
    else
        partition->first = block;
    partition->last = block;
    begin_block(partition, block);
    return LS_OK;
}

/* Whole lines are written past the caches: they are read when all events have come, and a line that
 * is not looked at before it is written need not be fetched. */
static void put_events(char *to, const char *from, size_t size)
{
#if defined(__SSE2__)
    if (LS_LIKELY((size | (uintptr_t)to) % LINE == 0)) {
        const __m128i *in = (const __m128i *)(const void *)from;
        __m128i *out = (__m128i *)(void *)to;
        for (size_t i = 0; i < size / sizeof *in; i++)
            _mm_stream_si128(out + i, _mm_loadu_si128(in + i));
        return;
    }
#endif
    memcpy(to, from, size);
}

int ls_flush_partition(ls_dataset *dataset, size_t index)
{
    struct ls_ingest *ingest = dataset->ingest;
    ls_partition *partition = &ingest->partitions[index];
    uint32_t left = ingest->staged[index];
    const char *from = left != 0 ? ingest->stage + index * ingest->stage_size : NULL;
    ingest->staged[index] = 0;
    while (left != 0) {
        if (partition->room == 0 && add_block(dataset, partition) != LS_OK)
            return LS_ERROR_MEMORY;
        uint32_t count = left < partition->room ? left : partition->room;
        put_events(partition->at, from, count);
        partition->at += count;
        partition->room -= count;
        from += count;
        left -= count;
    }
    return LS_OK;
}

/* ---- layouts --------------------------------------------------------------------------------- */

/* Bits of a code of which there are so many. */
static uint8_t code_bits(uint32_t count)
{
    uint8_t bits = 0;
    while (bits < 32 && UINT64_C(1) << bits < count)
        bits++;
    return bits;
}

static uint8_t packed_width(const ls_layout *layout, uint32_t count)
{
    return layout->tight ? code_bits(count) : ls_code_width(count);
}

/* Sets the widths of codes from `offset` on; answers where they end. */
static uint32_t plan_codes(const ls_events *events, ls_layout *layout, uint32_t offset)
{
    layout->event_offset = offset;
    layout->event_width = packed_width(layout, events->event.dictionary.count);
    offset += layout->event_width;
    for (size_t i = 0; i < layout->column_count; i++) {
        const ls_column *column = &events->columns[i];
        layout->columns[i].offset = offset;
        layout->columns[i].width =
            column->kept ? packed_width(layout, column->dictionary.count) : 0;
        offset += layout->columns[i].width;
    }
    return offset;
}

/* In one word: row, codes, time. False: it is too much. */
static bool plan_tight(const ls_events *events, ls_layout *layout, unsigned shift)
{
    layout->tight = true;
    layout->local_mask = (uint16_t)((1u << shift) - 1);
    layout->time_offset = plan_codes(events, layout, shift);
    uint32_t bits = layout->time_offset + 32;
    layout->stride = (bits + 7) / 8;
    layout->tight = bits <= 64;
    return layout->tight;
}

/* What the columns need now, and never less than the layout before. */
static void plan_layout(const ls_events *events, ls_layout *layout, const ls_layout *before,
                        const ls_packing *packed, unsigned shift)
{
    layout->identity = packed->identities != NULL || (before != NULL && before->identity);
    layout->stamped = packed->stamps != NULL || (before != NULL && before->stamped);
    layout->wide = packed->most > UINT32_MAX || (before != NULL && before->wide);
    if (!layout->identity && !layout->stamped && !layout->wide &&
        (before == NULL || before->tight) && plan_tight(events, layout, shift))
        return;
    layout->local_mask = UINT16_MAX;
    layout->stamp_offset = layout->identity ? 2 + 16 : 2;
    layout->time_offset = layout->stamp_offset + (layout->stamped ? 8 : 0);
    layout->stride = plan_codes(events, layout, layout->time_offset + (layout->wide ? 8 : 4));
}

static bool fits_layout(const ls_events *events, const ls_layout *layout, const ls_packing *packed)
{
    if (layout == NULL || layout->column_count != events->column_count ||
        (packed->identities != NULL && !layout->identity) ||
        (packed->stamps != NULL && !layout->stamped) ||
        (packed->most > UINT32_MAX && !layout->wide) ||
        packed_width(layout, events->event.dictionary.count) > layout->event_width)
        return false;
    for (size_t i = 0; i < events->column_count; i++)
        if (events->columns[i].kept &&
            packed_width(layout, events->columns[i].dictionary.count) > layout->columns[i].width)
            return false;
    return true;
}

/* A new layout begins: the rest of the last block of a partition becomes a block of its own. */
static void seal_block(const ls_layout *layout, ls_partition *partition)
{
    ls_block *block = partition->last;
    ls_end_block(partition);
    partition->at = NULL;
    partition->room = 0;
    if (block == NULL)
        return;
    size_t alignment = _Alignof(ls_block), used = sizeof *block + block->used;
    used = (used + alignment - 1) / alignment * alignment;
    if (block->size < used + sizeof *block + layout->stride + slack_of(layout))
        return;
    ls_block *rest = (ls_block *)(void *)((char *)block + used);
    *rest = (ls_block){.layout = layout, .size = block->size - used};
    block->size = used;
    block->next = partition->last = rest;
    begin_block(partition, rest);
}

static int make_stage(ls_dataset *dataset, uint32_t stride)
{
    struct ls_ingest *ingest = dataset->ingest;
    size_t count = ingest->partition_count, size = LEAST_STAGE;
    while (size < MOST_STAGE && 2 * size * count <= ALL_STAGES)
        size *= 2;
    while (size < stride + SPILT)
        size *= 2;
    if (size == ingest->stage_size)
        return LS_OK;
    if (size > UINT32_MAX || count > SIZE_MAX / size)
        return LS_ERROR_MEMORY;
    char *stage =
        ls_reallocate(dataset->context, ingest->stage, count * ingest->stage_size, count * size);
    if (stage == NULL)
        return LS_ERROR_MEMORY;
    ingest->stage = stage;
    ingest->stage_size = (uint32_t)size;
    ingest->stage_shift = 0;
    while (UINT32_C(1) << ingest->stage_shift < ingest->stage_size)
        ingest->stage_shift++;
    return LS_OK;
}

/* What is packed goes to the blocks; then all begins anew. */
static int begin_layout(ls_dataset *dataset, ls_layout *layout)
{
    struct ls_ingest *ingest = dataset->ingest;
    for (size_t i = 0; i < ingest->partition_count; i++) {
        if (ls_flush_partition(dataset, i) != LS_OK)
            return LS_ERROR_MEMORY;
        seal_block(layout, &ingest->partitions[i]);
    }
    layout->next = ingest->layout;
    ingest->layout = layout;
    return make_stage(dataset, layout->stride);
}

/* Makes a new layout if the columns have outgrown the one in use. */
static int update_layout(ls_dataset *dataset, const ls_packing *packed)
{
    const ls_events *events = &dataset->events;
    const ls_layout *before = dataset->ingest->layout;
    if (LS_LIKELY(fits_layout(events, before, packed)))
        return LS_OK;
    size_t size = sizeof *before + events->column_count * sizeof(struct ls_packed);
    ls_layout *layout = ls_allocate_zero(dataset->context, 1, size);
    if (layout == NULL)
        return LS_ERROR_MEMORY;
    layout->size = size;
    layout->column_count = events->column_count;
    plan_layout(events, layout, before, packed, dataset->ingest->shift);
    if (begin_layout(dataset, layout) == LS_OK)
        return LS_OK;
    if (dataset->ingest->layout != layout)
        ls_free(dataset->context, layout, size);
    return LS_ERROR_MEMORY;
}

/* ---- packing --------------------------------------------------------------------------------- */

/* Stores 4 bytes, of which those past the code's width are overwritten by what comes next. */
LS_INLINE void put_code(char *at, uint32_t code, uint8_t width)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    code <<= 8 * (4 - width);
#else
    (void)width;
#endif
    memcpy(at, &code, sizeof code);
}

/* A kept column, and its codes by event. */
typedef struct packed_column {
    const uint32_t *codes;
    uint32_t offset;
    uint8_t width;
} packed_column;

/* Inlined for each kind of layout. What is put later is written over the bytes that codes spill. */
LS_INLINE int pack_rows(ls_dataset *dataset, const ls_packing *events, const packed_column *columns,
                        size_t column_count, bool identity, bool stamped, bool wide)
{
    const struct ls_ingest *ingest = dataset->ingest;
    const ls_layout *layout = ingest->layout;
    const size_t count = events->count;
    const uint32_t stride = layout->stride, shift = ingest->shift,
                   mask = (UINT32_C(1) << shift) - 1, full = ingest->stage_size - SPILT - stride;
    const uint32_t stamp_offset = identity ? 2 + 16 : 2,
                   time_offset = stamped ? stamp_offset + 8 : stamp_offset,
                   event_offset = layout->event_offset;
    const uint8_t event_width = layout->event_width;
    const unsigned stage_shift = ingest->stage_shift;
    const uint32_t *const contacts = events->contacts, *const names = events->names;
    const int64_t *const times = events->times;
    char *const stage = ingest->stage;
    uint32_t *const staged = ingest->staged;
    size_t packed = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = contacts[i];
        if (LS_UNLIKELY(row == UINT32_MAX))
            continue;
        size_t index = row >> shift;
        uint32_t used = staged[index];
        if (LS_UNLIKELY(used > full)) {
            if (ls_flush_partition(dataset, index) != LS_OK)
                return LS_ERROR_MEMORY;
            used = 0;
        }
        staged[index] = used + stride;
        char *at = stage + (index << stage_shift) + used;
        uint16_t local = (uint16_t)(row & mask);
        uint32_t seconds = (uint32_t)(times[i] - LS_EVENT_BASE);
        memcpy(at, &local, sizeof local);
        if (identity) {
            static const uint64_t none[2] = {0, 0};
            memcpy(at + 2, events->identities ? events->identities[i] : none, sizeof none);
        }
        if (stamped) {
            static const int64_t none = INT64_MIN;
            memcpy(at + stamp_offset, events->stamps ? &events->stamps[i] : &none, sizeof none);
        }
        if (wide)
            memcpy(at + time_offset, &times[i], sizeof times[i]);
        else
            memcpy(at + time_offset, &seconds, sizeof seconds);
        put_code(at + event_offset, names[i], event_width);
        for (size_t c = 0; c < column_count; c++)
            put_code(at + columns[c].offset, columns[c].codes[i], columns[c].width);
        packed++;
    }
    dataset->counts.events += packed;
    return LS_OK;
}

LS_INLINE void put_word(char *at, uint64_t word)
{
#if LS_BIG_ENDIAN
    word = __builtin_bswap64(word);
#endif
    memcpy(at, &word, sizeof word);
}

/* The same for a tight layout. */
LS_INLINE int pack_words(ls_dataset *dataset, const ls_packing *events,
                         const packed_column *columns, size_t column_count)
{
    const struct ls_ingest *ingest = dataset->ingest;
    const ls_layout *layout = ingest->layout;
    const size_t count = events->count;
    const uint32_t stride = layout->stride, shift = ingest->shift,
                   mask = (UINT32_C(1) << shift) - 1,
                   full = ingest->stage_size - (uint32_t)sizeof(uint64_t);
    const unsigned stage_shift = ingest->stage_shift, event_shift = layout->event_offset,
                   time_shift = layout->time_offset;
    const uint32_t *const contacts = events->contacts, *const names = events->names;
    const int64_t *const times = events->times;
    char *const stage = ingest->stage;
    uint32_t *const staged = ingest->staged;
    /* copied: what is stored cannot move it */
    const packed_column one = column_count == 1 ? *columns : (packed_column){0};
    size_t packed = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = contacts[i];
        if (LS_UNLIKELY(row == UINT32_MAX))
            continue;
        size_t index = row >> shift;
        uint32_t used = staged[index];
        uint64_t word = (row & mask) | (uint64_t)names[i] << event_shift |
                        (uint64_t)(times[i] - LS_EVENT_BASE) << time_shift;
        if (column_count == 1)
            word |= (uint64_t)one.codes[i] << one.offset;
        for (size_t c = 0; c < column_count && column_count != 1; c++)
            word |= (uint64_t)columns[c].codes[i] << columns[c].offset;
        if (LS_UNLIKELY(used > full)) {
            if (ls_flush_partition(dataset, index) != LS_OK)
                return LS_ERROR_MEMORY;
            used = 0;
        }
        staged[index] = used + stride;
        put_word(stage + (index << stage_shift) + used, word);
        packed++;
    }
    dataset->counts.events += packed;
    return LS_OK;
}

#if defined(LS_HAS_AVX2_CODE)
/* Shifts by any number of bits are cheaper there. */
LS_AVX2 static int pack_words_avx2(ls_dataset *dataset, const ls_packing *events,
                                   const packed_column *columns, size_t column_count)
{
    return column_count == 1 ? pack_words(dataset, events, columns, 1)
                             : pack_words(dataset, events, columns, column_count);
}
#endif

static int pack_tight(ls_dataset *dataset, const ls_packing *events, const packed_column *columns,
                      size_t column_count)
{
#if defined(LS_HAS_AVX2_CODE)
    if (ls_cpu_avx2(dataset->context))
        return pack_words_avx2(dataset, events, columns, column_count);
#endif
    return pack_words(dataset, events, columns, column_count);
}

static int pack_layout(ls_dataset *dataset, const ls_packing *events, const packed_column *columns,
                       size_t column_count)
{
    const ls_layout *layout = dataset->ingest->layout;
    if (layout->tight)
        return pack_tight(dataset, events, columns, column_count);
    if (layout->identity || layout->stamped || layout->wide)
        return layout->identity && layout->wide && !layout->stamped
                   ? pack_rows(dataset, events, columns, column_count, true, false, true)
                   : pack_rows(dataset, events, columns, column_count, layout->identity,
                               layout->stamped, layout->wide);
    if (column_count == 1)
        return pack_rows(dataset, events, columns, 1, false, false, false);
    return pack_rows(dataset, events, columns, column_count, false, false, false);
}

int ls_pack_events(ls_dataset *dataset, const ls_packing *events)
{
    if (update_layout(dataset, events) != LS_OK)
        return LS_ERROR_MEMORY;
    if (events->most > dataset->events.most)
        dataset->events.most = events->most;
    const ls_layout *layout = dataset->ingest->layout;
    packed_column few[8], *columns = few;
    size_t count = 0, size = layout->column_count * sizeof *columns;
    if (layout->column_count > 8 && (columns = ls_allocate(dataset->context, size)) == NULL)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < layout->column_count; i++)
        if (layout->columns[i].width != 0)
            columns[count++] = (packed_column){events->codes + i * events->step,
                                               layout->columns[i].offset, layout->columns[i].width};
    int status = pack_layout(dataset, events, columns, count);
    if (columns != few)
        ls_free(dataset->context, columns, size);
    return status;
}
