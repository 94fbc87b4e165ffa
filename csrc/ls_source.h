/* Where bytes come from: a file, or the caller's reader; plain or gzip. And a window over them that
 * scanners move along. */
#ifndef LS_SOURCE_H
#define LS_SOURCE_H

#include "ls_core.h"

typedef struct ls_source {
    ls_context *context;
    const char *name; /* for messages; the caller keeps it */
    int file;         /* -1: the reader */
    ls_reader reader;
    void *reader_user;
    struct ls_gzip *gzip; /* NULL: plain */
    bool ended;           /* the file or reader has no more */
    uint64_t done, total; /* bytes of the file (compressed ones of a gzip); total 0: not known */
} ls_source;

int ls_source_open(ls_source *source, ls_context *context, const ls_input_options *options,
                   ls_error *error);
void ls_source_close(ls_source *source);
/* Fills the buffer as far as there are bytes: *length < size only at the end. */
int ls_source_read(ls_source *source, char *buffer, size_t size, size_t *length, ls_error *error);
/* Bytes of a plain file from `at` on, for any thread: answers how many came, fewer at the end and
 * where reading fails. */
size_t ls_source_read_at(const ls_source *source, char *buffer, size_t size, uint64_t at);

/* Bytes that may be read past the end of a window (their values mean nothing): scanners look at 64
 * at a time, coders at 8. */
#define LS_WINDOW_SLACK 128

typedef struct ls_window {
    ls_source source;
    char *data;
    size_t capacity;   /* without the slack */
    size_t start, end; /* of data: what is not yet scanned */
    uint64_t before;   /* bytes that came before data[0] */
    bool ended;        /* nothing follows data[end] */
} ls_window;

void ls_window_free(ls_window *window);
/* Moves what is left to the front and reads until there are `wanted` bytes or no more. */
int ls_window_fill(ls_window *window, size_t wanted, ls_error *error);
/* Takes bytes out of the window and what follows it, up to `size`: *length < size only at the end.
 * What was not used is put back, the last taken first. */
int ls_window_take(ls_window *window, char *buffer, size_t size, size_t *length, ls_error *error);
int ls_window_put_back(ls_window *window, const char *text, size_t length, ls_error *error);
/* Where the window begins: so many bytes came before it. */
LS_INLINE uint64_t ls_window_place(const ls_window *window)
{
    return window->before + window->start;
}
/* Goes on at another place of a plain file. */
int ls_window_move(ls_window *window, uint64_t place, ls_error *error);
#endif
