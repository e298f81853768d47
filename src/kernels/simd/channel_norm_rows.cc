// Normalisations of channels: BatchNormalization (inference), InstanceNormalization, GroupNormalization.
#include <cmath>

#include "kernels/simd/accepts.h"
#include "kernels/simd/norm_leaves.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"
#include "ops/window.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kAffineNs = 0.2, kNormNs = 0.4;  // per element

double epsilon_of(const StepContext& context) { return static_cast<double>(context.attributes.get_float("epsilon", 1e-5f)); }

// [batches, channels, points] of an activation whose channels come second.
struct Planes {
  int64_t batches = 1, channels = 1, points = 1;
  bool channels_last = false;  // [batches * points, channels]
};
Planes planes_of(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  if (x.rank() < 2) return {.points = x.elements()};
  const ops::ActivationLayout layout = ops::layout_of(context.attributes, x.rank());
  const int channel = layout.channel_axis();
  Planes planes{x.size(0), x.size(channel), x.elements() ? x.elements() / x.size(0) / x.size(channel) : 0, layout.channels_last};
  planes.channels_last |= planes.points == 1;
  return planes;
}

Refusal accepts_batch(const StepContext& context) {
  return first_of({want_float32(context, {0, 1, 2, 3, 4}), want_only_first_output(context)});
}

Refusal accepts_moments(const StepContext& context) {
  if (context.attributes.get_int("channels_last", 0)) return "wants the channels second (channels_last = 0)";
  return first_of({want_float32(context, {0, 1, 2}), want_only_first_output(context)});
}

// factor = scale / sqrt(variance + epsilon), per channel.
void fill_factors(const Buffers& buffers, int64_t channels, double epsilon, float* factors) {
  for (int64_t i = 0; i < channels; ++i)
    factors[i] = static_cast<float>(static_cast<double>(buffers.in<float>(1)[i]) /
                                    std::sqrt(static_cast<double>(buffers.in<float>(4)[i]) + epsilon));
}

Result<Kernel> bind_batch(const StepContext& context) {
  const Planes planes = planes_of(context);
  if (context.in(0).shape.elements() == 0) return nothing_to_do();
  const NormLeaves leaves = norm_leaves(context.isa);
  const double epsilon = epsilon_of(context);
  const size_t scratch = static_cast<size_t>(planes.channels) * sizeof(float);
  if (planes.channels_last) {
    const Cut cut = cut_work(planes.batches * planes.points, kAffineNs * static_cast<double>(planes.channels));
    return Kernel(
        [=](const Buffers& buffers) {
          auto* factors = reinterpret_cast<float*>(buffers.scratch);
          fill_factors(buffers, planes.channels, epsilon, factors);
          run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
            const int64_t at = begin * planes.channels;
            leaves.affine_columns(buffers.in<float>(0) + at, buffers.in<float>(3), factors, buffers.in<float>(2),
                                  buffers.out<float>() + at, end - begin, static_cast<size_t>(planes.channels));
          });
        },
        scratch);
  }
  const Cut cut = cut_work(planes.batches * planes.channels, kAffineNs * static_cast<double>(planes.points));
  return Kernel(
      [=](const Buffers& buffers) {
        auto* factors = reinterpret_cast<float*>(buffers.scratch);
        fill_factors(buffers, planes.channels, epsilon, factors);
        run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
          for (int64_t plane = begin; plane < end; ++plane) {
            const int64_t c = plane % planes.channels, at = plane * planes.points;
            leaves.affine(buffers.in<float>(0) + at, buffers.in<float>(3)[c], factors[c], buffers.in<float>(2)[c],
                          buffers.out<float>() + at, static_cast<size_t>(planes.points));
          }
        });
      },
      scratch);
}

// Groups of neighbouring channels share their moments; an instance normalisation has groups of one.
Kernel group_kernel(const Planes& planes, int64_t per_group, double epsilon, const NormLeaves& leaves) {
  const int64_t points = planes.points, group_size = per_group * points;
  const Cut cut = cut_work(planes.batches * planes.channels / per_group, kNormNs * static_cast<double>(group_size));
  return Kernel([=, channels = planes.channels](const Buffers& buffers) {
    const float *scale = buffers.in<float>(1), *bias = buffers.in<float>(2);
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      for (int64_t group = begin; group < end; ++group) {
        const float* x = buffers.in<float>(0) + group * group_size;
        float* y = buffers.out<float>() + group * group_size;
        const Moments m = leaves.moments(x, static_cast<size_t>(group_size), epsilon);
        for (int64_t k = 0; k < per_group; ++k) {
          const int64_t c = (group * per_group + k) % channels;
          const float factor = m.inverse_deviation * scale[c];
          leaves.affine(x + k * points, m.mean, factor, bias[c] - m.mean_low * factor, y + k * points,
                        static_cast<size_t>(points));
        }
      }
    });
  });
}

Result<Kernel> bind_instance(const StepContext& context) {
  if (context.in(0).shape.elements() == 0) return nothing_to_do();
  return group_kernel(planes_of(context), 1, epsilon_of(context), norm_leaves(context.isa));
}

Result<Kernel> bind_group(const StepContext& context) {
  if (context.in(0).shape.elements() == 0) return nothing_to_do();
  const Planes planes = planes_of(context);
  const int64_t groups = context.attributes.get_int("num_groups", 1);
  if (groups < 1 || planes.channels % groups) return invalid("the groups do not divide the channels");
  return group_kernel(planes, planes.channels / groups, epsilon_of(context), norm_leaves(context.isa));
}

constexpr KernelRow kRows[] = {
    {"BatchNormalization", "batch-normalization/simd", platform::kPortable, accepts_batch, bind_batch, nullptr, true},
    {"InstanceNormalization", "instance-normalization/simd", platform::kPortable, accepts_moments, bind_instance, nullptr, true},
    {"GroupNormalization", "group-normalization/simd", platform::kPortable, accepts_moments, bind_group, nullptr, true},
};

}  // namespace

std::span<const KernelRow> channel_norm_rows() { return kRows; }

}  // namespace tercel::kernels::simd
