/* Scores blocks of rows by passes over columns. A chunk of events gets its entries, these are
 * summed up without regard to whose they are, and a row's sum is the difference between two places:
 * lanes count modulo 2^64, so it is exact wherever the row's own lanes are. What a lane could not
 * hold is scored row by row. */
#include "ls_block_filter.h"
#include "ls_block_occurrences.h"
#include "ls_block_places.h"
#include "ls_block_settle.h"

/* ---- memory ---------------------------------------------------------------------------------- */

/* The most columns and lists that some definition needs. */
typedef struct needs {
    size_t words, targets, specs, streams, truths, fired;
} needs;

static void larger(size_t *most, size_t needed)
{
    *most = needed > *most ? needed : *most;
}

static void add_needs(needs *most, const ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    const ls_definition *definition = binding->definition;
    larger(&most->words, block->words);
    larger(&most->targets, binding->target_count);
    larger(&most->specs, binding->spec_count);
    larger(&most->streams, block->stream_count);
    if (definition->scope) {
        larger(&most->truths, ls_block_filter_depth(definition->scope));
    }
    for (size_t i = 0; i < binding->filter_rule_count; i++) {
        const ls_rule *rule = &definition->rules[binding->filter_rules[i]];
        larger(&most->truths, 1 + ls_block_filter_depth(rule->when));
    }
}

/* Columns of joined definitions stand side by side, and behind them those of others. */
static void add_joined(needs *most, const ls_joined *joined)
{
    larger(&most->words, joined->tables.words);
    larger(&most->streams, joined->tables.stream_count);
    most->targets += joined->columns.sums;
    most->specs += joined->columns.counts;
    most->fired += joined->columns.fired;
}

/* Without a start the size is found alone. */
static size_t lay_out(ls_block_memory *memory, const needs *most, char *start)
{
    const size_t column = LS_BLOCK_ROWS * sizeof(int64_t);
    const size_t events = LS_CHUNK_EVENTS + LS_CHUNK_SPARE;
    size_t used = 0;
    memory->names = ls_take_part(start, &used, events * sizeof(uint32_t));
    memory->own_places = ls_take_part(start, &used, events * sizeof(uint16_t));
    memory->common_places = ls_take_part(start, &used, memory->common_capacity * sizeof(uint16_t));
    memory->kept = ls_take_part(start, &used, events * sizeof(uint32_t));
    memory->kept_times = ls_take_part(start, &used, events * sizeof(uint32_t));
    memory->groups = ls_take_part(start, &used, LS_CHUNK_GROUPS * sizeof *memory->groups);
    memory->items = ls_take_part(start, &used, events * sizeof(uint32_t));
    memory->indexes = ls_take_part(start, &used, events * sizeof(uint16_t));
    memory->running = ls_take_part(start, &used, events * 2 * sizeof(uint64_t));
    memory->bounds = ls_take_part(start, &used, (LS_BLOCK_ROWS + 1) * sizeof(uint16_t));
    memory->row_words = ls_take_part(start, &used, most->words * sizeof(uint64_t));
    memory->words = ls_take_part(start, &used, most->words * column);
    memory->entries = ls_take_part(start, &used, column);
    memory->sums = ls_take_part(start, &used, most->targets * column);
    memory->counts = ls_take_part(start, &used, most->specs * column);
    memory->latest = ls_take_part(start, &used, most->specs * column);
    memory->truths = ls_take_part(start, &used, most->truths * LS_BLOCK_ROWS);
    memory->active = ls_take_part(start, &used, events * sizeof(uint16_t));
    memory->streams =
        ls_take_part(start, &used, (most->streams + 1) * LS_STREAM_ROOM * sizeof(ls_aging));
    memory->stream_ends = ls_take_part(start, &used, (most->streams + 1) * sizeof(ls_aging *));
    memory->chosen = ls_take_part(start, &used, LS_CHUNK_EVENTS * sizeof(ls_aging));
    memory->fired = ls_take_part(start, &used, most->fired * column);
    memory->fit = ls_take_part(start, &used, column);
    memory->engagement = ls_take_part(start, &used, column);
    memory->value = ls_take_part(start, &used, column);
    memory->label = ls_take_part(start, &used, column);
    memory->labels = ls_take_part(start, &used, LS_BLOCK_ROWS * sizeof(int32_t));
    memory->flags = ls_take_part(start, &used, LS_BLOCK_ROWS);
    memory->alone = ls_take_part(start, &used, LS_BLOCK_ROWS * sizeof *memory->alone);
    memory->joined_alone = ls_take_part(start, &used, LS_BLOCK_ROWS * sizeof *memory->alone);
    return used + 64;
}

/* Events of which common places are kept: those of the rows that a thread takes at a time, most of
 * the time, and of the busiest contact, unless that is too busy. */
#define FEW_PLACES 65536
#define MOST_PLACES (1 << 21)

/* Whether the block shares places with others, and looks at events by itself. */
static bool shares_places(const ls_block_tables *block)
{
    return block->map != NULL && block->map != &block->own_map && !block->member;
}

static size_t common_room(const ls_block_tables *blocks, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const ls_dataset *dataset = blocks[i].binding->dataset;
        const uint64_t *first = dataset->events.first;
        bool common = shares_places(&blocks[i]);
        for (size_t row = 0; common && most == 0 && row < dataset->tables[LS_CONTACT].count;
             row++) {
            size_t events = (size_t)(first[row + 1] - first[row]);
            most = events > most ? events : most;
        }
        most = common && most < FEW_PLACES ? FEW_PLACES : most;
    }
    return most < MOST_PLACES ? most : MOST_PLACES;
}

int ls_block_memory_init(ls_block_memory *memory, ls_context *context,
                         const ls_block_tables *blocks, size_t count, const ls_common_map *common)
{
    needs most = {1, 1, 1, 1, 1, 1};
    memset(memory, 0, sizeof *memory);
    for (size_t i = 0; i < count; i++) {
        add_needs(&most, &blocks[i]);
    }
    add_joined(&most, &common->joined);
    memory->others = common->joined.columns;
    memory->context = context;
    memory->common_capacity = common_room(blocks, count);
    memory->size = lay_out(memory, &most, NULL);
    memory->memory = ls_allocate_zero(context, 1, memory->size);
    if (memory->memory == NULL) {
        return LS_ERROR_MEMORY;
    }
    uintptr_t address = (uintptr_t)memory->memory;
    lay_out(memory, &most, (char *)memory->memory + (64 - address % 64) % 64);
    return LS_OK;
}

void ls_block_memory_free(ls_block_memory *memory)
{
    if (memory->context != NULL) {
        ls_free(memory->context, memory->memory, memory->size);
    }
    memset(memory, 0, sizeof *memory);
}

/* ---- events: entries ------------------------------------------------------------------------- */

/* What the loop over events with a direct map reads. */
typedef struct direct {
    const uint8_t *names;
    const void *codes;
    const uint32_t *times;
    const uint16_t *parts, *rows;
    const uint32_t *cells;
} direct;

/* Made for every width of the property's codes (0: there is none) and the two shifts, so that there
 * is no branch. */
LS_INLINE uint32_t direct_index(const direct *at, size_t i, unsigned width, unsigned shift)
{
    uint32_t code = width == 1   ? ((const uint8_t *)at->codes)[i]
                    : width == 2 ? ((const uint16_t *)at->codes)[i]
                    : width == 4 ? ((const uint32_t *)at->codes)[i]
                                 : 0;
    uint32_t place = at->names[i] + (width ? at->parts[code] : 0u);
    uint32_t time = at->times[i], inside = time & ((UINT32_C(1) << shift) - 1);
    return at->rows[place] + ((inside + at->cells[time >> shift]) >> shift);
}

LS_INLINE direct begin_direct(const ls_block_tables *block, size_t begin)
{
    const ls_events *events = &block->binding->dataset->events;
    const ls_column *column = block->column;
    return (direct){(const uint8_t *)events->event.codes + begin,
                    column ? (const char *)column->codes + begin * column->width : NULL,
                    (const uint32_t *)events->times + begin,
                    block->parts,
                    block->rows,
                    block->cells};
}

/* Entries of one word are summed up as they are found. */
LS_INLINE void run_direct(const ls_block_tables *block, size_t begin, size_t count, unsigned width,
                          unsigned shift, uint64_t *restrict running)
{
    const direct at = begin_direct(block, begin);
    const uint64_t *entries = block->entries.words;
    uint64_t sum = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        running[i] = sum;
        sum += entries[direct_index(&at, i, width, shift)];
        running[i + 1] = sum;
        sum += entries[direct_index(&at, i + 1, width, shift)];
        running[i + 2] = sum;
        sum += entries[direct_index(&at, i + 2, width, shift)];
        running[i + 3] = sum;
        sum += entries[direct_index(&at, i + 3, width, shift)];
    }
    for (; i < count; i++) {
        running[i] = sum;
        sum += entries[direct_index(&at, i, width, shift)];
    }
    running[count] = sum;
}

LS_INLINE void index_direct(const ls_block_tables *block, size_t begin, size_t count,
                            unsigned width, unsigned shift, uint16_t *restrict out)
{
    const direct at = begin_direct(block, begin);
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint16_t)direct_index(&at, i, width, shift);
    }
}

/* The loops for one width and shift, apart, so that each has the processor's registers to itself.
 */
#define LS_DIRECT(name, width, shift)                                                              \
    static __attribute__((noinline)) void name(const ls_block_tables *block, size_t begin,         \
                                               size_t count, ls_block_memory *memory)              \
    {                                                                                              \
        if (block->words == 1) {                                                                   \
            run_direct(block, begin, count, width, shift, memory->running);                        \
        } else {                                                                                   \
            index_direct(block, begin, count, width, shift, memory->indexes);                      \
        }                                                                                          \
    }
LS_DIRECT(direct_0_wide, 0, LS_WIDE_CELL_SHIFT)
LS_DIRECT(direct_1_wide, 1, LS_WIDE_CELL_SHIFT)
LS_DIRECT(direct_2_wide, 2, LS_WIDE_CELL_SHIFT)
LS_DIRECT(direct_4_wide, 4, LS_WIDE_CELL_SHIFT)
LS_DIRECT(direct_0, 0, LS_CELL_SHIFT)
LS_DIRECT(direct_1, 1, LS_CELL_SHIFT)
LS_DIRECT(direct_2, 2, LS_CELL_SHIFT)
LS_DIRECT(direct_4, 4, LS_CELL_SHIFT)

typedef void (*direct_loop)(const ls_block_tables *block, size_t begin, size_t count,
                            ls_block_memory *memory);

static void add_directly(const ls_block_tables *block, size_t begin, size_t count,
                         ls_block_memory *memory)
{
    static const direct_loop loops[2][5] = {
        {direct_0, direct_1, direct_2, NULL, direct_4},
        {direct_0_wide, direct_1_wide, direct_2_wide, NULL, direct_4_wide},
    };
    bool wide = block->cell_shift == LS_WIDE_CELL_SHIFT;
    loops[wide][block->column ? block->column->width : 0](block, begin, count, memory);
}

/* The chunk's items, which are its events or some of them, and their places. */
static size_t find_items(const ls_block_tables *block, const ls_block_part *chunk,
                         ls_block_memory *memory)
{
    const ls_events *events = &block->binding->dataset->events;
    const size_t begin = (size_t)chunk->first[0];
    memory->places = memory->own_places;
    if (block->silence.ready) {
        const size_t kept = block->kernels->keep(block, chunk, memory);
        memory->item_events = memory->kept;
        memory->item_times = memory->kept_times;
        ls_block_map_places(block, begin, kept, memory->kept, memory->names, memory->own_places);
        return kept;
    }
    const size_t count = (size_t)chunk->first[chunk->rows] - begin;
    memory->item_events = NULL;
    memory->item_times = (const uint32_t *)events->times + begin;
    for (size_t i = 0; i <= chunk->rows; i++) {
        memory->bounds[i] = (uint16_t)(chunk->first[i] - begin);
    }
    if (shares_places(block) && begin >= memory->common_begin &&
        begin + count <= memory->common_end) {
        memory->places = memory->common_places + (begin - memory->common_begin);
        return count;
    }
    ls_block_read_names(&events->event, begin, count, memory->names);
    ls_block_map_places(block, begin, count, NULL, memory->names, memory->own_places);
    return count;
}

void ls_block_begin_rows(const ls_block_tables *blocks, size_t count, size_t first, size_t last,
                         ls_block_memory *memory)
{
    const ls_events *events = &blocks[0].binding->dataset->events;
    const ls_block_tables *block = NULL;
    memory->common_begin = memory->common_end = 0;
    for (size_t i = 0; i < count && block == NULL && memory->common_capacity > 0; i++) {
        block = shares_places(&blocks[i]) ? &blocks[i] : NULL;
    }
    if (block == NULL || events->first[last] - events->first[first] > memory->common_capacity) {
        return;
    }
    const size_t begin = (size_t)events->first[first], end = (size_t)events->first[last];
    for (size_t from = begin; from < end; from += LS_CHUNK_EVENTS) {
        size_t part = end - from < LS_CHUNK_EVENTS ? end - from : LS_CHUNK_EVENTS;
        ls_block_read_names(&events->event, from, part, memory->names);
        ls_block_map_places(block, from, part, NULL, memory->names,
                            memory->common_places + (from - begin));
    }
    memory->common_begin = begin;
    memory->common_end = end;
}

/* What the loop over events whose places are found reads. */
typedef struct looker {
    const uint16_t *places;
    const ls_block_place *table;
    const uint32_t *times, *cells;
    unsigned shift;
    uint32_t now;
} looker;

LS_INLINE looker begin_look(const ls_block_tables *block, const ls_block_memory *memory)
{
    return (looker){memory->places, block->places,     memory->item_times,
                    block->cells,   block->cell_shift, block->now};
}

/* Cells of one threshold at most. */
LS_INLINE uint32_t entry_in(const looker *of, const ls_block_place *place, uint32_t time)
{
    uint32_t inside = time & ((UINT32_C(1) << of->shift) - 1);
    return place->row + ((inside + of->cells[time >> of->shift]) >> of->shift);
}

LS_INLINE bool is_active(const looker *of, const ls_block_place *place, uint32_t time)
{
    return (time >= place->since) & (time <= of->now);
}

/* Sums up entries of one word and finds what may be an occurrence in one go. */
static void look_at_words(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const looker of = begin_look(block, memory);
    const uint64_t *restrict entries = block->entries.words;
    uint64_t *restrict running = memory->running, sum = 0;
    uint16_t *restrict active = memory->active;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t time = of.times[i];
        const ls_block_place *place = &of.table[of.places[i]];
        running[i] = sum;
        sum += entries[entry_in(&of, place, time)];
        active[found] = (uint16_t)i;
        found += is_active(&of, place, time);
    }
    running[count] = sum;
    memory->active_count = found;
}

typedef uint64_t two_words __attribute__((vector_size(16)));

/* The same of two words. */
static void look_at_pairs(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const looker of = begin_look(block, memory);
    const two_words *restrict entries = (const two_words *)block->entries.words;
    two_words *restrict running = (two_words *)memory->running, sum = {0, 0};
    uint16_t *restrict active = memory->active;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t time = of.times[i];
        const ls_block_place *place = &of.table[of.places[i]];
        running[i] = sum;
        sum += entries[entry_in(&of, place, time)];
        active[found] = (uint16_t)i;
        found += is_active(&of, place, time);
    }
    running[count] = sum;
    memory->active_count = found;
}

/* Entries of any number of words: where they are. */
static void look_at_indexes(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const looker of = begin_look(block, memory);
    uint16_t *restrict active = memory->active, *restrict indexes = memory->indexes;
    const bool few = block->cell_thresholds <= 1;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t time = of.times[i];
        const ls_block_place *place = &of.table[of.places[i]];
        indexes[i] = (uint16_t)(few ? entry_in(&of, place, time)
                                    : place->row + ls_block_bucket(block, time));
        active[found] = (uint16_t)i;
        found += is_active(&of, place, time);
    }
    memory->active_count = found;
}

/* The same where equal entries are kept once. */
static void look_at_joined(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const looker of = begin_look(block, memory);
    const uint16_t *restrict which = block->which;
    uint16_t *restrict active = memory->active, *restrict indexes = memory->indexes;
    const bool few = block->cell_thresholds <= 1;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t time = of.times[i];
        const ls_block_place *place = &of.table[of.places[i]];
        indexes[i] =
            which[few ? entry_in(&of, place, time) : place->row + ls_block_bucket(block, time)];
        active[found] = (uint16_t)i;
        found += is_active(&of, place, time);
    }
    memory->active_count = found;
}

/* Where some specs are asked event by event, all events of their names are active. */
static void add_generic(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const looker of = begin_look(block, memory);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        bool active = is_active(&of, &of.table[of.places[i]], of.times[i]) ||
                      (block->name_occurs[memory->names[i]] && of.times[i] <= of.now);
        memory->active[found] = (uint16_t)i;
        found += active;
    }
    memory->active_count = found;
}

/* ---- events: sums ---------------------------------------------------------------------------- */

void ls_block_sum(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const uint16_t *indexes = memory->indexes;
    if (block->words == 1) {
        const uint64_t *entries = block->entries.words;
        uint64_t *restrict running = memory->running, sum = 0;
        for (size_t i = 0; i < count; i++) {
            running[i] = sum;
            sum += entries[indexes[i]];
        }
        running[count] = sum;
    } else if (block->words == 2) {
        const two_words *entries = (const two_words *)block->entries.words;
        two_words *restrict running = (two_words *)memory->running, sum = {0, 0};
        for (size_t i = 0; i < count; i++) {
            running[i] = sum;
            sum += entries[indexes[i]];
        }
        running[count] = sum;
    }
}

static void add_at_places(const ls_block_tables *block, const ls_block_part *chunk,
                          ls_block_memory *memory)
{
    const bool few = block->cell_thresholds <= 1;
    const size_t count = find_items(block, chunk, memory);
    if (block->which != NULL) {
        look_at_joined(block, count, memory);
        ls_block_sum(block, count, memory);
    } else if (block->words == 1 && few) {
        look_at_words(block, count, memory);
    } else if (block->words == 2 && few) {
        look_at_pairs(block, count, memory);
    } else {
        look_at_indexes(block, count, memory);
        ls_block_sum(block, count, memory);
    }
    if (block->binding->any_generic) {
        add_generic(block, count, memory);
    }
}

static void add_portably(const ls_block_tables *block, const ls_block_part *chunk,
                         ls_block_memory *memory)
{
    size_t begin = (size_t)chunk->first[0], count = (size_t)chunk->first[chunk->rows] - begin;
    memory->table = block->entries.words;
    if (!block->direct) {
        add_at_places(block, chunk, memory);
        return;
    }
    for (size_t i = 0; i <= chunk->rows; i++) { /* every event is an item */
        memory->bounds[i] = (uint16_t)(chunk->first[i] - begin);
    }
    add_directly(block, begin, count, memory);
    if (block->words > 1) {
        ls_block_sum(block, count, memory);
    }
}

/* Adds what the words of some entries of a row say to its sums. */
static void empty_words(const ls_block_tables *block, const uint64_t *words, size_t count,
                        size_t row, ls_block_memory *memory)
{
    for (size_t i = 0; i < block->lane_count; i++) {
        const ls_lane *lane = &block->lanes[i];
        uint64_t mask = UINT64_MAX >> (64 - lane->bits);
        int64_t sum = (int64_t)(words[lane->word] >> lane->shift & mask) * lane->unit +
                      (int64_t)count * lane->least;
        if (lane->kind == LS_LANE_TARGET) {
            ls_block_column(memory->sums, lane->index)[row] += sum;
        } else if (lane->kind == LS_LANE_COUNT) {
            ls_block_column(memory->counts, lane->index)[row] += sum;
        } else {
            memory->fired[lane->index * LS_BLOCK_ROWS + row] |= (uint64_t)sum;
        }
    }
}

/* The words of the items [from, to) of a chunk. */
static void sum_words(const ls_block_tables *block, size_t from, size_t to,
                      const ls_block_memory *memory, uint64_t *restrict words)
{
    if (block->words == 1) {
        words[0] = memory->running[to] - memory->running[from];
        return;
    }
    if (block->words == 2) {
        words[0] = memory->running[2 * to] - memory->running[2 * from];
        words[1] = memory->running[2 * to + 1] - memory->running[2 * from + 1];
        return;
    }
    const size_t pairs = block->words / 2;
    const two_words *entries = (const two_words *)memory->table;
    for (size_t pair = 0; pair < pairs; pair++) {
        two_words sum = {0, 0};
        for (size_t i = from; i < to; i++) {
            sum += entries[memory->indexes[i] * pairs + pair];
        }
        words[2 * pair] = sum[0];
        words[2 * pair + 1] = sum[1];
    }
}

/* Items that lanes cannot hold together are emptied part by part, the rest is left in the words.
 */
static void take_row(const ls_block_tables *block, size_t from, size_t to, size_t row,
                     ls_block_memory *memory)
{
    const size_t most = block->flush;
    uint64_t *words = memory->row_words;
    for (; to - from > most; from += most) {
        sum_words(block, from, from + most, memory, words);
        empty_words(block, words, most, row, memory);
    }
    sum_words(block, from, to, memory, words);
    for (size_t word = 0; word < block->words; word++) {
        memory->words[word * LS_BLOCK_ROWS + row] = words[word];
    }
    memory->entries[row] = (int64_t)(to - from);
}

static void take_rows(const ls_block_tables *block, size_t first, size_t rows,
                      ls_block_memory *memory)
{
    const uint64_t *running = memory->running;
    const uint16_t *bounds = memory->bounds;
    const size_t most = block->flush;
    for (size_t i = 0; i < rows; i++) {
        size_t from = bounds[i], to = bounds[i + 1];
        if (block->words == 1 && to - from <= most) {
            memory->words[first + i] = running[to] - running[from];
            memory->entries[first + i] = (int64_t)(to - from);
        } else {
            take_row(block, from, to, first + i, memory);
        }
    }
}

/* A row of more events than a chunk has. */
static void add_long_row(const ls_block_tables *block, const uint64_t *first, size_t row,
                         ls_block_memory *memory, ls_scratch *scratch)
{
    const bool occurs = block->occurs;
    uint64_t *words = memory->row_words;
    size_t kept = 0;
    for (uint64_t begin = first[row]; begin < first[row + 1];) {
        uint64_t left = first[row + 1] - begin;
        const uint64_t span[2] = {begin, begin + (left < LS_CHUNK_EVENTS ? left : LS_CHUNK_EVENTS)};
        const ls_block_part chunk = {span, 1};
        block->kernels->add(block, &chunk, memory);
        take_row(block, memory->bounds[0], memory->bounds[1], row, memory);
        for (size_t word = 0; word < block->words; word++) {
            words[word] = memory->words[word * LS_BLOCK_ROWS + row];
            memory->words[word * LS_BLOCK_ROWS + row] = 0;
        }
        empty_words(block, words, (size_t)memory->entries[row], row, memory);
        memory->entries[row] = 0;
        if (occurs) {
            kept = ls_block_occur_in_part(block, &chunk, row, kept, (size_t)first[row], memory,
                                          scratch);
        }
        begin = span[1];
    }
    if (occurs) {
        ls_block_list_row(block, (size_t)first[row], kept, row, memory, scratch);
    }
}

static void add_events(const ls_block_tables *block, const uint64_t *first, size_t rows,
                       ls_block_memory *memory, ls_scratch *scratch)
{
    const uint64_t most =
        block->most_events < LS_CHUNK_EVENTS ? block->most_events : LS_CHUNK_EVENTS;
    for (size_t row = 0; row < rows;) {
        size_t stop = row;
        while (stop < rows && first[stop + 1] - first[stop] <= most &&
               first[stop + 1] - first[row] <= LS_CHUNK_EVENTS) {
            stop++;
        }
        if (stop > row) {
            const ls_block_part chunk = {first + row, stop - row};
            block->kernels->add(block, &chunk, memory);
            take_rows(block, row, stop - row, memory);
            if (block->occurs) {
                ls_block_occur(block, &chunk, row, memory, scratch);
            }
            row = stop;
            continue;
        }
        /* What is asked event by event may want to be listed, which takes the row as a whole. */
        memory->alone[row] =
            block->binding->any_generic || first[row + 1] - first[row] > block->most_events;
        if (!memory->alone[row]) {
            add_long_row(block, first, row, memory, scratch);
        }
        row++;
    }
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void count_portably(const ls_block_tables *block, size_t rows, ls_block_memory *memory)
{
    ls_block_count(block, rows, memory);
}

static void settle_portably(const ls_block_tables *block, size_t first, size_t rows,
                            ls_block_memory *memory)
{
    ls_block_settle(block, first, rows, memory);
}

const ls_block_kernels ls_portable_kernels = {add_portably, ls_block_keep, count_portably,
                                              settle_portably};

const ls_block_kernels *ls_block_kernels_best(const ls_context *context)
{
    const ls_block_kernels *best = ls_avx2_kernels(context);
    return best ? best : &ls_portable_kernels;
}

/* Columns are cleared as a whole, since passes go past the last row. */
static void clear_words(const ls_block_tables *block, ls_block_memory *memory)
{
    const size_t column = LS_BLOCK_ROWS * sizeof(int64_t);
    memset(memory->words, 0, block->words * column);
    memset(memory->entries, 0, column);
    memset(memory->alone, 0, LS_BLOCK_ROWS * sizeof *memory->alone);
}

static void clear_sums(const ls_block_tables *block, ls_block_memory *memory)
{
    const size_t column = LS_BLOCK_ROWS * sizeof(int64_t);
    memset(memory->sums, 0, block->binding->target_count * column);
    for (size_t i = 0; i < block->counted_count; i++) {
        memset(ls_block_column(memory->counts, block->counted[i]), 0, column);
        for (size_t k = 0; k < LS_BLOCK_ROWS && block->occurs; k++) {
            ls_block_column(memory->latest, block->counted[i])[k] = INT64_MIN;
        }
    }
    memset(memory->fired, 0, column);
}

static void clear_score(ls_block_memory *memory)
{
    const size_t column = LS_BLOCK_ROWS * sizeof(int64_t);
    memset(memory->fit, 0, column);
    memset(memory->engagement, 0, column);
    memset(memory->label, 0, column);
}

static void store(const ls_score_column *column, size_t first, size_t rows,
                  const ls_block_memory *memory)
{
    memcpy(column->value + first, memory->value, rows * sizeof(int64_t));
    if (column->fit) {
        memcpy(column->fit + first, memory->fit, rows * sizeof(int64_t));
        memcpy(column->engagement + first, memory->engagement, rows * sizeof(int64_t));
    }
    if (column->label) {
        memcpy(column->label + first, memory->labels, rows * sizeof(int32_t));
    }
    memcpy(column->flags + first, memory->flags, rows);
}

/* `when` rules that ask more than one property. */
static void add_filter_rules(const ls_block_question *question)
{
    const ls_binding *binding = question->block->binding;
    ls_block_memory *memory = question->memory;
    for (size_t i = 0; i < binding->filter_rule_count; i++) {
        uint32_t number = binding->filter_rules[i];
        const ls_rule *rule = &binding->definition->rules[number];
        int64_t *sums = ls_block_column(memory->sums, binding->rule_target[number]);
        ls_block_ask(question, rule->when, memory->truths);
        for (size_t k = 0; k < question->rows; k++) {
            bool holds = memory->truths[k] == LS_COLUMN_TRUE;
            sums[k] += holds ? rule->points : 0;
            memory->fired[k] |= holds;
        }
    }
}

/* Rows out of scope have no score. */
static void leave_out(const ls_block_question *question)
{
    const ls_definition *definition = question->block->binding->definition;
    ls_block_memory *memory = question->memory;
    if (definition->scope == NULL) {
        return;
    }
    ls_block_ask(question, definition->scope, memory->truths);
    for (size_t i = 0; i < question->rows; i++) {
        if (memory->truths[i] != LS_COLUMN_TRUE) {
            memory->value[i] = memory->fit[i] = memory->engagement[i] = 0;
            memory->labels[i] = 0;
            memory->flags[i] = 0;
        }
    }
}

/* The memory with the columns of one definition. */
static ls_block_memory own_columns(const ls_block_memory *memory, const ls_block_tables *block)
{
    const ls_block_columns first = block->member ? block->first : memory->others;
    ls_block_memory own = *memory;
    own.sums = ls_block_column(own.sums, first.sums);
    own.counts = ls_block_column(own.counts, first.counts);
    own.latest = ls_block_column(own.latest, first.counts);
    own.fired += (size_t)first.fired * LS_BLOCK_ROWS;
    own.alone = block->member ? own.joined_alone : own.alone;
    return own;
}

/* Events, and what lanes make of them. */
static void look_at_events(const ls_block_tables *block, size_t first, size_t rows,
                           ls_block_memory *memory, ls_scratch *scratch)
{
    clear_words(block, memory);
    if (block->entries.words) {
        add_events(block, block->binding->dataset->events.first + first, rows, memory, scratch);
    }
    block->kernels->count(block, rows, memory);
    ls_block_fire_late(block, block->binding->dataset->events.first + first, rows, memory);
}

static void look_together(const ls_block_run *run, size_t first, size_t rows,
                          ls_block_memory *memory, ls_scratch *scratch)
{
    ls_block_memory all = *memory;
    all.alone = all.joined_alone;
    for (size_t i = 0; i < run->count; i++) {
        const ls_block_tables *block = &run->blocks[run->definitions[i]];
        if (block->member) {
            ls_block_memory own = own_columns(memory, block);
            clear_sums(block, &own);
        }
    }
    look_at_events(&run->joined->tables, first, rows, &all, scratch);
}

static void score_block(const ls_block_run *run, uint32_t definition, size_t first, size_t rows,
                        ls_block_memory *memory, ls_scratch *scratch)
{
    const ls_block_tables *block = &run->blocks[definition];
    const ls_block_question question = {block, run->columns, first, rows, memory, scratch};
    if (!block->member) {
        clear_sums(block, memory);
        look_at_events(block, first, rows, memory, scratch);
    }
    clear_score(memory);
    add_filter_rules(&question);
    ls_block_add_decayed_times(block, rows, memory);
    block->kernels->settle(block, first, rows, memory);
    leave_out(&question);
    store(&run->columns[definition], first, rows, memory);
    for (size_t i = 0; i < rows; i++) {
        if (memory->alone[i]) {
            ls_kernel_run(block->binding, run->columns, run->rolled[definition], first + i,
                          first + i + 1, scratch);
        }
    }
}

static void score_definition(const ls_block_run *run, uint32_t definition, size_t first,
                             size_t last, ls_block_memory *memory, ls_scratch *scratch)
{
    const ls_block_tables *block = &run->blocks[definition];
    if (!block->ready) {
        ls_kernel_run(block->binding, run->columns, run->rolled[definition], first, last, scratch);
        return;
    }
    ls_block_memory own = own_columns(memory, block);
    for (size_t row = first; row < last; row += LS_BLOCK_ROWS) {
        size_t rows = last - row < LS_BLOCK_ROWS ? last - row : LS_BLOCK_ROWS;
        score_block(run, definition, row, rows, &own, scratch);
    }
}

static bool any_member(const ls_block_run *run)
{
    size_t i = 0;
    while (i < run->count && !run->blocks[run->definitions[i]].member) {
        i++;
    }
    return i < run->count;
}

void ls_kernel_blocks(const ls_block_run *run, size_t first, size_t last, ls_block_memory *memory,
                      ls_scratch *scratch)
{
    const bool joined = any_member(run);
    const size_t step = joined ? LS_BLOCK_ROWS : last - first;
    for (size_t row = first; row < last; row += step) {
        const size_t end = last - row < step ? last : row + step;
        if (joined) {
            look_together(run, row, end - row, memory, scratch);
        }
        for (size_t i = 0; i < run->count; i++) {
            score_definition(run, run->definitions[i], row, end, memory, scratch);
        }
    }
}
