/* The walk: one record, rule by rule, exactly as the scoring language has it (sections 3 to 8).
 *
 * Conditions are all asked, even where the outcome is clear, so that an unreadable cell is found
 * whatever the order of conditions, and so that every instant at which a part of the answer may
 * change is met: those edges narrow walk->interval. Rules that no curve moves are kept for as long
 * as their interval holds, which is what ls_next_change lives on.
 *
 * A failure is noted in walk->status and the walk goes on with an unknown; ls_walk_score answers
 * it. */
#include "ls_walk.h"

/* ---- failures and edges ---------------------------------------------------------------------- */

void ls_walk_fail_memory(ls_walk *walk)
{
    if (walk->status == LS_OK)
        walk->status = ls_fail_memory(walk->error);
}

static void fail_for_sum(ls_walk *walk, const char *part)
{
    static const char *const objects[] = {"contact", "company", "deal"};
    if (walk->status != LS_OK)
        return;
    size_t length = 0;
    const char *id = ls_dataset_id(walk->dataset, walk->object, walk->row, &length);
    ls_string name = walk->part->definition->name;
    walk->status =
        ls_fail(walk->error, LS_ERROR_RANGE, "%s %.*s: %.*s: %s: the sum passed 10^12 points",
                objects[walk->object], (int)ls_min((int64_t)length, 100), id, (int)name.length,
                name.text, part);
}

static void add_index(ls_buffer *text, const char *name, size_t index)
{
    char digits[24], *p = digits + sizeof digits;
    size_t left = index + 1;
    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    ls_buffer_add_text(text, name);
    ls_buffer_add(text, p, (size_t)(digits + sizeof digits - p));
    ls_buffer_add_text(text, "]");
}

/* "groups[2].rules[1]"; rule NULL: the group alone. */
void ls_walk_fail_sum(ls_walk *walk, size_t group, const ls_rule *rule)
{
    ls_buffer *text = &walk->reader.folded;
    text->length = 0;
    add_index(text, "groups[", group);
    if (rule != NULL)
        add_index(text, ".rules[", rule->index);
    ls_buffer_add(text, "", 1);
    if (text->failed)
        ls_walk_fail_memory(walk);
    else
        fail_for_sum(walk, text->data);
}

static int64_t subtract_span(int64_t time, int64_t span)
{
    int64_t difference;
    return __builtin_sub_overflow(time, span, &difference) ? INT64_MIN : difference;
}

/* The instants at which a condition on this date changes its answer. */
static void note_condition(ls_walk *walk, const ls_condition *condition, const ls_value *value)
{
    if (!condition->moves || !value->known)
        return;
    for (size_t i = 0; i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        if (test->op == LS_OP_IN_LAST || test->op == LS_OP_MORE_THAN_AGO)
            ls_note_edge(walk, ls_add_span(value->time, test->span));
        if (test->op == LS_OP_IN_NEXT || test->op == LS_OP_MORE_THAN_AHEAD)
            ls_note_edge(walk, subtract_span(value->time, test->span));
        if (test->op == LS_OP_IN_LAST || test->op == LS_OP_IN_NEXT)
            ls_note_edge(walk, value->time);
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static const ls_column *column_code(const ls_walk *walk, uint32_t property, uint32_t *code)
{
    const ls_column *column = walk->part->columns[property];
    bool of_event = walk->part->definition->properties[property].owner == LS_EVENT;
    *code = column != NULL ? ls_column_code(column, of_event ? walk->event : walk->row) : 0;
    return column;
}

ls_string ls_walk_cell(const ls_walk *walk, uint32_t property)
{
    uint32_t code;
    const ls_column *column = column_code(walk, property, &code);
    return code != 0 ? ls_dictionary_text(&column->dictionary, code) : (ls_string){"", 0};
}

void ls_walk_value(ls_walk *walk, uint32_t property, ls_type type, ls_value *out)
{
    memset(out, 0, sizeof *out);
    if (ls_property_is_event_time(&walk->part->definition->properties[property])) {
        out->known = true;
        out->time = ls_event_time(&walk->dataset->events, walk->event);
        return;
    }
    uint32_t code;
    const ls_column *column = column_code(walk, property, &code);
    if (code == 0)
        return;
    ls_string cell = ls_dictionary_text(&column->dictionary, code);
    if (ls_value_read(&walk->reader, type, cell.text, cell.length, out) != LS_OK)
        ls_walk_fail_memory(walk);
    else if (out->unreadable && !walk->dataset->lenient && walk->status == LS_OK)
        walk->status = ls_dataset_bad_cell(walk->dataset, column, code, type, walk->error);
}

static void read_typed(ls_walk *walk, uint32_t property, ls_value *out)
{
    ls_walk_value(walk, property, walk->part->definition->properties[property].type, out);
}

/* fit and engagement are parts of a combined score only. */
void ls_walk_score_value(ls_walk *walk, uint32_t definition, ls_part part, const ls_score *score,
                         ls_value *out)
{
    const ls_definition *of = &walk->plan->definitions[definition];
    memset(out, 0, sizeof *out);
    if (score->empty)
        return;
    if (part == LS_PART_LABEL) {
        if (score->label != NULL &&
            ls_value_read(&walk->reader, LS_TEXT, score->label, strlen(score->label), out) != LS_OK)
            ls_walk_fail_memory(walk);
        return;
    }
    out->known = part == LS_PART_VALUE || (of->has_fit && of->has_engagement);
    out->points = part == LS_PART_VALUE ? score->value
                  : part == LS_PART_FIT ? score->fit
                                        : score->engagement;
}

/* ---- filters --------------------------------------------------------------------------------- */

static ls_truth test_property(ls_walk *walk, const ls_filter *filter)
{
    ls_value value;
    read_typed(walk, filter->property, &value);
    note_condition(walk, filter->condition, &value);
    return ls_condition_test(filter->condition, &value, walk->clock.at);
}

bool ls_is_same_side(const ls_condition *condition, int64_t a, int64_t b)
{
    for (size_t i = 0; i < condition->count; i++)
        for (size_t j = 0; j < condition->tests[i].count; j++) {
            int64_t bound = condition->tests[i].points[j];
            if ((a < bound) != (b < bound) || (a > bound) != (b > bound))
                return false;
        }
    return true;
}

static bool is_same_answer(ls_walk *walk, const ls_filter *filter, const ls_score *least,
                           const ls_score *most)
{
    ls_value low, high;
    if (least->empty != most->empty)
        return false;
    if (filter->part == LS_PART_LABEL)
        return least->label == most->label;
    ls_walk_score_value(walk, filter->score, filter->part, least, &low);
    ls_walk_score_value(walk, filter->score, filter->part, most, &high);
    return !low.known || ls_is_same_side(filter->condition, low.points, high.points);
}

static ls_truth test_score(ls_walk *walk, const ls_filter *filter)
{
    bool bounding = ls_walk_is_bounding(walk);
    ls_score score, most;
    ls_value value;
    ls_walk_ask(walk, filter->score, walk->row, bounding ? LS_LEAST : LS_NOW, &score);
    if (bounding) {
        ls_walk_ask(walk, filter->score, walk->row, LS_MOST, &most);
        walk->ambiguous = walk->ambiguous || !is_same_answer(walk, filter, &score, &most);
    }
    ls_walk_score_value(walk, filter->score, filter->part, &score, &value);
    return ls_condition_test(filter->condition, &value, walk->clock.at);
}

static ls_truth test_lists(const ls_walk *walk, const ls_filter *filter)
{
    bool member = false;
    for (size_t i = 0; i < filter->count; i++)
        member = member || ls_list_has(walk->lists[filter->lists[i]], walk->object, walk->row);
    return member != filter->negate ? LS_TRUE : LS_FALSE;
}

const ls_times *ls_walk_times(const ls_occurrences *occurrences, size_t count)
{
    for (size_t i = 0; i < occurrences->times_count; i++) {
        const ls_times *times = &occurrences->times[i];
        if ((uint64_t)count >= (uint64_t)times->min && (uint64_t)count <= (uint64_t)times->max)
            return times;
    }
    return NULL;
}

static ls_truth test_did(ls_walk *walk, const ls_filter *filter)
{
    int64_t latest;
    const ls_found *found = ls_walk_find(walk, filter->did, NULL);
    size_t count = ls_walk_count(walk, filter->did, found, &latest);
    bool did = ls_walk_times(filter->did, count) != NULL;
    return did != filter->negate ? LS_TRUE : LS_FALSE;
}

static ls_truth test_all(ls_walk *walk, const ls_filter *filter)
{
    ls_truth truth = LS_TRUE;
    for (size_t i = 0; i < filter->count; i++)
        truth = ls_truth_and(truth, ls_walk_filter(walk, &filter->children[i]));
    return truth;
}

static ls_truth test_any(ls_walk *walk, const ls_filter *filter)
{
    ls_truth truth = LS_FALSE;
    for (size_t i = 0; i < filter->count; i++)
        truth = ls_truth_or(truth, ls_walk_filter(walk, &filter->children[i]));
    return truth;
}

ls_truth ls_walk_filter(ls_walk *walk, const ls_filter *filter)
{
    switch (filter->kind) {
    case LS_FILTER_ALL: return test_all(walk, filter);
    case LS_FILTER_ANY: return test_any(walk, filter);
    case LS_FILTER_NONE: return ls_truth_not(test_any(walk, filter));
    case LS_FILTER_PROPERTY: return test_property(walk, filter);
    case LS_FILTER_SCORE: return test_score(walk, filter);
    case LS_FILTER_LIST: return test_lists(walk, filter);
    case LS_FILTER_DID: return test_did(walk, filter);
    case LS_FILTER_RELATED: return ls_walk_relation(walk, filter);
    }
    return LS_UNKNOWN;
}

bool ls_walk_choose(ls_walk *walk, const ls_choice *choice, ls_int128 *points)
{
    ls_value value;
    ls_type type = walk->part->definition->properties[choice->property].type;
    read_typed(walk, choice->property, &value);
    if (choice->kind == LS_CHOICE_BANDS)
        for (size_t i = 0; i < choice->count; i++)
            note_condition(walk, choice->entries[i].condition, &value);
    return ls_choice_points(choice, type, &value, walk->clock.at, points);
}

/* ---- decay ----------------------------------------------------------------------------------- */

/* Bounds take positive points at one end of an interval and negative ones at the other. */
static int64_t curve_instant(const ls_walk *walk, int64_t points)
{
    return points < 0 ? walk->clock.curve_loss : walk->clock.curve_gain;
}

int64_t ls_walk_decay(const ls_walk *walk, const ls_decay *decay, int64_t points, int64_t at)
{
    if (decay->curve == LS_CURVE_NONE)
        return points;
    int64_t instant = ls_decay_is_curve(decay) ? curve_instant(walk, points) : walk->clock.at;
    return ls_decay_points(decay, points, instant - at);
}

/* The steps before and after now. */
static void note_steps(ls_walk *walk, const ls_decay *decay, int64_t at)
{
    int64_t age = walk->clock.at - at, end = ls_decay_end(decay);
    if (age >= end) {
        ls_note_edge(walk, ls_add_span(at, end));
        return;
    }
    int64_t last = age - age % decay->every;
    if (last > 0)
        ls_note_edge(walk, ls_add_span(at, last));
    ls_note_edge(walk, ls_add_span(ls_add_span(at, last), decay->every));
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool score_times(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                        size_t contact, ls_int128 *sum)
{
    size_t count;
    const ls_occurrence *items = ls_walk_window(walk, occurrences, found, contact, &count);
    const ls_times *times = ls_walk_times(occurrences, count);
    *sum = 0;
    if (times == NULL)
        return false;
    *sum = times->points;
    if (count == 0) /* nothing occurred: nothing decays */
        return true;
    int64_t at = items[count - 1].at;
    *sum = ls_walk_decay(walk, &occurrences->decay, times->points, at);
    if (walk->watching && occurrences->decay.curve == LS_CURVE_STEP)
        note_steps(walk, &occurrences->decay, at);
    return true;
}

static bool score_each(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                       size_t contact, ls_int128 *sum)
{
    size_t count;
    const ls_occurrence *items = ls_walk_window(walk, occurrences, found, contact, &count);
    bool steps = walk->watching && occurrences->decay.curve == LS_CURVE_STEP;
    bool bounding = ls_walk_is_bounding(walk);
    *sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (bounding && items[i].cancelled)
            continue;
        *sum += ls_walk_decay(walk, &occurrences->decay, items[i].points, items[i].at);
        if (steps)
            note_steps(walk, &occurrences->decay, items[i].at);
    }
    return count != 0;
}

/* As score_each, but every occurrence wholly at its end of the interval, window and steps too: a
 * bound. Whether any is left at curve_gain says whether the rule fires there. */
static bool bound_each(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                       size_t contact, ls_int128 *sum)
{
    size_t gain = ls_walk_start(occurrences, found, contact, walk->clock.curve_gain);
    size_t loss = ls_walk_start(occurrences, found, contact, walk->clock.curve_loss);
    size_t end = found->contacts[contact].first + found->contacts[contact].count;
    *sum = 0;
    for (size_t i = gain < loss ? gain : loss; i < end; i++) {
        int64_t points = found->items[i].points;
        if (!found->items[i].cancelled && i >= (points < 0 ? loss : gain))
            *sum += ls_decay_points(&occurrences->decay, points,
                                    curve_instant(walk, points) - found->items[i].at);
    }
    return gain < end;
}

bool ls_walk_contact(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                     size_t contact, ls_int128 *sum)
{
    if (occurrences->times_count != 0)
        return score_times(walk, occurrences, found, contact, sum);
    return walk->coarse ? bound_each(walk, occurrences, found, contact, sum)
                        : score_each(walk, occurrences, found, contact, sum);
}

/* A contact's own event rule. */
static bool score_events(ls_walk *walk, const ls_occurrences *occurrences, ls_int128 *sum)
{
    const ls_found *found = ls_walk_find(walk, occurrences, NULL);
    return found->contact_count != 0 && ls_walk_contact(walk, occurrences, found, 0, sum);
}

static bool score_rule(ls_walk *walk, const ls_rule *rule, ls_int128 *sum)
{
    *sum = 0;
    if (rule->over != NULL)
        return ls_walk_over(walk, rule, sum);
    switch (rule->kind) {
    case LS_RULE_WHEN:
        if (ls_walk_filter(walk, rule->when) != LS_TRUE)
            return false;
        *sum = rule->points;
        return true;
    case LS_RULE_PROPERTY: return ls_walk_choose(walk, &rule->choice, sum);
    case LS_RULE_EVENT: return score_events(walk, rule->occurrences, sum);
    case LS_RULE_ROLLUP: return false; /* always over associated records */
    }
    return false;
}

static void work_out_rule(ls_walk *walk, const ls_rule *rule, ls_rule_result *out)
{
    ls_int128 sum;
    memset(out, 0, sizeof *out);
    out->fired = score_rule(walk, rule, &sum);
    if (!ls_sum_is_in_range(sum)) {
        ls_walk_fail_sum(walk, rule->group, rule);
        return;
    }
    out->raw = (int64_t)sum;
    out->value = ls_limit_apply(&rule->limit, out->raw);
}

static bool is_kept(const ls_walk *walk, const ls_walk_rule *kept)
{
    return kept->ready && (walk->still || !kept->varies) && !(walk->coarse && kept->shrinks) &&
           walk->clock.at >= kept->interval.from && walk->clock.at < kept->interval.until;
}

ls_rule_result ls_walk_rule_result(ls_walk *walk, size_t rule)
{
    ls_walk_rule *kept = &walk->part->rules[rule];
    if (!walk->part->definition->rules[rule].enabled)
        return (ls_rule_result){0};
    if (!is_kept(walk, kept)) {
        ls_interval outer = walk->interval;
        walk->interval = LS_ALWAYS;
        work_out_rule(walk, &walk->part->definition->rules[rule], &kept->result);
        kept->interval = walk->interval;
        kept->ready = (walk->watching || walk->still) && !(walk->coarse && kept->shrinks) &&
                      walk->status == LS_OK;
        walk->interval = outer;
    }
    ls_note_interval(walk, kept->interval);
    return kept->result;
}

/* ---- definitions ----------------------------------------------------------------------------- */

static bool sum_group(ls_walk *walk, size_t group)
{
    const ls_group *of = &walk->part->definition->groups[group];
    ls_int128 sum = 0;
    bool fired = false;
    for (uint32_t i = 0; i < of->rule_count; i++) {
        ls_rule_result result = ls_walk_rule_result(walk, of->first_rule + i);
        sum += result.value;
        fired = fired || result.fired;
    }
    if (!ls_sum_is_in_range(sum)) {
        ls_walk_fail_sum(walk, group, NULL);
        sum = 0;
    }
    walk->part->group_sums[group] = (int64_t)sum;
    return fired;
}

static void fill_score(const ls_walk *walk, ls_score *out)
{
    const ls_definition *definition = walk->part->definition;
    const ls_settled *settled = &walk->part->settled;
    out->empty = definition->empty_until_scored && !out->scored;
    if (out->empty)
        return;
    out->value = settled->value;
    if (definition->has_fit && definition->has_engagement) {
        out->fit = settled->fit;
        out->engagement = settled->engagement;
    }
    if (settled->label >= 0)
        out->label = definition->labels[settled->label];
}

static void score_groups(ls_walk *walk, ls_score *out)
{
    const ls_definition *definition = walk->part->definition;
    const char *where;
    for (size_t i = 0; i < definition->group_count; i++)
        out->scored = sum_group(walk, i) || out->scored;
    if (walk->status != LS_OK)
        return;
    if (!ls_settle(definition, walk->part->group_sums, &walk->part->settled, &where))
        fail_for_sum(walk, where);
    else
        fill_score(walk, out);
}

void ls_walk_forget(ls_walk_definition *part)
{
    for (size_t i = 0; i < part->definition->occurrences_count; i++)
        part->found[i].ready = false;
    for (size_t i = 0; i < part->definition->rule_count; i++)
        part->rules[i].ready = false;
    part->cancelled = false;
    part->row = SIZE_MAX;
}

void ls_walk_definition_score(ls_walk *walk, ls_score *out)
{
    ls_walk_definition *part = walk->part;
    const ls_definition *definition = part->definition;
    *out = (ls_score){.empty = true};
    memset(&part->settled, 0, sizeof part->settled);
    if (part->row != walk->row)
        ls_walk_forget(part);
    part->row = walk->row;
    if (ls_walk_is_bounding(walk) && definition->curves && !part->cancelled)
        ls_walk_cancel(walk);
    out->in_scope = definition->scope == NULL || ls_walk_filter(walk, definition->scope) == LS_TRUE;
    if (out->in_scope && walk->status == LS_OK)
        score_groups(walk, out);
}
