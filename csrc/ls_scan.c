/* Working out a chunk. One column of some rows at a time, so that each loop is short, its tables
 * stay in the cache and look-ups overlap. Whatever is not certain is left over. */
#include "ls_scan.h"

#include "ls_cpu.h"

/* Rows that go through all columns before the next do. */
#define BLOCK_ROWS 256
/* From so many texts on a dictionary does not fit the second-level cache, and its parts are fetched
 * ahead. */
#define LARGE_DICTIONARY 4096

#define LEFT_TEXT 1 /* some text has no code yet */
#define LEFT_ROW 2

typedef struct block {
    ls_chunk *chunk;
    const ls_reading *reading;
    size_t first, count, stride;
    uint8_t left[BLOCK_ROWS];    /* LEFT_ bits */
    uint32_t values[BLOCK_ROWS]; /* where the contact is in the direct path */
    ls_string texts[BLOCK_ROWS];
    uint32_t hashes[BLOCK_ROWS];
    uint32_t rows[BLOCK_ROWS]; /* of the block: those whose texts and hashes these are */
    uint32_t codes[BLOCK_ROWS];
} block;

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
    chunk->text = ls_allocate(context, chunk->size + LS_WINDOW_SLACK);
    chunk->unquoted = ls_allocate(context, chunk->size + LS_WINDOW_SLACK);
    chunk->marks = ls_allocate(context, (chunk->size + 65) * sizeof *chunk->marks);
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
    ls_free(context, chunk->text, chunk->size + LS_WINDOW_SLACK);
    ls_free(context, chunk->unquoted, chunk->size + LS_WINDOW_SLACK);
    ls_free(context, chunk->marks, (chunk->size + 65) * sizeof *chunk->marks);
    ls_free(context, chunk->contacts, rows * sizeof *chunk->contacts);
    ls_free(context, chunk->times, rows * sizeof *chunk->times);
    ls_free(context, chunk->names, rows * sizeof *chunk->names);
    ls_free(context, chunk->left, rows * sizeof *chunk->left);
    ls_free(context, chunk->codes, (chunk->column_count * rows + 1) * sizeof *chunk->codes);
    ls_free(context, chunk->identities, rows * sizeof *chunk->identities);
    memset(chunk, 0, sizeof *chunk);
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
        *left |= memchr(text.text, '"', text.length) != NULL ? LEFT_ROW : 0;
    }
    return text;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Finds the codes of block->texts; LS_NO_CODE where there is none. In a large dictionary each look
 * waits for memory three times: so all texts take each step together. */
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
        __builtin_prefetch(&dictionary->entries[dictionary->slots[hashes[i] & mask].code]);
    for (size_t i = 0; i < count; i++) {
        uint32_t code = dictionary->slots[hashes[i] & mask].code;
        if (texts[i].length > LS_LONGEST_KEY)
            __builtin_prefetch(dictionary->bytes + dictionary->entries[code].offset);
    }
    for (size_t i = 0; i < count; i++)
        block->codes[i] = ls_dictionary_seek(dictionary, texts[i].text, texts[i].length, hashes[i]);
}

/* ---- contacts and times ---------------------------------------------------------------------- */

/* Contacts whose ids are no small numbers: they are looked up by their texts. */
static void find_by_text(block *block, size_t count)
{
    const ls_dataset *dataset = block->reading->dataset;
    find_texts(block, &dataset->tables[LS_CONTACT].id.dictionary, count);
    uint32_t *contacts = block->chunk->contacts + block->first;
    for (size_t i = 0; i < count; i++)
        contacts[block->rows[i]] = block->codes[i] == LS_NO_CODE ? UINT32_MAX : block->codes[i] - 1;
}

/* What is done about times gives the contacts before time to come into the cache. */
static size_t read_contacts(block *block)
{
    const struct ls_ingest *ingest = block->reading->dataset->ingest;
    const uint32_t *const direct = ingest->direct;
    const size_t count = block->count,
                 bound = ingest->direct_count < UINT32_MAX ? ingest->direct_count : UINT32_MAX;
    cursor ids = cursor_of(block, block->reading->id_field);
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        ls_string id = next_text(&ids, &block->left[i]);
        size_t value = ls_canonical_id(id);
        if (LS_LIKELY(value < bound)) {
            block->values[i] = (uint32_t)value;
            __builtin_prefetch(&direct[value]);
            continue;
        }
        block->values[i] = UINT32_MAX;
        id = ls_trimmed(id);
        block->left[i] |= id.length == 0 ? LEFT_ROW : 0;
        block->texts[others] = id;
        block->rows[others] = (uint32_t)i;
        others += !block->left[i];
    }
    return others;
}

static void read_times(block *block)
{
    ls_chunk *chunk = block->chunk;
    int64_t *const times = chunk->times + block->first;
    const size_t count = block->count;
    cursor texts = cursor_of(block, block->reading->at_field);
    uint64_t most = 0; /* seconds since LS_EVENT_BASE; of times before it a huge number */
    for (size_t i = 0; i < count; i++) {
        int64_t at = LS_EVENT_BASE;
        if (LS_UNLIKELY(
                !ls_read_event_time(&chunk->dates, next_text(&texts, &block->left[i]), &at)))
            block->left[i] |= LEFT_ROW;
        times[i] = at;
        uint64_t seconds = (uint64_t)at - (uint64_t)LS_EVENT_BASE;
        most = seconds > most ? seconds : most;
    }
    chunk->wide |= most > UINT32_MAX;
}

static void find_contacts(block *block, size_t others)
{
    const uint32_t *direct = block->reading->dataset->ingest->direct;
    uint32_t *contacts = block->chunk->contacts + block->first;
    const size_t count = block->count;
    if (others < count)
        for (size_t i = 0; i < count; i++)
            contacts[i] =
                block->values[i] == UINT32_MAX ? UINT32_MAX : direct[block->values[i]] - 1;
    if (others != 0)
        find_by_text(block, others);
}

/* ---- names and properties -------------------------------------------------------------------- */

/* A field whose texts are coded. Rows whose text is new, or to be looked at, are left over. */
typedef struct coding {
    const ls_coder *coder;
    const ls_column *column;
    const uint32_t *contacts; /* rows of unknown contacts need no code; NULL: all do */
    cursor texts;
    uint32_t *out;
} coding;

LS_INLINE uint8_t left_for(const ls_column *column, uint32_t code)
{
    return code == LS_NO_CODE ? LEFT_TEXT : ls_column_unreadable(column, code) ? LEFT_ROW : 0;
}

/* Any text. */
static __attribute__((noinline)) uint32_t code_text(const coding *coding, size_t i, ls_string text,
                                                    uint8_t *left)
{
    const ls_dictionary *dictionary = &coding->column->dictionary;
    if (text.length != 0 && text.text[0] == '"') {
        text = ls_unquoted(text);
        *left |= memchr(text.text, '"', text.length) != NULL ? LEFT_ROW : 0;
    }
    text = ls_trimmed(text);
    if (text.length == 0 || ls_coder_reads_empty(coding->coder, text) ||
        (coding->contacts && coding->contacts[i] == UINT32_MAX))
        return 0;
    uint32_t hash = ls_hash_text(dictionary, text.text, text.length);
    uint32_t code = ls_dictionary_seek(dictionary, text.text, text.length, hash);
    *left |= left_for(coding->column, code);
    return code;
}

/* Most texts are plain and short and found at the first look; the loop has nothing else in it. */
static void code_small(block *block, const coding *coding)
{
    const ls_column *column = coding->column;
    const ls_dictionary dictionary = column->dictionary; /* copied: nothing in the loop moves it */
    const uint32_t mask = dictionary.slot_count - 1;
    const uint64_t unknown =
        column->unreadable_count != 0 ? UINT64_MAX : coding->coder->unknown_lengths;
    const size_t count = block->count, stride = coding->texts.stride;
    const char *const start = coding->texts.text;
    const uint32_t *mark = coding->texts.mark;
    uint32_t *const out = coding->out;
    for (size_t i = 0; i < count; i++, mark += stride) {
        const char *text = start + (uint32_t)(mark[0] + 1);
        size_t length = mark[1] - (uint32_t)(mark[0] + 1);
        /* Of an empty field the first byte is what ends it. */
        if (LS_LIKELY(length - 1 < LS_LONGEST_KEY && text[0] > '"' && text[length - 1] > ' ' &&
                      (unknown >> length & 1) == 0)) {
            ls_text_key key = ls_text_key_of(text, length);
            uint32_t hash = ls_hash_key(&dictionary, &key, text, length);
            /* Nearly all are in one of two slots; which of them cannot be foreseen: no branch. */
            const struct ls_slot *slot = &dictionary.slots[hash & mask],
                                 *after = &dictionary.slots[(hash + 1) & mask];
            slot += (size_t)(slot->hash != hash) * (size_t)(after - slot);
            out[i] = slot->code;
            if (LS_LIKELY(slot->hash == hash && slot->code != 0 &&
                          ls_dictionary_holds(&dictionary, slot->code, &key, text, length)))
                continue;
        }
        out[i] = code_text(coding, i, (ls_string){text, length}, &block->left[i]);
    }
}

static void code_large(block *block, const coding *coding)
{
    cursor texts = coding->texts;
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

static void code_field(block *block, size_t index, const ls_column *column,
                       const uint32_t *contacts, uint32_t *out)
{
    const ls_field *field = &block->reading->fields[index];
    const coding coding = {&field->coder, column, contacts, cursor_of(block, field->place), out};
    (column->dictionary.count > LARGE_DICTIONARY ? code_large : code_small)(block, &coding);
}

static void code_names(block *block)
{
    uint32_t *names = block->chunk->names + block->first;
    const ls_column *column = &block->reading->dataset->events.event;
    const size_t count = block->count;
    code_field(block, block->reading->event_index, column, NULL, names);
    for (size_t i = 0; i < count; i++)
        block->left[i] |= names[i] == 0 ? LEFT_ROW : 0;
}

static void code_properties(block *block)
{
    const ls_reading *reading = block->reading;
    ls_chunk *chunk = block->chunk;
    for (size_t i = 0; i < reading->field_count; i++) {
        size_t column = reading->fields[i].column;
        if (reading->fields[i].kept)
            code_field(block, i, &reading->dataset->events.columns[column],
                       chunk->contacts + block->first,
                       chunk->codes + column * chunk->row_capacity + block->first);
    }
}

static void hash_identities(block *block)
{
    const ls_reading *reading = block->reading;
    cursor ids = cursor_of(block, reading->identity_field);
    for (size_t i = 0; i < block->count; i++) {
        uint64_t *identity = block->chunk->identities[block->first + i];
        ls_string id = ls_trimmed(next_text(&ids, &block->left[i]));
        identity[0] = identity[1] = 0;
        if (id.length != 0)
            ls_hash_identity(reading->dataset->seed, id, identity);
    }
}

/* ---- the chunk ------------------------------------------------------------------------------- */

/* Lists what is left over, and counts what is of no known contact. */
static void sort_out(block *block)
{
    ls_chunk *chunk = block->chunk;
    const uint32_t *const contacts = chunk->contacts + block->first;
    const size_t count = block->count;
    size_t unknown = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        unknown += contacts[i] == UINT32_MAX;
        left += block->left[i] != 0;
    }
    for (size_t i = 0; i < count && left != 0; i++) {
        bool row = (block->left[i] & LEFT_ROW) != 0;
        chunk->left[chunk->left_count] = (uint32_t)(block->first + i) | (row ? LS_LEFT_ROW : 0);
        chunk->left_count += block->left[i] != 0;
        unknown -= row && contacts[i] == UINT32_MAX;
    }
    chunk->unknown_contacts += unknown;
}

/* The rows from `first` on. */
static void work_rows(block *block, size_t first, size_t rows)
{
    for (block->first = first; block->first < rows; block->first += BLOCK_ROWS) {
        size_t rest = rows - block->first;
        block->count = rest < BLOCK_ROWS ? rest : BLOCK_ROWS;
        memset(block->left, 0, block->count * sizeof *block->left);
        size_t others = read_contacts(block);
        read_times(block);
        find_contacts(block, others);
        code_names(block);
        code_properties(block);
        if (block->chunk->identity)
            hash_identities(block);
        sort_out(block);
    }
}

void ls_chunk_work(ls_chunk *chunk, const ls_reading *reading)
{
    block block;
    ls_cut cut;
    block.chunk = chunk;
    block.reading = reading;
    block.stride = reading->batch.stride;
    chunk->row_count = chunk->left_count = 0;
    chunk->unknown_contacts = 0;
    chunk->wide = false;
    ls_cut_begin(&cut, chunk);
    while (!cut.ended) {
        ls_cut_rows(&cut, chunk, block.stride, reading->csv.delimiter);
        work_rows(&block, chunk->row_count, cut.row_count);
        chunk->row_count = cut.row_count;
    }
    chunk->used = (uint32_t)(chunk->marks[chunk->row_count * block.stride] + 1);
}
