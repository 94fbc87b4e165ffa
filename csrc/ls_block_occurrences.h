/* Occurrences that tables do not hold, for the rows of a block. */
#ifndef LS_BLOCK_OCCURRENCES_H
#define LS_BLOCK_OCCURRENCES_H

#include "ls_kernel_block.h"

/* The occurrences among a chunk's events, whose places were found; row: the chunk's first, of the
 * block. Every row of the chunk is there with all its events. */
void ls_block_occur(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                    ls_block_memory *memory, ls_scratch *scratch);
/* A chunk that is part of one row, whose events begin at row_begin: occurrences but for those that
 * are listed. Events that are listed are kept behind the first `kept` of scratch->entries (from
 * row_begin on) and scratch->classes; how many are kept then. */
size_t ls_block_occur_in_part(const ls_block_tables *block, const ls_block_part *chunk, size_t row,
                              size_t kept, size_t row_begin, ls_block_memory *memory,
                              ls_scratch *scratch);
/* What is listed of a row whose events begin there, out of `count` that were kept. */
void ls_block_list_row(const ls_block_tables *block, size_t begin, size_t count, size_t row,
                       ls_block_memory *memory, ls_scratch *scratch);
/* Rules with `times` whose points decay: aged by the latest occurrence. */
void ls_block_add_decayed_times(const ls_block_tables *block, size_t rows, ls_block_memory *memory);
#endif
