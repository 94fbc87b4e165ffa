/* Writes the scores of one object in input order, through the caller's writer.
 *
 * Where several threads scored, as many make the rows: each takes parts of them, in memory that was
 * asked for before, while the caller's thread writes the parts before these. What a part had no
 * room for is made by the caller's thread. */
#include "ls_threads.h"
#include "ls_write_row.h"

/* Bytes that are written at once. */
#define CHUNK ((size_t)64 * 1024)
/* Rows whose lengths say how many a part can take, and how many are worth threads. */
#define SAMPLE ((size_t)256)
#define LEAST_SHARED ((size_t)8 * 1024)
/* Parts of a set for each thread. */
#define SHARE 4

/* Rows before `row` are in the text, those from there to `end` are not. */
typedef struct part {
    ls_buffer text;
    size_t row, end;
} part;

typedef struct write_job {
    ls_job job; /* first */
    ls_row_writer rows;
    bool begun;
    ls_writer writer;
    void *user;
    ls_buffer text;
    size_t row;
    unsigned threads;
    part *parts;       /* of two sets: while one is made, the other is written */
    size_t part_count; /* of a set */
    size_t part_rows;
    int shared; /* the set that is made */
    ls_crew crew;
} write_job;

/* ---- one thread ------------------------------------------------------------------------------ */

static int write_text(const write_job *job, ls_buffer *text, ls_error *error)
{
    if (text->failed)
        return ls_fail_memory(error);
    if (text->length != 0 && job->writer(job->user, text->data, text->length) != 0)
        return ls_fail(error, LS_ERROR_IO, "cannot write the scores");
    text->length = 0;
    return LS_OK;
}

/* Makes the rows before `last`, and writes them but for the last ones. */
static int write_rows(write_job *job, size_t last, ls_error *error)
{
    int status = LS_OK;
    while (job->row < last && status == LS_OK) {
        status = ls_write_row(&job->rows, job->row, &job->text, error);
        job->row += status == LS_OK;
        if (status == LS_OK && job->text.length >= CHUNK)
            status = write_text(job, &job->text, error);
    }
    return status;
}

/* ---- several --------------------------------------------------------------------------------- */

static part *part_of(const write_job *job, int set, size_t i)
{
    return &job->parts[(size_t)set * job->part_count + i];
}

static void make_part(void *user, unsigned thread, size_t task)
{
    const write_job *job = user;
    part *part = part_of(job, job->shared, task);
    ls_error error;
    (void)thread;
    while (part->row < part->end && ls_row_fits(&job->rows, part->row, &part->text) &&
           ls_write_row(&job->rows, part->row, &part->text, &error) == LS_OK)
        part->row++;
}

static void free_parts(write_job *job)
{
    for (size_t i = 0; job->parts != NULL && i < 2 * job->part_count; i++)
        ls_buffer_free(&job->parts[i].text);
    ls_free(job->job.context, job->parts, 2 * job->part_count * sizeof *job->parts);
    job->parts = NULL;
}

/* False: there is no memory for them; one thread does without. */
static bool make_parts(write_job *job)
{
    ls_context *context = job->job.context;
    job->part_count = SHARE * (size_t)job->threads;
    job->parts = ls_allocate_zero(context, 2 * job->part_count, sizeof *job->parts);
    bool done = job->parts != NULL;
    for (size_t i = 0; i < 2 * job->part_count && done; i++) {
        ls_buffer *text = &job->parts[i].text;
        text->context = context;
        done = ls_grow(context, &text->data, &text->capacity, CHUNK, 1) == LS_OK;
    }
    if (!done)
        free_parts(job);
    return done;
}

/* Writes some rows alone, which say how long rows are. */
static int write_sample(write_job *job, ls_error *error)
{
    int status = write_text(job, &job->text, error);
    for (size_t i = 0; i < SAMPLE && status == LS_OK; i++)
        status = ls_write_row(&job->rows, job->row++, &job->text, error);
    job->part_rows = CHUNK / 4 * 3 / (job->text.length / SAMPLE + 1) + 1;
    return status == LS_OK ? write_text(job, &job->text, error) : status;
}

/* Gives the parts of a set rows from `row` on; answers how many have some. */
static size_t share_rows(write_job *job, int set, size_t *row, size_t last)
{
    size_t count = 0;
    for (size_t i = 0; i < job->part_count; i++) {
        part *part = part_of(job, set, i);
        part->text.length = 0;
        part->row = *row;
        *row = last - *row < job->part_rows ? last : *row + job->part_rows;
        part->end = *row;
        count += part->end != part->row;
    }
    return count;
}

static int write_set(write_job *job, int set, ls_error *error)
{
    int status = LS_OK;
    for (size_t i = 0; i < job->part_count && status == LS_OK; i++) {
        part *part = part_of(job, set, i);
        status = write_text(job, &part->text, error);
        if (status == LS_OK && part->end != 0) {
            job->row = part->row;
            status = write_rows(job, part->end, error);
        }
        if (status == LS_OK)
            status = write_text(job, &job->text, error);
        part->row = part->end = 0;
    }
    return status;
}

static int write_shared(write_job *job, size_t last, ls_error *error)
{
    int set = 0, status = write_sample(job, error);
    size_t row = job->row;
    ls_crew_start(&job->crew, job->threads, make_part, job);
    while (status == LS_OK && row < last) {
        job->shared = set;
        ls_crew_begin(&job->crew, share_rows(job, set, &row, last));
        status = write_set(job, 1 - set, error);
        ls_crew_end(&job->crew);
        set = 1 - set;
    }
    ls_crew_stop(&job->crew);
    return status == LS_OK ? write_set(job, 1 - set, error) : status;
}

/* ---- the job --------------------------------------------------------------------------------- */

static int begin(write_job *job, ls_error *error)
{
    if (ls_row_writer_init(&job->rows, job->job.context) != LS_OK)
        return ls_fail_memory(error);
    if (job->rows.format == LS_FORMAT_CSV)
        ls_write_heading(&job->rows, &job->text);
    job->begun = true;
    return LS_OK;
}

static int step(ls_job *base, uint64_t budget, ls_error *error)
{
    write_job *job = (write_job *)base;
    size_t rows = ls_result_count(job->rows.result, job->rows.object), left = rows - job->row;
    size_t last = job->row + (budget == 0 || budget > left ? left : (size_t)budget);
    int status = job->begun ? LS_OK : begin(job, error);
    const bool shared = status == LS_OK && job->threads > 1 && last - job->row >= LEAST_SHARED &&
                        (job->parts != NULL || make_parts(job));
    if (shared)
        status = write_shared(job, last, error);
    else if (status == LS_OK)
        status = write_rows(job, last, error);
    base->progress.done = job->row;
    if (status == LS_OK)
        status = write_text(job, &job->text, error);
    return status != LS_OK ? status : job->row < rows ? LS_MORE : LS_OK;
}

static void close_job(ls_job *base)
{
    write_job *job = (write_job *)base;
    ls_context *context = base->context;
    free_parts(job);
    ls_buffer_free(&job->text);
    ls_row_writer_free(&job->rows);
    ls_result_close((ls_result *)(uintptr_t)job->rows.result);
    ls_free(context, job, sizeof *job);
    ls_context_release(context);
}

int ls_result_write(const ls_result *result, ls_object object, ls_format format, bool extra,
                    ls_writer writer, void *user, ls_job **out, ls_error *error)
{
    ls_context *context = result->context;
    write_job *job = ls_allocate_zero(context, 1, sizeof *job);
    *out = NULL;
    if (job == NULL)
        return ls_fail_memory(error);
    job->job = (ls_job){.context = context, .step = step, .close = close_job};
    job->job.progress = (ls_progress){"write", "records", 0, ls_result_count(result, object)};
    job->rows =
        (ls_row_writer){.result = result, .object = object, .format = format, .extra = extra};
    job->writer = writer;
    job->user = user;
    job->threads = extra ? 1 : result->threads;
    job->text.context = context;
    ls_result_retain(result);
    ls_context_retain(context);
    *out = &job->job;
    return LS_OK;
}
