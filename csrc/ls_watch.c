/* See ls_watch.h. */
#include "ls_watch.h"

/* ---- making ---------------------------------------------------------------------------------- */

static int code_labels(ls_watch *watch, const ls_definition *definition, uint32_t *codes)
{
    for (size_t i = 0; i < definition->label_count; i++) {
        const char *label = definition->labels[i];
        codes[i] = ls_dictionary_add(&watch->labels, label, strlen(label));
        if (codes[i] == LS_NO_CODE) {
            return LS_ERROR_MEMORY;
        }
    }
    return LS_OK;
}

static int make_labels(ls_watch *watch, const ls_plan *plan)
{
    int status = LS_OK;
    for (size_t i = 0; i < plan->count && status == LS_OK; i++) {
        size_t count = plan->definitions[i].label_count + 1;
        watch->label_codes[i] = ls_allocate_zero(watch->context, count, sizeof(uint32_t));
        status = watch->label_codes[i]
                     ? code_labels(watch, &plan->definitions[i], watch->label_codes[i])
                     : LS_ERROR_MEMORY;
    }
    return status;
}

/* Codes of labels stay those that they are in `old`. */
static int make(ls_context *context, const ls_watch *old, const ls_plan *plan, ls_watch **out)
{
    ls_watch *watch = ls_allocate_zero(context, 1, sizeof *watch);
    if (watch == NULL) {
        return LS_ERROR_MEMORY;
    }
    watch->context = watch->queue.context = context;
    watch->count = plan->count;
    watch->plan = (ls_plan *)(uintptr_t)plan;
    ls_plan_retain(plan);
    watch->dues = ls_allocate_zero(context, plan->count, sizeof *watch->dues);
    watch->label_codes = ls_allocate_zero(context, plan->count, sizeof *watch->label_codes);
    int status = ls_dictionary_init(&watch->labels, context, 0);
    if (watch->dues == NULL || watch->label_codes == NULL) {
        status = LS_ERROR_MEMORY;
    }
    for (uint32_t code = 1; old && code < old->labels.count && status == LS_OK; code++) {
        ls_string label = ls_dictionary_text(&old->labels, code);
        bool added = ls_dictionary_add(&watch->labels, label.text, label.length) != LS_NO_CODE;
        status = added ? LS_OK : LS_ERROR_MEMORY;
    }
    status = status == LS_OK ? make_labels(watch, plan) : status;
    if (status != LS_OK) {
        ls_watch_close(watch);
        return LS_ERROR_MEMORY;
    }
    *out = watch;
    return LS_OK;
}

int ls_watch_new(ls_context *context, const ls_plan *plan, ls_watch **out)
{
    return make(context, NULL, plan, out);
}

void ls_watch_close(ls_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    ls_context *context = watch->context;
    while (watch->due_count > 0) {
        ls_due_free(&watch->dues[--watch->due_count]);
    }
    for (size_t i = 0; watch->label_codes && i < watch->count; i++) {
        size_t count = watch->plan->definitions[i].label_count + 1;
        ls_free(context, watch->label_codes[i], count * sizeof(uint32_t));
    }
    ls_free(context, watch->label_codes, watch->count * sizeof *watch->label_codes);
    ls_free(context, watch->dues, watch->count * sizeof *watch->dues);
    if (watch->labels.context) {
        ls_dictionary_free(&watch->labels);
    }
    ls_due_queue_free(&watch->queue);
    ls_free(context, watch->scores, watch->score_capacity * sizeof *watch->scores);
    ls_free(context, watch->changes, watch->change_capacity * sizeof *watch->changes);
    ls_plan_close(watch->plan);
    ls_free(context, watch, sizeof *watch);
}

/* ---- rows ------------------------------------------------------------------------------------ */

int ls_watch_reserve(ls_watch *watch, size_t rows)
{
    size_t before = watch->score_capacity;
    if (rows <= watch->queue.count) {
        return LS_OK;
    }
    if (ls_grow(watch->context, &watch->scores, &watch->score_capacity, rows * watch->count,
                sizeof *watch->scores) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    if (watch->score_capacity > before) {
        memset(watch->scores + before, 0, (watch->score_capacity - before) * sizeof *watch->scores);
    }
    return ls_due_queue_reserve(&watch->queue, rows);
}

void ls_watch_end(ls_watch *watch, size_t row)
{
    if (row < watch->queue.count) {
        ls_due_queue_set(&watch->queue, row, INT64_MAX);
        memset(ls_watch_scores(watch, row), 0, watch->count * sizeof *watch->scores);
    }
    size_t kept = 0;
    for (size_t i = 0; i < watch->change_count; i++) {
        if (watch->changes[i].row != row) {
            watch->changes[kept++] = watch->changes[i];
        }
    }
    watch->change_count = kept;
}

/* ---- other definitions ----------------------------------------------------------------------- */

/* The definition of the same name, or plan->count. */
static size_t find_name(const ls_plan *plan, ls_string name)
{
    size_t i = 0;
    while (i < plan->count && !ls_string_equal(plan->definitions[i].name, name.text, name.length)) {
        i++;
    }
    return i;
}

bool ls_watch_names(const ls_plan *plan, ls_string name)
{
    return find_name(plan, name) < plan->count;
}

static void copy_scores(const ls_watch *old, ls_watch *watch)
{
    const ls_plan *before = old->plan, *after = watch->plan;
    for (size_t i = 0; i < after->count; i++) {
        size_t from = find_name(before, after->definitions[i].name);
        for (size_t row = 0; from < before->count && row < old->queue.count; row++) {
            ls_watch_scores(watch, row)[i] = ls_watch_scores(old, row)[from];
        }
    }
}

/* Changes of scores that are no more are dropped. */
static int copy_changes(const ls_watch *old, ls_watch *watch)
{
    const ls_plan *before = old->plan, *after = watch->plan;
    if (ls_grow(watch->context, &watch->changes, &watch->change_capacity, old->change_count,
                sizeof *watch->changes) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < old->change_count; i++) {
        ls_noted_change change = old->changes[i];
        size_t to = find_name(after, before->definitions[change.definition].name);
        change.definition = (uint32_t)to;
        if (to < after->count) {
            watch->changes[watch->change_count++] = change;
        }
    }
    return LS_OK;
}

int ls_watch_follow(const ls_watch *old, const ls_plan *after, ls_watch **out)
{
    ls_watch *watch;
    if (make(old->context, old, after, &watch) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    if (ls_watch_reserve(watch, old->queue.count) != LS_OK || copy_changes(old, watch) != LS_OK) {
        ls_watch_close(watch);
        return LS_ERROR_MEMORY;
    }
    copy_scores(old, watch);
    watch->advanced = old->advanced;
    watch->at = old->at;
    *out = watch;
    return LS_OK;
}
