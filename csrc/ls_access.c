/* What hosts ask of a dataset besides scores: cells, associated records, and when contacts were
 * last active. */
#include "ls_dataset.h"

/* ---- cells ----------------------------------------------------------------------------------- */

static const char *text_at(const ls_column *column, size_t row, size_t *length)
{
    ls_string text = {"", 0};
    if (column != NULL) {
        bool there = column->width == 0 ? row + 1 < column->dictionary.count : row < column->count;
        uint32_t code = there ? ls_column_code(column, row) : 0;
        if (code != 0)
            text = ls_dictionary_text(&column->dictionary, code);
    }
    if (length != NULL)
        *length = text.length;
    return text.text;
}

ls_cells ls_dataset_cells(const ls_dataset *dataset, ls_object object, const char *column)
{
    ls_string name = {column, strlen(column)};
    const ls_column *found = object <= LS_DEAL ? ls_dataset_property(dataset, object, name) : NULL;
    return (ls_cells){found, found != NULL ? found->dictionary.count : 0};
}

uint32_t ls_cells_code(const ls_cells *cells, size_t row)
{
    const ls_column *column = cells->column;
    if (column == NULL)
        return 0;
    bool there = column->width == 0 ? row + 1 < column->dictionary.count : row < column->count;
    return there ? ls_column_code(column, row) : 0;
}

const char *ls_cells_text(const ls_cells *cells, uint32_t code, size_t *length)
{
    const ls_column *column = cells->column;
    ls_string text = {"", 0};
    if (code < cells->count)
        text = ls_dictionary_text(&column->dictionary, code);
    *length = text.length;
    return text.text;
}

const char *ls_dataset_value(const ls_dataset *dataset, ls_object object, size_t row,
                             const char *column, size_t *length)
{
    ls_string name = {column, strlen(column)};
    return text_at(object <= LS_DEAL ? ls_dataset_property(dataset, object, name) : NULL, row,
                   length);
}

/* ---- associations ---------------------------------------------------------------------------- */

ls_associated ls_dataset_associated(const ls_dataset *dataset, ls_object object, size_t row,
                                    ls_object other)
{
    ls_associated none = {NULL, 0, NULL, 0};
    if (object > LS_DEAL || other > LS_DEAL)
        return none;
    const ls_links *links = &dataset->links[object][other];
    if (links->count == 0 || row >= links->row_count)
        return none;
    size_t first = (size_t)links->first[row];
    return (ls_associated){links->rows + first, (size_t)links->first[row + 1] - first, links,
                           first};
}

uint64_t ls_dataset_associations(const ls_dataset *dataset, ls_object object, ls_object other)
{
    return object <= LS_DEAL && other <= LS_DEAL ? dataset->links[object][other].count : 0;
}

static const ls_label_set *labels_of(const ls_dataset *dataset, const ls_associated *associated,
                                     size_t i)
{
    const ls_links *links = associated->links;
    return &dataset->label_sets[links->labels[associated->first + i]];
}

bool ls_associated_primary(const ls_dataset *dataset, const ls_associated *associated, size_t i)
{
    return i < associated->count && labels_of(dataset, associated, i)->primary;
}

uint32_t ls_associated_set(const ls_associated *associated, size_t i)
{
    const ls_links *links = associated->links;
    return i < associated->count ? links->labels[associated->first + i] : 0;
}

const char *ls_associated_label(const ls_dataset *dataset, const ls_associated *associated,
                                size_t i, size_t k, size_t *length)
{
    if (i >= associated->count || k >= labels_of(dataset, associated, i)->count)
        return NULL;
    uint32_t code = dataset->label_codes[labels_of(dataset, associated, i)->first + k];
    ls_string text = ls_dictionary_text(&dataset->labels, code);
    *length = text.length;
    return text.text;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Which codes of the event column are asked for: a flag each, NULL where all are or there is no
 * memory. */
static uint8_t *wanted_events(const ls_dataset *dataset, const char *const *events, size_t count)
{
    const ls_dictionary *names = &dataset->events.event.dictionary;
    uint8_t *wanted = ls_allocate_zero(dataset->context, names->count, 1);
    for (size_t i = 0; wanted != NULL && i < count; i++) {
        uint32_t code = ls_dictionary_find(names, events[i], strlen(events[i]));
        if (code != LS_NO_CODE)
            wanted[code] = 1;
    }
    return wanted;
}

static bool is_wanted(const ls_events *events, const uint8_t *wanted, uint64_t event, int64_t at)
{
    return ls_event_time(events, (size_t)event) <= at &&
           (wanted == NULL || wanted[ls_column_code(&events->event, (size_t)event)]);
}

static int check_grouped(const ls_dataset *dataset, ls_error *error)
{
    return dataset->grouped
               ? LS_OK
               : ls_fail(error, LS_ERROR_USAGE, "events are asked for when they are grouped");
}

int ls_dataset_activity(const ls_dataset *dataset, const char *const *names, size_t name_count,
                        int64_t at, int64_t *latest, uint64_t *counts, ls_error *error)
{
    const ls_events *events = &dataset->events;
    if (check_grouped(dataset, error) != LS_OK)
        return LS_ERROR_USAGE;
    uint8_t *wanted = name_count ? wanted_events(dataset, names, name_count) : NULL;
    if (name_count && wanted == NULL)
        return ls_fail_memory(error);
    for (size_t row = 0; row < dataset->tables[LS_CONTACT].count; row++) {
        latest[row] = INT64_MIN;
        counts[row] = 0;
        for (uint64_t i = events->first[row]; i < ls_events_end(events, row); i++) {
            if (!is_wanted(events, wanted, i, at))
                continue;
            latest[row] = ls_max(latest[row], ls_event_time(events, (size_t)i));
            counts[row]++;
        }
    }
    if (wanted != NULL)
        ls_free(dataset->context, wanted, events->event.dictionary.count);
    return LS_OK;
}

/* Puts an event where it belongs among the latest ones; of equal times the one read first leads. */
static void insert_event(const ls_events *events, uint64_t event, size_t most, uint64_t *out,
                         size_t *count)
{
    int64_t time = ls_event_time(events, (size_t)event);
    size_t place = *count;
    while (place > 0 && ls_event_time(events, (size_t)out[place - 1]) < time)
        place--;
    if (place == most)
        return;
    size_t kept = *count < most ? *count : most - 1;
    memmove(out + place + 1, out + place, (kept - place) * sizeof *out);
    out[place] = event;
    *count = kept + 1;
}

int ls_dataset_latest(const ls_dataset *dataset, size_t contact, const char *const *names,
                      size_t name_count, int64_t at, size_t most, uint64_t *out, size_t *count,
                      ls_error *error)
{
    const ls_events *events = &dataset->events;
    *count = 0;
    if (check_grouped(dataset, error) != LS_OK)
        return LS_ERROR_USAGE;
    if (contact >= dataset->tables[LS_CONTACT].count)
        return ls_fail(error, LS_ERROR_USAGE, "expected the row of a contact");
    uint8_t *wanted = name_count ? wanted_events(dataset, names, name_count) : NULL;
    if (name_count && wanted == NULL)
        return ls_fail_memory(error);
    for (uint64_t i = events->first[contact]; i < ls_events_end(events, contact); i++)
        if (is_wanted(events, wanted, i, at))
            insert_event(events, i, most, out, count);
    if (wanted != NULL)
        ls_free(dataset->context, wanted, events->event.dictionary.count);
    return LS_OK;
}

int64_t ls_dataset_event_time(const ls_dataset *dataset, uint64_t event)
{
    return event < dataset->events.count ? ls_event_time(&dataset->events, (size_t)event)
                                         : INT64_MIN;
}

const char *ls_dataset_event_value(const ls_dataset *dataset, uint64_t event, const char *column,
                                   size_t *length)
{
    ls_string name = {column, strlen(column)};
    return text_at(ls_dataset_property(dataset, LS_EVENT, name), (size_t)event, length);
}
