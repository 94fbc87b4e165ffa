/* Account matching. Companies claim domains and names in two dictionaries; each distinct address or
 * name of the contacts is then looked up once. The free-mail domains are a third dictionary. */
#include "ls_match.h"

#include "ls_ingest.h"
#include "ls_links.h"
#include "ls_log.h"

/* What is claimed: by code, the company's row + 1, or SEVERAL. */
#define SEVERAL UINT32_MAX
typedef struct claims {
    ls_dictionary texts;
    uint32_t *companies;
    size_t capacity;
} claims;

/* What became of a distinct value of the contacts. */
typedef struct answer {
    uint32_t company;
    uint8_t outcome; /* ls_match_outcome */
} answer;

typedef struct matcher {
    ls_dataset *dataset;
    claims domains, names;
    ls_dictionary free;
    ls_buffer text;
    const ls_column *email, *name; /* of contacts; NULL: not asked */
    answer *by_email, *by_name;    /* by code */
    uint64_t free_domains;         /* of companies */
} matcher;

/* ---- what companies claim -------------------------------------------------------------------- */

static int claim(matcher *matcher, claims *claims, uint32_t company)
{
    ls_context *context = matcher->dataset->context;
    if (matcher->text.failed)
        return LS_ERROR_MEMORY;
    if (matcher->text.length == 0)
        return LS_OK;
    uint32_t before = claims->texts.count;
    uint32_t code = ls_dictionary_add(&claims->texts, matcher->text.data, matcher->text.length);
    if (code == LS_NO_CODE || ls_grow(context, &claims->companies, &claims->capacity,
                                      (size_t)code + 1, sizeof *claims->companies) != LS_OK)
        return LS_ERROR_MEMORY;
    if (code >= before)
        claims->companies[code] = company + 1;
    else if (claims->companies[code] != company + 1)
        claims->companies[code] = SEVERAL;
    return LS_OK;
}

/* Each domain of a cell such as "acme.com; acme.io". */
static int claim_domains(matcher *matcher, ls_string cell, uint32_t company)
{
    int status = LS_OK;
    for (size_t start = 0, i = 0; i <= cell.length && status == LS_OK; i++) {
        if (i < cell.length && cell.text[i] != ';')
            continue;
        status = ls_match_domain((ls_string){cell.text + start, i - start}, false, &matcher->text);
        if (status == LS_OK && !matcher->text.failed)
            matcher->free_domains += ls_dictionary_find(&matcher->free, matcher->text.data,
                                                        matcher->text.length) != LS_NO_CODE &&
                                     matcher->text.length != 0;
        if (status == LS_OK)
            status = claim(matcher, &matcher->domains, company);
        start = i + 1;
    }
    return status;
}

static int claim_column(matcher *matcher, const ls_column *column, bool domains)
{
    int status = LS_OK;
    for (size_t row = 0; column && row < column->count && status == LS_OK; row++) {
        uint32_t code = ls_column_code(column, row);
        ls_string cell = ls_dictionary_text(&column->dictionary, code);
        if (code == 0)
            continue;
        if (domains) {
            status = claim_domains(matcher, cell, (uint32_t)row);
        } else {
            status = ls_match_name(cell, &matcher->text);
            if (status == LS_OK)
                status = claim(matcher, &matcher->names, (uint32_t)row);
        }
    }
    return status;
}

/* ---- what contacts say ----------------------------------------------------------------------- */

static answer find_claim(const claims *claims, ls_string text)
{
    uint32_t code = ls_dictionary_find(&claims->texts, text.text, text.length);
    if (code == LS_NO_CODE || code == 0)
        return (answer){0, LS_MATCH_NO_COMPANY};
    uint32_t company = claims->companies[code];
    return company == SEVERAL ? (answer){0, LS_MATCH_SEVERAL} : (answer){company - 1, LS_MATCHED};
}

/* The domain itself, then each that it lies in: mail.eu.acme.com, eu.acme.com, acme.com; never a
 * bare "com". */
static answer find_domain(const matcher *matcher, ls_string domain)
{
    for (bool whole = true;; whole = false) {
        const char *dot = memchr(domain.text, '.', domain.length);
        if (dot == NULL && !whole)
            return (answer){0, LS_MATCH_NO_COMPANY};
        if (ls_dictionary_find(&matcher->free, domain.text, domain.length) != LS_NO_CODE)
            return (answer){0, LS_MATCH_FREE_MAIL};
        answer found = find_claim(&matcher->domains, domain);
        if (found.outcome != LS_MATCH_NO_COMPANY || dot == NULL)
            return found;
        domain.length -= (size_t)(dot + 1 - domain.text);
        domain.text = dot + 1;
    }
}

static int answer_value(matcher *matcher, ls_string value, bool domain, answer *out)
{
    int status = domain ? ls_match_domain(value, true, &matcher->text)
                        : ls_match_name(value, &matcher->text);
    ls_string text = {matcher->text.data, matcher->text.length};
    if (status != LS_OK || matcher->text.failed)
        return LS_ERROR_MEMORY;
    if (text.length == 0)
        *out = (answer){0, LS_MATCH_NO_VALUE};
    else
        *out = domain ? find_domain(matcher, text) : find_claim(&matcher->names, text);
    return LS_OK;
}

/* The answers for all values of a column; *out is NULL where there is no column. */
static int answer_column(matcher *matcher, const ls_column *column, bool domain, answer **out)
{
    int status = LS_OK;
    if (column == NULL)
        return LS_OK;
    *out = ls_allocate_zero(matcher->dataset->context, column->dictionary.count, sizeof **out);
    if (*out == NULL)
        return LS_ERROR_MEMORY;
    (*out)[0].outcome = LS_MATCH_NO_VALUE;
    for (uint32_t code = 1; code < column->dictionary.count && status == LS_OK; code++)
        status = answer_value(matcher, ls_dictionary_text(&column->dictionary, code), domain,
                              &(*out)[code]);
    return status;
}

/* ---- associating ----------------------------------------------------------------------------- */

static answer answer_of(const ls_column *column, const answer *answers, size_t row)
{
    if (column == NULL)
        return (answer){0, LS_MATCH_NOT_ASKED};
    return row < column->count ? answers[ls_column_code(column, row)]
                               : (answer){0, LS_MATCH_NO_VALUE};
}

static int associate(ls_dataset *dataset, uint32_t row, uint32_t company, const char *label)
{
    static const ls_string primary = {"Primary", 7};
    int status = ls_links_add(dataset, LS_CONTACT, row, LS_COMPANY, company, primary);
    return status == LS_OK ? ls_links_add(dataset, LS_CONTACT, row, LS_COMPANY, company,
                                          (ls_string){label, strlen(label)})
                           : status;
}

static void count_miss(ls_match_counts *counts, const ls_account_match *match)
{
    bool asked = match->by_domain != LS_MATCH_NOT_ASKED;
    ls_match_outcome outcome = asked ? match->by_domain : match->by_name;
    if (outcome == LS_MATCH_NO_VALUE && match->by_name != LS_MATCH_NOT_ASKED)
        outcome = match->by_name;
    if (match->by_domain == LS_MATCH_SEVERAL || match->by_name == LS_MATCH_SEVERAL)
        outcome = LS_MATCH_SEVERAL;
    counts->unmatched++;
    counts->free_mail += outcome == LS_MATCH_FREE_MAIL;
    counts->several += outcome == LS_MATCH_SEVERAL;
    counts->no_value += outcome == LS_MATCH_NO_VALUE;
}

static bool has_primary(const ls_dataset *dataset, size_t row)
{
    const ls_primary *primary = &dataset->primary[LS_CONTACT];
    return row < primary->count && primary->companies[row] != 0;
}

static int match_row(const matcher *matcher, uint32_t row, ls_account_match *match,
                     ls_match_counts *counts)
{
    ls_dataset *dataset = matcher->dataset;
    if (has_primary(dataset, row)) {
        counts->associated++;
        return LS_OK;
    }
    answer domain = answer_of(matcher->email, matcher->by_email, row);
    answer name = {0, LS_MATCH_NOT_ASKED};
    if (domain.outcome != LS_MATCHED)
        name = answer_of(matcher->name, matcher->by_name, row);
    *match = (ls_account_match){(ls_match_outcome)domain.outcome, (ls_match_outcome)name.outcome};
    if (domain.outcome == LS_MATCHED) {
        counts->by_domain++;
        return associate(dataset, row, domain.company, "Matched by domain");
    }
    if (name.outcome == LS_MATCHED) {
        counts->by_name++;
        return associate(dataset, row, name.company, "Matched by name");
    }
    count_miss(counts, match);
    return LS_OK;
}

static int match_all(matcher *matcher, ls_match_counts *counts)
{
    ls_dataset *dataset = matcher->dataset;
    size_t rows = dataset->tables[LS_CONTACT].count;
    ls_account_match *matches = ls_allocate_zero(dataset->context, rows + 1, sizeof *matches);
    if (matches == NULL)
        return LS_ERROR_MEMORY;
    ls_match_free(dataset);
    dataset->matches = matches;
    dataset->match_count = rows + 1;
    int status = LS_OK;
    for (uint32_t row = 0; row < rows && status == LS_OK; row++)
        status = match_row(matcher, row, &matches[row], counts);
    return status;
}

/* ---- all together ---------------------------------------------------------------------------- */

static int init_matcher(matcher *matcher, ls_dataset *dataset, const ls_match_options *options)
{
    ls_context *context = dataset->context;
    matcher->dataset = dataset;
    matcher->text.context = context;
    int status = ls_dictionary_init(&matcher->domains.texts, context, dataset->seed);
    if (status == LS_OK)
        status = ls_dictionary_init(&matcher->names.texts, context, dataset->seed);
    if (status == LS_OK)
        status = ls_dictionary_init(&matcher->free, context, dataset->seed);
    for (size_t i = 0; i < options->free_mail_count && status == LS_OK; i++) {
        const char *domain = options->free_mail[i];
        status = ls_match_domain((ls_string){domain, strlen(domain)}, false, &matcher->text);
        if (status == LS_OK && matcher->text.length != 0 &&
            ls_dictionary_add(&matcher->free, matcher->text.data, matcher->text.length) ==
                LS_NO_CODE)
            status = LS_ERROR_MEMORY;
    }
    return status;
}

static const ls_column *column_of(const ls_dataset *dataset, ls_object object, const char *name)
{
    return name ? ls_dataset_property(dataset, object, (ls_string){name, strlen(name)}) : NULL;
}

static int run_matcher(matcher *matcher, const ls_match_options *options, ls_match_counts *counts)
{
    ls_dataset *dataset = matcher->dataset;
    matcher->email = column_of(dataset, LS_CONTACT, options->email);
    matcher->name = column_of(dataset, LS_CONTACT, options->name);
    int status = ls_links_company_ids(dataset);
    if (status == LS_OK && matcher->email)
        status = claim_column(matcher, column_of(dataset, LS_COMPANY, "domain"), true);
    if (status == LS_OK && matcher->name)
        status = claim_column(matcher, column_of(dataset, LS_COMPANY, "name"), false);
    if (status == LS_OK)
        status = answer_column(matcher, matcher->email, true, &matcher->by_email);
    if (status == LS_OK)
        status = answer_column(matcher, matcher->name, false, &matcher->by_name);
    return status == LS_OK ? match_all(matcher, counts) : status;
}

static void free_claims(ls_context *context, claims *claims)
{
    ls_free(context, claims->companies, claims->capacity * sizeof *claims->companies);
    if (claims->texts.context)
        ls_dictionary_free(&claims->texts);
}

static void free_matcher(matcher *matcher)
{
    ls_context *context = matcher->dataset->context;
    free_claims(context, &matcher->domains);
    free_claims(context, &matcher->names);
    if (matcher->free.context)
        ls_dictionary_free(&matcher->free);
    if (matcher->by_email)
        ls_free(context, matcher->by_email,
                matcher->email->dictionary.count * sizeof *matcher->by_email);
    if (matcher->by_name)
        ls_free(context, matcher->by_name,
                matcher->name->dictionary.count * sizeof *matcher->by_name);
    ls_buffer_free(&matcher->text);
}

int ls_dataset_match(ls_dataset *dataset, const ls_match_options *options, ls_match_counts *out,
                     ls_error *error)
{
    matcher matcher = {0};
    if (dataset->grouped)
        return ls_fail(error, LS_ERROR_USAGE, "contacts are matched before the events are grouped");
    if (dataset->ingest != NULL && (dataset->ingest->busy || dataset->ingest->failed))
        return ls_fail(error, LS_ERROR_USAGE, "contacts are matched when all inputs are read");
    if (ls_log_apply(dataset, error) != LS_OK)
        return LS_ERROR_MEMORY;
    *out = (ls_match_counts){0};
    int status = init_matcher(&matcher, dataset, options);
    if (status == LS_OK)
        status = run_matcher(&matcher, options, out);
    out->free_domains = matcher.free_domains;
    free_matcher(&matcher);
    return status == LS_OK ? LS_OK : ls_fail_memory(error);
}

ls_account_match ls_dataset_match_of(const ls_dataset *dataset, size_t row)
{
    ls_account_match none = {LS_MATCH_NOT_ASKED, LS_MATCH_NOT_ASKED};
    return row + 1 < dataset->match_count ? dataset->matches[row] : none;
}

void ls_match_free(ls_dataset *dataset)
{
    ls_free(dataset->context, dataset->matches, dataset->match_count * sizeof *dataset->matches);
    dataset->matches = NULL;
    dataset->match_count = 0;
}
