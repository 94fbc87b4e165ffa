/* The ids of events that a dataset keeps where it was asked to, for a ledger that loads it: of each
 * a hash and when its event came. While events are grouped there is one place for each event; what
 * then has no id is squeezed out. */
#include "ls_event_ids.h"

int ls_dataset_keep_event_ids(ls_dataset *dataset, ls_error *error)
{
    if (dataset->grouped || (dataset->ingest != NULL && dataset->ingest->begun))
        return ls_fail(error, LS_ERROR_USAGE, "ids are kept before anything is read");
    dataset->keeps_event_ids = true;
    return LS_OK;
}

int ls_event_ids_make(ls_dataset *dataset, size_t contacts, size_t count)
{
    ls_event_ids *ids = &dataset->event_ids;
    if (contacts >= SIZE_MAX / sizeof *ids->first || count > SIZE_MAX / sizeof *ids->items)
        return LS_ERROR_MEMORY;
    ids->first = ls_allocate_zero(dataset->context, contacts + 1, sizeof *ids->first);
    if (ids->first == NULL)
        return LS_ERROR_MEMORY;
    ids->contacts = contacts;
    if (count != 0 &&
        (ids->items = ls_allocate(dataset->context, count * sizeof *ids->items)) == NULL)
        return LS_ERROR_MEMORY;
    ids->capacity = count;
    return LS_OK;
}

static int64_t time_of(const ls_layout *layout, const char *event)
{
    int64_t at;
    uint32_t seconds;
    memcpy(&seconds, event + layout->time_offset, sizeof seconds);
    if (!layout->wide)
        return LS_EVENT_BASE + (int64_t)seconds;
    memcpy(&at, event + layout->time_offset, sizeof at);
    return at;
}

void ls_event_ids_move(ls_event_ids *ids, const uint64_t *places, const ls_block *block,
                       size_t count)
{
    const ls_layout *layout = block->layout;
    const char *event = block->events;
    for (size_t i = 0; i < count; i++, event += layout->stride) {
        ls_event_id *id = &ids->items[places[i]];
        int64_t came = ls_log_arrival(layout, event);
        id->came = came != INT64_MIN ? came : time_of(layout, event);
        memset(id->identity, 0, sizeof id->identity);
        if (layout->identity)
            memcpy(id->identity, event + 2, sizeof id->identity);
    }
}

void ls_event_ids_squeeze(ls_dataset *dataset)
{
    ls_event_ids *ids = &dataset->event_ids;
    const uint64_t *first = dataset->events.first;
    size_t count = 0;
    for (size_t row = 0; row < ids->contacts; row++) {
        ids->first[row] = count;
        for (uint64_t i = first[row]; i < first[row + 1]; i++)
            if ((ids->items[i].identity[0] | ids->items[i].identity[1]) != 0)
                ids->items[count++] = ids->items[i];
    }
    ids->first[ids->contacts] = count;
    ls_event_id *items = ls_reallocate(dataset->context, ids->items, ids->capacity * sizeof *items,
                                       count * sizeof *items);
    if (items == NULL && count != 0)
        return; /* more room than is needed is just kept */
    ids->items = items;
    ids->capacity = count;
}

void ls_event_ids_free(ls_dataset *dataset)
{
    ls_event_ids *ids = &dataset->event_ids;
    if (ids->first != NULL)
        ls_free(dataset->context, ids->first, (ids->contacts + 1) * sizeof *ids->first);
    ls_free(dataset->context, ids->items, ids->capacity * sizeof *ids->items);
    memset(ids, 0, sizeof *ids);
}
