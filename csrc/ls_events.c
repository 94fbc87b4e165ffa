/* Rows of events. A run of good rows goes through one column at a time (contact, time, event,
 * properties), so that each loop is short, its tables stay in the cache and the look-ups of
 * contacts overlap; then what is kept is packed into the partition of its contact.
 *
 * A row that is bad is refused whatever its contact; cells of events whose contact is not known are
 * not coded. */
#include "ls_ingest.h"
#include "ls_time.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* About so many contacts share a partition, unless that makes more than so many partitions: what a
 * partition's events need while they are grouped, and one line for each partition while they are
 * read, both fit the second-level cache. */
#define FIRST_SHIFT 10
#define MOST_PARTITIONS 2048
/* Blocks double from the first size, so that small inputs stay small, up to the last, so that
 * little is left over in the last block of each partition. */
#define FIRST_BLOCK ((size_t)512)
#define LAST_BLOCK ((size_t)16 * 1024)
/* Bytes of a partition that wait to be moved together, at least; two lines of the cache. */
#define STAGE_SIZE 128
/* An event is packed with stores of 4 bytes whatever its widths: so many may be spilt past it. */
#define SPILT 4
#define DATE_BITS 8 /* of the table of dates read lately */

/* A date's text (10 bytes in two words that overlap) and its first second. */
typedef struct date_slot {
    uint64_t head, tail;
    int64_t start;
} date_slot;

typedef enum verdict {
    KEPT,
    UNKNOWN_CONTACT,
    NO_CONTACT,
    NO_EVENT,
    BAD_TIME,
    BAD_CELL /* kept, but to be looked at */
} verdict;

typedef struct ls_event_batch {
    size_t start, count; /* the rows of the batch that are looked at: all good ones */
    bool trouble;        /* some verdict is more than KEPT or UNKNOWN_CONTACT */
    /* By row, from `start`: */
    uint8_t verdicts[LS_BATCH_ROWS];
    uint32_t values[LS_BATCH_ROWS]; /* where the contact is in the direct path, or UINT32_MAX */
    bool wide;                      /* some time does not fit u32 */
    int64_t times[LS_BATCH_ROWS];
    uint32_t events[LS_BATCH_ROWS];
    /* Of the kept ones, in order: */
    size_t kept_count;
    uint32_t kept[LS_BATCH_ROWS]; /* row, from `start` */
    uint32_t rows[LS_BATCH_ROWS]; /* row of the contact */
    XXH128_hash_t identities[LS_BATCH_ROWS];
    date_slot dates[1 << DATE_BITS];
} ls_event_batch;

/* A field of the rows that are looked at: cells[i * stride] is the one of row i. A field that the
 * file lacks is one empty text. */
typedef struct cells {
    const ls_string *cells;
    size_t stride;
    const ls_row *rows;
} cells;

static cells cells_of(const ls_reading *reading, size_t field)
{
    static const ls_string none = {NULL, 0};
    const ls_batch *batch = &reading->batch;
    const ls_row *rows = batch->rows + reading->events->start;
    if (field >= batch->stride)
        return (cells){&none, 0, rows};
    return (cells){batch->fields + reading->events->start * batch->stride + field, batch->stride,
                   rows};
}

LS_INLINE ls_string cell(const cells *cells, size_t row)
{
    return cells->cells[row * cells->stride];
}

/* ---- partitions ------------------------------------------------------------------------------ */

static int make_partitions(ls_dataset *dataset, ls_error *error)
{
    struct ls_ingest *ingest = dataset->ingest;
    size_t contacts = dataset->tables[LS_CONTACT].count;
    if (ingest->partitions != NULL || contacts == 0)
        return LS_OK;
    ingest->shift = FIRST_SHIFT;
    while ((contacts - 1) >> ingest->shift >= MOST_PARTITIONS && ingest->shift < LS_MOST_SHIFT)
        ingest->shift++;
    size_t count = ((contacts - 1) >> ingest->shift) + 1;
    ingest->partitions = ls_allocate_zero(dataset->context, count, sizeof *ingest->partitions);
    if (ingest->partitions == NULL)
        return ls_fail_memory(error);
    ingest->partition_count = count;
    return LS_OK;
}

void ls_end_block(ls_partition *partition)
{
    if (partition->last != NULL && partition->at != NULL)
        partition->last->used = (size_t)(partition->at - partition->last->events);
}

static int add_block(ls_dataset *dataset, ls_partition *partition)
{
    const ls_layout *layout = dataset->ingest->layout;
    ls_block *last = partition->last;
    size_t size = last == NULL ? FIRST_BLOCK : last->size * 2;
    if (size > LAST_BLOCK)
        size = LAST_BLOCK;
    if (size < sizeof *last + layout->stride)
        size = sizeof *last + layout->stride;
    ls_block *block = ls_allocate(dataset->context, size);
    if (block == NULL)
        return LS_ERROR_MEMORY;
    *block = (ls_block){.layout = layout, .size = size};
    ls_end_block(partition);
    if (last != NULL)
        last->next = block;
    else
        partition->first = block;
    partition->last = block;
    partition->at = block->events;
    partition->room = (uint32_t)((size - sizeof *block) / layout->stride * layout->stride);
    return LS_OK;
}

int ls_flush_partition(ls_dataset *dataset, size_t index)
{
    struct ls_ingest *ingest = dataset->ingest;
    ls_partition *partition = &ingest->partitions[index];
    uint32_t left = partition->staged;
    const char *from = left != 0 ? ingest->stage + index * ingest->stage_size : NULL;
    partition->staged = 0;
    while (left != 0) {
        if (partition->room == 0 && add_block(dataset, partition) != LS_OK)
            return LS_ERROR_MEMORY;
        uint32_t count = left < partition->room ? left : partition->room;
        memcpy(partition->at, from, count);
        partition->at += count;
        partition->room -= count;
        from += count;
        left -= count;
    }
    return LS_OK;
}

/* ---- layouts --------------------------------------------------------------------------------- */

/* What the columns need now, and never less than the layout before. */
static void plan_layout(const ls_events *events, ls_layout *layout, const ls_layout *before,
                        bool identity, bool wide)
{
    layout->identity = identity || (before != NULL && before->identity);
    layout->wide = wide || (before != NULL && before->wide);
    layout->time_offset = layout->identity ? 2 + 16 : 2;
    layout->event_offset = layout->time_offset + (layout->wide ? 8 : 4);
    layout->event_width = ls_code_width(events->event.dictionary.count);
    uint32_t offset = layout->event_offset + layout->event_width;
    for (size_t i = 0; i < layout->column_count; i++) {
        const ls_column *column = &events->columns[i];
        layout->columns[i].offset = offset;
        layout->columns[i].width = column->kept ? ls_code_width(column->dictionary.count) : 0;
        offset += layout->columns[i].width;
    }
    layout->stride = offset;
}

static bool fits_layout(const ls_events *events, const ls_layout *layout, bool identity, bool wide)
{
    if (layout == NULL || layout->column_count != events->column_count ||
        (identity && !layout->identity) || (wide && !layout->wide) ||
        ls_code_width(events->event.dictionary.count) > layout->event_width)
        return false;
    for (size_t i = 0; i < events->column_count; i++)
        if (events->columns[i].kept &&
            ls_code_width(events->columns[i].dictionary.count) > layout->columns[i].width)
            return false;
    return true;
}

/* Gives back what the last block of a partition has left, as a new layout begins; or it just stays
 * unused. */
static void seal_block(ls_context *context, ls_partition *partition)
{
    ls_block *block = partition->last;
    ls_block **link = &partition->first;
    ls_end_block(partition);
    partition->at = NULL;
    partition->room = 0;
    if (block == NULL)
        return;
    while (*link != block)
        link = &(*link)->next;
    size_t size = sizeof *block + block->used;
    ls_block *moved = ls_reallocate(context, block, block->size, size);
    if (moved == NULL)
        return;
    moved->size = size;
    *link = partition->last = moved;
}

static int make_stage(ls_dataset *dataset, uint32_t stride)
{
    struct ls_ingest *ingest = dataset->ingest;
    size_t count = ingest->partition_count, size = STAGE_SIZE;
    while (size < stride + SPILT)
        size *= 2;
    if (size == ingest->stage_size)
        return LS_OK;
    if (size > UINT32_MAX || count > SIZE_MAX / size)
        return LS_ERROR_MEMORY;
    char *stage =
        ls_reallocate(dataset->context, ingest->stage, count * ingest->stage_size, count * size);
    if (stage == NULL)
        return LS_ERROR_MEMORY;
    ingest->stage = stage;
    ingest->stage_size = (uint32_t)size;
    return LS_OK;
}

/* What is packed goes to the blocks; then all begins anew. */
static int begin_layout(ls_dataset *dataset, ls_layout *layout)
{
    struct ls_ingest *ingest = dataset->ingest;
    for (size_t i = 0; i < ingest->partition_count; i++) {
        if (ls_flush_partition(dataset, i) != LS_OK)
            return LS_ERROR_MEMORY;
        seal_block(dataset->context, &ingest->partitions[i]);
    }
    layout->next = ingest->layout;
    ingest->layout = layout;
    return make_stage(dataset, layout->stride);
}

/* Makes a new layout if the columns have outgrown the one in use. */
static int update_layout(ls_dataset *dataset, bool identity, bool wide, ls_error *error)
{
    const ls_events *events = &dataset->events;
    const ls_layout *before = dataset->ingest->layout;
    if (LS_LIKELY(fits_layout(events, before, identity, wide)))
        return LS_OK;
    size_t size = sizeof *before + events->column_count * sizeof(struct ls_packed);
    ls_layout *layout = ls_allocate_zero(dataset->context, 1, size);
    if (layout == NULL)
        return ls_fail_memory(error);
    layout->size = size;
    layout->column_count = events->column_count;
    plan_layout(events, layout, before, identity, wide);
    if (begin_layout(dataset, layout) == LS_OK)
        return LS_OK;
    if (dataset->ingest->layout != layout)
        ls_free(dataset->context, layout, size);
    return ls_fail_memory(error);
}

int ls_begin_events(ls_reading *reading, ls_error *error)
{
    reading->events = ls_allocate_zero(reading->dataset->context, 1, sizeof *reading->events);
    if (reading->events == NULL)
        return ls_fail_memory(error);
    return make_partitions(reading->dataset, error);
}

void ls_end_events(ls_reading *reading)
{
    if (reading->events != NULL)
        ls_free(reading->dataset->context, reading->events, sizeof *reading->events);
    reading->events = NULL;
}

/* ---- contact, time, event -------------------------------------------------------------------- */

/* The first thing that is wrong with a row is what it is refused for. */
static void blame(ls_event_batch *events, size_t row, verdict why)
{
    if (events->verdicts[row] == KEPT)
        events->verdicts[row] = (uint8_t)why;
    events->trouble = true;
}

LS_INLINE void read_contact(ls_event_batch *events, size_t i, ls_string id, const uint32_t *direct,
                            size_t direct_count)
{
    size_t value = ls_canonical_id(id);
    bool found = value < direct_count && value < UINT32_MAX;
    events->values[i] = found ? (uint32_t)value : UINT32_MAX;
    if (LS_LIKELY(found))
        __builtin_prefetch(&direct[value]);
    else if (ls_trimmed(id).length == 0)
        blame(events, i, NO_CONTACT);
}

/* HH:MM:SS as seconds of the day, or -1; 8 bytes. */
LS_INLINE int64_t read_clock(const char *text)
{
    uint64_t digits = ls_load_64(text) ^ UINT64_C(0x30303a30303a3030);
    uint64_t over = (digits + UINT64_C(0x76767f76767f7676)) | digits;
    /* Bytes 0, 3 and 6 are hour, minute and second; more than 23, 59, 59 goes into their high bits.
     */
    uint64_t pairs = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff0000ff0000ff);
    over |= pairs + UINT64_C(0x0044000044000068);
    if (LS_UNLIKELY((over & UINT64_C(0x8080808080808080)) != 0))
        return -1;
    return (int64_t)((pairs & 0xff) * 3600 + (pairs >> 24 & 0xff) * 60 + (pairs >> 48));
}

/* The first second of a date of 10 bytes, which most rows share with one just read. */
LS_INLINE bool read_date(ls_event_batch *events, const char *text, int64_t *start)
{
    uint64_t head = ls_load_64(text), tail = ls_load_64(text + 2);
    uint64_t mixed = (head ^ (tail << 1)) * UINT64_C(0x9e3779b97f4a7c15);
    date_slot *slot = &events->dates[mixed >> (64 - DATE_BITS)];
    if (LS_UNLIKELY(slot->head != head || slot->tail != tail)) {
        if (text[4] != '-' || !ls_time_read(text, 10, start, NULL))
            return false;
        *slot = (date_slot){head, tail, *start};
    }
    *start = slot->start;
    return true;
}

/* The usual form takes a direct path: 2025-01-31T09:30:00, a blank for T, Z or nothing after it. */
LS_INLINE bool read_time(ls_event_batch *events, ls_string text, int64_t *at)
{
    if (LS_LIKELY(text.length == 19 || (text.length == 20 && text.text[19] == 'Z'))) {
        int64_t clock = read_clock(text.text + 11), start;
        if (LS_LIKELY(clock >= 0 && (text.text[10] == ' ' || text.text[10] == 'T') &&
                      read_date(events, text.text, &start))) {
            *at = start + clock;
            return true;
        }
    }
    text = ls_trimmed(text);
    return text.length != 0 && ls_time_read(text.text, text.length, at, NULL);
}

/* Contacts and times: what is done about a row's time gives the contact before time to come into
 * the cache. */
static void read_contacts_and_times(const ls_reading *reading, ls_event_batch *events)
{
    const uint32_t *const direct = reading->dataset->ingest->direct;
    const size_t direct_count = reading->dataset->ingest->direct_count, count = events->count;
    const cells ids = cells_of(reading, reading->id_field);
    const cells texts = cells_of(reading, reading->at_field);
    uint64_t most = 0; /* seconds since LS_EVENT_BASE; of times before it a huge number */
    for (size_t i = 0; i < count; i++) {
        int64_t at = LS_EVENT_BASE;
        read_contact(events, i, cell(&ids, i), direct, direct_count);
        if (LS_UNLIKELY(!read_time(events, cell(&texts, i), &at)))
            blame(events, i, BAD_TIME);
        events->times[i] = at;
        uint64_t seconds = (uint64_t)at - (uint64_t)LS_EVENT_BASE;
        most = seconds > most ? seconds : most;
    }
    events->wide = most > UINT32_MAX;
}

static int read_names(ls_reading *reading, ls_event_batch *events, ls_error *error)
{
    ls_coder none = {.slots = NULL}; /* never used: a field that is not there has no text */
    ls_column *column = &reading->dataset->events.event;
    const cells names = cells_of(reading, reading->event_field);
    const size_t count = events->count;
    ls_coder *coder = names.stride != 0 ? &reading->fields[reading->event_field].coder : &none;
    for (size_t i = 0; i < count; i++) {
        uint32_t code =
            ls_coder_code(coder, column, ls_trimmed(cell(&names, i)), names.rows[i].line);
        events->events[i] = code;
        if (LS_UNLIKELY(code == LS_NO_CODE))
            return ls_fail_memory(error);
        if (LS_UNLIKELY(code == 0))
            blame(events, i, NO_EVENT);
    }
    return LS_OK;
}

/* The row of a contact that has no direct path, or UINT32_MAX. */
static uint32_t find_contact(const ls_reading *reading, ls_event_batch *events, size_t i)
{
    ls_string id = ls_reading_field(reading, events->start + i, reading->id_field);
    uint32_t row = ls_contact_row(reading->dataset, id, ls_canonical_id(id));
    if (row == UINT32_MAX && ls_reads_empty(reading, id))
        blame(events, i, NO_CONTACT);
    return row;
}

/* Finds the rows of the contacts, and what is kept. */
static void find_contacts(const ls_reading *reading, ls_event_batch *events)
{
    const uint32_t *const direct = reading->dataset->ingest->direct;
    const size_t count = events->count;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = events->values[i];
        uint32_t row =
            LS_LIKELY(value != UINT32_MAX) ? direct[value] - 1 : find_contact(reading, events, i);
        if (LS_UNLIKELY(events->verdicts[i] != KEPT))
            continue;
        events->kept[kept] = (uint32_t)i;
        events->rows[kept] = row;
        kept += row != UINT32_MAX;
        if (LS_UNLIKELY(row == UINT32_MAX))
            events->verdicts[i] = UNKNOWN_CONTACT;
    }
    events->kept_count = kept;
}

/* ---- properties ------------------------------------------------------------------------------ */

static int code_property(ls_reading *reading, ls_event_batch *events, size_t index, ls_error *error)
{
    ls_field *field = &reading->fields[index];
    ls_column *column = &reading->dataset->events.columns[field->column];
    uint32_t *codes = reading->codes + field->column * LS_BATCH_ROWS;
    const cells texts = cells_of(reading, index);
    const size_t count = events->kept_count;
    for (size_t i = 0; i < count; i++) {
        size_t row = events->kept[i];
        ls_string text = ls_trimmed(cell(&texts, row));
        uint32_t code = ls_coder_code(&field->coder, column, text, texts.rows[row].line);
        codes[i] = code;
        if (LS_UNLIKELY(code == LS_NO_CODE))
            return ls_fail_memory(error);
        if (LS_UNLIKELY(text.text == ls_nested_value || ls_column_unreadable(column, code)))
            blame(events, row, BAD_CELL);
    }
    return LS_OK;
}

static void hash_identities(const ls_reading *reading, ls_event_batch *events)
{
    const cells ids = cells_of(reading, reading->identity_field);
    for (size_t i = 0; i < events->kept_count; i++) {
        ls_string id = ls_trimmed(cell(&ids, events->kept[i]));
        XXH128_hash_t none = {0, 0};
        events->identities[i] =
            ls_reads_empty(reading, id)
                ? none
                : XXH3_128bits_withSeed(id.text, id.length, reading->dataset->seed);
    }
}

/* Codes of columns that the file lacks stay 0: unknown. */
static int reserve_codes(ls_reading *reading)
{
    size_t columns = reading->dataset->events.column_count, before = reading->code_capacity;
    if (columns > SIZE_MAX / LS_BATCH_ROWS ||
        ls_grow(reading->dataset->context, &reading->codes, &reading->code_capacity,
                columns * LS_BATCH_ROWS, sizeof *reading->codes) != LS_OK)
        return LS_ERROR_MEMORY;
    if (reading->code_capacity != before)
        memset(reading->codes, 0, reading->code_capacity * sizeof *reading->codes);
    return LS_OK;
}

static int code_properties(ls_reading *reading, ls_event_batch *events, ls_error *error)
{
    const ls_column *names = &reading->dataset->events.event;
    int status = reserve_codes(reading) == LS_OK ? LS_OK : ls_fail_memory(error);
    for (size_t i = 0; i < reading->field_count && status == LS_OK; i++)
        if (reading->fields[i].kept)
            status = code_property(reading, events, i, error);
    for (size_t i = 0; i < events->kept_count && names->unreadable != NULL; i++)
        if (ls_column_unreadable(names, events->events[events->kept[i]]))
            blame(events, events->kept[i], BAD_CELL);
    if (reading->identity_field != LS_NO_FIELD)
        hash_identities(reading, events);
    return status;
}

/* ---- packing --------------------------------------------------------------------------------- */

/* Stores 4 bytes, of which those past the code's width are overwritten by what comes next. */
LS_INLINE void put_code(char *at, uint32_t code, uint8_t width)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    code <<= 8 * (4 - width);
#else
    (void)width;
#endif
    memcpy(at, &code, sizeof code);
}

/* Whether the time of an event that is kept does not fit u32. */
static bool any_wide(const ls_event_batch *events)
{
    bool wide = false;
    for (size_t i = 0; i < events->kept_count && events->wide; i++)
        wide |= (uint64_t)events->times[events->kept[i]] - (uint64_t)LS_EVENT_BASE > UINT32_MAX;
    return wide;
}

/* What an event begins with; what follows is written over the bytes that codes spill. */
LS_INLINE void put_head(char *at, const ls_layout *layout, const ls_event_batch *events, size_t i,
                        uint16_t local)
{
    size_t row = events->kept[i];
    int64_t time = events->times[row];
    uint32_t seconds = (uint32_t)(time - LS_EVENT_BASE), time_offset = 2;
    memcpy(at, &local, sizeof local);
    if (layout->identity) {
        memcpy(at + 2, &events->identities[i], 16);
        time_offset = 2 + 16;
    }
    if (LS_UNLIKELY(layout->wide))
        memcpy(at + time_offset, &time, sizeof time);
    else
        memcpy(at + time_offset, &seconds, sizeof seconds);
    put_code(at + layout->event_offset, events->events[row], layout->event_width);
}

/* A kept column, and its codes of the rows that are kept. */
typedef struct packed_column {
    const uint32_t *codes;
    uint32_t offset;
    uint8_t width;
} packed_column;

static int pack_rows(ls_reading *reading, const ls_event_batch *events, const ls_layout *layout,
                     const packed_column *columns, size_t column_count)
{
    ls_dataset *dataset = reading->dataset;
    const struct ls_ingest *ingest = dataset->ingest;
    const size_t count = events->kept_count, stage_size = ingest->stage_size;
    const uint32_t stride = layout->stride, shift = ingest->shift,
                   mask = (UINT32_C(1) << shift) - 1;
    const uint32_t full = ingest->stage_size - SPILT - stride;
    char *const stage = ingest->stage;
    ls_partition *const partitions = ingest->partitions;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = events->rows[i];
        size_t index = row >> shift;
        ls_partition *partition = &partitions[index];
        if (LS_UNLIKELY(partition->staged > full) && ls_flush_partition(dataset, index) != LS_OK)
            return LS_ERROR_MEMORY;
        char *at = stage + index * stage_size + partition->staged;
        partition->staged += stride;
        put_head(at, layout, events, i, (uint16_t)(row & mask));
        for (size_t c = 0; c < column_count; c++)
            put_code(at + columns[c].offset, columns[c].codes[i], columns[c].width);
    }
    return LS_OK;
}

static int pack_events(ls_reading *reading, const ls_event_batch *events, ls_error *error)
{
    ls_dataset *dataset = reading->dataset;
    if (events->kept_count == 0)
        return LS_OK;
    bool identity = reading->identity_field != LS_NO_FIELD;
    if (update_layout(dataset, identity, any_wide(events), error) != LS_OK)
        return LS_ERROR_MEMORY;
    const ls_layout *layout = dataset->ingest->layout;
    packed_column few[8], *columns = few;
    size_t count = 0, size = layout->column_count * sizeof *columns;
    if (layout->column_count > 8 && (columns = ls_allocate(dataset->context, size)) == NULL)
        return ls_fail_memory(error);
    for (size_t i = 0; i < layout->column_count; i++)
        if (layout->columns[i].width != 0)
            columns[count++] = (packed_column){reading->codes + i * LS_BATCH_ROWS,
                                               layout->columns[i].offset, layout->columns[i].width};
    int status = pack_rows(reading, events, layout, columns, count);
    if (columns != few)
        ls_free(dataset->context, columns, size);
    if (status != LS_OK)
        return ls_fail_memory(error);
    dataset->counts.events += events->kept_count;
    return LS_OK;
}

/* ---- what is refused ------------------------------------------------------------------------- */

static int refuse_time(ls_reading *reading, const ls_row *row, ls_string text, ls_error *error)
{
    char reason[LS_ERROR_TEXT];
    ls_string at = {"at", 2};
    size_t field = reading->at_field + 1;
    if (ls_reads_empty(reading, text))
        return ls_refuse_row(reading, row, field, "at: expected a time, got nothing", error);
    ls_bad_cell_text(at, text, LS_DATETIME, reason);
    return ls_refuse_row(reading, row, field, reason, error);
}

static int list_cells(ls_reading *reading, const ls_event_batch *events, size_t i, ls_error *error)
{
    const ls_row *row = &reading->batch.rows[events->start + i];
    const ls_events *columns = &reading->dataset->events;
    size_t kept = 0;
    while (events->kept[kept] != i)
        kept++;
    int status = ls_check_cell(reading, row, reading->event_field, &columns->event,
                               events->events[i], error);
    for (size_t f = 0; f < reading->field_count && status == LS_OK; f++) {
        size_t column = reading->fields[f].column;
        if (reading->fields[f].kept)
            status = ls_check_cell(reading, row, f, &columns->columns[column],
                                   reading->codes[column * LS_BATCH_ROWS + kept], error);
    }
    return status;
}

static int refuse_event(ls_reading *reading, const ls_event_batch *events, size_t i,
                        ls_error *error)
{
    const ls_row *row = &reading->batch.rows[events->start + i];
    switch ((verdict)events->verdicts[i]) {
    case NO_CONTACT:
        return ls_refuse_row(reading, row, reading->id_field + 1,
                             "contact_id: expected an id, got nothing", error);
    case NO_EVENT:
        return ls_refuse_row(reading, row, reading->event_field + 1,
                             "event: expected a name, got nothing", error);
    case BAD_TIME:
        return refuse_time(reading, row,
                           ls_reading_field(reading, events->start + i, reading->at_field), error);
    case BAD_CELL: return list_cells(reading, events, i, error);
    default: return LS_OK;
    }
}

static int take_good_rows(ls_reading *reading, ls_event_batch *events, ls_error *error)
{
    events->trouble = false;
    memset(events->verdicts, KEPT, events->count);
    read_contacts_and_times(reading, events);
    int status = read_names(reading, events, error);
    if (status != LS_OK)
        return status;
    find_contacts(reading, events);
    if (events->kept_count != 0)
        status = code_properties(reading, events, error);
    for (size_t i = 0; i < events->count && events->kept_count < events->count; i++)
        reading->dataset->counts.unknown_contact += events->verdicts[i] == UNKNOWN_CONTACT;
    for (size_t i = 0; i < events->count && events->trouble && status == LS_OK; i++)
        status = refuse_event(reading, events, i, error);
    return status == LS_OK ? pack_events(reading, events, error) : status;
}

int ls_take_events(ls_reading *reading, ls_error *error)
{
    ls_event_batch *events = reading->events;
    const ls_batch *batch = &reading->batch;
    int status = LS_OK;
    for (size_t i = 0; i < batch->row_count && status == LS_OK;) {
        size_t end = i;
        while (end < batch->row_count && batch->rows[end].problem == LS_ROW_GOOD)
            end++;
        events->start = i;
        events->count = end - i;
        if (events->count != 0)
            status = take_good_rows(reading, events, error);
        if (status == LS_OK && end < batch->row_count)
            status = ls_refuse_problem(reading, &batch->rows[end], error);
        i = end + 1;
    }
    return status;
}
