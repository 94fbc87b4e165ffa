/* What coding needs once per distinct text. */
#include "ls_coder.h"

void ls_coder_init(ls_coder *coder, ls_context *context, const ls_string *unknown, size_t count)
{
    coder->context = context;
    coder->unknown = unknown;
    coder->unknown_count = count;
    coder->unknown_lengths = 0;
    for (size_t i = 0; i < count; i++)
        coder->unknown_lengths |= UINT64_C(1) << (unknown[i].length & 63);
}

bool ls_coder_is_unknown(const ls_coder *coder, ls_string text)
{
    for (size_t i = 0; i < coder->unknown_count; i++)
        if (ls_string_equal(coder->unknown[i], text.text, text.length))
            return true;
    return false;
}

uint32_t ls_coder_add(const ls_coder *coder, ls_column *column, ls_string text, uint32_t hash,
                      uint64_t line)
{
    uint32_t code = ls_dictionary_append(&column->dictionary, text.text, text.length, hash);
    if (code == LS_NO_CODE)
        return code;
    ls_place place = {coder->source, coder->field, line};
    return ls_column_note(coder->context, column, code, &place) == LS_OK ? code : LS_NO_CODE;
}
