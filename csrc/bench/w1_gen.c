/* Generates the standard workload as CSV: contacts.csv, companies.csv, events.csv (in time order).
 *
 *   w1_gen CONTACTS COMPANIES EVENTS FOLDER
 *   W0: 20000 1000 1000000    W1: 1000000 50000 50000000 (2.9 GB; about 20 s and 1.5 GB of memory)
 *
 * Integers only (splitmix64) but for one table of powers of two, so the bytes are the same
 * everywhere; sums.lua has the sums that scoring them must give. `make bench` builds and runs it.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__extension__ typedef unsigned __int128 uint128;

#define SEED UINT64_C(20260101)
#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define DAY INT64_C(86400)
#define EVENT_DAYS 730
#define CONTACT_DAYS (4 * 365)

/* What a random number is for: each has a stream of its own. */
enum stream {
    STREAM_COMPANY = 3,
    STREAM_INDUSTRY,
    STREAM_COUNTRY,
    STREAM_EMPLOYEES,
    STREAM_JOB,
    STREAM_CREATED,
    STREAM_WEIGHT,
    STREAM_EVENT_TIME,
    STREAM_EVENT_TYPE,
    STREAM_EVENT_PROPERTY,
    STREAM_PROPERTY_TEXT = 20
};

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static uint64_t number(enum stream stream, uint64_t i)
{
    return mix(mix(SEED + stream) + i);
}

/* ---- the texts; code 0 is the empty one --------------------------------------------------------
 */

#define INDUSTRIES 20
#define COUNTRIES 50
#define JOBS 500
#define PROPERTIES 2000
#define TYPES 12

static const char *const industries[INDUSTRIES + 1] = {
    "",          "Software",    "Finance",      "Retail",           "Healthcare", "Manufacturing",
    "Education", "Hospitality", "Media, Print", "Media, Broadcast", "Energy",     "Construction",
    "Logistics", "Agriculture", "Insurance",    "Telecom",          "Government", "Non-profit",
    "Legal",     "Real Estate", "Biotech"};
static const char *const countries[COUNTRIES + 1] = {
    "",   "US", "GB", "DE", "FR", "DK", "NO", "SE", "NL", "ES", "IT", "PL", "IE",
    "BE", "AT", "CH", "FI", "PT", "CZ", "RO", "HU", "GR", "BG", "HR", "SK", "SI",
    "LT", "LV", "EE", "CA", "MX", "BR", "AR", "CL", "CO", "PE", "AU", "NZ", "JP",
    "KR", "CN", "IN", "SG", "MY", "TH", "ID", "PH", "VN", "ZA", "NG", "EG"};
static const char *const types[TYPES] = {"page_view",         "email_open",       "email_click",
                                         "form_submission",   "cta_click",        "meeting_booked",
                                         "meeting_completed", "call_started",     "unsubscribe",
                                         "video_play",        "webinar_attended", "file_download"};
static const uint8_t type_percent[TYPES] = {38, 22, 8, 5, 6, 1, 1, 2, 1, 7, 2, 7};
static const char *const seniorities[10] = {"Chief",   "VP",     "SVP",  "Director", "Head of",
                                            "Manager", "Senior", "Lead", "Junior",   "Intern"};
static const char *const functions[50] = {"Sales",
                                          "Marketing",
                                          "Engineering",
                                          "Finance",
                                          "Operations",
                                          "Product",
                                          "Design",
                                          "Support",
                                          "Legal",
                                          "People",
                                          "Data",
                                          "Security",
                                          "Research",
                                          "Quality",
                                          "Procurement",
                                          "Logistics",
                                          "Strategy",
                                          "Growth",
                                          "Brand",
                                          "Content",
                                          "Events",
                                          "Partnerships",
                                          "Alliances",
                                          "Channel",
                                          "Field Sales",
                                          "Inside Sales",
                                          "Demand Gen",
                                          "SEO",
                                          "Social",
                                          "PR",
                                          "Analytics",
                                          "Platform",
                                          "Infrastructure",
                                          "Mobile",
                                          "Web",
                                          "Backend",
                                          "Frontend",
                                          "QA",
                                          "DevOps",
                                          "IT",
                                          "Accounting",
                                          "Treasury",
                                          "Tax",
                                          "Audit",
                                          "Compliance",
                                          "Risk",
                                          "Facilities",
                                          "Training",
                                          "Customer Success",
                                          "Renewals"};
static const char *const sections[16] = {"pricing",    "demo",     "blog",       "docs",
                                         "contact-us", "careers",  "newsletter", "product",
                                         "customers",  "partners", "support",    "events",
                                         "security",   "legal",    "about",      "resources"};
static const char *const topics[25] = {"analytics", "crm",      "email",  "api",    "billing",
                                       "mobile",    "search",   "import", "export", "reports",
                                       "forms",     "chat",     "ads",    "seo",    "video",
                                       "survey",    "calls",    "tasks",  "quotes", "teams",
                                       "sso",       "webhooks", "lists",  "flows",  "ai"};

#define TEXT_SIZE 64
typedef char short_text[TEXT_SIZE];

static void job_text(int job, short_text out)
{
    snprintf(out, TEXT_SIZE, "%s %s", seniorities[(job - 1) % 10], functions[(job - 1) / 10]);
}

/* Some have a comma, some a double quote. */
static void property_text(int code, short_text out)
{
    uint64_t h = number(STREAM_PROPERTY_TEXT, (uint64_t)code);
    const char *section = sections[h % 16], *topic = topics[(h >> 8) % 25];
    if (code % 40 == 7) {
        snprintf(out, TEXT_SIZE, "%s/%s, variant-%04d", section, topic, code);
    } else if (code % 200 == 13) {
        snprintf(out, TEXT_SIZE, "%s/%s \"beta\" %04d", section, topic, code);
    } else {
        snprintf(out, TEXT_SIZE, "%s/%s-%04d", section, topic, code);
    }
}

/* ---- contacts and events -----------------------------------------------------------------------
 */

/* Codes of its texts (0: empty); employees 0: empty. */
typedef struct contact {
    uint32_t company, employees, created;
    uint16_t job;
    uint8_t industry, country;
} contact;

/* i is 0-based. */
static contact make_contact(uint64_t i, uint32_t company_count)
{
    contact made;
    made.company = 1 + (uint32_t)(number(STREAM_COMPANY, i) % company_count);
    uint64_t x = number(STREAM_INDUSTRY, i);
    made.industry = (x & 255) < 13 ? 0 : (uint8_t)(1 + (x >> 8) % INDUSTRIES);
    x = number(STREAM_COUNTRY, i) >> 32;
    made.country = (uint8_t)(1 + ((((x * x) >> 32) * COUNTRIES) >> 32));
    x = number(STREAM_EMPLOYEES, i);
    uint32_t size = UINT32_C(1) << (x >> 8) % 15;
    made.employees = (x & 255) < 20 ? 0 : (uint32_t)(size + (x >> 16) % size);
    x = number(STREAM_JOB, i);
    made.job = (x & 255) < 26 ? 0 : (uint16_t)(1 + (x >> 8) % JOBS);
    made.created =
        (uint32_t)(NOW - 1 - (int64_t)(number(STREAM_CREATED, i) % (CONTACT_DAYS * DAY)));
    return made;
}

/* 2^(i/256) in units of 2^-16. */
static uint32_t powers[256];

/* How many events a contact gets, relative to others: log-normal (sigma 1.5), from twelve uniform
 * 16-bit values. */
static uint64_t weight(uint64_t i)
{
    int64_t sum = 0;
    for (uint64_t j = 0; j < 3; j++) {
        uint64_t x = number(STREAM_WEIGHT, 3 * i + j);
        sum += (int64_t)((x & 65535) + ((x >> 16) & 65535) + ((x >> 32) & 65535) + (x >> 48));
    }
    int64_t exponent = ((sum - 393210) * 554) >> 16;
    return (uint64_t)powers[exponent & 255] << ((exponent >> 8) + 14);
}

typedef struct event {
    uint32_t time;
    uint16_t property;
    uint8_t type;
} event;

/* i counts contact by contact. */
static event make_event(uint64_t i)
{
    event made;
    uint64_t x = number(STREAM_EVENT_TIME, i), y = number(STREAM_EVENT_TYPE, i);
    uint64_t z = number(STREAM_EVENT_PROPERTY, i) >> 32;
    made.time = (uint32_t)(NOW - 1 - (int64_t)(x % (EVENT_DAYS * DAY)));
    int percent = (int)(y % 100);
    made.type = 0;
    while (percent >= type_percent[made.type]) {
        percent -= type_percent[made.type++];
    }
    made.property =
        ((y >> 32) & 255) < 26 ? 0 : (uint16_t)(1 + ((((z * z) >> 32) * PROPERTIES) >> 32));
    return made;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    if (block == NULL) {
        fail("w1_gen");
    }
    return block;
}

static FILE *open_file(const char *folder, const char *name, const char *header)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        fail(path);
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    fputs(header, file);
    return file;
}

static void close_file(FILE *file, const char *name)
{
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fail(name);
    }
}

static char *put_text(char *out, const char *text)
{
    size_t length = strlen(text);
    memcpy(out, text, length);
    return out + length;
}

/* A field as RFC 4180 has it: in quotes where it must be. */
static char *put_field(char *out, const char *text)
{
    if (!strpbrk(text, ",\"\n")) {
        return put_text(out, text);
    }
    *out++ = '"';
    for (; *text; text++) {
        if (*text == '"') {
            *out++ = '"';
        }
        *out++ = *text;
    }
    *out++ = '"';
    return out;
}

static char *put_number(char *out, uint64_t value)
{
    char digits[24];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count) {
        *out++ = digits[--count];
    }
    return out;
}

static char *put_two(char *out, int value)
{
    *out++ = (char)('0' + value / 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

/* The dates that occur, as text. */
#define DATE_COUNT 1600
#define FIRST_DATE (NOW / DAY - 1500)
static char dates[DATE_COUNT][11];

static char *put_time(char *out, int64_t time)
{
    int second = (int)(time % DAY);
    memcpy(out, dates[time / DAY - FIRST_DATE], 10);
    out[10] = ' ';
    out = put_two(out + 11, second / 3600);
    *out++ = ':';
    out = put_two(out, second / 60 % 60);
    *out++ = ':';
    return put_two(out, second % 60);
}

static void make_tables(void)
{
    for (int i = 0; i < 256; i++) {
        powers[i] = (uint32_t)(exp2(i / 256.0) * 65536.0 + 0.5);
    }
    for (int i = 0; i < DATE_COUNT; i++) {
        time_t time = (time_t)((FIRST_DATE + i) * DAY);
        struct tm fields;
        gmtime_r(&time, &fields);
        strftime(dates[i], sizeof dates[i], "%Y-%m-%d", &fields);
    }
}

static void write_companies(const char *folder, uint32_t count)
{
    FILE *file = open_file(folder, "companies.csv", "id\n");
    for (uint32_t i = 1; i <= count; i++) {
        fprintf(file, "%u\n", (unsigned)i);
    }
    close_file(file, "companies.csv");
}

static void write_contacts(const char *folder, uint64_t count, uint32_t company_count)
{
    FILE *file = open_file(folder, "contacts.csv",
                           "id,company_id,industry,country,employees,job_title,created_at\n");
    char line[512];
    short_text job;
    for (uint64_t i = 0; i < count; i++) {
        contact made = make_contact(i, company_count);
        char *out = put_number(line, i + 1);
        *out++ = ',';
        out = put_number(out, made.company);
        *out++ = ',';
        out = put_field(out, industries[made.industry]);
        *out++ = ',';
        out = put_field(out, countries[made.country]);
        *out++ = ',';
        if (made.employees) {
            out = put_number(out, made.employees);
        }
        *out++ = ',';
        if (made.job) {
            job_text(made.job, job);
            out = put_field(out, job);
        }
        *out++ = ',';
        out = put_time(out, made.created);
        *out++ = '\n';
        fwrite(line, 1, (size_t)(out - line), file);
    }
    close_file(file, "contacts.csv");
}

/* The contact (1-based) of every event, contact by contact, by the contacts' weights. */
static uint32_t *share_events(uint64_t contact_count, uint64_t event_count, uint64_t *most,
                              uint64_t *none)
{
    uint32_t *owners = allocate(event_count, sizeof *owners);
    uint128 total = 0, sum = 0;
    for (uint64_t i = 0; i < contact_count; i++) {
        total += weight(i);
    }
    uint64_t event = 0;
    for (uint64_t i = 0; i < contact_count; i++) {
        sum += weight(i);
        uint64_t end = (uint64_t)((uint128)event_count * sum / total);
        *most = end - event > *most ? end - event : *most;
        *none += end == event;
        while (event < end) {
            owners[event++] = (uint32_t)(i + 1);
        }
    }
    return owners;
}

/* The events' numbers in the order of their times, equal times in their own order: a radix sort of
 * 13 bits a pass. The number is the low half of a key. */
static uint64_t *sort_events(uint64_t count)
{
    uint64_t *keys = allocate(count, sizeof *keys), *other = allocate(count, sizeof *other);
    uint32_t base = (uint32_t)(NOW - EVENT_DAYS * DAY);
    for (uint64_t i = 0; i < count; i++) {
        keys[i] = ((uint64_t)(make_event(i).time - base) << 32) | i;
    }
    for (int shift = 32; shift <= 45; shift += 13) {
        uint32_t starts[8193] = {0};
        for (uint64_t i = 0; i < count; i++) {
            starts[((keys[i] >> shift) & 8191) + 1]++;
        }
        for (int i = 0; i < 8192; i++) {
            starts[i + 1] += starts[i];
        }
        for (uint64_t i = 0; i < count; i++) {
            other[starts[(keys[i] >> shift) & 8191]++] = keys[i];
        }
        uint64_t *sorted = other;
        other = keys;
        keys = sorted;
    }
    free(other);
    return keys;
}

static void write_events(const char *folder, const uint32_t *owners, uint64_t count)
{
    /* Made and quoted once: there are few. */
    short_text *properties = allocate(PROPERTIES + 1, sizeof *properties);
    for (int i = 1; i <= PROPERTIES; i++) {
        short_text text;
        property_text(i, text);
        *put_field(properties[i], text) = '\0';
    }
    uint64_t *keys = sort_events(count);
    FILE *file = open_file(folder, "events.csv", "contact_id,event,at,prop\n");
    for (uint64_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)keys[i];
        event made = make_event(number);
        char line[512];
        char *out = put_number(line, owners[number]);
        *out++ = ',';
        out = put_text(out, types[made.type]);
        *out++ = ',';
        out = put_time(out, made.time);
        *out++ = ',';
        out = put_text(out, properties[made.property]);
        *out++ = '\n';
        fwrite(line, 1, (size_t)(out - line), file);
    }
    close_file(file, "events.csv");
    free(keys);
    free(properties);
}

int main(int count, char **values)
{
    if (count != 5) {
        fprintf(stderr, "usage: %s CONTACTS COMPANIES EVENTS FOLDER\n", values[0]);
        return 2;
    }
    uint64_t contacts = strtoull(values[1], NULL, 10), events = strtoull(values[3], NULL, 10);
    uint32_t companies = (uint32_t)strtoul(values[2], NULL, 10);
    uint64_t most = 0, none = 0;
    if (contacts == 0 || companies == 0 || contacts > UINT32_MAX || events > UINT32_MAX) {
        fprintf(stderr, "%s: counts must be in 1 to 4294967295\n", values[0]);
        return 2;
    }
    make_tables();
    write_companies(values[4], companies);
    write_contacts(values[4], contacts, companies);
    uint32_t *owners = share_events(contacts, events, &most, &none);
    write_events(values[4], owners, events);
    free(owners);
    fprintf(stderr,
            "contacts %llu companies %u events %llu, at most %llu a contact, none for %llu\n",
            (unsigned long long)contacts, (unsigned)companies, (unsigned long long)events,
            (unsigned long long)most, (unsigned long long)none);
    return 0;
}
