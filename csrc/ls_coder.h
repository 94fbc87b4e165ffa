/* Coding of texts while a file is read: a look into the column's dictionary, after asking whether
 * the file's reader takes the text as empty, which is code 0. */
#ifndef LS_CODER_H
#define LS_CODER_H

#include "ls_dataset.h"
#include "ls_text.h"

typedef struct ls_coder {
    ls_context *context;
    uint32_t source, field;   /* for places */
    const ls_string *unknown; /* texts that are read as empty */
    size_t unknown_count;
    uint64_t
        unknown_lengths; /* a bit a length, modulo 64: most texts need no more than a look at it */
} ls_coder;

void ls_coder_init(ls_coder *coder, ls_context *context, const ls_string *unknown, size_t count);
bool ls_coder_is_unknown(const ls_coder *coder, ls_string text);
/* Adds a text that is new. */
uint32_t ls_coder_add(const ls_coder *coder, ls_column *column, ls_string text, uint32_t hash,
                      uint64_t line);

LS_INLINE bool ls_coder_reads_empty(const ls_coder *coder, ls_string text)
{
    return LS_UNLIKELY((coder->unknown_lengths >> (text.length & 63) & 1) != 0) &&
           ls_coder_is_unknown(coder, text);
}

/* The code of a trimmed text, added to the column's dictionary if it is new; 8 bytes from any place
 * in the text may be read. LS_NO_CODE: no memory. */
LS_INLINE uint32_t ls_coder_code(const ls_coder *coder, ls_column *column, ls_string text,
                                 uint64_t line)
{
    if (text.length == 0 || ls_coder_reads_empty(coder, text))
        return 0;
    uint32_t hash = ls_hash_text(&column->dictionary, text.text, text.length);
    uint32_t code = ls_dictionary_seek(&column->dictionary, text.text, text.length, hash);
    return LS_LIKELY(code != LS_NO_CODE) ? code : ls_coder_add(coder, column, text, hash, line);
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
