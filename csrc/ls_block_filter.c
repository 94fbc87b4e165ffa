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

static void ask_property(const ls_block_question *question, const ls_filter *leaf, uint8_t *out)
{
    static const uint8_t truths[] = {LS_COLUMN_FALSE, LS_COLUMN_TRUE, LS_COLUMN_UNKNOWN};
    const ls_binding *binding = question->block->binding;
    const ls_property_table *table = &binding->tables[leaf->property];
    const unsigned char *records = table->records + binding->atom_place[leaf->atom];
    for (size_t i = 0; i < question->rows; i++) {
        uint32_t class = ls_table_class(table, question->first + i);
        out[i] = truths[records[class * table->record_size]];
    }
}

static void ask_did(const ls_block_question *question, const ls_filter *leaf, uint8_t *out)
{
    const int64_t *counts = ls_block_column(question->memory->counts, leaf->did->index);
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

static void ask_children(const ls_block_question *question, const ls_filter *filter, uint8_t *out)
{
    const bool all = filter->kind == LS_FILTER_ALL, none = filter->kind == LS_FILTER_NONE;
    uint8_t *child = out + LS_BLOCK_ROWS;
    memset(out, all ? LS_COLUMN_TRUE : LS_COLUMN_FALSE, LS_BLOCK_ROWS);
    for (size_t i = 0; i < filter->count; i++) {
        ls_block_ask(question, &filter->children[i], child);
        for (size_t k = 0; k < LS_BLOCK_ROWS && all; k++) {
            out[k] = out[k] < child[k] ? out[k] : child[k];
        }
        for (size_t k = 0; k < LS_BLOCK_ROWS && !all; k++) {
            out[k] = out[k] > child[k] ? out[k] : child[k];
        }
    }
    for (size_t k = 0; k < LS_BLOCK_ROWS && none; k++) {
        out[k] = (uint8_t)(LS_COLUMN_TRUE - out[k]);
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
