// The .pare file that an executable was built with.
#ifndef PARE_EMBEDDED_MODEL_H
#define PARE_EMBEDDED_MODEL_H

#include <stddef.h>
#include <stdint.h>

// The file's bytes, or NULL and a count of 0 in an executable built without one.
const uint8_t *pare_embedded_model(size_t *count);

#endif
