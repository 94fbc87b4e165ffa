/* Domains and company names in the form in which account matching compares them. */
#include "ls_match.h"
#include "ls_text.h"

#include <utf8proc.h>

/* ---- domains --------------------------------------------------------------------------------- */

static bool starts(ls_string text, const char *with)
{
    size_t length = strlen(with);
    return text.length >= length && memcmp(text.text, with, length) == 0;
}

static void drop(ls_string *text, size_t count)
{
    text->text += count;
    text->length -= count;
}

/* Up to the first of the bytes. */
static void cut(ls_string *text, const char *bytes)
{
    for (size_t i = 0; i < text->length; i++)
        if (strchr(bytes, text->text[i]) != NULL && text->text[i] != '\0')
            text->length = i;
}

/* After the last '@'; false: there is none. */
static bool after_at(ls_string *text)
{
    for (size_t i = text->length; i > 0; i--) {
        if (text->text[i - 1] == '@') {
            drop(text, i);
            return true;
        }
    }
    return false;
}

/* https://www.acme.com:443/about -> acme.com */
static ls_string host_of(ls_string text)
{
    for (size_t i = 0; i + 2 < text.length; i++) {
        if (memcmp(text.text + i, "://", 3) == 0) {
            drop(&text, i + 3);
            break;
        }
    }
    cut(&text, "/?#: \t");
    after_at(&text);
    if (starts(text, "*."))
        drop(&text, 2);
    if (starts(text, "www."))
        drop(&text, 4);
    return text;
}

int ls_match_domain(ls_string text, bool address, ls_buffer *out)
{
    ls_string domain = ls_trim(text.text, text.length);
    out->length = 0;
    if (domain.length == 0)
        return LS_OK;
    if (ls_fold(domain.text, domain.length, out) != LS_OK || out->failed)
        return LS_ERROR_MEMORY;
    domain = (ls_string){out->data, out->length};
    if (address) {
        cut(&domain, ";,"); /* of several addresses, the first */
        if (!after_at(&domain))
            domain.length = 0;
        cut(&domain, "> \t");
    } else {
        domain = host_of(domain);
    }
    while (domain.length > 0 && domain.text[domain.length - 1] == '.')
        domain.length--;
    if (domain.length > 0)
        memmove(out->data, domain.text, domain.length);
    out->length = domain.length;
    return LS_OK;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Words at the end of a name that say its legal form, folded and without dots; "and" so that
 * nothing is left of
 * "& Co. KG". */
static const char *const legal_forms[] = {
    "ab",        "ag",          "aktiengesellschaft",
    "and",       "aps",         "as",
    "asa",       "bhd",         "bv",
    "bvba",      "co",          "company",
    "corp",      "corporation", "cv",
    "doo",       "eg",          "ek",
    "ev",        "eirl",        "gbr",
    "gmbh",      "inc",         "incorporated",
    "kabushiki", "kaisha",      "kft",
    "kg",        "kgaa",        "kk",
    "lda",       "limited",     "limitada",
    "llc",       "llp",         "lp",
    "ltd",       "ltda",        "mbh",
    "nv",        "ohg",         "oo",
    "ooo",       "oy",          "oyj",
    "partg",     "plc",         "private",
    "pte",       "pty",         "pvt",
    "sa",        "sapa",        "sarl",
    "sas",       "sasu",        "sdn",
    "se",        "sl",          "slu",
    "sp",        "spa",         "spzoo",
    "sro",       "srl",         "ug",
    "z",         "zoo",         "zrt",
};

static bool is_legal_form(ls_string word)
{
    for (size_t i = 0; i < sizeof legal_forms / sizeof *legal_forms; i++)
        if (ls_string_equal(word, legal_forms[i], strlen(legal_forms[i])))
            return true;
    return false;
}

typedef enum letter { LETTER_KEPT, LETTER_DROPPED, LETTER_BLANK, LETTER_AND } letter;

static letter kind_of(utf8proc_int32_t point)
{
    if (point == '.' || point == '\'' || point == 0x2019 || point == 0x2018)
        return LETTER_DROPPED; /* S.A. is SA, Moe's is Moes */
    if (point == '&' || point == '+')
        return LETTER_AND;
    utf8proc_category_t category = utf8proc_category(point);
    bool word = (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO);
    return word ? LETTER_KEPT : LETTER_BLANK;
}

/* Adds a blank unless the words so far end with one. */
static void add_blank(ls_buffer *out, size_t start)
{
    if (out->length > start && out->data[out->length - 1] != ' ')
        ls_buffer_add(out, " ", 1);
}

/* Appends the words of the folded name, with single blanks between them, after what the buffer has.
 */
static void add_words(ls_buffer *out, size_t length)
{
    size_t start = out->length;
    for (size_t i = 0; i < length && !out->failed;) {
        utf8proc_int32_t point;
        utf8proc_ssize_t size = utf8proc_iterate((const utf8proc_uint8_t *)out->data + i,
                                                 (utf8proc_ssize_t)(length - i), &point);
        letter kind = size > 0 ? kind_of(point) : LETTER_KEPT;
        char bytes[4];
        size_t count = size > 0 ? (size_t)size : 1;
        memcpy(bytes, out->data + i, count); /* adding may move the buffer */
        if (kind == LETTER_AND || kind == LETTER_BLANK)
            add_blank(out, start);
        if (kind == LETTER_AND)
            ls_buffer_add(out, "and ", 4);
        else if (kind == LETTER_KEPT)
            ls_buffer_add(out, bytes, count);
        i += count;
    }
}

/* Takes legal forms from the end, but never the last word. */
static ls_string without_forms(ls_string name)
{
    for (;;) {
        while (name.length > 0 && name.text[name.length - 1] == ' ')
            name.length--;
        size_t word = name.length;
        while (word > 0 && name.text[word - 1] != ' ')
            word--;
        if (word == 0 || !is_legal_form((ls_string){name.text + word, name.length - word}))
            return name;
        name.length = word;
    }
}

int ls_match_name(ls_string text, ls_buffer *out)
{
    ls_string name = ls_trim(text.text, text.length);
    out->length = 0;
    if (name.length == 0)
        return LS_OK;
    if (ls_fold(name.text, name.length, out) != LS_OK || out->failed)
        return LS_ERROR_MEMORY;
    size_t folded = out->length;
    add_words(out, folded);
    if (out->failed)
        return LS_ERROR_MEMORY;
    name = without_forms((ls_string){out->data + folded, out->length - folded});
    memmove(out->data, name.text, name.length);
    out->length = name.length;
    return LS_OK;
}
