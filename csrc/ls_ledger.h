/* The ledger: contacts whose properties and events come one by one and that can be scored,
 * explained and asked for their next change at any time. It is a live dataset: the same record view
 * that the batch reads, so that kernels and walk read it unchanged.
 *
 * Contacts. A row of tables[LS_CONTACT]; its id is a code of the id column like any other text (0:
 * a free row), and row_of finds the row of a code. Forgotten rows are used again.
 *
 * Events. A contact's events are first[row] .. ends[row] - 1 of arrays that all contacts share, in
 * the order in which they came. The span has room for SPAN_ROOM(shift) events; a full one moves to
 * one of twice the room, the old one waits in a list of its size, linked through its times.
 *
 * Nothing that fails leaves a trace: first every text is coded, then room is made for everything,
 * and only then something is written.
 *
 * Files: ls_ledger.c opens, closes, scores; ls_ledger_rows.c keeps contacts; ls_ledger_spans.c
 * keeps room for events; ls_ledger_ids.c knows ids of events; ls_ledger_take.c takes properties and
 * events. */
#ifndef LS_LEDGER_H
#define LS_LEDGER_H

#include "ls_bound.h"
#include "ls_folded.h"
#include "ls_scorer.h"
#include "ls_steady.h"
#include "ls_watch.h"

#define LS_NO_ROW UINT32_MAX
#define LS_NO_COLUMN SIZE_MAX

#define LS_ROW_ARRAYS 6
#define LS_SPAN_SIZES 40
#define LS_NO_SPAN UINT8_MAX
/* The events that a span of this size has room for. */
#define LS_SPAN_ROOM(size) (UINT64_C(4) << (size))

typedef struct ls_ledger_spans {
    uint8_t *sizes;               /* by row: of its span, LS_NO_SPAN: it has none */
    uint64_t free[LS_SPAN_SIZES]; /* by size: the first free span, UINT64_MAX: none */
    uint64_t room;                /* slots that all columns of events have room for */
    uint64_t used;                /* slots up to the last span */
    uint64_t waiting;             /* slots of free spans */
} ls_ledger_spans;

/* The id of an event that came. */
typedef struct ls_known_id {
    uint64_t identity[2];
    uint32_t came; /* seconds since LS_EVENT_BASE */
    uint32_t row;  /* whose event; LS_NO_ROW: a free place */
    uint32_t next,
        previous; /* of the contact's others, LS_NO_ID: none; next: also of free places */
} ls_known_id;
#define LS_NO_ID UINT32_MAX

typedef struct ls_ledger_ids {
    ls_known_id *items;
    uint32_t count, free; /* places in use or free again; the first of these */
    size_t capacity, known;
    uint32_t *slots; /* a hash table of places; LS_NO_ID: free */
    size_t slot_count;
    uint32_t hand;   /* the place that was looked at last */
    uint32_t *first; /* by row: the contact's latest */
} ls_ledger_ids;

/* A column whose dictionary is full. A text that comes then is not kept for itself: the code of one
 * that every definition answers alike stands for it, or, where answers move with the instant or
 * texts are told apart by more than their answers, a code that stands for what was lost. */
typedef struct ls_ledger_classes {
    uint32_t *codes; /* that stand for others too */
    size_t count, capacity;
    uint32_t lost;    /* 0: nothing was */
    uint64_t removed; /* ledger->removed when unused texts were last looked for */
} ls_ledger_classes;

/* What the events of contacts that are scored again and again are worth. A contact has one place,
 * which it shares with others; it is its own from the second time on that it is scored. */
#define LS_KEPT_PLACES 2048
typedef struct ls_ledger_kept {
    struct ls_kept_place {
        uint64_t born;        /* of the contact that was scored last; UINT64_MAX: nobody was */
        bool unchanged;       /* nothing happened to it since it was scored */
        ls_kept_events *kept; /* by definition; NULL: there are none yet */
        ls_steady_record steady;
    } * places;
    size_t definitions;
    ls_steady_finder finder;
} ls_ledger_kept;

/* Who is in a list, by id, whether the contact is there or not. The bits by row are in the
 * dataset's list of the same index. */
typedef struct ls_ledger_members {
    ls_dictionary ids;
    uint8_t *dropped; /* by code: the contact was forgotten */
    size_t dropped_capacity;
} ls_ledger_members;

struct ls_ledger {
    ls_context *context;
    ls_plan *plan; /* NULL: nothing is scored */
    ls_dataset *dataset;
    ls_bound bound;
    ls_ledger_kept kept;
    ls_ledger_options options; /* what was left out is filled */

    size_t contacts; /* that are there; rows, free ones too: tables[LS_CONTACT].count */
    size_t row_capacities[LS_ROW_ARRAYS]; /* of the arrays by row: see ls_ledger_rows.c */
    uint32_t free_row;                    /* LS_NO_ROW: none; the next one is in events.first */
    uint32_t *row_of;                     /* by code of an id: row, LS_NO_ROW: nobody */
    size_t row_of_count, row_of_capacity;
    uint64_t *born;                /* by row: a number that grows from contact to contact */
    uint64_t births, loaded_birth; /* so far; of the first contact that was loaded */
    uint8_t *marks;                /* by row: what happened to it, of ls_ledger_why */

    uint64_t removed; /* values that contacts had and have no more, so far */
    uint64_t events;  /* that contacts have */
    ls_ledger_spans spans;
    ls_ledger_ids ids;
    ls_ledger_members *lists; /* by dataset->lists */
    size_t list_capacity;

    size_t id_column; /* of events: of the property "id"; LS_NO_COLUMN: there is none */
    uint32_t *codes;  /* scratch: of the properties that are being taken */
    size_t code_capacity;
    struct ls_watch *watch; /* NULL: it was never advanced */
    bool hears;             /* changes that are told nobody are noted too */
    bool listed;            /* every list that definitions name was given */
    bool lenient;           /* such a text is read as unknown: asked for, or loaded so */
    bool losses;            /* some column has lost values */
    uint32_t *tuple;        /* scratch: the classes of a text */
    ls_folded **folded; /* by row: what of a contact that was unpacked is folded; NULL: nothing */
    size_t folded_capacity, folded_count;
    uint64_t plans; /* grows with every change of definitions */
    size_t tuple_capacity;
    bool unreadable; /* some text cannot be read as the types that definitions want */
};

LS_INLINE ls_table *ls_ledger_table(const ls_ledger *ledger)
{
    return &ledger->dataset->tables[LS_CONTACT];
}
LS_INLINE bool ls_ledger_is_there(const ls_ledger *ledger, size_t row)
{
    const ls_table *table = ls_ledger_table(ledger);
    return row < table->count && ls_column_code(&table->id, row) != 0;
}
LS_INLINE size_t ls_ledger_event_count(const ls_ledger *ledger, size_t row)
{
    const ls_events *events = &ledger->dataset->events;
    return (size_t)(events->ends[row] - events->first[row]);
}

/* ---- ls_ledger.c ----------------------------------------------------------------------------- */

/* Whether such a plan is for a ledger. */
int ls_ledger_check_plan(const ls_plan *plan, ls_error *error);

/* ---- ls_ledger_kept.c ------------------------------------------------------------------------ */

/* The row's events are others than those that were scored: what they were worth is not kept. */
void ls_ledger_kept_drop(ls_ledger *ledger, size_t row);
/* Something happened to the row's contact: what stays of its scores is to be found anew. */
void ls_ledger_kept_touch(ls_ledger *ledger, size_t row);
/* The contact's place; NULL: it was not scored yet, or there is no memory. */
struct ls_kept_place *ls_ledger_kept_of(ls_ledger *ledger, size_t row);
/* What the kernel is to use and keep of it for a definition: NULL: nothing. */
ls_kept_events *ls_ledger_keep(ls_ledger *ledger, const ls_binding *binding, ls_kept_events *kept);
void ls_ledger_kept_free(ls_ledger *ledger);

/* ---- ls_ledger_columns.c --------------------------------------------------------------------- */

/* Every property that the plan reads has a column then; of what came before it is unknown. */
int ls_ledger_add_columns(ls_ledger *ledger, const ls_plan *plan);
/* The first property that the plan reads and that has no column; NULL: all have. *definition:
 * whose. */
const ls_property *ls_ledger_missing(const ls_ledger *ledger, const ls_plan *plan,
                                     size_t *definition);
/* Columns are read as the plan does (NULL: nothing is read), and the texts that there are looked
 * at.
 */
int ls_ledger_read_as(ls_ledger *ledger, const ls_plan *plan);
/* The column of a property of contacts or events, made if everything is kept; LS_NO_COLUMN: it is
 * not kept. Errors: memory; there are too many. */
int ls_ledger_column(ls_ledger *ledger, ls_object owner, ls_string name, size_t *out,
                     ls_error *error);

/* Whether contacts can be scored at the instant: there are definitions, and their lists. */
int ls_ledger_check(ls_ledger *ledger, int64_t at, ls_error *error);
/* Whether definitions can read what is known of the contact. */
bool ls_ledger_readable(const ls_ledger *ledger, size_t row);

/* ---- ls_ledger_rows.c ------------------------------------------------------------------------ */

/* The row of a trimmed id, or LS_NO_ROW. */
uint32_t ls_ledger_row(const ls_ledger *ledger, ls_string id);
/* The same; a contact that is not there begins. LS_NO_ROW with the error filled: the id cannot be
 * read as a definition reads it; memory. */
uint32_t ls_ledger_begin(ls_ledger *ledger, ls_string id, ls_error *error);
/* Whoever has the id is in no list any more, whether he is there or comes later. */
void ls_ledger_leave_lists(ls_ledger *ledger, ls_string id);
/* The contact's row is free again; its id stays in the lists: for one that began in vain or comes
 * again. */
void ls_ledger_vacate(ls_ledger *ledger, size_t row);
/* Room for so many rows in everything that is by row. */
int ls_ledger_reserve_rows(ls_ledger *ledger, size_t count);
void ls_ledger_rows_free(ls_ledger *ledger);

/* ---- ls_ledger_spans.c ----------------------------------------------------------------------- */

/* Makes room for so many more events of a row from events.ends[row] on. */
int ls_ledger_reserve(ls_ledger *ledger, size_t row, size_t more);
/* Times become 64-bit seconds: one came that 32 bits do not hold. */
int ls_ledger_widen(ls_ledger *ledger);
/* The row's span is free. */
void ls_ledger_release(ls_ledger *ledger, size_t row);

/* ---- ls_ledger_ids.c ------------------------------------------------------------------------- */

/* What stands for an event's id; false: it is empty. */
bool ls_ledger_identify(ls_string id, uint64_t out[2]);
/* Whether an event of the contact's with this id has come, and the horizon has not passed. */
bool ls_ledger_knows(const ls_ledger *ledger, uint32_t row, const uint64_t identity[2],
                     int64_t now);
/* Makes room for one more id; then it can be noted. now: when its event came. */
int ls_ledger_reserve_id(ls_ledger *ledger, int64_t now);
/* Whether the horizon has passed since an event came. */
bool ls_ledger_id_passed(const ls_ledger *ledger, int64_t came, int64_t now);
void ls_ledger_note_id(ls_ledger *ledger, uint32_t row, const uint64_t identity[2], int64_t now);
/* Makes room for so many more ids. */
int ls_ledger_reserve_ids(ls_ledger *ledger, size_t count);
void ls_ledger_forget_ids(ls_ledger *ledger, size_t row);
void ls_ledger_ids_free(ls_ledger *ledger);

/* ---- ls_ledger_class.c ----------------------------------------------------------------------- */

/* Whether the column's dictionary has no room for a text of this length. */
bool ls_ledger_is_full(const ls_ledger *ledger, const ls_column *column, size_t length);
/* The code that stands for a new text that can be read, in a column that is full. */
int ls_ledger_class(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out,
                    ls_error *error);
/* Whether the code stands for other texts than its own too: what it stands for is known to the
 * definitions that there are, not to others. */
bool ls_ledger_stands(const ls_column *column, uint32_t code);
/* Whether some contact has a value of the column that stands for others: then definitions that were
 * not there when it was classed may not read it. column NULL: it is not kept. Looks at every value.
 */
bool ls_ledger_is_classed(const ls_ledger *ledger, const ls_column *column);
/* An error where a value of the contact's that definitions read was lost. */
int ls_ledger_check_lost(const ls_ledger *ledger, size_t row, ls_error *error);
void ls_ledger_classes_free(ls_ledger *ledger, ls_column *column);

/* ---- ls_ledger_collect.c --------------------------------------------------------------------- */

bool ls_ledger_is_of_events(const ls_ledger *ledger, const ls_column *column);
/* Drops the texts of a column that no contact has, where there may be enough of them to be worth
 * it. What was coded for the column and is not put yet is void. */
void ls_ledger_collect(ls_ledger *ledger, ls_column *column);

/* ---- ls_ledger_lists.c ----------------------------------------------------------------------- */

/* An error where a list that the plan names was not given. */
int ls_ledger_check_lists(const ls_ledger *ledger, const ls_plan *plan, ls_error *error);
/* What a loaded list says of companies and deals, and of ids that nobody has. */
int ls_ledger_list_keep(ls_ledger *ledger, const ls_list *list, ls_error *error);
void ls_ledger_lists_free(ls_ledger *ledger);

/* ---- ls_ledger_take.c ------------------------------------------------------------------------ */

/* A property of an event or a contact: a text for one of its columns, or LS_SCORER_ID: the event's
 * own id. */
typedef ls_scorer_value ls_ledger_value;
typedef struct ls_ledger_event {
    ls_string contact, name;
    int64_t at, now;
    const ls_ledger_value *values;
    size_t count;
} ls_ledger_event;
/* The code of a text that may be one that definitions cannot read. LS_OK or LS_ERROR_MEMORY. */
int ls_ledger_code(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out);
/* The code of a text, or of what stands for it where the column is full. Errors: memory; it cannot
 * be read as definitions read it. */
int ls_ledger_code_text(ls_ledger *ledger, ls_column *column, ls_string text, uint32_t *out,
                        ls_error *error);
/* *bad: after an error, the value that is wrong; its count: the event itself. */
int ls_ledger_take(ls_ledger *ledger, const ls_ledger_event *event, bool *repeated, size_t *bad,
                   ls_error *error);
/* Properties of a contact, which begins if it is not there. */
int ls_ledger_put(ls_ledger *ledger, ls_string contact, const ls_ledger_value *values, size_t count,
                  size_t *bad, ls_error *error);

/* ---- ls_ledger_pack.c ------------------------------------------------------------------------ */

/* What of the row's contact is folded, or NULL. */
LS_INLINE ls_folded *ls_ledger_folded(const ls_ledger *ledger, size_t row)
{
    return row < ledger->folded_capacity ? ledger->folded[row] : NULL;
}
int ls_ledger_reserve_folded(ls_ledger *ledger, size_t row);
/* The ledger keeps `folded` (may be NULL) in place of what it had; room is there unless NULL. */
void ls_ledger_set_folded(ls_ledger *ledger, size_t row, ls_folded *folded);
void ls_ledger_free_folded(ls_ledger *ledger);
/* Whether a contact of which something is folded can be scored at the instant. */
int ls_ledger_ask_folded(const ls_ledger *ledger, ls_folded *folded, int64_t at, ls_error *error);

/* ---- ls_ledger_advance.c --------------------------------------------------------------------- */

/* Something that may move the contact's scores has happened (of ls_ledger_why); 0: it came from
 * where it was known before, so that its first scores are no change. */
void ls_ledger_touch(ls_ledger *ledger, size_t row, unsigned why);
/* Other definitions take over. First what can fail: *out is what is remembered, for the plan
 * `after`. Then, once the ledger has that plan and its bindings, ls_ledger_followed; quiet:
 * contacts to which nothing else happened change without a word. */
int ls_ledger_follow(const ls_ledger *ledger, const ls_plan *after, struct ls_watch **out);
void ls_ledger_followed(ls_ledger *ledger, struct ls_watch *watch, bool quiet);
#endif
