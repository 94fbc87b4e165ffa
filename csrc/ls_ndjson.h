/* The NDJSON scanner: one object a line. Numbers stay as they are written, booleans are true and
 * false, null is empty, the values of an array are joined with ';'. Members are fields in the order
 * in which their names first appear in the file. */
#ifndef LS_NDJSON_H
#define LS_NDJSON_H

#include "ls_dictionary.h"
#include "ls_json.h"
#include "ls_rows.h"
#include "ls_source.h"

typedef struct ls_ndjson {
    ls_context *context;
    ls_window window;
    bool begun;
    bool unended;       /* the line at hand has no line end */
    uint64_t line;      /* of window.data[window.start] */
    ls_arena arena;     /* the line's tree */
    ls_dictionary keys; /* the name of field i has code i + 1 */
    ls_string *fields;
    ls_json_kind *kinds; /* by field: what its value is in this line; LS_JSON_NULL where absent */
    size_t field_capacity, kind_capacity;
    bool bytes;  /* texts that are no UTF-8 are kept as they are */
    char *texts; /* the line's fields */
    size_t text_used, text_capacity;
    char message[LS_ERROR_TEXT];
} ls_ndjson;

/* window.source is opened by the caller, closed by ls_ndjson_free. */
int ls_ndjson_init(ls_ndjson *ndjson, ls_context *context, uint64_t seed);
void ls_ndjson_free(ls_ndjson *ndjson);
/* The next line as a batch of one row, as wide as there are names so far; none at the end. */
int ls_ndjson_read(ls_ndjson *ndjson, ls_batch *batch, ls_error *error);
/* The next line without taking it apart; row->text is NULL at the end. */
int ls_ndjson_next_line(ls_ndjson *ndjson, ls_row *row, ls_error *error);
LS_INLINE size_t ls_ndjson_field_count(const ls_ndjson *ndjson)
{
    return ndjson->keys.count - 1;
}
#endif
