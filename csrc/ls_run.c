/* The score job: binds every definition, then scores the dataset's records in ranges that threads
 * share out among themselves. Threads live inside a step; they read bindings, write their rows'
 * columns and never allocate. */
#include "ls_kernel_block.h"
#include "ls_result.h"

#include "ls_threads.h"
#include "ls_time.h"

#include <stdatomic.h>

/* Rows that a thread takes at a time: enough to forget the cost of taking, few enough to share
 * well. */
#define SHARE 512

typedef struct score_job {
    ls_job job; /* first */
    const ls_plan *plan;
    ls_dataset *dataset;
    ls_result *result;
    ls_result **out;
    ls_answers answers;
    ls_binding *bindings;    /* by definition */
    ls_block_tables *blocks; /* by definition */
    ls_common_map common;    /* what these share */
    size_t bound;
    unsigned threads, scratch_count;
    ls_scratch *scratches;     /* by thread */
    ls_block_memory *memories; /* by thread */
    ls_walk *walk;
    ls_rolled ***rolled;     /* by definition; while its stage runs: its rollups by rule and row */
    size_t stage, stage_end; /* of plan->order: definitions of one object, scored row by row */
    size_t row;              /* next */
} score_job;

/* What the threads of one step share. */
typedef struct share {
    score_job *job;
    _Atomic size_t next;
    size_t last;
} share;

static const ls_definition *ordered(const score_job *job, size_t place)
{
    return &job->plan->definitions[job->plan->order[place]];
}

static ls_object stage_object(const score_job *job)
{
    return ordered(job, job->stage)->object;
}

/* A stage ends where the order changes to another object, which may go over this one's scores. */
static void begin_stage(score_job *job, size_t stage)
{
    job->stage = job->stage_end = stage;
    job->row = 0;
    while (job->stage_end < job->plan->count &&
           ordered(job, job->stage_end)->object == ordered(job, stage)->object) {
        job->stage_end++;
    }
}

/* Rolls up what the stage's definitions go over: scores of earlier stages, and columns. */
static int open_stage(score_job *job, ls_error *error)
{
    const uint32_t *definitions = job->plan->order + job->stage;
    int status = LS_OK;
    if (!job->rolled[definitions[0]]) {
        status = ls_kernel_roll(job->bindings, definitions, job->stage_end - job->stage,
                                job->result->columns, &job->scratches[0], job->rolled);
    }
    return status == LS_OK ? LS_OK : ls_fail_memory(error);
}

static void close_stage(score_job *job)
{
    for (size_t i = 0; i < job->bound; i++) {
        ls_kernel_unroll(&job->bindings[i], &job->rolled[i]);
    }
}

static void score_rows(score_job *job, size_t first, size_t last, unsigned thread)
{
    if (stage_object(job) == LS_CONTACT) {
        ls_block_begin_rows(job->blocks, job->plan->count, first, last, &job->memories[thread]);
    }
    const ls_block_run run = {
        job->blocks, &job->common.joined,           job->result->columns,
        job->rolled, job->plan->order + job->stage, job->stage_end - job->stage};
    ls_kernel_blocks(&run, first, last, &job->memories[thread], &job->scratches[thread]);
}

static void work(void *user, unsigned thread)
{
    share *share = user;
    for (;;) {
        size_t first = atomic_fetch_add(&share->next, SHARE);
        if (first >= share->last) {
            return;
        }
        size_t last = share->last - first < SHARE ? share->last : first + SHARE;
        score_rows(share->job, first, last, thread);
    }
}

static void run_threads(score_job *job, size_t last)
{
    share share = {.job = job, .last = last};
    atomic_init(&share.next, job->row);
    ls_threads_run(job->threads, work, &share);
}

/* Walks the score of a record whose sums the lanes cannot hold for certain. What it uses is read
 * from the columns: earlier stages are complete, and so are the row's earlier definitions. */
static int walk_score(score_job *job, uint32_t definition, size_t row, ls_error *error)
{
    const ls_clock clock = {job->result->at, job->result->at, job->result->at, job->result->at};
    ls_score_column *columns = job->result->columns;
    ls_score score;
    int status = LS_OK;
    if (job->walk == NULL) {
        status = ls_walk_new(job->plan, job->dataset, &job->walk, error);
        if (status != LS_OK) {
            return status;
        }
        ls_walk_use(job->walk, columns, job->result->at);
    }
    status = ls_walk_one(job->walk, definition, row, &clock, &score, error);
    if (status == LS_OK) {
        ls_columns_put(job->plan, columns, definition, row, &score);
    }
    return status;
}

static int walk_flagged(score_job *job, size_t last, ls_error *error)
{
    int status = LS_OK;
    for (size_t row = job->row; row < last && status == LS_OK; row++) {
        for (size_t i = job->stage; i < job->stage_end && status == LS_OK; i++) {
            uint32_t definition = job->plan->order[i];
            if ((job->result->columns[definition].flags[row] & LS_FLAG_WALK) != 0) {
                status = walk_score(job, definition, row, error);
            }
        }
    }
    return status;
}

static int bind(score_job *job, ls_error *error)
{
    if (job->answers.context == NULL) {
        int status = ls_answers_init(&job->answers, job->plan, job->dataset, error);
        job->answers.threads = job->threads;
        if (status == LS_OK) {
            status = ls_answers_update(&job->answers, job->result->at, error);
        }
        if (status == LS_OK) {
            status = ls_answers_narrow(&job->answers, error);
        }
        if (status != LS_OK) {
            return status;
        }
    }
    while (job->bound < job->plan->count) {
        ls_binding *binding = &job->bindings[job->bound];
        int status = ls_binding_init(binding, &job->answers, job->bound, error);
        if (status != LS_OK) {
            return status;
        }
        job->bound++;
        status = ls_binding_update(binding, job->result->at, error);
        if (status != LS_OK) {
            return status;
        }
        if (ls_block_tables_make(&job->blocks[job->bound - 1], binding) != LS_OK) {
            return ls_fail_memory(error);
        }
    }
    if (job->common.context == NULL &&
        ls_block_share(&job->common, job->blocks, job->plan->count) != LS_OK) {
        return ls_fail_memory(error);
    }
    const size_t events = ls_most_events(job->dataset);
    for (; job->scratch_count < job->threads; job->scratch_count++) {
        if (ls_scratch_init(&job->scratches[job->scratch_count], job->job.context, job->bindings,
                            job->plan->count, events) != LS_OK ||
            ls_block_memory_init(&job->memories[job->scratch_count], job->job.context, job->blocks,
                                 job->plan->count, &job->common) != LS_OK) {
            return ls_fail_memory(error);
        }
    }
    return LS_OK;
}

/* Some rows of the stage. */
static int run_rows(score_job *job, uint64_t budget, ls_error *error)
{
    size_t left = job->result->rows[stage_object(job)] - job->row;
    size_t last = job->row + (budget == 0 || budget > left ? left : (size_t)budget);
    run_threads(job, last);
    int status = walk_flagged(job, last, error);
    if (status == LS_OK) {
        job->job.progress.done += last - job->row;
        job->row = last;
    }
    return status;
}

static uint64_t total_rows(const score_job *job)
{
    uint64_t total = 0;
    for (size_t i = 0; i < job->plan->count; i++) {
        bool opens = i == 0 || ordered(job, i)->object != ordered(job, i - 1)->object;
        total += opens ? job->result->rows[ordered(job, i)->object] : 0;
    }
    return total;
}

static int step(ls_job *base, uint64_t budget, ls_error *error)
{
    score_job *job = (score_job *)base;
    if (job->scratch_count < job->threads) {
        int status = bind(job, error);
        if (status != LS_OK || budget > 0) {
            return status == LS_OK ? LS_MORE : status; /* no small work */
        }
    }
    for (;;) {
        int status = job->row == 0 ? open_stage(job, error) : LS_OK;
        status = status == LS_OK ? run_rows(job, budget, error) : status;
        if (status != LS_OK) {
            return status;
        }
        bool staged = job->row == job->result->rows[stage_object(job)];
        if (staged) {
            close_stage(job);
        }
        if (staged && job->stage_end == job->plan->count) {
            break;
        }
        if (staged) {
            begin_stage(job, job->stage_end);
        }
        if (budget > 0) {
            return LS_MORE;
        }
    }
    *job->out = job->result;
    job->result = NULL;
    return LS_OK;
}

static void close_job(ls_job *base)
{
    score_job *job = (score_job *)base;
    ls_context *context = base->context;
    close_stage(job);
    ls_common_map_free(&job->common);
    for (size_t i = 0; i < job->bound; i++) {
        ls_block_tables_free(&job->blocks[i]);
        ls_binding_free(&job->bindings[i]);
    }
    ls_answers_free(&job->answers);
    for (unsigned i = 0; i < job->threads && job->scratches && job->memories; i++) {
        ls_scratch_free(&job->scratches[i]);
        ls_block_memory_free(&job->memories[i]);
    }
    ls_walk_close(job->walk);
    ls_result_close(job->result);
    ls_free(context, job->bindings, job->plan->count * sizeof *job->bindings);
    ls_free(context, job->rolled, job->plan->count * sizeof *job->rolled);
    ls_free(context, job->blocks, job->plan->count * sizeof *job->blocks);
    ls_free(context, job->memories, job->threads * sizeof *job->memories);
    ls_free(context, job->scratches, job->threads * sizeof *job->scratches);
    ls_plan_close((ls_plan *)(uintptr_t)job->plan);
    ls_dataset_close(job->dataset);
    ls_free(context, job, sizeof *job);
    ls_context_release(context);
}

static int check(const ls_plan *plan, ls_dataset *dataset, int64_t at, unsigned threads,
                 ls_error *error)
{
    if (threads < 1 || threads > LS_MAX_THREADS) {
        return ls_fail_threads(threads, error);
    }
    if (at < LS_TIME_MIN || at > LS_TIME_MAX) {
        return ls_fail(error, LS_ERROR_USAGE, "at: expected an instant of the years 1 to 9999");
    }
    if (!dataset->grouped) {
        return ls_fail(error, LS_ERROR_USAGE,
                       "the dataset is still being read: group its events first");
    }
    for (size_t i = 0; i < plan->list_count; i++) {
        if (ls_dataset_list(dataset, plan->lists[i]) == NULL) {
            return ls_fail(error, LS_ERROR_USAGE,
                           "list \"%s\" is named by a definition and not given",
                           plan->lists[i].text);
        }
    }
    return LS_OK;
}

int ls_score_all(const ls_plan *plan, ls_dataset *dataset, int64_t at, unsigned threads,
                 ls_result **result, ls_job **out, ls_error *error)
{
    ls_context *context = plan->context;
    *out = NULL;
    *result = NULL;
    int status = check(plan, dataset, at, threads, error);
    if (status != LS_OK) {
        return status;
    }
    score_job *job = ls_allocate_zero(context, 1, sizeof *job);
    if (job == NULL) {
        return ls_fail_memory(error);
    }
    job->job = (ls_job){.context = context, .step = step, .close = close_job};
    job->job.progress = (ls_progress){"score", "records", 0, 0};
    job->plan = plan;
    job->dataset = dataset;
    job->out = result;
    job->threads = threads;
    ls_context_retain(context);
    ls_plan_retain(plan);
    ls_dataset_retain(dataset);
    job->bindings = ls_allocate_zero(context, plan->count, sizeof *job->bindings);
    job->rolled = ls_allocate_zero(context, plan->count, sizeof *job->rolled);
    job->blocks = ls_allocate_zero(context, plan->count, sizeof *job->blocks);
    job->scratches = ls_allocate_zero(context, threads, sizeof *job->scratches);
    job->memories = ls_allocate_zero(context, threads, sizeof *job->memories);
    if (job->bindings == NULL || job->rolled == NULL || job->blocks == NULL ||
        job->scratches == NULL || job->memories == NULL ||
        ls_result_new(plan, dataset, at, threads, &job->result) != LS_OK) {
        close_job(&job->job);
        return ls_fail_memory(error);
    }
    begin_stage(job, 0);
    job->job.progress.total = total_rows(job);
    *out = &job->job;
    return LS_OK;
}
