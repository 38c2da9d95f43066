// Clock, memory, random bytes and CPUs of this process.
#include "pare_linux.h"
#include "system_calls.h"

void *pare_map_pages(size_t count) {
  long result = pare_system_call(CALL_MMAP, 0, (long)count, PROTECT_READ | PROTECT_WRITE,
                                 MAP_IS_PRIVATE | MAP_IS_ANONYMOUS, -1, 0);
  // Errors are -4095...-1; on 32 bits an address may be negative too.
  return (unsigned long)result >= (unsigned long)-4095 ? NULL : (void *)result;
}

void pare_release_pages(void *pages, size_t count) { pare_call3(CALL_MUNMAP, (long)pages, (long)count, 0); }

uint64_t pare_monotonic_nanoseconds(void) {
  enum { CLOCK_IS_MONOTONIC = 1 };
  long time[2] = {0, 0};
  pare_call3(CALL_CLOCK_GETTIME, CLOCK_IS_MONOTONIC, (long)time, 0);
  return (uint64_t)time[0] * 1000000000u + (uint64_t)time[1];
}

int pare_random(void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    long result = pare_call3(CALL_GETRANDOM, (long)((uint8_t *)bytes + done), (long)(count - done), 0);
    if (result == -ERROR_INTERRUPTED) continue;
    if (result < 0) return (int)result;
    done += (size_t)result;
  }
  return 0;
}

size_t pare_cpu_count(void) {
  unsigned long set[1024 / (8 * sizeof(unsigned long))] = {0};
  long bytes = pare_call3(CALL_SCHED_GETAFFINITY, 0, sizeof set, (long)set);
  size_t count = 0;
  for (size_t word = 0; bytes > 0 && word < (size_t)bytes / sizeof set[0]; word++)
    for (unsigned long left = set[word]; left; left &= left - 1) count++;
  return count ? count : 1;
}

void pare_futex_wait(const uint32_t *word, uint32_t value) {
  enum { FUTEX_IS_WAIT_PRIVATE = 128 };
  pare_call3(CALL_FUTEX, (long)word, FUTEX_IS_WAIT_PRIVATE, value);
}

void pare_futex_wake(const uint32_t *word, int count) {
  enum { FUTEX_IS_WAKE_PRIVATE = 129 };
  pare_call3(CALL_FUTEX, (long)word, FUTEX_IS_WAKE_PRIVATE, count);
}

#if !defined(__linux__)
// Embedded Swift seeds its hashing with it.
void arc4random_buf(void *bytes, size_t count) { pare_random(bytes, count); }
#endif
