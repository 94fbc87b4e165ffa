/* Generates the second workload as CSV: contacts.csv and events.csv (in time order). It has what
 * the standard one has not: UUIDs for ids, four properties of events, two of which have as many
 * values as asked for, a contact with a tenth of all events, a fifth of contacts without any,
 * events after the instant of scoring, texts in mixed case, sets, empty cells everywhere.
 *
 *   w2_gen CONTACTS EVENTS VALUES FOLDER
 *
 * Scores: w2.lua; what they must add up to: w2_sums.lua. */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(20260114)
#define AT INT64_C(1768382263) /* 2026-01-14T09:17:43Z: scored then */
#define LAST (AT + 5 * GEN_DAY)
#define EVENT_DAYS 730

enum stream {
    STREAM_ID = 1,
    STREAM_CONTACT,
    STREAM_WEIGHT,
    STREAM_TIME,
    STREAM_EVENT,
    STREAM_VALUES,
    STREAM_URL,
    STREAM_SESSION
};

static uint64_t contact_count, event_count, value_count;

static uint64_t number(enum stream stream, uint64_t i)
{
    return gen_number(SEED, stream, i);
}

/* ---- texts ---- */

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))
#define ONE_OF(list, bits) (list)[(bits) % COUNT_OF(list)]

static const char *const industries[] = {
    "",          "Software",  "Finance", "Retail",       "Healthcare", "Manufacturing", "Education",
    "software",  "Media",     "Energy",  "Construction", "Logistics",  "Hospitality",   "Telecom",
    "Insurance", "Non-profit"};
static const char *const countries[] = {"",   "US", "GB", "DE", "FR", "DK", "NO", "SE",
                                        "NL", "ES", "IT", "PL", "CA", "BR", "JP", "IN"};
static const char *const seniorities[] = {"Chief",   "VP",     "Director", "Head of",
                                          "Manager", "Senior", "Junior",   "Intern"};
static const char *const functions[] = {"Sales",   "Marketing", "Engineering", "Finance",
                                        "Product", "Support",   "Procurement", "IT"};
static const char *const regions[] = {"Northeast", "Midwest", "Southeast",
                                      "West",      "South",   "North"};
static const char *const plans[] = {"", "free", "free", "free", "team", "Team", "enterprise"};
static const char *const answers[] = {"true", "false", "yes", "no", "", "1", "0"};
static const char *const names[] = {"page_viewed",    "email_opened",  "email_clicked",
                                    "form_submitted", "video_played",  "call_completed",
                                    "meeting_held",   "purchase_made", "unsubscribed",
                                    "logged_in"};
static const uint8_t name_percent[] = {40, 20, 9, 6, 8, 4, 2, 3, 1, 7};
static const char *const sections[] = {"pricing",  "demo",    "blog",     "docs",
                                       "contact",  "careers", "product",  "customers",
                                       "events",   "support", "about",    "resources",
                                       "security", "legal",   "partners", "webinars"};
static const char *const topics[] = {"analytics", "crm",    "email",  "api",   "billing",
                                     "mobile",    "search", "import", "forms", "reports"};
static const char *const campaigns[] = {"spring", "summer",   "autumn",  "winter",
                                        "launch", "retarget", "partner", "newsletter"};

/* ---- contacts ---- */

static char *put_id(char *out, uint64_t contact) /* 1-based */
{
    return gen_put_uuid(out, number(STREAM_ID, 2 * contact), number(STREAM_ID, 2 * contact + 1));
}

/* None to three regions. */
static char *put_regions(char *out, uint64_t bits)
{
    uint64_t count = bits % 4;
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) {
            *out++ = ';';
        }
        out = gen_put_text(out, ONE_OF(regions, bits >> (8 + 4 * i)));
    }
    return out;
}

static char *put_title(char *out, uint64_t bits)
{
    if (bits % 10 == 0) {
        return out;
    }
    out = gen_put_text(out, ONE_OF(seniorities, bits >> 8));
    *out++ = ' ';
    return gen_put_text(out, ONE_OF(functions, bits >> 16));
}

static char *put_created(char *out, uint64_t bits)
{
    int64_t time = AT - (int64_t)((bits >> 8) % (uint64_t)(1200 * GEN_DAY));
    return bits % 4 == 0 ? gen_put_date(out, time) : gen_put_time(out, time, 'T');
}

static char *put_revenue(char *out, uint64_t bits)
{
    if (bits % 5 == 0) {
        return out;
    }
    out = gen_put_number(out, (bits >> 8) % 10000000);
    *out++ = '.';
    *out++ = (char)('0' + (bits >> 40) % 10);
    return out;
}

static void write_contacts(const char *folder)
{
    FILE *file = gen_open(folder, "contacts.csv",
                          "id,industry,country,employees,job_title,region,plan,opted_in,"
                          "created_at,revenue\n");
    char line[512];
    for (uint64_t i = 0; i < contact_count; i++) {
        uint64_t x = number(STREAM_CONTACT, 3 * i), y = number(STREAM_CONTACT, 3 * i + 1);
        uint64_t z = number(STREAM_CONTACT, 3 * i + 2);
        char *out = put_id(line, i + 1);
        *out++ = ',';
        out = gen_put_text(out, ONE_OF(industries, x));
        *out++ = ',';
        out = gen_put_text(out, ONE_OF(countries, x >> 8));
        *out++ = ',';
        if ((x >> 16) % 8 != 0) {
            out = gen_put_number(out, UINT64_C(1) << (x >> 20) % 13 | (x >> 32) % 64);
        }
        *out++ = ',';
        out = put_title(out, y);
        *out++ = ',';
        out = put_regions(out, y >> 24);
        *out++ = ',';
        out = gen_put_text(out, ONE_OF(plans, y >> 48));
        *out++ = ',';
        out = gen_put_text(out, ONE_OF(answers, y >> 56));
        *out++ = ',';
        out = put_created(out, z);
        *out++ = ',';
        out = put_revenue(out, z >> 20);
        *out++ = '\n';
        fwrite(line, 1, (size_t)(out - line), file);
    }
    gen_close(file, "contacts.csv");
}

/* ---- events ---- */

static int64_t event_time(uint64_t i)
{
    return LAST - 1 - (int64_t)(number(STREAM_TIME, i) % (uint64_t)(EVENT_DAYS * GEN_DAY));
}

/* Every fifth contact has none; the first has a tenth, given before. */
static uint64_t weight(uint64_t i)
{
    return i == 0 || i % 5 == 3 ? 0 : gen_weight(SEED, STREAM_WEIGHT, i);
}

/* One of value_count; some have a comma, some capitals. */
static char *put_url(char *out, uint32_t code)
{
    char text[96];
    uint64_t bits = number(STREAM_URL, code);
    const char *section = ONE_OF(sections, bits), *topic = ONE_OF(topics, bits >> 8);
    const char *format = code % 37 == 5   ? "https://Example.com/%s/%s,%07x.html"
                         : code % 11 == 3 ? "/%s/%s?item=%07x&utm=a"
                                          : "https://example.com/%s/%s/%07x";
    snprintf(text, sizeof text, format, section, topic, (unsigned)code);
    return gen_put_field(out, text);
}

/* Of ten seconds to an hour, some with a fraction. */
static char *put_seconds(char *out, uint64_t bits)
{
    if (bits % 8 == 0) {
        return out;
    }
    uint64_t seconds = gen_skewed(bits >> 8, 3600);
    out = gen_put_number(out, seconds);
    return seconds % 16 == 1 ? gen_put_text(out, ".25") : out;
}

static char *put_campaign(char *out, uint64_t bits)
{
    if (bits % 4 == 0) {
        return out;
    }
    char *name = out;
    out = gen_put_text(out, ONE_OF(campaigns, bits >> 8));
    if (bits % 16 == 1) {
        *name = (char)(*name - 'a' + 'A');
    }
    *out++ = '-';
    return gen_put_number(out, 1 + (bits >> 16) % 10);
}

static char *put_session(char *out, uint32_t code)
{
    out = gen_put_text(out, "s-");
    return gen_put_hex(out, number(STREAM_SESSION, code), 16);
}

static const char *event_name(uint64_t bits)
{
    unsigned percent = (unsigned)(bits % 100), i = 0;
    while (percent >= name_percent[i]) {
        percent -= name_percent[i++];
    }
    return names[i];
}

static char *put_event(char *out, uint64_t i, uint32_t owner)
{
    uint64_t x = number(STREAM_EVENT, 2 * i), y = number(STREAM_EVENT, 2 * i + 1);
    uint64_t z = number(STREAM_VALUES, i);
    uint32_t values = (uint32_t)value_count;
    out = put_id(out, owner);
    *out++ = ',';
    out = gen_put_text(out, event_name(x));
    *out++ = ',';
    out = gen_put_time(out, event_time(i), 'T');
    *out++ = 'Z';
    *out++ = ',';
    if ((x >> 16) % 16 != 0) {
        /* Half of all among all values, half among a few that come often. */
        out = put_url(out, (x >> 20) % 2 ? (uint32_t)(z >> 32) % values
                                         : gen_skewed(z >> 32, values / 50 + 1));
    }
    *out++ = ',';
    out = put_seconds(out, y);
    *out++ = ',';
    out = put_campaign(out, x >> 32);
    *out++ = ',';
    if ((y >> 48) % 8 != 0) {
        out = put_session(out, (uint32_t)z % values);
    }
    *out++ = '\n';
    return out;
}

static gen_shares share_events(void)
{
    uint64_t busy = event_count / 10;
    gen_shares shares = gen_share_events(contact_count, event_count, busy, weight);
    for (uint64_t i = 0; i < busy; i++) {
        shares.owners[i] = 1;
    }
    shares.most = busy > shares.most ? busy : shares.most;
    shares.none -= busy > 0;
    return shares;
}

static void write_events(const char *folder, const uint32_t *owners)
{
    int64_t base = LAST - EVENT_DAYS * GEN_DAY;
    uint64_t *keys = gen_sort_events(event_count, base, event_time);
    FILE *file =
        gen_open(folder, "events.csv", "contact_id,event,at,url,seconds,campaign,session\n");
    char line[512];
    for (uint64_t i = 0; i < event_count; i++) {
        uint32_t event = (uint32_t)keys[i];
        char *out = put_event(line, event, owners[event]);
        fwrite(line, 1, (size_t)(out - line), file);
    }
    gen_close(file, "events.csv");
    free(keys);
}

int main(int count, char **values)
{
    if (count != 5) {
        fprintf(stderr, "usage: %s CONTACTS EVENTS VALUES FOLDER\n", values[0]);
        return 2;
    }
    contact_count = strtoull(values[1], NULL, 10);
    event_count = strtoull(values[2], NULL, 10);
    value_count = strtoull(values[3], NULL, 10);
    if (contact_count < 2 || contact_count > UINT32_MAX || event_count > UINT32_MAX ||
        value_count == 0 || value_count > 0xfffffff) {
        fprintf(stderr, "%s: counts must be in 2, 0 and 1 to 268435455\n", values[0]);
        return 2;
    }
    gen_prepare();
    write_contacts(values[4]);
    gen_shares shares = share_events();
    write_events(values[4], shares.owners);
    free(shares.owners);
    fprintf(stderr, "contacts %llu events %llu, at most %llu a contact, none for %llu\n",
            (unsigned long long)contact_count, (unsigned long long)event_count,
            (unsigned long long)shares.most, (unsigned long long)shares.none);
    return 0;
}
