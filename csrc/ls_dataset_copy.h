/* Copying parts of a dataset into another that has none of them yet. */
#ifndef LS_DATASET_COPY_H
#define LS_DATASET_COPY_H

#include "ls_dataset.h"

/* Companies or deals with all their columns. LS_OK or LS_ERROR_MEMORY. */
int ls_dataset_copy_table(ls_dataset *to, const ls_dataset *from, ls_object object);
/* The names of inputs, for the places of texts. */
int ls_dataset_copy_sources(ls_dataset *to, const ls_dataset *from);
/* Associations, as they come in: ls_links_build makes links of them. rows: by contact row of
 * `from`, its row in `to`, LS_NO_CODE: it is not there; NULL: all rows are the same. */
int ls_dataset_copy_links(ls_dataset *to, const ls_dataset *from, const uint32_t *rows);

#endif
