#pragma once

#include <span>
#include <vector>

#include "driver/port.h"

namespace tercel::peers {

// Many sets of inputs, one behind the other; next() copies the next one into the ports' buffers, so that no run sees the
// inputs of the last. The same ports and seed give the same values in every engine's process.
class Pool {
 public:
  // Sets are made until they fill `bytes`; at least one.
  Pool(std::span<Port> inputs, size_t bytes);
  void next();
  void first() { at_ = 0, next(); }
  size_t sets() const { return sets_; }

 private:
  std::span<Port> inputs_;
  std::vector<std::byte> data_;
  size_t set_bytes_ = 0, sets_ = 0, at_ = 0;
};

}  // namespace tercel::peers
