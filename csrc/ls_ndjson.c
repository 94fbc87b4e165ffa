/* The NDJSON scanner. Lines are cut out of the window, read by ls_json_read (so that JSON is read
 * in one place only) and laid out as rows of texts, which the readers then treat as they do those
 * of CSV. */
#include "ls_ndjson.h"

#define WINDOW_SIZE ((size_t)64 * 1024)
/* Objects in objects are refused by their readers, so nesting serves nothing but to be named in a
 * message. */
#define MOST_NESTED 32

int ls_ndjson_init(ls_ndjson *ndjson, ls_context *context, uint64_t seed)
{
    ndjson->context = context;
    ndjson->arena.context = context;
    ndjson->line = 1;
    return ls_dictionary_init(&ndjson->keys, context, seed);
}

void ls_ndjson_free(ls_ndjson *ndjson)
{
    ls_context *context = ndjson->context;
    ls_source_close(&ndjson->window.source);
    ls_window_free(&ndjson->window);
    ls_arena_free(&ndjson->arena);
    if (ndjson->keys.context != NULL)
        ls_dictionary_free(&ndjson->keys);
    ls_free(context, ndjson->fields, ndjson->field_capacity * sizeof *ndjson->fields);
    ls_free(context, ndjson->kinds, ndjson->kind_capacity * sizeof *ndjson->kinds);
    ls_free(context, ndjson->texts, ndjson->text_capacity);
    ndjson->fields = NULL;
    ndjson->kinds = NULL;
    ndjson->texts = NULL;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int fill(ls_ndjson *ndjson, ls_error *error)
{
    ls_window *window = &ndjson->window;
    size_t left = window->end - window->start;
    size_t wanted = left < WINDOW_SIZE / 2 ? WINDOW_SIZE : 2 * left;
    int status = ls_window_fill(window, wanted < LS_MAX_ROW ? wanted : LS_MAX_ROW, error);
    if (status == LS_OK && !ndjson->begun) {
        ndjson->begun = true;
        if (window->end >= 3 && memcmp(window->data, "\xef\xbb\xbf", 3) == 0)
            window->start = 3;
    }
    return status;
}

static void take_line(ls_ndjson *ndjson, size_t length, ls_row *row)
{
    ls_window *window = &ndjson->window;
    row->text = window->data + window->start;
    row->line = ndjson->line++;
    row->problem = LS_ROW_GOOD;
    row->field = 0;
    window->start += length;
    ndjson->unended = length == 0 || row->text[length - 1] != '\n';
    if (!ndjson->unended)
        length--;
    if (length > 0 && row->text[length - 1] == '\r')
        length--;
    row->length = (uint32_t)length;
}

int ls_ndjson_next_line(ls_ndjson *ndjson, ls_row *row, ls_error *error)
{
    ls_window *window = &ndjson->window;
    for (;;) {
        size_t left = window->end - window->start;
        const char *start = left != 0 ? window->data + window->start : "";
        const char *end = left != 0 ? memchr(start, '\n', left) : NULL;
        if (end != NULL || (window->ended && left != 0)) {
            take_line(ndjson, end != NULL ? (size_t)(end - start) + 1 : left, row);
            return LS_OK;
        }
        row->text = NULL;
        if (window->ended && ndjson->begun)
            return LS_OK;
        if (left >= LS_MAX_ROW) {
            take_line(ndjson, left, row);
            row->problem = LS_ROW_TOO_LONG;
            return LS_OK;
        }
        int status = fill(ndjson, error);
        if (status != LS_OK)
            return status;
    }
}

/* ---- fields ---------------------------------------------------------------------------------- */

static void refuse(ls_row *row, const char *message)
{
    row->problem = LS_ROW_NOT_JSON;
    row->message = message;
}

static void add_text(ls_ndjson *ndjson, const char *text, size_t length)
{
    memcpy(ndjson->texts + ndjson->text_used, text, length);
    ndjson->text_used += length;
}

/* Adds a scalar's text; false if it is none. */
static bool add_scalar(ls_ndjson *ndjson, const ls_json *value)
{
    switch (value->kind) {
    case LS_JSON_NULL: return true;
    case LS_JSON_FALSE: add_text(ndjson, "false", 5); return true;
    case LS_JSON_TRUE: add_text(ndjson, "true", 4); return true;
    case LS_JSON_NUMBER:
    case LS_JSON_TEXT: add_text(ndjson, value->text.text, value->text.length); return true;
    default: return false;
    }
}

static bool add_array(ls_ndjson *ndjson, const ls_json *array)
{
    for (const ls_json *value = array->first; value != NULL; value = value->next) {
        if (!add_scalar(ndjson, value))
            return false;
        if (value->next != NULL)
            add_text(ndjson, ";", 1);
    }
    return true;
}

static ls_string field_text(ls_ndjson *ndjson, const ls_json *value)
{
    size_t start = ndjson->text_used;
    bool flat = value->kind == LS_JSON_ARRAY ? add_array(ndjson, value) : add_scalar(ndjson, value);
    if (!flat) {
        ndjson->text_used = start;
        return (ls_string){ls_nested_value, 0};
    }
    return (ls_string){ndjson->texts + start, ndjson->text_used - start};
}

/* Puts a member in its field, which may be a new one. */
static int add_member(ls_ndjson *ndjson, const ls_json *member, ls_row *row)
{
    ls_string key = member->key;
    size_t before = ls_ndjson_field_count(ndjson);
    uint32_t code = ls_dictionary_add(&ndjson->keys, key.text, key.length);
    if (code == LS_NO_CODE)
        return LS_ERROR_MEMORY;
    if (code == 0)
        return LS_OK; /* an unnamed member is no property */
    if (ls_grow(ndjson->context, &ndjson->fields, &ndjson->field_capacity, code,
                sizeof *ndjson->fields) != LS_OK ||
        ls_grow(ndjson->context, &ndjson->kinds, &ndjson->kind_capacity, code,
                sizeof *ndjson->kinds) != LS_OK)
        return LS_ERROR_MEMORY;
    ls_string text = field_text(ndjson, member);
    if (code > before && memchr(key.text, '\0', key.length) != NULL)
        refuse(row, "a zero byte in a name");
    if (text.length != 0 && memchr(text.text, '\0', text.length) != NULL) {
        row->problem = LS_ROW_NUL;
        row->field = code;
    }
    ndjson->fields[code - 1] = text;
    ndjson->kinds[code - 1] = member->kind;
    return LS_OK;
}

/* Texts are no longer than the line; `true` and ';' and the like neither. */
static int reserve_texts(ls_ndjson *ndjson, size_t length)
{
    ndjson->text_used = 0;
    return ls_grow(ndjson->context, &ndjson->texts, &ndjson->text_capacity,
                   length + LS_WINDOW_SLACK, 1);
}

static int read_object(ls_ndjson *ndjson, ls_row *row, ls_error *error)
{
    ls_json *object = NULL;
    ls_error problem;
    ls_arena_free(&ndjson->arena);
    int status = (ndjson->bytes ? ls_json_read_bytes : ls_json_read)(&ndjson->arena, row->text,
                                                                     row->length, MOST_NESTED,
                                                                     LS_MAX_ROW, &object, &problem);
    if (status == LS_ERROR_MEMORY || reserve_texts(ndjson, row->length) != LS_OK)
        return ls_fail_memory(error);
    if (status != LS_OK) {
        const char *colon = strstr(problem.message, ": "); /* after "line 1" */
        const char *message = colon != NULL ? colon + 2 : problem.message;
        memcpy(ndjson->message, message, strlen(message) + 1);
        refuse(row, ndjson->message);
    } else if (object->kind != LS_JSON_OBJECT) {
        refuse(row, "expected an object, such as {\"id\": 7}");
    } else {
        for (size_t i = 0; i < ls_ndjson_field_count(ndjson); i++) {
            ndjson->fields[i] = (ls_string){NULL, 0};
            ndjson->kinds[i] = LS_JSON_NULL;
        }
        for (const ls_json *member = object->first; member != NULL; member = member->next)
            if (add_member(ndjson, member, row) != LS_OK)
                return ls_fail_memory(error);
    }
    return LS_OK;
}

static bool blank(const ls_row *row)
{
    for (uint32_t i = 0; i < row->length; i++)
        if (strchr(" \t\r", row->text[i]) == NULL || row->text[i] == '\0')
            return false;
    return true;
}

int ls_ndjson_read(ls_ndjson *ndjson, ls_batch *batch, ls_error *error)
{
    ls_row *row = &batch->rows[0];
    batch->row_count = 0;
    int status;
    do {
        status = ls_ndjson_next_line(ndjson, row, error);
        if (status != LS_OK || row->text == NULL)
            return status;
    } while (row->problem == LS_ROW_GOOD && blank(row));
    if (row->problem == LS_ROW_GOOD)
        status = read_object(ndjson, row, error);
    batch->row_count = 1;
    batch->stride = ls_ndjson_field_count(ndjson);
    batch->fields = ndjson->fields;
    return status;
}
