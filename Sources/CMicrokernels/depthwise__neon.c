// Depthwise products in NEON: eight channels at a time.
#include "rows.h"

#if defined(PARE_NEON) || defined(PARE_NEON_DOTPROD)
#include "neon.h"

enum { NR = 8, MIDDLE = 2, LARGEST = 4 };

size_t pare_depthwise_i8_bytes__neon(size_t taps, size_t channels) { return (channels + NR - 1) / NR * NR * taps * 2; }

// Blocks of eight channels, widened to int16. Lanes are in order, so bias and multipliers stay as they are.
PARE_SMALL void pare_prepack_depthwise_i8__neon(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers) {
  (void)bias;
  (void)multipliers;
  int16_t *out = packed;
  for (size_t block = 0; block < channels; block += NR) {
    for (size_t tap = 0; tap < taps; tap++) {
      for (size_t c = block; c < block + NR; c++) *out++ = c < channels ? weights[tap * channels + c] : 0;
    }
  }
}

PARE_INLINE void pare_tile_i8(
    const pare_depthwise *p, size_t pixel, size_t channel, const int M, const pare_requantizer_neon *q) {
  const int16_t *w = (const int16_t *)p->weights + channel * p->tap_count;
  const int32_t *bias = (const int32_t *)p->bias + channel;
  int32x4_t first[LARGEST], second[LARGEST];
  const uint8_t *x[LARGEST];
#pragma unroll
  for (int m = 0; m < M; m++) {
    x[m] = p->image + p->windows[pixel + (size_t)m] + channel * 2;
    first[m] = vld1q_s32(bias);
    second[m] = vld1q_s32(bias + 4);
  }
  for (size_t tap = 0; tap < p->tap_count; tap++, w += NR) {
    const int16x8_t weights = vld1q_s16(w);
    const int32_t offset = p->taps[tap];
#pragma unroll
    for (int m = 0; m < M; m++) {
      int16x8_t inputs = vld1q_s16((const int16_t *)(x[m] + offset));
      first[m] = vmlal_s16(first[m], vget_low_s16(inputs), vget_low_s16(weights));
      second[m] = vmlal_high_s16(second[m], inputs, weights);
    }
  }
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
#pragma unroll
  for (int m = 0; m < M; m++) {
    uint8x8_t bytes = pare_requantize8__neon(first[m], second[m], p->multipliers + channel, q);
    pare_store8__neon(out + (size_t)m * p->output_stride, bytes, p->channels - channel);
  }
}

void pare_depthwise_i8_4x8__neon(const pare_depthwise *p) {
  const pare_requantizer_neon q = pare_requantizer__neon(p->low, p->high, p->zero_point);
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile_i8(p, pixel, channel, M, &q)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

PARE_INLINE void pare_tile_f32(const pare_depthwise *p, size_t pixel, size_t channel, const int M) {
  const size_t stride = (p->channels + NR - 1) / NR * NR;
  const float *w = (const float *)p->weights + channel;
  const float *bias = (const float *)p->bias + channel;
  float32x4_t first[LARGEST], second[LARGEST];
  const uint8_t *x[LARGEST];
#pragma unroll
  for (int m = 0; m < M; m++) {
    x[m] = p->image + p->windows[pixel + (size_t)m] + channel * 4;
    first[m] = vld1q_f32(bias);
    second[m] = vld1q_f32(bias + 4);
  }
  for (size_t tap = 0; tap < p->tap_count; tap++, w += stride) {
    const float32x4_t w_first = vld1q_f32(w), w_second = vld1q_f32(w + 4);
    const int32_t offset = p->taps[tap];
#pragma unroll
    for (int m = 0; m < M; m++) {
      const float *inputs = (const float *)(x[m] + offset);
      first[m] = vfmaq_f32(first[m], vld1q_f32(inputs), w_first);
      second[m] = vfmaq_f32(second[m], vld1q_f32(inputs + 4), w_second);
    }
  }
  const float32x4_t low = vdupq_n_f32(p->low), high = vdupq_n_f32(p->high);
#pragma unroll
  for (int m = 0; m < M; m++) {
    float *out = (float *)((uint8_t *)p->output + (pixel + (size_t)m) * p->output_stride) + channel;
    pare_store_f32x8__neon(
        out, pare_clamp__neon(first[m], low, high), pare_clamp__neon(second[m], low, high), p->channels - channel);
  }
}

void pare_depthwise_f32_4x8__neon(const pare_depthwise *p) {
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile_f32(p, pixel, channel, M)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

#endif
