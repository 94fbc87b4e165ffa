/* Scores records from a binding: the events' sums (ls_kernel_events.c), what the record's own
 * values add, filters over several of them, then limits and thresholds. */
#include "ls_kernel.h"

#include "ls_steady.h"
#include "ls_time.h"

/* ---- scratch
 * --------------------------------------------------------------------------------------- */

size_t ls_most_events(const ls_dataset *dataset)
{
    size_t most = 0, contacts = dataset->tables[LS_CONTACT].count;
    for (size_t i = 0; dataset->events.count > 0 && i < contacts; i++) {
        size_t count = (size_t)(ls_events_end(&dataset->events, i) - dataset->events.first[i]);
        most = count > most ? count : most;
    }
    return most;
}

/* The most associated records that a rule with `top` takes the largest of. */
static size_t most_values(const ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    size_t most = 0;
    for (size_t i = 0; i < binding->over_rule_count; i++) {
        const ls_rule *rule = &definition->rules[binding->over_rules[i]];
        const ls_links *links = &binding->dataset->links[definition->object][rule->over->object];
        size_t rows = binding->dataset->tables[definition->object].count;
        for (size_t row = 0; rule->rollup && rule->rollup->top && links->count && row < rows;
             row++) {
            size_t count = (size_t)(links->first[row + 1] - links->first[row]);
            most = count > most ? count : most;
        }
    }
    return most;
}

static void size_scratch(ls_scratch *scratch, const ls_binding *bindings, size_t count,
                         size_t events)
{
    bool lists = false;
    for (size_t i = 0; i < count; i++) {
        const ls_binding *binding = &bindings[i];
        size_t values = most_values(binding);
        lists = lists || binding->any_list;
        scratch->target_capacity += binding->target_count;
        scratch->spec_capacity += binding->spec_count;
        scratch->member_capacity += binding->member_count;
        if (binding->words > scratch->word_capacity) {
            scratch->word_capacity = binding->words;
        }
        if (values > scratch->value_capacity) {
            scratch->value_capacity = values;
        }
    }
    scratch->event_capacity = events > LS_BLOCK_EVENTS ? events : LS_BLOCK_EVENTS;
    scratch->listed_capacity = lists ? events + 1 : 1;
    scratch->seen_capacity = 2;
    while (scratch->seen_capacity < 2 * scratch->listed_capacity) {
        scratch->seen_capacity *= 2;
    }
}

int ls_scratch_init(ls_scratch *scratch, ls_context *context, const ls_binding *bindings,
                    size_t count, size_t events)
{
    *scratch = (ls_scratch){.context = context,
                            .target_capacity = 1,
                            .spec_capacity = 1,
                            .member_capacity = 1,
                            .word_capacity = 1,
                            .value_capacity = 1};
    size_scratch(scratch, bindings, count, events);
    scratch->classes = ls_allocate(context, scratch->event_capacity * sizeof *scratch->classes);
    scratch->entries = ls_allocate(context, scratch->event_capacity * sizeof *scratch->entries);
    scratch->listed = ls_allocate(context, scratch->listed_capacity * sizeof *scratch->listed);
    scratch->seen = ls_allocate(context, scratch->seen_capacity * sizeof *scratch->seen);
    scratch->sums = ls_allocate(context, scratch->target_capacity * sizeof *scratch->sums);
    scratch->counts = ls_allocate(context, scratch->spec_capacity * sizeof *scratch->counts);
    scratch->latest = ls_allocate(context, scratch->spec_capacity * sizeof *scratch->latest);
    scratch->totals = ls_allocate(context, scratch->spec_capacity * sizeof *scratch->totals);
    scratch->members = ls_allocate(context, scratch->member_capacity * sizeof *scratch->members);
    scratch->values = ls_allocate(context, scratch->value_capacity * sizeof *scratch->values);
    scratch->words = ls_allocate(context, scratch->word_capacity * sizeof *scratch->words);
    if (scratch->words && scratch->classes && scratch->entries && scratch->listed &&
        scratch->seen && scratch->sums && scratch->counts && scratch->latest && scratch->totals &&
        scratch->members && scratch->values) {
        return LS_OK;
    }
    ls_scratch_free(scratch);
    return LS_ERROR_MEMORY;
}

void ls_scratch_free(ls_scratch *scratch)
{
    ls_context *context = scratch->context;
    if (context == NULL) {
        return;
    }
    ls_free(context, scratch->classes, scratch->event_capacity * sizeof *scratch->classes);
    ls_free(context, scratch->entries, scratch->event_capacity * sizeof *scratch->entries);
    ls_free(context, scratch->listed, scratch->listed_capacity * sizeof *scratch->listed);
    ls_free(context, scratch->seen, scratch->seen_capacity * sizeof *scratch->seen);
    ls_free(context, scratch->sums, scratch->target_capacity * sizeof *scratch->sums);
    ls_free(context, scratch->counts, scratch->spec_capacity * sizeof *scratch->counts);
    ls_free(context, scratch->latest, scratch->spec_capacity * sizeof *scratch->latest);
    ls_free(context, scratch->totals, scratch->spec_capacity * sizeof *scratch->totals);
    ls_free(context, scratch->members, scratch->member_capacity * sizeof *scratch->members);
    ls_free(context, scratch->values, scratch->value_capacity * sizeof *scratch->values);
    ls_free(context, scratch->words, scratch->word_capacity * sizeof *scratch->words);
    memset(scratch, 0, sizeof *scratch);
}

/* ---- filters --------------------------------------------------------------------------------- */

static ls_truth ask_score(const ls_record *record, const ls_filter *leaf)
{
    const ls_score_column *column = &record->columns[leaf->score];
    const ls_definition *definition = &record->binding->plan->definitions[leaf->score];
    uint8_t flags = column->flags[record->place];
    const int64_t *const parts[] = {column->value, column->fit, column->engagement};
    bool there = leaf->part == LS_PART_LABEL ? column->label != NULL : parts[leaf->part] != NULL;
    ls_value value = {.known = there && (flags & LS_FLAG_IN_SCOPE) && !(flags & LS_FLAG_EMPTY)};
    if (value.known && leaf->part == LS_PART_LABEL) {
        value.text = definition->folded_labels[column->label[record->place]];
    } else if (value.known) {
        value.points = parts[leaf->part][record->place];
    }
    return ls_condition_test(leaf->condition, &value, record->binding->at);
}

static ls_truth ask_lists(const ls_record *record, const ls_filter *leaf)
{
    bool member = false;
    for (size_t i = 0; i < leaf->count && !member; i++) {
        const ls_list *list = record->binding->lists[leaf->lists[i]];
        member = list && ls_list_has(list, record->object, record->row);
    }
    return member != leaf->negate ? LS_TRUE : LS_FALSE;
}

/* An associated company's or deal's events are those of its contacts together. */
static int64_t count_events(const ls_record *record, const ls_occurrences *did)
{
    static const ls_over contacts = {.relation = LS_RELATED_CONTACTS, .object = LS_CONTACT};
    const ls_dataset *dataset = record->binding->dataset;
    if (record->own) {
        return record->scratch->counts[did->index];
    }
    if (record->object == LS_CONTACT) {
        return ls_kernel_count(record->binding, did, record->row);
    }
    int64_t count = 0;
    ls_related related = ls_related_begin(dataset, record->object, record->row, &contacts);
    for (size_t contact; ls_related_next(&related, &contact);) {
        count += ls_kernel_count(record->binding, did, contact);
    }
    return count;
}

static ls_truth ask_did(const ls_record *record, const ls_filter *leaf)
{
    bool did = ls_times_fit(leaf->did, count_events(record, leaf->did)) != NULL;
    return did != leaf->negate ? LS_TRUE : LS_FALSE;
}

ls_truth ls_kernel_ask(const ls_record *record, const ls_filter *filter)
{
    const ls_property_table *table;
    switch (filter->kind) {
    case LS_FILTER_PROPERTY:
        table = &record->binding->tables[filter->property];
        return (ls_truth)ls_table_record(
            table, ls_table_class(table, record->row))[record->binding->atom_place[filter->atom]];
    case LS_FILTER_SCORE: return ask_score(record, filter);
    case LS_FILTER_LIST: return ask_lists(record, filter);
    case LS_FILTER_DID: return ask_did(record, filter);
    case LS_FILTER_RELATED: return ls_kernel_related(record, filter);
    default: break;
    }
    bool all = filter->kind == LS_FILTER_ALL;
    ls_truth truth = all ? LS_TRUE : LS_FALSE;
    for (size_t i = 0; i < filter->count; i++) {
        ls_truth child = ls_kernel_ask(record, &filter->children[i]);
        truth = all ? ls_truth_and(truth, child) : ls_truth_or(truth, child);
    }
    return filter->kind == LS_FILTER_NONE ? ls_truth_not(truth) : truth;
}

/* ---- one record
 * ------------------------------------------------------------------------------------ */

static void add_values(const ls_binding *binding, size_t row, ls_scratch *scratch)
{
    for (size_t i = 0; i < binding->fit_count; i++) {
        const ls_fit_table *fit = &binding->fits[i];
        const ls_value_class *class =
            &fit->classes[ls_table_class(&binding->tables[fit->property], row)];
        scratch->fired = scratch->fired || class->fires;
        for (uint32_t k = 0; k < class->count; k++) {
            const ls_addition *addition = &fit->additions[class->first + k];
            scratch->sums[addition->target] += addition->points;
        }
    }
}

static void add_filter_rules(const ls_record *record)
{
    ls_scratch *scratch = record->scratch;
    const ls_binding *binding = record->binding;
    for (size_t i = 0; i < binding->filter_rule_count; i++) {
        uint32_t number = binding->filter_rules[i];
        const ls_rule *rule = &binding->definition->rules[number];
        if (ls_kernel_ask(record, rule->when) == LS_TRUE) {
            scratch->sums[binding->rule_target[number]] += rule->points;
            scratch->fired = true;
        }
    }
}

/* Event rules with `times`: their points once, if the count fits. */
static void add_counted(const ls_binding *binding, ls_scratch *scratch)
{
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        if (spec->rule == NULL || spec->rule->over || spec->occurrences->times_count == 0) {
            continue;
        }
        int64_t count = scratch->counts[i];
        const ls_times *times = ls_times_fit(spec->occurrences, count);
        if (times) {
            bool decays = count > 0 && spec->occurrences->decay.curve != LS_CURVE_NONE;
            int64_t age = decays ? binding->at - scratch->latest[i] : 0;
            scratch->sums[spec->target] +=
                decays ? ls_quick_decay_points(&binding->decays[i], times->points, age)
                       : times->points;
            if (LS_UNLIKELY(scratch->steady != NULL) && decays) {
                ls_kernel_note_curved(binding, i, times->points, scratch->latest[i], scratch);
            }
            scratch->fired = true;
        }
    }
}

static void limit_rules(const ls_binding *binding, ls_scratch *scratch)
{
    const ls_definition *definition = binding->definition;
    for (size_t i = 0;
         i < definition->rule_count && binding->target_count > definition->group_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        if (rule->enabled && binding->rule_target[i] >= definition->group_count) {
            ls_kernel_add(scratch, rule->group,
                          ls_limit_apply(&rule->limit, scratch->sums[binding->rule_target[i]]));
        }
    }
}

static void store(const ls_binding *binding, const ls_score_column *column, size_t place,
                  const ls_scratch *scratch)
{
    ls_settled settled;
    const char *where;
    if (!ls_settle(binding->definition, scratch->sums, &settled, &where)) {
        column->flags[place] = LS_FLAG_WALK;
        return;
    }
    bool empty = binding->definition->empty_until_scored && !scratch->fired;
    column->value[place] = settled.value;
    if (column->fit) {
        column->fit[place] = settled.fit;
        column->engagement[place] = settled.engagement;
    }
    if (column->label) {
        column->label[place] = settled.label;
    }
    column->flags[place] = (uint8_t)(LS_FLAG_IN_SCOPE | (scratch->fired ? LS_FLAG_SCORED : 0) |
                                     (empty ? LS_FLAG_EMPTY : 0));
}

void ls_kernel_settle(const ls_binding *binding, const ls_score_column *column, size_t place,
                      ls_scratch *scratch)
{
    limit_rules(binding, scratch);
    if (scratch->too_large || binding->fixed_bound > LS_MAX_SUM) {
        column->flags[place] = LS_FLAG_WALK;
    } else {
        store(binding, column, place, scratch);
    }
}

void ls_kernel_add(ls_scratch *scratch, uint32_t target, ls_int128 points)
{
    ls_int128 sum = scratch->sums[target] + points;
    bool fits = sum <= LS_MAX_SUM && sum >= -(ls_int128)LS_MAX_SUM;
    scratch->too_large = scratch->too_large || !fits;
    scratch->sums[target] = fits ? (int64_t)sum : 0;
}

static void clear(const ls_binding *binding, ls_scratch *scratch)
{
    scratch->fired = scratch->too_large = false;
    memset(scratch->sums, 0, binding->target_count * sizeof *scratch->sums);
    memset(scratch->counts, 0, binding->spec_count * sizeof *scratch->counts);
    for (size_t i = 0; binding->any_kernel && i < binding->spec_count; i++) {
        scratch->latest[i] = INT64_MIN;
    }
}

/* ---- what is kept of a record's events ------------------------------------------------------- */

static bool is_kept(const ls_binding *binding, const ls_scratch *scratch)
{
    const ls_kept_events *kept = scratch->kept;
    return kept && kept->known && binding->at >= kept->from && binding->at < kept->until;
}

/* No event crosses an edge of its bucket in between. */
static void narrow(const ls_binding *binding, int64_t time, uint32_t entry, ls_kept_events *kept)
{
    int64_t age = binding->at - time;
    if (age < 0) {
        kept->until = ls_min(kept->until, time);
        return;
    }
    size_t bucket = entry % binding->bucket_count;
    kept->from = ls_max(kept->from, time + (bucket ? binding->edges[bucket - 1] : 0));
    if (bucket + 1 < binding->bucket_count) {
        kept->until = ls_min(kept->until, time + binding->edges[bucket]);
    }
}

/* added: of the events before it the sums were taken as they were kept. */
static void keep_events(const ls_binding *binding, size_t block, size_t begin, size_t added,
                        size_t end, ls_scratch *scratch)
{
    ls_kept_events *kept = scratch->kept;
    if (added == begin) {
        kept->from = LS_TIME_MIN;
        kept->until = INT64_MAX;
    }
    kept->known = true;
    kept->fired = scratch->fired;
    kept->count = end - begin;
    for (size_t e = added; e < end; e++) {
        narrow(binding, ls_event_time(&binding->dataset->events, e), scratch->entries[e - block],
               kept);
    }
    memcpy(kept->sums, scratch->sums, binding->target_count * sizeof *kept->sums);
    memcpy(kept->sums + binding->target_count, scratch->counts,
           binding->spec_count * sizeof *kept->sums);
}

static void take_kept(const ls_binding *binding, ls_scratch *scratch)
{
    const ls_kept_events *kept = scratch->kept;
    scratch->fired = kept->fired;
    memcpy(scratch->sums, kept->sums, binding->target_count * sizeof *kept->sums);
    memcpy(scratch->counts, kept->sums + binding->target_count,
           binding->spec_count * sizeof *kept->sums);
}

/* ---- what stays of a record's score ---------------------------------------------------------- */

void ls_kernel_note_curved(const ls_binding *binding, size_t spec, int64_t points, int64_t time,
                           ls_scratch *scratch)
{
    ls_steady *steady = scratch->steady;
    const ls_quick_decay *decay = &binding->decays[spec];
    const int64_t now = ls_quick_decay_points(decay, points, binding->at - time);
    const uint32_t target = binding->specs[spec].target;
    if (decay->decay.curve <= LS_CURVE_STEP || now == 0) { /* curves only fall */
        return;
    }
    steady->whole = steady->whole && steady->curved_count < steady->curved_capacity;
    if (steady->whole) {
        steady->sums[target] -= now;
        steady->curved[steady->curved_count++] =
            (struct ls_curved){(uint32_t)spec, target, points, time};
    }
}

static void note_steady(const ls_binding *binding, bool inside, ls_scratch *scratch)
{
    ls_steady *steady = scratch->steady;
    if (steady == NULL) {
        return;
    }
    steady->inside = inside;
    steady->fired = scratch->fired;
    for (size_t i = 0; i < binding->target_count; i++) {
        steady->sums[i] += scratch->sums[i];
    }
}

/* A contact's own events, the sums of which lanes are known to hold; false: they might not. */
static bool add_events(const ls_record *record, size_t block)
{
    const ls_binding *binding = record->binding;
    const ls_events *events = &binding->dataset->events;
    size_t begin = 0, end = 0;
    if (events->count > 0) {
        begin = (size_t)events->first[record->row];
        end = (size_t)ls_events_end(events, record->row);
    }
    if ((ls_int128)(end - begin) * binding->event_bound + binding->fixed_bound > LS_MAX_SUM) {
        return false;
    }
    size_t added = begin;
    if (is_kept(binding, record->scratch)) {
        take_kept(binding, record->scratch);
        added += record->scratch->kept->count;
    }
    if (end > added && binding->spec_count > 0) {
        ls_kernel_contact(binding, block, added, end, record->scratch);
        if (record->scratch->kept && record->scratch->kept->wanted) {
            keep_events(binding, block, begin, added, end, record->scratch);
        }
    }
    return true;
}

static void score_record(const ls_record *record, size_t block)
{
    const ls_binding *binding = record->binding;
    ls_scratch *scratch = record->scratch;
    const ls_score_column *column =
        &record->columns[binding->definition - binding->plan->definitions];
    clear(binding, scratch);
    if (record->object != LS_CONTACT) {
        ls_kernel_contacts(record);
    } else if (!add_events(record, block)) {
        scratch->too_large = true;
    }
    if (!scratch->too_large && binding->definition->scope &&
        ls_kernel_ask(record, binding->definition->scope) != LS_TRUE) {
        column->flags[record->place] = 0;
        note_steady(binding, false, scratch);
        return;
    }
    add_values(binding, record->row, scratch);
    add_filter_rules(record);
    add_counted(binding, scratch);
    ls_kernel_over(record);
    note_steady(binding, true, scratch);
    ls_kernel_settle(binding, column, record->place, scratch);
}

/* Contacts whose events fit a block; a single one always does. */
static size_t end_of_block(const ls_events *events, size_t first, size_t last)
{
    size_t stop = first + 1;
    while (stop < last && events->first[stop + 1] - events->first[first] <= LS_BLOCK_EVENTS) {
        stop++;
    }
    return stop;
}

void ls_kernel_run(const ls_binding *binding, const ls_score_column *columns,
                   ls_rolled *const *rolled, size_t first, size_t last, ls_scratch *scratch)
{
    const ls_events *events = &binding->dataset->events;
    ls_object object = binding->definition->object;
    bool own_events = object == LS_CONTACT && events->count > 0 && binding->spec_count > 0 &&
                      !is_kept(binding, scratch);
    ls_record record = {binding, columns, rolled, scratch, object, first, first, true};
    while (record.row < last) {
        size_t begin = 0, stop = last;
        if (own_events) {
            stop = end_of_block(events, record.row, last);
            begin = (size_t)events->first[record.row];
            ls_kernel_entries(binding, begin, (size_t)events->first[stop] - begin, scratch);
        }
        for (; record.row < stop; record.place = ++record.row) {
            score_record(&record, begin);
        }
    }
}

void ls_kernel_one(const ls_binding *binding, const ls_score_column *columns, size_t row,
                   ls_scratch *scratch)
{
    const ls_events *events = &binding->dataset->events;
    const ls_record record = {.binding = binding,
                              .columns = columns,
                              .scratch = scratch,
                              .object = LS_CONTACT,
                              .row = row,
                              .own = true};
    size_t begin = 0;
    if (events->count > 0 && binding->spec_count > 0) {
        begin = (size_t)events->first[row];
        begin += is_kept(binding, scratch) ? scratch->kept->count : 0;
        ls_kernel_entries(binding, begin, (size_t)ls_events_end(events, row) - begin, scratch);
    }
    score_record(&record, begin);
}
