// What Pare asks of the Linux kernel, and nothing more.
//
// The same functions stand over raw system calls in a freestanding executable (where __linux__ is not
// defined) and over libc in an ordinary one, so that everything above them also runs under sanitizers.
// A freestanding executable gets from this module, besides, its _start, the memory primitives that
// compilers call, and the allocator that Embedded Swift calls.
//
// Functions that can fail return 0 or a negative errno.
#ifndef PARE_LINUX_H
#define PARE_LINUX_H

#include <stddef.h>
#include <stdint.h>

// The command line; index 0 is the executable's own name. NULL past the end.
int pare_argument_count(void);
const char *pare_argument(int index);

// The feature words that the kernel put in the auxiliary vector (AT_HWCAP, AT_HWCAP2).
uint64_t pare_hwcap(void);
uint64_t pare_hwcap2(void);

// CPUs that this process may run on, at least 1.
size_t pare_cpu_count(void);

// Makes the whole of a file readable at *bytes: mapped where it can be, otherwise (a pipe) read, up to
// 1 GiB. An empty file gives count 0. Release with pare_unmap_file.
int pare_map_file(const char *path, const uint8_t **bytes, size_t *count);
void pare_unmap_file(const uint8_t *bytes, size_t count);

// Writes head and then body as the file `path`. They are written to a temporary file beside it, which
// takes the name only when it is complete; a pipe or a device is written to directly.
int pare_write_file(const char *path, const void *head, size_t head_count, const void *body, size_t body_count);

// Writes all of it to an open descriptor (1 output, 2 errors).
int pare_write(int descriptor, const void *bytes, size_t count);

uint64_t pare_monotonic_nanoseconds(void);
// The greatest resident set of this process so far; 0 where /proc does not say.
uint64_t pare_peak_resident_bytes(void);
int pare_random(void *bytes, size_t count);
_Noreturn void pare_exit(int status);

// Zeroed pages; NULL where the kernel has none. pare_release_pages takes the same count.
void *pare_map_pages(size_t count);
void pare_release_pages(void *pages, size_t count);

// Sleeps while *word == value (it may wake without cause), and wakes up to `count` sleepers.
void pare_futex_wait(const uint32_t *word, uint32_t value);
void pare_futex_wake(const uint32_t *word, int count);

typedef struct {
  uintptr_t handle;
  void *stack;
  uint32_t alive;
} pare_thread;

// Runs body(argument) on a thread of its own. `thread` must stay where it is until pare_thread_join.
int pare_thread_start(pare_thread *thread, void (*body)(void *argument), void *argument);
void pare_thread_join(pare_thread *thread);

#endif
