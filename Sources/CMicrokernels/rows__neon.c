// The NEON rows. Where the dot product does not help, both use the same functions.
#include "rows.h"

#if defined(PARE_ARM)
#include "neon.h"

#define PARE_ISA(name) name##__neon
#define PARE_FMAF __builtin_fmaf
#define PARE_VECTORIZED 1
#include "elementwise.h"

#define SHARED_FIELDS                                                         \
  .product_form = PARE_FORM_S8,                                               \
  .product_k = 4,                                                             \
  .product_nr = 8,                                                            \
  .product_f32_nr = 8,                                                        \
  .product_f32 = PARE_PRODUCT_F32(pare_product_f32_8x8__neon),                \
  .depthwise_form = PARE_FORM_S8,                                             \
  .depthwise_nr = 16,                                                         \
  .depthwise_i8_bytes = PARE_DEPTHWISE_I8(pare_depthwise_i8_bytes__neon),     \
  .prepack_depthwise_i8 = PARE_DEPTHWISE_I8(pare_prepack_depthwise_i8__neon), \
  .depthwise_i8 = PARE_DEPTHWISE_I8(pare_depthwise_i8_4x16__neon),            \
  .depthwise_f32_nr = 8,                                                      \
  .depthwise_f32 = PARE_DEPTHWISE_F32(pare_depthwise_f32_4x8__neon),          \
  PARE_ELEMENTWISE_FIELDS

#if defined(PARE_NEON)
const pare_kernels pare_row__neon = {
    .name = "neon",
    .product_i8 = PARE_PRODUCT_I8(pare_product_i8_4x8__neon),
    SHARED_FIELDS,
};
#endif

#if defined(PARE_NEON_DOTPROD)
const pare_kernels pare_row__neon_dotprod = {
    .name = "neon-dotprod",
    .product_i8 = PARE_PRODUCT_I8(pare_product_i8_8x8__neon_dotprod),
    SHARED_FIELDS,
};
#endif

#endif
