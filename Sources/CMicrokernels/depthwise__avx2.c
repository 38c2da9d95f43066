// Depthwise products in AVX2. Integers: two taps are interleaved to int16 pairs for vpmaddwd.
#include "rows.h"

#if defined(PARE_AVX2)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"
#include "depthwise_pairs.h"

enum { NR_F32 = 8 };

// The packed order is half by half: this puts the vectors one after the other.
#define ORDER _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7)

// The inputs of one vector: sixteen channels of a pixel, or eight channels of two.
PARE_INLINE __m256i pare_load_inputs(const uint8_t *first, const uint8_t *second, const int pixels) {
  if (pixels == 1) return _mm256_loadu_si256((const __m256i *)first);
  __m128i low = _mm_loadu_si128((const __m128i *)first), high = _mm_loadu_si128((const __m128i *)second);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

// Four vectors of sixteen channels of P = 1 pixel, or of eight channels of P = 2 pixels.
PARE_INLINE void pare_tile_i8(
    const pare_depthwise *p, size_t pixel, size_t channel, const int P, const pare_requantizer_avx2 *q) {
  enum { VECTORS = 4 };
  const size_t pairs = (p->tap_count + 1) / 2;
  const __m256i *w = (const __m256i *)p->weights + channel / PARE_PAIRS_NR * pairs * 2;
  const __m256i *bias = (const __m256i *)((const int32_t *)p->bias + channel);
  __m256i low[VECTORS], high[VECTORS];
  const uint8_t *x[VECTORS * 2];
#pragma unroll
  for (int i = 0; i < VECTORS * P; i++) {
    // Fewer pixels than a tile: the last one is computed again.
    size_t index = pixel + (size_t)i < p->pixels ? pixel + (size_t)i : p->pixels - 1;
    x[i] = p->image + p->windows[index] + channel * 2;
  }
#pragma unroll
  for (int v = 0; v < VECTORS; v++) low[v] = _mm256_loadu_si256(bias), high[v] = _mm256_loadu_si256(bias + 1);
  for (size_t pair = 0; pair < pairs; pair++, w += 2) {
    const int32_t first = p->taps[2 * pair];
    // An odd last tap is paired with itself; its weights there are zero.
    const int32_t second = p->taps[2 * pair + 1 < p->tap_count ? 2 * pair + 1 : 2 * pair];
    const __m256i w_low = _mm256_loadu_si256(w), w_high = _mm256_loadu_si256(w + 1);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      __m256i a = pare_load_inputs(x[v * P] + first, x[v * P + P - 1] + first, P);
      __m256i b = pare_load_inputs(x[v * P] + second, x[v * P + P - 1] + second, P);
      low[v] = _mm256_add_epi32(low[v], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), w_low));
      high[v] = _mm256_add_epi32(high[v], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), w_high));
    }
  }
  const __m256 scale_low = _mm256_loadu_ps(p->multipliers + channel);
  const __m256 scale_high = _mm256_loadu_ps(p->multipliers + channel + 8);
  uint8_t bytes[VECTORS * 16];
#pragma unroll
  for (int v = 0; v < VECTORS; v += 2) {
    __m256i packed = pare_pack4__avx2(
        pare_scale_and_round__avx2(low[v], scale_low, q), pare_scale_and_round__avx2(high[v], scale_high, q),
        pare_scale_and_round__avx2(low[v + 1], scale_low, q), pare_scale_and_round__avx2(high[v + 1], scale_high, q), q);
    _mm256_storeu_si256((__m256i *)(bytes + v * 16), packed);
  }
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t width = 16 / P, count = p->channels - channel < width ? p->channels - channel : width;
#pragma unroll
  for (size_t i = 0; i < (size_t)(VECTORS * P); i++, out += p->output_stride) {
    if (pixel + i >= p->pixels) break;
    if (count == width) {
      __builtin_memcpy(out, bytes + i * width, width);
    } else {
      pare_store_first(out, bytes + i * width, count);
    }
  }
}

void pare_depthwise_i8_4x16__avx2(const pare_depthwise *p) {
  const pare_requantizer_avx2 q = pare_requantizer__avx2(p->low, p->high, p->zero_point, ORDER);
  if (p->channels <= 8) {
    for (size_t pixel = 0; pixel < p->pixels; pixel += 8) pare_tile_i8(p, pixel, 0, 2, &q);
    return;
  }
  for (size_t channel = 0; channel < p->channels; channel += PARE_PAIRS_NR) {
    for (size_t pixel = 0; pixel < p->pixels; pixel += 4) pare_tile_i8(p, pixel, channel, 1, &q);
  }
}

// M pixels x V vectors of eight channels.
PARE_INLINE void pare_tile_f32(const pare_depthwise *p, size_t pixel, size_t channel, const int M, const int V) {
  const size_t stride = (p->channels + NR_F32 - 1) / NR_F32 * NR_F32;
  const float *w = (const float *)p->weights + channel;
  const float *bias = (const float *)p->bias + channel;
  __m256 sums[4][2];
  const uint8_t *x[4];
#pragma unroll
  for (int m = 0; m < M; m++) {
    x[m] = p->image + p->windows[pixel + (size_t)m] + channel * 4;
#pragma unroll
    for (int i = 0; i < V; i++) sums[m][i] = _mm256_loadu_ps(bias + i * NR_F32);
  }
  for (size_t tap = 0; tap < p->tap_count; tap++, w += stride) {
    const int32_t offset = p->taps[tap];
    __m256 weights[2];
#pragma unroll
    for (int i = 0; i < V; i++) weights[i] = _mm256_loadu_ps(w + i * NR_F32);
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int i = 0; i < V; i++) {
        __m256 inputs = _mm256_loadu_ps((const float *)(x[m] + offset) + i * NR_F32);
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
      pare_store_f32__avx2(out + i * NR_F32, pare_clamp__avx2(sums[m][i], low, high),
                           p->channels - channel - (size_t)i * NR_F32);
    }
  }
}

void pare_depthwise_f32_4x16__avx2(const pare_depthwise *p) {
  size_t channel = 0;
#define TILE(M) pare_tile_f32(p, pixel, channel, M, 2)
  for (; channel + NR_F32 < p->channels; channel += 2 * NR_F32) PARE_FOR_TILES(p, 1, 4, TILE)
#undef TILE
#define TILE(M) pare_tile_f32(p, pixel, channel, M, 1)
  if (channel < p->channels) PARE_FOR_TILES(p, 1, 4, TILE)
#undef TILE
}

#pragma clang attribute pop
#endif
