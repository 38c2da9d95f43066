// Integer products in AVX2: int16 pairs, vpmaddwd and vpaddd, which cannot saturate: a centered value
// times an int8 weight is below 2^15, and a pair of them below 2^16.
#include "rows.h"

#if defined(PARE_AVX2)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"

enum { NR = 8, MIDDLE = 3, LARGEST = 6, GROUP_BYTES = NR * 4 };

PARE_INLINE void pare_tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const int N, const pare_requantizer_avx2 *q) {
  const size_t block_bytes = pare_block_bytes(p, NR);
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * block_bytes;
  __m256i sums[LARGEST][2];
#pragma unroll
  for (int n = 0; n < N; n++) {
    __m256i bias = _mm256_loadu_si256((const __m256i *)((const int32_t *)p->bias + channel + n * NR));
#pragma unroll
    for (int m = 0; m < M; m++) sums[m][n] = bias;
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) x[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    for (size_t group = 0; group < p->groups_per_run; group++, w += GROUP_BYTES) {
      __m256i weights[2];
#pragma unroll
      for (int n = 0; n < N; n++) {
        weights[n] = _mm256_loadu_si256((const __m256i *)(w + (size_t)n * block_bytes));
      }
#pragma unroll
      for (int m = 0; m < M; m++) {
        __m256i pair = pare_broadcast4__avx2(x[m] + group * 4);
#pragma unroll
        for (int n = 0; n < N; n++) {
          sums[m][n] = _mm256_add_epi32(sums[m][n], _mm256_madd_epi16(pair, weights[n]));
        }
      }
    }
  }
  pare_store_tile__avx2(p, pixel, channel, M, N, sums, q);
}

void pare_product_i8_6x16__avx2(const pare_product *p) {
  const pare_requantizer_avx2 q = pare_requantizer__avx2(p->low, p->high, p->zero_point, PARE_ORDER_OF_BLOCKS_AVX2);
  size_t channel = 0;
#define TILE(M) pare_tile(p, pixel, channel, M, 2, &q)
  for (; channel + NR < p->channels; channel += 2 * NR) PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
#define TILE(M) pare_tile(p, pixel, channel, M, 1, &q)
  if (channel < p->channels) PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
}

#pragma clang attribute pop
#endif
