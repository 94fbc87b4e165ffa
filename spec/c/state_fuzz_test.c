/* Random damage to packed states, by someone who knows how their hash is made: each must be refused
 * in one line, or be taken; what is taken can be scored, and packed and taken again with the same
 * scores, folded or not. Memory stays bounded. Every allocation that a ledger makes to pack and to
 * unpack failing is survived, and leaves what the ledger held.
 *
 *     state_fuzz_test [SECONDS [SEED]]
 *
 * Prints counts. Exits 0 if all is as expected. */
#include "faults.h"
#include "ls_ledger.h"

#define XXH_INLINE_ALL
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xxhash.h>

#define AT INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define DAY INT64_C(86400)
#define MOST_LENGTH 4096
#define MOST_MEMORY (64 << 20)

static int failures;

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            failures++;                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #what);                    \
        }                                                                                          \
    } while (0)

static const char definitions[] =
    "{\"definitions\":[{\"groups\":[{\"kind\":\"engagement\",\"name\":\"A\",\"rules\":[{\"ev"
    "ent\":[\"view\"],\"points\":1,\"within\":{\"last\":2592000}},{\"event\":[\"call\",\"vi"
    "ew\"],\"points\":2},{\"decay\":{\"curve\":\"step\",\"every\":2592000,\"percent\":50},"
    "\"event\":[\"form\"],\"points_by\":[{\"points\":5,\"value\":\"demo\"},{\"points\":7,\"v"
    "alue\":\"other\"}],\"property\":\"event.form\"},{\"event\":[\"form\"],\"latest\":2,\"p"
    "oints\":4,\"within\":{\"until\":1767225600}},{\"decay\":{\"curve\":\"step\",\"every\""
    ":86400,\"percent\":10},\"event\":[\"call\"],\"times\":[{\"min\":5,\"points\":3},{\"mi"
    "n\":2,\"points\":1}]}]}],\"kind\":\"engagement\",\"name\":\"seen\",\"object\":\"contac"
    "t\",\"properties\":{\"event.form\":\"text\"}},{\"groups\":[{\"kind\":\"fit\",\"name\":\""
    "B\",\"rules\":[{\"points\":8,\"when\":{\"did\":{\"event\":[\"view\"],\"times\":[{\"min\":"
    "3}]},\"done\":true}},{\"points\":5,\"when\":{\"is\":{\"tests\":[[\"at_least\",10]]},"
    "\"property\":\"contact.employees\"}},{\"event\":[\"mail\"],\"points\":2,\"where\":{\""
    "is\":{\"tests\":[[\"more_than\",5]]},\"property\":\"event.seconds\"}},{\"event\":[\""
    "mail\"],\"once_per\":\"day\",\"points\":3},{\"decay\":{\"half_life\":259200},\"event"
    "\":[\"view\"],\"points\":1.5}]}],\"kind\":\"fit\",\"name\":\"other\",\"object\":\"contac"
    "t\",\"properties\":{\"contact.employees\":\"number\",\"event.seconds\":\"number\"}}"
    "],\"language\":1}";

static faults memory;

/* ---- ledgers --------------------------------------------------------------------------------- */

typedef struct text {
    char bytes[1 << 16];
    size_t length;
} text;

static int write_text(void *user, const char *bytes, size_t size)
{
    text *to = user;
    if (size > sizeof to->bytes - to->length) {
        return -1;
    }
    memcpy(to->bytes + to->length, bytes, size);
    to->length += size;
    return 0;
}

static int pack(ls_ledger *ledger, const char *id, const int64_t *at, text *out)
{
    int64_t row = ls_ledger_find(ledger, id, strlen(id));
    out->length = 0;
    return row < 0 ? LS_ERROR_USAGE
                   : ls_ledger_pack(ledger, (size_t)row, at, write_text, out, NULL);
}

static int unpack(ls_ledger *ledger, const char *id, const text *state, ls_error *error)
{
    /* In a block of its own: what is read past its end is seen. */
    char *copy = malloc(state->length + (state->length == 0));
    if (state->length > 0) {
        memcpy(copy, state->bytes, state->length);
    }
    int status = ls_ledger_unpack(ledger, id, strlen(id), copy, state->length, error);
    free(copy);
    return status;
}

typedef struct world {
    ls_context *context;
    ls_plan *plan;
    ls_ledger *ledgers[3]; /* 0: keeps what the plan reads, 1: everything, 2: has no plan */
} world;

static void open_world(world *world, size_t most)
{
    const ls_allocator allocator = {faults_reallocate, &memory};
    const ls_ledger_options all = {.keep_all = true};
    ls_error error = {0};
    memset(&memory, 0, sizeof memory);
    CHECK(ls_context_new(&allocator, most, &world->context) == LS_OK);
    CHECK(ls_plan_new(world->context, definitions, strlen(definitions), &world->plan, &error) ==
          LS_OK);
    CHECK(ls_ledger_new(world->context, world->plan, NULL, &world->ledgers[0], NULL) == LS_OK);
    CHECK(ls_ledger_new(world->context, world->plan, &all, &world->ledgers[1], NULL) == LS_OK);
    CHECK(ls_ledger_new(world->context, NULL, &all, &world->ledgers[2], NULL) == LS_OK);
}

static void close_world(world *world)
{
    for (size_t i = 0; i < 3; i++) {
        ls_ledger_close(world->ledgers[i]);
    }
    ls_plan_close(world->plan);
    ls_context_close(world->context);
    CHECK(memory.bytes == 0);
}

/* A contact whose events are of every kind. */
static void tell(ls_ledger *ledger, const char *id, size_t count)
{
    static const char *const names[] = {"view", "call", "form", "mail", "nothing"};
    static const char *const forms[] = {"demo", "other", "else", ""};
    const ls_ledger_property of_contact[] = {{"employees", 9, "25", 2}, {"country", 7, "SE", 2}};
    CHECK(ls_ledger_set(ledger, id, strlen(id), of_contact, 2, NULL) == LS_OK);
    for (size_t i = 0; i < count; i++) {
        char event_id[24], seconds[24];
        const char *form = forms[i % 4], *name = names[i % 5];
        snprintf(event_id, sizeof event_id, "e%zu", i);
        snprintf(seconds, sizeof seconds, "%zu", i % 11);
        const ls_ledger_property of_event[] = {{"form", 4, form, strlen(form)},
                                               {"seconds", 7, seconds, strlen(seconds)},
                                               {"id", 2, event_id, strlen(event_id)}};
        bool repeated;
        CHECK(ls_ledger_add(ledger, id, strlen(id), name, strlen(name), AT - (int64_t)i * DAY / 2,
                            of_event, i % 3 == 0 ? 3 : 2, AT, &repeated, NULL) == LS_OK);
    }
}

/* ---- damage ---------------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t random_below(size_t most)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % (most > 0 ? most : 1));
}

static const unsigned char edges[] = {0, 1, 2, 3, 0x7f, 0x80, 0xff, 0xfe, 0x40, 0x20};

static void put_in(text *state, size_t at, const char *bytes, size_t count)
{
    if (state->length + count <= MOST_LENGTH) {
        memmove(state->bytes + at + count, state->bytes + at, state->length - at);
        memcpy(state->bytes + at, bytes, count);
        state->length += count;
    }
}

static void take_out(text *state, size_t at, size_t count)
{
    count = count < state->length - at ? count : state->length - at;
    memmove(state->bytes + at, state->bytes + at + count, state->length - at - count);
    state->length -= count;
}

/* The largest number of so many bytes. */
static void put_number(text *state, size_t at)
{
    char bytes[10];
    size_t count = 1 + random_below(10);
    memset(bytes, 0xff, sizeof bytes);
    bytes[count - 1] = (char)(count == 10 ? 1 : 0x7f);
    if (random_below(2) == 0) {
        take_out(state, at, 1);
    }
    put_in(state, at, bytes, count);
}

static void damage(text *state, const text *other)
{
    size_t at = random_below(state->length), from = random_below(other->length);
    size_t count = 1 + random_below(random_below(2) ? 4 : 40);
    char bytes[40];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = other->bytes[(from + i) % other->length];
    }
    switch (random_below(8)) {
    case 0: state->bytes[at] ^= (char)(1 << random_below(8)); break;
    case 1: state->bytes[at] = (char)random_below(256); break;
    case 2: state->bytes[at] = (char)edges[random_below(sizeof edges)]; break;
    case 3: put_number(state, at); break;
    case 4: take_out(state, at, count); break;
    case 5: put_in(state, at, bytes, count); break;
    case 6: state->bytes[at] = (char)(state->bytes[at] + 1); break;
    default: state->bytes[at] = (char)(state->bytes[at] - 1); break;
    }
}

/* Damages the body, which lies between head and hash; most keep the head. */
static void mutate(text *state, const text *other)
{
    state->length -= LS_STATE_HASH;
    for (size_t i = 0; i <= random_below(4) && state->length > 0; i++) {
        damage(state, other);
    }
    if (random_below(10) > 0 && state->length >= LS_STATE_HEAD) {
        const char head[] = {'L', 'S', 'S', LS_STATE_VERSION};
        memcpy(state->bytes, head, sizeof head);
    }
    uint64_t hash = XXH3_64bits(state->bytes, state->length) + (random_below(50) == 0);
    for (unsigned i = 0; i < LS_STATE_HASH; i++) {
        state->bytes[state->length++] = (char)(hash >> 8 * i);
    }
}

/* ---- what must be so ------------------------------------------------------------------------- */

typedef struct counted {
    uint64_t done, taken, refused, scored, unscored;
} counted;

static bool is_same(const ls_score *a, const ls_score *b)
{
    return a->value == b->value && a->fit == b->fit && a->engagement == b->engagement &&
           a->empty == b->empty && a->scored == b->scored && a->in_scope == b->in_scope;
}

static int score(ls_ledger *ledger, const char *id, int64_t at, ls_score out[2])
{
    ls_error error = {0};
    int64_t row = ls_ledger_find(ledger, id, strlen(id));
    int status = row < 0 ? LS_ERROR_USAGE : ls_ledger_score(ledger, (size_t)row, at, out, &error);
    CHECK(status == LS_OK || status == LS_ERROR_INPUT || status == LS_ERROR_RANGE);
    return status;
}

/* A contact that was taken is packed again, for an instant and as it is. */
static void check_again(ls_ledger *ledger, counted *counts)
{
    static text again;
    ls_score before[2], after[2];
    int64_t at = AT + (int64_t)random_below(400) * DAY - 100 * DAY;
    const bool folds = random_below(2) != 0;
    int status = score(ledger, "taken", at, before);
    counts->scored += status == LS_OK;
    counts->unscored += status != LS_OK;
    int packed = pack(ledger, "taken", folds ? &at : NULL, &again);
    if (packed == LS_ERROR_IO) { /* longer than `text` holds */
        return;
    }
    CHECK(packed == LS_OK);
    CHECK(unpack(ledger, "again", &again, NULL) == LS_OK);
    CHECK(score(ledger, "again", at, after) == status);
    CHECK(status != LS_OK || (is_same(&before[0], &after[0]) && is_same(&before[1], &after[1])));
}

static void check_one(world *world, const text *state, counted *counts)
{
    const size_t which = random_below(3);
    ls_ledger *ledger = world->ledgers[which];
    ls_error error = {0};
    size_t before = memory.bytes;
    int status = unpack(ledger, "taken", state, &error);
    counts->done++;
    CHECK(status == LS_OK || status == LS_ERROR_INPUT);
    if (status != LS_OK) {
        counts->refused++;
        CHECK(strlen(error.message) > 10 && strchr(error.message, '\n') == NULL);
        return;
    }
    counts->taken++;
    CHECK(memory.bytes < before + (24 << 20));
    if (which < 2) {
        check_again(ledger, counts);
    }
}

static void make_states(text states[6])
{
    world world;
    const int64_t at = AT, later = AT + 400 * DAY;
    open_world(&world, 0);
    for (size_t i = 0; i < 2; i++) {
        tell(world.ledgers[i], "few", 12);
        tell(world.ledgers[i], "many", 150);
    }
    CHECK(pack(world.ledgers[0], "many", NULL, &states[0]) == LS_OK);
    CHECK(pack(world.ledgers[0], "many", &at, &states[1]) == LS_OK);
    CHECK(pack(world.ledgers[0], "many", &later, &states[2]) == LS_OK);
    CHECK(pack(world.ledgers[1], "many", &later, &states[3]) == LS_OK);
    CHECK(pack(world.ledgers[0], "few", NULL, &states[4]) == LS_OK);
    CHECK(pack(world.ledgers[1], "few", &at, &states[5]) == LS_OK);
    close_world(&world);
}

/* Ledgers are opened anew now and then: hostile texts stay in dictionaries. */
static void fuzz(text states[6], double seconds)
{
    static text mutated;
    counted counts = {0};
    const time_t until = time(NULL) + (time_t)seconds;
    size_t most = 0;
    do {
        world world;
        open_world(&world, MOST_MEMORY);
        for (size_t i = 0; i < 2000 && time(NULL) <= until && failures < 20; i++) {
            uint64_t first = seed;
            mutated = states[random_below(6)];
            mutate(&mutated, &states[random_below(6)]);
            check_one(&world, &mutated, &counts);
            if (failures > 0) {
                fprintf(stderr, "seed %llu\n", (unsigned long long)first);
            }
        }
        most = ls_context_peak(world.context) > most ? ls_context_peak(world.context) : most;
        close_world(&world);
    } while (time(NULL) < until && failures < 20);
    printf(
        "%llu states: %llu taken (%llu scored, %llu not), %llu refused; at most %zu bytes held\n",
        (unsigned long long)counts.done, (unsigned long long)counts.taken,
        (unsigned long long)counts.scored, (unsigned long long)counts.unscored,
        (unsigned long long)counts.refused, most);
    CHECK(counts.taken > counts.done / 100 && counts.refused > counts.done / 100);
}

/* ---- memory that runs out -------------------------------------------------------------------- */

static void begin_failing(size_t at, bool lasting)
{
    faults_arm(&memory, at);
    memory.lasting = lasting;
}

/* Packs with the N-th allocation failing, until none does. */
static void test_packing(const int64_t *at, bool lasting)
{
    static text state;
    world world;
    open_world(&world, 0);
    tell(world.ledgers[1], "1", 60);
    for (size_t n = 1;; n++) {
        begin_failing(n, lasting);
        int status = pack(world.ledgers[1], "1", at, &state);
        bool failed = memory.failed;
        begin_failing(0, false);
        CHECK(status == LS_OK || (failed && status == LS_ERROR_MEMORY));
        CHECK(n < 5000);
        if (!failed || n == 5000) {
            break;
        }
    }
    close_world(&world);
}

/* The same for taking one: after a failure the ledger has what it had. */
static void test_taking(size_t which, const text *state, const char *id, bool lasting)
{
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        world world;
        ls_score before[2], after[2];
        open_world(&world, 0);
        ls_ledger *ledger = world.ledgers[which];
        tell(ledger, "1", 7);
        CHECK(score(ledger, "1", AT, before) == LS_OK);
        begin_failing(n, lasting);
        int status = unpack(ledger, id, state, NULL);
        failed = memory.failed;
        begin_failing(0, false);
        CHECK(status == LS_OK || (failed && status == LS_ERROR_MEMORY));
        CHECK(n < 5000);
        if (status != LS_OK || strcmp(id, "1") != 0) {
            CHECK(score(ledger, "1", AT, after) == LS_OK);
            CHECK(is_same(&before[0], &after[0]) && is_same(&before[1], &after[1]));
        }
        CHECK(ls_ledger_count(ledger) == (status == LS_OK && strcmp(id, "1") != 0 ? 2u : 1u));
        CHECK(unpack(ledger, id, state, NULL) == LS_OK);
        close_world(&world);
    }
}

int main(int count, char **arguments)
{
    static text states[6];
    const int64_t at = AT;
    double seconds = count > 1 ? atof(arguments[1]) : 2;
    seed = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    make_states(states);
    for (int lasting = 0; lasting < 2; lasting++) {
        test_packing(NULL, lasting);
        test_packing(&at, lasting);
        for (size_t which = 0; which < 2; which++) {
            test_taking(which, &states[0], "1", lasting);
            test_taking(which, &states[3], "1", lasting);
            test_taking(which, &states[3], "other", lasting);
        }
    }
    fuzz(states, seconds);
    return failures == 0 ? 0 : 1;
}
