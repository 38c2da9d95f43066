// Float products in AVX2: one chain of fused multiply-adds per lane.
#include "rows.h"

#if defined(PARE_AVX2)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"

enum { NR = 8, MIDDLE = 3, LARGEST = 6, GROUP_BYTES = NR * 4 };

PARE_INLINE void pare_tile(const pare_product *p, size_t pixel, size_t channel, const int M, const int N) {
  const size_t block_bytes = pare_block_bytes(p, NR);
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * block_bytes;
  __m256 sums[LARGEST][4];
#pragma unroll
  for (int n = 0; n < N; n++) {
    __m256 bias = _mm256_loadu_ps((const float *)p->bias + channel + n * NR);
#pragma unroll
    for (int m = 0; m < M; m++) sums[m][n] = bias;
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) x[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    for (size_t group = 0; group < p->groups_per_run; group++, w += GROUP_BYTES) {
      __m256 weights[4];
#pragma unroll
      for (int n = 0; n < N; n++) weights[n] = _mm256_loadu_ps((const float *)(w + (size_t)n * block_bytes));
#pragma unroll
      for (int m = 0; m < M; m++) {
        __m256 value = _mm256_broadcast_ss((const float *)(x[m] + group * 4));
#pragma unroll
        for (int n = 0; n < N; n++) sums[m][n] = _mm256_fmadd_ps(value, weights[n], sums[m][n]);
      }
    }
  }
  const __m256 low = _mm256_set1_ps(p->low), high = _mm256_set1_ps(p->high);
#pragma unroll
  for (int m = 0; m < M; m++) {
    float *out = (float *)((uint8_t *)p->output + (pixel + (size_t)m) * p->output_stride) + channel;
#pragma unroll
    for (int n = 0; n < N; n++) {
      // Only the last block may reach beyond the channels.
      size_t left = n + 1 < N ? NR : p->channels - channel - (size_t)n * NR;
      pare_store_f32__avx2(out + n * NR, pare_clamp__avx2(sums[m][n], low, high), left);
    }
  }
}

void pare_product_f32_6x16__avx2(const pare_product *p) {
  size_t channel = 0;
  // One pixel alone: more channels hide the latency of the chains.
  if (p->pixels == 1) {
    for (; channel + 3 * NR < p->channels; channel += 4 * NR) pare_tile(p, 0, channel, 1, 4);
  }
#define TILE(M) pare_tile(p, pixel, channel, M, 2)
  for (; channel + NR < p->channels; channel += 2 * NR) PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
#define TILE(M) pare_tile(p, pixel, channel, M, 1)
  if (channel < p->channels) PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
}

#pragma clang attribute pop
#endif
