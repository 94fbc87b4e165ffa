#include "ls_dataset_copy.h"

/* ---- tables ---------------------------------------------------------------------------------- */

static int copy_array(ls_context *context, void *array_pointer, const void *from, size_t size)
{
    if (from == NULL || size == 0)
        return LS_OK;
    void *copy = ls_allocate(context, size);
    if (copy == NULL)
        return LS_ERROR_MEMORY;
    memcpy(copy, from, size);
    memcpy(array_pointer, &copy, sizeof copy);
    return LS_OK;
}

/* All or nothing. */
static int copy_dictionary(ls_context *context, ls_dictionary *to, const ls_dictionary *from)
{
    ls_dictionary copy = *from;
    copy.context = context;
    copy.slots = NULL;
    copy.starts = NULL;
    copy.bytes = NULL;
    copy.numbers = NULL;
    if (copy_array(context, &copy.slots, from->slots, from->slot_count * sizeof *from->slots) !=
            LS_OK ||
        copy_array(context, &copy.starts, from->starts,
                   from->start_capacity * sizeof *from->starts) != LS_OK ||
        copy_array(context, &copy.bytes, from->bytes, from->byte_capacity) != LS_OK ||
        copy_array(context, &copy.numbers, from->numbers,
                   from->number_count * sizeof *from->numbers) != LS_OK) {
        ls_dictionary_free(&copy);
        return LS_ERROR_MEMORY;
    }
    if (to->context != NULL)
        ls_dictionary_free(to);
    *to = copy;
    return LS_OK;
}

/* What fails half-way is the owner's to free: capacities are set as arrays are there. */
static int copy_column(ls_dataset *dataset, ls_column *to, const ls_column *from)
{
    ls_context *context = dataset->context;
    to->name.text = ls_arena_text(&dataset->arena, from->name.text, from->name.length);
    to->name.length = from->name.length;
    to->kept = from->kept;
    to->types = from->types;
    to->width = from->width;
    if (to->name.text == NULL)
        return LS_ERROR_MEMORY;
    if (!from->kept)
        return LS_OK;
    int status = copy_dictionary(context, &to->dictionary, &from->dictionary);
    if (status == LS_OK)
        status = copy_array(context, &to->codes, from->codes, from->capacity);
    to->capacity = to->codes != NULL ? from->capacity : 0;
    to->count = to->codes != NULL ? from->count : 0;
    if (status == LS_OK)
        status = copy_array(context, &to->places, from->places,
                            from->place_count * sizeof *from->places);
    to->place_count = to->place_capacity = to->places != NULL ? from->place_count : 0;
    if (status == LS_OK)
        status = copy_array(context, &to->unreadable, from->unreadable, from->unreadable_count);
    to->unreadable_count = to->unreadable != NULL ? from->unreadable_count : 0;
    if (status == LS_OK)
        status = copy_array(context, &to->moments, from->moments,
                            from->moment_count * sizeof *from->moments);
    to->moment_count = to->moment_capacity = to->moments != NULL ? from->moment_count : 0;
    return status;
}

int ls_dataset_copy_table(ls_dataset *to, const ls_dataset *from, ls_object object)
{
    const ls_table *source = &from->tables[object];
    ls_table *table = &to->tables[object];
    int status = ls_grow(to->context, &table->columns, &table->column_capacity,
                         source->column_count, sizeof *table->columns);
    if (status == LS_OK)
        status = copy_column(to, &table->id, &source->id);
    for (size_t i = 0; i < source->column_count && status == LS_OK; i++) {
        memset(&table->columns[i], 0, sizeof *table->columns);
        table->column_count = i + 1;
        status = copy_column(to, &table->columns[i], &source->columns[i]);
    }
    table->count = source->count;
    to->counts.records[object] = source->count;
    return status;
}

int ls_dataset_copy_sources(ls_dataset *to, const ls_dataset *from)
{
    if (ls_grow(to->context, &to->sources, &to->source_capacity, from->source_count,
                sizeof *to->sources) != LS_OK)
        return LS_ERROR_MEMORY;
    for (size_t i = 0; i < from->source_count; i++) {
        to->sources[i] = ls_arena_text(&to->arena, from->sources[i], strlen(from->sources[i]));
        if (to->sources[i] == NULL)
            return LS_ERROR_MEMORY;
    }
    to->source_count = from->source_count;
    return LS_OK;
}

/* ---- associations ---------------------------------------------------------------------------- */

/* The company that the contact's company_id names now, as row + 1; 0: it names none. */
static uint32_t company_of(const ls_dataset *dataset, const ls_column *column, size_t row)
{
    if (column == NULL || row >= column->count)
        return 0;
    ls_string id = ls_dictionary_text(&column->dictionary, ls_column_code(column, row));
    uint32_t code =
        ls_dictionary_find(&dataset->tables[LS_COMPANY].id.dictionary, id.text, id.length);
    return code != LS_NO_CODE ? code : 0;
}

static int add_edge(ls_dataset *to, ls_edges *edges, ls_edge edge)
{
    if (ls_grow(to->context, &edges->edges, &edges->capacity, edges->count + 1,
                sizeof *edges->edges) != LS_OK)
        return LS_ERROR_MEMORY;
    edges->edges[edges->count++] = edge;
    return LS_OK;
}

/* One link, an edge for each of its labels; without its label Primary where another company has
 * become the primary one. */
static int copy_link(ls_dataset *to, const ls_dataset *from, ls_edges *edges, ls_edge edge,
                     uint32_t label_set, bool replaced)
{
    const ls_label_set *set = &from->label_sets[label_set];
    const uint32_t primary = ls_dictionary_find(&from->labels, "primary", 7);
    int status = set->count == 0 ? add_edge(to, edges, edge) : LS_OK;
    for (uint32_t i = 0; i < set->count && status == LS_OK; i++) {
        edge.label = from->label_codes[set->first + i];
        if (!replaced || edge.label != primary)
            status = add_edge(to, edges, edge);
    }
    return status;
}

static int copy_pair(ls_dataset *to, const ls_dataset *from, ls_object one, ls_object other,
                     const uint32_t *rows)
{
    const ls_links *links = &from->links[one][other];
    const bool of_contact = one == LS_CONTACT;
    const ls_column *company_id =
        of_contact && other == LS_COMPANY
            ? ls_dataset_property(from, LS_CONTACT, (ls_string){"company_id", 10})
            : NULL;
    int status = LS_OK;
    for (size_t row = 0; links->count > 0 && row < links->row_count && status == LS_OK; row++) {
        uint32_t place = of_contact && rows != NULL ? rows[row] : (uint32_t)row;
        uint32_t company = company_of(from, company_id, row);
        for (uint64_t i = links->first[row];
             place != LS_NO_CODE && i < links->first[row + 1] && status == LS_OK; i++) {
            const ls_edge edge = {place, links->rows[i], 0};
            status = copy_link(to, from, &to->edges[one + other - 1], edge, links->labels[i],
                               company != 0 && company != edge.other + 1);
        }
    }
    return status;
}

int ls_dataset_copy_links(ls_dataset *to, const ls_dataset *from, const uint32_t *rows)
{
    if (from->label_set_count == 0) /* nothing was associated */
        return LS_OK;
    int status = copy_dictionary(to->context, &to->labels, &from->labels);
    if (status == LS_OK)
        status = copy_pair(to, from, LS_CONTACT, LS_COMPANY, rows);
    if (status == LS_OK)
        status = copy_pair(to, from, LS_CONTACT, LS_DEAL, rows);
    return status == LS_OK ? copy_pair(to, from, LS_COMPANY, LS_DEAL, rows) : status;
}
