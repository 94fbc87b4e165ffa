/* Time passes: scores again the contacts to which something happened and those that are due, and
 * notes what changed.
 *
 * A contact is due at the soonest of what its definitions say (ls_due.h) and at once when something
 * happened to it. A change is noted before the score is remembered, and room for it is made before
 * that, so that a failure in between loses none and tells none twice: what was noted waits until it
 * is taken, and the contacts that were not reached stay due. */
#include "ls_ledger.h"
#include "ls_result.h"
#include "ls_time.h"

/* One advance. */
typedef struct advance {
    ls_ledger *ledger;
    ls_watch *watch;
    ls_walk *walk; /* made when it is first wanted */
    int64_t at;
    bool quiet; /* what changes is told nobody */
    ls_error *error;
} advance;

/* ---- what is remembered ---------------------------------------------------------------------- */

void ls_ledger_touch(ls_ledger *ledger, size_t row, unsigned why)
{
    ls_watch *watch = ledger->watch;
    ledger->marks[row] |= (uint8_t)why;
    ls_ledger_kept_touch(ledger, row);
    if (watch && row < watch->queue.count) {
        ls_due_queue_set(&watch->queue, row, INT64_MIN);
    }
}

/* Contacts that came since the last advance are due. */
static int take_in_rows(ls_ledger *ledger)
{
    ls_watch *watch = ledger->watch;
    size_t before = watch->queue.count, count = ls_ledger_table(ledger)->count;
    if (ls_watch_reserve(watch, count) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    for (size_t row = before; row < count; row++) {
        if (ls_ledger_is_there(ledger, row)) {
            ls_due_queue_set(&watch->queue, row, INT64_MIN);
        }
    }
    return LS_OK;
}

/* Bindings at the instant, and what says when they are due. */
static int bind(const advance *advance)
{
    ls_bound *bound = &advance->ledger->bound;
    ls_watch *watch = advance->watch;
    int status = ls_bound_update(bound, advance->at, 0, advance->error);
    if (status != LS_OK) {
        return status;
    }
    for (size_t i = 0; i < watch->count; i++) {
        if (i == watch->due_count) {
            status = ls_due_init(&watch->dues[i], &bound->bindings[i]);
            watch->due_count += status == LS_OK;
        }
        if (status != LS_OK || ls_due_update(&watch->dues[i]) != LS_OK) {
            return ls_fail_memory(advance->error);
        }
    }
    bound->scratch.kept = NULL;
    return LS_OK;
}

/* ---- one contact ----------------------------------------------------------------------------- */

static int want_walk(advance *advance)
{
    const ls_ledger *ledger = advance->ledger;
    return advance->walk
               ? LS_OK
               : ls_walk_new(ledger->plan, ledger->dataset, &advance->walk, advance->error);
}

/* Exact in 128 bits. A sum that passes the largest has no score. */
static int walk_score(advance *advance, size_t definition, size_t row)
{
    const ls_clock clock = {advance->at, advance->at, advance->at, advance->at};
    ls_bound *bound = &advance->ledger->bound;
    ls_score score;
    int status = want_walk(advance);
    if (status != LS_OK) {
        return status;
    }
    status = ls_walk_one(advance->walk, definition, row, &clock, &score, advance->error);
    if (status == LS_ERROR_RANGE) {
        score = (ls_score){.empty = true};
        status = LS_OK;
    }
    if (status == LS_OK) {
        ls_columns_put(bound->plan, bound->columns, definition, 0, &score);
    }
    return status;
}

/* The score of one definition in its column, and when it is due again. */
static int score_one(advance *advance, size_t definition, size_t row, int64_t *due)
{
    ls_bound *bound = &advance->ledger->bound;
    ls_due *when = &advance->watch->dues[definition];
    int64_t own;
    ls_kernel_one(&bound->bindings[definition], bound->columns, row, &bound->scratch);
    int status = ls_due_walks(when) ? want_walk(advance) : LS_OK;
    if (status == LS_OK) {
        status = ls_due_find(when, advance->walk, row, true, &bound->scratch, &own, advance->error);
    }
    if (status == LS_OK) {
        *due = ls_min(*due, own);
    }
    if (status == LS_OK && (bound->columns[definition].flags[0] & LS_FLAG_WALK) != 0) {
        status = walk_score(advance, definition, row);
    }
    return status;
}

static int score_all(advance *advance, size_t row, int64_t *due)
{
    ls_ledger *ledger = advance->ledger;
    ls_bound *bound = &ledger->bound;
    int status =
        ls_bound_row(bound, row, advance->at, ls_ledger_event_count(ledger, row), advance->error);
    *due = LS_NEVER;
    for (size_t i = 0; i < bound->plan->count && status == LS_OK; i++) {
        status = score_one(advance, bound->plan->order[i], row, due);
    }
    return status;
}

static ls_kept_score keep(const advance *advance, size_t definition, bool there)
{
    const ls_score_column *column = &advance->ledger->bound.columns[definition];
    const uint8_t flags = there ? column->flags[0] : 0;
    ls_kept_score kept = {.flags = LS_KEPT_KNOWN};
    if ((flags & LS_FLAG_IN_SCOPE) != 0 && (flags & LS_FLAG_EMPTY) == 0) {
        kept.flags |= LS_KEPT_THERE;
        kept.value = column->value[0];
        kept.label = column->label ? advance->watch->label_codes[definition][column->label[0]] : 0;
    }
    return kept;
}

static bool is_same(const ls_kept_score *a, const ls_kept_score *b)
{
    return ((a->flags ^ b->flags) & LS_KEPT_THERE) == 0 && a->value == b->value &&
           a->label == b->label;
}

/* Compares with what is remembered, and remembers. Room for the changes was made. */
static void note(const advance *advance, size_t row, bool there)
{
    ls_watch *watch = advance->watch;
    const uint8_t marks = advance->ledger->marks[row];
    for (size_t i = 0; i < watch->count; i++) {
        ls_kept_score *kept = &ls_watch_scores(watch, row)[i], now = keep(advance, i, there);
        const bool known = (kept->flags & LS_KEPT_KNOWN) != 0;
        const bool quiet =
            advance->quiet || (kept->flags & LS_KEPT_QUIET) != 0 || (!known && marks == 0);
        if (!is_same(kept, &now) && !(quiet && (!known || !advance->ledger->hears))) {
            watch->changes[watch->change_count++] =
                (ls_noted_change){(uint32_t)row, (uint32_t)i, *kept, now, marks, quiet};
        }
        *kept = now;
    }
}

/* Of a contact that was packed: *readable: false where definitions cannot do with what is folded.
 * *from: the instant that it is scored from on. */
static int ask_folded(const advance *advance, size_t row, bool *readable, int64_t *from)
{
    ls_folded *folded = ls_ledger_folded(advance->ledger, row);
    ls_error why = {0};
    if (LS_LIKELY(folded == NULL)) {
        return LS_OK;
    }
    *from = folded->from;
    int status =
        ls_ledger_ask_folded(advance->ledger, folded, ls_max(advance->at, folded->from), &why);
    *readable = *readable && status == LS_OK;
    return status == LS_ERROR_MEMORY ? ls_fail_memory(advance->error) : LS_OK;
}

static int score_row(advance *advance, size_t row)
{
    ls_ledger *ledger = advance->ledger;
    ls_watch *watch = advance->watch;
    int64_t due = LS_NEVER;
    if (ls_grow(watch->context, &watch->changes, &watch->change_capacity,
                watch->change_count + watch->count, sizeof *watch->changes) != LS_OK) {
        return ls_fail_memory(advance->error);
    }
    int64_t from = INT64_MIN;
    bool readable = ls_ledger_readable(ledger, row);
    int status = ask_folded(advance, row, &readable, &from);
    if (status == LS_OK && advance->at < from) {
        ls_due_queue_set(&watch->queue, row, from);
        return LS_OK;
    }
    if (status == LS_OK && readable) {
        status = score_all(advance, row, &due);
    }
    if (status == LS_OK) {
        note(advance, row, readable);
        ledger->marks[row] = 0;
        ls_due_queue_set(&watch->queue, row, due);
    }
    return status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Contacts that are due lie anywhere in memory: what is known of several is asked for at once, so
 * that they wait for it together. */
#define TOGETHER 16
#define LINE_BYTES 64

static void fetch(const void *codes, size_t width, size_t first, size_t count)
{
    const char *begin = (const char *)codes + first * width, *end = begin + count * width;
    for (const char *p = begin; p < end && p < begin + 4 * LINE_BYTES; p += LINE_BYTES) {
        __builtin_prefetch(p);
    }
}

static void fetch_rows(const ls_ledger *ledger, const size_t *rows, size_t count)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(&events->first[rows[i]]);
        __builtin_prefetch(&events->ends[rows[i]]);
        __builtin_prefetch(ls_watch_scores(ledger->watch, rows[i]));
        for (size_t k = 0; k < table->column_count; k++) {
            fetch(table->columns[k].codes, table->columns[k].width, rows[i], 1);
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t first = (size_t)events->first[rows[i]],
               events_of = ls_ledger_event_count(ledger, rows[i]);
        fetch(events->times, events->wide ? sizeof(int64_t) : sizeof(uint32_t), first, events_of);
        fetch(events->event.codes, events->event.width, first, events_of);
        for (size_t k = 0; k < events->column_count; k++) {
            fetch(events->columns[k].codes, events->columns[k].width, first, events_of);
        }
    }
}

/* The next rows that are due, from one on; how many. */
static size_t find_due(const advance *advance, size_t from, size_t rows[TOGETHER])
{
    size_t count = 0;
    while (count < TOGETHER &&
           (from = ls_due_queue_next(&advance->watch->queue, from, advance->at)) != LS_NONE_DUE) {
        rows[count++] = from++;
    }
    return count;
}

/* only_quiet: those to which nothing happened. */
static int score_due(advance *advance, bool only_quiet)
{
    size_t rows[TOGETHER], count, from = 0;
    int status = LS_OK;
    while (status == LS_OK && (count = find_due(advance, from, rows)) > 0) {
        fetch_rows(advance->ledger, rows, count);
        for (size_t i = 0; i < count && status == LS_OK; i++) {
            if (!only_quiet || advance->ledger->marks[rows[i]] == 0) {
                status = score_row(advance, rows[i]);
            }
        }
        from = rows[count - 1] + 1;
    }
    ls_walk_close(advance->walk);
    return status;
}

static int check_advance(ls_ledger *ledger, int64_t at, ls_error *error)
{
    char asked[LS_TIME_TEXT], last[LS_TIME_TEXT];
    int status = ls_ledger_check(ledger, at, error);
    if (status == LS_OK && ledger->watch && ledger->watch->advanced && at < ledger->watch->at) {
        ls_print_time(at, asked);
        ls_print_time(ledger->watch->at, last);
        return ls_fail(error, LS_ERROR_USAGE, "at: %s is earlier than the last advance, %s", asked,
                       last);
    }
    return status;
}

static int begin(ls_ledger *ledger, int64_t at, advance *out, ls_error *error)
{
    *out = (advance){.ledger = ledger, .at = at, .error = error};
    if (ledger->watch == NULL &&
        ls_watch_new(ledger->context, ledger->plan, &ledger->watch) != LS_OK) {
        return ls_fail_memory(error);
    }
    out->watch = ledger->watch;
    return bind(out);
}

int ls_ledger_advance(ls_ledger *ledger, int64_t at, bool quiet, ls_error *error)
{
    advance advance;
    int status = check_advance(ledger, at, error);
    status = status == LS_OK ? begin(ledger, at, &advance, error) : status;
    if (status == LS_OK && take_in_rows(ledger) != LS_OK) {
        status = ls_fail_memory(error);
    }
    if (status == LS_OK) {
        advance.quiet = quiet;
        ledger->watch->advanced = true;
        ledger->watch->at = at;
        status = score_due(&advance, false);
    }
    return status;
}

/* ---- changes --------------------------------------------------------------------------------- */

static ls_ledger_why why_of(uint8_t marks)
{
    static const ls_ledger_why order[] = {LS_WHY_EVENT, LS_WHY_PROPERTY, LS_WHY_DEFINITION};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if ((marks & order[i]) != 0) {
            return order[i];
        }
    }
    return LS_WHY_TIME;
}

size_t ls_ledger_change_count(const ls_ledger *ledger)
{
    return ledger->watch ? ledger->watch->change_count : 0;
}

void ls_ledger_change_get(const ls_ledger *ledger, size_t i, ls_ledger_change *out)
{
    const ls_noted_change *change = &ledger->watch->changes[i];
    const ls_dictionary *labels = &ledger->watch->labels;
    ls_string from = ls_dictionary_text(labels, change->from.label),
              to = ls_dictionary_text(labels, change->to.label);
    *out = (ls_ledger_change){.row = change->row,
                              .definition = change->definition,
                              .had = (change->from.flags & LS_KEPT_THERE) != 0,
                              .has = (change->to.flags & LS_KEPT_THERE) != 0,
                              .from = change->from.value,
                              .to = change->to.value,
                              .label_from = from.text,
                              .label_to = to.text,
                              .label_from_length = from.length,
                              .label_to_length = to.length,
                              .why = why_of(change->why),
                              .quiet = change->quiet};
}

void ls_ledger_changes_taken(ls_ledger *ledger)
{
    if (ledger->watch) {
        ledger->watch->change_count = 0;
    }
}

void ls_ledger_hear(ls_ledger *ledger, bool hears)
{
    ledger->hears = hears;
}

/* ---- when ------------------------------------------------------------------------------------ */

bool ls_ledger_last_advance(const ls_ledger *ledger, int64_t *at)
{
    bool advanced = ledger->watch && ledger->watch->advanced;
    if (advanced) {
        *at = ledger->watch->at;
    }
    return advanced;
}

int64_t ls_ledger_soonest(const ls_ledger *ledger)
{
    const ls_watch *watch = ledger->watch;
    bool more =
        ledger->contacts > 0 && (!watch || watch->queue.count < ls_ledger_table(ledger)->count);
    return !watch && !more ? INT64_MAX : more ? INT64_MIN : ls_due_queue_soonest(&watch->queue);
}

int64_t ls_ledger_due(const ls_ledger *ledger, size_t row)
{
    const ls_watch *watch = ledger->watch;
    bool known = watch && row < watch->queue.count;
    return known ? ls_due_queue_get(&watch->queue, row) : INT64_MIN;
}

int ls_ledger_due_at(ls_ledger *ledger, size_t row, int64_t at, int64_t *out, ls_error *error)
{
    advance advance;
    int status = ls_ledger_check(ledger, at, error);
    status = status == LS_OK ? begin(ledger, at, &advance, error) : status;
    if (status != LS_OK) {
        return status;
    }
    int64_t from = INT64_MIN;
    bool readable = ls_ledger_readable(ledger, row);
    status = ask_folded(&advance, row, &readable, &from);
    *out = at < from ? from : LS_NEVER;
    if (status == LS_OK && readable && at >= from) {
        status = score_all(&advance, row, out);
        ls_walk_close(advance.walk);
    }
    return status;
}

/* ---- other definitions ----------------------------------------------------------------------- */

int ls_ledger_follow(const ls_ledger *ledger, const ls_plan *after, ls_watch **out)
{
    *out = NULL;
    if (ledger->watch == NULL || after == NULL) {
        return LS_OK;
    }
    return ls_watch_follow(ledger->watch, after, out);
}

/* Scores that change without a word: of contacts to which nothing happened, and new ones. */
static void hush(const ls_ledger *ledger, const ls_plan *before, size_t row)
{
    ls_watch *watch = ledger->watch;
    for (size_t i = 0; i < watch->count; i++) {
        ls_string name = watch->plan->definitions[i].name;
        if (ledger->marks[row] == 0 || !ls_watch_names(before, name)) {
            ls_watch_scores(watch, row)[i].flags |= LS_KEPT_QUIET;
        }
    }
}

static bool was_scored(const ls_watch *watch, size_t row)
{
    bool scored = false;
    for (size_t i = 0; i < watch->count; i++) {
        scored = scored || (ls_watch_scores(watch, row)[i].flags & LS_KEPT_KNOWN) != 0;
    }
    return scored;
}

/* The quiet scores of the last instant, so that what comes after it is told; where memory is short
 * they are worked out with the next advance, as quietly. */
static void take_down(ls_ledger *ledger)
{
    advance advance;
    if (begin(ledger, ledger->watch->at, &advance, NULL) == LS_OK) {
        advance.quiet = true;
        score_due(&advance, true);
    }
}

void ls_ledger_followed(ls_ledger *ledger, ls_watch *watch, bool quiet)
{
    ls_watch *old = ledger->watch;
    ledger->watch = watch;
    for (size_t row = 0; watch && row < watch->queue.count; row++) {
        if (!ls_ledger_is_there(ledger, row)) {
            continue;
        }
        if (quiet) {
            hush(ledger, old->plan, row);
        } else if (was_scored(old, row)) {
            ledger->marks[row] |= LS_WHY_DEFINITION;
        }
        ls_due_queue_set(&watch->queue, row, INT64_MIN);
    }
    ls_watch_close(old);
    if (watch && quiet && watch->advanced) {
        take_down(ledger);
    }
}
