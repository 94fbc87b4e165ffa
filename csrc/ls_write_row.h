/* A record's scores as a row of CSV or NDJSON, with the cells of every definition of its object.
 * Numbers are exact; what is empty is an empty cell, in NDJSON null. */
#ifndef LS_WRITE_ROW_H
#define LS_WRITE_ROW_H

#include "ls_result.h"

typedef struct ls_row_writer {
    const ls_result *result;
    ls_object object;
    ls_format format;
    bool extra;     /* also whether each was scored, and when that changes */
    ls_arena arena; /* of what follows */
    struct ls_score_texts *scores;
    size_t score_count;
    size_t longest; /* bytes of a row's cells, its id's not counted, and those that are written past
                       its end */
    ls_buffer made; /* the text that is being made */
} ls_row_writer;

/* Makes what all rows share, of a writer that says what is to be written (the others are zeros).
 * LS_OK or LS_ERROR_MEMORY. */
int ls_row_writer_init(ls_row_writer *writer, ls_context *context);
void ls_row_writer_free(ls_row_writer *writer);
/* The names of the cells. */
void ls_write_heading(const ls_row_writer *writer, ls_buffer *text);
/* Adds the record's row. What it asks next_change_at of is no thread's alone: rows with extra cells
 * are written one after another, others by any number of threads. */
int ls_write_row(const ls_row_writer *writer, size_t row, ls_buffer *text, ls_error *error);
/* The text has room for the record's row: writing it asks for no memory. */
bool ls_row_fits(const ls_row_writer *writer, size_t row, const ls_buffer *text);

#endif
