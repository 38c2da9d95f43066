// Float depthwise products in AVX-512: one chain of fused multiply-adds per lane.
#include "rows.h"

#if defined(PARE_AVX512VNNI)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX512VNNI))), apply_to = function)
#include "avx512.h"

enum { MIDDLE = 2, LARGEST = 4, NR_F32 = 16 };

PARE_INLINE void pare_tile_f32(const pare_depthwise *p, size_t pixel, size_t channel, const int M) {
  const size_t stride = (p->channels + NR_F32 - 1) / NR_F32 * NR_F32;
  const float *w = (const float *)p->weights + channel;
  const __m512 bias = _mm512_loadu_ps((const float *)p->bias + channel);
  __m512 sums[LARGEST];
  const uint8_t *x[LARGEST];
#pragma unroll
  for (int m = 0; m < M; m++) {
    x[m] = p->image + p->windows[pixel + (size_t)m] + channel * 4;
    sums[m] = bias;
  }
  for (size_t tap = 0; tap < p->tap_count; tap++, w += stride) {
    const __m512 weights = _mm512_loadu_ps(w);
    const int32_t offset = p->taps[tap];
#pragma unroll
    for (int m = 0; m < M; m++) {
      sums[m] = _mm512_fmadd_ps(_mm512_loadu_ps((const float *)(x[m] + offset)), weights, sums[m]);
    }
  }
  const __m512 low = _mm512_set1_ps(p->low), high = _mm512_set1_ps(p->high);
  const size_t count = p->channels - channel;
#pragma unroll
  for (int m = 0; m < M; m++) {
    float *out = (float *)((uint8_t *)p->output + (pixel + (size_t)m) * p->output_stride) + channel;
    __m512 y = pare_clamp__avx512(sums[m], low, high);
    if (count >= NR_F32) {
      _mm512_storeu_ps(out, y);
    } else {
      _mm512_mask_storeu_ps(out, pare_first_lanes__avx512(count), y);
    }
  }
}

void pare_depthwise_f32_4x16__avx512vnni(const pare_depthwise *p) {
  for (size_t channel = 0; channel < p->channels; channel += NR_F32) {
#define TILE(M) pare_tile_f32(p, pixel, channel, M)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

#pragma clang attribute pop
#endif
