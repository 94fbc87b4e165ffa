/* Contacts: their ids and rows. The row of a contact that is forgotten is free for another one. Ids
 * are texts of a dictionary that only grows; when most of them are of nobody, those of contacts
 * that are there go into a new one. */
#include "ls_ledger.h"

/* Ids of nobody that are not worth a new dictionary. */
#define FEW_IDS 1024

uint32_t ls_ledger_row(const ls_ledger *ledger, ls_string id)
{
    const ls_dictionary *ids = &ls_ledger_table(ledger)->id.dictionary;
    uint32_t code = id.length != 0 ? ls_dictionary_find(ids, id.text, id.length) : LS_NO_CODE;
    return code < ledger->row_of_count ? ledger->row_of[code] : LS_NO_ROW;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static int copy_ids(const ls_ledger *ledger, ls_dictionary *ids, uint32_t *rows, uint32_t *codes)
{
    const ls_table *table = ls_ledger_table(ledger);
    for (size_t row = 0; row < table->count; row++) {
        uint32_t code = ls_column_code(&table->id, row);
        codes[row] = 0;
        if (code == 0)
            continue;
        ls_string id = ls_dictionary_text(&table->id.dictionary, code);
        codes[row] = ls_dictionary_add(ids, id.text, id.length);
        if (codes[row] == LS_NO_CODE)
            return LS_ERROR_MEMORY;
        rows[codes[row]] = (uint32_t)row;
    }
    return LS_OK;
}

static void use_ids(ls_ledger *ledger, const ls_dictionary *ids, const uint32_t *codes)
{
    ls_table *table = ls_ledger_table(ledger);
    ls_dictionary_free(&table->id.dictionary);
    table->id.dictionary = *ids;
    for (size_t row = 0; row < table->count; row++)
        ls_column_put(&table->id, row, codes[row]);
    ledger->bound.texts++;
    ls_bound_forget(&ledger->bound, &table->id);
}

/* Where memory is short, ids of nobody stay until another time. */
static void drop_ids(ls_ledger *ledger)
{
    ls_table *table = ls_ledger_table(ledger);
    ls_context *context = ledger->context;
    size_t count = ledger->contacts + 1;
    ls_dictionary ids = {.context = context};
    uint32_t *rows = ls_allocate(context, count * sizeof *rows);
    uint32_t *codes = ls_allocate(context, (table->count + 1) * sizeof *codes);
    bool made = rows != NULL && codes != NULL &&
                ls_dictionary_init(&ids, context, ledger->dataset->seed) == LS_OK;
    if (made)
        rows[0] = LS_NO_ROW;
    if (made && copy_ids(ledger, &ids, rows, codes) == LS_OK) {
        use_ids(ledger, &ids, codes);
        ls_free(context, ledger->row_of, ledger->row_of_capacity * sizeof *ledger->row_of);
        ledger->row_of = rows;
        ledger->row_of_count = ledger->row_of_capacity = count;
    } else {
        if (made)
            ls_dictionary_free(&ids);
        ls_free(context, rows, count * sizeof *rows);
    }
    ls_free(context, codes, (table->count + 1) * sizeof *codes);
}

/* The code of an id, and its place in row_of. */
static int code_id(ls_ledger *ledger, ls_string id, uint32_t *out, ls_error *error)
{
    ls_column *column = &ls_ledger_table(ledger)->id;
    ls_type type = ls_unreadable_type(column->types, id);
    if (ls_check_zero((ls_string){"contact_id", 10}, id, error) != LS_OK)
        return LS_ERROR_INPUT;
    if (type != LS_POINTS) {
        char text[LS_ERROR_TEXT];
        ls_bad_cell_text(column->name, id, type, text);
        return ls_fail(error, LS_ERROR_INPUT, "%s", text);
    }
    if (column->dictionary.count / 2 > ledger->contacts + FEW_IDS)
        drop_ids(ledger);
    *out = ls_dictionary_add(&column->dictionary, id.text, id.length);
    size_t count = column->dictionary.count;
    if (*out == LS_NO_CODE || ls_column_check(ledger->context, column, *out) != LS_OK ||
        ls_grow(ledger->context, &ledger->row_of, &ledger->row_of_capacity, count,
                sizeof *ledger->row_of) != LS_OK)
        return ls_fail_memory(error);
    for (; ledger->row_of_count < count; ledger->row_of_count++)
        ledger->row_of[ledger->row_of_count] = LS_NO_ROW;
    ledger->bound.texts += column->types != 0; /* else no definition reads it */
    return LS_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The arrays that have a place for every row. */
typedef struct row_array {
    void *array; /* where its address is */
    size_t size; /* of a place */
} row_array;

static void list_arrays(ls_ledger *ledger, row_array arrays[LS_ROW_ARRAYS])
{
    ls_events *events = &ledger->dataset->events;
    arrays[0] = (row_array){&events->first, sizeof *events->first};
    arrays[1] = (row_array){&events->ends, sizeof *events->ends};
    arrays[2] = (row_array){&ledger->spans.sizes, sizeof *ledger->spans.sizes};
    arrays[3] = (row_array){&ledger->born, sizeof *ledger->born};
    arrays[4] = (row_array){&ledger->marks, sizeof *ledger->marks};
    arrays[5] = (row_array){&ledger->ids.first, sizeof *ledger->ids.first};
}

static int reserve_lists(ls_ledger *ledger, size_t count)
{
    ls_dataset *dataset = ledger->dataset;
    for (size_t i = 0; i < dataset->list_count; i++) {
        struct ls_list_rows *of = &dataset->lists[i].of[LS_CONTACT];
        size_t before = of->word_count;
        if (ls_grow(ledger->context, &of->rows, &of->word_count, count / 64 + 1,
                    sizeof *of->rows) != LS_OK)
            return LS_ERROR_MEMORY;
        memset(of->rows + before, 0, (of->word_count - before) * sizeof *of->rows);
    }
    return LS_OK;
}

/* Room for so many rows in everything that is by row. */
int ls_ledger_reserve_rows(ls_ledger *ledger, size_t count)
{
    row_array arrays[LS_ROW_ARRAYS];
    ls_table *table = ls_ledger_table(ledger);
    int status = count < LS_NO_ROW ? LS_OK : LS_ERROR_MEMORY;
    list_arrays(ledger, arrays);
    for (size_t i = 0; i < LS_ROW_ARRAYS && status == LS_OK; i++)
        status = ls_grow(ledger->context, arrays[i].array, &ledger->row_capacities[i], count,
                         arrays[i].size);
    if (status == LS_OK)
        status = ls_column_reserve(ledger->context, &table->id, count, 0);
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++)
        status = ls_column_reserve(ledger->context, &table->columns[i], count, 0);
    return status == LS_OK ? reserve_lists(ledger, count) : status;
}

/* A row of nobody's; nothing is taken yet: that is take_row's. */
static int reserve_row(ls_ledger *ledger, uint32_t code)
{
    ls_table *table = ls_ledger_table(ledger);
    if (ledger->free_row == LS_NO_ROW && ls_ledger_reserve_rows(ledger, table->count + 1) != LS_OK)
        return LS_ERROR_MEMORY;
    return ls_column_reserve(ledger->context, &table->id, table->count + 1, code);
}

static uint32_t take_row(ls_ledger *ledger)
{
    ls_table *table = ls_ledger_table(ledger);
    uint32_t row = ledger->free_row;
    if (row != LS_NO_ROW) {
        ledger->free_row = (uint32_t)ledger->dataset->events.first[row];
        return row;
    }
    row = (uint32_t)table->count++;
    table->id.count = table->count;
    for (size_t i = 0; i < table->column_count; i++) {
        table->columns[i].count = table->count;
        ls_column_put(&table->columns[i], row, 0);
    }
    return row;
}

static void join_lists(ls_ledger *ledger, size_t row, ls_string id)
{
    for (size_t i = 0; i < ledger->dataset->list_count; i++) {
        const ls_ledger_members *list = &ledger->lists[i];
        uint32_t code = ls_dictionary_find(&list->ids, id.text, id.length);
        if (code != LS_NO_CODE && !list->dropped[code])
            ledger->dataset->lists[i].of[LS_CONTACT].rows[row / 64] |= UINT64_C(1) << row % 64;
    }
}

uint32_t ls_ledger_begin(ls_ledger *ledger, ls_string id, ls_error *error)
{
    ls_events *events = &ledger->dataset->events;
    uint32_t row = ls_ledger_row(ledger, id), code = 0;
    if (row != LS_NO_ROW || code_id(ledger, id, &code, error) != LS_OK)
        return row;
    if (reserve_row(ledger, code) != LS_OK) {
        ls_fail_memory(error);
        return LS_NO_ROW;
    }
    row = take_row(ledger);
    ls_column_put(&ls_ledger_table(ledger)->id, row, code);
    ledger->row_of[code] = row;
    events->first[row] = events->ends[row] = 0;
    ledger->spans.sizes[row] = LS_NO_SPAN;
    ledger->born[row] = ledger->births++;
    ledger->marks[row] = 0;
    ledger->ids.first[row] = LS_NO_ID;
    ls_ledger_touch(ledger, row, 0);
    ledger->contacts++;
    join_lists(ledger, row, id);
    return row;
}

/* ---- forgetting ------------------------------------------------------------------------------ */

void ls_ledger_leave_lists(ls_ledger *ledger, ls_string id)
{
    for (size_t i = 0; i < ledger->dataset->list_count; i++) {
        const ls_ledger_members *list = &ledger->lists[i];
        uint32_t code = ls_dictionary_find(&list->ids, id.text, id.length);
        if (code != LS_NO_CODE && code != 0)
            list->dropped[code] = 1;
    }
}

void ls_ledger_vacate(ls_ledger *ledger, size_t row)
{
    ls_table *table = ls_ledger_table(ledger);
    uint32_t code = ls_column_code(&table->id, row);
    ls_ledger_release(ledger, row);
    ls_ledger_forget_ids(ledger, row);
    ls_ledger_set_folded(ledger, row, NULL);
    ledger->row_of[code] = LS_NO_ROW;
    ls_column_put(&table->id, row, 0);
    for (size_t i = 0; i < table->column_count; i++)
        ls_column_put(&table->columns[i], row, 0);
    for (size_t i = 0; i < ledger->dataset->list_count; i++)
        ledger->dataset->lists[i].of[LS_CONTACT].rows[row / 64] &= ~(UINT64_C(1) << row % 64);
    ledger->marks[row] = 0;
    if (ledger->watch != NULL)
        ls_watch_end(ledger->watch, row);
    ledger->dataset->events.first[row] = ledger->dataset->events.ends[row] = ledger->free_row;
    ledger->free_row = (uint32_t)row;
    ledger->contacts--;
}

void ls_ledger_rows_free(ls_ledger *ledger)
{
    row_array arrays[LS_ROW_ARRAYS];
    list_arrays(ledger, arrays);
    for (size_t i = 0; i < LS_ROW_ARRAYS; i++) {
        void *array; /* copied: the arrays have their own types */
        memcpy(&array, arrays[i].array, sizeof array);
        ls_free(ledger->context, array, ledger->row_capacities[i] * arrays[i].size);
        array = NULL;
        memcpy(arrays[i].array, &array, sizeof array);
    }
    ls_free(ledger->context, ledger->row_of, ledger->row_of_capacity * sizeof *ledger->row_of);
}
