/* Cutting a chunk: where fields end, quoted ones included, up to where something is not plain. */
#include "ls_cpu.h"
#include "ls_marks.h"
#include "ls_scan.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>
#endif

/* Bytes that are cut before their rows are worked out: they stay in the first-level cache. A
 * multiple of 64. */
#define STEP ((size_t)12 * 1024)

/* Marks of 64 bytes that are written without a look at how many there are. */
#define USUAL_MARKS 6
#define PUT_MARK(i, lowest)                                                                        \
    out[i] = (uint32_t)at + (uint32_t)lowest(bits);                                                \
    bits &= bits - 1

/* What is looked for in 64 bytes if they are special. */
typedef struct odd_bytes {
    uint64_t quotes, returns, zeros;
} odd_bytes;

LS_INLINE odd_bytes odd_portable(const char *text)
{
    return (odd_bytes){ls_bytes_of_64(text, '"'), ls_bytes_of_64(text, '\r'),
                       ls_bytes_of_64(text, '\0')};
}

/* Answers the ends that are outside quotes. *plain is false where some quote is not around a whole
 * field, or there is a line feed inside quotes, or a zero: the scanner can tell. */
LS_INLINE uint64_t leave_quoted(odd_bytes odd, uint64_t lines, uint64_t all, uint64_t ends,
                                struct ls_cut_before *before, bool *plain)
{
    uint64_t quotes = odd.quotes & all;
    uint64_t inside = ls_parities(quotes) ^ before->inside;
    uint64_t opening = quotes & inside, closing = quotes & ~inside;
    ends &= ~inside;
    uint64_t after_end = ends << 1 | before->ends, after_closed = closing << 1 | before->closed;
    uint64_t may_follow = ends | opening | odd.returns;
    before->inside = (uint64_t)0 - (inside >> 63);
    before->ends = ends >> 63;
    before->closed = closing >> 63;
    *plain = (odd.zeros & all) == 0 && (lines & all & inside) == 0 &&
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

/* Marks the ends of fields before `to`, up to where something is not plain. A function for each way
 * of looking at 64 bytes. */
#define MARK_CHUNK(name, find, odd_of, lowest)                                                     \
    name(ls_chunk *chunk, ls_cut *cut, size_t to, char delimiter)                                  \
    {                                                                                              \
        const char *const text = chunk->text;                                                      \
        uint32_t *next = chunk->marks + 1 + cut->mark_count;                                       \
        size_t lines = 0, at = cut->at;                                                            \
        struct ls_cut_before before = cut->before;                                                 \
        for (; at < to; at += 64) {                                                                \
            found found = find(text + at, delimiter);                                              \
            const uint64_t all = ls_low_bits(to - at);                                             \
            uint64_t bits = found.ends & all;                                                      \
            if (LS_UNLIKELY(found.special | (before.inside != 0) | (before.closed != 0))) {        \
                const odd_bytes odd = odd_of(text + at);                                           \
                bits = leave_quoted(odd, found.lines, all, bits, &before, &cut->plain);            \
                if (!cut->plain)                                                                   \
                    break;                                                                         \
            } else {                                                                               \
                before.ends = bits >> 63;                                                          \
            }                                                                                      \
            lines += (unsigned)__builtin_popcountll(found.lines & all);                            \
            uint32_t *out = next;                                                                  \
            next += (unsigned)__builtin_popcountll(bits);                                          \
            /* how many there are cannot be foreseen */                                            \
            PUT_MARK(0, lowest);                                                                   \
            PUT_MARK(1, lowest);                                                                   \
            PUT_MARK(2, lowest);                                                                   \
            PUT_MARK(3, lowest);                                                                   \
            PUT_MARK(4, lowest);                                                                   \
            PUT_MARK(5, lowest);                                                                   \
            for (out += USUAL_MARKS; LS_UNLIKELY(out < next); out++, bits &= bits - 1)             \
                *out = (uint32_t)at + (uint32_t)lowest(bits);                                      \
        }                                                                                          \
        cut->at = at;                                                                              \
        cut->before = before;                                                                      \
        cut->line_count += lines;                                                                  \
        cut->mark_count = (size_t)(next - chunk->marks) - 1;                                       \
    }

static void MARK_CHUNK(mark_portable, find_portable, odd_portable, ls_lowest_bit)

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

LS_AVX2 static inline odd_bytes odd_avx2(const char *text)
{
    const __m256i *in = (const __m256i *)(const void *)text;
    const __m256i quote = _mm256_set1_epi8('"'), back = _mm256_set1_epi8('\r'),
                  zero = _mm256_setzero_si256();
    __m256i low = _mm256_loadu_si256(in), high = _mm256_loadu_si256(in + 1);
    return (odd_bytes){mask_of(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote)),
                       mask_of(_mm256_cmpeq_epi8(low, back), _mm256_cmpeq_epi8(high, back)),
                       mask_of(_mm256_cmpeq_epi8(low, zero), _mm256_cmpeq_epi8(high, zero))};
}

LS_AVX2 static void MARK_CHUNK(mark_avx2, find_avx2, odd_avx2, _tzcnt_u64)
#endif

    /* Rows from row `row` on that have the right number of fields. */
    static size_t even_rows(const ls_chunk *chunk, size_t row, size_t rows, size_t stride)
{
    const uint32_t *mark = chunk->marks + 1 + row * stride;
    for (; row < rows; row++, mark += stride)
        for (size_t i = 0; i < stride; i++)
            if ((chunk->text[mark[i]] == '\n') != (i == stride - 1))
                return row;
    return rows;
}

void ls_cut_begin(ls_cut *cut, ls_chunk *chunk)
{
    *cut = (ls_cut){.at = chunk->begin, .before = {.ends = 1}, .plain = true};
    chunk->marks[0] = (uint32_t)chunk->begin - 1;
}

void ls_cut_rows(ls_cut *cut, ls_chunk *chunk, size_t stride, char delimiter)
{
    size_t to = chunk->length - cut->at > STEP ? cut->at + STEP : chunk->length;
    size_t lines_before = cut->line_count;
#if defined(LS_HAS_AVX2_CODE)
    if (chunk->avx2)
        mark_avx2(chunk, cut, to, delimiter);
    else
#endif
        mark_portable(chunk, cut, to, delimiter);
    size_t rows = cut->mark_count / stride, ended = 0;
    const uint32_t *last = chunk->marks + (cut->row_count + 1) * stride; /* of a row */
    for (size_t row = cut->row_count; row < rows; row++, last += stride)
        ended += chunk->text[*last] == '\n';
    /* As many line feeds as rows, and each at the end of one: no row has more or fewer fields. */
    if (ended != rows - cut->row_count || ended != cut->line_count - lines_before) {
        rows = even_rows(chunk, cut->row_count, rows, stride);
        cut->plain = false;
    }
    cut->row_count = rows;
    cut->ended = !cut->plain || to == chunk->length;
}
