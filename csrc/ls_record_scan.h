/* The fast way of a CSV file of contacts, companies or deals: sets of chunks of whole rows. A set
 * goes through three stages. Its chunks are cut into rows; its ids are added; the texts of its
 * columns are coded, each column by itself. What a stage does to a set is independent of what the
 * others do to other sets meanwhile, so that threads can share a round of them; each column is one
 * task and takes sets in their order, so that any number of threads makes the same dataset. */
#ifndef LS_RECORD_SCAN_H
#define LS_RECORD_SCAN_H

#include "ls_scan.h"

typedef enum ls_record_stage {
    LS_RECORDS_NONE,   /* the set is free */
    LS_RECORDS_FILLED, /* what is to be done with it is in this order */
    LS_RECORDS_CUT,
    LS_RECORDS_NAMED,  /* its ids are added */
    LS_RECORDS_DROPPED /* a row before it is not plain: its bytes are put back */
} ls_record_stage;

/* How far a column of a set was taken: a thread stops where memory is to be asked for. */
typedef struct ls_record_work {
    size_t chunk, row;
    bool done;
} ls_record_work;

typedef struct ls_record_set {
    ls_record_stage stage;
    ls_chunk *chunks;
    size_t count, filled;        /* of chunks: those with rows to take, all */
    size_t row_count;            /* of them that are taken, once it has ids */
    ls_record_work ids, *fields; /* by field of the reading */
} ls_record_set;

/* What a column was before the last set. */
typedef struct ls_record_growth {
    size_t texts, places;
    size_t rows; /* of the set */
} ls_record_growth;

/* What tasks share and do not change. */
typedef struct ls_record_tools {
    ls_reading *reading;
    ls_record_growth *growth; /* by field */
    size_t rows_left;         /* of the file after its sets, about; 0: not known */
    ls_scan_worker *known;    /* texts by field: a field is one task */
} ls_record_tools;

/* Months read lately, by the last digit of the year and the month: the first second of each, and
 * how many days it has. */
#define LS_MONTHS 256
typedef struct ls_month_table {
    struct ls_month_slot {
        uint64_t text; /* "2025-01-" */
        int64_t start;
        unsigned days;
    } slots[LS_MONTHS];
} ls_month_table;

/* What a thread has of its own. */
typedef struct ls_record_worker {
    char *scratch; /* room for a chunk's texts */
    ls_month_table months;
} ls_record_worker;

/* ls_record_rows.c. Without a context no memory is asked for: LS_ERROR_MEMORY says that there was
 * no room, and the work goes on from there. */
void ls_record_cut(const ls_record_tools *tools, ls_chunk *chunk);
/* Adds ids up to a row that is not as all are (its id is empty, or was there): it ends the set. */
int ls_record_add_ids(const ls_record_tools *tools, ls_record_set *set, ls_context *context,
                      ls_record_worker *worker);
int ls_record_code_field(const ls_record_tools *tools, ls_record_set *set, size_t field,
                         ls_context *context, ls_record_worker *worker);
/* Between rounds: room for as many texts as the set may have that are new. There may be no memory
 * for it. */
void ls_record_reserve_ids(const ls_record_tools *tools, const ls_record_set *set);
void ls_record_reserve_field(const ls_record_tools *tools, const ls_record_set *set, size_t field);
/* Lists what cannot be read in the rows of a set that is coded. */
int ls_record_check(const ls_record_tools *tools, const ls_record_set *set, ls_error *error);

/* ls_record_scan.c: the sets of a file, and the threads that share them. */
typedef struct ls_record_scan ls_record_scan;
/* NULL: no memory. The columns of the file are bound. */
ls_record_scan *ls_record_scan_new(ls_reading *reading);
void ls_record_scan_free(ls_record_scan *scan);
/* Takes plain rows as long as they come; LS_MORE: about `budget` bytes were taken (0: no bound),
 * LS_OK: the next row is for the scanner. */
int ls_record_scan_run(ls_record_scan *scan, uint64_t budget, ls_error *error);
#endif
