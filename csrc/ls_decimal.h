/* Exact decimals: points as integers of one millionth, and decay worked out in integers.
 * Section 1.2 and 6 of the scoring language. */
#ifndef LS_DECIMAL_H
#define LS_DECIMAL_H

#include "ls_core.h"

/* Reads [+-]digits[.digits][e[+-]digits] as millionths. LS_OK, or LS_ERROR_RANGE if it has more
 * than 6 decimals or is past max (millionths, inclusive, either sign), LS_ERROR_INPUT if it is no
 * number. */
int ls_decimal_read(const char *text, size_t length, int64_t max, int64_t *out);

typedef enum ls_curve {
    LS_CURVE_NONE,
    LS_CURVE_STEP,
    LS_CURVE_LINEAR,
    LS_CURVE_HALF_LIFE
} ls_curve;
typedef struct ls_decay {
    ls_curve curve;
    int64_t percent; /* millionths of a percent: 50 % is 50000000; step and linear */
    int64_t every;   /* seconds: the interval, or the half-life */
} ls_decay;

/* What `points` are worth at `age` seconds (>= 0), rounded once, half away from zero. Exact for
 * |points| <= 10^12 millionths: step and linear by 128-bit integers, half-life as the correctly
 * rounded real. */
int64_t ls_decay_points(const ls_decay *decay, int64_t points, int64_t age);
/* The age from which a step or linear decay is 0 for good; INT64_MAX: never (no decay, half-life).
 */
int64_t ls_decay_end(const ls_decay *decay);

/* value * weight (both millionths) / divisor, rounded once, half away from zero; false past
 * LS_MAX_SUM. */
bool ls_scale_points(ls_int128 value, int64_t weight, int64_t divisor, int64_t *out);
/* The shortest decimal of a double in units of 10^-12, rounded there half away from zero; false
 * past 10^15, or if it is not finite. */
bool ls_decimal_exact(double number, ls_int128 *out);
#endif
