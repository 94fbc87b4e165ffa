/* Rows of associations become edges between records. A record that is not there is counted, since
 * exports are rarely whole; an object that does not exist, a pair that does not associate and a
 * second primary company are bad rows. */
#include "ls_ingest.h"
#include "ls_links.h"

/* One end of an association. */
typedef struct end {
    ls_object object;
    uint32_t row;
    bool there;
} end;

static ls_string cell_of(const ls_reading *reading, size_t row, ls_role role)
{
    size_t field = reading->association_fields[role - LS_ROLE_FROM_OBJECT];
    ls_string none = {"", 0};
    return field == LS_NO_FIELD ? none : ls_reading_field(reading, row, field);
}

static int refuse(ls_reading *reading, size_t row, ls_role role, const char *name,
                  const char *expected, ls_error *error)
{
    ls_string cell = cell_of(reading, row, role);
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT, "%s: expected %s, got \"%.*s\"", name, expected,
            (int)ls_min((int64_t)cell.length, 60), cell.text);
    size_t field = reading->association_fields[role - LS_ROLE_FROM_OBJECT];
    return ls_refuse_row(reading, &reading->batch.rows[row], field == LS_NO_FIELD ? 0 : field + 1,
                         reason.message, error);
}

/* The id of a record, cut where it is long. */
static ls_string id_of(const ls_dataset *dataset, ls_object object, uint32_t row)
{
    ls_string id = ls_dictionary_text(&dataset->tables[object].id.dictionary, row + 1);
    id.length = id.length > 60 ? 60 : id.length;
    return id;
}

/* LS_MORE: the row was refused, and reading goes on. */
static int take_end(ls_reading *reading, size_t row, ls_role object_role, end *out, ls_error *error)
{
    static const char *const objects[] = {"contact", "company", "deal"};
    bool from = object_role == LS_ROLE_FROM_OBJECT;
    ls_string object = cell_of(reading, row, object_role);
    ls_string id = cell_of(reading, row, (ls_role)(object_role + 1));
    int which = LS_CONTACT;
    while (which <= LS_DEAL && !ls_string_equal(object, objects[which], strlen(objects[which])))
        which++;
    int status = LS_OK;
    if (which > LS_DEAL)
        status = refuse(reading, row, object_role, from ? "from_object" : "to_object",
                        "contact, company or deal", error);
    else if (id.length == 0)
        status = refuse(reading, row, (ls_role)(object_role + 1), from ? "from_id" : "to_id",
                        "an id", error);
    else {
        uint32_t code =
            ls_dictionary_find(&reading->dataset->tables[which].id.dictionary, id.text, id.length);
        bool there = code != LS_NO_CODE && code != 0;
        if (there && which == LS_CONTACT)
            there = !ls_is_hidden(reading->dataset->ingest, code - 1);
        *out = (end){(ls_object)which, code - 1, there};
        return LS_OK;
    }
    return status == LS_OK ? LS_MORE : status;
}

/* A second primary company: of whom, the first one and this one. */
static int refuse_second(ls_reading *reading, size_t row, const end *from, const end *to,
                         ls_error *error)
{
    static const char *const objects[] = {"contact", "company", "deal"};
    const ls_dataset *dataset = reading->dataset;
    const end *one = from->object == LS_COMPANY ? to : from;
    const end *company = from->object == LS_COMPANY ? from : to;
    ls_string id = id_of(dataset, one->object, one->row);
    ls_string first =
        id_of(dataset, LS_COMPANY, dataset->primary[one->object].companies[one->row] - 1);
    ls_string second = id_of(dataset, LS_COMPANY, company->row);
    size_t field = reading->association_fields[LS_ROLE_LABEL - LS_ROLE_FROM_OBJECT];
    ls_error reason;
    ls_fail(&reason, LS_ERROR_INPUT,
            "label: expected one primary company for a contact or deal, got \"%.*s\" besides "
            "\"%.*s\" for the %s \"%.*s\"",
            (int)second.length, second.text, (int)first.length, first.text, objects[one->object],
            (int)id.length, id.text);
    return ls_refuse_row(reading, &reading->batch.rows[row], field == LS_NO_FIELD ? 0 : field + 1,
                         reason.message, error);
}

static int associate(ls_reading *reading, size_t row, const end *from, const end *to,
                     ls_error *error)
{
    if (!from->there || !to->there) {
        reading->dataset->counts.unknown_associated++;
        return LS_OK;
    }
    int status = ls_links_add(reading->dataset, from->object, from->row, to->object, to->row,
                              cell_of(reading, row, LS_ROLE_LABEL));
    if (status == LS_ERROR_INPUT)
        return refuse_second(reading, row, from, to, error);
    return status == LS_OK ? LS_OK : ls_fail_memory(error);
}

static int take_row(ls_reading *reading, size_t row, ls_error *error)
{
    end from, to;
    int status = take_end(reading, row, LS_ROLE_FROM_OBJECT, &from, error);
    if (status == LS_OK)
        status = take_end(reading, row, LS_ROLE_TO_OBJECT, &to, error);
    if (status != LS_OK)
        return status == LS_MORE ? LS_OK : status;
    if (from.object == to.object)
        return refuse(reading, row, LS_ROLE_TO_OBJECT, "to_object",
                      "another object than from_object", error);
    return associate(reading, row, &from, &to, error);
}

int ls_take_associations(ls_reading *reading, ls_error *error)
{
    int status = LS_OK;
    for (size_t row = 0; row < reading->batch.row_count && status == LS_OK; row++) {
        const ls_row *about = &reading->batch.rows[row];
        status = about->problem != LS_ROW_GOOD ? ls_refuse_problem(reading, about, error)
                                               : take_row(reading, row, error);
    }
    return status;
}
