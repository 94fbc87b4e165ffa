/* Texts of a field that were coded lately, as they are in the file: what most rows have is found
 * here at one look, quotes, blanks and empty fields included. Each thread has its own; a text that
 * is not there is looked up in the dictionary. */
#ifndef LS_SCAN_TEXTS_H
#define LS_SCAN_TEXTS_H

#include "ls_dictionary.h"

/* The longest text that is known; so many bytes from the start of any text may be read. */
#define LS_LONGEST_KNOWN 32

/* A line of the cache. */
typedef struct ls_known_text {
    uint64_t words[LS_LONGEST_KNOWN / 8]; /* the text, then zeros: texts here have none */
    uint32_t code;
    uint32_t unused[7];
} ls_known_text;

/* A text has one of two places. All zeros at first: the empty text is known, its code is 0. */
typedef struct ls_known_texts {
    ls_known_text *texts;
    uint16_t *tags; /* by place: what tells the two texts of a pair apart without looking at them */
    unsigned shift; /* 48 - the bits of a pair's number: these stand before those of a tag */
} ls_known_texts;

LS_INLINE uint64_t ls_known_hash(uint64_t head, uint64_t tail)
{
    head *= UINT64_C(0x9e3779b97f4a7c15);
    tail *= UINT64_C(0xc2b2ae3d27d4eb4f);
    return head + (tail ^ tail >> 32);
}

/* Where a text is, if it is known. */
LS_INLINE size_t ls_known_place(const ls_known_texts *known, uint64_t hash)
{
    hash >>= known->shift;
    size_t pair = 2 * (size_t)(hash >> 16);
    return pair + (known->tags[pair] != (uint16_t)hash);
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

/* The code of a text that is known, else LS_NO_CODE. */
LS_INLINE uint32_t ls_known_find(const ls_known_texts *known, const char *text, size_t length)
{
    uint64_t words[4];
    ls_known_words(text, length, words);
    const ls_known_text *found = &known->texts[ls_known_place(known, ls_known_hash_words(words))];
    return ((words[0] ^ found->words[0]) | (words[1] ^ found->words[1]) |
            (words[2] ^ found->words[2]) | (words[3] ^ found->words[3])) == 0
               ? found->code
               : LS_NO_CODE;
}

/* ls_scan.c: LS_OK or LS_ERROR_MEMORY; places: a power of two. */
int ls_known_init(ls_known_texts *known, ls_context *context, size_t places);
void ls_known_free(ls_known_texts *known, ls_context *context, size_t places);
/* Remembers a text's code, if a place of it is free. */
void ls_known_add(const ls_known_texts *known, const char *text, size_t length, uint32_t code);
#endif
