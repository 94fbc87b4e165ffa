/* What the machine gives, as bounds for what is measured: memory read in order, memory written for
 * the first time (which the system clears a page at a time), and a file's bytes read and thrown
 * away.
 *
 *   machine FILE */
#include "clock.h"

#include <stdint.h>
#include <stdlib.h>

#define MEMORY ((size_t)512 << 20)
#define PIECE ((size_t)1 << 18) /* of a file */

static uint64_t sum(const uint64_t *words, size_t count)
{
    uint64_t sums[4] = {0};
    for (size_t i = 0; i < count; i += 4) {
        sums[0] += words[i];
        sums[1] += words[i + 1];
        sums[2] += words[i + 2];
        sums[3] += words[i + 3];
    }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

static int time_memory(void)
{
    uint64_t *words = malloc(MEMORY);
    if (words == NULL) {
        return 1;
    }
    bench_clock start = bench_start();
    for (size_t i = 0; i < MEMORY / sizeof *words; i++) {
        words[i] = i;
    }
    bench_stop(start, "touch", 1, 1);
    uint64_t right = sum(words, MEMORY / sizeof *words);
    start = bench_start();
    uint64_t again = sum(words, MEMORY / sizeof *words);
    bench_stop(start, "stream", 1, 1);
    printf("count stream %zu\n", MEMORY);
    free(words);
    return again != right;
}

static int time_file(const char *path)
{
    static char piece[PIECE];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 1;
    }
    setvbuf(file, NULL, _IONBF, 0);
    size_t bytes = 0, read;
    bench_clock start = bench_start();
    while ((read = fread(piece, 1, sizeof piece, file)) != 0) {
        bytes += read;
    }
    bench_stop(start, "file", 1, 1);
    printf("count file %zu\n", bytes);
    return fclose(file);
}

int main(int count, char **values)
{
    if (count != 2) {
        fputs("usage: machine FILE\n", stderr);
        return 1;
    }
    return time_memory() || time_file(values[1]);
}
