/* Passes over columns of numbers, one a row. Columns have room up to a multiple of LS_STRIP rows,
 * and a pass works through whole strips: what it makes of rows past the last is never read. There
 * is no branch per row, so that compilers make vectors of them; inlined, so that they can be made
 * for several kinds of processors. */
#ifndef LS_BLOCK_COLUMNS_H
#define LS_BLOCK_COLUMNS_H

#include "ls_block.h"

/* Columns are worked through in strips of so many rows, loops of a constant length; k is the row.
 */
#define LS_STRIP 8
#define LS_EACH_ROW(rows)                                                                          \
    for (size_t strip = 0; strip < (rows); strip += LS_STRIP)                                      \
        for (size_t k = strip; k < strip + LS_STRIP; k++)

/* Adds a lane's sum: the number of units, and what each of the row's entries has below 0. */
LS_INLINE void ls_columns_add_lane(const uint64_t *restrict words, const ls_lane *lane,
                                   const int64_t *restrict entries, size_t rows,
                                   int64_t *restrict out)
{
    const uint64_t mask = UINT64_MAX >> (64 - lane->bits);
    const unsigned shift = lane->shift;
    const int64_t unit = lane->unit, least = lane->least;
    if (unit == 1 && least == 0) {
        LS_EACH_ROW (rows) {
            out[k] += (int64_t)(words[k] >> shift & mask);
        }
    } else if (least == 0) {
        LS_EACH_ROW (rows) {
            out[k] += (int64_t)(words[k] >> shift & mask) * unit;
        }
    } else {
        LS_EACH_ROW (rows) {
            out[k] += (int64_t)(words[k] >> shift & mask) * unit + entries[k] * least;
        }
    }
}

/* A lane that counts occurrences says whether there were any. */
LS_INLINE void ls_columns_or_lane(const uint64_t *restrict words, const ls_lane *lane, size_t rows,
                                  uint64_t *restrict out)
{
    const uint64_t mask = (UINT64_MAX >> (64 - lane->bits)) << lane->shift;
    LS_EACH_ROW (rows) {
        out[k] |= words[k] & mask;
    }
}

/* Points where the count fits. */
LS_INLINE void ls_columns_times(const int64_t *restrict counts, const ls_times *times, size_t rows,
                                int64_t *restrict out, uint64_t *restrict fired)
{
    const int64_t least = times->min, most = times->max, points = times->points;
    LS_EACH_ROW (rows) {
        int64_t fits = -(int64_t)((counts[k] >= least) & (counts[k] <= most));
        out[k] += points & fits;
        fired[k] |= (uint64_t)fits;
    }
}

/* Adds numbers after a limit. */
LS_INLINE void ls_columns_add_limited(const int64_t *restrict from, const ls_limit *limit,
                                      size_t rows, int64_t *restrict out)
{
    const int64_t least = limit->has_min ? limit->min : INT64_MIN;
    const int64_t most = limit->has_max ? limit->max : INT64_MAX;
    LS_EACH_ROW (rows) {
        int64_t number = from[k] < least ? least : from[k];
        out[k] += number > most ? most : number;
    }
}

LS_INLINE void ls_columns_limit(const ls_limit *limit, size_t rows, int64_t *restrict numbers)
{
    const int64_t least = limit->has_min ? limit->min : INT64_MIN;
    const int64_t most = limit->has_max ? limit->max : INT64_MAX;
    if (!limit->has_min && !limit->has_max) {
        return;
    }
    LS_EACH_ROW (rows) {
        int64_t number = numbers[k] < least ? least : numbers[k];
        numbers[k] = number > most ? most : number;
    }
}

LS_INLINE void ls_columns_sum(const int64_t *restrict one, const int64_t *restrict other,
                              size_t rows, int64_t *restrict out)
{
    LS_EACH_ROW (rows) {
        out[k] = one[k] + other[k];
    }
}

/* Adds the band that a value reaches; bands descend, so it is the number of bounds above it. Two
 * bounds at a time, since most scores have three bands. */
LS_INLINE void ls_columns_band(const int64_t *restrict values, const ls_band *bands, size_t count,
                               size_t rows, int64_t *restrict out)
{
    for (size_t band = 0; band + 1 < count && bands[band].bounded; band += 2) {
        const int64_t bound = bands[band].at_least;
        const bool two = band + 2 < count && bands[band + 1].bounded;
        const int64_t next = two ? bands[band + 1].at_least : INT64_MIN;
        LS_EACH_ROW (rows) {
            out[k] += (int64_t)(values[k] < bound) + (int64_t)(values[k] < next);
        }
    }
}

LS_INLINE void ls_columns_multiply(int64_t factor, size_t rows, int64_t *restrict out)
{
    LS_EACH_ROW (rows) {
        out[k] *= factor;
    }
}
#endif
