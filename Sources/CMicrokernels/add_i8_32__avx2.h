// Integer sums in AVX2, for two inputs of the same signedness. Include after elementwise.h, whose loop takes
// the rest.

// Four vectors of eight values each, exactly converted.
PARE_INLINE __m256 pare_to_float__avx2(const uint8_t *x, const int is_signed) {
  __m128i bytes = _mm_loadl_epi64((const __m128i *)x);
  return _mm256_cvtepi32_ps(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes));
}

PARE_INLINE size_t pare_add_whole__avx2(const pare_add *p, const int is_signed) {
  const pare_requantizer_avx2 q = pare_requantizer__avx2(p->low, p->high, 0, PARE_ORDER_OF_BLOCKS_AVX2);
  const __m256 ratio_a = _mm256_set1_ps(p->ratio_a), ratio_b = _mm256_set1_ps(p->ratio_b);
  const __m256 fixed = _mm256_set1_ps(p->fixed);
  const uint8_t *a = p->a, *b = p->b;
  uint8_t *out = p->output;
  const size_t whole = p->count / 32 * 32;
  for (size_t i = 0; i < whole; i += 32) {
    __m256i v[4];
#pragma unroll
    for (size_t j = 0; j < 4; j++) {
      __m256 sum = _mm256_fmadd_ps(pare_to_float__avx2(b + i + 8 * j, is_signed), ratio_b, fixed);
      sum = _mm256_fmadd_ps(pare_to_float__avx2(a + i + 8 * j, is_signed), ratio_a, sum);
      v[j] = _mm256_cvtps_epi32(_mm256_min_ps(q.high, sum));
    }
    _mm256_storeu_si256((__m256i *)(out + i), pare_pack4__avx2(v[0], v[1], v[2], v[3], &q));
  }
  return whole;
}

static void pare_add_i8_32__avx2(const pare_add *p) {
  pare_add rest = *p;
  size_t whole = 0;
  if (!p->a_signed == !p->b_signed) whole = p->a_signed ? pare_add_whole__avx2(p, 1) : pare_add_whole__avx2(p, 0);
  rest.a += whole, rest.b += whole, rest.output += whole, rest.count -= whole;
  pare_add_i8__avx2(&rest);
}
