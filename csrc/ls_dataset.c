/* The dataset object: what it holds and how it is asked. Filling it is the business of ls_ingest.c.
 */
#include "ls_dataset.h"

#include "ls_event_ids.h"
#include "ls_ingest.h"
#include "ls_links.h"
#include "ls_match.h"

#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- making and closing ---------------------------------------------------------------------- */

/* Differs from dataset to dataset and from run to run: nobody can prepare texts that collide. */
static uint64_t new_seed(const ls_dataset *dataset)
{
    struct timespec now = {0, 0};
    timespec_get(&now, TIME_UTC);
    uint64_t parts[4] = {(uint64_t)now.tv_sec, (uint64_t)now.tv_nsec, (uint64_t)(uintptr_t)dataset,
                         (uint64_t)(uintptr_t)&now};
    return XXH3_64bits(parts, sizeof parts);
}

static void free_columns(ls_dataset *dataset, ls_column *columns, size_t count, size_t capacity)
{
    for (size_t i = 0; i < count; i++)
        ls_column_free(dataset->context, &columns[i]);
    ls_free(dataset->context, columns, capacity * sizeof *columns);
}

static void free_events(ls_dataset *dataset)
{
    ls_events *events = &dataset->events;
    ls_free(dataset->context, events->times, events->times_size);
    ls_column_free(dataset->context, &events->event);
    free_columns(dataset, events->columns, events->column_count, events->column_capacity);
    if (events->first != NULL)
        ls_free(dataset->context, events->first,
                (dataset->tables[LS_CONTACT].count + 1) * sizeof *events->first);
}

static void free_lists(ls_dataset *dataset)
{
    for (size_t i = 0; i < dataset->list_count; i++) {
        for (int object = LS_CONTACT; object <= LS_DEAL; object++) {
            struct ls_list_rows *of = &dataset->lists[i].of[object];
            ls_free(dataset->context, of->rows, of->word_count * sizeof *of->rows);
        }
    }
    ls_free(dataset->context, dataset->lists, dataset->list_capacity * sizeof *dataset->lists);
}

void ls_dataset_drop_spare(ls_dataset *dataset)
{
    ls_free(dataset->context, dataset->spare.block, dataset->spare.size);
    dataset->spare.block = NULL;
}

static void free_dataset(ls_dataset *dataset)
{
    ls_context *context = dataset->context;
    ls_ingest_free(dataset);
    ls_dataset_drop_spare(dataset);
    free_events(dataset);
    ls_event_ids_free(dataset);
    ls_links_free(dataset);
    ls_match_free(dataset);
    free_lists(dataset);
    for (size_t object = LS_CONTACT; object <= LS_DEAL; object++) {
        ls_table *table = &dataset->tables[object];
        ls_column_free(context, &table->id);
        free_columns(dataset, table->columns, table->column_count, table->column_capacity);
    }
    ls_free(context, dataset->sources, dataset->source_capacity * sizeof *dataset->sources);
    ls_arena_free(&dataset->arena);
    ls_free(context, dataset, sizeof *dataset);
    ls_context_release(context);
}

/* The columns that are always there. */
static int init_columns(ls_dataset *dataset)
{
    int status = LS_OK;
    for (size_t object = LS_CONTACT; object <= LS_DEAL && status == LS_OK; object++) {
        ls_column *id = &dataset->tables[object].id;
        status = ls_column_init(dataset->context, id, dataset->seed);
        id->name = (ls_string){"id", 2};
        id->width = 0;
    }
    if (status == LS_OK)
        status = ls_column_init(dataset->context, &dataset->events.event, dataset->seed);
    if (status == LS_OK)
        status = ls_dictionary_init(&dataset->labels, dataset->context, dataset->seed);
    dataset->events.event.name = (ls_string){"event", 5};
    return status;
}

int ls_dataset_new(ls_context *context, ls_dataset **out, ls_error *error)
{
    if (out == NULL)
        return ls_fail(error, LS_ERROR_USAGE, "a place for the dataset is expected, got NULL");
    *out = NULL;
    ls_dataset *dataset = ls_allocate_zero(context, 1, sizeof *dataset);
    if (dataset == NULL)
        return ls_fail_memory(error);
    ls_context_retain(context);
    dataset->context = dataset->arena.context = context;
    dataset->references = 1;
    dataset->seed = new_seed(dataset);
    if (init_columns(dataset) != LS_OK) {
        free_dataset(dataset);
        return ls_fail_memory(error);
    }
    *out = dataset;
    return LS_OK;
}

void ls_dataset_retain(ls_dataset *dataset)
{
    dataset->references++;
}

void ls_dataset_close(ls_dataset *dataset)
{
    if (dataset != NULL && --dataset->references == 0)
        free_dataset(dataset);
}

/* ---- asking ---------------------------------------------------------------------------------- */

void ls_dataset_count(const ls_dataset *dataset, ls_dataset_counts *out)
{
    *out = dataset->counts;
}

uint64_t ls_dataset_future(const ls_dataset *dataset, int64_t at)
{
    const ls_events *events = &dataset->events;
    uint64_t count = 0;
    if (!dataset->grouped || (at >= LS_EVENT_BASE && ls_event_seconds(at) >= events->most))
        return 0;
    if (events->wide) {
        for (size_t i = 0; i < events->count; i++)
            count += ((const int64_t *)events->times)[i] > at;
        return count;
    }
    if (at < LS_EVENT_BASE)
        return events->count;
    if (at - LS_EVENT_BASE >= UINT32_MAX)
        return 0;
    uint32_t last = (uint32_t)(at - LS_EVENT_BASE);
    for (size_t i = 0; i < events->count; i++)
        count += ((const uint32_t *)events->times)[i] > last;
    return count;
}

int64_t ls_dataset_find(const ls_dataset *dataset, ls_object object, const char *id, size_t length)
{
    if (object > LS_DEAL)
        return -1;
    uint32_t code = ls_dictionary_find(&dataset->tables[object].id.dictionary, id, length);
    return code == LS_NO_CODE || code == 0 ? -1 : (int64_t)code - 1;
}

const char *ls_dataset_id(const ls_dataset *dataset, ls_object object, size_t row, size_t *length)
{
    ls_string id = {"", 0};
    if (object <= LS_DEAL && row < dataset->tables[object].count)
        id = ls_dictionary_text(&dataset->tables[object].id.dictionary,
                                ls_column_code(&dataset->tables[object].id, row));
    if (length != NULL)
        *length = id.length;
    return id.text;
}

const char *ls_dataset_column(const ls_dataset *dataset, ls_object object, size_t i)
{
    static const char *const of_events[] = {"event", "at"};
    if (object == LS_EVENT) {
        if (i < 2)
            return of_events[i];
        return i - 2 < dataset->events.column_count ? dataset->events.columns[i - 2].name.text
                                                    : NULL;
    }
    if (object > LS_EVENT)
        return NULL;
    const ls_table *table = &dataset->tables[object];
    if (i == 0)
        return table->id.name.text;
    return i - 1 < table->column_count ? table->columns[i - 1].name.text : NULL;
}

static ls_column *find_kept(ls_column *columns, size_t count, ls_string name)
{
    for (size_t i = 0; i < count; i++)
        if (columns[i].kept && ls_string_equal(columns[i].name, name.text, name.length))
            return &columns[i];
    return NULL;
}

ls_column *ls_dataset_property(const ls_dataset *dataset, ls_object owner, ls_string name)
{
    if (owner == LS_EVENT) {
        const ls_events *events = &dataset->events;
        if (ls_string_equal(name, "event", 5))
            return (ls_column *)&events->event;
        return find_kept(events->columns, events->column_count, name);
    }
    const ls_table *table = &dataset->tables[owner];
    if (ls_string_equal(name, "id", 2))
        return (ls_column *)&table->id;
    return find_kept(table->columns, table->column_count, name);
}

const ls_list *ls_dataset_list(const ls_dataset *dataset, ls_string name)
{
    for (size_t i = 0; i < dataset->list_count; i++)
        if (ls_string_equal(dataset->lists[i].name, name.text, name.length))
            return &dataset->lists[i];
    return NULL;
}

bool ls_dataset_has_list(const ls_dataset *dataset, const char *name)
{
    return ls_dataset_list(dataset, (ls_string){name, strlen(name)}) != NULL;
}
