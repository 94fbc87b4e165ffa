/* Rows as scanners hand them to readers: a batch at a time, each row with its line and its bytes.
 * The texts of fields lie in the scanner's memory until its next batch, and 8 bytes from any place
 * in one may be read. */
#ifndef LS_ROWS_H
#define LS_ROWS_H

#include "ls_core.h"

/* The most bytes a row (or a line of NDJSON) may have, with its line end: one open quote must not
 * make us hold a whole file. */
#define LS_MAX_ROW ((size_t)16 * 1024 * 1024)

typedef enum ls_problem {
    LS_ROW_GOOD,
    LS_ROW_FIELD_COUNT, /* found: fields it has */
    LS_ROW_NUL,         /* field */
    LS_ROW_OPEN_QUOTE,  /* field; line: where it opened. Only the row's first line is refused */
    LS_ROW_QUOTE_TEXT, /* field; text after a closing quote. Only the row's first line is refused */
    LS_ROW_TOO_LONG,   /* not even its line ends within LS_MAX_ROW: nothing can be read after it */
    LS_ROW_NOT_JSON    /* message */
} ls_problem;

typedef struct ls_row {
    const char *text; /* verbatim, without its line end */
    uint32_t length;
    uint8_t problem; /* ls_problem; the fields of a row that is not good mean nothing */
    uint64_t line;   /* physical line where it starts; of an open quote: where that is */
    size_t field;    /* 1-based; 0: none */
    size_t found;
    const char *message;
} ls_row;

#define LS_BATCH_ROWS 128
typedef struct ls_batch {
    size_t row_count;
    size_t row_limit;  /* at most LS_BATCH_ROWS; fewer where rows have many fields */
    size_t stride;     /* fields a row */
    ls_string *fields; /* of row i: fields[i * stride ..]; the text of an empty one may be NULL */
    ls_row rows[LS_BATCH_ROWS];
} ls_batch;

/* The text of a field that holds an object or a nested array (its length is 0). */
extern const char ls_nested_value[];
#endif
