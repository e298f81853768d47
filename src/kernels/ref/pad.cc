// Pad and CenterCropPad.
#include <algorithm>
#include <cstring>

#include "kernels/ref/layout.h"

namespace tercel::kernels {

namespace {

// The input row that output row `i` of a padded axis shows, or -1 for the constant.
int64_t padded_source(int64_t i, int64_t extent, ops::PadMode mode) {
  if (i >= 0 && i < extent) return i;
  switch (mode) {
    case ops::PadMode::kConstant: return -1;
    case ops::PadMode::kEdge: return std::clamp<int64_t>(i, 0, extent - 1);
    case ops::PadMode::kWrap: return (i % extent + extent) % extent;
    case ops::PadMode::kReflect: break;
  }
  if (extent == 1) return 0;
  const int64_t period = 2 * (extent - 1), phase = (i % period + period) % period;
  return phase < extent ? phase : period - phase;
}

// Per axis: where the input starts in the output (negative when it is cropped) and how the border is filled.
struct Border {
  Shape in, out;
  std::array<int64_t, kRankMax> begin{};
  ops::PadMode mode = ops::PadMode::kConstant;
};

// The part of the output that shows the input as it is.
StridedCopy inner_copy(const Border& border) {
  const auto source = strides_of(border.in), target = strides_of(border.out);
  StridedCopy copy;
  for (int i = 0; i < border.in.rank(); ++i) {
    const int64_t first = std::max<int64_t>(border.begin[i], 0);
    const int64_t last = std::min(border.begin[i] + border.in.size(i), border.out.size(i));
    copy.add_axis(std::max<int64_t>(last - first, 0), source[i], target[i]);
    if (last <= first) continue;
    copy.source_offset += (first - border.begin[i]) * source[i];
    copy.target_offset += first * target[i];
  }
  return copy.simplified();
}

Result<Kernel> constant_border(const Border& border, DType dtype, size_t value_input) {
  return Kernel(
      [copy = inner_copy(border), elements = border.out.elements(), bytes = dtype_size(dtype), value_input](const Buffers& b) {
        const uint64_t zero = 0;
        const void* value = value_input && b.inputs[value_input] ? b.inputs[value_input] : &zero;
        fill_elements(b.out<void>(), elements, value, bytes);
        run_copy(copy, bytes, b.in<void>(0), b.out<void>(), *b.workers);
      });
}

// Reflect, edge and wrap: every output element by its index; simple before fast.
Result<Kernel> mapped_border(const Border& border, DType dtype) {
  return Kernel([border, bytes = dtype_size(dtype)](const Buffers& b) {
    const auto source = strides_of(border.in);
    const int64_t elements = border.out.elements();
    visit_element_bytes(bytes, [&]<typename T>() {
      for (int64_t o = 0; o < elements; ++o) {
        int64_t from = 0;
        for (int64_t i = border.out.rank() - 1, rest = o; i >= 0; rest /= border.out.size(static_cast<int>(i)), --i) {
          const int axis = static_cast<int>(i);
          const int64_t index = rest % border.out.size(axis) - border.begin[axis];
          from += padded_source(index, border.in.size(axis), border.mode) * source[axis];
        }
        b.out<T>()[o] = b.in<T>(0)[from];
      }
    });
  });
}

}  // namespace

Result<Kernel> bind_pad(const StepContext& c) {
  const Shape& in = c.in(0).shape;
  const ops::PadParameters p =
      TRY(ops::pad_parameters(c.attributes, *TRY(need_constant(c, 1)), c.has(3) ? TRY(need_constant(c, 3)) : nullptr, in.rank()));
  for (int i = 0; i < in.rank(); ++i)
    if (in.size(i) + p.begin[i] + p.end[i] != c.out().shape.size(i)) return invalid("the pads do not give the output's shape");
  const Border border{in, c.out().shape, p.begin, p.mode};
  if (p.mode == ops::PadMode::kConstant) return constant_border(border, c.in(0).dtype, c.has(2) ? 2 : 0);
  if (in.elements() == 0 && c.out().shape.elements() != 0) return invalid("the Pad has nothing to repeat");
  return mapped_border(border, c.in(0).dtype);
}

// The spare element goes after the input where it is padded, and is dropped from the end where it is cropped.
Result<Kernel> bind_center_crop_pad(const StepContext& c) {
  Border border{c.in(0).shape, c.out().shape};
  for (int i = 0; i < border.in.rank(); ++i) {
    const int64_t grown = border.out.size(i) - border.in.size(i);
    border.begin[i] = grown >= 0 ? grown / 2 : -(-grown / 2);
  }
  return constant_border(border, c.in(0).dtype, 0);
}

}  // namespace tercel::kernels
