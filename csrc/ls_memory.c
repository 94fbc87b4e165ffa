/* The context, its counted memory, arenas, buffers, errors, and the dispatch of jobs.
 *
 * Every byte the core holds passes through ls_reallocate, which is where the limit is kept: the
 * count may never pass max_memory, and it is back at the size of the context itself once all
 * objects are closed. Everything in csrc/ calls this file; it calls only the allocator. */
#if defined(__linux__)
#define _GNU_SOURCE /* mremap */
#endif
#include "ls_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

/* Not where a checker watches the bounds of what malloc gives. */
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#define LS_MAPS_BLOCKS 1
#include <sys/mman.h>
/* From so many bytes on a block is a mapping of its own. */
#define LARGE_BLOCK ((size_t)2 * 1024 * 1024)
#define PAGE ((size_t)4096)
#endif

/* ---- context --------------------------------------------------------------------------------- */

static void *reallocate_small(void *block, size_t size)
{
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

#if defined(LS_MAPS_BLOCKS)
static bool is_mapped(const void *block, size_t size)
{
    return block != NULL && size >= LARGE_BLOCK;
}

static size_t whole_pages(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

/* more: further flags. */
static void *map_block(size_t size, int more)
{
    if (size > SIZE_MAX - PAGE)
        return NULL;
    void *block = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    return block;
}

/* The system cannot move what was made of several mappings: that is copied. */
static void *resize_mapped(void *block, size_t old_size, size_t size)
{
    if (size > SIZE_MAX - PAGE)
        return NULL;
    if (whole_pages(old_size) == whole_pages(size))
        return block;
    void *moved = mremap(block, whole_pages(old_size), whole_pages(size), MREMAP_MAYMOVE);
    if (moved != MAP_FAILED)
        return moved;
    moved = map_block(size, 0);
    if (moved != NULL) {
        memcpy(moved, block, old_size < size ? old_size : size);
        munmap(block, whole_pages(old_size));
    }
    return moved;
}

/* Large blocks are mappings of their own: what is freed is the system's again at once, whatever was
 * allocated after it. Large pages are not asked for: on guests whose host takes free ones back they
 * cost more than they save. */
static void *reallocate_with_malloc(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    const bool was = is_mapped(block, old_size), is = new_size >= LARGE_BLOCK;
    if (was && is)
        return resize_mapped(block, old_size, new_size);
    if (!was && !is)
        return reallocate_small(block, new_size);
    void *moved = is ? map_block(new_size, 0) : new_size != 0 ? malloc(new_size) : NULL;
    if (moved == NULL && new_size != 0)
        return NULL;
    if (moved != NULL && block != NULL)
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
    if (was)
        munmap(block, whole_pages(old_size));
    else
        free(block);
    return moved;
}
#else
static void *reallocate_with_malloc(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    return reallocate_small(block, new_size);
}
#endif

int ls_context_new(const ls_allocator *allocator, size_t max_memory, ls_context **out)
{
    if (out == NULL)
        return LS_ERROR_USAGE;
    *out = NULL;
    ls_allocator chosen = {reallocate_with_malloc, NULL};
    if (allocator != NULL)
        chosen = *allocator;
    if (chosen.reallocate == NULL)
        return LS_ERROR_USAGE;
    if (max_memory != 0 && max_memory < sizeof(ls_context))
        return LS_ERROR_MEMORY;
    ls_context *context = chosen.reallocate(chosen.user, NULL, 0, sizeof *context);
    if (context == NULL)
        return LS_ERROR_MEMORY;
    *context = (ls_context){.allocator = chosen,
                            .max_memory = max_memory,
                            .memory = sizeof *context,
                            .peak = sizeof *context,
                            .references = 1};
    *out = context;
    return LS_OK;
}

void ls_context_retain(ls_context *context)
{
    context->references++;
}

void ls_context_release(ls_context *context)
{
    if (--context->references != 0)
        return;
    ls_allocator allocator = context->allocator; /* outlives the block it frees */
    allocator.reallocate(allocator.user, context, sizeof *context, 0);
}

void ls_context_close(ls_context *context)
{
    if (context != NULL)
        ls_context_release(context);
}

size_t ls_context_memory(const ls_context *context)
{
    return context->memory;
}

size_t ls_context_peak(const ls_context *context)
{
    return context->peak;
}

void ls_context_portable(ls_context *context, bool portable)
{
    context->portable = portable;
}

const char *ls_version(void)
{
    return LS_VERSION;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool within_limit(const ls_context *context, size_t old_size, size_t size)
{
    size_t others = context->memory - old_size;
    size_t limit = context->max_memory != 0 ? context->max_memory : SIZE_MAX;
    /* Shrinking is always allowed: a context never holds more than its limit. */
    return size <= old_size || (others <= limit && size <= limit - others);
}

static void count_memory(ls_context *context, size_t old_size, size_t size)
{
    context->memory = context->memory - old_size + size;
    if (context->memory > context->peak)
        context->peak = context->memory;
}

void *ls_reallocate(ls_context *context, void *block, size_t old_size, size_t size)
{
    if (size == 0) {
        ls_free(context, block, old_size);
        return NULL;
    }
    if (block == NULL)
        old_size = 0;
    if (LS_UNLIKELY(!within_limit(context, old_size, size))) {
        context->refused = true;
        return NULL;
    }
    void *moved = context->allocator.reallocate(context->allocator.user, block, old_size, size);
    if (LS_UNLIKELY(moved == NULL))
        return NULL;
    count_memory(context, old_size, size);
    return moved;
}

void *ls_allocate(ls_context *context, size_t size)
{
    return ls_reallocate(context, NULL, 0, size);
}

/* A mapping is zero as it comes; its pages are then the work of who first writes them, which may be
 * many threads. */
static bool is_new_mapping(const ls_context *context, size_t size)
{
#if defined(LS_MAPS_BLOCKS)
    return context->allocator.reallocate == reallocate_with_malloc && size >= LARGE_BLOCK;
#else
    (void)context;
    (void)size;
    return false;
#endif
}

void *ls_allocate_whole(ls_context *context, size_t size)
{
#if defined(LS_MAPS_BLOCKS)
    if (is_new_mapping(context, size) && within_limit(context, 0, size)) {
        void *block = map_block(size, MAP_POPULATE);
        if (block != NULL)
            count_memory(context, 0, size);
        return block;
    }
#endif
    return ls_allocate(context, size);
}

void *ls_reallocate_zero(ls_context *context, void *block, size_t old_size, size_t size)
{
    char *moved = ls_reallocate(context, block, old_size, size);
    if (moved == NULL || old_size >= size)
        return moved;
    size_t end = size; /* of what may not be zero */
#if defined(LS_MAPS_BLOCKS)
    if (is_new_mapping(context, old_size))
        end = whole_pages(old_size);
    else if (is_new_mapping(context, size))
        end = old_size;
#endif
    if (end > old_size)
        memset(moved + old_size, 0, (end < size ? end : size) - old_size);
    return moved;
}

void ls_populate(const ls_context *context, void *block, size_t size, size_t from, size_t to)
{
#if defined(LS_MAPS_BLOCKS) && defined(MADV_POPULATE_WRITE)
    from = whole_pages(from);
    to = to < size ? to / PAGE * PAGE : whole_pages(size);
    if (is_new_mapping(context, size) && from < to)
        (void)madvise((char *)block + from, to - from, MADV_POPULATE_WRITE);
#else
    (void)context;
    (void)block;
    (void)size;
    (void)from;
    (void)to;
#endif
}

void *ls_allocate_zero(ls_context *context, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *block = ls_allocate(context, count * size);
    if (block != NULL && !is_new_mapping(context, count * size))
        memset(block, 0, count * size);
    return block;
}

void ls_free(ls_context *context, void *block, size_t size)
{
    if (block == NULL)
        return;
    context->memory -= size;
    context->allocator.reallocate(context->allocator.user, block, size, 0);
}

#if defined(LS_MAPS_BLOCKS)
size_t ls_free_into(ls_context *context, void *block, size_t size, void *into, size_t into_size,
                    size_t from)
{
    const size_t at = whole_pages(from), end = whole_pages(into_size);
    if (context->allocator.reallocate != reallocate_with_malloc || !is_mapped(block, size) ||
        !is_mapped(into, into_size) || at >= end) {
        ls_free(context, block, size);
        return at < end && from != 0 ? from : into_size;
    }
    char *to = (char *)into + at;
    size_t whole = whole_pages(size), moved = whole < end - at ? whole : end - at;
    if (mremap(block, moved, moved, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
        ls_free(context, block, size);
        /* what was there may be gone */
        bool there = mmap(to, moved, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
        return there ? into_size : 0;
    }
    if (moved < whole)
        munmap((char *)block + moved, whole - moved);
    context->memory -= size;
    return at + moved < into_size ? at + moved : into_size;
}
#else
size_t ls_free_into(ls_context *context, void *block, size_t size, void *into, size_t into_size,
                    size_t from)
{
    (void)into;
    (void)from;
    ls_free(context, block, size);
    return into_size;
}
#endif

/* Half as much again, so that adding items one by one costs constant time each; SIZE_MAX where that
 * cannot be counted. */
static size_t next_capacity(size_t capacity, size_t needed, size_t item_size)
{
    size_t first = item_size < 64 ? 512 / (item_size + 1) : 8;
    size_t grown = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity + capacity / 2;
    if (grown < first)
        grown = first;
    return grown < needed ? needed : grown;
}

int ls_grow(ls_context *context, void *array_pointer, size_t *capacity, size_t needed,
            size_t item_size)
{
    if (needed <= *capacity)
        return LS_OK;
    if (context == NULL)
        return LS_ERROR_MEMORY;
    size_t items = next_capacity(*capacity, needed, item_size);
    if (items > SIZE_MAX / item_size)
        return LS_ERROR_MEMORY;
    void *array; /* copied: the caller's pointer has its own type */
    memcpy(&array, array_pointer, sizeof array);
    array = ls_reallocate(context, array, *capacity * item_size, items * item_size);
    if (array == NULL)
        return LS_ERROR_MEMORY;
    memcpy(array_pointer, &array, sizeof array);
    *capacity = items;
    return LS_OK;
}

/* ---- arena ----------------------------------------------------------------------------------- */

#define ARENA_ALIGNMENT 16
#define ARENA_FIRST_BLOCK ((size_t)1024)
#define ARENA_LAST_BLOCK                                                                           \
    ((size_t)256 * 1024) /* blocks double up to this, so waste stays bounded                       \
                          */

/* A block's data follows it; the first block of the list is the one that is being filled. */
struct ls_arena_block {
    struct ls_arena_block *next;
    size_t size;  /* of the whole block, for the count of memory */
    size_t start; /* of the next allocation, from the block's own address */
};

/* Bytes from `block` to the first aligned address at or after `start`: the caller's allocator need
 * not align to 16. */
static size_t align_start(const struct ls_arena_block *block, size_t start)
{
    uintptr_t address = (uintptr_t)block + start;
    return start + (size_t)(-address & (ARENA_ALIGNMENT - 1));
}

static struct ls_arena_block *new_arena_block(ls_context *context, size_t size)
{
    struct ls_arena_block *block = ls_allocate(context, size);
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->size = size;
    block->start = align_start(block, sizeof *block);
    return block;
}

/* Adds a block that has room for `size` bytes; a big one goes behind the block being filled, so
 * that the room left there is not lost. */
static struct ls_arena_block *add_arena_block(ls_arena *arena, size_t size)
{
    struct ls_arena_block *head = arena->blocks;
    size_t needed = size + sizeof *head + ARENA_ALIGNMENT;
    size_t usual = ARENA_FIRST_BLOCK;
    while (head != NULL && usual <= head->size && usual < ARENA_LAST_BLOCK)
        usual *= 2;
    bool big = head != NULL && needed > usual / 4;
    struct ls_arena_block *block =
        new_arena_block(arena->context, big || needed > usual ? needed : usual);
    if (block == NULL)
        return NULL;
    if (big) {
        block->next = head->next;
        head->next = block;
    } else {
        block->next = head;
        arena->blocks = block;
    }
    return block;
}

void *ls_arena_allocate(ls_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    /* Never nothing, so that NULL always means no memory. */
    size = (size + (size == 0) + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    struct ls_arena_block *block = arena->blocks;
    if (block == NULL || block->start > block->size || size > block->size - block->start) {
        block = add_arena_block(arena, size);
        if (block == NULL)
            return NULL;
    }
    char *start = (char *)block + block->start;
    block->start += size;
    return memset(start, 0, size);
}

char *ls_arena_text(ls_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = ls_arena_allocate(arena, length + 1);
    if (copy != NULL && length != 0)
        memcpy(copy, text, length);
    return copy;
}

void ls_arena_free(ls_arena *arena)
{
    struct ls_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct ls_arena_block *next = block->next;
        ls_free(arena->context, block, block->size);
        block = next;
    }
    arena->blocks = NULL;
}

/* ---- buffer ---------------------------------------------------------------------------------- */

void ls_buffer_add(ls_buffer *buffer, const char *text, size_t length)
{
    if (buffer->failed || length == 0)
        return;
    if (LS_UNLIKELY(length > buffer->capacity - buffer->length)) {
        if (length > SIZE_MAX - buffer->length ||
            ls_grow(buffer->context, &buffer->data, &buffer->capacity, buffer->length + length,
                    1) != LS_OK) {
            buffer->failed = true;
            return;
        }
    }
    memcpy(buffer->data + buffer->length, text, length);
    buffer->length += length;
}

void ls_buffer_add_text(ls_buffer *buffer, const char *text)
{
    ls_buffer_add(buffer, text, strlen(text));
}

void ls_buffer_free(ls_buffer *buffer)
{
    ls_free(buffer->context, buffer->data, buffer->capacity);
    buffer->data = NULL;
    buffer->length = buffer->capacity = 0;
    buffer->failed = false;
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* Ends a text that was cut at `length` bytes before the character that the cut went through. */
static void cut_at_character(char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
        return; /* it ends in ASCII, or is no UTF-8: make_printable sees to it */
    start--;
    utf8proc_int32_t character;
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text + start;
    if (utf8proc_iterate(bytes, (utf8proc_ssize_t)(length - start), &character) < 0)
        text[start] = '\0';
}

/* Turns control bytes and bytes that are no UTF-8 into '?': messages quote data, and must stay one
 * line and valid text all the same. */
static void make_printable(char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        unsigned char byte = (unsigned char)text[i];
        utf8proc_int32_t character;
        utf8proc_ssize_t taken = 1;
        if (byte >= 0x80)
            taken = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                     (utf8proc_ssize_t)(length - i), &character);
        if (taken < 1 || byte < 0x20 || byte == 0x7f) {
            text[i] = '?';
            taken = 1;
        }
        i += (size_t)taken;
    }
}

/* Formats into text[start, size) and answers the new length. */
static size_t format_text(char *text, size_t start, size_t size, const char *format, va_list values)
    LS_PRINTF(4, 0);
static size_t format_text(char *text, size_t start, size_t size, const char *format, va_list values)
{
    int wanted = vsnprintf(text + start, size - start, format, values);
    if (wanted < 0) {
        text[start] = '\0';
        return start;
    }
    if ((size_t)wanted < size - start)
        return start + (size_t)wanted;
    cut_at_character(text, size - 1);
    return strlen(text);
}

static size_t add_format(char *text, size_t start, size_t size, const char *format, ...)
    LS_PRINTF(4, 5);
static size_t add_format(char *text, size_t start, size_t size, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    size_t length = format_text(text, start, size, format, values);
    va_end(values);
    return length;
}

/* Writes "file:line:field: " (without a file "line 12:3: ") and answers its length. */
static size_t write_place(ls_error *error)
{
    char *text = error->message;
    size_t size = sizeof error->message;
    size_t length = add_format(text, 0, size, "%s", error->file);
    if (error->line != 0)
        length = add_format(text, length, size, length != 0 ? ":%llu" : "line %llu",
                            (unsigned long long)error->line);
    if (error->column != 0)
        length = add_format(text, length, size, length != 0 ? ":%llu" : "field %llu",
                            (unsigned long long)error->column);
    return length != 0 ? add_format(text, length, size, ": ") : 0;
}

int ls_fail(ls_error *error, ls_status status, const char *format, ...)
{
    if (error == NULL)
        return status;
    error->status = status;
    error->line = error->column = 0;
    error->file[0] = '\0';
    va_list values;
    va_start(values, format);
    format_text(error->message, 0, sizeof error->message, format, values);
    va_end(values);
    make_printable(error->message);
    return status;
}

int ls_fail_at(ls_error *error, ls_status status, const char *file, uint64_t line, uint64_t column,
               const char *format, ...)
{
    if (error == NULL)
        return status;
    error->status = status;
    error->line = line;
    error->column = column;
    add_format(error->file, 0, sizeof error->file, "%s", file != NULL ? file : "");
    make_printable(error->file);
    size_t length = write_place(error);
    va_list values;
    va_start(values, format);
    format_text(error->message, length, sizeof error->message, format, values);
    va_end(values);
    make_printable(error->message);
    return status;
}

int ls_fail_memory(ls_error *error)
{
    return ls_fail(error, LS_ERROR_MEMORY, "not enough memory");
}

/* ---- jobs ------------------------------------------------------------------------------------ */

int ls_job_step(ls_job *job, uint64_t budget, ls_error *error)
{
    if (job->done)
        return LS_OK;
    if (job->context != NULL)
        job->context->refused = false;
    int status = job->step(job, budget, error);
    job->done = status == LS_OK;
    if (status == LS_ERROR_MEMORY && job->context != NULL && job->context->refused)
        return ls_fail(error, LS_ERROR_MEMORY,
                       "not enough memory: the limit of %zu bytes is reached",
                       job->context->max_memory);
    return status;
}

void ls_job_progress(const ls_job *job, ls_progress *out)
{
    *out = job->progress;
}

void ls_job_close(ls_job *job)
{
    if (job != NULL)
        job->close(job);
}
