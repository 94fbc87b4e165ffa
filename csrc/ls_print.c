/* What definitions look for among events, and its fingerprints: everything that decides which
 * events are occurrences and what they earn is written into one text, which is hashed. Names of
 * rules, limits, groups and thresholds do not matter to events, and are not in it. */
#include "ls_print.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- what is looked for ---------------------------------------------------------------------- */

typedef struct visitor {
    ls_occurrences_visit *visit;
    void *user;
} visitor;

static void visit_filter(const visitor *visitor, const ls_filter *filter, bool own)
{
    if (filter->kind == LS_FILTER_DID) {
        visitor->visit(visitor->user, filter->did, own);
    } else if (filter->kind == LS_FILTER_RELATED && filter->related->where) {
        visit_filter(visitor, filter->related->where, false);
    } else if (filter->kind <= LS_FILTER_NONE) {
        for (size_t i = 0; i < filter->count; i++) {
            visit_filter(visitor, &filter->children[i], own);
        }
    }
}

void ls_each_occurrences(const ls_definition *definition, ls_occurrences_visit *visit, void *user)
{
    const visitor visitor = {visit, user};
    if (definition->scope) {
        visit_filter(&visitor, definition->scope, true);
    }
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        if (!rule->enabled) {
            continue;
        }
        if (rule->kind == LS_RULE_WHEN) {
            visit_filter(&visitor, rule->when, true);
        } else if (rule->kind == LS_RULE_EVENT) {
            visit(user, rule->occurrences, rule->over == NULL);
        }
        if (rule->over && rule->over->where) {
            visit_filter(&visitor, rule->over->where, false);
        }
    }
}

bool ls_occurrences_name(const ls_occurrences *occurrences, ls_string name)
{
    for (size_t i = 0; i < occurrences->event_count; i++) {
        if (ls_string_equal(occurrences->events[i], name.text, name.length)) {
            return true;
        }
    }
    return false;
}

/* ---- writing it down ------------------------------------------------------------------------- */

typedef struct writer {
    ls_buffer text;
    const ls_definition *definition;
    const ls_string *names; /* the events that matter */
    size_t count;
    uint64_t sum;
} writer;

/* The lowest byte first, on every machine. */
static void put(writer *writer, uint64_t number)
{
    char bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (char)(number >> 8 * i);
    }
    ls_buffer_add(&writer->text, bytes, sizeof bytes);
}

static void put_text(writer *writer, ls_string text)
{
    put(writer, text.length);
    ls_buffer_add(&writer->text, text.text, text.length);
}

static void put_double(writer *writer, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put(writer, bits);
}

static void put_property(writer *writer, uint32_t index)
{
    const ls_property *property = &writer->definition->properties[index];
    put(writer, (uint64_t)property->owner);
    put(writer, (uint64_t)property->type);
    put_text(writer, property->name);
}

static void put_test(writer *writer, const ls_test *test)
{
    put(writer, (uint64_t)test->op);
    put(writer, test->count);
    for (size_t i = 0; i < test->count; i++) {
        put(writer, (uint64_t)(test->texts != NULL) | (uint64_t)(test->numbers != NULL) << 1 |
                        (uint64_t)(test->points != NULL) << 2);
        if (test->texts) {
            put_text(writer, test->texts[i]);
        }
        if (test->numbers) {
            put_double(writer, test->numbers[i]);
        }
        if (test->points) {
            put(writer, (uint64_t)test->points[i]);
        }
    }
    put(writer, test->boolean);
    put(writer, (uint64_t)test->from);
    put(writer, (uint64_t)test->until);
    put(writer, (uint64_t)test->span);
}

static void put_condition(writer *writer, const ls_condition *condition)
{
    put(writer, condition != NULL);
    if (condition == NULL) {
        return;
    }
    put(writer, (uint64_t)condition->type);
    put(writer, (uint64_t)condition->missing | (uint64_t)condition->asks_known << 1 |
                    (uint64_t)condition->known << 2);
    put(writer, condition->count);
    for (size_t i = 0; i < condition->count; i++) {
        put_test(writer, &condition->tests[i]);
    }
}

/* Of an event: properties and their combinations, nothing else. */
static void put_filter(writer *writer, const ls_filter *filter)
{
    put(writer, (uint64_t)filter->kind);
    if (filter->kind == LS_FILTER_PROPERTY) {
        put_property(writer, filter->property);
        put_condition(writer, filter->condition);
        return;
    }
    put(writer, filter->count);
    for (size_t i = 0; filter->kind <= LS_FILTER_NONE && i < filter->count; i++) {
        put_filter(writer, &filter->children[i]);
    }
}

static void put_choice(writer *writer, const ls_choice *choice)
{
    put(writer, (uint64_t)choice->kind);
    if (choice->kind == LS_CHOICE_NONE) {
        return;
    }
    put_property(writer, choice->property);
    put(writer, choice->count);
    for (size_t i = 0; i < choice->count; i++) {
        const struct ls_choice_entry *entry = &choice->entries[i];
        put_text(writer, entry->text);
        put_double(writer, entry->number);
        put(writer, entry->boolean);
        put(writer, (uint64_t)entry->from);
        put(writer, (uint64_t)entry->until);
        put_condition(writer, entry->condition);
        put(writer, (uint64_t)entry->points);
    }
    put(writer, choice->has_otherwise);
    put(writer, (uint64_t)choice->otherwise);
}

static void put_window(writer *writer, const ls_occurrences *occurrences)
{
    put(writer, (uint64_t)occurrences->has_last | (uint64_t)occurrences->has_from << 1 |
                    (uint64_t)occurrences->has_until << 2);
    put(writer, (uint64_t)occurrences->last);
    put(writer, (uint64_t)occurrences->from);
    put(writer, (uint64_t)occurrences->until);
}

static void put_earning(writer *writer, const ls_occurrences *occurrences)
{
    put(writer, occurrences->times_count);
    for (size_t i = 0; i < occurrences->times_count; i++) {
        put(writer, (uint64_t)occurrences->times[i].min);
        put(writer, (uint64_t)occurrences->times[i].max);
        put(writer, (uint64_t)occurrences->times[i].points);
    }
    put(writer, occurrences->latest);
    put(writer, (uint64_t)occurrences->points);
    put_choice(writer, &occurrences->choice);
    put(writer, (uint64_t)occurrences->decay.curve);
    put(writer, (uint64_t)occurrences->decay.percent);
    put(writer, (uint64_t)occurrences->decay.every);
}

/* Whose order does not matter: they are added up. */
static void add_print(void *user, const ls_occurrences *occurrences, bool own)
{
    writer *writer = user;
    bool matters = false;
    for (size_t i = 0; i < writer->count && !matters; i++) {
        matters = ls_occurrences_name(occurrences, writer->names[i]);
    }
    if (!matters) {
        return;
    }
    writer->text.length = 0;
    put(writer, own);
    put(writer, occurrences->event_count);
    for (size_t i = 0; i < occurrences->event_count; i++) {
        put_text(writer, occurrences->events[i]);
    }
    put(writer, occurrences->where != NULL);
    if (occurrences->where) {
        put_filter(writer, occurrences->where);
    }
    put_window(writer, occurrences);
    put(writer, (uint64_t)occurrences->once);
    if (occurrences->once == LS_ONCE_PROPERTY) {
        put_property(writer, occurrences->once_property);
    }
    put_earning(writer, occurrences);
    if (!writer->text.failed) {
        writer->sum += XXH3_64bits(writer->text.data, writer->text.length);
    }
}

int ls_print_definition(ls_context *context, const ls_definition *definition,
                        const ls_string *names, size_t count, uint64_t *out)
{
    writer writer = {
        .text = {.context = context}, .definition = definition, .names = names, .count = count};
    ls_each_occurrences(definition, add_print, &writer);
    int status = writer.text.failed ? LS_ERROR_MEMORY : LS_OK;
    ls_buffer_free(&writer.text);
    *out = writer.sum;
    return status;
}
