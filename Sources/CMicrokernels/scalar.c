// The reference row: plain C for every architecture. The other rows give its bits.
#include "rows.h"
#include "tiles.h"

// Where there are vector rows, this one is for comparison only.
#if defined(PARE_X86) || defined(PARE_ARM)
#define PARE_FOR_COMPARISON 1
#pragma clang attribute push(PARE_SMALL, apply_to = function)
#endif

#define PARE_ISA(name) name##__scalar
#define PARE_FMAF pare_fmaf_of_target
#include "elementwise.h"

enum { NR = 4 };

static void pare_product_i8_1x4__scalar(const pare_product *p) {
  const size_t block_elements = p->run_count * p->groups_per_run * NR * 2;
  for (size_t channel = 0; channel < p->channels; channel += NR) {
    for (size_t pixel = 0; pixel < p->pixels; pixel++) {
      const int16_t *w = (const int16_t *)p->weights + channel / NR * block_elements;
      int32_t sums[NR];
      for (size_t c = 0; c < NR; c++) sums[c] = ((const int32_t *)p->bias)[channel + c];
      for (size_t run = 0; run < p->run_count; run++) {
        const int16_t *x = (const int16_t *)(p->image + p->windows[pixel] + p->runs[run]);
        for (size_t group = 0; group < p->groups_per_run; group++, x += 2, w += 2 * NR) {
          for (size_t c = 0; c < NR; c++) {
            // Unsigned, since the bias may wrap around where the products bring the sum back.
            int32_t pair = x[0] * w[2 * c] + x[1] * w[2 * c + 1];
            sums[c] = (int32_t)((uint32_t)sums[c] + (uint32_t)pair);
          }
        }
      }
      uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride + channel;
      for (size_t c = 0; c < NR && channel + c < p->channels; c++) {
        out[c] = pare_round_to_byte((float)sums[c] * p->multipliers[channel + c], p->low, p->high, p->zero_point);
      }
    }
  }
}

static void pare_product_f32_1x4__scalar(const pare_product *p) {
  const size_t block_floats = p->run_count * p->groups_per_run * NR;
  for (size_t channel = 0; channel < p->channels; channel += NR) {
    for (size_t pixel = 0; pixel < p->pixels; pixel++) {
      const float *w = (const float *)p->weights + channel / NR * block_floats;
      float sums[NR];
      for (size_t c = 0; c < NR; c++) sums[c] = ((const float *)p->bias)[channel + c];
      for (size_t run = 0; run < p->run_count; run++) {
        const float *x = (const float *)(p->image + p->windows[pixel] + p->runs[run]);
        for (size_t group = 0; group < p->groups_per_run; group++, x += 1, w += NR) {
          for (size_t c = 0; c < NR; c++) sums[c] = pare_fmaf_of_target(x[0], w[c], sums[c]);
        }
      }
      float *out = (float *)((uint8_t *)p->output + pixel * p->output_stride) + channel;
      for (size_t c = 0; c < NR && channel + c < p->channels; c++) out[c] = pare_clamp(sums[c], p->low, p->high);
    }
  }
}

static size_t pare_depthwise_i8_bytes__scalar(size_t taps, size_t channels) { return taps * channels; }

// Lanes are in order, so bias and multipliers stay as they are.
static void pare_prepack_depthwise_i8__scalar(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers) {
  (void)bias;
  (void)multipliers;
  for (size_t i = 0; i < taps * channels; i++) ((int8_t *)packed)[i] = weights[i];
}

static void pare_depthwise_i8_1x1__scalar(const pare_depthwise *p) {
  const int8_t *weights = p->weights;
  for (size_t pixel = 0; pixel < p->pixels; pixel++) {
    uint8_t *out = (uint8_t *)p->output + pixel * p->output_stride;
    const uint8_t *window = p->image + p->windows[pixel];
    for (size_t c = 0; c < p->channels; c++) {
      uint32_t sum = (uint32_t)((const int32_t *)p->bias)[c];
      for (size_t tap = 0; tap < p->tap_count; tap++) {
        int16_t x = ((const int16_t *)(window + p->taps[tap]))[c];
        sum += (uint32_t)(x * weights[tap * p->channels + c]);
      }
      out[c] = pare_round_to_byte((float)(int32_t)sum * p->multipliers[c], p->low, p->high, p->zero_point);
    }
  }
}

static void pare_depthwise_f32_1x1__scalar(const pare_depthwise *p) {
  const float *weights = p->weights;
  for (size_t pixel = 0; pixel < p->pixels; pixel++) {
    float *out = (float *)((uint8_t *)p->output + pixel * p->output_stride);
    const uint8_t *window = p->image + p->windows[pixel];
    for (size_t c = 0; c < p->channels; c++) {
      float sum = ((const float *)p->bias)[c];
      for (size_t tap = 0; tap < p->tap_count; tap++) {
        float x = ((const float *)(window + p->taps[tap]))[c];
        sum = pare_fmaf_of_target(x, weights[tap * p->channels + c], sum);
      }
      out[c] = pare_clamp(sum, p->low, p->high);
    }
  }
}

const pare_kernels pare_row__scalar = {
    .name = "scalar",
    .product_form = PARE_FORM_CENTERED16,
    .product_nr = NR,
    .product_k = 2,
    .product_i8 = PARE_PRODUCT_I8(pare_product_i8_1x4__scalar),
    .product_f32_nr = NR,
    .product_f32 = PARE_PRODUCT_F32(pare_product_f32_1x4__scalar),
    .depthwise_form = PARE_FORM_CENTERED16,
    .depthwise_nr = 1,
    .depthwise_i8_bytes = PARE_DEPTHWISE_I8(pare_depthwise_i8_bytes__scalar),
    .prepack_depthwise_i8 = PARE_DEPTHWISE_I8(pare_prepack_depthwise_i8__scalar),
    .depthwise_i8 = PARE_DEPTHWISE_I8(pare_depthwise_i8_1x1__scalar),
    .depthwise_f32_nr = 1,
    .depthwise_f32 = PARE_DEPTHWISE_F32(pare_depthwise_f32_1x1__scalar),
    PARE_ELEMENTWISE_FIELDS,
};

#if defined(PARE_FOR_COMPARISON)
#pragma clang attribute pop
#endif
