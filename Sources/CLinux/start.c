// Entry of the process: where the kernel's stack becomes arguments and feature words.

// libc declares syscall only on request.
#define _DEFAULT_SOURCE
#include "pare_linux.h"
#include "system_calls.h"

static int argument_count;
static char **arguments;

int pare_argument_count(void) { return argument_count; }

const char *pare_argument(int index) {
  return index >= 0 && index < argument_count ? arguments[index] : NULL;
}

#if defined(__linux__)

#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

// glibc hands the arguments of main to every constructor.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}

uint64_t pare_hwcap(void) { return getauxval(AT_HWCAP); }
uint64_t pare_hwcap2(void) { return getauxval(AT_HWCAP2); }

long pare_system_call(long number, long a, long b, long c, long d, long e, long f) {
  long result = syscall(number, a, b, c, d, e, f);
  return result == -1 ? -errno : result;
}

_Noreturn void pare_exit(int status) { exit(status); }

#else

enum { AUXILIARY_HWCAP = 16, AUXILIARY_RANDOM = 25, AUXILIARY_HWCAP2 = 26 };

static uint64_t hwcap, hwcap2;

uint64_t pare_hwcap(void) { return hwcap; }
uint64_t pare_hwcap2(void) { return hwcap2; }

// Compilers read this at the start of every function with a stack protector.
uintptr_t __stack_chk_guard = 0x595e9fbd;

_Noreturn void pare_exit(int status) {
  for (;;) pare_call3(CALL_EXIT_GROUP, status, 0, 0);
}

_Noreturn void __stack_chk_fail(void) {
  static const char message[] = "pare-run: the stack was overwritten\n";
  pare_write(2, message, sizeof message - 1);
  pare_exit(1);
}

int main(int count, char **values);

// The kernel leaves at the stack pointer: argument count, arguments, 0, environment, 0, auxiliary pairs.
__attribute__((used)) _Noreturn void pare_start(uintptr_t *stack) {
  argument_count = (int)stack[0];
  arguments = (char **)(stack + 1);
  uintptr_t *entry = stack + 1 + argument_count + 1;
  while (*entry) entry++;
  for (entry++; entry[0]; entry += 2) {
    if (entry[0] == AUXILIARY_HWCAP) hwcap = entry[1];
    if (entry[0] == AUXILIARY_HWCAP2) hwcap2 = entry[1];
    if (entry[0] == AUXILIARY_RANDOM) __stack_chk_guard = *(uintptr_t *)entry[1];
  }
  pare_exit(main(argument_count, arguments));
}

#if defined(__x86_64__)
__asm__(".text\n.globl _start\n.type _start,@function\n_start:\n"
        "xorl %ebp, %ebp\n"
        "movq %rsp, %rdi\n"
        "andq $-16, %rsp\n"
        "call pare_start\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl _start\n.type _start,%function\n_start:\n"
        "mov x29, #0\n"
        "mov x30, #0\n"
        "mov x0, sp\n"
        "b pare_start\n");
#elif defined(__riscv)
__asm__(".text\n.globl _start\n.type _start,@function\n_start:\n"
        ".option push\n.option norelax\n"
        "la gp, __global_pointer$\n"
        ".option pop\n"
        "mv a0, sp\n"
        "andi sp, sp, -16\n"
        "tail pare_start\n");
#elif defined(__arm__)
__asm__(".text\n.arm\n.globl _start\n.type _start,%function\n_start:\n"
        "mov fp, #0\n"
        "mov lr, #0\n"
        "mov r0, sp\n"
        "bic sp, sp, #7\n"
        "bl pare_start\n");
#endif

#endif
