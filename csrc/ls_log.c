/* Reading the files of an event log. A line is checked whole before anything of it is kept: what is
 * refused leaves nothing behind. */
#include "ls_log.h"

#include "ls_event_time.h"

/* A property's name in a file, and where its values go. */
typedef struct log_field {
    size_t column;
    bool kept;
    uint32_t seen; /* the last line that had it */
    ls_coder coder;
} log_field;

/* The names of a file's properties; the one with code i is fields[i - 1]. */
typedef struct log_names {
    ls_object object;
    ls_dictionary keys;
    log_field *fields;
    size_t capacity;
} log_names;

typedef enum log_op { OP_NONE, OP_EVENT, OP_SET, OP_FORGET } log_op;

/* The members that are not properties; NULL: not there. */
typedef struct log_own {
    const ls_log_member *version, *op, *stamp, *contact, *id, *event, *at, *properties;
} log_own;

/* A line about a contact that is not noted yet. */
#define MOST_WAITING 16
struct waiting {
    uint32_t contact;
    ls_log_place place;
};

struct ls_log_reading {
    ls_log_line line;
    log_names contacts, events;
    ls_coder event_coder;
    int64_t stamp; /* of the line before */
    ls_date_table dates;
    /* The line at hand: */
    const ls_row *row;
    log_own own;
    log_op op;
    uint32_t contact; /* code */
    ls_log_place place;
    ls_log_code *codes; /* of its properties; code 0: unknown */
    size_t code_count, code_capacity;
    struct waiting waiting[MOST_WAITING];
    size_t waiting_count;
};

/* ---- beginning and ending -------------------------------------------------------------------- */

static int init_names(log_names *names, const ls_dataset *dataset, ls_object object)
{
    names->object = object;
    return ls_dictionary_init(&names->keys, dataset->context, dataset->seed);
}

static void free_names(log_names *names, ls_context *context)
{
    if (names->keys.context != NULL)
        ls_dictionary_free(&names->keys);
    ls_free(context, names->fields, names->capacity * sizeof *names->fields);
}

static int make_log(ls_dataset *dataset)
{
    struct ls_ingest *ingest = dataset->ingest;
    if (ingest->log != NULL)
        return LS_OK;
    ingest->log = ls_allocate_zero(dataset->context, 1, sizeof *ingest->log);
    if (ingest->log == NULL)
        return LS_ERROR_MEMORY;
    ingest->log->before.place.stamp = LS_NO_STAMP;
    return ls_dictionary_init(&ingest->log->ids, dataset->context, dataset->seed);
}

int ls_log_begin(ls_reading *reading, ls_error *error)
{
    ls_dataset *dataset = reading->dataset;
    struct ls_log_reading *log = ls_allocate_zero(dataset->context, 1, sizeof *log);
    reading->log = log;
    if (log == NULL || make_log(dataset) != LS_OK ||
        init_names(&log->contacts, dataset, LS_CONTACT) != LS_OK ||
        init_names(&log->events, dataset, LS_EVENT) != LS_OK)
        return ls_fail_memory(error);
    log->line.context = log->line.arena.context = dataset->context;
    log->line.bytes = reading->lines.bytes;
    log->stamp = LS_NO_STAMP;
    ls_coder_init(&log->event_coder, dataset->context, reading->unknown, reading->unknown_count);
    log->event_coder.source = reading->source;
    return LS_OK;
}

void ls_log_end(ls_reading *reading)
{
    struct ls_log_reading *log = reading->log;
    ls_context *context = reading->dataset->context;
    if (log == NULL)
        return;
    free_names(&log->contacts, context);
    free_names(&log->events, context);
    if (log->line.context != NULL)
        ls_log_line_free(&log->line);
    ls_free(context, log->codes, log->code_capacity * sizeof *log->codes);
    ls_free(context, log, sizeof *log);
    reading->log = NULL;
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* Answers LS_MORE where the line is in the rejects now, and reading goes on. */
static int refuse(ls_reading *reading, const char *reason, ls_error *error)
{
    int status = ls_refuse_row(reading, reading->log->row, 0, reason, error);
    return status == LS_OK ? LS_MORE : status;
}

static int shown(ls_string text)
{
    return (int)ls_min((int64_t)text.length, 60);
}

static int refuse_member(ls_reading *reading, const char *name, const char *expected,
                         const ls_log_member *member, ls_error *error)
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
    return refuse(reading, reason.message, error);
}

static int refuse_name(ls_reading *reading, ls_string name, const char *what, ls_error *error)
{
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "%.*s: %s", shown(name), name.text, what);
    return refuse(reading, reason.message, error);
}

static int refuse_twice(ls_reading *reading, ls_string name, ls_error *error)
{
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "a key given twice: \"%.*s\"", shown(name), name.text);
    return refuse(reading, reason.message, error);
}

/* Lists a cell that cannot be read; its record stays. LS_OK or the error that ends the job. */
static int check_cell(ls_reading *reading, const ls_column *column, const ls_log_member *member,
                      uint32_t code, ls_error *error)
{
    char reason[LS_ERROR_TEXT];
    if (LS_UNLIKELY(member->text.text == ls_nested_value)) {
        ls_error nested;
        ls_fail(&nested, LS_ERROR_INPUT, "%s: expected a text, a number or a list, got an object",
                column->name.text);
        return ls_refuse_cell(reading, reading->log->row, 0, nested.message, error);
    }
    if (!ls_column_unreadable(column, code))
        return LS_OK;
    ls_string text = ls_dictionary_text(&column->dictionary, code);
    ls_bad_cell_text(column->name, text, ls_unreadable_type(column->types, text), reason);
    return ls_refuse_cell(reading, reading->log->row, 0, reason, error);
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is(ls_string name, const char *word)
{
    return ls_string_equal(name, word, strlen(word));
}

/* Columns that hold ids of records: ids are kept as they are, whatever texts read as empty. */
static bool holds_ids(const log_names *names, ls_string name)
{
    return names->object != LS_EVENT && (is(name, "company_id") || is(name, "contact_id"));
}

/* A name that no definition reads is worth knowing, in case that it is nearly one that is read; but
 * names are given by whoever writes events, so that there is an end to it. */
static bool is_worthless(const ls_reading *reading, const log_names *names, ls_string name)
{
    return names->keys.count > LS_MAX_COLUMNS && reading->dataset->expecting &&
           !ls_is_expected(reading->dataset, names->object, name);
}

static int add_field(ls_reading *reading, log_names *names, ls_string name)
{
    ls_dataset *dataset = reading->dataset;
    size_t index = names->keys.count - 2;
    if (ls_grow(dataset->context, &names->fields, &names->capacity, index + 1,
                sizeof *names->fields) != LS_OK)
        return LS_ERROR_MEMORY;
    log_field *field = &names->fields[index];
    memset(field, 0, sizeof *field);
    const ls_column *column = ls_find_column(reading, names->object, name, &field->column);
    if (column == NULL)
        return LS_ERROR_MEMORY;
    field->kept = column->kept;
    field->coder.source = reading->source;
    ls_coder_init(&field->coder, dataset->context, reading->unknown,
                  holds_ids(names, name) ? 0 : reading->unknown_count);
    return LS_OK;
}

/* Sets *found to the code of a name, made if it is new; 0: it is passed over. */
static int find_field(ls_reading *reading, log_names *names, ls_string name, uint32_t *found,
                      ls_error *error)
{
    *found = 0;
    if (name.length == 0)
        return LS_OK; /* an unnamed member is no property */
    uint32_t hash = ls_hash_text(&names->keys, name.text, name.length);
    uint32_t code = ls_dictionary_seek(&names->keys, name.text, name.length, hash);
    if (LS_UNLIKELY(code == LS_NO_CODE)) {
        if (memchr(name.text, '\0', name.length) != NULL)
            return refuse(reading, "a zero byte in a name", error);
        if (is_worthless(reading, names, name))
            return LS_OK;
        if (names->keys.count > LS_MAX_COLUMNS && !reading->dataset->expecting)
            return refuse(reading, "expected at most 10000 names of properties, got more", error);
        code = ls_dictionary_append(&names->keys, name.text, name.length, hash);
        if (code == LS_NO_CODE || add_field(reading, names, name) != LS_OK)
            return ls_fail_memory(error);
    }
    *found = code;
    return LS_OK;
}

/* ---- members --------------------------------------------------------------------------------- */

/* Where a member of this name is kept; NULL: it is a property. */
static const ls_log_member **own_slot(log_own *own, ls_string name)
{
    switch (name.length) {
    case 1: return name.text[0] == 'v' ? &own->version : NULL;
    case 2:
        if (is(name, "op"))
            return &own->op;
        if (is(name, "ts"))
            return &own->stamp;
        return is(name, "id") ? &own->id : is(name, "at") ? &own->at : NULL;
    case 5: return is(name, "event") ? &own->event : NULL;
    case 10:
        if (is(name, "contact_id"))
            return &own->contact;
        return is(name, "properties") ? &own->properties : NULL;
    default: return NULL;
    }
}

static int find_own(ls_reading *reading, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    memset(&log->own, 0, sizeof log->own);
    for (size_t i = 0; i < log->line.count; i++) {
        const ls_log_member *member = &log->line.members[i];
        const ls_log_member **slot = member->inner ? NULL : own_slot(&log->own, member->key);
        if (slot == NULL)
            continue;
        if (*slot != NULL)
            return refuse_twice(reading, member->key, error);
        *slot = member;
        if (member->text.length != 0 &&
            memchr(member->text.text, '\0', member->text.length) != NULL)
            return refuse_name(reading, member->key, "expected text, got a NUL byte", error);
    }
    if (log->own.properties != NULL && log->own.properties->kind != LS_JSON_NULL)
        return refuse_member(reading, "properties", "an object", log->own.properties, error);
    return LS_OK;
}

static int read_op(ls_reading *reading, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    const log_own *own = &log->own;
    if (own->version == NULL || own->version->kind != LS_JSON_NUMBER ||
        !is(own->version->text, "1"))
        return refuse_member(reading, "v", "version 1 of the log", own->version, error);
    log->op = OP_NONE;
    if (own->op != NULL && own->op->kind == LS_JSON_TEXT) {
        ls_string name = own->op->text;
        log->op = is(name, "event")    ? OP_EVENT
                  : is(name, "set")    ? OP_SET
                  : is(name, "forget") ? OP_FORGET
                                       : OP_NONE;
    }
    if (log->op == OP_NONE)
        return refuse_member(reading, "op", "event, set or forget", own->op, error);
    return LS_OK;
}

static bool read_integer(ls_string text, int64_t *out)
{
    bool negative = text.length != 0 && text.text[0] == '-';
    uint64_t number = 0;
    if (text.length - negative > 19)
        return false;
    for (size_t i = negative; i < text.length; i++) {
        unsigned digit = (unsigned char)text.text[i] - '0';
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
static int read_stamp(ls_reading *reading, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    const ls_log_member *stamp = log->own.stamp;
    log->place.stamp = log->stamp;
    if (stamp == NULL || stamp->kind == LS_JSON_NULL)
        return LS_OK;
    if (stamp->kind != LS_JSON_NUMBER || !read_integer(stamp->text, &log->place.stamp))
        return refuse_member(reading, "ts", "a whole number", stamp, error);
    return LS_OK;
}

static bool is_id(const ls_log_member *member)
{
    return member->kind == LS_JSON_TEXT || member->kind == LS_JSON_NUMBER;
}

static int read_contact(ls_reading *reading, ls_string *id, ls_error *error)
{
    const log_own *own = &reading->log->own;
    bool other = own->contact == NULL && reading->log->op != OP_EVENT && own->id != NULL;
    const ls_log_member *member = other ? own->id : own->contact;
    const char *name = other ? "id" : "contact_id";
    if (member == NULL || member->kind == LS_JSON_NULL)
        return refuse_member(reading, name, "an id", NULL, error);
    if (!is_id(member))
        return refuse_member(reading, name, "a text or a number", member, error);
    *id = ls_trimmed(member->text);
    return id->length != 0 ? LS_OK : refuse_member(reading, name, "an id", NULL, error);
}

/* ---- properties ------------------------------------------------------------------------------ */

/* Whether a member is a property of what the line is about. */
static bool is_property(const struct ls_log_reading *log, const ls_log_member *member)
{
    if (member->inner)
        return true;
    if (log->op == OP_EVENT && member == log->own.id)
        return true; /* besides being its identity */
    if (log->op == OP_SET && (member == log->own.event || member == log->own.at))
        return true;
    log_own none;
    return own_slot(&none, member->key) == NULL;
}

/* Members that stand beside `op` and nowhere else. */
static int check_name(ls_reading *reading, const ls_log_member *member, ls_string id,
                      ls_error *error)
{
    const struct ls_log_reading *log = reading->log;
    ls_string name = member->key;
    if (!member->inner)
        return LS_OK;
    if (log->op == OP_EVENT &&
        (is(name, "contact_id") || is(name, "event") || is(name, "at") || is(name, "id")))
        return refuse_name(reading, name, "expected beside op, got it among properties", error);
    ls_string text = ls_trimmed(member->text);
    if (log->op == OP_SET && is(name, "id") && !ls_string_equal(text, id.text, id.length))
        return refuse_name(reading, name, "expected no other id than the contact's", error);
    return LS_OK;
}

/* Finds the columns of all properties, and what is wrong with them: nothing is kept before. */
static int check_properties(ls_reading *reading, log_names *names, ls_string id, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    uint32_t line = reading->dataset->ingest->log->line_count;
    for (size_t i = 0; i < log->line.count; i++) {
        ls_log_member *member = &log->line.members[i];
        member->field = 0;
        if (!is_property(log, member))
            continue;
        int status = check_name(reading, member, id, error);
        if (status == LS_OK)
            status = find_field(reading, names, member->key, &member->field, error);
        if (status != LS_OK)
            return status;
        if (member->field == 0)
            continue;
        log_field *field = &names->fields[member->field - 1];
        if (field->seen == line)
            return refuse_twice(reading, member->key, error);
        field->seen = line;
        if (member->text.length != 0 &&
            memchr(member->text.text, '\0', member->text.length) != NULL)
            return refuse_name(reading, member->key, "expected text, got a NUL byte", error);
    }
    return LS_OK;
}

static ls_column *column_of(ls_dataset *dataset, const log_names *names, const log_field *field)
{
    return names->object == LS_EVENT ? &dataset->events.columns[field->column]
                                     : &dataset->tables[LS_CONTACT].columns[field->column];
}

static int add_code(ls_reading *reading, size_t column, uint32_t code)
{
    struct ls_log_reading *log = reading->log;
    if (ls_grow(reading->dataset->context, &log->codes, &log->code_capacity, log->code_count + 1,
                sizeof *log->codes) != LS_OK)
        return LS_ERROR_MEMORY;
    log->codes[log->code_count++] = (ls_log_code){(uint32_t)column, code};
    return LS_OK;
}

static int code_properties(ls_reading *reading, log_names *names, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    log->code_count = 0;
    for (size_t i = 0; i < log->line.count; i++) {
        const ls_log_member *member = &log->line.members[i];
        const log_field *field = member->field != 0 ? &names->fields[member->field - 1] : NULL;
        if (field == NULL || !field->kept)
            continue;
        ls_column *column = column_of(reading->dataset, names, field);
        uint32_t code =
            ls_coder_code(&field->coder, column, ls_trimmed(member->text), log->row->line);
        if (code == LS_NO_CODE || add_code(reading, field->column, code) != LS_OK)
            return ls_fail_memory(error);
        int status = check_cell(reading, column, member, code, error);
        if (status != LS_OK)
            return status;
    }
    return LS_OK;
}

/* ---- contacts -------------------------------------------------------------------------------- */

/* Numbers given in sequence are found without the dictionary, which does not fit the cache. */
static int note_direct(ls_log *log, ls_context *context, size_t value, uint32_t code)
{
    size_t before = log->direct_capacity;
    if (value >= 4 * log->contact_count + ((size_t)1 << 16))
        return LS_OK;
    if (ls_grow(context, &log->direct, &log->direct_capacity, value + 1, sizeof *log->direct) !=
        LS_OK)
        return LS_ERROR_MEMORY;
    if (log->direct_capacity != before)
        memset(log->direct + before, 0, (log->direct_capacity - before) * sizeof *log->direct);
    log->direct[value] = code;
    return LS_OK;
}

/* The code of a contact's id; LS_NO_CODE: no memory. */
static uint32_t code_contact(ls_reading *reading, ls_string id)
{
    ls_log *log = reading->dataset->ingest->log;
    size_t value = ls_canonical_id(id);
    if (value < log->direct_capacity && log->direct[value] != 0)
        return log->direct[value];
    uint32_t code = ls_dictionary_add(&log->ids, id.text, id.length);
    if (code != LS_NO_CODE && value != SIZE_MAX &&
        note_direct(log, reading->dataset->context, value, code) != LS_OK)
        return LS_NO_CODE;
    return code;
}

/* Sets log->contact to the code of a contact, which is made if it is new. */
static int find_contact(ls_reading *reading, ls_string id)
{
    ls_log *log = reading->dataset->ingest->log;
    uint32_t code = code_contact(reading, id);
    if (code == LS_NO_CODE || ls_grow(reading->dataset->context, &log->contacts,
                                      &log->contact_capacity, code, sizeof *log->contacts) != LS_OK)
        return LS_ERROR_MEMORY;
    if (code > log->contact_count) {
        memset(&log->contacts[code - 1], 0, sizeof *log->contacts);
        log->contact_count = code;
    }
    reading->log->contact = code;
    return LS_OK;
}

static void note_first(ls_log_contact *contact, const ls_log_place *place)
{
    if (contact->first.line == 0 || ls_log_before(place, &contact->first))
        contact->first = *place;
}

static void note_last(ls_log_place *last, const ls_log_place *place)
{
    if (last->line == 0 || ls_log_before(last, place))
        *last = *place;
}

/* Notes the lines that wait: in any order, since the first and the last of them count. */
static void note_waiting(ls_reading *reading)
{
    struct ls_log_reading *log = reading->log;
    for (size_t i = 0; i < log->waiting_count; i++) {
        const struct waiting *waiting = &log->waiting[i];
        ls_log_contact *contact = &reading->dataset->ingest->log->contacts[waiting->contact - 1];
        note_first(contact, &waiting->place);
        note_last(&contact->last, &waiting->place);
    }
    log->waiting_count = 0;
}

/* Notes that the line says something of its contact. Contacts do not fit the cache: while a few
 * lines wait, theirs come. */
static void note_said(ls_reading *reading)
{
    struct ls_log_reading *log = reading->log;
    __builtin_prefetch(&reading->dataset->ingest->log->contacts[log->contact - 1], 1);
    log->waiting[log->waiting_count++] = (struct waiting){log->contact, log->place};
    if (log->waiting_count == MOST_WAITING)
        note_waiting(reading);
}

/* ---- settings -------------------------------------------------------------------------------- */

static ls_log_setting *find_setting(const ls_log *log, uint32_t contact, uint32_t column)
{
    uint64_t hash = ls_fold_product((uint64_t)contact << 32 | column, UINT64_C(0xe7037ed1a0b428db));
    size_t mask = log->slot_count - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        ls_log_setting *slot = &log->settings[i];
        if (slot->contact == 0 || (slot->contact == contact && slot->column == column))
            return slot;
    }
}

static int grow_settings(ls_log *log, ls_context *context)
{
    ls_log grown = *log;
    if (log->slot_count > SIZE_MAX / 2)
        return LS_ERROR_MEMORY;
    grown.slot_count = log->slot_count != 0 ? log->slot_count * 2 : 64;
    grown.settings = ls_allocate_zero(context, grown.slot_count, sizeof *grown.settings);
    if (grown.settings == NULL)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < log->slot_count; i++) {
        const ls_log_setting *old = &log->settings[i];
        if (old->contact != 0)
            *find_setting(&grown, old->contact, old->column) = *old;
    }
    ls_free(context, log->settings, log->slot_count * sizeof *log->settings);
    log->settings = grown.settings;
    log->slot_count = grown.slot_count;
    return LS_OK;
}

/* Keeps a property unless a later line set it. */
static int keep_setting(ls_reading *reading, const ls_log_code *set)
{
    ls_log *log = reading->dataset->ingest->log;
    const ls_log_place *place = &reading->log->place;
    if (log->setting_count >= log->slot_count / 4 * 3 &&
        grow_settings(log, reading->dataset->context) != LS_OK)
        return LS_ERROR_MEMORY;
    ls_log_setting *slot = find_setting(log, reading->log->contact, set->column);
    ls_log_place before = {slot->stamp, slot->line};
    if (slot->contact != 0 && ls_log_before(place, &before))
        return LS_OK;
    log->setting_count += slot->contact == 0;
    *slot =
        (ls_log_setting){reading->log->contact, set->column, set->code, place->line, place->stamp};
    return LS_OK;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* An id beside the contact's says the same, or something is wrong. */
static int check_id(ls_reading *reading, ls_string id, ls_error *error)
{
    const log_own *own = &reading->log->own;
    if (own->contact == NULL || own->id == NULL || own->id->kind == LS_JSON_NULL)
        return LS_OK;
    ls_string other = ls_trimmed(own->id->text);
    if (is_id(own->id) && ls_string_equal(other, id.text, id.length))
        return LS_OK;
    return refuse_name(reading, own->id->key, "expected no other id than the contact's", error);
}

static int take_set(ls_reading *reading, ls_string id, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    int status = check_id(reading, id, error);
    if (status == LS_OK)
        status = check_properties(reading, &log->contacts, id, error);
    if (status == LS_OK)
        status = code_properties(reading, &log->contacts, error);
    if (status != LS_OK)
        return status;
    if (find_contact(reading, id) != LS_OK)
        return ls_fail_memory(error);
    note_said(reading);
    for (size_t i = 0; i < log->code_count; i++)
        if (keep_setting(reading, &log->codes[i]) != LS_OK)
            return ls_fail_memory(error);
    reading->dataset->counts.log_sets++;
    return LS_OK;
}

static int take_forget(ls_reading *reading, ls_string id, ls_error *error)
{
    ls_log *log = reading->dataset->ingest->log;
    if (find_contact(reading, id) != LS_OK)
        return ls_fail_memory(error);
    ls_log_contact *contact = &log->contacts[reading->log->contact - 1];
    note_first(contact, &reading->log->place);
    note_last(&contact->forgotten, &reading->log->place);
    log->forgets = true;
    reading->dataset->counts.log_forgets++;
    return LS_OK;
}

/* The name, the time and the identity of an event. */
static int read_event(ls_reading *reading, ls_log_event *event, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    const log_own *own = &log->own;
    char reason[LS_ERROR_TEXT];
    const ls_log_member *name = own->event, *at = own->at, *id = own->id;
    if (name == NULL || (name->kind != LS_JSON_TEXT && name->kind != LS_JSON_NUMBER))
        return refuse_member(reading, "event", "a name", name, error);
    event->name = ls_coder_code(&log->event_coder, &reading->dataset->events.event,
                                ls_trimmed(name->text), log->row->line);
    if (event->name == LS_NO_CODE)
        return ls_fail_memory(error);
    if (event->name == 0)
        return refuse_member(reading, "event", "a name", NULL, error);
    if (at == NULL || !is_id(at) || ls_reads_empty(reading, ls_trimmed(at->text)))
        return refuse_member(reading, "at", "a time", at != NULL && is_id(at) ? NULL : at, error);
    if (!ls_read_event_time(&log->dates, at->text, &event->at)) {
        ls_bad_cell_text((ls_string){"at", 2}, at->text, LS_DATETIME, reason);
        return refuse(reading, reason, error);
    }
    if (id != NULL && id->kind != LS_JSON_NULL && !is_id(id))
        return refuse_member(reading, "id", "a text or a number", id, error);
    ls_string identity = id != NULL ? ls_trimmed(id->text) : (ls_string){NULL, 0};
    event->identified = identity.length != 0;
    if (event->identified)
        ls_hash_identity(reading->dataset->seed, identity, event->identity);
    return LS_OK;
}

/* Codes of nothing need not be kept: an event lacks what it does not have. */
static void drop_unknown(struct ls_log_reading *log)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->code_count; i++)
        if (log->codes[i].code != 0)
            log->codes[kept++] = log->codes[i];
    log->code_count = kept;
}

static int take_event(ls_reading *reading, ls_string id, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    ls_log_event event = {.place = log->place};
    int status = read_event(reading, &event, error);
    if (status == LS_OK)
        status = check_properties(reading, &log->events, id, error);
    if (status == LS_OK)
        status =
            check_cell(reading, &reading->dataset->events.event, log->own.event, event.name, error);
    if (status == LS_OK)
        status = code_properties(reading, &log->events, error);
    if (status != LS_OK)
        return status;
    drop_unknown(log);
    event.count = (uint32_t)log->code_count;
    if (find_contact(reading, id) != LS_OK)
        return ls_fail_memory(error);
    note_said(reading);
    event.contact = log->contact;
    if (ls_log_put(reading->dataset, &event, log->codes) != LS_OK)
        return ls_fail_memory(error);
    reading->dataset->counts.log_events++;
    return LS_OK;
}

static int take_parsed(ls_reading *reading, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    ls_string id;
    int status = find_own(reading, error);
    if (status == LS_OK)
        status = read_op(reading, error);
    if (status == LS_OK)
        status = read_stamp(reading, error);
    if (status == LS_OK)
        status = read_contact(reading, &id, error);
    if (status != LS_OK)
        return status;
    switch (log->op) {
    case OP_EVENT: status = take_event(reading, id, error); break;
    case OP_SET: status = take_set(reading, id, error); break;
    default: status = take_forget(reading, id, error);
    }
    if (status == LS_OK)
        log->stamp = log->place.stamp;
    return status;
}

/* A line; what was refused is passed over. */
static int take_line(ls_reading *reading, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    ls_log *all = reading->dataset->ingest->log;
    if (all->line_count == UINT32_MAX)
        return ls_fail_at(error, LS_ERROR_RANGE, reading->name, log->row->line, 0,
                          "expected at most 4294967295 lines in a log, got more");
    log->place.line = ++all->line_count;
    reading->dataset->counts.log_lines++;
    int status = ls_log_line_read(&log->line, log->row->text, log->row->length);
    if (status == LS_ERROR_MEMORY)
        return ls_fail_memory(error);
    status =
        status == LS_OK ? take_parsed(reading, error) : refuse(reading, log->line.message, error);
    return status == LS_MORE ? LS_OK : status;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Whoever wrote the last line is not done with it, or did not live to be. */
static int note_tail(ls_reading *reading, const ls_row *row, ls_error *error)
{
    ls_log *log = reading->dataset->ingest->log;
    if (ls_grow(reading->dataset->context, &log->tails, &log->tail_capacity, log->tail_count + 1,
                sizeof *log->tails) != LS_OK)
        return ls_fail_memory(error);
    log->tails[log->tail_count].source = reading->source;
    log->tails[log->tail_count++].line = row->line;
    return LS_OK;
}

static bool is_blank(const ls_row *row)
{
    return ls_trim(row->text, row->length).length == 0;
}

static int read_lines(ls_reading *reading, uint64_t budget, ls_error *error)
{
    const ls_window *window = &reading->lines.window;
    uint64_t start = window->before + window->start;
    ls_row row;
    do {
        int status = ls_ndjson_next_line(&reading->lines, &row, error);
        if (status != LS_OK || row.text == NULL)
            return status;
        reading->log->row = &row;
        if (row.problem != LS_ROW_GOOD)
            status = ls_refuse_problem(reading, &row, error);
        else if (reading->lines.unended)
            status = is_blank(&row) ? LS_OK : note_tail(reading, &row, error);
        else if (!is_blank(&row))
            status = take_line(reading, error);
        if (status != LS_OK)
            return status;
    } while (budget == 0 || window->before + window->start - start < budget);
    return LS_MORE;
}

int ls_log_read(ls_reading *reading, uint64_t budget, ls_error *error)
{
    int status = read_lines(reading, budget, error);
    note_waiting(reading);
    return status;
}
