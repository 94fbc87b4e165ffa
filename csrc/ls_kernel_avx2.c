/* Kernels for processors with AVX2. Eight events at a time get the offsets of their entries: their
 * times are compared with every threshold, and events that add nothing are left out. What is left
 * is then added one by one. Everything else is the portable code, compiled for longer vectors.
 *
 * The functions here are compiled for AVX2 one by one, whatever the rest of the library is compiled
 * for, and are only called where the processor has it. */
#include "ls_block_settle.h"
#include "ls_cpu.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>

typedef uint64_t two_words __attribute__((vector_size(16)));

/* ---- which events add something -------------------------------------------------------------- */

typedef struct constants {
    __m256i now, firsts, keep_low, steps;
} constants;

/* Where a chunk's events are. */
typedef struct events {
    const uint8_t *names;
    const void *codes;
    const uint32_t *times;
} events;

LS_INLINE LS_AVX2 __m256i load_times(const uint32_t *times)
{
    const __m256i bias = _mm256_set1_epi32(INT32_MIN);
    return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)times), bias);
}

LS_INLINE LS_AVX2 __m256i passed_threshold(const int32_t threshold[8], __m256i times)
{
    return _mm256_cmpgt_epi32(times, _mm256_loadu_si256((const __m256i *)threshold));
}

/* Minus the number of thresholds that each time has passed. Written out, so that no compiler makes
 * a loop of it. */
LS_INLINE LS_AVX2 __m256i count_passed(const int32_t (*thresholds)[8], __m256i times)
{
    const __m256i passed[8] = {
        passed_threshold(thresholds[0], times), passed_threshold(thresholds[1], times),
        passed_threshold(thresholds[2], times), passed_threshold(thresholds[3], times),
        passed_threshold(thresholds[4], times), passed_threshold(thresholds[5], times),
        passed_threshold(thresholds[6], times), passed_threshold(thresholds[7], times),
    };
    return _mm256_add_epi32(_mm256_add_epi32(_mm256_add_epi32(passed[0], passed[1]),
                                             _mm256_add_epi32(passed[2], passed[3])),
                            _mm256_add_epi32(_mm256_add_epi32(passed[4], passed[5]),
                                             _mm256_add_epi32(passed[6], passed[7])));
}

/* few_names: below 16. */
LS_INLINE LS_AVX2 __m256i first_buckets(const ls_vector_tables *vector, const constants *with,
                                        __m256i names, bool few_names)
{
    return few_names ? _mm256_shuffle_epi8(with->firsts, _mm256_or_si256(names, with->keep_low))
                     : _mm256_i32gather_epi32((const int *)vector->first, names, sizeof(uint32_t));
}

/* many: more than 8 thresholds. */
/* The items of eight events, packed from out on: offset of the entry of class 0 << 16 | code. */
LS_INLINE LS_AVX2 unsigned put_items(const ls_vector_tables *vector, const constants *with,
                                     const events *at, size_t i, unsigned width, bool few_names,
                                     bool many, uint32_t *out)
{
    const __m256i times = load_times(at->times + i);
    const __m256i names = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(at->names + i)));
    __m256i minus = count_passed(vector->thresholds, times);
    if (many) {
        minus = _mm256_add_epi32(minus, count_passed(vector->thresholds + 8, times));
    }
    const __m256i first = first_buckets(vector, with, names, few_names);
    const __m256i silent =
        _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_add_epi32(first, minus), _mm256_setzero_si256()),
                        _mm256_cmpgt_epi32(times, with->now));
    const __m256i offsets =
        _mm256_madd_epi16(_mm256_or_si256(names, _mm256_slli_epi32(minus, 16)), with->steps);
    __m256i items = _mm256_slli_epi32(offsets, 16);
    if (width == 1) {
        const void *codes = (const uint8_t *)at->codes + i;
        items = _mm256_or_si256(items, _mm256_cvtepu8_epi32(_mm_loadl_epi64(codes)));
    } else if (width == 2) {
        const void *codes = (const uint16_t *)at->codes + i;
        items = _mm256_or_si256(items, _mm256_cvtepu16_epi32(_mm_loadu_si128(codes)));
    }
    const unsigned mask = ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(silent)) & 0xff;
    const __m256i places =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(vector->places + mask)));
    _mm256_storeu_si256((__m256i *)out, _mm256_permutevar8x32_epi32(items, places));
    return mask;
}

/* Up to seven events at the end of a chunk, in room for eight; those that are not there are later
 * than any instant. */
typedef struct tail {
    uint8_t names[8];
    uint16_t codes[8];
    uint32_t times[8];
} tail;

LS_INLINE events take_tail(const events *at, size_t i, size_t count, unsigned width, tail *out)
{
    memset(out, 0, sizeof *out);
    memset(out->times, 0xff, sizeof out->times);
    for (size_t k = 0; i + k < count; k++) {
        out->names[k] = at->names[i + k];
        out->times[k] = at->times[i + k];
        if (width == 1) {
            ((uint8_t *)out->codes)[k] = ((const uint8_t *)at->codes)[i + k];
        } else if (width == 2) {
            out->codes[k] = ((const uint16_t *)at->codes)[i + k];
        }
    }
    return (events){out->names, out->codes, out->times};
}

/* The processor does not look beyond a page by itself, and a chunk's times are one. */
#define AHEAD LS_CHUNK_EVENTS
LS_INLINE LS_AVX2 void fetch_ahead(const events *at, size_t i, unsigned width)
{
    __builtin_prefetch(at->times + i);
    __builtin_prefetch(at->names + i);
    if (width != 0) {
        __builtin_prefetch((const char *)at->codes + i * width);
    }
}

/* The items of a chunk; groups: by eight events, the items before them << 8 | which are items. */
LS_INLINE LS_AVX2 size_t list_items(const ls_vector_tables *vector, const events *at, size_t count,
                                    unsigned width, bool few_names, bool many,
                                    ls_block_memory *memory)
{
    const constants with = {
        _mm256_set1_epi32(vector->now),
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)vector->few_firsts)),
        _mm256_set1_epi32((int)0x80808000),
        _mm256_set1_epi32((int)((uint32_t)(uint16_t)vector->name_step |
                                (uint32_t)(uint16_t)-vector->bucket_step << 16)),
    };
    uint32_t *restrict groups = memory->names, *restrict out = memory->items;
    size_t items = 0, i = 0;
    tail rest;
    const events last = take_tail(at, count / 8 * 8, count, width, &rest);
    for (; i < count; i += 8) {
        const bool whole = i + 8 <= count;
        fetch_ahead(at, i + AHEAD, width);
        unsigned mask = put_items(vector, &with, whole ? at : &last, whole ? i : 0, width,
                                  few_names, many, out + items);
        groups[i / 8] = (uint32_t)(items << 8) | mask;
        items += (size_t)_mm_popcnt_u32(mask);
    }
    groups[i / 8] = (uint32_t)(items << 8);
    return items;
}

LS_INLINE LS_AVX2 size_t list_of_width(const ls_vector_tables *vector, const events *at,
                                       size_t count, unsigned width, ls_block_memory *memory)
{
    if (vector->few_names && vector->threshold_count <= 8) {
        return list_items(vector, at, count, width, true, false, memory);
    }
    if (vector->few_names) {
        return list_items(vector, at, count, width, true, true, memory);
    }
    return list_items(vector, at, count, width, false, true, memory);
}

static LS_AVX2 size_t list_chunk(const ls_block_tables *block, size_t begin, size_t count,
                                 ls_block_memory *memory)
{
    const ls_events *of = &block->binding->dataset->events;
    const unsigned width = block->column ? block->column->width : 0;
    const events at = {(const uint8_t *)of->event.codes + begin,
                       width ? (const char *)block->column->codes + begin * width : NULL,
                       (const uint32_t *)of->times + begin};
    if (width == 0) {
        return list_of_width(&block->vector, &at, count, 0, memory);
    }
    if (width == 1) {
        return list_of_width(&block->vector, &at, count, 1, memory);
    }
    return list_of_width(&block->vector, &at, count, 2, memory);
}

/* The first item of each row of the chunk. */
static LS_AVX2 void find_bounds(const uint32_t *groups, const ls_block_part *chunk,
                                ls_block_memory *memory)
{
    for (size_t i = 0; i <= chunk->rows; i++) {
        const uint32_t event = (uint32_t)(chunk->first[i] - chunk->first[0]);
        const uint32_t group = groups[event / 8];
        memory->bounds[i] =
            (uint16_t)((group >> 8) + (uint32_t)_mm_popcnt_u32(_bzhi_u32(group, event % 8)));
    }
}

/* ---- what they add --------------------------------------------------------------------------- */

LS_INLINE uint32_t entry_of(const ls_vector_tables *vector, uint32_t item)
{
    return (item >> 16) + vector->classes[item & 0xffff];
}

static LS_AVX2 void run_one_word(const ls_vector_tables *vector, size_t count,
                                 ls_block_memory *memory)
{
    const uint32_t *items = memory->items;
    const uint64_t *entries = vector->entries.words;
    uint64_t *restrict running = memory->running, sum = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        running[i] = sum;
        sum += entries[entry_of(vector, items[i])];
        running[i + 1] = sum;
        sum += entries[entry_of(vector, items[i + 1])];
        running[i + 2] = sum;
        sum += entries[entry_of(vector, items[i + 2])];
        running[i + 3] = sum;
        sum += entries[entry_of(vector, items[i + 3])];
    }
    for (; i < count; i++) {
        running[i] = sum;
        sum += entries[entry_of(vector, items[i])];
    }
    running[count] = sum;
}

static LS_AVX2 void run_two_words(const ls_vector_tables *vector, size_t count,
                                  ls_block_memory *memory)
{
    const uint32_t *items = memory->items;
    const two_words *entries = (const two_words *)vector->entries.words;
    two_words *restrict running = (two_words *)memory->running, sum = {0, 0};
    for (size_t i = 0; i < count; i++) {
        running[i] = sum;
        sum += entries[entry_of(vector, items[i])];
    }
    running[count] = sum;
}

static LS_AVX2 void add(const ls_block_tables *block, const ls_block_part *chunk,
                        ls_block_memory *memory)
{
    size_t begin = (size_t)chunk->first[0], count = (size_t)chunk->first[chunk->rows] - begin;
    if (!block->vector.ready) {
        ls_portable_kernels.add(block, chunk, memory);
        return;
    }
    count = list_chunk(block, begin, count, memory);
    find_bounds(memory->names, chunk, memory);
    if (block->words == 1) {
        run_one_word(&block->vector, count, memory);
    } else if (block->words == 2) {
        run_two_words(&block->vector, count, memory);
    } else {
        for (size_t i = 0; i < count; i++) {
            memory->indexes[i] = (uint16_t)entry_of(&block->vector, memory->items[i]);
        }
        memory->table = block->vector.entries.words;
    }
}

/* Eight events at a time. */
static LS_AVX2 size_t keep(const ls_block_tables *block, const ls_block_part *chunk,
                           ls_block_memory *memory)
{
    const ls_events *of = &block->binding->dataset->events;
    const size_t begin = (size_t)chunk->first[0], count = (size_t)chunk->first[chunk->rows] - begin;
    const uint8_t *codes = (const uint8_t *)of->event.codes + begin;
    const uint32_t *times = (const uint32_t *)of->times + begin;
    const __m256i bias = _mm256_set1_epi32(INT32_MIN);
    const __m256i now = _mm256_set1_epi32((int32_t)(block->silence.now ^ UINT32_C(0x80000000)));
    uint32_t *restrict groups = memory->items;
    size_t found = 0, i = 0;
    if (of->event.width != 1) {
        return ls_block_keep(block, chunk, memory);
    }
    for (; i + 8 <= count; i += 8) {
        const __m256i time = _mm256_loadu_si256((const __m256i *)(const void *)(times + i));
        const __m256i names = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(codes + i)));
        const __m256i since =
            _mm256_i32gather_epi32((const int *)block->silence.since, names, sizeof(uint32_t));
        const __m256i biased = _mm256_xor_si256(time, bias);
        const __m256i out =
            _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_xor_si256(since, bias), biased),
                            _mm256_cmpgt_epi32(biased, now));
        const unsigned mask = ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(out)) & 0xff;
        const __m256i places =
            _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(block->vector.places + mask)));
        const __m256i events = _mm256_add_epi32(_mm256_set1_epi32((int32_t)i), places);
        _mm256_storeu_si256((__m256i *)(void *)(memory->kept + found), events);
        _mm256_storeu_si256((__m256i *)(void *)(memory->kept_times + found),
                            _mm256_permutevar8x32_epi32(time, places));
        _mm256_storeu_si256((__m256i *)(void *)(memory->names + found),
                            _mm256_permutevar8x32_epi32(names, places));
        groups[i / 8] = (uint32_t)(found << 8) | mask;
        found += (size_t)_mm_popcnt_u32(mask);
    }
    groups[i / 8] = (uint32_t)(found << 8);
    for (unsigned k = 0; i + k < count; k++) {
        const uint32_t time = times[i + k];
        const uint32_t in =
            (time >= block->silence.since[codes[i + k]]) & (time <= block->silence.now);
        memory->kept[found] = (uint32_t)(i + k);
        memory->kept_times[found] = time;
        memory->names[found] = codes[i + k];
        groups[i / 8] |= in << k;
        found += in;
    }
    find_bounds(groups, chunk, memory);
    return found;
}

static LS_AVX2 void count_lanes(const ls_block_tables *block, size_t rows, ls_block_memory *memory)
{
    ls_block_count(block, rows, memory);
}

static LS_AVX2 void settle(const ls_block_tables *block, size_t first, size_t rows,
                           ls_block_memory *memory)
{
    ls_block_settle(block, first, rows, memory);
}

const ls_block_kernels *ls_avx2_kernels(const ls_context *context)
{
    static const ls_block_kernels kernels = {add, keep, count_lanes, settle};
    return ls_cpu_avx2(context) ? &kernels : NULL;
}

#else
const ls_block_kernels *ls_avx2_kernels(const ls_context *context)
{
    (void)context;
    return NULL;
}
#endif
