/* next_change_at: the first later instant at which a record's value or label changes if nothing
 * happens (section 9).
 *
 * An instant t counts if, against the instant asked about, label or emptiness differ; or if
 * there is a step at t: the value with everything discrete (steps, windows, dates, other scores) as
 * it is at t and curves as at t differs from the value with everything discrete as it was at t - 1
 * and curves as at t. Without curves that is the value itself changing. Events after the instant
 * asked about do not exist.
 *
 * The search goes from edge to edge, which the walk reports (walk->interval). Between two edges
 * only curves move. They move towards 0, so an interval [a, b] is bounded by taking positive points
 * at b and negative ones at a, and the other way round: limits and sums keep the order. Where both
 * bounds have the same label, and no condition on another score could answer differently in
 * between, nothing happens in the interval; else it is narrowed, down to one second, which is then
 * looked at exactly.
 *
 * A record of many events at a limit has many edges that change nothing. After a few of those the
 * search skips (skip_steps): it bounds steps and windows like curves, over spans that double, as
 * long as every step is swallowed by a limit.
 *
 * Curves that cancel to the digit (an event that one rule adds for and another takes off as much)
 * would keep bounds apart for as long as they last, so such pairs are left out of bounds
 * (ls_walk_cancel.c).
 *
 * What a rollup takes of associated records moves by their curves as the record's own do, and steps
 * as they step; what it asks of their scores in conditions is discrete.
 *
 * Cost: one look is one walk of the definition and those that it uses, in which rules whose
 * interval holds cost nothing. It takes a look for each edge that changes nothing and is not
 * skipped, and about 40 for each interval in which a label changes through a curve. Only opposite
 * curves that nearly cancel for long and keep a value within their difference of a bound come near
 * a look a second. */
#include "ls_next.h"

#include "ls_time.h"

/* Edges in a row that change nothing, before spans are tried. */
#define FIRST_PATIENCE 4
/* No interval is longer: it is more than all years there are. */
#define LONGEST (INT64_C(1) << 40)
#define NEVER INT64_MAX

typedef struct change_search {
    ls_walk *walk;
    const ls_definition *definition;
    size_t index;     /* of the definition */
    int64_t at;       /* the instant asked about */
    ls_score base;    /* the score then */
    int64_t edge;     /* after a look: the next instant at which something discrete may change */
    int64_t width;    /* of the intervals that are bounded, adapted as the search goes */
    int64_t skip;     /* the same for skip_steps */
    int64_t patience; /* edges that change nothing before spans are tried again */
    bool by_curve;    /* something may happen between edges */
    ls_error *error;
} change_search;

/* Marks the definitions that this one uses, directly or not. Their order is one in which uses come
 * first. */
static void mark_wanted(ls_walk *walk, size_t index)
{
    const ls_plan *plan = walk->plan;
    memset(walk->wanted, 0, plan->count * sizeof *walk->wanted);
    walk->wanted[index] = true;
    for (size_t i = plan->count; i-- > 0;) {
        uint32_t user = plan->order[i];
        const ls_definition *definition = &plan->definitions[user];
        for (size_t j = 0; walk->wanted[user] && j < definition->use_count; j++)
            walk->wanted[definition->uses[j]] = true;
    }
}

/* Whether a score is one of the record's own that is wanted; those of associated records are asked
 * for where they are used. */
static bool is_own(const change_search *search, uint32_t definition)
{
    const ls_plan *plan = search->walk->plan;
    return search->walk->wanted[definition] &&
           plan->definitions[definition].object == search->definition->object;
}

/* The exact score at an instant, after those that it uses. */
static int look_at(change_search *search, int64_t at, ls_score *score)
{
    ls_walk *walk = search->walk;
    ls_clock clock = {search->at, at, at, at};
    int status = LS_OK;
    walk->interval = LS_ALWAYS;
    ls_walk_look(walk, LS_NOW, &clock);
    for (size_t i = 0; i < walk->plan->count && status == LS_OK; i++)
        if (is_own(search, walk->plan->order[i]))
            status = ls_walk_score(walk, walk->plan->order[i], LS_NOW, score, search->error);
    search->edge = walk->interval.until;
    return status;
}

static bool is_same_label(const ls_score *a, const ls_score *b)
{
    if (a->label == b->label)
        return true;
    return a->label != NULL && b->label != NULL && strcmp(a->label, b->label) == 0;
}

static bool is_same_but_value(const ls_score *a, const ls_score *b)
{
    return a->empty == b->empty && is_same_label(a, b);
}

/* Whether `at` counts; the walk is left at it. All seconds before do not. */
static int is_change(change_search *search, int64_t at, bool *changed)
{
    ls_score score = search->base, before = search->base;
    int status = LS_OK;
    if (search->definition->curves) { /* what the value would be, had nothing discrete happened */
        ls_clock clock = {search->at, at - 1, at, at};
        status = look_at(search, at - 1, &before);
        ls_walk_look(search->walk, LS_MIXED, &clock);
        if (status == LS_OK)
            status = ls_walk_score(search->walk, search->index, LS_MIXED, &before, search->error);
    }
    if (status == LS_OK)
        status = look_at(search, at, &score);
    if (status == LS_OK)
        *changed = !is_same_but_value(&score, &search->base) ||
                   (!score.empty && score.value != before.value);
    return status;
}

/* ---- bounds over an interval ----------------------------------------------------------------- */

/* Keeps the lower bound of every rule and group while the upper one is worked out. */
static void save_values(const ls_walk_definition *part, int64_t *values)
{
    const ls_definition *definition = part->definition;
    for (size_t i = 0; i < definition->rule_count; i++)
        *values++ = part->rules[i].result.value;
    memcpy(values, part->group_sums, definition->group_count * sizeof *values);
}

/* Whether a step of some rule may show in its group's sum after the group's limit. */
static bool is_group_stepping(const ls_walk_definition *part, size_t index, const int64_t *values)
{
    const ls_group *group = &part->definition->groups[index];
    int64_t least = values[part->definition->rule_count + index], most = part->group_sums[index];
    if (ls_limit_apply(&group->limit, least) == ls_limit_apply(&group->limit, most))
        return false;
    for (uint32_t i = group->first_rule; i < group->first_rule + group->rule_count; i++)
        if (part->rules[i].steps && part->rules[i].result.value != values[i])
            return true;
    return false;
}

/* Whether a step may show in the value: not if a limit on its way up has both bounds the same. */
static bool is_stepping(const ls_walk_definition *part, const int64_t *values,
                        const ls_settled *least)
{
    const ls_settled *most = &part->settled;
    if (least->value == most->value)
        return false;
    for (size_t i = 0; i < part->definition->group_count; i++) {
        bool moves = part->definition->groups[i].fit ? least->fit != most->fit
                                                     : least->engagement != most->engagement;
        if (moves && is_group_stepping(part, i, values))
            return true;
    }
    return false;
}

/* Bounds of one definition's score; conditions on others ask the bounds of those, which came
 * before. */
static int bound_score(change_search *search, uint32_t index, bool *definite, ls_error *error)
{
    ls_walk *walk = search->walk;
    const ls_walk_definition *part = &walk->definitions[index];
    ls_score least, most;
    int status = ls_walk_score(walk, index, LS_LEAST, &least, error);
    if (status != LS_OK)
        return status;
    ls_settled settled = part->settled;
    save_values(part, walk->values);
    status = ls_walk_score(walk, index, LS_MOST, &most, error);
    if (status != LS_OK || index != search->index)
        return status;
    *definite =
        least.label == most.label && least.empty == most.empty && least.in_scope == most.in_scope;
    if (walk->coarse && least.in_scope && is_stepping(part, walk->values, &settled))
        *definite = false;
    return LS_OK;
}

static void look_over(change_search *search, int64_t a, int64_t b)
{
    ls_clock low = {search->at, a, b, a}, high = {search->at, a, a, b};
    ls_walk_look(search->walk, LS_LEAST, &low);
    ls_walk_look(search->walk, LS_MOST, &high);
}

/* *definite: no second after a up to b counts, given that a does not, and that nothing discrete
 * happens in between but what walk->coarse bounds too. */
static int bound_interval(change_search *search, int64_t a, int64_t b, bool *definite)
{
    ls_walk *walk = search->walk;
    ls_error error;
    int status = LS_OK;
    walk->ambiguous = false;
    walk->interval = LS_ALWAYS;
    look_over(search, a, b);
    for (size_t i = 0; i < walk->plan->count && status == LS_OK; i++)
        if (is_own(search, walk->plan->order[i]))
            status = bound_score(search, walk->plan->order[i], definite, &error);
    if (status != LS_OK || walk->ambiguous)
        *definite = false;
    if (status == LS_ERROR_RANGE) /* a bound may pass the largest sum where no second does */
        return LS_OK;
    if (status != LS_OK && search->error != NULL)
        *search->error = error;
    return status;
}

/* The first second after a, up to b, that bounds cannot clear; NEVER: there is none. No edge lies
 * between. */
static int find_doubt(change_search *search, int64_t a, int64_t b, int64_t *doubt)
{
    *doubt = NEVER;
    while (a < b) {
        int64_t end = b - a > search->width ? a + search->width : b;
        bool definite = false;
        int status = bound_interval(search, a, end, &definite);
        if (status != LS_OK)
            return status;
        if (definite) {
            a = end;
            search->width = ls_min(search->width * 2, LONGEST);
        } else if (end == a + 1) {
            *doubt = end;
            return LS_OK;
        } else {
            search->width = (end - a) / 2;
        }
    }
    return LS_OK;
}

/* Goes on from *at, which does not count, over a span in which every step is swallowed by a limit;
 * if there is none that reaches the next edge, *at stays. */
static int skip_span(change_search *search, int64_t *at)
{
    ls_walk *walk = search->walk;
    int64_t end = ls_min(*at + search->skip, LS_TIME_MAX);
    while (end >= search->edge) {
        bool definite = false;
        int status = bound_interval(search, *at, end, &definite);
        if (status != LS_OK)
            return status;
        if (walk->interval.until <= end) { /* something that cannot be bounded comes first */
            end = walk->interval.until - 1;
        } else if (definite) {
            search->skip = ls_min((end - *at) * 2, LONGEST);
            *at = end;
            return LS_OK;
        } else {
            end = *at + (end - *at) / 2;
        }
    }
    search->skip = ls_max(search->edge - *at, 1);
    return LS_OK;
}

/* Skips as far as it can; the walk is then left at *at again. */
static int skip_steps(change_search *search, int64_t *at)
{
    int64_t before, start = *at;
    ls_score score;
    int status = LS_OK;
    do {
        before = *at;
        search->walk->coarse = true;
        status = skip_span(search, at);
        search->walk->coarse = false;
        if (status == LS_OK)
            status = look_at(search, *at, &score);
    } while (status == LS_OK && *at != before && search->edge <= LS_TIME_MAX);
    /* Trying costs a few looks: try more rarely while it does not pay. */
    search->patience = *at != start ? FIRST_PATIENCE : ls_min(search->patience * 2, 1 << 20);
    return status;
}

/* ---- the search ------------------------------------------------------------------------------ */

/* The next second to look at after `at`, or NEVER. */
static int find_next(change_search *search, int64_t at, int64_t *next)
{
    *next = search->edge;
    if (search->by_curve) {
        int64_t doubt;
        int status = find_doubt(search, at, ls_min(search->edge - 1, LS_TIME_MAX), &doubt);
        if (status != LS_OK)
            return status;
        *next = ls_min(*next, doubt);
    }
    if (*next > LS_TIME_MAX)
        *next = NEVER;
    return LS_OK;
}

static int find_change(change_search *search, int64_t *out)
{
    int64_t at = search->at;
    int64_t idle = 0;
    for (;;) {
        bool changed = false;
        int status = find_next(search, at, out);
        if (status != LS_OK || *out == NEVER)
            return status;
        status = is_change(search, *out, &changed);
        if (status != LS_OK || changed)
            return status;
        at = *out;
        if (++idle >= search->patience) {
            idle = 0;
            status = skip_steps(search, &at);
            if (status != LS_OK)
                return status;
        }
    }
}

int ls_next_change(ls_walk *walk, ls_object object, size_t row, int64_t at, size_t definition,
                   bool *known, int64_t *out, ls_error *error)
{
    const ls_definition *of = &walk->plan->definitions[definition];
    change_search search = {.walk = walk,
                            .definition = of,
                            .index = definition,
                            .at = at,
                            .width = LONGEST,
                            .skip = LONGEST,
                            .patience = FIRST_PATIENCE,
                            .error = error};
    *known = false;
    if (of->object != object || at >= LS_TIME_MAX)
        return LS_OK;
    search.by_curve = of->curves && (of->label_count != 0 || of->use_count != 0);
    ls_walk_begin(walk, object, row, at);
    walk->watching = true;
    mark_wanted(walk, definition);
    int64_t change = NEVER;
    int status = look_at(&search, at, &search.base);
    if (status == LS_OK)
        status = find_change(&search, &change);
    if (status == LS_OK && change != NEVER) {
        *known = true;
        *out = change;
    }
    return status;
}
