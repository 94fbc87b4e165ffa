/* A dataset becomes the contacts of a ledger; its companies, deals and associations come along, so
 * that a dataset that is given back has them. */
#include "ls_ledger.h"

#include "ls_dataset_copy.h"
#include "ls_links.h"

/* ---- an empty ledger ------------------------------------------------------------------------- */

/* Rows begin at 0 again. */
static void clear_rows(ls_ledger *ledger)
{
    ls_table *table = ls_ledger_table(ledger);
    ls_events *events = &ledger->dataset->events;
    table->count = events->count = 0;
    table->id.count = events->event.count = 0;
    for (size_t i = 0; i < table->column_count; i++)
        table->columns[i].count = 0;
    for (size_t i = 0; i < events->column_count; i++)
        events->columns[i].count = 0;
    ledger->free_row = LS_NO_ROW;
    ledger->spans.used = ledger->spans.waiting = 0;
    for (size_t i = 0; i < LS_SPAN_SIZES; i++)
        ledger->spans.free[i] = UINT64_MAX;
}

static int drop_related(ls_ledger *ledger)
{
    ls_dataset *dataset = ledger->dataset;
    for (int object = LS_COMPANY; object <= LS_DEAL; object++) {
        ls_table *table = &dataset->tables[object];
        ls_column_free(ledger->context, &table->id);
        for (size_t i = 0; i < table->column_count; i++)
            ls_column_free(ledger->context, &table->columns[i]);
        table->count = table->column_count = 0;
    }
    ls_links_free(dataset);
    memset(dataset->links, 0, sizeof dataset->links);
    dataset->label_sets = NULL;
    dataset->label_codes = NULL;
    dataset->label_set_count = dataset->label_code_count = 0;
    dataset->label_set_capacity = dataset->label_code_capacity = 0;
    memset(&dataset->labels, 0, sizeof dataset->labels);
    return ls_dictionary_init(&dataset->labels, ledger->context, dataset->seed);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The codes of a column of the dataset in a column of the ledger. */
typedef struct coding {
    const ls_column *from;
    ls_column *to;
    uint32_t *codes; /* by code of `from` */
    uint32_t most;   /* the largest of them */
} coding;

/* Texts that cannot be read are kept: what becomes of them is for whoever reads them. */
static int code_texts(ls_ledger *ledger, coding *coding)
{
    const ls_dictionary *texts = &coding->from->dictionary;
    coding->codes = ls_allocate_zero(ledger->context, texts->count, sizeof *coding->codes);
    if (coding->codes == NULL)
        return LS_ERROR_MEMORY;
    for (uint32_t code = 1; code < texts->count; code++) {
        ls_string text = ls_dictionary_text(texts, code);
        if (ls_ledger_code(ledger, coding->to, text, &coding->codes[code]) != LS_OK)
            return LS_ERROR_MEMORY;
        if (coding->codes[code] > coding->most)
            coding->most = coding->codes[code];
    }
    return LS_OK;
}

/* What is copied while it lasts. */
typedef struct loading {
    ls_ledger *ledger;
    const ls_dataset *from;
    int64_t now;
    size_t property_count, event_property_count;
    coding *properties, *event_properties;
    coding names;
} loading;

/* Which columns have a place in the ledger; the others are passed over. */
static int find_columns(loading *loading, ls_object owner, const ls_column *columns, size_t count,
                        coding **out, size_t *out_count, ls_error *error)
{
    ls_ledger *ledger = loading->ledger;
    *out = ls_allocate_zero(ledger->context, count + 1, sizeof **out);
    if (*out == NULL)
        return ls_fail_memory(error);
    *out_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t index;
        if (!columns[i].kept)
            continue;
        int status = ls_ledger_column(ledger, owner, columns[i].name, &index, error);
        if (status != LS_OK)
            return status;
        if (index != LS_NO_COLUMN)
            (*out)[i].from = &columns[i];
    }
    return LS_OK;
}

/* Columns are found again, since the array moved as it grew. */
static int code_columns(loading *loading, ls_object owner, coding *codings, size_t count)
{
    ls_ledger *ledger = loading->ledger;
    for (size_t i = 0; i < count; i++) {
        size_t index = LS_NO_COLUMN;
        if (codings[i].from == NULL)
            continue;
        (void)ls_ledger_column(ledger, owner, codings[i].from->name, &index, NULL);
        codings[i].to = owner == LS_EVENT ? &ledger->dataset->events.columns[index]
                                          : &ls_ledger_table(ledger)->columns[index];
        if (code_texts(ledger, &codings[i]) != LS_OK)
            return LS_ERROR_MEMORY;
    }
    return LS_OK;
}

static int prepare(loading *loading, ls_error *error)
{
    const ls_table *table = &loading->from->tables[LS_CONTACT];
    const ls_events *events = &loading->from->events;
    int status = find_columns(loading, LS_CONTACT, table->columns, table->column_count,
                              &loading->properties, &loading->property_count, error);
    if (status == LS_OK)
        status = find_columns(loading, LS_EVENT, events->columns, events->column_count,
                              &loading->event_properties, &loading->event_property_count, error);
    if (status != LS_OK)
        return status;
    loading->names.from = &events->event;
    loading->names.to = &loading->ledger->dataset->events.event;
    if (code_columns(loading, LS_CONTACT, loading->properties, loading->property_count) != LS_OK ||
        code_columns(loading, LS_EVENT, loading->event_properties, loading->event_property_count) !=
            LS_OK ||
        code_texts(loading->ledger, &loading->names) != LS_OK ||
        (events->wide && ls_ledger_widen(loading->ledger) != LS_OK))
        return ls_fail_memory(error);
    return LS_OK;
}

static void free_codings(const loading *loading, coding *codings, size_t count)
{
    ls_context *context = loading->ledger->context;
    for (size_t i = 0; codings != NULL && i < count; i++)
        if (codings[i].codes != NULL)
            ls_free(context, codings[i].codes,
                    codings[i].from->dictionary.count * sizeof *codings[i].codes);
    ls_free(context, codings, (count + 1) * sizeof *codings);
}

static void finish(const loading *loading)
{
    free_codings(loading, loading->properties, loading->property_count);
    free_codings(loading, loading->event_properties, loading->event_property_count);
    if (loading->names.codes != NULL)
        ls_free(loading->ledger->context, loading->names.codes,
                loading->names.from->dictionary.count * sizeof *loading->names.codes);
}

/* ---- ids of events --------------------------------------------------------------------------- */

/* The event may be dated later than it can have come. */
static int64_t came(const loading *loading, const ls_event_id *id)
{
    return id->came < loading->now ? id->came : loading->now;
}

static bool is_known(const loading *loading, const ls_event_id *id)
{
    return !ls_ledger_id_passed(loading->ledger, came(loading, id), loading->now);
}

static int make_room_for_ids(const loading *loading)
{
    const ls_event_ids *ids = &loading->from->event_ids;
    size_t count = 0, all = ids->first != NULL ? (size_t)ids->first[ids->contacts] : 0;
    for (size_t i = 0; i < all; i++)
        count += is_known(loading, &ids->items[i]);
    return count != 0 ? ls_ledger_reserve_ids(loading->ledger, count) : LS_OK;
}

static void load_ids(const loading *loading, size_t from, uint32_t row)
{
    const ls_event_ids *ids = &loading->from->event_ids;
    if (ids->first == NULL)
        return;
    for (uint64_t i = ids->first[from]; i < ids->first[from + 1]; i++)
        if (is_known(loading, &ids->items[i]))
            ls_ledger_note_id(loading->ledger, row, ids->items[i].identity,
                              came(loading, &ids->items[i]));
}

/* ---- contacts -------------------------------------------------------------------------------- */

static int widen_columns(const loading *loading, const coding *codings, size_t count, size_t rows)
{
    int status = LS_OK;
    for (size_t i = 0; i < count && status == LS_OK; i++)
        if (codings[i].to != NULL)
            status =
                ls_column_reserve(loading->ledger->context, codings[i].to, rows, codings[i].most);
    return status;
}

/* Columns are as wide as they will have to be, so that putting a code never fails. */
static int make_room(const loading *loading)
{
    ls_ledger *ledger = loading->ledger;
    size_t room = (size_t)ledger->spans.room;
    if (ls_ledger_reserve_rows(ledger, loading->from->tables[LS_CONTACT].count + 1) != LS_OK ||
        widen_columns(loading, loading->properties, loading->property_count,
                      ledger->row_capacities[0]) != LS_OK ||
        widen_columns(loading, loading->event_properties, loading->event_property_count, room) !=
            LS_OK ||
        widen_columns(loading, &loading->names, 1, room) != LS_OK)
        return LS_ERROR_MEMORY;
    return make_room_for_ids(loading);
}

static void copy_event(const loading *loading, size_t from, size_t to)
{
    ls_events *events = &loading->ledger->dataset->events;
    int64_t at = ls_event_time(&loading->from->events, from);
    if (events->wide)
        ((int64_t *)events->times)[to] = at;
    else
        ((uint32_t *)events->times)[to] = (uint32_t)(at - LS_EVENT_BASE);
    uint32_t name = ls_column_code(&loading->from->events.event, from);
    ls_column_put(&events->event, to, loading->names.codes[name]);
    for (size_t i = 0; i < events->column_count; i++)
        ls_column_put(&events->columns[i], to, 0);
    for (size_t i = 0; i < loading->event_property_count; i++) {
        const coding *coding = &loading->event_properties[i];
        if (coding->to != NULL && from < coding->from->count)
            ls_column_put(coding->to, to, coding->codes[ls_column_code(coding->from, from)]);
    }
}

static int load_contact(const loading *loading, size_t from, ls_error *error)
{
    ls_ledger *ledger = loading->ledger;
    const ls_events *events = &loading->from->events;
    ls_string id;
    id.text = ls_dataset_id(loading->from, LS_CONTACT, from, &id.length);
    uint32_t row = ls_ledger_begin(ledger, id, error);
    if (row == LS_NO_ROW)
        return error->status;
    for (size_t i = 0; i < loading->property_count; i++) {
        const coding *coding = &loading->properties[i];
        if (coding->to != NULL && from < coding->from->count)
            ls_column_put(coding->to, row, coding->codes[ls_column_code(coding->from, from)]);
    }
    if (events->first != NULL) {
        size_t begin = (size_t)events->first[from], end = (size_t)ls_events_end(events, from);
        if (end > begin && ls_ledger_reserve(ledger, row, end - begin) != LS_OK)
            return ls_fail_memory(error);
        for (size_t i = begin; i < end; i++)
            copy_event(loading, i, (size_t)ledger->dataset->events.ends[row]++);
        ledger->events += end - begin;
    }
    load_ids(loading, from, row);
    return LS_OK;
}

/* ---- lists, and what comes along ------------------------------------------------------------- */

static int load_list(const loading *loading, const ls_list *list, ls_error *error)
{
    ls_ledger *ledger = loading->ledger;
    int status = ls_ledger_list(ledger, list->name.text, list->name.length, error);
    for (size_t row = 0; row < loading->from->tables[LS_CONTACT].count && status == LS_OK; row++) {
        ls_string id;
        if (!ls_list_has(list, LS_CONTACT, row))
            continue;
        id.text = ls_dataset_id(loading->from, LS_CONTACT, row, &id.length);
        status = ls_ledger_list_add(ledger, list->name.text, list->name.length, id.text, id.length,
                                    error);
    }
    return status == LS_OK ? ls_ledger_list_keep(ledger, list, error) : status;
}

static int load_related(const loading *loading)
{
    ls_dataset *to = loading->ledger->dataset;
    int status = ls_dataset_copy_table(to, loading->from, LS_COMPANY);
    if (status == LS_OK)
        status = ls_dataset_copy_table(to, loading->from, LS_DEAL);
    if (status == LS_OK)
        status = ls_dataset_copy_sources(to, loading->from);
    if (status == LS_OK)
        status = ls_dataset_copy_links(to, loading->from, NULL);
    to->company_ids_linked = true; /* what they say is among the links */
    return status == LS_OK ? ls_links_build(to) : status;
}

static int load(loading *loading, ls_error *error)
{
    ls_ledger *ledger = loading->ledger;
    int status = prepare(loading, error);
    if (status == LS_OK && make_room(loading) != LS_OK)
        status = ls_fail_memory(error);
    ledger->loaded_birth = ledger->births;
    for (size_t row = 0; row < loading->from->tables[LS_CONTACT].count && status == LS_OK; row++)
        status = load_contact(loading, row, error);
    for (size_t i = 0; i < loading->from->list_count && status == LS_OK; i++)
        status = load_list(loading, &loading->from->lists[i], error);
    if (status == LS_OK && load_related(loading) != LS_OK)
        status = ls_fail_memory(error);
    /* Nothing happened to them: their first scores are no change. */
    memset(ledger->marks, 0, ls_ledger_table(ledger)->count * sizeof *ledger->marks);
    return status;
}

static void forget_all(ls_ledger *ledger)
{
    for (size_t row = 0; row < ls_ledger_table(ledger)->count; row++)
        if (ls_ledger_is_there(ledger, row))
            ls_ledger_vacate(ledger, row);
}

int ls_ledger_load(ls_ledger *ledger, const ls_dataset *dataset, int64_t now, ls_error *error)
{
    ls_error reason;
    loading loading = {.ledger = ledger, .from = dataset, .now = now};
    if (!dataset->grouped)
        return ls_fail(error, LS_ERROR_USAGE, "a ledger loads a dataset whose events are grouped");
    if (ledger->contacts > 0)
        return ls_fail(error, LS_ERROR_USAGE, "a dataset is loaded before there are contacts");
    clear_rows(ledger);
    if (drop_related(ledger) != LS_OK)
        return ls_fail_memory(error);
    ledger->lenient = dataset->lenient || ledger->options.lenient;
    int status = load(&loading, &reason);
    finish(&loading);
    if (status == LS_OK)
        return LS_OK;
    forget_all(ledger);
    (void)drop_related(ledger);
    if (error != NULL)
        *error = reason;
    return status;
}
