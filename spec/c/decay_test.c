/* Quick decay says to the last digit what ls_decay_points says: for every curve, at ages around
 * every boundary and at random ones, for points of every size and sign.
 *
 * Exits 0 if all is as expected. */
#include "ls_decay.h"

#include <stdio.h>

static int failures;
static ls_half_life_powers powers;

static uint64_t random_bits(void)
{
    static uint64_t state = UINT64_C(88172645463325252);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* As many bits as not, so that small and large numbers are as likely. */
static int64_t random_number(unsigned bits)
{
    return (int64_t)(random_bits() >> (63 - random_bits() % bits) >> 1);
}

static void check(const ls_quick_decay *quick, int64_t points, int64_t age)
{
    int64_t want = ls_decay_points(&quick->decay, points, age);
    int64_t got = ls_quick_decay_points(quick, points, age);
    if (want != got && failures++ < 20) {
        fprintf(stderr,
                "curve %d, percent %lld, every %lld, points %lld, age %lld: %lld, not %lld\n",
                (int)quick->decay.curve, (long long)quick->decay.percent,
                (long long)quick->decay.every, (long long)points, (long long)age, (long long)got,
                (long long)want);
    }
}

static int64_t random_points(void)
{
    int64_t points = random_number(41);
    if (random_bits() % 3 == 0) {
        points = points / LS_MILLION * LS_MILLION; /* whole ones are usual */
    }
    return random_bits() % 4 == 0 ? -points : points;
}

/* Whole numbers of intervals, and a second to either side, and the last instants. */
static void check_curve(ls_curve curve, int64_t percent, int64_t every)
{
    const ls_decay decay = {curve, percent, every};
    ls_quick_decay quick;
    ls_quick_decay_make(&quick, &decay, &powers);
    for (int64_t n = 0; n < 70 && every < (INT64_C(1) << 40); n++) {
        for (int64_t by = -1; by <= 1; by++) {
            check(&quick, random_points(), ls_max(n * every + by, 0));
            check(&quick, 10 * LS_MILLION, ls_max(n * every + by, 0));
        }
    }
    int64_t end = ls_decay_end(&decay);
    for (int64_t by = -3; by <= 3 && end < INT64_MAX - 3; by++) {
        check(&quick, random_points(), ls_max(end + by, 0));
    }
    int64_t some = every < 1000 ? 100000 : every < INT64_C(1) << 40 ? every * 12 : every;
    for (int i = 0; i < 400; i++) {
        check(&quick, random_points(), random_number(40));
        check(&quick, random_points(), random_number(40) % some);
        check(&quick, random_number(40) * (INT64_C(1) << 6), random_number(30));
    }
}

int main(void)
{
    static const int64_t spans[] = {1,
                                    2,
                                    3,
                                    60,
                                    3600,
                                    86400,
                                    604800,
                                    1209600,
                                    2592000,
                                    7776000,
                                    31536000,
                                    1048576,
                                    4294967296,
                                    INT64_C(1) << 39,
                                    INT64_C(1) << 61};
    static const int64_t percents[] = {1,        3,        7777777,  10000000, 12500000, 20000000,
                                       25000000, 33333333, 50000000, 99999999, 100000000};
    ls_half_life_powers_make(&powers);
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        for (size_t k = 0; k < sizeof percents / sizeof *percents; k++) {
            check_curve(LS_CURVE_STEP, percents[k], spans[i]);
            check_curve(LS_CURVE_LINEAR, percents[k], spans[i]);
        }
        check_curve(LS_CURVE_NONE, 0, spans[i]);
        check_curve(LS_CURVE_HALF_LIFE, 0, spans[i]);
    }
    for (int i = 0; i < 3000; i++) {
        int64_t every = 1 + random_number(36), percent = 1 + random_number(40) % 100000000;
        check_curve((ls_curve)(1 + random_bits() % 3), percent, every);
    }
    if (failures == 0) {
        printf("decay: as expected\n");
    }
    return failures != 0;
}
