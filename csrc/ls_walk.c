/* The walk: one record, rule by rule, exactly as the scoring language has it (sections 3 to 8).
 *
 * A record's occurrences are found once for each event rule and did filter, and sorted by time.
 * once_per and latest keep the same occurrences at every later instant (a window drops the oldest
 * first), so only the window of `within` and decay are left to the clock. Conditions are all asked,
 * even where the outcome is clear, so that an unreadable cell is found whatever the order of
 * conditions, and so that every instant at which a part of the answer may change is met: those
 * edges narrow walk->interval. Rules that neither curves nor scores move are kept for as long as
 * their interval holds, which is what ls_next_change lives on.
 *
 * A failure is noted in walk->status and the walk goes on with an unknown; ls_walk_score answers
 * it. */
#include "ls_walk.h"

#include "ls_time.h"

#include <stdlib.h>

#define ALWAYS ((ls_interval){INT64_MIN, INT64_MAX})

/* ---- failures and edges ---------------------------------------------------------------------- */

static void fail_for_memory(ls_walk *walk)
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
static void fail_for_group(ls_walk *walk, size_t group, const ls_rule *rule)
{
    ls_buffer *text = &walk->reader.folded;
    text->length = 0;
    add_index(text, "groups[", group);
    if (rule != NULL)
        add_index(text, ".rules[", rule->index);
    ls_buffer_add(text, "", 1);
    if (text->failed)
        fail_for_memory(walk);
    else
        fail_for_sum(walk, text->data);
}

/* Something may change at this instant. */
static void note_edge(ls_walk *walk, int64_t edge)
{
    if (edge > walk->clock.at)
        walk->interval.until = ls_min(walk->interval.until, edge);
    else
        walk->interval.from = ls_max(walk->interval.from, edge);
}

static void note_interval(ls_walk *walk, ls_interval interval)
{
    walk->interval.from = ls_max(walk->interval.from, interval.from);
    walk->interval.until = ls_min(walk->interval.until, interval.until);
}

/* time + span, or the end of time. */
static int64_t add_span(int64_t time, int64_t span)
{
    int64_t sum;
    return __builtin_add_overflow(time, span, &sum) ? INT64_MAX : sum;
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
            note_edge(walk, add_span(value->time, test->span));
        if (test->op == LS_OP_IN_NEXT || test->op == LS_OP_MORE_THAN_AHEAD)
            note_edge(walk, subtract_span(value->time, test->span));
        if (test->op == LS_OP_IN_LAST || test->op == LS_OP_IN_NEXT)
            note_edge(walk, value->time);
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
        fail_for_memory(walk);
    else if (out->unreadable && !walk->dataset->lenient && walk->status == LS_OK)
        walk->status = ls_dataset_bad_cell(walk->dataset, column, code, type, walk->error);
}

static void read_typed(ls_walk *walk, uint32_t property, ls_value *out)
{
    ls_walk_value(walk, property, walk->part->definition->properties[property].type, out);
}

/* fit and engagement are parts of a combined score only. */
void ls_walk_score_value(ls_walk *walk, const ls_filter *filter, const ls_score *score,
                         ls_value *out)
{
    const ls_definition *of = &walk->plan->definitions[filter->score];
    memset(out, 0, sizeof *out);
    if (score->empty)
        return;
    if (filter->part == LS_PART_LABEL) {
        if (score->label != NULL &&
            ls_value_read(&walk->reader, LS_TEXT, score->label, strlen(score->label), out) != LS_OK)
            fail_for_memory(walk);
        return;
    }
    out->known = filter->part == LS_PART_VALUE || (of->has_fit && of->has_engagement);
    out->points = filter->part == LS_PART_VALUE ? score->value
                  : filter->part == LS_PART_FIT ? score->fit
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

/* Whether both values lie on the same side of everything that the condition compares with, so that
 * all between them answer alike. */
static bool is_same_side(const ls_condition *condition, int64_t a, int64_t b)
{
    for (size_t i = 0; i < condition->count; i++)
        for (size_t j = 0; j < condition->tests[i].count; j++) {
            int64_t bound = condition->tests[i].points[j];
            if ((a < bound) != (b < bound) || (a > bound) != (b > bound))
                return false;
        }
    return true;
}

static void compare_bounds(ls_walk *walk, const ls_filter *filter, const ls_value *low)
{
    const ls_score *least = &walk->low[filter->score], *most = &walk->high[filter->score];
    bool same = least->empty == most->empty;
    if (filter->part == LS_PART_LABEL) {
        same = same && least->label == most->label;
    } else if (same && low->known) {
        ls_value high;
        ls_walk_score_value(walk, filter, most, &high);
        same = is_same_side(filter->condition, low->points, high.points);
    }
    walk->ambiguous = walk->ambiguous || !same;
}

static ls_truth test_score(ls_walk *walk, const ls_filter *filter)
{
    ls_value value;
    ls_walk_score_value(walk, filter, &walk->low[filter->score], &value);
    if (walk->low != walk->high)
        compare_bounds(walk, filter, &value);
    return ls_condition_test(filter->condition, &value, walk->clock.at);
}

static ls_truth test_lists(const ls_walk *walk, const ls_filter *filter)
{
    bool member = false;
    for (size_t i = 0; i < filter->count; i++)
        member = member || ls_list_has(walk->lists[filter->lists[i]], walk->row);
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
    size_t count;
    ls_walk_occurrences(walk, filter->did, &count);
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
    }
    return LS_UNKNOWN;
}

/* ---- finding occurrences --------------------------------------------------------------------- */

static bool choose_points(ls_walk *walk, const ls_choice *choice, ls_int128 *points)
{
    ls_value value;
    ls_type type = walk->part->definition->properties[choice->property].type;
    read_typed(walk, choice->property, &value);
    if (choice->kind == LS_CHOICE_BANDS)
        for (size_t i = 0; i < choice->count; i++)
            note_condition(walk, choice->entries[i].condition, &value);
    return ls_choice_points(choice, type, &value, walk->clock.at, points);
}

static bool is_in_range(ls_int128 sum)
{
    return sum <= LS_MAX_SUM && sum >= -(ls_int128)LS_MAX_SUM;
}

/* Points past the largest sum end up just past it, so that the rule's sum reports them. */
static int64_t narrow_points(ls_int128 points)
{
    if (is_in_range(points))
        return (int64_t)points;
    return points > 0 ? LS_MAX_SUM + 1 : -LS_MAX_SUM - 1;
}

static int64_t find_day(int64_t time)
{
    int64_t day = time / LS_DAY;
    return day - (time % LS_DAY < 0);
}

/* Equal numbers for events of which once_per keeps one. */
static int64_t find_bucket(ls_walk *walk, const ls_occurrences *occurrences, int64_t time)
{
    if (occurrences->once == LS_ONCE_DAY)
        return find_day(time);
    if (occurrences->once == LS_ONCE_NONE)
        return 0;
    uint32_t property = occurrences->once_property;
    if (ls_property_is_event_time(&walk->part->definition->properties[property]))
        return time;
    ls_value value;
    ls_walk_value(walk, property, LS_TEXT, &value);
    if (!value.known)
        return 0;
    uint32_t code = ls_dictionary_add(&walk->buckets, value.text.text, value.text.length);
    if (code == LS_NO_CODE)
        fail_for_memory(walk);
    return code;
}

static bool add_occurrence(ls_walk *walk, ls_found *found, const ls_occurrence *occurrence)
{
    if (ls_grow(walk->context, &found->items, &found->capacity, found->count + 1,
                sizeof *found->items) != LS_OK) {
        fail_for_memory(walk);
        return false;
    }
    found->items[found->count++] = *occurrence;
    return true;
}

/* Keeps walk->event if it is an occurrence. */
static void look_at_event(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found,
                          uint32_t name)
{
    int64_t time = ls_event_time(&walk->dataset->events, walk->event);
    ls_int128 points = occurrences->points;
    if (time > walk->events_until || (occurrences->has_from && time < occurrences->from) ||
        (occurrences->has_until && time >= occurrences->until))
        return;
    if (occurrences->where != NULL && ls_walk_filter(walk, occurrences->where) != LS_TRUE)
        return;
    if (occurrences->choice.kind != LS_CHOICE_NONE &&
        !choose_points(walk, &occurrences->choice, &points))
        return;
    ls_occurrence occurrence = {time, narrow_points(points), find_bucket(walk, occurrences, time),
                                name, false};
    add_occurrence(walk, found, &occurrence);
}

/* By time, then the larger points last: the last one is what `latest` and once_per keep first. The
 * name decides what is listed, never what is scored. */
static int compare_occurrences(const void *first, const void *second)
{
    const ls_occurrence *a = first, *b = second;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->points != b->points)
        return a->points < b->points ? -1 : 1;
    return (a->name > b->name) - (a->name < b->name);
}

static int compare_buckets(const void *first, const void *second)
{
    const ls_occurrence *a = first, *b = second;
    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    return compare_occurrences(first, second);
}

typedef int compare_items(const void *first, const void *second);

/* Events often come sorted; then this is one look at each. */
static void sort_found(ls_found *found, compare_items *compare)
{
    for (size_t i = 1; i < found->count; i++)
        if (compare(&found->items[i - 1], &found->items[i]) > 0) {
            qsort(found->items, found->count, sizeof *found->items, compare);
            return;
        }
}

/* Of each bucket the latest stays. Since a window drops the oldest first, it is the latest of its
 * bucket in any window that still holds one of them. */
static void keep_once(ls_found *found)
{
    sort_found(found, compare_buckets);
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++)
        if (i + 1 == found->count || found->items[i].bucket != found->items[i + 1].bucket)
            found->items[kept++] = found->items[i];
    found->count = kept;
}

static void keep_latest(ls_found *found, uint64_t latest)
{
    if (latest == 0 || found->count <= latest)
        return;
    size_t dropped = found->count - (size_t)latest;
    memmove(found->items, found->items + dropped, (size_t)latest * sizeof *found->items);
    found->count = (size_t)latest;
}

static void look_at_events(ls_walk *walk, const ls_occurrences *occurrences, ls_found *found)
{
    const ls_events *events = &walk->dataset->events;
    for (uint32_t i = 0; i < occurrences->event_count; i++)
        found->codes[i] = ls_dictionary_find(&events->event.dictionary, occurrences->events[i].text,
                                             occurrences->events[i].length);
    for (size_t i = walk->first_event; i < walk->last_event && walk->status == LS_OK; i++) {
        uint32_t code = ls_column_code(&events->event, i), name = 0;
        while (name < occurrences->event_count && found->codes[name] != code)
            name++;
        walk->event = i;
        if (name < occurrences->event_count)
            look_at_event(walk, occurrences, found, name);
    }
}

/* The record's occurrences but for the window, found anew where a condition on dates has moved. */
static ls_found *find_occurrences(ls_walk *walk, const ls_occurrences *occurrences)
{
    ls_found *found = &walk->part->found[occurrences->index];
    if (found->ready && walk->clock.at >= found->interval.from &&
        walk->clock.at < found->interval.until)
        return found;
    ls_interval outer = walk->interval;
    walk->interval = ALWAYS;
    found->count = 0;
    if (occurrences->once == LS_ONCE_PROPERTY)
        ls_dictionary_clear(&walk->buckets);
    look_at_events(walk, occurrences, found);
    if (occurrences->once != LS_ONCE_NONE)
        keep_once(found);
    sort_found(found, compare_occurrences);
    keep_latest(found, occurrences->latest);
    found->interval = walk->interval;
    found->ready = walk->status == LS_OK;
    walk->interval = outer;
    return found;
}

/* The first occurrence whose age at the instant is within `last`. */
static size_t find_start(const ls_occurrences *occurrences, const ls_found *found, int64_t at)
{
    if (!occurrences->has_last)
        return 0;
    size_t low = 0, high = found->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at - found->items[middle].at < occurrences->last)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The next occurrence to leave the window, and the last that left. */
static void note_window(ls_walk *walk, const ls_occurrences *occurrences, const ls_found *found,
                        size_t start)
{
    note_interval(walk, found->interval);
    if (!occurrences->has_last)
        return;
    if (start < found->count)
        note_edge(walk, add_span(found->items[start].at, occurrences->last));
    if (start > 0)
        note_edge(walk, add_span(found->items[start - 1].at, occurrences->last));
}

const ls_occurrence *ls_walk_occurrences(ls_walk *walk, const ls_occurrences *occurrences,
                                         size_t *count)
{
    ls_found *found = find_occurrences(walk, occurrences);
    size_t start = find_start(occurrences, found, walk->clock.at);
    if (walk->watching)
        note_window(walk, occurrences, found, start);
    *count = found->count - start;
    return found->count != 0 ? found->items + start : NULL;
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
        note_edge(walk, add_span(at, end));
        return;
    }
    int64_t last = age - age % decay->every;
    if (last > 0)
        note_edge(walk, add_span(at, last));
    note_edge(walk, add_span(add_span(at, last), decay->every));
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool score_times(ls_walk *walk, const ls_occurrences *occurrences, ls_int128 *sum)
{
    size_t count;
    const ls_occurrence *items = ls_walk_occurrences(walk, occurrences, &count);
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

static bool score_each(ls_walk *walk, const ls_occurrences *occurrences, ls_int128 *sum)
{
    size_t count;
    const ls_occurrence *items = ls_walk_occurrences(walk, occurrences, &count);
    bool steps = walk->watching && occurrences->decay.curve == LS_CURVE_STEP;
    bool bounding = walk->low != walk->high;
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
static bool bound_each(ls_walk *walk, const ls_occurrences *occurrences, ls_int128 *sum)
{
    const ls_found *found = find_occurrences(walk, occurrences);
    note_interval(walk, found->interval);
    size_t gain = find_start(occurrences, found, walk->clock.curve_gain);
    size_t loss = find_start(occurrences, found, walk->clock.curve_loss);
    *sum = 0;
    for (size_t i = gain < loss ? gain : loss; i < found->count; i++) {
        int64_t points = found->items[i].points;
        if (!found->items[i].cancelled && i >= (points < 0 ? loss : gain))
            *sum += ls_decay_points(&occurrences->decay, points,
                                    curve_instant(walk, points) - found->items[i].at);
    }
    return gain < found->count;
}

static bool score_events(ls_walk *walk, const ls_occurrences *occurrences, ls_int128 *sum)
{
    if (occurrences->times_count != 0)
        return score_times(walk, occurrences, sum);
    return walk->coarse ? bound_each(walk, occurrences, sum) : score_each(walk, occurrences, sum);
}

static bool score_rule(ls_walk *walk, const ls_rule *rule, ls_int128 *sum)
{
    *sum = 0;
    switch (rule->kind) {
    case LS_RULE_WHEN:
        if (ls_walk_filter(walk, rule->when) != LS_TRUE)
            return false;
        *sum = rule->points;
        return true;
    case LS_RULE_PROPERTY: return choose_points(walk, &rule->choice, sum);
    case LS_RULE_EVENT: return score_events(walk, rule->occurrences, sum);
    }
    return false;
}

static void work_out_rule(ls_walk *walk, const ls_rule *rule, ls_rule_result *out)
{
    ls_int128 sum;
    memset(out, 0, sizeof *out);
    out->fired = score_rule(walk, rule, &sum);
    if (!is_in_range(sum)) {
        fail_for_group(walk, rule->group, rule);
        return;
    }
    out->raw = (int64_t)sum;
    out->value = ls_limit_apply(&rule->limit, out->raw);
}

static bool is_kept(const ls_walk *walk, const ls_walk_rule *kept)
{
    return kept->ready && !kept->varies && !(walk->coarse && kept->shrinks) &&
           walk->clock.at >= kept->interval.from && walk->clock.at < kept->interval.until;
}

ls_rule_result ls_walk_rule_result(ls_walk *walk, size_t rule)
{
    ls_walk_rule *kept = &walk->part->rules[rule];
    if (!walk->part->definition->rules[rule].enabled)
        return (ls_rule_result){0};
    if (!is_kept(walk, kept)) {
        ls_interval outer = walk->interval;
        walk->interval = ALWAYS;
        work_out_rule(walk, &walk->part->definition->rules[rule], &kept->result);
        kept->interval = walk->interval;
        kept->ready = walk->watching && !(walk->coarse && kept->shrinks) && walk->status == LS_OK;
        walk->interval = outer;
    }
    note_interval(walk, kept->interval);
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
    if (!is_in_range(sum)) {
        fail_for_group(walk, group, NULL);
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

static void score_definition(ls_walk *walk, ls_score *out)
{
    const ls_definition *definition = walk->part->definition;
    const char *where;
    *out = (ls_score){.empty = true};
    memset(&walk->part->settled, 0, sizeof walk->part->settled);
    out->in_scope = definition->scope == NULL || ls_walk_filter(walk, definition->scope) == LS_TRUE;
    if (!out->in_scope || walk->status != LS_OK)
        return;
    for (size_t i = 0; i < definition->group_count; i++)
        out->scored = sum_group(walk, i) || out->scored;
    if (walk->status != LS_OK)
        return;
    if (!ls_settle(definition, walk->part->group_sums, &walk->part->settled, &where))
        fail_for_sum(walk, where);
    else
        fill_score(walk, out);
}

int ls_walk_score(ls_walk *walk, size_t definition, const ls_clock *clock, ls_score *out,
                  ls_error *error)
{
    walk->part = &walk->definitions[definition];
    walk->clock = *clock;
    walk->status = LS_OK;
    walk->error = error;
    score_definition(walk, out);
    return walk->status;
}

/* ---- records --------------------------------------------------------------------------------- */

static void forget(ls_walk_definition *part)
{
    for (size_t i = 0; i < part->definition->occurrences_count; i++)
        part->found[i].ready = false;
    for (size_t i = 0; i < part->definition->rule_count; i++)
        part->rules[i].ready = false;
}

void ls_walk_begin(ls_walk *walk, ls_object object, size_t row, int64_t events_until)
{
    const ls_events *events = &walk->dataset->events;
    bool has_events = object == LS_CONTACT && events->first != NULL;
    walk->object = object;
    walk->row = row;
    walk->events_until = events_until;
    walk->first_event = has_events ? (size_t)events->first[row] : 0;
    walk->last_event = has_events ? (size_t)events->first[row + 1] : 0;
    walk->watching = walk->coarse = walk->ambiguous = false;
    walk->low = walk->high = walk->scores;
    walk->interval = ALWAYS;
    for (size_t i = 0; i < walk->plan->count; i++) {
        walk->scores[i] = (ls_score){.empty = true};
        forget(&walk->definitions[i]);
    }
}

int ls_walk_record(ls_walk *walk, ls_object object, size_t row, const ls_clock *clock,
                   ls_score *out, ls_error *error)
{
    ls_walk_begin(walk, object, row, clock->events_until);
    for (size_t i = 0; i < walk->plan->count; i++) {
        size_t definition = walk->plan->order[i];
        if (walk->plan->definitions[definition].object != object)
            continue;
        int status = ls_walk_score(walk, definition, clock, &walk->scores[definition], error);
        if (status != LS_OK)
            return status;
    }
    memcpy(out, walk->scores, walk->plan->count * sizeof *out);
    return LS_OK;
}
