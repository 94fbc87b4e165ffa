/* A dictionary of texts, and the fingerprint: what hashes, with the xxhash library.
 *
 * Open addressing with linear probing over slots that say where their text is: a lookup that misses
 * touches the slots alone, one that hits also its text. At most half of the slots are in use. Texts
 * lie one after another, so that where they begin is all that is kept of each: a file may have
 * millions. Adding is all or nothing: where memory fails, the dictionary is as it was. Columns,
 * event names and the scorer's values are kept in dictionaries; tens of millions of lookups make a
 * run. */
#include "ls_dictionary.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_SLOT_COUNT UINT32_C(16)
#define LAST_SLOT_COUNT                                                                            \
    (UINT32_C(1) << 31)        /* the largest power of two that slot_count can hold                \
                                */
#define FIRST_BYTE_CAPACITY 64 /* never none, so that `bytes` is never NULL */

/* A text without slack, brought to where it has some: short ones are copied. */
typedef struct sought {
    const char *text;
    size_t length;
    uint32_t hash;
    char copy[LS_TEXT_SLACK + LS_TEXT_SLACK];
} sought;

uint32_t ls_hash_long_text(const ls_dictionary *dictionary, const char *text, size_t length)
{
    return (uint32_t)XXH3_64bits_withSeed(text, length, dictionary->seed);
}

/* From 8 bytes on a key is read inside the text. */
static void seek_text(const ls_dictionary *dictionary, const char *text, size_t length, sought *out)
{
    out->text = text;
    out->length = length;
    if (length < LS_TEXT_SLACK) {
        memset(out->copy, 0, sizeof out->copy);
        memcpy(out->copy, text, length);
        out->text = out->copy;
    }
    out->hash = ls_hash_text(dictionary, out->text, length);
}

static uint32_t most_codes(uint32_t slot_count)
{
    return slot_count / 2;
}

int ls_dictionary_init(ls_dictionary *dictionary, ls_context *context, uint64_t seed)
{
    memset(dictionary, 0, sizeof *dictionary);
    dictionary->context = context;
    dictionary->seed = seed;
    dictionary->slots = ls_allocate_zero(context, FIRST_SLOT_COUNT, sizeof *dictionary->slots);
    if (dictionary->slots == NULL)
        return LS_ERROR_MEMORY;
    dictionary->slot_count = FIRST_SLOT_COUNT;
    if (ls_grow(context, &dictionary->starts, &dictionary->start_capacity, 2,
                sizeof *dictionary->starts) != LS_OK ||
        ls_grow(context, &dictionary->bytes, &dictionary->byte_capacity, FIRST_BYTE_CAPACITY, 1) !=
            LS_OK) {
        ls_dictionary_free(dictionary);
        return LS_ERROR_MEMORY;
    }
    dictionary->starts[0] = dictionary->starts[1] = 0;
    dictionary->count = 1;
    return LS_OK;
}

void ls_dictionary_free(ls_dictionary *dictionary)
{
    ls_context *context = dictionary->context;
    uint64_t seed = dictionary->seed;
    ls_free(context, dictionary->slots, dictionary->slot_count * sizeof *dictionary->slots);
    ls_free(context, dictionary->starts, dictionary->start_capacity * sizeof *dictionary->starts);
    ls_free(context, dictionary->bytes, dictionary->byte_capacity);
    ls_free(context, dictionary->numbers, dictionary->number_count * sizeof *dictionary->numbers);
    memset(dictionary, 0, sizeof *dictionary);
    dictionary->context = context;
    dictionary->seed = seed;
}

void ls_dictionary_clear(ls_dictionary *dictionary)
{
    memset(dictionary->slots, 0, dictionary->slot_count * sizeof *dictionary->slots);
    if (dictionary->number_count != 0)
        memset(dictionary->numbers, 0, dictionary->number_count * sizeof *dictionary->numbers);
    dictionary->count = 1;
    dictionary->byte_count = 0;
    dictionary->numbered = 0;
    dictionary->number_end = 0;
    dictionary->has_strays = false;
}

uint32_t ls_dictionary_find(const ls_dictionary *dictionary, const char *text, size_t length)
{
    sought sought;
    if (length == 0)
        return 0;
    seek_text(dictionary, text, length, &sought);
    return ls_dictionary_seek_id(dictionary, sought.text, length, sought.hash);
}

/* The slots that are in use from the first one on, which may have come there from the last ones. */
static uint32_t count_leading(const ls_dictionary *dictionary)
{
    uint32_t count = 0;
    while (dictionary->slots[count].code != 0)
        count++;
    return count;
}

/* Moves what is in the lower half of the slots to where it belongs now: there, or as far on as the
 * old slots were many. What is behind a free slot never has to pass what has not moved yet. */
static void spread_slots(struct ls_slot *slots, uint32_t first, uint32_t end, uint32_t mask)
{
    for (uint32_t i = first; i < end; i++) {
        const struct ls_slot slot = slots[i];
        slots[i].code = 0;
        if (slot.code != 0)
            ls_dictionary_put_slot(slots, mask, slot);
    }
}

/* Doubles the slots, in the memory of the old ones and as much after it. No text is read, and both
 * halves are gone through in order. */
static int grow_slots(ls_dictionary *dictionary)
{
    const uint32_t old_count = dictionary->slot_count, leading = count_leading(dictionary);
    ls_context *context = dictionary->context;
    const size_t size = old_count * sizeof *dictionary->slots,
                 leading_size = leading * sizeof *dictionary->slots;
    if (old_count == LAST_SLOT_COUNT)
        return LS_ERROR_MEMORY;
    struct ls_slot *first = leading != 0 ? ls_allocate(context, leading_size) : NULL;
    struct ls_slot *slots = first != NULL || leading == 0
                                ? ls_reallocate_zero(context, dictionary->slots, size, 2 * size)
                                : NULL;
    if (slots != NULL) {
        const uint32_t mask = 2 * old_count - 1;
        ls_populate(context, slots, 2 * size, size, 2 * size);
        if (leading != 0)
            memcpy(first, slots, leading_size);
        memset(slots, 0, leading_size);
        spread_slots(slots, leading, old_count, mask);
        for (uint32_t i = 0; i < leading; i++)
            ls_dictionary_put_slot(slots, mask, first[i]);
        dictionary->slots = slots;
        dictionary->slot_count = 2 * old_count;
    }
    ls_free(context, first, leading_size);
    return slots != NULL ? LS_OK : LS_ERROR_MEMORY;
}

int ls_dictionary_reserve(ls_dictionary *dictionary, size_t texts, size_t slots, size_t bytes)
{
    if (texts > LS_MAX_CODES - dictionary->count ||
        bytes > SIZE_MAX - LS_TEXT_SLACK - dictionary->byte_count ||
        (uint64_t)dictionary->byte_count + bytes >= LS_MOST_BYTES)
        return LS_ERROR_MEMORY;
    int status = ls_grow(dictionary->context, &dictionary->starts, &dictionary->start_capacity,
                         dictionary->count + texts + 1, sizeof *dictionary->starts);
    if (status == LS_OK)
        status = ls_grow(dictionary->context, &dictionary->bytes, &dictionary->byte_capacity,
                         dictionary->byte_count + bytes + LS_TEXT_SLACK, 1);
    while (status == LS_OK &&
           dictionary->count - dictionary->numbered + slots > most_codes(dictionary->slot_count))
        status = grow_slots(dictionary);
    return status;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The value of a text that is a canonical decimal, or SIZE_MAX. */
static size_t value_of(const char *text, size_t length)
{
    char copy[2 * LS_TEXT_SLACK] = {0};
    if (length > 10)
        return SIZE_MAX;
    memcpy(copy, text, length);
    return ls_canonical_id((ls_string){copy, length});
}

void ls_dictionary_take_numbers(ls_dictionary *dictionary)
{
    dictionary->has_strays = dictionary->has_strays || !dictionary->takes_numbers;
    dictionary->takes_numbers = true;
}

/* Texts that came before the direct path was as long keep their slots, but are found by it. */
static void find_strays(ls_dictionary *dictionary)
{
    dictionary->has_strays = false;
    for (uint32_t code = 1; code < dictionary->count; code++) {
        ls_string text = ls_dictionary_text(dictionary, code);
        size_t value = ls_canonical_id(text);
        if (value < dictionary->number_count)
            dictionary->numbers[value] = code;
        else if (value != SIZE_MAX)
            dictionary->has_strays = true;
        if (value < dictionary->number_count && value >= dictionary->number_end)
            dictionary->number_end = value + 1;
    }
}

int ls_dictionary_reserve_numbers(ls_dictionary *dictionary, size_t count)
{
    const size_t before = dictionary->number_count, size = sizeof *dictionary->numbers;
    if (count <= before)
        return LS_OK;
    count = count < before + before / 2 ? before + before / 2 : count;
    uint32_t *numbers =
        ls_reallocate_zero(dictionary->context, dictionary->numbers, before * size, count * size);
    if (numbers == NULL)
        return LS_ERROR_MEMORY;
    dictionary->numbers = numbers;
    dictionary->number_count = count;
    if (dictionary->has_strays)
        find_strays(dictionary);
    return LS_OK;
}

void ls_dictionary_drop(ls_dictionary *dictionary, uint32_t hash)
{
    const uint32_t code = --dictionary->count, mask = dictionary->slot_count - 1;
    const size_t value = ls_canonical_id(ls_dictionary_text(dictionary, code));
    dictionary->byte_count = (size_t)dictionary->starts[code];
    if (value < dictionary->number_count) {
        dictionary->numbers[value] = 0;
        dictionary->numbered--;
        return;
    }
    uint32_t i = hash & mask;
    while (dictionary->slots[i].code != code)
        i = (i + 1) & mask;
    dictionary->slots[i].code = 0; /* nothing came after it */
}

uint32_t ls_dictionary_append(ls_dictionary *dictionary, const char *text, size_t length,
                              uint32_t hash)
{
    size_t value = SIZE_MAX;
    if (dictionary->takes_numbers) {
        value = value_of(text, length);
        if (!ls_dictionary_takes(dictionary, value)) {
            dictionary->has_strays = dictionary->has_strays || value != SIZE_MAX;
            value = SIZE_MAX;
        } else if (ls_dictionary_reserve_numbers(dictionary, value + 1) != LS_OK) {
            return LS_NO_CODE;
        }
    }
    const size_t slots = value == SIZE_MAX;
    if (LS_UNLIKELY(!ls_dictionary_has_room_for(dictionary, 1, slots, length)) &&
        (length > UINT32_MAX || ls_dictionary_reserve(dictionary, 1, slots, length) != LS_OK))
        return LS_NO_CODE;
    memcpy(dictionary->bytes + dictionary->byte_count, text, length);
    return ls_dictionary_put(dictionary, dictionary->bytes + dictionary->byte_count, length, hash,
                             value);
}

uint32_t ls_dictionary_add(ls_dictionary *dictionary, const char *text, size_t length)
{
    sought sought;
    if (length == 0)
        return 0;
    seek_text(dictionary, text, length, &sought);
    uint32_t code = ls_dictionary_seek_id(dictionary, sought.text, length, sought.hash);
    return code != LS_NO_CODE ? code : ls_dictionary_append(dictionary, text, length, sought.hash);
}

void ls_hash_identity(uint64_t seed, ls_string id, uint64_t out[2])
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(id.text, id.length, seed);
    out[0] = hash.low64;
    out[1] = hash.high64;
}

void ls_fingerprint(const char *text, size_t length, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(text, length));
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = digits[canonical.digest[i] >> 4];
        out[2 * i + 1] = digits[canonical.digest[i] & 15];
    }
    out[32] = '\0';
}
