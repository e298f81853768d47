// OneHot, NonZero, Compress and Unique. The sizes of the last three come from contents: they are bound to what the rule saw.
#include <cmath>
#include <cstring>

#include "kernels/ref/arithmetic.h"
#include "kernels/ref/indexing.h"
#include "kernels/ref/layout.h"

namespace tercel::kernels {

// An index outside -depth..depth-1 leaves its line off, as ONNX asks.
Result<Kernel> bind_one_hot(const StepContext& c) {
  const Shape &indices = c.in(0).shape, &out = c.out().shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", -1, indices.rank(), true));
  const int64_t outer = indices.elements(0, axis), inner = indices.elements(axis, indices.rank()), depth = out.size(axis);
  return Kernel([=, dtype = c.in(0).dtype, bytes = dtype_size(c.out().dtype), elements = out.elements()](const Buffers& b) {
    fill_elements(b.out<void>(), elements, b.in<void>(2), bytes);
    for (int64_t i = 0; i < outer * inner; ++i) {
      int64_t index = is_float(dtype) ? ops::saturated_int(element_as_double(dtype, b.in<void>(0), i))
                                      : element_as_int(dtype, b.in<void>(0), i);
      if (index < 0) index += depth;
      if (index < 0 || index >= depth) continue;
      const int64_t at = (i / inner * depth + index) * inner + i % inner;
      std::memcpy(b.out<char>() + at * static_cast<int64_t>(bytes), b.in<char>(2) + bytes, bytes);
    }
  });
}

Result<Kernel> bind_non_zero(const StepContext& c) {
  return Kernel([shape = c.in(0).shape, dtype = c.in(0).dtype, count = c.out().shape.size(1)](const Buffers& b) {
    const int64_t elements = shape.elements();
    int64_t found = 0;
    for (int64_t i = 0; i < elements && found < count; ++i) {
      if (element_as_double(dtype, b.in<void>(0), i) == 0) continue;
      int64_t rest = i;
      for (int axis = shape.rank() - 1; axis >= 0; rest /= shape.size(axis), --axis)
        b.out<int64_t>()[axis * count + found] = rest % shape.size(axis);
      ++found;
    }
  });
}

Result<Kernel> bind_compress(const StepContext& c) {
  const Shape& shape = c.in(0).shape;
  const bool flat = !c.attributes.has("axis");
  const int axis = flat ? 0 : TRY(ops::axis_of(c.attributes, "axis", 0, shape.rank()));
  const int64_t outer = flat ? 1 : shape.elements(0, axis), extent = flat ? shape.elements() : shape.size(axis);
  const int64_t block = (flat ? 1 : shape.elements(axis + 1, shape.rank())) * static_cast<int64_t>(dtype_size(c.in(0).dtype));
  const int64_t kept = c.out().shape.size(axis), listed = std::min(extent, c.in(1).shape.elements());
  return Kernel([=](const Buffers& b) {
    if (block == 0) return;
    for (int64_t o = 0; o < outer; ++o) {
      char* out = b.out<char>() + o * kept * block;
      for (int64_t i = 0, k = 0; i < listed && k < kept; ++i) {
        if (!b.in<uint8_t>(1)[i]) continue;
        std::memcpy(out + k++ * block, b.in<char>(0) + (o * extent + i) * block, static_cast<size_t>(block));
      }
    }
  });
}

namespace {

// Writes the four outputs of a Unique from its groups.
void write_unique(const ops::UniqueView& v, int64_t groups, const int64_t* order, const int64_t* starts, size_t element_bytes,
                  const Buffers& b) {
  const int64_t block = v.inner * static_cast<int64_t>(element_bytes);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = order[starts[g]], end = g + 1 < groups ? starts[g + 1] : v.count;
    for (int64_t o = 0; b.out<char>(0) && block && o < v.outer; ++o)
      std::memcpy(b.out<char>(0) + (o * groups + g) * block, b.in<char>(0) + (o * v.count + first) * block,
                  static_cast<size_t>(block));
    if (b.out<int64_t>(1)) b.out<int64_t>(1)[g] = first;
    for (int64_t i = starts[g]; b.out<int64_t>(2) && i < end; ++i) b.out<int64_t>(2)[order[i]] = g;
    if (b.out<int64_t>(3)) b.out<int64_t>(3)[g] = end - starts[g];
  }
}

}  // namespace

Result<Kernel> bind_unique(const StepContext& c) {
  const ops::UniqueView view = TRY(ops::unique_view(c.attributes, c.in(0).shape));
  const bool flat = !c.attributes.has("axis"), sorted = c.attributes.get_int("sorted", 1) != 0;
  const int axis = flat ? 0 : TRY(ops::axis_of(c.attributes, "axis", 0, c.in(0).shape.rank()));
  const int64_t expected = c.out().shape.size(axis);
  std::array<bool, 4> wanted{};
  for (size_t i = 0; i < c.outputs.size() && i < wanted.size(); ++i) wanted[i] = c.outputs[i].present;
  const auto run = [=, dtype = c.in(0).dtype](const Buffers& b) {
    int64_t* order = reinterpret_cast<int64_t*>(b.scratch);
    int64_t* starts = order + view.count;
    const size_t count = static_cast<size_t>(view.count);
    const int64_t groups = ops::find_unique(dtype, b.in<void>(0), view, sorted, {order, count}, {starts, count});
    void* outputs[4];
    for (size_t i = 0; i < 4; ++i) outputs[i] = wanted[i] ? b.outputs[i] : nullptr;
    if (groups == expected)
      write_unique(view, groups, order, starts, dtype_size(dtype), {b.inputs, outputs, b.scratch, b.workers});
  };
  return Kernel(run, static_cast<size_t>(view.count) * 2 * sizeof(int64_t));
}

}  // namespace tercel::kernels
