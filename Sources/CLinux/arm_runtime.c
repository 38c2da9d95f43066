// The helpers that compilers call on 32-bit ARM for what the instruction set lacks (Run-time ABI for
// the Arm Architecture, 2023Q3): division, 64-bit shifts and conversions, and memory primitives.
#if !defined(__linux__) && defined(__arm__)

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict target, const void *restrict source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int value, size_t count);

// The variants 4 and 8 promise alignment, which ours does not need.
#define ALIGNED_VARIANTS(name)                                 \
  __asm__(".globl " #name "4\n.set " #name "4, " #name "\n" \
          ".globl " #name "8\n.set " #name "8, " #name "\n")

void __aeabi_memcpy(void *target, const void *source, size_t count) { memcpy(target, source, count); }
void __aeabi_memmove(void *target, const void *source, size_t count) { memmove(target, source, count); }
void __aeabi_memset(void *target, size_t count, int value) { memset(target, value, count); }
void __aeabi_memclr(void *target, size_t count) { memset(target, 0, count); }
ALIGNED_VARIANTS(__aeabi_memcpy);
ALIGNED_VARIANTS(__aeabi_memmove);
ALIGNED_VARIANTS(__aeabi_memset);
ALIGNED_VARIANTS(__aeabi_memclr);

static inline uint64_t join(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

// Shifts written in halves: a 64-bit shift here would be compiled into a call of itself.
uint64_t __aeabi_llsl(uint64_t value, int shift) {
  uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;
  if (shift >= 32) return join(low << (shift - 32), 0);
  if (shift == 0) return value;
  return join(high << shift | low >> (32 - shift), low << shift);
}

uint64_t __aeabi_llsr(uint64_t value, int shift) {
  uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;
  if (shift >= 32) return join(0, high >> (shift - 32));
  if (shift == 0) return value;
  return join(high >> shift, low >> shift | high << (32 - shift));
}

uint64_t __aeabi_lasr(uint64_t value, int shift) {
  int32_t high = (int32_t)(value >> 32);
  uint32_t low = (uint32_t)value;
  if (shift >= 32) return join((uint32_t)(high >> 31), (uint32_t)(high >> (shift - 32)));
  if (shift == 0) return value;
  return join((uint32_t)(high >> shift), low >> shift | (uint32_t)high << (32 - shift));
}

// Division bit by bit from the first bit that can be set. A zero divisor gives 0; Swift traps before.
static uint32_t divide32(uint32_t numerator, uint32_t divisor, uint32_t *remainder) {
  uint32_t quotient = 0;
  if (divisor && numerator >= divisor) {
    for (int shift = __builtin_clz(divisor) - __builtin_clz(numerator); shift >= 0; shift--) {
      if (numerator >> shift < divisor) continue;
      numerator -= divisor << shift;
      quotient |= (uint32_t)1 << shift;
    }
  }
  *remainder = numerator;
  return quotient;
}

static int leading_zeros(uint64_t value) {
  uint32_t high = (uint32_t)(value >> 32);
  return high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)value);
}

// Called by the assembly below, which returns the remainder beside the quotient.
__attribute__((used)) uint64_t pare_divide64(uint64_t numerator, uint64_t divisor, uint64_t *remainder) {
  uint64_t quotient = 0;
  if (divisor && numerator >= divisor) {
    int shift = leading_zeros(divisor) - leading_zeros(numerator);
    uint64_t shifted = __aeabi_llsl(divisor, shift), bit = __aeabi_llsl(1, shift);
    for (; bit; bit >>= 1, shifted >>= 1) {
      if (numerator < shifted) continue;
      numerator -= shifted;
      quotient |= bit;
    }
  }
  *remainder = numerator;
  return quotient;
}

__attribute__((used)) int64_t pare_divide64_signed(int64_t numerator, int64_t divisor, int64_t *remainder) {
  uint64_t n = numerator < 0 ? -(uint64_t)numerator : (uint64_t)numerator;
  uint64_t d = divisor < 0 ? -(uint64_t)divisor : (uint64_t)divisor;
  uint64_t left;
  uint64_t quotient = pare_divide64(n, d, &left);
  *remainder = (int64_t)(numerator < 0 ? -left : left);
  return (int64_t)((numerator < 0) != (divisor < 0) ? -quotient : quotient);
}

// r0 quotient, r1 remainder: together the 64 bits that a C function returns.
uint64_t __aeabi_uidivmod(uint32_t numerator, uint32_t divisor) {
  uint32_t remainder;
  uint32_t quotient = divide32(numerator, divisor, &remainder);
  return join(remainder, quotient);
}

uint32_t __aeabi_uidiv(uint32_t numerator, uint32_t divisor) { return (uint32_t)__aeabi_uidivmod(numerator, divisor); }

uint64_t __aeabi_idivmod(int32_t numerator, int32_t divisor) {
  uint32_t n = numerator < 0 ? -(uint32_t)numerator : (uint32_t)numerator;
  uint32_t d = divisor < 0 ? -(uint32_t)divisor : (uint32_t)divisor;
  uint32_t remainder;
  uint32_t quotient = divide32(n, d, &remainder);
  return join(numerator < 0 ? -remainder : remainder, (numerator < 0) != (divisor < 0) ? -quotient : quotient);
}

int32_t __aeabi_idiv(int32_t numerator, int32_t divisor) { return (int32_t)__aeabi_idivmod(numerator, divisor); }

// r0, r1 quotient and r2, r3 remainder, which no C function can return.
#define DIVIDE_AND_REMAINDER(name, function)                                          \
  __asm__(".text\n.arm\n.globl " name "\n.type " name ",%function\n" name ":\n" \
          "push {r11, lr}\n"                                                          \
          "sub sp, sp, #16\n"                                                         \
          "add r12, sp, #8\n"                                                         \
          "str r12, [sp]\n"                                                           \
          "bl " function "\n"                                                         \
          "ldrd r2, r3, [sp, #8]\n"                                                   \
          "add sp, sp, #16\n"                                                         \
          "pop {r11, pc}\n")
DIVIDE_AND_REMAINDER("__aeabi_uldivmod", "pare_divide64");
DIVIDE_AND_REMAINDER("__aeabi_ldivmod", "pare_divide64_signed");

// Conversions in halves that the floating-point unit converts; out of range is undefined, as in C.
uint64_t __aeabi_d2ulz(double value) {
  if (!(value >= 1)) return 0;
  uint32_t high = (uint32_t)(value / 4294967296.0);
  return join(high, (uint32_t)(value - (double)high * 4294967296.0));
}

int64_t __aeabi_d2lz(double value) {
  return value < 0 ? (int64_t)-__aeabi_d2ulz(-value) : (int64_t)__aeabi_d2ulz(value);
}

uint64_t __aeabi_f2ulz(float value) { return __aeabi_d2ulz((double)value); }
int64_t __aeabi_f2lz(float value) { return __aeabi_d2lz((double)value); }

// Both products are exact, so only the sum rounds.
double __aeabi_ul2d(uint64_t value) {
  return (double)(uint32_t)(value >> 32) * 4294967296.0 + (double)(uint32_t)value;
}

double __aeabi_l2d(int64_t value) {
  return (double)(int32_t)(value >> 32) * 4294967296.0 + (double)(uint32_t)value;
}

// Bits below the 53 of a double are gathered into one, so that rounding to double changes nothing and
// the value is rounded once.
float __aeabi_ul2f(uint64_t value) {
  if (value >> 53) value = (value | ((value & 0x7ff) + 0x7ff)) & ~(uint64_t)0x7ff;
  return (float)__aeabi_ul2d(value);
}

float __aeabi_l2f(int64_t value) {
  return value < 0 ? -__aeabi_ul2f(-(uint64_t)value) : __aeabi_ul2f((uint64_t)value);
}

#endif
