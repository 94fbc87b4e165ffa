/* Reading the canonical form into a plan: what ls_plan.c (sets, definitions, order) needs of
 * ls_plan_read.c (filters, conditions, occurrences, rules). */
#ifndef LS_PLAN_READ_H
#define LS_PLAN_READ_H

#include "ls_json.h"
#include "ls_plan.h"

typedef struct ls_plan_reader {
    ls_plan *plan;
    ls_definition *definition; /* being read */
    ls_object object;          /* what the filter being read is on */
    size_t list_capacity, use_capacity, property_capacity;
    ls_buffer folded;
    ls_error *error;
} ls_plan_reader;

/* All answer an ls_status. where: the key, for the message. */
int ls_read_expected(ls_plan_reader *reader, const char *where, const char *expected);
int ls_read_text(ls_plan_reader *reader, const ls_json *json, const char *where, ls_string *out);
int ls_read_points(ls_plan_reader *reader, const ls_json *json, const char *where, int64_t *out);
int ls_read_limit(ls_plan_reader *reader, const ls_json *json,
                  ls_limit *out); /* json may be NULL */
int ls_read_filter(ls_plan_reader *reader, const ls_json *json, ls_filter *out);
int ls_read_rule(ls_plan_reader *reader, const ls_json *json, ls_rule *out);
int ls_read_properties(ls_plan_reader *reader, const ls_json *json);
void *ls_read_allocate(ls_plan_reader *reader, size_t count,
                       size_t size); /* zeroed; never NULL but without memory */

#endif
