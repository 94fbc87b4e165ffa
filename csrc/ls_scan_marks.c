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

/* Marks of 64 bytes that are written without a look at how many there are: that cannot be foreseen.
 */
#define USUAL_MARKS 6

/* What is looked for in 64 bytes if they are special. */
typedef struct odd_bytes {
    uint64_t quotes, returns, zeros; /* returns: with a line feed behind them */
} odd_bytes;

LS_INLINE odd_bytes odd_portable(const char *text)
{
    return (odd_bytes){ls_bytes_of_64(text, '"'),
                       ls_bytes_of_64(text, '\r') & ls_bytes_of_64(text + 1, '\n'),
                       ls_bytes_of_64(text, '\0')};
}

/* What is found in 64 bytes. */
typedef struct found {
    uint64_t ends, lines;
    bool special;
} found;

/* Whether bytes before were a quote that is not closed, or may be. */
LS_INLINE bool is_open(const struct ls_cut_before *before)
{
    return (before->inside | before->closed) != 0;
}

/* Answers the ends that are outside quotes, of the bytes in `all`. after_end: the byte before them
 * is one. The cut is not plain where some quote is not around a whole field, or there is a line
 * feed inside quotes, or a zero: the scanner can tell. */
LS_INLINE uint64_t leave_quoted(odd_bytes odd, found found, uint64_t all, bool after_end,
                                ls_cut *cut)
{
    struct ls_cut_before *const before = &cut->before;
    uint64_t quotes = odd.quotes & all;
    uint64_t inside = ls_parities(quotes) ^ before->inside;
    uint64_t opening = quotes & inside, closing = quotes & ~inside;
    uint64_t ends = found.ends & all & ~inside;
    uint64_t after_ends = ends << 1 | after_end, after_closed = closing << 1 | before->closed;
    uint64_t may_follow = ends | opening | odd.returns;
    before->inside = (uint64_t)0 - (inside >> 63);
    before->closed = closing >> 63;
    cut->plain = (odd.zeros & all) == 0 && (found.lines & all & inside) == 0 &&
                 (opening & ~(after_ends | after_closed)) == 0 &&
                 (after_closed & all & ~may_follow) == 0;
    return ends;
}

LS_INLINE found find_portable(const char *text, char delimiter)
{
    uint64_t lines = ls_bytes_of_64(text, '\n');
    return (found){ls_bytes_of_64(text, delimiter) | lines, lines, ls_special_64(text)};
}

/* Writes where bits are. Each mark is written by itself: put together first they take longer. */
#define PUT_MARK(i, lowest)                                                                        \
    next[i] = base + (uint32_t)lowest(bits);                                                       \
    __asm__("" : "+m"(next[i]));                                                                   \
    bits &= bits - 1
#define PUT_MARKS(lowest)                                                                          \
    do {                                                                                           \
        const uint32_t base = (uint32_t)at;                                                        \
        uint32_t *const after = next + (unsigned)__builtin_popcountll(bits);                       \
        PUT_MARK(0, lowest);                                                                       \
        PUT_MARK(1, lowest);                                                                       \
        PUT_MARK(2, lowest);                                                                       \
        PUT_MARK(3, lowest);                                                                       \
        PUT_MARK(4, lowest);                                                                       \
        PUT_MARK(5, lowest);                                                                       \
        for (next += USUAL_MARKS; LS_UNLIKELY(next < after); next++, bits &= bits - 1)             \
            *next = base + (uint32_t)lowest(bits);                                                 \
        next = after;                                                                              \
    } while (0)

/* Marks the ends of fields before `to`, up to where something is not plain. A function for each way
 * of looking at 64 bytes. */
#define MARK_CHUNK(name, find, odd_of, lowest)                                                     \
    name(ls_chunk *chunk, ls_cut *cut, size_t to, char delimiter)                                  \
    {                                                                                              \
        const char *const text = chunk->text;                                                      \
        uint32_t *next = chunk->marks + 1 + cut->mark_count;                                       \
        size_t lines = 0, at = cut->at;                                                            \
        const size_t whole = to - (to - at) % 64;                                                  \
        while (at < to) {                                                                          \
            for (const size_t end = is_open(&cut->before) ? at : whole; at < end; at += 64) {      \
                const found found = find(text + at, delimiter);                                    \
                uint64_t bits = found.ends;                                                        \
                if (LS_UNLIKELY(found.special))                                                    \
                    break;                                                                         \
                lines += (unsigned)__builtin_popcountll(found.lines);                              \
                PUT_MARKS(lowest);                                                                 \
            }                                                                                      \
            if (at == to)                                                                          \
                break;                                                                             \
            const uint64_t all = ls_low_bits(to - at);                                             \
            const found found = find(text + at, delimiter);                                        \
            uint64_t bits =                                                                        \
                leave_quoted(odd_of(text + at), found, all, next[-1] == (uint32_t)at - 1, cut);    \
            if (!cut->plain)                                                                       \
                break;                                                                             \
            lines += (unsigned)__builtin_popcountll(found.lines & all);                            \
            PUT_MARKS(lowest);                                                                     \
            at += 64;                                                                              \
        }                                                                                          \
        cut->at = at;                                                                              \
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

LS_AVX2 static inline uint64_t bytes_avx2(const char *text, char byte)
{
    const __m256i *in = (const __m256i *)(const void *)text;
    const __m256i wanted = _mm256_set1_epi8(byte);
    return mask_of(_mm256_cmpeq_epi8(_mm256_loadu_si256(in), wanted),
                   _mm256_cmpeq_epi8(_mm256_loadu_si256(in + 1), wanted));
}

LS_AVX2 static inline odd_bytes odd_avx2(const char *text)
{
    return (odd_bytes){bytes_avx2(text, '"'), bytes_avx2(text, '\r') & bytes_avx2(text + 1, '\n'),
                       bytes_avx2(text, '\0')};
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
    *cut = (ls_cut){.at = chunk->begin, .plain = true};
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
