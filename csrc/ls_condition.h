/* Conditions on one value: reading a cell as its type, the operators, three-valued logic (4).
 * Everything that asks a question of a text goes through here: the tables of the binding and the
 * walk of explanations alike. */
#ifndef LS_CONDITION_H
#define LS_CONDITION_H

#include "ls_plan.h"

/* A cell, read as a type. Texts point into the cell or the reader's scratch and hold until its next
 * use. */
typedef struct ls_value {
    bool known;      /* not empty, and it could be read as its type */
    bool unreadable; /* not empty, but no such number, boolean or datetime: known is false */
    double number;
    bool boolean;
    int64_t time;
    int64_t points;    /* LS_POINTS: set by the caller */
    ls_string text;    /* folded */
    size_t count;      /* LS_SET */
    ls_string *values; /* folded, trimmed, sorted, no repeats, none empty */
} ls_value;

/* Scratch for reading values; one per thread. */
typedef struct ls_value_reader {
    ls_buffer folded; /* one text */
    ls_buffer joined; /* the folded values of a set, one after another */
    ls_string *values;
    size_t capacity;
} ls_value_reader;
void ls_value_reader_init(ls_value_reader *reader, ls_context *context);
void ls_value_reader_free(ls_value_reader *reader);

/* LS_OK or LS_ERROR_MEMORY. The cell is trimmed first. */
int ls_value_read(ls_value_reader *reader, ls_type type, const char *cell, size_t length,
                  ls_value *out);

/* at: the instant of scoring. */
ls_truth ls_condition_test(const ls_condition *condition, const ls_value *value, int64_t at);
/* Whether the i-th test of a condition holds on a known value. */
bool ls_test_holds(const ls_condition *condition, size_t i, const ls_value *value, int64_t at);

/* What a value earns by points_by, bands and otherwise (4). False: nothing applied (the rule does
 * not fire, the event is no occurrence). *points: the sum, in 128 bits, since a set's values add
 * up. */
bool ls_choice_points(const ls_choice *choice, ls_type type, const ls_value *value, int64_t at,
                      ls_int128 *points);
/* The first band whose condition is true, tried for unknown values too; choice->count: none. */
size_t ls_choice_band(const ls_choice *choice, const ls_value *value, int64_t at);

LS_INLINE ls_truth ls_truth_not(ls_truth truth)
{
    return truth == LS_UNKNOWN ? LS_UNKNOWN : truth == LS_TRUE ? LS_FALSE : LS_TRUE;
}
LS_INLINE ls_truth ls_truth_and(ls_truth a, ls_truth b)
{
    return a == LS_FALSE || b == LS_FALSE ? LS_FALSE
           : a == LS_TRUE && b == LS_TRUE ? LS_TRUE
                                          : LS_UNKNOWN;
}
LS_INLINE ls_truth ls_truth_or(ls_truth a, ls_truth b)
{
    return a == LS_TRUE || b == LS_TRUE     ? LS_TRUE
           : a == LS_FALSE && b == LS_FALSE ? LS_FALSE
                                            : LS_UNKNOWN;
}
#endif
