/* Refusing what is bad in a row: the error that ends a job, or a row of the rejects. */
#include "ls_ingest.h"

static void add_cell(ls_buffer *out, const char *text, size_t length, char after)
{
    bool plain = true;
    for (size_t i = 0; i < length && plain; i++)
        plain = text[i] != '"' && text[i] != ',' && text[i] != '\n' && text[i] != '\r';
    if (!plain)
        ls_buffer_add(out, "\"", 1);
    for (size_t i = 0, start = 0; i < length && !plain; i++) {
        if (text[i] == '"' || i + 1 == length) {
            ls_buffer_add(out, text + start, i + 1 - start);
            if (text[i] == '"')
                ls_buffer_add(out, "\"", 1);
            start = i + 1;
        }
    }
    if (plain)
        ls_buffer_add(out, text, length);
    else
        ls_buffer_add(out, "\"", 1);
    ls_buffer_add(out, &after, 1);
}

static void add_count(ls_buffer *out, uint64_t number, char after)
{
    char digits[24];
    size_t start = sizeof digits;
    for (; number != 0; number /= 10)
        digits[--start] = (char)('0' + number % 10);
    add_cell(out, digits + start, sizeof digits - start, after);
}

/* One row of the rejects: file, line, field, reason, and the row as it is in the file. */
static int write_reject(ls_reading *reading, const ls_row *row, size_t field, const char *reason,
                        ls_error *error)
{
    static const char header[] = "file,line,field,reason,row\n";
    struct ls_ingest *ingest = reading->dataset->ingest;
    ls_buffer *out = &reading->reject;
    out->length = 0;
    if (!ingest->rejects_begun)
        ls_buffer_add(out, header, sizeof header - 1);
    add_cell(out, reading->name, strlen(reading->name), ',');
    add_count(out, row->line, ',');
    add_count(out, field, ',');
    add_cell(out, reason, strlen(reason), ',');
    add_cell(out, row->text, row->length, '\n');
    if (out->failed)
        return ls_fail_memory(error);
    ingest->rejects_begun = true;
    if (reading->rejects(reading->rejects_user, out->data, out->length) != 0)
        return ls_fail_at(error, LS_ERROR_IO, reading->name, row->line, 0,
                          "the rejects cannot be written");
    return LS_OK;
}

static int refuse(ls_reading *reading, const ls_row *row, size_t field, const char *reason,
                  uint64_t *count, ls_error *error)
{
    if (reading->rejects == NULL)
        return ls_fail_at(error, LS_ERROR_INPUT, reading->name, row->line, field, "%s", reason);
    ++*count;
    return write_reject(reading, row, field, reason, error);
}

int ls_refuse_row(ls_reading *reading, const ls_row *row, size_t field, const char *reason,
                  ls_error *error)
{
    return refuse(reading, row, field, reason, &reading->dataset->counts.rejected_rows, error);
}

int ls_refuse_cell(ls_reading *reading, const ls_row *row, size_t field, const char *reason,
                   ls_error *error)
{
    return refuse(reading, row, field, reason, &reading->dataset->counts.rejected_cells, error);
}

void ls_describe_problem(const ls_reading *reading, const ls_row *row, ls_error *out)
{
    switch ((ls_problem)row->problem) {
    case LS_ROW_FIELD_COUNT:
        ls_fail(out, LS_ERROR_INPUT, "expected %zu fields, got %zu", reading->batch.stride,
                row->found);
        break;
    case LS_ROW_NUL: ls_fail(out, LS_ERROR_INPUT, "expected text, got a NUL byte"); break;
    case LS_ROW_OPEN_QUOTE:
        ls_fail(out, LS_ERROR_INPUT, "expected the quote that opens here to be closed, got no end");
        break;
    case LS_ROW_QUOTE_TEXT:
        ls_fail(out, LS_ERROR_INPUT, "expected a delimiter after the closing quote, got more text");
        break;
    case LS_ROW_TOO_LONG:
        ls_fail(out, LS_ERROR_INPUT, "expected a line of at most %zu bytes, got a longer one",
                LS_MAX_ROW);
        break;
    default: ls_fail(out, LS_ERROR_INPUT, "%s", row->message); break;
    }
}

int ls_refuse_problem(ls_reading *reading, const ls_row *row, ls_error *error)
{
    ls_error reason;
    ls_describe_problem(reading, row, &reason);
    if (row->problem == LS_ROW_TOO_LONG) /* where would the next row begin? */
        return ls_fail_at(error, LS_ERROR_INPUT, reading->name, row->line, row->field, "%s",
                          reason.message);
    return ls_refuse_row(reading, row, row->field, reason.message, error);
}

int ls_check_cell(ls_reading *reading, const ls_row *row, size_t field, const ls_column *column,
                  uint32_t code, ls_error *error)
{
    char reason[LS_ERROR_TEXT];
    if (code == 0) {
        ls_string text = ls_reading_field(reading, (size_t)(row - reading->batch.rows), field);
        ls_error nested;
        if (text.text != ls_nested_value)
            return LS_OK;
        ls_fail(&nested, LS_ERROR_INPUT, "%s: expected a text, a number or a list, got an object",
                column->name.text);
        return ls_refuse_cell(reading, row, field + 1, nested.message, error);
    }
    if (!ls_column_unreadable(column, code))
        return LS_OK;
    ls_string text = ls_dictionary_text(&column->dictionary, code);
    ls_bad_cell_text(column->name, text, ls_unreadable_type(column->types, text), reason);
    return ls_refuse_cell(reading, row, field + 1, reason, error);
}
