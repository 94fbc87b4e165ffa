/* Coding of texts while a file is read: a small table in front of a column's dictionary, so that a
 * text seen lately costs a few loads and no hash of the whole. Texts that the file's reader takes
 * as empty have code 0. */
#ifndef LS_CODER_H
#define LS_CODER_H

#include "ls_dataset.h"
#include "ls_text.h"

/* A text of up to 24 bytes is all in its three words; of a longer one they are its start and end.
 */
typedef struct ls_coder_key {
    uint64_t head, middle, tail;
} ls_coder_key;

typedef struct ls_coder_slot {
    ls_coder_key key;
    uint32_t length; /* 0: free */
    uint32_t code;
} ls_coder_slot;

typedef struct ls_coder {
    ls_context *context;
    ls_coder_slot *slots;
    unsigned shift;           /* 64 - bits, of a hash */
    unsigned bits;            /* 1 << bits pairs of slots; a pair is one line of the cache */
    void *block;              /* where slots were allocated: they are aligned in it */
    uint32_t source, field;   /* for places */
    const ls_string *unknown; /* texts that are read as empty */
    size_t unknown_count;
} ls_coder;

int ls_coder_init(ls_coder *coder, ls_context *context);
void ls_coder_free(ls_coder *coder);
bool ls_coder_reads_empty(const ls_coder *coder, ls_string text);
uint32_t ls_coder_miss(ls_coder *coder, ls_column *column, ls_string text, const ls_coder_key *key,
                       uint64_t line);

LS_INLINE uint64_t ls_load_64(const char *text) /* the first byte is the lowest */
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

LS_INLINE ls_coder_key ls_coder_key_of(ls_string text)
{
    ls_coder_key key = {0, 0, 0};
    if (text.length < 8) {
        key.head = ls_load_64(text.text) & ((UINT64_C(1) << (8 * text.length)) - 1);
    } else {
        size_t last = text.length - 8;
        key.head = ls_load_64(text.text);
        key.middle = ls_load_64(text.text + (last < 8 ? last : 8));
        key.tail = ls_load_64(text.text + last);
    }
    return key;
}

/* The first of the two slots where a key may be. */
LS_INLINE ls_coder_slot *ls_coder_slot_of(const ls_coder *coder, const ls_coder_key *key)
{
    uint64_t mixed = (key->head ^ (key->middle << 21 | key->middle >> 43)) +
                     key->tail * UINT64_C(0xc2b2ae3d27d4eb4f);
    mixed ^= mixed >> 32;
    return &coder->slots[2 * (size_t)(mixed * UINT64_C(0x9e3779b97f4a7c15) >> coder->shift)];
}

/* 0 if the slot has this key and length; then the text too, if it is short. */
LS_INLINE uint64_t ls_coder_slot_differs(const ls_coder_slot *slot, const ls_coder_key *key,
                                         size_t length)
{
    return (slot->key.head ^ key->head) | (slot->key.middle ^ key->middle) |
           (slot->key.tail ^ key->tail) | (slot->length ^ length);
}

/* The code of a trimmed text, added to the column's dictionary if it is new; 8 bytes from any place
 * in the text may be read. LS_NO_CODE: no memory. */
LS_INLINE uint32_t ls_coder_code(ls_coder *coder, ls_column *column, ls_string text, uint64_t line)
{
    if (text.length == 0)
        return 0;
    ls_coder_key key = ls_coder_key_of(text);
    const ls_coder_slot *slot = ls_coder_slot_of(coder, &key);
    uint64_t first = ls_coder_slot_differs(slot, &key, text.length);
    uint64_t second = ls_coder_slot_differs(slot + 1, &key, text.length);
    if (LS_LIKELY((first == 0) | (second == 0))) {
        /* Which of the two it is cannot be foreseen, so it is no branch. */
        uint32_t code = first == 0 ? slot[0].code : slot[1].code;
        if (LS_LIKELY(text.length <= 24))
            return code;
        ls_string known = ls_dictionary_text(&column->dictionary, code);
        if (known.length == text.length && memcmp(known.text, text.text, text.length) == 0)
            return code;
    }
    return ls_coder_miss(coder, column, text, &key, line);
}

/* Without space, tab, CR, LF at both ends; most texts have none. */
LS_INLINE ls_string ls_trimmed(ls_string text)
{
    if (text.length == 0 ||
        ((unsigned char)text.text[0] > ' ' && (unsigned char)text.text[text.length - 1] > ' '))
        return text;
    return ls_trim(text.text, text.length);
}
#endif
