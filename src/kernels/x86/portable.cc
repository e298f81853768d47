// The twin that needs no instruction set: GCC vectors of four floats, which every compiler target has or imitates.
#include <string.h>

#include "kernels/x86/depthwise.h"
#include "kernels/x86/family.h"
#include "kernels/x86/leaf.h"
#include "kernels/x86/tile.h"

namespace tercel::kernels::x86 {

namespace {

struct Portable {
  typedef float V __attribute__((vector_size(16)));
  typedef int32_t I __attribute__((vector_size(16)));
  static constexpr int kLanes = 4, kTransposeBlock = 4;
  static void pin(V&) {}
  static V zero() { return V{}; }
  static V set(float x) { return V{x, x, x, x}; }
  static V load(const float* p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
  }
  static V broadcast(const float* p) { return set(*p); }
  static void store(float* p, V v) { memcpy(p, &v, sizeof v); }
  // The first n floats, 0 < n <= kLanes; zeros behind.
  static V load_part(const float* p, int n) {
    V v{};
    memcpy(&v, p, static_cast<size_t>(n) * sizeof(float));
    return v;
  }
  static void store_part(float* p, int n, V v) { memcpy(p, &v, static_cast<size_t>(n) * sizeof(float)); }
  static V add(V a, V b) { return a + b; }
  static V sub(V a, V b) { return a - b; }
  static V mul(V a, V b) { return a * b; }
  static V div(V a, V b) { return a / b; }
  static V fma(V a, V b, V c) { return a * b + c; }
  static V min(V a, V b) { return a < b ? a : b; }
  static V max(V a, V b) { return a > b ? a : b; }
  static V abs(V a) { return (V)((I)a & 0x7fffffff); }
  static V copy_sign(V magnitude, V sign) { return (V)((I)magnitude | ((I)sign & INT32_MIN)); }
  static V round(V a) { return a + 12582912.0f - 12582912.0f; }  // adding 1.5 * 2^23 rounds what is small to an integer
  static V exp2_integer(V n) { return (V)((__builtin_convertvector(n, I) + 127) << 23); }
  static V select_less(V a, V b, V yes, V no) { return a < b ? yes : no; }

  static void transpose(const float* in, int64_t in_stride, float* out, int64_t out_stride, float scale) {
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) out[j * out_stride + i] = scale * in[i * in_stride + j];
  }
};

}  // namespace

constinit const Leaf kPortableLeaf = leaf_of<Portable>();
constinit const TileFamily kPortableTiles = family_of<Portable, 4, 2>(&kPortableLeaf);

}  // namespace tercel::kernels::x86
