// Operators on boxes: RoiAlign, MaxRoiPool, NonMaxSuppression.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/ref/image.h"
#include "kernels/ref/indexing.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// Regions come from data: without a limit one absurd region would keep a request busy for ever. An adaptive grid takes at most
// so many samples a side.
constexpr double kSamplesMax = 512;

// Start and sample spacing of one bin along one axis.
struct Bins {
  double start, size, samples;
  Bins(double low, double high, double scale, bool half_pixel, int64_t count, int64_t ratio) {
    const double offset = half_pixel ? 0.5 : 0;
    start = low * scale - offset;
    double length = high * scale - offset - start;
    if (!half_pixel) length = std::max(length, 1.0);  // malformed regions are 1 wide
    size = length / static_cast<double>(count);
    samples = ratio > 0 ? static_cast<double>(ratio) : std::clamp(std::isnan(size) ? 0 : std::ceil(size), 0.0, kSamplesMax);
  }
  double at(int64_t bin, int64_t sample) const {
    return start + static_cast<double>(bin) * size + (static_cast<double>(sample) + 0.5) * size / samples;
  }
};

// Two neighbours along one axis; none (weights 0) for a place outside the image.
struct Neighbours {
  int64_t low = 0, high = 0;
  double low_weight = 0, high_weight = 0;
  Neighbours(double x, int64_t extent) {
    if (!(x >= -1 && x <= static_cast<double>(extent))) return;
    x = std::clamp(x, 0.0, static_cast<double>(extent - 1));
    low = static_cast<int64_t>(x);
    high = std::min(low + 1, extent - 1);
    high_weight = x - static_cast<double>(low);
    low_weight = 1 - high_weight;
  }
  bool is_outside() const { return low_weight == 0 && high_weight == 0; }
};

// The average, or (as ONNX has it) the largest weighted neighbour, over the samples of one bin.
template <typename T>
double pool_bin(const T* plane, int64_t height, int64_t width, const Bins& rows, const Bins& columns, int64_t row, int64_t column,
                bool is_max) {
  double sum = 0, largest = 0;
  bool any = false;
  for (int64_t i = 0; i < static_cast<int64_t>(rows.samples); ++i) {
    const Neighbours y(rows.at(row, i), height);
    if (y.is_outside()) {  // of a region that is much larger than the image, most samples
      largest = any ? std::max(largest, 0.0) : 0;
      any = true;
      continue;
    }
    for (int64_t j = 0; j < static_cast<int64_t>(columns.samples); ++j) {
      const Neighbours x(columns.at(column, j), width);
      const double parts[] = {y.low_weight * x.low_weight * convert<double>(plane[y.low * width + x.low]),
                              y.low_weight * x.high_weight * convert<double>(plane[y.low * width + x.high]),
                              y.high_weight * x.low_weight * convert<double>(plane[y.high * width + x.low]),
                              y.high_weight * x.high_weight * convert<double>(plane[y.high * width + x.high])};
      sum += parts[0] + parts[1] + parts[2] + parts[3];
      const double peak = *std::max_element(parts, parts + 4);
      largest = any ? std::max(largest, peak) : peak;
      any = true;
    }
  }
  return is_max ? largest : sum / std::max(1.0, rows.samples * columns.samples);
}

template <typename T>
void align_region(const ops::RoiAlignParameters& p, const Shape& x, const T* image, const T* region, T* out) {
  const auto number = [&](int i) { return convert<double>(region[i]); };
  const Bins columns(number(0), number(2), p.scale, p.half_pixel, p.width, p.sampling_ratio);
  const Bins rows(number(1), number(3), p.scale, p.half_pixel, p.height, p.sampling_ratio);
  const int64_t channels = x.size(1), height = x.size(2), width = x.size(3);
  for (int64_t channel = 0; channel < channels; ++channel, image += height * width)
    for (int64_t i = 0; i < p.height; ++i)
      for (int64_t j = 0; j < p.width; ++j)
        *out++ = height * width == 0 ? T{} : convert<T>(pool_bin(image, height, width, rows, columns, i, j, p.is_max));
}

// Calls f with the C++ type of a float dtype.
template <typename F>
void visit_float(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat64: return f.template operator()<double>();
    case DType::kFloat16: return f.template operator()<Half>();
    case DType::kBFloat16: return f.template operator()<BFloat16>();
    default: return f.template operator()<float>();
  }
}

// The elements of bin `bin` of `count` that divide a region of `size` elements from `start` on.
struct PooledRange {
  int64_t begin, end;
  PooledRange(double start, double size, int64_t bin, int64_t count, int64_t extent) {
    const double step = size / static_cast<double>(count), limit = static_cast<double>(extent);
    const double low = std::floor(static_cast<double>(bin) * step) + start,
                 high = std::ceil(static_cast<double>(bin + 1) * step) + start;
    begin = convert<int64_t>(std::clamp(low, 0.0, limit));
    end = convert<int64_t>(std::clamp(high, 0.0, limit));
  }
};

template <typename T>
void pool_region(const Shape& x, const Shape& y, double scale, const T* data, const T* region, T* out) {
  const int64_t channels = x.size(1), height = x.size(2), width = x.size(3);
  const auto edge = [&](int i) { return std::round(convert<double>(region[i]) * scale); };
  const double left = edge(1), top = edge(2), wide = std::max(edge(3) - left + 1, 1.0), high = std::max(edge(4) - top + 1, 1.0);
  const int64_t image = x.size(0) == 0 ? 0 : clamped_index(convert<int64_t>(convert<double>(region[0])), x.size(0));
  for (int64_t channel = 0; channel < channels; ++channel) {
    const T* plane = data + (image * channels + channel) * height * width;
    for (int64_t bin = 0; bin < y.size(2) * y.size(3); ++bin) {
      const PooledRange rows(top, high, bin / y.size(3), y.size(2), x.size(0) ? height : 0),
          columns(left, wide, bin % y.size(3), y.size(3), width);
      bool any = false;
      double largest = 0;  // of an empty bin
      for (int64_t i = rows.begin; i < rows.end; ++i) {
        for (int64_t j = columns.begin; j < columns.end; ++j) {
          const double value = convert<double>(plane[i * width + j]);
          largest = any && !(value > largest) ? largest : value;
          any = true;
        }
      }
      *out++ = convert<T>(largest);
    }
  }
}

}  // namespace

Result<Kernel> bind_roi_align(const StepContext& c) {
  const ops::RoiAlignParameters p = TRY(ops::roi_align_parameters(c.attributes));
  const Shape x = c.in(0).shape;
  const int64_t regions = c.in(1).shape.size(0), image_size = x.elements(1, 4), out_size = c.out().shape.elements(1, 4);
  return Kernel([=, dtype = c.in(0).dtype, wide = c.in(2).dtype == DType::kInt64, zeros = c.out().bytes()](const Buffers& b) {
    if (x.size(0) == 0) {
      std::fill_n(b.out<char>(), zeros, 0);
      return;
    }
    visit_float(dtype, [&]<typename T>() {
      for_row_chunks(*b.workers, regions, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t image = clamped_index(index_at(b.in<void>(2), wide, i), x.size(0));
          align_region(p, x, b.in<T>(0) + image * image_size, b.in<T>(1) + i * 4, b.out<T>() + i * out_size);
        }
      });
    });
  });
}

Result<Kernel> bind_max_roi_pool(const StepContext& c) {
  const Shape x = c.in(0).shape, y = c.out().shape;
  const auto scale = static_cast<double>(c.attributes.get_float("spatial_scale", 1));
  return Kernel([=, dtype = c.in(0).dtype](const Buffers& b) {
    visit_float(dtype, [&]<typename T>() {
      for_row_chunks(*b.workers, y.size(0), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          pool_region(x, y, scale, b.in<T>(0), b.in<T>(1) + i * 5, b.out<T>() + i * y.elements(1, 4));
      });
    });
  });
}

// Sized by what the rule counted; rows past that count are not written, missing ones are zero.
Result<Kernel> bind_non_max_suppression(const StepContext& c) {
  const Shape scores = c.in(1).shape;
  const std::array<bool, 5> has{true, true, c.has(2), c.has(3), c.has(4)};
  const bool wide = c.has(2) && c.in(2).dtype == DType::kInt64;
  const int64_t room = c.out().shape.size(0);
  const auto run = [=, attributes = c.attributes](const Buffers& b) {
    const ops::BoxSelection s = ops::box_selection(attributes, scores, has[2] ? index_at(b.in<void>(2), wide, 0) : 0,
                                                   has[3] ? b.in<float>(3) : nullptr, has[4] ? b.in<float>(4) : nullptr);
    std::span<int64_t> order(reinterpret_cast<int64_t*>(b.scratch), static_cast<size_t>(s.boxes));
    const int64_t count = ops::select_boxes(s, b.in<float>(0), b.in<float>(1), order, b.out<int64_t>(), room);
    for (int64_t i = std::min(count, room) * 3; i < room * 3; ++i) b.out<int64_t>()[i] = 0;
  };
  return Kernel(run, static_cast<size_t>(scores.size(2)) * sizeof(int64_t));
}

}  // namespace tercel::kernels
