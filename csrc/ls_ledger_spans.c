/* Room for events: spans of a power of two of slots in columns that all contacts share. A contact
 * whose span is full moves to one of twice the room, so that an event costs a constant on average;
 * spans that were left are used again. */
#include "ls_ledger.h"

#include <stdlib.h>

#define NO_SPAN UINT64_MAX

static size_t time_size(const ls_events *events)
{
    return events->wide ? sizeof(int64_t) : sizeof(uint32_t);
}

/* A free span keeps where the next one of its size begins in its times, of which it has enough. */
static uint64_t next_free(const ls_events *events, uint64_t span)
{
    uint64_t next;
    memcpy(&next, (const char *)events->times + span * time_size(events), sizeof next);
    return next;
}

static void set_next_free(const ls_events *events, uint64_t span, uint64_t next)
{
    memcpy((char *)events->times + span * time_size(events), &next, sizeof next);
}

/* ---- columns --------------------------------------------------------------------------------- */

static int reserve_columns(ls_ledger *ledger, size_t room)
{
    ls_events *events = &ledger->dataset->events;
    int status =
        ls_grow(ledger->context, &events->times, &events->times_size, room * time_size(events), 1);
    if (status == LS_OK)
        status = ls_column_reserve(ledger->context, &events->event, room, 0);
    for (size_t i = 0; i < events->column_count && status == LS_OK; i++)
        status = ls_column_reserve(ledger->context, &events->columns[i], room, 0);
    return status;
}

/* All columns get room together: more than is asked, so that this is rare. */
static int make_room(ls_ledger *ledger, uint64_t slots)
{
    ls_ledger_spans *spans = &ledger->spans;
    if (slots <= spans->room)
        return LS_OK;
    if (slots > SIZE_MAX / 16)
        return LS_ERROR_MEMORY;
    uint64_t room = spans->room + spans->room / 2;
    room = room > slots ? room : slots;
    int status = reserve_columns(ledger, (size_t)room);
    if (status == LS_OK)
        spans->room = room;
    return status;
}

/* A column has codes up to the last span; slots that no event took have code 0. */
static int fill_columns(ls_ledger *ledger)
{
    ls_events *events = &ledger->dataset->events;
    size_t used = (size_t)ledger->spans.used;
    int status = ls_column_fill(ledger->context, &events->event, used);
    for (size_t i = 0; i < events->column_count && status == LS_OK; i++)
        status = ls_column_fill(ledger->context, &events->columns[i], used);
    events->count = used;
    return status;
}

int ls_ledger_widen(ls_ledger *ledger)
{
    ls_events *events = &ledger->dataset->events;
    const ls_ledger_spans *spans = &ledger->spans;
    size_t size = (size_t)(spans->room > 0 ? spans->room : 1) * sizeof(int64_t);
    if (events->wide)
        return LS_OK;
    int64_t *times = ls_allocate(ledger->context, size);
    if (times == NULL)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < (size_t)spans->used; i++)
        times[i] = ls_event_time(events, i);
    for (size_t i = 0; i < LS_SPAN_SIZES; i++)
        for (uint64_t span = spans->free[i]; span != NO_SPAN; span = next_free(events, span)) {
            uint64_t next = next_free(events, span);
            memcpy(&times[span], &next, sizeof next);
        }
    ls_free(ledger->context, events->times, events->times_size);
    events->times = times;
    events->times_size = size;
    events->wide = true;
    return LS_OK;
}

/* ---- spans ----------------------------------------------------------------------------------- */

static void give_span(ls_ledger *ledger, uint64_t span, uint8_t size)
{
    ls_ledger_spans *spans = &ledger->spans;
    set_next_free(&ledger->dataset->events, span, spans->free[size]);
    spans->free[size] = span;
    spans->waiting += LS_SPAN_ROOM(size);
}

/* A free span of this size, or part of a larger one, the rest of which is free in halves. */
static bool take_free_span(ls_ledger *ledger, uint8_t size, uint64_t *out)
{
    ls_ledger_spans *spans = &ledger->spans;
    uint8_t larger = size;
    while (larger < LS_SPAN_SIZES && spans->free[larger] == NO_SPAN)
        larger++;
    if (larger == LS_SPAN_SIZES)
        return false;
    *out = spans->free[larger];
    spans->free[larger] = next_free(&ledger->dataset->events, *out);
    spans->waiting -= LS_SPAN_ROOM(larger);
    while (larger-- > size)
        give_span(ledger, *out + LS_SPAN_ROOM(larger), larger);
    return true;
}

static void move_codes(ls_column *column, uint64_t from, uint64_t to, size_t count)
{
    char *codes = column->codes;
    memmove(codes + to * column->width, codes + from * column->width, count * column->width);
}

/* The row's events move to a span that has room for them; it may reach into where they are. */
static void move_events(ls_ledger *ledger, size_t row, uint64_t to)
{
    ls_events *events = &ledger->dataset->events;
    size_t count = ls_ledger_event_count(ledger, row), size = time_size(events);
    uint64_t from = events->first[row];
    memmove((char *)events->times + to * size, (char *)events->times + from * size, count * size);
    move_codes(&events->event, from, to, count);
    for (size_t i = 0; i < events->column_count; i++)
        move_codes(&events->columns[i], from, to, count);
    events->first[row] = to;
    events->ends[row] = to + count;
}

/* ---- closing up ------------------------------------------------------------------------------ */

typedef struct place {
    uint64_t first;
    uint32_t row;
} place;

static int compare_places(const void *a, const void *b)
{
    const place *one = a, *other = b;
    return (one->first > other->first) - (one->first < other->first);
}

static void set_used(ls_ledger *ledger, uint64_t used)
{
    ls_events *events = &ledger->dataset->events;
    ledger->spans.used = used;
    ledger->spans.waiting = 0;
    for (size_t i = 0; i < LS_SPAN_SIZES; i++)
        ledger->spans.free[i] = NO_SPAN;
    events->count = events->event.count = (size_t)used;
    for (size_t i = 0; i < events->column_count; i++)
        events->columns[i].count = (size_t)used;
}

/* Where most slots wait in spans of other sizes, all spans move down to where there is no gap,
 * rather than that there are more; where memory is short, they stay. */
static void close_up(ls_ledger *ledger)
{
    const ls_ledger_spans *spans = &ledger->spans;
    size_t rows = ls_ledger_table(ledger)->count, count = 0;
    uint64_t used = 0;
    if (spans->waiting < spans->used / 2 || rows == 0)
        return;
    place *places = ls_allocate(ledger->context, rows * sizeof *places);
    if (places == NULL)
        return;
    for (size_t row = 0; row < rows; row++)
        if (ls_ledger_is_there(ledger, row) && spans->sizes[row] != LS_NO_SPAN)
            places[count++] = (place){ledger->dataset->events.first[row], (uint32_t)row};
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0; i < count; i++) {
        if (places[i].first != used)
            move_events(ledger, places[i].row, used);
        used += LS_SPAN_ROOM(spans->sizes[places[i].row]);
    }
    ls_free(ledger->context, places, rows * sizeof *places);
    set_used(ledger, used);
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* A span of this size at *out; spans of others may have moved. */
static int take_span(ls_ledger *ledger, uint8_t size, uint64_t *out)
{
    ls_ledger_spans *spans = &ledger->spans;
    uint64_t room = LS_SPAN_ROOM(size);
    if (take_free_span(ledger, size, out))
        return LS_OK;
    if (spans->used + room > spans->room)
        close_up(ledger);
    if (make_room(ledger, spans->used + room) != LS_OK)
        return LS_ERROR_MEMORY;
    *out = spans->used;
    spans->used += room;
    /* Room was made, so that this does not fail. */
    memset((char *)ledger->dataset->events.times + *out * time_size(&ledger->dataset->events), 0,
           (size_t)room * time_size(&ledger->dataset->events));
    return fill_columns(ledger);
}

int ls_ledger_reserve(ls_ledger *ledger, size_t row, size_t more)
{
    uint8_t size = ledger->spans.sizes[row];
    uint64_t count = ls_ledger_event_count(ledger, row) + more, to;
    if (LS_LIKELY(size != LS_NO_SPAN && count <= LS_SPAN_ROOM(size)))
        return LS_OK;
    uint8_t wanted = size == LS_NO_SPAN ? 0 : (uint8_t)(size + 1);
    while (wanted < LS_SPAN_SIZES && LS_SPAN_ROOM(wanted) < count)
        wanted++;
    if (wanted >= LS_SPAN_SIZES || take_span(ledger, wanted, &to) != LS_OK)
        return LS_ERROR_MEMORY;
    uint64_t from = ledger->dataset->events.first[row];
    if (size == LS_NO_SPAN) {
        ledger->dataset->events.first[row] = ledger->dataset->events.ends[row] = to;
    } else {
        move_events(ledger, row, to);
        give_span(ledger, from, size);
    }
    ledger->spans.sizes[row] = wanted;
    return LS_OK;
}

void ls_ledger_release(ls_ledger *ledger, size_t row)
{
    ls_events *events = &ledger->dataset->events;
    uint8_t size = ledger->spans.sizes[row];
    ledger->removed += ls_ledger_event_count(ledger, row) + 1;
    ledger->events -= ls_ledger_event_count(ledger, row);
    if (size != LS_NO_SPAN)
        give_span(ledger, events->first[row], size);
    ledger->spans.sizes[row] = LS_NO_SPAN;
    events->first[row] = events->ends[row] = 0;
}
