#include "ls_threads.h"

/* How often a thread looks whether it is to go on before it sleeps: about the time that it takes to
 * wake one, some 20 us. */
#define LOOKS 1000

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

/* ---- rounds ---------------------------------------------------------------------------------- */

static void take_tasks(ls_crew *crew, unsigned thread)
{
    for (;;) {
        size_t task = atomic_fetch_add(&crew->next, 1);
        if (task >= crew->task_count)
            return;
        crew->task(crew->user, thread, task);
    }
}

LS_INLINE void rest(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits a while for a number that others change. */
static void await_other(const _Atomic unsigned *number, unsigned than)
{
    for (unsigned i = 0; i < LOOKS && atomic_load(number) == than; i++)
        rest();
}

static void await_least(const _Atomic unsigned *number, unsigned least)
{
    for (unsigned i = 0; i < LOOKS && atomic_load(number) < least; i++)
        rest();
}

static void *serve(void *argument)
{
    ls_crew *crew = argument;
    unsigned seen = 0;
    pthread_mutex_lock(&crew->mutex);
    const unsigned thread = ++crew->started;
    for (;;) {
        pthread_mutex_unlock(&crew->mutex);
        await_other(&crew->round, seen);
        pthread_mutex_lock(&crew->mutex);
        while (crew->round == seen && !crew->closing)
            pthread_cond_wait(&crew->begun, &crew->mutex);
        if (crew->closing)
            break;
        seen = crew->round;
        pthread_mutex_unlock(&crew->mutex);
        take_tasks(crew, thread);
        pthread_mutex_lock(&crew->mutex);
        crew->idle++;
        pthread_cond_signal(&crew->ended);
    }
    pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

void ls_crew_start(ls_crew *crew, unsigned threads,
                   void (*task)(void *user, unsigned thread, size_t task), void *user)
{
    crew->task = task;
    crew->user = user;
    atomic_init(&crew->round, 0);
    atomic_init(&crew->idle, 0);
    crew->started = 0;
    crew->closing = false;
    crew->count = 0;
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->begun, NULL);
    pthread_cond_init(&crew->ended, NULL);
    while (crew->count + 1 < threads &&
           pthread_create(&crew->threads[crew->count], NULL, serve, crew) == 0)
        crew->count++;
}

void ls_crew_begin(ls_crew *crew, size_t tasks)
{
    pthread_mutex_lock(&crew->mutex);
    crew->task_count = tasks;
    atomic_store(&crew->next, 0);
    crew->idle = 0;
    crew->round++;
    pthread_cond_broadcast(&crew->begun);
    pthread_mutex_unlock(&crew->mutex);
}

void ls_crew_end(ls_crew *crew)
{
    take_tasks(crew, 0);
    await_least(&crew->idle, crew->count);
    pthread_mutex_lock(&crew->mutex);
    while (crew->idle < crew->count)
        pthread_cond_wait(&crew->ended, &crew->mutex);
    pthread_mutex_unlock(&crew->mutex);
}

void ls_crew_stop(ls_crew *crew)
{
    pthread_mutex_lock(&crew->mutex);
    crew->closing = true;
    pthread_cond_broadcast(&crew->begun);
    pthread_mutex_unlock(&crew->mutex);
    for (unsigned i = 0; i < crew->count; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_mutex_destroy(&crew->mutex);
    pthread_cond_destroy(&crew->begun);
    pthread_cond_destroy(&crew->ended);
}

int ls_fail_threads(unsigned threads, ls_error *error)
{
    return ls_fail(error, LS_ERROR_USAGE, "threads: expected 1 to %d, got %u", LS_MAX_THREADS,
                   threads);
}
