/* The line that says why a rule is what it is: which conditions held or not, with the record's own
 * value, and what failed first. Written for people; nothing reads it. ls_explain.c calls it rule by
 * rule, while the walk stands at the record. */
#include "ls_explain.h"

#include "ls_text.h"
#include "ls_time.h"

/* The most values of a list, and bytes of one value, that a line shows. */
#define MOST_SHOWN 6
#define MOST_BYTES 100

/* ---- words ----------------------------------------------------------------------------------- */

void ls_say(ls_why *why, const char *text)
{
    ls_buffer_add_text(&why->line, text);
}

/* A text of the definition or the data: in one line, and not too long of it. */
void ls_say_string(ls_why *why, ls_string text)
{
    size_t length = text.length;
    if (length > MOST_BYTES) {
        length = MOST_BYTES;
        while (length > 0 && ((unsigned char)text.text[length] & 0xc0) == 0x80)
            length--; /* to the start of a character */
    }
    for (size_t i = 0; i < length; i++) {
        char c = text.text[i];
        ls_buffer_add(&why->line, (unsigned char)c < 0x20 ? " " : &c, 1);
    }
    if (length < text.length)
        ls_say(why, "...");
}

void ls_say_points(ls_why *why, int64_t points)
{
    char text[LS_POINTS_TEXT];
    ls_buffer_add(&why->line, text, ls_print_points(points, text));
}

void ls_say_integer(ls_why *why, int64_t number)
{
    ls_say_points(why, number * LS_MILLION);
}

void ls_say_count(ls_why *why, size_t count, const char *one, const char *many)
{
    ls_say_integer(why, (int64_t)count);
    ls_say(why, count == 1 ? one : many);
}

static void say_number(ls_why *why, double number)
{
    char text[LS_NUMBER_TEXT];
    ls_buffer_add(&why->line, text, ls_print_number(number, text));
}

void ls_say_time(ls_why *why, int64_t at)
{
    char text[LS_TIME_TEXT];
    ls_buffer_add(&why->line, text, ls_print_time(at, text));
}

/* "30 days": the largest unit that gives a whole number; years and months are told in days. */
static void say_span(ls_why *why, int64_t span)
{
    static const struct {
        int64_t seconds;
        const char *one, *many;
    } units[] = {{LS_DAY, " day", " days"},
                 {3600, " hour", " hours"},
                 {60, " minute", " minutes"},
                 {1, " second", " seconds"}};
    size_t i = 0;
    while (span % units[i].seconds != 0)
        i++;
    int64_t count = span / units[i].seconds;
    if (count <= INT64_MAX / LS_MILLION)
        ls_say_count(why, (size_t)count, units[i].one, units[i].many);
    else
        ls_say(why, "a very long time");
}

/* The join before the i-th of several; false: enough have been shown. */
static bool say_join(ls_why *why, size_t i, size_t count, const char *join)
{
    if (i == MOST_SHOWN && count > MOST_SHOWN + 1) {
        ls_say(why, " and ");
        ls_say_count(why, count - MOST_SHOWN, " more", " more");
        return false;
    }
    if (i != 0)
        ls_say(why, join);
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* How a test is told: as asked of nobody in particular, as held, as failed. */
typedef enum telling { WANTED, HELD, FAILED } telling;

static const char *const words_of_one[][3] = {
    [LS_OP_ANY_OF] = {"is ", "", "not "},
    [LS_OP_NONE_OF] = {"is not ", "not ", "must not be "},
};

static const char *const words[][3] = {
    [LS_OP_ANY_OF] = {"is one of ", "one of ", "not one of "},
    [LS_OP_NONE_OF] = {"is none of ", "none of ", "must be none of "},
    [LS_OP_ALL_OF] = {"holds all of ", "holds all of ", "does not hold all of "},
    [LS_OP_EXACTLY] = {"is exactly ", "exactly ", "not exactly "},
    [LS_OP_CONTAINS] = {"contains ", "contains ", "does not contain "},
    [LS_OP_NOT_CONTAINS] = {"does not contain ", "does not contain ", "must not contain "},
    [LS_OP_STARTS_WITH] = {"starts with ", "starts with ", "does not start with "},
    [LS_OP_ENDS_WITH] = {"ends with ", "ends with ", "does not end with "},
    [LS_OP_MORE_THAN] = {"is more than ", "more than ", "not more than "},
    [LS_OP_AT_LEAST] = {"is at least ", "at least ", "not at least "},
    [LS_OP_LESS_THAN] = {"is less than ", "less than ", "not less than "},
    [LS_OP_AT_MOST] = {"is at most ", "at most ", "not at most "},
    [LS_OP_BETWEEN] = {"is between ", "between ", "not between "},
    [LS_OP_NOT_BETWEEN] = {"is not between ", "not between ", "must not be between "},
    [LS_OP_IS] = {"is ", "", "not "},
    [LS_OP_WITHIN] = {"is from ", "from ", "not from "},
    [LS_OP_OUTSIDE] = {"is not from ", "not from ", "must not be from "},
    [LS_OP_BEFORE] = {"is before ", "before ", "not before "},
    [LS_OP_SINCE] = {"is not before ", "not before ", "before "},
    [LS_OP_IN_LAST] = {"is within the last ", "within the last ", "not within the last "},
    [LS_OP_MORE_THAN_AGO] = {"is at least ", "at least ", "not yet "},
    [LS_OP_IN_NEXT] = {"is within the next ", "within the next ", "not within the next "},
    [LS_OP_MORE_THAN_AHEAD] = {"is more than ", "more than ", "not more than "},
};

static void say_operand(ls_why *why, ls_type type, const ls_test *test, size_t i)
{
    if (type == LS_NUMBER)
        say_number(why, test->numbers[i]);
    else if (type == LS_POINTS)
        ls_say_points(why, test->points[i]);
    else
        ls_say_string(why, test->shown[i]);
}

static void say_operands(ls_why *why, ls_type type, const ls_test *test)
{
    bool between = test->op == LS_OP_BETWEEN || test->op == LS_OP_NOT_BETWEEN;
    bool choice = test->op >= LS_OP_CONTAINS && test->op <= LS_OP_ENDS_WITH;
    const char *join = between ? " and " : choice ? " or " : ", ";
    for (size_t i = 0; i < test->count; i++) {
        if (!say_join(why, i, test->count, join))
            return;
        say_operand(why, type, test, i);
    }
}

static void say_instants(ls_why *why, const ls_test *test)
{
    ls_say_time(why, test->from);
    if (test->op == LS_OP_WITHIN || test->op == LS_OP_OUTSIDE) {
        ls_say(why, " until ");
        ls_say_time(why, test->until);
    }
}

static void say_spanned(ls_why *why, const ls_test *test)
{
    say_span(why, test->span);
    if (test->op == LS_OP_MORE_THAN_AGO)
        ls_say(why, " ago");
    if (test->op == LS_OP_MORE_THAN_AHEAD)
        ls_say(why, " ahead");
}

/* before: what joins it to the line. False: nothing had to be said. */
static bool say_test(ls_why *why, ls_type type, const ls_test *test, telling how,
                     const char *before)
{
    bool one = test->count == 1 && test->op <= LS_OP_NONE_OF;
    const char *word = one ? words_of_one[test->op][how] : words[test->op][how];
    if (*word == '\0')
        return false; /* "industry is Hospitality" says it all */
    ls_say(why, before);
    ls_say(why, word);
    if (test->op >= LS_OP_IN_LAST)
        say_spanned(why, test);
    else if (test->op >= LS_OP_WITHIN)
        say_instants(why, test);
    else if (test->op == LS_OP_IS)
        ls_say(why, test->boolean ? "true" : "false");
    else
        say_operands(why, type, test);
    return true;
}

/* After "NAME is VALUE": the tests that failed, or else all that held. */
static void say_tests(ls_why *why, const ls_condition *condition, const ls_value *value,
                      ls_truth truth)
{
    int64_t at = why->walk->clock.at;
    if (condition->asks_known && !condition->known) {
        ls_say(why, ": should be unknown");
        return;
    }
    const char *join = ": ";
    for (size_t i = 0; i < condition->count; i++) {
        bool holds = ls_test_holds(condition, i, value, at);
        if (holds == (truth == LS_TRUE) &&
            say_test(why, condition->type, &condition->tests[i], holds ? HELD : FAILED, join))
            join = ", ";
    }
}

static void say_condition(ls_why *why, const ls_condition *condition, const ls_value *value,
                          ls_truth truth)
{
    if (value->known)
        say_tests(why, condition, value, truth);
    else if (truth == LS_TRUE && condition->missing && condition->count != 0)
        ls_say(why, ", which counts as a match");
}

/* "url contains /pricing", of any value. */
void ls_say_wanted(ls_why *why, const ls_condition *condition)
{
    if (condition->asks_known)
        ls_say(why, condition->known ? "is known" : "is unknown");
    for (size_t i = 0; i < condition->count; i++)
        say_test(why, condition->type, &condition->tests[i], WANTED,
                 i != 0 || condition->asks_known ? " and " : "");
    if (condition->missing)
        ls_say(why, " or is unknown");
}

/* ---- occurrences ----------------------------------------------------------------------------- */

static void say_wanted_filter(ls_why *why, const ls_filter *filter);

static void say_names(ls_why *why, const ls_occurrences *occurrences)
{
    for (size_t i = 0; i < occurrences->event_count; i++) {
        if (!say_join(why, i, occurrences->event_count, " or "))
            return;
        ls_say_string(why, occurrences->events[i]);
    }
}

static void say_window(ls_why *why, const ls_occurrences *occurrences)
{
    if (occurrences->has_last) {
        ls_say(why, " within ");
        say_span(why, occurrences->last);
    }
    if (occurrences->has_from) {
        ls_say(why, " from ");
        ls_say_time(why, occurrences->from);
    }
    if (occurrences->has_until) {
        ls_say(why, occurrences->has_from ? " until " : " before ");
        ls_say_time(why, occurrences->until);
    }
}

/* "call_started where url contains /pricing within 30 days" */
void ls_say_occurrences(ls_why *why, const ls_occurrences *occurrences)
{
    say_names(why, occurrences);
    if (occurrences->where != NULL) {
        ls_say(why, " where ");
        say_wanted_filter(why, occurrences->where);
    }
    say_window(why, occurrences);
}

void ls_say_range(ls_why *why, int64_t min, int64_t max)
{
    if (max == INT64_MAX) {
        ls_say(why, "at least ");
        ls_say_integer(why, min);
        return;
    }
    if (min == max) {
        ls_say(why, "exactly ");
    } else if (min == 1) {
        ls_say(why, "at most ");
    } else {
        ls_say_integer(why, min);
        ls_say(why, " to ");
    }
    ls_say_integer(why, max);
}

void ls_say_needs(ls_why *why, const ls_occurrences *occurrences)
{
    ls_say(why, "; needs ");
    for (size_t i = 0; i < occurrences->times_count; i++) {
        if (!say_join(why, i, occurrences->times_count, " or "))
            break;
        ls_say_range(why, occurrences->times[i].min, occurrences->times[i].max);
    }
    say_window(why, occurrences);
}

/* "3 occurrences, latest 2025-05-22T00:00:00Z", or "no call_started within 30 days". */
static void say_found(ls_why *why, const ls_occurrences *occurrences, size_t count, int64_t latest)
{
    if (count == 0) {
        ls_say(why, "no ");
        ls_say_occurrences(why, occurrences);
        return;
    }
    ls_say_count(why, count, " occurrence, at ", " occurrences, latest ");
    ls_say_time(why, latest);
}

/* ---- filters --------------------------------------------------------------------------------- */

static ls_string property_name(const ls_why *why, uint32_t property)
{
    return why->walk->part->definition->properties[property].name;
}

static void say_cell(ls_why *why, uint32_t property)
{
    ls_string cell = ls_walk_cell(why->walk, property);
    cell = ls_trim(cell.text, cell.length);
    if (cell.length != 0)
        ls_say_string(why, cell);
    else
        ls_say(why, "unknown");
}

/* "employees is 30" or "employees is unknown" */
static void say_property(ls_why *why, uint32_t property, const ls_value *value)
{
    ls_say_string(why, property_name(why, property));
    ls_say(why, " is ");
    if (value->known || value->unreadable)
        say_cell(why, property);
    else
        ls_say(why, "unknown");
    if (value->unreadable) {
        ls_say(why, ", which cannot be read as a ");
        ls_say(why, ls_type_name(why->walk->part->definition->properties[property].type));
    }
}

static void say_property_leaf(ls_why *why, const ls_filter *filter, ls_truth truth)
{
    ls_value value;
    ls_walk_value(why->walk, filter->property, filter->condition->type, &value);
    say_property(why, filter->property, &value);
    say_condition(why, filter->condition, &value, truth);
}

void ls_say_score_name(ls_why *why, uint32_t definition, ls_part part)
{
    static const char *const parts[] = {"", ".fit", ".engagement", ".label"};
    ls_say_string(why, why->walk->plan->definitions[definition].name);
    ls_say(why, parts[part]);
}

static void say_score_leaf(ls_why *why, const ls_filter *filter, ls_truth truth)
{
    ls_score score;
    ls_value value;
    ls_walk_ask(why->walk, filter->score, why->walk->row, LS_NOW, &score);
    ls_walk_score_value(why->walk, filter->score, filter->part, &score, &value);
    ls_say(why, "score:");
    ls_say_score_name(why, filter->score, filter->part);
    ls_say(why, " is ");
    if (!value.known)
        ls_say(why, "empty");
    else if (filter->part == LS_PART_LABEL)
        ls_say(why, score.label);
    else
        ls_say_points(why, value.points);
    say_condition(why, filter->condition, &value, truth);
}

static void say_lists(ls_why *why, const ls_filter *filter)
{
    ls_say(why, filter->count == 1 ? "list " : "any of the lists ");
    for (size_t i = 0; i < filter->count; i++) {
        if (!say_join(why, i, filter->count, ", "))
            return;
        ls_say_string(why, why->walk->plan->lists[filter->lists[i]]);
    }
}

static void say_list_leaf(ls_why *why, const ls_filter *filter, ls_truth truth)
{
    bool member = (truth == LS_TRUE) != filter->negate;
    ls_say(why, member ? "in " : "not in ");
    say_lists(why, filter);
}

static void say_did_leaf(ls_why *why, const ls_filter *filter, ls_truth truth)
{
    int64_t latest = 0;
    const ls_found *found = ls_walk_find(why->walk, filter->did, NULL);
    size_t count = ls_walk_count(why->walk, filter->did, found, &latest);
    bool did = (truth == LS_TRUE) != filter->negate;
    if (count == 0) {
        ls_say(why, "did not ");
        ls_say_occurrences(why, filter->did);
        return;
    }
    ls_say(why, "did ");
    say_names(why, filter->did);
    ls_say(why, " (");
    say_found(why, filter->did, count, latest);
    ls_say(why, ")");
    if (!did)
        ls_say_needs(why, filter->did);
}

/* The children of which the truth is this one; *said counts those told before. */
static void say_children(ls_why *why, const ls_filter *filter, ls_truth truth, size_t *said)
{
    for (size_t i = 0; i < filter->count; i++) {
        const ls_filter *child = &filter->children[i];
        if (ls_walk_filter(why->walk, child) != truth)
            continue;
        if ((*said)++ != 0)
            ls_say(why, "; ");
        ls_say_filter(why, child, truth, true);
    }
}

/* What decided comes first: of `all` what failed, then what is unknown, then what held. */
static void say_all(ls_why *why, const ls_filter *filter)
{
    size_t said = 0;
    say_children(why, filter, LS_FALSE, &said);
    say_children(why, filter, LS_UNKNOWN, &said);
    say_children(why, filter, LS_TRUE, &said);
}

static void say_any(ls_why *why, const ls_filter *filter, ls_truth truth)
{
    size_t said = 0;
    if (truth == LS_TRUE) {
        say_children(why, filter, LS_TRUE, &said);
        return;
    }
    if (filter->count > 1)
        ls_say(why, "none holds of: ");
    say_children(why, filter, LS_FALSE, &said);
    say_children(why, filter, LS_UNKNOWN, &said);
}

static void say_none(ls_why *why, const ls_filter *filter, ls_truth truth)
{
    size_t said = 0;
    if (truth == LS_FALSE) {
        ls_say(why, "must not hold: ");
        say_children(why, filter, LS_TRUE, &said);
        return;
    }
    say_children(why, filter, LS_UNKNOWN, &said);
    say_children(why, filter, LS_FALSE, &said);
}

static void say_combination(ls_why *why, const ls_filter *filter, ls_truth truth, bool inner)
{
    bool bracket = inner && filter->count > 1;
    if (bracket)
        ls_say(why, "(");
    switch (filter->kind) {
    case LS_FILTER_ALL: say_all(why, filter); break;
    case LS_FILTER_ANY: say_any(why, filter, truth); break;
    default: say_none(why, filter, truth); break;
    }
    if (bracket)
        ls_say(why, ")");
}

void ls_say_filter(ls_why *why, const ls_filter *filter, ls_truth truth, bool inner)
{
    switch (filter->kind) {
    case LS_FILTER_PROPERTY: say_property_leaf(why, filter, truth); break;
    case LS_FILTER_SCORE: say_score_leaf(why, filter, truth); break;
    case LS_FILTER_LIST: say_list_leaf(why, filter, truth); break;
    case LS_FILTER_DID: say_did_leaf(why, filter, truth); break;
    case LS_FILTER_RELATED: ls_say_relation(why, filter); break;
    default: say_combination(why, filter, truth, inner); break;
    }
}

/* What a filter of events asks; only all, any, none and properties occur there. */
static void say_wanted_filter(ls_why *why, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        ls_say_string(why, property_name(why, filter->property));
        ls_say(why, " ");
        ls_say_wanted(why, filter->condition);
        return;
    }
    ls_say(why, filter->kind == LS_FILTER_NONE ? "not (" : filter->count > 1 ? "(" : "");
    for (size_t i = 0; i < filter->count; i++) {
        if (i != 0)
            ls_say(why, filter->kind == LS_FILTER_ALL ? " and " : " or ");
        say_wanted_filter(why, &filter->children[i]);
    }
    ls_say(why, filter->kind == LS_FILTER_NONE || filter->count > 1 ? ")" : "");
}

/* ---- why ------------------------------------------------------------------------------------- */

/* "region: Northeast 15, Midwest 10"; false: no value has an entry. */
static bool say_matches(ls_why *why, const ls_choice *choice, const ls_value *value)
{
    ls_value one = *value;
    size_t count = value->count != 0 ? value->count : 1, said = 0;
    for (size_t i = 0; i < count; i++) {
        if (value->count != 0)
            one.text = value->values[i];
        for (size_t j = 0; j < choice->count; j++) {
            const struct ls_choice_entry *entry = &choice->entries[j];
            if (!ls_string_equal(entry->text, one.text.text, one.text.length))
                continue;
            if (said++ == 0) {
                ls_say_string(why, property_name(why, choice->property));
                ls_say(why, ": ");
            } else {
                ls_say(why, ", ");
            }
            ls_say_string(why, entry->shown);
            ls_say(why, " ");
            ls_say_points(why, entry->points);
        }
    }
    return said != 0;
}

static void say_band(ls_why *why, const ls_choice *choice, size_t band, const ls_value *value)
{
    say_condition(why, choice->entries[band].condition, value, LS_TRUE);
    ls_say(why, " gives ");
    ls_say_points(why, choice->entries[band].points);
}

static void say_choice(ls_why *why, const ls_choice *choice)
{
    ls_walk *walk = why->walk;
    ls_type type = walk->part->definition->properties[choice->property].type;
    ls_value value;
    ls_int128 points;
    ls_walk_value(walk, choice->property, type, &value);
    bool applies = ls_choice_points(choice, type, &value, walk->clock.at, &points);
    size_t band = choice->kind == LS_CHOICE_BANDS ? ls_choice_band(choice, &value, walk->clock.at)
                                                  : choice->count;
    if (applies && (type == LS_TEXT || type == LS_SET) && choice->kind == LS_CHOICE_BY &&
        say_matches(why, choice, &value))
        return;
    say_property(why, choice->property, &value);
    if (band < choice->count) {
        say_band(why, choice, band, &value);
    } else if (applies) { /* of other types one value applies, or `otherwise` */
        ls_say(why, choice->kind == LS_CHOICE_BANDS ? ": in no band, otherwise " : ": gives ");
        ls_say_points(why, (int64_t)points);
    } else if (value.known) {
        ls_say(why, choice->kind == LS_CHOICE_BANDS ? ": in no band" : ": no points for it");
    }
}

static void say_event_rule(ls_why *why, const ls_occurrences *occurrences,
                           const ls_rule_result *result)
{
    int64_t latest = 0;
    const ls_found *found = ls_walk_find(why->walk, occurrences, NULL);
    size_t count = ls_walk_count(why->walk, occurrences, found, &latest);
    const ls_times *times = ls_walk_times(occurrences, count);
    say_found(why, occurrences, count, latest);
    if (times != NULL) {
        ls_say(why, ": ");
        ls_say_range(why, times->min, times->max);
        say_window(why, occurrences);
    } else if (occurrences->times_count != 0) {
        ls_say_needs(why, occurrences);
    }
    if (result->fired && result->raw == 0 && occurrences->decay.curve != LS_CURVE_NONE)
        ls_say(why, "; decayed to 0");
}

void ls_why_rule(ls_why *why, const ls_rule *rule, const ls_rule_result *result)
{
    why->line.length = 0;
    if (!rule->enabled)
        ls_say(why, "disabled");
    else if (rule->over != NULL)
        ls_say_over(why, rule, result);
    else if (rule->kind == LS_RULE_WHEN)
        ls_say_filter(why, rule->when, ls_walk_filter(why->walk, rule->when), false);
    else if (rule->kind == LS_RULE_PROPERTY)
        say_choice(why, &rule->choice);
    else
        say_event_rule(why, rule->occurrences, result);
}

void ls_why_scope(ls_why *why)
{
    const ls_filter *scope = why->walk->part->definition->scope;
    why->line.length = 0;
    ls_say(why, "out of scope: ");
    ls_say_filter(why, scope, ls_walk_filter(why->walk, scope), false);
}
