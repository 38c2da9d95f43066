// Integer products in NEON: int16 inputs by lane, smlal.
#include "rows.h"

#if defined(PARE_NEON)
#include "neon.h"

enum { NR = 8, MIDDLE = 4, LARGEST = 8, GROUP_BYTES = NR * 4 };

// One group of two inputs, in lanes `lane` and `lane + 1` of each pixel's x: the load takes the pairs of
// weights apart.
#define GROUP(M, x, w, lane)                                                             \
  do {                                                                                   \
    int16x8x2_t weights = vld2q_s16((const int16_t *)(w));                               \
    _Pragma("unroll") for (int m = 0; m < (M); m++) {                                    \
      first[m] = vmlal_lane_s16(first[m], vget_low_s16(weights.val[0]), x[m], lane);     \
      second[m] = vmlal_high_lane_s16(second[m], weights.val[0], x[m], lane);            \
      first[m] = vmlal_lane_s16(first[m], vget_low_s16(weights.val[1]), x[m], lane + 1); \
      second[m] = vmlal_high_lane_s16(second[m], weights.val[1], x[m], lane + 1);        \
    }                                                                                    \
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
    int16x4_t x[LARGEST];
#pragma unroll
    for (int m = 0; m < M; m++) image[m] = p->image + p->windows[pixel + (size_t)m] + p->runs[run];
    size_t group = 0;
    for (; group + 2 <= p->groups_per_run; group += 2, w += 2 * GROUP_BYTES) {
#pragma unroll
      for (int m = 0; m < M; m++) x[m] = vld1_s16((const int16_t *)(image[m] + group * 4));
      GROUP(M, x, w, 0);
      GROUP(M, x, w + GROUP_BYTES, 2);
    }
    if (group < p->groups_per_run) {
#pragma unroll
      for (int m = 0; m < M; m++) x[m] = vreinterpret_s16_s32(vld1_dup_s32((const int32_t *)(image[m] + group * 4)));
      GROUP(M, x, w, 0);
      w += GROUP_BYTES;
    }
  }
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
#pragma unroll
  for (int m = 0; m < M; m++) {
    uint8x8_t bytes = pare_requantize8__neon(first[m], second[m], p->multipliers + channel, q);
    pare_store8__neon(out + (size_t)m * p->output_stride, bytes, p->channels - channel);
  }
}

void pare_product_i8_8x8__neon(const pare_product *p) {
  const pare_requantizer_neon q = pare_requantizer__neon(p->low, p->high, p->zero_point);
  for (size_t channel = 0; channel < p->channels; channel += NR) {
#define TILE(M) pare_tile(p, pixel, channel, M, &q)
    PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
  }
}

#endif
