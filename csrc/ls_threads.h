/* Threads that live as long as one call. */
#ifndef LS_THREADS_H
#define LS_THREADS_H

#include "ls_core.h"

#include <pthread.h>
#include <stdatomic.h>

/* Runs work(user, 0), .. , work(user, count - 1) at the same time, the first on the caller's
 * thread. One that does not start is left out: work must share itself out by what is left to do. */
void ls_threads_run(unsigned count, void (*work)(void *user, unsigned thread), void *user);

/* Threads that share out the tasks of one round after another. */
typedef struct ls_crew {
    void (*task)(void *user, unsigned thread, size_t task);
    void *user;
    size_t task_count; /* of the round */
    _Atomic size_t next;
    _Atomic unsigned round, idle;
    unsigned started;
    bool closing;
    pthread_mutex_t mutex;
    pthread_cond_t begun, ended;
    unsigned count; /* of threads beside the caller's */
    pthread_t threads[LS_MAX_THREADS];
} ls_crew;
/* Starts so many threads, the caller's counted: it is number 0. Those that do not start leave their
 * part to the others. */
void ls_crew_start(ls_crew *crew, unsigned threads,
                   void (*task)(void *user, unsigned thread, size_t task), void *user);
/* The others begin with a round, the caller only at its end: what it does in between goes on
 * beside them. */
void ls_crew_begin(ls_crew *crew, size_t tasks);
void ls_crew_end(ls_crew *crew);
void ls_crew_stop(ls_crew *crew);

/* The error for a number of threads that is not 1 to LS_MAX_THREADS. */
int ls_fail_threads(unsigned threads, ls_error *error);
#endif
