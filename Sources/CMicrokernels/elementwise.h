// The element-by-element loops, written once. A file that includes this has defined PARE_ISA(name), the
// function name with the instruction set's suffix, PARE_FMAF, and PARE_VECTORIZED for all but the reference;
// it compiles them for its instruction set. Lanes hold different elements, so the bits do not change.
//
// An output may be the very same buffer as an input, never a shifted part of it.

#include "tiles.h"

// No dependence between elements: true for equal buffers as well, which a run-time overlap test would
// send down the scalar path. One vector at a time: the networks run as fast as with two, in less code.
#if defined(PARE_VECTORIZED)
// Sanitizers keep some loops from being vectorized, which is no error.
#pragma clang diagnostic ignored "-Wpass-failed"
#define PARE_EACH(i, count) \
  _Pragma("clang loop vectorize(assume_safety) interleave_count(1)") \
  for (size_t i = 0; i < (count); i++)
#else
#define PARE_EACH(i, count) for (size_t i = 0; i < (count); i++)
#endif

static void PARE_ISA(pare_stage_centered16)(
    int16_t *out, const uint8_t *x, size_t count, int x_signed, int32_t zero_point) {
  // int8 as a byte offset by 128, so that one loop serves both types.
  const uint8_t flip = x_signed ? 0x80 : 0;
  const int16_t zero = (int16_t)(zero_point + flip);
  PARE_EACH(i, count) out[i] = (int16_t)((int16_t)(x[i] ^ flip) - zero);
}

static void PARE_ISA(pare_stage_flip)(uint8_t *out, const uint8_t *x, size_t count, uint8_t flip) {
  PARE_EACH(i, count) out[i] = x[i] ^ flip;
}

static void PARE_ISA(pare_add_i8)(const pare_add *p) {
  const uint8_t *a = p->a, *b = p->b;
  uint8_t *out = p->output;
  const size_t count = p->count;
  const uint8_t flip_a = p->a_signed ? 0x80 : 0, flip_b = p->b_signed ? 0x80 : 0;
  const float ratio_a = p->ratio_a, ratio_b = p->ratio_b, fixed = p->fixed, low = p->low, high = p->high;
  PARE_EACH(i, count) {
    float value_a = (float)((int32_t)(uint8_t)(a[i] ^ flip_a) - flip_a);
    float value_b = (float)((int32_t)(uint8_t)(b[i] ^ flip_b) - flip_b);
    float sum = PARE_FMAF(value_a, ratio_a, PARE_FMAF(value_b, ratio_b, fixed));
    out[i] = pare_round_to_byte(sum, low, high, 0);
  }
}

static void PARE_ISA(pare_table_u8)(uint8_t *out, const uint8_t *x, size_t count, const uint8_t *table) {
  for (size_t i = 0; i < count; i++) out[i] = table[x[i]];
}

static void PARE_ISA(pare_max_u8)(uint8_t *out, const uint8_t *x, size_t count) {
  PARE_EACH(i, count) out[i] = x[i] > out[i] ? x[i] : out[i];
}

static void PARE_ISA(pare_max_s8)(int8_t *out, const int8_t *x, size_t count) {
  PARE_EACH(i, count) out[i] = x[i] > out[i] ? x[i] : out[i];
}

static void PARE_ISA(pare_max_f32)(float *out, const float *x, size_t count) {
  PARE_EACH(i, count) out[i] = x[i] > out[i] ? x[i] : out[i];
}

static void PARE_ISA(pare_accumulate_u8)(int32_t *sums, const uint8_t *x, size_t count) {
  PARE_EACH(i, count) sums[i] = (int32_t)((uint32_t)sums[i] + x[i]);
}

static void PARE_ISA(pare_accumulate_s8)(int32_t *sums, const int8_t *x, size_t count) {
  PARE_EACH(i, count) sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)x[i]);
}

static void PARE_ISA(pare_accumulate_f32)(float *sums, const float *x, size_t count) {
  PARE_EACH(i, count) sums[i] = sums[i] + x[i];
}

static void PARE_ISA(pare_quantize)(
    uint8_t *out, const float *x, size_t count, float scale, int32_t zero_point, int out_signed) {
  const float low = (float)((out_signed ? -128 : 0) - zero_point);
  const float high = low + 255.0f;
  PARE_EACH(i, count) {
    float steps = x[i] / scale;
    steps = steps == steps ? steps : 0.0f;
    out[i] = pare_round_to_byte(steps, low, high, zero_point);
  }
}

static void PARE_ISA(pare_dequantize)(
    float *out, const uint8_t *x, size_t count, float scale, int32_t zero_point, int x_signed) {
  const uint8_t flip = x_signed ? 0x80 : 0;
  const int32_t zero = zero_point + flip;
  PARE_EACH(i, count) out[i] = (float)((int32_t)(uint8_t)(x[i] ^ flip) - zero) * scale;
}

static void PARE_ISA(pare_add_f32)(float *out, const float *a, const float *b, size_t count, float low, float high) {
  PARE_EACH(i, count) out[i] = pare_clamp(a[i] + b[i], low, high);
}

static void PARE_ISA(pare_mul_f32)(float *out, const float *a, const float *b, size_t count) {
  PARE_EACH(i, count) out[i] = a[i] * b[i];
}

static void PARE_ISA(pare_clamp_f32)(float *out, const float *x, size_t count, float low, float high) {
  PARE_EACH(i, count) out[i] = pare_clamp(x[i], low, high);
}

static void PARE_ISA(pare_axpy_f32)(float *out, const float *x, size_t count, float scalar) {
  PARE_EACH(i, count) out[i] = PARE_FMAF(scalar, x[i], out[i]);
}

#if !defined(PARE_ADD_I8)
#define PARE_ADD_I8 PARE_ISA(pare_add_i8)
#endif

// The fields of a row that these functions fill.
#define PARE_ELEMENTWISE_FIELDS                        \
  .stage_centered16 = PARE_ISA(pare_stage_centered16), \
  .stage_flip = PARE_ISA(pare_stage_flip),             \
  .add_i8 = PARE_ADD_I8,                               \
  .table_u8 = PARE_ISA(pare_table_u8),                 \
  .max_u8 = PARE_ISA(pare_max_u8),                     \
  .max_s8 = PARE_ISA(pare_max_s8),                     \
  .max_f32 = PARE_ISA(pare_max_f32),                   \
  .accumulate_u8 = PARE_ISA(pare_accumulate_u8),       \
  .accumulate_s8 = PARE_ISA(pare_accumulate_s8),       \
  .accumulate_f32 = PARE_ISA(pare_accumulate_f32),     \
  .quantize = PARE_ISA(pare_quantize),                 \
  .dequantize = PARE_ISA(pare_dequantize),             \
  .add_f32 = PARE_ISA(pare_add_f32),                   \
  .mul_f32 = PARE_ISA(pare_mul_f32),                   \
  .clamp_f32 = PARE_ISA(pare_clamp_f32),               \
  .axpy_f32 = PARE_ISA(pare_axpy_f32)
