/* Binds a definition to the answers of its properties' texts: what a record's values add by
 * themselves, and where sums are. Classes of events and their entries are in ls_binding_events.c.
 */
#include "ls_binding.h"

/* ---- what a record's values add by themselves ------------------------------------------------ */

static int add_addition(ls_binding *binding, ls_fit_table *fit, uint32_t target, int64_t points)
{
    ls_value_class *class = &fit->classes[fit->class_count];
    class->fires = true;
    for (size_t i = class->first; i < fit->addition_count; i++) {
        if (fit->additions[i].target == target) {
            fit->additions[i].points += points;
            return LS_OK;
        }
    }
    if (points == 0) {
        return LS_OK;
    }
    if (ls_grow(binding->context, &fit->additions, &fit->addition_capacity, fit->addition_count + 1,
                sizeof *fit->additions) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    fit->additions[fit->addition_count].target = target;
    fit->additions[fit->addition_count++].points = points;
    class->count++;
    return LS_OK;
}

/* What one rule adds for a class of its property's values. */
static int add_rule(ls_binding *binding, ls_fit_table *fit, size_t rule_number)
{
    const ls_rule *rule = &binding->definition->rules[rule_number];
    const ls_property_table *table = &binding->tables[fit->property];
    uint32_t class = (uint32_t)fit->class_count;
    if (rule->kind == LS_RULE_WHEN) {
        bool fires =
            ls_table_record(table, class)[binding->atom_place[rule->when->atom]] == LS_TRUE;
        return fires ? add_addition(binding, fit, binding->rule_target[rule_number], rule->points)
                     : LS_OK;
    }
    ls_outcome outcome =
        ls_table_outcome(table, class, binding->questions->rule_choice[rule_number]);
    if (outcome.too_large) {
        binding->fixed_bound = (ls_int128)LS_MAX_SUM * 2; /* every record is walked */
    }
    return outcome.applies
               ? add_addition(binding, fit, binding->rule_target[rule_number], outcome.points)
               : LS_OK;
}

/* Whether the rule is settled by one property's value alone; *property is then which. */
static bool is_single(const ls_rule *rule, uint32_t *property)
{
    if (rule->kind == LS_RULE_PROPERTY && rule->over == NULL) {
        *property = rule->choice.property;
        return true;
    }
    if (rule->kind == LS_RULE_WHEN && rule->when->kind == LS_FILTER_PROPERTY) {
        *property = rule->when->property;
        return true;
    }
    return false;
}

static int bind_fit_class(ls_binding *binding, ls_fit_table *fit)
{
    size_t capacity = fit->class_capacity;
    if (ls_grow(binding->context, &fit->classes, &capacity, fit->class_count + 1,
                sizeof *fit->classes) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    fit->class_capacity = capacity;
    ls_value_class *class = &fit->classes[fit->class_count];
    class->first = (uint32_t)fit->addition_count;
    class->count = 0;
    class->fires = false;
    int status = LS_OK;
    for (size_t i = 0; i < binding->definition->rule_count && status == LS_OK; i++) {
        uint32_t property;
        const ls_rule *rule = &binding->definition->rules[i];
        if (rule->enabled && is_single(rule, &property) && property == fit->property) {
            status = add_rule(binding, fit, i);
        }
    }
    fit->class_count += status == LS_OK;
    return status;
}

static int bind_fits(ls_binding *binding)
{
    int status = LS_OK;
    for (size_t i = 0; i < binding->fit_count; i++) {
        ls_fit_table *fit = &binding->fits[i];
        if (fit->generation != binding->tables[fit->property].generation) {
            fit->generation = binding->tables[fit->property].generation;
            fit->class_count = fit->addition_count = 0;
        }
        while (status == LS_OK && fit->class_count < binding->tables[fit->property].class_count) {
            status = bind_fit_class(binding, fit);
        }
    }
    return status;
}

static int collect_fits(ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    binding->fits =
        ls_allocate_zero(binding->context, definition->property_count + 1, sizeof *binding->fits);
    binding->filter_rules = ls_allocate_zero(binding->context, definition->rule_count + 1,
                                             sizeof *binding->filter_rules);
    binding->over_rules =
        ls_allocate_zero(binding->context, definition->rule_count + 1, sizeof *binding->over_rules);
    if (binding->fits == NULL || binding->filter_rules == NULL || binding->over_rules == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < definition->rule_count; i++) {
        uint32_t property;
        const ls_rule *rule = &definition->rules[i];
        if (!rule->enabled) {
            continue;
        }
        if (rule->over) {
            binding->over_rules[binding->over_rule_count++] = (uint32_t)i;
            continue;
        }
        if (rule->kind == LS_RULE_EVENT) {
            continue;
        }
        if (!is_single(rule, &property)) {
            binding->filter_rules[binding->filter_rule_count++] = (uint32_t)i;
            continue;
        }
        size_t j = 0;
        while (j < binding->fit_count && binding->fits[j].property != property) {
            j++;
        }
        binding->fits[j].property = property;
        binding->fit_count += j == binding->fit_count;
    }
    return LS_OK;
}

/* ---- sums and their bounds ------------------------------------------------------------------- */

static int place_targets(ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    binding->rule_target = ls_allocate_zero(binding->context, definition->rule_count + 1,
                                            sizeof *binding->rule_target);
    if (binding->rule_target == NULL) {
        return LS_ERROR_MEMORY;
    }
    binding->target_count = definition->group_count;
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        bool limited = rule->limit.has_min || rule->limit.has_max;
        binding->rule_target[i] = limited ? (uint32_t)binding->target_count++ : rule->group;
    }
    binding->member_target = binding->target_count;
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        binding->target_count += rule->kind == LS_RULE_EVENT && rule->over != NULL;
    }
    return LS_OK;
}

static int64_t magnitude(int64_t points)
{
    return points < 0 ? -points : points;
}

static int64_t largest_choice(const ls_choice *choice)
{
    int64_t largest = choice->has_otherwise ? magnitude(choice->otherwise) : 0;
    for (size_t i = 0; i < choice->count; i++) {
        largest = ls_max(largest, magnitude(choice->entries[i].points));
    }
    return largest;
}

/* A value of a set adds several entries: the bound of a property rule is the sum of all. */
static ls_int128 choice_bound(const ls_choice *choice)
{
    ls_int128 sum = choice->has_otherwise ? magnitude(choice->otherwise) : 0;
    for (size_t i = 0; i < choice->count; i++) {
        sum += magnitude(choice->entries[i].points);
    }
    return sum;
}

/* What a limit adds at most to a sum that is nearer to 0 than the limit. */
static int64_t largest_lift(const ls_limit *limit)
{
    int64_t up = limit->has_min ? ls_max(limit->min, 0) : 0;
    int64_t down = limit->has_max ? ls_max(-limit->max, 0) : 0;
    return ls_max(up, down);
}

/* Sums stay within LS_MAX_SUM as long as events * event_bound + fixed_bound does; other records are
 * walked. */
static void bound_sums(ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    ls_int128 event_bound = 0;
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        binding->fixed_bound += largest_lift(&rule->limit);
        if (rule->kind == LS_RULE_EVENT) {
            const ls_occurrences *occurrences = rule->occurrences;
            bool set = occurrences->choice.kind == LS_CHOICE_BY &&
                       definition->properties[occurrences->choice.property].type == LS_SET;
            event_bound += magnitude(occurrences->points);
            event_bound +=
                set ? choice_bound(&occurrences->choice) : largest_choice(&occurrences->choice);
            for (size_t j = 0; j < occurrences->times_count; j++) {
                binding->fixed_bound += magnitude(occurrences->times[j].points);
            }
        } else if (rule->over == NULL) { /* sums over associated records are checked as they grow */
            binding->fixed_bound += magnitude(rule->points) + choice_bound(&rule->choice);
        }
    }
    binding->event_bound = event_bound > LS_MAX_SUM ? LS_MAX_SUM : (int64_t)event_bound;
    for (size_t i = 0; i < definition->group_count; i++) {
        binding->settled_bound += largest_lift(&definition->groups[i].limit);
    }
    binding->settled_bound += largest_lift(&definition->fit_limit);
    binding->settled_bound += largest_lift(&definition->engagement_limit);
    binding->settled_bound += largest_lift(&definition->limit);
}

/* ---- building -------------------------------------------------------------------------------- */

static void collect_spec(ls_binding *binding, const ls_occurrences *occurrences,
                         const ls_rule *rule)
{
    ls_spec *spec = &binding->specs[occurrences->index];
    spec->occurrences = occurrences;
    spec->rule = rule;
    spec->way = LS_WAY_TABLE;
    spec->target = rule ? binding->rule_target[rule - binding->definition->rules] : 0;
    if (rule && rule->over) {
        spec->target = (uint32_t)(binding->member_target + binding->member_count++);
    }
    spec->choice = binding->questions->spec_choice[occurrences->index];
}

static void collect_did(ls_binding *binding, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_DID) {
        collect_spec(binding, filter->did, NULL);
    } else if (filter->kind <= LS_FILTER_NONE) {
        for (size_t i = 0; i < filter->count; i++) {
            collect_did(binding, &filter->children[i]);
        }
    }
}

static void collect_specs(ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    if (definition->scope) {
        collect_did(binding, definition->scope);
    }
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        if (rule->enabled && rule->kind == LS_RULE_WHEN) {
            collect_did(binding, rule->when);
        } else if (rule->enabled && rule->kind == LS_RULE_EVENT) {
            collect_spec(binding, rule->occurrences, rule);
        }
    }
}

static int prepare_decays(ls_binding *binding)
{
    bool halves = false;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_occurrences *occurrences = binding->specs[i].occurrences;
        halves = halves || (occurrences && occurrences->decay.curve == LS_CURVE_HALF_LIFE);
    }
    binding->decays =
        ls_allocate_zero(binding->context, binding->spec_count + 1, sizeof *binding->decays);
    if (halves) {
        binding->powers = ls_allocate(binding->context, sizeof *binding->powers);
    }
    if (binding->decays == NULL || (halves && binding->powers == NULL)) {
        return LS_ERROR_MEMORY;
    }
    if (halves) {
        ls_half_life_powers_make(binding->powers);
    }
    for (size_t i = 0; i < binding->spec_count; i++) {
        if (binding->specs[i].occurrences) {
            ls_quick_decay_make(&binding->decays[i], &binding->specs[i].occurrences->decay,
                                binding->powers);
        }
    }
    return LS_OK;
}

/* Tables are shared; what a binding has are copies of what is in them now. */
static void take_tables(ls_binding *binding)
{
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        binding->tables[i] = binding->answers->tables[binding->questions->tables[i]];
    }
}

static int build(ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    ls_context *context = binding->context;
    binding->spec_count = definition->occurrences_count;
    binding->tables =
        ls_allocate_zero(context, definition->property_count + 1, sizeof *binding->tables);
    binding->specs = ls_allocate_zero(context, binding->spec_count + 1, sizeof *binding->specs);
    binding->lists =
        ls_allocate_zero(context, binding->plan->list_count + 1, sizeof *binding->lists);
    if (binding->tables == NULL || binding->specs == NULL || binding->lists == NULL ||
        place_targets(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    take_tables(binding);
    for (size_t i = 0; i < definition->property_count; i++) {
        const bool moves = binding->tables[i].moves;
        binding->values_move = binding->values_move || moves;
        binding->events_move =
            binding->events_move || (definition->properties[i].owner == LS_EVENT && moves);
    }
    collect_specs(binding);
    bound_sums(binding);
    return prepare_decays(binding) == LS_OK ? collect_fits(binding) : LS_ERROR_MEMORY;
}

int ls_binding_init(ls_binding *binding, const ls_answers *answers, size_t definition,
                    ls_error *error)
{
    const ls_plan *plan = answers->plan;
    memset(binding, 0, sizeof *binding);
    binding->context = plan->context;
    binding->plan = plan;
    binding->definition = &plan->definitions[definition];
    binding->dataset = answers->dataset;
    binding->answers = answers;
    binding->questions = &answers->questions[definition];
    binding->atom_place = binding->questions->atom_place;
    if (build(binding) != LS_OK) {
        ls_binding_free(binding);
        return ls_fail_memory(error);
    }
    return LS_OK;
}

void ls_binding_free(ls_binding *binding)
{
    ls_context *context = binding->context;
    const ls_definition *definition = binding->definition;
    for (size_t i = 0; i < binding->fit_count; i++) {
        ls_fit_table *fit = &binding->fits[i];
        ls_free(context, fit->classes, fit->class_capacity * sizeof *fit->classes);
        ls_free(context, fit->additions, fit->addition_capacity * sizeof *fit->additions);
    }
    ls_binding_events_free(binding);
    ls_free(context, binding->fits, (definition->property_count + 1) * sizeof *binding->fits);
    ls_free(context, binding->filter_rules,
            (definition->rule_count + 1) * sizeof *binding->filter_rules);
    ls_free(context, binding->tables, (definition->property_count + 1) * sizeof *binding->tables);
    ls_free(context, binding->specs, (binding->spec_count + 1) * sizeof *binding->specs);
    ls_free(context, binding->decays, (binding->spec_count + 1) * sizeof *binding->decays);
    ls_free(context, binding->powers, sizeof *binding->powers);
    ls_free(context, binding->over_rules,
            (definition->rule_count + 1) * sizeof *binding->over_rules);
    ls_free(context, binding->lists, (binding->plan->list_count + 1) * sizeof *binding->lists);
    ls_free(context, binding->rule_target,
            (definition->rule_count + 1) * sizeof *binding->rule_target);
    memset(binding, 0, sizeof *binding);
}

/* Says whether names or classes of events' values are others than before. */
static uint64_t event_state(const ls_binding *binding)
{
    uint64_t state = binding->dataset->events.event.dictionary.count;
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        if (binding->definition->properties[i].owner == LS_EVENT) {
            state = state * UINT64_C(0x9e3779b97f4a7c15) + binding->tables[i].class_count;
            state = state * UINT64_C(0x9e3779b97f4a7c15) + binding->tables[i].generation;
        }
    }
    return state;
}

int ls_binding_values(ls_binding *binding, ls_error *error)
{
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        const ls_property_table *table = &binding->answers->tables[binding->questions->tables[i]];
        if (table->class_count != binding->tables[i].class_count ||
            table->class_capacity != binding->tables[i].class_capacity) {
            binding->tables[i] = *table;
        }
    }
    return bind_fits(binding) == LS_OK ? LS_OK : ls_fail_memory(error);
}

int ls_binding_update(ls_binding *binding, int64_t at, ls_error *error)
{
    const bool bound = binding->bound; /* else nothing is made yet, or it was left half made */
    const bool moved = bound && binding->definition->moves && at != binding->at;
    const uint64_t before = event_state(binding);
    size_t event_codes = binding->event_code_count;
    binding->at = at;
    binding->bound = false;
    take_tables(binding);
    for (size_t i = 0; i < binding->plan->list_count; i++) {
        binding->lists[i] = ls_dataset_list(binding->dataset, binding->plan->lists[i]);
    }
    if (bind_fits(binding) != LS_OK) {
        return ls_fail_memory(error);
    }
    bool stale = !bound || (moved && binding->events_move) || before != event_state(binding) ||
                 event_codes != binding->dataset->events.event.dictionary.count;
    int status = LS_OK;
    if (binding->spec_count > 0 && stale) {
        status = ls_binding_events(binding);
    } else if (moved && ls_binding_ages_move(binding)) {
        status = ls_binding_ages(binding);
    }
    if (status != LS_OK) {
        return ls_fail_memory(error);
    }
    binding->bound = true;
    return LS_OK;
}
