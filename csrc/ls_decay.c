/* Decay by 64-bit arithmetic with reciprocals instead of divisions. Steps and linear decay are
 * exact by remainders. A half-life is worked out to 2^-50 of itself: where that leaves the rounding
 * open, which chance does once in many millions, the long way decides. */
#include "ls_decay.h"

__extension__ typedef unsigned __int128 uint128;

#define WHOLE_PERCENT (UINT64_C(100) * LS_MILLION)
/* Ages below 2^40 seconds: instants span less. */
#define AGE_BITS 40

static unsigned bit_length(uint64_t number)
{
    return number ? 64 - (unsigned)__builtin_clzll(number) : 0;
}

LS_INLINE uint64_t multiply_high(uint64_t a, uint64_t b)
{
    return (uint64_t)((uint128)a * b >> 64);
}

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static void prepare_linear(ls_quick_decay *out)
{
    uint64_t percent = (uint64_t)out->decay.percent, every = (uint64_t)out->decay.every;
    uint64_t divisor = greatest_divisor(percent, WHOLE_PERCENT);
    uint128 whole = (uint128)every * (WHOLE_PERCENT / divisor);
    if (whole >> 60 != 0) {
        return;
    }
    out->loss = percent / divisor;
    out->whole = (uint64_t)whole;
    out->whole_reciprocal = UINT64_MAX / (2 * out->whole);
    out->most = (UINT64_C(1) << 62) / out->whole;
}

void ls_quick_decay_make(ls_quick_decay *out, const ls_decay *decay,
                         const ls_half_life_powers *powers)
{
    memset(out, 0, sizeof *out);
    out->decay = *decay;
    if (decay->curve == LS_CURVE_NONE) {
        return;
    }
    uint64_t every = (uint64_t)decay->every;
    unsigned bits = bit_length(every);
    out->end = ls_decay_end(decay);
    out->powers = powers;
    if (bits > AGE_BITS) {
        return;
    }
    uint128 reciprocal = ((uint128)1 << (63 + bits)) / every;
    out->reciprocal = reciprocal >> 64 ? UINT64_MAX : (uint64_t)reciprocal;
    out->shift = bits - 1;
    switch (decay->curve) {
    case LS_CURVE_STEP: out->most = UINT64_C(1) << 36; break;
    case LS_CURVE_LINEAR: prepare_linear(out); break;
    default: out->most = UINT64_C(1) << AGE_BITS; break;
    }
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* age / every in units of 2^-64, too small by less than 2 * (age / every) + 3 units. */
LS_INLINE uint128 intervals(const ls_quick_decay *quick, uint64_t age)
{
    return (uint128)age * quick->reciprocal >> quick->shift;
}

LS_INLINE uint64_t by_steps(const ls_quick_decay *quick, uint64_t points, uint64_t age)
{
    uint64_t every = (uint64_t)quick->decay.every;
    uint64_t steps = (uint64_t)(intervals(quick, age) >> 64);
    steps += age - steps * every >= every;
    uint64_t lost = steps * (uint64_t)quick->decay.percent; /* below the end: less than all */
    return (points * (WHOLE_PERCENT - lost) + WHOLE_PERCENT / 2) / WHOLE_PERCENT;
}

/* Half up: twice the number and one over twice the divisor. */
LS_INLINE uint64_t linearly(const ls_quick_decay *quick, uint64_t points, uint64_t age)
{
    uint64_t divisor = 2 * quick->whole;
    uint64_t number = 2 * points * (quick->whole - age * quick->loss) + quick->whole;
    uint64_t result = multiply_high(number, quick->whole_reciprocal); /* two too small at most */
    uint64_t rest = number - result * divisor;
    result += rest >= divisor;
    rest -= rest >= divisor ? divisor : 0;
    return result + (rest >= divisor);
}

/* 2^-f for a fraction in units of 2^-64, to 2^-50 of itself: two powers from tables, and for what
 * is below 2^-16 the first terms of a series. */
LS_INLINE uint64_t power(const ls_half_life_powers *powers, uint64_t f)
{
    const uint64_t ln2 = UINT64_C(0xb17217f7d1cf79ab);
    uint64_t product = multiply_high(powers->coarse[f >> 56], powers->fine[f >> 48 & 0xff]);
    uint64_t u = multiply_high(f << 16, ln2); /* ln 2 times the rest, in units of 2^-80 */
    uint64_t square = (u >> 32) * (u >> 32);  /* in units of 2^-96 */
    return product - multiply_high(product, (u >> 16) - (square >> 33));
}

/* False: the rounding is not certain. */
LS_INLINE bool by_half_life(const ls_quick_decay *quick, uint64_t points, uint64_t age,
                            uint64_t *out)
{
    const uint64_t near = UINT64_C(1)
                          << 44; /* of a whole number of half-lives: more than the error */
    uint128 lives = intervals(quick, age);
    uint64_t halvings = (uint64_t)(lives >> 64), f = (uint64_t)lives;
    if (halvings > AGE_BITS + 1) {
        *out = 0;
        return true;
    }
    if (f < near || f > UINT64_MAX - near) {
        return false;
    }
    uint128 product = (uint128)points * power(quick->powers, f);
    unsigned places = 63 + (unsigned)halvings; /* twice the result is above them */
    uint128 below = product & (((uint128)1 << places) - 1);
    uint128 error = (uint128)points << 15;
    *out = (uint64_t)(((product >> places) + 1) >> 1);
    return below >= error && below + error < (uint128)1 << places;
}

/* Made for each curve. */
LS_INLINE int64_t points_left(const ls_quick_decay *quick, ls_curve curve, int64_t points,
                              int64_t age)
{
    uint64_t size = points < 0 ? 0 - (uint64_t)points : (uint64_t)points, left = 0;
    if (LS_UNLIKELY(size >= quick->most || age < 0 || age >> AGE_BITS != 0)) {
        return ls_decay_points(&quick->decay, points, age);
    }
    if (age < quick->end) {
        if (curve == LS_CURVE_STEP) {
            left = by_steps(quick, size, (uint64_t)age);
        } else if (curve == LS_CURVE_LINEAR) {
            left = linearly(quick, size, (uint64_t)age);
        } else if (LS_UNLIKELY(!by_half_life(quick, size, (uint64_t)age, &left))) {
            return ls_decay_points(&quick->decay, points, age);
        }
    }
    return points < 0 ? -(int64_t)left : (int64_t)left;
}

int64_t ls_quick_decay_points(const ls_quick_decay *quick, int64_t points, int64_t age)
{
    switch (quick->decay.curve) {
    case LS_CURVE_NONE: return points;
    case LS_CURVE_STEP: return points_left(quick, LS_CURVE_STEP, points, age);
    case LS_CURVE_LINEAR: return points_left(quick, LS_CURVE_LINEAR, points, age);
    default: return points_left(quick, LS_CURVE_HALF_LIFE, points, age);
    }
}

LS_INLINE void age_all(const ls_quick_decay *quick, ls_curve curve, int64_t now, ls_aging *all,
                       size_t count)
{
    const ls_quick_decay own = *quick; /* nothing that is written is of it */
    for (size_t i = 0; i < count; i++) {
        all[i].points = points_left(&own, curve, all[i].points, now - (int64_t)all[i].time);
    }
}

void ls_quick_decay_all(const ls_quick_decay *quick, int64_t now, ls_aging *all, size_t count)
{
    switch (quick->decay.curve) {
    case LS_CURVE_NONE: break;
    case LS_CURVE_STEP: age_all(quick, LS_CURVE_STEP, now, all, count); break;
    case LS_CURVE_LINEAR: age_all(quick, LS_CURVE_LINEAR, now, all, count); break;
    default: age_all(quick, LS_CURVE_HALF_LIFE, now, all, count); break;
    }
}
