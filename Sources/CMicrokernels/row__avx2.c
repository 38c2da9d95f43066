// The AVX2 row.
#include "rows.h"

#if defined(PARE_AVX2)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"
#include "depthwise_pairs.h"

#define PARE_ISA(name) name##__avx2
#define PARE_FMAF __builtin_fmaf
#define PARE_VECTORIZED 1
#include "elementwise.h"

const pare_kernels pare_row__avx2 = {
    .name = "avx2",
    .product_form = PARE_FORM_CENTERED16,
    .product_nr = 8,
    .product_k = 2,
    .product_i8 = pare_product_i8_6x16__avx2,
    .product_f32_nr = 8,
    .product_f32 = pare_product_f32_6x16__avx2,
    .depthwise_form = PARE_FORM_CENTERED16,
    .depthwise_nr = PARE_PAIRS_NR,
    .depthwise_i8_bytes = pare_depthwise_pairs_bytes,
    .prepack_depthwise_i8 = pare_prepack_depthwise_pairs,
    .depthwise_i8 = pare_depthwise_i8_4x16__avx2,
    .depthwise_f32_nr = 8,
    .depthwise_f32 = pare_depthwise_f32_4x16__avx2,
    PARE_ELEMENTWISE_FIELDS,
};

#pragma clang attribute pop
#endif
