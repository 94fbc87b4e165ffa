/* Rollups (section 7): what the scores or columns of associated records make together. What
 * ls_kernel_roll.c has not worked out for all records at once is gathered record by record. */
#include "ls_kernel.h"

#include <stdlib.h>

/* ---- values ---------------------------------------------------------------------------------- */

/* Units of a rollup's values: of scores millionths, of columns 10^-12. */
static int64_t value_unit(const ls_rollup *rollup)
{
    return rollup->of_property ? LS_MILLION : 1;
}

static bool score_value(const ls_record *record, const ls_rollup *rollup, size_t row,
                        ls_int128 *out)
{
    const ls_score_column *column = &record->columns[rollup->score];
    const int64_t *const parts[] = {column->value, column->fit, column->engagement};
    uint8_t flags = column->flags[row];
    ls_value value = {.known = parts[rollup->part] != NULL && (flags & LS_FLAG_IN_SCOPE) &&
                               !(flags & LS_FLAG_EMPTY)};
    if (!value.known) {
        return false;
    }
    *out = value.points = parts[rollup->part][row];
    return rollup->is == NULL ||
           ls_condition_test(rollup->is, &value, record->binding->at) == LS_TRUE;
}

static bool column_value(const ls_record *record, const ls_rollup *rollup, size_t row,
                         ls_int128 *out)
{
    const ls_property_table *table = &record->binding->tables[rollup->property];
    const ls_number *number =
        &table->numbers[table->column ? ls_column_code(table->column, row) : 0];
    ls_value value = {.known = number->known, .number = number->value};
    if (!number->known) {
        return false;
    }
    record->scratch->too_large = record->scratch->too_large || number->too_large;
    *out = number->exact;
    return rollup->is == NULL ||
           ls_condition_test(rollup->is, &value, record->binding->at) == LS_TRUE;
}

bool ls_kernel_value(const ls_record *record, const ls_rollup *rollup, size_t row, ls_int128 *out)
{
    *out = 0;
    if (rollup->of_score) {
        return score_value(record, rollup, row, out);
    }
    return rollup->of_property ? column_value(record, rollup, row, out) : true;
}

/* ---- a record's own -------------------------------------------------------------------------- */

static int compare_descending(const void *a, const void *b)
{
    ls_int128 x = *(const ls_int128 *)a, y = *(const ls_int128 *)b;
    return (x < y) - (x > y);
}

typedef struct total {
    ls_int128 sum, least, greatest;
    size_t count;
} total;

static void add_value(total *total, ls_int128 value)
{
    total->sum += value;
    total->least = total->count == 0 || value < total->least ? value : total->least;
    total->greatest = total->count == 0 || value > total->greatest ? value : total->greatest;
    total->count++;
}

/* All values, or with `top` the largest of them. */
static void add_values(const ls_record *record, const ls_rule *rule, total *total)
{
    const ls_rollup *rollup = rule->rollup;
    ls_int128 *values = record->scratch->values, value;
    size_t count = 0;
    ls_related related =
        ls_related_begin(record->binding->dataset, record->object, record->row, rule->over);
    for (size_t row; ls_related_next(&related, &row);) {
        if (ls_kernel_ask_other(record, rule->over, row) != LS_TRUE ||
            !ls_kernel_value(record, rollup, row, &value)) {
            continue;
        }
        if (rollup->top > 0) {
            values[count++] = value;
        } else {
            add_value(total, value);
        }
    }
    if (count > rollup->top) {
        qsort(values, count, sizeof *values, compare_descending);
        count = (size_t)rollup->top;
    }
    for (size_t i = 0; i < count; i++) {
        add_value(total, values[i]);
    }
}

static bool roll_up(const ls_rule *rule, const total *total, int64_t *out)
{
    const ls_rollup *rollup = rule->rollup;
    int64_t unit = value_unit(rollup), count = (int64_t)total->count;
    switch (rule->combine) {
    case LS_COUNT: return ls_scale_points((ls_int128)count * LS_MILLION, rollup->weight, 1, out);
    case LS_AVG: return ls_scale_points(total->sum, rollup->weight, count * unit, out);
    case LS_MAX: return ls_scale_points(total->greatest, rollup->weight, unit, out);
    case LS_MIN: return ls_scale_points(total->least, rollup->weight, unit, out);
    default: return ls_scale_points(total->sum, rollup->weight, unit, out);
    }
}

/* ---- the rule -------------------------------------------------------------------------------- */

void ls_kernel_rollup(const ls_record *record, size_t place)
{
    size_t number = record->binding->over_rules[place];
    const ls_rule *rule = &record->binding->definition->rules[number];
    const ls_rolled *rolled = record->rolled ? record->rolled[place] : NULL;
    total total = {0};
    int64_t result;
    if (rolled) {
        rolled += record->row;
        total = (struct total){rolled->value, rolled->value, rolled->value, rolled->count};
    } else {
        add_values(record, rule, &total);
    }
    if (total.count == 0) {
        return;
    }
    if (!roll_up(rule, &total, &result)) {
        record->scratch->too_large = true;
        return;
    }
    record->scratch->fired = true;
    ls_kernel_add(record->scratch, record->binding->rule_target[number], result);
}
