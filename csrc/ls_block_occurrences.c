/* Occurrences that tables do not hold. Only events whose place has some are looked at: a chunk's
 * are put down in streams, one for each list and one for each other spec, and then each stream is
 * worked through by itself, so that nothing is asked occurrence by occurrence that is the same for
 * all. What is listed is chosen from row by row. */
#include "ls_block_occurrences.h"

#include "ls_block_settle.h"
#include "ls_time.h"

/* ---- streams --------------------------------------------------------------------------------- */

/* Rows of a block and events of a chunk have 16 bits. */
LS_INLINE uint32_t pack(size_t row, size_t event)
{
    return (uint32_t)(event << 16 | row);
}
LS_INLINE size_t row_of(const ls_aging *one)
{
    return one->of & 0xffff;
}
LS_INLINE size_t event_of(const ls_aging *one)
{
    return one->of >> 16;
}

LS_INLINE ls_aging *stream_of(const ls_block_memory *memory, size_t stream)
{
    return memory->streams + stream * LS_STREAM_ROOM;
}

/* Specs that are asked event by event. */
static void put_closely(const ls_block_tables *block, size_t begin, size_t i, size_t row,
                        uint32_t time, ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    const uint32_t name = memory->names[i];
    const int64_t age = binding->at - LS_EVENT_BASE - (int64_t)time;
    for (uint32_t k = binding->generic_first[name]; k < binding->generic_first[name + 1]; k++) {
        uint32_t number = binding->generic_specs[k], stream = block->streams[number];
        const ls_spec *spec = &binding->specs[number];
        int64_t points;
        if (spec->way > LS_WAY_TABLE && ls_spec_open(spec->occurrences, binding->at, age) &&
            ls_kernel_is_occurrence(binding, spec, begin + i, &points)) {
            *memory->stream_ends[stream]++ = (ls_aging){points, time, pack(row, i)};
        }
    }
}

LS_INLINE void put(const ls_block_match *match, uint32_t time, uint32_t of, ls_aging **ends)
{
    ls_aging *end = ends[match->stream];
    *end = (ls_aging){match->points, time, of};
    ends[match->stream] = end + (time - match->since <= match->span);
}

static void begin_streams(const ls_block_tables *block, ls_block_memory *memory)
{
    for (size_t i = 0; i <= block->stream_count; i++) {
        memory->stream_ends[i] = stream_of(memory, i);
    }
}

LS_INLINE size_t stream_size(const ls_block_memory *memory, size_t stream)
{
    return (size_t)(memory->stream_ends[stream] - stream_of(memory, stream));
}

/* The chunk's active items from *next on that are of the row: before item `end`. */
static void put_row(const ls_block_tables *block, size_t begin, size_t end, size_t row,
                    size_t *next, ls_block_memory *memory)
{
    const uint32_t *times = memory->item_times, *events = memory->item_events;
    const bool closely = block->binding->any_generic;
    ls_aging **restrict ends = memory->stream_ends;
    for (; *next < memory->active_count && memory->active[*next] < end; ++*next) {
        const size_t i = memory->active[*next];
        const uint32_t time = times[i], of = pack(row, events ? events[i] : i);
        const ls_block_class *all = &block->occurrences[block->places[memory->places[i]].class];
        const ls_block_match *match = block->matches + all->first, *last = match + all->count;
        for (; match < last; match += LS_MATCH_STEP) {
            put(match, time, of, ends);
            put(match + 1, time, of, ends);
        }
        if (closely && block->name_occurs[memory->names[i]] &&
            (int64_t)time <= block->binding->at - LS_EVENT_BASE) {
            put_closely(block, begin, i, row, time, memory);
        }
    }
}

/* ---- what streams say ------------------------------------------------------------------------ */

static int64_t now_of(const ls_block_tables *block)
{
    return block->binding->at - LS_EVENT_BASE;
}

static void add_points(const ls_block_tables *block, const ls_block_spec *spec, ls_aging *all,
                       size_t count, ls_block_memory *memory)
{
    int64_t *restrict sums = ls_block_column(memory->sums, spec->target);
    uint64_t *restrict fired = memory->fired + spec->fired * LS_BLOCK_ROWS;
    ls_quick_decay_all(&spec->binding->decays[spec->number], now_of(block), all, count);
    for (size_t i = 0; i < count; i++) {
        sums[row_of(&all[i])] += all[i].points;
        fired[row_of(&all[i])] = 1;
    }
}

static void add_counts(const ls_block_spec *spec, const ls_aging *all, size_t count,
                       ls_block_memory *memory)
{
    int64_t *restrict counts = ls_block_column(memory->counts, spec->count);
    int64_t *restrict latest = ls_block_column(memory->latest, spec->count);
    for (size_t i = 0; i < count; i++) {
        const size_t row = row_of(&all[i]);
        counts[row]++;
        latest[row] = ls_max(latest[row], LS_EVENT_BASE + (int64_t)all[i].time);
    }
}

static bool is_counted(const ls_spec *spec)
{
    return spec->rule == NULL || spec->occurrences->times_count > 0;
}

static void add_stream(const ls_block_tables *block, size_t stream, ls_block_memory *memory)
{
    const ls_block_spec *spec = &block->specs[block->stream_spec[stream]];
    ls_aging *all = stream_of(memory, stream);
    const size_t count = stream_size(memory, stream);
    if (spec->binding->specs[spec->number].way == LS_WAY_SUM) {
        add_points(block, spec, all, count, memory);
    } else {
        add_counts(spec, all, count, memory);
    }
}

static void add_streams(const ls_block_tables *block, ls_block_memory *memory)
{
    for (size_t i = block->list_count; i < block->stream_count; i++) {
        if (stream_size(memory, i) > 0) {
            add_stream(block, i, memory);
        }
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

LS_INLINE int64_t key_of(const ls_block_tables *block, const ls_block_list *list, size_t event,
                         int64_t time)
{
    switch (list->key) {
    case LS_KEY_NONE: return 0;
    case LS_KEY_DAY: return (time - LS_TIME_MIN) / LS_DAY;
    case LS_KEY_CODE:
        return ls_table_folded(list->table, ls_column_code(list->table->column, event));
    default: break;
    }
    const ls_block_spec *spec = &block->specs[list->spec];
    return ls_kernel_once_key(spec->binding, spec->binding->specs[spec->number].occurrences, event,
                              time);
}

static bool is_in_order(const ls_aging *all, size_t count)
{
    size_t i = 1;
    while (i < count && (all[i - 1].time < all[i].time ||
                         (all[i - 1].time == all[i].time && all[i - 1].points <= all[i].points))) {
        i++;
    }
    return i >= count;
}

/* The latest ones, in order; at most one of a day. Each is moved to the end; the first of them. */
static size_t choose_days(ls_aging *all, size_t count, uint64_t most)
{
    uint32_t last = UINT32_MAX;
    size_t chosen = count;
    for (size_t i = count; i-- > 0 && (uint64_t)(count - chosen) < most;) {
        const uint32_t day = all[i].time / (uint32_t)LS_DAY; /* LS_EVENT_BASE is a midnight */
        if (day != last) {
            all[--chosen] = all[i];
            last = day;
        }
    }
    return chosen;
}

static size_t choose_by_keys(const ls_block_tables *block, const ls_block_list *list, size_t begin,
                             ls_aging *all, size_t count, ls_scratch *scratch)
{
    const ls_block_spec *spec = &block->specs[list->spec];
    ls_listed *listed = scratch->listed;
    for (size_t i = 0; i < count; i++) {
        const int64_t time = LS_EVENT_BASE + (int64_t)all[i].time;
        listed[i] =
            (ls_listed){key_of(block, list, begin + event_of(&all[i]), time), time, all[i].points};
    }
    const size_t first = ls_kernel_choose(spec->binding, spec->number, listed, count, scratch);
    for (size_t i = first; i < count; i++) {
        all[i] = (ls_aging){listed[i].points, (uint32_t)(listed[i].time - LS_EVENT_BASE),
                            all[i].of & 0xffff};
    }
    return first;
}

/* What is chosen of one row's: moved to the end; the first of them. */
static size_t choose(const ls_block_tables *block, const ls_block_list *list, size_t begin,
                     ls_aging *all, size_t count, ls_scratch *scratch)
{
    const ls_block_spec *spec = &block->specs[list->spec];
    const ls_occurrences *occurrences = spec->binding->specs[spec->number].occurrences;
    const uint64_t most = occurrences->latest ? occurrences->latest : UINT64_MAX;
    if (count == 1) {
        return 0;
    }
    if (list->key > LS_KEY_DAY || !is_in_order(all, count)) {
        return choose_by_keys(block, list, begin, all, count, scratch);
    }
    if (list->key == LS_KEY_DAY) {
        return choose_days(all, count, most);
    }
    return count > most ? count - (size_t)most : 0;
}

/* Leaves what is chosen of each row; how many these are. */
static size_t choose_of_rows(const ls_block_tables *block, const ls_block_list *list, size_t begin,
                             ls_aging *all, size_t count, ls_scratch *scratch)
{
    size_t kept = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && row_of(&all[end]) == row_of(&all[i]);) {
            end++;
        }
        const size_t first = i + choose(block, list, begin, all + i, end - i, scratch);
        for (size_t k = first; k < end; k++) {
            all[kept++] = all[k];
        }
    }
    return kept;
}

static void add_chosen(const ls_block_tables *block, uint32_t number, bool last,
                       const ls_aging *all, size_t count, ls_block_memory *memory)
{
    const ls_block_spec *spec = &block->specs[number];
    const ls_spec *of = &spec->binding->specs[spec->number];
    ls_aging *own = last ? (ls_aging *)(uintptr_t)all : memory->chosen;
    if (is_counted(of)) {
        add_counts(spec, all, count, memory);
        return;
    }
    for (size_t i = 0; !last && i < count; i++) {
        own[i] = (ls_aging){of->occurrences->points, all[i].time, all[i].of};
    }
    add_points(block, spec, own, count, memory);
}

static void end_lists(const ls_block_tables *block, size_t begin, ls_block_memory *memory,
                      ls_scratch *scratch)
{
    for (size_t i = 0; i < block->list_count; i++) {
        const ls_block_list *list = &block->lists[i];
        ls_aging *all = stream_of(memory, i);
        if (stream_size(memory, i) == 0) {
            continue;
        }
        const size_t count =
            choose_of_rows(block, list, begin, all, stream_size(memory, i), scratch);
        const bool alone = block->specs[list->spec].next == LS_NO_CODE;
        for (uint32_t k = list->spec; k != LS_NO_CODE; k = block->specs[k].next) {
            add_chosen(block, k, alone, all, count, memory);
        }
    }
}

void ls_block_occur(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                    ls_block_memory *memory, ls_scratch *scratch)
{
    const size_t begin = (size_t)chunk->first[0];
    begin_streams(block, memory);
    for (size_t i = 0, next = 0; i < chunk->rows; i++) {
        put_row(block, begin, memory->bounds[i + 1], row + i, &next, memory);
    }
    add_streams(block, memory);
    end_lists(block, begin, memory, scratch);
}

/* ---- long rows ------------------------------------------------------------------------------- */

size_t ls_block_occur_in_part(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                              size_t kept, size_t row_begin, ls_block_memory *memory,
                              ls_scratch *scratch)
{
    const size_t begin = (size_t)chunk->first[0];
    const uint32_t *events = memory->item_events;
    size_t next = 0;
    for (size_t i = 0; i < memory->active_count; i++) {
        const size_t item = memory->active[i];
        uint16_t class = block->places[memory->places[item]].class;
        scratch->entries[kept] = (uint32_t)(begin - row_begin + (events ? events[item] : item));
        scratch->classes[kept] = class;
        kept += block->class_lists[class];
    }
    begin_streams(block, memory);
    put_row(block, begin, memory->bounds[1], row, &next, memory);
    add_streams(block, memory);
    return kept;
}

/* Which of the kept events of a long row are of a list's classes: their places go where what was
 * chosen is found later. */
static size_t find_kept(const ls_block_list *list, size_t count, ls_scratch *scratch)
{
    const uint16_t *restrict classes = scratch->classes, *restrict matches = list->matches;
    uint32_t *restrict found = scratch->seen;
    size_t listed = 0;
    for (size_t i = 0; i < count; i++) {
        found[listed] = (uint32_t)i;
        listed += matches[classes[i]] != 0;
    }
    return listed;
}

/* The events of a long row that are of a list. */
static size_t find_listed(const ls_block_tables *block, const ls_block_list *list, size_t begin,
                          size_t count, ls_scratch *scratch)
{
    const uint32_t *times = (const uint32_t *)block->binding->dataset->events.times;
    const size_t found = find_kept(list, count, scratch);
    size_t listed = 0;
    for (size_t k = 0; k < found; k++) {
        const size_t i = scratch->seen[k], class = scratch->classes[i];
        const ls_block_match *match =
            &block->matches[block->occurrences[class].first + list->matches[class] - 1];
        const size_t event = begin + scratch->entries[i];
        const int64_t time = LS_EVENT_BASE + (int64_t)times[event];
        scratch->listed[listed] =
            (ls_listed){key_of(block, list, event, time), time, match->points};
        listed += times[event] - match->since <= match->span;
    }
    return listed;
}

static void take_listed(const ls_block_tables *block, const ls_block_list *list, size_t count,
                        size_t row, ls_block_memory *memory, ls_scratch *scratch)
{
    const ls_block_spec *of = &block->specs[list->spec];
    const ls_listed *listed = scratch->listed;
    const size_t first = ls_kernel_choose(of->binding, of->number, scratch->listed, count, scratch);
    const bool alone = of->next == LS_NO_CODE;
    for (uint32_t k = list->spec; k != LS_NO_CODE; k = of->next) {
        of = &block->specs[k];
        const ls_spec *spec = &of->binding->specs[of->number];
        if (is_counted(spec)) {
            ls_block_column(memory->counts, of->count)[row] = (int64_t)(count - first);
            ls_block_column(memory->latest, of->count)[row] = listed[count - 1].time;
        } else {
            ls_block_column(memory->sums, of->target)[row] +=
                ls_kernel_sum_chosen(of->binding, of->number, listed + first, count - first,
                                     alone ? NULL : &spec->occurrences->points);
            memory->fired[of->fired * LS_BLOCK_ROWS + row] = 1;
        }
    }
}

void ls_block_list_row(const ls_block_tables *block, size_t begin, size_t count, size_t row,
                       ls_block_memory *memory, ls_scratch *scratch)
{
    for (size_t i = 0; i < block->list_count; i++) {
        const ls_block_list *list = &block->lists[i];
        size_t listed = find_listed(block, list, begin, count, scratch);
        if (listed > 0) {
            take_listed(block, list, listed, row, memory, scratch);
        }
    }
}

/* ---- counts ---------------------------------------------------------------------------------- */

void ls_block_add_decayed_times(const ls_block_tables *block, size_t rows, ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    for (size_t i = 0; i < block->counted_count; i++) {
        uint32_t number = block->counted[i];
        const ls_spec *spec = &binding->specs[number];
        if (spec->rule == NULL || spec->occurrences->decay.curve == LS_CURVE_NONE) {
            continue;
        }
        const int64_t *counts = ls_block_column(memory->counts, number);
        const int64_t *latest = ls_block_column(memory->latest, number);
        for (size_t k = 0; k < rows; k++) {
            const ls_times *times = ls_times_fit(spec->occurrences, counts[k]);
            if (times) {
                ls_block_column(memory->sums, spec->target)[k] +=
                    counts[k] > 0 ? ls_quick_decay_points(&binding->decays[number], times->points,
                                                          binding->at - latest[k])
                                  : times->points;
                memory->fired[k] = 1;
            }
        }
    }
}
