/* Questions to a dataset beyond scoring: cells, associated records, activity, and account matching.
 * Methods of the dataset's class, in a file of their own. */
#include "lsl.h"

/* ---- matching -------------------------------------------------------------------------------- */

static const char *option_text(lua_State *L, const char *name)
{
    lsl_field(L, 2, name);
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "leadscore: match: %s: expected text, got %s", name, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

/* The texts of the array at index; they live while it does. */
static const char *const *text_array(lua_State *L, int index, size_t *count)
{
    luaL_checktype(L, index, LUA_TTABLE);
    *count = lsl_rawlen(L, index);
    const char **texts = lua_newuserdata(L, (*count + 1) * sizeof *texts);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, index, (int)(i + 1));
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "leadscore: expected an array of texts, got a %s in it",
                       luaL_typename(L, -1));
        texts[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    return texts;
}

static void push_counts(lua_State *L, const ls_match_counts *counts)
{
    const struct {
        const char *name;
        uint64_t count;
    } all[] = {{"associated", counts->associated}, {"by_domain", counts->by_domain},
               {"by_name", counts->by_name},       {"unmatched", counts->unmatched},
               {"free_mail", counts->free_mail},   {"several", counts->several},
               {"no_value", counts->no_value},     {"free_domains", counts->free_domains}};
    lua_createtable(L, 0, sizeof all / sizeof *all);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lsl_push_integer(L, (int64_t)all[i].count);
        lua_setfield(L, -2, all[i].name);
    }
}

/* dataset:match{ email =, name =, free_mail = { ... } } -> counts */
int lsl_dataset_match(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    ls_match_options options = {.email = option_text(L, "email"), .name = option_text(L, "name")};
    ls_match_counts counts;
    ls_error error;
    lsl_field(L, 2, "free_mail");
    options.free_mail = text_array(L, lua_gettop(L), &options.free_mail_count);
    if (ls_dataset_match(owner->dataset, &options, &counts, &error) != LS_OK)
        return lsl_fail(L, &error);
    push_counts(L, &counts);
    return 1;
}

/* dataset:match_of(row) -> by domain, by name: "matched", "no value", ...; nil where it was not
 * asked. */
int lsl_dataset_match_of(lua_State *L)
{
    static const char *const outcomes[] = {NULL,        "matched",    "no value",
                                           "free mail", "no company", "several companies"};
    lsl_dataset *owner = lsl_check_dataset(L);
    size_t row = lsl_check_row(L, owner, LS_CONTACT, 2);
    ls_account_match match = ls_dataset_match_of(owner->dataset, row);
    lua_pushstring(L, outcomes[match.by_domain]);
    lua_pushstring(L, outcomes[match.by_name]);
    return 2;
}

/* ---- cells and associations ------------------------------------------------------------------ */

/* dataset:keep(object, column[, type]) */
int lsl_dataset_keep(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    const char *type = luaL_optstring(L, 4, "text");
    ls_error error;
    if (ls_dataset_keep_as(owner->dataset, lsl_check_object(L, 2, true), lsl_check_text(L, 3, NULL),
                           type, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* dataset:value(object, row, column) -> text, or nil where it is empty */
int lsl_dataset_value(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false);
    size_t row = lsl_check_row(L, owner, object, 3), length;
    const char *text =
        ls_dataset_value(owner->dataset, object, row, lsl_check_text(L, 4, NULL), &length);
    if (length == 0)
        lua_pushnil(L);
    else
        lua_pushlstring(L, text, length);
    return 1;
}

static void push_labels(lua_State *L, const ls_dataset *dataset, const ls_associated *associated,
                        size_t i)
{
    size_t length;
    const char *label;
    lua_newtable(L);
    for (size_t k = 0; (label = ls_associated_label(dataset, associated, i, k, &length)); k++) {
        lua_pushlstring(L, label, length);
        lua_rawseti(L, -2, (int)(k + 1));
    }
}

/* dataset:related(object, row, other) -> rows, labels: by place, folded */
int lsl_dataset_related(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false);
    size_t row = lsl_check_row(L, owner, object, 3);
    ls_object other = lsl_check_object(L, 4, false);
    ls_associated found = ls_dataset_associated(owner->dataset, object, row, other);
    int room = found.count < 100000 ? (int)found.count : 0;
    lua_createtable(L, room, 0);
    lua_createtable(L, room, 0);
    for (size_t i = 0; i < found.count; i++) {
        lsl_push_integer(L, (int64_t)found.rows[i] + 1);
        lua_rawseti(L, -3, (int)(i + 1));
        push_labels(L, owner->dataset, &found, i);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 2;
}

/* dataset:link_count(object, other) */
int lsl_dataset_link_count(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false), other = lsl_check_object(L, 3, false);
    lsl_push_integer(L, (int64_t)ls_dataset_associations(owner->dataset, object, other));
    return 1;
}

/* dataset:cells(object, column) -> codes by row (0: empty), texts by code */
int lsl_dataset_cells(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false);
    ls_cells cells = ls_dataset_cells(owner->dataset, object, lsl_check_text(L, 3, NULL));
    ls_dataset_counts counts;
    ls_dataset_count(owner->dataset, &counts);
    size_t rows = (size_t)counts.records[object];
    lua_createtable(L, rows < INT_MAX ? (int)rows : 0, 0);
    for (size_t row = 0; row < rows; row++) {
        lsl_push_integer(L, ls_cells_code(&cells, row));
        lua_rawseti(L, -2, (int)(row + 1));
    }
    lua_createtable(L, cells.count < INT_MAX ? (int)cells.count : 0, 0);
    for (uint32_t code = 1; code < cells.count; code++) {
        size_t length;
        const char *text = ls_cells_text(&cells, code, &length);
        lua_pushlstring(L, text, length);
        lua_rawseti(L, -2, (int)code);
    }
    return 2;
}

/* Adds the labels of a set, if they are not yet among those of the table on top. */
static void note_set(lua_State *L, const ls_dataset *dataset, const ls_associated *found, size_t i)
{
    int set = (int)ls_associated_set(found, i);
    lua_rawgeti(L, -1, set);
    bool known = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (known)
        return;
    push_labels(L, dataset, found, i);
    lua_rawseti(L, -2, set);
}

/* dataset:links(object, other) -> first, rows, sets, labels: the associations of row r are those
 * from first[r] to first[r + 1] - 1, each with the other's row and the number of its set of labels;
 * labels by that number. */
int lsl_dataset_links(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    ls_object object = lsl_check_object(L, 2, false), other = lsl_check_object(L, 3, false);
    ls_dataset_counts counts;
    ls_dataset_count(owner->dataset, &counts);
    size_t count = (size_t)counts.records[object];
    int place = 1;
    lua_createtable(L, count < INT_MAX - 1 ? (int)count + 1 : 0, 0);
    lua_newtable(L);
    lua_newtable(L);
    lua_newtable(L);
    for (size_t row = 0; row < count; row++) {
        ls_associated found = ls_dataset_associated(owner->dataset, object, row, other);
        lsl_push_integer(L, place);
        lua_rawseti(L, -5, (int)(row + 1));
        for (size_t i = 0; i < found.count; i++, place++) {
            lsl_push_integer(L, (int64_t)found.rows[i] + 1);
            lua_rawseti(L, -4, place);
            lsl_push_integer(L, ls_associated_set(&found, i));
            lua_rawseti(L, -3, place);
            note_set(L, owner->dataset, &found, i);
        }
    }
    lsl_push_integer(L, place);
    lua_rawseti(L, -5, (int)(count + 1));
    return 4;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* dataset:activity(names, at) -> latest, counts: by contact row, of those that have any */
int lsl_dataset_activity(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    size_t count;
    int64_t at = lsl_check_integer(L, 3);
    const char *const *names = text_array(L, 2, &count);
    ls_dataset_counts counts;
    ls_error error;
    ls_dataset_count(owner->dataset, &counts);
    size_t rows = (size_t)counts.records[LS_CONTACT];
    int64_t *latest = lua_newuserdata(L, (rows + 1) * sizeof *latest);
    uint64_t *times = lua_newuserdata(L, (rows + 1) * sizeof *times);
    if (ls_dataset_activity(owner->dataset, names, count, at, latest, times, &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_newtable(L);
    lua_newtable(L);
    for (size_t row = 0; row < rows; row++) {
        if (times[row] == 0)
            continue;
        lsl_push_integer(L, latest[row]);
        lua_rawseti(L, -3, (int)(row + 1));
        lsl_push_integer(L, (int64_t)times[row]);
        lua_rawseti(L, -2, (int)(row + 1));
    }
    return 2;
}

#define MOST_LATEST 1000

static void push_event(lua_State *L, const ls_dataset *dataset, uint64_t event)
{
    const char *name;
    lua_newtable(L);
    lsl_push_integer(L, ls_dataset_event_time(dataset, event));
    lua_setfield(L, -2, "at");
    for (size_t i = 0; (name = ls_dataset_column(dataset, LS_EVENT, i)) != NULL; i++) {
        size_t length;
        const char *text = ls_dataset_event_value(dataset, event, name, &length);
        if (length == 0 || strcmp(name, "at") == 0)
            continue;
        lua_pushlstring(L, text, length);
        lua_setfield(L, -2, name);
    }
}

/* dataset:latest(contact row, names, at, most) -> events { event =, at =, ... }, latest first */
int lsl_dataset_latest(lua_State *L)
{
    lsl_dataset *owner = lsl_check_dataset(L);
    size_t row = lsl_check_row(L, owner, LS_CONTACT, 2), name_count, count;
    int64_t at = lsl_check_integer(L, 4), most = lsl_check_integer(L, 5);
    luaL_argcheck(L, most >= 1 && most <= MOST_LATEST, 5, "1 to 1000 events expected");
    const char *const *names = text_array(L, 3, &name_count);
    uint64_t *found = lua_newuserdata(L, (size_t)most * sizeof *found);
    ls_error error;
    if (ls_dataset_latest(owner->dataset, row, names, name_count, at, (size_t)most, found, &count,
                          &error) != LS_OK)
        return lsl_fail(L, &error);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_event(L, owner->dataset, found[i]);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}
