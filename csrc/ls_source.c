/* Bytes from a file, or from the caller's reader; plain or gzip.
 *
 * A gzip may have several members, one after another, and zero bytes after the last; one that ends
 * early or is damaged is an error, never a shorter file. zlib allocates through the context. */
#include "ls_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Most bytes that one read asks for; some systems refuse 2 GiB and more. */
#define MOST_READ ((size_t)1 << 24)
#define COMPRESSED_SIZE ((size_t)64 * 1024)

typedef struct ls_gzip {
    z_stream stream;
    bool inside;  /* a member has begun and not ended */
    bool members; /* one has begun */
    unsigned char input[COMPRESSED_SIZE];
} ls_gzip;

/* ---- zlib's memory --------------------------------------------------------------------------- */

/* Stands before each block: zlib's free is not told the size. */
typedef union block_header {
    size_t size;
    max_align_t alignment;
} block_header;

static void *allocate_for_zlib(void *user, unsigned count, unsigned size)
{
    if (size != 0 && count > (SIZE_MAX - sizeof(block_header)) / size)
        return Z_NULL;
    size_t total = sizeof(block_header) + (size_t)count * size;
    block_header *header = ls_allocate(user, total);
    if (header == NULL)
        return Z_NULL;
    header->size = total;
    return header + 1;
}

static void free_for_zlib(void *user, void *block)
{
    block_header *header = (block_header *)block - 1;
    ls_free(user, header, header->size);
}

/* ---- plain bytes ----------------------------------------------------------------------------- */

static const char *reason_of(int number)
{
    switch (number) {
    case ENOENT: return "there is no such file";
    case EACCES:
    case EPERM: return "permission denied";
    case EISDIR: return "it is a folder";
    case EMFILE:
    case ENFILE: return "too many files are open";
    case EIO: return "the device failed";
    default: return "the system refused";
    }
}

static int open_file(ls_source *source, const char *path, ls_error *error)
{
    do {
        source->file = open(path, O_RDONLY | O_CLOEXEC);
    } while (source->file < 0 && errno == EINTR);
    struct stat about;
    if (source->file < 0 || fstat(source->file, &about) != 0)
        return ls_fail_at(error, LS_ERROR_IO, source->name, 0, 0, "cannot open it: %s",
                          reason_of(errno));
    if (S_ISDIR(about.st_mode))
        return ls_fail_at(error, LS_ERROR_IO, source->name, 0, 0, "cannot read it: %s",
                          reason_of(EISDIR));
    if (S_ISREG(about.st_mode) && about.st_size > 0)
        source->total = (uint64_t)about.st_size;
    return LS_OK;
}

static int open_gzip(ls_source *source, ls_error *error)
{
    source->gzip = ls_allocate_zero(source->context, 1, sizeof *source->gzip);
    if (source->gzip == NULL)
        return ls_fail_memory(error);
    z_stream *stream = &source->gzip->stream;
    stream->zalloc = allocate_for_zlib;
    stream->zfree = free_for_zlib;
    stream->opaque = source->context;
    if (inflateInit2(stream, 16 + MAX_WBITS) == Z_OK)
        return LS_OK;
    ls_free(source->context, source->gzip, sizeof *source->gzip);
    source->gzip = NULL;
    return ls_fail_memory(error);
}

int ls_source_open(ls_source *source, ls_context *context, const ls_input_options *options,
                   ls_error *error)
{
    *source = (ls_source){.context = context, .name = options->name, .file = -1};
    int status = LS_OK;
    if (options->path != NULL) {
        status = open_file(source, options->path, error);
    } else {
        source->reader = options->reader;
        source->reader_user = options->reader_user;
    }
    if (status == LS_OK && options->gzip)
        status = open_gzip(source, error);
    if (status != LS_OK)
        ls_source_close(source);
    return status;
}

void ls_source_close(ls_source *source)
{
    if (source->gzip != NULL) {
        inflateEnd(&source->gzip->stream);
        ls_free(source->context, source->gzip, sizeof *source->gzip);
        source->gzip = NULL;
    }
    if (source->file >= 0)
        close(source->file);
    source->file = -1;
}

static int64_t read_some(ls_source *source, char *buffer, size_t size)
{
    if (source->file < 0)
        return source->reader(source->reader_user, buffer, size);
    ssize_t count;
    do {
        count = read(source->file, buffer, size);
    } while (count < 0 && errno == EINTR);
    return count;
}

static int read_plain(ls_source *source, char *buffer, size_t size, size_t *length, ls_error *error)
{
    *length = 0;
    while (*length < size && !source->ended) {
        size_t wanted = size - *length < MOST_READ ? size - *length : MOST_READ;
        int64_t count = read_some(source, buffer + *length, wanted);
        if (count < 0 || (uint64_t)count > wanted)
            return ls_fail_at(error, LS_ERROR_IO, source->name, 0, 0, "reading failed");
        source->ended = count == 0;
        source->done += (uint64_t)count;
        *length += (size_t)count;
    }
    return LS_OK;
}

size_t ls_source_read_at(const ls_source *source, char *buffer, size_t size, uint64_t at)
{
    size_t length = 0;
    ssize_t count = 1;
    while (length < size && count > 0) {
        do {
            count = pread(source->file, buffer + length, size - length, (off_t)(at + length));
        } while (count < 0 && errno == EINTR);
        length += count > 0 ? (size_t)count : 0;
    }
    return length;
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static int refill_gzip(ls_source *source, ls_error *error)
{
    ls_gzip *gzip = source->gzip;
    size_t length;
    int status = read_plain(source, (char *)gzip->input, COMPRESSED_SIZE, &length, error);
    gzip->stream.next_in = gzip->input;
    gzip->stream.avail_in = status == LS_OK ? (unsigned)length : 0;
    return status;
}

/* Between members: passes zero bytes, and begins the next member if there is one. */
static void begin_member(ls_gzip *gzip)
{
    z_stream *stream = &gzip->stream;
    while (gzip->members && stream->avail_in > 0 && *stream->next_in == 0) {
        stream->next_in++;
        stream->avail_in--;
    }
    if (stream->avail_in == 0)
        return;
    inflateReset(stream);
    gzip->inside = gzip->members = true;
}

static int inflate_some(ls_source *source, ls_error *error)
{
    ls_gzip *gzip = source->gzip;
    int result = inflate(&gzip->stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END)
        gzip->inside = false;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
        return LS_OK;
    if (result == Z_MEM_ERROR)
        return ls_fail_memory(error);
    return ls_fail_at(error, LS_ERROR_INPUT, source->name, 0, 0, "damaged gzip: %s",
                      gzip->stream.msg != NULL ? gzip->stream.msg : "unreadable data");
}

static int read_gzip(ls_source *source, char *buffer, size_t size, size_t *length, ls_error *error)
{
    ls_gzip *gzip = source->gzip;
    z_stream *stream = &gzip->stream;
    stream->next_out = (unsigned char *)buffer;
    stream->avail_out = (unsigned)size;
    int status = LS_OK;
    bool more = true;
    while (status == LS_OK && more && stream->avail_out > 0) {
        unsigned room = stream->avail_out;
        if (stream->avail_in == 0 && !source->ended)
            status = refill_gzip(source, error);
        if (status == LS_OK && !gzip->inside)
            begin_member(gzip);
        if (status == LS_OK && gzip->inside)
            status = inflate_some(source, error);
        /* At the end of the input, zlib may still hold output. */
        more = stream->avail_in > 0 || !source->ended || stream->avail_out < room;
    }
    *length = size - stream->avail_out;
    if (status == LS_OK && *length < size && (gzip->inside || !gzip->members))
        return ls_fail_at(error, LS_ERROR_INPUT, source->name, 0, 0,
                          "the gzip data ends too early: the file is cut off");
    return status;
}

int ls_source_read(ls_source *source, char *buffer, size_t size, size_t *length, ls_error *error)
{
    if (source->gzip == NULL)
        return read_plain(source, buffer, size, length, error);
    size_t most = size < MOST_READ ? size : MOST_READ; /* zlib counts in unsigned */
    *length = 0;
    size_t count = most;
    int status = LS_OK;
    while (status == LS_OK && *length < size && count == most) {
        most = size - *length < MOST_READ ? size - *length : MOST_READ;
        status = read_gzip(source, buffer + *length, most, &count, error);
        *length += count;
    }
    return status;
}

/* ---- window ---------------------------------------------------------------------------------- */

void ls_window_free(ls_window *window)
{
    if (window->data != NULL)
        ls_free(window->source.context, window->data, window->capacity + LS_WINDOW_SLACK);
    window->data = NULL;
}

static int grow_window(ls_window *window, size_t wanted, ls_error *error)
{
    size_t old_size = window->data != NULL ? window->capacity + LS_WINDOW_SLACK : 0;
    char *data =
        ls_reallocate(window->source.context, window->data, old_size, wanted + LS_WINDOW_SLACK);
    if (data == NULL)
        return ls_fail_memory(error);
    window->data = data;
    window->capacity = wanted;
    return LS_OK;
}

int ls_window_fill(ls_window *window, size_t wanted, ls_error *error)
{
    size_t left = window->end - window->start, length = 0;
    if (left != 0 && window->start != 0)
        memmove(window->data, window->data + window->start, left);
    window->before += window->start;
    window->start = 0;
    window->end = left;
    if (wanted > window->capacity && grow_window(window, wanted, error) != LS_OK)
        return LS_ERROR_MEMORY;
    if (wanted <= left || window->ended)
        return LS_OK;
    int status =
        ls_source_read(&window->source, window->data + left, wanted - left, &length, error);
    if (status != LS_OK)
        return status;
    window->end += length;
    window->ended = length < wanted - left;
    memset(window->data + window->end, 0, LS_WINDOW_SLACK);
    return LS_OK;
}

int ls_window_take(ls_window *window, char *buffer, size_t size, size_t *length, ls_error *error)
{
    size_t held = window->end - window->start, count = 0;
    *length = held < size ? held : size;
    if (*length != 0)
        memcpy(buffer, window->data + window->start, *length);
    window->start += *length;
    if (*length == size || window->ended)
        return LS_OK;
    int status = ls_source_read(&window->source, buffer + *length, size - *length, &count, error);
    window->ended = count < size - *length;
    window->before += count;
    *length += count;
    return status;
}

int ls_window_put_back(ls_window *window, const char *text, size_t length, ls_error *error)
{
    size_t left = window->end - window->start;
    if (length == 0)
        return LS_OK;
    if (left + length > window->capacity && grow_window(window, left + length, error) != LS_OK)
        return LS_ERROR_MEMORY;
    if (left != 0)
        memmove(window->data + length, window->data + window->start, left);
    memcpy(window->data, text, length);
    window->before += window->start;
    window->before -= length;
    window->start = 0;
    window->end = left + length;
    memset(window->data + window->end, 0, LS_WINDOW_SLACK);
    return LS_OK;
}

int ls_window_move(ls_window *window, uint64_t place, ls_error *error)
{
    ls_source *source = &window->source;
    if (lseek(source->file, (off_t)place, SEEK_SET) < 0)
        return ls_fail_at(error, LS_ERROR_IO, source->name, 0, 0, "reading failed");
    source->done = window->before = place;
    source->ended = window->ended = false;
    window->start = window->end = 0;
    return LS_OK;
}
