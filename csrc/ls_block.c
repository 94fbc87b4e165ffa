/* The tables of a binding as passes over blocks of rows read them: what a record's values add, by
 * value class; places of events and their rows of entries; buckets by time instead of age. They say
 * what the binding's own say, in another order. */
#include "ls_kernel_block.h"

/* Cells cover all times of 32 bits, so that nothing is compared to find one. */
#define TIME_BITS 32

/* ---- records' values ------------------------------------------------------------------------- */

/* Whether all that the property adds goes to one sum. */
static bool has_one_target(const ls_fit_table *fit, uint32_t *target)
{
    *target = fit->addition_count ? fit->additions[0].target : 0;
    for (size_t i = 1; i < fit->addition_count; i++) {
        if (fit->additions[i].target != *target) {
            return false;
        }
    }
    return true;
}

static int make_gain(const ls_binding *binding, const ls_fit_table *fit, ls_gain_table *out)
{
    out->table = &binding->tables[fit->property];
    if (!has_one_target(fit, &out->target)) {
        return LS_OK;
    }
    out->gains = ls_allocate_zero(binding->context, fit->class_count + 1, sizeof *out->gains);
    if (out->gains == NULL) {
        return LS_ERROR_MEMORY;
    }
    out->count = fit->class_count + 1;
    for (size_t i = 0; i < fit->class_count; i++) {
        const ls_value_class *class = &fit->classes[i];
        out->gains[i].points = class->count ? fit->additions[class->first].points : 0;
        out->gains[i].fires = class->fires;
    }
    return LS_OK;
}

static int make_gains(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    block->gains = ls_allocate_zero(binding->context, binding->fit_count + 1, sizeof *block->gains);
    int status = block->gains ? LS_OK : LS_ERROR_MEMORY;
    for (; status == LS_OK && block->gain_count < binding->fit_count; block->gain_count++) {
        status =
            make_gain(binding, &binding->fits[block->gain_count], &block->gains[block->gain_count]);
    }
    return status;
}

static int list_counted(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    block->counted =
        ls_allocate_zero(binding->context, binding->spec_count + 1, sizeof *block->counted);
    for (size_t i = 0; block->counted && i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        if (spec->occurrences && (spec->rule == NULL || spec->occurrences->times_count > 0)) {
            block->counted[block->counted_count++] = (uint32_t)i;
        }
    }
    return block->counted ? LS_OK : LS_ERROR_MEMORY;
}

/* ---- places ---------------------------------------------------------------------------------- */

static uint16_t row_of(const ls_block_tables *block, size_t place)
{
    const ls_binding *binding = block->binding;
    return (uint16_t)(binding->class_rows[binding->class_map[place]] * block->bucket_count);
}

static const ls_property_table *direct_table(const ls_binding *binding)
{
    return binding->map_table_count ? &binding->tables[binding->map_tables[0]] : NULL;
}

/* Occurrences are found by the places of events, which a direct map does not tell; and its kernels
 * know cells of one threshold. */
static bool is_direct(const ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    const ls_property_table *table = direct_table(binding);
    return !binding->any_kernel && block->cell_thresholds <= 1 && binding->map_table_count <= 1 &&
           binding->dataset->events.event.width == 1 &&
           (table == NULL || table->class_count <= LS_DIRECT_CLASSES);
}

static int make_direct_rows(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    const ls_property_table *table = direct_table(binding);
    block->column = table ? table->column : NULL;
    block->part_count = table ? table->code_count : 0;
    block->parts = ls_allocate_zero(binding->context, block->part_count + 1, sizeof *block->parts);
    if (block->parts == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < block->part_count; i++) {
        block->parts[i] = (uint16_t)(table->classes[i] * LS_DIRECT_NAMES);
    }
    for (size_t code = 0; code < binding->event_code_count; code++) {
        for (uint32_t class = 0; class < (table ? table->class_count : 1); class ++) {
            uint32_t own = table && table->column == NULL ? table->classes[0] : class;
            uint32_t part = table ? ls_map_part(binding, code, 0, own) : 0;
            block->rows[class * LS_DIRECT_NAMES + code] =
                row_of(block, binding->map_base[code] + part);
        }
    }
    return LS_OK;
}

static int make_map(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    block->place_count = binding->map_size;
    block->places = ls_allocate_zero(binding->context, block->place_count, sizeof *block->places);
    block->own_map.tables = ls_allocate_zero(binding->context, binding->map_table_count + 1,
                                             sizeof *block->own_map.tables);
    if (block->places == NULL || block->own_map.tables == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t place = 0; place < block->place_count; place++) {
        block->places[place] =
            (ls_block_place){UINT32_MAX, row_of(block, place), binding->class_map[place]};
    }
    for (size_t k = 0; k < binding->map_table_count; k++) {
        block->own_map.tables[k] = &binding->tables[binding->map_tables[k]];
    }
    block->own_map.name_count = binding->event_code_count;
    block->own_map.table_count = binding->map_table_count;
    block->own_map.bases = binding->map_base;
    block->own_map.firsts = binding->map_first;
    block->own_map.parts = binding->map_parts;
    block->map = &block->own_map;
    return LS_OK;
}

static int make_places(ls_block_tables *block)
{
    block->direct = is_direct(block);
    if (!block->direct) {
        return make_map(block);
    }
    block->place_count = (size_t)LS_DIRECT_NAMES * LS_DIRECT_CLASSES;
    block->rows =
        ls_allocate_zero(block->binding->context, block->place_count, sizeof *block->rows);
    return block->rows ? make_direct_rows(block) : LS_ERROR_MEMORY;
}

/* ---- buckets --------------------------------------------------------------------------------- */

static int make_thresholds(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    size_t count = binding->bucket_count;
    int64_t now = binding->at - LS_EVENT_BASE;
    block->bucket_count = count + 1;
    block->thresholds = ls_allocate_zero(binding->context, count + 1, sizeof *block->thresholds);
    if (block->thresholds == NULL) {
        return LS_ERROR_MEMORY;
    }
    /* Younger than an edge is later than the instant that is as long ago. */
    for (size_t i = 0; i + 1 < count; i++) {
        block->thresholds[i] = now - binding->edges[count - 2 - i] + 1;
    }
    block->thresholds[count - 1] = now + 1;
    block->thresholds[count] = INT64_MAX;
    return LS_OK;
}

/* The thresholds up to a time. */
static size_t bucket_at(const ls_block_tables *block, size_t from, int64_t time)
{
    while (block->thresholds[from] <= time) {
        from++;
    }
    return from;
}

/* The most thresholds inside one cell, but for those at its start. */
static size_t most_thresholds(const ls_block_tables *block, unsigned shift)
{
    size_t most = 0, count = 0;
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i + 1 < block->bucket_count; i++) {
        int64_t time = block->thresholds[i];
        uint64_t cell = time > 0 ? (uint64_t)time >> shift : 0;
        if (time > 0 && time < INT64_C(1) << TIME_BITS && (uint64_t)time != cell << shift) {
            count = cell == last ? count + 1 : 1;
            last = cell;
            most = count > most ? count : most;
        }
    }
    return most;
}

static void fill_cells(ls_block_tables *block)
{
    unsigned shift = block->cell_shift;
    size_t bucket = 0;
    for (size_t cell = 0; cell < block->cell_count; cell++) {
        int64_t start = (int64_t)cell << shift, end = start + (INT64_C(1) << shift);
        bucket = bucket_at(block, bucket, start);
        block->cells[cell] = (uint32_t)bucket;
        if (block->cell_thresholds <= 1) {
            int64_t next = block->thresholds[bucket] < end ? block->thresholds[bucket] : end;
            block->cells[cell] = (uint32_t)((bucket << shift) + (size_t)(end - next));
        }
    }
}

int ls_block_make_cells(ls_block_tables *block)
{
    bool wide = most_thresholds(block, LS_WIDE_CELL_SHIFT) <= 1 &&
                block->bucket_count >> (TIME_BITS - LS_WIDE_CELL_SHIFT) == 0;
    unsigned shift = wide ? LS_WIDE_CELL_SHIFT : LS_CELL_SHIFT;
    block->cell_shift = shift;
    block->cell_thresholds = most_thresholds(block, shift);
    block->cell_count = (size_t)1 << (TIME_BITS - shift);
    block->cells =
        ls_allocate_zero(block->binding->context, block->cell_count, sizeof *block->cells);
    if (block->cells == NULL) {
        return LS_ERROR_MEMORY;
    }
    fill_cells(block);
    return LS_OK;
}

/* ---- entries --------------------------------------------------------------------------------- */

int ls_block_allocate_entries(ls_context *context, size_t words, ls_block_entries *out)
{
    out->size = words * sizeof(uint64_t) + LS_ENTRY_ALIGNMENT;
    out->block = ls_allocate_zero(context, 1, out->size);
    if (out->block == NULL) {
        return LS_ERROR_MEMORY;
    }
    size_t past = (uintptr_t)out->block % LS_ENTRY_ALIGNMENT;
    out->words = (uint64_t *)((char *)out->block + (LS_ENTRY_ALIGNMENT - past));
    return LS_OK;
}

/* The binding's entry for a row in a bucket of times. Entries are kept minus the least of each
 * lane: row 0, that of occurrences of nothing, says what nothing is. */
static const uint64_t *entry_of(const ls_block_tables *block, size_t row, size_t bucket)
{
    const ls_binding *binding = block->binding;
    size_t buckets = binding->bucket_count;
    return bucket == buckets
               ? binding->entries
               : binding->entries + (row * buckets + buckets - 1 - bucket) * binding->words;
}

static int make_entries(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    size_t words = binding->words;
    block->words = words + (words > 1 && words % 2 != 0);
    if (ls_block_allocate_entries(binding->context,
                                  binding->rows.count * block->bucket_count * block->words,
                                  &block->entries) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    uint64_t *entry = block->entries.words;
    for (size_t row = 0; row < binding->rows.count; row++) {
        for (size_t bucket = 0; bucket < block->bucket_count; bucket++, entry += block->words) {
            memcpy(entry, entry_of(block, row, bucket), words * sizeof *entry);
        }
    }
    return LS_OK;
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* Times of 32 bits are compared as signed numbers. */
static int32_t signed_time(int64_t time)
{
    int64_t held = time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : time;
    return (int32_t)(held - (INT64_C(1) << 31));
}

uint32_t ls_block_first_time(const ls_block_tables *block, size_t bucket)
{
    const int64_t time = bucket > 0 ? block->thresholds[bucket - 1] : 0;
    return time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

/* Bucket b has b thresholds up to its times, the last of which is behind the instant. Those before
 * 1976-01-10 hold for all times, which none can be later than: the first bucket of any time is
 * theirs. */
static bool make_vector_thresholds(ls_block_tables *block)
{
    ls_vector_tables *vector = &block->vector;
    const size_t count = block->bucket_count - 1;
    if (count < 1 || count > LS_VECTOR_THRESHOLDS || block->thresholds[0] <= 0 ||
        block->thresholds[count - 1] > UINT32_MAX) {
        return false;
    }
    vector->threshold_count = (count + LS_VECTOR_STEP - 1) / LS_VECTOR_STEP * LS_VECTOR_STEP;
    for (size_t i = 0; i < LS_VECTOR_THRESHOLDS; i++) {
        for (size_t k = 0; k < 8; k++) {
            vector->thresholds[i][k] =
                i < count ? signed_time(block->thresholds[i] - 1) : INT32_MAX;
        }
    }
    return true;
}

static const uint64_t *direct_entry(const ls_block_tables *block, size_t name, size_t bucket,
                                    size_t class)
{
    size_t row = block->rows[class * LS_DIRECT_NAMES + name];
    return block->entries.words + (row + bucket) * block->words;
}

static bool says_something(const ls_block_tables *block, size_t name, size_t bucket)
{
    for (size_t class = 0; class < block->vector.class_count; class ++) {
        if (memcmp(direct_entry(block, name, bucket, class), block->entries.words,
                   block->words * sizeof(uint64_t)) != 0) {
            return true;
        }
    }
    return false;
}

/* ---- since when events say something ---- */

int ls_block_since_begin(ls_context *context, size_t names, ls_block_since *out)
{
    out->name_count = names;
    out->times = ls_allocate_zero(context, names, sizeof *out->times);
    return out->times ? LS_OK : LS_ERROR_MEMORY;
}

void ls_block_since_split(ls_block_since *since)
{
    since->few = since->name_count <= LS_FEW_NAMES;
    for (size_t name = 0; since->few && name < since->name_count; name++) {
        since->low[name] = (uint8_t)(since->times[name] >> 16);
        since->high[name] = (uint8_t)(since->times[name] >> 24);
    }
}

void ls_block_since_free(ls_context *context, ls_block_since *since)
{
    ls_free(context, since->times, since->name_count * sizeof *since->times);
    since->times = NULL;
}

static void find_since(ls_block_tables *block)
{
    ls_block_since *since = &block->vector.since;
    for (size_t name = 0; name < since->name_count; name++) {
        size_t bucket = 0;
        while (bucket + 1 < block->bucket_count && !says_something(block, name, bucket)) {
            bucket++;
        }
        const bool any = bucket + 1 < block->bucket_count;
        since->times[name] = any ? ls_block_first_time(block, bucket) : UINT32_MAX;
    }
    ls_block_since_split(since);
}

static int make_vector_entries(ls_block_tables *block, size_t names)
{
    ls_vector_tables *vector = &block->vector;
    size_t buckets = block->bucket_count, words = block->words;
    vector->classes = ls_allocate_zero(block->binding->context, block->part_count + 1, 1);
    if (vector->classes == NULL ||
        ls_block_allocate_entries(block->binding->context,
                                  names * buckets * vector->class_count * words,
                                  &vector->entries) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < block->part_count; i++) {
        vector->classes[i] = (uint8_t)(block->parts[i] / LS_DIRECT_NAMES);
    }
    uint64_t *entry = vector->entries.words;
    for (size_t name = 0; name < names; name++) {
        for (size_t bucket = 0; bucket < buckets; bucket++) {
            for (size_t class = 0; class < vector->class_count; class ++, entry += words) {
                memcpy(entry, direct_entry(block, name, bucket, class), words * sizeof *entry);
            }
        }
    }
    return LS_OK;
}

void ls_block_list_places(ls_vector_tables *vector)
{
    for (unsigned mask = 0; mask < 256; mask++) {
        unsigned count = 0;
        for (uint64_t place = 0; place < 8; place++) {
            if (mask >> place & 1) {
                vector->places[mask] |= place << (8 * count++);
            }
        }
    }
}

/* Where the map is direct, codes have 16 bits at most, and the entries are not too many. */
static int make_vectors(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    const ls_property_table *table = direct_table(binding);
    ls_vector_tables *vector = &block->vector;
    vector->class_count = table ? table->class_count : 1;
    size_t names = binding->event_code_count, step = block->bucket_count * vector->class_count;
    if (!block->direct || (block->column && block->column->width > 2) || step > INT16_MAX ||
        names * step > UINT16_MAX ||
        names * step * block->words * sizeof(uint64_t) > LS_VECTOR_ENTRY_BYTES ||
        !make_vector_thresholds(block)) {
        return LS_OK;
    }
    vector->name_step = (int16_t)step;
    vector->bucket_step = (int16_t)vector->class_count;
    ls_block_list_places(vector);
    if (ls_block_since_begin(binding->context, names, &vector->since) != LS_OK ||
        make_vector_entries(block, names) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    find_since(block);
    vector->ready = true;
    return LS_OK;
}

/* ---- occurrences ----------------------------------------------------------------------------- */

/* The most that an occurrence of the spec is worth, in either direction. */
static int64_t most_points(const ls_binding *binding, uint32_t spec)
{
    int64_t most = 0;
    for (size_t i = 0; i < binding->classes.match_count; i++) {
        const ls_match *match = &binding->classes.matches[i];
        if (match->spec == spec) {
            most = ls_max(most, match->points < 0 ? -match->points : match->points);
        }
    }
    return most;
}

/* An age from which points have decayed to nothing; INT64_MAX: none is known. */
static int64_t worthless_from(const ls_decay *decay, int64_t points)
{
    if (points == 0) {
        return 0;
    }
    if (decay->curve != LS_CURVE_HALF_LIFE) {
        return decay->curve == LS_CURVE_NONE ? INT64_MAX : ls_decay_end(decay);
    }
    for (int64_t lives = 1; lives < 64 && decay->every <= INT64_MAX / 64; lives++) {
        if (ls_decay_points(decay, points, lives * decay->every) == 0) {
            return lives * decay->every;
        }
    }
    return INT64_MAX;
}

/* The times at which a match does something; false: at none. What once_per and latest choose from
 * ends for all matches of a spec together: what is older than that is chosen last, and worth
 * nothing. */
bool ls_block_find_times(const ls_block_tables *block, uint32_t number, int64_t list_end,
                         ls_block_match *match)
{
    const ls_binding *binding = block->binding;
    const ls_spec *spec = &binding->specs[number];
    const ls_occurrences *occurrences = spec->occurrences;
    const int64_t now = binding->at - LS_EVENT_BASE;
    int64_t from = 0, end = occurrences->has_last ? occurrences->last : INT64_MAX;
    if (occurrences->has_from) {
        end = ls_min(end, binding->at - occurrences->from + 1);
    }
    if (occurrences->has_until) {
        from = ls_max(0, binding->at - occurrences->until + 1);
    }
    if (ls_spec_fires_by_entry(spec)) {
        end = spec->way == LS_WAY_LIST ? list_end
                                       : worthless_from(&occurrences->decay, match->points);
    }
    /* from <= age < end */
    const int64_t first = end > now ? 0 : now - end + 1;
    const int64_t last = from > now ? -1 : ls_min(now - from, UINT32_MAX);
    if (end <= from || first > last) {
        return false;
    }
    match->since = (uint32_t)first;
    match->span = (uint32_t)(last - first);
    return true;
}

static ls_list_key key_of(const ls_binding *binding, const ls_occurrences *occurrences)
{
    if (occurrences->once != LS_ONCE_PROPERTY) {
        return occurrences->once == LS_ONCE_DAY ? LS_KEY_DAY : LS_KEY_NONE;
    }
    const ls_property_table *table = &binding->tables[occurrences->once_property];
    return table->column && !ls_string_equal(table->property->name, "at", 2) ? LS_KEY_CODE
                                                                             : LS_KEY_OTHER;
}

static bool count_once_alike(const ls_block_spec *one, const ls_block_spec *other)
{
    const ls_occurrences *a = one->binding->specs[one->number].occurrences;
    const ls_occurrences *b = other->binding->specs[other->number].occurrences;
    return a->once == b->once &&
           (a->once != LS_ONCE_PROPERTY || one->binding->tables[a->once_property].classes ==
                                               other->binding->tables[b->once_property].classes);
}

/* Whether two specs list the same occurrences and choose the same of them: they may differ in what
 * these are worth. */
bool ls_block_choose_alike(const ls_block_spec *one, const ls_block_spec *other)
{
    const ls_spec *first = &one->binding->specs[one->number];
    const ls_spec *second = &other->binding->specs[other->number];
    const ls_occurrences *a = first->occurrences, *b = second->occurrences;
    if (first->generic || second->generic || a->where || b->where ||
        a->choice.kind != LS_CHOICE_NONE || b->choice.kind != LS_CHOICE_NONE ||
        ls_spec_fires_by_entry(first) != ls_spec_fires_by_entry(second) ||
        !count_once_alike(one, other) || a->latest != b->latest || a->has_last != b->has_last ||
        a->has_from != b->has_from || a->has_until != b->has_until ||
        (a->has_last && a->last != b->last) || (a->has_from && a->from != b->from) ||
        (a->has_until && a->until != b->until) || a->event_count != b->event_count) {
        return false;
    }
    size_t i = 0;
    while (i < a->event_count &&
           ls_string_equal(a->events[i], b->events[i].text, b->events[i].length)) {
        i++;
    }
    return i == a->event_count;
}

/* The list that the spec can share, or a new one. */
static ls_block_list *list_for(ls_block_tables *block, uint32_t number)
{
    const ls_binding *binding = block->binding;
    const ls_spec *spec = &binding->specs[number];
    uint32_t i = 0;
    while (i < block->list_count &&
           !ls_block_choose_alike(&block->specs[block->lists[i].spec], &block->specs[number])) {
        i++;
    }
    ls_block_list *list = &block->lists[i];
    block->streams[number] = i;
    if (i < block->list_count) {
        block->specs[number].next = block->specs[list->spec].next;
        block->specs[list->spec].next = number;
        return list;
    }
    block->list_count++;
    list->spec = number;
    list->key = key_of(binding, spec->occurrences);
    list->table =
        list->key == LS_KEY_CODE ? &binding->tables[spec->occurrences->once_property] : NULL;
    return list;
}

static void list_lists(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    for (uint32_t i = 0; i < binding->spec_count; i++) {
        if (binding->specs[i].way == LS_WAY_LIST) {
            ls_block_list *list = list_for(block, i);
            list->end = ls_max(list->end, worthless_from(&binding->specs[i].occurrences->decay,
                                                         most_points(binding, i)));
        }
    }
}

static void list_streams(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    list_lists(block);
    block->stream_count = block->list_count;
    for (uint32_t i = 0; i < binding->spec_count; i++) {
        if (binding->specs[i].way == LS_WAY_SUM || binding->specs[i].way == LS_WAY_COUNT) {
            block->stream_spec[block->stream_count] = i;
            block->streams[i] = (uint32_t)block->stream_count++;
        }
    }
}

/* Of specs that share a list, the first alone fills it. */
static bool make_match(const ls_block_tables *block, const ls_match *of, ls_block_match *out)
{
    const ls_way way = block->binding->specs[of->spec].way;
    const uint32_t stream = block->streams[of->spec];
    *out = (ls_block_match){.stream = stream, .points = of->points};
    return way > LS_WAY_TABLE && (way != LS_WAY_LIST || block->lists[stream].spec == of->spec) &&
           ls_block_find_times(block, of->spec, way == LS_WAY_LIST ? block->lists[stream].end : 0,
                               out);
}

void ls_block_fill_class(ls_block_tables *block, ls_block_class *class)
{
    const ls_block_match none = {(uint32_t)block->stream_count, UINT32_MAX, 0, 0};
    while (class->count % LS_MATCH_STEP != 0) {
        class->count++;
        block->matches[block->match_count++] = none;
    }
}

static void list_class(ls_block_tables *block, size_t class)
{
    const ls_binding *binding = block->binding;
    const ls_event_class *all = ls_class_matches(binding, class);
    ls_block_class *out = &block->occurrences[class];
    *out = (ls_block_class){(uint32_t)block->match_count, 0, UINT32_MAX};
    for (uint32_t i = all->first; i < all->first + all->count; i++) {
        ls_block_match *to = &block->matches[block->match_count];
        if (make_match(block, &binding->classes.matches[i], to)) {
            out->since = to->since < out->since ? to->since : out->since;
            out->count++;
            block->match_count++;
        }
    }
    ls_block_fill_class(block, out);
}

static void list_matches(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    for (size_t class = 0; class < block->class_count; class ++) {
        list_class(block, class);
    }
    for (size_t place = 0; place < block->place_count; place++) {
        block->places[place].since = block->occurrences[block->places[place].class].since;
    }
    for (size_t name = 0; name < block->name_count; name++) {
        block->name_occurs[name] = binding->generic_first[name] < binding->generic_first[name + 1];
    }
}

int ls_block_list_classes(ls_block_tables *block)
{
    ls_context *context = block->binding->context;
    for (size_t i = 0; i < block->list_count; i++) {
        block->lists[i].matches = ls_allocate_zero(context, block->class_count, sizeof(uint16_t));
        if (block->lists[i].matches == NULL) {
            return LS_ERROR_MEMORY;
        }
    }
    for (size_t class = 0; class < block->class_count; class ++) {
        const ls_block_class *all = &block->occurrences[class];
        for (uint32_t i = 0; i < all->count; i++) {
            uint32_t stream = block->matches[all->first + i].stream;
            if (stream < block->list_count) {
                block->lists[stream].matches[class] = (uint16_t)(i + 1);
                block->class_lists[class] = 1;
            }
        }
    }
    return LS_OK;
}

int ls_block_allocate_occurrences(ls_block_tables *block)
{
    ls_context *context = block->binding->context;
    const size_t specs = block->spec_count + 1;
    block->occurrences = ls_allocate_zero(context, block->class_count, sizeof *block->occurrences);
    block->matches = ls_allocate_zero(context, block->match_capacity, sizeof *block->matches);
    block->class_lists = ls_allocate_zero(context, block->class_count, 1);
    block->name_occurs = ls_allocate_zero(context, block->name_count, 1);
    block->lists = ls_allocate_zero(context, specs, sizeof *block->lists);
    block->specs = ls_allocate_zero(context, specs, sizeof *block->specs);
    block->streams = ls_allocate_zero(context, specs, sizeof *block->streams);
    block->stream_spec = ls_allocate_zero(context, specs, sizeof *block->stream_spec);
    return block->occurrences && block->matches && block->class_lists && block->name_occurs &&
                   block->lists && block->specs && block->streams && block->stream_spec
               ? LS_OK
               : LS_ERROR_MEMORY;
}

static int make_occurrences(ls_block_tables *block)
{
    const ls_binding *binding = block->binding;
    block->occurs = binding->any_kernel;
    if (!block->occurs) {
        return LS_OK;
    }
    block->class_count = binding->classes.count;
    block->match_capacity =
        binding->classes.match_count + binding->classes.count * (LS_MATCH_STEP - 1) + 1;
    block->name_count = binding->event_code_count;
    block->spec_count = binding->spec_count;
    if (ls_block_allocate_occurrences(block) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < binding->spec_count; i++) {
        block->specs[i] = (ls_block_spec){binding, i, i, binding->specs[i].target, 0, LS_NO_CODE};
    }
    int64_t now = binding->at - LS_EVENT_BASE;
    block->now = now < 0 ? 0 : now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
    list_streams(block);
    list_matches(block);
    return ls_block_list_classes(block);
}

static void free_occurrences(ls_block_tables *block)
{
    ls_context *context = block->binding->context;
    const size_t specs = block->spec_count + 1;
    for (size_t i = 0; i < block->list_count; i++) {
        ls_free(context, block->lists[i].matches, block->class_count * sizeof(uint16_t));
    }
    ls_free(context, block->occurrences, block->class_count * sizeof *block->occurrences);
    ls_free(context, block->matches, block->match_capacity * sizeof *block->matches);
    ls_free(context, block->class_lists, block->class_count);
    ls_free(context, block->name_occurs, block->name_count);
    ls_free(context, block->lists, specs * sizeof *block->lists);
    ls_free(context, block->specs, specs * sizeof *block->specs);
    ls_free(context, block->streams, specs * sizeof *block->streams);
    ls_free(context, block->stream_spec, specs * sizeof *block->stream_spec);
}

/* Rows of more events might pass what a sum can hold. */
static uint64_t most_events(const ls_binding *binding)
{
    ls_int128 left = LS_MAX_SUM - binding->fixed_bound - binding->settled_bound;
    return (uint64_t)(binding->event_bound > 0 ? left / binding->event_bound : LS_MAX_SUM);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void ls_block_tables_free(ls_block_tables *block)
{
    if (block->binding == NULL) {
        return;
    }
    ls_context *context = block->binding->context;
    for (size_t i = 0; i < block->gain_count; i++) {
        ls_free(context, block->gains[i].gains, block->gains[i].count * sizeof(ls_gain));
    }
    ls_free(context, block->gains, (block->binding->fit_count + 1) * sizeof *block->gains);
    ls_free(context, block->counted, (block->binding->spec_count + 1) * sizeof *block->counted);
    ls_free(context, block->parts, (block->part_count + 1) * sizeof *block->parts);
    ls_free(context, block->rows, block->place_count * sizeof *block->rows);
    ls_free(context, block->places, block->place_count * sizeof *block->places);
    ls_free(context, block->own_map.tables,
            (block->binding->map_table_count + 1) * sizeof *block->own_map.tables);
    ls_free(context, block->thresholds, block->bucket_count * sizeof *block->thresholds);
    ls_free(context, block->cells, block->cell_count * sizeof *block->cells);
    ls_block_silence_free(context, &block->silence);
    ls_free(context, block->which, block->which_count * sizeof *block->which);
    ls_free(context, block->entries.block, block->entries.size);
    ls_free(context, block->vector.classes, block->part_count + 1);
    ls_block_since_free(context, &block->vector.since);
    free_occurrences(block);
    ls_free(context, block->vector.entries.block, block->vector.entries.size);
    memset(block, 0, sizeof *block);
}

static int make_events(ls_block_tables *block)
{
    int status = make_thresholds(block);
    status = status == LS_OK ? ls_block_make_cells(block) : status;
    status = status == LS_OK ? make_places(block) : status;
    status = status == LS_OK ? make_entries(block) : status;
    status = status == LS_OK ? make_vectors(block) : status;
    status = status == LS_OK ? make_occurrences(block) : status;
    return status == LS_OK ? ls_block_silence_make(block) : status;
}

/* What passes over columns do not do: scores of companies and deals, rules over associated records,
 * sums that need 128 bits, times outside 32 bits. */
static bool suits(const ls_binding *binding)
{
    const ls_events *events = &binding->dataset->events;
    return binding->definition->object == LS_CONTACT && binding->over_rule_count == 0 &&
           binding->fixed_bound + binding->settled_bound <= LS_MAX_SUM &&
           (events->count == 0 || !events->wide);
}

int ls_block_tables_make(ls_block_tables *block, const ls_binding *binding)
{
    memset(block, 0, sizeof *block);
    block->binding = binding;
    if (!suits(binding)) {
        return LS_OK;
    }
    block->lane_count = binding->lane_count;
    block->lanes = binding->lanes;
    block->flush = binding->flush;
    int status = make_gains(block);
    status = status == LS_OK ? list_counted(block) : status;
    if (status == LS_OK && binding->spec_count > 0 && binding->dataset->events.count > 0) {
        status = make_events(block);
        block->most_events = most_events(binding);
    }
    block->kernels = ls_block_kernels_best(binding->dataset->context);
    block->ready = status == LS_OK;
    return status;
}
