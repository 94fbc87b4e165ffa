/* Curves that cancel to the digit: an event that one rule adds for and another takes off as much.
 * Bounds over an interval take gains at one end and losses at the other, so such pairs would keep
 * them apart for as long as they last; they are marked here and left out. Called before a
 * definition is bounded. */
#include "ls_walk.h"

#include <stdlib.h>

static int compare_sizes(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By all that two occurrences must share to keep the same size for ever. */
static int compare_shapes(const ls_term *a, const ls_term *b)
{
    const ls_occurrences *x = a->occurrences, *y = b->occurrences;
    int order = (a->pool > b->pool) - (a->pool < b->pool);
    if (order == 0)
        order = compare_sizes(a->occurrence->at, b->occurrence->at);
    if (order == 0)
        order = compare_sizes(x->decay.curve, y->decay.curve);
    if (order == 0)
        order = compare_sizes(x->decay.every, y->decay.every);
    if (order == 0)
        order = compare_sizes(x->decay.percent, y->decay.percent);
    if (order == 0)
        order = compare_sizes(x->has_last ? x->last : 0, y->has_last ? y->last : 0);
    return order != 0 ? order
                      : compare_sizes(llabs(a->occurrence->points), llabs(b->occurrence->points));
}

static int compare_terms(const void *first, const void *second)
{
    const ls_term *a = first, *b = second;
    int order = compare_shapes(a, b);
    return order != 0 ? order : compare_sizes(a->occurrence->points, b->occurrence->points);
}

static bool is_free(const ls_limit *limit)
{
    return !limit->has_min && !limit->has_max;
}

/* A rule whose occurrences are added with the others of its pool before any limit or rounding. */
static bool is_plain_sum(const ls_rule *rule)
{
    bool sum = rule->over == NULL || (rule->combine == LS_SUM && rule->over->where == NULL);
    return rule->enabled && rule->kind == LS_RULE_EVENT && is_free(&rule->limit) && sum &&
           rule->occurrences->times_count == 0 && ls_decay_is_curve(&rule->occurrences->decay);
}

static void add_terms(ls_walk *walk, size_t pool, const ls_occurrences *occurrences,
                      const ls_found *found, size_t *count)
{
    if (ls_grow(walk->context, &walk->terms, &walk->term_capacity, *count + found->count,
                sizeof *walk->terms) != LS_OK) {
        ls_walk_fail_memory(walk);
        return;
    }
    for (size_t i = 0; i < found->count; i++)
        walk->terms[(*count)++] = (ls_term){pool, occurrences, &found->items[i]};
}

/* Occurrences under curves that no limit stands over before they are added with the others of their
 * pool: their group, or if that has no limit, their category. */
static size_t collect_terms(ls_walk *walk)
{
    const ls_definition *definition = walk->part->definition;
    size_t count = 0;
    for (size_t i = 0; i < definition->rule_count && walk->status == LS_OK; i++) {
        const ls_rule *rule = &definition->rules[i];
        const ls_group *group = &definition->groups[rule->group];
        if (!is_plain_sum(rule))
            continue;
        const ls_found *found = ls_walk_find(walk, rule->occurrences, rule->over);
        bool lasting =
            found->ready && found->interval.from == INT64_MIN && found->interval.until == INT64_MAX;
        size_t pool = is_free(&group->limit) ? definition->group_count + group->fit : rule->group;
        if (lasting)
            add_terms(walk, pool, rule->occurrences, found, &count);
    }
    return count;
}

/* Pairs the negative with the positive ones of terms [first, end), which share their shape and are
 * sorted. */
static void cancel_pairs(const ls_term *terms, size_t first, size_t end)
{
    size_t positive = first;
    while (positive < end && terms[positive].occurrence->points < 0)
        positive++;
    for (size_t negative = first;
         negative < end && positive < end && terms[negative].occurrence->points < 0;)
        terms[negative++].occurrence->cancelled = terms[positive++].occurrence->cancelled = true;
}

void ls_walk_cancel(ls_walk *walk)
{
    size_t count = collect_terms(walk);
    walk->part->cancelled = true;
    if (walk->status != LS_OK || count == 0)
        return;
    qsort(walk->terms, count, sizeof *walk->terms, compare_terms);
    for (size_t first = 0, end; first < count; first = end) {
        end = first + 1;
        while (end < count && compare_shapes(&walk->terms[first], &walk->terms[end]) == 0)
            end++;
        cancel_pairs(walk->terms, first, end);
    }
}
