/* Finding occurrences (section 5), for the walk.
 *
 * A record's occurrences are found once for each event rule and did filter, contact by contact, and
 * each contact's are sorted by time. once_per and latest keep the same occurrences at every later
 * instant (a window drops the oldest first), so only the window of `within` and decay are left to
 * the clock. */
#include "ls_walk.h"

#include "ls_time.h"

#include <stdlib.h>

/* ---- one event ------------------------------------------------------------------------------- */

/* Points past the largest sum end up just past it, so that the rule's sum reports them. */
static int64_t narrow_points(ls_int128 points)
{
    if (ls_sum_is_in_range(points))
        return (int64_t)points;
    return points > 0 ? LS_MAX_SUM + 1 : -LS_MAX_SUM - 1;
}

static int64_t find_day(int64_t time)
{
    int64_t day = time / LS_DAY;
    return day - (time % LS_DAY < 0);
}

/* Equal numbers for events of which once_per keeps one. */
static int64_t find_bucket(ls_walk *walk, const ls_occurrences *occurrences, int64_t time)
{
    if (occurrences->once == LS_ONCE_DAY)
        return find_day(time);
    if (occurrences->once == LS_ONCE_NONE)
        return 0;
    uint32_t property = occurrences->once_property;
    if (ls_property_is_event_time(&walk->part->definition->properties[property]))
        return time;
    ls_value value;
    ls_walk_value(walk, property, LS_TEXT, &value);
    if (!value.known)
        return 0;
    uint32_t code = ls_dictionary_add(&walk->buckets, value.text.text, value.text.length);
    if (code == LS_NO_CODE)
        ls_walk_fail_memory(walk);
    return code;
}

static void add_occurrence(ls_walk *walk, ls_found *found, const ls_occurrence *occurrence)
{
    if (ls_grow(walk->context, &found->items, &found->capacity, found->count + 1,
                sizeof *found->items) != LS_OK)
        ls_walk_fail_memory(walk);
    else
        found->items[found->count++] = *occurrence;
}

/* Whether walk->event is an occurrence. */
static bool is_occurrence(ls_walk *walk, const ls_occurrences *occurrences, uint32_t name,
                          ls_occurrence *out)
{
    int64_t time = ls_event_time(&walk->dataset->events, walk->event);
    ls_int128 points = occurrences->points;
    if (time > walk->events_until || (occurrences->has_from && time < occurrences->from) ||
        (occurrences->has_until && time >= occurrences->until))
        return false;
    if (occurrences->where != NULL && ls_walk_filter(walk, occurrences->where) != LS_TRUE)
        return false;
    if (occurrences->choice.kind != LS_CHOICE_NONE &&
        !ls_walk_choose(walk, &occurrences->choice, &points))
        return false;
    *out = (ls_occurrence){time, narrow_points(points), find_bucket(walk, occurrences, time), name,
                           false};
    return true;
}

/* Looks at an event by itself, to know how long it stays so. */
static void see_event(ls_walk *walk, const ls_occurrences *occurrences, ls_seen_event *seen,
                      uint32_t name)
{
    ls_interval outer = walk->interval;
    walk->interval = LS_ALWAYS;
    walk->event = seen->event;
    seen->occurs = is_occurrence(walk, occurrences, name, &seen->occurrence);
    seen->occurrence.name = name;
    seen->interval = walk->interval;
    walk->interval = outer;
}

static void take_seen(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found,
                      ls_seen_event *seen)
{
    ls_note_interval(walk, seen->interval);
    if (!seen->occurs)
        return;
    if (occurrences->once == LS_ONCE_PROPERTY) { /* buckets are numbered anew each time */
        walk->event = seen->event;
        seen->occurrence.bucket = find_bucket(walk, occurrences, seen->occurrence.at);
    }
    add_occurrence(walk, found, &seen->occurrence);
}

static void note_seen(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found,
                      uint32_t name)
{
    if (ls_grow(walk->context, &found->seen, &found->seen_capacity, found->seen_count + 1,
                sizeof *found->seen) != LS_OK) {
        ls_walk_fail_memory(walk);
        return;
    }
    ls_seen_event *seen = &found->seen[found->seen_count++];
    seen->event = walk->event;
    seen->contact = found->contact_count;
    see_event(walk, occurrences, seen, name);
    take_seen(walk, occurrences, found, seen);
}

/* ---- one contact ----------------------------------------------------------------------------- */

/* By time, then the larger points last: the last one is what `latest` and once_per keep first. The
 * name decides what is listed, never what is scored. */
static int compare_occurrences(const void *first, const void *second)
{
    const ls_occurrence *a = first, *b = second;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->points != b->points)
        return a->points < b->points ? -1 : 1;
    return (a->name > b->name) - (a->name < b->name);
}

static int compare_buckets(const void *first, const void *second)
{
    const ls_occurrence *a = first, *b = second;
    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    return compare_occurrences(first, second);
}

typedef int compare_items(const void *first, const void *second);

/* Sorts those found from `first` on. Events often come sorted; then this is one look at each. */
static void sort_found(ls_found *found, size_t first, compare_items *compare)
{
    for (size_t i = first + 1; i < found->count; i++)
        if (compare(&found->items[i - 1], &found->items[i]) > 0) {
            qsort(found->items + first, found->count - first, sizeof *found->items, compare);
            return;
        }
}

/* Of each bucket the latest stays. Since a window drops the oldest first, it is the latest of its
 * bucket in any window that still holds one of them. */
static void keep_once(ls_found *found, size_t first)
{
    sort_found(found, first, compare_buckets);
    size_t kept = first;
    for (size_t i = first; i < found->count; i++)
        if (i + 1 == found->count || found->items[i].bucket != found->items[i + 1].bucket)
            found->items[kept++] = found->items[i];
    found->count = kept;
}

static void keep_latest(ls_found *found, size_t first, uint64_t latest)
{
    size_t count = found->count - first;
    if (latest == 0 || count <= latest)
        return;
    size_t dropped = count - (size_t)latest;
    memmove(found->items + first, found->items + first + dropped,
            (size_t)latest * sizeof *found->items);
    found->count = first + (size_t)latest;
}

/* again: they are found once more for the record, since a condition on dates has moved. */
static void look_at_events(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found,
                           size_t contact, bool again)
{
    const ls_events *events = &walk->dataset->events;
    if (events->first == NULL)
        return;
    const uint64_t end = ls_events_end(events, contact);
    for (size_t i = (size_t)events->first[contact]; i < (size_t)end && walk->status == LS_OK; i++) {
        uint32_t code = ls_column_code(&events->event, i), name = 0;
        ls_occurrence occurrence;
        while (name < occurrences->event_count && found->codes[name] != code)
            name++;
        walk->event = i;
        if (name == occurrences->event_count)
            continue;
        if (again)
            note_seen(walk, occurrences, found, name);
        else if (is_occurrence(walk, occurrences, name, &occurrence))
            add_occurrence(walk, found, &occurrence);
    }
}

/* The same where all were seen. */
static void look_at_seen(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found)
{
    for (; found->seen_next < found->seen_count && walk->status == LS_OK; found->seen_next++) {
        ls_seen_event *seen = &found->seen[found->seen_next];
        if (seen->contact != found->contact_count)
            return;
        if (walk->clock.at < seen->interval.from || walk->clock.at >= seen->interval.until)
            see_event(walk, occurrences, seen, seen->occurrence.name);
        take_seen(walk, occurrences, found, seen);
    }
}

static void find_of_contact(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found,
                            size_t contact, bool again)
{
    size_t first = found->count;
    if (ls_grow(walk->context, &found->contacts, &found->contact_capacity, found->contact_count + 1,
                sizeof *found->contacts) != LS_OK) {
        ls_walk_fail_memory(walk);
        return;
    }
    if (again && found->seen_all)
        look_at_seen(walk, occurrences, found);
    else
        look_at_events(walk, occurrences, found, contact, again);
    if (occurrences->once != LS_ONCE_NONE)
        keep_once(found, first);
    sort_found(found, first, compare_occurrences);
    keep_latest(found, first, occurrences->latest);
    found->contacts[found->contact_count++] =
        (ls_contact_found){contact, first, found->count - first};
}

/* ---- all contacts ---------------------------------------------------------------------------- */

static void find_codes(const ls_walk *walk, const ls_occurrences *occurrences, ls_found *found)
{
    const ls_dictionary *names = &walk->dataset->events.event.dictionary;
    for (uint32_t i = 0; i < occurrences->event_count; i++)
        found->codes[i] =
            ls_dictionary_find(names, occurrences->events[i].text, occurrences->events[i].length);
    found->coded = true;
}

static void find_of_all(ls_walk *walk, const ls_occurrences *occurrences, const ls_over *over,
                        ls_found *found, bool again)
{
    static const ls_over all_contacts = {.relation = LS_RELATED_CONTACTS, .object = LS_CONTACT};
    if (walk->object == LS_CONTACT) {
        find_of_contact(walk, occurrences, found, walk->row, again);
        return;
    }
    ls_related related = ls_related_begin(walk->dataset, walk->object, walk->row,
                                          over != NULL ? over : &all_contacts);
    for (size_t contact; walk->status == LS_OK && ls_related_next(&related, &contact);)
        find_of_contact(walk, occurrences, found, contact, again);
}

/* Found anew for another record, and where a condition on dates has moved. */
ls_found *ls_walk_find(ls_walk *walk, const ls_occurrences *occurrences, const ls_over *over)
{
    ls_found *found = &walk->part->found[occurrences->index];
    if (!found->ready || found->row != walk->row || walk->clock.at < found->interval.from ||
        walk->clock.at >= found->interval.until) {
        ls_interval outer = walk->interval;
        bool again = found->ready && found->row == walk->row;
        walk->interval = LS_ALWAYS;
        found->count = found->contact_count = found->seen_next = 0;
        if (!again || !found->seen_all)
            found->seen_count = 0;
        found->row = walk->row;
        if (!found->coded)
            find_codes(walk, occurrences, found);
        if (occurrences->once == LS_ONCE_PROPERTY)
            ls_dictionary_clear(&walk->buckets);
        find_of_all(walk, occurrences, over, found, again);
        found->interval = walk->interval;
        found->ready = walk->status == LS_OK;
        found->seen_all = again && found->ready;
        walk->interval = outer;
    }
    ls_note_interval(walk, found->interval);
    return found;
}

/* ---- windows --------------------------------------------------------------------------------- */

/* The first of a contact's occurrences whose age at the instant is within `last`. */
size_t ls_walk_start(const ls_occurrences *occurrences, const ls_found *found, size_t contact,
                     int64_t at)
{
    const ls_contact_found *of = &found->contacts[contact];
    size_t low = of->first, high = of->first + of->count;
    if (!occurrences->has_last)
        return low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at - found->items[middle].at < occurrences->last)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The next occurrence to leave the window, and the last that left. */
static void note_window(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                        size_t contact, size_t start)
{
    const ls_contact_found *of = &found->contacts[contact];
    if (!occurrences->has_last)
        return;
    if (start < of->first + of->count)
        ls_note_edge(walk, ls_add_span(found->items[start].at, occurrences->last));
    if (start > of->first)
        ls_note_edge(walk, ls_add_span(found->items[start - 1].at, occurrences->last));
}

const ls_occurrence *ls_walk_window(ls_walk *walk, const ls_occurrences *occurrences,
                                    const ls_found *found, size_t contact, size_t *count)
{
    const ls_contact_found *of = &found->contacts[contact];
    size_t start = ls_walk_start(occurrences, found, contact, walk->clock.at);
    if (walk->watching)
        note_window(walk, occurrences, found, contact, start);
    *count = of->first + of->count - start;
    return *count != 0 ? found->items + start : NULL;
}

size_t ls_walk_count(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                     int64_t *latest)
{
    size_t total = 0;
    for (size_t i = 0; i < found->contact_count; i++) {
        size_t count;
        const ls_occurrence *items = ls_walk_window(walk, occurrences, found, i, &count);
        if (count != 0 && (total == 0 || items[count - 1].at > *latest))
            *latest = items[count - 1].at;
        total += count;
    }
    return total;
}
