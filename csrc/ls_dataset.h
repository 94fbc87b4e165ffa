/* The dataset: columns of text codes, and events grouped by contact. Reading (ls_ingest.c and the
 * scanners) fills it, kernels and explanations read it; a record of one scorer is a dataset of one
 * row. Together with a row number this is the record view: nothing that scores sees any other form
 * of data. */
#ifndef LS_DATASET_H
#define LS_DATASET_H

#include "ls_core.h"
#include "ls_dictionary.h"
#include "ls_plan.h"

/* Where a text was first seen, for errors that are found later. */
typedef struct ls_place {
    uint32_t source; /* of dataset->sources (names of inputs) */
    uint32_t field;  /* 1-based */
    uint64_t line;   /* 1-based */
} ls_place;

/* Codes that were first seen on lines that follow each other: most texts of a column are of few
 * values or of nearly as many as there are rows. */
typedef struct ls_place_run {
    ls_place first;
    uint32_t code, count;
} ls_place_run;

typedef struct ls_column {
    ls_string name;
    bool kept;              /* false: only the header is known */
    uint8_t types;          /* 1 << ls_type of every type that an expected plan reads it as */
    uint8_t width;          /* bytes of a code: 1, 2 or 4; 0: the code of row r is r + 1 (ids) */
    void *codes;            /* by row */
    size_t count, capacity; /* codes; bytes */
    ls_dictionary dictionary;
    ls_place_run *places; /* ascending by code */
    size_t place_count, place_capacity;
    uint8_t *unreadable; /* by code: 1 if it cannot be read as one of `types`; codes past it can */
    size_t unreadable_count;
    int64_t *moments; /* by code, where `types` has LS_DATETIME: the instant that was read; codes
                         past it, and LS_NO_MOMENT, were not */
    size_t moment_count, moment_capacity;
    struct ls_ledger_classes *classes; /* of a ledger whose texts passed its bounds; else NULL */
} ls_column;

#define LS_NO_MOMENT INT64_MIN

/* An event's time is kept as seconds since this instant (1976-01-10), so that u32 holds 1976 to
 * 2112. */
#define LS_EVENT_BASE INT64_C(190080000)
/* Seconds from there on; of a time before it a huge number. */
LS_INLINE uint64_t ls_event_seconds(int64_t at)
{
    return (uint64_t)at - (uint64_t)LS_EVENT_BASE;
}

typedef struct ls_events {
    size_t count;
    bool wide; /* times are int64_t seconds since 1970, else uint32_t seconds since LS_EVENT_BASE */
    void *times;
    size_t times_size; /* bytes held */
    uint64_t most;     /* or more: ls_event_seconds of the times that were read */
    ls_column event;   /* the event's name; code 0 does not occur */
    size_t column_count;
    ls_column *columns;
    size_t column_capacity;
    uint64_t *first; /* by contact row: its first event; where `ends` is NULL one more than there
                        are contacts, since a contact's events end where the next one's begin */
    uint64_t *ends;  /* by contact row: one past its last event, where there is room between
                        contacts (a ledger); else NULL: see ls_events_end */
} ls_events;

/* The ids of events by contact, where they were asked for. */
typedef struct ls_event_id {
    uint64_t identity[2]; /* a hash, the same in every dataset and ledger */
    int64_t came;         /* seconds since 1970: of its line in a log, else of the event itself */
} ls_event_id;
typedef struct ls_event_ids {
    uint64_t *first; /* by contact row, one more than there are; NULL: ids are not kept */
    size_t contacts;
    ls_event_id *items;
    size_t capacity;
} ls_event_ids;

typedef struct ls_table {
    size_t count; /* rows */
    ls_column id; /* width 0 */
    size_t column_count;
    ls_column *columns;
    size_t column_capacity;
} ls_table;

/* The records of each object that a list names: their ids are in it. */
typedef struct ls_list {
    ls_string name;
    struct ls_list_rows {
        uint64_t *rows; /* a bit a row */
        size_t word_count;
    } of[3];          /* by ls_object */
    uint64_t unknown; /* ids that no record has */
} ls_list;

/* Associations of one object's records with another's, as compact arrays; kept both ways. */
typedef struct ls_links {
    size_t count;
    /* by row, one more than rows: its links are first[row] .. first[row + 1] - 1 */
    uint64_t *first;
    uint32_t *rows;   /* by link: the other record, ascending within a row, no repeats */
    uint32_t *labels; /* by link: its set of labels, of dataset->label_sets */
    size_t row_count, capacity;
} ls_links;

/* An association as it came in. */
typedef struct ls_edge {
    uint32_t one, other, label; /* rows; code of dataset->labels, 0: none */
} ls_edge;
typedef struct ls_edges {
    ls_edge *edges;
    size_t count, capacity;
} ls_edges;
typedef struct ls_primary {
    uint32_t *companies; /* by row: its primary company's row + 1, 0: none */
    size_t count;
} ls_primary;

/* A set of labels that some association carries. Set 0 is empty. */
typedef struct ls_label_set {
    uint32_t first, count; /* of dataset->label_codes */
    bool primary;
} ls_label_set;

/* The columns of the result that was closed last: the next of this size takes them, since new pages
 * cost as much as a part of the scoring. NULL: none, as always under a limit of memory. */
typedef struct ls_spare {
    void *block;
    size_t size;
} ls_spare;

struct ls_dataset {
    ls_context *context;
    size_t references;
    ls_arena arena; /* names */
    bool expecting; /* keep only expected columns */
    bool
        lenient; /* read with rejects: a cell that does not parse is unknown; else it is an error */
    bool grouped;
    ls_table tables[3]; /* by ls_object */
    ls_events events;
    bool keeps_event_ids; /* those of events that are read */
    ls_event_ids event_ids;
    size_t list_count;
    ls_list *lists;
    size_t source_count;
    char **sources;
    ls_links links[3][3]; /* [one][other], by ls_object; all zero where there are none */
    size_t label_set_count, label_code_count;
    ls_label_set *label_sets;
    uint32_t *label_codes;
    ls_dictionary labels; /* folded texts */
    /* until links are built: */
    ls_edges edges[3];     /* contact and company, contact and deal, company and deal */
    ls_primary primary[3]; /* by ls_object */
    bool company_ids_linked;
    size_t label_set_capacity, label_code_capacity;
    ls_account_match *matches; /* by contact row; NULL: nothing was matched */
    size_t match_count;
    ls_dataset_counts counts;
    struct ls_ingest *ingest; /* what reading keeps until events are grouped; NULL after */
    ls_spare spare;
    uint64_t seed; /* of the dictionaries; never shows in results */
    size_t list_capacity, source_capacity;
};

LS_INLINE uint32_t ls_column_code(const ls_column *column, size_t row)
{
    switch (column->width) {
    case 1: return ((const uint8_t *)column->codes)[row];
    case 2: return ((const uint16_t *)column->codes)[row];
    case 4: return ((const uint32_t *)column->codes)[row];
    default: return (uint32_t)row + 1;
    }
}
/* A contact's events are first[row] .. ls_events_end(events, row) - 1. */
LS_INLINE uint64_t ls_events_end(const ls_events *events, size_t row)
{
    return events->ends != NULL ? events->ends[row] : events->first[row + 1];
}
LS_INLINE int64_t ls_event_time(const ls_events *events, size_t i)
{
    return events->wide ? ((const int64_t *)events->times)[i]
                        : LS_EVENT_BASE + (int64_t)((const uint32_t *)events->times)[i];
}

/* The seed of hashes that stand for ids of events while they are read. */
LS_INLINE uint64_t ls_event_id_seed(const ls_dataset *dataset)
{
    return dataset->keeps_event_ids ? 0 : dataset->seed; /* 0: of ledgers */
}

/* Prepares a column that is all zero: kept, of width 1, its dictionary empty. */
int ls_column_init(ls_context *context, ls_column *column, uint64_t seed);
/* Makes the column `count` rows long: the rows that it lacks are unknown. */
int ls_column_fill(ls_context *context, ls_column *column, size_t count);
/* Notes where a new code was first seen, and whether it can be read as the column's types. Codes
 * are noted in ascending order. */
int ls_column_note(ls_context *context, ls_column *column, uint32_t code, const ls_place *place);
/* Where a code was first seen; false: that was not noted. */
bool ls_column_place(const ls_column *column, uint32_t code, ls_place *out);
/* The same of a text that is at no place. */
int ls_column_check(ls_context *context, ls_column *column, uint32_t code);
LS_INLINE bool ls_column_unreadable(const ls_column *column, uint32_t code)
{
    return code < column->unreadable_count && column->unreadable[code] != 0;
}
/* The bytes that codes below `count` need: 1, 2 or 4. */
LS_INLINE uint8_t ls_code_width(uint32_t count)
{
    return count <= 0x100 ? 1 : count <= 0x10000 ? 2 : 4;
}
/* Appends a code, widening the column as its dictionary grows. LS_OK or LS_ERROR_MEMORY. */
int ls_column_append(ls_context *context, ls_column *column, uint32_t code);
/* Room for `count` rows of codes up to this one: ls_column_put then needs no memory. */
int ls_column_reserve(ls_context *context, ls_column *column, size_t count, uint32_t code);
/* Puts a code into a row that the column has. */
LS_INLINE void ls_column_put(ls_column *column, size_t row, uint32_t code)
{
    switch (column->width) {
    case 1: ((uint8_t *)column->codes)[row] = (uint8_t)code; break;
    case 2: ((uint16_t *)column->codes)[row] = (uint16_t)code; break;
    default: ((uint32_t *)column->codes)[row] = code; break;
    }
}
/* Appends several. */
int ls_column_extend(ls_context *context, ls_column *column, const uint32_t *codes, size_t count);
void ls_column_free(ls_context *context, ls_column *column);
/* The column of a property, or NULL if no input has it (or it was not kept). owner LS_EVENT: of
 * events ("event" is the name column; "at" is no column: NULL). "id" of a record is its id column.
 */
ls_column *ls_dataset_property(const ls_dataset *dataset, ls_object owner, ls_string name);
/* The list of this name, or NULL. */
const ls_list *ls_dataset_list(const ls_dataset *dataset, ls_string name);
LS_INLINE bool ls_list_has(const ls_list *list, ls_object object, size_t row)
{
    const struct ls_list_rows *of = &list->of[object];
    return row / 64 < of->word_count && (of->rows[row / 64] >> (row % 64) & 1) != 0;
}
/* The associated records of a row that a relation and a label pick; the filter is the caller's to
 * ask.
 *     ls_related related = ls_related_begin(dataset, LS_CONTACT, row, over);
 *     for (size_t other; ls_related_next(&related, &other);) ... */
typedef struct ls_related {
    const ls_dataset *dataset;
    const ls_links *links;
    ls_relation relation;
    uint32_t label; /* code; 0: any; LS_NO_CODE: a label that nothing carries */
    uint64_t next, end;
} ls_related;
ls_related ls_related_begin(const ls_dataset *dataset, ls_object object, size_t row,
                            const ls_over *over);
bool ls_related_next(ls_related *related, size_t *row);
/* A relation and a label, to be asked of any of these links, whichever way they go; of no row. */
ls_related ls_related_to(const ls_dataset *dataset, const ls_links *links, const ls_over *over);
bool ls_related_takes_all(const ls_related *related);
/* Whether relation and label pick the link, one of those of the row. */
bool ls_related_takes(const ls_related *related, uint64_t link);

void ls_dataset_retain(ls_dataset *dataset);
void ls_dataset_drop_spare(ls_dataset *dataset);
/* The error for a cell that cannot be read as its type: "contacts.csv:12:3: employees: cannot read
 * ..." */
int ls_dataset_bad_cell(const ls_dataset *dataset, const ls_column *column, uint32_t code,
                        ls_type type, ls_error *error);
/* The same without its place: `employees: cannot read "many" as a number (expected ...)`. */
void ls_bad_cell_text(ls_string column, ls_string text, ls_type type, char out[LS_ERROR_TEXT]);
/* LS_ERROR_INPUT: the text, which may be empty, has a zero byte. */
int ls_check_zero(ls_string column, ls_string text, ls_error *error);
/* The first type of the mask that the text cannot be read as, or LS_POINTS if there is none. */
ls_type ls_unreadable_type(uint8_t types, ls_string text);
const char *ls_type_name(ls_type type); /* "text", "number", ... */
#endif
