// One fused multiply-add, exact on every target: the instruction where there is one, otherwise software.
#ifndef PARE_FMA_H
#define PARE_FMA_H

#include <stdint.h>

#define PARE_INLINE static inline __attribute__((always_inline))

// The product of two floats is exact in double. Its sum with z is rounded to odd there, and a value
// rounded to odd with two spare bits rounds to float as the exact one would (Boldo and Melquiond,
// "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
PARE_INLINE float pare_fmaf_by_rounding_to_odd(float x, float y, float z) {
  double product = (double)x * (double)y;
  double addend = (double)z;
  double sum = product + addend;
  // TwoSum: `error` is exactly (product + addend) - sum. It is NaN when the sum is not finite.
  double added = sum - product;
  double error = (product - (sum - added)) + (addend - added);
  uint64_t bits;
  __builtin_memcpy(&bits, &sum, sizeof bits);
  if ((error < 0 || error > 0) && (bits & 1) == 0) {
    bits += (error > 0) == (sum > 0) ? 1 : (uint64_t)-1;
    __builtin_memcpy(&sum, &bits, sizeof sum);
  }
  return (float)sum;
}

#if defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA) || defined(__riscv_flen)
#define PARE_HAS_FMA 1
#endif

PARE_INLINE float pare_fmaf_of_target(float x, float y, float z) {
#if defined(PARE_HAS_FMA)
  return __builtin_fmaf(x, y, z);
#else
  return pare_fmaf_by_rounding_to_odd(x, y, z);
#endif
}

#endif
