// Normalisations over the last axes: LayerNormalization, RMSNormalization, tercel.SkipLayerNormalization.
#include "kernels/simd/accepts.h"
#include "kernels/simd/norm_leaves.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerElement = 0.4;

double epsilon_of(const StepContext& context) { return static_cast<double>(context.attributes.get_float("epsilon", 1e-5f)); }

Result<int> axis_of(const StepContext& context) {
  return normalize_axis(context.attributes.get_int("axis", -1), context.in(0).shape.rank());
}

// One number per element of a row: the normalised extents, and nothing in front of them but 1.
Refusal want_row_shape(const StepContext& context, size_t input, int axis) {
  if (!context.has(input)) return {};
  const Shape &x = context.in(0).shape, &s = context.in(input).shape;
  bool fits = s.rank() >= x.rank() - axis;
  for (int i = 1; fits && i <= s.rank(); ++i)
    fits = i <= x.rank() - axis ? s.size(s.rank() - i) == x.size(x.rank() - i) : s.size(s.rank() - i) == 1;
  return fits ? "" : "wants input " + std::to_string(input) + " to have the normalised extents, not " + to_string(s);
}

Refusal accepts_row_norm(const StepContext& context) {
  const Result<int> axis = axis_of(context);
  if (!axis) return axis.error().message();
  return first_of({want_float32(context, {0, 1, 2}), want_only_first_output(context), want_row_shape(context, 1, *axis),
                   want_row_shape(context, 2, *axis)});
}

struct Rows {
  int64_t count, width;
  Cut cut;
};
Rows rows_of(const Shape& x, int axis) {
  const int64_t count = x.elements(0, axis), width = x.elements(axis, x.rank());
  return {count, width, cut_work(count, kNsPerElement * static_cast<double>(width))};
}

Result<Kernel> bind_layer(const StepContext& context) {
  if (context.in(0).shape.elements() == 0) return nothing_to_do();
  const Rows rows = rows_of(context.in(0).shape, TRY(axis_of(context)));
  return Kernel([=, layer = norm_leaves(context.isa).layer, epsilon = epsilon_of(context),
                 has_bias = context.has(2)](const Buffers& buffers) {
    const float* bias = has_bias ? buffers.in<float>(2) : nullptr;
    run_anyhow(*buffers.workers, rows.cut, [&](int64_t begin, int64_t end, int) {
      const int64_t at = begin * rows.width;
      layer(buffers.in<float>(0) + at, buffers.in<float>(1), bias, buffers.out<float>() + at, end - begin,
            static_cast<size_t>(rows.width), epsilon);
    });
  });
}

Result<Kernel> bind_rms(const StepContext& context) {
  if (context.in(0).shape.elements() == 0) return nothing_to_do();
  const Rows rows = rows_of(context.in(0).shape, TRY(axis_of(context)));
  return Kernel([=, rms = norm_leaves(context.isa).rms, epsilon = epsilon_of(context)](const Buffers& buffers) {
    run_anyhow(*buffers.workers, rows.cut, [&](int64_t begin, int64_t end, int) {
      const int64_t at = begin * rows.width;
      rms(buffers.in<float>(0) + at, buffers.in<float>(1), buffers.out<float>() + at, end - begin,
          static_cast<size_t>(rows.width), epsilon);
    });
  });
}

Refusal accepts_skip(const StepContext& context) {
  if (!context.outputs[0].present) return "computes output 0, which nobody reads";
  return want_float32(context, {0, 1, 2, 3});
}

Result<Kernel> bind_skip(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  if (x.elements() == 0) return nothing_to_do();
  const Rows rows = rows_of(x, x.rank() - 1);
  const bool wants_sum = context.outputs.size() > 1 && context.outputs[1].present;
  return Kernel([=, skip = norm_leaves(context.isa).skip_layer, epsilon = epsilon_of(context)](const Buffers& buffers) {
    run_anyhow(*buffers.workers, rows.cut, [&](int64_t begin, int64_t end, int) {
      const int64_t at = begin * rows.width;
      skip(buffers.in<float>(0) + at, buffers.in<float>(1) + at, buffers.in<float>(2), buffers.in<float>(3),
           wants_sum ? buffers.out<float>(1) + at : nullptr, buffers.out<float>() + at, end - begin,
           static_cast<size_t>(rows.width), epsilon);
    });
  });
}

constexpr KernelRow kRows[] = {
    {"LayerNormalization", "layer-normalization/simd", platform::kPortable, accepts_row_norm, bind_layer, nullptr, true},
    {"RMSNormalization", "rms-normalization/simd", platform::kPortable, accepts_row_norm, bind_rms, nullptr, true},
    {"tercel.SkipLayerNormalization", "skip-layer-normalization/simd", platform::kPortable, accepts_skip, bind_skip, nullptr,
     true},
};

}  // namespace

std::span<const KernelRow> layer_norm_rows() { return kRows; }

}  // namespace tercel::kernels::simd
