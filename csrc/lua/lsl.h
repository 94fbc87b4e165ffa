/* The binding: the face of the core for our own Lua modules. It holds no logic. Every function
 * checks its arguments, makes the owner, calls the core and answers.
 *
 * Invariants: an object is a userdata that gets its metatable while it is still closed, so that
 * whatever it opens afterwards has an owner, also when Lua runs out of memory a line later. No Lua
 * error passes through a frame of the core: callbacks run in a protected call and their errors wait
 * in the job. All functions of the module share one upvalue, the owner of this state's context;
 * there are no statics. */
#ifndef LSL_H
#define LSL_H

#include "lsl_compat.h"

#include "ls_core.h"

#define LSL_CONTEXT "leadscore.context"
#define LSL_BUFFER "leadscore.buffer"
#define LSL_ARENA "leadscore.arena"
#define LSL_PLAN "leadscore.plan"
#define LSL_SCORER "leadscore.scorer"
#define LSL_LEDGER "leadscore.ledger"
#define LSL_DATASET "leadscore.dataset"
#define LSL_JOB "leadscore.job"
#define LSL_RESULT "leadscore.result"
#define LSL_OUTPUT "leadscore.output"
#define LSL_APPEND "leadscore.append"
#define LSL_LOG_READER "leadscore.log_reader"
#define LSL_INTERRUPTS "leadscore.interrupts"
#define LSL_SANDBOX "leadscore.sandbox"

/* ---- lsl_core.c: what all files share ----------------------------------------------------------
 */

/* Makes (or, when the module is loaded again, refills) a class: names with two leading underscores
 * are metamethods, the others methods. Each gets the context's owner at index `context` as its
 * upvalue. */
void lsl_class(lua_State *L, int context, const char *name, const luaL_Reg *functions);
/* Pushes a cleared userdata of that class. */
void *lsl_new(lua_State *L, const char *class_name, size_t size);
void *lsl_test(lua_State *L, int index, const char *class_name); /* NULL if it is no such object */
/* The context of this state, from the upvalue of the running function. */
ls_context *lsl_context(lua_State *L);
/* Raises "leadscore: dataset is closed". */
int lsl_closed(lua_State *L, const char *what);

/* Pushes nil and the error as a table { message=, file=, line=, column=, kind= }; answers 2. */
int lsl_fail(lua_State *L, const ls_error *error);
int lsl_fail_memory(lua_State *L);
/* Fills the error with what the system said (an errno) of a file: "cannot WHAT: no space left on
 * device"; answers -1. */
int lsl_fail_system(ls_error *error, const char *name, const char *what, int number);

/* Arguments: raise unless the value is of exactly that kind. */
const char *lsl_check_text(lua_State *L, int index, size_t *length); /* no numbers in disguise */
int64_t lsl_check_integer(lua_State *L, int index);
size_t lsl_check_index(lua_State *L, int index, size_t count,
                       const char *what); /* 1..count, answers from 0 */
ls_object lsl_check_object(lua_State *L, int index, bool or_event);
/* Pushes table[name], raw. */
void lsl_field(lua_State *L, int table, const char *name);

void lsl_push_number(lua_State *L, double number); /* an integer where whole */
void lsl_push_points(lua_State *L,
                     int64_t points); /* millionths as points: exact or the nearest double */
void lsl_push_score(lua_State *L, const ls_score *score, bool combined);
void lsl_push_object(lua_State *L, ls_object object);
/* A count with commas ("1,234,567") or bytes as text ("1.2 MB"). */
#define LSL_SHORT_TEXT 32
const char *lsl_print_count(uint64_t count, char buffer[LSL_SHORT_TEXT]);
const char *lsl_print_bytes(uint64_t bytes, char buffer[LSL_SHORT_TEXT]);

/* A number as the shortest decimal that reads back the same, an integer with all its digits;
 * answers the length. */
size_t lsl_print_number(lua_State *L, int index, char buffer[LS_NUMBER_TEXT]);

/* Folds a text that is short before and after, as most are, without an object of Lua's; false: fold
 * it another way. */
#define LSL_SMALL_TEXT 256
bool lsl_fold_small(ls_context *context, const char *text, size_t length,
                    char buffer[LSL_SMALL_TEXT], size_t *folded);

/* A text that grows, owned by the userdata that lsl_buffer_new pushes. lsl_buffer_write is an
 * ls_writer. */
ls_buffer *lsl_buffer_new(lua_State *L);
int lsl_buffer_write(void *user, const char *bytes, size_t size);
/* Pushes its text and frees it. */
void lsl_buffer_push(lua_State *L, ls_buffer *buffer);

/* Where a value stands in nested tables: `groups[2].rules[3].points`. */
typedef struct lsl_place {
    const struct lsl_place *parent; /* NULL: the outermost value, which has no name */
    const char *key;                /* NULL: an index */
    size_t length;
    int64_t index;
} lsl_place;
#define LSL_PLACE_TEXT 200
/* Cut at the front with "..." if it is too long; "" for the outermost value. */
void lsl_place_text(const lsl_place *place, char buffer[LSL_PLACE_TEXT]);

/* ---- one file, one concept ---------------------------------------------------------------------
 */

void lsl_open_plan(lua_State *L, int context);
int lsl_plan_new(lua_State *L);
const ls_plan *lsl_check_plan(lua_State *L, int index);

void lsl_open_ledger(lua_State *L, int context);
int lsl_ledger_new(lua_State *L);
struct ls_ledger *lsl_check_ledger(lua_State *L); /* argument 1, open */
int64_t lsl_ledger_row(lua_State *L);             /* of the contact whose id argument 2 is; or -1 */
int lsl_ledger_unknown(lua_State *L);             /* nil and the error that there is none */
/* lsl_advance.c: more methods of a ledger */
int lsl_ledger_advance(lua_State *L);
int lsl_ledger_hear(lua_State *L);
int lsl_ledger_due_at(lua_State *L);
int lsl_ledger_soonest(lua_State *L);
int lsl_ledger_labels(lua_State *L);

typedef struct lsl_dataset {
    ls_dataset *dataset;
    ls_context *context; /* counted; NULL when closed */
    int running;         /* steps of its jobs that are under way: callbacks may not touch it */
} lsl_dataset;
void lsl_open_dataset(lua_State *L, int context);
int lsl_dataset_new(lua_State *L);
lsl_dataset *lsl_check_dataset(lua_State *L); /* argument 1, open and at rest */
/* The row of an object at index, counted from 0. */
size_t lsl_check_row(lua_State *L, lsl_dataset *owner, ls_object object, int index);
/* lsl_access.c: more methods of a dataset */
int lsl_dataset_match(lua_State *L);
int lsl_dataset_match_of(lua_State *L);
int lsl_dataset_keep(lua_State *L);
int lsl_dataset_value(lua_State *L);
int lsl_dataset_related(lua_State *L);
int lsl_dataset_cells(lua_State *L);
int lsl_dataset_links(lua_State *L);
int lsl_dataset_link_count(lua_State *L);
int lsl_dataset_activity(lua_State *L);
int lsl_dataset_latest(lua_State *L);

/* What a job's userdata keeps: a table with these slots, all filled at once, so that setting one
 * later allocates nothing. */
enum {
    LSL_KEPT_READER = 1,
    LSL_KEPT_WRITER,
    LSL_KEPT_REST,
    LSL_KEPT_ERROR,
    LSL_KEPT_SOURCE,
    LSL_KEPT_RESULT
};

typedef struct lsl_output lsl_output;
typedef enum lsl_job_state {
    LSL_JOB_CLOSED,
    LSL_JOB_OPEN,
    LSL_JOB_DONE,
    LSL_JOB_FAILED
} lsl_job_state;
typedef struct lsl_job {
    ls_job *job;
    lsl_job_state state;
    bool running;         /* inside a step */
    ls_progress progress; /* the last one, once the core's job is closed */
    const ls_plan *plan;  /* of `result`, which keeps it alive */
    ls_result *result;    /* a score job's, once done and until job:result() takes it */
    lsl_dataset *dataset; /* kept alive by LSL_KEPT_SOURCE; NULL for write jobs */
    lsl_output *
        output; /* where to write without crossing into Lua; else the function in LSL_KEPT_WRITER */
    const char *text; /* what the reader has not passed on yet */
    size_t text_length;
    lua_State *L;        /* these are set during a step */
    char *wanted;        /* the reader's buffer */
    const char *offered; /* the writer's bytes */
    size_t size;         /* of either */
    int callback;        /* stack index of call_reader; call_writer follows it */
    enum { LSL_CALLBACK_FINE, LSL_CALLBACK_RAISED, LSL_CALLBACK_FAILED } callback_state;
    ls_error error; /* of the output */
} lsl_job;

/* Pushes a closed job with its kept table. source: the index of what it must keep alive (0:
 * nothing). */
lsl_job *lsl_job_new(lua_State *L, int source);
/* Takes the output or function at index as where the job writes; raises if it is neither. */
void lsl_job_write_to(lua_State *L, int index, int job_index, lsl_job *job);
int lsl_job_write(void *user, const char *bytes, size_t size); /* an ls_writer; user: the lsl_job */
int lsl_job_opened(lua_State *L, lsl_job *job, int status,
                   const ls_error *error); /* the job on top, or nil, err */
void lsl_open_job(lua_State *L, int context);

void lsl_open_result(lua_State *L, int context);
void lsl_result_push(lua_State *L, lsl_job *job); /* takes over the job's result */

void lsl_open_output(lua_State *L, int context);
int lsl_output_new(lua_State *L);
int lsl_output_add(lsl_output *output, const char *bytes, size_t size,
                   ls_error *error); /* 0 or -1 */

void lsl_open_append(lua_State *L, int context);
int lsl_append_new(lua_State *L);

void lsl_open_log(lua_State *L, int context);
int lsl_log_reader_new(lua_State *L);

void lsl_open_system(lua_State *L, int context);
int lsl_interrupts_new(lua_State *L);
int lsl_terminal(lua_State *L);
int lsl_wait_readable(lua_State *L);
int lsl_file_identity(lua_State *L);
int lsl_clock(lua_State *L);
int lsl_now(lua_State *L);

/* canonical(definitions, identity): the canonical form of a list of checked definitions. */
int lsl_canonical(lua_State *L);

void lsl_open_sandbox(lua_State *L, int context);
int lsl_sandbox(lua_State *L);

#endif
