/* Places of events among the combinations of value classes, and which events need none. */
#ifndef LS_BLOCK_PLACES_H
#define LS_BLOCK_PLACES_H

#include "ls_kernel_block.h"

void ls_block_read_names(const ls_column *column, size_t begin, size_t count, uint32_t *out);
/* Places of items: of these events from `begin` on (NULL: of all, in their order), whose names are
 * given. */
void ls_block_map_places(const ls_block_tables *block, size_t begin, size_t count,
                         const uint32_t *events, const uint32_t *names, uint16_t *places);
/* Rules that fired by events that were left out, in those rows where nothing else fired. */
void ls_block_fire_late(const ls_block_tables *block, const uint64_t *first, size_t rows,
                        ls_block_memory *memory);

LS_INLINE uint32_t ls_block_bucket(const ls_block_tables *block, uint32_t time)
{
    const unsigned shift = block->cell_shift;
    uint32_t bucket = block->cells[time >> shift];
    if (block->cell_thresholds <= 1) {
        return ((time & ((UINT32_C(1) << shift) - 1)) + bucket) >> shift;
    }
    for (size_t k = 0; k < block->cell_thresholds; k++) {
        bucket += block->thresholds[bucket] <= (int64_t)time;
    }
    return bucket;
}
#endif
