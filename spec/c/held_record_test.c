/* A record that stays in a scorer is scored at one instant after another as if it had just been put
 * there. */
#include "leadscore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1767225600)
#define DAY 86400
#define EVENTS 60
#define ROUNDS 40

static const char *const definitions[] = {
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"name\":\"A\",\"rules\":[{\"decay\":{"
    "\"curve\":\"step\",\"every\":604800,\"percent\":25},\"event\":[\"visit\"],\"points\":2},{"
    "\"event\":[\"visit\"],\"times\":[{\"min\":2,\"points\":5}],\"within\":{\"last\":864000}},{"
    "\"event\":[\"call\",\"visit\"],\"points\":1,\"where\":{\"is\":{\"tests\":[[\"contains\","
    "\"price\"]]},\"property\":\"event.page\"},\"within\":{\"last\":2592000}}]},{\"kind\":"
    "\"engagement\",\"limit\":{\"max\":50,\"min\":-50},\"name\":\"B\",\"rules\":[{\"event\":["
    "\"call\"],\"points\":7,\"within\":{\"from\":1764633600,\"until\":1766188800}},{\"event\":["
    "\"call\"],\"limit\":{\"max\":3,\"min\":-3},\"points\":0.5}]},{\"kind\":\"fit\",\"name\":"
    "\"C\",\"rules\":[{\"points\":3,\"when\":{\"is\":{\"tests\":[[\"in_last\",7776000]]},"
    "\"property\":\"contact.created_at\"}},{\"points\":4,\"when\":{\"did\":{\"event\":[\"visit\"],"
    "\"times\":[{\"min\":1}],\"within\":{\"last\":432000}},\"done\":true}}]}],\"kind\":"
    "\"combined\",\"name\":\"s\",\"object\":\"contact\",\"properties\":{\"contact.created_at\":"
    "\"datetime\",\"event.page\":\"text\"}}],\"language\":1}",
    /* An event's property is asked about the instant; a decay that no table holds. */
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"name\":\"A\",\"rules\":[{"
    "\"event\":[\"visit\"],\"points\":2,\"where\":{\"is\":{\"tests\":[[\"in_last\",864000]]},"
    "\"property\":\"event.due\"}}]}],\"kind\":\"engagement\",\"name\":\"s\",\"object\":"
    "\"contact\",\"properties\":{\"event.due\":\"datetime\"}}],\"language\":1}",
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"name\":\"A\",\"rules\":[{\"decay\":{"
    "\"curve\":\"linear\",\"every\":604800,\"percent\":25},\"event\":[\"visit\"],\"points\":2},{"
    "\"event\":[\"call\"],\"points\":1}]}],\"kind\":\"engagement\",\"name\":\"s\",\"object\":"
    "\"contact\"}],\"language\":1}",
    /* Curves of all ways to count, next to what steps, windows, dates and lists move. */
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"limit\":{\"max\":40,\"min\":-40},"
    "\"name\":\"A\",\"rules\":[{\"decay\":{\"half_life\":777600},\"event\":[\"visit\"],\"points\""
    ":3,\"where\":{\"is\":{\"tests\":[[\"contains\",\"pricing\"]]},\"property\":\"event.page\"}},"
    "{\"decay\":{\"curve\":\"linear\",\"every\":1209600,\"percent\":50},\"event\":[\"call\",\"vis"
    "it\"],\"once_per\":\"day\",\"points\":-1.25},{\"decay\":{\"half_life\":432000},\"event\":[\""
    "call\"],\"latest\":2,\"points\":7,\"within\":{\"last\":2592000}},{\"decay\":{\"curve\":\"ste"
    "p\",\"every\":604800,\"percent\":30},\"event\":[\"visit\"],\"once_per\":{\"property\":\"even"
    "t.page\"},\"points\":2}]},{\"kind\":\"engagement\",\"name\":\"B\",\"rules\":[{\"decay\":{\"h"
    "alf_life\":259200},\"event\":[\"visit\"],\"times\":[{\"min\":4,\"points\":9},{\"min\":2,\"po"
    "ints\":5}],\"within\":{\"last\":1728000}},{\"decay\":{\"curve\":\"linear\",\"every\":86400,"
    "\"percent\":10},\"event\":[\"call\"],\"limit\":{\"max\":11,\"min\":-11},\"points\":6,\"withi"
    "n\":{\"from\":1764633600,\"until\":1766188800}},{\"decay\":{\"curve\":\"step\",\"every\":604"
    "800,\"percent\":20},\"event\":[\"call\"],\"times\":[{\"min\":1,\"points\":4}],\"within\":{\""
    "last\":3456000}},{\"event\":[\"other\"],\"points\":-2}]},{\"kind\":\"fit\",\"name\":\"Fit\","
    "\"rules\":[{\"points\":3,\"when\":{\"is\":{\"tests\":[[\"in_last\",7776000]]},\"property\":"
    "\"contact.created_at\"}},{\"points\":1,\"when\":{\"did\":{\"event\":[\"visit\"],\"times\":[{"
    "\"min\":1}],\"within\":{\"last\":518400}},\"done\":true}},{\"points\":16,\"when\":{\"list\":"
    "[\"customers\"],\"member\":true}},{\"points\":2,\"when\":{\"all\":[{\"did\":{\"event\":[\"ca"
    "ll\"],\"times\":[{\"min\":1}],\"where\":{\"is\":{\"tests\":[[\"any_of\",\"pricing\"]]},\"pro"
    "perty\":\"event.page\"},\"within\":{\"last\":777600}},\"done\":false},{\"is\":{\"tests\":[["
    "\"more_than_ago\",6912000]]},\"property\":\"contact.created_at\"}]}}]}],\"kind\":\"combined"
    "\",\"name\":\"s\",\"object\":\"contact\",\"properties\":{\"contact.created_at\":\"datetime\""
    ",\"event.page\":\"text\"},\"scope\":{\"is\":{\"tests\":[[\"in_last\",12960000]]},\"property"
    "\":\"contact.created_at\"}}],\"language\":1}",
    /* And with events that are asked about the instant. */
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"limit\":{\"max\":40,\"min\":-40},"
    "\"name\":\"A\",\"rules\":[{\"decay\":{\"half_life\":777600},\"event\":[\"visit\"],\"points\""
    ":3,\"where\":{\"is\":{\"tests\":[[\"contains\",\"pricing\"]]},\"property\":\"event.page\"}},"
    "{\"decay\":{\"curve\":\"linear\",\"every\":1209600,\"percent\":50},\"event\":[\"call\",\"vis"
    "it\"],\"once_per\":\"day\",\"points\":-1.25},{\"decay\":{\"half_life\":432000},\"event\":[\""
    "call\"],\"latest\":2,\"points\":7,\"within\":{\"last\":2592000}},{\"decay\":{\"curve\":\"ste"
    "p\",\"every\":604800,\"percent\":30},\"event\":[\"visit\"],\"once_per\":{\"property\":\"even"
    "t.page\"},\"points\":2}]},{\"kind\":\"engagement\",\"name\":\"B\",\"rules\":[{\"decay\":{\"h"
    "alf_life\":259200},\"event\":[\"visit\"],\"times\":[{\"min\":4,\"points\":9},{\"min\":2,\"po"
    "ints\":5}],\"within\":{\"last\":1728000}},{\"decay\":{\"curve\":\"linear\",\"every\":86400,"
    "\"percent\":10},\"event\":[\"call\"],\"limit\":{\"max\":11,\"min\":-11},\"points\":6,\"withi"
    "n\":{\"from\":1764633600,\"until\":1766188800}},{\"decay\":{\"curve\":\"step\",\"every\":604"
    "800,\"percent\":20},\"event\":[\"call\"],\"times\":[{\"min\":1,\"points\":4}],\"within\":{\""
    "last\":3456000}},{\"decay\":{\"half_life\":8640000},\"event\":[\"visit\"],\"points\":0.5,\"w"
    "here\":{\"is\":{\"tests\":[[\"in_last\",1036800]]},\"property\":\"event.at\"}},{\"decay\":{"
    "\"half_life\":3456000},\"event\":[\"visit\"],\"points\":0.75,\"where\":{\"is\":{\"tests\":[["
    "\"in_next\",1036800]]},\"property\":\"event.due\"}},{\"event\":[\"other\"],\"points\":-2}]},"
    "{\"kind\":\"fit\",\"name\":\"Fit\",\"rules\":[{\"points\":3,\"when\":{\"is\":{\"tests\":[[\""
    "in_last\",7776000]]},\"property\":\"contact.created_at\"}},{\"points\":1,\"when\":{\"did\":{"
    "\"event\":[\"visit\"],\"times\":[{\"min\":1}],\"within\":{\"last\":518400}},\"done\":true}},"
    "{\"points\":16,\"when\":{\"list\":[\"customers\"],\"member\":true}},{\"points\":2,\"when\":{"
    "\"all\":[{\"did\":{\"event\":[\"call\"],\"times\":[{\"min\":1}],\"where\":{\"is\":{\"tests\""
    ":[[\"any_of\",\"pricing\"]]},\"property\":\"event.page\"},\"within\":{\"last\":777600}},\"do"
    "ne\":false},{\"is\":{\"tests\":[[\"more_than_ago\",6912000]]},\"property\":\"contact.created"
    "_at\"}]}}]}],\"kind\":\"combined\",\"name\":\"s\",\"object\":\"contact\",\"properties\":{\"c"
    "ontact.created_at\":\"datetime\",\"event.at\":\"datetime\",\"event.due\":\"datetime\",\"even"
    "t.page\":\"text\"},\"scope\":{\"is\":{\"tests\":[[\"in_last\",12960000]]},\"property\":\"con"
    "tact.created_at\"}}],\"language\":1}"};

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #truth);                  \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t state = 1;

static int64_t any(int64_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((state >> 33) % (uint64_t)count);
}

typedef struct event {
    const char *name, *page;
    int64_t at;
    char due[24];
} event;

static int set(ls_scorer *scorer, const char *name, const char *value, ls_error *error)
{
    return ls_scorer_event_set(scorer, name, strlen(name), value, strlen(value), error);
}

static void fill(ls_scorer *scorer, const event *events, size_t count)
{
    ls_error error;
    ls_scorer_clear(scorer);
    CHECK(ls_scorer_set(scorer, "created_at", 10, "2025-10-10", 10, &error) == LS_OK);
    for (size_t i = 0; i < count; i++) {
        const event *one = &events[i];
        CHECK(ls_scorer_event(scorer, one->name, strlen(one->name), one->at, &error) == LS_OK);
        CHECK(set(scorer, "page", one->page, &error) == LS_OK);
        CHECK(set(scorer, "due", one->due, &error) == LS_OK);
    }
}

static void make(event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        events[i].name = any(3) == 0 ? "call" : any(9) == 0 ? "other" : "visit";
        events[i].page = any(2) == 0 ? "pricing" : "price list";
        events[i].at = NOW - any(70) * DAY + any(2) * any(DAY);
        snprintf(events[i].due, sizeof events[i].due, "%" PRId64, events[i].at + any(50) * DAY);
    }
}

/* Near an edge, the same instant again, a little later, or any other. */
static int64_t next_instant(int64_t at, const event *events, size_t count)
{
    switch (any(6)) {
    case 0: return at;
    case 1: return at + any(3) - 1;
    case 3: return at + any(DAY / 8);
    case 4: return at + any(100);
    case 2: return events[any((int64_t)count)].at + any(80) * DAY + any(3) - 1;
    default: return NOW + any(200) * DAY - 100 * DAY;
    }
}

static void check(ls_scorer *held, ls_scorer *fresh, const event *events, size_t count)
{
    ls_error error;
    ls_score one, other;
    int64_t at = NOW;
    fill(held, events, count);
    for (int i = 0; i < 60; i++) {
        at = next_instant(at, events, count);
        if (i == 40) { /* a record that grows */
            CHECK(ls_scorer_event(held, "visit", 5, NOW - 3 * DAY, &error) == LS_OK);
        }
        if (i == 50) {
            CHECK(ls_scorer_in_list(held, "customers", 9, &error) == LS_OK);
        }
        fill(fresh, events, count);
        if (i >= 40) {
            CHECK(ls_scorer_event(fresh, "visit", 5, NOW - 3 * DAY, &error) == LS_OK);
        }
        if (i >= 50) {
            CHECK(ls_scorer_in_list(fresh, "customers", 9, &error) == LS_OK);
        }
        CHECK(ls_scorer_score(held, at, &one, &error) == LS_OK);
        CHECK(ls_scorer_score(fresh, at, &other, &error) == LS_OK);
        CHECK(one.value == other.value && one.fit == other.fit &&
              one.engagement == other.engagement && one.scored == other.scored &&
              one.in_scope == other.in_scope);
    }
}

static void check_definition(ls_context *context, const char *canonical)
{
    event events[EVENTS];
    ls_error error;
    ls_plan *plan;
    ls_scorer *held, *fresh;
    CHECK(ls_plan_new(context, canonical, strlen(canonical), &plan, &error) == LS_OK);
    CHECK(ls_scorer_new(plan, &held, &error) == LS_OK);
    CHECK(ls_scorer_new(plan, &fresh, &error) == LS_OK);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + (size_t)any(EVENTS);
        make(events, count);
        check(held, fresh, events, count);
    }
    ls_scorer_close(held);
    ls_scorer_close(fresh);
    ls_plan_close(plan);
}

int main(void)
{
    ls_context *context;
    CHECK(ls_context_new(NULL, 0, &context) == LS_OK);
    const size_t before = ls_context_memory(context);
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        check_definition(context, definitions[i]);
    }
    CHECK(ls_context_memory(context) == before);
    ls_context_close(context);
    return 0;
}
