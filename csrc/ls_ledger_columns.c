/* The columns of a ledger: which properties are kept, and how definitions read them. */
#include "ls_ledger.h"

/* Properties of contacts, or of events, that are kept. */
#define MOST_COLUMNS 10000

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

const ls_property *ls_ledger_missing(const ls_ledger *ledger, const ls_plan *plan,
                                     size_t *definition)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    for (*definition = 0; plan != NULL && *definition < plan->count; ++*definition) {
        const ls_definition *of = &plan->definitions[*definition];
        for (size_t i = 0; i < of->property_count; i++) {
            const ls_property *property = &of->properties[i];
            const bool of_event = property->owner == LS_EVENT;
            size_t count = of_event ? events->column_count : table->column_count;
            if (has_own_column(property) && find_column(of_event ? events->columns : table->columns,
                                                        count, property->name) == LS_NO_COLUMN)
                return property;
        }
    }
    return NULL;
}

int ls_ledger_add_columns(ls_ledger *ledger, const ls_plan *plan)
{
    size_t definition;
    const ls_property *missing;
    while ((missing = ls_ledger_missing(ledger, plan, &definition)) != NULL)
        if (add_column(ledger, missing->owner, missing->name) != LS_OK)
            return LS_ERROR_MEMORY;
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
int ls_ledger_read_as(ls_ledger *ledger, const ls_plan *plan)
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
