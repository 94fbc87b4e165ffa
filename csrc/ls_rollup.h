/* What several records' values come to (7): exact sums of points and of numbers of at most 12
 * decimals, weighed and rounded once. The walk and the kernels both add up here. */
#ifndef LS_ROLLUP_H
#define LS_ROLLUP_H

#include "ls_plan.h"

#define LS_EXACT_UNIT INT64_C(1000000000000) /* 10^-12 */
#define LS_EXACT_PAST (2 * INT64_C(1000000000000000000))

/* whole + fraction / 10^12, 0 <= fraction < 10^12; -0.25 is -1 and 0.75. A number further from 0
 * than 10^18 has no decimals, and is digits * 10^exponent instead: whole is LS_EXACT_PAST +
 * exponent, fraction its 18 digits, both negative of a negative number. So all compare alike. */
typedef struct ls_exact {
    int64_t whole, fraction;
} ls_exact;

ls_exact ls_exact_of_points(int64_t points);
/* The shortest decimal that reads back as the number, rounded half away to 12 decimals. */
ls_exact ls_exact_of_number(double number);
int ls_exact_compare(ls_exact a, ls_exact b); /* below 0, 0, above 0 */

#define LS_TOTAL_LIMBS 19 /* of 18 digits: the largest double has 309 */

/* Values that become one; all zero: none yet. */
typedef struct ls_total {
    ls_int128 whole, fraction;
    size_t count; /* at most 2^32 */
    bool past;    /* some value is further from 0 than 10^18: they are added up in limbs */
    ls_exact most, least;
    ls_int128 limbs[LS_TOTAL_LIMBS]; /* of 10^0, 10^18, 10^36 ... */
} ls_total;

void ls_total_add(ls_total *total, ls_exact value);
/* The function of the values, times weight (millionths, at most 1,000 points), rounded once, half
 * away from zero; of none: 0. false: past LS_MAX_SUM. */
bool ls_total_points(const ls_total *total, ls_combine combine, int64_t weight, int64_t *out);
/* The sum divided by a plain count of at least 1, weighed and rounded alike: what the values so far
 * are of an average over more. */
bool ls_total_share(const ls_total *total, size_t divisor, int64_t weight, int64_t *out);
#endif
