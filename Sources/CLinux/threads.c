// Threads: pthreads in an ordinary executable, clone in a freestanding one.
#include "pare_linux.h"
#include "system_calls.h"

#if defined(__linux__)

#include <pthread.h>
#include <stdlib.h>

typedef struct {
  void (*body)(void *);
  void *argument;
} thread_start;

static void *run_start(void *pointer) {
  thread_start start = *(thread_start *)pointer;
  free(pointer);
  start.body(start.argument);
  return NULL;
}

int pare_thread_start(pare_thread *thread, void (*body)(void *argument), void *argument) {
  thread_start *start = malloc(sizeof *start);
  if (!start) return -ERROR_OUT_OF_MEMORY;
  *start = (thread_start){body, argument};
  pthread_t handle;
  int status = pthread_create(&handle, NULL, run_start, start);
  if (status) {
    free(start);
    return -status;
  }
  thread->handle = (uintptr_t)handle;
  return 0;
}

void pare_thread_join(pare_thread *thread) { pthread_join((pthread_t)thread->handle, NULL); }

#else

enum {
  GUARD_BYTES = 1 << 16,  // a multiple of every page size that Linux has on these architectures
  STACK_BYTES = (1 << 18) + GUARD_BYTES,
  // Memory, file system state, files, signal handlers, thread group, semaphore undo lists; set and
  // clear `alive` at start and end.
  CLONE_FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 | 0x100000 | 0x200000,
};

// Returns the thread's number. The new thread runs body(argument) on `stack` and ends.
long pare_clone(unsigned long flags, void *stack, uint32_t *alive, void (*body)(void *), void *argument);

// The kernel starts the new thread at the same place with another stack: body and argument travel in
// registers that a system call preserves, or on the new stack.
#if defined(__x86_64__)
// rdi flags, rsi stack, rdx parent's and r10 child's word, r8 thread area.
__asm__(".text\n.globl pare_clone\n.type pare_clone,@function\npare_clone:\n"
        "subq $16, %rsi\n"
        "movq %r8, (%rsi)\n"
        "movq %rcx, 8(%rsi)\n"
        "movq %rdx, %r10\n"
        "xorl %r8d, %r8d\n"
        "movl $56, %eax\n"
        "syscall\n"
        "testq %rax, %rax\n"
        "jz 1f\n"
        "ret\n"
        "1: xorl %ebp, %ebp\n"
        "popq %rdi\n"
        "popq %rax\n"
        "call *%rax\n"
        "xorl %edi, %edi\n"
        "movl $60, %eax\n"
        "syscall\n"
        "hlt\n");
#elif defined(__aarch64__)
// x0 flags, x1 stack, x2 parent's word, x3 thread area, x4 child's word.
__asm__(".text\n.globl pare_clone\n.type pare_clone,%function\npare_clone:\n"
        "mov x9, x3\n"
        "mov x10, x4\n"
        "mov x3, xzr\n"
        "mov x4, x2\n"
        "mov x8, #220\n"
        "svc #0\n"
        "cbz x0, 1f\n"
        "ret\n"
        "1: mov x29, #0\n"
        "mov x0, x10\n"
        "blr x9\n"
        "mov x0, #0\n"
        "mov x8, #93\n"
        "svc #0\n"
        "brk #0\n");
#elif defined(__riscv)
// a0 flags, a1 stack, a2 parent's word, a3 thread area, a4 child's word.
__asm__(".text\n.globl pare_clone\n.type pare_clone,@function\npare_clone:\n"
        "mv t1, a3\n"
        "mv t2, a4\n"
        "li a3, 0\n"
        "mv a4, a2\n"
        "li a7, 220\n"
        "ecall\n"
        "beqz a0, 1f\n"
        "ret\n"
        "1: mv a0, t2\n"
        "jalr t1\n"
        "li a0, 0\n"
        "li a7, 93\n"
        "ecall\n"
        "ebreak\n");
#elif defined(__arm__)
// r0 flags, r1 stack, r2 parent's word, r3 thread area, r4 child's word; the fifth argument is on the
// caller's stack.
__asm__(".text\n.arm\n.globl pare_clone\n.type pare_clone,%function\npare_clone:\n"
        "push {r4, r5, r6, r7}\n"
        "ldr r6, [sp, #16]\n"
        "mov r5, r3\n"
        "mov r3, #0\n"
        "mov r4, r2\n"
        "mov r7, #120\n"
        "svc #0\n"
        "cmp r0, #0\n"
        "beq 1f\n"
        "pop {r4, r5, r6, r7}\n"
        "bx lr\n"
        "1: mov fp, #0\n"
        "mov r0, r6\n"
        "blx r5\n"
        "mov r0, #0\n"
        "mov r7, #1\n"
        "svc #0\n"
        ".inst 0xe7f000f0\n");
#endif

int pare_thread_start(pare_thread *thread, void (*body)(void *argument), void *argument) {
  uint8_t *stack = pare_map_pages(STACK_BYTES);
  if (!stack) return -ERROR_OUT_OF_MEMORY;
  // A stack that runs over meets pages that nobody may touch.
  pare_call3(CALL_MPROTECT, (long)stack, GUARD_BYTES, PROTECT_NONE);
  thread->stack = stack;
  thread->alive = 1;
  long number = pare_clone(CLONE_FLAGS, stack + STACK_BYTES, &thread->alive, body, argument);
  if (number < 0) {
    pare_release_pages(stack, STACK_BYTES);
    return (int)number;
  }
  return 0;
}

void pare_thread_join(pare_thread *thread) {
  // The kernel clears the word and wakes its sleepers when the thread is gone. It wakes them with a
  // shared futex, which a private wait would never hear.
  for (;;) {
    uint32_t alive = __atomic_load_n(&thread->alive, __ATOMIC_ACQUIRE);
    if (!alive) break;
    enum { FUTEX_IS_WAIT = 0 };
    pare_call3(CALL_FUTEX, (long)&thread->alive, FUTEX_IS_WAIT, (long)alive);
  }
  pare_release_pages(thread->stack, STACK_BYTES);
}

#endif
