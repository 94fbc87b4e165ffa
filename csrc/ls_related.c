/* Asking for associated records (section 7): a relation is a reading of the links between two
 * objects. The company of a contact or deal is its primary one; a deal none of whose companies is
 * primary, but which has only one, means that one. */
#include "ls_dataset.h"

static bool has_label(const ls_dataset *dataset, uint32_t set, uint32_t label)
{
    const ls_label_set *labels = &dataset->label_sets[set];
    for (uint32_t i = 0; i < labels->count; i++) {
        if (dataset->label_codes[labels->first + i] == label)
            return true;
    }
    return false;
}

static bool wants_primary(ls_relation relation)
{
    return relation == LS_RELATED_COMPANY || relation == LS_RELATED_PRIMARY_CONTACTS;
}

static bool is_primary(const ls_related *related, uint64_t link)
{
    return related->dataset->label_sets[related->links->labels[link]].primary;
}

/* A deal's only company needs no label. */
static bool is_only_company(ls_object object, const ls_related *related)
{
    return object == LS_DEAL && related->relation == LS_RELATED_COMPANY &&
           related->end - related->next == 1;
}

ls_related ls_related_to(const ls_dataset *dataset, const ls_links *links, const ls_over *over)
{
    ls_related related = {.dataset = dataset, .links = links, .relation = over->relation};
    if (over->labelled.length > 0)
        related.label =
            ls_dictionary_find(&dataset->labels, over->labelled.text, over->labelled.length);
    return related;
}

bool ls_related_takes_all(const ls_related *related)
{
    return !wants_primary(related->relation) && related->label == 0;
}

ls_related ls_related_begin(const ls_dataset *dataset, ls_object object, size_t row,
                            const ls_over *over)
{
    const ls_links *links = &dataset->links[object][over->object];
    ls_related related = ls_related_to(dataset, links, over);
    if (links->count == 0)
        return related;
    related.next = links->first[row];
    related.end = links->first[row + 1];
    if (is_only_company(object, &related))
        related.relation = LS_RELATED_COMPANIES;
    return related;
}

bool ls_related_takes(const ls_related *related, uint64_t link)
{
    return (!wants_primary(related->relation) || is_primary(related, link)) &&
           (related->label == 0 ||
            has_label(related->dataset, related->links->labels[link], related->label));
}

bool ls_related_next(ls_related *related, size_t *row)
{
    while (related->next < related->end) {
        uint64_t link = related->next++;
        if (ls_related_takes(related, link)) {
            *row = related->links->rows[link];
            return true;
        }
    }
    return false;
}
