/* Decay of many occurrences by one curve: what does not depend on the occurrence is worked out
 * before. To the last digit what ls_decay_points says, which is asked wherever a short way could
 * round wrongly. */
#ifndef LS_DECAY_H
#define LS_DECAY_H

#include "ls_decimal.h"

/* 2^(-i/256) and 2^(-i/65536), in units of 2^-64. */
typedef struct ls_half_life_powers {
    uint64_t coarse[256], fine[256];
} ls_half_life_powers;

typedef struct ls_quick_decay {
    ls_decay decay;
    uint64_t most;             /* larger points go the long way; 0: all do */
    int64_t end;               /* the age from which nothing is left */
    uint64_t reciprocal;       /* of `every`: 2^(63 + its bits) / every */
    unsigned shift;            /* its bits - 1 */
    uint64_t loss, whole;      /* linear: points * (whole - age * loss) / whole */
    uint64_t whole_reciprocal; /* 2^64 / (2 * whole) */
    const ls_half_life_powers *powers;
} ls_quick_decay;

void ls_half_life_powers_make(ls_half_life_powers *out);
/* powers: borrowed; needed for half-life only. */
void ls_quick_decay_make(ls_quick_decay *out, const ls_decay *decay,
                         const ls_half_life_powers *powers);
/* As ls_decay_points; age >= 0. */
int64_t ls_quick_decay_points(const ls_quick_decay *quick, int64_t points, int64_t age);

/* An occurrence that ages. */
typedef struct ls_aging {
    int64_t points;
    uint32_t time; /* seconds from anywhere on */
    uint32_t of;   /* whatever the caller wants to know of it */
} ls_aging;
/* The points of all become what is left of them at `now`, seconds from the same instant on, before
 * which none is. */
void ls_quick_decay_all(const ls_quick_decay *quick, int64_t now, ls_aging *all, size_t count);
#endif
