/* The slow way of a coder: the dictionary itself. The table in front has one pair of slots a hash
 * and forgets what it held: values that fall together cost a look into the dictionary, never more.
 * It grows with the dictionary, so that columns of few values have small tables. */
#include "ls_coder.h"

#define FIRST_BITS 4
#define LAST_BITS 11 /* 128 KiB: the most that is worth its place in the second-level cache */
#define LINE 64      /* bytes of the cache, and of a pair of slots */

static size_t block_size(unsigned bits)
{
    return ((size_t)LINE << bits) + LINE;
}

static int make_slots(ls_coder *coder, unsigned bits)
{
    char *block = ls_allocate_zero(coder->context, block_size(bits), 1);
    if (block == NULL)
        return LS_ERROR_MEMORY;
    ls_coder_free(coder);
    size_t past = (size_t)((uintptr_t)block % LINE);
    coder->block = block;
    coder->slots = (ls_coder_slot *)(void *)(block + (past != 0 ? LINE - past : 0));
    coder->bits = bits;
    coder->shift = 64 - bits;
    return LS_OK;
}

int ls_coder_init(ls_coder *coder, ls_context *context)
{
    coder->context = context;
    coder->block = NULL;
    return make_slots(coder, FIRST_BITS);
}

void ls_coder_free(ls_coder *coder)
{
    if (coder->block != NULL)
        ls_free(coder->context, coder->block, block_size(coder->bits));
    coder->block = NULL;
}

bool ls_coder_reads_empty(const ls_coder *coder, ls_string text)
{
    for (size_t i = 0; i < coder->unknown_count; i++)
        if (ls_string_equal(coder->unknown[i], text.text, text.length))
            return true;
    return false;
}

static uint32_t code_of(ls_coder *coder, ls_column *column, ls_string text, uint64_t line)
{
    if (ls_coder_reads_empty(coder, text))
        return 0;
    uint32_t count = column->dictionary.count;
    uint32_t code = ls_dictionary_add(&column->dictionary, text.text, text.length);
    if (code != count)
        return code;
    ls_place place = {coder->source, coder->field, line};
    return ls_column_note(coder->context, column, code, &place) == LS_OK ? code : LS_NO_CODE;
}

uint32_t ls_coder_miss(ls_coder *coder, ls_column *column, ls_string text, const ls_coder_key *key,
                       uint64_t line)
{
    uint32_t code = code_of(coder, column, text, line);
    if (code == LS_NO_CODE)
        return code;
    if (column->dictionary.count >> coder->bits > 1 && coder->bits < LAST_BITS &&
        make_slots(coder, coder->bits + 1) != LS_OK)
        return LS_NO_CODE;
    /* A long text read as empty has no text to be compared with: it comes this way each time. */
    if (code == 0 && text.length > 24)
        return code;
    ls_coder_slot *slot = ls_coder_slot_of(coder, key);
    slot[1] = slot[0];
    slot[0] = (ls_coder_slot){*key, (uint32_t)text.length, code};
    return code;
}
