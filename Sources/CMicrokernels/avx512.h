// What the AVX-512 files share. Include inside the target pragma.
#ifndef PARE_AVX512_H
#define PARE_AVX512_H

#include <immintrin.h>

#include "tiles.h"
#include "x86.h"

// The constants of a requantization. The lower clamp costs nothing: values are packed as distance from
// `low`, and the unsigned saturating pack stops at 0.
typedef struct {
  __m512 high;
  __m512i low16;
  __m512i offset8;
} pare_requantizer_avx512;

PARE_INLINE pare_requantizer_avx512 pare_requantizer__avx512(float low, float high, int32_t zero_point) {
  int32_t low_integer = (int32_t)low;
  return (pare_requantizer_avx512){
      .high = _mm512_set1_ps(high),
      .low16 = _mm512_set1_epi16((int16_t)low_integer),
      .offset8 = _mm512_set1_epi8((char)(low_integer + zero_point)),
  };
}

// min keeps NaN (its second operand), and the conversion makes it INT_MIN, which is clamped to `low`.
PARE_INLINE __m512i pare_scale_and_round__avx512(
    __m512i sums, __m512 multipliers, const pare_requantizer_avx512 *q) {
  return _mm512_cvtps_epi32(_mm512_min_ps(q->high, _mm512_mul_ps(_mm512_cvtepi32_ps(sums), multipliers)));
}

// 64 output bytes from four vectors of rounded values. Packing works within 128-bit quarters: each quarter
// of the result holds that quarter of the four vectors, one after the other.
PARE_INLINE __m512i pare_pack4__avx512(
    __m512i v0, __m512i v1, __m512i v2, __m512i v3, const pare_requantizer_avx512 *q) {
  __m512i first = _mm512_subs_epi16(_mm512_packs_epi32(v0, v1), q->low16);
  __m512i second = _mm512_subs_epi16(_mm512_packs_epi32(v2, v3), q->low16);
  return _mm512_add_epi8(_mm512_packus_epi16(first, second), q->offset8);
}

// x < low ? low : x, then x > high ? high : x. The operand order keeps NaN and the sign of zero.
PARE_INLINE __m512 pare_clamp__avx512(__m512 x, __m512 low, __m512 high) {
  return _mm512_min_ps(high, _mm512_max_ps(low, x));
}

// Lanes below `count`, at most 16.
PARE_INLINE __mmask16 pare_first_lanes__avx512(size_t count) {
  return count >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << count) - 1);
}

// Bytes below `count`, at most 64.
PARE_INLINE __mmask64 pare_first_bytes__avx512(size_t count) {
  return count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

#endif
