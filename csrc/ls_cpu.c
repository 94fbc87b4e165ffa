/* Asks the processor. */
#include "ls_cpu.h"

bool ls_cpu_avx2(const ls_context *context)
{
#if defined(LS_HAS_AVX2_CODE)
    return !context->portable && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#else
    (void)context;
    return false;
#endif
}
