/* Short ways for numbers and instants: what is asked of them changes at a few bounds, and between
 * two of them all answer alike. */
#include "ls_answers.h"

#include "ls_text.h"
#include "ls_time.h"

static void begin_bounds(ls_bounds *to)
{
    to->count = 0;
    for (size_t i = 0; i <= 2 * LS_MOST_BOUNDS; i++) {
        to->classes[i] = LS_NO_CLASS;
    }
}

/* A single text could only be asked by itself. */
static bool is_worth_it(const ls_answering *answering)
{
    return answering->table->code_count + 1 < answering->count;
}

/* ---- instants -------------------------------------------------------------------------------- */

static void add_instants(ls_bounds *to, const int64_t *instants, size_t count)
{
    for (size_t i = 0; i < count && to->count <= LS_MOST_BOUNDS; i++) {
        int64_t *at = to->of.at;
        size_t place = 0;
        while (place < to->count && at[place] < instants[i]) {
            place++;
        }
        if (place < to->count && at[place] == instants[i]) {
            continue;
        }
        if (to->count++ < LS_MOST_BOUNDS) {
            memmove(at + place + 1, at + place, (to->count - 1 - place) * sizeof *at);
            at[place] = instants[i];
        }
    }
}

static void add_condition_instants(ls_bounds *to, const ls_condition *condition, int64_t at)
{
    for (size_t i = 0; i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        const int64_t span = ls_min(test->span, LS_TIME_MAX - LS_TIME_MIN); /* no age is larger */
        const int64_t instants[] = {test->from, test->until, at + 1, at - span + 1, at + span + 1};
        add_instants(to, instants, sizeof instants / sizeof *instants);
    }
}

bool ls_bounds_of_instants(const ls_property_table *table, int64_t at, ls_bounds *out)
{
    begin_bounds(out);
    for (size_t i = 0; i < table->atom_count; i++) {
        add_condition_instants(out, table->atoms[i]->condition, at);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; k < choice->count && out->count <= LS_MOST_BOUNDS; k++) {
            const int64_t instants[] = {choice->entries[k].from, choice->entries[k].until};
            if (choice->kind == LS_CHOICE_BANDS) {
                add_condition_instants(out, choice->entries[k].condition, at);
            } else {
                add_instants(out, instants, sizeof instants / sizeof *instants);
            }
        }
    }
    return out->count <= LS_MOST_BOUNDS;
}

bool ls_answers_moments(const ls_answering *answering, int *status)
{
    ls_property_table *table = answering->table;
    const ls_column *column = table->column;
    ls_bounds between;
    if (table->property->type != LS_DATETIME || column == NULL || column->moments == NULL ||
        table->folds || table->numeric || !is_worth_it(answering) ||
        !ls_bounds_of_instants(table, answering->answers->at, &between)) {
        return false;
    }
    while (table->code_count < answering->count && *status == LS_OK) {
        const size_t code = table->code_count;
        int64_t moment = code < column->moment_count ? column->moments[code] : LS_NO_MOMENT;
        size_t place = ls_bounds_up_to(&between, moment);
        if (moment != LS_NO_MOMENT && between.classes[place] != LS_NO_CLASS) {
            table->classes[table->code_count++] = between.classes[place];
            continue;
        }
        *status = ls_answers_code(answering);
        if (*status == LS_OK && moment != LS_NO_MOMENT) {
            between.classes[place] = table->classes[code];
        }
    }
    return true;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void add_number(ls_bounds *to, double number)
{
    double *numbers = to->of.numbers;
    size_t place = 0;
    while (place < to->count && place < LS_MOST_BOUNDS && numbers[place] < number) {
        place++;
    }
    if (to->count > LS_MOST_BOUNDS || (place < to->count && numbers[place] == number)) {
        return;
    }
    if (to->count++ < LS_MOST_BOUNDS) {
        memmove(numbers + place + 1, numbers + place, (to->count - 1 - place) * sizeof *numbers);
        numbers[place] = number;
    }
}

static void add_condition_numbers(ls_bounds *to, const ls_condition *condition)
{
    for (size_t i = 0; i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        for (size_t k = 0; k < test->count && to->count <= LS_MOST_BOUNDS; k++) {
            add_number(to, test->numbers[k]);
        }
    }
}

static bool find_numbers(const ls_property_table *table, ls_bounds *out)
{
    begin_bounds(out);
    for (size_t i = 0; i < table->atom_count; i++) {
        add_condition_numbers(out, table->atoms[i]->condition);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; k < choice->count && out->count <= LS_MOST_BOUNDS; k++) {
            if (choice->kind == LS_CHOICE_BANDS) {
                add_condition_numbers(out, choice->entries[k].condition);
            } else {
                add_number(out, choice->entries[k].number);
            }
        }
    }
    return out->count <= LS_MOST_BOUNDS;
}

LS_INLINE size_t place_of_number(const ls_bounds *between, double number)
{
    const double *from = between->of.numbers;
    size_t left = between->count;
    if (left == 0) {
        return 0;
    }
    while (left > 1) {
        size_t half = left / 2;
        from += from[half - 1] < number ? half : 0;
        left -= half;
    }
    size_t below = (size_t)(from - between->of.numbers) + (*from < number);
    return 2 * below + (below < between->count && between->of.numbers[below] == number);
}

bool ls_answers_numbers(const ls_answering *answering, int *status)
{
    ls_property_table *table = answering->table;
    ls_bounds between;
    if (table->property->type != LS_NUMBER || table->column == NULL || table->folds ||
        table->numeric || !is_worth_it(answering) || !find_numbers(table, &between)) {
        return false;
    }
    while (table->code_count < answering->count && *status == LS_OK) {
        const size_t code = table->code_count;
        ls_string text = ls_dictionary_text(&table->column->dictionary, (uint32_t)code);
        double number;
        if (!ls_number_read(text.text, text.length, &number)) {
            *status = ls_answers_code(answering); /* blanks around it, or no number */
            continue;
        }
        size_t place = place_of_number(&between, number);
        if (between.classes[place] != LS_NO_CLASS) {
            table->classes[table->code_count++] = between.classes[place];
            continue;
        }
        *status = ls_answers_code(answering);
        between.classes[place] = *status == LS_OK ? table->classes[code] : LS_NO_CLASS;
    }
    return true;
}
