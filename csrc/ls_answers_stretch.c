/* Looks through a stretch of a dictionary's texts at a time: which needles each of them holds,
 * starts or ends with, and which of them are not so simple. */
#include "ls_answers_stretch.h"

#include "ls_cpu.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The text that the byte at a place is of. */
LS_INLINE size_t text_at(const ls_stretch *stretch, size_t at)
{
    size_t text = stretch->cells[at >> LS_STRETCH_CELL];
    while (stretch->ends[text] <= at) {
        text++;
    }
    return text;
}

bool ls_stretch_begin(ls_stretch *stretch, size_t first, size_t last)
{
    const uint64_t *starts = stretch->needles->dictionary->starts, start = starts[first];
    size_t count = 0, size = 0;
    while (count < LS_STRETCH_TEXTS && first + count < last &&
           starts[first + count + 1] - start <= LS_STRETCH_BYTES) {
        size = (size_t)(starts[first + count + 1] - start);
        stretch->ends[count++] = (uint32_t)size;
    }
    stretch->first = first;
    stretch->count = count;
    stretch->size = size;
    stretch->bytes = stretch->needles->dictionary->bytes + start;
    memset(stretch->marks, 0, count);
    memset(stretch->found, 0, count * sizeof *stretch->found);
    return count > 0;
}

static void make_cells(ls_stretch *stretch)
{
    size_t text = 0;
    for (size_t cell = 0; cell << LS_STRETCH_CELL < stretch->size; cell++) {
        while (stretch->ends[text] <= cell << LS_STRETCH_CELL) {
            text++;
        }
        stretch->cells[cell] = (uint16_t)text;
    }
}

/* There is slack behind the bytes, so that a word can be read from any of them. */
LS_INLINE bool is_at(const ls_needle *needle, const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return ((word ^ needle->head) & needle->mask) == 0 &&
           (needle->text.length <= sizeof word ||
            memcmp(at + sizeof word, needle->text.text + sizeof word,
                   needle->text.length - sizeof word) == 0);
}

LS_INLINE bool is_upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

static void mark_byte(ls_stretch *stretch, size_t at, bool *upper)
{
    const unsigned char byte = (unsigned char)stretch->bytes[at];
    if (byte >= 0x80) {
        stretch->marks[text_at(stretch, at)] |= LS_STRETCH_LONG;
    } else if (is_upper(byte)) {
        stretch->marks[text_at(stretch, at)] |= LS_STRETCH_UPPER;
        *upper = true;
    }
}

#if defined(LS_HAS_AVX2_CODE)
/* The first bytes, 32 at a time; how many were looked at. */
static LS_AVX2 size_t mark_by_avx2(ls_stretch *stretch, bool *upper)
{
    const __m256i from_a = _mm256_set1_epi8((char)(0x80 - 'A'));
    const __m256i past_z = _mm256_set1_epi8(-128 + 26);
    size_t i = 0;
    for (; i + 32 <= stretch->size; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(stretch->bytes + i));
        __m256i capitals = _mm256_cmpgt_epi8(past_z, _mm256_add_epi8(bytes, from_a));
        unsigned mask = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(bytes, capitals));
        for (; LS_UNLIKELY(mask != 0); mask &= mask - 1) {
            mark_byte(stretch, i + (size_t)__builtin_ctz(mask), upper);
        }
    }
    return i;
}
#endif

/* Marks texts that are not folded; whether some have capitals. */
static bool mark_bytes(ls_stretch *stretch)
{
    bool upper = false;
    size_t i = 0;
#if defined(LS_HAS_AVX2_CODE)
    if (stretch->needles->avx2) {
        i = mark_by_avx2(stretch, &upper);
    }
#endif
#if defined(__SSE2__)
    const __m128i from_a = _mm_set1_epi8((char)(0x80 - 'A')), past_z = _mm_set1_epi8(-128 + 26);
    for (; i + 16 <= stretch->size; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(stretch->bytes + i));
        __m128i capitals = _mm_cmplt_epi8(_mm_add_epi8(bytes, from_a), past_z);
        int mask = _mm_movemask_epi8(_mm_or_si128(bytes, capitals));
        for (; mask != 0; mask &= mask - 1) {
            mark_byte(stretch, i + (size_t)__builtin_ctz((unsigned)mask), &upper);
        }
    }
#endif
    for (; i < stretch->size; i++) {
        mark_byte(stretch, i, &upper);
    }
    return upper;
}

static void fold_stretch(ls_stretch *stretch)
{
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i from_a = _mm_set1_epi8((char)(0x80 - 'A')), past_z = _mm_set1_epi8(-128 + 26);
    for (; i + 16 <= stretch->size; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(stretch->bytes + i));
        __m128i capitals = _mm_cmplt_epi8(_mm_add_epi8(bytes, from_a), past_z);
        bytes = _mm_or_si128(bytes, _mm_and_si128(capitals, _mm_set1_epi8('a' - 'A')));
        _mm_storeu_si128((__m128i *)(void *)(stretch->lower + i), bytes);
    }
#endif
    for (; i < stretch->size; i++) {
        unsigned char byte = (unsigned char)stretch->bytes[i];
        stretch->lower[i] = (char)(byte + (is_upper(byte) ? 'a' - 'A' : 0));
    }
    stretch->bytes = stretch->lower;
}

LS_INLINE void note_needle(ls_stretch *stretch, const ls_needle *needle, size_t at, uint64_t bit)
{
    if (is_at(needle, stretch->bytes + at)) {
        size_t text = text_at(stretch, at);
        stretch->found[text] |= at + needle->text.length <= stretch->ends[text] ? bit : 0;
    }
}

#if defined(LS_HAS_AVX2_CODE)
/* The first places, 32 at a time; how many were looked at. */
static LS_AVX2 size_t find_by_avx2(ls_stretch *stretch, const ls_needle *needle, size_t places,
                                   uint64_t bit)
{
    const __m256i first = _mm256_set1_epi8(needle->text.text[needle->first]);
    const __m256i second = _mm256_set1_epi8(needle->text.text[needle->second]);
    size_t i = 0;
    for (; i + 32 <= places; i += 32) {
        const char *at = stretch->bytes + i;
        __m256i one = _mm256_loadu_si256((const __m256i *)(const void *)(at + needle->first));
        __m256i other = _mm256_loadu_si256((const __m256i *)(const void *)(at + needle->second));
        unsigned mask = (unsigned)_mm256_movemask_epi8(
            _mm256_and_si256(_mm256_cmpeq_epi8(one, first), _mm256_cmpeq_epi8(other, second)));
        for (; LS_UNLIKELY(mask != 0); mask &= mask - 1) {
            note_needle(stretch, needle, i + (size_t)__builtin_ctz(mask), bit);
        }
    }
    return i;
}
#endif

static void find_anywhere(ls_stretch *stretch, const ls_needle *needle, uint64_t bit)
{
    const size_t length = needle->text.length;
    const char *bytes = stretch->bytes;
    size_t i = 0, places = length <= stretch->size ? stretch->size - length + 1 : 0;
#if defined(LS_HAS_AVX2_CODE)
    if (stretch->needles->avx2) {
        i = find_by_avx2(stretch, needle, places, bit);
    }
#endif
#if defined(__SSE2__)
    const __m128i first = _mm_set1_epi8(needle->text.text[needle->first]);
    const __m128i second = _mm_set1_epi8(needle->text.text[needle->second]);
    for (; i + 16 <= places; i += 16) {
        const char *at = bytes + i;
        __m128i one = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->first));
        __m128i other = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->second));
        int mask = _mm_movemask_epi8(
            _mm_and_si128(_mm_cmpeq_epi8(one, first), _mm_cmpeq_epi8(other, second)));
        for (; LS_UNLIKELY(mask != 0); mask &= mask - 1) {
            note_needle(stretch, needle, i + (size_t)__builtin_ctz((unsigned)mask), bit);
        }
    }
#endif
    for (; i < places; i++) {
        if (bytes[i + needle->first] == needle->text.text[needle->first]) {
            note_needle(stretch, needle, i, bit);
        }
    }
}

/* of_start: at the start of texts, else at their end. */
LS_INLINE void find_at(ls_stretch *stretch, const ls_needle *needle, uint64_t bit, bool of_start)
{
    const size_t length = needle->text.length;
    const uint64_t head = needle->head, mask = needle->mask;
    const uint32_t *restrict ends = stretch->ends;
    uint64_t *restrict found = stretch->found;
    for (size_t i = 0, start = 0, end; i < stretch->count; start = end, i++) {
        uint64_t word;
        end = ends[i];
        if (length > end - start) {
            continue;
        }
        const char *at = stretch->bytes + (of_start ? start : end - length);
        memcpy(&word, at, sizeof word);
        if (((word ^ head) & mask) == 0 && is_at(needle, at)) {
            found[i] |= bit;
        }
    }
}

static void find_at_ends(ls_stretch *stretch, const ls_needle *needle, uint64_t bit)
{
    if (needle->place == LS_AT_START) {
        find_at(stretch, needle, bit, true);
    } else {
        find_at(stretch, needle, bit, false);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Texts that are trimmed before they are asked. Hardly any begins or ends with a byte that is not
 * past all blanks. */
static void mark_blanks(ls_stretch *stretch)
{
    for (size_t i = 0, start = 0; i < stretch->count; start = stretch->ends[i++]) {
        const size_t end = stretch->ends[i];
        if (start == end) {
            stretch->marks[i] |= LS_STRETCH_LONG;
            continue;
        }
        const unsigned char first = (unsigned char)stretch->bytes[start];
        const unsigned char last = (unsigned char)stretch->bytes[end - 1];
        if (LS_UNLIKELY((first <= ' ') | (last <= ' ')) &&
            (is_blank((char)first) || is_blank((char)last))) {
            stretch->marks[i] |= LS_STRETCH_LONG;
        }
    }
}

void ls_stretch_look(ls_stretch *stretch)
{
    mark_blanks(stretch);
    if (!stretch->needles->scans) {
        return;
    }
    make_cells(stretch);
    if (mark_bytes(stretch) && stretch->needles->lower) {
        fold_stretch(stretch);
    }
    for (size_t i = 0; i < stretch->needles->count; i++) {
        const ls_needle *needle = &stretch->needles->all[i];
        if (needle->text.length == 0) {
            continue; /* all have it */
        }
        if (needle->place == LS_ANYWHERE) {
            find_anywhere(stretch, needle, UINT64_C(1) << i);
        } else {
            find_at_ends(stretch, needle, UINT64_C(1) << i);
        }
    }
}
