/* Text of data and literals: trimming, case folding, the number and boolean grammars.
 *
 * Nothing here depends on the locale or allocates outside the caller's buffer. Folding follows the
 * Unicode default (status C and F of CaseFolding.txt) as the utf8proc library has it, one character
 * at a time and without normalisation, so that equal bytes fold to equal bytes. Readers of data
 * call it for each distinct value, the plan for each literal. */
#include "ls_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <math.h>
#include <stdlib.h>
#include <utf8proc.h>

/* ---- trimming, comparing --------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

ls_string ls_trim(const char *text, size_t length)
{
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    while (length > 0 && is_blank(text[0])) {
        text++;
        length--;
    }
    return (ls_string){text, length};
}

#if defined(__SSE2__)
/* Sixteen places at a time, those alone where the first byte and the last are right. positions:
 * where the needle could begin, 16 or more; the last sixteen are looked at together, some of them
 * again. */
static bool contains_by_vectors(ls_string text, ls_string needle, size_t positions)
{
    const size_t last = needle.length - 1;
    const __m128i first_byte = _mm_set1_epi8(needle.text[0]);
    const __m128i last_byte = _mm_set1_epi8(needle.text[last]);
    for (size_t i = 0;; i = i + 32 <= positions ? i + 16 : positions - 16) {
        const char *at = text.text + i;
        __m128i firsts = _mm_loadu_si128((const __m128i *)at);
        __m128i lasts = _mm_loadu_si128((const __m128i *)(at + last));
        __m128i both =
            _mm_and_si128(_mm_cmpeq_epi8(firsts, first_byte), _mm_cmpeq_epi8(lasts, last_byte));
        for (int mask = _mm_movemask_epi8(both); mask != 0; mask &= mask - 1)
            if (memcmp(at + __builtin_ctz((unsigned)mask), needle.text, last) == 0)
                return true;
        if (i + 16 == positions)
            return false;
    }
}
#endif

bool ls_text_contains(ls_string text, ls_string needle)
{
    if (needle.length == 0)
        return true;
#if defined(__SSE2__)
    if (text.length >= needle.length + 15)
        return contains_by_vectors(text, needle, text.length - needle.length + 1);
#endif
    const char *start = text.text;
    size_t left = text.length;
    while (left >= needle.length) {
        const char *found = memchr(start, needle.text[0], left - needle.length + 1);
        if (found == NULL)
            return false;
        if (memcmp(found, needle.text, needle.length) == 0)
            return true;
        left -= (size_t)(found - start) + 1;
        start = found + 1;
    }
    return false;
}

bool ls_text_starts(ls_string text, ls_string needle)
{
    return text.length >= needle.length && ls_string_equal(needle, text.text, needle.length);
}

bool ls_text_ends(ls_string text, ls_string needle)
{
    return text.length >= needle.length &&
           (needle.length == 0 ||
            memcmp(text.text + (text.length - needle.length), needle.text, needle.length) == 0);
}

int ls_string_compare(ls_string a, ls_string b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common != 0 ? memcmp(a.text, b.text, common) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* ---- UTF-8, folding -------------------------------------------------------------------------- */

/* How many bytes at the start are ASCII; eight are looked at together. */
static size_t ascii_prefix(const char *text, size_t length)
{
    size_t i = 0;
    uint64_t bytes;
    for (; length - i >= sizeof bytes; i += sizeof bytes) {
        memcpy(&bytes, text + i, sizeof bytes);
        if ((bytes & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < length && (unsigned char)text[i] < 0x80)
        i++;
    return i;
}

/* Decodes the character at text[0]; its bytes, or a negative number if it is invalid. */
static utf8proc_ssize_t decode(const char *text, size_t length, utf8proc_int32_t *character)
{
    size_t longest = length < 4 ? length : 4;
    return utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)longest, character);
}

bool ls_utf8_valid(const char *text, size_t length)
{
    size_t i = ascii_prefix(text, length);
    while (i < length) {
        utf8proc_int32_t character;
        utf8proc_ssize_t taken = decode(text + i, length - i, &character);
        if (taken < 1)
            return false;
        i += (size_t)taken;
        i += ascii_prefix(text + i, length - i);
    }
    return true;
}

const char *ls_unicode_version(void)
{
    return utf8proc_unicode_version();
}

/* Into room that has been reserved. */
static void add_folded_ascii(ls_buffer *buffer, const char *text, size_t length)
{
    char *out = buffer->data + buffer->length;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        out[i] = (char)(c + ((c >= 'A' && c <= 'Z') ? 'a' - 'A' : 0));
    }
    buffer->length += length;
}

size_t ls_text_width(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length;) {
        utf8proc_int32_t character;
        utf8proc_ssize_t taken = decode(text + i, length - i, &character);
        width += taken < 1 ? 1 : (size_t)utf8proc_charwidth(character);
        i += taken < 1 ? 1 : (size_t)taken;
    }
    return width;
}

/* Longest folding of one character in Unicode is 3; utf8proc folds what it has folded once more. */
#define LONGEST_FOLDING 16

static void add_folded_character(ls_buffer *buffer, const char *text, size_t length,
                                 utf8proc_int32_t character)
{
    utf8proc_int32_t folded[LONGEST_FOLDING];
    int boundary = 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char(character, folded, LONGEST_FOLDING, UTF8PROC_CASEFOLD, &boundary);
    if (count < 1 || count > LONGEST_FOLDING) {
        ls_buffer_add(buffer, text, length);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t size = utf8proc_encode_char(folded[i], bytes);
        ls_buffer_add(buffer, (const char *)bytes, (size_t)size);
    }
}

static void fold_ascii_run(ls_buffer *buffer, const char *text, size_t length)
{
    if (length == 0 || buffer->failed)
        return;
    if (length > SIZE_MAX - buffer->length ||
        ls_grow(buffer->context, &buffer->data, &buffer->capacity, buffer->length + length, 1) !=
            LS_OK) {
        buffer->failed = true;
        return;
    }
    add_folded_ascii(buffer, text, length);
}

/* Bytes that folding changes, or might: from 0x80 on, and A to Z. Sums of seven bits and seven stay
 * within their byte. */
LS_INLINE uint64_t bytes_to_fold(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t low = bytes & ~tops;
    uint64_t from_a = low + ones * (0x80 - 'A'), past_z = low + ones * (0x80 - 'Z' - 1);
    return (bytes | (from_a & ~past_z)) & tops;
}

bool ls_is_folded(const char *text, size_t length)
{
    uint64_t bytes = 0, found = 0;
    size_t i = 0;
    for (; i + sizeof bytes <= length; i += sizeof bytes) {
        memcpy(&bytes, text + i, sizeof bytes);
        found |= bytes_to_fold(bytes);
    }
    bytes = 0;
    for (; i < length; i++) {
        bytes = bytes << 8 | (unsigned char)text[i];
    }
    return (found | bytes_to_fold(bytes)) == 0;
}

int ls_fold(const char *text, size_t length, ls_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    size_t i = ascii_prefix(text, length);
    if (i < length && !ls_utf8_valid(text + i, length - i)) {
        ls_buffer_add(buffer, text, length);
        return buffer->failed ? LS_ERROR_MEMORY : LS_OK;
    }
    fold_ascii_run(buffer, text, i);
    while (i < length && !buffer->failed) {
        utf8proc_int32_t character;
        size_t taken = (size_t)decode(text + i, length - i, &character);
        add_folded_character(buffer, text + i, taken, character);
        i += taken;
        size_t run = ascii_prefix(text + i, length - i);
        fold_ascii_run(buffer, text + i, run);
        i += run;
    }
    return buffer->failed ? LS_ERROR_MEMORY : LS_OK;
}

int ls_fold_text(ls_context *context, const char *text, size_t length, ls_writer writer, void *user,
                 ls_error *error)
{
    ls_buffer buffer = {.context = context};
    int status = ls_fold(text, length, &buffer);
    if (status != LS_OK)
        status = ls_fail_memory(error);
    else if (buffer.length != 0 && writer(user, buffer.data, buffer.length) != 0)
        status = ls_fail(error, LS_ERROR_IO, "could not write the folded text");
    ls_buffer_free(&buffer);
    return status;
}

/* ---- booleans -------------------------------------------------------------------------------- */

static bool equal_any_case(const char *text, size_t length, const char *lower)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (c != lower[i])
            return false;
    }
    return true;
}

bool ls_boolean_read(const char *text, size_t length, bool *out)
{
    static const struct {
        char word[6];
        unsigned char length;
        bool value;
    } words[] = {{"true", 4, true}, {"false", 5, false}, {"yes", 3, true},
                 {"no", 2, false},  {"1", 1, true},      {"0", 1, false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].length == length && equal_any_case(text, length, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A number's text, taken apart: its value is 0.DIGITS x 10^(exponent + digits before the point). */
typedef struct number_parts {
    const char *whole, *fraction;
    size_t whole_length, fraction_length;
    int64_t exponent; /* held within EXPONENT_BOUND */
    bool negative;
} number_parts;

/* Far past every text's length, so that a held exponent still outweighs the digits, and no sum of
 * the two overflows. */
#define EXPONENT_BOUND (INT64_C(1) << 56)

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && (unsigned char)(*p - '0') <= 9)
        p++;
    return p;
}

static bool scan_exponent(const char *p, const char *end, int64_t *out)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || skip_digits(p, end) != end)
        return false;
    int64_t exponent = 0;
    for (; p < end; p++) {
        exponent = exponent * 10 + (*p - '0');
        if (exponent > EXPONENT_BOUND)
            exponent = EXPONENT_BOUND;
    }
    *out = negative ? -exponent : exponent;
    return true;
}

static bool scan_number(const char *text, size_t length, number_parts *parts)
{
    const char *p = text, *end = text + length;
    memset(parts, 0, sizeof *parts);
    parts->negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    parts->whole = p;
    p = skip_digits(p, end);
    parts->whole_length = (size_t)(p - parts->whole);
    if (p < end && *p == '.') {
        parts->fraction = ++p;
        p = skip_digits(p, end);
        parts->fraction_length = (size_t)(p - parts->fraction);
        if (parts->fraction_length == 0)
            return false;
    }
    if (parts->whole_length == 0 && parts->fraction_length == 0)
        return false;
    if (p == end)
        return true;
    return (*p == 'e' || *p == 'E') && scan_exponent(p + 1, end, &parts->exponent);
}

/* The significant digits of a number, as far as they decide which double is nearest: at most 767 of
 * a double's halfway points matter (1074 binary places), and one digit more says whether anything
 * but zeros followed. */
#define MOST_DIGITS 800
typedef struct number_digits {
    char text[MOST_DIGITS + 1];
    size_t count;
    int64_t exponent; /* value: digits as an integer x 10^exponent */
    bool rest;        /* a digit other than 0 was left out */
} number_digits;

static void add_digits(number_digits *out, const char *text, size_t length, bool fraction)
{
    for (size_t i = 0; i < length; i++) {
        bool kept = out->count < MOST_DIGITS;
        bool leading = out->count == 0 && text[i] == '0';
        if (kept && !leading)
            out->text[out->count++] = text[i];
        else if (!kept && text[i] != '0')
            out->rest = true;
        /* Each digit kept of the fraction and each one left out of the whole moves the point. */
        out->exponent += fraction ? -(int64_t)kept : (int64_t)!kept;
    }
}

/* "-", MOST_DIGITS + 1 digits, "e-9999" and a zero. */
#define REBUILT_TEXT (MOST_DIGITS + 16)

/* Writes DIGITSe[-]EXPONENT, which strtod reads the same under every locale. |exponent| < 10000. */
static void rebuild(const number_digits *digits, char *out)
{
    memcpy(out, digits->text, digits->count);
    char *p = out + digits->count;
    int64_t exponent = digits->exponent;
    *p++ = 'e';
    if (exponent < 0) {
        *p++ = '-';
        exponent = -exponent;
    }
    for (int64_t unit = 1000; unit > 0; unit /= 10)
        *p++ = (char)('0' + exponent / unit % 10);
    *p = '\0';
}

/* The exact way for every number the short way does not take. */
static bool read_slowly(const number_parts *parts, double *out)
{
    number_digits digits = {.exponent = parts->exponent};
    char text[REBUILT_TEXT];
    add_digits(&digits, parts->whole, parts->whole_length, false);
    add_digits(&digits, parts->fraction, parts->fraction_length, true);
    int64_t magnitude = digits.exponent + (int64_t)digits.count; /* value < 10^magnitude */
    *out = 0;
    if (digits.count == 0 || magnitude < -400)
        return true;
    if (magnitude > 400)
        return false;
    if (digits.rest) {
        digits.text[digits.count++] = '1';
        digits.exponent--;
    }
    rebuild(&digits, text);
    double number = strtod(text, NULL);
    if (!isfinite(number))
        return false;
    /* There is one zero: -0 would be a second key for an equal number. */
    *out = parts->negative && number != 0 ? -number : number;
    return true;
}

static uint64_t digits_value(uint64_t value, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    return value;
}

/* Both the digits (below 2^53) and the power of ten (at most 10^22) are doubles without error, so
 * one multiplication or division rounds once, to the nearest double. False: not such a number. */
static bool read_quickly(const number_parts *parts, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (parts->whole_length > 19 || parts->fraction_length > 19 - parts->whole_length)
        return false;
    uint64_t value = digits_value(0, parts->whole, parts->whole_length);
    value = digits_value(value, parts->fraction, parts->fraction_length);
    int64_t exponent = parts->exponent - (int64_t)parts->fraction_length;
    if (value > UINT64_C(1) << 53 || exponent < -22 || exponent > 22)
        return false;
    double number = (double)value;
    number = exponent < 0 ? number / powers[-exponent] : number * powers[exponent];
    *out = parts->negative && value != 0 ? -number : number;
    return true;
}

bool ls_number_read(const char *text, size_t length, double *out)
{
    number_parts parts;
    return length != 0 && scan_number(text, length, &parts) &&
           (read_quickly(&parts, out) || read_slowly(&parts, out));
}

int ls_read_number(const char *text, size_t length, double *out, ls_error *error)
{
    ls_string trimmed = ls_trim(text, length);
    double number;
    if (!ls_number_read(trimmed.text, trimmed.length, &number))
        return ls_fail(error, LS_ERROR_INPUT, "expected a number, got \"%.*s\"",
                       (int)ls_min((int64_t)trimmed.length, 60), trimmed.text);
    *out = number;
    return LS_OK;
}
