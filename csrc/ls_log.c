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
static int refuse(ls_reading *reading, size_t field, const char *reason, ls_error *error)
{
    int status = ls_refuse_row(reading, reading->log->row, field, reason, error);
    return status == LS_OK ? LS_MORE : status;
}

/* The number of a member in its line. */
static size_t number_of(const ls_reading *reading, const ls_log_member *member)
{
    return (size_t)(member - reading->log->line.members) + 1;
}

/* The same of a line that said why itself. */
static int refuse_line(ls_reading *reading, int status, ls_error *error)
{
    return status == LS_ERROR_MEMORY
               ? ls_fail_memory(error)
               : refuse(reading, reading->log->line.bad, reading->log->line.message, error);
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
        return ls_refuse_cell(reading, reading->log->row, number_of(reading, member),
                              nested.message, error);
    }
    if (!ls_column_unreadable(column, code))
        return LS_OK;
    ls_string text = ls_dictionary_text(&column->dictionary, code);
    ls_bad_cell_text(column->name, text, ls_unreadable_type(column->types, text), reason);
    return ls_refuse_cell(reading, reading->log->row, number_of(reading, member), reason, error);
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

/* Sets the member's field to the code of its name, made if it is new; 0: it is passed over. */
static int find_field(ls_reading *reading, log_names *names, ls_log_member *member, ls_error *error)
{
    const ls_string name = member->key;
    member->field = 0;
    if (name.length == 0)
        return LS_OK; /* an unnamed member is no property */
    uint32_t hash = ls_hash_text(&names->keys, name.text, name.length);
    uint32_t code = ls_dictionary_seek(&names->keys, name.text, name.length, hash);
    if (LS_UNLIKELY(code == LS_NO_CODE)) {
        if (is_worthless(reading, names, name))
            return LS_OK;
        if (names->keys.count > LS_MAX_COLUMNS && !reading->dataset->expecting)
            return refuse(reading, number_of(reading, member),
                          "expected at most 10000 names of properties, got more", error);
        code = ls_dictionary_append(&names->keys, name.text, name.length, hash);
        if (code == LS_NO_CODE || add_field(reading, names, name) != LS_OK)
            return ls_fail_memory(error);
    }
    member->field = code;
    return LS_OK;
}

/* ---- properties ------------------------------------------------------------------------------ */

/* Finds the columns of all properties: nothing is kept before. */
static int find_fields(ls_reading *reading, log_names *names, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    uint32_t line = reading->dataset->ingest->log->line_count;
    for (size_t i = 0; i < log->line.count; i++) {
        ls_log_member *member = &log->line.members[i];
        member->field = 0;
        int status = member->property ? find_field(reading, names, member, error) : LS_OK;
        if (status != LS_OK)
            return status;
        if (member->field == 0)
            continue;
        log_field *field = &names->fields[member->field - 1];
        if (field->seen == line)
            return refuse_line(reading, ls_log_refuse_twice(&log->line, member), error);
        field->seen = line;
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

static int take_set(ls_reading *reading, ls_string id, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    int status = find_fields(reading, &log->contacts, error);
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
    ls_log_line *line = &log->line;
    char reason[LS_ERROR_TEXT];
    event->name = ls_coder_code(&log->event_coder, &reading->dataset->events.event,
                                ls_trimmed(line->event->text), log->row->line);
    if (event->name == LS_NO_CODE)
        return ls_fail_memory(error);
    if (event->name == 0)
        return refuse_line(reading, ls_log_refuse_empty(line, "event", "a name", line->event),
                           error);
    if (ls_reads_empty(reading, ls_trimmed(line->at->text)))
        return refuse_line(reading, ls_log_refuse_empty(line, "at", "a time", line->at), error);
    if (!ls_read_event_time(&log->dates, line->at->text, &event->at)) {
        ls_bad_cell_text((ls_string){"at", 2}, line->at->text, LS_DATETIME, reason);
        return refuse(reading, number_of(reading, line->at), reason, error);
    }
    ls_string identity = line->id != NULL ? ls_trimmed(line->id->text) : (ls_string){NULL, 0};
    event->identified = identity.length != 0;
    if (event->identified)
        ls_hash_identity(ls_event_id_seed(reading->dataset), identity, event->identity);
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
        status = find_fields(reading, &log->events, error);
    if (status == LS_OK)
        status = check_cell(reading, &reading->dataset->events.event, log->line.event, event.name,
                            error);
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

static int take_said(ls_reading *reading, ls_error *error)
{
    struct ls_log_reading *log = reading->log;
    int status = ls_log_understand(&log->line, log->stamp);
    if (status != LS_OK)
        return refuse_line(reading, status, error);
    log->place.stamp = log->line.at_stamp;
    switch (log->line.op) {
    case LS_LOG_EVENT: status = take_event(reading, log->line.contact_id, error); break;
    case LS_LOG_SET: status = take_set(reading, log->line.contact_id, error); break;
    default: status = take_forget(reading, log->line.contact_id, error);
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
    status = status == LS_OK ? take_said(reading, error) : refuse_line(reading, status, error);
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
