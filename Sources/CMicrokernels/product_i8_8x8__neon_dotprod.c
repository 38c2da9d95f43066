// Integer products with the dot product instruction: four int8 inputs by lane, sdot.
#include "rows.h"

#if defined(PARE_NEON_DOTPROD)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#include "neon.h"

enum { NR = 8, MIDDLE = 4, LARGEST = 8, GROUP_BYTES = NR * 4 };

// One group of four inputs, in 32-bit lane `lane` of each pixel's x.
#define GROUP(M, x, w, lane)                                     \
  do {                                                           \
    int8x16_t low = vld1q_s8((const int8_t *)(w));               \
    int8x16_t high = vld1q_s8((const int8_t *)(w) + 16);         \
    _Pragma("unroll") for (int m = 0; m < (M); m++) {            \
      first[m] = vdotq_laneq_s32(first[m], low, x[m], lane);     \
      second[m] = vdotq_laneq_s32(second[m], high, x[m], lane);  \
    }                                                            \
  } while (0)

PARE_INLINE void pare_tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const pare_requantizer_neon *q) {
  const uint8_t *w = (const uint8_t *)p->weights + channel / NR * pare_block_bytes(p, NR);
  const int32_t *bias = (const int32_t *)p->bias + channel;
  int32x4_t first[LARGEST], second[LARGEST];
#pragma unroll
  for (int m = 0; m < M; m++) {
    first[m] = vld1q_s32(bias);
    second[m] = vld1q_s32(bias + 4);
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *image[LARGEST];
    int8x16_t x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) image[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    size_t group = 0;
    for (; group + 4 <= p->groups_per_run; group += 4, w += 4 * GROUP_BYTES) {
#pragma unroll
      for (int m = 0; m < M; m++) x[m] = vld1q_s8((const int8_t *)(image[m] + group * 4));
      GROUP(M, x, w, 0);
      GROUP(M, x, w + GROUP_BYTES, 1);
      GROUP(M, x, w + 2 * GROUP_BYTES, 2);
      GROUP(M, x, w + 3 * GROUP_BYTES, 3);
    }
    for (; group < p->groups_per_run; group++, w += GROUP_BYTES) {
#pragma unroll
      for (int m = 0; m < M; m++) {
        int32_t bytes4;
        __builtin_memcpy(&bytes4, image[m] + group * 4, sizeof bytes4);
        x[m] = vreinterpretq_s8_s32(vdupq_n_s32(bytes4));
      }
      GROUP(M, x, w, 0);
    }
  }
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t left = p->channels - channel;
  uint8_t buffer[LARGEST * NR];
  const pare_rows rows = pare_rows_of_tile(out, p->output_stride, left, buffer, NR);
#pragma unroll
  for (int m = 0; m < M; m++) {
    uint8x8_t bytes = pare_requantize8__neon(first[m], second[m], p->multipliers + channel, q);
    vst1_u8(rows.first + (size_t)m * rows.stride, bytes);
  }
  if (left < NR) pare_store_rows(out, p->output_stride, left, buffer, NR, (size_t)M);
}

void pare_product_i8_8x8__neon_dotprod(const pare_product *p) {
  const pare_requantizer_neon q = pare_requantizer__neon(p->low, p->high, p->zero_point);
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile(p, pixel, channel, M, &q)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

#pragma clang attribute pop
#endif
