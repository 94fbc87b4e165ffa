/* JSON: a tree read with the yajl library, and a writer.
 *
 * yajl does not check what its allocator answers, so it is given a pool that was reserved before
 * and cannot run out: one pass over the text (scan_text) measures all that yajl can ask for. It and
 * ls_utf8_valid see to what yajl lets through: invalid UTF-8, halves of surrogate pairs, vertical
 * tabs and form feeds as blanks. The tree and the keys seen are our own memory, whose failure ends
 * the parse by the way yajl offers. The plan reads definitions with it, the dataset NDJSON rows. */
#include "ls_json.h"

#include "ls_decimal.h"
#include "ls_text.h"
#include "ls_time.h"

#include <utf8proc.h>
#include <yajl/yajl_parse.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t line_of(const char *text, size_t offset)
{
    uint64_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static int fail_at_offset(ls_error *error, const char *text, size_t offset, const char *message)
{
    return ls_fail_at(error, LS_ERROR_INPUT, NULL, line_of(text, offset), 0, "%s", message);
}

/* ---- what yajl will need --------------------------------------------------------------------- */

typedef struct text_scan {
    const char *text;
    size_t length, at;
    size_t longest; /* bytes between quotes with an escape among them: yajl decodes in a buffer */
    size_t tail;    /* bytes of the last token if no blank or bracket ends it: yajl buffers it */
    const char *problem; /* NULL, or what is wrong at `at` */
} text_scan;

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit of \uXXXX at `at`, or -1. */
static int32_t code_unit(const text_scan *scan, size_t at)
{
    if (scan->length - at < 6 || scan->text[at] != '\\' || scan->text[at + 1] != 'u')
        return -1;
    int32_t unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = hex_value(scan->text[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Passes an escape; malformed ones are left to yajl, which knows them better. */
static void scan_escape(text_scan *scan)
{
    int32_t unit = code_unit(scan, scan->at);
    if (unit >= 0xd800 && unit < 0xdc00) {
        int32_t low = code_unit(scan, scan->at + 6);
        if (low >= 0xdc00 && low < 0xe000) {
            scan->at += 12;
            return;
        }
    }
    if (unit >= 0xd800 && unit < 0xe000)
        scan->problem = "half of a surrogate pair in a text";
    else
        scan->at += scan->length - scan->at < 2 ? 1 : 2;
}

/* From an opening quote to after the closing one. */
static void scan_quoted(text_scan *scan)
{
    size_t start = scan->at++;
    bool escaped = false;
    while (scan->at < scan->length && scan->text[scan->at] != '"' && scan->problem == NULL) {
        if (scan->text[scan->at] == '\\') {
            escaped = true;
            scan_escape(scan);
        } else {
            scan->at++;
        }
    }
    if (scan->problem != NULL)
        return;
    if (scan->at == scan->length) {
        scan->at = start;
        scan->problem = "a text without its closing quote";
        return;
    }
    scan->at++;
    if (escaped && scan->at - start > scan->longest)
        scan->longest = scan->at - start;
}

static void scan_text(text_scan *scan)
{
    size_t token = 0;
    while (scan->at < scan->length && scan->problem == NULL) {
        switch (scan->text[scan->at]) {
        case '"':
            scan_quoted(scan);
            token = scan->at;
            break;
        case '{':
        case '}':
        case '[':
        case ']':
        case ':':
        case ',':
        case ' ':
        case '\t':
        case '\r':
        case '\n': token = ++scan->at; break;
        case '\v':
        case '\f':
        case '\0': scan->problem = "a control character"; break;
        default: scan->at++;
        }
    }
    scan->tail = scan->at - token;
}

/* ---- yajl's pool ----------------------------------------------------------------------------- */

#define POOL_ALIGNMENT 16
#define POOL_HANDLES 4096 /* yajl's own structs, error texts and the headers of blocks */
#define YAJL_BUFFER 2048  /* the size its buffers start with; they double */
#define YAJL_STACK 128    /* the steps its stack of nesting grows by */

typedef struct yajl_pool {
    char *bytes;
    size_t size, used;
} yajl_pool;

/* Stands before each block: yajl's realloc is not told the old size. */
typedef struct pool_header {
    size_t capacity;
} pool_header;

/* A block that grows has powers of two for capacities, so all its copies together have less than
 * twice the last one's, which is less than twice what was asked for. */
static size_t growing_block(size_t size)
{
    return 4 * size + 64 * POOL_ALIGNMENT;
}

static bool pool_size(const text_scan *scan, size_t max_depth, size_t *out)
{
    size_t depth = max_depth < scan->length ? max_depth : scan->length;
    if (scan->length > SIZE_MAX / 64)
        return false;
    /* yajl's buffers double until there is more room than asked for. */
    size_t decoded = 2 * (scan->longest + 1) + YAJL_BUFFER;
    size_t tail = 2 * (scan->tail + 2) + YAJL_BUFFER;
    *out = POOL_HANDLES + growing_block(depth + 2 + YAJL_STACK) + growing_block(decoded) +
           growing_block(tail);
    return true;
}

static void *pool_allocate(void *user, size_t size)
{
    yajl_pool *pool = user;
    size_t capacity = POOL_ALIGNMENT;
    while (capacity < size)
        capacity *= 2;
    if (capacity + POOL_ALIGNMENT > pool->size - pool->used)
        return NULL; /* does not occur: see pool_size */
    char *block = pool->bytes + pool->used;
    ((pool_header *)(void *)block)->capacity = capacity;
    pool->used += capacity + POOL_ALIGNMENT;
    return block + POOL_ALIGNMENT;
}

static void *pool_reallocate(void *user, void *block, size_t size)
{
    if (block == NULL)
        return pool_allocate(user, size);
    const pool_header *header = (const void *)((const char *)block - POOL_ALIGNMENT);
    if (size <= header->capacity)
        return block;
    void *moved = pool_allocate(user, size);
    if (moved != NULL)
        memcpy(moved, block, header->capacity);
    return moved;
}

/* The pool is freed as a whole. */
static void pool_free(void *user, void *block)
{
    (void)user;
    (void)block;
}

/* ---- keys seen ------------------------------------------------------------------------------- */

/* The keys of a text's larger objects, by hash of the key seeded with its object's number, so that
 * an object of many keys costs no more than many objects of few. Open addressing. A small object's
 * members are looked through instead. */
#define SMALL_OBJECT 8

typedef struct key_slot {
    uint64_t hash;
    uint64_t object;
    const char *key; /* NULL: free */
    size_t length;
} key_slot;

typedef struct key_set {
    ls_context *context;
    key_slot *slots;
    size_t slot_count, count; /* a power of two; at most half of it in use */
} key_set;

static key_slot *find_key(const key_set *set, const key_slot *key)
{
    for (size_t i = key->hash & (set->slot_count - 1);; i = (i + 1) & (set->slot_count - 1)) {
        key_slot *slot = &set->slots[i];
        if (slot->key == NULL ||
            (slot->hash == key->hash && slot->object == key->object &&
             slot->length == key->length && memcmp(slot->key, key->key, key->length) == 0))
            return slot;
    }
}

static bool grow_keys(key_set *set)
{
    key_set grown = *set;
    grown.slot_count = set->slot_count != 0 ? set->slot_count * 2 : 64;
    grown.slots = ls_allocate_zero(set->context, grown.slot_count, sizeof *grown.slots);
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < set->slot_count; i++)
        if (set->slots[i].key != NULL)
            *find_key(&grown, &set->slots[i]) = set->slots[i];
    ls_free(set->context, set->slots, set->slot_count * sizeof *set->slots);
    *set = grown;
    return true;
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* An array or object that is open. */
typedef struct json_level {
    struct json_level *outer;
    ls_json *container, *last;
    ls_string key;   /* of the member that comes next */
    uint64_t object; /* its number */
} json_level;

typedef struct json_reader {
    ls_arena *arena;
    key_set keys;
    json_level *inner, *unused; /* levels open, levels to use again */
    ls_json *root;
    size_t depth, max_depth, values, max_values;
    uint64_t objects;
    /* Why a callback ended the parse: */
    bool no_memory;
    const char *problem;
    ls_string repeated; /* the key given twice */
} json_reader;

/* Callbacks answer 1 to go on; 0 ends the parse. */
static int stop_for_memory(json_reader *reader)
{
    reader->no_memory = true;
    return 0;
}

static int stop_for_input(json_reader *reader, const char *problem)
{
    reader->problem = problem;
    return 0;
}

/* A new value in its place in the tree; NULL when the reader says why not. */
static ls_json *add_value(json_reader *reader, ls_json_kind kind)
{
    if (reader->values == reader->max_values) {
        stop_for_input(reader, "too many values");
        return NULL;
    }
    ls_json *value = ls_arena_allocate(reader->arena, sizeof *value);
    if (value == NULL) {
        stop_for_memory(reader);
        return NULL;
    }
    reader->values++;
    value->kind = kind;
    json_level *level = reader->inner;
    if (level == NULL) {
        reader->root = value;
        return value;
    }
    value->key = level->key;
    if (level->last != NULL)
        level->last->next = value;
    else
        level->container->first = value;
    level->last = value;
    level->container->count++;
    return value;
}

static int add_text(json_reader *reader, ls_json_kind kind, const char *text, size_t length)
{
    ls_json *value = add_value(reader, kind);
    if (value == NULL)
        return 0;
    value->text.text = ls_arena_text(reader->arena, text, length);
    value->text.length = length;
    return value->text.text != NULL ? 1 : stop_for_memory(reader);
}

static int open_level(json_reader *reader, ls_json_kind kind)
{
    if (reader->depth == reader->max_depth)
        return stop_for_input(reader, "nested too deeply");
    ls_json *container = add_value(reader, kind);
    if (container == NULL)
        return 0;
    json_level *level = reader->unused;
    if (level != NULL)
        reader->unused = level->outer;
    else
        level = ls_arena_allocate(reader->arena, sizeof *level);
    if (level == NULL)
        return stop_for_memory(reader);
    memset(level, 0, sizeof *level);
    level->outer = reader->inner;
    level->container = container;
    level->object = reader->objects++;
    reader->inner = level;
    reader->depth++;
    return 1;
}

static int close_level(void *user)
{
    json_reader *reader = user;
    json_level *level = reader->inner;
    reader->inner = level->outer;
    level->outer = reader->unused;
    reader->unused = level;
    reader->depth--;
    return 1;
}

static int on_null(void *user)
{
    return add_value(user, LS_JSON_NULL) != NULL;
}

static int on_boolean(void *user, int value)
{
    return add_value(user, value ? LS_JSON_TRUE : LS_JSON_FALSE) != NULL;
}

static int on_number(void *user, const char *text, size_t length)
{
    return add_text(user, LS_JSON_NUMBER, text, length);
}

static int on_text(void *user, const unsigned char *text, size_t length)
{
    return add_text(user, LS_JSON_TEXT, (const char *)text, length);
}

static int on_object(void *user)
{
    return open_level(user, LS_JSON_OBJECT);
}

static int on_array(void *user)
{
    return open_level(user, LS_JSON_ARRAY);
}

static int stop_for_repeated(json_reader *reader, ls_string key)
{
    reader->repeated = key;
    return stop_for_input(reader, "a key given twice");
}

/* Notes a key of a larger object. */
static int note_key(json_reader *reader, uint64_t object, ls_string key)
{
    if (reader->keys.count >= reader->keys.slot_count / 2 && !grow_keys(&reader->keys))
        return stop_for_memory(reader);
    uint64_t hash = XXH3_64bits_withSeed(key.text, key.length, object);
    key_slot wanted = {hash, object, key.text, key.length};
    key_slot *slot = find_key(&reader->keys, &wanted);
    if (slot->key != NULL)
        return stop_for_repeated(reader, key);
    *slot = wanted;
    reader->keys.count++;
    return 1;
}

/* Whether a key is the only one of its kind; when the object becomes a larger one, its members
 * before are noted. */
static int check_key(json_reader *reader, const json_level *level, ls_string key)
{
    const ls_json *member = level->container->first;
    if (level->container->count < SMALL_OBJECT) {
        for (; member != NULL; member = member->next)
            if (ls_string_equal(member->key, key.text, key.length))
                return stop_for_repeated(reader, key);
        return 1;
    }
    bool first_look = level->container->count == SMALL_OBJECT;
    for (; first_look && member != NULL; member = member->next)
        if (!note_key(reader, level->object, member->key))
            return 0;
    return note_key(reader, level->object, key);
}

static int on_key(void *user, const unsigned char *text, size_t length)
{
    json_reader *reader = user;
    json_level *level = reader->inner;
    const char *copy = ls_arena_text(reader->arena, (const char *)text, length);
    if (copy == NULL)
        return stop_for_memory(reader);
    level->key = (ls_string){copy, length};
    return check_key(reader, level, level->key);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* yajl's own words: "parse error: premature EOF\n". */
static int fail_as_yajl(yajl_handle handle, uint64_t line, ls_error *error)
{
    const char *said = (const char *)yajl_get_error(handle, 0, NULL, 0);
    if (said == NULL)
        said = "unreadable";
    return ls_fail_at(error, LS_ERROR_INPUT, NULL, line, 0, "not JSON: %.*s",
                      (int)strcspn(said, "\n"), said);
}

static int fail_as_reader(const json_reader *reader, uint64_t line, ls_error *error)
{
    if (reader->no_memory)
        return ls_fail_memory(error);
    if (reader->repeated.text != NULL)
        return ls_fail_at(error, LS_ERROR_INPUT, NULL, line, 0, "%s: \"%.*s\"", reader->problem,
                          (int)ls_min((int64_t)reader->repeated.length, 60), reader->repeated.text);
    return ls_fail_at(error, LS_ERROR_INPUT, NULL, line, 0, "%s", reader->problem);
}

static int parse(json_reader *reader, const char *text, size_t length, yajl_pool *pool,
                 ls_error *error)
{
    static const yajl_callbacks callbacks = {on_null,     on_boolean, NULL,       NULL,
                                             on_number,   on_text,    on_object,  on_key,
                                             close_level, on_array,   close_level};
    yajl_alloc_funcs functions = {pool_allocate, pool_reallocate, pool_free, pool};
    yajl_handle handle = yajl_alloc(&callbacks, &functions, reader);
    yajl_config(handle, yajl_dont_validate_strings, 1); /* ls_json_read does, more strictly */
    yajl_status outcome = yajl_parse(handle, (const unsigned char *)text, length);
    size_t offset = yajl_get_bytes_consumed(handle);
    if (outcome == yajl_status_ok) {
        outcome = yajl_complete_parse(handle);
        offset = length;
    }
    int status = LS_OK;
    if (outcome == yajl_status_client_canceled)
        status = fail_as_reader(reader, line_of(text, offset), error);
    else if (outcome != yajl_status_ok)
        status = fail_as_yajl(handle, line_of(text, offset), error);
    yajl_free(handle);
    return status;
}

/* Where the first line that is no UTF-8 starts; no character reaches from one line to the next. */
static size_t invalid_line(const char *text, size_t length)
{
    for (size_t start = 0; start < length;) {
        const char *end = memchr(text + start, '\n', length - start);
        size_t size = end != NULL ? (size_t)(end - text) + 1 - start : length - start;
        if (!ls_utf8_valid(text + start, size))
            return start;
        start += size;
    }
    return length;
}

static int check_text(text_scan *scan, ls_error *error)
{
    scan_text(scan);
    if (scan->problem != NULL)
        return fail_at_offset(error, scan->text, scan->at, scan->problem);
    return LS_OK;
}

int ls_json_read(ls_arena *arena, const char *text, size_t length, size_t max_depth,
                 size_t max_values, ls_json **out, ls_error *error)
{
    *out = NULL;
    if (!ls_utf8_valid(text, length))
        return fail_at_offset(error, text, invalid_line(text, length), "not UTF-8");
    return ls_json_read_bytes(arena, text, length, max_depth, max_values, out, error);
}

int ls_json_read_bytes(ls_arena *arena, const char *text, size_t length, size_t max_depth,
                       size_t max_values, ls_json **out, ls_error *error)
{
    text_scan scan = {.text = text, .length = length};
    *out = NULL;
    int status = check_text(&scan, error);
    if (status != LS_OK)
        return status;
    ls_context *context = arena->context;
    yajl_pool pool = {0};
    if (!pool_size(&scan, max_depth, &pool.size))
        return ls_fail_memory(error);
    pool.bytes = ls_allocate(context, pool.size);
    if (pool.bytes == NULL)
        return ls_fail_memory(error);
    json_reader reader = {.arena = arena,
                          .keys = {.context = context},
                          .max_depth = max_depth,
                          .max_values = max_values};
    status = parse(&reader, text, length, &pool, error);
    ls_free(context, pool.bytes, pool.size);
    ls_free(context, reader.keys.slots, reader.keys.slot_count * sizeof *reader.keys.slots);
    if (status == LS_OK)
        *out = reader.root;
    return status;
}

const ls_json *ls_json_get(const ls_json *object, const char *key)
{
    if (object == NULL || object->kind != LS_JSON_OBJECT)
        return NULL;
    size_t length = strlen(key);
    const ls_json *member = object->first;
    while (member != NULL && !ls_string_equal(member->key, key, length))
        member = member->next;
    return member;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* What stands before and after every value. */
static void begin_value(ls_json_writer *writer)
{
    if (writer->comma)
        ls_buffer_add(writer->buffer, ",", 1);
    writer->comma = true;
}

static void add_value_text(ls_json_writer *writer, const char *text, size_t length)
{
    begin_value(writer);
    ls_buffer_add(writer->buffer, text, length);
}

void ls_json_open(ls_json_writer *writer, char bracket)
{
    add_value_text(writer, &bracket, 1);
    writer->comma = false;
}

void ls_json_close(ls_json_writer *writer, char bracket)
{
    ls_buffer_add(writer->buffer, &bracket, 1);
    writer->comma = true;
}

static void add_escape(ls_buffer *buffer, unsigned char c)
{
    static const char named[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(named, c) : NULL;
    if (found != NULL) {
        char escape[2] = {'\\', letters[found - named]};
        ls_buffer_add(buffer, escape, sizeof escape);
    } else {
        char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        ls_buffer_add(buffer, escape, sizeof escape);
    }
}

/* The length of the part at the start that needs no escape; 0 if the first byte does. */
static size_t plain_prefix(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            return i;
        utf8proc_int32_t character;
        utf8proc_ssize_t taken = 1;
        if (c >= 0x80)
            taken = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                     (utf8proc_ssize_t)(length - i), &character);
        if (taken < 1)
            return i;
        i += (size_t)taken;
    }
    return length;
}

static void add_quoted(ls_buffer *buffer, const char *text, size_t length)
{
    ls_buffer_add(buffer, "\"", 1);
    for (size_t i = 0; i < length;) {
        size_t plain = plain_prefix(text + i, length - i);
        ls_buffer_add(buffer, text + i, plain);
        i += plain;
        if (i == length)
            break;
        if ((unsigned char)text[i] >= 0x80)
            ls_buffer_add(buffer, "\xef\xbf\xbd", 3); /* U+FFFD for each invalid byte */
        else
            add_escape(buffer, (unsigned char)text[i]);
        i++;
    }
    ls_buffer_add(buffer, "\"", 1);
}

void ls_json_key(ls_json_writer *writer, const char *key)
{
    begin_value(writer);
    add_quoted(writer->buffer, key, strlen(key));
    ls_buffer_add(writer->buffer, ":", 1);
    writer->comma = false;
}

void ls_json_text(ls_json_writer *writer, const char *text, size_t length)
{
    begin_value(writer);
    add_quoted(writer->buffer, text, length);
}

void ls_json_points(ls_json_writer *writer, int64_t points)
{
    char text[LS_POINTS_TEXT];
    add_value_text(writer, text, ls_print_points(points, text));
}

void ls_json_integer(ls_json_writer *writer, int64_t number)
{
    char text[24], *end = text + sizeof text, *p = end;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (number < 0)
        *--p = '-';
    add_value_text(writer, p, (size_t)(end - p));
}

void ls_json_number(ls_json_writer *writer, double number)
{
    char text[LS_NUMBER_TEXT];
    add_value_text(writer, text, ls_print_number(number, text));
}

void ls_json_boolean(ls_json_writer *writer, bool value)
{
    add_value_text(writer, value ? "true" : "false", value ? 4 : 5);
}

void ls_json_null(ls_json_writer *writer)
{
    add_value_text(writer, "null", 4);
}

void ls_json_time(ls_json_writer *writer, int64_t at)
{
    char text[LS_TIME_TEXT];
    ls_json_text(writer, text, ls_print_time(at, text));
}
