/* The short way for texts: what is asked of them comes down to which needles they hold, start or
 * end with, looked for in a stretch of the dictionary at a time, and to a few literals that they
 * may equal. Texts of which the needles say the same answer alike. Texts that are literals, or are
 * not ASCII, go the long way. */
#include "ls_answers_stretch.h"

#include "ls_answers.h"
#include "ls_cpu.h"

#include <stdlib.h>

/* Of a table from what needles say to a class; half of it is used at most. */
#define SIGNATURES 1024

typedef struct finder {
    ls_answer_share share; /* first */
    ls_needles needles;
    size_t literal_count, literal_capacity;
    uint32_t *literals; /* their codes, ascending; those that have one */
    bool equals;        /* some text is asked whether it is a literal */
    struct signature {
        uint64_t needles;
        uint32_t class_1; /* class + 1; 0: free */
    } signatures[SIGNATURES];
    size_t signature_count;
    ls_stretch *stretches; /* by thread */
} finder;

/* ---- what is asked --------------------------------------------------------------------------- */

static void add_needle(finder *finder, ls_needle_place place, ls_string text)
{
    for (size_t i = 0; i < finder->needles.count && i < LS_MOST_NEEDLES; i++) {
        const ls_needle *other = &finder->needles.all[i];
        if (other->place == place && ls_string_equal(other->text, text.text, text.length)) {
            return;
        }
    }
    if (finder->needles.count++ < LS_MOST_NEEDLES) {
        ls_needle *needle = &finder->needles.all[finder->needles.count - 1];
        size_t length = text.length < sizeof needle->head ? text.length : sizeof needle->head;
        *needle = (ls_needle){.place = place, .text = text};
        if (length > 0) {
            memcpy(&needle->head, text.text, length);
            memset(&needle->mask, 0xff, length);
        }
    }
}

static int add_literal(finder *finder, ls_string text)
{
    uint32_t code = ls_dictionary_find(finder->needles.dictionary, text.text, text.length);
    finder->equals = true;
    if (code == LS_NO_CODE || code < finder->share.answering->table->code_count) {
        return LS_OK;
    }
    if (ls_grow(finder->share.answering->answers->context, &finder->literals,
                &finder->literal_capacity, finder->literal_count + 1,
                sizeof *finder->literals) != LS_OK) {
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
        case LS_OP_NOT_CONTAINS: add_needle(finder, LS_ANYWHERE, test->texts[i]); break;
        case LS_OP_STARTS_WITH: add_needle(finder, LS_AT_START, test->texts[i]); break;
        case LS_OP_ENDS_WITH: add_needle(finder, LS_AT_END, test->texts[i]); break;
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
    const ls_property_table *table = finder->share.answering->table;
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
    const ls_dictionary *dictionary = finder->needles.dictionary;
    size_t size = dictionary->byte_count < 4096 ? dictionary->byte_count : 4096;
    for (size_t i = 0; i < size; i++) {
        counts[(unsigned char)dictionary->bytes[i]]++;
    }
    for (size_t i = 0; i < finder->needles.count; i++) {
        ls_needle *needle = &finder->needles.all[i];
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

/* ---- classes --------------------------------------------------------------------------------- */

/* Where the class of texts of which needles say this is, or will be. */
LS_INLINE size_t signature_of(const finder *finder, uint64_t needles)
{
    size_t slot = (size_t)(needles * UINT64_C(0x9e3779b97f4a7c15) >> 54) & (SIGNATURES - 1);
    while (finder->signatures[slot].class_1 != 0 && finder->signatures[slot].needles != needles) {
        slot = (slot + 1) & (SIGNATURES - 1);
    }
    return slot;
}

/* The place of the first literal of such a code or a larger one. */
static size_t first_literal(const finder *finder, size_t code)
{
    size_t from = 0, to = finder->literal_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (finder->literals[middle] < code) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* Marks the stretch's texts that are literals. */
static void mark_literals(const finder *finder, ls_stretch *stretch)
{
    size_t last = stretch->first + stretch->count;
    for (size_t i = first_literal(finder, stretch->first);
         i < finder->literal_count && finder->literals[i] < last; i++) {
        stretch->marks[finder->literals[i] - stretch->first] |= LS_STRETCH_LONG;
    }
}

/* Notes what a text folds to; false: that is left to who may write it. */
LS_INLINE bool fold_text(const finder *finder, const ls_stretch *stretch, size_t i)
{
    const ls_property_table *table = finder->share.answering->table;
    const size_t code = stretch->first + i;
    const bool itself = (stretch->marks[i] & LS_STRETCH_UPPER) == 0;
    if (code < finder->share.fold_from) {
        return true;
    }
    if (!finder->share.folds) {
        return itself;
    }
    ls_string text = ls_stretch_text(stretch, i);
    table->folded_codes[code] =
        itself ? (uint32_t)code
               : ls_dictionary_find(finder->needles.dictionary, text.text, text.length);
    return true;
}

/* Whether nothing more is to be done for it. */
LS_INLINE bool class_text(const finder *finder, const ls_stretch *stretch, size_t i)
{
    ls_property_table *table = finder->share.answering->table;
    const size_t code = stretch->first + i;
    const unsigned marks = stretch->marks[i];
    table->classes[code] = LS_NO_CLASS;
    if ((marks & LS_STRETCH_LONG) != 0 || (finder->equals && (marks & LS_STRETCH_UPPER) != 0)) {
        return false;
    }
    uint32_t class_1 = finder->signatures[signature_of(finder, stretch->found[i])].class_1;
    if (class_1 == 0) {
        table->classes[code] = LS_NO_CLASS_YET;
        return false;
    }
    if (table->folds && !fold_text(finder, stretch, i)) {
        return false;
    }
    table->classes[code] = class_1 - 1;
    return !finder->share.folds || code < finder->share.fold_from ||
           table->folded_codes[code] != LS_NO_CODE;
}

/* Whether the texts are asked needles alone, and fold to themselves. */
static bool is_plain(const finder *finder, const ls_stretch *stretch)
{
    unsigned marks = 0;
    for (size_t i = 0; i < stretch->count; i++) {
        marks |= stretch->marks[i];
    }
    return marks == 0 && !finder->share.folds;
}

/* Of such texts; whether all are known. */
static bool class_plain(const finder *finder, const ls_stretch *stretch)
{
    uint32_t *restrict classes = finder->share.answering->table->classes + stretch->first;
    const uint32_t class_1 = finder->signatures[signature_of(finder, 0)].class_1;
    uint32_t least = UINT32_MAX;
    if (class_1 != 0 && finder->needles.count == 0) {
        for (size_t i = 0; i < stretch->count; i++) {
            classes[i] = class_1 - 1;
        }
        return true;
    }
    for (size_t i = 0; i < stretch->count; i++) {
        const uint32_t found = finder->signatures[signature_of(finder, stretch->found[i])].class_1;
        classes[i] = found != 0 ? found - 1 : LS_NO_CLASS_YET;
        least = found < least ? found : least;
    }
    return least != 0;
}

/* Whether all are known. */
static bool class_stretch(const finder *finder, const ls_stretch *stretch)
{
    bool whole = true;
    if (is_plain(finder, stretch)) {
        return class_plain(finder, stretch);
    }
    for (size_t i = 0; i < stretch->count; i++) {
        whole = class_text(finder, stretch, i) && whole;
    }
    return whole;
}

static bool fill(const ls_answer_share *share, unsigned thread, size_t first, size_t last)
{
    const finder *finder = (const struct finder *)(const void *)share;
    ls_stretch *stretch = &finder->stretches[thread];
    bool whole = true;
    while (first < last) {
        if (!ls_stretch_begin(stretch, first, last)) {
            share->answering->table->classes[first++] = LS_NO_CLASS;
            whole = false;
            continue;
        }
        ls_stretch_look(stretch);
        mark_literals(finder, stretch);
        whole = class_stretch(finder, stretch) && whole;
        first += stretch->count;
    }
    return whole;
}

/* A text of which needles said something new when it was filled in; they are remembered. */
static int ask_new(finder *finder, uint32_t code)
{
    ls_property_table *table = finder->share.answering->table;
    ls_stretch *stretch = &finder->stretches[0];
    ls_stretch_begin(stretch, code, (size_t)code + 1);
    ls_stretch_look(stretch);
    struct signature *signature = &finder->signatures[signature_of(finder, stretch->found[0])];
    if (signature->class_1 != 0) {
        table->classes[code] = signature->class_1 - 1;
        return !table->folds || ls_answers_fold(finder->share.answering, code) == LS_OK
                   ? LS_OK
                   : ls_fail_memory(finder->share.answering->error);
    }
    int status = ls_answers_one(finder->share.answering, code);
    if (status == LS_OK && finder->signature_count < SIGNATURES / 2) {
        *signature = (struct signature){stretch->found[0], table->classes[code] + 1};
        finder->signature_count++;
    }
    return status;
}

static int ask(const ls_answer_share *share, uint32_t code)
{
    return share->answering->table->classes[code] == LS_NO_CLASS_YET
               ? ask_new((struct finder *)(uintptr_t)share, code)
               : ls_answers_one(share->answering, code);
}

static int class_texts(finder *finder)
{
    ls_context *context = finder->share.answering->answers->context;
    const unsigned threads = finder->share.threads;
    finder->stretches = ls_allocate(context, threads * sizeof *finder->stretches);
    if (finder->stretches == NULL) {
        return ls_fail_memory(finder->share.answering->error);
    }
    for (unsigned i = 0; i < threads; i++) {
        finder->stretches[i].needles = &finder->needles;
    }
    int status = ls_answers_share(&finder->share);
    ls_free(context, finder->stretches, threads * sizeof *finder->stretches);
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
    finder->share = (ls_answer_share){
        .answering = answering, .fill = fill, .ask = ask, .threads = ls_answers_threads(answering)};
    finder->needles.avx2 = ls_cpu_avx2(context);
    finder->needles.dictionary = &table->column->dictionary;
    int added = add_questions(finder);
    bool few = finder->needles.count <= LS_MOST_NEEDLES;
    finder->needles.lower = finder->needles.count > 0 || table->folds;
    finder->needles.scans = finder->needles.lower || finder->equals;
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
