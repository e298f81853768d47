#include "planner/profile.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace tercel::planner {

namespace {

Error expected(std::string_view text, const std::string& what) {
  return invalid("profile '" + std::string(text) + "': " + what + "; write NAME=1..8x3x224x224");
}

Result<int64_t> parse_extent(std::string_view text, std::string_view whole) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > plan::kDimMax)
    return expected(whole, "'" + std::string(text) + "' is not an extent");
  return value;
}

Result<Range> parse_range(std::string_view text, std::string_view whole) {
  const size_t dots = text.find("..");
  Range range;
  range.low = TRY(parse_extent(text.substr(0, dots), whole));
  range.high = dots == std::string_view::npos ? range.low : TRY(parse_extent(text.substr(dots + 2), whole));
  if (range.low > range.high) return expected(whole, "the range '" + std::string(text) + "' is empty");
  return range;
}

Result<ProfileItem> parse_item(std::string_view text) {
  // An input's name may hold '=' (rarely), an extent never does.
  const size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) return expected(text, "the input's name is missing");
  ProfileItem item{std::string(text.substr(0, equals)), {}};
  std::string_view rest = text.substr(equals + 1);
  while (!rest.empty()) {
    const size_t x = rest.find('x');
    item.axes.push_back(TRY(parse_range(rest.substr(0, x), text)));
    if (item.axes.size() > kRankMax) return expected(text, "more than " + std::to_string(kRankMax) + " axes");
    if (x == std::string_view::npos) break;
    rest = rest.substr(x + 1);
    if (rest.empty()) return expected(text, "an extent is missing at the end");
  }
  return item;
}

const ProfileItem* find_item(const std::vector<ProfileItem>& items, const std::string& name) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const ProfileItem& item) { return item.input == name; });
  return found == items.end() ? nullptr : &*found;
}

Result<void> check_names(const graph::Graph& main, const std::vector<ProfileItem>& items) {
  for (const ProfileItem& item : items) {
    std::string names;
    bool found = false;
    for (graph::ValueId id : main.inputs) {
      found |= main.value(id).name == item.input;
      names += (names.empty() ? "" : ", ") + main.value(id).name;
    }
    if (!found) return invalid("profile: the model has no input '" + item.input + "'; its inputs are " + names);
  }
  return {};
}

// The range of one axis, from the model's extent and the user's item.
Result<Range> axis_range(const graph::Value& input, int axis, const ProfileItem* item) {
  const Dim declared = input.type.shape[axis];
  const Range asked = item ? item->axes[axis] : Range{1, plan::kDimMax};
  if (!declared.is_known()) return asked;
  if (item && (asked.low != declared.size() || asked.high != declared.size()))
    return invalid("profile: axis " + std::to_string(axis) + " of input '" + input.name + "' is fixed at " +
                   std::to_string(declared.size()) + " in the model");
  return Range{declared.size(), declared.size()};
}

Result<plan::InputRange> input_range(const graph::Model& model, const graph::Value& input, const ProfileItem* item) {
  const Shape& shape = input.type.shape;
  if (item && static_cast<int>(item->axes.size()) != shape.rank())
    return invalid("profile: input '" + input.name + "' has " + std::to_string(shape.rank()) + " axes (" + model.text(shape) +
                   "), the profile gives " + std::to_string(item->axes.size()));
  plan::InputRange range{input.name, input.type.dtype, {}, {}, {}};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Range r = TRY(axis_range(input, axis, item));
    range.low.push_back(r.low);
    range.high.push_back(r.high);
    range.axis_names.push_back(shape[axis].is_symbol() ? model.symbols[shape[axis].symbol_id()] : "");
  }
  return range;
}

// Axes of one symbol accept what all of them accept.
Result<void> unify_symbols(std::vector<plan::InputRange>& inputs) {
  std::map<std::string, Range> ranges;
  for (const auto& input : inputs)
    for (size_t a = 0; a < input.low.size(); ++a)
      if (!input.axis_names[a].empty()) {
        auto [it, fresh] = ranges.try_emplace(input.axis_names[a], Range{input.low[a], input.high[a]});
        if (!fresh) it->second = {std::max(it->second.low, input.low[a]), std::min(it->second.high, input.high[a])};
        if (it->second.low > it->second.high)
          return invalid("profile: the inputs that share the dimension '" + input.axis_names[a] + "' have no extent in common");
      }
  for (auto& input : inputs)
    for (size_t a = 0; a < input.low.size(); ++a)
      if (const auto it = ranges.find(input.axis_names[a]); !input.axis_names[a].empty() && it != ranges.end()) {
        input.low[a] = it->second.low;
        input.high[a] = it->second.high;
      }
  return {};
}

// A point between the ends of every range: fraction 0 is low, 1 is high, between them a power of two on the way.
BucketShapes bucket_at(const std::vector<plan::InputRange>& inputs, double fraction) {
  BucketShapes shapes;
  for (const auto& input : inputs) {
    Shape shape;
    for (size_t a = 0; a < input.low.size(); ++a) {
      const int64_t low = std::max<int64_t>(input.low[a], 1);
      // An open range is tuned at its low end only.
      const int64_t high = input.high[a] >= plan::kDimMax ? low : std::max(input.high[a], low);
      int64_t size = low;
      if (fraction >= 1) size = high;
      else
        while (size < high && size * 2 <= high && static_cast<double>(size) < static_cast<double>(high) * fraction) size *= 2;
      shape.push_back(input.low[a] == input.high[a] ? Dim(input.low[a]) : Dim(size));
    }
    shapes.push_back(shape);
  }
  return shapes;
}

std::vector<BucketShapes> choose_buckets(const std::vector<plan::InputRange>& inputs) {
  std::vector<BucketShapes> buckets;
  for (double fraction : {0.0, 0.1, 0.4, 1.0}) {
    BucketShapes shapes = bucket_at(inputs, fraction);
    if (std::find(buckets.begin(), buckets.end(), shapes) == buckets.end()) buckets.push_back(std::move(shapes));
  }
  return buckets;
}

Result<BucketShapes> given_bucket(const std::vector<plan::InputRange>& inputs, const std::vector<ProfileItem>& items) {
  BucketShapes shapes = bucket_at(inputs, 0);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ProfileItem* item = find_item(items, inputs[i].name);
    if (!item) continue;
    if (item->axes.size() != inputs[i].low.size()) return invalid("bucket: input '" + inputs[i].name + "' has another rank");
    for (size_t a = 0; a < item->axes.size(); ++a) {
      const Range r = item->axes[a];
      if (r.low != r.high || r.low < inputs[i].low[a] || r.low > inputs[i].high[a])
        return invalid("bucket: axis " + std::to_string(a) + " of input '" + inputs[i].name +
                       "' must be one extent inside the profile's range");
      shapes[i][static_cast<int>(a)] = Dim(r.low);
    }
  }
  return shapes;
}

}  // namespace

Result<std::vector<ProfileItem>> parse_profile(std::string_view text) {
  std::vector<ProfileItem> items;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    items.push_back(TRY(parse_item(text.substr(0, comma))));
    if (comma == std::string_view::npos) break;
    text = text.substr(comma + 1);
  }
  return items;
}

Result<Profile> make_profile(const graph::Model& model, const std::vector<ProfileItem>& items,
                             const std::vector<std::vector<ProfileItem>>& given_buckets) {
  const graph::Graph& main = model.main();
  TRY(check_names(main, items));
  for (const auto& bucket : given_buckets) TRY(check_names(main, bucket));
  Profile profile;
  for (graph::ValueId id : main.inputs)
    profile.inputs.push_back(TRY(input_range(model, main.value(id), find_item(items, main.value(id).name))));
  TRY(unify_symbols(profile.inputs));
  for (const auto& bucket : given_buckets) profile.buckets.push_back(TRY(given_bucket(profile.inputs, bucket)));
  if (given_buckets.empty()) profile.buckets = choose_buckets(profile.inputs);
  return profile;
}

}  // namespace tercel::planner
