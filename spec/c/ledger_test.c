/* A ledger when memory runs out: every operation of a long day is tried with its first allocation
 * failing, then its second, and so on until it goes through; once with only that allocation failing
 * and once with all from it on. An operation that fails must say so and change nothing, whatever it
 * is in the middle of; after the day every score must be that of a ledger that always had memory.
 * Dictionaries are small, so that values are classed and dropped in between.
 *
 * Exits 0 if all is as expected. */
#include "faults.h"
#include "leadscore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define DAY 86400
#define STEPS 700
#define CONTACTS 40
#define MOST_ALLOCATIONS 100000

/* ---- definitions ----------------------------------------------------------------------------- */

#define DEFINITION(points)                                                                         \
    "{\"language\":1,\"definitions\":[{\"name\":\"quality\",\"object\":\"contact\","               \
    "\"properties\":{\"contact.industry\":\"text\",\"contact.employees\":\"number\","              \
    "\"event.page\":\"text\",\"event.seconds\":\"number\"},"                                       \
    "\"groups\":["                                                                                 \
    "{\"name\":\"Fit\",\"kind\":\"fit\",\"rules\":["                                               \
    "{\"when\":{\"property\":\"contact.industry\","                                                \
    "\"is\":{\"tests\":[[\"contains\",\"soft\"]]}},\"points\":10},"                                \
    "{\"when\":{\"list\":[\"vip\"],\"member\":true},\"points\":100},"                              \
    "{\"property\":\"contact.employees\","                                                         \
    "\"bands\":[{\"if\":{\"tests\":[[\"at_least\",20]]},\"points\":5}],\"otherwise\":1}]},"        \
    "{\"name\":\"Activity\",\"kind\":\"engagement\",\"rules\":["                                   \
    "{\"event\":[\"call\"],\"points\":" points ","                                                 \
    "\"decay\":{\"curve\":\"step\",\"percent\":50,\"every\":2592000}},"                            \
    "{\"event\":[\"call\",\"view\"],\"points\":3,\"decay\":{\"half_life\":1209600}},"              \
    "{\"event\":[\"view\"],\"where\":{\"property\":\"event.page\","                                \
    "\"is\":{\"tests\":[[\"starts_with\",\"pricing\"]]}},\"within\":{\"last\":2592000},"           \
    "\"times\":[{\"min\":2}],\"points\":4},"                                                       \
    "{\"event\":[\"view\"],\"where\":{\"property\":\"event.seconds\","                             \
    "\"is\":{\"tests\":[[\"more_than\",30]]}},\"latest\":3,\"points\":1}]}]}]}"

static const char one[] = DEFINITION("8"), other[] = DEFINITION("9");

static void fail(size_t step, size_t at, const char *what, const char *why)
{
    fprintf(stderr, "step %zu, allocation %zu: %s: %s\n", step, at, what, why);
    exit(1);
}

/* ---- a day ----------------------------------------------------------------------------------- */

typedef struct day {
    ls_context *context;
    ls_plan *plans[2];
    ls_ledger *ledger;
    faults *state;
} day;

static uint32_t mix(size_t step, uint32_t salt)
{
    uint32_t x = (uint32_t)step * 2654435761u + salt * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    return x ^ x >> 13;
}

static ls_ledger_property property(const char *name, const char *text)
{
    return (ls_ledger_property){name, strlen(name), text, strlen(text)};
}

static int add(day *day, size_t step, ls_error *error)
{
    char contact[32], page[32], seconds[32], id[32], name[32];
    bool repeated;
    size_t count = 3;
    snprintf(contact, sizeof contact, "c%u", mix(step, 1) % CONTACTS);
    snprintf(page, sizeof page, "%s%u", mix(step, 2) % 3 == 0 ? "pricing/" : "docs/",
             mix(step, 3) % 200);
    snprintf(seconds, sizeof seconds, "%u", mix(step, 4) % 90);
    snprintf(id, sizeof id, "e%u", mix(step, 5) % 300);
    snprintf(name, sizeof name, "event %u", mix(step, 6) % 100);
    const char *names[] = {"view", "call", name};
    const char *event = names[mix(step, 7) % 3];
    int64_t at = AT - (int64_t)(mix(step, 8) % 90) * DAY;
    at = step % 97 == 5 ? 0 : at; /* before what 32 bits hold */
    const ls_ledger_property properties[] = {property("page", page), property("seconds", seconds),
                                             property("id", id)};
    return ls_ledger_add(day->ledger, contact, strlen(contact), event, strlen(event), at,
                         properties, count, AT + (int64_t)step, &repeated, error);
}

static int set(day *day, size_t step, ls_error *error)
{
    char contact[32], industry[32], employees[32];
    snprintf(contact, sizeof contact, "c%u", mix(step, 1) % CONTACTS);
    snprintf(industry, sizeof industry, "%s %u", mix(step, 2) % 2 ? "software" : "farming",
             mix(step, 3) % 100);
    snprintf(employees, sizeof employees, "%u", mix(step, 4) % 60);
    const ls_ledger_property properties[] = {property("industry", industry),
                                             property("employees", employees)};
    return ls_ledger_set(day->ledger, contact, strlen(contact), properties, 2, error);
}

static int write_nothing(void *user, const char *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)user += size;
    return 0;
}

static int ask(day *day, size_t step, ls_error *error)
{
    ls_score score;
    bool known;
    int64_t change;
    size_t written = 0;
    char contact[32];
    snprintf(contact, sizeof contact, "c%u", mix(step, 1) % CONTACTS);
    int64_t row = ls_ledger_find(day->ledger, contact, strlen(contact)), at = AT + (int64_t)step;
    if (row < 0)
        return LS_OK;
    int status = ls_ledger_score(day->ledger, (size_t)row, at, &score, error);
    if (status == LS_OK)
        status = ls_ledger_next_change(day->ledger, (size_t)row, at, 0, &known, &change, error);
    return status == LS_OK
               ? ls_ledger_explain(day->ledger, (size_t)row, at, write_nothing, &written, error)
               : status;
}

/* A ledger is made of the dataset that this one gives, and takes its place. */
static int move(day *day, ls_error *error)
{
    const ls_ledger_options options = {.max_values = 60, .keep_all = true};
    ls_dataset *dataset;
    ls_ledger *ledger = NULL;
    int status = ls_ledger_dataset(day->ledger, day->context, &dataset, error);
    if (status == LS_ERROR_INPUT) /* values were classed */
        return LS_OK;
    if (status != LS_OK)
        return status;
    status = ls_ledger_new(day->context, day->plans[0], &options, &ledger, error);
    if (status == LS_OK)
        status = ls_ledger_load(ledger, dataset, 1750000000, error);
    ls_dataset_close(dataset);
    if (status == LS_OK) {
        ls_ledger_close(day->ledger);
        day->ledger = ledger;
    } else {
        ls_ledger_close(ledger);
    }
    return status;
}

static int list(day *day, size_t step, ls_error *error)
{
    char contact[32];
    snprintf(contact, sizeof contact, "c%u", mix(step, 1) % (2 * CONTACTS));
    return ls_ledger_list_add(day->ledger, "vip", 3, contact, strlen(contact), error);
}

/* The operation of a step. */
static int run(day *day, size_t step, ls_error *error)
{
    char contact[32];
    uint32_t which = mix(step, 0) % 100;
    if (step == 0)
        return ls_ledger_list(day->ledger, "vip", 3, error);
    if (which < 55)
        return add(day, step, error);
    if (which < 75)
        return set(day, step, error);
    if (which < 85)
        return ask(day, step, error);
    if (which < 88)
        return list(day, step, error);
    if (which < 91)
        return ls_ledger_replace(day->ledger, day->plans[mix(step, 1) % 2], true, error);
    if (which < 93)
        return move(day, error);
    snprintf(contact, sizeof contact, "c%u", mix(step, 1) % CONTACTS);
    (void)ls_ledger_forget(day->ledger, contact, strlen(contact));
    return LS_OK;
}

/* ---- trying ---------------------------------------------------------------------------------- */

static void open_day(day *day, ls_allocator *allocator)
{
    const ls_ledger_options options = {.max_values = 60, .keep_all = true};
    ls_error error;
    if (ls_context_new(allocator, 0, &day->context) != LS_OK ||
        ls_plan_new(day->context, one, sizeof one - 1, &day->plans[0], &error) != LS_OK ||
        ls_plan_new(day->context, other, sizeof other - 1, &day->plans[1], &error) != LS_OK ||
        ls_ledger_new(day->context, day->plans[0], &options, &day->ledger, &error) != LS_OK)
        fail(0, 0, "opening", "it failed");
}

static void close_day(day *day)
{
    ls_ledger_close(day->ledger);
    ls_plan_close(day->plans[0]);
    ls_plan_close(day->plans[1]);
    ls_context_close(day->context);
}

static bool is_refusal(int status)
{
    return status == LS_ERROR_INPUT || status == LS_ERROR_DEFINITION;
}

/* Tries a step until it goes through without a failure. */
static void try_step(day *day, size_t step)
{
    for (size_t at = 1;; at++) {
        ls_ledger_counts before, after;
        ls_error error;
        ls_ledger_counted(day->ledger, &before);
        memset(&error, 0, sizeof error);
        faults_arm(day->state, at);
        int status = run(day, step, &error);
        bool failed = day->state->failed;
        day->state->fail_at = 0;
        if (status != LS_OK && !is_refusal(status) && !(failed && status == LS_ERROR_MEMORY))
            fail(step, at, "status", error.message);
        if (status != LS_ERROR_MEMORY)
            return;
        ls_ledger_counted(day->ledger, &after);
        if (after.contacts != before.contacts || after.events != before.events)
            fail(step, at, "counts", "a failed operation changed them");
        if (at > MOST_ALLOCATIONS)
            fail(step, at, "allocations", "it does not end");
    }
}

static void same_scores(const day *a, const day *b)
{
    for (unsigned i = 0; i < CONTACTS; i++) {
        char contact[32];
        ls_score x, y;
        ls_error error;
        snprintf(contact, sizeof contact, "c%u", i);
        int64_t row = ls_ledger_find(a->ledger, contact, strlen(contact));
        int64_t same = ls_ledger_find(b->ledger, contact, strlen(contact));
        if ((row < 0) != (same < 0))
            fail(STEPS, i, "contacts", "one is there, the other is not");
        if (row < 0)
            continue;
        int status = ls_ledger_score(a->ledger, (size_t)row, AT + DAY, &x, &error);
        if (status != ls_ledger_score(b->ledger, (size_t)same, AT + DAY, &y, &error))
            fail(STEPS, i, "scores", "one is refused");
        if (status == LS_OK && (x.value != y.value || x.fit != y.fit || x.scored != y.scored))
            fail(STEPS, i, "scores", "they differ");
    }
}

static void test(bool lasting)
{
    faults state = {.lasting = lasting}, never = {0};
    ls_allocator allocator = {faults_reallocate, &state}, plain = {faults_reallocate, &never};
    day tried = {.state = &state}, easy = {.state = &never};
    open_day(&tried, &allocator);
    open_day(&easy, &plain);
    for (size_t step = 0; step < STEPS; step++) {
        ls_error error;
        try_step(&tried, step);
        (void)run(&easy, step, &error);
        if (step % 50 == 49)
            same_scores(&tried, &easy);
    }
    close_day(&tried);
    close_day(&easy);
    if (state.bytes != 0 || never.bytes != 0)
        fail(STEPS, 0, "closing", "memory left behind");
}

int main(void)
{
    test(false);
    test(true);
    puts("a ledger survives every allocation that fails");
    return 0;
}
