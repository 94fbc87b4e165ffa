/* leadscore: scores contacts, companies and deals from score definitions, exactly and explainably.
 *
 * The core knows no Lua, keeps no global state, prints nothing and never exits. Everything hangs
 * off an ls_context (allocator and limits). Functions that can fail return an ls_status and take
 * the caller's ls_error last (may be NULL); on failure their out parameters are NULL or untouched.
 * A text is a pointer and a length in bytes, UTF-8, not necessarily ended by a zero. Points are
 * integers of one millionth of a point (38.75 points are 38750000). Instants are seconds since
 * 1970-01-01T00:00:00Z, spans are seconds.
 *
 * A context and what hangs off it belong to one thread at a time; distinct contexts are
 * independent. Objects may be closed in any order: a job, scorer or result keeps what it needs
 * alive. */
#ifndef LEADSCORE_H
#define LEADSCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LS_VERSION_MAJOR 0
#define LS_VERSION_MINOR 1
#define LS_VERSION_PATCH 0
#define LS_VERSION "0.1.0"
/* The version of the scoring language that this core understands. */
#define LS_LANGUAGE 1

#ifndef LS_API
#if defined(__GNUC__)
#define LS_API __attribute__((visibility("default")))
#else
#define LS_API
#endif
#endif

typedef enum ls_status {
    LS_OK = 0,
    LS_MORE = 1,              /* a job has more to do: call ls_job_step again */
    LS_ERROR_MEMORY = -1,     /* an allocation failed, or the context's limit was reached */
    LS_ERROR_DEFINITION = -2, /* a definition is wrong */
    LS_ERROR_INPUT = -3,      /* a file's row, cell or a datum is wrong */
    LS_ERROR_USAGE = -4,      /* the caller's arguments do not fit */
    LS_ERROR_IO = -5,         /* reading or writing failed */
    LS_ERROR_RANGE = -6       /* a sum passed 10^12 points; the message names record and rule */
} ls_status;

#define LS_ERROR_TEXT 512
typedef struct ls_error {
    ls_status status;
    uint64_t line;               /* of the file, 1-based; 0: none */
    uint64_t column;             /* field of the line, 1-based; 0: none */
    char file[128];              /* as the caller named it; "" if none */
    char message[LS_ERROR_TEXT]; /* one lower-case line: where, expected, got; cut at a character */
} ls_error;

typedef enum ls_object { LS_CONTACT = 0, LS_COMPANY = 1, LS_DEAL = 2, LS_EVENT = 3 } ls_object;

/* The version of this library ("0.1.0") and of the Unicode data that case folding uses ("15.0.0").
 */
LS_API const char *ls_version(void);
LS_API const char *ls_unicode_version(void);

/* ---- context --------------------------------------------------------------------------------- */

/* reallocate(user, block, old size, new size): new size 0 frees; NULL is failure. Never called from
 * another thread than the caller's. */
typedef struct ls_allocator {
    void *(*reallocate)(void *user, void *block, size_t old_size, size_t new_size);
    void *user;
} ls_allocator;

typedef struct ls_context ls_context;

/* allocator may be NULL (malloc). max_memory in bytes, 0: no limit. */
LS_API int ls_context_new(const ls_allocator *allocator, size_t max_memory, ls_context **out);
LS_API void ls_context_close(
    ls_context *context); /* counted: freed with the last object that needs it */
LS_API size_t ls_context_memory(const ls_context *context); /* bytes held now */
LS_API size_t ls_context_peak(const ls_context *context);   /* most bytes held so far */
/* Whether to do without what this processor has beyond what the build was made for (AVX2): nothing
 * but the time depends on it. For datasets of this context, from now on; false at first. */
LS_API void ls_context_portable(ls_context *context, bool portable);

/* ---- plan ------------------------------------------------------------------------------------ */

/* A set of definitions, compiled; immutable. Made from the canonical form (JSON, see the
 * reference), as the Lua module's checker or `leadscore check --canonical` prints it. */
typedef struct ls_plan ls_plan;

LS_API int ls_plan_new(ls_context *context, const char *canonical, size_t length, ls_plan **out,
                       ls_error *error);
LS_API void ls_plan_close(ls_plan *plan);
LS_API size_t ls_plan_count(const ls_plan *plan); /* definitions, in the order given */
LS_API const char *ls_plan_name(const ls_plan *plan, size_t definition);
LS_API ls_object ls_plan_object(const ls_plan *plan, size_t definition);
LS_API bool ls_plan_combined(const ls_plan *plan, size_t definition);   /* has fit and engagement */
LS_API bool ls_plan_has_labels(const ls_plan *plan, size_t definition); /* has thresholds */
/* What a host must fetch: the i-th property that any definition reads; false past the last. type is
 * "text", "number", "boolean", "datetime" or "set". */
LS_API bool ls_plan_field(const ls_plan *plan, size_t i, ls_object *object, const char **name,
                          const char **type);
/* The i-th list (in_list, not_in_list) that any definition names; NULL past the last. */
LS_API const char *ls_plan_list(const ls_plan *plan, size_t i);

/* ---- jobs ------------------------------------------------------------------------------------ */

/* Everything long is a job: step it until it no longer answers LS_MORE, then close it. Closing
 * early cancels. Threads live only inside a step. */
typedef struct ls_job ls_job;
typedef struct ls_progress {
    const char *phase; /* "read", "group", "score", "write" */
    const char *unit;  /* "bytes", "events", "records" */
    uint64_t done;
    uint64_t total; /* 0: not known */
} ls_progress;

/* budget: about how many units of work this step may do; 0: all. */
LS_API int ls_job_step(ls_job *job, uint64_t budget, ls_error *error);
LS_API void ls_job_progress(const ls_job *job, ls_progress *out);
LS_API void ls_job_close(ls_job *job);

/* ---- dataset --------------------------------------------------------------------------------- */

typedef struct ls_dataset ls_dataset;

typedef enum ls_input {
    LS_INPUT_CONTACTS,
    LS_INPUT_COMPANIES,
    LS_INPUT_DEALS,
    LS_INPUT_EVENTS,
    LS_INPUT_ASSOCIATIONS,
    LS_INPUT_LIST,
    LS_INPUT_LOG
} ls_input;

typedef enum ls_format { LS_FORMAT_CSV, LS_FORMAT_NDJSON } ls_format;

/* read(user, buffer, size) -> bytes read, 0 at the end, -1 on failure */
typedef int64_t (*ls_reader)(void *user, char *buffer, size_t size);
/* write(user, bytes, size) -> 0, or -1 on failure */
typedef int (*ls_writer)(void *user, const char *bytes, size_t size);

typedef struct ls_rename {
    const char *column; /* the name the product uses */
    const char *header; /* the name in the file's first row, or of members in NDJSON */
} ls_rename;

#define LS_MAX_THREADS 256

typedef struct ls_input_options {
    ls_input input;
    ls_format format;
    bool gzip;
    bool bytes;     /* NDJSON: texts may hold bytes that are no UTF-8, as those of CSV may */
    bool last;      /* no file of this input follows: a rename whose header none had is an error */
    char delimiter; /* 0: comma */
    const char *name; /* for messages */
    const char *list; /* LS_INPUT_LIST: the list's name */
    const char *path; /* file to read; NULL: use reader */
    ls_reader reader; /* instead of path (standard input, tests) */
    void *reader_user;
    const ls_rename *renames; /* array */
    size_t rename_count;
    const char *const *unknown; /* texts read as empty, but for ids */
    size_t unknown_count;
    ls_writer rejects; /* NULL: the first bad row or cell ends the job with LS_ERROR_INPUT */
    void *rejects_user;
    unsigned
        threads; /* that share a CSV file of events or records, LS_MAX_THREADS at most; 0: one */
} ls_input_options;

LS_API int ls_dataset_new(ls_context *context, ls_dataset **out, ls_error *error);
LS_API void ls_dataset_close(ls_dataset *dataset);
/* Keep only the columns that the plan reads (may be called for several plans, before reading) and
 * check their cells while reading. Never called: every column is kept, cells are checked when a
 * plan asks. */
LS_API int ls_dataset_expect(ls_dataset *dataset, const ls_plan *plan, ls_error *error);
/* A job that reads one input. Contacts, companies and deals come before events, the files of a log
 * (NDJSON: lines of an event log, in any order) before contacts. Strings are copied. */
LS_API int ls_dataset_read(ls_dataset *dataset, const ls_input_options *options, ls_job **out,
                           ls_error *error);
/* A job that groups the events by contact; ends reading. threads: 1 to LS_MAX_THREADS. */
LS_API int ls_dataset_group(ls_dataset *dataset, unsigned threads, ls_job **out, ls_error *error);

/* Keep this column of an object too, whatever the plans read (before reading). */
LS_API int ls_dataset_keep(ls_dataset *dataset, ls_object object, const char *name,
                           ls_error *error);
/* The same; its cells are checked while reading, as those of a plan that reads it as this type:
 * "text", "number", "boolean" or "datetime". */
LS_API int ls_dataset_keep_as(ls_dataset *dataset, ls_object object, const char *name,
                              const char *type, ls_error *error);
/* Keep the ids of events (before reading), about 24 bytes each, for ls_ledger_load. */
LS_API int ls_dataset_keep_event_ids(ls_dataset *dataset, ls_error *error);

/* Account matching, after reading and before grouping: contacts without a primary company get the
 * company one of whose domains (its property `domain`, several with ';') their address lies in,
 * else the one of the same name but for case, punctuation and legal form. Associations made so are
 * labelled Primary, and "Matched by domain" (strong) or "Matched by name" (weak). */
typedef struct ls_match_options {
    const char *email; /* the contacts' property with an e-mail address; NULL: not by domain */
    const char *name;  /* the contacts' property with a company's name; NULL: not by name */
    const char *const *free_mail; /* domains that say nothing of the company */
    size_t free_mail_count;
} ls_match_options;

typedef struct ls_match_counts {
    uint64_t associated; /* had a primary company already */
    uint64_t by_domain, by_name;
    uint64_t unmatched;    /* among them: */
    uint64_t free_mail;    /* the address is of a free-mail domain */
    uint64_t several;      /* several companies claim the domain or name */
    uint64_t no_value;     /* no address and no name */
    uint64_t free_domains; /* domains of companies that are free-mail ones: they match nobody */
} ls_match_counts;

typedef enum ls_match_outcome {
    LS_MATCH_NOT_ASKED, /* no such column is matched, or the contact had a company before */
    LS_MATCHED,
    LS_MATCH_NO_VALUE,
    LS_MATCH_FREE_MAIL,
    LS_MATCH_NO_COMPANY,
    LS_MATCH_SEVERAL
} ls_match_outcome;

typedef struct ls_account_match {
    ls_match_outcome by_domain, by_name;
} ls_account_match;

LS_API int ls_dataset_match(ls_dataset *dataset, const ls_match_options *options,
                            ls_match_counts *out, ls_error *error);
LS_API ls_account_match ls_dataset_match_of(const ls_dataset *dataset,
                                            size_t row); /* of a contact */

typedef struct ls_dataset_counts {
    uint64_t records[3];         /* by ls_object */
    uint64_t events;             /* kept */
    uint64_t unknown_contact;    /* events of contacts that are not there */
    uint64_t repeated;           /* events whose id came before for that contact */
    uint64_t unknown_associated; /* associations with records that are not there */
    uint64_t rejected_rows;
    uint64_t rejected_cells;
    uint64_t log_lines; /* of a log: all of them; those taken: */
    uint64_t log_events, log_sets, log_forgets;
} ls_dataset_counts;
LS_API void ls_dataset_count(const ls_dataset *dataset, ls_dataset_counts *out);
/* The i-th file of a log whose last line has no end, and so was passed over: its name and the line;
 * NULL past the last, and once the events are grouped. */
LS_API const char *ls_dataset_unfinished(const ls_dataset *dataset, size_t i, uint64_t *line);
/* Events later than the instant. */
LS_API uint64_t ls_dataset_future(const ls_dataset *dataset, int64_t at);
/* The row of the record with this id, or -1. */
LS_API int64_t ls_dataset_find(const ls_dataset *dataset, ls_object object, const char *id,
                               size_t length);
LS_API const char *ls_dataset_id(const ls_dataset *dataset, ls_object object, size_t row,
                                 size_t *length);
/* The i-th column's name of an object (or of LS_EVENT) as read, kept or not; NULL past the last. */
LS_API const char *ls_dataset_column(const ls_dataset *dataset, ls_object object, size_t i);
LS_API bool ls_dataset_has_list(const ls_dataset *dataset, const char *name);
/* The text of a cell as read, "" where it is empty or there is no such column (or it was not kept).
 */
LS_API const char *ls_dataset_value(const ls_dataset *dataset, ls_object object, size_t row,
                                    const char *column, size_t *length);

/* All cells of a column: equal texts have one code, empty ones 0. count: of codes, from 0. */
typedef struct ls_cells {
    const void *column; /* of the core; NULL: there is no such column */
    uint32_t count;
} ls_cells;
LS_API ls_cells ls_dataset_cells(const ls_dataset *dataset, ls_object object, const char *column);
LS_API uint32_t ls_cells_code(const ls_cells *cells, size_t row);
LS_API const char *ls_cells_text(const ls_cells *cells, uint32_t code, size_t *length);

/* The records of another object that a row is associated with, once the dataset is grouped. */
typedef struct ls_associated {
    const uint32_t *rows;
    size_t count;
    const void *links; /* of the core */
    size_t first;
} ls_associated;
LS_API ls_associated ls_dataset_associated(const ls_dataset *dataset, ls_object object, size_t row,
                                           ls_object other);
/* How many associations there are between all records of two objects. */
LS_API uint64_t ls_dataset_associations(const ls_dataset *dataset, ls_object object,
                                        ls_object other);
/* Whether the i-th association is labelled Primary. */
LS_API bool ls_associated_primary(const ls_dataset *dataset, const ls_associated *associated,
                                  size_t i);
/* The number of its set of labels: associations with the same labels have the same. */
LS_API uint32_t ls_associated_set(const ls_associated *associated, size_t i);
/* The k-th label of the i-th, folded; NULL past the last. */
LS_API const char *ls_associated_label(const ls_dataset *dataset, const ls_associated *associated,
                                       size_t i, size_t k, size_t *length);

/* For each contact the time of its latest event of these names (none: of any) up to `at`, INT64_MIN
 * where there is none, and how many there are. latest and counts have room for every contact. */
LS_API int ls_dataset_activity(const ls_dataset *dataset, const char *const *events, size_t count,
                               int64_t at, int64_t *latest, uint64_t *counts, ls_error *error);
/* The latest events of a contact up to `at`, of these names (none: of any), latest first: their
 * indexes into out, which has room for most; *count: how many. */
LS_API int ls_dataset_latest(const ls_dataset *dataset, size_t contact, const char *const *events,
                             size_t event_count, int64_t at, size_t most, uint64_t *out,
                             size_t *count, ls_error *error);
LS_API int64_t ls_dataset_event_time(const ls_dataset *dataset, uint64_t event);
/* A property of an event ("event": its name), "" where it is empty. */
LS_API const char *ls_dataset_event_value(const ls_dataset *dataset, uint64_t event,
                                          const char *column, size_t *length);

/* ---- scoring --------------------------------------------------------------------------------- */

typedef struct ls_result ls_result;

/* One record's score. value, fit and engagement are in millionths; empty: they are not there. */
typedef struct ls_score {
    int64_t value;
    int64_t fit;        /* 0 unless the score is combined */
    int64_t engagement; /* 0 unless the score is combined */
    const char *label;  /* owned by the plan; NULL without thresholds or when empty */
    bool empty;
    bool scored; /* some rule fired */
    bool in_scope;
} ls_score;

/* A job that scores every record of the plan's objects at an instant; *result is filled when it is
 * done and is the caller's to close at any time after the job. */
LS_API int ls_score_all(const ls_plan *plan, ls_dataset *dataset, int64_t at, unsigned threads,
                        ls_result **result, ls_job **out, ls_error *error);
/* Without a limit of memory the dataset keeps its columns, for the next result of that size. */
LS_API void ls_result_close(ls_result *result);
LS_API size_t ls_result_count(const ls_result *result, ls_object object);
LS_API int64_t ls_result_at(const ls_result *result);
LS_API int ls_result_get(const ls_result *result, size_t definition, size_t row, ls_score *out);
/* next_change_at of one record: *at is set, or *known is false where nothing will change. */
LS_API int ls_result_next_change(const ls_result *result, size_t definition, size_t row,
                                 bool *known, int64_t *at, ls_error *error);
/* rows of the n largest values (ties: earlier row first), out has room for n; *count: how many
 * there are. */
LS_API int ls_result_top(const ls_result *result, size_t definition, size_t n, size_t *out,
                         size_t *count, ls_error *error);

/* A job that writes the scores of one object in input order: id, then for each score NAME,
 * NAME_engagement, NAME_fit, NAME_label, and with extra NAME_scored, NAME_next_change_at. Without
 * extra it has as many threads as scored; `writer` is called by the caller's alone. */
LS_API int ls_result_write(const ls_result *result, ls_object object, ls_format format, bool extra,
                           ls_writer writer, void *user, ls_job **out, ls_error *error);
/* The distribution of one score as JSON: {name, count, scored, empty, out_of_scope, mean, min, max,
 * quantiles: [{at, value}], labels: [{label, count}], histogram: [{from, to, count}]}; passed to
 * writer. */
LS_API int ls_result_distribution(const ls_result *result, size_t definition, size_t bins,
                                  ls_writer writer, void *user, ls_error *error);
/* Why a record has its scores, as JSON (the form of `leadscore explain --json`); passed to writer.
 */
LS_API int ls_explain(const ls_plan *plan, ls_dataset *dataset, ls_object object, size_t row,
                      int64_t at, ls_writer writer, void *user, ls_error *error);

/* One record at a time: fill it, score it. Texts seen before are found in dictionaries that the
 * scorer keeps (and drops when they pass its limit). */
typedef struct ls_scorer ls_scorer;
LS_API int ls_scorer_new(const ls_plan *plan, ls_scorer **out, ls_error *error);
LS_API void ls_scorer_close(ls_scorer *scorer);
/* Forgets the record; the next one begins. */
LS_API void ls_scorer_clear(ls_scorer *scorer);
LS_API int ls_scorer_set(ls_scorer *scorer, const char *name, size_t name_length, const char *value,
                         size_t length, ls_error *error);
/* Starts an event; ls_scorer_event_set then sets its properties. */
LS_API int ls_scorer_event(ls_scorer *scorer, const char *event, size_t length, int64_t at,
                           ls_error *error);
LS_API int ls_scorer_event_set(ls_scorer *scorer, const char *name, size_t name_length,
                               const char *value, size_t length, ls_error *error);
LS_API int ls_scorer_in_list(ls_scorer *scorer, const char *list, size_t length, ls_error *error);
/* out has room for ls_plan_count scores. */
LS_API int ls_scorer_score(ls_scorer *scorer, int64_t at, ls_score *out, ls_error *error);
LS_API int ls_scorer_next_change(ls_scorer *scorer, int64_t at, size_t definition, bool *known,
                                 int64_t *out, ls_error *error);
LS_API int ls_scorer_explain(ls_scorer *scorer, int64_t at, ls_writer writer, void *user,
                             ls_error *error);

/* ---- ledger ---------------------------------------------------------------------------------- */

/* Contacts that live: their properties and events come one by one, out of order, late or twice, and
 * each can be scored, explained and asked for its next change at any instant. The answers are those
 * of a dataset that has the same properties and events. Events later than the instant do not exist
 * at it. */
typedef struct ls_ledger ls_ledger;

typedef struct ls_ledger_options {
    int64_t horizon; /* seconds that an event's id is known after the event came; 0: 90 days */
    /* Texts that are kept of a property, and bytes of these; 0: 1,000,000 and 256 MiB, or, where
     * everything is kept, no bound. Past them, texts that all definitions answer alike share one.
     */
    uint32_t max_values;
    uint64_t max_bytes;
    bool keep_all; /* keep every property, not only those that the plan reads */
    /* A value that cannot be read as a definition wants it is unknown, as in a file that is read
     * with rejects; else what has it is refused. */
    bool lenient;
} ls_ledger_options;

/* A property: its name, and its text as a file would have it ("": unknown). */
typedef struct ls_ledger_property {
    const char *name;
    size_t name_length;
    const char *text;
    size_t length;
} ls_ledger_property;

/* plan: definitions of contacts that ask nothing of associated records; NULL: nothing is scored.
 * options may be NULL. */
LS_API int ls_ledger_new(ls_context *context, const ls_plan *plan, const ls_ledger_options *options,
                         ls_ledger **out, ls_error *error);
LS_API void ls_ledger_close(ls_ledger *ledger);
/* A list that definitions name, and who is in it, whether the contact is there yet or not. */
LS_API int ls_ledger_list(ls_ledger *ledger, const char *name, size_t length, ls_error *error);
LS_API int ls_ledger_list_add(ls_ledger *ledger, const char *name, size_t length, const char *id,
                              size_t id_length, ls_error *error);
/* Adds an event, whose property "id", where it has one, is what tells it from others of the
 * contact: *repeated: it came before, and nothing was done. now: when it came. A contact that is
 * not there begins. Nothing is done after an error: LS_ERROR_INPUT: a property cannot be read as a
 * definition reads it; the contact's id or the event's name is empty. */
LS_API int ls_ledger_add(ls_ledger *ledger, const char *contact, size_t contact_length,
                         const char *event, size_t event_length, int64_t at,
                         const ls_ledger_property *properties, size_t count, int64_t now,
                         bool *repeated, ls_error *error);
/* Sets properties of a contact; the others stay. A contact that is not there begins. Errors as
 * above. */
LS_API int ls_ledger_set(ls_ledger *ledger, const char *contact, size_t contact_length,
                         const ls_ledger_property *properties, size_t count, ls_error *error);
/* Forgets a contact, with its events and their ids, and the lists that it is in, also where it was
 * not there, which is false: whoever comes with its id later is in no list. */
LS_API bool ls_ledger_forget(ls_ledger *ledger, const char *contact, size_t length);
/* Gives up what is known of a contact, which stays in its lists: it is kept elsewhere, and comes
 * again. False: it was not there. */
LS_API bool ls_ledger_evict(ls_ledger *ledger, const char *contact, size_t length);
LS_API size_t ls_ledger_count(const ls_ledger *ledger); /* contacts */
/* The row of a contact, or -1. Rows stay until the contact is forgotten; then others get them. */
LS_API int64_t ls_ledger_find(const ls_ledger *ledger, const char *contact, size_t length);
LS_API size_t ls_ledger_rows(const ls_ledger *ledger); /* rows are 0 .. this - 1 */
/* The id of a row's contact; NULL: the row is free. */
LS_API const char *ls_ledger_id(const ls_ledger *ledger, size_t row, size_t *length);
/* out has room for ls_plan_count scores. */
LS_API int ls_ledger_score(ls_ledger *ledger, size_t row, int64_t at, ls_score *out,
                           ls_error *error);
LS_API int ls_ledger_next_change(ls_ledger *ledger, size_t row, int64_t at, size_t definition,
                                 bool *known, int64_t *out, ls_error *error);
LS_API int ls_ledger_explain(ls_ledger *ledger, size_t row, int64_t at, ls_writer writer,
                             void *user, ls_error *error);
/* Takes over the contacts of a grouped dataset, before there are any in the ledger; its lists too,
 * and the ids of events if it keeps them. now: the instant of it; an id is known until the horizon
 * has passed since its event came, which is when its line was written to a log, else the event's
 * own time, and `now` at the latest. Companies, deals and associations come along for
 * ls_ledger_dataset. After an error there are no contacts. */
LS_API int ls_ledger_load(ls_ledger *ledger, const ls_dataset *dataset, int64_t now,
                          ls_error *error);
/* A new, grouped dataset of what the ledger holds: contacts in the order in which they began, and
 * the ids of events that it knows. It is independent of the ledger; context: whose memory it takes.
 */
LS_API int ls_ledger_dataset(const ls_ledger *ledger, ls_context *context, ls_dataset **out,
                             ls_error *error);
/* Puts other definitions in place of the ones that there are. silent: contacts' scores move without
 * anything being said of it. After an error the old ones stay: LS_ERROR_DEFINITION: one reads a
 * property that was not kept of the contacts that are there; LS_ERROR_INPUT: one names a list that
 * was not given; as for ls_ledger_new. */
LS_API int ls_ledger_replace(ls_ledger *ledger, const ls_plan *plan, bool silent, ls_error *error);
/* Whether a definition is served: exactly for every contact. why: room for a text that says why
 * not, NULL if it is not wanted. Contacts that have a value which the definition wants and which
 * was not kept are refused by ls_ledger_score; once they are forgotten it is served again. Looks at
 * every value of properties of which some were not kept. */
LS_API bool ls_ledger_serves(const ls_ledger *ledger, size_t definition, char why[LS_ERROR_TEXT]);
/* Packs a contact into one string, passed to writer: its properties, its events, the ids of events
 * within the horizon. at NULL: everything is kept as it is, and the state is good for every instant
 * and all definitions whose properties are kept. Else events that cannot matter any more to a
 * definition of the ledger at or after *at are folded: the state then holds from *at on, and for
 * definitions that ask of those events what these ask. */
LS_API int ls_ledger_pack(ls_ledger *ledger, size_t row, const int64_t *at, ls_writer writer,
                          void *user, ls_error *error);
/* Takes a packed state in place of what the ledger holds of the contact, which begins if it is not
 * there. Nothing is done after an error: LS_ERROR_INPUT: the state is foreign, damaged or of a
 * later version; it lacks what a definition needs (the message names it); a text cannot be read as
 * a definition reads it. */
LS_API int ls_ledger_unpack(ls_ledger *ledger, const char *contact, size_t contact_length,
                            const char *state, size_t length, ls_error *error);
typedef struct ls_ledger_counts {
    uint64_t contacts, events;
    uint64_t values; /* texts that are kept, ids of contacts too */
    uint64_t bytes;  /* of these */
} ls_ledger_counts;
LS_API void ls_ledger_counted(const ls_ledger *ledger, ls_ledger_counts *out);

/* Time passes. A ledger that is advanced remembers every contact's scores, and when each may be
 * another one; advancing scores again only contacts to which something happened and those that are
 * due. */
typedef enum ls_ledger_why {
    LS_WHY_EVENT = 1,
    LS_WHY_PROPERTY = 2,
    LS_WHY_TIME = 4,
    LS_WHY_DEFINITION = 8
} ls_ledger_why;

typedef struct ls_ledger_change {
    size_t row, definition;
    bool had, has;                     /* a value: before, now */
    int64_t from, to;                  /* millionths */
    const char *label_from, *label_to; /* "" without one; until changes are taken */
    size_t label_from_length, label_to_length;
    ls_ledger_why why; /* of several the first of: event, property, definition */
    bool quiet;        /* for those who asked to hear all */
} ls_ledger_change;

/* Scores what is due at the instant and notes what changed, in the order of rows and definitions;
 * the first scores of a contact are a change too unless it came with a dataset. quiet: changes are
 * told nobody. Changes wait until they are taken, also after a failure; the next advance goes on
 * where this one stopped. LS_ERROR_USAGE: the instant is earlier than that of the last advance. */
LS_API int ls_ledger_advance(ls_ledger *ledger, int64_t at, bool quiet, ls_error *error);
LS_API size_t ls_ledger_change_count(const ls_ledger *ledger);
LS_API void ls_ledger_change_get(const ls_ledger *ledger, size_t i, ls_ledger_change *out);
LS_API void ls_ledger_changes_taken(ls_ledger *ledger);
/* Whether quiet changes are noted too; not at first. */
LS_API void ls_ledger_hear(ls_ledger *ledger, bool hears);
/* The instant of the last advance; false: there was none. */
LS_API bool ls_ledger_last_advance(const ls_ledger *ledger, int64_t *at);
/* When a contact is due, and the soonest of all: INT64_MIN at once, INT64_MAX never. */
LS_API int64_t ls_ledger_due(const ls_ledger *ledger, size_t row);
LS_API int64_t ls_ledger_soonest(const ls_ledger *ledger);
/* A lower bound of the next instant after `at` at which some score of the contact may be another
 * one, if nothing happens to it; INT64_MAX: never. */
LS_API int ls_ledger_due_at(ls_ledger *ledger, size_t row, int64_t at, int64_t *out,
                            ls_error *error);

/* ---- the parts of the language that a checker needs ------------------------------------------ */

/* How many columns a text takes in a terminal: wide characters take two, marks that are set above
 * others none. */
LS_API size_t ls_text_width(const char *text, size_t length);
/* Default case folding without normalisation; text with an invalid byte comes back as it is. The
 * result is passed to writer. */
LS_API int ls_fold_text(ls_context *context, const char *text, size_t length, ls_writer writer,
                        void *user, ls_error *error);
/* "2025-01-31", "2025-01-31T09:30:00Z", "1738315800": *from is its first second, *until the second
 * after its last (a whole day for a date). LS_ERROR_INPUT if it cannot be read. */
LS_API int ls_read_time(const char *text, size_t length, int64_t *from, int64_t *until,
                        ls_error *error);
/* The number grammar of the data, as the nearest double. */
LS_API int ls_read_number(const char *text, size_t length, double *out, ls_error *error);
/* Points as text: exact, shortest, no exponent. buffer has LS_POINTS_TEXT bytes; returns the
 * length. */
#define LS_POINTS_TEXT 32
LS_API size_t ls_print_points(int64_t points, char *buffer);
/* A double as its shortest decimal that reads back the same. buffer has LS_NUMBER_TEXT bytes. */
#define LS_NUMBER_TEXT 40
LS_API size_t ls_print_number(double number, char *buffer);
/* "2026-01-01T00:00:00Z". buffer has LS_TIME_TEXT bytes. */
#define LS_TIME_TEXT 32
LS_API size_t ls_print_time(int64_t at, char *buffer);
/* 128-bit fingerprint of a canonical text, 32 lower-case hexadecimal digits and a zero. */
LS_API void ls_fingerprint(const char *text, size_t length, char out[33]);

#ifdef __cplusplus
}
#endif
#endif
