/* The job that reads one input into a dataset: it opens the source, binds the file's columns to the
 * dataset's, and hands batches of rows to their reader.
 *
 * A dataset of which a job failed or was closed early is not whole: it can be asked and closed, but
 * nothing more is read into it and its events are not grouped. */
#include "ls_scan.h"

#include "ls_links.h"
#include "ls_log.h"
#include "ls_record_scan.h"
#include "ls_threads.h"

#include <stdio.h>

/* Names that differ by so many letters at most are taken for a slip. */
#define MOST_SLIPS 3
#define LONGEST_NAME 64 /* that is looked at for slips */

/* ---- the dataset's part ---------------------------------------------------------------------- */

struct ls_ingest *ls_ingest_of(ls_dataset *dataset)
{
    if (dataset->ingest == NULL && !dataset->grouped)
        dataset->ingest = ls_allocate_zero(dataset->context, 1, sizeof *dataset->ingest);
    return dataset->ingest;
}

void ls_ingest_free(ls_dataset *dataset)
{
    struct ls_ingest *ingest = dataset->ingest;
    ls_context *context = dataset->context;
    if (ingest == NULL)
        return;
    for (ls_slab *next, *slab = ls_take_slabs(dataset, ingest->partition_count); slab != NULL;
         slab = next) {
        next = slab->next;
        ls_free(context, slab, slab->size);
    }
    ls_free(context, ingest->slabs, ingest->slab_count * sizeof *ingest->slabs);
    ls_free(context, ingest->stage, ingest->partition_count * ingest->stage_size);
    ls_free(context, ingest->staged, ingest->partition_count * sizeof *ingest->staged);
    ls_free(context, ingest->partitions, ingest->partition_count * sizeof *ingest->partitions);
    while (ingest->layout != NULL) {
        ls_layout *next = ingest->layout->next;
        ls_free(context, ingest->layout, ingest->layout->size);
        ingest->layout = next;
    }
    ls_free(context, ingest->expected, ingest->expected_capacity * sizeof *ingest->expected);
    ls_free(context, ingest->renamed, ingest->renamed_capacity * sizeof *ingest->renamed);
    ls_free(context, ingest->uuids.slots, ingest->uuids.slot_count * sizeof *ingest->uuids.slots);
    if (!ingest->shares_direct)
        ls_free(context, ingest->direct, ingest->direct_count * sizeof *ingest->direct);
    ls_free(context, ingest->hidden, ingest->hidden_words * sizeof *ingest->hidden);
    ls_log_free(dataset);
    ls_free(context, ingest, sizeof *ingest);
    dataset->ingest = NULL;
}

/* The expectation of a property, or NULL. */
static ls_expected *find_expected(const struct ls_ingest *ingest, ls_object owner, ls_string name)
{
    for (size_t i = 0; i < ingest->expected_count; i++) {
        ls_expected *expected = &ingest->expected[i];
        if (expected->owner == owner && ls_string_equal(expected->name, name.text, name.length))
            return expected;
    }
    return NULL;
}

static int expect_property(ls_dataset *dataset, const ls_property *property)
{
    struct ls_ingest *ingest = dataset->ingest;
    ls_expected *expected = find_expected(ingest, property->owner, property->name);
    if (expected == NULL) {
        char *name = ls_arena_text(&dataset->arena, property->name.text, property->name.length);
        if (name == NULL || ls_grow(dataset->context, &ingest->expected, &ingest->expected_capacity,
                                    ingest->expected_count + 1, sizeof *expected) != LS_OK)
            return LS_ERROR_MEMORY;
        expected = &ingest->expected[ingest->expected_count++];
        *expected = (ls_expected){property->owner, {name, property->name.length}, 0};
    }
    expected->types |= (uint8_t)(1 << property->type);
    if (property->owner == LS_EVENT && ls_string_equal(property->name, "event", 5))
        dataset->events.event.types |= expected->types;
    if (property->owner != LS_EVENT && ls_string_equal(property->name, "id", 2))
        dataset->tables[property->owner].id.types |= expected->types;
    return LS_OK;
}

/* Associations come from these columns too. */
static int expect_company_ids(ls_dataset *dataset)
{
    static const ls_property ids[] = {
        {.owner = LS_CONTACT, .type = LS_TEXT, .name = {"company_id", 10}},
        {.owner = LS_DEAL, .type = LS_TEXT, .name = {"company_id", 10}},
    };
    int status = expect_property(dataset, &ids[0]);
    return status == LS_OK ? expect_property(dataset, &ids[1]) : status;
}

int ls_dataset_expect(ls_dataset *dataset, const ls_plan *plan, ls_error *error)
{
    if (dataset->grouped || (dataset->ingest != NULL && dataset->ingest->begun))
        return ls_fail(error, LS_ERROR_USAGE, "plans are expected before anything is read");
    if (ls_ingest_of(dataset) == NULL)
        return ls_fail_memory(error);
    dataset->expecting = true;
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        for (size_t j = 0; j < definition->property_count; j++)
            if (expect_property(dataset, &definition->properties[j]) != LS_OK)
                return ls_fail_memory(error);
        if (definition->relates && expect_company_ids(dataset) != LS_OK)
            return ls_fail_memory(error);
    }
    return LS_OK;
}

int ls_dataset_keep(ls_dataset *dataset, ls_object object, const char *name, ls_error *error)
{
    return ls_dataset_keep_as(dataset, object, name, "text", error);
}

int ls_dataset_keep_as(ls_dataset *dataset, ls_object object, const char *name, const char *type,
                       ls_error *error)
{
    static const char *const types[] = {"text", "number", "boolean", "datetime"};
    int which = LS_TEXT;
    while (which <= LS_DATETIME && strcmp(type, types[which]) != 0)
        which++;
    if (which > LS_DATETIME)
        return ls_fail(error, LS_ERROR_USAGE, "expected text, number, boolean or datetime");
    ls_property property = {.owner = object, .type = (ls_type)which, .name = {name, strlen(name)}};
    if (dataset->grouped || (dataset->ingest != NULL && dataset->ingest->begun))
        return ls_fail(error, LS_ERROR_USAGE, "columns are kept before anything is read");
    if (ls_ingest_of(dataset) == NULL || expect_property(dataset, &property) != LS_OK)
        return ls_fail_memory(error);
    return LS_OK;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* How many letters must be changed, added or left out to make one name of the other. */
static size_t count_slips(ls_string a, ls_string b)
{
    size_t row[LONGEST_NAME + 1];
    if (a.length > LONGEST_NAME || b.length > LONGEST_NAME)
        return LONGEST_NAME;
    for (size_t j = 0; j <= b.length; j++)
        row[j] = j;
    for (size_t i = 0; i < a.length; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.length; j++) {
            size_t changed = diagonal + ((a.text[i] | 0x20) != (b.text[j] | 0x20));
            size_t shorter = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = changed < shorter ? changed : shorter;
        }
    }
    return row[b.length];
}

/* The header that looks most like the name; length 0: none does. */
static ls_string nearest_header(const ls_string *headers, size_t count, ls_string name)
{
    ls_string nearest = {"", 0};
    size_t fewest = MOST_SLIPS + 1;
    for (size_t i = 0; i < count; i++) {
        size_t slips = count_slips(name, headers[i]);
        if (slips < fewest && 2 * slips <= name.length) {
            fewest = slips;
            nearest = headers[i];
        }
    }
    return nearest;
}

static int fail_header(const ls_reading *reading, uint64_t line, ls_error *error,
                       const char *format, ...) LS_PRINTF(4, 5);
static int fail_header(const ls_reading *reading, uint64_t line, ls_error *error,
                       const char *format, ...)
{
    ls_error reason = {.status = LS_OK};
    va_list values;
    va_start(values, format);
    vsnprintf(reason.message, sizeof reason.message, format, values);
    va_end(values);
    return ls_fail_at(error, LS_ERROR_INPUT, reading->name, line, 0, "%s", reason.message);
}

static bool reads_header(const ls_rename *rename, ls_string header)
{
    return ls_string_equal(header, rename->header, strlen(rename->header));
}

/* The product's name of a column that the file calls `header`: the first, if it has several. */
static ls_string product_name(const ls_reading *reading, ls_string header)
{
    for (size_t i = 0; i < reading->rename_count; i++)
        if (reads_header(&reading->renames[i], header))
            return (ls_string){reading->renames[i].column, strlen(reading->renames[i].column)};
    return header;
}

/* The header that a product's name is read from, if there is such a rename; else the name. */
static ls_string header_of(const ls_reading *reading, ls_string name)
{
    for (size_t i = 0; i < reading->rename_count; i++)
        if (ls_string_equal(name, reading->renames[i].column, strlen(reading->renames[i].column)))
            return (ls_string){reading->renames[i].header, strlen(reading->renames[i].header)};
    return name;
}

/* ---- renames that were found ----------------------------------------------------------------- */

static bool was_renamed(const ls_reading *reading, ls_string header)
{
    const struct ls_ingest *ingest = reading->dataset->ingest;
    for (size_t i = 0; i < ingest->renamed_count; i++)
        if (ingest->renamed[i].input == reading->input &&
            ls_string_equal(ingest->renamed[i].header, header.text, header.length))
            return true;
    return false;
}

/* Notes the header of a file if a rename reads it. LS_OK or LS_ERROR_MEMORY. */
static int note_renamed(ls_reading *reading, ls_string header)
{
    struct ls_ingest *ingest = reading->dataset->ingest;
    for (size_t i = 0; i < reading->rename_count; i++) {
        if (!reads_header(&reading->renames[i], header) || was_renamed(reading, header))
            continue;
        char *copy = ls_arena_text(&reading->dataset->arena, header.text, header.length);
        if (copy == NULL ||
            ls_grow(reading->dataset->context, &ingest->renamed, &ingest->renamed_capacity,
                    ingest->renamed_count + 1, sizeof *ingest->renamed) != LS_OK)
            return LS_ERROR_MEMORY;
        ingest->renamed[ingest->renamed_count++] =
            (ls_renamed){reading->input, {copy, header.length}};
    }
    return LS_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* The columns that properties of an object go to. */
static ls_column **columns_of(ls_dataset *dataset, ls_object object, size_t **count,
                              size_t **capacity)
{
    if (object == LS_EVENT) {
        *count = &dataset->events.column_count;
        *capacity = &dataset->events.column_capacity;
        return &dataset->events.columns;
    }
    ls_table *table = &dataset->tables[object];
    *count = &table->column_count;
    *capacity = &table->column_capacity;
    return &table->columns;
}

bool ls_is_expected(const ls_dataset *dataset, ls_object object, ls_string name)
{
    return find_expected(dataset->ingest, object, name) != NULL;
}

static int add_column(ls_dataset *dataset, ls_object object, ls_string name, ls_column *column)
{
    const ls_expected *expected = find_expected(dataset->ingest, object, name);
    char *copy = ls_arena_text(&dataset->arena, name.text, name.length);
    memset(column, 0, sizeof *column);
    if (copy == NULL)
        return LS_ERROR_MEMORY;
    column->name = (ls_string){copy, name.length};
    if (dataset->expecting && expected == NULL)
        return LS_OK;
    if (expected != NULL)
        column->types = expected->types;
    return ls_column_init(dataset->context, column, dataset->seed);
}

ls_column *ls_find_column(ls_reading *reading, ls_object object, ls_string name, size_t *index)
{
    ls_dataset *dataset = reading->dataset;
    size_t *count, *capacity;
    ls_column **columns = columns_of(dataset, object, &count, &capacity);
    for (*index = 0; *index < *count; ++*index)
        if (ls_string_equal((*columns)[*index].name, name.text, name.length))
            break;
    if (*index == *count) {
        if (ls_grow(dataset->context, columns, capacity, *count + 1, sizeof **columns) != LS_OK ||
            add_column(dataset, object, name, &(*columns)[*count]) != LS_OK)
            return NULL;
        ++*count;
    }
    ls_column *column = &(*columns)[*index];
    if (object != LS_EVENT &&
        ls_column_fill(dataset->context, column, dataset->tables[object].count) != LS_OK)
        return NULL;
    return column;
}

static bool is(ls_string name, const char *word)
{
    return ls_string_equal(name, word, strlen(word));
}

static ls_role association_role(ls_string name)
{
    static const char *const names[] = {"from_object", "from_id", "to_object", "to_id", "label"};
    for (size_t i = 0; i < LS_ASSOCIATION_FIELDS; i++)
        if (is(name, names[i]))
            return (ls_role)(LS_ROLE_FROM_OBJECT + i);
    return LS_ROLE_NONE;
}

static ls_role role_of(const ls_reading *reading, ls_string name)
{
    if (reading->input == LS_INPUT_ASSOCIATIONS)
        return association_role(name);
    if (reading->input != LS_INPUT_EVENTS)
        return is(name, "id") ? LS_ROLE_ID : LS_ROLE_NONE;
    if (is(name, "contact_id"))
        return LS_ROLE_CONTACT;
    if (is(name, "event"))
        return LS_ROLE_EVENT;
    return is(name, "at") ? LS_ROLE_AT : LS_ROLE_NONE;
}

static void note_role(ls_reading *reading, const ls_field *field, size_t index)
{
    size_t place = field->place;
    if (field->role == LS_ROLE_ID || field->role == LS_ROLE_CONTACT)
        reading->id_field = place;
    else if (field->role == LS_ROLE_AT)
        reading->at_field = place;
    else if (field->role >= LS_ROLE_FROM_OBJECT)
        reading->association_fields[field->role - LS_ROLE_FROM_OBJECT] = place;
    if (field->role == LS_ROLE_EVENT) {
        reading->event_field = place;
        reading->event_index = index;
    }
    if (field->identity)
        reading->identity_field = place;
}

static int check_once(const ls_reading *reading, ls_string name, uint64_t line, ls_error *error)
{
    for (size_t i = 0; i < reading->field_count; i++)
        if (name.length != 0 && ls_string_equal(reading->fields[i].name, name.text, name.length))
            return fail_header(reading, line, error,
                               "expected each column once, got \"%.*s\" as fields %zu and %zu",
                               (int)ls_min((int64_t)name.length, 60), name.text,
                               reading->fields[i].place + 1, reading->place_count + 1);
    return LS_OK;
}

/* Columns that hold ids of records: ids are kept as they are, whatever texts read as empty. */
static bool holds_ids(const ls_reading *reading, ls_string name)
{
    return reading->object != LS_EVENT &&
           (is(name, "company_id") || is(name, "contact_id") || is(name, "deal_id"));
}

static void init_coder(ls_reading *reading, ls_field *field)
{
    field->coder.source = reading->source;
    field->coder.field = (uint32_t)field->place + 1;
    ls_coder_init(&field->coder, reading->dataset->context, reading->unknown,
                  holds_ids(reading, field->name) ? 0 : reading->unknown_count);
}

static int add_field(ls_reading *reading, ls_string name)
{
    if (ls_grow(reading->dataset->context, &reading->fields, &reading->field_capacity,
                reading->field_count + 1, sizeof *reading->fields) != LS_OK)
        return LS_ERROR_MEMORY;
    size_t index = reading->field_count++;
    ls_field *field = &reading->fields[index];
    memset(field, 0, sizeof *field);
    field->place = reading->place_count;
    if (name.length == 0)
        return LS_OK;
    field->name = (ls_string){ls_arena_text(&reading->arena, name.text, name.length), name.length};
    if (field->name.text == NULL)
        return LS_ERROR_MEMORY;
    field->role = role_of(reading, name);
    field->identity = reading->object == LS_EVENT && is(name, "id");
    note_role(reading, field, index);
    if (field->role == LS_ROLE_NONE && reading->input != LS_INPUT_LIST &&
        reading->input != LS_INPUT_ASSOCIATIONS) {
        const ls_column *column = ls_find_column(reading, reading->object, name, &field->column);
        if (column == NULL)
            return LS_ERROR_MEMORY;
        field->kept = column->kept;
    }
    if (field->kept || field->role == LS_ROLE_EVENT)
        init_coder(reading, field);
    return LS_OK;
}

/* Binds a name of the next field of the file. */
static int bind_name(ls_reading *reading, ls_string name, uint64_t line, ls_error *error)
{
    if (reading->field_count >= LS_MAX_COLUMNS)
        return fail_header(reading, line, error, "expected at most %d columns, got more",
                           LS_MAX_COLUMNS);
    int status = name.length != 0 ? check_once(reading, name, line, error) : LS_OK;
    if (status == LS_OK && add_field(reading, name) != LS_OK)
        return ls_fail_memory(error);
    return status;
}

/* Binds the next field of the file under every name that it is read as; a header of length 0 is
 * passed over. */
static int bind_field(ls_reading *reading, ls_string header, uint64_t line, ls_error *error)
{
    int status = LS_OK;
    bool renamed = false;
    for (size_t i = 0; i < reading->rename_count && status == LS_OK; i++) {
        const ls_rename *rename = &reading->renames[i];
        if (!reads_header(rename, header))
            continue;
        renamed = true;
        status =
            bind_name(reading, (ls_string){rename->column, strlen(rename->column)}, line, error);
    }
    if (!renamed)
        status = bind_name(reading, header, line, error);
    reading->place_count++;
    return status;
}

/* ---- the header of a CSV file ---------------------------------------------------------------- */

static bool has_header(const ls_string *headers, size_t count, ls_string header)
{
    for (size_t i = 0; i < count; i++)
        if (ls_string_equal(headers[i], header.text, header.length))
            return true;
    return false;
}

/* The columns that every row of the input needs; their number. */
static size_t required_of(ls_input input, const char *const **out)
{
    static const char *const of_events[] = {"contact_id", "event", "at"};
    static const char *const of_records[] = {"id"};
    static const char *const of_associations[] = {"from_object", "from_id", "to_object", "to_id"};
    bool events = input == LS_INPUT_EVENTS, associations = input == LS_INPUT_ASSOCIATIONS;
    *out = events ? of_events : associations ? of_associations : of_records;
    return events ? 3 : associations ? 4 : 1;
}

/* Whether the name is among the row's columns, were they delimited so. */
static bool is_delimited(const ls_row *row, char delimiter, ls_string name)
{
    const char *text = row->text, *end = row->text + row->length;
    while (text < end) {
        const char *next = memchr(text, delimiter, (size_t)(end - text));
        ls_string cell = ls_trim(text, (size_t)((next != NULL ? next : end) - text));
        if (cell.length >= 2 && *cell.text == '"' && cell.text[cell.length - 1] == '"')
            cell = (ls_string){cell.text + 1, cell.length - 2};
        if (ls_string_equal(cell, name.text, name.length))
            return true;
        if (next == NULL)
            return false;
        text = next + 1;
    }
    return false;
}

/* What to do about a header row that another delimiter would make whole; "" where none would. */
static const char *delimiter_hint(const ls_reading *reading, const ls_row *row)
{
    static const char delimiters[] = {';', '\t', '|', ','};
    static const char *const hints[] = {
        " (if ';' delimits the columns: --delimiter ';')",
        " (if tabs delimit the columns: --delimiter tab)",
        " (if '|' delimits the columns: --delimiter '|')",
        " (if commas delimit the columns: --delimiter ',')",
    };
    const char *const *words;
    size_t count = required_of(reading->input, &words);
    for (size_t i = 0; i < sizeof delimiters; i++) {
        bool whole = delimiters[i] != reading->csv.delimiter;
        for (size_t j = 0; j < count && whole; j++) {
            ls_string word = {words[j], strlen(words[j])};
            whole = is_delimited(row, delimiters[i], header_of(reading, word)) ||
                    is_delimited(row, delimiters[i], word);
        }
        if (whole)
            return hints[i];
    }
    return "";
}

/* A file without a column that is wanted, which is read as the product's name if that is another;
 * `hint` says what may be the matter. */
static int fail_column(const ls_reading *reading, const ls_row *row, const ls_string *headers,
                       ls_string wanted, ls_string name, const char *hint, ls_error *error)
{
    ls_string near = nearest_header(headers, row->found, wanted);
    bool other = !ls_string_equal(wanted, name.text, name.length);
    const char *as = other ? " to read as \"" : "", *after = other ? "\"" : "";
    int length = other ? (int)name.length : 0;
    if (near.length != 0 && hint[0] == '\0')
        return fail_header(reading, row->line, error,
                           "expected a column \"%.*s\"%s%.*s%s, got none (nearest: \"%.*s\")",
                           (int)wanted.length, wanted.text, as, length, name.text, after,
                           (int)near.length, near.text);
    return fail_header(reading, row->line, error,
                       "expected a column \"%.*s\"%s%.*s%s, got \"%.*s\"%s%s", (int)wanted.length,
                       wanted.text, as, length, name.text, after, (int)headers[0].length,
                       headers[0].text, row->found > 1 ? " and others" : "", hint);
}

static int check_required(const ls_reading *reading, const ls_row *row, const ls_string *headers,
                          ls_error *error)
{
    const char *const *words;
    size_t count = required_of(reading->input, &words);
    for (size_t i = 0; i < count; i++) {
        ls_string word = {words[i], strlen(words[i])}, name = header_of(reading, word);
        if (!has_header(headers, row->found, name) && !has_header(headers, row->found, word))
            return fail_column(reading, row, headers, name, word, delimiter_hint(reading, row),
                               error);
    }
    return LS_OK;
}

/* Some file of the input has the header of each rename. */
static int check_renames(ls_reading *reading, const ls_row *row, const ls_string *headers,
                         ls_error *error)
{
    for (size_t i = 0; i < row->found; i++)
        if (note_renamed(reading, headers[i]) != LS_OK)
            return ls_fail_memory(error);
    for (size_t i = 0; i < reading->rename_count && reading->last; i++) {
        const ls_rename *rename = &reading->renames[i];
        ls_string header = {rename->header, strlen(rename->header)};
        ls_string name = {rename->column, strlen(rename->column)};
        if (!was_renamed(reading, header))
            return fail_column(reading, row, headers, header, name, "", error);
    }
    return LS_OK;
}

/* Whether a rename reads another column under this name, and none reads this one as something else.
 */
static bool is_hidden(const ls_reading *reading, ls_string header)
{
    ls_string source = header_of(reading, header), name = product_name(reading, header);
    return !ls_string_equal(source, header.text, header.length) &&
           ls_string_equal(name, header.text, header.length);
}

static int fail_hidden(const ls_reading *reading, ls_string header, ls_string source, uint64_t line,
                       ls_error *error)
{
    return fail_header(reading, line, error,
                       "expected one column \"%.*s\", got it and \"%.*s\", which is to be read as "
                       "it (read the first as something else)",
                       (int)ls_min((int64_t)header.length, 60), header.text,
                       (int)ls_min((int64_t)source.length, 60), source.text);
}

static int bind_headers(ls_reading *reading, const ls_string *headers, size_t count, uint64_t line,
                        ls_error *error)
{
    int status = LS_OK;
    for (size_t i = 0; i < count && status == LS_OK; i++) {
        ls_string source = header_of(reading, headers[i]);
        if (is_hidden(reading, headers[i]) && has_header(headers, count, source))
            return fail_hidden(reading, headers[i], source, line, error);
        status = bind_field(reading, headers[i], line, error);
    }
    return status;
}

/* Copies the names out of the scanner's memory, which is used again for the rows. */
static ls_string *copy_headers(ls_reading *reading, size_t count, bool *any)
{
    ls_string *headers = ls_arena_allocate(&reading->arena, count * sizeof *headers);
    *any = false;
    for (size_t i = 0; i < count && headers != NULL; i++) {
        ls_string text = ls_trim(reading->csv.fields[i].text, reading->csv.fields[i].length);
        headers[i].text = ls_arena_text(&reading->arena, text.text, text.length);
        headers[i].length = text.length;
        *any |= text.length != 0;
        if (headers[i].text == NULL)
            return NULL;
    }
    return headers;
}

static int bind_csv_headers(ls_reading *reading, const ls_row *row, ls_error *error)
{
    bool any;
    ls_string *headers = copy_headers(reading, row->found, &any);
    if (headers == NULL)
        return ls_fail_memory(error);
    if (!any)
        return fail_header(reading, row->line, error,
                           "expected a header row that names the columns, got empty names");
    int status = check_required(reading, row, headers, error);
    if (status == LS_OK)
        status = check_renames(reading, row, headers, error);
    return status == LS_OK ? bind_headers(reading, headers, row->found, row->line, error) : status;
}

/* A list has no need of a header: the first row is one if its first cell says so. */
static int bind_csv_list(ls_reading *reading, const ls_row *row, ls_error *error)
{
    ls_string first = ls_trim(reading->csv.fields[0].text, reading->csv.fields[0].length);
    ls_string id = {"id", 2}, none = {"", 0};
    bool header = is(first, "id") || is(product_name(reading, first), "id");
    if (!header)
        ls_csv_unread(&reading->csv, row);
    int status = LS_OK;
    for (size_t i = 0; i < row->found && status == LS_OK; i++)
        status = bind_field(reading, i == 0 ? id : none, row->line, error);
    return status;
}

static int bind_csv(ls_reading *reading, ls_error *error)
{
    ls_row row;
    int status = ls_csv_read_row(&reading->csv, &row, error);
    bool list = reading->input == LS_INPUT_LIST;
    while (status == LS_OK && list && row.text != NULL && row.problem != LS_ROW_GOOD) {
        status = ls_refuse_problem(reading, &row, error); /* it is a row, not a header */
        if (status == LS_OK)
            status = ls_csv_read_row(&reading->csv, &row, error);
    }
    if (status != LS_OK)
        return status;
    if (row.text == NULL)
        return list
                   ? LS_OK
                   : fail_header(reading, 1, error,
                                 "expected a header row that names the columns, got an empty file");
    if (row.problem != LS_ROW_GOOD) {
        ls_error reason;
        ls_describe_problem(reading, &row, &reason);
        return ls_fail_at(error, LS_ERROR_INPUT, reading->name, row.line, row.field, "%s%s",
                          reason.message, delimiter_hint(reading, &row));
    }
    status = list ? bind_csv_list(reading, &row, error) : bind_csv_headers(reading, &row, error);
    return status == LS_OK ? ls_csv_set_fields(&reading->csv, row.found, &reading->batch, error)
                           : status;
}

/* ---- batches --------------------------------------------------------------------------------- */

static bool has_key(const ls_ndjson *lines, ls_string key)
{
    uint32_t code = ls_dictionary_find(&lines->keys, key.text, key.length);
    return code != LS_NO_CODE && code != 0;
}

/* No name is that of two keys, of which a rename would hide one. */
static int check_hidden(const ls_reading *reading, ls_error *error)
{
    for (size_t i = 0; i < reading->rename_count; i++) {
        const ls_rename *rename = &reading->renames[i];
        ls_string name = {rename->column, strlen(rename->column)};
        ls_string source = {rename->header, strlen(rename->header)};
        if (is_hidden(reading, name) && has_key(&reading->lines, name) &&
            has_key(&reading->lines, source))
            return fail_hidden(reading, name, source, reading->batch.rows[0].line, error);
    }
    return LS_OK;
}

/* Binds names that have not appeared in the file before. */
static int bind_new_keys(ls_reading *reading, ls_error *error)
{
    const ls_ndjson *lines = &reading->lines;
    ls_string none = {"", 0};
    if (reading->place_count == ls_ndjson_field_count(lines))
        return LS_OK;
    int status = check_hidden(reading, error);
    while (status == LS_OK && reading->place_count < ls_ndjson_field_count(lines)) {
        ls_string key = ls_dictionary_text(&lines->keys, (uint32_t)reading->place_count + 1);
        if (note_renamed(reading, key) != LS_OK)
            return ls_fail_memory(error);
        status = bind_field(reading, is_hidden(reading, key) ? none : key,
                            reading->batch.rows[0].line, error);
    }
    return status;
}

static int read_batch(ls_reading *reading, ls_error *error)
{
    if (reading->ndjson) {
        int status = ls_ndjson_read(&reading->lines, &reading->batch, error);
        return status == LS_OK ? bind_new_keys(reading, error) : status;
    }
    if (!reading->bound) {
        int status = bind_csv(reading, error);
        if (status != LS_OK)
            return status;
        reading->bound = true;
    }
    reading->batch.row_count = 0;
    return reading->field_count != 0 ? ls_csv_read(&reading->csv, &reading->batch, error) : LS_OK;
}

/* The field of an id that is no text or number in the row at hand, or LS_NO_FIELD. */
static size_t find_wrong_id(const ls_reading *reading)
{
    const size_t ids[] = {reading->id_field, reading->identity_field,
                          reading->association_fields[LS_ROLE_FROM_ID - LS_ROLE_FROM_OBJECT],
                          reading->association_fields[LS_ROLE_TO_ID - LS_ROLE_FROM_OBJECT]};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (ids[i] == LS_NO_FIELD)
            continue;
        ls_json_kind kind = reading->lines.kinds[ids[i]];
        if (kind != LS_JSON_TEXT && kind != LS_JSON_NUMBER && kind != LS_JSON_NULL)
            return ids[i];
    }
    return LS_NO_FIELD;
}

static int refuse_id(ls_reading *reading, size_t place, ls_error *error)
{
    ls_json_kind kind = reading->lines.kinds[place];
    ls_error reason;
    size_t field = 0;
    while (reading->fields[field].place != place ||
           (reading->fields[field].role == LS_ROLE_NONE && !reading->fields[field].identity))
        field++;
    ls_fail(&reason, LS_ERROR_INPUT, "%s: expected a text or a number, got %s",
            reading->fields[field].name.text,
            kind == LS_JSON_ARRAY    ? "a list"
            : kind == LS_JSON_OBJECT ? "an object"
                                     : "true or false");
    return ls_refuse_row(reading, reading->batch.rows, place + 1, reason.message, error);
}

static int take_batch(ls_reading *reading, ls_error *error)
{
    if (reading->ndjson && reading->batch.rows[0].problem == LS_ROW_GOOD) {
        size_t wrong = find_wrong_id(reading);
        if (wrong != LS_NO_FIELD)
            return refuse_id(reading, wrong, error);
    }
    switch (reading->input) {
    case LS_INPUT_EVENTS: return ls_take_events(reading, error);
    case LS_INPUT_LIST: return ls_take_list(reading, error);
    case LS_INPUT_ASSOCIATIONS: return ls_take_associations(reading, error);
    default: return ls_take_records(reading, error);
    }
}

/* ---- the job --------------------------------------------------------------------------------- */

static const ls_window *window_of(const ls_reading *reading)
{
    return reading->ndjson ? &reading->lines.window : &reading->csv.window;
}

static uint64_t bytes_scanned(const ls_reading *reading)
{
    return window_of(reading)->before + window_of(reading)->start;
}

static void note_progress(ls_reading *reading)
{
    const ls_source *source = &window_of(reading)->source;
    uint64_t scanned = bytes_scanned(reading);
    /* A last line without its end was given one. */
    reading->job.progress.done =
        source->gzip != NULL || scanned > source->done ? source->done : scanned;
}

/* How much the fast way of events may take at a time. */
static uint64_t scan_budget(const ls_reading *reading, uint64_t left)
{
    bool asks = reading->dataset->context->max_memory != 0 && !reading->estimated;
    return asks && (left == 0 || left > LS_ESTIMATE_SAMPLE) ? LS_ESTIMATE_SAMPLE : left;
}

static int scan_events(ls_reading *reading, uint64_t budget, ls_error *error)
{
    if (reading->scan == NULL && (reading->scan = ls_scan_new(reading)) == NULL)
        return ls_fail_memory(error);
    return ls_scan_run(reading->scan, scan_budget(reading, budget), error);
}

/* Not where a log forgot contacts: then each id is looked at. Where there is no memory for the fast
 * way, the scanner can do without it. */
static int scan_records(ls_reading *reading, uint64_t budget, ls_error *error)
{
    const struct ls_log *log = reading->dataset->ingest->log;
    if (reading->records == NULL && !reading->scans_alone) {
        bool forgets = log != NULL && log->forgets && reading->object == LS_CONTACT;
        reading->records = forgets ? NULL : ls_record_scan_new(reading);
        reading->scans_alone = reading->records == NULL;
    }
    return reading->scans_alone ? LS_OK : ls_record_scan_run(reading->records, budget, error);
}

/* Rows of a CSV file have a fast way, once its columns are bound. LS_OK: go on with a batch. */
static int run_scan(ls_reading *reading, uint64_t budget, ls_error *error)
{
    if (reading->ndjson || !reading->bound)
        return LS_OK;
    switch (reading->input) {
    case LS_INPUT_EVENTS: return scan_events(reading, budget, error);
    case LS_INPUT_CONTACTS:
    case LS_INPUT_COMPANIES:
    case LS_INPUT_DEALS: return scan_records(reading, budget, error);
    default: return LS_OK;
    }
}

/* A batch; LS_MORE: it had rows. */
static int run_batch(ls_reading *reading, ls_error *error)
{
    int status = read_batch(reading, error);
    if (status == LS_OK && reading->batch.row_count == 0)
        return reading->object == LS_EVENT || reading->input == LS_INPUT_LIST
                   ? LS_OK
                   : ls_finish_records(reading, error);
    if (status == LS_OK)
        status = take_batch(reading, error);
    return status == LS_OK ? LS_MORE : status;
}

static int run(ls_reading *reading, uint64_t budget, ls_error *error)
{
    uint64_t start = bytes_scanned(reading), done = 0;
    int status = LS_MORE;
    if (reading->input == LS_INPUT_LOG)
        return ls_log_read(reading, budget, error);
    while (status == LS_MORE && (budget == 0 || done < budget)) {
        status = run_scan(reading, budget == 0 ? 0 : budget - done, error);
        if (status == LS_OK)
            status = run_batch(reading, error);
        done = bytes_scanned(reading) - start;
        if (status == LS_MORE && reading->input == LS_INPUT_EVENTS &&
            ls_check_estimate(reading, start + done, error) != LS_OK)
            return LS_ERROR_MEMORY;
    }
    return status;
}

static int step_reading(ls_job *job, uint64_t budget, ls_error *error)
{
    ls_reading *reading = (ls_reading *)job;
    struct ls_ingest *ingest = reading->dataset->ingest;
    if (ingest->failed)
        return ls_fail(error, LS_ERROR_USAGE, "%s: reading has failed", reading->name);
    reading->begun = true;
    int status = run(reading, budget, error);
    ingest->failed = status < 0;
    note_progress(reading);
    return status;
}

static void close_reading(ls_job *job)
{
    ls_reading *reading = (ls_reading *)job;
    ls_dataset *dataset = reading->dataset;
    ls_context *context = job->context;
    dataset->ingest->busy = false;
    dataset->ingest->failed |= reading->begun && !job->done;
    ls_free(context, reading->fields, reading->field_capacity * sizeof *reading->fields);
    ls_free(context, reading->codes, reading->code_capacity * sizeof *reading->codes);
    ls_scan_free(reading->scan);
    ls_record_scan_free(reading->records);
    ls_end_events(reading);
    ls_log_end(reading);
    ls_buffer_free(&reading->reject);
    if (reading->ndjson)
        ls_ndjson_free(&reading->lines);
    else
        ls_csv_free(&reading->csv);
    ls_arena_free(&reading->arena);
    ls_free(context, reading, sizeof *reading);
    ls_dataset_close(dataset);
    ls_context_release(context);
}

/* ---- making it ------------------------------------------------------------------------------- */

static bool copy_renames(ls_reading *reading, const ls_input_options *options)
{
    ls_arena *arena = &reading->arena;
    reading->renames = ls_arena_allocate(arena, options->rename_count * sizeof *reading->renames);
    for (size_t i = 0; i < options->rename_count && reading->renames != NULL; i++) {
        const ls_rename *from = &options->renames[i];
        ls_rename *to = &reading->renames[i];
        to->column = ls_arena_text(arena, from->column, strlen(from->column));
        to->header = ls_arena_text(arena, from->header, strlen(from->header));
        if (to->column == NULL || to->header == NULL)
            return false;
    }
    reading->rename_count = options->rename_count;
    return reading->renames != NULL;
}

static bool copy_unknown(ls_reading *reading, const ls_input_options *options)
{
    ls_arena *arena = &reading->arena;
    reading->unknown = ls_arena_allocate(arena, options->unknown_count * sizeof *reading->unknown);
    for (size_t i = 0; i < options->unknown_count && reading->unknown != NULL; i++) {
        ls_string text = ls_trim(options->unknown[i], strlen(options->unknown[i]));
        reading->unknown[i].text = ls_arena_text(arena, text.text, text.length);
        reading->unknown[i].length = text.length;
        if (reading->unknown[i].text == NULL)
            return false;
    }
    reading->unknown_count = options->unknown_count;
    return reading->unknown != NULL;
}

/* The name that messages and places use, kept with the dataset. */
static bool add_source(ls_reading *reading, const char *name)
{
    ls_dataset *dataset = reading->dataset;
    char *copy = ls_arena_text(&dataset->arena, name, strlen(name));
    if (copy == NULL || dataset->source_count >= UINT32_MAX ||
        ls_grow(dataset->context, &dataset->sources, &dataset->source_capacity,
                dataset->source_count + 1, sizeof *dataset->sources) != LS_OK)
        return false;
    reading->source = (uint32_t)dataset->source_count;
    reading->name = dataset->sources[dataset->source_count++] = copy;
    return true;
}

/* Finds or makes the list; ids of several files come together in it. */
static int open_list(ls_reading *reading, const char *name, ls_error *error)
{
    ls_dataset *dataset = reading->dataset;
    size_t length = strlen(name);
    const ls_list *known = ls_dataset_list(dataset, (ls_string){name, length});
    if (known != NULL) {
        reading->list_index = (size_t)(known - dataset->lists);
        return LS_OK;
    }
    ls_list list = {.name = {ls_arena_text(&dataset->arena, name, length), length}};
    if (list.name.text == NULL ||
        ls_grow(dataset->context, &dataset->lists, &dataset->list_capacity, dataset->list_count + 1,
                sizeof list) != LS_OK)
        return ls_fail_memory(error);
    reading->list_index = dataset->list_count;
    dataset->lists[dataset->list_count++] = list;
    for (int object = LS_CONTACT; object <= LS_DEAL; object++) {
        struct ls_list_rows *of = &dataset->lists[reading->list_index].of[object];
        size_t words = (dataset->tables[object].count + 63) / 64;
        if (words != 0 && (of->rows = ls_allocate_zero(dataset->context, words, 8)) == NULL)
            return ls_fail_memory(error);
        of->word_count = words;
    }
    return LS_OK;
}

static int open_input(ls_reading *reading, const ls_input_options *options, ls_error *error)
{
    ls_dataset *dataset = reading->dataset;
    ls_input_options named = *options;
    int status;
    if (!copy_renames(reading, options) || !copy_unknown(reading, options) ||
        !add_source(reading, options->name != NULL   ? options->name
                             : options->path != NULL ? options->path
                                                     : "-"))
        return ls_fail_memory(error);
    if (reading->ndjson &&
        ls_ndjson_init(&reading->lines, dataset->context, dataset->seed) != LS_OK)
        return ls_fail_memory(error);
    named.name = reading->name;
    ls_source *source =
        reading->ndjson ? &reading->lines.window.source : &reading->csv.window.source;
    status = ls_source_open(source, dataset->context, &named, error);
    reading->job.progress.total = source->total;
    if (status == LS_OK && options->input == LS_INPUT_LOG)
        status = ls_log_begin(reading, error);
    if (status == LS_OK && (options->input == LS_INPUT_EVENTS || options->input == LS_INPUT_LIST ||
                            options->input == LS_INPUT_ASSOCIATIONS))
        status = ls_log_apply(dataset, error);
    if (status == LS_OK && (options->input == LS_INPUT_EVENTS || options->input == LS_INPUT_LIST))
        status = ls_index_contacts(dataset, error);
    reading->events_before = dataset->counts.events;
    if (status == LS_OK && options->input == LS_INPUT_EVENTS)
        status = ls_begin_events(reading, error);
    if (status == LS_OK && options->input == LS_INPUT_ASSOCIATIONS &&
        ls_links_company_ids(dataset) != LS_OK)
        status = ls_fail_memory(error);
    if (status == LS_OK && options->input == LS_INPUT_LIST)
        status = open_list(reading, options->list, error);
    return status;
}

static int check_options(const ls_input_options *options, ls_error *error)
{
    if (options->input > LS_INPUT_LOG || options->format > LS_FORMAT_NDJSON)
        return ls_fail(error, LS_ERROR_USAGE, "expected a known input and format");
    if (options->input == LS_INPUT_LOG && options->format != LS_FORMAT_NDJSON)
        return ls_fail(error, LS_ERROR_USAGE, "expected a log as NDJSON");
    if (options->path == NULL && options->reader == NULL)
        return ls_fail(error, LS_ERROR_USAGE, "expected a path or a reader, got neither");
    if (options->delimiter == '"' || options->delimiter == '\n' || options->delimiter == '\r')
        return ls_fail(error, LS_ERROR_USAGE, "expected a delimiter that is no quote or line end");
    if (options->threads > LS_MAX_THREADS)
        return ls_fail_threads(options->threads, error);
    if (options->input == LS_INPUT_LIST && (options->list == NULL || options->list[0] == '\0'))
        return ls_fail(error, LS_ERROR_USAGE, "expected the list's name, got none");
    return LS_OK;
}

static int check_order(const ls_dataset *dataset, ls_input input, ls_error *error)
{
    const struct ls_ingest *ingest = dataset->ingest;
    if (dataset->grouped)
        return ls_fail(error, LS_ERROR_USAGE, "reading has ended: the events are grouped");
    if (ingest != NULL && ingest->busy)
        return ls_fail(error, LS_ERROR_USAGE, "another input is being read");
    if (ingest != NULL && ingest->failed)
        return ls_fail(error, LS_ERROR_USAGE, "an earlier input was not read to its end");
    bool applied = ingest != NULL && ingest->log != NULL && ingest->log->applied;
    if (ingest != NULL && (ingest->indexed || applied) && input == LS_INPUT_CONTACTS)
        return ls_fail(error, LS_ERROR_USAGE, "contacts are read before events and lists");
    if (input == LS_INPUT_LOG &&
        (dataset->tables[LS_CONTACT].count != 0 || applied || (ingest && ingest->indexed)))
        return ls_fail(error, LS_ERROR_USAGE, "a log is read before contacts");
    return LS_OK;
}

static ls_object object_of(ls_input input)
{
    switch (input) {
    case LS_INPUT_COMPANIES: return LS_COMPANY;
    case LS_INPUT_DEALS: return LS_DEAL;
    case LS_INPUT_EVENTS:
    case LS_INPUT_LOG: return LS_EVENT;
    default: return LS_CONTACT;
    }
}

static ls_reading *new_reading(ls_dataset *dataset, const ls_input_options *options)
{
    ls_reading *reading = ls_allocate_zero(dataset->context, 1, sizeof *reading);
    if (reading == NULL)
        return NULL;
    ls_context_retain(dataset->context);
    ls_dataset_retain(dataset);
    reading->job = (struct ls_job){.context = dataset->context,
                                   .step = step_reading,
                                   .close = close_reading,
                                   .progress = {.phase = "read", .unit = "bytes"}};
    reading->dataset = dataset;
    reading->arena.context = reading->reject.context = dataset->context;
    reading->csv.context = reading->csv.window.source.context = dataset->context;
    reading->csv.window.source.file = reading->lines.window.source.file = -1;
    reading->lines.context = reading->lines.arena.context = dataset->context;
    reading->csv.delimiter = options->delimiter != '\0' ? options->delimiter : ',';
    reading->input = options->input;
    reading->threads = options->threads != 0 ? options->threads : 1;
    reading->object = object_of(options->input);
    reading->ndjson = options->format == LS_FORMAT_NDJSON;
    reading->lines.bytes = options->bytes;
    reading->last = options->last;
    reading->rejects = options->rejects;
    reading->rejects_user = options->rejects_user;
    reading->id_field = reading->event_field = LS_NO_FIELD;
    reading->at_field = reading->identity_field = LS_NO_FIELD;
    for (size_t i = 0; i < LS_ASSOCIATION_FIELDS; i++)
        reading->association_fields[i] = LS_NO_FIELD;
    return reading;
}

int ls_dataset_read(ls_dataset *dataset, const ls_input_options *options, ls_job **out,
                    ls_error *error)
{
    *out = NULL;
    int status = check_options(options, error);
    if (status == LS_OK)
        status = check_order(dataset, options->input, error);
    if (status != LS_OK)
        return status;
    if (ls_ingest_of(dataset) == NULL)
        return ls_fail_memory(error);
    ls_reading *reading = new_reading(dataset, options);
    if (reading == NULL)
        return ls_fail_memory(error);
    dataset->ingest->busy = dataset->ingest->begun = true;
    dataset->lenient |= options->rejects != NULL;
    status = open_input(reading, options, error);
    if (status != LS_OK) {
        ls_job_close(&reading->job);
        return status;
    }
    *out = &reading->job;
    return LS_OK;
}
