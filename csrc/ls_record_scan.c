/* The chunks of a CSV file of records. With one thread a set is one chunk, and goes through its
 * stages before the next is filled. With several there are sets in every stage, and one that is
 * filled meanwhile. Memory is asked for by the caller's thread alone, between rounds: a column for
 * which there was no room is taken to its end there.
 *
 * Threads live inside a step. A row that is not plain ends the fast way: sets after it are dropped,
 * those before it go on, and once all is taken the bytes from that row on are put back, where the
 * scanner goes on. */
#include "ls_record_scan.h"

#include "ls_cpu.h"
#include "ls_threads.h"

/* Bytes of a chunk: small enough for its text and what is made of it to share a second-level cache
 * of 512 KiB with the tables that it looks into. */
#define CHUNK_SIZE ((size_t)64 * 1024)
/* Sets, where there are several threads, and chunks of one: enough for a round to be long beside
 * its beginning and end. */
#define MOST_SETS 4
#define SET_CHUNKS 8
/* Chunks that a thread is worth. */
#define LEAST_SHARE 4
/* The longest that the scanner goes on alone, in batches, where rows that are not plain keep
 * coming. */
#define LONGEST_PAUSE 64

/* A part of a round: a chunk to cut, a set's ids, or a field of it. */
typedef struct task {
    ls_record_set *set;
    size_t index;
} task;

struct ls_record_scan {
    ls_record_tools tools;
    ls_context *context;
    ls_scan_worker known;
    unsigned threads;
    size_t chunk_size, chunk_count, set_count; /* chunks of a set */
    ls_record_set sets[MOST_SETS];             /* a ring */
    size_t first, active;                      /* of it, the oldest first */
    ls_record_worker *workers;                 /* by thread */
    task *tasks;
    size_t task_count, task_capacity;
    ls_string tail;         /* what the last chunk that was filled left */
    const ls_chunk *rest;   /* that chunk, if no row ends in it: no set counts it */
    uint64_t line;          /* of the next row that is cut */
    ls_record_set *stopped; /* a row that is not plain ended it; NULL: none did */
    bool ended;             /* nothing whole follows, or enough was taken */
    int failed;             /* filling did: its status */
    unsigned pause, next_pause;
    ls_crew crew;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static bool init_chunk(ls_record_scan *scan, ls_chunk *chunk)
{
    chunk->size = scan->chunk_size;
    chunk->avx2 = ls_cpu_avx2(scan->context);
    chunk->text = ls_allocate(scan->context, ls_text_size(chunk->size));
    chunk->marks = ls_allocate(scan->context, ls_marks_size(chunk->size));
    return chunk->text != NULL && chunk->marks != NULL;
}

static bool init_set(ls_record_scan *scan, ls_record_set *set)
{
    const size_t fields = scan->tools.reading->field_count;
    set->chunks = ls_allocate_zero(scan->context, scan->chunk_count, sizeof *set->chunks);
    set->fields = ls_allocate_zero(scan->context, fields, sizeof *set->fields);
    bool done = set->chunks != NULL && set->fields != NULL;
    for (size_t i = 0; i < scan->chunk_count && done; i++)
        done = init_chunk(scan, &set->chunks[i]);
    return done;
}

static void free_set(const ls_record_scan *scan, ls_record_set *set)
{
    for (size_t i = 0; i < scan->chunk_count && set->chunks != NULL; i++)
        ls_chunk_free(&set->chunks[i], scan->context);
    ls_free(scan->context, set->chunks, scan->chunk_count * sizeof *set->chunks);
    ls_free(scan->context, set->fields, scan->tools.reading->field_count * sizeof *set->fields);
}

/* Small files are not worth threads, nor all of the memory. */
static void choose_sizes(ls_record_scan *scan)
{
    const ls_reading *reading = scan->tools.reading;
    const ls_source *source = &reading->csv.window.source;
    const uint64_t total = source->gzip == NULL ? source->total : 0;
    scan->threads = reading->threads;
    scan->chunk_size = CHUNK_SIZE;
    if (total != 0 && total < CHUNK_SIZE)
        scan->chunk_size = (size_t)total;
    if (total != 0 && total / (LEAST_SHARE * CHUNK_SIZE) < scan->threads)
        scan->threads = (unsigned)(total / (LEAST_SHARE * CHUNK_SIZE));
    if (scan->threads < 1)
        scan->threads = 1;
    scan->set_count = scan->threads == 1 ? 1 : MOST_SETS;
    scan->chunk_count = scan->threads == 1 ? 1 : SET_CHUNKS;
    scan->task_capacity = scan->set_count * (scan->chunk_count + 1 + reading->field_count);
}

static bool init_workers(ls_record_scan *scan)
{
    scan->workers = ls_allocate_zero(scan->context, scan->threads, sizeof *scan->workers);
    bool done = scan->workers != NULL;
    for (unsigned i = 0; i < scan->threads && done; i++) {
        scan->workers[i].scratch = ls_allocate(scan->context, scan->chunk_size + LS_WINDOW_SLACK);
        done = scan->workers[i].scratch != NULL;
    }
    return done;
}

ls_record_scan *ls_record_scan_new(ls_reading *reading)
{
    ls_context *context = reading->dataset->context;
    ls_record_scan *scan = ls_allocate_zero(context, 1, sizeof *scan);
    if (scan == NULL)
        return NULL;
    scan->context = context;
    scan->tools = (ls_record_tools){.reading = reading, .known = &scan->known};
    choose_sizes(scan);
    scan->tools.growth =
        ls_allocate_zero(context, reading->field_count, sizeof *scan->tools.growth);
    /* Few of a column's texts are most of them, where its dictionary is small. */
    bool done = ls_scan_worker_init(&scan->known, reading, scan->chunk_size / 4) == LS_OK;
    scan->tasks = ls_allocate(context, scan->task_capacity * sizeof *scan->tasks);
    done = done && scan->tools.growth != NULL && scan->tasks != NULL && init_workers(scan);
    for (size_t i = 0; i < scan->set_count && done; i++)
        done = init_set(scan, &scan->sets[i]);
    if (done && reading->object == LS_CONTACT) /* events have their ids */
        ls_dictionary_take_numbers(&reading->dataset->tables[LS_CONTACT].id.dictionary);
    if (done)
        return scan;
    ls_record_scan_free(scan);
    return NULL;
}

void ls_record_scan_free(ls_record_scan *scan)
{
    if (scan == NULL)
        return;
    ls_context *context = scan->context;
    for (size_t i = 0; i < scan->set_count; i++)
        free_set(scan, &scan->sets[i]);
    for (unsigned i = 0; i < scan->threads && scan->workers != NULL; i++)
        ls_free(context, scan->workers[i].scratch, scan->chunk_size + LS_WINDOW_SLACK);
    ls_free(context, scan->workers, scan->threads * sizeof *scan->workers);
    ls_free(context, scan->tasks, scan->task_capacity * sizeof *scan->tasks);
    ls_free(context, scan->tools.growth,
            scan->tools.reading->field_count * sizeof *scan->tools.growth);
    ls_scan_worker_free(&scan->known, context);
    ls_free(context, scan, sizeof *scan);
}

static ls_record_set *set_of(ls_record_scan *scan, size_t i)
{
    size_t place = scan->first + i;
    return &scan->sets[place < scan->set_count ? place : place - scan->set_count];
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static ls_window *window_of(const ls_record_scan *scan)
{
    return &scan->tools.reading->csv.window;
}

static uint64_t bytes_taken(const ls_record_scan *scan)
{
    return window_of(scan)->before + window_of(scan)->start;
}

/* Fills the next set of the ring, if anything whole follows. */
static int fill_set(ls_record_scan *scan, ls_error *error)
{
    ls_record_set *set = set_of(scan, scan->active);
    int status = LS_OK;
    set->count = 0;
    while (set->count < scan->chunk_count && !scan->ended && status == LS_OK) {
        ls_chunk *chunk = &set->chunks[set->count];
        bool whole = false;
        status = ls_chunk_fill(chunk, window_of(scan), &scan->tail, &whole, error);
        set->count += whole;
        scan->ended = !whole;
        scan->rest = whole ? NULL : chunk;
    }
    set->filled = set->count;
    set->stage = LS_RECORDS_FILLED;
    set->ids = (ls_record_work){0, 0, false};
    memset(set->fields, 0, scan->tools.reading->field_count * sizeof *set->fields);
    scan->active += set->count != 0;
    return status;
}

/* Gives back what follows the last row that was taken: the sets that were dropped, what is left of
 * the one that was stopped. */
static int put_back_rest(ls_record_scan *scan, ls_error *error)
{
    ls_window *const window = window_of(scan);
    int status = LS_OK;
    if (scan->stopped == NULL)
        return ls_window_put_back(window, scan->tail.text, scan->tail.length, error);
    if (scan->rest != NULL)
        status = ls_chunk_put_back(scan->rest, scan->rest->carried, window, error);
    for (size_t i = scan->active; i-- > 0 && status == LS_OK;) {
        const ls_record_set *set = set_of(scan, i);
        for (size_t k = set->filled; k-- > 0 && status == LS_OK;)
            status = ls_chunk_put_back(&set->chunks[k], set->chunks[k].carried, window, error);
    }
    const ls_record_set *set = scan->stopped;
    for (size_t k = set->filled; k-- > set->count && status == LS_OK;)
        status = ls_chunk_put_back(&set->chunks[k], set->chunks[k].carried, window, error);
    const ls_chunk *last = &set->chunks[set->count - 1];
    return status == LS_OK ? ls_chunk_put_back(last, last->used, window, error) : status;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static void add_task(ls_record_scan *scan, ls_record_set *set, size_t index)
{
    scan->tasks[scan->task_count++] = (task){set, index};
}

static void add_fields(ls_record_scan *scan, ls_record_set *set, bool large)
{
    const ls_reading *reading = scan->tools.reading;
    const ls_table *table = &reading->dataset->tables[reading->object];
    for (size_t i = 0; i < reading->field_count; i++)
        if (reading->fields[i].kept && (table->columns[reading->fields[i].column].dictionary.count >
                                        LS_LARGE_DICTIONARY) == large)
            add_task(scan, set, i);
}

/* Lists what is to be done: what takes long comes first, so that it does not end last. */
static void list_tasks(ls_record_scan *scan)
{
    scan->task_count = 0;
    for (size_t i = 0; i < scan->active; i++)
        if (set_of(scan, i)->stage == LS_RECORDS_NAMED)
            add_fields(scan, set_of(scan, i), true);
    for (size_t i = 0; i < scan->active; i++)
        if (set_of(scan, i)->stage == LS_RECORDS_CUT)
            add_task(scan, set_of(scan, i), 0);
    for (size_t i = 0; i < scan->active; i++) {
        ls_record_set *set = set_of(scan, i);
        if (set->stage == LS_RECORDS_NAMED)
            add_fields(scan, set, false);
        for (size_t k = 0; k < set->count && set->stage == LS_RECORDS_FILLED; k++)
            add_task(scan, set, k);
    }
}

/* About how many rows follow those that are filled; not where memory is bounded, since only as much
 * is asked for then as is needed at once. */
static void count_rows_left(ls_record_scan *scan)
{
    const ls_source *source = &window_of(scan)->source;
    uint64_t bytes = 0, rows = 0, taken = bytes_taken(scan);
    scan->tools.rows_left = 0;
    if (source->gzip != NULL || source->total <= taken || scan->context->max_memory != 0)
        return;
    for (size_t i = 0; i < scan->active; i++) {
        const ls_record_set *set = set_of(scan, i);
        for (size_t k = 0; k < set->count && set->stage >= LS_RECORDS_CUT; k++) {
            bytes += set->chunks[k].used;
            rows += set->chunks[k].row_count;
        }
    }
    if (bytes != 0)
        scan->tools.rows_left =
            (size_t)((double)rows / (double)bytes * (double)(source->total - taken));
}

/* So that few tasks stop for want of it, and what is written all over is made at once. */
static void make_room(ls_record_scan *scan)
{
    count_rows_left(scan);
    if (scan->threads == 1 && scan->tools.rows_left == 0)
        return;
    for (size_t i = 0; i < scan->task_count; i++) {
        const ls_record_set *set = scan->tasks[i].set;
        if (set->stage == LS_RECORDS_CUT)
            ls_record_reserve_ids(&scan->tools, set);
        else if (set->stage == LS_RECORDS_NAMED)
            ls_record_reserve_field(&scan->tools, set, scan->tasks[i].index);
    }
}

/* What finds no room is taken up again after the round. */
static void run_task(void *user, unsigned thread, size_t index)
{
    ls_record_scan *scan = user;
    const task *task = &scan->tasks[index];
    ls_context *context = scan->threads == 1 ? scan->context : NULL;
    ls_record_worker *worker = &scan->workers[thread];
    switch (task->set->stage) {
    case LS_RECORDS_FILLED: ls_record_cut(&scan->tools, &task->set->chunks[task->index]); break;
    case LS_RECORDS_CUT: (void)ls_record_add_ids(&scan->tools, task->set, context, worker); break;
    case LS_RECORDS_NAMED:
        (void)ls_record_code_field(&scan->tools, task->set, task->index, context, worker);
        break;
    default: break;
    }
}

/* Sets after this one do not count. */
static void stop_at(ls_record_scan *scan, ls_record_set *set)
{
    bool after = false;
    scan->stopped = set;
    for (size_t i = 0; i < scan->active; i++) {
        if (after)
            set_of(scan, i)->stage = LS_RECORDS_DROPPED;
        after = after || set_of(scan, i) == set;
    }
}

static void finish_cut(ls_record_scan *scan, ls_record_set *set)
{
    set->stage = LS_RECORDS_CUT;
    for (size_t i = 0; i < set->count; i++) {
        ls_chunk *chunk = &set->chunks[i];
        chunk->line = scan->line;
        scan->line += chunk->row_count;
        if (chunk->used < chunk->length) {
            set->count = i + 1;
            stop_at(scan, set);
        }
    }
}

static int finish_ids(ls_record_scan *scan, ls_record_set *set)
{
    int status = LS_OK;
    if (!set->ids.done)
        status = ls_record_add_ids(&scan->tools, set, scan->context, &scan->workers[0]);
    set->stage = LS_RECORDS_NAMED;
    set->row_count = 0;
    for (size_t i = 0; i < set->count; i++)
        set->row_count += set->chunks[i].row_count;
    const ls_chunk *last = &set->chunks[set->count - 1];
    if (set->count < set->filled || last->used < last->length)
        stop_at(scan, set);
    return status;
}

static int finish_fields(ls_record_scan *scan, ls_record_set *set, ls_error *error)
{
    ls_reading *reading = scan->tools.reading;
    ls_dataset *dataset = reading->dataset;
    for (size_t i = 0; i < reading->field_count; i++)
        if (reading->fields[i].kept && !set->fields[i].done &&
            ls_record_code_field(&scan->tools, set, i, scan->context, &scan->workers[0]) != LS_OK)
            return ls_fail_memory(error);
    int status = ls_record_check(&scan->tools, set, error);
    dataset->counts.records[reading->object] = dataset->tables[reading->object].count +=
        set->row_count;
    return status;
}

/* Brings the oldest sets to their next stages. */
static int advance_sets(ls_record_scan *scan, size_t count, ls_error *error)
{
    int status = LS_OK;
    size_t finished = 0;
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        ls_record_set *set = set_of(scan, i);
        switch (set->stage) {
        case LS_RECORDS_FILLED: finish_cut(scan, set); break;
        case LS_RECORDS_CUT:
            status = finish_ids(scan, set) == LS_OK ? LS_OK : ls_fail_memory(error);
            break;
        case LS_RECORDS_NAMED:
            status = finish_fields(scan, set, error);
            finished++;
            break;
        default: break;
        }
    }
    scan->first += finished;
    scan->first -= scan->first >= scan->set_count ? scan->set_count : 0;
    scan->active -= finished;
    return status;
}

/* One round; the next set is filled meanwhile. */
static int run_round(ls_record_scan *scan, ls_error *error)
{
    bool fills = !scan->ended && scan->stopped == NULL && scan->active < scan->set_count;
    const size_t count = scan->active; /* what is filled now begins with the next round */
    list_tasks(scan);
    make_room(scan);
    if (scan->threads > 1)
        ls_crew_begin(&scan->crew, scan->task_count);
    if (fills)
        scan->failed = fill_set(scan, error);
    scan->ended = scan->ended || scan->failed != LS_OK;
    if (scan->threads > 1)
        ls_crew_end(&scan->crew);
    for (size_t i = 0; i < scan->task_count && scan->threads == 1; i++)
        run_task(scan, 0, i);
    return advance_sets(scan, count, error);
}

static bool is_working(ls_record_scan *scan)
{
    return scan->active != 0 && set_of(scan, 0)->stage != LS_RECORDS_DROPPED;
}

/* Goes on until a row is not plain, the bytes end or the budget does (LS_MORE). */
static int take_sets(ls_record_scan *scan, uint64_t budget, ls_error *error)
{
    const uint64_t start = bytes_taken(scan);
    int status;
    bool more;
    do {
        more = budget == 0 || bytes_taken(scan) - start < budget;
        scan->ended = scan->ended || !more;
        status = run_round(scan, error);
    } while (status == LS_OK && (is_working(scan) || (!scan->ended && scan->stopped == NULL)));
    status = status == LS_OK ? scan->failed : status;
    return status == LS_OK && !more && scan->stopped == NULL ? LS_MORE : status;
}

static void note_pause(ls_record_scan *scan)
{
    scan->next_pause = scan->stopped != NULL ? 2 * scan->next_pause + 1 : 0;
    scan->next_pause = scan->next_pause < LONGEST_PAUSE ? scan->next_pause : LONGEST_PAUSE;
    scan->pause = scan->next_pause;
}

int ls_record_scan_run(ls_record_scan *scan, uint64_t budget, ls_error *error)
{
    ls_csv *csv = &scan->tools.reading->csv;
    if (scan->pause > 0) {
        scan->pause--;
        return LS_OK;
    }
    scan->tail.length = scan->first = scan->active = 0;
    scan->line = csv->line;
    scan->stopped = NULL;
    scan->rest = NULL;
    scan->ended = false;
    scan->failed = LS_OK;
    if (scan->threads > 1)
        ls_crew_start(&scan->crew, scan->threads, run_task, scan);
    int status = take_sets(scan, budget, error);
    if (scan->threads > 1)
        ls_crew_stop(&scan->crew);
    int kept = status >= 0 ? put_back_rest(scan, error) : status;
    csv->line = scan->line;
    if (scan->stopped != NULL) {
        const ls_chunk *last = &scan->stopped->chunks[scan->stopped->count - 1];
        csv->line = last->line + last->row_count;
    }
    csv->marked = csv->window.start;
    csv->mark_count = csv->next_mark = 0;
    note_pause(scan);
    return kept < 0 ? kept : status;
}
