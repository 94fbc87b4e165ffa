/* Taking the plain rows of a set: ids, then a column at a time. Rows go through in blocks, so that
 * look-ups wait for memory together. What was appended when room ran out stays: taking the same
 * block again finds it. */
#include "ls_record_scan.h"

/* Texts of one column of a block. */
typedef struct texts {
    size_t count;
    ls_string texts[LS_CODED_ROWS]; /* length 0: code 0 */
    uint32_t hashes[LS_CODED_ROWS];
    size_t values[LS_CODED_ROWS]; /* of ids that are canonical decimals; SIZE_MAX: of others */
} texts;

/* Rows of one chunk. */
typedef struct rows {
    ls_chunk *chunk;
    size_t stride, first, count;
} rows;

void ls_record_cut(const ls_record_tools *tools, ls_chunk *chunk)
{
    const size_t stride = tools->reading->batch.stride;
    ls_cut cut;
    ls_cut_begin(&cut, chunk);
    while (!cut.ended)
        ls_cut_rows(&cut, chunk, stride, tools->reading->csv.delimiter);
    chunk->row_count = cut.row_count;
    chunk->used = (uint32_t)(chunk->marks[cut.row_count * stride] + 1);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The inside of a quoted field, a doubled quote made one: copied to where *scratch is. */
static ls_string undouble(ls_string inside, char **scratch)
{
    ls_string out = {*scratch, 0};
    for (size_t i = 0; i < inside.length; i++) {
        (*scratch)[out.length++] = inside.text[i];
        i += inside.text[i] == '"';
    }
    *scratch += out.length;
    return out;
}

LS_INLINE ls_string text_of(const rows *rows, size_t i, size_t place, char **scratch)
{
    ls_string text = ls_chunk_field(rows->chunk, rows->stride, rows->first + i, place);
    if (LS_UNLIKELY(text.text[0] == '"')) { /* the text of an empty field is its end */
        text = ls_unquoted(text);
        if (memchr(text.text, '"', text.length) != NULL)
            text = undouble(text, scratch);
    }
    return ls_trimmed(text);
}

/* Hashes a text, and fetches the slot where it may be. */
LS_INLINE void hash_text(texts *texts, const ls_dictionary *dictionary, ls_string text)
{
    const size_t i = texts->count++;
    texts->texts[i] = text;
    if (text.length == 0)
        return;
    texts->hashes[i] = ls_hash_text(dictionary, text.text, text.length);
    __builtin_prefetch(&dictionary->slots[texts->hashes[i] & (dictionary->slot_count - 1)], 1);
}

/* Fetches what looking up leads to; most texts of some columns are new. */
static void fetch_texts(const texts *texts, const ls_dictionary *dictionary)
{
    const uint32_t mask = dictionary->slot_count - 1;
    for (size_t i = 0; i < texts->count; i++)
        if (texts->texts[i].length != 0 &&
            dictionary->slots[texts->hashes[i] & mask].hash == texts->hashes[i])
            ls_dictionary_fetch(dictionary, texts->hashes[i]);
}

static bool learn_month(const char *text, struct ls_month_slot *slot)
{
    char date[10];
    int64_t last;
    memcpy(date, text, 8);
    date[8] = '0';
    date[9] = '1';
    if (text[4] != '-' || text[7] != '-' || !ls_time_read(date, sizeof date, &slot->start, NULL))
        return false;
    for (slot->days = 31; slot->days > 28; slot->days--) {
        date[8] = (char)('0' + slot->days / 10);
        date[9] = (char)('0' + slot->days % 10);
        if (ls_time_read(date, sizeof date, &last, NULL))
            break;
    }
    slot->text = ls_load_64(text);
    return true;
}

/* The usual form, as events' times have; those of records are of few months, but many days. */
LS_INLINE bool read_moment(ls_month_table *months, ls_string text, int64_t *at)
{
    if ((text.length != 19 && (text.length != 20 || text.text[19] != 'Z')) ||
        (text.text[10] != ' ' && text.text[10] != 'T'))
        return false;
    const uint64_t month = ls_load_64(text.text);
    const int64_t clock = ls_event_clock(text.text + 11);
    const unsigned place = ((unsigned)text.text[3] & 15) * 16 +
                           (((unsigned)text.text[5] & 1) * 10 + ((unsigned)text.text[6] & 15)) % 16;
    struct ls_month_slot *slot = &months->slots[place];
    const unsigned tens = (unsigned char)text.text[8] - (unsigned)'0',
                   ones = (unsigned char)text.text[9] - (unsigned)'0', day = 10 * tens + ones - 1;
    if (clock < 0 || tens > 9 || ones > 9 ||
        (LS_UNLIKELY(slot->text != month) && !learn_month(text.text, slot)) || day >= slot->days)
        return false;
    *at = slot->start + (int64_t)day * LS_DAY + clock;
    return true;
}

/* The same as ls_column_note, of what most texts are: of the row after the last one that was new, a
 * time in the usual form. */
LS_INLINE int note_text(ls_context *context, ls_column *column, uint32_t code,
                        const ls_place *place, ls_string text, ls_month_table *months)
{
    ls_place_run *last = column->place_count != 0 ? &column->places[column->place_count - 1] : NULL;
    int64_t at;
    if (last == NULL || code != last->code + last->count ||
        place->line != last->first.line + last->count || place->source != last->first.source ||
        place->field != last->first.field)
        return ls_column_note(context, column, code, place);
    last->count++;
    if (column->types == 1u << LS_DATETIME && code == column->moment_count &&
        code < column->moment_capacity && read_moment(months, text, &at)) {
        column->moments[column->moment_count++] = at;
        return LS_OK;
    }
    return column->types <= 1u << LS_TEXT ? LS_OK : ls_column_check(context, column, code);
}

/* All or nothing. value: where the text has a direct path, else SIZE_MAX. */
LS_INLINE int append_text(ls_context *context, ls_column *column, ls_string text, uint32_t hash,
                          size_t value, const ls_place *place, ls_month_table *months,
                          uint32_t *code)
{
    ls_dictionary *dictionary = &column->dictionary;
    const size_t slots = value == SIZE_MAX;
    if (LS_UNLIKELY(!ls_dictionary_has_room_for(dictionary, 1, slots, text.length)) &&
        (context == NULL || text.length > UINT32_MAX ||
         ls_dictionary_reserve(dictionary, 1, slots, text.length) != LS_OK))
        return LS_ERROR_MEMORY;
    *code = ls_dictionary_put(dictionary, text.text, text.length, hash, value);
    int status = note_text(context, column, *code, place, text, months);
    if (LS_UNLIKELY(status != LS_OK))
        ls_dictionary_drop(dictionary, hash);
    return status;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* The next rows of the set that are to be taken; none at its end. */
static rows next_rows(const ls_record_tools *tools, ls_record_set *set, ls_record_work *work)
{
    rows rows = {NULL, tools->reading->batch.stride, work->row, 0};
    while (work->chunk < set->count && work->row == set->chunks[work->chunk].row_count) {
        work->chunk++;
        rows.first = work->row = 0;
    }
    if (work->chunk == set->count)
        return rows;
    rows.chunk = &set->chunks[work->chunk];
    size_t left = rows.chunk->row_count - work->row;
    rows.count = left < LS_CODED_ROWS ? left : LS_CODED_ROWS;
    return rows;
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* The set ends before this row. */
static void end_set(ls_record_set *set, size_t chunk, size_t row, size_t stride)
{
    ls_chunk *last = &set->chunks[chunk];
    last->row_count = row;
    last->used = (uint32_t)(last->marks[row * stride] + 1);
    set->count = chunk + 1;
}

/* Reads ids up to one that is empty. */
static void read_ids(const ls_record_tools *tools, const rows *rows, const ls_dictionary *ids,
                     texts *texts, char *scratch)
{
    texts->count = 0;
    while (texts->count < rows->count) {
        ls_string id = text_of(rows, texts->count, tools->reading->id_field, &scratch);
        if (id.length == 0)
            return;
        const size_t value = ids->takes_numbers ? ls_canonical_id(id) : SIZE_MAX;
        texts->values[texts->count] = value;
        texts->hashes[texts->count] = 0;
        if (value < ids->number_count)
            texts->texts[texts->count++] = id;
        else
            hash_text(texts, ids, id);
    }
}

/* Adds an id; *is_new: it was not there. */
static int append_id(ls_context *context, ls_column *column, ls_string id, uint32_t hash,
                     size_t value, const ls_place *place, bool *is_new, ls_month_table *months)
{
    ls_dictionary *ids = &column->dictionary;
    uint32_t code;
    if (!ls_dictionary_takes(ids, value)) {
        ids->has_strays = ids->has_strays || (ids->takes_numbers && value != SIZE_MAX);
        *is_new = ls_dictionary_seek_id(ids, id.text, id.length, hash) == LS_NO_CODE;
        value = SIZE_MAX;
    } else {
        if (LS_UNLIKELY(value >= ids->number_count) &&
            (context == NULL || ls_dictionary_reserve_numbers(ids, value + 1) != LS_OK))
            return LS_ERROR_MEMORY;
        *is_new = ids->numbers[value] == 0;
    }
    return *is_new ? append_text(context, column, id, hash, value, place, months, &code) : LS_OK;
}

/* Adds ids as far as they are new; *count: how many. */
static int append_ids(const ls_record_tools *tools, const rows *rows, const texts *texts,
                      ls_context *context, ls_record_worker *worker, size_t *count)
{
    const ls_reading *reading = tools->reading;
    ls_column *column = &reading->dataset->tables[reading->object].id;
    ls_place place = {reading->source, (uint32_t)(reading->id_field + 1), 0};
    bool is_new;
    for (*count = 0; *count < texts->count; ++*count) {
        place.line = rows->chunk->line + rows->first + *count;
        int status = append_id(context, column, texts->texts[*count], texts->hashes[*count],
                               texts->values[*count], &place, &is_new, &worker->months);
        if (status != LS_OK || !is_new)
            return status;
    }
    return LS_OK;
}

int ls_record_add_ids(const ls_record_tools *tools, ls_record_set *set, ls_context *context,
                      ls_record_worker *worker)
{
    const ls_dictionary *ids =
        &tools->reading->dataset->tables[tools->reading->object].id.dictionary;
    ls_record_work *work = &set->ids;
    texts texts;
    for (;;) {
        const rows rows = next_rows(tools, set, work);
        size_t count;
        if (rows.count == 0)
            break;
        read_ids(tools, &rows, ids, &texts, worker->scratch);
        int status = append_ids(tools, &rows, &texts, context, worker, &count);
        work->row += count;
        if (status != LS_OK)
            return status;
        if (count < rows.count) {
            end_set(set, work->chunk, work->row, rows.stride);
            break;
        }
    }
    work->done = true;
    return LS_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* Where most texts are of few: what is new is left to be added. */
static int code_few(const ls_record_tools *tools, const rows *rows, size_t index, ls_column *column,
                    ls_context *context, ls_record_worker *worker, uint32_t *out)
{
    const ls_reading *reading = tools->reading;
    const ls_field *field = &reading->fields[index];
    ls_place place = {field->coder.source, field->coder.field, 0};
    int status = LS_OK;
    ls_scan_code_rows(rows->chunk, reading, tools->known, index, column, rows->first, rows->count,
                      out);
    for (size_t i = 0; i < rows->count && status == LS_OK; i++) {
        if (LS_LIKELY(out[i] != LS_NO_CODE))
            continue;
        char *room = worker->scratch;
        ls_string text = text_of(rows, i, field->place, &room);
        out[i] = 0;
        if (text.length == 0 || ls_coder_reads_empty(&field->coder, text))
            continue;
        uint32_t hash = ls_hash_text(&column->dictionary, text.text, text.length);
        out[i] = ls_dictionary_seek(&column->dictionary, text.text, text.length, hash);
        place.line = rows->chunk->line + rows->first + i;
        if (out[i] == LS_NO_CODE)
            status = append_text(context, column, text, hash, SIZE_MAX, &place, &worker->months,
                                 &out[i]);
    }
    return status;
}

static int code_many(const ls_record_tools *tools, const rows *rows, size_t index,
                     ls_column *column, ls_context *context, ls_record_worker *worker,
                     uint32_t *out)
{
    const ls_field *field = &tools->reading->fields[index];
    ls_place place = {field->coder.source, field->coder.field, 0};
    ls_dictionary *dictionary = &column->dictionary;
    char *room = worker->scratch;
    texts texts;
    texts.count = 0;
    while (texts.count < rows->count) {
        ls_string text = text_of(rows, texts.count, field->place, &room);
        if (ls_coder_reads_empty(&field->coder, text))
            text.length = 0;
        hash_text(&texts, dictionary, text);
    }
    fetch_texts(&texts, dictionary);
    int status = LS_OK;
    for (size_t i = 0; i < rows->count && status == LS_OK; i++) {
        const ls_string text = texts.texts[i];
        const uint32_t hash = texts.hashes[i];
        out[i] = 0;
        if (text.length == 0)
            continue;
        out[i] = ls_dictionary_seek(dictionary, text.text, text.length, hash);
        place.line = rows->chunk->line + rows->first + i;
        if (out[i] == LS_NO_CODE)
            status = append_text(context, column, text, hash, SIZE_MAX, &place, &worker->months,
                                 &out[i]);
    }
    return status;
}

int ls_record_code_field(const ls_record_tools *tools, ls_record_set *set, size_t field,
                         ls_context *context, ls_record_worker *worker)
{
    const ls_reading *reading = tools->reading;
    ls_column *column =
        &reading->dataset->tables[reading->object].columns[reading->fields[field].column];
    ls_record_work *work = &set->fields[field];
    uint32_t codes[LS_CODED_ROWS];
    for (;;) {
        const rows rows = next_rows(tools, set, work);
        if (rows.count == 0)
            break;
        const bool few = column->dictionary.count <= LS_LARGE_DICTIONARY;
        int status =
            (few ? code_few : code_many)(tools, &rows, field, column, context, worker, codes);
        if (status == LS_OK)
            status = ls_column_extend(context, column, codes, rows.count);
        if (status != LS_OK)
            return status;
        work->row += rows.count;
    }
    work->done = true;
    return LS_OK;
}

/* ---- room ------------------------------------------------------------------------------------ */

/* A column has room for `texts` more, or gets it: then for as many as it has, but no more than the
 * file may have. */
typedef struct wanted {
    size_t texts, most;
} wanted;

static size_t with_slack(size_t count)
{
    return count + count / 64 + 16;
}

LS_INLINE size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void reserve_moments(ls_column *column, size_t before, size_t more)
{
    ls_context *context = column->dictionary.context;
    const size_t size = sizeof *column->moments;
    if (column->moments == NULL || before + more <= column->moment_capacity ||
        ls_grow(context, &column->moments, &column->moment_capacity, before + more, size) != LS_OK)
        return;
    ls_populate(context, column->moments, column->moment_capacity * size, before * size,
                (before + more) * size);
}

/* Most numbers come one after another. */
static void reserve_numbers(ls_dictionary *dictionary, size_t more)
{
    const size_t size = sizeof *dictionary->numbers, end = dictionary->number_end;
    if (!ls_dictionary_takes(dictionary, end + more) ||
        ls_dictionary_reserve_numbers(dictionary, end + more) != LS_OK)
        return;
    ls_populate(dictionary->context, dictionary->numbers, dictionary->number_count * size,
                end * size, (end + more) * size);
}

/* Texts are about as long as those before them. */
static void reserve_texts(ls_column *column, wanted wanted)
{
    ls_dictionary *dictionary = &column->dictionary;
    ls_context *context = dictionary->context;
    const size_t count = dictionary->count, size = sizeof *dictionary->starts;
    const size_t length = dictionary->byte_count / count + 1;
    const bool numbers = dictionary->numbered > count / 2;
    const size_t slots = numbers ? 0 : wanted.texts;
    if (ls_dictionary_has_room_for(dictionary, wanted.texts, slots, wanted.texts * length))
        return;
    size_t more = least_of(count, wanted.most);
    more = more < wanted.texts ? wanted.texts : more;
    const size_t bytes = with_slack(more * dictionary->byte_count / count);
    if (ls_dictionary_reserve(dictionary, more, numbers ? 0 : more, bytes) != LS_OK)
        return;
    if (numbers)
        reserve_numbers(dictionary, more);
    if (wanted.most == 0)
        return;
    ls_populate(context, dictionary->starts, dictionary->start_capacity * size, count * size,
                (count + more) * size);
    ls_populate(context, dictionary->bytes, dictionary->byte_capacity, dictionary->byte_count,
                dictionary->byte_count + bytes);
    reserve_moments(column, count, more);
}

static void reserve_places(ls_column *column, size_t places)
{
    (void)ls_grow(column->dictionary.context, &column->places, &column->place_capacity,
                  column->place_count + places, sizeof *column->places);
}

void ls_record_reserve_ids(const ls_record_tools *tools, const ls_record_set *set)
{
    const ls_reading *reading = tools->reading;
    ls_column *column = &reading->dataset->tables[reading->object].id;
    size_t rows = 0;
    for (size_t i = 0; i < set->count; i++)
        rows += set->chunks[i].row_count;
    reserve_texts(column, (wanted){rows, tools->rows_left != 0 ? tools->rows_left + rows : 0});
    reserve_places(column, set->count);
}

/* Room for codes of the rows, and of as many as there are before them. */
static void reserve_codes(ls_column *column, size_t rows, size_t rows_left)
{
    ls_context *context = column->dictionary.context;
    const size_t before = column->count * column->width;
    if (before + rows * column->width <= column->capacity)
        return;
    size_t more = least_of(column->count, rows_left != 0 ? rows_left + rows : 0);
    more = more < rows ? rows : more;
    if (ls_column_reserve(context, column, column->count + more, column->dictionary.count - 1) ==
            LS_OK &&
        rows_left != 0)
        ls_populate(context, column->codes, column->capacity, before,
                    before + more * column->width);
}

void ls_record_reserve_field(const ls_record_tools *tools, const ls_record_set *set, size_t field)
{
    const ls_reading *reading = tools->reading;
    ls_column *column =
        &reading->dataset->tables[reading->object].columns[reading->fields[field].column];
    ls_record_growth *growth = &tools->growth[field];
    const size_t rows = set->row_count, texts = column->dictionary.count - growth->texts,
                 places = column->place_count - growth->places;
    /* Half as many more than were new in the set before. */
    if (growth->rows != 0 && texts != 0) {
        const size_t more = least_of(texts + texts / 2, rows);
        size_t most = 0;
        if (texts > growth->rows / 2)
            most = more + (size_t)((double)texts / (double)growth->rows * (double)tools->rows_left);
        reserve_texts(column, (wanted){more, tools->rows_left != 0 ? most : 0});
        reserve_places(column, least_of(places + places / 2 + 1, rows));
    }
    *growth = (ls_record_growth){column->dictionary.count, column->place_count, rows};
    reserve_codes(column, rows, tools->rows_left);
}

/* ---- what cannot be read --------------------------------------------------------------------- */

/* Lists the cells of the row that becomes row `record` of its table. */
static int check_row(ls_reading *reading, const ls_row *row, size_t record, ls_error *error)
{
    const ls_table *table = &reading->dataset->tables[reading->object];
    int status =
        ls_check_cell(reading, row, reading->id_field, &table->id, (uint32_t)record + 1, error);
    for (size_t f = 0; f < reading->field_count && status == LS_OK; f++) {
        const ls_field *field = &reading->fields[f];
        uint32_t code = field->kept ? ls_column_code(&table->columns[field->column], record) : 0;
        if (code != 0)
            status = ls_check_cell(reading, row, field->place, &table->columns[field->column], code,
                                   error);
    }
    return status;
}

static ls_row row_of(const ls_chunk *chunk, size_t stride, size_t row)
{
    const uint32_t *mark = chunk->marks + row * stride;
    const uint32_t start = mark[0] + 1;
    size_t length = mark[stride] - start;
    length -= length != 0 && chunk->text[start + length - 1] == '\r';
    return (ls_row){.text = chunk->text + start,
                    .length = (uint32_t)length,
                    .problem = LS_ROW_GOOD,
                    .line = chunk->line + row};
}

int ls_record_check(const ls_record_tools *tools, const ls_record_set *set, ls_error *error)
{
    ls_reading *reading = tools->reading;
    size_t record = reading->dataset->tables[reading->object].count;
    int status = LS_OK;
    if (!ls_any_unreadable(reading))
        return LS_OK;
    for (size_t i = 0; i < set->count; i++) {
        const ls_chunk *chunk = &set->chunks[i];
        for (size_t row = 0; row < chunk->row_count && status == LS_OK; row++) {
            const ls_row about = row_of(chunk, reading->batch.stride, row);
            status = check_row(reading, &about, record++, error);
        }
    }
    return status;
}
