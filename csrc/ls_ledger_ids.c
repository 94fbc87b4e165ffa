/* Ids of events: which came lately, by contact, so that one that comes again is not counted again.
 * Of an id 16 bytes are kept, which different ids do not share. An id is known until the horizon
 * has passed since its event came; from then on its place is free, which is seen as others come:
 * each looks at a few places in turn, so that ids that have passed are never more than those that
 * are known. */
#include "ls_ledger.h"

#include "ls_coder.h"

#define FIRST_SLOTS 64
#define LOOKS 3 /* places that one id looks at */

static uint32_t came_at(int64_t now)
{
    int64_t since = ls_max(now, LS_EVENT_BASE) - LS_EVENT_BASE;
    return (uint32_t)ls_min(since, UINT32_MAX);
}

static bool has_passed(const ls_ledger *ledger, const ls_known_id *id, int64_t now)
{
    return ls_max(now, LS_EVENT_BASE) - LS_EVENT_BASE - (int64_t)id->came > ledger->options.horizon;
}

static size_t slot_of(const ls_ledger_ids *ids, const uint64_t identity[2], uint32_t row)
{
    uint64_t mixed = ls_fold_product(identity[0] ^ row, identity[1] ^ UINT64_C(0x9e3779b97f4a7c15));
    return (size_t)mixed & (ids->slot_count - 1);
}

/* The slot of the id, or the free one where it would be. */
static size_t find_slot(const ls_ledger_ids *ids, const uint64_t identity[2], uint32_t row)
{
    size_t slot = slot_of(ids, identity, row);
    for (; ids->slots[slot] != LS_NO_ID; slot = (slot + 1) & (ids->slot_count - 1)) {
        const ls_known_id *id = &ids->items[ids->slots[slot]];
        if (id->row == row && id->identity[0] == identity[0] && id->identity[1] == identity[1])
            break;
    }
    return slot;
}

/* ---- places ---------------------------------------------------------------------------------- */

static int grow_slots(ls_ledger *ledger)
{
    ls_ledger_ids *ids = &ledger->ids;
    ls_ledger_ids grown = *ids;
    grown.slot_count = ids->slot_count == 0 ? FIRST_SLOTS : ids->slot_count * 2;
    grown.slots = ls_allocate(ledger->context, grown.slot_count * sizeof *grown.slots);
    if (grown.slots == NULL)
        return LS_ERROR_MEMORY;
    memset(grown.slots, 0xff, grown.slot_count * sizeof *grown.slots);
    for (size_t i = 0; i < ids->slot_count; i++) {
        if (ids->slots[i] == LS_NO_ID)
            continue;
        const ls_known_id *id = &ids->items[ids->slots[i]];
        grown.slots[find_slot(&grown, id->identity, id->row)] = ids->slots[i];
    }
    ls_free(ledger->context, ids->slots, ids->slot_count * sizeof *ids->slots);
    *ids = grown;
    return LS_OK;
}

/* Frees a slot; those that were put behind it because of it move up. */
static void clear_slot(ls_ledger_ids *ids, size_t slot)
{
    const size_t mask = ids->slot_count - 1;
    size_t free = slot;
    for (size_t i = (slot + 1) & mask; ids->slots[i] != LS_NO_ID; i = (i + 1) & mask) {
        const ls_known_id *id = &ids->items[ids->slots[i]];
        size_t home = slot_of(ids, id->identity, id->row);
        if (((i - home) & mask) >= ((i - free) & mask)) {
            ids->slots[free] = ids->slots[i];
            free = i;
        }
    }
    ids->slots[free] = LS_NO_ID;
}

/* Takes an id from its slot and gives its place back; its contact's chain is the caller's. */
static void free_id(ls_ledger_ids *ids, uint32_t place)
{
    ls_known_id *id = &ids->items[place];
    clear_slot(ids, find_slot(ids, id->identity, id->row));
    id->row = LS_NO_ROW;
    id->next = ids->free;
    ids->free = place;
    ids->known--;
}

static void drop_id(ls_ledger *ledger, uint32_t place)
{
    ls_ledger_ids *ids = &ledger->ids;
    const ls_known_id *id = &ids->items[place];
    if (id->previous == LS_NO_ID)
        ids->first[id->row] = id->next;
    else
        ids->items[id->previous].next = id->next;
    if (id->next != LS_NO_ID)
        ids->items[id->next].previous = id->previous;
    free_id(ids, place);
}

static void drop_passed(ls_ledger *ledger, int64_t now)
{
    ls_ledger_ids *ids = &ledger->ids;
    for (int i = 0; i < LOOKS && ids->count > 0; i++) {
        ids->hand = ids->hand + 1 < ids->count ? ids->hand + 1 : 0;
        const ls_known_id *id = &ids->items[ids->hand];
        if (id->row != LS_NO_ROW && has_passed(ledger, id, now))
            drop_id(ledger, ids->hand);
    }
}

/* ---- asking and adding ----------------------------------------------------------------------- */

bool ls_ledger_identify(ls_string id, uint64_t out[2])
{
    id = ls_trimmed(id);
    if (id.length == 0)
        return false;
    ls_hash_identity(0, id, out); /* the same in every ledger: packed contacts carry it */
    return true;
}

bool ls_ledger_id_passed(const ls_ledger *ledger, int64_t came, int64_t now)
{
    const ls_known_id id = {.came = came_at(came)};
    return has_passed(ledger, &id, now);
}

bool ls_ledger_knows(const ls_ledger *ledger, uint32_t row, const uint64_t identity[2], int64_t now)
{
    const ls_ledger_ids *ids = &ledger->ids;
    if (ids->slot_count == 0)
        return false;
    uint32_t place = ids->slots[find_slot(ids, identity, row)];
    return place != LS_NO_ID && !has_passed(ledger, &ids->items[place], now);
}

int ls_ledger_reserve_id(ls_ledger *ledger, int64_t now)
{
    ls_ledger_ids *ids = &ledger->ids;
    drop_passed(ledger, now);
    if ((ids->known + 1) * 2 > ids->slot_count && grow_slots(ledger) != LS_OK)
        return LS_ERROR_MEMORY;
    if (ids->free != LS_NO_ID)
        return LS_OK;
    return ids->count < LS_NO_ID ? ls_grow(ledger->context, &ids->items, &ids->capacity,
                                           (size_t)ids->count + 1, sizeof *ids->items)
                                 : LS_ERROR_MEMORY;
}

int ls_ledger_reserve_ids(ls_ledger *ledger, size_t count)
{
    ls_ledger_ids *ids = &ledger->ids;
    if (count > LS_NO_ID - 1 - ids->count)
        return LS_ERROR_MEMORY;
    while ((ids->known + count) * 2 > ids->slot_count)
        if (grow_slots(ledger) != LS_OK)
            return LS_ERROR_MEMORY;
    return ls_grow(ledger->context, &ids->items, &ids->capacity, ids->count + count,
                   sizeof *ids->items);
}

void ls_ledger_note_id(ls_ledger *ledger, uint32_t row, const uint64_t identity[2], int64_t now)
{
    ls_ledger_ids *ids = &ledger->ids;
    size_t slot = find_slot(ids, identity, row);
    if (ids->slots[slot] != LS_NO_ID) { /* it had passed */
        ids->items[ids->slots[slot]].came = came_at(now);
        return;
    }
    uint32_t place = ids->free;
    if (place != LS_NO_ID)
        ids->free = ids->items[place].next;
    else
        place = ids->count++;
    ids->items[place] =
        (ls_known_id){{identity[0], identity[1]}, came_at(now), row, ids->first[row], LS_NO_ID};
    if (ids->first[row] != LS_NO_ID)
        ids->items[ids->first[row]].previous = place;
    ids->first[row] = place;
    ids->slots[slot] = place;
    ids->known++;
}

void ls_ledger_forget_ids(ls_ledger *ledger, size_t row)
{
    ls_ledger_ids *ids = &ledger->ids;
    uint32_t place = ids->first[row];
    while (place != LS_NO_ID) {
        uint32_t next = ids->items[place].next;
        free_id(ids, place);
        place = next;
    }
    ids->first[row] = LS_NO_ID;
}

void ls_ledger_ids_free(ls_ledger *ledger)
{
    ls_ledger_ids *ids = &ledger->ids;
    ls_free(ledger->context, ids->items, ids->capacity * sizeof *ids->items);
    ls_free(ledger->context, ids->slots, ids->slot_count * sizeof *ids->slots);
}
