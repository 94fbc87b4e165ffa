/* What becomes of new texts when a dictionary is full, whatever hostile values come in: those that
 * all definitions answer alike share a code. Where that cannot be known, values are lost, and the
 * contacts that have such a value are not scored, rather than scored wrongly. */
#include "ls_ledger.h"

/* Codes that stand for others, of a column. */
#define MOST_CLASSES 4096

/* No value begins with a space: they are trimmed. */
static const ls_string lost_text = {" (lost)", 7};

bool ls_ledger_is_full(const ls_ledger *ledger, const ls_column *column, size_t length)
{
    const ls_dictionary *texts = &column->dictionary;
    const ls_ledger_classes *classes = column->classes;
    size_t shared = classes != NULL ? classes->count + (classes->lost != 0) : 0;
    return texts->count - shared > ledger->options.max_values ||
           texts->byte_count + length > ledger->options.max_bytes;
}

bool ls_ledger_stands(const ls_column *column, uint32_t code)
{
    const ls_ledger_classes *classes = column->classes;
    bool stands = classes != NULL && code != 0 && classes->lost == code;
    for (size_t i = 0; classes != NULL && i < classes->count && !stands; i++)
        stands = classes->codes[i] == code;
    return stands;
}

void ls_ledger_classes_free(ls_ledger *ledger, ls_column *column)
{
    if (column->classes == NULL)
        return;
    ls_free(ledger->context, column->classes->codes,
            column->classes->capacity * sizeof *column->classes->codes);
    ls_free(ledger->context, column->classes, sizeof *column->classes);
    column->classes = NULL;
}

/* ---- the classes of a text ------------------------------------------------------------------- */

static bool names_event(const ls_occurrences *occurrences, ls_string name)
{
    for (size_t i = 0; i < occurrences->event_count; i++)
        if (ls_string_equal(occurrences->events[i], name.text, name.length))
            return true;
    return false;
}

/* An event that some definition names is told from all others. */
static bool is_named(const ls_ledger *ledger, ls_string name)
{
    const ls_bound *bound = &ledger->bound;
    for (size_t i = 0; i < bound->count; i++)
        for (size_t j = 0; j < bound->bindings[i].spec_count; j++)
            if (bound->bindings[i].specs[j].occurrences != NULL &&
                names_event(bound->bindings[i].specs[j].occurrences, name))
                return true;
    return false;
}

/* How the tables of a column answer a text. */
typedef struct answers {
    size_t count;  /* of ledger->tuple: classes by table */
    bool lost;     /* some table tells texts apart by more than its classes */
    bool is_alone; /* no text there answers like it */
} answers;

static int classify(ls_ledger *ledger, const ls_column *column, ls_string text, answers *out)
{
    const ls_answers *all = &ledger->bound.answers;
    *out = (answers){0, false, false};
    for (size_t i = 0; i < all->table_count; i++) {
        const ls_property_table *table = &all->tables[i];
        if (table->column != column)
            continue;
        out->lost = out->lost || table->moves || table->folds || table->numeric;
        if (ls_grow(ledger->context, &ledger->tuple, &ledger->tuple_capacity, out->count + 1,
                    sizeof *ledger->tuple) != LS_OK ||
            ls_answers_classify(all, table, text, &ledger->tuple[out->count]) != LS_OK)
            return LS_ERROR_MEMORY;
        out->is_alone = out->is_alone || ledger->tuple[out->count++] == LS_NO_CLASS;
    }
    return LS_OK;
}

/* Whether every table answers the code as it answers the text that was classified. */
static bool answers_alike(const ls_ledger *ledger, const ls_column *column, uint32_t code)
{
    const ls_answers *all = &ledger->bound.answers;
    size_t place = 0;
    for (size_t i = 0; i < all->table_count; i++)
        if (all->tables[i].column == column &&
            all->tables[i].classes[code] != ledger->tuple[place++])
            return false;
    return true;
}

/* ---- codes ----------------------------------------------------------------------------------- */

static int lose(ls_ledger *ledger, ls_column *column, uint32_t *out)
{
    *out = ls_dictionary_add(&column->dictionary, lost_text.text, lost_text.length);
    if (*out == LS_NO_CODE)
        return LS_ERROR_MEMORY;
    if (column->classes->lost == 0)
        ledger->bound.texts++;
    column->classes->lost = *out;
    ledger->losses = true;
    return LS_OK;
}

/* A text that is kept although its column is full: as one of those that stand for others, or (an
 * event that is named) for itself alone. */
static int keep(ls_ledger *ledger, ls_column *column, ls_string text, bool alone, uint32_t *out)
{
    ls_ledger_classes *classes = column->classes;
    if (!alone && ls_grow(ledger->context, &classes->codes, &classes->capacity, classes->count + 1,
                          sizeof *classes->codes) != LS_OK)
        return LS_ERROR_MEMORY;
    *out = ls_dictionary_add(&column->dictionary, text.text, text.length);
    if (*out == LS_NO_CODE)
        return LS_ERROR_MEMORY;
    ledger->bound.texts++;
    if (!alone)
        classes->codes[classes->count++] = *out;
    return ls_column_check(ledger->context, column, *out);
}

static int find_class(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out)
{
    const ls_ledger_classes *classes = column->classes;
    answers answers;
    if (column == &ledger->dataset->events.event && is_named(ledger, text))
        return keep(ledger, column, text, true, out);
    if (classify(ledger, column, text, &answers) != LS_OK)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < classes->count && !answers.lost && !answers.is_alone; i++) {
        *out = classes->codes[i];
        if (answers_alike(ledger, column, *out))
            return LS_OK;
    }
    if (answers.lost || classes->count == MOST_CLASSES)
        return lose(ledger, column, out);
    return keep(ledger, column, text, false, out);
}

int ls_ledger_class(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out,
                    ls_error *error)
{
    if (column->classes == NULL)
        column->classes = ls_allocate_zero(ledger->context, 1, sizeof *column->classes);
    if (column->classes == NULL)
        return ls_fail_memory(error);
    /* Answers must know every code that the text may be like. */
    int status =
        ledger->plan != NULL ? ls_bound_update(&ledger->bound, ledger->bound.at, 0, error) : LS_OK;
    if (status != LS_OK)
        return status;
    return find_class(ledger, column, text, out) == LS_OK ? LS_OK : ls_fail_memory(error);
}

/* ---- what was lost --------------------------------------------------------------------------- */

static bool is_lost(const ls_column *column, size_t place)
{
    return column->classes != NULL && column->classes->lost != 0 && column->types != 0 &&
           ls_column_code(column, place) == column->classes->lost;
}

static int fail_lost(const ls_ledger *ledger, const ls_column *column, ls_error *error)
{
    return ls_fail(error, LS_ERROR_INPUT,
                   "%.*s: a value was not kept, since more than %u different ones came",
                   (int)column->name.length, column->name.text, ledger->options.max_values);
}

int ls_ledger_check_lost(const ls_ledger *ledger, size_t row, ls_error *error)
{
    const ls_table *table = ls_ledger_table(ledger);
    const ls_events *events = &ledger->dataset->events;
    for (size_t i = 0; i < table->column_count; i++)
        if (is_lost(&table->columns[i], row))
            return fail_lost(ledger, &table->columns[i], error);
    for (uint64_t e = events->first[row]; e < events->ends[row]; e++) {
        if (is_lost(&events->event, (size_t)e))
            return fail_lost(ledger, &events->event, error);
        for (size_t i = 0; i < events->column_count; i++)
            if (is_lost(&events->columns[i], (size_t)e))
                return fail_lost(ledger, &events->columns[i], error);
    }
    return LS_OK;
}

/* Values that nobody has any more stay known until a column is collected. */

static bool column_has(const ls_ledger *ledger, const ls_column *column, const uint8_t *wanted)
{
    const ls_events *events = &ledger->dataset->events;
    const bool of_events = ls_ledger_is_of_events(ledger, column);
    for (size_t row = 0; row < ls_ledger_table(ledger)->count; row++) {
        if (!ls_ledger_is_there(ledger, row))
            continue;
        size_t begin = of_events ? (size_t)events->first[row] : row;
        size_t end = of_events ? (size_t)events->ends[row] : row + 1;
        for (size_t i = begin; i < end; i++)
            if (wanted[ls_column_code(column, i)] != 0)
                return true;
    }
    return false;
}

/* Whether some contact has a value that was lost, or (shared) one that stands for others. */
static bool is_had(const ls_ledger *ledger, const ls_column *column, bool shared)
{
    const ls_ledger_classes *classes = column->classes;
    if (classes == NULL || (classes->lost == 0 && (!shared || classes->count == 0)))
        return false;
    uint8_t *wanted = ls_allocate_zero(ledger->context, column->dictionary.count, 1);
    if (wanted == NULL)
        return true;
    wanted[classes->lost] = 1;
    for (size_t i = 0; shared && i < classes->count; i++)
        wanted[classes->codes[i]] = 1;
    wanted[0] = 0;
    bool had = column_has(ledger, column, wanted);
    ls_free(ledger->context, wanted, column->dictionary.count);
    return had;
}

bool ls_ledger_is_classed(const ls_ledger *ledger, const ls_column *column)
{
    return column != NULL && is_had(ledger, column, true);
}

bool ls_ledger_serves(const ls_ledger *ledger, size_t definition, char why[LS_ERROR_TEXT])
{
    const ls_definition *asked = &ledger->plan->definitions[definition];
    for (size_t i = 0; i < asked->property_count; i++) {
        const ls_property *property = &asked->properties[i];
        const ls_column *column =
            ls_dataset_property(ledger->dataset, property->owner, property->name);
        if (column == NULL || !is_had(ledger, column, false))
            continue;
        ls_error error;
        fail_lost(ledger, column, &error);
        if (why != NULL)
            memcpy(why, error.message, LS_ERROR_TEXT);
        return false;
    }
    return true;
}
