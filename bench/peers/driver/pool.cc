#include "driver/pool.h"

#include <cmath>
#include <cstring>

namespace tercel::peers {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): one multiply-xor chain a value, fast enough to fill 64 MB in tens of milliseconds.
struct Random {
  uint64_t state = 1;
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // The sum of four uniforms, scaled to variance one: near enough to normal for inputs.
  float normal() {
    const uint64_t z = next();
    const auto sum = static_cast<float>((z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48));
    return (sum - 2 * 65535.0f) * (std::sqrt(3.0f) / 65536.0f);
  }
};

void fill(const Port& port, std::byte* to, Random& random) {
  for (size_t i = 0; i < port.elements; ++i) {
    if (port.values == "ids" || port.values == "mask") {
      // A mask of ones with a padded tail in every second row.
      const size_t row = port.shape.empty() ? 1 : static_cast<size_t>(port.shape.back());
      const bool padded = i / row % 2 == 1 && i % row > row / 2;
      const auto value =
          port.values == "ids" ? static_cast<int64_t>(random.next() % static_cast<uint64_t>(port.rows)) : int64_t{!padded};
      std::memcpy(to + i * sizeof value, &value, sizeof value);
    } else {
      const float value = random.normal();
      std::memcpy(to + i * sizeof value, &value, sizeof value);
    }
  }
}

}  // namespace

Pool::Pool(std::span<Port> inputs, size_t bytes) : inputs_(inputs) {
  for (const Port& port : inputs_) set_bytes_ += port.bytes();
  sets_ = set_bytes_ == 0 ? 1 : std::max<size_t>(1, (bytes + set_bytes_ - 1) / set_bytes_);
  data_.resize(sets_ * set_bytes_);
  Random random;
  std::byte* to = data_.data();
  for (size_t set = 0; set < sets_; ++set)
    for (const Port& port : inputs_) {
      fill(port, to, random);
      to += port.bytes();
    }
}

void Pool::next() {
  const std::byte* from = data_.data() + at_ * set_bytes_;
  for (Port& port : inputs_) {
    if (port.bytes() > 0) std::memcpy(port.data.get(), from, port.bytes());
    from += port.bytes();
  }
  at_ = at_ + 1 == sets_ ? 0 : at_ + 1;
}

}  // namespace tercel::peers
