/* Ledgers: contacts that live. Usual events, which come as tables of texts and numbers, are read in
 * one pass; others step by step, which knows what is wrong with them. */
#include "lsl_event.h"
#include "lsl_read.h"

#include "ls_ledger.h"
#include "ls_time.h"

#include <time.h>

typedef struct ledger_owner {
    ls_context *context; /* its own: memory is counted by ledger */
    ls_ledger *ledger;   /* NULL: closed */
    bool single;         /* scores are given without their name */
    ls_score *scores;    /* one per definition */
    size_t score_capacity;
    lsl_event_reader reader;
    lsl_event_field *fields; /* its texts are kept in a table with the userdata */
    size_t field_capacity;
    ls_buffer text;  /* scratch: a set joined, a number printed */
    ls_buffer texts; /* scratch: of all properties that are being read, one after another */
    ls_ledger_value *values;
    size_t value_capacity;
    lsl_place *places; /* by value */
    size_t place_capacity;
} ledger_owner;

static ledger_owner *check_ledger(lua_State *L)
{
    ledger_owner *owner = luaL_checkudata(L, 1, LSL_LEDGER);
    if (owner->ledger == NULL)
        lsl_closed(L, "ledger");
    return owner;
}

ls_ledger *lsl_check_ledger(lua_State *L)
{
    return check_ledger(L)->ledger;
}

static int close_ledger(lua_State *L)
{
    ledger_owner *owner = luaL_checkudata(L, 1, LSL_LEDGER);
    ls_context *context = owner->context;
    if (context == NULL)
        return 0;
    ls_ledger_close(owner->ledger);
    ls_free(context, owner->scores, owner->score_capacity * sizeof *owner->scores);
    ls_free(context, owner->fields, owner->field_capacity * sizeof *owner->fields);
    ls_free(context, owner->values, owner->value_capacity * sizeof *owner->values);
    ls_free(context, owner->places, owner->place_capacity * sizeof *owner->places);
    if (owner->text.context != NULL) {
        ls_buffer_free(&owner->text);
        ls_buffer_free(&owner->texts);
    }
    memset(owner, 0, sizeof *owner);
    ls_context_close(context);
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int64_t number_option(lua_State *L, const char *name)
{
    lsl_field(L, 1, name);
    int64_t number = lua_isnil(L, -1) ? 0 : lsl_check_integer(L, lua_gettop(L));
    luaL_argcheck(L, number >= 0, 1, name);
    lua_pop(L, 1);
    return number;
}

static bool flag_option(lua_State *L, const char *name)
{
    lsl_field(L, 1, name);
    bool flag = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return flag;
}

/* Room for what the plan answers. */
static int fit_scores(ledger_owner *owner, ls_error *error)
{
    const ls_plan *plan = owner->ledger->plan;
    size_t count = plan != NULL ? ls_plan_count(plan) : 0;
    return ls_grow(owner->context, &owner->scores, &owner->score_capacity, count + 1,
                   sizeof *owner->scores) == LS_OK
               ? LS_OK
               : ls_fail_memory(error);
}

/* The plan of a canonical text, NULL of none, made in the ledger's own context. */
static int read_plan(lua_State *L, const ledger_owner *owner, int index, ls_plan **plan,
                     ls_error *error)
{
    *plan = NULL;
    if (lua_isnil(L, index))
        return LS_OK;
    size_t length;
    const char *canonical = lsl_check_text(L, index, &length);
    return ls_plan_new(owner->context, canonical, length, plan, error);
}

static int open_ledger(lua_State *L, ledger_owner *owner, const ls_ledger_options *options,
                       ls_error *error)
{
    ls_plan *plan;
    lsl_field(L, 1, "canonical");
    int status = read_plan(L, owner, lua_gettop(L), &plan, error);
    lua_pop(L, 1);
    if (status != LS_OK)
        return status;
    status = ls_ledger_new(owner->context, plan, options, &owner->ledger, error);
    if (plan != NULL)
        ls_plan_close(plan);
    return status == LS_OK ? fit_scores(owner, error) : status;
}

int lsl_ledger_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int64_t max_memory = number_option(L, "max_memory");
    int64_t max_values = number_option(L, "max_values");
    luaL_argcheck(L, max_values < LS_MAX_CODES, 1, "max_values");
    const ls_ledger_options options = {number_option(L, "horizon"), (uint32_t)max_values,
                                       (uint64_t)number_option(L, "max_bytes"),
                                       flag_option(L, "keep_all"), flag_option(L, "lenient")};
    ledger_owner *owner = lsl_new(L, LSL_LEDGER, sizeof *owner);
    ls_error error;
    if (ls_context_new(NULL, (size_t)max_memory, &owner->context) != LS_OK)
        return lsl_fail_memory(L);
    owner->text.context = owner->texts.context = owner->context;
    owner->single = flag_option(L, "single");
    owner->reader.all = options.keep_all;
    owner->reader.points = lsl_points_at_texts(L);
    if (open_ledger(L, owner, &options, &error) != LS_OK)
        return lsl_fail(L, &error);
    return 1;
}

/* ledger, canonical, single, silent. true, or nil and an error. */
static int ledger_replace(lua_State *L)
{
    ledger_owner *owner = check_ledger(L);
    bool single = lua_toboolean(L, 3) != 0, silent = lua_toboolean(L, 4) != 0;
    ls_plan *plan;
    ls_error error;
    luaL_checktype(L, 2, LUA_TSTRING);
    int status = read_plan(L, owner, 2, &plan, &error);
    if (status == LS_OK && ls_grow(owner->context, &owner->scores, &owner->score_capacity,
                                   ls_plan_count(plan) + 1, sizeof *owner->scores) != LS_OK)
        status = ls_fail_memory(&error);
    if (status == LS_OK)
        status = ls_ledger_replace(owner->ledger, plan, silent, &error);
    if (plan != NULL)
        ls_plan_close(plan);
    if (status != LS_OK)
        return lsl_fail(L, &error);
    owner->single = single;
    lua_pushboolean(L, 1);
    return 1;
}

/* ledger, dataset, now: seconds (the system's when left out). true, or nil and an error. */
static int ledger_load(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    const lsl_dataset *source = luaL_checkudata(L, 2, LSL_DATASET);
    ls_error error;
    if (source->dataset == NULL)
        return lsl_closed(L, "dataset");
    luaL_argcheck(L, source->running == 0, 2, "the dataset is in use");
    int64_t now = lua_isnoneornil(L, 3) ? (int64_t)time(NULL) : lsl_check_integer(L, 3);
    if (ls_ledger_load(owner->ledger, source->dataset, now, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* ledger. A dataset of its own, or nil and an error. */
static int ledger_dataset(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    lsl_dataset *made = lsl_new(L, LSL_DATASET, sizeof *made);
    ls_error error;
    if (ls_context_new(NULL, 0, &made->context) != LS_OK)
        return lsl_fail_memory(L);
    ls_context_portable(made->context, lua_toboolean(L, 2) != 0);
    if (ls_ledger_dataset(owner->ledger, made->context, &made->dataset, &error) != LS_OK)
        return lsl_fail(L, &error);
    return 1;
}

/* ---- fields of events ------------------------------------------------------------------------ */

static void keep_field(lua_State *L, ledger_owner *owner, size_t i, ls_string name)
{
    lua_pushlstring(L, name.text, name.length);
    owner->fields[i].name = lua_tolstring(L, -1, &owner->fields[i].length);
    lua_rawseti(L, -2, (int)(i + 1));
}

/* The names of what events may have, kept with the userdata, which is argument 1; false: no memory.
 */
static bool fit_fields(lua_State *L, ledger_owner *owner)
{
    static const ls_string built_in[] = {{"event", 5}, {"at", 2}, {"id", 2}, {"contact_id", 10}};
    const ls_events *events = &owner->ledger->dataset->events;
    size_t count = LSL_FIELD_FIRST + events->column_count;
    if (LS_LIKELY(owner->reader.field_count == count))
        return true;
    if (ls_grow(owner->context, &owner->fields, &owner->field_capacity, count,
                sizeof *owner->fields) != LS_OK)
        return false;
    owner->reader.field_count = 0;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++)
        keep_field(L, owner, i,
                   i < LSL_FIELD_FIRST ? built_in[i] : events->columns[i - LSL_FIELD_FIRST].name);
    lsl_set_kept(L, 1);
    owner->reader.fields = owner->fields;
    owner->reader.field_count = count;
    return true;
}

/* ---- reading step by step -------------------------------------------------------------------- */

/* What a call is about; its keys are the places in errors. */
static const lsl_place outermost = {NULL, NULL, 0, 0};

/* Where the texts of an event or of properties lie while they are read: places in owner->texts,
 * which may move as it grows. */
typedef struct gathered {
    size_t count;
    ls_string contact, name;
} gathered;

/* A text kept until the end of the call: its place for now. */
static ls_string keep_text(ledger_owner *owner, ls_string text)
{
    ls_string kept = {NULL, text.length};
    size_t place = owner->texts.length;
    ls_buffer_add(&owner->texts, text.text, text.length);
    kept.text = (const char *)(uintptr_t)place;
    return kept;
}

static const char *kept_text(const ledger_owner *owner, const char *place, size_t length)
{
    return length != 0 ? owner->texts.data + (uintptr_t)place : "";
}

/* Files refuse it too. */
static bool check_zero(lsl_reading *reading, const lsl_place *place, ls_string text)
{
    if (text.length == 0 || memchr(text.text, '\0', text.length) == NULL)
        return true;
    return lsl_wrong(reading, place, "expected text, got a NUL byte");
}

/* An id on top of the stack. */
static bool check_id_type(lsl_reading *reading, const lsl_place *place)
{
    int type = lua_type(reading->L, -1);
    if (type == LUA_TSTRING || type == LUA_TNUMBER)
        return true;
    return lsl_wrong(reading, place, "expected a text or a number, got %s",
                     lsl_is_null(reading->L, -1) ? "none" : luaL_typename(reading->L, -1));
}

static bool gather(lsl_reading *reading, const lsl_place *place, size_t field, gathered *out)
{
    ledger_owner *owner = reading->owner;
    if (ls_grow(owner->context, &owner->values, &owner->value_capacity, out->count + 1,
                sizeof *owner->values) != LS_OK ||
        ls_grow(owner->context, &owner->places, &owner->place_capacity, out->count + 1,
                sizeof *owner->places) != LS_OK) {
        ls_fail_memory(reading->error);
        return false;
    }
    ls_string text = keep_text(owner, lsl_value_text(reading));
    owner->values[out->count] = (ls_ledger_value){field, text.text, text.length};
    owner->places[out->count++] = *place;
    return true;
}

/* The value on top of the stack, of a property. A table without elements or null: it is unknown. */
static bool gather_property(lsl_reading *reading, ls_object object, const lsl_place *place,
                            gathered *out)
{
    const ledger_owner *owner = reading->owner;
    size_t column = LS_SCORER_ID;
    ls_string name = {place->key, place->length};
    bool is_id = object == LS_EVENT && ls_string_equal(name, "id", 2),
         is_null = lsl_is_null(reading->L, -1);
    reading->text->length = 0;
    /* Where not everything is kept, nobody asks for such a name. */
    if (owner->ledger->options.keep_all &&
        (name.length == 0 || memchr(name.text, '\0', name.length) != NULL))
        return lsl_wrong(reading, &outermost, "expected a name, got an empty one or a NUL byte");
    if (!is_null && ((is_id && !check_id_type(reading, place)) || !lsl_read_value(reading, place)))
        return false;
    if (!check_zero(reading, place, lsl_value_text(reading)))
        return false;
    if (!is_id && ls_ledger_column(owner->ledger, object, name, &column, reading->error) != LS_OK)
        return false;
    return (!is_id && column == LS_NO_COLUMN) || gather(reading, place, column, out);
}

/* The values' texts are where they stay. */
static bool settle(lsl_reading *reading, gathered *out)
{
    ledger_owner *owner = reading->owner;
    if (owner->texts.failed) {
        ls_buffer_free(&owner->texts);
        ls_fail_memory(reading->error);
        return false;
    }
    for (size_t i = 0; i < out->count; i++)
        owner->values[i].text = kept_text(owner, owner->values[i].text, owner->values[i].length);
    out->contact.text = kept_text(owner, out->contact.text, out->contact.length);
    out->name.text = kept_text(owner, out->name.text, out->name.length);
    return true;
}

static bool read_contact(lsl_reading *reading, const lsl_place *place, gathered *out)
{
    if (!check_id_type(reading, place) || !lsl_read_value(reading, place) ||
        !check_zero(reading, place, lsl_value_text(reading)))
        return false;
    out->contact = keep_text(reading->owner, lsl_value_text(reading));
    return true;
}

/* contact_id, event and at of the table at index. */
static bool read_heads(lsl_reading *reading, int index, gathered *out, int64_t *at)
{
    static const lsl_place contact = {&outermost, "contact_id", 10, 0},
                           name = {&outermost, "event", 5, 0}, time = {&outermost, "at", 2, 0};
    lua_State *L = reading->L;
    lsl_field(L, index, "contact_id");
    bool fine = read_contact(reading, &contact, out);
    lsl_field(L, index, "event");
    if (fine && lua_type(L, -1) != LUA_TSTRING)
        fine = lsl_wrong(reading, &name, "expected the event's name, got %s",
                         lsl_is_null(L, -1) ? "none" : luaL_typename(L, -1));
    if (fine) {
        ls_string text;
        text.text = lua_tolstring(L, -1, &text.length);
        fine = check_zero(reading, &name, text);
        out->name = keep_text(reading->owner, text);
    }
    lsl_field(L, index, "at");
    if (fine && lsl_is_null(L, -1))
        fine = lsl_wrong(reading, &time, "expected a time, got none");
    fine = fine && lsl_read_instant(reading, &time, lua_gettop(L), true, at);
    lua_pop(L, 3);
    return fine;
}

static bool is_head(ls_string key)
{
    return ls_string_equal(key, "contact_id", 10) || ls_string_equal(key, "event", 5) ||
           ls_string_equal(key, "at", 2);
}

/* The properties of the table at index. */
static bool read_properties(lsl_reading *reading, ls_object object, int index, gathered *out)
{
    lua_State *L = reading->L;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lsl_place place = {&outermost, NULL, 0, 0};
        if (lua_type(L, -2) != LUA_TSTRING)
            return lsl_wrong(reading, &place, "a key is a %s", luaL_typename(L, -2));
        place.key = lua_tolstring(L, -2, &place.length);
        ls_string key = {place.key, place.length};
        if (object == LS_EVENT && is_head(key))
            continue;
        if (object == LS_CONTACT && ls_string_equal(key, "id", 2))
            return lsl_wrong(reading, &place, "a contact's id cannot be set");
        if (!gather_property(reading, object, &place, out))
            return false;
    }
    return true;
}

/* What the core says is wrong with one of the values is at its place. */
static int fail_value(lsl_reading *reading, const gathered *read, size_t bad, int status)
{
    const ledger_owner *owner = reading->owner;
    if (bad < read->count)
        lsl_accepted(reading, &owner->places[bad], status);
    return lsl_fail_reading(reading);
}

static lsl_reading begin_reading(lua_State *L, ledger_owner *owner, int64_t now, ls_error *error)
{
    lsl_reading reading = {L, owner, &owner->text, now, error, ""};
    memset(error, 0, sizeof *error);
    luaL_checkstack(L, 24, NULL);
    owner->texts.length = 0;
    return reading;
}

static int push_taken(lua_State *L, bool repeated)
{
    if (repeated)
        lua_pushliteral(L, "repeated");
    else
        lua_pushliteral(L, "added");
    return 1;
}

static int add_slowly(lua_State *L, ledger_owner *owner, int64_t now)
{
    ls_error error;
    lsl_reading reading = begin_reading(L, owner, now, &error);
    gathered read = {0};
    ls_ledger_event event = {.now = now};
    size_t bad;
    bool repeated;
    if (!read_heads(&reading, 2, &read, &event.at) ||
        !read_properties(&reading, LS_EVENT, 2, &read) || !settle(&reading, &read))
        return lsl_fail_reading(&reading);
    event.contact = read.contact;
    event.name = read.name;
    event.values = owner->values;
    event.count = read.count;
    int status = ls_ledger_take(owner->ledger, &event, &repeated, &bad, &error);
    return status == LS_OK ? push_taken(L, repeated) : fail_value(&reading, &read, bad, status);
}

/* ---- adding and setting ---------------------------------------------------------------------- */

/* The instant of an event that was read in one pass; false: it is to be read step by step. */
static bool event_instant(const lsl_event *event, int64_t *out)
{
    if (!event->at_number)
        return ls_read_time(event->at_text, event->at_length, out, &(int64_t){0}, NULL) == LS_OK;
    if (!(event->at >= (lua_Number)LS_TIME_MIN && event->at <= (lua_Number)LS_TIME_MAX))
        return false;
    *out = (int64_t)event->at;
    *out -= (lua_Number)*out > event->at;
    return true;
}

/* ledger, event, now: seconds (the system's when left out). "added", "repeated", or nil and an
 * error. */
static int ledger_add(lua_State *L)
{
    ledger_owner *owner = check_ledger(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    int64_t now = lua_isnoneornil(L, 3) ? (int64_t)time(NULL) : lsl_check_integer(L, 3);
    lsl_event event;
    ls_ledger_event taken;
    bool repeated;
    size_t bad;
    lua_settop(L, 2);
    if (!fit_fields(L, owner))
        return lsl_fail_memory(L);
    memset(owner->reader.keys, 0, sizeof owner->reader.keys);
    if (lsl_event_read(L, 2, &owner->reader, &event) && event.contact != NULL &&
        event_instant(&event, &taken.at)) {
        taken.contact = (ls_string){event.contact, event.contact_length};
        taken.name = (ls_string){event.name, event.name_length};
        taken.now = now;
        taken.values = event.values;
        taken.count = event.count;
        if (ls_ledger_take(owner->ledger, &taken, &repeated, &bad, NULL) == LS_OK)
            return push_taken(L, repeated);
    }
    return add_slowly(L, owner, now);
}

/* The id at index: a text, or a number as it prints. */
static ls_string check_id(lua_State *L, int index, char buffer[LS_NUMBER_TEXT])
{
    ls_string id;
    if (lua_type(L, index) == LUA_TNUMBER) {
        id.length = lsl_print_number(L, index, buffer);
        id.text = buffer;
    } else {
        id.text = lsl_check_text(L, index, &id.length);
    }
    return id;
}

/* ledger, id, properties. true, or nil and an error. */
static int ledger_set(lua_State *L)
{
    ledger_owner *owner = check_ledger(L);
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 2, number);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    ls_error error;
    lsl_reading reading = begin_reading(L, owner, 0, &error);
    gathered read = {0};
    size_t bad;
    if (!read_properties(&reading, LS_CONTACT, 3, &read) || !settle(&reading, &read))
        return lsl_fail_reading(&reading);
    int status = ls_ledger_put(owner->ledger, id, owner->values, read.count, &bad, &error);
    if (status != LS_OK)
        return fail_value(&reading, &read, bad, status);
    lua_pushboolean(L, 1);
    return 1;
}

static int ledger_forget(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 2, number);
    lua_pushboolean(L, ls_ledger_forget(owner->ledger, id.text, id.length));
    return 1;
}

static int ledger_evict(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 2, number);
    lua_pushboolean(L, ls_ledger_evict(owner->ledger, id.text, id.length));
    return 1;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int64_t find_row(lua_State *L, const ledger_owner *owner)
{
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 2, number);
    return ls_ledger_find(owner->ledger, id.text, id.length);
}

int64_t lsl_ledger_row(lua_State *L)
{
    return find_row(L, check_ledger(L));
}

/* nil and the error that nobody has the id. */
int lsl_ledger_unknown(lua_State *L)
{
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 2, number);
    ls_error error;
    ls_fail(&error, LS_ERROR_INPUT, "no contact has the id \"%.*s%s\"",
            id.length < 60 ? (int)id.length : 60, id.text, id.length < 60 ? "" : "...");
    return lsl_fail(L, &error);
}

static int ledger_has(lua_State *L)
{
    lua_pushboolean(L, find_row(L, check_ledger(L)) >= 0);
    return 1;
}

static int ledger_count(lua_State *L)
{
    lsl_push_integer(L, (int64_t)ls_ledger_count(check_ledger(L)->ledger));
    return 1;
}

/* ledger, row (from 0): the next row from there on that has a contact, and its id; nothing after
 * the last. */
static int ledger_next(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    int64_t row = lsl_check_integer(L, 2);
    size_t rows = ls_ledger_rows(owner->ledger), length;
    for (; row >= 0 && (uint64_t)row < rows; row++) {
        const char *id = ls_ledger_id(owner->ledger, (size_t)row, &length);
        if (id == NULL)
            continue;
        lsl_push_integer(L, row);
        lua_pushlstring(L, id, length);
        return 2;
    }
    return 0;
}

/* Scores by name; of a single definition the score itself. */
static int push_scores(lua_State *L, const ledger_owner *owner)
{
    const ls_plan *plan = owner->ledger->plan;
    size_t count = ls_plan_count(plan);
    if (owner->single && count == 1) {
        lsl_push_score(L, &owner->scores[0], ls_plan_combined(plan, 0));
        return 1;
    }
    lua_createtable(L, 0, count < 1000 ? (int)count : 1000);
    for (size_t i = 0; i < count; i++) {
        lsl_push_score(L, &owner->scores[i], ls_plan_combined(plan, i));
        lua_setfield(L, -2, ls_plan_name(plan, i));
    }
    return 1;
}

/* ledger, id, at. */
static int ledger_score(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    int64_t row = find_row(L, owner), at = lsl_check_integer(L, 3);
    ls_error error;
    if (row < 0)
        return lsl_ledger_unknown(L);
    if (ls_ledger_score(owner->ledger, (size_t)row, at, owner->scores, &error) != LS_OK)
        return lsl_fail(L, &error);
    return push_scores(L, owner);
}

static int ledger_explain(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    int64_t row = find_row(L, owner), at = lsl_check_integer(L, 3);
    ls_error error;
    if (row < 0)
        return lsl_ledger_unknown(L);
    ls_buffer *text = lsl_buffer_new(L);
    if (ls_ledger_explain(owner->ledger, (size_t)row, at, lsl_buffer_write, text, &error) != LS_OK)
        return lsl_fail(L, &error);
    lsl_buffer_push(L, text);
    return 1;
}

/* ledger, id, at, definition (from 1): seconds; false: never. */
static int ledger_next_change(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    int64_t row = find_row(L, owner), at = lsl_check_integer(L, 3), change;
    const ls_plan *plan = owner->ledger->plan;
    size_t index = lsl_check_index(L, 4, plan != NULL ? ls_plan_count(plan) : 0, "definitions");
    ls_error error;
    bool known;
    if (row < 0)
        return lsl_ledger_unknown(L);
    if (ls_ledger_next_change(owner->ledger, (size_t)row, at, index, &known, &change, &error) !=
        LS_OK)
        return lsl_fail(L, &error);
    if (known)
        lsl_push_integer(L, change);
    else
        lua_pushboolean(L, 0);
    return 1;
}

/* ledger: a list of { name, served, why }. */
static int ledger_serves(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    const ls_plan *plan = owner->ledger->plan;
    char why[LS_ERROR_TEXT];
    lua_newtable(L);
    for (size_t i = 0; plan != NULL && i < ls_plan_count(plan); i++) {
        bool served = ls_ledger_serves(owner->ledger, i, why);
        lua_createtable(L, 0, 3);
        lua_pushstring(L, ls_plan_name(plan, i));
        lua_setfield(L, -2, "name");
        lua_pushboolean(L, served);
        lua_setfield(L, -2, "served");
        if (!served) {
            lua_pushstring(L, why);
            lua_setfield(L, -2, "why");
        }
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}

/* ---- states ---------------------------------------------------------------------------------- */

/* ledger, id, at (nil: nothing is folded): the state. */
static int ledger_pack(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    int64_t row = find_row(L, owner), at = lua_isnoneornil(L, 3) ? 0 : lsl_check_integer(L, 3);
    ls_error error;
    if (row < 0)
        return lsl_ledger_unknown(L);
    const bool folds = !lua_isnoneornil(L, 3);
    ls_buffer *text = lsl_buffer_new(L);
    if (ls_ledger_pack(owner->ledger, (size_t)row, folds ? &at : NULL, lsl_buffer_write, text,
                       &error) != LS_OK)
        return lsl_fail(L, &error);
    lsl_buffer_push(L, text);
    return 1;
}

/* ledger, id, state. true, or nil and an error. */
static int ledger_unpack(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 2, number);
    size_t length;
    const char *state = lsl_check_text(L, 3, &length);
    ls_error error;
    if (ls_ledger_unpack(owner->ledger, id.text, id.length, state, length, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- lists, memory --------------------------------------------------------------------------- */

/* ledger, name: the list is there. */
static int ledger_list(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    size_t length;
    const char *name = lsl_check_text(L, 2, &length);
    ls_error error;
    if (ls_ledger_list(owner->ledger, name, length, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* ledger, name, id: who has the id is in the list. */
static int ledger_list_add(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    size_t length;
    const char *name = lsl_check_text(L, 2, &length);
    char number[LS_NUMBER_TEXT];
    ls_string id = check_id(L, 3, number);
    ls_error error;
    if (ls_ledger_list_add(owner->ledger, name, length, id.text, id.length, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

static void set_count(lua_State *L, const char *name, uint64_t count)
{
    lsl_push_integer(L, (int64_t)count);
    lua_setfield(L, -2, name);
}

static int ledger_memory(lua_State *L)
{
    const ledger_owner *owner = check_ledger(L);
    ls_ledger_counts counts;
    ls_ledger_counted(owner->ledger, &counts);
    lua_createtable(L, 0, 8);
    set_count(L, "bytes", ls_context_memory(owner->context));
    set_count(L, "peak", ls_context_peak(owner->context));
    set_count(L, "contacts", counts.contacts);
    set_count(L, "events", counts.events);
    set_count(L, "values", counts.values);
    set_count(L, "value_bytes", counts.bytes);
    return 1;
}

static int print_ledger(lua_State *L)
{
    const ledger_owner *owner = luaL_checkudata(L, 1, LSL_LEDGER);
    char text[LSL_SHORT_TEXT];
    if (owner->ledger == NULL)
        lua_pushliteral(L, LSL_LEDGER " (closed)");
    else
        lua_pushfstring(L, LSL_LEDGER " (%s contacts)",
                        lsl_print_count(ls_ledger_count(owner->ledger), text));
    return 1;
}

void lsl_open_ledger(lua_State *L, int context)
{
    static const luaL_Reg ledger[] = {
        {"__gc", close_ledger},
        {"__close", close_ledger},
        {"close", close_ledger},
        {"__tostring", print_ledger},
        {"add", ledger_add},
        {"set", ledger_set},
        {"forget", ledger_forget},
        {"evict", ledger_evict},
        {"has", ledger_has},
        {"count", ledger_count},
        {"next", ledger_next},
        {"score", ledger_score},
        {"replace", ledger_replace},
        {"serves", ledger_serves},
        {"load", ledger_load},
        {"dataset", ledger_dataset},
        {"explain", ledger_explain},
        {"next_change", ledger_next_change},
        {"pack", ledger_pack},
        {"unpack", ledger_unpack},
        {"list", ledger_list},
        {"list_add", ledger_list_add},
        {"memory", ledger_memory},
        {"advance", lsl_ledger_advance},
        {"hear", lsl_ledger_hear},
        {"due_at", lsl_ledger_due_at},
        {"soonest", lsl_ledger_soonest},
        {"labels", lsl_ledger_labels},
        {NULL, NULL},
    };
    lsl_class(L, context, LSL_LEDGER, ledger);
}
