/* Places that definitions share. Where several tell events apart by the same properties, most of
 * the work is to look up what class each value is of: it is done once. A common place is one of
 * every definition, which then has its tables by common places. */
#include "ls_block_join.h"

/* Past these it takes longer than it saves. */
#define MOST_PLACES 65536
#define MOST_CLASSES 4096

typedef struct sharer {
    ls_common_map *common;
    ls_context *context;
    size_t count; /* of blocks that share */
    ls_block_tables **blocks;
    const ls_property_table **tables; /* of the common map */
    size_t table_count, table_capacity;
    uint32_t *table_of; /* by block and common table: the block's own one + 1; 0: it has none */
    uint32_t *samples;  /* by common table: value classes that the name tells apart */
    uint32_t *sample_counts;
} sharer;

static bool shares(const ls_block_tables *block)
{
    return block->ready && block->map != NULL && !block->binding->any_generic;
}

static size_t table_place(const sharer *sharer, const ls_property_table *table)
{
    size_t k = 0;
    while (k < sharer->table_count && sharer->tables[k]->classes != table->classes) {
        k++;
    }
    return k;
}

static int collect_tables(sharer *sharer)
{
    for (size_t i = 0; i < sharer->count; i++) {
        const ls_block_map *own = sharer->blocks[i]->map;
        for (size_t k = 0; k < own->table_count; k++) {
            size_t place = table_place(sharer, own->tables[k]);
            if (place < sharer->table_count) {
                continue;
            }
            if (own->tables[k]->class_count > MOST_CLASSES) {
                return LS_MORE;
            }
            if (ls_grow(sharer->context, &sharer->tables, &sharer->table_capacity, place + 1,
                        sizeof *sharer->tables) != LS_OK) {
                return LS_ERROR_MEMORY;
            }
            sharer->tables[sharer->table_count++] = own->tables[k];
        }
    }
    return LS_OK;
}

static void place_tables(const sharer *sharer)
{
    for (size_t i = 0; i < sharer->count; i++) {
        const ls_block_map *own = sharer->blocks[i]->map;
        for (uint32_t k = 0; k < own->table_count; k++) {
            sharer->table_of[i * sharer->table_count + table_place(sharer, own->tables[k])] = k + 1;
        }
    }
}

/* What the i-th block adds to its place for a value class of a common table. */
static uint32_t part_of(const sharer *sharer, size_t i, size_t name, size_t k, uint32_t class)
{
    const ls_block_map *own = sharer->blocks[i]->map;
    uint32_t table = sharer->table_of[i * sharer->table_count + k];
    return table ? own->parts[own->firsts[(table - 1) * own->name_count + name] + class] : 0;
}

static bool is_named(const sharer *sharer, size_t name)
{
    bool named = false;
    for (size_t i = 0; i < sharer->count; i++) {
        named = named || sharer->blocks[i]->map->bases[name] != 0;
    }
    return named;
}

/* The sample that all blocks take for the same; count: there is none. */
static uint32_t find_sample(const sharer *sharer, size_t name, size_t k, uint32_t class,
                            const uint32_t *samples, uint32_t count)
{
    for (uint32_t sample = 0; sample < count; sample++) {
        bool same = true;
        for (size_t i = 0; i < sharer->count && same; i++) {
            same =
                part_of(sharer, i, name, k, class) == part_of(sharer, i, name, k, samples[sample]);
        }
        if (same) {
            return sample;
        }
    }
    return count;
}

/* LS_MORE: there are too many. */
static int add_table(sharer *sharer, size_t name, size_t k, size_t *size)
{
    ls_common_map *common = sharer->common;
    const ls_property_table *table = sharer->tables[k];
    uint32_t *samples = sharer->samples + k * MOST_CLASSES, count = 0;
    if (ls_grow(sharer->context, &common->parts, &common->part_capacity,
                common->part_count + table->class_count, sizeof *common->parts) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    common->firsts[k * common->map.name_count + name] = (uint32_t)common->part_count;
    for (uint32_t class = 0; class < table->class_count; class ++) {
        uint32_t sample = find_sample(sharer, name, k, class, samples, count);
        if (sample == count) {
            samples[count++] = class;
        }
        if (sample * *size >= MOST_PLACES) {
            return LS_MORE;
        }
        common->parts[common->part_count++] = (uint16_t)(sample * *size);
    }
    sharer->sample_counts[k] = count;
    if (count == 1) { /* the name does not ask it: nothing but zeros */
        common->part_count = common->firsts[k * common->map.name_count + name];
        common->firsts[k * common->map.name_count + name] = 0;
    }
    *size *= count;
    return *size <= MOST_PLACES ? LS_OK : LS_MORE;
}

/* One more common place, which is this one of the i-th block. */
typedef struct placed {
    size_t capacity;
    uint16_t *own; /* by common place and block */
} placed;

static int place_name(sharer *sharer, size_t name, placed *placed)
{
    ls_common_map *common = sharer->common;
    size_t size = 1;
    int status = LS_OK;
    for (size_t k = 0; k < sharer->table_count && status == LS_OK; k++) {
        status = add_table(sharer, name, k, &size);
    }
    if (status != LS_OK || common->place_count + size > MOST_PLACES) {
        return status == LS_OK ? LS_MORE : status;
    }
    if (ls_grow(sharer->context, &placed->own, &placed->capacity,
                (common->place_count + size) * sharer->count, sizeof *placed->own) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    common->bases[name] = (uint32_t)common->place_count;
    for (size_t place = 0; place < size; place++, common->place_count++) {
        for (size_t i = 0; i < sharer->count; i++) {
            size_t rest = place, own = sharer->blocks[i]->map->bases[name];
            for (size_t k = 0; k < sharer->table_count; k++) {
                uint32_t sample = (uint32_t)(rest % sharer->sample_counts[k]);
                rest /= sharer->sample_counts[k];
                own += part_of(sharer, i, name, k, sharer->samples[k * MOST_CLASSES + sample]);
            }
            placed->own[common->place_count * sharer->count + i] = (uint16_t)own;
        }
    }
    return LS_OK;
}

static int place_names(sharer *sharer, placed *placed)
{
    ls_common_map *common = sharer->common;
    size_t zeros = 1;
    for (size_t k = 0; k < sharer->table_count; k++) {
        zeros = sharer->tables[k]->class_count > zeros ? sharer->tables[k]->class_count : zeros;
    }
    if (ls_grow(sharer->context, &common->parts, &common->part_capacity, zeros,
                sizeof *common->parts) != LS_OK ||
        ls_grow(sharer->context, &placed->own, &placed->capacity, sharer->count,
                sizeof *placed->own) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    memset(common->parts, 0, zeros * sizeof *common->parts);
    memset(placed->own, 0, sharer->count * sizeof *placed->own);
    common->part_count = zeros;
    common->place_count = 1; /* place 0: events that nothing names */
    int status = LS_OK;
    for (size_t name = 0; name < common->map.name_count && status == LS_OK; name++) {
        status = is_named(sharer, name) ? place_name(sharer, name, placed) : LS_OK;
    }
    return status;
}

/* A block's tables by common places. */
static int take_places(const sharer *sharer, size_t i, const placed *placed)
{
    ls_block_tables *block = sharer->blocks[i];
    ls_context *context = sharer->context;
    const size_t count = sharer->common->place_count, before = block->place_count;
    ls_block_place *places = ls_allocate_zero(context, count, sizeof *places);
    if (places == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t place = 0; place < count; place++) {
        places[place] = block->places[placed->own[place * sharer->count + i]];
    }
    ls_free(context, block->places, before * sizeof *places);
    block->places = places;
    block->place_count = count;
    block->map = &sharer->common->map;
    block->silence.ready = false; /* what is left out is none that others want */
    return LS_OK;
}

static int share(sharer *sharer, placed *placed)
{
    ls_common_map *common = sharer->common;
    ls_context *context = sharer->context;
    int status = collect_tables(sharer);
    if (status != LS_OK) {
        return status;
    }
    const size_t tables = sharer->table_count + 1;
    common->map.name_count = sharer->blocks[0]->binding->event_code_count;
    common->map.table_count = sharer->table_count;
    common->bases = ls_allocate_zero(context, common->map.name_count, sizeof *common->bases);
    common->firsts =
        ls_allocate_zero(context, common->map.name_count * tables, sizeof *common->firsts);
    sharer->table_of = ls_allocate_zero(context, sharer->count * tables, sizeof *sharer->table_of);
    sharer->samples = ls_allocate_zero(context, MOST_CLASSES * tables, sizeof *sharer->samples);
    sharer->sample_counts = ls_allocate_zero(context, tables, sizeof *sharer->sample_counts);
    common->map.tables = ls_allocate_zero(context, tables, sizeof *common->map.tables);
    if (!common->bases || !common->firsts || !sharer->table_of || !sharer->samples ||
        !sharer->sample_counts || !common->map.tables) {
        return LS_ERROR_MEMORY;
    }
    place_tables(sharer);
    status = place_names(sharer, placed);
    for (size_t k = 0; k < sharer->table_count; k++) {
        common->map.tables[k] = sharer->tables[k];
    }
    common->map.bases = common->bases;
    common->map.firsts = common->firsts;
    common->map.parts = common->parts;
    for (size_t i = 0; i < sharer->count && status == LS_OK; i++) {
        status = take_places(sharer, i, placed);
    }
    return status;
}

int ls_block_share(ls_common_map *common, ls_block_tables *blocks, size_t count)
{
    if (count < 2) {
        return LS_OK;
    }
    ls_context *context = blocks[0].binding->context;
    sharer sharer = {.common = common, .context = context};
    placed placed = {0, NULL};
    common->context = context;
    sharer.blocks = ls_allocate_zero(context, count, sizeof(ls_block_tables *));
    int status = sharer.blocks ? LS_OK : LS_ERROR_MEMORY;
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        if (shares(&blocks[i])) {
            sharer.blocks[sharer.count++] = &blocks[i];
        }
    }
    if (status == LS_OK && sharer.count > 1) {
        status = share(&sharer, &placed);
        if (status == LS_OK) {
            status = ls_block_join(&common->joined, context, sharer.blocks, sharer.count);
        }
    }
    const size_t tables = sharer.table_count + 1;
    ls_free(context, sharer.blocks, count * sizeof(ls_block_tables *));
    ls_free(context, sharer.tables, sharer.table_capacity * sizeof *sharer.tables);
    ls_free(context, sharer.table_of, sharer.count * tables * sizeof *sharer.table_of);
    ls_free(context, sharer.samples, MOST_CLASSES * tables * sizeof *sharer.samples);
    ls_free(context, sharer.sample_counts, tables * sizeof *sharer.sample_counts);
    ls_free(context, placed.own, placed.capacity * sizeof *placed.own);
    return status == LS_MORE ? LS_OK : status;
}

void ls_common_map_free(ls_common_map *common)
{
    ls_context *context = common->context;
    if (context == NULL) {
        return;
    }
    ls_joined_free(&common->joined);
    const size_t tables = common->map.table_count + 1;
    ls_free(context, common->bases, common->map.name_count * sizeof *common->bases);
    ls_free(context, common->firsts, common->map.name_count * tables * sizeof *common->firsts);
    ls_free(context, common->parts, common->part_capacity * sizeof *common->parts);
    ls_free(context, common->map.tables, tables * sizeof *common->map.tables);
    memset(common, 0, sizeof *common);
}
