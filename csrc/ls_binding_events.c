/* Ways of specs, buckets of ages, and the entries that say what one event adds: with the classes of
 * events (ls_binding_classes.c) the tables that make scoring an event a look-up and an addition.
 * Worked out from property tables that are up to date; made anew as a whole whenever a value class,
 * an event name or the instant asks for it.
 *
 * A spec (event rule or did filter) goes the table's way if what it adds depends on the event's
 * class and age bucket alone and its edges fit the budget; the others are left to kernels. */
#include "ls_match_sets.h"

#include <stdlib.h>

static const size_t flush_choices[] = {256, 128, 64, 32};

#define LS_MAX_CELLS 16384

/* ---- ways ------------------------------------------------------------------------------------ */

static bool asks_time(const ls_binding *binding, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        return ls_string_equal(binding->definition->properties[filter->property].name, "at", 2);
    }
    for (size_t i = 0; i < filter->count; i++) {
        if (asks_time(binding, &filter->children[i])) {
            return true;
        }
    }
    return false;
}

static bool choice_asks_time(const ls_binding *binding, const ls_choice *choice)
{
    return choice->kind != LS_CHOICE_NONE &&
           ls_string_equal(binding->definition->properties[choice->property].name, "at", 2);
}

static size_t step_count(const ls_decay *decay)
{
    return decay->curve == LS_CURVE_STEP
               ? (size_t)((100 * (int64_t)LS_MILLION + decay->percent - 1) / decay->percent)
               : 0;
}

ls_way ls_spec_kernel_way(const ls_spec *spec)
{
    const ls_occurrences *occurrences = spec->occurrences;
    if (occurrences->once != LS_ONCE_NONE || occurrences->latest > 0) {
        return LS_WAY_LIST;
    }
    return occurrences->times_count > 0 ? LS_WAY_COUNT : LS_WAY_SUM;
}

static ls_way first_way(const ls_spec *spec)
{
    const ls_occurrences *occurrences = spec->occurrences;
    ls_curve curve = occurrences->decay.curve;
    bool counted = occurrences->times_count > 0;
    bool table = ls_spec_kernel_way(spec) != LS_WAY_LIST && !spec->generic &&
                 (counted ? curve == LS_CURVE_NONE : curve <= LS_CURVE_STEP) &&
                 spec->edge_count <= LS_MAX_BUCKETS;
    return table ? LS_WAY_TABLE : ls_spec_kernel_way(spec);
}

static void choose_ways(ls_binding *binding)
{
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        const ls_occurrences *occurrences = spec->occurrences;
        spec->way = LS_WAY_OFF;
        if (occurrences) {
            spec->generic = (occurrences->where && asks_time(binding, occurrences->where)) ||
                            choice_asks_time(binding, &occurrences->choice);
            spec->edge_count = (size_t)occurrences->has_last + occurrences->has_from +
                               occurrences->has_until + step_count(&occurrences->decay);
            spec->way = first_way(spec);
        }
    }
}

/* ---- buckets --------------------------------------------------------------------------------- */

static int compare_edges(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The ages at which what a spec's occurrence adds changes. */
static size_t add_edges(const ls_binding *binding, const ls_occurrences *occurrences,
                        int64_t *edges)
{
    size_t count = 0;
    if (occurrences->has_last) {
        edges[count++] = occurrences->last;
    }
    if (occurrences->has_from) {
        edges[count++] = binding->at - occurrences->from + 1;
    }
    if (occurrences->has_until) {
        edges[count++] = binding->at - occurrences->until + 1;
    }
    for (size_t n = 1; n <= step_count(&occurrences->decay); n++) {
        edges[count++] = occurrences->decay.every > INT64_MAX / (int64_t)n
                             ? INT64_MAX
                             : occurrences->decay.every * (int64_t)n;
    }
    return count;
}

/* Past the edge budget, the spec with the most edges goes to a kernel; false: there was none. */
static bool demote_most_edges(ls_binding *binding)
{
    ls_spec *most = NULL;
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        if (spec->way == LS_WAY_TABLE && (most == NULL || spec->edge_count > most->edge_count)) {
            most = spec;
        }
    }
    if (most) {
        most->way = ls_spec_kernel_way(most);
    }
    return most != NULL;
}

static size_t total_edges(const ls_binding *binding)
{
    size_t total = 0;
    for (size_t i = 0; i < binding->spec_count; i++) {
        total += binding->specs[i].way == LS_WAY_TABLE ? binding->specs[i].edge_count : 0;
    }
    return total;
}

/* No age is as large: instants span less than 2^39 seconds. */
#define LS_MAX_AGE (INT64_C(1) << 40)

/* Sorted, without repeats, above 0, ended by INT64_MAX. */
static void sort_edges(ls_binding *binding, size_t count)
{
    int64_t *edges = binding->edges;
    size_t kept = 0;
    qsort(edges, count, sizeof *edges, compare_edges);
    for (size_t i = 0; i < count; i++) {
        if (edges[i] > 0 && edges[i] < LS_MAX_AGE && (kept == 0 || edges[i] != edges[kept - 1])) {
            edges[kept++] = edges[i];
        }
    }
    edges[kept] = INT64_MAX;
    binding->bucket_count = kept + 1;
}

/* Cells so small that an age's bucket is found by a shift and a comparison or two. */
static int make_cells(ls_binding *binding)
{
    const int64_t *edges = binding->edges;
    size_t last = binding->bucket_count - 1;
    int64_t gap = INT64_MAX, end = last ? edges[last - 1] : 0;
    for (size_t i = 1; i < last; i++) {
        gap = ls_min(gap, edges[i] - edges[i - 1]);
    }
    binding->cell_shift = 0;
    while ((end >> binding->cell_shift) >= LS_MAX_CELLS ||
           (binding->cell_shift < 40 && INT64_C(2) << binding->cell_shift <= gap &&
            end >> binding->cell_shift > 0)) {
        binding->cell_shift++;
    }
    binding->cell_count = (size_t)(end >> binding->cell_shift) + 1;
    binding->cells =
        ls_allocate(binding->context, (binding->cell_count + 1) * sizeof *binding->cells);
    if (binding->cells == NULL) {
        return LS_ERROR_MEMORY;
    }
    size_t bucket = 0, before = 0;
    binding->cell_edges = 0;
    for (size_t cell = 0; cell <= binding->cell_count; cell++) {
        while (edges[bucket] <= (int64_t)cell << binding->cell_shift) {
            bucket++;
        }
        if (cell > 0 && bucket - before > binding->cell_edges) {
            binding->cell_edges = (uint16_t)(bucket - before);
        }
        binding->cells[cell] = (uint16_t)(cell < binding->cell_count ? bucket : last);
        before = bucket;
    }
    return LS_OK;
}

static int make_buckets(ls_binding *binding)
{
    while (total_edges(binding) > LS_MAX_BUCKETS - 1) {
        demote_most_edges(binding);
    }
    size_t room = total_edges(binding) + 1, count = 0;
    if (binding->edges == NULL) {
        binding->edges =
            ls_allocate(binding->context, (LS_MAX_BUCKETS + 1) * sizeof *binding->edges);
    }
    if (binding->edges == NULL || room > LS_MAX_BUCKETS) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < binding->spec_count; i++) {
        if (binding->specs[i].way == LS_WAY_TABLE) {
            count += add_edges(binding, binding->specs[i].occurrences, binding->edges + count);
        }
    }
    sort_edges(binding, count);
    ls_free(binding->context, binding->cells, (binding->cell_count + 1) * sizeof *binding->cells);
    binding->cells = NULL;
    return make_cells(binding);
}

/* ---- lanes and entries
 * --------------------------------------------------------------------------- */

static uint32_t lane_of(ls_binding *binding, ls_lane_kind kind, uint32_t index)
{
    uint32_t lane = 0;
    while (lane < binding->lane_count &&
           (binding->lanes[lane].kind != kind || binding->lanes[lane].index != index)) {
        lane++;
    }
    if (lane == binding->lane_count) {
        binding->lanes[binding->lane_count++] = (ls_lane){.kind = kind, .index = index};
    }
    return lane;
}

/* Where a rule goes over contacts, whether it fired is a matter of the contact and the rule: its
 * occurrences are counted. */
static bool is_counted(const ls_spec *spec)
{
    return spec->occurrences->times_count > 0 || (spec->rule && spec->rule->over);
}

static void list_lanes(ls_binding *binding)
{
    binding->lane_count = 0;
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        if (ls_spec_fires_by_entry(spec)) {
            binding->fired_lane = lane_of(binding, LS_LANE_FIRED, 0);
        }
        if (spec->way != LS_WAY_TABLE) {
            continue;
        }
        if (is_counted(spec)) {
            spec->count_lane = lane_of(binding, LS_LANE_COUNT, (uint32_t)i);
        } else {
            binding->fired_lane = lane_of(binding, LS_LANE_FIRED, 0);
        }
        if (spec->occurrences->times_count == 0) {
            spec->lane = lane_of(binding, LS_LANE_TARGET, spec->target);
        }
    }
}

/* What entries hold of a class: the matches that they add up, and whether others fire. */
static int row_of_class(ls_binding *binding, size_t class)
{
    const ls_event_class *matches = ls_class_matches(binding, class);
    size_t count = 0;
    bool fires = false;
    int status = LS_OK;
    for (size_t i = 0; i < matches->count && status == LS_OK; i++) {
        const ls_match *match = &binding->classes.matches[matches->first + i];
        const ls_spec *spec = &binding->specs[match->spec];
        fires = fires || ls_spec_fires_by_entry(spec);
        if (spec->way == LS_WAY_TABLE) {
            status =
                ls_match_add(binding->context, &binding->rows, &count, match->spec, match->points);
        }
    }
    if (fires && status == LS_OK) {
        status = ls_match_add(binding->context, &binding->rows, &count, LS_FIRES, 0);
    }
    return status == LS_OK
               ? ls_match_set(binding->context, &binding->rows, count, &binding->class_rows[class])
               : status;
}

static int make_rows(ls_binding *binding)
{
    int status = ls_match_sets_begin(binding->context, &binding->rows);
    for (size_t class = 0; class < binding->classes.count && status == LS_OK; class ++) {
        status = row_of_class(binding, class);
    }
    return status;
}

/* What an event adds to each lane in a bucket of its row, in millionths and counts. */
static void add_up(const ls_binding *binding, size_t row, size_t bucket, int64_t *out)
{
    const ls_event_class *matches = &binding->rows.sets[row];
    int64_t age = bucket ? binding->edges[bucket - 1] : 0;
    memset(out, 0, binding->lane_count * sizeof *out);
    for (size_t i = 0; i < matches->count; i++) {
        const ls_match *match = &binding->rows.matches[matches->first + i];
        if (match->spec == LS_FIRES) {
            out[binding->fired_lane] = 1;
            continue;
        }
        const ls_spec *spec = &binding->specs[match->spec];
        const ls_occurrences *occurrences = spec->occurrences;
        if (!ls_spec_open(occurrences, binding->at, age)) {
            continue;
        }
        if (is_counted(spec)) {
            out[spec->count_lane] = 1;
        } else {
            out[binding->fired_lane] = 1;
        }
        if (occurrences->times_count == 0) {
            out[spec->lane] += ls_decay_points(&occurrences->decay, match->points, age);
        }
    }
}

static int64_t greatest_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Units, least entries and ranges of all lanes. */
static void measure_lanes(ls_binding *binding, int64_t *values, int64_t *greatest)
{
    for (size_t i = 0; i < binding->lane_count; i++) {
        binding->lanes[i].unit = binding->lanes[i].least = greatest[i] = 0;
    }
    for (size_t row = 0; row < binding->rows.count; row++) {
        for (size_t bucket = 0; bucket < binding->bucket_count; bucket++) {
            add_up(binding, row, bucket, values);
            for (size_t i = 0; i < binding->lane_count; i++) {
                ls_lane *lane = &binding->lanes[i];
                lane->unit = greatest_divisor(lane->unit, values[i]);
                lane->least = ls_min(lane->least, values[i]);
                greatest[i] = ls_max(greatest[i], values[i]);
            }
        }
    }
}

static unsigned bit_length(uint64_t number)
{
    unsigned bits = 0;
    for (; number; number >>= 1) {
        bits++;
    }
    return bits;
}

/* Places the lanes in words for a number of events between flushes; the number of words. */
static size_t place_lanes(ls_binding *binding, const int64_t *greatest, size_t flush)
{
    size_t words = 0;
    unsigned used = 64;
    for (size_t i = 0; i < binding->lane_count; i++) {
        ls_lane *lane = &binding->lanes[i];
        uint64_t range = (uint64_t)((greatest[i] - lane->least) / lane->unit);
        unsigned bits = range > UINT64_MAX / flush ? 64 : bit_length(range * flush);
        bits += bits == 0;
        words += used + bits > 64;
        used = used + bits > 64 ? 0 : used;
        lane->word = (uint32_t)(words - 1);
        lane->shift = (uint8_t)used;
        lane->bits = (uint8_t)bits;
        used += bits;
    }
    return words;
}

/* As few words as can be, then as rare flushes as can be. */
static void choose_flush(ls_binding *binding, const int64_t *greatest)
{
    size_t best = 0, words = SIZE_MAX;
    for (size_t i = 0; i < sizeof flush_choices / sizeof *flush_choices; i++) {
        size_t needed = place_lanes(binding, greatest, flush_choices[i]);
        if (needed < words) {
            words = needed;
            best = i;
        }
    }
    binding->flush = flush_choices[best];
    binding->words = place_lanes(binding, greatest, binding->flush);
}

static void fill_entries(ls_binding *binding, int64_t *values)
{
    uint64_t *entry = binding->entries;
    for (size_t row = 0; row < binding->rows.count; row++) {
        for (size_t bucket = 0; bucket < binding->bucket_count; bucket++, entry += binding->words) {
            add_up(binding, row, bucket, values);
            for (size_t i = 0; i < binding->lane_count; i++) {
                const ls_lane *lane = &binding->lanes[i];
                entry[lane->word] |= (uint64_t)((values[i] - lane->least) / lane->unit)
                                     << lane->shift;
            }
        }
    }
}

static size_t entry_size(const ls_binding *binding)
{
    return binding->entry_count * binding->words * sizeof(uint64_t) + 8;
}

/* Lanes, then entries if they fit the budget; LS_MORE: they do not, some spec was demoted. */
static int try_entries(ls_binding *binding, int64_t *values)
{
    int64_t *greatest = values + binding->spec_count * 2 + 1;
    list_lanes(binding);
    if (make_rows(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    binding->entry_count = binding->rows.count * binding->bucket_count;
    if (binding->entry_count * sizeof(uint64_t) > LS_MAX_ENTRY_BYTES &&
        demote_most_edges(binding)) {
        return LS_MORE;
    }
    measure_lanes(binding, values, greatest);
    for (size_t i = 0; i < binding->lane_count; i++) {
        binding->lanes[i].unit += binding->lanes[i].unit == 0;
    }
    choose_flush(binding, greatest);
    if (entry_size(binding) > LS_MAX_ENTRY_BYTES && demote_most_edges(binding)) {
        return LS_MORE;
    }
    binding->entries = ls_allocate_zero(binding->context, 1, entry_size(binding));
    if (binding->entries == NULL) {
        return LS_ERROR_MEMORY;
    }
    fill_entries(binding, values);
    return LS_OK;
}

static int make_entries(ls_binding *binding)
{
    size_t room = (binding->spec_count * 2 + 1) * 2;
    int64_t *values = ls_allocate_zero(binding->context, room, sizeof *values);
    int status = values ? LS_MORE : LS_ERROR_MEMORY;
    binding->made = ++binding->context->made;
    while (status == LS_MORE) {
        status = make_buckets(binding);
        status = status == LS_OK ? try_entries(binding, values) : status;
    }
    ls_free(binding->context, values, room * sizeof *values);
    return status;
}

/* ---- all of it
 * ----------------------------------------------------------------------------------- */

static void mark_kernels(ls_binding *binding)
{
    binding->any_kernel = binding->any_list = binding->any_generic = false;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        binding->any_kernel = binding->any_kernel || spec->way > LS_WAY_TABLE;
        binding->any_list = binding->any_list || spec->way == LS_WAY_LIST;
        binding->any_generic = binding->any_generic || (spec->occurrences && spec->generic);
    }
    for (size_t class = 0; class < binding->classes.count; class ++) {
        const ls_event_class *matches = ls_class_matches(binding, class);
        binding->class_has_kernel[class] = false;
        binding->class_lists[class] = 0;
        for (size_t i = 0; i < matches->count; i++) {
            const uint32_t spec = binding->classes.matches[matches->first + i].spec;
            const ls_way way = binding->specs[spec].way;
            binding->class_lists[class] |= way == LS_WAY_LIST ? LS_LIST_BIT(spec) : 0;
            binding->class_has_kernel[class] =
                binding->class_has_kernel[class] || way > LS_WAY_TABLE;
        }
    }
}

/* Value classes past which a direct map would take longer to make than it saves. */
#define MOST_DIRECT_CLASSES 32

static void free_direct_rows(ls_binding *binding)
{
    ls_free(binding->context, binding->direct_rows,
            binding->direct_size * sizeof *binding->direct_rows);
    binding->direct_rows = NULL;
}

static int make_direct_rows(ls_binding *binding)
{
    const ls_property_table *table =
        binding->map_table_count ? &binding->tables[binding->map_tables[0]] : NULL;
    size_t classes = table ? table->class_count : 1;
    if (binding->any_kernel || binding->map_table_count > 1 || classes > MOST_DIRECT_CLASSES ||
        binding->event_code_count > LS_DIRECT_NAMES) {
        return LS_OK;
    }
    binding->direct_size = classes * LS_DIRECT_NAMES;
    binding->direct_rows =
        ls_allocate_zero(binding->context, binding->direct_size, sizeof *binding->direct_rows);
    if (binding->direct_rows == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t code = 0; code < binding->event_code_count; code++) {
        for (size_t class = 0; class < classes; class ++) {
            uint32_t part = table ? ls_map_part(binding, code, 0, (uint32_t) class) : 0;
            uint16_t number = binding->class_map[binding->map_base[code] + part];
            binding->direct_rows[class * LS_DIRECT_NAMES + code] =
                (uint32_t)(binding->class_rows[number] * binding->bucket_count);
        }
    }
    return LS_OK;
}

static int allocate_events(ls_binding *binding)
{
    ls_context *context = binding->context;
    size_t codes = binding->dataset->events.event.dictionary.count;
    size_t properties = binding->definition->property_count + 1;
    codes += codes == 0;
    binding->event_code_count = codes;
    binding->spec_words = (binding->spec_count + 63) / 64;
    binding->event_specs = ls_allocate_zero(context, codes * binding->spec_words, sizeof(uint64_t));
    binding->generic_first = ls_allocate_zero(context, codes + 1, sizeof(uint32_t));
    binding->map_tables = ls_allocate_zero(context, properties, sizeof(uint32_t));
    binding->map_base = ls_allocate_zero(context, codes, sizeof(uint32_t));
    binding->map_first = ls_allocate_zero(context, codes * properties, sizeof(uint32_t));
    binding->lanes = ls_allocate_zero(context, binding->spec_count * 2 + 1, sizeof *binding->lanes);
    return binding->event_specs && binding->generic_first && binding->map_tables &&
                   binding->map_base && binding->map_first && binding->lanes
               ? LS_OK
               : LS_ERROR_MEMORY;
}

void ls_binding_events_free(ls_binding *binding)
{
    ls_context *context = binding->context;
    size_t codes = binding->event_code_count, properties = binding->definition->property_count + 1;
    ls_free(context, binding->generic_specs,
            binding->generic_first ? (binding->generic_first[codes] + (size_t)1) * sizeof(uint32_t)
                                   : 0);
    ls_free(context, binding->event_specs, codes * binding->spec_words * sizeof(uint64_t));
    ls_free(context, binding->generic_first, (codes + 1) * sizeof(uint32_t));
    ls_free(context, binding->map_tables, properties * sizeof(uint32_t));
    ls_free(context, binding->map_base, codes * sizeof(uint32_t));
    ls_free(context, binding->map_parts, binding->map_part_capacity * sizeof *binding->map_parts);
    ls_free(context, binding->map_first, codes * properties * sizeof(uint32_t));
    ls_free(context, binding->lanes, (binding->spec_count * 2 + 1) * sizeof *binding->lanes);
    ls_free(context, binding->class_map, binding->map_size * sizeof *binding->class_map);
    ls_free(context, binding->direct_rows, binding->direct_size * sizeof *binding->direct_rows);
    ls_free(context, binding->class_has_kernel, binding->classes.count * sizeof(bool));
    ls_free(context, binding->class_lists, binding->classes.count * sizeof *binding->class_lists);
    ls_free(context, binding->class_rows, binding->classes.count * sizeof *binding->class_rows);
    ls_match_sets_free(context, &binding->classes);
    ls_match_sets_free(context, &binding->rows);
    ls_free(context, binding->edges, (LS_MAX_BUCKETS + 1) * sizeof *binding->edges);
    ls_free(context, binding->cells, (binding->cell_count + 1) * sizeof *binding->cells);
    ls_free(context, binding->entries, binding->entries ? entry_size(binding) : 0);
    binding->generic_specs = binding->generic_first = binding->map_tables = NULL;
    binding->map_base = binding->map_first = NULL;
    binding->map_parts = binding->class_rows = NULL;
    binding->event_specs = binding->entries = NULL;
    binding->lanes = NULL;
    binding->class_map = binding->cells = NULL;
    binding->direct_rows = NULL;
    binding->class_has_kernel = NULL;
    binding->class_lists = NULL;
    binding->edges = NULL;
    binding->event_code_count = binding->map_part_capacity = binding->entry_count = 0;
    binding->map_part_count = binding->map_size = binding->cell_count = 0;
}

int ls_binding_events(ls_binding *binding)
{
    ls_binding_events_free(binding);
    int status = allocate_events(binding);
    if (status != LS_OK) {
        return status;
    }
    choose_ways(binding);
    if (ls_binding_classes(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    binding->class_has_kernel =
        ls_allocate_zero(binding->context, binding->classes.count, sizeof(bool));
    binding->class_lists =
        ls_allocate_zero(binding->context, binding->classes.count, sizeof *binding->class_lists);
    binding->class_rows =
        ls_allocate_zero(binding->context, binding->classes.count, sizeof *binding->class_rows);
    if (binding->class_has_kernel == NULL || binding->class_lists == NULL ||
        binding->class_rows == NULL || make_entries(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    mark_kernels(binding);
    return make_direct_rows(binding);
}

bool ls_binding_ages_move(const ls_binding *binding)
{
    bool move = false;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        move = move || (spec->way == LS_WAY_TABLE &&
                        (spec->occurrences->has_from || spec->occurrences->has_until));
    }
    return move;
}

int ls_binding_ages(ls_binding *binding)
{
    ls_free(binding->context, binding->entries, entry_size(binding));
    binding->entries = NULL;
    if (make_entries(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    mark_kernels(binding); /* specs that had room may have none now */
    free_direct_rows(binding);
    return make_direct_rows(binding);
}
