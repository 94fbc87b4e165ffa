/* An ordinary dataset of what a ledger holds. */
#include "ls_ledger.h"

#include "ls_dataset_copy.h"
#include "ls_event_ids.h"
#include "ls_links.h"

#include <stdlib.h>

/* What is copied while it lasts. */
typedef struct giving {
    const ls_ledger *ledger;
    ls_dataset *to;
    uint32_t *rows;   /* of the ledger, in the order of the dataset */
    uint32_t *places; /* by row of the ledger: its row in the dataset, LS_NO_CODE: it is free */
} giving;

/* ---- the order of contacts ------------------------------------------------------------------- */

typedef struct born {
    uint64_t birth;
    uint32_t row;
} born;

static int compare_births(const void *a, const void *b)
{
    const born *one = a, *other = b;
    return (one->birth > other->birth) - (one->birth < other->birth);
}

/* Rows are used again, so that their order need not be that of contacts. */
static int order_contacts(giving *giving)
{
    const ls_ledger *ledger = giving->ledger;
    ls_context *context = giving->to->context;
    size_t rows = ls_ledger_table(ledger)->count, count = 0;
    born *order = ls_allocate(context, (ledger->contacts + 1) * sizeof *order);
    giving->rows = ls_allocate(context, (ledger->contacts + 1) * sizeof *giving->rows);
    giving->places = ls_allocate(context, (rows + 1) * sizeof *giving->places);
    if (order != NULL && giving->rows != NULL && giving->places != NULL) {
        for (size_t row = 0; row < rows; row++) {
            giving->places[row] = LS_NO_CODE;
            if (ls_ledger_is_there(ledger, row))
                order[count++] = (born){ledger->born[row], (uint32_t)row};
        }
        qsort(order, count, sizeof *order, compare_births);
        for (size_t i = 0; i < count; i++) {
            giving->rows[i] = order[i].row;
            giving->places[order[i].row] = (uint32_t)i;
        }
    }
    bool made = order != NULL && giving->rows != NULL && giving->places != NULL;
    ls_free(context, order, (ledger->contacts + 1) * sizeof *order);
    return made ? LS_OK : LS_ERROR_MEMORY;
}

/* ---- columns --------------------------------------------------------------------------------- */

static int new_column(ls_dataset *to, ls_column *column, ls_string name)
{
    memset(column, 0, sizeof *column);
    column->name.text = ls_arena_text(&to->arena, name.text, name.length);
    column->name.length = name.length;
    if (column->name.text == NULL)
        return LS_ERROR_MEMORY;
    return ls_column_init(to->context, column, to->seed);
}

/* The code of a text of another column, added when it is met first: texts that nobody has stay
 * behind. */
LS_INLINE uint32_t take_code(ls_column *to, const ls_column *from, uint32_t *codes, uint32_t code)
{
    if (code != 0 && codes[code] == 0) {
        ls_string text = ls_dictionary_text(&from->dictionary, code);
        codes[code] = ls_dictionary_add(&to->dictionary, text.text, text.length);
    }
    return codes[code];
}

/* A column of contacts, or (of_events) of their events. */
static int fill_column(const giving *giving, ls_column *to, const ls_column *from, bool of_events)
{
    const ls_events *events = &giving->ledger->dataset->events;
    ls_context *context = giving->to->context;
    const size_t size = from->dictionary.count * sizeof(uint32_t);
    uint32_t *codes = ls_allocate_zero(context, from->dictionary.count, sizeof *codes);
    int status = codes != NULL ? LS_OK : LS_ERROR_MEMORY;
    for (size_t i = 0; i < giving->ledger->contacts && status == LS_OK; i++) {
        uint32_t row = giving->rows[i];
        size_t begin = of_events ? (size_t)events->first[row] : row;
        size_t end = of_events ? (size_t)events->ends[row] : (size_t)row + 1;
        for (size_t place = begin; place < end && status == LS_OK; place++) {
            uint32_t code = take_code(to, from, codes, ls_column_code(from, place));
            status = code != LS_NO_CODE ? ls_column_append(context, to, code) : LS_ERROR_MEMORY;
        }
    }
    ls_free(context, codes, size);
    return status;
}

static int fill_columns(const giving *giving, const ls_column *from, size_t count, ls_column **out,
                        size_t *out_count, size_t *capacity, bool of_events)
{
    int status = ls_grow(giving->to->context, out, capacity, count, sizeof **out);
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        status = new_column(giving->to, &(*out)[i], from[i].name);
        *out_count = status == LS_OK ? i + 1 : i;
        if (status == LS_OK)
            status = fill_column(giving, &(*out)[i], &from[i], of_events);
    }
    return status;
}

/* ---- contacts -------------------------------------------------------------------------------- */

static int give_ids(const giving *giving)
{
    const ls_dataset *from = giving->ledger->dataset;
    ls_table *table = &giving->to->tables[LS_CONTACT];
    for (size_t i = 0; i < giving->ledger->contacts; i++) {
        ls_string id;
        id.text = ls_dataset_id(from, LS_CONTACT, giving->rows[i], &id.length);
        if (ls_dictionary_add(&table->id.dictionary, id.text, id.length) == LS_NO_CODE)
            return LS_ERROR_MEMORY;
    }
    giving->to->counts.records[LS_CONTACT] = giving->ledger->contacts;
    return LS_OK;
}

/* Where each contact's events begin; with it the table has its rows. */
static int give_firsts(const giving *giving)
{
    ls_events *events = &giving->to->events;
    uint64_t count = 0;
    events->first =
        ls_allocate(giving->to->context, (giving->ledger->contacts + 1) * sizeof *events->first);
    if (events->first == NULL)
        return LS_ERROR_MEMORY;
    giving->to->tables[LS_CONTACT].count = giving->ledger->contacts;
    for (size_t i = 0; i < giving->ledger->contacts; i++) {
        events->first[i] = count;
        count += ls_ledger_event_count(giving->ledger, giving->rows[i]);
    }
    events->first[giving->ledger->contacts] = count;
    return LS_OK;
}

static int give_times(const giving *giving)
{
    const ls_events *from = &giving->ledger->dataset->events;
    ls_events *events = &giving->to->events;
    const size_t size = from->wide ? sizeof(int64_t) : sizeof(uint32_t);
    size_t place = 0;
    events->wide = from->wide;
    events->most = UINT64_MAX; /* nobody asked how late they are */
    if (ls_grow(giving->to->context, &events->times, &events->times_size,
                (size_t)giving->ledger->events * size, 1) != LS_OK)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < giving->ledger->contacts; i++) {
        uint32_t row = giving->rows[i];
        size_t bytes = ls_ledger_event_count(giving->ledger, row) * size;
        if (bytes == 0)
            continue;
        memcpy((char *)events->times + place, (const char *)from->times + from->first[row] * size,
               bytes);
        place += bytes;
    }
    events->count = (size_t)giving->ledger->events;
    giving->to->counts.events = giving->ledger->events;
    return LS_OK;
}

/* Those that the ledger knows, by contact in the order in which they came. */
static int give_event_ids(const giving *giving)
{
    const ls_ledger_ids *known = &giving->ledger->ids;
    ls_event_ids *ids = &giving->to->event_ids;
    size_t count = 0;
    if (known->known == 0)
        return LS_OK;
    if (ls_event_ids_make(giving->to, giving->ledger->contacts, known->known) != LS_OK)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < ids->contacts; i++) {
        const uint32_t first = known->first[giving->rows[i]];
        ids->first[i] = count;
        for (uint32_t at = first; at != LS_NO_ID; at = known->items[at].next)
            count++;
        size_t place = count;
        for (uint32_t at = first; at != LS_NO_ID; at = known->items[at].next) {
            const ls_known_id *id = &known->items[at];
            ids->items[--place] = (ls_event_id){{id->identity[0], id->identity[1]},
                                                LS_EVENT_BASE + (int64_t)id->came};
        }
    }
    ids->first[ids->contacts] = count;
    return LS_OK;
}

static int give_contacts(const giving *giving)
{
    const ls_table *from = ls_ledger_table(giving->ledger);
    const ls_events *from_events = &giving->ledger->dataset->events;
    ls_table *table = &giving->to->tables[LS_CONTACT];
    ls_events *events = &giving->to->events;
    int status = give_ids(giving);
    if (status == LS_OK)
        status = give_firsts(giving);
    if (status == LS_OK)
        status = give_times(giving);
    if (status == LS_OK)
        status = fill_column(giving, &events->event, &from_events->event, true);
    if (status == LS_OK)
        status = fill_columns(giving, from->columns, from->column_count, &table->columns,
                              &table->column_count, &table->column_capacity, false);
    if (status == LS_OK)
        status =
            fill_columns(giving, from_events->columns, from_events->column_count, &events->columns,
                         &events->column_count, &events->column_capacity, true);
    return status == LS_OK ? give_event_ids(giving) : status;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int give_bits(ls_context *context, struct ls_list_rows *to, size_t rows)
{
    to->word_count = rows / 64 + 1;
    to->rows = ls_allocate_zero(context, to->word_count, sizeof *to->rows);
    if (to->rows == NULL)
        to->word_count = 0;
    return to->rows != NULL ? LS_OK : LS_ERROR_MEMORY;
}

static int give_list(const giving *giving, const ls_list *from, ls_list *to)
{
    ls_dataset *dataset = giving->to;
    memset(to, 0, sizeof *to);
    dataset->list_count++;
    to->unknown = from->unknown;
    to->name.text = ls_arena_text(&dataset->arena, from->name.text, from->name.length);
    to->name.length = from->name.length;
    int status = to->name.text != NULL ? LS_OK : LS_ERROR_MEMORY;
    for (int object = LS_CONTACT; object <= LS_DEAL && status == LS_OK; object++) {
        size_t rows =
            object == LS_CONTACT ? giving->ledger->contacts : dataset->tables[object].count;
        status = give_bits(dataset->context, &to->of[object], rows);
        for (size_t i = 0; i < rows && status == LS_OK; i++) {
            size_t row = object == LS_CONTACT ? giving->rows[i] : i;
            if (ls_list_has(from, (ls_object)object, row))
                to->of[object].rows[i / 64] |= UINT64_C(1) << i % 64;
        }
    }
    return status;
}

static int give_lists(const giving *giving)
{
    const ls_dataset *from = giving->ledger->dataset;
    ls_dataset *to = giving->to;
    int status =
        ls_grow(to->context, &to->lists, &to->list_capacity, from->list_count, sizeof *to->lists);
    for (size_t i = 0; i < from->list_count && status == LS_OK; i++)
        status = give_list(giving, &from->lists[i], &to->lists[i]);
    return status;
}

/* ---- the dataset ----------------------------------------------------------------------------- */

/* Rows whose contacts were not loaded have no associations: whose row it was before does not
 * matter.
 */
static void drop_later(const giving *giving)
{
    const ls_ledger *ledger = giving->ledger;
    for (size_t row = 0; row < ls_ledger_table(ledger)->count; row++)
        if (ledger->born[row] != ledger->loaded_birth + row)
            giving->places[row] = LS_NO_CODE;
}

static int give(giving *giving)
{
    ls_dataset *to = giving->to;
    const ls_dataset *from = giving->ledger->dataset;
    int status = order_contacts(giving);
    if (status == LS_OK)
        status = give_contacts(giving);
    if (status == LS_OK)
        status = ls_dataset_copy_table(to, from, LS_COMPANY);
    if (status == LS_OK)
        status = ls_dataset_copy_table(to, from, LS_DEAL);
    if (status == LS_OK)
        status = ls_dataset_copy_sources(to, from);
    if (status == LS_OK)
        status = give_lists(giving);
    if (status != LS_OK)
        return status;
    drop_later(giving);
    status = ls_dataset_copy_links(to, from, giving->places);
    return status == LS_OK ? ls_links_build(to) : status;
}

static int check_column(const ls_ledger *ledger, const ls_column *column, ls_error *error)
{
    return ls_ledger_is_classed(ledger, column)
               ? ls_fail(error, LS_ERROR_INPUT, "%.*s: not every value was kept",
                         (int)column->name.length, column->name.text)
               : LS_OK;
}

/* What was classed cannot be given back, nor events that were folded. */
static int check_values(const ls_ledger *ledger, ls_error *error)
{
    if (ledger->folded_count > 0)
        return ls_fail(error, LS_ERROR_INPUT, "%zu contact%s folded", ledger->folded_count,
                       ledger->folded_count == 1 ? " came from a packed state whose events were"
                                                 : "s came from packed states whose events were");
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    int status = check_column(ledger, &events->event, error);
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++)
        status = check_column(ledger, &table->columns[i], error);
    for (size_t i = 0; i < events->column_count && status == LS_OK; i++)
        status = check_column(ledger, &events->columns[i], error);
    return status;
}

int ls_ledger_dataset(const ls_ledger *ledger, ls_context *context, ls_dataset **out,
                      ls_error *error)
{
    giving giving = {.ledger = ledger};
    *out = NULL;
    if (check_values(ledger, error) != LS_OK)
        return LS_ERROR_INPUT;
    int status = ls_dataset_new(context, &giving.to, error);
    if (status != LS_OK)
        return status;
    status = give(&giving);
    ls_free(context, giving.rows, (ledger->contacts + 1) * sizeof *giving.rows);
    ls_free(context, giving.places, (ls_ledger_table(ledger)->count + 1) * sizeof *giving.places);
    if (status != LS_OK) {
        ls_dataset_close(giving.to);
        return ls_fail_memory(error);
    }
    giving.to->lenient = ledger->lenient;
    giving.to->grouped = true;
    *out = giving.to;
    return LS_OK;
}
