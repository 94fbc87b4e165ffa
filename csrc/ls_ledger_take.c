/* Takes what comes of contacts: events and properties. */
#include "ls_ledger.h"

#include "ls_coder.h"
#include "ls_text.h"
#include "ls_time.h"

/* ---- texts ----------------------------------------------------------------------------------- */

static int refuse_text(const ls_column *column, ls_string text, ls_type type, ls_error *error)
{
    char message[LS_ERROR_TEXT];
    ls_bad_cell_text(column->name, text, type, message);
    return ls_fail(error, LS_ERROR_INPUT, "%s", message);
}

/* A text that was not seen before is coded if it can be read. */
static int code_new_text(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out,
                         ls_error *error)
{
    ls_type type = ls_unreadable_type(column->types, text);
    if (ls_check_zero(column->name, text, error) != LS_OK)
        return LS_ERROR_INPUT;
    if (type != LS_POINTS && !ledger->lenient)
        return refuse_text(column, text, type, error);
    if (LS_UNLIKELY(ls_ledger_is_full(ledger, column, text.length)))
        return ls_ledger_class(ledger, column, text, out, error);
    *out = ls_dictionary_add(&column->dictionary, text.text, text.length);
    if (*out == LS_NO_CODE || ls_column_check(ledger->context, column, *out) != LS_OK)
        return ls_fail_memory(error);
    ledger->bound.texts++;
    ledger->unreadable = ledger->unreadable || type != LS_POINTS;
    return LS_OK;
}

int ls_ledger_code(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out)
{
    uint32_t before = column->dictionary.count;
    *out = ls_dictionary_add(&column->dictionary, text.text, text.length);
    if (*out == LS_NO_CODE)
        return LS_ERROR_MEMORY;
    if (*out < before)
        return LS_OK;
    ledger->bound.texts++;
    if (ls_column_check(ledger->context, column, *out) != LS_OK)
        return LS_ERROR_MEMORY;
    ledger->unreadable = ledger->unreadable || ls_column_unreadable(column, *out);
    return LS_OK;
}

int ls_ledger_code_text(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out,
                        ls_error *error)
{
    text = ls_trimmed(text);
    *out = ls_dictionary_find(&column->dictionary, text.text, text.length);
    if (LS_UNLIKELY(*out == LS_NO_CODE))
        return code_new_text(ledger, column, text, out, error);
    if (LS_UNLIKELY(ls_column_unreadable(column, *out)) && !ledger->lenient)
        return refuse_text(column, text, ls_unreadable_type(column->types, text), error);
    return LS_OK;
}

/* The same where nothing is coded for the column yet. */
static int code_text(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out,
                     ls_error *error)
{
    text = ls_trimmed(text);
    *out = ls_dictionary_find(&column->dictionary, text.text, text.length);
    if (LS_UNLIKELY(*out == LS_NO_CODE))
        ls_ledger_collect(ledger, column);
    else if (LS_LIKELY(!ls_column_unreadable(column, *out)))
        return LS_OK;
    return ls_ledger_code_text(ledger, column, text, out, error);
}

/* Which column a value is for; an event's own id has one only where definitions read it. */
LS_INLINE size_t column_of(const ls_ledger *ledger, const ls_ledger_value *value)
{
    return value->field == LS_SCORER_ID ? ledger->id_column : value->field;
}

/* The codes of values, and columns as wide as they want. */
static int code_values(ls_ledger *ledger, ls_column *columns, const ls_ledger_value *values,
                       size_t count, size_t rows, size_t *bad, ls_error *error)
{
    *bad = count;
    if (ls_grow(ledger->context, &ledger->codes, &ledger->code_capacity, count,
                sizeof *ledger->codes) != LS_OK)
        return ls_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        size_t index = column_of(ledger, &values[i]);
        if (index == LS_NO_COLUMN)
            continue;
        ls_column *column = &columns[index];
        ls_string text = {values[i].text, values[i].length};
        *bad = i;
        int status = code_text(ledger, column, text, &ledger->codes[i], error);
        if (status != LS_OK)
            return status;
        if (ls_column_reserve(ledger->context, column, rows, ledger->codes[i]) != LS_OK)
            return ls_fail_memory(error);
    }
    *bad = count;
    return LS_OK;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int check_event(const ls_ledger_event *event, ls_error *error)
{
    if (event->contact.length == 0)
        return ls_fail(error, LS_ERROR_INPUT, "contact_id: expected an id, got an empty text");
    if (event->name.length == 0)
        return ls_fail(error, LS_ERROR_INPUT, "event: expected a name, got an empty text");
    if (event->at < LS_TIME_MIN || event->at > LS_TIME_MAX)
        return ls_fail(error, LS_ERROR_INPUT, "at: expected an instant of the years 1 to 9999");
    return LS_OK;
}

/* Everything that an event needs but its contact. */
static int prepare_event(ls_ledger *ledger, const ls_ledger_event *event, uint32_t *name,
                         size_t *bad, ls_error *error)
{
    ls_events *events = &ledger->dataset->events;
    const size_t room = (size_t)ledger->spans.room;
    const bool narrow = event->at >= LS_EVENT_BASE && event->at - LS_EVENT_BASE <= UINT32_MAX;
    *bad = event->count;
    int status = check_event(event, error);
    if (status == LS_OK)
        status = code_text(ledger, &events->event, event->name, name, error);
    if (status == LS_OK)
        status =
            code_values(ledger, events->columns, event->values, event->count, room, bad, error);
    if (status != LS_OK)
        return status;
    if (ls_column_reserve(ledger->context, &events->event, room, *name) != LS_OK ||
        (!narrow && ls_ledger_widen(ledger) != LS_OK))
        return ls_fail_memory(error);
    return LS_OK;
}

/* The contact with room for one more event. */
static uint32_t prepare_contact(ls_ledger *ledger, ls_string id, ls_error *error)
{
    uint32_t row = ls_ledger_row(ledger, id);
    const bool begins = row == LS_NO_ROW;
    if (begins)
        row = ls_ledger_begin(ledger, id, error);
    if (row != LS_NO_ROW && ls_ledger_reserve(ledger, row, 1) != LS_OK) {
        if (begins)
            ls_ledger_vacate(ledger, row);
        ls_fail_memory(error);
        return LS_NO_ROW;
    }
    return row;
}

static void write_event(ls_ledger *ledger, uint32_t row, uint32_t name,
                        const ls_ledger_event *event)
{
    ls_events *events = &ledger->dataset->events;
    const size_t slot = (size_t)events->ends[row]++;
    if (events->wide)
        ((int64_t *)events->times)[slot] = event->at;
    else
        ((uint32_t *)events->times)[slot] = (uint32_t)(event->at - LS_EVENT_BASE);
    ls_column_put(&events->event, slot, name);
    for (size_t i = 0; i < events->column_count; i++)
        ls_column_put(&events->columns[i], slot, 0);
    for (size_t i = 0; i < event->count; i++) {
        size_t index = column_of(ledger, &event->values[i]);
        if (index != LS_NO_COLUMN)
            ls_column_put(&events->columns[index], slot, ledger->codes[i]);
    }
    ledger->events++;
}

/* *named: the event has an id; *bad as for ls_ledger_take. */
static int find_identity(const ls_ledger_event *event, uint64_t identity[2], bool *named,
                         size_t *bad, ls_error *error)
{
    *named = false;
    for (*bad = 0; *bad < event->count; (*bad)++) {
        ls_string id = {event->values[*bad].text, event->values[*bad].length};
        if (event->values[*bad].field != LS_SCORER_ID)
            continue;
        if (ls_check_zero((ls_string){"id", 2}, id, error) != LS_OK)
            return LS_ERROR_INPUT;
        *named = ls_ledger_identify(id, identity);
        break;
    }
    return LS_OK;
}

int ls_ledger_take(ls_ledger *ledger, const ls_ledger_event *event, bool *repeated, size_t *bad,
                   ls_error *error)
{
    ls_ledger_event taken = *event;
    uint32_t name = 0;
    *repeated = false;
    taken.contact = ls_trimmed(event->contact);
    taken.name = ls_trimmed(event->name);
    int status = prepare_event(ledger, &taken, &name, bad, error);
    if (status != LS_OK)
        return status;
    uint64_t identity[2];
    bool named;
    if (find_identity(event, identity, &named, bad, error) != LS_OK)
        return LS_ERROR_INPUT;
    *bad = event->count;
    uint32_t row = named ? ls_ledger_row(ledger, taken.contact) : LS_NO_ROW;
    *repeated = row != LS_NO_ROW && ls_ledger_knows(ledger, row, identity, event->now);
    if (*repeated)
        return LS_OK;
    if (named && ls_ledger_reserve_id(ledger, event->now) != LS_OK)
        return ls_fail_memory(error);
    row = prepare_contact(ledger, taken.contact, error);
    if (row == LS_NO_ROW)
        return error != NULL ? (int)error->status : LS_ERROR_MEMORY;
    write_event(ledger, row, name, &taken);
    if (named)
        ls_ledger_note_id(ledger, row, identity, event->now);
    ls_ledger_touch(ledger, row, LS_WHY_EVENT);
    return LS_OK;
}

/* ---- properties ------------------------------------------------------------------------------ */

int ls_ledger_put(ls_ledger *ledger, ls_string contact, const ls_ledger_value *values, size_t count,
                  size_t *bad, ls_error *error)
{
    ls_table *table = ls_ledger_table(ledger);
    ls_string id = ls_trimmed(contact);
    *bad = count;
    if (id.length == 0)
        return ls_fail(error, LS_ERROR_INPUT, "contact_id: expected an id, got an empty text");
    int status = code_values(ledger, table->columns, values, count, table->count + 1, bad, error);
    if (status != LS_OK)
        return status;
    const bool begins = ls_ledger_row(ledger, id) == LS_NO_ROW;
    uint32_t row = ls_ledger_begin(ledger, id, error);
    if (row == LS_NO_ROW)
        return error != NULL ? (int)error->status : LS_ERROR_MEMORY;
    bool changed = begins;
    for (size_t i = 0; i < count; i++) {
        ls_column *column = &table->columns[values[i].field];
        bool other = ls_column_code(column, row) != ledger->codes[i];
        changed = changed || other;
        ledger->removed += other;
        ls_column_put(column, row, ledger->codes[i]);
    }
    if (changed)
        ls_ledger_touch(ledger, row, LS_WHY_PROPERTY);
    return LS_OK;
}
