/* The string of a packed state: what was put in comes out; one that is foreign, cut, damaged, of a
 * later version or made to harm is refused in one line, without a crash and without taking more
 * memory than a small multiple of its length; runs are bounded. Every allocation failing is
 * survived.
 *
 * Exits 0 if all is as expected. */
#include "faults.h"
#include "ls_state.h"

#define XXH_INLINE_ALL
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

static int failures;

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            failures++;                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #what);                    \
        }                                                                                          \
    } while (0)

static faults memory;

static ls_context *new_context(void)
{
    const ls_allocator allocator = {faults_reallocate, &memory};
    ls_context *context = NULL;
    memset(&memory, 0, sizeof memory);
    CHECK(ls_context_new(&allocator, 0, &context) == LS_OK);
    return context;
}

/* ---- a state that has everything ------------------------------------------------------------- */

#define STRING(text) ((ls_string){text, strlen(text)})

static int fill(ls_state *state)
{
    static const uint64_t one[2] = {1, UINT64_MAX}, other[2] = {UINT64_C(0x8000000000000000), 7};
    uint32_t shape, texts[2];
    int status = ls_state_add_property(state, STRING("country"), STRING("SE"));
    state->folds = state->all = true;
    state->from = 1700000000;
    status =
        status == LS_OK ? ls_state_add_property(state, STRING("industry"), STRING("")) : status;
    status = status == LS_OK ? ls_state_add_column(state, STRING("url")) : status;
    status = status == LS_OK ? ls_state_add_text(state, STRING("page_viewed"), &texts[0]) : status;
    status = status == LS_OK ? ls_state_add_text(state, STRING("/pricing"), &texts[1]) : status;
    status = status == LS_OK ? ls_state_add_shape(state, texts, &shape) : status;
    status = status == LS_OK ? ls_state_add_event(state, 1700000300, shape) : status;
    status = status == LS_OK ? ls_state_add_event(state, -62135596800, shape) : status;
    status = status == LS_OK ? ls_state_add_event(state, 253402300799, shape) : status;
    status = status == LS_OK ? ls_state_add_run(state, 1600000000, shape, 300) : status;
    status = status == LS_OK ? ls_state_add_id(state, one, 1700000500) : status;
    status = status == LS_OK ? ls_state_add_id(state, other, 1600000500) : status;
    status = status == LS_OK ? ls_state_add_print(state, UINT64_C(0xfedcba9876543210)) : status;
    status = status == LS_OK ? ls_state_fold(state, STRING("page_viewed"), 0, true) : status;
    status = status == LS_OK ? ls_state_fold(state, STRING("mail_opened"), 12, false) : status;
    return status == LS_OK ? ls_state_fold(state, STRING("mail_opened"), 3, false) : status;
}

static bool is_text(const ls_state *state, uint32_t number, const char *text)
{
    return ls_string_equal(state->texts[number], text, strlen(text));
}

static void check_filled(const ls_state *state)
{
    CHECK(state->folds && state->all && !state->unlisted && state->from == 1700000000);
    CHECK(state->print_count == 1 && state->prints[0] == UINT64_C(0xfedcba9876543210));
    CHECK(state->property_count == 2 && is_text(state, state->properties[0].name, "country") &&
          is_text(state, state->properties[0].value, "SE") &&
          is_text(state, state->properties[1].value, ""));
    CHECK(state->column_count == 1 && is_text(state, state->columns[0], "url"));
    CHECK(state->shape_count == 1 && is_text(state, ls_state_name(state, 0), "page_viewed") &&
          is_text(state, ls_state_shape(state, 0)[1], "/pricing"));
    CHECK(state->event_count == 3 && state->events[0].time == -62135596800 &&
          state->events[1].time == 1700000300 && state->events[2].time == 253402300799 &&
          state->events[2].count == 1);
    CHECK(state->run_count == 1 && state->runs[0].time == 1600000000 &&
          state->runs[0].count == 300);
    CHECK(state->id_count == 2 && state->ids[0].identity[1] == UINT64_MAX &&
          state->ids[0].arrival == 1700000500 && state->ids[1].identity[1] == 7 &&
          state->ids[1].identity[0] == UINT64_C(0x8000000000000000) &&
          state->ids[1].arrival == 1600000500);
    CHECK(state->folded_count == 2 && state->folded[0].run && state->folded[0].left_out == 0 &&
          is_text(state, state->folded[1].name, "mail_opened") && !state->folded[1].run &&
          state->folded[1].left_out == 15);
}

/* The string of a state, or nothing where memory failed. */
static int write_state(ls_context *context, ls_buffer *out, int make(ls_state *))
{
    ls_state state;
    *out = (ls_buffer){.context = context};
    int status = ls_state_init(&state, context);
    if (status == LS_OK) {
        status = make(&state);
    }
    if (status == LS_OK) {
        ls_state_write(&state, out);
        status = out->failed ? LS_ERROR_MEMORY : LS_OK;
    }
    ls_state_free(&state);
    return status;
}

static void test_round_trip(void)
{
    ls_context *context = new_context();
    ls_buffer out;
    ls_state state;
    CHECK(write_state(context, &out, fill) == LS_OK);
    CHECK(ls_state_read(context, out.data, out.length, &state, NULL) == LS_OK);
    check_filled(&state);
    ls_state_free(&state);
    ls_buffer_free(&out);
    ls_context_close(context);
    CHECK(memory.bytes == 0);
}

static int fill_nothing(ls_state *state)
{
    (void)state;
    return LS_OK;
}

static void test_empty(void)
{
    ls_context *context = new_context();
    ls_buffer out;
    ls_state state;
    CHECK(write_state(context, &out, fill_nothing) == LS_OK);
    CHECK(ls_state_read(context, out.data, out.length, &state, NULL) == LS_OK);
    CHECK(!state.folds && state.event_count == 0 && state.text_count == 1);
    ls_state_free(&state);
    ls_buffer_free(&out);
    ls_context_close(context);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void rehash(char *text, size_t length)
{
    uint64_t hash = XXH3_64bits(text, length - LS_STATE_HASH);
    for (unsigned i = 0; i < 8; i++) {
        text[length - LS_STATE_HASH + i] = (char)(hash >> 8 * i);
    }
}

/* Reads a string from a block of just its length; whether it was taken. */
static bool reads(ls_context *context, const char *text, size_t length, ls_error *error)
{
    char *copy = malloc(length + (length == 0));
    size_t before = memory.bytes;
    ls_state state;
    if (length > 0) {
        memcpy(copy, text, length);
    }
    memory.peak = memory.bytes;
    int status = ls_state_read(context, copy, length, &state, error);
    CHECK(status == LS_OK || status == LS_ERROR_INPUT);
    CHECK(memory.peak - before <= 8 * length + 64);
    ls_state_free(&state);
    CHECK(memory.bytes == before);
    free(copy);
    return status == LS_OK;
}

static void check_error(const ls_error *error, const char *part)
{
    CHECK(strncmp(error->message, "state: ", 7) == 0);
    CHECK(strchr(error->message, '\n') == NULL);
    if (strstr(error->message, part) == NULL) {
        failures++;
        fprintf(stderr, "expected '%s' in '%s'\n", part, error->message);
    }
}

static void test_damage(void)
{
    ls_context *context = new_context();
    ls_buffer out;
    ls_error error;
    CHECK(write_state(context, &out, fill) == LS_OK);
    for (size_t length = 0; length < out.length; length++) {
        CHECK(!reads(context, out.data, length, &error));
        check_error(&error, length < 4 ? "expected a packed contact" : "cut off or damaged");
    }
    for (size_t bit = 0; bit < out.length * 8; bit++) {
        out.data[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(!reads(context, out.data, out.length, &error));
        out.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    CHECK(!reads(context, "\x1bLuaS and more of it", 18, &error));
    check_error(&error, "expected a packed contact");
    out.data[3] = LS_STATE_VERSION + 1;
    CHECK(!reads(context, out.data, out.length, &error));
    check_error(&error, "version 2");
    out.data[3] = 0;
    CHECK(!reads(context, out.data, out.length, &error));
    check_error(&error, "version 0");
    ls_buffer_free(&out);
    ls_context_close(context);
}

/* What a hostile sender can do, who knows how the hash is made: any byte, and every length. */
static void test_hostile(void)
{
    ls_context *context = new_context();
    ls_buffer out;
    ls_error error;
    size_t taken = 0;
    CHECK(write_state(context, &out, fill) == LS_OK);
    for (size_t i = LS_STATE_HEAD; i < out.length - LS_STATE_HASH; i++) {
        char was = out.data[i];
        for (int byte = 0; byte < 256; byte++) {
            out.data[i] = (char)byte;
            rehash(out.data, out.length);
            taken += reads(context, out.data, out.length, &error);
        }
        out.data[i] = was;
    }
    CHECK(taken > out.length); /* letters of texts, and the like */
    for (size_t length = LS_STATE_HEAD + LS_STATE_HASH; length < out.length; length++) {
        char copy[512];
        memcpy(copy, out.data, length);
        rehash(copy, length);
        CHECK(!reads(context, copy, length, &error));
        check_error(&error, "byte");
    }
    ls_buffer_free(&out);
    ls_context_close(context);
}

/* Counts that ask for more than the string has. */
static void test_counts(void)
{
    ls_context *context = new_context();
    for (size_t before = 0; before < 9; before++) {
        char text[64] = {'L', 'S', 'S', LS_STATE_VERSION};
        size_t length = LS_STATE_HEAD + before; /* flags, then counts of nothing */
        ls_error error;
        memset(text + length, 0xff, 9);
        text[length + 9] = 1; /* 2^63 and more */
        length += 10 + LS_STATE_HASH;
        rehash(text, length);
        CHECK(!reads(context, text, length, &error));
        check_error(&error, "byte");
    }
    ls_context_close(context);
}

#define MOST_COLUMNS 31
static uint32_t run_length;
static size_t run_columns;

static int fill_runs(ls_state *state)
{
    uint32_t shape, texts[1 + MOST_COLUMNS] = {0};
    int status = ls_state_add_text(state, STRING("x"), &texts[0]);
    for (size_t i = 0; i < run_columns && status == LS_OK; i++) {
        char name[] = {(char)('A' + i)};
        status = ls_state_add_column(state, (ls_string){name, 1});
    }
    status = status == LS_OK ? ls_state_add_shape(state, texts, &shape) : status;
    status = status == LS_OK ? ls_state_add_run(state, 0, shape, 6) : status;
    return status == LS_OK ? ls_state_add_run(state, 0, shape, run_length - 6) : status;
}

static bool takes_runs(size_t columns, uint32_t length, ls_error *error)
{
    ls_context *context = new_context();
    ls_buffer out;
    run_columns = columns;
    run_length = length;
    CHECK(write_state(context, &out, fill_runs) == LS_OK);
    bool taken = reads(context, out.data, out.length, error);
    ls_buffer_free(&out);
    ls_context_close(context);
    return taken;
}

static void test_runs(void)
{
    ls_error error;
    CHECK(takes_runs(0, LS_STATE_MOST_RUN, &error));
    CHECK(!takes_runs(0, LS_STATE_MOST_RUN + 1, &error));
    check_error(&error, "runs stand for more than 65536 events");
    CHECK(!takes_runs(0, UINT32_MAX, &error));
    CHECK(takes_runs(15, LS_STATE_MOST_RUN, &error));
    CHECK(takes_runs(MOST_COLUMNS, LS_STATE_MOST_RUN / 2, &error));
    CHECK(!takes_runs(MOST_COLUMNS, LS_STATE_MOST_RUN / 2 + 1, &error));
    check_error(&error, "runs stand for more than 32768 events");
}

/* ---- memory that runs out -------------------------------------------------------------------- */

static void test_memory(void)
{
    bool whole = false;
    for (size_t at = 1; !whole; at++) {
        ls_context *context = new_context();
        ls_buffer out;
        ls_state state;
        faults_arm(&memory, at);
        int status = write_state(context, &out, fill);
        if (status == LS_OK) {
            status = ls_state_read(context, out.data, out.length, &state, NULL);
            whole = status == LS_OK;
            ls_state_free(&state);
        }
        CHECK(status == LS_OK || status == LS_ERROR_MEMORY);
        CHECK(at < 1000);
        memory.fail_at = 0;
        ls_buffer_free(&out);
        ls_context_close(context);
        CHECK(memory.bytes == 0);
    }
}

int main(void)
{
    test_round_trip();
    test_empty();
    test_damage();
    test_hostile();
    test_counts();
    test_runs();
    test_memory();
    return failures == 0 ? 0 : 1;
}
