// Built with -DPARE_MODEL_PATH="..." this holds that file in read-only data.
#include "pare_embedded_model.h"

#if defined(PARE_MODEL_PATH)

// #embed is of C23; clang has it in every mode and remarks on that.
#pragma clang diagnostic ignored "-Wc23-extensions"

_Alignas(64) static const uint8_t model[] = {
#embed PARE_MODEL_PATH
};

const uint8_t *pare_embedded_model(size_t *count) {
  *count = sizeof model;
  return model;
}

#else

const uint8_t *pare_embedded_model(size_t *count) {
  *count = 0;
  return NULL;
}

#endif
