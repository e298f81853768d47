// Reference kernels that move data without looking at it: any element type, by its size.
#include "kernels/ref/layout.h"

#include <cstring>

#include "kernels/families.h"

namespace tercel::kernels {

Result<const Tensor*> need_constant(const StepContext& c, size_t input) {
  if (const Tensor* value = c.constant(input)) return value;
  return Error(ErrorCode::kNeedsValue, "input " + std::to_string(input) + " must be known when the step is bound");
}

namespace {

Result<Kernel> bind_same_bytes(const StepContext& c) {
  if (c.in(0).bytes() != c.out().bytes()) return invalid("input and output differ in size");
  return same_bytes_kernel(c.out().bytes());
}

Result<Kernel> bind_transpose(const StepContext& c) {
  const Shape& shape = c.in(0).shape;
  const std::vector<int> permutation = TRY(ops::permutation_of(c.attributes, shape.rank()));
  const auto source = strides_of(shape), target = strides_of(c.out().shape);
  StridedCopy copy;
  for (int i = 0; i < shape.rank(); ++i) copy.add_axis(shape.size(permutation[i]), source[permutation[i]], target[i]);
  return copy_kernel(copy, c.in(0).dtype);
}

// Expand: an axis that is repeated has stride 0 in the source.
Result<Kernel> bind_expand(const StepContext& c) {
  const Shape &in = c.in(0).shape, &out = c.out().shape;
  const auto source = strides_of(in), target = strides_of(out);
  StridedCopy copy;
  for (int i = 0; i < out.rank(); ++i) {
    const int k = i - (out.rank() - in.rank());
    copy.add_axis(out.size(i), k < 0 || in.size(k) == 1 ? 0 : source[k], target[i]);
  }
  return copy_kernel(copy, c.in(0).dtype);
}

// Tile: each axis is a repeat of stride 0 around the original.
Result<Kernel> bind_tile(const StepContext& c) {
  const Shape &in = c.in(0).shape, &out = c.out().shape;
  const auto source = strides_of(in), target = strides_of(out);
  StridedCopy copy;
  for (int i = 0; i < out.rank(); ++i) {
    if (in.size(i) == 0) return same_bytes_kernel(0);
    copy.add_axis(out.size(i) / in.size(i), 0, target[i] * in.size(i));
    copy.add_axis(in.size(i), source[i], target[i]);
  }
  return copy_kernel(copy, c.in(0).dtype);
}

Result<Kernel> bind_slice(const StepContext& c) {
  const Shape &in = c.in(0).shape, &out = c.out().shape;
  const ops::SliceParameters p = TRY(ops::slice_parameters(*TRY(need_constant(c, 1)), *TRY(need_constant(c, 2)),
                                                           c.has(3) ? TRY(need_constant(c, 3)) : nullptr,
                                                           c.has(4) ? TRY(need_constant(c, 4)) : nullptr, in.rank()));
  std::array<ops::SliceAxis, kRankMax> axes;
  for (int i = 0; i < in.rank(); ++i) axes[i] = {0, 1, in.size(i)};
  for (size_t k = 0; k < p.axes.size(); ++k)
    axes[p.axes[k]] = ops::slice_axis(in.size(p.axes[k]), p.starts[k], p.ends[k], p.steps[k]);
  const auto source = strides_of(in), target = strides_of(out);
  StridedCopy copy;
  for (int i = 0; i < in.rank(); ++i) {
    if (axes[i].count != out.size(i)) return invalid("the slice does not have the output's shape");
    // A lone element's step may be huge: it is never taken, and must not overflow.
    copy.add_axis(axes[i].count, axes[i].count > 1 ? axes[i].step * source[i] : 0, target[i]);
    copy.source_offset += axes[i].start * source[i];
  }
  if (out.elements() == 0) return same_bytes_kernel(0);
  return copy_kernel(copy, c.in(0).dtype);
}

// Copies one tensor into, or out of, a window of a larger one that starts at `offset` along `axis`.
StridedCopy window_copy(const Shape& window, const Shape& whole, int axis, int64_t offset, bool into) {
  const auto small = strides_of(window), large = strides_of(whole);
  StridedCopy copy;
  for (int i = 0; i < window.rank(); ++i) copy.add_axis(window.size(i), into ? small[i] : large[i], into ? large[i] : small[i]);
  (into ? copy.target_offset : copy.source_offset) = offset * large[axis];
  return copy.simplified();
}

Result<Kernel> bind_concat(const StepContext& c) {
  const Shape& out = c.out().shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", 0, out.rank()));
  std::vector<StridedCopy> copies;
  int64_t offset = 0;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    copies.push_back(window_copy(c.in(i).shape, out, axis, offset, true));
    offset += c.in(i).shape.size(axis);
  }
  if (offset != out.size(axis)) return invalid("the inputs of the Concat do not fill its output");
  return Kernel([copies = std::move(copies), bytes = dtype_size(c.out().dtype)](const Buffers& b) {
    for (size_t i = 0; i < copies.size(); ++i) run_copy(copies[i], bytes, b.in<void>(i), b.out<void>(), *b.workers);
  });
}

Result<Kernel> bind_split(const StepContext& c) {
  const Shape& in = c.in(0).shape;
  const int axis = TRY(ops::axis_of(c.attributes, "axis", 0, in.rank()));
  const Tensor* split = c.has(1) ? TRY(need_constant(c, 1)) : nullptr;
  const std::vector<int64_t> sizes = TRY(ops::split_sizes(in.size(axis), split, c.outputs.size()));
  std::vector<StridedCopy> copies;
  int64_t offset = 0;
  for (int64_t size : sizes) {
    Shape part = in;
    part[axis] = Dim(size);
    copies.push_back(window_copy(part, in, axis, offset, false));
    offset += size;
  }
  return Kernel([copies = std::move(copies), bytes = dtype_size(c.in(0).dtype)](const Buffers& b) {
    for (size_t i = 0; i < copies.size(); ++i)
      if (b.out<void>(i)) run_copy(copies[i], bytes, b.in<void>(0), b.out<void>(i), *b.workers);
  });
}

// [N, C, H, W] between blocks in the channels and blocks in space: a transpose of six axes.
Result<Kernel> bind_depth_to_space(const StepContext& c) {
  const Shape &in = c.in(0).shape, &out = c.out().shape;
  const int64_t b = TRY(ops::block_size_of(c.attributes));
  const auto source = strides_of(in), target = strides_of(out);
  const bool blocks_first = c.attributes.get_string("mode", "DCR") == "DCR";  // channel = (block row, block column, depth)
  const int64_t depth = out.size(1), block_stride = blocks_first ? depth * source[1] : source[1];
  StridedCopy copy;
  copy.add_axis(out.size(0), source[0], target[0]);
  copy.add_axis(depth, blocks_first ? source[1] : b * b * source[1], target[1]);
  copy.add_axis(in.size(2), source[2], b * target[2]);
  copy.add_axis(b, b * block_stride, target[2]);
  copy.add_axis(in.size(3), source[3], b * target[3]);
  copy.add_axis(b, block_stride, target[3]);
  return copy_kernel(copy, c.in(0).dtype);
}

Result<Kernel> bind_space_to_depth(const StepContext& c) {
  const Shape &in = c.in(0).shape, &out = c.out().shape;
  const int64_t b = TRY(ops::block_size_of(c.attributes));
  const auto source = strides_of(in), target = strides_of(out);
  StridedCopy copy;
  copy.add_axis(out.size(0), source[0], target[0]);
  copy.add_axis(b, source[2], b * in.size(1) * target[1]);
  copy.add_axis(b, source[3], in.size(1) * target[1]);
  copy.add_axis(in.size(1), source[1], target[1]);
  copy.add_axis(out.size(2), b * source[2], target[2]);
  copy.add_axis(out.size(3), b * source[3], target[3]);
  return copy_kernel(copy, c.in(0).dtype);
}

constexpr KernelRow kRows[] = {
    {"Reshape", "reshape/ref", platform::kPortable, nullptr, bind_same_bytes, nullptr, true},
    {"Flatten", "flatten/ref", platform::kPortable, nullptr, bind_same_bytes, nullptr, true},
    {"Squeeze", "squeeze/ref", platform::kPortable, nullptr, bind_same_bytes, nullptr, true},
    {"Unsqueeze", "unsqueeze/ref", platform::kPortable, nullptr, bind_same_bytes, nullptr, true},
    {"Transpose", "transpose/ref", platform::kPortable, nullptr, bind_transpose},
    {"Concat", "concat/ref", platform::kPortable, nullptr, bind_concat},
    {"Split", "split/ref", platform::kPortable, nullptr, bind_split},
    {"Slice", "slice/ref", platform::kPortable, nullptr, bind_slice},
    {"Pad", "pad/ref", platform::kPortable, nullptr, bind_pad},
    {"Expand", "expand/ref", platform::kPortable, nullptr, bind_expand},
    {"Tile", "tile/ref", platform::kPortable, nullptr, bind_tile},
    {"DepthToSpace", "depthtospace/ref", platform::kPortable, nullptr, bind_depth_to_space},
    {"SpaceToDepth", "spacetodepth/ref", platform::kPortable, nullptr, bind_space_to_depth},
    {"Trilu", "trilu/ref", platform::kPortable, nullptr, bind_trilu, nullptr, true},
    {"ReverseSequence", "reversesequence/ref", platform::kPortable, nullptr, bind_reverse_sequence},
    {"CenterCropPad", "centercroppad/ref", platform::kPortable, nullptr, bind_center_crop_pad},
    {"Col2Im", "col2im/ref", platform::kPortable, nullptr, bind_col2im},
};

}  // namespace

std::span<const KernelRow> ref_layout_rows() { return kRows; }

}  // namespace tercel::kernels
