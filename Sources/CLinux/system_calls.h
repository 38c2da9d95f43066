// System calls by number, for the four architectures. Results are those of the kernel: a value, or a
// negative errno.
#ifndef PARE_SYSTEM_CALLS_H
#define PARE_SYSTEM_CALLS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum {
  CALL_READ = 0, CALL_WRITE = 1, CALL_CLOSE = 3, CALL_LSEEK = 8, CALL_MMAP = 9, CALL_MPROTECT = 10,
  CALL_MUNMAP = 11, CALL_GETPID = 39, CALL_CLONE = 56, CALL_EXIT = 60, CALL_FSYNC = 74, CALL_FUTEX = 202,
  CALL_SCHED_GETAFFINITY = 204, CALL_CLOCK_GETTIME = 228, CALL_EXIT_GROUP = 231, CALL_OPENAT = 257,
  CALL_UNLINKAT = 263, CALL_RENAMEAT2 = 316, CALL_GETRANDOM = 318, CALL_STATX = 332,
};
#elif defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
enum {
  CALL_UNLINKAT = 35, CALL_OPENAT = 56, CALL_CLOSE = 57, CALL_LSEEK = 62, CALL_READ = 63, CALL_WRITE = 64,
  CALL_FSYNC = 82, CALL_EXIT = 93, CALL_EXIT_GROUP = 94, CALL_FUTEX = 98, CALL_CLOCK_GETTIME = 113,
  CALL_SCHED_GETAFFINITY = 123, CALL_GETPID = 172, CALL_MUNMAP = 215, CALL_CLONE = 220, CALL_MMAP = 222,
  CALL_MPROTECT = 226, CALL_RENAMEAT2 = 276, CALL_GETRANDOM = 278, CALL_STATX = 291,
};
#elif defined(__arm__)
enum {
  CALL_EXIT = 1, CALL_READ = 3, CALL_WRITE = 4, CALL_CLOSE = 6, CALL_LSEEK = 19, CALL_GETPID = 20,
  CALL_MUNMAP = 91, CALL_FSYNC = 118, CALL_CLONE = 120, CALL_MPROTECT = 125,
  CALL_MMAP = 192,  // mmap2; its offset is in pages, and ours is always 0
  CALL_FUTEX = 240, CALL_SCHED_GETAFFINITY = 242, CALL_EXIT_GROUP = 248, CALL_CLOCK_GETTIME = 263,
  CALL_OPENAT = 322, CALL_UNLINKAT = 328, CALL_RENAMEAT2 = 382, CALL_GETRANDOM = 384, CALL_STATX = 397,
};
#else
#error "Pare knows the system calls of x86-64, aarch64, riscv64 and armv7"
#endif

// The values are the same on all four.
enum {
  ERROR_INTERRUPTED = 4, ERROR_AGAIN = 11, ERROR_OUT_OF_MEMORY = 12, ERROR_EXISTS = 17, ERROR_INVALID = 22,
  ERROR_FILE_TOO_LARGE = 27, ERROR_NAME_TOO_LONG = 36,
  AT_CURRENT_DIRECTORY = -100,
  OPEN_READ = 0, OPEN_WRITE = 1, OPEN_CREATE = 0100, OPEN_EXCLUSIVE = 0200, OPEN_CLOSE_ON_EXEC = 02000000,
  SEEK_TO_END = 2, SEEK_TO_START = 0,
  PROTECT_NONE = 0, PROTECT_READ = 1, PROTECT_WRITE = 2,
  MAP_IS_PRIVATE = 2, MAP_IS_ANONYMOUS = 0x20, MAP_PREFAULT = 0x8000,
};

#if defined(__linux__)

long pare_system_call(long number, long a, long b, long c, long d, long e, long f);

#elif defined(__x86_64__)

static inline long pare_system_call(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}

#elif defined(__aarch64__)

static inline long pare_system_call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

#elif defined(__riscv)

static inline long pare_system_call(long number, long a, long b, long c, long d, long e, long f) {
  register long a7 __asm__("a7") = number;
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d;
  register long a4 __asm__("a4") = e;
  register long a5 __asm__("a5") = f;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
  return a0;
}

#elif defined(__arm__)

static inline long pare_system_call(long number, long a, long b, long c, long d, long e, long f) {
  register long r7 __asm__("r7") = number;
  register long r0 __asm__("r0") = a;
  register long r1 __asm__("r1") = b;
  register long r2 __asm__("r2") = c;
  register long r3 __asm__("r3") = d;
  register long r4 __asm__("r4") = e;
  register long r5 __asm__("r5") = f;
  __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
  return r0;
}

#endif

static inline long pare_call3(long number, long a, long b, long c) {
  return pare_system_call(number, a, b, c, 0, 0, 0);
}

#endif
