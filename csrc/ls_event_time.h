/* Reading the times of events: tens of millions of instants in one usual form, close together. */
#ifndef LS_EVENT_TIME_H
#define LS_EVENT_TIME_H

#include "ls_coder.h"
#include "ls_time.h"

#define LS_DATE_BITS 8

/* Dates read lately: a date's text (10 bytes in two words that overlap) and its first second. */
typedef struct ls_date_table {
    struct ls_date_slot {
        uint64_t head, tail;
        int64_t start;
    } slots[1 << LS_DATE_BITS];
} ls_date_table;

/* HH:MM:SS as seconds of the day, or -1; 8 bytes. */
LS_INLINE int64_t ls_event_clock(const char *text)
{
    uint64_t digits = ls_load_64(text) ^ UINT64_C(0x30303a30303a3030);
    uint64_t over = (digits + UINT64_C(0x76767f76767f7676)) | digits;
    /* Bytes 0, 3 and 6 are hour, minute and second; more than 23, 59, 59 goes into their high bits.
     */
    uint64_t pairs = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff0000ff0000ff);
    over |= pairs + UINT64_C(0x0044000044000068);
    if (LS_UNLIKELY((over & UINT64_C(0x8080808080808080)) != 0))
        return -1;
    return (int64_t)((pairs & 0xff) * 3600 + (pairs >> 24 & 0xff) * 60 + (pairs >> 48));
}

/* The first second of a date of 10 bytes, which most rows share with one just read. */
LS_INLINE bool ls_event_date(ls_date_table *dates, const char *text, int64_t *start)
{
    uint64_t head = ls_load_64(text), tail = ls_load_64(text + 2);
    uint64_t mixed = (head ^ (tail << 1)) * UINT64_C(0x9e3779b97f4a7c15);
    struct ls_date_slot *slot = &dates->slots[mixed >> (64 - LS_DATE_BITS)];
    if (LS_UNLIKELY(slot->head != head || slot->tail != tail)) {
        if (text[4] != '-' || !ls_time_read(text, 10, start, NULL))
            return false;
        *slot = (struct ls_date_slot){head, tail, *start};
    }
    *start = slot->start;
    return true;
}

/* The usual form: 2025-01-31T09:30:00, a blank for T, Z or nothing after it. clock: what
 * ls_event_clock says of byte 11 on. */
LS_INLINE bool ls_read_usual_time(ls_date_table *dates, const char *text, size_t length,
                                  int64_t clock, int64_t *at)
{
    int64_t start;
    *at = LS_EVENT_BASE;
    if (LS_UNLIKELY(length != 19 && (length != 20 || text[19] != 'Z')))
        return false;
    if (LS_UNLIKELY(clock < 0 || (text[10] != ' ' && text[10] != 'T') ||
                    !ls_event_date(dates, text, &start)))
        return false;
    *at = start + clock;
    return true;
}

/* Any form; the usual one takes the direct path. */
LS_INLINE bool ls_read_event_time(ls_date_table *dates, ls_string text, int64_t *at)
{
    if (LS_LIKELY(text.length >= 19 && ls_read_usual_time(dates, text.text, text.length,
                                                          ls_event_clock(text.text + 11), at)))
        return true;
    text = ls_trimmed(text);
    return text.length != 0 && ls_time_read(text.text, text.length, at, NULL);
}
#endif
