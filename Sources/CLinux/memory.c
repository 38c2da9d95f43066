// The memory primitives that compilers call in a freestanding executable.
#if !defined(__linux__)

#include <stddef.h>
#include <stdint.h>

// Keeps the compiler from turning the loop of memcpy into a call of memcpy. At an address of its own cache line,
// so that the speed of the loops does not depend on what is linked before them.
#define PRIMITIVE(name) __attribute__((no_builtin(name), aligned(64)))

#if defined(__x86_64__) || defined(__aarch64__)

// CPUs that load any address as quickly as an aligned one: sixteen bytes at a time, the last sixteen
// overlapping those before.
typedef uint8_t block16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t block8 __attribute__((aligned(1), may_alias));
typedef uint32_t block4 __attribute__((aligned(1), may_alias));

// Up to sixteen bytes, all loaded before any is stored, so the areas may overlap.
static inline void copy_short(uint8_t *target, const uint8_t *source, size_t count) {
  if (count >= 8) {
    uint64_t head = *(const block8 *)source, tail = *(const block8 *)(source + count - 8);
    *(block8 *)target = head;
    *(block8 *)(target + count - 8) = tail;
  } else if (count >= 4) {
    uint32_t head = *(const block4 *)source, tail = *(const block4 *)(source + count - 4);
    *(block4 *)target = head;
    *(block4 *)(target + count - 4) = tail;
  } else if (count) {
    uint8_t head = source[0], middle = source[count / 2], tail = source[count - 1];
    target[0] = head;
    target[count / 2] = middle;
    target[count - 1] = tail;
  }
}

static inline void copy_forward(uint8_t *target, const uint8_t *source, size_t count) {
  if (count <= 16) {
    copy_short(target, source, count);
    return;
  }
  block16 tail = *(const block16 *)(source + count - 16);
  uint8_t *last = target + count - 16;
  for (; target < last; target += 16, source += 16) *(block16 *)target = *(const block16 *)source;
  *(block16 *)last = tail;
}

static inline void copy_backward(uint8_t *target, const uint8_t *source, size_t count) {
  if (count <= 16) {
    copy_short(target, source, count);
    return;
  }
  block16 head = *(const block16 *)source;
  for (size_t left = count; left > 16; left -= 16)
    *(block16 *)(target + left - 16) = *(const block16 *)(source + left - 16);
  *(block16 *)target = head;
}

#else

// CPUs that may trap on or emulate an unaligned access: words where both sides can be aligned.
typedef uintptr_t word __attribute__((may_alias));
enum { WORD = sizeof(word) };

static inline int is_aligned(const void *a, const void *b) {
  return (((uintptr_t)a | (uintptr_t)b) & (WORD - 1)) == 0;
}

static inline int can_align(const void *a, const void *b) {
  return (((uintptr_t)a ^ (uintptr_t)b) & (WORD - 1)) == 0;
}

static inline void copy_forward(uint8_t *target, const uint8_t *source, size_t count) {
  if (can_align(target, source)) {
    for (; count && !is_aligned(target, source); count--) *target++ = *source++;
    for (; count >= WORD; count -= WORD, target += WORD, source += WORD) *(word *)target = *(const word *)source;
  }
  for (; count; count--) *target++ = *source++;
}

static inline void copy_backward(uint8_t *target, const uint8_t *source, size_t count) {
  if (can_align(target, source)) {
    for (; count && !is_aligned(target + count, source + count); count--) target[count - 1] = source[count - 1];
    for (; count >= WORD; count -= WORD) *(word *)(target + count - WORD) = *(const word *)(source + count - WORD);
  }
  for (; count; count--) target[count - 1] = source[count - 1];
}

#endif

PRIMITIVE("memcpy") void *memcpy(void *restrict target, const void *restrict source, size_t count) {
  copy_forward(target, source, count);
  return target;
}

PRIMITIVE("memmove") void *memmove(void *target, const void *source, size_t count) {
  // Backward only where the target begins inside the source.
  if ((uintptr_t)target - (uintptr_t)source < count) {
    copy_backward(target, source, count);
  } else {
    copy_forward(target, source, count);
  }
  return target;
}

PRIMITIVE("memset") void *memset(void *target, int value, size_t count) {
  uint8_t *byte = target;
  uintptr_t pattern = (uint8_t)value * (UINTPTR_MAX / 255);
  typedef uintptr_t aliased __attribute__((may_alias));
  for (; count && ((uintptr_t)byte & (sizeof pattern - 1)); count--) *byte++ = (uint8_t)value;
  for (; count >= sizeof pattern; count -= sizeof pattern, byte += sizeof pattern) *(aliased *)byte = pattern;
  for (; count; count--) *byte++ = (uint8_t)value;
  return target;
}

PRIMITIVE("memcmp") int memcmp(const void *a, const void *b, size_t count) {
  const uint8_t *x = a, *y = b;
  for (size_t index = 0; index < count; index++)
    if (x[index] != y[index]) return x[index] < y[index] ? -1 : 1;
  return 0;
}

// Compilers recognize the loop that measures a C string.
PRIMITIVE("strlen") size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

#endif
