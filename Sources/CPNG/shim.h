#include <png.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

// libpng leaves a function by longjmp when a file is damaged, which Swift code must not be jumped over by, so
// reading stays within these functions. The simplified interface (png_image) would spare them, but libpng as some
// distributions patch it mixes up the rows of interlaced images of 16 bits there.

struct pare_png_source {
  const unsigned char *next;
  size_t left;
  char *message;
};

enum { PARE_PNG_MESSAGE_BYTES = 96 };

static void pare_png_fail(png_structp png, png_const_charp message) {
  struct pare_png_source *source = png_get_error_ptr(png);
  strncpy(source->message, message, PARE_PNG_MESSAGE_BYTES - 1);
  png_longjmp(png, 1);
}

static void pare_png_ignore(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void pare_png_take(png_structp png, png_bytep target, size_t count) {
  struct pare_png_source *source = png_get_io_ptr(png);
  if (count > source->left) png_error(png, "the file ends early");
  memcpy(target, source->next, count);
  source->next += count;
  source->left -= count;
}

// Samples of 8 bits, shades of grey or three colours; what is transparent lies over black, gamma is left alone.
static void pare_png_ask_for_bytes(png_structp png, png_infop info) {
  int type = png_get_color_type(png, info);
  png_set_expand(png);
  png_set_scale_16(png);
  if ((type & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS)) {
    png_color_16 black = {0};
    png_set_background(png, &black, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
  }
}

// Reads the extents of the image in `bytes`, and where `pixels` is not null its rows: height * width * channels
// bytes, which must be `capacity`. Returns 0, or 1 and a sentence in `message`, which starts as zeros.
static inline int pare_png_read(
    const unsigned char *bytes, size_t count, png_uint_32 *height, png_uint_32 *width, int *channels,
    unsigned char *pixels, size_t capacity, char *message) {
  struct pare_png_source source = {bytes, count, message};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, pare_png_fail, pare_png_ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    strncpy(message, "libpng cannot be started", PARE_PNG_MESSAGE_BYTES - 1);
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
  }
  png_set_read_fn(png, &source, pare_png_take);
  png_read_info(png, info);
  *height = png_get_image_height(png, info);
  *width = png_get_image_width(png, info);
  *channels = png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR ? 3 : 1;
  if (pixels) {
    pare_png_ask_for_bytes(png, info);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t rowBytes = (size_t)*width * *channels;
    if (png_get_rowbytes(png, info) != rowBytes || rowBytes * *height != capacity)
      png_error(png, "samples of an unexpected size");
    for (int pass = 0; pass < passes; pass++)
      for (png_uint_32 y = 0; y < *height; y++) png_read_row(png, pixels + y * rowBytes, NULL);
    png_read_end(png, NULL);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return 0;
}
