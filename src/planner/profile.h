#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "plan/program.h"

namespace tercel::planner {

// One extent of a profile: low..high, equal when fixed.
struct Range {
  int64_t low = 1, high = 1;
};

// What a user says of one input: "x=1..8x3x224x224".
struct ProfileItem {
  std::string input;
  std::vector<Range> axes;
};

// Parses "x=1..8x3x224x224,mask=1..8x128" (commas or several texts). Errors show the text and what was expected.
Result<std::vector<ProfileItem>> parse_profile(std::string_view text);

// Input shapes of one bucket point, in input order.
using BucketShapes = std::vector<Shape>;

// The shapes a plan accepts and the points it is tuned at.
struct Profile {
  std::vector<plan::InputRange> inputs;  // in order of the main graph's inputs
  std::vector<BucketShapes> buckets;     // smallest first, at least one unless an extent has no usable value
};

// Most bucket points that are chosen automatically.
inline constexpr int kBucketsMax = 4;

// Joins what the model declares with what the user asks. A symbolic extent without a range is open (1..kDimMax) and tuned
// at 1. `given` buckets ("x=4x3x224x224") replace the chosen ones: low and high ends, and powers of two between them.
// Extents that share a symbol move together. Errors name the input and the axis.
Result<Profile> make_profile(const graph::Model& model, const std::vector<ProfileItem>& items,
                             const std::vector<std::vector<ProfileItem>>& given_buckets);

}  // namespace tercel::planner
