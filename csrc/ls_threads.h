/* Threads that live as long as one call. */
#ifndef LS_THREADS_H
#define LS_THREADS_H

#include "ls_core.h"

/* Runs work(user, 0), .. , work(user, count - 1) at the same time, the first on the caller's
 * thread. One that does not start is left out: work must share itself out by what is left to do. */
void ls_threads_run(unsigned count, void (*work)(void *user, unsigned thread), void *user);
/* The error for a number of threads that is not 1 to LS_MAX_THREADS. */
int ls_fail_threads(unsigned threads, ls_error *error);
#endif
