/* Columns: a code a row, as narrow as the codes seen so far allow, beside the dictionary that gives
 * them meaning. What is checked about a text (whether it can be read as the types that definitions
 * want, where it was first seen) is kept by code, so that it is worked out once per distinct value.
 * Readers append, the binding and the kernels only look. */
#include "ls_dataset.h"
#include "ls_text.h"
#include "ls_time.h"

/* How much of a cell a message quotes, in bytes. */
#define MOST_QUOTED 60

int ls_column_init(ls_context *context, ls_column *column, uint64_t seed)
{
    column->kept = true;
    column->width = 1;
    return ls_dictionary_init(&column->dictionary, context, seed);
}

void ls_column_free(ls_context *context, ls_column *column)
{
    ls_free(context, column->codes, column->capacity);
    ls_free(context, column->places, column->place_capacity * sizeof *column->places);
    ls_free(context, column->unreadable, column->unreadable_count);
    ls_free(context, column->moments, column->moment_capacity * sizeof *column->moments);
    if (column->dictionary.context != NULL)
        ls_dictionary_free(&column->dictionary);
    memset(column, 0, sizeof *column);
}

/* ---- codes ----------------------------------------------------------------------------------- */

static uint32_t code_at(const void *codes, uint8_t width, size_t row)
{
    switch (width) {
    case 1: return ((const uint8_t *)codes)[row];
    case 2: return ((const uint16_t *)codes)[row];
    default: return ((const uint32_t *)codes)[row];
    }
}

static void set_code(void *codes, uint8_t width, size_t row, uint32_t code)
{
    switch (width) {
    case 1: ((uint8_t *)codes)[row] = (uint8_t)code; break;
    case 2: ((uint16_t *)codes)[row] = (uint16_t)code; break;
    default: ((uint32_t *)codes)[row] = code; break;
    }
}

static int reserve_codes(ls_context *context, ls_column *column, size_t count, uint8_t width)
{
    if (count > SIZE_MAX / width)
        return LS_ERROR_MEMORY;
    return ls_grow(context, &column->codes, &column->capacity, count * width, 1);
}

static int widen(ls_context *context, ls_column *column, uint8_t width)
{
    int status = reserve_codes(context, column, column->count + 1, width);
    if (status != LS_OK)
        return status;
    /* From the end, so that no code is overwritten before it was moved. */
    for (size_t row = column->count; row-- > 0;)
        set_code(column->codes, width, row, code_at(column->codes, column->width, row));
    column->width = width;
    return LS_OK;
}

int ls_column_reserve(ls_context *context, ls_column *column, size_t count, uint32_t code)
{
    uint8_t width = ls_code_width(code + 1);
    if (LS_UNLIKELY(width > column->width) && widen(context, column, width) != LS_OK)
        return LS_ERROR_MEMORY;
    return LS_LIKELY(count * column->width <= column->capacity)
               ? LS_OK
               : reserve_codes(context, column, count, column->width);
}

int ls_column_append(ls_context *context, ls_column *column, uint32_t code)
{
    uint8_t width = code < 0x100 ? 1 : code < 0x10000 ? 2 : 4;
    int status = LS_OK;
    if (LS_UNLIKELY(width > column->width))
        status = widen(context, column, width);
    else if (LS_UNLIKELY((column->count + 1) * column->width > column->capacity))
        status = reserve_codes(context, column, column->count + 1, column->width);
    if (status != LS_OK)
        return status;
    set_code(column->codes, column->width, column->count++, code);
    return LS_OK;
}

int ls_column_extend(ls_context *context, ls_column *column, const uint32_t *codes, size_t count)
{
    uint32_t all = 0;
    int status = LS_OK;
    for (size_t i = 0; i < count; i++)
        all |= codes[i];
    uint8_t width = all < 0x100 ? 1 : all < 0x10000 ? 2 : 4;
    if (width > column->width)
        status = widen(context, column, width);
    if (status == LS_OK)
        status = reserve_codes(context, column, column->count + count, column->width);
    if (status != LS_OK)
        return status;
    void *out = (char *)column->codes + column->count * column->width;
    for (size_t i = 0; i < count; i++)
        set_code(out, column->width, i, codes[i]);
    column->count += count;
    return LS_OK;
}

int ls_column_fill(ls_context *context, ls_column *column, size_t count)
{
    if (!column->kept || column->width == 0 || column->count >= count)
        return LS_OK;
    int status = reserve_codes(context, column, count, column->width);
    if (status != LS_OK)
        return status;
    memset((char *)column->codes + column->count * column->width, 0,
           (count - column->count) * column->width);
    column->count = count;
    return LS_OK;
}

/* ---- what is known of a code ----------------------------------------------------------------- */

static bool readable(ls_type type, ls_string text)
{
    double number;
    bool boolean;
    int64_t from;
    switch (type) {
    case LS_NUMBER: return ls_number_read(text.text, text.length, &number);
    case LS_BOOLEAN: return ls_boolean_read(text.text, text.length, &boolean);
    case LS_DATETIME: return ls_time_read(text.text, text.length, &from, NULL);
    default: return true;
    }
}

ls_type ls_unreadable_type(uint8_t types, ls_string text)
{
    for (ls_type type = LS_NUMBER; type <= LS_DATETIME; type++)
        if ((types >> type & 1) != 0 && !readable(type, text))
            return type;
    return LS_POINTS;
}

static int mark_unreadable(ls_context *context, ls_column *column, uint32_t code)
{
    size_t count = column->unreadable_count;
    if (code >= count) {
        if (ls_grow(context, &column->unreadable, &column->unreadable_count, (size_t)code + 1, 1) !=
            LS_OK)
            return LS_ERROR_MEMORY;
        memset(column->unreadable + count, 0, column->unreadable_count - count);
    }
    column->unreadable[code] = 1;
    return LS_OK;
}

/* Instants are kept, since reading them is most of what a definition's questions cost. */
static int note_moment(ls_context *context, ls_column *column, uint32_t code, ls_string text)
{
    int64_t moment;
    if (ls_grow(context, &column->moments, &column->moment_capacity, (size_t)code + 1,
                sizeof *column->moments) != LS_OK)
        return LS_ERROR_MEMORY;
    while (column->moment_count <= code)
        column->moments[column->moment_count++] = LS_NO_MOMENT;
    bool is_one = ls_time_read(text.text, text.length, &moment, NULL);
    column->moments[code] = is_one ? moment : LS_NO_MOMENT;
    return LS_OK;
}

int ls_column_check(ls_context *context, ls_column *column, uint32_t code)
{
    uint8_t types = column->types;
    if ((types & (1u << LS_NUMBER | 1u << LS_BOOLEAN | 1u << LS_DATETIME)) == 0)
        return LS_OK;
    ls_string text = ls_dictionary_text(&column->dictionary, code);
    if ((types >> LS_DATETIME & 1) != 0) {
        if (note_moment(context, column, code, text) != LS_OK)
            return LS_ERROR_MEMORY;
        types &= (uint8_t) ~(column->moments[code] != LS_NO_MOMENT ? 1u << LS_DATETIME : 0);
    }
    if (ls_unreadable_type(types, text) == LS_POINTS)
        return LS_OK;
    return mark_unreadable(context, column, code);
}

static int note_place(ls_context *context, ls_column *column, uint32_t code, const ls_place *place)
{
    ls_place_run *last = column->place_count != 0 ? &column->places[column->place_count - 1] : NULL;
    if (last != NULL && code - last->code < last->count)
        return LS_OK; /* it was noted */
    if (last != NULL && code == last->code + last->count && place->source == last->first.source &&
        place->field == last->first.field && place->line == last->first.line + last->count) {
        last->count++;
        return LS_OK;
    }
    if (ls_grow(context, &column->places, &column->place_capacity, column->place_count + 1,
                sizeof *column->places) != LS_OK)
        return LS_ERROR_MEMORY;
    column->places[column->place_count++] = (ls_place_run){*place, code, 1};
    return LS_OK;
}

int ls_column_note(ls_context *context, ls_column *column, uint32_t code, const ls_place *place)
{
    int status = note_place(context, column, code, place);
    return status == LS_OK ? ls_column_check(context, column, code) : status;
}

bool ls_column_place(const ls_column *column, uint32_t code, ls_place *out)
{
    size_t first = 0, end = column->place_count; /* of the runs that may have it */
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        const ls_place_run *run = &column->places[middle];
        if (code >= run->code && code - run->code < run->count) {
            *out = run->first;
            out->line += code - run->code;
            return true;
        }
        if (code < run->code)
            end = middle;
        else
            first = middle + 1;
    }
    return false;
}

/* ---- messages -------------------------------------------------------------------------------- */

const char *ls_type_name(ls_type type)
{
    static const char *const names[] = {"text", "number", "boolean", "datetime", "set", "points"};
    return names[type];
}

static const char *expected_form(ls_type type)
{
    switch (type) {
    case LS_NUMBER: return "a number (expected digits such as 1234 or 12.5)";
    case LS_BOOLEAN: return "true or false (expected true, false, yes, no, 1 or 0)";
    case LS_DATETIME:
        return "a time (expected 2025-01-31, 2025-01-31T09:30:00Z or seconds since 1970)";
    default: return ls_type_name(type);
    }
}

/* The bytes of a cell that are quoted: cut before a character that would be split. */
static int quoted_length(ls_string text)
{
    if (text.length <= MOST_QUOTED)
        return (int)text.length;
    size_t length = MOST_QUOTED;
    while (length > MOST_QUOTED - 4 && ((unsigned char)text.text[length] & 0xc0) == 0x80)
        length--;
    return (int)length;
}

int ls_check_zero(ls_string column, ls_string text, ls_error *error)
{
    if (text.length == 0 || memchr(text.text, '\0', text.length) == NULL)
        return LS_OK;
    return ls_fail(error, LS_ERROR_INPUT, "%.*s: expected text, got a NUL byte", (int)column.length,
                   column.text);
}

void ls_bad_cell_text(ls_string column, ls_string text, ls_type type, char out[LS_ERROR_TEXT])
{
    ls_error error;
    ls_fail(&error, LS_ERROR_INPUT, "%.*s: cannot read \"%.*s%s\" as %s", quoted_length(column),
            column.text, quoted_length(text), text.text, text.length > MOST_QUOTED ? "..." : "",
            expected_form(type));
    memcpy(out, error.message, LS_ERROR_TEXT);
}

int ls_dataset_bad_cell(const ls_dataset *dataset, const ls_column *column, uint32_t code,
                        ls_type type, ls_error *error)
{
    char text[LS_ERROR_TEXT];
    ls_bad_cell_text(column->name, ls_dictionary_text(&column->dictionary, code), type, text);
    ls_place place;
    if (!ls_column_place(column, code, &place))
        return ls_fail(error, LS_ERROR_INPUT, "%s", text);
    return ls_fail_at(error, LS_ERROR_INPUT, dataset->sources[place.source], place.line,
                      place.field, "%s", text);
}
