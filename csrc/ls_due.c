/* See ls_due.h. */
#include "ls_due.h"

#include "ls_time.h"

/* Ages and instants are below it, and it can be added to an instant. */
#define FAR (INT64_C(1) << 62)
/* No curve is looked at further ahead. */
#define FARTHEST (INT64_C(1) << 40)

/* ---- making ---------------------------------------------------------------------------------- */

/* Whether it asks what events or scores make of associated records. */
static bool asks_more(const ls_filter *filter, bool related)
{
    if (filter == NULL || filter->kind == LS_FILTER_DID || filter->kind == LS_FILTER_SCORE) {
        return filter && related;
    }
    if (filter->kind == LS_FILTER_RELATED) {
        return asks_more(filter->related->where, true);
    }
    for (size_t i = 0; filter->kind <= LS_FILTER_NONE && i < filter->count; i++) {
        if (asks_more(&filter->children[i], related)) {
            return true;
        }
    }
    return false;
}

static bool depends_on_others(const ls_definition *definition)
{
    bool depends = asks_more(definition->scope, false);
    for (size_t i = 0; i < definition->rule_count && !depends; i++) {
        const ls_rule *rule = &definition->rules[i];
        depends = asks_more(rule->when, false) || (rule->rollup && rule->rollup->of_score) ||
                  (rule->over && asks_more(rule->over->where, true));
    }
    return depends;
}

int ls_due_init(ls_due *due, const ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    memset(due, 0, sizeof *due);
    due->context = binding->context;
    due->binding = binding;
    due->spec_count = binding->spec_count;
    due->restless = depends_on_others(definition);
    for (size_t i = 0; i < definition->property_count; i++) {
        bool moves = binding->tables[i].moves;
        ls_object owner = definition->properties[i].owner;
        due->dates = due->dates || (moves && owner == definition->object);
        due->event_dates = due->event_dates || (moves && owner == LS_EVENT);
    }
    ls_value_reader_init(&due->reader, due->context);
    due->latest = ls_allocate_zero(due->context, binding->spec_count + 1, sizeof *due->latest);
    if (due->latest == NULL) {
        ls_due_free(due);
        return LS_ERROR_MEMORY;
    }
    return LS_OK;
}

void ls_due_free(ls_due *due)
{
    if (due->context == NULL) {
        return;
    }
    ls_value_reader_free(&due->reader);
    ls_free(due->context, due->ages, due->age_capacity * sizeof *due->ages);
    ls_free(due->context, due->latest, (due->spec_count + 1) * sizeof *due->latest);
    memset(due, 0, sizeof *due);
}

/* ---- one occurrence -------------------------------------------------------------------------- */

/* A curve only falls, so where it stands after a stretch as before it stood still in between. */
static int64_t next_of_curve(const ls_quick_decay *decay, int64_t points, int64_t age)
{
    int64_t now = ls_quick_decay_points(decay, points, age), stretch = 1;
    if (now == 0 || ls_quick_decay_points(decay, points, age + 1) != now) {
        return now == 0 ? FAR : age + 1;
    }
    while (stretch < FARTHEST / 8 &&
           ls_quick_decay_points(decay, points, age + 2 * stretch) == now) {
        stretch *= 2;
    }
    return age + stretch + 1;
}

/* The age at which points that have this one are worth less. */
static int64_t next_of_decay(const ls_due *due, const ls_quick_decay *quick, int64_t points,
                             int64_t age)
{
    const ls_decay *decay = &quick->decay;
    if (points == 0 || decay->curve == LS_CURVE_NONE || age >= quick->end) {
        return FAR;
    }
    if (ls_decay_is_curve(decay)) {
        return due->steps ? FAR : next_of_curve(quick, points, age);
    }
    int64_t next = age - age % decay->every;
    return next > FAR - decay->every ? FAR : next + decay->every;
}

/* The age at which a spec's occurrence of this one adds something else. Windows between dates stay
 * shut or open for an event as they are. */
static int64_t next_of_occurrence(const ls_due *due, size_t spec, int64_t points, int64_t age)
{
    const ls_binding *binding = due->binding;
    const ls_occurrences *occurrences = binding->specs[spec].occurrences;
    if (!ls_spec_open(occurrences, binding->at, age)) {
        return FAR;
    }
    int64_t next = FAR;
    if (occurrences->times_count == 0) { /* else the latest one decays for all */
        next = next_of_decay(due, &binding->decays[spec], points, age);
    }
    return occurrences->has_last ? ls_min(next, occurrences->last) : next;
}

/* ---- entries --------------------------------------------------------------------------------- */

static int64_t next_of_entry(const ls_due *due, size_t row, size_t bucket)
{
    const ls_binding *binding = due->binding;
    const ls_event_class *matches = &binding->rows.sets[row];
    int64_t next = FAR, age = bucket ? binding->edges[bucket - 1] : 0;
    for (uint32_t i = 0; i < matches->count; i++) {
        const ls_match *match = &binding->rows.matches[matches->first + i];
        if (match->spec != LS_FIRES) { /* else it does at any age */
            next = ls_min(next, next_of_occurrence(due, match->spec, match->points, age));
        }
    }
    return next;
}

int ls_due_update(ls_due *due)
{
    const ls_binding *binding = due->binding;
    const size_t count = binding->entry_count;
    if (binding->spec_count == 0 || due->made == binding->made) {
        return LS_OK;
    }
    due->made = 0;
    if (ls_grow(due->context, &due->ages, &due->age_capacity, count, sizeof *due->ages) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    int64_t *ages = due->ages;
    for (size_t row = 0; row < binding->rows.count; row++) {
        for (size_t bucket = 0; bucket < binding->bucket_count; bucket++) {
            *ages++ = next_of_entry(due, row, bucket);
        }
    }
    due->made = binding->made;
    return LS_OK;
}

/* An event that is dated later has no entry of its own. */
LS_INLINE int64_t next_of_entries(const ls_due *due, const void *times, size_t begin, size_t count,
                                  const uint32_t *entries, bool wide)
{
    const int64_t now = due->binding->at, *const ages = due->ages;
    int64_t next = FAR;
    for (size_t i = 0; i < count; i++) {
        int64_t time = wide ? ((const int64_t *)times)[begin + i]
                            : LS_EVENT_BASE + (int64_t)((const uint32_t *)times)[begin + i];
        int64_t then = time > now ? time : time + ages[entries[i]];
        next = then < next ? then : next;
    }
    return next;
}

/* ---- specs that no table holds --------------------------------------------------------------- */

static int64_t look_at_occurrence(ls_due *due, size_t spec, int64_t points, int64_t time)
{
    const ls_binding *binding = due->binding;
    int64_t age = binding->at - time;
    if (ls_spec_open(binding->specs[spec].occurrences, binding->at, age)) {
        due->latest[spec] = ls_max(due->latest[spec], time);
    }
    return time + next_of_occurrence(due, spec, points, age);
}

static int64_t look_at_matches(ls_due *due, uint16_t class, int64_t time)
{
    const ls_binding *binding = due->binding;
    const ls_event_class *matches = ls_class_matches(binding, class);
    int64_t next = FAR;
    for (uint32_t i = 0; binding->class_has_kernel[class] && i < matches->count; i++) {
        const ls_match *match = &binding->classes.matches[matches->first + i];
        if (binding->specs[match->spec].way > LS_WAY_TABLE) {
            next = ls_min(next, look_at_occurrence(due, match->spec, match->points, time));
        }
    }
    return next;
}

static int64_t look_at_generic(ls_due *due, size_t event, int64_t time)
{
    const ls_binding *binding = due->binding;
    uint32_t code = ls_column_code(&binding->dataset->events.event, event);
    int64_t next = FAR;
    for (uint32_t i = binding->generic_first[code]; i < binding->generic_first[code + 1]; i++) {
        int64_t points;
        uint32_t spec = binding->generic_specs[i];
        if (binding->specs[spec].way > LS_WAY_TABLE &&
            ls_kernel_is_occurrence(binding, &binding->specs[spec], event, &points)) {
            next = ls_min(next, look_at_occurrence(due, spec, points, time));
        }
    }
    return next;
}

/* Where `times` fits, its points have the age of the latest occurrence. */
static int64_t next_of_times(const ls_due *due)
{
    const ls_binding *binding = due->binding;
    int64_t next = FAR;
    for (size_t spec = 0; spec < binding->spec_count; spec++) {
        const ls_occurrences *occurrences = binding->specs[spec].occurrences;
        int64_t latest = due->latest[spec];
        for (size_t i = 0; latest != INT64_MIN && i < occurrences->times_count; i++) {
            int64_t then =
                latest + next_of_decay(due, &binding->decays[spec], occurrences->times[i].points,
                                       binding->at - latest);
            next = ls_min(next, then);
        }
    }
    return next;
}

static int64_t next_of_kernels(ls_due *due, size_t begin, size_t end, const uint16_t *classes)
{
    const ls_binding *binding = due->binding;
    int64_t next = FAR, soonest = binding->at + 1;
    for (size_t i = 0; i < binding->spec_count; i++) {
        due->latest[i] = INT64_MIN;
    }
    for (size_t e = begin; e < end && next > soonest; e++) {
        int64_t time = ls_event_time(&binding->dataset->events, e);
        if (time > binding->at) { /* counted with the entries */
            continue;
        }
        next = ls_min(next, look_at_matches(due, classes[e - begin], time));
        if (binding->any_generic) {
            next = ls_min(next, look_at_generic(due, e, time));
        }
    }
    return next > soonest ? ls_min(next, next_of_times(due)) : next;
}

/* ---- dates ----------------------------------------------------------------------------------- */

static int64_t later(int64_t edge, int64_t at)
{
    return edge > at ? edge : FAR;
}

/* As the walk's note_condition. Instants are far below where a span could pass 64 bits. */
static int64_t next_of_condition(const ls_condition *condition, int64_t time, int64_t at)
{
    int64_t next = FAR;
    for (size_t i = 0; condition->moves && i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        int64_t span = ls_min(test->span, FARTHEST);
        if (test->op == LS_OP_IN_LAST || test->op == LS_OP_MORE_THAN_AGO) {
            next = ls_min(next, later(time + span, at));
        }
        if (test->op == LS_OP_IN_NEXT || test->op == LS_OP_MORE_THAN_AHEAD) {
            next = ls_min(next, later(time - span, at));
        }
        if (test->op == LS_OP_IN_LAST || test->op == LS_OP_IN_NEXT) {
            next = ls_min(next, later(time, at));
        }
    }
    return next;
}

static int64_t next_of_questions(const ls_property_table *table, int64_t time, int64_t at)
{
    int64_t next = FAR;
    for (size_t i = 0; i < table->atom_count; i++) {
        next = ls_min(next, next_of_condition(table->atoms[i]->condition, time, at));
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; choice->kind == LS_CHOICE_BANDS && k < choice->count; k++) {
            next = ls_min(next, next_of_condition(choice->entries[k].condition, time, at));
        }
    }
    return next;
}

/* The date that a record or event has; false: none. */
static bool read_date(ls_due *due, const ls_property_table *table, size_t row, int64_t *time,
                      int *status)
{
    const ls_column *column = table->column;
    if (ls_property_is_event_time(table->property)) {
        *time = ls_event_time(&due->binding->dataset->events, row);
        return true;
    }
    uint32_t code = column ? ls_column_code(column, row) : 0;
    if (code == 0) {
        return false;
    }
    if (code < column->moment_count && column->moments[code] != LS_NO_MOMENT) {
        *time = column->moments[code];
        return true;
    }
    ls_value value;
    ls_string text = ls_dictionary_text(&column->dictionary, code);
    if (ls_value_read(&due->reader, LS_DATETIME, text.text, text.length, &value) != LS_OK) {
        *status = LS_ERROR_MEMORY;
        return false;
    }
    *time = value.time;
    return value.known;
}

/* Of the record's dates, or of the events' in [begin, end). */
static int64_t next_of_dates(ls_due *due, ls_object owner, size_t begin, size_t end, int *status)
{
    const ls_binding *binding = due->binding;
    int64_t next = FAR, time;
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        const ls_property_table *table = &binding->tables[i];
        bool asked = table->moves && table->property->owner == owner;
        for (size_t row = begin; asked && row < end; row++) {
            if (read_date(due, table, row, &time, status)) {
                next = ls_min(next, next_of_questions(table, time, binding->at));
            }
        }
    }
    return next;
}

/* ---- the walk -------------------------------------------------------------------------------- */

bool ls_due_walks(const ls_due *due)
{
    return due->binding->definition->relates || due->binding->fixed_bound > LS_MAX_SUM;
}

static int64_t next_event(const ls_binding *binding, size_t begin, size_t end)
{
    int64_t next = FAR;
    for (size_t e = begin; e < end; e++) {
        next = ls_min(next, later(ls_event_time(&binding->dataset->events, e), binding->at));
    }
    return next;
}

static int next_of_walk(const ls_due *due, ls_walk *walk, size_t row, int64_t *next,
                        ls_error *error)
{
    const ls_binding *binding = due->binding;
    const ls_clock clock = {binding->at, binding->at, binding->at, binding->at};
    ls_score score;
    ls_walk_begin(walk, LS_CONTACT, row, binding->at);
    walk->watching = true;
    ls_walk_look(walk, LS_NOW, &clock);
    int status = ls_walk_score(walk, (size_t)(binding->definition - binding->plan->definitions),
                               LS_NOW, &score, error);
    bool moves = status == LS_ERROR_RANGE || binding->definition->curves || due->restless;
    *next = moves ? binding->at + 1 : walk->interval.until;
    walk->watching = false;
    return status == LS_ERROR_RANGE ? LS_OK : status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int64_t next_of_events(ls_due *due, size_t begin, size_t end, bool known,
                              ls_scratch *scratch)
{
    const ls_binding *binding = due->binding;
    const ls_events *events = &binding->dataset->events;
    if (!known) {
        ls_kernel_entries(binding, begin, end - begin, scratch);
    }
    int64_t next =
        events->wide
            ? next_of_entries(due, events->times, begin, end - begin, scratch->entries, true)
            : next_of_entries(due, events->times, begin, end - begin, scratch->entries, false);
    if (binding->any_kernel) {
        next = ls_min(next, next_of_kernels(due, begin, end, scratch->classes));
    }
    return next;
}

int ls_due_find(ls_due *due, ls_walk *walk, size_t row, bool known, ls_scratch *scratch,
                int64_t *out, ls_error *error)
{
    const ls_binding *binding = due->binding;
    const ls_events *events = &binding->dataset->events;
    size_t begin = 0, end = 0;
    int64_t next = FAR;
    int status = LS_OK;
    if (events->count > 0 && binding->spec_count > 0) {
        begin = (size_t)events->first[row];
        end = (size_t)ls_events_end(events, row);
    }
    if (ls_due_walks(due)) {
        status = next_of_walk(due, walk, row, &next, error);
        next = ls_min(next, next_event(binding, begin, end));
    } else if (end > begin) {
        next = next_of_events(due, begin, end, known, scratch);
    }
    if (status == LS_OK && due->dates) {
        next = ls_min(next, next_of_dates(due, binding->definition->object, row, row + 1, &status));
    }
    if (status == LS_OK && due->event_dates) {
        next = ls_min(next, next_of_dates(due, LS_EVENT, begin, end, &status));
    }
    if (status == LS_ERROR_MEMORY) {
        return ls_fail_memory(error);
    }
    *out = next > LS_TIME_MAX ? LS_NEVER : next;
    return status;
}
