/* Lists of matches, each kept once. A list is put together behind those that are there, match by
 * match, and then taken: as an equal one, or as a new one. */
#ifndef LS_MATCH_SETS_H
#define LS_MATCH_SETS_H

#include "ls_binding.h"

LS_INLINE uint64_t ls_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 29;
}

/* Empties the sets but for set 0, the empty list. All of these: LS_OK or LS_ERROR_MEMORY. */
int ls_match_sets_begin(ls_context *context, ls_match_sets *sets);
/* Adds a match to the list that is put together, of *count so far. */
int ls_match_add(ls_context *context, ls_match_sets *sets, size_t *count, uint32_t spec,
                 int64_t points);
/* Takes the list of `count`. There are at most LS_MAX_COMBINATIONS sets, so that 16 bits number
 * them. */
int ls_match_set(ls_context *context, ls_match_sets *sets, size_t count, uint16_t *out);
void ls_match_sets_free(ls_context *context, ls_match_sets *sets);
#endif
