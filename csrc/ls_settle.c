/* Sums of groups become a score: group limit, category sum and limit, total, total limit, label
 * (sections 3 and 8). Kernels, the walk and explanations all finish here, so a limit means the same
 * everywhere. Sums are taken in 128 bits and must end within LS_MAX_SUM, so every int64_t of the
 * result holds its exact sum. */
#include "ls_plan.h"

int64_t ls_limit_apply(const ls_limit *limit, int64_t sum)
{
    if (limit->has_min && sum < limit->min)
        return limit->min;
    if (limit->has_max && sum > limit->max)
        return limit->max;
    return sum;
}

static bool narrow_sum(ls_int128 sum, int64_t *out)
{
    if (sum > LS_MAX_SUM || sum < -(ls_int128)LS_MAX_SUM)
        return false;
    *out = (int64_t)sum;
    return true;
}

static bool sum_category(const ls_definition *definition, const int64_t *group_sums, bool fit,
                         int64_t *out)
{
    ls_int128 sum = 0;
    for (size_t i = 0; i < definition->group_count; i++)
        if (definition->groups[i].fit == fit)
            sum += ls_limit_apply(&definition->groups[i].limit, group_sums[i]);
    return narrow_sum(sum, out);
}

/* The first band from the top that the value reaches; the last has no bound. */
static size_t find_band(const ls_band *bands, size_t count, int64_t value)
{
    size_t i = 0;
    while (i + 1 < count && bands[i].bounded && value < bands[i].at_least)
        i++;
    return i;
}

static int32_t find_label(const ls_definition *definition, const ls_settled *settled)
{
    if (definition->band_count != 0)
        return (int32_t)find_band(definition->bands, definition->band_count, settled->value);
    if (definition->fit_band_count == 0 || definition->engagement_band_count == 0)
        return -1;
    size_t fit = find_band(definition->fit_bands, definition->fit_band_count, settled->fit);
    size_t engagement = find_band(definition->engagement_bands, definition->engagement_band_count,
                                  settled->engagement);
    return (int32_t)(fit * definition->engagement_band_count + engagement);
}

bool ls_settle(const ls_definition *definition, const int64_t *group_sums, ls_settled *out,
               const char **where)
{
    memset(out, 0, sizeof *out);
    *where = "fit";
    if (!sum_category(definition, group_sums, true, &out->fit_raw))
        return false;
    *where = "engagement";
    if (!sum_category(definition, group_sums, false, &out->engagement_raw))
        return false;
    /* A category that is not there stays 0: its limit could lift it otherwise. */
    if (definition->has_fit)
        out->fit = ls_limit_apply(&definition->fit_limit, out->fit_raw);
    if (definition->has_engagement)
        out->engagement = ls_limit_apply(&definition->engagement_limit, out->engagement_raw);
    *where = "total";
    if (!narrow_sum((ls_int128)out->fit + out->engagement, &out->raw))
        return false;
    out->value = ls_limit_apply(&definition->limit, out->raw);
    out->label = find_label(definition, out);
    *where = NULL;
    return true;
}
