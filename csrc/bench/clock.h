/* What the bench's programs share: clocks, and how they tell what they found. A line of output is
 * "time NAME THREADS WALL CPU" (seconds), "count NAME NUMBER" or "sum NAME VALUE BY_ROW". */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdio.h>
#include <time.h>

typedef struct bench_clock {
    double wall, cpu;
} bench_clock;

static inline double bench_read(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline bench_clock bench_start(void)
{
    return (bench_clock){bench_read(CLOCK_MONOTONIC), bench_read(CLOCK_PROCESS_CPUTIME_ID)};
}

/* calls: how often it was done in between. */
static inline void bench_lap(bench_clock start, bench_clock stop, const char *name,
                             unsigned threads, double calls)
{
    printf("time %s %u %.9f %.9f\n", name, threads, (stop.wall - start.wall) / calls,
           (stop.cpu - start.cpu) / calls);
    fflush(stdout);
}

static inline void bench_stop(bench_clock start, const char *name, unsigned threads, double calls)
{
    bench_lap(start, bench_start(), name, threads, calls);
}
#endif
