/* Replaying an event log into a dataset that is being read. A log is lines of JSON in files,
 * ordered over all of them by their stamps:
 *
 *     {"v":1,"op":"event","ts":N,"contact_id":"42","event":"NAME","at":TIME,"id":"...",
 *      "properties":{...}}
 *     {"v":1,"op":"set","ts":N,"contact_id":"42","properties":{...}}
 *     {"v":1,"op":"forget","ts":N,"contact_id":"42"}
 *
 * Its files are read once, before all others and in any order of their lines. Of properties the
 * last set wins, so that one is kept of each; events wait in a spool, since the contacts of other
 * files must be known before events are packed. Once these are read, ls_log_apply adds the contacts
 * that only the log knows and sets properties; ls_log_feed_events packs the events before they are
 * grouped.
 *
 * ls_log_line.c takes a line apart, ls_log_said.c works out what it says, ls_log.c reads,
 * ls_log_apply.c does the rest. */
#ifndef LS_LOG_H
#define LS_LOG_H

#include "ls_ingest.h"

/* ---- a line ---------------------------------------------------------------------------------- */

typedef struct ls_log_member {
    ls_string key;
    ls_string text; /* as of a field of a row: lists joined with ';', ls_nested_value */
    uint8_t kind;   /* ls_json_kind */
    bool inner;     /* of `properties`, which is no member itself then */
    bool property;  /* of what the line is about, if it is an event or a set */
    uint32_t field; /* the reader's: the code of its name */
} ls_log_member;

typedef enum ls_log_op { LS_LOG_NOTHING, LS_LOG_EVENT, LS_LOG_SET, LS_LOG_FORGET } ls_log_op;

typedef struct ls_log_line {
    ls_context *context;
    ls_log_member *members;
    size_t count, capacity;
    size_t nested;  /* objects of properties */
    ls_arena arena; /* the tree of an unusual line */
    char *texts;    /* and its texts */
    size_t text_used, text_capacity;
    bool bytes; /* texts that are no UTF-8 are kept as they are */
    char message[LS_ERROR_TEXT];
    size_t bad; /* which member the message is about, from 1; 0: none */
    /* What it says: */
    ls_log_op op;
    int64_t at_stamp;     /* where it is in the order of all */
    ls_string contact_id; /* trimmed */
    /* The members beside properties; NULL: not there. */
    const ls_log_member *version, *op_name, *stamp, *contact, *id, *event, *at, *properties;
} ls_log_line;

/* Takes a line apart; 8 bytes past its end may be read. Members lie in the line or in the struct
 * until the next one. LS_ERROR_INPUT: it is no object of JSON, as `message` says. */
int ls_log_line_read(ls_log_line *line, const char *text, size_t length);
void ls_log_line_free(ls_log_line *line);
/* Works out what it says; before: the stamp of the line before it in its file. LS_ERROR_INPUT: it
 * says nothing, as `message` says. Times and values are not looked into. */
int ls_log_understand(ls_log_line *line, int64_t before);
/* These note why a line says nothing, and answer LS_ERROR_INPUT. member: that is wrong; NULL: it is
 * not there. */
int ls_log_refuse(ls_log_line *line, const char *message);
int ls_log_refuse_member(ls_log_line *line, const char *name, const char *expected,
                         const ls_log_member *member);
/* The same of one that reads as empty. */
int ls_log_refuse_empty(ls_log_line *line, const char *name, const char *expected,
                        const ls_log_member *member);
int ls_log_refuse_twice(ls_log_line *line, const ls_log_member *member);

/* ---- what is kept of a log ------------------------------------------------------------------- */

/* The stamp of lines that come before all that have one. */
#define LS_NO_STAMP INT64_MIN
/* An event whose id came before within so many seconds is a repeat. */
#define LS_LOG_HORIZON (INT64_C(90) * 86400)
/* Stamps are milliseconds since 1970 times this, and a counter. */
#define LS_STAMPS_A_SECOND (INT64_C(1000) * 1024)

/* Where a line is in the order of all: by stamp, then as they were read. */
typedef struct ls_log_place {
    int64_t stamp;
    uint32_t line; /* of all files, from 1; 0: there is none */
} ls_log_place;

LS_INLINE bool ls_log_before(const ls_log_place *a, const ls_log_place *b)
{
    return a->stamp != b->stamp ? a->stamp < b->stamp : a->line < b->line;
}

typedef struct ls_log_contact {
    ls_log_place first;     /* line about it */
    ls_log_place last;      /* that says something of it */
    ls_log_place forgotten; /* the last time */
    uint32_t row;           /* once the log is applied; UINT32_MAX: it has none */
} ls_log_contact;

/* The last set of a property of a contact. */
typedef struct ls_log_setting {
    uint32_t contact; /* its code; 0: a free slot */
    uint32_t column, code, line;
    int64_t stamp;
} ls_log_setting;

/* Events in reading order, each as numbers of as many bytes as they need; most are differences to
 * those of the event before. */
typedef struct ls_log_chunk {
    struct ls_log_chunk *next;
    size_t size; /* bytes, this header included */
    size_t used;
    unsigned char bytes[];
} ls_log_chunk;

typedef struct ls_log_event {
    uint32_t contact, name, count; /* count: of codes that follow */
    bool identified;
    ls_log_place place;
    int64_t at;
    uint64_t identity[2];
} ls_log_event;

typedef struct ls_log_code {
    uint32_t column, code;
} ls_log_code;

typedef struct ls_log {
    ls_dictionary ids; /* contact i has code i + 1 */
    ls_log_contact *contacts;
    size_t contact_count, contact_capacity;
    uint32_t *direct; /* by the value of a canonical decimal id: code, or 0 */
    size_t direct_capacity;
    ls_log_setting *settings; /* a hash table by contact and column */
    size_t setting_count, slot_count;
    ls_log_chunk *first, *last;
    ls_log_event before; /* the last event of the spool, or the last one taken */
    size_t taken;        /* bytes of the first chunk */
    uint64_t event_count;
    struct ls_log_feed *feed; /* while the spool is fed */
    uint32_t line_count;
    uint64_t most;   /* ls_event_seconds of the times */
    bool identified; /* some event has an id */
    bool forgets, applied;
    struct ls_log_tail { /* files whose last line has no end */
        uint32_t source;
        uint64_t line;
    } * tails;
    size_t tail_count, tail_capacity;
} ls_log;

void ls_log_free(ls_dataset *dataset);

/* ---- a file ---------------------------------------------------------------------------------- */

int ls_log_begin(ls_reading *reading, ls_error *error);
void ls_log_end(ls_reading *reading);
/* Reads about so many bytes (0: all). LS_MORE, LS_OK at the end, or an error. */
int ls_log_read(ls_reading *reading, uint64_t budget, ls_error *error);

/* ---- using it -------------------------------------------------------------------------------- */

/* Whether the log forgot a contact of this id, so that other files say nothing of it. */
bool ls_log_forgot(const ls_dataset *dataset, ls_string id);
/* Adds the contacts that only the log knows, by their first line, and sets properties. Contacts are
 * whole then. Answers LS_OK, also where there is no log. */
int ls_log_apply(ls_dataset *dataset, ls_error *error);
/* Whether events wait. */
bool ls_log_waits(const ls_dataset *dataset);
/* Packs about so many events (0: all): LS_MORE, LS_OK at the end or LS_ERROR_MEMORY. */
int ls_log_feed_events(ls_dataset *dataset, uint64_t budget);

LS_INLINE int64_t ls_stamp_of(const ls_layout *layout, const char *event)
{
    int64_t stamp;
    memcpy(&stamp, event + layout->stamp_offset, sizeof stamp);
    return stamp;
}
/* When an event came, in seconds; INT64_MIN: that is not known. */
LS_INLINE int64_t ls_log_arrival(const ls_layout *layout, const char *event)
{
    int64_t stamp = layout->stamped ? ls_stamp_of(layout, event) : LS_NO_STAMP;
    if (stamp == LS_NO_STAMP)
        return INT64_MIN;
    return stamp / LS_STAMPS_A_SECOND - (stamp % LS_STAMPS_A_SECOND < 0);
}
/* Brings the events of a partition into the order of the log; files are ascending nearly always. */
int ls_log_order(ls_context *context, const ls_partition *partition);

/* ---- the spool ------------------------------------------------------------------------------- */

int ls_log_put(ls_dataset *dataset, const ls_log_event *event, const ls_log_code *codes);
/* The next event; its codes are at *bytes. */
void ls_log_take(ls_log *log, ls_log_event *event, const unsigned char **bytes);
/* Takes a number off the bytes. */
LS_INLINE uint64_t ls_log_number(const unsigned char **bytes)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = *(*bytes)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
}
#endif
