// Integer products in NEON without the dot product: smull gives exact int16 products of int8, sadalp adds
// neighbouring pairs of them to int32. The two run side by side on cores with two vector pipes; smlal of
// int16 would multiply half as many values per instruction.
#include "rows.h"

#if defined(PARE_NEON)
#include "neon.h"

enum { NR = 8, LARGEST = 4, GROUP_BYTES = NR * 4 };

// Four inputs of a pixel, repeated.
PARE_INLINE int8x16_t pare_broadcast4(const uint8_t *x) {
  int32_t group;
  __builtin_memcpy(&group, x, sizeof group);
  int32x4_t repeated = vdupq_n_s32(group);
  // Otherwise the compiler notices that both halves are equal and moves the weights' halves about instead.
  __asm__("" : "+w"(repeated));
  return vreinterpretq_s8_s32(repeated);
}

PARE_INLINE void pare_tile(
    const pare_product *p, size_t pixel, size_t channel, const int M, const pare_requantizer_neon *q) {
  const int8_t *w = (const int8_t *)p->weights + channel / NR * pare_block_bytes(p, NR);
  // sums[m][i] holds channels 2i and 2i + 1, two parts of each.
  int32x4_t sums[LARGEST][4];
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int i = 0; i < 4; i++) sums[m][i] = vdupq_n_s32(0);
  }
  for (size_t run = 0; run < p->run_count; run++) {
    const uint8_t *x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) x[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    for (size_t group = 0; group < p->groups_per_run; group++, w += GROUP_BYTES) {
      const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16);
#pragma unroll
      for (int m = 0; m < M; m++) {
        const int8x16_t inputs = pare_broadcast4(x[m] + group * 4);
        sums[m][0] = vpadalq_s16(sums[m][0], vmull_s8(vget_low_s8(inputs), vget_low_s8(w0)));
        sums[m][1] = vpadalq_s16(sums[m][1], vmull_high_s8(inputs, w0));
        sums[m][2] = vpadalq_s16(sums[m][2], vmull_s8(vget_low_s8(inputs), vget_low_s8(w1)));
        sums[m][3] = vpadalq_s16(sums[m][3], vmull_high_s8(inputs, w1));
      }
    }
  }
  const int32_t *bias = (const int32_t *)p->bias + channel;
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t left = p->channels - channel;
  uint8_t buffer[LARGEST * NR];
  const pare_rows rows = pare_rows_of_tile(out, p->output_stride, left, buffer, NR);
#pragma unroll
  for (int m = 0; m < M; m++) {
    int32x4_t first = vaddq_s32(vpaddq_s32(sums[m][0], sums[m][1]), vld1q_s32(bias));
    int32x4_t second = vaddq_s32(vpaddq_s32(sums[m][2], sums[m][3]), vld1q_s32(bias + 4));
    uint8x8_t bytes = pare_requantize8__neon(first, second, p->multipliers + channel, q);
    vst1_u8(rows.first + (size_t)m * rows.stride, bytes);
  }
  if (left < NR) pare_store_rows(out, p->output_stride, left, buffer, NR, (size_t)M);
}

void pare_product_i8_4x8__neon(const pare_product *p) {
  const pare_requantizer_neon q = pare_requantizer__neon(p->low, p->high, p->zero_point);
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile(p, pixel, channel, M, &q)
    PARE_FOR_TILES(p, 2, LARGEST, TILE)
#undef TILE
  }
}

#endif
