/* A ledger that is advanced: what it tells, added up, is at every instant what scoring every
 * contact says, whatever was added, set and forgotten in between, and whenever memory ran out.
 *
 * Exits 0 if all is as expected. Arguments set how many rounds are tried, and the first one. */
#include "faults.h"
#include "leadscore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1767225600)
#define HOUR 3600
#define DAY 86400
#define CONTACTS 40
#define STEPS 120
#define MOST 4

static const char *const plans[] = {
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"name\":\"A\",\"rules\":[{\"decay\":{"
    "\"curve\":\"step\",\"every\":604800,\"percent\":25},\"event\":[\"visit\"],\"points\":2},{"
    "\"event\":[\"visit\"],\"times\":[{\"min\":2,\"points\":5}],\"within\":{\"last\":864000}},{"
    "\"event\":[\"call\",\"visit\"],\"points\":1,\"where\":{\"is\":{\"tests\":[[\"contains\","
    "\"price\"]]},\"property\":\"event.page\"},\"within\":{\"last\":2592000}}]},{\"kind\":"
    "\"engagement\",\"limit\":{\"max\":50,\"min\":-50},\"name\":\"B\",\"rules\":[{\"event\":["
    "\"call\"],\"points\":7,\"within\":{\"from\":1764633600,\"until\":1767830400}},{\"event\":["
    "\"call\"],\"limit\":{\"max\":3,\"min\":-3},\"points\":0.5}]},{\"kind\":\"fit\",\"name\":"
    "\"C\",\"rules\":[{\"points\":3,\"when\":{\"is\":{\"tests\":[[\"in_last\",7776000]]},"
    "\"property\":\"contact.created_at\"}},{\"points\":4,\"when\":{\"did\":{\"event\":[\"visit\"],"
    "\"times\":[{\"min\":1}],\"within\":{\"last\":432000}},\"done\":true}}]}],\"kind\":"
    "\"combined\",\"name\":\"s\",\"object\":\"contact\",\"properties\":{\"contact.created_at\":"
    "\"datetime\",\"event.page\":\"text\"},\"thresholds\":{\"bands\":[{\"at_least\":20,\"label\":"
    "\"High\"},{\"label\":\"Low\"}]}}],\"language\":1}",
    /* Curves, an event's property that is asked about the instant, once_per, a score that another
     * one uses. */
    "{\"definitions\":[{\"empty_until_scored\":true,\"groups\":[{\"kind\""
    ":\"engagement\",\"name\":\"A\",\"rules\":[{\"event\":[\"visit\"],\"points"
    "\":2,\"where\":{\"is\":{\"tests\":[[\"in_last\",864000]]},\"property\":"
    "\"event.due\"}},{\"event\":[\"call\"],\"latest\":2,\"once_per\":\"day\","
    "\"points\":3,\"within\":{\"last\":864000}}]}],\"kind\":\"engagement\","
    "\"name\":\"s\",\"object\":\"contact\",\"properties\":{\"contact.created"
    "_at\":\"datetime\",\"event.due\":\"datetime\"},\"scope\":{\"is\":{\"test"
    "s\":[[\"more_than_ago\",86400]]},\"property\":\"contact.created_at"
    "\"}},{\"groups\":[{\"kind\":\"engagement\",\"name\":\"A\",\"rules\":[{\"de"
    "cay\":{\"curve\":\"linear\",\"every\":604800,\"percent\":25},\"event\":"
    "[\"visit\"],\"points\":2},{\"event\":[\"call\"],\"points\":1}]},{\"kind"
    "\":\"fit\",\"name\":\"B\",\"rules\":[{\"points\":30,\"when\":{\"is\":{\"test"
    "s\":[[\"at_least\",6]]},\"part\":\"value\",\"score\":\"s\"}}]}],\"kind\":"
    "\"combined\",\"name\":\"t\",\"object\":\"contact\"}],\"language\":1}"};

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            fprintf(stderr, "%s:%d: round %llu: not true: %s\n", __FILE__, __LINE__,               \
                    (unsigned long long)round_of, #truth);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t round_of, state = 1;

static int64_t any(int64_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((state >> 33) % (uint64_t)count);
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* Of a contact and a score: what the changes add up to. */
typedef struct told {
    bool has;
    int64_t value;
    char label[16];
} told;

typedef struct world {
    faults faults;
    ls_context *context;
    ls_plan *plan;
    ls_ledger *ledger;
    size_t count;
    told told[CONTACTS][MOST];
    bool touched[CONTACTS]; /* since the last advance */
    int64_t at;
} world;

static void name_contact(int64_t number, char id[16])
{
    snprintf(id, 16, "c%d", (int)number);
}

static size_t number_of(const world *world, size_t row)
{
    size_t length;
    const char *id = ls_ledger_id(world->ledger, row, &length);
    size_t number = 0;
    CHECK(id != NULL && length > 1 && length < 8);
    for (size_t i = 1; i < length; i++) {
        number = number * 10 + (size_t)(id[i] - '0');
    }
    return number;
}

static void take_changes(world *world)
{
    for (size_t i = 0; i < ls_ledger_change_count(world->ledger); i++) {
        ls_ledger_change change;
        ls_ledger_change_get(world->ledger, i, &change);
        size_t contact = number_of(world, change.row);
        told *told = &world->told[contact][change.definition];
        CHECK(change.had == told->has && change.from == told->value);
        CHECK(strlen(told->label) == change.label_from_length &&
              memcmp(told->label, change.label_from, change.label_from_length) == 0);
        CHECK(change.had != change.has || change.from != change.to ||
              strcmp(change.label_from, change.label_to) != 0);
        CHECK(change.why == LS_WHY_TIME || world->touched[contact]);
        CHECK(!change.quiet);
        told->has = change.has;
        told->value = change.to;
        snprintf(told->label, sizeof told->label, "%.*s", (int)change.label_to_length,
                 change.label_to);
    }
    ls_ledger_changes_taken(world->ledger);
}

/* Everybody's scores are what was told. */
static void check_told(world *world)
{
    char id[16];
    ls_score scores[MOST];
    ls_error error;
    for (int64_t i = 0; i < CONTACTS; i++) {
        name_contact(i, id);
        int64_t row = ls_ledger_find(world->ledger, id, strlen(id));
        if (row < 0) {
            continue;
        }
        CHECK(ls_ledger_due(world->ledger, (size_t)row) > world->at);
        CHECK(ls_ledger_score(world->ledger, (size_t)row, world->at, scores, &error) == LS_OK);
        for (size_t k = 0; k < world->count; k++) {
            const told *told = &world->told[i][k];
            CHECK(told->has == !scores[k].empty);
            CHECK(!told->has || told->value == scores[k].value);
            CHECK(strcmp(told->label, scores[k].label ? scores[k].label : "") == 0);
        }
    }
}

/* ---- what happens ---------------------------------------------------------------------------- */

static int add(world *world, const char *id, ls_error *error)
{
    static const char *const pages[] = {"price list", "pricing", "home"};
    char due[24];
    bool repeated;
    int64_t at = world->at + DAY - any(40) * DAY + any(DAY);
    const char *page = pages[any(3)];
    snprintf(due, sizeof due, "%lld", (long long)(at + any(20) * DAY));
    const ls_ledger_property properties[] = {{"page", 4, page, strlen(page)},
                                             {"due", 3, due, strlen(due)}};
    const char *event = any(3) ? "visit" : "call";
    return ls_ledger_add(world->ledger, id, strlen(id), event, strlen(event), at, properties, 2,
                         world->at, &repeated, error);
}

static int set(world *world, const char *id, ls_error *error)
{
    char date[24] = "";
    if (any(4)) {
        snprintf(date, sizeof date, "%lld", (long long)(world->at - any(100) * DAY + 2 * DAY));
    }
    const ls_ledger_property property = {"created_at", 10, date, strlen(date)};
    return ls_ledger_set(world->ledger, id, strlen(id), &property, 1, error);
}

static void happen(world *world)
{
    char id[16];
    ls_error error;
    int64_t contact = any(CONTACTS), kind = any(12);
    name_contact(contact, id);
    int status = LS_OK;
    if (kind == 0) {
        ls_ledger_forget(world->ledger, id, strlen(id));
        memset(world->told[contact], 0, sizeof world->told[contact]);
    } else {
        status = kind < 4 ? set(world, id, &error) : add(world, id, &error);
        world->touched[contact] = true;
    }
    CHECK(status == LS_OK || status == LS_ERROR_MEMORY);
}

static void pass(world *world)
{
    static const int64_t spans[] = {0, 1, 60, HOUR, 9 * HOUR, DAY, 3 * DAY, 7 * DAY};
    ls_error error;
    world->at += spans[any(8)];
    int status = ls_ledger_advance(world->ledger, world->at, false, &error);
    CHECK(status == LS_OK || status == LS_ERROR_MEMORY);
    if (any(2)) {
        take_changes(world);
    }
    if (status == LS_OK) {
        take_changes(world);
        memset(world->touched, 0, sizeof world->touched);
        faults_arm(&world->faults, 0);
        check_told(world);
        CHECK(ls_ledger_advance(world->ledger, world->at, false, &error) == LS_OK &&
              ls_ledger_change_count(world->ledger) == 0);
        CHECK(ls_ledger_advance(world->ledger, world->at - 1, false, &error) == LS_ERROR_USAGE);
    }
}

static void play(const char *canonical, bool failing)
{
    ls_error error;
    world *world = calloc(1, sizeof *world);
    CHECK(world != NULL);
    ls_allocator allocator = {faults_reallocate, &world->faults};
    world->at = NOW;
    CHECK(ls_context_new(&allocator, 0, &world->context) == LS_OK);
    CHECK(ls_plan_new(world->context, canonical, strlen(canonical), &world->plan, &error) == LS_OK);
    CHECK(ls_ledger_new(world->context, world->plan, NULL, &world->ledger, &error) == LS_OK);
    world->count = ls_plan_count(world->plan);
    for (int i = 0; i < STEPS; i++) {
        for (int64_t k = any(12); k > 0; k--) {
            faults_arm(&world->faults, failing && any(4) == 0 ? (size_t)(1 + any(6)) : 0);
            happen(world);
        }
        faults_arm(&world->faults, failing && any(2) ? (size_t)(1 + any(12)) : 0);
        pass(world);
        faults_arm(&world->faults, 0);
    }
    ls_ledger_close(world->ledger);
    ls_plan_close(world->plan);
    ls_context_close(world->context);
    CHECK(world->faults.bytes == 0);
    free(world);
}

int main(int count, char **values)
{
    uint64_t tries = count > 1 ? strtoull(values[1], NULL, 10) : 30;
    uint64_t first = count > 2 ? strtoull(values[2], NULL, 10) : 1;
    for (round_of = first; round_of < first + tries; round_of++) {
        state = round_of;
        play(plans[round_of % 2], round_of % 3 != 0);
    }
    return 0;
}
