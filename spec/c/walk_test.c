/* The walk: conditions, choices, limits, occurrences, decay, explanations and next_change_at, each
 * through a canonical plan and an in-memory CSV. next_change_at is held against a search of every
 * second over made-up definitions, and memory that runs out against every allocation there is.
 *
 * Exits 0 if all is as expected. An argument sets how many made-up definitions are tried. */
#include "faults.h"
#include "ls_json.h"
#include "ls_next.h"
#include "ls_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT INT64_C(1748736000) /* 2025-06-01T00:00:00Z */
#define TEXT_SIZE ((size_t)1 << 16)

static int failures, checks;

/* snprintf: what does not fit fails as a plan that cannot be read. */
static int print(char *out, size_t size, const char *format, ...) LS_PRINTF(3, 4);
static int print(char *out, size_t size, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(out, size, format, values);
    va_end(values);
    return length;
}

static void check(bool holds, const char *what, const char *detail)
{
    checks++;
    if (!holds) {
        failures++;
        fprintf(stderr, "FAILED %s: %s\n", what, detail);
    }
}

/* ---- a record from texts --------------------------------------------------------------------- */

typedef struct source {
    const char *text;
    size_t length, offset;
} source;

static int64_t read_source(void *user, char *buffer, size_t size)
{
    source *from = user;
    size_t left = from->length - from->offset, taken = left < size ? left : size;
    memcpy(buffer, from->text + from->offset, taken);
    from->offset += taken;
    return (int64_t)taken;
}

static int run(ls_job *job, ls_error *error)
{
    int status;
    do {
        status = ls_job_step(job, 0, error);
    } while (status == LS_MORE);
    ls_job_close(job);
    return status;
}

static int ignore(void *user, const char *bytes, size_t size)
{
    (void)user, (void)bytes, (void)size;
    return 0;
}

static int read_input(ls_dataset *dataset, ls_input input, const char *text, const char *list,
                      bool lenient, ls_error *error)
{
    source from = {text, strlen(text), 0};
    ls_input_options options = {.input = input,
                                .name = "input.csv",
                                .list = list,
                                .reader = read_source,
                                .reader_user = &from,
                                .rejects = lenient ? ignore : NULL};
    ls_job *job;
    if (text[0] == '\0') {
        return LS_OK;
    }
    int status = ls_dataset_read(dataset, &options, &job, error);
    return status == LS_OK ? run(job, error) : status;
}

typedef struct world {
    ls_context *context;
    ls_plan *plan;
    ls_dataset *dataset;
    ls_walk *walk;
    ls_error error;
} world;

static int open_dataset(world *world, const char *contacts, const char *events, const char *list,
                        bool lenient)
{
    ls_job *job;
    int status = ls_dataset_new(world->context, &world->dataset, &world->error);
    if (status == LS_OK) {
        status =
            read_input(world->dataset, LS_INPUT_CONTACTS, contacts, NULL, lenient, &world->error);
    }
    if (status == LS_OK) {
        status =
            read_input(world->dataset, LS_INPUT_LIST, list, "customers", lenient, &world->error);
    }
    if (status == LS_OK) {
        status = read_input(world->dataset, LS_INPUT_EVENTS, events, NULL, lenient, &world->error);
    }
    if (status == LS_OK) {
        status = ls_dataset_group(world->dataset, 1, &job, &world->error);
    }
    return status == LS_OK ? run(job, &world->error) : status;
}

static int open_world(world *world, const ls_allocator *allocator, const char *plan,
                      const char *contacts, const char *events, const char *list, bool lenient)
{
    memset(world, 0, sizeof *world);
    int status = ls_context_new(allocator, 0, &world->context);
    if (status == LS_OK) {
        status = ls_plan_new(world->context, plan, strlen(plan), &world->plan, &world->error);
    }
    if (status == LS_OK) {
        status = open_dataset(world, contacts, events, list, lenient);
    }
    return status == LS_OK ? ls_walk_new(world->plan, world->dataset, &world->walk, &world->error)
                           : status;
}

static void close_world(world *world, size_t base)
{
    ls_walk_close(world->walk);
    ls_plan_close(world->plan);
    if (world->dataset) {
        ls_dataset_close(world->dataset);
    }
    if (world->context) {
        check(ls_context_memory(world->context) == base, "memory", "is back where it was");
        ls_context_close(world->context);
    }
}

static size_t base_memory(void)
{
    ls_context *context;
    size_t base = 0;
    if (ls_context_new(NULL, 0, &context) == LS_OK) {
        base = ls_context_memory(context);
        ls_context_close(context);
    }
    return base;
}

#define MOST_SCORES 8

static int score(world *world, int64_t at, ls_score *out)
{
    ls_clock clock = {at, at, at, at};
    return ls_walk_record(world->walk, LS_CONTACT, 0, &clock, out, &world->error);
}

/* The definition around groups or rules; extra: members that come before "groups". */
static const char *definition(char *text, const char *name, const char *properties,
                              const char *extra, const char *groups)
{
    print(text, TEXT_SIZE,
          "{\"kind\":\"combined\",\"name\":\"%s\",\"object\":\"contact\",\"properties\":{%s},"
          "%s\"groups\":[%s]}",
          name, properties, extra, groups);
    return text;
}

static const char *plan_of(char *text, const char *definitions)
{
    print(text, TEXT_SIZE, "{\"definitions\":[%s],\"language\":1}", definitions);
    return text;
}

/* One contact, one group of rules; the value as text, or what went wrong. */
static void score_rules(const char *kind, const char *properties, const char *extra,
                        const char *rules, const char *contacts, const char *events, int64_t at,
                        char *out)
{
    static char group[TEXT_SIZE], body[TEXT_SIZE], plan[TEXT_SIZE];
    world world;
    ls_score scores[MOST_SCORES];
    print(group, sizeof group, "{\"kind\":\"%s\",\"name\":\"g\",\"rules\":[%s]}", kind, rules);
    plan_of(plan, definition(body, "w1", properties, extra, group));
    int status = open_world(&world, NULL, plan, contacts, events, "", false);
    if (status == LS_OK) {
        status = score(&world, at, scores);
    }
    if (status != LS_OK) {
        print(out, LS_ERROR_TEXT, "%s", world.error.message);
    } else if (scores[0].empty) {
        strcpy(out, scores[0].in_scope ? "empty" : "out of scope");
    } else {
        ls_print_points(scores[0].value, out);
    }
    close_world(&world, base_memory());
}

/* ---- conditions ------------------------------------------------------------------------------ */

typedef struct condition_case {
    const char *type, *condition, *cell;
    char truth; /* t, f, u */
} condition_case;

static const condition_case condition_cases[] = {
    {"text", "{\"tests\":[[\"any_of\",\"Hospitality\"]]}", " HOSPITALITY ", 't'},
    {"text", "{\"tests\":[[\"any_of\",\"Retail\",\"SE\"]]}", "se", 't'},
    {"text", "{\"tests\":[[\"any_of\",\"Retail\",\"SE\"]]}", "DK", 'f'},
    {"text",
     "{\"tests\":[[\"any_of\",\"stra\xc3\x9f"
     "e\"]]}",
     "STRASSE", 't'},
    {"text", "{\"tests\":[[\"any_of\",\"a\"]]}", "", 'u'},
    {"text", "{\"missing\":true,\"tests\":[[\"any_of\",\"a\"]]}", " ", 't'},
    {"text", "{\"missing\":true,\"tests\":[[\"any_of\",\"a\"]]}", "b", 'f'},
    {"text", "{\"known\":true}", "", 'f'},
    {"text", "{\"known\":true}", "x", 't'},
    {"text", "{\"known\":false}", "", 't'},
    {"text", "{\"known\":false}", "x", 'f'},
    {"text", "{\"known\":true,\"missing\":true,\"tests\":[[\"any_of\",\"a\"]]}", "", 'f'},
    {"text", "{\"known\":false,\"missing\":true,\"tests\":[[\"any_of\",\"a\"]]}", "", 't'},
    {"text", "{\"known\":true,\"tests\":[[\"any_of\",\"a\"]]}", "", 'f'},
    {"text", "{\"known\":false,\"tests\":[[\"any_of\",\"a\"]]}", "", 'u'},
    {"text", "{\"tests\":[[\"none_of\",\"a\",\"b\"]]}", "c", 't'},
    {"text", "{\"tests\":[[\"none_of\",\"a\",\"b\"]]}", "B", 'f'},
    {"text", "{\"tests\":[[\"none_of\",\"a\",\"b\"]]}", "", 'u'},
    {"text", "{\"tests\":[[\"contains\",\"x\",\"/pri\"]]}", "/PRICING", 't'},
    {"text", "{\"tests\":[[\"not_contains\",\"x\",\"/pri\"]]}", "/PRICING", 'f'},
    {"text", "{\"tests\":[[\"starts_with\",\"/p\"]]}", "/Pricing", 't'},
    {"text", "{\"tests\":[[\"ends_with\",\"@gmail.com\",\"@hotmail.com\"]]}", "a@HOTMAIL.com", 't'},
    {"text", "{\"tests\":[[\"ends_with\",\"@gmail.com\"]]}", "a@hotmail.com", 'f'},
    {"text", "{\"tests\":[[\"contains\",\"a\"],[\"contains\",\"b\"]]}", "ab", 't'},
    {"text", "{\"tests\":[[\"contains\",\"a\"],[\"contains\",\"b\"]]}", "a", 'f'},
    {"set", "{\"tests\":[[\"any_of\",\"Northeast\",\"Midwest\"]]}", "South; MIDWEST ;", 't'},
    {"set", "{\"tests\":[[\"any_of\",\"Northeast\"]]}", " ; ;", 'u'},
    {"set", "{\"known\":false}", " ; ;", 't'},
    {"set", "{\"tests\":[[\"none_of\",\"a\"]]}", "b;c", 't'},
    {"set", "{\"tests\":[[\"none_of\",\"a\"]]}", "b;A", 'f'},
    {"set", "{\"tests\":[[\"all_of\",\"a\",\"b\"]]}", "b;c;A", 't'},
    {"set", "{\"tests\":[[\"all_of\",\"a\",\"b\"]]}", "b;c", 'f'},
    {"set", "{\"tests\":[[\"exactly\",\"a\",\"b\"]]}", "b;A;a", 't'},
    {"set", "{\"tests\":[[\"exactly\",\"a\",\"b\"]]}", "b;a;c", 'f'},
    {"set", "{\"tests\":[[\"exactly\",\"a\",\"b\"]]}", "a", 'f'},
    {"set", "{\"tests\":[[\"contains\",\"east\"]]}", "Northeast;Midwest", 't'},
    {"set", "{\"tests\":[[\"not_contains\",\"east\"]]}", "Northeast;Midwest", 'f'},
    {"set", "{\"tests\":[[\"starts_with\",\"mid\"]]}", "Northeast;Midwest", 't'},
    {"set", "{\"tests\":[[\"ends_with\",\"west\"]]}", "Northeast;Southeast", 'f'},
    {"number", "{\"tests\":[[\"between\",50,500]]}", "50", 't'},
    {"number", "{\"tests\":[[\"between\",50,500]]}", "500.0", 't'},
    {"number", "{\"tests\":[[\"between\",50,500]]}", "501", 'f'},
    {"number", "{\"tests\":[[\"not_between\",50,500]]}", "501", 't'},
    {"number", "{\"tests\":[[\"any_of\",1,2.5]]}", "25e-1", 't'},
    {"number", "{\"tests\":[[\"none_of\",1,2.5]]}", "2.5", 'f'},
    {"number", "{\"tests\":[[\"more_than\",10]]}", "10", 'f'},
    {"number", "{\"tests\":[[\"at_least\",10]]}", "10", 't'},
    {"number", "{\"tests\":[[\"less_than\",10]]}", "-.5", 't'},
    {"number", "{\"tests\":[[\"at_most\",10]]}", "10.5", 'f'},
    {"number", "{\"tests\":[[\"less_than\",10]]}", "", 'u'},
    {"boolean", "{\"tests\":[[\"is\",true]]}", "Yes", 't'},
    {"boolean", "{\"tests\":[[\"is\",true]]}", "0", 'f'},
    {"boolean", "{\"tests\":[[\"is\",false]]}", "", 'u'},
    {"datetime", "{\"tests\":[[\"within\",1748736000,1748822400]]}", "2025-06-01T23:59:59Z", 't'},
    {"datetime", "{\"tests\":[[\"within\",1748736000,1748822400]]}", "2025-06-02", 'f'},
    {"datetime", "{\"tests\":[[\"outside\",1748736000,1748822400]]}", "2025-06-02", 't'},
    {"datetime", "{\"tests\":[[\"before\",1748736000]]}", "2025-06-01", 'f'},
    {"datetime", "{\"tests\":[[\"since\",1748736000]]}", "2025-06-01", 't'},
    {"datetime", "{\"tests\":[[\"in_last\",86400]]}", "2025-06-01", 't'},
    {"datetime", "{\"tests\":[[\"in_last\",86400]]}", "2025-05-31T00:00:01Z", 't'},
    {"datetime", "{\"tests\":[[\"in_last\",86400]]}", "2025-05-31", 'f'},
    {"datetime", "{\"tests\":[[\"in_last\",86400]]}", "2025-06-01T00:00:01Z", 'f'},
    {"datetime", "{\"tests\":[[\"more_than_ago\",86400]]}", "2025-05-31", 't'},
    {"datetime", "{\"tests\":[[\"more_than_ago\",86400]]}", "2025-05-31T00:00:01Z", 'f'},
    {"datetime", "{\"tests\":[[\"in_next\",86400]]}", "2025-06-02", 't'},
    {"datetime", "{\"tests\":[[\"in_next\",86400]]}", "2025-06-01", 'f'},
    {"datetime", "{\"tests\":[[\"in_next\",86400]]}", "2025-06-02T00:00:01Z", 'f'},
    {"datetime", "{\"tests\":[[\"more_than_ahead\",86400]]}", "2025-06-02", 'f'},
    {"datetime", "{\"tests\":[[\"more_than_ahead\",86400]]}", "2025-06-02T00:00:01Z", 't'},
    {"datetime", "{\"tests\":[[\"more_than_ahead\",86400]]}", "", 'u'},
};

/* The filter earns 1, its negation 2: unknown shows as neither. */
static void test_conditions(void)
{
    for (size_t i = 0; i < sizeof condition_cases / sizeof *condition_cases; i++) {
        const condition_case *c = &condition_cases[i];
        char filter[512], rules[2048], properties[64], contacts[256], value[LS_ERROR_TEXT];
        print(filter, sizeof filter, "{\"is\":%s,\"property\":\"contact.x\"}", c->condition);
        print(rules, sizeof rules,
              "{\"points\":1,\"when\":%s},{\"points\":2,\"when\":{\"none\":[%s]}}", filter, filter);
        print(properties, sizeof properties, "\"contact.x\":\"%s\"", c->type);
        print(contacts, sizeof contacts, "id,x\n1,\"%s\"\n", c->cell);
        score_rules("fit", properties, "", rules, contacts, "", AT, value);
        const char *expected = c->truth == 't' ? "1" : c->truth == 'f' ? "2" : "0";
        char detail[1200];
        print(detail, sizeof detail, "%s of \"%s\": expected %s, got %s", c->condition, c->cell,
              expected, value);
        check(strcmp(value, expected) == 0, "condition", detail);
    }
}

typedef struct value_case {
    const char *type, *rest, *cell, *value;
} value_case;

#define REGIONS                                                                                    \
    "\"points_by\":[{\"points\":15,\"value\":\"Northeast\"},{\"points\":10,\"value\":\"Midwest\"}" \
    ","                                                                                            \
    "{\"points\":8,\"value\":\"Southeast\"}]"
#define SIZES                                                                                      \
    "\"bands\":[{\"if\":{\"tests\":[[\"at_least\",500]]},\"points\":10},"                          \
    "{\"if\":{\"missing\":true,\"tests\":[[\"between\",50,499]]},\"points\":5}]"

static const value_case choice_cases[] = {
    {"set", REGIONS, "northeast; MIDWEST", "25"},
    {"set", REGIONS, "Northeast;northeast", "15"},
    {"set", REGIONS, "South", "empty"},
    {"set", REGIONS ",\"otherwise\":3", "South;East", "3"},
    {"set", REGIONS ",\"otherwise\":3", "South;Southeast", "8"},
    {"set", REGIONS ",\"otherwise\":3", "", "empty"},
    {"text", REGIONS, "Midwest", "10"},
    {"text", REGIONS, "Northeast;Midwest", "empty"},
    {"text", "\"points_by\":[{\"points\":0,\"value\":\"a\"}]", "A", "0"},
    {"number", "\"points_by\":[{\"points\":1,\"value\":1},{\"points\":-2.5,\"value\":2}]", "2.0",
     "-2.5"},
    {"boolean", "\"points_by\":[{\"points\":1,\"value\":true},{\"points\":2,\"value\":false}]",
     "no", "2"},
    {"datetime",
     "\"points_by\":[{\"points\":1,\"value\":{\"from\":1748736000,\"until\":1748822400}}]",
     "2025-06-01T05:00", "1"},
    {"number", SIZES, "700", "10"},
    {"number", SIZES, "100", "5"},
    {"number", SIZES, "", "5"},
    {"number", SIZES, "3", "empty"},
    {"number", SIZES ",\"otherwise\":-1", "3", "-1"},
    {"number", SIZES ",\"otherwise\":-1", "abc",
     "input.csv:2:2: x: cannot read \"abc\" as a number"},
};

static void test_choices(void)
{
    for (size_t i = 0; i < sizeof choice_cases / sizeof *choice_cases; i++) {
        const value_case *c = &choice_cases[i];
        char rules[1024], properties[64], contacts[256], value[LS_ERROR_TEXT], detail[1500];
        print(rules, sizeof rules, "{\"property\":\"contact.x\",%s}", c->rest);
        print(properties, sizeof properties, "\"contact.x\":\"%s\"", c->type);
        print(contacts, sizeof contacts, "id,x\n1,\"%s\"\n", c->cell);
        score_rules("fit", properties, "\"empty_until_scored\":true,", rules, contacts, "", AT,
                    value);
        print(detail, sizeof detail, "%s of \"%s\": expected %s, got %s", c->rest, c->cell,
              c->value, value);
        check(strncmp(value, c->value, strlen(c->value)) == 0, "choice", detail);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

typedef struct event_case {
    const char *rules, *events, *value; /* events: "name,age in seconds,x" a line */
} event_case;

#define DAY "86400"
#define MONTH "2592000"

static const event_case event_cases[] = {
    {"{\"event\":[\"a\"],\"points\":5}", "a,0,\na,10,\nb,5,\na,-1,\n", "10"},
    {"{\"event\":[\"a\",\"b\"],\"points\":5}", "a,0,\na,10,\nb,5,\n", "15"},
    {"{\"event\":[\"a\"],\"limit\":{\"max\":7},\"points\":5}", "a,0,\na,10,\n", "7"},
    {"{\"event\":[\"a\"],\"limit\":{\"min\":7},\"points\":5}", "", "7"},
    {"{\"enabled\":false,\"event\":[\"a\"],\"limit\":{\"min\":7},\"points\":5}", "a,1,\n", "0"},
    {"{\"event\":[\"a\"],\"points\":5,\"within\":{\"last\":" DAY "}}", "a,0,\na,86399,\na,86400,\n",
     "10"},
    {"{\"event\":[\"a\"],\"points\":5,\"within\":{\"from\":1748735990,\"until\":1748735995}}",
     "a,11,\na,10,\na,6,\na,5,\n", "10"},
    {"{\"event\":[\"a\"],\"points\":1,\"where\":{\"is\":{\"tests\":[[\"contains\",\"/pricing\"]]},"
     "\"property\":\"event.x\"}}",
     "a,1,/Pricing/1\na,1,/home\na,1,\n", "1"},
    {"{\"event\":[\"a\"],\"property\":\"event.x\"," REGIONS "}", "a,1,midwest\na,2,north\na,3,\n",
     "10"},
    {"{\"event\":[\"a\"],\"points\":1,\"where\":{\"is\":{\"tests\":[[\"in_last\",100]]},"
     "\"property\":\"event.at\"}}",
     "a,1,\na,99,\na,100,\n", "2"},
    {"{\"event\":[\"a\",\"b\"],\"points\":1,\"where\":{\"is\":{\"tests\":[[\"any_of\",\"B\"]]},"
     "\"property\":\"event.event\"}}",
     "a,1,\nb,99,\n", "1"},
    /* times */
    {"{\"event\":[\"a\"],\"times\":[{\"min\":3,\"points\":8}],\"within\":{\"last\":100}}",
     "a,1,\na,2,\na,99,\n", "8"},
    {"{\"event\":[\"a\"],\"times\":[{\"min\":3,\"points\":8}],\"within\":{\"last\":100}}",
     "a,1,\na,2,\na,100,\n", "0"},
    {"{\"event\":[\"a\"],\"times\":[{\"max\":0,\"min\":0,\"points\":8}],"
     "\"decay\":{\"curve\":\"step\",\"every\":10,\"percent\":100}}",
     "b,1,\n", "8"},
    {"{\"event\":[\"a\"],\"times\":[{\"max\":2,\"min\":1,\"points\":8}]}", "", "0"},
    {"{\"event\":[\"a\"],\"times\":[{\"min\":10,\"points\":10},{\"min\":2,\"points\":5}]}",
     "a,1,\na,1,\n", "5"},
    {"{\"event\":[\"a\"],\"times\":[{\"min\":2,\"points\":8}],"
     "\"decay\":{\"curve\":\"step\",\"every\":10,\"percent\":50}}",
     "a,10,\na,35,\n", "4"},
    /* latest and once_per */
    {"{\"event\":[\"a\"],\"latest\":2,\"property\":\"event.x\"," REGIONS "}",
     "a,5,northeast\na,5,midwest\na,5,southeast\n", "25"},
    {"{\"event\":[\"a\"],\"latest\":1,\"property\":\"event.x\"," REGIONS "}",
     "a,5,northeast\na,4,midwest\na,5,southeast\n", "10"},
    {"{\"event\":[\"a\"],\"once_per\":\"day\",\"property\":\"event.x\"," REGIONS "}",
     "a,1,midwest\na,86401,northeast\na,86401,southeast\na,0,southeast\n", "33"},
    {"{\"event\":[\"a\"],\"once_per\":{\"property\":\"event.x\"},\"points\":1}",
     "a,1,News\na,9,NEWS\na,4,other\na,3,\na,2,\n", "3"},
    {"{\"event\":[\"a\"],\"once_per\":{\"property\":\"event.x\"},\"times\":[{\"min\":3,\"points\":"
     "1}]}",
     "a,1,News\na,9,NEWS\na,4,other\n", "0"},
    {"{\"event\":[\"a\"],\"once_per\":{\"property\":\"event.x\"},\"latest\":1,\"points\":3,"
     "\"decay\":{\"curve\":\"linear\",\"every\":10,\"percent\":10}}",
     "a,5,k\na,20,k\na,30,l\n", "2.85"},
    /* decay */
    {"{\"decay\":{\"curve\":\"step\",\"every\":" MONTH
     ",\"percent\":50},\"event\":[\"a\"],\"points\":10}",
     "a,2591999,\n", "10"},
    {"{\"decay\":{\"curve\":\"step\",\"every\":" MONTH
     ",\"percent\":50},\"event\":[\"a\"],\"points\":10}",
     "a,2592000,\na,5184000,\n", "5"},
    {"{\"decay\":{\"curve\":\"linear\",\"every\":" MONTH
     ",\"percent\":50},\"event\":[\"a\"],\"points\":10}",
     "a,2505600,\n", "5.166667"},
    {"{\"decay\":{\"half_life\":1209600},\"event\":[\"a\"],\"points\":-10}", "a,604800,\n",
     "-7.071068"},
    {"{\"event\":[\"a\"],\"points\":1000000},{\"event\":[\"a\"],\"points\":-1000000}",
     "a,1,\na,2,\n", "0"},
};

static void make_events(const char *lines, char *out)
{
    size_t length = (size_t)sprintf(out, "contact_id,event,at,x\n");
    while (*lines != '\0') {
        char name[32], cell[64] = "";
        long age = 0;
        sscanf(lines, "%31[^,],%ld,%63[^\n]", name, &age, cell);
        length += (size_t)sprintf(out + length, "1,%s,%lld,%s\n", name, (long long)AT - age, cell);
        lines = strchr(lines, '\n') + 1;
    }
}

static void test_events(void)
{
    for (size_t i = 0; i < sizeof event_cases / sizeof *event_cases; i++) {
        const event_case *c = &event_cases[i];
        char events[4096], value[LS_ERROR_TEXT], detail[2500];
        make_events(c->events, events);
        score_rules("engagement",
                    "\"event.at\":\"datetime\",\"event.event\":\"text\",\"event.x\":\"text\"", "",
                    c->rules, "id\n1\n", events, AT, value);
        print(detail, sizeof detail, "%s: expected %s, got %s", c->rules, c->value, value);
        check(strcmp(value, c->value) == 0, "event rule", detail);
    }
}

/* ---- limits, labels, scores of scores -------------------------------------------------------- */

#define PLAIN_GROUP(kind, limit, points)                                                           \
    "{\"kind\":\"" kind "\"," limit "\"name\":\"" kind "\",\"rules\":["                            \
    "{\"points\":" points ",\"when\":{\"is\":{\"known\":true},\"property\":\"contact.id\"}}]}"
#define SHORT_BANDS                                                                                \
    "[{\"at_least\":30,\"label\":\"A\"},{\"at_least\":15,\"label\":\"B\"},{\"label\":\"C\"}]"

typedef struct whole_case {
    const char *extra, *groups, *value, *fit, *engagement, *label;
} whole_case;

static const whole_case whole_cases[] = {
    {"", PLAIN_GROUP("fit", "", "20") "," PLAIN_GROUP("engagement", "", "30"), "50", "20", "30",
     NULL},
    {"\"limit\":{\"engagement\":{\"max\":25},\"fit\":{\"min\":21},\"max\":45},",
     PLAIN_GROUP("fit", "", "20") "," PLAIN_GROUP("engagement", "", "30"), "45", "21", "25", NULL},
    {"\"limit\":{\"fit\":{\"max\":15}},", PLAIN_GROUP("fit", "", "20"), "15", "0", "0", NULL},
    {"\"limit\":{\"engagement\":{\"min\":15}},", PLAIN_GROUP("fit", "", "20"), "20", "0", "0",
     NULL},
    {"", PLAIN_GROUP("fit", "\"limit\":{\"max\":10,\"min\":-10},", "-20"), "-10", "0", "0", NULL},
    {"\"thresholds\":{\"bands\":[{\"at_least\":70,\"label\":\"High\"},{\"at_least\":40,\"label\":"
     "\"Medium\"},"
     "{\"label\":\"Low\"}]},",
     PLAIN_GROUP("fit", "", "69.5"), "69.5", "0", "0", "Medium"},
    {"\"thresholds\":{\"bands\":[{\"at_least\":70,\"label\":\"High\"},{\"at_least\":40,\"label\":"
     "\"Medium\"},"
     "{\"label\":\"Low\"}]},",
     PLAIN_GROUP("fit", "", "70"), "70", "0", "0", "High"},
    {"\"thresholds\":{\"bands\":[{\"at_least\":70,\"label\":\"High\"},{\"label\":\"Low\"}]},",
     PLAIN_GROUP("fit", "", "-100"), "-100", "0", "0", "Low"},
    {"\"thresholds\":{\"engagement\":[{\"at_least\":40,\"label\":\"1\"},{\"at_least\":20,\"label\":"
     "\"2\"},"
     "{\"label\":\"3\"}],\"fit\":" SHORT_BANDS ",\"separator\":\"\"},",
     PLAIN_GROUP("fit", "", "5") "," PLAIN_GROUP("engagement", "", "50"), "55", "5", "50", "C1"},
};

static void test_wholes(void)
{
    static char body[TEXT_SIZE], plan[TEXT_SIZE];
    for (size_t i = 0; i < sizeof whole_cases / sizeof *whole_cases; i++) {
        const whole_case *c = &whole_cases[i];
        world world;
        ls_score scores[MOST_SCORES] = {0};
        char value[LS_POINTS_TEXT], fit[LS_POINTS_TEXT], engagement[LS_POINTS_TEXT];
        plan_of(plan, definition(body, "w1", "\"contact.id\":\"text\"", c->extra, c->groups));
        int status = open_world(&world, NULL, plan, "id\n1\n", "", "", false);
        status = status == LS_OK ? score(&world, AT, scores) : status;
        check(status == LS_OK, c->groups, world.error.message);
        ls_print_points(scores[0].value, value);
        ls_print_points(scores[0].fit, fit);
        ls_print_points(scores[0].engagement, engagement);
        check(strcmp(value, c->value) == 0, c->extra, value);
        check(strcmp(fit, c->fit) == 0, c->extra, fit);
        check(strcmp(engagement, c->engagement) == 0, c->extra, engagement);
        check((scores[0].label == NULL) == (c->label == NULL) &&
                  (c->label == NULL || strcmp(scores[0].label, c->label) == 0),
              c->extra, "label");
        close_world(&world, base_memory());
    }
}

#define FILTER_RULE(points, filter) "{\"points\":" points ",\"when\":" filter "}"
#define SCORE_IS(name, part, condition)                                                            \
    "{\"is\":" condition ",\"part\":\"" part "\",\"score\":\"" name "\"}"

/* b asks a's parts; a is out of scope for contact 2; c counts what a did not give. */
#define NOTHING "{\"is\":{\"tests\":[[\"any_of\",\"q\"]]},\"property\":\"contact.nothing\"}"
#define ID(known) "{\"is\":{\"known\":" known "},\"property\":\"contact.id\"}"
#define DID(event, times, rest, done)                                                              \
    "{\"did\":{\"event\":[\"" event "\"],\"times\":[{\"min\":" times "}]" rest "},\"done\":" done  \
    "}"

static const char *const score_rules_texts[] = {
    FILTER_RULE("1", SCORE_IS("a", "value", "{\"tests\":[[\"at_least\",20]]}")),
    FILTER_RULE("2", SCORE_IS("a", "value", "{\"tests\":[[\"more_than\",20]]}")),
    FILTER_RULE("4", SCORE_IS("a", "label", "{\"tests\":[[\"any_of\",\"HOT\"]]}")),
    FILTER_RULE("8", SCORE_IS("a", "value", "{\"known\":false}")),
    FILTER_RULE("16", "{\"none\":[" SCORE_IS("a", "value", "{\"tests\":[[\"any_of\",20]]}") "]}"),
    FILTER_RULE("32", SCORE_IS("a", "fit", "{\"known\":false}")),
    FILTER_RULE("64", "{\"list\":[\"customers\"],\"member\":true}"),
    FILTER_RULE("128", "{\"list\":[\"customers\"],\"member\":false}"),
    FILTER_RULE("256", DID("x", "1", "", "false")),
    FILTER_RULE("512", DID("y", "2", ",\"within\":{\"last\":100}", "true")),
    FILTER_RULE("1024", "{\"any\":[" NOTHING "," ID("true") "]}"),
    FILTER_RULE("2048", "{\"none\":[" NOTHING "]}"),
    FILTER_RULE("4096", "{\"all\":[" NOTHING "," ID("false") "]}"),
};

static void join_score_rules(char *out, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < sizeof score_rules_texts / sizeof *score_rules_texts; i++) {
        length +=
            (size_t)print(out + length, size - length, "%s%s", i ? "," : "", score_rules_texts[i]);
    }
}

static void check_value(const ls_score *score, const char *expected, const char *what)
{
    char text[LS_POINTS_TEXT] = "empty";
    if (!score->empty) {
        ls_print_points(score->value, text);
    }
    check(strcmp(text, expected) == 0, what, text);
}

static void test_scores_of_scores(void)
{
    static char group[TEXT_SIZE], a[TEXT_SIZE], b[TEXT_SIZE], both[2 * TEXT_SIZE], plan[TEXT_SIZE];
    world world;
    ls_score scores[MOST_SCORES];
    ls_clock clock = {AT, AT, AT, AT};
    char events[256];
    definition(
        a, "a", "\"contact.id\":\"text\"",
        "\"scope\":{\"is\":{\"tests\":[[\"none_of\",\"2\"]]},\"property\":\"contact.id\"},"
        "\"thresholds\":{\"bands\":[{\"at_least\":20,\"label\":\"Hot\"},{\"label\":\"Cold\"}]},",
        PLAIN_GROUP("fit", "", "20"));
    static char rules[TEXT_SIZE];
    join_score_rules(rules, sizeof rules);
    print(group, sizeof group, "{\"kind\":\"fit\",\"name\":\"g\",\"rules\":[%s]}", rules);
    definition(b, "b", "\"contact.id\":\"text\",\"contact.nothing\":\"text\"", "", group);
    print(both, sizeof both, "%s,%s", b, a); /* the user comes first */
    print(events, sizeof events, "contact_id,event,at\n1,y,%lld\n1,y,%lld\n2,x,%lld\n",
          (long long)AT, (long long)AT - 99, (long long)AT);
    int status =
        open_world(&world, NULL, plan_of(plan, both), "id\n1\n2\n", events, "id\n2\n", false);
    check(status == LS_OK, "scores of scores", world.error.message);
    if (status == LS_OK) {
        status = ls_walk_record(world.walk, LS_CONTACT, 0, &clock, scores, &world.error);
        check(status == LS_OK, "scores of scores", world.error.message);
        check_value(&scores[1], "20", "a of contact 1");
        check_value(&scores[0], "1957", "b of contact 1"); /* 1 + 4 + 32 + 128 + 256 + 512 + 1024 */
        status = ls_walk_record(world.walk, LS_CONTACT, 1, &clock, scores, &world.error);
        check(status == LS_OK && !scores[1].in_scope, "scope", "contact 2");
        check_value(&scores[1], "empty", "a of contact 2");
        check_value(&scores[0], "1128", "b of contact 2"); /* 8 + 32 + 64 + 1024 */
    }
    close_world(&world, base_memory());
}

/* ---- sums that pass the bound ---------------------------------------------------------------- */

static void test_range(void)
{
    ls_definition definition = {.group_count = 2, .has_fit = true};
    ls_group groups[2] = {{.fit = true}, {.fit = true}};
    int64_t sums[2] = {LS_MAX_SUM, 0};
    ls_settled settled;
    const char *where;
    definition.groups = groups;
    check(ls_settle(&definition, sums, &settled, &where) && settled.value == LS_MAX_SUM, "settle",
          "at the bound");
    sums[1] = 1;
    check(!ls_settle(&definition, sums, &settled, &where) && strcmp(where, "fit") == 0, "settle",
          "past the bound");
    groups[1].limit = (ls_limit){.has_max = true, .max = 0};
    check(ls_settle(&definition, sums, &settled, &where), "settle", "limited back to the bound");
    groups[1].fit = false;
    definition.has_engagement = true;
    groups[1].limit.has_max = false;
    check(!ls_settle(&definition, sums, &settled, &where) && strcmp(where, "total") == 0, "settle",
          "the total");
}

/* Sets of a million values would pass the bound; here the error's words are made through the walk's
 * own rule. */
static void test_range_message(void)
{
    static char rules[TEXT_SIZE], group[TEXT_SIZE], body[TEXT_SIZE], plan[TEXT_SIZE];
    world world;
    ls_score scores[MOST_SCORES];
    print(group, sizeof group, "%s,{\"kind\":\"fit\",\"name\":\"h\",\"rules\":[%s]}",
          PLAIN_GROUP("fit", "", "1"),
          "{\"points\":1,\"when\":{\"is\":{\"known\":true},\"property\":\"contact.id\"}}");
    (void)rules;
    plan_of(plan, definition(body, "w1", "\"contact.id\":\"text\"", "", group));
    int status = open_world(&world, NULL, plan, "id\n42\n", "", "", false);
    check(status == LS_OK, "range", world.error.message);
    if (status == LS_OK) {
        world.plan->definitions[0].rules[1].points = LS_MAX_SUM + 1; /* no file says so much */
        status = score(&world, AT, scores);
        check(status == LS_ERROR_RANGE &&
                  strcmp(world.error.message,
                         "contact 42: w1: groups[2].rules[1]: the sum passed 10^12 points") == 0,
              "range", world.error.message);
    }
    close_world(&world, base_memory());
}

/* ---- cells that cannot be read --------------------------------------------------------------- */

static void test_lenient(void)
{
    static char group[TEXT_SIZE], body[TEXT_SIZE], plan[TEXT_SIZE];
    world world;
    ls_score scores[MOST_SCORES];
    const char *rules =
        "{\"points\":1,\"when\":{\"is\":{\"tests\":[[\"at_least\",1]]},\"property\":\"contact.x\"}}"
        ","
        "{\"points\":2,\"when\":{\"is\":{\"known\":false},\"property\":\"contact.x\"}}";
    print(group, sizeof group, "{\"kind\":\"fit\",\"name\":\"g\",\"rules\":[%s]}", rules);
    plan_of(plan, definition(body, "w1", "\"contact.x\":\"number\"", "", group));
    int status = open_world(&world, NULL, plan, "id,x\n1,abc\n", "", "", true);
    status = status == LS_OK ? score(&world, AT, scores) : status;
    check(status == LS_OK, "lenient", world.error.message);
    if (status == LS_OK) {
        check_value(&scores[0], "2", "lenient");
    }
    close_world(&world, base_memory());
}

/* ---- explanations ---------------------------------------------------------------------------- */

typedef struct sink {
    char *text;
    size_t length, capacity;
} sink;

static int write_sink(void *user, const char *bytes, size_t size)
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

static int64_t number_of(const ls_json *object, const char *key)
{
    const ls_json *value = ls_json_get(object, key);
    int64_t out = 0;
    if (value != NULL && value->kind == LS_JSON_NUMBER) {
        check(ls_decimal_read(value->text.text, value->text.length, INT64_MAX, &out) == LS_OK,
              "explain", key);
    }
    return out;
}

/* The values of the parts add up to the raw sum of the whole; raw less value is what the limit
 * took. */
static void check_sums(const ls_json *whole, const char *const *levels)
{
    const ls_json *parts = levels[0] ? ls_json_get(whole, levels[0]) : NULL;
    int64_t sum = 0;
    if (ls_json_get(whole, "value")->kind == LS_JSON_NUMBER) {
        check(number_of(whole, "raw") - number_of(whole, "value") ==
                  number_of(whole, "lost_to_limit"),
              "explain", "lost_to_limit");
    }
    if (levels[0] == NULL) {
        const ls_json *occurrences = ls_json_get(whole, "occurrences"),
                      *match = ls_json_get(whole, "match");
        for (const ls_json *part = occurrences ? occurrences->first : NULL; part;
             part = part->next) {
            sum += number_of(part, "value");
        }
        if (match) {
            sum = number_of(match, "value");
        }
        check((occurrences == NULL && match == NULL) || sum == number_of(whole, "raw"), "explain",
              "occurrences");
        return;
    }
    for (const ls_json *part = parts->first; part; part = part->next) {
        sum += number_of(part, "value");
        check_sums(part, levels + 1);
    }
    check(sum == number_of(whole, "raw"), "explain", levels[0]);
}

static void check_explanation(world *world, int64_t at)
{
    static const char *const levels[] = {"categories", "groups", "rules", NULL};
    sink to = {0};
    ls_arena arena = {.context = world->context};
    ls_json *json;
    int status =
        ls_explain(world->plan, world->dataset, LS_CONTACT, 0, at, write_sink, &to, &world->error);
    check(status == LS_OK, "explain", world->error.message);
    if (status == LS_OK) {
        status = ls_json_read(&arena, to.text, to.length, 64, 1000000, &json, &world->error);
        check(status == LS_OK, "explanation", world->error.message);
    }
    if (status == LS_OK) {
        for (const ls_json *part = ls_json_get(json, "scores")->first; part; part = part->next) {
            check_sums(part, levels);
        }
    }
    ls_arena_free(&arena);
    free(to.text);
}

typedef struct why_case {
    const char *properties, *rule, *contacts, *events, *why;
} why_case;

#define LEAF(condition, name) "{\"is\":" condition ",\"property\":\"contact." name "\"}"

static const why_case why_cases[] = {
    {"\"contact.employees\":\"number\"",
     FILTER_RULE("1", LEAF("{\"tests\":[[\"between\",50,500]]}", "employees")),
     "id,employees\n1,30\n", "", "employees is 30: not between 50 and 500"},
    {"\"contact.employees\":\"number\"",
     FILTER_RULE("1", LEAF("{\"tests\":[[\"between\",50,500]]}", "employees")),
     "id,employees\n1,70\n", "", "employees is 70: between 50 and 500"},
    {"\"contact.country\":\"text\"",
     FILTER_RULE("1", LEAF("{\"tests\":[[\"any_of\",\"SE\"]]}", "country")), "id,country\n1,\n", "",
     "country is unknown"},
    {"\"contact.country\":\"text\"",
     FILTER_RULE("1", LEAF("{\"missing\":true,\"tests\":[[\"any_of\",\"SE\"]]}", "country")),
     "id,country\n1,\n", "", "country is unknown, which counts as a match"},
    {"\"contact.country\":\"text\"",
     FILTER_RULE("1", LEAF("{\"tests\":[[\"any_of\",\"SE\",\"DK\"]]}", "country")),
     "id,country\n1,US\n", "", "country is US: not one of DK, SE"},
    {"\"contact.country\":\"text\"",
     FILTER_RULE("1", LEAF("{\"tests\":[[\"none_of\",\"SE\"]]}", "country")), "id,country\n1,se\n",
     "", "country is se: must not be SE"},
    {"\"contact.country\":\"text\",\"contact.employees\":\"number\"",
     FILTER_RULE("1", "{\"all\":[" LEAF("{\"tests\":[[\"any_of\",\"SE\"]]}", "country") "," LEAF(
                          "{\"tests\":[[\"more_than\",50]]}", "employees") "]}"),
     "id,country,employees\n1,SE,30\n", "", "employees is 30: not more than 50; country is SE"},
    {"\"contact.since\":\"datetime\"",
     FILTER_RULE("1", LEAF("{\"tests\":[[\"in_last\",2592000]]}", "since")),
     "id,since\n1,2025-01-01\n", "", "since is 2025-01-01: not within the last 30 days"},
    {"\"contact.id\":\"text\"",
     "{\"enabled\":false,"
     "\"points\":1,\"when\":" LEAF("{\"known\":true}", "id") "}",
     "id\n1\n", "", "disabled"},
    {"\"contact.region\":\"set\"", "{\"property\":\"contact.region\"," REGIONS "}",
     "id,region\n1,midwest;NORTHEAST\n", "", "region: Midwest 10, Northeast 15"},
    {"\"contact.region\":\"set\"", "{\"property\":\"contact.region\"," REGIONS ",\"otherwise\":2}",
     "id,region\n1,South\n", "", "region is South: gives 2"},
    {"\"contact.employees\":\"number\"", "{\"property\":\"contact.employees\"," SIZES "}",
     "id,employees\n1,700\n", "", "employees is 700: at least 500 gives 10"},
    {"", "{\"event\":[\"a\"],\"times\":[{\"min\":5,\"points\":8}],\"within\":{\"last\":2592000}}",
     "id\n1\n", "contact_id,event,at\n1,a,2025-05-22\n1,a,2025-05-20\n1,a,2025-05-10\n",
     "3 occurrences, latest 2025-05-22T00:00:00Z; needs at least 5 within 30 days"},
    {"", "{\"event\":[\"a\",\"b\"],\"points\":8,\"within\":{\"last\":2592000}}", "id\n1\n",
     "contact_id,event,at\n1,a,2024-05-22\n", "no a or b within 30 days"},
    {"\"event.url\":\"text\"",
     "{\"event\":[\"a\"],\"points\":8,\"where\":{\"is\":{\"tests\":[[\"contains\",\"/p\"]]},"
     "\"property\":\"event.url\"}}",
     "id\n1\n", "contact_id,event,at\n1,c,2024-05-22\n", "no a where url contains /p"},
};

static void check_why(world *world, const why_case *c)
{
    sink to = {0};
    char wanted[512];
    int status =
        ls_explain(world->plan, world->dataset, LS_CONTACT, 0, AT, write_sink, &to, &world->error);
    print(wanted, sizeof wanted, "\"why\":\"%s\"", c->why);
    check(status == LS_OK && strstr(to.text, wanted) != NULL, c->why,
          status == LS_OK ? to.text : world->error.message);
    free(to.text);
}

static void test_why(void)
{
    static char group[TEXT_SIZE], body[TEXT_SIZE], plan[TEXT_SIZE];
    for (size_t i = 0; i < sizeof why_cases / sizeof *why_cases; i++) {
        const why_case *c = &why_cases[i];
        world world;
        print(group, sizeof group, "{\"kind\":\"fit\",\"name\":\"g\",\"rules\":[%s]}", c->rule);
        plan_of(plan, definition(body, "w1", c->properties, "", group));
        int status = open_world(&world, NULL, plan, c->contacts, c->events, "id\n2\n", false);
        check(status == LS_OK, c->why, world.error.message);
        if (status == LS_OK) {
            check_explanation(&world, AT);
            check_why(&world, c);
        }
        close_world(&world, base_memory());
    }
}

/* ---- next_change_at against every second
 * --------------------------------------------------------- */

/* A small generator of its own, so that a failure can be repeated. */
static uint64_t random_state;
static uint64_t next_random(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static int pick(int count)
{
    return (int)(next_random() % (uint64_t)count);
}

typedef struct text {
    char data[TEXT_SIZE];
    size_t length;
} text;

static void add(text *to, const char *format, ...) LS_PRINTF(2, 3);
static void add(text *to, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    to->length += (size_t)vsnprintf(to->data + to->length, TEXT_SIZE - to->length, format, values);
    va_end(values);
}

static void add_date_leaf(text *to, const char *property)
{
    static const char *const operators[] = {"in_last", "more_than_ago", "in_next",
                                            "more_than_ahead"};
    add(to, "{\"is\":{%s\"tests\":[[\"%s\",%d]]},\"property\":\"%s\"}",
        pick(4) ? "" : "\"missing\":true,", operators[pick(4)], 1 + pick(60), property);
}

static void add_did(text *to)
{
    add(to, "{\"did\":{\"event\":[\"%c\"],\"times\":[{\"min\":%d}]", 'a' + pick(3), 1 + pick(3));
    if (pick(3)) {
        add(to, ",\"within\":{\"last\":%d}", 1 + pick(80));
    }
    add(to, "},\"done\":%s}", pick(2) ? "true" : "false");
}

/* Which made-up definitions have thresholds, so that others may ask their labels. */
static bool has_bands[MOST_SCORES];

static void add_score_leaf(text *to, int user)
{
    static const char *const operators[] = {"at_least", "more_than", "less_than", "at_most"};
    int used = pick(user);
    if (has_bands[used] && pick(3) == 0) {
        add(to, "{\"is\":{\"tests\":[[\"any_of\",\"%s\"]]},\"part\":\"label\",\"score\":\"s%d\"}",
            pick(2) ? "Hot" : "Warm", used);
    } else {
        add(to, "{\"is\":{\"tests\":[[\"%s\",%d]]},\"part\":\"value\",\"score\":\"s%d\"}",
            operators[pick(4)], pick(30) - 5, used);
    }
}

static void add_filter(text *to, int user, int depth)
{
    static const char *const kinds[] = {"all", "any", "none"};
    int kind = pick(depth > 0 ? 5 : 4);
    if (kind == 4) {
        add(to, "{\"%s\":[", kinds[pick(3)]);
        add_filter(to, user, depth - 1);
        add(to, ",");
        add_filter(to, user, depth - 1);
        add(to, "]}");
    } else if (kind == 3 && user > 0) {
        add_score_leaf(to, user);
    } else if (kind == 2) {
        add_did(to);
    } else {
        add_date_leaf(to, pick(2) ? "contact.d" : "contact.e");
    }
}

static void add_decay(text *to, bool curves)
{
    int kind = pick(curves ? 4 : 2);
    if (kind == 1) {
        add(to, "\"decay\":{\"curve\":\"step\",\"every\":%d,\"percent\":%d},", 1 + pick(40),
            10 + pick(90));
    } else if (kind == 2) {
        add(to, "\"decay\":{\"curve\":\"linear\",\"every\":%d,\"percent\":%d},", 1 + pick(90),
            10 + pick(90));
    } else if (kind == 3) {
        add(to, "\"decay\":{\"half_life\":%d},", 1 + pick(30));
    }
}

static void add_event_rule(text *to, bool curves)
{
    add(to, "{");
    add_decay(to, curves);
    add(to, "\"event\":[\"%c\"],", 'a' + pick(3));
    if (pick(2)) {
        add(to, "\"within\":{\"last\":%d},", 1 + pick(90));
    }
    if (pick(4) == 0) {
        add(to, "\"where\":");
        add_date_leaf(to, pick(2) ? "event.at" : "event.d");
        add(to, ",");
    }
    if (pick(4) == 0) {
        add(to, "\"limit\":{\"max\":%d},", pick(12));
    }
    if (pick(5) == 0) {
        add(to, "\"once_per\":{\"property\":\"event.x\"},");
    }
    int kind = pick(5);
    if (kind == 0) {
        add(to, "\"times\":[{\"min\":%d,\"points\":%d},{\"max\":%d,\"min\":0,\"points\":%d}]}",
            2 + pick(3), pick(20) - 5, pick(2), pick(9) - 4);
    } else if (kind == 1) {
        add(to,
            "\"property\":\"event.x\",\"points_by\":[{\"points\":%d,\"value\":\"p\"},{\"points\":%"
            "d,"
            "\"value\":\"q\"}]}",
            pick(20) - 8, pick(20) - 8);
    } else if (kind == 2) {
        add(to, "\"latest\":%d,\"points\":%d}", 1 + pick(3), pick(20) - 5);
    } else {
        add(to, "\"points\":%d}", pick(20) - 6);
    }
}

static void add_fit_rule(text *to, int user)
{
    if (pick(3) == 0) {
        add(to,
            "{\"bands\":[{\"if\":{\"tests\":[[\"in_last\",%d]]},\"points\":%d},{\"if\":{\"tests\":["
            "[\"in_last\","
            "%d]]},\"points\":%d}],\"property\":\"contact.d\"%s}",
            1 + pick(30), pick(9), 30 + pick(60), pick(9), pick(2) ? "" : ",\"otherwise\":1");
        return;
    }
    add(to, "{\"points\":%d,\"when\":", pick(20) - 5);
    add_filter(to, user, 2);
    add(to, "}");
}

static void add_group(text *to, int user, bool fit, bool curves)
{
    int rules = 1 + pick(3);
    add(to, "{\"kind\":\"%s\",", fit ? "fit" : "engagement");
    if (pick(3) == 0) {
        add(to, "\"limit\":{\"max\":%d,\"min\":%d},", pick(20), -pick(20));
    }
    add(to, "\"name\":\"g\",\"rules\":[");
    for (int i = 0; i < rules; i++) {
        add(to, i ? "," : "");
        if (fit) {
            add_fit_rule(to, user);
        } else {
            add_event_rule(to, curves);
        }
    }
    add(to, "]}");
}

static void add_definition(text *to, int index, bool curves)
{
    add(to,
        "{\"kind\":\"combined\",\"name\":\"s%d\",\"object\":\"contact\",\"properties\":{"
        "\"contact.d\":\"datetime\",\"contact.e\":\"datetime\",\"event.at\":\"datetime\","
        "\"event.d\":\"datetime\",\"event.x\":\"text\"},",
        index);
    if (pick(4) == 0) {
        add(to, "\"scope\":");
        add_filter(to, index, 1);
        add(to, ",");
    }
    if (pick(4) == 0) {
        add(to, "\"empty_until_scored\":true,");
    }
    if (pick(3) == 0) {
        add(to, "\"limit\":{\"max\":%d},", pick(30));
    }
    has_bands[index] = pick(3) != 0;
    if (has_bands[index]) {
        int warm = pick(16) - 4;
        add(to,
            "\"thresholds\":{\"bands\":[{\"at_least\":%d,\"label\":\"Hot\"},{\"at_least\":%d,"
            "\"label\":\"Warm\"},"
            "{\"label\":\"Cold\"}]},",
            warm + 1 + pick(15), warm);
    }
    add(to, "\"groups\":[");
    add_group(to, index, false, curves);
    add(to, ",");
    add_group(to, index, pick(2), curves);
    add(to, "]}");
}

static void add_record(text *contacts, text *events)
{
    int count = pick(4) ? pick(8) : pick(60);
    add(contacts, "id,d,e\n1,%lld,", (long long)AT - 60 + pick(120));
    if (pick(3)) {
        add(contacts, "%lld", (long long)AT - 60 + pick(120));
    }
    add(contacts, "\n");
    add(events, "contact_id,event,at,d,x\n");
    for (int i = 0; i < count; i++) {
        add(events, "1,%c,%lld,%lld,%s\n", 'a' + pick(3), (long long)AT + 5 - pick(90),
            (long long)AT - 60 + pick(120),
            pick(3) == 0 ? ""
            : pick(2)    ? "p"
                         : "q");
    }
}

/* The scores of all definitions with everything at `at`; events end at AT. */
static int score_all(world *world, int64_t at, ls_score *out)
{
    ls_clock clock = {AT, at, at, at};
    ls_walk_look(world->walk, LS_NOW, &clock);
    for (size_t i = 0; i < world->plan->count; i++) {
        int status = ls_walk_score(world->walk, i, LS_NOW, &out[i], &world->error);
        if (status != LS_OK) {
            return status;
        }
    }
    return LS_OK;
}

static bool differs(const ls_score *a, const ls_score *b)
{
    return a->in_scope != b->in_scope || a->empty != b->empty ||
           (a->label == NULL) != (b->label == NULL) ||
           (a->label != NULL && strcmp(a->label, b->label) != 0);
}

/* The first change of one definition within `seconds`, by looking at each of them. */
static int64_t find_by_seconds(world *world, size_t definition, int64_t seconds)
{
    ls_score base[MOST_SCORES], earlier[MOST_SCORES], now[MOST_SCORES], mixed;
    ls_walk_begin(world->walk, LS_CONTACT, 0, AT);
    if (score_all(world, AT, base) != LS_OK) {
        return -1;
    }
    for (int64_t at = AT + 1; at <= AT + seconds; at++) {
        ls_clock clock = {AT, at - 1, at, at};
        ls_walk_begin(world->walk, LS_CONTACT, 0, AT);
        score_all(world, at - 1, earlier);
        ls_walk_look(world->walk, LS_MIXED, &clock);
        ls_walk_score(world->walk, definition, LS_MIXED, &mixed, &world->error);
        ls_walk_begin(world->walk, LS_CONTACT, 0, AT);
        score_all(world, at, now);
        if (differs(&now[definition], &base[definition]) ||
            (!now[definition].empty && now[definition].value != mixed.value)) {
            return at;
        }
    }
    return 0;
}

#define SECONDS 2500

static void check_next(world *world, size_t definition, const char *seed, const char *plan)
{
    bool known = false;
    int64_t found = 0, expected = find_by_seconds(world, definition, SECONDS);
    int status =
        ls_next_change(world->walk, LS_CONTACT, 0, AT, definition, &known, &found, &world->error);
    char detail[TEXT_SIZE];
    bool late = known && found > AT + SECONDS;
    print(detail, sizeof detail, "%s definition %zu: expected %lld, got %lld (%s)\n%s", seed,
          definition, (long long)(expected ? expected - AT : 0),
          (long long)(known ? found - AT : 0), world->error.message, plan);
    check(status == LS_OK && expected == (known && !late ? found : 0), "next change", detail);
}

/* The kernels and the walk agree on everything at this instant. */
static void check_kernels(world *world, int64_t at, const char *seed, const char *plan)
{
    ls_score walked[MOST_SCORES], counted;
    ls_result *result = NULL;
    ls_job *job;
    char detail[TEXT_SIZE];
    int status = score(world, at, walked);
    if (status == LS_OK) {
        status = ls_score_all(world->plan, world->dataset, at, 1, &result, &job, &world->error);
    }
    status = status == LS_OK ? run(job, &world->error) : status;
    check(status == LS_OK, seed, world->error.message);
    for (size_t i = 0; i < world->plan->count && status == LS_OK; i++) {
        status = ls_result_get(result, i, 0, &counted);
        print(detail, sizeof detail, "%s definition %zu at %lld: walk %lld, kernels %lld\n%s", seed,
              i, (long long)(at - AT), (long long)walked[i].value, (long long)counted.value, plan);
        check(status == LS_OK && !differs(&walked[i], &counted) &&
                  walked[i].scored == counted.scored && walked[i].value == counted.value &&
                  walked[i].fit == counted.fit && walked[i].engagement == counted.engagement,
              "kernels", detail);
    }
    ls_result_close(result);
}

static void test_next_random(uint64_t seed)
{
    static text definitions, contacts, events;
    static char plan[TEXT_SIZE];
    char name[32];
    world world;
    random_state = seed;
    definitions.length = contacts.length = events.length = 0;
    bool curves = pick(2);
    int count = 1 + pick(3);
    for (int i = 0; i < count; i++) {
        add(&definitions, i ? "," : "");
        add_definition(&definitions, i, curves && pick(3));
    }
    add_record(&contacts, &events);
    print(name, sizeof name, "seed %llu", (unsigned long long)seed);
    int status = open_world(&world, NULL, plan_of(plan, definitions.data), contacts.data,
                            events.data, "", false);
    check(status == LS_OK, name, world.error.message);
    for (int i = 0; i < count && status == LS_OK; i++) {
        check_next(&world, (size_t)i, name, plan);
    }
    if (status == LS_OK) {
        check_explanation(&world, AT);
        for (int i = 0; i < 4; i++) {
            check_kernels(&world, AT + i * 17, name, plan);
        }
    }
    close_world(&world, base_memory());
}

typedef struct next_case {
    const char *extra, *rules, *events;
    int64_t after; /* 0: never */
} next_case;

#define HALF "\"decay\":{\"half_life\":1209600},"
#define BANDS(at_least)                                                                            \
    "\"thresholds\":{\"bands\":[{\"at_least\":" at_least                                           \
    ",\"label\":\"High\"},{\"label\":\"Low\"}]},"

static const next_case next_cases[] = {
    {"", "{\"event\":[\"a\"],\"points\":5}", "a,1,\n", 0},
    {"", "{\"event\":[\"a\"],\"points\":5,\"within\":{\"last\":86400}}", "a,400,\n", 86000},
    {"",
     "{\"decay\":{\"curve\":\"step\",\"every\":100,\"percent\":50},\"event\":[\"a\"],\"points\":5}",
     "a,30,\n", 70},
    {"", "{" HALF "\"event\":[\"a\"],\"points\":10}", "a,0,\n", 0},
    {BANDS("5"), "{" HALF "\"event\":[\"a\"],\"points\":10}", "a,0,\n",
     1209601}, /* still 5 at 1209600 */
    {BANDS("-5"), "{" HALF "\"event\":[\"a\"],\"points\":-10}", "a,0,\n", 1209600},
    {BANDS("0.000001"), "{" HALF "\"event\":[\"a\"],\"points\":10}", "a,0,\n", 29337030},
    {BANDS("0"), "{" HALF "\"event\":[\"a\"],\"points\":10}", "a,0,\n", 0},
    /* opposite curves that cancel to the digit, at the bound */
    {BANDS("0"),
     "{" HALF "\"event\":[\"a\"],\"points\":10},{" HALF "\"event\":[\"a\"],\"points\":-10}",
     "a,0,\na,50,\n", 0},
    {BANDS("10"),
     "{\"event\":[\"a\"],\"decay\":{\"curve\":\"linear\",\"every\":2592000,\"percent\":100},"
     "\"points\":20}",
     "a,0,\n", 1296001},
    {BANDS("60"),
     "{\"decay\":{\"curve\":\"step\",\"every\":50,\"percent\":1},\"event\":[\"a\"],\"limit\":{"
     "\"max\":60},"
     "\"points\":61}",
     "a,0,\n", 100}, /* 60.39, 59.78 */
};

static void test_next(void)
{
    static char group[TEXT_SIZE], body[TEXT_SIZE], plan[TEXT_SIZE];
    for (size_t i = 0; i < sizeof next_cases / sizeof *next_cases; i++) {
        const next_case *c = &next_cases[i];
        world world;
        char events[4096], detail[1024];
        bool known = false;
        int64_t at = 0;
        make_events(c->events, events);
        print(group, sizeof group, "{\"kind\":\"engagement\",\"name\":\"g\",\"rules\":[%s]}",
              c->rules);
        plan_of(plan, definition(body, "w1", "", c->extra, group));
        int status = open_world(&world, NULL, plan, "id\n1\n", events, "", false);
        status = status == LS_OK
                     ? ls_next_change(world.walk, LS_CONTACT, 0, AT, 0, &known, &at, &world.error)
                     : status;
        print(detail, sizeof detail, "%s %s: expected %lld, got %lld %s", c->extra, c->rules,
              (long long)c->after, (long long)(known ? at - AT : 0), world.error.message);
        check(status == LS_OK && known == (c->after != 0) && (!known || at - AT == c->after),
              "next", detail);
        close_world(&world, base_memory());
    }
}

/* ---- many events at a limit
 * ---------------------------------------------------------------------- */

#define MANY 100000

static void test_many(const char *decay)
{
    static char plan[TEXT_SIZE], body[TEXT_SIZE], group[TEXT_SIZE];
    size_t capacity = 64 + (size_t)MANY * 24, length = 0;
    char *events = malloc(capacity);
    world world;
    bool known = false;
    int64_t at = 0;
    length = (size_t)print(events, capacity, "contact_id,event,at\n");
    for (int i = 0; i < MANY; i++) {
        length += (size_t)print(events + length, capacity - length, "1,a,%lld\n",
                                (long long)AT - 100 * i);
    }
    print(group, sizeof group,
          "{\"kind\":\"engagement\",\"limit\":{\"max\":60},\"name\":\"g\",\"rules\":[{%s"
          "\"event\":[\"a\"],\"points\":5},{\"event\":[\"a\"],\"points\":5,\"within\":{\"last\":"
          "1000000}}]}",
          decay);
    plan_of(plan, definition(body, "w1", "", BANDS("50"), group));
    int status = open_world(&world, NULL, plan, "id\n1\n", events, "", false);
    status = status == LS_OK
                 ? ls_next_change(world.walk, LS_CONTACT, 0, AT, 0, &known, &at, &world.error)
                 : status;
    bool lasts = decay[0] == '\0'; /* the limit is passed for ever */
    check(status == LS_OK && known != lasts && (lasts || at > AT + 1000000), "many events",
          world.error.message);
    close_world(&world, base_memory());
    free(events);
}

/* ---- memory that runs out
 * ------------------------------------------------------------------------ */

/* Plan, dataset, walk, scores, explanation and next change of one made-up world; its status. */
static int go_through(const ls_allocator *allocator, const char *plan, const char *contacts,
                      const char *events)
{
    world world;
    ls_score scores[MOST_SCORES];
    bool known;
    int64_t at;
    int status = open_world(&world, allocator, plan, contacts, events, "id\n1\n", false);
    if (status == LS_OK) {
        status = score(&world, AT, scores);
    }
    if (status == LS_OK) {
        status = ls_next_change(world.walk, LS_CONTACT, 0, AT, 0, &known, &at, &world.error);
    }
    if (status == LS_OK) {
        status =
            ls_explain(world.plan, world.dataset, LS_CONTACT, 0, AT, ignore, NULL, &world.error);
    }
    close_world(&world, base_memory());
    return status;
}

static void test_allocation(void)
{
    static text definitions, contacts, events;
    static char plan[TEXT_SIZE];
    random_state = 8;
    for (int i = 0; i < 3; i++) {
        add(&definitions, i ? "," : "");
        add_definition(&definitions, i, true);
    }
    add_record(&contacts, &events);
    plan_of(plan, definitions.data);
    for (size_t n = 1;; n++) {
        faults state = {.fail_at = n};
        ls_allocator allocator = {faults_reallocate, &state};
        char detail[64];
        int status = go_through(&allocator, plan, contacts.data, events.data);
        print(detail, sizeof detail, "allocation %zu: status %d, %zu bytes left", n, status,
              state.bytes);
        check((status == LS_ERROR_MEMORY || state.count < n || status == LS_OK) && state.bytes == 0,
              "memory", detail);
        if (state.count < n) {
            check(status == LS_OK, "memory", "all goes through");
            return;
        }
    }
}

int main(int count, char **values)
{
    uint64_t tries = count > 1 ? strtoull(values[1], NULL, 10) : 400;
    uint64_t first = count > 2 ? strtoull(values[2], NULL, 10) : 1;
    test_conditions();
    test_choices();
    test_events();
    test_wholes();
    test_scores_of_scores();
    test_range();
    test_range_message();
    test_lenient();
    test_why();
    test_next();
    for (uint64_t seed = first; seed < first + tries && failures < 10; seed++) {
        test_next_random(seed);
    }
    test_many("");
    test_many("\"decay\":{\"curve\":\"step\",\"every\":86400,\"percent\":5},");
    test_many("\"decay\":{\"half_life\":1209600},");
    test_allocation();
    fprintf(stderr, "%d checks, %d failed\n", checks, failures);
    return failures != 0;
}
