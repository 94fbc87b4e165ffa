/* Filters over the rows of a block, a column at a time. */
#ifndef LS_BLOCK_FILTER_H
#define LS_BLOCK_FILTER_H

#include "ls_kernel_block.h"

/* Three-valued logic by numbers: AND is the lesser, OR the greater, NOT 2 less it. */
enum { LS_COLUMN_FALSE = 0, LS_COLUMN_UNKNOWN = 1, LS_COLUMN_TRUE = 2 };

/* Columns of truths that asking a filter needs. */
size_t ls_block_filter_depth(const ls_filter *filter);
/* What is asked: own records' counts are in memory. */
typedef struct ls_block_question {
    const ls_block_tables *block;
    const ls_score_column *columns; /* of all definitions */
    size_t first, rows;             /* of the dataset */
    ls_block_memory *memory;
    ls_scratch *scratch;
} ls_block_question;
/* out: a column of truths, followed by as many as the filter's depth for use meanwhile. */
void ls_block_ask(const ls_block_question *question, const ls_filter *filter, uint8_t *out);
#endif
