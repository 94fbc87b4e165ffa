/* Packs a contact of the ledger into a state, and remembers by row what is folded of those that
 * came from one. */
#include "ls_ledger.h"

#include "ls_fold.h"
#include "ls_time.h"

#include <inttypes.h>

/* ---- what is folded, by row ------------------------------------------------------------------ */

int ls_ledger_reserve_folded(ls_ledger *ledger, size_t row)
{
    size_t before = ledger->folded_capacity;
    int status = ls_grow(ledger->context, &ledger->folded, &ledger->folded_capacity, row + 1,
                         sizeof *ledger->folded);
    if (status == LS_OK && ledger->folded_capacity > before) {
        memset(ledger->folded + before, 0,
               (ledger->folded_capacity - before) * sizeof *ledger->folded);
    }
    return status;
}

void ls_ledger_set_folded(ls_ledger *ledger, size_t row, ls_folded *folded)
{
    if (row < ledger->folded_capacity) {
        ledger->folded_count -= ledger->folded[row] != NULL;
        ledger->folded_count += folded != NULL;
        ls_folded_free(ledger->context, ledger->folded[row]);
        ledger->folded[row] = folded;
    }
}

void ls_ledger_free_folded(ls_ledger *ledger)
{
    for (size_t i = 0; i < ledger->folded_capacity; i++) {
        ls_folded_free(ledger->context, ledger->folded[i]);
    }
    ls_free(ledger->context, ledger->folded, ledger->folded_capacity * sizeof *ledger->folded);
}

int ls_ledger_ask_folded(const ls_ledger *ledger, ls_folded *folded, int64_t at, ls_error *error)
{
    if (at < folded->from) {
        char from[LS_TIME_TEXT];
        ls_print_time(folded->from, from);
        return ls_fail(error, LS_ERROR_INPUT,
                       "at: the contact was packed for %s and later; earlier scores need events "
                       "that were folded",
                       from);
    }
    if (folded->served == ledger->plans) {
        return LS_OK;
    }
    int status = ls_folded_serves(ledger->context, folded, ledger->plan, "", error);
    folded->served = status == LS_OK ? ledger->plans : folded->served;
    return status;
}

/* ---- packing --------------------------------------------------------------------------------- */

static int pack_properties(const ls_ledger *ledger, size_t row, ls_state *state)
{
    const ls_table *table = ls_ledger_table(ledger);
    int status = LS_OK;
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++) {
        const ls_column *column = &table->columns[i];
        uint32_t code = ls_column_code(column, row);
        if (code != 0 || !state->all) {
            status = ls_state_add_property(state, column->name,
                                           ls_dictionary_text(&column->dictionary, code));
        }
    }
    return status;
}

static bool has_values(const ls_events *events, const ls_column *column, size_t row)
{
    bool found = false;
    for (uint64_t e = events->first[row]; e < events->ends[row] && !found; e++) {
        found = ls_column_code(column, (size_t)e) != 0;
    }
    return found;
}

/* The properties of events that the state has: all that the ledger keeps, or where that is
 * everything, those that there is something of. */
static int pack_columns(const ls_ledger *ledger, size_t row, ls_state *state, uint32_t *columns,
                        size_t *count)
{
    const ls_events *events = &ledger->dataset->events;
    int status = LS_OK;
    for (size_t i = 0; i < events->column_count && status == LS_OK; i++) {
        if (!state->all || i == ledger->id_column || has_values(events, &events->columns[i], row)) {
            columns[(*count)++] = (uint32_t)i;
            status = ls_state_add_column(state, events->columns[i].name);
        }
    }
    return status;
}

static int pack_events(const ls_ledger *ledger, size_t row, const int64_t *at, ls_state *state)
{
    size_t room = ledger->dataset->events.column_count + 1;
    uint32_t *columns = ls_allocate_zero(ledger->context, room, sizeof *columns);
    ls_fold fold = {.dataset = ledger->dataset,
                    .bindings = ledger->bound.bindings,
                    .count = ledger->bound.count,
                    .folds = at != NULL,
                    .at = at ? *at : 0,
                    .columns = columns};
    int status =
        columns ? pack_columns(ledger, row, state, columns, &fold.column_count) : LS_ERROR_MEMORY;
    if (status == LS_OK) {
        status = ls_fold_row(&fold, row, state);
    }
    ls_free(ledger->context, columns, room * sizeof *columns);
    return status;
}

/* What was folded before stays so; what is folded now is for the definitions of now. */
static int pack_folded(const ls_ledger *ledger, size_t row, const int64_t *at, ls_state *state)
{
    const ls_folded *folded = ls_ledger_folded(ledger, row);
    const bool folds = state->folds;
    state->from = at ? *at : 0;
    int status = folded ? ls_folded_keep(folded, state) : LS_OK;
    return status == LS_OK && folds ? ls_folded_print(state, ledger->plan) : status;
}

/* Those that the ledger still knows. */
static int pack_ids(const ls_ledger *ledger, size_t row, ls_state *state)
{
    const ls_ledger_ids *ids = &ledger->ids;
    int status = LS_OK;
    for (uint32_t i = ids->first[row]; i != LS_NO_ID && status == LS_OK; i = ids->items[i].next) {
        const ls_known_id *id = &ids->items[i];
        status = ls_state_add_id(state, id->identity, LS_EVENT_BASE + (int64_t)id->came);
    }
    return status;
}

static bool was_dropped(const ls_ledger *ledger, size_t row)
{
    const ls_table *table = ls_ledger_table(ledger);
    ls_string id = ls_dictionary_text(&table->id.dictionary, ls_column_code(&table->id, row));
    bool dropped = false;
    for (size_t i = 0; i < ledger->dataset->list_count && !dropped; i++) {
        const ls_ledger_members *list = &ledger->lists[i];
        uint32_t code = ls_dictionary_find(&list->ids, id.text, id.length);
        dropped = code != LS_NO_CODE && code != 0 && list->dropped[code];
    }
    return dropped;
}

static int check_value(const ls_column *column, size_t place, ls_error *error)
{
    if (LS_LIKELY(column->classes == NULL) ||
        !ls_ledger_stands(column, ls_column_code(column, place))) {
        return LS_OK;
    }
    return ls_fail(error, LS_ERROR_INPUT,
                   "%.*s: not every value was kept; a contact that lacks one is not packed",
                   (int)column->name.length, column->name.text);
}

/* What stands for other texts says something to no other ledger. */
static int check_values(const ls_ledger *ledger, size_t row, ls_error *error)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    int status = LS_OK;
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++) {
        status = check_value(&table->columns[i], row, error);
    }
    for (size_t i = 0; i <= events->column_count; i++) {
        const ls_column *column = i > 0 ? &events->columns[i - 1] : &events->event;
        for (uint64_t e = events->first[row];
             column->classes != NULL && e < events->ends[row] && status == LS_OK; e++) {
            status = check_value(column, (size_t)e, error);
        }
    }
    return status;
}

/* Events are folded only where their definitions are there, and can do with what was folded before;
 * *at: NULL then. */
static int prepare_folding(ls_ledger *ledger, size_t row, const int64_t **at, ls_error *error)
{
    ls_folded *folded = ls_ledger_folded(ledger, row);
    if (*at == NULL || ledger->plan == NULL || ledger->unreadable) {
        *at = NULL;
        return LS_OK;
    }
    int status = ls_check_instant(**at, error);
    if (status == LS_OK && folded) {
        ls_error why = {0};
        int served = ls_ledger_ask_folded(ledger, folded, ls_max(**at, folded->from), &why);
        if (served == LS_ERROR_MEMORY) {
            return ls_fail_memory(error);
        }
        if (served != LS_OK) {
            *at = NULL;
            return LS_OK;
        }
    }
    return status == LS_OK
               ? ls_bound_update(&ledger->bound, **at, ls_ledger_event_count(ledger, row), error)
               : status;
}

static int make_state(const ls_ledger *ledger, size_t row, const int64_t *at, ls_state *state)
{
    state->all = ledger->options.keep_all;
    state->unlisted = was_dropped(ledger, row);
    int status = pack_properties(ledger, row, state);
    if (status == LS_OK) {
        status = pack_events(ledger, row, at, state);
    }
    if (status == LS_OK) {
        status = pack_folded(ledger, row, at, state);
    }
    return status == LS_OK ? pack_ids(ledger, row, state) : status;
}

int ls_ledger_pack(ls_ledger *ledger, size_t row, const int64_t *at, ls_writer writer, void *user,
                   ls_error *error)
{
    ls_state state;
    ls_buffer text = {.context = ledger->context};
    if (ls_ledger_id(ledger, row, NULL) == NULL) {
        return ls_fail(error, LS_ERROR_USAGE, "there is no contact in this row");
    }
    int status = check_values(ledger, row, error);
    if (status == LS_OK) {
        status = prepare_folding(ledger, row, &at, error);
    }
    if (status != LS_OK) {
        return status;
    }
    if (ls_state_init(&state, ledger->context) != LS_OK) {
        return ls_fail_memory(error);
    }
    status = make_state(ledger, row, at, &state);
    if (status == LS_OK) {
        ls_state_write(&state, &text);
        status = text.failed ? LS_ERROR_MEMORY : LS_OK;
    }
    ls_state_free(&state);
    if (status != LS_OK) {
        status = ls_fail_memory(error);
    } else if (writer(user, text.data, text.length) != 0) {
        status = ls_fail(error, LS_ERROR_IO, "the state cannot be written");
    }
    ls_buffer_free(&text);
    return status;
}
