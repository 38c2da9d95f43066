// Float depthwise products in AVX2: one chain of fused multiply-adds per lane.
#include "rows.h"

#if defined(PARE_X86)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"

enum { NR = 8 };

// M pixels x V vectors of eight channels.
PARE_INLINE void pare_tile_f32(const pare_depthwise *p, size_t pixel, size_t channel, const int M, const int V) {
  const size_t stride = (p->channels + NR - 1) / NR * NR;
  const float *w = (const float *)p->weights + channel;
  const float *bias = (const float *)p->bias + channel;
  __m256 sums[4][2];
  const uint8_t *x[4];
#pragma unroll
  for (int m = 0; m < M; m++) {
    x[m] = p->image + p->windows[pixel + (size_t)m] + channel * 4;
#pragma unroll
    for (int i = 0; i < V; i++) sums[m][i] = _mm256_loadu_ps(bias + i * NR);
  }
  for (size_t tap = 0; tap < p->tap_count; tap++, w += stride) {
    const int32_t offset = p->taps[tap];
    __m256 weights[2];
#pragma unroll
    for (int i = 0; i < V; i++) weights[i] = _mm256_loadu_ps(w + i * NR);
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int i = 0; i < V; i++) {
        __m256 inputs = _mm256_loadu_ps((const float *)(x[m] + offset) + i * NR);
        sums[m][i] = _mm256_fmadd_ps(inputs, weights[i], sums[m][i]);
      }
    }
  }
  const __m256 low = _mm256_set1_ps(p->low), high = _mm256_set1_ps(p->high);
#pragma unroll
  for (int m = 0; m < M; m++) {
    float *out = (float *)((uint8_t *)p->output + (pixel + (size_t)m) * p->output_stride) + channel;
#pragma unroll
    for (int i = 0; i < V; i++) {
      // Only the last vector may reach beyond the channels.
      size_t left = i + 1 < V ? NR : p->channels - channel - (size_t)i * NR;
      pare_store_f32__avx2(out + i * NR, pare_clamp__avx2(sums[m][i], low, high), left);
    }
  }
}

void pare_depthwise_f32_4x16__avx2(const pare_depthwise *p) {
  size_t channel = 0;
#define TILE(M) pare_tile_f32(p, pixel, channel, M, 2)
  for (; channel + NR < p->channels; channel += 2 * NR) PARE_FOR_TILES(p, 1, 4, TILE)
#undef TILE
#define TILE(M) pare_tile_f32(p, pixel, channel, M, 1)
  if (channel < p->channels) PARE_FOR_TILES(p, 1, 4, TILE)
#undef TILE
}

#pragma clang attribute pop
#endif
