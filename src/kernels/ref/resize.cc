// Resize: which input elements make an output element is worked out per axis when the step is bound; running is sums.
#include <algorithm>
#include <cmath>

#include "kernels/ref/image.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/strided_copy.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

using ops::Coordinates;
using ops::NearestMode;
using ops::ResizeMode;
using ops::ResizeParameters;

// All axes together; 16 bytes each.
constexpr int64_t kTapsMax = int64_t{1} << 28;

struct Tap {
  int64_t index;  // along the input axis
  double weight;
};

// The taps of every output position along one axis: taps[starts[x]] to taps[starts[x + 1] - 1]. None: outside the region of
// a crop, where the output is the extrapolation value.
struct AxisTaps {
  int axis = 0;
  std::vector<Tap> taps;
  std::vector<int64_t> starts{0};

  std::span<const Tap> at(int64_t x) const {
    const auto from = static_cast<size_t>(starts[static_cast<size_t>(x)]),
               to = static_cast<size_t>(starts[static_cast<size_t>(x) + 1]);
    return std::span(taps).subspan(from, to - from);
  }
  bool is_identity(const ResizeParameters::Axis& extents) const {
    if (extents.in != extents.out || static_cast<int64_t>(taps.size()) != extents.out) return false;
    for (int64_t x = 0; x < extents.out; ++x)
      if (at(x).size() != 1 || at(x)[0].index != x || at(x)[0].weight != 1) return false;
    return true;
  }
};

int64_t nearest_index(NearestMode mode, double x) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor: return static_cast<int64_t>(std::ceil(x - 0.5));
    case NearestMode::kRoundPreferCeil: return static_cast<int64_t>(std::floor(x + 0.5));
    case NearestMode::kFloor: return static_cast<int64_t>(std::floor(x));
    case NearestMode::kCeil: return static_cast<int64_t>(std::ceil(x));
  }
  return 0;
}

// The weight of an element at distance d from the sampled place, for filters that are stretched to smooth.
double filter(const ResizeParameters& p, double d) {
  d = std::fabs(d);
  if (p.mode == ResizeMode::kLinear) return std::max(0.0, 1 - d);
  const double a = p.cubic_a;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// The elements that make position x, indices not yet clamped.
void collect_taps(const ResizeParameters& p, double scale, double x, std::vector<Tap>& taps) {
  const double low = std::floor(x), ratio = x - low;
  const auto first = static_cast<int64_t>(low);
  if (p.mode == ResizeMode::kNearest) {
    taps.push_back({nearest_index(p.nearest, x), 1});
  } else if (p.antialias) {
    const double shrink = std::min(scale, 1.0), reach = (p.mode == ResizeMode::kLinear ? 1 : 2) / shrink;
    const auto begin = static_cast<int64_t>(std::floor(x - reach)) + 1, end = static_cast<int64_t>(std::ceil(x + reach)) - 1;
    for (int64_t i = begin; i <= end; ++i) taps.push_back({i, filter(p, (static_cast<double>(i) - x) * shrink)});
  } else if (p.mode == ResizeMode::kLinear) {
    taps.push_back({first, 1 - ratio});
    taps.push_back({first + 1, ratio});
  } else {
    double weights[4];
    cubic_weights(ratio, p.cubic_a, weights);
    for (int i = 0; i < 4; ++i) taps.push_back({first - 1 + i, weights[i]});
  }
}

// Clamps indices (the border repeats) or drops outside elements, drops zero weights, and makes the weights add up to one.
void settle_taps(const ResizeParameters& p, int64_t extent, std::vector<Tap>& taps) {
  if (p.mode == ResizeMode::kNearest) {
    taps[0].index = std::clamp<int64_t>(taps[0].index, 0, extent - 1);
    return;
  }
  double sum = 0;
  for (Tap& tap : taps) {
    if (p.exclude_outside && (tap.index < 0 || tap.index >= extent)) tap.weight = 0;
    tap.index = std::clamp<int64_t>(tap.index, 0, extent - 1);
    sum += tap.weight;
  }
  std::erase_if(taps, [](const Tap& tap) { return tap.weight == 0; });
  if (taps.empty()) taps.push_back({0, 0});
  if ((p.antialias || p.exclude_outside) && sum != 0)
    for (Tap& tap : taps) tap.weight /= sum;
}

Result<AxisTaps> taps_of(const ResizeParameters& p, int axis) {
  const ResizeParameters::Axis& extents = p.axes[static_cast<size_t>(axis)];
  AxisTaps result{axis};
  std::vector<Tap> taps;
  // How many elements each stretched filter covers is known before any is listed.
  const double reach = p.antialias ? 4 / std::min(extents.scale, 1.0) + 2 : 4;
  if (static_cast<double>(extents.out) * reach > static_cast<double>(kTapsMax))
    return too_large("a Resize of " + std::to_string(extents.in) + " to " + std::to_string(extents.out) +
                     " elements along one axis");
  for (int64_t x = 0; x < extents.out; ++x) {
    const double source = extents.source(p.coordinates, x), last = static_cast<double>(extents.in - 1);
    taps.clear();
    if (p.coordinates != Coordinates::kCropAndResize || (source >= 0 && source <= last)) {
      // Far outside, every tap is the border element: stay where integers can follow.
      collect_taps(p, extents.scale, std::isnan(source) ? 0 : std::clamp(source, -0x1p52, 0x1p52), taps);
      settle_taps(p, extents.in, taps);
    }
    result.taps.insert(result.taps.end(), taps.begin(), taps.end());
    result.starts.push_back(static_cast<int64_t>(result.taps.size()));
  }
  return result;
}

struct Plan {
  Shape in, out;
  std::array<int64_t, kRankMax> source{};  // input strides
  std::vector<AxisTaps> resized;           // the axes that are not copied as they are
  std::array<int, kRankMax> resized_as{};  // by axis: index into `resized`, or -1
  double extrapolation = 0;
};

// The weighted sum over the taps of axis `k` on, from the element at `offset` of the input.
template <typename T>
double weighted(const Plan& plan, std::span<const std::span<const Tap>> taps, size_t k, const T* data, int64_t offset) {
  if (k == taps.size()) return convert<double>(data[offset]);
  const int64_t stride = plan.source[static_cast<size_t>(plan.resized[k].axis)];
  double sum = 0;
  for (const Tap& tap : taps[k]) sum += tap.weight * weighted(plan, taps, k + 1, data, offset + tap.index * stride);
  return sum;
}

// Calls f(flat output index, taps by resized axis, input offset by the other axes, whether it lies in the input).
template <typename F>
void for_each_output(const Plan& plan, int64_t begin, int64_t end, F&& f) {
  std::array<std::span<const Tap>, kRankMax> taps;
  for (int64_t o = begin; o < end; ++o) {
    int64_t offset = 0;
    bool inside = true;
    int64_t rest = o;
    for (int axis = plan.out.rank() - 1; axis >= 0; rest /= plan.out.size(axis), --axis) {
      const int64_t x = rest % plan.out.size(axis);
      const int k = plan.resized_as[static_cast<size_t>(axis)];
      if (k < 0) {
        offset += x * plan.source[static_cast<size_t>(axis)];
        continue;
      }
      taps[static_cast<size_t>(k)] = plan.resized[static_cast<size_t>(k)].at(x);
      inside = inside && !taps[static_cast<size_t>(k)].empty();
    }
    f(o, std::span(taps).first(plan.resized.size()), offset, inside);
  }
}

Kernel weighted_kernel(Plan plan, DType dtype) {
  return Kernel([plan = std::move(plan), dtype](const Buffers& b) {
    visit_dtype(dtype, [&]<typename T>() {
      for_row_chunks(*b.workers, plan.out.elements(), [&](int64_t begin, int64_t end) {
        for_each_output(plan, begin, end,
                        [&](int64_t o, std::span<const std::span<const Tap>> taps, int64_t offset, bool inside) {
                          double value = inside ? weighted(plan, taps, 0, b.in<T>(0), offset) : plan.extrapolation;
                          if constexpr (std::is_integral_v<T>) value = std::rint(value);
                          b.out<T>()[o] = convert<T>(value);
                        });
      });
    });
  });
}

// Nearest: elements move, whatever they are.
Kernel nearest_kernel(Plan plan, DType dtype) {
  uint64_t outside = 0;
  store_one(dtype, &outside, 0, plan.extrapolation);
  return Kernel([plan = std::move(plan), outside, bytes = dtype_size(dtype)](const Buffers& b) {
    visit_element_bytes(bytes, [&]<typename T>() {
      for_row_chunks(*b.workers, plan.out.elements(), [&](int64_t begin, int64_t end) {
        for_each_output(plan, begin, end,
                        [&](int64_t o, std::span<const std::span<const Tap>> taps, int64_t offset, bool inside) {
                          for (size_t k = 0; inside && k < taps.size(); ++k)
                            offset += taps[k][0].index * plan.source[static_cast<size_t>(plan.resized[k].axis)];
                          b.out<T>()[o] = inside ? b.in<T>(0)[offset] : static_cast<T>(outside);
                        });
      });
    });
  });
}

}  // namespace

void cubic_weights(double ratio, double a, double (&weights)[4]) {
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  weights[0] = far(ratio + 1);
  weights[1] = near(ratio);
  weights[2] = near(1 - ratio);
  weights[3] = far(2 - ratio);
}

Result<Kernel> bind_resize(const StepContext& c) {
  const ResizeParameters p =
      TRY(ops::resize_parameters(c.attributes, c.in(0).shape, c.constant(1), c.constant(2), c.constant(3)));
  Plan plan{c.in(0).shape, c.out().shape, strides_of(c.in(0).shape)};
  plan.extrapolation = p.extrapolation;
  for (int axis = 0; axis < plan.in.rank(); ++axis) {
    if (p.axes[static_cast<size_t>(axis)].out != plan.out.size(axis))
      return invalid("the Resize does not give the output's shape");
    plan.resized_as[static_cast<size_t>(axis)] = -1;
    AxisTaps taps = TRY(taps_of(p, axis));
    if (taps.is_identity(p.axes[static_cast<size_t>(axis)])) continue;
    plan.resized_as[static_cast<size_t>(axis)] = static_cast<int>(plan.resized.size());
    plan.resized.push_back(std::move(taps));
  }
  const DType dtype = c.in(0).dtype;
  return p.mode == ResizeMode::kNearest ? nearest_kernel(std::move(plan), dtype) : weighted_kernel(std::move(plan), dtype);
}

}  // namespace tercel::kernels
