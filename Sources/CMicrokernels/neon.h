// What the NEON files share.
#ifndef PARE_NEON_H
#define PARE_NEON_H

#include <arm_neon.h>

#include "tiles.h"

void pare_product_i8_4x8__neon(const pare_product *);
void pare_product_i8_8x8__neon_dotprod(const pare_product *);
void pare_product_f32_8x8__neon(const pare_product *);
size_t pare_depthwise_i8_bytes__neon(size_t taps, size_t channels);
void pare_prepack_depthwise_i8__neon(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers);
void pare_depthwise_i8_4x16__neon(const pare_depthwise *);
void pare_depthwise_f32_4x8__neon(const pare_depthwise *);

// The constants of a requantization.
typedef struct {
  float32x4_t low, high;
  uint8x8_t zero_point;
} pare_requantizer_neon;

PARE_INLINE pare_requantizer_neon pare_requantizer__neon(float low, float high, int32_t zero_point) {
  return (pare_requantizer_neon){vdupq_n_f32(low), vdupq_n_f32(high), vdup_n_u8((uint8_t)zero_point)};
}

// maxnm takes the number where the other operand is NaN, so NaN gives `low`.
PARE_INLINE int32x4_t pare_scale_and_round__neon(
    int32x4_t sums, float32x4_t multipliers, const pare_requantizer_neon *q) {
  float32x4_t scaled = vmulq_f32(vcvtq_f32_s32(sums), multipliers);
  return vcvtnq_s32_f32(vminnmq_f32(vmaxnmq_f32(scaled, q->low), q->high));
}

// Eight output bytes of one pixel. Narrowing keeps the low bytes.
PARE_INLINE uint8x8_t pare_requantize8__neon(
    int32x4_t first, int32x4_t second, const float *multipliers, const pare_requantizer_neon *q) {
  int32x4_t v0 = pare_scale_and_round__neon(first, vld1q_f32(multipliers), q);
  int32x4_t v1 = pare_scale_and_round__neon(second, vld1q_f32(multipliers + 4), q);
  int16x8_t both = vcombine_s16(vmovn_s32(v0), vmovn_s32(v1));
  return vadd_u8(vreinterpret_u8_s8(vmovn_s16(both)), q->zero_point);
}

// x < low ? low : x, then x > high ? high : x. FMAX and FMIN would order the zeros by sign.
PARE_INLINE float32x4_t pare_clamp__neon(float32x4_t x, float32x4_t low, float32x4_t high) {
  x = vbslq_f32(vcltq_f32(x, low), low, x);
  return vbslq_f32(vcgtq_f32(x, high), high, x);
}

#endif
