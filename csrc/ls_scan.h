/* The fast way of a CSV file of events: chunks of whole rows, worked out by themselves. A chunk's
 * work reads what the dataset knows and writes only the chunk, so that threads can share it; what
 * it leaves over (a text that is new, a row that may be bad) is finished later, in order. */
#ifndef LS_SCAN_H
#define LS_SCAN_H

#include "ls_event_time.h"
#include "ls_ingest.h"
#include "ls_scan_texts.h"

#define LS_LEFT_ROW (UINT32_C(1) << 31)

typedef struct ls_chunk {
    char *text; /* size bytes and LS_WINDOW_SLACK */
    size_t size;
    size_t carried;  /* bytes before its own: left of the chunk before, or read again */
    size_t begin;    /* where its first row is */
    uint64_t at;     /* where the text is in the file, if threads read it in parts */
    size_t length;   /* of whole rows; the last byte is a line feed */
    size_t filled;   /* with the beginning of the row after them */
    uint64_t line;   /* of the first row; set before rows are finished */
    uint32_t *marks; /* before the first row, then where each field ends */
    size_t row_count;
    size_t used; /* bytes of the rows that were taken: less than length where a row is not plain */
    /* By row: */
    uint32_t *contacts; /* UINT32_MAX: left out */
    int64_t *times;
    uint32_t *names;
    uint32_t *codes; /* of column c: codes[c * row_capacity + row] */
    uint64_t (*identities)[2];
    uint64_t most;  /* ls_event_seconds of the times */
    uint32_t *left; /* rows that are left over, ascending: those of which only texts lack codes
                       (LS_NO_CODE), and with LS_LEFT_ROW those that may be bad */
    size_t left_count;
    uint64_t unknown_contacts;
    size_t row_capacity, column_count;
    bool identity, avx2;
    char *unquoted; /* texts of rows that are finished */
} ls_chunk;

/* What a thread remembers from one chunk to the next. */
typedef struct ls_scan_worker {
    ls_date_table dates;
    ls_known_texts *known; /* by field of the reading that is coded */
    size_t field_count, pairs;
} ls_scan_worker;

/* Bytes of the text and of the marks of a chunk of that size. */
LS_INLINE size_t ls_text_size(size_t size)
{
    return size + LS_WINDOW_SLACK;
}
LS_INLINE size_t ls_marks_size(size_t size)
{
    return (size + 65) * sizeof(uint32_t);
}
/* LS_OK or LS_ERROR_MEMORY. stride: fields of a row; columns: of the dataset's events. */
int ls_chunk_init(ls_chunk *chunk, ls_context *context, size_t size, size_t stride, size_t columns,
                  bool identity);
void ls_chunk_free(ls_chunk *chunk, ls_context *context);
/* LS_OK or LS_ERROR_MEMORY. size: of the chunks that it works out. */
int ls_scan_worker_init(ls_scan_worker *worker, const ls_reading *reading, size_t size);
void ls_scan_worker_free(ls_scan_worker *worker, ls_context *context);
/* ls_scan_run.c: fills a chunk with *tail, what the chunk before it left (it may be this one), and
 * what follows in the window; *tail is then what it leaves. False in *whole: no row ends in it. */
int ls_chunk_fill(ls_chunk *chunk, ls_window *window, ls_string *tail, bool *whole,
                  ls_error *error);
/* Gives the bytes of a chunk back to the window, from byte `from` on. */
int ls_chunk_put_back(const ls_chunk *chunk, size_t from, ls_window *window, ls_error *error);
/* ls_scan_marks.c: cutting a chunk into rows of `stride` fields, some at a time, up to one that is
 * not plain. */
typedef struct ls_cut {
    size_t at; /* bytes before it are marked */
    struct ls_cut_before {
        uint64_t inside; /* all ones inside quotes */
        uint64_t closed; /* 1: the byte before was a quote that closed */
    } before;
    size_t mark_count, line_count;
    size_t row_count; /* so far */
    bool plain, ended;
} ls_cut;
void ls_cut_begin(ls_cut *cut, ls_chunk *chunk);
/* Cuts some more, until cut->ended. */
void ls_cut_rows(ls_cut *cut, ls_chunk *chunk, size_t stride, char delimiter);
/* Works out the chunk's plain rows, up to the first that is not. Never allocates. */
void ls_chunk_work(ls_chunk *chunk, const ls_reading *reading, ls_scan_worker *worker);
/* From so many texts on a dictionary does not fit the second-level cache, and its parts are fetched
 * ahead. */
#define LS_LARGE_DICTIONARY 4096
#define LS_CODED_ROWS 256
/* Codes a field of up to LS_CODED_ROWS rows of a chunk, where its column's dictionary is not large;
 * LS_NO_CODE: the text is new, or to be looked at. No text is looked up in it by another thread. */
void ls_scan_code_rows(ls_chunk *chunk, const ls_reading *reading, ls_scan_worker *worker,
                       size_t field, const ls_column *column, size_t first, size_t count,
                       uint32_t *out);
/* Its loops, for several kinds of processors: ls_scan_block.h. */
struct ls_scan_block;
struct ls_scan_coding;
typedef struct ls_scan_loops {
    void (*read_contacts)(struct ls_scan_block *block);
    void (*read_uuids)(struct ls_scan_block *block);
    void (*find_uuids)(struct ls_scan_block *block);
    void (*read_times)(struct ls_scan_block *block);
    void (*find_contacts)(struct ls_scan_block *block);
    void (*code_known)(struct ls_scan_block *block, const struct ls_scan_coding *coding);
    size_t (*count_value)(const uint32_t *values, size_t count, uint32_t value);
} ls_scan_loops;
extern const ls_scan_loops ls_scan_avx2;
/* ls_events.c: takes the rows that are left over, in order, and writes what they are. */
int ls_chunk_finish(ls_chunk *chunk, ls_reading *reading, ls_error *error);

/* ls_scan_run.c: the chunks of a file, and the threads that share them. */
typedef struct ls_scan ls_scan;
/* NULL: no memory. The columns of the file are bound. */
ls_scan *ls_scan_new(ls_reading *reading);
void ls_scan_free(ls_scan *scan);
/* Takes plain rows as long as they come; LS_MORE: about `budget` bytes were taken (0: no bound),
 * LS_OK: the next row is for the scanner. */
int ls_scan_run(ls_scan *scan, uint64_t budget, ls_error *error);

/* The text of a field, untrimmed and with its quotes. */
LS_INLINE ls_string ls_chunk_field(const ls_chunk *chunk, size_t stride, size_t row, size_t field)
{
    const uint32_t *mark = chunk->marks + row * stride + field;
    uint32_t start = mark[0] + 1; /* the mark before the first row is -1 */
    return (ls_string){chunk->text + start, mark[1] - start};
}
/* The inside of a field that begins with a quote, where quotes are known to stand around whole
 * fields; the last of a row may end in a carriage return too. */
LS_INLINE ls_string ls_unquoted(ls_string field)
{
    size_t last = field.length - 1 - (field.text[field.length - 1] == '\r');
    return (ls_string){field.text + 1, last - 1};
}
#endif
