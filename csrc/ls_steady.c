#include "ls_steady.h"

/* More curved occurrences are not worth their memory. */
#define MOST_CURVED 1024

static bool plan_fits(const ls_plan *plan)
{
    bool fits = true;
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        fits = fits && definition->object == LS_CONTACT && definition->use_count == 0 &&
               !definition->relates;
    }
    return fits;
}

void ls_steady_init(ls_steady_finder *finder, ls_bound *bound)
{
    *finder = (ls_steady_finder){.bound = bound, .fits = plan_fits(bound->plan)};
}

static void free_part(ls_context *context, ls_steady *part)
{
    ls_free(context, part->sums, part->capacity * sizeof *part->sums);
    ls_free(context, part->curved, part->curved_capacity * sizeof *part->curved);
    *part = (ls_steady){0};
}

void ls_steady_free(ls_steady_finder *finder)
{
    if (finder->bound == NULL) {
        return;
    }
    ls_context *context = finder->bound->context;
    const size_t count = finder->bound->plan->count;
    for (size_t i = 0; finder->dues != NULL && i < count; i++) {
        ls_due_free(&finder->dues[i]);
    }
    ls_free(context, finder->dues, count * sizeof *finder->dues);
    free_part(context, &finder->noted);
    finder->bound = NULL;
    finder->dues = NULL;
}

void ls_steady_record_free(const ls_steady_finder *finder, ls_steady_record *record)
{
    if (record->parts == NULL) {
        return;
    }
    ls_context *context = finder->bound->context;
    const size_t count = finder->bound->plan->count;
    for (size_t i = 0; i < count; i++) {
        free_part(context, &record->parts[i]);
    }
    ls_free(context, record->parts, count * sizeof *record->parts);
    *record = (ls_steady_record){0};
}

/* ---- finding what stays ---------------------------------------------------------------------- */

static bool make_dues(ls_steady_finder *finder)
{
    const ls_bound *bound = finder->bound;
    if (finder->dues == NULL) {
        finder->dues = ls_allocate_zero(bound->context, bound->plan->count, sizeof *finder->dues);
    }
    for (size_t i = 0; finder->dues != NULL && i < bound->plan->count; i++) {
        ls_due *due = &finder->dues[i];
        if (due->context == NULL && ls_due_init(due, &bound->bindings[i]) != LS_OK) {
            return false;
        }
        due->steps = true;
    }
    return finder->dues != NULL;
}

bool ls_steady_begin(ls_steady_finder *finder, ls_steady_record *record)
{
    const ls_bound *bound = finder->bound;
    record->known = false;
    if (!finder->fits || !make_dues(finder)) {
        return false;
    }
    if (record->parts == NULL) {
        record->parts = ls_allocate_zero(bound->context, bound->plan->count, sizeof *record->parts);
    }
    record->from = bound->at;
    record->until = INT64_MAX;
    record->known = record->parts != NULL;
    return record->known;
}

/* Room for one curved occurrence an event and rule, as far as that is worth it. */
static bool make_room(ls_context *context, const ls_binding *binding, ls_steady *part,
                      size_t events)
{
    const size_t sums = binding->target_count + 1;
    const size_t curved = ls_min(events + binding->spec_count + 1, MOST_CURVED);
    return ls_grow(context, &part->sums, &part->capacity, sums, sizeof *part->sums) == LS_OK &&
           ls_grow(context, &part->curved, &part->curved_capacity, curved, sizeof *part->curved) ==
               LS_OK;
}

void ls_steady_note(ls_steady_finder *finder, const ls_steady_record *record, size_t definition,
                    size_t events)
{
    ls_bound *bound = finder->bound;
    const ls_binding *binding = &bound->bindings[definition];
    ls_steady *noted = &finder->noted;
    noted->whole = record->known && make_room(bound->context, binding, noted, events);
    noted->curved_count = 0;
    if (noted->whole) {
        memset(noted->sums, 0, binding->target_count * sizeof *noted->sums);
        bound->scratch.steady = noted;
    }
}

/* Exactly as large as it is: there may be many records. */
static bool resize(ls_context *context, ls_steady *part, size_t sums, size_t curved)
{
    if (part->capacity == sums && part->curved_capacity == curved) {
        return true;
    }
    free_part(context, part);
    part->sums = ls_allocate(context, sums * sizeof *part->sums);
    part->curved = ls_allocate(context, curved * sizeof *part->curved);
    part->capacity = part->sums != NULL ? sums : 0;
    part->curved_capacity = part->curved != NULL ? curved : 0;
    return part->sums != NULL && part->curved != NULL;
}

static bool keep(const ls_steady_finder *finder, ls_steady *part, size_t sums)
{
    const ls_steady *noted = &finder->noted;
    if (!noted->whole || !resize(finder->bound->context, part, sums + 1, noted->curved_count + 1)) {
        return false;
    }
    part->fired = noted->fired;
    part->inside = noted->inside;
    part->curved_count = noted->curved_count;
    memcpy(part->sums, noted->sums, sums * sizeof *part->sums);
    memcpy(part->curved, noted->curved, noted->curved_count * sizeof *part->curved);
    return true;
}

void ls_steady_noted(ls_steady_finder *finder, ls_steady_record *record, size_t definition,
                     size_t row)
{
    ls_bound *bound = finder->bound;
    ls_due *due = &finder->dues[definition];
    const bool looked_up = bound->scratch.kept == NULL;
    int64_t until = 0;
    bound->scratch.steady = NULL;
    record->known =
        record->known && (bound->columns[definition].flags[0] & LS_FLAG_WALK) == 0 &&
        ls_due_update(due) == LS_OK &&
        ls_due_find(due, NULL, row, looked_up, &bound->scratch, &until, NULL) == LS_OK &&
        keep(finder, &record->parts[definition], bound->bindings[definition].target_count);
    record->until = ls_min(record->until, until);
}

/* ---- scoring by it --------------------------------------------------------------------------- */

static void add_curved(const ls_binding *binding, const ls_steady *part, int64_t at, int64_t *sums)
{
    for (size_t i = 0; i < part->curved_count; i++) {
        const struct ls_curved *curved = &part->curved[i];
        sums[curved->target] += ls_quick_decay_points(&binding->decays[curved->spec],
                                                      curved->points, at - curved->time);
    }
}

void ls_steady_score(const ls_steady_finder *finder, const ls_steady_record *record, int64_t at)
{
    ls_bound *bound = finder->bound;
    ls_scratch *scratch = &bound->scratch;
    for (size_t i = 0; i < bound->plan->count; i++) {
        const ls_binding *binding = &bound->bindings[i];
        const ls_steady *part = &record->parts[i];
        if (!part->inside) {
            bound->columns[i].flags[0] = 0;
            continue;
        }
        scratch->fired = part->fired;
        memcpy(scratch->sums, part->sums, binding->target_count * sizeof *scratch->sums);
        add_curved(binding, part, at, scratch->sums);
        ls_kernel_settle(binding, &bound->columns[i], 0, scratch);
    }
}
