/* Tests of the core's foundation: context, arena, buffer, errors, jobs, decimals, times, texts,
 * dictionaries and JSON. Prints one "ok" line a group, or each check that failed with its place,
 * and exits with 1 if any did. Every function that allocates is also run with its first, second,
 * ... allocation failing, until it succeeds; memory must come back to where it was each time. */
#include "ls_decimal.h"
#include "ls_dictionary.h"
#include "ls_json.h"
#include "ls_text.h"
#include "ls_time.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int failures;

static bool check(bool holds, const char *file, int line, const char *what)
{
    if (!holds) {
        failures++;
        printf("not ok %s:%d: %s\n", file, line, what);
    }
    return holds;
}
#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition)
/* For tables: names the case. */
#define CHECK_CASE(condition, name) check((condition), __FILE__, __LINE__, (name))
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- an allocator that fails ----------------------------------------------------------------- */

/* Fails the allocation number fail_at (from 1; 0: none) and all after it; counts bytes by itself.
 */
typedef struct test_allocator {
    size_t calls, fail_at, bytes;
} test_allocator;

static void *test_reallocate(void *user, void *block, size_t old_size, size_t new_size)
{
    test_allocator *allocator = user;
    if (new_size == 0) {
        allocator->bytes -= old_size;
        free(block);
        return NULL;
    }
    allocator->calls++;
    if (allocator->fail_at != 0 && allocator->calls >= allocator->fail_at)
        return NULL;
    void *moved = malloc(new_size); /* always moves, so that stale pointers show */
    if (moved == NULL)
        return NULL;
    if (block != NULL)
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
    free(block);
    allocator->bytes = allocator->bytes - old_size + new_size;
    return moved;
}

/* Runs `body` with every allocation failing in turn. It answers a status, frees all it made, and
 * must succeed in the end. */
static void fail_each_allocation(int (*body)(ls_context *context), const char *name)
{
    for (size_t fail_at = 1; fail_at < 10000; fail_at++) {
        test_allocator state = {0};
        ls_allocator allocator = {test_reallocate, &state};
        ls_context *context;
        if (!CHECK(ls_context_new(&allocator, 0, &context) == LS_OK))
            return;
        size_t base = ls_context_memory(context);
        state.calls = 0;
        state.fail_at = fail_at;
        int status = body(context);
        CHECK_CASE(status == LS_OK || status == LS_ERROR_MEMORY, name);
        CHECK_CASE(ls_context_memory(context) == base, name);
        CHECK_CASE(state.bytes == base, name);
        ls_context_close(context);
        CHECK_CASE(state.bytes == 0, name);
        if (status == LS_OK) {
            CHECK_CASE(state.calls < fail_at, name);
            return;
        }
    }
    CHECK_CASE(false, name);
}

static ls_context *new_context(size_t max_memory)
{
    ls_context *context = NULL;
    CHECK(ls_context_new(NULL, max_memory, &context) == LS_OK);
    return context;
}

static int collect(void *user, const char *bytes, size_t size)
{
    ls_buffer_add(user, bytes, size);
    return 0;
}

static int refuse(void *user, const char *bytes, size_t size)
{
    (void)user;
    (void)bytes;
    (void)size;
    return -1;
}

static bool buffer_is(const ls_buffer *buffer, const char *text)
{
    return !buffer->failed &&
           ls_string_equal((ls_string){buffer->data, buffer->length}, text, strlen(text));
}

/* ---- context, arena, buffer ------------------------------------------------------------------ */

static void test_context(void)
{
    ls_context *context;
    ls_allocator none = {NULL, NULL};
    CHECK(strcmp(ls_version(), LS_VERSION) == 0);
    CHECK(ls_context_new(NULL, 0, NULL) == LS_ERROR_USAGE);
    CHECK(ls_context_new(&none, 0, &context) == LS_ERROR_USAGE && context == NULL);
    CHECK(ls_context_new(NULL, sizeof(ls_context) - 1, &context) == LS_ERROR_MEMORY);
    context = new_context(sizeof(ls_context) + 100);
    size_t base = ls_context_memory(context);
    CHECK(base == sizeof(ls_context));
    CHECK(ls_allocate(context, 101) == NULL);
    char *block = ls_allocate(context, 60);
    CHECK(block != NULL && ls_context_memory(context) == base + 60);
    CHECK(ls_reallocate(context, block, 60, 101) == NULL);
    CHECK(ls_context_memory(context) == base + 60);
    block = ls_reallocate(context, block, 60, 100);
    CHECK(block != NULL && ls_context_memory(context) == base + 100);
    CHECK(ls_allocate(context, 1) == NULL);
    CHECK(ls_allocate_whole(context, 1) == NULL && ls_allocate_whole(context, 3u << 20) == NULL);
    block = ls_reallocate(context, block, 100, 10);
    CHECK(block != NULL && ls_context_memory(context) == base + 10);
    CHECK(ls_reallocate(context, block, 10, 0) == NULL);
    CHECK(ls_context_memory(context) == base && ls_context_peak(context) == base + 100);
    CHECK(ls_allocate(context, SIZE_MAX) == NULL);
    CHECK(ls_allocate_zero(context, SIZE_MAX / 2, 3) == NULL);
    ls_free(context, NULL, 7);
    CHECK(ls_context_memory(context) == base);
    ls_context_retain(context); /* an object keeps it */
    ls_context_close(context);
    block = ls_allocate_zero(context, 5, 2);
    CHECK(block != NULL && block[0] == 0 && block[9] == 0);
    ls_free(context, block, 10);
    ls_context_release(context);
    ls_context_close(NULL);
}

static void test_grow(void)
{
    ls_context *context = new_context(0);
    size_t base = ls_context_memory(context), capacity = 0, moves = 0;
    uint64_t *items = NULL;
    for (size_t i = 0; i < 100000; i++) {
        size_t before = capacity;
        if (!CHECK(ls_grow(context, &items, &capacity, i + 1, sizeof *items) == LS_OK))
            break;
        moves += capacity != before;
        items[i] = i;
    }
    CHECK(items[0] == 0 && items[99999] == 99999 && moves < 30);
    CHECK(ls_context_memory(context) == base + capacity * sizeof *items);
    CHECK(ls_grow(context, &items, &capacity, SIZE_MAX, sizeof *items) == LS_ERROR_MEMORY);
    CHECK(ls_grow(context, &items, &capacity, SIZE_MAX / 8, sizeof *items) == LS_ERROR_MEMORY);
    CHECK(items[99999] == 99999);
    ls_free(context, items, capacity * sizeof *items);
    CHECK(ls_context_memory(context) == base);
    ls_context_close(context);
}

/* Whether a block holds what put_pattern put there. */
static bool holds_pattern(const uint32_t *items, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += items[i] != (uint32_t)i * 7;
    return wrong == 0;
}

static void put_pattern(uint32_t *items, size_t start, size_t count)
{
    for (size_t i = start; i < count; i++)
        items[i] = (uint32_t)i * 7;
}

/* Blocks whose memory serves on in another, which is then filled, grows and shrinks. */
static void test_free_into(void)
{
    enum { COUNT = 2000001, PARTS = 5 };
    const size_t sizes[PARTS] = {100000, 2u << 20, (2u << 20) + 5000, 6000000, 2u << 20};
    const size_t size = COUNT * sizeof(uint32_t);
    ls_context *context = new_context(0);
    size_t base = ls_context_memory(context), written = 1000, provided = written * 4, before;
    uint32_t *items = ls_allocate(context, size);
    put_pattern(items, 0, written);
    for (size_t i = 0; i < PARTS; i++) {
        char *part = i < 3 ? ls_allocate_whole(context, sizes[i]) : ls_allocate(context, sizes[i]);
        memset(part, 1, sizes[i]);
        before = provided;
        provided = ls_free_into(context, part, sizes[i], items, size, provided);
        CHECK(provided >= before && provided <= size);
        CHECK(ls_context_memory(context) == base + size);
        CHECK(holds_pattern(items, written));
    }
    put_pattern(items, written, COUNT);
    CHECK(holds_pattern(items, COUNT));
    items = ls_reallocate(context, items, size, 2 * size);
    put_pattern(items, COUNT, COUNT + COUNT / 2);
    CHECK(holds_pattern(items, COUNT + COUNT / 2));
    items = ls_reallocate(context, items, 2 * size, size / 2);
    CHECK(holds_pattern(items, COUNT / 2));
    ls_free(context, items, size / 2);
    char *part = ls_allocate(context, sizes[1]);
    items = ls_allocate(context, 1000);
    CHECK(ls_free_into(context, part, sizes[1], items, 1000, 0) == 1000);
    ls_free(context, items, 1000);
    CHECK(ls_context_memory(context) == base);
    ls_context_close(context);
}

static int use_arena(ls_context *context)
{
    ls_arena arena = {.context = context};
    int status = LS_OK;
    static const size_t sizes[] = {1, 0, 16, 17, 1000, 5000, 3, 300000, 8, 100, 1100};
    for (size_t round = 0; round < 20 && status == LS_OK; round++)
        for (size_t i = 0; i < COUNT(sizes) && status == LS_OK; i++) {
            unsigned char *block = ls_arena_allocate(&arena, sizes[i]);
            if (block == NULL) {
                status = LS_ERROR_MEMORY;
                break;
            }
            CHECK((uintptr_t)block % 16 == 0);
            for (size_t k = 0; k < sizes[i]; k++)
                if (block[k] != 0)
                    CHECK_CASE(false, "arena blocks are cleared and apart");
            memset(block, 0xa5, sizes[i]);
        }
    const char *text = ls_arena_text(&arena, "text!", 4);
    if (text == NULL)
        status = LS_ERROR_MEMORY;
    else
        CHECK(strcmp(text, "text") == 0);
    CHECK(ls_arena_allocate(&arena, SIZE_MAX) == NULL);
    CHECK(ls_arena_text(&arena, "", SIZE_MAX) == NULL);
    ls_arena_free(&arena);
    ls_arena_free(&arena);
    return status;
}

static int use_buffer(ls_context *context)
{
    ls_buffer buffer = {.context = context};
    for (size_t i = 0; i < 1000; i++)
        ls_buffer_add_text(&buffer, "0123456789");
    ls_buffer_add(&buffer, NULL, 0);
    int status = buffer.failed ? LS_ERROR_MEMORY : LS_OK;
    CHECK(buffer.failed || buffer.length == 10000);
    size_t length = buffer.length;
    if (buffer.failed)
        ls_buffer_add_text(&buffer, "x");
    CHECK(buffer.length == length);
    ls_buffer_free(&buffer);
    CHECK(buffer.length == 0 && !buffer.failed);
    return status;
}

static void test_blocks(void)
{
    fail_each_allocation(use_arena, "arena");
    fail_each_allocation(use_buffer, "buffer");
}

/* ---- errors, jobs ---------------------------------------------------------------------------- */

static void test_errors(void)
{
    ls_error error;
    char longer[600];
    CHECK(ls_fail(NULL, LS_ERROR_IO, "x") == LS_ERROR_IO);
    memset(&error, 0xff, sizeof error);
    CHECK(ls_fail(&error, LS_ERROR_USAGE, "got \"%s\"", "a\n\tb\x7f\xff\xc3\xa9") ==
          LS_ERROR_USAGE);
    CHECK(strcmp(error.message, "got \"a??b??\xc3\xa9\"") == 0);
    CHECK(error.status == LS_ERROR_USAGE && error.line == 0 && error.column == 0);
    CHECK(error.file[0] == '\0');
    CHECK(ls_fail_memory(&error) == LS_ERROR_MEMORY && error.status == LS_ERROR_MEMORY);

    memset(longer, 'x', sizeof longer);
    longer[511] = '\0';
    ls_fail(&error, LS_ERROR_INPUT, "%s", longer);
    CHECK(strlen(error.message) == 511);
    longer[511] = 'x';
    longer[599] = '\0';
    ls_fail(&error, LS_ERROR_INPUT, "%s", longer);
    CHECK(strlen(error.message) == 511);
    for (size_t at = 507; at < 512; at++) { /* a character of four bytes across the cut */
        memset(longer, 'x', 512);
        memcpy(longer + at, "\xf0\x9f\x98\x80", 4);
        longer[at + 4] = '\0';
        ls_fail(&error, LS_ERROR_INPUT, "%s", longer);
        CHECK(strlen(error.message) == (at == 507 ? 511 : at));
        CHECK(ls_utf8_valid(error.message, strlen(error.message)));
    }

    ls_fail_at(&error, LS_ERROR_INPUT, "a.csv", 12, 3, "expected %d", 5);
    CHECK(strcmp(error.message, "a.csv:12:3: expected 5") == 0);
    CHECK(error.line == 12 && error.column == 3 && strcmp(error.file, "a.csv") == 0);
    ls_fail_at(&error, LS_ERROR_INPUT, "a.csv", 12, 0, "x");
    CHECK(strcmp(error.message, "a.csv:12: x") == 0);
    ls_fail_at(&error, LS_ERROR_INPUT, "a.csv", 0, 0, "x");
    CHECK(strcmp(error.message, "a.csv: x") == 0);
    ls_fail_at(&error, LS_ERROR_INPUT, NULL, 7, 0, "x");
    CHECK(strcmp(error.message, "line 7: x") == 0 && error.file[0] == '\0');
    ls_fail_at(&error, LS_ERROR_INPUT, NULL, 0, 0, "x");
    CHECK(strcmp(error.message, "x") == 0);
    ls_fail_at(&error, LS_ERROR_INPUT, longer, 1, 1, "x");
    CHECK(strlen(error.file) == sizeof error.file - 1);
    CHECK(ls_fail_at(NULL, LS_ERROR_INPUT, "f", 1, 1, "x") == LS_ERROR_INPUT);
}

static int closed_jobs;

static int test_step(ls_job *job, uint64_t budget, ls_error *error)
{
    job->progress.done += budget;
    if (job->progress.done == 4)
        return ls_fail(error, LS_ERROR_IO, "four");
    return job->progress.done >= 6 ? LS_OK : LS_MORE;
}

static void test_close(ls_job *job)
{
    (void)job;
    closed_jobs++;
}

static void test_jobs(void)
{
    ls_error error;
    ls_progress progress;
    ls_context *context = new_context(0);
    ls_job job = {.context = context,
                  .step = test_step,
                  .close = test_close,
                  .progress = {"read", "bytes", 0, 6}};
    CHECK(ls_job_step(&job, 2, &error) == LS_MORE && !job.done);
    CHECK(ls_job_step(&job, 2, &error) == LS_ERROR_IO && !job.done);
    CHECK(ls_job_step(&job, 2, &error) == LS_OK && job.done);
    CHECK(ls_job_step(&job, 2, &error) == LS_OK);
    ls_job_progress(&job, &progress);
    CHECK(progress.done == 6 && progress.total == 6 && strcmp(progress.phase, "read") == 0);
    ls_job_close(&job);
    ls_job_close(NULL);
    CHECK(closed_jobs == 1);
    ls_context_close(context);
}

/* ---- decimals -------------------------------------------------------------------------------- */

static void test_decimal_read(void)
{
    static const struct {
        const char *text;
        int64_t max;
        int status;
        int64_t value;
    } cases[] = {
        {"0", 0, LS_OK, 0},
        {"-0.000", 0, LS_OK, 0},
        {"0e999999999999999999999", 0, LS_OK, 0},
        {"1", 1000000, LS_OK, 1000000},
        {"1", 999999, LS_ERROR_RANGE, 0},
        {"-1", 1000000, LS_OK, -1000000},
        {"-1.000001", 1000000, LS_ERROR_RANGE, 0},
        {"+38.75", 1000000000000, LS_OK, 38750000},
        {"0.000001", 1000000, LS_OK, 1},
        {"0.0000010", 1000000, LS_OK, 1},
        {"0.0000001", 1000000, LS_ERROR_RANGE, 0},
        {"1.2345678", INT64_MAX, LS_ERROR_RANGE, 0},
        {"10e-7", 1000000, LS_OK, 1},
        {"1e-7", 1000000, LS_ERROR_RANGE, 0},
        {"1e6", 1000000000000, LS_OK, 1000000000000},
        {"1E+6", 1000000000000, LS_OK, 1000000000000},
        {"1000000.000001", 1000000000000, LS_ERROR_RANGE, 0},
        {"9223372036854.775807", INT64_MAX, LS_OK, INT64_MAX},
        {"-9223372036854.775807", INT64_MAX, LS_OK, -INT64_MAX},
        {"9223372036854.775808", INT64_MAX, LS_ERROR_RANGE, 0},
        {"1e400", INT64_MAX, LS_ERROR_RANGE, 0},
        {"1e-99999999999999999999", INT64_MAX, LS_ERROR_RANGE, 0},
        {"1e99999999999999999999", INT64_MAX, LS_ERROR_RANGE, 0},
        {"00000000000000000000000000001", 1000000, LS_OK, 1000000},
        {"1.00000000000000000000000000000", 1000000, LS_OK, 1000000},
        {"1000000000000000000000000000e-27", 1000000, LS_OK, 1000000},
        {"", 1, LS_ERROR_INPUT, 0},
        {"-", 1, LS_ERROR_INPUT, 0},
        {"1.", 1, LS_ERROR_INPUT, 0},
        {".5", 1, LS_ERROR_INPUT, 0},
        {"1e", 1, LS_ERROR_INPUT, 0},
        {"1e+", 1, LS_ERROR_INPUT, 0},
        {"1 ", 1, LS_ERROR_INPUT, 0},
        {"0x1", 1, LS_ERROR_INPUT, 0},
        {"nan", 1, LS_ERROR_INPUT, 0},
        {"1,5", 1, LS_ERROR_INPUT, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 77;
        int status = ls_decimal_read(cases[i].text, strlen(cases[i].text), cases[i].max, &value);
        CHECK_CASE(status == cases[i].status, cases[i].text);
        CHECK_CASE(value == (status == LS_OK ? cases[i].value : 77), cases[i].text);
    }
}

#define DAY INT64_C(86400)
#define POINT INT64_C(1000000)

static void test_decay(void)
{
    static const struct {
        const char *name;
        ls_decay decay;
        int64_t points, age, value;
    } cases[] = {
        {"none", {LS_CURVE_NONE, 0, 0}, 10 * POINT, 1 << 30, 10 * POINT},
        {"step 29 d 23:59:59",
         {LS_CURVE_STEP, 50 * POINT, 30 * DAY},
         10 * POINT,
         30 * DAY - 1,
         10 * POINT},
        {"step 30 d", {LS_CURVE_STEP, 50 * POINT, 30 * DAY}, 10 * POINT, 30 * DAY, 5 * POINT},
        {"step 60 d", {LS_CURVE_STEP, 50 * POINT, 30 * DAY}, 10 * POINT, 60 * DAY, 0},
        {"step 100 %", {LS_CURVE_STEP, 100 * POINT, 90 * DAY}, 2 * POINT, 120 * DAY, 0},
        {"step tie", {LS_CURVE_STEP, 50 * POINT, 1}, 1, 1, 1},
        {"step tie below 0", {LS_CURVE_STEP, 50 * POINT, 1}, -1, 1, -1},
        {"step under the tie", {LS_CURVE_STEP, 50 * POINT + 1, 1}, 1, 1, 0},
        {"step huge age", {LS_CURVE_STEP, 1, 1}, 1000000000000, INT64_MAX, 0},
        {"linear 29 d", {LS_CURVE_LINEAR, 50 * POINT, 30 * DAY}, 10 * POINT, 29 * DAY, 5166667},
        {"linear 60 d less 1 s",
         {LS_CURVE_LINEAR, 50 * POINT, 30 * DAY},
         10 * POINT,
         60 * DAY - 1,
         2},
        {"linear 60 d", {LS_CURVE_LINEAR, 50 * POINT, 30 * DAY}, 10 * POINT, 60 * DAY, 0},
        {"linear widest",
         {LS_CURVE_LINEAR, 100 * POINT, INT64_C(1) << 61},
         -1000000000000,
         INT64_C(1) << 60,
         -500000000000},
        {"half-life 0", {LS_CURVE_HALF_LIFE, 0, 14 * DAY}, 10 * POINT, 0, 10 * POINT},
        {"half-life 14 d", {LS_CURVE_HALF_LIFE, 0, 14 * DAY}, 10 * POINT, 14 * DAY, 5 * POINT},
        {"half-life 7 d", {LS_CURVE_HALF_LIFE, 0, 14 * DAY}, 10 * POINT, 7 * DAY, 7071068},
        {"half-life below 0", {LS_CURVE_HALF_LIFE, 0, 14 * DAY}, -10 * POINT, 7 * DAY, -7071068},
        {"half-life tie", {LS_CURVE_HALF_LIFE, 0, 1}, 1, 1, 1},
        {"half-life tie below 0", {LS_CURVE_HALF_LIFE, 0, 1}, -3, 1, -2},
        {"half-life under the tie", {LS_CURVE_HALF_LIFE, 0, 1000000000}, 1, 1000000001, 0},
        {"half-life above the tie", {LS_CURVE_HALF_LIFE, 0, 1000000000}, 1, 999999999, 1},
        {"half-life 40", {LS_CURVE_HALF_LIFE, 0, 1}, 1000000000000, 40, 1},
        {"half-life 41", {LS_CURVE_HALF_LIFE, 0, 1}, 1000000000000, 41, 0},
        {"half-life huge age", {LS_CURVE_HALF_LIFE, 0, 1}, 1000000000000, INT64_MAX, 0},
        {"half-life huge", {LS_CURVE_HALF_LIFE, 0, INT64_MAX}, 1000000000000, 1, 1000000000000},
        {"half-life huge half",
         {LS_CURVE_HALF_LIFE, 0, INT64_C(1) << 62},
         1000000000000,
         INT64_C(1) << 61,
         707106781187},
        {"half-life third", {LS_CURVE_HALF_LIFE, 0, 3}, 1000000000000, 1, 793700525984},
        {"half-life two thirds", {LS_CURVE_HALF_LIFE, 0, 3}, 1000000000000, 2, 629960524947},
        {"half-life eleventh", {LS_CURVE_HALF_LIFE, 0, 11}, 123456789012, 35, 13604803195},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_CASE(ls_decay_points(&cases[i].decay, cases[i].points, cases[i].age) ==
                       cases[i].value,
                   cases[i].name);
    for (int64_t age = 1; age < 100000; age++) { /* never grows, on a point of every bit pattern */
        ls_decay decay = {LS_CURVE_HALF_LIFE, 0, 65537};
        int64_t now = ls_decay_points(&decay, 1000000000000, age);
        if (ls_decay_points(&decay, 1000000000000, age - 1) <= now)
            CHECK_CASE(false, "half-life falls");
    }
}

static void test_decay_end(void)
{
    ls_decay step = {LS_CURVE_STEP, 50 * POINT, 30 * DAY};
    ls_decay third = {LS_CURVE_LINEAR, 33333333, 30 * DAY};
    ls_decay thirds = {LS_CURVE_STEP, 33333333, 30 * DAY};
    ls_decay half_life = {LS_CURVE_HALF_LIFE, 0, 1}, none = {LS_CURVE_NONE, 0, 0};
    ls_decay slow = {LS_CURVE_STEP, 1, INT64_MAX};
    CHECK(ls_decay_end(&step) == 60 * DAY);
    CHECK(ls_decay_end(&thirds) == 120 * DAY);
    int64_t end = ls_decay_end(&third);
    CHECK(end == 7776001); /* 90 days are a little short: 2592000 / 0.33333333 */
    CHECK(ls_decay_points(&third, INT64_C(1) << 40, end) == 0);
    CHECK(ls_decay_end(&half_life) == INT64_MAX && ls_decay_end(&none) == INT64_MAX);
    CHECK(ls_decay_end(&slow) == INT64_MAX);
}

static void test_scale(void)
{
    int64_t out = 77;
    CHECK(ls_scale_points(35 * POINT, POINT, 2, &out) && out == 17500000);
    CHECK(ls_scale_points(1, POINT, 2, &out) && out == 1);
    CHECK(ls_scale_points(-1, POINT, 2, &out) && out == -1);
    CHECK(ls_scale_points(-1, -POINT, 3, &out) && out == 0);
    CHECK(ls_scale_points(5, 500000, 1, &out) && out == 3);
    CHECK(ls_scale_points(5, 0, 1, &out) && out == 0);
    CHECK(ls_scale_points(LS_MAX_SUM, POINT, 1, &out) && out == LS_MAX_SUM);
    CHECK(ls_scale_points(-LS_MAX_SUM, POINT, 1, &out) && out == -LS_MAX_SUM);
    CHECK(ls_scale_points((ls_int128)LS_MAX_SUM * 1000, 1000 * POINT, 1000000, &out));
    CHECK(out == LS_MAX_SUM);
    out = 77;
    CHECK(!ls_scale_points((ls_int128)LS_MAX_SUM + 1, POINT, 1, &out) && out == 77);
    CHECK(!ls_scale_points(LS_MAX_SUM, POINT + 1, 1, &out));
    CHECK(!ls_scale_points((ls_int128)1 << 126, 1, 1, &out));
    CHECK(!ls_scale_points(-((ls_int128)1 << 126), 1000 * POINT, INT64_MAX, &out));
}

static void test_print_points(void)
{
    static const struct {
        int64_t points;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "0.000001"},
        {-1, "-0.000001"},
        {100000, "0.1"},
        {38750000, "38.75"},
        {-38750000, "-38.75"},
        {POINT, "1"},
        {9 * POINT, "9"},
        {10 * POINT, "10"},
        {99 * POINT, "99"},
        {100 * POINT, "100"},
        {999 * POINT, "999"},
        {9999 * POINT, "9999"},
        {10000 * POINT, "10000"},
        {123456 * POINT + 7, "123456.000007"},
        {LS_MAX_SUM, "1000000000000"},
        {INT64_MAX, "9223372036854.775807"},
        {INT64_MIN, "-9223372036854.775808"},
    };
    char text[LS_POINTS_TEXT];
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t length = ls_print_points(cases[i].points, text);
        CHECK_CASE(length == strlen(cases[i].text) && strcmp(text, cases[i].text) == 0,
                   cases[i].text);
    }
}

/* The slow way: all digits, then without the zeros at the end. */
static void expect_points(int64_t points)
{
    char wanted[64], text[LS_POINTS_TEXT];
    long long size = points < 0 ? -(long long)points : (long long)points;
    int length = snprintf(wanted, sizeof wanted, "%s%lld.%06lld", points < 0 ? "-" : "",
                          size / 1000000, size % 1000000);
    while (wanted[length - 1] == '0')
        length--;
    length -= wanted[length - 1] == '.';
    wanted[length] = '\0';
    CHECK_CASE(ls_print_points(points, text) == (size_t)length && strcmp(text, wanted) == 0,
               wanted);
}

static void test_print_points_all(void)
{
    for (int64_t whole = 0; whole <= 20000; whole++) {
        expect_points(whole * POINT);
        expect_points(-whole * POINT - 250000);
    }
    for (int64_t decimals = 1; decimals < POINT; decimals += decimals % 100 == 0 ? 1 : 33)
        expect_points(decimals);
    for (int64_t step = 10; step < POINT; step *= 10)
        for (int64_t i = 1; i < 100 && i * step < POINT; i++)
            expect_points(-i * step - 12345678 * POINT);
}

static void test_print_number(void)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-17, "-17"},
        {1.5, "1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {123.456, "123.456"},
        {1e15, "1000000000000000"},
        {-999999999999999, "-999999999999999"},
        {1e16, "1e16"},
        {1e15 + 2, "1.000000000000002e15"},
        {123456789012345680.0, "1.2345678901234568e17"},
        {1e-7, "0.0000001"},
        {1.5e-8, "1.5e-8"},
        {1e22, "1e22"},
        {1e23, "1e23"},
        {DBL_MAX, "1.7976931348623157e308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {4.9406564584124654e-324, "5e-324"},
        {5.684341886080802e-14, "5.684341886080802e-14"}, /* 2^-44: the nearest 16 digits fail */
        {9007199254740992.0, "9.007199254740992e15"},
        {INFINITY, "null"},
        {NAN, "null"},
    };
    char text[LS_NUMBER_TEXT];
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t length = ls_print_number(cases[i].number, text);
        CHECK_CASE(length == strlen(cases[i].text) && strcmp(text, cases[i].text) == 0,
                   cases[i].text);
    }
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        double number, read;
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&number, &bits, sizeof number);
        size_t length = ls_print_number(number, text);
        if (isfinite(number))
            CHECK_CASE(ls_number_read(text, length, &read) && read == number, text);
        CHECK(length < LS_NUMBER_TEXT);
    }
}

/* ---- times ----------------------------------------------------------------------------------- */

static void test_time_read(void)
{
    static const struct {
        const char *text;
        int64_t from, span; /* span 0: unreadable */
    } cases[] = {
        {"1970-01-01", 0, DAY},
        {"2025-01-31", 1738281600, DAY},
        {"2025-01-31T09:30:00Z", 1738315800, 1},
        {"2025-01-31T09:30:00", 1738315800, 1},
        {"2025-01-31 09:30:00", 1738315800, 1},
        {"2025-01-31 09:30", 1738315800, 1},
        {"2025-01-31T09:30Z", 1738315800, 1},
        {"2025-01-31T09:30:59.999999999Z", 1738315859, 1},
        {"2025-01-31T09:30:00.123", 1738315800, 1},
        {"2025-01-31T09:30:00+01:00", 1738312200, 1},
        {"2025-01-31T09:30:00.5-0530", 1738335600, 1},
        {"2025-01-31T09:30+0100", 1738312200, 1},
        {"1969-12-31T23:59:59.9Z", -1, 1},
        {"2024-02-29", 1709164800, DAY},
        {"2000-02-29", 951782400, DAY},
        {"0001-01-01", LS_TIME_MIN, DAY},
        {"9999-12-31T23:59:59", LS_TIME_MAX, 1},
        {"9999-12-31", LS_TIME_MAX - DAY + 1, DAY},
        {"1738315800", 1738315800, 1},
        {"0", 0, 1},
        {"-1", -1, 1},
        {"+1", 1, 1},
        {"99999999999", 99999999999, 1},
        {"100000000000", 100000000, 1},
        {"1738315800999", 1738315800, 1},
        {"-100000000001", -100000001, 1},
        {"-100000000000", -100000000, 1},
        {"253402300799999", LS_TIME_MAX, 1},
        {"253402300800000", 0, 0},
        {"-62135596800", LS_TIME_MIN, 1},
        {"-62135596801", 0, 0},
        {"-62135596800000", LS_TIME_MIN, 1},
        {"-62135596800001", 0, 0},
        {"99999999999999999999999999", 0, 0},
        {"0000-01-01", 0, 0},
        {"0000-12-31T23:59:59", 0, 0},
        {"0001-01-01T00:00+00:01", 0, 0},
        {"9999-12-31T23:59:59-00:01", 0, 0},
        {"2025-02-29", 0, 0},
        {"1900-02-29", 0, 0},
        {"2025-02-31T00:00:00", 0, 0},
        {"2025-04-31", 0, 0},
        {"2025-00-10", 0, 0},
        {"2025-13-01", 0, 0},
        {"2025-01-00", 0, 0},
        {"2025-01-32", 0, 0},
        {"2025-01-31T24:00:00", 0, 0},
        {"2025-01-31T23:60:00", 0, 0},
        {"2025-01-31T23:59:60", 0, 0},
        {"2025-01-31T23:59:60Z", 0, 0},
        {"2025-01-31t09:30:00", 0, 0},
        {"2025-01-31T09:30:00z", 0, 0},
        {"2025-01-31T09:30:00.", 0, 0},
        {"2025-01-31T09:30:0", 0, 0},
        {"2025-01-31T09:3", 0, 0},
        {"2025-01-31T09", 0, 0},
        {"2025-01-31T", 0, 0},
        {"2025-01-31Z", 0, 0},
        {"2025-01-31T09:30:00+24:00", 0, 0},
        {"2025-01-31T09:30:00+01:60", 0, 0},
        {"2025-01-31T09:30:00+01", 0, 0},
        {"2025-01-31T09:30:00Zx", 0, 0},
        {"2025-01-31T09:30:00x", 0, 0},
        {"2025-01-31T09.30:00", 0, 0},
        {"2025-01-31T0/:30:00", 0, 0},
        {"2025-01-31T0::30:00", 0, 0},
        {"2025/01/31", 0, 0},
        {"2025-01-3\xb1", 0, 0},
        {"2025-1-31", 0, 0},
        {"10000-01-01", 0, 0},
        {"12.5", 0, 0},
        {"1e9", 0, 0},
        {"-", 0, 0},
        {"", 0, 0},
        {"today", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t from = 77, until = 77;
        bool read = ls_time_read(cases[i].text, strlen(cases[i].text), &from, &until);
        CHECK_CASE(read == (cases[i].span != 0), cases[i].text);
        CHECK_CASE(from == (read ? cases[i].from : 77), cases[i].text);
        CHECK_CASE(until == (read ? cases[i].from + cases[i].span : 77), cases[i].text);
        CHECK_CASE(ls_time_read(cases[i].text, strlen(cases[i].text), &from, NULL) == read,
                   cases[i].text);
    }
}

static void test_time_print(void)
{
    char text[LS_TIME_TEXT];
    int64_t from, until;
    ls_error error;
    for (int64_t day = LS_TIME_MIN / DAY; day <= LS_TIME_MAX / DAY; day++) {
        int64_t at = day * DAY + ((day % DAY) + DAY) * 7919 % DAY;
        size_t length = ls_print_time(at, text);
        if (length != 20 || !ls_time_read(text, length, &from, NULL) || from != at)
            CHECK_CASE(false, text);
    }
    CHECK(ls_print_time(-1, text) == 20 && strcmp(text, "1969-12-31T23:59:59Z") == 0);
    ls_print_time(INT64_MAX, text);
    CHECK(strcmp(text, "292277026596-12-04T15:30:07Z") == 0);
    ls_print_time(INT64_MIN, text);
    CHECK(strcmp(text, "-292277022657-01-27T08:29:52Z") == 0);
    CHECK(ls_days_from_civil(1970, 1, 1) == 0 && ls_days_from_civil(2000, 3, 1) == 11017);
    CHECK(ls_days_from_civil(0, 3, 1) == -719468);
    CHECK(ls_read_time(" \t2025-01-31\r\n", 14, &from, &until, &error) == LS_OK);
    CHECK(from == 1738281600 && until == from + DAY);
    CHECK(ls_read_time("soon", 4, &from, &until, &error) == LS_ERROR_INPUT);
    CHECK(strstr(error.message, "\"soon\"") != NULL && from == 1738281600);
    CHECK(ls_read_time("", 0, &from, NULL, NULL) == LS_ERROR_INPUT);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void test_text(void)
{
    ls_string trimmed = ls_trim(" \t\r\n a b \n", 10);
    CHECK(ls_string_equal(trimmed, "a b", 3));
    CHECK(ls_trim("  ", 2).length == 0 && ls_trim("", 0).length == 0);
    CHECK(ls_trim("\xc2\xa0", 2).length == 2); /* a no-break space stays */
    ls_string text = {"/pricing/plan", 13}, empty = {"", 0};
    CHECK(ls_text_contains(text, (ls_string){"/plan", 5}));
    CHECK(ls_text_contains(text, text) && !ls_text_contains(empty, text));
    CHECK(!ls_text_contains(text, (ls_string){"/plans", 6}));
    CHECK(ls_text_contains((ls_string){"aaab", 4}, (ls_string){"aab", 3}));
    CHECK(ls_text_starts(text, (ls_string){"/pri", 4}) && ls_text_starts(text, text));
    CHECK(!ls_text_starts(text, (ls_string){"pri", 3}) && !ls_text_starts(empty, text));
    CHECK(ls_text_ends(text, (ls_string){"plan", 4}) && ls_text_ends(text, text));
    CHECK(!ls_text_ends(text, (ls_string){"pla", 3}) && !ls_text_ends(empty, text));
    CHECK(ls_string_compare((ls_string){"a", 1}, (ls_string){"ab", 2}) < 0);
    CHECK(ls_string_compare((ls_string){"\xff", 1}, (ls_string){"a", 1}) > 0);
    CHECK(ls_string_compare(text, text) == 0 && ls_string_compare(empty, text) < 0);
}

static void test_utf8(void)
{
    static const char *const valid[] = {"",
                                        "abc",
                                        "\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "12345678\xc3\xa9ghijklmn",
                                        "\xf4\x8f\xbf\xbf",
                                        "\xed\x9f\xbf"};
    static const char *const invalid[] = {"\x80",
                                          "\xc3",
                                          "\xc3(",
                                          "\xc0\x80",
                                          "\xe0\x80\x80",
                                          "\xed\xa0\x80",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xff",
                                          "12345678\xe2\x82",
                                          "\xf0\x9f\x98"};
    for (size_t i = 0; i < COUNT(valid); i++)
        CHECK_CASE(ls_utf8_valid(valid[i], strlen(valid[i])), valid[i]);
    for (size_t i = 0; i < COUNT(invalid); i++)
        CHECK_CASE(!ls_utf8_valid(invalid[i], strlen(invalid[i])), invalid[i]);
}

static const struct fold_case {
    const char *text, *folded;
} fold_cases[] = {
    {"", ""},
    {"Contact US 19 [\\]^_`{@Z}", "contact us 19 [\\]^_`{@z}"},
    {"STRASSE", "strasse"},
    {"stra\xc3\x9f"
     "e",
     "strasse"},
    {"STRA\xe1\xba\x9e"
     "E",
     "strasse"},
    {"\xc3\xa9", "\xc3\xa9"},   /* e acute stays one character */
    {"e\xcc\x81", "e\xcc\x81"}, /* and two stay two */
    {"\xc3\x89", "\xc3\xa9"},
    {"\xe2\x84\xab", "\xc3\xa5"}, /* the Angstrom sign folds to a ring */
    {"\xc4\xb0", "i\xcc\x87"},    /* I with a dot */
    {"\xc5\xbf", "s"},            /* long s */
    {"\xce\xa3\xcf\x83\xcf\x82", "\xcf\x83\xcf\x83\xcf\x83"}, /* sigmas */
    {"\xce\x90", "\xce\xb9\xcc\x88\xcc\x81"},
    {"\xef\xac\x83", "ffi"},
    {"\xed\x95\x9c", "\xed\x95\x9c"},         /* Hangul is not taken apart */
    {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"}, /* Deseret, four bytes */
    {"ABC\xff", "ABC\xff"},                   /* an invalid byte: all as it is */
    {"ABCDEFGHIJKLMNOP\xc3", "ABCDEFGHIJKLMNOP\xc3"},
    {"\xed\xa0\x80"
     "A",
     "\xed\xa0\x80"
     "A"},
};

static int use_fold(ls_context *context)
{
    ls_buffer buffer = {.context = context}, written = {.context = context};
    int status = LS_OK;
    for (size_t i = 0; i < COUNT(fold_cases) && status == LS_OK; i++) {
        const struct fold_case *c = &fold_cases[i];
        status = ls_fold(c->text, strlen(c->text), &buffer);
        if (status == LS_OK)
            CHECK_CASE(buffer_is(&buffer, c->folded), c->text);
    }
    if (status == LS_OK)
        status = ls_fold_text(context,
                              "\xc3\x89"
                              "A",
                              3, collect, &written, NULL);
    if (status == LS_OK && !written.failed)
        CHECK(buffer_is(&written, "\xc3\xa9"
                                  "a"));
    if (written.failed)
        status = LS_ERROR_MEMORY;
    ls_buffer_free(&buffer);
    ls_buffer_free(&written);
    return status;
}

static void test_fold(void)
{
    ls_context *context = new_context(0);
    ls_error error;
    fail_each_allocation(use_fold, "fold");
    CHECK(ls_fold_text(context, "A", 1, refuse, NULL, &error) == LS_ERROR_IO);
    CHECK(ls_unicode_version()[0] >= '1');
    ls_context_close(context);
}

/* 2^-1074 / 2, exactly: halfway between 0 and the smallest double. */
static void write_smallest_half(char *out)
{
    unsigned char digits[1100] = {1};
    size_t count = 1;
    for (int i = 0; i < 1075; i++) { /* 5^1075 x 10^-1075 */
        unsigned carry = 0;
        for (size_t k = 0; k < count; k++) {
            carry += digits[k] * 5u;
            digits[k] = (unsigned char)(carry % 10);
            carry /= 10;
        }
        if (carry != 0)
            digits[count++] = (unsigned char)carry;
    }
    while (count > 0)
        *out++ = (char)('0' + digits[--count]);
    strcpy(out, "e-1075");
}

static void test_number_read(void)
{
    static const struct {
        const char *text;
        double number;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"1", 1},
        {"+1", 1},
        {"-1.5", -1.5},
        {".5", .5},
        {"-.5e1", -5},
        {"1e3", 1000},
        {"1E+3", 1000},
        {"1e-3", .001},
        {"007", 7},
        {"0.1", 0.1},
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.0000000000001", 9007199254740994.0},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"123456789e-30", 123456789e-30},
        {"1.7976931348623157e308", DBL_MAX},
        {"1.7976931348623158e308", DBL_MAX},
        {"4.9e-324", 4.9406564584124654e-324},
        {"2e-324", 0},
        {"-1e-400", 0},
        {"1e-99999999999999999999999", 0},
        {"0e99999999999999999999999", 0},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"12345678901234567890", 12345678901234567890.0},
    };
    static const char *const bad[] = {"",    "+",   "-",    ".",     "1.",       "e5",    "1e",
                                      "1e+", "1,5", "0x10", "inf",   "nan",      "1 ",    " 1",
                                      "1_0", "--1", "1e5.", "1e400", "-1.8e308", "1.5.5", "1e1e1"};
    double out;
    for (size_t i = 0; i < COUNT(good); i++) {
        out = 77;
        CHECK_CASE(ls_number_read(good[i].text, strlen(good[i].text), &out) &&
                       out == good[i].number && (out != 0 || !signbit(out)),
                   good[i].text);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_CASE(!ls_number_read(bad[i], strlen(bad[i]), &out), bad[i]);
    CHECK(!ls_number_read("1\0", 2, &out));
    CHECK(ls_read_number("\t12.5 ", 6, &out, NULL) == LS_OK && out == 12.5);
    ls_error error;
    CHECK(ls_read_number("12,5", 4, &out, &error) == LS_ERROR_INPUT && out == 12.5);
    CHECK(strstr(error.message, "12,5") != NULL);
}

static void test_long_numbers(void)
{
    char text[4000];
    double out;
    write_smallest_half(text);
    CHECK(ls_number_read(text, strlen(text), &out) && out == 0); /* to even */
    char *e = strchr(text, 'e');
    strcpy(e, "1e-1076"); /* a little more, in the last of its 752 digits */
    CHECK(ls_number_read(text, strlen(text), &out) && out > 0);
    memset(e, '0', 1500); /* the same, 1,500 digits later */
    strcpy(e + 1500, "1e-2576");
    CHECK(ls_number_read(text, strlen(text), &out) && out > 0);
    strcpy(e + 1500, "0e-2576");
    CHECK(ls_number_read(text, strlen(text), &out) && out == 0);
    memset(text, '0', 3000);
    strcpy(text + 3000, "25e-1");
    CHECK(ls_number_read(text, strlen(text), &out) && out == 2.5);
    text[1] = '.';
    strcpy(text + 3000, "25e3000");
    CHECK(ls_number_read(text, strlen(text), &out) && out == 25);
    memset(text, '9', 3000);
    strcpy(text + 3000, "e-2999");
    CHECK(ls_number_read(text, strlen(text), &out) && out == 10);
    text[3000] = '\0';
    CHECK(!ls_number_read(text, 3000, &out));
    CHECK(ls_number_read(text, 308, &out) && out == 1e308);
    CHECK(!ls_number_read(text, 309, &out));
}

/* The readers and printers give the same under a locale that writes a comma. */
static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "sv_SE.UTF-8"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (setlocale(LC_ALL, names[i]) != NULL)
            break;
    test_number_read();
    test_long_numbers();
    test_print_number();
    setlocale(LC_ALL, "C");
}

static void test_boolean(void)
{
    static const char *const yes[] = {"true", "TRUE", "yes", "Yes", "1"};
    static const char *const no[] = {"false", "False", "no", "NO", "0"};
    static const char *const none[] = {"", "t", "tru", "truee", "y", "on", "01", "2", "no "};
    bool out;
    for (size_t i = 0; i < COUNT(yes); i++)
        CHECK_CASE(ls_boolean_read(yes[i], strlen(yes[i]), &out) && out, yes[i]);
    for (size_t i = 0; i < COUNT(no); i++)
        CHECK_CASE(ls_boolean_read(no[i], strlen(no[i]), &out) && !out, no[i]);
    for (size_t i = 0; i < COUNT(none); i++)
        CHECK_CASE(!ls_boolean_read(none[i], strlen(none[i]), &out), none[i]);
}

/* ---- dictionary ------------------------------------------------------------------------------ */

#define MANY 5000

static size_t word(uint32_t i, char *out)
{
    return (size_t)snprintf(out, 32, "%.*s%u", (int)(i % 7), "wwwwwww", i);
}

static int use_dictionary(ls_context *context)
{
    ls_dictionary dictionary;
    char text[32];
    int status = ls_dictionary_init(&dictionary, context, 42);
    for (uint32_t i = 1; i < MANY && status == LS_OK; i++) {
        uint32_t code = ls_dictionary_add(&dictionary, text, word(i, text));
        if (code == LS_NO_CODE) {
            status = LS_ERROR_MEMORY; /* and it still holds what it held */
            CHECK(dictionary.count == i &&
                  ls_dictionary_find(&dictionary, text, word(i, text)) == LS_NO_CODE);
            CHECK(i == 1 || ls_dictionary_find(&dictionary, text, word(i - 1, text)) == i - 1);
        } else {
            CHECK(code == i);
        }
    }
    ls_dictionary_free(&dictionary);
    ls_dictionary_free(&dictionary);
    return status;
}

static void check_words(ls_dictionary *dictionary)
{
    char text[32];
    for (uint32_t i = 1; i < MANY; i++)
        if (ls_dictionary_add(dictionary, text, word(i, text)) != i)
            CHECK_CASE(false, "codes count in order of appearance");
    for (uint32_t i = 1; i < MANY; i++) {
        size_t length = word(i, text);
        if (ls_dictionary_add(dictionary, text, length) != i ||
            ls_dictionary_find(dictionary, text, length) != i ||
            !ls_string_equal(ls_dictionary_text(dictionary, i), text, length))
            CHECK_CASE(false, "a text keeps its code");
    }
    CHECK(dictionary->count == MANY);
}

static void test_dictionary(void)
{
    ls_context *context = new_context(0);
    ls_dictionary dictionary;
    fail_each_allocation(use_dictionary, "dictionary");
    size_t base = ls_context_memory(context);
    for (uint64_t seed = 0; seed < 3; seed++) {
        CHECK(ls_dictionary_init(&dictionary, context, seed) == LS_OK);
        CHECK(dictionary.count == 1 && ls_dictionary_text(&dictionary, 0).length == 0);
        CHECK(ls_dictionary_find(&dictionary, "", 0) == 0);
        CHECK(ls_dictionary_add(&dictionary, NULL, 0) == 0);
        CHECK(ls_dictionary_find(&dictionary, "w1", 2) == LS_NO_CODE);
        check_words(&dictionary);
        CHECK(ls_dictionary_find(&dictionary, "w", 1) == LS_NO_CODE);
        size_t held = ls_context_memory(context);
        ls_dictionary_clear(&dictionary);
        CHECK(dictionary.count == 1 && ls_dictionary_find(&dictionary, "w1", 2) == LS_NO_CODE);
        check_words(&dictionary);
        CHECK(ls_context_memory(context) == held);
        CHECK(ls_dictionary_add(&dictionary, "a\0b", 3) !=
              ls_dictionary_add(&dictionary, "a\0c", 3));
        ls_dictionary_free(&dictionary);
        CHECK(ls_context_memory(context) == base);
    }
    ls_context_close(context);
}

/* Their slots do not say how long they are. */
static void test_longest_texts(void)
{
    enum { FIRST = LS_LONG_TEXT - 1, LENGTHS = 4 };
    ls_context *context = new_context(0);
    ls_dictionary dictionary;
    char *text = malloc(FIRST + LENGTHS + LS_TEXT_SLACK);
    CHECK(text != NULL && ls_dictionary_init(&dictionary, context, 42) == LS_OK);
    memset(text, 'x', FIRST + LENGTHS + LS_TEXT_SLACK);
    for (uint32_t i = 0; i < LENGTHS; i++)
        CHECK(ls_dictionary_add(&dictionary, text, FIRST + i) == i + 1);
    for (uint32_t i = 0; i < LENGTHS; i++)
        CHECK(ls_dictionary_find(&dictionary, text, FIRST + i) == i + 1);
    for (uint32_t s = 0; s < dictionary.slot_count; s++) {
        const struct ls_slot *slot = &dictionary.slots[s];
        for (uint32_t i = 0; i < LENGTHS && slot->code != 0; i++) {
            ls_text_key key = ls_text_key_of(text, FIRST + i);
            CHECK(ls_dictionary_holds(&dictionary, slot, &key, text, FIRST + i) ==
                  (slot->code == i + 1));
        }
    }
    ls_dictionary_free(&dictionary);
    free(text);
    ls_context_close(context);
}

static void test_fingerprint(void)
{
    char a[33], b[33];
    ls_fingerprint("", 0, a);
    CHECK(strcmp(a, "99aa06d3014798d86001c324468d497f") == 0); /* XXH128 of nothing */
    ls_fingerprint("leadscore", 9, a);
    ls_fingerprint("leadscorf", 9, b);
    CHECK(strlen(a) == 32 && strcmp(a, b) != 0);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

#define DEPTH 8
#define VALUES 64

static const struct json_case {
    const char *text, *expected; /* printed again, or the message */
    int status;
    uint64_t line;
} json_cases[] = {
    {"null", "null", LS_OK, 0},
    {" [ true , false ]\n", "[true,false]", LS_OK, 0},
    {"{}", "{}", LS_OK, 0},
    {"[[],{}]", "[[],{}]", LS_OK, 0},
    {"12.50e+1", "12.50e+1", LS_OK, 0},
    {"{\"b\":1,\"a\":{\"b\":2}}", "{\"b\":1,\"a\":{\"b\":2}}", LS_OK, 0},
    {"\"\\u00e9\\ud83d\\ude00\\n\\/\\u0000\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n/\\u0000\"", LS_OK, 0},
    {"{\"\\u0061\":1}", "{\"a\":1}", LS_OK, 0},
    {"[[[[[[[[]]]]]]]]", "[[[[[[[[]]]]]]]]", LS_OK, 0},
    {"[[[[[[[[[]]]]]]]]]", "line 1: nested too deeply", LS_ERROR_INPUT, 1},
    {"{\"a\":1,\n\"\\u0061\":2}", "line 2: a key given twice: \"a\"", LS_ERROR_INPUT, 2},
    {"{\"\":1,\"\":2}", "line 1: a key given twice: \"\"", LS_ERROR_INPUT, 1},
    {"", "line 1: not JSON: parse error: premature EOF", LS_ERROR_INPUT, 1},
    {"\n\n[1,\n", "line 4: not JSON: parse error: premature EOF", LS_ERROR_INPUT, 4},
    {"[1]\n]", "line 2: not JSON: parse error: trailing garbage", LS_ERROR_INPUT, 2},
    {"{} {}", "line 1: not JSON: parse error: trailing garbage", LS_ERROR_INPUT, 1},
    {"\n\"abc", "line 2: a text without its closing quote", LS_ERROR_INPUT, 2},
    {"\"abc\\", "line 1: a text without its closing quote", LS_ERROR_INPUT, 1},
    {"[\n\"\\ud800\"]", "line 2: half of a surrogate pair in a text", LS_ERROR_INPUT, 2},
    {"\"\\udc00\\ud800\"", "line 1: half of a surrogate pair in a text", LS_ERROR_INPUT, 1},
    {"\"\\ud800\\u0041\"", "line 1: half of a surrogate pair in a text", LS_ERROR_INPUT, 1},
    {"[1,\n\"\xff\"]", "line 2: not UTF-8", LS_ERROR_INPUT, 2},
    {"\"\xed\xa0\x80\"", "line 1: not UTF-8", LS_ERROR_INPUT, 1},
    {"[\f1]", "line 1: a control character", LS_ERROR_INPUT, 1},
    {"[1,]", NULL, LS_ERROR_INPUT, 1},
    {"[01]", NULL, LS_ERROR_INPUT, 1},
    {"[+1]", NULL, LS_ERROR_INPUT, 1},
    {"[.5]", NULL, LS_ERROR_INPUT, 1},
    {"[1.]", NULL, LS_ERROR_INPUT, 1},
    {"-", NULL, LS_ERROR_INPUT, 1},
    {"tru", NULL, LS_ERROR_INPUT, 1},
    {"NaN", NULL, LS_ERROR_INPUT, 1},
    {"{a:1}", NULL, LS_ERROR_INPUT, 1},
    {"{1:1}", NULL, LS_ERROR_INPUT, 1},
    {"{\"a\"}", NULL, LS_ERROR_INPUT, 1},
    {"[1]/* c */", NULL, LS_ERROR_INPUT, 1},
    {"\"a\nb\"", NULL, LS_ERROR_INPUT, 1},
    {"\"\\x\"", NULL, LS_ERROR_INPUT, 1},
    {"\"\\u12\"", NULL, LS_ERROR_INPUT, 1},
    {"\xef\xbb\xbf{}", NULL, LS_ERROR_INPUT, 1},
};

static void write_tree(ls_json_writer *writer, const ls_json *value)
{
    bool object = value->kind == LS_JSON_OBJECT;
    size_t count = 0;
    switch (value->kind) {
    case LS_JSON_NULL: ls_json_null(writer); break;
    case LS_JSON_FALSE: ls_json_boolean(writer, false); break;
    case LS_JSON_TRUE: ls_json_boolean(writer, true); break;
    case LS_JSON_TEXT: ls_json_text(writer, value->text.text, value->text.length); break;
    case LS_JSON_NUMBER:
        if (writer->comma)
            ls_buffer_add_text(writer->buffer, ",");
        ls_buffer_add(writer->buffer, value->text.text, value->text.length);
        writer->comma = true;
        break;
    case LS_JSON_ARRAY:
    case LS_JSON_OBJECT:
        ls_json_open(writer, object ? '{' : '[');
        for (const ls_json *child = value->first; child != NULL; child = child->next, count++) {
            if (object)
                ls_json_key(writer, child->key.text);
            write_tree(writer, child);
        }
        CHECK(count == value->count);
        ls_json_close(writer, object ? '}' : ']');
        break;
    }
}

static int read_json_case(ls_context *context, const struct json_case *c)
{
    ls_arena arena = {.context = context};
    ls_buffer buffer = {.context = context};
    ls_json_writer writer = {&buffer, false};
    ls_json *root;
    ls_error error;
    size_t length = strlen(c->text);
    char *exact = malloc(length + (length == 0)); /* no zero after it, for the sanitizer */
    if (exact == NULL)
        return LS_ERROR_MEMORY;
    memcpy(exact, c->text, length);
    int status = ls_json_read(&arena, exact, length, DEPTH, VALUES, &root, &error);
    free(exact);
    if (status == LS_OK) {
        write_tree(&writer, root);
        if (!buffer.failed)
            CHECK_CASE(c->status == LS_OK && buffer_is(&buffer, c->expected), c->text);
    } else if (status != LS_ERROR_MEMORY) {
        CHECK_CASE(status == c->status && error.line == c->line && root == NULL, c->text);
        CHECK_CASE(c->expected == NULL || strcmp(error.message, c->expected) == 0, c->text);
    }
    if (buffer.failed)
        status = LS_ERROR_MEMORY;
    ls_buffer_free(&buffer);
    ls_arena_free(&arena);
    return status;
}

static int use_json(ls_context *context)
{
    for (size_t i = 0; i < COUNT(json_cases); i++)
        if (read_json_case(context, &json_cases[i]) == LS_ERROR_MEMORY)
            return LS_ERROR_MEMORY;
    return LS_OK;
}

/* One text that makes yajl's buffers and stack, the set of keys and the arena all grow. */
static int use_large_json(ls_context *context)
{
    enum { KEYS = 300, LEVELS = 700, ESCAPES = 20000 };
    static char text[2 * ESCAPES + 2 * LEVELS + 16 * KEYS + 16];
    char *p = text;
    *p++ = '[';
    for (int i = 0; i < LEVELS; i++)
        *p++ = '[';
    for (int i = 0; i < LEVELS; i++)
        *p++ = ']';
    p += sprintf(p, ",{\"k\":0");
    for (int i = 0; i < KEYS; i++)
        p += sprintf(p, ",\"k%d\":%d", i, i);
    p += sprintf(p, "},\"");
    for (int i = 0; i < ESCAPES; i++) {
        *p++ = '\\';
        *p++ = 'n';
    }
    p += sprintf(p, "\"]");
    ls_arena arena = {.context = context};
    ls_json *root;
    int status = ls_json_read(&arena, text, (size_t)(p - text), 1 + LEVELS, 2000, &root, NULL);
    if (status == LS_OK) {
        const ls_json *object = root->first->next;
        CHECK(root->count == 3 && object->count == KEYS + 1);
        CHECK(strcmp(ls_json_get(object, "k299")->text.text, "299") == 0);
        CHECK(ls_json_get(object, "k300") == NULL && ls_json_get(root, "k") == NULL);
        CHECK(ls_json_get(NULL, "k") == NULL);
        CHECK(object->next->text.length == ESCAPES && object->next->text.text[ESCAPES] == '\0');
    }
    ls_arena_free(&arena);
    return status;
}

static void test_json_limits(void)
{
    ls_context *context = new_context(0);
    ls_arena arena = {.context = context};
    ls_json *root;
    ls_error error;
    char digits[5000];
    memset(digits, '7', sizeof digits);
    CHECK(ls_json_read(&arena, digits, sizeof digits, 0, 1, &root, &error) == LS_OK);
    CHECK(root->kind == LS_JSON_NUMBER && root->text.length == sizeof digits);
    CHECK(ls_json_read(&arena, "1", 1, 0, 0, &root, &error) == LS_ERROR_INPUT);
    CHECK(ls_json_read(&arena, "[1,2]", 5, 1, 3, &root, &error) == LS_OK);
    CHECK(ls_json_read(&arena, "[1,2]", 5, 1, 2, &root, &error) == LS_ERROR_INPUT);
    CHECK(strcmp(error.message, "line 1: too many values") == 0);
    CHECK(ls_json_read(&arena, "[1,2]", 5, 0, 3, &root, &error) == LS_ERROR_INPUT);
    CHECK(ls_json_read(&arena, "[1,2]", 5, SIZE_MAX, SIZE_MAX, &root, &error) == LS_OK);
    CHECK(ls_json_read(&arena, "[\0]", 3, 1, 3, &root, &error) == LS_ERROR_INPUT);
    ls_arena_free(&arena);
    ls_context_close(context);
}

static void test_json_writer(void)
{
    ls_context *context = new_context(0);
    ls_buffer buffer = {.context = context};
    ls_json_writer writer = {&buffer, false};
    ls_json_open(&writer, '{');
    ls_json_key(&writer, "a\"\\\x01\x7f");
    ls_json_text(&writer, "x\n\xff\xc3\xa9\0\xe2\x82", 8);
    ls_json_key(&writer, "points");
    ls_json_points(&writer, -38750000);
    ls_json_key(&writer, "list");
    ls_json_open(&writer, '[');
    ls_json_integer(&writer, INT64_MIN);
    ls_json_integer(&writer, 0);
    ls_json_number(&writer, 0.5);
    ls_json_number(&writer, NAN);
    ls_json_boolean(&writer, true);
    ls_json_null(&writer);
    ls_json_time(&writer, 0);
    ls_json_open(&writer, '[');
    ls_json_close(&writer, ']');
    ls_json_text(&writer, NULL, 0);
    ls_json_close(&writer, ']');
    ls_json_close(&writer, '}');
    CHECK(buffer_is(&buffer, "{\"a\\\"\\\\\\u0001\\u007f\":\"x\\n\xef\xbf\xbd\xc3\xa9\\u0000"
                             "\xef\xbf\xbd\xef\xbf\xbd\",\"points\":-38.75,\"list\":["
                             "-9223372036854775808,0,0.5,null,true,null,\"1970-01-01T00:00:00Z\","
                             "[],\"\"]}"));
    ls_buffer_free(&buffer);
    ls_context_close(context);
}

static void test_json(void)
{
    fail_each_allocation(use_json, "JSON");
    fail_each_allocation(use_large_json, "large JSON");
    test_json_limits();
    test_json_writer();
}

/* ---- all ------------------------------------------------------------------------------------- */

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } groups[] = {
        {"context", test_context},
        {"grow", test_grow},
        {"free into", test_free_into},
        {"arena and buffer", test_blocks},
        {"errors", test_errors},
        {"jobs", test_jobs},
        {"reading decimals", test_decimal_read},
        {"decay", test_decay},
        {"end of decay", test_decay_end},
        {"scaling", test_scale},
        {"printing points", test_print_points},
        {"printing points of every length", test_print_points_all},
        {"printing numbers", test_print_number},
        {"reading times", test_time_read},
        {"printing times", test_time_print},
        {"texts", test_text},
        {"UTF-8", test_utf8},
        {"folding", test_fold},
        {"reading numbers", test_number_read},
        {"long numbers", test_long_numbers},
        {"another locale", test_locale},
        {"booleans", test_boolean},
        {"dictionary", test_dictionary},
        {"longest texts", test_longest_texts},
        {"fingerprint", test_fingerprint},
        {"JSON", test_json},
    };
    for (size_t i = 0; i < COUNT(groups); i++) {
        int before = failures;
        groups[i].run();
        if (failures == before)
            printf("ok %s\n", groups[i].name);
    }
    return failures != 0;
}
