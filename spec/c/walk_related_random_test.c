/* Made-up sets of definitions over contacts, companies and deals, in which the walk is held against
 * the kernels, next_change_at against a look at every second, and the sums of explanations against
 * each other; then memory that runs out.
 *
 * Exits 0 if all is as expected. Arguments set how many sets are tried, and the first one. */
#include "walk_made.h"

/* The first change of one definition within `seconds`, by looking at each of them. */
static int64_t find_by_seconds(world *world, size_t definition, size_t row, int64_t seconds)
{
    ls_object object = world->plan->definitions[definition].object;
    ls_score base, now, mixed;
    ls_clock clock = {AT, AT, AT, AT};
    ls_walk_begin(world->walk, object, row, AT);
    ls_walk_look(world->walk, LS_NOW, &clock);
    if (ls_walk_score(world->walk, definition, LS_NOW, &base, &world->error) != LS_OK) {
        return -1;
    }
    for (int64_t at = AT + 1; at <= AT + seconds; at++) {
        ls_clock later = {AT, at - 1, at, at};
        ls_walk_begin(world->walk, object, row, AT);
        ls_walk_look(world->walk, LS_NOW, &clock);
        ls_walk_look(world->walk, LS_MIXED, &later);
        ls_walk_score(world->walk, definition, LS_MIXED, &mixed, &world->error);
        ls_walk_begin(world->walk, object, row, AT);
        clock = (ls_clock){AT, at, at, at};
        ls_walk_look(world->walk, LS_NOW, &clock);
        ls_walk_score(world->walk, definition, LS_NOW, &now, &world->error);
        if (differs(&now, &base) || (!now.empty && now.value != mixed.value)) {
            return at;
        }
    }
    return 0;
}

static void check_next(world *world, ls_walk *other, size_t definition, size_t row, int64_t seconds,
                       const char *seed)
{
    char detail[1024];
    bool known = false;
    int64_t found = 0, expected = find_by_seconds(world, definition, row, seconds);
    clock_t begun = clock();
    int status = ls_next_change(other, world->plan->definitions[definition].object, row, AT,
                                definition, &known, &found, &world->error);
    double took = (double)(clock() - begun) / CLOCKS_PER_SEC;
    bool late = known && found > AT + seconds;
    snprintf(detail, sizeof detail, "%s s%zu row %zu: expected %lld, got %lld (%s)", seed,
             definition, row, (long long)(expected ? expected - AT : 0),
             (long long)(known ? found - AT : 0), status == LS_OK ? "" : world->error.message);
    check(status == LS_OK && expected == (known && !late ? found : 0), "next change", detail);
    snprintf(detail, sizeof detail, "%s s%zu row %zu: %.1f s", seed, definition, row, took);
    check(took < 5, "next change takes", detail);
}

static void check_kernels(world *world, int64_t at, const char *seed)
{
    ls_score walked[MOST_SCORES], counted;
    ls_clock clock = {at, at, at, at};
    ls_result *result = NULL;
    ls_job *job;
    char detail[512];
    int status = ls_score_all(world->plan, world->dataset, at, 1, &result, &job, &world->error);
    status = status == LS_OK ? run(job, &world->error) : status;
    check(status == LS_OK, seed, world->error.message);
    for (size_t i = 0; i < world->plan->count && status == LS_OK; i++) {
        ls_object object = world->plan->definitions[i].object;
        for (size_t row = 0; row < (size_t)rows_of[object] && status == LS_OK; row++) {
            status = ls_walk_record(world->walk, object, row, &clock, walked, &world->error);
            status = status == LS_OK ? ls_result_get(result, i, row, &counted) : status;
            snprintf(detail, sizeof detail, "%s s%zu row %zu at %lld: walk %lld%s, kernels %lld%s",
                     seed, i, row, (long long)(at - AT), (long long)walked[i].value,
                     walked[i].scored ? " scored" : "", (long long)counted.value,
                     counted.scored ? " scored" : "");
            check(status == LS_OK && !differs(&walked[i], &counted) &&
                      walked[i].scored == counted.scored && walked[i].value == counted.value &&
                      walked[i].fit == counted.fit && walked[i].engagement == counted.engagement,
                  "kernels", detail);
        }
    }
    ls_result_close(result);
}

static void test_made_up(uint64_t seed)
{
    char name[32];
    world world;
    ls_walk *other = NULL; /* next_change_at remembers what the looks by second must not see */
    inputs inputs = make_up(seed);
    snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
    int status = open_world(&world, NULL, &inputs);
    if (status == LS_OK) {
        status = ls_walk_new(world.plan, world.dataset, &other, &world.error);
    }
    check(status == LS_OK, name, world.error.message);
    for (size_t i = 0; status == LS_OK && i < world.plan->count; i++) {
        size_t row = (size_t)pick(rows_of[world.plan->definitions[i].object]);
        check_next(&world, other, i, row, 400, name);
        free(explain(&world, world.plan->definitions[i].object, row, AT));
    }
    for (int i = 0; status == LS_OK && i < 3; i++) {
        check_kernels(&world, AT + i * 23, name);
    }
    ls_walk_close(other);
    close_world(&world);
}

/* ---- memory that runs out -------------------------------------------------------------------- */

static int go_through(const ls_allocator *allocator, const inputs *inputs)
{
    world world;
    ls_score scores[MOST_SCORES];
    ls_clock clock = {AT, AT, AT, AT};
    bool known;
    int64_t at;
    int status = open_world(&world, allocator, inputs);
    for (int object = 0; object < 3 && status == LS_OK; object++) {
        status = ls_walk_record(world.walk, (ls_object)object, 0, &clock, scores, &world.error);
    }
    for (size_t i = 0; status == LS_OK && i < world.plan->count; i++) {
        status = ls_next_change(world.walk, world.plan->definitions[i].object, 0, AT, i, &known,
                                &at, &world.error);
    }
    for (int object = 0; object < 3 && status == LS_OK; object++) {
        status = ls_explain(world.plan, world.dataset, (ls_object)object, 0, AT, ignore, NULL,
                            &world.error);
    }
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
    uint64_t tries = count > 1 ? strtoull(values[1], NULL, 10) : 300;
    uint64_t first = count > 2 ? strtoull(values[2], NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + tries && failures < 10; seed++) {
        test_made_up(seed);
    }
    test_allocation(3);
    test_allocation(5);
    fprintf(stderr, "%d checks, %d failed\n", checks, failures);
    return failures != 0;
}
