/* Makes a packed state and its string: see ls_state.h for the form. */
#include "ls_state.h"

#define XXH_INLINE_ALL
#include <stdlib.h>
#include <xxhash.h>

/* ---- making ---------------------------------------------------------------------------------- */

int ls_state_init(ls_state *state, ls_context *context)
{
    memset(state, 0, sizeof *state);
    state->context = context;
    int status = ls_dictionary_init(&state->dictionary, context, 0);
    if (status != LS_OK) {
        state->context = NULL;
    }
    return status;
}

void ls_state_free(ls_state *state)
{
    ls_context *context = state->context;
    if (context == NULL) {
        return;
    }
    ls_free(context, state->prints, state->print_capacity * sizeof *state->prints);
    ls_free(context, state->texts, state->text_count * sizeof *state->texts);
    ls_free(context, state->properties, state->property_capacity * sizeof *state->properties);
    ls_free(context, state->columns, state->column_capacity * sizeof *state->columns);
    ls_free(context, state->shapes, state->shape_capacity * sizeof *state->shapes);
    ls_free(context, state->events, state->event_capacity * sizeof *state->events);
    ls_free(context, state->runs, state->run_capacity * sizeof *state->runs);
    ls_free(context, state->ids, state->id_capacity * sizeof *state->ids);
    ls_free(context, state->folded, state->folded_capacity * sizeof *state->folded);
    if (state->dictionary.context) {
        ls_dictionary_free(&state->dictionary);
    }
    memset(state, 0, sizeof *state);
}

/* Room for one more of an array. */
#define GROW(state, array, count, capacity)                                                        \
    ls_grow((state)->context, &(state)->array, &(state)->capacity, (state)->count + 1,             \
            sizeof *(state)->array)

int ls_state_add_text(ls_state *state, ls_string text, uint32_t *out)
{
    *out = ls_dictionary_add(&state->dictionary, text.text, text.length);
    return *out == LS_NO_CODE ? LS_ERROR_MEMORY : LS_OK;
}

int ls_state_add_property(ls_state *state, ls_string name, ls_string value)
{
    ls_state_property property;
    if (ls_state_add_text(state, name, &property.name) != LS_OK ||
        ls_state_add_text(state, value, &property.value) != LS_OK ||
        GROW(state, properties, property_count, property_capacity) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    state->properties[state->property_count++] = property;
    return LS_OK;
}

int ls_state_add_column(ls_state *state, ls_string name)
{
    uint32_t text;
    if (ls_state_add_text(state, name, &text) != LS_OK ||
        GROW(state, columns, column_count, column_capacity) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    state->columns[state->column_count++] = text;
    return LS_OK;
}

int ls_state_add_shape(ls_state *state, const uint32_t *texts, uint32_t *out)
{
    size_t width = state->column_count + 1;
    if (ls_grow(state->context, &state->shapes, &state->shape_capacity,
                (state->shape_count + 1) * width, sizeof *state->shapes) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    memcpy(state->shapes + state->shape_count * width, texts, width * sizeof *texts);
    *out = (uint32_t)state->shape_count++;
    return LS_OK;
}

int ls_state_add_event(ls_state *state, int64_t time, uint32_t shape)
{
    if (GROW(state, events, event_count, event_capacity) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    state->events[state->event_count++] = (ls_state_event){time, shape, 1};
    return LS_OK;
}

int ls_state_add_run(ls_state *state, int64_t time, uint32_t shape, uint32_t count)
{
    if (GROW(state, runs, run_count, run_capacity) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    state->runs[state->run_count++] = (ls_state_event){time, shape, count};
    return LS_OK;
}

int ls_state_add_id(ls_state *state, const uint64_t identity[2], int64_t arrival)
{
    if (GROW(state, ids, id_count, id_capacity) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    state->ids[state->id_count++] = (ls_state_id){{identity[0], identity[1]}, arrival};
    return LS_OK;
}

int ls_state_add_print(ls_state *state, uint64_t print)
{
    for (size_t i = 0; i < state->print_count; i++) {
        if (state->prints[i] == print) {
            return LS_OK;
        }
    }
    if (GROW(state, prints, print_count, print_capacity) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    state->prints[state->print_count++] = print;
    return LS_OK;
}

int ls_state_fold(ls_state *state, ls_string name, uint64_t left_out, bool run)
{
    uint32_t text;
    size_t i = 0;
    if (ls_state_add_text(state, name, &text) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    while (i < state->folded_count && state->folded[i].name != text) {
        i++;
    }
    if (i == state->folded_count) {
        if (GROW(state, folded, folded_count, folded_capacity) != LS_OK) {
            return LS_ERROR_MEMORY;
        }
        state->folded[state->folded_count++] = (ls_state_folded){.name = text};
    }
    ls_state_folded *folded = &state->folded[i];
    folded->run = folded->run || run;
    folded->left_out = left_out > LS_STATE_MOST_LEFT_OUT - folded->left_out
                           ? LS_STATE_MOST_LEFT_OUT
                           : folded->left_out + left_out;
    return LS_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

#define LONGEST_NUMBER 10

/* The bytes of a number; how many. */
LS_INLINE size_t write_number(char *bytes, uint64_t number)
{
    size_t length = 0;
    for (; number >= 0x80; number >>= 7) {
        bytes[length++] = (char)(number | 0x80);
    }
    bytes[length++] = (char)number;
    return length;
}

static void put_number(ls_buffer *out, uint64_t number)
{
    char bytes[LONGEST_NUMBER];
    if (LS_LIKELY(out->capacity - out->length >= LONGEST_NUMBER)) {
        out->length += write_number(out->data + out->length, number);
    } else {
        ls_buffer_add(out, bytes, write_number(bytes, number));
    }
}

static void put_signed(ls_buffer *out, int64_t number)
{
    put_number(out, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

/* The lowest byte first, on every machine. */
static void put_word(ls_buffer *out, uint64_t word)
{
    char bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (char)(word >> 8 * i);
    }
    ls_buffer_add(out, bytes, sizeof bytes);
}

static void put_texts(const ls_state *state, ls_buffer *out)
{
    put_number(out, state->dictionary.count - 1);
    for (uint32_t i = 1; i < state->dictionary.count; i++) {
        ls_string text = ls_dictionary_text(&state->dictionary, i);
        put_number(out, text.length);
        ls_buffer_add(out, text.text, text.length);
    }
}

static void put_names(const ls_state *state, ls_buffer *out)
{
    put_number(out, state->property_count);
    for (size_t i = 0; i < state->property_count; i++) {
        put_number(out, state->properties[i].name);
        put_number(out, state->properties[i].value);
    }
    put_number(out, state->column_count);
    for (size_t i = 0; i < state->column_count; i++) {
        put_number(out, state->columns[i]);
    }
    put_number(out, state->shape_count);
    for (size_t i = 0; i < state->shape_count * (state->column_count + 1); i++) {
        put_number(out, state->shapes[i]);
    }
}

static int compare_events(const void *a, const void *b)
{
    const ls_state_event *x = a, *y = b;
    int order = (x->time > y->time) - (x->time < y->time);
    return order ? order : (x->shape > y->shape) - (x->shape < y->shape);
}

/* Events mostly come in the order of time. Of equal times the order means nothing. */
static void sort_events(ls_state_event *events, size_t count)
{
    size_t i = 1;
    while (i < count && events[i - 1].time <= events[i].time) {
        i++;
    }
    if (i < count) {
        qsort(events, count, sizeof *events, compare_events);
    }
}

static void put_events(ls_state_event *events, size_t count, bool runs, ls_buffer *out)
{
    sort_events(events, count);
    put_number(out, count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            put_signed(out, events[i].time);
        } else {
            put_number(out, (uint64_t)(events[i].time - events[i - 1].time));
        }
        put_number(out, events[i].shape);
        if (runs) {
            put_number(out, events[i].count - 2);
        }
    }
}

static void put_ids(const ls_state *state, ls_buffer *out)
{
    int64_t before = 0;
    put_number(out, state->id_count);
    for (size_t i = 0; i < state->id_count; i++) {
        const ls_state_id *id = &state->ids[i];
        put_word(out, id->identity[0]);
        put_word(out, id->identity[1]);
        put_signed(out, id->arrival - before);
        before = id->arrival;
    }
}

static void put_prints(const ls_state *state, ls_buffer *out)
{
    put_signed(out, state->from);
    put_number(out, state->print_count);
    for (size_t i = 0; i < state->print_count; i++) {
        put_word(out, state->prints[i]);
    }
}

static void put_folded(const ls_state *state, ls_buffer *out)
{
    put_number(out, state->folded_count);
    for (size_t i = 0; i < state->folded_count; i++) {
        const ls_state_folded *folded = &state->folded[i];
        put_number(out, folded->name);
        put_number(out, folded->left_out << 1 | folded->run);
    }
}

void ls_state_write(ls_state *state, ls_buffer *out)
{
    const char head[LS_STATE_HEAD] = {'L', 'S', 'S', LS_STATE_VERSION};
    size_t start = out->length;
    ls_buffer_add(out, head, sizeof head);
    put_number(out,
               (uint64_t)state->folds | (uint64_t)state->all << 1 | (uint64_t)state->unlisted << 2);
    if (state->folds) {
        put_prints(state, out);
    }
    put_texts(state, out);
    put_names(state, out);
    put_events(state->events, state->event_count, false, out);
    put_events(state->runs, state->run_count, true, out);
    put_ids(state, out);
    if (state->folds) {
        put_folded(state, out);
    }
    if (!out->failed) {
        put_word(out, XXH3_64bits(out->data + start, out->length - start));
    }
}
