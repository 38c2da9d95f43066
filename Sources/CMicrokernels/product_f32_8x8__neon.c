// Float products in NEON: one chain of fused multiply-adds per lane.
#include "rows.h"

#if defined(PARE_ARM)
#include "neon.h"

enum { NR = 8, MIDDLE = 4, LARGEST = 8, GROUP_BYTES = NR * 4 };

// One input, in lane `lane` of each pixel's x.
#define GROUP(M, x, w, lane)                                                             \
  do {                                                                                   \
    float32x4_t low = vld1q_f32((const float *)(w));                                     \
    float32x4_t high = vld1q_f32((const float *)(w) + 4);                                \
    _Pragma("unroll") for (int m = 0; m < (M); m++) {                                    \
      first[m] = vfmaq_laneq_f32(first[m], low, x[m], lane);                             \
      second[m] = vfmaq_laneq_f32(second[m], high, x[m], lane);                          \
    }                                                                                    \
  } while (0)

PARE_INLINE void pare_tile(const pare_product *p, size_t pixel, size_t channel, const int M) {
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * pare_block_bytes(p, NR);
  const float *bias = (const float *)p->bias + channel;
  float32x4_t first[LARGEST], second[LARGEST];
#pragma unroll
  for (int m = 0; m < M; m++) {
    first[m] = vld1q_f32(bias);
    second[m] = vld1q_f32(bias + 4);
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *image[LARGEST];
    float32x4_t x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) image[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    size_t group = 0;
    for (; group + 4 <= p->groups_per_run; group += 4, w += 4 * GROUP_BYTES) {
#pragma unroll
      for (int m = 0; m < M; m++) x[m] = vld1q_f32((const float *)(image[m] + group * 4));
      GROUP(M, x, w, 0);
      GROUP(M, x, w + GROUP_BYTES, 1);
      GROUP(M, x, w + 2 * GROUP_BYTES, 2);
      GROUP(M, x, w + 3 * GROUP_BYTES, 3);
    }
    for (; group < p->groups_per_run; group++, w += GROUP_BYTES) {
#pragma unroll
      for (int m = 0; m < M; m++) x[m] = vld1q_dup_f32((const float *)(image[m] + group * 4));
      GROUP(M, x, w, 0);
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

void pare_product_f32_8x8__neon(const pare_product *p) {
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile(p, pixel, channel, M)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

#endif
