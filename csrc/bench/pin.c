/* Pins the threads of a program, each to a core of its own: to be loaded before it (LD_PRELOAD). A
 * scheduler may leave the threads of a short run on one core, and then two look like one.
 *
 * When the first thread starts another it gets the first core of those that the process may use
 * (taskset); those that it starts get the others in turn. With one core nothing is done. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#define MOST_CORES 64

static int cores[MOST_CORES];
static int core_count;
static unsigned started;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pin(pthread_t thread, int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    pthread_setaffinity_np(thread, sizeof set, &set);
}

static void pin_first(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return;
    }
    for (int core = 0; core < CPU_SETSIZE && core_count < MOST_CORES; core++) {
        if (CPU_ISSET(core, &set)) {
            cores[core_count++] = core;
        }
    }
    if (core_count > 1) {
        pin(pthread_self(), cores[0]);
    }
}

typedef int (*creator)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    creator create;
    pthread_once(&once, pin_first);
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    int status = create(thread, attributes, run, argument);
    if (status == 0 && core_count > 1) {
        pin(*thread, cores[1 + started++ % (unsigned)(core_count - 1)]);
    }
    return status;
}
