// Integer depthwise products in AVX2: two taps of a channel are brought together for vpmaddwd.
//
// Weights come in blocks of sixteen channels, two taps interleaved to int16 pairs. Unpacking works within
// 128-bit halves, so the low vector holds channels 0-3 and 8-11 of a block and the high one 4-7 and 12-15.
// With at most eight channels both halves hold the same ones, for two pixels at once.
#include "rows.h"

#if defined(PARE_AVX2)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX2))), apply_to = function)
#include "avx2.h"

// Vectors of sixteen sums in a tile.
enum { NR = 16, VECTORS = 4 };

// The channel of each lane of the low vector, then of the high one.
static const uint8_t lane_channel_of_16[NR] = {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15};
static const uint8_t lane_channel_of_8[NR] = {0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7};

size_t pare_depthwise_i8_bytes__avx2(size_t taps, size_t channels) {
  return (channels + NR - 1) / NR * ((taps + 1) / 2) * NR * 4;
}

PARE_SMALL static int16_t weight_at(const int8_t *weights, size_t taps, size_t channels, size_t tap, size_t channel) {
  return tap < taps && channel < channels ? weights[tap * channels + channel] : 0;
}

PARE_SMALL void pare_prepack_depthwise_i8__avx2(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers) {
  const uint8_t *lane_channel = channels <= 8 ? lane_channel_of_8 : lane_channel_of_16;
  int16_t *out = packed;
  for (size_t block = 0; block < channels; block += NR) {
    for (size_t tap = 0; tap < taps; tap += 2) {
      for (size_t lane = 0; lane < NR; lane++, out += 2) {
        out[0] = weight_at(weights, taps, channels, tap, block + lane_channel[lane]);
        out[1] = weight_at(weights, taps, channels, tap + 1, block + lane_channel[lane]);
      }
    }
    int32_t block_bias[NR];
    float block_multipliers[NR];
    for (size_t lane = 0; lane < NR; lane++) {
      block_bias[lane] = bias[block + lane_channel[lane]];
      block_multipliers[lane] = multipliers[block + lane_channel[lane]];
    }
    for (size_t lane = 0; lane < NR; lane++) {
      bias[block + lane] = block_bias[lane];
      multipliers[block + lane] = block_multipliers[lane];
    }
  }
}

// The packed order is half by half: this puts the vectors one after the other.
#define ORDER _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7)

// The inputs of one vector: sixteen channels of a pixel, or eight channels of two.
PARE_INLINE __m256i pare_load_inputs(const uint8_t *first, const uint8_t *second, const int pixels) {
  if (pixels == 1) return _mm256_loadu_si256((const __m256i *)first);
  __m128i low = _mm_loadu_si128((const __m128i *)first), high = _mm_loadu_si128((const __m128i *)second);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

// Writes the sixteen bytes of one vector: one row, or two.
PARE_INLINE void pare_store_vector(uint8_t *row, size_t stride, const int pixels, __m128i bytes) {
  if (pixels == 1) {
    _mm_storeu_si128((__m128i *)row, bytes);
  } else {
    _mm_storel_epi64((__m128i *)row, bytes);
    _mm_storeh_pd((double *)(row + stride), _mm_castsi128_pd(bytes));
  }
}

// Four vectors of sixteen channels of P = 1 pixel, or of eight channels of P = 2 pixels.
PARE_INLINE void pare_tile_i8(
    const pare_depthwise *p, const int32_t *windows, size_t pixel, size_t channel, const int P,
    const pare_requantizer_avx2 *q) {
  const size_t pairs = (p->tap_count + 1) / 2;
  const __m256i *w = (const __m256i *)p->weights + channel / NR * pairs * 2;
  const __m256i *bias = (const __m256i *)((const int32_t *)p->bias + channel);
  __m256i low[VECTORS], high[VECTORS];
  const uint8_t *x[VECTORS * 2];
#pragma unroll
  for (int i = 0; i < VECTORS * P; i++) x[i] = p->image + windows[i] + channel * 2;
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
  // The tile may reach beyond the channels and beyond the pixels.
  const size_t width = (size_t)(16 / P), channels_left = p->channels - channel, pixels_left = p->pixels - pixel;
  const size_t left = channels_left < width ? channels_left : width;
  const size_t tile_pixels = (size_t)(VECTORS * P), count = pixels_left < tile_pixels ? pixels_left : tile_pixels;
  const int is_whole = left == width && count == tile_pixels;
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  uint8_t buffer[VECTORS * 16];
  const pare_rows rows = pare_rows_of_tile(out, p->output_stride, is_whole ? width : 0, buffer, width);
#pragma unroll
  for (int v = 0; v < VECTORS; v += 2) {
    __m256i bytes = pare_pack4__avx2(
        pare_scale_and_round__avx2(low[v], scale_low, q), pare_scale_and_round__avx2(high[v], scale_high, q),
        pare_scale_and_round__avx2(low[v + 1], scale_low, q), pare_scale_and_round__avx2(high[v + 1], scale_high, q),
        q);
    pare_store_vector(rows.first + (size_t)(v * P) * rows.stride, rows.stride, P, _mm256_castsi256_si128(bytes));
    pare_store_vector(
        rows.first + (size_t)(v * P + P) * rows.stride, rows.stride, P, _mm256_extracti128_si256(bytes, 1));
  }
  if (!is_whole) pare_store_rows(out, p->output_stride, left, buffer, width, count);
}

PARE_INLINE void pare_run_i8(const pare_depthwise *p, size_t channel, const int P) {
  const pare_requantizer_avx2 q = pare_requantizer__avx2(p->low, p->high, p->zero_point, ORDER);
  int32_t few[VECTORS * 2];
  for (size_t pixel = 0; pixel < p->pixels; pixel += (size_t)(VECTORS * P)) {
    const int32_t *windows = pare_tile_windows(p, &pixel, (size_t)(VECTORS * P), few);
    pare_tile_i8(p, windows, pixel, channel, P, &q);
  }
}

void pare_depthwise_i8_4x16__avx2(const pare_depthwise *p) {
  if (p->channels <= 8) {
    pare_run_i8(p, 0, 2);
  } else {
    for (size_t channel = 0; channel < p->channels; channel += NR) pare_run_i8(p, channel, 1);
  }
}

#pragma clang attribute pop
#endif
