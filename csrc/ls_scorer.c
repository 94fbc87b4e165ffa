/* One record at a time. The record lives in a dataset of one row whose dictionaries are kept from
 * record to record, so that texts seen before cost a look-up; bindings grow with them. Past a limit
 * the texts are dropped and bindings made anew: memory stays bounded whatever values come in, and
 * scores do not depend on it. */
#include "ls_scorer.h"

#include "ls_bound.h"
#include "ls_coder.h"
#include "ls_next.h"
#include "ls_result.h"
#include "ls_steady.h"
#include "ls_text.h"
#include "ls_time.h"

/* Texts that the dictionaries keep, in all, before they are dropped. */
#define MAX_KEPT_TEXTS 1000000
#define MAX_KEPT_BYTES (64 * 1024 * 1024)
/* Of a column whose texts are asked about the instant. */
#define MAX_MOVING_TEXTS 512

struct ls_scorer {
    ls_context *context;
    ls_plan *plan;
    ls_dataset *dataset;
    ls_bound bound;
    uint64_t texts, bytes; /* added since they were last dropped */
    bool complete;         /* nothing was set since what was not set became unknown */
    bool scored;           /* nothing was set since it was scored */
    ls_kept_events *kept;  /* by definition */
    ls_steady_finder finder;
    ls_steady_record steady;
    ls_dictionary event_ids; /* of the record's events: of equal ones the first counts */
    bool repeated;           /* the event that is being set has come before */
};

/* ---- the dataset of one row
 * -------------------------------------------------------------------------- */

static bool is_named(const ls_property *property, const char *name)
{
    return ls_string_equal(property->name, name, strlen(name));
}

static int add_column(ls_scorer *scorer, ls_column *columns, size_t *count,
                      const ls_property *property)
{
    for (size_t i = 0; i < *count; i++) {
        if (ls_string_equal(columns[i].name, property->name.text, property->name.length)) {
            columns[i].types |= (uint8_t)(1u << property->type);
            return LS_OK;
        }
    }
    ls_column *column = &columns[(*count)++];
    column->name = property->name;
    column->types = (uint8_t)(1u << property->type);
    return ls_column_init(scorer->context, column, scorer->dataset->seed);
}

static int add_property(ls_scorer *scorer, const ls_property *property)
{
    ls_dataset *dataset = scorer->dataset;
    if (property->owner != LS_EVENT) {
        ls_table *table = &dataset->tables[property->owner];
        if (is_named(property, "id")) {
            table->id.types |= (uint8_t)(1u << property->type);
            return LS_OK;
        }
        return add_column(scorer, table->columns, &table->column_count, property);
    }
    if (is_named(property, "event")) {
        dataset->events.event.types |= (uint8_t)(1u << property->type);
    }
    bool built_in = is_named(property, "event") || is_named(property, "at");
    return built_in ? LS_OK
                    : add_column(scorer, dataset->events.columns, &dataset->events.column_count,
                                 property);
}

static int add_lists(ls_scorer *scorer)
{
    ls_dataset *dataset = scorer->dataset;
    dataset->list_capacity = scorer->plan->list_count + 1;
    dataset->lists =
        ls_allocate_zero(scorer->context, dataset->list_capacity, sizeof *dataset->lists);
    for (size_t i = 0; dataset->lists && i < scorer->plan->list_count; i++) {
        ls_list *list = &dataset->lists[dataset->list_count++];
        list->name = scorer->plan->lists[i];
        struct ls_list_rows *of = &list->of[LS_CONTACT];
        of->rows = ls_allocate_zero(scorer->context, 1, sizeof *of->rows);
        of->word_count = of->rows != NULL;
        if (of->rows == NULL) {
            return LS_ERROR_MEMORY;
        }
    }
    return dataset->lists ? LS_OK : LS_ERROR_MEMORY;
}

static int allocate_columns(ls_scorer *scorer, size_t count)
{
    ls_dataset *dataset = scorer->dataset;
    for (int object = 0; object < 3; object++) {
        ls_table *table = &dataset->tables[object];
        table->columns = ls_allocate_zero(scorer->context, count, sizeof *table->columns);
        table->column_capacity = table->columns ? count : 0;
        if (table->columns == NULL) {
            return LS_ERROR_MEMORY;
        }
    }
    ls_events *events = &dataset->events;
    events->columns = ls_allocate_zero(scorer->context, count, sizeof *events->columns);
    events->column_capacity = events->columns ? count : 0;
    events->first = ls_allocate_zero(scorer->context, 2, sizeof *events->first);
    return events->columns && events->first ? LS_OK : LS_ERROR_MEMORY;
}

static int make_dataset(ls_scorer *scorer, ls_error *error)
{
    const ls_plan *plan = scorer->plan;
    size_t count = 1;
    int status = ls_dataset_new(scorer->context, &scorer->dataset, error);
    if (status != LS_OK) {
        return status;
    }
    for (size_t i = 0; i < plan->count; i++) {
        count += plan->definitions[i].property_count;
    }
    scorer->dataset->lenient = true; /* a cell is refused when it is set */
    scorer->dataset->grouped = true;
    scorer->dataset->events.wide = true;
    scorer->dataset->tables[LS_CONTACT].count = 1;
    scorer->dataset->tables[LS_CONTACT].id.width = 1; /* a code like any other: ids come and go */
    status = allocate_columns(scorer, count);
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t j = 0; j < plan->definitions[i].property_count && status == LS_OK; j++) {
            status = add_property(scorer, &plan->definitions[i].properties[j]);
        }
    }
    status = status == LS_OK ? add_lists(scorer) : status;
    return status == LS_OK ? LS_OK : ls_fail_memory(error);
}

/* ---- making and closing
 * ------------------------------------------------------------------------------ */

int ls_scorer_new(const ls_plan *plan, ls_scorer **out, ls_error *error)
{
    *out = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->definitions[i].object != LS_CONTACT) {
            return ls_fail(error, LS_ERROR_USAGE,
                           "%s: companies and deals are scored over a dataset",
                           plan->definitions[i].name.text);
        }
    }
    ls_scorer *scorer = ls_allocate_zero(plan->context, 1, sizeof *scorer);
    if (scorer == NULL) {
        return ls_fail_memory(error);
    }
    scorer->context = plan->context;
    scorer->plan = (ls_plan *)(uintptr_t)plan;
    ls_context_retain(plan->context);
    ls_plan_retain(plan);
    scorer->kept = ls_allocate_zero(plan->context, plan->count, sizeof *scorer->kept);
    int status = make_dataset(scorer, error);
    if (status == LS_OK &&
        ls_dictionary_init(&scorer->event_ids, plan->context, scorer->dataset->seed) != LS_OK) {
        status = ls_fail_memory(error);
    }
    if (status == LS_OK &&
        (scorer->kept == NULL || ls_bound_init(&scorer->bound, plan, scorer->dataset) != LS_OK)) {
        status = ls_fail_memory(error);
    }
    if (status != LS_OK) {
        ls_scorer_close(scorer);
        return status;
    }
    ls_steady_init(&scorer->finder, &scorer->bound);
    ls_scorer_clear(scorer);
    *out = scorer;
    return LS_OK;
}

void ls_scorer_close(ls_scorer *scorer)
{
    if (scorer == NULL) {
        return;
    }
    ls_context *context = scorer->context;
    ls_steady_record_free(&scorer->finder, &scorer->steady);
    ls_steady_free(&scorer->finder);
    ls_bound_free(&scorer->bound);
    for (size_t i = 0; scorer->kept && i < scorer->plan->count; i++) {
        ls_free(context, scorer->kept[i].sums,
                scorer->kept[i].capacity * sizeof *scorer->kept[i].sums);
    }
    ls_free(context, scorer->kept, scorer->plan->count * sizeof *scorer->kept);
    if (scorer->event_ids.context) {
        ls_dictionary_free(&scorer->event_ids);
    }
    ls_dataset_close(scorer->dataset);
    ls_plan_close(scorer->plan);
    ls_free(context, scorer, sizeof *scorer);
    ls_context_release(context);
}

/* ---- filling
 * ----------------------------------------------------------------------------------------- */

static void forget_texts(ls_column *column)
{
    ls_dictionary_clear(&column->dictionary);
    if (column->unreadable) {
        memset(column->unreadable, 0, column->unreadable_count);
    }
}

static void drop_texts(ls_scorer *scorer)
{
    ls_dataset *dataset = scorer->dataset;
    ls_table *table = &dataset->tables[LS_CONTACT];
    ls_bound_drop(&scorer->bound);
    forget_texts(&table->id);
    forget_texts(&dataset->events.event);
    for (size_t i = 0; i < table->column_count; i++) {
        forget_texts(&table->columns[i]);
    }
    for (size_t i = 0; i < dataset->events.column_count; i++) {
        forget_texts(&dataset->events.columns[i]);
    }
    scorer->texts = scorer->bytes = 0;
}

/* Where answers depend on the instant, each new one asks all texts that are kept: few are. */
static void drop_moving(ls_scorer *scorer, ls_column *column)
{
    if (column->dictionary.count > MAX_MOVING_TEXTS &&
        ls_answers_move(&scorer->bound.answers, column)) {
        ls_bound_forget(&scorer->bound, column);
        forget_texts(column);
    }
}

void ls_scorer_clear(ls_scorer *scorer)
{
    ls_dataset *dataset = scorer->dataset;
    ls_table *table = &dataset->tables[LS_CONTACT];
    if (scorer->texts > MAX_KEPT_TEXTS || scorer->bytes > MAX_KEPT_BYTES) {
        drop_texts(scorer);
    }
    /* A column of no codes reads as unknown once it is filled, before scoring. */
    table->id.count = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        table->columns[i].count = 0;
        drop_moving(scorer, &table->columns[i]);
    }
    for (size_t i = 0; i < dataset->list_count; i++) {
        dataset->lists[i].of[LS_CONTACT].rows[0] = 0;
    }
    ls_dictionary_clear(&scorer->event_ids);
    scorer->repeated = scorer->complete = false;
    dataset->events.event.count = dataset->events.count = 0;
    for (size_t i = 0; i < dataset->events.column_count; i++) {
        dataset->events.columns[i].count = 0;
        drop_moving(scorer, &dataset->events.columns[i]);
    }
}

/* What is to be known of a text that is new. */
static int note_text(ls_scorer *scorer, ls_column *column, uint32_t code, size_t length,
                     ls_error *error)
{
    scorer->texts++;
    scorer->bound.texts++;
    scorer->bytes += length;
    return ls_column_check(scorer->context, column, code) == LS_OK ? LS_OK : ls_fail_memory(error);
}

/* The code of a trimmed text; LS_NO_CODE with the error filled. */
LS_INLINE uint32_t code_text(ls_scorer *scorer, ls_column *column, ls_string text, ls_error *error)
{
    ls_dictionary *dictionary = &column->dictionary;
    uint32_t before = dictionary->count, code = LS_NO_CODE;
    if (text.length >= LS_TEXT_SLACK) { /* its words are read inside it */
        uint32_t hash = ls_hash_text(dictionary, text.text, text.length);
        code = ls_dictionary_seek(dictionary, text.text, text.length, hash);
        if (code == LS_NO_CODE) {
            code = ls_dictionary_append(dictionary, text.text, text.length, hash);
        }
    } else {
        code = ls_dictionary_add(dictionary, text.text, text.length);
    }
    if (code == LS_NO_CODE) {
        ls_fail_memory(error);
    } else if (code >= before && note_text(scorer, column, code, text.length, error) != LS_OK) {
        return LS_NO_CODE;
    }
    return code;
}

static int put_code_slowly(ls_scorer *scorer, ls_column *column, size_t row, uint32_t code,
                           ls_error *error)
{
    if (column->count < row && ls_column_fill(scorer->context, column, row) != LS_OK) {
        return ls_fail_memory(error);
    }
    column->count = row;
    return ls_column_append(scorer->context, column, code) == LS_OK ? LS_OK : ls_fail_memory(error);
}

/* Puts a code into the given row, the last one of the column, just behind it, or later. */
LS_INLINE int put_code(ls_scorer *scorer, ls_column *column, size_t row, uint32_t code,
                       ls_error *error)
{
    const unsigned width = column->width;
    bool fits = column->count >= row && (row + 1) * width <= column->capacity &&
                (width == 4 || code >> 8 * width == 0);
    if (LS_UNLIKELY(!fits)) {
        return put_code_slowly(scorer, column, row, code, error);
    }
    if (width == 1) {
        ((uint8_t *)column->codes)[row] = (uint8_t)code;
    } else if (width == 2) {
        ((uint16_t *)column->codes)[row] = (uint16_t)code;
    } else {
        ((uint32_t *)column->codes)[row] = code;
    }
    column->count = row + 1;
    return LS_OK;
}

LS_INLINE int put(ls_scorer *scorer, ls_column *column, size_t row, const char *value,
                  size_t length, ls_error *error)
{
    ls_string text = ls_trimmed((ls_string){value, length});
    uint32_t code = code_text(scorer, column, text, error);
    if (code == LS_NO_CODE) {
        return LS_ERROR_MEMORY;
    }
    if (ls_column_unreadable(column, code)) {
        ls_type type = ls_unreadable_type(column->types, text);
        return ls_dataset_bad_cell(scorer->dataset, column, code, type, error);
    }
    return put_code(scorer, column, row, code, error);
}

static ls_column *find_column(ls_column *columns, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (ls_string_equal(columns[i].name, name, length)) {
            return &columns[i];
        }
    }
    return NULL;
}

int ls_scorer_set(ls_scorer *scorer, const char *name, size_t name_length, const char *value,
                  size_t length, ls_error *error)
{
    ls_table *table = &scorer->dataset->tables[LS_CONTACT];
    ls_column *column = name_length == 2 && memcmp(name, "id", 2) == 0
                            ? &table->id
                            : find_column(table->columns, table->column_count, name, name_length);
    scorer->complete = false;
    return column ? put(scorer, column, 0, value, length, error) : LS_OK;
}

LS_INLINE int add_time(ls_scorer *scorer, int64_t at, ls_error *error)
{
    ls_events *events = &scorer->dataset->events;
    size_t size = (events->count + 1) * sizeof(int64_t);
    if (LS_UNLIKELY(size > events->times_size) &&
        ls_grow(scorer->context, &events->times, &events->times_size, size, 1) != LS_OK) {
        return ls_fail_memory(error);
    }
    ((int64_t *)events->times)[events->count++] = at;
    return LS_OK;
}

int ls_scorer_event_name(ls_scorer *scorer, const char *event, size_t length, uint32_t *out,
                         ls_error *error)
{
    ls_column *column = &scorer->dataset->events.event;
    ls_string name = ls_trimmed((ls_string){event, length});
    if (name.length == 0) {
        return ls_fail(error, LS_ERROR_INPUT, "event: expected a name, got an empty text");
    }
    *out = code_text(scorer, column, name, error);
    if (*out == LS_NO_CODE) {
        return LS_ERROR_MEMORY;
    }
    if (ls_column_unreadable(column, *out)) {
        ls_type type = ls_unreadable_type(column->types, name);
        return ls_dataset_bad_cell(scorer->dataset, column, *out, type, error);
    }
    return LS_OK;
}

static int check_time(int64_t at, ls_error *error)
{
    return at < LS_TIME_MIN || at > LS_TIME_MAX
               ? ls_fail(error, LS_ERROR_INPUT, "at: expected an instant of the years 1 to 9999")
               : LS_OK;
}

LS_INLINE int add_event(ls_scorer *scorer, uint32_t name, int64_t at, ls_error *error)
{
    ls_events *events = &scorer->dataset->events;
    int status = check_time(at, error);
    if (status == LS_OK) {
        scorer->repeated = scorer->complete = false;
        status = put_code(scorer, &events->event, events->count, name, error);
    }
    return status == LS_OK ? add_time(scorer, at, error) : status;
}

int ls_scorer_event(ls_scorer *scorer, const char *event, size_t length, int64_t at,
                    ls_error *error)
{
    uint32_t name = 0;
    if (ls_trimmed((ls_string){event, length}).length != 0 && check_time(at, error) != LS_OK) {
        return LS_ERROR_INPUT;
    }
    int status = ls_scorer_event_name(scorer, event, length, &name, error);
    return status == LS_OK ? add_event(scorer, name, at, error) : status;
}

/* An event's id is its identity: a repeat is taken back. */
static int note_event_id(ls_scorer *scorer, const char *value, size_t length, ls_error *error)
{
    ls_string id = ls_trim(value, length);
    uint32_t before = scorer->event_ids.count;
    if (id.length == 0) {
        return LS_OK;
    }
    uint32_t code = ls_dictionary_add(&scorer->event_ids, id.text, id.length);
    if (code == LS_NO_CODE) {
        return ls_fail_memory(error);
    }
    scorer->repeated = code < before;
    scorer->dataset->events.count -= scorer->repeated;
    return LS_OK;
}

int ls_scorer_event_set(ls_scorer *scorer, const char *name, size_t name_length, const char *value,
                        size_t length, ls_error *error)
{
    ls_events *events = &scorer->dataset->events;
    scorer->complete = false;
    if (scorer->repeated) {
        return LS_OK;
    }
    if (events->count == 0) {
        return ls_fail(error, LS_ERROR_USAGE, "a property of an event is set before any event");
    }
    if (name_length == 2 && memcmp(name, "id", 2) == 0) {
        int status = note_event_id(scorer, value, length, error);
        if (status != LS_OK || scorer->repeated) {
            return status;
        }
    }
    ls_column *column = find_column(events->columns, events->column_count, name, name_length);
    return column ? put(scorer, column, events->count - 1, value, length, error) : LS_OK;
}

size_t ls_scorer_event_fields(const ls_scorer *scorer)
{
    return scorer->dataset->events.column_count;
}

ls_string ls_scorer_event_field(const ls_scorer *scorer, size_t field)
{
    return scorer->dataset->events.columns[field].name;
}

static int set_id(ls_scorer *scorer, const ls_scorer_value *value, ls_error *error)
{
    return ls_scorer_event_set(scorer, "id", 2, value->text, value->length, error);
}

int ls_scorer_event_add(ls_scorer *scorer, uint32_t name, int64_t at, const ls_scorer_value *values,
                        size_t count, size_t *bad, ls_error *error)
{
    ls_events *events = &scorer->dataset->events;
    *bad = count;
    int status = add_event(scorer, name, at, error);
    for (size_t i = 0; i < count && status == LS_OK && !scorer->repeated; i++) {
        const ls_scorer_value *value = &values[i];
        *bad = i;
        status = LS_UNLIKELY(value->field == LS_SCORER_ID)
                     ? set_id(scorer, value, error)
                     : put(scorer, &events->columns[value->field], events->count - 1, value->text,
                           value->length, error);
    }
    return status;
}

int ls_scorer_in_list(ls_scorer *scorer, const char *list, size_t length, ls_error *error)
{
    (void)error;
    scorer->complete = false;
    for (size_t i = 0; i < scorer->dataset->list_count; i++) {
        if (ls_string_equal(scorer->dataset->lists[i].name, list, length)) {
            scorer->dataset->lists[i].of[LS_CONTACT].rows[0] = 1;
        }
    }
    return LS_OK;
}

/* ---- scoring
 * ----------------------------------------------------------------------------------------- */

/* What was not set is unknown. */
static int complete(ls_scorer *scorer, ls_error *error)
{
    ls_dataset *dataset = scorer->dataset;
    ls_table *table = &dataset->tables[LS_CONTACT];
    if (scorer->complete) {
        return LS_OK;
    }
    scorer->scored = false;
    int status = ls_column_fill(scorer->context, &table->id, 1);
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++) {
        status = ls_column_fill(scorer->context, &table->columns[i], 1);
    }
    for (size_t i = 0; i < dataset->events.column_count && status == LS_OK; i++) {
        status =
            ls_column_fill(scorer->context, &dataset->events.columns[i], dataset->events.count);
    }
    dataset->events.first[0] = 0;
    dataset->events.first[1] = dataset->events.count;
    scorer->complete = status == LS_OK;
    return status == LS_OK ? LS_OK : ls_fail_memory(error);
}

/* What the events are worth is kept from the second time on that a record is scored. */
static void prepare_kept(ls_scorer *scorer, size_t definition)
{
    const ls_binding *binding = &scorer->bound.bindings[definition];
    ls_kept_events *kept = &scorer->kept[definition];
    size_t count = binding->target_count + binding->spec_count;
    kept->known = kept->known && scorer->scored;
    kept->wanted =
        scorer->scored && !binding->any_kernel && !binding->events_move &&
        ls_grow(scorer->context, &kept->sums, &kept->capacity, count, sizeof *kept->sums) == LS_OK;
    scorer->bound.scratch.kept = kept;
}

static void run_definition(ls_scorer *scorer, size_t definition, bool steady)
{
    ls_bound *bound = &scorer->bound;
    if (steady) {
        ls_steady_note(&scorer->finder, &scorer->steady, definition, scorer->dataset->events.count);
    } else {
        prepare_kept(scorer, definition);
    }
    ls_kernel_run(&bound->bindings[definition], bound->columns, NULL, 0, 1, &bound->scratch);
    if (steady) {
        ls_steady_noted(&scorer->finder, &scorer->steady, definition, 0);
    }
}

/* What stays of the scores is found from the second time on that a record is scored. */
static int run(ls_scorer *scorer, int64_t at, ls_error *error)
{
    const ls_plan *plan = scorer->plan;
    int status = ls_bound_update(&scorer->bound, at, scorer->dataset->events.count, error);
    if (status != LS_OK) {
        return status;
    }
    scorer->steady.known = false;
    const bool steady = scorer->scored && ls_steady_begin(&scorer->finder, &scorer->steady);
    scorer->bound.scratch.kept = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        run_definition(scorer, plan->order[i], steady);
    }
    scorer->scored = true;
    return LS_OK;
}

int ls_scorer_score(ls_scorer *scorer, int64_t at, ls_score *out, ls_error *error)
{
    const ls_plan *plan = scorer->plan;
    ls_bound *bound = &scorer->bound;
    bool flagged = false;
    int status = ls_check_instant(at, error);
    status = status == LS_OK ? complete(scorer, error) : status;
    if (status == LS_OK && scorer->scored &&
        ls_steady_holds(&scorer->finder, &scorer->steady, at)) {
        ls_steady_score(&scorer->finder, &scorer->steady, at);
    } else if (status == LS_OK) {
        status = run(scorer, at, error);
    }
    for (size_t i = 0; i < plan->count && status == LS_OK; i++) {
        flagged = flagged || (bound->columns[i].flags[0] & LS_FLAG_WALK);
        ls_columns_get(plan, bound->columns, i, 0, &out[i]);
    }
    return flagged ? ls_bound_walk(bound, 0, at, out, error) : status;
}

int ls_scorer_next_change(ls_scorer *scorer, int64_t at, size_t definition, bool *known,
                          int64_t *out, ls_error *error)
{
    ls_walk *walk;
    int status = ls_check_instant(at, error);
    status = status == LS_OK ? complete(scorer, error) : status;
    status = status == LS_OK ? ls_walk_new(scorer->plan, scorer->dataset, &walk, error) : status;
    if (status == LS_OK) {
        status = ls_next_change(walk, LS_CONTACT, 0, at, definition, known, out, error);
        ls_walk_close(walk);
    }
    return status;
}

int ls_scorer_explain(ls_scorer *scorer, int64_t at, ls_writer writer, void *user, ls_error *error)
{
    int status = ls_check_instant(at, error);
    status = status == LS_OK ? complete(scorer, error) : status;
    return status == LS_OK
               ? ls_explain(scorer->plan, scorer->dataset, LS_CONTACT, 0, at, writer, user, error)
               : status;
}
