/* Reads filters, conditions, occurrences and rules of the canonical form into the plan's arena. The
 * checker has said all that a person needs to know; here a text that is not canonical gets one
 * plain error, whatever it holds, and never more than that: it may come from anywhere. */
#include "ls_plan_read.h"

#include "ls_text.h"

#include <stdlib.h>

int ls_read_expected(ls_plan_reader *reader, const char *where, const char *expected)
{
    ls_string name = reader->definition ? reader->definition->name : (ls_string){"", 0};
    return ls_fail(reader->error, LS_ERROR_DEFINITION, "%.*s%scanonical form: %s: expected %s",
                   (int)name.length, name.text ? name.text : "", name.length ? ": " : "", where,
                   expected);
}

void *ls_read_allocate(ls_plan_reader *reader, size_t count, size_t size)
{
    if (count > SIZE_MAX / size) {
        return NULL;
    }
    return ls_arena_allocate(&reader->plan->arena, count * size + 1);
}

static bool is_kind(const ls_json *json, ls_json_kind kind)
{
    return json != NULL && json->kind == kind;
}

static bool is_text(const ls_json *json, const char *text)
{
    return is_kind(json, LS_JSON_TEXT) && ls_string_equal(json->text, text, strlen(text));
}

int ls_read_text(ls_plan_reader *reader, const ls_json *json, const char *where, ls_string *out)
{
    if (!is_kind(json, LS_JSON_TEXT)) {
        return ls_read_expected(reader, where, "a text");
    }
    out->length = json->text.length;
    out->text = ls_arena_text(&reader->plan->arena, json->text.text, json->text.length);
    return out->text ? LS_OK : ls_fail_memory(reader->error);
}

static int read_decimal(ls_plan_reader *reader, const ls_json *json, const char *where, int64_t max,
                        int64_t *out)
{
    if (!is_kind(json, LS_JSON_NUMBER) ||
        ls_decimal_read(json->text.text, json->text.length, max, out) != LS_OK) {
        return ls_read_expected(reader, where, "a number with at most 6 decimals");
    }
    return LS_OK;
}

#define MAX_POINTS (INT64_C(1000000) * LS_MILLION)
/* Whole numbers that a double holds: 285 million years in seconds. Larger ones mean the same. */
#define MAX_WHOLE (INT64_C(1) << 53)

int ls_read_points(ls_plan_reader *reader, const ls_json *json, const char *where, int64_t *out)
{
    return read_decimal(reader, json, where, MAX_POINTS, out);
}

/* A whole number from min to MAX_WHOLE; larger ones become MAX_WHOLE. */
static int read_whole(ls_plan_reader *reader, const ls_json *json, const char *where, int64_t min,
                      int64_t *out)
{
    double number;
    if (!is_kind(json, LS_JSON_NUMBER) ||
        !ls_number_read(json->text.text, json->text.length, &number) || number < (double)min) {
        return ls_read_expected(reader, where, "a whole number in its range");
    }
    *out = number < (double)MAX_WHOLE ? (int64_t)number : MAX_WHOLE;
    return (double)*out == number || number > (double)MAX_WHOLE
               ? LS_OK
               : ls_read_expected(reader, where, "a whole number");
}

static int read_number(ls_plan_reader *reader, const ls_json *json, const char *where, double *out)
{
    if (!is_kind(json, LS_JSON_NUMBER) ||
        !ls_number_read(json->text.text, json->text.length, out)) {
        return ls_read_expected(reader, where, "a number");
    }
    return LS_OK;
}

/* The text, folded as data will be. */
static int read_folded(ls_plan_reader *reader, const ls_json *json, const char *where,
                       ls_string *folded, ls_string *shown)
{
    int status = ls_read_text(reader, json, where, shown);
    if (status == LS_OK) {
        status = ls_fold(shown->text, shown->length, &reader->folded);
        if (status != LS_OK) {
            return ls_fail_memory(reader->error);
        }
        folded->length = reader->folded.length;
        folded->text =
            ls_arena_text(&reader->plan->arena, reader->folded.data, reader->folded.length);
        status = folded->text ? LS_OK : ls_fail_memory(reader->error);
    }
    if (status == LS_OK && folded->length == 0) {
        return ls_read_expected(reader, where, "a text that is not empty");
    }
    return status;
}

/* ---- properties ------------------------------------------------------------------------------ */

static const char *const type_names[] = {"text", "number", "boolean", "datetime", "set"};
static const char *const owner_names[] = {"contact.", "company.", "deal.", "event."};

static int read_property(ls_plan_reader *reader, const ls_json *json, ls_property *out)
{
    for (size_t i = 0; i < 4; i++) {
        size_t length = strlen(owner_names[i]);
        if (json->key.length > length && memcmp(json->key.text, owner_names[i], length) == 0) {
            out->owner = (ls_object)i;
            out->name.length = json->key.length - length;
            out->name.text =
                ls_arena_text(&reader->plan->arena, json->key.text + length, out->name.length);
        }
    }
    if (out->name.length == 0) {
        return ls_read_expected(reader, "properties",
                                "names led by contact., company., deal. or event.");
    }
    if (out->name.text == NULL) {
        return ls_fail_memory(reader->error);
    }
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++) {
        if (is_text(json, type_names[i])) {
            out->type = (ls_type)i;
            return LS_OK;
        }
    }
    return ls_read_expected(reader, "properties", "a type");
}

int ls_read_properties(ls_plan_reader *reader, const ls_json *json)
{
    ls_definition *definition = reader->definition;
    if (json == NULL) {
        return LS_OK;
    }
    if (json->kind != LS_JSON_OBJECT) {
        return ls_read_expected(reader, "properties", "an object");
    }
    definition->properties = ls_read_allocate(reader, json->count, sizeof *definition->properties);
    if (definition->properties == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first; child && status == LS_OK; child = child->next) {
        status = read_property(reader, child, &definition->properties[definition->property_count]);
        definition->property_count += status == LS_OK;
    }
    return status;
}

static int find_property(ls_plan_reader *reader, const ls_json *json, uint32_t *out);

/* The same, and it is of the object that is being asked. */
static int find_own_property(ls_plan_reader *reader, const ls_json *json, uint32_t *out)
{
    int status = find_property(reader, json, out);
    return status == LS_OK && reader->definition->properties[*out].owner != reader->object
               ? ls_read_expected(reader, "property", "a name of the record that is asked")
               : status;
}

/* The definition's property that a text such as "contact.industry" names. */
static int find_property(ls_plan_reader *reader, const ls_json *json, uint32_t *out)
{
    const ls_definition *definition = reader->definition;
    if (is_kind(json, LS_JSON_TEXT)) {
        for (size_t i = 0; i < definition->property_count; i++) {
            const ls_property *property = &definition->properties[i];
            size_t lead = strlen(owner_names[property->owner]);
            if (json->text.length == lead + property->name.length &&
                memcmp(json->text.text, owner_names[property->owner], lead) == 0 &&
                memcmp(json->text.text + lead, property->name.text, property->name.length) == 0) {
                *out = (uint32_t)i;
                return LS_OK;
            }
        }
    }
    return ls_read_expected(reader, "property", "a name that `properties` lists");
}

/* ---- conditions ------------------------------------------------------------------------------ */

typedef enum operands { TEXTS, VALUES, ONE, TWO, BOOLEAN, INTERVAL, INSTANT, SPAN } operands;
#define OF(type) (1u << (type))
#define TEXTUAL (OF(LS_TEXT) | OF(LS_SET))
#define NUMERIC (OF(LS_NUMBER) | OF(LS_POINTS))

static const struct operator
{
    const char *name;
    unsigned types;
    operands operands;
    ls_op op;
}
operators[] = {
    {"any_of", TEXTUAL, TEXTS, LS_OP_ANY_OF},
    {"none_of", TEXTUAL, TEXTS, LS_OP_NONE_OF},
    {"any_of", NUMERIC, VALUES, LS_OP_ANY_OF},
    {"none_of", NUMERIC, VALUES, LS_OP_NONE_OF},
    {"all_of", OF(LS_SET), TEXTS, LS_OP_ALL_OF},
    {"exactly", OF(LS_SET), TEXTS, LS_OP_EXACTLY},
    {"contains", TEXTUAL, TEXTS, LS_OP_CONTAINS},
    {"not_contains", TEXTUAL, TEXTS, LS_OP_NOT_CONTAINS},
    {"starts_with", TEXTUAL, TEXTS, LS_OP_STARTS_WITH},
    {"ends_with", TEXTUAL, TEXTS, LS_OP_ENDS_WITH},
    {"more_than", NUMERIC, ONE, LS_OP_MORE_THAN},
    {"at_least", NUMERIC, ONE, LS_OP_AT_LEAST},
    {"less_than", NUMERIC, ONE, LS_OP_LESS_THAN},
    {"at_most", NUMERIC, ONE, LS_OP_AT_MOST},
    {"between", NUMERIC, TWO, LS_OP_BETWEEN},
    {"not_between", NUMERIC, TWO, LS_OP_NOT_BETWEEN},
    {"is", OF(LS_BOOLEAN), BOOLEAN, LS_OP_IS},
    {"within", OF(LS_DATETIME), INTERVAL, LS_OP_WITHIN},
    {"outside", OF(LS_DATETIME), INTERVAL, LS_OP_OUTSIDE},
    {"before", OF(LS_DATETIME), INSTANT, LS_OP_BEFORE},
    {"since", OF(LS_DATETIME), INSTANT, LS_OP_SINCE},
    {"in_last", OF(LS_DATETIME), SPAN, LS_OP_IN_LAST},
    {"more_than_ago", OF(LS_DATETIME), SPAN, LS_OP_MORE_THAN_AGO},
    {"in_next", OF(LS_DATETIME), SPAN, LS_OP_IN_NEXT},
    {"more_than_ahead", OF(LS_DATETIME), SPAN, LS_OP_MORE_THAN_AHEAD},
};

typedef struct text_pair {
    ls_string folded, shown;
} text_pair;

static int compare_pairs(const void *a, const void *b)
{
    return ls_string_compare(((const text_pair *)a)->folded, ((const text_pair *)b)->folded);
}

/* Sorted and without repeats: `exactly` compares lists, the others may search. */
static int read_texts(ls_plan_reader *reader, const ls_json *json, ls_test *out)
{
    size_t count = 0;
    text_pair *pairs = ls_read_allocate(reader, json->count, sizeof *pairs);
    out->texts = ls_read_allocate(reader, json->count, sizeof *out->texts);
    out->shown = ls_read_allocate(reader, json->count, sizeof *out->shown);
    if (pairs == NULL || out->texts == NULL || out->shown == NULL) {
        return ls_fail_memory(reader->error);
    }
    for (const ls_json *child = json->first->next; child; child = child->next, count++) {
        int status =
            read_folded(reader, child, "a test's text", &pairs[count].folded, &pairs[count].shown);
        if (status != LS_OK) {
            return status;
        }
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_pairs(&pairs[i - 1], &pairs[i]) != 0) {
            out->texts[out->count] = pairs[i].folded;
            out->shown[out->count++] = pairs[i].shown;
        }
    }
    return LS_OK;
}

static int read_numbers(ls_plan_reader *reader, ls_type type, const ls_json *json, ls_test *out)
{
    size_t count = json->count - 1;
    out->numbers = type == LS_NUMBER ? ls_read_allocate(reader, count, sizeof(double)) : NULL;
    out->points = type == LS_POINTS ? ls_read_allocate(reader, count, sizeof(int64_t)) : NULL;
    if (out->numbers == NULL && out->points == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first->next; child && status == LS_OK; child = child->next) {
        status = type == LS_NUMBER
                     ? read_number(reader, child, "a test", &out->numbers[out->count])
                     : read_decimal(reader, child, "a test", LS_MAX_SUM, &out->points[out->count]);
        out->count++;
    }
    return status;
}

static int read_instant(ls_plan_reader *reader, const ls_json *json, int64_t *out)
{
    int64_t points; /* an instant is at most 12 digits: it fits the decimal reader */
    if (!is_kind(json, LS_JSON_NUMBER) ||
        ls_decimal_read(json->text.text, json->text.length, INT64_MAX, &points) != LS_OK ||
        points % LS_MILLION != 0) {
        return ls_read_expected(reader, "an instant", "seconds since 1970");
    }
    *out = points / LS_MILLION;
    return LS_OK;
}

static int read_operands(ls_plan_reader *reader, ls_type type, operands operands,
                         const ls_json *json, ls_test *out)
{
    const ls_json *first = json->first->next, *second = first ? first->next : NULL;
    size_t count = json->count - 1;
    bool two = operands == TWO || operands == INTERVAL,
         many = operands == TEXTS || operands == VALUES;
    if (first == NULL || (!many && count != (two ? 2u : 1u))) {
        return ls_read_expected(reader, "a test", "its operands");
    }
    int status;
    switch (operands) {
    case TEXTS: return read_texts(reader, json, out);
    case VALUES:
    case ONE:
    case TWO: return read_numbers(reader, type, json, out);
    case BOOLEAN:
        out->boolean = first->kind == LS_JSON_TRUE;
        return out->boolean || first->kind == LS_JSON_FALSE
                   ? LS_OK
                   : ls_read_expected(reader, "a test", "true or false");
    case INTERVAL:
        status = read_instant(reader, first, &out->from);
        return status == LS_OK ? read_instant(reader, second, &out->until) : status;
    case INSTANT: return read_instant(reader, first, &out->from);
    default: return read_whole(reader, first, "a span", 1, &out->span);
    }
}

static int read_test(ls_plan_reader *reader, ls_type type, const ls_json *json, ls_test *out)
{
    if (!is_kind(json, LS_JSON_ARRAY) || !is_kind(json->first, LS_JSON_TEXT)) {
        return ls_read_expected(reader, "tests", "lists led by an operator");
    }
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if ((operators[i].types & OF(type)) && is_text(json->first, operators[i].name)) {
            out->op = operators[i].op;
            return read_operands(reader, type, operators[i].operands, json, out);
        }
    }
    return ls_read_expected(reader, "tests", "an operator of the property's type");
}

static int read_condition(ls_plan_reader *reader, ls_type type, const ls_json *json,
                          ls_condition *out)
{
    const ls_json *known = ls_json_get(json, "known"), *tests = ls_json_get(json, "tests");
    if (!is_kind(json, LS_JSON_OBJECT) || (known == NULL && tests == NULL)) {
        return ls_read_expected(reader, "is", "a condition");
    }
    out->type = type;
    out->missing = is_kind(ls_json_get(json, "missing"), LS_JSON_TRUE);
    out->asks_known = known != NULL;
    out->known = is_kind(known, LS_JSON_TRUE);
    if (tests == NULL) {
        return LS_OK;
    }
    out->tests = ls_read_allocate(reader, tests->count, sizeof *out->tests);
    if (out->tests == NULL) {
        return ls_fail_memory(reader->error);
    }
    for (const ls_json *child = tests->first; child; child = child->next) {
        int status = read_test(reader, type, child, &out->tests[out->count]);
        if (status != LS_OK) {
            return status;
        }
        out->moves = out->moves || out->tests[out->count].op >= LS_OP_IN_LAST;
        out->count++;
    }
    reader->definition->moves = reader->definition->moves || out->moves;
    return LS_OK;
}

static int read_new_condition(ls_plan_reader *reader, ls_type type, const ls_json *json,
                              ls_condition **out)
{
    *out = ls_read_allocate(reader, 1, sizeof **out);
    return *out ? read_condition(reader, type, json, *out) : ls_fail_memory(reader->error);
}

/* ---- filters --------------------------------------------------------------------------------- */

static int read_occurrences(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out);
static int read_new_filter(ls_plan_reader *reader, const ls_json *json, ls_filter **out);

static int read_children(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    if (json->kind != LS_JSON_ARRAY || json->count == 0) {
        return ls_read_expected(reader, "all, any, none", "a list of filters");
    }
    out->children = ls_read_allocate(reader, json->count, sizeof *out->children);
    if (out->children == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first; child && status == LS_OK; child = child->next) {
        status = ls_read_filter(reader, child, &out->children[out->count++]);
    }
    return status;
}

static int add_use(ls_plan_reader *reader, uint32_t score)
{
    ls_definition *definition = reader->definition;
    for (size_t i = 0; i < definition->use_count; i++) {
        if (definition->uses[i] == score) {
            return LS_OK;
        }
    }
    if (definition->uses == NULL) { /* every definition at most once: room for all */
        definition->uses = ls_read_allocate(reader, reader->plan->count, sizeof *definition->uses);
        if (definition->uses == NULL) {
            return ls_fail_memory(reader->error);
        }
    }
    definition->uses[definition->use_count++] = score;
    return LS_OK;
}

/* A score of the object that is being asked, and which part of it. */
static int read_score_part(ls_plan_reader *reader, const ls_json *json, uint32_t *out_score,
                           ls_part *out_part)
{
    static const char *const parts[] = {"value", "fit", "engagement", "label"};
    const ls_json *name = ls_json_get(json, "score"), *part = ls_json_get(json, "part");
    size_t score = 0, which = 0;
    while (score < reader->plan->count &&
           !(is_kind(name, LS_JSON_TEXT) &&
             ls_string_equal(name->text, reader->plan->definitions[score].name.text,
                             reader->plan->definitions[score].name.length))) {
        score++;
    }
    while (which < 4 && !is_text(part, parts[which])) {
        which++;
    }
    if (score == reader->plan->count || which == 4 ||
        reader->plan->definitions[score].object != reader->object) {
        return ls_read_expected(reader, "score", "a score of the set and its part");
    }
    *out_score = (uint32_t)score;
    *out_part = (ls_part)which;
    return add_use(reader, *out_score);
}

static int read_score(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    int status = read_score_part(reader, json, &out->score, &out->part);
    return status == LS_OK
               ? read_new_condition(reader, out->part == LS_PART_LABEL ? LS_TEXT : LS_POINTS,
                                    ls_json_get(json, "is"), &out->condition)
               : status;
}

static int find_list(ls_plan_reader *reader, const ls_json *json, uint32_t *out)
{
    ls_plan *plan = reader->plan;
    ls_string name = {"", 0};
    int status = ls_read_text(reader, json, "list", &name);
    for (size_t i = 0; status == LS_OK && i < plan->list_count; i++) {
        if (ls_string_equal(name, plan->lists[i].text, plan->lists[i].length)) {
            *out = (uint32_t)i;
            return LS_OK;
        }
    }
    if (status == LS_OK && plan->list_count == reader->list_capacity) {
        size_t capacity = plan->list_count ? plan->list_count * 2 : 8;
        ls_string *lists = ls_read_allocate(reader, capacity, sizeof *lists);
        if (lists == NULL) {
            return ls_fail_memory(reader->error);
        }
        if (plan->list_count > 0) {
            memcpy(lists, plan->lists, plan->list_count * sizeof *lists);
        }
        plan->lists = lists;
        reader->list_capacity = capacity;
    }
    if (status == LS_OK) {
        *out = (uint32_t)plan->list_count;
        plan->lists[plan->list_count++] = name;
    }
    return status;
}

static int read_lists(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    const ls_json *lists = ls_json_get(json, "list");
    out->negate = is_kind(ls_json_get(json, "member"), LS_JSON_FALSE);
    if (lists->kind != LS_JSON_ARRAY || lists->count == 0) {
        return ls_read_expected(reader, "list", "names");
    }
    out->lists = ls_read_allocate(reader, lists->count, sizeof *out->lists);
    if (out->lists == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = lists->first; child && status == LS_OK; child = child->next) {
        status = find_list(reader, child, &out->lists[out->count++]);
    }
    return status;
}

static int read_did(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    out->negate = is_kind(ls_json_get(json, "done"), LS_JSON_FALSE);
    out->did = ls_read_allocate(reader, 1, sizeof *out->did);
    if (out->did == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = read_occurrences(reader, ls_json_get(json, "did"), out->did);
    if (status == LS_OK && out->did->times_count == 0) {
        return ls_read_expected(reader, "did", "times");
    }
    return status;
}

static int read_leaf(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    int status = find_own_property(reader, ls_json_get(json, "property"), &out->property);
    if (status != LS_OK) {
        return status;
    }
    out->atom = (uint32_t)reader->definition->atom_count++;
    return read_new_condition(reader, reader->definition->properties[out->property].type,
                              ls_json_get(json, "is"), &out->condition);
}

static int read_labelled(ls_plan_reader *reader, const ls_json *json, ls_over *out)
{
    const ls_json *labelled = ls_json_get(json, "labelled");
    return labelled
               ? read_folded(reader, labelled, "labelled", &out->labelled, &out->labelled_shown)
               : LS_OK;
}

/* The relation that a text names, as seen from the object that is being asked. */
static int read_relation(ls_plan_reader *reader, const ls_json *json, ls_over *out)
{
    static const struct {
        const char *name;
        ls_object from, to;
        ls_relation relation;
    } relations[] = {
        {"company", LS_CONTACT, LS_COMPANY, LS_RELATED_COMPANY},
        {"company", LS_DEAL, LS_COMPANY, LS_RELATED_COMPANY},
        {"companies", LS_CONTACT, LS_COMPANY, LS_RELATED_COMPANIES},
        {"deals", LS_CONTACT, LS_DEAL, LS_RELATED_DEALS},
        {"deals", LS_COMPANY, LS_DEAL, LS_RELATED_DEALS},
        {"contacts", LS_COMPANY, LS_CONTACT, LS_RELATED_CONTACTS},
        {"contacts", LS_DEAL, LS_CONTACT, LS_RELATED_CONTACTS},
        {"primary_contacts", LS_COMPANY, LS_CONTACT, LS_RELATED_PRIMARY_CONTACTS},
    };
    for (size_t i = 0; i < sizeof relations / sizeof *relations; i++) {
        if (relations[i].from == reader->object && is_text(json, relations[i].name)) {
            out->relation = relations[i].relation;
            out->object = relations[i].to;
            return LS_OK;
        }
    }
    return ls_read_expected(reader, "related", "a relation of the record that is asked");
}

/* relation, label and a filter under `key`; relations do not nest. */
static int read_over(ls_plan_reader *reader, const ls_json *json, const char *key, ls_over **out)
{
    const ls_json *where = ls_json_get(json, key);
    ls_object object = reader->object;
    if (object != reader->definition->object) {
        return ls_read_expected(reader, "related", "no relation inside a relation");
    }
    reader->definition->relates = true;
    *out = ls_read_allocate(reader, 1, sizeof **out);
    if (*out == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = read_relation(reader, ls_json_get(json, "related"), *out);
    if (status == LS_OK) {
        status = read_labelled(reader, json, *out);
    }
    if (status == LS_OK && where) {
        reader->object = (*out)->object;
        status = read_new_filter(reader, where, &(*out)->where);
        reader->object = object;
    }
    return status;
}

static int read_related(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    const ls_json *count = ls_json_get(json, "count"), *max = ls_json_get(count, "max");
    out->every = is_kind(ls_json_get(json, "every"), LS_JSON_TRUE);
    out->counted = count != NULL;
    out->count_max = INT64_MAX;
    int status = read_over(reader, json, "filter", &out->related);
    if (status == LS_OK && count) {
        status = read_whole(reader, ls_json_get(count, "min"), "count.min", 0, &out->count_min);
    }
    return status == LS_OK && max ? read_whole(reader, max, "count.max", 0, &out->count_max)
                                  : status;
}

int ls_read_filter(ls_plan_reader *reader, const ls_json *json, ls_filter *out)
{
    static const char *const keys[] = {"all",   "any",  "none", "property",
                                       "score", "list", "did",  "related"};
    const ls_json *value = NULL;
    size_t kind = 0;
    while (kind < 8 && (value = ls_json_get(json, keys[kind])) == NULL) {
        kind++;
    }
    if (kind == 8) {
        return ls_read_expected(reader, "a filter",
                                "all, any, none, property, score, list, did or related");
    }
    out->kind = (ls_filter_kind)kind;
    switch (out->kind) {
    case LS_FILTER_PROPERTY: return read_leaf(reader, json, out);
    case LS_FILTER_SCORE: return read_score(reader, json, out);
    case LS_FILTER_LIST: return read_lists(reader, json, out);
    case LS_FILTER_DID: return read_did(reader, json, out);
    case LS_FILTER_RELATED: return read_related(reader, json, out);
    default: return read_children(reader, value, out);
    }
}

static int read_new_filter(ls_plan_reader *reader, const ls_json *json, ls_filter **out)
{
    *out = ls_read_allocate(reader, 1, sizeof **out);
    return *out ? ls_read_filter(reader, json, *out) : ls_fail_memory(reader->error);
}

/* ---- rules ----------------------------------------------------------------------------------- */

int ls_read_limit(ls_plan_reader *reader, const ls_json *json, ls_limit *out)
{
    const ls_json *min = ls_json_get(json, "min"), *max = ls_json_get(json, "max");
    int status = LS_OK;
    out->has_min = min != NULL;
    out->has_max = max != NULL;
    if (min) {
        status = read_decimal(reader, min, "limit.min", LS_MAX_SUM, &out->min);
    }
    if (max && status == LS_OK) {
        status = read_decimal(reader, max, "limit.max", LS_MAX_SUM, &out->max);
    }
    if (status == LS_OK && min && max && out->min > out->max) {
        return ls_read_expected(reader, "limit", "min at most max");
    }
    return status;
}

/* One value of points_by, as its property's type. */
static int read_by_value(ls_plan_reader *reader, ls_type type, const ls_json *json,
                         struct ls_choice_entry *out)
{
    switch (type) {
    case LS_NUMBER: return read_number(reader, json, "points_by", &out->number);
    case LS_BOOLEAN:
        out->boolean = is_kind(json, LS_JSON_TRUE);
        return out->boolean || is_kind(json, LS_JSON_FALSE)
                   ? LS_OK
                   : ls_read_expected(reader, "points_by", "true or false");
    case LS_DATETIME: {
        int status = read_instant(reader, ls_json_get(json, "from"), &out->from);
        return status == LS_OK ? read_instant(reader, ls_json_get(json, "until"), &out->until)
                               : status;
    }
    default: return read_folded(reader, json, "points_by", &out->text, &out->shown);
    }
}

static int read_choice_entry(ls_plan_reader *reader, ls_type type, const ls_json *json,
                             ls_choice *choice)
{
    struct ls_choice_entry entry = {0};
    int status = ls_read_points(reader, ls_json_get(json, "points"), "points", &entry.points);
    if (status == LS_OK) {
        status = choice->kind == LS_CHOICE_BY
                     ? read_by_value(reader, type, ls_json_get(json, "value"), &entry)
                     : read_new_condition(reader, type, ls_json_get(json, "if"), &entry.condition);
    }
    if (status != LS_OK) {
        return status;
    }
    choice->entries[choice->count++] = entry;
    return LS_OK;
}

static int compare_entries(const void *a, const void *b)
{
    return ls_string_compare(((const struct ls_choice_entry *)a)->text,
                             ((const struct ls_choice_entry *)b)->text);
}

/* Texts are looked up by halving, so they are sorted; two that fold alike would both claim a value.
 */
static int sort_choice(ls_plan_reader *reader, ls_choice *choice)
{
    qsort(choice->entries, choice->count, sizeof *choice->entries, compare_entries);
    for (size_t i = 1; i < choice->count; i++) {
        if (compare_entries(&choice->entries[i - 1], &choice->entries[i]) == 0) {
            return ls_read_expected(reader, "points_by", "values that differ");
        }
    }
    return LS_OK;
}

/* points_by or bands, and otherwise; neither: kind LS_CHOICE_NONE. */
static int read_choice(ls_plan_reader *reader, const ls_json *json, ls_choice *out)
{
    const ls_json *by = ls_json_get(json, "points_by"), *bands = ls_json_get(json, "bands");
    const ls_json *list = by ? by : bands, *otherwise = ls_json_get(json, "otherwise");
    if (list == NULL) {
        return LS_OK;
    }
    int status = find_own_property(reader, ls_json_get(json, "property"), &out->property);
    if (status == LS_OK && (list->kind != LS_JSON_ARRAY || list->count == 0)) {
        status = ls_read_expected(reader, "points_by, bands", "a list");
    }
    if (status != LS_OK) {
        return status;
    }
    out->kind = by ? LS_CHOICE_BY : LS_CHOICE_BANDS;
    out->entries = ls_read_allocate(reader, list->count, sizeof *out->entries);
    if (out->entries == NULL) {
        return ls_fail_memory(reader->error);
    }
    ls_type type = reader->definition->properties[out->property].type;
    for (const ls_json *child = list->first; child && status == LS_OK; child = child->next) {
        status = read_choice_entry(reader, type, child, out);
    }
    if (status == LS_OK && by && (type == LS_TEXT || type == LS_SET)) {
        status = sort_choice(reader, out);
    }
    out->has_otherwise = otherwise != NULL;
    return status == LS_OK && otherwise
               ? ls_read_points(reader, otherwise, "otherwise", &out->otherwise)
               : status;
}

static int read_events(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out)
{
    if (!is_kind(json, LS_JSON_ARRAY) || json->count == 0) {
        return ls_read_expected(reader, "event", "a list of names");
    }
    out->events = ls_read_allocate(reader, json->count, sizeof *out->events);
    if (out->events == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first; child && status == LS_OK; child = child->next) {
        status = ls_read_text(reader, child, "event", &out->events[out->event_count++]);
    }
    return status;
}

static int read_within(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out)
{
    const ls_json *last = ls_json_get(json, "last"), *from = ls_json_get(json, "from");
    const ls_json *until = ls_json_get(json, "until");
    int status = LS_OK;
    if ((out->has_last = last != NULL)) {
        status = read_whole(reader, last, "within.last", 1, &out->last);
    }
    if (status == LS_OK && (out->has_from = from != NULL)) {
        status = read_instant(reader, from, &out->from);
    }
    if (status == LS_OK && (out->has_until = until != NULL)) {
        status = read_instant(reader, until, &out->until);
    }
    if (from || until) {
        reader->definition->moves = true;
    }
    return status;
}

static int read_times(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out)
{
    if (json == NULL) {
        return LS_OK;
    }
    if (json->kind != LS_JSON_ARRAY || json->count == 0) {
        return ls_read_expected(reader, "times", "a list");
    }
    out->times = ls_read_allocate(reader, json->count, sizeof *out->times);
    if (out->times == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = LS_OK;
    for (const ls_json *child = json->first; child && status == LS_OK; child = child->next) {
        ls_times *times = &out->times[out->times_count++];
        const ls_json *max = ls_json_get(child, "max"), *points = ls_json_get(child, "points");
        times->max = INT64_MAX;
        status = read_whole(reader, ls_json_get(child, "min"), "times.min", 0, &times->min);
        if (status == LS_OK && max) {
            status = read_whole(reader, max, "times.max", 0, &times->max);
        }
        if (status == LS_OK && points) {
            status = ls_read_points(reader, points, "times.points", &times->points);
        }
    }
    return status;
}

static int read_decay(ls_plan_reader *reader, const ls_json *json, ls_decay *out)
{
    const ls_json *half_life = ls_json_get(json, "half_life");
    if (json == NULL) {
        return LS_OK;
    }
    if (half_life) {
        out->curve = LS_CURVE_HALF_LIFE;
        reader->definition->curves = true;
        return read_whole(reader, half_life, "decay.half_life", 1, &out->every);
    }
    bool linear = is_text(ls_json_get(json, "curve"), "linear");
    if (!linear && !is_text(ls_json_get(json, "curve"), "step")) {
        return ls_read_expected(reader, "decay.curve", "step or linear");
    }
    out->curve = linear ? LS_CURVE_LINEAR : LS_CURVE_STEP;
    reader->definition->curves = reader->definition->curves || linear;
    int status = read_whole(reader, ls_json_get(json, "every"), "decay.every", 1, &out->every);
    if (status == LS_OK) {
        status = read_decimal(reader, ls_json_get(json, "percent"), "decay.percent",
                              100 * LS_MILLION, &out->percent);
    }
    return status == LS_OK && out->percent <= 0
               ? ls_read_expected(reader, "decay.percent", "above 0")
               : status;
}

static int read_once(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out)
{
    if (json == NULL) {
        return LS_OK;
    }
    out->once = json->kind == LS_JSON_OBJECT ? LS_ONCE_PROPERTY : LS_ONCE_DAY;
    if (out->once == LS_ONCE_PROPERTY) {
        return find_own_property(reader, ls_json_get(json, "property"), &out->once_property);
    }
    return is_text(json, "day") ? LS_OK : ls_read_expected(reader, "once_per", "day or a property");
}

static int read_event_rule(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out)
{
    const ls_json *where = ls_json_get(json, "where"), *latest = ls_json_get(json, "latest");
    const ls_json *points = ls_json_get(json, "points");
    out->index = (uint32_t)reader->definition->occurrences_count++;
    int status = read_events(reader, ls_json_get(json, "event"), out);
    if (status == LS_OK && where) {
        status = read_new_filter(reader, where, &out->where);
    }
    if (status == LS_OK) {
        status = read_within(reader, ls_json_get(json, "within"), out);
    }
    if (status == LS_OK) {
        status = read_once(reader, ls_json_get(json, "once_per"), out);
    }
    if (status == LS_OK) {
        status = read_times(reader, ls_json_get(json, "times"), out);
    }
    if (status == LS_OK && latest) {
        int64_t number = 0;
        status = read_whole(reader, latest, "latest", 1, &number);
        out->latest = (uint64_t)number;
    }
    if (status == LS_OK) {
        status = read_choice(reader, json, &out->choice);
    }
    if (status == LS_OK) {
        status = read_decay(reader, ls_json_get(json, "decay"), &out->decay);
    }
    return status == LS_OK && points ? ls_read_points(reader, points, "points", &out->points)
                                     : status;
}

/* What is asked of an event's properties is on the event, whoever's events they are. */
static int read_occurrences(ls_plan_reader *reader, const ls_json *json, ls_occurrences *out)
{
    ls_object object = reader->object;
    reader->object = LS_EVENT;
    int status = read_event_rule(reader, json, out);
    reader->object = object;
    return status;
}

static int read_combine(ls_plan_reader *reader, const ls_json *json, const char *where,
                        ls_combine *out)
{
    static const char *const names[] = {"sum", "avg", "max", "min", "count"};
    for (size_t i = 0; i < 5; i++) {
        if (is_text(json, names[i])) {
            *out = (ls_combine)i;
            return LS_OK;
        }
    }
    return ls_read_expected(reader, where, "sum, avg, max, min or count");
}

/* `over` and `combine` of an event or property rule; a company's or deal's event rule always has
 * them. */
static int read_rule_over(ls_plan_reader *reader, const ls_json *json, ls_rule *out)
{
    const ls_json *over = ls_json_get(json, "over");
    if (over == NULL) {
        return out->kind == LS_RULE_EVENT && reader->definition->object != LS_CONTACT
                   ? ls_read_expected(reader, "over", "a relation")
                   : LS_OK;
    }
    int status = read_combine(reader, ls_json_get(json, "combine"), "combine", &out->combine);
    if (status == LS_OK && out->combine == LS_COUNT) {
        status = ls_read_expected(reader, "combine", "sum, avg, max or min");
    }
    if (status == LS_OK) {
        status = read_over(reader, over, "where", &out->over);
    }
    bool contacts = status == LS_OK && out->over->object == LS_CONTACT;
    return status == LS_OK && out->kind == LS_RULE_EVENT && !contacts
               ? ls_read_expected(reader, "over", "a relation to contacts")
               : status;
}

/* What a rollup goes over the values of; the reader is on the related object. */
static int read_of(ls_plan_reader *reader, const ls_json *json, ls_rollup *out)
{
    if (ls_json_get(json, "score")) {
        out->of_score = true;
        int status = read_score_part(reader, json, &out->score, &out->part);
        return status == LS_OK && out->part == LS_PART_LABEL
                   ? ls_read_expected(reader, "of", "a number")
                   : status;
    }
    out->of_property = true;
    int status = find_own_property(reader, ls_json_get(json, "property"), &out->property);
    return status == LS_OK && reader->definition->properties[out->property].type != LS_NUMBER
               ? ls_read_expected(reader, "of", "a number column")
               : status;
}

static int read_rollup_parts(ls_plan_reader *reader, const ls_json *json, ls_rule *rule)
{
    const ls_json *of = ls_json_get(json, "of"), *top = ls_json_get(json, "top");
    const ls_json *weight = ls_json_get(json, "weight"), *is = ls_json_get(json, "is");
    ls_rollup *rollup = rule->rollup;
    int status = LS_OK;
    int64_t number = 0;
    rollup->weight = LS_MILLION;
    if (of || rule->combine != LS_COUNT) {
        ls_object object = reader->object;
        reader->object = rule->over->object;
        status = read_of(reader, of, rollup);
        reader->object = object;
    }
    if (status == LS_OK && top) {
        status = read_whole(reader, top, "top", 1, &number);
        rollup->top = (uint64_t)number;
    }
    if (status == LS_OK && weight) {
        status =
            read_decimal(reader, weight, "weight", 1000 * (int64_t)LS_MILLION, &rollup->weight);
    }
    if (status == LS_OK && is && of) {
        status =
            read_new_condition(reader, rollup->of_score ? LS_POINTS : LS_NUMBER, is, &rollup->is);
    }
    return status;
}

static int read_rollup(ls_plan_reader *reader, const ls_json *json, ls_rule *out)
{
    out->kind = LS_RULE_ROLLUP;
    out->rollup = ls_read_allocate(reader, 1, sizeof *out->rollup);
    if (out->rollup == NULL) {
        return ls_fail_memory(reader->error);
    }
    const ls_json *over = ls_json_get(json, "over");
    int status = read_combine(reader, ls_json_get(json, "rollup"), "rollup", &out->combine);
    if (status == LS_OK) {
        status = read_over(reader, over, "where", &out->over);
    }
    return status == LS_OK ? read_rollup_parts(reader, json, out) : status;
}

static int read_optional_text(ls_plan_reader *reader, const ls_json *json, const char *key,
                              ls_string *out)
{
    const ls_json *text = ls_json_get(json, key);
    return text ? ls_read_text(reader, text, key, out) : LS_OK;
}

static int read_event_body(ls_plan_reader *reader, const ls_json *json, ls_rule *out)
{
    out->kind = LS_RULE_EVENT;
    out->occurrences = ls_read_allocate(reader, 1, sizeof *out->occurrences);
    if (out->occurrences == NULL) {
        return ls_fail_memory(reader->error);
    }
    int status = read_occurrences(reader, json, out->occurrences);
    return status == LS_OK ? read_rule_over(reader, json, out) : status;
}

static int read_property_body(ls_plan_reader *reader, const ls_json *json, ls_rule *out)
{
    ls_object object = reader->object;
    out->kind = LS_RULE_PROPERTY;
    int status = read_rule_over(reader, json, out);
    if (status == LS_OK) {
        reader->object = out->over ? out->over->object : object;
        status = read_choice(reader, json, &out->choice);
        reader->object = object;
    }
    return status == LS_OK && out->choice.kind == LS_CHOICE_NONE
               ? ls_read_expected(reader, "a rule",
                                  "when, event, rollup, or property with points_by or bands")
               : status;
}

static int read_rule_body(ls_plan_reader *reader, const ls_json *json, ls_rule *out)
{
    const ls_json *when = ls_json_get(json, "when");
    if (when) {
        out->kind = LS_RULE_WHEN;
        int status = read_new_filter(reader, when, &out->when);
        return status == LS_OK
                   ? ls_read_points(reader, ls_json_get(json, "points"), "points", &out->points)
                   : status;
    }
    if (ls_json_get(json, "event")) {
        return read_event_body(reader, json, out);
    }
    return ls_json_get(json, "rollup") ? read_rollup(reader, json, out)
                                       : read_property_body(reader, json, out);
}

int ls_read_rule(ls_plan_reader *reader, const ls_json *json, ls_rule *out)
{
    if (!is_kind(json, LS_JSON_OBJECT)) {
        return ls_read_expected(reader, "rules", "objects");
    }
    out->enabled = !is_kind(ls_json_get(json, "enabled"), LS_JSON_FALSE);
    int status = read_optional_text(reader, json, "name", &out->name);
    if (status == LS_OK) {
        status = read_optional_text(reader, json, "description", &out->description);
    }
    if (status == LS_OK) {
        status = ls_read_limit(reader, ls_json_get(json, "limit"), &out->limit);
    }
    return status == LS_OK ? read_rule_body(reader, json, out) : status;
}
