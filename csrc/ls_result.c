/* Columns of scores and what is asked of them one record at a time. */
#include "ls_result.h"

#include "ls_next.h"

/* ---- columns --------------------------------------------------------------------------------- */

/* Without a block the size is found alone. */
static size_t lay_out(const ls_plan *plan, const size_t rows[3], char *block)
{
    size_t used = 0;
    ls_score_column *columns = ls_take_part(block, &used, plan->count * sizeof *columns);
    for (size_t i = 0; i < plan->count; i++) {
        const ls_definition *definition = &plan->definitions[i];
        const bool combined = definition->has_fit && definition->has_engagement;
        const size_t count = rows[definition->object], numbers = count * sizeof(int64_t);
        const ls_score_column column = {
            .value = ls_take_part(block, &used, numbers),
            .fit = combined ? ls_take_part(block, &used, numbers) : NULL,
            .engagement = combined ? ls_take_part(block, &used, numbers) : NULL,
            .label = definition->label_count ? ls_take_part(block, &used, count * sizeof(int32_t))
                                             : NULL,
            .flags = ls_take_part(block, &used, count),
        };
        if (block) {
            columns[i] = column;
        }
    }
    return used;
}

static int begin_columns(const ls_plan *plan, const size_t rows[3], void *block,
                         ls_score_column **out)
{
    *out = block;
    if (block == NULL) {
        return LS_ERROR_MEMORY;
    }
    lay_out(plan, rows, block);
    return LS_OK;
}

int ls_columns_new(const ls_plan *plan, ls_context *context, const size_t rows[3],
                   ls_score_column **out)
{
    return begin_columns(plan, rows, ls_allocate_zero(context, 1, lay_out(plan, rows, NULL)), out);
}

void ls_columns_free(const ls_plan *plan, ls_context *context, const size_t rows[3],
                     ls_score_column *columns)
{
    ls_free(context, columns, columns ? lay_out(plan, rows, NULL) : 0);
}

void ls_columns_get(const ls_plan *plan, const ls_score_column *columns, size_t definition,
                    size_t row, ls_score *out)
{
    const ls_score_column *column = &columns[definition];
    uint8_t flags = column->flags[row];
    memset(out, 0, sizeof *out);
    out->in_scope = (flags & LS_FLAG_IN_SCOPE) != 0;
    out->scored = (flags & LS_FLAG_SCORED) != 0;
    out->empty = !out->in_scope || (flags & LS_FLAG_EMPTY) != 0;
    if (out->empty) {
        return;
    }
    out->value = column->value[row];
    out->fit = column->fit ? column->fit[row] : 0;
    out->engagement = column->engagement ? column->engagement[row] : 0;
    out->label = column->label ? plan->definitions[definition].labels[column->label[row]] : NULL;
}

static int32_t label_number(const ls_definition *definition, const char *label)
{
    for (size_t i = 0; label && i < definition->label_count; i++) {
        if (strcmp(definition->labels[i], label) == 0) {
            return (int32_t)i;
        }
    }
    return 0;
}

void ls_columns_put(const ls_plan *plan, ls_score_column *columns, size_t definition, size_t row,
                    const ls_score *score)
{
    ls_score_column *column = &columns[definition];
    column->value[row] = score->value;
    if (column->fit) {
        column->fit[row] = score->fit;
        column->engagement[row] = score->engagement;
    }
    if (column->label) {
        column->label[row] = label_number(&plan->definitions[definition], score->label);
    }
    column->flags[row] =
        (uint8_t)((score->in_scope ? LS_FLAG_IN_SCOPE : 0) | (score->scored ? LS_FLAG_SCORED : 0) |
                  (score->in_scope && score->empty ? LS_FLAG_EMPTY : 0));
}

/* ---- results --------------------------------------------------------------------------------- */

/* Columns are of the dataset's memory, which can keep them, or where there is a limit of the
 * plan's. */
static bool is_bounded(const ls_plan *plan, const ls_dataset *dataset)
{
    return plan->context->max_memory != 0 || dataset->context->max_memory != 0;
}

/* Columns that the dataset kept hold what they held: scoring writes every row. */
static int take_columns(const ls_plan *plan, ls_dataset *dataset, const size_t rows[3],
                        ls_score_column **out)
{
    const bool bounded = is_bounded(plan, dataset);
    void *block = dataset->spare.block;
    if (bounded || block == NULL || dataset->spare.size != lay_out(plan, rows, NULL)) {
        ls_dataset_drop_spare(dataset);
        return ls_columns_new(plan, bounded ? plan->context : dataset->context, rows, out);
    }
    dataset->spare.block = NULL;
    return begin_columns(plan, rows, block, out);
}

static void give_columns(const ls_result *result)
{
    ls_dataset *dataset = result->dataset;
    if (is_bounded(result->plan, dataset)) {
        ls_columns_free(result->plan, result->context, result->rows, result->columns);
        return;
    }
    ls_dataset_drop_spare(dataset);
    dataset->spare.block = result->columns;
    dataset->spare.size = lay_out(result->plan, result->rows, NULL);
#if defined(__SANITIZE_ADDRESS__)
    memset(dataset->spare.block, 0xa5, dataset->spare.size); /* so that no unwritten row is right */
#endif
}

int ls_result_new(const ls_plan *plan, ls_dataset *dataset, int64_t at, unsigned threads,
                  ls_result **out)
{
    ls_context *context = plan->context;
    ls_result *result = ls_allocate_zero(context, 1, sizeof *result);
    ls_walk **walk = ls_allocate_zero(context, 1, sizeof *walk);
    const size_t rows[3] = {dataset->tables[LS_CONTACT].count, dataset->tables[LS_COMPANY].count,
                            dataset->tables[LS_DEAL].count};
    ls_score_column *columns = NULL;
    if (result == NULL || walk == NULL || take_columns(plan, dataset, rows, &columns) != LS_OK) {
        ls_free(context, result, sizeof *result);
        ls_free(context, walk, sizeof *walk);
        return LS_ERROR_MEMORY;
    }
    *result = (ls_result){context, 1,    plan,   dataset, at, {rows[0], rows[1], rows[2]},
                          columns, walk, threads};
    ls_context_retain(context);
    ls_plan_retain(plan);
    ls_dataset_retain(dataset);
    *out = result;
    return LS_OK;
}

void ls_result_retain(const ls_result *result)
{
    ((ls_result *)(uintptr_t)result)->references++;
}

void ls_result_close(ls_result *result)
{
    if (result == NULL || --result->references > 0) {
        return;
    }
    ls_context *context = result->context;
    give_columns(result);
    ls_walk_close(*result->walk);
    ls_free(context, result->walk, sizeof *result->walk);
    ls_plan_close((ls_plan *)(uintptr_t)result->plan);
    ls_dataset_close(result->dataset);
    ls_free(context, result, sizeof *result);
    ls_context_release(context);
}

size_t ls_result_count(const ls_result *result, ls_object object)
{
    return object <= LS_DEAL ? result->rows[object] : 0;
}

int64_t ls_result_at(const ls_result *result)
{
    return result->at;
}

static bool is_row(const ls_result *result, size_t definition, size_t row)
{
    return definition < result->plan->count &&
           row < ls_result_count(result, result->plan->definitions[definition].object);
}

int ls_result_get(const ls_result *result, size_t definition, size_t row, ls_score *out)
{
    if (!is_row(result, definition, row)) {
        return LS_ERROR_USAGE;
    }
    ls_columns_get(result->plan, result->columns, definition, row, out);
    return LS_OK;
}

int ls_result_next_change(const ls_result *result, size_t definition, size_t row, bool *known,
                          int64_t *at, ls_error *error)
{
    if (!is_row(result, definition, row)) {
        return ls_fail(error, LS_ERROR_USAGE, "no such definition or row");
    }
    if (*result->walk == NULL) {
        int status = ls_walk_new(result->plan, result->dataset, result->walk, error);
        if (status != LS_OK) {
            return status;
        }
    }
    return ls_next_change(*result->walk, result->plan->definitions[definition].object, row,
                          result->at, definition, known, at, error);
}

/* Whether row a ranks before row b: the larger value, then the earlier row. */
static bool ranks_before(const int64_t *values, size_t a, size_t b)
{
    return values[a] != values[b] ? values[a] > values[b] : a < b;
}

/* Restores the heap whose root is the row that ranks last. */
static void sift(const int64_t *values, size_t *heap, size_t count, size_t root)
{
    for (;;) {
        size_t worst = root, child = 2 * root + 1;
        for (size_t i = child; i < child + 2 && i < count; i++) {
            worst = ranks_before(values, heap[worst], heap[i]) ? i : worst;
        }
        if (worst == root) {
            return;
        }
        size_t row = heap[root];
        heap[root] = heap[worst];
        heap[worst] = row;
        root = worst;
    }
}

int ls_result_top(const ls_result *result, size_t definition, size_t n, size_t *out, size_t *count,
                  ls_error *error)
{
    if (definition >= result->plan->count) {
        return ls_fail(error, LS_ERROR_USAGE, "no such definition");
    }
    const ls_score_column *column = &result->columns[definition];
    size_t held = 0, rows = result->rows[result->plan->definitions[definition].object];
    for (size_t row = 0; row < rows && n > 0; row++) {
        if (!(column->flags[row] & LS_FLAG_IN_SCOPE) || (column->flags[row] & LS_FLAG_EMPTY)) {
            continue;
        }
        if (held < n) {
            out[held++] = row;
            for (size_t i = held / 2; held == n && i-- > 0;) {
                sift(column->value, out, held, i);
            }
        } else if (ranks_before(column->value, row, out[0])) {
            out[0] = row;
            sift(column->value, out, held, 0);
        }
    }
    for (size_t i = held / 2; held < n && i-- > 0;) {
        sift(column->value, out, held, i);
    }
    for (size_t end = held; end > 1; end--) { /* the row that ranks last moves behind the others */
        size_t row = out[0];
        out[0] = out[end - 1];
        out[end - 1] = row;
        sift(column->value, out, end - 1, 0);
    }
    *count = held;
    return LS_OK;
}
