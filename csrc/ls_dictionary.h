/* A dictionary: texts coded once. Codes count from 1 in the order of first appearance; code 0 is
 * the empty text. The whole value is hashed with a seed that never shows in results. */
#ifndef LS_DICTIONARY_H
#define LS_DICTIONARY_H

#include "ls_core.h"

typedef struct ls_dictionary {
    ls_context *context;
    uint64_t seed;
    uint32_t count;      /* codes in use, code 0 included: codes are 0 .. count-1 */
    uint32_t slot_count; /* a power of two */
    struct ls_slot {
        uint32_t hash, code; /* code 0: free */
        uint64_t place; /* of the text, so that looking up asks for one thing less: see below */
    } * slots;
    uint64_t *starts; /* by code: where its text begins, and so where the one before it ends; one
                         more than there are codes */
    size_t start_capacity;
    char *bytes; /* LS_TEXT_SLACK more than byte_count may be read */
    size_t byte_count, byte_capacity;
    /* Of one that takes numbers: canonical decimals have a direct path, and then no slot. */
    bool takes_numbers;
    bool has_strays;   /* some may have slots: they were too large for it */
    uint32_t numbered; /* codes that have a direct path */
    uint32_t *numbers; /* by value: the code, 0: it is not there */
    size_t number_count;
    size_t number_end; /* one past the largest value that is there */
} ls_dictionary;

/* A text's place is where it begins << LS_LENGTH_BITS | its length; LS_LONG_TEXT: that or longer.
 */
#define LS_LENGTH_BITS 24
#define LS_LONG_TEXT ((UINT64_C(1) << LS_LENGTH_BITS) - 1)
#define LS_MOST_BYTES (UINT64_C(1) << (64 - LS_LENGTH_BITS))
LS_INLINE uint64_t ls_text_place(uint64_t start, size_t length)
{
    return start << LS_LENGTH_BITS | (length < LS_LONG_TEXT ? length : LS_LONG_TEXT);
}

#define LS_MAX_CODES UINT32_C(0xfffffff0)
#define LS_NO_CODE UINT32_MAX

int ls_dictionary_init(ls_dictionary *dictionary, ls_context *context, uint64_t seed);
void ls_dictionary_free(ls_dictionary *dictionary);
void ls_dictionary_clear(
    ls_dictionary *dictionary); /* back to the empty text only; keeps its memory */
/* The code of a text, added if it is new; LS_NO_CODE: no memory. */
uint32_t ls_dictionary_add(ls_dictionary *dictionary, const char *text, size_t length);
/* The code of a text, or LS_NO_CODE. */
uint32_t ls_dictionary_find(const ls_dictionary *dictionary, const char *text, size_t length);
LS_INLINE ls_string ls_dictionary_text(const ls_dictionary *dictionary, uint32_t code)
{
    const uint64_t *start = &dictionary->starts[code];
    ls_string text = {dictionary->bytes + start[0], (size_t)(start[1] - start[0])};
    return text;
}

/* What stands for an event's id: 16 bytes, so that different ids never agree. */
void ls_hash_identity(uint64_t seed, ls_string id, uint64_t out[2]);

/* ---- looking up in a line of texts ----------------------------------------------------------- */

/* Readers look up millions of texts that lie in a buffer of their own. There 8 bytes from any place
 * in a text may be read, so that no byte is looked at alone. */
#define LS_TEXT_SLACK 8

LS_INLINE uint64_t ls_load_64(const char *text) /* the first byte is the lowest */
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The value of a canonical decimal (no sign, no leading zero) of at most ten digits, or SIZE_MAX; 8
 * bytes from any place in the text may be read. */
LS_INLINE size_t ls_canonical_id(ls_string text)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030), over = UINT64_C(0x7676767676767676);
    if (text.length - 1 > 9 || (LS_UNLIKELY(text.text[0] == '0') && text.length != 1))
        return SIZE_MAX;
    size_t head = text.length < 8 ? text.length : 8, value;
    uint64_t digits = (ls_load_64(text.text) ^ zeros) << (8 * (8 - head));
    if ((((digits + over) | digits) & UINT64_C(0x8080808080808080)) != 0)
        return SIZE_MAX;
    digits = digits * 10 + (digits >> 8); /* pairs, then fours, then all eight */
    digits = ((digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
              ((digits >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
             32;
    value = (size_t)(uint32_t)digits;
    for (size_t i = 8; i < text.length; i++) {
        if ((unsigned char)(text.text[i] - '0') > 9)
            return SIZE_MAX;
        value = value * 10 + (size_t)(text.text[i] - '0');
    }
    return value;
}

/* Three words of a text of at least one byte: of up to 24 bytes they are all of it, of a longer one
 * its start and end. Of a text shorter than a word they are the same. */
typedef struct ls_text_key {
    uint64_t head, middle, tail;
    uint64_t mask;             /* what of each word is the text */
    size_t at_middle, at_tail; /* where they begin */
} ls_text_key;

LS_INLINE ls_text_key ls_text_key_of(const char *text, size_t length)
{
    ls_text_key key;
    key.at_tail = length > 8 ? length - 8 : 0;
    key.at_middle = key.at_tail < 8 ? key.at_tail : 8;
    key.mask = UINT64_MAX >> (64 - 8 * (length < 8 ? length : 8));
    key.head = ls_load_64(text) & key.mask;
    key.middle = ls_load_64(text + key.at_middle) & key.mask;
    key.tail = ls_load_64(text + key.at_tail) & key.mask;
    return key;
}

/* The product of two words, folded: every bit of both moves every bit of it. */
LS_INLINE uint64_t ls_fold_product(uint64_t a, uint64_t b)
{
    ls_uint128 product = (ls_uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define LS_LONGEST_KEY 24
uint32_t ls_hash_long_text(const ls_dictionary *dictionary, const char *text, size_t length);

LS_INLINE uint32_t ls_hash_key(const ls_dictionary *dictionary, const ls_text_key *key,
                               const char *text, size_t length)
{
    if (LS_UNLIKELY(length > LS_LONGEST_KEY))
        return ls_hash_long_text(dictionary, text, length);
    uint64_t seed = dictionary->seed;
    uint64_t mixed = ls_fold_product(key->head ^ seed, key->middle ^ UINT64_C(0xa0761d6478bd642f));
    mixed = ls_fold_product(mixed ^ key->tail ^ length, seed ^ UINT64_C(0xe7037ed1a0b428db));
    return (uint32_t)mixed;
}

LS_INLINE uint32_t ls_hash_text(const ls_dictionary *dictionary, const char *text, size_t length)
{
    ls_text_key key = ls_text_key_of(text, length);
    return ls_hash_key(dictionary, &key, text, length);
}

/* Whether a slot's code stands for this text. */
LS_INLINE bool ls_dictionary_holds(const ls_dictionary *dictionary, const struct ls_slot *slot,
                                   const ls_text_key *key, const char *text, size_t length)
{
    const char *held = dictionary->bytes + (slot->place >> LS_LENGTH_BITS);
    if ((slot->place & LS_LONG_TEXT) != (length < LS_LONG_TEXT ? length : LS_LONG_TEXT))
        return false;
    if (LS_UNLIKELY(length > LS_LONGEST_KEY))
        return (length < LS_LONG_TEXT ||
                ls_dictionary_text(dictionary, slot->code).length == length) &&
               memcmp(held, text, length) == 0;
    return (((ls_load_64(held) & key->mask) ^ key->head) |
            ((ls_load_64(held + key->at_middle) & key->mask) ^ key->middle) |
            ((ls_load_64(held + key->at_tail) & key->mask) ^ key->tail)) == 0;
}

/* Fetches the text of the first slot of a hash, which is fetched. */
LS_INLINE void ls_dictionary_fetch(const ls_dictionary *dictionary, uint32_t hash)
{
    const uint64_t place = dictionary->slots[hash & (dictionary->slot_count - 1)].place;
    const char *text = dictionary->bytes + (place >> LS_LENGTH_BITS);
    __builtin_prefetch(text);
    __builtin_prefetch(text + (place & LS_LONG_TEXT));
}

/* Adds a text that is known to be new; LS_NO_CODE: no memory. */
uint32_t ls_dictionary_append(ls_dictionary *dictionary, const char *text, size_t length,
                              uint32_t hash);

/* The code of a text of at least one byte, by the direct path where it has one. */
LS_INLINE uint32_t ls_dictionary_seek(const ls_dictionary *dictionary, const char *text,
                                      size_t length, uint32_t hash);
LS_INLINE uint32_t ls_dictionary_seek_id(const ls_dictionary *dictionary, const char *text,
                                         size_t length, uint32_t hash)
{
    if (dictionary->number_count != 0) {
        size_t value = ls_canonical_id((ls_string){text, length});
        if (value < dictionary->number_count)
            return dictionary->numbers[value] != 0 ? dictionary->numbers[value] : LS_NO_CODE;
    }
    return ls_dictionary_seek(dictionary, text, length, hash);
}

/* Numbers that are appended from now on have a direct path, unless they are much larger than there
 * are texts. */
void ls_dictionary_take_numbers(ls_dictionary *dictionary);
/* Whether a number of this value is to have one. */
LS_INLINE bool ls_dictionary_takes(const ls_dictionary *dictionary, size_t value)
{
    return dictionary->takes_numbers &&
           (value < dictionary->number_count ||
            (value < UINT32_MAX && value < 4 * (size_t)dictionary->count + ((size_t)1 << 20)));
}
/* Makes the direct path so long. LS_OK or LS_ERROR_MEMORY. */
int ls_dictionary_reserve_numbers(ls_dictionary *dictionary, size_t count);

/* Whether so many texts of so many bytes, some with slots, can be appended without memory being
 * asked for. */
LS_INLINE bool ls_dictionary_has_room_for(const ls_dictionary *dictionary, size_t texts,
                                          size_t slots, size_t bytes)
{
    return dictionary->count + texts < dictionary->start_capacity &&
           dictionary->count - dictionary->numbered + slots <= dictionary->slot_count / 2 &&
           bytes + LS_TEXT_SLACK <= dictionary->byte_capacity - dictionary->byte_count;
}
LS_INLINE bool ls_dictionary_has_room(const ls_dictionary *dictionary, size_t length)
{
    return ls_dictionary_has_room_for(dictionary, 1, 1, length);
}
LS_INLINE void ls_dictionary_put_slot(struct ls_slot *slots, uint32_t mask, struct ls_slot slot)
{
    uint32_t i = slot.hash & mask;
    while (slots[i].code != 0)
        i = (i + 1) & mask;
    slots[i] = slot;
}
/* Appends a text for which there is room; 8 bytes from any place in it may be read. value: where
 * its direct path has room for it, else SIZE_MAX. */
LS_INLINE uint32_t ls_dictionary_put(ls_dictionary *dictionary, const char *text, size_t length,
                                     uint32_t hash, size_t value)
{
    const uint32_t code = dictionary->count++;
    const uint64_t place = ls_text_place(dictionary->byte_count, length);
    char *copy = dictionary->bytes + dictionary->byte_count;
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) { /* as far as the slack */
        uint64_t word;
        memcpy(&word, text + i, sizeof word);
        memcpy(copy + i, &word, sizeof word);
    }
    dictionary->byte_count += length;
    dictionary->starts[code + 1] = dictionary->byte_count;
    if (value != SIZE_MAX) {
        dictionary->numbers[value] = code;
        dictionary->numbered++;
        if (value >= dictionary->number_end)
            dictionary->number_end = value + 1;
    } else {
        ls_dictionary_put_slot(dictionary->slots, dictionary->slot_count - 1,
                               (struct ls_slot){hash, code, place});
    }
    return code;
}
/* Makes room for so many texts of so many bytes more, some with slots. LS_OK or LS_ERROR_MEMORY. */
int ls_dictionary_reserve(ls_dictionary *dictionary, size_t texts, size_t slots, size_t bytes);
/* Takes back the text that was appended last. */
void ls_dictionary_drop(ls_dictionary *dictionary, uint32_t hash);

/* The code of a text of at least one byte with this hash, or LS_NO_CODE. */
LS_INLINE uint32_t ls_dictionary_seek_key(const ls_dictionary *dictionary, const ls_text_key *key,
                                          const char *text, size_t length, uint32_t hash)
{
    const uint32_t mask = dictionary->slot_count - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        const struct ls_slot *slot = &dictionary->slots[i];
        if (slot->hash == hash && slot->code != 0 &&
            LS_LIKELY(ls_dictionary_holds(dictionary, slot, key, text, length)))
            return slot->code;
        if (LS_UNLIKELY(slot->code == 0))
            return LS_NO_CODE;
    }
}

LS_INLINE uint32_t ls_dictionary_seek(const ls_dictionary *dictionary, const char *text,
                                      size_t length, uint32_t hash)
{
    ls_text_key key = ls_text_key_of(text, length);
    return ls_dictionary_seek_key(dictionary, &key, text, length, hash);
}
#endif
