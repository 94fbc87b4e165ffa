/* Texts of a field that were coded lately, as they are in the file: what most rows have is found
 * here at one look, quotes, blanks and empty fields included. Each thread has its own; a text that
 * is not there is looked up in the dictionary. */
#ifndef LS_SCAN_TEXTS_H
#define LS_SCAN_TEXTS_H

#include "ls_dictionary.h"

/* The longest text that is known; so many bytes from the start of any text may be read. */
#define LS_LONGEST_KNOWN 32

/* Texts in the order in which they came: those that most rows have are close together. A text has
 * one of two slots. All zeros at first: the empty text is known, its code is 0. */
typedef struct ls_known_texts {
    uint64_t (*words)[LS_LONGEST_KNOWN / 8]; /* the text, then zeros: texts here have none */
    uint32_t *codes;
    uint64_t *pairs; /* of slots: 16 bits that tell the two texts apart, 16 of the text's place */
    uint32_t count, capacity; /* texts */
    unsigned shift;           /* 48 - the bits of a pair's number: these stand before a tag's */
} ls_known_texts;

/* Of the 16 bytes that a text was folded to. */
LS_INLINE uint64_t ls_known_hash(uint64_t head, uint64_t tail)
{
    return (head ^ (tail >> 24 | tail << 40)) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Where a text is, if it is known. */
LS_INLINE size_t ls_known_place(const ls_known_texts *known, uint64_t hash)
{
    hash >>= known->shift;
    uint64_t pair = known->pairs[hash >> 16];
    uint32_t slot = (uint16_t)pair == (uint16_t)hash ? (uint32_t)pair : (uint32_t)(pair >> 32);
    return slot >> 16;
}

/* From byte LS_LONGEST_KNOWN - length on: as many bytes of ones as the text has, then zeros. */
extern const unsigned char ls_known_masks[2 * LS_LONGEST_KNOWN];

/* Reads LS_LONGEST_KNOWN bytes, of which the first `length` count. */
LS_INLINE void ls_known_words(const char *text, size_t length, uint64_t words[4])
{
    const char *masks = (const char *)ls_known_masks + LS_LONGEST_KNOWN - length;
    for (size_t i = 0; i < 4; i++)
        words[i] = ls_load_64(text + 8 * i) & ls_load_64(masks + 8 * i);
}

LS_INLINE uint64_t ls_known_hash_words(const uint64_t words[4])
{
    uint64_t head = words[0] ^ (words[2] >> 40 | words[3] << 24),
             tail = words[1] ^ (words[3] >> 40 | words[2] << 24);
    return ls_known_hash(head, tail);
}

/* Whether a text is known, and then its code. */
LS_INLINE bool ls_known_find(const ls_known_texts *known, const char *text, size_t length,
                             uint32_t *code)
{
    uint64_t words[4];
    ls_known_words(text, length, words);
    size_t place = ls_known_place(known, ls_known_hash_words(words));
    const uint64_t *found = known->words[place];
    *code = known->codes[place];
    return ((words[0] ^ found[0]) | (words[1] ^ found[1]) | (words[2] ^ found[2]) |
            (words[3] ^ found[3])) == 0;
}

/* ls_scan.c: LS_OK or LS_ERROR_MEMORY; pairs: a power of two, of at most 65,536. */
int ls_known_init(ls_known_texts *known, ls_context *context, size_t pairs);
void ls_known_free(ls_known_texts *known, ls_context *context, size_t pairs);
/* Remembers a text's code, if a slot of it is free. */
void ls_known_add(ls_known_texts *known, ls_string text, uint32_t code);
#endif
