/* Reading rows into a dataset: what its parts share. ls_ingest.c is the job: it opens a file, binds
 * its columns and hands on batches; ls_refuse.c refuses rows; ls_records.c takes rows of contacts,
 * companies, deals and lists, ls_record_scan.c most of those of CSV; ls_events.c rows of events,
 * which it sorts into partitions of neighbouring contacts; ls_group.c makes the final columns of
 * these. */
#ifndef LS_INGEST_H
#define LS_INGEST_H

#include "ls_coder.h"
#include "ls_csv.h"
#include "ls_dataset.h"
#include "ls_ndjson.h"
#include "ls_uuid.h"

/* ---- what a dataset keeps while it is read --------------------------------------------------- */

/* A property that an expected plan reads. */
typedef struct ls_expected {
    ls_object owner;
    ls_string name;
    uint8_t types; /* 1 << ls_type */
} ls_expected;

/* The header of a rename that some file of the input had. */
typedef struct ls_renamed {
    ls_input input;
    ls_string header;
} ls_renamed;

#define LS_NO_FIELD SIZE_MAX
/* Columns of one file: names are compared with each other. */
#define LS_MAX_COLUMNS 10000

/* How a kept event is packed: u16 row within the partition; 16 bytes of its id's hash if any file
 * has ids; i64 its stamp if it is of a log; the time (u32 seconds since LS_EVENT_BASE, or i64 since
 * 1970); the event's code; codes of kept properties. Where all that is one word, offsets and widths
 * are in bits of it, and as many of its bytes are kept as it needs: a tight layout. Columns only
 * become more and wider, so that there are few layouts. */
typedef struct ls_layout {
    struct ls_layout *next; /* the one before it */
    size_t size;            /* bytes of this struct */
    uint32_t stride;
    bool tight, identity, stamped, wide;
    uint16_t local_mask; /* what of the first two bytes is the row */
    uint32_t stamp_offset, time_offset, event_offset;
    uint8_t event_width;
    size_t column_count; /* of events->columns, kept or not */
    struct ls_packed {
        uint32_t offset;
        uint8_t width; /* 0: not kept */
    } columns[];
} ls_layout;

/* Memory that blocks are cut from. Neighbouring partitions share theirs: given back as soon as all
 * of them are grouped, so that the final columns need not be beside all that was read. */
typedef struct ls_slab {
    struct ls_slab *next;
    size_t size; /* bytes, this header included */
    size_t used; /* of them */
} ls_slab;

/* Events of one partition in reading order. */
typedef struct ls_block {
    struct ls_block *next;
    const ls_layout *layout;
    size_t size; /* bytes, this header included */
    size_t used; /* bytes of events, set by ls_end_block: not with each, as it is far from them */
    _Alignas(64) char events[]; /* from the start of a line of the cache on */
} ls_block;

typedef struct ls_partition {
    uint32_t room; /* bytes left in the last block, a multiple of the stride */
    char *at;      /* they are here */
    ls_block *first, *last;
} ls_partition;

/* Rows within a partition fit u16, and one value is left to mark an event that is dropped. */
#define LS_MOST_SHIFT 15
#define LS_DROPPED UINT16_MAX

struct ls_ingest {
    ls_expected *expected;
    size_t expected_count, expected_capacity;
    ls_renamed *renamed;
    size_t renamed_count, renamed_capacity;
    bool begun;         /* something was read: too late to expect */
    bool busy;          /* a job is open */
    bool failed;        /* a job ended early: the dataset is not whole */
    bool rejects_begun; /* their header is written */
    /* contacts by id, made when the first events or list are read: */
    bool indexed;
    uint32_t *direct; /* by the value of a canonical decimal id: row + 1, or 0 */
    size_t direct_count;
    bool shares_direct; /* it is that of the ids' dictionary */
    uint64_t *hidden;   /* a bit a row: contacts that other files say nothing of; NULL: none */
    size_t hidden_words;
    struct ls_log *log;  /* NULL: there is none */
    ls_uuid_table uuids; /* if there are more UUIDs than others */
    /* events: */
    unsigned shift; /* a partition has 1 << shift contacts */
    ls_partition *partitions;
    size_t partition_count;
    ls_layout *layout;
    ls_slab **slabs; /* by partition >> slab_shift; the first is the one that is being cut */
    unsigned slab_shift;
    size_t slab_count; /* how many share out the partitions */
    /* Events wait here until a partition has some to move, so that reading touches few pages: */
    char *stage;      /* stage_size bytes a partition, a power of two */
    uint32_t *staged; /* by partition: bytes of events that wait there */
    uint32_t stage_size;
    unsigned stage_shift;
};

/* The ingest part of a dataset that is being read; NULL: no memory. */
struct ls_ingest *ls_ingest_of(ls_dataset *dataset);
void ls_ingest_free(ls_dataset *dataset);

/* ---- a file that is being read --------------------------------------------------------------- */

typedef enum ls_role {
    LS_ROLE_NONE,
    LS_ROLE_ID,
    LS_ROLE_CONTACT,
    LS_ROLE_EVENT,
    LS_ROLE_AT,
    LS_ROLE_FROM_OBJECT, /* of associations, from here on */
    LS_ROLE_FROM_ID,
    LS_ROLE_TO_OBJECT,
    LS_ROLE_TO_ID,
    LS_ROLE_LABEL
} ls_role;
#define LS_ASSOCIATION_FIELDS 5

/* A column of the file under one of the product's names: there are several of a column that several
 * renames read. */
typedef struct ls_field {
    ls_string name; /* the product's; length 0: passed over */
    size_t place;   /* which field of the file's rows it is */
    ls_role role;   /* required columns */
    bool identity;  /* an event's id */
    bool kept;
    size_t column;  /* of the table's or events' columns, if kept */
    ls_coder coder; /* if kept or LS_ROLE_EVENT */
} ls_field;

typedef struct ls_reading {
    ls_job job;
    ls_dataset *dataset;
    ls_arena arena; /* texts of the options */
    ls_input input;
    ls_object object; /* whose columns these are */
    const char *name, *list_name;
    uint32_t source;
    bool ndjson, bound, begun;
    bool last; /* no file of this input follows */
    ls_csv csv;
    ls_ndjson lines;
    ls_rename *renames;
    size_t rename_count;
    ls_string *unknown;
    size_t unknown_count;
    ls_writer rejects;
    void *rejects_user;
    ls_buffer reject; /* the row that is being written there */
    ls_field *fields;
    size_t field_count, field_capacity;
    size_t place_count; /* fields of the file that are bound */
    /* Places; id_field: id or contact_id. */
    size_t id_field, event_field, at_field, identity_field;
    size_t event_index; /* of fields, if there is an event_field */
    uint32_t
        *codes; /* records: of a row; events: of a batch, LS_BATCH_ROWS a column of the dataset */
    size_t code_capacity;
    struct ls_event_batch *events;  /* LS_INPUT_EVENTS */
    struct ls_log_reading *log;     /* LS_INPUT_LOG */
    struct ls_scan *scan;           /* of CSV: the fast way; NULL until the columns are bound */
    struct ls_record_scan *records; /* the same of contacts, companies and deals */
    bool scans_alone;               /* these have no fast way */
    unsigned threads;
    bool estimated;                                   /* what the rest will take was asked */
    uint64_t events_before;                           /* kept, of other inputs */
    size_t list_index;                                /* LS_INPUT_LIST: of dataset->lists */
    size_t association_fields[LS_ASSOCIATION_FIELDS]; /* places by role, LS_ROLE_FROM_OBJECT on */
    ls_batch batch;
} ls_reading;

LS_INLINE ls_string ls_reading_field(const ls_reading *reading, size_t row, size_t field)
{
    ls_string none = {NULL, 0};
    return field < reading->batch.stride
               ? ls_trimmed(reading->batch.fields[row * reading->batch.stride + field])
               : none;
}
/* Whether a text that is no id is read as unknown. */
LS_INLINE bool ls_reads_empty(const ls_reading *reading, ls_string text)
{
    for (size_t i = 0; i < reading->unknown_count; i++)
        if (ls_string_equal(reading->unknown[i], text.text, text.length))
            return true;
    return text.length == 0;
}

/* ls_refuse.c. Refuses a row, or lists a cell of a row that is kept: the error that ends the job,
 * or LS_OK after it was written to the rejects. field is 1-based, 0: none. */
int ls_refuse_row(ls_reading *reading, const ls_row *row, size_t field, const char *reason,
                  ls_error *error);
int ls_refuse_cell(ls_reading *reading, const ls_row *row, size_t field, const char *reason,
                   ls_error *error);
/* What its scanner found bad in a row. */
void ls_describe_problem(const ls_reading *reading, const ls_row *row, ls_error *out);
/* Refuses a row that its scanner found bad. */
int ls_refuse_problem(ls_reading *reading, const ls_row *row, ls_error *error);
/* Refuses the cell if it is an object, or if its code cannot be read as the types that are wanted.
 */
int ls_check_cell(ls_reading *reading, const ls_row *row, size_t field, const ls_column *column,
                  uint32_t code, ls_error *error);
/* ls_records.c: whether some text of the columns that the reading keeps cannot be read. */
bool ls_any_unreadable(const ls_reading *reading);

/* The column of a property, which is made if it is new; NULL: no memory. *index: of the table's or
 * events' columns. */
ls_column *ls_find_column(ls_reading *reading, ls_object object, ls_string name, size_t *index);
bool ls_is_expected(const ls_dataset *dataset, ls_object object, ls_string name);

/* ls_estimate.c: LS_ERROR_MEMORY if the events to come cannot fit the context's limit. scanned:
 * bytes so far. It asks once, when enough was read: until then the steps are of LS_ESTIMATE_SAMPLE
 * bytes at most. */
#define LS_ESTIMATE_SAMPLE ((uint64_t)4 * 1024 * 1024)
int ls_check_estimate(ls_reading *reading, uint64_t scanned, ls_error *error);

/* Takes the batch. */
int ls_take_records(ls_reading *reading, ls_error *error);
int ls_take_list(ls_reading *reading, ls_error *error);
int ls_take_events(ls_reading *reading, ls_error *error);
int ls_take_associations(ls_reading *reading, ls_error *error); /* ls_associations.c */
/* Rows of columns that this file lacks become unknown. */
int ls_finish_records(ls_reading *reading, ls_error *error);
int ls_begin_events(ls_reading *reading, ls_error *error);
void ls_end_events(ls_reading *reading);

/* ---- packing: ls_pack.c ---------------------------------------------------------------------- */

/* Events in reading order. */
typedef struct ls_packing {
    size_t count;
    const uint32_t *contacts; /* row, UINT32_MAX: an event that is left out */
    const int64_t *times;
    uint64_t most; /* or more: ls_event_seconds of the times */
    const uint32_t *names;
    const uint32_t *codes; /* of column c of event i: codes[c * step + i] */
    size_t step;
    uint64_t (*identities)[2]; /* hashes of their ids; NULL: they have none */
    const int64_t *stamps;     /* of a log; NULL: they have none */
} ls_packing;

/* The partitions, if there are none yet. These answer LS_OK or LS_ERROR_MEMORY. */
int ls_make_partitions(ls_dataset *dataset);
int ls_pack_events(ls_dataset *dataset, const ls_packing *events);
/* Moves the staged events of a partition to its blocks. */
int ls_flush_partition(ls_dataset *dataset, size_t partition);
/* Notes how much of a partition's last block is used. */
void ls_end_block(ls_partition *partition);
/* Takes the blocks of all partitions before `end` from them: answers the slabs that hold no others,
 * for the caller to free. */
ls_slab *ls_take_slabs(ls_dataset *dataset, size_t end);

/* ---- contacts by id -------------------------------------------------------------------------- */

int ls_index_contacts(ls_dataset *dataset, ls_error *error);
/* Whether other files than a log say nothing of a contact. */
LS_INLINE bool ls_is_hidden(const struct ls_ingest *ingest, size_t row)
{
    return LS_UNLIKELY(ingest->hidden != NULL) && (ingest->hidden[row / 64] >> (row % 64) & 1) != 0;
}
/* The row of the contact with this id (a trimmed text of at least one byte), or UINT32_MAX; value
 * is its ls_canonical_id. */
LS_INLINE uint32_t ls_contact_row(const ls_dataset *dataset, ls_string id, size_t value)
{
    const struct ls_ingest *ingest = dataset->ingest;
    if (LS_LIKELY(value < ingest->direct_count))
        return ingest->direct[value] - 1; /* 0 - 1 is UINT32_MAX */
    uint32_t code =
        ls_dictionary_find(&dataset->tables[LS_CONTACT].id.dictionary, id.text, id.length);
    return code == LS_NO_CODE || ls_is_hidden(ingest, code - 1) ? UINT32_MAX : code - 1;
}
#endif
