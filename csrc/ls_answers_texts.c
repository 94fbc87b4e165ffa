/* The short way for texts: what is asked of them comes down to which needles they hold, start or
 * end with, looked for in a stretch of the dictionary at a time, and to a few literals that they
 * may equal. Texts of which the needles say the same answer alike. Texts that are literals, or are
 * not ASCII, go the long way. */
#include "ls_answers.h"

#include "ls_cpu.h"
#include "ls_text.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <stdlib.h>

#define MOST_NEEDLES 64
/* A stretch: texts that are looked at together, and their bytes. */
#define STRETCH_TEXTS 512
#define STRETCH_BYTES 32768
#define CELL_SHIFT 5
/* Of a table from what needles say to a class; half of it is used at most. */
#define SIGNATURES 1024

typedef enum place { ANYWHERE, AT_START, AT_END } place;
typedef struct needle {
    place place;
    ls_string text;
    size_t first, second; /* two of its bytes that are rare */
    uint64_t head, mask;  /* its first bytes, up to eight, and what they are of a word */
} needle;

/* Marks of a text. */
#define UPPER 1 /* it has letters A to Z */
#define LONG 2  /* it goes the long way */

typedef struct finder {
    const ls_answering *answering;
    const ls_dictionary *dictionary;
    size_t needle_count;
    needle needles[MOST_NEEDLES];
    size_t literal_count, literal_capacity, next_literal;
    uint32_t *literals; /* their codes, ascending; those that have one */
    bool equals;        /* some text is asked whether it is a literal */
    bool scans;         /* bytes are looked at at all */
    bool avx2;
    struct signature {
        uint64_t needles;
        uint32_t class_1; /* class + 1; 0: free */
    } signatures[SIGNATURES];
    size_t signature_count;
    /* Of the stretch: */
    size_t first, count, size;                   /* code, codes, bytes */
    const char *bytes;                           /* folded, but for what is not ASCII */
    uint32_t ends[STRETCH_TEXTS];                /* by text: from `bytes` on */
    uint8_t marks[STRETCH_TEXTS];                /* by text */
    uint64_t found[STRETCH_TEXTS];               /* by text: a bit a needle */
    uint16_t cells[STRETCH_BYTES >> CELL_SHIFT]; /* the first text that ends past a cell's start */
    char lower[STRETCH_BYTES + LS_TEXT_SLACK];
} finder;

/* ---- what is asked --------------------------------------------------------------------------- */

static void add_needle(finder *finder, place place, ls_string text)
{
    for (size_t i = 0; i < finder->needle_count && i < MOST_NEEDLES; i++) {
        const needle *other = &finder->needles[i];
        if (other->place == place && ls_string_equal(other->text, text.text, text.length)) {
            return;
        }
    }
    if (finder->needle_count++ < MOST_NEEDLES) {
        needle *needle = &finder->needles[finder->needle_count - 1];
        size_t length = text.length < sizeof needle->head ? text.length : sizeof needle->head;
        *needle = (struct needle){.place = place, .text = text};
        if (length > 0) {
            memcpy(&needle->head, text.text, length);
            memset(&needle->mask, 0xff, length);
        }
    }
}

static int add_literal(finder *finder, ls_string text)
{
    uint32_t code = ls_dictionary_find(finder->dictionary, text.text, text.length);
    finder->equals = true;
    if (code == LS_NO_CODE || code < finder->answering->table->code_count) {
        return LS_OK;
    }
    if (ls_grow(finder->answering->answers->context, &finder->literals, &finder->literal_capacity,
                finder->literal_count + 1, sizeof *finder->literals) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    finder->literals[finder->literal_count++] = code;
    return LS_OK;
}

static int add_test(finder *finder, const ls_test *test)
{
    int status = LS_OK;
    for (size_t i = 0; i < test->count && status == LS_OK; i++) {
        switch (test->op) {
        case LS_OP_CONTAINS:
        case LS_OP_NOT_CONTAINS: add_needle(finder, ANYWHERE, test->texts[i]); break;
        case LS_OP_STARTS_WITH: add_needle(finder, AT_START, test->texts[i]); break;
        case LS_OP_ENDS_WITH: add_needle(finder, AT_END, test->texts[i]); break;
        default: status = add_literal(finder, test->texts[i]); break;
        }
    }
    return status;
}

static int add_condition(finder *finder, const ls_condition *condition)
{
    int status = LS_OK;
    for (size_t i = 0; i < condition->count && status == LS_OK; i++) {
        status = add_test(finder, &condition->tests[i]);
    }
    return status;
}

static int compare_codes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int add_questions(finder *finder)
{
    const ls_property_table *table = finder->answering->table;
    int status = LS_OK;
    for (size_t i = 0; i < table->atom_count && status == LS_OK; i++) {
        status = add_condition(finder, table->atoms[i]->condition);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; k < choice->count && status == LS_OK; k++) {
            status = choice->kind == LS_CHOICE_BANDS
                         ? add_condition(finder, choice->entries[k].condition)
                         : add_literal(finder, choice->entries[k].text);
        }
    }
    if (finder->literal_count > 1) {
        qsort(finder->literals, finder->literal_count, sizeof *finder->literals, compare_codes);
    }
    return status;
}

/* Two bytes of each needle that the first texts seldom have. */
static void choose_bytes(finder *finder)
{
    uint32_t counts[256] = {0};
    const ls_dictionary *dictionary = finder->dictionary;
    size_t size = dictionary->byte_count < 4096 ? dictionary->byte_count : 4096;
    for (size_t i = 0; i < size; i++) {
        counts[(unsigned char)dictionary->bytes[i]]++;
    }
    for (size_t i = 0; i < finder->needle_count; i++) {
        needle *needle = &finder->needles[i];
        const unsigned char *text = (const unsigned char *)needle->text.text;
        for (size_t k = 1; k < needle->text.length; k++) {
            if (counts[text[k]] < counts[text[needle->first]]) {
                needle->first = k;
            }
        }
        needle->second = needle->first == 0 && needle->text.length > 1;
        for (size_t k = 0; k < needle->text.length; k++) {
            if (k != needle->first && counts[text[k]] < counts[text[needle->second]]) {
                needle->second = k;
            }
        }
    }
}

/* ---- a stretch ------------------------------------------------------------------------------- */

/* The text that the byte at a place is of. */
LS_INLINE size_t text_at(const finder *finder, size_t at)
{
    size_t text = finder->cells[at >> CELL_SHIFT];
    while (finder->ends[text] <= at) {
        text++;
    }
    return text;
}

/* As many texts as there is room for; false: the next one alone is too long. */
static bool begin_stretch(finder *finder, size_t first, size_t last)
{
    const struct ls_entry *entries = finder->dictionary->entries;
    const uint64_t start = entries[first].offset;
    size_t count = 0, size = 0;
    while (count < STRETCH_TEXTS && first + count < last &&
           size + entries[first + count].length <= STRETCH_BYTES) {
        size += entries[first + count].length;
        finder->ends[count++] = (uint32_t)size;
    }
    finder->first = first;
    finder->count = count;
    finder->size = size;
    finder->bytes = finder->dictionary->bytes + start;
    memset(finder->marks, 0, count);
    memset(finder->found, 0, count * sizeof *finder->found);
    return count > 0;
}

static void make_cells(finder *finder)
{
    size_t text = 0;
    for (size_t cell = 0; cell << CELL_SHIFT < finder->size; cell++) {
        while (finder->ends[text] <= cell << CELL_SHIFT) {
            text++;
        }
        finder->cells[cell] = (uint16_t)text;
    }
}

/* There is slack behind the bytes, so that a word can be read from any of them. */
LS_INLINE bool is_at(const needle *needle, const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return ((word ^ needle->head) & needle->mask) == 0 &&
           (needle->text.length <= sizeof word ||
            memcmp(at + sizeof word, needle->text.text + sizeof word,
                   needle->text.length - sizeof word) == 0);
}

LS_INLINE bool is_upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

static void mark_byte(finder *finder, size_t at, bool *upper)
{
    const unsigned char byte = (unsigned char)finder->bytes[at];
    if (byte >= 0x80) {
        finder->marks[text_at(finder, at)] |= LONG;
    } else if (is_upper(byte)) {
        finder->marks[text_at(finder, at)] |= UPPER;
        *upper = true;
    }
}

#if defined(LS_HAS_AVX2_CODE)
/* The first bytes, 32 at a time; how many were looked at. */
static LS_AVX2 size_t mark_by_avx2(finder *finder, bool *upper)
{
    const __m256i from_a = _mm256_set1_epi8((char)(0x80 - 'A'));
    const __m256i past_z = _mm256_set1_epi8(-128 + 26);
    size_t i = 0;
    for (; i + 32 <= finder->size; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(finder->bytes + i));
        __m256i capitals = _mm256_cmpgt_epi8(past_z, _mm256_add_epi8(bytes, from_a));
        unsigned mask = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(bytes, capitals));
        for (; LS_UNLIKELY(mask != 0); mask &= mask - 1) {
            mark_byte(finder, i + (size_t)__builtin_ctz(mask), upper);
        }
    }
    return i;
}
#endif

/* Marks texts that are not folded; whether some have capitals. */
static bool mark_bytes(finder *finder)
{
    bool upper = false;
    size_t i = 0;
#if defined(LS_HAS_AVX2_CODE)
    if (finder->avx2) {
        i = mark_by_avx2(finder, &upper);
    }
#endif
#if defined(__SSE2__)
    const __m128i from_a = _mm_set1_epi8((char)(0x80 - 'A')), past_z = _mm_set1_epi8(-128 + 26);
    for (; i + 16 <= finder->size; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(finder->bytes + i));
        __m128i capitals = _mm_cmplt_epi8(_mm_add_epi8(bytes, from_a), past_z);
        int mask = _mm_movemask_epi8(_mm_or_si128(bytes, capitals));
        for (; mask != 0; mask &= mask - 1) {
            mark_byte(finder, i + (size_t)__builtin_ctz((unsigned)mask), &upper);
        }
    }
#endif
    for (; i < finder->size; i++) {
        mark_byte(finder, i, &upper);
    }
    return upper;
}

static void fold_stretch(finder *finder)
{
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i from_a = _mm_set1_epi8((char)(0x80 - 'A')), past_z = _mm_set1_epi8(-128 + 26);
    for (; i + 16 <= finder->size; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(finder->bytes + i));
        __m128i capitals = _mm_cmplt_epi8(_mm_add_epi8(bytes, from_a), past_z);
        bytes = _mm_or_si128(bytes, _mm_and_si128(capitals, _mm_set1_epi8('a' - 'A')));
        _mm_storeu_si128((__m128i *)(void *)(finder->lower + i), bytes);
    }
#endif
    for (; i < finder->size; i++) {
        unsigned char byte = (unsigned char)finder->bytes[i];
        finder->lower[i] = (char)(byte + (is_upper(byte) ? 'a' - 'A' : 0));
    }
    finder->bytes = finder->lower;
}

LS_INLINE void note_needle(finder *finder, const needle *needle, size_t at, uint64_t bit)
{
    if (is_at(needle, finder->bytes + at)) {
        size_t text = text_at(finder, at);
        finder->found[text] |= at + needle->text.length <= finder->ends[text] ? bit : 0;
    }
}

#if defined(LS_HAS_AVX2_CODE)
/* The first places, 32 at a time; how many were looked at. */
static LS_AVX2 size_t find_by_avx2(finder *finder, const needle *needle, size_t places,
                                   uint64_t bit)
{
    const __m256i first = _mm256_set1_epi8(needle->text.text[needle->first]);
    const __m256i second = _mm256_set1_epi8(needle->text.text[needle->second]);
    size_t i = 0;
    for (; i + 32 <= places; i += 32) {
        const char *at = finder->bytes + i;
        __m256i one = _mm256_loadu_si256((const __m256i *)(const void *)(at + needle->first));
        __m256i other = _mm256_loadu_si256((const __m256i *)(const void *)(at + needle->second));
        unsigned mask = (unsigned)_mm256_movemask_epi8(
            _mm256_and_si256(_mm256_cmpeq_epi8(one, first), _mm256_cmpeq_epi8(other, second)));
        for (; LS_UNLIKELY(mask != 0); mask &= mask - 1) {
            note_needle(finder, needle, i + (size_t)__builtin_ctz(mask), bit);
        }
    }
    return i;
}
#endif

static void find_anywhere(finder *finder, const needle *needle, uint64_t bit)
{
    const size_t length = needle->text.length;
    const char *bytes = finder->bytes;
    size_t i = 0, places = length <= finder->size ? finder->size - length + 1 : 0;
#if defined(LS_HAS_AVX2_CODE)
    if (finder->avx2) {
        i = find_by_avx2(finder, needle, places, bit);
    }
#endif
#if defined(__SSE2__)
    const __m128i first = _mm_set1_epi8(needle->text.text[needle->first]);
    const __m128i second = _mm_set1_epi8(needle->text.text[needle->second]);
    for (; i + 16 <= places; i += 16) {
        const char *at = bytes + i;
        __m128i one = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->first));
        __m128i other = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->second));
        int mask = _mm_movemask_epi8(
            _mm_and_si128(_mm_cmpeq_epi8(one, first), _mm_cmpeq_epi8(other, second)));
        for (; LS_UNLIKELY(mask != 0); mask &= mask - 1) {
            note_needle(finder, needle, i + (size_t)__builtin_ctz((unsigned)mask), bit);
        }
    }
#endif
    for (; i < places; i++) {
        if (bytes[i + needle->first] == needle->text.text[needle->first]) {
            note_needle(finder, needle, i, bit);
        }
    }
}

static void find_at_ends(finder *finder, const needle *needle, uint64_t bit)
{
    const size_t length = needle->text.length;
    for (size_t i = 0, start = 0; i < finder->count; start = finder->ends[i++]) {
        const size_t end = finder->ends[i];
        if (length <= end - start) {
            size_t at = needle->place == AT_START ? start : end - length;
            finder->found[i] |= is_at(needle, finder->bytes + at) ? bit : 0;
        }
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Texts that are trimmed before they are asked. */
static void mark_blanks(finder *finder)
{
    for (size_t i = 0, start = 0; i < finder->count; start = finder->ends[i++]) {
        const size_t end = finder->ends[i];
        bool blank =
            start == end || is_blank(finder->bytes[start]) || is_blank(finder->bytes[end - 1]);
        finder->marks[i] |= blank ? LONG : 0;
    }
}

static void look_through(finder *finder)
{
    mark_blanks(finder);
    if (!finder->scans) {
        return;
    }
    make_cells(finder);
    if (mark_bytes(finder) && finder->needle_count > 0) {
        fold_stretch(finder);
    }
    for (size_t i = 0; i < finder->needle_count; i++) {
        const needle *needle = &finder->needles[i];
        if (needle->text.length == 0) {
            continue; /* all have it */
        }
        if (needle->place == ANYWHERE) {
            find_anywhere(finder, needle, UINT64_C(1) << i);
        } else {
            find_at_ends(finder, needle, UINT64_C(1) << i);
        }
    }
}

/* ---- classes --------------------------------------------------------------------------------- */

/* Where the class of texts of which needles say this is, or will be. */
LS_INLINE struct signature *signature_of(finder *finder, uint64_t needles)
{
    size_t slot = (size_t)(needles * UINT64_C(0x9e3779b97f4a7c15) >> 54) & (SIGNATURES - 1);
    while (finder->signatures[slot].class_1 != 0 && finder->signatures[slot].needles != needles) {
        slot = (slot + 1) & (SIGNATURES - 1);
    }
    return &finder->signatures[slot];
}

static bool is_literal(finder *finder, uint32_t code)
{
    while (finder->next_literal < finder->literal_count &&
           finder->literals[finder->next_literal] < code) {
        finder->next_literal++;
    }
    return finder->next_literal < finder->literal_count &&
           finder->literals[finder->next_literal] == code;
}

/* A text whose folding is itself, or one that needs to be looked for. */
static int fold_quickly(const finder *finder, uint32_t code, bool itself)
{
    ls_property_table *table = finder->answering->table;
    if (!table->folds || code < table->folded_count) {
        return LS_OK;
    }
    return itself ? ls_answers_fold_itself(finder->answering, code)
                  : ls_answers_fold(finder->answering, code);
}

static int class_text(finder *finder, size_t i)
{
    ls_property_table *table = finder->answering->table;
    const uint32_t code = (uint32_t)(finder->first + i);
    const unsigned marks = finder->marks[i];
    const bool plain = (marks & LONG) == 0 && !(finder->equals && (marks & UPPER) != 0) &&
                       !is_literal(finder, code);
    if (!plain) {
        return ls_answers_code(finder->answering);
    }
    struct signature *signature = signature_of(finder, finder->found[i]);
    if (LS_LIKELY(signature->class_1 != 0)) {
        if (fold_quickly(finder, code, (marks & UPPER) == 0) != LS_OK) {
            return ls_fail_memory(finder->answering->error);
        }
        table->classes[table->code_count++] = signature->class_1 - 1;
        return LS_OK;
    }
    int status = ls_answers_code(finder->answering);
    if (status == LS_OK && finder->signature_count < SIGNATURES / 2) {
        *signature = (struct signature){finder->found[i], table->classes[code] + 1};
        finder->signature_count++;
    }
    return status;
}

/* Whether nothing tells the texts of the stretch apart. */
static bool is_plain(const finder *finder)
{
    unsigned marks = 0;
    for (size_t i = 0; i < finder->count; i++) {
        marks |= finder->marks[i];
    }
    return finder->needle_count == 0 && finder->literal_count == 0 && marks == 0 &&
           !finder->answering->late;
}

/* A stretch of texts that all answer as others did before. */
static int class_plainly(finder *finder)
{
    ls_property_table *table = finder->answering->table;
    const uint32_t class = signature_of(finder, 0)->class_1 - 1;
    for (size_t i = 0; i < finder->count; i++) {
        table->classes[table->code_count++] = class;
    }
    if (!table->folds || table->folded_count >= table->code_count) {
        return LS_OK;
    }
    if (!table->alike) {
        table->folded_count = table->code_count; /* each folds to itself */
    }
    for (uint32_t code = (uint32_t)table->folded_count; code < table->code_count; code++) {
        if (ls_answers_fold_itself(finder->answering, code) != LS_OK) {
            return ls_fail_memory(finder->answering->error);
        }
    }
    return LS_OK;
}

static int class_texts(finder *finder)
{
    const ls_answering *answering = finder->answering;
    int status = LS_OK;
    while (answering->table->code_count < answering->count && status == LS_OK) {
        if (!begin_stretch(finder, answering->table->code_count, answering->count)) {
            status = ls_answers_code(answering);
            continue;
        }
        look_through(finder);
        if (is_plain(finder) && signature_of(finder, 0)->class_1 != 0) {
            status = class_plainly(finder);
            continue;
        }
        for (size_t i = 0; i < finder->count && status == LS_OK; i++) {
            status = class_text(finder, i);
        }
    }
    return status;
}

/* For fewer texts than that the short way is the longer one. */
#define FEW_TEXTS 32

bool ls_answers_texts(const ls_answering *answering, int *status)
{
    ls_property_table *table = answering->table;
    ls_context *context = answering->answers->context;
    if (table->property->type != LS_TEXT || table->column == NULL || table->numeric ||
        answering->count - table->code_count < FEW_TEXTS) {
        return false;
    }
    finder *finder = ls_allocate_zero(context, 1, sizeof *finder);
    if (finder == NULL) {
        *status = ls_fail_memory(answering->error);
        return true;
    }
    finder->answering = answering;
    finder->avx2 = ls_cpu_avx2(context);
    finder->dictionary = &table->column->dictionary;
    int added = add_questions(finder);
    bool few = finder->needle_count <= MOST_NEEDLES;
    finder->scans = finder->needle_count > 0 || finder->equals || table->folds;
    if (added != LS_OK) {
        *status = ls_fail_memory(answering->error);
    } else if (few) {
        choose_bytes(finder);
        *status = class_texts(finder);
    }
    ls_free(context, finder->literals, finder->literal_capacity * sizeof *finder->literals);
    ls_free(context, finder, sizeof *finder);
    return few || added != LS_OK;
}
