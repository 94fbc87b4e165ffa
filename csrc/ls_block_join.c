/* Events that several definitions look at together. Where definitions share places, one pass over
 * the events adds to the sums of all: the words of their entries stand side by side, what their
 * specs match is put down together, and what once_per and latest choose alike is chosen once. */
#include "ls_block_join.h"

#include "ls_match_sets.h"

/* Past these it takes longer than it saves. */
#define MOST_WORDS 64
#define MOST_ENTRY_WORDS (64 * 1024)
#define MOST_INDEXES 65536

typedef struct joiner {
    ls_joined *joined;
    ls_block_tables *tables;
    ls_context *context;
    size_t count; /* of members */
    ls_block_tables **members;
    size_t *words;               /* by member: the words of those before it */
    ls_match_sets classes, rows; /* of joined ones: members and their own numbers */
    uint16_t *place_rows;        /* by place: a row of the joined ones */
    size_t *buckets;             /* by member: its bucket of the joined one */
    uint32_t *slots;             /* finds equal entries: entry + 1, 0 free */
    size_t slot_count, entry_count;
    uint64_t *entries;
} joiner;

/* ---- columns --------------------------------------------------------------------------------- */

/* What the members' numbers begin at. */
static void place_columns(const joiner *joiner)
{
    ls_joined *joined = joiner->joined;
    for (size_t i = 0; i < joiner->count; i++) {
        ls_block_tables *block = joiner->members[i];
        block->member = true;
        block->first = joined->columns;
        joiner->words[i] = joiner->tables->words;
        joiner->tables->words += block->words;
        joined->columns.sums += (uint32_t)block->binding->target_count;
        joined->columns.counts += (uint32_t)block->binding->spec_count;
        joined->columns.fired++;
    }
}

static int join_lanes(const joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    ls_joined *joined = joiner->joined;
    for (size_t i = 0; i < joiner->count; i++) {
        joined->lane_count += joiner->members[i]->lane_count;
    }
    joined->lanes =
        ls_allocate_zero(joiner->context, joined->lane_count + 1, sizeof *joined->lanes);
    if (joined->lanes == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < joiner->count; i++) {
        const ls_block_tables *block = joiner->members[i];
        for (size_t k = 0; k < block->lane_count; k++) {
            ls_lane *lane = &joined->lanes[tables->lane_count++];
            *lane = block->lanes[k];
            lane->word += (uint32_t)joiner->words[i];
            lane->index += lane->kind == LS_LANE_TARGET  ? block->first.sums
                           : lane->kind == LS_LANE_COUNT ? block->first.counts
                                                         : block->first.fired;
        }
        tables->flush = block->flush < tables->flush ? block->flush : tables->flush;
    }
    tables->lanes = joined->lanes;
    return LS_OK;
}

/* ---- buckets --------------------------------------------------------------------------------- */

/* The least threshold past a time; INT64_MAX: none. */
static int64_t next_threshold(const joiner *joiner, int64_t after)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < joiner->count; i++) {
        const ls_block_tables *block = joiner->members[i];
        for (size_t k = 0; k + 1 < block->bucket_count; k++) {
            if (block->thresholds[k] > after) {
                next = ls_min(next, block->thresholds[k]);
                break;
            }
        }
    }
    return next;
}

static int join_thresholds(const joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    size_t count = 1;
    for (int64_t time = INT64_MIN; (time = next_threshold(joiner, time)) != INT64_MAX;) {
        count++;
    }
    tables->bucket_count = count;
    tables->thresholds = ls_allocate_zero(joiner->context, count, sizeof *tables->thresholds);
    if (tables->thresholds == NULL) {
        return LS_ERROR_MEMORY;
    }
    int64_t time = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        tables->thresholds[i] = time = next_threshold(joiner, time);
    }
    return ls_block_make_cells(tables);
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Adds to a list of members and their numbers. */
static int add_own(const joiner *joiner, ls_match_sets *sets, size_t *count, size_t i, size_t own)
{
    return ls_match_add(joiner->context, sets, count, (uint32_t)i, (int64_t)own);
}

/* LS_MORE: there are too many. */
static int join_place(joiner *joiner, size_t place)
{
    size_t rows = 0, classes = 0;
    int status = LS_OK;
    for (size_t i = 0; i < joiner->count && status == LS_OK; i++) {
        const ls_block_tables *block = joiner->members[i];
        const ls_block_place *own = &block->places[place];
        if (own->row != 0) {
            status = add_own(joiner, &joiner->rows, &rows, i, own->row / block->bucket_count);
        }
        if (status == LS_OK && block->occurs && block->occurrences[own->class].count > 0) {
            status = add_own(joiner, &joiner->classes, &classes, i, own->class);
        }
    }
    ls_block_place *out = &joiner->tables->places[place];
    if (status == LS_OK) {
        status = ls_match_set(joiner->context, &joiner->rows, rows, &joiner->place_rows[place]);
    }
    if (status == LS_OK) {
        status = ls_match_set(joiner->context, &joiner->classes, classes, &out->class);
    }
    if (status != LS_OK) {
        return status;
    }
    const size_t row = joiner->place_rows[place] * joiner->tables->bucket_count;
    out->since = UINT32_MAX;
    out->row = (uint16_t)row;
    return joiner->rows.count * joiner->tables->bucket_count < MOST_INDEXES &&
                   joiner->classes.count < LS_MAX_COMBINATIONS
               ? LS_OK
               : LS_MORE;
}

static int join_places(joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    tables->place_count = joiner->members[0]->place_count;
    tables->map = joiner->members[0]->map;
    tables->places = ls_allocate_zero(joiner->context, tables->place_count, sizeof *tables->places);
    joiner->place_rows = ls_allocate_zero(joiner->context, tables->place_count, sizeof(uint16_t));
    if (tables->places == NULL || joiner->place_rows == NULL ||
        ls_match_sets_begin(joiner->context, &joiner->rows) != LS_OK ||
        ls_match_sets_begin(joiner->context, &joiner->classes) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    int status = LS_OK;
    for (size_t place = 0; place < tables->place_count && status == LS_OK; place++) {
        status = join_place(joiner, place);
    }
    return status;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* Puts the entry of a joined row together, for the members' buckets. */
static void put_entry(const joiner *joiner, size_t row, uint64_t *out)
{
    const ls_event_class *own = &joiner->rows.sets[row];
    for (size_t i = 0; i < joiner->count; i++) {
        const ls_block_tables *block = joiner->members[i];
        memcpy(out + joiner->words[i], block->entries.words, block->words * sizeof *out);
    }
    for (size_t k = 0; k < own->count; k++) {
        const ls_match *of = &joiner->rows.matches[own->first + k];
        const ls_block_tables *block = joiner->members[of->spec];
        const size_t entry = (size_t)of->points * block->bucket_count + joiner->buckets[of->spec];
        memcpy(out + joiner->words[of->spec], block->entries.words + entry * block->words,
               block->words * sizeof *out);
    }
}

/* The number of the entry that was put behind the others; equal ones are kept once. */
static size_t take_entry(joiner *joiner)
{
    const size_t words = joiner->tables->words;
    const uint64_t *entry = joiner->entries + joiner->entry_count * words;
    uint64_t hash = 0;
    for (size_t i = 0; i < words; i++) {
        hash = ls_mix(hash, entry[i]);
    }
    size_t slot = (size_t)hash & (joiner->slot_count - 1);
    while (joiner->slots[slot] != 0 && memcmp(joiner->entries + (joiner->slots[slot] - 1) * words,
                                              entry, words * sizeof *entry) != 0) {
        slot = (slot + 1) & (joiner->slot_count - 1);
    }
    if (joiner->slots[slot] == 0) {
        joiner->slots[slot] = (uint32_t)++joiner->entry_count;
    }
    return joiner->slots[slot] - 1;
}

static int fill_entries(joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    const size_t words = tables->words, most = MOST_ENTRY_WORDS / words;
    memset(joiner->buckets, 0, joiner->count * sizeof *joiner->buckets);
    for (size_t bucket = 0; bucket < tables->bucket_count; bucket++) {
        for (size_t i = 0; bucket > 0 && i < joiner->count; i++) {
            const ls_block_tables *block = joiner->members[i];
            size_t *own = &joiner->buckets[i];
            *own += *own + 1 < block->bucket_count &&
                    block->thresholds[*own] <= tables->thresholds[bucket - 1];
        }
        for (size_t row = 0; row < joiner->rows.count; row++) {
            if (joiner->entry_count >= most) {
                return LS_MORE;
            }
            put_entry(joiner, row, joiner->entries + joiner->entry_count * words);
            tables->which[row * tables->bucket_count + bucket] = (uint16_t)take_entry(joiner);
        }
    }
    return LS_OK;
}

static int join_entries(joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    ls_context *context = joiner->context;
    joiner->slot_count = 4 * MOST_ENTRY_WORDS;
    tables->which_count = joiner->rows.count * tables->bucket_count;
    tables->which = ls_allocate_zero(context, tables->which_count, sizeof *tables->which);
    joiner->slots = ls_allocate_zero(context, joiner->slot_count, sizeof *joiner->slots);
    joiner->entries = ls_allocate_zero(context, MOST_ENTRY_WORDS, sizeof *joiner->entries);
    if (tables->which == NULL || joiner->slots == NULL || joiner->entries == NULL) {
        return LS_ERROR_MEMORY;
    }
    int status = fill_entries(joiner);
    const size_t words = joiner->entry_count * tables->words;
    if (status == LS_OK) {
        status = ls_block_allocate_entries(context, words, &tables->entries);
    }
    if (status == LS_OK) {
        memcpy(tables->entries.words, joiner->entries, words * sizeof(uint64_t));
    }
    return status;
}

/* ---- occurrences ----------------------------------------------------------------------------- */

/* Specs of a member are those of the others before it, and its own. */
static size_t count_specs(const joiner *joiner)
{
    return joiner->joined->columns.counts;
}

static void join_specs(const joiner *joiner)
{
    for (size_t i = 0; i < joiner->count; i++) {
        const ls_block_tables *block = joiner->members[i];
        for (uint32_t k = 0; block->occurs && k < block->spec_count; k++) {
            ls_block_spec *spec = &joiner->tables->specs[block->first.counts + k];
            *spec = block->specs[k];
            spec->count += block->first.counts;
            spec->target += block->first.sums;
            spec->fired += block->first.fired;
            spec->next += spec->next != LS_NO_CODE ? block->first.counts : 0;
        }
    }
}

/* The joined list that chooses like this one of a member, or a new one. A list from which nothing
 * is worth anything has no matches that could fill it for others. */
static void join_list(const joiner *joiner, const ls_block_tables *block, const ls_block_list *own)
{
    ls_block_tables *tables = joiner->tables;
    const uint32_t first = block->first.counts + own->spec;
    size_t i = 0;
    while (i < tables->list_count &&
           (own->end <= 0 || tables->lists[i].end <= 0 ||
            !ls_block_choose_alike(&tables->specs[tables->lists[i].spec], &tables->specs[first]))) {
        i++;
    }
    ls_block_list *list = &tables->lists[i];
    uint32_t last = first;
    tables->streams[first] = (uint32_t)i;
    while (tables->specs[last].next != LS_NO_CODE) {
        last = tables->specs[last].next;
        tables->streams[last] = (uint32_t)i;
    }
    if (i < tables->list_count) {
        /* The first one stays first: what fills the list is its own. */
        tables->specs[last].next = tables->specs[list->spec].next;
        tables->specs[list->spec].next = first;
        list->end = ls_max(list->end, own->end);
        return;
    }
    tables->list_count++;
    *list = *own;
    list->spec = first;
    list->matches = NULL;
}

static void join_streams(const joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    for (size_t i = 0; i < joiner->count; i++) {
        const ls_block_tables *block = joiner->members[i];
        for (size_t k = 0; k < block->list_count; k++) {
            join_list(joiner, block, &block->lists[k]);
        }
    }
    tables->stream_count = tables->list_count;
    for (size_t i = 0; i < joiner->count; i++) {
        const ls_block_tables *block = joiner->members[i];
        for (size_t k = block->list_count; k < block->stream_count; k++) {
            const uint32_t spec = block->first.counts + block->stream_spec[k];
            tables->stream_spec[tables->stream_count] = spec;
            tables->streams[spec] = (uint32_t)tables->stream_count++;
        }
    }
}

/* A member's match as one of all; false: another spec fills its list. */
static bool join_match(const joiner *joiner, const ls_block_tables *block,
                       const ls_block_match *own, ls_block_match *out)
{
    const ls_block_tables *tables = joiner->tables;
    const bool listed = own->stream < block->list_count;
    if (own->stream == block->stream_count) {
        return false; /* none */
    }
    const uint32_t spec = block->first.counts + (listed ? block->lists[own->stream].spec
                                                        : block->stream_spec[own->stream]);
    *out = *own;
    out->stream = tables->streams[spec];
    if (!listed) {
        return true;
    }
    const ls_block_list *list = &tables->lists[out->stream];
    if (list->end > block->lists[own->stream].end) { /* others look farther back */
        ls_block_find_times(block, block->lists[own->stream].spec, list->end, out);
    }
    return list->spec == spec;
}

static void join_class(const joiner *joiner, size_t class)
{
    ls_block_tables *tables = joiner->tables;
    const ls_event_class *all = &joiner->classes.sets[class];
    ls_block_class *out = &tables->occurrences[class];
    *out = (ls_block_class){(uint32_t)tables->match_count, 0, UINT32_MAX};
    for (size_t i = 0; i < all->count; i++) {
        const ls_match *of = &joiner->classes.matches[all->first + i];
        const ls_block_tables *block = joiner->members[of->spec];
        const ls_block_class *own = &block->occurrences[of->points];
        for (uint32_t k = 0; k < own->count; k++) {
            ls_block_match *match = &tables->matches[tables->match_count];
            if (join_match(joiner, block, &block->matches[own->first + k], match)) {
                out->since = match->since < out->since ? match->since : out->since;
                out->count++;
                tables->match_count++;
            }
        }
    }
    ls_block_fill_class(tables, out);
}

static int join_occurrences(joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    for (size_t i = 0; i < joiner->count; i++) {
        tables->occurs = tables->occurs || joiner->members[i]->occurs;
        tables->now = joiner->members[i]->occurs ? joiner->members[i]->now : tables->now;
    }
    if (!tables->occurs) {
        return LS_OK;
    }
    tables->class_count = joiner->classes.count;
    tables->match_capacity = tables->class_count * (LS_MATCH_STEP - 1) + 1;
    for (size_t i = 0; i < joiner->classes.match_count; i++) {
        const ls_match *of = &joiner->classes.matches[i];
        tables->match_capacity += joiner->members[of->spec]->occurrences[of->points].count;
    }
    tables->name_count = tables->map->name_count;
    tables->spec_count = count_specs(joiner);
    if (ls_block_allocate_occurrences(tables) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    join_specs(joiner);
    join_streams(joiner);
    for (size_t class = 0; class < tables->class_count; class ++) {
        join_class(joiner, class);
    }
    for (size_t place = 0; place < tables->place_count; place++) {
        tables->places[place].since = tables->occurrences[tables->places[place].class].since;
    }
    return ls_block_list_classes(tables);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int join(joiner *joiner)
{
    ls_block_tables *tables = joiner->tables;
    for (size_t i = 0; i < joiner->count; i++) {
        if (joiner->members[i]->entries.words == NULL) {
            return LS_MORE;
        }
    }
    tables->binding = joiner->members[0]->binding;
    tables->kernels = joiner->members[0]->kernels;
    tables->flush = tables->most_events = SIZE_MAX;
    for (size_t i = 0; i < joiner->count; i++) {
        const uint64_t most = joiner->members[i]->most_events;
        tables->most_events = most < tables->most_events ? most : tables->most_events;
    }
    joiner->words = ls_allocate_zero(joiner->context, joiner->count, sizeof *joiner->words);
    joiner->buckets = ls_allocate_zero(joiner->context, joiner->count, sizeof *joiner->buckets);
    if (joiner->words == NULL || joiner->buckets == NULL) {
        return LS_ERROR_MEMORY;
    }
    place_columns(joiner);
    tables->words += tables->words % 2;
    const bool some = tables->words > 0 && tables->words <= MOST_WORDS;
    int status = some ? join_lanes(joiner) : LS_MORE;
    status = status == LS_OK ? join_thresholds(joiner) : status;
    status = status == LS_OK ? join_places(joiner) : status;
    status = status == LS_OK ? join_entries(joiner) : status;
    status = status == LS_OK ? join_occurrences(joiner) : status;
    return status == LS_OK ? ls_block_silence_make(tables) : status;
}

int ls_block_join(ls_joined *joined, ls_context *context, ls_block_tables **members, size_t count)
{
    joiner joiner = {.joined = joined,
                     .tables = &joined->tables,
                     .context = context,
                     .count = count,
                     .members = members};
    joined->context = context;
    int status = join(&joiner);
    ls_match_sets_free(context, &joiner.classes);
    ls_match_sets_free(context, &joiner.rows);
    ls_free(context, joiner.place_rows, joined->tables.place_count * sizeof(uint16_t));
    ls_free(context, joiner.words, count * sizeof *joiner.words);
    ls_free(context, joiner.buckets, count * sizeof *joiner.buckets);
    ls_free(context, joiner.slots, joiner.slot_count * sizeof *joiner.slots);
    ls_free(context, joiner.entries, MOST_ENTRY_WORDS * sizeof *joiner.entries);
    joined->tables.ready = status == LS_OK;
    if (status == LS_MORE) { /* each by itself, then */
        for (size_t i = 0; i < count; i++) {
            members[i]->member = false;
            members[i]->first = (ls_block_columns){0, 0, 0};
        }
        ls_joined_free(joined);
    }
    return status == LS_ERROR_MEMORY ? status : LS_OK;
}

void ls_joined_free(ls_joined *joined)
{
    if (joined->context == NULL) {
        return;
    }
    ls_free(joined->context, joined->lanes, (joined->lane_count + 1) * sizeof *joined->lanes);
    ls_block_tables_free(&joined->tables);
    memset(joined, 0, sizeof *joined);
}
