/* The steps of a score behind the events, over the columns of a block: what lanes and the record's
 * values add, rules that count, limits, categories, the total and its label. In one place, and
 * inlined, so that it can be made for several kinds of processors. */
#ifndef LS_BLOCK_SETTLE_H
#define LS_BLOCK_SETTLE_H

#include "ls_block_columns.h"
#include "ls_kernel_block.h"

LS_INLINE int64_t *ls_block_column(int64_t *columns, size_t number)
{
    return columns + number * LS_BLOCK_ROWS;
}

/* Rows as passes take them: whole strips. */
LS_INLINE size_t ls_block_whole(size_t rows)
{
    return (rows + LS_STRIP - 1) / LS_STRIP * LS_STRIP;
}

LS_INLINE void ls_block_add_lanes(const ls_block_tables *block, size_t rows,
                                  ls_block_memory *memory)
{
    for (size_t i = 0; i < block->lane_count; i++) {
        const ls_lane *lane = &block->lanes[i];
        const uint64_t *words = memory->words + lane->word * LS_BLOCK_ROWS;
        if (lane->kind == LS_LANE_FIRED) {
            ls_columns_or_lane(words, lane, rows, memory->fired + lane->index * LS_BLOCK_ROWS);
            continue;
        }
        int64_t *columns = lane->kind == LS_LANE_COUNT ? memory->counts : memory->sums;
        ls_columns_add_lane(words, lane, memory->entries, rows,
                            ls_block_column(columns, lane->index));
    }
}

LS_INLINE void ls_block_add_gain(const ls_gain_table *gain, const void *codes, unsigned width,
                                 size_t rows, int64_t *restrict sums, uint64_t *restrict fired)
{
    const uint32_t *classes = gain->table->classes;
    const ls_gain *gains = gain->gains;
    for (size_t i = 0; i < rows; i++) {
        uint32_t code = width == 1   ? ((const uint8_t *)codes)[i]
                        : width == 2 ? ((const uint16_t *)codes)[i]
                        : width == 4 ? ((const uint32_t *)codes)[i]
                                     : 0;
        const ls_gain *own = &gains[classes[code]];
        sums[i] += own->points;
        fired[i] |= own->fires;
    }
}

LS_INLINE void ls_block_add_several_gains(const ls_binding *binding, const ls_fit_table *fit,
                                          size_t first, size_t rows, ls_block_memory *memory)
{
    for (size_t i = 0; i < rows; i++) {
        uint32_t number = ls_table_class(&binding->tables[fit->property], first + i);
        const ls_value_class *class = &fit->classes[number];
        memory->fired[i] |= class->fires;
        for (uint32_t k = 0; k < class->count; k++) {
            const ls_addition *addition = &fit->additions[class->first + k];
            ls_block_column(memory->sums, addition->target)[i] += addition->points;
        }
    }
}

/* What the values of records add. */
LS_INLINE void ls_block_add_gains(const ls_block_tables *block, size_t first, size_t rows,
                                  ls_block_memory *memory)
{
    for (size_t i = 0; i < block->gain_count; i++) {
        const ls_gain_table *gain = &block->gains[i];
        const ls_column *column = gain->table->column;
        unsigned width = column ? column->width : 0;
        const char *codes = column ? (const char *)column->codes + first * width : NULL;
        int64_t *sums = ls_block_column(memory->sums, gain->target);
        if (gain->gains == NULL || (column && width == 0)) {
            ls_block_add_several_gains(block->binding, &block->binding->fits[i], first, rows,
                                       memory);
        } else if (width == 0) {
            ls_block_add_gain(gain, NULL, 0, rows, sums, memory->fired);
        } else if (width == 1) {
            ls_block_add_gain(gain, codes, 1, rows, sums, memory->fired);
        } else if (width == 2) {
            ls_block_add_gain(gain, codes, 2, rows, sums, memory->fired);
        } else {
            ls_block_add_gain(gain, codes, 4, rows, sums, memory->fired);
        }
    }
}

/* Rules with `times` that do not decay: a row's count fits one of several bands at most, the first
 * that does. */
LS_INLINE void ls_block_add_times(const ls_spec *spec, const int64_t *counts, size_t rows,
                                  ls_block_memory *memory)
{
    const ls_occurrences *occurrences = spec->occurrences;
    int64_t *sums = ls_block_column(memory->sums, spec->target);
    if (occurrences->times_count == 1) {
        ls_columns_times(counts, &occurrences->times[0], rows, sums, memory->fired);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        const ls_times *times = ls_times_fit(occurrences, counts[i]);
        sums[i] += times ? times->points : 0;
        memory->fired[i] |= times != NULL;
    }
}

LS_INLINE void ls_block_add_counted(const ls_block_tables *block, size_t rows,
                                    ls_block_memory *memory)
{
    for (size_t i = 0; i < block->counted_count; i++) {
        uint32_t number = block->counted[i];
        const ls_spec *spec = &block->binding->specs[number];
        if (spec->rule != NULL && spec->occurrences->decay.curve == LS_CURVE_NONE) {
            ls_block_add_times(spec, ls_block_column(memory->counts, number), rows, memory);
        }
    }
}

LS_INLINE void ls_block_limit_rules(const ls_binding *binding, size_t rows, ls_block_memory *memory)
{
    const ls_definition *definition = binding->definition;
    for (size_t i = 0; i < definition->rule_count; i++) {
        const ls_rule *rule = &definition->rules[i];
        uint32_t target = binding->rule_target[i];
        if (rule->enabled && target >= definition->group_count) {
            ls_columns_add_limited(ls_block_column(memory->sums, target), &rule->limit, rows,
                                   ls_block_column(memory->sums, rule->group));
        }
    }
}

LS_INLINE void ls_block_find_labels(const ls_definition *definition, size_t rows,
                                    ls_block_memory *memory)
{
    if (definition->band_count != 0) {
        ls_columns_band(memory->value, definition->bands, definition->band_count, rows,
                        memory->label);
        return;
    }
    ls_columns_band(memory->fit, definition->fit_bands, definition->fit_band_count, rows,
                    memory->label);
    ls_columns_multiply((int64_t)definition->engagement_band_count, rows, memory->label);
    ls_columns_band(memory->engagement, definition->engagement_bands,
                    definition->engagement_band_count, rows, memory->label);
}

/* Sums of groups become the score, as ls_settle makes it: a category that the definition does not
 * have is 0, whatever its limit says. */
LS_INLINE void ls_block_settle_groups(const ls_definition *definition, size_t rows,
                                      ls_block_memory *memory)
{
    int64_t *const categories[] = {memory->engagement, memory->fit};
    for (size_t i = 0; i < definition->group_count; i++) {
        ls_columns_add_limited(ls_block_column(memory->sums, i), &definition->groups[i].limit, rows,
                               categories[definition->groups[i].fit]);
    }
    if (definition->has_fit) {
        ls_columns_limit(&definition->fit_limit, rows, memory->fit);
    }
    if (definition->has_engagement) {
        ls_columns_limit(&definition->engagement_limit, rows, memory->engagement);
    }
    ls_columns_sum(memory->fit, memory->engagement, rows, memory->value);
    ls_columns_limit(&definition->limit, rows, memory->value);
    if (definition->label_count != 0) {
        ls_block_find_labels(definition, rows, memory);
    }
}

/* Flags and labels as results keep them. */
LS_INLINE void ls_block_narrow(const ls_definition *definition, size_t rows,
                               ls_block_memory *memory)
{
    const uint8_t silent = LS_FLAG_IN_SCOPE | (definition->empty_until_scored ? LS_FLAG_EMPTY : 0);
    const uint8_t fired = LS_FLAG_IN_SCOPE | LS_FLAG_SCORED;
    LS_EACH_ROW (rows) {
        memory->labels[k] = (int32_t)memory->label[k];
    }
    LS_EACH_ROW (rows) {
        memory->flags[k] = memory->fired[k] ? fired : silent;
    }
}

/* What lanes have added up, before filters ask for counts. */
LS_INLINE void ls_block_count(const ls_block_tables *block, size_t rows, ls_block_memory *memory)
{
    if (block->entries.words) {
        ls_block_add_lanes(block, ls_block_whole(rows), memory);
    }
}

/* Everything behind events and filters. */
LS_INLINE void ls_block_settle(const ls_block_tables *block, size_t first, size_t rows,
                               ls_block_memory *memory)
{
    const size_t whole = ls_block_whole(rows);
    ls_block_add_gains(block, first, rows, memory);
    ls_block_add_counted(block, whole, memory);
    ls_block_limit_rules(block->binding, whole, memory);
    ls_block_settle_groups(block->binding->definition, whole, memory);
    ls_block_narrow(block->binding->definition, whole, memory);
}
#endif
