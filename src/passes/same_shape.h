#pragma once

#include "passes/match.h"

namespace tercel::passes {

// Which values have the same shape for sure, even where extents are unknown: elementwise operators pass shapes on. A
// snapshot; values added later are compared by their types.
class SameShape {
 public:
  explicit SameShape(const Editor& e);
  bool operator()(ValueId a, ValueId b) const;

 private:
  ValueId origin(ValueId id) const { return id < origin_.size() ? origin_[id] : id; }

  const Editor& e_;
  std::vector<ValueId> origin_;  // by ValueId: the value whose shape it has
};

}  // namespace tercel::passes
