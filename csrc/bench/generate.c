#include "generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__extension__ typedef unsigned __int128 uint128;

/* ---- numbers ---- */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t gen_number(uint64_t seed, unsigned stream, uint64_t i)
{
    return mix(mix(seed + stream) + i);
}

/* 2^(i/256) in units of 2^-16. */
static uint32_t powers[256];

uint64_t gen_weight(uint64_t seed, unsigned stream, uint64_t i)
{
    int64_t sum = 0;
    for (uint64_t j = 0; j < 3; j++) {
        uint64_t x = gen_number(seed, stream, 3 * i + j);
        sum += (int64_t)((x & 65535) + ((x >> 16) & 65535) + ((x >> 32) & 65535) + (x >> 48));
    }
    int64_t exponent = ((sum - 393210) * 554) >> 16;
    return (uint64_t)powers[exponent & 255] << ((exponent >> 8) + 14);
}

/* ---- events ---- */

gen_shares gen_share_events(uint64_t contacts, uint64_t events, uint64_t first, gen_weigher weight)
{
    gen_shares shares = {.owners = gen_allocate(events, sizeof *shares.owners)};
    uint128 total = 0, sum = 0;
    for (uint64_t i = 0; i < contacts; i++) {
        total += weight(i);
    }
    uint64_t event = first;
    for (uint64_t i = 0; i < contacts; i++) {
        sum += weight(i);
        uint64_t end = first + (uint64_t)((uint128)(events - first) * sum / total);
        shares.most = end - event > shares.most ? end - event : shares.most;
        shares.none += end == event;
        while (event < end) {
            shares.owners[event++] = (uint32_t)(i + 1);
        }
    }
    return shares;
}

/* A radix sort of 13 bits a pass. */
uint64_t *gen_sort_events(uint64_t count, int64_t base, gen_timer time_of)
{
    uint64_t *keys = gen_allocate(count, sizeof *keys), *other = gen_allocate(count, sizeof *other);
    for (uint64_t i = 0; i < count; i++) {
        keys[i] = ((uint64_t)(time_of(i) - base) << 32) | i;
    }
    for (int shift = 32; shift <= 45; shift += 13) {
        uint32_t starts[8193] = {0};
        for (uint64_t i = 0; i < count; i++) {
            starts[((keys[i] >> shift) & 8191) + 1]++;
        }
        for (int i = 0; i < 8192; i++) {
            starts[i + 1] += starts[i];
        }
        for (uint64_t i = 0; i < count; i++) {
            other[starts[(keys[i] >> shift) & 8191]++] = keys[i];
        }
        uint64_t *sorted = other;
        other = keys;
        keys = sorted;
    }
    free(other);
    return keys;
}

/* ---- memory and files ---- */

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

void *gen_allocate(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    if (block == NULL) {
        fail("generate");
    }
    return block;
}

FILE *gen_open(const char *folder, const char *name, const char *header)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        fail(path);
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    fputs(header, file);
    return file;
}

void gen_close(FILE *file, const char *name)
{
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fail(name);
    }
}

/* ---- texts ---- */

char *gen_put_text(char *out, const char *text)
{
    size_t length = strlen(text);
    memcpy(out, text, length);
    return out + length;
}

char *gen_put_field(char *out, const char *text)
{
    if (!strpbrk(text, ",\"\n")) {
        return gen_put_text(out, text);
    }
    *out++ = '"';
    for (; *text; text++) {
        if (*text == '"') {
            *out++ = '"';
        }
        *out++ = *text;
    }
    *out++ = '"';
    return out;
}

char *gen_put_number(char *out, uint64_t value)
{
    char digits[24];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count) {
        *out++ = digits[--count];
    }
    return out;
}

char *gen_put_hex(char *out, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        *out++ = "0123456789abcdef"[(value >> (4 * i)) & 15];
    }
    return out;
}

char *gen_put_uuid(char *out, uint64_t high, uint64_t low)
{
    out = gen_put_hex(out, high >> 32, 8);
    *out++ = '-';
    out = gen_put_hex(out, high >> 16, 4);
    *out++ = '-';
    out = gen_put_hex(out, 0x4000 | (high & 0xfff), 4);
    *out++ = '-';
    out = gen_put_hex(out, 0x8000 | ((low >> 48) & 0x3fff), 4);
    *out++ = '-';
    return gen_put_hex(out, low, 12);
}

#define FIRST_DATE INT64_C(18262) /* 2020-01-01 */
#define DATE_COUNT 3653
static char dates[DATE_COUNT][11];

static char *put_two(char *out, int value)
{
    *out++ = (char)('0' + value / 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

char *gen_put_date(char *out, int64_t time)
{
    memcpy(out, dates[time / GEN_DAY - FIRST_DATE], 10);
    return out + 10;
}

char *gen_put_time(char *out, int64_t time, char between)
{
    int second = (int)(time % GEN_DAY);
    out = gen_put_date(out, time);
    *out++ = between;
    out = put_two(out, second / 3600);
    *out++ = ':';
    out = put_two(out, second / 60 % 60);
    *out++ = ':';
    return put_two(out, second % 60);
}

void gen_prepare(void)
{
    for (int i = 0; i < 256; i++) {
        powers[i] = (uint32_t)(exp2(i / 256.0) * 65536.0 + 0.5);
    }
    for (int i = 0; i < DATE_COUNT; i++) {
        time_t time = (time_t)((FIRST_DATE + i) * GEN_DAY);
        struct tm fields;
        gmtime_r(&time, &fields);
        strftime(dates[i], sizeof dates[i], "%Y-%m-%d", &fields);
    }
}
