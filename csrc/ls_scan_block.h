/* The loops over a block of rows, one column at a time, made for several kinds of processors: the
 * file that includes this says what they are called and compiled for. What is not as usual is left
 * to functions that are made once. */
#include "ls_scan.h"

#ifndef LS_SCAN_BLOCK_H
#define LS_SCAN_BLOCK_H

/* Rows that go through all columns before the next do. */
#define LS_SCAN_ROWS 256

#define LS_LEFT_FOR_TEXT 1 /* some text has no code yet */
#define LS_LEFT_FOR_ROW 2

typedef struct ls_scan_block {
    ls_chunk *chunk;
    const ls_reading *reading;
    ls_scan_worker *worker;
    size_t first, count, stride;
    size_t others;                 /* contacts that are looked up by their texts */
    bool direct;                   /* all have a direct path */
    uint8_t left[LS_SCAN_ROWS];    /* LS_LEFT_ bits */
    uint32_t values[LS_SCAN_ROWS]; /* where the contact is in the direct path */
    ls_string texts[LS_SCAN_ROWS];
    uint32_t hashes[LS_SCAN_ROWS];
    uint32_t rows[LS_SCAN_ROWS]; /* of the block: those whose texts and hashes these are */
    uint32_t codes[LS_SCAN_ROWS];
    size_t uuid_count;
    ls_uuid uuids[LS_SCAN_ROWS];
    uint32_t uuid_hashes[LS_SCAN_ROWS], uuid_rows[LS_SCAN_ROWS];
} ls_scan_block;

/* A field whose texts are coded. Rows whose text is new, or to be looked at, are left over. */
typedef struct ls_scan_coding {
    const ls_coder *coder;
    const ls_column *column;
    ls_known_texts *known;
    const uint32_t *contacts; /* rows of unknown contacts need no code; NULL: all do */
    const uint32_t *mark;     /* of the block's first row */
    uint32_t *out;
} ls_scan_coding;

/* Ids without a direct path are gathered for a look-up by their texts. */
void ls_scan_other_id(ls_scan_block *block, size_t i);
void ls_scan_find_others(ls_scan_block *block);
uint32_t ls_scan_code_text(ls_scan_block *block, const ls_scan_coding *coding, size_t i);
bool ls_scan_time(ls_scan_block *block, size_t i, int64_t *at);
#endif

/* Small decimals have a direct path to their contacts. */
LS_SCAN_TARGET static void LS_SCAN_NAME(read_contacts)(ls_scan_block *block)
{
    static const uint32_t least[9] = {0, 0, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    const uint64_t zeros = UINT64_C(0x3030303030303030), over = UINT64_C(0x7676767676767676);
    const struct ls_ingest *ingest = block->reading->dataset->ingest;
    const uint32_t *const direct = ingest->direct;
    const size_t count = block->count, stride = block->stride,
                 bound = ingest->direct_count < UINT32_MAX ? ingest->direct_count : UINT32_MAX;
    const char *const text = block->chunk->text;
    const uint32_t *mark = block->chunk->marks + block->first * stride + block->reading->id_field;
    uint32_t *const values = block->values;
    block->others = 0;
    block->direct = true;
    for (size_t i = 0; i < count; i++, mark += stride) {
        uint32_t start = mark[0] + 1;
        size_t length = mark[1] - start;
        uint64_t digits = (ls_load_64(text + start) ^ zeros) << (8 * (8 - length) & 63), value;
        uint64_t bad = ((digits + over) | digits) & UINT64_C(0x8080808080808080);
        digits = digits * 10 + (digits >> 8); /* pairs, then fours, then all eight */
        value = ((digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
                 ((digits >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
                32;
        /* No leading zero either. */
        if (LS_LIKELY(length - 1 < 8 && bad == 0) &&
            LS_LIKELY((uint32_t)value >= least[length] && (uint32_t)value < bound)) {
            values[i] = (uint32_t)value;
            __builtin_prefetch(&direct[(uint32_t)value]);
        } else {
            values[i] = UINT32_MAX;
            block->direct = false;
            ls_scan_other_id(block, i);
        }
    }
}

/* Where most contacts are UUIDs. */
LS_SCAN_TARGET static void LS_SCAN_NAME(read_uuids)(ls_scan_block *block)
{
    const ls_uuid_table table = block->reading->dataset->ingest->uuids;
    const size_t count = block->count, stride = block->stride;
    const char *const text = block->chunk->text;
    const uint32_t *mark = block->chunk->marks + block->first * stride + block->reading->id_field;
    size_t found = 0;
    block->others = 0;
    block->direct = false;
    for (size_t i = 0; i < count; i++, mark += stride) {
        uint32_t start = mark[0] + 1;
        ls_uuid uuid;
        block->values[i] = UINT32_MAX;
        if (LS_LIKELY(mark[1] - start == LS_UUID_LENGTH && LS_SCAN_UUID(text + start, &uuid))) {
            uint32_t hash = ls_uuid_hash(&table, uuid);
            block->uuids[found] = uuid;
            block->uuid_hashes[found] = hash;
            block->uuid_rows[found++] = (uint32_t)i;
            __builtin_prefetch(&table.slots[hash & (table.slot_count - 1)]);
        } else {
            ls_scan_other_id(block, i);
        }
    }
    block->uuid_count = found;
}

LS_SCAN_TARGET static void LS_SCAN_NAME(find_uuids)(ls_scan_block *block)
{
    const ls_uuid_table table = block->reading->dataset->ingest->uuids;
    uint32_t *const contacts = block->chunk->contacts + block->first;
    const size_t count = block->uuid_count;
    for (size_t i = 0; i < count; i++)
        contacts[block->uuid_rows[i]] =
            ls_uuid_find(&table, block->uuids[i], block->uuid_hashes[i]) - 1;
}

/* Most files are in the order of time: the date is that of the row before. */
LS_SCAN_TARGET static void LS_SCAN_NAME(read_times)(ls_scan_block *block)
{
    ls_chunk *chunk = block->chunk;
    ls_date_table *const dates = &block->worker->dates;
    int64_t *const times = chunk->times + block->first;
    const size_t count = block->count, stride = block->stride;
    const char *const texts = chunk->text;
    const uint32_t *mark = chunk->marks + block->first * stride + block->reading->at_field;
    uint64_t most = chunk->most;
    uint64_t head = 0, tail = 0; /* of that date: 11 bytes, with the one after it */
    int64_t start = 0;
    for (size_t i = 0; i < count; i++, mark += stride) {
        const char *const text = texts + (uint32_t)(mark[0] + 1);
        const size_t length = mark[1] - (uint32_t)(mark[0] + 1);
        const int64_t clock = LS_SCAN_CLOCK(text + 11);
        int64_t at = start + clock;
        if (LS_UNLIKELY(length != 19 || clock < 0 || ls_load_64(text) != head ||
                        ls_load_64(text + 3) != tail)) {
            if (LS_LIKELY(ls_read_usual_time(dates, text, length, clock, &at))) {
                head = ls_load_64(text);
                tail = ls_load_64(text + 3);
                start = at - clock;
            } else if (!ls_scan_time(block, i, &at)) {
                block->left[i] |= LS_LEFT_FOR_ROW;
            }
        }
        times[i] = at;
        uint64_t seconds = ls_event_seconds(at);
        most = seconds > most ? seconds : most;
    }
    chunk->most = most;
}

LS_SCAN_TARGET static void LS_SCAN_NAME(find_contacts)(ls_scan_block *block)
{
    const uint32_t *const direct = block->reading->dataset->ingest->direct, *const values =
                                                                                block->values;
    uint32_t *const contacts = block->chunk->contacts + block->first;
    const size_t count = block->count;
    if (block->direct) {
        for (size_t i = 0; i < count; i++)
            contacts[i] = direct[values[i]] - 1;
        return;
    }
    for (size_t i = 0; i < count && block->others < count; i++)
        contacts[i] = values[i] == UINT32_MAX ? UINT32_MAX : direct[values[i]] - 1;
    ls_scan_find_others(block);
}

/* Most texts are short and were seen before; the loop has nothing else in it. */
LS_SCAN_TARGET static void LS_SCAN_NAME(code_known)(ls_scan_block *block,
                                                    const ls_scan_coding *coding)
{
    const ls_known_texts known = *coding->known; /* copied: nothing in the loop moves it */
    const size_t count = block->count, stride = block->stride;
    const char *const text = block->chunk->text;
    const uint32_t *mark = coding->mark;
    uint32_t *const out = coding->out;
    for (size_t i = 0; i < count; i++, mark += stride) {
        uint32_t start = mark[0] + 1;
        size_t length = mark[1] - start;
        uint32_t code;
        if (LS_UNLIKELY(length > LS_LONGEST_KNOWN ||
                        !LS_SCAN_FIND(&known, text + start, length, &code)))
            code = ls_scan_code_text(block, coding, i);
        out[i] = code;
    }
}
