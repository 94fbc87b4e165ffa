/* Making associations (section 7): edges come in while files are read, from company_id columns,
 * rows of associations and matching, in any order and repeated; at the end they become compact
 * arrays both ways. */
#ifndef LS_LINKS_H
#define LS_LINKS_H

#include "ls_dataset.h"

/* Adds an association of a row with another; both objects differ, neither is LS_EVENT. label: as in
 * the file, may be empty. LS_OK, LS_ERROR_MEMORY, or LS_ERROR_INPUT: the contact or deal has
 * another primary company. */
int ls_links_add(ls_dataset *dataset, ls_object a, uint32_t row_a, ls_object b, uint32_t row_b,
                 ls_string label);
/* Associates by the company_id columns of contacts and deals. */
int ls_links_company_ids(ls_dataset *dataset);
/* Turns what was added into links. LS_OK or LS_ERROR_MEMORY. */
int ls_links_build(ls_dataset *dataset);
void ls_links_free(ls_dataset *dataset);

#endif
