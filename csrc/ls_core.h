/* What every stage of the core shares: the context with its counted memory, errors, and small
 * helpers.
 *
 * Only the thread that called into the library allocates; worker threads inside a step work on
 * memory that was reserved before they started. */
#ifndef LS_CORE_H
#define LS_CORE_H

#include "leadscore.h"

#include <stdarg.h>
#include <string.h>

#if defined(__GNUC__)
#define LS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define LS_LIKELY(x) __builtin_expect(!!(x), 1)
#define LS_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LS_INLINE static inline __attribute__((always_inline))
__extension__ typedef __int128 ls_int128;
__extension__ typedef unsigned __int128 ls_uint128;
#else
#error "leadscore needs a compiler with 128-bit integers (gcc, clang)"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LS_BIG_ENDIAN 1
#else
#define LS_BIG_ENDIAN 0
#endif

#define LS_MILLION 1000000
/* The largest finished sum: 10^12 points. */
#define LS_MAX_SUM (INT64_C(1000000000000) * LS_MILLION)

struct ls_context {
    ls_allocator allocator;
    size_t max_memory, memory, peak;
    size_t references; /* the caller's and one per object */
    bool refused;      /* by the limit, since a job's last step began */
    uint64_t made;     /* numbers things that are made anew, so that no two are the same */
    bool portable;
};

void ls_context_retain(ls_context *context);
void ls_context_release(ls_context *context);

/* Resizes a block; NULL when there is no memory (the old block stays). size 0 frees and answers
 * NULL. The caller remembers the old size: that is how memory is counted. */
void *ls_reallocate(ls_context *context, void *block, size_t old_size, size_t size);
void *ls_allocate(ls_context *context, size_t size); /* not cleared */
/* The same for a block that is soon written all over: its memory may be made at once. */
void *ls_allocate_whole(ls_context *context, size_t size);
void *ls_allocate_zero(ls_context *context, size_t count, size_t size);
/* For a block of several parts: the next one, on cache lines of its own from those that are used.
 * Without a block, NULL: so the size is found. */
LS_INLINE void *ls_take_part(char *block, size_t *used, size_t size)
{
    void *part = block != NULL ? block + *used : NULL;
    *used += (size + 63) / 64 * 64;
    return part;
}
/* Resizes a block of which the first old_size bytes are kept; what is new is zero. */
void *ls_reallocate_zero(ls_context *context, void *block, size_t old_size, size_t size);
/* Bytes [from, to) of a block are soon written all over: their memory may be made at once. */
void ls_populate(const ls_context *context, void *block, size_t size, size_t from, size_t to);
void ls_free(ls_context *context, void *block, size_t size);
/* Frees a block; where that spares the system work, the memory it stood in becomes that of another
 * block, `into`, from byte `from` on, where nothing was written yet. Answers up to where `into` has
 * such memory (anything is in it); 0: that failed, and `into` must not be used but only freed. */
size_t ls_free_into(ls_context *context, void *block, size_t size, void *into, size_t into_size,
                    size_t from);

/* Grows an array so that it has room for `needed` items; *capacity counts items. LS_OK or
 * LS_ERROR_MEMORY. Without a context (NULL) it stays as large as it is. */
int ls_grow(ls_context *context, void *array_pointer, size_t *capacity, size_t needed,
            size_t item_size);

/* An arena: many small blocks, freed together. Zero-initialise with its context. */
typedef struct ls_arena {
    ls_context *context;
    struct ls_arena_block *blocks;
} ls_arena;
void *ls_arena_allocate(ls_arena *arena,
                        size_t size); /* 16-byte aligned, cleared; NULL: no memory */
char *ls_arena_text(ls_arena *arena, const char *text, size_t length); /* copied, ended by a zero */
void ls_arena_free(ls_arena *arena);

/* A text that grows. Zero-initialise with its context; ls_buffer_free when done. */
typedef struct ls_buffer {
    ls_context *context;
    char *data;
    size_t length, capacity;
    bool failed; /* an append found no memory: everything after it is dropped; check once at the end
                  */
} ls_buffer;
void ls_buffer_add(ls_buffer *buffer, const char *text, size_t length);
void ls_buffer_add_text(ls_buffer *buffer, const char *text);
void ls_buffer_free(ls_buffer *buffer);

typedef struct ls_string {
    const char *text;
    size_t length;
} ls_string;
LS_INLINE bool ls_string_equal(ls_string a, const char *text, size_t length)
{
    return a.length == length && (length == 0 || memcmp(a.text, text, length) == 0);
}

/* Fill the caller's error (may be NULL) and answer its status, so that `return ls_fail(...)` reads
 * well. The message is made of one line: control bytes of quoted data become '?'. */
int ls_fail(ls_error *error, ls_status status, const char *format, ...) LS_PRINTF(3, 4);
/* The same with a place: file, line, field (0: left out); the message then starts "file:line:field:
 * ". */
int ls_fail_at(ls_error *error, ls_status status, const char *file, uint64_t line, uint64_t column,
               const char *format, ...) LS_PRINTF(6, 7);
int ls_fail_memory(ls_error *error);

/* Jobs: the first member of every job's struct. */
struct ls_job {
    ls_context *context;
    int (*step)(ls_job *job, uint64_t budget, ls_error *error);
    void (*close)(ls_job *job); /* releases everything, the job itself too */
    ls_progress progress;
    bool done; /* step answered LS_OK: further steps answer LS_OK */
};

LS_INLINE int64_t ls_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
LS_INLINE int64_t ls_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
