// Prepacks depthwise weights for the x86 rows; see the header.
#include "depthwise_pairs.h"

#include "rows.h"

#if defined(PARE_AVX2)

// The channel of each lane of the low vector, then of the high one.
static const uint8_t lane_channel_of_16[PARE_PAIRS_NR] = {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15};
static const uint8_t lane_channel_of_8[PARE_PAIRS_NR] = {0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7};

size_t pare_depthwise_pairs_bytes(size_t taps, size_t channels) {
  return (channels + PARE_PAIRS_NR - 1) / PARE_PAIRS_NR * ((taps + 1) / 2) * PARE_PAIRS_NR * 4;
}

PARE_SMALL static int16_t weight_at(const int8_t *weights, size_t taps, size_t channels, size_t tap, size_t channel) {
  return tap < taps && channel < channels ? weights[tap * channels + channel] : 0;
}

PARE_SMALL void pare_prepack_depthwise_pairs(
    const int8_t *weights, size_t taps, size_t channels, void *packed, int32_t *bias, float *multipliers) {
  const uint8_t *lane_channel = channels <= 8 ? lane_channel_of_8 : lane_channel_of_16;
  int16_t *out = packed;
  for (size_t block = 0; block < channels; block += PARE_PAIRS_NR) {
    for (size_t tap = 0; tap < taps; tap += 2) {
      for (size_t lane = 0; lane < PARE_PAIRS_NR; lane++, out += 2) {
        out[0] = weight_at(weights, taps, channels, tap, block + lane_channel[lane]);
        out[1] = weight_at(weights, taps, channels, tap + 1, block + lane_channel[lane]);
      }
    }
    int32_t block_bias[PARE_PAIRS_NR];
    float block_multipliers[PARE_PAIRS_NR];
    for (size_t lane = 0; lane < PARE_PAIRS_NR; lane++) {
      block_bias[lane] = bias[block + lane_channel[lane]];
      block_multipliers[lane] = multipliers[block + lane_channel[lane]];
    }
    for (size_t lane = 0; lane < PARE_PAIRS_NR; lane++) {
      bias[block + lane] = block_bias[lane];
      multipliers[block + lane] = block_multipliers[lane];
    }
  }
}

#endif
