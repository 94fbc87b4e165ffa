#include "ls_bound.h"

#include "ls_result.h"
#include "ls_time.h"

static const size_t one_row[3] = {1, 1, 1};

int ls_bound_init(ls_bound *bound, const ls_plan *plan, ls_dataset *dataset)
{
    bound->context = plan->context;
    bound->plan = plan;
    bound->dataset = dataset;
    bound->bindings = ls_allocate_zero(bound->context, plan->count, sizeof *bound->bindings);
    if (bound->bindings == NULL) {
        return LS_ERROR_MEMORY;
    }
    return ls_columns_new(plan, bound->context, one_row, &bound->columns);
}

void ls_bound_drop(ls_bound *bound)
{
    while (bound->count > 0) {
        ls_binding_free(&bound->bindings[--bound->count]);
    }
    ls_answers_free(&bound->answers);
}

void ls_bound_free(ls_bound *bound)
{
    if (bound->plan == NULL) {
        return;
    }
    ls_bound_drop(bound);
    ls_scratch_free(&bound->scratch);
    ls_columns_free(bound->plan, bound->context, one_row, bound->columns);
    ls_free(bound->context, bound->bindings, bound->plan->count * sizeof *bound->bindings);
    memset(bound, 0, sizeof *bound);
}

void ls_bound_forget(ls_bound *bound, const ls_column *column)
{
    ls_answers_forget(&bound->answers, column);
    bound->known = UINT64_MAX;
}

/* Where only the instant is another one, what it does not move is as it was. */
static int update_binding(const ls_bound *bound, size_t i, bool same, int64_t at, ls_error *error)
{
    ls_binding *binding = &bound->bindings[i];
    if (same && binding->bound && !binding->definition->moves && !binding->values_move) {
        binding->at = at;
        return LS_OK;
    }
    return ls_binding_update(binding, at, error);
}

static int update_answers(ls_bound *bound, int64_t at, ls_error *error)
{
    int status = LS_OK;
    if (bound->answers.context == NULL) {
        status = ls_answers_init(&bound->answers, bound->plan, bound->dataset, error);
        bound->answers.by_row = bound->by_row;
    }
    return status == LS_OK ? ls_answers_update(&bound->answers, at, error) : status;
}

static int update_bindings(ls_bound *bound, int64_t at, ls_error *error)
{
    const bool same = bound->count == bound->plan->count && bound->known == bound->texts;
    if (same && bound->at == at) {
        return LS_OK;
    }
    bound->known = UINT64_MAX; /* until all are up to date */
    int status = update_answers(bound, at, error);
    while (bound->count < bound->plan->count && status == LS_OK) {
        status =
            ls_binding_init(&bound->bindings[bound->count], &bound->answers, bound->count, error);
        bound->count += status == LS_OK;
    }
    for (size_t i = 0; i < bound->plan->count && status == LS_OK; i++) {
        status = update_binding(bound, i, same, at, error);
    }
    if (status == LS_OK) {
        bound->known = bound->texts;
        bound->at = at;
    }
    return status;
}

/* Bindings that were made anew may want more words or lists than the scratch has. */
static int fit_scratch(ls_bound *bound, size_t events, ls_error *error)
{
    const ls_scratch *scratch = &bound->scratch;
    bool fits = scratch->context != NULL && events <= scratch->event_capacity;
    for (size_t i = 0; i < bound->plan->count && fits; i++) {
        const ls_binding *binding = &bound->bindings[i];
        fits = binding->words <= scratch->word_capacity &&
               (!binding->any_list || events < scratch->listed_capacity);
    }
    if (fits) {
        return LS_OK;
    }
    size_t room = events + events / 2;
    ls_scratch_free(&bound->scratch);
    return ls_scratch_init(&bound->scratch, bound->context, bound->bindings, bound->plan->count,
                           room) == LS_OK
               ? LS_OK
               : ls_fail_memory(error);
}

int ls_bound_update(ls_bound *bound, int64_t at, size_t events, ls_error *error)
{
    int status = update_bindings(bound, at, error);
    return status == LS_OK ? fit_scratch(bound, events, error) : status;
}

int ls_bound_row(ls_bound *bound, size_t row, int64_t at, size_t events, ls_error *error)
{
    int status = ls_bound_update(bound, at, events, error);
    if (status != LS_OK || ls_answers_know(&bound->answers, row)) {
        return status;
    }
    status = ls_answers_row(&bound->answers, row, error);
    for (size_t i = 0; i < bound->count && status == LS_OK; i++) {
        if (bound->bindings[i].values_move) {
            status = ls_binding_values(&bound->bindings[i], error);
        }
    }
    if (status != LS_OK) {
        bound->known = UINT64_MAX; /* some binding is behind the answers */
    }
    return status;
}

int ls_bound_walk(const ls_bound *bound, size_t row, int64_t at, ls_score *out, ls_error *error)
{
    const ls_clock clock = {at, at, at, at};
    ls_walk *walk;
    int status = ls_walk_new(bound->plan, bound->dataset, &walk, error);
    if (status == LS_OK) {
        status = ls_walk_record(walk, LS_CONTACT, row, &clock, out, error);
        ls_walk_close(walk);
    }
    return status;
}

int ls_check_instant(int64_t at, ls_error *error)
{
    return at < LS_TIME_MIN || at > LS_TIME_MAX
               ? ls_fail(error, LS_ERROR_USAGE, "at: expected an instant of the years 1 to 9999")
               : LS_OK;
}
