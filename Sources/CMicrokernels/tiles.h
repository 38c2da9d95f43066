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

// Where the depthwise tile at *pixel finds its windows. The last tile of many is moved back to end with the
// last pixel; where there are fewer pixels than a tile has, the last window is repeated in `few`.
PARE_INLINE const int32_t *pare_tile_windows(
    const pare_depthwise *p, size_t *pixel, size_t tile_pixels, int32_t *few) {
  if (*pixel + tile_pixels <= p->pixels) return p->windows + *pixel;
  if (p->pixels >= tile_pixels) {
    *pixel = p->pixels - tile_pixels;
    return p->windows + *pixel;
  }
  for (size_t i = 0; i < tile_pixels; i++) few[i] = p->windows[i < p->pixels ? i : p->pixels - 1];
  return few;
}

// Bytes of one prepacked block of `nr` channels.
PARE_INLINE size_t pare_block_bytes(const pare_product *p, size_t nr) {
  return p->run_count * p->groups_per_run * nr * 4;
}

// Where a tile of pixels writes: to the output, or, where fewer channels are left than the tile has, to a buffer
// of its own, so that its stores need not ask how many bytes each may touch.
typedef struct {
  uint8_t *first;     // row of the first pixel
  size_t stride;      // bytes from one row to the next
} pare_rows;

PARE_INLINE pare_rows pare_rows_of_tile(uint8_t *out, size_t stride, size_t left, uint8_t *buffer, size_t width) {
  return left < width ? (pare_rows){buffer, width} : (pare_rows){out, stride};
}

// The end of such a tile: what belongs to the output of the `count` rows in `buffer`. Not inlined, since it is
// rare and called from every tile.
void pare_store_rows(uint8_t *out, size_t stride, size_t left, const uint8_t *buffer, size_t width, size_t count);

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
