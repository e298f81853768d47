#pragma once

#include <string>
#include <vector>

#include "load/metadata.h"
#include "load/options.h"

namespace tercel::load {

inline constexpr size_t kRequestBytesMax = size_t{1} << 30;  // body of one request
inline constexpr size_t kBodiesBytesMax = size_t{1} << 28;   // all different bodies of one client, when there is more than one
inline constexpr size_t kBodiesMax = 4096;                   // different bodies of one client

// The bodies that a client sends in turn. All have the same shapes, so the same JSON and the same length.
struct Bodies {
  size_t json_bytes = 0;            // at the beginning of each: the Inference-Header-Content-Length
  std::vector<std::string> bodies;  // at least one
  std::string shapes;               // "x=1x784", for the report
};

// Inputs of `shapes` ("x=1x784"), else of the extents that the model fixes; an open one is 1.
// Contents: random by `seed` (floats between -1 and 1, integers and booleans 0 or 1), or of a .npz whose arrays have the
// inputs' names and types. An array that is longer than its input in the first dimension is cut into that many requests.
Result<Bodies> make_bodies(const std::vector<InputMetadata>& inputs, const ClientOptions& client, uint64_t seed);

}  // namespace tercel::load
