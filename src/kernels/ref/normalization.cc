#include <cmath>

#include "kernels/ref/broadcast.h"
#include "kernels/ref/reduction_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/strided_index.h"
#include "ops/window.h"

namespace tercel::kernels {

namespace {

struct Moments {
  double mean, inverse_deviation;
};

// Two passes: the variance is of the differences from the mean.
template <typename ForEach>
Moments moments_of(ForEach&& for_each, int64_t count, double epsilon) {
  double sum = 0, squares = 0;
  for_each([&](double x) { sum += x; });
  const double mean = sum / static_cast<double>(count);
  for_each([&](double x) { squares += (x - mean) * (x - mean); });
  return {mean, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

double epsilon_of(const StepContext& c) { return c.attributes.get_float("epsilon", 1e-5f); }

// Scale or bias of a LayerNormalization: element `flat` of the output reads at(flat).
struct Affine {
  bool present = false;
  size_t input = 0;
  DType type = DType::kFloat32;
  BroadcastPlan plan;
  double at(const Buffers& buffers, int64_t flat, double otherwise) const {
    return present ? load_one<double>(type, buffers.inputs[input], plan.offset(0, flat)) : otherwise;
  }
};
Affine affine_of(const StepContext& c, size_t input) {
  const Shape shape = c.has(input) ? c.in(input).shape : Shape{};
  return {c.has(input), input, c.has(input) ? c.in(input).dtype : DType::kFloat32,
          BroadcastPlan(c.in(0).shape, std::span(&shape, 1))};
}

// Rows of `width` elements, densely behind each other.
struct RowShape {
  int64_t rows, width;
};
Result<RowShape> rows_from_axis(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int axis = TRY(normalize_axis(c.attributes.get_int("axis", -1), x.rank()));
  return RowShape{x.elements(0, axis), x.elements(axis, x.rank())};
}

// What every channel (or group of channels) of an activation does with its elements.
struct ChannelPlan {
  StridedIndex slices;  // batches, then channels
  StridedIndex inside;  // the elements of one slice
  int64_t channels;
};
ChannelPlan channel_plan(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int channel = ops::layout_of(c.attributes, x.rank()).channel_axis();
  const ops::AxisSet slices = 1u | (1u << channel);
  return {StridedIndex(x, slices), StridedIndex(x, ops::all_axes(x.rank()) & ~slices), x.size(channel)};
}

}  // namespace

Result<Kernel> bind_layer_normalization(const StepContext& c) {
  const RowShape shape = TRY(rows_from_axis(c));
  const auto wants = [&](size_t i) { return c.outputs.size() > i && c.outputs[i].present; };
  const DType statistics = wants(1) ? c.out(1).dtype : wants(2) ? c.out(2).dtype : DType::kFloat32;
  return Kernel([=, type = c.in(0).dtype, epsilon = epsilon_of(c), scale = affine_of(c, 1), bias = affine_of(c, 2),
                 mean = wants(1), deviation = wants(2)](const Buffers& buffers) {
    StridedIndex row;
    row.add_axis(shape.width, 1);
    for_row_chunks(*buffers.workers, shape.rows, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = i * shape.width;
        const Moments m = moments_of([&](auto&& visit) { for_each_wide<double>(row, type, buffers.inputs[0], start, visit); },
                                     shape.width, epsilon);
        if (mean) store_one(statistics, buffers.outputs[1], i, m.mean);
        if (deviation) store_one(statistics, buffers.outputs[2], i, m.inverse_deviation);
        if (!buffers.outputs[0]) continue;
        transform_wide(row, type, buffers.inputs[0], type, buffers.outputs[0], start, [&](double x, int64_t at) {
          return (x - m.mean) * m.inverse_deviation * scale.at(buffers, start + at, 1) + bias.at(buffers, start + at, 0);
        });
      }
    });
  });
}

Result<Kernel> bind_skip_layer_normalization(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int64_t width = x.size(x.rank() - 1), rows = x.elements(0, x.rank() - 1);
  return Kernel([=, type = c.in(0).dtype, epsilon = epsilon_of(c),
                 sums = c.outputs.size() > 1 && c.outputs[1].present](const Buffers& buffers) {
    for_row_chunks(*buffers.workers, rows, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto sum_at = [&](int64_t j) {
          return load_one<double>(type, buffers.inputs[0], i * width + j) +
                 load_one<double>(type, buffers.inputs[1], i * width + j);
        };
        const Moments m = moments_of(
            [&](auto&& visit) {
              for (int64_t j = 0; j < width; ++j) visit(sum_at(j));
            },
            width, epsilon);
        for (int64_t j = 0; j < width; ++j) {
          const double sum = sum_at(j), scale = load_one<double>(type, buffers.inputs[2], j),
                       bias = load_one<double>(type, buffers.inputs[3], j);
          if (sums) store_one(type, buffers.outputs[1], i * width + j, sum);
          if (buffers.outputs[0])
            store_one(type, buffers.outputs[0], i * width + j, (sum - m.mean) * m.inverse_deviation * scale + bias);
        }
      }
    });
  });
}

Result<Kernel> bind_rms_normalization(const StepContext& c) {
  const RowShape shape = TRY(rows_from_axis(c));
  return Kernel([=, in_type = c.in(0).dtype, out_type = c.out().dtype, epsilon = epsilon_of(c),
                 scale = affine_of(c, 1)](const Buffers& buffers) {
    StridedIndex row;
    row.add_axis(shape.width, 1);
    for_row_chunks(*buffers.workers, shape.rows, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = i * shape.width;
        double squares = 0;
        for_each_wide<double>(row, in_type, buffers.inputs[0], start, [&](double x) { squares += x * x; });
        const double factor = 1 / std::sqrt(squares / static_cast<double>(shape.width) + epsilon);
        transform_wide(row, in_type, buffers.inputs[0], out_type, buffers.outputs[0], start,
                       [&](double x, int64_t at) { return x * factor * scale.at(buffers, start + at, 1); });
      }
    });
  });
}

Result<Kernel> bind_batch_normalization(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int channel = x.rank() < 2 ? 0 : ops::layout_of(c.attributes, x.rank()).channel_axis();
  const int64_t channels = x.rank() < 2 ? 1 : x.size(channel);
  const ops::AxisSet axis = x.rank() < 2 ? 0 : 1u << channel;
  std::array<DType, 5> types;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!c.has(i)) return invalid("input " + std::to_string(i) + " is missing");
    if (i > 0 && c.in(i).shape.elements() != channels)
      return invalid("input " + std::to_string(i) + " must hold one element a channel, " + std::to_string(channels));
    types[i] = c.in(i).dtype;
  }
  return Kernel([=, inside = StridedIndex(x, ops::all_axes(x.rank()) & ~axis), slices = StridedIndex(x, axis),
                 epsilon = epsilon_of(c)](const Buffers& buffers) {
    for_row_chunks(*buffers.workers, channels, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto parameter = [&](size_t input) { return load_one<double>(types[input], buffers.inputs[input], i); };
        const double factor = parameter(1) / std::sqrt(parameter(4) + epsilon), mean = parameter(3), bias = parameter(2);
        transform_wide(inside, types[0], buffers.inputs[0], types[0], buffers.outputs[0], slices.offset(i),
                       [&](double value, int64_t) { return (value - mean) * factor + bias; });
      }
    });
  });
}

Result<Kernel> bind_instance_normalization(const StepContext& c) {
  return Kernel([plan = channel_plan(c), type = c.in(0).dtype, scale_type = c.in(1).dtype, bias_type = c.in(2).dtype,
                 epsilon = epsilon_of(c)](const Buffers& buffers) {
    const auto one = [&](int64_t i) {
      const int64_t channel = i % plan.channels, start = plan.slices.offset(i);
      const Moments m =
          moments_of([&](auto&& visit) { for_each_wide<double>(plan.inside, type, buffers.inputs[0], start, visit); },
                     plan.inside.elements(), epsilon);
      const double scale = load_one<double>(scale_type, buffers.inputs[1], channel),
                   bias = load_one<double>(bias_type, buffers.inputs[2], channel);
      transform_wide(plan.inside, type, buffers.inputs[0], type, buffers.outputs[0], start,
                     [&](double x, int64_t) { return (x - m.mean) * m.inverse_deviation * scale + bias; });
    };
    for_row_chunks(*buffers.workers, plan.slices.elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  });
}

// Moments of all channels of a group together; scale and bias are per channel.
Result<Kernel> bind_group_normalization(const StepContext& c) {
  const ChannelPlan plan = channel_plan(c);
  const int64_t groups = c.attributes.get_int("num_groups", 1), per_group = plan.channels / groups,
                batches = c.in(0).shape.size(0);
  return Kernel([=, type = c.in(0).dtype, scale_type = c.in(1).dtype, bias_type = c.in(2).dtype,
                 epsilon = epsilon_of(c)](const Buffers& buffers) {
    const auto one = [&](int64_t group) {
      const int64_t first = group * per_group;
      const auto for_each = [&](auto&& visit) {
        for (int64_t k = 0; k < per_group; ++k)
          for_each_wide<double>(plan.inside, type, buffers.inputs[0], plan.slices.offset(first + k), visit);
      };
      const Moments m = moments_of(for_each, per_group * plan.inside.elements(), epsilon);
      for (int64_t k = 0; k < per_group; ++k) {
        const int64_t channel = (first + k) % plan.channels;
        const double scale = load_one<double>(scale_type, buffers.inputs[1], channel),
                     bias = load_one<double>(bias_type, buffers.inputs[2], channel);
        transform_wide(plan.inside, type, buffers.inputs[0], type, buffers.outputs[0], plan.slices.offset(first + k),
                       [&](double x, int64_t) { return (x - m.mean) * m.inverse_deviation * scale + bias; });
      }
    };
    for_row_chunks(*buffers.workers, batches * groups, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  });
}

Result<Kernel> bind_mean_variance_normalization(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  constexpr int64_t kDefaultAxes[] = {0, 2, 3};
  const auto given = c.attributes.get_ints("axes");
  ops::AxisSet axes = 0;
  for (int64_t axis : given.empty() ? std::span<const int64_t>(kDefaultAxes) : given)
    axes |= 1u << TRY(normalize_axis(axis, x.rank()));
  return Kernel([plan = ReducePlan(x, axes), type = c.in(0).dtype](const Buffers& buffers) {
    constexpr double kEpsilon = 1e-9;  // of the operator's definition, added to the deviation
    for_row_chunks(*buffers.workers, plan.kept.elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = plan.kept.offset(i);
        const Moments m =
            moments_of([&](auto&& visit) { for_each_wide<double>(plan.reduced, type, buffers.inputs[0], start, visit); },
                       plan.reduced.elements(), 0);
        const double factor = 1 / (1 / m.inverse_deviation + kEpsilon);
        transform_wide(plan.reduced, type, buffers.inputs[0], type, buffers.outputs[0], start,
                       [&](double v, int64_t) { return (v - m.mean) * factor; });
      }
    });
  });
}

// y = x / (bias + alpha / size * sum of the squares of the channels around)^beta.
Result<Kernel> bind_lrn(const StepContext& c) {
  const Shape& x = c.in(0).shape;
  const int64_t size = c.attributes.get_int("size", 1), channels = x.size(1), step = strides_of(x)[1];
  const double alpha = c.attributes.get_float("alpha", 0.0001f), beta = c.attributes.get_float("beta", 0.75f),
               bias = c.attributes.get_float("bias", 1);
  return Kernel([=, plan = ReducePlan(x, 1u << 1), type = c.in(0).dtype](const Buffers& buffers) {
    for_row_chunks(*buffers.workers, plan.kept.elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = plan.kept.offset(i);
        for (int64_t channel = 0; channel < channels; ++channel) {
          const int64_t low = std::max<int64_t>(0, channel - (size - 1) / 2), high = std::min(channels - 1, channel + size / 2);
          double squares = 0;
          for (int64_t k = low; k <= high; ++k) {
            const double value = load_one<double>(type, buffers.inputs[0], start + k * step);
            squares += value * value;
          }
          const double value = load_one<double>(type, buffers.inputs[0], start + channel * step);
          store_one(type, buffers.outputs[0], start + channel * step,
                    value / std::pow(bias + alpha / static_cast<double>(size) * squares, beta));
        }
      }
    });
  });
}

}  // namespace tercel::kernels
