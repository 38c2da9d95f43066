// The rows of the table and which of them this build contains. Leave one out with -DPARE_WITHOUT_<ROW>.
#ifndef PARE_ROWS_H
#define PARE_ROWS_H

#include "pare_kernels.h"

#if defined(__x86_64__) && !defined(PARE_WITHOUT_AVX512VNNI)
#define PARE_AVX512VNNI 1
#define PARE_TARGET_AVX512VNNI "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma"
#endif
#if defined(__x86_64__) && !defined(PARE_WITHOUT_AVX2)
#define PARE_AVX2 1
#endif
#if defined(PARE_AVX2) || defined(PARE_AVX512VNNI)
#define PARE_X86 1
#define PARE_TARGET_AVX2 "avx2,fma"
#endif
#if defined(__aarch64__) && !defined(PARE_WITHOUT_NEON_DOTPROD)
#define PARE_NEON_DOTPROD 1
#endif
#if defined(__aarch64__) && !defined(PARE_WITHOUT_NEON)
#define PARE_NEON 1
#endif
#if defined(PARE_NEON) || defined(PARE_NEON_DOTPROD)
#define PARE_ARM 1
#endif

// The largest loops may be left out too, with -DPARE_WITHOUT_<LOOP>, where no step of the model that is built in
// calls them: their places in the rows are empty then.
#if defined(PARE_WITHOUT_PRODUCT_I8)
#define PARE_PRODUCT_I8(function) (0 ? (function) : NULL)
#else
#define PARE_PRODUCT_I8(function) (function)
#endif
#if defined(PARE_WITHOUT_PRODUCT_F32)
#define PARE_PRODUCT_F32(function) (0 ? (function) : NULL)
#else
#define PARE_PRODUCT_F32(function) (function)
#endif
#if defined(PARE_WITHOUT_DEPTHWISE_I8)
#define PARE_DEPTHWISE_I8(function) (0 ? (function) : NULL)
#else
#define PARE_DEPTHWISE_I8(function) (function)
#endif
#if defined(PARE_WITHOUT_DEPTHWISE_F32)
#define PARE_DEPTHWISE_F32(function) (0 ? (function) : NULL)
#else
#define PARE_DEPTHWISE_F32(function) (function)
#endif

// Code that runs once per model, or never where a faster row runs.
#define PARE_SMALL __attribute__((minsize))

extern const pare_kernels pare_row__scalar;
extern const pare_kernels pare_row__avx2;
extern const pare_kernels pare_row__avx512vnni;
extern const pare_kernels pare_row__neon;
extern const pare_kernels pare_row__neon_dotprod;

#endif
