/* Answers: every question that the definitions of a plan ask of a property's texts, answered once
 * per distinct text for all of them. Texts that answer everything alike are of one class. */
#ifndef LS_ANSWERS_H
#define LS_ANSWERS_H

#include "ls_condition.h"
#include "ls_dataset.h"
#include "ls_plan.h"

/* A text as a number, for rollups of columns. */
typedef struct ls_number {
    ls_int128 exact; /* the shortest decimal of the double, in units of 10^-12 */
    double value;
    bool known, too_large;
} ls_number;

/* ls_answers_row.c: what was asked for one record at a time. */
typedef struct ls_asking ls_asking;

/* What one property's texts answer: codes fall into value classes, texts of one class answer
 * everything alike. */
typedef struct ls_property_table {
    const ls_property *property;
    const ls_column *column; /* NULL: no input has it, every record is of code 0's class */
    size_t atom_count, choice_count;
    const ls_filter **atoms;   /* the leaves on this property */
    const ls_choice **choices; /* the points_by and bands on this property */
    size_t record_size; /* bytes of a class's answers: a truth per atom, an outcome per choice */
    size_t class_count, class_capacity;
    unsigned char *records; /* by class */
    size_t code_count, code_capacity;
    uint32_t *classes; /* by code */
    bool uniform;      /* all codes but 0 are of the class of code 1 */
    uint8_t *few;      /* the same in a byte, where they are wanted and few; else NULL */
    size_t few_count;
    size_t slot_count;
    uint32_t *slots;        /* finds equal records: class + 1, 0 free */
    uint32_t generation;    /* classes were numbered anew so often */
    bool moves;             /* some answer depends on the instant */
    ls_asking *asking;      /* NULL: all texts are answered */
    bool folds;             /* once_per counts by this property's folded text */
    bool alike;             /* some codes fold to the same, so folded_codes must be asked */
    uint32_t *folded_codes; /* where some are alike, by code: the code of the text that it folds
                               to, where there is one */
    size_t folded_count, folded_capacity;
    ls_dictionary folded; /* what texts fold to that is no text itself; codes UINT32_MAX - its */
    bool numeric;         /* a rollup goes over its numbers */
    ls_number *numbers;   /* by code */
    size_t number_capacity;
} ls_property_table;

/* What a choice says of a class. */
typedef struct ls_outcome {
    int64_t points;
    bool applies;
    bool too_large; /* past LS_MAX_SUM: the record is walked, which finds the error */
} ls_outcome;

/* Where a definition's questions are. */
typedef struct ls_questions {
    uint32_t *tables;      /* by property: of ls_answers.tables */
    uint32_t *atom_place;  /* by atom: its place in its property's table */
    uint32_t *rule_choice; /* by rule: the place of a property rule's choice in its table */
    uint32_t *spec_choice; /* the same by ls_occurrences.index */
} ls_questions;

typedef struct ls_answers {
    ls_context *context;
    const ls_plan *plan;
    const ls_dataset *dataset;
    size_t table_count, table_capacity;
    ls_property_table *tables;
    ls_questions *questions; /* by definition */
    int64_t at;
    bool bound;
    bool by_row;      /* ls_answers_row comes before every record; set before the first update */
    unsigned threads; /* that share an update, set before it; 0: one */
} ls_answers;

/* Borrows plan and dataset. */
int ls_answers_init(ls_answers *answers, const ls_plan *plan, const ls_dataset *dataset,
                    ls_error *error);
void ls_answers_free(ls_answers *answers);
/* Brings all tables up to date with the dictionaries and the instant. Errors: memory; an unreadable
 * cell, unless the dataset is lenient. */
int ls_answers_update(ls_answers *answers, int64_t at, ls_error *error);
/* Where it is by row, what the instant moves is asked for one record at a time, of the table that
 * asks it: whether it was for this one, at this instant, and asking it. Classes may come of it.
 * Errors: as of an update. */
bool ls_answers_know(const ls_answers *answers, size_t row);
int ls_answers_row(ls_answers *answers, size_t row, ls_error *error);
/* The class of a text that need not be in the column's dictionary, of a table that is up to date
 * and whose answers do not move; LS_NO_CLASS: no text there answers like it. LS_OK or
 * LS_ERROR_MEMORY. */
int ls_answers_classify(const ls_answers *answers, const ls_property_table *table, ls_string text,
                        uint32_t *out);
/* Makes `few` for properties of events. */
int ls_answers_narrow(ls_answers *answers, ls_error *error);
/* Whether the column's texts are asked about the instant: at another one, all of them again. */
bool ls_answers_move(const ls_answers *answers, const ls_column *column);
/* The column's dictionary was cleared; to be brought up to date before its next use. */
void ls_answers_forget(ls_answers *answers, const ls_column *column);

/* For the files that fill tables (ls_answers*.c). What answers a text like another one is a short
 * way for many texts; ls_answers_code is the long way, for the code table->code_count. */
typedef struct ls_answering {
    const ls_answers *answers;
    ls_property_table *table;
    ls_value_reader *reader;
    size_t count; /* of codes */
    bool late;    /* some texts were folded before */
    ls_error *error;
} ls_answering;
int ls_answers_code(const ls_answering *answering);
/* The same for any code, whose table has room for its class. */
int ls_answers_one(const ls_answering *answering, uint32_t code);
int ls_answers_fold(const ls_answering *answering, uint32_t code);
/* Of a text that is known to fold to itself. */
int ls_answers_fold_itself(const ls_answering *answering, uint32_t code);
/* Of a text that is known to fold to none of the column's, where folded_codes has room. */
int ls_answers_fold_new(const ls_answering *answering, uint32_t code);
/* Texts; false: there are too many questions for the short way. */
bool ls_answers_texts(const ls_answering *answering, int *status);
bool ls_answers_numbers(const ls_answering *answering, int *status);
bool ls_answers_moments(const ls_answering *answering, int *status);
bool ls_answers_are_by_row(const ls_answers *answers, const ls_property_table *table);
int ls_answers_by_row(const ls_answering *answering);
void ls_asking_free(ls_context *context, ls_asking *asking);
#define LS_NO_CLASS UINT32_MAX

/* ls_answers_share.c: many texts, divided among threads. A way begins with this. */
#define LS_NO_CLASS_YET (UINT32_MAX - 1) /* this and LS_NO_CLASS: the class is to be asked */
typedef struct ls_answer_share {
    const ls_answering *answering;
    /* Writes the classes of the codes first to last - 1: those that are known, for others one of
     * the two above; whether it knew all. Threads run it at the same time: it allocates nothing and
     * writes nothing else but, where `folds` says so, from fold_from on folded_codes, LS_NO_CODE
     * where what it folds to is no text of the column. Where `folds` does not, it leaves what does
     * not fold to itself. */
    bool (*fill)(const struct ls_answer_share *share, unsigned thread, size_t first, size_t last);
    /* Finds a class that was left; LS_OK or the error's status. */
    int (*ask)(const struct ls_answer_share *share, uint32_t code);
    unsigned threads; /* ls_answers_threads */
    bool folds;       /* of a round */
    size_t fold_from; /* what codes before fold to is known */
} ls_answer_share;
/* How many threads will share what is still to be answered. */
unsigned ls_answers_threads(const ls_answering *answering);
int ls_answers_share(ls_answer_share *share);

/* Where answers of numbers or instants change: between two of these all answer alike. Sorted,
 * without repeats. More of them than needed do no harm: what an operator does not use is 0. */
#define LS_MOST_BOUNDS 128
typedef struct ls_bounds {
    size_t count; /* past LS_MOST_BOUNDS: there are too many */
    union {
        int64_t at[LS_MOST_BOUNDS];
        double numbers[LS_MOST_BOUNDS];
    } of;
    /* LS_NO_CLASS: not asked yet. Instants: by the number of bounds up to it. Numbers: twice the
     * number of bounds below it, one more at a bound. */
    uint32_t classes[2 * LS_MOST_BOUNDS + 1];
} ls_bounds;
/* False: there are too many. */
bool ls_bounds_of_instants(const ls_property_table *table, int64_t at, ls_bounds *out);
/* The bounds up to an instant; halved without a branch that no processor could foresee. */
LS_INLINE size_t ls_bounds_up_to(const ls_bounds *between, int64_t moment)
{
    const int64_t *from = between->of.at;
    size_t left = between->count;
    if (left == 0) {
        return 0;
    }
    while (left > 1) {
        size_t half = left / 2;
        from += half & (size_t) - (from[half - 1] <= moment);
        left -= half;
    }
    return (size_t)(from - between->of.at) + (*from <= moment);
}

LS_INLINE const unsigned char *ls_table_record(const ls_property_table *table, uint32_t class)
{
    return table->records + (size_t) class * table->record_size;
}
LS_INLINE ls_outcome ls_table_outcome(const ls_property_table *table, uint32_t class,
                                      uint32_t choice)
{
    ls_outcome outcome;
    size_t lead = (table->atom_count + 7) / 8 * 8;
    memcpy(&outcome, ls_table_record(table, class) + lead + choice * sizeof outcome,
           sizeof outcome);
    return outcome;
}
/* What once_per tells a value by; values that fold to the same text are one. */
LS_INLINE uint32_t ls_table_folded(const ls_property_table *table, uint32_t code)
{
    return table->alike ? table->folded_codes[code] : code;
}
/* The class of a property's value: by contact row or event. */
LS_INLINE uint32_t ls_table_class(const ls_property_table *table, size_t row)
{
    return table->classes[table->column ? ls_column_code(table->column, row) : 0];
}
#endif
