// The rare paths that every instruction set shares.
#include "tiles.h"

void pare_store_rows(uint8_t *out, size_t stride, size_t left, const uint8_t *buffer, size_t width, size_t count) {
  for (; count > 0; count--, out += stride, buffer += width) {
#pragma clang loop vectorize(disable) unroll(disable)
    for (size_t i = 0; i < left; i++) out[i] = buffer[i];
  }
}
