/* A program that uses the core as any C program would: through leadscore.h and libleadscore.a
 * alone. It makes a plan from the canonical form, reads CSV from memory, scores, explains, and ends
 * with nothing left in memory.
 *
 * It is also what CI compiles against an installed library, by pkg-config. Exits 0 if all is as
 * expected. */
#include "leadscore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define POINTS(n) ((int64_t)((n)*1000000))

static const char definition[] =
    "{\"language\":1,\"definitions\":[{\"name\":\"quality\",\"object\":\"contact\","
    "\"properties\":{\"contact.employees\":\"number\",\"contact.industry\":\"text\"},"
    "\"groups\":["
    "{\"name\":\"Company fit\",\"kind\":\"fit\",\"rules\":["
    "{\"when\":{\"property\":\"contact.industry\","
    "\"is\":{\"tests\":[[\"any_of\",\"Software\",\"Finance\"]]}},\"points\":10.5},"
    "{\"property\":\"contact.employees\","
    "\"bands\":[{\"if\":{\"tests\":[[\"at_least\",200]]},\"points\":5}]}]},"
    "{\"name\":\"Calls\",\"kind\":\"engagement\",\"rules\":["
    "{\"event\":[\"call_started\"],\"points\":8,"
    "\"decay\":{\"curve\":\"step\",\"percent\":50,\"every\":2592000}}]}],"
    "\"thresholds\":{\"fit\":[{\"label\":\"A\",\"at_least\":10},{\"label\":\"B\"}],"
    "\"engagement\":[{\"label\":\"1\",\"at_least\":8},{\"label\":\"2\"}],\"separator\":\"\"}}]}";

static const char contacts[] = "id,industry,employees\n"
                               "1,Software,500\n"
                               "2,\"finance\",12\n"
                               "3,,\n";

/* Contact 1: a fresh call and one that is a step old; contact 2: one that is still to come; 9 is
 * not there. */
static const char events[] = "contact_id,event,at\n"
                             "1,call_started,2025-12-31\n"
                             "2,call_started,2026-02-01T10:00:00Z\n"
                             "1,call_started,2025-11-20\n"
                             "9,call_started,2025-12-01\n";

static const char scores[] = "id,quality,quality_engagement,quality_fit,quality_label\n"
                             "1,27.5,12,15.5,A1\n"
                             "2,10.5,0,10.5,A2\n"
                             "3,0,0,0,B2\n";

static int failures;

#define CHECK(condition) check((condition), #condition, __LINE__)
static void check(bool condition, const char *text, int line)
{
    if (!condition) {
        fprintf(stderr, "line %d: not so: %s\n", line, text);
        failures++;
    }
}

#define OK(call) ok((call), &error, #call, __LINE__)
static void ok(int status, const ls_error *error, const char *text, int line)
{
    if (status != LS_OK) {
        fprintf(stderr, "line %d: %s: status %d: %s\n", line, text, status, error->message);
        exit(1);
    }
}

/* An allocator that holds the library to the sizes it names. */
typedef struct ledger {
    size_t bytes;
    bool wrong;
} ledger;

static void *reallocate(void *user, void *block, size_t old_size, size_t new_size)
{
    ledger *book = user;
    book->wrong = book->wrong || (block == NULL && old_size != 0) || book->bytes < old_size;
    if (new_size == 0) {
        free(block);
        book->bytes -= old_size;
        return NULL;
    }
    void *moved = realloc(block, new_size);
    if (moved != NULL) {
        book->bytes += new_size - old_size;
    }
    return moved;
}

/* Gives out a text a few bytes at a time, so that fields and lines fall across reads. */
typedef struct source {
    const char *next;
    size_t left;
} source;

static int64_t read_source(void *user, char *buffer, size_t size)
{
    source *from = user;
    size_t count = from->left < 7 ? from->left : 7;
    count = count < size ? count : size;
    memcpy(buffer, from->next, count);
    from->next += count;
    from->left -= count;
    return (int64_t)count;
}

typedef struct text {
    char bytes[16384];
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

/* Runs a job to its end in small steps, and closes it. */
static int run(ls_job *job, ls_error *error)
{
    int status;
    do {
        ls_progress progress;
        status = ls_job_step(job, 1, error);
        ls_job_progress(job, &progress);
        CHECK(progress.phase != NULL && progress.unit != NULL);
    } while (status == LS_MORE);
    ls_job_close(job);
    return status;
}

static int read_csv(ls_dataset *dataset, ls_input input, const char *name, const char *csv,
                    ls_error *error)
{
    source from = {csv, strlen(csv)};
    ls_input_options options = {
        .input = input, .name = name, .reader = read_source, .reader_user = &from};
    ls_job *job;
    int status = ls_dataset_read(dataset, &options, &job, error);
    return status == LS_OK ? run(job, error) : status;
}

static ls_dataset *make_dataset(ls_context *context, const ls_plan *plan)
{
    ls_error error = {0};
    ls_dataset *dataset;
    ls_job *job;
    OK(ls_dataset_new(context, &dataset, &error));
    OK(ls_dataset_expect(dataset, plan, &error));
    OK(read_csv(dataset, LS_INPUT_CONTACTS, "contacts.csv", contacts, &error));
    OK(read_csv(dataset, LS_INPUT_EVENTS, "events.csv", events, &error));
    OK(ls_dataset_group(dataset, 1, &job, &error));
    OK(run(job, &error));
    return dataset;
}

static void check_plan(const ls_plan *plan)
{
    ls_object object;
    const char *name, *type;
    CHECK(ls_plan_count(plan) == 1);
    CHECK(strcmp(ls_plan_name(plan, 0), "quality") == 0);
    CHECK(ls_plan_object(plan, 0) == LS_CONTACT);
    CHECK(ls_plan_combined(plan, 0) && ls_plan_has_labels(plan, 0));
    CHECK(ls_plan_field(plan, 0, &object, &name, &type) && object == LS_CONTACT);
    CHECK(ls_plan_field(plan, 1, &object, &name, &type) &&
          !ls_plan_field(plan, 2, &object, &name, &type));
    CHECK(ls_plan_list(plan, 0) == NULL);
}

static void check_dataset(const ls_dataset *dataset)
{
    ls_dataset_counts counts;
    size_t length;
    ls_dataset_count(dataset, &counts);
    CHECK(counts.records[LS_CONTACT] == 3 && counts.records[LS_COMPANY] == 0);
    CHECK(counts.events == 3 && counts.unknown_contact == 1 && counts.repeated == 0);
    CHECK(ls_dataset_future(dataset, AT) == 1);
    CHECK(ls_dataset_find(dataset, LS_CONTACT, "2", 1) == 1);
    CHECK(ls_dataset_find(dataset, LS_CONTACT, "9", 1) == -1);
    CHECK(strncmp(ls_dataset_id(dataset, LS_CONTACT, 2, &length), "3", 1) == 0 && length == 1);
    CHECK(strcmp(ls_dataset_column(dataset, LS_CONTACT, 1), "industry") == 0);
}

static void check_scores(const ls_result *result)
{
    ls_error error = {0};
    ls_score score;
    bool known;
    int64_t change;
    size_t top[2], count;
    CHECK(ls_result_count(result, LS_CONTACT) == 3 && ls_result_at(result) == AT);
    OK(ls_result_get(result, 0, 0, &score));
    CHECK(score.value == POINTS(27.5) && score.fit == POINTS(15.5) &&
          score.engagement == POINTS(12));
    CHECK(strcmp(score.label, "A1") == 0 && score.scored && score.in_scope && !score.empty);
    OK(ls_result_get(result, 0, 2, &score));
    CHECK(score.value == 0 && !score.scored && score.in_scope && strcmp(score.label, "B2") == 0);
    /* The older call is worth nothing from its 60th day on: 2026-01-19. */
    OK(ls_result_next_change(result, 0, 0, &known, &change, &error));
    CHECK(known && change == AT + INT64_C(18) * 86400);
    OK(ls_result_next_change(result, 0, 2, &known, &change, &error));
    CHECK(!known);
    OK(ls_result_top(result, 0, 2, top, &count, &error));
    CHECK(count == 2 && top[0] == 0 && top[1] == 1);
}

static void check_texts(const ls_plan *plan, ls_dataset *dataset, const ls_result *result)
{
    ls_error error = {0};
    ls_job *job;
    text written = {.length = 0}, explained = {.length = 0}, distribution = {.length = 0};
    OK(ls_result_write(result, LS_CONTACT, LS_FORMAT_CSV, false, write_text, &written, &job,
                       &error));
    OK(run(job, &error));
    CHECK(strcmp(written.bytes, scores) == 0);
    OK(ls_explain(plan, dataset, LS_CONTACT, 0, AT, write_text, &explained, &error));
    CHECK(strstr(explained.bytes, "27.5") != NULL &&
          strstr(explained.bytes, "Company fit") != NULL);
    OK(ls_result_distribution(result, 0, 4, write_text, &distribution, &error));
    CHECK(strstr(distribution.bytes, "\"quality\"") != NULL);
}

static int set(ls_scorer *scorer, const char *name, const char *value, ls_error *error)
{
    return ls_scorer_set(scorer, name, strlen(name), value, strlen(value), error);
}

static void check_scorer(const ls_plan *plan)
{
    ls_error error = {0};
    ls_scorer *scorer;
    ls_score score;
    text explained = {.length = 0};
    OK(ls_scorer_new(plan, &scorer, &error));
    for (int i = 0; i < 3; i++) { /* a cleared scorer remembers nothing of the record before */
        ls_scorer_clear(scorer);
        OK(set(scorer, "industry", "SOFTWARE", &error));
        OK(set(scorer, "employees", "200", &error));
        OK(ls_scorer_event(scorer, "call_started", 12, AT - 86400, &error));
        OK(ls_scorer_score(scorer, AT, &score, &error));
        CHECK(score.value == POINTS(23.5) && strcmp(score.label, "A1") == 0);
    }
    OK(ls_scorer_explain(scorer, AT, write_text, &explained, &error));
    CHECK(strstr(explained.bytes, "23.5") != NULL);
    ls_scorer_close(scorer);
}

static void check_errors(ls_context *context)
{
    ls_error error = {0};
    ls_plan *plan;
    ls_dataset *dataset;
    CHECK(ls_plan_new(context, "{", 1, &plan, &error) != LS_OK && plan == NULL);
    CHECK(error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
    CHECK(ls_plan_new(context, "{}", 2, &plan, NULL) == LS_ERROR_DEFINITION && plan == NULL);
    OK(ls_dataset_new(context, &dataset, &error));
    OK(read_csv(dataset, LS_INPUT_CONTACTS, "contacts.csv", contacts, &error));
    CHECK(read_csv(dataset, LS_INPUT_EVENTS, "events.csv",
                   "contact_id,event,at\n1,call_started,31/01/2025\n", &error) == LS_ERROR_INPUT);
    CHECK(error.line == 2 && error.column == 3 && strcmp(error.file, "events.csv") == 0);
    ls_dataset_close(dataset);
}

static void check_helpers(void)
{
    char number[LS_NUMBER_TEXT], points[LS_POINTS_TEXT], time[LS_TIME_TEXT], print[33], other[33];
    int64_t from, until;
    double value;
    CHECK(strcmp(ls_version(), LS_VERSION) == 0 && ls_unicode_version()[0] != '\0');
    CHECK(ls_print_points(POINTS(-38.75), points) == 6 && strcmp(points, "-38.75") == 0);
    CHECK(ls_print_number(0.1, number) == 3 && strcmp(number, "0.1") == 0);
    CHECK(ls_print_time(AT, time) == 20 && strcmp(time, "2026-01-01T00:00:00Z") == 0);
    CHECK(ls_read_time("2026-01-01", 10, &from, &until, NULL) == LS_OK);
    CHECK(from == AT && until == AT + 86400);
    CHECK(ls_read_time("2026-02-30", 10, &from, &until, NULL) == LS_ERROR_INPUT);
    CHECK(ls_read_number("1e3", 3, &value, NULL) == LS_OK && value > 999.5 && value < 1000.5);
    ls_fingerprint("a", 1, print);
    ls_fingerprint("b", 1, other);
    CHECK(strlen(print) == 32 && strcmp(print, other) != 0);
}

/* A context's limit is kept: with too little the plan is refused and nothing stays. */
static void check_limit(void)
{
    ls_context *context;
    ls_plan *plan;
    CHECK(ls_context_new(NULL, 1024, &context) == LS_OK);
    CHECK(ls_plan_new(context, definition, strlen(definition), &plan, NULL) == LS_ERROR_MEMORY);
    CHECK(plan == NULL && ls_context_peak(context) <= 1024);
    ls_context_close(context);
}

static ls_result *score(const ls_plan *plan, ls_dataset *dataset, unsigned threads)
{
    ls_error error = {0};
    ls_result *result;
    ls_job *job;
    OK(ls_score_all(plan, dataset, AT, threads, &result, &job, &error));
    OK(run(job, &error));
    check_scores(result);
    return result;
}

/* Definitions of a context of their own end with it, whether it has a limit or not: nothing of
 * theirs stays with the dataset, and nothing of the dataset's is freed as theirs. */
static void check_contexts(ls_dataset *dataset, size_t max_memory)
{
    ledger book = {0, false};
    ls_allocator allocator = {reallocate, &book};
    ls_error error = {0};
    ls_context *context;
    ls_plan *plan;
    CHECK(ls_context_new(&allocator, max_memory, &context) == LS_OK);
    OK(ls_plan_new(context, definition, strlen(definition), &plan, &error));
    ls_result_close(score(plan, dataset, 1));
    ls_plan_close(plan);
    ls_context_close(context);
    CHECK(book.bytes == 0 && !book.wrong);
}

int main(void)
{
    ledger book = {0, false};
    ls_allocator allocator = {reallocate, &book};
    ls_error error = {0};
    ls_context *context;
    ls_plan *plan;
    ls_result *result;

    CHECK(ls_context_new(&allocator, 0, &context) == LS_OK);
    size_t base = ls_context_memory(context);
    OK(ls_plan_new(context, definition, strlen(definition), &plan, &error));
    check_plan(plan);
    ls_dataset *dataset = make_dataset(context, plan);
    check_dataset(dataset);
    for (unsigned threads = 1; threads <= 2; threads++) {
        result = score(plan, dataset, threads);
        check_texts(plan, dataset, result);
        if (threads == 1) {
            ls_result_close(result);
        }
    }
    ls_result_close(score(plan, dataset, 1)); /* the dataset keeps its columns */
    check_contexts(dataset, (size_t)64 * 1024 * 1024);
    check_contexts(dataset, 0);
    check_scorer(plan);
    check_errors(context);
    check_helpers();
    check_limit();

    /* Closed in any order: a result keeps what it needs. */
    ls_dataset_close(dataset);
    ls_plan_close(plan);
    check_scores(result);
    ls_result_close(result);
    CHECK(ls_context_memory(context) == base && ls_context_peak(context) > base);
    ls_context_close(context);
    CHECK(book.bytes == 0 && !book.wrong);
    return failures == 0 ? 0 : 1;
}
