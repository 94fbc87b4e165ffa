/* Working out a chunk on processors with AVX2: a text is one load, and bits are cheap to move. */
#include "ls_cpu.h"
#include "ls_scan_texts.h"
#include "ls_uuid.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>

/* Whether a text is known, and then its code. */
static inline LS_AVX2 __attribute__((always_inline)) bool find_known(const ls_known_texts *known,
                                                                     const char *text,
                                                                     size_t length, uint32_t *code)
{
    const __m128i tail_places = /* as ls_known_hash turns them */
        _mm_setr_epi8(11, 12, 13, 14, 15, 8, 9, 10, -1, -1, -1, -1, -1, -1, -1, -1);
    const unsigned char *masks = ls_known_masks + LS_LONGEST_KNOWN - length;
    __m256i words = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)text),
                                     _mm256_loadu_si256((const __m256i *)(const void *)masks));
    __m128i high = _mm256_extracti128_si256(words, 1);
    __m128i mixed = _mm_xor_si128(_mm256_castsi256_si128(words), _mm_alignr_epi8(high, high, 5));
    __m128i tail = _mm_shuffle_epi8(mixed, tail_places);
    uint64_t hash = ls_known_hash((uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(mixed, tail)), 0);
    size_t place = ls_known_place(known, hash);
    const __m256i *found = (const __m256i *)(const void *)known->words[place];
    __m256i same = _mm256_cmpeq_epi64(words, _mm256_loadu_si256(found));
    *code = known->codes[place];
    return _mm256_movemask_epi8(same) == -1;
}

/* HH:MM:SS as seconds of the day, or -1; 8 bytes. */
static inline LS_AVX2 __attribute__((always_inline)) int64_t read_clock(const char *text)
{
    const __m128i least = _mm_set_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 10, 0, 0),
                  most = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 9, 5, 10, 9, 5, 10, 9, 2),
                  tens = _mm_set_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 10, 0, 1, 10, 0, 1, 10),
                  seconds = _mm_set_epi16(0, 0, 0, 0, 1, 60, 60, 3600);
    __m128i digits = _mm_sub_epi8(_mm_loadl_epi64((const __m128i *)(const void *)text),
                                  _mm_set1_epi8('0')); /* a colon comes after 9 */
    __m128i bounded = _mm_min_epu8(_mm_max_epu8(digits, least), most);
    bool good = _mm_movemask_epi8(_mm_cmpeq_epi8(bounded, digits)) == 0xffff;
    /* The hour; the tens of minutes; the minutes without them; the second. */
    __m128i parts = _mm_madd_epi16(_mm_maddubs_epi16(digits, tens), seconds);
    uint64_t sums = (uint64_t)_mm_cvtsi128_si64(parts);
    int64_t clock = (int64_t)((sums & UINT32_MAX) + (sums >> 32));
    return good && clock < 24 * 3600 ? clock : -1;
}

static inline LS_AVX2 __attribute__((always_inline)) __m256i load_two(const char *low,
                                                                      const char *high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(
                                       _mm_loadu_si128((const __m128i *)(const void *)low)),
                                   _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* The digits around the dashes: 0-7, 9-12, 14-17 in one half; 19-22, 24-35 in the other. */
static inline LS_AVX2 __attribute__((always_inline)) bool read_uuid(const char *text, ls_uuid *out)
{
    const __m256i most_places =
                      _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, -1, -1, /**/
                                       0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1),
                  last_places = _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                 -1, 14, 15, /**/
                                                 -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                 -1, -1, 15);
    __m256i bytes =
        _mm256_or_si256(_mm256_shuffle_epi8(load_two(text, text + 19), most_places),
                        _mm256_shuffle_epi8(load_two(text + 2, text + 20), last_places));
    __m256i digits = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0')),
            letters = _mm256_sub_epi8(bytes, _mm256_set1_epi8('a'));
    __m256i is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digits, _mm256_set1_epi8(9)), digits),
            is_letter = _mm256_cmpeq_epi8(_mm256_min_epu8(letters, _mm256_set1_epi8(5)), letters);
    bool good = _mm256_movemask_epi8(_mm256_or_si256(is_digit, is_letter)) == -1;
    __m256i values =
        _mm256_blendv_epi8(_mm256_add_epi8(letters, _mm256_set1_epi8(10)), digits, is_digit);
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0110));
    pairs = _mm256_packus_epi16(pairs, pairs);
    out->head = (uint64_t)_mm256_extract_epi64(pairs, 0);
    out->tail = (uint64_t)_mm256_extract_epi64(pairs, 2);
    return good && ls_uuid_has_dashes(text);
}

LS_AVX2 static size_t count_value_avx2(const uint32_t *values, size_t count, uint32_t value)
{
    const __m256i wanted = _mm256_set1_epi32((int)value);
    __m256i sums = _mm256_setzero_si256();
    uint32_t lanes[8];
    size_t i = 0, found = 0;
    for (; i + 8 <= count; i += 8) /* those that are equal are -1 */
        sums = _mm256_sub_epi32(
            sums, _mm256_cmpeq_epi32(
                      _mm256_loadu_si256((const __m256i *)(const void *)(values + i)), wanted));
    _mm256_storeu_si256((__m256i *)(void *)lanes, sums);
    for (unsigned lane = 0; lane < 8; lane++)
        found += lanes[lane];
    for (; i < count; i++)
        found += values[i] == value;
    return found;
}

#define LS_SCAN_TARGET LS_AVX2
#define LS_SCAN_NAME(name) name##_avx2
#define LS_SCAN_FIND find_known
#define LS_SCAN_CLOCK read_clock
#define LS_SCAN_UUID read_uuid
#include "ls_scan_block.h"

const ls_scan_loops ls_scan_avx2 = {read_contacts_avx2, read_uuids_avx2,    find_uuids_avx2,
                                    read_times_avx2,    find_contacts_avx2, code_known_avx2,
                                    count_value_avx2};
#endif
