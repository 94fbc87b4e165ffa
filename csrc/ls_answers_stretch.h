/* A stretch: texts of a dictionary that are looked at together, without a look at any byte alone.
 */
#ifndef LS_ANSWERS_STRETCH_H
#define LS_ANSWERS_STRETCH_H

#include "ls_dictionary.h"

#define LS_MOST_NEEDLES 64
#define LS_STRETCH_TEXTS 512
#define LS_STRETCH_BYTES 32768
#define LS_STRETCH_CELL 5 /* a cell is of 2^5 bytes */

typedef enum ls_needle_place { LS_ANYWHERE, LS_AT_START, LS_AT_END } ls_needle_place;
typedef struct ls_needle {
    ls_needle_place place;
    ls_string text;
    size_t first, second; /* two of its bytes that are rare */
    uint64_t head, mask;  /* its first bytes, up to eight, and what they are of a word */
} ls_needle;

/* What is looked for; threads share it. */
typedef struct ls_needles {
    const ls_dictionary *dictionary;
    size_t count;
    ls_needle all[LS_MOST_NEEDLES];
    bool scans; /* bytes are looked at at all */
    bool lower; /* and wanted without capitals */
    bool avx2;
} ls_needles;

/* Marks of a text. */
#define LS_STRETCH_UPPER 1 /* it has letters A to Z */
#define LS_STRETCH_LONG 2  /* it is trimmed before it is asked, or is not ASCII */

typedef struct ls_stretch {
    const ls_needles *needles;
    size_t first, count, size;        /* code, codes, bytes */
    const char *bytes;                /* without capitals where this is wanted, but for LONG ones */
    uint32_t ends[LS_STRETCH_TEXTS];  /* by text: from `bytes` on */
    uint8_t marks[LS_STRETCH_TEXTS];  /* by text */
    uint64_t found[LS_STRETCH_TEXTS]; /* by text: a bit a needle */
    uint16_t
        cells[LS_STRETCH_BYTES >> LS_STRETCH_CELL]; /* the first text that ends past its start */
    char lower[LS_STRETCH_BYTES + LS_TEXT_SLACK];
} ls_stretch;

/* As many texts from code `first` on as there is room for, before code `last`; false: the next one
 * alone is too long. */
bool ls_stretch_begin(ls_stretch *stretch, size_t first, size_t last);
void ls_stretch_look(ls_stretch *stretch);

/* A text that was looked at; slack follows it. */
LS_INLINE ls_string ls_stretch_text(const ls_stretch *stretch, size_t i)
{
    const size_t start = i > 0 ? stretch->ends[i - 1] : 0;
    return (ls_string){stretch->bytes + start, stretch->ends[i] - start};
}
#endif
