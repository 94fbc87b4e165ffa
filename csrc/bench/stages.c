/* Times the stages of scoring one by one: reading (scanning, coding and sorting into partitions),
 * grouping, the making of tables, scoring, writing.
 *
 *   stages contacts=FILE events=FILE at=SECONDS [plan=NAME:CANONICAL.json]... [runs=3]
 *          [threads=2] [read_threads=1] [kernels=portable|best] [out=FILE]
 *
 * The data is read once for all plans. Each is scored `runs` times: on one thread with portable
 * kernels, on one with the processor's best, on `threads` with these (or with the kernels asked
 * for alone); the sums tell whether all agree. "bind" is the making of a plan's tables, "score" all
 * of a job, "run" what follows its tables. */
#include "clock.h"

#include "leadscore.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PLANS 8

typedef struct bench_plan {
    const char *name, *path;
    ls_plan *plan;
} bench_plan;

typedef struct bench {
    const char *contacts, *events, *out, *kernels;
    int64_t at;
    int runs;
    unsigned threads, read_threads;
    bench_plan plans[MOST_PLANS];
    size_t plan_count;
    ls_context *context;
    ls_dataset *dataset;
} bench;

/* ---- help ---- */

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "stages: %s: %s\n", what, why);
    exit(1);
}

static void check(int status, const ls_error *error, const char *what)
{
    if (status < 0) {
        fail(what, error->message);
    }
}

/* No function that is timed is inlined: tools that count instructions find them by name. */
#if defined(__GNUC__)
#define TIMED __attribute__((noinline))
#else
#define TIMED
#endif

static void finish(ls_job *job, const char *what)
{
    ls_error error;
    int status;
    while ((status = ls_job_step(job, 0, &error)) == LS_MORE) {
    }
    check(status, &error, what);
    ls_job_close(job);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, "cannot be opened");
    }
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*length + 1);
    if (text == NULL || fread(text, 1, *length, file) != *length) {
        fail(path, "cannot be read");
    }
    fclose(file);
    return text;
}

/* ---- reading ---- */

static void read_input(bench *bench, ls_input input, const char *path)
{
    ls_error error;
    ls_job *job;
    ls_input_options options = {
        .input = input, .name = path, .path = path, .threads = bench->read_threads};
    check(ls_dataset_read(bench->dataset, &options, &job, &error), &error, path);
    finish(job, path);
}

TIMED static void stage_read_contacts(bench *bench)
{
    read_input(bench, LS_INPUT_CONTACTS, bench->contacts);
}

TIMED static void stage_read_events(bench *bench)
{
    read_input(bench, LS_INPUT_EVENTS, bench->events);
}

TIMED static void stage_group(bench *bench)
{
    ls_error error;
    ls_job *job;
    check(ls_dataset_group(bench->dataset, bench->read_threads, &job, &error), &error, "group");
    finish(job, "group");
}

static void time_stage(bench *bench, const char *name, unsigned threads,
                       void (*stage)(struct bench *))
{
    bench_clock start = bench_start();
    stage(bench);
    bench_stop(start, name, threads, 1);
}

static void read_all(bench *bench)
{
    ls_error error;
    check(ls_dataset_new(bench->context, &bench->dataset, &error), &error, "dataset");
    for (size_t i = 0; i < bench->plan_count; i++) {
        check(ls_dataset_expect(bench->dataset, bench->plans[i].plan, &error), &error, "expect");
    }
    time_stage(bench, "read_contacts", bench->read_threads, stage_read_contacts);
    time_stage(bench, "read_events", bench->read_threads, stage_read_events);
    time_stage(bench, "group", bench->read_threads, stage_group);
    ls_dataset_counts counts;
    ls_dataset_count(bench->dataset, &counts);
    printf("count contacts %llu\ncount events %llu\ncount read_peak %zu\n",
           (unsigned long long)counts.records[LS_CONTACT], (unsigned long long)counts.events,
           ls_context_peak(bench->context));
}

/* ---- scoring ---- */

/* The first step of a job makes the tables. */
TIMED static void stage_bind(ls_job *job)
{
    ls_error error;
    check(ls_job_step(job, 1, &error), &error, "bind");
}

TIMED static void stage_run(ls_job *job)
{
    finish(job, "score");
}

static ls_result *time_job(bench *bench, const ls_plan *plan, const char *name, unsigned threads)
{
    char stage[64];
    ls_error error;
    ls_job *job;
    ls_result *result;
    bench_clock start = bench_start();
    check(ls_score_all(plan, bench->dataset, bench->at, threads, &result, &job, &error), &error,
          "score");
    stage_bind(job);
    bench_clock bound = bench_start();
    stage_run(job);
    bench_clock done = bench_start();
    snprintf(stage, sizeof stage, "score/%s", name);
    bench_lap(start, done, stage, threads, 1);
    snprintf(stage, sizeof stage, "run/%s", name);
    bench_lap(bound, done, stage, threads, 1);
    snprintf(stage, sizeof stage, "bind/%s", name);
    bench_lap(start, bound, stage, threads, 1);
    return result;
}

/* Of every definition, in millionths: values, and values by their row's number modulo 1009. */
static void print_sums(const ls_result *result, const ls_plan *plan, const char *name)
{
    for (size_t i = 0; i < ls_plan_count(plan); i++) {
        int64_t sum = 0, by_row = 0;
        size_t rows = ls_result_count(result, LS_CONTACT);
        for (size_t row = 0; row < rows; row++) {
            ls_score score;
            if (ls_result_get(result, i, row, &score) == LS_OK && !score.empty) {
                sum += score.value;
                by_row += score.value * (int64_t)((row + 1) % 1009);
            }
        }
        printf("sum %s/%s %lld %lld\n", name, ls_plan_name(plan, i), (long long)sum,
               (long long)by_row);
    }
}

static int count_bytes(void *user, const char *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)user += size;
    return 0;
}

static int write_bytes(void *user, const char *bytes, size_t size)
{
    return fwrite(bytes, 1, size, user) == size ? 0 : -1;
}

TIMED static void stage_write(const ls_result *result, ls_writer writer, void *user)
{
    ls_error error;
    ls_job *job;
    check(ls_result_write(result, LS_CONTACT, LS_FORMAT_CSV, false, writer, user, &job, &error),
          &error, "write");
    finish(job, "write");
}

static void time_writing(const bench *bench, const ls_result *result, const char *plan)
{
    char name[64];
    size_t bytes = 0;
    snprintf(name, sizeof name, "print/%s", plan);
    bench_clock start = bench_start();
    stage_write(result, count_bytes, &bytes);
    bench_stop(start, name, 1, 1);
    printf("count written/%s %zu\n", plan, bytes);
    if (bench->out == NULL) {
        return;
    }
    /* A file that is replaced is flushed when it is closed, by a core that is then wanted. */
    (void)remove(bench->out);
    FILE *file = fopen(bench->out, "wb");
    if (file == NULL) {
        fail(bench->out, "cannot be opened");
    }
    snprintf(name, sizeof name, "write/%s", plan);
    start = bench_start();
    stage_write(result, write_bytes, file);
    fclose(file);
    bench_stop(start, name, 1, 1);
}

static void time_scoring(bench *bench, const bench_plan *plan, const char *kernels,
                         unsigned threads, bool last)
{
    char name[64];
    if (bench->kernels && strcmp(bench->kernels, kernels) != 0) {
        return;
    }
    ls_context_portable(bench->context, strcmp(kernels, "portable") == 0);
    snprintf(name, sizeof name, "%s/%s", plan->name, kernels);
    ls_result *result = time_job(bench, plan->plan, name, threads);
    if (last) {
        snprintf(name, sizeof name, "%s/%s/%u", plan->name, kernels, threads);
        print_sums(result, plan->plan, name);
    }
    if (threads == 1 && (bench->kernels || strcmp(kernels, "best") == 0)) {
        time_writing(bench, result, plan->name);
    }
    ls_result_close(result);
}

static void score_all(bench *bench, const bench_plan *plan)
{
    for (int run = 1; run <= bench->runs; run++) {
        bool last = run == bench->runs;
        time_scoring(bench, plan, "portable", 1, last);
        time_scoring(bench, plan, "best", 1, last);
        if (bench->threads > 1) {
            time_scoring(bench, plan, "best", bench->threads, last);
        }
    }
}

/* ---- the program ---- */

static void read_argument(bench *bench, const char *argument)
{
    const char *value = strchr(argument, '=');
    const char *name = value ? strchr(value, ':') : NULL;
    if (value == NULL) {
        fail(argument, "expected NAME=VALUE");
    }
    value++;
    if (strncmp(argument, "contacts=", 9) == 0) {
        bench->contacts = value;
    } else if (strncmp(argument, "events=", 7) == 0) {
        bench->events = value;
    } else if (strncmp(argument, "out=", 4) == 0) {
        bench->out = value;
    } else if (strncmp(argument, "kernels=", 8) == 0) {
        bench->kernels = value;
    } else if (strncmp(argument, "at=", 3) == 0) {
        bench->at = strtoll(value, NULL, 10);
    } else if (strncmp(argument, "runs=", 5) == 0) {
        bench->runs = (int)strtol(value, NULL, 10);
    } else if (strncmp(argument, "threads=", 8) == 0) {
        bench->threads = (unsigned)strtoul(value, NULL, 10);
    } else if (strncmp(argument, "read_threads=", 13) == 0) {
        bench->read_threads = (unsigned)strtoul(value, NULL, 10);
    } else if (strncmp(argument, "plan=", 5) == 0 && name && bench->plan_count < MOST_PLANS) {
        static char names[MOST_PLANS][32];
        char *copy = names[bench->plan_count];
        snprintf(copy, sizeof names[0], "%.*s", (int)(name - value), value);
        bench->plans[bench->plan_count++] = (bench_plan){.name = copy, .path = name + 1};
    } else {
        fail(argument, "not known");
    }
}

int main(int count, char **values)
{
    bench bench = {.runs = 3, .threads = 2, .read_threads = 1};
    for (int i = 1; i < count; i++) {
        read_argument(&bench, values[i]);
    }
    if (bench.contacts == NULL || bench.events == NULL || bench.runs < 1 || bench.threads < 1) {
        fail("usage", "contacts=FILE events=FILE at=SECONDS [plan=NAME:FILE] [runs=] [threads=]");
    }
    if (ls_context_new(NULL, 0, &bench.context) != LS_OK) {
        fail("context", "no memory");
    }
    ls_context_portable(bench.context, bench.kernels && strcmp(bench.kernels, "portable") == 0);
    for (size_t i = 0; i < bench.plan_count; i++) {
        ls_error error;
        size_t length;
        char *text = read_file(bench.plans[i].path, &length);
        check(ls_plan_new(bench.context, text, length, &bench.plans[i].plan, &error), &error,
              bench.plans[i].path);
        free(text);
    }
    read_all(&bench);
    for (size_t i = 0; i < bench.plan_count; i++) {
        score_all(&bench, &bench.plans[i]);
    }
    printf("count peak %zu\n", ls_context_peak(bench.context));
    ls_dataset_close(bench.dataset);
    for (size_t i = 0; i < bench.plan_count; i++) {
        ls_plan_close(bench.plans[i].plan);
    }
    ls_context_close(bench.context);
    return 0;
}
