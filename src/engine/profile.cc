#include "engine/profile.h"

#include <algorithm>

#include "kernels/kernel.h"

namespace tercel::engine {

namespace {

std::string text_of(const plan::InputRange& range) {
  std::string text;
  for (size_t axis = 0; axis < range.low.size(); ++axis) {
    if (axis) text += 'x';
    text += std::to_string(range.low[axis]);
    if (range.high[axis] != range.low[axis])
      text += ".." + (range.high[axis] == plan::kDimMax ? "" : std::to_string(range.high[axis]));
  }
  return text.empty() ? "a scalar" : text;
}

plan::InputRange declared_range(const plan::Program& program, plan::ValueId id) {
  const plan::ProgramValue& value = program.main().values[id];
  plan::InputRange range{value.name, value.type.dtype, {}, {}, {}};
  for (Dim dim : value.type.shape.dims()) {
    range.low.push_back(dim.is_known() ? dim.size() : 0);
    range.high.push_back(dim.is_known() ? dim.size() : plan::kDimMax);
    range.axis_names.push_back(dim.is_symbol() ? program.symbols[static_cast<size_t>(dim.symbol_id())] : "");
  }
  return range;
}

int features(const platform::Isa& isa) { return isa.avx2 + isa.avx512 + isa.avx512_vnni + isa.avx512_fp16; }

Result<void> check_range(const plan::InputRange& range, const Shape& shape) {
  const std::string served = "; this plan serves " + text_of(range);
  if (shape.rank() != static_cast<int>(range.low.size()))
    return invalid("input '" + range.name + "' is " + to_string(shape) + ", of rank " + std::to_string(shape.rank()) + served);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!shape[axis].is_known()) return invalid("input '" + range.name + "' has an extent without a size");
    const auto a = static_cast<size_t>(axis);
    if (shape.size(axis) < range.low[a] || shape.size(axis) > range.high[a])
      return invalid("axis " + std::to_string(axis) +
                     (range.axis_names.empty() || range.axis_names[a].empty() ? "" : " (" + range.axis_names[a] + ")") +
                     " of input '" + range.name + "' is " + std::to_string(shape.size(axis)) + served +
                     ": compile the model with a wider --profile");
  }
  TRY(checked_elements(shape));
  return {};
}

}  // namespace

std::vector<plan::InputRange> ranges_of(const plan::Program& program) {
  if (!program.profile.empty()) return program.profile;
  std::vector<plan::InputRange> ranges;
  for (plan::ValueId id : program.main().inputs) ranges.push_back(declared_range(program, id));
  return ranges;
}

Result<void> check_shapes(std::span<const plan::InputRange> ranges, std::span<const Shape> shapes) {
  if (shapes.size() != ranges.size())
    return invalid(std::to_string(shapes.size()) + " inputs are given where the model has " + std::to_string(ranges.size()));
  for (size_t i = 0; i < ranges.size(); ++i) TRY(check_range(ranges[i], shapes[i]));
  // Few inputs of few axes: comparing all pairs is cheaper than a table, and allocates nothing.
  for (size_t i = 0; i < ranges.size(); ++i) {
    for (size_t axis = 0; axis < ranges[i].axis_names.size(); ++axis) {
      const std::string& name = ranges[i].axis_names[axis];
      for (size_t j = 0; j <= i && !name.empty(); ++j)
        for (size_t other = 0; other < (j == i ? axis : ranges[j].axis_names.size()); ++other)
          if (ranges[j].axis_names[other] == name &&
              shapes[i].size(static_cast<int>(axis)) != shapes[j].size(static_cast<int>(other)))
            return invalid("'" + name + "' is " + std::to_string(shapes[j].size(static_cast<int>(other))) + " in input '" +
                           ranges[j].name + "' and " + std::to_string(shapes[i].size(static_cast<int>(axis))) + " in input '" +
                           ranges[i].name + "'; they must be equal");
    }
  }
  return {};
}

const plan::Bucket* nearest_bucket(const plan::TunedSection& section, std::span<const Shape> shapes) {
  const auto covers = [&](const plan::Bucket& bucket) {
    if (bucket.input_shapes.size() != shapes.size()) return false;
    for (size_t i = 0; i < shapes.size(); ++i) {
      if (bucket.input_shapes[i].size() != static_cast<size_t>(shapes[i].rank())) return false;
      for (int axis = 0; axis < shapes[i].rank(); ++axis)
        if (bucket.input_shapes[i][static_cast<size_t>(axis)] < shapes[i].size(axis)) return false;
    }
    return true;
  };
  for (const plan::Bucket& bucket : section.buckets)
    if (covers(bucket)) return &bucket;
  return section.buckets.empty() ? nullptr : &section.buckets.back();
}

const plan::TunedSection* best_section(const plan::Program& program, const platform::Isa& host) {
  const plan::TunedSection* best = nullptr;
  for (const plan::TunedSection& section : program.tuned)
    if (host.covers(section.isa) && (!best || features(section.isa) > features(best->isa))) best = &section;
  return best;
}

std::string notice_of(const plan::Program& program, const plan::TunedSection* chosen, const platform::Isa& host) {
  const std::string here(platform::isa_name(host));
  const std::string cost = "every step runs by the first kernel that accepts it; compile the model here to tune it";
  if (program.tuned.empty()) return "the plan was not tuned: " + cost;
  if (!chosen) {
    std::string names;
    for (const plan::TunedSection& section : program.tuned)
      names += (names.empty() ? "" : ", ") + std::string(platform::isa_name(section.isa));
    return "tuned for " + names + ", this host has " + here + ": " + cost;
  }
  const auto unknown = std::count_if(chosen->tactic_names.begin(), chosen->tactic_names.end(),
                                     [](const std::string& name) { return !kernels::find_row(name); });
  if (unknown > 0)
    return std::to_string(unknown) + " of " + std::to_string(chosen->tactic_names.size()) +
           " tactics of the plan are not in this build: "
           "their steps run by the first kernel that accepts them; compile the model again to tune it";
  if (chosen->isa == host) return {};
  return "tuned for " + std::string(platform::isa_name(chosen->isa)) + ", this host has " + here +
         ": it runs as tuned; compile the model here to use what this host adds";
}

}  // namespace tercel::engine
