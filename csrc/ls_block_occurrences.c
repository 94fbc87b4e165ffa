/* Occurrences that tables do not hold: only events whose place has some are looked at, each with
 * the few specs of its class. What once_per and latest choose from is listed until the row's events
 * are through. */
#include "ls_block_occurrences.h"

#include "ls_block_settle.h"
#include "ls_time.h"

/* What is known of the event that is looked at. */
typedef struct happening {
    size_t row; /* of the block */
    size_t event;
    int64_t time, age;
} happening;

LS_INLINE int64_t key_of(const ls_block_tables *block, const ls_block_list *list,
                         const happening *of)
{
    switch (list->key) {
    case LS_KEY_NONE: return 0;
    case LS_KEY_DAY: return (of->time - LS_TIME_MIN) / LS_DAY;
    case LS_KEY_CODE:
        return ls_table_folded(list->table, ls_column_code(list->table->column, of->event));
    default: break;
    }
    const ls_binding *binding = block->binding;
    return ls_kernel_once_key(binding, binding->specs[list->spec].occurrences, of->event, of->time);
}

LS_INLINE void add_occurrence(const ls_block_tables *block, const ls_block_match *match,
                              const happening *of, ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    if (of->age < match->from || of->age >= match->end) {
        return;
    }
    if (match->way == LS_WAY_SUM) {
        memory->sums[match->column + of->row] +=
            ls_quick_decay_points(&binding->decays[match->spec], match->points, of->age);
        memory->fired[of->row] = 1;
    } else if (match->way == LS_WAY_COUNT) {
        int64_t *latest = &memory->latest[match->column + of->row];
        memory->counts[match->column + of->row]++;
        *latest = ls_max(*latest, of->time);
    } else {
        ls_listed *listed = memory->listed + (size_t)match->list * LS_CHUNK_EVENTS;
        listed[memory->list_counts[match->list]++] =
            (ls_listed){key_of(block, &block->lists[match->list], of), of->time, match->points};
    }
}

/* Specs that are asked event by event. */
static void look_closely(const ls_block_tables *block, uint32_t name, const happening *of,
                         ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    for (uint32_t k = binding->generic_first[name]; k < binding->generic_first[name + 1]; k++) {
        uint32_t number = binding->generic_specs[k];
        const ls_spec *spec = &binding->specs[number];
        ls_block_match match = {
            .spec = number, .list = block->list_of[number], .way = spec->way, .end = INT64_MAX};
        match.column = (spec->way == LS_WAY_SUM ? spec->target : number) * LS_BLOCK_ROWS;
        if (spec->way > LS_WAY_TABLE && ls_spec_open(spec->occurrences, binding->at, of->age) &&
            ls_kernel_is_occurrence(binding, spec, of->event, &match.points)) {
            add_occurrence(block, &match, of, memory);
        }
    }
}

static void look_at(const ls_block_tables *block, size_t i, const happening *of, bool lists,
                    ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    const ls_block_class *all = &block->occurrences[block->places[memory->places[i]].class];
    const ls_block_match *match = block->matches + all->first, *end = match + all->count;
    for (; match < end; match++) {
        if (lists || match->way != LS_WAY_LIST) {
            add_occurrence(block, match, of, memory);
        }
    }
    if (binding->any_generic && block->name_occurs[memory->names[i]]) {
        look_closely(block, memory->names[i], of, memory);
    }
}

static void take_listed(const ls_block_tables *block, const ls_block_list *list, ls_listed *listed,
                        size_t count, size_t row, ls_block_memory *memory, ls_scratch *scratch)
{
    const ls_binding *binding = block->binding;
    const size_t first = ls_kernel_choose(binding, list->spec, listed, count, scratch);
    const bool alone = block->list_next[list->spec] == LS_NO_CODE;
    for (uint32_t number = list->spec; number != LS_NO_CODE; number = block->list_next[number]) {
        const ls_spec *spec = &binding->specs[number];
        if (spec->rule == NULL || spec->occurrences->times_count > 0) {
            ls_block_column(memory->counts, number)[row] = (int64_t)(count - first);
            ls_block_column(memory->latest, number)[row] = listed[count - 1].time;
        } else {
            ls_block_column(memory->sums, spec->target)[row] +=
                ls_kernel_sum_chosen(binding, number, listed + first, count - first,
                                     alone ? NULL : &spec->occurrences->points);
            memory->fired[row] = 1;
        }
    }
}

/* The row's events are through. */
static void end_lists(const ls_block_tables *block, size_t row, ls_block_memory *memory,
                      ls_scratch *scratch)
{
    for (size_t i = 0; i < block->list_count; i++) {
        if (memory->list_counts[i] > 0) {
            take_listed(block, &block->lists[i], memory->listed + i * LS_CHUNK_EVENTS,
                        memory->list_counts[i], row, memory, scratch);
            memory->list_counts[i] = 0;
        }
    }
}

static void occur_in_row(const ls_block_tables *block, size_t begin, size_t end, size_t row,
                         bool lists, size_t *next, size_t found, ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    const uint32_t *times = (const uint32_t *)binding->dataset->events.times;
    for (; *next < found && memory->active[*next] < end; ++*next) {
        size_t i = memory->active[*next], event = begin + i;
        int64_t time = LS_EVENT_BASE + (int64_t)times[event];
        const happening of = {row, event, time, binding->at - time};
        if (of.age >= 0) {
            look_at(block, i, &of, lists, memory);
        }
    }
}

void ls_block_occur(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                    ls_block_memory *memory, ls_scratch *scratch)
{
    const size_t begin = (size_t)chunk->first[0];
    const size_t found = memory->active_count;
    for (size_t i = 0, next = 0; i < chunk->rows; i++) {
        const size_t end = (size_t)chunk->first[i + 1] - begin;
        occur_in_row(block, begin, end, row + i, true, &next, found, memory);
        end_lists(block, row + i, memory, scratch);
    }
}

size_t ls_block_occur_in_part(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                              size_t kept, size_t row_begin, ls_block_memory *memory,
                              ls_scratch *scratch)
{
    const size_t begin = (size_t)chunk->first[0], count = (size_t)chunk->first[1] - begin;
    const size_t found = memory->active_count;
    size_t next = 0;
    for (size_t i = 0; i < found; i++) {
        uint16_t class = block->places[memory->places[memory->active[i]]].class;
        scratch->entries[kept] = (uint32_t)(begin - row_begin + memory->active[i]);
        scratch->classes[kept] = class;
        kept += block->class_lists[class];
    }
    occur_in_row(block, begin, count, row, false, &next, found, memory);
    return kept;
}

/* The events of a long row that are of a list. */
static size_t find_listed(const ls_block_tables *block, const ls_block_list *list, size_t begin,
                          size_t count, ls_scratch *scratch)
{
    const ls_binding *binding = block->binding;
    size_t listed = 0;
    for (size_t i = 0; i < count; i++) {
        const uint16_t class = scratch->classes[i];
        if (list->matches[class] == 0) {
            continue;
        }
        const ls_block_match *match =
            &block->matches[block->occurrences[class].first + list->matches[class] - 1];
        happening of = {.event = begin + scratch->entries[i]};
        of.time = ls_event_time(&binding->dataset->events, of.event);
        of.age = binding->at - of.time;
        if (of.age >= match->from && of.age < match->end) {
            scratch->listed[listed++] =
                (ls_listed){key_of(block, list, &of), of.time, match->points};
        }
    }
    return listed;
}

void ls_block_list_row(const ls_block_tables *block, size_t begin, size_t count, size_t row,
                       ls_block_memory *memory, ls_scratch *scratch)
{
    for (size_t i = 0; i < block->list_count; i++) {
        const ls_block_list *list = &block->lists[i];
        size_t listed = find_listed(block, list, begin, count, scratch);
        if (listed > 0) {
            take_listed(block, list, scratch->listed, listed, row, memory, scratch);
        }
    }
}

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
