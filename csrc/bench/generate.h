/* What the workloads' generators share: random numbers that are the same everywhere, how many
 * events a contact gets, the order of times, and the writing of CSV. Integers only (splitmix64) but
 * for one table of powers of two. A failure prints why and ends the program. */
#ifndef GENERATE_H
#define GENERATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GEN_DAY INT64_C(86400)

/* The i-th number of a stream; streams are independent. */
uint64_t gen_number(uint64_t seed, unsigned stream, uint64_t i);
/* One of `count`, the small ones more often (its square is uniform), from 32 random bits. */
static inline uint32_t gen_skewed(uint64_t bits, uint32_t count)
{
    uint64_t x = bits & UINT32_MAX;
    return (uint32_t)((((x * x) >> 32) * count) >> 32);
}

/* To be called before weights are asked for and times are written. */
void gen_prepare(void);

/* How many events the i-th contact gets, relative to others: log-normal (sigma 1.5), from twelve
 * uniform 16-bit values. */
uint64_t gen_weight(uint64_t seed, unsigned stream, uint64_t i);
typedef uint64_t (*gen_weigher)(uint64_t i);

typedef struct gen_shares {
    uint32_t *owners; /* by event, contact by contact: the contact, 1-based; free it */
    uint64_t most, none;
} gen_shares;
/* Shares out events among contacts by their weights, from event `first` on: those before it are the
 * caller's to give. */
gen_shares gen_share_events(uint64_t contacts, uint64_t events, uint64_t first, gen_weigher weight);

/* The time of the i-th event, in seconds since 1970. */
typedef int64_t (*gen_timer)(uint64_t i);
/* The events' numbers in the order of their times, equal times in their own order; times lie in
 * [base, base + 2^26). The number is the low half of a key. */
uint64_t *gen_sort_events(uint64_t count, int64_t base, gen_timer time_of);

void *gen_allocate(size_t count, size_t size); /* zeroed */
FILE *gen_open(const char *folder, const char *name, const char *header);
void gen_close(FILE *file, const char *name);

/* Writing into a line; each answers where it ends. */
char *gen_put_text(char *out, const char *text);
char *gen_put_field(char *out, const char *text); /* in quotes where RFC 4180 wants them */
char *gen_put_number(char *out, uint64_t value);
char *gen_put_hex(char *out, uint64_t value, int digits);
char *gen_put_uuid(char *out, uint64_t high, uint64_t low); /* of version 4 */
char *gen_put_date(char *out, int64_t time);                /* of the years 2020 to 2029 */
char *gen_put_time(char *out, int64_t time, char between);  /* date, `between`, clock */
#endif
