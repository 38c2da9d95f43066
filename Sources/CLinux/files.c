// Whole files in and out.
#include "pare_linux.h"
#include "system_calls.h"

enum { GREATEST_PATH = 4096, GREATEST_STREAM = 1 << 30, FIRST_BUFFER = 1 << 16 };

static int open_file(const char *path, int flags) {
  return (int)pare_system_call(CALL_OPENAT, AT_CURRENT_DIRECTORY, (long)path, flags | OPEN_CLOSE_ON_EXEC, 0666, 0, 0);
}

static void close_file(int descriptor) { pare_call3(CALL_CLOSE, descriptor, 0, 0); }

static int is_error(long result) { return (unsigned long)result >= (unsigned long)-4095; }

// Reads until the end or until the buffer is full.
static long read_up_to(int descriptor, uint8_t *buffer, size_t count) {
  size_t done = 0;
  while (done < count) {
    long result = pare_call3(CALL_READ, descriptor, (long)(buffer + done), (long)(count - done));
    if (result == -ERROR_INTERRUPTED) continue;
    if (result < 0) return result;
    if (result == 0) break;
    done += (size_t)result;
  }
  return (long)done;
}

// Moves what does not fit into twice the pages until the stream ends.
static int read_stream(int descriptor, const uint8_t **bytes, size_t *count) {
  size_t capacity = FIRST_BUFFER, used = 0;
  uint8_t *buffer = pare_map_pages(capacity);
  while (buffer) {
    long result = read_up_to(descriptor, buffer + used, capacity - used);
    if (result >= 0) used += (size_t)result;
    if (result < 0 || used < capacity || capacity >= GREATEST_STREAM) {
      int failed = result < 0 ? (int)result : used == capacity ? -ERROR_FILE_TOO_LARGE : 0;
      if (failed || used == 0) pare_release_pages(buffer, capacity);
      if (failed) return failed;
      *bytes = used ? buffer : NULL;
      *count = used;
      return 0;
    }
    uint8_t *larger = pare_map_pages(capacity * 2);
    if (larger) __builtin_memcpy(larger, buffer, used);
    pare_release_pages(buffer, capacity);
    buffer = larger;
    capacity *= 2;
  }
  return -ERROR_OUT_OF_MEMORY;
}

int pare_map_file(const char *path, const uint8_t **bytes, size_t *count) {
  int descriptor = open_file(path, OPEN_READ);
  if (descriptor < 0) return descriptor;
  long size = pare_call3(CALL_LSEEK, descriptor, 0, SEEK_TO_END);
  int status = 0;
  if (size <= 0) {
    status = read_stream(descriptor, bytes, count);
  } else {
    long address = pare_system_call(CALL_MMAP, 0, size, PROTECT_READ, MAP_IS_PRIVATE | MAP_PREFAULT, descriptor, 0);
    if (is_error(address)) {
      status = (int)address;
    } else {
      *bytes = (const uint8_t *)address;
      *count = (size_t)size;
    }
  }
  close_file(descriptor);
  return status;
}

void pare_unmap_file(const uint8_t *bytes, size_t count) {
  if (count) pare_release_pages((void *)bytes, count);
}

int pare_write(int descriptor, const void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    long result = pare_call3(CALL_WRITE, descriptor, (long)((const uint8_t *)bytes + done), (long)(count - done));
    if (result == -ERROR_INTERRUPTED || result == -ERROR_AGAIN) continue;
    if (result < 0) return (int)result;
    done += (size_t)result;
  }
  return 0;
}

static int write_parts(int descriptor, const void *head, size_t head_count, const void *body, size_t body_count) {
  int status = pare_write(descriptor, head, head_count);
  return status ? status : pare_write(descriptor, body, body_count);
}

// Whether the name stands for something that is neither missing nor an ordinary file.
static int is_device_or_pipe(const char *path) {
  enum { STATX_TYPE_MASK = 1, MODE_OFFSET = 28 / 2, FILE_TYPE = 0170000, ORDINARY_FILE = 0100000 };
  uint16_t record[128];
  long status = pare_system_call(CALL_STATX, AT_CURRENT_DIRECTORY, (long)path, 0, STATX_TYPE_MASK, (long)record, 0);
  return status == 0 && (record[MODE_OFFSET] & FILE_TYPE) != ORDINARY_FILE;
}

// path + ".partial-" + the process number, so that two writers never share a temporary file.
static int name_temporary(const char *path, char name[GREATEST_PATH]) {
  static const char suffix[] = ".partial-";
  size_t length = 0;
  while (path[length]) length++;
  if (length + sizeof suffix + 12 > GREATEST_PATH) return -ERROR_NAME_TOO_LONG;
  __builtin_memcpy(name, path, length);
  __builtin_memcpy(name + length, suffix, sizeof suffix - 1);
  length += sizeof suffix - 1;
  char digits[12];
  size_t digit_count = 0;
  unsigned long process = (unsigned long)pare_call3(CALL_GETPID, 0, 0, 0);
  do digits[digit_count++] = (char)('0' + process % 10);
  while (process /= 10);
  while (digit_count) name[length++] = digits[--digit_count];
  name[length] = 0;
  return 0;
}

int pare_write_file(const char *path, const void *head, size_t head_count, const void *body, size_t body_count) {
  if (is_device_or_pipe(path)) {
    int descriptor = open_file(path, OPEN_WRITE);
    if (descriptor < 0) return descriptor;
    int status = write_parts(descriptor, head, head_count, body, body_count);
    close_file(descriptor);
    return status;
  }
  char temporary[GREATEST_PATH];
  int status = name_temporary(path, temporary);
  if (status) return status;
  int descriptor = open_file(temporary, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE);
  if (descriptor == -ERROR_EXISTS) {
    // A process of the same number died while it wrote.
    pare_call3(CALL_UNLINKAT, AT_CURRENT_DIRECTORY, (long)temporary, 0);
    descriptor = open_file(temporary, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE);
  }
  if (descriptor < 0) return descriptor;
  status = write_parts(descriptor, head, head_count, body, body_count);
  // Some file systems cannot sync; their content is as safe as they make it.
  if (!status) {
    status = (int)pare_call3(CALL_FSYNC, descriptor, 0, 0);
    if (status == -ERROR_INVALID) status = 0;
  }
  close_file(descriptor);
  if (!status)
    status = (int)pare_system_call(CALL_RENAMEAT2, AT_CURRENT_DIRECTORY, (long)temporary, AT_CURRENT_DIRECTORY,
                                   (long)path, 0, 0);
  if (status) pare_call3(CALL_UNLINKAT, AT_CURRENT_DIRECTORY, (long)temporary, 0);
  return status;
}

// Reads "VmHWM:  1234 kB" of /proc/self/status; the figure of getrusage would include the parent's
// memory from before the exec.
uint64_t pare_peak_resident_bytes(void) {
  static const char key[] = "VmHWM:";
  uint8_t text[4096];
  int descriptor = open_file("/proc/self/status", OPEN_READ);
  if (descriptor < 0) return 0;
  long count = read_up_to(descriptor, text, sizeof text - 1);
  close_file(descriptor);
  if (count <= 0) return 0;
  text[count] = 0;
  for (long start = 0; start + (long)sizeof key <= count; start++) {
    size_t same = 0;
    while (same < sizeof key - 1 && text[start + (long)same] == (uint8_t)key[same]) same++;
    if (same < sizeof key - 1) continue;
    const uint8_t *digit = text + start + same;
    while (*digit == ' ' || *digit == '\t') digit++;
    uint64_t kilobytes = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) kilobytes = kilobytes * 10 + (uint64_t)(*digit - '0');
    return kilobytes * 1024;
  }
  return 0;
}
