// The table of inner loops: one row per instruction set, chosen once at load.
//
// Every loop gives the same bits on every instruction set. Integer sums are exact in 32 bits. Each
// float sum is one chain of fused multiply-adds in ascending order, and lanes hold different outputs.
// Names: pare_<op>_<types>_<tile>__<isa>.
//
// Clamps of integers give `low` for NaN; `low` and `high` are integers, low <= high <= low + 255. Clamps of
// floats are x < low ? low : x, then x > high ? high : x: NaN stays NaN (its payload is the CPU's own).
// Counts of pixels, channels, runs, groups and taps are at least 1. The output of a product may not overlap
// its inputs, and may be written twice with the same values; that of an elementwise loop may be the very
// buffer of an input.
#ifndef PARE_KERNELS_H
#define PARE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// How a convolution wants its input laid out before the loop ("staged"): the zero point removed and
// widened, or as bytes that the instruction set multiplies directly.
enum pare_form {
  PARE_FORM_F32 = 0,       // float, 4 bytes an element
  PARE_FORM_CENTERED16 = 1,  // int16 = x - zero point, 2 bytes an element
  PARE_FORM_U8 = 2,        // uint8; int8 inputs are staged as x ^ 0x80
  PARE_FORM_S8 = 3,        // int8; uint8 inputs are staged as x ^ 0x80
};

// A product over windows of a staged image: out[p][c] = sum over runs r, bytes of the run, of
// image[windows[p] + runs[r] + ...] * weights. Both convolution and dense are this.
typedef struct {
  const uint8_t *image;      // staged input; readable for 16 bytes past its end
  const int32_t *windows;    // [pixels] byte offset of each output pixel's window in `image`
  size_t pixels;
  const int32_t *runs;       // [run_count] byte offset of each contiguous run within a window
  size_t run_count;
  size_t groups_per_run;     // 4-byte groups in a run; the last one is filled up with zero weights
  const void *weights;       // prepacked: [channel block][run][group][nr][4 bytes]
  const void *bias;          // [channels rounded up to nr] int32 (input zero point folded in) or float
  const float *multipliers;  // [channels rounded up to nr]; int8 only
  size_t channels;           // output channels
  void *output;
  size_t output_stride;      // bytes from one output pixel to the next
  float low, high;           // clamp; for int8 of the rounded value before the zero point is added
  int32_t zero_point;        // of the output; int8 only
} pare_product;

// A depthwise product: lanes are channels, out[p][c] = sum over taps t of
// image[windows[p] + taps[t] + c] * weights[t][c].
typedef struct {
  const uint8_t *image;      // staged input; readable for 64 bytes past its end
  const int32_t *windows;    // [pixels]
  size_t pixels;
  const int32_t *taps;       // [tap_count] byte offset of each kernel tap within a window
  size_t tap_count;
  const void *weights;       // prepacked by the table's own prepack_depthwise_*
  const void *bias;          // [channels rounded up to depthwise_nr], in prepacked lane order
  const float *multipliers;  // likewise; int8 only
  size_t channels;
  void *output;
  size_t output_stride;
  float low, high;
  int32_t zero_point;
} pare_depthwise;

// Integer sums of two tensors: y = sat(rne(fma(a, ratio_a, fma(b, ratio_b, fixed)))), where
// ratio_a = scale_a / scale_y and fixed = zero_y - (ratio_a * zero_a + ratio_b * zero_b).
typedef struct {
  const uint8_t *a, *b;
  uint8_t *output;
  size_t count;
  int a_signed, b_signed;    // 1 for int8, 0 for uint8
  float ratio_a, ratio_b, fixed;
  float low, high;           // clamp, zero point included
} pare_add;

typedef struct {
  const char *name;          // "scalar", "avx2", "avx512vnni", "neon", "neon-dotprod"
  // Integer products.
  enum pare_form product_form;
  size_t product_nr;         // output channels of one prepacked block
  size_t product_k;          // input elements of one 4-byte group: 2 (centered16) or 4
  void (*product_i8)(const pare_product *);
  // Float products: groups are single floats.
  size_t product_f32_nr;
  void (*product_f32)(const pare_product *);
  // Depthwise.
  enum pare_form depthwise_form;
  size_t depthwise_nr;       // channels are padded to this in the prepacked weights, bias, multipliers
  // Bytes that prepack_depthwise_i8 writes for `taps` taps of `channels` channels.
  size_t (*depthwise_i8_bytes)(size_t taps, size_t channels);
  // weights: [taps][channels] int8. Also permutes bias and multipliers into lane order (both already
  // padded to depthwise_nr with zeros; done in place).
  void (*prepack_depthwise_i8)(const int8_t *weights, size_t taps, size_t channels, void *packed,
                               int32_t *bias, float *multipliers);
  void (*depthwise_i8)(const pare_depthwise *);
  size_t depthwise_f32_nr;   // weights: [taps][channels rounded up to depthwise_f32_nr] float
  void (*depthwise_f32)(const pare_depthwise *);
  // Staging: `count` elements of 8-bit input into the form; `flip` is 0x00 or 0x80 (form u8, s8),
  // `zero_point` is subtracted (form centered16; x is uint8 or int8 by x_signed).
  void (*stage_centered16)(int16_t *out, const uint8_t *x, size_t count, int x_signed, int32_t zero_point);
  void (*stage_flip)(uint8_t *out, const uint8_t *x, size_t count, uint8_t flip);
  // Elementwise.
  void (*add_i8)(const pare_add *);
  void (*table_u8)(uint8_t *out, const uint8_t *x, size_t count, const uint8_t *table);
  // out[i] = max(out[i], x[i]).
  void (*max_u8)(uint8_t *out, const uint8_t *x, size_t count);
  void (*max_s8)(int8_t *out, const int8_t *x, size_t count);
  void (*max_f32)(float *out, const float *x, size_t count);
  // sums[i] += x[i].
  void (*accumulate_u8)(int32_t *sums, const uint8_t *x, size_t count);
  void (*accumulate_s8)(int32_t *sums, const int8_t *x, size_t count);
  void (*accumulate_f32)(float *sums, const float *x, size_t count);
  // y = sat(rne(x / scale) + zero_point), NaN gives the zero point; and (x - zero_point) * scale.
  void (*quantize)(uint8_t *out, const float *x, size_t count, float scale, int32_t zero_point, int out_signed);
  void (*dequantize)(float *out, const uint8_t *x, size_t count, float scale, int32_t zero_point, int x_signed);
  // Elementwise float, same extents.
  void (*add_f32)(float *out, const float *a, const float *b, size_t count, float low, float high);
  void (*mul_f32)(float *out, const float *a, const float *b, size_t count);
  void (*clamp_f32)(float *out, const float *x, size_t count, float low, float high);
  // out[j] = fma(scalar, x[j], out[j]).
  void (*axpy_f32)(float *out, const float *x, size_t count, float scalar);
} pare_kernels;

// The instruction sets compiled in, best first; the scalar reference is always the last.
size_t pare_kernels_count(void);
const pare_kernels *pare_kernels_at(size_t index);
// Whether this CPU can run the row. Asks the CPU (CPUID; on ARM the hwcaps given, AT_HWCAP of the
// auxiliary vector).
int pare_kernels_runs_here(const pare_kernels *kernels, uint64_t hwcap, uint64_t hwcap2);
// The row of that name, or NULL.
const pare_kernels *pare_kernels_named(const char *name, size_t length);

// round(x * y + z) in one rounding, on every CPU.
float pare_fmaf(float x, float y, float z);
// The same without a fused instruction; what pare_fmaf is where the target has none.
float pare_fmaf_software(float x, float y, float z);

#endif
