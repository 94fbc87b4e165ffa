/* Binds a definition to dictionaries: property tables (what each distinct text answers) and what a
 * record's values add by themselves. Classes of events and their entries are in
 * ls_binding_events.c. */
#include "ls_binding.h"

#include "ls_time.h"

#include <stdlib.h>

/* ---- what the definition asks of each property ----------------------------------------------- */

/* Walks every filter of the enabled rules; visit is called for leaves on properties. */
typedef struct visitor {
    ls_binding *binding;
    void (*leaf)(ls_binding *binding, const ls_filter *leaf);
    void (*choice)(ls_binding *binding, const ls_choice *choice, const ls_rule *rule,
                   const ls_occurrences *occurrences);
} visitor;

static void visit_filter(const visitor *visitor, const ls_filter *filter);

static void visit_occurrences(const visitor *visitor, const ls_occurrences *occurrences,
                              const ls_rule *rule)
{
    if (occurrences->where) {
        visit_filter(visitor, occurrences->where);
    }
    if (occurrences->choice.kind != LS_CHOICE_NONE) {
        visitor->choice(visitor->binding, &occurrences->choice, rule, occurrences);
    }
}

static void visit_filter(const visitor *visitor, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        visitor->leaf(visitor->binding, filter);
    } else if (filter->kind == LS_FILTER_DID) {
        visit_occurrences(visitor, filter->did, NULL);
    } else if (filter->kind == LS_FILTER_RELATED && filter->related->where) {
        visit_filter(visitor, filter->related->where);
    } else if (filter->kind <= LS_FILTER_NONE) {
        for (size_t i = 0; i < filter->count; i++) {
            visit_filter(visitor, &filter->children[i]);
        }
    }
}

static void visit_definition(const visitor *visitor)
{
    const ls_definition *definition = visitor->binding->definition;
    if (definition->scope) {
        visit_filter(visitor, definition->scope);
    }
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        if (!rule->enabled) {
            continue;
        }
        if (rule->kind == LS_RULE_WHEN) {
            visit_filter(visitor, rule->when);
        } else if (rule->kind == LS_RULE_EVENT) {
            visit_occurrences(visitor, rule->occurrences, rule);
        } else if (rule->kind == LS_RULE_PROPERTY) {
            visitor->choice(visitor->binding, &rule->choice, rule, NULL);
        } else if (rule->rollup->of_property) {
            visitor->binding->tables[rule->rollup->property].numeric = true;
        }
        if (rule->over && rule->over->where) {
            visit_filter(visitor, rule->over->where);
        }
    }
}

static bool choice_moves(const ls_choice *choice)
{
    for (size_t i = 0; choice->kind == LS_CHOICE_BANDS && i < choice->count; i++) {
        if (choice->entries[i].condition->moves) {
            return true;
        }
    }
    return false;
}

static void count_leaf(ls_binding *binding, const ls_filter *leaf)
{
    ls_property_table *table = &binding->tables[leaf->property];
    binding->atom_place[leaf->atom] = (uint32_t)table->atom_count++;
    table->moves = table->moves || leaf->condition->moves;
}

static void count_choice(ls_binding *binding, const ls_choice *choice, const ls_rule *rule,
                         const ls_occurrences *occurrences)
{
    ls_property_table *table = &binding->tables[choice->property];
    uint32_t place = (uint32_t)table->choice_count++;
    if (occurrences) {
        binding->specs[occurrences->index].choice = place;
    } else {
        binding->choice_place[rule - binding->definition->rules] = place;
    }
    table->moves = table->moves || choice_moves(choice);
}

static void place_leaf(ls_binding *binding, const ls_filter *leaf)
{
    binding->tables[leaf->property].atoms[binding->atom_place[leaf->atom]] = leaf;
}

static void place_choice(ls_binding *binding, const ls_choice *choice, const ls_rule *rule,
                         const ls_occurrences *occurrences)
{
    uint32_t place = occurrences ? binding->specs[occurrences->index].choice
                                 : binding->choice_place[rule - binding->definition->rules];
    binding->tables[choice->property].choices[place] = choice;
}

/* ---- property tables ------------------------------------------------------------------------- */

static int allocate_questions(ls_binding *binding)
{
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        ls_property_table *table = &binding->tables[i];
        table->property = &binding->definition->properties[i];
        table->atoms =
            ls_allocate_zero(binding->context, table->atom_count + 1, sizeof *table->atoms);
        table->choices =
            ls_allocate_zero(binding->context, table->choice_count + 1, sizeof *table->choices);
        if (table->atoms == NULL || table->choices == NULL) {
            return LS_ERROR_MEMORY;
        }
        table->record_size =
            (table->atom_count + 7) / 8 * 8 + table->choice_count * sizeof(ls_outcome);
        if (table->record_size == 0) {
            table->record_size = sizeof(uint64_t); /* so that every class has an address */
        }
    }
    return LS_OK;
}

static void answer_choice(const ls_choice *choice, ls_type type, const ls_value *value, int64_t at,
                          unsigned char *out)
{
    ls_outcome outcome;
    ls_int128 points = 0;
    memset(&outcome, 0, sizeof outcome); /* padding too: records are compared as bytes */
    outcome.applies = ls_choice_points(choice, type, value, at, &points);
    outcome.too_large = points > LS_MAX_SUM || points < -(ls_int128)LS_MAX_SUM;
    outcome.points = outcome.too_large || !outcome.applies ? 0 : (int64_t)points;
    memcpy(out, &outcome, sizeof outcome);
}

/* Up to eight conditions, a byte each. They are put together before they are stored, since they
 * will soon be read as one word, which bytes that were just written would hold up. */
static void answer_atoms(const ls_property_table *table, size_t first, const ls_value *value,
                         int64_t at, unsigned char *record)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 8 && first + i < table->atom_count; i++) {
        ls_truth truth = ls_condition_test(table->atoms[first + i]->condition, value, at);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word |= (uint64_t)truth << (56 - 8 * i);
#else
        word |= (uint64_t)truth << (8 * i);
#endif
    }
    memcpy(record, &word, sizeof word);
}

/* Everything that is asked of a text, as bytes. */
static void answer(const ls_property_table *table, const ls_value *value, int64_t at,
                   unsigned char *record)
{
    size_t lead = (table->atom_count + 7) / 8 * 8;
    memset(record, 0, table->record_size);
    for (size_t first = 0; first < table->atom_count; first += 8) {
        answer_atoms(table, first, value, at, record + first);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        answer_choice(table->choices[i], table->property->type, value, at,
                      record + lead + i * sizeof(ls_outcome));
    }
}

/* A record is a few words: a call for hashing or comparing it would cost more than the work. */
LS_INLINE uint64_t word_at(const unsigned char *record, size_t i)
{
    uint64_t word;
    memcpy(&word, record + i, sizeof word);
    return word;
}

static size_t hash_record(const unsigned char *record, size_t size)
{
    __extension__ typedef unsigned __int128 product_of_words;
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < size; i += sizeof hash) {
        product_of_words product =
            (product_of_words)(hash ^ word_at(record, i)) * UINT64_C(0xd6e8feb86659fd93);
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return (size_t)hash;
}

static bool same_record(const unsigned char *one, const unsigned char *other, size_t size)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < size; i += sizeof differ) {
        differ |= word_at(one, i) ^ word_at(other, i);
    }
    return differ == 0;
}

static size_t find_slot(const ls_property_table *table, const unsigned char *record)
{
    size_t mask = table->slot_count - 1;
    size_t slot = hash_record(record, table->record_size) & mask;
    while (table->slots[slot] && !same_record(ls_table_record(table, table->slots[slot] - 1),
                                              record, table->record_size)) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow_slots(ls_context *context, ls_property_table *table)
{
    size_t count = table->slot_count ? table->slot_count * 2 : 64;
    uint32_t *old = table->slots, *slots = ls_allocate_zero(context, count, sizeof *slots);
    if (slots == NULL) {
        return LS_ERROR_MEMORY;
    }
    ls_free(context, old, table->slot_count * sizeof *old);
    table->slots = slots;
    table->slot_count = count;
    for (uint32_t i = 0; i < table->class_count; i++) {
        slots[find_slot(table, ls_table_record(table, i))] = i + 1;
    }
    return LS_OK;
}

/* The class of the record that was written behind the last class. */
static int class_of_record(ls_context *context, ls_property_table *table, uint32_t *out)
{
    if (table->class_count * 2 >= table->slot_count && grow_slots(context, table) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    size_t slot = find_slot(table, table->records + table->class_count * table->record_size);
    if (table->slots[slot] == 0) {
        table->slots[slot] = (uint32_t)++table->class_count;
    }
    *out = table->slots[slot] - 1;
    return LS_OK;
}

/* The code that stands for all texts that fold to this one. A text that folds to itself stands for
 * them, unless another came before it, when there was no such text yet: `late` says that some did.
 */
static uint32_t folded_code(ls_property_table *table, ls_string text, ls_string folded,
                            uint32_t code, bool late)
{
    bool itself = text.text == folded.text || ls_string_equal(text, folded.text, folded.length);
    uint32_t found = LS_NO_CODE;
    if (itself ? late : table->folded.count > 1) {
        found = ls_dictionary_find(&table->folded, folded.text, folded.length);
        if (found != LS_NO_CODE) {
            return UINT32_MAX - found;
        }
    }
    if (itself) {
        return code;
    }
    found = ls_dictionary_find(&table->column->dictionary, folded.text, folded.length);
    if (found != LS_NO_CODE) {
        return found;
    }
    found = ls_dictionary_add(&table->folded, folded.text, folded.length);
    return found == LS_NO_CODE ? LS_NO_CODE : UINT32_MAX - found;
}

static int add_folded(ls_binding *binding, ls_property_table *table, ls_value_reader *reader,
                      ls_string text, uint32_t code, bool late)
{
    ls_value value;
    if (code < table->folded_count) {
        return LS_OK; /* it was bound at another instant */
    }
    if (ls_grow(binding->context, &table->folded_codes, &table->folded_capacity, (size_t)code + 1,
                sizeof *table->folded_codes) != LS_OK ||
        ls_value_read(reader, LS_TEXT, text.text, text.length, &value) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    uint32_t folded = code == 0 ? 0 : folded_code(table, text, value.text, code, late);
    if (folded == LS_NO_CODE) {
        return LS_ERROR_MEMORY;
    }
    table->folded_codes[code] = folded;
    table->alike = table->alike || folded != code;
    table->folded_count = (size_t)code + 1;
    return LS_OK;
}

static int add_number(ls_binding *binding, ls_property_table *table, const ls_value *value,
                      uint32_t code)
{
    if (ls_grow(binding->context, &table->numbers, &table->number_capacity, (size_t)code + 1,
                sizeof *table->numbers) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    ls_number *number = &table->numbers[code];
    memset(number, 0, sizeof *number);
    number->known = value->known;
    number->value = value->number;
    number->too_large = value->known && !ls_decimal_exact(value->number, &number->exact);
    return LS_OK;
}

static int bind_code(ls_binding *binding, ls_property_table *table, ls_value_reader *reader,
                     uint32_t code, bool late, ls_error *error)
{
    ls_value value;
    ls_string text = {"", 0};
    ls_type type = table->property->type;
    if (code > 0) {
        text = ls_dictionary_text(&table->column->dictionary, code);
    }
    if (table->folds && add_folded(binding, table, reader, text, code, late) != LS_OK) {
        return ls_fail_memory(error);
    }
    size_t needed = (table->class_count + 1) * table->record_size;
    if ((needed > table->class_capacity &&
         ls_grow(binding->context, &table->records, &table->class_capacity, needed, 1) != LS_OK) ||
        ls_value_read(reader, type, text.text, text.length, &value) != LS_OK) {
        return ls_fail_memory(error);
    }
    if (value.unreadable && !binding->dataset->lenient) {
        return ls_dataset_bad_cell(binding->dataset, table->column, code, type, error);
    }
    if (table->numeric && add_number(binding, table, &value, code) != LS_OK) {
        return ls_fail_memory(error);
    }
    answer(table, &value, binding->at, table->records + table->class_count * table->record_size);
    return class_of_record(binding->context, table, &table->classes[code]) == LS_OK
               ? LS_OK
               : ls_fail_memory(error);
}

int ls_binding_classify(ls_binding *binding, ls_property_table *table, ls_string text,
                        uint32_t *out)
{
    ls_value_reader reader;
    ls_value value;
    size_t needed = (table->class_count + 1) * table->record_size;
    *out = LS_NO_CLASS;
    if (ls_grow(binding->context, &table->records, &table->class_capacity, needed, 1) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    ls_value_reader_init(&reader, binding->context);
    int status = ls_value_read(&reader, table->property->type, text.text, text.length, &value);
    if (status == LS_OK && table->slot_count > 0) {
        unsigned char *record = table->records + table->class_count * table->record_size;
        answer(table, &value, binding->at, record);
        uint32_t slot = table->slots[find_slot(table, record)];
        *out = slot != 0 ? slot - 1 : LS_NO_CLASS;
    }
    ls_value_reader_free(&reader);
    return status;
}

static void add_boundaries(ls_boundaries *to, const int64_t *instants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = 0;
        while (place < to->count && place < LS_MOST_BOUNDARIES && to->at[place] < instants[i]) {
            place++;
        }
        if (to->count > LS_MOST_BOUNDARIES || (place < to->count && to->at[place] == instants[i])) {
            continue;
        }
        if (to->count++ < LS_MOST_BOUNDARIES) {
            memmove(to->at + place + 1, to->at + place, (to->count - 1 - place) * sizeof *to->at);
            to->at[place] = instants[i];
        }
    }
}

static void add_condition_boundaries(ls_boundaries *to, const ls_condition *condition, int64_t at)
{
    for (size_t i = 0; i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        const int64_t span = ls_min(test->span, LS_TIME_MAX - LS_TIME_MIN); /* no age is larger */
        const int64_t instants[] = {test->from, test->until, at + 1, at - span + 1, at + span + 1};
        add_boundaries(to, instants, sizeof instants / sizeof *instants);
    }
}

/* False: there are too many. */
static bool find_boundaries(const ls_property_table *table, int64_t at, ls_boundaries *out)
{
    out->count = 0;
    for (size_t i = 0; i < table->atom_count; i++) {
        add_condition_boundaries(out, table->atoms[i]->condition, at);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; k < choice->count; k++) {
            const int64_t instants[] = {choice->entries[k].from, choice->entries[k].until};
            if (choice->kind == LS_CHOICE_BANDS) {
                add_condition_boundaries(out, choice->entries[k].condition, at);
            } else {
                add_boundaries(out, instants, sizeof instants / sizeof *instants);
            }
        }
    }
    for (size_t i = 0; i <= LS_MOST_BOUNDARIES; i++) {
        out->classes[i] = LS_NO_CLASS;
    }
    return out->count <= LS_MOST_BOUNDARIES;
}

LS_INLINE size_t place_between(const ls_boundaries *between, int64_t moment)
{
    size_t place = 0;
    for (size_t i = 0; i < between->count; i++) {
        place += moment >= between->at[i];
    }
    return place;
}

static void note_class(const ls_property_table *table, ls_boundaries *between, uint32_t code)
{
    const ls_column *column = table->column;
    if (code < column->moment_count && column->moments[code] != LS_NO_MOMENT) {
        between->classes[place_between(between, column->moments[code])] = table->classes[code];
    }
}

/* Codes from table->code_count on whose instants were kept, as long as they answer like one that
 * was asked before; the next one is to be bound by itself. */
static void bind_moments(ls_property_table *table, const ls_boundaries *between, size_t count)
{
    const ls_column *column = table->column;
    const int64_t *moments = column->moments;
    size_t code = table->code_count;
    for (; code < count && code < column->moment_count; code++) {
        size_t place = place_between(between, moments[code]);
        if (moments[code] == LS_NO_MOMENT || between->classes[place] == LS_NO_CLASS) {
            break;
        }
        table->classes[code] = between->classes[place];
    }
    table->code_count = code;
}

/* Whether nothing is asked but whether a value is known: all known ones answer alike. */
static bool asks_known_only(const ls_property_table *table)
{
    for (size_t i = 0; i < table->atom_count; i++) {
        if (table->atoms[i]->condition->count > 0) {
            return false;
        }
    }
    bool texts = table->property->type == LS_TEXT;
    return texts && table->choice_count == 0 && !table->numeric;
}

static bool has_moments(const ls_property_table *table)
{
    return table->property->type == LS_DATETIME && table->column && table->column->moments &&
           !table->folds && !table->numeric;
}

/* All further texts answer as the one before. */
static int bind_known(ls_binding *binding, ls_property_table *table, ls_value_reader *reader,
                      size_t count, bool late, ls_error *error)
{
    for (; table->code_count < count; table->code_count++) {
        uint32_t code = (uint32_t)table->code_count;
        ls_string text = ls_dictionary_text(&table->column->dictionary, code);
        if (table->folds && add_folded(binding, table, reader, text, code, late) != LS_OK) {
            return ls_fail_memory(error);
        }
        table->classes[code] = table->classes[code - 1];
    }
    return LS_OK;
}

/* Nothing but the unknown value is asked before a record wants it. */
static int bind_by_row(ls_binding *binding, ls_property_table *table, ls_value_reader *reader,
                       ls_error *error)
{
    size_t before = table->asked_capacity;
    if (ls_grow(binding->context, &table->asked, &table->asked_capacity, table->code_capacity,
                sizeof *table->asked) != LS_OK) {
        return ls_fail_memory(error);
    }
    memset(table->asked + before, 0, (table->asked_capacity - before) * sizeof *table->asked);
    if (table->class_count > 0 && table->by_row) {
        return LS_OK;
    }
    table->by_row = true;
    if (++table->turn == 0) {
        memset(table->asked, 0, table->asked_capacity * sizeof *table->asked);
        table->turn = 1;
    }
    table->quick = has_moments(table) && find_boundaries(table, binding->at, &table->between);
    return bind_code(binding, table, reader, 0, false, error);
}

static bool is_by_row(const ls_binding *binding, const ls_property_table *table)
{
    return binding->by_row && table->moves && table->property->owner != LS_EVENT && table->column &&
           !table->folds && !table->numeric;
}

static int ask_code(ls_binding *binding, ls_property_table *table, uint32_t code, ls_error *error)
{
    const ls_column *column = table->column;
    int64_t moment = code < column->moment_count ? column->moments[code] : LS_NO_MOMENT;
    if (table->quick && moment != LS_NO_MOMENT) {
        table->classes[code] = table->between.classes[place_between(&table->between, moment)];
    }
    int status = LS_OK;
    if (!table->quick || moment == LS_NO_MOMENT || table->classes[code] == LS_NO_CLASS) {
        ls_value_reader reader;
        ls_value_reader_init(&reader, binding->context);
        status = bind_code(binding, table, &reader, code, false, error);
        ls_value_reader_free(&reader);
        if (status == LS_OK && table->quick) {
            note_class(table, &table->between, code);
        }
    }
    return status;
}

static int bind_table(ls_binding *binding, ls_property_table *table, ls_value_reader *reader,
                      ls_error *error)
{
    size_t count = table->column ? table->column->dictionary.count : 1;
    if (ls_grow(binding->context, &table->classes, &table->code_capacity, count,
                sizeof *table->classes) != LS_OK) {
        return ls_fail_memory(error);
    }
    if (is_by_row(binding, table)) {
        return bind_by_row(binding, table, reader, error);
    }
    table->by_row = false;
    int status = LS_OK;
    ls_boundaries between;
    const bool late = table->folds && table->folded.count > 1;
    bool quick = table->code_count < count && has_moments(table) &&
                 find_boundaries(table, binding->at, &between);
    const bool alike = asks_known_only(table);
    while (table->code_count < count && status == LS_OK) {
        uint32_t code = (uint32_t)table->code_count;
        status = bind_code(binding, table, reader, code, late, error);
        table->code_count += status == LS_OK;
        if (status == LS_OK && quick) {
            note_class(table, &between, code);
            bind_moments(table, &between, count);
        } else if (status == LS_OK && alike && code > 0) {
            status = bind_known(binding, table, reader, count, late, error);
        }
    }
    return status;
}

static void forget_table(ls_property_table *table)
{
    table->code_count = table->class_count = 0;
    if (table->slots) {
        memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    }
}

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
    ls_outcome outcome = ls_table_outcome(table, class, binding->choice_place[rule_number]);
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
    if (occurrences->once == LS_ONCE_PROPERTY) {
        binding->tables[occurrences->once_property].folds = true;
    }
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

static int build(ls_binding *binding)
{
    const ls_definition *definition = binding->definition;
    ls_context *context = binding->context;
    const visitor counting = {binding, count_leaf, count_choice};
    const visitor placing = {binding, place_leaf, place_choice};
    binding->spec_count = definition->occurrences_count;
    binding->tables =
        ls_allocate_zero(context, definition->property_count + 1, sizeof *binding->tables);
    binding->atom_place =
        ls_allocate_zero(context, definition->atom_count + 1, sizeof *binding->atom_place);
    binding->choice_place =
        ls_allocate_zero(context, definition->rule_count + 1, sizeof *binding->choice_place);
    binding->specs = ls_allocate_zero(context, binding->spec_count + 1, sizeof *binding->specs);
    binding->lists =
        ls_allocate_zero(context, binding->plan->list_count + 1, sizeof *binding->lists);
    if (binding->tables == NULL || binding->atom_place == NULL || binding->choice_place == NULL ||
        binding->specs == NULL || binding->lists == NULL || place_targets(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    visit_definition(&counting);
    if (allocate_questions(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    visit_definition(&placing);
    for (size_t i = 0; i < definition->property_count; i++) {
        binding->events_move =
            binding->events_move ||
            (definition->properties[i].owner == LS_EVENT && binding->tables[i].moves);
    }
    collect_specs(binding);
    bound_sums(binding);
    return prepare_decays(binding) == LS_OK ? collect_fits(binding) : LS_ERROR_MEMORY;
}

int ls_binding_init(ls_binding *binding, const ls_plan *plan, size_t definition,
                    const ls_dataset *dataset, ls_error *error)
{
    memset(binding, 0, sizeof *binding);
    binding->context = plan->context;
    binding->plan = plan;
    binding->definition = &plan->definitions[definition];
    binding->dataset = dataset;
    int status = build(binding);
    for (size_t i = 0; status == LS_OK && i < binding->definition->property_count; i++) {
        if (binding->tables[i].folds) {
            status = ls_dictionary_init(&binding->tables[i].folded, binding->context, 0);
        }
    }
    if (status != LS_OK) {
        ls_binding_free(binding);
        return ls_fail_memory(error);
    }
    return LS_OK;
}

static void free_table(ls_context *context, ls_property_table *table)
{
    ls_free(context, table->atoms, (table->atom_count + 1) * sizeof *table->atoms);
    ls_free(context, table->choices, (table->choice_count + 1) * sizeof *table->choices);
    ls_free(context, table->records, table->class_capacity);
    ls_free(context, table->classes, table->code_capacity * sizeof *table->classes);
    ls_free(context, table->slots, table->slot_count * sizeof *table->slots);
    ls_free(context, table->asked, table->asked_capacity * sizeof *table->asked);
    ls_free(context, table->numbers, table->number_capacity * sizeof *table->numbers);
    ls_free(context, table->folded_codes, table->folded_capacity * sizeof *table->folded_codes);
    if (table->folded.context) {
        ls_dictionary_free(&table->folded);
    }
}

void ls_binding_free(ls_binding *binding)
{
    ls_context *context = binding->context;
    const ls_definition *definition = binding->definition;
    for (size_t i = 0; binding->tables && i < definition->property_count; i++) {
        free_table(context, &binding->tables[i]);
    }
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
    ls_free(context, binding->atom_place,
            (definition->atom_count + 1) * sizeof *binding->atom_place);
    ls_free(context, binding->choice_place,
            (definition->rule_count + 1) * sizeof *binding->choice_place);
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

static void forget_property(ls_binding *binding, size_t property)
{
    forget_table(&binding->tables[property]);
    for (size_t i = 0; i < binding->fit_count; i++) {
        if (binding->fits[i].property == property) {
            binding->fits[i].class_count = binding->fits[i].addition_count = 0;
        }
    }
}

/* Answers that depend on the instant are asked again. */
static void forget_moved(ls_binding *binding)
{
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        if (binding->tables[i].moves) {
            forget_property(binding, i);
        }
    }
}

bool ls_binding_moves(const ls_binding *binding, const ls_column *column)
{
    bool moves = false;
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        moves = moves || (binding->tables[i].column == column && binding->tables[i].moves);
    }
    return moves;
}

void ls_binding_forget(ls_binding *binding, const ls_column *column)
{
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        ls_property_table *table = &binding->tables[i];
        if (table->column != column) {
            continue;
        }
        forget_property(binding, i);
        if (table->folds) {
            ls_dictionary_clear(&table->folded);
            table->folded_count = 0;
            table->alike = false;
        }
    }
}

/* Whether the row's values of what is by row were all asked. */
static bool is_asked(const ls_binding *binding, size_t row)
{
    bool asked = true;
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        const ls_property_table *table = &binding->tables[i];
        asked = asked &&
                (!table->by_row || table->asked[ls_column_code(table->column, row)] == table->turn);
    }
    return asked;
}

int ls_binding_row(ls_binding *binding, size_t row, ls_error *error)
{
    int status = LS_OK;
    if (is_asked(binding, row)) {
        return LS_OK;
    }
    for (size_t i = 0; i < binding->definition->property_count && status == LS_OK; i++) {
        ls_property_table *table = &binding->tables[i];
        if (table->by_row) {
            status = ask_code(binding, table, ls_column_code(table->column, row), error);
        }
    }
    if (status == LS_OK && bind_fits(binding) != LS_OK) {
        status = ls_fail_memory(error);
    }
    for (size_t i = 0; i < binding->definition->property_count && status == LS_OK; i++) {
        ls_property_table *table = &binding->tables[i];
        if (table->by_row) {
            table->asked[ls_column_code(table->column, row)] = table->turn;
        }
    }
    return status;
}

static size_t event_state(const ls_binding *binding)
{
    size_t state = binding->dataset->events.event.dictionary.count;
    for (size_t i = 0; i < binding->definition->property_count; i++) {
        if (binding->definition->properties[i].owner == LS_EVENT) {
            state += binding->tables[i].class_count;
        }
    }
    return state;
}

static int update_tables(ls_binding *binding, ls_error *error)
{
    ls_value_reader reader;
    int status = LS_OK;
    ls_value_reader_init(&reader, binding->context);
    for (size_t i = 0; i < binding->definition->property_count && status == LS_OK; i++) {
        ls_property_table *table = &binding->tables[i];
        table->column =
            ls_dataset_property(binding->dataset, table->property->owner, table->property->name);
        status = bind_table(binding, table, &reader, error);
    }
    ls_value_reader_free(&reader);
    return status;
}

int ls_binding_update(ls_binding *binding, int64_t at, ls_error *error)
{
    bool bound = binding->bound; /* else nothing is made yet, or it was left half made */
    bool moved = binding->definition->moves && (!bound || at != binding->at);
    size_t before = bound ? event_state(binding) : SIZE_MAX;
    size_t event_codes = binding->event_code_count;
    binding->at = at;
    binding->bound = false;
    if (moved) {
        forget_moved(binding);
    }
    for (size_t i = 0; i < binding->plan->list_count; i++) {
        binding->lists[i] = ls_dataset_list(binding->dataset, binding->plan->lists[i]);
    }
    int status = update_tables(binding, error);
    if (status != LS_OK) {
        return status;
    }
    if (bind_fits(binding) != LS_OK) {
        return ls_fail_memory(error);
    }
    bool stale = (moved && binding->events_move) || before != event_state(binding) ||
                 event_codes != binding->dataset->events.event.dictionary.count;
    status = LS_OK;
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
