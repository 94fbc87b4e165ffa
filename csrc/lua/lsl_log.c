/* Reading one file of an event log a line at a time, for whoever replays it into something that is
 * no dataset. Values are texts, as a dataset reads them. */
#include "lsl.h"

#include "ls_log.h"

typedef struct log_reader {
    bool open;
    ls_context *context; /* counted */
    ls_ndjson lines;
    ls_log_line line;
    const char *name; /* kept */
    int64_t stamp;
    uint64_t unfinished; /* the last line, where it has no end */
    ls_row row;          /* the line at hand */
    bool said;           /* it says something */
} log_reader;

static int close_reader(lua_State *L)
{
    log_reader *reader = luaL_checkudata(L, 1, LSL_LOG_READER);
    if (reader->context == NULL)
        return 0;
    ls_ndjson_free(&reader->lines);
    ls_log_line_free(&reader->line);
    ls_context_release(reader->context);
    reader->context = NULL;
    reader->open = false;
    return 0;
}

/* log_reader(path, gzip) -> reader, or nil and an error */
int lsl_log_reader_new(lua_State *L)
{
    size_t length;
    ls_error error;
    const char *path = lsl_check_text(L, 1, &length);
    luaL_argcheck(L, length != 0 && strlen(path) == length, 1, "path expected");
    log_reader *reader = lsl_new(L, LSL_LOG_READER, sizeof *reader);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lsl_set_kept(L, lua_gettop(L) - 1);
    reader->name = path;
    reader->stamp = LS_NO_STAMP;
    reader->context = lsl_context(L);
    ls_context_retain(reader->context);
    reader->lines.window.source.file = -1;
    reader->line.context = reader->line.arena.context = reader->context;
    reader->line.bytes = true;
    const ls_input_options options = {.path = path, .name = path, .gzip = lua_toboolean(L, 2) != 0};
    if (ls_ndjson_init(&reader->lines, reader->context, 0) != LS_OK)
        return lsl_fail_memory(L);
    if (ls_source_open(&reader->lines.window.source, reader->context, &options, &error) != LS_OK)
        return lsl_fail(L, &error);
    reader->open = true;
    return 1;
}

static int refuse(lua_State *L, log_reader *reader)
{
    ls_error error;
    reader->said = false;
    ls_fail_at(&error, LS_ERROR_INPUT, reader->name, reader->row.line, reader->line.bad, "%s",
               reader->line.message);
    return lsl_fail(L, &error);
}

static int refuse_nested(lua_State *L, log_reader *reader, const ls_log_member *member)
{
    const ls_string name = member->key;
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "%.*s: expected a text, a number or a list, got an object",
            (int)ls_min((int64_t)name.length, 60), name.text);
    ls_log_refuse(&reader->line, reason.message);
    reader->line.bad = (size_t)(member - reader->line.members) + 1;
    return refuse(L, reader);
}

static void set_text(lua_State *L, ls_string name, ls_string text)
{
    lua_pushlstring(L, name.text, name.length);
    lua_pushlstring(L, text.length != 0 ? text.text : "", text.length);
    lua_rawset(L, -3);
}

static void set_member(lua_State *L, const char *name, const ls_log_member *member)
{
    if (member != NULL && member->kind != LS_JSON_NULL)
        set_text(L, (ls_string){name, strlen(name)}, member->text);
}

/* Whether the table on top has the name already. */
static bool has_name(lua_State *L, ls_string name)
{
    lua_pushlstring(L, name.text, name.length);
    lua_rawget(L, -2);
    bool has = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return has;
}

/* said() -> contact's id, the event or the properties of the line at hand, or nil and an error */
static int reader_said(lua_State *L)
{
    log_reader *reader = luaL_checkudata(L, 1, LSL_LOG_READER);
    ls_log_line *line = &reader->line;
    if (!reader->open)
        return lsl_closed(L, "log reader");
    if (!reader->said)
        return luaL_error(L, "leadscore: there is no line at hand");
    luaL_checkstack(L, 8, NULL);
    lua_pushlstring(L, line->contact_id.text, line->contact_id.length);
    lua_createtable(L, 0, (int)ls_min((int64_t)line->count, 64));
    for (size_t i = 0; i < line->count && line->op != LS_LOG_FORGET; i++) {
        const ls_log_member *member = &line->members[i];
        if (!member->property || member->key.length == 0)
            continue;
        if (member->text.text == ls_nested_value)
            return refuse_nested(L, reader, member);
        if (has_name(L, member->key)) {
            ls_log_refuse_twice(line, member);
            return refuse(L, reader);
        }
        set_text(L, member->key, member->text);
    }
    if (line->op == LS_LOG_EVENT) {
        set_text(L, (ls_string){"contact_id", 10}, line->contact_id);
        set_member(L, "event", line->event);
        set_member(L, "at", line->at);
        set_member(L, "id", line->id);
    }
    return 2;
}

static bool is_blank(const ls_row *row)
{
    bool blank = true;
    for (uint32_t i = 0; i < row->length; i++)
        blank = blank && (row->text[i] == ' ' || row->text[i] == '\t' || row->text[i] == '\r');
    return blank;
}

/* The next line that is to be read; row->text is NULL at the end. */
static int next_row(log_reader *reader, ls_row *row, ls_error *error)
{
    int status;
    do {
        status = ls_ndjson_next_line(&reader->lines, row, error);
        if (status != LS_OK || row->text == NULL)
            return status;
        if (row->problem != LS_ROW_GOOD)
            return ls_fail_at(error, LS_ERROR_INPUT, reader->name, row->line, 0,
                              "expected a line of at most %zu bytes, got a longer one", LS_MAX_ROW);
        if (reader->lines.unended && !is_blank(row))
            reader->unfinished = row->line;
    } while (reader->lines.unended || is_blank(row));
    return LS_OK;
}

/* next() -> op, stamp (false: none), line; at the end nil. Of a line that says nothing nil and an
 * error, and the next one may follow; where there is none the third value is true. */
static int reader_next(lua_State *L)
{
    static const char *const ops[] = {"", "event", "set", "forget"};
    log_reader *reader = luaL_checkudata(L, 1, LSL_LOG_READER);
    ls_log_line *line = &reader->line;
    ls_error error;
    if (!reader->open)
        return lsl_closed(L, "log reader");
    luaL_checkstack(L, 8, NULL);
    reader->said = false;
    int status = next_row(reader, &reader->row, &error);
    if (status == LS_OK && reader->row.text == NULL) {
        lua_pushnil(L);
        return 1;
    }
    if (status == LS_OK) {
        int read = ls_log_line_read(line, reader->row.text, reader->row.length);
        read = read == LS_OK ? ls_log_understand(line, reader->stamp) : read;
        if (read == LS_ERROR_INPUT)
            return refuse(L, reader);
        status = read == LS_OK ? LS_OK : ls_fail_memory(&error);
    }
    if (status != LS_OK) {
        lsl_fail(L, &error);
        lua_pushboolean(L, 1);
        return 3;
    }
    reader->stamp = line->at_stamp;
    reader->said = true;
    lua_pushstring(L, ops[line->op]);
    if (line->at_stamp == LS_NO_STAMP)
        lua_pushboolean(L, 0);
    else
        lsl_push_integer(L, line->at_stamp);
    lsl_push_integer(L, (int64_t)reader->row.line);
    return 3;
}

/* The last line where it has no end, or nil; once next has answered nil. */
static int reader_unfinished(lua_State *L)
{
    const log_reader *reader = luaL_checkudata(L, 1, LSL_LOG_READER);
    if (reader->unfinished != 0)
        lsl_push_integer(L, (int64_t)reader->unfinished);
    else
        lua_pushnil(L);
    return 1;
}

static int print_reader(lua_State *L)
{
    const log_reader *reader = luaL_checkudata(L, 1, LSL_LOG_READER);
    lua_pushfstring(L, LSL_LOG_READER " (%s)", reader->open ? reader->name : "closed");
    return 1;
}

void lsl_open_log(lua_State *L, int context)
{
    static const luaL_Reg functions[] = {
        {"__gc", close_reader},
        {"__close", close_reader},
        {"close", close_reader},
        {"__tostring", print_reader},
        {"next", reader_next},
        {"said", reader_said},
        {"unfinished", reader_unfinished},
        {NULL, NULL},
    };
    lsl_class(L, context, LSL_LOG_READER, functions);
}
