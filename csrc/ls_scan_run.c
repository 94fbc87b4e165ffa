/* The chunks of a CSV file of events. There are two sets of them: while threads work one out, the
 * other is packed and filled again. What depends on order (new texts, rows that are refused,
 * packing) is done by the caller's thread alone, chunk after chunk, so that any number of threads
 * makes the same dataset; nothing else allocates.
 *
 * Where there are several threads and a plain file, each reads the parts that it works out, so that
 * their bytes are in its cache: a part with some bytes before it, in which the row begins that ends
 * in it. Parts that do not meet (a row is longer than these bytes, the file changes) are read again
 * in order.
 *
 * Threads live inside a step. A row that is not plain ends the fast way: what was taken after it is
 * put back, and the scanner goes on there. */
#include "ls_scan.h"

#include "ls_threads.h"

/* Chunks of a set, where there are several threads: enough for each to share well. In a large file
 * a round is long beside its end, at which threads wait for the last, and beside what else the
 * machine has to do meanwhile; not where memory is bounded. */
#define SHARE 4
#define LARGE_SET 32
/* Bytes of a chunk, worked out by one thread or shared by several: as much as measures best where
 * the second-level cache is of 512 KiB. Where memory is bounded it is less. */
#define WHOLE_CHUNK ((size_t)256 * 1024)
#define SHARED_CHUNK ((size_t)128 * 1024)
#define LEAST_CHUNK ((size_t)64 * 1024)
/* Bytes before a part that are read with it. */
#define LEAD ((size_t)4 * 1024)
/* The longest that the scanner goes on alone, in batches, where rows that are not plain keep
 * coming. */
#define LONGEST_PAUSE 64

/* What a thread reads a part into: in its cache from part to part, so chunks whose rows are all
 * worked out leave it to the thread. */
typedef struct page {
    char *text;
    uint32_t *marks;
} page;

typedef struct set {
    size_t count; /* chunks that are filled, or will be by who works them out */
    bool last;    /* nothing whole follows */
} set;

struct ls_scan {
    ls_reading *reading;
    ls_context *context;
    unsigned threads;
    size_t chunk_size, chunk_count; /* bytes of a chunk, chunks of a set */
    ls_chunk *chunks;               /* of both sets */
    ls_scan_worker *workers;        /* by thread; the caller's is the first */
    page *pages;                    /* by thread, where they read parts */
    set sets[2];
    int shared; /* the set of this round */
    ls_crew crew;
    /* in order: */
    ls_string tail;       /* what the last chunk that was filled left */
    const ls_chunk *rest; /* that chunk, if no row ends in it: no set counts it */
    /* in parts: */
    bool ordered;            /* parts did not meet: no more of them */
    bool parts;              /* this run reads them */
    uint64_t next, finished; /* of the file: the next part; the first row that is not finished */
    unsigned pause, next_pause;
};

/* ---- memory ---------------------------------------------------------------------------------- */

/* Bytes of a plain file; 0: unknown. */
static uint64_t plain_size(const ls_window *window)
{
    return window->source.gzip == NULL ? window->source.total : 0;
}

static size_t chunks_of_set(const ls_window *window, unsigned threads, bool bounded)
{
    const uint64_t total = plain_size(window);
    const size_t count = SHARE * (size_t)threads;
    if (threads == 1)
        return 1;
    return count < LARGE_SET && !bounded && (total == 0 || total > LARGE_SET * SHARED_CHUNK)
               ? LARGE_SET
               : count;
}

/* LS_OK or LS_ERROR_MEMORY. */
static int make_pages(ls_scan *scan)
{
    const size_t size = scan->chunk_size;
    scan->pages = ls_allocate_zero(scan->context, scan->threads, sizeof *scan->pages);
    bool done = scan->pages != NULL;
    for (unsigned i = 0; i < scan->threads && done; i++) {
        page *page = &scan->pages[i];
        page->text = ls_allocate(scan->context, ls_text_size(size));
        page->marks = ls_allocate(scan->context, ls_marks_size(size));
        done = page->text != NULL && page->marks != NULL;
    }
    return done ? LS_OK : LS_ERROR_MEMORY;
}

static void free_pages(ls_scan *scan)
{
    for (unsigned i = 0; i < scan->threads && scan->pages != NULL; i++) {
        ls_free(scan->context, scan->pages[i].text, ls_text_size(scan->chunk_size));
        ls_free(scan->context, scan->pages[i].marks, ls_marks_size(scan->chunk_size));
    }
    ls_free(scan->context, scan->pages, scan->threads * sizeof *scan->pages);
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
    scan->chunk_count = chunks_of_set(window, reading->threads, context->max_memory != 0);
    scan->chunks = ls_allocate_zero(context, 2 * scan->chunk_count, sizeof *scan->chunks);
    const uint64_t total = plain_size(window);
    size_t size = scan->threads == 1 ? WHOLE_CHUNK : SHARED_CHUNK;
    if (context->max_memory != 0)
        size = LEAST_CHUNK;
    if (total != 0 && total < size)
        size = (size_t)total;
    scan->chunk_size = size;
    scan->workers = ls_allocate_zero(context, scan->threads, sizeof *scan->workers);
    int status = scan->chunks && scan->workers ? LS_OK : LS_ERROR_MEMORY;
    for (unsigned i = 0; i < scan->threads && status == LS_OK; i++)
        status = ls_scan_worker_init(&scan->workers[i], reading, size);
    for (size_t i = 0; i < 2 * scan->chunk_count && status == LS_OK; i++)
        status = ls_chunk_init(&scan->chunks[i], context, size, reading->batch.stride,
                               reading->dataset->events.column_count,
                               reading->identity_field != LS_NO_FIELD);
    if (status == LS_OK && scan->threads > 1 && total != 0)
        status = make_pages(scan);
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
    free_pages(scan);
    ls_free(scan->context, scan->workers, scan->threads * sizeof *scan->workers);
    ls_free(scan->context, scan->chunks, 2 * scan->chunk_count * sizeof *scan->chunks);
    ls_free(scan->context, scan, sizeof *scan);
}

static ls_chunk *chunk_of(const ls_scan *scan, int set, size_t i)
{
    return &scan->chunks[(size_t)set * scan->chunk_count + i];
}

/* ---- bytes in order -------------------------------------------------------------------------- */

static ls_window *window_of(const ls_scan *scan)
{
    return &scan->reading->csv.window;
}

/* What is between the first row of a chunk and its last line feed are its rows. */
static void end_rows(ls_chunk *chunk)
{
    chunk->length = chunk->filled;
    while (chunk->length > chunk->begin && chunk->text[chunk->length - 1] != '\n')
        chunk->length--;
    memset(chunk->text + chunk->filled, 0, LS_WINDOW_SLACK);
}

int ls_chunk_fill(ls_chunk *chunk, ls_window *window, ls_string *tail, bool *whole, ls_error *error)
{
    size_t length;
    if (tail->length != 0)
        memmove(chunk->text, tail->text, tail->length);
    chunk->carried = tail->length;
    int status = ls_window_take(window, chunk->text + chunk->carried, chunk->size - chunk->carried,
                                &length, error);
    if (status != LS_OK)
        return status;
    chunk->begin = 0;
    chunk->filled = chunk->carried + length;
    end_rows(chunk);
    *tail = (ls_string){chunk->text + chunk->length, chunk->filled - chunk->length};
    *whole = chunk->length != 0;
    return LS_OK;
}

int ls_chunk_put_back(const ls_chunk *chunk, size_t from, ls_window *window, ls_error *error)
{
    return ls_window_put_back(window, chunk->text + from, chunk->filled - from, error);
}

/* Gives the bytes of a set back from chunk `first` on, and of that one from byte `from` on. */
static int put_back_set(ls_scan *scan, int which, size_t first, size_t from, ls_error *error)
{
    int status = LS_OK;
    for (size_t i = scan->sets[which].count; i-- > first && status == LS_OK;) {
        const ls_chunk *chunk = chunk_of(scan, which, i);
        status =
            ls_chunk_put_back(chunk, i == first ? from : chunk->carried, window_of(scan), error);
    }
    return status;
}

/* ---- bytes in parts -------------------------------------------------------------------------- */

static uint64_t bytes_taken(const ls_scan *scan)
{
    return scan->parts ? scan->next : ls_window_place(window_of(scan));
}

/* Says which part of the file the chunk is; whoever works it out reads it. */
static void give_part(ls_scan *scan, ls_chunk *chunk)
{
    const uint64_t total = plain_size(window_of(scan));
    const size_t most = chunk->size - LEAD;
    chunk->carried =
        scan->next - scan->finished < LEAD ? (size_t)(scan->next - scan->finished) : LEAD;
    chunk->at = scan->next - chunk->carried;
    chunk->filled = total - scan->next < most ? (size_t)(total - scan->next) : most;
    scan->next += chunk->filled;
    chunk->filled += chunk->carried;
}

/* Reads a part. The row that ends in it begins after the last line feed before it. */
static void read_part(const ls_scan *scan, ls_chunk *chunk)
{
    chunk->filled =
        ls_source_read_at(&window_of(scan)->source, chunk->text, chunk->filled, chunk->at);
    chunk->begin = chunk->carried < chunk->filled ? chunk->carried : chunk->filled;
    while (chunk->begin != 0 && chunk->text[chunk->begin - 1] != '\n')
        chunk->begin--;
    end_rows(chunk);
}

/* ---- sets ------------------------------------------------------------------------------------ */

static int fill_set(ls_scan *scan, int which, ls_error *error)
{
    set *set = &scan->sets[which];
    bool whole = true;
    set->count = 0;
    while (set->count < scan->chunk_count && whole) {
        ls_chunk *chunk = chunk_of(scan, which, set->count);
        int status = LS_OK;
        if (!scan->parts)
            status = ls_chunk_fill(chunk, window_of(scan), &scan->tail, &whole, error);
        else if ((whole = scan->next < plain_size(window_of(scan))))
            give_part(scan, chunk);
        if (status != LS_OK)
            return status;
        set->count += whole;
        if (!scan->parts && !whole)
            scan->rest = chunk;
    }
    set->last = !whole;
    return LS_OK;
}

static void swap_page(ls_chunk *chunk, page *page)
{
    const struct page own = {chunk->text, chunk->marks};
    chunk->text = page->text;
    chunk->marks = page->marks;
    *page = own;
}

/* A chunk needs its text afterwards only for rows that are left over. */
static void work_part(ls_scan *scan, ls_chunk *chunk, unsigned thread)
{
    swap_page(chunk, &scan->pages[thread]);
    read_part(scan, chunk);
    ls_chunk_work(chunk, scan->reading, &scan->workers[thread]);
    if (chunk->left_count == 0)
        swap_page(chunk, &scan->pages[thread]);
}

static void work_chunk(void *user, unsigned thread, size_t index)
{
    ls_scan *scan = user;
    ls_chunk *chunk = chunk_of(scan, scan->shared, index);
    if (scan->parts)
        work_part(scan, chunk, thread);
    else
        ls_chunk_work(chunk, scan->reading, &scan->workers[thread]);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int pack_set(ls_scan *scan, int which, ls_error *error)
{
    for (size_t i = 0; i < scan->sets[which].count; i++) {
        const ls_chunk *chunk = chunk_of(scan, which, i);
        const ls_packing packing = {.count = chunk->row_count,
                                    .contacts = chunk->contacts,
                                    .times = chunk->times,
                                    .most = chunk->most,
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

/* The rows that follow this chunk's are for the scanner. */
static int stop_set(ls_scan *scan, int which, size_t i, ls_error *error)
{
    int status = LS_OK;
    if (!scan->parts) {
        if (scan->rest != NULL)
            status = ls_chunk_put_back(scan->rest, scan->rest->carried, window_of(scan), error);
        if (status == LS_OK)
            status = put_back_set(scan, 1 - which, 0, chunk_of(scan, 1 - which, 0)->carried, error);
        if (status == LS_OK)
            status = put_back_set(scan, which, i, chunk_of(scan, which, i)->used, error);
        scan->tail.length = 0;
    }
    scan->sets[1 - which].count = 0;
    scan->sets[which].count = i + 1;
    return status;
}

/* Whether a part begins where the one before it ended. */
static bool meets(ls_scan *scan, const ls_chunk *chunk)
{
    if (chunk->at + chunk->begin == scan->finished)
        return true;
    scan->ordered = true;
    return false;
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
        if (scan->parts && !meets(scan, chunk)) {
            *irregular = true;
            scan->sets[1 - which].count = 0;
            set->count = i;
            return LS_OK;
        }
        chunk->line = csv->line;
        csv->line += chunk->row_count;
        scan->finished = chunk->at + chunk->used;
        int status = ls_chunk_finish(chunk, scan->reading, error);
        if (status == LS_OK && chunk->used < chunk->length) {
            *irregular = true;
            return stop_set(scan, which, i, error);
        }
        if (status != LS_OK)
            return status;
    }
    return LS_OK;
}

/* Goes on until a row is not plain, the bytes end or the budget does (LS_MORE). */
static int take_rows(ls_scan *scan, uint64_t budget, bool *irregular, ls_error *error)
{
    uint64_t start = bytes_taken(scan);
    bool more = true;
    int which = 0;
    int status = fill_set(scan, which, error);
    scan->sets[1].count = 0;
    while (status == LS_OK && !*irregular && scan->sets[which].count != 0) {
        more = budget == 0 || bytes_taken(scan) - start < budget;
        scan->shared = which;
        ls_crew_begin(&scan->crew, scan->sets[which].count);
        status = pack_set(scan, 1 - which, error);
        if (status == LS_OK && more && !scan->sets[which].last)
            status = fill_set(scan, 1 - which, error);
        ls_crew_end(&scan->crew);
        if (status == LS_OK)
            status = finish_set(scan, which, irregular, error);
        which = 1 - which;
    }
    if (status == LS_OK) /* the set that was finished last */
        status = pack_set(scan, 1 - which, error);
    return status == LS_OK && !more && !*irregular ? LS_MORE : status;
}

/* Begins where the scanner ended. */
static void begin_run(ls_scan *scan)
{
    const ls_window *window = window_of(scan);
    scan->tail.length = 0;
    scan->rest = NULL;
    scan->next = scan->finished = ls_window_place(window);
    scan->parts = scan->threads > 1 && !scan->ordered && !window->ended &&
                  scan->chunks->size > 2 * LEAD && scan->next < plain_size(window);
}

/* What was not taken is the scanner's. */
static int end_run(ls_scan *scan, ls_error *error)
{
    ls_csv *csv = &scan->reading->csv;
    int status = scan->parts
                     ? ls_window_move(&csv->window, scan->finished, error)
                     : ls_window_put_back(&csv->window, scan->tail.text, scan->tail.length, error);
    csv->marked = csv->window.start;
    csv->mark_count = csv->next_mark = 0;
    return status;
}

int ls_scan_run(ls_scan *scan, uint64_t budget, ls_error *error)
{
    bool irregular = false;
    if (scan->pause > 0) {
        scan->pause--;
        return LS_OK;
    }
    begin_run(scan);
    ls_crew_start(&scan->crew, scan->threads, work_chunk, scan);
    int status = take_rows(scan, budget, &irregular, error);
    ls_crew_stop(&scan->crew);
    if (status >= 0) {
        int ended = end_run(scan, error);
        status = ended < 0 ? ended : status;
    }
    scan->next_pause = irregular ? 2 * scan->next_pause + 1 : 0;
    scan->next_pause = scan->next_pause < LONGEST_PAUSE ? scan->next_pause : LONGEST_PAUSE;
    scan->pause = scan->next_pause;
    return status;
}
