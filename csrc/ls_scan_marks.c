/* Cutting a chunk: where fields end, quoted ones included, up to where something is not plain. */
#include "ls_cpu.h"
#include "ls_marks.h"
#include "ls_scan.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>
#endif

/* What was before a block of 64 bytes. */
typedef struct before {
    uint64_t inside; /* all ones inside quotes */
    uint64_t ends;   /* 1: the byte before ended a field */
    uint64_t closed; /* 1: the byte before was a quote that closed */
} before;

/* Answers the ends that are outside quotes. *plain is false where some quote is not around a whole
 * field, or there is a line feed inside quotes, or a zero: the scanner can tell. */
static uint64_t leave_quoted(const char *text, uint64_t all, uint64_t ends, before *before,
                             bool *plain)
{
    uint64_t quotes = ls_bytes_of_64(text, '"') & all, lines = ls_bytes_of_64(text, '\n') & all;
    uint64_t inside = ls_parities(quotes) ^ before->inside;
    uint64_t opening = quotes & inside, closing = quotes & ~inside;
    ends &= ~inside;
    uint64_t after_end = ends << 1 | before->ends, after_closed = closing << 1 | before->closed;
    uint64_t may_follow = ends | opening | ls_bytes_of_64(text, '\r');
    before->inside = (uint64_t)0 - (inside >> 63);
    before->ends = ends >> 63;
    before->closed = closing >> 63;
    *plain = (ls_bytes_of_64(text, '\0') & all) == 0 && (lines & inside) == 0 &&
             (opening & ~(after_end | after_closed)) == 0 &&
             (after_closed & all & ~may_follow) == 0;
    return ends;
}

/* What is found in 64 bytes. */
typedef struct found {
    uint64_t ends, lines;
    bool special;
} found;

LS_INLINE found find_portable(const char *text, char delimiter)
{
    uint64_t lines = ls_bytes_of_64(text, '\n');
    return (found){ls_bytes_of_64(text, delimiter) | lines, lines, ls_special_64(text)};
}

/* Marks the ends of fields; answers where something is not plain, or the length. A function for
 * each way of looking at 64 bytes. */
#define MARK_CHUNK(name, find, lowest)                                                             \
    name(ls_chunk *chunk, char delimiter, size_t *mark_count, size_t *line_count)                  \
    {                                                                                              \
        const char *const text = chunk->text;                                                      \
        const size_t length = chunk->length;                                                       \
        uint32_t *next = chunk->marks;                                                             \
        size_t lines = 0, at = 0;                                                                  \
        before before = {0, 1, 0};                                                                 \
        *next++ = UINT32_MAX;                                                                      \
        for (; at < length; at += 64) {                                                            \
            found found = find(text + at, delimiter);                                              \
            const uint64_t all = ls_low_bits(length - at);                                         \
            uint64_t bits = found.ends & all;                                                      \
            if (LS_UNLIKELY(found.special | (before.inside != 0) | (before.closed != 0))) {        \
                bool plain;                                                                        \
                bits = leave_quoted(text + at, all, bits, &before, &plain);                        \
                if (!plain)                                                                        \
                    break;                                                                         \
            } else {                                                                               \
                before.ends = bits >> 63;                                                          \
            }                                                                                      \
            lines += (unsigned)__builtin_popcountll(found.lines & all);                            \
            uint32_t *out = next;                                                                  \
            next += (unsigned)__builtin_popcountll(bits);                                          \
            for (; out < next;                                                                     \
                 out += 2, bits &= bits - 1) { /* one past the last may be written */              \
                out[0] = (uint32_t)at + (uint32_t)lowest(bits);                                    \
                bits &= bits - 1;                                                                  \
                out[1] = (uint32_t)at + (uint32_t)lowest(bits);                                    \
            }                                                                                      \
        }                                                                                          \
        *mark_count = (size_t)(next - chunk->marks) - 1;                                           \
        *line_count = lines;                                                                       \
    }

static void MARK_CHUNK(mark_portable, find_portable, ls_lowest_bit)

#if defined(LS_HAS_AVX2_CODE)
    LS_AVX2 static inline uint64_t mask_of(__m256i low, __m256i high)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

LS_AVX2 static inline found find_avx2(const char *text, char delimiter_byte)
{
    const __m256i *in = (const __m256i *)(const void *)text;
    const __m256i delimiter = _mm256_set1_epi8(delimiter_byte), line = _mm256_set1_epi8('\n'),
                  quote = _mm256_set1_epi8('"'), zero = _mm256_setzero_si256();
    __m256i low = _mm256_loadu_si256(in), high = _mm256_loadu_si256(in + 1);
    __m256i low_lines = _mm256_cmpeq_epi8(low, line), high_lines = _mm256_cmpeq_epi8(high, line);
    __m256i special = _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(low, quote),
                                                      _mm256_cmpeq_epi8(high, quote)),
                                      _mm256_cmpeq_epi8(_mm256_min_epu8(low, high), zero));
    uint64_t lines = mask_of(low_lines, high_lines);
    return (found){lines | mask_of(_mm256_cmpeq_epi8(low, delimiter),
                                   _mm256_cmpeq_epi8(high, delimiter)),
                   lines, !_mm256_testz_si256(special, special)};
}

LS_AVX2 static void MARK_CHUNK(mark_avx2, find_avx2, _tzcnt_u64)
#endif

    /* Rows from the first on that have the right number of fields. */
    static size_t even_rows(const ls_chunk *chunk, size_t rows, size_t stride)
{
    const uint32_t *mark = chunk->marks + 1;
    for (size_t row = 0; row < rows; row++, mark += stride)
        for (size_t i = 0; i < stride; i++)
            if ((chunk->text[mark[i]] == '\n') != (i == stride - 1))
                return row;
    return rows;
}

void ls_chunk_cut(ls_chunk *chunk, size_t stride, char delimiter)
{
    size_t marks, lines;
#if defined(LS_HAS_AVX2_CODE)
    if (chunk->avx2)
        mark_avx2(chunk, delimiter, &marks, &lines);
    else
#endif
        mark_portable(chunk, delimiter, &marks, &lines);
    const uint32_t *last = chunk->marks + stride; /* of a row */
    size_t rows = marks / stride, ended = 0;
    for (size_t row = 0; row < rows; row++, last += stride)
        ended += chunk->text[*last] == '\n';
    /* As many line feeds as rows, and each at the end of one: no row has more or fewer fields. */
    chunk->row_count = ended == rows && ended == lines ? rows : even_rows(chunk, rows, stride);
    chunk->used = (uint32_t)(chunk->marks[chunk->row_count * stride] + 1);
}
