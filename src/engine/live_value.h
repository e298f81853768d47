#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/program.h"

namespace tercel::engine {

// Where the bytes of a value lie while a bound graph runs.
struct Place {
  enum class Kind : uint8_t {
    kNowhere,  // no bytes: not computed, or only its type was of interest
    kFixed,    // `address`: constants, and values of regions that are bound
    kSlot,     // slot `index` of the bound graph: buffers of the caller and of nodes whose sizes depend on data
    kStorage,  // buffer `index` of the region that is being built
  };
  Kind kind = Kind::kNowhere;
  uint32_t index = 0;
  const void* address = nullptr;

  static Place fixed(const void* address) { return {Kind::kFixed, 0, address}; }
  static Place slot(uint32_t index) { return {Kind::kSlot, index, nullptr}; }
  static Place storage(uint32_t index) { return {Kind::kStorage, index, nullptr}; }
  bool operator==(const Place&) const = default;
};

// What is known of one value while its graph is bound.
struct LiveValue {
  enum class Source : uint8_t {
    kComputed,  // by a step, or while binding this shape
    kOwn,       // a constant of the graph
    kCaptured,  // a constant of an outer graph
  };
  bool typed = false;
  Source source = Source::kComputed;
  TensorType type;
  std::optional<Tensor> known;  // contents that are the same in every run of this binding
  Place place;
};

// Who reads each value last, by ValueId: the index of a node, kNobody, or kCaller for outputs of the graph.
struct ValueUses {
  static constexpr int32_t kNobody = -1, kCaller = INT32_MAX;
  std::vector<int32_t> last_reader;

  explicit ValueUses(const plan::ProgramGraph& graph) : last_reader(graph.values.size(), kNobody) {
    for (size_t node = 0; node < graph.nodes.size(); ++node)
      for (plan::ValueId input : graph.nodes[node].inputs)
        if (input != plan::kNoValue) last_reader[input] = static_cast<int32_t>(node);
    for (plan::ValueId output : graph.outputs) last_reader[output] = kCaller;
  }
  bool wanted(plan::ValueId value) const { return value != plan::kNoValue && last_reader[value] != kNobody; }
};

}  // namespace tercel::engine
