/* The ledger: opening, closing, and what is asked of a contact. */
#include "ls_ledger.h"

#include "ls_coder.h"
#include "ls_next.h"
#include "ls_result.h"
#include "ls_time.h"

#define USUAL_HORIZON (90 * LS_DAY)
#define USUAL_VALUES 1000000
#define USUAL_BYTES (UINT64_C(256) << 20)

/* ---- opening and closing --------------------------------------------------------------------- */

int ls_ledger_check_plan(const ls_plan *plan, ls_error *error)
{
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        if (definition->object != LS_CONTACT)
            return ls_fail(error, LS_ERROR_USAGE,
                           "%s: companies and deals are scored over a dataset",
                           definition->name.text);
        if (definition->relates)
            return ls_fail(error, LS_ERROR_USAGE,
                           "%s: it asks for associated records: such are scored over a dataset",
                           definition->name.text);
    }
    return LS_OK;
}

static void fill_options(ls_ledger *ledger, const ls_ledger_options *options)
{
    ls_ledger_options *filled = &ledger->options;
    *filled = options != NULL ? *options : (ls_ledger_options){0};
    filled->horizon = filled->horizon > 0 ? filled->horizon : USUAL_HORIZON;
    /* Where everything is kept, everything is kept unless bounds are given. */
    if (filled->max_values == 0)
        filled->max_values = filled->keep_all ? LS_MAX_CODES : USUAL_VALUES;
    if (filled->max_bytes == 0)
        filled->max_bytes = filled->keep_all ? UINT64_MAX / 2 : USUAL_BYTES;
}

static int open_dataset(ls_ledger *ledger, ls_error *error)
{
    int status = ls_dataset_new(ledger->context, &ledger->dataset, error);
    if (status != LS_OK)
        return status;
    ledger->dataset->lenient = true; /* a text is refused when it comes */
    ledger->dataset->grouped = true;
    ls_ledger_table(ledger)->id.width = 1; /* a code like any other: ids come and go */
    return ls_ledger_reserve_rows(ledger, 1) == LS_OK ? LS_OK : ls_fail_memory(error);
}

static int open_plan(ls_ledger *ledger, const ls_plan *plan, ls_error *error)
{
    if (plan == NULL)
        return LS_OK;
    ls_plan_retain(plan);
    ledger->plan = (ls_plan *)(uintptr_t)plan;
    ledger->bound.by_row = true;
    ledger->plans++;
    if (ls_ledger_add_columns(ledger, plan) != LS_OK || ls_ledger_read_as(ledger, plan) != LS_OK ||
        ls_bound_init(&ledger->bound, plan, ledger->dataset) != LS_OK)
        return ls_fail_memory(error);
    return LS_OK;
}

int ls_ledger_new(ls_context *context, const ls_plan *plan, const ls_ledger_options *options,
                  ls_ledger **out, ls_error *error)
{
    *out = NULL;
    int status = ls_ledger_check_plan(plan, error);
    if (status != LS_OK)
        return status;
    ls_ledger *ledger = ls_allocate_zero(context, 1, sizeof *ledger);
    if (ledger == NULL)
        return ls_fail_memory(error);
    ls_context_retain(context);
    ledger->context = context;
    ledger->free_row = LS_NO_ROW;
    ledger->id_column = LS_NO_COLUMN;
    ledger->ids.free = LS_NO_ID;
    for (size_t i = 0; i < LS_SPAN_SIZES; i++)
        ledger->spans.free[i] = UINT64_MAX;
    fill_options(ledger, options);
    ledger->lenient = ledger->options.lenient;
    status = open_dataset(ledger, error);
    if (status == LS_OK)
        status = open_plan(ledger, plan, error);
    if (status != LS_OK) {
        ls_ledger_close(ledger);
        return status;
    }
    *out = ledger;
    return LS_OK;
}

static void free_classes(ls_ledger *ledger)
{
    const ls_table *table = ls_ledger_table(ledger);
    ls_events *events = &ledger->dataset->events;
    ls_ledger_classes_free(ledger, &events->event);
    for (size_t i = 0; i < table->column_count; i++)
        ls_ledger_classes_free(ledger, &table->columns[i]);
    for (size_t i = 0; i < events->column_count; i++)
        ls_ledger_classes_free(ledger, &events->columns[i]);
}

void ls_ledger_close(ls_ledger *ledger)
{
    if (ledger == NULL)
        return;
    ls_context *context = ledger->context;
    ls_ledger_kept_free(ledger);
    ls_watch_close(ledger->watch);
    ls_bound_free(&ledger->bound);
    ls_ledger_ids_free(ledger);
    if (ledger->dataset != NULL) {
        free_classes(ledger);
        ls_ledger_lists_free(ledger);
        ls_ledger_free_folded(ledger);
        ls_ledger_rows_free(ledger);
        ls_dataset_close(ledger->dataset);
    }
    if (ledger->plan != NULL)
        ls_plan_close(ledger->plan);
    ls_free(context, ledger->codes, ledger->code_capacity * sizeof *ledger->codes);
    ls_free(context, ledger->tuple, ledger->tuple_capacity * sizeof *ledger->tuple);
    ls_free(context, ledger, sizeof *ledger);
    ls_context_release(context);
}

/* ---- contacts -------------------------------------------------------------------------------- */

/* The values of properties by column, of those that are kept: to be freed by the caller. */
static int find_values(ls_ledger *ledger, ls_object owner, const ls_ledger_property *properties,
                       size_t count, ls_ledger_value *values, size_t *kept, ls_error *error)
{
    *kept = 0;
    for (size_t i = 0; i < count; i++) {
        ls_string name = {properties[i].name, properties[i].name_length};
        size_t column = LS_NO_COLUMN;
        int status = LS_OK;
        if (owner == LS_EVENT && ls_string_equal(name, "id", 2)) {
            values[(*kept)++] =
                (ls_ledger_value){LS_SCORER_ID, properties[i].text, properties[i].length};
        } else {
            status = ls_ledger_column(ledger, owner, name, &column, error);
        }
        if (status != LS_OK)
            return status;
        if (column != LS_NO_COLUMN)
            values[(*kept)++] = (ls_ledger_value){column, properties[i].text, properties[i].length};
    }
    return LS_OK;
}

int ls_ledger_add(ls_ledger *ledger, const char *contact, size_t contact_length, const char *event,
                  size_t event_length, int64_t at, const ls_ledger_property *properties,
                  size_t count, int64_t now, bool *repeated, ls_error *error)
{
    ls_ledger_value *values = ls_allocate(ledger->context, (count + 1) * sizeof *values);
    ls_ledger_event taken = {{contact, contact_length}, {event, event_length}, at, now, values, 0};
    size_t bad;
    *repeated = false;
    if (values == NULL)
        return ls_fail_memory(error);
    int status = find_values(ledger, LS_EVENT, properties, count, values, &taken.count, error);
    if (status == LS_OK)
        status = ls_ledger_take(ledger, &taken, repeated, &bad, error);
    ls_free(ledger->context, values, (count + 1) * sizeof *values);
    return status;
}

int ls_ledger_set(ls_ledger *ledger, const char *contact, size_t contact_length,
                  const ls_ledger_property *properties, size_t count, ls_error *error)
{
    ls_ledger_value *values = ls_allocate(ledger->context, (count + 1) * sizeof *values);
    size_t kept, bad;
    if (values == NULL)
        return ls_fail_memory(error);
    int status = find_values(ledger, LS_CONTACT, properties, count, values, &kept, error);
    if (status == LS_OK)
        status =
            ls_ledger_put(ledger, (ls_string){contact, contact_length}, values, kept, &bad, error);
    ls_free(ledger->context, values, (count + 1) * sizeof *values);
    return status;
}

bool ls_ledger_forget(ls_ledger *ledger, const char *contact, size_t length)
{
    ls_string id = ls_trimmed((ls_string){contact, length});
    uint32_t row = ls_ledger_row(ledger, id);
    ls_ledger_leave_lists(ledger, id);
    if (row != LS_NO_ROW)
        ls_ledger_vacate(ledger, row);
    return row != LS_NO_ROW;
}

bool ls_ledger_evict(ls_ledger *ledger, const char *contact, size_t length)
{
    uint32_t row = ls_ledger_row(ledger, ls_trimmed((ls_string){contact, length}));
    if (row != LS_NO_ROW)
        ls_ledger_vacate(ledger, row);
    return row != LS_NO_ROW;
}

size_t ls_ledger_count(const ls_ledger *ledger)
{
    return ledger->contacts;
}

int64_t ls_ledger_find(const ls_ledger *ledger, const char *contact, size_t length)
{
    uint32_t row = ls_ledger_row(ledger, ls_trimmed((ls_string){contact, length}));
    return row == LS_NO_ROW ? -1 : (int64_t)row;
}

size_t ls_ledger_rows(const ls_ledger *ledger)
{
    return ls_ledger_table(ledger)->count;
}

const char *ls_ledger_id(const ls_ledger *ledger, size_t row, size_t *length)
{
    return ls_ledger_is_there(ledger, row) ? ls_dataset_id(ledger->dataset, LS_CONTACT, row, length)
                                           : NULL;
}

static void count_column(const ls_column *column, ls_ledger_counts *counts)
{
    counts->values += column->dictionary.count - 1;
    counts->bytes += column->dictionary.byte_count;
}

void ls_ledger_counted(const ls_ledger *ledger, ls_ledger_counts *out)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    *out = (ls_ledger_counts){.contacts = ledger->contacts, .events = ledger->events};
    count_column(&table->id, out);
    count_column(&events->event, out);
    for (size_t i = 0; i < table->column_count; i++)
        count_column(&table->columns[i], out);
    for (size_t i = 0; i < events->column_count; i++)
        count_column(&events->columns[i], out);
}

/* ---- scores ---------------------------------------------------------------------------------- */

static int refuse_cell(const ls_ledger *ledger, const ls_column *column, uint32_t code,
                       ls_error *error)
{
    ls_type type = ls_unreadable_type(column->types, ls_dictionary_text(&column->dictionary, code));
    return ls_dataset_bad_cell(ledger->dataset, column, code, type, error);
}

/* Definitions that came later may read a text that came before otherwise. */
static int check_cells(const ls_ledger *ledger, size_t row, ls_error *error)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    for (size_t i = 0; i < table->column_count; i++) {
        uint32_t code = ls_column_code(&table->columns[i], row);
        if (ls_column_unreadable(&table->columns[i], code))
            return refuse_cell(ledger, &table->columns[i], code, error);
    }
    for (size_t i = 0; i < events->column_count; i++) {
        const ls_column *column = &events->columns[i];
        for (uint64_t e = events->first[row]; e < events->ends[row]; e++)
            if (ls_column_unreadable(column, ls_column_code(column, (size_t)e)))
                return refuse_cell(ledger, column, ls_column_code(column, (size_t)e), error);
    }
    return LS_OK;
}

int ls_ledger_check(ls_ledger *ledger, int64_t at, ls_error *error)
{
    if (ledger->plan == NULL)
        return ls_fail(error, LS_ERROR_USAGE, "the ledger has no definitions");
    int status = ls_check_instant(at, error);
    if (status == LS_OK && LS_UNLIKELY(!ledger->listed)) {
        status = ls_ledger_check_lists(ledger, ledger->plan, error);
        ledger->listed = status == LS_OK;
    }
    return status;
}

bool ls_ledger_readable(const ls_ledger *ledger, size_t row)
{
    if (LS_UNLIKELY(ledger->losses) && ls_ledger_check_lost(ledger, row, NULL) != LS_OK)
        return false;
    return !ledger->unreadable || ledger->lenient || check_cells(ledger, row, NULL) == LS_OK;
}

/* Whether the contact can be scored at the instant. */
static int check_question(ls_ledger *ledger, size_t row, int64_t at, ls_error *error)
{
    int status = ls_ledger_check(ledger, at, error);
    if (status == LS_OK && !ls_ledger_is_there(ledger, row))
        status = ls_fail(error, LS_ERROR_USAGE, "there is no contact in this row");
    if (status == LS_OK && LS_UNLIKELY(ledger->losses))
        status = ls_ledger_check_lost(ledger, row, error);
    if (status == LS_OK && LS_UNLIKELY(ledger->unreadable) && !ledger->lenient)
        status = check_cells(ledger, row, error);
    ls_folded *folded = ls_ledger_folded(ledger, row);
    if (status == LS_OK && LS_UNLIKELY(folded != NULL))
        status = ls_ledger_ask_folded(ledger, folded, at, error);
    return status;
}

static void run_definition(ls_ledger *ledger, struct ls_kept_place *place, size_t row,
                           size_t definition, bool steady)
{
    ls_bound *bound = &ledger->bound;
    ls_steady_finder *finder = &ledger->kept.finder;
    bound->scratch.kept = place == NULL ? NULL
                                        : ls_ledger_keep(ledger, &bound->bindings[definition],
                                                         &place->kept[definition]);
    if (steady)
        ls_steady_note(finder, &place->steady, definition, ls_ledger_event_count(ledger, row));
    ls_kernel_one(&bound->bindings[definition], bound->columns, row, &bound->scratch);
    if (steady)
        ls_steady_noted(finder, &place->steady, definition, row);
}

/* What stays of a contact's scores is found once nothing happened to it between two of them: until
 * then what its events are worth is kept, to which new ones are added. */
static int run(ls_ledger *ledger, struct ls_kept_place *place, size_t row, int64_t at,
               ls_error *error)
{
    int status = ls_bound_row(&ledger->bound, row, at, ls_ledger_event_count(ledger, row), error);
    if (status != LS_OK)
        return status;
    const bool steady =
        place != NULL && place->unchanged && ls_steady_begin(&ledger->kept.finder, &place->steady);
    for (size_t i = 0; i < ledger->plan->count; i++)
        run_definition(ledger, place, row, ledger->plan->order[i], steady);
    if (place != NULL)
        place->unchanged = true;
    return LS_OK;
}

int ls_ledger_score(ls_ledger *ledger, size_t row, int64_t at, ls_score *out, ls_error *error)
{
    const ls_plan *plan = ledger->plan;
    const ls_bound *bound = &ledger->bound;
    bool flagged = false;
    int status = check_question(ledger, row, at, error);
    if (status != LS_OK)
        return status;
    struct ls_kept_place *place = ls_ledger_kept_of(ledger, row);
    if (place != NULL && place->unchanged &&
        ls_steady_holds(&ledger->kept.finder, &place->steady, at))
        ls_steady_score(&ledger->kept.finder, &place->steady, at);
    else
        status = run(ledger, place, row, at, error);
    for (size_t i = 0; i < plan->count && status == LS_OK; i++) {
        flagged = flagged || (bound->columns[i].flags[0] & LS_FLAG_WALK) != 0;
        ls_columns_get(plan, bound->columns, i, 0, &out[i]);
    }
    return flagged ? ls_bound_walk(bound, row, at, out, error) : status;
}

int ls_ledger_next_change(ls_ledger *ledger, size_t row, int64_t at, size_t definition, bool *known,
                          int64_t *out, ls_error *error)
{
    ls_walk *walk;
    int status = check_question(ledger, row, at, error);
    if (status == LS_OK)
        status = ls_walk_new(ledger->plan, ledger->dataset, &walk, error);
    if (status == LS_OK) {
        status = ls_next_change(walk, LS_CONTACT, row, at, definition, known, out, error);
        ls_walk_close(walk);
    }
    return status;
}

int ls_ledger_explain(ls_ledger *ledger, size_t row, int64_t at, ls_writer writer, void *user,
                      ls_error *error)
{
    int status = check_question(ledger, row, at, error);
    return status == LS_OK
               ? ls_explain(ledger->plan, ledger->dataset, LS_CONTACT, row, at, writer, user, error)
               : status;
}
