/* What reading the rest of a plain file of events will take, asked once some of it was read: a run
 * that cannot end within the context's limit ends at once, and says what it needs. */
#include "ls_ingest.h"

#include <stdio.h>

/* Bytes of an event in the final columns. */
static uint64_t final_size(const ls_dataset *dataset, const ls_layout *layout)
{
    const ls_events *events = &dataset->events;
    uint64_t size = layout->wide ? sizeof(int64_t) : sizeof(uint32_t);
    size += ls_code_width(events->event.dictionary.count);
    for (size_t i = 0; i < events->column_count; i++)
        if (events->columns[i].kept)
            size += ls_code_width(events->columns[i].dictionary.count);
    return size + (dataset->keeps_event_ids && layout->identity ? sizeof(ls_event_id) : 0);
}

/* The number with three digits that count and its unit. */
static void print_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++)
        bytes /= 1000;
    snprintf(out, 32,
             bytes < 10    ? "%.2f %s"
             : bytes < 100 ? "%.1f %s"
                           : "%.0f %s",
             bytes, units[unit]);
}

int ls_check_estimate(ls_reading *reading, uint64_t scanned, ls_error *error)
{
    const ls_dataset *dataset = reading->dataset;
    const ls_context *context = dataset->context;
    const ls_layout *layout = dataset->ingest->layout;
    uint64_t total = reading->job.progress.total, kept = dataset->counts.events;
    if (reading->estimated || context->max_memory == 0 || layout == NULL ||
        scanned < LS_ESTIMATE_SAMPLE || total <= scanned)
        return LS_OK;
    reading->estimated = true;
    uint64_t here = kept - reading->events_before, last = final_size(dataset, layout);
    double more = (double)here * (double)(total - scanned) / (double)scanned;
    double need = (double)context->memory + more * (double)(layout->stride + last) +
                  (double)kept * (double)last;
    if (need <= (double)context->max_memory)
        return LS_OK;
    char needed[32], limit[32];
    print_bytes(need, needed);
    print_bytes((double)context->max_memory, limit);
    return ls_fail(error, LS_ERROR_MEMORY,
                   "%s: its events need about %s of memory, and the limit is %s", reading->name,
                   needed, limit);
}
