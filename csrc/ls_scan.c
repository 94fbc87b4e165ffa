/* Working out a chunk. One column of some rows at a time, so that each loop is short, its tables
 * stay in the cache and look-ups overlap. Whatever is not certain is left over. */
#include "ls_scan.h"

#include "ls_cpu.h"

#define LS_SCAN_TARGET
#define LS_SCAN_NAME(name) name##_portable
#define LS_SCAN_FIND ls_known_find
#define LS_SCAN_CLOCK ls_event_clock
#define LS_SCAN_UUID ls_uuid_read
#include "ls_scan_block.h"

/* Pairs of slots for known texts: of all fields of a thread, and of one. */
#define MOST_PAIRS ((size_t)128 * 1024)
#define FIELD_PAIRS ((size_t)8192)
#define LEAST_PAIRS ((size_t)32)

typedef ls_scan_block block;

/* ---- memory ---------------------------------------------------------------------------------- */

int ls_chunk_init(ls_chunk *chunk, ls_context *context, size_t size, size_t stride, size_t columns,
                  bool identity)
{
    memset(chunk, 0, sizeof *chunk);
    chunk->size = size;
    chunk->row_capacity = size / stride + 1; /* each field has its end */
    chunk->column_count = columns;
    chunk->identity = identity;
    chunk->avx2 = ls_cpu_avx2(context);
    size_t rows = chunk->row_capacity;
    chunk->text = ls_allocate(context, ls_text_size(chunk->size));
    chunk->unquoted = ls_allocate(context, ls_text_size(chunk->size));
    chunk->marks = ls_allocate(context, ls_marks_size(chunk->size));
    chunk->contacts = ls_allocate(context, rows * sizeof *chunk->contacts);
    chunk->times = ls_allocate(context, rows * sizeof *chunk->times);
    chunk->names = ls_allocate(context, rows * sizeof *chunk->names);
    chunk->left = ls_allocate(context, rows * sizeof *chunk->left);
    /* Columns that the file lacks keep code 0: unknown. */
    chunk->codes = ls_allocate_zero(context, columns * rows + 1, sizeof *chunk->codes);
    chunk->identities = identity ? ls_allocate(context, rows * sizeof *chunk->identities) : NULL;
    if (chunk->text && chunk->unquoted && chunk->marks && chunk->contacts && chunk->times &&
        chunk->names && chunk->left && chunk->codes && (chunk->identities || !identity))
        return LS_OK;
    ls_chunk_free(chunk, context);
    return LS_ERROR_MEMORY;
}

void ls_chunk_free(ls_chunk *chunk, ls_context *context)
{
    size_t rows = chunk->row_capacity;
    ls_free(context, chunk->text, ls_text_size(chunk->size));
    ls_free(context, chunk->unquoted, ls_text_size(chunk->size));
    ls_free(context, chunk->marks, ls_marks_size(chunk->size));
    ls_free(context, chunk->contacts, rows * sizeof *chunk->contacts);
    ls_free(context, chunk->times, rows * sizeof *chunk->times);
    ls_free(context, chunk->names, rows * sizeof *chunk->names);
    ls_free(context, chunk->left, rows * sizeof *chunk->left);
    ls_free(context, chunk->codes, (chunk->column_count * rows + 1) * sizeof *chunk->codes);
    ls_free(context, chunk->identities, rows * sizeof *chunk->identities);
    memset(chunk, 0, sizeof *chunk);
}

static size_t coded_fields(const ls_reading *reading)
{
    size_t count = 0;
    for (size_t i = 0; i < reading->field_count; i++)
        count += reading->fields[i].kept || i == reading->event_index;
    return count;
}

int ls_scan_worker_init(ls_scan_worker *worker, const ls_reading *reading, size_t size)
{
    ls_context *context = reading->dataset->context;
    size_t most = MOST_PAIRS / (coded_fields(reading) + 1);
    memset(worker, 0, sizeof *worker);
    worker->field_count = reading->field_count;
    worker->pairs = LEAST_PAIRS;
    while (worker->pairs < FIELD_PAIRS && worker->pairs < size / 16 && worker->pairs < most)
        worker->pairs *= 2;
    worker->known = ls_allocate_zero(context, worker->field_count, sizeof *worker->known);
    int status = worker->known != NULL ? LS_OK : LS_ERROR_MEMORY;
    for (size_t i = 0; i < worker->field_count && status == LS_OK; i++)
        if (reading->fields[i].kept || i == reading->event_index)
            status = ls_known_init(&worker->known[i], context, worker->pairs);
    if (status != LS_OK)
        ls_scan_worker_free(worker, context);
    return status;
}

void ls_scan_worker_free(ls_scan_worker *worker, ls_context *context)
{
    for (size_t i = 0; i < worker->field_count && worker->known != NULL; i++)
        ls_known_free(&worker->known[i], context, worker->pairs);
    ls_free(context, worker->known, worker->field_count * sizeof *worker->known);
    worker->known = NULL;
}

/* ---- known texts ----------------------------------------------------------------------------- */

#define ONES_8 255, 255, 255, 255, 255, 255, 255, 255
const unsigned char ls_known_masks[2 * LS_LONGEST_KNOWN] = {ONES_8, ONES_8, ONES_8, ONES_8};

int ls_known_init(ls_known_texts *known, ls_context *context, size_t pairs)
{
    known->shift = 48;
    for (size_t left = pairs; left > 1; left /= 2)
        known->shift--;
    known->count = 1; /* the empty text */
    known->capacity = (uint32_t)pairs;
    known->words = ls_allocate_zero(context, pairs, sizeof *known->words);
    known->codes = ls_allocate_zero(context, pairs, sizeof *known->codes);
    known->pairs = ls_allocate_zero(context, pairs, sizeof *known->pairs);
    return known->words && known->codes && known->pairs ? LS_OK : LS_ERROR_MEMORY;
}

void ls_known_free(ls_known_texts *known, ls_context *context, size_t pairs)
{
    ls_free(context, known->words, pairs * sizeof *known->words);
    ls_free(context, known->codes, pairs * sizeof *known->codes);
    ls_free(context, known->pairs, pairs * sizeof *known->pairs);
    memset(known, 0, sizeof *known);
}

void ls_known_add(ls_known_texts *known, ls_string text, uint32_t code)
{
    uint64_t words[4];
    ls_known_words(text.text, text.length, words);
    uint64_t hash = ls_known_hash_words(words) >> known->shift, *pair = &known->pairs[hash >> 16];
    /* The first slot of all is the empty text's. */
    unsigned shift = pair == known->pairs || (uint32_t)*pair != 0 ? 32 : 0;
    if (known->count == known->capacity || (uint32_t)(*pair >> shift) != 0)
        return;
    memcpy(known->words[known->count], words, sizeof words);
    known->codes[known->count] = code;
    *pair |= ((uint64_t)known->count++ << 16 | (uint16_t)hash) << shift;
}

/* How many of some values are this one. */
static size_t count_value_portable(const uint32_t *values, size_t count, uint32_t value)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += values[i] == value;
    return found;
}

/* Goes down a column of the block. */
typedef struct cursor {
    const char *text;
    const uint32_t *mark;
    size_t stride;
} cursor;

LS_INLINE cursor cursor_of(const block *block, size_t field)
{
    const ls_chunk *chunk = block->chunk;
    return (cursor){chunk->text, chunk->marks + block->first * block->stride + field,
                    block->stride};
}

/* The next text, without its quotes; where it has doubled ones the row is left over. */
LS_INLINE ls_string next_text(cursor *cursor, uint8_t *left)
{
    uint32_t start = cursor->mark[0] + 1;
    ls_string text = {cursor->text + start, cursor->mark[1] - start};
    cursor->mark += cursor->stride;
    if (LS_UNLIKELY(text.text[0] == '"')) { /* the text of an empty field is its end */
        text = ls_unquoted(text);
        *left |= memchr(text.text, '"', text.length) != NULL ? LS_LEFT_FOR_ROW : 0;
    }
    return text;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Finds the codes of block->texts; LS_NO_CODE where there is none. In a large dictionary each look
 * waits for memory three times (a text may be in two lines): so all texts take each step together.
 */
static void find_texts(block *block, const ls_dictionary *dictionary, size_t count)
{
    const uint32_t mask = dictionary->slot_count - 1;
    const ls_string *texts = block->texts;
    uint32_t *hashes = block->hashes;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = ls_hash_text(dictionary, texts[i].text, texts[i].length);
        __builtin_prefetch(&dictionary->slots[hashes[i] & mask]);
    }
    for (size_t i = 0; i < count; i++)
        ls_dictionary_fetch(dictionary, hashes[i]);
    for (size_t i = 0; i < count; i++)
        block->codes[i] = ls_dictionary_seek(dictionary, texts[i].text, texts[i].length, hashes[i]);
}

/* ---- contacts and times ---------------------------------------------------------------------- */

/* Contacts whose ids are no small numbers: they are looked up by their texts. */
void ls_scan_find_others(ls_scan_block *block)
{
    const size_t count = block->others;
    const ls_dataset *dataset = block->reading->dataset;
    find_texts(block, &dataset->tables[LS_CONTACT].id.dictionary, count);
    uint32_t *contacts = block->chunk->contacts + block->first;
    for (size_t i = 0; i < count; i++)
        contacts[block->rows[i]] = block->codes[i] == LS_NO_CODE ? UINT32_MAX : block->codes[i] - 1;
}

void ls_scan_other_id(ls_scan_block *block, size_t i)
{
    ls_string id =
        ls_chunk_field(block->chunk, block->stride, block->first + i, block->reading->id_field);
    if (id.length != 0 && id.text[0] == '"') {
        id = ls_unquoted(id);
        block->left[i] |= memchr(id.text, '"', id.length) != NULL ? LS_LEFT_FOR_ROW : 0;
    }
    id = ls_trimmed(id);
    size_t value = ls_canonical_id(id), bound = block->reading->dataset->ingest->direct_count;
    if (value < bound && value < UINT32_MAX) {
        block->values[i] = (uint32_t)value;
        return;
    }
    block->left[i] |= id.length == 0 ? LS_LEFT_FOR_ROW : 0;
    block->texts[block->others] = id;
    block->rows[block->others] = (uint32_t)i;
    block->others += !block->left[i];
}

/* Times that are not in the usual form, or quoted. */
bool ls_scan_time(ls_scan_block *block, size_t i, int64_t *at)
{
    ls_string text =
        ls_chunk_field(block->chunk, block->stride, block->first + i, block->reading->at_field);
    if (text.length != 0 && text.text[0] == '"') {
        text = ls_unquoted(text);
        if (memchr(text.text, '"', text.length) != NULL)
            return false;
    }
    return ls_read_event_time(&block->worker->dates, text, at);
}

/* ---- names and properties -------------------------------------------------------------------- */

LS_INLINE uint8_t left_for(const ls_column *column, uint32_t code)
{
    return code == LS_NO_CODE                   ? LS_LEFT_FOR_TEXT
           : ls_column_unreadable(column, code) ? LS_LEFT_FOR_ROW
                                                : 0;
}

/* The inside of a short quoted field, its doubled quotes made one, in `out`; length 0: too long. */
static ls_string undouble_short(ls_string inside, char out[2 * LS_LONGEST_KNOWN])
{
    ls_string text = {out, 0};
    memset(out, 0, 2 * LS_LONGEST_KNOWN);
    for (size_t i = 0; i < inside.length && inside.length <= LS_LONGEST_KNOWN; i++) {
        out[text.length++] = inside.text[i];
        i += inside.text[i] == '"';
    }
    return text;
}

/* Any text. Its code is remembered unless it is to be looked at. */
uint32_t ls_scan_code_text(ls_scan_block *block, const ls_scan_coding *coding, size_t i)
{
    const ls_dictionary *dictionary = &coding->column->dictionary;
    const uint32_t *mark = coding->mark + i * block->stride;
    const uint32_t start = mark[0] + 1;
    char undoubled[2 * LS_LONGEST_KNOWN];
    ls_string field = {block->chunk->text + start, mark[1] - start}, text = field;
    bool doubled = false;
    if (text.length != 0 && text.text[0] == '"') {
        text = ls_unquoted(text);
        doubled = memchr(text.text, '"', text.length) != NULL;
        if (doubled)
            text = undouble_short(text, undoubled);
    }
    text = ls_trimmed(text);
    uint32_t code = 0;
    if (text.length != 0 && !ls_coder_reads_empty(coding->coder, text)) {
        if (coding->contacts && coding->contacts[i] == UINT32_MAX && !doubled)
            return 0;
        uint32_t hash = ls_hash_text(dictionary, text.text, text.length);
        code = ls_dictionary_seek(dictionary, text.text, text.length, hash);
    }
    uint8_t left = left_for(coding->column, code);
    if (doubled && (left != 0 || text.length == 0))
        left = LS_LEFT_FOR_ROW; /* such texts are added there only */
    if (left == 0 && field.length <= LS_LONGEST_KNOWN)
        ls_known_add(coding->known, field, code);
    block->left[i] |= left;
    return code;
}

static void code_large(block *block, const ls_scan_coding *coding)
{
    cursor texts = {block->chunk->text, coding->mark, block->stride};
    const uint32_t *contacts = coding->contacts;
    uint32_t *out = coding->out;
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        ls_string text = ls_trimmed(next_text(&texts, &block->left[i]));
        out[i] = 0;
        block->texts[count] = text;
        block->rows[count] = (uint32_t)i;
        count += text.length != 0 && (contacts == NULL || contacts[i] != UINT32_MAX) &&
                 !ls_coder_reads_empty(coding->coder, text);
    }
    find_texts(block, &coding->column->dictionary, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t code = block->codes[i];
        out[block->rows[i]] = code;
        block->left[block->rows[i]] |= left_for(coding->column, code);
    }
}

static void code_field(block *block, const ls_scan_loops *loops, size_t index,
                       const ls_column *column, const uint32_t *contacts, uint32_t *out)
{
    const ls_field *field = &block->reading->fields[index];
    const uint32_t *mark = block->chunk->marks + block->first * block->stride + field->place;
    const ls_scan_coding coding = {&field->coder, column, &block->worker->known[index],
                                   contacts,      mark,   out};
    (column->dictionary.count > LS_LARGE_DICTIONARY ? code_large : loops->code_known)(block,
                                                                                      &coding);
}

static void code_names(block *block, const ls_scan_loops *loops)
{
    uint32_t *names = block->chunk->names + block->first;
    const ls_column *column = &block->reading->dataset->events.event;
    const size_t count = block->count;
    code_field(block, loops, block->reading->event_index, column, NULL, names);
    size_t none = loops->count_value(names, count, 0);
    for (size_t i = 0; i < count && none != 0; i++)
        block->left[i] |= names[i] == 0 ? LS_LEFT_FOR_ROW : 0;
}

static void code_properties(block *block, const ls_scan_loops *loops)
{
    const ls_reading *reading = block->reading;
    ls_chunk *chunk = block->chunk;
    for (size_t i = 0; i < reading->field_count; i++) {
        size_t column = reading->fields[i].column;
        if (reading->fields[i].kept)
            code_field(block, loops, i, &reading->dataset->events.columns[column],
                       chunk->contacts + block->first,
                       chunk->codes + column * chunk->row_capacity + block->first);
    }
}

static void hash_identities(block *block)
{
    const ls_reading *reading = block->reading;
    const uint64_t seed = ls_event_id_seed(reading->dataset);
    cursor ids = cursor_of(block, reading->identity_field);
    for (size_t i = 0; i < block->count; i++) {
        uint64_t *identity = block->chunk->identities[block->first + i];
        ls_string id = ls_trimmed(next_text(&ids, &block->left[i]));
        identity[0] = identity[1] = 0;
        if (id.length != 0)
            ls_hash_identity(seed, id, identity);
    }
}

/* ---- the chunk ------------------------------------------------------------------------------- */

/* Lists what is left over, and counts what is of no known contact. */
static void sort_out(block *block, const ls_scan_loops *loops)
{
    ls_chunk *chunk = block->chunk;
    const uint32_t *const contacts = chunk->contacts + block->first;
    const size_t count = block->count;
    size_t unknown = loops->count_value(contacts, count, UINT32_MAX);
    uint64_t left = 0;
    for (size_t i = 0; i < count; i += sizeof left) /* past the count there are zeros */
        left |= ls_load_64((const char *)block->left + i);
    for (size_t i = 0; i < count && left != 0; i++) {
        bool row = (block->left[i] & LS_LEFT_FOR_ROW) != 0;
        chunk->left[chunk->left_count] = (uint32_t)(block->first + i) | (row ? LS_LEFT_ROW : 0);
        chunk->left_count += block->left[i] != 0;
        unknown -= row && contacts[i] == UINT32_MAX;
    }
    chunk->unknown_contacts += unknown;
}

/* The rows from `first` on. */
static void work_rows(block *block, const ls_scan_loops *loops, size_t first, size_t rows)
{
    const bool uuids = block->reading->dataset->ingest->uuids.slot_count != 0;
    for (block->first = first; block->first < rows; block->first += LS_SCAN_ROWS) {
        size_t rest = rows - block->first;
        block->count = rest < LS_SCAN_ROWS ? rest : LS_SCAN_ROWS;
        memset(block->left, 0, sizeof block->left);
        (uuids ? loops->read_uuids : loops->read_contacts)(block);
        loops->read_times(block);
        loops->find_contacts(block);
        if (uuids)
            loops->find_uuids(block);
        code_names(block, loops);
        code_properties(block, loops);
        if (block->chunk->identity)
            hash_identities(block);
        sort_out(block, loops);
    }
}

static const ls_scan_loops portable_loops = {read_contacts_portable, read_uuids_portable,
                                             find_uuids_portable,    read_times_portable,
                                             find_contacts_portable, code_known_portable,
                                             count_value_portable};

static const ls_scan_loops *loops_of(const ls_chunk *chunk)
{
#if defined(LS_HAS_AVX2_CODE)
    if (chunk->avx2)
        return &ls_scan_avx2;
#endif
    (void)chunk;
    return &portable_loops;
}

void ls_chunk_work(ls_chunk *chunk, const ls_reading *reading, ls_scan_worker *worker)
{
    const ls_scan_loops *loops = loops_of(chunk);
    block block;
    ls_cut cut;
    block.chunk = chunk;
    block.reading = reading;
    block.worker = worker;
    block.stride = reading->batch.stride;
    chunk->row_count = chunk->left_count = 0;
    chunk->unknown_contacts = 0;
    chunk->most = 0;
    ls_cut_begin(&cut, chunk);
    while (!cut.ended) {
        ls_cut_rows(&cut, chunk, block.stride, reading->csv.delimiter);
        work_rows(&block, loops, chunk->row_count, cut.row_count);
        chunk->row_count = cut.row_count;
    }
    chunk->used = (uint32_t)(chunk->marks[chunk->row_count * block.stride] + 1);
}

_Static_assert(LS_CODED_ROWS <= LS_SCAN_ROWS, "they are a block");

void ls_scan_code_rows(ls_chunk *chunk, const ls_reading *reading, ls_scan_worker *worker,
                       size_t field, const ls_column *column, size_t first, size_t count,
                       uint32_t *out)
{
    const size_t stride = reading->batch.stride;
    const uint32_t *mark = chunk->marks + first * stride + reading->fields[field].place;
    block block;
    block.chunk = chunk;
    block.reading = reading;
    block.worker = worker;
    block.first = first;
    block.count = count;
    block.stride = stride;
    memset(block.left, 0, sizeof block.left);
    const ls_scan_coding coding = {
        &reading->fields[field].coder, column, &worker->known[field], NULL, mark, out};
    loops_of(chunk)->code_known(&block, &coding);
    for (size_t i = 0; i < count; i++)
        if (LS_UNLIKELY(block.left[i] != 0))
            out[i] = LS_NO_CODE;
}
