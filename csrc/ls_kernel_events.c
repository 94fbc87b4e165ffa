/* The events' part of the kernels. First, for a block of events that may span many contacts, each
 * event's class and then its entry are looked up; then each contact's entries are added. Specs that
 * tables cannot hold are worked out occurrence by occurrence, for the events of their classes only.
 */
#include "ls_kernel.h"

#include "ls_time.h"

#include <stdlib.h>

LS_INLINE uint32_t code_at(const void *codes, unsigned width, size_t i)
{
    return width == 1   ? ((const uint8_t *)codes)[i]
           : width == 2 ? ((const uint16_t *)codes)[i]
                        : ((const uint32_t *)codes)[i];
}

/* ---- classes
 * -------------------------------------------------------------------------------------- */

/* One function, made several times for constant widths, so that the loop has no branch. */
LS_INLINE void classes_of_one(const ls_binding *binding, size_t begin, size_t count, uint16_t *out,
                              unsigned event_width, unsigned width)
{
    const ls_property_table *table = &binding->tables[binding->map_tables[0]];
    const uint32_t *base = binding->map_base, *classes = table->classes;
    const void *events = binding->dataset->events.event.codes, *codes = table->column->codes;
    for (size_t i = 0; i < count; i++) {
        uint32_t event = code_at(events, event_width, begin + i);
        uint32_t class = classes[code_at(codes, width, begin + i)];
        out[i] = binding->class_map[base[event] + ls_map_part(binding, event, 0, class)];
    }
}

static void classes_of_many(const ls_binding *binding, size_t begin, size_t count, uint16_t *out)
{
    const ls_column *events = &binding->dataset->events.event;
    const uint32_t *of = binding->map_tables;
    const size_t tables = binding->map_table_count, names = binding->event_code_count;
    for (size_t i = 0; i < count; i++) {
        uint32_t event = ls_column_code(events, begin + i);
        uint32_t place = binding->map_base[event];
        for (size_t k = 0; k < tables; k++) {
            const uint32_t first = binding->map_first[k * names + event];
            if (first > 0) { /* else no spec of the event reads the property */
                place +=
                    binding->map_parts[first + ls_table_class(&binding->tables[of[k]], begin + i)];
            }
        }
        out[i] = binding->class_map[place];
    }
}

static void classes_of(const ls_binding *binding, size_t begin, size_t count, uint16_t *out)
{
    const ls_column *column = NULL;
    if (binding->map_table_count == 1) {
        column = binding->tables[binding->map_tables[0]].column;
    }
    if (column == NULL || binding->dataset->events.event.width != 1) {
        classes_of_many(binding, begin, count, out);
    } else if (column->width == 1) {
        classes_of_one(binding, begin, count, out, 1, 1);
    } else if (column->width == 2) {
        classes_of_one(binding, begin, count, out, 1, 2);
    } else {
        classes_of_one(binding, begin, count, out, 1, 4);
    }
}

/* ---- entries
 * -------------------------------------------------------------------------------------- */

/* An event later than the instant has entry 0: nothing. */
LS_INLINE void entries_of(const ls_binding *binding, size_t begin, size_t count,
                          const uint16_t *classes, uint32_t *out, bool wide, unsigned edges_in_cell)
{
    const void *times = binding->dataset->events.times;
    const int64_t now = wide ? binding->at : binding->at - LS_EVENT_BASE;
    const uint32_t buckets = (uint32_t)binding->bucket_count;
    const uint64_t last_cell = binding->cell_count;
    const uint16_t *rows = binding->class_rows;
    for (size_t i = 0; i < count; i++) {
        int64_t time =
            wide ? ((const int64_t *)times)[begin + i] : ((const uint32_t *)times)[begin + i];
        int64_t age = now - time;
        uint64_t cell = (uint64_t)(age < 0 ? 0 : age) >> binding->cell_shift;
        uint32_t bucket = binding->cells[cell < last_cell ? cell : last_cell];
        for (unsigned k = 0; k < edges_in_cell; k++) {
            bucket += age >= binding->edges[bucket];
        }
        uint32_t entry = rows[classes[i]] * buckets + bucket;
        out[i] = age < 0 ? 0 : entry;
    }
}

/* What looking up one event reads. */
typedef struct direct {
    const uint32_t *classes, *rows;
    const uint16_t *cells;
    const int64_t *edges;
    int64_t now;
    uint64_t last;
    unsigned shift;
} direct;

LS_INLINE uint32_t entry_directly(const direct *of, uint32_t name, uint32_t code, int64_t time,
                                  bool property)
{
    uint32_t place = name + (property ? of->classes[code] * LS_DIRECT_NAMES : 0);
    int64_t age = of->now - time;
    uint64_t cell = (uint64_t)age >> of->shift; /* of the future: past the last */
    uint32_t bucket = of->cells[cell < of->last ? cell : of->last];
    uint32_t entry = of->rows[place] + bucket + (age >= of->edges[bucket]);
    return age < 0 ? 0 : entry;
}

/* Class and bucket in one go. width: of the property's codes, 0: there is none. */
LS_INLINE void entries_directly(const ls_binding *binding, size_t begin, size_t count,
                                unsigned width, bool wide, uint32_t *restrict out)
{
    const ls_dataset *dataset = binding->dataset;
    const ls_property_table *table = width ? &binding->tables[binding->map_tables[0]] : NULL;
    const uint8_t *restrict names = (const uint8_t *)dataset->events.event.codes + begin;
    const char *restrict codes = width ? (const char *)table->column->codes + begin * width : NULL;
    const char *restrict times =
        (const char *)dataset->events.times + begin * (wide ? sizeof(int64_t) : sizeof(uint32_t));
    const direct of = {width ? table->classes : NULL,
                       binding->direct_rows,
                       binding->cells,
                       binding->edges,
                       wide ? binding->at : binding->at - LS_EVENT_BASE,
                       binding->cell_count,
                       binding->cell_shift};
    for (size_t i = 0; i < count; i++) {
        int64_t time = wide ? ((const int64_t *)times)[i] : ((const uint32_t *)times)[i];
        uint32_t code = width ? code_at(codes, width, i) : 0;
        out[i] = entry_directly(&of, names[i], code, time, width > 0);
    }
}

/* The loops for one width, apart, so that each has the processor's registers to itself. */
#define DIRECT_ENTRIES(name, width, wide)                                                          \
    static __attribute__((noinline)) void name(const ls_binding *binding, size_t begin,            \
                                               size_t count, uint32_t *out)                        \
    {                                                                                              \
        entries_directly(binding, begin, count, width, wide, out);                                 \
    }
DIRECT_ENTRIES(direct_0, 0, false)
DIRECT_ENTRIES(direct_1, 1, false)
DIRECT_ENTRIES(direct_2, 2, false)
DIRECT_ENTRIES(direct_4, 4, false)
DIRECT_ENTRIES(direct_0_wide, 0, true)
DIRECT_ENTRIES(direct_1_wide, 1, true)
DIRECT_ENTRIES(direct_2_wide, 2, true)
DIRECT_ENTRIES(direct_4_wide, 4, true)

static void find_direct_entries(const ls_binding *binding, size_t begin, size_t count,
                                uint32_t *out)
{
    typedef void loop(const ls_binding *binding, size_t begin, size_t count, uint32_t *out);
    static loop *const loops[2][5] = {
        {direct_0, direct_1, direct_2, NULL, direct_4},
        {direct_0_wide, direct_1_wide, direct_2_wide, NULL, direct_4_wide},
    };
    const ls_column *column =
        binding->map_table_count ? binding->tables[binding->map_tables[0]].column : NULL;
    loops[binding->dataset->events.wide][column ? column->width : 0](binding, begin, count, out);
}

void ls_kernel_entries(const ls_binding *binding, size_t begin, size_t count, ls_scratch *scratch)
{
    if (binding->direct_rows && binding->cell_edges <= 1 &&
        binding->dataset->events.event.width == 1) {
        find_direct_entries(binding, begin, count, scratch->entries);
        return;
    }
    const uint16_t *classes = scratch->classes;
    classes_of(binding, begin, count, scratch->classes);
    if (!binding->dataset->events.wide && binding->cell_edges <= 1) {
        entries_of(binding, begin, count, classes, scratch->entries, false, 1);
    } else if (binding->cell_edges <= 1) {
        entries_of(binding, begin, count, classes, scratch->entries, true, 1);
    } else {
        entries_of(binding, begin, count, classes, scratch->entries, binding->dataset->events.wide,
                   binding->cell_edges);
    }
}

/* ---- adding up
 * ------------------------------------------------------------------------------------ */

static void empty_lanes(const ls_binding *binding, const uint64_t *words, size_t events,
                        ls_scratch *scratch)
{
    for (size_t i = 0; i < binding->lane_count; i++) {
        const ls_lane *lane = &binding->lanes[i];
        uint64_t mask = UINT64_MAX >> (64 - lane->bits);
        int64_t sum = (int64_t)(words[lane->word] >> lane->shift & mask) * lane->unit +
                      (int64_t)events * lane->least;
        if (lane->kind == LS_LANE_TARGET) {
            scratch->sums[lane->index] += sum;
        } else if (lane->kind == LS_LANE_COUNT) {
            scratch->counts[lane->index] += sum;
        } else {
            scratch->fired = scratch->fired || sum > 0;
        }
    }
}

LS_INLINE void add_entries(const ls_binding *binding, const uint32_t *entries, size_t count,
                           size_t word_count, uint64_t *words)
{
    for (size_t k = 0; k < word_count; k++) {
        words[k] = 0;
    }
    size_t i = 0;
    if (word_count == 1) {
        const uint64_t *all = binding->entries;
        uint64_t sum = 0;
        for (; i + 4 <= count; i += 4) {
            sum +=
                all[entries[i]] + all[entries[i + 1]] + all[entries[i + 2]] + all[entries[i + 3]];
        }
        words[0] = sum;
    }
    for (; i < count; i++) {
        const uint64_t *entry = binding->entries + entries[i] * word_count;
        for (size_t k = 0; k < word_count; k++) {
            words[k] += entry[k];
        }
    }
}

static void add_contact(const ls_binding *binding, const uint32_t *entries, size_t count,
                        ls_scratch *scratch)
{
    uint64_t *words = scratch->words;
    while (count > 0) {
        size_t part = count < binding->flush ? count : binding->flush;
        if (binding->words == 1) {
            add_entries(binding, entries, part, 1, words);
        } else if (binding->words == 2) {
            add_entries(binding, entries, part, 2, words);
        } else {
            add_entries(binding, entries, part, binding->words, words);
        }
        empty_lanes(binding, words, part, scratch);
        entries += part;
        count -= part;
    }
}

/* ---- kernels
 * -------------------------------------------------------------------------------------- */

const ls_times *ls_times_fit(const ls_occurrences *occurrences, int64_t count)
{
    for (size_t i = 0; i < occurrences->times_count; i++) {
        if (count >= occurrences->times[i].min && count <= occurrences->times[i].max) {
            return &occurrences->times[i];
        }
    }
    return NULL;
}

/* A leaf that asks the event's own time has no table. */
static ls_truth ask_leaf(const ls_binding *binding, const ls_filter *leaf, size_t event)
{
    const ls_property_table *table = &binding->tables[leaf->property];
    if (ls_string_equal(table->property->name, "at", 2)) {
        ls_value value = {.known = true, .time = ls_event_time(&binding->dataset->events, event)};
        return ls_condition_test(leaf->condition, &value, binding->at);
    }
    return (ls_truth)ls_table_record(table,
                                     ls_table_class(table, event))[binding->atom_place[leaf->atom]];
}

static ls_truth ask_event(const ls_binding *binding, const ls_filter *filter, size_t event)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        return ask_leaf(binding, filter, event);
    }
    bool all = filter->kind == LS_FILTER_ALL;
    ls_truth truth = all ? LS_TRUE : LS_FALSE;
    for (size_t i = 0; i < filter->count; i++) {
        ls_truth child = ask_event(binding, &filter->children[i], event);
        truth = all ? ls_truth_and(truth, child) : ls_truth_or(truth, child);
    }
    return filter->kind == LS_FILTER_NONE ? ls_truth_not(truth) : truth;
}

/* What the choice says of the event; false: it earns nothing that way and is no occurrence. */
static bool ask_choice(const ls_binding *binding, const ls_spec *spec, size_t event,
                       int64_t *points)
{
    const ls_choice *choice = &spec->occurrences->choice;
    const ls_property_table *table = &binding->tables[choice->property];
    if (ls_string_equal(table->property->name, "at", 2)) {
        ls_value value = {.known = true, .time = ls_event_time(&binding->dataset->events, event)};
        ls_int128 sum = 0;
        bool applies = ls_choice_points(choice, LS_DATETIME, &value, binding->at, &sum);
        *points = (int64_t)sum;
        return applies;
    }
    ls_outcome outcome = ls_table_outcome(table, ls_table_class(table, event), spec->choice);
    *points = outcome.points;
    return outcome.applies;
}

bool ls_kernel_is_occurrence(const ls_binding *binding, const ls_spec *spec, size_t event,
                             int64_t *points)
{
    const ls_occurrences *occurrences = spec->occurrences;
    *points = occurrences->points;
    return (occurrences->where == NULL ||
            ask_event(binding, occurrences->where, event) == LS_TRUE) &&
           (occurrences->choice.kind == LS_CHOICE_NONE || ask_choice(binding, spec, event, points));
}

static void count_occurrence(const ls_binding *binding, size_t number, int64_t time, int64_t points,
                             ls_scratch *scratch)
{
    const ls_spec *spec = &binding->specs[number];
    bool kernel = spec->way == LS_WAY_SUM || spec->way == LS_WAY_COUNT;
    if (!kernel || !ls_spec_open(spec->occurrences, binding->at, binding->at - time)) {
        return;
    }
    scratch->counts[number]++;
    if (spec->way == LS_WAY_SUM) {
        scratch->sums[spec->target] +=
            ls_quick_decay_points(&binding->decays[number], points, binding->at - time);
        scratch->fired = true;
        if (LS_UNLIKELY(scratch->steady != NULL)) {
            ls_kernel_note_curved(binding, number, points, time, scratch);
        }
    } else if (spec->way == LS_WAY_COUNT) {
        scratch->latest[number] = ls_max(scratch->latest[number], time);
    }
}

/* The events of classes that some kernel spec looks at, and generic specs. */
static void run_kernels(const ls_binding *binding, size_t block, size_t begin, size_t end,
                        ls_scratch *scratch)
{
    const ls_events *events = &binding->dataset->events;
    for (size_t e = begin; e < end; e++) {
        uint16_t class = scratch->classes[e - block];
        if (binding->class_has_kernel[class]) {
            const ls_event_class *matches = ls_class_matches(binding, class);
            for (size_t i = 0; i < matches->count; i++) {
                const ls_match *match = &binding->classes.matches[matches->first + i];
                count_occurrence(binding, match->spec, ls_event_time(events, e), match->points,
                                 scratch);
            }
        }
        if (binding->any_generic) {
            uint32_t code = ls_column_code(&events->event, e);
            for (uint32_t i = binding->generic_first[code]; i < binding->generic_first[code + 1];
                 i++) {
                int64_t points;
                uint32_t spec = binding->generic_specs[i];
                if (binding->specs[spec].way != LS_WAY_LIST &&
                    ls_kernel_is_occurrence(binding, &binding->specs[spec], e, &points)) {
                    count_occurrence(binding, spec, ls_event_time(events, e), points, scratch);
                }
            }
        }
    }
}

/* ---- once_per and latest
 * --------------------------------------------------------------------------- */

static bool names_spec(const ls_binding *binding, size_t code, size_t spec)
{
    return (binding->event_specs[code * binding->spec_words + spec / 64] >> (spec % 64) & 1) != 0;
}

static bool is_listed(const ls_binding *binding, size_t number, size_t event, uint16_t class,
                      int64_t *points)
{
    const ls_spec *spec = &binding->specs[number];
    if (spec->generic) {
        return names_spec(binding, ls_column_code(&binding->dataset->events.event, event),
                          number) &&
               ls_kernel_is_occurrence(binding, spec, event, points);
    }
    const ls_event_class *matches = ls_class_matches(binding, class);
    for (size_t i = 0; i < matches->count; i++) {
        const ls_match *match = &binding->classes.matches[matches->first + i];
        if (match->spec == number) {
            *points = match->points;
            return true;
        }
    }
    return false;
}

int64_t ls_kernel_once_key(const ls_binding *binding, const ls_occurrences *occurrences,
                           size_t event, int64_t time)
{
    if (occurrences->once == LS_ONCE_DAY) {
        return (time - LS_TIME_MIN) / LS_DAY; /* the first instant is a midnight: days stay whole */
    }
    if (occurrences->once == LS_ONCE_PROPERTY) {
        const ls_property_table *table = &binding->tables[occurrences->once_property];
        if (ls_string_equal(table->property->name, "at", 2)) {
            return time;
        }
        return table->column ? ls_table_folded(table, ls_column_code(table->column, event)) : 0;
    }
    return 0;
}

static int compare_listed(const void *a, const void *b)
{
    const ls_listed *x = a, *y = b;
    int order = (x->time > y->time) - (x->time < y->time);
    return order ? order : (x->points > y->points) - (x->points < y->points);
}

/* Events mostly come in the order of time. */
static void sort_listed(ls_listed *listed, size_t count)
{
    size_t i = 1;
    while (i < count && compare_listed(&listed[i - 1], &listed[i]) <= 0) {
        i++;
    }
    if (i < count) {
        qsort(listed, count, sizeof *listed, compare_listed);
    }
}

/* Whether no occurrence of the key was chosen; then one is, as listed[chosen]. */
static bool is_new_key(const ls_listed *listed, int64_t key, size_t chosen, size_t size,
                       uint32_t *seen)
{
    size_t slot = (size_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    for (slot &= size - 1; seen[slot] != 0; slot = (slot + 1) & (size - 1)) {
        if (listed[seen[slot] - 1].key == key) {
            return false;
        }
    }
    seen[slot] = (uint32_t)chosen + 1;
    return true;
}

static size_t clear_seen(size_t count, ls_scratch *scratch)
{
    size_t size = 2;
    while (size < 2 * count) {
        size *= 2;
    }
    memset(scratch->seen, 0, size * sizeof *scratch->seen);
    return size;
}

/* From the latest on: the first of each key stays, until there are as many as wanted. Days come one
 * after the other. */
size_t ls_kernel_choose(const ls_binding *binding, size_t spec, ls_listed *listed, size_t count,
                        ls_scratch *scratch)
{
    const ls_occurrences *occurrences = binding->specs[spec].occurrences;
    const uint64_t most = occurrences->latest ? occurrences->latest : UINT64_MAX;
    const bool by_property = occurrences->once == LS_ONCE_PROPERTY;
    const size_t size = by_property ? clear_seen(count, scratch) : 0;
    int64_t last_key = INT64_MIN;
    size_t chosen = count;
    sort_listed(listed, count);
    for (size_t i = count; i-- > 0 && (uint64_t)(count - chosen) < most;) {
        const int64_t key = listed[i].key;
        if (by_property ? !is_new_key(listed, key, chosen - 1, size, scratch->seen)
                        : occurrences->once == LS_ONCE_DAY && key == last_key) {
            continue;
        }
        last_key = key;
        listed[--chosen] = listed[i];
    }
    return chosen;
}

int64_t ls_kernel_sum_chosen(const ls_binding *binding, size_t spec, const ls_listed *chosen,
                             size_t count, const int64_t *points)
{
    const ls_quick_decay *decay = &binding->decays[spec];
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += ls_quick_decay_points(decay, points ? *points : chosen[i].points,
                                     binding->at - chosen[i].time);
    }
    return sum;
}

static void add_listed(const ls_binding *binding, size_t number, size_t count, ls_scratch *scratch)
{
    const ls_spec *spec = &binding->specs[number];
    ls_listed *listed = scratch->listed;
    const size_t first = ls_kernel_choose(binding, number, listed, count, scratch);
    scratch->counts[number] += (int64_t)(count - first);
    if (first == count) {
        return;
    }
    if (spec->occurrences->times_count > 0) {
        scratch->latest[number] = ls_max(scratch->latest[number], listed[count - 1].time);
    } else {
        scratch->sums[spec->target] +=
            ls_kernel_sum_chosen(binding, number, listed + first, count - first, NULL);
        scratch->fired = true;
        for (size_t i = first; scratch->steady != NULL && i < count; i++) {
            ls_kernel_note_curved(binding, number, listed[i].points, listed[i].time, scratch);
        }
    }
}

static void run_list(const ls_binding *binding, size_t number, size_t block, size_t begin,
                     size_t end, ls_scratch *scratch)
{
    const ls_occurrences *occurrences = binding->specs[number].occurrences;
    const uint64_t bit = binding->specs[number].generic ? 0 : LS_LIST_BIT(number);
    size_t count = 0;
    for (size_t e = begin; e < end; e++) {
        uint16_t class = scratch->classes[e - block];
        if (bit != 0 && (binding->class_lists[class] & bit) == 0) {
            continue;
        }
        int64_t time = ls_event_time(&binding->dataset->events, e), points;
        if (ls_spec_open(occurrences, binding->at, binding->at - time) &&
            is_listed(binding, number, e, class, &points)) {
            scratch->listed[count++] =
                (ls_listed){ls_kernel_once_key(binding, occurrences, e, time), time, points};
        }
    }
    add_listed(binding, number, count, scratch);
}

void ls_kernel_contact(const ls_binding *binding, size_t block, size_t begin, size_t end,
                       ls_scratch *scratch)
{
    add_contact(binding, scratch->entries + (begin - block), end - begin, scratch);
    if (!binding->any_kernel) {
        return;
    }
    run_kernels(binding, block, begin, end, scratch);
    for (size_t i = 0; binding->any_list && i < binding->spec_count; i++) {
        if (binding->specs[i].way == LS_WAY_LIST) {
            run_list(binding, i, block, begin, end, scratch);
        }
    }
}

int64_t ls_kernel_count(const ls_binding *binding, const ls_occurrences *occurrences,
                        size_t contact)
{
    const ls_events *events = &binding->dataset->events;
    int64_t count = 0;
    for (size_t i = 0; events->count > 0 && i < occurrences->event_count; i++) {
        uint32_t code = ls_dictionary_find(&events->event.dictionary, occurrences->events[i].text,
                                           occurrences->events[i].length);
        for (uint64_t e = events->first[contact]; e < ls_events_end(events, contact); e++) {
            int64_t age = binding->at - ls_event_time(events, e);
            count += ls_column_code(&events->event, e) == code &&
                     ls_spec_open(occurrences, binding->at, age) &&
                     (occurrences->where == NULL ||
                      ask_event(binding, occurrences->where, e) == LS_TRUE);
        }
    }
    return count;
}
