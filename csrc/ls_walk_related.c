/* Associated records (section 7), for the walk: relation filters, and rules over the members of a
 * relation. Every kind of such a rule first comes to one value a member, which ls_rollup.c then
 * makes one of; explanations list the same members. */
#include "ls_walk.h"

#include <stdlib.h>

/* ---- filters --------------------------------------------------------------------------------- */

ls_truth ls_walk_related(ls_walk *walk, const ls_filter *where, ls_object object, size_t row)
{
    if (where == NULL)
        return LS_TRUE;
    ls_standing here = ls_walk_visit(walk, object, row);
    ls_truth truth = ls_walk_filter(walk, where);
    ls_walk_return(walk, &here);
    return truth;
}

void ls_walk_tally(ls_walk *walk, const ls_over *over, ls_tally *out)
{
    ls_related related = ls_related_begin(walk->dataset, walk->object, walk->row, over);
    *out = (ls_tally){0, 0, 0};
    for (size_t row; ls_related_next(&related, &row); out->count++) {
        ls_truth truth = ls_walk_related(walk, over->where, over->object, row);
        out->holding += truth == LS_TRUE;
        out->unknown += truth == LS_UNKNOWN;
    }
}

ls_truth ls_tally_truth(const ls_filter *filter, const ls_tally *tally)
{
    if (filter->counted)
        return tally->holding >= (uint64_t)filter->count_min &&
                       tally->holding <= (uint64_t)filter->count_max
                   ? LS_TRUE
                   : LS_FALSE;
    if (!filter->every)
        return tally->holding != 0 ? LS_TRUE : tally->unknown != 0 ? LS_UNKNOWN : LS_FALSE;
    if (tally->count == 0 || tally->holding + tally->unknown < tally->count)
        return LS_FALSE;
    return tally->unknown != 0 ? LS_UNKNOWN : LS_TRUE;
}

ls_truth ls_walk_relation(ls_walk *walk, const ls_filter *filter)
{
    ls_tally tally;
    ls_walk_tally(walk, filter->related, &tally);
    return ls_tally_truth(filter, &tally);
}

/* ---- members --------------------------------------------------------------------------------- */

static void push_member(ls_walk *walk, const ls_walk_member *member)
{
    if (ls_grow(walk->context, &walk->members, &walk->member_capacity, walk->member_count + 1,
                sizeof *walk->members) != LS_OK)
        ls_walk_fail_memory(walk);
    else
        walk->members[walk->member_count++] = *member;
}

/* Of event and property rules: silent ones take part with 0. (A bound may have a sum without
 * firing: its losses are of another instant.) */
static void push_sum(ls_walk *walk, const ls_rule *rule, size_t row, bool fired, ls_int128 sum)
{
    ls_walk_member member = {(uint32_t)row, true, true, fired, true, {0, 0}};
    if (!ls_sum_is_in_range(sum))
        ls_walk_fail_sum(walk, rule->group, rule);
    else
        member.value = ls_exact_of_points((int64_t)sum);
    push_member(walk, &member);
}

static void push_contacts(ls_walk *walk, const ls_rule *rule)
{
    const ls_found *found = ls_walk_find(walk, rule->occurrences, rule->over);
    for (size_t i = 0; i < found->contact_count && walk->status == LS_OK; i++) {
        size_t row = found->contacts[i].row;
        ls_int128 sum;
        if (ls_walk_related(walk, rule->over->where, LS_CONTACT, row) != LS_TRUE)
            continue;
        bool fired = ls_walk_contact(walk, rule->occurrences, found, i, &sum);
        push_sum(walk, rule, row, fired, sum);
    }
}

static void push_choice(ls_walk *walk, const ls_rule *rule, size_t row)
{
    ls_int128 sum = 0;
    ls_standing here = ls_walk_visit(walk, rule->over->object, row);
    bool fired = ls_walk_choose(walk, &rule->choice, &sum);
    ls_walk_return(walk, &here);
    push_sum(walk, rule, row, fired, fired ? sum : 0);
}

/* ---- members of rollups ---------------------------------------------------------------------- */

/* A count asks a condition, as filters do; the other functions go with the value, and against it
 * where the weight is below 0. */
static ls_which which_score(const ls_walk *walk, const ls_rule *rule)
{
    if (walk->which == LS_MIXED && rule->combine == LS_COUNT)
        return LS_NOW;
    if (ls_walk_is_bounding(walk) && rule->rollup->weight < 0)
        return walk->which == LS_LEAST ? LS_MOST : LS_LEAST;
    return walk->which;
}

/* Notes whether the other bound takes part and counts alike. */
static void compare_other(ls_walk *walk, const ls_rule *rule, size_t row, ls_which which,
                          const ls_score *score, const ls_value *value)
{
    const ls_rollup *rollup = rule->rollup;
    ls_score other;
    ls_value far;
    ls_walk_ask(walk, rollup->score, row, which == LS_LEAST ? LS_MOST : LS_LEAST, &other);
    ls_walk_score_value(walk, rollup->score, rollup->part, &other, &far);
    bool same = score->empty == other.empty;
    if (rollup->is != NULL && value->known && far.known)
        same = same && ls_is_same_side(rollup->is, value->points, far.points);
    walk->ambiguous = walk->ambiguous || !same;
}

static void read_score(ls_walk *walk, const ls_rule *rule, size_t row, ls_walk_member *member,
                       ls_value *value)
{
    const ls_rollup *rollup = rule->rollup;
    ls_which which = which_score(walk, rule);
    ls_score score;
    ls_walk_ask(walk, rollup->score, row, which, &score);
    ls_walk_score_value(walk, rollup->score, rollup->part, &score, value);
    if (ls_walk_is_bounding(walk))
        compare_other(walk, rule, row, which, &score, value);
    member->in_scope = score.in_scope;
    member->value = ls_exact_of_points(value->points);
}

static void read_number(ls_walk *walk, const ls_rule *rule, size_t row, ls_walk_member *member,
                        ls_value *value)
{
    ls_standing here = ls_walk_visit(walk, rule->over->object, row);
    ls_walk_value(walk, rule->rollup->property, LS_NUMBER, value);
    ls_walk_return(walk, &here);
    if (value->known && rule->combine != LS_COUNT)
        member->value = ls_exact_of_number(value->number);
}

static void push_value(ls_walk *walk, const ls_rule *rule, size_t row)
{
    const ls_rollup *rollup = rule->rollup;
    ls_walk_member member = {.row = (uint32_t)row, .in_scope = true};
    ls_value value = {.known = true};
    if (rollup->of_score)
        read_score(walk, rule, row, &member, &value);
    else if (rollup->of_property)
        read_number(walk, rule, row, &member, &value);
    member.known = value.known;
    member.fired =
        value.known &&
        (rollup->is == NULL || ls_condition_test(rollup->is, &value, walk->clock.at) == LS_TRUE);
    if (rule->combine == LS_COUNT)
        member.value = (ls_exact){member.fired, 0};
    member.taken = rule->combine == LS_COUNT ? member.fired : member.known;
    push_member(walk, &member);
}

static int compare_down(const void *first, const void *second)
{
    return ls_exact_compare(*(const ls_exact *)second, *(const ls_exact *)first);
}

/* Of members that take part the n largest stay; equal ones by their order. */
static void keep_largest(ls_walk_member *members, size_t count, const ls_exact *sorted, size_t n)
{
    ls_exact least = sorted[n - 1];
    size_t equal = n;
    while (equal != 0 && ls_exact_compare(sorted[n - equal], least) > 0)
        equal--;
    for (size_t i = 0; i < count; i++) {
        int order = ls_exact_compare(members[i].value, least);
        if (!members[i].taken || order > 0)
            continue;
        members[i].taken = order == 0 && equal != 0;
        equal -= members[i].taken;
    }
}

static void keep_top(ls_walk *walk, const ls_rule *rule, size_t first)
{
    size_t count = walk->member_count - first, held = 0;
    if (rule->rollup->top == 0 || rule->combine == LS_COUNT || count <= rule->rollup->top)
        return;
    ls_exact *sorted = ls_allocate(walk->context, count * sizeof *sorted);
    if (sorted == NULL) {
        ls_walk_fail_memory(walk);
        return;
    }
    for (size_t i = first; i < walk->member_count; i++)
        if (walk->members[i].taken)
            sorted[held++] = walk->members[i].value;
    qsort(sorted, held, sizeof *sorted, compare_down);
    if (held > rule->rollup->top)
        keep_largest(walk->members + first, count, sorted, (size_t)rule->rollup->top);
    ls_free(walk->context, sorted, count * sizeof *sorted);
}

void ls_walk_members(ls_walk *walk, const ls_rule *rule, size_t *first)
{
    const ls_over *over = rule->over;
    *first = walk->member_count;
    if (rule->kind == LS_RULE_EVENT) {
        push_contacts(walk, rule);
        return;
    }
    ls_related related = ls_related_begin(walk->dataset, walk->object, walk->row, over);
    for (size_t row; walk->status == LS_OK && ls_related_next(&related, &row);) {
        if (ls_walk_related(walk, over->where, over->object, row) != LS_TRUE)
            continue;
        if (rule->kind == LS_RULE_ROLLUP)
            push_value(walk, rule, row);
        else
            push_choice(walk, rule, row);
    }
    if (rule->kind == LS_RULE_ROLLUP)
        keep_top(walk, rule, *first);
}

/* ---- one value ------------------------------------------------------------------------------- */

bool ls_walk_over(ls_walk *walk, const ls_rule *rule, ls_int128 *sum)
{
    ls_total total = {0};
    size_t first;
    bool fired = false;
    int64_t points;
    ls_walk_members(walk, rule, &first);
    for (size_t i = first; i < walk->member_count; i++) {
        const ls_walk_member *member = &walk->members[i];
        if (member->taken)
            ls_total_add(&total, member->value);
        fired = fired || (member->taken && member->fired);
    }
    walk->member_count = first;
    *sum = LS_MAX_SUM + 1; /* reported as such */
    if (ls_total_points(&total, rule->combine, ls_rule_weight(rule), &points))
        *sum = points;
    return fired;
}
