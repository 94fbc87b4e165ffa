/* Rows of contacts, companies and deals become rows of their tables; rows of a list become bits of
 * contacts. And the index of contacts by id, which events and lists look into. */
#include "ls_log.h"

/* ---- contacts by id -------------------------------------------------------------------------- */

/* Decimal ids below this have a direct path: numbers given in sequence do, with room for many gaps,
 * and an array of four bytes each stays small beside the contacts. */
static size_t direct_bound(size_t count)
{
    return count > (SIZE_MAX >> 4) ? SIZE_MAX >> 2 : 4 * count + ((size_t)1 << 20);
}

/* The value of a contact's id, SIZE_MAX without a direct path. */
static size_t value_of_row(const ls_dictionary *ids, size_t row, size_t bound)
{
    size_t value = ls_canonical_id(ls_dictionary_text(ids, (uint32_t)row + 1));
    return value < bound ? value : SIZE_MAX;
}

/* How many ids may be UUIDs. */
static size_t count_uuids(const ls_dictionary *ids, size_t rows)
{
    size_t count = 0;
    for (size_t row = 0; row < rows; row++) {
        ls_string id = ls_dictionary_text(ids, (uint32_t)row + 1);
        count += id.length == LS_UUID_LENGTH && ls_uuid_has_dashes(id.text);
    }
    return count;
}

static bool uuid_of_row(const ls_dictionary *ids, size_t row, ls_uuid *out)
{
    ls_string id = ls_dictionary_text(ids, (uint32_t)row + 1);
    return id.length == LS_UUID_LENGTH && ls_uuid_read(id.text, out);
}

static void put_uuid(const ls_uuid_table *table, ls_uuid uuid, size_t row)
{
    size_t mask = table->slot_count - 1, i = ls_uuid_hash(table, uuid) & mask;
    while (table->slots[i].contact != 0)
        i = (i + 1) & mask;
    table->slots[i] = (struct ls_uuid_slot){.uuid = uuid, .contact = (uint32_t)row + 1};
}

static int index_uuids(ls_dataset *dataset)
{
    const ls_table *contacts = &dataset->tables[LS_CONTACT];
    ls_uuid_table *table = &dataset->ingest->uuids;
    size_t count = count_uuids(&contacts->id.dictionary, contacts->count), slots = 16;
    ls_uuid uuid;
    if (count <= contacts->count / 2)
        return LS_OK;
    while (slots < 2 * count)
        slots *= 2;
    table->slots = ls_allocate_zero(dataset->context, slots, sizeof *table->slots);
    if (table->slots == NULL)
        return LS_ERROR_MEMORY;
    table->slot_count = slots;
    table->seed = dataset->seed;
    count = 0;
    for (size_t row = 0; row < contacts->count; row++) {
        if (!uuid_of_row(&contacts->id.dictionary, row, &uuid))
            continue;
        put_uuid(table, uuid, row);
        count++;
    }
    if (count <= contacts->count / 2) { /* they only have dashes where UUIDs have theirs */
        ls_free(dataset->context, table->slots, slots * sizeof *table->slots);
        *table = (ls_uuid_table){.slots = NULL};
    }
    return LS_OK;
}

/* The dictionary has found all the numbers among its texts. */
static bool share_direct(const ls_dataset *dataset)
{
    const ls_dictionary *ids = &dataset->tables[LS_CONTACT].id.dictionary;
    struct ls_ingest *ingest = dataset->ingest;
    if (ids->number_count == 0 || ids->has_strays || ingest->hidden != NULL)
        return false;
    ingest->direct = ids->numbers;
    ingest->direct_count = ids->number_count;
    return ingest->shares_direct = true;
}

static int make_direct(ls_dataset *dataset)
{
    struct ls_ingest *ingest = dataset->ingest;
    const ls_table *contacts = &dataset->tables[LS_CONTACT];
    size_t bound = direct_bound(contacts->count), count = 0;
    for (size_t row = 0; row < contacts->count; row++) {
        size_t value = value_of_row(&contacts->id.dictionary, row, bound);
        if (value != SIZE_MAX && value >= count)
            count = value + 1;
    }
    if (count != 0) {
        ingest->direct = ls_allocate_zero(dataset->context, count, sizeof *ingest->direct);
        if (ingest->direct == NULL)
            return LS_ERROR_MEMORY;
    }
    ingest->direct_count = count;
    for (size_t row = 0; row < contacts->count && count != 0; row++) {
        size_t value = value_of_row(&contacts->id.dictionary, row, bound);
        if (value != SIZE_MAX && !ls_is_hidden(ingest, row))
            ingest->direct[value] = (uint32_t)row + 1;
    }
    return LS_OK;
}

int ls_index_contacts(ls_dataset *dataset, ls_error *error)
{
    struct ls_ingest *ingest = dataset->ingest;
    if (ingest->indexed)
        return LS_OK;
    if (!share_direct(dataset) && make_direct(dataset) != LS_OK)
        return ls_fail_memory(error);
    if (index_uuids(dataset) != LS_OK)
        return ls_fail_memory(error);
    ingest->indexed = true;
    return LS_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

/* Codes the cells of a row that is kept, and lists those that cannot be read. */
static int code_cells(ls_reading *reading, size_t row, ls_error *error)
{
    const ls_row *about = &reading->batch.rows[row];
    ls_table *table = &reading->dataset->tables[reading->object];
    for (size_t i = 0; i < reading->field_count; i++) {
        ls_field *field = &reading->fields[i];
        if (!field->kept)
            continue;
        ls_column *column = &table->columns[field->column];
        ls_string text = ls_reading_field(reading, row, field->place);
        uint32_t code = ls_coder_code(&field->coder, column, text, about->line);
        if (code == LS_NO_CODE)
            return ls_fail_memory(error);
        reading->codes[i] = code;
        if (LS_UNLIKELY(column->unreadable != NULL || text.text == ls_nested_value)) {
            int status = ls_check_cell(reading, about, field->place, column, code, error);
            if (status != LS_OK)
                return status;
        }
    }
    return LS_OK;
}

/* Adds the codes of a row to the columns. */
static int append_cells(ls_reading *reading)
{
    ls_table *table = &reading->dataset->tables[reading->object];
    int status = LS_OK;
    for (size_t i = 0; i < reading->field_count && status == LS_OK; i++)
        if (reading->fields[i].kept)
            status =
                ls_column_append(reading->dataset->context,
                                 &table->columns[reading->fields[i].column], reading->codes[i]);
    return status;
}

static int refuse_repeated(ls_reading *reading, const ls_row *row, uint32_t code, ls_error *error)
{
    const ls_dataset *dataset = reading->dataset;
    const ls_column *id = &dataset->tables[reading->object].id;
    ls_string text = ls_dictionary_text(&id->dictionary, code);
    ls_error reason;
    int shown = (int)ls_min((int64_t)text.length, 60);
    ls_place first = {0, 0, 0};
    ls_column_place(id, code, &first);
    ls_fail(&reason, LS_ERROR_INPUT,
            "id: expected each id once, got \"%.*s\" again (first: %s:%llu)", shown, text.text,
            dataset->sources[first.source], (unsigned long long)first.line);
    return ls_refuse_row(reading, row, reading->id_field + 1, reason.message, error);
}

/* Notes what is known of a new id. */
static int note_id(ls_reading *reading, ls_column *id, uint32_t code, const ls_row *row,
                   ls_error *error)
{
    ls_place place = {reading->source, (uint32_t)(reading->id_field + 1), row->line};
    if (ls_column_note(reading->dataset->context, id, code, &place) != LS_OK)
        return ls_fail_memory(error);
    if (LS_UNLIKELY(ls_column_unreadable(id, code)))
        return ls_check_cell(reading, row, reading->id_field, id, code, error);
    return LS_OK;
}

/* Once its id is in the dictionary a row is kept, unless the job ends. */
static int take_record(ls_reading *reading, size_t row, ls_error *error)
{
    ls_dataset *dataset = reading->dataset;
    ls_table *table = &dataset->tables[reading->object];
    const ls_row *about = &reading->batch.rows[row];
    if (about->problem != LS_ROW_GOOD)
        return ls_refuse_problem(reading, about, error);
    ls_string id = ls_reading_field(reading, row, reading->id_field);
    if (id.length == 0)
        return ls_refuse_row(reading, about, reading->id_field + 1,
                             "id: expected an id, got nothing", error);
    if (reading->object == LS_CONTACT && ls_log_forgot(dataset, id))
        return LS_OK;
    uint32_t code = ls_dictionary_add(&table->id.dictionary, id.text, id.length);
    if (code == LS_NO_CODE)
        return ls_fail_memory(error);
    if (code != table->count + 1)
        return refuse_repeated(reading, about, code, error);
    int status = note_id(reading, &table->id, code, about, error);
    if (status == LS_OK)
        status = code_cells(reading, row, error);
    if (status == LS_OK && append_cells(reading) != LS_OK)
        status = ls_fail_memory(error);
    if (status == LS_OK)
        dataset->counts.records[reading->object] = ++table->count;
    return status;
}

/* A name that first appears in the middle of an NDJSON file is of a column that lacks the rows
 * before. */
static int level_columns(ls_reading *reading, ls_error *error)
{
    ls_table *table = &reading->dataset->tables[reading->object];
    for (size_t i = 0; i < table->column_count; i++)
        if (ls_column_fill(reading->dataset->context, &table->columns[i], table->count) != LS_OK)
            return ls_fail_memory(error);
    return LS_OK;
}

/* ---- runs of good rows ----------------------------------------------------------------------- */

/* Rows of a CSV file that are good so far: they go through one column at a time, so that the
 * look-ups of a column wait for memory together. */
typedef struct run {
    size_t first, count;
    ls_string texts[LS_BATCH_ROWS]; /* of the column; length 0: code 0 */
    uint32_t hashes[LS_BATCH_ROWS];
} run;

/* Hashes the texts of a column, and fetches what looking them up will need: the slots, then what
 * these lead to. */
static void fetch_texts(run *run, const ls_dictionary *dictionary)
{
    const uint32_t mask = dictionary->slot_count - 1;
    for (size_t i = 0; i < run->count; i++) {
        ls_string text = run->texts[i];
        if (text.length == 0)
            continue;
        run->hashes[i] = ls_hash_text(dictionary, text.text, text.length);
        __builtin_prefetch(&dictionary->slots[run->hashes[i] & mask], 1);
    }
    for (size_t i = 0; i < run->count; i++) {
        if (run->texts[i].length != 0 &&
            dictionary->slots[run->hashes[i] & mask].hash == run->hashes[i])
            ls_dictionary_fetch(dictionary, run->hashes[i]);
    }
}

/* Adds the ids of the run, which ends before a row that is to be refused or left out. */
static int add_ids(ls_reading *reading, run *run, ls_error *error)
{
    ls_column *id = &reading->dataset->tables[reading->object].id;
    ls_dictionary *ids = &id->dictionary;
    const bool contacts = reading->object == LS_CONTACT;
    size_t count = 0;
    for (; count < run->count; count++) {
        run->texts[count] = ls_reading_field(reading, run->first + count, reading->id_field);
        if (run->texts[count].length == 0 ||
            (contacts && ls_log_forgot(reading->dataset, run->texts[count])))
            break;
    }
    run->count = count;
    fetch_texts(run, ids);
    for (size_t i = 0; i < run->count; i++) {
        ls_string text = run->texts[i];
        const ls_row *row = &reading->batch.rows[run->first + i];
        ls_place place = {reading->source, (uint32_t)(reading->id_field + 1), row->line};
        if (ls_dictionary_seek_id(ids, text.text, text.length, run->hashes[i]) != LS_NO_CODE) {
            run->count = i;
            break;
        }
        uint32_t code = ls_dictionary_append(ids, text.text, text.length, run->hashes[i]);
        if (code == LS_NO_CODE ||
            ls_column_note(reading->dataset->context, id, code, &place) != LS_OK)
            return ls_fail_memory(error);
    }
    return LS_OK;
}

/* Codes a column of the run. */
static int code_column(ls_reading *reading, run *run, size_t index, ls_error *error)
{
    const ls_field *field = &reading->fields[index];
    ls_column *column = &reading->dataset->tables[reading->object].columns[field->column];
    uint32_t *codes = reading->codes + index * LS_BATCH_ROWS;
    for (size_t i = 0; i < run->count; i++) {
        run->texts[i] = ls_reading_field(reading, run->first + i, field->place);
        if (ls_coder_reads_empty(&field->coder, run->texts[i]))
            run->texts[i].length = 0;
    }
    fetch_texts(run, &column->dictionary);
    for (size_t i = 0; i < run->count; i++) {
        ls_string text = run->texts[i];
        uint32_t hash = run->hashes[i], code = 0;
        if (text.length != 0)
            code = ls_dictionary_seek(&column->dictionary, text.text, text.length, hash);
        if (code == LS_NO_CODE)
            code = ls_coder_add(&field->coder, column, text, hash,
                                reading->batch.rows[run->first + i].line);
        if (code == LS_NO_CODE)
            return ls_fail_memory(error);
        codes[i] = code;
    }
    return LS_OK;
}

/* Lists what cannot be read in the i-th row of the run. */
static int check_cells(ls_reading *reading, const run *run, size_t i, ls_error *error)
{
    const ls_table *table = &reading->dataset->tables[reading->object];
    const ls_row *row = &reading->batch.rows[run->first + i];
    int status = ls_check_cell(reading, row, reading->id_field, &table->id,
                               (uint32_t)(table->count + i + 1), error);
    for (size_t f = 0; f < reading->field_count && status == LS_OK; f++) {
        const ls_field *field = &reading->fields[f];
        if (field->kept && reading->codes[f * LS_BATCH_ROWS + i] != 0)
            status = ls_check_cell(reading, row, field->place, &table->columns[field->column],
                                   reading->codes[f * LS_BATCH_ROWS + i], error);
    }
    return status;
}

bool ls_any_unreadable(const ls_reading *reading)
{
    const ls_table *table = &reading->dataset->tables[reading->object];
    bool any = table->id.unreadable != NULL;
    for (size_t f = 0; f < reading->field_count; f++)
        any = any || (reading->fields[f].kept &&
                      table->columns[reading->fields[f].column].unreadable != NULL);
    return any;
}

/* Takes the run's rows as far as they are kept: run->count of them. */
static int take_run(ls_reading *reading, run *run, ls_error *error)
{
    ls_dataset *dataset = reading->dataset;
    ls_table *table = &dataset->tables[reading->object];
    int status = add_ids(reading, run, error);
    for (size_t f = 0; f < reading->field_count && status == LS_OK; f++)
        if (reading->fields[f].kept)
            status = code_column(reading, run, f, error);
    if (status != LS_OK)
        return status;
    if (ls_any_unreadable(reading)) {
        size_t count = 0;
        while (count < run->count && (status = check_cells(reading, run, count, error)) == LS_OK)
            count++;
        run->count = count;
    }
    for (size_t f = 0; f < reading->field_count; f++) {
        const ls_field *field = &reading->fields[f];
        if (field->kept &&
            ls_column_extend(dataset->context, &table->columns[field->column],
                             reading->codes + f * LS_BATCH_ROWS, run->count) != LS_OK)
            return ls_fail_memory(error);
    }
    dataset->counts.records[reading->object] = table->count += run->count;
    return status;
}

static int reserve_run(ls_reading *reading)
{
    if (reading->field_count > SIZE_MAX / LS_BATCH_ROWS)
        return LS_ERROR_MEMORY;
    return ls_grow(reading->dataset->context, &reading->codes, &reading->code_capacity,
                   reading->field_count * LS_BATCH_ROWS, sizeof *reading->codes);
}

int ls_take_records(ls_reading *reading, ls_error *error)
{
    const ls_batch *batch = &reading->batch;
    run run;
    int status = reserve_run(reading) == LS_OK ? LS_OK : ls_fail_memory(error);
    for (size_t row = 0; row < batch->row_count && status == LS_OK;) {
        size_t end = row;
        while (end < batch->row_count && batch->rows[end].problem == LS_ROW_GOOD &&
               !reading->ndjson)
            end++;
        run.first = row;
        run.count = end - row;
        if (run.count != 0)
            status = take_run(reading, &run, error);
        row += run.count;
        if (row < batch->row_count && (row < end || row == run.first) && status == LS_OK)
            status = take_record(reading, row++, error);
    }
    return status;
}

int ls_finish_records(ls_reading *reading, ls_error *error)
{
    return level_columns(reading, error);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Marks the records of every object that have the id; whether there was one. */
static bool mark_listed(const ls_dataset *dataset, ls_list *list, ls_string id)
{
    bool known = false;
    for (int object = LS_CONTACT; object <= LS_DEAL; object++) {
        struct ls_list_rows *of = &list->of[object];
        uint32_t code =
            ls_dictionary_find(&dataset->tables[object].id.dictionary, id.text, id.length);
        if (code == LS_NO_CODE || code == 0 || (code - 1) / 64 >= of->word_count ||
            (object == LS_CONTACT && ls_is_hidden(dataset->ingest, code - 1)))
            continue;
        of->rows[(code - 1) / 64] |= UINT64_C(1) << ((code - 1) % 64);
        known = true;
    }
    return known;
}

int ls_take_list(ls_reading *reading, ls_error *error)
{
    ls_list *list = &reading->dataset->lists[reading->list_index];
    int status = LS_OK;
    for (size_t row = 0; row < reading->batch.row_count && status == LS_OK; row++) {
        const ls_row *about = &reading->batch.rows[row];
        /* A row with a problem has no fields. */
        bool good = about->problem == LS_ROW_GOOD;
        ls_string id = {NULL, 0};
        if (good)
            id = ls_reading_field(reading, row, reading->id_field);
        if (!good) {
            status = ls_refuse_problem(reading, about, error);
        } else if (id.length == 0) {
            status = ls_refuse_row(reading, about, reading->id_field + 1,
                                   "id: expected an id, got nothing", error);
        } else {
            list->unknown += !mark_listed(reading->dataset, list, id);
        }
    }
    return status;
}
