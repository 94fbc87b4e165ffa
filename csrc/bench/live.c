/* Times a ledger: what a gateway pays when an event of a contact comes and the contact is scored.
 *
 *   live CANONICAL.json RECORD AT [CALLS [CONTACTS]]
 *
 * RECORD is as of held.c; each of CONTACTS (1000) contacts gets it. Then events of the record come
 * again, a contact after the other, at one second after another: added alone, scored alone, both.
 */
#include "clock.h"

#include "leadscore.h"

#include <stdlib.h>
#include <string.h>

#define MOST_EVENTS 4096
#define MOST_PROPERTIES 64

typedef struct event {
    const char *name;
    int64_t at;
    size_t count;
    ls_ledger_property properties[8];
} event;

typedef struct record {
    size_t count, event_count;
    ls_ledger_property properties[MOST_PROPERTIES];
    event events[MOST_EVENTS];
} record;

static record told;
static char plan_text[1 << 20], record_text[1 << 22];

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "live: %s: %s\n", what, why);
    exit(1);
}

static void check(int status, const ls_error *error, const char *what)
{
    if (status != LS_OK) {
        fail(what, error->message);
    }
}

static size_t read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, "cannot be opened");
    }
    size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = '\0';
    return length;
}

static void take_line(char *line)
{
    char *name = strchr(line, '\t'), *value = name ? strchr(name + 1, '\t') : NULL;
    if (value == NULL) {
        fail("record", "expected three fields a line");
    }
    *name++ = *value++ = '\0';
    const ls_ledger_property property = {name, strlen(name), value, strlen(value)};
    if (strcmp(line, "set") == 0 && told.count < MOST_PROPERTIES) {
        if (strcmp(name, "id") != 0) {
            told.properties[told.count++] = property;
        }
    } else if (strcmp(line, "event") == 0 && told.event_count < MOST_EVENTS) {
        told.events[told.event_count++] = (event){name, strtoll(value, NULL, 10), 0, {{0}}};
    } else if (strcmp(line, "with") == 0 && told.event_count > 0) {
        event *last = &told.events[told.event_count - 1];
        if (last->count < sizeof last->properties / sizeof *last->properties) {
            last->properties[last->count++] = property;
        }
    }
}

static void read_record(const char *path)
{
    (void)read_file(path, record_text, sizeof record_text);
    for (char *line = strtok(record_text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        take_line(line);
    }
}

static void add(ls_ledger *ledger, const char *id, const event *event, int64_t at)
{
    ls_error error;
    bool repeated;
    check(ls_ledger_add(ledger, id, strlen(id), event->name, strlen(event->name), at,
                        event->properties, event->count, at, &repeated, &error),
          &error, "add");
}

static int64_t score(ls_ledger *ledger, const char *id, int64_t at)
{
    ls_error error;
    ls_score scores[64];
    check(ls_ledger_score(ledger, (size_t)ls_ledger_find(ledger, id, strlen(id)), at, scores,
                          &error),
          &error, "score");
    return scores[0].value;
}

static void fill(ls_ledger *ledger, long contacts)
{
    ls_error error;
    char id[32];
    for (long i = 0; i < contacts; i++) {
        snprintf(id, sizeof id, "%ld", i);
        check(ls_ledger_set(ledger, id, strlen(id), told.properties, told.count, &error), &error,
              "set");
        for (size_t k = 0; k < told.event_count; k++) {
            add(ledger, id, &told.events[k], told.events[k].at);
        }
    }
}

/* One of the three measurements; answers a sum that depends on all scores. */
static int64_t measure(ls_ledger *ledger, const char *what, bool adds, bool scores, int64_t at,
                       long calls, long contacts)
{
    int64_t sum = 0;
    char id[32];
    bench_clock start = bench_start();
    for (long i = 0; i < calls; i++) {
        snprintf(id, sizeof id, "%ld", i % contacts);
        if (adds) {
            add(ledger, id, &told.events[(size_t)i % told.event_count], at + i / 1000);
        }
        if (scores) {
            sum += score(ledger, id, at + i / 1000);
        }
    }
    bench_stop(start, what, 1, (double)calls);
    return sum;
}

int main(int count, char **values)
{
    if (count < 4) {
        fail("usage", "live CANONICAL.json RECORD AT [CALLS [CONTACTS]]");
    }
    ls_context *context;
    ls_plan *plan;
    ls_ledger *ledger;
    ls_error error;
    int64_t at = strtoll(values[3], NULL, 10);
    long calls = count > 4 ? strtol(values[4], NULL, 10) : 100000;
    long contacts = count > 5 ? strtol(values[5], NULL, 10) : 1000;
    if (ls_context_new(NULL, 0, &context) != LS_OK) {
        fail("context", "no memory");
    }
    size_t length = read_file(values[1], plan_text, sizeof plan_text);
    check(ls_plan_new(context, plan_text, length, &plan, &error), &error, values[1]);
    if (ls_plan_count(plan) > 64) {
        fail(values[1], "too many definitions");
    }
    read_record(values[2]);
    check(ls_ledger_new(context, plan, NULL, &ledger, &error), &error, "ledger");
    fill(ledger, contacts);
    int64_t sum = score(ledger, "0", at); /* its texts are bound */
    ls_ledger_counts counts;
    ls_ledger_counted(ledger, &counts);
    printf("count live_bytes_per_event %.1f\n",
           (double)ls_context_memory(context) / (double)counts.events);
    sum += measure(ledger, "live_nothing", false, false, at, calls, contacts);
    sum += measure(ledger, "live_score", false, true, at, calls, contacts);
    sum += measure(ledger, "live_add_score", true, true, at, calls, contacts);
    sum += measure(ledger, "live_add", true, false, at, calls, contacts);
    printf("count live_sum %lld\n", (long long)sum);
    ls_ledger_close(ledger);
    ls_plan_close(plan);
    ls_context_close(context);
    return 0;
}
