/* The tables of a plan's questions: which properties are asked, where each question's answer
 * stands, and the classes of texts. Short ways for many texts at once are in ls_answers_texts.c and
 * ls_answers_values.c, asking for one record at a time in ls_answers_row.c. */
#include "ls_answers.h"

/* ---- what the definitions ask of each property ----------------------------------------------- */

/* Walks every filter of the enabled rules; leaf is called for leaves on properties. */
typedef struct visitor {
    ls_answers *answers;
    const ls_definition *definition;
    ls_questions *questions;
    void (*leaf)(const struct visitor *visitor, const ls_filter *leaf);
    void (*choice)(const struct visitor *visitor, const ls_choice *choice, uint32_t *place);
} visitor;

static ls_property_table *asked_table(const visitor *visitor, uint32_t property)
{
    return &visitor->answers->tables[visitor->questions->tables[property]];
}

static void visit_filter(const visitor *visitor, const ls_filter *filter);

static void visit_occurrences(const visitor *visitor, const ls_occurrences *occurrences)
{
    if (occurrences->where) {
        visit_filter(visitor, occurrences->where);
    }
    if (occurrences->choice.kind != LS_CHOICE_NONE) {
        visitor->choice(visitor, &occurrences->choice,
                        &visitor->questions->spec_choice[occurrences->index]);
    }
    if (occurrences->once == LS_ONCE_PROPERTY) {
        asked_table(visitor, occurrences->once_property)->folds = true;
    }
}

static void visit_filter(const visitor *visitor, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        visitor->leaf(visitor, filter);
    } else if (filter->kind == LS_FILTER_DID) {
        visit_occurrences(visitor, filter->did);
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
    const ls_definition *definition = visitor->definition;
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
            visit_occurrences(visitor, rule->occurrences);
        } else if (rule->kind == LS_RULE_PROPERTY) {
            visitor->choice(visitor, &rule->choice, &visitor->questions->rule_choice[i]);
        } else if (rule->rollup->of_property) {
            asked_table(visitor, rule->rollup->property)->numeric = true;
        }
        if (rule->over && rule->over->where) {
            visit_filter(visitor, rule->over->where);
        }
    }
}

static void visit_all(ls_answers *answers, visitor visitor)
{
    visitor.answers = answers;
    for (size_t i = 0; i < answers->plan->count; i++) {
        visitor.definition = &answers->plan->definitions[i];
        visitor.questions = &answers->questions[i];
        visit_definition(&visitor);
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

static void count_leaf(const visitor *visitor, const ls_filter *leaf)
{
    ls_property_table *table = asked_table(visitor, leaf->property);
    visitor->questions->atom_place[leaf->atom] = (uint32_t)table->atom_count++;
    table->moves = table->moves || leaf->condition->moves;
}

static void count_choice(const visitor *visitor, const ls_choice *choice, uint32_t *place)
{
    ls_property_table *table = asked_table(visitor, choice->property);
    *place = (uint32_t)table->choice_count++;
    table->moves = table->moves || choice_moves(choice);
}

static void place_leaf(const visitor *visitor, const ls_filter *leaf)
{
    asked_table(visitor, leaf->property)->atoms[visitor->questions->atom_place[leaf->atom]] = leaf;
}

static void place_choice(const visitor *visitor, const ls_choice *choice, uint32_t *place)
{
    asked_table(visitor, choice->property)->choices[*place] = choice;
}

/* ---- property tables ------------------------------------------------------------------------- */

static int allocate_questions(ls_answers *answers)
{
    for (size_t i = 0; i < answers->table_count; i++) {
        ls_property_table *table = &answers->tables[i];
        table->atoms =
            ls_allocate_zero(answers->context, table->atom_count + 1, sizeof *table->atoms);
        table->choices =
            ls_allocate_zero(answers->context, table->choice_count + 1, sizeof *table->choices);
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

/* The table of a property: definitions that ask the same one share it. */
static int table_of(ls_answers *answers, const ls_property *property, uint32_t *out)
{
    uint32_t i = 0;
    for (; i < answers->table_count; i++) {
        const ls_property *other = answers->tables[i].property;
        if (other->owner == property->owner && other->type == property->type &&
            ls_string_equal(other->name, property->name.text, property->name.length)) {
            break;
        }
    }
    *out = i;
    if (i < answers->table_count) {
        return LS_OK;
    }
    if (ls_grow(answers->context, &answers->tables, &answers->table_capacity, (size_t)i + 1,
                sizeof *answers->tables) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    memset(&answers->tables[i], 0, sizeof *answers->tables);
    answers->tables[i].property = property;
    answers->table_count++;
    return LS_OK;
}

static int find_tables(ls_answers *answers, const ls_definition *definition,
                       ls_questions *questions)
{
    ls_context *context = answers->context;
    int status = LS_OK;
    questions->tables = ls_allocate_zero(context, definition->property_count + 1, sizeof(uint32_t));
    questions->atom_place = ls_allocate_zero(context, definition->atom_count + 1, sizeof(uint32_t));
    questions->rule_choice =
        ls_allocate_zero(context, definition->rule_count + 1, sizeof(uint32_t));
    questions->spec_choice =
        ls_allocate_zero(context, definition->occurrences_count + 1, sizeof(uint32_t));
    if (questions->tables == NULL || questions->atom_place == NULL ||
        questions->rule_choice == NULL || questions->spec_choice == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < definition->property_count && status == LS_OK; i++) {
        status = table_of(answers, &definition->properties[i], &questions->tables[i]);
    }
    return status;
}

static int find_questions(ls_answers *answers)
{
    int status = LS_OK;
    answers->questions =
        ls_allocate_zero(answers->context, answers->plan->count + 1, sizeof *answers->questions);
    if (answers->questions == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < answers->plan->count && status == LS_OK; i++) {
        status = find_tables(answers, &answers->plan->definitions[i], &answers->questions[i]);
    }
    if (status != LS_OK) {
        return status;
    }
    visit_all(answers, (visitor){.leaf = count_leaf, .choice = count_choice});
    if (allocate_questions(answers) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    visit_all(answers, (visitor){.leaf = place_leaf, .choice = place_choice});
    for (size_t i = 0; i < answers->table_count && status == LS_OK; i++) {
        if (answers->tables[i].folds) {
            status = ls_dictionary_init(&answers->tables[i].folded, answers->context, 0);
        }
    }
    return status;
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

/* As long as no text folds to another one, all codes stand for themselves. */
static int set_folded(const ls_answers *answers, ls_property_table *table, uint32_t code,
                      uint32_t folded)
{
    if (folded == code && !table->alike) {
        return LS_OK;
    }
    if (ls_grow(answers->context, &table->folded_codes, &table->folded_capacity, (size_t)code + 1,
                sizeof *table->folded_codes) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    for (uint32_t i = 0; !table->alike && i < code; i++) {
        table->folded_codes[i] = i;
    }
    table->alike = true;
    table->folded_codes[code] = folded;
    return LS_OK;
}

int ls_answers_fold_itself(const ls_answering *answering, uint32_t code)
{
    if (answering->late) {
        return ls_answers_fold(answering, code);
    }
    answering->table->folded_count = (size_t)code + 1;
    return set_folded(answering->answers, answering->table, code, code);
}

/* Codes are folded in their order. */
int ls_answers_fold(const ls_answering *answering, uint32_t code)
{
    ls_property_table *table = answering->table;
    ls_value value;
    if (code < table->folded_count) {
        return LS_OK; /* it was bound at another instant */
    }
    uint32_t folded = 0;
    if (code > 0) {
        ls_string text = ls_dictionary_text(&table->column->dictionary, code);
        if (ls_value_read(answering->reader, LS_TEXT, text.text, text.length, &value) != LS_OK) {
            return LS_ERROR_MEMORY;
        }
        folded = folded_code(table, text, value.text, code, answering->late);
    }
    if (folded == LS_NO_CODE || set_folded(answering->answers, table, code, folded) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    table->folded_count = (size_t)code + 1;
    return LS_OK;
}

int ls_answers_fold_new(const ls_answering *answering, uint32_t code)
{
    ls_property_table *table = answering->table;
    ls_string text = ls_dictionary_text(&table->column->dictionary, code);
    ls_value value;
    if (ls_value_read(answering->reader, LS_TEXT, text.text, text.length, &value) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    uint32_t found = ls_dictionary_add(&table->folded, value.text.text, value.text.length);
    if (found == LS_NO_CODE) {
        return LS_ERROR_MEMORY;
    }
    table->folded_codes[code] = UINT32_MAX - found;
    return LS_OK;
}

static int add_number(const ls_answers *answers, ls_property_table *table, const ls_value *value,
                      uint32_t code)
{
    if (ls_grow(answers->context, &table->numbers, &table->number_capacity, (size_t)code + 1,
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

int ls_answers_one(const ls_answering *answering, uint32_t code)
{
    const ls_answers *answers = answering->answers;
    ls_property_table *table = answering->table;
    ls_value value;
    ls_string text = {"", 0};
    ls_type type = table->property->type;
    if (code > 0) {
        text = ls_dictionary_text(&table->column->dictionary, code);
    }
    if (table->folds && ls_answers_fold(answering, code) != LS_OK) {
        return ls_fail_memory(answering->error);
    }
    size_t needed = (table->class_count + 1) * table->record_size;
    if ((needed > table->class_capacity &&
         ls_grow(answers->context, &table->records, &table->class_capacity, needed, 1) != LS_OK) ||
        ls_value_read(answering->reader, type, text.text, text.length, &value) != LS_OK) {
        return ls_fail_memory(answering->error);
    }
    if (value.unreadable && !answers->dataset->lenient) {
        return ls_dataset_bad_cell(answers->dataset, table->column, code, type, answering->error);
    }
    if (table->numeric && add_number(answers, table, &value, code) != LS_OK) {
        return ls_fail_memory(answering->error);
    }
    answer(table, &value, answers->at, table->records + table->class_count * table->record_size);
    return class_of_record(answers->context, table, &table->classes[code]) == LS_OK
               ? LS_OK
               : ls_fail_memory(answering->error);
}

int ls_answers_code(const ls_answering *answering)
{
    int status = ls_answers_one(answering, (uint32_t)answering->table->code_count);
    answering->table->code_count += status == LS_OK;
    return status;
}

int ls_answers_classify(const ls_answers *answers, const ls_property_table *table, ls_string text,
                        uint32_t *out)
{
    ls_value_reader reader;
    ls_value value;
    unsigned char *record = ls_allocate(answers->context, table->record_size);
    *out = LS_NO_CLASS;
    if (record == NULL) {
        return LS_ERROR_MEMORY;
    }
    ls_value_reader_init(&reader, answers->context);
    int status = ls_value_read(&reader, table->property->type, text.text, text.length, &value);
    if (status == LS_OK && table->slot_count > 0) {
        answer(table, &value, answers->at, record);
        uint32_t slot = table->slots[find_slot(table, record)];
        *out = slot != 0 ? slot - 1 : LS_NO_CLASS;
    }
    ls_value_reader_free(&reader);
    ls_free(answers->context, record, table->record_size);
    return status;
}

static int answer_table(ls_answers *answers, ls_property_table *table, ls_value_reader *reader,
                        ls_error *error)
{
    const ls_answering answering = {answers,
                                    table,
                                    reader,
                                    table->column ? table->column->dictionary.count : 1,
                                    table->folds && table->folded.count > 1,
                                    error};
    int status = LS_OK;
    if (ls_grow(answers->context, &table->classes, &table->code_capacity, answering.count,
                sizeof *table->classes) != LS_OK) {
        return ls_fail_memory(error);
    }
    if (ls_answers_are_by_row(answers, table)) {
        return ls_answers_by_row(&answering);
    }
    if (table->code_count == 0) {
        status = ls_answers_code(&answering); /* the empty text */
    }
    if (status != LS_OK || ls_answers_texts(&answering, &status) ||
        ls_answers_numbers(&answering, &status) || ls_answers_moments(&answering, &status)) {
        return status;
    }
    while (table->code_count < answering.count && status == LS_OK) {
        status = ls_answers_code(&answering);
    }
    return status;
}

static void forget_table(ls_property_table *table)
{
    table->code_count = table->class_count = 0;
    table->generation++;
    if (table->slots) {
        memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

int ls_answers_init(ls_answers *answers, const ls_plan *plan, const ls_dataset *dataset,
                    ls_error *error)
{
    *answers = (ls_answers){.context = plan->context, .plan = plan, .dataset = dataset};
    if (find_questions(answers) != LS_OK) {
        ls_answers_free(answers);
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
    ls_free(context, table->few, table->few_count);
    ls_asking_free(context, table->asking);
    ls_free(context, table->slots, table->slot_count * sizeof *table->slots);
    ls_free(context, table->numbers, table->number_capacity * sizeof *table->numbers);
    ls_free(context, table->folded_codes, table->folded_capacity * sizeof *table->folded_codes);
    if (table->folded.context) {
        ls_dictionary_free(&table->folded);
    }
}

void ls_answers_free(ls_answers *answers)
{
    ls_context *context = answers->context;
    for (size_t i = 0; answers->questions && i < answers->plan->count; i++) {
        const ls_definition *definition = &answers->plan->definitions[i];
        ls_questions *of = &answers->questions[i];
        ls_free(context, of->tables, (definition->property_count + 1) * sizeof(uint32_t));
        ls_free(context, of->atom_place, (definition->atom_count + 1) * sizeof(uint32_t));
        ls_free(context, of->rule_choice, (definition->rule_count + 1) * sizeof(uint32_t));
        ls_free(context, of->spec_choice, (definition->occurrences_count + 1) * sizeof(uint32_t));
    }
    for (size_t i = 0; i < answers->table_count; i++) {
        free_table(context, &answers->tables[i]);
    }
    if (context) {
        ls_free(context, answers->questions,
                (answers->plan->count + 1) * sizeof *answers->questions);
        ls_free(context, answers->tables, answers->table_capacity * sizeof *answers->tables);
    }
    memset(answers, 0, sizeof *answers);
}

bool ls_answers_move(const ls_answers *answers, const ls_column *column)
{
    bool moves = false;
    for (size_t i = 0; i < answers->table_count; i++) {
        moves = moves || (answers->tables[i].column == column && answers->tables[i].moves);
    }
    return moves;
}

void ls_answers_forget(ls_answers *answers, const ls_column *column)
{
    for (size_t i = 0; i < answers->table_count; i++) {
        ls_property_table *table = &answers->tables[i];
        if (table->column != column) {
            continue;
        }
        forget_table(table);
        if (table->folds) {
            ls_dictionary_clear(&table->folded);
            table->folded_count = 0;
            table->alike = false;
        }
    }
}

int ls_answers_update(ls_answers *answers, int64_t at, ls_error *error)
{
    const bool moved = answers->bound && at != answers->at;
    ls_value_reader reader;
    int status = LS_OK;
    answers->at = at;
    answers->bound = true;
    ls_value_reader_init(&reader, answers->context);
    for (size_t i = 0; i < answers->table_count; i++) {
        ls_property_table *table = &answers->tables[i];
        if (moved && table->moves) {
            forget_table(table); /* answers that depend on the instant are asked again */
        }
    }
    for (size_t i = 0; i < answers->table_count && status == LS_OK; i++) {
        ls_property_table *table = &answers->tables[i];
        table->column =
            ls_dataset_property(answers->dataset, table->property->owner, table->property->name);
        status = answer_table(answers, table, &reader, error);
    }
    ls_value_reader_free(&reader);
    return status;
}

static bool is_uniform(const ls_property_table *table)
{
    size_t code = 1;
    while (code < table->code_count && table->classes[code] == table->classes[1]) {
        code++;
    }
    return code == table->code_count;
}

int ls_answers_narrow(ls_answers *answers, ls_error *error)
{
    for (size_t i = 0; i < answers->table_count; i++) {
        ls_property_table *table = &answers->tables[i];
        if (table->property->owner != LS_EVENT || table->few) {
            continue;
        }
        table->uniform = is_uniform(table);
        if (table->uniform || table->class_count > 256) {
            continue;
        }
        table->few = ls_allocate(answers->context, table->code_count);
        if (table->few == NULL) {
            return ls_fail_memory(error);
        }
        table->few_count = table->code_count;
        for (size_t code = 0; code < table->code_count; code++) {
            table->few[code] = (uint8_t)table->classes[code];
        }
    }
    return LS_OK;
}
