/* Results: columns of scores, one set a definition, rows in the dataset's order. */
#ifndef LS_RESULT_H
#define LS_RESULT_H

#include "ls_kernel.h"
#include "ls_walk.h"

struct ls_result {
    ls_context *context;
    size_t references;
    const ls_plan *plan;
    ls_dataset *dataset;
    int64_t at;
    size_t rows[3];           /* by ls_object */
    ls_score_column *columns; /* by definition */
    ls_walk **walk;           /* made when next_change_at is first asked for */
    unsigned threads;         /* that score it, and write it */
};

int ls_result_new(const ls_plan *plan, ls_dataset *dataset, int64_t at, unsigned threads,
                  ls_result **out);
void ls_result_retain(const ls_result *result);
/* Columns of scores for a plan: all or nothing. */
/* rows: by ls_object. */
int ls_columns_new(const ls_plan *plan, ls_context *context, const size_t rows[3],
                   ls_score_column **out);
void ls_columns_free(const ls_plan *plan, ls_context *context, const size_t rows[3],
                     ls_score_column *columns);
void ls_columns_get(const ls_plan *plan, const ls_score_column *columns, size_t definition,
                    size_t row, ls_score *out);
/* Puts a walked record's score of a definition into its column. */
void ls_columns_put(const ls_plan *plan, ls_score_column *columns, size_t definition, size_t row,
                    const ls_score *score);
#endif
