/* A file that batches of lines are appended to: the writing half of an event log.
 *
 * A batch is one write(2), so that it is in the file or not, also when the process is killed after
 * it. What could not be written whole is cut off again: no half line stands before the next batch.
 * The file is looked up by its name before each batch, so that one that was moved away or removed
 * is made again. The object is made closed, and its file is opened by open() or the first batch. It
 * is locked while it is open: of two that write one file, the second is refused. */
#include "lsl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_SIZE 4096
#define OPEN_TRIES 10 /* the name may lead elsewhere by the time that its file is locked */

typedef struct lsl_append {
    bool closed; /* for good */
    bool open;
    bool durable; /* a new file's name is on the disk before it is written to */
    bool dirty;   /* written since it was synced */
    bool broken;  /* what follows `size` is to be cut off before anything is written */
    int descriptor;
    dev_t device;
    ino_t inode;
    off_t size; /* of whole batches */
    char *path;
} lsl_append;

static int fail(const lsl_append *append, ls_error *error, const char *what)
{
    return lsl_fail_system(error, append->path, what, errno);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int sync_folder(const lsl_append *append, ls_error *error)
{
    char *slash = strrchr(append->path, '/');
    char kept = '\0';
    if (slash != NULL) { /* "/x" is in "/" */
        slash += slash == append->path;
        kept = *slash;
        *slash = '\0';
    }
    int folder = open(slash != NULL ? append->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slash != NULL)
        *slash = kept;
    if (folder < 0)
        return fail(append, error, "open the folder of");
    int status = fsync(folder);
    if (status != 0 && (errno == EINVAL || errno == ENOTSUP))
        status = 0; /* folders of this file system are not synced */
    if (status != 0)
        fail(append, error, "sync the folder of");
    close(folder);
    return status;
}

/* The last line that has its end, as a size; -1: reading failed. */
static off_t end_of_lines(int descriptor, off_t size)
{
    char tail[TAIL_SIZE];
    while (size > 0) {
        off_t start = size > TAIL_SIZE ? size - TAIL_SIZE : 0;
        ssize_t length = pread(descriptor, tail, (size_t)(size - start), start);
        if (length < 0 && errno == EINTR)
            continue;
        if (length != size - start)
            return -1;
        for (ssize_t i = length; i > 0; i--)
            if (tail[i - 1] == '\n')
                return start + i;
        size = start;
    }
    return 0;
}

/* The line that a process was killed in was never acknowledged. */
static int begin_at_line(lsl_append *append, off_t size, ls_error *error)
{
    append->size = end_of_lines(append->descriptor, size);
    if (append->size < 0)
        return fail(append, error, "read");
    if (append->size < size && ftruncate(append->descriptor, append->size) != 0)
        return fail(append, error, "cut");
    return 0;
}

static void close_file(lsl_append *append)
{
    if (append->open)
        close(append->descriptor);
    append->open = append->dirty = append->broken = false;
    append->descriptor = -1;
}

/* 0: the file is ours; 1: the name leads to another file by now; -1. */
static int lock_file(lsl_append *append, struct stat *status, ls_error *error)
{
    struct stat named;
    if (fstat(append->descriptor, status) != 0)
        return fail(append, error, "open");
    if (!S_ISREG(status->st_mode))
        return ls_fail_at(error, LS_ERROR_IO, append->path, 0, 0, "cannot append: it is no file");
    if (flock(append->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return ls_fail_at(error, LS_ERROR_IO, append->path, 0, 0,
                          "cannot append: another writer has it open");
    if (stat(append->path, &named) != 0)
        return errno == ENOENT ? 1 : fail(append, error, "open");
    if (named.st_dev != status->st_dev || named.st_ino != status->st_ino)
        return 1;
    return fstat(append->descriptor, status) == 0 ? 0 : fail(append, error, "open");
}

static int open_descriptor(lsl_append *append, ls_error *error)
{
    /* O_NONBLOCK: a pipe of this name is refused, not waited for. */
    const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    do {
        append->descriptor = open(append->path, flags, 0640);
    } while (append->descriptor < 0 && errno == EINTR);
    if (append->descriptor < 0)
        return fail(append, error, "open");
    append->open = true;
    return 0;
}

static int open_file(lsl_append *append, ls_error *error)
{
    struct stat status;
    int answer = 1;
    for (int i = 0; i < OPEN_TRIES && answer == 1; i++) {
        close_file(append);
        answer = open_descriptor(append, error);
        if (answer == 0)
            answer = lock_file(append, &status, error);
    }
    if (answer == 1)
        answer = ls_fail_at(error, LS_ERROR_IO, append->path, 0, 0,
                            "cannot open: it is moved away again and again");
    if (answer == 0)
        answer = begin_at_line(append, status.st_size, error);
    if (answer == 0 && append->durable && status.st_size == 0)
        answer = sync_folder(append, error);
    if (answer != 0) {
        close_file(append);
        return -1;
    }
    append->device = status.st_dev;
    append->inode = status.st_ino;
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int sync_file(lsl_append *append, ls_error *error)
{
    if (!append->open || !append->dirty)
        return 0;
    if (fdatasync(append->descriptor) != 0)
        return fail(append, error, "sync");
    append->dirty = false;
    return 0;
}

/* Whether the file is open, and the one of its name still. */
static bool is_there(lsl_append *append)
{
    struct stat named;
    bool same = append->open && stat(append->path, &named) == 0 && named.st_dev == append->device &&
                named.st_ino == append->inode;
    if (same && !append->broken)
        append->size = named.st_size; /* smaller, where somebody emptied it */
    return same;
}

/* Opens the file if it is not open, or not the one of this name any more. */
static int find_file(lsl_append *append, ls_error *error)
{
    if (is_there(append))
        return 0;
    if (append->open && append->durable)
        sync_file(append, NULL); /* of the one moved away: it was told to be written already */
    return open_file(append, error);
}

/* Cuts off what a failed batch left. Where that fails too, it is tried before the next batch. */
static void cut(lsl_append *append)
{
    append->broken = ftruncate(append->descriptor, append->size) != 0;
}

static int write_all(lsl_append *append, const char *bytes, size_t size, ls_error *error)
{
    while (size != 0) {
        ssize_t written = write(append->descriptor, bytes, size);
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            if (written == 0)
                errno = ENOSPC;
            return fail(append, error, "write");
        }
    }
    return 0;
}

/* To the file that was found. */
static int write_batch(lsl_append *append, const char *bytes, size_t size, bool sync,
                       ls_error *error)
{
    if (append->broken)
        cut(append);
    if (append->broken)
        return fail(append, error, "cut off what was not written whole in");
    append->dirty = true;
    if (write_all(append, bytes, size, error) != 0 || (sync && sync_file(append, error) != 0)) {
        cut(append);
        return -1;
    }
    append->size += (off_t)size;
    return 0;
}

/* ---- the object ------------------------------------------------------------------------------ */

static lsl_append *check_append(lua_State *L)
{
    lsl_append *append = luaL_checkudata(L, 1, LSL_APPEND);
    if (append->closed)
        lsl_closed(L, "log file");
    return append;
}

static int answer(lua_State *L, int status, const ls_error *error)
{
    if (status != 0)
        return lsl_fail(L, error);
    lua_pushboolean(L, 1);
    return 1;
}

/* append(path, durable): opens nothing. */
int lsl_append_new(lua_State *L)
{
    size_t length;
    const char *path = lsl_check_text(L, 1, &length);
    luaL_argcheck(L, length != 0 && strlen(path) == length, 1, "path expected");
    lsl_append *append = lsl_new(L, LSL_APPEND, sizeof *append);
    append->descriptor = -1;
    append->durable = lua_toboolean(L, 2) != 0;
    append->path = malloc(length + 1);
    append->closed = append->path == NULL;
    if (append->closed)
        return lsl_fail_memory(L);
    memcpy(append->path, path, length + 1);
    return 1;
}

static int append_open(lua_State *L)
{
    lsl_append *append = check_append(L);
    ls_error error;
    return answer(L, find_file(append, &error), &error);
}

/* write(text, sync, stay); stay: only where the file is open and was not moved away, else false. */
static int append_write(lua_State *L)
{
    lsl_append *append = check_append(L);
    size_t length;
    const char *text = lsl_check_text(L, 2, &length);
    ls_error error;
    luaL_argcheck(L, length != 0 && text[length - 1] == '\n', 2, "whole lines expected");
    if (lua_toboolean(L, 4) && !is_there(append)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (!lua_toboolean(L, 4) && find_file(append, &error) != 0)
        return lsl_fail(L, &error);
    return answer(L, write_batch(append, text, length, lua_toboolean(L, 3) != 0, &error), &error);
}

static int append_sync(lua_State *L)
{
    lsl_append *append = check_append(L);
    ls_error error;
    return answer(L, sync_file(append, &error), &error);
}

/* Bytes of whole batches in the file; nil while it is not open. */
static int append_size(lua_State *L)
{
    lsl_append *append = check_append(L);
    if (append->open)
        lsl_push_integer(L, (int64_t)append->size);
    else
        lua_pushnil(L);
    return 1;
}

static int append_close(lua_State *L)
{
    lsl_append *append = luaL_checkudata(L, 1, LSL_APPEND);
    close_file(append);
    free(append->path);
    append->path = NULL;
    append->closed = true;
    return 0;
}

static int append_print(lua_State *L)
{
    lsl_append *append = luaL_checkudata(L, 1, LSL_APPEND);
    lua_pushfstring(L, LSL_APPEND " (%s)", append->closed ? "closed" : append->path);
    return 1;
}

void lsl_open_append(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", append_close},       {"__close", append_close}, {"close", append_close},
        {"__tostring", append_print}, {"open", append_open},     {"write", append_write},
        {"sync", append_sync},        {"size", append_size},     {NULL, NULL},
    };
    lsl_class(L, context, LSL_APPEND, functions);
}
