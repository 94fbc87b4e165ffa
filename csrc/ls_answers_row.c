/* What the instant moves, asked for one record at a time: where there are many records and few are
 * looked at, at another instant it would be too long to ask all texts again. */
#include "ls_answers.h"

#include "ls_text.h"

/* The texts that were asked are those of the turn; at every instant there is another one. */
struct ls_asking {
    uint32_t turn;
    uint32_t *turns; /* by code: the last one in which it was asked */
    size_t capacity;
    bool quick; /* instants answer by `between` */
    ls_bounds between;
};

bool ls_answers_are_by_row(const ls_answers *answers, const ls_property_table *table)
{
    return answers->by_row && table->moves && table->property->owner != LS_EVENT && table->column &&
           !table->folds && !table->numeric;
}

void ls_asking_free(ls_context *context, ls_asking *asking)
{
    if (asking) {
        ls_free(context, asking->turns, asking->capacity * sizeof *asking->turns);
        ls_free(context, asking, sizeof *asking);
    }
}

static int make_room(const ls_answers *answers, ls_property_table *table)
{
    if (table->asking == NULL) {
        table->asking = ls_allocate_zero(answers->context, 1, sizeof *table->asking);
    }
    ls_asking *asking = table->asking;
    size_t before = asking ? asking->capacity : 0;
    if (asking == NULL || ls_grow(answers->context, &asking->turns, &asking->capacity,
                                  table->code_capacity, sizeof *asking->turns) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    memset(asking->turns + before, 0, (asking->capacity - before) * sizeof *asking->turns);
    return LS_OK;
}

/* Nothing but the unknown value is asked before a record wants it. */
int ls_answers_by_row(const ls_answering *answering)
{
    const ls_answers *answers = answering->answers;
    ls_property_table *table = answering->table;
    if (make_room(answers, table) != LS_OK) {
        return ls_fail_memory(answering->error);
    }
    ls_asking *asking = table->asking;
    if (table->class_count > 0 && asking->turn > 0) {
        return LS_OK;
    }
    if (++asking->turn == 0) {
        memset(asking->turns, 0, asking->capacity * sizeof *asking->turns);
        asking->turn = 1;
    }
    asking->quick = table->property->type == LS_DATETIME && table->column->moments != NULL &&
                    ls_bounds_of_instants(table, answers->at, &asking->between);
    return ls_answers_one(answering, 0);
}

static int ask(const ls_answering *answering, uint32_t code)
{
    ls_property_table *table = answering->table;
    const ls_column *column = table->column;
    ls_asking *asking = table->asking;
    int64_t moment = code < column->moment_count ? column->moments[code] : LS_NO_MOMENT;
    uint32_t *class = NULL; /* of texts that answer alike */
    if (asking->quick && moment != LS_NO_MOMENT) {
        class = &asking->between.classes[ls_bounds_up_to(&asking->between, moment)];
    }
    if (class && *class != LS_NO_CLASS) {
        table->classes[code] = *class;
    } else {
        int status = ls_answers_one(answering, code);
        if (status != LS_OK) {
            return status;
        }
        if (class) {
            *class = table->classes[code];
        }
    }
    asking->turns[code] = asking->turn;
    return LS_OK;
}

static bool is_asked(const ls_property_table *table, size_t row)
{
    const ls_asking *asking = table->asking;
    return asking == NULL || asking->turns[ls_column_code(table->column, row)] == asking->turn;
}

bool ls_answers_know(const ls_answers *answers, size_t row)
{
    bool known = true;
    for (size_t i = 0; i < answers->table_count && known; i++) {
        known = is_asked(&answers->tables[i], row);
    }
    return known;
}

int ls_answers_row(ls_answers *answers, size_t row, ls_error *error)
{
    ls_value_reader reader;
    int status = LS_OK;
    ls_value_reader_init(&reader, answers->context);
    for (size_t i = 0; i < answers->table_count && status == LS_OK; i++) {
        ls_property_table *table = &answers->tables[i];
        if (!is_asked(table, row)) {
            const ls_answering answering = {answers, table, &reader, 0, false, error};
            status = ask(&answering, ls_column_code(table->column, row));
        }
    }
    ls_value_reader_free(&reader);
    return status;
}
