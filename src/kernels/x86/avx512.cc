// Compiled with AVX-512 flags: includes nothing that defines functions for other files (see leaf.h).
#include <immintrin.h>

#include "kernels/x86/depthwise.h"
#include "kernels/x86/family.h"
#include "kernels/x86/leaf.h"
#include "kernels/x86/tile.h"

namespace tercel::kernels::x86 {

namespace {

struct Avx512 {
  using V = __m512;
  static constexpr int kLanes = 16, kTransposeBlock = 16;
  static void pin(V& v) { asm("" : "+v"(v)); }  // keeps a value in a register
  static V zero() { return _mm512_setzero_ps(); }
  static V set(float x) { return _mm512_set1_ps(x); }
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static V broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  // The first n floats, 0 < n <= kLanes; zeros behind.
  static __mmask16 first(int n) { return static_cast<__mmask16>(0xffffu >> (16 - n)); }
  static V load_part(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store_part(float* p, int n, V v) { _mm512_mask_storeu_ps(p, first(n), v); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V div(V a, V b) { return _mm512_div_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static V abs(V a) { return _mm512_abs_ps(a); }
  static V copy_sign(V magnitude, V sign) { return _mm512_or_ps(magnitude, _mm512_and_ps(sign, set(-0.0f))); }
  static V round(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V exp2_integer(V n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
  }
  static V select_less(V a, V b, V yes, V no) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes); }

  static void transpose(const float* in, int64_t in_stride, float* out, int64_t out_stride, float scale) {
    V a[16], b[16];
    const V factor = set(scale);
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) a[i] = mul(load(in + i * in_stride), factor);
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
      b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
    }
    // a[4g + c]: column c of every 128-bit lane, of rows 4g .. 4g + 3.
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      a[i] = _mm512_shuffle_ps(b[i], b[i + 2], 0x44);
      a[i + 1] = _mm512_shuffle_ps(b[i], b[i + 2], 0xee);
      a[i + 2] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0x44);
      a[i + 3] = _mm512_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const V low01 = _mm512_shuffle_f32x4(a[c], a[4 + c], 0x88), high01 = _mm512_shuffle_f32x4(a[c], a[4 + c], 0xdd);
      const V low23 = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0x88), high23 = _mm512_shuffle_f32x4(a[8 + c], a[12 + c], 0xdd);
      store(out + c * out_stride, _mm512_shuffle_f32x4(low01, low23, 0x88));
      store(out + (4 + c) * out_stride, _mm512_shuffle_f32x4(high01, high23, 0x88));
      store(out + (8 + c) * out_stride, _mm512_shuffle_f32x4(low01, low23, 0xdd));
      store(out + (12 + c) * out_stride, _mm512_shuffle_f32x4(high01, high23, 0xdd));
    }
  }
};

}  // namespace

constinit const Leaf kAvx512Leaf = leaf_of<Avx512>();
constinit const TileFamily kAvx512Tall = family_of<Avx512, 12, 2>(&kAvx512Leaf);
constinit const TileFamily kAvx512Wide = family_of<Avx512, 6, 4>(&kAvx512Leaf);

}  // namespace tercel::kernels::x86
