/* Text of data and literals: trimming, case folding, the number and boolean grammars.
 * Section 4 of the scoring language. */
#ifndef LS_TEXT_H
#define LS_TEXT_H

#include "ls_core.h"

/* Without space, tab, CR, LF at both ends. */
ls_string ls_trim(const char *text, size_t length);
bool ls_utf8_valid(const char *text, size_t length);

/* Default case folding (utf8proc) without normalisation, into buffer (its length is reset first). A
 * text with an invalid byte comes out as it is. ASCII takes a direct path. LS_OK or
 * LS_ERROR_MEMORY. */
int ls_fold(const char *text, size_t length, ls_buffer *buffer);

/* Whether the text is ASCII without capitals, which folding leaves as it is. */
bool ls_is_folded(const char *text, size_t length);

/* [+-]?(digits[.digits]|.digits)([eE][+-]digits)? as the nearest double (the exponent's sign may be
 * left out, as JSON does); false if it is no such text or is too large to be finite. No locale. */
bool ls_number_read(const char *text, size_t length, double *out);
/* true/false/yes/no/1/0, any case; false if it is none of them. */
bool ls_boolean_read(const char *text, size_t length, bool *out);
/* Whether needle is in text, or at its start or end. Empty needles do not occur. */
bool ls_text_contains(ls_string text, ls_string needle);
bool ls_text_starts(ls_string text, ls_string needle);
bool ls_text_ends(ls_string text, ls_string needle);
/* Byte order, shorter first on a common prefix: <0, 0, >0. */
int ls_string_compare(ls_string a, ls_string b);
#endif
