/* The CSV scanner. Bytes that may mean something (delimiter, quote, line feed, zero) are found 64
 * at a time, without branches on data. Plain rows are cut straight from these bits; a row with a
 * quote, or bad in any way, is walked along a list of marks, which may be read back and forth.
 *
 * Fields point into the window; only those with doubled quotes are copied. A row that is not all in
 * the window is walked again after more was read. Where a quote is astray, only the row's first
 * physical line is refused and scanning goes on at the next: one bad line must not swallow the good
 * ones after it. */
#include "ls_csv.h"

#include "ls_marks.h"

/* Small enough for window, marks and the reader's tables to share a second-level cache of 512 KiB.
 */
#define WINDOW_SIZE ((size_t)64 * 1024)
/* How far is marked at first for a row that is not plain, and before room for marks is checked
 * again. */
#define MARK_STEP ((size_t)256)
/* Fields of one batch: a few pages, so that they stay in the first-level cache. */
#define BATCH_FIELDS 1024

const char ls_nested_value[] = "";

void ls_csv_free(ls_csv *csv)
{
    ls_context *context = csv->context;
    ls_source_close(&csv->window.source);
    ls_window_free(&csv->window);
    ls_free(context, csv->marks, csv->mark_capacity * sizeof *csv->marks);
    ls_free(context, csv->unquoted, csv->unquoted_size);
    ls_free(context, csv->fields, csv->field_capacity * sizeof *csv->fields);
    csv->marks = NULL;
    csv->unquoted = NULL;
    csv->fields = NULL;
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* Marks of data[from, to), to - from at most MARK_STEP; there is room for as many. */
static void mark_step(ls_csv *csv, size_t from, size_t to)
{
    const char *data = csv->window.data;
    uint32_t *next = csv->marks + csv->mark_count;
    for (size_t at = from; at < to; at += 64) {
        uint64_t bits = ls_marks_before(data, at, to, csv->delimiter);
        for (; bits != 0; bits &= bits - 1)
            *next++ = (uint32_t)at + (uint32_t)__builtin_ctzll(bits);
    }
    csv->mark_count = (size_t)(next - csv->marks);
}

/* Marks some more of the window, twice as much each time that a row still does not end. */
static int mark_more(ls_csv *csv, ls_error *error)
{
    size_t left = csv->mark_count - csv->next_mark, waiting = csv->marked - csv->window.start;
    size_t end = csv->marked + (waiting < MARK_STEP ? MARK_STEP : waiting);
    if (left != 0)
        memmove(csv->marks, csv->marks + csv->next_mark, left * sizeof *csv->marks);
    csv->mark_count = left;
    csv->next_mark = 0;
    while (csv->marked < end && csv->marked < csv->window.end) {
        size_t rest = csv->window.end - csv->marked;
        size_t to = csv->marked + (rest < MARK_STEP ? rest : MARK_STEP);
        if (ls_grow(csv->context, &csv->marks, &csv->mark_capacity, csv->mark_count + MARK_STEP,
                    sizeof *csv->marks) != LS_OK)
            return ls_fail_memory(error);
        mark_step(csv, csv->marked, to);
        csv->marked = to;
    }
    return LS_OK;
}

static int fill(ls_csv *csv, ls_error *error)
{
    ls_window *window = &csv->window;
    size_t left = window->end - window->start;
    size_t wanted = left < WINDOW_SIZE / 2 ? WINDOW_SIZE : 2 * left;
    int status = ls_window_fill(window, wanted < LS_MAX_ROW ? wanted : LS_MAX_ROW, error);
    if (status != LS_OK)
        return status;
    if (!csv->begun) {
        csv->begun = true;
        csv->line = 1;
        if (window->end >= 3 && memcmp(window->data, "\xef\xbb\xbf", 3) == 0)
            window->start = 3;
    }
    if (window->ended && !csv->closed) {
        csv->closed = true; /* a line end is put where the last line lacks one */
        if (window->end != window->start && window->data[window->end - 1] != '\n')
            window->data[window->end++] = '\n';
    }
    csv->marked = window->start;
    csv->mark_count = csv->next_mark = 0;
    return LS_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

typedef enum walked {
    WALKED_ROW,
    WALKED_BLANK, /* a blank line was skipped */
    WALKED_MORE   /* the row is not all in the window */
} walked;

/* Where the walk is. */
typedef struct walk {
    size_t start;   /* of the field */
    size_t mark;    /* the mark to look at */
    size_t field;   /* fields before */
    uint64_t lines; /* line feeds inside quotes, so far */
} walk;

/* Ends the row at the line feed of this mark. */
static void finish_row(ls_csv *csv, ls_row *row, size_t mark, uint64_t lines)
{
    size_t end = csv->marks[mark], start = csv->window.start;
    csv->window.start = end + 1;
    csv->next_mark = mark + 1;
    csv->line += lines + 1;
    if (end > start && csv->window.data[end - 1] == '\r')
        end--;
    row->length = (uint32_t)(end - start);
}

/* Refuses the first physical line of the row that is being walked. */
static walked refuse_line(ls_csv *csv, ls_row *row, const walk *at, ls_problem problem)
{
    size_t mark = csv->next_mark;
    while (mark < csv->mark_count && csv->window.data[csv->marks[mark]] != '\n')
        mark++;
    if (mark == csv->mark_count)
        return WALKED_MORE; /* it is not marked yet */
    row->problem = (uint8_t)problem;
    row->field = at->field + 1;
    if (problem == LS_ROW_OPEN_QUOTE)
        row->line += at->lines;
    finish_row(csv, row, mark, 0);
    return WALKED_ROW;
}

/* The text of a quoted field with doubled quotes, copied: it is shorter than what it is in the
 * window, so all of a batch have room. */
static ls_string undouble(ls_csv *csv, const char *text, size_t length)
{
    ls_string none = {NULL, 0};
    size_t size = csv->window.capacity + LS_WINDOW_SLACK;
    if (csv->unquoted_used == 0 && csv->unquoted_size < size) {
        ls_free(csv->context, csv->unquoted, csv->unquoted_size);
        csv->unquoted = ls_allocate_zero(csv->context, size, 1);
        csv->unquoted_size = csv->unquoted != NULL ? size : 0;
    }
    csv->no_memory |= csv->unquoted == NULL;
    if (csv->no_memory)
        return none;
    char *copy = csv->unquoted + csv->unquoted_used;
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        copy[count++] = text[i];
        i += text[i] == '"';
    }
    csv->unquoted_used += count;
    return (ls_string){copy, count};
}

/* Whether a quoted field ends at the quote that stood before `next`: sets *next to the delimiter or
 * line feed. */
static bool quoted_ends(const ls_csv *csv, size_t *next)
{
    const char *data = csv->window.data;
    if (data[*next] == '\r' && data[*next + 1] == '\n')
        ++*next;
    return data[*next] == csv->delimiter || data[*next] == '\n';
}

typedef enum quoted { QUOTED_GOOD, QUOTED_OPEN, QUOTED_TEXT, QUOTED_MORE } quoted;

/* Walks a quoted field whose opening quote is at the walk's mark; leaves the walk at the delimiter
 * or line feed after it. */
static quoted walk_quoted(ls_csv *csv, walk *at, ls_string *field, ls_row *row)
{
    const ls_window *window = &csv->window;
    const char *data = window->data;
    bool doubled = false;
    uint64_t lines = 0;
    for (size_t mark = at->mark + 1; mark < csv->mark_count; mark++) {
        size_t place = csv->marks[mark], next = place + 1;
        if (data[place] == '\n') {
            lines++;
        } else if (data[place] == '\0') {
            row->problem = LS_ROW_NUL;
            row->field = at->field + 1;
        } else if (data[place] == '"') {
            if (!csv->closed && window->end - next < 2)
                return QUOTED_MORE; /* what follows the quote is not there yet */
            if (data[next] == '"' && next < window->end) {
                doubled = true;
                mark++;
                continue;
            }
            if (!quoted_ends(csv, &next))
                return QUOTED_TEXT;
            const char *text = data + at->start + 1;
            size_t length = place - at->start - 1;
            *field = doubled ? undouble(csv, text, length) : (ls_string){text, length};
            at->mark = mark + 1;
            at->lines += lines;
            return at->mark < csv->mark_count ? QUOTED_GOOD : QUOTED_MORE;
        }
    }
    return window->ended && csv->marked == window->end ? QUOTED_OPEN : QUOTED_MORE;
}

/* Walks one row: its first `limit` fields go to `fields`, row->found says how many there are. */
static walked walk_row(ls_csv *csv, ls_string *fields, size_t limit, ls_row *row)
{
    const char *data = csv->window.data;
    const uint32_t *marks = csv->marks;
    const char delimiter = csv->delimiter;
    const size_t mark_count = csv->mark_count;
    walk at = {csv->window.start, csv->next_mark, 0, 0};
    row->text = data + at.start;
    row->line = csv->line;
    row->problem = LS_ROW_GOOD;
    row->field = 0;
    for (; at.mark < mark_count; at.mark++) {
        size_t place = marks[at.mark];
        ls_string field = {data + at.start, place - at.start};
        if (data[place] == '"' && place == at.start) {
            quoted result = walk_quoted(csv, &at, &field, row);
            if (result == QUOTED_MORE)
                return WALKED_MORE;
            if (result != QUOTED_GOOD)
                return refuse_line(csv, row, &at,
                                   result == QUOTED_OPEN ? LS_ROW_OPEN_QUOTE : LS_ROW_QUOTE_TEXT);
            place = marks[at.mark];
        } else if (data[place] == '\n' && field.length != 0 && data[place - 1] == '\r') {
            field.length--;
        }
        if (data[place] == delimiter) {
            if (at.field < limit)
                fields[at.field] = field;
            at.field++;
            at.start = place + 1;
        } else if (data[place] == '\n') {
            bool blank = at.field == 0 && field.length == 0 && field.text == row->text;
            if (at.field < limit)
                fields[at.field] = field;
            row->found = at.field + 1;
            finish_row(csv, row, at.mark, at.lines);
            return blank ? WALKED_BLANK : WALKED_ROW;
        } else if (data[place] == '\0') {
            row->problem = LS_ROW_NUL;
            row->field = at.field + 1;
        }
    }
    return WALKED_MORE;
}

/* A row that does not end within the limit: refuses its first line, if a quote made it that long.
 */
static void refuse_long_row(ls_csv *csv, ls_row *row)
{
    size_t mark = csv->next_mark;
    while (mark < csv->mark_count && csv->window.data[csv->marks[mark]] != '\n')
        mark++;
    row->text = csv->window.data + csv->window.start;
    row->line = csv->line;
    row->problem = mark < csv->mark_count ? LS_ROW_OPEN_QUOTE : LS_ROW_TOO_LONG;
    row->field = 0;
    row->length = 0;
    if (mark < csv->mark_count)
        finish_row(csv, row, mark, 0);
}

/* The next row that is no blank line, reading on where needed; row->text is NULL at the end. A
 * batch that has rows must not be moved: then `stay` makes it answer without a row too. */
static int next_row(ls_csv *csv, ls_string *fields, size_t limit, bool stay, ls_row *row,
                    ls_error *error)
{
    for (;;) {
        size_t left = csv->window.end - csv->window.start;
        walked result = left != 0 ? walk_row(csv, fields, limit, row) : WALKED_MORE;
        if (csv->no_memory)
            return ls_fail_memory(error);
        if (result == WALKED_ROW)
            return LS_OK;
        if (result == WALKED_BLANK)
            continue;
        row->text = NULL;
        if (csv->marked < csv->window.end) {
            int status = mark_more(csv, error);
            if (status != LS_OK)
                return status;
            continue;
        }
        if (stay || (left == 0 && csv->window.ended && csv->begun))
            return LS_OK;
        if (left >= LS_MAX_ROW) {
            refuse_long_row(csv, row);
            return LS_OK;
        }
        csv->unquoted_used = 0;
        int status = fill(csv, error);
        if (status != LS_OK)
            return status;
    }
}

int ls_csv_read_row(ls_csv *csv, ls_row *row, ls_error *error)
{
    csv->unquoted_used = 0;
    for (;;) {
        size_t capacity = csv->field_capacity;
        int status = next_row(csv, csv->fields, capacity, false, row, error);
        if (status != LS_OK || row->text == NULL || row->problem != LS_ROW_GOOD ||
            row->found <= capacity)
            return status;
        if (ls_grow(csv->context, &csv->fields, &csv->field_capacity, row->found,
                    sizeof *csv->fields) != LS_OK)
            return ls_fail_memory(error);
        ls_csv_unread(csv, row);
        csv->unquoted_used = 0;
    }
}

void ls_csv_unread(ls_csv *csv, const ls_row *row)
{
    size_t start = (size_t)(row->text - csv->window.data);
    csv->window.start = start;
    csv->line = row->line;
    while (csv->next_mark > 0 && csv->marks[csv->next_mark - 1] >= start)
        csv->next_mark--;
}

int ls_csv_set_fields(ls_csv *csv, size_t count, ls_batch *batch, ls_error *error)
{
    size_t rows = BATCH_FIELDS / count;
    batch->row_limit = rows < 1 ? 1 : rows < LS_BATCH_ROWS ? rows : LS_BATCH_ROWS;
    batch->stride = count;
    if (ls_grow(csv->context, &csv->fields, &csv->field_capacity, batch->row_limit * count + 64,
                sizeof *csv->fields) != LS_OK)
        return ls_fail_memory(error);
    batch->fields = csv->fields;
    return LS_OK;
}

/* Where the cut of plain rows is. */
typedef struct cut {
    const char *start; /* of the field */
    ls_string *field;  /* the next one */
    ls_row *row;
    uint64_t line;
} cut;

/* The row at the walk was cut up to its line feed. */
LS_INLINE void end_plain_row(cut *at, const char *row_start, size_t length)
{
    at->row->text = row_start;
    at->row->length = (uint32_t)(at->start + length - row_start);
    at->row->problem = LS_ROW_GOOD;
    at->row->line = at->line++;
    at->row++;
}

/* Takes plain rows (no quote, no zero, the right number of fields, all in the window) as long as
 * they come: nearly all are. What is not plain is left to walk_row. The inner loop: whether a row
 * has too many fields is seen only after 64 bytes, so the fields have room for as many more. */
static void take_plain_rows(ls_csv *csv, ls_batch *batch)
{
    const char *const end = csv->window.data + csv->window.end, delimiter = csv->delimiter;
    const char *row_start = csv->window.data + csv->window.start, *block = row_start;
    const ls_row *const row_end = &batch->rows[batch->row_limit];
    cut at = {row_start, batch->fields + batch->row_count * batch->stride,
              &batch->rows[batch->row_count], csv->line};
    const ls_string *last = at.field + batch->stride - 1; /* of the row */
    while (at.row < row_end && block < end && at.field <= last) {
        uint64_t bits = ls_marks_before(block, 0, (size_t)(end - block), delimiter);
        for (; bits != 0; bits &= bits - 1) {
            const char *place = block + __builtin_ctzll(bits);
            size_t length = (size_t)(place - at.start);
            if (LS_LIKELY(*place == delimiter)) {
                *at.field++ = (ls_string){at.start, length};
                at.start = place + 1;
                continue;
            }
            if (LS_UNLIKELY(*place != '\n' || at.field != last))
                goto special;
            length -= length != 0 && place[-1] == '\r';
            if (LS_UNLIKELY(at.start + length == row_start))
                goto special; /* a blank line */
            *at.field++ = (ls_string){at.start, length};
            end_plain_row(&at, row_start, length);
            row_start = at.start = place + 1;
            if (at.row == row_end)
                goto special;
            last += batch->stride;
        }
        block += 64;
    }
special:
    csv->line = at.line;
    batch->row_count = (size_t)(at.row - batch->rows);
    if (row_start != csv->window.data + csv->window.start) { /* marks are of rows that are gone */
        csv->window.start = csv->marked = (size_t)(row_start - csv->window.data);
        csv->mark_count = csv->next_mark = 0;
    }
}

int ls_csv_read(ls_csv *csv, ls_batch *batch, ls_error *error)
{
    csv->unquoted_used = 0;
    batch->row_count = 0;
    for (;;) {
        take_plain_rows(csv, batch);
        if (batch->row_count == batch->row_limit)
            return LS_OK;
        ls_row *row = &batch->rows[batch->row_count];
        ls_string *fields = batch->fields + batch->row_count * batch->stride;
        int status = next_row(csv, fields, batch->stride, batch->row_count != 0, row, error);
        if (status != LS_OK || row->text == NULL)
            return status;
        if (row->problem == LS_ROW_GOOD && row->found != batch->stride)
            row->problem = LS_ROW_FIELD_COUNT;
        batch->row_count++;
        if (row->problem == LS_ROW_TOO_LONG)
            return LS_OK;
    }
}
