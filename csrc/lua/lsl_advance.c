/* Ledgers that are advanced: changes as tables, and when contacts are due. */
#include "lsl.h"

#include "ls_ledger.h"

static void set_label(lua_State *L, const char *key, const char *label, size_t length)
{
    if (length != 0) {
        lua_pushlstring(L, label, length);
        lua_setfield(L, -2, key);
    }
}

static void set_value(lua_State *L, const char *key, bool there, int64_t points)
{
    if (there) {
        lsl_push_points(L, points);
        lua_setfield(L, -2, key);
    }
}

static void push_why(lua_State *L, ls_ledger_why why)
{
    switch (why) {
    case LS_WHY_EVENT: lua_pushliteral(L, "event"); break;
    case LS_WHY_PROPERTY: lua_pushliteral(L, "property"); break;
    case LS_WHY_DEFINITION: lua_pushliteral(L, "definition"); break;
    default: lua_pushliteral(L, "time"); break;
    }
}

static void push_change(lua_State *L, const ls_ledger *ledger, const ls_ledger_change *change)
{
    size_t length;
    const char *id = ls_ledger_id(ledger, change->row, &length);
    lua_createtable(L, 0, 7);
    lua_pushlstring(L, id, length);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, ls_plan_name(ledger->plan, change->definition));
    lua_setfield(L, -2, "score");
    set_value(L, "from", change->had, change->from);
    set_value(L, "to", change->has, change->to);
    set_label(L, "label_from", change->label_from, change->label_from_length);
    set_label(L, "label_to", change->label_to, change->label_to_length);
    push_why(L, change->why);
    lua_setfield(L, -2, "why");
    if (change->quiet) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "quiet");
    }
}

/* ledger, at, quiet: a list of changes. They are taken once all of them are in it. */
int lsl_ledger_advance(lua_State *L)
{
    ls_ledger *ledger = lsl_check_ledger(L);
    int64_t at = lsl_check_integer(L, 2);
    bool quiet = lua_toboolean(L, 3) != 0;
    ls_error error;
    if (ls_ledger_advance(ledger, at, quiet, &error) != LS_OK)
        return lsl_fail(L, &error);
    size_t count = ls_ledger_change_count(ledger);
    lua_createtable(L, count < 1000000 ? (int)count : 1000000, 0);
    for (size_t i = 0; i < count; i++) {
        ls_ledger_change change;
        ls_ledger_change_get(ledger, i, &change);
        push_change(L, ledger, &change);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    ls_ledger_changes_taken(ledger);
    return 1;
}

/* ledger, hears: whether quiet changes are in the list too. */
int lsl_ledger_hear(lua_State *L)
{
    ls_ledger_hear(lsl_check_ledger(L), lua_toboolean(L, 2) != 0);
    return 0;
}

static int push_due(lua_State *L, int64_t due)
{
    if (due == INT64_MAX)
        lua_pushboolean(L, 0);
    else
        lsl_push_integer(L, due);
    return 1;
}

/* ledger, id, at: seconds; false: never. */
int lsl_ledger_due_at(lua_State *L)
{
    ls_ledger *ledger = lsl_check_ledger(L);
    int64_t row = lsl_ledger_row(L), at = lsl_check_integer(L, 3), due;
    ls_error error;
    if (row < 0)
        return lsl_ledger_unknown(L);
    if (ls_ledger_due_at(ledger, (size_t)row, at, &due, &error) != LS_OK)
        return lsl_fail(L, &error);
    return push_due(L, due);
}

/* ledger: when the first contact is due, seconds; false: never, true: at once. */
int lsl_ledger_soonest(lua_State *L)
{
    int64_t due = ls_ledger_soonest(lsl_check_ledger(L));
    if (due != INT64_MIN)
        return push_due(L, due);
    lua_pushboolean(L, 1);
    return 1;
}

/* ledger, definition (from 1): its labels. */
int lsl_ledger_labels(lua_State *L)
{
    const ls_plan *plan = lsl_check_ledger(L)->plan;
    luaL_argcheck(L, plan != NULL, 1, "the ledger has no definitions");
    size_t index = lsl_check_index(L, 2, ls_plan_count(plan), "definitions");
    const ls_definition *definition = &plan->definitions[index];
    lua_createtable(L, (int)definition->label_count, 0);
    for (size_t i = 0; i < definition->label_count; i++) {
        lua_pushstring(L, definition->labels[i]);
        lua_rawseti(L, -2, (int)(i + 1));
    }
    return 1;
}
