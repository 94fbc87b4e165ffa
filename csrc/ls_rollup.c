/* Exact sums over associated records.
 *
 * A value is kept as a whole number and a fraction of 10^-12, added up apart in 128 bits: 2^32
 * values of up to 2 * 10^18 fit, times any weight too, so no order of adding can overflow. Larger
 * ones, which must even each other out for the sum to be one that a rule may have, are added up in
 * limbs of 18 digits. Only the end rounds. */
#include "ls_rollup.h"

#include <math.h>

#define MOST_WHOLE INT64_C(1000000000000000000)
#define LIMB MOST_WHOLE
#define LIMB_DIGITS 18
#define MOST_EXPONENT 308

/* The quotient rounded down; *rest is then from 0 to below the divisor. */
static ls_int128 divide_down(ls_int128 number, ls_int128 divisor, ls_int128 *rest)
{
    ls_int128 quotient = number / divisor;
    *rest = number % divisor;
    if (*rest < 0) {
        *rest += divisor;
        quotient--;
    }
    return quotient;
}

ls_exact ls_exact_of_points(int64_t points)
{
    ls_int128 rest;
    int64_t whole = (int64_t)divide_down(points, LS_MILLION, &rest);
    return (ls_exact){whole, (int64_t)rest * (LS_EXACT_UNIT / LS_MILLION)};
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* digits * 10^exponent: a double's shortest decimal, at most 17 digits. */
static uint64_t read_digits(const char *text, int *exponent)
{
    uint64_t digits = 0;
    int decimals = 0, written = 0;
    bool inside = false;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '.') {
            inside = true;
        } else {
            digits = digits * 10 + (uint64_t)(*text - '0');
            decimals += inside;
        }
    }
    bool negative = *text == 'e' && text[1] == '-';
    for (text += *text == 'e' ? 1 + negative : 0; *text != '\0'; text++)
        written = written * 10 + (*text - '0');
    *exponent = (negative ? -written : written) - decimals;
    return digits;
}

/* digits: at most 17 of them. */
static ls_exact scale_up(uint64_t digits, int exponent)
{
    for (; exponent > 0 && digits < (uint64_t)MOST_WHOLE / 10; exponent--)
        digits *= 10;
    if (exponent == 1 && digits == (uint64_t)MOST_WHOLE / 10) {
        exponent = 0;
        digits = (uint64_t)MOST_WHOLE;
    }
    if (exponent == 0)
        return (ls_exact){(int64_t)digits, 0};
    return (ls_exact){LS_EXACT_PAST + exponent, (int64_t)digits};
}

static bool is_past(ls_exact value)
{
    return value.whole > LS_EXACT_PAST || value.whole < -LS_EXACT_PAST;
}

/* places: how many of the digits are decimals. */
static ls_exact scale_down(uint64_t digits, int places)
{
    ls_int128 unit = 1, rest = digits;
    ls_exact out = {0, 0};
    if (places > 32) /* below 10^-15 */
        return out;
    for (int i = 0; i < places; i++)
        unit *= 10;
    out.whole = (int64_t)(rest / unit);
    rest = rest % unit;
    if (places <= 12)
        rest *= LS_EXACT_UNIT / (int64_t)unit;
    else
        rest = (2 * rest / (unit / LS_EXACT_UNIT) + 1) / 2;
    out.whole += rest == LS_EXACT_UNIT;
    out.fraction = rest == LS_EXACT_UNIT ? 0 : (int64_t)rest;
    return out;
}

static ls_exact negate(ls_exact value)
{
    if (is_past(value))
        return (ls_exact){-value.whole, -value.fraction};
    if (value.fraction == 0)
        return (ls_exact){-value.whole, 0};
    return (ls_exact){-value.whole - 1, LS_EXACT_UNIT - value.fraction};
}

ls_exact ls_exact_of_number(double number)
{
    char text[LS_NUMBER_TEXT];
    int exponent;
    ls_exact out = {LS_EXACT_PAST + MOST_EXPONENT, MOST_WHOLE - 1}; /* past every double */
    if (isfinite(number)) {
        ls_print_number(fabs(number), text);
        uint64_t digits = read_digits(text, &exponent);
        out = exponent < 0 ? scale_down(digits, -exponent) : scale_up(digits, exponent);
    }
    return number < 0 ? negate(out) : out;
}

int ls_exact_compare(ls_exact a, ls_exact b)
{
    if (a.whole != b.whole)
        return a.whole < b.whole ? -1 : 1;
    return (a.fraction > b.fraction) - (a.fraction < b.fraction);
}

/* ---- totals ---------------------------------------------------------------------------------- */

/* Adds a value further from 0 than 10^18. */
static void add_past(ls_total *total, ls_exact value)
{
    int exponent = (int)((value.whole < 0 ? -value.whole : value.whole) - LS_EXACT_PAST);
    ls_int128 *limb = &total->limbs[exponent / LIMB_DIGITS], shifted = value.fraction;
    for (int i = exponent % LIMB_DIGITS; i > 0; i--)
        shifted *= 10;
    limb[0] += shifted % LIMB;
    limb[1] += shifted / LIMB;
    total->past = true;
}

void ls_total_add(ls_total *total, ls_exact value)
{
    if (total->count == 0 || ls_exact_compare(value, total->most) > 0)
        total->most = value;
    if (total->count == 0 || ls_exact_compare(value, total->least) < 0)
        total->least = value;
    if (is_past(value)) {
        add_past(total, value);
    } else {
        total->whole += value.whole;
        total->fraction += value.fraction;
    }
    total->count++;
}

/* The limbs of the values and the whole parts of the others together; false: further from 0 than
 * 10^28, which any weight but 0 leaves past the largest sum, even of an average. */
static bool add_limbs(const ls_total *total, ls_int128 *out)
{
    ls_int128 limbs[LS_TOTAL_LIMBS], carry = 0, most = (ls_int128)LIMB * 10000000000;
    for (size_t i = 0; i < LS_TOTAL_LIMBS; i++)
        carry = divide_down(total->limbs[i] + carry, LIMB, &limbs[i]);
    for (size_t i = LS_TOTAL_LIMBS; i-- > 0;) {
        if (carry > LIMB || carry < -LIMB)
            return false;
        carry = carry * LIMB + limbs[i];
    }
    *out = carry + total->whole;
    return *out <= most && *out >= -most;
}

/* whole + rest / divisor, 0 <= rest < divisor, to the nearest whole, half away from zero. */
static ls_int128 round_away(ls_int128 whole, ls_int128 rest, ls_int128 divisor)
{
    bool half = 2 * rest == divisor;
    return whole + (2 * rest > divisor || (half && whole >= 0));
}

/* (whole + fraction / 10^12) * weight / divisor, in millionths since the weight is. */
static bool weigh(ls_int128 whole, ls_int128 fraction, int64_t weight, size_t divisor, int64_t *out)
{
    ls_int128 rest, unit = (ls_int128)LS_EXACT_UNIT * divisor;
    ls_int128 result = divide_down(whole * weight, divisor, &rest);
    result += divide_down(rest * LS_EXACT_UNIT + fraction * weight, unit, &rest);
    result = round_away(result, rest, unit);
    if (result > LS_MAX_SUM || result < -(ls_int128)LS_MAX_SUM)
        return false;
    *out = (int64_t)result;
    return true;
}

bool ls_total_share(const ls_total *total, size_t divisor, int64_t weight, int64_t *out)
{
    ls_int128 whole = total->whole;
    *out = 0;
    if (weight == 0)
        return true;
    if (total->past && !add_limbs(total, &whole))
        return false;
    return weigh(whole, total->fraction, weight, divisor, out);
}

/* The largest or smallest value, weighed. */
static bool weigh_one(ls_exact value, int64_t weight, int64_t *out)
{
    *out = 0;
    if (weight == 0)
        return true;
    return !is_past(value) && weigh(value.whole, value.fraction, weight, 1, out);
}

bool ls_total_points(const ls_total *total, ls_combine combine, int64_t weight, int64_t *out)
{
    *out = 0;
    if (total->count == 0)
        return true;
    switch (combine) {
    case LS_SUM: return ls_total_share(total, 1, weight, out);
    case LS_AVG: return ls_total_share(total, total->count, weight, out);
    case LS_MAX: return weigh_one(total->most, weight, out);
    case LS_MIN: return weigh_one(total->least, weight, out);
    case LS_COUNT: return weigh((ls_int128)total->count, 0, weight, 1, out);
    }
    return true;
}
