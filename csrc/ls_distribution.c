/* The distribution of one score: counts, mean, quantiles, labels and a histogram, exactly. */
#include "ls_json.h"
#include "ls_result.h"

#include <stdlib.h>

#define MAX_BINS 1000

typedef struct summary {
    const ls_definition *definition;
    const ls_score_column *column;
    size_t rows, out_of_scope, empty, scored;
    int64_t *values; /* sorted */
    size_t count;
    ls_int128 sum;
} summary;

static int compare_values(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void collect(summary *summary)
{
    for (size_t row = 0; row < summary->rows; row++) {
        uint8_t flags = summary->column->flags[row];
        if (!(flags & LS_FLAG_IN_SCOPE)) {
            summary->out_of_scope++;
        } else if (flags & LS_FLAG_EMPTY) {
            summary->empty++;
        } else {
            summary->values[summary->count++] = summary->column->value[row];
            summary->sum += summary->column->value[row];
            summary->scored += (flags & LS_FLAG_SCORED) != 0;
        }
    }
    qsort(summary->values, summary->count, sizeof *summary->values, compare_values);
}

static void add_member(ls_json_writer *json, const char *key, const summary *summary, int64_t value)
{
    ls_json_key(json, key);
    if (summary->count > 0) {
        ls_json_points(json, value);
    } else {
        ls_json_null(json);
    }
}

/* Nearest rank: the smallest value that at least a share of the values do not pass. */
static void add_quantiles(ls_json_writer *json, const summary *summary)
{
    static const unsigned hundredths[] = {1, 5, 10, 25, 50, 75, 90, 95, 99};
    ls_json_key(json, "quantiles");
    ls_json_open(json, '[');
    for (size_t i = 0; i < sizeof hundredths / sizeof *hundredths && summary->count > 0; i++) {
        size_t rank = (summary->count * hundredths[i] + 99) / 100;
        ls_json_open(json, '{');
        ls_json_key(json, "at");
        ls_json_points(json, (int64_t)hundredths[i] * (LS_MILLION / 100));
        ls_json_key(json, "value");
        ls_json_points(json, summary->values[rank - 1]);
        ls_json_close(json, '}');
    }
    ls_json_close(json, ']');
}

/* Two bands may share a label: each label is counted once. */
static void add_labels(ls_json_writer *json, const summary *summary)
{
    const ls_definition *definition = summary->definition;
    ls_json_key(json, "labels");
    ls_json_open(json, '[');
    for (size_t i = 0; i < definition->label_count; i++) {
        size_t count = 0, first = 0;
        while (strcmp(definition->labels[first], definition->labels[i]) != 0) {
            first++;
        }
        for (size_t row = 0; row < summary->rows && first == i; row++) {
            uint8_t flags = summary->column->flags[row];
            count +=
                (flags & LS_FLAG_IN_SCOPE) && !(flags & LS_FLAG_EMPTY) &&
                strcmp(definition->labels[summary->column->label[row]], definition->labels[i]) == 0;
        }
        if (first == i) {
            ls_json_open(json, '{');
            ls_json_key(json, "label");
            ls_json_text(json, definition->labels[i], strlen(definition->labels[i]));
            ls_json_key(json, "count");
            ls_json_integer(json, (int64_t)count);
            ls_json_close(json, '}');
        }
    }
    ls_json_close(json, ']');
}

/* Widths that people read: 1, 2 or 5 times a power of ten, of millionths up. */
static ls_int128 bin_width(ls_int128 range, size_t bins)
{
    static const int steps[] = {1, 2, 5};
    ls_int128 power = 1;
    for (;; power *= 10) {
        for (size_t i = 0; i < 3; i++) {
            if (power * steps[i] * (ls_int128)bins >= range) {
                return power * steps[i];
            }
        }
    }
}

static ls_int128 floor_to(ls_int128 value, ls_int128 width)
{
    ls_int128 rest = value % width;
    return value - rest - (rest < 0 ? width : 0);
}

static void add_histogram(ls_json_writer *json, const summary *summary, size_t bins)
{
    ls_json_key(json, "histogram");
    ls_json_open(json, '[');
    if (summary->count > 0) {
        int64_t least = summary->values[0], greatest = summary->values[summary->count - 1];
        ls_int128 width = bin_width((ls_int128)greatest - least + 1, bins);
        size_t i = 0;
        for (ls_int128 from = floor_to(least, width); from <= greatest; from += width) {
            size_t begin = i;
            while (i < summary->count && summary->values[i] < from + width) {
                i++;
            }
            ls_json_open(json, '{');
            ls_json_key(json, "from");
            ls_json_points(json, (int64_t)from);
            ls_json_key(json, "to");
            ls_json_points(json, (int64_t)(from + width));
            ls_json_key(json, "count");
            ls_json_integer(json, (int64_t)(i - begin));
            ls_json_close(json, '}');
        }
    }
    ls_json_close(json, ']');
}

static void add_count(ls_json_writer *json, const char *key, size_t count)
{
    ls_json_key(json, key);
    ls_json_integer(json, (int64_t)count);
}

static void describe(ls_json_writer *json, const summary *summary, size_t bins)
{
    int64_t mean = 0;
    if (summary->count > 0) {
        ls_scale_points(summary->sum, LS_MILLION, (int64_t)summary->count, &mean);
    }
    ls_json_open(json, '{');
    ls_json_key(json, "name");
    ls_json_text(json, summary->definition->name.text, summary->definition->name.length);
    add_count(json, "records", summary->rows);
    add_count(json, "count", summary->count);
    add_count(json, "scored", summary->scored);
    add_count(json, "empty", summary->empty);
    add_count(json, "out_of_scope", summary->out_of_scope);
    add_member(json, "mean", summary, mean);
    add_member(json, "min", summary, summary->count ? summary->values[0] : 0);
    add_member(json, "max", summary, summary->count ? summary->values[summary->count - 1] : 0);
    add_quantiles(json, summary);
    add_labels(json, summary);
    add_histogram(json, summary, bins);
    ls_json_close(json, '}');
}

int ls_result_distribution(const ls_result *result, size_t definition, size_t bins,
                           ls_writer writer, void *user, ls_error *error)
{
    if (definition >= result->plan->count || bins < 1 || bins > MAX_BINS) {
        return ls_fail(error, LS_ERROR_USAGE,
                       "distribution: expected a definition and 1 to %d bins", MAX_BINS);
    }
    ls_context *context = result->context;
    size_t rows = result->rows[result->plan->definitions[definition].object];
    size_t size = (rows + 1) * sizeof(int64_t);
    summary summary = {.definition = &result->plan->definitions[definition],
                       .column = &result->columns[definition],
                       .rows = rows};
    ls_buffer text = {.context = context};
    ls_json_writer json = {.buffer = &text};
    summary.values = ls_allocate(context, size);
    if (summary.values == NULL) {
        return ls_fail_memory(error);
    }
    collect(&summary);
    describe(&json, &summary, bins);
    int status = text.failed ? ls_fail_memory(error) : LS_OK;
    if (status == LS_OK && writer(user, text.data, text.length) != 0) {
        status = ls_fail(error, LS_ERROR_IO, "cannot write the distribution");
    }
    ls_buffer_free(&text);
    ls_free(context, summary.values, size);
    return status;
}
