/* Plans (compiled definitions) and scorers (one record at a time, given as a Lua table).
 *
 * Records are read raw: no metamethod runs while a record is read, so nothing can change a table
 * under the reader. What is no value of the language is a datum that is wrong: nil and an error
 * with its place. */
#include "lsl_event.h"
#include "lsl_read.h"

#include "ls_time.h"

/* ---- plan ------------------------------------------------------------------------------------ */

typedef struct plan_owner {
    ls_plan *plan;
} plan_owner;

const ls_plan *lsl_check_plan(lua_State *L, int index)
{
    plan_owner *owner = luaL_checkudata(L, index, LSL_PLAN);
    if (owner->plan == NULL)
        lsl_closed(L, "plan");
    return owner->plan;
}

static int close_plan(lua_State *L)
{
    plan_owner *owner = luaL_checkudata(L, 1, LSL_PLAN);
    ls_plan *plan = owner->plan;
    owner->plan = NULL;
    if (plan != NULL)
        ls_plan_close(plan);
    return 0;
}

int lsl_plan_new(lua_State *L)
{
    size_t length;
    const char *canonical = lsl_check_text(L, 1, &length);
    ls_context *context = lsl_context(L);
    plan_owner *owner = lsl_new(L, LSL_PLAN, sizeof *owner);
    ls_error error;
    if (ls_plan_new(context, canonical, length, &owner->plan, &error) != LS_OK)
        return lsl_fail(L, &error);
    return 1;
}

static size_t check_definition(lua_State *L, const ls_plan *plan)
{
    return lsl_check_index(L, 2, ls_plan_count(plan), "definitions");
}

static int plan_count(lua_State *L)
{
    lsl_push_integer(L, (int64_t)ls_plan_count(lsl_check_plan(L, 1)));
    return 1;
}

static int plan_name(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    lua_pushstring(L, ls_plan_name(plan, check_definition(L, plan)));
    return 1;
}

static int plan_object(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    lsl_push_object(L, ls_plan_object(plan, check_definition(L, plan)));
    return 1;
}

static int plan_combined(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    lua_pushboolean(L, ls_plan_combined(plan, check_definition(L, plan)));
    return 1;
}

static int plan_labels(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    lua_pushboolean(L, ls_plan_has_labels(plan, check_definition(L, plan)));
    return 1;
}

static int plan_fields(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    ls_object object;
    const char *name, *type;
    lua_newtable(L);
    for (size_t i = 0; ls_plan_field(plan, i, &object, &name, &type); i++) {
        lua_createtable(L, 0, 3);
        lsl_push_object(L, object);
        lua_setfield(L, -2, "object");
        lua_pushstring(L, name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, type);
        lua_setfield(L, -2, "type");
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}

static int plan_lists(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    const char *name;
    lua_newtable(L);
    for (size_t i = 0; (name = ls_plan_list(plan, i)) != NULL; i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}

static int print_plan(lua_State *L)
{
    plan_owner *owner = luaL_checkudata(L, 1, LSL_PLAN);
    if (owner->plan == NULL) {
        lua_pushliteral(L, LSL_PLAN " (closed)");
        return 1;
    }
    luaL_Buffer text;
    size_t count = ls_plan_count(owner->plan);
    luaL_buffinit(L, &text);
    luaL_addstring(&text, LSL_PLAN " (");
    for (size_t i = 0; i < count && i < 8; i++) {
        luaL_addstring(&text, i != 0 ? ", " : "");
        luaL_addstring(&text, ls_plan_name(owner->plan, i));
    }
    luaL_addstring(&text, count > 8 ? ", ...)" : ")");
    luaL_pushresult(&text);
    return 1;
}

/* ---- scorer ---------------------------------------------------------------------------------- */

typedef struct scorer_owner {
    ls_scorer *scorer;
    const ls_plan *plan; /* kept alive by the scorer */
    ls_buffer text;      /* scratch: a set joined, a number printed */
    lsl_event_reader events;
    lsl_event_field *fields; /* its texts are kept in a table with the userdata */
    size_t count;
    ls_score scores[]; /* one per definition */
} scorer_owner;

static scorer_owner *check_scorer(lua_State *L)
{
    scorer_owner *owner = luaL_checkudata(L, 1, LSL_SCORER);
    if (owner->scorer == NULL)
        lsl_closed(L, "scorer");
    return owner;
}

static int close_scorer(lua_State *L)
{
    scorer_owner *owner = luaL_checkudata(L, 1, LSL_SCORER);
    if (owner->scorer != NULL)
        ls_scorer_close(owner->scorer);
    owner->scorer = NULL;
    if (owner->fields != NULL)
        ls_free(owner->text.context, owner->fields,
                owner->events.field_count * sizeof *owner->fields);
    owner->fields = NULL;
    if (owner->text.context != NULL) {
        ls_buffer_free(&owner->text);
        ls_context_release(owner->text.context);
        owner->text.context = NULL;
    }
    return 0;
}

/* Keeps the names of fields with the userdata at index. */
static void keep_fields(lua_State *L, int index, scorer_owner *owner)
{
    static const ls_string built_in[] = {{"event", 5}, {"at", 2}, {"id", 2}, {NULL, 0}};
    size_t count = owner->events.field_count;
    lua_createtable(L, count < 1000 ? (int)count : 1000, 0);
    for (size_t i = 0; i < count; i++) {
        ls_string name = i < LSL_FIELD_FIRST
                             ? built_in[i]
                             : ls_scorer_event_field(owner->scorer, i - LSL_FIELD_FIRST);
        if (name.text == NULL)
            continue;
        lua_pushlstring(L, name.text, name.length);
        owner->fields[i].name = lua_tolstring(L, -1, &owner->fields[i].length);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    lsl_set_kept(L, index);
}

static int plan_scorer(lua_State *L)
{
    const ls_plan *plan = lsl_check_plan(L, 1);
    ls_context *context = lsl_context(L);
    size_t count = ls_plan_count(plan);
    scorer_owner *owner = lsl_new(L, LSL_SCORER, sizeof *owner + count * sizeof *owner->scores);
    owner->text.context = context;
    ls_context_retain(context);
    owner->count = count;
    owner->plan = plan;
    ls_error error;
    if (ls_scorer_new(plan, &owner->scorer, &error) != LS_OK)
        return lsl_fail(L, &error);
    size_t fields = LSL_FIELD_FIRST + ls_scorer_event_fields(owner->scorer);
    owner->fields = ls_allocate_zero(context, fields, sizeof *owner->fields);
    if (owner->fields == NULL)
        return lsl_fail_memory(L);
    owner->events.fields = owner->fields;
    owner->events.field_count = fields;
    owner->events.points = lsl_points_at_texts(L);
    keep_fields(L, lua_gettop(L), owner);
    return 1;
}

static int print_scorer(lua_State *L)
{
    scorer_owner *owner = luaL_checkudata(L, 1, LSL_SCORER);
    char text[LSL_SHORT_TEXT];
    if (owner->scorer == NULL)
        lua_pushliteral(L, LSL_SCORER " (closed)");
    else
        lua_pushfstring(L, LSL_SCORER " (%s %s)", lsl_print_count(owner->count, text),
                        owner->count == 1 ? "score" : "scores");
    return 1;
}

/* ---- reading a record ------------------------------------------------------------------------ */

typedef lsl_reading reading;

static scorer_owner *owner_of(const reading *record)
{
    return record->owner;
}

/* ---- events and lists ------------------------------------------------------------------------ */

/* The field's value, or the short form's at that position, left on the stack; false if there is
 * none. */
static bool push_part(lua_State *L, int table, const char *name, int position)
{
    lsl_field(L, table, name);
    if (!lsl_is_null(L, -1))
        return true;
    lua_pop(L, 1);
    lua_rawgeti(L, table, position);
    return !lsl_is_null(L, -1);
}

/* Starts the event that the table at index describes. */
static bool start_event(reading *record, const lsl_place *place, int index)
{
    lua_State *L = record->L;
    lsl_place name_place = {place, "event", 5, 0}, at_place = {place, "at", 2, 0};
    int64_t at = 0;
    size_t length;
    if (!push_part(L, index, "event", 1) || lua_type(L, -1) != LUA_TSTRING)
        return lsl_wrong(record, &name_place, "expected the event's name, got %s",
                         luaL_typename(L, -1));
    const char *name = lua_tolstring(L, -1, &length);
    push_part(L, index, "at", 2);
    if (!lsl_read_instant(record, &at_place, lua_gettop(L), true, &at))
        return false;
    int status = ls_scorer_event(owner_of(record)->scorer, name, length, at, record->error);
    lua_pop(L, 2);
    return lsl_accepted(record, place, status);
}

static bool set_event_property(reading *record, const lsl_place *place)
{
    if (lsl_is_null(record->L, -1))
        return true;
    if (!lsl_read_value(record, place))
        return false;
    ls_string text = lsl_value_text(record);
    return lsl_accepted(record, place,
                        ls_scorer_event_set(owner_of(record)->scorer, place->key, place->length,
                                            text.text, text.length, record->error));
}

/* The pair on top of the stack, of an event's table. */
static bool read_event_pair(reading *record, const lsl_place *event)
{
    lua_State *L = record->L;
    lsl_place place = {event, NULL, 0, 0};
    if (lua_type(L, -2) == LUA_TNUMBER) {
        double key = (double)lua_tonumber(L, -2);
        return key == 1 || key == 2 ||
               lsl_wrong(record, event, "expected { NAME, AT } or names, got more");
    }
    if (lua_type(L, -2) != LUA_TSTRING)
        return lsl_wrong(record, event, "a key is a %s", luaL_typename(L, -2));
    place.key = lua_tolstring(L, -2, &place.length);
    ls_string key = {place.key, place.length};
    if (ls_string_equal(key, "event", 5) || ls_string_equal(key, "at", 2))
        return true;
    return set_event_property(record, &place);
}

/* The number of the event's name; what the core says is wrong is put at the event's place. */
static bool find_name(reading *record, const lsl_place *place, const lsl_event *event,
                      uint32_t *out)
{
    scorer_owner *owner = owner_of(record);
    *out = event->name_code;
    if (LS_LIKELY(event->name == NULL))
        return true;
    int status =
        ls_scorer_event_name(owner->scorer, event->name, event->name_length, out, record->error);
    if (status != LS_OK)
        return lsl_accepted(record, place, status);
    lsl_event_remember(&owner->events, event, *out);
    return true;
}

static bool refuse_value(reading *record, const lsl_place *place, const ls_scorer_value *value,
                         int status)
{
    const lsl_event_field *field = &owner_of(record)->fields[lsl_event_field_of(value)];
    lsl_place at_value = {place, field->name, field->length, 0};
    return lsl_accepted(record, &at_value, status);
}

/* Adds an event that was read in one pass. */
static bool add_event(reading *record, const lsl_place *place, const lsl_event *event, int64_t at)
{
    uint32_t name = 0;
    size_t bad;
    if (!find_name(record, place, event, &name))
        return false;
    int status = ls_scorer_event_add(owner_of(record)->scorer, name, at, event->values,
                                     event->count, &bad, record->error);
    if (LS_LIKELY(status == LS_OK))
        return true;
    return bad == event->count ? lsl_accepted(record, place, status)
                               : refuse_value(record, place, &event->values[bad], status);
}

/* The instant of an event that was read in one pass; false: it is to be read step by step. */
static bool event_instant(const reading *record, const lsl_event *event, int64_t *out)
{
    ls_string text = {event->at_text, event->at_length};
    if (event->at_number) {
        if (!(event->at >= (lua_Number)LS_TIME_MIN && event->at <= (lua_Number)LS_TIME_MAX))
            return false;
        *out = (int64_t)event->at;
        *out -= (lua_Number)*out > event->at;
        return true;
    }
    return lsl_read_text_instant(record, text, true, out);
}

static bool read_event(reading *record, const lsl_place *place)
{
    lua_State *L = record->L;
    int index = lua_gettop(L);
    lsl_event event;
    int64_t at;
    if (!lua_istable(L, index))
        return lsl_wrong(record, place, "expected an event's table, got %s",
                         luaL_typename(L, index));
    if (lsl_event_read(L, index, &owner_of(record)->events, &event) &&
        event_instant(record, &event, &at))
        return add_event(record, place, &event, at);
    lsl_event_forget(&owner_of(record)->events);
    if (!start_event(record, place, index))
        return false;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        if (!read_event_pair(record, place))
            return false;
    return true;
}

static bool read_list(reading *record, const lsl_place *place)
{
    lua_State *L = record->L;
    size_t length;
    if (lua_type(L, -1) != LUA_TSTRING)
        return lsl_wrong(record, place, "expected a list's name, got %s", luaL_typename(L, -1));
    const char *name = lua_tolstring(L, -1, &length);
    return lsl_accepted(record, place,
                        ls_scorer_in_list(owner_of(record)->scorer, name, length, record->error));
}

/* Whether the table at index has as many pairs as elements: if none of these is nil, it has nothing
 * else. */
static bool may_be_array(lua_State *L, int index, int64_t count)
{
    lua_pushnil(L);
    for (; lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (count-- == 0) {
            lua_pop(L, 2);
            return false;
        }
    }
    return count == 0;
}

/* Reads each element of the array on top of the stack. An element that is nil is refused; that the
 * table has other keys is said before. */
static bool read_array(reading *record, const lsl_place *place,
                       bool (*read)(reading *record, const lsl_place *place))
{
    lua_State *L = record->L;
    int index = lua_gettop(L);
    if (!lua_istable(L, index))
        return lsl_wrong(record, place, "expected an array, got %s", luaL_typename(L, index));
    int64_t count = (int64_t)lsl_rawlen(L, index);
    bool checked = !may_be_array(L, index, count);
    if (checked && !lsl_check_array(record, place, index, &count))
        return false;
    for (int64_t i = 1; i <= count; i++) {
        lsl_place element = {place, NULL, 0, i};
        lua_rawgeti(L, index, (int)i);
        if (!read(record, &element))
            return (checked || lsl_check_array(record, place, index, &count)) && false;
        lua_pop(L, 1);
    }
    return true;
}

/* ---- the record ------------------------------------------------------------------------------ */

/* Whether the value on top of the stack holds associated records, which a plan without relations
 * does not read: a table of tables, or one record. */
static bool holds_records(lua_State *L, ls_string key)
{
    static const char *const relations[] = {"company", "companies", "deals"};
    bool relation = false;
    for (size_t i = 0; i < sizeof relations / sizeof *relations; i++)
        relation = relation || ls_string_equal(key, relations[i], strlen(relations[i]));
    if (!relation || !lua_istable(L, -1))
        return false;
    lua_rawgeti(L, -1, 1);
    bool table = lua_istable(L, -1), nothing = lua_isnil(L, -1);
    lua_pop(L, 1);
    if (nothing && ls_string_equal(key, "company", 7)) {
        lua_pushnil(L);
        table = lua_next(L, -2) != 0;
        lua_pop(L, table ? 2 : 0);
    }
    return table;
}

/* The pair on top of the stack. */
static bool read_pair(reading *record, const lsl_place *outermost)
{
    lua_State *L = record->L;
    lsl_place place = {outermost, NULL, 0, 0};
    if (lua_type(L, -2) != LUA_TSTRING)
        return lsl_wrong(record, outermost,
                         "expected a record's table, got a table with a key that is a %s",
                         luaL_typename(L, -2));
    place.key = lua_tolstring(L, -2, &place.length);
    ls_string key = {place.key, place.length};
    if (lsl_is_null(L, -1))
        return true;
    if (ls_string_equal(key, "events", 6))
        return read_array(record, &place, read_event);
    if (ls_string_equal(key, "lists", 5))
        return read_array(record, &place, read_list);
    if (holds_records(L, key))
        return true;
    if (ls_string_equal(key, "id", 2) && lua_type(L, -1) != LUA_TSTRING &&
        lua_type(L, -1) != LUA_TNUMBER)
        return lsl_wrong(record, &place, "expected a text or a number, got %s",
                         luaL_typename(L, -1));
    if (!lsl_read_value(record, &place))
        return false;
    ls_string text = lsl_value_text(record);
    return lsl_accepted(record, &place,
                        ls_scorer_set(owner_of(record)->scorer, key.text, key.length, text.text,
                                      text.length, record->error));
}

static bool read_record(reading *record, int index)
{
    lua_State *L = record->L;
    lsl_place outermost = {NULL, NULL, 0, 0}, at_place = {&outermost, "at", 2, 0};
    luaL_checkstack(L, 24, NULL);
    ls_scorer_clear(owner_of(record)->scorer);
    lsl_event_forget(&owner_of(record)->events);
    if (!lsl_read_instant(record, &at_place, 3, false, &record->at))
        return false;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        if (!read_pair(record, &outermost))
            return false;
    return true;
}

/* Arguments: scorer, record, at. False with the error filled. */
static bool begin(lua_State *L, scorer_owner *owner, reading *record, ls_error *error)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, lua_type(L, 3) == LUA_TNUMBER || lua_type(L, 3) == LUA_TSTRING, 3,
                  "time expected");
    memset(error, 0, sizeof *error);
    *record = (reading){L, owner, &owner->text, 0, error, ""};
    return read_record(record, 2);
}

static int scorer_score(lua_State *L)
{
    scorer_owner *owner = check_scorer(L);
    reading record;
    ls_error error;
    if (!begin(L, owner, &record, &error) ||
        ls_scorer_score(owner->scorer, record.at, owner->scores, &error) != LS_OK)
        return lsl_fail_reading(&record);
    lua_createtable(L, 0, owner->count < 1000 ? (int)owner->count : 1000);
    for (size_t i = 0; i < owner->count; i++) {
        lsl_push_score(L, &owner->scores[i], ls_plan_combined(owner->plan, i));
        lua_setfield(L, -2, ls_plan_name(owner->plan, i));
    }
    return 1;
}

static int scorer_explain(lua_State *L)
{
    scorer_owner *owner = check_scorer(L);
    reading record;
    ls_error error;
    if (!begin(L, owner, &record, &error))
        return lsl_fail_reading(&record);
    ls_buffer *text = lsl_buffer_new(L);
    if (ls_scorer_explain(owner->scorer, record.at, lsl_buffer_write, text, &error) != LS_OK)
        return lsl_fail_reading(&record);
    lsl_buffer_push(L, text);
    return 1;
}

static size_t check_score_name(lua_State *L, const scorer_owner *owner, int index)
{
    size_t length;
    const char *text = lsl_check_text(L, index, &length);
    ls_string name = {text, length};
    size_t i = 0;
    while (i < owner->count && !ls_string_equal(name, ls_plan_name(owner->plan, i),
                                                strlen(ls_plan_name(owner->plan, i))))
        i++;
    luaL_argcheck(L, i < owner->count, index, "there is no score of that name");
    return i;
}

static int scorer_next_change(lua_State *L)
{
    scorer_owner *owner = check_scorer(L);
    size_t definition = check_score_name(L, owner, 4);
    reading record;
    ls_error error;
    bool known;
    int64_t at;
    if (!begin(L, owner, &record, &error) ||
        ls_scorer_next_change(owner->scorer, record.at, definition, &known, &at, &error) != LS_OK)
        return lsl_fail_reading(&record);
    if (known)
        lsl_push_integer(L, at);
    else
        lua_pushboolean(L, 0);
    return 1;
}

void lsl_open_plan(lua_State *L, int context)
{
    static const luaL_Reg plan[] = {
        {"__gc", close_plan},
        {"__close", close_plan},
        {"close", close_plan},
        {"__tostring", print_plan},
        {"count", plan_count},
        {"name", plan_name},
        {"object", plan_object},
        {"combined", plan_combined},
        {"labels", plan_labels},
        {"fields", plan_fields},
        {"lists", plan_lists},
        {"scorer", plan_scorer},
        {NULL, NULL},
    };
    static const luaL_Reg scorer[] = {
        {"__gc", close_scorer},
        {"__close", close_scorer},
        {"close", close_scorer},
        {"__tostring", print_scorer},
        {"score", scorer_score},
        {"explain", scorer_explain},
        {"next_change", scorer_next_change},
        {NULL, NULL},
    };
    lsl_class(L, context, LSL_PLAN, plan);
    lsl_class(L, context, LSL_SCORER, scorer);
}
