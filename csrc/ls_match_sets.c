/* Lists of matches, each kept once: what events of a class are occurrences of, what a row of
 * entries holds. */
#include "ls_match_sets.h"

int ls_match_add(ls_context *context, ls_match_sets *sets, size_t *count, uint32_t spec,
                 int64_t points)
{
    if (ls_grow(context, &sets->matches, &sets->match_capacity, sets->match_count + *count + 1,
                sizeof *sets->matches) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    ls_match *match = &sets->matches[sets->match_count + (*count)++];
    memset(match, 0, sizeof *match); /* padding too: they are compared as bytes */
    match->spec = spec;
    match->points = points;
    return LS_OK;
}

static size_t find_set(const ls_match_sets *sets, const ls_match *matches, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = ls_mix(ls_mix(hash, matches[i].spec), (uint64_t)matches[i].points);
    }
    size_t slot = (size_t)hash & (sets->slot_count - 1);
    for (; sets->slots[slot] != 0; slot = (slot + 1) & (sets->slot_count - 1)) {
        const ls_event_class *set = &sets->sets[sets->slots[slot] - 1];
        if (set->count == count && (count == 0 || memcmp(sets->matches + set->first, matches,
                                                         count * sizeof *matches) == 0)) {
            break;
        }
    }
    return slot;
}

static int grow_set_slots(ls_context *context, ls_match_sets *sets)
{
    size_t count = sets->slot_count ? sets->slot_count * 2 : 64;
    uint32_t *slots = ls_allocate_zero(context, count, sizeof *slots);
    if (slots == NULL) {
        return LS_ERROR_MEMORY;
    }
    ls_free(context, sets->slots, sets->slot_count * sizeof *slots);
    sets->slots = slots;
    sets->slot_count = count;
    for (uint32_t i = 0; i < sets->count; i++) {
        const ls_event_class *set = &sets->sets[i];
        slots[find_set(sets, sets->matches + set->first, set->count)] = i + 1;
    }
    return LS_OK;
}

int ls_match_set(ls_context *context, ls_match_sets *sets, size_t count, uint16_t *out)
{
    if ((sets->count * 2 >= sets->slot_count && grow_set_slots(context, sets) != LS_OK) ||
        ls_grow(context, &sets->sets, &sets->capacity, sets->count + 1, sizeof *sets->sets) !=
            LS_OK) {
        return LS_ERROR_MEMORY;
    }
    size_t slot = find_set(sets, count ? sets->matches + sets->match_count : NULL, count);
    if (sets->slots[slot] == 0) {
        sets->sets[sets->count] = (ls_event_class){(uint32_t)sets->match_count, (uint32_t)count};
        sets->match_count += count;
        sets->slots[slot] = (uint32_t)++sets->count;
    }
    *out = (uint16_t)(sets->slots[slot] - 1);
    return LS_OK;
}

int ls_match_sets_begin(ls_context *context, ls_match_sets *sets)
{
    uint16_t nothing;
    sets->count = sets->match_count = 0;
    if (sets->slots) {
        memset(sets->slots, 0, sets->slot_count * sizeof *sets->slots);
    }
    return ls_match_set(context, sets, 0, &nothing);
}

void ls_match_sets_free(ls_context *context, ls_match_sets *sets)
{
    ls_free(context, sets->sets, sets->capacity * sizeof *sets->sets);
    ls_free(context, sets->matches, sets->match_capacity * sizeof *sets->matches);
    ls_free(context, sets->slots, sets->slot_count * sizeof *sets->slots);
    memset(sets, 0, sizeof *sets);
}
