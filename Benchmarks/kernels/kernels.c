// GMAC/s of every inner loop on every instruction set of this CPU, for the layers of small networks.
// Run `Benchmarks/kernels/run`; arguments name the rows to measure (default: all that run here).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "pare_kernels.h"

typedef struct {
  const char *name;
  int depthwise;
  int rows, columns, channels;  // the staged input, padding included
  int kernel_rows, kernel_columns, stride;
  int out_channels;
} layer;

static const layer layers[] = {
    {"resnet8 stem 3x3 3->16 @32", 0, 34, 34, 3, 3, 3, 1, 16},
    {"resnet8 3x3 16->16 @32", 0, 34, 34, 16, 3, 3, 1, 16},
    {"resnet8 3x3 16->32 /2 @16", 0, 34, 34, 16, 3, 3, 2, 32},
    {"resnet8 3x3 32->32 @16", 0, 18, 18, 32, 3, 3, 1, 32},
    {"resnet8 3x3 64->64 @8", 0, 10, 10, 64, 3, 3, 1, 64},
    {"dscnn stem 10x4 1->64 /2 @25x5", 0, 58, 12, 1, 10, 4, 2, 64},
    {"dscnn 1x1 64->64 @25x5", 0, 25, 5, 64, 1, 1, 1, 64},
    {"dscnn depthwise 3x3 64 @25x5", 1, 27, 7, 64, 3, 3, 1, 64},
    {"mobilenet.25 stem 3x3 3->8 /2 @48", 0, 97, 97, 3, 3, 3, 2, 8},
    {"mobilenet.25 depthwise 3x3 8 @48", 1, 50, 50, 8, 3, 3, 1, 8},
    {"mobilenet.25 1x1 8->16 @48", 0, 48, 48, 8, 1, 1, 1, 16},
    {"mobilenet.25 depthwise 3x3 32 /2 @12", 1, 25, 25, 32, 3, 3, 2, 32},
    {"mobilenet.25 1x1 32->64 @12", 0, 12, 12, 32, 1, 1, 1, 64},
    {"mobilenet.25 depthwise 3x3 128 @6", 1, 8, 8, 128, 3, 3, 1, 128},
    {"mobilenet.25 1x1 128->128 @6", 0, 6, 6, 128, 1, 1, 1, 128},
    {"mobilenet.25 1x1 256->256 @3", 0, 3, 3, 256, 1, 1, 1, 256},
    {"dense 640->128", 0, 1, 1, 640, 1, 1, 1, 128},
    {"resnet18 3x3 256->256 @14", 0, 16, 16, 256, 3, 3, 1, 256},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// 64-byte aligned, filled with small values (as bytes, int16 or float all harmless); room behind for slack.
static void *filled(size_t bytes, int as_float) {
  size_t room = (bytes + 127) / 64 * 64;
  uint8_t *p = aligned_alloc(64, room);
  for (size_t i = 0; i < room; i++) p[i] = as_float ? 0 : (uint8_t)(i * 7 % 5);
  return p;
}

typedef struct {
  void (*product)(const pare_product *);
  void (*depthwise)(const pare_depthwise *);
  pare_product p;
  pare_depthwise d;
} run_of_layer;

static void run_once(const run_of_layer *r) {
  if (r->product != NULL) r->product(&r->p);
  if (r->depthwise != NULL) r->depthwise(&r->d);
}

// The least time of many short batches, in seconds.
static double seconds(const run_of_layer *r) {
  double best = 1e9;
  int batch = 1;
  for (double begin = now(); now() - begin < 0.15;) {
    double start = now();
    for (int i = 0; i < batch; i++) run_once(r);
    double time = (now() - start) / batch;
    if (time < best) best = time;
    if (time * batch < 20e-6) batch *= 2;
  }
  return best;
}

static double measure(const pare_kernels *k, const layer *l, int as_float) {
  const enum pare_form form = l->depthwise ? k->depthwise_form : k->product_form;
  const size_t element = as_float ? 4 : form == PARE_FORM_CENTERED16 ? 2 : 1;
  const size_t group_elements = as_float ? 1 : k->product_k;
  const size_t nr = l->depthwise ? 64 : as_float ? k->product_f32_nr : k->product_nr;
  const int out_rows = (l->rows - l->kernel_rows) / l->stride + 1;
  const int out_columns = (l->columns - l->kernel_columns) / l->stride + 1;
  const size_t pixels = (size_t)(out_rows * out_columns), taps = (size_t)(l->kernel_rows * l->kernel_columns);
  const size_t groups = ((size_t)(l->kernel_columns * l->channels) + group_elements - 1) / group_elements;
  const size_t padded = ((size_t)l->out_channels + nr - 1) / nr * nr;
  int32_t *windows = malloc(pixels * 4), *offsets = malloc(taps * 4);
  for (size_t p = 0; p < pixels; p++) {
    size_t row = p / (size_t)out_columns * (size_t)l->stride, column = p % (size_t)out_columns * (size_t)l->stride;
    windows[p] = (int32_t)((row * (size_t)l->columns + column) * (size_t)l->channels * element);
  }
  for (size_t t = 0; t < taps; t++) {
    size_t row = l->depthwise ? t / (size_t)l->kernel_columns : t, column = l->depthwise ? t % (size_t)l->kernel_columns : 0;
    offsets[t] = (int32_t)((row * (size_t)l->columns + column) * (size_t)l->channels * element);
  }
  void *image = filled((size_t)(l->rows * l->columns * l->channels) * element, as_float);
  void *weights = filled(l->depthwise ? taps * padded * 4 + padded * 4 : (size_t)l->kernel_rows * groups * padded * 4, as_float);
  void *bias = filled(padded * 4, 1), *output = filled(pixels * (size_t)l->out_channels * 4, 1);
  float *multipliers = filled(padded * 4, 1);
  for (size_t c = 0; c < padded; c++) multipliers[c] = 0.01f;
  const size_t stride = (size_t)l->out_channels * (as_float ? 4 : 1);
  run_of_layer r = {0};
  r.p = (pare_product){image, windows, pixels, offsets, (size_t)l->kernel_rows, groups, weights, bias, multipliers,
                       (size_t)l->out_channels, output, stride, -100, 100, 3};
  r.d = (pare_depthwise){image, windows, pixels, offsets, taps, weights, bias, multipliers, (size_t)l->out_channels,
                         output, stride, -100, 100, 3};
  if (l->depthwise) r.depthwise = as_float ? k->depthwise_f32 : k->depthwise_i8;
  if (!l->depthwise) r.product = as_float ? k->product_f32 : k->product_i8;
  double time = seconds(&r);
  double macs = (double)(pixels * taps) * l->out_channels * (l->depthwise ? 1 : l->channels);
  printf("  %s %6.1f GMAC/s %8.2f us", as_float ? "f32" : "int8", macs / time * 1e-9, time * 1e6);
  free(windows), free(offsets), free(image), free(weights), free(bias), free(output), free(multipliers);
  return time;
}

static void measure_elementwise(const pare_kernels *k) {
  enum { COUNT = 16384 };
  static uint8_t a[COUNT], b[COUNT], out[COUNT], table[256];
  static float x[COUNT], y[COUNT];
  static int16_t wide[COUNT];
  pare_add add = {a, b, out, COUNT, 1, 1, 0.5f, 0.25f, 1, -128, 127};
  printf("%-14s elements/ns:", k->name);
#define MEASURE(label, call)                                                  \
  do {                                                                        \
    double best = 1e9;                                                        \
    for (int i = 0; i < 300; i++) {                                           \
      double start = now();                                                   \
      for (int j = 0; j < 4; j++) call;                                       \
      double time = (now() - start) / 4;                                      \
      if (time < best) best = time;                                           \
    }                                                                         \
    printf(" %s %.1f", label, COUNT / best * 1e-9);                           \
  } while (0)
  MEASURE("stage16", k->stage_centered16(wide, a, COUNT, 1, 3));
  MEASURE("flip", k->stage_flip(out, a, COUNT, 0x80));
  MEASURE("add_i8", k->add_i8(&add));
  MEASURE("table", k->table_u8(out, a, COUNT, table));
  MEASURE("max_s8", k->max_s8((int8_t *)out, (int8_t *)a, COUNT));
  MEASURE("quantize", k->quantize(out, x, COUNT, 0.1f, 3, 1));
  MEASURE("dequantize", k->dequantize(x, a, COUNT, 0.1f, 3, 1));
  MEASURE("accumulate_s8", k->accumulate_s8((int32_t *)y, (int8_t *)a, COUNT));
  MEASURE("add_f32", k->add_f32(y, y, x, COUNT, 0, 6));
  MEASURE("axpy", k->axpy_f32(y, x, COUNT, 0.5f));
  printf("\n");
}

static int wanted(const char *name, int count, char **names) {
  for (int i = 1; i < count; i++) {
    if (strcmp(names[i], name) == 0) return 1;
  }
  return count < 2;
}

int main(int argc, char **argv) {
  for (size_t i = 0; i < pare_kernels_count(); i++) {
    const pare_kernels *k = pare_kernels_at(i);
    if (!wanted(k->name, argc, argv)) continue;
    if (!pare_kernels_runs_here(k, getauxval(AT_HWCAP), getauxval(AT_HWCAP2))) continue;
    for (size_t j = 0; j < sizeof layers / sizeof layers[0]; j++) {
      printf("%-14s %-38s", k->name, layers[j].name);
      measure(k, &layers[j], 0);
      measure(k, &layers[j], 1);
      printf("\n");
    }
    measure_elementwise(k);
  }
  return 0;
}
