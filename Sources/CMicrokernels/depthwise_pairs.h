// The prepacked depthwise weights of the x86 rows: blocks of sixteen channels, two taps interleaved to
// int16 pairs. Unpacking works within 128-bit halves, so the low vector holds channels 0-3 and 8-11 of a
// block and the high one 4-7 and 12-15. With at most eight channels both halves hold the same ones, for two
// pixels at once.
#ifndef PARE_DEPTHWISE_PAIRS_H
#define PARE_DEPTHWISE_PAIRS_H

#include <stddef.h>
#include <stdint.h>

enum { PARE_PAIRS_NR = 16 };

size_t pare_depthwise_pairs_bytes(size_t taps, size_t channels);
void pare_prepack_depthwise_pairs(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers);

#endif
