/* Reads the string of a packed state: see ls_state.h for the form. Every number is held against
 * what is left of the string before anything is allocated for it, so that a few bytes cannot ask
 * for much. The hash is no secret: it finds damage, and what a hostile sender made passes it; hence
 * all else is looked at as if it were not there. */
#include "ls_state.h"

#include "ls_coder.h"
#include "ls_time.h"

#define XXH_INLINE_ALL
#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

typedef struct reader {
    const char *text;
    size_t at, end; /* end: where the hash begins */
    ls_state *state;
    ls_error *error;
    int status;
} reader;

/* ---- numbers --------------------------------------------------------------------------------- */

static void refuse(reader *reader, const char *what)
{
    if (reader->status == LS_OK) {
        reader->status =
            ls_fail(reader->error, LS_ERROR_INPUT, "state: byte %zu: %s", reader->at + 1, what);
    }
}

/* 0 after an error. */
static uint64_t take_number(reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; reader->status == LS_OK && shift < 70; shift += 7) {
        if (reader->at == reader->end) {
            break;
        }
        uint64_t byte = (unsigned char)reader->text[reader->at];
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
            break;
        }
        reader->at++;
        number |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return number;
        }
    }
    refuse(reader, "expected a number");
    return 0;
}

static int64_t take_signed(reader *reader)
{
    uint64_t number = take_number(reader);
    return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

static uint64_t take_word(reader *reader)
{
    uint64_t word = 0;
    if (reader->status != LS_OK || reader->end - reader->at < 8) {
        refuse(reader, "expected 8 bytes");
        return 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        word |= (uint64_t)(unsigned char)reader->text[reader->at++] << 8 * i;
    }
    return word;
}

/* How many items follow; each takes so many bytes at least. */
static size_t take_count(reader *reader, size_t least)
{
    uint64_t count = take_number(reader);
    if (count > (reader->end - reader->at) / least || count >= LS_MAX_CODES) {
        refuse(reader, "it says that more follows than does");
        return 0;
    }
    return (size_t)count;
}

/* The number of one of `count` things. */
static uint32_t take_index(reader *reader, size_t count)
{
    uint64_t index = take_number(reader);
    if (index >= count) {
        refuse(reader, "a number points at nothing");
        return 0;
    }
    return (uint32_t)index;
}

/* Of a text that is not empty. */
static uint32_t take_name(reader *reader)
{
    uint32_t name = take_index(reader, reader->state->text_count);
    if (name == 0) {
        refuse(reader, "expected a name");
    }
    return name;
}

/* Of a text as data has it: none, or one that is not to be trimmed. Names of properties may be. */
static uint32_t take_value(reader *reader)
{
    uint32_t value = take_index(reader, reader->state->text_count);
    if (reader->status == LS_OK &&
        ls_trimmed(reader->state->texts[value]).length != reader->state->texts[value].length) {
        refuse(reader, "expected a text without space at its ends");
    }
    return value;
}

static int64_t take_instant(reader *reader, int64_t instant)
{
    if (instant < LS_TIME_MIN || instant > LS_TIME_MAX) {
        refuse(reader, "expected an instant of the years 1 to 9999");
        return 0;
    }
    return instant;
}

/* An array of so many; NULL after an error, or where there are none. */
static void *make(reader *reader, size_t count, size_t size, size_t *capacity)
{
    if (reader->status != LS_OK || count == 0) {
        return NULL;
    }
    void *array = ls_allocate_zero(reader->state->context, count, size);
    *capacity = array ? count : 0;
    if (array == NULL) {
        reader->status = ls_fail_memory(reader->error);
    }
    return array;
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void take_head(reader *reader)
{
    ls_state *state = reader->state;
    uint64_t flags = take_number(reader);
    if (flags > 7) {
        refuse(reader, "flags that version 1 does not have");
    }
    state->folds = (flags & 1) != 0;
    state->all = (flags & 2) != 0;
    state->unlisted = (flags & 4) != 0;
    if (!state->folds) {
        return;
    }
    state->from = take_instant(reader, take_signed(reader));
    size_t count = take_count(reader, 8);
    state->prints = make(reader, count, sizeof *state->prints, &state->print_capacity);
    for (; state->print_count < state->print_capacity; state->print_count++) {
        state->prints[state->print_count] = take_word(reader);
    }
}

static ls_string take_text(reader *reader)
{
    size_t length = take_count(reader, 1);
    ls_string text = {reader->text + reader->at, length};
    if (length == 0) {
        refuse(reader, "expected a text");
    }
    reader->at += length;
    return text;
}

static void take_texts(reader *reader)
{
    ls_state *state = reader->state;
    size_t count = take_count(reader, 2) + 1;
    state->texts = make(reader, count, sizeof *state->texts, &state->text_count);
    if (state->texts) {
        state->texts[0] = (ls_string){"", 0};
    }
    for (size_t i = 1; i < state->text_count; i++) {
        state->texts[i] = take_text(reader);
    }
}

static void take_properties(reader *reader)
{
    ls_state *state = reader->state;
    size_t count = take_count(reader, 2);
    state->properties = make(reader, count, sizeof *state->properties, &state->property_capacity);
    for (; state->property_count < state->property_capacity; state->property_count++) {
        ls_state_property *property = &state->properties[state->property_count];
        property->name = take_name(reader);
        property->value = take_value(reader);
    }
    count = take_count(reader, 1);
    state->columns = make(reader, count, sizeof *state->columns, &state->column_capacity);
    for (; state->column_count < state->column_capacity; state->column_count++) {
        state->columns[state->column_count] = take_name(reader);
    }
}

static void take_shapes(reader *reader)
{
    ls_state *state = reader->state;
    size_t width = state->column_count + 1, count = take_count(reader, width);
    state->shapes = make(reader, count * width, sizeof *state->shapes, &state->shape_capacity);
    for (size_t i = 0; i < state->shape_capacity; i++) {
        state->shapes[i] = take_value(reader);
        if (i % width == 0 && state->shapes[i] == 0) {
            refuse(reader, "expected a name");
        }
    }
    state->shape_count = state->shape_capacity / width;
}

/* The instant of the first is given, of the others how much later they are. */
static int64_t take_time(reader *reader, const ls_state_event *before)
{
    if (before == NULL) {
        return take_instant(reader, take_signed(reader));
    }
    uint64_t later = take_number(reader);
    if (later > (uint64_t)(LS_TIME_MAX - before->time)) {
        refuse(reader, "expected an instant of the years 1 to 9999");
        return 0;
    }
    return before->time + (int64_t)later;
}

static void refuse_runs(reader *reader, uint64_t most)
{
    char text[80];
    snprintf(text, sizeof text, "runs stand for more than %" PRIu64 " events", most);
    refuse(reader, text);
}

static ls_state_event *take_events(reader *reader, bool runs, size_t *count, size_t *capacity)
{
    size_t wanted = take_count(reader, runs ? 3 : 2);
    ls_state_event *events = make(reader, wanted, sizeof *events, capacity);
    const uint64_t most = ls_state_most_run(reader->state->column_count);
    uint64_t total = 0;
    for (; *count < *capacity && reader->status == LS_OK; ++*count) {
        ls_state_event *event = &events[*count];
        event->time = take_time(reader, *count > 0 ? event - 1 : NULL);
        event->shape = take_index(reader, reader->state->shape_count);
        uint64_t more = runs ? take_number(reader) : 0;
        total += more < LS_STATE_MOST_RUN ? more + 2 : LS_STATE_MOST_RUN + 1;
        if (runs && total > most) {
            refuse_runs(reader, most);
            return events;
        }
        event->count = runs ? (uint32_t)more + 2 : 1;
    }
    return events;
}

static void take_ids(reader *reader)
{
    ls_state *state = reader->state;
    int64_t before = 0;
    size_t count = take_count(reader, 17);
    state->ids = make(reader, count, sizeof *state->ids, &state->id_capacity);
    for (; state->id_count < state->id_capacity && reader->status == LS_OK; state->id_count++) {
        ls_state_id *id = &state->ids[state->id_count];
        id->identity[0] = take_word(reader);
        id->identity[1] = take_word(reader);
        int64_t later = take_signed(reader);
        if (later < LS_TIME_MIN - LS_TIME_MAX || later > LS_TIME_MAX - LS_TIME_MIN) {
            refuse(reader, "expected an instant of the years 1 to 9999");
            return;
        }
        before = id->arrival = take_instant(reader, before + later);
    }
}

static void take_folded(reader *reader)
{
    ls_state *state = reader->state;
    if (!state->folds) {
        return;
    }
    size_t count = take_count(reader, 2);
    state->folded = make(reader, count, sizeof *state->folded, &state->folded_capacity);
    for (; state->folded_count < state->folded_capacity; state->folded_count++) {
        ls_state_folded *folded = &state->folded[state->folded_count];
        folded->name = take_name(reader);
        uint64_t number = take_number(reader);
        folded->run = (number & 1) != 0;
        folded->left_out = number >> 1;
        if (folded->left_out > LS_STATE_MOST_LEFT_OUT) {
            refuse(reader, "more events were left out than can have come");
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void check_head(reader *reader, size_t length)
{
    ls_error *error = reader->error;
    if (length < LS_STATE_HEAD || memcmp(reader->text, "LSS", 3) != 0) {
        reader->status = ls_fail(error, LS_ERROR_INPUT, "state: expected a packed contact");
    } else if ((unsigned char)reader->text[3] > LS_STATE_VERSION) {
        reader->status = ls_fail(error, LS_ERROR_INPUT,
                                 "state: it is of version %u, which a later release of leadscore "
                                 "made; expected at most version %u",
                                 (unsigned)(unsigned char)reader->text[3], LS_STATE_VERSION);
    } else if (reader->text[3] == 0) {
        reader->status = ls_fail(error, LS_ERROR_INPUT, "state: there is no version 0");
    }
}

static void check_hash(reader *reader, size_t length)
{
    if (reader->status != LS_OK) {
        return;
    }
    bool fits = length >= LS_STATE_HEAD + LS_STATE_HASH;
    reader->end = fits ? length - LS_STATE_HASH : 0;
    reader->at = reader->end;
    struct reader tail = *reader;
    tail.end = length;
    if (!fits || take_word(&tail) != XXH3_64bits(reader->text, reader->end)) {
        reader->status = ls_fail(reader->error, LS_ERROR_INPUT,
                                 "state: it is cut off or damaged (its hash does not fit)");
    }
    reader->at = LS_STATE_HEAD;
}

static void take_all(reader *reader)
{
    ls_state *state = reader->state;
    take_head(reader);
    take_texts(reader);
    take_properties(reader);
    take_shapes(reader);
    state->events = take_events(reader, false, &state->event_count, &state->event_capacity);
    state->runs = take_events(reader, true, &state->run_count, &state->run_capacity);
    take_ids(reader);
    take_folded(reader);
    if (reader->status == LS_OK && reader->at != reader->end) {
        refuse(reader, "expected the end");
    }
}

int ls_state_read(ls_context *context, const char *text, size_t length, ls_state *out,
                  ls_error *error)
{
    memset(out, 0, sizeof *out);
    out->context = context;
    reader reader = {.text = text, .state = out, .error = error};
    check_head(&reader, length);
    check_hash(&reader, length);
    if (reader.status == LS_OK) {
        take_all(&reader);
    }
    if (reader.status != LS_OK) {
        ls_state_free(out);
    }
    return reader.status;
}
