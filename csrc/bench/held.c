/* Times the scoring of one record that the core holds, at one second after another: what a service
 * pays that keeps its contacts in scorers.
 *
 *   held CANONICAL.json RECORD AT [CALLS]
 *
 * RECORD has lines of "set NAME VALUE", "event NAME SECONDS", "with NAME VALUE" (a property of the
 * last event), with tabs between. AT is in seconds. */
#include "clock.h"

#include "leadscore.h"

#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "held: %s: %s\n", what, why);
    exit(1);
}

static void check(int status, const ls_error *error, const char *what)
{
    if (status != LS_OK) {
        fail(what, error->message);
    }
}

static ls_scorer *make_scorer(ls_context *context, const char *path, ls_plan **plan)
{
    static char text[1 << 20];
    ls_error error;
    ls_scorer *scorer;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, "cannot be opened");
    }
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    check(ls_plan_new(context, text, length, plan, &error), &error, path);
    check(ls_scorer_new(*plan, &scorer, &error), &error, path);
    return scorer;
}

static void take_line(ls_scorer *scorer, char *line)
{
    ls_error error;
    int status = LS_ERROR_USAGE;
    char *name = strchr(line, '\t'), *value = name ? strchr(name + 1, '\t') : NULL;
    if (value == NULL) {
        fail("record", "expected three fields a line");
    }
    *name++ = *value++ = '\0';
    value[strcspn(value, "\n")] = '\0';
    snprintf(error.message, sizeof error.message, "expected set, event or with");
    if (strcmp(line, "set") == 0) {
        status = ls_scorer_set(scorer, name, strlen(name), value, strlen(value), &error);
    } else if (strcmp(line, "event") == 0) {
        status = ls_scorer_event(scorer, name, strlen(name), strtoll(value, NULL, 10), &error);
    } else if (strcmp(line, "with") == 0) {
        status = ls_scorer_event_set(scorer, name, strlen(name), value, strlen(value), &error);
    }
    check(status, &error, "record");
}

static void fill(ls_scorer *scorer, const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, "cannot be opened");
    }
    ls_scorer_clear(scorer);
    while (fgets(line, sizeof line, file)) {
        take_line(scorer, line);
    }
    fclose(file);
}

int main(int count, char **values)
{
    if (count < 4) {
        fail("usage", "held CANONICAL.json RECORD AT [CALLS]");
    }
    ls_context *context;
    ls_plan *plan;
    ls_error error;
    ls_score scores[64];
    int64_t at = strtoll(values[3], NULL, 10), sum = 0;
    long calls = count > 4 ? strtol(values[4], NULL, 10) : 100000;
    if (ls_context_new(NULL, 0, &context) != LS_OK) {
        fail("context", "no memory");
    }
    ls_scorer *scorer = make_scorer(context, values[1], &plan);
    if (ls_plan_count(plan) > sizeof scores / sizeof *scores) {
        fail(values[1], "too many definitions");
    }
    fill(scorer, values[2]);
    check(ls_scorer_score(scorer, at, scores, &error), &error, "score"); /* its texts are bound */
    bench_clock start = bench_start();
    for (long i = 0; i < calls; i++) {
        check(ls_scorer_score(scorer, at + i % 60, scores, &error), &error, "score");
        sum += scores[0].value;
    }
    bench_stop(start, "held", 1, (double)calls);
    printf("count held_value %lld\n", (long long)(sum / calls));
    ls_scorer_close(scorer);
    ls_plan_close(plan);
    ls_context_close(context);
    return 0;
}
