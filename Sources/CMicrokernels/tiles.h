// How products walk over their pixels, and the other small things that every instruction set shares.
#ifndef PARE_TILES_H
#define PARE_TILES_H

#include "fma.h"
#include "pare_kernels.h"

// The size of the next tile when `left` of `total` pixels are to be done and tiles come in 1, `middle` and
// `largest` pixels. It may exceed `left` (but not `total`): the tile then starts earlier and repeats
// outputs of the one before, which costs less than several smaller tiles.
PARE_INLINE size_t pare_next_tile(size_t left, size_t total, size_t middle, size_t largest) {
  if (left >= largest || (left > middle && total >= largest)) return largest;
  return left > 1 && total >= middle ? middle : 1;
}

// Walks over p->pixels in tiles; TILE(count) is given a constant and uses `pixel`.
#define PARE_FOR_TILES(p, middle, largest, TILE)                               \
  for (size_t pixel = 0, left = (p)->pixels; left > 0;) {                      \
    size_t tile_pixels = pare_next_tile(left, (p)->pixels, middle, largest);   \
    if (tile_pixels > left) pixel = (p)->pixels - tile_pixels;                 \
    if (tile_pixels == largest) {                                              \
      TILE(largest);                                                           \
    } else if (middle > 1 && tile_pixels == middle) {                          \
      TILE(middle);                                                            \
    } else {                                                                   \
      TILE(1);                                                                 \
    }                                                                          \
    pixel += tile_pixels;                                                      \
    left = (p)->pixels - pixel;                                                \
  }

// Bytes of one prepacked block of `nr` channels.
PARE_INLINE size_t pare_block_bytes(const pare_product *p, size_t nr) {
  return p->run_count * p->groups_per_run * nr * 4;
}

// Stores the first `count` (at most 31) of the bytes: a partial store must not touch the bytes behind it.
// Binary steps rather than a loop, which compilers turn into a call of memcpy.
PARE_INLINE void pare_store_first(uint8_t *out, const uint8_t *bytes, size_t count) {
  if (count & 16) __builtin_memcpy(out, bytes, 16), out += 16, bytes += 16;
  if (count & 8) __builtin_memcpy(out, bytes, 8), out += 8, bytes += 8;
  if (count & 4) __builtin_memcpy(out, bytes, 4), out += 4, bytes += 4;
  if (count & 2) __builtin_memcpy(out, bytes, 2), out += 2, bytes += 2;
  if (count & 1) *out = *bytes;
}

// Clamps as integers want it (NaN gives `low`), rounds ties to even and adds the zero point. The result's
// low byte is the output. Adding 1.5 x 2^23 rounds in the addition itself and leaves the integer in the
// low mantissa bits.
PARE_INLINE uint8_t pare_round_to_byte(float x, float low, float high, int32_t zero_point) {
  x = x > low ? x : low;
  x = x < high ? x : high;
  float shifted = x + 12582912.0f;
  uint32_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  return (uint8_t)(bits + (uint32_t)zero_point);
}

// Clamps as floats want it: NaN stays NaN, and a zero keeps its sign.
PARE_INLINE float pare_clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

#endif
