/* Taking a line of a log apart. Lines as the gateway writes them are read where they stand: an
 * object of texts without escapes, numbers, true, false and null, `properties` one more such. Any
 * other line, good or bad, goes to the JSON reader, whose word counts. */
#include "ls_log.h"

/* Objects in objects are no values, so nesting serves nothing but to be named in a message. */
#define MOST_NESTED 32

void ls_log_line_free(ls_log_line *line)
{
    ls_arena_free(&line->arena);
    ls_free(line->context, line->members, line->capacity * sizeof *line->members);
    ls_free(line->context, line->texts, line->text_capacity);
    line->members = NULL;
    line->texts = NULL;
}

static ls_log_member *add_member(ls_log_line *line)
{
    if (LS_UNLIKELY(line->count == line->capacity) &&
        ls_grow(line->context, &line->members, &line->capacity, line->count + 1,
                sizeof *line->members) != LS_OK)
        return NULL;
    return &line->members[line->count++];
}

/* ---- usual lines ----------------------------------------------------------------------------- */

typedef struct scan {
    const char *at, *end;
} scan;

LS_INLINE void pass_blanks(scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
        scan->at++;
}

LS_INLINE bool pass(scan *scan, char wanted)
{
    pass_blanks(scan);
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

/* A mark in the highest bit of each byte of the word that ends a plain text: a quote, a backslash,
 * a control character; bytes after the first mark may be marked wrongly. */
LS_INLINE uint64_t find_ends(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
            ((word - ones * 0x20) & ~word)) &
           high;
}

/* A text without escapes, from its opening quote on. */
LS_INLINE bool scan_text(scan *scan, ls_string *text)
{
    if (scan->at == scan->end || *scan->at != '"')
        return false;
    const char *start = ++scan->at;
    for (;; scan->at += 8) {
        uint64_t ends = find_ends(ls_load_64(scan->at));
        if (ends != 0) {
            scan->at += __builtin_ctzll(ends) / 8;
            break;
        }
        if (scan->end - scan->at <= 8)
            return false;
    }
    if (scan->at >= scan->end || *scan->at != '"')
        return false;
    *text = (ls_string){start, (size_t)(scan->at - start)};
    scan->at++;
    return true;
}

LS_INLINE bool is_digit(const scan *scan)
{
    return scan->at < scan->end && (unsigned char)(*scan->at - '0') <= 9;
}

static bool scan_digits(scan *scan)
{
    const char *start = scan->at;
    while (is_digit(scan))
        scan->at++;
    return scan->at != start;
}

static bool scan_number(scan *scan, ls_string *text)
{
    const char *start = scan->at;
    scan->at += *scan->at == '-';
    bool zero = is_digit(scan) && *scan->at == '0';
    if (!scan_digits(scan) || (zero && scan->at[-1] != '0') ||
        (zero && scan->at - start > 1 + (*start == '-')))
        return false;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    *text = (ls_string){start, (size_t)(scan->at - start)};
    return true;
}

static bool scan_word(scan *scan, const char *word, size_t length)
{
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool scan_value(scan *scan, ls_log_member *member)
{
    pass_blanks(scan);
    if (scan->at == scan->end)
        return false;
    const char *start = scan->at;
    switch (*start) {
    case '"': member->kind = LS_JSON_TEXT; return scan_text(scan, &member->text);
    case 't':
        member->kind = LS_JSON_TRUE;
        member->text = (ls_string){start, 4};
        return scan_word(scan, "true", 4);
    case 'f':
        member->kind = LS_JSON_FALSE;
        member->text = (ls_string){start, 5};
        return scan_word(scan, "false", 5);
    case 'n':
        member->kind = LS_JSON_NULL;
        member->text = (ls_string){start, 0};
        return scan_word(scan, "null", 4);
    case '{':
    case '[': return false;
    default: member->kind = LS_JSON_NUMBER; return scan_number(scan, &member->text);
    }
}

/* The members of an object after its bracket. LS_OK; LS_ERROR_INPUT: it is unusual. */
static int scan_members(ls_log_line *line, scan *scan, bool inner)
{
    if (pass(scan, '}'))
        return LS_OK;
    do {
        ls_log_member *member = add_member(line);
        if (member == NULL)
            return LS_ERROR_MEMORY;
        member->inner = inner;
        pass_blanks(scan);
        if (!scan_text(scan, &member->key) || !pass(scan, ':'))
            return LS_ERROR_INPUT;
        if (!inner && ls_string_equal(member->key, "properties", 10) && pass(scan, '{')) {
            line->count--;
            if (line->nested++ != 0)
                return LS_ERROR_INPUT; /* given twice */
            int status = scan_members(line, scan, true);
            if (status != LS_OK)
                return status;
        } else if (!scan_value(scan, member)) {
            return LS_ERROR_INPUT;
        }
    } while (pass(scan, ','));
    return pass(scan, '}') ? LS_OK : LS_ERROR_INPUT;
}

static int scan_line(ls_log_line *line, const char *text, size_t length)
{
    scan scan = {text, text + length};
    if (!pass(&scan, '{'))
        return LS_ERROR_INPUT;
    int status = scan_members(line, &scan, false);
    pass_blanks(&scan);
    return status == LS_OK && scan.at != scan.end ? LS_ERROR_INPUT : status;
}

/* ---- unusual ones ---------------------------------------------------------------------------- */

static void add_text(ls_log_line *line, const char *text, size_t length)
{
    memcpy(line->texts + line->text_used, text, length);
    line->text_used += length;
}

/* Adds a scalar's text; false if it is none. */
static bool add_scalar(ls_log_line *line, const ls_json *value)
{
    switch (value->kind) {
    case LS_JSON_NULL: return true;
    case LS_JSON_FALSE: add_text(line, "false", 5); return true;
    case LS_JSON_TRUE: add_text(line, "true", 4); return true;
    case LS_JSON_NUMBER:
    case LS_JSON_TEXT: add_text(line, value->text.text, value->text.length); return true;
    default: return false;
    }
}

static bool add_list(ls_log_line *line, const ls_json *list)
{
    for (const ls_json *value = list->first; value != NULL; value = value->next) {
        if (!add_scalar(line, value))
            return false;
        if (value->next != NULL)
            add_text(line, ";", 1);
    }
    return true;
}

static ls_string value_text(ls_log_line *line, const ls_json *value)
{
    size_t start = line->text_used;
    bool flat = value->kind == LS_JSON_ARRAY ? add_list(line, value) : add_scalar(line, value);
    if (flat)
        return (ls_string){line->texts + start, line->text_used - start};
    line->text_used = start;
    return (ls_string){ls_nested_value, 0};
}

static ls_string key_text(ls_log_line *line, ls_string key)
{
    size_t start = line->text_used;
    add_text(line, key.text, key.length);
    return (ls_string){line->texts + start, key.length};
}

static int take_members(ls_log_line *line, const ls_json *object, bool inner)
{
    int status = LS_OK;
    for (const ls_json *json = object->first; json != NULL && status == LS_OK; json = json->next) {
        if (!inner && json->kind == LS_JSON_OBJECT &&
            ls_string_equal(json->key, "properties", 10)) {
            line->nested++;
            status = take_members(line, json, true);
            continue;
        }
        ls_log_member *member = add_member(line);
        if (member == NULL)
            return LS_ERROR_MEMORY;
        *member = (ls_log_member){.key = key_text(line, json->key),
                                  .text = value_text(line, json),
                                  .kind = (uint8_t)json->kind,
                                  .inner = inner};
    }
    return status;
}

int ls_log_refuse(ls_log_line *line, const char *message)
{
    memcpy(line->message, message, strlen(message) + 1);
    line->bad = 0;
    return LS_ERROR_INPUT;
}

static int read_tree(ls_log_line *line, const char *text, size_t length)
{
    ls_json *object = NULL;
    ls_error problem;
    ls_arena_free(&line->arena);
    int status =
        (line->bytes ? ls_json_read_bytes : ls_json_read)(&line->arena, text, length, MOST_NESTED,
                                                          LS_MAX_ROW, &object, &problem);
    if (status == LS_ERROR_MEMORY)
        return status;
    if (status != LS_OK) {
        const char *colon = strstr(problem.message, ": "); /* after "line 1" */
        return ls_log_refuse(line, colon != NULL ? colon + 2 : problem.message);
    }
    if (object->kind != LS_JSON_OBJECT)
        return ls_log_refuse(
            line, "expected an object, such as {\"v\":1,\"op\":\"forget\",\"id\":\"7\"}");
    line->text_used = 0;
    /* Keys and texts are no longer than the line. */
    if (ls_grow(line->context, &line->texts, &line->text_capacity, length + LS_WINDOW_SLACK, 1) !=
        LS_OK)
        return LS_ERROR_MEMORY;
    return take_members(line, object, false);
}

int ls_log_line_read(ls_log_line *line, const char *text, size_t length)
{
    int status = LS_ERROR_INPUT;
    line->count = line->nested = 0;
    if (line->bytes || ls_utf8_valid(text, length))
        status = scan_line(line, text, length);
    if (status != LS_ERROR_INPUT)
        return status;
    line->count = line->nested = 0;
    return read_tree(line, text, length);
}
