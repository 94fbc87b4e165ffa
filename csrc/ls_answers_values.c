/* Short ways for numbers and instants: what is asked of them changes at a few bounds, and between
 * two of them all answer alike. */
#include "ls_answers.h"

#include "ls_cpu.h"
#include "ls_text.h"
#include "ls_time.h"

#if defined(LS_HAS_AVX2_CODE)
#include <immintrin.h>
#endif

static void begin_bounds(ls_bounds *to)
{
    to->count = 0;
    for (size_t i = 0; i <= 2 * LS_MOST_BOUNDS; i++) {
        to->classes[i] = LS_NO_CLASS;
    }
}

/* A single text could only be asked by itself. */
static bool is_worth_it(const ls_answering *answering)
{
    return answering->table->code_count + 1 < answering->count;
}

/* ---- classes by bounds ----------------------------------------------------------------------- */

typedef struct shared {
    ls_answer_share share; /* first */
    ls_bounds between;
} shared;

/* The class of a value between two bounds is that of the first one there. */
static int ask_between(const ls_answer_share *share, uint32_t code, uint32_t *class)
{
    uint32_t *classes = share->answering->table->classes;
    if (*class != LS_NO_CLASS) {
        classes[code] = *class;
        return LS_OK;
    }
    int status = ls_answers_one(share->answering, code);
    *class = status == LS_OK ? classes[code] : LS_NO_CLASS;
    return status;
}

/* ---- instants -------------------------------------------------------------------------------- */

static void add_instants(ls_bounds *to, const int64_t *instants, size_t count)
{
    for (size_t i = 0; i < count && to->count <= LS_MOST_BOUNDS; i++) {
        int64_t *at = to->of.at;
        size_t place = 0;
        while (place < to->count && at[place] < instants[i]) {
            place++;
        }
        if (place < to->count && at[place] == instants[i]) {
            continue;
        }
        if (to->count++ < LS_MOST_BOUNDS) {
            memmove(at + place + 1, at + place, (to->count - 1 - place) * sizeof *at);
            at[place] = instants[i];
        }
    }
}

static void add_condition_instants(ls_bounds *to, const ls_condition *condition, int64_t at)
{
    for (size_t i = 0; i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        const int64_t span = ls_min(test->span, LS_TIME_MAX - LS_TIME_MIN); /* no age is larger */
        const int64_t instants[] = {test->from, test->until, at + 1, at - span + 1, at + span + 1};
        add_instants(to, instants, sizeof instants / sizeof *instants);
    }
}

bool ls_bounds_of_instants(const ls_property_table *table, int64_t at, ls_bounds *out)
{
    begin_bounds(out);
    for (size_t i = 0; i < table->atom_count; i++) {
        add_condition_instants(out, table->atoms[i]->condition, at);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; k < choice->count && out->count <= LS_MOST_BOUNDS; k++) {
            const int64_t instants[] = {choice->entries[k].from, choice->entries[k].until};
            if (choice->kind == LS_CHOICE_BANDS) {
                add_condition_instants(out, choice->entries[k].condition, at);
            } else {
                add_instants(out, instants, sizeof instants / sizeof *instants);
            }
        }
    }
    return out->count <= LS_MOST_BOUNDS;
}

#if defined(LS_HAS_AVX2_CODE)
/* So few that all are counted. */
#define FEW_BOUNDS 24

/* Four instants at a time; how many were looked at. `unknown` is set where some class is. */
static LS_AVX2 size_t class_by_avx2(const ls_bounds *between, const int64_t *moments, size_t count,
                                    uint32_t *classes, bool *unknown)
{
    const __m256i all = _mm256_set1_epi64x((int64_t)between->count);
    const __m256i no_moment = _mm256_set1_epi64x(LS_NO_MOMENT);
    const __m256i low = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    const __m128i no_class = _mm_set1_epi32(-1);
    __m128i some = _mm_setzero_si128();
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i values = _mm256_loadu_si256((const __m256i *)(const void *)(moments + i));
        __m256i places = all, none = _mm256_cmpeq_epi64(values, no_moment);
        for (size_t k = 0; k < between->count; k++) {
            __m256i bound = _mm256_set1_epi64x(between->of.at[k]);
            places = _mm256_add_epi64(places, _mm256_cmpgt_epi64(bound, values));
        }
        __m128i place = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(places, low));
        __m128i class = _mm_i32gather_epi32((const int *)between->classes, place, 4);
        class = _mm_or_si128(class, _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(none, low)));
        some = _mm_or_si128(some, _mm_cmpeq_epi32(class, no_class));
        _mm_storeu_si128((__m128i *)(void *)(classes + i), class);
    }
    *unknown = _mm_movemask_epi8(some) != 0;
    return i;
}
#endif

static bool fill_moments(const ls_answer_share *share, unsigned thread, size_t first, size_t last)
{
    const ls_bounds *between = &((const shared *)(const void *)share)->between;
    const ls_column *column = share->answering->table->column;
    uint32_t *classes = share->answering->table->classes;
    size_t end = column->moment_count < last ? column->moment_count : last;
    bool unknown = false;
    (void)thread;
#if defined(LS_HAS_AVX2_CODE)
    if (first < end && between->count <= FEW_BOUNDS &&
        ls_cpu_avx2(share->answering->answers->context)) {
        first +=
            class_by_avx2(between, column->moments + first, end - first, classes + first, &unknown);
    }
#endif
    for (; first < end; first++) {
        int64_t moment = column->moments[first];
        uint32_t class = between->classes[ls_bounds_up_to(between, moment)];
        classes[first] = moment != LS_NO_MOMENT ? class : LS_NO_CLASS;
        unknown = unknown || classes[first] == LS_NO_CLASS;
    }
    for (; first < last; first++) {
        classes[first] = LS_NO_CLASS;
        unknown = true;
    }
    return !unknown;
}

static int ask_moment(const ls_answer_share *share, uint32_t code)
{
    ls_bounds *between = &((shared *)(uintptr_t)share)->between;
    const ls_column *column = share->answering->table->column;
    int64_t moment = code < column->moment_count ? column->moments[code] : LS_NO_MOMENT;
    return moment == LS_NO_MOMENT
               ? ls_answers_one(share->answering, code)
               : ask_between(share, code, &between->classes[ls_bounds_up_to(between, moment)]);
}

bool ls_answers_moments(const ls_answering *answering, int *status)
{
    ls_property_table *table = answering->table;
    const ls_column *column = table->column;
    shared shared;
    shared.share = (ls_answer_share){.answering = answering,
                                     .fill = fill_moments,
                                     .ask = ask_moment,
                                     .threads = ls_answers_threads(answering)};
    if (table->property->type != LS_DATETIME || column == NULL || column->moments == NULL ||
        table->folds || table->numeric || !is_worth_it(answering) ||
        !ls_bounds_of_instants(table, answering->answers->at, &shared.between)) {
        return false;
    }
    *status = ls_answers_share(&shared.share);
    return true;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void add_number(ls_bounds *to, double number)
{
    double *numbers = to->of.numbers;
    size_t place = 0;
    while (place < to->count && place < LS_MOST_BOUNDS && numbers[place] < number) {
        place++;
    }
    if (to->count > LS_MOST_BOUNDS || (place < to->count && numbers[place] == number)) {
        return;
    }
    if (to->count++ < LS_MOST_BOUNDS) {
        memmove(numbers + place + 1, numbers + place, (to->count - 1 - place) * sizeof *numbers);
        numbers[place] = number;
    }
}

static void add_condition_numbers(ls_bounds *to, const ls_condition *condition)
{
    for (size_t i = 0; i < condition->count; i++) {
        const ls_test *test = &condition->tests[i];
        for (size_t k = 0; k < test->count && to->count <= LS_MOST_BOUNDS; k++) {
            add_number(to, test->numbers[k]);
        }
    }
}

static bool find_numbers(const ls_property_table *table, ls_bounds *out)
{
    begin_bounds(out);
    for (size_t i = 0; i < table->atom_count; i++) {
        add_condition_numbers(out, table->atoms[i]->condition);
    }
    for (size_t i = 0; i < table->choice_count; i++) {
        const ls_choice *choice = table->choices[i];
        for (size_t k = 0; k < choice->count && out->count <= LS_MOST_BOUNDS; k++) {
            if (choice->kind == LS_CHOICE_BANDS) {
                add_condition_numbers(out, choice->entries[k].condition);
            } else {
                add_number(out, choice->entries[k].number);
            }
        }
    }
    return out->count <= LS_MOST_BOUNDS;
}

LS_INLINE size_t place_of_number(const ls_bounds *between, double number)
{
    const double *from = between->of.numbers;
    size_t left = between->count;
    if (left == 0) {
        return 0;
    }
    while (left > 1) {
        size_t half = left / 2;
        from += half & (size_t) - (from[half - 1] < number);
        left -= half;
    }
    size_t below = (size_t)(from - between->of.numbers) + (*from < number);
    return 2 * below + (below < between->count && between->of.numbers[below] == number);
}

static bool read_number(const ls_property_table *table, uint32_t code, double *out)
{
    ls_string text = ls_dictionary_text(&table->column->dictionary, code);
    return ls_number_read(text.text, text.length, out); /* false: blanks around it, or no number */
}

static bool fill_numbers(const ls_answer_share *share, unsigned thread, size_t first, size_t last)
{
    const ls_bounds *between = &((const shared *)(const void *)share)->between;
    const ls_property_table *table = share->answering->table;
    uint32_t *classes = table->classes;
    bool whole = true;
    (void)thread;
    for (; first < last; first++) {
        double number;
        classes[first] = read_number(table, (uint32_t)first, &number)
                             ? between->classes[place_of_number(between, number)]
                             : LS_NO_CLASS;
        whole = whole && classes[first] != LS_NO_CLASS;
    }
    return whole;
}

static int ask_number(const ls_answer_share *share, uint32_t code)
{
    ls_bounds *between = &((shared *)(uintptr_t)share)->between;
    double number;
    return read_number(share->answering->table, code, &number)
               ? ask_between(share, code, &between->classes[place_of_number(between, number)])
               : ls_answers_one(share->answering, code);
}

bool ls_answers_numbers(const ls_answering *answering, int *status)
{
    ls_property_table *table = answering->table;
    shared shared;
    shared.share = (ls_answer_share){.answering = answering,
                                     .fill = fill_numbers,
                                     .ask = ask_number,
                                     .threads = ls_answers_threads(answering)};
    if (table->property->type != LS_NUMBER || table->column == NULL || table->folds ||
        table->numeric || !is_worth_it(answering) || !find_numbers(table, &shared.between)) {
        return false;
    }
    *status = ls_answers_share(&shared.share);
    return true;
}
