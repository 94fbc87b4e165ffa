/* Where a walk stands and what it remembers.
 *
 * Scores use each other, on the same record and on associated ones, so a score that is asked for is
 * walked at once, wherever its record is, and remembered: one entry a definition, record and kind
 * of answer. An entry holds for the look that it was made in; one that no curve moves holds
 * throughout its interval, whatever the kind. So a company of 200,000 contacts costs as many walks
 * at its first look, and at later ones those of which something changed; and a contact at 5,000
 * companies is walked once for all of them. Between records a memory that has grown past MOST is
 * given up.
 *
 * found and rules of ls_walk_definition are of one record at a time. A definition is never asked
 * for while it is being walked (uses have no cycle), so moving them to another record is safe. */
#include "ls_result.h"
#include "ls_walk.h"

#define MOST ((size_t)1 << 20)
#define NO_PLACE SIZE_MAX

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t hash_key(uint32_t definition, uint32_t row, ls_which which)
{
    uint64_t key = (uint64_t)definition << 34 ^ (uint64_t)row << 2 ^ (uint64_t)which;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    key ^= key >> 29;
    key *= UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(key ^ key >> 32);
}

static bool is_key(const ls_remembered *item, uint32_t definition, uint32_t row, ls_which which)
{
    return item->definition == definition && item->row == row && item->which == (uint8_t)which;
}

/* The entry's place in items, or NO_PLACE; *slot: its slot, or the free one where it would be. */
static size_t find_place(const ls_memory *memory, uint32_t definition, uint32_t row, ls_which which,
                         size_t *slot)
{
    *slot = 0;
    if (memory->slot_count == 0)
        return NO_PLACE;
    size_t mask = memory->slot_count - 1;
    *slot = hash_key(definition, row, which) & mask;
    for (uint32_t place; (place = memory->slots[*slot]) != 0; *slot = (*slot + 1) & mask)
        if (is_key(&memory->items[place - 1], definition, row, which))
            return place - 1;
    return NO_PLACE;
}

static int grow_slots(ls_walk *walk)
{
    ls_memory *memory = &walk->memory;
    size_t count = memory->slot_count != 0 ? memory->slot_count * 2 : 64;
    uint32_t *slots = ls_allocate_zero(walk->context, count, sizeof *slots);
    if (slots == NULL)
        return LS_ERROR_MEMORY;
    ls_free(walk->context, memory->slots, memory->slot_count * sizeof *slots);
    memory->slots = slots;
    memory->slot_count = count;
    for (size_t i = 0; i < memory->count; i++) {
        const ls_remembered *item = &memory->items[i];
        size_t slot;
        find_place(memory, item->definition, item->row, (ls_which)item->which, &slot);
        slots[slot] = (uint32_t)i + 1;
    }
    return LS_OK;
}

/* The entry of a key, made if there is none; NULL: no memory. */
static ls_remembered *add_entry(ls_walk *walk, uint32_t definition, uint32_t row, ls_which which)
{
    ls_memory *memory = &walk->memory;
    size_t slot, place = find_place(memory, definition, row, which, &slot);
    if (place != NO_PLACE)
        return &memory->items[place];
    if (memory->count + memory->count / 2 >= memory->slot_count) {
        if (grow_slots(walk) != LS_OK)
            return NULL;
        find_place(memory, definition, row, which, &slot);
    }
    if (memory->count >= UINT32_MAX - 1 ||
        ls_grow(walk->context, &memory->items, &memory->capacity, memory->count + 1,
                sizeof *memory->items) != LS_OK)
        return NULL;
    ls_remembered *item = &memory->items[memory->count++];
    *item = (ls_remembered){.definition = definition, .row = row, .which = (uint8_t)which};
    memory->slots[slot] = (uint32_t)memory->count;
    return item;
}

/* The walk stands at what was worked out, walk->interval is of it alone. */
static void remember(ls_walk *walk, const ls_score *score)
{
    const ls_definition *definition = walk->part->definition;
    if (walk->status != LS_OK)
        return;
    ls_remembered *item = add_entry(walk, (uint32_t)(definition - walk->plan->definitions),
                                    (uint32_t)walk->row, walk->which);
    if (item == NULL) {
        ls_walk_fail_memory(walk);
        return;
    }
    item->look = walk->look[walk->which];
    item->lasts = walk->watching && walk->which == LS_NOW && !definition->curves;
    item->interval = walk->interval;
    item->score = *score;
}

static bool is_lasting(const ls_walk *walk, const ls_remembered *item, ls_which which)
{
    int64_t at = walk->clocks[which].at;
    return item->lasts && at >= item->interval.from && at < item->interval.until &&
           !(walk->coarse && walk->definitions[item->definition].shrinks);
}

static const ls_remembered *recall(const ls_walk *walk, uint32_t definition, uint32_t row,
                                   ls_which which)
{
    const ls_memory *memory = &walk->memory;
    size_t slot, place = find_place(memory, definition, row, LS_NOW, &slot);
    if (place != NO_PLACE && is_lasting(walk, &memory->items[place], which))
        return &memory->items[place];
    if (which != LS_NOW)
        place = find_place(memory, definition, row, which, &slot);
    bool current = place != NO_PLACE && memory->items[place].look == walk->look[which];
    return current ? &memory->items[place] : NULL;
}

static void forget_all(ls_walk *walk)
{
    ls_memory *memory = &walk->memory;
    if (memory->count != 0)
        memset(memory->slots, 0, memory->slot_count * sizeof *memory->slots);
    memory->count = 0;
}

/* ---- columns --------------------------------------------------------------------------------- */

void ls_walk_use(ls_walk *walk, const struct ls_score_column *columns, int64_t at)
{
    walk->columns = columns;
    walk->columns_at = at;
}

/* Columns know no edges. */
static bool read_column(const ls_walk *walk, uint32_t definition, size_t row, ls_which which,
                        ls_score *out)
{
    const ls_clock *clock = &walk->clocks[LS_NOW];
    if (walk->columns == NULL || walk->watching || which != LS_NOW ||
        clock->at != walk->columns_at || clock->events_until != walk->columns_at ||
        (walk->columns[definition].flags[row] & LS_FLAG_WALK) != 0)
        return false;
    ls_columns_get(walk->plan, walk->columns, definition, row, out);
    return true;
}

/* ---- standing -------------------------------------------------------------------------------- */

ls_standing ls_walk_visit(ls_walk *walk, ls_object object, size_t row)
{
    ls_standing standing = {walk->object, walk->row,   walk->event,
                            walk->part,   walk->which, walk->clock};
    walk->object = object;
    walk->row = row;
    return standing;
}

void ls_walk_return(ls_walk *walk, const ls_standing *standing)
{
    walk->object = standing->object;
    walk->row = standing->row;
    walk->event = standing->event;
    walk->part = standing->part;
    walk->which = standing->which;
    walk->clock = standing->clock;
}

/* Works out and remembers the score of a definition for the record where the walk stands. */
static void work_out(ls_walk *walk, size_t definition, ls_which which, ls_score *out)
{
    ls_interval outer = walk->interval;
    walk->interval = LS_ALWAYS;
    walk->part = &walk->definitions[definition];
    walk->which = which;
    walk->clock = walk->clocks[which];
    ls_walk_definition_score(walk, out);
    remember(walk, out);
    ls_interval inner = walk->interval;
    walk->interval = outer;
    ls_note_interval(walk, inner);
}

static void work_out_elsewhere(ls_walk *walk, size_t definition, size_t row, ls_which which,
                               ls_score *out)
{
    if (walk->depth == LS_WALK_DEEPEST) {
        walk->status =
            ls_fail(walk->error, LS_ERROR_DEFINITION, "%s: scores use each other more than %d deep",
                    walk->plan->definitions[definition].name.text, LS_WALK_DEEPEST);
        return;
    }
    ls_standing here = ls_walk_visit(walk, walk->plan->definitions[definition].object, row);
    walk->depth++;
    work_out(walk, definition, which, out);
    walk->depth--;
    ls_walk_return(walk, &here);
}

void ls_walk_ask(ls_walk *walk, uint32_t definition, size_t row, ls_which which, ls_score *out)
{
    *out = (ls_score){.empty = true};
    if (walk->status != LS_OK)
        return;
    const ls_remembered *known = recall(walk, definition, (uint32_t)row, which);
    if (known != NULL) {
        *out = known->score;
        ls_note_interval(walk, known->interval);
    } else if (!read_column(walk, definition, row, which, out)) {
        work_out_elsewhere(walk, definition, row, which, out);
    }
    if (walk->status != LS_OK)
        *out = (ls_score){.empty = true};
}

int ls_walk_score(ls_walk *walk, size_t definition, ls_which which, ls_score *out, ls_error *error)
{
    walk->status = LS_OK;
    walk->error = error;
    work_out(walk, definition, which, out);
    return walk->status;
}

/* ---- records --------------------------------------------------------------------------------- */

void ls_walk_begin(ls_walk *walk, ls_object object, size_t row, int64_t events_until)
{
    if (events_until != walk->events_until || walk->memory.count > MOST)
        forget_all(walk);
    walk->object = object;
    walk->row = row;
    walk->events_until = events_until;
    walk->depth = 0;
    walk->member_count = 0;
    walk->watching = walk->still = walk->coarse = walk->ambiguous = false;
    walk->status = LS_OK;
    walk->interval = LS_ALWAYS;
    for (size_t i = 0; i < walk->plan->count; i++)
        ls_walk_forget(&walk->definitions[i]);
}

void ls_walk_look(ls_walk *walk, ls_which which, const ls_clock *clock)
{
    walk->clocks[which] = *clock;
    walk->look[which] = ++walk->looks;
}

/* A clock of which nothing is remembered that does not hold. */
static void look_plainly(ls_walk *walk, const ls_clock *clock)
{
    const ls_clock *last = &walk->clocks[LS_NOW];
    bool same = last->events_until == clock->events_until && last->at == clock->at &&
                last->curve_gain == clock->curve_gain && last->curve_loss == clock->curve_loss;
    if (!same || walk->look[LS_NOW] == 0)
        ls_walk_look(walk, LS_NOW, clock);
}

int ls_walk_record(ls_walk *walk, ls_object object, size_t row, const ls_clock *clock,
                   ls_score *out, ls_error *error)
{
    ls_walk_begin(walk, object, row, clock->events_until);
    look_plainly(walk, clock);
    walk->error = error;
    for (size_t i = 0; i < walk->plan->count; i++) {
        uint32_t definition = walk->plan->order[i];
        out[definition] = (ls_score){.empty = true};
        if (walk->plan->definitions[definition].object == object)
            ls_walk_ask(walk, definition, row, LS_NOW, &out[definition]);
    }
    return walk->status;
}

int ls_walk_one(ls_walk *walk, size_t definition, size_t row, const ls_clock *clock, ls_score *out,
                ls_error *error)
{
    ls_walk_begin(walk, walk->plan->definitions[definition].object, row, clock->events_until);
    look_plainly(walk, clock);
    walk->error = error;
    ls_walk_ask(walk, (uint32_t)definition, row, LS_NOW, out);
    return walk->status;
}
