#include "kernels/ref/random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <random>

#include "kernels/ref/wide.h"

namespace tercel::kernels {

// SplitMix64: a counter through a mixing function that changes half of all bits when one input bit changes.
uint64_t RandomKey::bits(uint64_t i) const {
  uint64_t z = key + (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Box-Muller, from two uniform numbers of its own.
double RandomKey::normal(uint64_t i) const {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(2 * i)));
  return radius * std::cos(2 * std::numbers::pi * uniform(2 * i + 1));
}

RandomSource::RandomSource(const ops::Attributes& attributes) {
  if (const auto* seed = attributes.get<float>("seed")) {
    seeded_ = true;
    start_ = std::bit_cast<uint32_t>(*seed);
  } else if (const auto* whole = attributes.get<int64_t>("seed")) {
    seeded_ = true;
    start_ = static_cast<uint64_t>(*whole);
  } else {
    std::random_device device;
    start_ = (static_cast<uint64_t>(device()) << 32) | device();
  }
}

RandomKey RandomSource::next() const {
  const uint64_t run = seeded_ ? 0 : runs_->fetch_add(1, std::memory_order_relaxed);
  return {RandomKey{start_}.bits(run)};
}

namespace {

template <typename F>
Kernel draw_kernel(const StepContext& c, F f) {
  return Kernel([f, source = RandomSource(c.attributes), type = c.out().dtype,
                 elements = c.out().shape.elements()](const Buffers& buffers) {
    const RandomKey key = source.next();
    for (int64_t i = 0; i < elements; ++i) store_one(type, buffers.outputs[0], i, f(key, i, buffers));
  });
}

// The first class whose cumulated probability exceeds `u` times the total.
int64_t pick_class(DType type, const void* scores, int64_t start, int64_t classes, double u) {
  double largest = -std::numeric_limits<double>::infinity(), total = 0, sum = 0;
  for (int64_t k = 0; k < classes; ++k) largest = std::fmax(largest, load_one<double>(type, scores, start + k));
  for (int64_t k = 0; k < classes; ++k) total += std::exp(load_one<double>(type, scores, start + k) - largest);
  for (int64_t k = 0; k < classes; ++k) {
    sum += std::exp(load_one<double>(type, scores, start + k) - largest);
    if (u * total < sum) return k;
  }
  return classes - 1;
}

}  // namespace

Result<Kernel> bind_random_uniform(const StepContext& c) {
  const double low = c.attributes.get_float("low", 0), high = c.attributes.get_float("high", 1);
  return draw_kernel(
      c, [=](RandomKey key, int64_t i, const Buffers&) { return low + (high - low) * key.uniform(static_cast<uint64_t>(i)); });
}

Result<Kernel> bind_random_normal(const StepContext& c) {
  const double mean = c.attributes.get_float("mean", 0), scale = c.attributes.get_float("scale", 1);
  return draw_kernel(
      c, [=](RandomKey key, int64_t i, const Buffers&) { return mean + scale * key.normal(static_cast<uint64_t>(i)); });
}

Result<Kernel> bind_bernoulli(const StepContext& c) {
  return draw_kernel(c, [type = c.in(0).dtype](RandomKey key, int64_t i, const Buffers& buffers) {
    return key.uniform(static_cast<uint64_t>(i)) < load_one<double>(type, buffers.inputs[0], i) ? 1.0 : 0.0;
  });
}

Result<Kernel> bind_multinomial(const StepContext& c) {
  const int64_t classes = c.in(0).shape.size(1), samples = c.out().shape.size(1);
  return draw_kernel(c, [=, type = c.in(0).dtype](RandomKey key, int64_t i, const Buffers& buffers) {
    return pick_class(type, buffers.inputs[0], i / samples * classes, classes, key.uniform(static_cast<uint64_t>(i)));
  });
}

}  // namespace tercel::kernels
