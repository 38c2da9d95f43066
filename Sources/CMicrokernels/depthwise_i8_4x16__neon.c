// Integer depthwise products in NEON: two taps of a channel are brought together for smull and sadalp.
#include "rows.h"

#if defined(PARE_ARM)
#include "neon.h"

enum { NR = 16, MIDDLE = 2, LARGEST = 4 };

size_t pare_depthwise_i8_bytes__neon(size_t taps, size_t channels) {
  return (channels + NR - 1) / NR * NR * ((taps + 1) / 2 * 2);
}

// Blocks of sixteen channels, two taps interleaved. Lanes are in order: bias and multipliers stay as they are.
PARE_SMALL void pare_prepack_depthwise_i8__neon(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers) {
  (void)bias;
  (void)multipliers;
  int8_t *out = packed;
  for (size_t block = 0; block < channels; block += NR) {
    for (size_t pair = 0; pair < taps; pair += 2) {
      for (size_t lane = 0; lane < 2 * NR; lane++) {
        const size_t tap = pair + lane % 2, channel = block + lane / 2;
        *out++ = tap < taps && channel < channels ? weights[tap * channels + channel] : 0;
      }
    }
  }
}

// M pixels x H halves of eight channels.
PARE_INLINE void pare_tile(
    const pare_depthwise *p, size_t pixel, size_t channel, const int M, const int H, const pare_requantizer_neon *q) {
  const int8_t *w = (const int8_t *)p->weights + channel * ((p->tap_count + 1) / 2 * 2);
  const int32_t *bias = (const int32_t *)p->bias + channel;
  int32x4_t sums[LARGEST][4];
  const uint8_t *x[LARGEST];
#pragma unroll
  for (int m = 0; m < M; m++) {
    x[m] = p->image + p->windows[pixel + (size_t)m] + channel;
#pragma unroll
    for (int i = 0; i < 2 * H; i++) sums[m][i] = vld1q_s32(bias + 4 * i);
  }
  for (size_t tap = 0; tap < p->tap_count; tap += 2, w += 2 * NR) {
    const int32_t first = p->taps[tap];
    // An odd last tap is paired with itself; its weights there are zero.
    const int32_t second = p->taps[tap + 1 < p->tap_count ? tap + 1 : tap];
    const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16);
#pragma unroll
    for (int m = 0; m < M; m++) {
      const int8x16_t a = vld1q_s8((const int8_t *)x[m] + first), b = vld1q_s8((const int8_t *)x[m] + second);
      const int8x16_t low = vzip1q_s8(a, b);
      sums[m][0] = vpadalq_s16(sums[m][0], vmull_s8(vget_low_s8(low), vget_low_s8(w0)));
      sums[m][1] = vpadalq_s16(sums[m][1], vmull_high_s8(low, w0));
      if (H == 1) continue;
      const int8x16_t high = vzip2q_s8(a, b);
      sums[m][2] = vpadalq_s16(sums[m][2], vmull_s8(vget_low_s8(high), vget_low_s8(w1)));
      sums[m][3] = vpadalq_s16(sums[m][3], vmull_high_s8(high, w1));
    }
  }
  uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
  const size_t left = p->channels - channel, width = (size_t)(8 * H);
  uint8_t buffer[LARGEST * NR];
  const pare_rows rows = pare_rows_of_tile(out, p->output_stride, left, buffer, width);
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int h = 0; h < H; h++) {
      const float *multipliers = p->multipliers + channel + 8 * h;
      uint8x8_t bytes = pare_requantize8__neon(sums[m][2 * h], sums[m][2 * h + 1], multipliers, q);
      vst1_u8(rows.first + (size_t)m * rows.stride + 8 * h, bytes);
    }
  }
  if (left < width) pare_store_rows(out, p->output_stride, left, buffer, width, (size_t)M);
}

void pare_depthwise_i8_4x16__neon(const pare_depthwise *p) {
  const pare_requantizer_neon q = pare_requantizer__neon(p->low, p->high, p->zero_point);
  size_t channel = 0;
#define TILE(M) pare_tile(p, pixel, channel, M, 2, &q)
  for (; channel + 8 < p->channels; channel += NR) PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
#define TILE(M) pare_tile(p, pixel, channel, M, 1, &q)
  if (channel < p->channels) PARE_FOR_TILES(p, MIDDLE, LARGEST, TILE)
#undef TILE
}

#endif
