#include "ops/einsum.h"

#include <algorithm>
#include <array>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// The labels of one loop nest: how far each input moves along each.
struct LabelLoop {
  std::vector<int64_t> extents;
  std::vector<std::vector<int64_t>> strides;  // by input, then label
  int64_t elements = 1;

  int64_t offset(size_t input, int64_t flat) const {
    int64_t offset = 0;
    for (size_t i = extents.size(); i-- > 0; flat /= extents[i]) offset += flat % extents[i] * strides[input][i];
    return offset;
  }
};

// Moves of an input along a label: the sum over its axes that carry it (a diagonal has two).
int64_t label_stride(const Shape& shape, std::span<const int> labels, int label) {
  const auto strides = strides_of(shape);
  int64_t stride = 0;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (labels[static_cast<size_t>(axis)] == label && shape.size(axis) != 1) stride += strides[static_cast<size_t>(axis)];
  return stride;
}

LabelLoop loop_over(std::span<const int> labels, const ops::EinsumEquation& equation, std::span<const Shape> shapes,
                    std::span<const Dim> extents) {
  LabelLoop loop;
  loop.strides.resize(shapes.size());
  for (int label : labels) {
    const int64_t extent = extents[static_cast<size_t>(label)].size();
    loop.extents.push_back(extent);
    loop.elements *= extent;
    for (size_t k = 0; k < shapes.size(); ++k) loop.strides[k].push_back(label_stride(shapes[k], equation.inputs[k], label));
  }
  return loop;
}

}  // namespace

// Straight from the definition: for every output element, the sum over all other labels of the product of the inputs.
Result<Kernel> bind_einsum(const StepContext& c) {
  std::vector<Shape> shapes;
  std::vector<int> ranks, summed;
  for (const auto& input : c.inputs) {
    shapes.push_back(input.type.shape);
    ranks.push_back(input.type.shape.rank());
  }
  const ops::EinsumEquation equation = TRY(ops::parse_einsum(c.attributes.get_string("equation", ""), ranks));
  const std::vector<Dim> extents = TRY(ops::einsum_extents(equation, shapes));
  for (int label = 0; label < ops::kEinsumLabelsMax; ++label) {
    const auto& out = equation.output;
    if (std::find(out.begin(), out.end(), label) == out.end() && !(extents[static_cast<size_t>(label)] == Dim(1)))
      summed.push_back(label);
  }
  return visit_wide(c.in(0).dtype, [&]<typename W>() {
    return Kernel([type = c.in(0).dtype, inputs = shapes.size(), kept = loop_over(equation.output, equation, shapes, extents),
                   sums = loop_over(summed, equation, shapes, extents)](const Buffers& buffers) {
      for_row_chunks(*buffers.workers, kept.elements, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          std::array<int64_t, ops::kEinsumInputsMax> starts;
          for (size_t k = 0; k < inputs; ++k) starts[k] = kept.offset(k, i);
          Wrapping<W> sum = 0;
          for (int64_t j = 0; j < sums.elements; ++j) {
            Wrapping<W> product = 1;
            for (size_t k = 0; k < inputs; ++k)
              product *= static_cast<Wrapping<W>>(load_one<W>(type, buffers.inputs[k], starts[k] + sums.offset(k, j)));
            sum += product;
          }
          store_one(type, buffers.outputs[0], i, static_cast<W>(sum));
        }
      });
    });
  });
}

}  // namespace tercel::kernels
