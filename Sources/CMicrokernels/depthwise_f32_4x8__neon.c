// Float depthwise products in NEON: one chain of fused multiply-adds per lane.
#include "rows.h"

#if defined(PARE_ARM)
#include "neon.h"

enum { NR = 8, MIDDLE = 2, LARGEST = 4 };

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
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel * 4;
  const size_t left = (p->channels - channel) * 4;
  uint8_t buffer[LARGEST * NR * 4];
  const pare_rows rows = pare_rows_of_tile(out, p->output_stride, left, buffer, NR * 4);
#pragma unroll
  for (int m = 0; m < M; m++) {
    float *row = (float *)(rows.first + (size_t)m * rows.stride);
    vst1q_f32(row, pare_clamp__neon(first[m], low, high));
    vst1q_f32(row + 4, pare_clamp__neon(second[m], low, high));
  }
  if (left < NR * 4) pare_store_rows(out, p->output_stride, left, buffer, NR * 4, (size_t)M);
}

void pare_depthwise_f32_4x8__neon(const pare_depthwise *p) {
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile_f32(p, pixel, channel, M)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

#endif
