/* Filters over the rows of a block: leaf by leaf, each for all rows, instead of row by row. What
 * has no columns (other scores, associated records) is asked row by row, as ls_kernel_ask does. */
#include "ls_block_filter.h"

#include "ls_block_settle.h"

size_t ls_block_filter_depth(const ls_filter *filter)
{
    size_t most = 0;
    for (size_t i = 0; filter->kind <= LS_FILTER_NONE && i < filter->count; i++) {
        size_t depth = ls_block_filter_depth(&filter->children[i]);
        most = depth > most ? depth : most;
    }
    return most + 1;
}

static uint8_t column_truth(ls_truth truth)
{
    return truth == LS_TRUE    ? LS_COLUMN_TRUE
           : truth == LS_FALSE ? LS_COLUMN_FALSE
                               : LS_COLUMN_UNKNOWN;
}

/* Codes of one width; 0: there is no column. */
LS_INLINE void ask_codes(const ls_property_table *table, const unsigned char *records,
                         const void *codes, unsigned width, size_t rows, uint8_t *restrict out)
{
    static const uint8_t truths[] = {LS_COLUMN_FALSE, LS_COLUMN_TRUE, LS_COLUMN_UNKNOWN};
    const uint32_t *restrict classes = table->classes;
    const size_t size = table->record_size;
    for (size_t i = 0; i < rows; i++) {
        uint32_t code = width == 1   ? ((const uint8_t *)codes)[i]
                        : width == 2 ? ((const uint16_t *)codes)[i]
                        : width == 4 ? ((const uint32_t *)codes)[i]
                                     : 0;
        out[i] = truths[records[classes[code] * size]];
    }
}

static void ask_property(const ls_block_question *question, const ls_filter *leaf, uint8_t *out)
{
    const ls_binding *binding = question->block->binding;
    const ls_property_table *table = &binding->tables[leaf->property];
    const ls_column *column = table->column;
    const unsigned char *records = table->records + binding->atom_place[leaf->atom];
    const unsigned width = column ? column->width : 0;
    const void *codes = width ? (const char *)column->codes + question->first * width : NULL;
    if (column && width == 0) { /* ids: their codes are their rows */
        static const uint8_t truths[] = {LS_COLUMN_FALSE, LS_COLUMN_TRUE, LS_COLUMN_UNKNOWN};
        for (size_t i = 0; i < question->rows; i++) {
            uint32_t class = ls_table_class(table, question->first + i);
            out[i] = truths[records[class * table->record_size]];
        }
    } else if (width == 0) {
        ask_codes(table, records, codes, 0, question->rows, out);
    } else if (width == 1) {
        ask_codes(table, records, codes, 1, question->rows, out);
    } else if (width == 2) {
        ask_codes(table, records, codes, 2, question->rows, out);
    } else {
        ask_codes(table, records, codes, 4, question->rows, out);
    }
}

static void ask_did(const ls_block_question *question, const ls_filter *leaf, uint8_t *out)
{
    const int64_t *counts = ls_block_column(question->memory->counts, leaf->did->index);
    if (leaf->did->times_count == 1) {
        const int64_t least = leaf->did->times[0].min, most = leaf->did->times[0].max;
        const uint8_t yes = leaf->negate ? LS_COLUMN_FALSE : LS_COLUMN_TRUE;
        const uint8_t no = leaf->negate ? LS_COLUMN_TRUE : LS_COLUMN_FALSE;
        for (size_t i = 0; i < question->rows; i++) {
            out[i] = ((counts[i] >= least) & (counts[i] <= most)) ? yes : no;
        }
        return;
    }
    for (size_t i = 0; i < question->rows; i++) {
        bool did = ls_times_fit(leaf->did, counts[i]) != NULL;
        out[i] = did != leaf->negate ? LS_COLUMN_TRUE : LS_COLUMN_FALSE;
    }
}

static void ask_rows(const ls_block_question *question, const ls_filter *leaf, uint8_t *out)
{
    ls_record record = {
        question->block->binding, question->columns, NULL, question->scratch, LS_CONTACT,
        question->first,          question->first,   true};
    for (size_t i = 0; i < question->rows; i++, record.place = ++record.row) {
        out[i] = column_truth(ls_kernel_ask(&record, leaf));
    }
}

/* Truths of sixteen rows at a time: false is the least, true the most. */
typedef uint8_t truths __attribute__((vector_size(16)));

static void take_least(uint8_t *restrict out, const uint8_t *restrict child)
{
    for (size_t k = 0; k < LS_BLOCK_ROWS; k += sizeof(truths)) {
        truths a, b;
        memcpy(&a, out + k, sizeof a);
        memcpy(&b, child + k, sizeof b);
        truths less = (truths)(b < a);
        a = (b & less) | (a & ~less);
        memcpy(out + k, &a, sizeof a);
    }
}

static void take_most(uint8_t *restrict out, const uint8_t *restrict child)
{
    for (size_t k = 0; k < LS_BLOCK_ROWS; k += sizeof(truths)) {
        truths a, b;
        memcpy(&a, out + k, sizeof a);
        memcpy(&b, child + k, sizeof b);
        truths more = (truths)(b > a);
        a = (b & more) | (a & ~more);
        memcpy(out + k, &a, sizeof a);
    }
}

static void turn(uint8_t *out)
{
    for (size_t k = 0; k < LS_BLOCK_ROWS; k += sizeof(truths)) {
        truths a;
        memcpy(&a, out + k, sizeof a);
        a = (uint8_t)LS_COLUMN_TRUE - a;
        memcpy(out + k, &a, sizeof a);
    }
}

static void ask_children(const ls_block_question *question, const ls_filter *filter, uint8_t *out)
{
    const bool all = filter->kind == LS_FILTER_ALL;
    uint8_t *child = out + LS_BLOCK_ROWS;
    memset(out, all ? LS_COLUMN_TRUE : LS_COLUMN_FALSE, LS_BLOCK_ROWS);
    for (size_t i = 0; i < filter->count; i++) {
        ls_block_ask(question, &filter->children[i], child);
        if (all) {
            take_least(out, child);
        } else {
            take_most(out, child);
        }
    }
    if (filter->kind == LS_FILTER_NONE) {
        turn(out);
    }
}

void ls_block_ask(const ls_block_question *question, const ls_filter *filter, uint8_t *out)
{
    switch (filter->kind) {
    case LS_FILTER_ALL:
    case LS_FILTER_ANY:
    case LS_FILTER_NONE: ask_children(question, filter, out); break;
    case LS_FILTER_PROPERTY: ask_property(question, filter, out); break;
    case LS_FILTER_DID: ask_did(question, filter, out); break;
    default: ask_rows(question, filter, out); break;
    }
}
