/* JSON: a tree read with the yajl library (numbers stay text, so nothing is rounded) and a writer
 * that prints with our own exact printer. */
#ifndef LS_JSON_H
#define LS_JSON_H

#include "ls_core.h"

typedef enum ls_json_kind {
    LS_JSON_NULL,
    LS_JSON_FALSE,
    LS_JSON_TRUE,
    LS_JSON_NUMBER,
    LS_JSON_TEXT,
    LS_JSON_ARRAY,
    LS_JSON_OBJECT
} ls_json_kind;

typedef struct ls_json {
    ls_json_kind kind;
    ls_string key;         /* its name, as a member of an object */
    ls_string text;        /* LS_JSON_TEXT: the text; LS_JSON_NUMBER: the number as written */
    struct ls_json *first; /* array, object: children in order */
    struct ls_json *next;
    size_t count;
} ls_json;

/* Reads one value (and nothing after it but blanks) into the arena. max_depth bounds nesting,
 * max_values the count of values. A key given twice in one object is an error. Errors:
 * LS_ERROR_INPUT with the line in error->line. */
int ls_json_read(ls_arena *arena, const char *text, size_t length, size_t max_depth,
                 size_t max_values, ls_json **out, ls_error *error);
/* The same for texts that may hold bytes that are no UTF-8: they are kept as they are. */
int ls_json_read_bytes(ls_arena *arena, const char *text, size_t length, size_t max_depth,
                       size_t max_values, ls_json **out, ls_error *error);
const ls_json *ls_json_get(const ls_json *object,
                           const char *key); /* NULL if absent or not an object */

/* Writing: commas and quoting are handled; keys and texts are escaped; invalid UTF-8 becomes
 * U+FFFD. */
typedef struct ls_json_writer {
    ls_buffer *buffer;
    bool comma; /* a value came before on this level */
} ls_json_writer;
void ls_json_open(ls_json_writer *writer, char bracket);  /* '{' or '[' */
void ls_json_close(ls_json_writer *writer, char bracket); /* '}' or ']' */
void ls_json_key(ls_json_writer *writer, const char *key);
void ls_json_text(ls_json_writer *writer, const char *text, size_t length);
void ls_json_points(ls_json_writer *writer, int64_t points); /* 38.75 */
void ls_json_integer(ls_json_writer *writer, int64_t number);
void ls_json_number(ls_json_writer *writer, double number);
void ls_json_boolean(ls_json_writer *writer, bool value);
void ls_json_null(ls_json_writer *writer);
void ls_json_time(ls_json_writer *writer, int64_t at); /* "2026-01-01T00:00:00Z" */
#endif
