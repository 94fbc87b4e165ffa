/* Ids that are UUIDs in their usual form, lower case: 36 bytes of text stand for 16, and contacts
 * are found by these with one look into memory. Any other form is a text like others. */
#ifndef LS_UUID_H
#define LS_UUID_H

#include "ls_dictionary.h"

#define LS_UUID_LENGTH 36

typedef struct ls_uuid {
    uint64_t head, tail;
} ls_uuid;

/* Contacts by their UUIDs: open addressing, at most half of the slots are in use. */
typedef struct ls_uuid_table {
    struct ls_uuid_slot {
        ls_uuid uuid;
        uint32_t contact, unused; /* row + 1; 0: free */
    } * slots;
    size_t slot_count; /* a power of two; 0: there are none */
    uint64_t seed;
} ls_uuid_table;

LS_INLINE bool ls_uuid_has_dashes(const char *text)
{
    return ((text[8] ^ '-') | (text[13] ^ '-') | (text[18] ^ '-') | (text[23] ^ '-')) == 0;
}

/* A hexadecimal digit in lower case, or 255. */
LS_INLINE unsigned ls_uuid_digit(char byte)
{
    unsigned digit = (unsigned char)byte - (unsigned)'0',
             letter = (unsigned char)byte - (unsigned)'a';
    return digit <= 9 ? digit : letter <= 5 ? letter + 10 : 255;
}

/* Some pairs of digits, the first the lowest byte; *bad if there is anything else. */
LS_INLINE uint64_t ls_uuid_pairs(const char *text, unsigned count, bool *bad)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned high = ls_uuid_digit(text[2 * i]), low = ls_uuid_digit(text[2 * i + 1]);
        *bad |= (high | low) > 15;
        value |= (uint64_t)(high << 4 | (low & 15)) << (8 * i);
    }
    return value;
}

/* A text of 36 bytes. */
LS_INLINE bool ls_uuid_read(const char *text, ls_uuid *out)
{
    bool bad = !ls_uuid_has_dashes(text);
    if (bad)
        return false;
    out->head = ls_uuid_pairs(text, 4, &bad) | ls_uuid_pairs(text + 9, 2, &bad) << 32 |
                ls_uuid_pairs(text + 14, 2, &bad) << 48;
    out->tail = ls_uuid_pairs(text + 19, 2, &bad) | ls_uuid_pairs(text + 24, 6, &bad) << 16;
    return !bad;
}

LS_INLINE uint32_t ls_uuid_hash(const ls_uuid_table *table, ls_uuid uuid)
{
    return (uint32_t)ls_fold_product(uuid.head ^ table->seed,
                                     uuid.tail ^ UINT64_C(0xa0761d6478bd642f));
}

/* The row + 1 of the contact, or 0. */
LS_INLINE uint32_t ls_uuid_find(const ls_uuid_table *table, ls_uuid uuid, uint32_t hash)
{
    const size_t mask = table->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        const struct ls_uuid_slot *slot = &table->slots[i];
        if (LS_LIKELY(((slot->uuid.head ^ uuid.head) | (slot->uuid.tail ^ uuid.tail)) == 0) ||
            slot->contact == 0)
            return slot->contact;
    }
}
#endif
