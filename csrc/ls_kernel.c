/* Scores records from a binding: the events' sums (ls_kernel_events.c), what the record's own
 * values add, filters over several of them, then limits and thresholds. */
#include "ls_kernel.h"

/* ---- scratch
 * --------------------------------------------------------------------------------------- */

static size_t most_events(const ls_dataset *dataset)
{
    size_t most = 0, contacts = dataset->tables[LS_CONTACT].count;
    for (size_t i = 0; dataset->events.count > 0 && i < contacts; i++) {
        size_t count = (size_t)(dataset->events.first[i + 1] - dataset->events.first[i]);
        most = count > most ? count : most;
    }
    return most;
}

int ls_scratch_init(ls_scratch *scratch, ls_context *context, const ls_binding *bindings,
                    size_t count, const ls_dataset *dataset)
{
    bool lists = false;
    size_t events = most_events(dataset);
    memset(scratch, 0, sizeof *scratch);
    scratch->context = context;
    scratch->target_capacity = scratch->spec_capacity = scratch->word_capacity = 1;
    for (size_t i = 0; i < count; i++) {
        lists = lists || bindings[i].any_list;
        scratch->target_capacity += bindings[i].target_count;
        scratch->spec_capacity += bindings[i].spec_count;
        scratch->word_capacity =
            bindings[i].words > scratch->word_capacity ? bindings[i].words : scratch->word_capacity;
    }
    scratch->event_capacity = events > LS_BLOCK_EVENTS ? events : LS_BLOCK_EVENTS;
    scratch->listed_capacity = lists ? events + 1 : 1;
    scratch->classes = ls_allocate(context, scratch->event_capacity * sizeof *scratch->classes);
    scratch->entries = ls_allocate(context, scratch->event_capacity * sizeof *scratch->entries);
    scratch->listed = ls_allocate(context, scratch->listed_capacity * sizeof *scratch->listed);
    scratch->sums = ls_allocate(context, scratch->target_capacity * sizeof *scratch->sums);
    scratch->counts = ls_allocate(context, scratch->spec_capacity * sizeof *scratch->counts);
    scratch->latest = ls_allocate(context, scratch->spec_capacity * sizeof *scratch->latest);
    scratch->words = ls_allocate(context, scratch->word_capacity * sizeof *scratch->words);
    if (scratch->words && scratch->classes && scratch->entries && scratch->listed &&
        scratch->sums && scratch->counts && scratch->latest) {
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
    ls_free(context, scratch->sums, scratch->target_capacity * sizeof *scratch->sums);
    ls_free(context, scratch->counts, scratch->spec_capacity * sizeof *scratch->counts);
    ls_free(context, scratch->latest, scratch->spec_capacity * sizeof *scratch->latest);
    ls_free(context, scratch->words, scratch->word_capacity * sizeof *scratch->words);
    memset(scratch, 0, sizeof *scratch);
}

/* ---- filters
 * --------------------------------------------------------------------------------------- */

/* What a filter over several values looks at. */
typedef struct record {
    const ls_binding *binding;
    const ls_score_column *columns;
    const ls_scratch *scratch;
    size_t row;
} record;

static ls_truth ask_score(const record *record, const ls_filter *leaf)
{
    const ls_score_column *column = &record->columns[leaf->score];
    const ls_definition *definition = &record->binding->plan->definitions[leaf->score];
    uint8_t flags = column->flags[record->row];
    const int64_t *const parts[] = {column->value, column->fit, column->engagement};
    bool there = leaf->part == LS_PART_LABEL ? column->label != NULL : parts[leaf->part] != NULL;
    ls_value value = {.known = there && (flags & LS_FLAG_IN_SCOPE) && !(flags & LS_FLAG_EMPTY)};
    if (value.known && leaf->part == LS_PART_LABEL) {
        value.text = definition->folded_labels[column->label[record->row]];
    } else if (value.known) {
        value.points = parts[leaf->part][record->row];
    }
    return ls_condition_test(leaf->condition, &value, record->binding->at);
}

static ls_truth ask_lists(const record *record, const ls_filter *leaf)
{
    bool member = false;
    for (size_t i = 0; i < leaf->count && !member; i++) {
        const ls_list *list = record->binding->lists[leaf->lists[i]];
        member = list && ls_list_has(list, record->row);
    }
    return member != leaf->negate ? LS_TRUE : LS_FALSE;
}

static ls_truth ask_did(const record *record, const ls_filter *leaf)
{
    bool did = ls_times_fit(leaf->did, record->scratch->counts[leaf->did->index]) != NULL;
    return did != leaf->negate ? LS_TRUE : LS_FALSE;
}

static ls_truth ask(const record *record, const ls_filter *filter)
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
    default: break;
    }
    bool all = filter->kind == LS_FILTER_ALL;
    ls_truth truth = all ? LS_TRUE : LS_FALSE;
    for (size_t i = 0; i < filter->count; i++) {
        ls_truth child = ask(record, &filter->children[i]);
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

static void add_filter_rules(const record *record, ls_scratch *scratch)
{
    const ls_binding *binding = record->binding;
    for (size_t i = 0; i < binding->filter_rule_count; i++) {
        uint32_t number = binding->filter_rules[i];
        const ls_rule *rule = &binding->definition->rules[number];
        if (ask(record, rule->when) == LS_TRUE) {
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
        if (spec->rule == NULL || spec->occurrences->times_count == 0) {
            continue;
        }
        int64_t count = scratch->counts[i];
        const ls_times *times = ls_times_fit(spec->occurrences, count);
        if (times) {
            bool decays = count > 0 && spec->occurrences->decay.curve != LS_CURVE_NONE;
            int64_t age = decays ? binding->at - scratch->latest[i] : 0;
            scratch->sums[spec->target] +=
                decays ? ls_decay_points(&spec->occurrences->decay, times->points, age)
                       : times->points;
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
            scratch->sums[rule->group] +=
                ls_limit_apply(&rule->limit, scratch->sums[binding->rule_target[i]]);
        }
    }
}

static void store(const ls_binding *binding, const ls_score_column *column, size_t row,
                  const ls_scratch *scratch)
{
    ls_settled settled;
    const char *where;
    if (!ls_settle(binding->definition, scratch->sums, &settled, &where)) {
        column->flags[row] = LS_FLAG_WALK;
        return;
    }
    bool empty = binding->definition->empty_until_scored && !scratch->fired;
    column->value[row] = settled.value;
    if (column->fit) {
        column->fit[row] = settled.fit;
        column->engagement[row] = settled.engagement;
    }
    if (column->label) {
        column->label[row] = settled.label;
    }
    column->flags[row] = (uint8_t)(LS_FLAG_IN_SCOPE | (scratch->fired ? LS_FLAG_SCORED : 0) |
                                   (empty ? LS_FLAG_EMPTY : 0));
}

static void score_record(const ls_binding *binding, const ls_score_column *columns, size_t block,
                         size_t row, ls_scratch *scratch)
{
    const ls_events *events = &binding->dataset->events;
    const ls_score_column *column = &columns[binding->definition - binding->plan->definitions];
    const record record = {binding, columns, scratch, row};
    size_t begin = 0, end = 0;
    if (events->count > 0) {
        begin = (size_t)events->first[row];
        end = (size_t)events->first[row + 1];
    }
    if ((ls_int128)(end - begin) * binding->event_bound + binding->fixed_bound > LS_MAX_SUM) {
        column->flags[row] = LS_FLAG_WALK;
        return;
    }
    scratch->fired = false;
    memset(scratch->sums, 0, binding->target_count * sizeof *scratch->sums);
    memset(scratch->counts, 0, binding->spec_count * sizeof *scratch->counts);
    for (size_t i = 0; binding->any_kernel && i < binding->spec_count; i++) {
        scratch->latest[i] = INT64_MIN;
    }
    if (end > begin && binding->spec_count > 0) {
        ls_kernel_contact(binding, block, begin, end, scratch);
    }
    if (binding->definition->scope && ask(&record, binding->definition->scope) != LS_TRUE) {
        column->flags[row] = 0;
        return;
    }
    add_values(binding, row, scratch);
    add_filter_rules(&record, scratch);
    add_counted(binding, scratch);
    limit_rules(binding, scratch);
    store(binding, column, row, scratch);
}

void ls_kernel_run(const ls_binding *binding, const ls_score_column *columns, size_t first,
                   size_t last, ls_scratch *scratch)
{
    const ls_events *events = &binding->dataset->events;
    while (first < last) {
        size_t begin = 0, end, stop = first;
        if (events->count > 0 && binding->spec_count > 0) {
            begin = (size_t)events->first[first];
            do { /* contacts whose events fit the block; a single one always does */
                end = (size_t)events->first[++stop];
            } while (stop < last && events->first[stop + 1] - begin <= LS_BLOCK_EVENTS);
            ls_kernel_entries(binding, begin, end - begin, scratch);
        } else {
            stop = last;
        }
        for (; first < stop; first++) {
            score_record(binding, columns, begin, first, scratch);
        }
    }
}
