/* Occurrences that tables do not hold: only events whose place has some are looked at, each with
 * the few specs of its class. What once_per and latest choose from is listed until the row's events
 * are through. */
#include "ls_block_occurrences.h"

#include "ls_block_settle.h"

/* What is known of the event that is looked at. */
typedef struct happening {
    size_t row; /* of the block */
    size_t event;
    int64_t time, age;
} happening;

static void list_occurrence(const ls_block_tables *block, uint32_t number, int64_t points,
                            const happening *of, ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    const ls_occurrences *occurrences = binding->specs[number].occurrences;
    uint32_t list = block->lists[number];
    ls_listed *listed = memory->listed + (size_t)list * LS_CHUNK_EVENTS;
    listed[memory->list_counts[list]++] =
        (ls_listed){ls_kernel_once_key(binding, occurrences, of->event, of->time), of->time,
                    points};
}

static void add_occurrence(const ls_block_tables *block, uint32_t number, int64_t points,
                           const happening *of, ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    const ls_spec *spec = &binding->specs[number];
    if (!ls_spec_open(spec->occurrences, binding->at, of->age)) {
        return;
    }
    if (spec->way == LS_WAY_SUM) {
        ls_block_column(memory->sums, spec->target)[of->row] +=
            ls_quick_decay_points(&binding->decays[number], points, of->age);
        memory->fired[of->row] = 1;
    } else if (spec->way == LS_WAY_COUNT) {
        int64_t *latest = &ls_block_column(memory->latest, number)[of->row];
        ls_block_column(memory->counts, number)[of->row]++;
        *latest = ls_max(*latest, of->time);
    } else if (spec->way == LS_WAY_LIST) {
        list_occurrence(block, number, points, of, memory);
    }
}

static void look_at(const ls_block_tables *block, size_t i, const happening *of,
                    ls_block_memory *memory)
{
    const ls_binding *binding = block->binding;
    const ls_event_class *matches = &block->occurrences[binding->class_map[memory->places[i]]];
    for (uint32_t k = matches->first; k < matches->first + matches->count; k++) {
        const ls_match *match = &block->matches[k];
        add_occurrence(block, match->spec, match->points, of, memory);
    }
    uint32_t name = memory->names[i];
    for (uint32_t k = binding->generic_first[name]; k < binding->generic_first[name + 1]; k++) {
        int64_t points;
        uint32_t spec = binding->generic_specs[k];
        if (ls_kernel_is_occurrence(binding, &binding->specs[spec], of->event, &points)) {
            add_occurrence(block, spec, points, of, memory);
        }
    }
}

/* The row's events are through. */
static void end_lists(const ls_block_tables *block, size_t row, ls_block_memory *memory,
                      ls_scratch *scratch)
{
    const ls_binding *binding = block->binding;
    for (size_t i = 0; i < block->list_count; i++) {
        if (memory->list_counts[i] == 0) {
            continue;
        }
        uint32_t number = block->listing[i];
        const ls_spec *spec = &binding->specs[number];
        ls_listed_sum sum =
            ls_kernel_sum_listed(binding, number, memory->listed + i * LS_CHUNK_EVENTS,
                                 memory->list_counts[i], scratch);
        memory->list_counts[i] = 0;
        if (spec->rule == NULL || spec->occurrences->times_count > 0) {
            ls_block_column(memory->counts, number)[row] = sum.count;
            ls_block_column(memory->latest, number)[row] = sum.latest;
        } else {
            ls_block_column(memory->sums, spec->target)[row] += sum.points;
            memory->fired[row] |= sum.count > 0;
        }
    }
}

/* The chunk's events that may be occurrences; how many they are. */
static size_t find_active(const ls_block_tables *block, size_t count, ls_block_memory *memory)
{
    const uint8_t *places = block->place_occurs, *names = block->name_occurs;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        memory->active[found] = (uint16_t)i;
        found += places[memory->places[i]] | names[memory->names[i]];
    }
    return found;
}

void ls_block_occur(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                    ls_block_memory *memory, ls_scratch *scratch)
{
    const ls_binding *binding = block->binding;
    const size_t begin = (size_t)chunk->first[0];
    const uint32_t *times = (const uint32_t *)binding->dataset->events.times;
    size_t found = find_active(block, (size_t)chunk->first[chunk->rows] - begin, memory);
    for (size_t i = 0, k = 0; i < chunk->rows; i++) {
        const size_t end = (size_t)chunk->first[i + 1] - begin;
        for (; k < found && memory->active[k] < end; k++) {
            size_t event = begin + memory->active[k];
            int64_t time = LS_EVENT_BASE + (int64_t)times[event];
            const happening of = {row + i, event, time, binding->at - time};
            if (of.age >= 0) {
                look_at(block, memory->active[k], &of, memory);
            }
        }
        end_lists(block, row + i, memory, scratch);
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
