/* Places of events: which combination of value classes each is of. One property after the other, so
 * that what is the same for all events is asked once; and of those events alone that may say
 * something beside that they fire a rule. */
#include "ls_block_places.h"

/* What the loops over events read. */
typedef struct finder {
    const uint32_t *names, *firsts; /* by item; by name */
    const uint16_t *parts;
    const uint32_t *events; /* by item; NULL: all, in their order */
    size_t begin, count;
} finder;

LS_INLINE uint32_t code_of(const void *codes, size_t i, unsigned width)
{
    return width == 1   ? ((const uint8_t *)codes)[i]
           : width == 2 ? ((const uint16_t *)codes)[i]
                        : ((const uint32_t *)codes)[i];
}

/* Adds what a property's value classes are worth. few: classes in a byte. */
LS_INLINE void add_parts_of(const finder *of, const ls_property_table *table, unsigned width,
                            bool few, bool all, uint16_t *restrict places)
{
    const void *codes = (const char *)table->column->codes + of->begin * width;
    const uint8_t *restrict near = table->few;
    const uint32_t *restrict many = table->classes, *restrict names = of->names;
    const uint32_t *restrict firsts = of->firsts, *restrict events = of->events;
    const uint16_t *restrict parts = of->parts;
    for (size_t i = 0; i < of->count; i++) {
        const uint32_t first = firsts[names[i]];
        uint32_t code = code_of(codes, all ? i : events[i], width);
        uint32_t class = few ? near[code] : many[code];
        places[i] = (uint16_t)(places[i] + parts[first + class]);
    }
}

/* Where nothing is asked but whether there is a value, no table is read. */
LS_INLINE void add_uniform_of(const finder *of, const ls_property_table *table, unsigned width,
                              bool all, uint16_t *restrict places)
{
    const void *codes = (const char *)table->column->codes + of->begin * width;
    const uint32_t none = table->classes[0], some = table->classes[table->code_count > 1];
    const uint32_t *restrict names = of->names, *restrict firsts = of->firsts;
    const uint32_t *restrict events = of->events;
    const uint16_t *restrict parts = of->parts;
    for (size_t i = 0; i < of->count; i++) {
        uint32_t class = code_of(codes, all ? i : events[i], width) ? some : none;
        places[i] = (uint16_t)(places[i] + parts[firsts[names[i]] + class]);
    }
}

#define LS_PARTS(name, width, all)                                                                 \
    static __attribute__((noinline)) void name(const finder *of, const ls_property_table *table,   \
                                               uint16_t *places)                                   \
    {                                                                                              \
        if (table->uniform) {                                                                      \
            add_uniform_of(of, table, width, all, places);                                         \
        } else if (table->few) {                                                                   \
            add_parts_of(of, table, width, true, all, places);                                     \
        } else {                                                                                   \
            add_parts_of(of, table, width, false, all, places);                                    \
        }                                                                                          \
    }
LS_PARTS(add_parts_1, 1, true)
LS_PARTS(add_parts_2, 2, true)
LS_PARTS(add_some_1, 1, false)
LS_PARTS(add_some_2, 2, false)

/* The items whose names ask the property, where it is far away: most names ask few. */
static size_t choose_items(const finder *of, uint16_t *restrict chosen)
{
    const uint32_t *restrict names = of->names, *restrict firsts = of->firsts;
    size_t count = 0;
    for (size_t i = 0; i < of->count; i++) {
        chosen[count] = (uint16_t)i;
        count += firsts[names[i]] != 0;
    }
    return count;
}

/* Their codes; what is looked up by these is fetched meanwhile. */
static void read_codes(const finder *of, const ls_property_table *table,
                       const uint16_t *restrict chosen, size_t count, uint32_t *restrict out)
{
    const uint32_t *restrict codes = (const uint32_t *)table->column->codes + of->begin;
    const uint32_t *restrict events = of->events;
    const char *classes = table->few ? (const char *)table->few : (const char *)table->classes;
    const size_t size = table->uniform ? 0
                        : table->few   ? sizeof *table->few
                                       : sizeof *table->classes;
    for (size_t k = 0; k < count; k++) {
        const uint32_t code = codes[events ? events[chosen[k]] : chosen[k]];
        __builtin_prefetch(classes + code * size);
        out[k] = table->uniform ? code > 0 && table->code_count > 1 : code;
    }
}

LS_INLINE void add_chosen_of(const finder *of, const ls_property_table *table, bool few,
                             const uint16_t *restrict chosen, const uint32_t *restrict codes,
                             size_t count, uint16_t *restrict places)
{
    const uint8_t *restrict near = table->few;
    const uint32_t *restrict many = table->classes, *restrict names = of->names;
    const uint32_t *restrict firsts = of->firsts;
    const uint16_t *restrict parts = of->parts;
    for (size_t k = 0; k < count; k++) {
        const size_t i = chosen[k];
        const uint32_t class = few ? near[codes[k]] : many[codes[k]];
        places[i] = (uint16_t)(places[i] + parts[firsts[names[i]] + class]);
    }
}

/* Of codes of four bytes, which have many texts. */
static void add_chosen(const finder *of, const ls_property_table *table, uint16_t *places)
{
    uint16_t chosen[LS_CHUNK_EVENTS];
    uint32_t codes[LS_CHUNK_EVENTS];
    const size_t count = choose_items(of, chosen);
    read_codes(of, table, chosen, count, codes);
    if (table->few) {
        add_chosen_of(of, table, true, chosen, codes, count, places);
    } else {
        add_chosen_of(of, table, false, chosen, codes, count, places);
    }
}

static void add_parts(const finder *of, const ls_property_table *table, uint16_t *places)
{
    typedef void adder(const finder *of, const ls_property_table *table, uint16_t *places);
    static adder *const adders[2][3] = {{NULL, add_some_1, add_some_2},
                                        {NULL, add_parts_1, add_parts_2}};
    if (table->column == NULL) {
        for (size_t i = 0; i < of->count; i++) {
            uint32_t first = of->firsts[of->names[i]];
            places[i] = (uint16_t)(places[i] + of->parts[first + table->classes[0]]);
        }
        return;
    }
    if (table->column->width == 4) {
        add_chosen(of, table, places);
    } else {
        adders[of->events == NULL][table->column->width](of, table, places);
    }
}

void ls_block_read_names(const ls_column *column, size_t begin, size_t count,
                         uint32_t *restrict out)
{
    const void *codes = (const char *)column->codes + begin * column->width;
    if (column->width == 1) {
        for (size_t i = 0; i < count; i++) {
            out[i] = code_of(codes, i, 1);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            out[i] = code_of(codes, i, column->width);
        }
    }
}

void ls_block_map_places(const ls_block_tables *block, size_t begin, size_t count,
                         const uint32_t *events, const uint32_t *names, uint16_t *restrict places)
{
    const ls_block_map *map = block->map;
    for (size_t i = 0; i < count; i++) {
        places[i] = (uint16_t)map->bases[names[i]];
    }
    for (size_t k = 0; k < map->table_count; k++) {
        const finder of = {names, map->firsts + k * map->name_count, map->parts, events, begin,
                           count};
        add_parts(&of, map->tables[k], places);
    }
}

/* ---- what is left out ------------------------------------------------------------------------ */

/* Samples that tell whether leaving out pays: a sixth of them must be left out. */
#define SAMPLES 4096

typedef struct silencer {
    ls_block_tables *block;
    size_t rows;
    uint64_t *fires;     /* the bits of an entry that say that rules fire */
    uint32_t *row_since; /* by row of entries: as ls_block_silence.since */
    uint8_t *row_fires;
} silencer;

static const uint64_t *entry_of(const ls_block_tables *block, size_t row, size_t bucket)
{
    const size_t place = row * block->bucket_count + bucket;
    return block->entries.words + (block->which ? block->which[place] : place) * block->words;
}

/* Which entries of a row say something; the last bucket is later than the instant. */
static void silence_row(const silencer *of, size_t row)
{
    const ls_block_tables *block = of->block;
    const uint64_t *nothing = entry_of(block, 0, 0);
    of->row_since[row] = UINT32_MAX;
    for (size_t bucket = 0; bucket + 1 < block->bucket_count; bucket++) {
        const uint64_t *entry = entry_of(block, row, bucket);
        uint64_t says = 0, fires = 0;
        for (size_t word = 0; word < block->words; word++) {
            says |= (entry[word] ^ nothing[word]) & ~of->fires[word];
            fires |= (entry[word] ^ nothing[word]) & of->fires[word];
        }
        of->row_fires[row] |= fires != 0;
        if (says != 0 && of->row_since[row] == UINT32_MAX) {
            of->row_since[row] = ls_block_first_time(block, bucket);
        }
    }
}

/* The last place of a name. */
static size_t last_place(const ls_block_map *map, size_t name)
{
    size_t last = map->bases[name];
    for (size_t k = 0; k < map->table_count; k++) {
        const uint16_t *parts = map->parts + map->firsts[k * map->name_count + name];
        size_t most = 0;
        for (size_t class = 0; class < map->tables[k]->class_count; class ++) {
            most = parts[class] > most ? parts[class] : most;
        }
        last += most;
    }
    return last;
}

static void silence_name(const silencer *of, size_t name)
{
    const ls_block_tables *block = of->block;
    uint32_t since = UINT32_MAX;
    uint8_t fires = 0;
    const size_t last = last_place(block->map, name);
    for (size_t i = block->map->bases[name]; i <= last; i++) {
        const ls_block_place *place = &block->places[i];
        const size_t row = place->row / block->bucket_count;
        since = place->since < since ? place->since : since;
        since = of->row_since[row] < since ? of->row_since[row] : since;
        fires |= of->row_fires[row];
    }
    of->block->silence.since.times[name] = since;
    of->block->silence.fires[name] = fires;
    of->block->silence.any_fires = of->block->silence.any_fires || fires;
}

/* Whether enough events are left out; of events that are spread over all. */
static bool pays(const ls_block_tables *block)
{
    const ls_events *events = &block->binding->dataset->events;
    const uint32_t *times = (const uint32_t *)events->times;
    const size_t step = (size_t)events->count / SAMPLES + 1;
    size_t count = 0, left_out = 0;
    for (size_t i = 0; i < events->count; i += step) {
        const uint32_t name = ls_column_code(&events->event, i);
        left_out += times[i] < block->silence.since.times[name] || times[i] > block->silence.now;
        count++;
    }
    return left_out * 6 >= count;
}

static int silence(silencer *of)
{
    ls_block_tables *block = of->block;
    const size_t names = block->map->name_count;
    ls_block_silence *out = &block->silence;
    int status = ls_block_since_begin(block->binding->context, names, &out->since);
    out->fires = ls_allocate_zero(block->binding->context, names, 1);
    if (status != LS_OK || !of->fires || !of->row_since || !of->row_fires || !out->fires) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < block->lane_count; i++) {
        const ls_lane *lane = &block->lanes[i];
        if (lane->kind == LS_LANE_FIRED) {
            of->fires[lane->word] |= UINT64_MAX >> (64 - lane->bits) << lane->shift;
        }
    }
    for (size_t row = 0; row < of->rows; row++) {
        silence_row(of, row);
    }
    for (size_t name = 0; name < names; name++) {
        silence_name(of, name);
    }
    ls_block_since_split(&out->since);
    const int64_t now = block->binding->at - LS_EVENT_BASE;
    out->now = now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
    out->ready = now >= 0 && pays(block);
    ls_block_list_places(&block->vector);
    return LS_OK;
}

int ls_block_silence_make(ls_block_tables *block)
{
    ls_context *context = block->binding->context;
    if (block->map == NULL || block->binding->any_generic || block->entries.words == NULL) {
        return LS_OK;
    }
    silencer of = {.block = block, .rows = 1};
    for (size_t i = 0; i < block->place_count; i++) {
        const size_t row = block->places[i].row / block->bucket_count;
        of.rows = row >= of.rows ? row + 1 : of.rows;
    }
    of.fires = ls_allocate_zero(context, block->words + 1, sizeof *of.fires);
    of.row_since = ls_allocate_zero(context, of.rows, sizeof *of.row_since);
    of.row_fires = ls_allocate_zero(context, of.rows, 1);
    int status = silence(&of);
    ls_free(context, of.fires, (block->words + 1) * sizeof *of.fires);
    ls_free(context, of.row_since, of.rows * sizeof *of.row_since);
    ls_free(context, of.row_fires, of.rows);
    return status;
}

void ls_block_silence_free(ls_context *context, ls_block_silence *silence)
{
    ls_free(context, silence->fires, silence->since.name_count);
    ls_block_since_free(context, &silence->since);
    memset(silence, 0, sizeof *silence);
}

size_t ls_block_keep(const ls_block_tables *block, const ls_block_part *chunk,
                     ls_block_memory *memory)
{
    const ls_events *events = &block->binding->dataset->events;
    const size_t begin = (size_t)chunk->first[0];
    const uint32_t *restrict times = (const uint32_t *)events->times + begin;
    const uint32_t *restrict since = block->silence.since.times, now = block->silence.now;
    const void *names = (const char *)events->event.codes + begin * events->event.width;
    uint32_t *restrict kept = memory->kept, *restrict kept_times = memory->kept_times;
    size_t found = 0;
    for (size_t row = 0; row < chunk->rows; row++) {
        memory->bounds[row] = (uint16_t)found;
        const size_t end = (size_t)chunk->first[row + 1] - begin;
        for (size_t i = (size_t)chunk->first[row] - begin; i < end; i++) {
            const uint32_t name = code_of(names, i, events->event.width), time = times[i];
            kept[found] = (uint32_t)i;
            kept_times[found] = time;
            memory->names[found] = name;
            found += (time >= since[name]) & (time <= now);
        }
    }
    memory->bounds[chunk->rows] = (uint16_t)found;
    return found;
}

/* ---- what was left out may have fired a rule ------------------------------------------------- */

/* Whether some definition has not seen one of its rules fire. */
static bool is_silent(const ls_block_tables *block, const ls_block_memory *memory, size_t row)
{
    for (size_t i = 0; i < block->lane_count; i++) {
        const ls_lane *lane = &block->lanes[i];
        if (lane->kind == LS_LANE_FIRED && memory->fired[lane->index * LS_BLOCK_ROWS + row] == 0) {
            return true;
        }
    }
    return false;
}

/* The row's events from there on that were left out and may have fired a rule, as many as there is
 * room for; where it stopped. */
static size_t gather(const ls_block_tables *block, size_t from, size_t end, size_t *count,
                     ls_block_memory *memory)
{
    const ls_events *events = &block->binding->dataset->events;
    const ls_block_silence *silence = &block->silence;
    const size_t begin = from;
    const uint32_t *times = (const uint32_t *)events->times;
    size_t found = 0;
    for (; from < end && found < LS_CHUNK_EVENTS; from++) {
        const uint32_t name = ls_column_code(&events->event, from), time = times[from];
        memory->kept[found] = (uint32_t)(from - begin);
        memory->kept_times[found] = time;
        memory->names[found] = name;
        found +=
            (time < silence->since.times[name]) & (time <= silence->now) & silence->fires[name];
    }
    *count = found;
    return from;
}

static void fire_row(const ls_block_tables *block, size_t from, size_t end, size_t row,
                     ls_block_memory *memory)
{
    for (size_t stop; from < end && is_silent(block, memory, row); from = stop) {
        size_t count;
        stop = gather(block, from, end, &count, memory);
        ls_block_map_places(block, from, count, memory->kept, memory->names, memory->own_places);
        for (size_t i = 0; i < count; i++) {
            const ls_block_place *place = &block->places[memory->own_places[i]];
            const uint32_t bucket = ls_block_bucket(block, memory->kept_times[i]);
            const uint64_t *entry = entry_of(block, place->row / block->bucket_count, bucket);
            for (size_t k = 0; k < block->lane_count; k++) {
                const ls_lane *lane = &block->lanes[k];
                if (lane->kind == LS_LANE_FIRED) {
                    memory->fired[lane->index * LS_BLOCK_ROWS + row] |=
                        entry[lane->word] >> lane->shift & UINT64_MAX >> (64 - lane->bits);
                }
            }
        }
    }
}

void ls_block_fire_late(const ls_block_tables *block, const uint64_t *first, size_t rows,
                        ls_block_memory *memory)
{
    if (!block->silence.ready || !block->silence.any_fires) {
        return;
    }
    for (size_t row = 0; row < rows; row++) {
        if (first[row] < first[row + 1] && !memory->alone[row] && is_silent(block, memory, row)) {
            fire_row(block, (size_t)first[row], (size_t)first[row + 1], row, memory);
        }
    }
}
