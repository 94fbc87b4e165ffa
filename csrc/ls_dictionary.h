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
        uint32_t hash, code;
    } * slots; /* code 0: free */
    struct ls_entry {
        uint64_t offset;
        uint32_t length, hash;
    } * entries; /* by code */
    size_t entry_capacity;
    char *bytes;
    size_t byte_count, byte_capacity;
} ls_dictionary;

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
    const struct ls_entry *entry = &dictionary->entries[code];
    ls_string text = {dictionary->bytes + entry->offset, entry->length};
    return text;
}
#endif
