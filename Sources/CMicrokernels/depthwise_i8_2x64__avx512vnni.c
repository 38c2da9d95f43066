// Integer depthwise products in AVX-512 VNNI: four taps of a channel are brought together for vpdpbusd.
//
// A vector holds 64 bytes: 64 channels of one pixel, or 32 of two, 16 of four, 8 of eight. Channels are
// divided into slices of 64, then at most one of 32 and one of 16, or a single slice of 8.
#include "rows.h"

#if defined(PARE_AVX512VNNI)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target(PARE_TARGET_AVX512VNNI))), apply_to = function)
#include "avx512.h"

enum { NR = 16 };

// Vectors of pixels in a tile, which share the weights. Narrow slices have enough pixels in one.
#define VECTORS_OF(slice) ((slice) >= 32 ? 2 : 1)

// Channels of the slice that begins at `channel`.
PARE_INLINE size_t slice_channels(size_t channel, size_t channels) {
  size_t padded = (channels + NR - 1) / NR * NR - channel;
  return channels <= 8 ? 8 : padded >= 64 ? 64 : padded >= 32 ? 32 : 16;
}

size_t pare_depthwise_i8_bytes__avx512vnni(size_t taps, size_t channels) {
  return (channels + NR - 1) / NR * NR * ((taps + 3) / 4 * 4);
}

// Interleaving works within 128-bit quarters: vector j holds channels 4j to 4j + 3 of each block of sixteen.
// Weights: [slice][group of four taps][j][block][4 channels][4 taps]. A slice of 8 fills the block twice.
PARE_SMALL void pare_prepack_depthwise_i8__avx512vnni(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers) {
  int8_t *out = packed;
  for (size_t begin = 0, width; begin < channels; begin += width) {
    const size_t slice = slice_channels(begin, channels);
    width = slice < NR ? NR : slice;
    int32_t ordered_bias[64];
    float ordered_multipliers[64];
    for (size_t lane = 0; lane < width; lane++) {
      const size_t channel = begin + (lane % (width / 4) / 4 * NR + lane / (width / 4) * 4 + lane % 4) % slice;
      ordered_bias[lane] = bias[channel];
      ordered_multipliers[lane] = multipliers[channel];
      for (size_t tap = 0; tap < (taps + 3) / 4 * 4; tap++) {
        int8_t weight = tap < taps && channel < channels ? weights[tap * channels + channel] : 0;
        out[(tap / 4 * width + lane) * 4 + tap % 4] = weight;
      }
    }
    for (size_t lane = 0; lane < width; lane++) {
      bias[begin + lane] = ordered_bias[lane];
      multipliers[begin + lane] = ordered_multipliers[lane];
    }
    out += (taps + 3) / 4 * 4 * width;
  }
}

// Vector j of a slice's per-channel data, repeated for each pixel.
PARE_INLINE __m512i load_channels(const void *p, const int j, const int slice) {
  const uint8_t *bytes = (const uint8_t *)p + j * (slice < NR ? NR : slice);
  if (slice == 64) return _mm512_loadu_si512(bytes);
  if (slice == 32) return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)bytes));
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)bytes));
}

// The inputs of a vector's pixels, which need not lie side by side.
PARE_INLINE __m512i load_pixels(const uint8_t *image, const int32_t *windows, const int slice) {
  if (slice == 32) {
    __m256i first = _mm256_loadu_si256((const __m256i *)(image + windows[0]));
    __m256i second = _mm256_loadu_si256((const __m256i *)(image + windows[1]));
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
  }
  __m128i quarter[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    if (slice == 16) {
      quarter[i] = _mm_loadu_si128((const __m128i *)(image + windows[i]));
    } else {
      __m128i first = _mm_loadl_epi64((const __m128i *)(image + windows[2 * i]));
      __m128i second = _mm_loadl_epi64((const __m128i *)(image + windows[2 * i + 1]));
      quarter[i] = _mm_unpacklo_epi64(first, second);
    }
  }
  __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter[0]), quarter[1], 1);
  __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter[2]), quarter[3], 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// Writes a vector's bytes to the pixels from `pixel` on.
PARE_INLINE void store_pixels(
    const pare_depthwise *p, size_t pixel, size_t channel, const int slice, __m512i bytes) {
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t count = p->channels - channel;
  const int adjacent = slice == 64 || (p->output_stride == (size_t)slice && pixel + 64 / slice <= p->pixels);
  if (adjacent && count >= (size_t)slice) {
    _mm512_storeu_si512(out, bytes);
    return;
  }
  const __mmask64 mask = pare_first_bytes__avx512(count < (size_t)slice ? count : (size_t)slice);
#pragma clang loop unroll(disable)
  for (size_t end = pixel + 64 / slice; pixel < end && pixel < p->pixels; pixel++, out += p->output_stride) {
    _mm512_mask_storeu_epi8(out, mask, bytes);
    if (slice == 32) bytes = _mm512_shuffle_i64x2(bytes, bytes, 0x0e);
    if (slice == 16) bytes = _mm512_alignr_epi64(bytes, bytes, 2);
    if (slice == 8) bytes = _mm512_alignr_epi64(bytes, bytes, 1);
  }
}

PARE_INLINE void tile(
    const pare_depthwise *p, const int32_t *windows, size_t pixel, size_t channel, const uint8_t *w, const int slice,
    const pare_requantizer_avx512 *q) {
  const int per_vector = 64 / slice;
  const int vectors = VECTORS_OF(slice);
  int adjacent[2];
  __m512i sums[2][4];
#pragma unroll
  for (int v = 0; v < vectors; v++) {
    const int32_t *own = windows + v * per_vector;
    adjacent[v] = 1;
#pragma unroll
    for (int i = 1; i < per_vector; i++) adjacent[v] &= own[i] - own[i - 1] == slice;
#pragma unroll
    for (int j = 0; j < 4; j++) sums[v][j] = load_channels((const int32_t *)p->bias + channel, j, slice);
  }
  const size_t last = p->tap_count - 1;
  for (size_t tap = 0; tap <= last; tap += 4, w += 4 * (slice < NR ? NR : slice)) {
    __m512i weights[4];
#pragma unroll
    for (int j = 0; j < 4; j++) weights[j] = load_channels(w, j, slice);
#pragma unroll
    for (int v = 0; v < vectors; v++) {
      __m512i x[4];
#pragma unroll
      for (int t = 0; t < 4; t++) {
        // Missing taps repeat the last one; their weights are zero.
        const uint8_t *image = p->image + p->taps[tap + (size_t)t < last ? tap + (size_t)t : last] + channel;
        const int32_t *own = windows + v * per_vector;
        x[t] = adjacent[v] ? _mm512_loadu_si512(image + own[0]) : load_pixels(image, own, slice);
      }
      __m512i low01 = _mm512_unpacklo_epi8(x[0], x[1]), high01 = _mm512_unpackhi_epi8(x[0], x[1]);
      __m512i low23 = _mm512_unpacklo_epi8(x[2], x[3]), high23 = _mm512_unpackhi_epi8(x[2], x[3]);
      sums[v][0] = _mm512_dpbusd_epi32(sums[v][0], _mm512_unpacklo_epi16(low01, low23), weights[0]);
      sums[v][1] = _mm512_dpbusd_epi32(sums[v][1], _mm512_unpackhi_epi16(low01, low23), weights[1]);
      sums[v][2] = _mm512_dpbusd_epi32(sums[v][2], _mm512_unpacklo_epi16(high01, high23), weights[2]);
      sums[v][3] = _mm512_dpbusd_epi32(sums[v][3], _mm512_unpackhi_epi16(high01, high23), weights[3]);
    }
  }
#pragma unroll
  for (int v = 0; v < vectors; v++) {
    __m512i rounded[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      __m512 multipliers = _mm512_castsi512_ps(load_channels(p->multipliers + channel, j, slice));
      rounded[j] = pare_scale_and_round__avx512(sums[v][j], multipliers, q);
    }
    __m512i bytes = pare_pack4__avx512(rounded[0], rounded[1], rounded[2], rounded[3], q);
    const size_t first = pixel + (size_t)(v * per_vector);
    if (first < p->pixels) store_pixels(p, first, channel, slice, bytes);
  }
}

PARE_INLINE void run_slice(
    const pare_depthwise *p, size_t channel, const uint8_t *w, const int slice, const pare_requantizer_avx512 *q) {
  const size_t tile_pixels = (size_t)(VECTORS_OF(slice) * 64 / slice);
  int32_t few[8];
  for (size_t pixel = 0; pixel < p->pixels; pixel += tile_pixels) {
    const int32_t *windows = pare_tile_windows(p, &pixel, tile_pixels, few);
    tile(p, windows, pixel, channel, w, slice, q);
  }
}

void pare_depthwise_i8_2x64__avx512vnni(const pare_depthwise *p) {
  const pare_requantizer_avx512 q = pare_requantizer__avx512(p->low, p->high, p->zero_point);
  const size_t padded_taps = (p->tap_count + 3) / 4 * 4;
  for (size_t channel = 0; channel < p->channels;) {
    const uint8_t *w = (const uint8_t *)p->weights + channel * padded_taps;
    size_t slice = slice_channels(channel, p->channels);
    switch (slice) {
      case 64: run_slice(p, channel, w, 64, &q); break;
      case 32: run_slice(p, channel, w, 32, &q); break;
      case 16: run_slice(p, channel, w, 16, &q); break;
      default: run_slice(p, channel, w, 8, &q); break;
    }
    channel += slice;
  }
}

#pragma clang attribute pop
#endif
