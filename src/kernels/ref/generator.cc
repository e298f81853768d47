#include "ops/generator.h"

#include <cstring>

#include "kernels/families.h"
#include "kernels/ref/random.h"
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

Result<Kernel> bind_eye_like(const StepContext& c) {
  const Shape& shape = c.out().shape;
  return Kernel([rows = shape.size(0), columns = shape.size(1), k = c.attributes.get_int("k", 0), type = c.out().dtype,
                 bytes = c.out().bytes()](const Buffers& buffers) {
    if (bytes) std::memset(buffers.outputs[0], 0, bytes);
    // Diagonals beyond the corners are empty; comparing this way round cannot overflow.
    if (k >= columns || k <= -rows) return;
    for (int64_t i = std::max<int64_t>(0, -k); i < rows && i + k < columns; ++i)
      store_one<uint64_t>(type, buffers.outputs[0], i * columns + i + k, 1);
  });
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind};
}

constexpr KernelRow kRows[] = {
    row("Bernoulli", "bernoulli/ref", bind_bernoulli),
    row("ConstantOfShape", "constantofshape/ref", bind_constant_of_shape),
    row("EyeLike", "eyelike/ref", bind_eye_like),
    row("Multinomial", "multinomial/ref", bind_multinomial),
    row("RandomNormal", "randomnormal/ref", bind_random_normal),
    row("RandomNormalLike", "randomnormallike/ref", bind_random_normal),
    row("RandomUniform", "randomuniform/ref", bind_random_uniform),
    row("RandomUniformLike", "randomuniformlike/ref", bind_random_uniform),
    row("Range", "range/ref", bind_range),
    row("Shape", "shape/ref", bind_shape),
    row("Size", "size/ref", bind_size),
};

}  // namespace

std::span<const KernelRow> ref_generator_rows() { return kRows; }

}  // namespace tercel::kernels
