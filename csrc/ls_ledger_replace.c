/* Other definitions for the contacts that are there. */
#include "ls_ledger.h"

/* Of contacts that are there, what was not kept is not unknown but lost. */
static int check_kept(const ls_ledger *ledger, const ls_plan *plan, ls_error *error)
{
    size_t definition;
    const ls_property *missing = ls_ledger_missing(ledger, plan, &definition);
    const bool id =
        missing != NULL && missing->owner == LS_EVENT && ls_string_equal(missing->name, "id", 2);
    if (ledger->contacts == 0 || missing == NULL || (ledger->options.keep_all && !id))
        return LS_OK;
    return ls_fail(error, LS_ERROR_DEFINITION,
                   "%s: reads %s.%.*s, which was not kept of the contacts that are there",
                   plan->definitions[definition].name.text,
                   missing->owner == LS_EVENT ? "event" : "contact", (int)missing->name.length,
                   missing->name.text);
}

static bool is_new(const ls_ledger *ledger, const ls_definition *definition)
{
    for (size_t i = 0; ledger->plan != NULL && i < ledger->plan->count; i++)
        if (memcmp(ledger->plan->definitions[i].fingerprint, definition->fingerprint,
                   sizeof definition->fingerprint) == 0)
            return false;
    return true;
}

static int fail_classed(const ls_definition *definition, const ls_property *property,
                        ls_error *error)
{
    return ls_fail(error, LS_ERROR_DEFINITION,
                   "%s: reads %s.%.*s, of which not every value was kept", definition->name.text,
                   property->owner == LS_EVENT ? "event" : "contact", (int)property->name.length,
                   property->name.text);
}

/* Values that one code stands for are told apart by none but the definitions that were there. */
static int check_classed(const ls_ledger *ledger, const ls_plan *plan, ls_error *error)
{
    static const ls_property event = {LS_EVENT, LS_TEXT, {"event", 5}};
    const ls_events *events = &ledger->dataset->events;
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        if (!is_new(ledger, definition))
            continue;
        if (definition->occurrences_count > 0 && ls_ledger_is_classed(ledger, &events->event))
            return fail_classed(definition, &event, error);
        for (size_t j = 0; j < definition->property_count; j++) {
            const ls_property *property = &definition->properties[j];
            if (ls_ledger_is_classed(ledger, ls_dataset_property(ledger->dataset, property->owner,
                                                                 property->name)))
                return fail_classed(definition, property, error);
        }
    }
    return LS_OK;
}

static int check(const ls_ledger *ledger, const ls_plan *plan, ls_error *error)
{
    int status = ls_ledger_check_plan(plan, error);
    if (status == LS_OK)
        status = ls_ledger_check_lists(ledger, plan, error);
    if (status == LS_OK)
        status = check_kept(ledger, plan, error);
    return status == LS_OK ? check_classed(ledger, plan, error) : status;
}

int ls_ledger_replace(ls_ledger *ledger, const ls_plan *plan, bool silent, ls_error *error)
{
    ls_bound bound = {.by_row = true};
    ls_watch *watch = NULL;
    int status = check(ledger, plan, error);
    if (status != LS_OK)
        return status;
    if (ls_ledger_add_columns(ledger, plan) != LS_OK ||
        ls_bound_init(&bound, plan, ledger->dataset) != LS_OK ||
        ls_ledger_follow(ledger, plan, &watch) != LS_OK ||
        ls_ledger_read_as(ledger, plan) != LS_OK) {
        ls_bound_free(&bound);
        ls_watch_close(watch);
        /* Room for what the old ones want was there before, so that this does not fail. */
        (void)ls_ledger_read_as(ledger, ledger->plan);
        return ls_fail_memory(error);
    }
    ls_ledger_kept_free(ledger);
    ls_bound_free(&ledger->bound);
    ledger->bound = bound;
    ledger->plans++;
    ls_plan_retain(plan);
    if (ledger->plan != NULL)
        ls_plan_close(ledger->plan);
    ledger->plan = (ls_plan *)(uintptr_t)plan;
    ls_ledger_followed(ledger, watch, silent);
    return LS_OK;
}
