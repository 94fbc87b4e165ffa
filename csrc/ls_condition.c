/* Conditions on one value: a cell read as its type, the operators of the language, Kleene's logic,
 * and what a value earns by points_by, bands and otherwise (section 4). A text is treated as a set
 * of one value, and numbers and points share one comparison, so that every operator is written
 * once. Nothing here allocates but the reader. The binding (once per distinct text) and the walk
 * (once per record) both ask here and nowhere else. */
#include "ls_condition.h"

#include "ls_text.h"
#include "ls_time.h"

#include <stdlib.h>

/* ---- reading --------------------------------------------------------------------------------- */

void ls_value_reader_init(ls_value_reader *reader, ls_context *context)
{
    memset(reader, 0, sizeof *reader);
    reader->folded.context = reader->joined.context = context;
}

void ls_value_reader_free(ls_value_reader *reader)
{
    ls_free(reader->folded.context, reader->values, reader->capacity * sizeof *reader->values);
    ls_buffer_free(&reader->folded);
    ls_buffer_free(&reader->joined);
    reader->values = NULL;
    reader->capacity = 0;
}

static int read_text(ls_value_reader *reader, ls_string cell, ls_value *out)
{
    out->known = true;
    if (ls_is_folded(cell.text, cell.length)) {
        out->text = cell;
        return LS_OK;
    }
    int status = ls_fold(cell.text, cell.length, &reader->folded);
    if (status != LS_OK)
        return status;
    out->text = (ls_string){reader->folded.data, reader->folded.length};
    return LS_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return ls_string_compare(*(const ls_string *)a, *(const ls_string *)b);
}

/* Appends one value of a set to `joined`. Its length alone is kept: the buffer may still move. */
static int add_set_value(ls_value_reader *reader, ls_string value, size_t count)
{
    int status = ls_fold(value.text, value.length, &reader->folded);
    if (status == LS_OK)
        status = ls_grow(reader->folded.context, &reader->values, &reader->capacity, count + 1,
                         sizeof *reader->values);
    if (status != LS_OK)
        return status;
    reader->values[count] = (ls_string){NULL, reader->folded.length};
    ls_buffer_add(&reader->joined, reader->folded.data, reader->folded.length);
    return reader->joined.failed ? LS_ERROR_MEMORY : LS_OK;
}

/* Sorts the values, drops repeats and answers how many stay. */
static size_t sort_set(ls_value_reader *reader, size_t count)
{
    const char *next = reader->joined.data;
    for (size_t i = 0; i < count; i++) {
        reader->values[i].text = next;
        next += reader->values[i].length;
    }
    if (count > 1)
        qsort(reader->values, count, sizeof *reader->values, compare_texts);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || ls_string_compare(reader->values[kept - 1], reader->values[i]) != 0)
            reader->values[kept++] = reader->values[i];
    return kept;
}

/* Each value is folded on its own: an invalid byte in one does not keep the others from being
 * folded. */
static int read_set(ls_value_reader *reader, ls_string cell, ls_value *out)
{
    const char *rest = cell.text, *end = cell.text + cell.length;
    size_t count = 0;
    reader->joined.length = 0;
    reader->joined.failed = false;
    while (rest < end) {
        const char *separator = memchr(rest, ';', (size_t)(end - rest));
        const char *stop = separator != NULL ? separator : end;
        ls_string value = ls_trim(rest, (size_t)(stop - rest));
        if (value.length != 0) {
            int status = add_set_value(reader, value, count);
            if (status != LS_OK)
                return status;
            count++;
        }
        rest = separator != NULL ? separator + 1 : end;
    }
    out->count = count != 0 ? sort_set(reader, count) : 0;
    out->values = reader->values;
    out->known = count != 0;
    return LS_OK;
}

int ls_value_read(ls_value_reader *reader, ls_type type, const char *cell, size_t length,
                  ls_value *out)
{
    ls_string text = ls_trim(cell, length);
    memset(out, 0, sizeof *out);
    if (text.length == 0)
        return LS_OK;
    switch (type) {
    case LS_TEXT: return read_text(reader, text, out);
    case LS_SET: return read_set(reader, text, out);
    case LS_NUMBER: out->known = ls_number_read(text.text, text.length, &out->number); break;
    case LS_BOOLEAN: out->known = ls_boolean_read(text.text, text.length, &out->boolean); break;
    case LS_DATETIME: out->known = ls_time_read(text.text, text.length, &out->time, NULL); break;
    case LS_POINTS: break; /* never read from a cell: the caller knows the score */
    }
    out->unreadable = !out->known;
    return LS_OK;
}

/* ---- texts and sets -------------------------------------------------------------------------- */

typedef bool text_relation(ls_string value, ls_string wanted);

static bool text_equals(ls_string value, ls_string wanted)
{
    return ls_string_equal(value, wanted.text, wanted.length);
}

static bool any_text(text_relation *relation, const ls_test *test, ls_string value)
{
    for (size_t i = 0; i < test->count; i++)
        if (relation(value, test->texts[i]))
            return true;
    return false;
}

static bool any_value(text_relation *relation, const ls_test *test, const ls_string *values,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (any_text(relation, test, values[i]))
            return true;
    return false;
}

static bool holds_text(const ls_string *values, size_t count, ls_string wanted)
{
    for (size_t i = 0; i < count; i++)
        if (text_equals(values[i], wanted))
            return true;
    return false;
}

static bool holds_all(const ls_test *test, const ls_string *values, size_t count)
{
    for (size_t i = 0; i < test->count; i++)
        if (!holds_text(values, count, test->texts[i]))
            return false;
    return true;
}

static bool test_texts(const ls_test *test, const ls_string *values, size_t count)
{
    switch (test->op) {
    case LS_OP_ANY_OF: return any_value(text_equals, test, values, count);
    case LS_OP_NONE_OF: return !any_value(text_equals, test, values, count);
    case LS_OP_ALL_OF: return holds_all(test, values, count);
    case LS_OP_EXACTLY: return count == test->count && holds_all(test, values, count);
    case LS_OP_CONTAINS: return any_value(ls_text_contains, test, values, count);
    case LS_OP_NOT_CONTAINS: return !any_value(ls_text_contains, test, values, count);
    case LS_OP_STARTS_WITH: return any_value(ls_text_starts, test, values, count);
    case LS_OP_ENDS_WITH: return any_value(ls_text_ends, test, values, count);
    default: return false; /* the compiler lets no other operator of these types through */
    }
}

/* ---- numbers and points ---------------------------------------------------------------------- */

/* The value against the i-th operand: -1, 0 or 1. No number is a NaN: the grammar has none. */
static int compare_operand(const ls_condition *condition, const ls_test *test,
                           const ls_value *value, size_t i)
{
    if (condition->type == LS_POINTS)
        return (value->points > test->points[i]) - (value->points < test->points[i]);
    return (value->number > test->numbers[i]) - (value->number < test->numbers[i]);
}

static bool equals_any(const ls_condition *condition, const ls_test *test, const ls_value *value)
{
    for (size_t i = 0; i < test->count; i++)
        if (compare_operand(condition, test, value, i) == 0)
            return true;
    return false;
}

static bool is_between(const ls_condition *condition, const ls_test *test, const ls_value *value)
{
    return compare_operand(condition, test, value, 0) >= 0 &&
           compare_operand(condition, test, value, 1) <= 0;
}

static bool test_number(const ls_condition *condition, const ls_test *test, const ls_value *value)
{
    switch (test->op) {
    case LS_OP_ANY_OF: return equals_any(condition, test, value);
    case LS_OP_NONE_OF: return !equals_any(condition, test, value);
    case LS_OP_MORE_THAN: return compare_operand(condition, test, value, 0) > 0;
    case LS_OP_AT_LEAST: return compare_operand(condition, test, value, 0) >= 0;
    case LS_OP_LESS_THAN: return compare_operand(condition, test, value, 0) < 0;
    case LS_OP_AT_MOST: return compare_operand(condition, test, value, 0) <= 0;
    case LS_OP_BETWEEN: return is_between(condition, test, value);
    case LS_OP_NOT_BETWEEN: return !is_between(condition, test, value);
    default: return false;
    }
}

/* ---- instants -------------------------------------------------------------------------------- */

static bool test_time(const ls_test *test, int64_t time, int64_t at)
{
    int64_t age = at - time; /* both are instants of years 1 to 9999: no overflow */
    switch (test->op) {
    case LS_OP_WITHIN: return time >= test->from && time < test->until;
    case LS_OP_OUTSIDE: return time < test->from || time >= test->until;
    case LS_OP_BEFORE: return time < test->from;
    case LS_OP_SINCE: return time >= test->from;
    case LS_OP_IN_LAST: return age >= 0 && age < test->span;
    case LS_OP_MORE_THAN_AGO: return age >= test->span;
    case LS_OP_IN_NEXT: return age < 0 && -age <= test->span;
    case LS_OP_MORE_THAN_AHEAD: return -age > test->span;
    default: return false;
    }
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* One operator on a known value. */
bool ls_test_holds(const ls_condition *condition, size_t i, const ls_value *value, int64_t at)
{
    const ls_test *test = &condition->tests[i];
    switch (condition->type) {
    case LS_TEXT: return test_texts(test, &value->text, 1);
    case LS_SET: return test_texts(test, value->values, value->count);
    case LS_NUMBER:
    case LS_POINTS: return test_number(condition, test, value);
    case LS_BOOLEAN: return value->boolean == test->boolean;
    case LS_DATETIME: return test_time(test, value->time, at);
    }
    return false;
}

static ls_truth test_all(const ls_condition *condition, const ls_value *value, int64_t at)
{
    if (condition->count == 0)
        return LS_TRUE;
    if (!value->known)
        return condition->missing ? LS_TRUE : LS_UNKNOWN;
    for (size_t i = 0; i < condition->count; i++)
        if (!ls_test_holds(condition, i, value, at))
            return LS_FALSE;
    return LS_TRUE;
}

ls_truth ls_condition_test(const ls_condition *condition, const ls_value *value, int64_t at)
{
    if (condition->asks_known && condition->known != value->known)
        return LS_FALSE;
    return test_all(condition, value, at);
}

/* ---- points_by, bands, otherwise ------------------------------------------------------------- */

/* The entry with this folded text, by bisection; NULL if there is none. */
static const struct ls_choice_entry *find_text_entry(const ls_choice *choice, ls_string text)
{
    size_t low = 0, high = choice->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ls_string_compare(choice->entries[middle].text, text);
        if (order == 0)
            return &choice->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool add_text_points(const ls_choice *choice, const ls_string *values, size_t count,
                            ls_int128 *points)
{
    bool matched = false;
    for (size_t i = 0; i < count; i++) {
        const struct ls_choice_entry *entry = find_text_entry(choice, values[i]);
        if (entry != NULL) {
            *points += entry->points;
            matched = true;
        }
    }
    return matched;
}

static bool entry_matches(const struct ls_choice_entry *entry, ls_type type, const ls_value *value)
{
    switch (type) {
    case LS_NUMBER: return entry->number == value->number;
    case LS_BOOLEAN: return entry->boolean == value->boolean;
    case LS_DATETIME: return value->time >= entry->from && value->time < entry->until;
    default: return false;
    }
}

static bool add_value_points(const ls_choice *choice, ls_type type, const ls_value *value,
                             ls_int128 *points)
{
    if (!value->known)
        return false;
    if (type == LS_TEXT)
        return add_text_points(choice, &value->text, 1, points);
    if (type == LS_SET)
        return add_text_points(choice, value->values, value->count, points);
    for (size_t i = 0; i < choice->count; i++)
        if (entry_matches(&choice->entries[i], type, value)) {
            *points = choice->entries[i].points;
            return true;
        }
    return false;
}

size_t ls_choice_band(const ls_choice *choice, const ls_value *value, int64_t at)
{
    size_t i = 0;
    while (i < choice->count &&
           ls_condition_test(choice->entries[i].condition, value, at) != LS_TRUE)
        i++;
    return i;
}

static bool add_band_points(const ls_choice *choice, const ls_value *value, int64_t at,
                            ls_int128 *points)
{
    size_t band = ls_choice_band(choice, value, at);
    if (band == choice->count)
        return false;
    *points = choice->entries[band].points;
    return true;
}

bool ls_choice_points(const ls_choice *choice, ls_type type, const ls_value *value, int64_t at,
                      ls_int128 *points)
{
    *points = 0;
    bool matched = choice->kind == LS_CHOICE_BANDS ? add_band_points(choice, value, at, points)
                                                   : add_value_points(choice, type, value, points);
    if (matched)
        return true;
    if (!value->known || !choice->has_otherwise)
        return false;
    *points = choice->otherwise;
    return true;
}
