// Float products in AVX-512: one chain of fused multiply-adds per lane.
#include "rows.h"

#if defined(PARE_AVX512VNNI)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX512VNNI))), apply_to = function)
#include "avx512.h"

enum { NR = 16, LARGEST = 8, MOST_BLOCKS = 4, GROUP_BYTES = NR * 4 };

PARE_INLINE void tile(const pare_product *p, size_t pixel, size_t channel, const int M, const int N) {
  const size_t block_bytes = pare_block_bytes(p, NR);
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * block_bytes;
  __m512 sums[LARGEST][MOST_BLOCKS];
#pragma unroll
  for (int n = 0; n < N; n++) {
    __m512 bias = _mm512_loadu_ps((const float *)p->bias + channel + n * NR);
#pragma unroll
    for (int m = 0; m < M; m++) sums[m][n] = bias;
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) x[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    for (size_t group = 0; group < p->groups_per_run; group++, w += GROUP_BYTES) {
      __m512 weights[MOST_BLOCKS];
#pragma unroll
      for (int n = 0; n < N; n++) weights[n] = _mm512_loadu_ps(w + (size_t)n * block_bytes);
#pragma unroll
      for (int m = 0; m < M; m++) {
        __m512 value = _mm512_set1_ps(*(const float *)(x[m] + group * 4));
#pragma unroll
        for (int n = 0; n < N; n++) sums[m][n] = _mm512_fmadd_ps(value, weights[n], sums[m][n]);
      }
    }
  }
  const __m512 low = _mm512_set1_ps(p->low), high = _mm512_set1_ps(p->high);
  // Only the last block may reach beyond the channels.
  const __mmask16 last = pare_first_lanes__avx512(p->channels - channel - (size_t)(N - 1) * NR);
#pragma unroll
  for (int m = 0; m < M; m++) {
    float *out = (float *)((uint8_t *)p->output + (pixel + (size_t)m) * p->output_stride) + channel;
#pragma unroll
    for (int n = 0; n < N; n++) {
      __m512 y = pare_clamp__avx512(sums[m][n], low, high);
      if (n + 1 < N) {
        _mm512_storeu_ps(out + n * NR, y);
      } else {
        _mm512_mask_storeu_ps(out + n * NR, last, y);
      }
    }
  }
}

void pare_product_f32_6x64__avx512vnni(const pare_product *p) {
  size_t channel = 0;
#define TILE(M) tile(p, pixel, channel, M, 4)
  for (; channel + 3 * NR < p->channels; channel += 4 * NR) PARE_FOR_TILES(p, 1, 6, TILE)
#undef TILE
#define TILE(M) tile(p, pixel, channel, M, 2)
  for (; channel + NR < p->channels; channel += 2 * NR) PARE_FOR_TILES(p, 1, 8, TILE)
#undef TILE
#define TILE(M) tile(p, pixel, channel, M, 1)
  if (channel < p->channels) PARE_FOR_TILES(p, 1, 8, TILE)
#undef TILE
}

#pragma clang attribute pop
#endif
