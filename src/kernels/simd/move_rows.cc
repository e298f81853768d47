// Operators that move elements without looking at them: any type, by its size.
#include <cstring>
#include <vector>

#include "kernels/simd/accepts.h"
#include "kernels/simd/move.h"
#include "kernels/simd/rows.h"
#include "ops/checks.h"
#include "ops/layout.h"

namespace tercel::kernels::simd {

namespace {

Result<Kernel> bind_same_bytes(const StepContext& context) {
  if (context.in(0).bytes() != context.out().bytes()) return invalid("input and output differ in size");
  Move move;
  move.add(static_cast<int64_t>(context.out().bytes()), 1, 1);
  return Kernel([plan = MovePlan(move, 1, context.isa)](const Buffers& buffers) {
    if (buffers.inputs[0] != buffers.outputs[0]) plan.run(buffers.inputs[0], buffers.outputs[0], *buffers.workers);
  });
}

Result<Kernel> bind_transpose(const StepContext& context) {
  const Shape& shape = context.in(0).shape;
  const std::vector<int> permutation = TRY(ops::permutation_of(context.attributes, shape.rank()));
  const auto source = strides_of(shape), target = strides_of(context.out().shape);
  Move move;
  for (int i = 0; i < shape.rank(); ++i) {
    const int from = permutation[static_cast<size_t>(i)];
    move.add(shape.size(from), source[static_cast<size_t>(from)], target[static_cast<size_t>(i)]);
  }
  return move_kernel(move, context);
}

Result<Kernel> bind_expand(const StepContext& context) {
  const Shape &in = context.in(0).shape, &out = context.out().shape;
  const auto source = strides_of(in), target = strides_of(out);
  Move move;
  for (int i = 0; i < out.rank(); ++i) {
    const int own = i - (out.rank() - in.rank());
    move.add(out.size(i), own < 0 || in.size(own) == 1 ? 0 : source[static_cast<size_t>(own)], target[static_cast<size_t>(i)]);
  }
  return move_kernel(move, context);
}

// Each axis is a repeat around the original.
Result<Kernel> bind_tile(const StepContext& context) {
  const Shape &in = context.in(0).shape, &out = context.out().shape;
  const auto source = strides_of(in), target = strides_of(out);
  Move move;
  if (out.elements() == 0) return nothing_to_do();
  for (int i = 0; i < out.rank(); ++i) {
    const auto at = static_cast<size_t>(i);
    move.add(out.size(i) / in.size(i), 0, target[at] * in.size(i));
    move.add(in.size(i), source[at], target[at]);
  }
  return move_kernel(move, context);
}

Refusal wants_constants(const StepContext& context) {
  for (size_t i = 1; i < context.inputs.size(); ++i)
    if (context.has(i) && !context.constant(i)) return "wants input " + std::to_string(i) + " to be known when the step is bound";
  return {};
}

Result<Kernel> bind_slice(const StepContext& context) {
  const Shape &in = context.in(0).shape, &out = context.out().shape;
  const ops::SliceParameters p =
      TRY(ops::slice_parameters(*context.constant(1), *context.constant(2), context.constant(3), context.constant(4), in.rank()));
  std::array<ops::SliceAxis, kRankMax> axes;
  for (int i = 0; i < in.rank(); ++i) axes[static_cast<size_t>(i)] = {0, 1, in.size(i)};
  for (size_t k = 0; k < p.axes.size(); ++k)
    axes[static_cast<size_t>(p.axes[k])] = ops::slice_axis(in.size(p.axes[k]), p.starts[k], p.ends[k], p.steps[k]);
  const auto source = strides_of(in), target = strides_of(out);
  Move move;
  for (int i = 0; i < in.rank(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (axes[at].count != out.size(i)) return invalid("the slice does not have the output's shape");
    // The step of a lone element may be huge: it is never taken, and must not overflow.
    move.add(axes[at].count, axes[at].count > 1 ? axes[at].step * source[at] : 0, target[at]);
    move.source_offset += axes[at].count > 0 ? axes[at].start * source[at] : 0;
  }
  return move_kernel(move, context);
}

// Between a tensor and the window of a larger one that starts at `offset` along `axis`.
Move window_move(const Shape& window, const Shape& whole, int axis, int64_t offset, bool into) {
  const auto small = strides_of(window), large = strides_of(whole);
  Move move;
  for (int i = 0; i < window.rank(); ++i) {
    const auto at = static_cast<size_t>(i);
    move.add(window.size(i), into ? small[at] : large[at], into ? large[at] : small[at]);
  }
  (into ? move.target_offset : move.source_offset) = offset * large[static_cast<size_t>(axis)];
  return move;
}

Refusal accepts_concat(const StepContext& context) {
  for (const StepContext::Operand& input : context.inputs)
    if (!input.present) return "wants every input to be there";
  return {};
}

Result<Kernel> bind_concat(const StepContext& context) {
  const Shape& out = context.out().shape;
  const int axis = TRY(ops::axis_of(context.attributes, "axis", 0, out.rank()));
  std::vector<MovePlan> plans;
  int64_t offset = 0;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    plans.emplace_back(window_move(context.in(i).shape, out, axis, offset, true), dtype_size(context.out().dtype), context.isa);
    offset += context.in(i).shape.size(axis);
  }
  if (offset != out.size(axis)) return invalid("the inputs of the Concat do not fill its output");
  return Kernel([plans = std::move(plans)](const Buffers& buffers) {
    for (size_t i = 0; i < plans.size(); ++i) plans[i].run(buffers.inputs[i], buffers.outputs[0], *buffers.workers);
  });
}

Result<Kernel> bind_split(const StepContext& context) {
  const Shape& in = context.in(0).shape;
  const int axis = TRY(ops::axis_of(context.attributes, "axis", 0, in.rank()));
  const std::vector<int64_t> sizes = TRY(ops::split_sizes(in.size(axis), context.constant(1), context.outputs.size()));
  struct Part {
    size_t output;
    MovePlan plan;
  };
  std::vector<Part> parts;
  int64_t offset = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Shape part = in;
    part[axis] = Dim(sizes[i]);
    if (context.outputs[i].present)
      parts.push_back({i, MovePlan(window_move(part, in, axis, offset, false), dtype_size(context.in(0).dtype), context.isa)});
    offset += sizes[i];
  }
  return Kernel([parts = std::move(parts)](const Buffers& buffers) {
    for (const Part& part : parts) part.plan.run(buffers.inputs[0], buffers.outputs[part.output], *buffers.workers);
  });
}

Result<Kernel> bind_depth_to_space(const StepContext& context) {
  const Shape &in = context.in(0).shape, &out = context.out().shape;
  const int64_t block = TRY(ops::block_size_of(context.attributes));
  const auto source = strides_of(in), target = strides_of(out);
  const bool blocks_first = context.attributes.get_string("mode", "DCR") == "DCR";  // channel = (block row, block column, depth)
  const int64_t depth = out.size(1), block_step = blocks_first ? depth * source[1] : source[1];
  Move move;
  move.add(out.size(0), source[0], target[0]);
  move.add(depth, blocks_first ? source[1] : block * block * source[1], target[1]);
  move.add(in.size(2), source[2], block * target[2]);
  move.add(block, block * block_step, target[2]);
  move.add(in.size(3), source[3], block * target[3]);
  move.add(block, block_step, target[3]);
  return move_kernel(move, context);
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&),
                        Refusal (*accepts)(const StepContext&) = nullptr, bool in_place = false) {
  return {op, name, platform::kPortable, accepts, bind, nullptr, in_place};
}

constexpr KernelRow kRows[] = {
    row("Transpose", "transpose/simd", bind_transpose),
    row("Concat", "concat/simd", bind_concat, accepts_concat),
    row("Split", "split/simd", bind_split, wants_constants),
    row("Slice", "slice/simd", bind_slice, wants_constants),
    row("Expand", "expand/simd", bind_expand),
    row("Tile", "tile/simd", bind_tile),
    row("DepthToSpace", "depth-to-space/simd", bind_depth_to_space),
    row("Identity", "identity/simd", bind_same_bytes, nullptr, true),
    row("Reshape", "reshape/simd", bind_same_bytes, nullptr, true),
    row("Flatten", "flatten/simd", bind_same_bytes, nullptr, true),
    row("Squeeze", "squeeze/simd", bind_same_bytes, nullptr, true),
    row("Unsqueeze", "unsqueeze/simd", bind_same_bytes, nullptr, true),
};

}  // namespace

std::span<const KernelRow> move_rows() { return kRows; }

}  // namespace tercel::kernels::simd
