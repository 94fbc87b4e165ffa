/* Takes a packed state into the ledger, in place of what it held of the contact. First the string
 * is verified as a whole and held against what definitions need, then texts are coded and room is
 * made; only when nothing can fail any more is something written. */
#include "ls_ledger.h"

#include "ls_coder.h"

#include "ls_time.h"

/* ---- what definitions need ------------------------------------------------------------------- */

static bool has_property(const ls_state *state, ls_string name)
{
    for (size_t i = 0; i < state->property_count; i++) {
        ls_string text = state->texts[state->properties[i].name];
        if (ls_string_equal(text, name.text, name.length)) {
            return true;
        }
    }
    return false;
}

static bool has_column(const ls_state *state, ls_string name)
{
    for (size_t i = 0; i < state->column_count; i++) {
        ls_string text = state->texts[state->columns[i]];
        if (ls_string_equal(text, name.text, name.length)) {
            return true;
        }
    }
    return false;
}

/* Of events the property "id" is kept only where a definition reads it. */
static bool is_held(const ls_state *state, const ls_property *property)
{
    ls_string name = property->name;
    bool id = ls_string_equal(name, "id", 2);
    if (property->owner == LS_EVENT) {
        return ls_string_equal(name, "event", 5) || ls_string_equal(name, "at", 2) ||
               (state->all && !id) || state->event_count + state->run_count == 0 ||
               has_column(state, name);
    }
    return state->all || id || has_property(state, name);
}

/* A property that was not kept when the state was made is not known to be empty. */
static int check_properties(const ls_state *state, const ls_plan *plan, ls_error *error)
{
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        for (size_t j = 0; j < definition->property_count; j++) {
            const ls_property *property = &definition->properties[j];
            size_t shown = property->name.length < 100 ? property->name.length : 100;
            if (!is_held(state, property)) {
                return ls_fail(error, LS_ERROR_INPUT,
                               "state: %s needs the property \"%.*s\"%s, which was not kept where "
                               "it was packed",
                               definition->name.text, (int)shown, property->name.text,
                               property->owner == LS_EVENT ? " of events" : "");
            }
        }
    }
    return LS_OK;
}

/* ---- texts become codes ---------------------------------------------------------------------- */

typedef struct unpacking {
    ls_ledger *ledger;
    ls_error *error;
    ls_state state;
    ls_folded *folded;
    size_t total;      /* events, those of runs too */
    uint32_t *columns; /* by property, then by property of events: of the ledger's columns */
    uint32_t *codes;   /* by property, then as state.shapes */
    size_t column_size, code_size;
} unpacking;

#define NO_COLUMN UINT32_MAX

/* Names that are no properties. */
static bool is_reserved(ls_object owner, ls_string name)
{
    return owner == LS_EVENT
               ? ls_string_equal(name, "event", 5) || ls_string_equal(name, "at", 2) ||
                     ls_string_equal(name, "contact_id", 10)
               : ls_string_equal(name, "id", 2);
}

static int find_column(unpacking *of, ls_object owner, uint32_t name, uint32_t *out)
{
    ls_string text = of->state.texts[name];
    size_t column;
    *out = NO_COLUMN;
    if (is_reserved(owner, text)) {
        return ls_fail(of->error, LS_ERROR_INPUT, "state: \"%.*s\" is no property",
                       (int)text.length, text.text);
    }
    if (owner == LS_EVENT && ls_string_equal(text, "id", 2) &&
        of->ledger->id_column == LS_NO_COLUMN) {
        return LS_OK;
    }
    int status = ls_ledger_column(of->ledger, owner, text, &column, of->error);
    if (status == LS_OK && column != LS_NO_COLUMN) {
        ls_dataset *dataset = of->ledger->dataset;
        ls_column *columns =
            owner == LS_EVENT ? dataset->events.columns : ls_ledger_table(of->ledger)->columns;
        ls_ledger_collect(of->ledger, &columns[column]); /* before anything is coded for it */
        *out = (uint32_t)column;
    }
    return status;
}

static int find_columns(unpacking *of)
{
    const ls_state *state = &of->state;
    size_t count = state->property_count;
    int status = LS_OK;
    of->column_size = (count + state->column_count + 1) * sizeof *of->columns;
    of->columns = ls_allocate_zero(of->ledger->context, 1, of->column_size);
    if (of->columns == NULL) {
        return ls_fail_memory(of->error);
    }
    ls_ledger_collect(of->ledger, &of->ledger->dataset->events.event);
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        status = find_column(of, LS_CONTACT, state->properties[i].name, &of->columns[i]);
    }
    for (size_t i = 0; i < state->column_count && status == LS_OK; i++) {
        status = find_column(of, LS_EVENT, state->columns[i], &of->columns[count + i]);
    }
    return status;
}

/* The code of a text of a column that has room for so many rows. */
static int code(unpacking *of, ls_column *column, size_t rows, uint32_t text, uint32_t *out)
{
    if (text == 0) {
        *out = 0;
        return LS_OK;
    }
    int status = ls_ledger_code_text(of->ledger, column, of->state.texts[text], out, of->error);
    if (status == LS_OK && ls_column_reserve(of->ledger->context, column, rows, *out) != LS_OK) {
        status = ls_fail_memory(of->error);
    }
    return status;
}

static int code_shape(unpacking *of, size_t shape, uint32_t *out)
{
    ls_events *events = &of->ledger->dataset->events;
    const uint32_t *columns = of->columns + of->state.property_count;
    const uint32_t *texts = ls_state_shape(&of->state, (uint32_t)shape);
    const size_t room = (size_t)of->ledger->spans.room;
    int status = code(of, &events->event, room, texts[0], &out[0]);
    for (size_t i = 0; i < of->state.column_count && status == LS_OK; i++) {
        if (columns[i] != NO_COLUMN) {
            status = code(of, &events->columns[columns[i]], room, texts[i + 1], &out[i + 1]);
        }
    }
    return status;
}

static int code_texts(unpacking *of)
{
    const ls_state *state = &of->state;
    const size_t width = state->column_count + 1, count = state->property_count;
    ls_table *table = ls_ledger_table(of->ledger);
    int status = LS_OK;
    of->code_size = (count + state->shape_count * width + 1) * sizeof *of->codes;
    of->codes = ls_allocate_zero(of->ledger->context, 1, of->code_size);
    if (of->codes == NULL) {
        return ls_fail_memory(of->error);
    }
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        if (of->columns[i] != NO_COLUMN) {
            status = code(of, &table->columns[of->columns[i]], table->count + 1,
                          state->properties[i].value, &of->codes[i]);
        }
    }
    for (size_t i = 0; i < state->shape_count && status == LS_OK; i++) {
        status = code_shape(of, i, of->codes + count + i * width);
    }
    return status;
}

/* ---- room ------------------------------------------------------------------------------------ */

static bool is_narrow(int64_t time)
{
    return time >= LS_EVENT_BASE && time - LS_EVENT_BASE <= UINT32_MAX;
}

/* They are in the order of time. */
static bool are_narrow(const ls_state_event *events, size_t count)
{
    return count == 0 || (is_narrow(events[0].time) && is_narrow(events[count - 1].time));
}

static int make_room(unpacking *of, size_t row)
{
    ls_ledger *ledger = of->ledger;
    const ls_state *state = &of->state;
    size_t there = ls_ledger_event_count(ledger, row);
    bool narrow =
        are_narrow(state->events, state->event_count) && are_narrow(state->runs, state->run_count);
    if ((!narrow && ls_ledger_widen(ledger) != LS_OK) ||
        (of->total > there && ls_ledger_reserve(ledger, row, of->total - there) != LS_OK) ||
        (of->folded && ls_ledger_reserve_folded(ledger, row) != LS_OK) ||
        ls_ledger_reserve_ids(ledger, state->id_count) != LS_OK) {
        return ls_fail_memory(of->error);
    }
    return LS_OK;
}

/* ---- writing: nothing fails here ------------------------------------------------------------- */

static void write_event(const unpacking *of, size_t slot, const ls_state_event *event)
{
    ls_events *events = &of->ledger->dataset->events;
    const size_t count = of->state.property_count, width = of->state.column_count + 1;
    const uint32_t *codes = of->codes + count + event->shape * width;
    if (events->wide) {
        ((int64_t *)events->times)[slot] = event->time;
    } else {
        ((uint32_t *)events->times)[slot] = (uint32_t)(event->time - LS_EVENT_BASE);
    }
    ls_column_put(&events->event, slot, codes[0]);
    for (size_t i = 0; i < events->column_count; i++) {
        ls_column_put(&events->columns[i], slot, 0);
    }
    for (size_t i = 1; i < width; i++) {
        uint32_t column = of->columns[count + i - 1];
        if (column != NO_COLUMN) {
            ls_column_put(&events->columns[column], slot, codes[i]);
        }
    }
}

static void write_events(const unpacking *of, size_t row)
{
    ls_ledger *ledger = of->ledger;
    ls_events *events = &ledger->dataset->events;
    const ls_state *state = &of->state;
    ledger->events -= ls_ledger_event_count(ledger, row);
    ledger->removed += ls_ledger_event_count(ledger, row) + 1;
    uint64_t slot = events->first[row];
    for (size_t i = 0; i < state->run_count; i++) {
        for (uint32_t k = 0; k < state->runs[i].count; k++) {
            write_event(of, (size_t)slot++, &state->runs[i]);
        }
    }
    for (size_t i = 0; i < state->event_count; i++) {
        write_event(of, (size_t)slot++, &state->events[i]);
    }
    events->ends[row] = slot;
    ledger->events += of->total;
}

static void write_properties(const unpacking *of, size_t row)
{
    ls_table *table = ls_ledger_table(of->ledger);
    for (size_t i = 0; i < table->column_count; i++) {
        ls_column_put(&table->columns[i], row, 0);
    }
    for (size_t i = 0; i < of->state.property_count; i++) {
        if (of->columns[i] != NO_COLUMN) {
            ls_column_put(&table->columns[of->columns[i]], row, of->codes[i]);
        }
    }
}

/* Whether the contact is in a list is the ledger's to know, but for one that was forgotten. */
static void write_lists(const unpacking *of, size_t row, ls_string id)
{
    const ls_ledger *ledger = of->ledger;
    for (size_t i = 0; i < ledger->dataset->list_count; i++) {
        const ls_ledger_members *list = &ledger->lists[i];
        uint64_t *rows = ledger->dataset->lists[i].of[LS_CONTACT].rows;
        uint32_t member = ls_dictionary_find(&list->ids, id.text, id.length);
        rows[row / 64] &= ~(UINT64_C(1) << row % 64);
        if (member != LS_NO_CODE && member != 0) {
            list->dropped[member] = of->state.unlisted;
            rows[row / 64] |= (uint64_t)!of->state.unlisted << row % 64;
        }
    }
}

static void write_ids(const unpacking *of, size_t row)
{
    const ls_state *state = &of->state;
    ls_ledger_forget_ids(of->ledger, row);
    for (size_t i = state->id_count; i-- > 0;) { /* in the order in which they came */
        ls_ledger_note_id(of->ledger, (uint32_t)row, state->ids[i].identity, state->ids[i].arrival);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int prepare(unpacking *of)
{
    const ls_ledger *ledger = of->ledger;
    const ls_state *state = &of->state;
    int status = ledger->plan ? check_properties(state, ledger->plan, of->error) : LS_OK;
    if (status == LS_OK && ls_folded_new(ledger->context, state, &of->folded) != LS_OK) {
        status = ls_fail_memory(of->error);
    }
    if (status == LS_OK && ledger->plan && of->folded) {
        status = ls_folded_serves(ledger->context, of->folded, ledger->plan, "state: ", of->error);
        of->folded->served = ledger->plans;
    }
    if (status == LS_OK) {
        status = find_columns(of);
    }
    if (status == LS_OK) {
        status = code_texts(of);
    }
    of->total = state->event_count;
    for (size_t i = 0; i < state->run_count; i++) {
        of->total += state->runs[i].count;
    }
    return status;
}

static int write_state(unpacking *of, ls_string id)
{
    ls_ledger *ledger = of->ledger;
    const bool begins = ls_ledger_row(ledger, id) == LS_NO_ROW;
    ls_error failed = {0};
    uint32_t row = ls_ledger_begin(ledger, id, &failed);
    if (row == LS_NO_ROW) {
        if (of->error) {
            *of->error = failed;
        }
        return (int)failed.status;
    }
    int status = make_room(of, row);
    if (status != LS_OK) {
        if (begins) {
            ls_ledger_vacate(ledger, row);
        }
        return status;
    }
    write_events(of, row);
    write_properties(of, row);
    write_lists(of, row, id);
    write_ids(of, row);
    ls_ledger_set_folded(ledger, row, of->folded);
    of->folded = NULL;
    ls_ledger_kept_drop(ledger, row);
    /* One that begins was known elsewhere. */
    ls_ledger_touch(ledger, row, begins ? 0 : LS_WHY_EVENT | LS_WHY_PROPERTY);
    return LS_OK;
}

int ls_ledger_unpack(ls_ledger *ledger, const char *contact, size_t contact_length,
                     const char *state, size_t length, ls_error *error)
{
    unpacking of = {.ledger = ledger, .error = error};
    ls_string id = ls_trimmed((ls_string){contact, contact_length});
    if (id.length == 0) {
        return ls_fail(error, LS_ERROR_INPUT, "contact_id: expected an id, got an empty text");
    }
    int status = ls_state_read(ledger->context, state, length, &of.state, error);
    if (status == LS_OK) {
        status = prepare(&of);
    }
    if (status == LS_OK) {
        status = write_state(&of, id);
    }
    ls_folded_free(ledger->context, of.folded);
    ls_free(ledger->context, of.columns, of.column_size);
    ls_free(ledger->context, of.codes, of.code_size);
    ls_state_free(&of.state);
    return status;
}
