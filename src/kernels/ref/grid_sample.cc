// GridSample and AffineGrid.
#include <algorithm>
#include <cmath>

#include "kernels/ref/image.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

using ops::SampleMode;
using ops::SamplePadding;

// Where a sample lies along one axis: up to four elements and their weights.
struct AxisSample {
  int64_t index[4];  // -1: outside, counts as zero
  double weight[4];
  int count;
};

struct Sampler {
  SampleMode mode;
  SamplePadding padding;
  bool align_corners;

  // From -1..1 to the position along an axis.
  double position(double normalized, int64_t extent) const {
    const auto n = static_cast<double>(extent);
    return align_corners ? (normalized + 1) / 2 * (n - 1) : ((normalized + 1) * n - 1) / 2;
  }

  double low() const { return align_corners ? 0 : -0.5; }
  double high(int64_t extent) const { return static_cast<double>(extent) - (align_corners ? 1 : 0.5); }

  // Mirrors x at the borders until it lies between them.
  double reflected(double x, int64_t extent) const {
    const double range = high(extent) - low();
    if (!(range > 0)) return 0;
    const double phase = std::fmod(std::fabs(x - low()), 2 * range);
    return low() + (phase <= range ? phase : 2 * range - phase);
  }

  // The element that stands for index i, which may lie outside.
  int64_t element(double i, int64_t extent) const {
    if (i >= 0 && i < static_cast<double>(extent)) return static_cast<int64_t>(i);
    if (padding == SamplePadding::kZeros) return -1;
    const double inside = padding == SamplePadding::kReflection ? reflected(i, extent) : i;
    return static_cast<int64_t>(std::clamp(std::isnan(inside) ? 0 : inside, 0.0, static_cast<double>(extent - 1)));
  }

  AxisSample sample(double normalized, int64_t extent) const {
    double x = position(normalized, extent);
    if (mode == SampleMode::kNearest) x = std::rint(x);
    // A NaN, and infinities that cannot be reflected, lie outside; so does what integers cannot count.
    if (!(x >= low() && x <= high(extent))) {
      if (padding == SamplePadding::kReflection) x = reflected(x, extent);
      else x = std::clamp(x, -8.0, static_cast<double>(extent) + 8);
      if (std::isnan(x)) x = -8;
    }
    AxisSample s;
    const double first = std::floor(x), ratio = x - first;
    if (mode == SampleMode::kNearest) {
      s = {{element(x, extent)}, {1}, 1};
    } else if (mode == SampleMode::kLinear) {
      s = {{element(first, extent), element(first + 1, extent)}, {1 - ratio, ratio}, 2};
    } else {
      s.count = 4;
      cubic_weights(ratio, -0.75, s.weight);
      for (int i = 0; i < 4; ++i) s.index[i] = element(first - 1 + i, extent);
    }
    return s;
  }
};

// The weighted sum over the axes from `axis` on.
template <typename T>
double gather(const AxisSample* samples, const Shape& x, int axis, const T* image, int64_t offset) {
  if (axis == x.rank()) return convert<double>(image[offset]);
  double sum = 0;
  for (int i = 0; i < samples->count; ++i) {
    if (samples->index[i] < 0 || samples->weight[i] == 0) continue;
    sum += samples->weight[i] * gather(samples + 1, x, axis + 1, image, offset * x.size(axis) + samples->index[i]);
  }
  return sum;
}

}  // namespace

Result<Kernel> bind_grid_sample(const StepContext& c) {
  const Sampler sampler{TRY(ops::sample_mode_of(c.attributes)), TRY(ops::sample_padding_of(c.attributes)),
                        c.attributes.get_int("align_corners", 0) != 0};
  const Shape x = c.in(0).shape;
  const int64_t points = c.out().shape.elements(2, c.out().shape.rank()), channels = x.size(1), pixels = x.elements(2, x.rank());
  return Kernel([=, batches = x.size(0), x_type = c.in(0).dtype, grid_type = c.in(1).dtype](const Buffers& b) {
    visit_dtype(x_type, [&]<typename T>() {
      for_row_chunks(*b.workers, pixels == 0 ? 0 : batches * points, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int axes = x.rank() - 2;
          AxisSample samples[kRankMax];
          // The grid names the innermost axis first.
          for (int axis = 0; axis < axes; ++axis)
            samples[axis] =
                sampler.sample(element_as_double(grid_type, b.in<void>(1), i * axes + axes - 1 - axis), x.size(axis + 2));
          for (int64_t channel = 0; channel < channels; ++channel) {
            const int64_t plane = i / points * channels + channel;
            double value = gather(samples, x, 2, b.in<T>(0) + plane * pixels, 0);
            if constexpr (std::is_integral_v<T>) value = std::rint(value);
            b.out<T>()[plane * points + i % points] = convert<T>(value);
          }
        }
      });
    });
  });
}

Result<Kernel> bind_affine_grid(const StepContext& c) {
  const Shape out = c.out().shape;
  const int axes = out.rank() - 2;
  const bool align_corners = c.attributes.get_int("align_corners", 0) != 0;
  return Kernel([=, dtype = c.in(0).dtype, points = out.elements(1, out.rank() - 1), batches = out.size(0)](const Buffers& b) {
    for (int64_t i = 0; i < batches * points; ++i) {
      double place[kRankMax];  // innermost axis first, then 1
      int64_t rest = i % points;
      for (int k = 0; k < axes; ++k) {
        const int64_t extent = out.size(out.rank() - 2 - k);
        const auto index = static_cast<double>(rest % extent), n = static_cast<double>(extent);
        place[k] = align_corners ? (extent == 1 ? 0 : 2 * index / (n - 1) - 1) : (2 * index + 1) / n - 1;
        rest /= extent;
      }
      place[axes] = 1;
      for (int row = 0; row < axes; ++row) {
        double sum = 0;
        for (int k = 0; k <= axes; ++k)
          sum += place[k] * element_as_double(dtype, b.in<void>(0), (i / points * axes + row) * (axes + 1) + k);
        store_one(dtype, b.out<void>(), i * axes + row, sum);
      }
    }
  });
}

}  // namespace tercel::kernels
