/* Decides event by event, carefully: whatever is not plainly beyond change is kept as it is. That
 * is so where a definition asks an event's own time or something that moves with the instant, where
 * occurrences compete (`latest`, `once_per`), where a window is open that will close, where points
 * still decay, and for whatever is asked of other records' contacts.
 *
 * Of the rest an event is worth the same at every later instant: nothing where windows are closed,
 * else its points as they are, or 0 where decay has eaten them up, and one more where occurrences
 * are counted. Of those the latest time counts too (it ages the whole), so a run keeps it. */
#include "ls_fold.h"

#include "ls_kernel.h"
#include "ls_print.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NONE UINT32_MAX

/* ---- finding what came before ---------------------------------------------------------------- */

/* Things of an array by their hashes. */
typedef struct finder {
    size_t size, count; /* size: a power of two */
    struct finder_slot {
        uint64_t hash;
        uint32_t thing; /* NONE: free */
    } * slots;
} finder;

static int finder_grow(ls_context *context, finder *finder)
{
    size_t size = finder->size ? finder->size * 2 : 64;
    struct finder_slot *slots = ls_allocate(context, size * sizeof *slots);
    if (slots == NULL) {
        return LS_ERROR_MEMORY;
    }
    memset(slots, 0xff, size * sizeof *slots);
    for (size_t i = 0; i < finder->size; i++) {
        size_t slot = finder->slots[i].hash & (size - 1);
        while (finder->slots[i].thing != NONE && slots[slot].thing != NONE) {
            slot = (slot + 1) & (size - 1);
        }
        if (finder->slots[i].thing != NONE) {
            slots[slot] = finder->slots[i];
        }
    }
    ls_free(context, finder->slots, finder->size * sizeof *slots);
    finder->slots = slots;
    finder->size = size;
    return LS_OK;
}

/* The slot of the next thing with this hash from *slot on, or a free one: then NONE. */
static uint32_t finder_next(const finder *finder, uint64_t hash, size_t *slot)
{
    while (finder->slots[*slot].thing != NONE && finder->slots[*slot].hash != hash) {
        *slot = (*slot + 1) & (finder->size - 1);
    }
    return finder->slots[*slot].thing;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* A spec that events of a shape are occurrences of. */
typedef struct match {
    uint32_t definition, spec;
    int64_t points;
} match;

typedef struct shape {
    uint32_t first, count; /* of matches */
    bool kept;             /* its events are not folded */
    uint32_t like;         /* the first shape of this name that matches the same, maybe itself */
    uint32_t written;      /* its number in the state; NONE: it has none yet */
    uint32_t left_out;     /* of its events */
    bool run;              /* others of them are not there as they were */
} shape;

/* Events that every definition takes alike. */
typedef struct group {
    uint32_t first, count; /* of alike: what they match */
    uint32_t name;         /* code */
    uint32_t shape;        /* of the latest */
    uint32_t events;
    int64_t latest;
} group;

#define VERDICT_KEEP UINT32_MAX
#define VERDICT_OUT (UINT32_MAX - 1)

typedef struct folder {
    const ls_fold *fold;
    ls_context *context;
    ls_state *state;
    size_t width; /* codes of a shape: its name and its properties */
    uint32_t *codes, *texts;
    size_t raw_count, raw_capacity;
    uint32_t *raw; /* by shape: codes */
    finder shape_finder, like_finder, group_finder;
    size_t shape_count, shape_capacity;
    shape *shapes;
    size_t match_count, match_capacity;
    match *matches;
    size_t alike_count, alike_capacity;
    match *alike;
    size_t group_count, group_capacity;
    group *groups;
    size_t count; /* events */
    uint64_t first;
    uint32_t *shape_of, *verdicts; /* by event */
    size_t in_groups;
} folder;

static void free_folder(folder *folder)
{
    ls_context *context = folder->context;
    ls_free(context, folder->codes, folder->width * sizeof *folder->codes);
    ls_free(context, folder->texts, folder->width * sizeof *folder->texts);
    ls_free(context, folder->raw, folder->raw_capacity * sizeof *folder->raw);
    ls_free(context, folder->shape_finder.slots,
            folder->shape_finder.size * sizeof *folder->shape_finder.slots);
    ls_free(context, folder->like_finder.slots,
            folder->like_finder.size * sizeof *folder->like_finder.slots);
    ls_free(context, folder->group_finder.slots,
            folder->group_finder.size * sizeof *folder->group_finder.slots);
    ls_free(context, folder->shapes, folder->shape_capacity * sizeof *folder->shapes);
    ls_free(context, folder->matches, folder->match_capacity * sizeof *folder->matches);
    ls_free(context, folder->alike, folder->alike_capacity * sizeof *folder->alike);
    ls_free(context, folder->groups, folder->group_capacity * sizeof *folder->groups);
    ls_free(context, folder->shape_of, folder->count * sizeof *folder->shape_of);
    ls_free(context, folder->verdicts, folder->count * sizeof *folder->verdicts);
}

/* ---- what a shape matches -------------------------------------------------------------------- */

static bool asks_time(const ls_binding *binding, uint32_t property)
{
    return ls_string_equal(binding->definition->properties[property].name, "at", 2);
}

/* Whether the answer may depend on the instant, or on the event's own time. */
static bool filter_moves(const ls_binding *binding, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        return binding->tables[filter->property].moves || asks_time(binding, filter->property);
    }
    for (size_t i = 0; i < filter->count; i++) {
        if (filter_moves(binding, &filter->children[i])) {
            return true;
        }
    }
    return false;
}

static bool spec_moves(const ls_binding *binding, const ls_occurrences *occurrences)
{
    const ls_choice *choice = &occurrences->choice;
    return (occurrences->where && filter_moves(binding, occurrences->where)) ||
           (choice->kind != LS_CHOICE_NONE &&
            (binding->tables[choice->property].moves || asks_time(binding, choice->property)));
}

/* Points past the largest sum end in an error that names the rule: such an event stays as it is. */
static bool earns_too_much(const ls_binding *binding, const ls_spec *spec, size_t event)
{
    const ls_choice *choice = &spec->occurrences->choice;
    if (choice->kind == LS_CHOICE_NONE) {
        return false;
    }
    const ls_property_table *table = &binding->tables[choice->property];
    return ls_table_outcome(table, ls_table_class(table, event), spec->choice).too_large;
}

typedef struct asking {
    ls_string name;
    bool found;
} asking;

static void ask_others(void *user, const ls_occurrences *occurrences, bool own)
{
    asking *asking = user;
    asking->found = asking->found || (!own && ls_occurrences_name(occurrences, asking->name));
}

static bool names_event(const ls_binding *binding, size_t code, size_t spec)
{
    return (binding->event_specs[code * binding->spec_words + spec / 64] >> (spec % 64) & 1) != 0;
}

/* Adds what events of the new shape match under one definition; `event` is one of them. */
static int match_definition(folder *folder, size_t definition, ls_string name, size_t event,
                            shape *shape)
{
    const ls_binding *binding = &folder->fold->bindings[definition];
    if (binding->definition->relates) {
        asking asking = {name, false};
        ls_each_occurrences(binding->definition, ask_others, &asking);
        shape->kept = shape->kept || asking.found;
    }
    for (size_t i = 0; i < binding->spec_count && !shape->kept; i++) {
        const ls_spec *spec = &binding->specs[i];
        int64_t points;
        if (spec->occurrences == NULL || !names_event(binding, folder->codes[0], i)) {
            continue;
        }
        if (spec_moves(binding, spec->occurrences) || earns_too_much(binding, spec, event)) {
            shape->kept = true;
        } else if (ls_kernel_is_occurrence(binding, spec, event, &points)) {
            if (ls_grow(folder->context, &folder->matches, &folder->match_capacity,
                        folder->match_count + 1, sizeof *folder->matches) != LS_OK) {
                return LS_ERROR_MEMORY;
            }
            folder->matches[folder->match_count++] =
                (match){(uint32_t)definition, (uint32_t)i, points};
        }
    }
    return LS_OK;
}

/* Of the i-th code of a shape, but for the name. */
static const ls_column *column_of(const folder *folder, size_t i)
{
    return &folder->fold->dataset->events.columns[folder->fold->columns[i - 1]];
}

/* What `once_per` tells events by is no matter of what they match. */
static bool counts_values(const folder *folder, const shape *shape)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const match *match = &folder->matches[shape->first + i];
        const ls_binding *binding = &folder->fold->bindings[match->definition];
        if (binding->specs[match->spec].occurrences->once == LS_ONCE_PROPERTY) {
            return true;
        }
    }
    return false;
}

static bool is_like(const folder *folder, const shape *shape, uint32_t name, uint32_t other)
{
    const struct shape *of = &folder->shapes[other];
    return folder->raw[other * folder->width] == name && of->count == shape->count &&
           memcmp(folder->matches + of->first, folder->matches + shape->first,
                  shape->count * sizeof *folder->matches) == 0;
}

/* Texts that tell shapes apart are left out where no definition asks for the difference. */
static int find_like(folder *folder, shape *shape, uint32_t index)
{
    finder *finder = &folder->like_finder;
    const uint32_t name = folder->codes[0];
    shape->like = index;
    if (!folder->fold->folds || shape->kept || counts_values(folder, shape)) {
        return LS_OK;
    }
    uint64_t hash = XXH3_64bits_withSeed(folder->matches + shape->first,
                                         shape->count * sizeof *folder->matches, name);
    if (finder->count * 2 >= finder->size && finder_grow(folder->context, finder) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    size_t slot = hash & (finder->size - 1);
    for (uint32_t found; (found = finder_next(finder, hash, &slot)) != NONE;) {
        if (is_like(folder, shape, name, found)) {
            shape->like = found;
            return LS_OK;
        }
        slot = (slot + 1) & (finder->size - 1);
    }
    finder->slots[slot] = (struct finder_slot){hash, index};
    finder->count++;
    return LS_OK;
}

static int make_shape(folder *folder, size_t event, uint32_t *out)
{
    const ls_events *events = &folder->fold->dataset->events;
    ls_string name = ls_dictionary_text(&events->event.dictionary, folder->codes[0]);
    shape shape = {.first = (uint32_t)folder->match_count, .written = NONE};
    int status = ls_grow(folder->context, &folder->matches, &folder->match_capacity,
                         folder->match_count + 1, sizeof *folder->matches);
    for (size_t i = 0; i < folder->fold->count && folder->fold->folds && status == LS_OK; i++) {
        status = match_definition(folder, i, name, event, &shape);
    }
    shape.count = (uint32_t)folder->match_count - shape.first;
    *out = (uint32_t)folder->shape_count;
    if (status == LS_OK) {
        status = ls_grow(folder->context, &folder->shapes, &folder->shape_capacity,
                         folder->shape_count + 1, sizeof shape);
    }
    if (status == LS_OK) {
        status = find_like(folder, &shape, *out);
    }
    if (status == LS_OK) {
        folder->shapes[folder->shape_count++] = shape;
    }
    return status;
}

/* The shape of an event, a new one if none like it came before. */
static int find_shape(folder *folder, size_t event, uint32_t *out)
{
    const ls_events *events = &folder->fold->dataset->events;
    const size_t size = folder->width * sizeof *folder->codes;
    finder *finder = &folder->shape_finder;
    folder->codes[0] = ls_column_code(&events->event, event);
    for (size_t i = 1; i < folder->width; i++) {
        folder->codes[i] = ls_column_code(column_of(folder, i), event);
    }
    uint64_t hash = XXH3_64bits(folder->codes, size);
    if (finder->count * 2 >= finder->size && finder_grow(folder->context, finder) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    size_t slot = hash & (finder->size - 1);
    while ((*out = finder_next(finder, hash, &slot)) != NONE) {
        if (memcmp(folder->raw + *out * folder->width, folder->codes, size) == 0) {
            return LS_OK;
        }
        slot = (slot + 1) & (finder->size - 1);
    }
    if (ls_grow(folder->context, &folder->raw, &folder->raw_capacity,
                folder->raw_count + folder->width, sizeof *folder->raw) != LS_OK ||
        make_shape(folder, event, out) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    memcpy(folder->raw + folder->raw_count, folder->codes, size);
    folder->raw_count += folder->width;
    finder->slots[slot] = (struct finder_slot){hash, *out};
    finder->count++;
    return LS_OK;
}

/* ---- what an event is worth from now on ------------------------------------------------------ */

typedef enum worth { WORTH_NOTHING, WORTH_SAME, WORTH_MOVING } worth;

/* What an occurrence is worth at every instant from `at` on. */
static worth worth_of(const ls_binding *binding, const match *match, int64_t at, int64_t time)
{
    const ls_occurrences *occurrences = binding->specs[match->spec].occurrences;
    int64_t age = at - time;
    if ((occurrences->has_last && age >= occurrences->last) ||
        (occurrences->has_from && time < occurrences->from) ||
        (occurrences->has_until && time >= occurrences->until)) {
        return WORTH_NOTHING; /* it was in time, and never will be again */
    }
    if (occurrences->has_last || occurrences->once != LS_ONCE_NONE || occurrences->latest > 0) {
        return WORTH_MOVING;
    }
    bool same = occurrences->times_count > 0 || occurrences->decay.curve == LS_CURVE_NONE ||
                ls_quick_decay_points(&binding->decays[match->spec], match->points, age) == 0;
    return same ? WORTH_SAME : WORTH_MOVING;
}

/* Notes what the event matches for ever behind the groups that are there; false: it is kept. */
static int match_event(folder *folder, const shape *shape, int64_t time, uint32_t *count)
{
    *count = NONE;
    if (ls_grow(folder->context, &folder->alike, &folder->alike_capacity,
                folder->alike_count + shape->count + 1, sizeof *folder->alike) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    match *alike = folder->alike + folder->alike_count;
    uint32_t found = 0;
    for (uint32_t i = 0; i < shape->count; i++) {
        const match *match = &folder->matches[shape->first + i];
        const ls_binding *binding = &folder->fold->bindings[match->definition];
        worth worth = worth_of(binding, match, folder->fold->at, time);
        if (worth == WORTH_MOVING) {
            return LS_OK;
        }
        if (worth == WORTH_SAME) {
            memset(&alike[found], 0, sizeof *alike);
            alike[found].definition = match->definition;
            alike[found].spec = match->spec;
            alike[found++].points = match->points;
        }
    }
    *count = found;
    return LS_OK;
}

static bool is_group(const folder *folder, uint32_t index, uint32_t name, uint32_t count)
{
    const group *group = &folder->groups[index];
    return group->name == name && group->count == count &&
           memcmp(folder->alike + group->first, folder->alike + folder->alike_count,
                  count * sizeof *folder->alike) == 0;
}

/* The group of events of a name that match what was noted. */
static int find_group(folder *folder, uint32_t name, uint32_t count, uint32_t *out)
{
    finder *finder = &folder->group_finder;
    uint64_t hash = XXH3_64bits_withSeed(folder->alike + folder->alike_count,
                                         count * sizeof *folder->alike, name);
    if (finder->count * 2 >= finder->size && finder_grow(folder->context, finder) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    size_t slot = hash & (finder->size - 1);
    while ((*out = finder_next(finder, hash, &slot)) != NONE) {
        if (is_group(folder, *out, name, count)) {
            return LS_OK;
        }
        slot = (slot + 1) & (finder->size - 1);
    }
    if (ls_grow(folder->context, &folder->groups, &folder->group_capacity, folder->group_count + 1,
                sizeof *folder->groups) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    *out = (uint32_t)folder->group_count++;
    folder->groups[*out] = (group){(uint32_t)folder->alike_count, count, name, 0, 0, INT64_MIN};
    folder->alike_count += count;
    finder->slots[slot] = (struct finder_slot){hash, *out};
    finder->count++;
    return LS_OK;
}

static int judge_event(folder *folder, uint32_t index, int64_t time, uint32_t *out)
{
    const shape *shape = &folder->shapes[index];
    uint32_t count = NONE;
    *out = VERDICT_KEEP;
    if (!folder->fold->folds || shape->kept || time > folder->fold->at) {
        return LS_OK;
    }
    if (match_event(folder, shape, time, &count) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    if (count == 0) {
        *out = VERDICT_OUT;
    } else if (count != NONE && folder->in_groups < ls_state_most_run(folder->width - 1)) {
        if (find_group(folder, folder->raw[index * folder->width], count, out) != LS_OK) {
            return LS_ERROR_MEMORY;
        }
        group *group = &folder->groups[*out];
        group->shape = time > group->latest ? index : group->shape;
        group->latest = ls_max(group->latest, time);
        group->events++;
        folder->in_groups++;
    }
    return LS_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int judge_events(folder *folder)
{
    const ls_events *events = &folder->fold->dataset->events;
    int status = LS_OK;
    for (size_t i = 0; i < folder->count && status == LS_OK; i++) {
        size_t event = folder->first + i;
        status = find_shape(folder, event, &folder->shape_of[i]);
        if (status == LS_OK) {
            status = judge_event(folder, folder->shape_of[i], ls_event_time(events, event),
                                 &folder->verdicts[i]);
        }
    }
    return status;
}

/* A group of one is kept as it is. */
static bool is_run(const folder *folder, uint32_t verdict)
{
    return verdict < VERDICT_OUT && folder->groups[verdict].events > 1;
}

/* What folding takes: the instant, a fingerprint a definition, names. For less it is not done, so
 * that a state of few events stays good for everything. */
#define BYTES_AN_EVENT 4
#define BYTES_OF_FOLDING 24
#define BYTES_A_DEFINITION 8

static void fold_if_worth(folder *folder)
{
    size_t folded = 0;
    for (size_t i = 0; i < folder->count; i++) {
        uint32_t shape = folder->shape_of[i];
        folded += folder->verdicts[i] == VERDICT_OUT || is_run(folder, folder->verdicts[i]) ||
                  folder->shapes[shape].like != shape;
    }
    if (folded * BYTES_AN_EVENT >= BYTES_OF_FOLDING + folder->fold->count * BYTES_A_DEFINITION) {
        return;
    }
    memset(folder->verdicts, 0xff, folder->count * sizeof *folder->verdicts);
    folder->group_count = 0;
    for (size_t i = 0; i < folder->shape_count; i++) {
        folder->shapes[i].like = (uint32_t)i;
    }
}

/* The number of a shape, or of the one that stands for it, in the state. */
static int write_shape(folder *folder, uint32_t index, uint32_t *out)
{
    index = folder->shapes[index].like;
    shape *shape = &folder->shapes[index];
    const uint32_t *codes = folder->raw + index * folder->width;
    const ls_events *events = &folder->fold->dataset->events;
    int status = LS_OK;
    *out = shape->written;
    if (*out != NONE) {
        return LS_OK;
    }
    for (size_t i = 0; i < folder->width && status == LS_OK; i++) {
        const ls_column *column = i == 0 ? &events->event : column_of(folder, i);
        status = ls_state_add_text(folder->state, ls_dictionary_text(&column->dictionary, codes[i]),
                                   &folder->texts[i]);
    }
    if (status == LS_OK) {
        status = ls_state_add_shape(folder->state, folder->texts, out);
    }
    shape->written = status == LS_OK ? *out : NONE;
    return status;
}

/* Notes which events are not there as they were. */
static int note_folded(const folder *folder)
{
    const ls_dictionary *names = &folder->fold->dataset->events.event.dictionary;
    int status = LS_OK;
    for (size_t i = 0; i < folder->shape_count && status == LS_OK; i++) {
        const shape *shape = &folder->shapes[i];
        if (shape->left_out > 0 || shape->run) {
            folder->state->folds = true;
            status = ls_state_fold(folder->state,
                                   ls_dictionary_text(names, folder->raw[i * folder->width]),
                                   shape->left_out, shape->run);
        }
    }
    return status;
}

static int add_event(folder *folder, size_t i)
{
    uint32_t verdict = folder->verdicts[i], index = folder->shape_of[i], number;
    shape *shape = &folder->shapes[index];
    if (verdict == VERDICT_OUT) {
        shape->left_out++;
        return LS_OK;
    }
    shape->run = shape->run || shape->like != index || is_run(folder, verdict);
    if (is_run(folder, verdict)) {
        return LS_OK;
    }
    int64_t time = ls_event_time(&folder->fold->dataset->events, folder->first + i);
    int status = write_shape(folder, index, &number);
    return status == LS_OK ? ls_state_add_event(folder->state, time, number) : status;
}

static int add_events(folder *folder)
{
    int status = LS_OK;
    for (size_t i = 0; i < folder->count && status == LS_OK; i++) {
        status = add_event(folder, i);
    }
    for (size_t i = 0; i < folder->group_count && status == LS_OK; i++) {
        const group *group = &folder->groups[i];
        uint32_t shape;
        if (group->events > 1) {
            status = write_shape(folder, group->shape, &shape);
            status = status == LS_OK
                         ? ls_state_add_run(folder->state, group->latest, shape, group->events)
                         : status;
        }
    }
    return status == LS_OK ? note_folded(folder) : status;
}

int ls_fold_row(const ls_fold *fold, size_t row, ls_state *state)
{
    const ls_events *events = &fold->dataset->events;
    folder folder = {.fold = fold, .context = state->context, .state = state};
    folder.width = fold->column_count + 1;
    folder.first = events->first[row];
    folder.count = (size_t)(ls_events_end(events, row) - folder.first);
    if (folder.count == 0) {
        return LS_OK;
    }
    folder.codes = ls_allocate_zero(state->context, folder.width, sizeof *folder.codes);
    folder.texts = ls_allocate_zero(state->context, folder.width, sizeof *folder.texts);
    folder.shape_of = ls_allocate_zero(state->context, folder.count, sizeof *folder.shape_of);
    folder.verdicts = ls_allocate_zero(state->context, folder.count, sizeof *folder.verdicts);
    int status = folder.codes && folder.texts && folder.shape_of && folder.verdicts
                     ? judge_events(&folder)
                     : LS_ERROR_MEMORY;
    if (status == LS_OK && fold->folds) {
        fold_if_worth(&folder);
    }
    status = status == LS_OK ? add_events(&folder) : status;
    free_folder(&folder);
    return status;
}
