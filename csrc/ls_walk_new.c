/* Making a walk: the columns, lists and room for occurrences that it needs, bound to the dataset
 * once, and what a rule is made of, found out once. Everything but the occurrences and the reader's
 * scratch is in one arena. */
#include "ls_walk.h"

/* ---- what rules are made of ------------------------------------------------------------------ */

/* Adds to the rule what a score that it takes may do. */
static void describe_use(const ls_walk *walk, uint32_t score, ls_walk_rule *out)
{
    const ls_walk_definition *used = &walk->definitions[score];
    out->varies = out->varies || used->definition->curves;
    out->shrinks = out->shrinks || used->shrinks;
}

static void describe_filter(const ls_walk *walk, const ls_filter *filter, ls_walk_rule *out)
{
    if (filter == NULL)
        return;
    if (filter->kind == LS_FILTER_SCORE)
        describe_use(walk, filter->score, out);
    if (filter->kind == LS_FILTER_RELATED)
        describe_filter(walk, filter->related->where, out);
    for (size_t i = 0; filter->kind <= LS_FILTER_NONE && i < filter->count; i++)
        describe_filter(walk, &filter->children[i], out);
}

static void describe_events(const ls_occurrences *occurrences, ls_walk_rule *out)
{
    bool plain = occurrences->times_count == 0;
    out->varies = out->varies || ls_decay_is_curve(&occurrences->decay);
    out->shrinks = out->shrinks || plain;
    out->steps = plain && (occurrences->has_last || occurrences->decay.curve == LS_CURVE_STEP);
}

static void describe_rule(const ls_walk *walk, const ls_rule *rule, ls_walk_rule *out)
{
    if (rule->over != NULL)
        describe_filter(walk, rule->over->where, out);
    if (rule->kind == LS_RULE_WHEN)
        describe_filter(walk, rule->when, out);
    if (rule->kind == LS_RULE_EVENT)
        describe_events(rule->occurrences, out);
    if (rule->kind == LS_RULE_ROLLUP && rule->rollup->of_score) {
        describe_use(walk, rule->rollup->score, out);
        out->steps = walk->definitions[rule->rollup->score].steps;
    }
}

/* Those that it uses came before. */
static void describe_definition(const ls_walk *walk, ls_walk_definition *part)
{
    ls_walk_rule scope = {0};
    describe_filter(walk, part->definition->scope, &scope);
    part->shrinks = scope.shrinks;
    for (size_t i = 0; i < part->definition->rule_count; i++) {
        ls_walk_rule *rule = &part->rules[i];
        describe_rule(walk, &part->definition->rules[i], rule);
        part->shrinks = part->shrinks || rule->shrinks;
        part->steps = part->steps || rule->steps;
    }
}

/* ---- room ------------------------------------------------------------------------------------ */

static void bind_columns(ls_walk *walk, ls_walk_definition *part)
{
    for (size_t i = 0; i < part->definition->property_count; i++) {
        const ls_property *property = &part->definition->properties[i];
        if (!ls_property_is_event_time(property))
            part->columns[i] = ls_dataset_property(walk->dataset, property->owner, property->name);
    }
}

static bool new_codes(ls_walk *walk, ls_walk_definition *part, const ls_occurrences *occurrences)
{
    uint32_t *codes = ls_arena_allocate(&walk->arena, occurrences->event_count * sizeof *codes);
    part->found[occurrences->index].codes = codes;
    return codes != NULL;
}

/* Room for the codes of event names, of every did filter too. */
static bool new_filter_codes(ls_walk *walk, ls_walk_definition *part, const ls_filter *filter)
{
    if (filter == NULL)
        return true;
    if (filter->kind == LS_FILTER_DID)
        return new_codes(walk, part, filter->did);
    if (filter->kind == LS_FILTER_RELATED)
        return new_filter_codes(walk, part, filter->related->where);
    for (size_t i = 0; filter->kind <= LS_FILTER_NONE && i < filter->count; i++)
        if (!new_filter_codes(walk, part, &filter->children[i]))
            return false;
    return true;
}

static bool new_rules(ls_walk *walk, ls_walk_definition *part)
{
    const ls_definition *definition = part->definition;
    if (!new_filter_codes(walk, part, definition->scope))
        return false;
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        if (rule->kind == LS_RULE_EVENT && !new_codes(walk, part, rule->occurrences))
            return false;
        if (rule->over != NULL && !new_filter_codes(walk, part, rule->over->where))
            return false;
        if (rule->kind == LS_RULE_WHEN && !new_filter_codes(walk, part, rule->when))
            return false;
    }
    return true;
}

static bool new_part(ls_walk *walk, const ls_definition *definition, ls_walk_definition *part)
{
    ls_arena *arena = &walk->arena;
    part->columns = ls_arena_allocate(arena, definition->property_count * sizeof *part->columns);
    part->found = ls_arena_allocate(arena, definition->occurrences_count * sizeof *part->found);
    part->rules = ls_arena_allocate(arena, definition->rule_count * sizeof *part->rules);
    part->group_sums = ls_arena_allocate(arena, definition->group_count * sizeof *part->group_sums);
    if (part->columns == NULL || part->found == NULL || part->rules == NULL ||
        part->group_sums == NULL)
        return false;
    part->row = SIZE_MAX;
    part->definition = definition; /* now its found occurrences may be freed */
    bind_columns(walk, part);
    return new_rules(walk, part);
}

static bool new_parts(ls_walk *walk)
{
    size_t count = walk->plan->count, most = 0;
    walk->definitions = ls_arena_allocate(&walk->arena, count * sizeof *walk->definitions);
    walk->wanted = ls_arena_allocate(&walk->arena, count * sizeof *walk->wanted);
    if (walk->definitions == NULL || walk->wanted == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const ls_definition *definition = &walk->plan->definitions[i];
        size_t values = definition->group_count + definition->rule_count;
        most = values > most ? values : most;
        if (!new_part(walk, definition, &walk->definitions[i]))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        describe_definition(walk, &walk->definitions[walk->plan->order[i]]);
    walk->values = ls_arena_allocate(&walk->arena, most * sizeof *walk->values);
    return walk->values != NULL;
}

static int find_lists(ls_walk *walk, ls_error *error)
{
    const ls_plan *plan = walk->plan;
    walk->lists = ls_arena_allocate(&walk->arena, plan->list_count * sizeof *walk->lists);
    if (walk->lists == NULL)
        return ls_fail_memory(error);
    for (size_t i = 0; i < plan->list_count; i++) {
        walk->lists[i] = ls_dataset_list(walk->dataset, plan->lists[i]);
        if (walk->lists[i] == NULL)
            return ls_fail(error, LS_ERROR_INPUT, "list %.*s: named by a definition, not given",
                           (int)plan->lists[i].length, plan->lists[i].text);
    }
    return LS_OK;
}

int ls_walk_new(const ls_plan *plan, ls_dataset *dataset, ls_walk **out, ls_error *error)
{
    ls_context *context = dataset->context;
    *out = NULL;
    ls_walk *walk = ls_allocate_zero(context, 1, sizeof *walk);
    if (walk == NULL)
        return ls_fail_memory(error);
    walk->context = walk->arena.context = walk->buckets.context = context;
    walk->plan = plan;
    walk->dataset = dataset;
    ls_plan_retain(plan);
    ls_dataset_retain(dataset);
    ls_value_reader_init(&walk->reader, context);
    int status = LS_OK;
    if (ls_dictionary_init(&walk->buckets, context, 0) != LS_OK || !new_parts(walk))
        status = ls_fail_memory(error);
    if (status == LS_OK)
        status = find_lists(walk, error);
    if (status != LS_OK) {
        ls_walk_close(walk);
        return status;
    }
    *out = walk;
    return LS_OK;
}

static void free_found(ls_walk *walk, ls_walk_definition *part)
{
    if (part->definition == NULL)
        return;
    for (size_t i = 0; i < part->definition->occurrences_count; i++) {
        const ls_found *found = &part->found[i];
        ls_free(walk->context, found->items, found->capacity * sizeof *found->items);
        ls_free(walk->context, found->contacts, found->contact_capacity * sizeof *found->contacts);
        ls_free(walk->context, found->seen, found->seen_capacity * sizeof *found->seen);
    }
}

void ls_walk_close(ls_walk *walk)
{
    if (walk == NULL)
        return;
    ls_context *context = walk->context;
    if (walk->definitions != NULL)
        for (size_t i = 0; i < walk->plan->count; i++)
            free_found(walk, &walk->definitions[i]);
    ls_free(context, walk->members, walk->member_capacity * sizeof *walk->members);
    ls_free(context, walk->memory.items, walk->memory.capacity * sizeof *walk->memory.items);
    ls_free(context, walk->memory.slots, walk->memory.slot_count * sizeof *walk->memory.slots);
    ls_free(context, walk->terms, walk->term_capacity * sizeof *walk->terms);
    ls_value_reader_free(&walk->reader);
    ls_dictionary_free(&walk->buckets);
    ls_arena_free(&walk->arena);
    ls_plan_close((ls_plan *)(uintptr_t)walk->plan);
    ls_dataset *dataset = walk->dataset;
    ls_free(context, walk, sizeof *walk);
    ls_dataset_close(dataset); /* last: it may be what keeps the context */
}
