// The list of rows, and which of them this CPU runs.
#include "fma.h"
#include "rows.h"

static const pare_kernels *const rows[] = {
#if defined(PARE_AVX512VNNI)
    &pare_row__avx512vnni,
#endif
#if defined(PARE_AVX2)
    &pare_row__avx2,
#endif
#if defined(PARE_NEON_DOTPROD)
    &pare_row__neon_dotprod,
#endif
#if defined(PARE_NEON)
    &pare_row__neon,
#endif
    &pare_row__scalar,
};

size_t pare_kernels_count(void) { return sizeof rows / sizeof rows[0]; }

const pare_kernels *pare_kernels_at(size_t index) { return index < pare_kernels_count() ? rows[index] : NULL; }

PARE_SMALL const pare_kernels *pare_kernels_named(const char *name, size_t length) {
  for (size_t row = 0; row < pare_kernels_count(); row++) {
    const char *candidate = rows[row]->name;
    size_t i = 0;
#pragma clang loop unroll(disable)
    while (i < length && candidate[i] != 0 && candidate[i] == name[i]) i++;
    if (i == length && candidate[i] == 0) return rows[row];
  }
  return NULL;
}

#if defined(PARE_X86)

typedef struct {
  uint32_t eax, ebx, ecx, edx;
} cpuid_answer;

static cpuid_answer cpuid(uint32_t leaf, uint32_t subleaf) {
  cpuid_answer r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}

// The register states that the operating system saves (XCR0).
static uint32_t saved_states(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has_all(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

static int has_avx2_and_fma(void) {
  if (cpuid(0, 0).eax < 7) return 0;
  // ECX of leaf 1: FMA 12, OSXSAVE 27, AVX 28. XCR0: SSE and AVX state.
  if (!has_all(cpuid(1, 0).ecx, 1u << 12 | 1u << 27 | 1u << 28)) return 0;
  return has_all(saved_states(), 0x06) && has_all(cpuid(7, 0).ebx, 1u << 5);
}

#if defined(PARE_AVX512VNNI)
static int has_avx512vnni(void) {
  if (!has_avx2_and_fma()) return 0;
  // XCR0: opmask and both halves of the 512-bit registers as well. Leaf 7: F 16, DQ 17, BW 30, VL 31; VNNI 11.
  cpuid_answer features = cpuid(7, 0);
  return has_all(saved_states(), 0xe6) && has_all(features.ebx, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) &&
         has_all(features.ecx, 1u << 11);
}
#endif

#endif

int pare_kernels_runs_here(const pare_kernels *kernels, uint64_t hwcap, uint64_t hwcap2) {
  (void)hwcap;
  (void)hwcap2;
#if defined(PARE_AVX512VNNI)
  if (kernels == &pare_row__avx512vnni) return has_avx512vnni();
#endif
#if defined(PARE_AVX2)
  if (kernels == &pare_row__avx2) return has_avx2_and_fma();
#endif
#if defined(PARE_NEON_DOTPROD)
  // HWCAP_ASIMDDP of the Linux kernel's arch/arm64 hwcap.h.
  if (kernels == &pare_row__neon_dotprod) return (hwcap >> 20 & 1) != 0;
#endif
  return kernels != NULL;
}

float pare_fmaf(float x, float y, float z) { return pare_fmaf_of_target(x, y, z); }

float pare_fmaf_software(float x, float y, float z) { return pare_fmaf_by_rounding_to_odd(x, y, z); }
