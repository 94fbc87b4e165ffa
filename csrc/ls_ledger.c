/* The ledger: opening, closing, and what is asked of a contact. */
#include "ls_ledger.h"

#include "ls_coder.h"
#include "ls_next.h"
#include "ls_result.h"
#include "ls_time.h"

#define USUAL_HORIZON (90 * LS_DAY)
#define USUAL_VALUES 1000000
#define USUAL_BYTES (UINT64_C(256) << 20)
/* Properties of contacts, or of events, that are kept. */
#define MOST_COLUMNS 10000

/* ---- columns --------------------------------------------------------------------------------- */

static bool is_named(ls_string name, const char *text)
{
    return ls_string_equal(name, text, strlen(text));
}

static size_t find_column(const ls_column *columns, size_t count, ls_string name)
{
    for (size_t i = 0; i < count; i++)
        if (ls_string_equal(columns[i].name, name.text, name.length))
            return i;
    return LS_NO_COLUMN;
}

/* Bindings find their columns again: the array may have moved. */
static int add_column(ls_ledger *ledger, ls_object owner, ls_string name)
{
    ls_dataset *dataset = ledger->dataset;
    ls_table *table = ls_ledger_table(ledger);
    ls_events *events = &dataset->events;
    const bool of_event = owner == LS_EVENT;
    ls_column **columns = of_event ? &events->columns : &table->columns;
    size_t *count = of_event ? &events->column_count : &table->column_count;
    size_t *capacity = of_event ? &events->column_capacity : &table->column_capacity;
    size_t used = of_event ? (size_t)ledger->spans.used : table->count;
    size_t room = of_event ? (size_t)ledger->spans.room : ledger->row_capacities[0];
    if (ls_grow(ledger->context, columns, capacity, *count + 1, sizeof **columns) != LS_OK)
        return LS_ERROR_MEMORY;
    ledger->bound.texts++;
    ls_column *column = &(*columns)[*count];
    memset(column, 0, sizeof *column);
    column->name.text = ls_arena_text(&dataset->arena, name.text, name.length);
    column->name.length = name.length;
    if (column->name.text == NULL ||
        ls_column_init(ledger->context, column, dataset->seed) != LS_OK)
        return LS_ERROR_MEMORY;
    if (ls_column_reserve(ledger->context, column, room, 0) != LS_OK ||
        ls_column_fill(ledger->context, column, used) != LS_OK) {
        ls_column_free(ledger->context, column);
        return LS_ERROR_MEMORY;
    }
    if (of_event && is_named(name, "id"))
        ledger->id_column = *count;
    ++*count;
    return LS_OK;
}

int ls_ledger_column(ls_ledger *ledger, ls_object owner, ls_string name, size_t *out,
                     ls_error *error)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    size_t count = owner == LS_EVENT ? events->column_count : table->column_count;
    *out = find_column(owner == LS_EVENT ? events->columns : table->columns, count, name);
    if (*out != LS_NO_COLUMN || !ledger->options.keep_all)
        return LS_OK;
    if (count == MOST_COLUMNS)
        return ls_fail(error, LS_ERROR_INPUT, "%.*s: there are %d other properties already",
                       name.length < 60 ? (int)name.length : 60, name.text, MOST_COLUMNS);
    *out = count;
    return add_column(ledger, owner, name) == LS_OK ? LS_OK : ls_fail_memory(error);
}

static bool has_own_column(const ls_property *property)
{
    if (property->owner == LS_EVENT)
        return !is_named(property->name, "event") && !is_named(property->name, "at");
    return !is_named(property->name, "id");
}

/* Every property that the plan reads has a column then. */
static int add_columns(ls_ledger *ledger, const ls_plan *plan)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t j = 0; j < plan->definitions[i].property_count; j++) {
            const ls_property *property = &plan->definitions[i].properties[j];
            const ls_column *columns =
                property->owner == LS_EVENT ? events->columns : table->columns;
            size_t count = property->owner == LS_EVENT ? events->column_count : table->column_count;
            if (has_own_column(property) &&
                find_column(columns, count, property->name) == LS_NO_COLUMN &&
                add_column(ledger, property->owner, property->name) != LS_OK)
                return LS_ERROR_MEMORY;
        }
    }
    return LS_OK;
}

/* ---- types ----------------------------------------------------------------------------------- */

static void clear_types(ls_column *column)
{
    column->types = 0;
    if (column->unreadable != NULL)
        memset(column->unreadable, 0, column->unreadable_count);
}

/* What texts there are is looked at as definitions read it. */
static int check_texts(ls_ledger *ledger, ls_column *column)
{
    int status = LS_OK;
    for (uint32_t code = 1; code < column->dictionary.count && status == LS_OK; code++) {
        status = ls_column_check(ledger->context, column, code);
        ledger->unreadable = ledger->unreadable || ls_column_unreadable(column, code);
    }
    return status;
}

static void set_types(const ls_ledger *ledger, const ls_plan *plan)
{
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        for (size_t j = 0; j < plan->definitions[i].property_count; j++) {
            const ls_property *property = &plan->definitions[i].properties[j];
            ls_column *column =
                ls_dataset_property(ledger->dataset, property->owner, property->name);
            if (column != NULL)
                column->types |= (uint8_t)(1u << property->type);
        }
    }
}

/* The types of columns are those that the plan reads, its lists are looked for. */
static int read_as(ls_ledger *ledger, const ls_plan *plan)
{
    ls_table *table = ls_ledger_table(ledger);
    ls_events *events = &ledger->dataset->events;
    clear_types(&table->id);
    clear_types(&events->event);
    for (size_t i = 0; i < table->column_count; i++)
        clear_types(&table->columns[i]);
    for (size_t i = 0; i < events->column_count; i++)
        clear_types(&events->columns[i]);
    set_types(ledger, plan);
    ledger->unreadable = ledger->listed = false;
    int status = check_texts(ledger, &table->id);
    if (status == LS_OK)
        status = check_texts(ledger, &events->event);
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++)
        status = check_texts(ledger, &table->columns[i]);
    for (size_t i = 0; i < events->column_count && status == LS_OK; i++)
        status = check_texts(ledger, &events->columns[i]);
    return status;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int check_plan(const ls_plan *plan, ls_error *error)
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
    filled->max_values = filled->max_values > 0 ? filled->max_values : USUAL_VALUES;
    filled->max_bytes = filled->max_bytes > 0 ? filled->max_bytes : USUAL_BYTES;
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
    if (add_columns(ledger, plan) != LS_OK || read_as(ledger, plan) != LS_OK ||
        ls_bound_init(&ledger->bound, plan, ledger->dataset) != LS_OK)
        return ls_fail_memory(error);
    return LS_OK;
}

int ls_ledger_new(ls_context *context, const ls_plan *plan, const ls_ledger_options *options,
                  ls_ledger **out, ls_error *error)
{
    *out = NULL;
    int status = check_plan(plan, error);
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

static void free_lists(ls_ledger *ledger)
{
    for (size_t i = 0; ledger->lists != NULL && i < ledger->dataset->list_count; i++) {
        ls_dictionary_free(&ledger->lists[i].ids);
        ls_free(ledger->context, ledger->lists[i].dropped, ledger->lists[i].dropped_capacity);
    }
    ls_free(ledger->context, ledger->lists, ledger->list_capacity * sizeof *ledger->lists);
}

void ls_ledger_close(ls_ledger *ledger)
{
    if (ledger == NULL)
        return;
    ls_context *context = ledger->context;
    ls_bound_free(&ledger->bound);
    ls_ledger_ids_free(ledger);
    if (ledger->dataset != NULL) {
        free_lists(ledger);
        ls_ledger_rows_free(ledger);
        ls_dataset_close(ledger->dataset);
    }
    if (ledger->plan != NULL)
        ls_plan_close(ledger->plan);
    ls_free(context, ledger->codes, ledger->code_capacity * sizeof *ledger->codes);
    ls_free(context, ledger, sizeof *ledger);
    ls_context_release(context);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static size_t find_list(const ls_ledger *ledger, ls_string name)
{
    const ls_dataset *dataset = ledger->dataset;
    size_t i = 0;
    while (i < dataset->list_count &&
           !ls_string_equal(dataset->lists[i].name, name.text, name.length))
        i++;
    return i;
}

static int add_list(ls_ledger *ledger, ls_string name)
{
    ls_dataset *dataset = ledger->dataset;
    size_t count = dataset->list_count + 1;
    if (ls_grow(ledger->context, &dataset->lists, &dataset->list_capacity, count,
                sizeof *dataset->lists) != LS_OK ||
        ls_grow(ledger->context, &ledger->lists, &ledger->list_capacity, count,
                sizeof *ledger->lists) != LS_OK)
        return LS_ERROR_MEMORY;
    ls_list *list = &dataset->lists[dataset->list_count];
    ls_ledger_members *members = &ledger->lists[dataset->list_count];
    memset(list, 0, sizeof *list);
    memset(members, 0, sizeof *members);
    ledger->bound.texts++; /* bindings look for it; the others may have moved */
    struct ls_list_rows *of = &list->of[LS_CONTACT];
    list->name.text = ls_arena_text(&dataset->arena, name.text, name.length);
    list->name.length = name.length;
    of->word_count = ls_ledger_table(ledger)->count / 64 + 1;
    of->rows = ls_allocate_zero(ledger->context, of->word_count, sizeof *of->rows);
    if (list->name.text != NULL && of->rows != NULL &&
        ls_dictionary_init(&members->ids, ledger->context, dataset->seed) == LS_OK) {
        dataset->list_count = count;
        return LS_OK;
    }
    ls_free(ledger->context, of->rows, of->word_count * sizeof *of->rows);
    return LS_ERROR_MEMORY;
}

int ls_ledger_list(ls_ledger *ledger, const char *name, size_t length, ls_error *error)
{
    ls_string text = {name, length};
    if (find_list(ledger, text) < ledger->dataset->list_count)
        return LS_OK;
    return add_list(ledger, text) == LS_OK ? LS_OK : ls_fail_memory(error);
}

int ls_ledger_list_add(ls_ledger *ledger, const char *name, size_t length, const char *id,
                       size_t id_length, ls_error *error)
{
    size_t index = find_list(ledger, (ls_string){name, length});
    if (index == ledger->dataset->list_count)
        return ls_fail(error, LS_ERROR_USAGE, "list %.*s: not there", (int)length, name);
    ls_ledger_members *list = &ledger->lists[index];
    ls_string member = ls_trimmed((ls_string){id, id_length});
    if (member.length == 0)
        return LS_OK;
    uint32_t code = ls_dictionary_add(&list->ids, member.text, member.length);
    size_t before = list->dropped_capacity;
    if (code == LS_NO_CODE || ls_grow(ledger->context, &list->dropped, &list->dropped_capacity,
                                      list->ids.count, 1) != LS_OK)
        return ls_fail_memory(error);
    memset(list->dropped + before, 0, list->dropped_capacity - before);
    list->dropped[code] = 0;
    uint32_t row = ls_ledger_row(ledger, member);
    if (row != LS_NO_ROW) {
        ledger->dataset->lists[index].of[LS_CONTACT].rows[row / 64] |= UINT64_C(1) << row % 64;
        ls_ledger_touch(ledger, row, LS_WHY_PROPERTY);
    }
    return LS_OK;
}

static int check_lists(ls_ledger *ledger, ls_error *error)
{
    const ls_plan *plan = ledger->plan;
    for (size_t i = 0; i < plan->list_count; i++)
        if (find_list(ledger, plan->lists[i]) == ledger->dataset->list_count)
            return ls_fail(error, LS_ERROR_INPUT, "list %.*s: named by a definition, not given",
                           (int)plan->lists[i].length, plan->lists[i].text);
    ledger->listed = true;
    return LS_OK;
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
        if (owner == LS_EVENT && is_named(name, "id")) {
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
    uint32_t row = ls_ledger_row(ledger, ls_trimmed((ls_string){contact, length}));
    if (row != LS_NO_ROW)
        ls_ledger_end(ledger, row);
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

static bool is_there(const ls_ledger *ledger, size_t row)
{
    const ls_table *table = ls_ledger_table(ledger);
    return row < table->count && ls_column_code(&table->id, row) != 0;
}

const char *ls_ledger_id(const ls_ledger *ledger, size_t row, size_t *length)
{
    return is_there(ledger, row) ? ls_dataset_id(ledger->dataset, LS_CONTACT, row, length) : NULL;
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

/* Whether the contact can be scored at the instant. */
static int check_question(ls_ledger *ledger, size_t row, int64_t at, ls_error *error)
{
    if (ledger->plan == NULL)
        return ls_fail(error, LS_ERROR_USAGE, "the ledger has no definitions");
    if (!is_there(ledger, row))
        return ls_fail(error, LS_ERROR_USAGE, "there is no contact in this row");
    int status = ls_check_instant(at, error);
    if (status == LS_OK && LS_UNLIKELY(!ledger->listed))
        status = check_lists(ledger, error);
    if (status == LS_OK && LS_UNLIKELY(ledger->unreadable))
        status = check_cells(ledger, row, error);
    return status;
}

int ls_ledger_score(ls_ledger *ledger, size_t row, int64_t at, ls_score *out, ls_error *error)
{
    const ls_plan *plan = ledger->plan;
    ls_bound *bound = &ledger->bound;
    int status = check_question(ledger, row, at, error);
    if (status == LS_OK)
        status = ls_bound_update(bound, at, ls_ledger_event_count(ledger, row), error);
    if (status != LS_OK)
        return status;
    bool flagged = false;
    for (size_t i = 0; i < plan->count; i++) {
        uint32_t definition = plan->order[i];
        ls_kernel_one(&bound->bindings[definition], bound->columns, row, &bound->scratch);
        flagged = flagged || (bound->columns[definition].flags[0] & LS_FLAG_WALK) != 0;
    }
    if (flagged)
        return ls_bound_walk(bound, row, at, out, error);
    for (size_t i = 0; i < plan->count; i++)
        ls_columns_get(plan, bound->columns, i, 0, &out[i]);
    return LS_OK;
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
