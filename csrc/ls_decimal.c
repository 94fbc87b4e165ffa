/* Exact decimals: points as integers of one millionth, decay worked out in integers, and the
 * printers of points and doubles.
 *
 * No floating point takes part, but in ls_print_number, whose subject it is. Every division rounds
 * once, half away from zero, on the magnitude; signs are put back last, so that negative points
 * behave as positive ones do. */
#include "ls_decimal.h"

#include "ls_decay.h"

#include "ls_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

__extension__ typedef unsigned __int128 uint128;

static uint64_t magnitude(int64_t number)
{
    return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

/* The magnitude with its sign; magnitudes above INT64_MAX do not occur. */
static int64_t with_sign(uint64_t number, bool negative)
{
    return negative ? -(int64_t)number : (int64_t)number;
}

/* numerator / denominator, half up. */
static uint128 divide(uint128 numerator, uint128 denominator)
{
    if (numerator >> 64 == 0 && denominator >> 64 == 0) {
        uint64_t n = (uint64_t)numerator, d = (uint64_t)denominator, rest = n % d;
        return n / d + (rest >= d - rest);
    }
    uint128 rest = numerator % denominator;
    return numerator / denominator + (rest >= denominator - rest);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The digits of a decimal, its point left out, and the power of ten that they count. */
typedef struct decimal_text {
    const char *start, *end; /* from the first digit other than 0 to after the last such */
    const char *point;       /* NULL: none */
    int64_t exponent;        /* of the last digit; held far past what any text can outweigh */
    bool negative;
} decimal_text;

#define EXPONENT_BOUND (INT64_C(1) << 56)

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && (unsigned char)(*p - '0') <= 9)
        p++;
    return p;
}

/* e[+-]digits to the end of the text. */
static bool read_exponent(const char *p, const char *end, int64_t *out)
{
    if (*p != 'e' && *p != 'E')
        return false;
    p++;
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    if (p == end || skip_digits(p, end) != end)
        return false;
    for (*out = 0; p < end; p++)
        *out = ls_min(*out * 10 + (*p - '0'), EXPONENT_BOUND);
    if (negative)
        *out = -*out;
    return true;
}

/* Drops zeros at both ends, which say nothing; those at the end raise the exponent. */
static void drop_zeros(decimal_text *decimal)
{
    while (decimal->start < decimal->end && (*decimal->start == '0' || *decimal->start == '.'))
        decimal->start++;
    while (decimal->end > decimal->start && (decimal->end[-1] == '0' || decimal->end[-1] == '.')) {
        decimal->exponent += decimal->end[-1] == '0';
        decimal->end--;
    }
}

static bool scan_decimal(const char *text, size_t length, decimal_text *out)
{
    if (length == 0)
        return false;
    const char *p = text, *end = text + length;
    memset(out, 0, sizeof *out);
    out->negative = *p == '-';
    p += *p == '-' || *p == '+';
    out->start = p;
    p = skip_digits(p, end);
    if (p == out->start)
        return false;
    out->end = p;
    int64_t decimals = 0;
    if (p < end && *p == '.') {
        out->point = p;
        out->end = p = skip_digits(p + 1, end);
        decimals = p - out->point - 1;
        if (decimals == 0)
            return false;
    }
    if (p < end && !read_exponent(p, end, &out->exponent))
        return false;
    out->exponent -= decimals;
    drop_zeros(out);
    return true;
}

#define DECIMALS 6     /* of a point */
#define MOST_PLACES 19 /* of a number of millionths: below 10^19, so 64 bits hold it */

int ls_decimal_read(const char *text, size_t length, int64_t max, int64_t *out)
{
    decimal_text decimal;
    if (!scan_decimal(text, length, &decimal))
        return LS_ERROR_INPUT;
    if (decimal.start == decimal.end) {
        *out = 0;
        return LS_OK;
    }
    bool inside =
        decimal.point != NULL && decimal.start < decimal.point && decimal.point < decimal.end;
    int64_t places = decimal.end - decimal.start - inside;
    int64_t shift = decimal.exponent + DECIMALS;
    if (shift < 0 || places > MOST_PLACES - shift)
        return LS_ERROR_RANGE;
    uint64_t value = 0;
    for (const char *p = decimal.start; p < decimal.end; p++)
        value = *p == '.' ? value : value * 10 + (uint64_t)(*p - '0');
    for (; shift > 0; shift--)
        value *= 10;
    if (max < 0 || value > (uint64_t)max)
        return LS_ERROR_RANGE;
    *out = with_sign(value, decimal.negative);
    return LS_OK;
}

/* ---- half-life ------------------------------------------------------------------------------- */

/* A fraction in [0, 1) in 128 binary places. One unit is 2^-128. */
typedef struct fraction {
    uint64_t high, low;
} fraction;

/* 2^(-1/2^k) for k = 1 .. 8, rounded to the nearest unit. */
#define ROOTS 8
static const fraction roots[ROOTS] = {
    {UINT64_C(0xb504f333f9de6484), UINT64_C(0x597d89b3754abe9f)},
    {UINT64_C(0xd744fccad69d6af4), UINT64_C(0x39a68bb9902d3fde)},
    {UINT64_C(0xeac0c6e7dd24392e), UINT64_C(0xd02d75b3706e54fb)},
    {UINT64_C(0xf5257d152486cc2c), UINT64_C(0x7b9d0c7aed980fc3)},
    {UINT64_C(0xfa83b2db722a033a), UINT64_C(0x7c25bb14315d7fcd)},
    {UINT64_C(0xfd3e0c0cf486c174), UINT64_C(0x853f3a5931e0ee03)},
    {UINT64_C(0xfe9e115c7b8f884b), UINT64_C(0xadd25995e79d2f09)},
    {UINT64_C(0xff4ecb59511ec8a5), UINT64_C(0x301ba217ef18dd7c)},
};

/* (ln 2)^n / n! for n = 1 .. 11, rounded to the nearest unit: 2^-g = 1 - c1 g + c2 g^2 - ... */
#define TERMS 11
static const fraction terms[TERMS] = {
    {UINT64_C(0xb17217f7d1cf79ab), UINT64_C(0xc9e3b39803f2f6af)},
    {UINT64_C(0x3d7f7bff058b1d50), UINT64_C(0xde2d60dd92e6bf95)},
    {UINT64_C(0x0e35846b82505fc5), UINT64_C(0x99d3b15d995e96f7)},
    {UINT64_C(0x0276556df749cee5), UINT64_C(0x39977c16a7dd58a1)},
    {UINT64_C(0x005761ff9e299cc4), UINT64_C(0x41c5fda69452fb0d)},
    {UINT64_C(0x000a184897c363c3), UINT64_C(0xb7a58544c3591a10)},
    {UINT64_C(0x0000ffe5fe2c4586), UINT64_C(0x34358a8e643ec735)},
    {UINT64_C(0x0000162c0223a5c8), UINT64_C(0x23fd8ffe606da77c)},
    {UINT64_C(0x000001b5253d395e), UINT64_C(0x7c3da4a70e5a4ff9)},
    {UINT64_C(0x0000001e4cf5158b), UINT64_C(0x8ec9f6fda1d952e7)},
    {UINT64_C(0x00000001e8cac735), UINT64_C(0x1bb24c0f57995e47)},
};

static uint128 join(fraction f)
{
    return (uint128)f.high << 64 | f.low;
}

/* The product of two fractions, cut off: less than one unit too small. */
static uint128 multiply(uint128 a, uint128 b)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a;
    uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    uint128 low = (uint128)a0 * b0;
    uint128 cross = (uint128)a1 * b0 + (uint64_t)(low >> 64); /* at most (2^64 - 1) * 2^64 */
    uint128 other = (uint128)a0 * b1 + (uint64_t)cross;
    return (uint128)a1 * b1 + (uint64_t)(cross >> 64) + (uint64_t)(other >> 64);
}

/* 2^-f for 0 < f < 1, off by less than 16 units (2^-124).
 *
 * f = b1/2 + b2/4 + ... + b8/256 + g with 0 <= g < 2^-8, so 2^-f is the product of a root for each
 * bit that is set and of 2^-g, which is a series. In units: leaving out the terms from n = 12 on
 * costs less than c12 g^12 < 2^-131, an eighth; inside Horner's scheme every error but that of the
 * last product (1) is multiplied by g again, with c1's own error together less than 1/64; taking
 * 1 less one unit for 1 costs 1: so 2^-g is off by less than 2.2. Each root multiplied in adds its
 * own error (1/2) and that of the product (1), and shrinks what came before: at most 12 for eight
 * of them. f's own error (less than 1, it is cut off) changes 2^-f by less than ln 2. Together less
 * than 15. */
static uint128 exp2_of_minus(uint128 f)
{
    uint128 g = f << ROOTS >> ROOTS;
    uint128 sum = join(terms[TERMS - 1]);
    for (int n = TERMS - 2; n >= 0; n--)
        sum = join(terms[n]) - multiply(sum, g);
    uint128 result = 0 - multiply(sum, g); /* 1 - c1 g + ...: 1 is 2^128, which wraps to 0 */
    if (result == 0)
        result = ~(uint128)0; /* g is 0, or nearly: 1 less one unit */
    for (int k = 0; k < ROOTS; k++)
        if ((f >> (127 - k) & 1) != 0)
            result = multiply(result, join(roots[k]));
    return result;
}

static uint64_t nearest_power(uint64_t f)
{
    if (f == 0)
        return UINT64_MAX; /* 1 less one unit */
    uint128 power = exp2_of_minus((uint128)f << 64);
    return (uint64_t)(power >> 64) + (uint64_t)((uint64_t)power >> 63);
}

void ls_half_life_powers_make(ls_half_life_powers *out)
{
    for (uint64_t i = 0; i < 256; i++) {
        out->coarse[i] = nearest_power(i << 56);
        out->fine[i] = nearest_power(i << 48);
    }
}

/* rest / every in [0, 1), cut off, by two steps of 64 places each. */
static uint128 divide_fraction(uint64_t rest, uint64_t every)
{
    uint128 first = (uint128)rest << 64;
    uint64_t high = (uint64_t)(first / every);
    uint128 second = (uint128)(uint64_t)(first % every) << 64;
    return (uint128)high << 64 | (uint64_t)(second / every);
}

/* points * 2^(-age / every), to the nearest integer, half up.
 *
 * The halvings are split into whole ones, a shift, and a fraction f. Where f is 0 the result is
 * exact. Else 2^-f is irrational, so there are no ties. The product with points below 2^40 (10^12
 * millionths) is off by less than 2^-84 before the shift and less after it, so only a true value
 * nearer than 2^-84 to a half could round wrongly: by chance one in 2^83. */
static uint64_t half_life(uint64_t points, uint64_t every, uint64_t age)
{
    uint64_t halvings = age / every, rest = age % every;
    if (halvings >= 64)
        return 0; /* points < 2^63, so less than a half is left */
    if (rest == 0) {
        if (halvings == 0)
            return points;
        return ((points >> (halvings - 1)) + 1) >> 1;
    }
    uint128 scale = exp2_of_minus(divide_fraction(rest, every));
    uint128 product = (uint128)points * (uint64_t)(scale >> 64) +
                      (uint64_t)((uint128)points * (uint64_t)scale >> 64);
    /* Twice the value, cut off, so that its lowest bit is the half. */
    uint64_t twice = (uint64_t)(product >> 63 >> halvings);
    return (twice + 1) >> 1;
}

/* ---- decay ----------------------------------------------------------------------------------- */

#define WHOLE_PERCENT (INT64_C(100) * LS_MILLION)

/* points * max(0, 1 - n * percent/100). */
static uint64_t decay_by_steps(const ls_decay *decay, uint64_t points, uint64_t steps)
{
    uint128 lost = (uint128)steps * (uint64_t)decay->percent;
    if (lost >= WHOLE_PERCENT)
        return 0;
    uint64_t left = (uint64_t)WHOLE_PERCENT - (uint64_t)lost;
    return (uint64_t)divide((uint128)points * left, WHOLE_PERCENT);
}

/* The same with n = age / every not cut off; exact for `every` up to 2^61 seconds. */
static uint64_t decay_linearly(const ls_decay *decay, uint64_t points, uint64_t age)
{
    uint128 whole = (uint128)(uint64_t)decay->every * WHOLE_PERCENT;
    uint128 lost = (uint128)age * (uint64_t)decay->percent;
    if (lost >= whole)
        return 0;
    return (uint64_t)divide(points * (whole - lost), whole);
}

int64_t ls_decay_points(const ls_decay *decay, int64_t points, int64_t age)
{
    uint64_t size = magnitude(points), elapsed = age > 0 ? (uint64_t)age : 0;
    switch (decay->curve) {
    case LS_CURVE_NONE: return points;
    case LS_CURVE_STEP: size = decay_by_steps(decay, size, elapsed / (uint64_t)decay->every); break;
    case LS_CURVE_LINEAR: size = decay_linearly(decay, size, elapsed); break;
    case LS_CURVE_HALF_LIFE: size = half_life(size, (uint64_t)decay->every, elapsed); break;
    }
    return with_sign(size, points < 0);
}

int64_t ls_decay_end(const ls_decay *decay)
{
    uint128 end;
    uint64_t percent = (uint64_t)decay->percent;
    if (decay->curve == LS_CURVE_STEP)
        end = (WHOLE_PERCENT + percent - 1) / percent * (uint128)(uint64_t)decay->every;
    else if (decay->curve == LS_CURVE_LINEAR)
        end = ((uint128)(uint64_t)decay->every * WHOLE_PERCENT + percent - 1) / percent;
    else
        return INT64_MAX;
    return end < INT64_MAX ? (int64_t)end : INT64_MAX;
}

/* out = value * weight / (10^6 * divisor): a weight of 1000000 is 1, divisor is a plain count of at
 * least 1, and |weight| is at most 2^44 (a weight has at most 1,000). */
bool ls_scale_points(ls_int128 value, int64_t weight, int64_t divisor, int64_t *out)
{
    bool negative = (value < 0) != (weight < 0);
    uint128 size = value < 0 ? 0 - (uint128)value : (uint128)value;
    uint128 factor = magnitude(weight), unit = (uint128)LS_MILLION * (uint64_t)divisor;
    uint128 whole = size / unit;
    if (factor == 0) {
        *out = 0;
        return true;
    }
    if (whole > LS_MAX_SUM) /* the weight is at least one millionth */
        return false;
    uint128 result = whole * factor + divide(size % unit * factor, unit);
    if (result > LS_MAX_SUM)
        return false;
    *out = with_sign((uint64_t)result, negative);
    return true;
}

/* ---- printing -------------------------------------------------------------------------------- */

static const char pairs[200] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static unsigned count_digits(uint64_t number)
{
    unsigned count = 1;
    for (; number >= 10000; number /= 10000)
        count += 4;
    return count + (number >= 10) + (number >= 100) + (number >= 1000);
}

/* Writes a number without sign; two digits a step. */
static char *print_integer(char *p, uint64_t number)
{
    char *end = p + count_digits(number), *q = end;
    while (number >= 100) {
        q -= 2;
        memcpy(q, pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number >= 10)
        memcpy(p, pairs + 2 * number, 2);
    else
        *p = (char)('0' + number);
    return end;
}

/* The digits of a number below 10,000 as numbers, the first in the lowest byte. */
static uint32_t four_digits(uint32_t number)
{
    uint32_t high = number / 100;
    uint32_t two = high | (number - 100 * high) << 16;
    uint32_t tens = two * 103 >> 10 & 0x000f000f; /* of both: right up to 178 */
    return tens | (two - 10 * tens) << 8;
}

/* The lowest byte first. */
static void store_text(char *p, uint64_t text)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    text = __builtin_bswap64(text);
#endif
    memcpy(p, &text, sizeof text);
}

/* A number below 10,000, as most points are. How many digits it has is not asked by branches, which
 * would be guessed wrong in every other row. Writes 8 bytes. */
static char *print_small(char *p, uint32_t number)
{
    uint32_t digits = four_digits(number);
    uint32_t zeros = (uint32_t)__builtin_ctz(digits | UINT32_C(1) << 24) / 8;
    store_text(p, (digits | UINT32_C(0x30303030)) >> 8 * zeros);
    return p + 4 - zeros;
}

/* The point and what follows it, which is not all zeros, without zeros at its end. Writes 8 bytes.
 */
static char *print_decimals(char *p, uint32_t decimals)
{
    uint32_t first = decimals / 10000;
    uint64_t digits = four_digits(first) >> 16 | (uint64_t)four_digits(decimals - first * 10000)
                                                     << 16;
    unsigned count = (unsigned)(71 - __builtin_clzll(digits)) / 8;
    store_text(p, (digits | UINT64_C(0x303030303030)) << 8 | '.');
    return p + 1 + count;
}

/* Ends the text with a zero, which the length does not count. */
size_t ls_print_points(int64_t points, char *buffer)
{
    uint64_t size = magnitude(points), whole = size / LS_MILLION;
    char *p = buffer;
    *p = '-';
    p += points < 0;
    p = whole < 10000 ? print_small(p, (uint32_t)whole) : print_integer(p, whole);
    if (size != whole * LS_MILLION)
        p = print_decimals(p, (uint32_t)(size - whole * LS_MILLION));
    *p = '\0';
    return (size_t)(p - buffer);
}

#define DOUBLE_DIGITS 17 /* always enough to read a double back */

/* Decimal digits d1 d2 ... of a double d1.d2... x 10^exponent. */
typedef struct decimal_digits {
    char text[DOUBLE_DIGITS + 1];
    int count, exponent;
} decimal_digits;

/* Rounds to `count` digits. snprintf writes "d<point>ddde[+-]dd"; the point is the locale's and may
 * be any bytes, so only the digits and the exponent are taken. */
static void round_digits(double number, int count, decimal_digits *out)
{
    char text[64];
    int exponent = 0;
    snprintf(text, sizeof text, "%.*e", count - 1, number);
    const char *p = text;
    for (out->count = 0; *p != 'e' && *p != '\0'; p++)
        if (*p >= '0' && *p <= '9' && out->count < DOUBLE_DIGITS)
            out->text[out->count++] = *p;
    bool negative = *p == 'e' && p[1] == '-';
    for (p += *p == 'e' ? 2 : 0; *p >= '0' && *p <= '9'; p++)
        exponent = exponent * 10 + (*p - '0');
    out->exponent = negative ? -exponent : exponent;
}

static bool reads_back(const decimal_digits *digits, double number)
{
    char text[DOUBLE_DIGITS + 16];
    double read;
    int length = snprintf(text, sizeof text, "%.*se%d", digits->count, digits->text,
                          digits->exponent - digits->count + 1);
    return length > 0 && ls_number_read(text, (size_t)length, &read) && read == number;
}

/* One unit of the last digit more; false if that carries past the first digit. */
static bool round_up(decimal_digits *digits)
{
    int i = digits->count - 1;
    while (i >= 0 && digits->text[i] == '9')
        digits->text[i--] = '0';
    if (i >= 0)
        digits->text[i]++;
    return i >= 0;
}

/* The fewest digits that read back. A double of normal size whose shortest form has at most 15
 * digits is that form when rounded to 15, so the search starts there. Above a power of two the
 * doubles lie wider than below it, so there the next number up may read back where the nearest
 * does not. */
static void shortest_digits(double number, decimal_digits *out)
{
    for (int count = number < DBL_MIN ? 1 : 15; count <= DOUBLE_DIGITS; count++) {
        round_digits(number, count, out);
        if (reads_back(out, number))
            break;
        decimal_digits up = *out;
        if (round_up(&up) && reads_back(&up, number)) {
            *out = up;
            break;
        }
    }
    while (out->count > 1 && out->text[out->count - 1] == '0')
        out->count--;
}

static char *print_plain(char *p, const decimal_digits *digits)
{
    int whole = digits->exponent + 1; /* digits before the point */
    if (whole <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (; whole < 0; whole++)
            *p++ = '0';
    }
    for (int i = 0; i < digits->count || i < whole; i++) {
        if (i == whole && i != 0)
            *p++ = '.';
        *p++ = i < digits->count ? digits->text[i] : '0';
    }
    return p;
}

static char *print_exponent(char *p, const decimal_digits *digits)
{
    *p++ = digits->text[0];
    if (digits->count > 1) {
        *p++ = '.';
        memcpy(p, digits->text + 1, (size_t)digits->count - 1);
        p += digits->count - 1;
    }
    *p++ = 'e';
    if (digits->exponent < 0)
        *p++ = '-';
    return print_integer(p, magnitude(digits->exponent));
}

/* From 10^-7 to 10^15 numbers are printed without an exponent. */
#define LEAST_PLAIN (-7)
#define MOST_PLAIN 1e15

/* Ends the text with a zero, which the length does not count. A number that is not finite does not
 * occur in data; it prints as "null", so that JSON stays JSON. */
size_t ls_print_number(double number, char *buffer)
{
    char *p = buffer;
    double size = fabs(number);
    if (!isfinite(number)) {
        memcpy(buffer, "null", 5);
        return 4;
    }
    if (number < 0)
        *p++ = '-';
    if (size <= MOST_PLAIN && size == (double)(uint64_t)size) {
        p = print_integer(p, (uint64_t)size);
    } else {
        decimal_digits digits;
        shortest_digits(size, &digits);
        bool plain = size <= MOST_PLAIN && digits.exponent >= LEAST_PLAIN;
        p = plain ? print_plain(p, &digits) : print_exponent(p, &digits);
    }
    *p = '\0';
    return (size_t)(p - buffer);
}

/* ---- doubles as decimals --------------------------------------------------------------------- */

#define EXACT_DECIMALS 12

bool ls_decimal_exact(double number, ls_int128 *out)
{
    decimal_digits digits;
    ls_int128 value = 0;
    *out = 0;
    if (!(number >= -1e15 && number <= 1e15))
        return false;
    if (number == 0)
        return true;
    shortest_digits(fabs(number), &digits);
    int kept =
        digits.exponent + 1 + EXACT_DECIMALS; /* digits down to the last decimal that is kept */
    for (int i = 0; i < kept; i++)
        value = value * 10 + (i < digits.count ? digits.text[i] - '0' : 0);
    if (kept >= 0 && kept < digits.count && digits.text[kept] >= '5')
        value++;
    *out = number < 0 ? -value : value;
    return true;
}
