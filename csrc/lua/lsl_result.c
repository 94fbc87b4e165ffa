/* Results (columns of scores) and outputs (files that appear whole or not at all). */
#if !defined(_XOPEN_SOURCE)
#define _XOPEN_SOURCE 700 /* realpath */
#endif

#include "lsl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- result ---------------------------------------------------------------------------------- */

typedef struct result_owner {
    ls_result *result;
    const ls_plan *plan; /* kept alive by the result */
} result_owner;

static result_owner *check_result(lua_State *L)
{
    result_owner *owner = luaL_checkudata(L, 1, LSL_RESULT);
    if (owner->result == NULL)
        lsl_closed(L, "result");
    return owner;
}

static int close_result(lua_State *L)
{
    result_owner *owner = luaL_checkudata(L, 1, LSL_RESULT);
    ls_result *result = owner->result;
    owner->result = NULL;
    if (result != NULL)
        ls_result_close(result);
    return 0;
}

void lsl_result_push(lua_State *L, lsl_job *job)
{
    result_owner *owner = lsl_new(L, LSL_RESULT, sizeof *owner);
    owner->result = job->result;
    owner->plan = job->plan;
    job->result = NULL;
}

static size_t check_definition(lua_State *L, const result_owner *owner)
{
    return lsl_check_index(L, 2, ls_plan_count(owner->plan), "definitions");
}

static size_t check_row(lua_State *L, const result_owner *owner, size_t definition)
{
    ls_object object = ls_plan_object(owner->plan, definition);
    return lsl_check_index(L, 3, ls_result_count(owner->result, object), "records");
}

static int result_count(lua_State *L)
{
    result_owner *owner = check_result(L);
    ls_object object = lsl_check_object(L, 2, false);
    lsl_push_integer(L, (int64_t)ls_result_count(owner->result, object));
    return 1;
}

static int result_at(lua_State *L)
{
    lsl_push_integer(L, ls_result_at(check_result(L)->result));
    return 1;
}

static int get_score(lua_State *L, result_owner *owner, size_t *definition, ls_score *score)
{
    *definition = check_definition(L, owner);
    size_t row = check_row(L, owner, *definition);
    memset(score, 0, sizeof *score);
    int status = ls_result_get(owner->result, *definition, row, score);
    if (status == LS_OK)
        return LS_OK;
    ls_error error;
    ls_fail(&error, (ls_status)status, "the score cannot be had");
    lsl_fail(L, &error);
    return status;
}

static int result_get(lua_State *L)
{
    result_owner *owner = check_result(L);
    size_t definition;
    ls_score score;
    if (get_score(L, owner, &definition, &score) != LS_OK)
        return 2;
    lsl_push_score(L, &score, ls_plan_combined(owner->plan, definition));
    return 1;
}

static void push_points_text(lua_State *L, int64_t points, bool there)
{
    char text[LS_POINTS_TEXT];
    if (there)
        lua_pushlstring(L, text, ls_print_points(points, text));
    else
        lua_pushnil(L);
}

static int result_exact(lua_State *L)
{
    result_owner *owner = check_result(L);
    size_t definition;
    ls_score score;
    if (get_score(L, owner, &definition, &score) != LS_OK)
        return 2;
    bool there = score.in_scope && !score.empty;
    bool combined = there && ls_plan_combined(owner->plan, definition);
    push_points_text(L, score.value, there);
    push_points_text(L, score.fit, combined);
    push_points_text(L, score.engagement, combined);
    return 3;
}

static int result_next_change(lua_State *L)
{
    result_owner *owner = check_result(L);
    size_t definition = check_definition(L, owner);
    size_t row = check_row(L, owner, definition);
    bool known;
    int64_t at;
    ls_error error;
    if (ls_result_next_change(owner->result, definition, row, &known, &at, &error) != LS_OK)
        return lsl_fail(L, &error);
    if (known)
        lsl_push_integer(L, at);
    else
        lua_pushboolean(L, 0);
    return 1;
}

static int result_top(lua_State *L)
{
    result_owner *owner = check_result(L);
    size_t definition = check_definition(L, owner);
    int64_t wanted = lsl_check_integer(L, 3);
    luaL_argcheck(L, wanted >= 0, 3, "a number of rows expected");
    size_t rows = ls_result_count(owner->result, ls_plan_object(owner->plan, definition));
    size_t n = (uint64_t)wanted < rows ? (size_t)wanted : rows, count = 0;
    size_t *found = lua_newuserdata(L, (n + 1) * sizeof *found);
    ls_error error;
    if (n != 0 && ls_result_top(owner->result, definition, n, found, &count, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lsl_push_integer(L, (int64_t)found[i] + 1);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}

static ls_format check_format(lua_State *L)
{
    lsl_field(L, 2, "format");
    const char *text = lua_isnil(L, -1) ? "csv" : lua_tostring(L, -1);
    if (text == NULL || (strcmp(text, "csv") != 0 && strcmp(text, "ndjson") != 0))
        luaL_error(L, "leadscore: write: format: expected csv or ndjson");
    return strcmp(text, "csv") == 0 ? LS_FORMAT_CSV : LS_FORMAT_NDJSON;
}

static int result_write(lua_State *L)
{
    result_owner *owner = check_result(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lsl_job *job = lsl_job_new(L, 1);
    ls_format format = check_format(L);
    lsl_field(L, 2, "object");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lsl_push_object(L, LS_CONTACT);
    }
    ls_object object = lsl_check_object(L, lua_gettop(L), false);
    lsl_field(L, 2, "extra");
    bool extra = lua_toboolean(L, -1) != 0;
    lsl_field(L, 2, "output");
    lsl_job_write_to(L, lua_gettop(L), 3, job);
    lua_settop(L, 3);
    ls_error error;
    int status = ls_result_write(owner->result, object, format, extra, lsl_job_write, job,
                                 &job->job, &error);
    return lsl_job_opened(L, job, status, &error);
}

static int result_distribution(lua_State *L)
{
    result_owner *owner = check_result(L);
    size_t definition = check_definition(L, owner);
    int64_t bins = lua_isnoneornil(L, 3) ? 10 : lsl_check_integer(L, 3);
    luaL_argcheck(L, bins >= 1 && bins <= 10000, 3, "1 to 10000 bins expected");
    ls_buffer *text = lsl_buffer_new(L);
    ls_error error;
    if (ls_result_distribution(owner->result, definition, (size_t)bins, lsl_buffer_write, text,
                               &error) != LS_OK)
        return lsl_fail(L, &error);
    lsl_buffer_push(L, text);
    return 1;
}

static int print_result(lua_State *L)
{
    result_owner *owner = luaL_checkudata(L, 1, LSL_RESULT);
    char records[LSL_SHORT_TEXT], scores[LSL_SHORT_TEXT], at[LS_TIME_TEXT];
    if (owner->result == NULL) {
        lua_pushliteral(L, LSL_RESULT " (closed)");
        return 1;
    }
    uint64_t count = 0;
    for (int object = LS_CONTACT; object <= LS_DEAL; object++)
        count += ls_result_count(owner->result, (ls_object)object);
    size_t definitions = ls_plan_count(owner->plan);
    ls_print_time(ls_result_at(owner->result), at);
    lua_pushfstring(L, LSL_RESULT " (%s %s of %s %s at %s)", lsl_print_count(definitions, scores),
                    definitions == 1 ? "score" : "scores", lsl_print_count(count, records),
                    count == 1 ? "record" : "records", at);
    return 1;
}

void lsl_open_result(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", close_result},
        {"__close", close_result},
        {"close", close_result},
        {"__tostring", print_result},
        {"count", result_count},
        {"at", result_at},
        {"get", result_get},
        {"exact", result_exact},
        {"next_change", result_next_change},
        {"top", result_top},
        {"write", result_write},
        {"distribution", result_distribution},
        {NULL, NULL},
    };
    lsl_class(L, context, LSL_RESULT, functions);
}

/* ---- output ---------------------------------------------------------------------------------- */

#define OUTPUT_BUFFER 65536
#define OUTPUT_TRIES 1000 /* names for the temporary file */

typedef enum output_state { OUTPUT_CLOSED, OUTPUT_OPEN, OUTPUT_COMMITTED } output_state;

struct lsl_output {
    output_state state;
    int descriptor;
    bool borrowed;    /* standard output: not ours to close */
    uint64_t written; /* bytes, with those in the buffer */
    char *path;       /* where the file will be; links resolved */
    char *temporary;  /* NULL: written in place (a device, a pipe, standard output) */
    char name[128];   /* for messages */
    size_t length;
    char buffer[OUTPUT_BUFFER];
};

static int fail_io(const lsl_output *output, ls_error *error, const char *what, int number)
{
    return lsl_fail_system(error, output->name, what, number);
}

static bool wait_writable(int descriptor)
{
    struct pollfd poller = {descriptor, POLLOUT, 0};
    return poll(&poller, 1, -1) >= 0 || errno == EINTR;
}

static int write_bytes(lsl_output *output, const char *bytes, size_t size, ls_error *error)
{
    while (size != 0) {
        ssize_t written = write(output->descriptor, bytes, size);
        if (written >= 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_writable(output->descriptor))
                return fail_io(output, error, "write", errno);
        } else if (errno != EINTR) {
            return fail_io(output, error, "write", errno);
        }
    }
    return 0;
}

static int flush(lsl_output *output, ls_error *error)
{
    size_t length = output->length;
    output->length = 0;
    return write_bytes(output, output->buffer, length, error);
}

int lsl_output_add(lsl_output *output, const char *bytes, size_t size, ls_error *error)
{
    if (output->state != OUTPUT_OPEN) {
        ls_fail_at(error, LS_ERROR_IO, output->name, 0, 0, "the output is closed");
        return -1;
    }
    if (size > OUTPUT_BUFFER - output->length && flush(output, error) != 0)
        return -1;
    output->written += size;
    if (size > OUTPUT_BUFFER)
        return write_bytes(output, bytes, size, error);
    memcpy(output->buffer + output->length, bytes, size);
    output->length += size;
    return 0;
}

/* Gives up what is open; a temporary file that was not put in place goes. */
static void abandon(lsl_output *output, output_state state)
{
    if (output->state == OUTPUT_OPEN && !output->borrowed && output->descriptor >= 0)
        close(output->descriptor);
    if (output->temporary != NULL)
        unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    output->temporary = output->path = NULL;
    output->descriptor = -1;
    output->state = state;
}

static int close_output(lua_State *L)
{
    lsl_output *output = luaL_checkudata(L, 1, LSL_OUTPUT);
    if (output->state == OUTPUT_OPEN && output->temporary == NULL)
        flush(output, NULL); /* what was written in place cannot be taken back: let it be all */
    if (output->state != OUTPUT_COMMITTED)
        abandon(output, OUTPUT_CLOSED);
    return 0;
}

/* Opens a new file beside the path; the name tells whose it is, should the machine stop. */
static bool open_temporary(lsl_output *output)
{
    size_t size = strlen(output->path) + 64;
    char *name = malloc(size);
    if (name == NULL) {
        errno = ENOMEM;
        return false;
    }
    for (int i = 0; i < OUTPUT_TRIES && output->descriptor < 0; i++) {
        snprintf(name, size, "%s.%ld-%d.tmp", output->path, (long)getpid(), i);
        output->descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->descriptor < 0 && errno != EEXIST)
            break;
    }
    if (output->descriptor < 0) {
        free(name);
        return false;
    }
    output->temporary = name;
    return true;
}

/* A file that is there keeps its place (links are followed) and its permissions; what is there and
 * is no file, such as /dev/null or a pipe, is written to directly. */
static bool open_path(lsl_output *output, const char *path)
{
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    if (exists && !S_ISREG(status.st_mode)) {
        output->descriptor = open(path, O_WRONLY | O_CLOEXEC);
        return output->descriptor >= 0;
    }
    if (exists && access(path, W_OK) != 0)
        return false; /* renaming over it would not ask */
    output->path = exists ? realpath(path, NULL) : malloc(strlen(path) + 1);
    if (output->path == NULL)
        return false;
    if (!exists)
        memcpy(output->path, path, strlen(path) + 1);
    if (!open_temporary(output))
        return false;
    if (exists)
        fchmod(output->descriptor, status.st_mode & 07777);
    return true;
}

static lsl_output *new_output(lua_State *L, const char *name)
{
    lsl_output *output = lsl_new(L, LSL_OUTPUT, sizeof *output);
    output->descriptor = -1;
    size_t length = strlen(name), most = sizeof output->name - 1;
    memcpy(output->name, name, length < most ? length : most); /* the rest is cleared */
    return output;
}

int lsl_output_new(lua_State *L)
{
    lsl_output *output;
    if (lua_type(L, 1) == LUA_TNUMBER) {
        luaL_argcheck(L, lua_tonumber(L, 1) == 1, 1, "path or 1 (standard output) expected");
        output = new_output(L, "standard output");
        output->descriptor = STDOUT_FILENO;
        output->borrowed = true;
    } else {
        size_t length;
        const char *path = lsl_check_text(L, 1, &length);
        luaL_argcheck(L, length != 0 && strlen(path) == length, 1, "path expected");
        output = new_output(L, path);
        if (!open_path(output, path)) {
            ls_error error;
            fail_io(output, &error, "open", errno);
            abandon(output, OUTPUT_CLOSED);
            return lsl_fail(L, &error);
        }
    }
    output->state = OUTPUT_OPEN;
    return 1;
}

static lsl_output *check_output(lua_State *L)
{
    lsl_output *output = luaL_checkudata(L, 1, LSL_OUTPUT);
    if (output->state != OUTPUT_OPEN)
        luaL_error(L, "leadscore: output is %s",
                   output->state == OUTPUT_CLOSED ? "closed" : "committed");
    return output;
}

static int output_write(lua_State *L)
{
    lsl_output *output = check_output(L);
    size_t length;
    const char *text = lsl_check_text(L, 2, &length);
    ls_error error;
    if (lsl_output_add(output, text, length, &error) != 0)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* The bytes are on the disk before the name is, so that a machine that stops leaves the old file or
 * the new. */
static int put_in_place(lsl_output *output, ls_error *error)
{
    if (flush(output, error) != 0)
        return -1;
    if (output->temporary == NULL)
        return 0;
    if (fsync(output->descriptor) != 0)
        return fail_io(output, error, "write", errno);
    int descriptor = output->descriptor;
    output->descriptor = -1;
    if (close(descriptor) != 0)
        return fail_io(output, error, "write", errno);
    if (rename(output->temporary, output->path) != 0)
        return fail_io(output, error, "rename to", errno);
    free(output->temporary);
    output->temporary = NULL;
    return 0;
}

static int output_commit(lua_State *L)
{
    lsl_output *output = check_output(L);
    ls_error error;
    int status = put_in_place(output, &error);
    abandon(output, status == 0 ? OUTPUT_COMMITTED : OUTPUT_CLOSED);
    if (status != 0)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

static int print_output(lua_State *L)
{
    static const char *const states[] = {"closed", "written", "committed"};
    lsl_output *output = luaL_checkudata(L, 1, LSL_OUTPUT);
    char bytes[LSL_SHORT_TEXT];
    lua_pushfstring(L, LSL_OUTPUT " (%s, %s %s)", output->name,
                    lsl_print_bytes(output->written, bytes), states[output->state]);
    return 1;
}

void lsl_open_output(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", close_output},
        {"__close", close_output},
        {"close", close_output},
        {"__tostring", print_output},
        {"write", output_write},
        {"commit", output_commit},
        {NULL, NULL},
    };
    lsl_class(L, context, LSL_OUTPUT, functions);
}
