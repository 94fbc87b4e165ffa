#include "ls_ledger.h"

static int open_places(ls_ledger *ledger)
{
    ls_ledger_kept *kept = &ledger->kept;
    kept->places = ls_allocate_zero(ledger->context, LS_KEPT_PLACES, sizeof *kept->places);
    if (kept->places == NULL)
        return LS_ERROR_MEMORY;
    kept->definitions = ledger->plan->count;
    for (size_t i = 0; i < LS_KEPT_PLACES; i++)
        kept->places[i].born = UINT64_MAX;
    ls_steady_init(&kept->finder, &ledger->bound);
    return LS_OK;
}

struct ls_kept_place *ls_ledger_kept_of(ls_ledger *ledger, size_t row)
{
    ls_ledger_kept *kept = &ledger->kept;
    if (kept->places == NULL && open_places(ledger) != LS_OK)
        return NULL;
    struct ls_kept_place *place = &kept->places[row % LS_KEPT_PLACES];
    if (place->born != ledger->born[row]) { /* nobody else is born with this number */
        place->born = ledger->born[row];
        place->unchanged = place->steady.known = false;
        for (size_t i = 0; place->kept != NULL && i < kept->definitions; i++)
            place->kept[i].known = false;
        return NULL;
    }
    if (place->kept == NULL)
        place->kept = ls_allocate_zero(ledger->context, kept->definitions, sizeof *place->kept);
    return place->kept != NULL ? place : NULL;
}

void ls_ledger_kept_drop(ls_ledger *ledger, size_t row)
{
    if (ledger->kept.places != NULL)
        ledger->kept.places[row % LS_KEPT_PLACES].born = UINT64_MAX;
}

void ls_ledger_kept_touch(ls_ledger *ledger, size_t row)
{
    struct ls_kept_place *places = ledger->kept.places;
    if (places != NULL)
        places[row % LS_KEPT_PLACES].unchanged = places[row % LS_KEPT_PLACES].steady.known = false;
}

ls_kept_events *ls_ledger_keep(ls_ledger *ledger, const ls_binding *binding, ls_kept_events *kept)
{
    size_t count = binding->target_count + binding->spec_count;
    kept->wanted =
        !binding->any_kernel && !binding->events_move &&
        ls_grow(ledger->context, &kept->sums, &kept->capacity, count, sizeof *kept->sums) == LS_OK;
    kept->known = kept->known && kept->wanted;
    return kept->wanted ? kept : NULL;
}

void ls_ledger_kept_free(ls_ledger *ledger)
{
    ls_ledger_kept *kept = &ledger->kept;
    ls_context *context = ledger->context;
    for (size_t i = 0; kept->places != NULL && i < LS_KEPT_PLACES; i++) {
        ls_kept_events *events = kept->places[i].kept;
        for (size_t j = 0; events != NULL && j < kept->definitions; j++)
            ls_free(context, events[j].sums, events[j].capacity * sizeof *events[j].sums);
        ls_free(context, events, kept->definitions * sizeof *events);
        ls_steady_record_free(&kept->finder, &kept->places[i].steady);
    }
    ls_steady_free(&kept->finder);
    ls_free(context, kept->places, LS_KEPT_PLACES * sizeof *kept->places);
    *kept = (ls_ledger_kept){0};
}
