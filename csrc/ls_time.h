/* Instants and civil dates: proleptic Gregorian, UTC, whole seconds. Years 0001 to 9999. */
#ifndef LS_TIME_H
#define LS_TIME_H

#include "ls_core.h"

#define LS_DAY INT64_C(86400)
/* The instants that can be read: 0001-01-01 to 9999-12-31. */
#define LS_TIME_MIN INT64_C(-62135596800)
#define LS_TIME_MAX INT64_C(253402300799)

/* Reads a time as files have it: 2025-01-31, 2025-01-31T09:30[:00[.123]][Z|+01:00|+0100] (or a
 * blank for T), or an integer of seconds, of milliseconds from 10^11 up (either sign). Surrounding
 * blanks are the caller's to trim. *until may be NULL; a date without a clock time spans its day,
 * all else one second. False if unreadable, also for impossible dates (31 February) and instants
 * out of range. Second 60 is refused. */
bool ls_time_read(const char *text, size_t length, int64_t *from, int64_t *until);
int64_t ls_days_from_civil(int64_t year, unsigned month, unsigned day); /* days since 1970-01-01 */
#endif
