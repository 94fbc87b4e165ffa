/* All but ids and numbers is made once: what stands before each number, and every label as it is
 * written. A row is then copied together without asking again what needs quotes. */
#include "ls_write_row.h"

#include "ls_json.h"

/* Texts that are made here can be read so far past their end: most are copied with one move. */
#define SLACK 16

/* A number's cell has up to so many bytes beside what stands before it. */
#define CELL (LS_POINTS_TEXT + SLACK)
/* Bytes that a byte of an id may become (in JSON), and those around an id and at a row's end. */
#define LONGEST_ESCAPE 6
#define ROW_END 32

/* What is written of a definition's scores. All begin with what stands before the cell. */
typedef struct ls_score_texts {
    size_t definition;
    const ls_score_column *column;
    ls_string value, engagement, fit; /* the numbers follow */
    ls_string next_change;            /* the time follows, and time_end */
    ls_string time_end;
    ls_string empty;                            /* the numbers' cells and the label's */
    ls_string scored, not_scored, out_of_scope; /* the last where it is not known */
    ls_string unchanging;
    ls_string *labels; /* NULL where there are none */
    bool combined;
} score_texts;

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

/* What stands before a cell: in CSV a comma, in NDJSON also its key. */
static void add_before(ls_row_writer *writer, size_t definition, const char *part)
{
    const ls_string name = writer->result->plan->definitions[definition].name;
    char key[128]; /* a name has at most 63 bytes; longer ones of foreign canonical texts are cut */
    size_t length = name.length < 80 ? name.length : 80;
    if (writer->format == LS_FORMAT_CSV) {
        ls_buffer_add(&writer->made, ",", 1);
        return;
    }
    ls_json_writer json = {.buffer = &writer->made, .comma = true};
    memcpy(key, name.text, length);
    memcpy(key + length, part, strlen(part) + 1);
    ls_json_key(&json, key);
}

/* Nothing, or in NDJSON null. */
static void add_nothing(ls_row_writer *writer)
{
    ls_buffer_add_text(&writer->made, writer->format == LS_FORMAT_CSV ? "" : "null");
}

/* Takes what was made. */
static ls_string take(ls_row_writer *writer)
{
    ls_string text = {NULL, writer->made.length};
    char *copy =
        writer->made.failed ? NULL : ls_arena_allocate(&writer->arena, text.length + SLACK);
    if (copy != NULL && text.length != 0) {
        memcpy(copy, writer->made.data, text.length);
    }
    writer->made.length = 0;
    text.text = copy;
    return text;
}

static ls_string make_cell(ls_row_writer *writer, size_t definition, const char *part,
                           const char *cell)
{
    add_before(writer, definition, part);
    if (cell != NULL) {
        ls_buffer_add_text(&writer->made, cell);
    } else {
        add_nothing(writer);
    }
    return take(writer);
}

static ls_string make_empty(ls_row_writer *writer, size_t definition, bool combined)
{
    add_before(writer, definition, "");
    add_nothing(writer);
    if (combined) {
        add_before(writer, definition, "_engagement");
        add_nothing(writer);
        add_before(writer, definition, "_fit");
        add_nothing(writer);
    }
    if (writer->result->plan->definitions[definition].label_count > 0) {
        add_before(writer, definition, "_label");
        add_nothing(writer);
    }
    return take(writer);
}

static ls_string make_label(ls_row_writer *writer, size_t definition, size_t number)
{
    const char *label = writer->result->plan->definitions[definition].labels[number];
    ls_json_writer json = {.buffer = &writer->made};
    add_before(writer, definition, "_label");
    if (writer->format == LS_FORMAT_CSV) {
        add_field(&writer->made, label, strlen(label));
    } else {
        ls_json_text(&json, label, strlen(label));
    }
    return take(writer);
}

/* All of them; NULL: no memory. */
static ls_string *make_labels(ls_row_writer *writer, size_t definition, size_t count,
                              size_t *longest)
{
    ls_string *labels = ls_arena_allocate(&writer->arena, count * sizeof *labels);
    for (size_t i = 0; i < count && labels != NULL; i++) {
        labels[i] = make_label(writer, definition, i);
        *longest = labels[i].length > *longest ? labels[i].length : *longest;
        labels = labels[i].text != NULL ? labels : NULL;
    }
    return labels;
}

/* False: no memory. */
static bool make_score(ls_row_writer *writer, size_t definition, score_texts *out)
{
    const ls_plan *plan = writer->result->plan;
    size_t labels = plan->definitions[definition].label_count, longest = 0;
    bool json = writer->format == LS_FORMAT_NDJSON;
    *out = (score_texts){.column = &writer->result->columns[definition], .definition = definition};
    out->combined = ls_plan_combined(plan, definition);
    out->value = make_cell(writer, definition, "", "");
    out->engagement = make_cell(writer, definition, "_engagement", "");
    out->fit = make_cell(writer, definition, "_fit", "");
    out->next_change = make_cell(writer, definition, "_next_change_at", json ? "\"" : "");
    out->time_end = (ls_string){"\"               ", json};
    out->empty = make_empty(writer, definition, out->combined);
    out->scored = make_cell(writer, definition, "_scored", "true");
    out->not_scored = make_cell(writer, definition, "_scored", "false");
    out->out_of_scope = make_cell(writer, definition, "_scored", NULL);
    out->unchanging = make_cell(writer, definition, "_next_change_at", NULL);
    if (labels > 0) {
        out->labels = make_labels(writer, definition, labels, &longest);
    }
    writer->longest += out->value.length + out->engagement.length + out->fit.length + longest +
                       (size_t)4 * CELL + out->empty.length;
    return out->value.text && out->engagement.text && out->fit.text && out->next_change.text &&
           out->empty.text && out->scored.text && out->not_scored.text && out->out_of_scope.text &&
           out->unchanging.text && (labels == 0 || out->labels);
}

int ls_row_writer_init(ls_row_writer *writer, ls_context *context)
{
    const ls_plan *plan = writer->result->plan;
    writer->arena.context = writer->made.context = context;
    writer->longest = ROW_END;
    writer->scores = ls_arena_allocate(&writer->arena, plan->count * sizeof *writer->scores);
    for (size_t i = 0; writer->scores != NULL && i < plan->count; i++) {
        if (plan->definitions[i].object == writer->object &&
            !make_score(writer, i, &writer->scores[writer->score_count++])) {
            writer->scores = NULL;
        }
    }
    return writer->scores != NULL ? LS_OK : LS_ERROR_MEMORY;
}

void ls_row_writer_free(ls_row_writer *writer)
{
    ls_buffer_free(&writer->made);
    ls_arena_free(&writer->arena);
}

/* ---- the heading ------------------------------------------------------------------------------
 */

static void add_heading(ls_buffer *text, const ls_definition *definition, const char *part)
{
    ls_buffer_add(text, ",", 1);
    ls_buffer_add(text, definition->name.text, definition->name.length);
    ls_buffer_add_text(text, part);
}

void ls_write_heading(const ls_row_writer *writer, ls_buffer *text)
{
    const ls_plan *plan = writer->result->plan;
    ls_buffer_add_text(text, "id");
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        if (definition->object != writer->object) {
            continue;
        }
        add_heading(text, definition, "");
        if (ls_plan_combined(plan, i)) {
            add_heading(text, definition, "_engagement");
            add_heading(text, definition, "_fit");
        }
        if (definition->label_count > 0) {
            add_heading(text, definition, "_label");
        }
        if (writer->extra) {
            add_heading(text, definition, "_scored");
            add_heading(text, definition, "_next_change_at");
        }
    }
    ls_buffer_add(text, "\n", 1);
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

static void add_id(const ls_row_writer *writer, size_t row, ls_buffer *text)
{
    const ls_table *table = &writer->result->dataset->tables[writer->object];
    ls_string id = ls_dictionary_text(&table->id.dictionary, ls_column_code(&table->id, row));
    if (writer->format == LS_FORMAT_NDJSON) {
        ls_json_writer json = {.buffer = text};
        ls_buffer_add(text, "{\"id\":", 6);
        ls_json_text(&json, id.text, id.length);
        return;
    }
    char *start = reserve(text, id.length + LS_TEXT_SLACK);
    char *end = start != NULL ? put_plain(start, id) : NULL;
    if (end != NULL) {
        text->length += id.length;
    } else {
        add_field(text, id.text, id.length);
    }
}

/* The numbers and the label of a score that is not empty; false: no memory. */
static bool add_cells(const score_texts *score, size_t row, ls_buffer *text)
{
    static const ls_string none = {"                ", 0};
    const ls_score_column *column = score->column;
    const ls_string *label = score->labels ? &score->labels[column->label[row]] : &none;
    char *p = reserve(text, score->value.length + score->engagement.length + score->fit.length +
                                label->length + (size_t)4 * CELL);
    if (p == NULL) {
        return false;
    }
    p = put(p, score->value);
    p += ls_print_points(column->value[row], p);
    if (score->combined) {
        p = put(p, score->engagement);
        p += ls_print_points(column->engagement[row], p);
        p = put(p, score->fit);
        p += ls_print_points(column->fit[row], p);
    }
    p = put(p, *label);
    text->length = (size_t)(p - text->data);
    return true;
}

static void add(ls_buffer *text, ls_string added)
{
    ls_buffer_add(text, added.text, added.length);
}

static int add_extra(const ls_row_writer *writer, const score_texts *score, size_t row,
                     ls_buffer *text, ls_error *error)
{
    const uint8_t flags = score->column->flags[row];
    char time[LS_TIME_TEXT];
    int64_t at = 0;
    bool known = false;
    if ((flags & LS_FLAG_IN_SCOPE) == 0) {
        add(text, score->out_of_scope);
    } else {
        add(text, (flags & LS_FLAG_SCORED) != 0 ? score->scored : score->not_scored);
    }
    int status = ls_result_next_change(writer->result, score->definition, row, &known, &at, error);
    if (status == LS_OK && known) {
        add(text, score->next_change);
        ls_buffer_add(text, time, ls_print_time(at, time));
        add(text, score->time_end);
    } else {
        add(text, score->unchanging);
    }
    return status;
}

static int add_score(const ls_row_writer *writer, const score_texts *score, size_t row,
                     ls_buffer *text, ls_error *error)
{
    const uint8_t flags = score->column->flags[row];
    if ((flags & LS_FLAG_IN_SCOPE) == 0 || (flags & LS_FLAG_EMPTY) != 0) {
        add(text, score->empty);
    } else if (!add_cells(score, row, text)) {
        return ls_fail_memory(error);
    }
    return writer->extra ? add_extra(writer, score, row, text, error) : LS_OK;
}

int ls_write_row(const ls_row_writer *writer, size_t row, ls_buffer *text, ls_error *error)
{
    int status = LS_OK;
    add_id(writer, row, text);
    for (size_t i = 0; i < writer->score_count && status == LS_OK; i++) {
        status = add_score(writer, &writer->scores[i], row, text, error);
    }
    if (writer->format == LS_FORMAT_NDJSON) {
        ls_buffer_add(text, "}\n", 2);
    } else {
        ls_buffer_add(text, "\n", 1);
    }
    return status;
}

bool ls_row_fits(const ls_row_writer *writer, size_t row, const ls_buffer *text)
{
    const ls_table *table = &writer->result->dataset->tables[writer->object];
    const size_t id =
        ls_dictionary_text(&table->id.dictionary, ls_column_code(&table->id, row)).length;
    return writer->longest + LONGEST_ESCAPE * id <= text->capacity - text->length;
}
