/* Memory that runs out: each of some operations is run with its first allocation failing, then
 * its second, and so on until it goes through without a failure; once with only that allocation
 * failing and once with all from it on. The operation must answer LS_ERROR_MEMORY (or do its whole
 * work all the same), must not crash, and must leave nothing behind. zlib and yajl allocate through
 * the same context, so they are part of it.
 *
 * Exits 0 if all is as expected. */
#include "faults.h"
#include "leadscore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define AT INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
/* No operation here allocates more often; past it something does not end. */
#define MOST_ALLOCATIONS 200000

/* ---- what the operations work on ------------------------------------------------------------- */

static const char definition[] =
    "{\"language\":1,\"definitions\":[{\"name\":\"quality\",\"object\":\"contact\","
    "\"properties\":{\"contact.industry\":\"text\",\"contact.employees\":\"number\","
    "\"contact.region\":\"set\",\"event.page\":\"text\"},"
    "\"scope\":{\"list\":[\"competitors\"],\"member\":false},"
    "\"limit\":{\"min\":-100,\"max\":100},"
    "\"groups\":["
    "{\"name\":\"Company fit\",\"kind\":\"fit\",\"rules\":["
    "{\"when\":{\"any\":[{\"property\":\"contact.industry\","
    "\"is\":{\"tests\":[[\"any_of\",\"Software\",\"Stra\\u00dfe\"]]}},"
    "{\"property\":\"contact.region\",\"is\":{\"tests\":[[\"contains\",\"east\"]]}}]},\"points\":"
    "10},"
    "{\"property\":\"contact.employees\","
    "\"bands\":[{\"if\":{\"tests\":[[\"at_least\",200]]},\"points\":5}],\"otherwise\":1},"
    "{\"property\":\"contact.industry\",\"points_by\":[{\"value\":\"Finance\",\"points\":6}]}]},"
    "{\"name\":\"Activity\",\"kind\":\"engagement\",\"limit\":{\"min\":-50,\"max\":50},\"rules\":["
    "{\"event\":[\"call_started\"],\"points\":8,"
    "\"decay\":{\"curve\":\"step\",\"percent\":50,\"every\":2592000}},"
    "{\"event\":[\"call_started\",\"page_view\"],\"points\":3,\"decay\":{\"half_life\":1209600}},"
    "{\"event\":[\"page_view\"],\"where\":{\"property\":\"event.page\","
    "\"is\":{\"tests\":[[\"starts_with\",\"pricing\"]]}},\"within\":{\"last\":2592000},"
    "\"times\":[{\"min\":2}],\"points\":4},"
    "{\"event\":[\"page_view\"],\"once_per\":{\"property\":\"event.page\"},\"latest\":3,\"points\":"
    "1}]}],"
    "\"thresholds\":{\"bands\":[{\"label\":\"High\",\"at_least\":20},{\"label\":\"Low\"}]}},"
    /* Looks at events together with the first. */
    "{\"name\":\"interest\",\"object\":\"contact\",\"properties\":{\"event.page\":\"text\"},"
    "\"groups\":[{\"name\":\"Activity\",\"kind\":\"engagement\",\"rules\":["
    "{\"event\":[\"page_view\"],\"once_per\":{\"property\":\"event.page\"},\"latest\":3,\"points\":"
    "2,\"decay\":{\"half_life\":86400}},"
    "{\"event\":[\"page_view\"],\"where\":{\"property\":\"event.page\","
    "\"is\":{\"tests\":[[\"contains\",\"docs\"]]}},\"points\":5,"
    "\"decay\":{\"curve\":\"linear\",\"percent\":50,\"every\":2592000}}]}]}]}";

static const char contacts_csv[] = "id,industry,employees,region\n"
                                   "1,Software,500,Northeast;West\n"
                                   "2,\"Fin\"\"ance\",12,\n"
                                   "3,STRASSE,,Midwest\n"
                                   "x4,,7,\n";
static const char contacts_ndjson[] =
    "{\"id\":\"1\",\"industry\":\"Software\",\"employees\":500,\"region\":[\"Northeast\",\"West\"]}"
    "\n"
    "{\"id\":\"2\",\"industry\":\"Fin\\\"ance\",\"employees\":1.2e1}\n"
    "{\"id\":\"3\",\"industry\":\"STRASSE\",\"employees\":null,\"region\":[\"Midwest\"]}\n"
    "{\"id\":\"x4\",\"employees\":7}\n";
static const char events_csv[] = "id,contact_id,event,at,page\n"
                                 "a,1,call_started,2025-12-31,\n"
                                 "b,1,page_view,2025-12-30T10:00:00Z,pricing/a\n"
                                 "c,1,page_view,2025-12-29T10:00:00Z,\"pricing/b, c\"\n"
                                 "c,1,page_view,2025-12-29T10:00:00Z,\"pricing/b, c\"\n"
                                 "d,2,page_view,2025-12-28,docs\n"
                                 "e,x4,call_started,2025-10-01,\n"
                                 "f,9,call_started,2025-10-01,\n";
static const char log_ndjson[] =
    "{\"v\":1,\"op\":\"event\",\"ts\":20,\"contact_id\":\"1\",\"event\":\"page_view\","
    "\"at\":\"2025-12-30\",\"id\":\"b\",\"properties\":{\"page\":\"pricing/c\"}}\n"
    "{\"v\":1,\"op\":\"event\",\"ts\":30,\"contact_id\":\"new\",\"event\":\"call_started\","
    "\"at\":-1,\"page\":[\"a\",\"\\u00e9\"]}\n"
    "{\"v\":1,\"op\":\"event\",\"ts\":25,\"contact_id\":\"new\",\"event\":\"page_view\","
    "\"at\":\"2025-12-30\",\"id\":\"z\",\"page\":\"pricing\"}\n"
    "{\"v\":1,\"op\":\"set\",\"ts\":31,\"id\":\"2\",\"properties\":{\"industry\":\"Software\","
    "\"employees\":300}}\n"
    "{\"v\":1,\"op\":\"forget\",\"ts\":10,\"id\":\"x4\"}\n"
    "{\"v\":1,\"op\":\"set\",\"id\":\"x4\",\"region\":\"East\"}\n"
    "{\"v\":1,\"op\":\"forget\",\"ts\":40,\"id\":\"3\"}\n"
    "{\"v\":1,\"op\":\"se";
static const char list_csv[] = "id\n3\n";

typedef struct source {
    const char *next;
    size_t left;
} source;

static int64_t read_source(void *user, char *buffer, size_t size)
{
    source *from = user;
    size_t count = from->left < size ? from->left : size;
    memcpy(buffer, from->next, count);
    from->next += count;
    from->left -= count;
    return (int64_t)count;
}

typedef struct text {
    char bytes[65536];
    size_t length;
} text;

static int write_text(void *user, const char *bytes, size_t size)
{
    text *to = user;
    if (size >= sizeof to->bytes - to->length) {
        return -1;
    }
    memcpy(to->bytes + to->length, bytes, size);
    to->length += size;
    to->bytes[to->length] = '\0';
    return 0;
}

/* What an operation finds prepared and what it makes; a field is NULL until something makes it. */
typedef struct stage {
    ls_context *context;
    ls_plan *plan;
    ls_dataset *dataset;
    ls_result *result;
    ls_scorer *scorer;
    text out;
} stage;

/* budget: of a step. */
static int run_by(int status, ls_job **job, uint64_t budget)
{
    if (status != LS_OK) {
        return status;
    }
    do {
        status = ls_job_step(*job, budget, NULL);
    } while (status == LS_MORE);
    ls_job_close(*job);
    return status;
}

static int run(int status, ls_job **job)
{
    return run_by(status, job, 2);
}

static int read_input(stage *s, ls_input input, ls_format format, bool gzip, const char *bytes,
                      size_t length)
{
    source from = {bytes, length};
    const ls_rename rename = {"page", "page"};
    const char *const unknown[] = {"n/a"};
    ls_input_options options = {.input = input,
                                .format = format,
                                .gzip = gzip,
                                .name = "input",
                                .list = input == LS_INPUT_LIST ? "competitors" : NULL,
                                .reader = read_source,
                                .reader_user = &from,
                                .renames = &rename,
                                .rename_count = input == LS_INPUT_EVENTS,
                                .unknown = unknown,
                                .unknown_count = 1};
    ls_job *job;
    return run(ls_dataset_read(s->dataset, &options, &job, NULL), &job);
}

static int make_plan(stage *s)
{
    return ls_plan_new(s->context, definition, strlen(definition), &s->plan, NULL);
}

static int make_dataset(stage *s)
{
    int status = ls_dataset_new(s->context, &s->dataset, NULL);
    if (status == LS_OK)
        status = ls_dataset_keep_event_ids(s->dataset, NULL);
    return status == LS_OK ? ls_dataset_expect(s->dataset, s->plan, NULL) : status;
}

static int read_contacts(stage *s)
{
    return read_input(s, LS_INPUT_CONTACTS, LS_FORMAT_CSV, false, contacts_csv,
                      strlen(contacts_csv));
}

static int read_rest(stage *s)
{
    int status =
        read_input(s, LS_INPUT_EVENTS, LS_FORMAT_CSV, false, events_csv, strlen(events_csv));
    return status == LS_OK
               ? read_input(s, LS_INPUT_LIST, LS_FORMAT_CSV, false, list_csv, strlen(list_csv))
               : status;
}

static int group(stage *s)
{
    ls_job *job;
    return run(ls_dataset_group(s->dataset, 1, &job, NULL), &job);
}

static int score(stage *s)
{
    ls_job *job;
    int status = run(ls_score_all(s->plan, s->dataset, AT, 2, &s->result, &job, NULL), &job);
    return status;
}

static void close_stage(stage *s)
{
    ls_scorer_close(s->scorer);
    ls_result_close(s->result);
    ls_dataset_close(s->dataset);
    ls_plan_close(s->plan);
    s->scorer = NULL;
    s->result = NULL;
    s->dataset = NULL;
    s->plan = NULL;
    s->out.length = 0;
    s->out.bytes[0] = '\0';
}

/* ---- the operations -------------------------------------------------------------------------- */

static int do_read_csv(stage *s)
{
    int status = make_dataset(s);
    if (status == LS_OK) {
        status = read_contacts(s);
    }
    return status == LS_OK ? read_rest(s) : status;
}

static int do_read_gzip(stage *s)
{
    /* Made once, outside of the core: 16 + 15 asks zlib for the gzip form. */
    static unsigned char packed[4096];
    static size_t length;
    if (length == 0) {
        z_stream stream = {.next_in = (unsigned char *)(uintptr_t)contacts_csv,
                           .avail_in = sizeof contacts_csv - 1,
                           .next_out = packed,
                           .avail_out = sizeof packed};
        if (deflateInit2(&stream, 9, Z_DEFLATED, 16 + 15, 9, Z_DEFAULT_STRATEGY) != Z_OK ||
            deflate(&stream, Z_FINISH) != Z_STREAM_END) {
            return LS_ERROR_IO;
        }
        length = stream.total_out;
        deflateEnd(&stream);
    }
    int status = make_dataset(s);
    return status == LS_OK
               ? read_input(s, LS_INPUT_CONTACTS, LS_FORMAT_CSV, true, (char *)packed, length)
               : status;
}

static int do_read_ndjson(stage *s)
{
    int status = make_dataset(s);
    return status == LS_OK ? read_input(s, LS_INPUT_CONTACTS, LS_FORMAT_NDJSON, false,
                                        contacts_ndjson, strlen(contacts_ndjson))
                           : status;
}

static int do_write(stage *s)
{
    ls_job *job;
    return run(ls_result_write(s->result, LS_CONTACT, LS_FORMAT_CSV, true, write_text, &s->out,
                               &job, NULL),
               &job);
}

/* What is written is too much to be kept: how much it is, and its last bytes. */
static int add_up(void *user, const char *bytes, size_t size)
{
    text *to = user;
    size_t before = 0;
    sscanf(to->bytes, "%zu", &before);
    to->length = (size_t)sprintf(to->bytes, "%zu %.*s", before + size, 40,
                                 bytes + (size < 40 ? 0 : size - 40));
    return 0;
}

static int do_write_many(stage *s)
{
    ls_job *job;
    return run_by(ls_result_write(s->result, LS_CONTACT, LS_FORMAT_CSV, false, add_up, &s->out,
                                  &job, NULL),
                  &job, 0);
}

static int do_distribution(stage *s)
{
    return ls_result_distribution(s->result, 0, 10, write_text, &s->out, NULL);
}

static int do_explain(stage *s)
{
    return ls_explain(s->plan, s->dataset, LS_CONTACT, 0, AT, write_text, &s->out, NULL);
}

static int do_replay(stage *s)
{
    int status = make_dataset(s);
    for (int i = 0; i < 2 && status == LS_OK; i++)
        status =
            read_input(s, LS_INPUT_LOG, LS_FORMAT_NDJSON, false, log_ndjson, strlen(log_ndjson));
    if (status == LS_OK)
        status = read_contacts(s);
    if (status == LS_OK)
        status = read_rest(s);
    if (status == LS_OK)
        status = group(s);
    if (status == LS_OK)
        status = score(s);
    return status == LS_OK ? do_write(s) : status;
}

static int set(stage *s, const char *name, const char *value)
{
    return ls_scorer_set(s->scorer, name, strlen(name), value, strlen(value), NULL);
}

static int do_scorer(stage *s)
{
    ls_score scored[2]; /* of both definitions */
    char points[LS_POINTS_TEXT];
    int status = ls_scorer_new(s->plan, &s->scorer, NULL);
    for (int i = 0; i < 2 && status == LS_OK; i++) {
        ls_scorer_clear(s->scorer);
        status = set(s, "industry", "Software");
        status = status == LS_OK ? set(s, "region", "Northeast;West") : status;
        status =
            status == LS_OK ? ls_scorer_event(s->scorer, "page_view", 9, AT - 60, NULL) : status;
        status = status == LS_OK ? ls_scorer_event_set(s->scorer, "page", 4, "pricing/a", 9, NULL)
                                 : status;
        status = status == LS_OK ? ls_scorer_event(s->scorer, "call_started", 12, AT - 60, NULL)
                                 : status;
        for (int64_t later = 0; later < 4 && status == LS_OK; later++) {
            status = ls_scorer_score(s->scorer, AT + later, scored, NULL);
        }
    }
    if (status == LS_OK) {
        write_text(&s->out, points, ls_print_points(scored[0].value, points));
        status = ls_scorer_explain(s->scorer, AT, write_text, &s->out, NULL);
    }
    return status;
}

static int prepare_plan(stage *s)
{
    return make_plan(s);
}

static int prepare_read(stage *s)
{
    int status = make_plan(s);
    return status == LS_OK ? do_read_csv(s) : status;
}

static int prepare_group(stage *s)
{
    int status = prepare_read(s);
    return status == LS_OK ? group(s) : status;
}

/* So many texts that threads share them: most are pages by themselves, some fold to another one. */
#define MANY 9000

static int read_many(stage *s)
{
    static const char *const pages[] = {"pricing/%d", "docs/%d", "DOCS/%d", "B\303\274cher/%d"};
    static char events[MANY * 64];
    size_t length = (size_t)sprintf(events, "id,contact_id,event,at,page\n");
    for (int i = 0; i < MANY; i++) {
        length += (size_t)sprintf(events + length, "e%d,%d,page_view,2025-12-%02d,", i, i % 2 + 1,
                                  i % 28 + 1);
        length += (size_t)sprintf(events + length, pages[i * 7 % 4], i / 5);
        events[length++] = '\n';
    }
    return read_input(s, LS_INPUT_EVENTS, LS_FORMAT_CSV, false, events, length);
}

static int prepare_many(stage *s)
{
    int status = prepare_read(s);
    status = status == LS_OK ? read_many(s) : status;
    return status == LS_OK ? group(s) : status;
}

static int do_score_many(stage *s)
{
    int status = score(s);
    for (size_t row = 0; status == LS_OK && row < ls_result_count(s->result, LS_CONTACT); row++) {
        ls_score scored;
        char points[LS_POINTS_TEXT];
        status = ls_result_get(s->result, 0, row, &scored);
        write_text(&s->out, points, status == LS_OK ? ls_print_points(scored.value, points) : 0);
    }
    return status;
}

static int prepare_score(stage *s)
{
    int status = prepare_group(s);
    return status == LS_OK ? score(s) : status;
}

/* So many that the threads which scored them also write them. */
static int prepare_many_scores(stage *s)
{
    static char contacts[MANY * 16];
    ls_job *job;
    size_t length = (size_t)sprintf(contacts, "id,industry\n");
    for (int i = 0; i < MANY; i++)
        length += (size_t)sprintf(contacts + length, "%d,%s\n", i + 1, i % 3 ? "Software" : "");
    int status = make_plan(s);
    status = status == LS_OK ? make_dataset(s) : status;
    status = status == LS_OK
                 ? read_input(s, LS_INPUT_CONTACTS, LS_FORMAT_CSV, false, contacts, length)
                 : status;
    status = status == LS_OK ? read_rest(s) : status;
    status = status == LS_OK ? group(s) : status;
    return status == LS_OK
               ? run_by(ls_score_all(s->plan, s->dataset, AT, 2, &s->result, &job, NULL), &job, 0)
               : status;
}

static int prepare_nothing(stage *s)
{
    (void)s;
    return LS_OK;
}

static const struct operation {
    const char *name;
    int (*prepare)(stage *s);
    int (*run)(stage *s);
} operations[] = {
    {"plan", prepare_nothing, make_plan},
    {"read CSV", prepare_plan, do_read_csv},
    {"read CSV in gzip", prepare_plan, do_read_gzip},
    {"read NDJSON", prepare_plan, do_read_ndjson},
    {"replay a log", prepare_plan, do_replay},
    {"group", prepare_read, group},
    {"score", prepare_group, score},
    {"score many texts", prepare_many, do_score_many},
    {"write", prepare_score, do_write},
    {"write on several threads", prepare_many_scores, do_write_many},
    {"distribution", prepare_score, do_distribution},
    {"explain", prepare_group, do_explain},
    {"one record's score", prepare_plan, do_scorer},
};

/* ---- the test -------------------------------------------------------------------------------- */

static int fail(const struct operation *operation, size_t at, const char *what)
{
    fprintf(stderr, "%s, failing allocation %zu: %s\n", operation->name, at, what);
    return 1;
}

/* Runs it once with allocation `at` failing (0: none). *done: no allocation failed. */
static int attempt(const struct operation *operation, faults *state, size_t at,
                   const text *expected, stage *s, bool *done)
{
    state->fail_at = 0;
    size_t base = ls_context_memory(s->context), bytes = state->bytes;
    if (operation->prepare(s) != LS_OK) {
        return fail(operation, at, "the preparation failed");
    }
    faults_arm(state, at);
    int status = operation->run(s);
    state->fail_at = 0;
    *done = !state->failed;
    int wrong = 0;
    if (status != LS_OK && !(state->failed && status == LS_ERROR_MEMORY)) {
        wrong = fail(operation, at, "a status that is neither LS_OK nor LS_ERROR_MEMORY");
        fprintf(stderr, "    status %d\n", status);
    }
    if (status == LS_OK && expected != NULL && strcmp(s->out.bytes, expected->bytes) != 0) {
        wrong = fail(operation, at, "it claims to be done, and is not");
    }
    if (expected != NULL) {
        close_stage(s);
        if (ls_context_memory(s->context) != base || state->bytes != bytes) {
            wrong = fail(operation, at, "memory left behind");
        }
    }
    return wrong;
}

static int test(const struct operation *operation, bool lasting)
{
    static text expected;
    static stage s;
    faults state = {.lasting = lasting};
    ls_allocator allocator = {faults_reallocate, &state};
    bool done;
    if (ls_context_new(&allocator, 0, &s.context) != LS_OK) {
        return fail(operation, 0, "no context");
    }
    int wrong = attempt(operation, &state, 0, NULL, &s, &done);
    size_t needed = state.count;
    expected = s.out;
    close_stage(&s);
    done = false;
    for (size_t at = 1; !done && wrong == 0; at++) {
        wrong = attempt(operation, &state, at, &expected, &s, &done);
        if (at > MOST_ALLOCATIONS) {
            wrong = fail(operation, at, "it does not end");
        }
    }
    ls_context_close(s.context);
    if (state.bytes != 0 && wrong == 0) {
        wrong = fail(operation, 0, "memory left behind by the context");
    }
    printf("%-20s %6zu allocations%s\n", operation->name, needed, lasting ? ", lasting" : "");
    return wrong;
}

/* The context itself, and a context limit that is as good as no memory. */
static int test_context(void)
{
    faults state = {.fail_at = 1};
    ls_allocator allocator = {faults_reallocate, &state};
    ls_context *context;
    return ls_context_new(&allocator, 0, &context) == LS_ERROR_MEMORY && context == NULL ? 0 : 1;
}

int main(void)
{
    int wrong = test_context();
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        wrong += test(&operations[i], false);
        wrong += test(&operations[i], true);
    }
    return wrong == 0 ? 0 : 1;
}
