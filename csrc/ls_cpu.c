/* Asks the processor. */
#include "ls_cpu.h"

#include <stdlib.h>

bool ls_cpu_avx2(void)
{
#if defined(LS_HAS_AVX2_CODE)
    const char *wanted = getenv("LEADSCORE_KERNELS");
    bool portable = wanted != NULL && strcmp(wanted, "portable") == 0;
    return !portable && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#else
    return false;
#endif
}
