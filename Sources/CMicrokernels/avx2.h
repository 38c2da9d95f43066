// What the AVX2 files share. Include inside the target pragma.
#ifndef PARE_AVX2_H
#define PARE_AVX2_H

#include <immintrin.h>

#include "tiles.h"
#include "x86.h"

// The constants of a requantization. The lower clamp costs nothing: values are packed as distance from
// `low`, and the unsigned saturating pack stops at 0.
typedef struct {
  __m256 high;
  __m256i low16;
  __m256i offset8;
  __m256i order;
} pare_requantizer_avx2;

PARE_INLINE pare_requantizer_avx2 pare_requantizer__avx2(float low, float high, int32_t zero_point, __m256i order) {
  int32_t low_integer = (int32_t)low;
  return (pare_requantizer_avx2){
      .high = _mm256_set1_ps(high),
      .low16 = _mm256_set1_epi16((int16_t)low_integer),
      .offset8 = _mm256_set1_epi8((char)(low_integer + zero_point)),
      .order = order,
  };
}

// min keeps NaN (its second operand), and the conversion makes it INT_MIN, which is clamped to `low`.
PARE_INLINE __m256i pare_scale_and_round__avx2(__m256i sums, __m256 multipliers, const pare_requantizer_avx2 *q) {
  __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), multipliers);
  return _mm256_cvtps_epi32(_mm256_min_ps(q->high, scaled));
}

// 32 output bytes from four vectors of rounded values.
PARE_INLINE __m256i pare_pack4__avx2(__m256i v0, __m256i v1, __m256i v2, __m256i v3, const pare_requantizer_avx2 *q) {
  __m256i first = _mm256_subs_epi16(_mm256_packs_epi32(v0, v1), q->low16);
  __m256i second = _mm256_subs_epi16(_mm256_packs_epi32(v2, v3), q->low16);
  __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), q->order);
  return _mm256_add_epi8(bytes, q->offset8);
}

// Four bytes of the image, in every lane.
PARE_INLINE __m256i pare_broadcast4__avx2(const uint8_t *x) {
  int32_t group;
  __builtin_memcpy(&group, x, sizeof group);
  return _mm256_set1_epi32(group);
}

// Packing works within 128-bit halves: dword 4h + v holds bytes of vector v. This puts vectors in order.
#define PARE_ORDER_OF_BLOCKS_AVX2 _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)

// Writes the sums of M pixels x N blocks of eight channels, four vectors (8 bytes each) at a time.
PARE_INLINE void pare_store_tile__avx2(
    const pare_product *p, size_t pixel, size_t channel, const int M, const int N, __m256i (*sums)[2],
    const pare_requantizer_avx2 *q) {
  enum { NR = 8, MOST_PIXELS = 8 };
  __m256 multipliers[2];
  for (int n = 0; n < N; n++) multipliers[n] = _mm256_loadu_ps(p->multipliers + channel + n * NR);
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t left = p->channels - channel, width = (size_t)(N * NR);
  uint8_t buffer[MOST_PIXELS * 2 * NR];
  const pare_rows rows = pare_rows_of_tile(out, p->output_stride, left, buffer, width);
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
      uint8_t *row = rows.first + (size_t)m * rows.stride;
      __m128i row_bytes = i % 2 == 0 ? half[i / 2] : _mm_unpackhi_epi64(half[i / 2], half[i / 2]);
      if (N == 2) {
        _mm_storeu_si128((__m128i *)row, row_bytes);
      } else {
        _mm_storel_epi64((__m128i *)row, row_bytes);
      }
    }
  }
  if (left < width) pare_store_rows(out, p->output_stride, left, buffer, width, (size_t)M);
}

// x < low ? low : x, then x > high ? high : x. The operand order keeps NaN and the sign of zero.
PARE_INLINE __m256 pare_clamp__avx2(__m256 x, __m256 low, __m256 high) {
  return _mm256_min_ps(high, _mm256_max_ps(low, x));
}

// Stores the lanes below `count`.
PARE_INLINE void pare_store_f32__avx2(float *out, __m256 y, size_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(out, y);
  } else {
    __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(out, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes), y);
  }
}

#endif
