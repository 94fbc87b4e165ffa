/* Writes the scores of one object as CSV or NDJSON, in input order, through the caller's writer.
 * Numbers are exact; what is empty is an empty cell, in NDJSON null.
 *
 * All but ids and numbers is made once: what stands before each number, and every label as it is
 * written. A row is then copied together without asking again what needs quotes. */
#include "ls_json.h"
#include "ls_result.h"

#define CHUNK ((size_t)64 * 1024)

/* Texts that are made here can be read so far past their end: most are copied with one move. */
#define SLACK 16

/* What is written of a definition's scores. All begin with what stands before the cell. */
typedef struct score_texts {
    size_t definition;
    const ls_score_column *column;
    ls_string value, engagement, fit; /* the numbers follow */
    ls_string next_change;            /* the time follows, and time_end */
    ls_string time_end;
    ls_string empty;                            /* the numbers' cells and the label's */
    ls_string scored, not_scored, out_of_scope; /* the last where it is not known */
    ls_string unchanging;
    ls_string *labels; /* made when they first occur; NULL where there are none */
    bool combined;
} score_texts;

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
    ls_arena arena;      /* of what follows */
    score_texts *scores; /* NULL: not made yet */
    size_t score_count;
    ls_buffer made; /* the text that is being made */
} write_job;

/* ---- cells ----------------------------------------------------------------------------------- */

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

static void add_heading(ls_buffer *text, const ls_definition *definition, const char *part)
{
    ls_buffer_add(text, ",", 1);
    ls_buffer_add(text, definition->name.text, definition->name.length);
    ls_buffer_add_text(text, part);
}

/* What stands before a cell: in CSV a comma, in NDJSON also its key. */
static void add_before(write_job *job, size_t definition, const char *part)
{
    const ls_string name = job->result->plan->definitions[definition].name;
    char key[128]; /* a name has at most 63 bytes; longer ones of foreign canonical texts are cut */
    size_t length = name.length < 80 ? name.length : 80;
    if (job->format == LS_FORMAT_CSV) {
        ls_buffer_add(&job->made, ",", 1);
        return;
    }
    ls_json_writer json = {.buffer = &job->made, .comma = true};
    memcpy(key, name.text, length);
    memcpy(key + length, part, strlen(part) + 1);
    ls_json_key(&json, key);
}

/* Nothing, or in NDJSON null. */
static void add_nothing(write_job *job)
{
    ls_buffer_add_text(&job->made, job->format == LS_FORMAT_CSV ? "" : "null");
}

/* Takes what was made. */
static ls_string take(write_job *job)
{
    ls_string text = {NULL, job->made.length};
    char *copy = job->made.failed ? NULL : ls_arena_allocate(&job->arena, text.length + SLACK);
    if (copy != NULL && text.length != 0) {
        memcpy(copy, job->made.data, text.length);
    }
    job->made.length = 0;
    text.text = copy;
    return text;
}

static ls_string make_cell(write_job *job, size_t definition, const char *part, const char *cell)
{
    add_before(job, definition, part);
    if (cell != NULL) {
        ls_buffer_add_text(&job->made, cell);
    } else {
        add_nothing(job);
    }
    return take(job);
}

static ls_string make_empty(write_job *job, size_t definition, bool combined)
{
    add_before(job, definition, "");
    add_nothing(job);
    if (combined) {
        add_before(job, definition, "_engagement");
        add_nothing(job);
        add_before(job, definition, "_fit");
        add_nothing(job);
    }
    if (job->result->plan->definitions[definition].label_count > 0) {
        add_before(job, definition, "_label");
        add_nothing(job);
    }
    return take(job);
}

static ls_string make_label(write_job *job, size_t definition, size_t number)
{
    const char *label = job->result->plan->definitions[definition].labels[number];
    ls_json_writer json = {.buffer = &job->made};
    add_before(job, definition, "_label");
    if (job->format == LS_FORMAT_CSV) {
        add_field(&job->made, label, strlen(label));
    } else {
        ls_json_text(&json, label, strlen(label));
    }
    return take(job);
}

/* False: no memory. */
static bool make_score(write_job *job, size_t definition, score_texts *out)
{
    const ls_plan *plan = job->result->plan;
    size_t labels = plan->definitions[definition].label_count;
    bool json = job->format == LS_FORMAT_NDJSON;
    out->definition = definition;
    out->column = &job->result->columns[definition];
    out->combined = ls_plan_combined(plan, definition);
    out->value = make_cell(job, definition, "", "");
    out->engagement = make_cell(job, definition, "_engagement", "");
    out->fit = make_cell(job, definition, "_fit", "");
    out->next_change = make_cell(job, definition, "_next_change_at", json ? "\"" : "");
    out->time_end = (ls_string){"\"               ", json};
    out->empty = make_empty(job, definition, out->combined);
    out->scored = make_cell(job, definition, "_scored", "true");
    out->not_scored = make_cell(job, definition, "_scored", "false");
    out->out_of_scope = make_cell(job, definition, "_scored", NULL);
    out->unchanging = make_cell(job, definition, "_next_change_at", NULL);
    if (labels > 0) {
        out->labels = ls_arena_allocate(&job->arena, labels * sizeof *out->labels);
    }
    return out->value.text && out->engagement.text && out->fit.text && out->next_change.text &&
           out->empty.text && out->scored.text && out->not_scored.text && out->out_of_scope.text &&
           out->unchanging.text && (labels == 0 || out->labels);
}

static int make_scores(write_job *job, ls_error *error)
{
    const ls_plan *plan = job->result->plan;
    score_texts *scores = ls_arena_allocate(&job->arena, plan->count * sizeof *scores);
    size_t count = 0;
    for (size_t i = 0; scores != NULL && i < plan->count; i++) {
        if (plan->definitions[i].object == job->object && !make_score(job, i, &scores[count++])) {
            scores = NULL;
        }
    }
    job->scores = scores;
    job->score_count = count;
    return scores != NULL ? LS_OK : ls_fail_memory(error);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Room for so many bytes at the end of the text; NULL: no memory. */
LS_INLINE char *reserve(ls_buffer *text, size_t size)
{
    if (LS_UNLIKELY(size > text->capacity - text->length) &&
        ls_grow(text->context, &text->data, &text->capacity, text->length + size, 1) != LS_OK) {
        text->failed = true;
        return NULL;
    }
    return text->data + text->length;
}

/* Writes up to SLACK bytes more than the text has. */
LS_INLINE char *put(char *p, ls_string text)
{
    memcpy(p, text.text, SLACK);
    if (LS_UNLIKELY(text.length > SLACK)) {
        memcpy(p + SLACK, text.text + SLACK, text.length - SLACK);
    }
    return p + text.length;
}

#define EACH_BYTE (UINT64_MAX / 255)

/* Whether one of the bytes is below '-', as are all that ask for quotes. */
LS_INLINE bool has_low_byte(uint64_t word)
{
    return ((word - EACH_BYTE * '-') & ~word & EACH_BYTE * 128) != 0;
}

/* Writes a field of a dictionary (LS_TEXT_SLACK) unless it may need quotes: then NULL. Writes up to
 * a word more than it has. */
LS_INLINE char *put_plain(char *p, ls_string field)
{
    size_t i = 0;
    for (; i + 8 < field.length; i += 8) {
        if (has_low_byte(ls_load_64(field.text + i))) {
            return NULL;
        }
        memcpy(p + i, field.text + i, 8);
    }
    uint64_t beyond =
        field.length == i ? UINT64_MAX : ~(UINT64_MAX >> (64 - 8 * (field.length - i)));
    if (has_low_byte(ls_load_64(field.text + i) | beyond)) {
        return NULL;
    }
    memcpy(p + i, field.text + i, 8);
    return p + field.length;
}

static void add_id(write_job *job)
{
    const ls_table *table = &job->result->dataset->tables[job->object];
    ls_string id = ls_dictionary_text(&table->id.dictionary, ls_column_code(&table->id, job->row));
    if (job->format == LS_FORMAT_NDJSON) {
        ls_json_writer json = {.buffer = &job->text};
        ls_buffer_add(&job->text, "{\"id\":", 6);
        ls_json_text(&json, id.text, id.length);
        return;
    }
    char *start = reserve(&job->text, id.length + LS_TEXT_SLACK);
    char *end = start != NULL ? put_plain(start, id) : NULL;
    if (end != NULL) {
        job->text.length += id.length;
    } else {
        add_field(&job->text, id.text, id.length);
    }
}

static const ls_string *label_of(write_job *job, const score_texts *score)
{
    size_t number = (size_t)score->column->label[job->row];
    ls_string *label = &score->labels[number];
    if (LS_UNLIKELY(label->text == NULL)) {
        *label = make_label(job, score->definition, number);
    }
    return label->text != NULL ? label : NULL;
}

/* A number's cell has up to so many bytes beside what stands before it. */
#define CELL (LS_POINTS_TEXT + SLACK)

/* The numbers and the label of a score that is not empty; false: no memory. */
static bool add_cells(write_job *job, const score_texts *score)
{
    static const ls_string none = {"                ", 0};
    const ls_score_column *column = score->column;
    const ls_string *label = score->labels ? label_of(job, score) : &none;
    if (label == NULL) {
        return false;
    }
    char *p = reserve(&job->text, score->value.length + score->engagement.length +
                                      score->fit.length + label->length + (size_t)4 * CELL);
    if (p == NULL) {
        return false;
    }
    p = put(p, score->value);
    p += ls_print_points(column->value[job->row], p);
    if (score->combined) {
        p = put(p, score->engagement);
        p += ls_print_points(column->engagement[job->row], p);
        p = put(p, score->fit);
        p += ls_print_points(column->fit[job->row], p);
    }
    p = put(p, *label);
    job->text.length = (size_t)(p - job->text.data);
    return true;
}

static void add(write_job *job, ls_string text)
{
    ls_buffer_add(&job->text, text.text, text.length);
}

static int add_extra(write_job *job, const score_texts *score, uint8_t flags, ls_error *error)
{
    char time[LS_TIME_TEXT];
    int64_t at = 0;
    bool known = false;
    if ((flags & LS_FLAG_IN_SCOPE) == 0) {
        add(job, score->out_of_scope);
    } else {
        add(job, (flags & LS_FLAG_SCORED) != 0 ? score->scored : score->not_scored);
    }
    int status =
        ls_result_next_change(job->result, score->definition, job->row, &known, &at, error);
    if (status == LS_OK && known) {
        add(job, score->next_change);
        ls_buffer_add(&job->text, time, ls_print_time(at, time));
        add(job, score->time_end);
    } else {
        add(job, score->unchanging);
    }
    return status;
}

static int add_score(write_job *job, const score_texts *score, ls_error *error)
{
    uint8_t flags = score->column->flags[job->row];
    if ((flags & LS_FLAG_IN_SCOPE) == 0 || (flags & LS_FLAG_EMPTY) != 0) {
        add(job, score->empty);
    } else if (!add_cells(job, score)) {
        return ls_fail_memory(error);
    }
    return job->extra ? add_extra(job, score, flags, error) : LS_OK;
}

static int add_row(write_job *job, ls_error *error)
{
    int status = LS_OK;
    add_id(job);
    for (size_t i = 0; i < job->score_count && status == LS_OK; i++) {
        status = add_score(job, &job->scores[i], error);
    }
    if (job->format == LS_FORMAT_NDJSON) {
        ls_buffer_add(&job->text, "}\n", 2);
    } else {
        ls_buffer_add(&job->text, "\n", 1);
    }
    return status;
}

/* ---- the job --------------------------------------------------------------------------------- */

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
    int status = job->scores != NULL ? LS_OK : make_scores(job, error);
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
    ls_buffer_free(&job->made);
    ls_arena_free(&job->arena);
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
    job->text.context = job->made.context = job->arena.context = context;
    ls_result_retain(result);
    ls_context_retain(context);
    *out = &job->job;
    return LS_OK;
}
