/* The chunks of a CSV file of events. There are two sets of them: while threads work one out, the
 * other is packed and filled again. What depends on order (new texts, rows that are refused,
 * packing) is done by the caller's thread alone, chunk after chunk, so that any number of threads
 * makes the same dataset; nothing else allocates.
 *
 * Threads live inside a step. A row that is not plain ends the fast way: what was taken after it is
 * put back, and the scanner goes on there. */
#include "ls_scan.h"

#include <pthread.h>
#include <stdatomic.h>

/* Chunks of a set, where there are several threads: enough for each to share well, and for a round
 * to be long beside its beginning and end. */
#define SHARE 4
#define LEAST_SET 16
/* The longest that the scanner goes on alone, in batches, where rows that are not plain keep
 * coming. */
#define LONGEST_PAUSE 64

typedef struct set {
    size_t count; /* chunks that are filled */
    bool last;    /* nothing whole follows */
} set;

struct ls_scan {
    ls_reading *reading;
    ls_context *context;
    unsigned threads;
    size_t chunk_count;      /* of a set */
    ls_chunk *chunks;        /* of both sets */
    ls_scan_worker *workers; /* by thread; the caller's is the first */
    set sets[2];
    const char *tail; /* what the last chunk that was filled left */
    size_t tail_length;
    unsigned pause, next_pause;
    /* what threads share */
    pthread_mutex_t mutex;
    pthread_cond_t begun, ended;
    unsigned started, round, idle;
    bool closing;
    ls_chunk *shared;
    size_t shared_count;
    _Atomic size_t next;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t chunks_of_set(const ls_window *window, unsigned threads)
{
    uint64_t total = window->source.gzip == NULL ? window->source.total : 0;
    size_t count = SHARE * (size_t)threads;
    if (threads == 1)
        return 1;
    if (count < LEAST_SET && (total == 0 || total > LEAST_SET * LS_CHUNK_SIZE))
        count = LEAST_SET;
    return count;
}

ls_scan *ls_scan_new(ls_reading *reading)
{
    ls_context *context = reading->dataset->context;
    const ls_window *window = &reading->csv.window;
    ls_scan *scan = ls_allocate_zero(context, 1, sizeof *scan);
    if (scan == NULL)
        return NULL;
    scan->reading = reading;
    scan->context = context;
    scan->threads = reading->threads;
    scan->chunk_count = chunks_of_set(window, reading->threads);
    scan->chunks = ls_allocate_zero(context, 2 * scan->chunk_count, sizeof *scan->chunks);
    uint64_t total = window->source.gzip == NULL ? window->source.total : 0;
    size_t size = total != 0 && total < LS_CHUNK_SIZE ? (size_t)total : LS_CHUNK_SIZE;
    scan->workers = ls_allocate_zero(context, scan->threads, sizeof *scan->workers);
    int status = scan->chunks && scan->workers ? LS_OK : LS_ERROR_MEMORY;
    for (unsigned i = 0; i < scan->threads && status == LS_OK; i++)
        status = ls_scan_worker_init(&scan->workers[i], reading, size);
    for (size_t i = 0; i < 2 * scan->chunk_count && status == LS_OK; i++)
        status = ls_chunk_init(&scan->chunks[i], context, size, reading->batch.stride,
                               reading->dataset->events.column_count,
                               reading->identity_field != LS_NO_FIELD);
    pthread_mutex_init(&scan->mutex, NULL);
    pthread_cond_init(&scan->begun, NULL);
    pthread_cond_init(&scan->ended, NULL);
    if (status == LS_OK)
        return scan;
    ls_scan_free(scan);
    return NULL;
}

void ls_scan_free(ls_scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; scan->chunks && i < 2 * scan->chunk_count; i++)
        ls_chunk_free(&scan->chunks[i], scan->context);
    for (unsigned i = 0; scan->workers && i < scan->threads; i++)
        ls_scan_worker_free(&scan->workers[i], scan->context);
    ls_free(scan->context, scan->workers, scan->threads * sizeof *scan->workers);
    ls_free(scan->context, scan->chunks, 2 * scan->chunk_count * sizeof *scan->chunks);
    pthread_mutex_destroy(&scan->mutex);
    pthread_cond_destroy(&scan->begun);
    pthread_cond_destroy(&scan->ended);
    ls_free(scan->context, scan, sizeof *scan);
}

static ls_chunk *chunk_of(const ls_scan *scan, int set, size_t i)
{
    return &scan->chunks[(size_t)set * scan->chunk_count + i];
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* After what is left of the chunk before come bytes of the file. False in *whole: no row ends in
 * them. */
static int fill_chunk(ls_scan *scan, ls_chunk *chunk, bool *whole, ls_error *error)
{
    size_t length;
    if (scan->tail_length != 0)
        memcpy(chunk->text, scan->tail, scan->tail_length);
    chunk->carried = scan->tail_length;
    int status = ls_window_take(&scan->reading->csv.window, chunk->text + chunk->carried,
                                chunk->size - chunk->carried, &length, error);
    if (status != LS_OK)
        return status;
    chunk->filled = chunk->length = chunk->carried + length;
    while (chunk->length != 0 && chunk->text[chunk->length - 1] != '\n')
        chunk->length--;
    memset(chunk->text + chunk->filled, 0, LS_WINDOW_SLACK);
    scan->tail = chunk->text + chunk->length;
    scan->tail_length = chunk->filled - chunk->length;
    *whole = chunk->length != 0;
    return LS_OK;
}

static int fill_set(ls_scan *scan, int which, ls_error *error)
{
    set *set = &scan->sets[which];
    bool whole = true;
    set->count = 0;
    while (set->count < scan->chunk_count && whole) {
        int status = fill_chunk(scan, chunk_of(scan, which, set->count), &whole, error);
        if (status != LS_OK)
            return status;
        set->count += whole;
    }
    set->last = !whole;
    return LS_OK;
}

/* Gives the bytes of a set back from chunk `first` on, and of that one from byte `from` on. */
static int put_back_set(ls_scan *scan, int which, size_t first, size_t from, ls_error *error)
{
    int status = LS_OK;
    for (size_t i = scan->sets[which].count; i-- > first && status == LS_OK;) {
        const ls_chunk *chunk = chunk_of(scan, which, i);
        size_t begin = i == first ? from : chunk->carried;
        status = ls_window_put_back(&scan->reading->csv.window, chunk->text + begin,
                                    chunk->filled - begin, error);
    }
    return status;
}

/* ---- threads --------------------------------------------------------------------------------- */

static void work_chunks(ls_scan *scan, ls_scan_worker *worker)
{
    for (;;) {
        size_t i = atomic_fetch_add(&scan->next, 1);
        if (i >= scan->shared_count)
            return;
        ls_chunk_work(&scan->shared[i], scan->reading, worker);
    }
}

static void *work(void *argument)
{
    ls_scan *scan = argument;
    unsigned seen = 0;
    pthread_mutex_lock(&scan->mutex);
    ls_scan_worker *worker = &scan->workers[++scan->started];
    for (;;) {
        while (scan->round == seen && !scan->closing)
            pthread_cond_wait(&scan->begun, &scan->mutex);
        if (scan->closing)
            break;
        seen = scan->round;
        pthread_mutex_unlock(&scan->mutex);
        work_chunks(scan, worker);
        pthread_mutex_lock(&scan->mutex);
        scan->idle++;
        pthread_cond_signal(&scan->ended);
    }
    pthread_mutex_unlock(&scan->mutex);
    return NULL;
}

static void begin_round(ls_scan *scan, int which)
{
    pthread_mutex_lock(&scan->mutex);
    scan->shared = chunk_of(scan, which, 0);
    scan->shared_count = scan->sets[which].count;
    atomic_store(&scan->next, 0);
    scan->idle = 0;
    scan->round++;
    pthread_cond_broadcast(&scan->begun);
    pthread_mutex_unlock(&scan->mutex);
}

static void end_round(ls_scan *scan, unsigned workers)
{
    work_chunks(scan, &scan->workers[0]);
    pthread_mutex_lock(&scan->mutex);
    while (scan->idle < workers)
        pthread_cond_wait(&scan->ended, &scan->mutex);
    pthread_mutex_unlock(&scan->mutex);
}

/* Answers how many run beside the caller; one that does not start leaves its part to the others. */
static unsigned start_workers(ls_scan *scan, pthread_t *workers)
{
    unsigned count = 0;
    scan->started = scan->round = 0;
    scan->closing = false;
    while (count + 1 < scan->threads && pthread_create(&workers[count], NULL, work, scan) == 0)
        count++;
    return count;
}

static void stop_workers(ls_scan *scan, const pthread_t *workers, unsigned count)
{
    pthread_mutex_lock(&scan->mutex);
    scan->closing = true;
    pthread_cond_broadcast(&scan->begun);
    pthread_mutex_unlock(&scan->mutex);
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i], NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int pack_set(ls_scan *scan, int which, ls_error *error)
{
    for (size_t i = 0; i < scan->sets[which].count; i++) {
        const ls_chunk *chunk = chunk_of(scan, which, i);
        const ls_packing packing = {.count = chunk->row_count,
                                    .contacts = chunk->contacts,
                                    .times = chunk->times,
                                    .wide = chunk->wide,
                                    .names = chunk->names,
                                    .codes = chunk->codes,
                                    .step = chunk->row_capacity,
                                    .identities = chunk->identities};
        if (ls_pack_events(scan->reading->dataset, &packing) != LS_OK)
            return ls_fail_memory(error);
    }
    scan->sets[which].count = 0;
    return LS_OK;
}

/* Takes what chunks left over, in order, up to a row that is not plain: *irregular. Chunks after it
 * are put back. */
static int finish_set(ls_scan *scan, int which, bool *irregular, ls_error *error)
{
    ls_csv *csv = &scan->reading->csv;
    set *set = &scan->sets[which];
    *irregular = false;
    for (size_t i = 0; i < set->count; i++) {
        ls_chunk *chunk = chunk_of(scan, which, i);
        chunk->line = csv->line;
        csv->line += chunk->row_count;
        int status = ls_chunk_finish(chunk, scan->reading, error);
        if (status == LS_OK && chunk->used < chunk->length) {
            *irregular = true;
            status = put_back_set(scan, 1 - which, 0, chunk_of(scan, 1 - which, 0)->carried, error);
            scan->sets[1 - which].count = 0;
            if (status == LS_OK)
                status = put_back_set(scan, which, i, chunk->used, error);
            set->count = i + 1;
            scan->tail_length = 0;
            return status;
        }
        if (status != LS_OK)
            return status;
    }
    return LS_OK;
}

static uint64_t bytes_taken(const ls_scan *scan)
{
    const ls_window *window = &scan->reading->csv.window;
    return window->before + window->start;
}

/* Goes on until a row is not plain, the bytes end or the budget does (LS_MORE). */
static int take_rows(ls_scan *scan, unsigned workers, uint64_t budget, bool *irregular,
                     ls_error *error)
{
    uint64_t start = bytes_taken(scan);
    bool more = true;
    int which = 0;
    int status = fill_set(scan, which, error);
    scan->sets[1].count = 0;
    while (status == LS_OK && !*irregular && scan->sets[which].count != 0) {
        more = budget == 0 || bytes_taken(scan) - start < budget;
        begin_round(scan, which);
        status = pack_set(scan, 1 - which, error);
        if (status == LS_OK && more && !scan->sets[which].last)
            status = fill_set(scan, 1 - which, error);
        end_round(scan, workers);
        if (status == LS_OK)
            status = finish_set(scan, which, irregular, error);
        which = 1 - which;
    }
    if (status == LS_OK) /* the set that was finished last */
        status = pack_set(scan, 1 - which, error);
    return status == LS_OK && !more && !*irregular ? LS_MORE : status;
}

int ls_scan_run(ls_scan *scan, uint64_t budget, ls_error *error)
{
    ls_csv *csv = &scan->reading->csv;
    pthread_t workers[LS_MAX_THREADS];
    bool irregular = false;
    if (scan->pause > 0) {
        scan->pause--;
        return LS_OK;
    }
    scan->tail_length = 0;
    unsigned count = start_workers(scan, workers);
    int status = take_rows(scan, count, budget, &irregular, error);
    stop_workers(scan, workers, count);
    int kept = status >= 0 ? ls_window_put_back(&csv->window, scan->tail, scan->tail_length, error)
                           : status;
    status = kept < 0 ? kept : status;
    csv->marked = csv->window.start;
    csv->mark_count = csv->next_mark = 0;
    scan->next_pause = irregular ? 2 * scan->next_pause + 1 : 0;
    scan->next_pause = scan->next_pause < LONGEST_PAUSE ? scan->next_pause : LONGEST_PAUSE;
    scan->pause = scan->next_pause;
    return status;
}
