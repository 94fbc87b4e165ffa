/* What the files of explanations share: ls_explain.c (the JSON), ls_explain_members.c (rules over
 * associated records in it), ls_explain_why.c and ls_explain_why_related.c (the words). */
#ifndef LS_EXPLAIN_H
#define LS_EXPLAIN_H

#include "ls_json.h"
#include "ls_walk.h"

/* ---- words ----------------------------------------------------------------------------------- */

/* Zero-initialise with the walk and the line's context; the line's owner frees it and looks at
 * line.failed. */
typedef struct ls_why {
    ls_walk *walk; /* at the record, the clock and the definition that are told */
    ls_buffer line;
} ls_why;

/* Each makes the line anew. */
void ls_why_rule(ls_why *why, const ls_rule *rule, const ls_rule_result *result);
void ls_why_scope(ls_why *why); /* of a record out of scope */

/* Additions to the line. */
void ls_say(ls_why *why, const char *text);
void ls_say_string(ls_why *why, ls_string text);
void ls_say_points(ls_why *why, int64_t points);
void ls_say_integer(ls_why *why, int64_t number);
void ls_say_count(ls_why *why, size_t count, const char *one, const char *many);
void ls_say_time(ls_why *why, int64_t at);
void ls_say_range(ls_why *why, int64_t min, int64_t max);                /* "at least 3" */
void ls_say_occurrences(ls_why *why, const ls_occurrences *occurrences); /* what is looked for */
void ls_say_needs(ls_why *why, const ls_occurrences *occurrences);       /* its `times` */
void ls_say_wanted(ls_why *why, const ls_condition *condition);          /* of any value */
/* Why a filter is what it is, of the record where the walk stands; inner: in brackets if it is
 * several. */
void ls_say_filter(ls_why *why, const ls_filter *filter, ls_truth truth, bool inner);
void ls_say_score_name(ls_why *why, uint32_t definition, ls_part part);
/* A relation filter; a rule over associated records. */
void ls_say_relation(ls_why *why, const ls_filter *filter);
void ls_say_over(ls_why *why, const ls_rule *rule, const ls_rule_result *result);

/* ---- JSON ------------------------------------------------------------------------------------ */

/* An account's explanation holds those of its people, theirs of what they take, and so on. */
#define LS_EXPLAIN_LEVELS 3
/* The members of a rollup whose scores are explained: those that contribute most. */
#define LS_EXPLAIN_MEMBERS 5
/* Bytes kept back before they are passed on. */
#define LS_EXPLAIN_PIECE ((size_t)64 * 1024)

typedef struct ls_explainer {
    ls_walk *walk;
    ls_json_writer json;
    ls_buffer out;
    ls_why why;
    ls_writer writer;
    void *user;
    ls_error *error;
    int status;
    unsigned level; /* of explanations in explanations */
} ls_explainer;

void ls_explain_pass_on(ls_explainer *explainer, size_t at_least);
void ls_explain_text(ls_explainer *explainer, const char *key, ls_string text); /* empty: null */
void ls_explain_points(ls_explainer *explainer, const char *key, int64_t points, bool there);
/* id and object of a record. */
void ls_explain_id(ls_explainer *explainer, ls_object object, size_t row);
/* occurrences, or with `times` match; of one contact, which came to the result. */
void ls_explain_contact(ls_explainer *explainer, const ls_occurrences *occurrences,
                        const ls_found *found, size_t contact, const ls_rule_result *result);
/* The score of the record where the walk stands, at its clock; next: members that come after its
 * label and parts, or NULL. */
typedef struct ls_change {
    bool known;
    int64_t at;
} ls_change;
void ls_explain_score(ls_explainer *explainer, size_t definition, const ls_change *next);
/* relation, combine or rollup, and members. */
void ls_explain_over(ls_explainer *explainer, const ls_rule *rule, const ls_rule_result *result);
#endif
