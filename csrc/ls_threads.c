#include "ls_threads.h"

#include <pthread.h>

typedef struct helper {
    void (*work)(void *user, unsigned thread);
    void *user;
    pthread_t thread;
    unsigned number;
    bool started;
} helper;

static void *help(void *argument)
{
    helper *helper = argument;
    helper->work(helper->user, helper->number);
    return NULL;
}

void ls_threads_run(unsigned count, void (*work)(void *user, unsigned thread), void *user)
{
    helper helpers[LS_MAX_THREADS];
    for (unsigned i = 1; i < count; i++) {
        helpers[i] = (helper){.work = work, .user = user, .number = i};
        helpers[i].started = pthread_create(&helpers[i].thread, NULL, help, &helpers[i]) == 0;
    }
    work(user, 0);
    for (unsigned i = 1; i < count; i++) {
        if (helpers[i].started)
            pthread_join(helpers[i].thread, NULL);
    }
}

int ls_fail_threads(unsigned threads, ls_error *error)
{
    return ls_fail(error, LS_ERROR_USAGE, "threads: expected 1 to %d, got %u", LS_MAX_THREADS,
                   threads);
}
