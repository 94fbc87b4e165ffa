/* When a record is to be scored again: with made-up definitions and records nothing of a score may
 * change before the instant that ls_due_find says, and next_change_at is never earlier. Every
 * second is looked at.
 *
 * Exits 0 if all is as expected. Arguments set how many sets are tried, and the first one. */
#include "ls_due.h"
#include "walk_made.h"

#define SECONDS 160
#define MOST_RULES 16

static uint64_t found_due, found_change; /* how many were early, and how many were right */

/* All that a definition says of a record. */
typedef struct said {
    int status;
    ls_score score;
    ls_rule_result rules[MOST_RULES];
    int64_t groups[MOST_RULES];
} said;

static said ask(world *world, size_t definition, size_t row, int64_t at)
{
    const ls_definition *of = &world->plan->definitions[definition];
    const ls_clock clock = {at, at, at, at};
    said said;
    memset(&said, 0, sizeof said);
    ls_walk_begin(world->walk, LS_CONTACT, row, at);
    ls_walk_look(world->walk, LS_NOW, &clock);
    said.status = ls_walk_score(world->walk, definition, LS_NOW, &said.score, &world->error);
    const ls_walk_definition *part = &world->walk->definitions[definition];
    for (size_t i = 0; said.score.in_scope && i < of->rule_count && i < MOST_RULES; i++) {
        if (of->rules[i].enabled) {
            said.rules[i] = part->rules[i].result;
        }
    }
    for (size_t i = 0; said.score.in_scope && i < of->group_count; i++) {
        said.groups[i] = part->group_sums[i];
    }
    return said;
}

static bool is_same(const said *a, const said *b)
{
    bool same = a->status == b->status && !differs(&a->score, &b->score) &&
                a->score.value == b->score.value && a->score.fit == b->score.fit &&
                a->score.engagement == b->score.engagement && a->score.scored == b->score.scored &&
                memcmp(a->groups, b->groups, sizeof a->groups) == 0;
    for (size_t i = 0; i < MOST_RULES; i++) {
        const ls_rule_result *x = &a->rules[i], *y = &b->rules[i];
        same = same && x->fired == y->fired && x->raw == y->raw && x->value == y->value;
    }
    return same;
}

/* ---- dues ------------------------------------------------------------------------------------ */

typedef struct clockwork {
    size_t count;
    ls_answers answers;
    ls_binding bindings[MOST_SCORES];
    ls_due dues[MOST_SCORES];
    ls_scratch scratch;
} clockwork;

static void stop(clockwork *all)
{
    ls_scratch_free(&all->scratch);
    while (all->count > 0) {
        ls_due_free(&all->dues[--all->count]);
        ls_binding_free(&all->bindings[all->count]);
    }
    ls_answers_free(&all->answers);
}

static int start(clockwork *all, world *world)
{
    memset(all, 0, sizeof *all);
    int status = ls_answers_init(&all->answers, world->plan, world->dataset, &world->error);
    while (status == LS_OK && all->count < world->plan->count) {
        ls_binding *binding = &all->bindings[all->count];
        status = ls_binding_init(binding, &all->answers, all->count, &world->error);
        if (status == LS_OK) {
            status = ls_due_init(&all->dues[all->count], binding);
            all->count++;
        }
    }
    return status;
}

static int set_clock(clockwork *all, world *world, int64_t at)
{
    int status = ls_answers_update(&all->answers, at, &world->error);
    for (size_t i = 0; i < all->count && status == LS_OK; i++) {
        status = ls_binding_update(&all->bindings[i], at, &world->error);
        status = status == LS_OK ? ls_due_update(&all->dues[i]) : status;
    }
    ls_scratch_free(&all->scratch);
    return status == LS_OK ? ls_scratch_init(&all->scratch, world->context, all->bindings,
                                             all->count, ls_most_events(world->dataset))
                           : status;
}

/* Its own, and of the scores that it uses. */
static int find_due(clockwork *all, world *world, size_t definition, size_t row, int64_t *out)
{
    const ls_definition *of = &world->plan->definitions[definition];
    int status = ls_due_find(&all->dues[definition], world->walk, row, false, &all->scratch, out,
                             &world->error);
    for (size_t i = 0; i < of->use_count && status == LS_OK; i++) {
        int64_t other = LS_NEVER;
        if (world->plan->definitions[of->uses[i]].object == LS_CONTACT) {
            status = find_due(all, world, of->uses[i], row, &other);
        }
        *out = ls_min(*out, other);
    }
    return status;
}

static void check_due(clockwork *all, world *world, size_t definition, size_t row, int64_t at,
                      const char *seed)
{
    char detail[256];
    int64_t due = 0, change = LS_NEVER;
    bool known = false;
    int status = find_due(all, world, definition, row, &due);
    check(status == LS_OK && due > at, "due", seed);
    said first = ask(world, definition, row, at), now = first;
    int64_t next = at + 1;
    for (; next < due && next <= at + SECONDS; next++) {
        now = ask(world, definition, row, next);
        if (!is_same(&first, &now)) {
            break;
        }
    }
    snprintf(detail, sizeof detail, "%s s%zu row %zu at %lld: due after %lld s, changes after %lld",
             seed, definition, row, (long long)(at - AT), (long long)(due - at),
             (long long)(next - at));
    check(next >= due || next > at + SECONDS, "changes before it is due", detail);
    if (first.status == LS_OK) {
        status = ls_next_change(world->walk, LS_CONTACT, row, at, definition, &known, &change,
                                &world->error);
    }
    check(status == LS_OK && (!known || due <= change), "next change before it is due", detail);
    if (due <= at + SECONDS) {
        now = ask(world, definition, row, due);
        found_due++;
        found_change += !is_same(&first, &now);
    }
}

static void test_made_up(uint64_t seed)
{
    char name[32];
    world world;
    static clockwork all;
    inputs inputs = make_up(seed);
    snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
    int status = open_world(&world, NULL, &inputs);
    status = status == LS_OK ? start(&all, &world) : status;
    for (int i = 0; i < 4 && status == LS_OK; i++) {
        int64_t at = AT + pick(120) - 40;
        status = set_clock(&all, &world, at);
        for (size_t k = 0; status == LS_OK && k < world.plan->count; k++) {
            if (world.plan->definitions[k].object == LS_CONTACT) {
                check_due(&all, &world, k, (size_t)pick(rows_of[LS_CONTACT]), at, name);
            }
        }
    }
    check(status == LS_OK, name, world.error.message);
    stop(&all);
    close_world(&world);
}

/* ---- memory that runs out -------------------------------------------------------------------- */

static int go_through(const ls_allocator *allocator, const inputs *inputs)
{
    static clockwork all;
    world world;
    int64_t due;
    int status = open_world(&world, allocator, inputs);
    all.count = 0;
    status = status == LS_OK ? start(&all, &world) : status;
    for (int i = 0; i < 3 && status == LS_OK; i++) {
        status = set_clock(&all, &world, AT + (int64_t)i * 7);
        for (size_t k = 0; status == LS_OK && k < world.plan->count; k++) {
            if (world.plan->definitions[k].object == LS_CONTACT) {
                status = find_due(&all, &world, k, 0, &due);
            }
        }
    }
    stop(&all);
    close_world(&world);
    return status;
}

static void test_allocation(uint64_t seed)
{
    inputs inputs = make_up(seed);
    for (size_t n = 1;; n++) {
        faults state = {.fail_at = n};
        ls_allocator allocator = {faults_reallocate, &state};
        char detail[64];
        int status = go_through(&allocator, &inputs);
        snprintf(detail, sizeof detail, "allocation %zu: status %d, %zu bytes left", n, status,
                 state.bytes);
        check((status == LS_ERROR_MEMORY || status == LS_OK) && state.bytes == 0, "memory", detail);
        if (state.count < n) {
            check(status == LS_OK, "memory", "all goes through");
            return;
        }
    }
}

int main(int count, char **values)
{
    uint64_t tries = count > 1 ? strtoull(values[1], NULL, 10) : 400;
    uint64_t first = count > 2 ? strtoull(values[2], NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + tries && failures < 10; seed++) {
        test_made_up(seed);
    }
    test_allocation(3);
    test_allocation(5);
    fprintf(stderr, "%d checks, %d failed; of %llu dues %llu changed something\n", checks, failures,
            (unsigned long long)found_due, (unsigned long long)found_change);
    return failures != 0;
}
