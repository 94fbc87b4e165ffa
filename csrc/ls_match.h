/* Account matching: contacts without a primary company get one by the domain of their e-mail
 * address (strong) or by the name of a company that they carry (weak). Works once per distinct
 * value; what two companies claim matches neither. */
#ifndef LS_MATCH_H
#define LS_MATCH_H

#include "ls_dataset.h"

/* The domain of an address, a web address or a plain domain, folded, without "www." and the like;
 * length 0: there is none. LS_OK or LS_ERROR_MEMORY. */
int ls_match_domain(ls_string text, bool address, ls_buffer *out);
/* A company's name, folded, without punctuation and legal forms: "Acme Inc." and "ACME, inc" are
 * both "acme". */
int ls_match_name(ls_string text, ls_buffer *out);
void ls_match_free(ls_dataset *dataset);

#endif
