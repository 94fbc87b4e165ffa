/* Generates the standard workload as CSV: contacts.csv, companies.csv, events.csv (in time order).
 *
 *   w1_gen CONTACTS COMPANIES EVENTS FOLDER [uuid]
 *   W0: 20000 1000 1000000    W1: 1000000 50000 50000000 (2.9 GB; about 20 s and 1.5 GB of memory)
 *
 * With `uuid` contacts have UUIDs for ids, not their numbers. The bytes are the same everywhere;
 * workloads.lua has the sums that scoring them must give. `make bench` builds and runs it. */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(20260101)
#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
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
    STREAM_PROPERTY_TEXT = 20,
    STREAM_ID
};

static uint64_t number(enum stream stream, uint64_t i)
{
    return gen_number(SEED, stream, i);
}

/* ---- the texts; code 0 is the empty one ---- */

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

/* ---- contacts and events ---- */

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
    made.country = (uint8_t)(1 + gen_skewed(number(STREAM_COUNTRY, i) >> 32, COUNTRIES));
    x = number(STREAM_EMPLOYEES, i);
    uint32_t size = UINT32_C(1) << (x >> 8) % 15;
    made.employees = (x & 255) < 20 ? 0 : (uint32_t)(size + (x >> 16) % size);
    x = number(STREAM_JOB, i);
    made.job = (x & 255) < 26 ? 0 : (uint16_t)(1 + (x >> 8) % JOBS);
    made.created =
        (uint32_t)(NOW - 1 - (int64_t)(number(STREAM_CREATED, i) % (CONTACT_DAYS * GEN_DAY)));
    return made;
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
    made.time = (uint32_t)(NOW - 1 - (int64_t)(x % (EVENT_DAYS * GEN_DAY)));
    int percent = (int)(y % 100);
    made.type = 0;
    while (percent >= type_percent[made.type]) {
        percent -= type_percent[made.type++];
    }
    made.property = ((y >> 32) & 255) < 26 ? 0 : (uint16_t)(1 + gen_skewed(z, PROPERTIES));
    return made;
}

static int64_t event_time(uint64_t i)
{
    return make_event(i).time;
}

static uint64_t weight(uint64_t i)
{
    return gen_weight(SEED, STREAM_WEIGHT, i);
}

/* ---- writing ---- */

static bool uuids;

static char *put_id(char *out, uint64_t contact)
{
    return uuids ? gen_put_uuid(out, number(STREAM_ID, 2 * contact),
                                number(STREAM_ID, 2 * contact + 1))
                 : gen_put_number(out, contact);
}

static void write_companies(const char *folder, uint32_t count)
{
    FILE *file = gen_open(folder, "companies.csv", "id\n");
    for (uint32_t i = 1; i <= count; i++) {
        fprintf(file, "%u\n", (unsigned)i);
    }
    gen_close(file, "companies.csv");
}

static void write_contacts(const char *folder, uint64_t count, uint32_t company_count)
{
    FILE *file = gen_open(folder, "contacts.csv",
                          "id,company_id,industry,country,employees,job_title,created_at\n");
    char line[512];
    short_text job;
    for (uint64_t i = 0; i < count; i++) {
        contact made = make_contact(i, company_count);
        char *out = put_id(line, i + 1);
        *out++ = ',';
        out = gen_put_number(out, made.company);
        *out++ = ',';
        out = gen_put_field(out, industries[made.industry]);
        *out++ = ',';
        out = gen_put_field(out, countries[made.country]);
        *out++ = ',';
        if (made.employees) {
            out = gen_put_number(out, made.employees);
        }
        *out++ = ',';
        if (made.job) {
            job_text(made.job, job);
            out = gen_put_field(out, job);
        }
        *out++ = ',';
        out = gen_put_time(out, made.created, ' ');
        *out++ = '\n';
        fwrite(line, 1, (size_t)(out - line), file);
    }
    gen_close(file, "contacts.csv");
}

static void write_events(const char *folder, const uint32_t *owners, uint64_t count)
{
    /* Made and quoted once: there are few. */
    short_text *properties = gen_allocate(PROPERTIES + 1, sizeof *properties);
    for (int i = 1; i <= PROPERTIES; i++) {
        short_text text;
        property_text(i, text);
        *gen_put_field(properties[i], text) = '\0';
    }
    uint64_t *keys = gen_sort_events(count, NOW - EVENT_DAYS * GEN_DAY, event_time);
    FILE *file = gen_open(folder, "events.csv", "contact_id,event,at,prop\n");
    for (uint64_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)keys[i];
        event made = make_event(number);
        char line[512];
        char *out = put_id(line, owners[number]);
        *out++ = ',';
        out = gen_put_text(out, types[made.type]);
        *out++ = ',';
        out = gen_put_time(out, made.time, ' ');
        *out++ = ',';
        out = gen_put_text(out, properties[made.property]);
        *out++ = '\n';
        fwrite(line, 1, (size_t)(out - line), file);
    }
    gen_close(file, "events.csv");
    free(keys);
    free(properties);
}

int main(int count, char **values)
{
    uuids = count == 6 && strcmp(values[5], "uuid") == 0;
    if (count != 5 && !uuids) {
        fprintf(stderr, "usage: %s CONTACTS COMPANIES EVENTS FOLDER [uuid]\n", values[0]);
        return 2;
    }
    uint64_t contacts = strtoull(values[1], NULL, 10), events = strtoull(values[3], NULL, 10);
    uint32_t companies = (uint32_t)strtoul(values[2], NULL, 10);
    if (contacts == 0 || companies == 0 || contacts > UINT32_MAX || events > UINT32_MAX) {
        fprintf(stderr, "%s: counts must be in 1 to 4294967295\n", values[0]);
        return 2;
    }
    gen_prepare();
    write_companies(values[4], companies);
    write_contacts(values[4], contacts, companies);
    gen_shares shares = gen_share_events(contacts, events, 0, weight);
    write_events(values[4], shares.owners, events);
    free(shares.owners);
    fprintf(stderr,
            "contacts %llu companies %u events %llu, at most %llu a contact, none for %llu\n",
            (unsigned long long)contacts, (unsigned)companies, (unsigned long long)events,
            (unsigned long long)shares.most, (unsigned long long)shares.none);
    return 0;
}
