/* Instants and civil dates: proleptic Gregorian, UTC, whole seconds, years 0001 to 9999.
 *
 * Times are read by fixed positions, without the C library: a scan reads tens of millions. A digit
 * that is none is noticed once per text, not once per byte. Fractions are cut off, towards the
 * past: an instant belongs to the second it lies in, before 1970 too. */
#include "ls_time.h"

#include "ls_text.h"

/* ---- civil dates ----------------------------------------------------------------------------- */

#define DAYS_OF_400_YEARS 146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

/* Years are taken to begin in March, so that the day a leap year adds is its last, and days are
 * counted in eras of 400 years, which are all alike (Howard Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms"). */
int64_t ls_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_OF_400_YEARS + (int64_t)day_of_era - DAYS_TO_1970;
}

/* The same for the years 1 to 9999, which need no eras. */
LS_INLINE int64_t days_of_year(unsigned year, unsigned month, unsigned day)
{
    /* Days before each month of a year that begins in March. */
    static const unsigned short before[] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
    year -= month <= 2;
    unsigned days = year * 365 + year / 4 - year / 100 + year / 400 + before[month - 1] + day - 1;
    return (int64_t)days - DAYS_TO_1970;
}

static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_OF_400_YEARS - 1)) / DAYS_OF_400_YEARS;
    unsigned day_of_era = (unsigned)(days - era * DAYS_OF_400_YEARS);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153; /* March is 0 */
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

static bool is_leap_year(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] || (month == 2 && day == 29 && is_leap_year(year));
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The two digits at text[0]; *bad gets bits above the lowest four if one is no digit. */
LS_INLINE unsigned two_digits(const char *text, unsigned *bad)
{
    unsigned tens = (unsigned)(unsigned char)text[0] - '0';
    unsigned units = (unsigned)(unsigned char)text[1] - '0';
    *bad |= (tens | (tens + 6) | units | (units + 6)) & ~15u;
    return tens * 10 + units;
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* Z, +01:00 or +0100, or nothing, to the end of the text: seconds east of UTC. */
static bool read_zone(const char *p, const char *end, int64_t *offset)
{
    *offset = 0;
    size_t length = (size_t)(end - p);
    if (length == 0 || (length == 1 && *p == 'Z'))
        return true;
    bool colon = length == 6 && p[3] == ':';
    if ((*p != '+' && *p != '-') || (!colon && length != 5))
        return false;
    unsigned bad = 0;
    unsigned hours = two_digits(p + 1, &bad), minutes = two_digits(p + (colon ? 4 : 3), &bad);
    if (bad != 0 || hours > 23 || minutes > 59)
        return false;
    *offset = (int64_t)(hours * 3600 + minutes * 60) * (*p == '-' ? -1 : 1);
    return true;
}

/* HH:MM[:SS[.digits]][zone], to the end of the text: seconds since midnight UTC. */
static bool read_clock(const char *p, const char *end, int64_t *seconds)
{
    if (end - p < 5 || p[2] != ':')
        return false;
    unsigned bad = 0, second = 0;
    unsigned hour = two_digits(p, &bad), minute = two_digits(p + 3, &bad);
    p += 5;
    if (end - p >= 3 && *p == ':') {
        second = two_digits(p + 1, &bad);
        p += 3;
        if (p < end && *p == '.') {
            if (++p == end || !is_digit(*p))
                return false;
            while (p < end && is_digit(*p))
                p++;
        }
    }
    int64_t offset = 0;
    if (bad != 0 || hour > 23 || minute > 59 || second > 59 ||
        (p != end && !read_zone(p, end, &offset)))
        return false;
    *seconds = (int64_t)(hour * 3600 + minute * 60 + second) - offset;
    return true;
}

/* Whether eight bytes have a digit for every '0' of the pattern, and else the pattern's byte; both
 * nibbles of all bytes are looked at together. */
LS_INLINE bool matches(const char *text, const char *pattern, const char *separators)
{
    uint64_t bytes, zeros, fixed;
    memcpy(&bytes, text, 8);
    memcpy(&zeros, pattern, 8);
    memcpy(&fixed, separators, 8);
    bytes ^= zeros; /* digits become 0..9, separators 0 */
    uint64_t high = (bytes | (bytes + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0);
    return (high | (bytes & fixed)) == 0;
}

LS_INLINE unsigned known_digits(const char *text)
{
    return (unsigned)(text[0] * 10 + text[1] - '0' * 11);
}

/* YYYY-MM-DD?HH:MM:SS, what nearly every event has, with nothing or Z after it. False: read it the
 * long way, which says what it is. */
static bool read_usual(const char *text, size_t length, int64_t *from)
{
    if ((length != 19 && (length != 20 || text[19] != 'Z')) ||
        !matches(text, "0000-00-", "\0\0\0\0\xff\0\0\xff") ||
        !matches(text + 11, "00:00:00", "\0\0\xff\0\0\xff\0\0") ||
        (text[10] != ' ' && text[10] != 'T'))
        return false;
    unsigned bad = 0, day = two_digits(text + 8, &bad);
    unsigned year = known_digits(text) * 100 + known_digits(text + 2);
    unsigned month = known_digits(text + 5), hour = known_digits(text + 11);
    unsigned minute = known_digits(text + 14), second = known_digits(text + 17);
    if (bad != 0 || hour > 23 || minute > 59 || second > 59 || !is_date(year, month, day))
        return false;
    *from = days_of_year(year, month, day) * LS_DAY + (int64_t)(hour * 3600 + minute * 60 + second);
    return true;
}

/* A text of at least ten bytes. */
static bool read_civil(const char *text, size_t length, int64_t *from, bool *whole_day)
{
    unsigned bad = 0;
    unsigned year = two_digits(text, &bad) * 100 + two_digits(text + 2, &bad);
    unsigned month = two_digits(text + 5, &bad), day = two_digits(text + 8, &bad);
    if (bad != 0 || text[4] != '-' || text[7] != '-' || !is_date(year, month, day))
        return false;
    int64_t seconds = 0;
    *whole_day = length == 10;
    if (!*whole_day &&
        ((text[10] != 'T' && text[10] != ' ') || !read_clock(text + 11, text + length, &seconds)))
        return false;
    *from = ls_days_from_civil(year, month, day) * LS_DAY + seconds;
    return true;
}

/* From here up an integer counts milliseconds: seconds would pass the year 5138. */
#define FIRST_MILLISECONDS INT64_C(100000000000)

static bool read_count(const char *text, size_t length, int64_t *from)
{
    const char *p = text, *end = text + length;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (p == end)
        return false;
    int64_t count = 0;
    for (; p < end; p++) {
        if (!is_digit(*p) || count > INT64_MAX / 100)
            return false;
        count = count * 10 + (*p - '0');
    }
    bool milliseconds = count >= FIRST_MILLISECONDS;
    if (negative)
        count = -count;
    *from = milliseconds ? (count - (negative ? 999 : 0)) / 1000 : count;
    return true;
}

static bool read_any(const char *text, size_t length, int64_t *from, int64_t *until)
{
    bool whole_day = false;
    int64_t start;
    if (length >= 10 && text[4] == '-') {
        if (!read_civil(text, length, &start, &whole_day))
            return false;
    } else if (length == 0 || !read_count(text, length, &start)) {
        return false;
    }
    if (start < LS_TIME_MIN || start > LS_TIME_MAX)
        return false;
    *from = start;
    if (until != NULL)
        *until = start + (whole_day ? LS_DAY : 1);
    return true;
}

bool ls_time_read(const char *text, size_t length, int64_t *from, int64_t *until)
{
    if (!read_usual(text, length, from))
        return read_any(text, length, from, until);
    if (until != NULL)
        *until = *from + 1;
    return true;
}

int ls_read_time(const char *text, size_t length, int64_t *from, int64_t *until, ls_error *error)
{
    ls_string trimmed = ls_trim(text, length);
    if (ls_time_read(trimmed.text, trimmed.length, from, until))
        return LS_OK;
    return ls_fail(error, LS_ERROR_INPUT,
                   "expected a date (2025-01-31), a time (2025-01-31T09:30:00Z) or a number of "
                   "seconds, got \"%.*s\"",
                   (int)ls_min((int64_t)trimmed.length, 60), trimmed.text);
}

/* ---- printing -------------------------------------------------------------------------------- */

static char *print_two(char *p, unsigned number)
{
    *p++ = (char)('0' + number / 10);
    *p++ = (char)('0' + number % 10);
    return p;
}

/* At least four digits; any year of a 64-bit instant. */
static char *print_year(char *p, int64_t year)
{
    uint64_t left = year < 0 ? 0 - (uint64_t)year : (uint64_t)year;
    char reversed[20];
    size_t count = 0;
    while (left != 0 || count < 4) {
        reversed[count++] = (char)('0' + left % 10);
        left /= 10;
    }
    if (year < 0)
        *p++ = '-';
    while (count > 0)
        *p++ = reversed[--count];
    return p;
}

/* Ends the text with a zero, which the length does not count. */
size_t ls_print_time(int64_t at, char *buffer)
{
    int64_t days = at / LS_DAY - (at % LS_DAY < 0), year;
    unsigned seconds = (unsigned)((at % LS_DAY + LS_DAY) % LS_DAY), month, day;
    civil_from_days(days, &year, &month, &day);
    char *p = print_year(buffer, year);
    *p++ = '-';
    p = print_two(p, month);
    *p++ = '-';
    p = print_two(p, day);
    *p++ = 'T';
    p = print_two(p, seconds / 3600);
    *p++ = ':';
    p = print_two(p, seconds / 60 % 60);
    *p++ = ':';
    p = print_two(p, seconds % 60);
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - buffer);
}
