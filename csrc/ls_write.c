/* Writes the scores of one object as CSV or NDJSON, in input order, through the caller's writer.
 * Numbers are exact; what is empty is an empty cell, in NDJSON null. */
#include "ls_json.h"
#include "ls_result.h"

#define CHUNK (256 * 1024)

typedef struct write_job {
    ls_job job; /* first */
    const ls_result *result;
    ls_object object;
    ls_format format;
    bool extra, headed;
    ls_writer writer;
    void *user;
    ls_buffer text;
    size_t row;
} write_job;

/* ---- CSV
 * ------------------------------------------------------------------------------------------- */

/* Quoted where RFC 4180 asks for it, and for outer blanks, which readers of CSV may trim. */
static void add_field(ls_buffer *text, const char *field, size_t length)
{
    bool quote = length > 0 && (field[0] == ' ' || field[length - 1] == ' ');
    for (size_t i = 0; i < length && !quote; i++) {
        quote = field[i] == ',' || field[i] == '"' || field[i] == '\n' || field[i] == '\r';
    }
    if (!quote) {
        ls_buffer_add(text, field, length);
        return;
    }
    ls_buffer_add(text, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        ls_buffer_add(text, field + i, 1);
        if (field[i] == '"') {
            ls_buffer_add(text, "\"", 1);
        }
    }
    ls_buffer_add(text, "\"", 1);
}

static void add_points(ls_buffer *text, bool empty, int64_t points)
{
    char number[LS_POINTS_TEXT];
    ls_buffer_add(text, ",", 1);
    if (!empty) {
        ls_buffer_add(text, number, ls_print_points(points, number));
    }
}

static void add_heading(ls_buffer *text, const ls_definition *definition, const char *part)
{
    ls_buffer_add(text, ",", 1);
    ls_buffer_add(text, definition->name.text, definition->name.length);
    ls_buffer_add_text(text, part);
}

static void add_header(write_job *job)
{
    const ls_plan *plan = job->result->plan;
    ls_buffer_add_text(&job->text, "id");
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        if (definition->object != job->object) {
            continue;
        }
        add_heading(&job->text, definition, "");
        if (ls_plan_combined(plan, i)) {
            add_heading(&job->text, definition, "_engagement");
            add_heading(&job->text, definition, "_fit");
        }
        if (definition->label_count > 0) {
            add_heading(&job->text, definition, "_label");
        }
        if (job->extra) {
            add_heading(&job->text, definition, "_scored");
            add_heading(&job->text, definition, "_next_change_at");
        }
    }
    ls_buffer_add(&job->text, "\n", 1);
}

static int next_change(write_job *job, size_t definition, bool *known, int64_t *at, ls_error *error)
{
    return ls_result_next_change(job->result, definition, job->row, known, at, error);
}

static int add_csv_extra(write_job *job, size_t definition, const ls_score *score, ls_error *error)
{
    char time[LS_TIME_TEXT];
    int64_t at = 0;
    bool known = false;
    if (score->in_scope) {
        ls_buffer_add_text(&job->text, score->scored ? ",true" : ",false");
    } else {
        ls_buffer_add_text(&job->text, ",");
    }
    int status = next_change(job, definition, &known, &at, error);
    ls_buffer_add(&job->text, ",", 1);
    if (status == LS_OK && known) {
        ls_buffer_add(&job->text, time, ls_print_time(at, time));
    }
    return status;
}

static int add_csv_score(write_job *job, size_t definition, ls_error *error)
{
    const ls_plan *plan = job->result->plan;
    ls_score score;
    ls_result_get(job->result, definition, job->row, &score);
    add_points(&job->text, score.empty, score.value);
    if (ls_plan_combined(plan, definition)) {
        add_points(&job->text, score.empty, score.engagement);
        add_points(&job->text, score.empty, score.fit);
    }
    if (plan->definitions[definition].label_count > 0) {
        ls_buffer_add(&job->text, ",", 1);
        if (score.label) {
            add_field(&job->text, score.label, strlen(score.label));
        }
    }
    return job->extra ? add_csv_extra(job, definition, &score, error) : LS_OK;
}

/* ---- NDJSON
 * ---------------------------------------------------------------------------------------- */

typedef struct member {
    ls_json_writer *json;
    const ls_definition *definition;
} member;

static void add_key(member member, const char *part)
{
    char key[128]; /* a name has at most 63 bytes; longer ones of foreign canonical texts are cut */
    size_t length = member.definition->name.length < 80 ? member.definition->name.length : 80;
    memcpy(key, member.definition->name.text, length);
    memcpy(key + length, part, strlen(part) + 1);
    ls_json_key(member.json, key);
}

static void add_json_points(member member, const char *part, bool empty, int64_t points)
{
    add_key(member, part);
    if (empty) {
        ls_json_null(member.json);
    } else {
        ls_json_points(member.json, points);
    }
}

static int add_json_extra(write_job *job, member member, size_t definition, const ls_score *score,
                          ls_error *error)
{
    int64_t at = 0;
    bool known = false;
    int status = next_change(job, definition, &known, &at, error);
    add_key(member, "_scored");
    if (score->in_scope) {
        ls_json_boolean(member.json, score->scored);
    } else {
        ls_json_null(member.json);
    }
    add_key(member, "_next_change_at");
    if (known) {
        ls_json_time(member.json, at);
    } else {
        ls_json_null(member.json);
    }
    return status;
}

static int add_json_score(write_job *job, ls_json_writer *json, size_t definition, ls_error *error)
{
    const ls_plan *plan = job->result->plan;
    member member = {json, &plan->definitions[definition]};
    ls_score score;
    ls_result_get(job->result, definition, job->row, &score);
    add_json_points(member, "", score.empty, score.value);
    if (ls_plan_combined(plan, definition)) {
        add_json_points(member, "_engagement", score.empty, score.engagement);
        add_json_points(member, "_fit", score.empty, score.fit);
    }
    if (member.definition->label_count > 0) {
        add_key(member, "_label");
        if (score.label) {
            ls_json_text(json, score.label, strlen(score.label));
        } else {
            ls_json_null(json);
        }
    }
    return job->extra ? add_json_extra(job, member, definition, &score, error) : LS_OK;
}

/* ---- the job
 * --------------------------------------------------------------------------------------- */

static int add_row(write_job *job, ls_error *error)
{
    const ls_plan *plan = job->result->plan;
    ls_json_writer json = {.buffer = &job->text};
    size_t length;
    const char *id = ls_dataset_id(job->result->dataset, job->object, job->row, &length);
    int status = LS_OK;
    if (job->format == LS_FORMAT_CSV) {
        add_field(&job->text, id, length);
    } else {
        ls_json_open(&json, '{');
        ls_json_key(&json, "id");
        ls_json_text(&json, id, length);
    }
    for (size_t i = 0; i < plan->count && status == LS_OK; i++) {
        if (plan->definitions[i].object == job->object) {
            status = job->format == LS_FORMAT_CSV ? add_csv_score(job, i, error)
                                                  : add_json_score(job, &json, i, error);
        }
    }
    if (job->format == LS_FORMAT_NDJSON) {
        ls_json_close(&json, '}');
    }
    ls_buffer_add(&job->text, "\n", 1);
    return status;
}

static int flush(write_job *job, ls_error *error)
{
    if (job->text.failed) {
        return ls_fail_memory(error);
    }
    if (job->text.length > 0 && job->writer(job->user, job->text.data, job->text.length) != 0) {
        return ls_fail(error, LS_ERROR_IO, "cannot write the scores");
    }
    job->text.length = 0;
    return LS_OK;
}

static int step(ls_job *base, uint64_t budget, ls_error *error)
{
    write_job *job = (write_job *)base;
    size_t rows = ls_result_count(job->result, job->object), left = rows - job->row;
    size_t last = job->row + (budget == 0 || budget > left ? left : (size_t)budget);
    int status = LS_OK;
    if (!job->headed && job->format == LS_FORMAT_CSV) {
        add_header(job);
    }
    job->headed = true;
    while (job->row < last && status == LS_OK) {
        status = add_row(job, error);
        job->row += status == LS_OK;
        if (status == LS_OK && job->text.length >= CHUNK) {
            status = flush(job, error);
        }
    }
    base->progress.done = job->row;
    if (status == LS_OK) {
        status = flush(job, error);
    }
    return status != LS_OK ? status : job->row < rows ? LS_MORE : LS_OK;
}

static void close_job(ls_job *base)
{
    write_job *job = (write_job *)base;
    ls_context *context = base->context;
    ls_buffer_free(&job->text);
    ls_result_close((ls_result *)(uintptr_t)job->result);
    ls_free(context, job, sizeof *job);
    ls_context_release(context);
}

int ls_result_write(const ls_result *result, ls_object object, ls_format format, bool extra,
                    ls_writer writer, void *user, ls_job **out, ls_error *error)
{
    ls_context *context = result->context;
    write_job *job = ls_allocate_zero(context, 1, sizeof *job);
    *out = NULL;
    if (job == NULL) {
        return ls_fail_memory(error);
    }
    job->job = (ls_job){.context = context, .step = step, .close = close_job};
    job->job.progress = (ls_progress){"write", "records", 0, ls_result_count(result, object)};
    job->result = result;
    job->object = object;
    job->format = format;
    job->extra = extra;
    job->writer = writer;
    job->user = user;
    job->text.context = context;
    ls_result_retain(result);
    ls_context_retain(context);
    *out = &job->job;
    return LS_OK;
}
