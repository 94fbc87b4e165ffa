/* The line that says why, for relation filters and rules over associated records: how many there
 * are, how many hold or take part, and one of them by name with its own reason. */
#include "ls_explain.h"

typedef struct noun {
    const char *one, *many;
} noun;

static const noun nouns[] = {
    [LS_CONTACT] = {" contact", " contacts"},
    [LS_COMPANY] = {" company", " companies"},
    [LS_DEAL] = {" deal", " deals"},
};

static void say_label(ls_why *why, const ls_over *over)
{
    if (over->labelled.length == 0)
        return;
    ls_say(why, " labelled ");
    ls_say_string(why, over->labelled_shown);
}

/* "3 contacts labelled Buyer" */
static void say_records(ls_why *why, const ls_over *over, size_t count)
{
    noun noun = nouns[over->object];
    ls_say_integer(why, (int64_t)count);
    if (over->relation == LS_RELATED_PRIMARY_CONTACTS)
        ls_say(why, " primary");
    ls_say(why, count == 1 ? noun.one : noun.many);
    say_label(why, over);
}

static void say_none(ls_why *why, const ls_over *over)
{
    ls_say(why, over->relation == LS_RELATED_PRIMARY_CONTACTS ? "no primary" : "no associated");
    ls_say(why, nouns[over->object].one);
    say_label(why, over);
}

/* ---- relation filters ------------------------------------------------------------------------ */

/* The first associated record of which the truth is this one, and why. */
static void say_example(ls_why *why, const ls_over *over, ls_truth truth)
{
    ls_walk *walk = why->walk;
    ls_related related = ls_related_begin(walk->dataset, walk->object, walk->row, over);
    for (size_t row; over->where != NULL && ls_related_next(&related, &row);) {
        if (ls_walk_related(walk, over->where, over->object, row) != truth)
            continue;
        ls_string id;
        id.text = ls_dataset_id(walk->dataset, over->object, row, &id.length);
        ls_say(why, ":");
        ls_say(why, nouns[over->object].one);
        ls_say(why, " ");
        ls_say_string(why, id);
        ls_say(why, ": ");
        ls_standing here = ls_walk_visit(walk, over->object, row);
        ls_say_filter(why, over->where, truth, false);
        ls_walk_return(walk, &here);
        return;
    }
}

static void say_bounds(ls_why *why, int64_t min, int64_t max)
{
    if (min == 0 && max != INT64_MAX && max != 0) {
        ls_say(why, "at most ");
        ls_say_integer(why, max);
    } else if (min == 1 && max != 1 && max != INT64_MAX) {
        ls_say(why, "1 to ");
        ls_say_integer(why, max);
    } else {
        ls_say_range(why, min, max);
    }
}

/* "2 of 5 contacts hold; needs at least 3" */
static void say_counted(ls_why *why, const ls_filter *filter, const ls_tally *tally, bool holds)
{
    if (filter->related->where != NULL) {
        ls_say_integer(why, (int64_t)tally->holding);
        ls_say(why, " of ");
    }
    say_records(why, filter->related, tally->count);
    if (filter->related->where != NULL)
        ls_say(why, tally->holding == 1 ? " holds" : " hold");
    if (!holds) {
        ls_say(why, "; needs ");
        say_bounds(why, filter->count_min, filter->count_max);
    }
}

static void say_any(ls_why *why, const ls_over *over, const ls_tally *tally, ls_truth truth)
{
    if (over->where == NULL) {
        say_records(why, over, tally->count);
        return;
    }
    if (truth == LS_TRUE)
        ls_say_integer(why, (int64_t)tally->holding);
    else
        ls_say(why, "none");
    ls_say(why, " of ");
    say_records(why, over, tally->count);
    ls_say(why, tally->holding <= 1 ? " holds" : " hold");
    if (truth == LS_UNKNOWN) {
        ls_say(why, ", ");
        ls_say_count(why, tally->unknown, " is unknown", " are unknown");
    }
    say_example(why, over, truth);
}

static void say_every(ls_why *why, const ls_over *over, const ls_tally *tally, ls_truth truth)
{
    ls_say(why, truth == LS_TRUE ? "all of " : "not all of ");
    say_records(why, over, tally->count);
    ls_say(why, " hold");
    if (truth != LS_TRUE)
        say_example(why, over, truth);
}

void ls_say_relation(ls_why *why, const ls_filter *filter)
{
    ls_tally tally;
    ls_walk_tally(why->walk, filter->related, &tally);
    ls_truth truth = ls_tally_truth(filter, &tally);
    if (filter->counted)
        say_counted(why, filter, &tally, truth == LS_TRUE);
    else if (tally.count == 0)
        say_none(why, filter->related);
    else if (filter->every)
        say_every(why, filter->related, &tally, truth);
    else
        say_any(why, filter->related, &tally, truth);
}

/* ---- rules over associated records ----------------------------------------------------------- */

typedef struct members {
    size_t count, known, fired, out_of_scope;
} members;

static members count_members(ls_walk *walk, const ls_rule *rule)
{
    members out = {0, 0, 0, 0};
    size_t first;
    ls_walk_members(walk, rule, &first);
    for (size_t i = first; i < walk->member_count; i++) {
        const ls_walk_member *member = &walk->members[i];
        out.count++;
        out.known += member->known;
        out.fired += member->fired;
        out.out_of_scope += !member->in_scope;
    }
    walk->member_count = first;
    return out;
}

/* Nobody passes `over`. */
static void say_nobody(ls_why *why, const ls_over *over)
{
    ls_tally tally;
    ls_walk_tally(why->walk, over, &tally);
    if (tally.count == 0) {
        say_none(why, over);
        return;
    }
    ls_say(why, "none of ");
    say_records(why, over, tally.count);
    ls_say(why, " holds");
    say_example(why, over, tally.unknown == tally.count ? LS_UNKNOWN : LS_FALSE);
}

static void say_of(ls_why *why, const ls_rollup *rollup)
{
    if (rollup->of_score)
        ls_say_score_name(why, rollup->score, rollup->part);
    else
        ls_say_string(why, why->walk->part->definition->properties[rollup->property].name);
}

/* "2 contacts' web_engagement" */
static void say_whose(ls_why *why, const ls_rule *rule, size_t count)
{
    say_records(why, rule->over, count);
    if (!rule->rollup->of_score && !rule->rollup->of_property)
        return;
    ls_say(why, count == 1 || rule->over->labelled.length != 0 ? "'s " : "' ");
    say_of(why, rule->rollup);
}

static void say_lacking(ls_why *why, const members *members)
{
    size_t lacking = members->count - members->known - members->out_of_scope;
    if (members->out_of_scope != 0) {
        ls_say(why, "; ");
        ls_say_count(why, members->out_of_scope, " out of scope", " out of scope");
    }
    if (lacking != 0) {
        ls_say(why, "; ");
        ls_say_count(why, lacking, " without a value", " without a value");
    }
}

/* "35 = sum of 2 contacts' web_engagement; 1 out of scope" */
static void say_rollup(ls_why *why, const ls_rule *rule, const ls_rule_result *result,
                       const members *members)
{
    static const char *const functions[] = {"sum of ", "average of ", "maximum of ", "minimum of ",
                                            "count of "};
    const ls_rollup *rollup = rule->rollup;
    if (members->known == 0) {
        ls_say(why, "none of ");
        say_records(why, rule->over, members->count);
        ls_say(why, " has ");
        say_of(why, rollup);
        say_lacking(why, members);
        return;
    }
    ls_say_points(why, result->raw);
    ls_say(why, " = ");
    if (rollup->weight != LS_MILLION) {
        ls_say_points(why, rollup->weight);
        ls_say(why, " x ");
    }
    ls_say(why, functions[rule->combine]);
    if (rollup->top != 0 && rollup->top < members->known) {
        ls_say(why, "the ");
        ls_say_integer(why, (int64_t)rollup->top);
        ls_say(why, " largest of ");
    }
    say_whose(why, rule, members->known);
    if (rollup->is != NULL) {
        ls_say(why, " that ");
        ls_say_wanted(why, rollup->is);
    }
    say_lacking(why, members);
}

/* "20 = sum over 3 contacts: 2 with call_started within 30 days" */
static void say_combined(ls_why *why, const ls_rule *rule, const ls_rule_result *result,
                         const members *members)
{
    static const char *const functions[] = {"sum over ", "average over ", "maximum over ",
                                            "minimum over ", "count over "};
    ls_say_points(why, result->raw);
    ls_say(why, " = ");
    ls_say(why, functions[rule->combine]);
    say_records(why, rule->over, members->count);
    ls_say(why, ": ");
    if (members->fired == 0)
        ls_say(why, "none");
    else
        ls_say_integer(why, (int64_t)members->fired);
    if (rule->kind == LS_RULE_PROPERTY) {
        ls_say(why, " with points for ");
        ls_say_string(why, why->walk->part->definition->properties[rule->choice.property].name);
        return;
    }
    ls_say(why, " with ");
    ls_say_occurrences(why, rule->occurrences);
    if (rule->occurrences->times_count != 0)
        ls_say_needs(why, rule->occurrences);
}

void ls_say_over(ls_why *why, const ls_rule *rule, const ls_rule_result *result)
{
    members members = count_members(why->walk, rule);
    if (members.count == 0)
        say_nobody(why, rule->over);
    else if (rule->kind == LS_RULE_ROLLUP)
        say_rollup(why, rule, result, &members);
    else
        say_combined(why, rule, result, &members);
}
