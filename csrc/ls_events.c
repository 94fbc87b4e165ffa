/* Rows of events. A run of good rows goes through one column at a time (contact, time, event,
 * properties), so that each loop is short, its tables stay in the cache and the look-ups of
 * contacts overlap; then what is kept is packed into the partition of its contact.
 *
 * A row that is bad is refused whatever its contact; cells of events whose contact is not known are
 * not coded. */
#include "ls_scan.h"

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
    uint64_t most;                  /* ls_event_seconds of the times */
    int64_t times[LS_BATCH_ROWS];
    uint32_t events[LS_BATCH_ROWS];
    /* Of the kept ones, in order: */
    size_t kept_count;
    uint32_t kept[LS_BATCH_ROWS]; /* row, from `start` */
    uint32_t rows[LS_BATCH_ROWS]; /* row of the contact */
    uint64_t identities[LS_BATCH_ROWS][2];
    ls_date_table dates;
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

/* ---- batches --------------------------------------------------------------------------------- */

int ls_begin_events(ls_reading *reading, ls_error *error)
{
    reading->events = ls_allocate_zero(reading->dataset->context, 1, sizeof *reading->events);
    if (reading->events == NULL)
        return ls_fail_memory(error);
    return ls_make_partitions(reading->dataset) == LS_OK ? LS_OK : ls_fail_memory(error);
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

/* Contacts and times: what is done about a row's time gives the contact before time to come into
 * the cache. */
static void read_contacts_and_times(const ls_reading *reading, ls_event_batch *events)
{
    const uint32_t *const direct = reading->dataset->ingest->direct;
    const size_t direct_count = reading->dataset->ingest->direct_count, count = events->count;
    const cells ids = cells_of(reading, reading->id_field);
    const cells texts = cells_of(reading, reading->at_field);
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t at = LS_EVENT_BASE;
        read_contact(events, i, cell(&ids, i), direct, direct_count);
        if (LS_UNLIKELY(!ls_read_event_time(&events->dates, cell(&texts, i), &at)))
            blame(events, i, BAD_TIME);
        events->times[i] = at;
        uint64_t seconds = ls_event_seconds(at);
        most = seconds > most ? seconds : most;
    }
    events->most = most;
}

static int read_names(ls_reading *reading, ls_event_batch *events, ls_error *error)
{
    const ls_coder none = {.context = NULL}; /* a field that is not there has no text */
    ls_column *column = &reading->dataset->events.event;
    const cells names = cells_of(reading, reading->event_field);
    const size_t count = events->count;
    const ls_coder *coder =
        names.stride != 0 ? &reading->fields[reading->event_index].coder : &none;
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
    if (row == UINT32_MAX && id.length == 0)
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
    const cells texts = cells_of(reading, field->place);
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
    const uint64_t seed = ls_event_id_seed(reading->dataset);
    const cells ids = cells_of(reading, reading->identity_field);
    for (size_t i = 0; i < events->kept_count; i++) {
        ls_string id = ls_trimmed(cell(&ids, events->kept[i]));
        events->identities[i][0] = events->identities[i][1] = 0;
        if (id.length != 0)
            ls_hash_identity(seed, id, events->identities[i]);
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
            status =
                ls_check_cell(reading, row, reading->fields[f].place, &columns->columns[column],
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

/* Works out the good rows: what is kept of them is in events->rows, times, events, identities and
 * the codes, one after another. */
static int work_out(ls_reading *reading, ls_event_batch *events, ls_error *error)
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
    for (size_t i = 0; i < events->kept_count; i++) {
        events->times[i] = events->times[events->kept[i]];
        events->events[i] = events->events[events->kept[i]];
    }
    return status;
}

/* Rows that are not kept do not make times wide. */
static uint64_t most_kept(const ls_event_batch *events)
{
    uint64_t most = 0;
    if (events->most <= UINT32_MAX)
        return events->most;
    for (size_t i = 0; i < events->kept_count; i++) {
        uint64_t seconds = ls_event_seconds(events->times[i]);
        most = seconds > most ? seconds : most;
    }
    return most;
}

static int take_good_rows(ls_reading *reading, ls_event_batch *events, ls_error *error)
{
    int status = work_out(reading, events, error);
    if (status != LS_OK || events->kept_count == 0)
        return status;
    const ls_packing packing = {.count = events->kept_count,
                                .contacts = events->rows,
                                .times = events->times,
                                .most = most_kept(events),
                                .names = events->events,
                                .codes = reading->codes,
                                .step = LS_BATCH_ROWS,
                                .identities = reading->identity_field != LS_NO_FIELD
                                                  ? events->identities
                                                  : NULL};
    return ls_pack_events(reading->dataset, &packing) == LS_OK ? LS_OK : ls_fail_memory(error);
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

/* ---- rows that a chunk left over ------------------------------------------------------------- */

/* The inside of a quoted field, a doubled quote made one: copied to where *unquoted is. */
static ls_string undouble(ls_string field, char **unquoted)
{
    ls_string inside = ls_unquoted(field), out = {*unquoted, 0};
    for (size_t i = 0; i < inside.length; i++) {
        (*unquoted)[out.length++] = inside.text[i];
        i += inside.text[i] == '"';
    }
    *unquoted += out.length;
    return out;
}

/* Makes a batch of some of the rows. */
static void gather_left(ls_reading *reading, const ls_chunk *chunk, const uint32_t *left,
                        size_t count)
{
    ls_batch *batch = &reading->batch;
    char *unquoted = chunk->unquoted;
    for (size_t i = 0; i < count; i++) {
        ls_string first = ls_chunk_field(chunk, batch->stride, left[i], 0), last = first;
        for (size_t f = 0; f < batch->stride; f++) {
            last = ls_chunk_field(chunk, batch->stride, left[i], f);
            bool quoted = last.length != 0 && last.text[0] == '"';
            batch->fields[i * batch->stride + f] = quoted ? undouble(last, &unquoted) : last;
        }
        size_t length = (size_t)(last.text + last.length - first.text);
        length -= length != 0 && first.text[length - 1] == '\r';
        batch->rows[i] = (ls_row){.text = first.text,
                                  .length = (uint32_t)length,
                                  .problem = LS_ROW_GOOD,
                                  .line = chunk->line + left[i]};
    }
    batch->row_count = count;
}

/* Writes what was worked out of the i-th row of the batch, the k-th of those that are kept. */
static void scatter_left(const ls_reading *reading, ls_chunk *chunk, uint32_t row, size_t k)
{
    const ls_event_batch *events = reading->events;
    chunk->contacts[row] = events->rows[k];
    chunk->times[row] = events->times[k];
    chunk->names[row] = events->events[k];
    uint64_t seconds = ls_event_seconds(events->times[k]);
    chunk->most = seconds > chunk->most ? seconds : chunk->most;
    for (size_t i = 0; i < reading->field_count; i++) {
        size_t column = reading->fields[i].column;
        if (reading->fields[i].kept)
            chunk->codes[column * chunk->row_capacity + row] =
                reading->codes[column * LS_BATCH_ROWS + k];
    }
}

/* Gives a text of a row its code. *bad: it cannot be read. */
static int add_text(ls_reading *reading, const ls_chunk *chunk, uint32_t row, size_t field,
                    ls_column *column, uint32_t *code, bool *bad)
{
    ls_string text = ls_chunk_field(chunk, reading->batch.stride, row, field);
    text = ls_trimmed(text.text[0] == '"' ? ls_unquoted(text) : text);
    *code = ls_coder_code(&reading->fields[field].coder, column, text, chunk->line + row);
    *bad = *bad || (*code != LS_NO_CODE && ls_column_unreadable(column, *code));
    return *code != LS_NO_CODE ? LS_OK : LS_ERROR_MEMORY;
}

/* Gives the texts of a row that are new their codes. */
static int add_texts(ls_reading *reading, ls_chunk *chunk, uint32_t row, bool *bad)
{
    ls_events *events = &reading->dataset->events;
    int status = LS_OK;
    *bad = false;
    if (chunk->names[row] == LS_NO_CODE)
        status = add_text(reading, chunk, row, reading->event_field, &events->event,
                          &chunk->names[row], bad);
    for (size_t i = 0; i < reading->field_count && status == LS_OK; i++) {
        size_t column = reading->fields[i].column;
        uint32_t *code = &chunk->codes[column * chunk->row_capacity + row];
        if (reading->fields[i].kept && *code == LS_NO_CODE)
            status = add_text(reading, chunk, row, i, &events->columns[column], code, bad);
    }
    return status;
}

static int finish_rows(ls_chunk *chunk, ls_reading *reading, const uint32_t *rows, size_t count,
                       ls_error *error)
{
    ls_event_batch *events = reading->events;
    size_t kept = 0;
    gather_left(reading, chunk, rows, count);
    events->start = 0;
    events->count = count;
    int status = work_out(reading, events, error);
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        chunk->contacts[rows[i]] = UINT32_MAX;
        if (kept < events->kept_count && events->kept[kept] == i)
            scatter_left(reading, chunk, rows[i], kept++);
    }
    return status;
}

int ls_chunk_finish(ls_chunk *chunk, ls_reading *reading, ls_error *error)
{
    uint32_t rows[LS_BATCH_ROWS]; /* that may be bad */
    size_t count = 0;
    int status = LS_OK;
    for (size_t i = 0; i < chunk->left_count && status == LS_OK; i++) {
        uint32_t row = chunk->left[i] & ~LS_LEFT_ROW;
        bool bad = (chunk->left[i] & LS_LEFT_ROW) != 0;
        if (!bad) {
            status = add_texts(reading, chunk, row, &bad) == LS_OK ? LS_OK : ls_fail_memory(error);
            chunk->unknown_contacts -= bad && chunk->contacts[row] == UINT32_MAX;
        }
        rows[count] = row;
        count += bad;
        if (count == reading->batch.row_limit && status == LS_OK) {
            status = finish_rows(chunk, reading, rows, count, error);
            count = 0;
        }
    }
    if (count != 0 && status == LS_OK)
        status = finish_rows(chunk, reading, rows, count, error);
    reading->dataset->counts.unknown_contact += chunk->unknown_contacts;
    return status;
}
