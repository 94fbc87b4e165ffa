/* What several records' values come to (7): exact sums of points and of numbers of at most 12
 * decimals, weighed and rounded once. The walk and the kernels both add up here. */
#ifndef LS_ROLLUP_H
#define LS_ROLLUP_H

#include "ls_plan.h"

#define LS_EXACT_UNIT INT64_C(1000000000000) /* 10^-12 */
/* A number further from 0 than 10^18 is held as this or its negative: whatever it is weighed with,
 * it is past the largest sum. */
#define LS_EXACT_PAST (2 * INT64_C(1000000000000000000))

/* whole + fraction / 10^12, 0 <= fraction < 10^12; -0.25 is -1 and 0.75. */
typedef struct ls_exact {
    int64_t whole, fraction;
} ls_exact;

ls_exact ls_exact_of_points(int64_t points);
/* The shortest decimal that reads back as the number, rounded half away to 12 decimals. */
ls_exact ls_exact_of_number(double number);
int ls_exact_compare(ls_exact a, ls_exact b); /* below 0, 0, above 0 */

/* Values that become one; all zero: none yet. */
typedef struct ls_total {
    ls_int128 whole, fraction;
    size_t count; /* at most 2^32 */
    bool past;    /* some value was LS_EXACT_PAST */
    ls_exact most, least;
} ls_total;

void ls_total_add(ls_total *total, ls_exact value);
/* The function of the values, times weight (millionths, at most 1,000 points), rounded once, half
 * away from zero; of none: 0. false: past LS_MAX_SUM. */
bool ls_total_points(const ls_total *total, ls_combine combine, int64_t weight, int64_t *out);
/* The sum divided by a plain count of at least 1, weighed and rounded alike: what the values so far
 * are of an average over more. */
bool ls_total_share(const ls_total *total, size_t divisor, int64_t weight, int64_t *out);
#endif
