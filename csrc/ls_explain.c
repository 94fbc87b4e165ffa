/* Explanations: why a record has its scores, as JSON (the form of `leadscore explain --json`).
 *
 * The walk is gone once more, rule by rule, and what it finds is written down: every group and
 * rule, fired or not, each occurrence with its decayed value, and what each limit took. The values
 * of the parts add up to the raw sum of the whole on every level, since they are the numbers that
 * the score was made of. `why` is one line for people: which conditions held or not and the
 * record's own value, what failed first. Output is passed on in pieces, so a record of any number
 * of events takes little memory; everything that can be wrong with the record is found before the
 * first piece. */
#include "ls_explain.h"

#include "ls_next.h"
#include "ls_time.h"

/* ---- writing --------------------------------------------------------------------------------- */

void ls_explain_pass_on(ls_explainer *explainer, size_t at_least)
{
    if (explainer->status != LS_OK || explainer->out.length < at_least)
        return;
    if (explainer->out.failed || explainer->why.line.failed)
        explainer->status = ls_fail_memory(explainer->error);
    else if (explainer->writer(explainer->user, explainer->out.data, explainer->out.length) != 0)
        explainer->status =
            ls_fail(explainer->error, LS_ERROR_IO, "explanation: cannot be written");
    explainer->out.length = 0;
}

void ls_explain_text(ls_explainer *explainer, const char *key, ls_string text)
{
    ls_json_key(&explainer->json, key);
    if (text.length != 0)
        ls_json_text(&explainer->json, text.text, text.length);
    else
        ls_json_null(&explainer->json);
}

void ls_explain_points(ls_explainer *explainer, const char *key, int64_t points, bool there)
{
    ls_json_key(&explainer->json, key);
    if (there)
        ls_json_points(&explainer->json, points);
    else
        ls_json_null(&explainer->json);
}

static void write_time(ls_explainer *explainer, const char *key, int64_t at, bool there)
{
    ls_json_key(&explainer->json, key);
    if (there)
        ls_json_time(&explainer->json, at);
    else
        ls_json_null(&explainer->json);
}

static void write_boolean(ls_explainer *explainer, const char *key, bool value)
{
    ls_json_key(&explainer->json, key);
    ls_json_boolean(&explainer->json, value);
}

static void write_sums(ls_explainer *explainer, int64_t raw, int64_t value)
{
    ls_explain_points(explainer, "raw", raw, true);
    ls_explain_points(explainer, "value", value, true);
    ls_explain_points(explainer, "lost_to_limit", raw - value, true);
}

static void write_why(ls_explainer *explainer)
{
    ls_json_key(&explainer->json, "why");
    ls_json_text(&explainer->json, explainer->why.line.data, explainer->why.line.length);
}

static void write_occurrence(ls_explainer *explainer, const ls_occurrences *occurrences,
                             const ls_occurrence *item)
{
    ls_json_writer *json = &explainer->json;
    ls_json_open(json, '{');
    write_time(explainer, "at", item->at, true);
    ls_explain_text(explainer, "event", occurrences->events[item->name]);
    ls_explain_points(explainer, "points", item->points, true);
    ls_explain_points(explainer, "value",
                      ls_walk_decay(explainer->walk, &occurrences->decay, item->points, item->at),
                      true);
    ls_json_close(json, '}');
    ls_explain_pass_on(explainer, LS_EXPLAIN_PIECE);
}

/* With `times`: one match, also where the count does not fit. */
static void write_match(ls_explainer *explainer, const ls_occurrences *occurrences,
                        const ls_occurrence *items, size_t count, const ls_rule_result *result)
{
    ls_json_writer *json = &explainer->json;
    const ls_times *times = result->fired ? ls_walk_times(occurrences, count) : NULL;
    ls_json_key(json, "match");
    ls_json_open(json, '{');
    ls_json_key(json, "count");
    ls_json_integer(json, (int64_t)count);
    write_time(explainer, "at", count != 0 ? items[count - 1].at : 0, count != 0);
    ls_explain_points(explainer, "points", times != NULL ? times->points : 0, true);
    ls_explain_points(explainer, "value", result->raw, true);
    ls_json_close(json, '}');
}

void ls_explain_contact(ls_explainer *explainer, const ls_occurrences *occurrences,
                        const ls_found *found, size_t contact, const ls_rule_result *result)
{
    ls_json_writer *json = &explainer->json;
    const ls_occurrence *items = NULL;
    size_t count = 0;
    if (found != NULL && contact < found->contact_count)
        items = ls_walk_window(explainer->walk, occurrences, found, contact, &count);
    if (occurrences->times_count != 0) {
        write_match(explainer, occurrences, items, count, result);
        return;
    }
    ls_json_key(json, "occurrences");
    ls_json_open(json, '[');
    for (size_t i = 0; i < count && explainer->status == LS_OK; i++)
        write_occurrence(explainer, occurrences, &items[i]);
    ls_json_close(json, ']');
}

/* A contact's own. */
static void write_occurrences(ls_explainer *explainer, const ls_rule *rule,
                              const ls_rule_result *result)
{
    const ls_found *found =
        rule->enabled ? ls_walk_find(explainer->walk, rule->occurrences, NULL) : NULL;
    ls_explain_contact(explainer, rule->occurrences, found, 0, result);
}

static void write_rule(ls_explainer *explainer, size_t index)
{
    ls_json_writer *json = &explainer->json;
    const ls_rule *rule = &explainer->walk->part->definition->rules[index];
    ls_rule_result result = ls_walk_rule_result(explainer->walk, index);
    ls_json_open(json, '{');
    ls_json_key(json, "index");
    ls_json_integer(json, (int64_t)rule->index + 1);
    ls_explain_text(explainer, "name", rule->name);
    ls_explain_text(explainer, "description", rule->description);
    write_sums(explainer, result.raw, result.value);
    write_boolean(explainer, "fired", result.fired);
    ls_why_rule(&explainer->why, rule, &result);
    write_why(explainer);
    if (rule->over != NULL)
        ls_explain_over(explainer, rule, &result);
    else if (rule->kind == LS_RULE_EVENT)
        write_occurrences(explainer, rule, &result);
    ls_json_close(json, '}');
    ls_explain_pass_on(explainer, LS_EXPLAIN_PIECE);
}

static void write_group(ls_explainer *explainer, size_t index)
{
    ls_json_writer *json = &explainer->json;
    const ls_group *group = &explainer->walk->part->definition->groups[index];
    int64_t sum = explainer->walk->part->group_sums[index];
    ls_json_open(json, '{');
    ls_explain_text(explainer, "name", group->name);
    write_sums(explainer, sum, ls_limit_apply(&group->limit, sum));
    ls_json_key(json, "rules");
    ls_json_open(json, '[');
    for (uint32_t i = 0; i < group->rule_count && explainer->status == LS_OK; i++)
        write_rule(explainer, group->first_rule + i);
    ls_json_close(json, ']');
    ls_json_close(json, '}');
}

static void write_category(ls_explainer *explainer, bool fit)
{
    ls_json_writer *json = &explainer->json;
    const ls_walk_definition *part = explainer->walk->part;
    ls_settled settled = part->settled;
    ls_json_open(json, '{');
    ls_json_key(json, "kind");
    ls_json_text(json, fit ? "fit" : "engagement", fit ? 3 : 10);
    write_sums(explainer, fit ? settled.fit_raw : settled.engagement_raw,
               fit ? settled.fit : settled.engagement);
    ls_json_key(json, "groups");
    ls_json_open(json, '[');
    for (size_t i = 0; i < part->definition->group_count && explainer->status == LS_OK; i++)
        if (part->definition->groups[i].fit == fit)
            write_group(explainer, i);
    ls_json_close(json, ']');
    ls_json_close(json, '}');
}

/* Out of scope nothing was worked out: the list is empty. */
static void write_categories(ls_explainer *explainer, bool in_scope)
{
    const ls_definition *definition = explainer->walk->part->definition;
    ls_json_key(&explainer->json, "categories");
    ls_json_open(&explainer->json, '[');
    if (in_scope && definition->has_fit)
        write_category(explainer, true);
    if (in_scope && definition->has_engagement)
        write_category(explainer, false);
    ls_json_close(&explainer->json, ']');
}

static void write_head(ls_explainer *explainer, const ls_score *score, const ls_change *next)
{
    const ls_definition *definition = explainer->walk->part->definition;
    bool combined = definition->has_fit && definition->has_engagement && !score->empty;
    ls_explain_text(explainer, "name", definition->name);
    ls_explain_points(explainer, "value", score->value, !score->empty);
    ls_explain_points(explainer, "fit", score->fit, combined);
    ls_explain_points(explainer, "engagement", score->engagement, combined);
    ls_string label = {score->label, score->label != NULL ? strlen(score->label) : 0};
    ls_explain_text(explainer, "label", label);
    write_boolean(explainer, "scored", score->scored);
    write_boolean(explainer, "in_scope", score->in_scope);
    if (next != NULL)
        write_time(explainer, "next_change_at", next->at, next->known);
}

void ls_explain_score(ls_explainer *explainer, size_t definition, const ls_change *next)
{
    ls_walk *walk = explainer->walk;
    ls_score score;
    int status = ls_walk_score(walk, definition, LS_NOW, &score, explainer->error);
    if (status != LS_OK) {
        explainer->status = status;
        return;
    }
    ls_settled settled = walk->part->settled;
    ls_json_open(&explainer->json, '{');
    write_head(explainer, &score, next);
    ls_explain_points(explainer, "raw", settled.raw, score.in_scope);
    ls_explain_points(explainer, "lost_to_limit", settled.raw - settled.value, !score.empty);
    if (!score.in_scope) { /* no rule can say why */
        ls_why_scope(&explainer->why);
        write_why(explainer);
    }
    write_categories(explainer, score.in_scope);
    ls_json_close(&explainer->json, '}');
    if (walk->status != LS_OK && explainer->status == LS_OK)
        explainer->status = walk->status;
}

void ls_explain_id(ls_explainer *explainer, ls_object object, size_t row)
{
    static const char *const objects[] = {"contact", "company", "deal"};
    size_t length;
    const char *id = ls_dataset_id(explainer->walk->dataset, object, row, &length);
    ls_json_key(&explainer->json, "id");
    ls_json_text(&explainer->json, id, length);
    ls_json_key(&explainer->json, "object");
    ls_json_text(&explainer->json, objects[object], strlen(objects[object]));
}

static void write_record(ls_explainer *explainer, int64_t at, const ls_change *changes)
{
    ls_walk *walk = explainer->walk;
    ls_json_writer *json = &explainer->json;
    ls_json_open(json, '{');
    ls_explain_id(explainer, walk->object, walk->row);
    write_time(explainer, "at", at, true);
    ls_json_key(json, "scores");
    ls_json_open(json, '[');
    for (size_t i = 0; i < walk->plan->count && explainer->status == LS_OK; i++)
        if (walk->plan->definitions[i].object == walk->object)
            ls_explain_score(explainer, i, &changes[i]);
    ls_json_close(json, ']');
    ls_json_close(json, '}');
    ls_explain_pass_on(explainer, 0);
}

/* What a record's explanation needs by definition. */
typedef struct answers {
    ls_change *changes;
    ls_score *scores;
} answers;

static int find_changes(ls_walk *walk, ls_object object, size_t row, int64_t at, ls_change *changes,
                        ls_error *error)
{
    for (size_t i = 0; i < walk->plan->count; i++) {
        int status =
            ls_next_change(walk, object, row, at, i, &changes[i].known, &changes[i].at, error);
        if (status != LS_OK)
            return status;
    }
    return LS_OK;
}

/* Everything that can fail but memory and the writer fails before the first piece is passed on. */
static int explain_record(ls_explainer *explainer, ls_object object, size_t row, int64_t at,
                          const answers *answers)
{
    ls_walk *walk = explainer->walk;
    ls_clock clock = {at, at, at, at};
    int status = find_changes(walk, object, row, at, answers->changes, explainer->error);
    if (status == LS_OK)
        status = ls_walk_record(walk, object, row, &clock, answers->scores, explainer->error);
    if (status != LS_OK)
        return status;
    walk->still = true; /* rules are kept between being summed and being told */
    write_record(explainer, at, answers->changes);
    return explainer->status;
}

static int check_place(const ls_dataset *dataset, ls_object object, size_t row, int64_t at,
                       ls_error *error)
{
    if (object > LS_DEAL || row >= dataset->tables[object].count)
        return ls_fail(error, LS_ERROR_USAGE, "explain: no such record");
    if (at < LS_TIME_MIN || at > LS_TIME_MAX)
        return ls_fail(error, LS_ERROR_USAGE, "explain: instant out of the years 1 to 9999");
    return LS_OK;
}

int ls_explain(const ls_plan *plan, ls_dataset *dataset, ls_object object, size_t row, int64_t at,
               ls_writer writer, void *user, ls_error *error)
{
    ls_explainer explainer = {.writer = writer, .user = user, .error = error};
    int status = check_place(dataset, object, row, at, error);
    if (status == LS_OK)
        status = ls_walk_new(plan, dataset, &explainer.walk, error);
    if (status != LS_OK)
        return status;
    ls_context *context = dataset->context;
    explainer.why.walk = explainer.walk;
    explainer.out.context = explainer.why.line.context = context;
    explainer.json.buffer = &explainer.out;
    answers answers = {
        ls_allocate_zero(context, plan->count, sizeof *answers.changes),
        ls_allocate_zero(context, plan->count, sizeof *answers.scores),
    };
    if (answers.changes == NULL || answers.scores == NULL)
        status = ls_fail_memory(error);
    else
        status = explain_record(&explainer, object, row, at, &answers);
    ls_free(context, answers.changes, plan->count * sizeof *answers.changes);
    ls_free(context, answers.scores, plan->count * sizeof *answers.scores);
    ls_buffer_free(&explainer.out);
    ls_buffer_free(&explainer.why.line);
    ls_walk_close(explainer.walk);
    return status;
}
