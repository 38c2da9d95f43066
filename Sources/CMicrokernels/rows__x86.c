// The x86-64 rows. What 512 bits do not make faster, both rows share.
#include "rows.h"

#if defined(PARE_X86)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"

#define PARE_ISA(name) name##__avx2
#define PARE_FMAF __builtin_fmaf
#define PARE_VECTORIZED 1
#define PARE_ADD_I8 pare_add_i8_32__avx2
#include "elementwise.h"

#include "add_i8_32__avx2.h"

#if defined(PARE_AVX512VNNI)
const pare_kernels pare_row__avx512vnni = {
    .name = "avx512vnni",
    .product_form = PARE_FORM_U8,
    .product_nr = 16,
    .product_k = 4,
    .product_i8 = PARE_PRODUCT_I8(pare_product_i8_6x64__avx512vnni),
    .product_f32_nr = 16,
    .product_f32 = PARE_PRODUCT_F32(pare_product_f32_6x64__avx512vnni),
    .depthwise_form = PARE_FORM_U8,
    .depthwise_nr = 16,
    .depthwise_i8_bytes = PARE_DEPTHWISE_I8(pare_depthwise_i8_bytes__avx512vnni),
    .prepack_depthwise_i8 = PARE_DEPTHWISE_I8(pare_prepack_depthwise_i8__avx512vnni),
    .depthwise_i8 = PARE_DEPTHWISE_I8(pare_depthwise_i8_2x64__avx512vnni),
    .depthwise_f32_nr = 8,
    .depthwise_f32 = PARE_DEPTHWISE_F32(pare_depthwise_f32_4x16__avx2),
    PARE_ELEMENTWISE_FIELDS,
};
#endif

#if defined(PARE_AVX2)
const pare_kernels pare_row__avx2 = {
    .name = "avx2",
    .product_form = PARE_FORM_CENTERED16,
    .product_nr = 8,
    .product_k = 2,
    .product_i8 = PARE_PRODUCT_I8(pare_product_i8_6x16__avx2),
    .product_f32_nr = 8,
    .product_f32 = PARE_PRODUCT_F32(pare_product_f32_6x16__avx2),
    .depthwise_form = PARE_FORM_CENTERED16,
    .depthwise_nr = 16,
    .depthwise_i8_bytes = PARE_DEPTHWISE_I8(pare_depthwise_i8_bytes__avx2),
    .prepack_depthwise_i8 = PARE_DEPTHWISE_I8(pare_prepack_depthwise_i8__avx2),
    .depthwise_i8 = PARE_DEPTHWISE_I8(pare_depthwise_i8_4x16__avx2),
    .depthwise_f32_nr = 8,
    .depthwise_f32 = PARE_DEPTHWISE_F32(pare_depthwise_f32_4x16__avx2),
    PARE_ELEMENTWISE_FIELDS,
};
#endif

#pragma clang attribute pop
#endif
