/* Prints checked definitions as the canonical form: JSON with sorted keys and exact numbers, the
 * same text however a definition was written. In the identity text, over which the fingerprint is
 * taken, texts are folded and what is for people alone is left out.
 *
 * Every kind of table has its list of members in byte order, each with its printer, which gets the
 * value on top of the stack and leaves it there. What has no order (children of filters, tests,
 * values) is sorted by its printed text, without repeats. */
#include "lsl.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_DEPTH 200 /* nested tables, far above what the checker lets through */

typedef struct printer {
    lua_State *L;
    ls_buffer *text;
    ls_buffer *pieces; /* of the lists that are being printed, the innermost last */
    ls_buffer *spare;
    int depth;
    bool identity;
    bool points; /* literals are points rather than numbers */
} printer;

typedef void print_value(printer *p);

typedef struct member {
    const char *name;
    print_value *print;
} member;

#define LIST_END                                                                                   \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* ---- text ------------------------------------------------------------------------------------ */

static void add(printer *p, const char *text, size_t length)
{
    ls_buffer_add(p->text, text, length);
}

static void add_text(printer *p, const char *text)
{
    ls_buffer_add_text(p->text, text);
}

static const char *string_on_top(printer *p, size_t *length)
{
    luaL_checktype(p->L, -1, LUA_TSTRING);
    return lua_tolstring(p->L, -1, length);
}

static void add_escape(printer *p, unsigned char c)
{
    char text[8];
    const char *short_forms = "\"\"\\\\\nn\rr\tt";
    for (const char *form = short_forms; *form != '\0'; form += 2) {
        if ((unsigned char)*form == c) {
            text[0] = '\\';
            text[1] = form[1];
            add(p, text, 2);
            return;
        }
    }
    add(p, text, (size_t)snprintf(text, sizeof text, "\\u%04x", (unsigned)c));
}

static void add_quoted(printer *p, const char *text, size_t length)
{
    size_t from = 0;
    add(p, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 32 || c == '"' || c == '\\') {
            add(p, text + from, i - from);
            add_escape(p, c);
            from = i + 1;
        }
    }
    add(p, text + from, length - from);
    add(p, "\"", 1);
}

/* ---- scalars --------------------------------------------------------------------------------- */

static void print_quoted(printer *p)
{
    size_t length;
    const char *text = string_on_top(p, &length);
    add_quoted(p, text, length);
}

/* A word of the language, which needs no escapes. */
static void print_word(printer *p)
{
    size_t length;
    const char *text = string_on_top(p, &length);
    add(p, "\"", 1);
    add(p, text, length);
    add(p, "\"", 1);
}

/* Pushes the folded text of the string on top. */
static void push_folded(printer *p)
{
    size_t length;
    const char *text = string_on_top(p, &length);
    char small[LSL_SMALL_TEXT];
    if (lsl_fold_small(lsl_context(p->L), text, length, small, &length)) {
        lua_pushlstring(p->L, small, length);
        return;
    }
    ls_buffer *buffer = lsl_buffer_new(p->L);
    ls_error error;
    if (ls_fold_text(lsl_context(p->L), text, length, lsl_buffer_write, buffer, &error) != LS_OK)
        luaL_error(p->L, "%s", error.message);
    lsl_buffer_push(p->L, buffer);
    lua_remove(p->L, -2);
}

/* A text of the user's that is compared. */
static void print_text(printer *p)
{
    if (!p->identity) {
        print_quoted(p);
        return;
    }
    push_folded(p);
    print_quoted(p);
    lua_pop(p->L, 1);
}

static void print_number(printer *p)
{
    char text[LS_NUMBER_TEXT];
    luaL_checktype(p->L, -1, LUA_TNUMBER);
    add(p, text, lsl_print_number(p->L, lua_gettop(p->L), text));
}

/* An exact decimal of at most 6 places, which is also the shortest that reads back as the same
 * number. Millionths below 10^15 are rounded exactly. */
static void print_points(printer *p)
{
    char text[LS_POINTS_TEXT];
    luaL_checktype(p->L, -1, LUA_TNUMBER);
    double number = (double)lua_tonumber(p->L, -1);
    if (number == floor(number) || !(fabs(number) < 1e9)) {
        print_number(p);
        return;
    }
    int64_t points = (int64_t)floor(number * LS_MILLION + 0.5);
    add(p, text, ls_print_points(points, text));
}

static void print_boolean(printer *p)
{
    add_text(p, lua_toboolean(p->L, -1) ? "true" : "false");
}

static void print_literal(printer *p)
{
    int kind = lua_type(p->L, -1);
    if (kind == LUA_TSTRING)
        print_text(p);
    else if (kind == LUA_TBOOLEAN)
        print_boolean(p);
    else if (p->points)
        print_points(p);
    else
        print_number(p);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void enter(printer *p)
{
    luaL_checktype(p->L, -1, LUA_TTABLE);
    if (++p->depth > MOST_DEPTH)
        luaL_error(p->L, "too many nested tables");
    luaL_checkstack(p->L, 8, "too many nested tables");
}

static void leave(printer *p)
{
    p->depth--;
}

/* Pushes the member of the table on top. */
static int push_member(printer *p, const char *name)
{
    lua_pushstring(p->L, name);
    lua_rawget(p->L, -2);
    return lua_type(p->L, -1);
}

static bool has(printer *p, const char *name)
{
    int type = push_member(p, name);
    bool there = type != LUA_TNIL && lua_toboolean(p->L, -1) != 0;
    lua_pop(p->L, 1);
    return there;
}

/* Those members of the table on top that are there; false is nothing but as a boolean. */
static void add_members(printer *p, const member *list)
{
    for (; list->name != NULL; list++) {
        int type = push_member(p, list->name);
        if (type != LUA_TNIL &&
            (type != LUA_TBOOLEAN || lua_toboolean(p->L, -1) || list->print == print_boolean)) {
            add(p, "\"", 1);
            add_text(p, list->name);
            add(p, "\":", 2);
            list->print(p);
            add(p, ",", 1);
        }
        lua_pop(p->L, 1);
    }
}

/* Puts the closing bracket in the place of the last comma. */
static void close_bracket(printer *p, const char *bracket)
{
    if (p->text->length != 0 && p->text->data[p->text->length - 1] == ',')
        p->text->length--;
    add(p, bracket, 1);
}

static void print_object(printer *p, const member *list)
{
    enter(p);
    add(p, "{", 1);
    add_members(p, list);
    close_bracket(p, "}");
    leave(p);
}

/* In the list's own order. */
static void print_list(printer *p, print_value *print)
{
    enter(p);
    add(p, "[", 1);
    for (int i = 1, count = (int)lsl_rawlen(p->L, -1); i <= count; i++) {
        lua_rawgeti(p->L, -1, i);
        print(p);
        add(p, ",", 1);
        lua_pop(p->L, 1);
    }
    close_bracket(p, "]");
    leave(p);
}

/* ---- lists without an order ------------------------------------------------------------------ */

/* A printed element with the comma that follows it, and what it is sorted by: `name`, or its own
 * bytes from `key` to `key_end`. */
typedef struct piece {
    size_t start, end, key, key_end;
    const char *name;
    size_t length; /* of the name */
} piece;

static void add_piece(printer *p, piece one)
{
    ls_buffer_add(p->pieces, (const char *)&one, sizeof one);
}

/* What was added since `start`, all of it sorted by. */
static void end_piece(printer *p, size_t start)
{
    size_t end = p->text->length;
    add(p, ",", 1);
    add_piece(p, (piece){start, p->text->length, start, end, NULL, 0});
}

static int compare_pieces(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    int order = memcmp(x->name, y->name, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/* Copies the pieces in their order, each text once. */
static size_t rewrite_pieces(printer *p, piece *list, size_t count, size_t start)
{
    size_t kept = 0;
    p->spare->length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i != 0 && compare_pieces(&list[i - 1], &list[i]) == 0)
            continue;
        ls_buffer_add(p->spare, p->text->data + list[i].start, list[i].end - list[i].start);
        kept++;
    }
    if (p->spare->failed)
        luaL_error(p->L, "not enough memory");
    p->text->length = start;
    add(p, p->spare->data, p->spare->length);
    return kept;
}

/* Sorts the pieces from place `first` of p->pieces on, without repeats; answers their number. */
static size_t sort_pieces(printer *p, size_t first)
{
    if (p->text->failed || p->pieces->failed)
        luaL_error(p->L, "not enough memory");
    size_t count = (p->pieces->length - first) / sizeof(piece);
    p->pieces->length = first;
    if (count < 2)
        return count;
    piece *list = (piece *)(void *)(p->pieces->data + first);
    size_t start = list[0].start;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        if (list[i].name == NULL) {
            list[i].name = p->text->data + list[i].key;
            list[i].length = list[i].key_end - list[i].key;
        }
        sorted = sorted && (i == 0 || compare_pieces(&list[i - 1], &list[i]) < 0);
    }
    if (sorted)
        return count;
    qsort(list, count, sizeof *list, compare_pieces);
    return rewrite_pieces(p, list, count, start);
}

static void print_sorted(printer *p, print_value *print)
{
    size_t first = p->pieces->length;
    enter(p);
    add(p, "[", 1);
    for (int i = 1, count = (int)lsl_rawlen(p->L, -1); i <= count; i++) {
        size_t start = p->text->length;
        lua_rawgeti(p->L, -1, i);
        print(p);
        end_piece(p, start);
        lua_pop(p->L, 1);
    }
    sort_pieces(p, first);
    close_bracket(p, "]");
    leave(p);
}

static void print_names(printer *p)
{
    print_sorted(p, print_quoted);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool keeps_order(const char *test)
{
    static const char *const names[] = {"between", "not_between", "within", "outside"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(test, names[i]) == 0)
            return true;
    return false;
}

/* { NAME, VALUES... } */
static void print_test(printer *p)
{
    size_t first = p->pieces->length;
    enter(p);
    lua_rawgeti(p->L, -1, 1);
    bool sorted = !keeps_order(string_on_top(p, &(size_t){0}));
    add(p, "[", 1);
    print_word(p);
    add(p, ",", 1);
    lua_pop(p->L, 1);
    for (int i = 2, count = (int)lsl_rawlen(p->L, -1); i <= count; i++) {
        size_t start = p->text->length;
        lua_rawgeti(p->L, -1, i);
        print_literal(p);
        end_piece(p, start);
        lua_pop(p->L, 1);
    }
    if (sorted)
        sort_pieces(p, first);
    p->pieces->length = first;
    close_bracket(p, "]");
    leave(p);
}

static void print_tests(printer *p)
{
    print_sorted(p, print_test);
}

static void print_condition(printer *p)
{
    static const member members[] = {
        {"known", print_boolean}, {"missing", print_boolean}, {"tests", print_tests}, LIST_END};
    print_object(p, members);
}

/* ---- filters --------------------------------------------------------------------------------- */

static void print_filter(printer *p);
static void print_occurrences(printer *p);

static const char *child_kind(printer *p)
{
    return has(p, "all") ? "all" : has(p, "any") ? "any" : "none";
}

/* The children of the list on top; those of the same kind are taken in, since all of all is all. */
static void add_children(printer *p, const char *kind)
{
    enter(p);
    for (int i = 1, count = (int)lsl_rawlen(p->L, -1); i <= count; i++) {
        size_t start = p->text->length;
        lua_rawgeti(p->L, -1, i);
        luaL_checktype(p->L, -1, LUA_TTABLE);
        if (strcmp(kind, "none") != 0 && push_member(p, kind) == LUA_TTABLE) {
            add_children(p, kind);
            lua_pop(p->L, 2);
            continue;
        }
        lua_settop(p->L, lua_gettop(p->L) - (strcmp(kind, "none") != 0));
        print_filter(p);
        end_piece(p, start);
        lua_pop(p->L, 1);
    }
    leave(p);
}

/* all, any or none; one child alone, but for none, is that child. */
static void print_children(printer *p)
{
    const char *kind = child_kind(p);
    size_t first = p->pieces->length, start = p->text->length;
    add(p, "{\"", 2);
    add_text(p, kind);
    add(p, "\":[", 3);
    size_t inner = p->text->length;
    push_member(p, kind);
    add_children(p, kind);
    lua_pop(p->L, 1);
    if (sort_pieces(p, first) == 1 && strcmp(kind, "none") != 0) {
        size_t length = p->text->length - inner - 1;
        memmove(p->text->data + start, p->text->data + inner, length);
        p->text->length = start + length;
        return;
    }
    close_bracket(p, "]");
    add(p, "}", 1);
}

static void print_score_condition(printer *p)
{
    p->points = true;
    print_condition(p);
    p->points = false;
}

static void print_did(printer *p)
{
    enter(p);
    add(p, "{", 1);
    print_occurrences(p);
    close_bracket(p, "}");
    leave(p);
}

static void print_count(printer *p)
{
    static const member members[] = {{"max", print_number}, {"min", print_number}, LIST_END};
    print_object(p, members);
}

static const member property_filter[] = {{"is", print_condition},
                                         {"property", print_quoted},
                                         LIST_END};
static const member score_filter[] = {
    {"is", print_score_condition}, {"part", print_word}, {"score", print_quoted}, LIST_END};
static const member list_filter[] = {{"list", print_names}, {"member", print_boolean}, LIST_END};
static const member did_filter[] = {{"did", print_did}, {"done", print_boolean}, LIST_END};
static const member related_filter[] = {{"count", print_count},   {"every", print_boolean},
                                        {"filter", print_filter}, {"labelled", print_text},
                                        {"related", print_word},  LIST_END};

static void print_filter(printer *p)
{
    enter(p);
    if (has(p, "property"))
        print_object(p, property_filter);
    else if (has(p, "score"))
        print_object(p, score_filter);
    else if (has(p, "list"))
        print_object(p, list_filter);
    else if (has(p, "did"))
        print_object(p, did_filter);
    else if (has(p, "related"))
        print_object(p, related_filter);
    else
        print_children(p);
    leave(p);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void print_limit(printer *p)
{
    static const member members[] = {{"max", print_points}, {"min", print_points}, LIST_END};
    print_object(p, members);
}

static void print_decay(printer *p)
{
    static const member steps[] = {
        {"curve", print_word}, {"every", print_number}, {"percent", print_points}, LIST_END};
    static const member half_life[] = {{"half_life", print_number}, LIST_END};
    enter(p);
    print_object(p, has(p, "half_life") ? half_life : steps);
    leave(p);
}

static void print_times_band(printer *p)
{
    static const member members[] = {
        {"max", print_number}, {"min", print_number}, {"points", print_points}, LIST_END};
    print_object(p, members);
}

static void print_times(printer *p)
{
    print_list(p, print_times_band);
}

static void print_within(printer *p)
{
    static const member members[] = {
        {"from", print_number}, {"last", print_number}, {"until", print_number}, LIST_END};
    print_object(p, members);
}

static void print_once_per(printer *p)
{
    static const member members[] = {{"property", print_quoted}, LIST_END};
    if (lua_type(p->L, -1) == LUA_TSTRING)
        print_word(p);
    else
        print_object(p, members);
}

static void print_chosen(printer *p)
{
    static const member interval[] = {{"from", print_number}, {"until", print_number}, LIST_END};
    if (lua_type(p->L, -1) == LUA_TTABLE)
        print_object(p, interval);
    else
        print_literal(p);
}

/* Sorted by their values. */
static void print_points_by(printer *p)
{
    size_t first = p->pieces->length;
    enter(p);
    add(p, "[", 1);
    for (int i = 1, count = (int)lsl_rawlen(p->L, -1); i <= count; i++) {
        size_t start = p->text->length;
        lua_rawgeti(p->L, -1, i);
        luaL_checktype(p->L, -1, LUA_TTABLE);
        add_text(p, "{\"points\":");
        push_member(p, "points");
        print_points(p);
        lua_pop(p->L, 1);
        add_text(p, ",\"value\":");
        size_t key = p->text->length;
        push_member(p, "value");
        print_chosen(p);
        size_t key_end = p->text->length;
        add_text(p, "},");
        add_piece(p, (piece){start, p->text->length, key, key_end, NULL, 0});
        lua_pop(p->L, 2);
    }
    sort_pieces(p, first);
    close_bracket(p, "]");
    leave(p);
}

static void print_band(printer *p)
{
    static const member members[] = {{"if", print_condition}, {"points", print_points}, LIST_END};
    print_object(p, members);
}

static void print_bands(printer *p)
{
    print_list(p, print_band);
}

static void print_over(printer *p)
{
    static const member members[] = {
        {"labelled", print_text}, {"related", print_word}, {"where", print_filter}, LIST_END};
    print_object(p, members);
}

static bool rolls_up_scores(printer *p)
{
    bool score = push_member(p, "of") == LUA_TTABLE && has(p, "score");
    lua_pop(p->L, 1);
    return score;
}

static void print_of(printer *p)
{
    static const member score[] = {{"part", print_word}, {"score", print_quoted}, LIST_END};
    static const member property[] = {{"property", print_quoted}, LIST_END};
    enter(p);
    print_object(p, has(p, "score") ? score : property);
    leave(p);
}

static void print_occurrences(printer *p)
{
    static const member members[] = {{"event", print_names},         {"latest", print_number},
                                     {"limit", print_limit},         {"name", print_quoted},
                                     {"once_per", print_once_per},   {"otherwise", print_points},
                                     {"over", print_over},           {"points", print_points},
                                     {"points_by", print_points_by}, {"property", print_quoted},
                                     {"times", print_times},         {"where", print_filter},
                                     {"within", print_within},       LIST_END};
    add_members(p, members);
}

static void print_fit_members(printer *p)
{
    static const member members[] = {
        {"limit", print_limit},     {"name", print_quoted},   {"otherwise", print_points},
        {"over", print_over},       {"points", print_points}, {"points_by", print_points_by},
        {"property", print_quoted}, {"when", print_filter},   LIST_END};
    add_members(p, members);
}

static void print_rollup_members(printer *p)
{
    static const member condition[] = {{"is", print_condition}, LIST_END};
    static const member score_condition[] = {{"is", print_score_condition}, LIST_END};
    static const member members[] = {{"limit", print_limit},   {"name", print_quoted},
                                     {"of", print_of},         {"over", print_over},
                                     {"rollup", print_word},   {"top", print_number},
                                     {"weight", print_points}, LIST_END};
    add_members(p, rolls_up_scores(p) ? score_condition : condition);
    add_members(p, members);
}

/* What is there for people alone. */
static void print_for_people(printer *p, const member *list)
{
    if (!p->identity)
        add_members(p, list);
}

static const member description[] = {{"description", print_quoted}, LIST_END};

static void print_rule(printer *p)
{
    static const member first[] = {
        {"bands", print_bands}, {"combine", print_word}, {"decay", print_decay}, LIST_END};
    static const member enabled[] = {{"enabled", print_boolean}, LIST_END};
    enter(p);
    add(p, "{", 1);
    add_members(p, first);
    print_for_people(p, description);
    add_members(p, enabled);
    if (has(p, "event"))
        print_occurrences(p);
    else if (has(p, "rollup"))
        print_rollup_members(p);
    else
        print_fit_members(p);
    close_bracket(p, "}");
    leave(p);
}

static void print_rules(printer *p)
{
    print_list(p, print_rule);
}

static void print_group(printer *p)
{
    static const member members[] = {{"kind", print_word},
                                     {"limit", print_limit},
                                     {"name", print_quoted},
                                     {"rules", print_rules},
                                     LIST_END};
    enter(p);
    add(p, "{", 1);
    print_for_people(p, description);
    add_members(p, members);
    close_bracket(p, "}");
    leave(p);
}

/* ---- definitions ----------------------------------------------------------------------------- */

static void print_groups(printer *p)
{
    print_list(p, print_group);
}

static void print_definition_limit(printer *p)
{
    static const member members[] = {{"engagement", print_limit},
                                     {"fit", print_limit},
                                     {"max", print_points},
                                     {"min", print_points},
                                     LIST_END};
    print_object(p, members);
}

static void print_threshold(printer *p)
{
    static const member bound[] = {{"at_least", print_points}, LIST_END};
    static const member color[] = {{"color", print_quoted}, LIST_END};
    static const member label[] = {{"label", print_quoted}, LIST_END};
    enter(p);
    add(p, "{", 1);
    add_members(p, bound);
    print_for_people(p, color);
    add_members(p, label);
    close_bracket(p, "}");
    leave(p);
}

static void print_threshold_bands(printer *p)
{
    print_list(p, print_threshold);
}

static void print_thresholds(printer *p)
{
    static const member members[] = {{"bands", print_threshold_bands},
                                     {"engagement", print_threshold_bands},
                                     {"fit", print_threshold_bands},
                                     {"separator", print_quoted},
                                     LIST_END};
    print_object(p, members);
}

/* Names and types, sorted by the names. */
static void print_properties(printer *p)
{
    size_t first = p->pieces->length;
    enter(p);
    add(p, "{", 1);
    lua_pushnil(p->L);
    while (lua_next(p->L, -2) != 0) {
        size_t start = p->text->length, length;
        luaL_checktype(p->L, -2, LUA_TSTRING);
        const char *name = lua_tolstring(p->L, -2, &length);
        add_quoted(p, name, length);
        add(p, ":", 1);
        print_word(p);
        add(p, ",", 1);
        add_piece(p, (piece){start, p->text->length, 0, 0, name, length});
        lua_pop(p->L, 1);
    }
    sort_pieces(p, first);
    close_bracket(p, "}");
    leave(p);
}

static void print_definition(printer *p)
{
    static const member before[] = {{"empty_until_scored", print_boolean},
                                    {"groups", print_groups},
                                    {"kind", print_word},
                                    LIST_END};
    static const member label[] = {{"label", print_quoted}, LIST_END};
    static const member after[] = {{"limit", print_definition_limit},
                                   {"name", print_quoted},
                                   {"object", print_word},
                                   {"properties", print_properties},
                                   {"scope", print_filter},
                                   {"thresholds", print_thresholds},
                                   LIST_END};
    enter(p);
    add(p, "{", 1);
    print_for_people(p, description);
    add_members(p, before);
    print_for_people(p, label);
    add_members(p, after);
    close_bracket(p, "}");
    leave(p);
}

int lsl_canonical(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    printer p = {.L = L, .identity = lua_toboolean(L, 2) != 0};
    p.text = lsl_buffer_new(L);
    p.pieces = lsl_buffer_new(L);
    p.spare = lsl_buffer_new(L);
    lua_pushvalue(L, 1);
    print_list(&p, print_definition);
    if (p.text->failed)
        return luaL_error(L, "not enough memory");
    ls_buffer_free(p.pieces);
    ls_buffer_free(p.spare);
    lsl_buffer_push(L, p.text);
    return 1;
}
