/* What is folded of a contact, and which definitions can do with it. */
#include "ls_folded.h"

#include "ls_print.h"

#include <inttypes.h>

int ls_folded_new(ls_context *context, const ls_state *state, ls_folded **out)
{
    const size_t prints = state->print_count * sizeof *state->prints;
    const size_t names = state->folded_count * sizeof(ls_folded_name);
    size_t size = sizeof(ls_folded) + prints + names;
    *out = NULL;
    if (!state->folds) {
        return LS_OK;
    }
    for (size_t i = 0; i < state->folded_count; i++) {
        size += state->texts[state->folded[i].name].length;
    }
    ls_folded *folded = ls_allocate_zero(context, 1, size);
    if (folded == NULL) {
        return LS_ERROR_MEMORY;
    }
    folded->size = size;
    folded->from = state->from;
    folded->print_count = state->print_count;
    folded->name_count = state->folded_count;
    folded->prints = (uint64_t *)(folded + 1);
    folded->names = (ls_folded_name *)(folded->prints + state->print_count);
    char *text = (char *)(folded->names + state->folded_count);
    if (prints > 0) {
        memcpy(folded->prints, state->prints, prints);
    }
    for (size_t i = 0; i < state->folded_count; i++) {
        const ls_state_folded *of = &state->folded[i];
        ls_string name = state->texts[of->name];
        folded->names[i] = (ls_folded_name){{text, name.length}, of->run, of->left_out};
        memcpy(text, name.text, name.length);
        text += name.length;
    }
    *out = folded;
    return LS_OK;
}

void ls_folded_free(ls_context *context, ls_folded *folded)
{
    if (folded) {
        ls_free(context, folded, folded->size);
    }
}

/* ---- definitions ----------------------------------------------------------------------------- */

typedef struct search {
    const ls_folded *folded;
    const ls_folded_name *found;
} search;

static void find_name(void *user, const ls_occurrences *occurrences, bool own)
{
    search *search = user;
    (void)own;
    for (size_t i = 0; i < search->folded->name_count && !search->found; i++) {
        if (ls_occurrences_name(occurrences, search->folded->names[i].name)) {
            search->found = &search->folded->names[i];
        }
    }
}

static int refuse(const ls_folded *folded, const ls_definition *definition, const char *before,
                  ls_error *error)
{
    search search = {folded, NULL};
    ls_each_occurrences(definition, find_name, &search);
    ls_string name = search.found ? search.found->name : (ls_string){"", 0};
    if (search.found && search.found->left_out > 0) {
        return ls_fail(error, LS_ERROR_INPUT,
                       "%s%s needs the events \"%.*s\", %" PRIu64
                       " of which were left out for other definitions",
                       before, definition->name.text, (int)(name.length < 100 ? name.length : 100),
                       name.text, search.found->left_out);
    }
    return ls_fail(error, LS_ERROR_INPUT,
                   "%s%s needs the events \"%.*s\" as they were, but they were folded for other "
                   "definitions",
                   before, definition->name.text, (int)(name.length < 100 ? name.length : 100),
                   name.text);
}

static bool has_print(const ls_folded *folded, uint64_t print)
{
    for (size_t i = 0; i < folded->print_count; i++) {
        if (folded->prints[i] == print) {
            return true;
        }
    }
    return false;
}

int ls_folded_serves(ls_context *context, const ls_folded *folded, const ls_plan *plan,
                     const char *before, ls_error *error)
{
    ls_string *names = ls_allocate_zero(context, folded->name_count + 1, sizeof *names);
    int status = LS_OK;
    if (names == NULL) {
        return ls_fail_memory(error);
    }
    for (size_t i = 0; i < folded->name_count; i++) {
        names[i] = folded->names[i].name;
    }
    for (size_t i = 0; i < plan->count && status == LS_OK; i++) {
        uint64_t print;
        const ls_definition *definition = &plan->definitions[i];
        if (ls_print_definition(context, definition, names, folded->name_count, &print) != LS_OK) {
            status = ls_fail_memory(error);
        } else if (print != 0 && !has_print(folded, print)) {
            status = refuse(folded, definition, before, error);
        }
    }
    ls_free(context, names, (folded->name_count + 1) * sizeof *names);
    return status;
}

/* ---- packing again --------------------------------------------------------------------------- */

int ls_folded_keep(const ls_folded *folded, ls_state *state)
{
    int status = LS_OK;
    state->from = state->folds ? ls_max(state->from, folded->from) : folded->from;
    state->folds = true;
    for (size_t i = 0; i < folded->name_count && status == LS_OK; i++) {
        const ls_folded_name *name = &folded->names[i];
        status = ls_state_fold(state, name->name, name->left_out, name->run);
    }
    for (size_t i = 0; i < folded->print_count && status == LS_OK; i++) {
        status = ls_state_add_print(state, folded->prints[i]);
    }
    return status;
}

int ls_folded_print(ls_state *state, const ls_plan *plan)
{
    ls_context *context = state->context;
    ls_string *names = ls_allocate_zero(context, state->folded_count + 1, sizeof *names);
    int status = names ? LS_OK : LS_ERROR_MEMORY;
    state->print_count = 0;
    for (size_t i = 0; i < state->folded_count && status == LS_OK; i++) {
        names[i] = ls_dictionary_text(&state->dictionary, state->folded[i].name);
    }
    for (size_t i = 0; i < plan->count && status == LS_OK; i++) {
        uint64_t print = 0;
        status =
            ls_print_definition(context, &plan->definitions[i], names, state->folded_count, &print);
        if (status == LS_OK && print != 0) {
            status = ls_state_add_print(state, print);
        }
    }
    ls_free(context, names, (state->folded_count + 1) * sizeof *names);
    return status;
}
