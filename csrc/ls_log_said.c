/* What a line of a log says: its members that are not properties, and which are. What can be told
 * without the dataset or ledger that it is for is told here. */
#include "ls_log.h"

#include "ls_coder.h"

/* ---- refusing -------------------------------------------------------------------------------- */

static int shown(ls_string text)
{
    return (int)ls_min((int64_t)text.length, 60);
}

static int refuse(ls_log_line *line, const ls_error *reason, const ls_log_member *member)
{
    (void)ls_log_refuse(line, reason->message);
    if (member != NULL)
        line->bad = (size_t)(member - line->members) + 1;
    return LS_ERROR_INPUT;
}

int ls_log_refuse_member(ls_log_line *line, const char *name, const char *expected,
                         const ls_log_member *member)
{
    ls_error reason;
    if (member == NULL || member->kind == LS_JSON_NULL)
        ls_fail(&reason, LS_ERROR_INPUT, "%s: expected %s, got nothing", name, expected);
    else if (member->kind == LS_JSON_ARRAY || member->kind == LS_JSON_OBJECT)
        ls_fail(&reason, LS_ERROR_INPUT, "%s: expected %s, got %s", name, expected,
                member->kind == LS_JSON_ARRAY ? "a list" : "an object");
    else if (member->kind == LS_JSON_TEXT)
        ls_fail(&reason, LS_ERROR_INPUT, "%s: expected %s, got \"%.*s\"", name, expected,
                shown(member->text), member->text.text);
    else
        ls_fail(&reason, LS_ERROR_INPUT, "%s: expected %s, got %.*s", name, expected,
                shown(member->text), member->text.text);
    return refuse(line, &reason, member);
}

int ls_log_refuse_empty(ls_log_line *line, const char *name, const char *expected,
                        const ls_log_member *member)
{
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "%s: expected %s, got nothing", name, expected);
    return refuse(line, &reason, member);
}

static int refuse_name(ls_log_line *line, const ls_log_member *member, const char *what)
{
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "%.*s: %s", shown(member->key), member->key.text, what);
    return refuse(line, &reason, member);
}

int ls_log_refuse_twice(ls_log_line *line, const ls_log_member *member)
{
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "a key given twice: \"%.*s\"", shown(member->key),
            member->key.text);
    return refuse(line, &reason, member);
}

static bool has_zero(ls_string text)
{
    return text.length != 0 && memchr(text.text, '\0', text.length) != NULL;
}

static bool is(ls_string name, const char *word)
{
    return ls_string_equal(name, word, strlen(word));
}

/* ---- members --------------------------------------------------------------------------------- */

/* Where a member of this name is kept; NULL: it is a property. */
static const ls_log_member **own_slot(ls_log_line *line, ls_string name)
{
    switch (name.length) {
    case 1: return name.text[0] == 'v' ? &line->version : NULL;
    case 2:
        if (is(name, "op"))
            return &line->op_name;
        if (is(name, "ts"))
            return &line->stamp;
        return is(name, "id") ? &line->id : is(name, "at") ? &line->at : NULL;
    case 5: return is(name, "event") ? &line->event : NULL;
    case 10:
        if (is(name, "contact_id"))
            return &line->contact;
        return is(name, "properties") ? &line->properties : NULL;
    default: return NULL;
    }
}

static void clear_own(ls_log_line *line)
{
    line->version = line->op_name = line->stamp = line->contact = NULL;
    line->id = line->event = line->at = line->properties = NULL;
}

static int find_own(ls_log_line *line)
{
    clear_own(line);
    for (size_t i = 0; i < line->count; i++) {
        ls_log_member *member = &line->members[i];
        const ls_log_member **slot = member->inner ? NULL : own_slot(line, member->key);
        member->property = slot == NULL;
        if (has_zero(member->key)) {
            (void)ls_log_refuse(line, "a zero byte in a name");
            line->bad = i + 1;
            return LS_ERROR_INPUT;
        }
        if (has_zero(member->text))
            return refuse_name(line, member, "expected text, got a NUL byte");
        if (slot != NULL && *slot != NULL)
            return ls_log_refuse_twice(line, member);
        if (slot != NULL)
            *slot = member;
    }
    if (line->properties != NULL && line->properties->kind != LS_JSON_NULL)
        return ls_log_refuse_member(line, "properties", "an object", line->properties);
    return LS_OK;
}

static int read_op(ls_log_line *line)
{
    if (line->version == NULL || line->version->kind != LS_JSON_NUMBER ||
        !is(line->version->text, "1"))
        return ls_log_refuse_member(line, "v", "version 1 of the log", line->version);
    line->op = LS_LOG_NOTHING;
    if (line->op_name != NULL && line->op_name->kind == LS_JSON_TEXT) {
        ls_string name = line->op_name->text;
        line->op = is(name, "event")    ? LS_LOG_EVENT
                   : is(name, "set")    ? LS_LOG_SET
                   : is(name, "forget") ? LS_LOG_FORGET
                                        : LS_LOG_NOTHING;
    }
    if (line->op == LS_LOG_NOTHING)
        return ls_log_refuse_member(line, "op", "event, set or forget", line->op_name);
    return LS_OK;
}

static bool read_integer(ls_string text, int64_t *out)
{
    bool negative = text.length != 0 && text.text[0] == '-';
    uint64_t number = 0;
    if (text.length - negative > 19)
        return false;
    for (size_t i = negative; i < text.length; i++) {
        unsigned digit = (unsigned char)text.text[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        number = number * 10 + digit;
    }
    if (number > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* A line without a stamp comes after the one before it. */
static int read_stamp(ls_log_line *line, int64_t before)
{
    line->at_stamp = before;
    if (line->stamp == NULL || line->stamp->kind == LS_JSON_NULL)
        return LS_OK;
    if (line->stamp->kind != LS_JSON_NUMBER || !read_integer(line->stamp->text, &line->at_stamp))
        return ls_log_refuse_member(line, "ts", "a whole number", line->stamp);
    return LS_OK;
}

static bool is_id(const ls_log_member *member)
{
    return member->kind == LS_JSON_TEXT || member->kind == LS_JSON_NUMBER;
}

static int read_contact(ls_log_line *line)
{
    bool other = line->contact == NULL && line->op != LS_LOG_EVENT && line->id != NULL;
    const ls_log_member *member = other ? line->id : line->contact;
    const char *name = other ? "id" : "contact_id";
    if (member == NULL || member->kind == LS_JSON_NULL)
        return ls_log_refuse_member(line, name, "an id", member);
    if (!is_id(member))
        return ls_log_refuse_member(line, name, "a text or a number", member);
    line->contact_id = ls_trimmed(member->text);
    return line->contact_id.length != 0 ? LS_OK : ls_log_refuse_empty(line, name, "an id", member);
}

/* ---- of an event and of a set ---------------------------------------------------------------- */

static int check_event(ls_log_line *line)
{
    if (line->event == NULL || !is_id(line->event))
        return ls_log_refuse_member(line, "event", "a name", line->event);
    if (line->at == NULL || !is_id(line->at))
        return ls_log_refuse_member(line, "at", "a time", line->at);
    if (line->id == NULL)
        return LS_OK;
    line->members[line->id - line->members].property = true; /* besides being its identity */
    return line->id->kind == LS_JSON_NULL || is_id(line->id)
               ? LS_OK
               : ls_log_refuse_member(line, "id", "a text or a number", line->id);
}

/* An id beside the contact's says the same, or something is wrong. */
static int check_same_id(ls_log_line *line, const ls_log_member *id)
{
    ls_string other = ls_trimmed(id->text);
    if (id->kind == LS_JSON_NULL ||
        (is_id(id) && ls_string_equal(other, line->contact_id.text, line->contact_id.length)))
        return LS_OK;
    return refuse_name(line, id, "expected no other id than the contact's");
}

static int check_set(ls_log_line *line)
{
    const ls_log_member *const own[] = {line->event, line->at};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] != NULL)
            line->members[own[i] - line->members].property = true;
    return line->contact != NULL && line->id != NULL ? check_same_id(line, line->id) : LS_OK;
}

/* Members that stand beside `op` and nowhere else. */
static int check_inner(ls_log_line *line, ls_log_member *member)
{
    ls_string name = member->key;
    if (line->op == LS_LOG_EVENT &&
        (is(name, "contact_id") || is(name, "event") || is(name, "at") || is(name, "id")))
        return refuse_name(line, member, "expected beside op, got it among properties");
    if (line->op != LS_LOG_SET || !is(name, "id"))
        return LS_OK;
    member->property = false;
    return check_same_id(line, member);
}

static int check_properties(ls_log_line *line)
{
    int status = line->op == LS_LOG_EVENT ? check_event(line) : check_set(line);
    for (size_t i = 0; i < line->count && status == LS_OK && line->nested != 0; i++)
        if (line->members[i].inner)
            status = check_inner(line, &line->members[i]);
    return status;
}

int ls_log_understand(ls_log_line *line, int64_t before)
{
    int status = find_own(line);
    if (status == LS_OK)
        status = read_op(line);
    if (status == LS_OK)
        status = read_stamp(line, before);
    if (status == LS_OK)
        status = read_contact(line);
    if (status == LS_OK && line->op != LS_LOG_FORGET)
        status = check_properties(line);
    return status;
}
