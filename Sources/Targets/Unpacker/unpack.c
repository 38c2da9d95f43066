// The first thing that a packed executable runs: it inflates the segments of the program behind it to
// where they were linked, and enters the program with the stack that the kernel left.
//
// The payload was written by the build that wrote this code into the same file, so it is not checked: a
// damaged executable is as damaged as any other.
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t address;     // where the segment belongs
  uint64_t raw_bytes;
  uint64_t packed_bytes;  // raw DEFLATE (RFC 1951), one after the other behind the table
  uint64_t protected_start, protected_bytes;  // whole pages
  uint64_t protection;  // PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4
} segment;

typedef struct {
  uint64_t entry;
  uint64_t memory_start, memory_bytes;
  uint64_t segment_count;
  segment segments[];
} payload_header;

extern const payload_header payload __attribute__((visibility("hidden")));

#if defined(__x86_64__)
enum { CALL_MMAP = 9, CALL_MPROTECT = 10, CALL_EXIT = 60 };
__asm__(".section .text.entry,\"ax\"\n.globl _start\n_start:\n"
        "movq %rsp, %rbx\nandq $-16, %rsp\ncall unpack\nmovq %rbx, %rsp\njmp *%rax\n");
static long call(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}
static void make_visible_as_code(uintptr_t start, uintptr_t end) { (void)start, (void)end; }

#elif defined(__aarch64__)
enum { CALL_EXIT = 93, CALL_MMAP = 222, CALL_MPROTECT = 226 };
__asm__(".section .text.entry,\"ax\"\n.globl _start\n_start:\n"
        "mov x19, sp\nbl unpack\nmov sp, x19\nbr x0\n");
static long call(long number, long a, long b, long c, long d, long e, long f) {
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
// Data cache lines out, instruction cache lines dropped, by the line sizes that CTR_EL0 names.
static void make_visible_as_code(uintptr_t start, uintptr_t end) {
  uint64_t sizes;
  __asm__("mrs %0, ctr_el0" : "=r"(sizes));
  uintptr_t data_line = (uintptr_t)4 << (sizes >> 16 & 15), code_line = (uintptr_t)4 << (sizes & 15);
  for (uintptr_t at = start & ~(data_line - 1); at < end; at += data_line)
    __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
  __asm__ volatile("dsb ish" ::: "memory");
  for (uintptr_t at = start & ~(code_line - 1); at < end; at += code_line)
    __asm__ volatile("ic ivau, %0" ::"r"(at) : "memory");
  __asm__ volatile("dsb ish\nisb" ::: "memory");
}

#elif defined(__riscv)
enum { CALL_EXIT = 93, CALL_MMAP = 222, CALL_MPROTECT = 226, CALL_FLUSH_ICACHE = 259 };
__asm__(".section .text.entry,\"ax\"\n.globl _start\n_start:\n"
        "mv s0, sp\nandi sp, sp, -16\ncall unpack\nmv sp, s0\njr a0\n");
static long call(long number, long a, long b, long c, long d, long e, long f) {
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
static void make_visible_as_code(uintptr_t start, uintptr_t end) {
  call(CALL_FLUSH_ICACHE, (long)start, (long)end, 0, 0, 0, 0);
}

#elif defined(__arm__)
enum { CALL_EXIT = 1, CALL_MPROTECT = 125, CALL_MMAP = 192, CALL_FLUSH_ICACHE = 0x0f0002 };
__asm__(".section .text.entry,\"ax\"\n.arm\n.globl _start\n_start:\n"
        "mov r4, sp\nbic sp, sp, #7\nbl unpack\nmov sp, r4\nbx r0\n");
static long call(long number, long a, long b, long c, long d, long e, long f) {
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
static void make_visible_as_code(uintptr_t start, uintptr_t end) {
  call(CALL_FLUSH_ICACHE, (long)start, (long)end, 0, 0, 0, 0);
}
#endif

enum { TABLE_BITS = 10, LONGEST_CODE = 15 };

// symbol * 16 + length by the next ten bits, 0 for a longer code; counts by length; symbols by code.
typedef struct {
  uint16_t table[1 << TABLE_BITS];
  uint16_t counts[LONGEST_CODE + 1];
  uint16_t symbols[288];
} code;

typedef struct {
  const uint8_t *next;
  uint32_t bits;
  unsigned count;
} reader;

// At least 24 bits; up to three bytes past the end are read, which are the next stream or padding.
static inline void refill(reader *in) {
  while (in->count <= 24) {
    in->bits |= (uint32_t)*in->next++ << in->count;
    in->count += 8;
  }
}

static inline unsigned take(reader *in, unsigned count) {
  refill(in);
  unsigned value = in->bits & ((1u << count) - 1);
  in->bits >>= count;
  in->count -= count;
  return value;
}

static void build(code *made, const uint8_t *lengths, unsigned count) {
  uint16_t starts[LONGEST_CODE + 1];
  for (unsigned length = 0; length <= LONGEST_CODE; length++) made->counts[length] = 0;
  for (unsigned symbol = 0; symbol < count; symbol++) made->counts[lengths[symbol]]++;
  made->counts[0] = 0;
  for (unsigned length = 0, start = 0; length <= LONGEST_CODE; length++) {
    starts[length] = (uint16_t)start;
    start += made->counts[length];
  }
  for (unsigned symbol = 0; symbol < count; symbol++)
    if (lengths[symbol]) made->symbols[starts[lengths[symbol]]++] = (uint16_t)symbol;
  for (unsigned index = 0; index < 1u << TABLE_BITS; index++) made->table[index] = 0;
  for (unsigned length = 1, value = 0, index = 0; length <= TABLE_BITS; length++, value <<= 1) {
    for (unsigned left = made->counts[length]; left; left--, value++, index++) {
      unsigned reversed = 0;
      for (unsigned bit = 0; bit < length; bit++) reversed |= (value >> bit & 1) << (length - 1 - bit);
      for (; reversed < 1u << TABLE_BITS; reversed += 1u << length)
        made->table[reversed] = (uint16_t)(made->symbols[index] << 4 | length);
    }
  }
}

static inline unsigned decode(const code *with, reader *in) {
  refill(in);
  unsigned entry = with->table[in->bits & ((1u << TABLE_BITS) - 1)];
  if (entry) {
    in->bits >>= entry & 15;
    in->count -= entry & 15;
    return entry >> 4;
  }
  unsigned value = 0, first = 0, index = 0;
  for (unsigned length = 1;; length++) {
    value |= take(in, 1);
    unsigned count = with->counts[length];
    if (value - first < count) return with->symbols[index + value - first];
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
}

static void read_codes(reader *in, code *literals, code *distances, int is_dynamic) {
  uint8_t lengths[320];
  if (!is_dynamic) {
    for (unsigned symbol = 0; symbol < 320; symbol++)
      lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : symbol < 288 ? 8 : 5;
    build(literals, lengths, 288);
    build(distances, lengths + 288, 30);
    return;
  }
  static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  unsigned literal_count = take(in, 5) + 257, distance_count = take(in, 5) + 1, length_count = take(in, 4) + 4;
  for (unsigned index = 0; index < 19; index++)
    lengths[order[index]] = index < length_count ? (uint8_t)take(in, 3) : 0;
  build(literals, lengths, 19);
  for (unsigned index = 0; index < literal_count + distance_count;) {
    unsigned symbol = decode(literals, in);
    if (symbol < 16) {
      lengths[index++] = (uint8_t)symbol;
      continue;
    }
    uint8_t value = symbol == 16 ? lengths[index - 1] : 0;
    unsigned times = symbol == 16 ? take(in, 2) + 3 : symbol == 17 ? take(in, 3) + 3 : take(in, 7) + 11;
    while (times--) lengths[index++] = value;
  }
  build(literals, lengths, literal_count);
  build(distances, lengths + literal_count, distance_count);
}

static void inflate(const uint8_t *source, uint8_t *target) {
  code literals, distances;
  reader in = {source, 0, 0};
  for (int is_last = 0; !is_last;) {
    is_last = (int)take(&in, 1);
    unsigned kind = take(&in, 2);
    if (kind == 0) {
      take(&in, in.count & 7);
      unsigned count = take(&in, 16);
      take(&in, 16);
      // Whole bytes that were filled in advance are read again.
      in.next -= in.count / 8;
      in.bits = in.count = 0;
      for (; count; count--) *target++ = *in.next++;
      continue;
    }
    read_codes(&in, &literals, &distances, kind == 2);
    for (;;) {
      unsigned symbol = decode(&literals, &in);
      if (symbol < 256) {
        *target++ = (uint8_t)symbol;
        continue;
      }
      if (symbol == 256) break;
      // Lengths are four symbols to a power of two, distances two (RFC 1951, 3.2.5).
      unsigned index = symbol - 257, length = index + 3;
      if (index == 28) {
        length = 258;
      } else if (index >= 8) {
        length = ((4 + index % 4) << (index / 4 - 1)) + 3 + take(&in, index / 4 - 1);
      }
      index = decode(&distances, &in);
      size_t distance = index + 1;
      if (index >= 4) distance = ((2 + index % 2) << (index / 2 - 1)) + 1 + take(&in, index / 2 - 1);
      for (const uint8_t *from = target - distance; length; length--) *target++ = *from++;
    }
  }
}

// Calls were made absolute before compression, so that all calls of one function are the same bytes; here
// they become relative again (`AbsoluteCalls.swift` is the other direction).
static void make_calls_relative(uint8_t *code_bytes, size_t count) {
#if defined(__x86_64__)
  for (size_t at = 0; at + 5 <= count;) {
    if ((code_bytes[at] & 0xfe) != 0xe8) {
      at++;
      continue;
    }
    uint32_t target = 0;
    for (int byte = 4; byte > 0; byte--) target = target << 8 | code_bytes[at + (size_t)byte];
    target -= (uint32_t)at;
    for (int byte = 1; byte <= 4; byte++, target >>= 8) code_bytes[at + (size_t)byte] = (uint8_t)target;
    at += 5;
  }
#elif defined(__aarch64__)
  for (size_t at = 0; at + 4 <= count; at += 4) {
    uint32_t *instruction = (uint32_t *)(code_bytes + at);
    if (*instruction >> 26 == 0x25)
      *instruction = (*instruction & 0xfc000000) | ((*instruction - (uint32_t)(at / 4)) & 0x3ffffff);
  }
#else
  (void)code_bytes, (void)count;
#endif
}

// Returns the program's entry.
__attribute__((used)) uintptr_t unpack(void) {
  enum { PRIVATE_FIXED_ANONYMOUS = 0x02 | 0x10 | 0x20, READ_AND_WRITE = 3, EXECUTE = 4 };
  const payload_header *head = &payload;
  uintptr_t start = (uintptr_t)head->memory_start;
  long mapped = call(CALL_MMAP, (long)start, (long)head->memory_bytes, READ_AND_WRITE, PRIVATE_FIXED_ANONYMOUS, -1, 0);
  if ((uintptr_t)mapped != start)
    for (;;) call(CALL_EXIT, 1, 0, 0, 0, 0, 0);
  const uint8_t *packed = (const uint8_t *)(head->segments + head->segment_count);
  for (uint64_t index = 0; index < head->segment_count; index++) {
    const segment *next = &head->segments[index];
    uintptr_t address = (uintptr_t)next->address;
    inflate(packed, (uint8_t *)address);
    packed += next->packed_bytes;
    if (next->protection & EXECUTE) {
      make_calls_relative((uint8_t *)address, (size_t)next->raw_bytes);
      make_visible_as_code(address, address + (uintptr_t)next->raw_bytes);
    }
    if (next->protection != READ_AND_WRITE)
      call(CALL_MPROTECT, (long)next->protected_start, (long)next->protected_bytes, (long)next->protection, 0, 0, 0);
  }
  return (uintptr_t)head->entry;
}
