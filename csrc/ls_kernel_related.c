/* Associated records (section 7): filters over them, event rules of companies and deals, property
 * rules over them. A company's events are its contacts', worked out contact by contact
 * with the same tables and kernels as a contact's own. */
#include "ls_kernel.h"

/* ---- filters over associated records --------------------------------------------------------- */

static ls_record record_of(const ls_record *record, ls_object object, size_t row)
{
    ls_record other = *record;
    other.object = object;
    other.row = other.place = row;
    other.own = false;
    return other;
}

ls_truth ls_kernel_ask_other(const ls_record *record, const ls_over *over, size_t row)
{
    if (over->where == NULL) {
        return LS_TRUE;
    }
    ls_record other = record_of(record, over->object, row);
    return ls_kernel_ask(&other, over->where);
}

ls_truth ls_kernel_related(const ls_record *record, const ls_filter *filter)
{
    const ls_over *over = filter->related;
    ls_related related =
        ls_related_begin(record->binding->dataset, record->object, record->row, over);
    ls_truth any = LS_FALSE, every = LS_TRUE;
    int64_t count = 0, all = 0;
    for (size_t row; ls_related_next(&related, &row); all++) {
        ls_truth truth = ls_kernel_ask_other(record, over, row);
        any = ls_truth_or(any, truth);
        every = ls_truth_and(every, truth);
        count += truth == LS_TRUE;
    }
    if (filter->counted) {
        return count >= filter->count_min && count <= filter->count_max ? LS_TRUE : LS_FALSE;
    }
    return filter->every ? (all > 0 ? every : LS_FALSE) : any;
}

/* ---- combining members ----------------------------------------------------------------------- */

static void begin_member(ls_member *member, const ls_record *record, const ls_over *over)
{
    memset(member, 0, sizeof *member);
    member->related = ls_related_begin(record->binding->dataset, record->object, record->row, over);
    member->least = INT64_MAX;
    member->greatest = INT64_MIN;
}

static void add_member(ls_member *member, int64_t result, bool fired)
{
    member->sum += result;
    member->least = ls_min(member->least, result);
    member->greatest = ls_max(member->greatest, result);
    member->count++;
    member->fired = member->fired || fired;
}

/* What the members make together; false past the largest sum. */
static bool combine(const ls_member *member, ls_combine combine, int64_t *out)
{
    *out = 0;
    if (member->count == 0) {
        return true;
    }
    switch (combine) {
    case LS_MAX: *out = member->greatest; return true;
    case LS_MIN: *out = member->least; return true;
    case LS_AVG: return ls_scale_points(member->sum, LS_MILLION, (int64_t)member->count, out);
    default: return ls_scale_points(member->sum, LS_MILLION, 1, out);
    }
}

static void add_combined(const ls_record *record, size_t rule, const ls_member *member)
{
    const ls_binding *binding = record->binding;
    int64_t result;
    if (!combine(member, binding->definition->rules[rule].combine, &result)) {
        record->scratch->too_large = true;
        return;
    }
    record->scratch->fired = record->scratch->fired || member->fired;
    ls_kernel_add(record->scratch, binding->rule_target[rule], result);
}

/* ---- event rules over contacts --------------------------------------------------------------- */

/* The events of one contact: sums and counts are the contact's own after it. */
static bool add_contact(const ls_binding *binding, size_t contact, ls_scratch *scratch)
{
    const ls_events *events = &binding->dataset->events;
    size_t begin = (size_t)events->first[contact];
    size_t end = (size_t)ls_events_end(events, contact);
    memset(scratch->sums + binding->member_target, 0,
           binding->member_count * sizeof *scratch->sums);
    memset(scratch->counts, 0, binding->spec_count * sizeof *scratch->counts);
    for (size_t i = 0; binding->any_kernel && i < binding->spec_count; i++) {
        scratch->latest[i] = INT64_MIN;
    }
    if ((ls_int128)(end - begin) * binding->event_bound > LS_MAX_SUM) {
        return false;
    }
    for (size_t block = begin; block < end; block = end) {
        ls_kernel_entries(binding, begin, end - begin, scratch);
        ls_kernel_contact(binding, begin, begin, end, scratch);
    }
    return true;
}

/* What an event rule makes of the contact whose events were added. */
static int64_t contact_result(const ls_binding *binding, const ls_spec *spec,
                              const ls_scratch *scratch, bool *fired)
{
    size_t number = (size_t)(spec - binding->specs);
    const ls_occurrences *occurrences = spec->occurrences;
    int64_t count = scratch->counts[number];
    if (occurrences->times_count == 0) {
        *fired = count > 0;
        return scratch->sums[spec->target];
    }
    const ls_times *times = ls_times_fit(occurrences, count);
    *fired = times != NULL;
    if (times == NULL || count == 0 || occurrences->decay.curve == LS_CURVE_NONE) {
        return times ? times->points : 0;
    }
    return ls_decay_points(&occurrences->decay, times->points,
                           binding->at - scratch->latest[number]);
}

static void take_contact(const ls_record *record, uint64_t link, size_t contact)
{
    const ls_binding *binding = record->binding;
    ls_scratch *scratch = record->scratch;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        if (spec->occurrences == NULL || spec->rule == NULL) {
            scratch->totals[i] += scratch->counts[i];
            continue;
        }
        ls_member *member = &scratch->members[spec->target - binding->member_target];
        const ls_over *over = spec->rule->over;
        if (ls_related_takes(&member->related, link) &&
            ls_kernel_ask_other(record, over, contact) == LS_TRUE) {
            bool fired;
            int64_t result = contact_result(binding, spec, scratch, &fired);
            add_member(member, result, fired);
        }
    }
}

void ls_kernel_contacts(const ls_record *record)
{
    static const ls_over contacts = {.relation = LS_RELATED_CONTACTS, .object = LS_CONTACT};
    const ls_binding *binding = record->binding;
    ls_scratch *scratch = record->scratch;
    if (binding->spec_count == 0) {
        return;
    }
    ls_related related = ls_related_begin(binding->dataset, record->object, record->row, &contacts);
    memset(scratch->totals, 0, binding->spec_count * sizeof *scratch->totals);
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        if (spec->occurrences && spec->rule) {
            begin_member(&scratch->members[spec->target - binding->member_target], record,
                         spec->rule->over);
        }
    }
    for (; related.next < related.end; related.next++) {
        size_t contact = related.links->rows[related.next];
        if (!add_contact(binding, contact, scratch)) {
            scratch->too_large = true;
            return;
        }
        take_contact(record, related.next, contact);
    }
    scratch->fired = false; /* lanes of tables may have said so for a contact that no rule takes */
    memcpy(scratch->counts, scratch->totals, binding->spec_count * sizeof *scratch->counts);
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        if (spec->occurrences && spec->rule) {
            add_combined(record, (size_t)(spec->rule - binding->definition->rules),
                         &scratch->members[spec->target - binding->member_target]);
        }
    }
}

/* ---- property rules -------------------------------------------------------------------------- */

static void add_property_rule(const ls_record *record, size_t number)
{
    const ls_binding *binding = record->binding;
    const ls_rule *rule = &binding->definition->rules[number];
    const ls_property_table *table = &binding->tables[rule->choice.property];
    ls_member member;
    begin_member(&member, record, rule->over);
    for (size_t row; ls_related_next(&member.related, &row);) {
        if (ls_kernel_ask_other(record, rule->over, row) != LS_TRUE) {
            continue;
        }
        ls_outcome outcome = ls_table_outcome(table, ls_table_class(table, row),
                                              binding->questions->rule_choice[number]);
        record->scratch->too_large = record->scratch->too_large || outcome.too_large;
        add_member(&member, outcome.points, outcome.applies);
    }
    add_combined(record, number, &member);
}

void ls_kernel_over(const ls_record *record)
{
    const ls_binding *binding = record->binding;
    for (size_t i = 0; i < binding->over_rule_count; i++) {
        size_t number = binding->over_rules[i];
        ls_rule_kind kind = binding->definition->rules[number].kind;
        if (kind == LS_RULE_PROPERTY) {
            add_property_rule(record, number);
        } else if (kind == LS_RULE_ROLLUP) {
            ls_kernel_rollup(record, i);
        }
    }
}
