/* Associations: both ways, merged labels, a second primary company, records that are not there; the
 * N-th allocation failing while they are read, matched and built; and that work and memory grow
 * with the associations, whoever has most of them.
 *
 * Exits 0 if all is as expected. */
#include "faults.h"
#include "leadscore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures;

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            failures++;                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #what);                    \
        }                                                                                          \
    } while (0)

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct source {
    const char *text;
    size_t left;
} source;

static int64_t read_source(void *user, char *buffer, size_t size)
{
    source *from = user;
    size_t count = from->left < size ? from->left : size;
    memcpy(buffer, from->text, count);
    from->text += count;
    from->left -= count;
    return (int64_t)count;
}

static int finish(ls_job *job, ls_error *error)
{
    int status = ls_job_step(job, 0, error);
    ls_job_close(job);
    return status;
}

static int read_text(ls_dataset *dataset, ls_input input, const char *text, ls_error *error)
{
    source from = {text, strlen(text)};
    ls_input_options options = {.input = input, .name = "in.csv", .reader = read_source};
    ls_job *job;
    options.reader_user = &from;
    int status = ls_dataset_read(dataset, &options, &job, error);
    return status == LS_OK ? finish(job, error) : status;
}

static int group(ls_dataset *dataset, ls_error *error)
{
    ls_job *job;
    int status = ls_dataset_group(dataset, 1, &job, error);
    return status == LS_OK ? finish(job, error) : status;
}

static const char contacts[] = "id,company_id,email,firm\n"
                               "p1,c1,a@acme.example,\n"
                               "p2,,b@mail.eu.beta.example,\n"
                               "p3,zz,c@gmail.com,ACME inc\n"
                               "p4,,d@both.example,\n";
static const char companies[] = "id,domain,name\n"
                                "c1,acme.example;both.example,\"Acme, Inc.\"\n"
                                "c2,https://www.Beta.example/,Beta GmbH & Co. KG\n"
                                "c3,both.example,Gamma\n";
static const char deals[] = "id,company_id\nd1,c2\nd2,\n";
static const char associations[] = "from_object,from_id,to_object,to_id,label\n"
                                   "contact,p1,company,c2,Billing\n"
                                   "company,c2,contact,p1,Decision maker\n"
                                   "company,c2,contact,p1,BILLING\n"
                                   "company,c1,contact,p1,\n"
                                   "deal,d1,contact,p1,Champion\n"
                                   "deal,d9,contact,p1,Champion\n"
                                   "deal,d2,company,c3,\n";

static int read_world(ls_dataset *dataset, ls_error *error)
{
    int status = read_text(dataset, LS_INPUT_CONTACTS, contacts, error);
    if (status == LS_OK)
        status = read_text(dataset, LS_INPUT_COMPANIES, companies, error);
    if (status == LS_OK)
        status = read_text(dataset, LS_INPUT_DEALS, deals, error);
    return status == LS_OK ? read_text(dataset, LS_INPUT_ASSOCIATIONS, associations, error)
                           : status;
}

static int match(ls_dataset *dataset, ls_match_counts *counts, ls_error *error)
{
    static const char *const free_mail[] = {"gmail.com"};
    ls_match_options options = {
        .email = "email", .name = "firm", .free_mail = free_mail, .free_mail_count = 1};
    return ls_dataset_match(dataset, &options, counts, error);
}

/* ---- what comes out -------------------------------------------------------------------------- */

static size_t row_of(const ls_dataset *dataset, ls_object object, const char *id)
{
    return (size_t)ls_dataset_find(dataset, object, id, strlen(id));
}

/* The ids associated with one, with labels: "c1[primary] c2[billing,decision maker]". */
static const char *associated(const ls_dataset *dataset, ls_object object, const char *id,
                              ls_object other)
{
    static char text[512];
    ls_associated found =
        ls_dataset_associated(dataset, object, row_of(dataset, object, id), other);
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < found.count; i++) {
        size_t length;
        const char *name = ls_dataset_id(dataset, other, found.rows[i], &length);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s[", i ? " " : "", (int)length,
                               name);
        for (size_t k = 0; (name = ls_associated_label(dataset, &found, i, k, &length)); k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s", k ? "," : "", (int)length,
                                   name);
        at += (size_t)snprintf(text + at, sizeof text - at, "]");
    }
    return text;
}

static bool is(const char *got, const char *expected)
{
    if (strcmp(got, expected) != 0)
        fprintf(stderr, "got %s\n", got);
    return strcmp(got, expected) == 0;
}

static void check_both_ways(void)
{
    ls_context *context;
    ls_dataset *dataset;
    ls_error error;
    ls_dataset_counts counts;
    CHECK(ls_context_new(NULL, 0, &context) == LS_OK);
    CHECK(ls_dataset_new(context, &dataset, &error) == LS_OK);
    CHECK(read_world(dataset, &error) == LS_OK);
    CHECK(group(dataset, &error) == LS_OK);
    ls_dataset_count(dataset, &counts);
    CHECK(counts.unknown_associated == 2); /* zz of p3, d9 */
    CHECK(is(associated(dataset, LS_CONTACT, "p1", LS_COMPANY),
             "c1[primary] c2[billing,decision maker]"));
    CHECK(is(associated(dataset, LS_COMPANY, "c2", LS_CONTACT), "p1[billing,decision maker]"));
    CHECK(is(associated(dataset, LS_COMPANY, "c1", LS_CONTACT), "p1[primary]"));
    CHECK(is(associated(dataset, LS_COMPANY, "c2", LS_DEAL), "d1[primary]"));
    CHECK(is(associated(dataset, LS_DEAL, "d1", LS_CONTACT), "p1[champion]"));
    CHECK(is(associated(dataset, LS_DEAL, "d2", LS_COMPANY), "c3[]"));
    CHECK(is(associated(dataset, LS_CONTACT, "p2", LS_COMPANY), ""));
    CHECK(is(associated(dataset, LS_CONTACT, "p4", LS_DEAL), ""));
    ls_dataset_close(dataset);
    ls_context_close(context);
}

/* A second primary company and a row that cannot be are bad rows with their place. */
static void check_refused(void)
{
    static const struct {
        const char *rows, *message;
    } cases[] = {
        {"contact,p1,company,c2,Primary\n", "one primary company"},
        {"company,c2,contact,p1,PRIMARY\n", "one primary company"},
        {"deal,d1,company,c1,primary\n", "one primary company"},
        {"person,p1,company,c2,\n", "contact, company or deal"},
        {"contact,p1,contact,p2,\n", "another object"},
        {"contact,,company,c2,\n", "an id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        ls_context *context;
        ls_dataset *dataset;
        ls_error error;
        CHECK(ls_context_new(NULL, 0, &context) == LS_OK);
        CHECK(ls_dataset_new(context, &dataset, &error) == LS_OK);
        CHECK(read_world(dataset, &error) == LS_OK);
        snprintf(text, sizeof text, "from_object,from_id,to_object,to_id,label\n%s", cases[i].rows);
        CHECK(read_text(dataset, LS_INPUT_ASSOCIATIONS, text, &error) == LS_ERROR_INPUT);
        CHECK(strstr(error.message, cases[i].message) != NULL && error.line == 2);
        ls_dataset_close(dataset);
        ls_context_close(context);
    }
}

static void check_matching(void)
{
    ls_context *context;
    ls_dataset *dataset;
    ls_error error;
    ls_match_counts counts;
    CHECK(ls_context_new(NULL, 0, &context) == LS_OK);
    CHECK(ls_dataset_new(context, &dataset, &error) == LS_OK);
    CHECK(read_world(dataset, &error) == LS_OK);
    CHECK(match(dataset, &counts, &error) == LS_OK);
    CHECK(counts.associated == 1 && counts.by_domain == 1 && counts.by_name == 1);
    CHECK(counts.unmatched == 1 && counts.several == 1 && counts.free_mail == 0);
    CHECK(ls_dataset_match_of(dataset, 0).by_domain == LS_MATCH_NOT_ASKED);
    CHECK(ls_dataset_match_of(dataset, 1).by_domain == LS_MATCHED);
    CHECK(ls_dataset_match_of(dataset, 2).by_domain == LS_MATCH_FREE_MAIL);
    CHECK(ls_dataset_match_of(dataset, 2).by_name == LS_MATCHED);
    CHECK(ls_dataset_match_of(dataset, 3).by_domain == LS_MATCH_SEVERAL);
    CHECK(ls_dataset_match_of(dataset, 99).by_domain == LS_MATCH_NOT_ASKED);
    CHECK(group(dataset, &error) == LS_OK);
    CHECK(match(dataset, &counts, &error) == LS_ERROR_USAGE);
    CHECK(is(associated(dataset, LS_CONTACT, "p2", LS_COMPANY), "c2[primary,matched by domain]"));
    CHECK(is(associated(dataset, LS_CONTACT, "p3", LS_COMPANY), "c1[primary,matched by name]"));
    ls_dataset_close(dataset);
    ls_context_close(context);
}

/* ---- memory that runs out -------------------------------------------------------------------- */

static int run_all(ls_context *context, ls_error *error)
{
    ls_dataset *dataset;
    ls_match_counts counts;
    int status = ls_dataset_new(context, &dataset, error);
    if (status != LS_OK)
        return status;
    status = read_world(dataset, error);
    if (status == LS_OK)
        status = match(dataset, &counts, error);
    if (status == LS_OK)
        status = group(dataset, error);
    ls_dataset_close(dataset);
    return status;
}

static void check_allocations(void)
{
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        faults state = {.fail_at = n};
        ls_allocator allocator = {faults_reallocate, &state};
        ls_context *context;
        ls_error error;
        int status = ls_context_new(&allocator, 0, &context);
        if (status == LS_OK) {
            status = run_all(context, &error);
            ls_context_close(context);
        }
        failed = state.failed;
        CHECK(status == (failed ? LS_ERROR_MEMORY : LS_OK) || (failed && status == LS_OK));
        CHECK(state.bytes == 0);
        if (failures > 5 || n > 100000)
            break;
    }
    CHECK(n > 50);
}

/* ---- size ------------------------------------------------------------------------------------ */

typedef struct text {
    char *data;
    size_t length, capacity;
} text;

static void add(text *to, const char *piece)
{
    size_t length = strlen(piece);
    while (to->capacity < to->length + length + 1) {
        to->capacity = to->capacity ? 2 * to->capacity : 4096;
        to->data = realloc(to->data, to->capacity);
        if (to->data == NULL)
            exit(1);
    }
    memcpy(to->data + to->length, piece, length + 1);
    to->length += length;
}

static void add_ids(text *to, const char *header, const char *format, size_t count)
{
    char line[100];
    add(to, header);
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, format, i);
        add(to, line);
    }
}

/* Seconds to read and build: `people` contacts at company c0, and contact p0 at `firms` companies.
 */
static double build_skewed(size_t people, size_t firms, size_t *peak)
{
    text all = {NULL, 0, 0}, orgs = {NULL, 0, 0}, rows = {NULL, 0, 0};
    char line[100];
    ls_context *context;
    ls_dataset *dataset;
    ls_error error;
    add_ids(&all, "id,company_id\n", "p%zu,c0\n", people);
    add_ids(&orgs, "id\n", "c%zu\n", firms);
    add(&rows, "from_object,from_id,to_object,to_id,label\n");
    for (size_t i = firms; i-- > 0;) {
        snprintf(line, sizeof line, "contact,p0,company,c%zu,Label %zu\n", i, i % 7);
        add(&rows, line);
    }
    CHECK(ls_context_new(NULL, 0, &context) == LS_OK);
    CHECK(ls_dataset_new(context, &dataset, &error) == LS_OK);
    clock_t start = clock();
    CHECK(read_text(dataset, LS_INPUT_CONTACTS, all.data, &error) == LS_OK);
    CHECK(read_text(dataset, LS_INPUT_COMPANIES, orgs.data, &error) == LS_OK);
    CHECK(read_text(dataset, LS_INPUT_ASSOCIATIONS, rows.data, &error) == LS_OK);
    CHECK(group(dataset, &error) == LS_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK(ls_dataset_associated(dataset, LS_COMPANY, 0, LS_CONTACT).count == people);
    CHECK(ls_dataset_associated(dataset, LS_CONTACT, 0, LS_COMPANY).count == firms);
    *peak = ls_context_peak(context);
    ls_dataset_close(dataset);
    ls_context_close(context);
    free(all.data);
    free(orgs.data);
    free(rows.data);
    return seconds;
}

/* Ten times as much takes about ten times the memory and time: a square would be a hundred times.
 */
static void check_size(void)
{
    size_t small_peak, large_peak;
    double small = build_skewed(20000, 500, &small_peak);
    double large = build_skewed(200000, 5000, &large_peak);
    printf("200,000 contacts at one company, one contact at 5,000: %.3f s, %.1f MB\n", large,
           (double)large_peak / 1e6);
    CHECK(large_peak < 15 * small_peak);
    CHECK(large < 40 * small + 0.5);
}

int main(void)
{
    check_both_ways();
    check_refused();
    check_matching();
    check_allocations();
    check_size();
    if (failures == 0)
        printf("links: as expected\n");
    return failures != 0;
}
