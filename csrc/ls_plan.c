/* Compiles the canonical form into a plan: definitions, their groups and thresholds, and the order
 * in which scores use each other. The plan is built whole before anyone sees it, and never changes
 * after. */
#include "ls_plan.h"

#include "ls_dataset.h"
#include "ls_plan_read.h"
#include "ls_text.h"

/* Bounds of the canonical text; the checker's own limits are narrower. */
#define MAX_DEPTH 256
#define MAX_VALUES 4000000
#define MAX_BANDS 1000

static int read_band(ls_plan_reader *reader, const ls_json *json, ls_band *out)
{
    const ls_json *at_least = ls_json_get(json, "at_least");
    int status = ls_read_text(reader, ls_json_get(json, "label"), "label", &out->label);
    out->bounded = at_least != NULL;
    return status == LS_OK && at_least
               ? ls_read_points(reader, at_least, "at_least", &out->at_least)
               : status;
}

static int read_bands(ls_plan_reader *reader, const ls_json *json, ls_band **bands, size_t *count)
{
    if (json == NULL || json->kind != LS_JSON_ARRAY || json->count == 0 ||
        json->count > MAX_BANDS) {
        return ls_read_expected(reader, "thresholds", "a list of 1 to 1000 bands");
    }
    *bands = ls_read_allocate(reader, json->count, sizeof **bands);
    if (*bands == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first; child && status == LS_OK; child = child->next) {
        status = read_band(reader, child, &(*bands)[(*count)++]);
    }
    for (size_t i = 0; status == LS_OK && i < *count; i++) {
        if ((*bands)[i].bounded != (i + 1 < *count)) {
            return ls_read_expected(reader, "thresholds", "a bound on every band but the last");
        }
    }
    return status;
}

static int add_label(ls_plan_reader *reader, ls_string a, ls_string separator, ls_string b)
{
    ls_definition *definition = reader->definition;
    ls_buffer *text = &reader->folded;
    text->length = 0;
    ls_buffer_add(text, a.text, a.length);
    ls_buffer_add(text, separator.text, separator.length);
    ls_buffer_add(text, b.text, b.length);
    size_t length = text->length;
    const char *label =
        text->failed ? NULL : ls_arena_text(&reader->plan->arena, text->data, length);
    if (label == NULL || ls_fold(label, length, text) != LS_OK) {
        return ls_fail_memory(reader->error);
    }
    ls_string *folded = &definition->folded_labels[definition->label_count];
    folded->length = text->length;
    folded->text = ls_arena_text(&reader->plan->arena, text->data, text->length);
    definition->labels[definition->label_count++] = label;
    return folded->text ? LS_OK : ls_fail_memory(reader->error);
}

/* Every label that can occur, joined once here so that results hold only its number. */
static int join_labels(ls_plan_reader *reader, ls_string separator)
{
    static const ls_string none = {"", 0};
    ls_definition *definition = reader->definition;
    size_t count =
        definition->band_count + definition->fit_band_count * definition->engagement_band_count;
    definition->labels = ls_read_allocate(reader, count, sizeof *definition->labels);
    definition->folded_labels = ls_read_allocate(reader, count, sizeof *definition->folded_labels);
    if (definition->labels == NULL || definition->folded_labels == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (size_t i = 0; i < definition->band_count && status == LS_OK; i++) {
        status = add_label(reader, definition->bands[i].label, none, none);
    }
    for (size_t i = 0; i < definition->fit_band_count; i++) {
        for (size_t j = 0; j < definition->engagement_band_count && status == LS_OK; j++) {
            status = add_label(reader, definition->fit_bands[i].label, separator,
                               definition->engagement_bands[j].label);
        }
    }
    return status;
}

static int read_thresholds(ls_plan_reader *reader, const ls_json *json)
{
    ls_definition *definition = reader->definition;
    const ls_json *bands = ls_json_get(json, "bands");
    ls_string separator = {"", 0};
    int status;
    if (json == NULL) {
        return LS_OK;
    }
    if (bands) {
        status = read_bands(reader, bands, &definition->bands, &definition->band_count);
    } else {
        status = read_bands(reader, ls_json_get(json, "fit"), &definition->fit_bands,
                            &definition->fit_band_count);
        if (status == LS_OK) {
            status = read_bands(reader, ls_json_get(json, "engagement"),
                                &definition->engagement_bands, &definition->engagement_band_count);
        }
        if (status == LS_OK) {
            status = ls_read_text(reader, ls_json_get(json, "separator"), "separator", &separator);
        }
    }
    return status == LS_OK ? join_labels(reader, separator) : status;
}

static int read_group(ls_plan_reader *reader, const ls_json *json, ls_group *out)
{
    const ls_json *kind = ls_json_get(json, "kind"), *rules = ls_json_get(json, "rules");
    const ls_json *description = ls_json_get(json, "description");
    ls_definition *definition = reader->definition;
    int status = ls_read_text(reader, ls_json_get(json, "name"), "groups.name", &out->name);
    if (status == LS_OK && description) {
        status = ls_read_text(reader, description, "groups.description", &out->description);
    }
    if (status == LS_OK) {
        status = ls_read_limit(reader, ls_json_get(json, "limit"), &out->limit);
    }
    out->fit = kind && kind->kind == LS_JSON_TEXT && ls_string_equal(kind->text, "fit", 3);
    definition->has_fit = definition->has_fit || out->fit;
    definition->has_engagement = definition->has_engagement || !out->fit;
    if (status == LS_OK && (rules == NULL || rules->kind != LS_JSON_ARRAY || rules->count == 0)) {
        status = ls_read_expected(reader, "groups.rules", "a list");
    }
    out->first_rule = (uint32_t)definition->rule_count;
    for (const ls_json *child = rules ? rules->first : NULL; child && status == LS_OK;
         child = child->next) {
        ls_rule *rule = &definition->rules[definition->rule_count++];
        rule->group = (uint32_t)(out - definition->groups);
        rule->index = out->rule_count++;
        status = ls_read_rule(reader, child, rule);
    }
    return status;
}

static int read_groups(ls_plan_reader *reader, const ls_json *json)
{
    ls_definition *definition = reader->definition;
    size_t rules = 0;
    if (json == NULL || json->kind != LS_JSON_ARRAY || json->count == 0) {
        return ls_read_expected(reader, "groups", "a list");
    }
    for (const ls_json *child = json->first; child; child = child->next) {
        const ls_json *list = ls_json_get(child, "rules");
        rules += list ? list->count : 0;
    }
    definition->groups = ls_read_allocate(reader, json->count, sizeof *definition->groups);
    definition->rules = ls_read_allocate(reader, rules, sizeof *definition->rules);
    if (definition->groups == NULL || definition->rules == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first; child && status == LS_OK; child = child->next) {
        status = read_group(reader, child, &definition->groups[definition->group_count++]);
    }
    return status;
}

static int read_limits(ls_plan_reader *reader, const ls_json *json)
{
    ls_definition *definition = reader->definition;
    int status = ls_read_limit(reader, json, &definition->limit);
    if (status == LS_OK) {
        status = ls_read_limit(reader, ls_json_get(json, "fit"), &definition->fit_limit);
    }
    return status == LS_OK ? ls_read_limit(reader, ls_json_get(json, "engagement"),
                                           &definition->engagement_limit)
                           : status;
}

static int read_texts(ls_plan_reader *reader, const ls_json *json)
{
    ls_definition *definition = reader->definition;
    const ls_json *label = ls_json_get(json, "label"),
                  *description = ls_json_get(json, "description");
    int status = label ? ls_read_text(reader, label, "label", &definition->label) : LS_OK;
    return status == LS_OK && description
               ? ls_read_text(reader, description, "description", &definition->description)
               : status;
}

/* Every text, number and bracket moves it. */
static void add_fingerprint(const ls_json *json, uint64_t print[2])
{
    const uint64_t seed = print[0] ^ ls_fold_product(print[1], (uint64_t)json->kind + 1);
    uint64_t texts[2][2];
    ls_hash_identity(seed, json->key.text ? json->key : (ls_string){"", 0}, texts[0]);
    ls_hash_identity(texts[0][0], json->text.text ? json->text : (ls_string){"", 0}, texts[1]);
    print[0] = texts[1][0];
    print[1] = texts[1][1] ^ texts[0][1];
    for (const ls_json *child = json->first; child; child = child->next) {
        add_fingerprint(child, print);
    }
    print[0] ^= json->count;
}

static int read_definition(ls_plan_reader *reader, const ls_json *json, ls_definition *definition)
{
    const ls_json *scope = ls_json_get(json, "scope"),
                  *empty = ls_json_get(json, "empty_until_scored");
    reader->definition = definition;
    reader->object = definition->object;
    add_fingerprint(json, definition->fingerprint);
    definition->empty_until_scored = empty && empty->kind == LS_JSON_TRUE;
    int status = read_texts(reader, json);
    if (status == LS_OK) {
        status = ls_read_properties(reader, ls_json_get(json, "properties"));
    }
    if (status == LS_OK) {
        status = read_limits(reader, ls_json_get(json, "limit"));
    }
    if (status == LS_OK && scope) {
        definition->scope = ls_read_allocate(reader, 1, sizeof *definition->scope);
        status = definition->scope ? ls_read_filter(reader, scope, definition->scope)
                                   : ls_fail_memory(reader->error);
    }
    if (status == LS_OK) {
        status = read_groups(reader, ls_json_get(json, "groups"));
    }
    return status == LS_OK ? read_thresholds(reader, ls_json_get(json, "thresholds")) : status;
}

/* Names first, since a definition may use a score that comes later. */
static int read_names(ls_plan_reader *reader, const ls_json *list)
{
    static const char *const objects[] = {"contact", "company", "deal"};
    ls_plan *plan = reader->plan;
    for (const ls_json *child = list->first; child; child = child->next) {
        const ls_json *object = ls_json_get(child, "object");
        ls_definition *definition = &plan->definitions[plan->count];
        int status = ls_read_text(reader, ls_json_get(child, "name"), "name", &definition->name);
        if (status != LS_OK) {
            return status;
        }
        size_t i = 0;
        while (i < 3 && !(object && object->kind == LS_JSON_TEXT &&
                          ls_string_equal(object->text, objects[i], strlen(objects[i])))) {
            i++;
        }
        if (i == 3) {
            return ls_read_expected(reader, "object", "contact, company or deal");
        }
        definition->object = (ls_object)i;
        plan->count++;
    }
    return LS_OK;
}

/* Places every definition after those that it uses. */
static int order_definitions(ls_plan_reader *reader)
{
    ls_plan *plan = reader->plan;
    size_t placed = 0;
    bool *done = ls_read_allocate(reader, plan->count, sizeof *done);
    plan->order = ls_read_allocate(reader, plan->count, sizeof *plan->order);
    if (plan->order == NULL || done == NULL) {
        return ls_fail_memory(reader->error);
    }
    while (placed < plan->count) {
        size_t before = placed;
        for (uint32_t i = 0; i < plan->count; i++) {
            ls_definition *definition = &plan->definitions[i];
            bool ready = !done[i];
            for (size_t j = 0; ready && j < definition->use_count; j++) {
                ready = done[definition->uses[j]];
            }
            if (ready) {
                for (size_t j = 0; j < definition->use_count; j++) {
                    definition->curves |= plan->definitions[definition->uses[j]].curves;
                }
                done[i] = true;
                plan->order[placed++] = i;
            }
        }
        if (placed == before) {
            reader->definition = NULL;
            return ls_read_expected(reader, "score", "no cycle of uses");
        }
    }
    return LS_OK;
}

static int read_set(ls_plan_reader *reader, const ls_json *json)
{
    const ls_json *language = ls_json_get(json, "language"),
                  *list = ls_json_get(json, "definitions");
    if (language == NULL || language->kind != LS_JSON_NUMBER ||
        !ls_string_equal(language->text, "1", 1)) {
        return ls_read_expected(reader, "language", "1");
    }
    if (list == NULL || list->kind != LS_JSON_ARRAY || list->count == 0) {
        return ls_read_expected(reader, "definitions", "a list");
    }
    reader->plan->definitions =
        ls_read_allocate(reader, list->count, sizeof *reader->plan->definitions);
    if (reader->plan->definitions == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = read_names(reader, list);
    size_t i = 0;
    for (const ls_json *child = list->first; child && status == LS_OK; child = child->next) {
        status = read_definition(reader, child, &reader->plan->definitions[i++]);
    }
    return status == LS_OK ? order_definitions(reader) : status;
}

static int compile(ls_plan *plan, const char *canonical, size_t length, ls_error *error)
{
    ls_plan_reader reader = {.plan = plan, .error = error, .folded = {.context = plan->context}};
    ls_arena tree = {.context = plan->context};
    ls_json *json;
    int status = ls_json_read_bytes(&tree, canonical, length, MAX_DEPTH, MAX_VALUES, &json, error);
    if (status == LS_OK) {
        status = read_set(&reader, json);
    }
    ls_buffer_free(&reader.folded);
    ls_arena_free(&tree);
    return status;
}

int ls_plan_new(ls_context *context, const char *canonical, size_t length, ls_plan **out,
                ls_error *error)
{
    *out = NULL;
    ls_plan *plan = ls_allocate_zero(context, 1, sizeof *plan);
    if (plan == NULL) {
        return ls_fail_memory(error);
    }
    plan->context = plan->arena.context = context;
    plan->references = 1;
    ls_context_retain(context);
    int status = compile(plan, canonical, length, error);
    if (status != LS_OK) {
        ls_plan_close(plan);
        return status;
    }
    *out = plan;
    return LS_OK;
}

/* The count of references is the one thing that changes in a plan; owners are of one thread. */
void ls_plan_retain(const ls_plan *plan)
{
    ((ls_plan *)(uintptr_t)plan)->references++;
}

void ls_plan_close(ls_plan *plan)
{
    if (plan && --plan->references == 0) {
        ls_context *context = plan->context;
        ls_arena_free(&plan->arena);
        ls_free(context, plan, sizeof *plan);
        ls_context_release(context);
    }
}

size_t ls_plan_count(const ls_plan *plan)
{
    return plan->count;
}

const char *ls_plan_name(const ls_plan *plan, size_t definition)
{
    return plan->definitions[definition].name.text;
}

ls_object ls_plan_object(const ls_plan *plan, size_t definition)
{
    return plan->definitions[definition].object;
}

bool ls_plan_combined(const ls_plan *plan, size_t definition)
{
    return plan->definitions[definition].has_fit && plan->definitions[definition].has_engagement;
}

bool ls_plan_has_labels(const ls_plan *plan, size_t definition)
{
    return plan->definitions[definition].label_count > 0;
}

static bool is_repeat(const ls_plan *plan, size_t definition, const ls_property *property)
{
    for (size_t d = 0; d <= definition; d++) {
        const ls_definition *other = &plan->definitions[d];
        for (size_t i = 0; i < other->property_count; i++) {
            const ls_property *p = &other->properties[i];
            if (p == property) {
                return false;
            }
            if (p->owner == property->owner && p->type == property->type &&
                ls_string_equal(p->name, property->name.text, property->name.length)) {
                return true;
            }
        }
    }
    return false;
}

bool ls_plan_field(const ls_plan *plan, size_t i, ls_object *object, const char **name,
                   const char **type)
{
    for (size_t d = 0; d < plan->count; d++) {
        const ls_definition *definition = &plan->definitions[d];
        for (size_t j = 0; j < definition->property_count; j++) {
            const ls_property *property = &definition->properties[j];
            if (!is_repeat(plan, d, property) && i-- == 0) {
                *object = property->owner;
                *name = property->name.text;
                *type = ls_type_name(property->type);
                return true;
            }
        }
    }
    return false;
}

const char *ls_plan_list(const ls_plan *plan, size_t i)
{
    return i < plan->list_count ? plan->lists[i].text : NULL;
}
