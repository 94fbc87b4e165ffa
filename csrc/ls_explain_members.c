/* Explanations of rules over associated records: which relation, how its members become one, and
 * each member with its own value (`raw`) and what it contributes (`value`).
 *
 * The contributions add up to the rule's raw value, to the last digit. Of a sum a member's is its
 * own value times the weight, of an average that divided by the number of members; where that has
 * more than 6 decimals, it is how far the rounded total so far moves. Of a maximum or minimum the
 * first member that has it contributes all, the others 0. Members that `top` leaves out contribute
 * 0 too.
 *
 * The members that contribute most to a rollup of scores hold the explanation of that score, and so
 * on down to the events. */
#include "ls_explain.h"

typedef struct telling {
    const ls_rule *rule;
    size_t first, count;                         /* of walk->members */
    int64_t *shares;                             /* by member */
    size_t most[LS_EXPLAIN_MEMBERS], most_count; /* members that contribute most */
} telling;

/* ---- contributions --------------------------------------------------------------------------- */

static const ls_walk_member *member_of(const ls_explainer *explainer, const telling *telling,
                                       size_t i)
{
    return &explainer->walk->members[telling->first + i];
}

/* How far the rounded total so far moves with each member. */
static void share_sum(const ls_explainer *explainer, telling *telling, size_t divisor)
{
    int64_t weight = ls_rule_weight(telling->rule), before = 0;
    ls_total total = {0};
    for (size_t i = 0; i < telling->count; i++) {
        const ls_walk_member *member = member_of(explainer, telling, i);
        int64_t so_far = before;
        if (!member->taken)
            continue;
        ls_total_add(&total, member->value);
        if (ls_total_share(&total, divisor, weight, &so_far))
            telling->shares[i] = so_far - before;
        before += telling->shares[i];
    }
}

static void share_extreme(const ls_explainer *explainer, telling *telling, int64_t raw)
{
    bool largest = telling->rule->combine == LS_MAX, some = false;
    size_t found = 0;
    for (size_t i = 0; i < telling->count; i++) {
        const ls_walk_member *member = member_of(explainer, telling, i);
        if (!member->taken)
            continue;
        int order = ls_exact_compare(member->value, member_of(explainer, telling, found)->value);
        if (!some || (largest ? order > 0 : order < 0))
            found = i;
        some = true;
    }
    if (some)
        telling->shares[found] = raw;
}

static void share(const ls_explainer *explainer, telling *telling, int64_t raw)
{
    size_t taken = 0;
    for (size_t i = 0; i < telling->count; i++)
        taken += member_of(explainer, telling, i)->taken;
    if (telling->rule->combine == LS_MAX || telling->rule->combine == LS_MIN)
        share_extreme(explainer, telling, raw);
    else
        share_sum(explainer, telling, telling->rule->combine == LS_AVG && taken != 0 ? taken : 1);
}

static uint64_t size_of(int64_t share)
{
    return share < 0 ? 0 - (uint64_t)share : (uint64_t)share;
}

/* Among those that contribute most, equal ones by their order. */
static void rank(telling *telling, size_t member)
{
    size_t place = telling->most_count;
    while (place > 0 &&
           size_of(telling->shares[telling->most[place - 1]]) < size_of(telling->shares[member]))
        place--;
    if (place == LS_EXPLAIN_MEMBERS)
        return;
    if (telling->most_count < LS_EXPLAIN_MEMBERS)
        telling->most_count++;
    for (size_t i = telling->most_count - 1; i > place; i--)
        telling->most[i] = telling->most[i - 1];
    telling->most[place] = member;
}

static void find_most(const ls_explainer *explainer, telling *telling)
{
    const ls_rule *rule = telling->rule;
    if (rule->kind != LS_RULE_ROLLUP || !rule->rollup->of_score ||
        explainer->level == LS_EXPLAIN_LEVELS)
        return;
    for (size_t i = 0; i < telling->count; i++)
        if (member_of(explainer, telling, i)->taken)
            rank(telling, i);
}

/* ---- members --------------------------------------------------------------------------------- */

static void write_raw(ls_explainer *explainer, const ls_rule *rule, size_t row)
{
    const ls_rollup *rollup = rule->rollup;
    ls_walk *walk = explainer->walk;
    ls_value value = {.points = LS_MILLION};
    if (rollup->of_score) {
        ls_score score;
        ls_walk_ask(walk, rollup->score, row, LS_NOW, &score);
        ls_walk_score_value(walk, rollup->score, rollup->part, &score, &value);
    }
    if (!rollup->of_property) {
        ls_explain_points(explainer, "raw", value.points, true);
        return;
    }
    ls_standing here = ls_walk_visit(walk, rule->over->object, row);
    ls_walk_value(walk, rollup->property, LS_NUMBER, &value);
    ls_walk_return(walk, &here);
    ls_json_key(&explainer->json, "raw");
    ls_json_number(&explainer->json, value.number);
}

static void write_explanation(ls_explainer *explainer, const ls_rule *rule, size_t row)
{
    ls_walk *walk = explainer->walk;
    ls_standing here = ls_walk_visit(walk, rule->over->object, row);
    ls_json_key(&explainer->json, "explanation");
    explainer->level++;
    ls_explain_score(explainer, rule->rollup->score, NULL);
    explainer->level--;
    ls_walk_return(walk, &here);
}

static bool is_among_most(const telling *telling, size_t member)
{
    for (size_t i = 0; i < telling->most_count; i++)
        if (telling->most[i] == member)
            return true;
    return false;
}

static void write_rollup_member(ls_explainer *explainer, const telling *telling, size_t i)
{
    size_t row = member_of(explainer, telling, i)->row;
    ls_json_open(&explainer->json, '{');
    ls_explain_id(explainer, telling->rule->over->object, row);
    write_raw(explainer, telling->rule, row);
    ls_explain_points(explainer, "value", telling->shares[i], true);
    if (is_among_most(telling, i))
        write_explanation(explainer, telling->rule, row);
    ls_json_close(&explainer->json, '}');
}

/* A contact whose occurrences are those of found->contacts[contact], or with a property rule any
 * record. */
static void write_member(ls_explainer *explainer, const telling *telling, size_t i,
                         const ls_found *found, size_t contact)
{
    const ls_walk_member *member = member_of(explainer, telling, i);
    ls_total total = {0};
    ls_rule_result own = {.fired = member->fired};
    ls_total_add(&total, member->value);
    ls_total_points(&total, LS_SUM, LS_MILLION, &own.raw);
    ls_json_open(&explainer->json, '{');
    ls_explain_id(explainer, telling->rule->over->object, member->row);
    ls_explain_points(explainer, "raw", own.raw, true);
    ls_explain_points(explainer, "value", telling->shares[i], true);
    if (found != NULL)
        ls_explain_contact(explainer, telling->rule->occurrences, found, contact, &own);
    ls_json_close(&explainer->json, '}');
}

static void write_members(ls_explainer *explainer, const telling *telling)
{
    const ls_rule *rule = telling->rule;
    const ls_found *found = NULL;
    size_t contact = 0;
    if (rule->kind == LS_RULE_EVENT)
        found = ls_walk_find(explainer->walk, rule->occurrences, rule->over);
    for (size_t i = 0; i < telling->count && explainer->status == LS_OK; i++) {
        const ls_walk_member *member = member_of(explainer, telling, i);
        while (found != NULL && found->contacts[contact].row != member->row)
            contact++; /* members are found->contacts but for some */
        if (rule->kind != LS_RULE_ROLLUP)
            write_member(explainer, telling, i, found, contact);
        else if (member->known)
            write_rollup_member(explainer, telling, i);
        ls_explain_pass_on(explainer, LS_EXPLAIN_PIECE);
    }
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void write_of(ls_explainer *explainer, const ls_rollup *rollup)
{
    static const char *const parts[] = {"", ".fit", ".engagement", ".label"};
    const ls_walk *walk = explainer->walk;
    ls_buffer *line = &explainer->why.line; /* it has been written */
    ls_string name = rollup->of_score ? walk->plan->definitions[rollup->score].name
                                      : walk->part->definition->properties[rollup->property].name;
    line->length = 0;
    if (rollup->of_score)
        ls_buffer_add_text(line, "score:");
    ls_buffer_add(line, name.text, name.length);
    ls_buffer_add_text(line, rollup->of_score ? parts[rollup->part] : "");
    ls_explain_text(explainer, "of", (ls_string){line->data, line->length});
}

static void write_word(ls_explainer *explainer, const char *key, const char *word)
{
    ls_explain_text(explainer, key, (ls_string){word, strlen(word)});
}

static void write_head(ls_explainer *explainer, const ls_rule *rule)
{
    static const char *const relations[] = {"company", "companies", "deals", "contacts",
                                            "primary_contacts"};
    static const char *const functions[] = {"sum", "avg", "max", "min", "count"};
    bool rollup = rule->kind == LS_RULE_ROLLUP;
    write_word(explainer, "relation", relations[rule->over->relation]);
    if (rule->over->labelled.length != 0)
        ls_explain_text(explainer, "labelled", rule->over->labelled_shown);
    write_word(explainer, rollup ? "rollup" : "combine", functions[rule->combine]);
    if (!rollup)
        return;
    if (rule->rollup->of_score || rule->rollup->of_property)
        write_of(explainer, rule->rollup);
    if (rule->rollup->top != 0) {
        ls_json_key(&explainer->json, "top");
        ls_json_integer(&explainer->json, (int64_t)rule->rollup->top);
    }
    ls_explain_points(explainer, "weight", rule->rollup->weight, true);
}

void ls_explain_over(ls_explainer *explainer, const ls_rule *rule, const ls_rule_result *result)
{
    ls_walk *walk = explainer->walk;
    telling telling = {.rule = rule, .first = walk->member_count};
    write_head(explainer, rule);
    if (rule->enabled)
        ls_walk_members(walk, rule, &telling.first);
    telling.count = walk->member_count - telling.first;
    size_t room = telling.count + 1;
    telling.shares = ls_allocate_zero(walk->context, room, sizeof *telling.shares);
    if (telling.shares == NULL && explainer->status == LS_OK)
        explainer->status = ls_fail_memory(explainer->error);
    if (explainer->status == LS_OK && walk->status == LS_OK) {
        share(explainer, &telling, result->raw);
        find_most(explainer, &telling);
        ls_json_key(&explainer->json, "members");
        ls_json_open(&explainer->json, '[');
        write_members(explainer, &telling);
        ls_json_close(&explainer->json, ']');
    }
    ls_free(walk->context, telling.shares, room * sizeof *telling.shares);
    walk->member_count = telling.first;
}
