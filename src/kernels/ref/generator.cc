#include "ops/generator.h"

#include <cstring>

#include "kernels/families.h"
#include "kernels/ref/strided_copy.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

Result<Kernel> bind_constant_of_shape(const StepContext& c) {
  uint64_t value = 0;
  if (const auto* given = c.attributes.get<Tensor>("value")) std::memcpy(&value, given->data(), given->bytes());
  return Kernel([value, elements = c.out().shape.elements(), bytes = dtype_size(c.out().dtype)](const Buffers& buffers) {
    fill_elements(buffers.outputs[0], elements, &value, bytes);
  });
}

// Element i is start + i * delta, computed anew for each: errors do not add up.
Result<Kernel> bind_range(const StepContext& c) {
  return visit_wide(c.out().dtype, [&]<typename W>() {
    return Kernel([type = c.out().dtype, elements = c.out().shape.elements()](const Buffers& buffers) {
      const auto start = static_cast<Wrapping<W>>(load_one<W>(type, buffers.inputs[0], 0));
      const auto delta = static_cast<Wrapping<W>>(load_one<W>(type, buffers.inputs[2], 0));
      for (int64_t i = 0; i < elements; ++i)
        store_one(type, buffers.outputs[0], i, static_cast<W>(start + static_cast<Wrapping<W>>(i) * delta));
    });
  });
}

Result<Kernel> bind_shape(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  return Kernel([sizes = x.sizes(), slice = ops::shape_slice(c.attributes, x.rank())](const Buffers& buffers) {
    std::copy(sizes.begin() + slice.start, sizes.begin() + slice.end, buffers.out<int64_t>());
  });
}

Result<Kernel> bind_size(const StepContext& c) {
  return Kernel([elements = c.in(0).shape.elements()](const Buffers& buffers) { *buffers.out<int64_t>() = elements; });
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind};
}

constexpr KernelRow kRows[] = {
    row("ConstantOfShape", "constantofshape/ref", bind_constant_of_shape),
    row("Range", "range/ref", bind_range),
    row("Shape", "shape/ref", bind_shape),
    row("Size", "size/ref", bind_size),
};

}  // namespace

std::span<const KernelRow> ref_generator_rows() { return kRows; }

}  // namespace tercel::kernels
