// Integer products in AVX2: int16 pairs, vpmaddwd and vpaddd, which cannot saturate: a centered value
// times an int8 weight is below 2^15, and a pair of them below 2^16.
#include "rows.h"

#if defined(PARE_AVX2)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"

enum { NR = 8, MIDDLE = 3, LARGEST = 6, GROUP_BYTES = NR * 4 };

// Packing works within 128-bit halves: dword 4h + v holds bytes of vector v. This puts vectors in order.
#define ORDER _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)

PARE_INLINE __m256i pare_broadcast4(const uint8_t *x) {
  int32_t group;
  __builtin_memcpy(&group, x, sizeof group);
  return _mm256_set1_epi32(group);
}

// Writes the sums of M pixels x N blocks, four vectors (8 bytes each) at a time.
PARE_INLINE void pare_store_tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const int N, __m256i (*sums)[2],
    const pare_requantizer_avx2 *q) {
  __m256 multipliers[2];
  for (int n = 0; n < N; n++) multipliers[n] = _mm256_loadu_ps(p->multipliers + channel + n * NR);
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t count = p->channels - channel < (size_t)N * NR ? p->channels - channel : (size_t)N * NR;
#pragma unroll
  for (int first = 0; first < M * N; first += 4) {
    __m256i v[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int from = first + i < M * N ? first + i : M * N - 1;
      v[i] = pare_scale_and_round__avx2(sums[from / N][from % N], multipliers[from % N], q);
    }
    __m256i bytes = pare_pack4__avx2(v[0], v[1], v[2], v[3], q);
    __m128i half[2] = {_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
#pragma unroll
    for (int i = 0; i < 4; i += N) {
      int m = (first + i) / N;
      if (m >= M) break;
      uint8_t *row = out + (size_t)m * p->output_stride;
      __m128i row_bytes = i % 2 == 0 ? half[i / 2] : _mm_unpackhi_epi64(half[i / 2], half[i / 2]);
      if (count < (size_t)N * NR) {
        uint8_t buffer[16];
        _mm_storeu_si128((__m128i *)buffer, row_bytes);
        pare_store_first(row, buffer, count);
      } else if (N == 2) {
        _mm_storeu_si128((__m128i *)row, row_bytes);
      } else {
        _mm_storel_epi64((__m128i *)row, row_bytes);
      }
    }
  }
}

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
        __m256i pair = pare_broadcast4(x[m] + group * 4);
#pragma unroll
        for (int n = 0; n < N; n++) {
          sums[m][n] = _mm256_add_epi32(sums[m][n], _mm256_madd_epi16(pair, weights[n]));
        }
      }
    }
  }
  pare_store_tile(p, pixel, channel, M, N, sums, q);
}

void pare_product_i8_6x16__avx2(const pare_product *p) {
  const pare_requantizer_avx2 q = pare_requantizer__avx2(p->low, p->high, p->zero_point, ORDER);
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
