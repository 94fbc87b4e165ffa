/* Rollups of a whole batch (section 7): goes over the associated records in their own order, some
 * at a time, and adds each to the totals of the records that it belongs to, for all rollups of a
 * stage in turn, so that memory is read once and in a line. */
#include "ls_kernel.h"

/* Associated records that are looked at together: what is read of them stays in the first cache. */
#define BLOCK 512

/* One rollup rule, and how it takes values. */
typedef struct rolling {
    const ls_binding *binding;
    const ls_rule *rule;
    ls_related related; /* from the associated records */
    ls_rolled **place;  /* where the totals go */
    bool past;   /* some value is too large for exact sums: rows are gathered, to tell whose */
    bool ranged; /* the values of scores between these are all that it asks for */
    int64_t least, greatest;
} rolling;

typedef struct block {
    size_t first, count;
    ls_int128 values[BLOCK];
    bool taken[BLOCK];
} block;

/* ---- values ---------------------------------------------------------------------------------- */

/* Narrows the range by one operator; false: it does not make a range. */
static bool narrow(const ls_test *test, int64_t *least, int64_t *greatest)
{
    switch (test->op) {
    case LS_OP_MORE_THAN: *least = ls_max(*least, test->points[0] + 1); return true;
    case LS_OP_AT_LEAST: *least = ls_max(*least, test->points[0]); return true;
    case LS_OP_LESS_THAN: *greatest = ls_min(*greatest, test->points[0] - 1); return true;
    case LS_OP_AT_MOST: *greatest = ls_min(*greatest, test->points[0]); return true;
    case LS_OP_BETWEEN:
        *least = ls_max(*least, test->points[0]);
        *greatest = ls_min(*greatest, test->points[1]);
        return true;
    default: return false;
    }
}

static bool find_range(rolling *rolling)
{
    const ls_condition *is = rolling->rule->rollup->is;
    bool ranged = rolling->rule->rollup->of_score && rolling->rule->over->where == NULL;
    rolling->least = INT64_MIN;
    rolling->greatest = is && is->asks_known && !is->known ? INT64_MIN : INT64_MAX;
    for (size_t i = 0; is && i < is->count && ranged; i++) {
        ranged = narrow(&is->tests[i], &rolling->least, &rolling->greatest);
    }
    return ranged;
}

static void fill_scores(const rolling *rolling, const ls_score_column *column, block *block)
{
    const int64_t *const parts[] = {column->value, column->fit, column->engagement};
    const int64_t *values = parts[rolling->rule->rollup->part];
    for (size_t i = 0; i < block->count; i++) {
        size_t row = block->first + i;
        uint8_t flags = column->flags[row] & (LS_FLAG_IN_SCOPE | LS_FLAG_EMPTY);
        int64_t value = values ? values[row] : 0;
        block->values[i] = value;
        block->taken[i] = values && flags == LS_FLAG_IN_SCOPE && value >= rolling->least &&
                          value <= rolling->greatest;
    }
}

static void fill(rolling *rolling, const ls_score_column *columns, ls_scratch *scratch,
                 block *block)
{
    const ls_rule *rule = rolling->rule;
    if (rolling->ranged) {
        fill_scores(rolling, &columns[rule->rollup->score], block);
        return;
    }
    const ls_record record = {.binding = rolling->binding, .columns = columns, .scratch = scratch};
    scratch->too_large = false;
    for (size_t i = 0; i < block->count; i++) {
        size_t row = block->first + i;
        block->taken[i] = ls_kernel_ask_other(&record, rule->over, row) == LS_TRUE &&
                          ls_kernel_value(&record, rule->rollup, row, &block->values[i]);
    }
    rolling->past = rolling->past || scratch->too_large;
}

/* ---- totals ---------------------------------------------------------------------------------- */

/* The totals of links soon to come are fetched, since they lie anywhere. */
#define AHEAD 24

/* Inlined with constants, so that no choice is left in the loop. */
LS_INLINE void add_links(const rolling *rolling, const block *block, bool all, ls_combine combine)
{
    const ls_links *links = rolling->related.links;
    const uint64_t *first = links->first + block->first;
    const uint32_t *last = links->rows + links->count - 1;
    ls_rolled *out = *rolling->place;
    for (size_t i = 0; i < block->count; i++) {
        uint64_t end = block->taken[i] ? first[i + 1] : 0;
        for (uint64_t link = first[i]; link < end; link++) {
            if (!all && !ls_related_takes(&rolling->related, link)) {
                continue;
            }
            const uint32_t *row = links->rows + link;
            ls_rolled *rolled = &out[*row];
            __builtin_prefetch(&out[row[last - row < AHEAD ? last - row : AHEAD]], 1);
            ls_int128 value = block->values[i];
            if (combine == LS_SUM) {
                rolled->value += value;
            } else if (combine != LS_COUNT &&
                       (rolled->count == 0 || (combine == LS_MAX) == (value > rolled->value))) {
                rolled->value = value;
            }
            rolled->count++;
        }
    }
}

static void add_block(const rolling *rolling, const block *block)
{
    bool all = ls_related_takes_all(&rolling->related);
    switch (rolling->rule->combine) {
    case LS_COUNT:
        all ? add_links(rolling, block, true, LS_COUNT)
            : add_links(rolling, block, false, LS_COUNT);
        return;
    case LS_MAX:
        all ? add_links(rolling, block, true, LS_MAX) : add_links(rolling, block, false, LS_MAX);
        return;
    case LS_MIN:
        all ? add_links(rolling, block, true, LS_MIN) : add_links(rolling, block, false, LS_MIN);
        return;
    default: /* an average is its sum, and the count */
        all ? add_links(rolling, block, true, LS_SUM) : add_links(rolling, block, false, LS_SUM);
    }
}

/* All rollups that go over one object. */
static void roll_object(rolling *rollings, size_t count, ls_object other,
                        const ls_score_column *columns, ls_scratch *scratch)
{
    block block;
    const ls_table *table = &rollings->binding->dataset->tables[other];
    for (block.first = 0; block.first < table->count; block.first += BLOCK) {
        size_t left = table->count - block.first;
        block.count = left < BLOCK ? left : BLOCK;
        for (size_t i = 0; i < count; i++) {
            if (rollings[i].rule->over->object == other) {
                fill(&rollings[i], columns, scratch, &block);
                add_block(&rollings[i], &block);
            }
        }
    }
}

/* ---- rules ----------------------------------------------------------------------------------- */

static size_t size_of_totals(const ls_binding *binding)
{
    return (binding->dataset->tables[binding->definition->object].count + 1) * sizeof(ls_rolled);
}

static size_t size_of_places(const ls_binding *binding)
{
    return (binding->over_rule_count + 1) * sizeof(ls_rolled *);
}

/* Whether a rule is a rollup that needs no row's values together. A company is one of few, and
 * nothing is gained by going over all of them. */
static bool rolls(const ls_binding *binding, const ls_rule *rule)
{
    return rule->kind == LS_RULE_ROLLUP && rule->rollup->top == 0 &&
           rule->over->object != LS_COMPANY &&
           binding->dataset->links[rule->over->object][binding->definition->object].count > 0;
}

static bool begin_rule(const ls_binding *binding, const ls_rule *rule, ls_rolled **place,
                       rolling *rolling)
{
    const ls_links *links =
        &binding->dataset->links[rule->over->object][binding->definition->object];
    rolling->binding = binding;
    rolling->rule = rule;
    rolling->related = ls_related_to(binding->dataset, links, rule->over);
    rolling->past = false;
    rolling->ranged = find_range(rolling);
    rolling->place = place;
    *place = ls_allocate_zero(binding->context, 1, size_of_totals(binding));
    return *place != NULL;
}

/* *count: of rollings. */
static bool begin_rules(const ls_binding *binding, ls_rolled **places, rolling *rollings,
                        size_t *count)
{
    for (size_t i = 0; i < binding->over_rule_count; i++) {
        const ls_rule *rule = &binding->definition->rules[binding->over_rules[i]];
        if (rolls(binding, rule) && !begin_rule(binding, rule, &places[i], &rollings[(*count)++])) {
            return false;
        }
    }
    return true;
}

static void drop_totals(const ls_binding *binding, ls_rolled **place)
{
    ls_free(binding->context, *place, size_of_totals(binding));
    *place = NULL;
}

static void roll(rolling *rollings, size_t count, const ls_score_column *columns,
                 ls_scratch *scratch)
{
    for (int other = LS_CONTACT; other <= LS_DEAL && count > 0; other++) {
        roll_object(rollings, count, (ls_object)other, columns, scratch);
    }
    for (size_t i = 0; i < count; i++) {
        if (rollings[i].past) {
            drop_totals(rollings[i].binding, rollings[i].place);
        }
    }
}

int ls_kernel_roll(const ls_binding *bindings, const uint32_t *definitions, size_t count,
                   const ls_score_column *columns, ls_scratch *scratch, ls_rolled ***rolled)
{
    ls_context *context = bindings->context;
    size_t rules = 1, begun = 0;
    for (size_t i = 0; i < count; i++) {
        rules += bindings[definitions[i]].over_rule_count;
    }
    rolling *rollings = ls_allocate(context, rules * sizeof *rollings);
    bool whole = rollings != NULL;
    for (size_t i = 0; i < count && whole; i++) {
        const ls_binding *binding = &bindings[definitions[i]];
        ls_rolled **places = ls_allocate_zero(context, 1, size_of_places(binding));
        rolled[definitions[i]] = places;
        whole = places != NULL && begin_rules(binding, places, rollings, &begun);
    }
    if (whole) {
        roll(rollings, begun, columns, scratch);
    }
    ls_free(context, rollings, rules * sizeof *rollings);
    return whole ? LS_OK : LS_ERROR_MEMORY;
}

void ls_kernel_unroll(const ls_binding *binding, ls_rolled ***rolled)
{
    for (size_t i = 0; *rolled && i < binding->over_rule_count; i++) {
        drop_totals(binding, &(*rolled)[i]);
    }
    ls_free(binding->context, *rolled, size_of_places(binding));
    *rolled = NULL;
}
