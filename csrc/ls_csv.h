/* The CSV scanner: RFC 4180. Quoted fields may hold delimiters, doubled quotes and newlines; lines
 * end with LF or CR LF (a lone CR is data, and so is a quote inside an unquoted field); a
 * byte-order mark and blank lines are skipped. */
#ifndef LS_CSV_H
#define LS_CSV_H

#include "ls_rows.h"
#include "ls_source.h"

typedef struct ls_csv {
    ls_context *context;
    ls_window window;
    char delimiter;
    bool begun, closed; /* the byte-order mark was looked for; the last line was given an end */
    uint64_t line;      /* of window.data[window.start] */
    size_t marked;      /* the window is marked up to here */
    uint32_t
        *marks; /* places of delimiters, quotes, line feeds and zeros in the window, ascending */
    size_t mark_count, mark_capacity, next_mark;
    char *unquoted; /* texts of a batch that had doubled quotes */
    size_t unquoted_used, unquoted_size;
    bool no_memory;
    ls_string *fields;
    size_t field_capacity;
} ls_csv;

/* Zero-initialise; window.source is opened by the caller, closed by ls_csv_free. */
void ls_csv_free(ls_csv *csv);
/* Reads one row of any number of fields (of the first, `row->found`, in csv->fields); at the end
 * row->text is NULL. ls_csv_unread puts it back, until anything else is read. */
int ls_csv_read_row(ls_csv *csv, ls_row *row, ls_error *error);
void ls_csv_unread(ls_csv *csv, const ls_row *row);
/* Gives the batch its shape: rows of this many fields. */
int ls_csv_set_fields(ls_csv *csv, size_t count, ls_batch *batch, ls_error *error);
/* The next rows; none at the end. */
int ls_csv_read(ls_csv *csv, ls_batch *batch, ls_error *error);
#endif
