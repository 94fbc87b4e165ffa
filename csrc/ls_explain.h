/* What ls_explain.c (the JSON) needs of ls_explain_why.c (the words). */
#ifndef LS_EXPLAIN_H
#define LS_EXPLAIN_H

#include "ls_walk.h"

/* Zero-initialise with the walk and the line's context; the line's owner frees it and looks at
 * line.failed. */
typedef struct ls_why {
    ls_walk *walk; /* at the record, the clock and the definition that are told */
    ls_buffer line;
} ls_why;

/* Each makes the line anew. */
void ls_why_rule(ls_why *why, const ls_rule *rule, const ls_rule_result *result);
void ls_why_scope(ls_why *why); /* of a record out of scope */
#endif
