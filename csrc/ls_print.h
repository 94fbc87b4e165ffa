/* Fingerprints of what definitions ask of events: two that agree ask the same of every event, so
 * that events which were folded for one are folded for the other. */
#ifndef LS_PRINT_H
#define LS_PRINT_H

#include "ls_plan.h"

/* Calls `visit` for everything that a definition looks for among events: of enabled rules, scope
 * and filters, those on associated records too (own: false). */
typedef void ls_occurrences_visit(void *user, const ls_occurrences *occurrences, bool own);
void ls_each_occurrences(const ls_definition *definition, ls_occurrences_visit *visit, void *user);

/* Whether it looks for events of this name. */
bool ls_occurrences_name(const ls_occurrences *occurrences, ls_string name);

/* What the definition asks of events of these names; 0: nothing. LS_OK or LS_ERROR_MEMORY. */
int ls_print_definition(ls_context *context, const ls_definition *definition,
                        const ls_string *names, size_t count, uint64_t *out);

#endif
