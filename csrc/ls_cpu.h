/* What the processor has beyond what the build was made for. */
#ifndef LS_CPU_H
#define LS_CPU_H

#include "ls_core.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define LS_HAS_AVX2_CODE 1
/* For functions of their own that are only called where ls_cpu_avx2 answers true. */
#define LS_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#endif

/* Whether code for AVX2 may run. */
bool ls_cpu_avx2(const ls_context *context);
#endif
