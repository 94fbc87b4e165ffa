/* Datasets, and the jobs that fill, group, score and write.
 *
 * Callbacks: the core calls back while it works, with its own frames on the C stack, so a Lua
 * function is called in a protected call whose error waits in the job until the step has returned.
 * All that such a call needs (the function that makes it, stack room, slots for what it leaves) is
 * there before the step begins: between the core and the protected call nothing allocates. A
 * callback may not touch the job it belongs to, nor its dataset. */
#include "lsl.h"

#include <limits.h>
#include <stdio.h>

/* ---- jobs ------------------------------------------------------------------------------------ */

#define KEPT_SLOTS LSL_KEPT_RESULT

lsl_job *lsl_job_new(lua_State *L, int source)
{
    lsl_job *job = lsl_new(L, LSL_JOB, sizeof *job);
    lua_createtable(L, KEPT_SLOTS, 0);
    for (int slot = 1; slot <= KEPT_SLOTS; slot++) {
        lua_pushboolean(L, 0);
        lua_rawseti(L, -2, slot);
    }
    if (source != 0) {
        lua_pushvalue(L, source);
        lua_rawseti(L, -2, LSL_KEPT_SOURCE);
    }
    lsl_set_kept(L, lua_gettop(L) - 1);
    return job;
}

/* Keeps the value at index in a slot of the job at job_index. */
static void keep(lua_State *L, int job_index, int slot, int index)
{
    lua_pushvalue(L, index);
    lsl_get_kept(L, job_index);
    lua_insert(L, -2);
    lua_rawseti(L, -2, slot);
    lua_pop(L, 1);
}

static void push_kept(lua_State *L, int job_index, int slot)
{
    lsl_get_kept(L, job_index);
    lua_rawgeti(L, -1, slot);
    lua_remove(L, -2);
}

int lsl_job_opened(lua_State *L, lsl_job *job, int status, const ls_error *error)
{
    if (status != LS_OK)
        return lsl_fail(L, error);
    job->state = LSL_JOB_OPEN;
    return 1;
}

static lsl_job *check_job(lua_State *L)
{
    lsl_job *job = luaL_checkudata(L, 1, LSL_JOB);
    if (job->state == LSL_JOB_CLOSED)
        lsl_closed(L, "job");
    return job;
}

/* The core's job goes as soon as it has nothing more to do. */
static void end_job(lsl_job *job, lsl_job_state state)
{
    ls_job *ended = job->job;
    job->job = NULL;
    job->state = state;
    if (ended != NULL) {
        ls_job_progress(ended, &job->progress);
        ls_job_close(ended);
    }
}

static int close_job(lua_State *L)
{
    lsl_job *job = luaL_checkudata(L, 1, LSL_JOB);
    if (job->running)
        return luaL_error(L, "leadscore: the job is running");
    end_job(job, LSL_JOB_CLOSED);
    if (job->result != NULL)
        ls_result_close(job->result);
    job->result = NULL;
    return 0;
}

/* ---- callbacks ------------------------------------------------------------------------------- */

/* Passes on of the job's text what fits into `wanted`; the rest waits. */
static int64_t take_text(lsl_job *job, char *buffer, size_t size)
{
    size_t taken = job->text_length < size ? job->text_length : size;
    if (taken != 0)
        memcpy(buffer, job->text, taken);
    job->text += taken;
    job->text_length -= taken;
    return (int64_t)taken;
}

/* A callback that answers nil and an error fails without raising. */
static void check_answer(lua_State *L, lsl_job *job, int job_index)
{
    if (lua_toboolean(L, -2) || lua_isnil(L, -1))
        return;
    keep(L, job_index, LSL_KEPT_ERROR, lua_gettop(L));
    job->callback_state = LSL_CALLBACK_FAILED;
}

/* Called with the job: asks its reader for more text. */
static int call_reader(lua_State *L)
{
    lsl_job *job = lua_touserdata(L, 1);
    push_kept(L, 1, LSL_KEPT_READER);
    lsl_push_integer(L, (int64_t)job->size);
    lua_call(L, 1, 2);
    check_answer(L, job, 1);
    if (job->callback_state != LSL_CALLBACK_FINE || lua_isnil(L, -2))
        return 0;
    if (lua_type(L, -2) != LUA_TSTRING)
        return luaL_error(L, "the reader answers text or nil, got %s", luaL_typename(L, -2));
    keep(L, 1, LSL_KEPT_REST, lua_gettop(L) - 1);
    job->text = lua_tolstring(L, -2, &job->text_length);
    return 0;
}

/* Called with the job: passes the bytes it offers to its writer. */
static int call_writer(lua_State *L)
{
    lsl_job *job = lua_touserdata(L, 1);
    push_kept(L, 1, LSL_KEPT_WRITER);
    lua_pushlstring(L, job->offered, job->size);
    lua_call(L, 1, 2);
    check_answer(L, job, 1);
    return 0;
}

/* Runs one of the two above from inside the core; the job is at stack index 1 of the step. */
static bool call_back(lsl_job *job, int function)
{
    lua_State *L = job->L;
    if (job->callback_state != LSL_CALLBACK_FINE)
        return false;
    int top = lua_gettop(L);
    lua_pushvalue(L, function);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 0, 0) != 0) {
        keep(L, 1, LSL_KEPT_ERROR, lua_gettop(L));
        job->callback_state = LSL_CALLBACK_RAISED;
    }
    lua_settop(L, top);
    return job->callback_state == LSL_CALLBACK_FINE;
}

static int64_t read_text(void *user, char *buffer, size_t size)
{
    return take_text(user, buffer, size);
}

static int64_t read_function(void *user, char *buffer, size_t size)
{
    lsl_job *job = user;
    if (size == 0)
        return 0;
    if (job->text_length == 0) {
        job->wanted = buffer;
        job->size = size;
        if (!call_back(job, job->callback))
            return -1;
    }
    return take_text(job, buffer, size);
}

int lsl_job_write(void *user, const char *bytes, size_t size)
{
    lsl_job *job = user;
    if (job->output != NULL)
        return lsl_output_add(job->output, bytes, size, &job->error);
    if (job->L == NULL)
        return -1; /* outside of a step there is no Lua to call */
    job->offered = bytes;
    job->size = size;
    return call_back(job, job->callback + 1) ? 0 : -1;
}

void lsl_job_write_to(lua_State *L, int index, int job_index, lsl_job *job)
{
    job->output = lsl_test(L, index, LSL_OUTPUT);
    if (job->output == NULL && !lua_isfunction(L, index))
        luaL_error(L, "leadscore: expected an output or a function to write to, got %s",
                   luaL_typename(L, index));
    keep(L, job_index, LSL_KEPT_WRITER, index);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Tells the collector of memory that it does not see, so that garbage datasets go in time. */
static void step_collector(lua_State *L, size_t before, size_t after)
{
    if (after <= before || (after - before) / 1024 < 1024)
        return;
    size_t kilobytes = (after - before) / 1024;
    lua_gc(L, LUA_GCSTEP, kilobytes < INT_MAX ? (int)kilobytes : INT_MAX);
}

static int run_step(lua_State *L, lsl_job *job, uint64_t budget, ls_error *error)
{
    luaL_checkstack(L, 24, NULL);
    lua_pushcfunction(L, call_reader);
    lua_pushcfunction(L, call_writer);
    job->callback = lua_gettop(L) - 1;
    job->callback_state = LSL_CALLBACK_FINE;
    memset(&job->error, 0, sizeof job->error);
    job->L = L;
    job->running = true;
    if (job->dataset != NULL)
        job->dataset->running++;
    int status = ls_job_step(job->job, budget, error);
    if (job->dataset != NULL)
        job->dataset->running--;
    job->running = false;
    job->L = NULL;
    return status;
}

/* A callback's own error is raised again, or answered as it was answered. */
static int fail_step(lua_State *L, lsl_job *job, const ls_error *error)
{
    end_job(job, LSL_JOB_FAILED);
    if (job->callback_state == LSL_CALLBACK_FINE)
        return lsl_fail(L, job->error.status != LS_OK ? &job->error : error);
    push_kept(L, 1, LSL_KEPT_ERROR);
    if (job->callback_state == LSL_CALLBACK_RAISED)
        return lua_error(L);
    if (lua_istable(L, -1) || lua_isuserdata(L, -1)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    ls_error own;
    const char *text = lua_tostring(L, -1);
    ls_fail(&own, LS_ERROR_IO, "%s", text != NULL ? text : "a callback failed");
    return lsl_fail(L, &own);
}

static int job_step(lua_State *L)
{
    lsl_job *job = check_job(L);
    int64_t budget = lua_isnoneornil(L, 2) ? 0 : lsl_check_integer(L, 2);
    luaL_argcheck(L, budget >= 0, 2, "budget out of range");
    if (job->running)
        return luaL_error(L, "leadscore: the job is running");
    if (job->state == LSL_JOB_FAILED)
        return luaL_error(L, "leadscore: the job has ended with an error");
    if (job->dataset != NULL && job->dataset->running != 0)
        return luaL_error(L, "leadscore: the dataset is in use by another job's step");
    if (job->state == LSL_JOB_DONE) {
        lua_pushboolean(L, 1);
        return 1;
    }
    ls_context *context = job->dataset != NULL ? job->dataset->context : NULL;
    size_t before = context != NULL ? ls_context_memory(context) : 0;
    ls_error error;
    int status = run_step(L, job, (uint64_t)budget, &error);
    if (status < 0)
        return fail_step(L, job, &error);
    if (status == LS_OK)
        end_job(job, LSL_JOB_DONE);
    if (context != NULL)
        step_collector(L, before, ls_context_memory(context));
    lua_pushboolean(L, status == LS_OK);
    return 1;
}

static int job_progress(lua_State *L)
{
    lsl_job *job = check_job(L);
    if (job->job != NULL)
        ls_job_progress(job->job, &job->progress);
    lsl_push_integer(L, (int64_t)job->progress.done);
    lsl_push_integer(L, (int64_t)job->progress.total);
    lua_pushstring(L, job->progress.phase != NULL ? job->progress.phase : "");
    lua_pushstring(L, job->progress.unit != NULL ? job->progress.unit : "");
    return 4;
}

static int job_result(lua_State *L)
{
    lsl_job *job = check_job(L);
    push_kept(L, 1, LSL_KEPT_RESULT);
    if (!lua_isboolean(L, -1))
        return 1;
    if (job->result == NULL)
        return luaL_error(L, job->plan == NULL ? "leadscore: only a score job has a result"
                                               : "leadscore: the job is not done");
    if (job->state != LSL_JOB_DONE)
        return luaL_error(L, "leadscore: the job is not done");
    lsl_result_push(L, job);
    keep(L, 1, LSL_KEPT_RESULT, lua_gettop(L));
    return 1;
}

static int print_job(lua_State *L)
{
    static const char *const states[] = {"closed", "under way", "done", "failed"};
    lsl_job *job = luaL_checkudata(L, 1, LSL_JOB);
    if (job->job != NULL && !job->running)
        ls_job_progress(job->job, &job->progress);
    const ls_progress *progress = &job->progress;
    char done[LSL_SHORT_TEXT], total[LSL_SHORT_TEXT];
    if (progress->phase == NULL || job->state == LSL_JOB_CLOSED)
        lua_pushfstring(L, LSL_JOB " (%s)", states[job->state]);
    else if (progress->total == 0)
        lua_pushfstring(L, LSL_JOB " (%s %s: %s %s)", progress->phase, states[job->state],
                        lsl_print_count(progress->done, done), progress->unit);
    else
        lua_pushfstring(L, LSL_JOB " (%s %s: %s of %s %s)", progress->phase, states[job->state],
                        lsl_print_count(progress->done, done),
                        lsl_print_count(progress->total, total), progress->unit);
    return 1;
}

void lsl_open_job(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", close_job},       {"__close", close_job}, {"close", close_job},
        {"__tostring", print_job}, {"step", job_step},     {"progress", job_progress},
        {"result", job_result},    {NULL, NULL},
    };
    lsl_class(L, context, LSL_JOB, functions);
}

/* ---- dataset --------------------------------------------------------------------------------- */

lsl_dataset *lsl_check_dataset(lua_State *L)
{
    lsl_dataset *owner = luaL_checkudata(L, 1, LSL_DATASET);
    if (owner->dataset == NULL)
        lsl_closed(L, "dataset");
    if (owner->running != 0)
        luaL_error(L, "leadscore: the dataset is in use by a job's step");
    return owner;
}

static int close_dataset(lua_State *L)
{
    lsl_dataset *owner = luaL_checkudata(L, 1, LSL_DATASET);
    if (owner->running != 0)
        return luaL_error(L, "leadscore: the dataset is in use by a job's step");
    if (owner->dataset != NULL)
        ls_dataset_close(owner->dataset);
    owner->dataset = NULL;
    if (owner->context != NULL)
        ls_context_close(owner->context);
    owner->context = NULL;
    return 0;
}

int lsl_dataset_new(lua_State *L)
{
    int64_t max_memory = lua_isnoneornil(L, 1) ? 0 : lsl_check_integer(L, 1);
    luaL_argcheck(L, max_memory >= 0, 1, "bytes expected");
    lsl_dataset *owner = lsl_new(L, LSL_DATASET, sizeof *owner);
    ls_error error;
    bool portable = lua_toboolean(L, 2) != 0;
    if (ls_context_new(NULL, (size_t)max_memory, &owner->context) != LS_OK)
        return lsl_fail_memory(L);
    ls_context_portable(owner->context, portable);
    if (ls_dataset_new(owner->context, &owner->dataset, &error) != LS_OK)
        return lsl_fail(L, &error);
    return 1;
}

static int dataset_expect(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_error error;
    if (ls_dataset_expect(owner->dataset, lsl_check_plan(L, 2), &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

static int dataset_keep_event_ids(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_error error;
    if (ls_dataset_keep_event_ids(owner->dataset, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- options of read ------------------------------------------------------------------------- */

static int bad_option(lua_State *L, const char *name, const char *expected)
{
    return luaL_error(L, "leadscore: read: %s: expected %s, got %s", name, expected,
                      luaL_typename(L, -1));
}

/* Options are at stack index 2. What is pushed stays on the stack, so the texts live until read is
 * done. */
static const char *text_option(lua_State *L, const char *name, size_t *length)
{
    lsl_field(L, 2, name);
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
        bad_option(L, name, "text");
    return lua_tolstring(L, -1, length);
}

static int choice_option(lua_State *L, const char *name, const char *const *choices, int usual)
{
    const char *text = text_option(L, name, NULL);
    if (text == NULL && usual >= 0)
        return usual;
    for (int i = 0; text != NULL && choices[i] != NULL; i++)
        if (strcmp(text, choices[i]) == 0)
            return i;
    return luaL_error(L, "leadscore: read: %s: there is no \"%s\"", name,
                      text != NULL ? text : "nil");
}

/* The number of elements of an array option, which is left on the stack; 0 if it is not given. */
static size_t array_option(lua_State *L, const char *name)
{
    lsl_field(L, 2, name);
    if (lua_isnil(L, -1))
        return 0;
    if (!lua_istable(L, -1))
        bad_option(L, name, "an array");
    size_t count = lsl_rawlen(L, -1);
    if (count > 10000)
        luaL_error(L, "leadscore: read: %s: more than 10000 elements", name);
    luaL_checkstack(L, (int)count * 3 + 10, NULL);
    return count;
}

static void read_unknown(lua_State *L, ls_input_options *options)
{
    size_t count = array_option(L, "unknown");
    if (count == 0)
        return;
    int array = lua_gettop(L);
    const char **texts = lua_newuserdata(L, count * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, array, (int)(i + 1));
        if (lua_type(L, -1) != LUA_TSTRING)
            bad_option(L, "unknown", "texts");
        texts[i] = lua_tostring(L, -1);
    }
    options->unknown = texts;
    options->unknown_count = count;
}

static const char *rename_part(lua_State *L, int rename, const char *name)
{
    lsl_field(L, rename, name);
    if (lua_type(L, -1) != LUA_TSTRING)
        bad_option(L, "renames", "{ column =, header = }");
    return lua_tostring(L, -1);
}

static void read_renames(lua_State *L, ls_input_options *options)
{
    size_t count = array_option(L, "renames");
    if (count == 0)
        return;
    int array = lua_gettop(L);
    ls_rename *renames = lua_newuserdata(L, count * sizeof *renames);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, array, (int)(i + 1));
        int rename = lua_gettop(L);
        if (!lua_istable(L, rename))
            bad_option(L, "renames", "{ column =, header = }");
        renames[i].column = rename_part(L, rename, "column");
        renames[i].header = rename_part(L, rename, "header");
    }
    options->renames = renames;
    options->rename_count = count;
}

/* Where the bytes come from: exactly one of path, text and reader. */
static void read_source(lua_State *L, lsl_job *job, int job_index, ls_input_options *options)
{
    options->path = text_option(L, "path", NULL);
    job->text = text_option(L, "text", &job->text_length);
    if (job->text != NULL) {
        options->reader = read_text;
        keep(L, job_index, LSL_KEPT_REST, lua_gettop(L));
    }
    lsl_field(L, 2, "reader");
    bool function = lua_isfunction(L, -1);
    if (!function && !lua_isnil(L, -1))
        bad_option(L, "reader", "a function");
    if (function) {
        options->reader = read_function;
        keep(L, job_index, LSL_KEPT_READER, lua_gettop(L));
    }
    if ((options->path != NULL) + (job->text != NULL) + function != 1)
        luaL_error(L, "leadscore: read: give one of path, text and reader");
    if (!function && job->text == NULL)
        return;
    options->reader_user = job;
}

static void read_rejects(lua_State *L, lsl_job *job, int job_index, ls_input_options *options)
{
    lsl_field(L, 2, "rejects");
    if (lua_isnil(L, -1))
        return;
    lsl_job_write_to(L, lua_gettop(L), job_index, job);
    options->rejects = lsl_job_write;
    options->rejects_user = job;
}

/* One thread where it is left out. */
static unsigned threads_at(lua_State *L, int index)
{
    int64_t threads = lua_isnoneornil(L, index) ? 1 : lsl_check_integer(L, index);
    luaL_argcheck(L, threads >= 1 && threads <= LS_MAX_THREADS, index, "1 to 256 threads expected");
    return (unsigned)threads;
}

static void read_options(lua_State *L, lsl_job *job, int job_index, ls_input_options *options)
{
    static const char *const inputs[] = {"contacts",     "companies", "deals", "events",
                                         "associations", "list",      "log",   NULL};
    static const char *const formats[] = {"csv", "ndjson", NULL};
    size_t length;
    luaL_checkstack(L, 24, NULL);
    options->input = (ls_input)choice_option(L, "input", inputs, -1);
    options->format = (ls_format)choice_option(L, "format", formats, LS_FORMAT_CSV);
    lsl_field(L, 2, "gzip");
    options->gzip = lua_toboolean(L, -1) != 0;
    lsl_field(L, 2, "bytes");
    options->bytes = lua_toboolean(L, -1) != 0;
    lsl_field(L, 2, "last");
    options->last = lua_toboolean(L, -1) != 0;
    const char *delimiter = text_option(L, "delimiter", &length);
    if (delimiter != NULL && length != 1)
        luaL_error(L, "leadscore: read: delimiter: expected one byte");
    options->delimiter = delimiter != NULL ? *delimiter : '\0';
    options->name = text_option(L, "name", NULL);
    options->list = text_option(L, "list", NULL);
    if (options->input == LS_INPUT_LIST && options->list == NULL)
        luaL_error(L, "leadscore: read: list: expected the list's name");
    read_source(L, job, job_index, options);
    if (options->name == NULL)
        options->name = options->path != NULL ? options->path : inputs[options->input];
    read_unknown(L, options);
    read_renames(L, options);
    read_rejects(L, job, job_index, options);
    lsl_field(L, 2, "threads");
    options->threads = threads_at(L, -1);
}

static int dataset_read(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lsl_job *job = lsl_job_new(L, 1);
    job->dataset = owner;
    ls_input_options options;
    memset(&options, 0, sizeof options);
    read_options(L, job, 3, &options);
    ls_error error;
    int status = ls_dataset_read(owner->dataset, &options, &job->job, &error);
    lua_settop(L, 3);
    return lsl_job_opened(L, job, status, &error);
}

static int dataset_group(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    unsigned threads = threads_at(L, 2);
    lsl_job *job = lsl_job_new(L, 1);
    job->dataset = owner;
    ls_error error;
    return lsl_job_opened(L, job, ls_dataset_group(owner->dataset, threads, &job->job, &error),
                          &error);
}

static int dataset_score(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    const ls_plan *plan = lsl_check_plan(L, 2);
    int64_t at = lsl_check_integer(L, 3);
    unsigned threads = threads_at(L, 4);
    lsl_job *job = lsl_job_new(L, 1);
    job->dataset = owner;
    job->plan = plan;
    ls_error error;
    int status = ls_score_all(plan, owner->dataset, at, threads, &job->result, &job->job, &error);
    return lsl_job_opened(L, job, status, &error);
}

/* ---- questions to a dataset ------------------------------------------------------------------ */

static void set_count(lua_State *L, const char *name, uint64_t count)
{
    lsl_push_integer(L, (int64_t)count);
    lua_setfield(L, -2, name);
}

static int dataset_counts(lua_State *L)
{
    ls_dataset_counts counts;
    ls_dataset_count(lsl_check_dataset(L)->dataset, &counts);
    lua_createtable(L, 0, 13);
    set_count(L, "contacts", counts.records[LS_CONTACT]);
    set_count(L, "companies", counts.records[LS_COMPANY]);
    set_count(L, "deals", counts.records[LS_DEAL]);
    set_count(L, "events", counts.events);
    set_count(L, "unknown_contact", counts.unknown_contact);
    set_count(L, "unknown_associated", counts.unknown_associated);
    set_count(L, "repeated", counts.repeated);
    set_count(L, "rejected_rows", counts.rejected_rows);
    set_count(L, "rejected_cells", counts.rejected_cells);
    set_count(L, "log_lines", counts.log_lines);
    set_count(L, "log_events", counts.log_events);
    set_count(L, "log_sets", counts.log_sets);
    set_count(L, "log_forgets", counts.log_forgets);
    return 1;
}

/* Files of a log whose last line has no end: { file =, line = } each. */
static int dataset_unfinished(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    const char *name;
    uint64_t line;
    lua_newtable(L);
    for (size_t i = 0; (name = ls_dataset_unfinished(owner->dataset, i, &line)) != NULL; i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, name);
        lua_setfield(L, -2, "file");
        lsl_push_integer(L, (int64_t)line);
        lua_setfield(L, -2, "line");
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}

static int dataset_future(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    lsl_push_integer(L, (int64_t)ls_dataset_future(owner->dataset, lsl_check_integer(L, 2)));
    return 1;
}

static int dataset_find(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false);
    size_t length;
    const char *id = lsl_check_text(L, 3, &length);
    int64_t row = ls_dataset_find(owner->dataset, object, id, length);
    if (row >= 0)
        lsl_push_integer(L, row + 1);
    else
        lua_pushnil(L);
    return 1;
}

size_t lsl_check_row(lua_State *L, lsl_dataset *owner, ls_object object, int index)
{
    ls_dataset_counts counts;
    ls_dataset_count(owner->dataset, &counts);
    return lsl_check_index(L, index, (size_t)counts.records[object], "records");
}

static int dataset_id(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false);
    size_t row = lsl_check_row(L, owner, object, 3), length;
    const char *id = ls_dataset_id(owner->dataset, object, row, &length);
    lua_pushlstring(L, id, length);
    return 1;
}

static int dataset_columns(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, true);
    const char *name;
    lua_newtable(L);
    for (size_t i = 0; (name = ls_dataset_column(owner->dataset, object, i)) != NULL; i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}

static int dataset_has_list(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    lua_pushboolean(L, ls_dataset_has_list(owner->dataset, lsl_check_text(L, 2, NULL)));
    return 1;
}

static int dataset_explain(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    const ls_plan *plan = lsl_check_plan(L, 2);
    ls_object object = lsl_check_object(L, 3, false);
    size_t row = lsl_check_row(L, owner, object, 4);
    int64_t at = lsl_check_integer(L, 5);
    ls_buffer *text = lsl_buffer_new(L);
    ls_error error;
    if (ls_explain(plan, owner->dataset, object, row, at, lsl_buffer_write, text, &error) != LS_OK)
        return lsl_fail(L, &error);
    lsl_buffer_push(L, text);
    return 1;
}

static int dataset_memory(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    lsl_push_integer(L, (int64_t)ls_context_memory(owner->context));
    lsl_push_integer(L, (int64_t)ls_context_peak(owner->context));
    return 2;
}

static int print_dataset(lua_State *L)
{
    lsl_dataset *owner = luaL_checkudata(L, 1, LSL_DATASET);
    if (owner->dataset == NULL || owner->running != 0) {
        lua_pushstring(L, owner->running != 0 ? LSL_DATASET " (in use)" : LSL_DATASET " (closed)");
        return 1;
    }
    static const char *const nouns[3][2] = {{"contact", "contacts"},
                                            {"company", "companies"},
                                            {"deal", "deals"}};
    ls_dataset_counts counts;
    char number[LSL_SHORT_TEXT];
    luaL_Buffer text;
    ls_dataset_count(owner->dataset, &counts);
    luaL_buffinit(L, &text);
    luaL_addstring(&text, LSL_DATASET " (");
    for (int object = LS_CONTACT; object <= LS_DEAL; object++) {
        if (object != LS_CONTACT && counts.records[object] == 0)
            continue; /* only what is there, and contacts always */
        luaL_addstring(&text, lsl_print_count(counts.records[object], number));
        luaL_addstring(&text, " ");
        luaL_addstring(&text, nouns[object][counts.records[object] != 1]);
        luaL_addstring(&text, ", ");
    }
    luaL_addstring(&text, lsl_print_count(counts.events, number));
    luaL_addstring(&text, counts.events == 1 ? " event, " : " events, ");
    luaL_addstring(&text, lsl_print_bytes(ls_context_memory(owner->context), number));
    luaL_addstring(&text, ")");
    luaL_pushresult(&text);
    return 1;
}

void lsl_open_dataset(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", close_dataset},
        {"__close", close_dataset},
        {"close", close_dataset},
        {"__tostring", print_dataset},
        {"expect", dataset_expect},
        {"keep_event_ids", dataset_keep_event_ids},
        {"read", dataset_read},
        {"group", dataset_group},
        {"score", dataset_score},
        {"counts", dataset_counts},
        {"unfinished", dataset_unfinished},
        {"future", dataset_future},
        {"find", dataset_find},
        {"id", dataset_id},
        {"columns", dataset_columns},
        {"has_list", dataset_has_list},
        {"explain", dataset_explain},
        {"memory", dataset_memory},
        {"match", lsl_dataset_match},
        {"match_of", lsl_dataset_match_of},
        {"keep", lsl_dataset_keep},
        {"value", lsl_dataset_value},
        {"related", lsl_dataset_related},
        {"activity", lsl_dataset_activity},
        {"cells", lsl_dataset_cells},
        {"links", lsl_dataset_links},
        {"link_count", lsl_dataset_link_count},
        {"latest", lsl_dataset_latest},
        {NULL, NULL},
    };
    lsl_class(L, context, LSL_DATASET, functions);
}
