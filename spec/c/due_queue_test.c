/* The queue of due times does what a plain array does, whatever its size; and memory that runs out
 * leaves it as it was.
 *
 * Exits 0 if all is as expected. */
#include "ls_due_queue.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #truth);                  \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t state = 1;

static size_t any(size_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((state >> 33) % count);
}

static int64_t any_time(void)
{
    switch (any(6)) {
    case 0: return INT64_MIN;
    case 1: return INT64_MAX;
    default: return (int64_t)any(50) - 10;
    }
}

static void check_all(const ls_due_queue *queue, const int64_t *plain, size_t count, int64_t at)
{
    int64_t soonest = INT64_MAX;
    size_t row = 0;
    for (size_t i = 0; i < count; i++) {
        CHECK(ls_due_queue_get(queue, i) == plain[i]);
        soonest = ls_min(soonest, plain[i]);
    }
    CHECK(ls_due_queue_soonest(queue) == soonest);
    for (size_t i = 0; i < count; i++) {
        if (plain[i] <= at) {
            CHECK(ls_due_queue_next(queue, row, at) == i);
            row = i + 1;
        }
    }
    CHECK(ls_due_queue_next(queue, row, at) == LS_NONE_DUE);
}

static void check_sizes(ls_context *context, size_t most)
{
    ls_due_queue queue = {.context = context};
    int64_t *plain = malloc(most * sizeof *plain);
    size_t count = 0;
    CHECK(plain != NULL && ls_due_queue_next(&queue, 0, INT64_MAX) == LS_NONE_DUE);
    CHECK(ls_due_queue_soonest(&queue) == INT64_MAX);
    while (count < most) {
        size_t added = 1 + any(most / 3 + 1);
        added = added < most - count ? added : most - count;
        CHECK(ls_due_queue_reserve(&queue, count + added) == LS_OK);
        for (size_t i = 0; i < added; i++) {
            plain[count++] = INT64_MAX;
        }
        for (int i = 0; i < 300; i++) {
            size_t row = any(count);
            plain[row] = any_time();
            ls_due_queue_set(&queue, row, plain[row]);
            if (i % 20 == 0) {
                check_all(&queue, plain, count, (int64_t)any(50) - 12);
            }
        }
        check_all(&queue, plain, count, INT64_MIN);
    }
    ls_due_queue_free(&queue);
    free(plain);
}

/* Rows that are due get later times while they are visited, as advancing does. */
static void check_visits(ls_context *context, size_t count)
{
    ls_due_queue queue = {.context = context};
    size_t due = 0, visited = 0;
    CHECK(ls_due_queue_reserve(&queue, count) == LS_OK);
    for (size_t row = 0; row < count; row++) {
        int64_t time = any(100) ? 1000 : 5;
        due += time == 5;
        ls_due_queue_set(&queue, row, time);
    }
    for (size_t row = 0; (row = ls_due_queue_next(&queue, row, 10)) != LS_NONE_DUE; row++) {
        CHECK(ls_due_queue_get(&queue, row) == 5);
        ls_due_queue_set(&queue, row, 20 + (int64_t)any(9));
        visited++;
    }
    CHECK(visited == due && ls_due_queue_next(&queue, 0, 10) == LS_NONE_DUE);
    ls_due_queue_free(&queue);
}

static void check_memory(void)
{
    for (size_t limit = 0; limit < 9000; limit += 64) {
        ls_context *context;
        CHECK(ls_context_new(NULL, 4096 + limit, &context) == LS_OK);
        ls_due_queue queue = {.context = context};
        size_t count = 0;
        while (ls_due_queue_reserve(&queue, count + 100) == LS_OK) {
            for (size_t row = count; row < count + 100; row++) {
                ls_due_queue_set(&queue, row, (int64_t)row);
            }
            count += 100;
        }
        CHECK(queue.count == count && ls_due_queue_soonest(&queue) == (count ? 0 : INT64_MAX));
        for (size_t row = 0; row < count; row++) {
            CHECK(ls_due_queue_get(&queue, row) == (int64_t)row);
        }
        ls_due_queue_free(&queue);
        ls_context_close(context);
    }
}

int main(void)
{
    static const size_t sizes[] = {1, 63, 64, 65, 200, 4095, 4096, 4097, 20000};
    ls_context *context;
    CHECK(ls_context_new(NULL, 0, &context) == LS_OK);
    const size_t before = ls_context_memory(context);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_sizes(context, sizes[i]);
    }
    check_visits(context, 300000);
    check_memory();
    CHECK(ls_context_memory(context) == before);
    ls_context_close(context);
    return 0;
}
