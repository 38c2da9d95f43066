// The AVX-512 VNNI row.
#include "rows.h"

#if defined(PARE_AVX512VNNI)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX512VNNI))), apply_to = function)
#include "avx512.h"

#define PARE_ISA(name) name##__avx512vnni
#define PARE_FMAF __builtin_fmaf
#define PARE_VECTORIZED 1
#include "elementwise.h"

const pare_kernels pare_row__avx512vnni = {
    .name = "avx512vnni",
    .product_form = PARE_FORM_U8,
    .product_nr = 16,
    .product_k = 4,
    .product_i8 = pare_product_i8_6x64__avx512vnni,
    .product_f32_nr = 16,
    .product_f32 = pare_product_f32_6x64__avx512vnni,
    .depthwise_form = PARE_FORM_U8,
    .depthwise_nr = 16,
    .depthwise_i8_bytes = pare_depthwise_i8_bytes__avx512vnni,
    .prepack_depthwise_i8 = pare_prepack_depthwise_i8__avx512vnni,
    .depthwise_i8 = pare_depthwise_i8_2x64__avx512vnni,
    .depthwise_f32_nr = 16,
    .depthwise_f32 = pare_depthwise_f32_4x16__avx512vnni,
    PARE_ELEMENTWISE_FIELDS,
};

#pragma clang attribute pop
#endif
