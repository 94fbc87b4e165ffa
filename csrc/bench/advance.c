/* Times a ledger through time: what advancing costs when one contact in a hundred is due; with DAYS
 * how many contacts that many days in steps of a minute score again.
 *
 *   advance CANONICAL.json CONTACTS.csv EVENTS.csv FROM [DAYS]
 *
 * FROM is in seconds; the files' events that are dated later come to be at their time. */
#include "clock.h"

#include "leadscore.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE 60
#define DAY 86400

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "advance: %s: %s\n", what, why);
    exit(1);
}

static void check(int status, const ls_error *error, const char *what)
{
    if (status != LS_OK) {
        fail(what, error->message);
    }
}

static void finish(int status, ls_job *job, ls_error *error, const char *what)
{
    check(status, error, what);
    while ((status = ls_job_step(job, 0, error)) == LS_MORE) {
    }
    check(status, error, what);
    ls_job_close(job);
}

static void read_file(ls_dataset *dataset, ls_input input, const char *path)
{
    const ls_input_options options = {.input = input, .name = path, .path = path};
    ls_error error;
    ls_job *job = NULL;
    int status = ls_dataset_read(dataset, &options, &job, &error);
    finish(status, job, &error, path);
}

static ls_plan *read_plan(ls_context *context, const char *path)
{
    static char text[1 << 20];
    ls_error error;
    ls_plan *plan;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, "cannot be opened");
    }
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    check(ls_plan_new(context, text, length, &plan, &error), &error, path);
    return plan;
}

/* ---- what is done ---------------------------------------------------------------------------- */

static size_t count_due(const ls_ledger *ledger, int64_t at)
{
    size_t due = 0;
    for (size_t row = 0; row < ls_ledger_rows(ledger); row++) {
        due += ls_ledger_due(ledger, row) <= at;
    }
    return due;
}

static void advance(ls_ledger *ledger, int64_t at)
{
    ls_error error;
    check(ls_ledger_advance(ledger, at, false, &error), &error, "advance");
}

/* The instant at which one contact in a hundred is due. */
static int64_t find_instant(const ls_ledger *ledger, int64_t from)
{
    int64_t low = from, high = from + 400 * (int64_t)DAY;
    size_t wanted = ls_ledger_count(ledger) / 100;
    while (low + 1 < high) {
        int64_t middle = low + (high - low) / 2;
        if (count_due(ledger, middle) < wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

static void time_first(ls_ledger *ledger, int64_t from)
{
    bench_clock start = bench_start();
    advance(ledger, from);
    bench_stop(start, "advance_first", 1, 1);
    ls_ledger_changes_taken(ledger);
}

/* Five times one in a hundred, each from the instant of the one before. */
static void time_hundredth(ls_ledger *ledger, int64_t from)
{
    for (int i = 0; i < 5; i++) {
        from = find_instant(ledger, from);
        size_t due = count_due(ledger, from);
        bench_clock start = bench_start();
        advance(ledger, from);
        bench_stop(start, "advance_hundredth", 1, 1);
        printf("count due %zu\ncount changes %zu\n", due, ls_ledger_change_count(ledger));
        ls_ledger_changes_taken(ledger);
    }
}

static void time_days(ls_ledger *ledger, int64_t from, long days)
{
    uint64_t scored = 0, changes = 0;
    bench_clock all = {0};
    for (int64_t at = from + MINUTE; at <= from + days * DAY; at += MINUTE) {
        scored += count_due(ledger, at);
        bench_clock start = bench_start();
        advance(ledger, at);
        bench_clock stop = bench_start();
        all.wall += stop.wall - start.wall;
        all.cpu += stop.cpu - start.cpu;
        changes += ls_ledger_change_count(ledger);
        ls_ledger_changes_taken(ledger);
    }
    bench_lap((bench_clock){0}, all, "advance_minutes", 1, 1);
    printf("count scored %llu\ncount changes %llu\ncount contacts_by_steps %llu\n",
           (unsigned long long)scored, (unsigned long long)changes,
           (unsigned long long)ls_ledger_count(ledger) * (unsigned long long)(days * DAY / MINUTE));
}

static void time_batch(const ls_plan *plan, ls_dataset *dataset, int64_t at)
{
    ls_error error;
    ls_result *result;
    ls_job *job = NULL;
    bench_clock start = bench_start();
    int status = ls_score_all(plan, dataset, at, 1, &result, &job, &error);
    finish(status, job, &error, "batch");
    bench_stop(start, "batch", 1, 1);
    ls_result_close(result);
}

int main(int count, char **values)
{
    if (count < 5) {
        fail("usage", "advance CANONICAL.json CONTACTS.csv EVENTS.csv FROM [DAYS]");
    }
    ls_context *context;
    ls_dataset *dataset;
    ls_ledger *ledger;
    ls_job *job = NULL;
    ls_error error;
    int64_t from = strtoll(values[4], NULL, 10);
    if (ls_context_new(NULL, 0, &context) != LS_OK) {
        fail("context", "no memory");
    }
    ls_plan *plan = read_plan(context, values[1]);
    check(ls_dataset_new(context, &dataset, &error), &error, "dataset");
    check(ls_dataset_expect(dataset, plan, &error), &error, "dataset");
    read_file(dataset, LS_INPUT_CONTACTS, values[2]);
    read_file(dataset, LS_INPUT_EVENTS, values[3]);
    int status = ls_dataset_group(dataset, 1, &job, &error);
    finish(status, job, &error, "group");
    check(ls_ledger_new(context, plan, NULL, &ledger, &error), &error, "ledger");
    check(ls_ledger_load(ledger, dataset, from, &error), &error, "load");
    time_batch(plan, dataset, from);
    time_first(ledger, from);
    if (count > 5) {
        time_days(ledger, from, strtol(values[5], NULL, 10));
    } else {
        time_hundredth(ledger, from);
    }
    ls_ledger_close(ledger);
    ls_dataset_close(dataset);
    ls_plan_close(plan);
    ls_context_close(context);
    return 0;
}
