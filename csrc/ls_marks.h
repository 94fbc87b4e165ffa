/* Finding the bytes of CSV that may mean something, 64 at a time and without branches on data. */
#ifndef LS_MARKS_H
#define LS_MARKS_H

#include "ls_core.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__SSE2__)
LS_INLINE uint64_t ls_bytes_of_16(__m128i bytes, char byte)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)));
}

/* A bit for each of 64 bytes that equals one value. */
LS_INLINE uint64_t ls_bytes_of_64(const char *text, char byte)
{
    const __m128i *in = (const __m128i *)(const void *)text;
    return ls_bytes_of_16(_mm_loadu_si128(in), byte) |
           ls_bytes_of_16(_mm_loadu_si128(in + 1), byte) << 16 |
           ls_bytes_of_16(_mm_loadu_si128(in + 2), byte) << 32 |
           ls_bytes_of_16(_mm_loadu_si128(in + 3), byte) << 48;
}

/* Whether there is a quote or a zero among 64 bytes. */
LS_INLINE bool ls_special_64(const char *text)
{
    const __m128i *in = (const __m128i *)(const void *)text;
    const __m128i quote = _mm_set1_epi8('"'), zero = _mm_setzero_si128();
    __m128i found = zero;
    for (unsigned i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128(in + i);
        found = _mm_or_si128(found, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                                 _mm_cmpeq_epi8(bytes, zero)));
    }
    return _mm_movemask_epi8(found) != 0;
}
#else
/* A bit for each of 64 bytes that equals one value. */
LS_INLINE uint64_t ls_bytes_of_64(const char *text, char byte)
{
    const uint64_t each = UINT64_C(0x0101010101010101), low = each * 0x7f;
    uint64_t found = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t bytes = 0;
        for (unsigned k = 0; k < 8; k++) /* compilers make one load of this */
            bytes |= (uint64_t)(unsigned char)text[i + k] << (8 * k);
        bytes ^= each * (unsigned char)byte;
        uint64_t zero = ~(((bytes & low) + low) | bytes | low); /* high bits of those that are 0 */
        found |= ((zero >> 7) * UINT64_C(0x0102040810204080) >> 56) << i; /* side by side */
    }
    return found;
}

/* Whether there is a quote or a zero among 64 bytes. */
LS_INLINE bool ls_special_64(const char *text)
{
    return (ls_bytes_of_64(text, '"') | ls_bytes_of_64(text, '\0')) != 0;
}
#endif

/* The lowest so many bits. */
LS_INLINE uint64_t ls_low_bits(size_t count)
{
    return LS_LIKELY(count >= 64) ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* A bit for each byte before `end` that is a delimiter, quote, line feed or zero. */
LS_INLINE uint64_t ls_marks_before(const char *data, size_t at, size_t end, char delimiter)
{
    const char *text = data + at;
    uint64_t bits = ls_bytes_of_64(text, delimiter) | ls_bytes_of_64(text, '\n');
    if (LS_UNLIKELY(ls_special_64(text)))
        bits |= ls_bytes_of_64(text, '"') | ls_bytes_of_64(text, '\0');
    return bits & ls_low_bits(end - at);
}

/* Every bit becomes the parity of itself and all below it. */
LS_INLINE uint64_t ls_parities(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

/* The place of the lowest bit that is set; of none anything. */
LS_INLINE unsigned ls_lowest_bit(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits | UINT64_C(1) << 63);
}
#endif
