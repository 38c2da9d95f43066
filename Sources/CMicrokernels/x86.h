// The functions of the x86-64 rows.
#ifndef PARE_X86_H
#define PARE_X86_H

#include "pare_kernels.h"

void pare_product_i8_6x16__avx2(const pare_product *);
void pare_product_f32_6x16__avx2(const pare_product *);
size_t pare_depthwise_i8_bytes__avx2(size_t taps, size_t channels);
void pare_prepack_depthwise_i8__avx2(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers);
void pare_depthwise_i8_4x16__avx2(const pare_depthwise *);
void pare_depthwise_f32_4x16__avx2(const pare_depthwise *);

void pare_product_i8_6x64__avx512vnni(const pare_product *);
void pare_product_f32_6x64__avx512vnni(const pare_product *);
size_t pare_depthwise_i8_bytes__avx512vnni(size_t taps, size_t channels);
void pare_prepack_depthwise_i8__avx512vnni(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers);
void pare_depthwise_i8_2x64__avx512vnni(const pare_depthwise *);

#endif
