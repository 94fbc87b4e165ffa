/* Texts that nobody has any more: contacts are forgotten and properties change, while dictionaries
 * only grow. Those that are in use go into a new one, which costs as much as there are values, so
 * it is done when at least as much has come or gone since. */
#include "ls_ledger.h"

/* Texts that are not worth it. */
#define FEW_TEXTS 1024

/* What is needed for a new dictionary. */
typedef struct collecting {
    ls_ledger *ledger;
    ls_column *column;
    bool of_events;
    uint32_t count;  /* codes of the old dictionary */
    uint32_t *codes; /* by old code: the new one; 0: it is not used */
    ls_dictionary texts;
} collecting;

bool ls_ledger_is_of_events(const ls_ledger *ledger, const ls_column *column)
{
    const ls_events *events = &ledger->dataset->events;
    for (size_t i = 0; i < events->column_count; i++)
        if (column == &events->columns[i])
            return true;
    return column == &events->event;
}

static bool is_worth_it(const ls_ledger *ledger, const ls_column *column)
{
    uint64_t values = ls_ledger_is_of_events(ledger, column) ? ledger->events : ledger->contacts;
    if (column->dictionary.count / 2 > values + FEW_TEXTS)
        return true;
    uint64_t before = column->classes != NULL ? column->classes->removed : 0;
    uint64_t cells = ledger->events + ledger->contacts;
    return ls_ledger_is_full(ledger, column, 0) && ledger->removed - before > cells / 8 + 16;
}

/* Calls use for every value of the column. */
LS_INLINE void each_value(const collecting *collecting,
                          void (*use)(const struct collecting *, size_t))
{
    const ls_events *events = &collecting->ledger->dataset->events;
    for (size_t row = 0; row < ls_ledger_table(collecting->ledger)->count; row++) {
        if (!ls_ledger_is_there(collecting->ledger, row))
            continue;
        if (!collecting->of_events)
            use(collecting, row);
        for (uint64_t e = events->first[row]; collecting->of_events && e < events->ends[row]; e++)
            use(collecting, (size_t)e);
    }
}

static void mark(const collecting *collecting, size_t place)
{
    collecting->codes[ls_column_code(collecting->column, place)] = 1;
}

static void recode(const collecting *collecting, size_t place)
{
    uint32_t code = ls_column_code(collecting->column, place);
    ls_column_put(collecting->column, place, collecting->codes[code]);
}

/* The new dictionary; what failed leaves the column as it was. */
static int copy_texts(collecting *collecting)
{
    const ls_dictionary *texts = &collecting->column->dictionary;
    if (ls_dictionary_init(&collecting->texts, collecting->ledger->context, texts->seed) != LS_OK)
        return LS_ERROR_MEMORY;
    collecting->codes[0] = 0;
    for (uint32_t code = 1; code < collecting->count; code++) {
        ls_string text = ls_dictionary_text(texts, code);
        if (collecting->codes[code] == 0)
            continue;
        collecting->codes[code] = ls_dictionary_add(&collecting->texts, text.text, text.length);
        if (collecting->codes[code] == LS_NO_CODE) {
            ls_dictionary_free(&collecting->texts);
            return LS_ERROR_MEMORY;
        }
    }
    return LS_OK;
}

static void recode_classes(const collecting *collecting)
{
    ls_ledger_classes *classes = collecting->column->classes;
    size_t kept = 0;
    if (classes == NULL)
        return;
    for (size_t i = 0; i < classes->count; i++) {
        uint32_t code = collecting->codes[classes->codes[i]];
        if (code != 0)
            classes->codes[kept++] = code;
    }
    classes->count = kept;
    classes->lost = collecting->codes[classes->lost];
}

/* What is known of codes is found out again; there is room for it. */
static void recheck(const collecting *collecting)
{
    ls_column *column = collecting->column;
    if (column->unreadable != NULL)
        memset(column->unreadable, 0, column->unreadable_count);
    for (uint32_t code = 1; code < column->dictionary.count; code++)
        (void)ls_column_check(collecting->ledger->context, column, code);
}

static void use_texts(const collecting *collecting)
{
    ls_ledger *ledger = collecting->ledger;
    ls_column *column = collecting->column;
    each_value(collecting, recode);
    recode_classes(collecting);
    ls_dictionary_free(&column->dictionary);
    column->dictionary = collecting->texts;
    recheck(collecting);
    ledger->bound.texts++;
    if (column == &ledger->dataset->events.event)
        ls_bound_drop(&ledger->bound); /* whose maps go by the codes of names */
    else
        ls_bound_forget(&ledger->bound, column);
}

void ls_ledger_collect(ls_ledger *ledger, ls_column *column)
{
    if (!is_worth_it(ledger, column))
        return;
    collecting collecting = {.ledger = ledger,
                             .column = column,
                             .of_events = ls_ledger_is_of_events(ledger, column),
                             .count = column->dictionary.count};
    collecting.codes =
        ls_allocate_zero(ledger->context, collecting.count, sizeof *collecting.codes);
    if (collecting.codes != NULL) {
        each_value(&collecting, mark);
        if (copy_texts(&collecting) == LS_OK)
            use_texts(&collecting);
    }
    ls_free(ledger->context, collecting.codes, collecting.count * sizeof *collecting.codes);
    if (column->classes != NULL)
        column->classes->removed = ledger->removed;
}
