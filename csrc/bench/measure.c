/* Runs a command and says what it cost: `measure FILE COMMAND...` writes to FILE "SECONDS
 * CPU_SECONDS PEAK_KB" (wall clock, user and system time, most memory held) and exits as the
 * command does. */
#define _DEFAULT_SOURCE /* wait4: the cost of one child */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

int main(int count, char **values)
{
    if (count < 3) {
        fprintf(stderr, "usage: %s FILE COMMAND...\n", values[0]);
        return 2;
    }
    struct rusage usage;
    int status;
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(values[2], values + 2);
        perror(values[2]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 1;
    }
    double wall = now() - start;
    FILE *file = fopen(values[1], "w");
    if (file == NULL) {
        perror(values[1]);
        return 1;
    }
    fprintf(file, "%.6f %.6f %ld\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime),
            usage.ru_maxrss);
    return fclose(file) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
