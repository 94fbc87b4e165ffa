/* An allocator that counts, and fails when told: what C tests run operations with, so that each of
 * their allocations fails once. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct faults {
    size_t count;   /* requests since it was armed */
    size_t fail_at; /* which of them fails, from 1; 0: none */
    bool lasting;   /* all later ones fail too */
    bool failed;    /* some did */
    size_t bytes;   /* held now */
    size_t peak;    /* and the most so far */
} faults;

/* From the next request on: which of them fails. */
static inline void faults_arm(faults *state, size_t fail_at)
{
    state->count = 0;
    state->fail_at = fail_at;
    state->failed = false;
}

/* The function of an ls_allocator; user: the faults. A block always moves: whoever keeps its old
 * address is found out. */
static inline void *faults_reallocate(void *user, void *block, size_t old_size, size_t new_size)
{
    faults *state = user;
    if (new_size == 0) {
        free(block);
        state->bytes -= old_size;
        return NULL;
    }
    state->count++;
    if (state->fail_at != 0 &&
        (state->count == state->fail_at || (state->lasting && state->count > state->fail_at))) {
        state->failed = true;
        return NULL;
    }
    char *moved = malloc(new_size);
    if (moved == NULL)
        return NULL;
    if (block != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        free(block);
    }
    state->bytes += new_size - old_size;
    state->peak = state->bytes > state->peak ? state->bytes : state->peak;
    return moved;
}

#endif
