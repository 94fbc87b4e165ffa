/* Several definitions' events in one pass: see ls_block.h for what they join. */
#ifndef LS_BLOCK_JOIN_H
#define LS_BLOCK_JOIN_H

#include "ls_kernel_block.h"

/* Members share their places. Not joined where that does not pay: joined->tables is not ready then.
 * LS_OK or LS_ERROR_MEMORY; to be freed in either case, before the members' common map. */
int ls_block_join(ls_joined *joined, ls_context *context, ls_block_tables **members, size_t count);
void ls_joined_free(ls_joined *joined);
#endif
