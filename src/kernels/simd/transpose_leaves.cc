#include "kernels/simd/transpose_leaves.h"

#include <algorithm>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/transpose_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

// Columns that are done together: their source rows share a cache line, and their target lines stay in the first-level
// cache even where the step is a power of two and they all fall into one set.
constexpr size_t kColumnBlock = 16;

template <typename T>
HWY_INLINE void transpose_simply(const T* source, size_t source_step, T* target, size_t target_step, size_t rows,
                                 size_t columns) {
  for (size_t first = 0; first < columns; first += kColumnBlock) {
    const size_t last = std::min(first + kColumnBlock, columns);
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = first; c < last; ++c) target[c * target_step + r] = source[r * source_step + c];
  }
}

using Quad = hn::FixedTag<float, 4>;

// Row k in the lower quarter or half, row k + 4 in the upper.
HWY_INLINE hn::Vec<Quad> rows_at(Quad d, const float* source, size_t) { return hn::LoadU(d, source); }
#if HWY_TARGET <= HWY_AVX2
using Wide = hn::FixedTag<float, 8>;
HWY_INLINE hn::Vec<Wide> rows_at(Wide d, const float* source, size_t step) {
  return hn::Combine(d, hn::LoadU(Quad(), source + 4 * step), hn::LoadU(Quad(), source));
}
#else
using Wide = Quad;
#endif

// Four columns of as many rows as D has lanes.
template <typename D>
HWY_INLINE void transpose_tile(D d, const float* source, size_t source_step, float* target, size_t target_step) {
  const hn::Repartition<double, D> pairs;
  const auto r0 = rows_at(d, source, source_step), r1 = rows_at(d, source + source_step, source_step);
  const auto r2 = rows_at(d, source + 2 * source_step, source_step), r3 = rows_at(d, source + 3 * source_step, source_step);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1)),
             low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1)),
             high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, target);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, target + target_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, target + 2 * target_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, target + 3 * target_step);
}

// All whole tiles of `columns` (a multiple of four) columns, starting with row r; returns the row behind them.
template <typename D>
HWY_INLINE size_t transpose_tiles(D d, const float* source, size_t source_step, float* target, size_t target_step, size_t r,
                                  size_t rows, size_t columns) {
  for (; r + hn::Lanes(d) <= rows; r += hn::Lanes(d))
    for (size_t c = 0; c < columns; c += 4)
      transpose_tile(d, source + r * source_step + c, source_step, target + c * target_step + r, target_step);
  return r;
}

// Images: three planes to and from interleaved triples.
void interleave_planes(const float* source, size_t plane_step, float* target, size_t points) {
  size_t i = 0;
  for (; i + kLanes <= points; i += kLanes)
    hn::StoreInterleaved3(load(source + i), load(source + plane_step + i), load(source + 2 * plane_step + i), F32(),
                          target + 3 * i);
  transpose_simply(source + i, plane_step, target + 3 * i, 3, 3, points - i);
}

void separate_planes(const float* source, float* target, size_t plane_step, size_t points) {
  size_t i = 0;
  for (; i + kLanes <= points; i += kLanes) {
    VecF a, b, c;
    hn::LoadInterleaved3(F32(), source + 3 * i, a, b, c);
    store(a, target + i);
    store(b, target + plane_step + i);
    store(c, target + 2 * plane_step + i);
  }
  transpose_simply(source + 3 * i, 3, target + i, plane_step, points - i, 3);
}

void transpose_floats(const void* from, size_t source_step, void* to, size_t target_step, size_t rows, size_t columns) {
  const auto* source = static_cast<const float*>(from);
  auto* target = static_cast<float*>(to);
  if (rows == 3 && target_step == 3) return interleave_planes(source, source_step, target, columns);
  if (columns == 3 && source_step == 3) return separate_planes(source, target, target_step, rows);
  for (size_t first = 0; first < columns; first += kColumnBlock) {
    const size_t count = std::min(kColumnBlock, columns - first), whole = count / 4 * 4;
    const float* s = source + first;
    float* t = target + first * target_step;
    size_t r = transpose_tiles(Wide(), s, source_step, t, target_step, 0, rows, whole);
    r = transpose_tiles(Quad(), s, source_step, t, target_step, r, rows, whole);
    transpose_simply(s + r * source_step, source_step, t + r, target_step, rows - r, whole);
    transpose_simply(s + whole, source_step, t + whole * target_step, target_step, rows, count - whole);
  }
}

template <typename T>
void transpose_elements(const void* source, size_t source_step, void* target, size_t target_step, size_t rows, size_t columns) {
  transpose_simply(static_cast<const T*>(source), source_step, static_cast<T*>(target), target_step, rows, columns);
}

TransposeLeaf transpose_function(size_t element_bytes) {
  switch (element_bytes) {
    case 1: return transpose_elements<uint8_t>;
    case 2: return transpose_elements<uint16_t>;
    case 4: return transpose_floats;
    default: return transpose_elements<uint64_t>;
  }
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(transpose_function);

TransposeLeaf transpose_leaf(size_t element_bytes, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(transpose_function), isa)(element_bytes);
}

}  // namespace tercel::kernels::simd
#endif
