// Integer products in AVX-512 VNNI: vpdpbusd takes unsigned inputs and signed weights and does not saturate.
#include "rows.h"

#if defined(PARE_AVX512VNNI)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX512VNNI))), apply_to = function)
#include "avx2.h"
#include "avx512.h"

enum { NR = 16, LARGEST = 8, MOST_BLOCKS = 4, GROUP_BYTES = NR * 4 };

// Dword 4q + v of packed bytes belongs to quarter q of vector v: this puts the vectors one after the other.
#define ORDER _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)

PARE_INLINE __m128i quarter(__m512i bytes, const int i) {
  switch (i) {
    case 0: return _mm512_castsi512_si128(bytes);
    case 1: return _mm512_extracti32x4_epi32(bytes, 1);
    case 2: return _mm512_extracti32x4_epi32(bytes, 2);
    default: return _mm512_extracti32x4_epi32(bytes, 3);
  }
}

// Writes the 16 bytes of each of N blocks to one pixel, those of them that `channels` has; `first` is the quarter
// of its first block.
PARE_INLINE void store_row(uint8_t *out, __m512i bytes, const int first, const int N, __mmask64 channels) {
  if (N == 4) {
    _mm512_mask_storeu_epi8(out, channels, bytes);
  } else if (N == 2) {
    __m256i half = first == 0 ? _mm512_castsi512_si256(bytes) : _mm512_extracti64x4_epi64(bytes, 1);
    _mm256_mask_storeu_epi8(out, (__mmask32)channels, half);
  } else {
    _mm_mask_storeu_epi8(out, (__mmask16)channels, quarter(bytes, first));
  }
}

PARE_INLINE void store_tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const int N,
    __m512i (*sums)[MOST_BLOCKS], const pare_requantizer_avx512 *q) {
  __m512 multipliers[MOST_BLOCKS];
#pragma unroll
  for (int n = 0; n < N; n++) multipliers[n] = _mm512_loadu_ps(p->multipliers + channel + n * NR);
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const __mmask64 channels = pare_first_bytes__avx512(p->channels - channel);
#pragma unroll
  for (int first = 0; first < M * N; first += 4) {
    __m512i v[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int from = first + i < M * N ? first + i : M * N - 1;
      v[i] = pare_scale_and_round__avx512(sums[from / N][from % N], multipliers[from % N], q);
    }
    __m512i bytes = _mm512_permutexvar_epi32(ORDER, pare_pack4__avx512(v[0], v[1], v[2], v[3], q));
#pragma unroll
    for (int i = 0; i < 4; i += N) {
      int m = (first + i) / N;
      if (m < M) store_row(out + (size_t)m * p->output_stride, bytes, i, N, channels);
    }
  }
}

PARE_INLINE void tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const int N, const pare_requantizer_avx512 *q) {
  const size_t block_bytes = pare_block_bytes(p, NR);
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * block_bytes;
  __m512i sums[LARGEST][MOST_BLOCKS];
#pragma unroll
  for (int n = 0; n < N; n++) {
    __m512i bias = _mm512_loadu_si512((const int32_t *)p->bias + channel + n * NR);
#pragma unroll
    for (int m = 0; m < M; m++) sums[m][n] = bias;
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) x[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    for (size_t group = 0; group < p->groups_per_run; group++, w += GROUP_BYTES) {
      __m512i weights[MOST_BLOCKS];
#pragma unroll
      for (int n = 0; n < N; n++) weights[n] = _mm512_loadu_si512(w + (size_t)n * block_bytes);
#pragma unroll
      for (int m = 0; m < M; m++) {
        int32_t bytes4;
        __builtin_memcpy(&bytes4, x[m] + group * 4, sizeof bytes4);
        __m512i inputs = _mm512_set1_epi32(bytes4);
#pragma unroll
        for (int n = 0; n < N; n++) sums[m][n] = _mm512_dpbusd_epi32(sums[m][n], inputs, weights[n]);
      }
    }
  }
  store_tile(p, pixel, channel, M, N, sums, q);
}

// M pixels x the first eight channels of a block, in 256-bit vectors: the last channels of a layer, or all of
// a very small one.
PARE_INLINE void narrow_tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const pare_requantizer_avx2 *q) {
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * pare_block_bytes(p, NR);
  const __m256i bias = _mm256_loadu_si256((const __m256i *)((const int32_t *)p->bias + channel));
  __m256i sums[LARGEST][2];
#pragma unroll
  for (int m = 0; m < M; m++) sums[m][0] = bias;
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) x[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    for (size_t group = 0; group < p->groups_per_run; group++, w += GROUP_BYTES) {
      const __m256i weights = _mm256_loadu_si256((const __m256i *)w);
#pragma unroll
      for (int m = 0; m < M; m++) {
        sums[m][0] = _mm256_dpbusd_epi32(sums[m][0], pare_broadcast4__avx2(x[m] + group * 4), weights);
      }
    }
  }
  pare_store_tile__avx2(p, pixel, channel, M, 1, sums, q);
}

void pare_product_i8_6x64__avx512vnni(const pare_product *p) {
  const pare_requantizer_avx512 q = pare_requantizer__avx512(p->low, p->high, p->zero_point);
  size_t channel = 0;
#define TILE(M) tile(p, pixel, channel, M, 4, &q)
  for (; channel + 3 * NR < p->channels; channel += 4 * NR) PARE_FOR_TILES(p, 1, 6, TILE)
#undef TILE
#define TILE(M) tile(p, pixel, channel, M, 2, &q)
  for (; channel + NR < p->channels; channel += 2 * NR) PARE_FOR_TILES(p, 1, 8, TILE)
#undef TILE
  if (channel + 8 < p->channels) {
#define TILE(M) tile(p, pixel, channel, M, 1, &q)
    PARE_FOR_TILES(p, 1, 8, TILE)
#undef TILE
  } else if (channel < p->channels) {
    const pare_requantizer_avx2 narrow =
        pare_requantizer__avx2(p->low, p->high, p->zero_point, PARE_ORDER_OF_BLOCKS_AVX2);
#define TILE(M) narrow_tile(p, pixel, channel, M, &narrow)
    PARE_FOR_TILES(p, 1, 8, TILE)
#undef TILE
  }
}

#pragma clang attribute pop
#endif
