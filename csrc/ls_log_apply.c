/* What a log says, once all of it was read: contacts that only it knows, properties, and the events
 * that waited in the spool. */
#include "ls_log.h"

#include <stdlib.h>

/* Chunks double from the first size to the last. */
#define FIRST_CHUNK ((size_t)4 * 1024)
#define LAST_CHUNK ((size_t)1024 * 1024)
#define LONGEST_NUMBER 10 /* bytes */

typedef struct ls_log_feed {
    uint32_t rows[LS_BATCH_ROWS], names[LS_BATCH_ROWS];
    int64_t times[LS_BATCH_ROWS], stamps[LS_BATCH_ROWS];
    uint64_t identities[LS_BATCH_ROWS][2];
    size_t column_count;
    uint32_t *codes; /* LS_BATCH_ROWS a column of events; all 0 between batches */
    size_t *touched; /* those of the batch that are not */
    size_t touched_count, touched_capacity;
} ls_log_feed;

/* ---- the spool ------------------------------------------------------------------------------- */

static int add_chunk(ls_log *log, ls_context *context, size_t needed)
{
    size_t size = log->last == NULL ? FIRST_CHUNK : log->last->size * 2;
    size = size > LAST_CHUNK ? LAST_CHUNK : size;
    if (size < sizeof *log->last + needed)
        size = sizeof *log->last + needed;
    ls_log_chunk *chunk = ls_allocate(context, size);
    if (chunk == NULL)
        return LS_ERROR_MEMORY;
    *chunk = (ls_log_chunk){.size = size};
    if (log->last != NULL)
        log->last->next = chunk;
    else
        log->first = chunk;
    log->last = chunk;
    return LS_OK;
}

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (unsigned char)(number | 0x80);
    *at++ = (unsigned char)number;
    return at;
}

/* The difference of two numbers, small ones of either sign as small numbers. */
static uint64_t difference(int64_t number, int64_t before)
{
    uint64_t wrapped = (uint64_t)number - (uint64_t)before;
    return (wrapped << 1) ^ (wrapped >> 63 != 0 ? UINT64_MAX : 0);
}

static int64_t add_difference(int64_t before, uint64_t difference)
{
    uint64_t wrapped = (difference >> 1) ^ ((difference & 1) != 0 ? UINT64_MAX : 0);
    return (int64_t)((uint64_t)before + wrapped);
}

int ls_log_put(ls_dataset *dataset, const ls_log_event *event, const ls_log_code *codes)
{
    ls_log *log = dataset->ingest->log;
    const ls_log_event *before = &log->before;
    size_t needed = (size_t)LONGEST_NUMBER * (6 + 2 * (size_t)event->count) + 16;
    if ((log->last == NULL || log->last->size - sizeof *log->last - log->last->used < needed) &&
        add_chunk(log, dataset->context, needed) != LS_OK)
        return LS_ERROR_MEMORY;
    unsigned char *start = log->last->bytes + log->last->used;
    unsigned char *at = put_number(start, event->contact);
    at = put_number(at, event->place.line - before->place.line);
    at = put_number(at, difference(event->place.stamp, before->place.stamp));
    at = put_number(at, difference(event->at, before->at));
    at = put_number(at, (uint64_t)event->name << 1 | event->identified);
    if (event->identified) {
        memcpy(at, event->identity, sizeof event->identity);
        at += sizeof event->identity;
    }
    at = put_number(at, event->count);
    for (uint32_t i = 0; i < event->count; i++) {
        at = put_number(at, codes[i].column);
        at = put_number(at, codes[i].code);
    }
    log->last->used += (size_t)(at - start);
    log->before = *event;
    log->event_count++;
    log->identified |= event->identified;
    const uint64_t seconds = ls_event_seconds(event->at);
    log->most = seconds > log->most ? seconds : log->most;
    return LS_OK;
}

void ls_log_take(ls_log *log, ls_log_event *event, const unsigned char **bytes)
{
    *event = log->before;
    event->contact = (uint32_t)ls_log_number(bytes);
    event->place.line += (uint32_t)ls_log_number(bytes);
    event->place.stamp = add_difference(event->place.stamp, ls_log_number(bytes));
    event->at = add_difference(event->at, ls_log_number(bytes));
    uint64_t name = ls_log_number(bytes);
    event->name = (uint32_t)(name >> 1);
    event->identified = (name & 1) != 0;
    event->identity[0] = event->identity[1] = 0;
    if (event->identified) {
        memcpy(event->identity, *bytes, sizeof event->identity);
        *bytes += sizeof event->identity;
    }
    event->count = (uint32_t)ls_log_number(bytes);
    log->before = *event;
}

static void free_first_chunk(ls_log *log, ls_context *context)
{
    ls_log_chunk *next = log->first->next;
    ls_free(context, log->first, log->first->size);
    log->first = next;
    log->taken = 0;
    if (next == NULL)
        log->last = NULL;
}

/* ---- freeing --------------------------------------------------------------------------------- */

static void free_feed(ls_log *log, ls_context *context)
{
    ls_log_feed *feed = log->feed;
    if (feed == NULL)
        return;
    if (feed->codes != NULL)
        ls_free(context, feed->codes, feed->column_count * LS_BATCH_ROWS * sizeof *feed->codes);
    ls_free(context, feed->touched, feed->touched_capacity * sizeof *feed->touched);
    ls_free(context, feed, sizeof *feed);
    log->feed = NULL;
}

static void free_settings(ls_log *log, ls_context *context)
{
    ls_free(context, log->settings, log->slot_count * sizeof *log->settings);
    log->settings = NULL;
    log->slot_count = log->setting_count = 0;
}

void ls_log_free(ls_dataset *dataset)
{
    ls_log *log = dataset->ingest->log;
    ls_context *context = dataset->context;
    if (log == NULL)
        return;
    while (log->first != NULL)
        free_first_chunk(log, context);
    free_feed(log, context);
    free_settings(log, context);
    if (log->ids.context != NULL)
        ls_dictionary_free(&log->ids);
    ls_free(context, log->contacts, log->contact_capacity * sizeof *log->contacts);
    ls_free(context, log->direct, log->direct_capacity * sizeof *log->direct);
    ls_free(context, log->tails, log->tail_capacity * sizeof *log->tails);
    ls_free(context, log, sizeof *log);
    dataset->ingest->log = NULL;
}

const char *ls_dataset_unfinished(const ls_dataset *dataset, size_t i, uint64_t *line)
{
    const ls_log *log = dataset->ingest != NULL ? dataset->ingest->log : NULL;
    if (log == NULL || i >= log->tail_count)
        return NULL;
    *line = log->tails[i].line;
    return dataset->sources[log->tails[i].source];
}

/* ---- contacts -------------------------------------------------------------------------------- */

bool ls_log_forgot(const ls_dataset *dataset, ls_string id)
{
    const ls_log *log = dataset->ingest->log;
    if (LS_LIKELY(log == NULL) || !log->forgets)
        return false;
    uint32_t code = ls_dictionary_find(&log->ids, id.text, id.length);
    return code != LS_NO_CODE && code != 0 && log->contacts[code - 1].forgotten.line != 0;
}

/* Whether what a line says holds: nothing forgot the contact after it. */
static bool holds(const ls_log_contact *contact, const ls_log_place *place)
{
    return contact->forgotten.line == 0 || ls_log_before(&contact->forgotten, place);
}

typedef struct newcomer {
    ls_log_place first;
    uint32_t index;
} newcomer;

static int compare_newcomers(const void *a, const void *b)
{
    const newcomer *x = a, *y = b;
    return ls_log_before(&x->first, &y->first) ? -1 : 1; /* no line is about two contacts */
}

static int add_contact(ls_dataset *dataset, const newcomer *newcomer)
{
    ls_log *log = dataset->ingest->log;
    ls_table *table = &dataset->tables[LS_CONTACT];
    ls_string id = ls_dictionary_text(&log->ids, newcomer->index + 1);
    uint32_t code = ls_dictionary_add(&table->id.dictionary, id.text, id.length);
    if (code == LS_NO_CODE || ls_column_check(dataset->context, &table->id, code) != LS_OK)
        return LS_ERROR_MEMORY;
    log->contacts[newcomer->index].row = code - 1;
    dataset->counts.records[LS_CONTACT] = ++table->count;
    return LS_OK;
}

/* Finds the contacts that files have; makes a list of those to add. */
static size_t find_newcomers(const ls_dataset *dataset, newcomer *newcomers)
{
    const ls_log *log = dataset->ingest->log;
    const ls_dictionary *ids = &dataset->tables[LS_CONTACT].id.dictionary;
    size_t count = 0;
    for (size_t i = 0; i < log->contact_count; i++) {
        ls_log_contact *contact = &log->contacts[i];
        ls_string id = ls_dictionary_text(&log->ids, (uint32_t)i + 1);
        uint32_t code = ls_dictionary_find(ids, id.text, id.length);
        contact->row = code == LS_NO_CODE ? UINT32_MAX : code - 1;
        if (contact->row == UINT32_MAX && contact->last.line != 0 && holds(contact, &contact->last))
            newcomers[count++] = (newcomer){contact->first, (uint32_t)i};
    }
    return count;
}

/* Other files say nothing of a contact that was forgotten and came back. */
static int hide_contacts(ls_dataset *dataset)
{
    struct ls_ingest *ingest = dataset->ingest;
    const ls_log *log = ingest->log;
    size_t words = (dataset->tables[LS_CONTACT].count + 63) / 64;
    if (!log->forgets || words == 0)
        return LS_OK;
    ingest->hidden = ls_allocate_zero(dataset->context, words, sizeof *ingest->hidden);
    if (ingest->hidden == NULL)
        return LS_ERROR_MEMORY;
    ingest->hidden_words = words;
    for (size_t i = 0; i < log->contact_count; i++) {
        uint32_t row = log->contacts[i].row;
        if (row != UINT32_MAX && log->contacts[i].forgotten.line != 0)
            ingest->hidden[row / 64] |= UINT64_C(1) << (row % 64);
    }
    return LS_OK;
}

static int add_contacts(ls_dataset *dataset)
{
    ls_log *log = dataset->ingest->log;
    ls_table *table = &dataset->tables[LS_CONTACT];
    size_t size = log->contact_count * sizeof(newcomer);
    newcomer *newcomers = size != 0 ? ls_allocate(dataset->context, size) : NULL;
    if (size == 0)
        return LS_OK;
    if (newcomers == NULL)
        return LS_ERROR_MEMORY;
    size_t count = find_newcomers(dataset, newcomers);
    int status = LS_OK;
    qsort(newcomers, count, sizeof *newcomers, compare_newcomers);
    for (size_t i = 0; i < count && status == LS_OK; i++)
        status = add_contact(dataset, &newcomers[i]);
    ls_free(dataset->context, newcomers, size);
    for (size_t i = 0; i < table->column_count && status == LS_OK; i++)
        status = ls_column_fill(dataset->context, &table->columns[i], table->count);
    return status == LS_OK ? hide_contacts(dataset) : status;
}

static int set_properties(ls_dataset *dataset)
{
    ls_log *log = dataset->ingest->log;
    ls_table *table = &dataset->tables[LS_CONTACT];
    int status = LS_OK;
    for (size_t i = 0; i < log->slot_count && status == LS_OK; i++) {
        const ls_log_setting *setting = &log->settings[i];
        if (setting->contact == 0)
            continue;
        const ls_log_contact *contact = &log->contacts[setting->contact - 1];
        ls_log_place place = {setting->stamp, setting->line};
        if (contact->row == UINT32_MAX || !holds(contact, &place))
            continue;
        ls_column *column = &table->columns[setting->column];
        status = ls_column_reserve(dataset->context, column, table->count, setting->code);
        if (status == LS_OK)
            ls_column_put(column, contact->row, setting->code);
    }
    return status;
}

int ls_log_apply(ls_dataset *dataset, ls_error *error)
{
    ls_log *log = dataset->ingest != NULL ? dataset->ingest->log : NULL;
    if (log == NULL || log->applied)
        return LS_OK;
    log->applied = true;
    if (add_contacts(dataset) != LS_OK || set_properties(dataset) != LS_OK) {
        dataset->ingest->failed = true;
        return ls_fail_memory(error);
    }
    free_settings(log, dataset->context);
    return LS_OK;
}

/* ---- events ---------------------------------------------------------------------------------- */

bool ls_log_waits(const ls_dataset *dataset)
{
    return dataset->ingest->log != NULL && dataset->ingest->log->first != NULL;
}

static int begin_feed(ls_dataset *dataset)
{
    ls_log *log = dataset->ingest->log;
    ls_log_feed *feed = ls_allocate_zero(dataset->context, 1, sizeof *feed);
    log->feed = feed;
    if (feed == NULL)
        return LS_ERROR_MEMORY;
    size_t count = dataset->events.column_count;
    feed->column_count = count;
    if (count != 0 && (feed->codes = ls_allocate_zero(dataset->context, count * LS_BATCH_ROWS,
                                                      sizeof *feed->codes)) == NULL)
        return LS_ERROR_MEMORY;
    log->before = (ls_log_event){.place.stamp = LS_NO_STAMP}; /* as when the first was put */
    return LS_OK;
}

static int touch(ls_log_feed *feed, ls_context *context, size_t at, uint32_t code)
{
    if (ls_grow(context, &feed->touched, &feed->touched_capacity, feed->touched_count + 1,
                sizeof *feed->touched) != LS_OK)
        return LS_ERROR_MEMORY;
    feed->touched[feed->touched_count++] = at;
    feed->codes[at] = code;
    return LS_OK;
}

/* Takes events off the first chunk until the batch is full or the chunk is empty. */
static int fill_batch(ls_dataset *dataset, size_t *count)
{
    ls_log *log = dataset->ingest->log;
    ls_log_feed *feed = log->feed;
    const unsigned char *bytes = log->first->bytes + log->taken;
    const unsigned char *end = log->first->bytes + log->first->used;
    int status = LS_OK;
    for (*count = 0; *count < LS_BATCH_ROWS && bytes < end && status == LS_OK;) {
        ls_log_event event;
        ls_log_take(log, &event, &bytes);
        const ls_log_contact *contact = &log->contacts[event.contact - 1];
        bool kept = contact->row != UINT32_MAX && holds(contact, &event.place);
        for (uint32_t i = 0; i < event.count && status == LS_OK; i++) {
            size_t column = (size_t)ls_log_number(&bytes);
            uint32_t code = (uint32_t)ls_log_number(&bytes);
            if (kept)
                status = touch(feed, dataset->context, column * LS_BATCH_ROWS + *count, code);
        }
        feed->rows[*count] = contact->row;
        feed->names[*count] = event.name;
        feed->times[*count] = event.at;
        feed->stamps[*count] = event.place.stamp;
        memcpy(feed->identities[*count], event.identity, sizeof event.identity);
        *count += kept;
    }
    log->taken = (size_t)(bytes - log->first->bytes);
    return status;
}

static int feed_batch(ls_dataset *dataset)
{
    ls_log *log = dataset->ingest->log;
    ls_log_feed *feed = log->feed;
    size_t count;
    int status = fill_batch(dataset, &count);
    const ls_packing packing = {.count = count,
                                .contacts = feed->rows,
                                .times = feed->times,
                                .most = log->most,
                                .names = feed->names,
                                .codes = feed->codes,
                                .step = LS_BATCH_ROWS,
                                .identities = log->identified ? feed->identities : NULL,
                                .stamps = feed->stamps};
    if (status == LS_OK && count != 0)
        status = ls_pack_events(dataset, &packing);
    for (size_t i = 0; i < feed->touched_count; i++)
        feed->codes[feed->touched[i]] = 0;
    feed->touched_count = 0;
    if (log->taken == log->first->used)
        free_first_chunk(log, dataset->context);
    return status;
}

int ls_log_feed_events(ls_dataset *dataset, uint64_t budget)
{
    ls_log *log = dataset->ingest->log;
    int status = LS_OK;
    if (log->feed == NULL)
        status = begin_feed(dataset);
    for (uint64_t done = 0; log->first != NULL && status == LS_OK && (budget == 0 || done < budget);
         done += LS_BATCH_ROWS)
        status = feed_batch(dataset);
    if (status == LS_OK && log->first != NULL)
        return LS_MORE;
    free_feed(log, dataset->context);
    return status;
}

/* ---- the order of a log ------------------------------------------------------------------------
 */

typedef struct stamped {
    int64_t stamp;
    const char *event;
    size_t place; /* in reading order */
} stamped;

static int compare_stamped(const void *a, const void *b)
{
    const stamped *x = a, *y = b;
    if (x->stamp != y->stamp)
        return x->stamp < y->stamp ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Events with stamps are the last of a partition, and of one layout. Answers how many there are,
 * and whether they are in order. */
static size_t count_stamped(const ls_block *first, bool *ordered)
{
    int64_t last = INT64_MIN;
    size_t count = 0;
    *ordered = true;
    for (const ls_block *block = first; block != NULL; block = block->next) {
        for (size_t at = 0; at < block->used; at += block->layout->stride, count++) {
            int64_t stamp = ls_stamp_of(block->layout, block->events + at);
            *ordered &= stamp >= last;
            last = stamp;
        }
    }
    return count;
}

static void list_stamped(const ls_block *first, stamped *list)
{
    size_t count = 0;
    for (const ls_block *block = first; block != NULL; block = block->next) {
        for (size_t at = 0; at < block->used; at += block->layout->stride, count++) {
            const char *event = block->events + at;
            list[count] = (stamped){ls_stamp_of(block->layout, event), event, count};
        }
    }
}

/* Blocks of events with stamps are filled anew, in the order of these. */
static int sort_stamped(ls_context *context, const ls_block *first, size_t count)
{
    const uint32_t stride = first->layout->stride;
    if (count > SIZE_MAX / 2 / sizeof(stamped) || count > SIZE_MAX / stride)
        return LS_ERROR_MEMORY;
    stamped *list = ls_allocate(context, count * sizeof *list);
    char *sorted = ls_allocate(context, count * stride);
    bool fine = list != NULL && sorted != NULL;
    if (fine) {
        list_stamped(first, list);
        qsort(list, count, sizeof *list, compare_stamped);
        for (size_t i = 0; i < count; i++)
            memcpy(sorted + i * stride, list[i].event, stride);
        const char *from = sorted;
        for (const ls_block *block = first; block != NULL; from += block->used, block = block->next)
            memcpy((char *)block->events, from, block->used);
    }
    ls_free(context, list, count * sizeof *list);
    ls_free(context, sorted, count * stride);
    return fine ? LS_OK : LS_ERROR_MEMORY;
}

int ls_log_order(ls_context *context, const ls_partition *partition)
{
    const ls_block *first = partition->first;
    bool ordered;
    while (first != NULL && !first->layout->stamped)
        first = first->next;
    size_t count = count_stamped(first, &ordered);
    return ordered ? LS_OK : sort_stamped(context, first, count);
}
