// The rare paths that every instruction set shares.
#include "tiles.h"

void pare_store_first(uint8_t *out, const uint8_t *bytes, size_t count) {
#pragma clang loop vectorize(disable) unroll(disable)
  for (size_t i = 0; i < count; i++) out[i] = bytes[i];
}
