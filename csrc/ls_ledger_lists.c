/* Lists: who is in one is known by id, since contacts come and go. */
#include "ls_ledger.h"

#include "ls_coder.h"

void ls_ledger_lists_free(ls_ledger *ledger)
{
    for (size_t i = 0; ledger->lists != NULL && i < ledger->dataset->list_count; i++) {
        ls_dictionary_free(&ledger->lists[i].ids);
        ls_free(ledger->context, ledger->lists[i].dropped, ledger->lists[i].dropped_capacity);
    }
    ls_free(ledger->context, ledger->lists, ledger->list_capacity * sizeof *ledger->lists);
}

static size_t find_list(const ls_ledger *ledger, ls_string name)
{
    const ls_dataset *dataset = ledger->dataset;
    size_t i = 0;
    while (i < dataset->list_count &&
           !ls_string_equal(dataset->lists[i].name, name.text, name.length))
        i++;
    return i;
}

static int add_list(ls_ledger *ledger, ls_string name)
{
    ls_dataset *dataset = ledger->dataset;
    size_t count = dataset->list_count + 1;
    if (ls_grow(ledger->context, &dataset->lists, &dataset->list_capacity, count,
                sizeof *dataset->lists) != LS_OK ||
        ls_grow(ledger->context, &ledger->lists, &ledger->list_capacity, count,
                sizeof *ledger->lists) != LS_OK)
        return LS_ERROR_MEMORY;
    ls_list *list = &dataset->lists[dataset->list_count];
    ls_ledger_members *members = &ledger->lists[dataset->list_count];
    memset(list, 0, sizeof *list);
    memset(members, 0, sizeof *members);
    ledger->bound.texts++; /* bindings look for it; the others may have moved */
    struct ls_list_rows *of = &list->of[LS_CONTACT];
    list->name.text = ls_arena_text(&dataset->arena, name.text, name.length);
    list->name.length = name.length;
    of->word_count = ls_ledger_table(ledger)->count / 64 + 1;
    of->rows = ls_allocate_zero(ledger->context, of->word_count, sizeof *of->rows);
    if (list->name.text != NULL && of->rows != NULL &&
        ls_dictionary_init(&members->ids, ledger->context, dataset->seed) == LS_OK) {
        dataset->list_count = count;
        return LS_OK;
    }
    ls_free(ledger->context, of->rows, of->word_count * sizeof *of->rows);
    return LS_ERROR_MEMORY;
}

int ls_ledger_list(ls_ledger *ledger, const char *name, size_t length, ls_error *error)
{
    ls_string text = {name, length};
    if (find_list(ledger, text) < ledger->dataset->list_count)
        return LS_OK;
    return add_list(ledger, text) == LS_OK ? LS_OK : ls_fail_memory(error);
}

int ls_ledger_list_add(ls_ledger *ledger, const char *name, size_t length, const char *id,
                       size_t id_length, ls_error *error)
{
    size_t index = find_list(ledger, (ls_string){name, length});
    if (index == ledger->dataset->list_count)
        return ls_fail(error, LS_ERROR_USAGE, "list %.*s: not there", (int)length, name);
    ls_ledger_members *list = &ledger->lists[index];
    ls_string member = ls_trimmed((ls_string){id, id_length});
    if (member.length == 0)
        return LS_OK;
    uint32_t code = ls_dictionary_add(&list->ids, member.text, member.length);
    size_t before = list->dropped_capacity;
    if (code == LS_NO_CODE || ls_grow(ledger->context, &list->dropped, &list->dropped_capacity,
                                      list->ids.count, 1) != LS_OK)
        return ls_fail_memory(error);
    memset(list->dropped + before, 0, list->dropped_capacity - before);
    list->dropped[code] = 0;
    uint32_t row = ls_ledger_row(ledger, member);
    if (row != LS_NO_ROW) {
        ledger->dataset->lists[index].of[LS_CONTACT].rows[row / 64] |= UINT64_C(1) << row % 64;
        ls_ledger_touch(ledger, row, LS_WHY_PROPERTY);
    }
    return LS_OK;
}

int ls_ledger_list_keep(ls_ledger *ledger, const ls_list *list, ls_error *error)
{
    ls_list *kept = &ledger->dataset->lists[find_list(ledger, list->name)];
    for (int object = LS_COMPANY; object <= LS_DEAL; object++) {
        const struct ls_list_rows *from = &list->of[object];
        struct ls_list_rows *to = &kept->of[object];
        if (ls_grow(ledger->context, &to->rows, &to->word_count, from->word_count,
                    sizeof *to->rows) != LS_OK)
            return ls_fail_memory(error);
        if (to->word_count > 0)
            memset(to->rows, 0, to->word_count * sizeof *to->rows);
        if (from->word_count > 0)
            memcpy(to->rows, from->rows, from->word_count * sizeof *to->rows);
    }
    kept->unknown = list->unknown;
    return LS_OK;
}

int ls_ledger_check_lists(const ls_ledger *ledger, const ls_plan *plan, ls_error *error)
{
    for (size_t i = 0; i < plan->list_count; i++)
        if (find_list(ledger, plan->lists[i]) == ledger->dataset->list_count)
            return ls_fail(error, LS_ERROR_INPUT, "list %.*s: named by a definition, not given",
                           (int)plan->lists[i].length, plan->lists[i].text);
    return LS_OK;
}
