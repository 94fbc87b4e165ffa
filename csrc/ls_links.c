/* Associations: edges of two rows and a label are collected by pair of objects, then sorted and
 * merged into arrays by row, once for each direction. Sorting is by row first (counted), then
 * within a row, so that the work grows with the edges, whoever has most of them. */
#include "ls_links.h"

#include "ls_text.h"

#include <stdlib.h>

/* The pairs: contact and company, contact and deal, company and deal. */
static const ls_object ones[] = {LS_CONTACT, LS_CONTACT, LS_COMPANY};
static const ls_object others[] = {LS_COMPANY, LS_DEAL, LS_DEAL};
#define PAIRS 3

/* ---- collecting ------------------------------------------------------------------------------ */

/* The code of a label, folded and trimmed; 0: none. LS_NO_CODE: no memory. */
static uint32_t label_code(ls_dataset *dataset, ls_string label, bool *primary)
{
    ls_buffer folded = {.context = dataset->context};
    ls_string text = ls_trim(label.text, label.length);
    uint32_t code = 0;
    *primary = false;
    if (text.length == 0)
        return 0;
    if (ls_fold(text.text, text.length, &folded) != LS_OK) {
        ls_buffer_free(&folded);
        return LS_NO_CODE;
    }
    *primary = ls_string_equal((ls_string){folded.data, folded.length}, "primary", 7);
    code = ls_dictionary_add(&dataset->labels, folded.data, folded.length);
    ls_buffer_free(&folded);
    return code;
}

/* Notes the primary company of a contact or deal; false: it has another. */
static int note_primary(ls_dataset *dataset, ls_object object, uint32_t row, uint32_t company)
{
    ls_primary *primary = &dataset->primary[object];
    size_t rows = dataset->tables[object].count;
    if (primary->count < rows) {
        size_t before = primary->count;
        if (ls_grow(dataset->context, &primary->companies, &primary->count, rows,
                    sizeof *primary->companies) != LS_OK)
            return LS_ERROR_MEMORY;
        memset(primary->companies + before, 0, (primary->count - before) * sizeof(uint32_t));
    }
    if (primary->companies[row] != 0 && primary->companies[row] != company + 1)
        return LS_ERROR_INPUT;
    primary->companies[row] = company + 1;
    return LS_OK;
}

/* a < b. */
static int add_edge(ls_dataset *dataset, ls_object a, uint32_t row_a, ls_object b, uint32_t row_b,
                    uint32_t code, bool primary)
{
    ls_edges *edges = &dataset->edges[a + b - 1];
    int status = LS_OK;
    if (ls_grow(dataset->context, &edges->edges, &edges->capacity, edges->count + 1,
                sizeof *edges->edges) != LS_OK)
        return LS_ERROR_MEMORY;
    if (primary && a == LS_CONTACT && b == LS_COMPANY)
        status = note_primary(dataset, LS_CONTACT, row_a, row_b);
    if (primary && a == LS_COMPANY)
        status = note_primary(dataset, LS_DEAL, row_b, row_a);
    if (status == LS_OK)
        edges->edges[edges->count++] = (ls_edge){row_a, row_b, code};
    return status;
}

int ls_links_add(ls_dataset *dataset, ls_object a, uint32_t row_a, ls_object b, uint32_t row_b,
                 ls_string label)
{
    bool primary;
    uint32_t code = label_code(dataset, label, &primary);
    if (code == LS_NO_CODE)
        return LS_ERROR_MEMORY;
    return a < b ? add_edge(dataset, a, row_a, b, row_b, code, primary)
                 : add_edge(dataset, b, row_b, a, row_a, code, primary);
}

/* The companies that a column's texts name, by code: row + 1, 0: none, LS_NO_CODE: an unknown one.
 */
static uint32_t *find_companies(const ls_dataset *dataset, const ls_column *column)
{
    const ls_dictionary *companies = &dataset->tables[LS_COMPANY].id.dictionary;
    uint32_t count = column->dictionary.count;
    uint32_t *found = ls_allocate(dataset->context, count * sizeof *found);
    for (uint32_t code = 0; found && code < count; code++) {
        ls_string id = ls_dictionary_text(&column->dictionary, code);
        found[code] = ls_dictionary_find(companies, id.text, id.length);
    }
    return found;
}

static int link_column(ls_dataset *dataset, ls_object object)
{
    static const ls_string name = {"company_id", 10}, label = {"Primary", 7};
    const ls_column *column = ls_dataset_property(dataset, object, name);
    if (column == NULL || column->count == 0)
        return LS_OK;
    bool primary;
    uint32_t code = label_code(dataset, label, &primary);
    uint32_t *companies = find_companies(dataset, column);
    int status = companies != NULL && code != LS_NO_CODE ? LS_OK : LS_ERROR_MEMORY;
    for (uint32_t row = 0; row < column->count && status == LS_OK; row++) {
        uint32_t company = companies[ls_column_code(column, row)];
        if (company == LS_NO_CODE)
            dataset->counts.unknown_associated++;
        else if (company != 0)
            status = object < LS_COMPANY
                         ? add_edge(dataset, object, row, LS_COMPANY, company - 1, code, primary)
                         : add_edge(dataset, LS_COMPANY, company - 1, object, row, code, primary);
    }
    ls_free(dataset->context, companies, column->dictionary.count * sizeof *companies);
    return status;
}

int ls_links_company_ids(ls_dataset *dataset)
{
    int status = LS_OK;
    if (dataset->company_ids_linked || dataset->tables[LS_COMPANY].count == 0)
        return LS_OK;
    dataset->company_ids_linked = true;
    status = link_column(dataset, LS_CONTACT);
    return status == LS_OK ? link_column(dataset, LS_DEAL) : status;
}

/* ---- building -------------------------------------------------------------------------------- */

static int compare_edges(const void *a, const void *b)
{
    const ls_edge *x = a, *y = b;
    int order = (x->other > y->other) - (x->other < y->other);
    return order ? order : (x->label > y->label) - (x->label < y->label);
}

/* Where each row's edges begin, counted: first[row] .. first[row + 1]. */
static uint64_t *count_rows(ls_context *context, const uint32_t *keys, size_t stride, size_t count,
                            size_t rows)
{
    uint64_t *first = ls_allocate_zero(context, rows + 1, sizeof *first);
    for (size_t i = 0; first && i < count; i++)
        first[keys[i * stride] + 1]++;
    for (size_t row = 0; first && row < rows; row++)
        first[row + 1] += first[row];
    return first;
}

/* The edges by row, and within a row by the other and the label. */
static ls_edge *sort_edges(ls_context *context, const ls_edges *edges, const uint64_t *first,
                           size_t rows)
{
    ls_edge *sorted = ls_allocate(context, edges->count * sizeof *sorted);
    uint64_t *next = ls_allocate(context, (rows + 1) * sizeof *next);
    if (sorted && next) {
        memcpy(next, first, (rows + 1) * sizeof *next);
        for (size_t i = 0; i < edges->count; i++)
            sorted[next[edges->edges[i].one]++] = edges->edges[i];
        for (size_t row = 0; row < rows; row++)
            if (first[row + 1] - first[row] > 1)
                qsort(sorted + first[row], (size_t)(first[row + 1] - first[row]), sizeof *sorted,
                      compare_edges);
    }
    ls_free(context, next, (rows + 1) * sizeof *next);
    if (next == NULL) {
        ls_free(context, sorted, edges->count * sizeof *sorted);
        return NULL;
    }
    return sorted;
}

/* What building shares: label sets are found by the bytes of their codes. */
typedef struct builder {
    ls_dataset *dataset;
    ls_dictionary sets;
    ls_buffer codes;
    size_t set_capacity, code_capacity;
    uint32_t label, label_set; /* the set of one label that was asked for last */
} builder;

static int add_label_set(builder *builder)
{
    ls_dataset *dataset = builder->dataset;
    uint32_t count = (uint32_t)(builder->codes.length / sizeof(uint32_t));
    if (ls_grow(dataset->context, &dataset->label_sets, &builder->set_capacity,
                dataset->label_set_count + 1, sizeof *dataset->label_sets) != LS_OK ||
        ls_grow(dataset->context, &dataset->label_codes, &builder->code_capacity,
                dataset->label_code_count + count + 1, sizeof *dataset->label_codes) != LS_OK)
        return LS_ERROR_MEMORY;
    ls_label_set *set = &dataset->label_sets[dataset->label_set_count++];
    *set = (ls_label_set){(uint32_t)dataset->label_code_count, count, false};
    uint32_t primary = ls_dictionary_find(&dataset->labels, "primary", 7);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code;
        memcpy(&code, builder->codes.data + i * sizeof code, sizeof code);
        dataset->label_codes[dataset->label_code_count++] = code;
        set->primary = set->primary || code == primary;
    }
    return LS_OK;
}

/* The set of the labels of equal edges [begin, end), sorted by label. */
static uint32_t set_of(builder *builder, const ls_edge *edges, size_t begin, size_t end)
{
    bool single = end - begin == 1;
    if (single && edges[begin].label == builder->label)
        return builder->label_set;
    builder->codes.length = 0;
    for (size_t i = begin; i < end; i++) {
        if (edges[i].label != 0 && (i == begin || edges[i].label != edges[i - 1].label))
            ls_buffer_add(&builder->codes, (const char *)&edges[i].label, sizeof edges[i].label);
    }
    if (builder->codes.failed)
        return LS_NO_CODE;
    uint32_t before = builder->sets.count;
    uint32_t set = ls_dictionary_add(&builder->sets, builder->codes.data, builder->codes.length);
    if (set != LS_NO_CODE && set >= before && add_label_set(builder) != LS_OK)
        return LS_NO_CODE;
    if (single && set != LS_NO_CODE) {
        builder->label = edges[begin].label;
        builder->label_set = set;
    }
    return set;
}

/* Merges repeats: links of a row become one each, with all their labels. first is changed to what
 * remains. */
static int merge(builder *builder, ls_links *links, const ls_edge *sorted, size_t rows)
{
    uint64_t begin = 0;
    for (size_t row = 0; row < rows; row++) {
        uint64_t end = links->first[row + 1];
        for (uint64_t i = begin, stop; i < end; i = stop) {
            for (stop = i + 1; stop < end && sorted[stop].other == sorted[i].other;)
                stop++;
            uint32_t set = set_of(builder, sorted, (size_t)i, (size_t)stop);
            if (set == LS_NO_CODE)
                return LS_ERROR_MEMORY;
            links->rows[links->count] = sorted[i].other;
            links->labels[links->count++] = set;
        }
        links->first[row + 1] = links->count;
        begin = end;
    }
    return LS_OK;
}

static int allocate_links(ls_context *context, ls_links *links, size_t count)
{
    links->capacity = count;
    links->rows = ls_allocate(context, count * sizeof *links->rows);
    links->labels = ls_allocate(context, count * sizeof *links->labels);
    return links->rows && links->labels ? LS_OK : LS_ERROR_MEMORY;
}

/* The same links from the other side; ascending, since rows are gone through in order. */
static int transpose(ls_context *context, const ls_links *links, size_t rows, ls_links *out,
                     size_t out_rows)
{
    out->row_count = out_rows;
    out->first = count_rows(context, links->rows, 1, links->count, out_rows);
    if (out->first == NULL || allocate_links(context, out, links->count) != LS_OK)
        return LS_ERROR_MEMORY;
    uint64_t *next = ls_allocate(context, (out_rows + 1) * sizeof *next);
    if (next == NULL)
        return LS_ERROR_MEMORY;
    memcpy(next, out->first, (out_rows + 1) * sizeof *next);
    for (size_t row = 0; row < rows; row++) {
        for (uint64_t i = links->first[row]; i < links->first[row + 1]; i++) {
            uint64_t place = next[links->rows[i]]++;
            out->rows[place] = (uint32_t)row;
            out->labels[place] = links->labels[i];
        }
    }
    out->count = links->count;
    ls_free(context, next, (out_rows + 1) * sizeof *next);
    return LS_OK;
}

static int build_pair(builder *builder, size_t pair)
{
    ls_dataset *dataset = builder->dataset;
    ls_context *context = dataset->context;
    ls_edges *edges = &dataset->edges[pair];
    ls_links *links = &dataset->links[ones[pair]][others[pair]];
    size_t rows = dataset->tables[ones[pair]].count,
           other_rows = dataset->tables[others[pair]].count;
    if (edges->count == 0)
        return LS_OK;
    links->row_count = rows;
    links->first = count_rows(context, &edges->edges[0].one, sizeof(ls_edge) / sizeof(uint32_t),
                              edges->count, rows);
    if (links->first == NULL || allocate_links(context, links, edges->count) != LS_OK)
        return LS_ERROR_MEMORY;
    ls_edge *sorted = sort_edges(context, edges, links->first, rows);
    int status = sorted ? merge(builder, links, sorted, rows) : LS_ERROR_MEMORY;
    ls_free(context, sorted, edges->count * sizeof *sorted);
    return status == LS_OK ? transpose(context, links, rows,
                                       &dataset->links[others[pair]][ones[pair]], other_rows)
                           : status;
}

static void free_edges(ls_dataset *dataset)
{
    for (size_t pair = 0; pair < PAIRS; pair++) {
        ls_edges *edges = &dataset->edges[pair];
        ls_free(dataset->context, edges->edges, edges->capacity * sizeof *edges->edges);
        *edges = (ls_edges){0};
    }
    for (int object = LS_CONTACT; object <= LS_DEAL; object++) {
        ls_primary *primary = &dataset->primary[object];
        ls_free(dataset->context, primary->companies, primary->count * sizeof(uint32_t));
        *primary = (ls_primary){0};
    }
}

int ls_links_build(ls_dataset *dataset)
{
    builder builder = {.dataset = dataset, .codes = {.context = dataset->context}};
    int status = ls_links_company_ids(dataset);
    if (status == LS_OK)
        status = ls_dictionary_init(&builder.sets, dataset->context, dataset->seed);
    if (status == LS_OK)
        status = add_label_set(&builder); /* the empty one */
    for (size_t pair = 0; pair < PAIRS && status == LS_OK; pair++)
        status = build_pair(&builder, pair);
    dataset->label_set_capacity = builder.set_capacity;
    dataset->label_code_capacity = builder.code_capacity;
    ls_buffer_free(&builder.codes);
    if (builder.sets.context)
        ls_dictionary_free(&builder.sets);
    free_edges(dataset);
    return status;
}

void ls_links_free(ls_dataset *dataset)
{
    ls_context *context = dataset->context;
    free_edges(dataset);
    for (int one = LS_CONTACT; one <= LS_DEAL; one++) {
        for (int other = LS_CONTACT; other <= LS_DEAL; other++) {
            ls_links *links = &dataset->links[one][other];
            if (links->first)
                ls_free(context, links->first, (links->row_count + 1) * sizeof *links->first);
            ls_free(context, links->rows, links->capacity * sizeof *links->rows);
            ls_free(context, links->labels, links->capacity * sizeof *links->labels);
        }
    }
    ls_free(context, dataset->label_sets, dataset->label_set_capacity * sizeof(ls_label_set));
    ls_free(context, dataset->label_codes, dataset->label_code_capacity * sizeof(uint32_t));
    if (dataset->labels.context)
        ls_dictionary_free(&dataset->labels);
}
