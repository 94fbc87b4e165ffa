/* Kernels for processors with AVX2. Of 32 events at a time it is found which may say something, by
 * their names and times; these are put side by side, and eight at a time get the offsets of their
 * entries, which are added one by one. Everything else is the portable code, compiled for longer
 * vectors.
 *
 * The functions here are compiled for AVX2 one by one, whatever the rest of the library is compiled
 * for, and are only called where the processor has it. */
#include "ls_block_settle.h"
#include "ls_cpu.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>

typedef uint64_t two_words __attribute__((vector_size(16)));

/* ---- which events may say something ---------------------------------------------------------- */

/* Where a chunk's events are. */
typedef struct events {
    const uint8_t *names;
    const void *codes; /* of the one property, of `width` bytes; 0: there is none */
    unsigned width;
    const uint32_t *times;
} events;

/* Up to 31 events at the end of all, in room for a group. */
typedef struct tail {
    uint8_t names[LS_GROUP];
    uint16_t codes[LS_GROUP];
    uint32_t times[LS_GROUP];
} tail;

static events take_tail(const events *at, size_t i, size_t count, tail *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->names, at->names + i, count);
    memcpy(out->times, at->times + i, count * sizeof *at->times);
    if (at->width != 0) {
        memcpy(out->codes, (const char *)at->codes + i * at->width, count * at->width);
    }
    return (events){out->names, out->codes, at->width, out->times};
}

LS_INLINE LS_AVX2 __m256i load_names(const uint8_t *names)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)names));
}

/* The high halves of the times of four events, and of the four that are 16 further on: packing
 * works by halves of a vector, and leaves events in order that way. */
LS_INLINE LS_AVX2 __m256i high_halves(const uint32_t *times)
{
    const __m256i these = _mm256_castsi128_si256(_mm_loadu_si128((const void *)times));
    const __m128i further = _mm_loadu_si128((const void *)(times + 16));
    return _mm256_srli_epi32(_mm256_inserti128_si256(these, further, 1), 16);
}

/* Of numbers of 16 bits without a sign: all bits set where not below. */
LS_INLINE LS_AVX2 __m256i not_below(__m256i these, __m256i those)
{
    return _mm256_cmpeq_epi16(_mm256_max_epu16(these, those), these);
}

/* By the high halves of times alone, so some that are a little too old are among them. */
LS_INLINE LS_AVX2 uint32_t mask_few(__m256i low, __m256i high, const events *at, size_t i)
{
    const __m256i names = _mm256_loadu_si256((const void *)(at->names + i));
    const __m256i one = _mm256_shuffle_epi8(low, names), other = _mm256_shuffle_epi8(high, names);
    const uint32_t *times = at->times + i;
    const __m256i first = _mm256_packus_epi32(high_halves(times), high_halves(times + 4));
    const __m256i second = _mm256_packus_epi32(high_halves(times + 8), high_halves(times + 12));
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_packs_epi16(not_below(first, _mm256_unpacklo_epi8(one, other)),
                           not_below(second, _mm256_unpackhi_epi8(one, other))));
}

LS_INLINE LS_AVX2 uint32_t mask_many(const uint32_t *since, const events *at, size_t i)
{
    uint32_t mask = 0;
    for (unsigned k = 0; k < LS_GROUP; k += 8) {
        const __m256i times = _mm256_loadu_si256((const void *)(at->times + i + k));
        const __m256i from =
            _mm256_i32gather_epi32((const int *)since, load_names(at->names + i + k),
                                   sizeof(uint32_t));
        const __m256i in = _mm256_cmpeq_epi32(_mm256_max_epu32(times, from), times);
        mask |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(in)) << k;
    }
    return mask;
}

/* The processor does not look beyond a page by itself, and a chunk's times are one. */
LS_INLINE LS_AVX2 void fetch_ahead(const events *at, size_t i)
{
    __builtin_prefetch(at->times + i);
    __builtin_prefetch(at->times + i + LS_GROUP / 2);
    __builtin_prefetch(at->names + i);
    if (at->width != 0) {
        __builtin_prefetch((const char *)at->codes + i * at->width);
    }
}

/* Where selected events are put down. */
typedef struct outputs {
    uint32_t *restrict times;
    uint32_t *restrict names;  /* of a direct map code << 16 | name */
    uint32_t *restrict events; /* of any map: which of the chunk they are */
} outputs;

/* Puts down what is kept of eight events, those of the chunk from `event` on: `places` are those of
 * the ones that are selected, which stand from `found` on. */
typedef void put_eight(const outputs *out, const events *at, size_t i, size_t event, __m256i places,
                       size_t found);

/* How events are selected. */
typedef struct selector {
    const ls_block_since *since;
    const uint64_t *places; /* by mask of eight */
    outputs out;
    ls_block_group *restrict groups;
    __m256i low, high;
} selector;

/* A group, of whose events those in `there` are events; how many are found then. */
LS_INLINE LS_AVX2 size_t select_group(const selector *of, bool few, put_eight *put,
                                      const events *at, size_t i, size_t event, uint32_t there,
                                      size_t found)
{
    const uint32_t mask =
        there & (few ? mask_few(of->low, of->high, at, i) : mask_many(of->since->times, at, i));
    of->groups[event / LS_GROUP] = (ls_block_group){(uint32_t)found, mask};
#pragma GCC unroll 4
    for (unsigned k = 0; k < LS_GROUP; k += 8) {
        const unsigned eight = mask >> k & 0xff;
        const __m128i places = _mm_loadl_epi64((const void *)(of->places + eight));
        put(&of->out, at, i + k, event + k, _mm256_cvtepu8_epi32(places), found);
        found += (size_t)_mm_popcnt_u32(eight);
    }
    return found;
}

/* Events of a chunk, and how many there are from its first to the last of all. */
typedef struct span {
    size_t begin, count, room;
} span;

/* Puts those side by side that may say something; how many. There is a group behind the last. */
LS_INLINE LS_AVX2 size_t select_events(const selector *of, bool few, put_eight *put,
                                       const events *at, const span *span)
{
    const size_t count = span->count;
    size_t found = 0, i = 0;
    for (; i + LS_GROUP <= count; i += LS_GROUP) {
        fetch_ahead(at, i + LS_CHUNK_EVENTS);
        found = select_group(of, few, put, at, i, i, UINT32_MAX, found);
    }
    of->groups[i / LS_GROUP] = (ls_block_group){(uint32_t)found, 0};
    if (i < count) {
        tail rest;
        const uint32_t there = (UINT32_C(1) << (count - i)) - 1;
        const bool whole = span->room - i >= LS_GROUP;
        const events last = whole ? *at : take_tail(at, i, count - i, &rest);
        found = select_group(of, few, put, &last, whole ? i : 0, i, there, found);
    }
    return found;
}

static span span_of(const ls_events *events, const ls_block_part *chunk)
{
    const size_t begin = (size_t)chunk->first[0];
    return (span){begin, (size_t)chunk->first[chunk->rows] - begin, (size_t)events->count - begin};
}

LS_INLINE LS_AVX2 size_t select_from(const ls_block_tables *block, const ls_block_since *since,
                                     const events *at, const span *span, put_eight *put,
                                     outputs out, ls_block_memory *memory)
{
    const selector of = {
        since,
        block->vector.places,
        out,
        memory->groups,
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)since->low)),
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)since->high)),
    };
    return since->few ? select_events(&of, true, put, at, span)
                      : select_events(&of, false, put, at, span);
}

/* The first item of each row of the chunk. */
static LS_AVX2 void find_bounds(const ls_block_part *chunk, ls_block_memory *memory)
{
    for (size_t i = 0; i <= chunk->rows; i++) {
        const uint32_t event = (uint32_t)(chunk->first[i] - chunk->first[0]);
        const ls_block_group *of = &memory->groups[event / LS_GROUP];
        memory->bounds[i] = (uint16_t)(of->before + (uint32_t)_mm_popcnt_u32(
                                                        _bzhi_u32(of->mask, event % LS_GROUP)));
    }
}

LS_INLINE LS_AVX2 void put_down(uint32_t *out, __m256i numbers, __m256i places)
{
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_permutevar8x32_epi32(numbers, places));
}

LS_INLINE LS_AVX2 __m256i load_times(const uint32_t *times)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)times);
}

/* ---- of a direct map: where their entries are ------------------------------------------------ */

/* Their times, and code << 16 | name. */
LS_INLINE LS_AVX2 void put_item(const outputs *out, const events *at, size_t i, size_t event,
                                __m256i places, size_t found)
{
    __m256i item = load_names(at->names + i);
    (void)event;
    if (at->width == 1) {
        const void *codes = (const uint8_t *)at->codes + i;
        item = _mm256_or_si256(item,
                               _mm256_slli_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64(codes)), 16));
    } else if (at->width == 2) {
        const void *codes = (const uint16_t *)at->codes + i;
        item =
            _mm256_or_si256(item,
                            _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(codes)), 16));
    }
    put_down(out->times + found, load_times(at->times + i), places);
    put_down(out->names + found, item, places);
}

LS_INLINE LS_AVX2 size_t list_of_width(const ls_block_tables *block, const events *at,
                                       const span *span, ls_block_memory *memory)
{
    return select_from(block, &block->vector.since, at, span, put_item,
                       (outputs){memory->kept_times, memory->items, NULL}, memory);
}

static LS_AVX2 size_t list_chunk(const ls_block_tables *block, const span *span,
                                 ls_block_memory *memory)
{
    const ls_events *of = &block->binding->dataset->events;
    const unsigned width = block->column ? block->column->width : 0;
    const uint8_t *names = (const uint8_t *)of->event.codes + span->begin;
    const uint32_t *times = (const uint32_t *)of->times + span->begin;
    const char *codes = width ? (const char *)block->column->codes + span->begin * width : NULL;
    if (width == 0) {
        return list_of_width(block, &(events){names, codes, 0, times}, span, memory);
    }
    if (width == 1) {
        return list_of_width(block, &(events){names, codes, 1, times}, span, memory);
    }
    return list_of_width(block, &(events){names, codes, 2, times}, span, memory);
}

LS_INLINE LS_AVX2 __m256i passed_threshold(const int32_t threshold[8], __m256i times)
{
    return _mm256_cmpgt_epi32(times, _mm256_loadu_si256((const __m256i *)(const void *)threshold));
}

/* Minus the number of thresholds that each time has passed. */
LS_INLINE LS_AVX2 __m256i count_passed(const int32_t (*thresholds)[8], size_t count, __m256i times)
{
    __m256i passed = _mm256_setzero_si256();
#pragma GCC unroll 16
    for (size_t i = 0; i < count; i++) {
        passed = _mm256_add_epi32(passed, passed_threshold(thresholds[i], times));
    }
    return passed;
}

/* Items become offset of the entry of class 0 << 16 | code. */
LS_INLINE LS_AVX2 void find_entries(const ls_vector_tables *vector, size_t thresholds, size_t count,
                                    ls_block_memory *memory)
{
    const __m256i bias = _mm256_set1_epi32(INT32_MIN);
    const __m256i steps = _mm256_set1_epi32((int)((uint32_t)(uint16_t)vector->name_step |
                                                  (uint32_t)(uint16_t)-vector->bucket_step << 16));
    const uint32_t *at_times = memory->kept_times;
    uint32_t *items = memory->items;
    for (size_t i = 0; i < count; i += 8) {
        const __m256i times = _mm256_xor_si256(load_times(at_times + i), bias);
        const __m256i item = load_times(items + i);
        const __m256i minus =
            _mm256_slli_epi32(count_passed(vector->thresholds, thresholds, times), 16);
        const __m256i offset = _mm256_madd_epi16(_mm256_blend_epi16(item, minus, 0xaa), steps);
        const __m256i found =
            _mm256_or_si256(_mm256_slli_epi32(offset, 16), _mm256_srli_epi32(item, 16));
        _mm256_storeu_si256((__m256i *)(void *)(items + i), found);
    }
}

/* Made for several numbers of thresholds, so that they are compared without a loop. */
static LS_AVX2 void find_all_entries(const ls_vector_tables *vector, size_t count,
                                     ls_block_memory *memory)
{
    switch (vector->threshold_count) {
    case 4: find_entries(vector, 4, count, memory); break;
    case 8: find_entries(vector, 8, count, memory); break;
    case 12: find_entries(vector, 12, count, memory); break;
    default: find_entries(vector, LS_VECTOR_THRESHOLDS, count, memory); break;
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
#pragma GCC unroll 4
    for (size_t i = 0; i < count; i++) {
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
#pragma GCC unroll 4
    for (size_t i = 0; i < count; i++) {
        running[i] = sum;
        sum += entries[entry_of(vector, items[i])];
    }
    running[count] = sum;
}

static LS_AVX2 void add(const ls_block_tables *block, const ls_block_part *chunk,
                        ls_block_memory *memory)
{
    if (!block->vector.ready) {
        ls_portable_kernels.add(block, chunk, memory);
        return;
    }
    const span span = span_of(&block->binding->dataset->events, chunk);
    const size_t count = list_chunk(block, &span, memory);
    find_bounds(chunk, memory);
    find_all_entries(&block->vector, count, memory);
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

/* ---- of any map ------------------------------------------------------------------------------ */

/* Which events they are, their times and names. */
LS_INLINE LS_AVX2 void put_kept(const outputs *out, const events *at, size_t i, size_t event,
                                __m256i places, size_t found)
{
    const __m256i events = _mm256_add_epi32(_mm256_set1_epi32((int32_t)event), places);
    put_down(out->times + found, load_times(at->times + i), places);
    put_down(out->names + found, load_names(at->names + i), places);
    _mm256_storeu_si256((__m256i *)(void *)(out->events + found), events);
}

static LS_AVX2 size_t keep(const ls_block_tables *block, const ls_block_part *chunk,
                           ls_block_memory *memory)
{
    const ls_events *of = &block->binding->dataset->events;
    if (of->event.width != 1) {
        return ls_block_keep(block, chunk, memory);
    }
    const span span = span_of(of, chunk);
    const events at = {(const uint8_t *)of->event.codes + span.begin, NULL, 0,
                       (const uint32_t *)of->times + span.begin};
    const size_t found =
        select_from(block, &block->silence.since, &at, &span, put_kept,
                    (outputs){memory->kept_times, memory->names, memory->kept}, memory);
    find_bounds(chunk, memory);
    return found;
}

/* ---- behind the events ----------------------------------------------------------------------- */

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
