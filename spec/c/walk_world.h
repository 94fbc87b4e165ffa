/* What the tests of the walk over associated records share: worlds made of texts, and checks of
 * explanations. */
#ifndef WALK_WORLD_H
#define WALK_WORLD_H

#include "ls_json.h"
#include "ls_next.h"
#include "ls_result.h"
#include "ls_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT INT64_C(1748736000) /* 2025-06-01T00:00:00Z */
#define TEXT_SIZE ((size_t)1 << 18)
#define MOST_SCORES 8

static int failures, checks;

static inline void check(bool holds, const char *what, const char *detail)
{
    checks++;
    if (!holds) {
        failures++;
        fprintf(stderr, "FAILED %s: %s\n", what, detail);
    }
}

typedef struct text {
    char data[TEXT_SIZE];
    size_t length;
} text;

/* What does not fit fails as a plan that cannot be read. */
static inline void add(text *to, const char *format, ...) LS_PRINTF(2, 3);
static inline void add(text *to, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    to->length += (size_t)vsnprintf(to->data + to->length, TEXT_SIZE - to->length, format, values);
    va_end(values);
}

/* ---- worlds ---------------------------------------------------------------------------------- */

/* Texts of the inputs; NULL or "": none. */
typedef struct inputs {
    const char *plan, *contacts, *companies, *deals, *associations, *events, *list;
} inputs;

typedef struct world {
    ls_context *context;
    ls_plan *plan;
    ls_dataset *dataset;
    ls_walk *walk;
    ls_error error;
} world;

typedef struct source {
    const char *text;
    size_t length, offset;
} source;

static inline int64_t read_source(void *user, char *buffer, size_t size)
{
    source *from = user;
    size_t left = from->length - from->offset, taken = left < size ? left : size;
    memcpy(buffer, from->text + from->offset, taken);
    from->offset += taken;
    return (int64_t)taken;
}

static inline int run(ls_job *job, ls_error *error)
{
    int status;
    do {
        status = ls_job_step(job, 0, error);
    } while (status == LS_MORE);
    ls_job_close(job);
    return status;
}

static inline int read_input(world *world, ls_input input, const char *text)
{
    ls_job *job;
    if (text == NULL || text[0] == '\0') {
        return LS_OK;
    }
    source from = {text, strlen(text), 0};
    ls_input_options options = {.input = input,
                                .name = "input.csv",
                                .list = input == LS_INPUT_LIST ? "vip" : NULL,
                                .reader = read_source,
                                .reader_user = &from};
    int status = ls_dataset_read(world->dataset, &options, &job, &world->error);
    return status == LS_OK ? run(job, &world->error) : status;
}

static inline int read_inputs(world *world, const inputs *inputs)
{
    const struct {
        ls_input input;
        const char *text;
    } files[] = {
        {LS_INPUT_CONTACTS, inputs->contacts},
        {LS_INPUT_COMPANIES, inputs->companies},
        {LS_INPUT_DEALS, inputs->deals},
        {LS_INPUT_LIST, inputs->list},
        {LS_INPUT_ASSOCIATIONS, inputs->associations},
        {LS_INPUT_EVENTS, inputs->events},
    };
    ls_job *job;
    int status = LS_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && status == LS_OK; i++) {
        status = read_input(world, files[i].input, files[i].text);
    }
    if (status == LS_OK) {
        status = ls_dataset_group(world->dataset, 1, &job, &world->error);
    }
    return status == LS_OK ? run(job, &world->error) : status;
}

static inline int open_world(world *world, const ls_allocator *allocator, const inputs *inputs)
{
    memset(world, 0, sizeof *world);
    int status = ls_context_new(allocator, 0, &world->context);
    if (status == LS_OK) {
        status = ls_plan_new(world->context, inputs->plan, strlen(inputs->plan), &world->plan,
                             &world->error);
    }
    if (status == LS_OK) {
        status = ls_dataset_new(world->context, &world->dataset, &world->error);
    }
    if (status == LS_OK) {
        status = read_inputs(world, inputs);
    }
    return status == LS_OK ? ls_walk_new(world->plan, world->dataset, &world->walk, &world->error)
                           : status;
}

static inline void close_world(world *world)
{
    ls_walk_close(world->walk);
    ls_plan_close(world->plan);
    if (world->dataset) {
        ls_dataset_close(world->dataset);
    }
    if (world->context) {
        ls_context_close(world->context);
    }
}

/* ---- explanations ---------------------------------------------------------------------------- */

typedef struct sink {
    char *text;
    size_t length, capacity;
} sink;

static inline int write_sink(void *user, const char *bytes, size_t size)
{
    sink *to = user;
    if (to->capacity - to->length < size + 1) {
        to->capacity = (to->length + size + 1) * 2;
        to->text = realloc(to->text, to->capacity);
    }
    memcpy(to->text + to->length, bytes, size);
    to->length += size;
    to->text[to->length] = '\0';
    return 0;
}

static inline int64_t number_of(const ls_json *object, const char *key)
{
    const ls_json *value = ls_json_get(object, key);
    int64_t out = 0;
    if (value != NULL && value->kind == LS_JSON_NUMBER) {
        check(ls_decimal_read(value->text.text, value->text.length, INT64_MAX, &out) == LS_OK,
              "explain", key);
    }
    return out;
}

static inline int64_t sum_of(const ls_json *list)
{
    int64_t sum = 0;
    for (const ls_json *part = list->first; part; part = part->next) {
        sum += number_of(part, "value");
    }
    return sum;
}

static inline void check_score_sums(const ls_json *score);

/* Members add up to the rule; their occurrences to their own value; what they hold adds up too. */
static inline void check_rule_sums(const ls_json *rule)
{
    const ls_json *members = ls_json_get(rule, "members");
    const ls_json *occurrences = ls_json_get(rule, "occurrences");
    const ls_json *explanation = ls_json_get(rule, "explanation");
    const ls_json *match = ls_json_get(rule, "match");
    if (members != NULL) {
        check(sum_of(members) == number_of(rule, "raw"), "explain", "members");
        for (const ls_json *member = members->first; member; member = member->next) {
            check_rule_sums(member);
        }
    }
    check(occurrences == NULL || sum_of(occurrences) == number_of(rule, "raw"), "explain",
          "occurrences");
    check(match == NULL || number_of(match, "value") == number_of(rule, "raw"), "explain", "match");
    if (explanation != NULL) {
        check_score_sums(explanation);
    }
}

static inline void check_group_sums(const ls_json *group)
{
    const ls_json *rules = ls_json_get(group, "rules");
    check(sum_of(rules) == number_of(group, "raw"), "explain", "rules");
    for (const ls_json *rule = rules->first; rule; rule = rule->next) {
        check_rule_sums(rule);
    }
}

static inline void check_score_sums(const ls_json *score)
{
    const ls_json *categories = ls_json_get(score, "categories");
    check(sum_of(categories) == number_of(score, "raw"), "explain", "categories");
    for (const ls_json *category = categories->first; category; category = category->next) {
        const ls_json *groups = ls_json_get(category, "groups");
        check(sum_of(groups) == number_of(category, "raw"), "explain", "groups");
        for (const ls_json *group = groups->first; group; group = group->next) {
            check_group_sums(group);
        }
    }
}

/* The explanation's text is the caller's to free; NULL: there is none. */
static inline char *explain(world *world, ls_object object, size_t row, int64_t at)
{
    sink to = {0};
    ls_arena arena = {.context = world->context};
    ls_json *json;
    int status =
        ls_explain(world->plan, world->dataset, object, row, at, write_sink, &to, &world->error);
    check(status == LS_OK, "explain", world->error.message);
    if (status == LS_OK) {
        status = ls_json_read(&arena, to.text, to.length, 100, 1000000, &json, &world->error);
        check(status == LS_OK, "explanation", world->error.message);
    }
    for (const ls_json *score = status == LS_OK ? ls_json_get(json, "scores")->first : NULL; score;
         score = score->next) {
        check_score_sums(score);
    }
    ls_arena_free(&arena);
    return to.text;
}

static inline int ignore(void *user, const char *bytes, size_t size)
{
    (void)user, (void)bytes, (void)size;
    return 0;
}

#endif
