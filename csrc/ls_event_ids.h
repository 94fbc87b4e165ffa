/* The ids of events that a dataset keeps. */
#ifndef LS_EVENT_IDS_H
#define LS_EVENT_IDS_H

#include "ls_log.h"

/* Room for the ids of so many events, each at the place of its event until they are squeezed. LS_OK
 * or LS_ERROR_MEMORY; ls_event_ids_free frees what was made. */
int ls_event_ids_make(ls_dataset *dataset, size_t contacts, size_t count);
/* Puts the ids of a block's events to the places of these. */
void ls_event_ids_move(ls_event_ids *ids, const uint64_t *places, const ls_block *block,
                       size_t count);
/* Once all are there: only ids stay. */
void ls_event_ids_squeeze(ls_dataset *dataset);
void ls_event_ids_free(ls_dataset *dataset);

#endif
